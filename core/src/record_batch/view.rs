//! Reads batches that others wrote. Nothing is trusted, nothing is copied, nothing panics.

use core::fmt;
use std::borrow::Cow;

use super::{BATCH_OVERHEAD, LENGTH_NOT_COUNTED, MAGIC, TimestampType, at, attribute, increment_sequence, take};
use crate::checksum::crc32c;
use crate::codecs::{self, Codecs, DecompressError};
use crate::ids::ProducerIdentity;
use crate::varint;

/// Why bytes are not a batch, or not one whose records can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchError {
    /// Fewer bytes than a batch's header.
    HeaderCutShort {
        /// How many there are.
        available: usize,
    },
    /// The length field is too small for a header, or negative.
    Length(i32),
    /// The batch says it is longer than what is there.
    CutShort {
        /// Bytes by its length field.
        needed: usize,
        /// How many there are.
        available: usize,
    },
    /// Another format than v2.
    Magic(i8),
    /// The bytes are not those that were sealed.
    Crc {
        /// By the header.
        stored: u32,
        /// By the bytes.
        computed: u32,
    },
    /// The records are compressed, by the codec of this number.
    Compressed(i16),
    /// The records are compressed by the codec of this number, and its bytes are damaged or stand for too many.
    Undecodable(i16),
    /// A negative count of records.
    RecordCount(i32),
    /// A record is damaged: a length out of bounds, or bytes missing or left over.
    Record {
        /// Its place in the batch.
        index: u32,
    },
    /// Bytes are left after the last record.
    Trailing {
        /// How many.
        bytes: usize,
    },
}

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeaderCutShort { available } => write!(f, "{available} bytes are too few for a batch header"),
            Self::Length(length) => write!(f, "batch length {length} is too small for a header"),
            Self::CutShort { needed, available } => write!(f, "batch of {needed} bytes cut short at {available}"),
            Self::Magic(magic) => write!(f, "magic {magic} instead of {MAGIC}"),
            Self::Crc { stored, computed } => write!(f, "stored CRC {stored:08x}, computed {computed:08x}"),
            Self::Compressed(codec) => write!(f, "records compressed by codec {codec}"),
            Self::Undecodable(codec) => write!(f, "records that codec {codec} cannot decompress"),
            Self::RecordCount(count) => write!(f, "record count {count}"),
            Self::Record { index } => write!(f, "record {index} is damaged"),
            Self::Trailing { bytes } => write!(f, "{bytes} bytes after the last record"),
        }
    }
}

impl std::error::Error for BatchError {}

/// One batch in borrowed bytes, its header known to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchView<'a> {
    bytes: &'a [u8],
}

