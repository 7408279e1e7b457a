//! What a person should know of a configuration that was accepted, and the words for it.

use std::sync::Arc;

use core::fmt;

use serde::{Deserialize, Serialize};

use super::text::lines_without_key;

/// Something about a configuration that a person should know although it was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConfigNotice {
    /// No such key; Java only logs it.
    UnknownKey {
        /// As written.
        key: Arc<str>,
        /// The known key that looks most like it.
        nearest: Option<Arc<str>>,
    },
    /// The client changed this setting by itself.
    SilentlyChanged {
        /// Which key.
        key: Arc<str>,
        /// From its default or given value.
        from: Arc<str>,
        /// To this.
        to: Arc<str>,
        /// The key that caused it; `acks` with its value, which the Java client tells too.
        because_of: Arc<str>,
    },
    /// Known to Kafka, without effect here; perhaps nor in the Java client, as the encoding of a serialiser that is not there.
    NoEffect {
        /// Which key.
        key: Arc<str>,
    },
    /// Its own client no longer has this key, or says that it is to go; it has no effect here.
    Deprecated {
        /// Which key.
        key: Arc<str>,
        /// What took its place.
        instead: Option<Arc<str>>,
    },
    /// The level of a codec, of which the simulation has only one.
    LevelWithoutEffect {
        /// Which key.
        key: Arc<str>,
    },
    /// A value without a key; to Java an unknown setting whose name is empty.
    NoKey {
        /// Number of its line, from 1, where it was read from a text: see [`tell_lines_without_key`].
        line: Option<usize>,
    },
    /// A list held the same value more than once; each counts once. Only the key travels to a page: of a key that the producer
    /// does not obey it learns no value.
    DuplicatesRemoved {
        /// Which key.
        key: Arc<str>,
        /// The list as it was given, as Java writes it.
        #[serde(skip)]
        from: Arc<str>,
        /// The list without what it held already.
        #[serde(skip)]
        to: Arc<str>,
    },
}

/// In the place of the notice that there is a value without a key, one for each such line of the text that was read.
pub fn tell_lines_without_key(notices: &mut Vec<ConfigNotice>, text: &str) {
    if let Some(place) = notices.iter().position(|notice| matches!(notice, ConfigNotice::NoKey { .. })) {
        let lines = lines_without_key(text).map(|line| ConfigNotice::NoKey { line: Some(line) });
        notices.splice(place..=place, lines);
    }
}

/// The sentences in English, `{}` where a key or a value goes.
pub mod words {
    /// [`UnknownKey`](super::ConfigNotice::UnknownKey) that looks like no other: the key.
    pub const UNKNOWN: &str = "{} is not a Kafka setting; it is accepted and ignored, as the Java client does.";
    /// One that looks like another: the key and that other.
    pub const UNKNOWN_NEAREST: &str =
        "{} is not a Kafka setting; it is accepted and ignored, as the Java client does. Did you mean {}?";
    /// [`SilentlyChanged`](super::ConfigNotice::SilentlyChanged): the key, from, to, because of.
    pub const CHANGED: &str = "{} was changed from {} to {} because of {}";
    /// [`NoEffect`](super::ConfigNotice::NoEffect): the key.
    pub const NO_EFFECT: &str = "{} is known to Kafka and has no effect here";
    /// [`Deprecated`](super::ConfigNotice::Deprecated) with nothing in its place: the key.
    pub const DEPRECATED: &str = "{} is no longer used and has no effect";
    /// The same with something in its place: the key and that.
    pub const DEPRECATED_INSTEAD: &str = "{} is no longer used and has no effect; see {}";
    /// [`LevelWithoutEffect`](super::ConfigNotice::LevelWithoutEffect): the key.
    pub const NO_LEVEL: &str = "{}: level has no effect in the simulation";
    /// [`DuplicatesRemoved`](super::ConfigNotice::DuplicatesRemoved) to whom the values are not told: the key.
    pub const DUPLICATES: &str = "{} contains duplicate values; each counts once";
    /// [`NoKey`](super::ConfigNotice::NoKey), its line unknown.
    pub const NO_KEY: &str = "A value without a key is ignored";
    /// The same with its line.
    pub const NO_KEY_IN_LINE: &str =
        "Line {} has no key and is ignored: write one before its = or :, or delete the line";
}

