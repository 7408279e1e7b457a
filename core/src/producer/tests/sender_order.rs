//! Courses of Kafka's `SenderTest` with several requests in flight: sequences, order, and answers out of order.

use super::observed::told;
use super::story::Story;
use crate::error::ErrorCode;
use crate::ids::{BatchId, NodeId};

fn idempotent() -> Story {
    Story::with(1, 2, &[("linger.ms", "0")]).started()
}

/// (next sequence, last acknowledged one) of partition 0.
fn sequences(story: &Story) -> (i32, Option<i32>) {
    (story.known(0).next, story.known(0).last_acked)
}

/// Mirrors `SenderTest.testSequenceNumberIncrement`: the first batch carries sequence 0, the id and epoch 0; when it is
/// stored 0 is acknowledged, and 1 comes next.
/// Mirrors `SenderTest.testInitProducerIdRequest`: the producer id and epoch granted are those used from then on.
#[test]
fn the_first_sequence_is_zero() {
    let mut story = idempotent();
    assert_eq!(story.identity().map(|identity| (identity.id, identity.epoch)), Some((1_000, 0)));
    let batch = story.put(0, "value");
    let carried = story.store(0);
    let view = crate::record_batch::BatchView::parse(&carried.body().topics[0].partitions[0].records).expect("a batch");
    assert_eq!((view.base_sequence(), view.producer_id(), view.producer_epoch()), (0, 1_000, 0));
    assert_eq!((story.fate(batch), sequences(&story)), (Some(Ok(0)), (1, Some(0))));
}

/// Mirrors `SenderTest.testIdempotenceWithMultipleInflights`: two requests are out with the next two sequences, each is
/// acknowledged by its own answer, and their records have the offsets told.
#[test]
fn two_requests_in_flight_are_acknowledged_one_by_one() {
    let mut story = idempotent();
    assert_eq!(sequences(&story), (0, None));
    let first = story.put(0, "a");
    assert_eq!((story.carried.len(), sequences(&story)), (1, (1, None)));
    let second = story.put(0, "b");
    assert_eq!((story.carried.len(), sequences(&story)), (2, (2, None)));
    assert_eq!(story.out(), [told(0, "a", 0, 0), told(0, "b", 1, 0)]);
    assert_eq!([first, second].map(|batch| story.fate(batch)), [None, None]);
    story.store(0);
    assert_eq!((story.carried.len(), sequences(&story)), (1, (2, Some(0))));
    assert_eq!([first, second].map(|batch| story.fate(batch)), [Some(Ok(0)), None]);
    story.store(1);
    assert_eq!((story.carried.len(), sequences(&story)), (0, (2, Some(1))));
    assert_eq!((story.fate(second), story.known(0).in_flight), (Some(Ok(1)), 0));
}

/// Mirrors `SenderTest.testIdempotenceWithMultipleInflightsRetriedInOrder`: of three requests in flight all fail, the
/// first for want of a leader, the others out of order; they are sent again one at a time and in order, and a fourth,
/// for which no sequence was taken before, leaves behind the last of them.
#[test]
fn requests_in_flight_are_retried_one_at_a_time_and_in_order() {
    let mut story = idempotent();
    let three = ["a", "b", "c"].map(|value| story.put(0, value));
    assert_eq!((story.carried.len(), sequences(&story)), (3, (3, None)));
    story.refuse(ErrorCode::LEADER_NOT_AVAILABLE);
    let fourth = story.put(0, "d");
    assert_eq!((story.carried.len(), sequences(&story)), (2, (3, None)));
    story.refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    story.refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    story.await_batch();
    story.pass(500);
    assert_eq!((story.out(), sequences(&story)), (vec![told(0, "a", 0, 0)], (3, None)));
    assert_eq!(three.map(|batch| story.fate(batch)), [None; 3]);
    let next = [vec![told(0, "b", 1, 0)], vec![told(0, "c", 2, 0), told(0, "d", 3, 0)], vec![told(0, "d", 3, 0)]];
    for (place, (batch, next)) in (0..).zip(three.into_iter().zip(next)) {
        story.store(place.into());
        assert_eq!((story.fate(batch), story.known(0).last_acked), (Some(Ok(place.into())), Some(place)));
        assert_eq!(story.out(), next);
    }
    story.store(3);
    assert_eq!((story.fate(fourth), sequences(&story)), (Some(Ok(3)), (4, Some(3))));
}

