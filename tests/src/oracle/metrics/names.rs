//! Every metric that a Java producer has against the embedded brokers, and every one of ours: group, name, tags and
//! description; and the value, where it does not depend on how long things took.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use kafka_producer::embedded::{EmbeddedBrokers, EmbeddedOptions};
use kafka_producer::metrics::Metric;
use kafka_producer::{KafkaProducer, ProducerConfig, Record};
use producer_core::cluster::new_topic;
use xtask::kafka::KafkaJars;
use xtask::workspace;

use super::Tally;

const CLIENT_ID: &str = "measured";

/// Topic, key and value; sent one by one, so that each is a batch.
const RECORDS: [(&str, &str, &str); 4] =
    [("orders", "a", "one"), ("orders", "b", "a longer one"), ("stock", "c", ""), ("orders", "d", "last")];

/// Says nothing of time, and nothing of what a client asks its brokers besides.
const SETTLED: [&str; 38] = [
    "batch-size-avg",
    "batch-size-max",
    "batch-split-rate",
    "batch-split-total",
    "buffer-available-bytes",
    "buffer-exhausted-rate",
    "buffer-exhausted-total",
    "buffer-total-bytes",
    "bufferpool-wait-ratio",
    "bufferpool-wait-time-ns-total",
    "byte-total",
    "compression-rate",
    "compression-rate-avg",
    "connection-close-total",
    "connection-count",
    "connection-creation-total",
    "failed-authentication-total",
    "failed-reauthentication-total",
    "flush-time-ns-total",
    "produce-throttle-time-avg",
    "produce-throttle-time-max",
    "reauthentication-latency-avg",
    "reauthentication-latency-max",
    "record-error-rate",
    "record-error-total",
    "record-retry-rate",
    "record-retry-total",
    "record-send-total",
    "record-size-avg",
    "record-size-max",
    "records-per-request-avg",
    "successful-authentication-no-reauth-total",
    "successful-authentication-total",
    "successful-reauthentication-total",
    "txn-commit-time-ns-total",
    "txn-init-time-ns-total",
    "txn-prepare-time-ns-total",
    "waiting-threads",
];

/// Whether the producer is open or closed, group, name and tags.
type Name = (String, String, String, String);
/// Description and value.
type Told = (String, String);

/// Compares both sides; a metric is a case.
pub(super) fn compare(tally: &mut Tally) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let (java, mut ours) = runtime.block_on(both())?;
    for (name, (description, value)) in java {
        tally.cases += 1;
        let (_, _, metric, _) = &name;
        let Some((our_description, our_value)) = ours.remove(&name) else {
            tally.differences.push(format!("{name:?} is missing here"));
            continue;
        };
        if description != our_description {
            tally.differences.push(format!("{name:?}: Java says {description:?}, we {our_description:?}"));
        }
        if SETTLED.contains(&metric.as_str()) {
            tally.measured += 1;
            if value.parse::<f64>()?.to_bits() != our_value.parse::<f64>()?.to_bits() {
                tally.differences.push(format!("{name:?}: Java {value}, ours {our_value}"));
            }
        }
    }
    tally.differences.extend(ours.into_keys().map(|name| format!("{name:?} is none of Java's")));
    Ok(())
}

async fn both() -> Result<(BTreeMap<Name, Told>, BTreeMap<Name, Told>)> {
    let topics = vec![new_topic("orders", 1, 1), new_topic("stock", 1, 1)];
    let brokers = EmbeddedBrokers::start(EmbeddedOptions { brokers: 1, topics, ..EmbeddedOptions::default() }).await?;
    let servers = brokers.bootstrap_servers();
    let ours = ours(&servers).await?;
    let java = tokio::task::spawn_blocking(move || java(&servers)).await??;
    brokers.stop().await;
    Ok((java, ours))
}

fn java(servers: &str) -> Result<BTreeMap<Name, Told>> {
    let source = workspace::root().join("tests/oracle/MetricNames.java");
    let records = RECORDS.map(|(topic, key, value)| format!("{topic}|{key}|{value}"));
    let arguments = [servers, CLIENT_ID].map(str::to_owned).into_iter().chain(records);
    let text = KafkaJars::ensure()?.run_source(&source, arguments)?;
    let read = |line: &str| {
        let mut words = line.split('\t').map(str::to_owned);
        let mut word = || words.next().with_context(|| format!("MetricNames wrote {line:?}"));
        let mut tags = {
            let name = (word()?, word()?, word()?);
            (name, word()?.split(',').map(str::to_owned).collect::<Vec<_>>())
        };
        tags.1.sort_unstable();
        let ((when, group, name), tags) = tags;
        Ok(((when, group, name, tags.join(",")), (word()?, word()?)))
    };
    text.lines().map(read).collect()
}

async fn ours(servers: &str) -> Result<BTreeMap<Name, Told>> {
    let (config, _) = ProducerConfig::from_properties([("client.id", CLIENT_ID), ("linger.ms", "0")])?;
    let producer = KafkaProducer::connect(config, servers).await?;
    for (topic, key, value) in RECORDS {
        let record = Record { partition: Some(0), ..Record::keyed(topic, key.as_bytes(), value.as_bytes()) };
        producer.send(record).await?.await?;
    }
    let open = producer.metrics();
    producer.close(None).await;
    let closed = producer.metrics();
    let read = |when: &'static str| move |metric: &Metric| told(when, metric);
    Ok(open.iter().map(read("open")).chain(closed.iter().map(read("closed"))).collect())
}

fn told(when: &str, metric: &Metric) -> (Name, Told) {
    let mut tags: Vec<_> = metric.tags.iter().map(|(tag, value)| format!("{tag}={value}")).collect();
    tags.sort_unstable();
    let name = (when.to_owned(), metric.group.to_owned(), metric.name.to_owned(), tags.join(","));
    (name, (metric.description.to_owned(), metric.value.to_string()))
}
