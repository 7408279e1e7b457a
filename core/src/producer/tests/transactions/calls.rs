//! The course of a transaction, call by call, and calls that do not fit.

use super::super::story::{Story, record};
use super::stage::{FIRST, NEXT, V1, V2};
use crate::error::{ErrorCode, ProducerError, TransactionPhase};
use crate::io::OutgoingRequest;
use crate::producer::{SendRefusal, TransactionTicket};
use crate::protocol::{ApiKey, Request};

const ADD: ApiKey = ApiKey::AddPartitionsToTxn;
const END: ApiKey = ApiKey::EndTxn;

fn is_ongoing(story: &Story) -> bool {
    story.producer.transactions.as_ref().is_some_and(|transactions| transactions.is_ongoing())
}

/// EndTxn was asked under this identity: is it a commit?
fn ends_in_commit(request: &OutgoingRequest) -> bool {
    let Request::EndTxn(asked) = &request.body else { panic!("{request:?}") };
    assert_eq!((&*asked.transactional_id, asked.identity), (super::stage::CASHIER, FIRST));
    asked.committed
}

/// Commits or aborts.
fn end(story: &mut Story, commits: bool) -> TransactionTicket {
    if commits { story.call_commit() } else { story.call_abort() }.expect("fits")
}

/// Mirrors `TransactionManagerTest.testHasOngoingTransactionSuccessfulAbort`: a transaction is ongoing from
/// `beginTransaction` until the abort was answered.
/// Mirrors `TransactionManagerTest.testHasOngoingTransactionSuccessfulCommit`: a transaction is ongoing from
/// `beginTransaction` until the commit was answered.
#[test]
fn a_transaction_is_ongoing_from_its_beginning_to_the_answer_to_its_end() {
    for commits in [false, true] {
        let story = Story::transactional(V1, &[]);
        assert!(!is_ongoing(&story));
        let mut story = story.initialised();
        assert!(!is_ongoing(&story));
        story.call_begin().expect("fits");
        assert!(is_ongoing(&story));
        story.put(0, "a");
        assert!(is_ongoing(&story));
        story.expect(ADD, ErrorCode::NONE);
        story.store(0);
        end(&mut story, commits);
        assert!(is_ongoing(&story));
        assert_eq!(ends_in_commit(&story.expect(END, ErrorCode::NONE)), commits);
        assert!(!is_ongoing(&story));
    }
}

