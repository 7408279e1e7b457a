//! Reads a frame's fields without trusting one of them.

use std::sync::Arc;

use bytes::Bytes;

use super::error::{Malformation, WireError};
use crate::error::ErrorCode;
use crate::ids::TopicId;
use crate::protocol::ApiKey;
use crate::varint;
use crate::versions::says_topics_by_id;

pub(super) type Result<T> = core::result::Result<T, WireError>;

/// Memory that one decoded frame may take. Kafka's largest clusters answer Metadata in a tenth of it; a frame of
/// [`MAX_FRAME_BYTES`](super::MAX_FRAME_BYTES) filled with the smallest of elements would take a gigabyte.
const MEMORY_BYTES: usize = 256 * 1024 * 1024;

/// What an allocation costs beside its content.
const ALLOCATION_BYTES: usize = 32;

/// Elements for which room is made before any of them has been read.
const TRUSTED_COUNT: usize = 64;

/// A place in a frame, and the form of what follows: flexible (KIP-482) or not.
pub(super) struct Reader<'a> {
    frame: &'a Bytes,
    at: usize,
    end: usize,
    memory_left: usize,
    pub(super) flexible: bool,
}

impl<'a> Reader<'a> {
    /// At the beginning of `frame`.
    pub(super) fn new(frame: &'a Bytes) -> Self {
        Self { frame, at: 0, end: frame.len(), memory_left: MEMORY_BYTES, flexible: false }
    }

    /// An error about where the reader stands.
    pub(super) fn error(&self, what: Malformation) -> WireError {
        WireError { at: self.at, what }
    }

    /// Was that the last field?
    pub(super) fn finish(self) -> Result<()> {
        if self.at == self.end { Ok(()) } else { Err(self.error(Malformation::Trailing)) }
    }

