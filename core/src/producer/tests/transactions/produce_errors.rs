//! Batches of a transaction that fail: what becomes of it, and of the calls that end it.

use super::super::story::Story;
use super::stage::{NEXT, V1, V2};
use crate::error::{ErrorCode, ProducerError, TransactionError, TransactionPhase};
use crate::protocol::ApiKey;

const END: ApiKey = ApiKey::EndTxn;
const INIT: ApiKey = ApiKey::InitProducerId;

/// An abort was called: it ends the transaction, brings an epoch, and succeeds.
fn abort_with_a_new_epoch(story: &mut Story) {
    let abort = story.call_abort().expect("fits");
    story.expect(END, ErrorCode::NONE);
    assert_eq!((story.outcome(abort), story.phase()), (None, TransactionPhase::Initializing));
    story.expect(INIT, ErrorCode::NONE);
    assert_eq!((story.outcome(abort), story.phase()), (Some(Ok(())), TransactionPhase::Ready));
    assert_eq!(story.identity(), Some(NEXT));
}

/// Mirrors `TransactionManagerTest.testFatalErrorWhenProduceResponseWithInvalidPidMapping`: a batch answered with
/// INVALID_PRODUCER_ID_MAPPING fails, and that is fatal for the producer.
#[test]
fn a_producer_id_that_is_not_known_any_more_ends_the_producer() {
    let (mut story, batch) = Story::written(V2, &[]);
    assert_eq!(story.fate(batch), None);
    story.refuse(ErrorCode::INVALID_PRODUCER_ID_MAPPING);
    assert_eq!(story.fate(batch), Some(Err("InvalidPidMappingException")));
    assert_eq!(story.phase(), TransactionPhase::FatalError);
}

/// Mirrors `TransactionManagerTest.testDisallowCommitOnProduceFailure`: a batch failed with OutOfOrderSequenceException
/// cancels the commit without EndTxn; an abort succeeds after it, and the producer is ready.
#[test]
fn a_commit_is_cancelled_by_a_batch_that_failed() {
    let (mut story, batch) = Story::written(V1, &[]);
    let commit = story.call_commit().expect("fits");
    story.refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_eq!(story.question(), None);
    assert!(story.outcome(commit).is_some_and(|outcome| outcome.is_err()));
    assert_eq!(story.fate(batch), Some(Err("OutOfOrderSequenceException")));
    let abort = story.call_abort().expect("fits");
    story.expect(END, ErrorCode::NONE);
    assert_eq!((story.outcome(abort), story.phase()), (Some(Ok(())), TransactionPhase::Ready));
}

/// Mirrors `TransactionManagerTest.testAllowAbortOnProduceFailure`: a batch failed with OUT_OF_ORDER_SEQUENCE_NUMBER
/// leaves an abortable error; the abort asks for a new epoch, succeeds, and the producer is ready.
#[test]
fn a_batch_that_failed_is_made_good_by_an_abort() {
    let (mut story, _) = Story::written(V1, &[]);
    story.refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_eq!(story.phase(), TransactionPhase::AbortableError);
    abort_with_a_new_epoch(&mut story);
}

/// Mirrors `TransactionManagerTest.testAbortableErrorWhileAbortInProgress`: a batch that fails while its transaction is
/// being aborted is no further error: the abort goes on, succeeds, and the producer is ready.
#[test]
fn a_batch_that_fails_during_an_abort_changes_nothing() {
    let (mut story, batch) = Story::written(V1, &[]);
    let abort = story.call_abort().expect("fits");
    assert_eq!((story.phase(), story.question()), (TransactionPhase::Aborting, None));
    story.refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_eq!(story.fate(batch), Some(Err("OutOfOrderSequenceException")));
    assert_eq!((story.phase(), story.last_error()), (TransactionPhase::Aborting, None));
    story.expect(END, ErrorCode::NONE);
    assert_eq!((story.outcome(abort), story.phase()), (Some(Ok(())), TransactionPhase::Ready));
    assert_eq!(story.question(), None, "nor is an epoch asked for");
}

