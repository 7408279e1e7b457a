//! Everything that happens, as facts in the past tense. The screen is a fold over these.
//!
//! A trace event carries the lane and the producer it belongs to. Batches are the unit: records appear as ranges, and
//! one by one only while an observer's budget lasts. Events have a versioned binary form ([`encode`], [`decode`]).

mod observer;
mod parts;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{ErrorCode, Persistence, ProducerError, Surface, TransactionPhase};
use crate::ids::{BatchId, ConnectionId, CorrelationId, Lane, NodeId, ProducerIdentity, ProducerIndex, TopicPartition};
use crate::io::{DisconnectReason, Stored, WaitReason};
use crate::protocol::ApiKey;
use crate::time::Instant;

pub use self::observer::{Nobody, Observer, TraceBuffer};
pub use self::parts::{BlockedOn, BrokerState, DrainReason, Fault, PartitionChoice, SplitBatch, Statement};

/// Version of the binary form; the first byte of every encoded frame.
pub const TRACE_VERSION: u8 = 1;

/// One fact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TraceEvent {
    /// When.
    pub at: Instant,
    /// In which of the lanes side by side.
    pub lane: Lane,
    /// Which producer; for facts about brokers, the producer whose world it was when they happened. It is part of the
    /// names of batches and connections, which every producer counts from 0.
    pub producer: ProducerIndex,
    /// What.
    pub what: Fact,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Fact {
    /// The application moved to another statement.
    CallerStands(Statement),
    /// `send` wrote a record into a batch.
    Appended {
        /// Send order over the whole session, as in [`Outcome::first_ordinal`](crate::bridge::Outcome::first_ordinal).
        ordinal: u64,
        /// Which batch.
        batch: BatchId,
        /// Its place in the batch.
        index: u32,
        /// Serialised key size in bytes; −1: null.
        key_size: i32,
        /// Serialised value size in bytes; −1: null.
        value_size: i32,
        /// Bytes of the batch so far, header included.
        batch_bytes: u32,
        /// Who chose the partition.
        choice: PartitionChoice,
        /// First bytes of the key as text, for the tile.
        label: Arc<str>,
    },
    /// Many records were appended without detail, to save the observer's budget.
    AppendedMany {
        /// Send order of the first.
        first_ordinal: u64,
        /// Which batch.
        batch: BatchId,
        /// Place of the first in the batch.
        first_index: u32,
        /// How many.
        count: u32,
        /// Bytes of the batch so far, header included.
        batch_bytes: u32,
    },
    /// `send` waits inside: for metadata or for memory.
    SendBlocked {
        /// Send order.
        ordinal: u64,
        /// For what.
        on: BlockedOn,
    },
    /// `send` refused a record before it was appended.
    SendRefused {
        /// Send order.
        ordinal: u64,
        /// Why.
        error: ProducerError,
        /// Where the program meets it.
        surface: Surface,
    },
    /// A new batch took memory and waits for records.
    BatchOpened {
        /// Which.
        batch: BatchId,
        /// Of which partition.
        partition: TopicPartition,
        /// Its limit in bytes.
        capacity: u32,
    },
    /// A batch left the accumulator, closed for good.
    BatchDrained {
        /// Which.
        batch: BatchId,
        /// Bytes on the wire.
        bytes: u32,
        /// Its records.
        records: u32,
        /// Why it left now.
        because: DrainReason,
        /// Producer id and epoch, for idempotent producers.
        identity: Option<ProducerIdentity>,
        /// Sequence of its first record; −1: none.
        base_sequence: i32,
    },
    /// A batch goes back into the accumulator for another attempt.
    BatchRetried {
        /// Which.
        batch: BatchId,
        /// Attempts so far.
        attempt: u32,
        /// What the last one ended with.
        error: ErrorCode,
        /// Not before.
        until: Instant,
    },
    /// A batch was too large for the broker and became smaller ones, which wait in its place. Its records keep the names
    /// that `send` gave them.
    BatchSplit {
        /// The parent.
        batch: BatchId,
        /// Its children, in order: together they carry its records.
        children: Vec<SplitBatch>,
    },
    /// A batch was acknowledged (with acks=0: written): the batch that carried the records, be it one that was split from
    /// another.
    BatchAcked {
        /// Which.
        batch: BatchId,
        /// Where it landed.
        stored: Stored,
    },
    /// A batch was given up.
    BatchFailed {
        /// Which.
        batch: BatchId,
        /// Why.
        error: ProducerError,
        /// May it be in the log?
        persistence: Persistence,
    },
    /// A connection attempt began.
    Connecting {
        /// Which.
        connection: ConnectionId,
        /// To which broker.
        node: NodeId,
    },
    /// A connection stands.
    Connected {
        /// Which.
        connection: ConnectionId,
        /// To which broker.
        node: NodeId,
    },
    /// A connection ended.
    Disconnected {
        /// Which.
        connection: ConnectionId,
        /// To which broker.
        node: NodeId,
        /// Why.
        why: DisconnectReason,
    },
    /// A request left.
    RequestSent {
        /// On which connection.
        connection: ConnectionId,
        /// Which.
        correlation: CorrelationId,
        /// Of which API.
        api: ApiKey,
        /// To which broker.
        node: NodeId,
        /// The batches it carries (Produce).
        batches: Vec<BatchId>,
        /// Requests without an answer on this connection, this one included.
        in_flight: u32,
    },
    /// An answer came home.
    ResponseReceived {
        /// On which connection.
        connection: ConnectionId,
        /// To which request.
        correlation: CorrelationId,
        /// Of which API.
        api: ApiKey,
        /// From which broker.
        node: NodeId,
        /// Requests without an answer left on this connection.
        in_flight: u32,
    },
    /// A request waited longer than `request.timeout.ms`; its connection is closed.
    RequestTimedOut {
        /// On which connection.
        connection: ConnectionId,
        /// Which.
        correlation: CorrelationId,
    },
    /// Metadata arrived.
    MetadataUpdated {
        /// Brokers it names.
        brokers: Vec<NodeId>,
        /// Topics the producer uses, with the leader of each partition (−1: none), by partition number. Where an answer tells
        /// numbers with gaps, those far beyond the number of partitions are left out.
        topics: Vec<(Arc<str>, Vec<NodeId>)>,
    },
    /// The cluster granted a producer id, or the producer bumped its epoch.
    IdentityChanged {
        /// From now on.
        identity: ProducerIdentity,
    },
    /// Memory in use changed.
    MemoryUsed {
        /// Of `buffer.memory`.
        used_bytes: u64,
    },
    /// The sender has nothing to do before this.
    SenderWaits {
        /// `None`: until somebody sends.
        until: Option<Instant>,
        /// Who asked for it.
        why: WaitReason,
    },
    /// Callbacks of a batch's records ran on the sender's thread, while the application went on.
    CallbacksRan {
        /// The batch that carried them.
        batch: BatchId,
        /// How many.
        count: u32,
    },
    /// A callback ran on the caller's thread, where it stood on [`Statement::Callback`]: `send` refused the record.
    CallbackRanOnCaller {
        /// Send order.
        ordinal: u64,
    },
    /// `get()` returned or threw: at once, when `send` had refused the record.
    GetReturned {
        /// Send order.
        ordinal: u64,
    },
    /// A broker appended a batch to its log. Only brokers we can look into tell this.
    LogAppended {
        /// Which broker.
        node: NodeId,
        /// Which log.
        partition: TopicPartition,
        /// Offset of the first record.
        base_offset: i64,
        /// How many records.
        records: u32,
        /// Producer id and epoch, when idempotent.
        identity: Option<ProducerIdentity>,
        /// Sequence of the first record; −1: none.
        base_sequence: i32,
    },
    /// A broker recognised a batch it already has, and appended nothing.
    DuplicateRecognised {
        /// Which broker.
        node: NodeId,
        /// Which log.
        partition: TopicPartition,
        /// Where the first copy is.
        base_offset: i64,
    },
    /// A broker refused a batch.
    AppendRefused {
        /// Which broker.
        node: NodeId,
        /// Which log.
        partition: TopicPartition,
        /// Why.
        error: ErrorCode,
    },
    /// A partition has another leader.
    LeaderMoved {
        /// Which log.
        partition: TopicPartition,
        /// The new leader, −1: none.
        leader: NodeId,
        /// Its term.
        epoch: i32,
        /// May it lack records that were acknowledged?
        unclean: bool,
    },
    /// A scripted rule or a person interfered with a message.
    FaultInjected {
        /// On which connection.
        connection: ConnectionId,
        /// With which request.
        correlation: CorrelationId,
        /// How.
        fault: Fault,
    },
    /// The observer's budget was used up, or a frame went lost: this many facts are missing here. Some of them may follow
    /// all the same: those that say how things stand.
    Thinned {
        /// How many.
        dropped: u64,
    },
    /// A request that gets no answer (acks=0) is with the network: it no longer counts as in flight.
    RequestWritten {
        /// On which connection.
        connection: ConnectionId,
        /// Which.
        correlation: CorrelationId,
        /// To which broker.
        node: NodeId,
        /// Requests without an answer left on this connection.
        in_flight: u32,
    },
    /// The producer stands elsewhere with its transactions.
    TransactionMoved {
        /// Where.
        phase: TransactionPhase,
    },
    /// A broker's process is in another state.
    BrokerChanged {
        /// Which broker.
        node: NodeId,
        /// What it does now.
        state: BrokerState,
    },
    /// The controller holds a broker for gone, or no longer.
    BrokerFenced {
        /// Which broker.
        node: NodeId,
        /// Is it?
        fenced: bool,
    },
    /// The controller went or came back.
    ControllerChanged {
        /// Is it there?
        is_there: bool,
    },
    /// Other replicas of a partition are in sync.
    IsrChanged {
        /// Which log.
        partition: TopicPartition,
        /// Those that are.
        isr: Vec<NodeId>,
        /// Those that are not and may lead all the same (KIP-966).
        elr: Vec<NodeId>,
    },
    /// Readers may read further.
    HighWatermarkMoved {
        /// At which broker: the leader.
        node: NodeId,
        /// Which log.
        partition: TopicPartition,
        /// The offset below which they may.
        offset: i64,
    },
    /// A follower stored what the leader has.
    ReplicaAdvanced {
        /// Which broker.
        node: NodeId,
        /// Which log.
        partition: TopicPartition,
        /// Where its copy ends now.
        end_offset: i64,
    },
    /// A topic was deleted, with all that was in it.
    TopicDeleted {
        /// Its name; another topic may have it later.
        topic: Arc<str>,
    },
    /// A follower gave up what the leader does not have.
    LogTruncated {
        /// Which broker.
        node: NodeId,
        /// Which log.
        partition: TopicPartition,
        /// Where its copy ended then.
        end_offset: i64,
    },
    /// `send` waits for a partition that its topic does not have; [`SendBlocked`](Self::SendBlocked) came before.
    PartitionAwaited {
        /// Send order.
        ordinal: u64,
        /// The partition that the record names.
        partition: TopicPartition,
        /// How many the topic has, as far as metadata tells.
        partitions: u32,
        /// When `max.block.ms` is over, and `send` fails.
        until: Instant,
    },
    /// The producer's process stands still: whatever arrives waits, and no timer is looked at.
    ProcessPaused {
        /// When it goes on.
        until: Instant,
    },
}

