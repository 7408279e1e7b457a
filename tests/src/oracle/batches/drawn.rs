//! Batches at random: what is asked of both sides.

use producer_core::codecs::{Codec, Compression};
use producer_core::ids::ProducerIdentity;
use producer_core::record_batch::{RecordView, Stamp};

use super::compressions;
use crate::draws::Draws;
use crate::oracle::java::put_nullable;

const NOW_MS: i64 = 1_700_000_000_000;
/// Times of records, from that of the first on: both directions, and where a variable-length number grows.
const DELTAS: [i64; 13] = [0, 0, 0, 1, 63, 64, -1, -64, -65, 8_191, 8_192, -NOW_MS, 1 << 40];
/// Lengths around those at which a variable-length number grows.
const LENGTHS: [usize; 12] = [0, 0, 1, 2, 5, 10, 62, 63, 64, 65, 127, 300];
const HEADER_KEYS: [&str; 6] =
    ["", "h", "h", "trace-id", "제목", "a key of more than sixty-three bytes, as somebody will have one"];
/// From this level on zstd's stream, which is not told how much will come, clears tens of megabytes first; each is tried in
/// one round of ten.
const COSTLY_ZSTD: i32 = 8;

/// A record that owns its bytes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Record {
    pub(super) timestamp_ms: i64,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) headers: Vec<(String, Option<Vec<u8>>)>,
}

impl From<RecordView<'_>> for Record {
    fn from(read: RecordView<'_>) -> Self {
        let bytes = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
        let headers =
            read.headers.map(|header| (String::from_utf8_lossy(header.key).into_owned(), bytes(header.value)));
        Self {
            timestamp_ms: read.timestamp_ms,
            key: bytes(read.key),
            value: bytes(read.value),
            headers: headers.collect(),
        }
    }
}

/// A batch to be written.
#[derive(Clone, Debug)]
pub(super) struct Drawn {
    pub(super) write_limit: usize,
    pub(super) compression: Option<Compression>,
    /// What it is expected to shrink to.
    pub(super) ratio: f32,
    /// What the estimator is told that another batch shrank to.
    pub(super) observed: f32,
    pub(super) stamp: Stamp,
    pub(super) records: Vec<Record>,
}

impl Drawn {
    pub(super) fn describe(&self) -> String {
        let codec = self.compression.map_or("none".to_owned(), |Compression { codec, level }| {
            format!("{} at {level}, ratio {}", codec.name(), self.ratio)
        });
        format!("{codec}, limit {}, {} records offered", self.write_limit, self.records.len())
    }

    /// Identity, sequence and codec, as the oracle tells them of a batch it read.
    pub(super) fn put_header(&self, into: &mut Vec<u8>) {
        let (id, epoch) = self.stamp.identity.map_or((-1, -1), |identity| (identity.id, identity.epoch));
        into.extend_from_slice(&id.to_be_bytes());
        into.extend_from_slice(&epoch.to_be_bytes());
        into.extend_from_slice(&self.stamp.base_sequence.to_be_bytes());
        into.push(u8::from(self.stamp.transactional));
        into.extend_from_slice(&self.compression.map_or(0, |compression| compression.codec.number()).to_be_bytes());
    }
}

/// The question to the oracle: the batch to be written, and ours to be read.
pub(super) fn question(drawn: &Drawn, ours: &[u8]) -> Vec<u8> {
    let mut question = Vec::new();
    drawn.put_header(&mut question);
    question.extend_from_slice(&drawn.compression.map_or(0, |compression| compression.level).to_be_bytes());
    question.extend_from_slice(&i32::try_from(drawn.write_limit).expect("a small limit").to_be_bytes());
    question.extend_from_slice(&drawn.ratio.to_be_bytes());
    question.extend_from_slice(&drawn.observed.to_be_bytes());
    put_records(&mut question, drawn.records.iter());
    put_nullable(&mut question, Some(ours));
    question
}

