//! The values of the settings that we obey, in the producer that was made.

use std::collections::BTreeMap;

use kafka_producer::ProducerConfig;

use super::java::{Verdict, uncounted};

/// Ours, of a configuration as a driver completes it.
pub(super) fn of(config: ProducerConfig) -> BTreeMap<&'static str, String> {
    let config = config.with_client_id(|| "producer-1".to_owned());
    let value = |key| (key, config.value_of(key).unwrap_or_default());
    let mut values: BTreeMap<_, _> = ProducerConfig::properties().map(|property| value(property.name)).collect();
    values.insert("client.id", uncounted(config.client_id()));
    values
}

/// Java's as they are used, where the configuration keeps something else, and in our words where a value has several.
pub(super) fn as_used(java: &Verdict) -> Verdict {
    let Verdict::Accepted(given) = java else { return java.clone() };
    let mut used = given.clone();
    // `ExponentialBackoff` begins with the smaller.
    let (base, most) = ("socket.connection.setup.timeout.ms", "socket.connection.setup.timeout.max.ms");
    used.insert(base, number(given, base).min(number(given, most)).to_string());
    // For ever.
    used.insert("connections.max.idle.ms", number(given, "connections.max.idle.ms").max(-1).to_string());
    let acks = used.get("acks").filter(|acks| *acks != "-1").map_or("all", String::as_str).to_owned();
    used.insert("acks", acks);
    let strategy = used.get("metadata.recovery.strategy").map(|strategy| strategy.to_uppercase().to_lowercase());
    used.insert("metadata.recovery.strategy", strategy.unwrap_or_default());
    Verdict::Accepted(used)
}

fn number(values: &BTreeMap<&'static str, String>, key: &str) -> i64 {
    values.get(key).and_then(|value| value.parse().ok()).unwrap_or(i64::MIN)
}