impl fmt::Display for ConfigNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKey { key, nearest: Some(nearest) } => fill(f, words::UNKNOWN_NEAREST, &[key, nearest]),
            Self::UnknownKey { key, nearest: None } => fill(f, words::UNKNOWN, &[key]),
            Self::SilentlyChanged { key, from, to, because_of } => match (&**key, &**because_of) {
                ("enable.idempotence", "retries") => {
                    f.write_str("Idempotence will be disabled because retries is set to 0.")
                }
                ("enable.idempotence", cause) if let Some(acks) = cause.strip_prefix("acks=") => {
                    fill(f, "Idempotence will be disabled because acks is set to {}, not set to 'all'.", &[acks])
                }
                ("delivery.timeout.ms", "linger.ms" | "request.timeout.ms") => {
                    let words =
                        "{} should be equal to or larger than linger.ms + request.timeout.ms. Setting it to {}.";
                    fill(f, words, &[key, to])
                }
                ("reconnect.backoff.max.ms", "reconnect.backoff.ms") => {
                    let words = "Disabling exponential reconnect backoff because {} is set, but {} is not.";
                    fill(f, words, &[because_of, key])
                }
                ("retry.backoff.ms", "retry.backoff.max.ms") => {
                    fill(f, STATIC, &[key, from, because_of, to, "backoff", to])
                }
                ("socket.connection.setup.timeout.ms", "socket.connection.setup.timeout.max.ms") => {
                    fill(f, STATIC, &[key, from, because_of, to, "connection setup timeout", to])
                }
                _ => fill(f, words::CHANGED, &[key, from, to, because_of]),
            },
            Self::NoEffect { key } => fill(f, words::NO_EFFECT, &[key]),
            Self::Deprecated { key, instead: Some(instead) } => fill(f, words::DEPRECATED_INSTEAD, &[key, instead]),
            Self::Deprecated { key, instead: None } => fill(f, words::DEPRECATED, &[key]),
            Self::LevelWithoutEffect { key } => fill(f, words::NO_LEVEL, &[key]),
            Self::DuplicatesRemoved { key, from, to } => fill(f, TWICE, &[key, from, to]),
            Self::NoKey { line: Some(line) } => fill(f, words::NO_KEY_IN_LINE, &[&line.to_string()]),
            Self::NoKey { line: None } => f.write_str(words::NO_KEY),
        }
    }
}

/// What the Java client logs of a base above its maximum (`CommonClientConfigs.warnDisablingExponentialBackoff`).
const STATIC: &str = "Configuration '{}' with value '{}' is greater than configuration '{}' with value '{}'. A static {} with \
                      value '{}' will be applied.";

/// And of a list with duplicates (`ConfigDef.parseValue`).
const TWICE: &str = "Configuration key \"{}\" contains duplicate values. Duplicates will be removed. The original value is: {}, the \
                     updated value is: {}";

