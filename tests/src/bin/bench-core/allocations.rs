//! Counts allocations while told to.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

#[global_allocator]
static ALLOCATOR: Counting = Counting { is_on: AtomicBool::new(false), count: AtomicU64::new(0) };

/// The system's allocator, with a count.
struct Counting {
    is_on: AtomicBool,
    count: AtomicU64,
}

/// Allocations counted so far; buffers that grew or moved count as well.
pub(crate) fn count() -> u64 {
    ALLOCATOR.count.load(Relaxed)
}

/// Counts during `what`.
pub(crate) fn counting<T>(what: impl FnOnce() -> T) -> T {
    ALLOCATOR.is_on.store(true, Relaxed);
    let result = what();
    ALLOCATOR.is_on.store(false, Relaxed);
    result
}

impl Counting {
    /// While the clock runs this is one load and one branch. The crates that count always do so, which would slow down
    /// the side that allocates.
    fn note(&self) {
        if self.is_on.load(Relaxed) {
            self.count.fetch_add(1, Relaxed);
        }
    }
}

#[expect(unsafe_code, reason = "an allocator is unsafe by its trait; this one hands everything on as it came")]
// SAFETY: the system's allocator keeps the contract, and gets every call unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.note();
        // SAFETY: as for the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.note();
        // SAFETY: as for the caller.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        self.note();
        // SAFETY: as for the caller.
        unsafe { System.realloc(block, layout, new_size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as for the caller.
        unsafe { System.dealloc(block, layout) }
    }
}
