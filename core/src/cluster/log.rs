//! One partition's log.
//!
//! *Models*: batches as they were accepted, with the offsets and the leader epoch they got; where each epoch begins;
//! truncation, by whole batches; the aborted transactions among them; a log that begins later than 0 once its oldest
//! batches were dropped for size. *Leaves out*: segments, compaction, retention by time. In a build without codecs, what
//! is searched in a compressed batch is found at its first record.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::ids::ProducerIdentity;
use crate::planted::{Defect, planted};
use crate::protocol::AbortedTransaction;
use crate::record_batch::{
    BatchView, Headers, TimestampType, increment_sequence, set_base_offset, set_max_timestamp,
    set_partition_leader_epoch,
};

/// Where a batch has its CRC.
const CRC: core::ops::Range<usize> = 17..21;
/// `index.interval.bytes`.
const INDEX_INTERVAL_BYTES: usize = 4_096;

/// A batch in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBatch {
    /// Offset of its first record.
    pub base_offset: i64,
    /// Offset of its last record.
    pub last_offset: i64,
    /// The latest time of its records, in milliseconds since 1970.
    pub max_timestamp_ms: i64,
    /// Leader epoch in which it was appended.
    pub leader_epoch: i32,
    /// The batch in wire form, with its offsets.
    pub bytes: Bytes,
}

impl StoredBatch {
    /// Its fields and records.
    ///
    /// # Panics
    /// Never: what is in a log was parsed before.
    pub fn view(&self) -> BatchView<'_> {
        BatchView::parse(&self.bytes).expect("only whole batches are stored")
    }
}

/// One record read back from a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedRecord<'a> {
    /// Its offset.
    pub offset: i64,
    /// Its time in milliseconds since 1970: its own, or the broker's for LogAppendTime.
    pub timestamp_ms: i64,
    /// Key; `None` is null.
    pub key: Option<&'a [u8]>,
    /// Value; `None` is null.
    pub value: Option<&'a [u8]>,
    /// Headers, in order.
    pub headers: Headers<'a>,
    /// Who sent it, if idempotent.
    pub identity: Option<ProducerIdentity>,
    /// Its sequence, −1: none.
    pub sequence: i32,
}

/// One partition's log.
#[derive(Clone, Debug, Default)]
pub struct PartitionLog {
    batches: VecDeque<StoredBatch>,
    end_offset: i64,
    size_bytes: u64,
    retention_bytes: Option<u64>,
    /// In order of their markers.
    aborted: VecDeque<Aborted>,
    /// Leader epochs and the offsets at which they begin, in order of both (`LeaderEpochFileCache`).
    epochs: Vec<(i32, i64)>,
}

/// An aborted transaction (`AbortedTxn`).
#[derive(Clone, Copy, Debug)]
struct Aborted {
    transaction: AbortedTransaction,
    /// Offset of its marker.
    last_offset: i64,
}

impl PartitionLog {
    pub(super) fn new(retention_bytes: Option<u64>) -> Self {
        Self { retention_bytes, ..Self::default() }
    }

    /// The offset of the oldest record that is still there, or of the next one.
    pub fn start_offset(&self) -> i64 {
        self.batches.front().map_or(self.end_offset, |batch| batch.base_offset)
    }

    /// The offset the next record gets. Readers see only what lies below the high watermark.
    pub fn end_offset(&self) -> i64 {
        self.end_offset
    }

    /// All batches, in order of offset.
    pub fn batches(&self) -> impl DoubleEndedIterator<Item = &StoredBatch> + ExactSizeIterator {
        self.batches.iter()
    }

