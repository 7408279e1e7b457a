//! Names of things: brokers, connections, requests, batches, records.

use core::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number_id!(
    /// A broker's node id. Bootstrap addresses, whose id is not known yet, count down from −1 as in the Java client.
    NodeId(i32)
);
number_id!(
    /// One TCP connection in the life of one producer; never reused, so that a late event cannot hit its successor.
    ConnectionId(u32)
);
number_id!(
    /// Pairs a response with its request on one connection (`RequestHeader.correlationId`).
    CorrelationId(i32)
);
number_id!(
    /// A batch in the life of one producer, in order of creation, never reused.
    BatchId(u64)
);
number_id!(
    /// Which producer of a session speaks: the first is 0, and each one that a change of configuration brings is the next.
    ProducerIndex(u32)
);
number_id!(
    /// Which of the lanes run side by side (A/B) an event belongs to.
    Lane(u8)
);

impl NodeId {
    /// Is this a stand-in for a bootstrap address rather than a broker's own id?
    pub const fn is_bootstrap(self) -> bool {
        self.0 < 0
    }
}

/// Which way a message travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Direction {
    /// A request.
    ToBroker,
    /// An answer.
    ToClient,
}

/// A topic's id (KIP-516); all zero when the broker did not tell one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TopicId(pub [u8; 16]);

/// One ordered log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TopicPartition {
    /// Topic name.
    pub topic: Arc<str>,
    /// Partition number, from 0.
    pub partition: i32,
}

impl fmt::Display for TopicPartition {
    /// `orders-1`, as Kafka prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// A record's one name, given by `send` and never reused: batches of another producer are counted from 0 again, so it is
/// the producer that keeps their names apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordName {
    /// The producer that took the record.
    pub producer: ProducerIndex,
    /// The batch it was written into.
    pub batch: BatchId,
    /// Its place in the batch, from 0; its offset is the batch's base offset plus this.
    pub index: u32,
}

/// A producer id and its epoch, granted by the cluster (KIP-98).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProducerIdentity {
    /// Producer id.
    pub id: i64,
    /// Its generation; a higher one restarts sequences at zero.
    pub epoch: i16,
}

impl ProducerIdentity {
    /// Nobody's, as it goes over the wire (`RecordBatch.NO_PRODUCER_ID`, `NO_PRODUCER_EPOCH`).
    pub const NONE: Self = Self { id: -1, epoch: -1 };
}

/// Where a broker can be reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BrokerAddress {
    /// Host name or IP literal, without brackets.
    pub host: Arc<str>,
    /// TCP port.
    pub port: u16,
}

impl fmt::Display for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}
