//! Stories of sequences, and what other stories may know of them.

use super::super::topics::TopicIndex;
use super::*;

/// What is known of a partition, for stories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Known {
    pub(in super::super) identity: Option<ProducerIdentity>,
    /// The sequence that the next new batch gets, if the epoch stays.
    pub(in super::super) next: i32,
    pub(in super::super) last_acked: Option<i32>,
    /// −1: none.
    pub(in super::super) last_acked_offset: i64,
    pub(in super::super) first_in_flight: Option<i32>,
    pub(in super::super) in_flight: usize,
    pub(in super::super) is_unresolved: bool,
}

impl Sequences {
    pub(in super::super) fn known(&self, partition: PartitionRef) -> Known {
        let nothing = PartitionSequences::default();
        let known = self.partitions.get(&partition).unwrap_or(&nothing);
        Known {
            identity: known.identity,
            next: known.next,
            last_acked: known.last_acked,
            last_acked_offset: known.last_acked_offset,
            first_in_flight: known.in_flight.first().map(|batch| batch.base),
            in_flight: known.in_flight.len(),
            is_unresolved: known.unresolved.is_some(),
        }
    }
}

const P0: PartitionRef = PartitionRef { topic: TopicIndex(0), partition: 0 };
const P1: PartitionRef = PartitionRef { topic: TopicIndex(0), partition: 1 };
const FIRST: ProducerIdentity = ProducerIdentity { id: 9, epoch: 0 };
const BUMPED: ProducerIdentity = ProducerIdentity { id: 9, epoch: 1 };

fn slot(number: u32) -> BatchSlot {
    BatchSlot(number)
}

fn stamp(base_sequence: i32) -> Stamp {
    Stamp { identity: Some(FIRST), base_sequence, transactional: false }
}

fn answered(base_sequence: i32) -> Answered {
    Answered { partition: P0, base_sequence, was_reset: false, log_start_offset: 0, transactional: false }
}

/// Mirrors `TransactionManagerTest.testDefaultSequenceNumber`: a partition's sequences begin at 0, and stand at 3 after
/// a batch of three records.
#[test]
fn sequences_count_records_per_partition_and_wrap_to_zero() {
    let mut sequences = Sequences::default();
    assert_eq!(sequences.known(P0).next, 0);
    assert_eq!(sequences.assign(P0, slot(0), 3, FIRST, false).base_sequence, 0);
    assert_eq!(sequences.known(P0).next, 3);
    assert_eq!(sequences.assign(P0, slot(1), 2, FIRST, false).base_sequence, 3);
    assert_eq!(sequences.assign(P1, slot(2), 9, FIRST, false).base_sequence, 0);
    sequences.partitions.get_mut(&P0).expect("known").next = i32::MAX - 1;
    assert_eq!(sequences.assign(P0, slot(3), 4, FIRST, false).base_sequence, i32::MAX - 1);
    assert_eq!(sequences.assign(P0, slot(4), 1, FIRST, false).base_sequence, 2, "MAX-1, MAX, 0, 1 are taken");
}

#[test]
fn a_retry_is_drained_only_as_the_oldest_of_its_partition() {
    let mut sequences = Sequences::default();
    let first = sequences.assign(P0, slot(0), 1, FIRST, false);
    sequences.assign(P0, slot(1), 1, FIRST, false);
    assert!(sequences.may_drain(P0, slot(0), true, FIRST));
    assert!(!sequences.may_drain(P0, slot(1), true, FIRST));
    assert!(sequences.may_drain(P0, slot(2), false, FIRST), "new ones need not wait");
    sequences.on_acked(P0, slot(0), first, 1, -1);
    assert!(sequences.may_drain(P0, slot(1), true, FIRST));
}

