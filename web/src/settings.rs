//! Properties being edited: what differs from the defaults, and what the client says to it.

use std::sync::Arc;

use producer_core::config::{
    ConfigError, ConfigNotice, OtherForm, ProducerConfig, PropertiesError, other_form, read_properties,
};
use producer_core::serializer::Half;
use producer_core::session::is_the_bridges_own;

/// Keys and values as in a `.properties` file.
pub(crate) type Properties = Vec<(Arc<str>, Arc<str>)>;

/// What the client says before anything is applied.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Verdict {
    /// What it would change, ignore or not know.
    pub(crate) notices: Vec<ConfigNotice>,
    /// Keys that are the bridge's to set.
    pub(crate) forbidden: Vec<Arc<str>>,
    /// Why it would refuse to start.
    pub(crate) error: Option<ConfigError>,
}

/// Asks the core, whose answer is the Java client's. In a simulation (`is_simulated`) not every codec has its levels.
pub(crate) fn judge(properties: &Properties, is_simulated: bool) -> Verdict {
    let forbidden: Vec<_> =
        properties.iter().map(|(key, _)| key).filter(|key| is_the_bridges_own(key)).cloned().collect();
    match ProducerConfig::from_properties(properties.iter().map(|(key, value)| (&**key, &**value))) {
        Ok((config, mut notices)) => {
            let config = config.without_transactions(&mut notices);
            let is_told_anyway =
                |notice: &ConfigNotice| matches!(notice, ConfigNotice::NoEffect { key } if is_the_bridges_own(key));
            notices.retain(|notice| !is_told_anyway(notice) && (is_simulated || !is_about_a_socket(notice)));
            notices.extend(config.level_without_effect().filter(|_| is_simulated));
            Verdict { notices, forbidden, error: None }
        }
        Err(error) => Verdict { forbidden, error: Some(error), ..Verdict::default() },
    }
}

/// The bridge has sockets, whose buffers these settings are about; a page has none.
fn is_about_a_socket(notice: &ConfigNotice) -> bool {
    let keys = ["send.buffer.bytes", "receive.buffer.bytes"];
    matches!(notice, ConfigNotice::NoEffect { key } if keys.contains(&&**key))
}

/// Serialisers by the names of their Java classes, as written in the settings. They are the composer's, whose records reach
/// every producer as bytes.
pub(crate) type Serializers = Vec<(Half, Arc<str>)>;

/// The setting that names the serialiser of this half of the record.
pub(crate) const fn serializer_key(half: Half) -> &'static str {
    match half {
        Half::Key => "key.serializer",
        Half::Value => "value.serializer",
    }
}

/// The producer's settings, and the serialisers that are written among them.
pub(crate) fn split(properties: Properties) -> (Properties, Serializers) {
    let mut serializers = Vec::new();
    let mut rest = properties;
    for half in [Half::Key, Half::Value] {
        // Java trims the name of a class.
        let class = value_of(&rest, serializer_key(half)).map(|class| class.trim().into());
        serializers.extend(class.map(|class| (half, class)));
        rest.retain(|(key, _)| **key != *serializer_key(half));
    }
    (rest, serializers)
}

/// With `key` set to `value`; a value that is the default is no longer a change.
pub(crate) fn with(properties: &Properties, key: &str, value: &str, default: &str) -> Properties {
    let mut changed: Properties = properties.iter().filter(|(known, _)| **known != *key).cloned().collect();
    if value != default {
        let place = properties.iter().position(|(known, _)| **known == *key).unwrap_or(changed.len());
        changed.insert(place.min(changed.len()), (key.into(), value.into()));
    }
    changed
}

/// The value of a key that was changed.
pub(crate) fn value_of<'a>(properties: &'a Properties, key: &str) -> Option<&'a str> {
    // As in a file, the last one counts.
    properties.iter().rev().find(|(known, _)| **known == *key).map(|(_, value)| &**value)
}

/// Does the client treat records with a key like records without?
pub(crate) fn ignores_keys(properties: &Properties) -> bool {
    let config = config_of(properties);
    config.and_then(|config| config.value_of("partitioner.ignore.keys")).as_deref() == Some("true")
}

/// Does a producer with these compress?
pub(crate) fn compresses(properties: &Properties) -> bool {
    config_of(properties).is_some_and(|config| config.compression().is_some())
}

/// The client's values, where it would start.
fn config_of(properties: &Properties) -> Option<ProducerConfig> {
    let given = properties.iter().map(|(key, value)| (&**key, &**value));
    ProducerConfig::from_properties(given).ok().map(|(config, _)| config)
}

/// `batch.size`, where the client would start.
pub(crate) fn batch_size(properties: &Properties) -> usize {
    let size = config_of(properties).and_then(|config| config.value_of("batch.size")?.parse().ok());
    size.unwrap_or(0)
}

