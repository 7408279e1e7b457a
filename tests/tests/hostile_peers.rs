//! Peers on real sockets that stay silent, garble their replies or fall asleep: every record has one fate, and the log holds
//! none of them twice.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bytes::{Buf as _, BytesMut};
use cross_tests::bridge::Bridge;
use kafka_producer::embedded::{EmbeddedBrokers, EmbeddedOptions};
use kafka_producer::{KafkaProducer, ProducerConfig, Record};
use producer_core::cluster::new_topic;
use producer_core::protocol::ApiKey;
use producer_core::wire::{MAX_FRAME_BYTES, take_frame};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const PATIENCE: Duration = Duration::from_secs(60);

fn config(properties: &[(&str, &str)]) -> ProducerConfig {
    ProducerConfig::from_properties(properties.iter().copied()).expect("a configuration Java would take").0
}

/// What becomes of a reply to Produce.
#[derive(Clone, Copy, Debug)]
enum Garbling {
    /// So many bytes of it, and then the end of the connection.
    CutAfter(usize),
    /// Another length before it.
    Length(i32),
}

/// Stands before a broker and garbles replies to Produce.
#[derive(Debug, Default)]
struct Garbler {
    /// For the next reply.
    next: Mutex<Option<Garbling>>,
    /// Bytes of the last reply, its length included.
    last_reply_bytes: AtomicUsize,
}

impl Garbler {
    /// Before the broker at this port, once it is known.
    async fn listen(broker_port: Arc<Mutex<u16>>) -> io::Result<(Arc<Self>, u16)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let garbler = Arc::new(Self::default());
        let shared = Arc::clone(&garbler);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (shared, port) = (Arc::clone(&shared), *broker_port.lock().unwrap());
                tokio::spawn(async move { shared.pass(client, port).await });
            }
        });
        Ok((garbler, port))
    }

    /// One connection, until it ends.
    async fn pass(&self, mut client: TcpStream, broker_port: u16) -> io::Result<()> {
        let mut broker = TcpStream::connect((Ipv4Addr::LOCALHOST, broker_port)).await?;
        let (mut asked, mut said) = (BytesMut::new(), BytesMut::new());
        // By correlation id: was it Produce?
        let mut questions = BTreeMap::new();
        loop {
            let is_open = tokio::select! {
                read = client.read_buf(&mut asked) => read? > 0,
                read = broker.read_buf(&mut said) => read? > 0,
            };
            if !is_open {
                return Ok(());
            }
            while let Ok(Some(frame)) = take_frame(&mut asked, MAX_FRAME_BYTES) {
                let mut head = &frame[..8];
                let (api, _version) = (head.get_i16(), head.get_i16());
                questions.insert(head.get_i32(), api == ApiKey::Produce.code());
                broker.write_all(&framed(&frame, frame.len())).await?;
            }
            while let Ok(Some(frame)) = take_frame(&mut said, MAX_FRAME_BYTES) {
                let reply = framed(&frame, frame.len());
                if !questions.remove(&(&frame[..4]).get_i32()).unwrap_or_default() {
                    client.write_all(&reply).await?;
                    continue;
                }
                self.last_reply_bytes.store(reply.len(), Ordering::SeqCst);
                let garbling = self.next.lock().unwrap().take();
                match garbling {
                    None => client.write_all(&reply).await?,
                    Some(Garbling::CutAfter(bytes)) => return client.write_all(&reply[..bytes]).await,
                    Some(Garbling::Length(length)) => {
                        client.write_all(&length.to_be_bytes()).await?;
                        client.write_all(&frame).await?;
                    }
                }
            }
        }
    }
}

fn framed(frame: &[u8], length: usize) -> Vec<u8> {
    let length = u32::try_from(length).expect("a frame");
    [&length.to_be_bytes()[..], frame].concat()
}

/// Row 64: the broker stored it, and its reply says so with a length of −1, 0, 3 or 2³¹−1, or ends after any of its bytes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_cut_at_any_byte_or_of_another_length_is_asked_for_again_and_nothing_is_doubled() -> Result<()> {
    let broker_port = Arc::new(Mutex::new(0));
    let (garbler, port) = Garbler::listen(Arc::clone(&broker_port)).await?;
    let brokers = EmbeddedBrokers::start(EmbeddedOptions {
        brokers: 1,
        topics: vec![new_topic("t", 1, 1)],
        advertised_ports: vec![port],
        ..EmbeddedOptions::default()
    })
    .await?;
    *broker_port.lock().unwrap() = brokers.addresses()[0].port;
    let quick = [("linger.ms", "0"), ("retry.backoff.ms", "1"), ("reconnect.backoff.ms", "1")];
    let producer = KafkaProducer::connect(config(&quick), &format!("127.0.0.1:{port}")).await?;
    let record = Record { partition: Some(0), ..Record::keyed("t", b"key", b"value") };
    let mut offset = 0;
    // Connections are made anew for each: a reply that is no frame must end the one it came on.
    let mut send = async |garbling: Option<Garbling>| -> Result<()> {
        *garbler.next.lock().unwrap() = garbling;
        let stored = tokio::time::timeout(PATIENCE, producer.send(record).await?).await.context("in time")??;
        assert_eq!(
            stored.offset,
            Some(offset),
            "{garbling:?}: one offset for each record, and no gap for a second copy"
        );
        assert!(garbler.next.lock().unwrap().is_none(), "{garbling:?} was met");
        offset += 1;
        Ok(())
    };
    send(None).await?;
    let reply_bytes = garbler.last_reply_bytes.load(Ordering::SeqCst);
    assert!(reply_bytes > 40, "{reply_bytes}");
    for length in [-1, 0, 3, i32::MAX, i32::MIN] {
        send(Some(Garbling::Length(length))).await?;
    }
    for bytes in 0..reply_bytes {
        send(Some(Garbling::CutAfter(bytes))).await?;
    }
    send(None).await?;
    producer.close(Some(PATIENCE)).await;
    Ok(())
}

