//! What transactions leave in the log, and what becomes of a producer whose name another one takes.

use kafka_producer::embedded::EmbeddedBrokers;
use kafka_producer::{KafkaProducer, ProducerConfig, ProducerError, Record, RecordMetadata};
use producer_core::judge::{History, Log, Place};

async fn brokers() -> EmbeddedBrokers {
    EmbeddedBrokers::start_default().await.expect("free ports")
}

async fn producer(brokers: &EmbeddedBrokers, properties: &[(&str, &str)]) -> KafkaProducer {
    let (config, _) = ProducerConfig::from_properties(properties.iter().copied()).expect("as Java would take it");
    KafkaProducer::connect(config, &brokers.bootstrap_servers()).await.expect("loopback addresses")
}

/// One that has taken its name.
async fn cashier(brokers: &EmbeddedBrokers) -> KafkaProducer {
    let cashier = producer(brokers, &[("transactional.id", "cashier"), ("linger.ms", "0")]).await;
    cashier.init_transactions().await.expect("a coordinator is there");
    cashier
}

fn order(value: &[u8]) -> Record<'_> {
    Record { partition: Some(0), ..Record::keyed("orders", b"key", value) }
}

/// What a reader of everything and a careful one find.
fn log(brokers: &EmbeddedBrokers) -> Log {
    brokers.with_cluster(|cluster, now| {
        let mut history = History::default();
        history.read_cluster(cluster, now, None);
        let place = history.place(&producer_core::ids::TopicPartition { topic: "orders".into(), partition: 0 });
        history.logs.remove::<Place>(&place.expect("it is there")).expect("it was read")
    })
}

#[tokio::test]
async fn row_38_a_careful_reader_skips_what_was_aborted_and_stops_before_what_is_open() {
    let brokers = brokers().await;
    let producer_of_transactions = cashier(&brokers).await;
    for commits in [true, false, true, false] {
        producer_of_transactions.begin_transaction().expect("ready");
        producer_of_transactions.send(order(b"value")).await.expect("appended").await.expect("stored");
        if commits {
            producer_of_transactions.commit_transaction().await.expect("committed");
        } else {
            producer_of_transactions.abort_transaction().await.expect("aborted");
        }
    }
    let log_then = log(&brokers);
    let offsets: Vec<i64> = log_then.records.iter().map(|record| record.offset).collect();
    assert_eq!(offsets, [0, 2, 4, 6], "one offset for every marker");
    assert_eq!(log_then.committed, Some(vec![0, 4]));
    assert_eq!((log_then.last_stable_offset, log_then.high_watermark), (8, 8));

    producer_of_transactions.begin_transaction().expect("ready");
    producer_of_transactions.send(order(b"open")).await.expect("appended").await.expect("stored");
    let other = producer(&brokers, &[]).await;
    other.send(order(b"plain")).await.expect("appended").await.expect("stored");
    let log_now = log(&brokers);
    assert_eq!((log_now.last_stable_offset, log_now.high_watermark), (8, 10), "it stands still");
    assert_eq!(log_now.committed, Some(vec![0, 4]), "also the record that is in no transaction waits");
    assert_eq!(log_now.records.len(), 6);
}

/// The name is taken while a transaction is open: it is aborted. What the first one learns depends on what it does next.
#[tokio::test]
async fn row_39_a_zombie_learns_of_its_fate_when_it_sends_or_commits() {
    let brokers = brokers().await;
    let first = cashier(&brokers).await;
    first.begin_transaction().expect("ready");
    first.send(order(b"of the first")).await.expect("appended").await.expect("stored");
    let second = cashier(&brokers).await;
    assert_eq!((log(&brokers).records.len(), log(&brokers).committed), (1, Some(vec![])), "aborted");
    let delivery = first.send(order(b"of the zombie")).await.expect("appended");
    assert_eq!(delivery.await.expect_err("refused").error.java_class(), "InvalidProducerEpochException");
    let committing = first.commit_transaction().await.expect_err("it can only be aborted");
    assert_eq!(committing.java_class(), "InvalidProducerEpochException");
    assert_eq!(first.abort_transaction().await.expect_err("it is over").java_class(), "ProducerFencedException");

    second.begin_transaction().expect("ready");
    second.send(order(b"of the second")).await.expect("appended").await.expect("stored");
    let third = cashier(&brokers).await;
    assert_eq!(second.commit_transaction().await.expect_err("at once").java_class(), "ProducerFencedException");
    third.begin_transaction().expect("the last one of the name works");
    third.send(order(b"of the third")).await.expect("appended").await.expect("stored");
    third.commit_transaction().await.expect("committed");
    assert_eq!(log(&brokers).committed.expect("read carefully").len(), 1);
}

/// Java's callback runs twice: from `send()`, and for the batch in which the record is all the same. The library's runs once.
#[tokio::test]
async fn row_47_a_fenced_producer_that_sends_again_is_told_so_once() {
    let brokers = brokers().await;
    let first = cashier(&brokers).await;
    first.begin_transaction().expect("ready");
    first.send(order(b"of the first")).await.expect("appended").await.expect("stored");
    let _second = cashier(&brokers).await;
    assert_eq!(first.commit_transaction().await.expect_err("taken").java_class(), "ProducerFencedException");
    let (told, hears) = std::sync::mpsc::channel();
    let callback = move |_: &RecordMetadata, error: Option<&ProducerError>| {
        told.send(error.map(ProducerError::java_class)).expect("the test waits for it");
    };
    first.send_with_callback(order(b"once more"), callback).await.expect("nothing is thrown");
    first.flush().await;
    assert_eq!(hears.iter().collect::<Vec<_>>(), [Some("ProducerFencedException")]);
    assert_eq!(log(&brokers).records.len(), 1);
}
