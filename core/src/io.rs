//! The whole contract between the producer and whoever drives it.
//!
//! One input, then drain: call [`Producer::handle_input`](crate::producer::Producer::handle_input) or
//! [`send`](crate::producer::Producer::send), then
//! [`poll_output`](crate::producer::Producer::poll_output) until it answers [`Output::Wait`]. The bridge, the page's
//! simulation and the tests all use this loop.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::BatchFailure;
use crate::ids::{BatchId, BrokerAddress, ConnectionId, CorrelationId, NodeId};
use crate::protocol::{Request, RequestHeader, Response};
use crate::time::Instant;

/// What a driver tells the producer.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Time has passed; nothing else happened.
    Wake,
    /// A connection asked for by [`Output::Connect`] stands, TLS and SASL included.
    Connected {
        /// Which one.
        connection: ConnectionId,
    },
    /// A connection could not be made, broke, or was closed by the broker. Requests on it get no answer any more.
    Disconnected {
        /// Which one.
        connection: ConnectionId,
        /// What the driver saw.
        why: DisconnectReason,
    },
    /// The socket takes no more for now, and a request is not written whole. Nothing follows it on its connection, until it is
    /// [`Written`](Self::Written). A driver need not say it of a request that is written in one go.
    Stalled {
        /// On which connection.
        connection: ConnectionId,
        /// Which request.
        correlation: CorrelationId,
    },
    /// The last byte of a request was handed to the socket: of one that stalled, or of one with acks=0, where this is all the
    /// answer there is. Of any other it is no news.
    Written {
        /// On which connection.
        connection: ConnectionId,
        /// Which request.
        correlation: CorrelationId,
    },
    /// A whole response arrived and was decoded. Responses come in the order of the requests.
    Received {
        /// On which connection.
        connection: ConnectionId,
        /// The correlation id the response carries.
        correlation: CorrelationId,
        /// Its body.
        response: Response,
    },
}

impl Input {
    /// Which connection it is about.
    pub const fn connection(&self) -> Option<ConnectionId> {
        match self {
            Self::Wake => None,
            Self::Connected { connection }
            | Self::Disconnected { connection, .. }
            | Self::Stalled { connection, .. }
            | Self::Written { connection, .. }
            | Self::Received { connection, .. } => Some(*connection),
        }
    }
}

/// What the driver saw when a connection ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DisconnectReason {
    /// Nobody listens there, or the name does not resolve. The text is the operating system's.
    ConnectFailed(Arc<str>),
    /// The peer closed, or the network broke.
    ClosedByPeer,
    /// The peer sent bytes that are not Kafka's: a length out of bounds, a body that does not decode.
    Malformed(Arc<str>),
    /// The producer itself asked for it ([`Output::Close`]).
    ClosedByUs,
}

/// What the producer asks of its driver.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Open a connection; answer with [`Input::Connected`] or [`Input::Disconnected`].
    Connect {
        /// Name to use for it from now on.
        connection: ConnectionId,
        /// The broker, for labels.
        node: NodeId,
        /// Where it listens.
        address: BrokerAddress,
    },
    /// Write a request on a standing connection, in the order given. One that has just ended may still be named: nothing is
    /// written then, and [`Input::Disconnected`] tells the rest.
    Transmit {
        /// On which connection.
        connection: ConnectionId,
        /// What to write.
        request: OutgoingRequest,
    },
    /// Close a connection. No input about it is expected afterwards; one that comes is ignored.
    Close {
        /// Which one.
        connection: ConnectionId,
    },
    /// Records that travelled together met their fate. Batches of one partition complete in the order Kafka's sender
    /// completes them.
    Completed(BatchCompletion),
    /// A `send` that was refused with [`Blocked`](crate::producer::SendRefusal::Blocked) is worth trying again.
    SendsMayProceed,
    /// Nothing more to do now. Wake the producer at `until`, or earlier with an input.
    Wait {
        /// `None`: only an input or a `send` can change anything.
        until: Option<Instant>,
        /// Who asked for this deadline.
        why: WaitReason,
    },
}

/// A request on its way out.
#[derive(Clone, Debug, PartialEq)]
pub struct OutgoingRequest {
    /// API, version, correlation id and client id.
    pub header: RequestHeader,
    /// Its body.
    pub body: Request,
    /// False only for Produce with acks=0.
    pub expects_response: bool,
}

/// The fate of a batch: one answer for all its records. Of a batch that was split, each part has a fate of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchCompletion {
    /// The batch, by the name that `send` gave its records.
    pub batch: BatchId,
    /// Place in it of the first of these records: 0, unless it was split.
    pub first_index: u32,
    /// The batch that carried them, by the name that facts give it: the same, or one split from it.
    pub carrier: BatchId,
    /// Is nothing of the batch left to be told?
    pub is_last: bool,
    /// Topic of its partition.
    pub topic: Arc<str>,
    /// Its partition.
    pub partition: i32,
    /// How many records it speaks of; their places follow one by one.
    pub record_count: u32,
    /// How often their carrier was sent.
    pub attempts: u32,
    /// Stored, or not.
    pub result: Result<Stored, BatchFailure>,
}

impl BatchCompletion {
    /// Does it speak of the record with this name?
    pub fn covers(&self, batch: BatchId, index: u32) -> bool {
        batch == self.batch && self.covers_place(index)
    }

    /// Does it speak of the record with this place in its batch?
    pub fn covers_place(&self, index: u32) -> bool {
        index >= self.first_index && index - self.first_index < self.record_count
    }

    /// Offset of a record it speaks of; `None` when the broker did not say, or stored nothing.
    pub fn offset_of(&self, index: u32) -> Option<i64> {
        let base = self.result.as_ref().ok().map(|stored| stored.base_offset).filter(|&base| base >= 0)?;
        base.checked_add(i64::from(index) - i64::from(self.first_index))
    }
}

/// Where a batch landed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Offset of the first record; −1 when the broker did not say (acks=0, or a duplicate it no longer remembers).
    pub base_offset: i64,
    /// The broker's time for all records when the topic uses LogAppendTime (or for a recognised duplicate), in
    /// milliseconds since 1970; `None` keeps each record's own CreateTime.
    pub log_append_time_ms: Option<i64>,
}

/// Who asked for the next wake-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum WaitReason {
    /// Nothing is due: the producer is idle, and so is a connection that is closed when it stays so
    /// (`connections.max.idle.ms`).
    Idle,
    /// A batch waits for `linger.ms`.
    Linger,
    /// A batch waits out its retry back-off.
    RetryBackoff,
    /// A connection waits out its reconnect back-off.
    ReconnectBackoff,
    /// A request may time out (`request.timeout.ms`).
    RequestTimeout,
    /// A connection attempt may time out (`socket.connection.setup.timeout.ms`).
    ConnectTimeout,
    /// A batch may expire (`delivery.timeout.ms`).
    DeliveryTimeout,
    /// Metadata grows old (`metadata.max.age.ms`) or may be asked for again.
    MetadataRefresh,
    /// A broker asked for a pause (`throttle_time_ms`).
    Throttle,
    /// `close` with a timeout may run out.
    Close,
}