impl<'a> BatchView<'a> {
    /// The batch at the beginning of `bytes`; compare [`size_bytes`](Self::size_bytes) to know whether more follows.
    /// Checks lengths and magic; the CRC and the records are checked when asked for.
    ///
    /// # Errors
    /// Too short, a length out of bounds, another magic.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, BatchError> {
        // The magic stands at the same place in all formats: name it even where the rest looks short.
        if let Some(&magic) = bytes.get(at::MAGIC)
            && magic != MAGIC.cast_unsigned()
        {
            return Err(BatchError::Magic(magic.cast_signed()));
        }
        if bytes.len() < BATCH_OVERHEAD {
            return Err(BatchError::HeaderCutShort { available: bytes.len() });
        }
        let length = i32::from_be_bytes(take(bytes, at::LENGTH));
        let needed = match usize::try_from(length) {
            Ok(counted) if counted + LENGTH_NOT_COUNTED >= BATCH_OVERHEAD => counted + LENGTH_NOT_COUNTED,
            _ => return Err(BatchError::Length(length)),
        };
        match bytes.get(..needed) {
            Some(bytes) => Ok(Self { bytes }),
            None => Err(BatchError::CutShort { needed, available: bytes.len() }),
        }
    }

    /// Are the bytes those that were sealed?
    ///
    /// # Errors
    /// [`BatchError::Crc`].
    pub fn verify_crc(&self) -> Result<(), BatchError> {
        let (stored, computed) = (self.crc(), crc32c(&self.bytes[at::ATTRIBUTES..]));
        if stored == computed { Ok(()) } else { Err(BatchError::Crc { stored, computed }) }
    }

    /// The batch's bytes, header included.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Its size, header included.
    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Offset of the first record.
    pub fn base_offset(&self) -> i64 {
        i64::from_be_bytes(take(self.bytes, at::BASE_OFFSET))
    }

    /// Offset of the last record.
    pub fn last_offset(&self) -> i64 {
        self.base_offset().wrapping_add(self.last_offset_delta().into())
    }

    /// Leader epoch in which it was appended; −1 from a producer.
    pub fn partition_leader_epoch(&self) -> i32 {
        i32::from_be_bytes(take(self.bytes, at::PARTITION_LEADER_EPOCH))
    }

    /// The CRC as stored.
    pub fn crc(&self) -> u32 {
        u32::from_be_bytes(take(self.bytes, at::CRC))
    }

    /// All attribute bits.
    pub fn attributes(&self) -> i16 {
        i16::from_be_bytes(take(self.bytes, at::ATTRIBUTES))
    }

    /// Number of the codec: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd; 5 to 7 name nothing.
    pub fn codec(&self) -> i16 {
        self.attributes() & attribute::CODEC
    }

    /// Whose time the records carry.
    pub fn timestamp_type(&self) -> TimestampType {
        if self.attributes() & attribute::LOG_APPEND_TIME == 0 {
            TimestampType::CreateTime
        } else {
            TimestampType::LogAppendTime
        }
    }

    /// Is it part of a transaction?
    pub fn is_transactional(&self) -> bool {
        self.attributes() & attribute::TRANSACTIONAL != 0
    }

    /// Does it end a transaction instead of carrying records?
    pub fn is_control(&self) -> bool {
        self.attributes() & attribute::CONTROL != 0
    }

    /// Offset of the last record less that of the first.
    pub fn last_offset_delta(&self) -> i32 {
        i32::from_be_bytes(take(self.bytes, at::LAST_OFFSET_DELTA))
    }

    /// The first record's CreateTime, in milliseconds since 1970.
    pub fn base_timestamp_ms(&self) -> i64 {
        i64::from_be_bytes(take(self.bytes, at::BASE_TIMESTAMP))
    }

    /// The latest record's time, or the broker's, in milliseconds since 1970.
    pub fn max_timestamp_ms(&self) -> i64 {
        i64::from_be_bytes(take(self.bytes, at::MAX_TIMESTAMP))
    }

    /// Producer id, −1: none.
    pub fn producer_id(&self) -> i64 {
        i64::from_be_bytes(take(self.bytes, at::PRODUCER_ID))
    }

    /// Producer epoch, −1: none.
    pub fn producer_epoch(&self) -> i16 {
        i16::from_be_bytes(take(self.bytes, at::PRODUCER_EPOCH))
    }

    /// Producer id and epoch, if the producer had any.
    pub fn identity(&self) -> Option<ProducerIdentity> {
        let id = self.producer_id();
        (id >= 0).then(|| ProducerIdentity { id, epoch: self.producer_epoch() })
    }

    /// Sequence of the first record, −1: none.
    pub fn base_sequence(&self) -> i32 {
        i32::from_be_bytes(take(self.bytes, at::BASE_SEQUENCE))
    }

    /// Sequence of the last record, −1: none.
    pub fn last_sequence(&self) -> i32 {
        match self.base_sequence() {
            -1 => -1,
            base => increment_sequence(base, self.last_offset_delta()),
        }
    }

    /// How many records it says it has. As stored, so possibly negative.
    pub fn record_count(&self) -> i32 {
        i32::from_be_bytes(take(self.bytes, at::RECORD_COUNT))
    }

    /// Its records in order, if they are not compressed. The first damage found is the iterator's last item; an iterator
    /// that ends without one has yielded [`record_count`](Self::record_count) records and found nothing after them.
    pub fn records(&self) -> Records<'a> {
        match self.codec() {
            0 => self.records_in(&self.bytes[BATCH_OVERHEAD..]),
            codec => Records { refusal: Some(BatchError::Compressed(codec)), left: 0, ..self.records_in(&[]) },
        }
    }

    /// The bytes of its records, decompressed where they were compressed; read them with
    /// [`records_in`](Self::records_in).
    ///
    /// # Errors
    /// [`BatchError::Compressed`] in a build without the codec, [`BatchError::Undecodable`].
    pub fn plain_records(&self) -> Result<Cow<'a, [u8]>, BatchError> {
        self.plain_records_by(codecs::simulated())
    }

    /// [`plain_records`](Self::plain_records) with the codecs that a driver brought.
    ///
    /// # Errors
    /// As there; without codecs, [`BatchError::Compressed`].
    pub fn plain_records_by(&self, codecs: Option<&dyn Codecs>) -> Result<Cow<'a, [u8]>, BatchError> {
        self.plain_records_read(|codec, bytes| {
            codecs.map_or(Err(DecompressError::NoCodec), |by| by.decompress(codec, bytes))
        })
    }

    /// [`plain_records_by`](Self::plain_records_by) of a batch that these codecs compressed themselves.
    ///
    /// # Errors
    /// As there.
    pub fn plain_records_of_own(&self, codecs: Option<&dyn Codecs>) -> Result<Cow<'a, [u8]>, BatchError> {
        self.plain_records_read(|codec, bytes| {
            codecs.map_or(Err(DecompressError::NoCodec), |by| by.decompress_own(codec, bytes))
        })
    }

    fn plain_records_read(
        &self,
        decompress: impl FnOnce(i16, &[u8]) -> Result<Vec<u8>, DecompressError>,
    ) -> Result<Cow<'a, [u8]>, BatchError> {
        let (codec, bytes) = (self.codec(), &self.bytes[BATCH_OVERHEAD..]);
        if codec == 0 {
            return Ok(Cow::Borrowed(bytes));
        }
        match decompress(codec, bytes) {
            Ok(plain) => Ok(Cow::Owned(plain)),
            Err(DecompressError::NoCodec) => Err(BatchError::Compressed(codec)),
            Err(DecompressError::Damaged | DecompressError::TooLarge) => Err(BatchError::Undecodable(codec)),
        }
    }

    /// Its records in order, read from what [`plain_records`](Self::plain_records) gave; as [`records`](Self::records)
    /// does otherwise.
    pub fn records_in<'r>(&self, plain: &'r [u8]) -> Records<'r>
    where
        'a: 'r,
    {
        let stored_count = self.record_count();
        let (left, refusal) = match u32::try_from(stored_count) {
            Ok(count) => (count, None),
            Err(_) => (0, Some(BatchError::RecordCount(stored_count))),
        };
        Records { batch: *self, rest: plain, index: 0, left, refusal, ended: false }
    }
}

