//! What lies in a broker's folder, as Apache Kafka's own `DumpLogSegments` reads it: a proof that asks no broker.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use xtask::kafka::KafkaJars;

use crate::read_back::ReadRecord;

/// A batch on a disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiskBatch {
    /// Offset of its first record.
    pub base_offset: i64,
    /// How many records it says it has.
    pub count: i64,
    /// Sequence of its first record; −1: its producer is not idempotent.
    pub base_sequence: i64,
    /// Producer id; −1: none.
    pub producer_id: i64,
    /// Epoch of the producer id.
    pub producer_epoch: i64,
    /// Does it belong to a transaction?
    pub is_transactional: bool,
    /// The records of the batch, or of a marker none: offset and value.
    pub records: Vec<(i64, String)>,
    /// Of a marker: was it a commit?
    pub committed: Option<bool>,
}

/// The batches of each partition of a topic.
pub type Disk = BTreeMap<i32, Vec<DiskBatch>>;

/// What these segments hold, topic by topic. The files of one partition come in their order.
///
/// # Errors
/// When Java cannot be run, or a checksum is wrong.
pub fn dump(jars: &KafkaJars, segments: &[PathBuf]) -> Result<BTreeMap<String, Disk>> {
    let files: Vec<String> = segments.iter().map(|file| file.display().to_string()).collect();
    let arguments = ["--print-data-log", "--files", &files.join(",")];
    parse(&jars.tool("org.apache.kafka.tools.DumpLogSegments", arguments)?)
}

fn parse(text: &str) -> Result<BTreeMap<String, Disk>> {
    let mut topics: BTreeMap<String, Disk> = BTreeMap::new();
    let mut here = None;
    for line in text.lines() {
        if let Some(path) = line.strip_prefix("Dumping ") {
            let folder = path.rsplit('/').nth(1).with_context(|| format!("no folder in {line:?}"))?;
            let (topic, partition) = folder.rsplit_once('-').with_context(|| format!("no partition in {line:?}"))?;
            here = Some(topics.entry(topic.to_owned()).or_default().entry(partition.parse()?).or_default());
        } else if line.starts_with("baseOffset: ") {
            let batches = here.as_mut().context("a batch before the first file")?;
            batches.push(batch(line)?);
        } else if let Some(line) = line.strip_prefix("| ") {
            let batch = here.as_mut().and_then(|batches| batches.last_mut()).context("a record before its batch")?;
            match value_of(line, "endTxnMarker: ") {
                Ok(marker) => batch.committed = Some(marker == "COMMIT"),
                // Last in its line, and it may hold blanks.
                Err(_) => {
                    let value = line.split_once(" payload: ").with_context(|| format!("no payload in {line:?}"))?.1;
                    batch.records.push((value_of(line, "offset: ")?.parse()?, value.to_owned()));
                }
            }
        }
    }
    Ok(topics)
}

fn batch(line: &str) -> Result<DiskBatch> {
    ensure!(value_of(line, "isvalid: ")? == "true", "a batch with a wrong checksum: {line}");
    let number = |name| -> Result<i64> { Ok(value_of(line, name)?.parse()?) };
    Ok(DiskBatch {
        base_offset: number("baseOffset: ")?,
        count: number("count: ")?,
        base_sequence: number("baseSequence: ")?,
        producer_id: number("producerId: ")?,
        producer_epoch: number("producerEpoch: ")?,
        is_transactional: value_of(line, "isTransactional: ")? == "true",
        records: Vec::new(),
        committed: None,
    })
}

fn value_of<'a>(line: &'a str, name: &str) -> Result<&'a str> {
    let (_, rest) = line.split_once(name).with_context(|| format!("no {name:?} in {line:?}"))?;
    Ok(rest.split(' ').next().unwrap_or_default())
}

/// The records that a reader may see who waits for commits: those outside transactions, and those whose transaction has
/// a commit marker. In the order of partitions and offsets, as places and values.
pub fn committed(disk: &Disk) -> Vec<(i32, i64, String)> {
    let mut seen = Vec::new();
    for (&partition, batches) in disk {
        let mut open: BTreeMap<i64, Vec<&DiskBatch>> = BTreeMap::new();
        let mut here = Vec::new();
        for batch in batches {
            match batch.committed {
                None if batch.is_transactional => open.entry(batch.producer_id).or_default().push(batch),
                None => here.push(batch),
                Some(committed) => {
                    let ended = open.remove(&batch.producer_id).unwrap_or_default();
                    here.extend(ended.into_iter().filter(|_| committed));
                }
            }
        }
        let records = here.into_iter().flat_map(|batch| &batch.records);
        let mut records: Vec<_> = records.map(|(offset, value)| (partition, *offset, value.clone())).collect();
        records.sort();
        seen.append(&mut records);
    }
    seen
}

