//! The brokers as a client's socket sees them.

use producer_core::cluster::{Action, Matcher, Rule};
use producer_core::error::ErrorCode;
use producer_core::ids::TopicPartition;
use producer_core::protocol::ApiKey;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::{KafkaProducer, ProducerConfig, Record};

async fn connect(brokers: &EmbeddedBrokers, broker: usize) -> TcpStream {
    TcpStream::connect(brokers.addresses()[broker].to_string()).await.expect("it listens")
}

async fn brokers() -> EmbeddedBrokers {
    EmbeddedBrokers::start_default().await.expect("loopback")
}

/// Everything that comes back until the broker closes.
async fn answer_to(brokers: &EmbeddedBrokers, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(brokers, 0).await;
    stream.write_all(bytes).await.expect("it reads");
    let mut answer = Vec::new();
    // A reset instead of an orderly end is as good: bytes were left unread.
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

#[tokio::test]
async fn bytes_that_are_not_kafka_close_the_connection() {
    let brokers = brokers().await;
    let not_kafka: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\xff\xff\xff\xff",
        b"\0\0\0\x08\0\x63\0\0\0\0\0\x01",
        b"\0\0\0\x0a\0\x03\0\x0b\0\0\0\x01\xff\xff",
    ];
    for bytes in not_kafka {
        let answer = tokio::time::timeout(Duration::from_secs(5), answer_to(&brokers, bytes)).await;
        assert_eq!(answer.expect("closed"), b"", "{bytes:?}");
    }
    brokers.stop().await;
}

#[tokio::test]
async fn an_unknown_version_of_api_versions_is_answered_in_version_zero() {
    let brokers = brokers().await;
    let mut stream = connect(&brokers, 1).await;
    // Length, API 18, version 99, correlation 7, null client id, no tagged fields.
    stream.write_all(b"\0\0\0\x0b\0\x12\0\x63\0\0\0\x07\xff\xff\0").await.expect("it reads");
    let mut answer = [0; 20];
    stream.read_exact(&mut answer).await.expect("it answers");
    // Correlation 7, error 35, one range: ApiVersions 0 to 4.
    assert_eq!(answer, *b"\0\0\0\x10\0\0\0\x07\0\x23\0\0\0\x01\0\x12\0\0\0\x04");
    brokers.stop().await;
}

#[tokio::test]
async fn a_record_gets_its_offset_and_a_cut_connection_does_not_double_it() {
    let brokers = brokers().await;
    let when = Matcher { api: Some(ApiKey::Produce), nth: Some(1), ..Matcher::default() };
    brokers.with_cluster(|cluster, _| cluster.add_rule(Rule { when, then: Action::CutAfterAppend }));
    let (config, _) = ProducerConfig::from_properties([]).expect("defaults");
    let producer = KafkaProducer::connect(config, &brokers.bootstrap_servers()).await.expect("addresses");
    for offset in 0..3 {
        let delivery = producer.send(Record::keyed(DEFAULT_TOPIC, b"user-42", b"v")).await.expect("appended");
        let metadata = delivery.await.expect("stored");
        assert_eq!((metadata.partition, metadata.offset), (Some(1), Some(offset)));
    }
    let orders_1 = TopicPartition { topic: DEFAULT_TOPIC.into(), partition: 1 };
    let values = brokers.with_cluster(|cluster, _| cluster.log(&orders_1).expect("there").records().count());
    assert_eq!(values, 3);
    brokers.stop().await;
}

#[tokio::test]
async fn ports_are_free_again_after_a_stop() {
    let first = brokers().await;
    let ports = first.addresses().iter().map(|address| address.port).collect();
    let idle = connect(&first, 0).await;
    first.stop().await;
    drop(idle);
    let again = EmbeddedBrokers::start(EmbeddedOptions { ports, ..EmbeddedOptions::default() }).await;
    again.expect("the ports are free").stop().await;
}

#[tokio::test]
async fn a_taken_port_and_a_bad_topic_are_told() {
    let first = brokers().await;
    let taken = EmbeddedOptions { ports: vec![first.addresses()[0].port], ..EmbeddedOptions::default() };
    let error = EmbeddedBrokers::start(taken).await.expect_err("taken");
    assert!(error.to_string().starts_with(&format!("cannot listen on {}: ", first.addresses()[0])), "{error}");
    let bad = EmbeddedOptions { topics: vec![new_topic("a/b", 1, 1)], ..EmbeddedOptions::default() };
    match EmbeddedBrokers::start(bad).await.expect_err("no such topic can be") {
        EmbeddedError::Topic { refusal, .. } => assert_eq!(refusal.error, ErrorCode::INVALID_TOPIC_EXCEPTION),
        other => panic!("{other}"),
    }
    first.stop().await;
}