/// One record in borrowed bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordView<'a> {
    /// Offset less the batch's base offset.
    pub offset_delta: i32,
    /// Its time in milliseconds since 1970: its own, or the broker's for the whole batch.
    pub timestamp_ms: i64,
    /// Key; `None` is null.
    pub key: Option<&'a [u8]>,
    /// Value; `None` is null.
    pub value: Option<&'a [u8]>,
    /// Headers, in order.
    pub headers: Headers<'a>,
}

/// One header in borrowed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderView<'a> {
    /// Key: UTF-8, as far as its writer kept to that.
    pub key: &'a [u8],
    /// Value; `None` is null.
    pub value: Option<&'a [u8]>,
}

/// A batch's records; see [`BatchView::records`].
#[derive(Clone, Debug)]
pub struct Records<'a> {
    batch: BatchView<'a>,
    rest: &'a [u8],
    index: u32,
    left: u32,
    refusal: Option<BatchError>,
    ended: bool,
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<RecordView<'a>, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        if self.left == 0 {
            self.ended = true;
            let trailing = || (!self.rest.is_empty()).then_some(BatchError::Trailing { bytes: self.rest.len() });
            return self.refusal.or_else(trailing).map(Err);
        }
        let record = read_record(&mut self.rest, &self.batch).ok_or(BatchError::Record { index: self.index });
        self.ended = record.is_err();
        self.index += 1;
        self.left -= 1;
        Some(record)
    }
}

/// A record's headers, all known to be whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headers<'a> {
    rest: &'a [u8],
    left: u32,
}

impl<'a> Iterator for Headers<'a> {
    type Item = HeaderView<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        read_header(&mut self.rest)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl ExactSizeIterator for Headers<'_> {}

/// The batches that lie one after the other in `bytes`, as a fetch or a log segment holds them. The first damage found
/// is the iterator's last item.
pub fn batches(bytes: &[u8]) -> Batches<'_> {
    Batches { rest: bytes }
}

/// See [`batches`].
#[derive(Clone, Debug)]
pub struct Batches<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Batches<'a> {
    type Item = Result<BatchView<'a>, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let batch = BatchView::parse(self.rest);
        self.rest = batch.map_or(&[], |batch| &self.rest[batch.size_bytes()..]);
        Some(batch)
    }
}

/// Takes one record off the front (`DefaultRecord.readFrom`). `None`: damaged.
fn read_record<'a>(from: &mut &'a [u8], batch: &BatchView<'a>) -> Option<RecordView<'a>> {
    let body_size = usize::try_from(varint::read_varint(from)?).ok()?;
    let mut body = split_off(from, body_size)?;
    let _attributes = split_off(&mut body, 1)?;
    let timestamp_delta = varint::read_varlong(&mut body)?;
    let offset_delta = varint::read_varint(&mut body)?;
    let key = read_nullable(&mut body)?;
    let value = read_nullable(&mut body)?;
    let headers = Headers { left: u32::try_from(varint::read_varint(&mut body)?).ok()?, rest: body };
    // Walked once here, so that reading them later cannot fail.
    for _ in 0..headers.left {
        read_header(&mut body)?;
    }
    if !body.is_empty() {
        return None;
    }
    let timestamp_ms = match batch.timestamp_type() {
        TimestampType::CreateTime => batch.base_timestamp_ms().wrapping_add(timestamp_delta),
        TimestampType::LogAppendTime => batch.max_timestamp_ms(),
    };
    Some(RecordView { offset_delta, timestamp_ms, key, value, headers })
}

/// Takes one header off the front. A null key is damage.
fn read_header<'a>(from: &mut &'a [u8]) -> Option<HeaderView<'a>> {
    let key = read_nullable(from)??;
    Some(HeaderView { key, value: read_nullable(from)? })
}

/// Takes bytes with their length off the front; any negative length is null, as for the Java client.
fn read_nullable<'a>(from: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    match usize::try_from(varint::read_varint(from)?) {
        Ok(len) => split_off(from, len).map(Some),
        Err(_) => Some(None),
    }
}

fn split_off<'a>(from: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, rest) = from.split_at_checked(len)?;
    *from = rest;
    Some(taken)
}
