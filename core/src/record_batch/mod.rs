//! Record batch v2, the form in which records travel and are stored (`DefaultRecordBatch`, KIP-98).
//!
//! [`BatchBuilder`] writes records straight into it, [`BatchView`] reads it without trusting a byte, and the functions
//! here change the header fields that a producer or a broker sets after the records have been written.
//!
//! | at | bytes | field |
//! |---|---|---|
//! | 0 | 8 | base offset |
//! | 8 | 4 | batch length: what follows this field |
//! | 12 | 4 | partition leader epoch |
//! | 16 | 1 | magic, 2 |
//! | 17 | 4 | CRC-32C of everything from byte 21 |
//! | 21 | 2 | attributes |
//! | 23 | 4 | last offset delta |
//! | 27 | 8 | base timestamp: the first record's |
//! | 35 | 8 | maximum timestamp |
//! | 43 | 8 | producer id |
//! | 51 | 2 | producer epoch |
//! | 53 | 4 | base sequence |
//! | 57 | 4 | record count |
//! | 61 | | records |

mod builder;
mod view;

use bytes::{Bytes, BytesMut};

pub(crate) use self::builder::Content;
pub use self::builder::{BatchBuilder, Closed, Estimate, record_size_upper_bound};
pub use self::view::{BatchError, BatchView, Batches, HeaderView, Headers, RecordView, Records, batches};
use crate::checksum::crc32c;
use crate::ids::ProducerIdentity;

/// Bytes of a batch before its first record (`RECORD_BATCH_OVERHEAD`).
pub const BATCH_OVERHEAD: usize = 61;

/// Most bytes a record takes beside key, value and headers: length 5, attributes 1, timestamp delta 10, offset
/// delta 5 (`DefaultRecord.MAX_RECORD_OVERHEAD`). For upper bounds, not for the exact fit.
pub const MAX_RECORD_OVERHEAD: usize = 21;

/// The only magic spoken here.
pub const MAGIC: i8 = 2;

/// The length field does not count itself and what lies before it (`Records.LOG_OVERHEAD`).
const LENGTH_NOT_COUNTED: usize = 12;

/// Where the header's fields begin.
mod at {
    pub(super) const BASE_OFFSET: usize = 0;
    pub(super) const LENGTH: usize = 8;
    pub(super) const PARTITION_LEADER_EPOCH: usize = 12;
    pub(super) const MAGIC: usize = 16;
    pub(super) const CRC: usize = 17;
    pub(super) const ATTRIBUTES: usize = 21;
    pub(super) const LAST_OFFSET_DELTA: usize = 23;
    pub(super) const BASE_TIMESTAMP: usize = 27;
    pub(super) const MAX_TIMESTAMP: usize = 35;
    pub(super) const PRODUCER_ID: usize = 43;
    pub(super) const PRODUCER_EPOCH: usize = 51;
    pub(super) const BASE_SEQUENCE: usize = 53;
    pub(super) const RECORD_COUNT: usize = 57;
}

/// Bits of the attributes field; the low three name the codec.
mod attribute {
    pub(super) const CODEC: i16 = 0b111;
    pub(super) const LOG_APPEND_TIME: i16 = 1 << 3;
    pub(super) const TRANSACTIONAL: i16 = 1 << 4;
    pub(super) const CONTROL: i16 = 1 << 5;
    /// All that have a meaning but the time's; the highest of them is set where a log was cleaned (KIP-534).
    pub(super) const BESIDE_TIME: i16 = CODEC | TRANSACTIONAL | CONTROL | 1 << 6;
}

/// What the sender decides about a batch when it leaves the accumulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Producer id and epoch; `None` for a producer that is not idempotent.
    pub identity: Option<ProducerIdentity>,
    /// Sequence of the first record; −1 without an identity.
    pub base_sequence: i32,
    /// Is it part of a transaction?
    pub transactional: bool,
}

impl Stamp {
    /// The stamp of a producer without idempotence.
    pub const PLAIN: Self = Self { identity: None, base_sequence: -1, transactional: false };
}

/// Whose time a batch's records carry (`message.timestamp.type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimestampType {
    /// Each record's own, given by the producer.
    #[default]
    CreateTime,
    /// The broker's, one for the whole batch: its maximum timestamp.
    LogAppendTime,
}

/// The sequence `by` places after `sequence`; after 2³¹−1 comes 0 (`DefaultRecordBatch.incrementSequence`).
pub const fn increment_sequence(sequence: i32, by: i32) -> i32 {
    sequence.wrapping_add(by) & i32::MAX
}

/// Gives a closed batch another stamp and a new CRC, for the new epoch after a bump: in place when this is its only
/// handle, else in a copy, for a request that carries the old bytes may still be on its way.
///
/// # Panics
/// When `batch` is shorter than a batch's header: only batches closed here may be passed.
pub fn restamp(batch: Bytes, stamp: Stamp) -> Bytes {
    let mut batch = batch.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
    put_stamp(&mut batch, stamp);
    put_crc(&mut batch);
    batch.freeze()
}

