//! Batches of a transaction whose time is over.

use super::super::story::Story;
use super::stage::{V1, V2};
use crate::error::{ErrorCode, ProducerError, TransactionError, TransactionPhase};
use crate::ids::{BatchId, NodeId};
use crate::protocol::ApiKey;

/// Batches live for two seconds.
const SHORT: [(&str, &str); 2] = [("delivery.timeout.ms", "2000"), ("request.timeout.ms", "1900")];
const SENDER_TIMEOUT: &str = "The request has not been sent, or no server response has been received yet.";

/// The connection to the leader breaks and is refused from now on; the coordinator stays.
fn lose_the_leader(story: &mut Story) {
    story.refuse_connections = true;
    if let Some(connection) = story.producer.connections.connection_to(NodeId(1)) {
        story.break_off(connection);
    }
}

/// A record for each of these partitions, which are in the transaction, but whose leader is gone.
fn stuck(partitions: &[i32]) -> (Story, Vec<BatchId>) {
    let mut story = Story::begun(V1, &SHORT);
    let batches: Vec<_> = partitions.iter().map(|&partition| story.append("t", partition)).collect();
    story.settle();
    assert!(!story.may_send(partitions[0]) && story.carried.is_empty());
    lose_the_leader(&mut story);
    story.expect(ApiKey::AddPartitionsToTxn, ErrorCode::NONE);
    assert!(partitions.iter().all(|&partition| story.may_send(partition)));
    assert!(story.carried.is_empty() && batches.iter().all(|&batch| story.fate(batch).is_none()));
    (story, batches)
}

/// Each of these expired, as its sentence says.
fn have_expired(story: &Story, batches: &[BatchId]) {
    for &batch in batches {
        assert_eq!(story.fate(batch), Some(Err("TimeoutException")));
        let completion = story.completed.iter().find(|completion| completion.batch == batch).expect("told");
        let error = completion.result.clone().expect_err("expired").error;
        assert!(error.to_string().contains(SENDER_TIMEOUT), "{error}");
    }
}

/// Mirrors `TransactionManagerTest.testTransitionToAbortableErrorOnBatchExpiry`: a batch that cannot leave although its
/// partition was added expires with TimeoutException, and the error is abortable.
/// Mirrors `TransactionManagerTest.testTransitionToAbortableErrorOnMultipleBatchExpiry`: so do batches of two
/// partitions, both of them.
#[test]
fn batches_that_expire_unsent_leave_only_an_abort() {
    for partitions in [&[0][..], &[0, 1]] {
        let (mut story, batches) = stuck(partitions);
        story.pass(2_000);
        have_expired(&story, &batches);
        assert_eq!(story.phase(), TransactionPhase::AbortableError);
    }
}

/// Mirrors `TransactionManagerTest.testDropCommitOnBatchExpiry`: a commit whose batch expires fails, without EndTxn,
/// with TransactionAbortableException caused by the TimeoutException; the transaction stays ongoing with its partition
/// until an abort, which succeeds.
#[test]
fn a_commit_is_dropped_when_its_batch_expires() {
    let (mut story, batches) = stuck(&[0]);
    let commit = story.call_commit().expect("fits");
    story.pass(2_000);
    have_expired(&story, &batches);
    assert_eq!(story.question(), None);
    let error = story.outcome(commit).expect("known").expect_err("dropped");
    assert_eq!(error.java_class(), "TransactionAbortableException");
    let ProducerError::Transaction(error) = error else { panic!("{error:?}") };
    let TransactionError::RetriesExhausted(cause) = *error else { panic!("{error:?}") };
    assert!(cause.java_class() == "TimeoutException" && cause.to_string().contains(SENDER_TIMEOUT));
    assert!(story.phase() == TransactionPhase::AbortableError && story.may_send(0));
    let abort = story.call_abort().expect("fits");
    story.expect(ApiKey::EndTxn, ErrorCode::NONE);
    assert_eq!((story.outcome(abort), story.phase()), (Some(Ok(())), TransactionPhase::Ready));
    assert!(!story.may_send(0));
}

/// A batch that was refused once expires before its next attempt. Nobody knows whether it is stored.
fn expire_in_retry(story: &mut Story, batch: BatchId) {
    story.refuse(ErrorCode::NOT_LEADER_OR_FOLLOWER);
    lose_the_leader(story);
    assert_eq!(story.fate(batch), None);
    story.pass(2_000);
    have_expired(story, &[batch]);
}

