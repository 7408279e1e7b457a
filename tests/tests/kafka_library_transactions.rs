//! The library's transactions against Apache Kafka, read by Kafka's own consumer under both isolation levels; and the
//! same story against the embedded brokers, which must tell it alike.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use kafka_producer::embedded::{EmbeddedBrokers, EmbeddedOptions};
use kafka_producer::{
    CommittedOffset, GroupMember, KafkaProducer, ProducerConfig, ProducerError, Record, TransactionError,
};
use producer_core::cluster::new_topic;
use xtask::kafka::{ApacheKafka, KafkaJars};
use xtask::workspace;

const TOPIC: &str = "payments";
const PARTITIONS: i32 = 3;

fn config(transactional_id: &str, more: &[(&str, &str)]) -> ProducerConfig {
    // Nothing leaves before a flush or a commit says so, however slow the machine is: what an abort finds is the same
    // on both sides.
    let properties = [("transactional.id", transactional_id), ("linger.ms", "60000")];
    ProducerConfig::from_properties(properties.into_iter().chain(more.iter().copied())).expect("Java would take it").0
}

async fn connect(servers: &str, transactional_id: &str) -> Result<KafkaProducer> {
    Ok(KafkaProducer::connect(config(transactional_id, &[]), servers).await?)
}

/// What a program sees, line by line.
#[derive(Debug, Default, PartialEq)]
struct Seen(Vec<String>);

impl Seen {
    fn call(&mut self, what: &str, result: &Result<(), ProducerError>) {
        self.0.push(match result {
            Ok(()) => format!("{what}: done"),
            // Producer ids differ between clusters.
            Err(error) => format!("{what}: {}: {}", error.java_class(), without_ids(&error.to_string())),
        });
    }
}

fn without_ids(sentence: &str) -> String {
    match (sentence.find("(producerId="), sentence.find(", epoch=")) {
        (Some(begin), Some(end)) => format!("{}(producerId=?{}", &sentence[..begin], &sentence[end..]),
        _ => sentence.to_owned(),
    }
}

/// Sends one record to every partition and tells where each landed.
async fn send_to_all(producer: &KafkaProducer, value: &str, seen: &mut Seen) -> Result<()> {
    let mut deliveries = Vec::new();
    for partition in 0..PARTITIONS {
        let record = Record { partition: Some(partition), ..Record::keyed(TOPIC, b"key", value.as_bytes()) };
        deliveries.push(producer.send(record).await?);
    }
    producer.flush().await;
    for delivery in deliveries {
        seen.0.push(match delivery.await {
            Ok(metadata) => format!("{value}: {metadata}"),
            Err(failed) => format!("{value}: {}", failed.error.java_class()),
        });
    }
    Ok(())
}

/// Committed, aborted, committed again; nothing at all; calls that do not fit; offsets; and a second producer that takes
/// the name over.
async fn story(servers: &str) -> Result<Seen> {
    let mut seen = Seen::default();
    let producer = connect(servers, "cashier").await?;
    seen.call("begin before init", &producer.begin_transaction());
    seen.call("init", &producer.init_transactions().await);
    seen.call("init again", &producer.init_transactions().await);
    seen.call("commit without begin", &producer.commit_transaction().await);

    for (value, commits) in [("first", true), ("second", false), ("third", true)] {
        seen.call("begin", &producer.begin_transaction());
        send_to_all(&producer, value, &mut seen).await?;
        if commits {
            seen.call("commit", &producer.commit_transaction().await);
        } else {
            seen.call("abort", &producer.abort_transaction().await);
        }
    }

    seen.call("begin", &producer.begin_transaction());
    seen.call("commit of nothing", &producer.commit_transaction().await);

    seen.call("begin", &producer.begin_transaction());
    seen.call("begin twice", &producer.begin_transaction());
    let offset = CommittedOffset { offset: 7, leader_epoch: -1, metadata: Some("seven".into()) };
    let offsets = vec![(TOPIC.into(), 0, offset)];
    let sent = producer.send_offsets_to_transaction(offsets, GroupMember::of_group("till")).await;
    seen.call("send offsets", &sent);
    seen.call("commit", &producer.commit_transaction().await);

    // What has not left when the transaction is aborted fails; what has is awaited.
    seen.call("begin", &producer.begin_transaction());
    let left = producer.send(Record { partition: Some(0), ..Record::keyed(TOPIC, b"key", b"left behind") }).await?;
    seen.call("abort", &producer.abort_transaction().await);
    seen.0.push(match left.await {
        Ok(metadata) => format!("left behind: {metadata}"),
        Err(failed) => format!("left behind: {}: {}", failed.error.java_class(), failed.error),
    });

    let outside = producer.send(Record::keyed(TOPIC, b"key", b"outside")).await.expect_err("no transaction is open");
    seen.0.push(format!("outside: {}", outside.error.java_class()));
    // It is in its batch all the same, and would hold up every commit: an abort throws it out.
    seen.call("begin", &producer.begin_transaction());
    seen.call("abort", &producer.abort_transaction().await);

    // Another one of the same name fences this one.
    seen.call("begin", &producer.begin_transaction());
    let second = connect(servers, "cashier").await?;
    seen.call("second init", &second.init_transactions().await);
    let fenced = producer.commit_transaction().await;
    seen.call("commit of what was not started", &fenced);
    seen.call("begin", &producer.begin_transaction());
    let record = Record { partition: Some(0), ..Record::keyed(TOPIC, b"key", b"fenced") };
    let delivery = producer.send(record).await?;
    producer.flush().await;
    seen.0.push(match delivery.await {
        Ok(metadata) => format!("fenced: {metadata}"),
        Err(failed) => format!("fenced: {}", failed.error.java_class()),
    });
    seen.call("commit", &producer.commit_transaction().await);
    seen.call("abort", &producer.abort_transaction().await);

    seen.call("second begin", &second.begin_transaction());
    send_to_all(&second, "fourth", &mut seen).await?;
    // Closed in the middle: aborted.
    second.close(None).await;
    producer.close(None).await;
    Ok(seen)
}

