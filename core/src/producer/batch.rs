//! The life of one batch: records of one partition that travel, succeed or fail together.
//!
//! ```text
//!                no room for a record
//!    Filling ───────────────────────────► Full
//!       │                                   │
//!       └────────────── drained ────────────┤
//!                                           ▼     answer: try again
//!                                        InFlight ─────────────────► Retrying
//!                                           │  ▲                        │
//!                                 deadline  │  └─────── drained ────────┘
//!                                           ▼
//!                                       Abandoned   failed to the application; its request is still out, and its
//!                                           │       memory with it, until an answer or the connection's end
//!                                           ▼
//!    every state ── fate met, nothing out ─► Done
//! ```
//!
//! A batch of many records that its broker finds too large is split: it is over without a fate, and its parts, which are
//! born `Full` and never tried, meet theirs.

mod split;

use bytes::{Bytes, BytesMut};

use crate::codecs::Codecs;
use crate::ids::{BatchId, TopicId};
use crate::record_batch::{BatchBuilder, Closed, Stamp, restamp};
use crate::time::Instant;

use super::topics::PartitionRef;
pub(super) use split::Part;

/// After so many a new leader is no reason any more to go without a pause: brokers that name each other in ever newer epochs
/// would be asked as fast as they answer. The Java client always believes the next one.
const MOST_LEADERS_WITHOUT_A_PAUSE: u32 = 10;

/// Where a batch stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BatchState {
    /// Takes records.
    Filling,
    /// Takes no more, and was never sent.
    Full,
    /// In a request without an answer.
    InFlight,
    /// Back in the queue for another attempt.
    Retrying,
    /// Given up while its request is still out.
    Abandoned,
    /// Over.
    Done,
}

/// What happens to a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BatchSignal {
    /// A record did not fit.
    NoRoom,
    /// It goes into a request.
    Drained,
    /// Its request failed in a way that allows another attempt.
    TryAgain,
    /// It was failed to the application while its request is out.
    GivenUp,
    /// It met its fate and nothing of it is out any more.
    Settled,
}

/// A signal that a batch in this state cannot get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IllegalTransition {
    pub(super) state: BatchState,
    pub(super) signal: BatchSignal,
}

impl BatchState {
    /// The only place where a batch changes state.
    pub(super) fn after(self, signal: BatchSignal) -> Result<Self, IllegalTransition> {
        use {BatchSignal as Signal, BatchState as State};
        Ok(match (self, signal) {
            (State::Filling | State::Full, Signal::NoRoom) => State::Full,
            (State::Filling | State::Full | State::Retrying, Signal::Drained) => State::InFlight,
            (State::InFlight, Signal::TryAgain) => State::Retrying,
            (State::InFlight, Signal::GivenUp) => State::Abandoned,
            (State::Filling | State::Full | State::InFlight | State::Retrying | State::Abandoned, Signal::Settled) => {
                State::Done
            }
            (state, signal) => return Err(IllegalTransition { state, signal }),
        })
    }
}

/// The records: still being written, or closed and shared with requests.
#[derive(Clone, Debug)]
enum Content {
    Open(BatchBuilder),
    Closed(Bytes),
    /// Only while the one becomes the other.
    Moving,
}

