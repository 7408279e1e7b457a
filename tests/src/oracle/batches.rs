//! The bytes of batches, beside `MemoryRecordsBuilder`: the same when they are not compressed, and with the same records
//! inside when they are, whoever wrote and whoever reads them. On the way, the same answers to whether a record fits, how
//! large the batch is by now and whether it is full; and the same estimate of what the next one will shrink to.

mod drawn;

use anyhow::Result;
use bytes::BytesMut;
use kafka_producer::codecs::NativeCodecs;
use producer_core::codecs::{Codec, Codecs, Compression, Portable, next_ratio};
use producer_core::record::Header;
use producer_core::record_batch::{BatchBuilder, BatchView, Estimate, Stamp, TimestampType};

use self::drawn::{Drawn, Record, draw, put_records, question};
use super::Tally;
use super::java::{Answers, converse};
use crate::draws::Draws;

/// Tries codecs and levels in turn, everything else at random.
///
/// # Errors
/// When Java cannot be asked.
pub fn run(cases: u64, seed: u64) -> Result<Tally> {
    let mut draws = Draws::from_seed(seed);
    let questions = (0..cases).map(|number| {
        let drawn = draw(number, &mut draws);
        let ours = Ours::write(&drawn, number);
        (question(&drawn, &ours.bytes), (drawn, ours))
    });
    let mut judge = Judge { tally: Tally::default(), ratio: 1.0 };
    converse("Batches.java", questions, |answers, (drawn, ours)| judge.hear(answers, &drawn, &ours))?;
    Ok(judge.tally)
}

/// What we made of a drawn batch.
#[derive(Debug)]
struct Ours {
    /// For each record offered: did it fit, and then bytes so far and whether the batch was full.
    offered: Vec<Offered>,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Offered {
    fits: bool,
    size_bytes: i32,
    is_full: bool,
}

impl Ours {
    fn write(drawn: &Drawn, number: u64) -> Self {
        let estimate = drawn.compression.map(|compression| Estimate { compression, ratio: drawn.ratio });
        let mut batch = BatchBuilder::new(BytesMut::new(), drawn.write_limit).compressed(estimate);
        let offered = drawn.records.iter().map(|record| offer(record, &mut batch)).collect();
        let bytes = batch.close_with(drawn.stamp, codecs_for(drawn.compression, number)).bytes.to_vec();
        Self { offered, bytes }
    }
}

fn offer(record: &Record, batch: &mut BatchBuilder) -> Offered {
    let headers = record.headers.iter().map(|(key, value)| Header { key, value: value.as_deref() });
    let headers: Vec<_> = headers.collect();
    let (key, value) = (record.key.as_deref(), record.value.as_deref());
    let fits = batch.has_room_for(record.timestamp_ms, key, value, &headers);
    if fits {
        batch.try_append(record.timestamp_ms, key, value, &headers).expect("asking and trying agree");
    }
    let size_bytes = i32::try_from(batch.size_bytes()).expect("small batches");
    Offered { fits, size_bytes, is_full: batch.is_full() }
}

/// Those of simulations and those of the bridge in turn, where both have the level.
fn codecs_for(compression: Option<Compression>, number: u64) -> &'static dyn Codecs {
    match compression {
        Some(Compression { codec, level })
            if number.is_multiple_of(2)
                && (codec.has_levels_in_simulations()
                    || codec.default_level().is_none_or(|default| default == level)) =>
        {
            &Portable
        }
        _ => &NativeCodecs,
    }
}

struct Judge {
    tally: Tally,
    /// What Java's estimator, told the same, stands at.
    ratio: f32,
}