#[test]
fn another_partition_restarts_at_zero_only_when_its_old_batches_are_done() {
    let mut sequences = Sequences::default();
    sequences.assign(P0, slot(0), 5, FIRST, false);
    let other = sequences.assign(P1, slot(1), 5, FIRST, false);
    sequences.request_bump(P0);
    let stamps = sequences.renumber(Some(BUMPED));
    assert_eq!(stamps.len(), 1, "only the partition that asked");
    assert_eq!(stamps[0].1.map(|stamp| (stamp.identity, stamp.base_sequence)), Some((Some(BUMPED), 0)));
    assert!(!sequences.may_drain(P1, slot(2), false, BUMPED));
    sequences.on_acked(P1, slot(1), other, 5, -1);
    assert!(sequences.may_drain(P1, slot(2), false, BUMPED));
    assert_eq!(sequences.assign(P1, slot(2), 1, BUMPED, false).base_sequence, 0);
}

#[test]
fn without_an_identity_batches_lose_their_sequences() {
    let mut sequences = Sequences::default();
    sequences.assign(P0, slot(0), 5, FIRST, false);
    sequences.request_bump(P0);
    assert_eq!(sequences.renumber(None), [(slot(0), None)]);
    assert_eq!(sequences.assign(P0, slot(0), 5, BUMPED, false).base_sequence, 0);
}

#[test]
fn out_of_order_is_retried_while_an_earlier_batch_is_to_come_and_bumps_when_none_is() {
    let mut sequences = Sequences::default();
    let first = sequences.assign(P0, slot(0), 1, FIRST, false);
    sequences.assign(P0, slot(1), 1, FIRST, false);
    let code = ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER;
    assert_eq!(sequences.advice(code, answered(1)), Advice::Retry);
    sequences.on_acked(P0, slot(0), first, 1, -1);
    assert_eq!(sequences.advice(code, answered(1)), Advice::BumpAndRetry);
    let renumbered = Answered { was_reset: true, ..answered(1) };
    assert_eq!(sequences.advice(code, renumbered), Advice::Retry);
}

#[test]
fn an_acknowledgement_that_comes_late_does_not_take_a_later_one_back() {
    for base in [0, i32::MAX] {
        let mut sequences = Sequences::default();
        let given = sequences.assign(P0, slot(0), 1, FIRST, false);
        let nth = |nth| Stamp { base_sequence: increment_sequence(base, nth), ..given };
        sequences.on_acked(P0, slot(1), nth(1), 1, -1);
        sequences.on_acked(P0, slot(0), nth(0), 1, -1);
        assert!(sequences.partitions[&P0].is_next(nth(2).base_sequence), "{base}");
    }
}

#[test]
fn an_unknown_producer_id_bumps_once_and_only_where_it_is_known_that_the_log_begins_later() {
    let sequences = Sequences::default();
    let advice = |batch| sequences.advice(ErrorCode::UNKNOWN_PRODUCER_ID, batch);
    let lost = Answered { log_start_offset: 10, ..answered(1) };
    assert_eq!(advice(lost), Advice::BumpAndRetry);
    assert_eq!(advice(Answered { was_reset: true, ..lost }), Advice::Retry, "it was out before the bump");
    assert_eq!(advice(Answered { log_start_offset: -1, ..lost }), Advice::Retry);
}

#[test]
fn a_batch_given_up_after_a_retry_holds_new_ones_back_until_it_is_resolved() {
    let mut sequences = Sequences::default();
    let stamp = sequences.assign(P0, slot(0), 2, FIRST, false);
    let next = sequences.assign(P0, slot(1), 1, FIRST, false);
    sequences.mark_unresolved(P0, stamp, 2);
    sequences.remove(P0, slot(0));
    assert!(!sequences.may_drain(P0, slot(2), false, FIRST));
    assert_eq!(
        sequences.advice(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, answered(next.base_sequence)),
        Advice::BumpAndRetry,
        "the batch right behind it"
    );
    sequences.resolve();
    assert!(!sequences.may_drain(P0, slot(2), false, FIRST), "slot 1 is still out");
    sequences.on_acked(P0, slot(1), next, 1, -1);
    sequences.resolve();
    assert!(!sequences.wants_bump(), "the later batch was stored, so the earlier one was too");
    assert!(sequences.may_drain(P0, slot(2), false, FIRST));
}

