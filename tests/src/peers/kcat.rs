//! kcat, which is librdkafka behind a command line.

use std::{
    collections::BTreeMap,
    io::Write as _,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use xtask::{process, tools};

use super::ConsumedRecord;

/// `kcat -L -J`: the cluster's metadata, as JSON.
///
/// # Errors
/// When kcat is missing and cannot be installed, or fails.
pub fn list(bootstrap_servers: &str) -> Result<Value> {
    tools::ensure(&[tools::KCAT])?;
    let text = process::capture(Command::new("kcat").args(["-b", bootstrap_servers, "-L", "-J", "-m", "20"]))?;
    Ok(serde_json::from_str(&text)?)
}

/// Produces records with these keys and values (no tab or line break in them), with further arguments such as
/// `-p 1` or `-X acks=1`.
///
/// # Errors
/// When kcat is missing and cannot be installed, or a delivery fails.
pub fn produce(bootstrap_servers: &str, topic: &str, records: &[(&str, &str)], arguments: &[&str]) -> Result<()> {
    tools::ensure(&[tools::KCAT])?;
    let mut child = Command::new("kcat")
        .args(["-b", bootstrap_servers, "-P", "-t", topic, "-K", "\t"])
        .args(arguments)
        .stdin(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().context("kcat's input is piped")?;
    for (key, value) in records {
        writeln!(stdin, "{key}\t{value}")?;
    }
    drop(stdin);
    let status = child.wait()?;
    ensure!(status.success(), "kcat could not produce to {topic}: {status}");
    Ok(())
}

/// Reads every partition of the topic from its beginning to its end, sorted by partition and offset.
///
/// # Errors
/// When kcat is missing and cannot be installed, or fails.
pub fn consume_all(bootstrap_servers: &str, topic: &str) -> Result<Vec<ConsumedRecord>> {
    let mut records =
        read_lines(bootstrap_servers, topic)?.lines().map(read_record).collect::<Result<Vec<ConsumedRecord>>>()?;
    records.sort();
    Ok(records)
}

/// A record's headers in order: keys, and values as text, `None` for null.
pub type Headers = Vec<(String, Option<String>)>;

/// The headers of every record of the topic, in the order of partitions and offsets.
///
/// # Errors
/// When kcat is missing and cannot be installed, or fails.
pub fn consume_headers(bootstrap_servers: &str, topic: &str) -> Result<Vec<Headers>> {
    let mut headers = BTreeMap::new();
    for line in read_lines(bootstrap_servers, topic)?.lines() {
        let json: Value = serde_json::from_str(line).with_context(|| format!("kcat wrote {line}"))?;
        // Keys and values take turns.
        let names_and_values = json["headers"].as_array().map(Vec::as_slice).unwrap_or_default();
        let pair = |pair: &[Value]| {
            let key = pair[0].as_str().with_context(|| format!("a header without a key in {line}"))?;
            anyhow::Ok((key.to_owned(), pair.get(1).and_then(Value::as_str).map(str::to_owned)))
        };
        let record = read_record(line)?;
        headers.insert((record.partition, record.offset), names_and_values.chunks(2).map(pair).collect::<Result<_>>()?);
    }
    Ok(headers.into_values().collect())
}

fn read_lines(bootstrap_servers: &str, topic: &str) -> Result<String> {
    tools::ensure(&[tools::KCAT])?;
    let mut command = Command::new("kcat");
    process::capture(command.args(["-b", bootstrap_servers, "-C", "-t", topic, "-o", "beginning", "-e", "-q", "-J"]))
}

/// Reads one line of `kcat -J`.
fn read_record(line: &str) -> Result<ConsumedRecord> {
    let json: Value = serde_json::from_str(line).with_context(|| format!("kcat wrote {line}"))?;
    let number = |name: &str| json[name].as_i64().with_context(|| format!("no {name} in {line}"));
    Ok(ConsumedRecord {
        partition: i32::try_from(number("partition")?)?,
        offset: number("offset")?,
        timestamp_ms: number("ts")?,
        key: json["key"].as_str().map(str::to_owned),
        value: json["payload"].as_str().map(str::to_owned),
    })
}
