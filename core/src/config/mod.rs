//! `ProducerConfig`: every option with Kafka's key, default, bounds and price.
//!
//! The options that are obeyed live in one table ([`ProducerConfig::properties`]), all others in a second, where their
//! values are judged too; to obey a key, its row moves. Rules that concern more than one key are in one function each, in
//! the Java client's order.

#[cfg(feature = "settings")]
mod bootstrap;
#[cfg(feature = "settings")]
mod double;
#[cfg(feature = "settings")]
mod encodings;
mod kind;
mod names;
mod notice;
mod others;
#[cfg(feature = "settings")]
mod reference;
mod rules;
#[cfg(feature = "settings")]
mod serializers;
mod table;
mod text;

use std::sync::Arc;

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::codecs::{Codec, Compression};
use crate::maps::map_of;
#[cfg(feature = "metrics")]
use crate::metrics::{RecordingLevel, Windows};

#[cfg(feature = "settings")]
pub use self::bootstrap::{BootstrapError, BootstrapServers};
#[cfg(feature = "settings")]
pub use self::double::to_text as double_as_java_writes_it;
pub use self::kind::Kind;
pub use self::names::{KNOWN_KEYS, is_known, nearest_known_key};
pub use self::notice::{ConfigNotice, tell_lines_without_key, words};
#[cfg(feature = "settings")]
pub use self::reference::{Importance, Reference, Status, reference};
pub use self::table::Property;
pub use self::text::{EscapeFault, OtherForm, PropertiesError, other_form, read_properties};

/// The Java client's verdict on a configuration it refuses (`ConfigException`). What it finds only when it makes the
/// producer, such as a `delivery.timeout.ms` that is too short, it wraps in a `KafkaException` with the sentence `Failed to
/// construct kafka producer`; the sentence here is that of the cause, which is a `SerializationException` for an encoding
/// that nobody has. Where this producer cannot do what the Java client
/// would, and going on would do harm, the refusal is its own: `K is refused: `, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigError {
    /// The keys at fault.
    pub keys: Vec<Arc<str>>,
    /// The Java client's sentence.
    pub message: Arc<str>,
}

impl core::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConfigError {}

/// Whose answer counts as success (`acks`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Acks {
    /// Nobody's: a batch is done when it was written to the socket.
    None,
    /// The leader's.
    Leader,
    /// That of all in-sync replicas.
    #[default]
    All,
}

impl Acks {
    /// As in a Produce request: 0, 1 or −1.
    pub const fn code(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Leader => 1,
            Self::All => -1,
        }
    }
}

/// Sizes to ask the operating system for, in bytes; `None`: what it chooses by itself (-1 in the settings).
#[cfg(feature = "settings")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketBuffers {
    /// `send.buffer.bytes` (`SO_SNDBUF`).
    pub send: Option<u32>,
    /// `receive.buffer.bytes` (`SO_RCVBUF`).
    pub receive: Option<u32>,
}

