//! Counts allocations while told to.
//!
//! A benchmark declares `#[global_allocator] static ALLOCATOR: Counting = Counting::new();`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// The system's allocator, with a count.
#[derive(Debug, Default)]
pub struct Counting {
    is_on: AtomicBool,
    count: AtomicU64,
}

impl Counting {
    /// An allocator that does not count yet.
    pub const fn new() -> Self {
        Self { is_on: AtomicBool::new(false), count: AtomicU64::new(0) }
    }

    /// Allocations counted so far; buffers that grew or moved count as well.
    pub fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }

    /// Counts from now on, or no longer. Whatever thread allocates, it counts.
    pub fn set_counting(&self, is_on: bool) {
        self.is_on.store(is_on, Relaxed);
    }

    /// Counts during `what`.
    pub fn counting<T>(&self, what: impl FnOnce() -> T) -> T {
        self.set_counting(true);
        let result = what();
        self.set_counting(false);
        result
    }

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
