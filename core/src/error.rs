//! What can go wrong with a send, sorted by what the caller can do about it.
//!
//! Every error carries its facts as fields and knows the Java client's class and sentence for it; prose for people is
//! made by the page and the command line.

mod code;
mod lost;
mod other_codes;
mod transaction;

use core::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::{NodeId, TopicPartition};
use crate::protocol::ApiKey;

pub use self::code::ErrorCode;
pub use self::lost::LostConnection;
pub use self::transaction::{IllegalCall, TransactionCall, TransactionError, TransactionPhase};

/// Why the program's record was not acknowledged, as the Java client would put it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProducerError {
    /// The broker refused the batch for good, or retries were used up on this.
    Broker {
        /// Its error code.
        code: ErrorCode,
        /// Its own sentence, when it sent one.
        message: Option<Arc<str>>,
    },
    /// The connection broke before the answer, and retries were used up (`NetworkException`).
    Disconnected {
        /// The broker at its other end.
        node: NodeId,
    },
    /// `delivery.timeout.ms` passed (`TimeoutException`, "Expiring N record(s) …").
    DeliveryTimeout {
        /// Records in the batch.
        records: u32,
        /// Its partition.
        partition: TopicPartition,
        /// Milliseconds since the batch was created.
        elapsed_ms: u64,
    },
    /// `max.block.ms` passed without metadata for the topic (`TimeoutException`).
    MetadataTimeout {
        /// The topic.
        topic: Arc<str>,
        /// The explicit partition asked for and the partition count known, when the count was known.
        partition: Option<(i32, i32)>,
        /// `max.block.ms`.
        max_block_ms: u64,
        /// What metadata said of the topic last, NONE when nothing.
        last_error: ErrorCode,
        /// The connection that was lost last, when no metadata came since.
        lost: Option<Box<LostConnection>>,
    },
    /// `max.block.ms` passed without free memory (`BufferExhaustedException`, a `TimeoutException`).
    BufferExhausted {
        /// Bytes asked for.
        needed_bytes: u64,
        /// Milliseconds left to wait for them once metadata was there.
        waited_ms: u64,
        /// `buffer.memory`.
        total_bytes: u64,
        /// Bytes free at the end.
        available_bytes: u64,
        /// `batch.size`.
        poolable_bytes: u64,
    },
    /// Larger than `max.request.size` (`RecordTooLargeException`).
    RecordTooLarge {
        /// Upper bound of the record's size in a batch of its own.
        size_bytes: u64,
        /// `max.request.size`.
        limit_bytes: u64,
    },
    /// Larger than all of `buffer.memory` (`RecordTooLargeException`).
    RecordLargerThanBuffer {
        /// Upper bound of the record's size in a batch of its own.
        size_bytes: u64,
        /// `buffer.memory`.
        limit_bytes: u64,
    },
    /// `batch.size` exceeds `buffer.memory` (`IllegalArgumentException`, thrown).
    BatchLargerThanBuffer {
        /// Bytes the batch needs.
        needed_bytes: u64,
        /// `buffer.memory`.
        limit_bytes: u64,
    },
    /// The broker does not accept this topic name (`InvalidTopicException`).
    InvalidTopic {
        /// The name.
        topic: Arc<str>,
    },
    /// The principal may not write to these topics (`TopicAuthorizationException`).
    TopicAuthorization {
        /// Their names, in the order in which the Java client says them.
        topics: Vec<Arc<str>>,
    },
    /// Negative partition (`IllegalArgumentException`, thrown by the record's constructor).
    NegativePartition(i32),
    /// Negative timestamp (`IllegalArgumentException`, thrown by the record's constructor).
    NegativeTimestamp(i64),
    /// The broker speaks no version of an API that we do (`UnsupportedVersionException`, of
    /// `NodeApiVersions.latestUsableVersion`).
    UnsupportedVersion {
        /// Which API.
        api: ApiKey,
        /// The versions we speak, lowest and highest.
        wanted: (i16, i16),
        /// Those the broker speaks; `None`: it does not know the API.
        supported: Option<(i16, i16)>,
    },
    /// `close` came before this send (`IllegalStateException`, thrown).
    Closed,
    /// `close` came while this send was waiting for metadata (`KafkaException`, thrown).
    ClosedWhileSending,
    /// `close` came while this send was waiting for memory (`KafkaException` of `BufferPool.allocate`, thrown).
    ClosedWhileAllocating,
    /// `close` with a timeout gave up on this batch (`KafkaException`).
    ForceClosed,
    /// One record of the batch was refused, and this one travelled with it (`KafkaException`).
    BatchContainedInvalidRecords,
    /// The record's value does not have the type its serialiser takes (`SerializationException`, thrown).
    Serialization {
        /// What did not fit.
        detail: Arc<str>,
    },
    /// About a transaction.
    Transaction(Box<TransactionError>),
    /// A topic was looked at of which a closed producer knows nothing, or `close` came meanwhile (`KafkaException` of
    /// `ProducerMetadata.awaitUpdate`, thrown).
    ClosedWhileLooking,
}

