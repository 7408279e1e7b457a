//! What batches are compressed with (`CompressionType`): gzip, snappy, lz4 and zstd, each in the framing that Kafka's
//! clients and brokers read.
//!
//! Who drives a producer says who compresses for it: [`Codecs`]. Simulations keep to [`Portable`], which is Rust alone and
//! writes the same bytes on every target, so that traces stay equal; a driver of sockets brings faster ones, with all
//! levels. Decompressing has one result whoever does it, and is [`decompress`].
//!
//! Without the feature `compression` this build carries none of them: a driver that wants to compress brings them from
//! elsewhere, as the page does, which fetches them in a module of their own when they are first asked for.

#[cfg(feature = "compression")]
mod gzip;
#[cfg(feature = "compression")]
pub mod lz4;
#[cfg(feature = "compression")]
mod portable;
#[cfg(feature = "compression")]
mod snappy;
#[cfg(feature = "compression")]
mod zstd;

use core::fmt;

#[cfg(feature = "compression")]
pub use self::portable::Portable;

/// Most bytes that one batch's records are decompressed to. A broker reads them as a stream; here they are held at once, and
/// a megabyte may claim to be a thousand.
pub const MAX_DECOMPRESSED: usize = 64 * 1024 * 1024;

/// What the records of a batch are compressed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// A gzip member (RFC 1952).
    Gzip,
    /// Snappy blocks in the framing of snappy-java.
    Snappy,
    /// An LZ4 frame of independent blocks of 64 KiB (KIP-57).
    Lz4,
    /// A Zstandard frame (RFC 8878, KIP-110).
    Zstd,
}

impl Codec {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// As in `compression.type`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }

    /// As in the attributes of a batch.
    pub const fn number(self) -> i16 {
        match self {
            Self::Gzip => 1,
            Self::Snappy => 2,
            Self::Lz4 => 3,
            Self::Zstd => 4,
        }
    }

    /// The level that Kafka takes where none is given; `None`: there are no levels.
    pub const fn default_level(self) -> Option<i32> {
        match self {
            Self::Gzip => Some(-1),
            Self::Snappy => None,
            Self::Lz4 => Some(9),
            Self::Zstd => Some(3),
        }
    }

    /// Do the codecs of simulations heed its level? Only that of gzip: in Rust alone the others have one each.
    pub const fn has_levels_in_simulations(self) -> bool {
        matches!(self, Self::Gzip)
    }
}

/// A codec, and how hard it tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compression {
    /// Which codec.
    pub codec: Codec,
    /// Its level, in Kafka's terms (`compression.*.level`); without meaning for snappy.
    pub level: i32,
}

/// Somebody who compresses, and reads what others compressed.
pub trait Codecs: fmt::Debug + Send + Sync {
    /// Appends the records, compressed, to `into`.
    fn compress(&self, compression: Compression, records: &[u8], into: &mut Vec<u8>);

    /// As [`decompress`] does, which a build without codecs cannot do itself.
    ///
    /// # Errors
    /// As there.
    fn decompress(&self, codec: i16, bytes: &[u8]) -> Result<Vec<u8>, DecompressError> {
        decompress(codec, bytes)
    }

    /// As [`decompress`](Self::decompress), of what these codecs compressed themselves: a producer's own batches may be larger
    /// than anything that is believed of others. Codecs that cannot tell keep to the bound.
    ///
    /// # Errors
    /// As there.
    fn decompress_own(&self, codec: i16, bytes: &[u8]) -> Result<Vec<u8>, DecompressError> {
        self.decompress(codec, bytes)
    }
}

/// The codecs of simulations, on every target the same; `None` in a build without codecs, whose driver brings them.
pub fn simulated() -> Option<&'static dyn Codecs> {
    #[cfg(feature = "compression")]
    return Some(&Portable);
    #[cfg(not(feature = "compression"))]
    None
}

/// What batches are expected to shrink to after one that shrank to `observed` (`CompressionRatioEstimator`): bad news is
/// believed at once, good news in small steps. Both are compressed over uncompressed bytes of records.
pub fn next_ratio(estimated: f32, observed: f32) -> f32 {
    /// Most by which one batch lowers the estimate (`COMPRESSION_RATIO_IMPROVING_STEP`).
    const IMPROVING_STEP: f32 = 0.005;
    /// Least by which one batch raises it (`COMPRESSION_RATIO_DETERIORATE_STEP`).
    const DETERIORATE_STEP: f32 = 0.05;
    if observed > estimated {
        (estimated + DETERIORATE_STEP).max(observed)
    } else if observed < estimated {
        (estimated - IMPROVING_STEP).max(observed)
    } else {
        estimated
    }
}

/// Why compressed records cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecompressError {
    /// By this number of a codec there is none, or none in this build.
    NoCodec,
    /// The bytes are not what the codec writes.
    Damaged,
    /// There are more bytes than are believed, [`MAX_DECOMPRESSED`] unless said otherwise.
    TooLarge,
}

/// The records of a batch whose attributes name this codec, as they were before they were compressed.
///
/// # Errors
/// [`DecompressError`]. Nothing is allocated for bytes that are only claimed.
#[cfg(feature = "compression")]
pub fn decompress(codec: i16, bytes: &[u8]) -> Result<Vec<u8>, DecompressError> {
    decompress_up_to(MAX_DECOMPRESSED, codec, bytes)
}

/// [`decompress`], with another bound on the bytes of all records.
///
/// # Errors
/// As there.
#[cfg(feature = "compression")]
pub fn decompress_up_to(most: usize, codec: i16, bytes: &[u8]) -> Result<Vec<u8>, DecompressError> {
    match codec {
        1 => gzip::decompress(bytes, most),
        2 => snappy::decompress(bytes, most),
        3 => lz4::decompress(bytes, most),
        4 => zstd::decompress(bytes, most),
        _ => Err(DecompressError::NoCodec),
    }
}

/// See there; in this build there are no codecs.
///
/// # Errors
/// Always.
#[cfg(not(feature = "compression"))]
pub fn decompress(_codec: i16, _bytes: &[u8]) -> Result<Vec<u8>, DecompressError> {
    Err(DecompressError::NoCodec)
}

/// Reads to the end, up to so many bytes.
#[cfg(feature = "compression")]
fn read_all(from: impl std::io::Read, most: usize) -> Result<Vec<u8>, DecompressError> {
    use std::io::Read as _;

    let mut records = Vec::new();
    from.take((most as u64).saturating_add(1)).read_to_end(&mut records).map_err(|_| DecompressError::Damaged)?;
    if records.len() > most { Err(DecompressError::TooLarge) } else { Ok(records) }
}

#[cfg(all(test, feature = "compression"))]
mod tests;