/// A producer's configuration: values that passed all checks. Durations are in Kafka's milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerConfig {
    #[cfg(feature = "settings")]
    pub(crate) bootstrap_servers: Option<BootstrapServers>,
    #[cfg(feature = "settings")]
    pub(crate) partitioner_is_round_robin: bool,
    #[cfg(feature = "settings")]
    needs_all_bootstrap_hosts: bool,
    /// The names of the classes, for keys and for values.
    #[cfg(feature = "settings")]
    serializers: [Option<Arc<str>>; 2],
    /// What those of them write text as that ask, in the same order.
    #[cfg(feature = "settings")]
    encodings: [Option<encodings::Encoding>; 2],
    #[cfg(feature = "settings")]
    pub(crate) send_buffer_bytes: i32,
    #[cfg(feature = "settings")]
    pub(crate) receive_buffer_bytes: i32,
    pub(crate) acks: Acks,
    pub(crate) batch_size: u32,
    pub(crate) buffer_memory: u64,
    pub(crate) client_id: Option<Arc<str>>,
    pub(crate) codec: Option<Codec>,
    pub(crate) delivery_timeout: Duration,
    pub(crate) enable_idempotence: bool,
    pub(crate) gzip_level: i32,
    pub(crate) linger: Duration,
    pub(crate) lz4_level: i32,
    pub(crate) max_block: Duration,
    pub(crate) max_in_flight: u32,
    pub(crate) max_request_size: u32,
    pub(crate) metadata_max_age: Duration,
    pub(crate) metadata_max_idle: Duration,
    #[cfg(feature = "metrics")]
    pub(crate) metrics_num_samples: i32,
    #[cfg(feature = "metrics")]
    pub(crate) metrics_recording_level: RecordingLevel,
    #[cfg(feature = "metrics")]
    pub(crate) metrics_sample_window_ms: u64,
    pub(crate) partitioner_is_adaptive: bool,
    pub(crate) partitioner_availability_timeout: Duration,
    pub(crate) partitioner_ignore_keys: bool,
    pub(crate) reconnect_backoff: Duration,
    pub(crate) reconnect_backoff_max: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) retries: u32,
    pub(crate) retry_backoff: Duration,
    pub(crate) retry_backoff_max: Duration,
    pub(crate) connections_max_idle: Option<Duration>,
    pub(crate) connection_setup_timeout_ms: i64,
    pub(crate) connection_setup_timeout_max_ms: i64,
    pub(crate) rebootstraps: bool,
    pub(crate) rebootstrap_trigger: Duration,
    pub(crate) zstd_level: i32,
    pub(crate) transactional_id: Option<Arc<str>>,
    pub(crate) transaction_timeout_ms: i32,
}

impl Default for ProducerConfig {
    /// The Java client's defaults, read from the table.
    fn default() -> Self {
        let mut config = Self::unset();
        for row in table::ROWS {
            // A row's default satisfies its own bounds; a test holds every row to it.
            if let Ok(value) = kind::parse(row.property.name, row.property.kind, row.property.default) {
                (row.set)(&mut config, value);
            }
        }
        // An absent `client.id` is not the empty one: the driver gives a name.
        config.client_id = None;
        config
    }
}

impl ProducerConfig {
    /// What the table fills in: no default is written down twice.
    const fn unset() -> Self {
        Self {
            #[cfg(feature = "settings")]
            bootstrap_servers: None,
            #[cfg(feature = "settings")]
            partitioner_is_round_robin: false,
            #[cfg(feature = "settings")]
            needs_all_bootstrap_hosts: false,
            #[cfg(feature = "settings")]
            serializers: [None, None],
            #[cfg(feature = "settings")]
            encodings: [None, None],
            #[cfg(feature = "settings")]
            send_buffer_bytes: 0,
            #[cfg(feature = "settings")]
            receive_buffer_bytes: 0,
            acks: Acks::All,
            batch_size: 0,
            buffer_memory: 0,
            client_id: None,
            codec: None,
            delivery_timeout: Duration::ZERO,
            enable_idempotence: false,
            gzip_level: 0,
            linger: Duration::ZERO,
            lz4_level: 0,
            max_block: Duration::ZERO,
            max_in_flight: 0,
            max_request_size: 0,
            metadata_max_age: Duration::ZERO,
            metadata_max_idle: Duration::ZERO,
            #[cfg(feature = "metrics")]
            metrics_num_samples: 0,
            #[cfg(feature = "metrics")]
            metrics_recording_level: RecordingLevel::Info,
            #[cfg(feature = "metrics")]
            metrics_sample_window_ms: 0,
            partitioner_is_adaptive: false,
            partitioner_availability_timeout: Duration::ZERO,
            partitioner_ignore_keys: false,
            reconnect_backoff: Duration::ZERO,
            reconnect_backoff_max: Duration::ZERO,
            request_timeout: Duration::ZERO,
            retries: 0,
            retry_backoff: Duration::ZERO,
            retry_backoff_max: Duration::ZERO,
            connections_max_idle: None,
            connection_setup_timeout_ms: 0,
            connection_setup_timeout_max_ms: 0,
            rebootstraps: false,
            rebootstrap_trigger: Duration::ZERO,
            zstd_level: 0,
            transactional_id: None,
            transaction_timeout_ms: 0,
        }
    }

