//! How the sender and the end of a transaction, or of the producer, wait for each other.

use core::time::Duration;

use super::super::story::Story;
use super::stage::V1;
use crate::error::{ErrorCode, TransactionPhase};
use crate::io::OutgoingRequest;
use crate::protocol::{ApiKey, Request};

const ADD: ApiKey = ApiKey::AddPartitionsToTxn;
const END: ApiKey = ApiKey::EndTxn;

fn is_commit(request: &OutgoingRequest) -> bool {
    matches!(&request.body, Request::EndTxn(asked) if asked.committed)
}

fn close(story: &mut Story, patience: Option<Duration>) {
    story.producer.close(story.now(), patience);
    story.settle();
}

/// A transaction with a stored record.
fn stored() -> Story {
    let (mut story, _) = Story::written(V1, &[]);
    story.store(0);
    story
}

/// Mirrors `SenderTest.testTransactionalRequestsSentOnShutdown`: a commit under way when the producer is closed is
/// asked of the coordinator before the end.
/// Mirrors `TransactionManagerTest.testSenderShutdownWithPendingTransactions`: the commit of a closing producer, after
/// its record was stored, is asked for, answered and over.
#[test]
fn closing_waits_for_a_commit() {
    let (mut story, batch) = Story::written(V1, &[]);
    let commit = story.call_commit().expect("fits");
    close(&mut story, None);
    assert!(!story.producer.is_closed() && story.question().is_none());
    story.store(0);
    assert_eq!(story.fate(batch), Some(Ok(0)));
    assert!(is_commit(&story.expect(END, ErrorCode::NONE)));
    assert_eq!(story.outcome(commit), Some(Ok(())));
    assert!(story.producer.is_closed());
}

/// Mirrors `SenderTest.testIncompleteTransactionAbortOnShutdown`: an open transaction of a producer that is closed is
/// aborted by a question to the coordinator before the end.
#[test]
fn closing_aborts_an_open_transaction() {
    let mut story = stored();
    close(&mut story, None);
    assert!(!story.producer.is_closed());
    let asked = story.expect(END, ErrorCode::NONE);
    assert!(matches!(&asked.body, Request::EndTxn(asked) if !asked.committed));
    assert!(story.producer.is_closed());
}

/// Mirrors `SenderTest.testForceShutdownWithIncompleteTransaction`: a commit under way when the producer is closed
/// without patience fails with a KafkaException, and the producer is closed at once.
#[test]
fn closing_without_patience_gives_a_commit_up() {
    let mut story = stored();
    let commit = story.call_commit().expect("fits");
    close(&mut story, Some(Duration::ZERO));
    assert!(story.producer.is_closed());
    assert_eq!(story.outcome_class(commit), Some("KafkaException"));
}

/// Mirrors `SenderTest.testSenderShouldCloseWhenTransactionManagerInErrorState`: a producer whose transaction cannot
/// even be aborted, for the call before must be repeated first, is closed at once.
#[test]
fn closing_does_not_wait_for_an_abort_that_cannot_begin() {
    let (mut story, _) = Story::written(V1, &[]);
    story.call_commit().expect("fits");
    story.refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_eq!(story.phase(), TransactionPhase::AbortableError);
    assert_eq!(story.clone().call_abort().expect_err("the commit is first").java_class(), "IllegalStateException");
    close(&mut story, None);
    assert!(story.producer.is_closed() && story.question().is_none());
}

/// An abort whose new epoch was refused, and whose outcome nobody has taken: closing would abort once more, and is given
/// that outcome again (`handleCachedTransactionRequestResult`) for as long as it has patience. Without a limit it ends
/// when the program takes the outcome.
#[test]
fn closing_after_a_failed_abort_waits_as_long_as_it_may() {
    let after_a_failed_abort = || {
        let (mut story, _) = Story::written(V1, &[]);
        story.refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
        let abort = story.call_abort().expect("fits");
        story.expect(END, ErrorCode::NONE);
        story.expect(ApiKey::InitProducerId, ErrorCode::TRANSACTION_ABORTABLE);
        assert_eq!(story.phase(), TransactionPhase::AbortableError);
        (story, abort)
    };
    let (mut story, _) = after_a_failed_abort();
    close(&mut story, Some(Duration::from_millis(100)));
    story.pass(99);
    assert!(!story.producer.is_closed() && story.question().is_none());
    story.pass(1);
    assert!(story.producer.is_closed());

    let (mut story, abort) = after_a_failed_abort();
    close(&mut story, None);
    story.pass(1_000);
    assert!(!story.producer.is_closed() && story.question().is_none());
    assert_eq!(story.outcome_class(abort), Some("TransactionAbortableException"));
    assert_eq!(story.outcome(abort), None, "closing is not told");
    story.settle();
    // That a new epoch was needed went with the first end (`completeTransaction`): the second abort asks nothing.
    assert_eq!(story.question(), None);
    assert!(story.producer.is_closed());
}

/// Mirrors `SenderTest.testRecordsFlushedImmediatelyOnTransactionCompletion`: a commit sends lingering records at once
/// and succeeds after their answer; in the next transaction records linger again, to the millisecond.
#[test]
fn a_commit_ends_the_linger_of_its_own_transaction_only() {
    let mut story = Story::begun(V1, &[("linger.ms", "50")]);
    story.put(0, "a");
    story.expect(ADD, ErrorCode::NONE);
    story.put(0, "b");
    assert!(story.carried.is_empty());
    let commit = story.call_commit().expect("fits");
    assert_eq!(story.carried_values(), ["ab"]);
    story.store(1);
    assert!(is_commit(&story.expect(END, ErrorCode::NONE)));
    assert_eq!((story.outcome(commit), story.phase()), (Some(Ok(())), TransactionPhase::Ready));

    story.call_begin().expect("fits");
    story.put(0, "c");
    story.expect(ADD, ErrorCode::NONE);
    story.put(0, "d");
    story.pass(49);
    assert!(story.carried.is_empty());
    story.pass(1);
    assert_eq!(story.carried_values(), ["cd"]);
}

/// Mirrors `SenderTest.testAwaitPendingRecordsBeforeCommittingTransaction`: with one batch out and another unsent, a
/// commit sends the other, asks nothing while either is out, and then ends the transaction.
#[test]
fn a_commit_waits_for_what_is_out_and_what_it_sends() {
    let mut story = Story::begun(V1, &[("linger.ms", "50")]);
    story.put(0, "a");
    story.expect(ADD, ErrorCode::NONE);
    story.pass(50);
    assert_eq!((story.carried_values(), story.known(0).in_flight), (vec!["a".to_owned()], 1));
    story.put(0, "b");
    assert_eq!(story.carried.len(), 1);
    story.call_commit().expect("fits");
    assert_eq!((story.carried_values(), story.known(0).in_flight), (vec!["a".to_owned(), "b".to_owned()], 2));
    for base_offset in [0, 1] {
        assert_eq!((story.phase(), story.question()), (TransactionPhase::Committing, None));
        story.store(base_offset);
    }
    assert!(is_commit(&story.expect(END, ErrorCode::NONE)));
    assert_eq!(story.phase(), TransactionPhase::Ready);
}