/// Mirrors `SenderTest.testIdempotenceWithMultipleInflightsWhereFirstFailsFatallyAndSequenceOfFutureBatchesIsAdjusted`:
/// a batch too large for its broker fails with RecordTooLargeException; the one behind it comes back out of order, is
/// sent again with sequence 0, and that is what is acknowledged.
#[test]
fn a_batch_behind_one_that_failed_gets_its_sequence() {
    let mut story = idempotent();
    let [first, second] = ["a", "b"].map(|value| story.put(0, value));
    assert_eq!(sequences(&story), (2, None));
    story.refuse(ErrorCode::MESSAGE_TOO_LARGE);
    assert_eq!((story.fate(first), story.carried.len()), (Some(Err("RecordTooLargeException")), 1));
    assert_eq!(story.known(0).last_acked, None);
    story.refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_eq!((story.carried.len(), story.known(0).last_acked), (0, None));
    story.await_batch();
    assert_eq!(story.out(), [told(0, "b", 0, 1)]);
    story.store(0);
    assert_eq!((story.fate(second), story.known(0).last_acked, story.carried.len()), (Some(Ok(0)), Some(0), 0));
}

/// Two batches of a partition are out on two connections, for its leader moved in between. So the second may be
/// answered first, and is next to be.
fn second_first() -> (Story, [BatchId; 2]) {
    let mut story = Story::with(2, 1, &[("linger.ms", "0"), ("metadata.max.age.ms", "1000")]).started();
    let first = story.put(0, "a");
    story.led[0] = (2, 1);
    story.pass(1_000);
    let second = story.put(0, "b");
    assert_eq!(story.carried.iter().map(|carried| carried.node).collect::<Vec<_>>(), [NodeId(1), NodeId(2)]);
    assert_eq!(story.out(), [told(0, "a", 0, 0), told(0, "b", 1, 0)]);
    assert_eq!(sequences(&story), (2, None));
    story.carried.swap(0, 1);
    (story, [first, second])
}

/// Mirrors `SenderTest.testCorrectHandlingOfOutOfOrderResponses`: the second of two requests comes back first, out of
/// order, and the first after it; they are queued in the order of their sequences, sent again one at a time, and
/// stored.
#[test]
fn requests_that_come_back_in_reverse_are_retried_in_order() {
    let (mut story, [first, second]) = second_first();
    story.refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_eq!((story.carried_values(), story.known(0).last_acked), (vec!["a".to_owned()], None));
    story.refuse(ErrorCode::NOT_LEADER_OR_FOLLOWER);
    assert_eq!([first, second].map(|batch| story.fate(batch)), [None, None]);
    story.await_batch();
    story.pass(500);
    assert_eq!((story.out(), story.known(0).last_acked), (vec![told(0, "a", 0, 0)], None));
    story.store(0);
    assert_eq!((story.fate(first), story.known(0).last_acked), (Some(Ok(0)), Some(0)));
    assert_eq!(story.out(), [told(0, "b", 1, 0)]);
    story.store(1);
    assert_eq!((story.fate(second), story.known(0).last_acked, story.carried.len()), (Some(Ok(1)), Some(1), 0));
}

