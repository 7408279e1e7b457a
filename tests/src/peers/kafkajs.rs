//! kafkajs, a client in JavaScript alone, from npm.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
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

/// The client waits for something that does not come: it has settled no call for two minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stuck;

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("kafkajs has settled no call for two minutes")
    }
}

impl Error for Stuck {}

/// What the program ends with then.
const STUCK: i32 = 75;

/// As [`confluent::storm`](super::confluent::storm).
///
/// # Errors
/// When the package cannot be installed, or the program ends with an error; [`Stuck`].
pub fn storm(bootstrap_servers: &str, topic: &str, count: usize, id: &str, calls: Calls) -> Result<String> {
    tools::ensure(&[tools::NODE])?;
    let calls = match calls {
        Calls::OnePartition => "each",
        Calls::Mixed => "mixed",
    };
    let arguments = ["storm", bootstrap_servers, topic, &count.to_string(), id, calls];
    let mut program = Command::new("node");
    program
        .arg(sources().join("peer.js"))
        .args(arguments)
        .env("NODE_PATH", npm::library("kafkajs", VERSION, &sources())?);
    process::capture(&mut program).map_err(stuck_if_it_says_so)
}

fn stuck_if_it_says_so(error: anyhow::Error) -> anyhow::Error {
    let status = error.downcast_ref().and_then(|failed: &process::CommandFailed| failed.status.code());
    if status == Some(STUCK) { Stuck.into() } else { error }
}

fn sources() -> PathBuf {
    workspace::root().join("tests/peers/kafkajs")
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn a_client_that_is_stuck_is_told_from_one_that_failed() {
        for (status, is_stuck) in [(STUCK, true), (1, false)] {
            let ended = process::capture(Command::new("sh").args(["-c", &format!("exit {status}")]));
            let error = ended.map_err(stuck_if_it_says_so).context("kafkajs").expect_err("it failed");
            assert_eq!(error.is::<Stuck>(), is_stuck, "{error:#}");
        }
    }

    #[test]
    fn the_lock_file_pins_the_version_and_its_checksum() {
        npm::check_lock("kafkajs", VERSION, &sources());
    }
}