/// Mirrors `SenderTest.testTransactionShouldTransitionToAbortableForSenderAPI`: a batch whose retries end in a
/// retriable error, or one refused with INVALID_TXN_STATE, leaves an abortable error; a record sent after it and a
/// commit fail with TransactionAbortableException.
#[test]
fn retries_that_are_used_up_leave_only_an_abort() {
    for code in [ErrorCode::COORDINATOR_LOAD_IN_PROGRESS, ErrorCode::INVALID_TXN_STATE] {
        let (mut story, _) = Story::written(V1, &[("retries", "1")]);
        story.refuse(code);
        if code.is_retriable() {
            assert_eq!(story.phase(), TransactionPhase::InTransaction);
            story.pass(200);
            story.refuse(code);
        }
        assert_eq!(story.phase(), TransactionPhase::AbortableError);
        let (_, batch) = story.put_in_vain(0);
        story.settle();
        assert_eq!(story.fate(batch), Some(Err("TransactionAbortableException")), "{code}");
        story.expect_abortable("TransactionAbortableException");
    }
}

/// Mirrors `SenderTest.testInvalidTxnStateIsAnAbortableError`: a batch refused with INVALID_TXN_STATE fails with
/// InvalidTxnStateException; an abort ends the transaction, brings an epoch, and the next transaction begins.
/// Mirrors `SenderTest.testTransactionAbortableExceptionIsAnAbortableError`: a batch refused with TRANSACTION_ABORTABLE
/// fails with TransactionAbortableException; an abort ends the transaction, brings an epoch, and the next one begins.
#[test]
fn a_transaction_that_its_leader_does_not_know_can_be_aborted() {
    for (code, class) in [
        (ErrorCode::INVALID_TXN_STATE, "InvalidTxnStateException"),
        (ErrorCode::TRANSACTION_ABORTABLE, "TransactionAbortableException"),
    ] {
        let (mut story, batch) = Story::written(V1, &[]);
        story.refuse(code);
        assert_eq!((story.fate(batch), story.phase()), (Some(Err(class)), TransactionPhase::AbortableError));
        abort_with_a_new_epoch(&mut story);
        story.call_begin().expect("fits");
    }
}

/// Mirrors `SenderTest.testAbortableErrorIsConvertedToFatalErrorDuringAbort`: TRANSACTION_ABORTABLE for a commit fails
/// it with TransactionAbortableException, which an abort could heal; for that abort it is fatal, and a plain
/// KafkaException.
/// Mirrors `TransactionManagerTest.testTransactionAbortableExceptionInEndTxn`: after a stored batch,
/// TRANSACTION_ABORTABLE fails the commit; another commit is refused because of it, and an abort is possible.
#[test]
fn an_abort_that_is_told_to_abort_is_fatal() {
    let (mut story, batch) = Story::written(V1, &[]);
    let commit = story.call_commit().expect("fits");
    story.store(0);
    story.expect(END, ErrorCode::TRANSACTION_ABORTABLE);
    assert_eq!(story.fate(batch), Some(Ok(0)));
    assert_eq!(story.outcome_class(commit), Some("TransactionAbortableException"));
    let mut other = story.clone();
    other.expect_abortable("TransactionAbortableException");

    let abort = story.call_abort().expect("that is what is left");
    story.expect(END, ErrorCode::TRANSACTION_ABORTABLE);
    let error = story.outcome(abort).expect("known").expect_err("it failed");
    assert_eq!(error, ProducerError::from(TransactionError::AbortFailed(ErrorCode::TRANSACTION_ABORTABLE)));
    assert_eq!((error.java_class(), story.phase()), ("KafkaException", TransactionPhase::FatalError));
}

/// Mirrors `SenderTest.testTooLargeBatchesAreSafelyRemoved`: a batch of two records found too large is split within its
/// transaction, its parts are stored, nothing of it is in flight, and its delivery deadline passes without a word.
#[test]
fn a_batch_of_a_transaction_that_is_too_large_is_split_and_forgotten() {
    let mut story = Story::begun(V1, &[("delivery.timeout.ms", "2000"), ("request.timeout.ms", "1900")]);
    let batch = story.append("t", 0);
    assert_eq!(story.append("t", 0), batch);
    story.settle();
    story.expect(ApiKey::AddPartitionsToTxn, ErrorCode::NONE);
    assert_eq!(story.known(0).in_flight, 1);
    story.refuse(ErrorCode::MESSAGE_TOO_LARGE);
    while !story.carried.is_empty() {
        story.store(0);
    }
    assert_eq!((story.known(0).in_flight, story.fate(batch)), (0, Some(Ok(0))));
    let told = story.completed.len();
    story.pass(2_500);
    assert_eq!((story.completed.len(), story.phase()), (told, TransactionPhase::InTransaction));
}