/// One batch.
#[derive(Clone, Debug)]
pub(super) struct ProducerBatch {
    pub(super) id: BatchId,
    /// The batch whose records these are: itself, or the one it was split from. Records keep that batch's name.
    pub(super) root: BatchId,
    /// Place of its first record in [`root`](Self::root).
    pub(super) root_index: u32,
    pub(super) partition: PartitionRef,
    state: BatchState,
    content: Content,
    /// The stamp its closed bytes carry.
    stamped: Option<Stamp>,
    /// Bytes of `buffer.memory` it holds; the parts of a split one hold none.
    pub(super) memory: u64,
    /// The delivery timeout counts from here, also for a batch that was sent again or split.
    pub(super) created_at: Instant,
    /// Linger and back-off count from here.
    pub(super) last_attempt_at: Instant,
    /// End of its back-off, when it is sent again.
    pub(super) backoff_until: Option<Instant>,
    /// How often it was put back for another attempt.
    pub(super) attempts: u32,
    /// How often it went into a request.
    pub(super) sent: u32,
    /// The id its topic had when it last went into a request: what comes back in a version with ids is about this one,
    /// whichever id the topic has by then.
    pub(super) sent_to: TopicId,
    /// Is it in flight for the books alone? Its request could not be built, so no answer will come
    /// (`ProduceRequest.validateRecords`).
    pub(super) is_stranded: bool,
    pub(super) record_count: u32,
    /// Id, epoch and sequence given to it; kept over retries, for another one could be appended beside a first
    /// attempt that arrived after all.
    pub(super) stamp: Option<Stamp>,
    /// Were its sequences renumbered for a new epoch since it was last sent? What is answered then concerns the old ones.
    pub(super) sequence_was_reset: bool,
    /// Was it handed to a connection by a request that was not definitely refused?
    pub(super) possibly_persisted: bool,
    /// Leader epoch last seen, and the attempt at which it was first seen (KIP-951).
    leader_epoch: Option<i32>,
    attempts_at_leader_change: Option<u32>,
    /// How often it was first seen after an attempt.
    leader_changes: u32,
    /// Upper bound of its largest record's size.
    pub(super) largest_record: usize,
    /// Bytes of its records over those they took uncompressed; 1 until it is compressed.
    pub(super) compression_ratio: f32,
    /// What its size counted as before it was compressed, if it was.
    estimated_bytes: Option<usize>,
}

impl ProducerBatch {
    pub(super) fn open(id: BatchId, partition: PartitionRef, builder: BatchBuilder, memory: u64, now: Instant) -> Self {
        Self {
            id,
            root: id,
            root_index: 0,
            partition,
            state: BatchState::Filling,
            content: Content::Open(builder),
            stamped: None,
            memory,
            created_at: now,
            last_attempt_at: now,
            backoff_until: None,
            attempts: 0,
            sent: 0,
            sent_to: TopicId::default(),
            is_stranded: false,
            record_count: 0,
            stamp: None,
            sequence_was_reset: false,
            possibly_persisted: false,
            leader_epoch: None,
            attempts_at_leader_change: None,
            leader_changes: 0,
            largest_record: 0,
            compression_ratio: 1.0,
            estimated_bytes: None,
        }
    }

    pub(super) fn state(&self) -> BatchState {
        self.state
    }

    /// Takes a signal. An illegal one is a mistake of ours, never a peer's: it changes nothing.
    pub(super) fn on(&mut self, signal: BatchSignal) {
        match self.state.after(signal) {
            Ok(state) => self.state = state,
            Err(illegal) => debug_assert!(false, "{illegal:?} of {:?}", self.id),
        }
    }

    /// The builder, while records may be written.
    #[inline]
    pub(super) fn builder(&mut self) -> Option<&mut BatchBuilder> {
        match (&mut self.content, self.state) {
            (Content::Open(builder), BatchState::Filling) => Some(builder),
            _ => None,
        }
    }

    /// Bytes so far, header included. Once renumbered, be it to the numbers it had, it counts as it did before it was
    /// compressed until it leaves again (`MemoryRecordsBuilder.reopenAndRewriteProducerState`).
    pub(super) fn size_bytes(&self) -> usize {
        match &self.content {
            Content::Open(builder) => builder.size_bytes(),
            Content::Closed(bytes) if !self.sequence_was_reset => bytes.len(),
            Content::Closed(bytes) => self.estimated_bytes.unwrap_or(bytes.len()),
            Content::Moving => 0,
        }
    }

    /// Its limit in bytes, while it is not closed; then its size.
    pub(super) fn capacity(&self) -> usize {
        match &self.content {
            Content::Open(builder) => builder.write_limit(),
            Content::Closed(_) | Content::Moving => self.size_bytes(),
        }
    }

    /// Is there nothing more to wait for?
    pub(super) fn is_full(&self) -> bool {
        match &self.content {
            Content::Open(builder) => self.state != BatchState::Filling || builder.is_full(),
            Content::Closed(_) | Content::Moving => true,
        }
    }

