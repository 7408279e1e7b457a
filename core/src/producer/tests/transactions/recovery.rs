//! Aborts: what they still wait for, what they give up, and that a transaction can follow.

use super::super::story::{Story, record};
use super::stage::V1;
use crate::error::{ErrorCode, TransactionPhase};
use crate::ids::BatchId;
use crate::io::OutgoingRequest;
use crate::producer::TransactionTicket;
use crate::protocol::{ApiKey, Request};
use crate::record::Record;

const ADD: ApiKey = ApiKey::AddPartitionsToTxn;
const END: ApiKey = ApiKey::EndTxn;

fn is_abort(request: &OutgoingRequest) -> bool {
    matches!(&request.body, Request::EndTxn(asked) if !asked.committed)
}

/// The abort succeeded, nothing is left of the transaction, and another one runs from beginning to end.
fn is_well_again(story: &mut Story, abort: TransactionTicket) {
    assert_eq!((story.outcome(abort), story.phase()), (Some(Ok(())), TransactionPhase::Ready));
    assert!(!story.pending().0 && story.question().is_none() && !story.producer.accumulator.has_incomplete());
    story.call_begin().expect("fits");
    let batch = story.append("t", 0);
    story.settle();
    story.expect(ADD, ErrorCode::NONE);
    assert!(story.may_send(0) && story.question().is_none());
    story.call_commit().expect("fits");
    story.store(9);
    assert_eq!(story.fate(batch), Some(Ok(9)));
    story.expect(END, ErrorCode::NONE);
    assert_eq!(story.phase(), TransactionPhase::Ready);
}

/// Sends a record to a topic to which the principal may not write, up to the question for its partition.
fn send_to_forbidden_topic(story: &mut Story) -> BatchId {
    let batch = story.append("foo", 0);
    story.settle();
    assert_eq!(story.question(), Some(ADD));
    batch
}

/// Mirrors `TransactionManagerTest.testRecoveryFromAbortableErrorTransactionNotStarted`: when its only partition was
/// refused the transaction is aborted without EndTxn, its record failed, and another transaction commits.
/// Mirrors `TransactionManagerTest.shouldNotSendAbortTxnRequestWhenOnlyAddPartitionsRequestFailed`: an abort after the
/// only partition was refused succeeds without EndTxn.
#[test]
fn what_had_no_partition_is_aborted_without_its_coordinator() {
    let mut story = Story::begun(V1, &[]);
    story.look_at("foo");
    let batch = send_to_forbidden_topic(&mut story);
    story.expect(ADD, ErrorCode::TOPIC_AUTHORIZATION_FAILED);
    assert_eq!(story.phase(), TransactionPhase::AbortableError);
    let abort = story.call_abort().expect("fits");
    assert!(matches!(story.fate(batch), Some(Err(_))));
    is_well_again(&mut story, abort);
}

/// Mirrors `TransactionManagerTest.testRecoveryFromAbortableErrorTransactionStarted`: with one partition in and another
/// refused, no record has left, the abort asks EndTxn, both records fail, and another transaction commits.
#[test]
fn what_had_one_partition_is_aborted_by_its_coordinator() {
    let mut story = Story::begun(V1, &[("linger.ms", "60000")]);
    story.look_at("foo");
    let allowed = story.put(0, "a");
    story.expect(ADD, ErrorCode::NONE);
    let forbidden = send_to_forbidden_topic(&mut story);
    story.hear(ADD, &|_, _| ErrorCode::TOPIC_AUTHORIZATION_FAILED);
    assert_eq!(story.phase(), TransactionPhase::AbortableError);
    assert!(story.may_send(0) && !story.may_send_to("foo", 0));
    assert_eq!([allowed, forbidden].map(|batch| story.fate(batch)), [None, None]);
    let abort = story.call_abort().expect("fits");
    assert!(is_abort(&story.expect(END, ErrorCode::NONE)));
    assert!([allowed, forbidden].iter().all(|&batch| matches!(story.fate(batch), Some(Err(_)))));
    is_well_again(&mut story, abort);
}

/// Mirrors `TransactionManagerTest.testRecoveryFromAbortableErrorProduceRequestInRetry`: a batch in retry is sent again
/// and stored although another partition was refused meanwhile, whose record fails; the abort asks EndTxn, and another
/// transaction commits.
#[test]
fn a_batch_in_retry_is_stored_before_the_abort() {
    let (mut story, retried) = Story::written(V1, &[]);
    story.look_at("foo");
    story.refuse(ErrorCode::REQUEST_TIMED_OUT);
    assert!(story.fate(retried).is_none() && story.producer.accumulator.has_incomplete());
    let forbidden = send_to_forbidden_topic(&mut story);
    story.expect(ADD, ErrorCode::TOPIC_AUTHORIZATION_FAILED);
    assert_eq!(story.phase(), TransactionPhase::AbortableError);
    assert!(story.may_send(0) && !story.may_send_to("foo", 0) && story.fate(retried).is_none());
    story.pass(200);
    story.store(4);
    assert_eq!((story.fate(retried), story.fate(forbidden)), (Some(Ok(4)), Some(Err("TopicAuthorizationException"))));
    let abort = story.call_abort().expect("fits");
    assert!(is_abort(&story.expect(END, ErrorCode::NONE)));
    is_well_again(&mut story, abort);
}

