//! The options as rows: name, type, bounds, default, and the field that holds the value. What they mean to people is told
//! where people read it.

use core::time::Duration;

#[cfg(feature = "settings")]
use super::kind::INT_FROM_MINUS_1;
use super::kind::{INT_FROM_0, Kind, LONG_FROM_0, Value};
use super::{Acks, ProducerConfig};
use crate::codecs::Codec;
#[cfg(feature = "metrics")]
use crate::metrics::RecordingLevel;

/// An option as a settings panel needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Property {
    /// Kafka's key.
    pub name: &'static str,
    /// Type and bounds.
    pub kind: Kind,
    /// Kafka's default, as written in a `.properties` file.
    pub default: &'static str,
}

pub(super) struct Row {
    pub(super) property: Property,
    pub(super) set: fn(&mut ProducerConfig, Value),
    pub(super) get: fn(&ProducerConfig) -> String,
}

macro_rules! rows {
    ($($(#[$only:meta])* $name:literal $kind:expr, $default:literal, $field:ident: $set:expr, $get:expr;)*) => {
        &[$($(#[$only])* Row {
            property: Property { name: $name, kind: $kind, default: $default },
            set: |config, value| config.$field = read(&value, $set),
            get: |config| show(&config.$field, $get),
        }),*]
    };
}

fn read<T>(value: &Value, as_field: impl Fn(&Value) -> T) -> T {
    as_field(value)
}

fn show<T>(field: &T, as_text: impl Fn(&T) -> String) -> String {
    as_text(field)
}

fn millis(duration: &Duration) -> String {
    duration.as_millis().to_string()
}

/// In the order of `ProducerConfig`'s definitions, in which Java checks them.
pub(super) const ROWS: &[Row] = rows! {
    // Bytes for batches that are not yet acknowledged; send waits when they are used up. Counted per batch, not per record.
    "buffer.memory" LONG_FROM_0, "33554432", buffer_memory: Value::unsigned, u64::to_string;
    // How often a batch is sent again; delivery.timeout.ms usually ends it first.
    "retries" Kind::IntBetween { least: 0, most: i32::MAX }, "2147483647", retries: Value::unsigned_32, u32::to_string;
    // Whose answer counts as success: nobody's (0), the leader's (1), that of all in-sync replicas (all).
    "acks" Kind::OneOf(&["all", "-1", "0", "1"]), "all", acks:
        |value| match value.text() { "0" => Acks::None, "1" => Acks::Leader, _ => Acks::All },
        |acks| match acks { Acks::None => "0", Acks::Leader => "1", Acks::All => "all" }.to_owned();
    // What batches are compressed with: more processor time here and at every reader, fewer bytes on the wire and on disks.
    "compression.type" Kind::OneOf(&["none", "gzip", "snappy", "lz4", "zstd"]), "none", codec:
        |value| Codec::ALL.into_iter().find(|codec| codec.name() == value.text()),
        |codec| codec.map_or("none", Codec::name).to_owned();
    // How hard gzip tries; -1 is the library's default.
    "compression.gzip.level" Kind::GzipLevel, "-1", gzip_level:
        Value::signed_32, i32::to_string;
    // How hard lz4 tries. 9, the default, is the fast compressor; every other level tries harder.
    "compression.lz4.level" Kind::IntBetween { least: 1, most: 17 }, "9", lz4_level:
        Value::signed_32, i32::to_string;
    // How hard zstd tries.
    "compression.zstd.level" Kind::IntBetween { least: -131_072, most: 22 }, "3", zstd_level:
        Value::signed_32, i32::to_string;
    // Bytes after which a batch is full. Larger ones cost memory, smaller ones requests; 0 sends every record alone.
    "batch.size" INT_FROM_0, "16384", batch_size: Value::unsigned_32, u32::to_string;
    // Draws partitions with few waiting batches more often for records without a key.
    "partitioner.adaptive.partitioning.enable" Kind::Boolean, "true", partitioner_is_adaptive:
        Value::is_true, bool::to_string;
    // Leaves out partitions whose broker has taken nothing for this long, in milliseconds; 0 leaves out none.
    "partitioner.availability.timeout.ms" LONG_FROM_0, "0", partitioner_availability_timeout: Value::millis, millis;
    // Treats records with a key like records without: they stick to a partition until batch.size bytes went there.
    "partitioner.ignore.keys" Kind::Boolean, "false", partitioner_ignore_keys: Value::is_true, bool::to_string;
    // Longest wait for a batch to fill, in milliseconds.
    "linger.ms" LONG_FROM_0, "5", linger: Value::millis, millis;
    // Longest life of a batch from its first record to its final answer, retries included, in milliseconds.
    "delivery.timeout.ms" INT_FROM_0, "120000", delivery_timeout: Value::millis, millis;
    // Name of this client in the broker's logs and quotas.
    "client.id" Kind::Text, "", client_id: |value| Some(value.text().into()),
        |id| id.as_deref().unwrap_or_default().to_owned();
    // Size of a socket's send buffer, in bytes; -1 is the system's choice. Pages have no sockets.
    #[cfg(feature = "settings")]
    "send.buffer.bytes" INT_FROM_MINUS_1, "131072", send_buffer_bytes: Value::signed_32, i32::to_string;
    // Size of a socket's receive buffer, in bytes; -1 is the system's choice.
    #[cfg(feature = "settings")]
    "receive.buffer.bytes" INT_FROM_MINUS_1, "32768", receive_buffer_bytes: Value::signed_32, i32::to_string;
    // Largest record accepted and largest sum of batches in one request, in bytes.
    "max.request.size" INT_FROM_0, "1048576", max_request_size: Value::unsigned_32, u32::to_string;
    // First pause before connecting to a broker again, in milliseconds; doubles with every failure.
    "reconnect.backoff.ms" LONG_FROM_0, "50", reconnect_backoff: Value::millis, millis;
    // Longest pause before connecting to a broker again, in milliseconds.
    "reconnect.backoff.max.ms" LONG_FROM_0, "1000", reconnect_backoff_max: Value::millis, millis;
    // First pause before sending a batch again or asking for metadata again, in milliseconds; doubles with every failure.
    "retry.backoff.ms" LONG_FROM_0, "100", retry_backoff: Value::millis, millis;
    // Longest pause before sending a batch again, in milliseconds.
    "retry.backoff.max.ms" LONG_FROM_0, "1000", retry_backoff_max: Value::millis, millis;
    // Longest wait inside send for metadata and memory together, in milliseconds.
    "max.block.ms" LONG_FROM_0, "60000", max_block: Value::millis, millis;
    // Longest wait for the answer to one request, in milliseconds; then its connection is closed.
    "request.timeout.ms" INT_FROM_0, "30000", request_timeout: Value::millis, millis;
    // Age at which metadata is asked for again although nothing went wrong, in milliseconds.
    "metadata.max.age.ms" LONG_FROM_0, "300000", metadata_max_age: Value::millis, millis;
    // A topic not produced to for this long is no longer asked about, in milliseconds.
    "metadata.max.idle.ms" Kind::Long { at_least: Some(5_000) }, "300000", metadata_max_idle: Value::millis, millis;
    // How long one sample of a metric lasts, in milliseconds.
    #[cfg(feature = "metrics")]
    "metrics.sample.window.ms" LONG_FROM_0, "30000", metrics_sample_window_ms: Value::unsigned, u64::to_string;
    // How many samples a metric remembers.
    #[cfg(feature = "metrics")]
    "metrics.num.samples" Kind::Int { at_least: Some(1) }, "2", metrics_num_samples: Value::signed_32, i32::to_string;
    // Metrics beyond this level are not recorded; the Java client's producer has none that are (`WITHOUT_EFFECT`).
    #[cfg(feature = "metrics")]
    "metrics.recording.level" Kind::OneOf(&["INFO", "DEBUG", "TRACE"]), "INFO", metrics_recording_level:
        |value| match value.text() {
            "DEBUG" => RecordingLevel::Debug,
            "TRACE" => RecordingLevel::Trace,
            _ => RecordingLevel::Info,
        },
        |level| level.name().to_owned();
    // Requests without an answer on one connection. 1 keeps order without idempotence; more than 5 excludes idempotence.
    "max.in.flight.requests.per.connection" Kind::Int { at_least: Some(1) }, "5", max_in_flight:
        Value::unsigned_32, u32::to_string;
    // First patience for a connection to stand, in milliseconds; doubles with every failure. Below 0 there is none.
    "socket.connection.setup.timeout.ms" Kind::Long { at_least: None }, "10000", connection_setup_timeout_ms:
        Value::number, i64::to_string;
    // Longest patience for a connection to stand, in milliseconds.
    "socket.connection.setup.timeout.max.ms" Kind::Long { at_least: None }, "30000", connection_setup_timeout_max_ms:
        Value::number, i64::to_string;
    // A connection that nothing used for this long is closed, in milliseconds; below 0 it never is.
    "connections.max.idle.ms" Kind::Long { at_least: None }, "540000", connections_max_idle:
        |value| (value.number() >= 0).then(|| value.millis()),
        |idle| idle.as_ref().map_or_else(|| "-1".to_owned(), millis);
    // Numbers the records so that a retry is neither stored twice nor out of order.
    "enable.idempotence" Kind::Boolean, "true", enable_idempotence: Value::is_true, bool::to_string;
    // Longest life of a transaction, in milliseconds: then its coordinator aborts it. Without a positive one no transaction
    // can be had: no producer id is asked for, and `initTransactions` runs into `max.block.ms`.
    "transaction.timeout.ms" Kind::Int { at_least: None }, "60000", transaction_timeout_ms:
        Value::signed_32, i32::to_string;
    // Name under which a producer's transactions are kept, also when it is started again.
    "transactional.id" Kind::NonEmptyText, "", transactional_id: |value| Some(value.text().into()),
        |id| id.as_deref().unwrap_or_default().to_owned();
    // Whether the bootstrap addresses are tried again when no known broker can be reached: rebootstrap, or none.
    "metadata.recovery.strategy" Kind::OneOfAnyCase(&["REBOOTSTRAP", "NONE"]), "rebootstrap", rebootstraps:
        |value| !value.text().eq_ignore_ascii_case("none"),
        |rebootstraps| if *rebootstraps { "rebootstrap" } else { "none" }.to_owned();
    // How long metadata may be asked for in vain before the bootstrap addresses are tried again, in milliseconds.
    "metadata.recovery.rebootstrap.trigger.ms" LONG_FROM_0, "300000", rebootstrap_trigger: Value::millis, millis;
};

/// Judged, told back, and without effect: a sensor of the Java client's producer is of the level INFO, which is recorded at
/// every level, and so is every one here.
pub(super) const WITHOUT_EFFECT: &str = "metrics.recording.level";

pub(super) fn row(key: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.property.name == key)
}