fn fill(f: &mut fmt::Formatter<'_>, template: &str, words: &[&str]) -> fmt::Result {
    let mut words = words.iter();
    for (place, part) in template.split("{}").enumerate() {
        if place > 0 {
            f.write_str(words.next().unwrap_or(&""))?;
        }
        f.write_str(part)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{ConfigNotice, tell_lines_without_key};
    use crate::config::{ProducerConfig, read_properties};

    fn told(properties: &[(&str, &str)]) -> Vec<String> {
        let (_, notices) = ProducerConfig::from_properties(properties.iter().copied()).expect("accepted");
        notices.iter().map(ConfigNotice::to_string).collect()
    }

    /// The sentences of `ProducerConfig`, `KafkaProducer` and `CommonClientConfigs` 4.3.1.
    #[test]
    fn what_the_client_changes_is_told_in_its_own_words() {
        for (properties, sentence) in [
            (&[("retries", "0")][..], "Idempotence will be disabled because retries is set to 0."),
            (&[("acks", "1")], "Idempotence will be disabled because acks is set to 1, not set to 'all'."),
            (
                &[("request.timeout.ms", "200000")],
                "delivery.timeout.ms should be equal to or larger than linger.ms + request.timeout.ms. Setting it to 200005.",
            ),
            (
                &[("reconnect.backoff.ms", "70")],
                "Disabling exponential reconnect backoff because reconnect.backoff.ms is set, but reconnect.backoff.max.ms is not.",
            ),
            (
                &[("retry.backoff.ms", "3000")],
                "Configuration 'retry.backoff.ms' with value '3000' is greater than configuration 'retry.backoff.max.ms' with \
                 value '1000'. A static backoff with value '1000' will be applied.",
            ),
            (
                &[("socket.connection.setup.timeout.ms", "40000")],
                "Configuration 'socket.connection.setup.timeout.ms' with value '40000' is greater than configuration \
                 'socket.connection.setup.timeout.max.ms' with value '30000'. A static connection setup timeout with value \
                 '30000' will be applied.",
            ),
        ] {
            assert_eq!(told(properties), [sentence]);
        }
    }

    /// The sentence of `ConfigDef` 4.3.1, and the key of what travels on.
    #[cfg(feature = "settings")]
    #[test]
    fn what_stands_twice_in_a_list_is_told_in_the_clients_words_and_a_page_learns_its_key() {
        for (key, list, original, updated, others) in [
            ("bootstrap.servers", "a:1 , b:2,a:1,A:1", "[a:1, b:2, a:1, A:1]", "[a:1, b:2, A:1]", 0),
            ("ssl.cipher.suites", " x,x\t,x ", "[x, x, x]", "[x]", 1),
        ] {
            let sentence = format!(
                "Configuration key \"{key}\" contains duplicate values. Duplicates will be removed. The original value is: \
                 {original}, the updated value is: {updated}"
            );
            assert_eq!(told(&[(key, list)])[0], sentence);
            assert_eq!(
                told(&[(key, updated.trim_matches(['[', ']']))]).len(),
                others,
                "nothing twice, nothing told but that TLS has no effect"
            );
        }
        let first =
            |list| ProducerConfig::from_properties([("ssl.cipher.suites", list)]).expect("accepted").1.remove(0);
        let notice = first("swordfish,swordfish");
        assert!(notice.to_string().contains("swordfish"));
        let travels = postcard::to_allocvec(&notice).expect("it is written");
        assert!(!String::from_utf8_lossy(&travels).contains("swordfish"));
        let key = "ssl.cipher.suites".into();
        let arrived = ConfigNotice::DuplicatesRemoved { key, from: "".into(), to: "".into() };
        assert_eq!(postcard::from_bytes(&travels), Ok(arrived));
    }

    #[test]
    fn what_goes_nowhere_is_told_with_where_it_might_have_been_meant_to_go() {
        let ignored = "is not a Kafka setting; it is accepted and ignored, as the Java client does.";
        for (properties, sentence) in [
            (("linger.mss", "5"), format!("linger.mss {ignored} Did you mean linger.ms?")),
            (("colour", "red"), format!("colour {ignored}")),
            (("enable.metrics.push", "true"), "enable.metrics.push is known to Kafka and has no effect here".into()),
            // No definition has these, but the client's parts read them.
            (("metrics.context.team", "tea"), "metrics.context.team is known to Kafka and has no effect here".into()),
            (("metrics.jmx.include", ".*"), "metrics.jmx.include is known to Kafka and has no effect here".into()),
            (("serializer.encoding", "x"), "serializer.encoding is known to Kafka and has no effect here".into()),
            (("serialiser.encoding", "x"), format!("serialiser.encoding {ignored} Did you mean serializer.encoding?")),
            (("metrics.context", "tea"), format!("metrics.context {ignored}")),
            (
                ("auto.include.jmx.reporter", "true"),
                "auto.include.jmx.reporter is no longer used and has no effect; see metric.reporters".into(),
            ),
        ] {
            assert_eq!(told(&[properties]), [sentence]);
        }
    }

    /// To `java.util.Properties` each is a setting of no name, in which the Java client sees an unknown one.
    #[test]
    fn a_value_without_a_key_is_told_with_its_line() {
        let text = "=swordfish\nacks=all\n\n  : x\n# = no\nclient.id=a\\\n  b\n\\\n =y\n\\";
        let pairs = read_properties(text).expect("readable");
        let given = pairs.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let (_, mut notices) = ProducerConfig::from_properties(given).expect("accepted");
        assert_eq!(notices, [ConfigNotice::NoKey { line: None }]);
        tell_lines_without_key(&mut notices, text);
        let lines = [1, 4, 9, 10];
        let what_to_do = "has no key and is ignored: write one before its = or :, or delete the line";
        assert_eq!(
            notices.iter().map(ConfigNotice::to_string).collect::<Vec<_>>(),
            lines.map(|line| format!("Line {line} {what_to_do}"))
        );
    }
}
