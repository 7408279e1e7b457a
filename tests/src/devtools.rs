//! The trace engine of Chromium's DevTools, from npm: the code with which its Performance panel loads a file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use serde_json::Value;
use xtask::{process, tools, workspace};

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
    let engine = library()?.join("@paulirish/trace_engine/models/trace/trace.js");
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

/// The folder with the package, whose version and checksum `package-lock.json` names; fetched once.
fn library() -> Result<PathBuf> {
    // Tests side by side would fetch it into one folder.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let package = workspace::cached(&format!("trace-engine-{VERSION}"), |folder| {
        tools::ensure(&[tools::NPM])?;
        for file in ["package.json", "package-lock.json"] {
            fs::copy(sources().join(file), folder.join(file))?;
        }
        let options = ["ci", "--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts"];
        process::run(Command::new("npm").args(options).current_dir(folder))
    })?;
    Ok(package.join("node_modules"))
}

fn sources() -> PathBuf {
    workspace::root().join("tests/peers/devtools")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_pins_the_version_and_its_checksum() {
        let lock = fs::read_to_string(sources().join("package-lock.json")).expect("a file");
        let lock: Value = serde_json::from_str(&lock).expect("JSON");
        let package = &lock["packages"]["node_modules/@paulirish/trace_engine"];
        assert_eq!(package["version"], VERSION);
        assert!(package["integrity"].as_str().is_some_and(|sum| sum.starts_with("sha512-")), "{package}");
    }
}
