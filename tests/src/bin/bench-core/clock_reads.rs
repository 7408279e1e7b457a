//! Counts reads of the clock while told to: every one that this process makes, by standing where the C library's own
//! function is looked for.

use std::ffi::c_int;
use std::mem::transmute;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Instant;

type ClockGettime = unsafe extern "C" fn(libc::clockid_t, *mut libc::timespec) -> c_int;

static IS_ON: AtomicBool = AtomicBool::new(false);
static COUNT: AtomicU64 = AtomicU64::new(0);
static REAL: OnceLock<Option<ClockGettime>> = OnceLock::new();

/// Reads counted so far.
pub(crate) fn count() -> u64 {
    COUNT.load(Relaxed)
}

/// Counts during `what`.
pub(crate) fn counting<T>(what: impl FnOnce() -> T) -> T {
    IS_ON.store(true, Relaxed);
    let result = what();
    IS_ON.store(false, Relaxed);
    result
}

/// Is a read counted when there is one? Not where the clock is read by another function than on Linux.
pub(crate) fn counts() -> bool {
    let before = count();
    counting(|| [Instant::now(), Instant::now()]);
    count() == before + 2
}

#[expect(unsafe_code, reason = "only a symbol of the C library's name sees every read")]
// SAFETY: the linker takes the program's own definition first; it hands the call on as it came.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> c_int {
    if IS_ON.load(Relaxed) {
        COUNT.fetch_add(1, Relaxed);
    }
    let real = REAL.get_or_init(|| {
        // SAFETY: the name ends with a zero; what is found has this signature.
        unsafe {
            let found = libc::dlsym(libc::RTLD_NEXT, c"clock_gettime".as_ptr());
            (!found.is_null()).then(|| transmute::<*mut libc::c_void, ClockGettime>(found))
        }
    });
    match real {
        // SAFETY: as for the caller.
        Some(real) => unsafe { real(clock, time) },
        None => -1,
    }
}
