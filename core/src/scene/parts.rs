//! What a picture holds: the application, the sender, batches, partitions, requests and connections.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{ErrorCode, Persistence, ProducerError};
use crate::ids::{BatchId, ConnectionId, CorrelationId, NodeId, ProducerIdentity, TopicPartition};
use crate::io::{Stored, WaitReason};
use crate::protocol::ApiKey;
use crate::time::Instant;
use crate::trace::{BlockedOn, DrainReason, Fault, PartitionChoice, Statement};

use super::{Copies, PartitionLog};

/// The application.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallerScene {
    /// On which statement it stands.
    pub stands: Statement,
    /// Since when.
    pub since: Instant,
    /// Records handed over so far.
    pub sent: u64,
    /// Those among them that it waited for in `get()`, one after the other.
    pub awaited: u64,
    /// Records refused by `send` itself.
    pub refused: u64,
    /// What `send` waits for, if it does.
    pub blocked_on: Option<BlockedOn>,
    /// The partition it waits for, where its topic does not have it.
    pub awaits: Option<AwaitedPartition>,
    /// The batch that took the newest record.
    pub newest: Option<BatchId>,
}

impl Default for CallerScene {
    fn default() -> Self {
        Self {
            stands: Statement::Loop,
            since: Instant::ZERO,
            sent: 0,
            awaited: 0,
            refused: 0,
            blocked_on: None,
            awaits: None,
            newest: None,
        }
    }
}

/// A partition that `send` waits for, and that its topic does not have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwaitedPartition {
    /// Which.
    pub partition: TopicPartition,
    /// How many the topic has, as far as metadata tells.
    pub partitions: u32,
    /// Since when this is known.
    pub since: Instant,
    /// When `send` gives up.
    pub until: Instant,
}

/// The sender thread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SenderScene {
    /// Why it waits.
    pub why: WaitReason,
    /// Until when; `None`: until something happens.
    pub until: Option<Instant>,
    /// When it last drained a batch.
    pub last_drain: Option<Instant>,
}

impl Default for SenderScene {
    fn default() -> Self {
        Self { why: WaitReason::Idle, until: None, last_drain: None }
    }
}

/// Where a batch is in its life.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum BatchState {
    /// On its shelf: open, or full and never tried.
    Filling,
    /// Off its shelf, not on a wire yet.
    Drained,
    /// On a wire, or at the broker.
    InFlight {
        /// On which connection.
        connection: ConnectionId,
        /// In which request.
        correlation: CorrelationId,
    },
    /// Back on its shelf until its back-off is over.
    Retrying {
        /// Not before.
        until: Instant,
        /// What the last attempt ended with.
        error: ErrorCode,
    },
    /// Became smaller batches.
    Split,
    /// Acknowledged.
    Acked(Stored),
    /// Given up.
    Failed {
        /// Why.
        error: ProducerError,
        /// May it be in the log?
        persistence: Persistence,
    },
}

impl BatchState {
    /// Has it met its fate?
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Split | Self::Acked(_) | Self::Failed { .. })
    }
}

/// A record inside a batch, as far as the observer's budget told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordScene {
    /// Send order.
    pub ordinal: u64,
    /// When it was written into its batch.
    pub appended_at: Instant,
    /// First characters of its key; empty when it has none or detail was folded.
    pub label: Arc<str>,
    /// Serialised key size in bytes; −1: null.
    pub key_size: i32,
    /// Serialised value size in bytes; −1: null.
    pub value_size: i32,
    /// Who chose the partition; `None` when detail was folded.
    pub choice: Option<PartitionChoice>,
    /// Did the program wait for it in `get()`? Then nothing followed it before its answer.
    pub awaited: bool,
}

/// A batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchScene {
    /// Of which partition.
    pub partition: TopicPartition,
    /// Where it is.
    pub state: BatchState,
    /// When it was opened: `linger.ms` and `delivery.timeout.ms` count from here.
    pub opened_at: Instant,
    /// When it came into this state.
    pub since: Instant,
    /// Its limit in bytes.
    pub capacity_bytes: u32,
    /// Bytes in it.
    pub bytes: u32,
    /// Records in it.
    pub records: u32,
    /// The first [`LABELLED_RECORDS`](super::LABELLED_RECORDS) of them.
    pub first_records: Vec<RecordScene>,
    /// How often it was drained.
    pub attempts: u32,
    /// Why it left its shelf last.
    pub drained_because: Option<DrainReason>,
    /// Producer id and epoch it carries.
    pub identity: Option<ProducerIdentity>,
    /// Sequence of its first record; −1: none.
    pub base_sequence: i32,
    /// When a broker stored it last, and from which offset on; only brokers we can look into tell this.
    pub stored: Option<(Instant, i64)>,
}

/// A partition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PartitionScene {
    /// Batches on its shelf or on their way, oldest first.
    pub under_way: Vec<BatchId>,
    /// Its log as far as we know it.
    pub log: PartitionLog,
    /// Its copies on brokers we can look into.
    pub copies: Copies,
    /// When something of it was told last.
    pub touched_at: Instant,
}

/// A request without an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestScene {
    /// Its correlation id.
    pub correlation: CorrelationId,
    /// Its API.
    pub api: ApiKey,
    /// The batches it carries.
    pub batches: Vec<BatchId>,
    /// When it left.
    pub sent_at: Instant,
    /// What was done to it.
    pub fault: Option<Fault>,
}

/// A connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConnectionScene {
    /// To which broker.
    pub node: NodeId,
    /// Does it stand?
    pub connected: bool,
    /// Requests without an answer, oldest first.
    pub in_flight: Vec<RequestScene>,
    /// The newest answer: (request, when it came).
    pub last_answer: Option<(RequestScene, Instant)>,
    /// Since when it is as it is.
    pub since: Instant,
}

impl ConnectionScene {
    pub(super) fn new(node: NodeId, connected: bool, since: Instant) -> Self {
        Self { node, connected, in_flight: Vec::new(), last_answer: None, since }
    }
}
