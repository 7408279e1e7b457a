//! A connection's bytes, read piece by piece: what is not looked at is never kept.

use std::io::{self, Read};

use super::invalid;

/// Stays in the processor's cache, whatever the size of a request.
const BUFFER_BYTES: usize = 256 * 1024;
/// Larger than the fixed parts of a request, and any topic's name.
const LONGEST_PIECE: usize = 64 * 1024;

/// Reads frames, and within a frame Kafka's types.
#[derive(Debug)]
pub(super) struct Source<R> {
    stream: R,
    buffer: Box<[u8]>,
    begin: usize,
    end: usize,
    /// Bytes of the frame that were not read yet.
    remaining: usize,
}

impl<R: Read> Source<R> {
    pub(super) fn new(stream: R) -> Self {
        Self { stream, buffer: vec![0; BUFFER_BYTES].into_boxed_slice(), begin: 0, end: 0, remaining: 0 }
    }

    /// Goes on to the next frame; `false`: the client has gone.
    pub(super) fn next_frame(&mut self) -> io::Result<bool> {
        if self.remaining > 0 {
            return Err(invalid("a request is longer than its fields"));
        }
        if self.begin == self.end && self.read_more()? == 0 {
            return Ok(false);
        }
        self.remaining = 4;
        let length = self.i32()?;
        self.remaining = usize::try_from(length).map_err(|_| invalid("a frame of negative length"))?;
        Ok(true)
    }

    fn read_more(&mut self) -> io::Result<usize> {
        if self.begin > 0 {
            self.buffer.copy_within(self.begin..self.end, 0);
            (self.begin, self.end) = (0, self.end - self.begin);
        }
        let read = self.stream.read(&mut self.buffer[self.end..])?;
        self.end += read;
        Ok(read)
    }

    /// The next `length` bytes of the frame, in one piece.
    pub(super) fn piece(&mut self, length: usize) -> io::Result<&[u8]> {
        if length > self.remaining || length > LONGEST_PIECE {
            return Err(invalid("a field is longer than its request"));
        }
        while self.end - self.begin < length {
            if self.read_more()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let begin = self.begin;
        self.begin += length;
        self.remaining -= length;
        Ok(&self.buffer[begin..self.begin])
    }

    /// Lets `look` see the next `length` bytes, in as many pieces as they arrive in.
    pub(super) fn pass(&mut self, length: usize, mut look: impl FnMut(&[u8])) -> io::Result<()> {
        if length > self.remaining {
            return Err(invalid("a field is longer than its request"));
        }
        self.remaining -= length;
        let mut left = length;
        while left > 0 {
            if self.begin == self.end && self.read_more()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let piece = left.min(self.end - self.begin);
            look(&self.buffer[self.begin..self.begin + piece]);
            self.begin += piece;
            left -= piece;
        }
        Ok(())
    }

    /// All that is left of the frame.
    pub(super) fn rest(&mut self) -> io::Result<Vec<u8>> {
        Ok(self.piece(self.remaining)?.to_vec())
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let piece = self.piece(N)?;
        Ok(piece.try_into().expect("as many as asked for"))
    }

    pub(super) fn i16(&mut self) -> io::Result<i16> {
        self.array().map(i16::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> io::Result<i32> {
        self.array().map(i32::from_be_bytes)
    }

    fn unsigned_varint(&mut self) -> io::Result<usize> {
        let mut value = 0;
        for shift in (0..35).step_by(7) {
            let [byte] = self.array()?;
            value |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(invalid("a varint of more than five bytes"))
    }

    /// The length of an array or of bytes; `None` is null. Flexible versions write one more than it is, as a varint.
    pub(super) fn length(&mut self, flexible: bool) -> io::Result<Option<usize>> {
        if flexible {
            return Ok(self.unsigned_varint()?.checked_sub(1));
        }
        Ok(usize::try_from(self.i32()?).ok())
    }

    /// A string that may be null; a request's header has it in the old form in every version.
    pub(super) fn string(&mut self, flexible: bool) -> io::Result<Option<String>> {
        let length = if flexible { self.length(true)? } else { usize::try_from(self.i16()?).ok() };
        let Some(length) = length else { return Ok(None) };
        let text = std::str::from_utf8(self.piece(length)?).map_err(|_| invalid("a string that is none"))?;
        Ok(Some(text.to_owned()))
    }

    /// Passes over the tagged fields that end every structure of a flexible version.
    pub(super) fn tagged_fields(&mut self, flexible: bool) -> io::Result<()> {
        if !flexible {
            return Ok(());
        }
        for _ in 0..self.unsigned_varint()? {
            self.unsigned_varint()?;
            let length = self.unsigned_varint()?;
            self.pass(length, |_| {})?;
        }
        Ok(())
    }
}
