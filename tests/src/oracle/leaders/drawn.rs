//! What happens to a log, at random.

use bytes::BytesMut;
use producer_core::codecs::{Codec, Codecs as _, Compression, Portable};
use producer_core::ids::ProducerIdentity;
use producer_core::record::Header;
use producer_core::record_batch::{BATCH_OVERHEAD, BatchBuilder, BatchView, Stamp};

use super::ours::Case;
use crate::draws::Draws;

/// Hours that may pass at once; after more than a day, idle producers are forgotten.
const HOURS: [u64; 4] = [1, 23, 24, 25];
/// How far records' times are from the broker's, around the limits that are drawn and Kafka's own.
const AWAY_MS: [i64; 12] = [0, 0, 0, 0, 1, -1, 999, -1_000, -1_001, 3_600_000, 3_600_001, -90_000_000];
/// Batches that a writer may send again.
const REPEATED: usize = 8;

/// A writer that is not transactional.
struct Writer {
    identity: Option<ProducerIdentity>,
    next_sequence: i32,
    /// The latest at the end.
    sent: Vec<Vec<u8>>,
}

impl Writer {
    fn new(id: Option<i64>) -> Self {
        let identity = id.map(|id| ProducerIdentity { id, epoch: 0 });
        Self { identity, next_sequence: if id.is_some() { 0 } else { -1 }, sent: Vec::new() }
    }

    fn raise_epoch(&mut self, identity: ProducerIdentity) {
        (self.identity, self.next_sequence) = (Some(identity), 0);
    }
}

/// A case, and what we came to in it.
pub(super) fn draw(draws: &mut Draws) -> Case {
    let mut case = Case::begin(settings(draws), draws.pick(&[11, 12, 12]));
    let mut writers = [Writer::new(None), Writer::new(Some(900)), Writer::new(Some(901))];
    let mut transactional = Writer::new(None);
    transactional.raise_epoch(case.transactional);
    for _ in 0..12 + draws.below(12) {
        case.pass(draws.below(2_000));
        match draws.below(20) {
            0..=6 => write(&mut case, &mut transactional, true, draws),
            7..=9 if case.is_open => {
                if case.end(draws.below(2) == 0) {
                    transactional.raise_epoch(case.transactional);
                }
            }
            // With a transaction open, it would be aborted meanwhile.
            10 if !case.is_open => case.pass(draws.pick(&HOURS) * 3_600_000),
            11 => {
                let writer = &mut writers[1];
                let ProducerIdentity { id, epoch } = writer.identity.expect("an idempotent one");
                writer.raise_epoch(ProducerIdentity { id, epoch: epoch + 1 });
            }
            _ => {
                let place = usize::try_from(draws.below(3)).expect("few");
                write(&mut case, &mut writers[place], false, draws);
            }
        }
    }
    case
}