/// Row 63: one that takes the connection and never says a word, first in the list.
#[tokio::test]
async fn behind_a_broker_that_says_nothing_the_next_one_is_found() -> Result<()> {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = silent.local_addr()?;
    let accepted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&accepted);
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((stream, _)) = silent.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            kept.push(stream);
        }
    });
    let brokers = EmbeddedBrokers::start_default().await?;
    let servers = format!("{address},{}", brokers.bootstrap_servers());
    // Which one is asked first is drawn: until the silent one was.
    for _ in 0..64 {
        let properties = [("request.timeout.ms", "300"), ("linger.ms", "0")];
        let producer = KafkaProducer::connect(config(&properties), &servers).await?;
        let stored =
            tokio::time::timeout(PATIENCE, producer.send(Record::keyed("orders", b"k", b"v")).await?).await??;
        assert!(stored.offset.is_some());
        producer.close(Some(PATIENCE)).await;
        if accepted.load(Ordering::SeqCst) > 0 {
            return Ok(());
        }
    }
    anyhow::bail!("the silent broker was never asked")
}

/// Row 66: the answer to ApiVersions 4 has the form of version 0 and no error that would say so.
#[tokio::test]
async fn an_answer_in_the_form_of_version_0_to_a_question_in_version_4_ends_in_a_timeout_that_names_it_and_no_storm()
-> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                let mut received = BytesMut::new();
                while stream.read_buf(&mut received).await? > 0 {
                    while let Ok(Some(frame)) = take_frame(&mut received, MAX_FRAME_BYTES) {
                        count.fetch_add(1, Ordering::SeqCst);
                        // The question's correlation id, no error, and one API: Produce from 0 to 9.
                        let body = [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 9];
                        let answer = [&frame[4..8], &body].concat();
                        stream.write_all(&framed(&answer, answer.len())).await?;
                    }
                }
                io::Result::Ok(())
            });
        }
    });
    let producer = KafkaProducer::connect(config(&[("max.block.ms", "1000")]), &address.to_string()).await?;
    let refused = producer.send(Record::keyed("t", b"k", b"v")).await.expect_err("nothing is understood");
    assert_eq!(refused.to_string(), "Topic t not present in metadata after 1000 ms.");
    let cause = refused.error.source().map(ToString::to_string).unwrap_or_default();
    assert!(cause.starts_with("node -1 gave an answer of no use: ApiVersions v4: "), "{cause}");
    let asked = asked.load(Ordering::SeqCst);
    // Without the pauses of the reconnect back-off, 40 ms at the least, there would be thousands.
    assert!((1..=100).contains(&asked), "asked {asked} times before max.block.ms was over");
    Ok(())
}

/// Records sent one after the other to partition 0 of the default topic, every few milliseconds for this long.
async fn send_for(producer: &KafkaProducer, time: Duration) -> Result<Vec<kafka_producer::Delivery>> {
    let (began, mut deliveries) = (Instant::now(), Vec::new());
    while began.elapsed() < time {
        let value = deliveries.len().to_string();
        let record = Record { partition: Some(0), ..Record::keyed("orders", b"key", value.as_bytes()) };
        deliveries.push(producer.send(record).await?);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(deliveries)
}

/// Row 82: the process of the brokers is stopped (SIGSTOP) while records go to it, and goes on later: once for longer than
/// several requests may take, so that answers come to connections that are no more, and once for less, so that they come late.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn brokers_that_fall_asleep_and_wake_up_have_every_record_once() -> Result<()> {
    let brokers = Bridge::broker(&[])?;
    let properties = [("request.timeout.ms", "700"), ("linger.ms", "1"), ("delivery.timeout.ms", "60000")];
    let producer = KafkaProducer::connect(config(&properties), &brokers.bootstrap_servers()).await?;
    let mut deliveries = send_for(&producer, Duration::from_millis(200)).await?;
    for asleep in [Duration::from_millis(4_000), Duration::from_millis(300)] {
        brokers.freeze();
        deliveries.extend(send_for(&producer, asleep).await?);
        assert!(!deliveries.last().context("sent")?.is_done(), "nobody is awake to answer");
        brokers.thaw();
        deliveries.extend(send_for(&producer, Duration::from_millis(500)).await?);
    }
    let mut expected = 0;
    for delivery in deliveries {
        let stored = tokio::time::timeout(PATIENCE, delivery).await.context("in time")??;
        assert_eq!(
            stored.offset,
            Some(expected),
            "once each and in order: a second copy would have an offset of its own"
        );
        expected += 1;
    }
    // Nor is there a copy behind the last of them.
    let last = Record { partition: Some(0), ..Record::keyed("orders", b"key", b"last") };
    assert_eq!(producer.send(last).await?.await?.offset, Some(expected));
    producer.close(Some(PATIENCE)).await;
    Ok(())
}
