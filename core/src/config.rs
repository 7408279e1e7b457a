//! `ProducerConfig`: every option with Kafka's key, default, bounds and price.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

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
        /// The key that caused it.
        because_of: Arc<str>,
    },
    /// Known to Kafka, without effect here.
    NoEffect {
        /// Which key.
        key: Arc<str>,
    },
}

/// The Java client's verdict on a configuration it refuses (`ConfigException`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigError {
    /// The keys at fault.
    pub keys: Vec<Arc<str>>,
    /// The Java client's sentence.
    pub message: Arc<str>,
}

/// A producer's configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProducerConfig {}

#[expect(unused_variables, clippy::unimplemented, reason = "outline of the surface, to be filled in next")]
impl ProducerConfig {
    /// Reads keys and values as in a `.properties` file, as the Java client would.
    ///
    /// # Errors
    /// The Java client's `ConfigException`.
    pub fn from_properties<'a>(
        properties: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<(Self, Vec<ConfigNotice>), ConfigError> {
        unimplemented!()
    }
}