/// Gives a closed batch the producer of another one, field by field, whether or not they make sense, and a new CRC.
#[cfg(feature = "compression")]
pub(crate) fn with_producer_of(batch: Bytes, other: &BatchView<'_>) -> Bytes {
    let mut batch = BytesMut::from(batch);
    batch[at::PRODUCER_ID..at::RECORD_COUNT].copy_from_slice(&other.as_bytes()[at::PRODUCER_ID..at::RECORD_COUNT]);
    put_crc(&mut batch);
    batch.freeze()
}

/// A control batch of one record, as the coordinator of a transaction has it written
/// (`MemoryRecords.withEndTransactionMarker`).
pub(crate) fn control_batch(identity: ProducerIdentity, timestamp_ms: i64, key: &[u8], value: &[u8]) -> Bytes {
    let mut builder = BatchBuilder::new(BytesMut::new(), BATCH_OVERHEAD);
    // A first record always fits.
    builder.try_append(timestamp_ms, Some(key), Some(value), &[]);
    let stamp = Stamp { identity: Some(identity), base_sequence: -1, transactional: true };
    let mut batch = BytesMut::from(builder.close(stamp));
    let attributes = i16::from_be_bytes(take(&batch, at::ATTRIBUTES)) | attribute::CONTROL;
    put(&mut batch, at::ATTRIBUTES, attributes.to_be_bytes());
    put_crc(&mut batch);
    batch.freeze()
}

/// Sets the offset of the first record, as a broker does when it appends. The CRC does not cover it.
///
/// # Panics
/// When `batch` is shorter than a batch's header: check it with [`BatchView::parse`] first.
pub fn set_base_offset(batch: &mut [u8], base_offset: i64) {
    put(batch, at::BASE_OFFSET, base_offset.to_be_bytes());
}

/// Sets the leader epoch in which the batch was appended. The CRC does not cover it.
///
/// # Panics
/// When `batch` is shorter than a batch's header: check it with [`BatchView::parse`] first.
pub fn set_partition_leader_epoch(batch: &mut [u8], leader_epoch: i32) {
    put(batch, at::PARTITION_LEADER_EPOCH, leader_epoch.to_be_bytes());
}

/// Sets timestamp type and maximum timestamp and computes the CRC anew (`DefaultRecordBatch.setMaxTimestamp`). Attributes
/// without a meaning are dropped.
/// A broker does so for LogAppendTime, and to correct a producer's wrong maximum.
///
/// # Panics
/// When `batch` is shorter than a batch's header: check it with [`BatchView::parse`] first.
pub fn set_max_timestamp(batch: &mut [u8], timestamp_type: TimestampType, max_timestamp_ms: i64) {
    let others = i16::from_be_bytes(take(batch, at::ATTRIBUTES)) & attribute::BESIDE_TIME;
    let attributes = match timestamp_type {
        TimestampType::CreateTime => others,
        TimestampType::LogAppendTime => others | attribute::LOG_APPEND_TIME,
    };
    put(batch, at::ATTRIBUTES, attributes.to_be_bytes());
    put(batch, at::MAX_TIMESTAMP, max_timestamp_ms.to_be_bytes());
    put_crc(batch);
}

/// Writes identity, base sequence and the transactional bit; leaves the CRC to the caller.
fn put_stamp(batch: &mut [u8], stamp: Stamp) {
    let (id, epoch) = stamp.identity.map_or((-1, -1), |identity| (identity.id, identity.epoch));
    let others = i16::from_be_bytes(take(batch, at::ATTRIBUTES)) & !attribute::TRANSACTIONAL;
    let attributes = if stamp.transactional { others | attribute::TRANSACTIONAL } else { others };
    put(batch, at::ATTRIBUTES, attributes.to_be_bytes());
    put(batch, at::PRODUCER_ID, id.to_be_bytes());
    put(batch, at::PRODUCER_EPOCH, epoch.to_be_bytes());
    put(batch, at::BASE_SEQUENCE, stamp.base_sequence.to_be_bytes());
}

/// Computes the CRC over all it covers and writes it.
fn put_crc(batch: &mut [u8]) {
    let crc = crc32c(&batch[at::ATTRIBUTES..]);
    put(batch, at::CRC, crc.to_be_bytes());
}

fn put<const N: usize>(batch: &mut [u8], at: usize, bytes: [u8; N]) {
    batch[at..at + N].copy_from_slice(&bytes);
}

fn take<const N: usize>(batch: &[u8], at: usize) -> [u8; N] {
    *batch[at..].first_chunk().expect("the header was checked to be there")
}

#[cfg(test)]
mod tests;
