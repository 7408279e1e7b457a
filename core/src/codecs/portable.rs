//! Codecs in Rust alone: the same bytes on every target.

use super::{Codec, Codecs, Compression, DecompressError, decompress_up_to, gzip, lz4, snappy, zstd};

/// The codecs of simulations. gzip has its levels; the others have one each.
#[derive(Clone, Copy, Debug, Default)]
pub struct Portable;

impl Codecs for Portable {
    fn compress(&self, compression: Compression, records: &[u8], into: &mut Vec<u8>) {
        match compression.codec {
            Codec::Gzip => gzip::compress(records, compression.level, into),
            Codec::Snappy => snappy::compress(records, into),
            Codec::Lz4 => lz4::compress(records, into),
            Codec::Zstd => zstd::compress(records, into),
        }
    }

    fn decompress_own(&self, codec: i16, bytes: &[u8]) -> Result<Vec<u8>, DecompressError> {
        decompress_up_to(usize::MAX, codec, bytes)
    }
}
