//! Writes records into a batch as they are sent.

use bytes::{Bytes, BytesMut};

use super::{BATCH_OVERHEAD, LENGTH_NOT_COUNTED, MAGIC, MAX_RECORD_OVERHEAD, Stamp, at, put, put_crc, put_stamp};
use crate::codecs::{Codecs, Compression};
use crate::record::Header;
use crate::varint;

/// Bytes made ready at a time in a buffer that was never filled before. A `batch.size` of a megabyte must not cost a
/// megabyte of zeros for a batch of one record.
const GROWTH_BYTES: usize = 4_096;

/// The most bytes of a batch, whatever its limit: its length field is a signed 32-bit number.
const LARGEST_BATCH: usize = i32::MAX as usize;

/// What a batch that will be compressed is expected to shrink to. The compressor runs once, when the batch takes no more
/// records. Until it is closed its size is an estimate, as in the Java client, which sees no more of its compressor than this.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// What it will be compressed with.
    pub compression: Compression,
    /// Compressed over uncompressed bytes of records, as batches before this one came out (`CompressionRatioEstimator`).
    pub ratio: f32,
}

impl Estimate {
    /// Batches may come out larger than those before (`COMPRESSION_RATE_ESTIMATION_FACTOR`).
    const SAFETY: f32 = 1.05;

    /// Bytes of a batch whose records take so many uncompressed (`estimatedBytesWritten`), in Java's arithmetic.
    fn size_bytes(&self, records_bytes: usize) -> usize {
        // As there: the product in 32 bits, its fraction dropped.
        BATCH_OVERHEAD + (records_bytes as f32 * self.ratio * Self::SAFETY) as usize
    }
}

/// A batch that was closed.
#[derive(Debug)]
pub struct Closed {
    /// Its bytes.
    pub bytes: Bytes,
    /// The buffer in which it was written, where the bytes are another's: it was compressed.
    pub spare: Option<BytesMut>,
    /// Bytes of records over those they took uncompressed; 1 without compression (`compressionRatio`).
    pub ratio: f32,
}

/// A batch that takes records (`MemoryRecordsBuilder`).
///
/// Records are written once, in wire form, behind room for the header; [`close`](Self::close) fills the header in.
/// As long as the buffer's capacity suffices, appending allocates nothing. A clone is a deep copy with the same
/// capacity, so that two futures of one batch do not meet; closed batches are shared [`Bytes`].
#[derive(Debug)]
pub struct BatchBuilder {
    /// Its first `size` bytes are the batch; the rest is room, with what its last user left there.
    buffer: BytesMut,
    size: usize,
    /// What counts as its size: the same, or an estimate where it will be compressed. Kept, for it is asked several times for
    /// every record.
    counted: usize,
    write_limit: usize,
    estimate: Option<Estimate>,
    count: u32,
    base_timestamp_ms: i64,
    max_timestamp_ms: i64,
    closed_for_appends: bool,
    /// What the records shrank to, once they are compressed.
    ratio: Option<f32>,
}

impl BatchBuilder {
    /// An empty batch in `buffer`, whose content is dropped and whose capacity is used.
    ///
    /// `write_limit` is the batch's size in bytes, header included, beyond which only a first record is accepted:
    /// `batch.size`, or the record's [upper bound](record_size_upper_bound) if that is larger.
    pub fn new(buffer: BytesMut, write_limit: usize) -> Self {
        Self {
            buffer,
            size: BATCH_OVERHEAD,
            counted: BATCH_OVERHEAD,
            write_limit,
            estimate: None,
            count: 0,
            base_timestamp_ms: -1,
            max_timestamp_ms: -1,
            closed_for_appends: false,
            ratio: None,
        }
    }

    /// Has the batch compressed when it is closed. Its size counts, until then, as this estimate says.
    #[must_use]
    pub fn compressed(self, estimate: Option<Estimate>) -> Self {
        Self { estimate, ..self }
    }

