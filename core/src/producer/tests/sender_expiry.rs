//! Courses of Kafka's `SenderTest` in which `delivery.timeout.ms` is over.

use super::observed::told;
use super::story::Story;
use crate::error::ErrorCode;
use crate::io::WaitReason;

/// Batches live for a second and a half, as there, and a broker that is lost is not forgotten.
const SHORT: [(&str, &str); 4] = [
    ("delivery.timeout.ms", "1500"),
    ("request.timeout.ms", "1500"),
    ("linger.ms", "0"),
    ("metadata.recovery.strategy", "none"),
];

fn plain(more: &[(&'static str, &'static str)]) -> Story {
    let mut properties = vec![("enable.idempotence", "false")];
    properties.extend(SHORT);
    properties.extend(more);
    Story::with(1, 2, &properties).started()
}

fn idempotent() -> Story {
    Story::new(&SHORT).started()
}

/// The clock moves without waking anybody: what arrives then finds the time over.
fn oversleep(story: &mut Story, ms: u64) {
    story.now_us += ms * 1_000;
}

fn lose_the_leader(story: &mut Story) {
    story.refuse_connections = true;
    story.break_all();
}

/// Mirrors `SenderTest.testWhenFirstBatchExpireNoSendSecondBatchIfGuaranteeOrder`: with one request in flight a second
/// batch is not sent while the first has no answer, not even when it has expired; after the answer it is.
#[test]
fn a_batch_behind_an_expired_one_waits_for_its_answer() {
    let mut story = plain(&[("max.in.flight.requests.per.connection", "1")]);
    let first = story.put(0, "a");
    story.pass(750);
    let second = story.put(0, "b");
    assert_eq!(story.carried_values(), ["a"]);
    story.pass(749);
    let mut unanswered = story.clone();
    unanswered.pass(1);
    assert_eq!(unanswered.fate(first), Some(Err("TimeoutException")));
    assert_eq!(unanswered.carried_values(), ["a"]);
    oversleep(&mut story, 1);
    story.store(0);
    assert_eq!((story.fate(first), story.fate(second)), (Some(Err("TimeoutException")), None));
    assert_eq!(story.carried_values(), ["b"]);
}

/// Mirrors `SenderTest.testExpiredBatchDoesNotRetry`: a retriable error that arrives when a batch's time is over does
/// not send it again, then or later.
/// Mirrors `SenderTest.testInflightBatchesExpireOnDeliveryTimeout`: an answer that arrives when a batch's time is over,
/// even a good one, finds it failed with TimeoutException, and nothing is in flight.
#[test]
fn an_answer_to_an_expired_batch_changes_nothing() {
    for code in [ErrorCode::NOT_LEADER_OR_FOLLOWER, ErrorCode::NONE] {
        let mut story = plain(&[]);
        let batch = story.put(0, "a");
        oversleep(&mut story, 1_500);
        story.refuse(code);
        assert_eq!((story.fate(batch), story.carried.len()), (Some(Err("TimeoutException")), 0));
        assert!(story.producer.accumulator.in_flight().is_empty());
        story.pass(3_000);
        assert_eq!((story.completed.len(), story.carried.len()), (1, 0));
    }
}

/// Mirrors `SenderTest.testExpiredBatchDoesNotSplitOnMessageTooLargeError`: MESSAGE_TOO_LARGE that arrives when the
/// time of a batch of two records is over neither splits it nor sends anything.
#[test]
fn an_expired_batch_is_not_split() {
    let mut story = plain(&[]);
    let batch = story.put_together(0, 2);
    assert_eq!(story.carried.len(), 1);
    oversleep(&mut story, 1_500);
    story.refuse(ErrorCode::MESSAGE_TOO_LARGE);
    assert_eq!((story.fate(batch), story.completed[0].record_count), (Some(Err("TimeoutException")), 2));
    story.pass(3_000);
    assert_eq!((story.completed.len(), story.carried.len()), (1, 0));
    assert!(!story.producer.accumulator.has_incomplete());
}

/// Mirrors `SenderTest.testResetNextBatchExpiry`: with a batch out the sender sleeps until its deadline, and after that
/// for a time that is not over, not for one computed from the batch that expired.
#[test]
fn the_sender_sleeps_until_the_next_batch_expires() {
    let mut story = plain(&[]);
    let at = story.now_ms();
    story.put(0, "a");
    assert_eq!(story.wait, (Some((at + 1_500) * 1_000), WaitReason::DeliveryTimeout));
    story.pass(1_501);
    assert_eq!(story.completed.len(), 1);
    assert!(story.wait.0.is_none_or(|until| until > story.now_us), "{:?}", story.wait);
    assert_ne!(story.wait.1, WaitReason::DeliveryTimeout);
}

/// Mirrors `SenderTest.testExpiredBatchesInMultiplePartitions`: of two batches in one request, the answer names only
/// one, and when their time is over both fail with TimeoutException.
#[test]
fn batches_of_several_partitions_expire_together() {
    let mut story = plain(&[]);
    let batches = [story.append("t", 0), story.append("t", 1)];
    story.settle();
    assert_eq!(story.carried.len(), 1);
    let carried = story.carried.remove(0);
    let mut response = super::story::sound_answer(&carried);
    response.topics[0].partitions.truncate(1);
    oversleep(&mut story, 1_500);
    story.receive(&carried, response);
    assert_eq!(batches.map(|batch| story.fate(batch)), [Some(Err("TimeoutException")); 2]);
    assert!(story.producer.accumulator.in_flight().is_empty());
}

