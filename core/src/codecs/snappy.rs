//! Snappy in the framing of snappy-java's streams (called xerial's): a header, then blocks, each behind its length.

use snap::raw::{Decoder, Encoder, decompress_len};

use super::DecompressError;

/// Magic, version 1, readable by version 1.
const HEADER: [u8; 16] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1];
const MAGIC_LEN: usize = 8;

/// `SnappyOutputStream`'s block, before compressing.
const BLOCK_BYTES: usize = 32 * 1024;

pub(super) fn compress(records: &[u8], into: &mut Vec<u8>) {
    into.extend_from_slice(&HEADER);
    let mut encoder = Encoder::new();
    for block in records.chunks(BLOCK_BYTES) {
        // Fails only where its room is too small or the block longer than 2³².
        let compressed = encoder.compress_vec(block).expect("a block of 32 KiB");
        let len = u32::try_from(compressed.len()).expect("a block grows by a sixth at most");
        into.extend_from_slice(&len.to_be_bytes());
        into.extend_from_slice(&compressed);
    }
}

/// Reads blocks in the framing, or one bare block, as `SnappyInputStream` does.
pub(super) fn decompress(bytes: &[u8], most: usize) -> Result<Vec<u8>, DecompressError> {
    let mut records = Vec::new();
    let Some(mut rest) = bytes.strip_prefix(&HEADER[..MAGIC_LEN]) else {
        read_block(bytes, &mut records, most)?;
        return Ok(records);
    };
    rest = rest.get(HEADER.len() - MAGIC_LEN..).ok_or(DecompressError::Damaged)?;
    while !rest.is_empty() {
        let (len, behind) = rest.split_first_chunk().ok_or(DecompressError::Damaged)?;
        let len = usize::try_from(u32::from_be_bytes(*len)).map_err(|_| DecompressError::Damaged)?;
        let (block, next) = behind.split_at_checked(len).ok_or(DecompressError::Damaged)?;
        read_block(block, &mut records, most)?;
        rest = next;
    }
    Ok(records)
}

fn read_block(block: &[u8], records: &mut Vec<u8>, most: usize) -> Result<(), DecompressError> {
    /// No byte of a block stands for more than this many: a copy of 64 takes three.
    const MOST_PER_BYTE: usize = 32;
    let claimed = decompress_len(block).map_err(|_| DecompressError::Damaged)?;
    if claimed > block.len().saturating_mul(MOST_PER_BYTE) {
        return Err(DecompressError::Damaged);
    }
    if claimed > most - records.len() {
        return Err(DecompressError::TooLarge);
    }
    records.extend(Decoder::new().decompress_vec(block).map_err(|_| DecompressError::Damaged)?);
    Ok(())
}