    /// A record did not fit: no other is tried.
    pub(super) fn close_for_appends(&mut self) {
        if let Content::Open(builder) = &mut self.content {
            builder.close_for_appends();
        }
        if self.state == BatchState::Filling {
            self.on(BatchSignal::NoRoom);
        }
    }

    /// Compresses its records, if no more are taken and that is still to be done. Gives the buffer back in which they were
    /// written.
    pub(super) fn compress(&mut self, codecs: &dyn Codecs) -> Option<BytesMut> {
        match &mut self.content {
            Content::Open(builder) if self.state == BatchState::Full => builder.compress(codecs),
            _ => None,
        }
    }

    /// Closes an open batch whose records are compressed, or are to be. Gives the buffer back in which they were written.
    pub(super) fn close_compressed(&mut self, codecs: &dyn Codecs) -> Option<BytesMut> {
        let stamp = self.stamp.unwrap_or(Stamp::PLAIN);
        match core::mem::replace(&mut self.content, Content::Moving) {
            Content::Open(builder) => {
                self.estimated_bytes = Some(builder.size_bytes());
                let Closed { bytes, spare, ratio } = builder.close_with(stamp, codecs);
                self.compression_ratio = ratio;
                self.stamped = Some(stamp);
                self.content = Content::Closed(bytes);
                spare
            }
            other => {
                self.content = other;
                None
            }
        }
    }

    /// The bytes to send, under the stamp it has now: closed on the first call, stamped anew when the stamp changed.
    pub(super) fn close(&mut self) -> Bytes {
        let stamp = self.stamp.unwrap_or(Stamp::PLAIN);
        let closed = match core::mem::replace(&mut self.content, Content::Moving) {
            Content::Open(builder) => builder.close(stamp),
            Content::Closed(bytes) if self.stamped == Some(stamp) => bytes,
            Content::Closed(bytes) => restamp(bytes, stamp),
            Content::Moving => Bytes::new(),
        };
        self.stamped = Some(stamp);
        self.content = Content::Closed(closed.clone());
        closed
    }

    /// Bytes that its records take here.
    #[cfg(all(test, feature = "compression"))]
    pub(super) fn held_bytes(&self) -> usize {
        match &self.content {
            Content::Open(builder) => builder.held_bytes(),
            Content::Closed(bytes) => bytes.len(),
            Content::Moving => 0,
        }
    }

    /// Gives its closed bytes away, when it is over.
    pub(super) fn into_bytes(self) -> Bytes {
        match self.content {
            Content::Open(builder) => builder.into_buffer().freeze(),
            Content::Closed(bytes) => bytes,
            Content::Moving => Bytes::new(),
        }
    }

    /// Notes the leader epoch metadata knows now (`maybeUpdateLeaderEpoch`).
    pub(super) fn on_leader_epoch(&mut self, epoch: Option<i32>) {
        if let Some(epoch) = epoch
            && self.leader_epoch.is_none_or(|known| known < epoch)
        {
            self.leader_epoch = Some(epoch);
            self.attempts_at_leader_change = Some(self.attempts);
            self.leader_changes += u32::from(self.attempts > 0);
        }
    }

    /// Leader epoch last seen, and the attempt before which it was first seen.
    #[cfg(test)]
    pub(super) fn known_leader(&self) -> (Option<i32>, Option<u32>) {
        (self.leader_epoch, self.attempts_at_leader_change)
    }

