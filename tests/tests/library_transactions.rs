//! What the library promises to a program with transactions when brokers are slow, refuse or are gone, and when the program
//! itself errs. Against the embedded brokers; the whole story against Apache Kafka is `kafka_library_transactions`.

use std::time::Duration;

use futures_util::future::join_all;
use kafka_producer::embedded::{EmbeddedBrokers, EmbeddedOptions};
use kafka_producer::{
    CommittedOffset, ErrorCode, GroupMember, KafkaProducer, Persistence, ProducerConfig, ProducerError, Record,
    SendError,
};
use producer_core::cluster::{Action, ClusterConfig, Matcher, Rule, StoredBatch};
use producer_core::ids::TopicPartition;
use producer_core::protocol::ApiKey;

const PATIENCE: Duration = Duration::from_secs(30);

const INIT_TIMED_OUT: &str = "InitTransactions timed out - did not complete coordinator discovery or receive the InitProducerId response within max.block.ms.";

async fn brokers() -> EmbeddedBrokers {
    EmbeddedBrokers::start_default().await.expect("free ports")
}

async fn cashier(brokers: &EmbeddedBrokers, more: &[(&str, &str)]) -> KafkaProducer {
    let properties = [("transactional.id", "cashier")].into_iter().chain(more.iter().copied());
    let (config, _) = ProducerConfig::from_properties(properties).expect("a configuration Java would take");
    KafkaProducer::connect(config, &brokers.bootstrap_servers()).await.expect("loopback addresses")
}

/// From now on the brokers do this with requests of an API: with the nth, or with all.
fn script(brokers: &EmbeddedBrokers, api: ApiKey, nth: Option<u32>, then: Action) {
    let when = Matcher { api: Some(api), nth, ..Matcher::default() };
    brokers.with_cluster(|cluster, _| cluster.add_rule(Rule { when, then }));
}

fn answer(error: ErrorCode) -> Action {
    Action::Answer { error, only: None }
}

fn class(result: Result<(), ProducerError>) -> &'static str {
    result.expect_err("refused").java_class()
}

fn order(value: &[u8]) -> Record<'_> {
    Record { partition: Some(0), ..Record::keyed("orders", b"key", value) }
}