/// Mirrors `SenderTest.testExpiryOfUnsentBatchesShouldNotCauseUnresolvedSequences`: a batch that expires without having
/// been sent fails with TimeoutException and leaves no doubt about sequences.
#[test]
fn a_batch_that_never_left_leaves_no_doubt() {
    let mut story = idempotent();
    lose_the_leader(&mut story);
    let batch = story.put(0, "a");
    story.pass(1_500);
    assert_eq!(story.fate(batch), Some(Err("TimeoutException")));
    assert!(!story.known(0).is_unresolved);
    assert_eq!(story.known(0).next, 0);
}

/// Two batches are out; the first comes back to be sent again and expires, the second must be sent again, and a third
/// waits. The first may be stored or not.
fn in_doubt() -> Story {
    let mut story = idempotent();
    let first = story.put(0, "a");
    story.pass(1_000);
    let second = story.put(0, "b");
    assert_eq!((story.carried.len(), story.known(0).in_flight), (2, 2));
    story.refuse(ErrorCode::REQUEST_TIMED_OUT);
    lose_the_leader(&mut story);
    story.pass(500);
    assert_eq!((story.fate(first), story.fate(second)), (Some(Err("TimeoutException")), None));
    assert!(story.known(0).is_unresolved);
    story.put(0, "c");
    story.refuse_connections = false;
    story.await_batch();
    assert_eq!(story.out(), [told(0, "b", 1, 0)], "the third waits");
    assert_eq!((story.known(0).next, story.known(0).is_unresolved), (2, true));
    story
}

/// Mirrors `SenderTest.testExpiryOfFirstBatchShouldNotCauseUnresolvedSequencesIfFutureBatchesSucceed`: while it is not
/// known whether an expired batch is stored, a new batch waits; when the one between is stored the doubt is over, and
/// the new batch leaves with the next sequence in the same epoch.
#[test]
fn a_later_batch_that_is_stored_ends_the_doubt() {
    let mut story = in_doubt();
    story.store(1);
    assert_eq!(story.completed.last().map(|told| told.result.clone().map(|stored| stored.base_offset)), Some(Ok(1)));
    assert_eq!(story.out(), [told(0, "c", 2, 0)]);
    assert!(!story.known(0).is_unresolved);
}

/// Mirrors `SenderTest.testExpiryOfFirstBatchShouldCauseEpochBumpIfFutureBatchesFail`: when the batch after the expired
/// one comes back out of order, it is queued again before the new one, the epoch is bumped, sequences begin anew, and
/// the doubt is over.
#[test]
fn a_later_batch_that_is_out_of_order_bumps_the_epoch() {
    let mut story = in_doubt();
    story.refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert!(story.carried.is_empty(), "both wait");
    assert_eq!(story.identity().map(|identity| identity.epoch), Some(1));
    assert_eq!((story.known(0).next, story.known(0).is_unresolved), (1, false));
    story.await_batch();
    assert_eq!(story.out(), [told(0, "b", 0, 1), told(0, "c", 1, 1)]);
}

/// Mirrors `SenderTest.testExpiryOfAllSentBatchesShouldCauseUnresolvedSequences`: a batch that expires after it was
/// sent leaves its sequence unresolved and nothing queued, under the same producer id; the next round bumps the epoch
/// and ends the doubt.
#[test]
fn when_nothing_is_out_the_doubt_is_ended_by_an_epoch() {
    let mut story = idempotent();
    let batch = story.put(0, "a");
    story.refuse(ErrorCode::NOT_LEADER_OR_FOLLOWER);
    assert_eq!(story.known(0).next, 1);
    let before = story.identity().expect("granted");
    lose_the_leader(&mut story);
    story.pass(1_499);
    oversleep(&mut story, 1);
    story.producer.begin_round(story.now());
    assert!(story.known(0).is_unresolved && !story.producer.accumulator.has_incomplete());
    assert_eq!(story.identity(), Some(before));
    story.producer.begin_round(story.now());
    assert_eq!(story.identity().map(|after| (after.id, after.epoch)), Some((before.id, before.epoch + 1)));
    assert!(!story.known(0).is_unresolved);
    story.settle();
    assert_eq!(story.fate(batch), Some(Err("TimeoutException")));
    assert!(!story.producer.connections.has_in_flight());
}

/// Mirrors `TransactionManagerTest.testDuplicateSequenceAfterProducerReset`: a batch whose request timed out, and that
/// expires while its second attempt is out, bumps the epoch; the next batch has sequence 0, leaves while the old
/// request is still out, and is sent again when that one times out.
#[test]
fn a_batch_behind_an_attempt_that_expired_begins_anew() {
    let properties = [("delivery.timeout.ms", "15000"), ("request.timeout.ms", "10000"), ("linger.ms", "0")];
    let mut story = Story::new(&properties);
    story.next_epoch = 1;
    let mut story = story.started();
    let first = story.put(0, "1");
    assert_eq!(story.known(0).next, 1);
    story.carried.clear();
    story.pass(10_001);
    assert_eq!((story.known(0).in_flight, story.known(0).next), (1, 1));
    story.await_batch();
    assert_eq!((story.out(), story.known(0).next), (vec![told(0, "1", 0, 1)], 1));
    let left = 15_000 - story.now_ms();
    story.pass(left);
    assert_eq!(story.fate(first), Some(Err("TimeoutException")));
    assert_eq!(story.carried.len(), 1, "its request is out until it times out itself");
    assert_eq!(story.identity().map(|identity| identity.epoch), Some(2));
    assert_eq!(story.known(0).next, 0);
    let second = story.put(0, "2");
    assert_eq!((story.known(0).first_in_flight, story.known(0).next), (Some(0), 1));
    story.carried.clear();
    story.pass(5_200);
    assert_eq!((story.fate(second), story.known(0).in_flight), (None, 1));
    story.await_batch();
    assert_eq!(story.out(), [told(0, "2", 0, 2)]);
}