/// Mirrors `TransactionManagerTest.testHasOngoingTransactionAbortableError`: after an abortable error the transaction
/// is ongoing until its abort was answered.
/// Mirrors `TransactionManagerTest.testHasOngoingTransactionFatalError`: after a fatal error no transaction is ongoing.
#[test]
fn a_transaction_is_ongoing_after_an_abortable_error_and_not_after_a_fatal_one() {
    let (mut story, _) = Story::written(V2, &[]);
    story.refuse(ErrorCode::TOPIC_AUTHORIZATION_FAILED);
    assert!(story.phase() == TransactionPhase::AbortableError && is_ongoing(&story));
    story.call_abort().expect("fits");
    assert!(is_ongoing(&story));
    story.expect(END, ErrorCode::NONE);
    assert!(!is_ongoing(&story));

    let (mut story, _) = Story::written(V1, &[]);
    assert!(is_ongoing(&story));
    story.refuse(ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
    assert!(story.phase() == TransactionPhase::FatalError && !is_ongoing(&story));
}

/// Mirrors `TransactionManagerTest.testBasicTransaction`: a partition is added before its batch leaves, a group is
/// added before its offsets go to its own coordinator, offsets are done when both are, and after the commit no
/// transaction and no partition is left.
#[test]
fn a_transaction_with_protocol_1_adds_writes_and_commits() {
    let mut story = Story::begun(V1, &[]);
    let batch = story.put(0, "a");
    assert!(!story.may_send(0) && story.carried.is_empty());
    story.expect(ADD, ErrorCode::NONE);
    assert!(story.may_send(0) && story.fate(batch).is_none());
    let carried = story.store(3);
    assert_eq!(carried.body().transactional_id.as_deref(), Some(super::stage::CASHIER));
    assert_eq!(story.fate(batch), Some(Ok(3)));
    let offsets = story.call_send_offsets(&[1]).expect("fits");
    assert!(!story.pending().1);
    story.expect(ApiKey::AddOffsetsToTxn, ErrorCode::NONE);
    assert_eq!((story.outcome(offsets), story.pending().1), (None, true), "it is over when they are committed");
    let asked = story.expect(ApiKey::FindCoordinator, ErrorCode::NONE);
    assert!(matches!(asked.body, Request::FindCoordinator(asked) if asked.key_type == 0 && *asked.keys[0] == *"till"));
    story.await_question();
    assert_eq!((story.outcome(offsets), story.pending().1), (None, true));
    story.expect(ApiKey::TxnOffsetCommit, ErrorCode::NONE);
    assert_eq!((story.outcome(offsets), story.pending().1), (Some(Ok(())), false));
    let commit = story.call_commit().expect("fits");
    assert!(ends_in_commit(&story.expect(END, ErrorCode::NONE)));
    assert_eq!((story.outcome(commit), story.phase()), (Some(Ok(())), TransactionPhase::Ready));
    assert!(!story.may_send(0) && !is_ongoing(&story));
}

/// Mirrors `TransactionManagerTest.testTransactionV2AddPartitionAndOffsets`: partitions and groups are added by whoever
/// is written to, offsets are done when their coordinator was found and took them, and the commit ends the transaction.
#[test]
fn a_transaction_with_protocol_2_writes_and_commits() {
    let mut story = Story::begun(V2, &[]);
    let batch = story.append("t", 0);
    assert!(story.may_send(0) && story.fate(batch).is_none());
    story.settle();
    story.store(3);
    assert_eq!(story.fate(batch), Some(Ok(3)));
    let offsets = story.call_send_offsets(&[1]).expect("fits");
    assert_eq!((story.outcome(offsets), story.pending().1), (None, true));
    story.expect(ApiKey::FindCoordinator, ErrorCode::NONE);
    story.await_question();
    assert_eq!((story.outcome(offsets), story.pending().1), (None, true));
    story.expect(ApiKey::TxnOffsetCommit, ErrorCode::NONE);
    assert_eq!((story.outcome(offsets), story.pending().1), (Some(Ok(())), false));
    let commit = story.call_commit().expect("fits");
    let ended = story.expect(END, ErrorCode::NONE);
    assert!(ends_in_commit(&ended) && ended.header.version == 5);
    assert_eq!((story.outcome(commit), story.phase()), (Some(Ok(())), TransactionPhase::Ready));
}

fn is_v2(story: &Story) -> bool {
    story.producer.transactions.as_ref().is_some_and(|transactions| transactions.is_v2())
}

/// Mirrors `TransactionManagerTest.testTransactionManagerEnablesV2`: a cluster that learns protocol 2 during a
/// transaction is spoken to in protocol 1 until its end, from which a new epoch and protocol 2 come.
/// Mirrors `TransactionManagerTest.testTransactionManagerDisablesV2`: brokers that speak newer requests than those of
/// protocol 1, but say that protocol 1 is what the cluster has finalised, get protocol 1.
#[test]
fn protocol_2_begins_after_a_transaction_in_which_the_cluster_learned_it() {
    let mut story = Story::begun(V1, &[]);
    assert!(!is_v2(&story));
    assert!(story.api_keys.iter().any(|range| range.api_key == ApiKey::Produce.code() && range.max > 11));
    let connection = story.producer.connections.connection_to(crate::ids::NodeId(2)).expect("it stands");
    (story.features_epoch, story.transaction_version) = (Some(2), V2);
    story.break_off(connection);
    story.pass(1_000);
    assert!(!is_v2(&story));
    story.put(1, "a");
    if story.question().is_none() {
        story.await_question();
    }
    if story.question() == Some(ApiKey::FindCoordinator) {
        story.expect(ApiKey::FindCoordinator, ErrorCode::NONE);
        story.await_question();
    }
    assert!(is_ongoing(&story) && !is_v2(&story));
    story.expect(ADD, ErrorCode::NONE);
    assert!(story.may_send(1) && story.producer.connections.transaction_version() == V2);
    story.store(0);
    let commit = story.call_commit().expect("fits");
    assert!(is_ongoing(&story) && is_v2(&story));
    let ended = story.expect(END, ErrorCode::NONE);
    assert!(ended.header.version < 5, "it ends as it began");
    assert_eq!(story.outcome(commit), None);
    story.expect(ApiKey::InitProducerId, ErrorCode::NONE);
    assert_eq!((story.outcome(commit), is_ongoing(&story)), (Some(Ok(())), false));
    story.call_begin().expect("fits");
    assert!(is_v2(&story));
    assert_eq!(story.identity(), Some(NEXT));
}

/// Mirrors `TransactionManagerTest.testInitializeTransactionsTwiceRaisesError`: with a producer id granted, another
/// `initTransactions` is an IllegalStateException.
#[test]
fn transactions_are_initialised_once() {
    let mut story = Story::transactional(V1, &[]).initialised();
    assert_eq!(story.identity(), Some(FIRST));
    assert_eq!(story.call_init().expect_err("once is enough").java_class(), "IllegalStateException");
}

/// The classes of error in which these calls end now: init, begin, commit, abort, and a record.
fn refusals(story: &mut Story, calls: &[&str]) -> Vec<&'static str> {
    let class = |error: ProducerError| error.java_class();
    let refuse = |call: &&str| match *call {
        "init" => story.call_init().map(drop).map_err(class).expect_err("refused"),
        "begin" => story.call_begin().map_err(class).expect_err("refused"),
        "commit" => story.call_commit().map(drop).map_err(class).expect_err("refused"),
        "abort" => story.call_abort().map(drop).map_err(class).expect_err("refused"),
        _ => story.put_in_vain(0).0,
    };
    calls.iter().map(refuse).collect()
}

