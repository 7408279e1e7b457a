//! `key.serializer` and `value.serializer`: what can be said of the name of a class without a JVM.

use std::collections::BTreeMap;

use super::kind::trim;
use super::{ConfigError, refused};
use crate::serializer::Serializer;

const KEYS: [&str; 2] = ["key.serializer", "value.serializer"];

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

/// What the Java client finds when it makes the serialisers (`AbstractConfig.getConfiguredInstance`): a `KafkaException`.
pub(super) fn check_instances(given: &BTreeMap<&str, &str>) -> Result<(), ConfigError> {
    for key in KEYS {
        let name = given.get(key).map_or("", |written| trim(written));
        let message = match class(name) {
            Class::Other => format!("class {name} is not an instance of {PACKAGE}Serializer"),
            Class::Interface => format!("Could not find a public no-argument constructor for {name}"),
            Class::Serializer | Class::Missing | Class::Unknown => continue,
        };
        return Err(refused(&[key], message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::config::{ConfigNotice, ProducerConfig};

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
    fn a_serialiser_of_kafkas_or_of_somebody_elses_has_no_effect_and_may_be_absent() {
        assert_eq!(ProducerConfig::from_properties([]).expect("accepted").1, []);
        for class in [" org.apache.kafka.common.serialization.StringSerializer\t", "com.example.OrderSerializer"] {
            for key in super::KEYS {
                assert_eq!(read(key, class), Ok(vec![ConfigNotice::NoEffect { key: key.into() }]));
            }
        }
    }
}
