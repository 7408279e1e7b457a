//! What a partition remembers of each producer, to recognise duplicates and gaps (`ProducerStateEntry`,
//! `ProducerAppendInfo`).
//!
//! *Models*: epoch and last five batches per producer id. *Leaves out*: forgetting an idle id after a day
//! (`producer.id.expiration.ms`), transactions.

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

    /// Remembers a batch that was judged [`Judgement::InOrder`] and stored.
    pub(super) fn remember(&mut self, identity: ProducerIdentity, batch: RememberedBatch) {
        let entry = self
            .entries
            .entry(identity.id)
            .or_insert_with(|| Entry { epoch: identity.epoch, batches: VecDeque::new() });
        if entry.epoch != identity.epoch {
            entry.epoch = identity.epoch;
            entry.batches.clear();
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
            states.remember(identity, remembered(first, last));
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