/// Mirrors `TransactionManagerTest.testRetryAbortTransactionAfterTimeout`: an abort whose outcome the program gave up
/// waiting for must be called again, gives the same result, and only then may another transaction begin.
/// Mirrors `TransactionManagerTest.testRetryCommitTransactionAfterTimeout`: a commit whose outcome the program gave up
/// waiting for must be called again, gives the same result, and only then may another transaction begin.
#[test]
fn an_end_that_was_not_waited_for_is_the_only_call_that_fits() {
    for (commits, others) in [(false, ["init", "begin", "commit", "send"]), (true, ["init", "begin", "abort", "send"])]
    {
        let (mut story, _) = Story::written(V1, &[]);
        story.store(0);
        let ended = end(&mut story, commits);
        assert_eq!(story.outcome(ended), None, "max.block.ms is over");
        story.expect(END, ErrorCode::NONE);
        assert!(story.phase() == TransactionPhase::Ready && !is_ongoing(&story));
        assert_eq!(refusals(&mut story, &others), ["IllegalStateException"; 4]);
        assert_eq!(end(&mut story, commits), ended, "the same call, not another");
        assert_eq!(story.outcome(ended), Some(Ok(())));
        story.call_begin().expect("fits now");
        assert!(is_ongoing(&story));
    }
}