    /// Writes a record and returns its place in the batch, or leaves the batch as it is if the record does not fit.
    ///
    /// A first record always fits. A later one fits iff the batch is neither closed for appends nor larger with it
    /// than the write limit; its exact encoded size counts, also where the batch will be compressed.
    #[inline]
    pub fn try_append(
        &mut self,
        timestamp_ms: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header<'_>],
    ) -> Option<u32> {
        self.try_append_content(timestamp_ms, &Content::measure(key, value, headers))
    }

    /// [`try_append`](Self::try_append) of what was measured before.
    // Left to itself, the compiler makes this and what it calls functions of their own, at 2 ns per record.
    #[inline(always)]
    pub(crate) fn try_append_content(&mut self, timestamp_ms: i64, content: &Content<'_>) -> Option<u32> {
        let timestamp_delta = self.timestamp_delta(timestamp_ms);
        let body_size = body_size(self.count, timestamp_delta, content);
        let record_size = record_size(body_size);
        if !self.takes(record_size) {
            return None;
        }
        let index = self.count;
        if index == 0 {
            self.base_timestamp_ms = timestamp_ms;
            self.max_timestamp_ms = timestamp_ms;
        }
        self.max_timestamp_ms = self.max_timestamp_ms.max(timestamp_ms);
        self.count += 1;

        let record = self.room_for(record_size);
        let mut at = varint::write_unsigned(record, 0, raw_len(body_size));
        record[at] = 0; // attributes: none are defined
        at = varint::write_unsigned(record, at + 1, varint::zigzag(timestamp_delta));
        at = varint::write_unsigned(record, at, u64::from(index) << 1);
        at = write_nullable(record, at, content.key);
        at = write_nullable(record, at, content.value);
        at = varint::write_unsigned(record, at, raw_len(content.headers.len()));
        for header in content.headers {
            at = write_nullable(record, at, Some(header.key.as_bytes()));
            at = write_nullable(record, at, header.value);
        }
        debug_assert_eq!(at, record_size, "a record takes the bytes it was measured to take");
        Some(index)
    }

    /// Would [`try_append`](Self::try_append) accept this record?
    pub fn has_room_for(
        &self,
        timestamp_ms: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header<'_>],
    ) -> bool {
        let content = Content::measure(key, value, headers);
        self.takes(record_size(body_size(self.count, self.timestamp_delta(timestamp_ms), &content)))
    }

    /// Bytes so far, header included (`estimatedSizeInBytes`): exact, or an estimate where they will be compressed.
    #[inline]
    pub fn size_bytes(&self) -> usize {
        self.counted
    }

    /// Records so far.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The batch's size in bytes beyond which only a first record is accepted.
    pub fn write_limit(&self) -> usize {
        self.write_limit
    }

    /// CreateTime of the latest record, in milliseconds since 1970; −1 while there is none.
    pub fn max_timestamp_ms(&self) -> i64 {
        self.max_timestamp_ms
    }

    /// Is there nothing more to wait for? True when closed for appends, or at the limit with at least one record. A
    /// batch whose only record made its buffer larger than `batch.size` is not full, and lingers like any other.
    pub fn is_full(&self) -> bool {
        self.closed_for_appends || (self.count > 0 && self.write_limit <= self.counted)
    }

    /// Takes no more records: one did not fit, and the next batch of the partition has been opened.
    pub fn close_for_appends(&mut self) {
        self.closed_for_appends = true;
    }

    /// Fills in the header, computes the CRC in one pass, and gives the batch away. Nothing is copied.
    ///
    /// The buffer comes back with [`Bytes::try_into_mut`] once all handles but one are gone.
    ///
    /// # Panics
    /// When no record was appended: such a batch does not exist on the wire. When it is to be compressed: see
    /// [`close_with`](Self::close_with).
    pub fn close(mut self, stamp: Stamp) -> Bytes {
        assert!(self.estimate.is_none(), "somebody must compress it");
        self.finish(stamp)
    }

