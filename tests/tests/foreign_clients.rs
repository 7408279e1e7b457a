//! The embedded brokers as other people's clients meet them: they list, produce and consume, and every record is there
//! once, in order per key.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use cross_tests::{
    bridge::Bridge,
    peers::{ConsumedRecord, confluent, franz_go, java, kcat},
};
use kafka_producer::embedded::EmbeddedBrokers;
use producer_core::ids::TopicPartition;
use serde_json::Value;
use xtask::{kafka::KafkaJars, workspace};

const TOPIC: &str = "orders";
const PARTITIONS: i32 = 3;

fn brokers() -> Bridge {
    Bridge::broker(&[]).expect("the embedded brokers start")
}

/// Records `value-<n>` with key `key-<n mod keys>`, as the peers produce them: all there, once, in order per key, and
/// each key in one partition.
fn judge(read: &[ConsumedRecord], count: u32, keys: u32) {
    let mut by_key: BTreeMap<&str, Vec<(i32, u32)>> = BTreeMap::new();
    for record in read {
        let value = record.value.as_deref().and_then(|value| value.strip_prefix("value-")).expect("a peer's value");
        let key = record.key.as_deref().expect("a peer's key");
        by_key.entry(key).or_default().push((record.partition, value.parse().expect("a number")));
    }
    let mut expected: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for n in 0..count {
        expected.entry(format!("key-{}", n % keys)).or_default().push(n);
    }
    let keys_read: Vec<&str> = by_key.keys().copied().collect();
    assert_eq!(keys_read, expected.keys().map(String::as_str).collect::<Vec<_>>());
    for (key, records) in by_key {
        let partitions: BTreeSet<i32> = records.iter().map(|(partition, _)| *partition).collect();
        assert_eq!(partitions.len(), 1, "{key} is in {partitions:?}");
        let numbers: Vec<u32> = records.into_iter().map(|(_, number)| number).collect();
        assert_eq!(numbers, expected[key], "{key}");
    }
}

#[test]
fn kcat_lists_produces_and_consumes() {
    let brokers = brokers();
    let servers = brokers.bootstrap_servers();

    let listed = kcat::list(&servers).expect("kcat lists");
    let names = |value: &Value| -> Vec<String> {
        value
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|broker| broker["name"].as_str().map(str::to_owned))
            .collect()
    };
    assert_eq!(names(&listed["brokers"]), brokers.brokers);
    let topics = listed["topics"].as_array().expect("a list");
    let orders = topics.iter().find(|topic| topic["topic"] == TOPIC).expect("orders is there");
    assert_eq!(orders["partitions"].as_array().map(Vec::len), Some(3));

    let records: Vec<(String, String)> = (0..300).map(|n| (format!("key-{}", n % 7), format!("value-{n}"))).collect();
    let records: Vec<(&str, &str)> = records.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    kcat::produce(&servers, TOPIC, &records, &["-X", "enable.idempotence=true"]).expect("kcat produces");
    let read = kcat::consume_all(&servers, TOPIC).expect("kcat consumes");
    assert_eq!(read.len(), 300);
    judge(&read, 300, 7);
}

/// The tool switches retries off, and idempotence with them; these put both back.
const IDEMPOTENT: &str = "enable.idempotence=true\nretries=2147483647\n";