/// Values in the order of their offsets, per partition, as Kafka's console consumer reads them.
fn read(servers: &str, isolation: &str, counts: &BTreeMap<i32, usize>) -> Result<BTreeMap<i32, Vec<String>>> {
    let mut read = BTreeMap::new();
    for partition in 0..PARTITIONS {
        let count = counts.get(&partition).copied().unwrap_or(0).to_string();
        let text = KafkaJars::ensure()?.tool(
            "org.apache.kafka.tools.consumer.ConsoleConsumer",
            [
                ["--bootstrap-server", servers],
                ["--topic", TOPIC],
                ["--partition", &partition.to_string()],
                ["--offset", "earliest"],
                ["--max-messages", &count],
                ["--isolation-level", isolation],
                ["--timeout-ms", "60000"],
                ["--formatter-property", "print.offset=true"],
            ]
            .concat(),
        )?;
        let line = |line: &str| line.strip_prefix("Offset:").map(|rest| rest.replace('\t', " ")).context("an offset");
        read.insert(partition, text.lines().map(line).collect::<Result<_>>()?);
    }
    Ok(read)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_of_the_library_hold_what_apache_kafka_promises_and_the_embedded_brokers_agree() -> Result<()> {
    let kafka = ApacheKafka::start(1, &[])?;
    kafka.create_topic(TOPIC, PARTITIONS.try_into()?)?;
    let servers = kafka.bootstrap_servers();
    let seen = story(&servers).await?;

    // Offsets 0, 2 and 4 hold records, 1, 3 and 5 the markers of their transactions.
    let all: BTreeMap<i32, usize> = (0..PARTITIONS).map(|partition| (partition, 3)).collect();
    let committed = read(&servers, "read_committed", &(0..PARTITIONS).map(|partition| (partition, 2)).collect())?;
    for partition in 0..PARTITIONS {
        assert_eq!(committed[&partition], ["0 first", "4 third"], "partition {partition}");
    }
    let everything = read(&servers, "read_uncommitted", &all)?;
    assert_eq!(everything[&1], ["0 first", "2 second", "4 third"]);

    the_groups_offset_was_committed(&kafka)?;

    // The Java client tells the same story, on a cluster of its own.
    let another = ApacheKafka::start(1, &[])?;
    another.create_topic(TOPIC, PARTITIONS.try_into()?)?;
    assert_eq!(javas_story(&another.bootstrap_servers())?, seen);

    let topics = vec![new_topic(TOPIC, PARTITIONS, 3)];
    let embedded = EmbeddedBrokers::start(EmbeddedOptions { topics, ..EmbeddedOptions::default() }).await?;
    assert_eq!(story(&embedded.bootstrap_servers()).await?, seen);
    Ok(())
}

fn javas_story(servers: &str) -> Result<Seen> {
    let source = workspace::root().join("tests/java/TransactionStory.java");
    let text = KafkaJars::ensure()?.run_source(&source, [servers, TOPIC, &PARTITIONS.to_string()])?;
    Ok(Seen(text.lines().map(str::to_owned).collect()))
}

fn the_groups_offset_was_committed(kafka: &ApacheKafka) -> Result<()> {
    let servers = kafka.bootstrap_servers();
    let text = kafka.jars().tool(
        "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
        ["--bootstrap-server", &servers, "--describe", "--group", "till", "--offsets"],
    )?;
    let row = text.lines().find(|line| line.contains(TOPIC)).with_context(|| text.clone())?;
    let fields: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(fields[..4], ["till", TOPIC, "0", "7"], "{text}");
    Ok(())
}

#[tokio::test]
async fn a_call_that_finds_no_coordinator_times_out_and_may_be_repeated() -> Result<()> {
    // Bound, and nobody accepts what it says.
    let silent = std::net::TcpListener::bind("127.0.0.1:0")?;
    let servers = silent.local_addr()?.to_string();
    let producer = KafkaProducer::connect(config("cashier", &[("max.block.ms", "300")]), &servers).await?;
    for _ in 0..2 {
        let error = producer.init_transactions().await.expect_err("nobody answers");
        assert_eq!(error.java_class(), "TimeoutException");
        assert!(error.to_string().starts_with("Timeout expired after 300ms while awaiting InitProducerId."), "{error}");
    }
    let other = producer.begin_transaction().expect_err("the call before must be repeated first");
    assert!(matches!(&other, ProducerError::Transaction(error) if matches!(**error, TransactionError::Illegal(_))));
    assert_eq!(
        other.to_string(),
        "Cannot attempt operation `beginTransaction` because the previous call to `initTransactions` timed out and must be retried"
    );
    producer.close(Some(std::time::Duration::ZERO)).await;
    Ok(())
}