/// Every record, whatever became of its transaction.
pub fn everything(disk: &Disk) -> Vec<(i32, i64, String)> {
    let all = disk.iter().flat_map(|(&partition, batches)| {
        let records = batches.iter().flat_map(|batch| &batch.records);
        records.map(move |(offset, value)| (partition, *offset, value.clone()))
    });
    all.collect()
}

/// Places and values of what a consumer read, to be compared with what is on a disk.
pub fn places(read: &[ReadRecord]) -> Vec<(i32, i64, String)> {
    read.iter().map(|record| (record.partition, record.offset, record.value.clone())).collect()
}

/// Checks what an idempotent producer without a failure leaves behind: one producer id in one epoch, and in each partition
/// sequences from 0 on with neither gap nor overlap, in batches that hold as many records as they say. Returns how many
/// batches there are.
///
/// # Errors
/// Names the batch that breaks a rule.
pub fn judge_sequences(disk: &Disk) -> Result<usize> {
    let mut identities = Vec::new();
    for (partition, batches) in disk {
        let mut due = 0;
        for batch in batches {
            ensure!(batch.base_sequence == due, "partition {partition}: sequence {due} was due at {batch:?}");
            ensure!(i64::try_from(batch.records.len())? == batch.count, "partition {partition}: {batch:?}");
            due += batch.count;
            identities.push((batch.producer_id, batch.producer_epoch));
        }
    }
    let batches = identities.len();
    identities.sort_unstable();
    identities.dedup();
    ensure!(identities.len() == 1 && identities[0].0 >= 0, "one producer wrote as {identities:?}");
    Ok(batches)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The form of Apache Kafka 4.3.1's tool.
    fn line(base_offset: i64, count: i64, base_sequence: i64, control: bool) -> String {
        format!(
            "baseOffset: {base_offset} lastOffset: {} count: {count} baseSequence: {base_sequence} lastSequence: 0 \
             producerId: 7 producerEpoch: 0 partitionLeaderEpoch: 0 isTransactional: true isControl: {control} \
             deleteHorizonMs: OptionalLong.empty position: 0 CreateTime: 1 size: 2 magic: 2 compresscodec: none \
             crc: 3 isvalid: true\n",
            base_offset + count - 1
        )
    }

    fn record(offset: i64, value: &str) -> String {
        format!(
            "| offset: {offset} CreateTime: 1 keySize: 1 valueSize: 1 sequence: 0 headerKeys: [] key: k payload: {value}\n"
        )
    }

    fn marker(offset: i64, kind: &str) -> String {
        let head = line(offset, 1, -1, true);
        format!(
            "{head}| offset: {offset} CreateTime: 1 keySize: 4 valueSize: 6 sequence: -1 headerKeys: [] endTxnMarker: {kind} coordinatorEpoch: 0\n"
        )
    }

    #[test]
    fn what_is_committed_is_what_a_commit_marker_follows() {
        let text = [
            "Dumping /tmp/node-1/data/a-b-2/00000000000000000000.log\nLog starting offset: 0\n".to_owned(),
            line(0, 2, 0, false),
            record(0, "x y"),
            record(1, "z"),
            marker(2, "COMMIT"),
            line(3, 1, 2, false),
            record(3, "gone"),
            marker(4, "ABORT"),
            line(5, 1, 3, false),
            record(5, "open"),
        ]
        .concat();
        let disk = parse(&text).expect("as the tool writes").remove("a-b").expect("the topic");
        assert_eq!(committed(&disk), [(2, 0, "x y".to_owned()), (2, 1, "z".to_owned())]);
        assert_eq!(everything(&disk).len(), 4);
    }

    #[test]
    fn a_gap_an_overlap_and_a_wrong_checksum_are_found() {
        let head = "Dumping /tmp/node-1/data/a-0/00000000000000000000.log\n";
        let of = |sequences: [i64; 2]| {
            let batch = |sequence| [line(sequence, 1, sequence, false), record(sequence, "v")].concat();
            let text = [head.to_owned(), batch(sequences[0]), batch(sequences[1])].concat();
            parse(&text).expect("as the tool writes").remove("a").expect("the topic")
        };
        assert_eq!(judge_sequences(&of([0, 1])).expect("one after the other"), 2);
        for sequences in [[0, 2], [0, 0], [1, 2]] {
            judge_sequences(&of(sequences)).expect_err("no row of sequences");
        }
        let broken = line(0, 1, 0, false).replace("isvalid: true", "isvalid: false");
        parse(&[head, &broken].concat()).expect_err("a wrong checksum");
    }
}
