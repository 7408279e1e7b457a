//! `key.serializer` and `value.serializer`: what can be said of the name of a class without a JVM, and the serialisers that
//! are known.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::kind::trim;
use super::{ConfigError, ProducerConfig, encodings, refused};
use crate::serializer::{Half, Serializer};

/// In the order of the halves.
const KEYS: [&str; 2] = ["key.serializer", "value.serializer"];

/// Which half of a record this setting is about.
pub(super) fn half_of(key: &str) -> Option<Half> {
    KEYS.into_iter().zip([Half::Key, Half::Value]).find(|(known, _)| *known == key).map(|(_, half)| half)
}

/// The serialiser of Kafka's own that the settings name for this half.
pub(super) fn of_kafkas_own(half: Half, given: &BTreeMap<&str, &str>) -> Option<Serializer> {
    Serializer::of_java_class(trim(given.get(KEYS[half as usize])?))
}

/// The classes that these settings name.
pub(super) fn named(given: &BTreeMap<&str, &str>) -> [Option<Arc<str>>; 2] {
    KEYS.map(|key| given.get(key).map(|class| trim(class).into()))
}

impl ProducerConfig {
    /// What makes bytes of this half of a record: the serialiser handed over, or else the one that the settings name
    /// (`ProducerConfig.appendSerializerToConfig`).
    ///
    /// # Errors
    /// The Java client's `ConfigException` where there is neither. Where a class is named that is none of [`Serializer`]'s, a
    /// refusal of our own: a JVM could load it.
    pub fn serializer(&self, half: Half, handed_over: Option<Serializer>) -> Result<Serializer, ConfigError> {
        if let Some(serializer) = handed_over {
            return Ok(serializer);
        }
        let key = KEYS[half as usize];
        let Some(class) = &self.serializers[half as usize] else {
            return Err(refused(&[key], format!("Invalid value null for configuration {key}: must be non-null.")));
        };
        let why = "no Java classes are loaded here; name a serialiser of Kafka's own for single values, or send bytes";
        Serializer::of_java_class(class).ok_or_else(|| refused(&[key], format!("{key} is refused: {why}")))
    }
}

/// Kafka's own classes stand here, and nobody else's.
const PACKAGE: &str = "org.apache.kafka.common.serialization.";

/// What a class is, as far as its name tells.
enum Class {
    Serializer,
    /// Kafka has it, and it is something else.
    Other,
    /// Kafka has it, and nothing is made of it.
    Interface,
    /// Nobody has it.
    Missing,
    /// Somebody may have it.
    Unknown,
}

fn class(name: &str) -> Class {
    match name.strip_prefix(PACKAGE) {
        None => Class::Unknown,
        Some("Serializer" | "Deserializer" | "Serde") => Class::Interface,
        Some("Serdes") => Class::Other,
        // A class within a class.
        Some(own) if own.contains('$') => Class::Unknown,
        Some(own) => {
            // For each type there is a serialiser and its contrary; that of lists has no place in a composer.
            let has_serializer =
                |kind| kind == "List" || Serializer::of_java_class(&format!("{PACKAGE}{kind}Serializer")).is_some();
            let is_of_a_type = |suffix| own.strip_suffix(suffix).is_some_and(has_serializer);
            match (is_of_a_type("Serializer"), is_of_a_type("Deserializer")) {
                (true, _) => Class::Serializer,
                (_, true) => Class::Other,
                _ => Class::Missing,
            }
        }
    }
}

/// What `ConfigDef.parseType` says where it finds no class.
pub(super) fn check_name(key: &str, written: &str) -> Result<(), ConfigError> {
    match class(trim(written)) {
        Class::Missing if KEYS.contains(&key) => Err(refused(
            &[key],
            format!("Invalid value {written} for configuration {key}: Class {written} could not be found."),
        )),
        _ => Ok(()),
    }
}