fn settings(draws: &mut Draws) -> Vec<(&'static str, String)> {
    let choices: [(&'static str, &[&str]); 6] = [
        ("compression.type", &["producer", "producer", "producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"]),
        ("message.timestamp.type", &["CreateTime", "CreateTime", "LogAppendTime"]),
        ("message.timestamp.before.max.ms", &["9223372036854775807", "9223372036854775807", "1000"]),
        ("message.timestamp.after.max.ms", &["3600000", "3600000", "1000"]),
        ("max.message.bytes", &["1048588", "1048588", "1048588", "200"]),
        ("cleanup.policy", &["delete", "delete", "delete", "compact"]),
    ];
    let mut drawn: Vec<_> = choices.into_iter().map(|(key, values)| (key, draws.pick(values).to_owned())).collect();
    // How small a codec makes a batch, each library decides for itself.
    if !matches!(&*drawn[0].1, "producer" | "uncompressed") {
        drawn.retain(|(key, _)| *key != "max.message.bytes");
    }
    drawn
}

/// The writer's next batch, one of its earlier ones, or one with a gap before it.
fn write(case: &mut Case, writer: &mut Writer, is_transactional: bool, draws: &mut Draws) {
    if !writer.sent.is_empty() && draws.below(5) == 0 {
        let before = usize::try_from(draws.below(writer.sent.len() as u64)).expect("few");
        let repeated = writer.sent[writer.sent.len() - 1 - before].clone();
        // What was sent in an earlier epoch of a transactional id, its coordinator judges.
        let epoch = BatchView::parse(&repeated).expect("a sound one").producer_epoch();
        if !is_transactional || epoch == case.transactional.epoch {
            case.append(format!("again the batch {before} before"), repeated, is_transactional);
        }
        return;
    }
    let gap = if writer.identity.is_some() && draws.below(8) == 0 { 1 + draws.below(3) } else { 0 };
    let base_sequence = writer.next_sequence + i32::try_from(gap).expect("small");
    let stamp = Stamp { identity: writer.identity, base_sequence, transactional: is_transactional };
    let (mut batch, count) = sound(stamp, case.now().wall_ms, draws);
    let mut what = format!("{count} records with {stamp:?}");
    let is_hostile = !is_transactional && draws.below(3) == 0;
    if is_hostile {
        what = format!("{what}, {}", spoil(&mut batch, case.now().wall_ms, draws));
    }
    let (error, _) = case.append(what, batch.clone(), is_transactional);
    if error == 0 && !is_hostile {
        if writer.identity.is_some() {
            writer.next_sequence = base_sequence + count;
        }
        writer.sent.push(batch);
        if writer.sent.len() > REPEATED {
            writer.sent.remove(0);
        }
    }
}

/// A batch of a few records, and how many.
fn sound(stamp: Stamp, now_ms: i64, draws: &mut Draws) -> (Vec<u8>, i32) {
    let mut builder = BatchBuilder::new(BytesMut::new(), 1 << 20);
    let count = 1 + i32::try_from(draws.below(4)).expect("few");
    for _ in 0..count {
        let timestamp_ms = if draws.below(12) == 0 { -1 } else { now_ms + draws.pick(&AWAY_MS) };
        let key: Option<&[u8]> = draws.pick(&[None, Some(b"".as_slice()), Some(b"key"), Some(b"another")]);
        let zeros = [0; 300];
        let value: Option<&[u8]> = draws.pick(&[None, Some(b"".as_slice()), Some(b"value"), Some(&zeros)]);
        let headers = [Header { key: "제목", value: None }, Header { key: "h", value: Some(b"v") }];
        let headers = &headers[..usize::try_from(draws.below(3)).expect("few")];
        builder.try_append(timestamp_ms, key, value, headers).expect("it fits");
    }
    let plain = builder.close(stamp);
    let codec = draws.pick(&[None, None, Some(Codec::Gzip), Some(Codec::Snappy), Some(Codec::Lz4), Some(Codec::Zstd)]);
    let records = match draws.below(16) {
        0 => renumbered(&plain[BATCH_OVERHEAD..], draws),
        _ => plain[BATCH_OVERHEAD..].to_vec(),
    };
    let mut batch = plain[..BATCH_OVERHEAD].to_vec();
    match codec {
        Some(codec) => {
            let level = codec.default_level().unwrap_or_default();
            Portable.compress(Compression { codec, level }, &records, &mut batch);
            batch[22] |= u8::try_from(codec.number()).expect("small");
        }
        None => batch.extend_from_slice(&records),
    }
    let length = u32::try_from(batch.len() - 12).expect("small");
    batch[8..12].copy_from_slice(&length.to_be_bytes());
    seal(&mut batch);
    (batch, count)
}

/// The same records, some of which say another place in the batch.
fn renumbered(records: &[u8], draws: &mut Draws) -> Vec<u8> {
    let mut all = records.to_vec();
    let mut at = 0;
    while at < all.len() {
        let (length, body) = varint(&all, at);
        // Behind length and attributes stands the time, and then the place, which takes one byte.
        let (_, place) = varint(&all, body + 1);
        if draws.below(2) == 0 {
            all[place] = u8::try_from(draws.below(4) * 2).expect("small");
        }
        at = body + usize::try_from(length >> 1).expect("small");
    }
    all
}

/// The number that begins at `at`, before zig-zag is undone, and where it ends.
fn varint(bytes: &[u8], mut at: usize) -> (u64, usize) {
    let (mut number, mut shift) = (0, 0);
    loop {
        number |= u64::from(bytes[at] & 0x7f) << shift;
        at += 1;
        if bytes[at - 1] < 0x80 {
            return (number, at);
        }
        shift += 7;
    }
}

/// Gives a batch the CRC that fits it.
fn seal(batch: &mut [u8]) {
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, &batch[21..]);
    batch[17..21].copy_from_slice(&u32::try_from(crc).expect("32 bits").to_be_bytes());
}

/// Changes one thing about a batch, as nobody should; tells what.
fn spoil(batch: &mut Vec<u8>, now_ms: i64, draws: &mut Draws) -> &'static str {
    let what = match draws.below(16) {
        0 => {
            batch[22] ^= 0x08;
            "LogAppendTime"
        }
        1 => {
            batch[22] ^= 0x20;
            "a control batch"
        }
        2 => {
            batch[21..23].copy_from_slice(&draws.pick(&[0x0140_i16, 0x0040, 0x7f80]).to_be_bytes());
            "other attributes"
        }
        3 => {
            batch[23..27].copy_from_slice(&draws.pick(&[-3_i32, 0, 1, 2, 3, 15]).to_be_bytes());
            "another last offset delta"
        }
        4 => {
            batch[57..61].copy_from_slice(&draws.pick(&[-1_i32, 0, 1, 2, 3, 6]).to_be_bytes());
            "another count"
        }
        5 => {
            batch[..8].copy_from_slice(&draws.pick(&[7_i64, -1]).to_be_bytes());
            "another base offset"
        }
        6 => {
            batch[43..51].copy_from_slice(&draws.pick(&[-2_i64, -1, 5]).to_be_bytes());
            "another producer"
        }
        7 => {
            batch[53..57].copy_from_slice(&draws.pick(&[-2_i32, -1, i32::MAX, 1]).to_be_bytes());
            "another sequence"
        }
        8 => {
            batch[51..53].copy_from_slice(&draws.pick(&[-2_i16, -1, 7]).to_be_bytes());
            "another epoch"
        }
        9 => {
            batch[27..35].copy_from_slice(&draws.pick(&[0, -1, -5, i64::MAX, now_ms + 77]).to_be_bytes());
            "another base timestamp"
        }
        10 => {
            batch[35..43].copy_from_slice(&draws.pick(&[0, -1, -5, i64::MAX, now_ms + 77]).to_be_bytes());
            "another maximum timestamp"
        }
        11 => {
            batch[12..16].copy_from_slice(&9_i32.to_be_bytes());
            "another leader epoch"
        }
        12 => {
            batch[16] = draws.pick(&[0, 1, 3]);
            "another magic"
        }
        13 => {
            batch[17] ^= 1;
            return "a wrong CRC";
        }
        14 => {
            batch.extend_from_slice(&[0; 12]);
            return "bytes behind it";
        }
        _ => {
            batch.extend_from_within(..);
            return "a second time";
        }
    };
    seal(batch);
    what
}
