//! Metrics of a producer that runs: what they say once something happened.

use std::time::{Duration, Instant};

use kafka_producer::embedded::EmbeddedBrokers;
use kafka_producer::metrics::Metric;
use kafka_producer::{CommittedOffset, GroupMember, KafkaProducer, ProducerConfig, Record};

async fn brokers() -> EmbeddedBrokers {
    EmbeddedBrokers::start_default().await.expect("free ports")
}

async fn producer(brokers: &EmbeddedBrokers, properties: &[(&str, &str)]) -> KafkaProducer {
    let (config, _) = ProducerConfig::from_properties(properties.iter().copied()).expect("accepted");
    KafkaProducer::connect(config, &brokers.bootstrap_servers()).await.expect("loopback addresses")
}

fn metric(producer: &KafkaProducer, name: &str) -> f64 {
    let metrics = producer.metrics();
    let is_meant = |metric: &&Metric| metric.group == "producer-metrics" && metric.name == name;
    let metric = metrics.iter().find(is_meant).unwrap_or_else(|| panic!("no {name}"));
    metric.value.as_number().expect("a number")
}

/// Mirrors `KafkaProducerTest.testFlushMeasureLatency`: the time of the first flush counts, and that of the second more.
#[tokio::test]
async fn every_flush_adds_its_time() {
    let brokers = brokers().await;
    let producer = producer(&brokers, &[]).await;
    producer.flush().await;
    let first = metric(&producer, "flush-time-ns-total");
    assert!(first > 0.0);
    producer.flush().await;
    assert!(metric(&producer, "flush-time-ns-total") > first);
}

/// Mirrors `KafkaProducerTest.testMeasureAbortTransactionDuration`: the time of the first abort counts, and that of the second
/// more.
#[tokio::test]
async fn every_abort_adds_its_time() {
    let brokers = brokers().await;
    let producer = producer(&brokers, &[("transactional.id", "some.id")]).await;
    producer.init_transactions().await.expect("initialised");
    let mut before = 0.0;
    for _ in 0..2 {
        producer.begin_transaction().expect("begun");
        producer.abort_transaction().await.expect("aborted");
        let after = metric(&producer, "txn-abort-time-ns-total");
        assert!(after > before, "{after} after {before}");
        before = after;
    }
}

/// Mirrors `KafkaProducerTest.testMeasureTransactionDurations`: the times of initialising, beginning, sending offsets and
/// committing count, and those of a second transaction more.
#[tokio::test]
async fn every_call_of_a_transaction_adds_its_time() {
    let brokers = brokers().await;
    let producer = producer(&brokers, &[("transactional.id", "some.id")]).await;
    producer.init_transactions().await.expect("initialised");
    let initialised = metric(&producer, "txn-init-time-ns-total");
    assert!(initialised > 0.0);
    let names = ["txn-begin-time-ns-total", "txn-send-offsets-time-ns-total", "txn-commit-time-ns-total"];
    let mut before = [0.0; 3];
    for offset in [5, 10] {
        producer.begin_transaction().expect("begun");
        let committed = CommittedOffset { offset, leader_epoch: -1, metadata: None };
        let offsets = vec![("orders".into(), 0, committed)];
        let member = GroupMember::of_group("group");
        producer.send_offsets_to_transaction(offsets, member).await.expect("taken");
        producer.commit_transaction().await.expect("committed");
        let after = names.map(|name| metric(&producer, name));
        assert!(after.iter().zip(before).all(|(after, before)| *after > before), "{after:?} after {before:?}");
        before = after;
    }
    assert_eq!(metric(&producer, "txn-init-time-ns-total"), initialised, "once");
    assert_eq!(metric(&producer, "txn-abort-time-ns-total"), 0.0);
}

