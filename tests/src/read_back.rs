//! A topic as Kafka's own consumer reads it.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context as _, Result, ensure};
use xtask::kafka::KafkaJars;

/// One record as the Java consumer gave it. Null and the text `null` look the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadRecord {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its timestamp, milliseconds since 1970.
    pub timestamp_ms: i64,
    /// Its key as text.
    pub key: String,
    /// Its value as text.
    pub value: String,
}

#[cfg(test)]
impl ReadRecord {
    /// A partition that holds these numbers, from offset 0 on.
    pub(crate) fn of_numbers(numbers: &[usize]) -> Vec<Self> {
        let record = |(offset, number): (i64, &usize)| Self {
            partition: 0,
            offset,
            timestamp_ms: 0,
            key: String::new(),
            value: number.to_string(),
        };
        (0..).zip(numbers).map(record).collect()
    }
}

/// Reads a whole topic with the Java consumer, in the order of partitions and, within them, of reading. It waits for
/// commits (`isolation.level=read_committed`).
///
/// # Errors
/// When Java cannot be run, or the consumer fails.
pub fn read_topic(jars: &KafkaJars, bootstrap_servers: &str, topic: &str) -> Result<Vec<ReadRecord>> {
    let mut topics = read_topics(jars, bootstrap_servers, &[topic])?;
    Ok(topics.remove(topic).unwrap_or_default())
}

/// As [`read_topic`], for several; a topic without records is left out.
///
/// # Errors
/// As [`read_topic`].
pub fn read_topics(
    jars: &KafkaJars,
    bootstrap_servers: &str,
    topics: &[&str],
) -> Result<BTreeMap<String, Vec<ReadRecord>>> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("java/ReadTopic.java");
    let printed = jars.run_source(&source, [&[bootstrap_servers], topics].concat())?;
    let mut read: BTreeMap<String, Vec<ReadRecord>> = BTreeMap::new();
    for line in printed.lines() {
        let (topic, line) = line.split_once('\t').with_context(|| format!("no topic in {line:?}"))?;
        read.entry(topic.to_owned()).or_default().push(parse(line)?);
    }
    for records in read.values_mut() {
        records.sort_by_key(|record| record.partition);
    }
    Ok(read)
}

fn parse(line: &str) -> Result<ReadRecord> {
    let mut fields = line.splitn(5, '\t');
    let mut field = || fields.next().with_context(|| format!("five fields in {line:?}"));
    Ok(ReadRecord {
        partition: field()?.parse()?,
        offset: field()?.parse()?,
        timestamp_ms: field()?.parse()?,
        key: field()?.to_owned(),
        value: field()?.to_owned(),
    })
}

/// A record that was acknowledged: what was sent, and where the producer said that it landed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Acknowledged {
    /// Its place among the records sent, which is also its value.
    pub number: usize,
    /// The partition told.
    pub partition: i32,
    /// The offset told, if one was.
    pub offset: Option<i64>,
}

/// Holds what was acknowledged against what was read: none lost, none twice, every offset as told, and within each
/// partition the order of sending. Values are the records' numbers; nothing else may be in the topic.
///
/// # Errors
/// Names the first record that breaks a rule.
pub fn judge(acknowledged: &[Acknowledged], read: &[ReadRecord]) -> Result<()> {
    let mut places = BTreeMap::new();
    let mut last_in_partition: BTreeMap<i32, usize> = BTreeMap::new();
    for record in read {
        let number: usize = record.value.parse().with_context(|| format!("a foreign record {record:?}"))?;
        if let Some(first) = places.insert(number, (record.partition, record.offset)) {
            anyhow::bail!("record {number} is there twice: at {first:?} and {:?}", (record.partition, record.offset));
        }
        if let Some(before) = last_in_partition.insert(record.partition, number) {
            ensure!(before < number, "partition {} has record {before} before {number}", record.partition);
        }
    }
    for record in acknowledged {
        let number = record.number;
        let &(partition, offset) = places.get(&number).with_context(|| format!("record {number} is lost"))?;
        ensure!(partition == record.partition, "record {number} is in {partition}, not in {}", record.partition);
        if let Some(told) = record.offset {
            ensure!(offset == told, "record {number} is at offset {offset}, not at {told}");
        }
    }
    ensure!(read.len() == acknowledged.len(), "{} records read, {} acknowledged", read.len(), acknowledged.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(places: &[(i32, i64, usize)]) -> Vec<ReadRecord> {
        let record = |&(partition, offset, number): &(i32, i64, usize)| ReadRecord {
            partition,
            offset,
            timestamp_ms: 0,
            key: String::new(),
            value: number.to_string(),
        };
        places.iter().map(record).collect()
    }

    fn told(places: &[(i32, i64, usize)]) -> Vec<Acknowledged> {
        let record = |&(partition, offset, number)| Acknowledged { number, partition, offset: Some(offset) };
        places.iter().map(record).collect()
    }

    #[test]
    fn what_was_told_and_what_is_there_agree() {
        let places = [(0, 0, 1), (0, 1, 3), (1, 0, 0), (1, 1, 2)];
        judge(&told(&places), &read(&places)).unwrap();
    }

    #[test]
    fn every_breach_is_found() {
        let sent = told(&[(0, 0, 0), (0, 1, 1)]);
        for (what, there) in [
            ("is lost", &[(0, 0, 0)][..]),
            ("is there twice", &[(0, 0, 0), (0, 1, 1), (0, 2, 1)]),
            ("before", &[(0, 0, 1), (0, 1, 0)]),
            ("not at 1", &[(0, 0, 0), (0, 2, 1)]),
            ("not in 0", &[(0, 0, 0), (1, 1, 1)]),
            ("3 records read", &[(0, 0, 0), (0, 1, 1), (0, 2, 2)]),
        ] {
            let breach = judge(&sent, &read(there)).unwrap_err().to_string();
            assert!(breach.contains(what), "{breach}");
        }
    }
}
