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
    consume_isolated(bootstrap_servers, topic, count, "read_uncommitted")
}

/// As [`consume`], for a reader of this isolation level, `read_committed` or `read_uncommitted`.
///
/// # Errors
/// As [`consume`].
pub fn consume_isolated(
    bootstrap_servers: &str,
    topic: &str,
    count: usize,
    isolation: &str,
) -> Result<Vec<ConsumedRecord>> {
    let text = run(&["consume", bootstrap_servers, topic, &count.to_string(), isolation])?;
    let mut records = text.lines().map(super::read_json).collect::<Result<Vec<_>>>()?;
    records.sort();
    Ok(records)
}

/// Lives through transactions with this id, of 20 records `<transaction>-<n>` each, and tells how a zombie's commit ended.
///
/// # Errors
/// When the peer does not build, or anything else fails.
pub fn transactions(bootstrap_servers: &str, topic: &str, transactional_id: &str) -> Result<Vec<String>> {
    let text = run(&["transactions", bootstrap_servers, topic, transactional_id])?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// As [`confluent::storm`](super::confluent::storm).
///
/// # Errors
/// When the peer does not build, or ends with an error.
pub fn storm(bootstrap_servers: &str, topic: &str, count: usize, id: &str) -> Result<String> {
    run(&["storm", bootstrap_servers, topic, &count.to_string(), id])
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