#[tokio::test]
async fn bytes_and_frames_are_counted_for_all_brokers_and_for_each() {
    let brokers = brokers().await;
    let producer = producer(&brokers, &[]).await;
    for partition in 0..3 {
        let record = Record { partition: Some(partition), ..Record::keyed("orders", b"key", b"value") };
        producer.send(record).await.expect("appended").await.expect("stored");
    }
    // All from one look: metadata may be asked for at any time.
    let metrics = producer.metrics();
    let of = |group: &str, name: &str| {
        let of_name = metrics.iter().filter(|metric| metric.group == group && metric.name == name);
        of_name.filter_map(|metric| metric.value.as_number()).sum::<f64>()
    };
    let all = |name| of("producer-metrics", name);
    for name in ["request-total", "response-total", "outgoing-byte-total", "incoming-byte-total"] {
        let of_brokers = of("producer-node-metrics", name);
        assert!(all(name) > 0.0 && all(name) == of_brokers, "{name}: {}, of the brokers {of_brokers}", all(name));
    }
    assert!(all("request-total") >= all("response-total"));
    assert!(all("request-size-max") >= all("request-size-avg"));
    assert!(
        (all("request-size-avg") * all("request-total") - all("outgoing-byte-total")).abs() < 1.0,
        "every byte is a request's"
    );
    assert!(all("network-io-total") > all("request-total"), "what was written, and what was read");
}

#[tokio::test]
async fn waiting_for_a_topic_s_partitions_counts_once_they_come() {
    let brokers = brokers().await;
    let producer = producer(&brokers, &[]).await;
    assert_eq!(metric(&producer, "metadata-wait-time-ns-total"), 0.0);
    assert_eq!(producer.partitions_for("orders").await, Ok(3));
    let waited = metric(&producer, "metadata-wait-time-ns-total");
    assert!(waited > 0.0);
    assert_eq!(producer.partitions_for("orders").await, Ok(3));
    assert_eq!(metric(&producer, "metadata-wait-time-ns-total"), waited, "known by now");
}

/// What the thread of a producer does: waits and does I/O. All is from one look.
fn loop_times(producer: &KafkaProducer) -> [f64; 6] {
    let metrics = producer.metrics();
    let names = [
        "io-wait-time-ns-total",
        "io-time-ns-total",
        "io-wait-ratio",
        "io-ratio",
        "io-wait-time-ns-avg",
        "io-time-ns-avg",
    ];
    names.map(|name| {
        let is_meant = |metric: &&Metric| metric.group == "producer-metrics" && metric.name == name;
        metrics.iter().find(is_meant).and_then(|metric| metric.value.as_number()).expect(name)
    })
}

async fn keep_busy(producer: &KafkaProducer) {
    for number in 0..200_u32 {
        let value = number.to_string();
        producer.send_unobserved(Record::keyed("orders", b"key", value.as_bytes())).await.expect("appended");
        if number % 20 == 0 {
            producer.flush().await;
        }
    }
    producer.flush().await;
}

#[tokio::test]
async fn a_busy_producer_s_thread_waits_and_does_io_for_no_longer_than_it_lives() {
    let brokers = brokers().await;
    let born = Instant::now();
    let producer = producer(&brokers, &[]).await;
    producer.metrics();
    let mut before = [0.0; 2];
    for _ in 0..2 {
        keep_busy(&producer).await;
        let [waited, io, wait_ratio, io_ratio, wait_avg, io_avg] = loop_times(&producer);
        assert!(waited > before[0] && io > before[1], "{waited} and {io} after {before:?}");
        before = [waited, io];
        let age = born.elapsed().as_nanos() as f64;
        assert!(waited + io <= age, "{waited} + {io} in {age}");
        for ratio in [wait_ratio, io_ratio, wait_ratio + io_ratio] {
            assert!(ratio > 0.0 && ratio <= 1.0, "{wait_ratio} + {io_ratio}");
        }
        assert!(wait_avg > 0.0 && wait_avg <= waited && io_avg > 0.0 && io_avg <= io);
    }
}

#[tokio::test]
async fn a_callback_s_time_is_neither_waiting_nor_io() {
    let brokers = brokers().await;
    let born = Instant::now();
    let producer = producer(&brokers, &[]).await;
    producer.metrics();
    let nap = Duration::from_millis(300);
    let record = Record::keyed("orders", b"key", b"value");
    producer.send_with_callback(record, move |_, _| std::thread::sleep(nap)).await.expect("appended");
    producer.flush().await;
    // A turn tells what was measured before it.
    producer.send(record).await.expect("appended").await.expect("stored");
    let [waited, io, ..] = loop_times(&producer);
    let measured = Duration::from_nanos((waited + io) as u64);
    assert!(measured + nap <= born.elapsed(), "{measured:?} beside a nap of {nap:?}");
}
