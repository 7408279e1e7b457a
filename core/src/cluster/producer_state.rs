//! What a partition remembers of each producer, to recognise duplicates and gaps (`ProducerStateEntry`,
//! `ProducerAppendInfo`).
//!
//! *Models*: epoch, last five batches and open transaction per producer id. *Leaves out*: forgetting an idle id after a
//! day (`producer.id.expiration.ms`).

use std::collections::{BTreeMap, VecDeque};

use crate::error::ErrorCode;
use crate::ids::ProducerIdentity;
use crate::record_batch::increment_sequence;

/// Batches remembered per producer id (`ProducerStateEntry.NUM_BATCHES_TO_RETAIN`). With more requests in flight than
/// this, a repeated batch could no longer be told from a gap; hence `max.in.flight.requests.per.connection` ≤ 5.
const BATCHES_REMEMBERED: usize = 5;

/// One batch that was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RememberedBatch {
    pub(super) first_sequence: i32,
    pub(super) last_sequence: i32,
    pub(super) base_offset: i64,
    pub(super) max_timestamp_ms: i64,
}

#[derive(Clone, Debug)]
struct Entry {
    epoch: i16,
    batches: VecDeque<RememberedBatch>,
    /// Offset of the first record of its transaction, while that is open.
    transaction: Option<i64>,
}

impl Entry {
    fn new(epoch: i16) -> Self {
        Self { epoch, batches: VecDeque::new(), transaction: None }
    }

    fn enter(&mut self, epoch: i16) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.batches.clear();
        }
    }
}

/// What a batch is to the producer's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// The next one.
    InOrder,
    /// It is there already.
    Duplicate(RememberedBatch),
    /// It must not be stored.
    Refused(ErrorCode),
}

/// All producers of one partition.
#[derive(Clone, Debug, Default)]
pub(super) struct ProducerStates {
    entries: BTreeMap<i64, Entry>,
}

impl ProducerStates {
    /// Judges a batch by its sequences. The order of questions is Kafka's: known, then old epoch, then sequence.
    pub(super) fn judge(&self, identity: ProducerIdentity, first_sequence: i32, last_sequence: i32) -> Judgement {
        // Nothing is known of the id: any sequence is taken, so the first batches are not protected against reordering.
        let Some(entry) = self.entries.get(&identity.id) else { return Judgement::InOrder };
        let is_same =
            |known: &&RememberedBatch| (known.first_sequence, known.last_sequence) == (first_sequence, last_sequence);
        if identity.epoch == entry.epoch
            && let Some(&known) = entry.batches.iter().find(is_same)
        {
            return Judgement::Duplicate(known);
        }
        if identity.epoch < entry.epoch {
            return Judgement::Refused(ErrorCode::INVALID_PRODUCER_EPOCH);
        }
        let expected = match entry.batches.back() {
            Some(last) if identity.epoch == entry.epoch => increment_sequence(last.last_sequence, 1),
            _ => 0,
        };
        if first_sequence == expected {
            Judgement::InOrder
        } else {
            Judgement::Refused(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER)
        }
    }

    /// Is a transaction of this producer open, in this epoch? (`UnifiedLog.hasOngoingTransaction`)
    pub(super) fn is_in_transaction(&self, identity: ProducerIdentity) -> bool {
        self.entry(identity).is_some_and(|entry| entry.transaction.is_some() && entry.epoch == identity.epoch)
    }

    /// Has there been a later epoch?
    pub(super) fn is_outdated(&self, identity: ProducerIdentity) -> bool {
        self.entry(identity).is_some_and(|entry| identity.epoch < entry.epoch)
    }

    /// Is there nothing to hold a batch against?
    pub(super) fn is_unknown(&self, identity: ProducerIdentity) -> bool {
        self.entry(identity).is_none()
    }

    /// Would a batch outside transactions fall into one that is open?
    pub(super) fn would_disturb(&self, identity: ProducerIdentity) -> bool {
        self.entry(identity).is_some_and(|entry| entry.transaction.is_some())
    }

    fn entry(&self, identity: ProducerIdentity) -> Option<&Entry> {
        self.entries.get(&identity.id)
    }

    /// Offset of the first record whose transaction is open.
    pub(super) fn first_undecided(&self) -> Option<i64> {
        self.entries.values().filter_map(|entry| entry.transaction).min()
    }

    /// A marker was written: the producer's transaction ends, if it has records here, and with protocol 2 the epoch is
    /// a new one. Gives the offset of its first record.
    pub(super) fn end_transaction(&mut self, identity: ProducerIdentity) -> Option<i64> {
        let entry = self.entries.entry(identity.id).or_insert_with(|| Entry::new(identity.epoch));
        entry.enter(identity.epoch);
        entry.transaction.take()
    }

