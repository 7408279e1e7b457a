//! confluent-kafka from PyPI: a librdkafka years younger than Debian's kcat.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use serde_json::Value;
use xtask::{process, tools, workspace};

use super::ConsumedRecord;

const VERSION: &str = "2.16.1";

/// Where librdkafka's default partitioner, `consistent_random`, puts a key: CRC-32 modulo the number of partitions.
///
/// # Panics
/// Without partitions.
pub fn partition_for_key(key: &[u8], partitions: u32) -> i32 {
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, key);
    i32::try_from(crc % u64::from(partitions)).expect("fewer partitions than 2³¹")
}

/// Produces `count` records `key-<n mod keys>` / `value-<n>` with an idempotent producer and waits for every delivery.
///
/// # Errors
/// When the package cannot be installed, or a delivery fails.
pub fn produce(bootstrap_servers: &str, topic: &str, count: u32, keys: u32) -> Result<()> {
    run(["produce", bootstrap_servers, topic, &count.to_string(), &keys.to_string()]).map(drop)
}

/// Reads every partition of the topic from its beginning to its end, sorted by partition and offset.
///
/// # Errors
/// When the package cannot be installed, or the consumer reports an error.
pub fn consume_all(bootstrap_servers: &str, topic: &str) -> Result<Vec<ConsumedRecord>> {
    Ok(consume_with_headers(bootstrap_servers, topic)?.into_iter().map(|(record, _)| record).collect())
}

/// As [`consume_all`], for a reader of this isolation level, `read_committed` or `read_uncommitted`.
///
/// # Errors
/// As [`consume_all`].
pub fn consume_isolated(bootstrap_servers: &str, topic: &str, isolation: &str) -> Result<Vec<ConsumedRecord>> {
    let text = run(["consume", bootstrap_servers, topic, isolation])?;
    let mut records = text.lines().map(super::read_json).collect::<Result<Vec<_>>>()?;
    records.sort();
    Ok(records)
}

/// Lives through transactions with this id, of 20 records `<transaction>-<n>` each, and tells what it met: an offset that
/// a group committed, the same after an aborted one, and how a zombie's commit ended.
///
/// # Errors
/// When the package cannot be installed, or anything else fails.
pub fn transactions(bootstrap_servers: &str, topic: &str, transactional_id: &str) -> Result<Vec<String>> {
    let text = run(["transactions", bootstrap_servers, topic, transactional_id])?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// Sends `count` numbered records with an idempotent producer, in transactions if it has an id, which `-` is not; or with
/// idempotence off, if that is `plain`. Gives what it was told of them, line by line: see `tests/java/Storm.java`.
///
/// # Errors
/// When the package cannot be installed, or the program ends with an error.
pub fn storm(bootstrap_servers: &str, topic: &str, count: usize, id: &str) -> Result<String> {
    run(["storm", bootstrap_servers, topic, &count.to_string(), id])
}

/// A record's headers in their order; a value of `None` is null.
pub type Headers = Vec<(String, Option<String>)>;

/// As [`consume_all`], with each record's headers.
///
/// # Errors
/// As [`consume_all`].
pub fn consume_with_headers(bootstrap_servers: &str, topic: &str) -> Result<Vec<(ConsumedRecord, Headers)>> {
    let text = run(["consume", bootstrap_servers, topic])?;
    let read = |line| Ok((super::read_json(line)?, headers(line)?));
    let mut records = text.lines().map(read).collect::<Result<Vec<_>>>()?;
    records.sort();
    Ok(records)
}

fn headers(line: &str) -> Result<Headers> {
    let json: Value = serde_json::from_str(line)?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let headers = json["headers"].as_array().with_context(|| format!("no headers in {line}"))?;
    headers.iter().map(|header| Ok((text(&header[0]).context("a name")?, text(&header[1])))).collect()
}

fn run<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Result<String> {
    tools::ensure(&[tools::PYTHON])?;
    let library = library()?;
    let script = workspace::root().join("tests/peers/confluent/peer.py");
    process::capture(Command::new("python3").arg(script).args(arguments).env("PYTHONPATH", library))
}

/// The folder with the package, fetched once.
fn library() -> Result<std::path::PathBuf> {
    workspace::cached(&format!("confluent-kafka-{VERSION}"), |folder| {
        let pip = |arguments: &[&str]| {
            let mut command = Command::new("python3");
            command.args(["-m", "pip"]).args(arguments);
            command
        };
        if process::capture(pip(&["--version"]).stderr(Stdio::null())).is_err() {
            tools::install(&["python3-pip"])?;
        }
        let folder = folder.to_str().context("the cache's path is not UTF-8")?;
        let package = format!("confluent-kafka=={VERSION}");
        // Into a folder of its own, not into the machine's Python.
        process::capture(&mut pip(&["install", "--quiet", "--no-cache-dir", "--target", folder, &package])).map(drop)
    })
}
