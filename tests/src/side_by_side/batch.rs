//! Batches as nobody's builder writes them: every field is free, also those that are wrong.

use bytes::{BufMut as _, Bytes, BytesMut};

/// From here on the CRC counts.
const CHECKED_FROM: usize = 21;

/// A record, whose every number is free.
#[derive(Clone, Debug)]
pub(super) struct RawRecord {
    /// Its own size, if it is not the true one.
    pub(super) size: Option<i64>,
    /// Attributes, which mean nothing.
    pub(super) attributes: u8,
    /// Milliseconds after the batch's base timestamp.
    pub(super) timestamp_delta: i64,
    /// Place within the batch.
    pub(super) offset_delta: i64,
    /// Length of the key, if it is not the true one.
    pub(super) key_length: Option<i64>,
    /// The key.
    pub(super) key: Option<&'static [u8]>,
    /// Length of the value, if it is not the true one.
    pub(super) value_length: Option<i64>,
    /// The value.
    pub(super) value: Option<Bytes>,
    /// How many headers there are to be.
    pub(super) header_count: i64,
    /// The headers' bytes.
    pub(super) headers: &'static [u8],
}

impl RawRecord {
    /// Record number `index` of a batch.
    pub(super) fn at(index: i64) -> Self {
        Self {
            size: None,
            attributes: 0,
            timestamp_delta: 0,
            offset_delta: index,
            key_length: None,
            key: Some(b"key"),
            value_length: None,
            value: Some(Bytes::from(format!("value {index}"))),
            header_count: 0,
            headers: &[],
        }
    }

    fn write(&self, into: &mut BytesMut) {
        let mut body = BytesMut::new();
        body.put_u8(self.attributes);
        varint(&mut body, self.timestamp_delta);
        varint(&mut body, self.offset_delta);
        field(&mut body, self.key, self.key_length);
        field(&mut body, self.value.as_deref(), self.value_length);
        varint(&mut body, self.header_count);
        body.put_slice(self.headers);
        varint(into, self.size.unwrap_or_else(|| i64::try_from(body.len()).expect("small")));
        into.put_slice(&body);
    }
}

fn field(into: &mut BytesMut, bytes: Option<&[u8]>, length: Option<i64>) {
    let true_length = bytes.map_or(-1, |bytes| i64::try_from(bytes.len()).expect("small"));
    varint(into, length.unwrap_or(true_length));
    into.put_slice(bytes.unwrap_or_default());
}

/// Zigzag, seven bits at a time.
fn varint(into: &mut BytesMut, number: i64) {
    let mut left = (number.cast_unsigned() << 1) ^ (number >> 63).cast_unsigned();
    while left >= 0x80 {
        into.put_u8(u8::try_from(left & 0x7f).expect("seven bits") | 0x80);
        left >>= 7;
    }
    into.put_u8(u8::try_from(left).expect("seven bits"));
}

/// A record batch, whose every number is free.
#[derive(Clone, Debug)]
pub(super) struct RawBatch {
    pub(super) base_offset: i64,
    /// The length field, if it is not the true one.
    pub(super) length: Option<i32>,
    pub(super) partition_leader_epoch: i32,
    pub(super) magic: i8,
    /// What the CRC is changed by: 0 leaves it right.
    pub(super) crc_off_by: u32,
    pub(super) attributes: i16,
    pub(super) last_offset_delta: i32,
    pub(super) base_timestamp: i64,
    pub(super) max_timestamp: i64,
    pub(super) producer_id: i64,
    pub(super) producer_epoch: i16,
    pub(super) base_sequence: i32,
    pub(super) count: i32,
    pub(super) records: Vec<RawRecord>,
}

impl RawBatch {
    /// A sound batch of so many records of this time, outside of any sequence.
    pub(super) fn of(count: i32, timestamp_ms: i64) -> Self {
        Self {
            base_offset: 0,
            length: None,
            partition_leader_epoch: -1,
            magic: 2,
            crc_off_by: 0,
            attributes: 0,
            last_offset_delta: count - 1,
            base_timestamp: timestamp_ms,
            max_timestamp: timestamp_ms,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            count,
            records: (0..i64::from(count)).map(RawRecord::at).collect(),
        }
    }

    /// The same, of a producer and from a sequence on.
    #[must_use]
    pub(super) fn by(self, (producer_id, producer_epoch): (i64, i16), base_sequence: i32) -> Self {
        Self { producer_id, producer_epoch, base_sequence, ..self }
    }

    /// The same, within a transaction.
    #[must_use]
    pub(super) fn transactional(self) -> Self {
        Self { attributes: self.attributes | 0x10, ..self }
    }

    /// As it goes over the wire.
    pub(super) fn bytes(&self) -> Bytes {
        let mut bytes = BytesMut::new();
        bytes.put_i64(self.base_offset);
        bytes.put_i32(0);
        bytes.put_i32(self.partition_leader_epoch);
        bytes.put_i8(self.magic);
        bytes.put_u32(0);
        bytes.put_i16(self.attributes);
        bytes.put_i32(self.last_offset_delta);
        bytes.put_i64(self.base_timestamp);
        bytes.put_i64(self.max_timestamp);
        bytes.put_i64(self.producer_id);
        bytes.put_i16(self.producer_epoch);
        bytes.put_i32(self.base_sequence);
        bytes.put_i32(self.count);
        self.records.iter().for_each(|record| record.write(&mut bytes));
        let length = i32::try_from(bytes.len() - 12).expect("small");
        bytes[8..12].copy_from_slice(&self.length.unwrap_or(length).to_be_bytes());
        let crc = crc_of(&bytes[CHECKED_FROM..]).wrapping_add(self.crc_off_by);
        bytes[17..CHECKED_FROM].copy_from_slice(&crc.to_be_bytes());
        bytes.freeze()
    }
}

/// CRC-32C.
pub(super) fn crc_of(bytes: &[u8]) -> u32 {
    u32::try_from(crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, bytes)).expect("32 bits")
}

/// A message set of an old format: magic 0 or 1, one record, with its CRC-32.
pub(super) fn old_message(magic: u8, timestamp_ms: i64) -> Bytes {
    let mut body = BytesMut::new();
    body.put_u8(magic);
    body.put_u8(0);
    if magic > 0 {
        body.put_i64(timestamp_ms);
    }
    for part in [&b"key"[..], b"value"] {
        body.put_i32(i32::try_from(part.len()).expect("small"));
        body.put_slice(part);
    }
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, &body);
    let mut bytes = BytesMut::new();
    bytes.put_i64(0);
    bytes.put_i32(i32::try_from(body.len() + 4).expect("small"));
    bytes.put_u32(u32::try_from(crc).expect("32 bits"));
    bytes.put_slice(&body);
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use producer_core::record_batch::BatchView;

    use super::*;

    #[test]
    fn a_sound_batch_is_read_as_it_was_meant() {
        let bytes = RawBatch::of(2, 1_700_000_000_000).by((7, 1), 5).bytes();
        let batch = BatchView::parse(&bytes).expect("a batch");
        batch.verify_crc().expect("its CRC");
        assert_eq!((batch.producer_id(), batch.base_sequence(), batch.record_count()), (7, 5, 2));
        let records: Vec<_> = batch.records().map(|record| record.expect("whole")).collect();
        let told: Vec<_> = records.iter().map(|record| (record.timestamp_ms, record.key, record.value)).collect();
        let record = |value: &'static [u8]| (1_700_000_000_000, Some(&b"key"[..]), Some(value));
        assert_eq!(told, [record(b"value 0"), record(b"value 1")]);
    }
}