/// Class of the error with which the library refuses a record.
async fn refusal(producer: &KafkaProducer, record: Record<'_>) -> &'static str {
    producer.send(record).await.expect_err("refused").error.java_class()
}

fn offsets() -> Vec<(std::sync::Arc<str>, i32, CommittedOffset)> {
    vec![("orders".into(), 0, CommittedOffset { offset: 5, leader_epoch: -1, metadata: None })]
}

/// As `TransactionManager.handleCachedTransactionRequestResult` has it: who makes a call that is under way waits for the same
/// outcome.
#[tokio::test(flavor = "multi_thread")]
async fn all_that_make_one_call_at_once_hear_what_became_of_it() {
    let brokers = brokers().await;
    let producer = cashier(&brokers, &[]).await;
    script(&brokers, ApiKey::InitProducerId, None, Action::Delay(Duration::from_millis(300)));
    script(&brokers, ApiKey::EndTxn, None, Action::Delay(Duration::from_millis(300)));
    let all = async {
        let both = join_all([producer.init_transactions(), producer.init_transactions()]).await;
        assert_eq!(both, [Ok(()), Ok(())]);
        for commits in [true, false] {
            producer.begin_transaction().unwrap();
            producer.send_unobserved(order(b"one")).await.unwrap();
            let ended = if commits {
                join_all([producer.commit_transaction(), producer.commit_transaction()]).await
            } else {
                join_all([producer.abort_transaction(), producer.abort_transaction()]).await
            };
            assert_eq!(ended, [Ok(()), Ok(())]);
        }
    };
    tokio::time::timeout(PATIENCE, all).await.expect("nobody waits for max.block.ms");
}

/// Calls it again as long as it times out.
async fn init_at_last(producer: &KafkaProducer) {
    let repeat = async {
        while let Err(error) = producer.init_transactions().await {
            assert_eq!(error.java_class(), "TimeoutException");
        }
    };
    tokio::time::timeout(PATIENCE, repeat).await.expect("in time");
}

/// Mirrors `KafkaProducerTest.testInitTransactionsResponseAfterTimeout`: initTransactions times out in those words, and
/// the same call succeeds when the answer has come late.
#[tokio::test]
async fn an_answer_that_comes_after_the_timeout_serves_the_call_that_is_repeated() {
    let brokers = brokers().await;
    script(&brokers, ApiKey::InitProducerId, None, Action::Delay(Duration::from_secs(1)));
    let producer = cashier(&brokers, &[("max.block.ms", "500")]).await;
    let error = producer.init_transactions().await.expect_err("the answer takes a second");
    assert_eq!(error.java_class(), "TimeoutException");
    assert!(error.to_string().contains(INIT_TIMED_OUT), "{error}");
    init_at_last(&producer).await;
}

/// Mirrors `KafkaProducerTest.testInitTransactionTimeout`: initTransactions times out in those words when its
/// coordinator is found and does not answer, and the same call succeeds when it does.
#[tokio::test]
async fn a_call_that_timed_out_without_an_answer_may_be_repeated() {
    let brokers = brokers().await;
    script(&brokers, ApiKey::InitProducerId, None, Action::CutBeforeAppend);
    let producer = cashier(&brokers, &[("max.block.ms", "500")]).await;
    let error = producer.init_transactions().await.expect_err("it is never answered");
    assert_eq!(error.java_class(), "TimeoutException");
    assert!(error.to_string().contains(INIT_TIMED_OUT), "{error}");
    brokers.with_cluster(|cluster, _| cluster.clear_rules());
    init_at_last(&producer).await;
}

/// Mirrors `KafkaProducerTest.testOnlyCanExecuteCloseAfterInitTransactionsTimeout`: after initTransactions timed out in
/// those words, beginTransaction is an IllegalStateException, and closing works.
#[tokio::test]
async fn after_a_call_that_timed_out_nothing_but_closing_is_left() {
    let brokers = brokers().await;
    script(&brokers, ApiKey::FindCoordinator, None, Action::CutBeforeAppend);
    let producer = cashier(&brokers, &[("max.block.ms", "5")]).await;
    let error = producer.init_transactions().await.expect_err("no coordinator is found");
    assert_eq!(error.java_class(), "TimeoutException");
    assert!(error.to_string().contains(INIT_TIMED_OUT), "{error}");
    assert_eq!(class(producer.begin_transaction()), "IllegalStateException");
    tokio::time::timeout(PATIENCE, producer.close(Some(Duration::ZERO))).await.expect("in time");
}

/// Mirrors `KafkaProducerTest.testClusterAuthorizationFailure`: initTransactions throws the
/// ClusterAuthorizationException of its answer, and succeeds when it is called again with the rights.
#[tokio::test]
async fn rights_that_were_missing_may_be_granted_before_the_call_is_repeated() {
    let brokers = brokers().await;
    script(&brokers, ApiKey::InitProducerId, Some(1), answer(ErrorCode::CLUSTER_AUTHORIZATION_FAILED));
    let producer = cashier(&brokers, &[]).await;
    assert_eq!(class(producer.init_transactions().await), "ClusterAuthorizationException");
    producer.init_transactions().await.expect("granted by now");
    producer.close(None).await;
}

/// Mirrors `KafkaProducerTest.testAbortTransaction`: a transaction that has begun can be aborted at once.
#[tokio::test]
async fn a_transaction_without_records_is_aborted() {
    let brokers = brokers().await;
    let producer = cashier(&brokers, &[]).await;
    producer.init_transactions().await.expect("a coordinator is there");
    producer.begin_transaction().expect("ready");
    producer.abort_transaction().await.expect("nothing is in it");
}

/// Mirrors `KafkaProducerTest.testTransactionV2Produce`: with protocol 2, a record in a transaction is stored and the
/// transaction committed.
#[tokio::test]
async fn a_record_of_a_transaction_is_stored_and_committed() {
    let brokers = brokers().await;
    let producer = cashier(&brokers, &[]).await;
    producer.init_transactions().await.expect("a coordinator is there");
    producer.begin_transaction().expect("ready");
    producer.send(order(b"value")).await.expect("appended").await.expect("stored");
    producer.commit_transaction().await.expect("committed");
}

/// Mirrors `KafkaProducerTest.testTransactionV2ProduceWithConcurrentTransactionError`: with protocol 2, a batch
/// answered with CONCURRENT_TRANSACTIONS is sent again and stored, and the transaction committed.
#[tokio::test]
async fn a_record_is_sent_again_while_the_transaction_before_is_still_being_completed() {
    let brokers = brokers().await;
    script(&brokers, ApiKey::Produce, Some(1), answer(ErrorCode::CONCURRENT_TRANSACTIONS));
    let producer = cashier(&brokers, &[]).await;
    producer.init_transactions().await.expect("a coordinator is there");
    producer.begin_transaction().expect("ready");
    producer.send(order(b"value")).await.expect("appended").await.expect("stored at the second attempt");
    producer.commit_transaction().await.expect("committed");
}

/// Mirrors `KafkaProducerTest.testCommitTransactionWithRecordTooLargeException`: a record larger than max.request.size
/// fails its future with a RecordTooLargeException, and commitTransaction with a KafkaException.
/// Mirrors `KafkaProducerTest.testCommitTransactionWithMetadataTimeoutForMissingTopic`: a record for a topic that stays
/// missing fails its future with a TimeoutException, and commitTransaction with a KafkaException.
/// Mirrors `KafkaProducerTest.testCommitTransactionWithMetadataTimeoutForPartitionOutOfRange`: a record for a partition
/// that stays missing fails its future with a TimeoutException, and commitTransaction with a KafkaException.
/// Mirrors `KafkaProducerTest.testCommitTransactionWithSendToInvalidTopic`: a record for an invalid topic fails its
/// future with an InvalidTopicException, and commitTransaction with a KafkaException.
#[tokio::test]
async fn a_transaction_that_lacks_a_record_is_not_committed() {
    let large = [b'*'; 1_000];
    let invalid = Record { topic: "topic abc", ..order(b"value") };
    let beyond = Record { partition: Some(7), ..order(b"value") };
    for (record, expected) in [
        (order(&large), "RecordTooLargeException"),
        (Record { topic: "missing", ..order(b"value") }, "TimeoutException"),
        (beyond, "TimeoutException"),
        (Record { partition: None, ..invalid }, "InvalidTopicException"),
    ] {
        let brokers = brokers().await;
        let producer = cashier(&brokers, &[("max.block.ms", "500"), ("max.request.size", "1000")]).await;
        init_at_last(&producer).await;
        producer.begin_transaction().expect("ready");
        if record.topic == "missing" {
            script(&brokers, ApiKey::Metadata, None, answer(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
        }
        assert_eq!(refusal(&producer, record).await, expected);
        assert_eq!(class(producer.commit_transaction().await), "KafkaException", "after {expected}");
        producer.abort_transaction().await.expect("that is what is left");
    }
}

#[tokio::test]
async fn a_record_that_is_refused_outside_a_transaction_is_the_programs_mistake() {
    let brokers = brokers().await;
    let producer = cashier(&brokers, &[("max.request.size", "1000")]).await;
    producer.init_transactions().await.expect("a coordinator is there");
    let error = producer.send(order(&[b'*'; 1_000])).await.expect_err("too large").error;
    assert_eq!(error.java_class(), "IllegalStateException");
    assert_eq!(
        error.to_string(),
        "TransactionalId cashier: Invalid transition attempted from state READY to state ABORTABLE_ERROR"
    );
    producer.begin_transaction().expect("nothing has changed");
}

/// What stands in partition 0, one after the other: values of records, and how transactions ended.
fn story_of(brokers: &EmbeddedBrokers) -> Vec<String> {
    const COMMIT: &[u8] = &[0, 0, 0, 1];
    brokers.with_cluster(|cluster, _| {
        let mut told = Vec::new();
        let Some(log) = cluster.log(&TopicPartition { topic: "orders".into(), partition: 0 }) else { return told };
        for batch in log.batches().map(StoredBatch::view) {
            let records = batch.records().map(|record| record.expect("readable"));
            told.extend(records.map(|record| match (batch.is_control(), record.key == Some(COMMIT)) {
                (true, true) => "committed".to_owned(),
                (true, false) => "aborted".to_owned(),
                (false, _) => String::from_utf8(record.value.expect("a value").to_vec()).expect("text"),
            }));
        }
        told
    })
}

/// As the Java client's: whether the transaction takes a record is asked when it is in its batch, which the next
/// transaction takes along.
#[tokio::test]
async fn a_record_refused_outside_a_transaction_may_be_committed_with_the_next_and_is_not_called_lost() {
    for commits in [true, false] {
        let brokers = brokers().await;
        let producer = cashier(&brokers, &[("linger.ms", "0")]).await;
        producer.init_transactions().await.expect("a coordinator is there");
        let SendError { error, persistence, partition } =
            producer.send(order(b"ghost")).await.expect_err("no transaction");
        assert_eq!((error.java_class(), partition), ("IllegalStateException", Some(0)));
        assert_eq!(persistence, Persistence::PossiblyPersisted);
        producer.begin_transaction().expect("ready");
        producer.send(order(b"meant")).await.expect("appended").await.expect("stored");
        if commits {
            producer.commit_transaction().await.expect("committed");
        } else {
            producer.abort_transaction().await.expect("aborted");
        }
        assert_eq!(story_of(&brokers), ["ghost", "meant", if commits { "committed" } else { "aborted" }]);
        producer.close(None).await;
    }
}

#[tokio::test]
async fn a_record_refused_before_it_was_appended_is_nowhere() {
    let brokers = brokers().await;
    let producer = cashier(&brokers, &[("max.request.size", "1000")]).await;
    producer.init_transactions().await.expect("a coordinator is there");
    producer.begin_transaction().expect("ready");
    let refused = producer.send(order(&[b'*'; 1_000])).await.expect_err("too large");
    assert_eq!(refused.persistence, Persistence::NotPersisted);
    producer.abort_transaction().await.expect("that is what is left");
    assert_eq!(story_of(&brokers), [""; 0]);
}

/// Mirrors `KafkaProducerTest.testInvalidGenerationIdAndMemberIdCombinedInSendOffsets`: offsets of generation 2 without
/// a member id are an IllegalArgumentException, even when there are none.
#[tokio::test]
async fn a_generation_without_a_member_commits_no_offsets() {
    let brokers = brokers().await;
    let producer = cashier(&brokers, &[]).await;
    producer.init_transactions().await.expect("a coordinator is there");
    producer.begin_transaction().expect("ready");
    let nameless = GroupMember { generation: 2, ..GroupMember::of_group("group") };
    let error = producer.send_offsets_to_transaction(Vec::new(), nameless).await.expect_err("of no member");
    assert_eq!(error.java_class(), "IllegalArgumentException");
    assert_eq!(
        error.to_string(),
        "Passed in group metadata GroupMetadata(groupId = group, generationId = 2, memberId = , groupInstanceId = ) has generationId > 0 but the member.id is unknown"
    );
}

/// Mirrors `KafkaProducerTest.testTransactionalMethodThrowsWhenSenderClosed`: initTransactions after closing is an
/// IllegalStateException.
#[tokio::test]
async fn a_closed_producer_begins_nothing() {
    let brokers = brokers().await;
    let producer = cashier(&brokers, &[]).await;
    producer.close(None).await;
    assert_eq!(class(producer.init_transactions().await), "IllegalStateException");
}

/// What a call that waits hears when the producer is closed and patience is over.
async fn heard_at_the_end(producer: &KafkaProducer, call: impl Future<Output = Result<(), ProducerError>>) -> String {
    let close = async {
        // Whatever the call asks has left by then, or it has not: both end the same.
        tokio::time::sleep(Duration::from_millis(200)).await;
        producer.close(Some(Duration::from_millis(300))).await;
    };
    let both = async { tokio::join!(call, close) };
    let (outcome, ()) = tokio::time::timeout(PATIENCE, both).await.expect("in time");
    let error = outcome.expect_err("never answered");
    format!("{}: {error}", error.java_class())
}

/// Mirrors `KafkaProducerTest.testCloseIsForcedOnPendingFindCoordinator`: initTransactions whose FindCoordinator is not
/// answered throws a KafkaException when the timeout of closing is over.
/// Mirrors `KafkaProducerTest.testCloseIsForcedOnPendingInitProducerId`: initTransactions whose InitProducerId is not
/// answered throws a KafkaException when the timeout of closing is over.
#[tokio::test]
async fn a_call_that_waits_for_a_coordinator_ends_with_the_closing() {
    for unanswered in [ApiKey::FindCoordinator, ApiKey::InitProducerId] {
        let brokers = brokers().await;
        script(&brokers, unanswered, None, Action::Delay(PATIENCE));
        let producer = cashier(&brokers, &[]).await;
        let heard = heard_at_the_end(&producer, producer.init_transactions()).await;
        assert_eq!(heard, "KafkaException: The producer closed forcefully", "{unanswered:?}");
    }
}

/// Mirrors `KafkaProducerTest.testCloseIsForcedOnPendingAddOffsetRequest`: a call whose question to a coordinator is
/// not answered throws a KafkaException when the timeout of closing is over; here it is the one with the offsets, of
/// which the name speaks.
#[tokio::test]
async fn offsets_that_wait_for_a_coordinator_end_with_the_closing() {
    let brokers = brokers().await;
    script(&brokers, ApiKey::TxnOffsetCommit, None, Action::Delay(PATIENCE));
    let producer = cashier(&brokers, &[]).await;
    producer.init_transactions().await.expect("a coordinator is there");
    producer.begin_transaction().expect("ready");
    let call = producer.send_offsets_to_transaction(offsets(), GroupMember::of_group("group"));
    assert_eq!(heard_at_the_end(&producer, call).await, "KafkaException: The producer closed forcefully");
}

/// Mirrors `TransactionsTest.testInitTransactionsTimeout`: without brokers, initTransactions throws a TimeoutException.
/// Mirrors `TransactionsTest.testSendOffsetsToTransactionTimeout`: when the brokers go within a transaction,
/// sendOffsetsToTransaction throws a TimeoutException.
/// Mirrors `TransactionsTest.testCommitTransactionTimeout`: when the brokers go within a transaction, commitTransaction
/// throws a TimeoutException.
/// Mirrors `TransactionsTest.testAbortTransactionTimeout`: when the brokers go within a transaction, abortTransaction
/// throws a TimeoutException.
#[tokio::test]
async fn whatever_is_called_when_the_brokers_are_gone_times_out() {
    const CALLS: [&str; 4] = ["initTransactions", "sendOffsetsToTransaction", "commitTransaction", "abortTransaction"];
    join_all(CALLS.map(times_out_without_brokers)).await;
}

async fn times_out_without_brokers(call: &str) {
    let brokers = brokers().await;
    // Long enough for a slow machine to learn of the topic.
    let producer = cashier(&brokers, &[("max.block.ms", "2000")]).await;
    if call != "initTransactions" {
        init_at_last(&producer).await;
        producer.begin_transaction().expect("ready");
        producer.send_unobserved(order(b"value")).await.expect("appended");
    }
    brokers.stop().await;
    let outcome = match call {
        "initTransactions" => producer.init_transactions().await,
        "sendOffsetsToTransaction" => {
            producer.send_offsets_to_transaction(offsets(), GroupMember::of_group("test-group")).await
        }
        "commitTransaction" => producer.commit_transaction().await,
        _ => producer.abort_transaction().await,
    };
    assert_eq!(class(outcome), "TimeoutException", "{call}");
    producer.close(Some(Duration::ZERO)).await;
}

/// Mirrors `TransactionsTest.testFailureToFenceEpoch`: initTransactions of a second producer throws a TimeoutException
/// while the coordinator cannot write what it would have to; the first may begin another transaction; and a third one
/// that comes when the coordinator can write again commits under an epoch that is one higher than the first's, with
/// protocol 1, and at least that with protocol 2.
#[tokio::test]
async fn a_producer_that_was_not_let_in_fences_nobody() {
    let levels: [(fn(&mut ClusterConfig), _); 2] =
        [(|config| config.transaction_version = 1, 1..=1), (|config| config.transaction_version = 2, 1..=i16::MAX)];
    for (adjust, epochs) in levels {
        let brokers = EmbeddedBrokers::start(EmbeddedOptions { adjust, ..EmbeddedOptions::default() }).await;
        let brokers = brokers.expect("free ports");
        let first = cashier(&brokers, &[]).await;
        first.init_transactions().await.expect("a coordinator is there");
        first.begin_transaction().expect("ready");
        first.send_unobserved(order(b"4")).await.expect("appended");
        first.commit_transaction().await.expect("committed");
        let known = |brokers: &EmbeddedBrokers| {
            let orders = TopicPartition { topic: "orders".into(), partition: 0 };
            brokers.with_cluster(|cluster, now| cluster.active_producers(now, &orders))
        };
        let [producer] = known(&brokers)[..] else { panic!("one producer") };

        script(&brokers, ApiKey::InitProducerId, None, answer(ErrorCode::COORDINATOR_NOT_AVAILABLE));
        let second = cashier(&brokers, &[("max.block.ms", "300")]).await;
        assert_eq!(class(second.init_transactions().await), "TimeoutException");
        second.close(Some(Duration::ZERO)).await;
        brokers.with_cluster(|cluster, _| cluster.clear_rules());
        first.begin_transaction().expect("nobody has taken its place");

        let third = cashier(&brokers, &[]).await;
        third.init_transactions().await.expect("the coordinator is there again");
        third.begin_transaction().expect("ready");
        third.send_unobserved(order(b"4")).await.expect("appended");
        third.commit_transaction().await.expect("committed");
        let [now] = known(&brokers)[..] else { panic!("one producer") };
        assert_eq!(now.id, producer.id);
        assert!(epochs.contains(&now.epoch), "{now:?}");
    }
}
