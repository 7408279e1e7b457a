//! A run of the library's producer whose connections are cut while it sends.

use std::time::Duration;

use anyhow::{Context as _, Result};
use kafka_producer::{KafkaProducer, ProducerConfig, Record};

use crate::{proxy::CuttingProxy, read_back::Acknowledged};

/// Records sent in one run.
const RECORDS: usize = 20_000;
/// Cuts in one run.
const CUTS: usize = 12;

/// Where connections are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cuts {
    /// Whatever they are doing, also while a request is under way.
    Anywhere,
    /// When the broker has done what it was asked, and before the client hears of it.
    BeforeAnswers,
}

/// Sends numbered records to `topic` through the proxy, cutting its connections now and then, and returns what was
/// acknowledged.
///
/// # Errors
/// When a record is refused or fails.
pub async fn send_through(proxy: &CuttingProxy, topic: &str, cuts: Cuts, pause: Duration) -> Result<Vec<Acknowledged>> {
    let (config, _) = ProducerConfig::from_properties([
        ("acks", "all"),
        ("enable.idempotence", "true"),
        // Small batches: many are in flight when a cut comes.
        ("batch.size", "2000"),
        ("linger.ms", "2"),
    ])
    .map_err(|error| anyhow::anyhow!("{error:?}"))?;
    let producer = KafkaProducer::connect(config, &format!("127.0.0.1:{}", proxy.port())).await?;
    // Cuts before there is a producer id would find no batch in flight.
    let first = producer.send(Record::keyed(topic, b"user-0", b"0")).await?.await?;

    let sending = async {
        let mut deliveries = Vec::with_capacity(RECORDS);
        for number in 1..RECORDS {
            let (key, value) = (format!("user-{}", number % 100), number.to_string());
            deliveries.push(producer.send(Record::keyed(topic, key.as_bytes(), value.as_bytes())).await?);
            if number % (RECORDS / (CUTS * 20)) == 0 {
                // Slow enough for the cuts to come in mid-run.
                tokio::time::sleep(pause / 20).await;
            }
        }
        anyhow::Ok(deliveries)
    };
    let cutting = async {
        for number in 0..CUTS {
            tokio::time::sleep(pause).await;
            match cuts {
                Cuts::Anywhere => {
                    // Every other cut comes as soon as the client says something: where brokers are quick, chance alone
                    // would meet no request before its answer.
                    if number % 2 == 1 {
                        let _ = tokio::time::timeout(Duration::from_secs(5), proxy.heard_more()).await;
                    }
                    proxy.cut();
                }
                Cuts::BeforeAnswers => {
                    // At the end of the run there may be no answer left to come.
                    let _ = tokio::time::timeout(Duration::from_secs(5), proxy.cut_before_the_next_answer()).await;
                }
            }
        }
    };
    let (deliveries, ()) = tokio::join!(sending, cutting);
    let partition = first.partition.context("an appended record has a partition")?;
    let mut acknowledged = vec![Acknowledged { number: 0, partition, offset: first.offset }];
    for (number, delivery) in (1..).zip(deliveries?) {
        let metadata = delivery.await.with_context(|| format!("record {number}"))?;
        let partition = metadata.partition.context("an appended record has a partition")?;
        acknowledged.push(Acknowledged { number, partition, offset: metadata.offset });
    }
    producer.close(None).await;
    Ok(acknowledged)
}
