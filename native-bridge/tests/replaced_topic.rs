//! What a program hears in its log when a topic is another one than before.

use core::time::Duration;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use kafka_producer::embedded::{EmbeddedBrokers, EmbeddedOptions};
use kafka_producer::{KafkaProducer, ProducerConfig, Record};
use producer_core::cluster::new_topic;

const PATIENCE: Duration = Duration::from_secs(60);

/// What was logged so far.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lines_with(&self, words: &str) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()).expect("text");
        text.lines().filter(|line| line.contains(words)).map(str::to_owned).collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A broker with the topic `orders`, on this port or on any.
async fn broker(port: u16) -> EmbeddedBrokers {
    let options = EmbeddedOptions {
        brokers: 1,
        topics: vec![new_topic("orders", 1, 1)],
        ports: vec![port],
        ..EmbeddedOptions::default()
    };
    EmbeddedBrokers::start(options).await.expect("a free port")
}

async fn store(producer: &KafkaProducer, value: &[u8]) -> Option<i64> {
    let sent = producer.send(Record::keyed("orders", b"user-42", value)).await.expect("appended");
    tokio::time::timeout(PATIENCE, sent).await.expect("in time").expect("stored").offset
}

/// Row 77. Flow: a record is stored → the broker is gone, and another is there with a topic of the same name → the next
/// record is stored in that one, and the log says so, once.
#[tokio::test]
async fn a_topic_that_was_made_anew_is_a_warning_in_the_log() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).init();

    let first = broker(0).await;
    let (config, _) = ProducerConfig::from_properties([("linger.ms", "0")]).expect("a configuration Java would take");
    let producer = KafkaProducer::connect(config, &first.bootstrap_servers()).await.expect("a loopback address");
    assert_eq!(store(&producer, b"a").await, Some(0));
    let port = first.addresses()[0].port;
    first.stop().await;
    assert_eq!(log.lines_with("made anew"), [""; 0]);

    let _second = broker(port).await;
    assert_eq!(store(&producer, b"b").await, Some(0), "the first of the new topic's");
    assert_eq!(store(&producer, b"c").await, Some(1));
    producer.close(Some(PATIENCE)).await;
    let warnings = log.lines_with("made anew");
    assert!(matches!(&warnings[..], [one] if one.contains("WARN") && one.contains("topic=orders")), "{warnings:?}");
}
