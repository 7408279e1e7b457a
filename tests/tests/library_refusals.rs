//! What becomes of records that a broker or the library refuses, as Kafka's integration tests ask it, with the embedded
//! brokers; and compressed records
//! on their whole way from the program to the log.

use std::time::{SystemTime, UNIX_EPOCH};

use kafka_producer::embedded::EmbeddedBrokers;
use kafka_producer::{Delivery, ErrorCode, Header, KafkaProducer, ProducerConfig, Record};
use producer_core::cluster::{Action, Matcher, Rule, StoredBatch, new_topic};
use producer_core::ids::TopicPartition;
use producer_core::protocol::{ApiKey, NewTopic};

/// Longest batch that the topics here take.
const LARGEST: usize = 15_000;
const RECORD: Record<'static> = Record {
    topic: "topic-1",
    partition: None,
    timestamp_ms: None,
    key: Some(b"key"),
    value: Some(b"value"),
    headers: &[],
};

/// Brokers with "topic-1", of one partition.
async fn brokers() -> EmbeddedBrokers {
    let brokers = EmbeddedBrokers::start_default().await.expect("free ports");
    let configs = vec![("max.message.bytes".into(), Some(LARGEST.to_string().into()))];
    let topic = NewTopic { configs, ..new_topic("topic-1", 1, 2) };
    brokers.with_cluster(|cluster, _| cluster.create_topic(&topic)).expect("possible");
    brokers
}

async fn connect(servers: &str, properties: &[(&str, &str)]) -> KafkaProducer {
    let (config, _) = ProducerConfig::from_properties(properties.iter().copied()).expect("Java would take it");
    KafkaProducer::connect(config, servers).await.expect("loopback addresses")
}

/// A producer that tries once, with these acks.
async fn producer(brokers: &EmbeddedBrokers, acks: &str) -> KafkaProducer {
    let properties = [("acks", acks), ("retries", "0"), ("max.block.ms", "1000"), ("buffer.memory", "30000")];
    connect(&brokers.bootstrap_servers(), &properties).await
}

/// Class of the error of a record, wherever it comes up.
async fn failure(producer: &KafkaProducer, record: Record<'_>) -> &'static str {
    match producer.send(record).await {
        Ok(delivery) => delivery.await.expect_err("not stored").error.java_class(),
        Err(refused) => refused.error.java_class(),
    }
}

/// Mirrors `ProducerFailureHandlingTest.testTooLargeRecordWithAckZero`: without acks, a record larger than the broker
/// takes completes without an offset.
/// Mirrors `ProducerFailureHandlingTest.testTooLargeRecordWithAckOne`: with acks=1, a record larger than the broker
/// takes fails.
#[tokio::test]
async fn a_record_too_large_for_its_topic_is_lost_without_acks_and_refused_with_them() {
    let brokers = brokers().await;
    let large = Record { value: Some(&[0; LARGEST + 1]), ..RECORD };
    let unheard = producer(&brokers, "0").await.send(large).await.expect("appended").await.expect("nobody says no");
    assert_eq!(unheard.offset, None);
    assert_eq!(failure(&producer(&brokers, "1").await, large).await, "RecordTooLargeException");
}

/// Mirrors `ProducerFailureHandlingTest.testNonExistentTopic`: a record for a topic that does not exist fails.
/// Mirrors `ProducerFailureHandlingTest.testWrongBrokerList`: a record fails when nobody listens at the bootstrap
/// servers.
/// Mirrors `ProducerFailureHandlingTest.testInvalidPartition`: a record for a partition beyond the topic's one fails
/// with TimeoutException.
#[tokio::test]
async fn what_is_never_found_is_waited_for_in_vain() {
    let brokers = brokers().await;
    let producer = producer(&brokers, "0").await;
    assert_eq!(failure(&producer, Record { partition: Some(1), ..RECORD }).await, "TimeoutException");

    let when = Matcher { api: Some(ApiKey::Metadata), ..Matcher::default() };
    let then = Action::Answer { error: ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, only: None };
    brokers.with_cluster(|cluster, _| cluster.add_rule(Rule { when, then }));
    assert_eq!(failure(&producer, Record { topic: "topic-2", ..RECORD }).await, "TimeoutException");

    // Nobody listens where brokers were.
    let servers = brokers.bootstrap_servers();
    brokers.stop().await;
    let astray = connect(&servers, &[("acks", "1"), ("retries", "0"), ("max.block.ms", "1000")]).await;
    assert_eq!(failure(&astray, RECORD).await, "TimeoutException");
}

/// Mirrors `ProducerFailureHandlingTest.testSendAfterClosed`: with acks 0, 1 and -1, a record is sent before closing,
/// and is an IllegalStateException after it.
#[tokio::test]
async fn a_closed_producer_sends_nothing_whatever_its_acks() {
    let brokers = brokers().await;
    for acks in ["0", "1", "-1"] {
        let producer = producer(&brokers, acks).await;
        producer.send(RECORD).await.expect("appended").await.expect("sent");
        producer.close(None).await;
        assert_eq!(producer.send(RECORD).await.expect_err("closed").error.java_class(), "IllegalStateException");
    }
}

/// Mirrors `ProducerFailureHandlingTest.testCannotSendToInternalTopic`: a record for the topic of the groups' offsets
/// fails with InvalidTopicException.
#[tokio::test]
async fn topics_of_the_brokers_own_are_not_for_programs() {
    let brokers = brokers().await;
    let own = Record { topic: "__consumer_offsets", key: Some(b"test"), value: Some(b"test"), ..RECORD };
    assert_eq!(failure(&producer(&brokers, "1").await, own).await, "InvalidTopicException");
}

/// So many letters and digits, of which compression makes something and not everything.
fn message(length: usize) -> Vec<u8> {
    let mut random = 0x9E37_79B9_7F4A_7C15_u64 ^ length as u64;
    let letter = |_| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"[(random >> 33) as usize % 62]
    };
    (0..length).map(letter).collect()
}

