//! What becomes of messages on their way.
//!
//! A message has a name that another run of the same scenario knows too: producer, connection, direction, API, ordinal.
//! A rule may leave open what does not matter.

use std::sync::Arc;

use crate::error::ErrorCode;
use crate::ids;
use crate::protocol::ApiKey;

use super::written::{words, written};

written! {
    /// A fault, and the messages it strikes.
    pub struct Rule {
        /// Which messages are counted.
        on: Messages = Messages::default();
        /// The first one struck, counted from 1.
        nth: u32 = 1, Between(1, 1_000_000_000);
        /// How many are struck, one after the other.
        times: u32 = 1, Between(1, 1_000_000_000);
        /// Only those that leave from here on count, in virtual microseconds.
        from_us: u64 = 0, Between(0, 86_400_000_000);
        /// Only in this lane; absent: in every one.
        lane: Option<u32> = None, Lane;
        /// What becomes of them.
        fate: Fate = Fate::default(), Told;
        /// Only those that leave before count, in virtual microseconds; absent: without end.
        until_us: Option<u64> = None, Between(0, 86_400_000_000);
    }
}

written! {
    /// Messages between producers and brokers: all that fit.
    pub struct Messages {
        /// Requests, or the answers to them.
        direction: Direction = Direction::Request;
        /// Of which API; absent: of every one.
        api: Option<ApiKey> = None;
        /// Of which producer; absent: of every one.
        producer: Option<u32> = None, Producer;
        /// To or from which broker; absent: every one.
        node: Option<u32> = None, Node;
        /// On which connection of the producer, counted from 1 as they are opened; absent: on every one.
        connection: Option<u32> = None, Between(1, 1_000_000);
        /// About which topic, possibly among others; empty: about any.
        topic: Arc<str> = "".into(), AnyTopic;
        /// About which partition of the topic; absent: about any.
        partition: Option<u32> = None, Between(0, 99);
    }
}

words! {
    /// Which way a message goes.
    pub enum Direction {
        /// To a broker.
        Request "request"
        /// From a broker.
        Answer "answer"
    }
}

impl From<Direction> for ids::Direction {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Request => Self::ToBroker,
            Direction::Answer => Self::ToClient,
        }
    }
}

impl From<ids::Direction> for Direction {
    fn from(direction: ids::Direction) -> Self {
        match direction {
            ids::Direction::ToBroker => Self::Request,
            ids::Direction::ToClient => Self::Answer,
        }
    }
}

written! {
    /// What becomes of a message.
    pub enum Fate {
        /// Nothing, and no later rule strikes it either.
        Pass "pass" {}
        /// Its connection breaks, and all that is under way on it is lost: at a request before the broker acts upon it,
        /// at an answer after.
        Break "break" {}
        /// Silence, also for all behind it on the connection, until the client gives up.
        Swallow "swallow" {}
        /// It comes later, and all behind it on the connection with it.
        Delay "delay" {
            /// By how much, in microseconds.
            by_us: u64 = 1_000_000, Between(1, 3_600_000_000);
        }
        /// A request is answered with an error and not acted upon; an answer says, after the broker acted, what only
        /// follows a write.
        Error "error" {
            /// The error, by Kafka's name.
            error: ErrorCode = ErrorCode::NOT_ENOUGH_REPLICAS;
            /// Only for this partition of the message's topic; absent: for all it is about.
            partition: Option<u32> = None, Between(0, 99);
            /// The answer comes so much later, in microseconds.
            delay_us: u64 = 0, Between(0, 3_600_000_000);
        }
        /// The answer asks for patience.
        Throttle "throttle" {
            /// `throttle_time_ms`, in milliseconds.
            for_ms: u32 = 1_000, Between(0, 2_147_483_647);
        }
    }
}

words! {
    /// A request, by the name of its message.
    ApiKey as ("Api") {
        /// Append batches.
        Produce "Produce"
        /// Brokers, topics, leaders.
        Metadata "Metadata"
        /// What a broker speaks.
        ApiVersions "ApiVersions"
        /// A producer id and epoch.
        InitProducerId "InitProducerId"
        /// The coordinator of a transactional id.
        FindCoordinator "FindCoordinator"
        /// Partitions for a transaction.
        AddPartitionsToTxn "AddPartitionsToTxn"
        /// A group's offsets for a transaction.
        AddOffsetsToTxn "AddOffsetsToTxn"
        /// Offsets that are committed with a transaction.
        TxnOffsetCommit "TxnOffsetCommit"
        /// The end of a transaction.
        EndTxn "EndTxn"
        /// Read batches.
        Fetch "Fetch"
        /// Offsets by time, earliest, latest.
        ListOffsets "ListOffsets"
        /// Offsets that groups have committed.
        OffsetFetch "OffsetFetch"
        /// New topics.
        CreateTopics "CreateTopics"
        /// The end of topics.
        DeleteTopics "DeleteTopics"
    }
}