impl From<TransactionError> for ProducerError {
    fn from(error: TransactionError) -> Self {
        Self::Transaction(Box::new(error))
    }
}

/// Where the program's code meets an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Surface {
    /// `send` itself throws; no callback runs.
    Thrown,
    /// The future fails, and the callback runs on the caller's thread before `send` returns.
    FutureOnCaller,
    /// The future fails later, and the callback runs on the sender's thread.
    FutureOnSender,
}

/// Is the record in the log?
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Persistence {
    /// It is not, for certain.
    NotPersisted,
    /// It may be: a request that carried it was written and its answer never seen, or seen too late. Or `send` refused
    /// it when it was in its batch already, which goes its way all the same.
    PossiblyPersisted,
    /// It is.
    Persisted,
}

/// A batch that was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchFailure {
    /// Why, for every record not named in `record_errors`.
    pub error: ProducerError,
    /// Records with an error of their own: (place in the batch that `send` named, error), ascending.
    pub record_errors: Vec<(u32, ProducerError)>,
    /// May it be in the log all the same?
    pub persistence: Persistence,
}

impl ProducerError {
    /// Simple name of the Java client's exception class.
    pub const fn java_class(&self) -> &'static str {
        match self {
            Self::Broker { code, .. } => code.java_class(),
            Self::Disconnected { .. } => "NetworkException",
            Self::DeliveryTimeout { .. } | Self::MetadataTimeout { .. } => "TimeoutException",
            Self::BufferExhausted { .. } => "BufferExhaustedException",
            Self::RecordTooLarge { .. } | Self::RecordLargerThanBuffer { .. } => "RecordTooLargeException",
            Self::BatchLargerThanBuffer { .. } | Self::NegativePartition(_) | Self::NegativeTimestamp(_) => {
                "IllegalArgumentException"
            }
            Self::InvalidTopic { .. } => "InvalidTopicException",
            Self::TopicAuthorization { .. } => "TopicAuthorizationException",
            Self::UnsupportedVersion { .. } => "UnsupportedVersionException",
            Self::Closed => "IllegalStateException",
            Self::ClosedWhileSending
            | Self::ClosedWhileAllocating
            | Self::ClosedWhileLooking
            | Self::ForceClosed
            | Self::BatchContainedInvalidRecords => "KafkaException",
            Self::Serialization { .. } => "SerializationException",
            Self::Transaction(error) => error.java_class(),
        }
    }

    /// Does the class extend `RetriableException`? Says what the *class* promises; the producer has already retried.
    pub const fn is_retriable(&self) -> bool {
        match self {
            Self::Broker { code, .. } => code.is_retriable(),
            Self::Disconnected { .. }
            | Self::DeliveryTimeout { .. }
            | Self::MetadataTimeout { .. }
            | Self::BufferExhausted { .. } => true,
            Self::Transaction(error) => matches!(**error, TransactionError::Timeout { .. }),
            _ => false,
        }
    }

    /// Where it surfaces when `send` meets it before the record is appended. What comes later surfaces as
    /// [`Surface::FutureOnSender`]. Rule of `KafkaProducer.doSend`: subclasses of `ApiException` fail the future, the
    /// rest is thrown.
    pub const fn surface_in_send(&self) -> Surface {
        match self {
            Self::BatchLargerThanBuffer { .. }
            | Self::NegativePartition(_)
            | Self::NegativeTimestamp(_)
            | Self::Closed
            | Self::ClosedWhileSending
            | Self::ClosedWhileAllocating
            | Self::ClosedWhileLooking
            | Self::ForceClosed
            | Self::BatchContainedInvalidRecords
            | Self::Serialization { .. } => Surface::Thrown,
            Self::Transaction(error) if !error.is_api_exception() => Surface::Thrown,
            _ => Surface::FutureOnCaller,
        }
    }
}