    /// Reads keys and values as in a `.properties` file, as the Java client would. A key given twice counts the last
    /// time.
    ///
    /// `bootstrap.servers` may be absent, since whoever connects may be given it apart, and so may `key.serializer` and
    /// `value.serializer`, since records may come as bytes. Where one is named, the name is judged as far as that takes no JVM: of
    /// Kafka's own package it is known what is a serialiser; a class of another name may be on somebody's class path.
    ///
    /// # Errors
    /// The Java client's `ConfigException`: the first bad value in the order of Kafka's definitions, then the rules
    /// that concern several keys. Then what this producer itself refuses, and last of all addresses that are none
    /// ([`BootstrapError`]): the Java client looks at them when all else of its producer stands.
    pub fn from_properties<'a>(
        properties: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<(Self, Vec<ConfigNotice>), ConfigError> {
        let given = map_of(properties);
        let mut config = Self::default();
        let mut notices = Vec::new();
        for key in KNOWN_KEYS {
            let Some(written) = given.get(key) else { continue };
            match table::row(key) {
                Some(row) => (row.set)(&mut config, kind::parse(key, row.property.kind, written)?),
                None => others::judge(key, written)?,
            }
            #[cfg(feature = "settings")]
            notices.extend(others::duplicates(key, written));
        }
        let explicit = |key: &str| given.contains_key(key);
        #[cfg(feature = "settings")]
        rules::check_sasl_mechanism(&given)?;
        config.cap_backoffs(&mut notices);
        config.fix_reconnect_backoff(&explicit, &mut notices);
        config.settle_idempotence(&explicit, &mut notices)?;
        config.check_transactions(&given)?;
        #[cfg(feature = "settings")]
        serializers::check_instances(&given)?;
        config.settle_delivery_timeout(&explicit, &mut notices)?;
        #[cfg(feature = "settings")]
        {
            others::refuse(&given)?;
            config.encodings = encodings::read(&given)?;
            config.bootstrap_servers = bootstrap::read(&given)?;
            config.serializers = serializers::named(&given);
            config.partitioner_is_round_robin = others::names_round_robin(&given);
            config.needs_all_bootstrap_hosts = others::looks_up_canonical_names(&given);
        }
        // What goes unused is told last, as the Java client does when its producer stands.
        notices.extend(given.keys().filter_map(|key| config.notice_of(key)));
        Ok((config, notices))
    }

    /// Is one unknown name among `bootstrap.servers` an error? With `client.dns.lookup` at
    /// `resolve_canonical_bootstrap_servers_only`; else one that is known is enough.
    #[cfg(feature = "settings")]
    pub const fn needs_all_bootstrap_hosts(&self) -> bool {
        self.needs_all_bootstrap_hosts
    }

    /// What a connection's socket is to have.
    #[cfg(feature = "settings")]
    pub fn socket_buffers(&self) -> SocketBuffers {
        let size = |bytes: i32| u32::try_from(bytes).ok();
        SocketBuffers { send: size(self.send_buffer_bytes), receive: size(self.receive_buffer_bytes) }
    }

    /// For a world without sockets, as a page's own is: which of their settings are not the defaults, and have no effect.
    #[cfg(feature = "settings")]
    pub fn buffers_without_effect(&self) -> Vec<ConfigNotice> {
        let default = Self::default();
        let is_changed = |key: &&str| self.value_of(key) != default.value_of(key);
        let changed = ["send.buffer.bytes", "receive.buffer.bytes"].into_iter().filter(is_changed);
        changed.map(|key| ConfigNotice::NoEffect { key: key.into() }).collect()
    }