/// What the Java client finds when it makes the serialisers (`AbstractConfig.getConfiguredInstance`), a `KafkaException`, and
/// configures each before it makes the next.
pub(super) fn check_instances(given: &BTreeMap<&str, &str>) -> Result<(), ConfigError> {
    for (key, half) in KEYS.into_iter().zip([Half::Key, Half::Value]) {
        let name = given.get(key).map_or("", |written| trim(written));
        let message = match class(name) {
            Class::Other => format!("class {name} is not an instance of {PACKAGE}Serializer"),
            Class::Interface => format!("Could not find a public no-argument constructor for {name}"),
            Class::Serializer | Class::Missing | Class::Unknown => {
                encodings::check(half, given)?;
                continue;
            }
        };
        return Err(refused(&[key], message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::config::{ConfigNotice, ProducerConfig};
    use crate::serializer::{Half, Serializer};

    fn read(key: &str, class: &str) -> Result<Vec<ConfigNotice>, String> {
        let read = ProducerConfig::from_properties([(key, class)]);
        read.map(|(_, notices)| notices).map_err(|error| error.message.to_string())
    }

    /// Names and sentences of the Java client 4.3.1.
    #[test]
    fn a_class_that_nobody_has_and_one_of_kafkas_that_is_no_serialiser_are_refused_in_its_words() {
        for key in super::KEYS {
            for missing in ["", " ", "no such class", " org.apache.kafka.common.serialization.StringSerialiser "] {
                let words =
                    format!("Invalid value {missing} for configuration {key}: Class {missing} could not be found.");
                assert_eq!(read(key, missing), Err(words));
            }
            let package = "org.apache.kafka.common.serialization";
            assert_eq!(
                read(key, " org.apache.kafka.common.serialization.UUIDDeserializer"),
                Err(format!("class {package}.UUIDDeserializer is not an instance of {package}.Serializer"))
            );
            assert_eq!(
                read(key, "org.apache.kafka.common.serialization.Serializer"),
                Err(format!("Could not find a public no-argument constructor for {package}.Serializer"))
            );
        }
    }

    #[test]
    fn a_serialiser_may_be_absent_or_kafkas_and_somebody_elses_has_no_effect() {
        assert_eq!(ProducerConfig::from_properties([]).expect("accepted").1, []);
        for key in super::KEYS {
            assert_eq!(read(key, " org.apache.kafka.common.serialization.StringSerializer\t"), Ok(vec![]));
            for class in ["com.example.OrderSerializer", "org.apache.kafka.common.serialization.ListSerializer"] {
                assert_eq!(read(key, class), Ok(vec![ConfigNotice::NoEffect { key: key.into() }]));
            }
        }
    }

    fn serializers(named: &[(&str, &str)], handed_over: [Option<Serializer>; 2]) -> [Result<Serializer, String>; 2] {
        let (config, _) = ProducerConfig::from_properties(named.iter().copied()).expect("accepted");
        let [key, value] = handed_over;
        [(Half::Key, key), (Half::Value, value)]
            .map(|(half, given)| config.serializer(half, given).map_err(|error| error.message.to_string()))
    }

    const BYTES: (&str, &str) = ("key.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer");
    const TEXT: (&str, &str) = ("value.serializer", "org.apache.kafka.common.serialization.StringSerializer");

    /// Mirrors `ProducerConfigTest.testAppendSerializerToConfig`: of key and value each the serialiser counts that is handed
    /// over, and that is named where none is.
    #[test]
    fn a_serialiser_is_the_one_handed_over_or_the_one_named() {
        let (bytes, text) = (Some(Serializer::ByteArray), Some(Serializer::String));
        let expected = [Ok(Serializer::ByteArray), Ok(Serializer::String)];
        assert_eq!(serializers(&[BYTES, TEXT], [None, None]), expected);
        assert_eq!(serializers(&[TEXT], [bytes, None]), expected);
        assert_eq!(serializers(&[BYTES], [None, text]), expected);
        assert_eq!(serializers(&[], [bytes, text]), expected);
        assert_eq!(serializers(&[BYTES, TEXT], [text, bytes]), [Ok(Serializer::String), Ok(Serializer::ByteArray)]);
    }

    /// Mirrors `ProducerConfigTest.testAppendSerializerToConfigWithException`: the half of which none is named is refused where
    /// none is handed over, whatever there is for the other half.
    #[test]
    fn a_half_without_a_serialiser_is_refused_whatever_the_other_has() {
        let missing = |key| Err(format!("Invalid value null for configuration {key}: must be non-null."));
        let [key, value] = serializers(&[TEXT], [None, Some(Serializer::String)]);
        assert_eq!((key, value), (missing("key.serializer"), Ok(Serializer::String)));
        let [key, value] = serializers(&[BYTES], [Some(Serializer::ByteArray), None]);
        assert_eq!((key, value), (Ok(Serializer::ByteArray), missing("value.serializer")));
        let [key, _] = serializers(&[("key.serializer", "com.example.OrderSerializer")], [None, None]);
        assert!(key.expect_err("nobody can load it").starts_with("key.serializer is refused: no Java classes"));
    }
}