/// Mirrors `SenderTest.testCorrectHandlingOfOutOfOrderResponsesWhenSecondSucceeds`: the second of two requests is
/// stored before the first times out and is sent again with its sequence; when that is stored too, the acknowledged
/// sequence stays the later one.
#[test]
fn a_later_acknowledgement_stays() {
    let (mut story, [first, second]) = second_first();
    story.store(1);
    assert_eq!([first, second].map(|batch| story.fate(batch)), [None, Some(Ok(1))]);
    assert_eq!((story.carried.len(), story.known(0).last_acked), (1, Some(1)));
    story.refuse(ErrorCode::REQUEST_TIMED_OUT);
    assert_eq!((story.fate(first), story.known(0).last_acked), (None, Some(1)));
    assert_eq!(story.out(), [told(0, "a", 0, 0)], "at once, for it has another leader");
    story.store(0);
    assert_eq!((story.fate(first), story.known(0).last_acked), (Some(Ok(0)), Some(1)));
    assert!(story.carried.is_empty() && !story.producer.accumulator.has_incomplete());
}

/// Mirrors `SenderTest.testCorrectHandlingOfDuplicateSequenceError`: after the second of two requests was stored at
/// 1000 the first is a duplicate: its record succeeds without an offset, and what was acknowledged stays.
#[test]
fn a_duplicate_behind_a_later_one_has_no_offset() {
    let (mut story, [first, _]) = second_first();
    story.store(1_000);
    assert_eq!((story.known(0).last_acked, story.known(0).last_acked_offset), (Some(1), 1_000));
    story.refuse(ErrorCode::DUPLICATE_SEQUENCE_NUMBER);
    assert_eq!((story.known(0).last_acked, story.known(0).last_acked_offset), (Some(1), 1_000));
    assert_eq!((story.fate(first), story.carried.len()), (Some(Ok(-1)), 0));
    let completion = story.completed.iter().find(|completion| completion.batch == first).expect("told");
    assert_eq!(completion.offset_of(0), None);
}

/// Mirrors `SenderTest.testCancelInFlightRequestAfterFatalError`: CLUSTER_AUTHORIZATION_FAILED for one of two requests
/// fails the records of both with ClusterAuthorizationException; the memory of the other comes back with its answer,
/// which does no harm.
#[test]
fn a_fatal_error_cancels_what_is_in_flight() {
    let mut story = idempotent();
    let batches = [story.put(0, "a"), story.put(1, "b")];
    assert_eq!(story.producer.memory_used(), 2 * 16_384);
    story.refuse(ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
    assert!(story.producer.identity.fatal_error().is_some());
    assert_eq!(batches.map(|batch| story.fate(batch)), [Some(Err("ClusterAuthorizationException")); 2]);
    assert_eq!(story.producer.memory_used(), 16_384);
    story.store(0);
    assert_eq!((story.producer.memory_used(), story.completed.len()), (0, 2));
}

/// Mirrors `SenderTest.testUnsupportedForMessageFormatInProduceRequest`: a batch whose broker does not store its format
/// fails with UnsupportedForMessageFormatException, which is not fatal: the next one is stored.
#[test]
fn a_format_that_is_not_stored_is_not_fatal() {
    let mut story = idempotent();
    let batch = story.put(0, "a");
    story.refuse(ErrorCode::UNSUPPORTED_FOR_MESSAGE_FORMAT);
    assert_eq!(story.fate(batch), Some(Err("UnsupportedForMessageFormatException")));
    assert_eq!(story.producer.identity.fatal_error(), None);
    let next = story.put(0, "b");
    story.store(0);
    assert_eq!(story.fate(next), Some(Ok(0)));
}

/// Mirrors `SenderTest.testUnsupportedVersionInProduceRequest`: a broker that takes no version of Produce fails the
/// batch with UnsupportedVersionException, which is fatal: later records meet it, too.
#[test]
fn a_broker_that_takes_no_batches_ends_the_producer() {
    let mut story = Story::new(&[("linger.ms", "0")]);
    story.speak(crate::protocol::ApiKey::Produce, 100, 100);
    let mut story = story.started();
    let batch = story.put(0, "a");
    assert_eq!((story.fate(batch), story.carried.len()), (Some(Err("UnsupportedVersionException")), 0));
    let fatal = story.producer.identity.fatal_error().cloned().expect("fatal");
    assert_eq!(fatal.java_class(), "UnsupportedVersionException");
    let refused = story.send(&super::story::record(0, "b")).expect_err("refused");
    assert_eq!(refused, super::story::failed(Some(0), fatal));
}
