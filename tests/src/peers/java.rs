//! The Java client and Apache Kafka's own tools.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use xtask::{kafka::KafkaJars, workspace};

use super::ConsumedRecord;

/// What stands for null in the console consumer's output, unlike any key or value of the tests.
const NULL: &str = "\u{2400}";

/// Reads `partitions` partitions of a topic from their beginnings to their ends with Kafka's console consumer, at most
/// `max_records` of each, in the order of their numbers.
///
/// The consumers are assigned their partitions: they need no consumer group.
///
/// # Errors
/// When Java or the jars cannot be had, the output is not the consumer's, or less is read than Kafka's own tool counts.
pub fn consume_all(
    bootstrap_servers: &str,
    topic: &str,
    partitions: i32,
    max_records: usize,
) -> Result<Vec<ConsumedRecord>> {
    let ends = end_offsets(bootstrap_servers, topic)?;
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..partitions)
            .map(|partition| {
                let count = ends.get(&partition).copied().unwrap_or_default().min(max_records);
                scope.spawn(move || consume_partition(bootstrap_servers, topic, partition, count, "read_uncommitted"))
            })
            .collect();
        let mut records = Vec::new();
        for reader in readers {
            records.extend(reader.join().map_err(|_| anyhow::anyhow!("a reader panicked"))??);
        }
        Ok(records)
    })
}

/// How many records each partition of a topic has, none of which was ever dropped.
fn end_offsets(bootstrap_servers: &str, topic: &str) -> Result<BTreeMap<i32, usize>> {
    let arguments = ["--bootstrap-server", bootstrap_servers, "--topic", topic];
    let text = KafkaJars::ensure()?.tool("org.apache.kafka.tools.GetOffsetShell", arguments)?;
    text.lines()
        .map(|line| {
            let mut fields = line.rsplit(':');
            let mut field = || fields.next().with_context(|| format!("topic:partition:offset instead of {line:?}"));
            let (offset, partition) = (field()?.parse()?, field()?.parse()?);
            Ok((partition, offset))
        })
        .collect()
}

/// Reads the first `count` records of one partition that a reader of this isolation level may see; waiting for what is not
/// there would take as long as patience lasts.
///
/// # Errors
/// As [`consume_all`].
pub fn consume_partition(
    bootstrap_servers: &str,
    topic: &str,
    partition: i32,
    count: usize,
    isolation: &str,
) -> Result<Vec<ConsumedRecord>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let (partition, max_messages) = (partition.to_string(), count.to_string());
    let null = format!("null.literal={NULL}");
    let text = KafkaJars::ensure()?.tool(
        "org.apache.kafka.tools.consumer.ConsoleConsumer",
        [
            ["--bootstrap-server", bootstrap_servers],
            ["--topic", topic],
            ["--partition", &partition],
            ["--offset", "earliest"],
            ["--isolation-level", isolation],
            ["--max-messages", &max_messages],
            // Between two records. On a busy machine a Java program may take long to begin.
            ["--timeout-ms", "60000"],
            ["--formatter-property", "print.timestamp=true"],
            ["--formatter-property", "print.partition=true"],
            ["--formatter-property", "print.offset=true"],
            ["--formatter-property", "print.key=true"],
            ["--formatter-property", &null],
        ]
        .concat(),
    )?;
    let records = text.lines().map(read_record).collect::<Result<Vec<_>>>()?;
    ensure!(records.len() == count, "{} of {count} records of {topic}-{partition} were read", records.len());
    Ok(records)
}

/// Reads `CreateTime:1764000000000<tab>Partition:1<tab>Offset:0<tab>key<tab>value`.
fn read_record(line: &str) -> Result<ConsumedRecord> {
    let parts: Vec<&str> = line.splitn(5, '\t').collect();
    let [timestamp, partition, offset, key, value] = parts[..] else {
        anyhow::bail!("the console consumer wrote {line:?}");
    };
    let number =
        |part: &str| part.split_once(':').and_then(|(_, number)| number.parse::<i64>().ok()).context("a number");
    let text = |part: &str| (part != NULL).then(|| part.to_owned());
    Ok(ConsumedRecord {
        partition: i32::try_from(number(partition)?)?,
        offset: number(offset)?,
        timestamp_ms: number(timestamp)?,
        key: text(key),
        value: text(value),
    })
}

/// Where the Java client puts each key among `partitions` partitions, asked from its own partitioner.
///
/// # Errors
/// When Java or the jars cannot be had, or a key holds a line break.
pub fn partitions_for_keys<'a>(keys: &[&'a str], partitions: i32) -> Result<BTreeMap<&'a str, i32>> {
    let source = workspace::root().join("tests/java/PartitionForKey.java");
    let count = partitions.to_string();
    let arguments = std::iter::once(count.as_str()).chain(keys.iter().copied());
    let text = KafkaJars::ensure()?.run_source(&source, arguments)?;
    let answers: Vec<i32> = text.lines().map(str::parse).collect::<Result<_, _>>()?;
    ensure!(answers.len() == keys.len(), "{} answers for {} keys", answers.len(), keys.len());
    Ok(keys.iter().copied().zip(answers).collect())
}

/// As [`confluent::storm`](super::confluent::storm).
///
/// # Errors
/// When Java or the jars cannot be had, or the program ends with an exception.
pub fn storm(bootstrap_servers: &str, topic: &str, count: usize, id: &str) -> Result<String> {
    let source = workspace::root().join("tests/java/Storm.java");
    KafkaJars::ensure()?.run_source(&source, [bootstrap_servers, topic, &count.to_string(), id])
}

/// An exception of the Java client, and where the program met it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Met {
    /// `thrown`, `future-on-caller`, `future-on-sender`; or `refused`: there is no producer at all.
    pub surface: String,
    /// Simple name of its class.
    pub class: String,
    /// Its sentence.
    pub sentence: String,
}

/// A record for [`send_and_tell`]. No field may hold `|`.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// Topic.
    pub topic: &'a str,
    /// Explicit partition as text; empty: the partitioner chooses.
    pub partition: &'a str,
    /// Key.
    pub key: &'a str,
    /// Value.
    pub value: &'a str,
}

/// Has the Java client send records one by one, and tells what the program met; `None`: it was acknowledged. Refused
/// properties are one answer.
///
/// # Errors
/// When Java or the jars cannot be had.
pub fn send_and_tell(
    bootstrap_servers: &str,
    properties: &[(&str, &str)],
    attempts: &[Attempt<'_>],
) -> Result<Vec<Option<Met>>> {
    let source = workspace::root().join("tests/java/SendAndTell.java");
    // A comma separates properties there.
    let mut first = format!("bootstrap.servers={}", bootstrap_servers.replace(',', ";"));
    for (key, value) in properties {
        first.push_str(&format!(",{key}={value}"));
    }
    let records =
        attempts.iter().map(|Attempt { topic, partition, key, value }| format!("{topic}|{partition}|{key}|{value}"));
    let text = KafkaJars::ensure()?.run_source(&source, std::iter::once(first).chain(records))?;
    let read = |line: &str| {
        if line == "acked" {
            return Ok(None);
        }
        let parts: Vec<&str> = line.splitn(3, '\t').collect();
        let [surface, class, sentence] = parts[..] else { anyhow::bail!("SendAndTell wrote {line:?}") };
        Ok(Some(Met { surface: surface.to_owned(), class: class.to_owned(), sentence: sentence.to_owned() }))
    };
    text.lines().map(read).collect()
}
