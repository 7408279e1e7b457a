//! The core alone as a wasm module: it imports nothing, and one scripted run gives the same trace as natively.
//!
//! Built for wasm32 it exports [`trace_hash`]; natively the cross tests call the same functions.

mod run;

pub use run::{Outcome, RECORDS, scripted_run};

/// The hash of the whole trace of [`scripted_run`].
#[expect(unsafe_code, reason = "an export of a module without bindings has a name, and naming it counts as unsafe")]
#[unsafe(no_mangle)]
pub extern "C" fn trace_hash(seed: u64) -> u64 {
    scripted_run(seed).trace_hash
}
