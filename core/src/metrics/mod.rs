//! A producer's metrics under the Java client's names: group, name, tags, description, and how each value is come by.
//!
//! Values are recorded per batch, request and connection, never per record, and cost nothing until
//! [`Producer::metered`](crate::producer::Producer::metered) asks for them. What they mean is computed when they are read.
//!
//! Where the Java client measures its own machinery, the nearest there is here is measured instead: a request is one write
//! for `network-io-rate` and `network-io-total`, however often the socket took a part of it; memory is waited for by calls of
//! `send`, be they threads or not (`waiting-threads`). A connection that cannot even be begun, because a name does not
//! resolve, counts as closed (`connection-close-total`).
//!
//! How a loop of `select` and I/O spends its time (`io-wait-ratio`, `io-ratio` and their like) is told by a driver that has
//! a thread of its own to time ([`Producer::times_loop`](crate::producer::Producer::times_loop)). Of one without, these
//! metrics do not exist, and `select-rate` and `select-total` count the turns of its task.

mod samples;
mod sensors;

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

pub use self::samples::{Samples, Stat, Values, Windows};
pub(crate) use self::sensors::{
    NEVER_RECORDED, NodeSensor, PER_NODE, PER_TOPIC, PRODUCER, Sensor, Series, TopicSensor,
};

/// A metric and its value (`KafkaMetric`, `MetricName`).
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Which group it belongs to: `producer-metrics`, `producer-topic-metrics`, `producer-node-metrics`, `app-info` or
    /// `kafka-metrics-count`.
    pub group: &'static str,
    /// Its name in the group.
    pub name: &'static str,
    /// What it says, in the Java client's words.
    pub description: &'static str,
    /// What tells it from others of its name: `client-id`, and `topic` or `node-id`.
    pub tags: Vec<(&'static str, Arc<str>)>,
    /// Its value now.
    pub value: MetricValue,
}

/// What a metric says (`KafkaMetric.metricValue`).
#[derive(Clone, Debug, PartialEq)]
pub enum MetricValue {
    /// A measurement. NaN: nothing was measured yet, or nothing within the windows.
    Number(f64),
    /// A text, in group `app-info`.
    Text(&'static str),
}

impl MetricValue {
    /// The measurement, if it is one.
    pub const fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(_) => None,
        }
    }
}

impl fmt::Display for MetricValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// `metrics.recording.level` (`Sensor.RecordingLevel`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordingLevel {
    /// All that the producer has.
    #[default]
    Info,
    /// The same: no metric of the producer's is of this level.
    Debug,
    /// The same.
    Trace,
}

impl RecordingLevel {
    /// As in `metrics.recording.level`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
            Self::Trace => "TRACE",
        }
    }
}

/// What a driver saw of a connection's traffic since it told last. All zero: nothing.
///
/// Only who writes frames knows how many bytes they take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Frames handed to the socket, however many writes each took.
    pub writes: u64,
    /// Bytes written.
    pub written_bytes: u64,
    /// Requests written in full.
    pub requests: u64,
    /// Their bytes, lengths included.
    pub request_bytes: u64,
    /// Bytes of the largest.
    pub largest_request_bytes: u64,
    /// Reads from the socket.
    pub reads: u64,
    /// Bytes read.
    pub read_bytes: u64,
    /// Responses read in full.
    pub responses: u64,
}

/// How a driver's thread spent its time since it told last (`Selector.poll`). What it did besides, such as the producer's own
/// work and the program's callbacks, is in neither sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoopTimes {
    /// How often it waited until there was something to do, and then did it.
    pub selects: u64,
    /// How long it waited in all.
    pub waited: Duration,
    /// How long it read, wrote and connected, coding included.
    pub io: Duration,
}

/// A call of the application whose time is added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimedCall {
    /// `flush()`.
    Flush,
    /// `initTransactions()`.
    InitTransactions,
    /// `beginTransaction()`.
    BeginTransaction,
    /// `sendOffsetsToTransaction()`.
    SendOffsets,
    /// `commitTransaction()`.
    CommitTransaction,
    /// `abortTransaction()`.
    AbortTransaction,
    /// Waiting for a topic's metadata outside of `send`, which counts its own waits.
    PartitionsFor,
}

impl TimedCall {
    pub(crate) const fn sensor(self) -> Sensor {
        match self {
            Self::Flush => Sensor::Flush,
            Self::InitTransactions => Sensor::InitTransactions,
            Self::BeginTransaction => Sensor::BeginTransaction,
            Self::SendOffsets => Sensor::SendOffsets,
            Self::CommitTransaction => Sensor::CommitTransaction,
            Self::AbortTransaction => Sensor::AbortTransaction,
            Self::PartitionsFor => Sensor::MetadataWait,
        }
    }
}
