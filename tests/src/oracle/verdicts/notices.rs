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

/// Holds our notices of these properties against what Java logged. Names the exceptions that are met.
///
/// # Errors
/// Our sentences, where they differ.
pub(super) fn hold(properties: &Properties, told: &[String]) -> Result<Vec<Met>, Vec<String>> {
    let pairs = properties.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let (_, notices) = ProducerConfig::from_properties(pairs).expect("accepted");
    let is_change = |notice: &&ConfigNotice| matches!(notice, ConfigNotice::SilentlyChanged { .. });
    let changes: Vec<String> = notices.iter().take_while(is_change).map(ConfigNotice::to_string).collect();
    let (theirs, unused) = match told.split_last() {
        Some((last, before)) => match unused_keys(last) {
            Some(keys) => (before, keys),
            None => (told, BTreeSet::new()),
        },
        None => (told, BTreeSet::new()),
    };
    let told_of: BTreeSet<String> = notices[changes.len()..].iter().filter_map(key_of).collect();
    // What Java uses and has no effect here is told of besides.
    let status = |key: &str| reference().find(|option| option.name == key).map(|option| option.status);
    let is_no_effect = |key: &&String| status(key) == Some(Status::NoEffect);
    let is_more = told_of.difference(&unused).any(|key| !is_no_effect(&key));
    let (so_anyway, untold): (Vec<&String>, Vec<_>) =
        unused.difference(&told_of).partition(|key| matches!(status(key), Some(Status::Refused { .. })));
    if theirs != changes || is_more || !untold.is_empty() {
        return Err(notices.iter().map(ConfigNotice::to_string).collect());
    }
    let is_told_of = !unused.is_disjoint(&told_of);
    let met = [(is_told_of, KEY_BY_KEY), (!so_anyway.is_empty(), AS_IT_IS_ANYWAY)];
    Ok(met.into_iter().filter(|&(is_met, _)| is_met).map(|(_, met)| met).collect())
}

/// The key of a notice that is not about a change.
fn key_of(notice: &ConfigNotice) -> Option<String> {
    match notice {
        ConfigNotice::UnknownKey { key, .. }
        | ConfigNotice::NoEffect { key }
        | ConfigNotice::Deprecated { key, .. } => Some(key.as_ref().to_owned()),
        ConfigNotice::NoKey { .. } => Some(String::new()),
        ConfigNotice::SilentlyChanged { .. } | ConfigNotice::LevelWithoutEffect { .. } => None,
    }
}

/// The keys of `AbstractConfig.logUnused`; none of the cases has a comma in a key.
fn unused_keys(sentence: &str) -> Option<BTreeSet<String>> {
    let keys =
        sentence.strip_prefix("These configurations '[")?.strip_suffix("]' were supplied but are not used yet.")?;
    Some(keys.split(", ").map(str::to_owned).collect())
}