impl fmt::Display for ProducerError {
    /// The Java client's sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broker { code, message } => match message {
                Some(message) => f.write_str(message),
                None => f.write_str(code.java_message()),
            },
            Self::Disconnected { node } => write!(f, "Disconnected from node {node}"),
            Self::DeliveryTimeout { records, partition, elapsed_ms } => write!(
                f,
                "Expiring {records} record(s) for {partition}:{elapsed_ms} ms has passed since batch creation. The request has not been sent, or no server response has been received yet."
            ),
            Self::MetadataTimeout { topic, partition: None, max_block_ms, .. } => {
                write!(f, "Topic {topic} not present in metadata after {max_block_ms} ms.")
            }
            Self::MetadataTimeout { topic, partition: Some((partition, count)), max_block_ms, .. } => write!(
                f,
                "Partition {partition} of topic {topic} with partition count {count} is not present in metadata after {max_block_ms} ms."
            ),
            Self::BufferExhausted { needed_bytes, waited_ms, total_bytes, available_bytes, poolable_bytes } => write!(
                f,
                "Failed to allocate {needed_bytes} bytes within the configured max blocking time {waited_ms} ms. Total memory: {total_bytes} bytes. Available memory: {available_bytes} bytes. Poolable size: {poolable_bytes} bytes"
            ),
            Self::RecordTooLarge { size_bytes, limit_bytes } => write!(
                f,
                "The message is {size_bytes} bytes when serialized which is larger than {limit_bytes}, which is the value of the max.request.size configuration."
            ),
            Self::RecordLargerThanBuffer { size_bytes, .. } => write!(
                f,
                "The message is {size_bytes} bytes when serialized which is larger than the total memory buffer you have configured with the buffer.memory configuration."
            ),
            Self::BatchLargerThanBuffer { needed_bytes, limit_bytes } => write!(
                f,
                "Attempt to allocate {needed_bytes} bytes, but there is a hard limit of {limit_bytes} on memory allocations."
            ),
            Self::InvalidTopic { topic } => write!(f, "Invalid topics: [{topic}]"),
            Self::TopicAuthorization { topics } => {
                write!(f, "Not authorized to access topics: [{}]", topics.join(", "))
            }
            Self::NegativePartition(partition) => {
                write!(f, "Invalid partition: {partition}. Partition number should always be non-negative or null.")
            }
            Self::NegativeTimestamp(timestamp) => {
                write!(f, "Invalid timestamp: {timestamp}. Timestamp should always be non-negative or null.")
            }
            Self::UnsupportedVersion { api, supported: None, .. } => {
                write!(f, "The node does not support {}", api.name())
            }
            Self::UnsupportedVersion { api, wanted, supported: Some(supported) } => write!(
                f,
                "The node does not support {} with version in range [{},{}]. The supported range is [{},{}].",
                api.name(),
                wanted.0,
                wanted.1,
                supported.0,
                supported.1
            ),
            Self::Closed => f.write_str("Cannot perform operation after producer has been closed"),
            Self::ClosedWhileSending => f.write_str("Producer closed while send in progress"),
            Self::ClosedWhileLooking => f.write_str("Requested metadata update after close"),
            Self::ClosedWhileAllocating => f.write_str("Producer closed while allocating memory"),
            Self::ForceClosed => f.write_str("Producer is closed forcefully."),
            Self::BatchContainedInvalidRecords => f.write_str(
                "Failed to append record because it was part of a batch which had one more more invalid records",
            ),
            Self::Serialization { detail } => f.write_str(detail),
            Self::Transaction(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ProducerError {
    /// What lies behind it: the Java exception's cause and, where that has none, the connection that was lost.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::MetadataTimeout { last_error, .. } if !last_error.is_none() => Some(last_error),
            Self::MetadataTimeout { lost: Some(lost), .. } => Some(&**lost),
            Self::Transaction(error) => match &**error {
                TransactionError::InErrorState(first) | TransactionError::RetriesExhausted(first) => Some(&**first),
                TransactionError::Illegal(IllegalCall::Poisoned { cause, .. }) => Some(&**cause),
                _ => None,
            },
            _ => None,
        }
    }
}
