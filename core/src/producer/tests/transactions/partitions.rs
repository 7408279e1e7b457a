//! What `send` makes part of a transaction, and when.

use super::super::story::{Story, record};
use super::stage::{FIRST, V1, V2};
use crate::error::{ErrorCode, ProducerError, TransactionPhase};
use crate::ids::NodeId;
use crate::producer::SendRefusal;
use crate::protocol::{ApiKey, Request};

const ADD: ApiKey = ApiKey::AddPartitionsToTxn;

/// Topics and partitions of an AddPartitionsToTxn request.
fn added(request: &Request) -> Vec<(String, Vec<i32>)> {
    let Request::AddPartitionsToTxn(asked) = request else { panic!("{request:?}") };
    assert_eq!((&*asked.transactional_id, asked.identity), (super::stage::CASHIER, FIRST));
    asked.topics.iter().map(|topic| (topic.name.to_string(), topic.partitions.clone())).collect()
}

fn only_partition(partition: i32) -> Vec<(String, Vec<i32>)> {
    vec![("t".to_owned(), vec![partition])]
}

/// Mirrors `TransactionManagerTest.testFailIfNotReadyForSendNoProducerId`: a record sent without a producer id meets an
/// IllegalStateException.
/// Mirrors `TransactionManagerTest.testNotReadyForSendBeforeInitTransactions`: a record sent before `initTransactions`
/// meets an IllegalStateException.
/// Mirrors `TransactionManagerTest.testFailIfNotReadyForSendNoOngoingTransaction`: a record sent while no transaction
/// is open meets an IllegalStateException.
/// Mirrors `TransactionManagerTest.testNotReadyForSendBeforeBeginTransaction`: a record sent after `initTransactions`
/// and before `beginTransaction` meets an IllegalStateException.
#[test]
fn a_record_outside_a_transaction_is_an_illegal_state() {
    let mut story = Story::transactional(V1, &[]);
    assert_eq!(story.put_in_vain(0).0, "IllegalStateException");
    let mut story = Story::transactional(V1, &[]).initialised();
    assert_eq!(story.put_in_vain(0).0, "IllegalStateException");
    assert_eq!((story.phase(), story.question()), (TransactionPhase::Ready, None));
}

/// Mirrors `TransactionManagerTest.testFailIfNotReadyForSendAfterAbortableError`: a record sent after an abortable
/// error meets a KafkaException.
/// Mirrors `TransactionManagerTest.testNotReadyForSendAfterAbortableError`: after an abortable error no partition is
/// added, and the caller gets a KafkaException.
/// Mirrors `TransactionManagerTest.testFailIfNotReadyForSendAfterFatalError`: a record sent after a fatal error meets a
/// KafkaException.
/// Mirrors `TransactionManagerTest.testNotReadyForSendAfterFatalError`: after a fatal error no partition is added, and
/// the caller gets a KafkaException.
#[test]
fn a_record_after_an_error_is_refused() {
    for (code, phase) in [
        (ErrorCode::TOPIC_AUTHORIZATION_FAILED, TransactionPhase::AbortableError),
        (ErrorCode::CLUSTER_AUTHORIZATION_FAILED, TransactionPhase::FatalError),
    ] {
        let (mut story, _) = Story::written(V1, &[]);
        story.refuse(code);
        assert_eq!((story.phase(), story.put_in_vain(1).0), (phase, "KafkaException"));
        assert_eq!(story.question(), None);
    }
}

