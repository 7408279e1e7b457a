//! Zstandard frames.

use ruzstd::decoding::StreamingDecoder;
use ruzstd::encoding::{CompressionLevel, compress as write_frame};

use super::{DecompressError, read_all};

/// The only level that `ruzstd` has.
pub(super) fn compress(records: &[u8], into: &mut Vec<u8>) {
    write_frame(records, into, CompressionLevel::Fastest);
}

pub(super) fn decompress(bytes: &[u8], most: usize) -> Result<Vec<u8>, DecompressError> {
    // To Kafka's reader, no frame at all is the end of one.
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    read_all(StreamingDecoder::new(bytes).map_err(|_| DecompressError::Damaged)?, most)
}