    /// Compresses the records in one go; no more are taken. Gives the buffer back in which they were written: what is kept
    /// is as small as it will be on the wire, and goes on counting as [estimated](Self::size_bytes). `None`: nothing was to
    /// be compressed, or no longer.
    ///
    /// # Panics
    /// When no record was appended.
    pub fn compress(&mut self, codecs: &dyn Codecs) -> Option<BytesMut> {
        let Estimate { compression, .. } = self.estimate.filter(|_| self.ratio.is_none())?;
        assert!(self.count > 0, "a batch has at least one record");
        self.closed_for_appends = true;
        let records = &self.buffer[BATCH_OVERHEAD..self.size];
        let mut batch = Vec::with_capacity(self.counted);
        batch.resize(BATCH_OVERHEAD, 0);
        codecs.compress(compression, records, &mut batch);
        self.ratio = Some((batch.len() - BATCH_OVERHEAD) as f32 / records.len() as f32);
        self.size = batch.len();
        let mut written = core::mem::replace(&mut self.buffer, Bytes::from(batch).into());
        written.clear();
        Some(written)
    }

    /// [`close`](Self::close) of a batch whose records are [compressed](Self::compress), or will be here.
    ///
    /// # Panics
    /// When no record was appended.
    pub fn close_with(mut self, stamp: Stamp, codecs: &dyn Codecs) -> Closed {
        let spare = self.compress(codecs);
        let ratio = self.ratio.unwrap_or(1.0);
        Closed { bytes: self.finish(stamp), spare, ratio }
    }

    fn finish(&mut self, stamp: Stamp) -> Bytes {
        let mut batch = core::mem::take(&mut self.buffer);
        batch.truncate(self.size);
        self.write_header(&mut batch, stamp);
        batch.freeze()
    }

    /// Fills in the header of a batch whose records stand behind it.
    fn write_header(&self, batch: &mut [u8], stamp: Stamp) {
        assert!(self.count > 0, "a batch has at least one record");
        // It fits: `takes` keeps the batch below 2³¹ bytes.
        let length = (batch.len() - LENGTH_NOT_COUNTED) as u32;
        batch[..BATCH_OVERHEAD].fill(0);
        put(batch, at::BASE_OFFSET, 0_i64.to_be_bytes());
        put(batch, at::LENGTH, length.to_be_bytes());
        put(batch, at::PARTITION_LEADER_EPOCH, (-1_i32).to_be_bytes());
        put(batch, at::MAGIC, MAGIC.to_be_bytes());
        put(
            batch,
            at::ATTRIBUTES,
            self.estimate.map_or(0, |estimate| estimate.compression.codec.number()).to_be_bytes(),
        );
        put(batch, at::LAST_OFFSET_DELTA, (self.count - 1).to_be_bytes());
        put(batch, at::BASE_TIMESTAMP, self.base_timestamp_ms.to_be_bytes());
        put(batch, at::MAX_TIMESTAMP, self.max_timestamp_ms.to_be_bytes());
        put(batch, at::RECORD_COUNT, self.count.to_be_bytes());
        put_stamp(batch, stamp);
        put_crc(batch);
    }

    /// Bytes that it takes here, whatever it counts as.
    #[cfg(all(test, feature = "compression"))]
    pub(crate) fn held_bytes(&self) -> usize {
        self.buffer.capacity()
    }

    /// Gives the buffer back unused, or of a batch that was given up.
    pub fn into_buffer(self) -> BytesMut {
        self.buffer
    }

    fn timestamp_delta(&self, timestamp_ms: i64) -> i64 {
        if self.count == 0 { 0 } else { timestamp_ms.wrapping_sub(self.base_timestamp_ms) }
    }

    fn takes(&self, record_size: usize) -> bool {
        let limit = if self.count == 0 { LARGEST_BATCH } else { self.write_limit.min(LARGEST_BATCH) };
        !self.closed_for_appends && self.counted + record_size <= limit
    }

    /// Its size when it will be compressed. In the buffer it must stay below 2³¹ bytes as well: where it comes near, what is
    /// left below that is what is left below the limit.
    fn estimated_size(&self, estimate: &Estimate) -> usize {
        let spare = LARGEST_BATCH.saturating_sub(self.write_limit);
        estimate.size_bytes(self.size - BATCH_OVERHEAD).max(self.size.saturating_sub(spare))
    }

