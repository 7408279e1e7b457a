//! LZ4 in its own frame, with the flags of `Lz4BlockOutputStream`: independent blocks, no checksums, no content size.

use lz4_flex::block::{compress_into, get_maximum_output_size};
use lz4_flex::frame::FrameDecoder;

use super::{DecompressError, read_all};

/// Magic, version 1 with independent blocks, blocks of at most 64 KiB, and the checksum of these two.
const HEADER: [u8; 7] = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82];
const END_MARK: [u8; 4] = [0; 4];
/// In a block's length: it is stored as it was.
const STORED: u32 = 1 << 31;
/// Bit of the flags: no block refers to one before it. Kafka reads no others.
const INDEPENDENT: u8 = 1 << 5;
const FLAGS_AT: usize = 4;

/// The frame's block, before compressing.
pub const BLOCK_BYTES: usize = 64 * 1024;

/// From here on `lz4_flex` hashes by the target's width, and another target would find other matches.
const PORTABLE_BLOCK_BYTES: usize = u16::MAX as usize - 1;

/// Writes a frame whose blocks hold `block_bytes` each, at most [`BLOCK_BYTES`]. `compress_block` appends a block,
/// compressed; one that did not shrink is stored.
pub fn write_frame(
    records: &[u8],
    block_bytes: usize,
    into: &mut Vec<u8>,
    mut compress_block: impl FnMut(&[u8], &mut Vec<u8>),
) {
    into.extend_from_slice(&HEADER);
    for block in records.chunks(block_bytes.min(BLOCK_BYTES)) {
        let length_at = into.len();
        into.extend_from_slice(&END_MARK);
        compress_block(block, into);
        let body_at = length_at + END_MARK.len();
        let mut length = (into.len() - body_at) as u32;
        if into.len() - body_at >= block.len() {
            into.truncate(body_at);
            into.extend_from_slice(block);
            // At most 64 KiB.
            length = block.len() as u32 | STORED;
        }
        into[length_at..body_at].copy_from_slice(&length.to_le_bytes());
    }
    into.extend_from_slice(&END_MARK);
}

pub(super) fn compress(records: &[u8], into: &mut Vec<u8>) {
    write_frame(records, PORTABLE_BLOCK_BYTES, into, |block, into| {
        let begin = into.len();
        into.resize(begin + get_maximum_output_size(block.len()), 0);
        let written = compress_into(block, &mut into[begin..]).expect("there is room for the worst case");
        into.truncate(begin + written);
    });
}

/// Unlike Kafka's, this reader believes no content checksum and no content size that is wrong.
pub(super) fn decompress(bytes: &[u8], most: usize) -> Result<Vec<u8>, DecompressError> {
    match bytes.get(FLAGS_AT) {
        Some(flags) if flags & INDEPENDENT != 0 && has_end_mark(bytes, *flags).is_some() => {
            read_all(FrameDecoder::new(bytes), most)
        }
        _ => Err(DecompressError::Damaged),
    }
}

/// Walks over the blocks to the end mark, of whose absence the decoder makes nothing.
fn has_end_mark(bytes: &[u8], flags: u8) -> Option<()> {
    const BLOCK_CHECKSUM: u8 = 1 << 4;
    const CONTENT_SIZE: u8 = 1 << 3;
    let mut at = HEADER.len() + if flags & CONTENT_SIZE == 0 { 0 } else { 8 };
    let checksum_len = if flags & BLOCK_CHECKSUM == 0 { 0 } else { 4 };
    loop {
        let length = u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?) & !STORED;
        if length == 0 {
            return Some(());
        }
        at = at.checked_add(END_MARK.len() + usize::try_from(length).ok()? + checksum_len)?;
    }
}
