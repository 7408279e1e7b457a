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

/// Mirrors `ProducerStateManagerTest.testNoValidationOnFirstEntryWhenLoadingLog`: the first that a copy hears of a producer may
/// have any sequence, and the next one follows it.
/// Mirrors `ProducerStateManagerTest.testAcceptAppendWithoutProducerStateOnReplica`: a producer of whom a copy knows nothing is
/// known by what the copy has of him from then on.
/// Mirrors `ProducerStateManagerTest.testAcceptAppendWithSequenceGapsOnReplica`: a gap is refused to a client, and remembered
/// where a leader has taken it.
#[test]
fn what_a_leader_has_taken_is_remembered_whatever_its_sequence() {
    let mut states = ProducerStates::default();
    states.remember(PRODUCER, remembered(16, 16), false);
    assert!(states.identities().eq([PRODUCER]));
    assert_eq!((states.judge(PRODUCER, 17, 17), states.judge(PRODUCER, 20, 20)), (Judgement::InOrder, OUT_OF_ORDER));
    states.remember(PRODUCER, remembered(20, 20), false);
    assert_eq!((states.judge(PRODUCER, 21, 21), states.judge(PRODUCER, 17, 17)), (Judgement::InOrder, OUT_OF_ORDER));
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

const DAY_MS: i64 = 24 * 3_600_000;
/// The brokers' wall clock when they start.
const WALL_MS: i64 = 1_700_000_000_000;

fn after_ms(elapsed_ms: i64) -> Now {
    Now { elapsed_us: elapsed_ms.unsigned_abs() * 1_000, wall_ms: WALL_MS + elapsed_ms }
}

/// Is the producer known when so much time has passed?
fn knows(states: &mut ProducerStates, elapsed_ms: i64) -> bool {
    states.forget_idle(after_ms(elapsed_ms), &ClusterConfig::simulated(1));
    states.identities().any(|known| known == PRODUCER)
}

fn remember(states: &mut ProducerStates, timestamp_ms: i64, is_transactional: bool) {
    let batch = RememberedBatch { max_timestamp_ms: timestamp_ms, ..remembered(0, 9) };
    states.remember(PRODUCER, batch, is_transactional);
}

#[test]
fn a_producer_that_was_idle_for_a_day_is_forgotten_at_the_next_look() {
    let mut states = ProducerStates::default();
    assert!(!knows(&mut states, 1));
    remember(&mut states, WALL_MS + 1, false);
    assert!(knows(&mut states, DAY_MS + 599_999), "the look at the end of the day came a millisecond too early");
    assert!(!knows(&mut states, DAY_MS + 600_000));
}

#[test]
fn a_producer_in_a_transaction_is_never_forgotten_and_lives_on_from_its_end() {
    let mut states = ProducerStates::default();
    remember(&mut states, WALL_MS, true);
    assert!(knows(&mut states, 5 * DAY_MS));
    states.end_transaction(PRODUCER, WALL_MS + 5 * DAY_MS);
    assert!(knows(&mut states, 6 * DAY_MS - 1));
    assert!(!knows(&mut states, 6 * DAY_MS));
}

#[test]
fn a_producer_of_old_records_is_known_until_the_next_look() {
    let mut states = ProducerStates::default();
    assert!(!knows(&mut states, 600_001));
    remember(&mut states, WALL_MS - 2 * DAY_MS, false);
    assert!(knows(&mut states, 1_199_999));
    assert!(!knows(&mut states, 1_200_000));
}

fn stored_at(first_sequence: i32, last_sequence: i32, base_offset: i64, max_timestamp_ms: i64) -> RememberedBatch {
    RememberedBatch { first_sequence, last_sequence, base_offset, max_timestamp_ms }
}

/// Mirrors `ProducerStateManagerTest.testPrepareUpdateDoesNotMutate`: sequences 0 to 5 and then 6 to 10 are found in
/// order, and neither is known before it is stored; the end is then 10, and the beginning still 0.
#[test]
fn judging_a_batch_changes_nothing() {
    let mut states = ProducerStates::default();
    let (first, second) = (stored_at(0, 5, 15, 0), stored_at(6, 10, 26, 0));
    for _ in 0..2 {
        assert_eq!(states.judge(PRODUCER, 0, 5), Judgement::InOrder);
    }
    states.remember(PRODUCER, first, false);
    for _ in 0..2 {
        assert_eq!(states.judge(PRODUCER, 6, 10), Judgement::InOrder);
        assert_eq!(states.judge(PRODUCER, 0, 5), Judgement::Duplicate(first));
    }
    states.remember(PRODUCER, second, false);
    assert_eq!(states.judge(PRODUCER, 0, 5), Judgement::Duplicate(first));
    assert_eq!(states.judge(PRODUCER, 6, 10), Judgement::Duplicate(second));
    assert_eq!(states.judge(PRODUCER, 11, 11), Judgement::InOrder);
}

/// Mirrors `ProducerStateManagerTest.testAppendTxnMarkerWithNoProducerState`: after a marker alone, an older epoch is
/// invalid, sequence 17 of the marker's epoch is out of order, and sequence 0 is taken.
#[test]
fn a_marker_alone_fences_and_wants_sequence_zero() {
    let mut states = ProducerStates::default();
    assert_eq!(states.end_transaction(bumped(2), WALL_MS), None);
    assert_eq!(states.judge(PRODUCER, 0, 0), Judgement::Refused(ErrorCode::INVALID_PRODUCER_EPOCH));
    assert_eq!(states.judge(bumped(2), 17, 17), OUT_OF_ORDER);
    store(&mut states, bumped(2), 0, 1);
    assert_eq!(states.judge(bumped(2), 10, 10), Judgement::InOrder);
}

/// Mirrors `ProducerStateManagerTest.testControlRecordBumpsProducerEpoch`: after a marker of the next epoch no
/// transaction is open and no sequence is known, and sequence 0 of that epoch is taken.
/// Mirrors `ProducerStateManagerTest.testOutOfSequenceAfterControlRecordEpochBump`: after sequences 0 and 1 and a
/// marker of the next epoch, sequence 2 is out of order in that epoch and in the one after it, and sequence 0 is taken.
/// Mirrors `ProducerStateManagerTest.testProducerStateAfterFencingAbortMarker`: the abort of the next epoch leaves
/// neither a transaction nor batches, and the producer is known after a check for idle ones, so that it stays fenced.
#[test]
fn a_marker_of_the_next_epoch_ends_the_transaction_and_its_sequences() {
    let mut states = ProducerStates::default();
    states.remember(PRODUCER, stored_at(0, 0, 0, WALL_MS), true);
    states.remember(PRODUCER, stored_at(1, 1, 1, WALL_MS), true);
    assert_eq!(states.first_undecided(), Some(0));
    assert_eq!(states.end_transaction(bumped(1), WALL_MS), Some(0));
    assert_eq!(states.first_undecided(), None);

    states.forget_idle(after_ms(600_000), &ClusterConfig::simulated(1));
    assert!(states.is_outdated(PRODUCER));
    assert_eq!(states.judge(PRODUCER, 1, 1), Judgement::Refused(ErrorCode::INVALID_PRODUCER_EPOCH));
    for epochs in [1, 2] {
        assert_eq!(states.judge(bumped(epochs), 2, 2), OUT_OF_ORDER);
    }
    assert_eq!(states.judge(bumped(1), 0, 0), Judgement::InOrder);
}

/// Mirrors `ProducerStateManagerTest.testIdempotentTransactionMarkerRetryTV2`: a marker that is written a second time
/// is taken, ends nothing, and keeps the epoch.
#[test]
fn a_marker_written_again_ends_nothing() {
    let mut states = ProducerStates::default();
    states.remember(PRODUCER, stored_at(0, 0, 99, WALL_MS), true);
    assert_eq!(states.end_transaction(bumped(1), WALL_MS), Some(99));
    assert_eq!(states.end_transaction(bumped(1), WALL_MS), None);
    assert!(states.is_outdated(PRODUCER));
    assert!(!states.is_in_transaction(bumped(1)));
    assert_eq!(states.judge(bumped(1), 0, 0), Judgement::InOrder);
}

/// Mirrors `ProducerStateManagerTest.testProducersWithOngoingTransactionsDontExpire`: a producer with an open
/// transaction is known after a day and a check, and its first offset too.
#[test]
fn whoever_is_idle_for_a_day_is_forgotten_unless_in_a_transaction() {
    let (idle, busy) = (PRODUCER, ProducerIdentity { id: 8, epoch: 5 });
    let mut states = ProducerStates::default();
    states.remember(idle, stored_at(0, 0, 98, WALL_MS), false);
    states.remember(busy, stored_at(0, 0, 99, WALL_MS), true);
    states.forget_idle(after_ms(DAY_MS - 1), &ClusterConfig::simulated(1));
    assert_eq!(states.judge(idle, 5, 5), OUT_OF_ORDER, "a millisecond is missing");
    for check in 0..2 {
        states.forget_idle(after_ms(DAY_MS + check * 600_000), &ClusterConfig::simulated(1));
        assert_eq!(states.judge(idle, 5, 5), Judgement::InOrder, "nothing is known");
        assert_eq!(states.judge(busy, 5, 5), OUT_OF_ORDER);
        assert_eq!(states.first_undecided(), Some(99));
    }
}

#[test]
fn what_was_stored_since_the_last_check_waits_for_the_next() {
    let mut states = ProducerStates::default();
    states.forget_idle(after_ms(5), &ClusterConfig::simulated(1));
    // Records of 1970: idle as soon as they are looked at.
    states.remember(PRODUCER, stored_at(0, 0, 0, 17), false);
    states.forget_idle(after_ms(599_999), &ClusterConfig::simulated(1));
    assert_eq!(states.judge(PRODUCER, 5, 5), OUT_OF_ORDER);
    states.forget_idle(after_ms(600_000), &ClusterConfig::simulated(1));
    assert_eq!(states.judge(PRODUCER, 5, 5), Judgement::InOrder);
}

/// Mirrors `ProducerStateManagerTest.testSequenceAndEpochInVerificationEntry`: a lower sequence replaces the lowest
/// that was seen, a higher epoch replaces both, and a lower epoch neither.
/// Mirrors `ProducerStateManagerTest.testEntryForVerification`: what was seen first holds for those who come after, and
/// is over when a batch of the transaction is stored.
#[test]
fn the_lowest_sequence_that_waits_for_the_coordinator_keeps_back_those_after_it() {
    let mut states = ProducerStates::default();
    let lowest = |states: &ProducerStates| {
        let taken = (0..4).take_while(|&first| states.judge(bumped(1), first, first) == Judgement::InOrder);
        taken.last()
    };
    states.verify(PRODUCER, 1, false, WALL_MS);
    assert_eq!(lowest(&states), Some(1));
    states.verify(PRODUCER, 0, false, WALL_MS);
    assert_eq!(lowest(&states), Some(0), "a lower one");
    states.verify(PRODUCER, 3, false, WALL_MS);
    assert_eq!(lowest(&states), Some(0), "a higher one");
    states.verify(bumped(1), 2, false, WALL_MS);
    assert_eq!(lowest(&states), Some(2), "a new epoch");
    states.verify(PRODUCER, 0, false, WALL_MS);
    assert_eq!(lowest(&states), Some(2), "the old one");
    states.remember(bumped(1), stored_at(2, 2, 0, WALL_MS), true);
    assert_eq!(states.judge(bumped(1), 3, 3), Judgement::InOrder);
}

/// Mirrors `ProducerStateManagerTest.testVerificationStateEntryExpiration`: half a day after a transaction was first
/// asked about its lowest sequence still holds, after more than a day no longer.
#[test]
fn a_transaction_that_is_never_stored_is_forgotten_after_a_day() {
    let mut states = ProducerStates::default();
    states.verify(PRODUCER, 0, false, WALL_MS);
    states.forget_idle(after_ms(DAY_MS / 2), &ClusterConfig::simulated(1));
    assert_eq!(states.judge(PRODUCER, 1, 1), OUT_OF_ORDER);
    states.verify(PRODUCER, 1, false, WALL_MS + DAY_MS / 2);
    states.forget_idle(after_ms(DAY_MS), &ClusterConfig::simulated(1));
    assert_eq!(states.judge(PRODUCER, 1, 1), Judgement::InOrder);
}