/// Mirrors `ProducerCompressionTest.testCompression`: with each codec, 6 000 records without key and headers, with a
/// key, and with both get offsets in order and are read as they were sent.
#[tokio::test]
async fn compressed_records_are_read_as_they_were_sent() {
    const MESSAGES: usize = 2_000;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
    let now = i64::try_from(now).expect("this age");
    let headers = [Header { key: "key", value: Some(b"value") }];
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let brokers = EmbeddedBrokers::start_default().await.expect("free ports");
        brokers.with_cluster(|cluster, _| cluster.create_topic(&new_topic("topic", 1, 1))).expect("possible");
        let properties = [("compression.type", codec), ("batch.size", "66000"), ("linger.ms", "200")];
        let producer = connect(&brokers.bootstrap_servers(), &properties).await;
        let mut deliveries: Vec<Delivery> = Vec::new();
        for length in 0..MESSAGES {
            let (key, value) = (length.to_string(), message(length));
            let bare = Record { topic: "topic", timestamp_ms: Some(now), key: None, value: Some(&value), ..RECORD };
            let keyed = Record { key: Some(key.as_bytes()), ..bare };
            for record in [bare, keyed, Record { headers: &headers, ..keyed }] {
                deliveries.push(producer.send(record).await.expect("appended"));
            }
        }
        for (offset, delivery) in (0..).zip(deliveries) {
            assert_eq!(delivery.await.expect("stored").offset, Some(offset), "{codec}");
        }
        brokers.with_cluster(|cluster, _| {
            let log = cluster.log(&TopicPartition { topic: "topic".into(), partition: 0 }).expect("there");
            let mut offset = 0;
            for batch in log.batches().map(StoredBatch::view) {
                let plain = batch.plain_records().expect("as it was compressed");
                for record in batch.records_in(&plain).map(|read| read.expect("whole")) {
                    let (length, shape) = (offset / 3, offset % 3);
                    let (key, value) = (length.to_string(), message(length));
                    assert_eq!(
                        batch.base_offset() + i64::from(record.offset_delta),
                        i64::try_from(offset).expect("few")
                    );
                    assert_eq!(record.timestamp_ms, now);
                    assert_eq!(record.key, (shape > 0).then_some(key.as_bytes()), "{codec} {offset}");
                    assert_eq!(record.value, Some(&*value), "{codec} {offset}");
                    let told: Vec<_> = record.headers.map(|header| (header.key, header.value)).collect();
                    let expected = if shape == 2 { vec![(&b"key"[..], Some(&b"value"[..]))] } else { Vec::new() };
                    assert_eq!(told, expected, "{codec} {offset}");
                    offset += 1;
                }
            }
            assert_eq!(offset, 3 * MESSAGES);
        });
    }
}