/// Records behind their number.
pub(super) fn put_records<'a>(into: &mut Vec<u8>, records: impl ExactSizeIterator<Item = &'a Record>) {
    let count = |count: usize| i32::try_from(count).expect("a small number").to_be_bytes();
    into.extend_from_slice(&count(records.len()));
    for record in records {
        into.extend_from_slice(&record.timestamp_ms.to_be_bytes());
        put_nullable(into, record.key.as_deref());
        put_nullable(into, record.value.as_deref());
        into.extend_from_slice(&count(record.headers.len()));
        for (key, value) in &record.headers {
            put_nullable(into, Some(key.as_bytes()));
            put_nullable(into, value.as_deref());
        }
    }
}

pub(super) fn draw(number: u64, draws: &mut Draws) -> Drawn {
    let all = compressions();
    let turn = usize::try_from(number).unwrap_or_default();
    let (round, compression) = (turn / all.len(), all[turn % all.len()]);
    let compression = match compression {
        Some(Compression { codec: Codec::Zstd, level: COSTLY_ZSTD.. }) if round % 10 != 0 => {
            Some(Compression { codec: Codec::Zstd, level: 3 })
        }
        compression => compression,
    };
    // Mostly small, some of Kafka's default size, a few over several blocks of every codec.
    let (write_limit, longest) = match draws.below(64) {
        0 => (200_000, 9_000),
        1..=3 => (16_384, 1_000),
        _ => (61 + usize::try_from(draws.below(1_500)).unwrap_or_default(), 300),
    };
    // Until it is full, or a few.
    let offered = if draws.below(3) == 0 { write_limit / 20 } else { 1 + write_limit / 400 };
    let hundredths = |draws: &mut Draws, most| (5 + draws.below(most)) as f32 / 100.0;
    Drawn {
        write_limit,
        compression,
        ratio: hundredths(draws, 120),
        observed: hundredths(draws, 110),
        stamp: stamp(draws),
        records: records(offered.min(400), longest, draws),
    }
}

fn stamp(draws: &mut Draws) -> Stamp {
    let kind = draws.below(3);
    if kind == 0 {
        return Stamp::PLAIN;
    }
    let number = |draws: &mut Draws, most: i64| draws.below(most.cast_unsigned()).cast_signed();
    Stamp {
        identity: Some(ProducerIdentity {
            id: number(draws, 1 << 31) << 31 | number(draws, 1 << 31),
            epoch: i16::try_from(number(draws, i16::MAX.into())).unwrap_or_default(),
        }),
        base_sequence: i32::try_from(number(draws, i32::MAX.into())).unwrap_or_default(),
        transactional: kind == 2,
    }
}

fn records(count: usize, longest: usize, draws: &mut Draws) -> Vec<Record> {
    let count = 1 + usize::try_from(draws.below(count as u64)).unwrap_or_default();
    (0..count)
        .map(|_| Record {
            timestamp_ms: NOW_MS + draws.pick(&DELTAS),
            key: bytes(64, draws),
            value: bytes(longest, draws),
            headers: headers(draws),
        })
        .collect()
}

/// Null, empty, noise that does not shrink, or text that does.
fn bytes(longest: usize, draws: &mut Draws) -> Option<Vec<u8>> {
    let len = match draws.below(8) {
        0 => return None,
        1 => usize::try_from(draws.below(longest as u64 + 1)).unwrap_or_default(),
        _ => draws.pick(&LENGTHS).min(longest),
    };
    Some(if draws.below(3) == 0 {
        draws.bytes(len)
    } else {
        "{\"city\":\"서울\",\"n\":0}".bytes().cycle().skip(draws.below(20) as usize).take(len).collect()
    })
}

/// Mostly none; keys may come twice.
fn headers(draws: &mut Draws) -> Vec<(String, Option<Vec<u8>>)> {
    if draws.below(4) != 0 {
        return Vec::new();
    }
    (0..draws.below(4)).map(|_| (draws.pick(&HEADER_KEYS).to_owned(), bytes(64, draws))).collect()
}