    /// All records that can be read without decompressing, in order of offset, those of aborted transactions among them.
    /// Markers of transactions are no records, but have offsets too.
    pub fn records(&self) -> impl Iterator<Item = LoggedRecord<'_>> {
        self.batches.iter().filter(|batch| !batch.view().is_control()).flat_map(records_of)
    }

    /// Stores a batch whose content has been checked, under the next offsets. The bytes are copied: those that came
    /// belong to the producer, or to a frame much larger than the batch.
    pub(super) fn append(
        &mut self,
        batch: BatchView<'_>,
        leader_epoch: i32,
        timestamp_type: TimestampType,
        max_timestamp_ms: i64,
    ) -> &StoredBatch {
        let mut bytes = BytesMut::from(batch.as_bytes());
        set_base_offset(&mut bytes, self.end_offset);
        set_partition_leader_epoch(&mut bytes, leader_epoch);
        if (batch.timestamp_type(), batch.max_timestamp_ms()) != (timestamp_type, max_timestamp_ms) {
            set_max_timestamp(&mut bytes, timestamp_type, max_timestamp_ms);
            if planted(Defect::AppendTimeWithoutCrc) {
                bytes[CRC].copy_from_slice(&batch.as_bytes()[CRC]);
            }
        }
        let last_offset = self.end_offset + i64::from(batch.last_offset_delta());
        self.push(StoredBatch {
            base_offset: self.end_offset,
            last_offset,
            max_timestamp_ms,
            leader_epoch,
            bytes: bytes.freeze(),
        })
    }

    /// Stores a batch that has its offsets: the next ones.
    pub(super) fn push(&mut self, batch: StoredBatch) -> &StoredBatch {
        self.assign_epoch(batch.leader_epoch, batch.base_offset);
        self.size_bytes += batch.bytes.len() as u64;
        self.end_offset = batch.last_offset + 1;
        self.batches.push_back(batch);
        self.drop_what_is_too_much();
        self.batches.back().expect("it was just stored")
    }

    /// A leader epoch begins at this offset, unless it is known to have begun before (`LeaderEpochFileCache.assign`).
    pub(super) fn assign_epoch(&mut self, epoch: i32, start_offset: i64) {
        if self.latest_epoch() != Some(epoch) {
            self.epochs.retain(|&(known, start)| known < epoch && start < start_offset);
            self.epochs.push((epoch, start_offset));
        }
    }

    /// The last leader epoch that is known here.
    pub(super) fn latest_epoch(&self) -> Option<i32> {
        self.epochs.last().map(|&(epoch, _)| epoch)
    }

    /// The latest epoch that is known here and not later than this one, and where it ends: what OffsetsForLeaderEpoch
    /// answers (`LeaderEpochFileCache.endOffsetFor`). `None`: all that is known is older.
    pub(super) fn end_of_epoch(&self, epoch: i32) -> Option<(i32, i64)> {
        if self.latest_epoch() == Some(epoch) {
            return Some((epoch, self.end_offset));
        }
        let next = self.epochs.partition_point(|&(known, _)| known <= epoch);
        let &(_, end) = self.epochs.get(next)?;
        let floor = next.checked_sub(1).map_or(epoch, |place| self.epochs[place].0);
        Some((floor, end))
    }

    /// Drops everything from this offset on; a batch that reaches beyond it goes whole (`UnifiedLog.truncateTo`). What is
    /// known of epochs goes too, even where no batch does.
    pub(super) fn truncate_to(&mut self, offset: i64) {
        while self.batches.back().is_some_and(|last| last.last_offset >= offset) {
            if let Some(last) = self.batches.pop_back() {
                self.size_bytes -= last.bytes.len() as u64;
                self.end_offset = last.base_offset;
            }
        }
        let end_offset = self.end_offset;
        self.epochs.retain(|&(_, start)| start < end_offset);
        while self.aborted.back().is_some_and(|aborted| aborted.last_offset >= end_offset) {
            self.aborted.pop_back();
        }
    }

    /// Drops everything and begins anew at this offset (`UnifiedLog.truncateFullyAndStartAt`).
    pub(super) fn start_anew_at(&mut self, offset: i64) {
        *self = Self { end_offset: offset, ..Self::new(self.retention_bytes) };
    }

    /// Remembers that a transaction with records here was aborted; its marker is at `last_offset`.
    pub(super) fn note_aborted(&mut self, producer_id: i64, first_offset: i64, last_offset: i64) {
        let transaction = AbortedTransaction { producer_id, first_offset };
        self.aborted.push_back(Aborted { transaction, last_offset });
    }

    /// The aborted transactions that a reader must know of who is given the batches from `offset` to the one at
    /// `last_given`, as Kafka finds them: by its sparse index it sees how far the batches reach only to the next entry,
    /// and may name a transaction too many (`LogSegment.fetchUpperBoundOffset`).
    pub(super) fn aborted_in(&self, offset: i64, last_given: i64) -> Vec<AbortedTransaction> {
        let mut beyond = 0;
        let upper = self
            .read_from(last_given + 1)
            .find(|batch| {
                beyond += batch.bytes.len();
                beyond > INDEX_INTERVAL_BYTES
            })
            .map_or(self.end_offset, |batch| batch.last_offset);
        let first = self.aborted.partition_point(|aborted| aborted.last_offset < offset);
        let concerned = self.aborted.range(first..).map(|aborted| aborted.transaction);
        concerned.filter(|transaction| transaction.first_offset < upper).collect()
    }

    /// The batches from the one that contains `offset` on.
    pub(super) fn read_from(&self, offset: i64) -> impl Iterator<Item = &StoredBatch> {
        // Most read at the end: a search through a long log would touch much memory for nothing.
        let newest = self.batches.iter().rev().take(4).take_while(|batch| batch.last_offset >= offset).count();
        let first = match newest {
            0..=3 => self.batches.len() - newest,
            _ => self.batches.partition_point(|batch| batch.last_offset < offset),
        };
        self.batches.range(first..)
    }

    /// The first record at or after a time: its timestamp, offset and leader epoch.
    pub(super) fn first_at_or_after(&self, timestamp_ms: i64) -> Option<(i64, i64, i32)> {
        self.batches
            .iter()
            .filter(|batch| batch.max_timestamp_ms >= timestamp_ms)
            .find_map(|batch| find_record(batch, |found| found >= timestamp_ms))
    }

    /// The first of the records with the latest time: its timestamp, offset and leader epoch.
    pub(super) fn latest_in_time(&self) -> Option<(i64, i64, i32)> {
        let latest = self.batches.iter().map(|batch| batch.max_timestamp_ms).max()?;
        self.first_at_or_after(latest)
    }

    /// The oldest batches go, but never the newest one.
    fn drop_what_is_too_much(&mut self) {
        while self.retention_bytes.is_some_and(|limit| self.size_bytes > limit) && self.batches.len() > 1 {
            if let Some(oldest) = self.batches.pop_front() {
                self.size_bytes -= oldest.bytes.len() as u64;
            }
        }
        let start_offset = self.start_offset();
        while self.aborted.front().is_some_and(|aborted| aborted.last_offset < start_offset) {
            self.aborted.pop_front();
        }
        while self.epochs.get(1).is_some_and(|&(_, start)| start <= start_offset) {
            self.epochs.remove(0);
        }
    }
}

fn records_of(batch: &StoredBatch) -> impl Iterator<Item = LoggedRecord<'_>> {
    let view = batch.view();
    view.records().map_while(Result::ok).map(move |record| LoggedRecord {
        offset: batch.base_offset + i64::from(record.offset_delta),
        timestamp_ms: record.timestamp_ms,
        key: record.key,
        value: record.value,
        headers: record.headers,
        identity: view.identity(),
        sequence: match view.base_sequence() {
            -1 => -1,
            base => increment_sequence(base, record.offset_delta),
        },
    })
}

fn find_record(batch: &StoredBatch, fits: impl Fn(i64) -> bool) -> Option<(i64, i64, i32)> {
    let view = batch.view();
    let Ok(plain) = view.plain_records() else {
        return Some((batch.max_timestamp_ms, batch.base_offset, batch.leader_epoch));
    };
    let found = view.records_in(&plain).map_while(Result::ok).find(|record| fits(record.timestamp_ms))?;
    Some((found.timestamp_ms, batch.base_offset + i64::from(found.offset_delta), batch.leader_epoch))
}
