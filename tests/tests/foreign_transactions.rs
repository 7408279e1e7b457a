//! Transactions of other people's producers on the embedded brokers: what was committed is there once, what was aborted
//! nobody sees who does not want to, and a second producer of an id ends the first.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
use cross_tests::peers::{ConsumedRecord, confluent, franz_go, java};
use kafka_producer::embedded::EmbeddedBrokers;
use producer_core::ids::TopicPartition;
use producer_core::record_batch::BatchView;
use xtask::kafka::KafkaJars;

const TOPIC: &str = "orders";
const COMMITTED: &str = "read_committed";
const UNCOMMITTED: &str = "read_uncommitted";

/// Twenty records of each of these transactions, `<transaction>-<n>`.
fn twenty_each(transactions: &[u32]) -> Vec<String> {
    transactions.iter().flat_map(|transaction| (0..20).map(move |n| format!("{transaction}-{n}"))).collect()
}

/// The values as a program sent them, sorted.
fn values(read: &[ConsumedRecord]) -> Vec<String> {
    let mut values: Vec<String> = read.iter().map(|record| record.value.clone().expect("a value")).collect();
    values.sort();
    values
}

fn sorted(mut values: Vec<String>) -> Vec<String> {
    values.sort();
    values
}

/// What each partition holds, counted by partition.
fn per_partition(read: &[ConsumedRecord]) -> BTreeMap<i32, usize> {
    let mut counts = BTreeMap::new();
    for record in read {
        *counts.entry(record.partition).or_default() += 1;
    }
    counts
}

/// All three foreign consumers see the same, careful ones the committed records alone.
fn judge(servers: &str, committed: Vec<String>, all: Vec<String>) -> Result<()> {
    for (isolation, expected) in [(COMMITTED, sorted(committed)), (UNCOMMITTED, sorted(all))] {
        let read = confluent::consume_isolated(servers, TOPIC, isolation)?;
        assert_eq!(values(&read), expected, "{isolation}");
        assert_eq!(franz_go::consume_isolated(servers, TOPIC, expected.len(), isolation)?, read, "{isolation}");
        for (partition, count) in per_partition(&read) {
            let console = java::consume_partition(servers, TOPIC, partition, count, isolation)?;
            let here: Vec<_> = read.iter().filter(|record| record.partition == partition).cloned().collect();
            assert_eq!(console, here, "{isolation}, partition {partition}");
        }
    }
    Ok(())
}

/// The epochs of all markers: with protocol 2 (KIP-890) every end has one of its own, with protocol 1 a producer's.
fn marker_epochs(brokers: &EmbeddedBrokers) -> BTreeSet<i16> {
    brokers.with_cluster(|cluster, _| {
        let logs = (0..3).filter_map(|partition| cluster.log(&TopicPartition { topic: TOPIC.into(), partition }));
        let batches = logs.flat_map(|log| log.batches()).map(|batch| batch.view());
        batches.filter(BatchView::is_control).map(|marker| marker.producer_epoch()).collect()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn confluent_kafkas_commits_are_seen_once_and_its_aborts_never() -> Result<()> {
    let brokers = EmbeddedBrokers::start_default().await?;
    let servers = brokers.bootstrap_servers();
    let met = confluent::transactions(&servers, TOPIC, "librdkafka-tx")?;
    assert_eq!(met, ["offset 7", "offset 7", "fatal True _FENCED"]);
    assert_eq!(marker_epochs(&brokers), [0, 1, 2].into(), "the first producer's, the abort of it, the second's");
    let committed = [twenty_each(&[0, 2, 4]), vec!["offset-7".into(), "heir".into()]].concat();
    let aborted = [twenty_each(&[1, 3]), vec!["offset-9".into(), "zombie".into()]].concat();
    judge(&servers, committed.clone(), [committed, aborted].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn franz_gos_commits_are_seen_once_and_its_aborts_never() -> Result<()> {
    let brokers = EmbeddedBrokers::start_default().await?;
    let servers = brokers.bootstrap_servers();
    let met = franz_go::transactions(&servers, TOPIC, "franz-tx")?;
    assert_eq!(met.len(), 1, "{met:?}");
    assert!(met[0].starts_with("PRODUCER_FENCED"), "{met:?}");
    assert_eq!(marker_epochs(&brokers).len(), 7, "every transaction's own");
    let committed = [twenty_each(&[0, 2, 4]), vec!["heir".into()]].concat();
    let aborted = [twenty_each(&[1, 3]), vec!["zombie".into()]].concat();
    judge(&servers, committed.clone(), [committed, aborted].concat())
}

/// What is asserted here Apache Kafka answers too: `kafka_transactions` runs the same program with both.
#[tokio::test(flavor = "multi_thread")]
async fn a_java_program_commits_aborts_passes_offsets_on_and_is_fenced() -> Result<()> {
    let brokers = EmbeddedBrokers::start_default().await?;
    let servers = brokers.bootstrap_servers();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("java/Transactions.java");
    let told = KafkaJars::ensure()?.run_source(&source, [servers.as_str(), TOPIC])?;
    let after = |what: &str| {
        let line = told.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(": "));
        line.unwrap_or_else(|| panic!("no {what:?} in {told}"))
    };
    // Two records and a marker, one record and a marker.
    assert_eq!(after("committed"), "{0=3, 1=2}");
    assert_eq!(after("aborted"), "{0=5, 1=4}");
    assert_eq!(after("while open"), "{0=5, 1=4} of {0=6, 1=4}");
    for fenced in ["the zombie aborts", "the zombie begins"] {
        assert_eq!(after(fenced), "ProducerFencedException");
    }
    assert_eq!(after("offsets of a member"), "CommitFailedException");
    let offsets = "{0=OffsetAndMetadata{offset=2, leaderEpoch=null, metadata='note'}, 1=null}";
    assert_eq!(told.lines().filter(|line| line.ends_with(offsets)).count(), 2, "after the commit and after the abort");

    let read = |isolation| java::consume_partition(&servers, TOPIC, 0, 4, isolation).map(|read| values(&read));
    assert_eq!(read(COMMITTED)?, ["a", "b", "many-0", "open"]);
    assert_eq!(read(UNCOMMITTED)?, ["a", "aborted", "b", "open"]);
    Ok(())
}