impl Judge {
    fn hear(&mut self, answers: &mut Answers, drawn: &Drawn, ours: &Ours) -> Result<()> {
        let number = self.tally.cases;
        self.tally.cases += 1;
        let mut differences = Vec::new();
        self.ratio = next_ratio(self.ratio, drawn.observed);
        let ratio = answers.float()?;
        if ratio.to_bits() != self.ratio.to_bits() {
            differences.push(format!("estimate {} after {}, Java {ratio}", self.ratio, drawn.observed));
        }
        for (place, ours) in ours.offered.iter().enumerate() {
            let (fits, size_bytes, is_full) = (answers.boolean()?, answers.int()?, answers.boolean()?);
            let java = Offered { fits, size_bytes, is_full };
            if java != *ours {
                differences.push(format!("record {place} offered: Java {java:?}, ours {ours:?}"));
            }
        }
        let taken = drawn.records.iter().zip(&ours.offered).filter(|(_, offered)| offered.fits);
        let taken: Vec<&Record> = taken.map(|(record, _)| record).collect();
        let java = answers.bytes()?;
        if drawn.compression.is_none() && java != ours.bytes {
            differences.push("other bytes".to_owned());
        }
        differences.extend(read_by_us(&java, drawn, &taken).err().map(|why| format!("we read Java's: {why}")));
        differences.extend(read_by_java(answers, drawn, &taken)?.map(|why| format!("Java reads ours: {why}")));
        let shown = differences.into_iter().map(|what| format!("batch {number} ({}): {what}", drawn.describe()));
        self.tally.differences.extend(shown);
        Ok(())
    }
}

/// Reads a batch of Java's and compares every field and record with what was asked for.
fn read_by_us(bytes: &[u8], drawn: &Drawn, taken: &[&Record]) -> Result<(), String> {
    let batch = BatchView::parse(bytes).map_err(|error| error.to_string())?;
    batch.verify_crc().map_err(|error| error.to_string())?;
    let (codec, count) = (drawn.compression.map_or(0, |compression| compression.codec.number()), taken.len());
    let stamp = Stamp {
        identity: batch.identity(),
        base_sequence: batch.base_sequence(),
        transactional: batch.is_transactional(),
    };
    let header = (stamp, batch.codec(), batch.timestamp_type(), batch.base_offset(), batch.size_bytes());
    if header != (drawn.stamp, codec, TimestampType::CreateTime, 0, bytes.len()) {
        return Err(format!("{header:?}"));
    }
    let latest = taken.iter().map(|record| record.timestamp_ms).max();
    let times = (batch.base_timestamp_ms(), Some(batch.max_timestamp_ms()));
    if times != (taken[0].timestamp_ms, latest) {
        return Err(format!("times {times:?}"));
    }
    let plain = batch.plain_records().map_err(|error| error.to_string())?;
    let read: Result<Vec<_>, _> = batch.records_in(&plain).map(|read| read.map(Record::from)).collect();
    let read = read.map_err(|error| error.to_string())?;
    if read.iter().eq(taken.iter().copied()) { Ok(()) } else { Err(format!("{} records of {count}", read.len())) }
}

/// What Java read in ours, or how it failed; `None`: all is as it was asked for.
fn read_by_java(answers: &mut Answers, drawn: &Drawn, taken: &[&Record]) -> Result<Option<String>> {
    let is_sound = answers.boolean()?;
    if !is_sound {
        return answers.text().map(Some);
    }
    let read = answers.bytes()?;
    let mut expected = Vec::new();
    drawn.put_header(&mut expected);
    put_records(&mut expected, taken.iter().copied());
    Ok((read != expected).then(|| format!("{} bytes of fields and records instead of {}", read.len(), expected.len())))
}

/// Every codec with every level that a key can name; `None`: no compression.
fn compressions() -> Vec<Option<Compression>> {
    let of =
        |codec, levels: &mut dyn Iterator<Item = i32>| levels.map(|level| Some(Compression { codec, level })).collect();
    let mut all: Vec<Option<Compression>> = vec![None; 24];
    let more: [Vec<_>; 4] = [
        of(Codec::Gzip, &mut (1..=9).chain([-1])),
        of(Codec::Snappy, &mut [0; 6].into_iter()),
        of(Codec::Lz4, &mut (1..=17)),
        of(Codec::Zstd, &mut (-7..=22).chain([-131_072, -1_000])),
    ];
    all.extend(more.concat());
    all
}
