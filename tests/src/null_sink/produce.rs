//! Produce: reads what is around the records, counts them, and answers.

use std::io;
use std::time::Instant;

use crc_fast::{CrcAlgorithm, Digest};

use super::source::Source;
use super::{Counts, Shared, invalid, partition_count};

pub(super) const API_KEY: i16 = 0;
/// Before 3 there were no record batches; after 12 topics have ids instead of names.
pub(super) const VERSIONS: std::ops::RangeInclusive<i16> = 3..=12;
const FIRST_FLEXIBLE: i16 = 9;

/// Of a record batch v2, up to its first record.
const BATCH_HEADER_BYTES: usize = 61;
/// What the batch's length does not count: base offset and length.
const BEFORE_LENGTH_COUNTS: usize = 12;
/// The CRC covers what follows itself.
const CRC_BEGINS: usize = 21;

const NO_ERROR: i16 = 0;
const CORRUPT_MESSAGE: i16 = 2;
const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;

/// What became of one partition's records.
#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    batches: u64,
    records: u64,
    bytes: u64,
    corrupt: u64,
}

/// Reads a request from behind its version and answers it. `false`: with `acks=0` nobody waits.
pub(super) fn take<R: io::Read>(
    source: &mut Source<R>,
    version: i16,
    shared: &Shared,
    answer: &mut Vec<u8>,
) -> io::Result<bool> {
    if !VERSIONS.contains(&version) {
        return Err(invalid("a version of Produce that was not offered"));
    }
    let began = Instant::now();
    let flexible = version >= FIRST_FLEXIBLE;
    let correlation = source.i32()?;
    source.string(false)?;
    source.tagged_fields(flexible)?;
    source.string(flexible)?;
    let acks = source.i16()?;
    source.i32()?;

    answer.extend(correlation.to_be_bytes());
    let mut write = Answer { bytes: answer, flexible };
    write.tagged_fields();
    let topics = source.length(flexible)?.unwrap_or(0);
    write.length(topics);
    for _ in 0..topics {
        take_topic(source, version, shared, &mut write)?;
    }
    source.tagged_fields(flexible)?;
    // Nobody is throttled.
    write.bytes.extend(0_i32.to_be_bytes());
    write.tagged_fields();

    let mut state = shared.lock();
    state.counts.requests += 1;
    state.counts.busy = state.began.get_or_insert(began).elapsed();
    Ok(acks != 0)
}

fn take_topic<R: io::Read>(
    source: &mut Source<R>,
    version: i16,
    shared: &Shared,
    write: &mut Answer<'_>,
) -> io::Result<()> {
    let flexible = write.flexible;
    let topic = source.string(flexible)?.ok_or_else(|| invalid("a topic without a name"))?;
    write.string(&topic)?;
    let partitions = source.length(flexible)?.unwrap_or(0);
    write.length(partitions);
    for _ in 0..partitions {
        let partition = source.i32()?;
        let length = source.length(flexible)?.ok_or_else(|| invalid("a partition without records"))?;
        let taken = take_batches(source, length)?;
        source.tagged_fields(flexible)?;
        let (error, base_offset) = shared.store(&topic, partition, taken);
        write.partition(version, partition, error, base_offset);
    }
    source.tagged_fields(flexible)?;
    write.tagged_fields();
    Ok(())
}

fn take_batches<R: io::Read>(source: &mut Source<R>, mut length: usize) -> io::Result<Taken> {
    let mut taken = Taken::default();
    while length > 0 {
        let header: [u8; BATCH_HEADER_BYTES] = source.piece(BATCH_HEADER_BYTES)?.try_into().expect("as many");
        let number = |at: usize| i32::from_be_bytes(header[at..at + 4].try_into().expect("four"));
        let batch_bytes = usize::try_from(number(8)).map_or(0, |counted| counted + BEFORE_LENGTH_COUNTS);
        if batch_bytes < BATCH_HEADER_BYTES || batch_bytes > length {
            return Err(invalid("a batch of another length than its partition"));
        }
        let mut crc = Digest::new(CrcAlgorithm::Crc32Iscsi);
        crc.update(&header[CRC_BEGINS..]);
        source.pass(batch_bytes - BATCH_HEADER_BYTES, |bytes| crc.update(bytes))?;
        let (magic, last_offset_delta, count) = (header[16], number(23), number(57));
        let crc_told = u64::from(number(17).cast_unsigned());
        match u64::try_from(count) {
            Ok(records) if magic == 2 && count > 0 && last_offset_delta == count - 1 && crc_told == crc.finalize() => {
                taken.batches += 1;
                taken.records += records;
                taken.bytes += batch_bytes as u64;
            }
            _ => taken.corrupt += 1,
        }
        length -= batch_bytes;
    }
    Ok(taken)
}

impl Shared {
    /// Counts what a partition was sent; error and offset of the first record are for the answer.
    fn store(&self, topic: &str, partition: i32, taken: Taken) -> (i16, i64) {
        let mut state = self.lock();
        if !state.end_offsets.contains_key(topic) {
            state.end_offsets.insert(topic.to_owned(), vec![0; partition_count(topic)]);
        }
        let ends = state.end_offsets.get_mut(topic).expect("put there if missing");
        let Some(end) = usize::try_from(partition).ok().and_then(|partition| ends.get_mut(partition)) else {
            return (UNKNOWN_TOPIC_OR_PARTITION, -1);
        };
        if taken.corrupt > 0 {
            state.counts.corrupt += taken.corrupt;
            return (CORRUPT_MESSAGE, -1);
        }
        let base_offset = *end;
        *end += taken.records.cast_signed();
        let Counts { batches, records, bytes, .. } = &mut state.counts;
        *batches += taken.batches;
        *records += taken.records;
        *bytes += taken.bytes;
        (NO_ERROR, base_offset)
    }
}

/// An answer as far as it is written.
struct Answer<'a> {
    bytes: &'a mut Vec<u8>,
    flexible: bool,
}

impl Answer<'_> {
    fn length(&mut self, length: usize) {
        let length = u32::try_from(length).expect("as many were in the request");
        if self.flexible {
            self.unsigned_varint(length + 1);
        } else {
            self.bytes.extend(length.to_be_bytes());
        }
    }

    fn unsigned_varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    fn string(&mut self, text: &str) -> io::Result<()> {
        if self.flexible {
            self.length(text.len());
        } else {
            let length = i16::try_from(text.len()).map_err(io::Error::other)?;
            self.bytes.extend(length.to_be_bytes());
        }
        self.bytes.extend(text.as_bytes());
        Ok(())
    }

    fn tagged_fields(&mut self) {
        if self.flexible {
            self.bytes.push(0);
        }
    }

    fn partition(&mut self, version: i16, partition: i32, error: i16, base_offset: i64) {
        self.bytes.extend(partition.to_be_bytes());
        self.bytes.extend(error.to_be_bytes());
        self.bytes.extend(base_offset.to_be_bytes());
        // No time of its own: the records keep theirs.
        self.bytes.extend((-1_i64).to_be_bytes());
        if version >= 5 {
            // Where the log begins.
            self.bytes.extend(0_i64.to_be_bytes());
        }
        if version >= 8 {
            // No errors of single records, and no message (null).
            self.length(0);
            if self.flexible { self.bytes.push(0) } else { self.bytes.extend((-1_i16).to_be_bytes()) }
        }
        self.tagged_fields();
    }
}