/// Mirrors `TransactionManagerTest.resendFailedProduceRequestAfterAbortableError`: a batch in retry is sent again after
/// an error that asks for an abort, and stored.
#[test]
fn a_batch_in_retry_is_sent_again_after_an_abortable_error() {
    let (mut story, retried) = Story::written(V1, &[]);
    story.put(1, "b");
    story.expect(ADD, ErrorCode::NONE);
    story.refuse(ErrorCode::NOT_LEADER_OR_FOLLOWER);
    story.refuse(ErrorCode::TOPIC_AUTHORIZATION_FAILED);
    assert_eq!((story.phase(), story.fate(retried)), (TransactionPhase::AbortableError, None));
    story.pass(200);
    assert_eq!(story.carried_values(), ["a"]);
    story.store(0);
    assert_eq!(story.fate(retried), Some(Ok(0)));
}

/// Mirrors `TransactionManagerTest.testCancelUnsentAddPartitionsAndProduceOnAbort`: an abort before anything left asks
/// nothing, succeeds, leaves the producer ready, and fails the record with TransactionAbortedException.
#[test]
fn an_abort_of_what_has_not_left_asks_nobody() {
    let mut story = Story::begun(V1, &[]);
    let batch = story.append("t", 0);
    let abort = story.call_abort().expect("fits");
    assert!(story.question().is_none() && story.carried.is_empty());
    assert_eq!((story.outcome(abort), story.phase()), (Some(Ok(())), TransactionPhase::Ready));
    assert_eq!(story.fate(batch), Some(Err("TransactionAbortedException")));
}

/// Mirrors `TransactionManagerTest.testAbortResendsAddPartitionErrorIfRetried`: a question for a partition that is
/// being retried is asked again during an abort; then EndTxn is, the abort succeeds, and the record fails with
/// TransactionAbortedException.
#[test]
fn an_abort_finds_out_whether_a_partition_was_added() {
    let mut story = Story::begun(V1, &[]);
    let batch = story.put(0, "a");
    story.expect(ADD, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    assert_eq!(story.fate(batch), None);
    let abort = story.call_abort().expect("fits");
    story.await_question();
    story.expect(ADD, ErrorCode::NONE);
    assert!(is_abort(&story.expect(END, ErrorCode::NONE)));
    assert_eq!((story.outcome(abort), story.phase()), (Some(Ok(())), TransactionPhase::Ready));
    assert_eq!(story.fate(batch), Some(Err("TransactionAbortedException")));
}

/// Mirrors `TransactionManagerTest.testAbortResendsProduceRequestIfRetried`: a batch that is being retried is sent
/// again and stored before the abort asks EndTxn and succeeds.
#[test]
fn an_abort_waits_for_a_batch_in_retry() {
    let (mut story, batch) = Story::written(V1, &[]);
    story.refuse(ErrorCode::REQUEST_TIMED_OUT);
    assert_eq!(story.fate(batch), None);
    let abort = story.call_abort().expect("fits");
    assert_eq!(story.question(), None);
    story.pass(200);
    story.store(2);
    assert_eq!((story.fate(batch), &*story.completed[0].topic), (Some(Ok(2)), "t"));
    assert!(is_abort(&story.expect(END, ErrorCode::NONE)));
    assert_eq!((story.outcome(abort), story.phase()), (Some(Ok(())), TransactionPhase::Ready));
}

/// Mirrors `SenderTest.testTransactionAbortedExceptionOnAbortWithoutError`: a record that has not left when its
/// transaction is aborted, without an error before, fails with TransactionAbortedException.
#[test]
fn an_abort_without_an_error_fails_what_has_not_left() {
    let mut story = Story::begun(V1, &[("linger.ms", "60000")]);
    let wanted = Record { key: Some(b"key"), ..record(0, "value") };
    let batch = story.send(&wanted).expect("taken").batch;
    story.expect(ADD, ErrorCode::NONE);
    assert_eq!(story.fate(batch), None);
    story.call_abort().expect("fits");
    assert_eq!(story.fate(batch), Some(Err("TransactionAbortedException")));
}