/// Mirrors `TransactionManagerTest.testFailIfNotReadyForSendIdempotentProducer`: a producer without transactions sends
/// without asking, whatever protocol the cluster speaks.
/// Mirrors `TransactionManagerTest.testFailIfNotReadyForSendIdempotentProducerFatalError`: after a fatal error its
/// sends fail with a KafkaException, of which ClusterAuthorizationException is one.
#[test]
fn an_idempotent_producer_sends_outside_transactions_until_a_fatal_error() {
    for level in [V1, V2] {
        let mut story = Story::new(&[("linger.ms", "0")]);
        story.transaction_version = level;
        let mut story = story.started();
        story.put(0, "a");
        assert_eq!((story.carried_values(), story.question()), (vec!["a".to_owned()], None));
        story.refuse(ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
        let Err(SendRefusal::Failed { error, .. }) = story.send(&record(0, "b")) else { panic!("it is refused") };
        assert_eq!(error.java_class(), "ClusterAuthorizationException");
    }
}

/// Mirrors `TransactionManagerTest.testMaybeAddPartitionToTransaction`: a partition written to is asked for once, is
/// pending until the answer and in the transaction after it; writing to it again asks for nothing.
#[test]
fn with_protocol_1_a_partition_is_asked_for_once() {
    let mut story = Story::begun(V1, &[]);
    story.put(0, "a");
    assert_eq!(added(story.asked_of_coordinators().expect("a question")), only_partition(0));
    assert!(story.pending().0 && !story.may_send(0) && story.carried.is_empty());
    story.expect(ADD, ErrorCode::NONE);
    assert!(!story.pending().0 && story.may_send(0) && story.question().is_none());
    story.put(0, "b");
    assert!(!story.pending().0 && story.may_send(0) && story.question().is_none());
    assert_eq!(story.carried_values(), ["a", "b"]);
}

/// Mirrors `TransactionManagerTest.testMaybeAddPartitionToTransactionInTransactionV2`: a partition written to is in the
/// transaction at once, nothing is asked for, and writing to it again changes nothing.
#[test]
fn with_protocol_2_a_partition_is_in_at_once() {
    let mut story = Story::begun(V2, &[]);
    for values in [vec!["v"], vec!["v", "v"]] {
        story.append("t", 0);
        assert!(!story.pending().0 && story.may_send(0));
        story.settle();
        assert_eq!((story.carried_values(), story.question()), (values.iter().map(|v| v.to_string()).collect(), None));
    }
}

/// After this refusal the question comes again, and so many milliseconds later.
fn asked_again_after(story: &mut Story, code: ErrorCode) -> u64 {
    let refused = story.expect(ADD, code);
    if story.question() == Some(ApiKey::FindCoordinator) {
        story.expect(ApiKey::FindCoordinator, ErrorCode::NONE);
    }
    let pause = story.await_question();
    assert_eq!(story.asked_of_coordinators(), Some(&refused.body));
    pause
}

/// Mirrors `TransactionManagerTest.testAddPartitionToTransactionOverridesRetryBackoffForConcurrentTransactions`: the
/// first partitions wait 20 ms for the transaction before, whatever `retry.backoff.ms` is.
/// Mirrors `TransactionManagerTest.testAddPartitionToTransactionRetainsRetryBackoffForRegularRetriableError`: after
/// COORDINATOR_NOT_AVAILABLE they wait for `retry.backoff.ms`, 100 ms.
/// Mirrors `TransactionManagerTest.testAddPartitionToTransactionRetainsRetryBackoffWhenPartitionsAlreadyAdded`: once a
/// partition is in the transaction, later ones wait for `retry.backoff.ms`, 100 ms.
#[test]
fn only_the_first_partitions_wait_shortly_and_only_for_the_transaction_before() {
    let asking = |story: &mut Story| story.put(0, "a");
    let mut story = Story::begun(V1, &[]);
    asking(&mut story);
    assert_eq!(asked_again_after(&mut story, ErrorCode::CONCURRENT_TRANSACTIONS), 20);
    let mut story = Story::begun(V1, &[]);
    asking(&mut story);
    assert_eq!(asked_again_after(&mut story, ErrorCode::COORDINATOR_NOT_AVAILABLE), 100);
    story.expect(ADD, ErrorCode::NONE);
    story.put(1, "b");
    assert_eq!(asked_again_after(&mut story, ErrorCode::CONCURRENT_TRANSACTIONS), 100);
}

/// Mirrors `TransactionManagerTest.testHandlingOfUnknownTopicPartitionErrorOnAddPartitions`: a partition the
/// coordinator does not know yet is not in the transaction, is asked for again, and its batch leaves after that.
#[test]
fn a_partition_that_is_not_known_yet_is_asked_for_again() {
    let mut story = Story::begun(V1, &[]);
    let batch = story.put(0, "a");
    story.expect(ADD, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    assert!(story.pending().0 && !story.may_send(0) && story.carried.is_empty());
    story.pass(100);
    story.expect(ADD, ErrorCode::NONE);
    assert!(story.may_send(0));
    story.store(7);
    assert_eq!(story.fate(batch), Some(Ok(7)));
}

/// Mirrors `TransactionManagerTest.testTransactionalIdAuthorizationFailureInAddPartitions`:
/// TransactionalIdAuthorizationException is the last error, and it is fatal.
/// Mirrors `TransactionManagerTest.testInvalidTxnStateInAddPartitions`: InvalidTxnStateException is the last error, and
/// it is fatal.
/// Mirrors `TransactionManagerTest.testTransactionAbortableExceptionInAddPartitions`: TransactionAbortableException is
/// the last error, a commit is refused with it as the cause, and an abort is possible.
/// Mirrors `TransactionManagerTest.shouldNotAddPartitionsToTransactionWhenTopicAuthorizationFailed`: a partition of a
/// topic without rights is not in the transaction, which has an error.
#[test]
fn what_a_refusal_of_partitions_means_depends_on_its_code() {
    for (code, class, is_fatal) in [
        (ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "TransactionalIdAuthorizationException", true),
        (ErrorCode::INVALID_TXN_STATE, "InvalidTxnStateException", true),
        (ErrorCode::TRANSACTION_ABORTABLE, "TransactionAbortableException", false),
        (ErrorCode::TOPIC_AUTHORIZATION_FAILED, "TopicAuthorizationException", false),
    ] {
        let mut story = Story::begun(V1, &[]);
        story.put(0, "a");
        story.expect(ADD, code);
        assert!(!story.may_send(0) && story.carried.is_empty());
        if is_fatal {
            story.expect_fatal(class);
        } else {
            story.expect_abortable(class);
        }
    }
}

/// Partitions of two topics, to the first of which the principal may not write.
fn unauthorised(topic: &str) -> ErrorCode {
    match topic {
        "foo" => ErrorCode::TOPIC_AUTHORIZATION_FAILED,
        _ => ErrorCode::OPERATION_NOT_ATTEMPTED,
    }
}

/// A story in which a record of either was sent, and nothing asked yet.
fn with_two_topics() -> (Story, [crate::ids::BatchId; 2]) {
    let mut story = Story::begun(V1, &[]);
    story.look_at("foo");
    story.look_at("bar");
    let batches = ["foo", "bar"].map(|topic| story.append(topic, 0));
    (story, batches)
}

fn both() -> Vec<(String, Vec<i32>)> {
    ["bar", "foo"].map(|topic| (topic.to_owned(), vec![0])).to_vec()
}

/// Mirrors `TransactionManagerTest.testTopicAuthorizationFailureInAddPartitions`: TopicAuthorizationException names the
/// topic and is abortable, neither partition is pending or in the transaction, and after `abortTransaction` the records
/// fail with TransactionAbortedException.
#[test]
fn a_topic_without_rights_spoils_the_transaction() {
    let (mut story, batches) = with_two_topics();
    story.settle();
    assert_eq!(added(story.asked_of_coordinators().expect("a question")), both());
    story.hear(ADD, &|topic, _| unauthorised(topic));
    let transactions = story.producer.transactions.as_ref().expect("it has them");
    let expected = ProducerError::TopicAuthorization { topics: vec!["foo".into()] };
    assert_eq!(transactions.undrained_must_fail(), Some(expected));
    assert!(!story.pending().0 && !story.may_send_to("foo", 0) && !story.may_send_to("bar", 0));
    story.expect_abortable("TopicAuthorizationException");
    story.settle();
    assert_eq!(batches.map(|batch| story.fate(batch)), [Some(Err("TransactionAbortedException")); 2]);
    // Nothing was in the transaction, so the coordinator has nothing to end, and nothing more is asked for.
    assert_eq!((story.phase(), story.question()), (TransactionPhase::Ready, None));
}

/// Mirrors `TransactionManagerTest.testCommitWithTopicAuthorizationFailureInAddPartitionsInFlight`: a commit under way
/// and records that have not left wait while the refusal is heard, and all fail with TopicAuthorizationException when
/// the sender runs next.
#[test]
fn a_commit_fails_with_the_refusal_of_its_partitions() {
    let (mut story, batches) = with_two_topics();
    let commit = story.call_commit().expect("fits");
    assert_eq!(added(story.asked_of_coordinators().expect("a question")), both());
    assert_eq!((story.outcome(commit), story.completed.len()), (None, 0));
    story.hear(ADD, &|topic, _| unauthorised(topic));
    assert_eq!(story.phase(), TransactionPhase::AbortableError);
    assert_eq!((story.outcome(commit), story.completed.len()), (None, 0));
    story.settle();
    assert_eq!(story.outcome_class(commit), Some("TopicAuthorizationException"));
    assert_eq!(batches.map(|batch| story.fate(batch)), [Some(Err("TopicAuthorizationException")); 2]);
}

/// Mirrors `TransactionManagerTest.testMultipleAddPartitionsPerForOneProduce`: a partition written to between the
/// answer for the first and its batch's departure is asked for before any batch leaves; then both leave.
#[test]
fn partitions_are_asked_for_before_batches_leave() {
    let mut story = Story::begun(V1, &[]);
    let first = story.append("t", 0);
    story.settle();
    story.hear(ADD, &|_, _| ErrorCode::NONE);
    assert!(story.may_send(0));
    let second = story.append("t", 1);
    story.settle();
    assert_eq!(added(story.asked_of_coordinators().expect("a question")), only_partition(1));
    assert!(!story.may_send(1) && story.carried.is_empty() && story.completed.is_empty());
    story.expect(ADD, ErrorCode::NONE);
    assert!(story.may_send(1) && story.completed.is_empty());
    story.store(0);
    assert_eq!([first, second].map(|batch| story.fate(batch)), [Some(Ok(0)); 2]);
}

/// Mirrors `TransactionManagerTest.testNoDrainWhenPartitionsPending`: with two leaders ready, batches of partitions
/// that are not in the transaction yet are drained to neither, and that is no error.
#[test]
fn batches_of_pending_partitions_are_not_drained() {
    let mut story = Story::transactional(V1, &[("metadata.max.age.ms", "100")]).initialised();
    story.led = vec![(1, 1), (2, 1)];
    story.pass(100);
    story.call_begin().expect("fits");
    story.append("t", 0);
    story.append("t", 1);
    assert!(!story.may_send(0) && !story.may_send(1));
    let now = story.now().instant();
    for node in [NodeId(1), NodeId(2)] {
        assert_eq!(story.producer.metadata.partitions_of(node).len(), 1);
        assert_eq!(story.producer.drain_node(now, node), []);
    }
    assert_eq!(story.phase(), TransactionPhase::InTransaction);
}

/// Mirrors `TransactionManagerTest.testAllowDrainInAbortableErrorState`: after an error that asks for an abort, a batch
/// of a partition that is in the transaction may still be drained, and the error stays.
#[test]
fn what_is_in_the_transaction_may_be_drained_after_an_abortable_error() {
    let mut story = Story::begun(V1, &[]);
    story.put(1, "a");
    story.expect(ADD, ErrorCode::NONE);
    story.store(0);
    story.append("t", 0);
    story.settle();
    story.expect(ADD, ErrorCode::TOPIC_AUTHORIZATION_FAILED);
    assert_eq!(story.phase(), TransactionPhase::AbortableError);
    assert!(story.may_send(1) && !story.may_send(0));
    let wanted = record(1, "b");
    let refused = story.producer.send(story.now(), &mut crate::producer::SendAttempt::default(), &wanted);
    assert!(matches!(refused, Err(SendRefusal::FailedInItsBatch { .. })), "{refused:?}");
    let now = story.now().instant();
    assert_eq!(story.producer.drain_node(now, NodeId(1)).len(), 1);
    assert_eq!(story.phase(), TransactionPhase::AbortableError);
}

/// Mirrors `TransactionManagerTest.testRaiseErrorWhenNoPartitionsPendingOnDrain`: a batch whose partition nobody added
/// is not drained, neither is it, even by a flush, while the question for the partition is out; after the answer it is.
#[test]
fn a_batch_whose_partition_nobody_added_stays() {
    let mut story = Story::transactional(V1, &[]).initialised();
    let (_, batch) = story.put_in_vain(0);
    story.call_begin().expect("fits");
    assert!(story.carried.is_empty() && story.question().is_none());
    assert_eq!(story.put(0, "b"), batch);
    story.producer.begin_flush(story.now());
    story.settle();
    assert!(story.carried.is_empty() && story.question() == Some(ADD));
    story.expect(ADD, ErrorCode::NONE);
    assert_eq!(story.carried_values(), ["vb"]);
}

/// A story in which records of two topics were sent, and this answered for their partitions: what everything fails with.
fn refused_with(code: &dyn Fn(&str, i32) -> ErrorCode) -> String {
    let mut story = Story::begun(V1, &[]);
    for topic in ["fig", "pear"] {
        story.look_at(topic);
    }
    for topic in ["fig", "pear"] {
        story.append(topic, 0);
    }
    story.settle();
    story.hear(ADD, code);
    let transactions = story.producer.transactions.as_ref().expect("it has them");
    transactions.undrained_must_fail().expect("it failed").to_string()
}

/// `TopicAuthorizationException` prints a `HashSet`, and `AddPartitionsToTxnHandler` a `HashMap` of all partitions.
#[test]
fn what_was_refused_is_named_in_the_order_of_javas_maps_and_beside_what_was_not() {
    let refusal = refused_with(&|_, _| ErrorCode::TOPIC_AUTHORIZATION_FAILED);
    assert_eq!(refusal, "Not authorized to access topics: [pear, fig]");
    let refusal = refused_with(&|topic, _| match topic {
        "fig" => ErrorCode::NONE,
        _ => ErrorCode::OPERATION_NOT_ATTEMPTED,
    });
    assert_eq!(
        refusal,
        "Could not add partitions to transaction due to errors: {pear-0=OPERATION_NOT_ATTEMPTED, fig-0=NONE}"
    );
}
