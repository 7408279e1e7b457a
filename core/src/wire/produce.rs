//! The Produce request, the one message that is encoded by hand: so that batches are handed on, not copied.

use bytes::{BufMut, BytesMut};

use super::error::EncodeError;
use super::frame::Frame;
use super::put_request_header;
use crate::protocol::{ApiKey, ProduceRequest, RequestHeader};
use crate::varint;
use crate::versions::{is_flexible, says_topics_by_id};

/// Bytes for the header and the fields around the topics, so that the usual request's small pieces take one allocation.
const HEAD_BYTES: usize = 128;
/// Bytes for a topic's or partition's small fields.
const ITEM_BYTES: usize = 32;

/// The small pieces in one buffer, and at which of its bytes each batch belongs.
pub(super) fn encode(header: &RequestHeader, request: &ProduceRequest) -> Result<Frame, EncodeError> {
    let refused = |detail: &str| EncodeError::refused(ApiKey::Produce, header.version, detail);
    let items = request.topics.iter().map(|topic| topic.name.len() + ITEM_BYTES * (1 + topic.partitions.len()));
    let mut writer = Writer {
        head: BytesMut::with_capacity(HEAD_BYTES + items.sum::<usize>()),
        flexible: is_flexible(ApiKey::Produce, header.version),
    };
    let mut cuts = Vec::with_capacity(request.topics.iter().map(|topic| topic.partitions.len()).sum());

    put_request_header(&mut writer.head, header)?;
    writer
        .nullable_string(request.transactional_id.as_deref())
        .ok_or_else(|| refused("transactional.id is too long"))?;
    writer.head.put_i16(request.acks);
    writer.head.put_i32(request.timeout_ms);
    writer.count(request.topics.len()).ok_or_else(|| refused("too many topics"))?;
    for topic in &request.topics {
        if says_topics_by_id(ApiKey::Produce, header.version) {
            writer.head.put_slice(&topic.id.0);
        } else {
            writer.nullable_string(Some(&topic.name)).ok_or_else(|| refused("a topic's name is too long"))?;
        }
        writer.count(topic.partitions.len()).ok_or_else(|| refused("too many partitions"))?;
        for partition in &topic.partitions {
            writer.head.put_i32(partition.partition);
            writer.count(partition.records.len()).ok_or_else(|| refused("a batch is too large"))?;
            cuts.push((writer.head.len(), partition.records.clone()));
            writer.end_struct();
        }
        writer.end_struct();
    }
    writer.end_struct();
    Frame::assemble(writer.head, cuts.into_iter())
}

/// Writes fields in the form of the version, flexible or not. `None`: too long for its length field.
struct Writer {
    head: BytesMut,
    flexible: bool,
}

impl Writer {
    fn compact_length(&mut self, length: Option<usize>) {
        let mut scratch = [0; varint::MAX_LEN];
        let end = varint::write_unsigned(&mut scratch, 0, length.map_or(0, |length| length as u64 + 1));
        self.head.put_slice(&scratch[..end]);
    }

    /// The length of an array or of bytes.
    fn count(&mut self, count: usize) -> Option<()> {
        let fixed = i32::try_from(count).ok()?;
        if self.flexible {
            self.compact_length(Some(count))
        } else {
            self.head.put_i32(fixed)
        }
        Some(())
    }

    fn nullable_string(&mut self, text: Option<&str>) -> Option<()> {
        match text {
            // A compact length has room for more, yet Kafka holds strings to 2¹⁵−1 bytes in both forms.
            Some(text) if text.len() > MAX_STRING_BYTES => return None,
            Some(text) if !self.flexible => return put_short_string(&mut self.head, text),
            None if !self.flexible => self.head.put_i16(-1),
            text => {
                self.compact_length(text.map(str::len));
                self.head.put_slice(text.unwrap_or_default().as_bytes());
            }
        }
        Some(())
    }

    fn end_struct(&mut self) {
        if self.flexible {
            self.head.put_u8(0); // no tagged fields
        }
    }
}

const MAX_STRING_BYTES: usize = i16::MAX as usize;

/// A string with its 16-bit length. `None`: too long for it.
pub(super) fn put_short_string(into: &mut BytesMut, text: &str) -> Option<()> {
    into.put_i16(i16::try_from(text.len()).ok()?);
    into.put_slice(text.as_bytes());
    Some(())
}