#[test]
fn parts_take_the_sequences_of_the_batch_they_were_split_from_also_around_the_wrap() {
    let mut sequences = Sequences::default();
    sequences.assign(P0, slot(0), 1, FIRST, false);
    sequences.partitions.get_mut(&P0).expect("known").next = i32::MAX;
    sequences.assign(P0, slot(1), 3, FIRST, false);
    sequences.assign(P0, slot(2), 1, FIRST, false);
    sequences.split(P0, slot(1), [(slot(7), 2), (slot(1), 1)]);
    let in_flight = &sequences.partitions[&P0].in_flight;
    let bases: Vec<_> = in_flight.iter().map(|batch| (batch.slot.0, batch.base)).collect();
    assert_eq!(bases, [(0, 0), (7, i32::MAX), (1, 1), (2, 2)], "a slot may be used again at once");
    assert!(!sequences.may_drain(P0, slot(7), true, FIRST), "an earlier batch is out");
}

#[test]
fn when_all_were_given_up_the_epoch_is_bumped() {
    let mut sequences = Sequences::default();
    let stamp = sequences.assign(P0, slot(0), 2, FIRST, false);
    sequences.mark_unresolved(P0, stamp, 2);
    sequences.remove(P0, slot(0));
    sequences.resolve();
    assert!(sequences.wants_bump());
}

/// Mirrors `TransactionManagerTest.testSequenceNumberOverflow`: from 2147483647, a hundred records lead on to 99, and
/// 2147483647 more to 98.
#[test]
fn sequences_go_on_around_the_wrap() {
    let mut sequences = Sequences::default();
    let most = i32::MAX.cast_unsigned();
    let after = [most, 100, most].map(|records| {
        sequences.assign(P0, slot(0), records, FIRST, false);
        sequences.known(P0).next
    });
    assert_eq!(after, [i32::MAX, 99, 98]);
}

/// Mirrors `TransactionManagerTest.testBumpEpochAfterTimeoutWithoutPendingInflightRequests`: doubt about a batch that
/// was acknowledged asks for nothing; doubt about one that failed, with nothing in flight, is over at once and asks for
/// the next epoch: 6 after 5.
#[test]
fn doubt_without_batches_in_flight_is_ended_by_the_next_epoch() {
    let fifth = ProducerIdentity { epoch: 5, ..FIRST };
    let mut sequences = Sequences::default();
    let first = sequences.assign(P0, slot(0), 1, fifth, false);
    assert_eq!(sequences.known(P0).next, 1);
    sequences.on_acked(P0, slot(0), first, 1, 500);
    assert_eq!(sequences.known(P0).last_acked, Some(0));
    sequences.mark_unresolved(P0, first, 1);
    sequences.resolve();
    assert!(!sequences.wants_bump() && !sequences.known(P0).is_unresolved);

    let second = sequences.assign(P0, slot(1), 1, fifth, false);
    assert_eq!(sequences.known(P0).next, 2);
    sequences.mark_unresolved(P0, second, 1);
    sequences.remove(P0, slot(1));
    assert!(sequences.known(P0).is_unresolved);
    sequences.resolve();
    assert!(sequences.wants_bump() && !sequences.known(P0).is_unresolved);
    let mut identity = super::super::identity::Identity::new(true);
    identity.on(super::super::identity::IdentitySignal::Given(fifth));
    identity.on(super::super::identity::IdentitySignal::EpochBumpNeeded);
    assert_eq!(identity.ready(), Some(ProducerIdentity { epoch: 6, ..FIRST }));
}

/// Three batches of one record are in flight, and the first was given up.
fn with_the_first_in_doubt() -> (Sequences, [Stamp; 3]) {
    let mut sequences = Sequences::default();
    let stamps = [0, 1, 2].map(|number| sequences.assign(P0, slot(number), 1, FIRST, false));
    assert_eq!(sequences.known(P0).next, 3);
    sequences.mark_unresolved(P0, stamps[0], 1);
    sequences.remove(P0, slot(0));
    (sequences, stamps)
}

