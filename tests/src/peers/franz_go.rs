//! franz-go, the Go client, built from `tests/peers/franz-go`.

use std::process::Command;

use anyhow::Result;
use xtask::{process, tools, workspace};

use super::ConsumedRecord;

/// Produces `count` records `key-<n mod keys>` / `value-<n>` with its (idempotent) producer and waits for every one.
///
/// # Errors
/// When the peer does not build, or a delivery fails.
pub fn produce(bootstrap_servers: &str, topic: &str, count: u32, keys: u32) -> Result<()> {
    run(&["produce", bootstrap_servers, topic, &count.to_string(), &keys.to_string()]).map(drop)
}

/// Reads `count` records of the topic from its beginning, sorted by partition and offset.
///
/// # Errors
/// When the peer does not build, or fewer records come within 30 seconds.
pub fn consume(bootstrap_servers: &str, topic: &str, count: usize) -> Result<Vec<ConsumedRecord>> {
    let text = run(&["consume", bootstrap_servers, topic, &count.to_string()])?;
    let mut records = text.lines().map(super::read_json).collect::<Result<Vec<_>>>()?;
    records.sort();
    Ok(records)
}

fn run(arguments: &[&str]) -> Result<String> {
    tools::ensure(&[tools::GO])?;
    let binary = workspace::target_dir().join("peers/franz-go");
    // Go keeps what it has compiled: a second build takes a moment.
    process::capture(
        Command::new("go")
            .args(["build", "-o"])
            .arg(&binary)
            .arg(".")
            .current_dir(workspace::root().join("tests/peers/franz-go")),
    )?;
    process::capture(Command::new(binary).args(arguments))
}