/// As lines of a `.properties` file, from which the same is read.
pub(crate) fn to_text(properties: &Properties) -> String {
    properties.iter().map(|(key, value)| format!("{}={}\n", escaped(key, true), escaped(value, false))).collect()
}

/// As `java.util.Properties.store` writes it, but with every character as it is.
fn escaped(text: &str, is_key: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (place, c) in text.chars().enumerate() {
        match c {
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            '\\' => escaped.push_str("\\\\"),
            ' ' if is_key || place == 0 => escaped.push_str("\\ "),
            '=' | ':' | '#' | '!' if is_key => escaped.extend(['\\', c]),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Why a text is no `.properties` file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextError {
    /// An escape names no character.
    Escape(PropertiesError),
    /// It is written otherwise, as this line shows.
    OtherForm(OtherForm, usize),
}

/// From lines of a `.properties` file.
pub(crate) fn from_text(text: &str) -> Result<Properties, TextError> {
    if let Some((form, line)) = other_form(text) {
        return Err(TextError::OtherForm(form, line));
    }
    let read = read_properties(text).map_err(TextError::Escape)?;
    Ok(read.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_set_back_to_its_default_is_no_change() {
        let properties = with(&Vec::new(), "linger.ms", "50", "5");
        assert_eq!(value_of(&properties, "linger.ms"), Some("50"));
        assert!(with(&properties, "linger.ms", "5", "5").is_empty());
    }

    #[test]
    fn a_change_keeps_its_place_in_the_text() {
        let properties = from_text("acks=1\nlinger.ms=1\nretries=3\n").expect("readable");
        assert_eq!(to_text(&with(&properties, "linger.ms", "9", "5")), "acks=1\nlinger.ms=9\nretries=3\n");
    }

    #[test]
    fn what_is_written_as_text_is_read_back_the_same() {
        let properties: Properties = [("client.id", " a\\b=c#d\te "), ("odd key:=#!", "\n"), ("empty", "")]
            .map(|(k, v)| (k.into(), v.into()))
            .into();
        assert_eq!(from_text(&to_text(&properties)), Ok(properties));
    }

    #[test]
    fn keys_are_ignored_when_the_client_reads_true() {
        assert!(ignores_keys(&from_text("partitioner.ignore.keys = TRUE").expect("readable")));
        assert!(!ignores_keys(&Vec::new()));
    }

    #[test]
    fn serialisers_are_told_apart_from_what_the_producer_obeys() {
        let lines = "acks=1\nvalue.serializer= com.acme.Tea \nkey.serializer=a\nkey.serializer=b\nlinger.ms=0\n";
        let (rest, serializers) = split(from_text(lines).expect("readable"));
        assert_eq!(to_text(&rest), "acks=1\nlinger.ms=0\n");
        assert_eq!(serializers, [(Half::Key, "b".into()), (Half::Value, "com.acme.Tea".into())]);
    }

    #[test]
    fn the_clients_verdict_is_there_before_anything_is_applied() {
        let properties = from_text("acks=1\nenable.idempotence=true").expect("readable");
        let error = judge(&properties, false).error.expect("refused");
        assert_eq!(
            &*error.message,
            "Must set acks to all in order to use the idempotent producer. Otherwise we cannot guarantee idempotence."
        );
        assert_eq!(judge(&from_text("linger.mss=5").expect("readable"), false).notices.len(), 1);
    }

    #[test]
    fn what_sockets_have_is_not_told_to_be_without_effect_where_a_bridge_has_them() {
        let no_effect = |key: &str| ConfigNotice::NoEffect { key: key.into() };
        assert!(["send.buffer.bytes", "receive.buffer.bytes"].iter().all(|key| is_about_a_socket(&no_effect(key))));
        assert!(!is_about_a_socket(&no_effect("enable.metrics.push")));
    }

    #[test]
    fn what_has_no_effect_in_a_page_is_told_before_it_is_applied() {
        let properties = from_text("transactional.id=orders").expect("readable");
        let key = "transactional.id".into();
        assert_eq!(judge(&properties, false).notices, [ConfigNotice::NoEffect { key }]);
    }

    #[test]
    fn a_level_that_only_real_codecs_have_is_told_of_in_a_simulation() {
        let properties = from_text("compression.type=lz4\ncompression.lz4.level=3").expect("readable");
        assert!(compresses(&properties) && !compresses(&Vec::new()));
        assert_eq!(judge(&properties, false).notices, []);
        let key = "compression.lz4.level".into();
        assert_eq!(judge(&properties, true).notices, [ConfigNotice::LevelWithoutEffect { key }]);
    }
}
