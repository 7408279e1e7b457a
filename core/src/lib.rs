//! A Kafka producer, and a Kafka cluster to try it on, without I/O.
//!
//! Nothing here owns a socket, a thread, a clock, a file or entropy: time ([`time::Now`]) and seeds are arguments,
//! results are return values. The same source runs natively behind tokio and as wasm in a page, and the same inputs
//! give the same bytes on both. `clippy.toml` beside this crate forbids the ways out.
//!
//! Read [`io`] first: it is the whole contract with drivers.

pub mod application;
pub mod breaking;
pub mod bridge;
pub mod caller;
pub mod checksum;
pub mod cluster;
pub mod codecs;
pub mod config;
pub mod error;
#[cfg(feature = "export")]
pub mod export;
pub mod ids;
pub mod io;
mod java_hash;
pub mod judge;
mod maps;
#[cfg(feature = "metrics")]
pub mod metrics;
pub mod murmur2;
#[cfg(planted)]
pub mod planted;
#[cfg(not(planted))]
mod planted;
pub mod playback;
pub mod player;
pub mod producer;
pub mod protocol;
pub mod record;
pub mod record_batch;
mod rng;
pub mod scenario;
pub mod scene;
pub mod serializer;
pub mod session;
pub mod simulation;
pub mod staging;
#[cfg(feature = "swarm")]
pub mod swarm;
pub mod time;
pub mod trace;
pub mod varint;
pub mod versions;
#[cfg(feature = "wire")]
pub mod wire;
