//! Kafka clients that are not ours. They are the judges: what they read is what is in the log.

pub mod confluent;
pub mod franz_go;
pub mod java;
pub mod kafkajs;
pub mod kcat;

use anyhow::{Context as _, Result};
use serde_json::Value;

/// A record as a foreign consumer read it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConsumedRecord {
    /// The partition it was read from.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// Milliseconds since 1970.
    pub timestamp_ms: i64,
    /// The key as text; `None` is null.
    pub key: Option<String>,
    /// The value as text; `None` is null.
    pub value: Option<String>,
}

/// Reads a record as the peers of `tests/peers` write it: one JSON object per line.
fn read_json(line: &str) -> Result<ConsumedRecord> {
    let json: Value = serde_json::from_str(line).with_context(|| format!("the peer wrote {line}"))?;
    let number = |name: &str| json[name].as_i64().with_context(|| format!("no {name} in {line}"));
    Ok(ConsumedRecord {
        partition: i32::try_from(number("partition")?)?,
        offset: number("offset")?,
        timestamp_ms: number("timestamp")?,
        key: json["key"].as_str().map(str::to_owned),
        value: json["value"].as_str().map(str::to_owned),
    })
}
