//! `buffer.memory` as a counted budget, with the buffers that go round and the sends that wait (`BufferPool`).

use std::collections::VecDeque;

use bytes::BytesMut;

/// Room set aside at once for a batch; a larger batch grows into its size.
const LARGEST_FIRST_ALLOCATION: usize = 1024 * 1024;

/// A place in the queue for memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MemoryTicket(u64);

#[derive(Clone, Debug)]
struct Waiting {
    ticket: MemoryTicket,
    needed: u64,
    /// Gathered so far; counts as used.
    held: u64,
}

/// The budget. Bytes are counted per batch, at the size its buffer may reach.
#[derive(Debug)]
pub(super) struct Memory {
    total: u64,
    used: u64,
    poolable: usize,
    free: Vec<BytesMut>,
    /// What the free buffers take. Those that held records to be compressed may be larger than what was counted for them.
    free_bytes: u64,
    waiting: VecDeque<Waiting>,
    next_ticket: u64,
}

impl Memory {
    /// A budget of `total` bytes whose buffers of `poolable` bytes (`batch.size`) are used again.
    pub(super) fn new(total: u64, poolable: usize) -> Self {
        Self { total, used: 0, poolable, free: Vec::new(), free_bytes: 0, waiting: VecDeque::new(), next_ticket: 0 }
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    pub(super) fn used(&self) -> u64 {
        self.used
    }

    pub(super) fn available(&self) -> u64 {
        self.total - self.used
    }

    /// Sends that wait.
    #[cfg(feature = "metrics")]
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Does a send wait that has not been given its bytes yet? Then everything is sendable.
    pub(super) fn is_exhausted(&self) -> bool {
        self.waiting.back().is_some_and(|last| last.held < last.needed)
    }

    /// Takes `bytes`, if they are there or have been gathered for this ticket. A newcomer may overtake those who wait
    /// when the rest suffices for it. Without enough, the ticket to come back with: who begins to wait gathers nothing yet of
    /// what is there, but from the next change on (`BufferPool.allocate`).
    pub(super) fn take(&mut self, bytes: u64, ticket: Option<MemoryTicket>) -> Result<(), MemoryTicket> {
        if let Some(ticket) = ticket
            && let Some(place) = self.place_of(ticket)
        {
            return if self.waiting[place].held >= bytes {
                let surplus = self.waiting[place].held - bytes;
                self.waiting.remove(place);
                self.used -= surplus;
                Ok(())
            } else {
                Err(ticket)
            };
        }
        if bytes <= self.available() {
            self.used += bytes;
            // What is left is too little for whoever waits longest.
            self.serve();
            return Ok(());
        }
        let ticket = MemoryTicket(self.next_ticket);
        self.next_ticket += 1;
        self.waiting.push_back(Waiting { ticket, needed: bytes, held: 0 });
        Err(ticket)
    }

    /// Has whoever holds this ticket all it needs?
    pub(super) fn is_gathered(&self, ticket: MemoryTicket) -> bool {
        self.place_of(ticket).is_some_and(|place| self.waiting[place].held >= self.waiting[place].needed)
    }

    /// Gives bytes back. Says whether a send that waits has its bytes now.
    pub(super) fn release(&mut self, bytes: u64) -> bool {
        self.used -= bytes;
        self.serve()
    }

    /// Leaves the queue; what was gathered goes on to the next. Says whether another send has its bytes now.
    pub(super) fn abandon(&mut self, ticket: MemoryTicket) -> bool {
        let Some(place) = self.place_of(ticket) else { return false };
        let held = self.waiting.remove(place).map_or(0, |waiting| waiting.held);
        self.release(held)
    }

    /// A buffer for a batch of `size` bytes whose bytes have been taken.
    pub(super) fn buffer(&mut self, size: usize) -> BytesMut {
        let reused = if size == self.poolable { self.free.pop() } else { None };
        self.free_bytes -= reused.as_ref().map_or(0, |buffer| buffer.capacity() as u64);
        reused.unwrap_or_else(|| BytesMut::with_capacity(size.min(LARGEST_FIRST_ALLOCATION)))
    }

    /// Keeps the buffer of a batch that was counted with so many bytes for the next one, if it is of the pooled size and
    /// worth keeping.
    pub(super) fn recycle(&mut self, buffer: BytesMut, counted: u64) {
        let kept = self.free_bytes + buffer.capacity() as u64;
        let is_pooled = counted == self.poolable as u64;
        // What is kept and what is in use stay within the limit together, where this one counts no longer.
        let fits = self.used + kept <= self.total + counted;
        if is_pooled && buffer.capacity() >= self.poolable.min(LARGEST_FIRST_ALLOCATION) && fits {
            self.free_bytes = kept;
            self.free.push(buffer);
        }
    }

    /// Freed bytes go to whoever waits longest, and to the next only when that one has all it needs.
    fn serve(&mut self) -> bool {
        let mut anybody = false;
        for waiting in &mut self.waiting {
            let missing = waiting.needed - waiting.held;
            let given = missing.min(self.total - self.used);
            waiting.held += given;
            self.used += given;
            if waiting.held < waiting.needed {
                break;
            }
            anybody |= missing > 0;
        }
        anybody
    }

    fn place_of(&self, ticket: MemoryTicket) -> Option<usize> {
        self.waiting.iter().position(|waiting| waiting.ticket == ticket)
    }
}

impl Clone for Memory {
    /// The same account without the free buffers: they hold nothing, and copying them could cost all of `buffer.memory`.
    fn clone(&self) -> Self {
        Self { free: Vec::new(), free_bytes: 0, waiting: self.waiting.clone(), ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record_batch::{BATCH_OVERHEAD, BatchBuilder};
    use crate::rng::{Purpose, Rng};

    /// What is neither in use nor in a free buffer.
    fn unallocated(memory: &Memory) -> u64 {
        memory.available() - memory.free_bytes
    }

    /// Takes and gives back as a batch of this size does; looks at the account meanwhile.
    fn round(memory: &mut Memory, size: usize, between: impl FnOnce(&Memory)) {
        assert_eq!(memory.take(size as u64, None), Ok(()));
        let mut batch = BatchBuilder::new(memory.buffer(size), size);
        assert_eq!((batch.count(), batch.size_bytes(), batch.write_limit()), (0, BATCH_OVERHEAD, size), "it is empty");
        batch.try_append(0, None, Some(b"left behind"), &[]).expect("a first record fits");
        between(memory);
        let buffer = batch.into_buffer();
        assert!(buffer.capacity() >= size);
        memory.recycle(buffer, size as u64);
        memory.release(size as u64);
    }

    /// Mirrors `BufferPoolTest.testSimple`: taking a buffer lowers the memory that is available, giving it back
    /// restores that and leaves one buffer of the pooled size on the free list, which is used again and empty then; a
    /// buffer of another size is not kept.
    #[test]
    fn memory_goes_down_and_up_and_a_buffer_of_the_pooled_size_stays() {
        let (total, size) = (64 * 1024, 1024);
        let mut memory = Memory::new(total, size);
        let less = total - size as u64;
        round(&mut memory, size, |memory| assert_eq!((memory.available(), unallocated(memory)), (less, less)));
        assert_eq!((memory.available(), unallocated(&memory)), (total, less), "one is on the free list");
        round(&mut memory, size, |memory| assert_eq!(unallocated(memory), less, "it came from there"));
        assert_eq!((memory.available(), unallocated(&memory)), (total, less), "still a single one");
        round(&mut memory, 2 * size, |_| {});
        assert_eq!((memory.available(), unallocated(&memory)), (total, less), "another size is not kept");
    }

    /// Mirrors `BufferPoolTest.testDelayedAllocation`: an allocation of all the memory waits while 1024 bytes are in
    /// use, and succeeds when they are given back.
    #[test]
    fn whoever_needs_everything_waits_for_the_last_byte() {
        let mut memory = Memory::new(5 * 1024, 1024);
        assert_eq!(memory.take(1024, None), Ok(()));
        let all = memory.take(5 * 1024, None).expect_err("1024 are in use");
        assert_eq!(memory.take(5 * 1024, Some(all)), Err(all));
        assert!(memory.release(1024), "now it has all");
        assert_eq!(memory.take(5 * 1024, Some(all)), Ok(()));
    }

    /// Mirrors `BufferPoolTest.testCleanupMemoryAvailabilityWaiterOnInterruption`: two that wait have places of their
    /// own in the queue, and when both give up (as an interrupted thread does) it is empty.
    #[test]
    fn two_that_give_up_leave_nobody_waiting() {
        let mut memory = Memory::new(2, 1);
        assert_eq!(memory.take(1, None), Ok(()));
        let waiting = [(), ()].map(|()| memory.take(2, None).expect_err("1 is in use"));
        assert_ne!(waiting[0], waiting[1]);
        for ticket in waiting {
            memory.abandon(ticket);
        }
        assert!(memory.waiting.is_empty());
        assert_eq!(memory.available(), 1);
    }

    /// Mirrors `BufferPoolTest.testLargeAvailableMemory`: of 20 000 000 000 bytes, what is taken and given back in
    /// pieces of 2 000 000 000 is counted exactly.
    #[test]
    fn more_than_fits_into_32_bits_is_counted() {
        let each = 2_000_000_000;
        let mut memory = Memory::new(20_000_000_000, each);
        for left in [18_000_000_000, 16_000_000_000] {
            assert_eq!(memory.take(each as u64, None), Ok(()));
            assert_eq!(memory.available(), left);
        }
        for left in [18_000_000_000, 20_000_000_000] {
            memory.release(each as u64);
            assert_eq!(memory.available(), left);
        }
    }

    /// Mirrors `BufferPoolTest.testStressfulSituation`: ten that take and give back the pooled size or a random one,
    /// thousands of times each, all come to an end, and all memory is available then.
    #[test]
    fn ten_that_take_and_give_back_at_random_all_get_what_they_need() {
        // Each asks again and again, for the pooled size or any other, and there is room for five of the pooled size.
        let (rounds, poolable) = (5_000, 1024);
        let total = 5 * poolable;
        let mut memory = Memory::new(total, 1024);
        let mut rng = Rng::stream(5, Purpose::Partitioner);
        // (what it needs, its ticket while it waits, rounds left); no need: it has nothing.
        let mut those: Vec<(u64, Option<MemoryTicket>, u32, bool)> = vec![(0, None, rounds, false); 10];
        while those.iter().any(|&(.., left, has)| left > 0 || has) {
            let one = usize::try_from(rng.below(10)).expect("small");
            let (needed, ticket, left, has) = &mut those[one];
            if *has {
                memory.release(*needed);
                *has = false;
                continue;
            }
            if ticket.is_none() {
                if *left == 0 {
                    continue;
                }
                *left -= 1;
                *needed = if rng.below(2) == 0 { poolable } else { rng.below(total) };
            }
            match memory.take(*needed, *ticket) {
                Ok(()) => (*ticket, *has) = (None, true),
                Err(wait) => *ticket = Some(wait),
            }
            assert!(memory.used() <= total);
        }
        assert_eq!(memory.available(), total);
    }

    #[test]
    fn a_clone_has_the_account_and_not_the_free_buffers() {
        let mut memory = Memory::new(32, 16);
        assert_eq!(memory.take(32, None), Ok(()));
        let ticket = memory.take(16, None).expect_err("nothing left");
        memory.recycle(BytesMut::with_capacity(16), 16);
        let mut fork = memory.clone();
        assert_eq!((fork.free.len(), memory.free.len()), (0, 1));
        assert!(fork.is_exhausted() && fork.release(16));
        assert_eq!((fork.take(16, Some(ticket)), fork.used()), (Ok(()), 32));
        assert_eq!(fork.buffer(16).capacity(), 16, "made when it is needed");
    }

    #[test]
    fn those_who_wait_are_served_in_order_and_gather_what_is_freed() {
        // Flow: 100 of 100 taken → A wants 60, B wants 30 → 40 freed (A gathers) → 20 freed (A has all) → 30 freed (B).
        let mut memory = Memory::new(100, 10);
        assert_eq!(memory.take(100, None), Ok(()));
        let a = memory.take(60, None).expect_err("nothing left");
        let b = memory.take(30, None).expect_err("nothing left");
        assert!(!memory.release(40));
        assert_eq!(memory.take(30, Some(b)), Err(b), "B waits behind A although 30 would do");
        assert!(memory.release(20));
        assert!(memory.is_exhausted(), "B still waits");
        assert!(memory.release(30));
        assert!(!memory.is_exhausted());
        assert_eq!((memory.take(30, Some(b)), memory.take(60, Some(a))), (Ok(()), Ok(())));
        assert_eq!(memory.used(), 100);
    }

    #[test]
    fn a_small_newcomer_may_overtake() {
        let mut memory = Memory::new(100, 10);
        assert_eq!(memory.take(95, None), Ok(()));
        let big = memory.take(50, None).expect_err("only 5 left");
        assert_eq!(memory.available(), 5, "the one who waits has gathered nothing yet");
        assert_eq!(memory.take(3, None), Ok(()));
        assert_eq!(memory.available(), 0, "now it holds the rest");
        assert!(!memory.release(10));
        assert!(memory.release(40));
        assert_eq!(memory.take(2, None), Ok(()), "2 were left over");
        assert_eq!(memory.take(50, Some(big)), Ok(()));
    }

    #[test]
    fn one_who_gives_up_hands_its_bytes_on() {
        let mut memory = Memory::new(100, 10);
        assert_eq!(memory.take(80, None), Ok(()));
        let a = memory.take(50, None).expect_err("20 left");
        let b = memory.take(25, None).expect_err("20 left");
        assert!(!memory.release(5), "A holds 25");
        assert!(memory.abandon(a));
        assert_eq!(memory.take(25, Some(b)), Ok(()));
        assert_eq!(memory.used(), 100);
        assert!(!memory.abandon(a), "twice does no harm");
    }

    #[test]
    fn buffers_of_the_pooled_size_go_round() {
        let mut memory = Memory::new(32, 16);
        let buffer = memory.buffer(16);
        let address = buffer.as_ptr();
        memory.recycle(buffer, 16);
        assert_eq!(memory.buffer(16).as_ptr(), address);
        memory.recycle(BytesMut::with_capacity(3), 16);
        assert!(memory.buffer(16).capacity() >= 16, "a buffer too small is not kept");
    }
}
