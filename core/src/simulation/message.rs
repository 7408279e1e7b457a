//! Messages by their names, and what may be done to one on its way.
//!
//! *Models*: a break at the message, silence from it on, delay, an error in its place, a pause asked for. *Leaves out*:
//! bytes that change on their way, and answers that no broker gives: TCP and the protocol keep those away, and tests of
//! hostile peers have them.

use core::fmt;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::ErrorCode;
use crate::ids::{ConnectionId, Direction, ProducerIndex};
use crate::protocol::{ApiKey, Response};

/// The one name of a message: it stays the same whatever happens to others before it, and in every run of the same
/// world up to the moment somebody interferes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MessageName {
    /// Whose connection it travels on.
    pub producer: ProducerIndex,
    /// Which one.
    pub connection: ConnectionId,
    /// Request or answer.
    pub direction: Direction,
    /// Of which API.
    pub api: ApiKey,
    /// The how-manieth of its kind on its connection, from 1.
    pub ordinal: u32,
}

impl fmt::Display for MessageName {
    /// `producer 0, connection 2: request PRODUCE 3`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.direction {
            Direction::ToBroker => "request",
            Direction::ToClient => "answer",
        };
        let Self { producer, connection, api, ordinal, .. } = self;
        write!(f, "producer {producer}, connection {connection}: {kind} {} {ordinal}", api.name())
    }
}

/// What is done to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Interference {
    /// Its connection breaks when it would arrive. A request is then not acted upon; behind an answer, what the broker did
    /// stays done. What was sent before it arrives, what was sent after it does not.
    Break,
    /// It never arrives, nor does anything behind it, and nobody is told: the client notices by its own timeout.
    Swallow,
    /// It arrives so much later, and nothing behind it overtakes it.
    Delay(Duration),
    /// A request: the broker answers with this error and does nothing. An answer: it says this instead, although the broker
    /// acted; only what a broker may say after a write ([`ErrorCode::may_follow_a_write`]).
    Answer(ErrorCode),
    /// [`Answer`](Self::Answer), of this partition alone: the others get what they deserve.
    AnswerFor {
        /// The partition's number.
        partition: i32,
        /// Which error.
        error: ErrorCode,
    },
    /// Its answer, if it is a request, or it itself asks the client to pause (`throttle_time_ms`), in milliseconds.
    Throttle(i32),
}

impl Interference {
    fn error(self) -> Option<ErrorCode> {
        match self {
            Self::Answer(error) | Self::AnswerFor { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// Why nothing was done to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterferenceRefusal {
    /// No message of this name is on its way: it has arrived already, or is lost.
    NotOnItsWay,
    /// No broker says this after it wrote.
    CannotFollowAWrite(ErrorCode),
    /// Only answers to Produce tell of a write.
    TellsOfNoWrite(ApiKey),
}

impl fmt::Display for InterferenceRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOnItsWay => f.write_str("no message of this name is on its way: it has arrived, or it is lost"),
            Self::CannotFollowAWrite(error) => {
                write!(f, "no broker answers {error} after it has written; break the request, or answer it, instead")
            }
            Self::TellsOfNoWrite(api) => {
                write!(f, "an answer to {} tells of no write: answer the request with the error instead", api.name())
            }
        }
    }
}

impl std::error::Error for InterferenceRefusal {}

/// May this be done to this message, wherever it is?
///
/// # Errors
/// An answer that no broker gives.
pub(super) fn check(name: &MessageName, what: Interference) -> Result<(), InterferenceRefusal> {
    let Some(error) = what.error().filter(|_| name.direction == Direction::ToClient) else { return Ok(()) };
    match () {
        () if name.api != ApiKey::Produce => Err(InterferenceRefusal::TellsOfNoWrite(name.api)),
        () if !error.may_follow_a_write() => Err(InterferenceRefusal::CannotFollowAWrite(error)),
        () => Ok(()),
    }
}

/// Has an answer tell of this error in every partition, or in one of this number, and of no offset.
pub(super) fn say_instead(response: &mut Response, only: Option<i32>, error: ErrorCode) {
    let Response::Produce(response) = response else { return };
    let partitions = response.topics.iter_mut().flat_map(|topic| &mut topic.partitions);
    for partition in partitions.filter(|partition| only.is_none_or(|only| only == partition.partition)) {
        partition.error = error;
        partition.base_offset = -1;
        partition.log_append_time_ms = -1;
        partition.log_start_offset = -1;
    }
}
