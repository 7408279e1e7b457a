//! Frames: a length and as many bytes, cut from what a socket gives and handed to what a socket takes.

use core::fmt;
use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

use super::error::EncodeError;

/// Longest frame taken from a peer, its length field not counted: Kafka's default of `socket.request.max.bytes`.
pub const MAX_FRAME_BYTES: usize = 104_857_600;

const LENGTH_BYTES: usize = 4;

/// A length that no Kafka peer sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// Below zero.
    Negative(i32),
    /// Above the limit. Peers that do not speak Kafka end here: what they say first is read as a length.
    TooLong {
        /// What the length field says.
        claimed_bytes: i32,
        /// The limit.
        limit_bytes: usize,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Negative(length) => write!(f, "frame length {length} is negative: the peer does not speak Kafka"),
            Self::TooLong { claimed_bytes, limit_bytes } => {
                write!(f, "frame length {claimed_bytes} exceeds {limit_bytes}: the peer does not speak Kafka")
            }
        }
    }
}

impl std::error::Error for FrameError {}

/// Takes the next whole frame, without its length, off the front of what has been read from a socket so far.
/// `None`: it has not arrived in full; read more and ask again. Nothing is copied, and nothing is reserved for a length
/// that is only claimed.
///
/// # Errors
/// A length below zero or above `limit_bytes`; the connection is of no use any more.
pub fn take_frame(received: &mut BytesMut, limit_bytes: usize) -> Result<Option<Bytes>, FrameError> {
    let Some(&length) = received.first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
    let length = i32::from_be_bytes(length);
    let frame_bytes = usize::try_from(length).map_err(|_| FrameError::Negative(length))?;
    if frame_bytes > limit_bytes {
        return Err(FrameError::TooLong { claimed_bytes: length, limit_bytes });
    }
    if received.len() < LENGTH_BYTES + frame_bytes {
        return Ok(None);
    }
    received.advance(LENGTH_BYTES);
    Ok(Some(received.split_to(frame_bytes).freeze()))
}

/// A frame on its way out: buffers to be written one after the other, length field included.
///
/// As a [`Buf`] it offers all of them to one vectored write, so that batches go from the producer's memory to the
/// socket without a copy in between; tokio's `write_all_buf` does that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    buffers: VecDeque<Bytes>,
    remaining: usize,
}

impl Frame {
    /// Fills the length into `head`, which begins with room for it, and cuts it at `cuts`, where `batches` belong.
    pub(super) fn assemble(
        mut head: BytesMut,
        cuts: impl ExactSizeIterator<Item = (usize, Bytes)> + Clone,
    ) -> Result<Self, EncodeError> {
        let remaining = head.len() + cuts.clone().map(|(_, batch)| batch.len()).sum::<usize>();
        let length = i32::try_from(remaining - LENGTH_BYTES).map_err(|_| EncodeError::TooLarge { bytes: remaining })?;
        head[..LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
        let mut head = head.freeze();
        let mut buffers = VecDeque::with_capacity(2 * cuts.len() + 1);
        let mut cut_before = 0;
        for (cut, batch) in cuts {
            buffers.push_back(head.split_to(cut - cut_before));
            buffers.push_back(batch);
            cut_before = cut;
        }
        buffers.push_back(head);
        buffers.retain(|buffer| !buffer.is_empty());
        Ok(Self { buffers, remaining })
    }

    /// A frame in one piece, which begins with room for its length.
    pub(super) fn whole(frame: BytesMut) -> Result<Self, EncodeError> {
        Self::assemble(frame, core::iter::empty())
    }

    /// What is left to be written, in order.
    pub fn buffers(&self) -> impl ExactSizeIterator<Item = &Bytes> {
        self.buffers.iter()
    }

    /// Bytes left to be written.
    pub fn len_bytes(&self) -> usize {
        self.remaining
    }
}

impl Buf for Frame {
    fn remaining(&self) -> usize {
        self.remaining
    }

    fn chunk(&self) -> &[u8] {
        self.buffers.front().map_or(&[], |buffer| buffer)
    }

    fn chunks_vectored<'a>(&'a self, into: &mut [IoSlice<'a>]) -> usize {
        let filled = into.len().min(self.buffers.len());
        for (slot, buffer) in into.iter_mut().zip(&self.buffers) {
            *slot = IoSlice::new(buffer);
        }
        filled
    }

    fn advance(&mut self, mut written: usize) {
        self.remaining = self.remaining.checked_sub(written).expect("no more is written than there was");
        while let Some(front) = self.buffers.front_mut() {
            if written < front.len() {
                front.advance(written);
                return;
            }
            written -= front.len();
            self.buffers.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three_pieces() -> Frame {
        let head = BytesMut::from(&[0, 0, 0, 0, 1, 2, 3][..]);
        Frame::assemble(head, [(6, Bytes::from_static(b"batch"))].into_iter()).unwrap()
    }

    #[test]
    fn the_length_counts_what_follows_it_and_batches_stand_where_they_belong() {
        let frame = three_pieces();
        assert_eq!(frame.len_bytes(), 12);
        assert_eq!(frame.buffers().collect::<Vec<_>>(), [&b"\0\0\0\x08\x01\x02"[..], b"batch", b"\x03"]);
    }

    #[test]
    fn however_a_socket_takes_a_frame_its_bytes_come_in_order() {
        for step in 1..=12 {
            let (mut frame, mut written) = (three_pieces(), Vec::new());
            while frame.has_remaining() {
                let mut slices = [IoSlice::new(&[]); 8];
                let filled = frame.chunks_vectored(&mut slices);
                let offered = slices[..filled].iter().flat_map(|slice| slice.iter().copied());
                let taken: Vec<u8> = offered.take(step).collect();
                frame.advance(taken.len());
                written.extend(taken);
            }
            assert_eq!(written, b"\0\0\0\x08\x01\x02batch\x03", "{step} bytes at a time");
        }
    }

    #[test]
    fn frames_are_cut_as_they_arrive() {
        let mut received = BytesMut::new();
        let mut frames = Vec::new();
        for byte in *b"\0\0\0\x02ab\0\0\0\0\0\0\0\x01c" {
            received.extend_from_slice(&[byte]);
            frames.extend(take_frame(&mut received, 2).unwrap());
        }
        assert_eq!(frames, [&b"ab"[..], b"", b"c"]);
    }

    #[test]
    fn lengths_that_no_kafka_peer_sends_are_refused_before_their_bytes_arrive() {
        let take = |bytes: &[u8]| take_frame(&mut BytesMut::from(bytes), MAX_FRAME_BYTES);
        assert_eq!(take(b"HTTP"), Err(FrameError::TooLong { claimed_bytes: 0x4854_5450, limit_bytes: 104_857_600 }));
        assert_eq!(take(&[0xff; 4]), Err(FrameError::Negative(-1)));
        assert_eq!(take(&[0x06, 0x40, 0, 0]), Ok(None), "the limit itself is allowed");
        assert_eq!(take(&[0, 0, 0]), Ok(None));
    }
}