#[tokio::test(flavor = "multi_thread")]
async fn javas_verifiable_producer_is_idempotent_and_the_console_consumer_agrees_on_ten_thousand_records() -> Result<()>
{
    const KEYS: u32 = 20;
    let brokers = EmbeddedBrokers::start_default().await?;
    let servers = brokers.bootstrap_servers();
    let scratch = workspace::Scratch::new("verifiable-producer")?;
    let config = scratch.path().join("idempotent.properties");
    std::fs::write(&config, IDEMPOTENT)?;
    let (config, keys) = (config.to_string_lossy(), KEYS.to_string());
    let arguments = [
        ["--bootstrap-server", &servers],
        ["--command-config", &config],
        ["--topic", TOPIC],
        ["--max-messages", "10000"],
        ["--acks", "-1"],
        ["--repeating-keys", &keys],
    ];
    let report = KafkaJars::ensure()?.tool("org.apache.kafka.tools.VerifiableProducer", arguments.concat())?;
    let events: Vec<Value> = report.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let acked: BTreeMap<(i64, i64), String> = events
        .iter()
        .filter(|event| event["name"] == "producer_send_success")
        .map(|event| {
            let place = (event["partition"].as_i64().expect("a number"), event["offset"].as_i64().expect("a number"));
            (place, event["value"].as_str().expect("text").to_owned())
        })
        .collect();
    assert_eq!(acked.len(), 10_000, "{:?}", events.last());

    // As the brokers saw it: one identity, and in each partition its sequences without a gap.
    brokers.with_cluster(|cluster, _| {
        let mut identities = BTreeSet::new();
        for partition in 0..PARTITIONS {
            let mut due = 0;
            for batch in cluster.log(&TopicPartition { topic: TOPIC.into(), partition }).expect("a log").batches() {
                let batch = batch.view();
                identities.extend(batch.identity().map(|identity| (identity.id, identity.epoch)));
                assert_eq!(batch.base_sequence(), due, "{TOPIC}-{partition}");
                due += batch.record_count();
            }
        }
        assert_eq!(identities.len(), 1, "{identities:?}");
        assert!(identities.iter().all(|(id, _)| *id >= 0), "{identities:?}");
    });

    let read = java::consume_all(&servers, TOPIC, PARTITIONS, 10_001)?;
    let mut numbers_of: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut last_in: BTreeMap<i32, u32> = BTreeMap::new();
    for record in &read {
        let number: u32 = record.value.as_deref().expect("a value").parse()?;
        let before = last_in.insert(record.partition, number);
        assert!(before.is_none_or(|before| before < number), "{before:?} before {number} in {}", record.partition);
        numbers_of.entry(record.key.as_deref().expect("a key").parse()?).or_default().push(number);
    }
    let expected = (0..KEYS).map(|key| (key, (0..10_000).filter(|number| number % KEYS == key).collect()));
    assert!(numbers_of == expected.collect(), "every record once, with its key, in order per key");
    let read: BTreeMap<(i64, i64), String> = read
        .into_iter()
        .map(|record| ((i64::from(record.partition), record.offset), record.value.expect("a value")))
        .collect();
    assert!(acked == read, "{} acknowledged, {} read", acked.len(), read.len());
    Ok(())
}

#[test]
fn javas_topic_command_creates_topics_that_kcat_finds_and_is_told_why_not() {
    let brokers = brokers();
    let servers = brokers.bootstrap_servers();
    let jars = KafkaJars::ensure().expect("the jars are there");
    let create = |topic: &str, partitions: &str, replicas: &str| {
        let arguments = [
            ["--bootstrap-server", &servers],
            ["--create", "--topic"],
            [topic, "--partitions"],
            [partitions, "--replication-factor"],
        ];
        jars.tool("org.apache.kafka.tools.TopicCommand", arguments.concat().into_iter().chain([replicas]))
    };
    create("invoices", "5", "2").expect("it is created");
    let listed = kcat::list(&servers).expect("kcat lists");
    let topics = listed["topics"].as_array().expect("a list");
    let invoices = topics.iter().find(|topic| topic["topic"] == "invoices").expect("invoices is there");
    let replicas: Vec<usize> = invoices["partitions"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|partition| partition["replicas"].as_array().map_or(0, Vec::len))
        .collect();
    assert_eq!(replicas, [2; 5]);

    for (topic, partitions, replicas, exception) in [
        ("invoices", "5", "2", "TopicExistsException"),
        ("too-wide", "1", "4", "InvalidReplicationFactorException"),
        ("a/b", "1", "1", "InvalidTopicException"),
    ] {
        let refused = create(topic, partitions, replicas).expect_err(exception);
        assert!(format!("{refused:#}").contains(exception), "{exception} is missing in {refused:#}");
    }
    let left = kcat::list(&servers).expect("kcat lists")["topics"].as_array().map(Vec::len);
    assert_eq!(left, Some(2), "orders and invoices, and nothing that was refused");
}

#[test]
fn confluent_kafka_produces_and_consumes() {
    let brokers = brokers();
    confluent::produce(&brokers.bootstrap_servers(), TOPIC, 2_000, 11).expect("it produces");
    let read = confluent::consume_all(&brokers.bootstrap_servers(), TOPIC).expect("it consumes");
    assert_eq!(read.len(), 2_000);
    judge(&read, 2_000, 11);
}

#[test]
fn franz_go_produces_and_consumes() {
    let brokers = brokers();
    franz_go::produce(&brokers.bootstrap_servers(), TOPIC, 2_000, 11).expect("it produces");
    let read = franz_go::consume(&brokers.bootstrap_servers(), TOPIC, 2_000).expect("it consumes");
    assert_eq!(read.len(), 2_000);
    judge(&read, 2_000, 11);
}

#[test]
fn what_one_client_wrote_another_reads_with_the_same_offsets_and_timestamps() {
    let brokers = brokers();
    let servers = brokers.bootstrap_servers();
    confluent::produce(&servers, TOPIC, 100, 5).expect("confluent-kafka produces");
    let java = java::consume_all(&servers, TOPIC, PARTITIONS, 101).expect("the console consumer reads");
    assert_eq!(java.len(), 100);
    assert_eq!(kcat::consume_all(&servers, TOPIC).expect("kcat reads"), java);
    assert_eq!(franz_go::consume(&servers, TOPIC, 100).expect("franz-go reads"), java);
}
