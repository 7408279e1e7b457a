//! Configurations that were written for others, read into the Java client's keys: Spring's YAML, librdkafka's names, and
//! the list of values that the Java client logs.
//!
//! A reader only translates. The verdict is [`ProducerConfig::from_properties`]'s, as on a `.properties` file, which
//! [`read_properties`](crate::read_properties) reads.
//!
//! ```
//! use kafka_producer::foreign_config::from_librdkafka;
//!
//! let read = from_librdkafka("queue.buffering.max.ms=20\ncompression.codec=none")?;
//! let (config, notices) = read.verdict()?;
//! assert_eq!(config.value_of("linger.ms").as_deref(), Some("20"));
//! # let _ = notices;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod librdkafka;
mod logged;
mod spring;
mod yaml;

use std::sync::Arc;

use producer_core::config::{ConfigError, ConfigNotice, ProducerConfig};

pub use librdkafka::{from_librdkafka, is_librdkafkas};
pub use logged::from_logged_values;
pub use spring::from_spring_yaml;

/// What a configuration says in the Java client's keys and values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Translated {
    /// Keys and values as in a `.properties` file, each key once. Where to connect is among them, and so are passwords.
    pub properties: Vec<(String, String)>,
    /// What was lost or changed on the way. No notice holds a password.
    pub notices: Vec<ConfigNotice>,
}

impl Translated {
    /// The Java client's verdict, with all notices: first those of the translation.
    ///
    /// # Errors
    /// As [`ProducerConfig::from_properties`].
    pub fn verdict(&self) -> Result<(ProducerConfig, Vec<ConfigNotice>), ConfigError> {
        let pairs = self.properties.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let (config, judged) = ProducerConfig::from_properties(pairs)?;
        Ok((config, self.notices.iter().cloned().chain(judged).collect()))
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.properties.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// Sets a key, anew if it was set before.
    fn set(&mut self, key: impl Into<String>, value: impl Into<String>) {
        let (key, value) = (key.into(), value.into());
        self.properties.retain(|(known, _)| *known != key);
        self.properties.push((key, value));
    }

    fn has_no_effect(&mut self, key: &str) {
        self.notices.push(ConfigNotice::NoEffect { key: key.into() });
    }

    fn changes(&mut self, key: &str, from: impl Into<Arc<str>>, to: impl Into<Arc<str>>, because_of: &str) {
        self.notices.push(ConfigNotice::SilentlyChanged {
            key: key.into(),
            from: from.into(),
            to: to.into(),
            because_of: because_of.into(),
        });
    }
}

/// Why a text could not be read at all. What stands there is not repeated: it may be a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Not YAML.
    #[error("line {line}: this is not YAML")]
    NotYaml {
        /// Number of the line, from 1.
        line: usize,
    },
    /// YAML that is deeper than 50 levels, or more than 100 000 nodes when its aliases are written out.
    #[error("line {line}: there is too much before here")]
    TooMuchYaml {
        /// Number of the line, from 1.
        line: usize,
    },
    /// A line that is neither a comment nor `key=value`.
    #[error("line {line}: key=value is missing here")]
    NoPair {
        /// Number of the line, from 1.
        line: usize,
    },
    /// No line of a log begins such a list.
    #[error("there is no line \"ProducerConfig values:\"")]
    NoValues,
    /// Such a list has another end than the Java client gives it, or none of its lines can be told from what stands before them.
    #[error("the list \"ProducerConfig values:\" ends before value.serializer, its last key")]
    ValuesEndEarly,
}
