//! A program that has its runtime's clock paused, as its tests may: the producer lives in real time all the same.

use core::time::Duration;
use std::sync::mpsc;
use std::time::Instant;

use kafka_producer::embedded::EmbeddedBrokers;
use kafka_producer::{KafkaProducer, ProducerConfig, ProducerError, Record};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

/// In real time.
const PATIENCE: Duration = Duration::from_secs(30);
const RECORD: Record<'static> = Record::keyed("orders", b"user-42", b"two coffees");

/// A runtime whose clock leaps to its next timer as soon as nobody on it has anything to do.
fn paused() -> Runtime {
    Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime")
}

/// Brokers in real time, as long as their runtime is there.
fn brokers() -> (Runtime, EmbeddedBrokers) {
    let runtime = Runtime::new().expect("a runtime");
    let brokers = runtime.block_on(EmbeddedBrokers::start_default()).expect("free ports");
    (runtime, brokers)
}

async fn producer(servers: &str, properties: &[(&str, &str)]) -> KafkaProducer {
    let (config, _) = ProducerConfig::from_properties(properties.iter().copied()).expect("Java would take it");
    KafkaProducer::connect(config, servers).await.expect("loopback addresses")
}

#[test]
fn a_send_waits_for_metadata() {
    let (_runtime, brokers) = brokers();
    paused().block_on(async {
        let producer = producer(&brokers.bootstrap_servers(), &[]).await;
        let delivery = producer.send(RECORD).await.expect("the brokers know the topic");
        assert_eq!(delivery.await.expect("stored").offset, Some(0));
    });
}

#[test]
fn whoever_asks_for_partitions_waits_for_metadata() {
    let (_runtime, brokers) = brokers();
    paused().block_on(async {
        let producer = producer(&brokers.bootstrap_servers(), &[]).await;
        assert!(producer.partitions_for("orders").await.expect("the brokers know the topic") > 0);
    });
}

#[test]
fn whoever_begins_transactions_waits_for_their_coordinator() {
    let (_runtime, brokers) = brokers();
    paused().block_on(async {
        let producer = producer(&brokers.bootstrap_servers(), &[("transactional.id", "till-7")]).await;
        producer.init_transactions().await.expect("the brokers coordinate");
    });
}

#[test]
fn a_record_lingers_no_longer_when_the_programs_clock_has_gone_on_by_an_hour() {
    let (_runtime, brokers) = brokers();
    paused().block_on(async {
        let producer = producer(&brokers.bootstrap_servers(), &[("linger.ms", "20")]).await;
        producer.send(RECORD).await.expect("appended").await.expect("stored");
        tokio::time::advance(Duration::from_secs(60 * 60)).await;
        // Until the reading of the clock that the record above shared is old: the next one has its own.
        std::thread::sleep(Duration::from_millis(50));
        let (tell, told) = mpsc::channel();
        let callback = move |_: &_, error: Option<&ProducerError>| tell.send(error.cloned()).expect("the test listens");
        producer.send_with_callback(RECORD, callback).await.expect("appended");
        assert_eq!(told.recv_timeout(PATIENCE), Ok(None));
    });
}

#[test]
fn what_never_comes_is_waited_for_in_real_time() {
    paused().block_on(async {
        let silent = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let servers = silent.local_addr().expect("bound").to_string();
        let producer = producer(&servers, &[("max.block.ms", "100")]).await;
        let began = Instant::now();
        let refused = producer.send(RECORD).await.map(drop).expect_err("nobody answers");
        assert_eq!(refused.to_string(), "Topic orders not present in metadata after 100 ms.");
        assert!(began.elapsed() >= Duration::from_millis(100), "given up after {:?}", began.elapsed());
        producer.partitions_for("orders").await.expect_err("nobody answers");
        assert!(began.elapsed() >= Duration::from_millis(200), "given up after {:?}", began.elapsed());
    });
}