    fn rest(&self) -> &'a [u8] {
        &self.frame[self.at..self.end]
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let taken = *self.rest().first_chunk().ok_or(self.error(Malformation::CutShort))?;
        self.at += N;
        Ok(taken)
    }

    pub(super) fn i8(&mut self) -> Result<i8> {
        self.take().map(i8::from_be_bytes)
    }

    pub(super) fn i16(&mut self) -> Result<i16> {
        self.take().map(i16::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Result<i32> {
        self.take().map(i32::from_be_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64> {
        self.take().map(i64::from_be_bytes)
    }

    /// Any byte but 0 is true, as for the Java client.
    pub(super) fn bool(&mut self) -> Result<bool> {
        self.i8().map(|byte| byte != 0)
    }

    pub(super) fn topic_id(&mut self) -> Result<TopicId> {
        self.take().map(TopicId)
    }

    pub(super) fn error_code(&mut self) -> Result<ErrorCode> {
        self.i16().map(ErrorCode)
    }

    fn unsigned_varint(&mut self) -> Result<usize> {
        let mut rest = self.rest();
        let value = varint::read_unsigned(&mut rest).ok_or(self.error(Malformation::Length))?;
        self.at = self.end - rest.len();
        usize::try_from(value).map_err(|_| self.error(Malformation::Length))
    }

    /// A length or count, `None` when null. It is no larger than the number of bytes left: nothing takes less than one.
    fn length(&mut self, fixed: impl FnOnce(&mut Self) -> Result<i32>) -> Result<Option<usize>> {
        let length = if self.flexible {
            // One more than the length, so that 0 can be null.
            self.unsigned_varint()?.checked_sub(1)
        } else {
            match fixed(self)? {
                -1 => None,
                length => Some(usize::try_from(length).map_err(|_| self.error(Malformation::Length))?),
            }
        };
        match length {
            Some(length) if length > self.end - self.at => Err(self.error(Malformation::CutShort)),
            length => Ok(length),
        }
    }

    fn charge(&mut self, bytes: usize) -> Result<()> {
        self.memory_left = self.memory_left.checked_sub(bytes).ok_or(self.error(Malformation::TooLarge))?;
        Ok(())
    }

    fn text(&mut self, length: usize) -> Result<Arc<str>> {
        self.charge(ALLOCATION_BYTES + length)?;
        let text = core::str::from_utf8(&self.rest()[..length]).map_err(|_| self.error(Malformation::Text))?;
        self.at += length;
        Ok(text.into())
    }

    pub(super) fn nullable_string(&mut self) -> Result<Option<Arc<str>>> {
        let length = self.length(|reader| reader.i16().map(i32::from))?;
        length.map(|length| self.text(length)).transpose()
    }

    pub(super) fn string(&mut self) -> Result<Arc<str>> {
        self.nullable_string()?.ok_or(self.error(Malformation::Null))
    }

    /// A topic's name, or its id in versions that have ids instead of names; the other is empty.
    pub(super) fn topic(&mut self, api: ApiKey, version: i16) -> Result<(Arc<str>, TopicId)> {
        if says_topics_by_id(api, version) {
            self.charge(ALLOCATION_BYTES)?;
            return Ok(("".into(), self.topic_id()?));
        }
        Ok((self.string()?, TopicId::default()))
    }

    /// Bytes shared with the frame; null counts as none.
    pub(super) fn bytes(&mut self) -> Result<Bytes> {
        let length = self.length(Self::i32)?.unwrap_or(0);
        let bytes = self.frame.slice(self.at..self.at + length);
        self.at += length;
        Ok(bytes)
    }

    pub(super) fn nullable_array<T>(&mut self, element: impl FnMut(&mut Self) -> Result<T>) -> Result<Option<Vec<T>>> {
        let count = self.length(Self::i32)?;
        count.map(|count| self.elements(count, element)).transpose()
    }

    pub(super) fn array<T>(&mut self, element: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        self.nullable_array(element)?.ok_or(self.error(Malformation::Null))
    }

    fn elements<T>(&mut self, count: usize, mut element: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        // A vector that grows has at most twice the room it needs.
        self.charge(ALLOCATION_BYTES + 2 * count.saturating_mul(size_of::<T>()))?;
        let mut elements = Vec::with_capacity(count.min(TRUSTED_COUNT));
        for _ in 0..count {
            elements.push(element(self)?);
        }
        Ok(elements)
    }

    /// Ends a structure: passes over its tagged fields, if the form has any.
    pub(super) fn end_struct(&mut self) -> Result<()> {
        self.tagged(|_, _| Ok(()))
    }

    /// Ends a structure whose tagged fields are of interest: `field` is called with each tag and a reader that sees only
    /// that field. What it leaves unread is passed over: later versions may add to it.
    pub(super) fn tagged(&mut self, mut field: impl FnMut(usize, &mut Self) -> Result<()>) -> Result<()> {
        if !self.flexible {
            return Ok(());
        }
        let count = self.unsigned_varint()?;
        let end_of_frame = self.end;
        for _ in 0..count {
            let tag = self.unsigned_varint()?;
            let size = self.unsigned_varint()?;
            if size > end_of_frame - self.at {
                return Err(self.error(Malformation::CutShort));
            }
            let end_of_field = self.at + size;
            self.end = end_of_field;
            field(tag, self)?;
            (self.at, self.end) = (end_of_field, end_of_frame);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(frame: &Bytes, flexible: bool) -> Reader<'_> {
        Reader { flexible, ..Reader::new(frame) }
    }

    #[test]
    fn a_count_larger_than_the_frame_is_refused_before_anything_is_allocated() {
        let fixed = Bytes::from_static(&[0x7f, 0xff, 0xff, 0xff, 1]);
        assert_eq!(reader(&fixed, false).array(Reader::i8), Err(WireError { at: 4, what: Malformation::CutShort }));
        let compact = Bytes::from_static(&[0xff, 0xff, 0xff, 0xff, 0x0f, 1]);
        assert_eq!(reader(&compact, true).array(Reader::i8), Err(WireError { at: 5, what: Malformation::CutShort }));
    }

    #[test]
    fn elements_that_would_swell_in_memory_are_refused_even_when_they_are_there() {
        let frame = BytesOf(3_000_000).into();
        let decoded = reader(&frame, false).array(|reader| reader.i8().map(|_| [0_u64; 8]));
        assert_eq!(decoded.unwrap_err().what, Malformation::TooLarge);
    }

    /// A frame that holds a count and as many bytes.
    struct BytesOf(i32);

    impl From<BytesOf> for Bytes {
        fn from(BytesOf(count): BytesOf) -> Self {
            let mut frame = count.to_be_bytes().to_vec();
            frame.resize(4 + usize::try_from(count).unwrap(), 0);
            frame.into()
        }
    }

    #[test]
    fn null_and_empty_differ() {
        let frame = Bytes::from_static(&[0, 1, 2, b'a']);
        let mut reader = reader(&frame, true);
        assert_eq!(reader.nullable_string(), Ok(None));
        assert_eq!(reader.nullable_string(), Ok(Some("".into())));
        assert_eq!(reader.string(), Ok("a".into()));
        reader.finish().unwrap();
    }

    #[test]
    fn tagged_fields_are_shown_alone_and_passed_over_when_unknown() {
        // Two fields: tag 7 with two bytes, of which one is read; tag 9 with one byte, unknown. Then one more byte.
        let frame = Bytes::from_static(&[2, 7, 2, 42, 43, 9, 1, 44, 45]);
        let mut reader = reader(&frame, true);
        let mut seen = Vec::new();
        reader
            .tagged(|tag, field| {
                if tag == 7 {
                    seen.push(field.i8()?);
                }
                Ok(())
            })
            .unwrap();
        assert_eq!((seen, reader.i8()), (vec![42], Ok(45)));
        let cut = Bytes::from_static(&[1, 7, 2, 42]);
        assert_eq!(self::reader(&cut, true).end_struct().unwrap_err().what, Malformation::CutShort);
    }

    #[test]
    fn a_field_cannot_read_beyond_its_tagged_section() {
        let frame = Bytes::from_static(&[1, 7, 2, 42, 43, 0, 0]);
        let read = reader(&frame, true).tagged(|_, field| field.i32().map(|_| ()));
        assert_eq!(read.unwrap_err().what, Malformation::CutShort);
    }
}