    /// The next `bytes` bytes of the batch, to be written.
    #[inline]
    fn room_for(&mut self, bytes: usize) -> &mut [u8] {
        let begin = self.size;
        self.size += bytes;
        self.counted = match &self.estimate {
            None => self.size,
            Some(estimate) => self.estimated_size(estimate),
        };
        if self.buffer.len() < self.size {
            self.make_room();
        }
        &mut self.buffer[begin..self.size]
    }

    /// Makes at least `size` bytes ready, and more where the capacity is there anyway.
    #[cold]
    fn make_room(&mut self) {
        let ahead = (self.size + GROWTH_BYTES).min(self.buffer.capacity());
        self.buffer.resize(self.size.max(ahead), 0);
    }
}

impl Clone for BatchBuilder {
    /// A copy with the same capacity: `BytesMut`'s own clone keeps only what is filled, and the next append would
    /// allocate.
    fn clone(&self) -> Self {
        let mut buffer = BytesMut::with_capacity(self.buffer.capacity());
        // A batch without records has not written its header's room yet.
        buffer.extend_from_slice(&self.buffer[..self.size.min(self.buffer.len())]);
        Self { buffer, ..*self }
    }
}

/// Most bytes a batch with only this record can take (`AbstractRecords.estimateSizeInBytesUpperBound`): what
/// `max.request.size` is compared with, and what is allocated when it exceeds `batch.size`.
pub fn record_size_upper_bound(key: Option<&[u8]>, value: Option<&[u8]>, headers: &[Header<'_>]) -> usize {
    Content::measure(key, value, headers).record_size_upper_bound()
}

/// Key, value and headers of a record, measured: `send` compares the size with the limits first, and then writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Content<'a> {
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
    headers: &'a [Header<'a>],
    /// All three with their lengths (`DefaultRecord.sizeOf`).
    size: usize,
}

impl<'a> Content<'a> {
    #[inline]
    pub(crate) fn measure(key: Option<&'a [u8]>, value: Option<&'a [u8]>, headers: &'a [Header<'a>]) -> Self {
        let headers_size = headers
            .iter()
            .map(|header| nullable_size(Some(header.key.as_bytes())) + nullable_size(header.value))
            .sum::<usize>();
        let count_size = varint::size_of_unsigned(raw_len(headers.len()));
        Self { key, value, headers, size: nullable_size(key) + nullable_size(value) + count_size + headers_size }
    }

    /// See [`record_size_upper_bound`].
    #[inline]
    pub(crate) fn record_size_upper_bound(&self) -> usize {
        BATCH_OVERHEAD + MAX_RECORD_OVERHEAD + self.size
    }
}

/// A record without its length field.
#[inline]
fn body_size(index: u32, timestamp_delta: i64, content: &Content<'_>) -> usize {
    let attributes = 1;
    attributes + varint::size_of(timestamp_delta) + varint::size_of_unsigned(u64::from(index) << 1) + content.size
}

#[inline]
fn record_size(body_size: usize) -> usize {
    varint::size_of_unsigned(raw_len(body_size)) + body_size
}

#[inline]
fn nullable_size(bytes: Option<&[u8]>) -> usize {
    varint::size_of_unsigned(raw_nullable_len(bytes)) + bytes.map_or(0, <[u8]>::len)
}

/// Writes bytes and their length at `at` and returns where the next byte goes.
#[inline(always)]
fn write_nullable(into: &mut [u8], at: usize, bytes: Option<&[u8]>) -> usize {
    let begin = varint::write_unsigned(into, at, raw_nullable_len(bytes));
    let bytes = bytes.unwrap_or_default();
    into[begin..begin + bytes.len()].copy_from_slice(bytes);
    begin + bytes.len()
}

/// A length, zig-zag: lengths are signed on the wire, and never negative here.
#[inline]
fn raw_len(len: usize) -> u64 {
    (len as u64) << 1
}

/// A length, zig-zag, where null counts −1.
#[inline]
fn raw_nullable_len(bytes: Option<&[u8]>) -> u64 {
    bytes.map_or(1, |bytes| raw_len(bytes.len()))
}