    /// Remembers a batch that was judged [`Judgement::InOrder`] and stored.
    pub(super) fn remember(&mut self, identity: ProducerIdentity, batch: RememberedBatch, is_transactional: bool) {
        let entry = self.entries.entry(identity.id).or_insert_with(|| Entry::new(identity.epoch));
        entry.enter(identity.epoch);
        if is_transactional {
            entry.transaction.get_or_insert(batch.base_offset);
        }
        if entry.batches.len() == BATCHES_REMEMBERED {
            entry.batches.pop_front();
        }
        entry.batches.push_back(batch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRODUCER: ProducerIdentity = ProducerIdentity { id: 7, epoch: 3 };
    const OUT_OF_ORDER: Judgement = Judgement::Refused(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);

    /// Stores batches of ten records, the first at `first_sequence`, and gives the last one's memory back.
    fn store(states: &mut ProducerStates, identity: ProducerIdentity, first_sequence: i32, batches: i32) {
        for batch in 0..batches {
            let first = increment_sequence(first_sequence, 10 * batch);
            let last = increment_sequence(first, 9);
            assert_eq!(states.judge(identity, first, last), Judgement::InOrder);
            states.remember(identity, remembered(first, last), false);
        }
    }

    fn remembered(first_sequence: i32, last_sequence: i32) -> RememberedBatch {
        RememberedBatch { first_sequence, last_sequence, base_offset: 100, max_timestamp_ms: 5 }
    }

    fn bumped(by: i16) -> ProducerIdentity {
        ProducerIdentity { epoch: PRODUCER.epoch + by, ..PRODUCER }
    }

    #[test]
    fn an_unknown_producer_may_begin_anywhere() {
        assert_eq!(ProducerStates::default().judge(PRODUCER, 4_711, 4_711), Judgement::InOrder);
    }

    #[test]
    fn the_next_sequence_is_taken_and_a_gap_is_not() {
        let mut states = ProducerStates::default();
        store(&mut states, PRODUCER, 0, 2);
        assert_eq!(states.judge(PRODUCER, 20, 20), Judgement::InOrder);
        assert_eq!(states.judge(PRODUCER, 21, 21), OUT_OF_ORDER);
        assert_eq!(states.judge(ProducerIdentity { id: 8, ..PRODUCER }, 21, 21), Judgement::InOrder, "another id");
    }

    #[test]
    fn the_last_five_batches_are_recognised_and_the_sixth_is_out_of_order() {
        let mut states = ProducerStates::default();
        store(&mut states, PRODUCER, 0, 6);
        assert_eq!(states.judge(PRODUCER, 0, 9), OUT_OF_ORDER);
        for first in [10, 20, 30, 40, 50] {
            assert_eq!(states.judge(PRODUCER, first, first + 9), Judgement::Duplicate(remembered(first, first + 9)));
        }
    }

    #[test]
    fn the_same_first_sequence_with_another_length_is_no_duplicate() {
        let mut states = ProducerStates::default();
        store(&mut states, PRODUCER, 0, 1);
        assert_eq!(states.judge(PRODUCER, 0, 4), OUT_OF_ORDER);
    }

    #[test]
    fn a_higher_epoch_begins_at_zero_and_may_jump() {
        let mut states = ProducerStates::default();
        store(&mut states, PRODUCER, 0, 1);
        assert_eq!(states.judge(bumped(1), 10, 19), OUT_OF_ORDER);
        assert_eq!(states.judge(bumped(5), 0, 9), Judgement::InOrder);
    }

    #[test]
    fn an_older_epoch_is_refused_even_for_a_batch_that_is_there() {
        let mut states = ProducerStates::default();
        store(&mut states, PRODUCER, 0, 1);
        store(&mut states, bumped(1), 0, 1);
        assert_eq!(states.judge(PRODUCER, 0, 9), Judgement::Refused(ErrorCode::INVALID_PRODUCER_EPOCH));
    }

    #[test]
    fn after_the_last_sequence_comes_zero() {
        let mut states = ProducerStates::default();
        store(&mut states, PRODUCER, i32::MAX - 9, 1);
        assert_eq!(states.judge(PRODUCER, 0, 0), Judgement::InOrder);
        assert_eq!(states.judge(PRODUCER, 1, 1), OUT_OF_ORDER);
    }

    #[test]
    fn a_batch_may_straddle_the_wrap() {
        let mut states = ProducerStates::default();
        store(&mut states, PRODUCER, i32::MAX - 4, 1);
        assert_eq!(
            states.judge(PRODUCER, i32::MAX - 4, 4),
            Judgement::Duplicate(remembered(i32::MAX - 4, 4)),
            "ten records end at sequence 4"
        );
        assert_eq!(states.judge(PRODUCER, 5, 5), Judgement::InOrder);
    }
}