impl Fact {
    /// Does it hold until another fact of its kind comes?
    const fn says_how_things_stand(&self) -> bool {
        matches!(
            self,
            Self::CallerStands(_)
                | Self::MemoryUsed { .. }
                | Self::SenderWaits { .. }
                | Self::IdentityChanged { .. }
                | Self::MetadataUpdated { .. }
        )
    }
}

/// Why a trace frame could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceDecodeError {
    /// Written by another version of the trace format; the byte found (`None`: no byte at all).
    Version(Option<u8>),
    /// Damaged.
    Damaged,
}

/// Events in their binary form: a version byte, then the events in postcard's compact form.
pub fn encode(events: &[TraceEvent]) -> Vec<u8> {
    postcard::to_extend(events, vec![TRACE_VERSION]).expect("a Vec grows as needed")
}

/// The reverse of [`encode`].
///
/// # Errors
/// Another version, or bytes that are not a whole frame.
pub fn decode(frame: &[u8]) -> Result<Vec<TraceEvent>, TraceDecodeError> {
    match frame.split_first() {
        Some((&TRACE_VERSION, body)) => match postcard::take_from_bytes(body) {
            Ok((events, [])) => Ok(events),
            _ => Err(TraceDecodeError::Damaged),
        },
        other => Err(TraceDecodeError::Version(other.map(|(&version, _)| version))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_comes_back_from_its_binary_form_and_only_from_its_own_version() {
        let events = vec![TraceEvent {
            at: Instant::from_millis(12),
            lane: Lane(0),
            producer: ProducerIndex(0),
            what: Fact::LeaderMoved {
                partition: TopicPartition { topic: "orders".into(), partition: 2 },
                leader: NodeId(-1),
                epoch: 4,
                unclean: false,
            },
        }];
        let mut frame = encode(&events);
        assert_eq!(decode(&frame), Ok(events));
        frame.push(0);
        assert_eq!(decode(&frame), Err(TraceDecodeError::Damaged));
        frame[0] = TRACE_VERSION + 1;
        assert_eq!(decode(&frame), Err(TraceDecodeError::Version(Some(TRACE_VERSION + 1))));
    }
}
