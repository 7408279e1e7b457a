//! The codecs of simulations behind plain exports, for a page whose own module is too small for them.
//!
//! The module imports nothing. Bytes go through its memory: ask for room with [`input`], write there, call [`compress`] or
//! [`decompress`], and read what [`output`] points to. Both places are good until the next call.

use std::cell::RefCell;

use producer_core::codecs::{self, Codec, Codecs as _, Compression, DecompressError, Portable};

thread_local! {
    static INPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static OUTPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Room for so many bytes.
#[expect(unsafe_code, reason = "an export of a module without bindings has a name, and naming it counts as unsafe")]
#[unsafe(no_mangle)]
pub extern "C" fn input(len: usize) -> *mut u8 {
    INPUT.with_borrow_mut(|input| {
        *input = vec![0; len];
        input.as_mut_ptr()
    })
}

/// Where the result of the last call is.
#[expect(unsafe_code, reason = "an export of a module without bindings has a name, and naming it counts as unsafe")]
#[unsafe(no_mangle)]
pub extern "C" fn output() -> *const u8 {
    OUTPUT.with_borrow(|output| output.as_ptr())
}

/// Compresses the input with the codec of this number ([`Codec::number`]). Gives the length of the result; −1: there is
/// no such codec.
#[expect(unsafe_code, reason = "an export of a module without bindings has a name, and naming it counts as unsafe")]
#[unsafe(no_mangle)]
pub extern "C" fn compress(codec: i32, level: i32) -> i32 {
    let Some(codec) = Codec::ALL.into_iter().find(|known| i32::from(known.number()) == codec) else { return -1 };
    let mut compressed = Vec::new();
    Portable.compress(Compression { codec, level }, &INPUT.take(), &mut compressed);
    put(compressed)
}

/// Decompresses the input. Gives the length of the result; −1: there is no such codec, −2: the bytes are damaged, −3: they
/// stand for too many ([`codecs::MAX_DECOMPRESSED`]).
#[expect(unsafe_code, reason = "an export of a module without bindings has a name, and naming it counts as unsafe")]
#[unsafe(no_mangle)]
pub extern "C" fn decompress(codec: i32) -> i32 {
    let codec = i16::try_from(codec).unwrap_or_default();
    match codecs::decompress(codec, &INPUT.take()) {
        Ok(records) => put(records),
        Err(DecompressError::NoCodec) => -1,
        Err(DecompressError::Damaged) => -2,
        Err(DecompressError::TooLarge) => -3,
    }
}

/// A batch has less than 2³¹ bytes, and so has what codecs make of it.
fn put(result: Vec<u8>) -> i32 {
    let len = i32::try_from(result.len()).unwrap_or(i32::MAX);
    OUTPUT.set(result);
    len
}