/// Mirrors `TransactionManagerTest.testRetryInitTransactionsAfterTimeout`: an `initTransactions` whose outcome the
/// program gave up waiting for must be called again, gives the same result, and then is over for good.
#[test]
fn an_initialisation_that_was_not_waited_for_is_the_only_call_that_fits() {
    let mut story = Story::transactional(V1, &[]);
    let init = story.call_init().expect("fits");
    story.expect(ApiKey::FindCoordinator, ErrorCode::NONE);
    assert_eq!(story.outcome(init), None, "max.block.ms is over");
    story.await_question();
    story.expect(ApiKey::InitProducerId, ErrorCode::NONE);
    assert_eq!(story.identity(), Some(FIRST));
    assert_eq!(refusals(&mut story, &["begin", "abort", "commit", "send"]), ["IllegalStateException"; 4]);
    assert_eq!(story.call_init(), Ok(init));
    assert_eq!(story.outcome(init), Some(Ok(())));
    assert_eq!(refusals(&mut story, &["init"]), ["IllegalStateException"]);
    story.call_begin().expect("fits now");
    assert!(is_ongoing(&story));
}

/// An end was asked for, its coordinator is lost before the answer, and the program has given up waiting.
fn an_end_that_got_lost(commits: bool) -> (Story, TransactionTicket) {
    let (mut story, _) = Story::written(V1, &[]);
    story.store(0);
    let ended = end(&mut story, commits);
    assert_eq!(story.question(), Some(END));
    story.break_question();
    assert_eq!(story.outcome(ended), None);
    story.await_question();
    story.expect(ApiKey::FindCoordinator, ErrorCode::NONE);
    (story, ended)
}

/// Mirrors `TransactionManagerTest.testRetryAbortTransaction`: an abort whose coordinator was lost goes on when it is
/// called again, with the same result, and ends the transaction.
/// Mirrors `TransactionManagerTest.testRetryCommitTransaction`: a commit whose coordinator was lost goes on when it is
/// called again, with the same result, and ends the transaction.
#[test]
fn an_end_whose_coordinator_was_lost_may_be_called_again() {
    for commits in [false, true] {
        let (mut story, ended) = an_end_that_got_lost(commits);
        assert_eq!(end(&mut story, commits), ended);
        story.await_question();
        assert_eq!(ends_in_commit(&story.expect(END, ErrorCode::NONE)), commits);
        assert_eq!((story.outcome(ended), is_ongoing(&story)), (Some(Ok(())), false));
    }
}

/// Mirrors `TransactionManagerTest.testRetryAbortTransactionAfterCommitTimeout`: an abort after a commit that was not
/// waited for is an IllegalStateException.
/// Mirrors `TransactionManagerTest.testRetryCommitTransactionAfterAbortTimeout`: a commit after an abort that was not
/// waited for is an IllegalStateException.
#[test]
fn an_end_that_got_lost_cannot_be_turned_into_the_other() {
    for (commits, other) in [(true, "abort"), (false, "commit")] {
        let (mut story, _) = an_end_that_got_lost(commits);
        assert_eq!(refusals(&mut story, &[other]), ["IllegalStateException"]);
    }
}

/// Mirrors `TransactionManagerTest.testEndTxnNotSentIfIncompleteBatches`: while a batch has no fate the transaction's
/// end is not asked for; without one it is.
/// Mirrors `TransactionManagerTest.testCommitTransactionWithInFlightProduceRequest`: with a batch on its way nothing is
/// asked, however long that takes, and after its answer the commit is.
#[test]
fn a_commit_waits_for_the_answers_to_batches() {
    let (mut story, batch) = Story::written(V1, &[]);
    story.call_commit().expect("fits");
    for _ in 0..4 {
        story.pass(10);
        assert_eq!((story.question(), story.fate(batch)), (None, None));
        assert_eq!((story.carried.len(), story.producer.accumulator.has_incomplete()), (1, true));
    }
    story.store(0);
    assert_eq!((story.fate(batch), story.producer.accumulator.has_incomplete()), (Some(Ok(0)), false));
    assert!(ends_in_commit(&story.expect(END, ErrorCode::NONE)));
    assert_eq!((story.phase(), story.question()), (TransactionPhase::Ready, None));
}

