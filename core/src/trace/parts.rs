//! What facts are told in: the caller's statements, reasons, choices, faults and states.

use serde::{Deserialize, Serialize};

use crate::error::ErrorCode;
use crate::ids::BatchId;
use crate::murmur2::murmur2;

/// A batch that was split from a larger one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitBatch {
    /// Its own name.
    pub batch: BatchId,
    /// Its records.
    pub records: u32,
    /// Their bytes, header included.
    pub bytes: u32,
    /// Its limit in bytes.
    pub capacity: u32,
}

/// The statement on which the application stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Statement {
    /// Between records, or finished.
    Loop,
    /// In `send()`.
    Send,
    /// In `get()`, waiting.
    Get,
    /// In the callback of a record that `send` refused: inside `send`. Callbacks of appended records run on the sender's
    /// side, where [`Fact::CallbacksRan`](super::Fact::CallbacksRan) tells of them.
    Callback,
    /// In `flush()`.
    Flush,
    /// In `close()`.
    Close,
}

/// Who chose the partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartitionChoice {
    /// The record named it.
    Explicit,
    /// murmur2 of the key, modulo the partition count.
    KeyHash {
        /// The hash as Java prints it.
        hash: i32,
    },
    /// No key: the sticky partition. With `RoundRobinPartitioner`, which no page has, the next in turn.
    Sticky,
}

impl PartitionChoice {
    /// Who chooses, before anybody knows how many partitions there are (`KafkaProducer.partition`): the record itself,
    /// its key unless `partitioner.ignore.keys`, else the producer.
    #[inline]
    pub fn of(partition: Option<i32>, key: Option<&[u8]>, ignores_keys: bool) -> Self {
        match (partition, key) {
            (Some(_), _) => Self::Explicit,
            (None, Some(key)) if !ignores_keys => Self::KeyHash { hash: murmur2(key) },
            _ => Self::Sticky,
        }
    }
}

/// What `send` waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BlockedOn {
    /// The topic's partition count.
    Metadata,
    /// `buffer.memory`.
    Memory,
}

/// Why a batch left the accumulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DrainReason {
    /// It was full, or another batch waited behind it.
    Full,
    /// `linger.ms` was over.
    LingerOver,
    /// Its back-off was over.
    BackoffOver,
    /// A thread waited for memory.
    MemoryExhausted,
    /// `flush()`.
    Flush,
    /// `close()`.
    Close,
    /// Another batch to the same broker was ready and this one rode along.
    RodeAlong,
}

/// How a message was interfered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// It came later.
    Delayed {
        /// By this many microseconds.
        by_us: u64,
    },
    /// It was answered with an error and not acted upon.
    Answered {
        /// Which.
        error: ErrorCode,
    },
    /// The connection was cut before the broker acted upon it.
    CutBeforeAppend,
    /// The connection was cut after the broker acted upon it, before the answer.
    CutAfterAppend,
    /// The broker acted upon it, and its answer says that it failed.
    AnsweredAfterAppend {
        /// Which error it tells of.
        error: ErrorCode,
    },
    /// It never arrives, and neither does what was sent after it.
    Swallowed,
    /// It was answered with the wish for a pause.
    Throttled {
        /// Of this many milliseconds.
        pause_ms: u32,
    },
}

/// What a broker's process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum BrokerState {
    /// It serves.
    Running,
    /// It serves still, and hands over what it leads.
    ShuttingDown,
    /// It was shut down cleanly.
    Stopped,
    /// It died.
    Killed,
    /// It stands still (SIGSTOP): its connections stand, and nothing is answered.
    Paused,
    /// It waits until the controller takes it in.
    Starting,
}

impl core::fmt::Display for BrokerState {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::ShuttingDown => "shutting down",
            Self::Stopped => "stopped",
            Self::Killed => "dead",
            Self::Paused => "paused",
            Self::Starting => "starting",
        })
    }
}