    /// `bootstrap.servers`, as written; `None`: absent. A driver may be told where to connect apart from these.
    #[cfg(feature = "settings")]
    pub const fn bootstrap_servers(&self) -> Option<&BootstrapServers> {
        self.bootstrap_servers.as_ref()
    }

    /// For a program that is told apart from the settings where to connect, as the playground's bridge is: without the
    /// addresses, which are looked at no more. Says so.
    #[must_use]
    #[cfg(feature = "settings")]
    pub fn without_bootstrap_servers(mut self, notices: &mut Vec<ConfigNotice>) -> Self {
        if self.bootstrap_servers.take().is_some() {
            notices.push(ConfigNotice::NoEffect { key: "bootstrap.servers".into() });
        }
        self
    }

    /// Does `partitioner.class` name Kafka's `RoundRobinPartitioner`? No other class is accepted. A page's producer has none.
    pub const fn partitioner_is_round_robin(&self) -> bool {
        #[cfg(feature = "settings")]
        let is_it = self.partitioner_is_round_robin;
        #[cfg(not(feature = "settings"))]
        let is_it = false;
        is_it
    }

    /// Does a record's key have no say in where it goes, by `partitioner.ignore.keys` or by another partitioner than Kafka's
    /// built-in one?
    #[inline]
    pub const fn ignores_keys(&self) -> bool {
        self.partitioner_ignore_keys || self.partitioner_is_round_robin()
    }

