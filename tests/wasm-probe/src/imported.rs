//! Codecs in a module beside this one: what the page does in JavaScript, `run.mjs` does for the probe.
#![expect(unsafe_code, reason = "functions of another module are foreign ones")]

use producer_core::codecs::{Codecs, Compression, DecompressError};

#[link(wasm_import_module = "codecs")]
unsafe extern "C" {
    /// Compresses bytes of ours; gives the length of the result.
    fn compress(codec: i32, level: i32, from: *const u8, len: usize) -> i32;
    /// Decompresses bytes of ours; gives the length of the result, or what is wrong.
    fn decompress(codec: i32, from: *const u8, len: usize) -> i32;
    /// Copies the last result here.
    fn take(into: *mut u8);
}

/// What simulations compress with in a build without codecs.
#[derive(Debug)]
pub(crate) struct Imported;

/// Appends the last result, of this length.
fn append(len: i32, into: &mut Vec<u8>) -> Option<()> {
    let begin = into.len();
    into.resize(begin + usize::try_from(len).ok()?, 0);
    // SAFETY: there is room for as many bytes as the result has.
    unsafe { take(into[begin..].as_mut_ptr()) };
    Some(())
}

impl Codecs for Imported {
    fn compress(&self, compression: Compression, records: &[u8], into: &mut Vec<u8>) {
        let codec = i32::from(compression.codec.number());
        // SAFETY: the bytes are there while they are read.
        let len = unsafe { compress(codec, compression.level, records.as_ptr(), records.len()) };
        append(len, into).expect("there is such a codec");
    }

    fn decompress(&self, codec: i16, bytes: &[u8]) -> Result<Vec<u8>, DecompressError> {
        // SAFETY: the bytes are there while they are read.
        let len = unsafe { decompress(codec.into(), bytes.as_ptr(), bytes.len()) };
        let mut records = Vec::new();
        append(len, &mut records).map(|()| records).ok_or(DecompressError::Damaged)
    }
}
