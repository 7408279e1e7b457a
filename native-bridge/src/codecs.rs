//! The codecs with which the bridge and the library compress: fast, and at every level that Kafka's keys can name.

use std::cell::RefCell;
use std::io::Write as _;

use flate2::write::GzEncoder;
use lz4::block::{CompressionMode, compress_bound, compress_to_buffer};
use producer_core::codecs::lz4::{BLOCK_BYTES, write_frame};
use producer_core::codecs::{Codec, Codecs, Compression, DecompressError, Portable};
use zstd::bulk::Compressor;

/// For [`Producer::with_codecs`](producer_core::producer::Producer::with_codecs): zlib-rs for gzip, the C libraries for lz4
/// and zstd, and for snappy what simulations use.
#[derive(Clone, Copy, Debug, Default)]
pub struct NativeCodecs;

impl Codecs for NativeCodecs {
    fn compress(&self, compression: Compression, records: &[u8], into: &mut Vec<u8>) {
        let level = compression.level;
        match compression.codec {
            Codec::Gzip => gzip(records, level, into),
            Codec::Snappy => Portable.compress(compression, records, into),
            Codec::Lz4 => lz4(records, level, into),
            Codec::Zstd => zstd(records, level, into),
        }
    }

    fn decompress_own(&self, codec: i16, bytes: &[u8]) -> Result<Vec<u8>, DecompressError> {
        Portable.decompress_own(codec, bytes)
    }
}

fn gzip(records: &[u8], level: i32, into: &mut Vec<u8>) {
    // −1 is zlib's own default.
    let level = u32::try_from(level).map_or_else(|_| flate2::Compression::default(), flate2::Compression::new);
    let mut encoder = GzEncoder::new(into, level);
    encoder.write_all(records).and_then(|()| encoder.try_finish()).expect("a vector takes everything");
}

/// As in `Lz4BlockOutputStream`, 9 is the fast compressor, and every other level the one that tries hard.
fn lz4(records: &[u8], level: i32, into: &mut Vec<u8>) {
    let mode = if level == 9 { CompressionMode::DEFAULT } else { CompressionMode::HIGHCOMPRESSION(level) };
    write_frame(records, BLOCK_BYTES, into, |block, into| {
        let begin = into.len();
        into.resize(begin + compress_bound(block.len()).expect("a block of 64 KiB"), 0);
        let written =
            compress_to_buffer(block, Some(mode), false, &mut into[begin..]).expect("room for the worst case");
        into.truncate(begin + written);
    });
}

thread_local! {
    /// The compressor of this thread and its level. Making one costs more than compressing a small batch.
    static ZSTD: RefCell<Option<(i32, Compressor<'static>)>> = const { RefCell::new(None) };
}

fn zstd(records: &[u8], level: i32, into: &mut Vec<u8>) {
    ZSTD.with_borrow_mut(|known| {
        let (_, compressor) = match known {
            Some(known) if known.0 == level => known,
            other => other.insert((level, zstd_compressor(level))),
        };
        let begin = into.len();
        into.resize(begin + zstd::zstd_safe::compress_bound(records.len()), 0);
        let written = compressor.compress_to_buffer(records, &mut into[begin..]).expect("room for the worst case");
        into.truncate(begin + written);
    });
}

/// Writes frames as the Java client's stream does: without content size and checksum.
fn zstd_compressor(level: i32) -> Compressor<'static> {
    let mut compressor = Compressor::new(level).expect("zstd clamps a level to its bounds");
    compressor.include_contentsize(false).expect("a flag that zstd has");
    compressor
}

#[cfg(test)]
mod tests {
    use super::*;
    use producer_core::codecs::decompress;

    /// Records' worth of text that repeats itself with differences.
    fn sample() -> Vec<u8> {
        let order =
            |n: u32| format!("{{\"order\":{n},\"city\":\"서울\",\"total\":{}}}", n.wrapping_mul(2_654_435_761) >> 20);
        (0..2_500).flat_map(|n| order(n).into_bytes()).collect()
    }

    fn compressed(codec: Codec, level: i32) -> Vec<u8> {
        let mut into = b"header".to_vec();
        NativeCodecs.compress(Compression { codec, level }, &sample(), &mut into);
        assert_eq!(decompress(codec.number(), &into[6..]), Ok(sample()), "{codec:?} {level}");
        into.split_off(6)
    }

    #[test]
    fn every_level_that_a_key_can_name_is_read_back() {
        (1..=9).chain([-1]).for_each(|level| drop(compressed(Codec::Gzip, level)));
        (1..=17).for_each(|level| drop(compressed(Codec::Lz4, level)));
        [-131_072, -7, -1].into_iter().chain(0..=22).for_each(|level| drop(compressed(Codec::Zstd, level)));
        compressed(Codec::Snappy, 0);
    }

    #[test]
    fn levels_make_a_difference_and_lz4s_default_is_the_fast_one() {
        let size = |codec, level| compressed(codec, level).len();
        assert!(size(Codec::Gzip, 9) < size(Codec::Gzip, 1));
        assert_eq!(size(Codec::Gzip, -1), size(Codec::Gzip, 6));
        assert!(size(Codec::Zstd, 19) < size(Codec::Zstd, 3) && size(Codec::Zstd, 3) < size(Codec::Zstd, -7));
        assert!(size(Codec::Lz4, 1) < size(Codec::Lz4, 9), "the Java client's 9 packs worse than its 1");
    }

    #[test]
    fn zstd_frames_begin_as_the_java_clients() {
        // Magic, and a descriptor that announces neither content size nor checksum nor dictionary.
        assert_eq!(compressed(Codec::Zstd, 3)[..5], [0x28, 0xb5, 0x2f, 0xfd, 0x00]);
    }
}
