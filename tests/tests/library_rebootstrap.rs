//! The library when the brokers that it knows are of no use any more: it goes back to the bootstrap servers, or not.

use std::time::Duration;

use anyhow::{Context as _, Result};
use kafka_producer::embedded::{EmbeddedBrokers, EmbeddedOptions};
use kafka_producer::{Delivery, ErrorCode, KafkaProducer, ProducerConfig, Record};
use producer_core::cluster::{Action, Matcher, Rule, new_topic};
use producer_core::ids::TopicPartition;
use producer_core::protocol::ApiKey;
use tokio::net::TcpListener;
use xtask::kafka::free_ports;

const TOPIC: &str = "topic";
const PATIENCE: Duration = Duration::from_secs(30);

/// One broker on this port, and the topic with nothing in it: all that is left of a cluster whose other broker is down, when an
/// unclean election gave it a log that was never copied there.
async fn broker(port: u16) -> Result<EmbeddedBrokers> {
    let (ports, topics) = (vec![port], vec![new_topic(TOPIC, 1, 1)]);
    Ok(EmbeddedBrokers::start(EmbeddedOptions { brokers: 1, topics, ports, ..EmbeddedOptions::default() }).await?)
}

/// A producer that is told of both brokers, with these settings.
async fn producer(ports: &[u16], properties: &[(&str, &str)]) -> Result<KafkaProducer> {
    let (config, _) = ProducerConfig::from_properties(properties.iter().copied()).context("Java takes it")?;
    let servers: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    Ok(KafkaProducer::connect(config, &servers.join(",")).await?)
}

fn partition() -> TopicPartition {
    TopicPartition { topic: TOPIC.into(), partition: 0 }
}

async fn send(producer: &KafkaProducer, value: &str) -> Result<Delivery> {
    Ok(producer.send(Record { key: None, ..Record::keyed(TOPIC, b"", value.as_bytes()) }).await?)
}

/// A record on its way while the broker that took the one before is gone, and the first one is up.
struct SentToTheOther {
    producer: KafkaProducer,
    first: EmbeddedBrokers,
    delivery: Delivery,
    /// The port of the broker that is gone.
    gone: u16,
}

/// Flow: only the second broker is up, and takes a record → it goes, and the first one comes → another record is sent.
async fn sent_to_the_other_broker(strategy: &str) -> Result<SentToTheOther> {
    let ports = free_ports(2)?;
    let second = broker(ports[1]).await?;
    let producer = producer(&ports, &[("metadata.recovery.strategy", strategy)]).await?;
    let stored = tokio::time::timeout(PATIENCE, send(&producer, "value 0").await?).await??;
    assert_eq!(stored.offset, Some(0));
    second.stop().await;
    let first = broker(ports[0]).await?;
    let delivery = send(&producer, "value 1").await?;
    Ok(SentToTheOther { producer, first, delivery, gone: ports[1] })
}

/// Mirrors `ClientRebootstrapTest.testProducerRebootstrap`: with one of two brokers down a record is stored at offset 0; when
/// that broker is up and the other one down, the next record is stored at offset 0, too, through the bootstrap servers.
#[tokio::test]
async fn when_all_brokers_known_are_gone_the_bootstrap_servers_lead_to_others() -> Result<()> {
    let sent = sent_to_the_other_broker("rebootstrap").await?;
    assert_eq!(tokio::time::timeout(PATIENCE, sent.delivery).await??.offset, Some(0));
    Ok(())
}

/// Mirrors `ClientRebootstrapTest.testProducerRebootstrapDisabled`: the same without recovery: the second record gets no answer
/// while the broker that is gone is called again and again, the other one has nothing, and the producer closes at once.
#[tokio::test]
async fn without_recovery_brokers_that_are_gone_are_waited_for() -> Result<()> {
    let SentToTheOther { producer, first, delivery, gone } = sent_to_the_other_broker("none").await?;
    let called = async {
        let gone = TcpListener::bind(("127.0.0.1", gone)).await?;
        // Whoever goes back to the bootstrap servers does so after the first call in vain.
        for _ in 0..5 {
            gone.accept().await?;
        }
        std::io::Result::Ok(())
    };
    tokio::select! {
        biased;
        fate = delivery => panic!("somebody answered: {fate:?}"),
        called = tokio::time::timeout(PATIENCE, called) => called??,
    }
    assert_eq!(first.with_cluster(|cluster, _| cluster.log(&partition()).expect("there").end_offset()), 0);
    tokio::time::timeout(PATIENCE, producer.close(Some(Duration::ZERO))).await?;
    Ok(())
}

/// Flow: a broker takes a record → from now on it answers every question for metadata with REBOOTSTRAP_REQUIRED (KIP-1102) →
/// records go to the other bootstrap server as soon as chance asks that one.
#[tokio::test]
async fn a_broker_that_asks_for_a_rebootstrap_is_left_for_another() -> Result<()> {
    let ports = free_ports(2)?;
    let first = broker(ports[0]).await?;
    let producer = producer(&ports, &[("metadata.max.age.ms", "100"), ("linger.ms", "0")]).await?;
    tokio::time::timeout(PATIENCE, send(&producer, "value").await?).await??;
    let second = broker(ports[1]).await?;
    let when = Matcher { api: Some(ApiKey::Metadata), ..Matcher::default() };
    let then = Action::Answer { error: ErrorCode::REBOOTSTRAP_REQUIRED, only: None };
    first.with_cluster(|cluster, _| cluster.add_rule(Rule { when, then }));
    let arrives = async {
        while second.with_cluster(|cluster, _| cluster.log(&partition()).expect("there").end_offset()) == 0 {
            send(&producer, "value").await?.await?;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, arrives).await?
}