    /// Must it wait before it is sent again? Not when a new leader appeared since the last attempt, as long as that is not
    /// all that ever happens.
    pub(super) fn is_backing_off(&self, now: Instant) -> bool {
        let leader_changed = self.attempts_at_leader_change == Some(self.attempts)
            && self.leader_changes <= MOST_LEADERS_WITHOUT_A_PAUSE;
        self.attempts > 0 && !leader_changed && self.backoff_until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::super::topics::TopicIndex;
    use super::*;
    use bytes::BytesMut;

    fn a_batch() -> ProducerBatch {
        let partition = PartitionRef { topic: TopicIndex(0), partition: 0 };
        let mut builder = BatchBuilder::new(BytesMut::new(), 1_000);
        builder.try_append(1_700_000_000_000, None, Some(b"hello"), &[]).expect("a first record fits");
        ProducerBatch::open(BatchId(1), partition, builder, 1_000, Instant::ZERO)
    }

    #[test]
    fn a_batch_that_is_retried_goes_round_until_it_meets_its_fate() {
        use {BatchSignal as Signal, BatchState as State};
        let path = [Signal::Drained, Signal::TryAgain, Signal::Drained, Signal::GivenUp, Signal::Settled];
        let states: Vec<_> = path
            .into_iter()
            .scan(State::Filling, |state, signal| {
                *state = state.after(signal).expect("legal");
                Some(*state)
            })
            .collect();
        assert_eq!(states, [State::InFlight, State::Retrying, State::InFlight, State::Abandoned, State::Done]);
    }

    #[test]
    fn what_is_over_or_abandoned_is_not_sent_again() {
        use {BatchSignal as Signal, BatchState as State};
        for (state, signal) in [
            (State::Done, Signal::Drained),
            (State::Done, Signal::Settled),
            (State::Abandoned, Signal::TryAgain),
            (State::InFlight, Signal::Drained),
            (State::Filling, Signal::TryAgain),
        ] {
            assert_eq!(state.after(signal), Err(IllegalTransition { state, signal }));
        }
    }

    #[test]
    fn closing_twice_gives_the_same_bytes_and_another_stamp_gives_others() {
        let mut batch = a_batch();
        let first = batch.close();
        assert_eq!(batch.close().as_ptr(), first.as_ptr(), "shared, not copied");
        let identity = Some(crate::ids::ProducerIdentity { id: 4, epoch: 0 });
        batch.stamp = Some(Stamp { identity, base_sequence: 9, transactional: false });
        assert_ne!(batch.close(), first);
        assert!(batch.builder().is_none() && batch.is_full());
    }

    /// Mirrors `ProducerBatchTest.testWithLeaderChangesAcrossRetries`: the first leader is no change; a later epoch
    /// before a retry is one for that retry and not for the next; an older or unknown epoch changes nothing.
    #[test]
    fn a_leader_counts_as_new_for_the_attempt_before_which_it_appeared() {
        let early = Instant::ZERO;
        let mut batch = a_batch();
        batch.backoff_until = Some(Instant::from_millis(100));
        let known = ProducerBatch::known_leader;
        assert_eq!(known(&batch), (None, None));
        batch.on_leader_epoch(None);
        assert_eq!(known(&batch), (None, None));

        batch.on_leader_epoch(Some(100));
        assert_eq!(known(&batch), (Some(100), Some(0)));

        batch.attempts = 1;
        assert!(batch.is_backing_off(early), "the leader is the one before");
        for _ in 0..2 {
            batch.on_leader_epoch(Some(101));
            assert_eq!(known(&batch), (Some(101), Some(1)));
            assert!(!batch.is_backing_off(early), "the first retry goes to a new leader");
        }

        batch.attempts = 2;
        for epoch in [Some(101), Some(100), None] {
            batch.on_leader_epoch(epoch);
            assert_eq!(known(&batch), (Some(101), Some(1)), "{epoch:?} is no news");
            assert!(batch.is_backing_off(early));
        }
    }

    #[test]
    fn a_new_leader_ends_the_backoff() {
        let mut batch = a_batch();
        batch.on_leader_epoch(Some(3));
        batch.attempts = 1;
        batch.backoff_until = Some(Instant::from_millis(100));
        batch.on_leader_epoch(Some(3));
        assert!(batch.is_backing_off(Instant::from_millis(99)));
        assert!(!batch.is_backing_off(Instant::from_millis(100)));
        batch.on_leader_epoch(Some(4));
        assert!(!batch.is_backing_off(Instant::from_millis(1)));
        batch.attempts = 2;
        assert!(batch.is_backing_off(Instant::from_millis(1)), "the leader changed for the attempt before");
    }
}
