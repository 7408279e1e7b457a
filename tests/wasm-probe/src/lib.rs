//! The core alone as a wasm module: it imports nothing, and one scripted run gives the same trace as natively.
//!
//! Built for wasm32 it exports [`trace_hash`] and, each with the feature it needs, `compressed_trace_hash`, `search_hash`, what
//! becomes of each demo and what is measured; natively the cross tests call the same functions.

#[cfg(feature = "demos")]
pub mod demos;
#[cfg(feature = "imported-codecs")]
mod imported;
#[cfg(feature = "bench")]
pub mod played;
mod run;
#[cfg(feature = "breaking")]
mod search;
#[cfg(feature = "bench")]
pub mod steady;

pub use run::{Outcome, RECORDS, compressed_run, scripted_run};
#[cfg(feature = "breaking")]
pub use search::{search, worlds};

/// Where FNV-1a begins.
const FNV: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a over more bytes.
fn fnv(so_far: u64, bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(so_far, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The hash of the whole trace of [`scripted_run`].
#[expect(unsafe_code, reason = "an export of a module without bindings has a name, and naming it counts as unsafe")]
#[unsafe(no_mangle)]
pub extern "C" fn trace_hash(seed: u64) -> u64 {
    scripted_run(seed).trace_hash
}

/// The hash of the whole trace of [`compressed_run`] with the codec of this number.
#[cfg(feature = "imported-codecs")]
#[expect(unsafe_code, reason = "an export of a module without bindings has a name, and naming it counts as unsafe")]
#[unsafe(no_mangle)]
pub extern "C" fn compressed_trace_hash(seed: u64, codec: i32) -> u64 {
    let codec = producer_core::codecs::Codec::ALL.into_iter().find(|known| i32::from(known.number()) == codec);
    compressed_run(seed, codec.expect("a codec's number").name()).trace_hash
}

/// The hash of everything that [`search`] comes to.
#[cfg(feature = "breaking")]
#[expect(unsafe_code, reason = "an export of a module without bindings has a name, and naming it counts as unsafe")]
#[unsafe(no_mangle)]
pub extern "C" fn search_hash(seed: u64) -> u64 {
    search::hash(&search(seed))
}

/// Plays so many worlds of [`worlds`], for whoever measures how long that takes; the number of them that held.
#[cfg(feature = "breaking")]
#[expect(unsafe_code, reason = "an export of a module without bindings has a name, and naming it counts as unsafe")]
#[unsafe(no_mangle)]
pub extern "C" fn worlds_held(seed: u64, count: u32) -> u32 {
    worlds(seed, count)
}
