//! gzip: a member of RFC 1952 around deflated bytes.

use crc::{CRC_32_ISO_HDLC, Crc, Table};
use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_with_limit};

use super::DecompressError;

/// Magic, deflate, no flags, no time, no extra flags; 255: of an unknown operating system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
/// CRC and length.
const TRAILER_LEN: usize = 8;

/// zlib's own default, which −1 stands for.
const DEFAULT_LEVEL: u8 = 6;

static CRC: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISO_HDLC);

pub(super) fn compress(records: &[u8], level: i32, into: &mut Vec<u8>) {
    let level = u8::try_from(level).unwrap_or(DEFAULT_LEVEL);
    into.extend_from_slice(&HEADER);
    into.extend_from_slice(&compress_to_vec(records, level));
    into.extend_from_slice(&CRC.checksum(records).to_le_bytes());
    // The length modulo 2³², says the RFC.
    into.extend_from_slice(&(records.len() as u32).to_le_bytes());
}

/// Reads one member with any of the optional fields.
pub(super) fn decompress(bytes: &[u8], most: usize) -> Result<Vec<u8>, DecompressError> {
    let body = after_header(bytes).ok_or(DecompressError::Damaged)?;
    let end = body.len().checked_sub(TRAILER_LEN).ok_or(DecompressError::Damaged)?;
    let (deflated, trailer) = body.split_at(end);
    let records = decompress_to_vec_with_limit(deflated, most).map_err(|error| match error.status {
        TINFLStatus::HasMoreOutput => DecompressError::TooLarge,
        _ => DecompressError::Damaged,
    })?;
    let (crc, len) = (CRC.checksum(&records).to_le_bytes(), (records.len() as u32).to_le_bytes());
    if *trailer == [crc, len].concat() { Ok(records) } else { Err(DecompressError::Damaged) }
}

fn after_header(bytes: &[u8]) -> Option<&[u8]> {
    const CHECKSUM: u8 = 2;
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    let (header, mut rest) = bytes.split_at_checked(HEADER.len())?;
    if header[..3] != HEADER[..3] {
        return None;
    }
    let flags = header[3];
    if flags & EXTRA != 0 {
        let len = u16::from_le_bytes(*rest.first_chunk()?);
        rest = rest.get(2 + usize::from(len)..)?;
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            rest = &rest[rest.iter().position(|&byte| byte == 0)? + 1..];
        }
    }
    rest.get(if flags & CHECKSUM == 0 { 0 } else { 2 }..)
}