    /// The options of which [`value_of`](Self::value_of) knows the value in force, in Kafka's order: all that are obeyed but
    /// `bootstrap.servers`, `partitioner.class` and the serialisers, which are no page's.
    pub fn properties() -> impl Iterator<Item = &'static Property> {
        table::ROWS.iter().map(|row| &row.property)
    }

    /// The value in force for a key, as it would be written in a `.properties` file; `None` for a key that is not
    /// obeyed.
    pub fn value_of(&self, key: &str) -> Option<String> {
        table::row(key).map(|row| (row.get)(self))
    }

    /// `client.id`, as sent in every request's header. Where the key is absent the Java client counts the producers of its
    /// process; a driver does so with [`with_client_id`](Self::with_client_id).
    pub fn client_id(&self) -> &str {
        self.client_id.as_deref().unwrap_or("producer-1")
    }

    /// With `client.id` filled in, if the configuration left it open; only then is the name made, and a number used up.
    #[must_use]
    pub fn with_client_id(mut self, client_id: impl FnOnce() -> String) -> Self {
        self.client_id.get_or_insert_with(|| client_id().into());
        self
    }

    /// For a program that begins no transactions, as a page's does: without the `transactional.id` for whose sake its every
    /// send would be refused. Says so.
    #[must_use]
    pub fn without_transactions(mut self, notices: &mut Vec<ConfigNotice>) -> Self {
        if self.transactional_id.take().is_some() {
            notices.push(ConfigNotice::NoEffect { key: "transactional.id".into() });
        }
        self
    }

    /// For a program that reads no metrics, as a page's does: without the settings that only they heed. Says which of them were
    /// not the defaults.
    #[must_use]
    #[cfg(feature = "metrics")]
    pub fn without_metrics(mut self, notices: &mut Vec<ConfigNotice>) -> Self {
        let default = Self::default();
        // That the level has none was said when it was read.
        for key in ["metrics.sample.window.ms", "metrics.num.samples"] {
            if self.value_of(key) != default.value_of(key) {
                notices.push(ConfigNotice::NoEffect { key: key.into() });
            }
        }
        self.metrics_num_samples = default.metrics_num_samples;
        self.metrics_recording_level = default.metrics_recording_level;
        self.metrics_sample_window_ms = default.metrics_sample_window_ms;
        self
    }

    /// `metrics.num.samples` and `metrics.sample.window.ms`.
    #[cfg(feature = "metrics")]
    pub fn metric_windows(&self) -> Windows {
        let window_ms = i64::try_from(self.metrics_sample_window_ms).unwrap_or(i64::MAX);
        Windows { samples: self.metrics_num_samples, window_ms }
    }

    /// `metrics.recording.level`. Every metric of the producer is recorded at each of them, in the Java client too: it has no
    /// effect, and a notice says so.
    #[cfg(feature = "metrics")]
    pub const fn metrics_recording_level(&self) -> RecordingLevel {
        self.metrics_recording_level
    }

    /// `acks`.
    pub const fn acks(&self) -> Acks {
        self.acks
    }

    /// `enable.idempotence`, after the rules that may have switched it off.
    pub const fn is_idempotent(&self) -> bool {
        self.enable_idempotence
    }

    /// `transactional.id`.
    pub fn transactional_id(&self) -> Option<&str> {
        self.transactional_id.as_deref()
    }

    /// `max.block.ms`.
    pub const fn max_block(&self) -> Duration {
        self.max_block
    }

    /// `request.timeout.ms`.
    pub const fn request_timeout(&self) -> Duration {
        self.request_timeout
    }

    /// `delivery.timeout.ms`.
    pub const fn delivery_timeout(&self) -> Duration {
        self.delivery_timeout
    }

    /// `compression.type` and the level that goes with it (`KafkaProducer.configureCompression`).
    pub fn compression(&self) -> Option<Compression> {
        self.codec.map(|codec| Compression { codec, level: self.level_of(codec) })
    }

    /// A level that was chosen for the codec in use, where simulations have only one for it.
    pub fn level_without_effect(&self) -> Option<ConfigNotice> {
        let Compression { codec, level } = self.compression()?;
        let is_chosen = codec.default_level().is_some_and(|default| default != level);
        (is_chosen && !codec.has_levels_in_simulations())
            .then(|| ConfigNotice::LevelWithoutEffect { key: format!("compression.{}.level", codec.name()).into() })
    }

    /// What is said of a key that goes nowhere.
    fn notice_of(&self, key: &str) -> Option<ConfigNotice> {
        #[cfg(feature = "settings")]
        if let Some(half) = serializers::half_of(key) {
            return self.serializer(half, None).is_err().then(|| ConfigNotice::NoEffect { key: key.into() });
        }
        #[cfg(feature = "settings")]
        if self.is_the_encoding_of_a_half(key) {
            return None;
        }
        if table::row(key).is_none() || key == table::WITHOUT_EFFECT {
            return notice_of_a_foreign_key(key);
        }
        // The level of another codec.
        let codec = key.strip_prefix("compression.").and_then(|rest| rest.strip_suffix(".level"))?;
        (self.codec.map(Codec::name) != Some(codec)).then(|| ConfigNotice::NoEffect { key: key.into() })
    }

    fn level_of(&self, codec: Codec) -> i32 {
        match codec {
            Codec::Gzip => self.gzip_level,
            Codec::Lz4 => self.lz4_level,
            Codec::Zstd => self.zstd_level,
            Codec::Snappy => 0,
        }
    }
}

/// What is said of a key that the producer does not obey.
fn notice_of_a_foreign_key(key: &str) -> Option<ConfigNotice> {
    if key.is_empty() {
        return Some(ConfigNotice::NoKey { line: None });
    }
    if key == "auto.include.jmx.reporter" {
        // Gone since 4.0.
        return Some(ConfigNotice::Deprecated { key: key.into(), instead: Some("metric.reporters".into()) });
    }
    if !is_known(key) {
        return Some(ConfigNotice::UnknownKey { key: key.into(), nearest: nearest_known_key(key).map(Arc::from) });
    }
    // Of the refused ones only that value is accepted by which this producer lives anyway.
    #[cfg(feature = "settings")]
    if others::refusal(key).is_some() || others::is_obeyed(key) {
        return None;
    }
    Some(ConfigNotice::NoEffect { key: key.into() })
}

fn refused(keys: &[&str], message: String) -> ConfigError {
    ConfigError { keys: keys.iter().map(|key| Arc::from(*key)).collect(), message: message.into() }
}

#[cfg(test)]
mod tests;