/// Mirrors `TransactionManagerTest.testTransitionToFatalErrorWhenRetriedBatchIsExpired`: with a coordinator that cannot
/// bump epochs, a batch that expires in retry ends the producer: the commit fails, and no transaction is ongoing.
#[test]
fn without_new_epochs_a_batch_that_expires_in_retry_ends_the_producer() {
    let mut story = Story::transactional_with(V1, &SHORT, &[(ApiKey::InitProducerId, 0, 1), (ApiKey::Produce, 3, 7)]);
    story = story.initialised();
    story.call_begin().expect("fits");
    let batch = story.put(0, "a");
    story.expect(ApiKey::AddPartitionsToTxn, ErrorCode::NONE);
    let commit = story.call_commit().expect("fits");
    expire_in_retry(&mut story, batch);
    assert!(story.outcome(commit).is_some_and(|outcome| outcome.is_err()));
    assert_eq!((story.phase(), story.last_error()), (TransactionPhase::FatalError, Some("KafkaException")));
}

/// Mirrors `TransactionManagerTest.testMaybeResolveSequencesTransactionalProducer`: where an epoch can be had, with
/// either protocol, sequences that stay unresolved after a batch in retry expired leave an abortable error.
/// Mirrors `SenderTest.testUnresolvedSequencesAreNotFatal`: the sender runs on after such an expiry, and the error is
/// abortable, not fatal.
#[test]
fn with_new_epochs_a_batch_that_expires_in_retry_leaves_only_an_abort() {
    for level in [V1, V2] {
        let (mut story, batch) = Story::written(level, &SHORT);
        assert_eq!(story.known(0).next, 1);
        expire_in_retry(&mut story, batch);
        story.pass(10);
        assert!(!story.known(0).is_unresolved);
        assert_eq!(story.phase(), TransactionPhase::AbortableError, "protocol {level}");
    }
}

/// Mirrors `SenderTest.testReceiveFailedBatchTwiceWithTransactions`: a batch that expired in flight, and whose late
/// answer is INVALID_TXN_STATE, leaves an abortable error and no fatal one; the abort ends the transaction, brings an
/// epoch, and the next transaction begins.
#[test]
fn a_late_refusal_of_an_expired_batch_is_not_fatal() {
    // The coordinator of partitions is slow: a batch that waited for it may be answered after its own time is over.
    let mut story = Story::begun(V1, &SHORT);
    let batch = story.put(0, "a");
    story.pass(1_000);
    story.expect(ApiKey::AddPartitionsToTxn, ErrorCode::NONE);
    assert_eq!(story.carried_values(), ["a"]);
    story.pass(1_000);
    have_expired(&story, &[batch]);
    story.pass(20);
    story.refuse(ErrorCode::INVALID_TXN_STATE);
    assert_eq!((story.phase(), story.completed.len()), (TransactionPhase::AbortableError, 1));
    let abort = story.call_abort().expect("fits");
    story.expect(ApiKey::EndTxn, ErrorCode::NONE);
    assert_eq!(story.phase(), TransactionPhase::Initializing);
    story.expect(ApiKey::InitProducerId, ErrorCode::NONE);
    assert_eq!((story.outcome(abort), story.phase()), (Some(Ok(())), TransactionPhase::Ready));
    story.call_begin().expect("fits");
}

/// Mirrors `TransactionManagerTest.testBumpTransactionalEpochOnTimeout`: after two stored batches a third expires,
/// which is abortable; once the coordinator was found again the abort brings an epoch, under which sequences begin at
/// zero.
#[test]
fn an_expired_batch_costs_the_transaction_and_brings_an_epoch() {
    let (mut story, _) = Story::written(V1, &SHORT);
    story.store(0);
    story.put(0, "b");
    story.store(1);
    let batch = story.put(0, "c");
    assert_eq!(story.carried_values(), ["c"]);
    story.pass(1_800);
    lose_the_leader(&mut story);
    let coordinator = story.producer.connections.connection_to(NodeId(2)).expect("it stands");
    story.break_off(coordinator);
    story.pass(1_200);
    have_expired(&story, &[batch]);
    assert_eq!(story.phase(), TransactionPhase::AbortableError);
    let abort = story.call_abort().expect("fits");
    story.refuse_connections = false;
    while story.phase() != TransactionPhase::Ready {
        story.await_question();
        let question = story.question().expect("a question");
        story.expect(question, ErrorCode::NONE);
    }
    assert_eq!((story.outcome(abort), story.identity()), (Some(Ok(())), Some(super::stage::NEXT)));
    story.call_begin().expect("fits");
    story.put(0, "d");
    story.expect(ApiKey::AddPartitionsToTxn, ErrorCode::NONE);
    story.pass(1_000);
    assert_eq!(story.carried[0].batches(), [(0, vec!["d".to_owned()], 0, 2)]);
}
