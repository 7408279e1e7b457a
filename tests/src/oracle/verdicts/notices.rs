//! What the Java client logs of a configuration that it takes, beside our notices: the same sentences in the same order, and
//! one for each key that goes unused.

use std::collections::BTreeSet;

use kafka_producer::{ConfigNotice, ProducerConfig};
use producer_core::config::{Status, reference};

use super::Properties;

/// Name and reason of an exception that was met.
type Met = (&'static str, &'static str);

const KEY_BY_KEY: Met = (
    "unused keys one by one",
    "the Java client names the keys that went unused in one line, in the order of a hash set; here each has a notice of its own, \
     which says why, and what the key might have been meant to be",
);

const AS_IT_IS_ANYWAY: Met = (
    "nothing said of what is so anyway",
    "of a key that is refused here only that value is accepted by which this producer lives, so nothing is said of it; the Java \
     client has such a value unused",
);

/// Keys that the Java client reads, so that it does not name them, and of which a notice says that they have no effect here.
const READ_IN_JAVA_ALONE: [Met; 6] = [
    (
        "metrics.recording.level",
        "every metric of a producer is of the level INFO, in Java too, and recorded at every level",
    ),
    ("client.dns.lookup", "whoever connects tries all addresses of a name, whatever the value"),
    ("sasl.mechanism", "nobody logs in here"),
    ("enable.metrics.push", "metrics are not sent to brokers here (KIP-714)"),
    ("metrics.jmx.include", "nobody shows metrics by JMX here"),
    ("metrics.jmx.exclude", "nobody shows metrics by JMX here"),
];

/// Holds our notices of these properties against what Java logged. Names the exceptions that are met.
///
/// # Errors
/// Our sentences, where they differ.
pub(super) fn hold(properties: &Properties, told: &[String]) -> Result<Vec<Met>, Vec<String>> {
    let pairs = properties.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let (_, notices) = ProducerConfig::from_properties(pairs).expect("accepted");
    compare(&notices, told).ok_or_else(|| notices.iter().map(ConfigNotice::to_string).collect())
}

/// The exceptions that are met; `None`: there is a difference that is none.
fn compare(notices: &[ConfigNotice], told: &[String]) -> Option<Vec<Met>> {
    let is_change = |notice: &&ConfigNotice| {
        matches!(notice, ConfigNotice::DuplicatesRemoved { .. } | ConfigNotice::SilentlyChanged { .. })
    };
    let changes: Vec<String> = notices.iter().take_while(is_change).map(ConfigNotice::to_string).collect();
    let last = told.last().and_then(|last| unused_keys(last));
    let theirs = &told[..told.len() - usize::from(last.is_some())];
    if theirs != changes {
        return None;
    }
    let mut unused = last.unwrap_or_default();
    let mut met = BTreeSet::new();
    for notice in &notices[changes.len()..] {
        let status = status(key_of(notice)?);
        // A key is told of once.
        let is_unused = unused.remove(key_of(notice)?);
        met.insert(match notice {
            ConfigNotice::NoEffect { key } if is_unused && (status.is_some() || is_undefined(key)) => KEY_BY_KEY,
            ConfigNotice::NoEffect { key } => *READ_IN_JAVA_ALONE.iter().find(|(known, _)| *known == &**key)?,
            ConfigNotice::UnknownKey { .. } | ConfigNotice::Deprecated { .. } | ConfigNotice::NoKey { .. }
                if is_unused && status.is_none() =>
            {
                KEY_BY_KEY
            }
            _ => return None,
        });
    }
    let is_so_anyway = |key: &String| matches!(status(key), Some(Status::Refused { .. }));
    met.extend((!unused.is_empty()).then_some(AS_IT_IS_ANYWAY));
    unused.iter().all(is_so_anyway).then(|| met.into_iter().collect())
}

/// What becomes of a key here; `None`: the Java client defines no such key.
fn status(key: &str) -> Option<Status> {
    reference().find(|option| option.name == key).map(|option| option.status)
}

/// A key that no definition has, and that the Java client has a use for: as the encoding of a serialiser that it did not ask, or to
/// tell it to reporters, without counting it as used.
fn is_undefined(key: &str) -> bool {
    ["key.serializer.encoding", "value.serializer.encoding", "serializer.encoding"].contains(&key)
        || key.starts_with("metrics.context.")
}

/// The key of a notice that is not about a change. A level is none of a configuration's: what runs it says so.
fn key_of(notice: &ConfigNotice) -> Option<&str> {
    match notice {
        ConfigNotice::UnknownKey { key, .. }
        | ConfigNotice::NoEffect { key }
        | ConfigNotice::Deprecated { key, .. } => Some(key),
        ConfigNotice::NoKey { .. } => Some(""),
        ConfigNotice::DuplicatesRemoved { .. }
        | ConfigNotice::SilentlyChanged { .. }
        | ConfigNotice::LevelWithoutEffect { .. } => None,
    }
}

/// The keys of `AbstractConfig.logUnused`; none of the cases has a comma in a key.
fn unused_keys(sentence: &str) -> Option<BTreeSet<String>> {
    let keys =
        sentence.strip_prefix("These configurations '[")?.strip_suffix("]' were supplied but are not used yet.")?;
    Some(keys.split(", ").map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_effect(key: &str) -> ConfigNotice {
        ConfigNotice::NoEffect { key: key.into() }
    }

    #[test]
    fn each_exception_is_met_by_its_own_notices() {
        let unused = |keys: &str| vec![format!("These configurations '[{keys}]' were supplied but are not used yet.")];
        let unknown = ConfigNotice::UnknownKey { key: "no.such.key".into(), nearest: None };
        let names = |met: Option<Vec<Met>>| met.map(|met| met.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        for (notices, told, met) in [
            (vec![], vec![], Some(vec![])),
            (vec![unknown.clone()], unused("no.such.key"), Some(vec![KEY_BY_KEY.0])),
            (vec![no_effect("enable.metrics.push")], vec![], Some(vec!["enable.metrics.push"])),
            (vec![], unused("ssl.protocol"), None),
            (vec![no_effect("acks")], vec![], None),
            (vec![no_effect("ssl.protocol")], vec![], None),
            (vec![no_effect("no.such.key")], unused("no.such.key"), None),
            (vec![no_effect("serializer.encoding")], unused("serializer.encoding"), Some(vec![KEY_BY_KEY.0])),
            (vec![no_effect("serializer.encoding")], vec![], None),
            (vec![no_effect("metrics.jmx.include")], vec![], Some(vec!["metrics.jmx.include"])),
            (vec![unknown.clone()], vec![], None),
            (vec![unknown.clone(), unknown], unused("no.such.key"), None),
            (vec![ConfigNotice::LevelWithoutEffect { key: "compression.zstd.level".into() }], vec![], None),
            (vec![], vec!["Idempotence will be disabled because retries is set to 0.".to_owned()], None),
        ] {
            assert_eq!(names(compare(&notices, &told)), met, "{notices:?} beside {told:?}");
        }
    }
}
