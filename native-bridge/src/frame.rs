//! Frames from a byte stream.

use std::io;

use bytes::{Bytes, BytesMut};
use producer_core::metrics::Traffic;
use producer_core::wire;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Room made for one read: Java's default `receive.buffer.bytes`.
const READ_BYTES: usize = 32 * 1024;

/// Why there is no next frame.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The length is none that a Kafka peer sends.
    #[error(transparent)]
    Length(#[from] wire::FrameError),
    /// The stream ended, between frames or inside one.
    #[error("the peer closed the connection")]
    Closed,
    /// The network broke.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Cuts a stream into frames. Memory grows with the bytes that arrive, never with the bytes that are announced, and up
/// to [`wire::MAX_FRAME_BYTES`] and one read.
#[derive(Debug)]
pub(crate) struct FrameReader<R> {
    stream: R,
    received: BytesMut,
    /// Not counted yet.
    reads: u64,
    read_bytes: u64,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub(crate) fn new(stream: R) -> Self {
        Self { stream, received: BytesMut::new(), reads: 0, read_bytes: 0 }
    }

    /// The next frame, without its length. Cancel safe: what was read is kept.
    pub(crate) async fn next(&mut self) -> Result<Bytes, ReadError> {
        loop {
            if let Some(frame) = wire::take_frame(&mut self.received, wire::MAX_FRAME_BYTES)? {
                return Ok(frame);
            }
            self.received.reserve(READ_BYTES);
            let read = self.stream.read_buf(&mut self.received).await?;
            if read == 0 {
                return Err(ReadError::Closed);
            }
            self.reads += 1;
            self.read_bytes += read as u64;
        }
    }

    /// Adds a frame, and what was read since this was asked last.
    pub(crate) fn count(&mut self, traffic: &mut Traffic) {
        traffic.responses += 1;
        traffic.reads += core::mem::take(&mut self.reads);
        traffic.read_bytes += core::mem::take(&mut self.read_bytes);
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    async fn frames_of(bytes: &[u8]) -> (Vec<Bytes>, ReadError) {
        let mut reader = FrameReader::new(bytes);
        let mut frames = Vec::new();
        loop {
            match reader.next().await {
                Ok(frame) => frames.push(frame),
                Err(error) => return (frames, error),
            }
        }
    }

    #[tokio::test]
    async fn frames_follow_each_other_in_one_read() {
        let (frames, end) = frames_of(b"\0\0\0\x04abcd\0\0\0\x05efghi").await;
        assert_eq!(frames, [&b"abcd"[..], b"efghi"]);
        assert!(matches!(end, ReadError::Closed));
    }

    #[tokio::test]
    async fn a_frame_that_comes_byte_by_byte_is_put_together() {
        let (mut near, far) = tokio::io::duplex(1);
        let writer = tokio::spawn(async move { near.write_all(b"\0\0\0\x04abcd").await });
        let frame = FrameReader::new(far).next().await.expect("whole");
        assert_eq!(frame, &b"abcd"[..]);
        writer.await.expect("no panic").expect("written");
    }

    /// Row 64: lengths below zero and of 2 GiB.
    #[tokio::test]
    async fn lengths_that_are_none_end_the_stream() {
        for length in [-1, i32::MIN, i32::MAX] {
            let mut bytes = length.to_be_bytes().to_vec();
            bytes.extend([0; 16]);
            let (frames, end) = frames_of(&bytes).await;
            assert!(frames.is_empty() && matches!(end, ReadError::Length(_)), "{length}: {end}");
        }
    }

    /// Row 64: the end at each byte.
    #[tokio::test]
    async fn an_end_at_any_byte_of_a_frame_is_a_closed_connection() {
        let whole = b"\0\0\0\x04abcd";
        for cut in 0..whole.len() {
            let (frames, end) = frames_of(&whole[..cut]).await;
            assert!(frames.is_empty() && matches!(end, ReadError::Closed), "cut after {cut} bytes");
        }
    }

    /// Row 64: no allocation by a claimed length.
    #[tokio::test]
    async fn an_announced_length_takes_no_memory() {
        let mut reader = FrameReader::new(&b"\x06\0\0\0ab"[..]);
        assert!(matches!(reader.next().await, Err(ReadError::Closed)));
        assert!(reader.received.capacity() <= 2 * READ_BYTES);
    }
}