/// Mirrors `TransactionManagerTest.testCommitTransactionWithUnsentProduceRequest`: a commit makes a batch leave that
/// has not left, asks nothing before its answer, and then ends the transaction.
#[test]
fn a_commit_sends_what_has_not_left() {
    let mut story = Story::begun(V1, &[("linger.ms", "60000")]);
    let batch = story.put(0, "a");
    story.expect(ADD, ErrorCode::NONE);
    assert!(story.carried.is_empty(), "it lingers");
    story.call_commit().expect("fits");
    assert_eq!(story.carried_values(), ["a"]);
    for _ in 0..4 {
        story.pass(10);
        assert_eq!((story.question(), story.fate(batch)), (None, None));
    }
    story.store(0);
    assert_eq!(story.fate(batch), Some(Ok(0)));
    assert!(ends_in_commit(&story.expect(END, ErrorCode::NONE)));
    assert_eq!((story.phase(), story.question()), (TransactionPhase::Ready, None));
}

/// Mirrors `TransactionManagerTest.testFlushPendingPartitionsOnCommit`: a commit right after a record adds its
/// partition, then sends its batch, then ends the transaction, each after the answer to the one before.
#[test]
fn a_commit_adds_partitions_then_writes_then_ends() {
    let mut story = Story::begun(V1, &[]);
    let batch = story.append("t", 0);
    let commit = story.call_commit().expect("fits");
    assert!(!story.may_send(0) && story.carried.is_empty());
    story.expect(ADD, ErrorCode::NONE);
    assert!(story.may_send(0) && story.question().is_none());
    assert_eq!((story.fate(batch), story.outcome(commit)), (None, None));
    story.store(0);
    assert_eq!((story.fate(batch), story.outcome(commit)), (Some(Ok(0)), None));
    assert_eq!((is_ongoing(&story), story.phase()), (true, TransactionPhase::Committing));
    story.expect(END, ErrorCode::NONE);
    assert_eq!((story.outcome(commit), is_ongoing(&story)), (Some(Ok(())), false));
}

/// Mirrors `TransactionManagerTest.testForegroundInvalidStateTransitionIsRecoverable`: a call that does not fit is an
/// IllegalStateException and no fatal error, and a whole transaction can follow.
#[test]
fn a_call_that_does_not_fit_changes_nothing() {
    let mut story = Story::transactional(V1, &[]);
    assert_eq!(refusals(&mut story, &["abort"]), ["IllegalStateException"]);
    assert_eq!(story.phase(), TransactionPhase::Uninitialized);
    let mut story = story.initialised();
    story.call_begin().expect("fits");
    story.put(1, "a");
    story.expect(ADD, ErrorCode::NONE);
    story.store(0);
    let commit = story.call_commit().expect("fits");
    assert!(is_ongoing(&story));
    story.expect(END, ErrorCode::NONE);
    assert_eq!((story.outcome(commit), is_ongoing(&story)), (Some(Ok(())), false));
}

/// Without the record the transaction would not be what the program meant: `KafkaProducer.doSend` has it aborted; and where
/// none is open, the transition that is impossible is what is thrown.
#[test]
fn a_record_that_send_refuses_costs_its_transaction() {
    let mut story = Story::begun(V1, &[("max.request.size", "100")]);
    let refused = |story: &mut Story| match story.send(&record(0, &"a".repeat(101))) {
        Err(SendRefusal::Failed { error, .. }) => error.java_class(),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&mut story), "RecordTooLargeException");
    assert_eq!(story.phase(), TransactionPhase::AbortableError);
    assert_eq!(story.call_commit().expect_err("a record is missing").java_class(), "KafkaException");
    let abort = story.call_abort().expect("fits");
    // Nothing was written, so no end is asked for; the error wants another epoch, though.
    story.expect(ApiKey::InitProducerId, ErrorCode::NONE);
    assert_eq!((story.outcome(abort), story.phase()), (Some(Ok(())), TransactionPhase::Ready));
    assert_eq!(refused(&mut story), "IllegalStateException");
}
