//! The trace engine of Chromium's DevTools, from npm: the code with which its Performance panel loads a file.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use serde_json::Value;
use xtask::{process, tools, workspace};

use crate::npm;

const VERSION: &str = "0.0.65";

/// A track with slices on it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Track {
    /// Its process.
    pub pid: u64,
    /// Its thread.
    pub tid: u64,
    /// What DevTools calls it.
    pub name: String,
    /// How many slices it holds.
    pub slices: u64,
}

/// What DevTools finds in a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Tracks, in order of their numbers.
    pub tracks: Vec<Track>,
    /// Of every arrow, how many slices it connects.
    pub arrows: Vec<u64>,
}

/// Loads a file.
///
/// # Errors
/// When the engine cannot be installed, or does not take the trace.
pub fn load(trace: &Path) -> Result<Loaded> {
    tools::ensure(&[tools::NODE])?;
    let engine =
        npm::library("trace-engine", VERSION, &sources())?.join("@paulirish/trace_engine/models/trace/trace.js");
    let mut node = Command::new("node");
    node.arg(sources().join("load.mjs")).arg(engine).arg(trace);
    let found: Value = serde_json::from_str(&process::capture(&mut node)?)?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let track = |track: &Value| Track {
        pid: number(&track["pid"]),
        tid: number(&track["tid"]),
        name: track["name"].as_str().unwrap_or_default().to_owned(),
        slices: number(&track["slices"]),
    };
    let mut tracks: Vec<Track> = list(&found["tracks"]).iter().map(track).collect();
    tracks.sort();
    Ok(Loaded { tracks, arrows: list(&found["arrows"]).iter().map(number).collect() })
}

fn sources() -> PathBuf {
    workspace::root().join("tests/peers/devtools")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_pins_the_version_and_its_checksum() {
        npm::check_lock("@paulirish/trace_engine", VERSION, &sources());
    }
}