/// The doubt about a batch is not over yet, and no epoch is asked for.
fn is_still_in_doubt(sequences: &mut Sequences) -> bool {
    sequences.resolve();
    sequences.known(P0).is_unresolved && !sequences.wants_bump()
}

/// Mirrors `TransactionManagerTest.testNoProducerIdResetAfterLastInFlightBatchSucceeds`: of three batches in flight the
/// first two fail, and the doubt stays; when the third is stored it is over without a new epoch, and 3 comes next.
#[test]
fn doubt_ends_without_an_epoch_when_the_last_batch_in_flight_is_stored() {
    let (mut sequences, stamps) = with_the_first_in_doubt();
    assert!(is_still_in_doubt(&mut sequences));
    sequences.remove(P0, slot(1));
    assert!(is_still_in_doubt(&mut sequences));
    sequences.on_acked(P0, slot(2), stamps[2], 1, 500);
    sequences.resolve();
    assert!(!sequences.known(P0).is_unresolved && !sequences.wants_bump());
    assert_eq!(sequences.known(P0).next, 3);
}

/// Mirrors `TransactionManagerTest.testEpochBumpAfterLastInFlightBatchFailsIdempotentProducer`: the second of three
/// batches is stored, and the doubt about the first stays; when the third fails the next epoch ends it, and sequences
/// begin at 0.
#[test]
fn doubt_ends_with_an_epoch_when_the_last_batch_in_flight_fails() {
    let (mut sequences, stamps) = with_the_first_in_doubt();
    sequences.on_acked(P0, slot(1), stamps[1], 1, 500);
    assert!(is_still_in_doubt(&mut sequences));
    sequences.remove(P0, slot(2));
    sequences.resolve();
    assert!(sequences.wants_bump());
    assert_eq!(sequences.renumber(Some(BUMPED)), []);
    assert!(!sequences.known(P0).is_unresolved);
    assert_eq!((sequences.known(P0).next, sequences.known(P0).identity), (0, Some(BUMPED)));
}

#[test]
fn a_gap_is_closed_around_the_wrap() {
    let mut sequences = Sequences::default();
    sequences.assign(P0, slot(0), 5, FIRST, true);
    sequences.on_acked(P0, slot(0), stamp(0), 5, 0);
    sequences.partitions.get_mut(&P0).expect("known").next = i32::MAX - 4;
    let failed = sequences.assign(P0, slot(1), 3, FIRST, true);
    let later: Vec<_> = (2..5).map(|number| sequences.assign(P0, slot(number), 3, FIRST, true).base_sequence).collect();
    assert_eq!((failed.base_sequence, later), (i32::MAX - 4, vec![i32::MAX - 1, 1, 4]));

    sequences.remove(P0, slot(1));
    let moved = sequences.close_gap(P0, failed, 3);
    let bases: Vec<_> = moved.into_iter().map(|(slot, stamp)| (slot, stamp.base_sequence)).collect();
    assert_eq!(bases, [(slot(2), i32::MAX - 4), (slot(3), i32::MAX - 1), (slot(4), 1)]);
    assert_eq!(sequences.known(P0).next, 4, "and what comes new follows on them");
}

#[test]
fn of_two_batches_in_doubt_the_later_counts_also_behind_the_wrap() {
    let mut sequences = Sequences::default();
    sequences.assign(P0, slot(0), 1, FIRST, false);
    sequences.mark_unresolved(P0, stamp(i32::MAX - 1), 1);
    sequences.mark_unresolved(P0, stamp(1), 2);
    sequences.mark_unresolved(P0, stamp(i32::MAX), 1);
    // The batch right behind the last in doubt is the one that finds the gap.
    assert_eq!(sequences.advice(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, answered(3)), Advice::BumpAndRetry);
    assert_eq!(sequences.advice(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, answered(0)), Advice::Retry);
}
