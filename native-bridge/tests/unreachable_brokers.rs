//! Brokers that refuse, stay silent or talk nonsense: the producer neither hangs nor spins, and says what it waited for.

use core::error::Error as _;
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use kafka_producer::{
    BootstrapError, ConnectError, KafkaProducer, ProducerConfig, ProducerError, Record, Surface, TrySendError,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const RECORD: Record<'static> = Record::keyed("orders", b"user-42", b"two coffees");

fn config(properties: &[(&str, &str)]) -> ProducerConfig {
    ProducerConfig::from_properties(properties.iter().copied()).expect("a configuration Java would take").0
}

/// The address of a peer that treats every connection alike.
async fn peer<F>(treat: impl Fn(TcpStream) -> F + Send + 'static) -> String
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = listener.local_addr().expect("bound").to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(treat(stream));
        }
    });
    address
}

async fn silent_peer() -> String {
    peer(async |mut stream| {
        // Until the other side closes.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await
}

async fn unused_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    listener.local_addr().expect("bound").to_string()
}

/// Sends with `max.block.ms=400` and returns what `send` says and how long that took.
async fn send_to(servers: &str) -> (ProducerError, Duration) {
    let producer = KafkaProducer::connect(config(&[("max.block.ms", "400")]), servers).await.expect("resolvable");
    let started = Instant::now();
    let refused = producer.send(RECORD).await.expect_err("no broker answers");
    let took = started.elapsed();
    assert_eq!(refused.surface(), Surface::FutureOnCaller);
    assert_eq!(refused.to_string(), "Topic orders not present in metadata after 400 ms.");
    producer.close(Some(Duration::from_secs(5))).await;
    (refused.error, took)
}

/// Row 63: nobody answers, and `max.block.ms` ends the wait.
#[tokio::test]
async fn a_refusing_a_silent_and_a_foreign_broker_end_in_the_same_timeout() {
    let closing = peer(async |stream| drop(stream)).await;
    let foreign = peer(async |mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    for (servers, what) in [
        (unused_address().await, Some("node -1 cannot be connected to: ")),
        (silent_peer().await, None),
        (closing, Some("node -1 closed the connection")),
        (foreign, Some("node -1 gave an answer of no use: ")),
    ] {
        let (error, took) = send_to(&servers).await;
        let cause = error.source().map(ToString::to_string);
        let is_meant = cause.as_deref().map(|cause| what.is_some_and(|what| cause.starts_with(what)));
        assert_eq!(is_meant, what.map(|_| true), "{cause:?}");
        assert!(matches!(error, ProducerError::MetadataTimeout { max_block_ms: 400, .. }), "{error:?}");
        assert!(took >= Duration::from_millis(400), "given up before its time: {took:?}");
    }
}

#[tokio::test]
async fn a_broker_that_closes_every_connection_is_not_stormed() {
    let (connected, mut connections) = tokio::sync::mpsc::unbounded_channel();
    let closing = peer(move |stream| {
        drop(stream);
        connected.send(()).expect("the test listens");
        core::future::ready(())
    })
    .await;
    let started = Instant::now();
    let producer = KafkaProducer::connect(config(&[]), &closing).await.unwrap();
    let waiting = async { producer.send(RECORD).await.map(drop).expect_err("no broker answers") };
    let fifth = async {
        for _ in 0..5 {
            connections.recv().await.expect("the peer listens");
        }
    };
    tokio::select! {
        refused = waiting => panic!("{refused} before the fifth connection"),
        () = fifth => {}
    }
    // reconnect.backoff.ms is 50, doubled each time, up to 20 % less by jitter: 40, 80, 160 and 320 ms lie between the five.
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(600), "five connections in {took:?}");
}

/// Row 59: names that resolve to no address.
#[tokio::test]
async fn names_that_do_not_resolve_are_refused_at_once_unless_one_does() {
    let refused = KafkaProducer::connect(config(&[]), "no-such-host.invalid:9092").await.expect_err("unknown");
    assert!(matches!(refused, ConnectError::Bootstrap(BootstrapError::NoneResolvable { .. })));
    assert_eq!(refused.to_string(), "No resolvable bootstrap urls given in bootstrap.servers");
    let servers = format!("no-such-host.invalid:9092,{}", unused_address().await);
    KafkaProducer::connect(config(&[]), &servers).await.expect("one of them resolves");
}

/// The sentence is what the Java client says of `new KafkaProducer(properties)`.
#[tokio::test]
async fn without_addresses_in_the_configuration_none_is_connected_to() {
    let refused = KafkaProducer::connect_as_configured(config(&[])).await.expect_err("nobody said where");
    assert!(matches!(refused, ConnectError::Bootstrap(BootstrapError::Missing)));
    assert_eq!(refused.to_string(), "Missing required configuration \"bootstrap.servers\" which has no default value.");
    let unknown = config(&[("bootstrap.servers", "no-such-host.invalid:9092")]);
    let refused = KafkaProducer::connect_as_configured(unknown).await.expect_err("unknown");
    assert!(matches!(refused, ConnectError::Bootstrap(BootstrapError::NoneResolvable { .. })));
}

#[tokio::test]
async fn try_send_does_not_wait() {
    let silent = silent_peer().await;
    let producer = KafkaProducer::connect(config(&[]), &silent).await.unwrap();
    assert_eq!(producer.try_send(RECORD), Err(TrySendError::WouldBlock));
}

#[tokio::test]
async fn a_send_given_up_while_it_waits_leaves_nothing_behind() {
    let silent = silent_peer().await;
    let producer = KafkaProducer::connect(config(&[("request.timeout.ms", "500")]), &silent).await.unwrap();
    let waited = tokio::time::timeout(Duration::from_millis(50), producer.send(RECORD)).await;
    assert!(waited.is_err(), "it waits for metadata");
    // Nothing was appended: there is nothing to flush.
    tokio::time::timeout(Duration::from_secs(5), producer.flush()).await.expect("nothing is left");
    // Closing waits for no record either, only for the question this broker leaves unanswered.
    tokio::time::timeout(Duration::from_secs(5), producer.close(None)).await.expect("the question's time is over");
}

#[tokio::test]
async fn closing_ends_a_send_that_waits() {
    let silent = silent_peer().await;
    let producer = Arc::new(KafkaProducer::connect(config(&[]), &silent).await.unwrap());
    let sender = Arc::clone(&producer);
    let sending = tokio::spawn(async move { sender.send(RECORD).await.map(drop) });
    tokio::time::sleep(Duration::from_millis(50)).await;
    producer.close(Some(Duration::ZERO)).await;
    let refused = tokio::time::timeout(Duration::from_secs(5), sending).await.expect("in time").expect("no panic");
    assert_eq!(refused.expect_err("closed").error, ProducerError::ClosedWhileSending);
    let late = producer.send(RECORD).await.expect_err("closed");
    assert_eq!((late.error.clone(), late.surface()), (ProducerError::Closed, Surface::Thrown));
}

#[tokio::test]
async fn dropping_the_producer_closes_its_connections() {
    let (ended, mut ends) = tokio::sync::mpsc::unbounded_channel();
    let silent = peer(move |mut stream| {
        let ended = ended.clone();
        async move {
            let _ = stream.read_to_end(&mut Vec::new()).await;
            ended.send(()).expect("the test listens");
        }
    })
    .await;
    let producer = KafkaProducer::connect(config(&[("max.block.ms", "100")]), &silent).await.unwrap();
    producer.send(RECORD).await.expect_err("silent");
    assert!(ends.try_recv().is_err(), "the connection stands");
    drop(producer);
    tokio::time::timeout(Duration::from_secs(5), ends.recv()).await.expect("closed in time");
}
