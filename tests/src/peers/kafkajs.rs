//! kafkajs, a client in JavaScript alone, from npm.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use xtask::{process, tools, workspace};

use crate::npm;

const VERSION: &str = "2.2.4";

/// How a program hands its records over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    /// Each call of `send` names one partition.
    OnePartition,
    /// A call has records of any partition.
    Mixed,
}

/// As [`confluent::storm`](super::confluent::storm).
///
/// # Errors
/// When the package cannot be installed, or the program ends with an error, as it does when the client settles no call
/// for two minutes.
pub fn storm(bootstrap_servers: &str, topic: &str, count: usize, id: &str, calls: Calls) -> Result<String> {
    let calls = match calls {
        Calls::OnePartition => "each",
        Calls::Mixed => "mixed",
    };
    run("peer.js", &["storm", bootstrap_servers, topic, &count.to_string(), id, calls])
}

/// What became of the records for one partition, sent after the cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AfterCut {
    /// Calls of `send` that were answered.
    pub answered: usize,
    /// Records that the partition has since.
    pub stored: usize,
}

/// How many records [`send_after_cut`] sends to each partition.
pub const SENT_AFTER_CUT: usize = 20;

/// Has one broker's connections cut while the client waits for metadata from another one, and sends records then, one in
/// each call, to one partition of each broker. The program calls the brokers' machine by this name.
///
/// # Errors
/// When the package cannot be installed, or a call fails.
pub fn send_after_cut(bootstrap_servers: &str, topic: &str, name: &str) -> Result<Vec<AfterCut>> {
    let text = run("renamed.js", &[bootstrap_servers, topic, name, &SENT_AFTER_CUT.to_string()])?;
    text.lines().map(|line| read(line).with_context(|| format!("the peer wrote {line:?}"))).collect()
}

fn read(line: &str) -> Result<AfterCut> {
    let (answered, stored) = line.split_once(' ').context("two numbers")?;
    Ok(AfterCut { answered: answered.parse()?, stored: stored.parse()? })
}

fn run(program: &str, arguments: &[&str]) -> Result<String> {
    tools::ensure(&[tools::NODE])?;
    let library = npm::library("kafkajs", VERSION, &sources())?;
    process::capture(Command::new("node").arg(sources().join(program)).args(arguments).env("NODE_PATH", library))
}

fn sources() -> PathBuf {
    workspace::root().join("tests/peers/kafkajs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_pins_the_version_and_its_checksum() {
        npm::check_lock("kafkajs", VERSION, &sources());
    }
}
