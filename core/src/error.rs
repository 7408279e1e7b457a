//! What can go wrong with a send, sorted by what the caller can do about it.
//!
//! Every error carries its facts as fields and knows the Java client's class and sentence for it; prose for people is
//! made by the page and the command line.

mod transaction;

use core::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::{NodeId, TopicPartition};
use crate::protocol::ApiKey;

pub use self::transaction::{IllegalCall, TransactionCall, TransactionError, TransactionPhase};

/// A broker's error code (`org.apache.kafka.common.protocol.Errors`).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ErrorCode(pub i16);

macro_rules! error_codes {
    ($($code:literal $name:ident $class:literal $retriable:literal $refresh:literal;)*) => {
        #[expect(missing_docs, reason = "Kafka's own names say it")]
        impl ErrorCode {
            $(pub const $name: Self = Self($code);)*

            /// Kafka's name, or `None` for a number no Kafka we know uses.
            pub const fn name(self) -> Option<&'static str> {
                Some(match self.0 { $($code => stringify!($name),)* _ => return None })
            }

            /// Simple name of the Java client's exception class. Numbers unknown to the Java client become
            /// `UnknownServerException`, as there.
            pub const fn java_class(self) -> &'static str {
                match self.0 { $($code => $class,)* _ => "UnknownServerException" }
            }

            /// Does the class extend `RetriableException`?
            pub const fn is_retriable(self) -> bool {
                match self.0 { $($code => $retriable,)* _ => false }
            }

            /// Does the class extend `InvalidMetadataException`, so that metadata is asked for again?
            pub const fn invalidates_metadata(self) -> bool {
                match self.0 { $($code => $refresh,)* _ => false }
            }
        }
    };
}

// Code, name, exception class, retriable, refreshes metadata: facts of `Errors` and of the exceptions' class hierarchy.
error_codes! {
    -1 UNKNOWN_SERVER_ERROR "UnknownServerException" false false;
    0 NONE "" false false;
    1 OFFSET_OUT_OF_RANGE "OffsetOutOfRangeException" false false;
    2 CORRUPT_MESSAGE "CorruptRecordException" true false;
    3 UNKNOWN_TOPIC_OR_PARTITION "UnknownTopicOrPartitionException" true true;
    5 LEADER_NOT_AVAILABLE "LeaderNotAvailableException" true true;
    6 NOT_LEADER_OR_FOLLOWER "NotLeaderOrFollowerException" true true;
    7 REQUEST_TIMED_OUT "TimeoutException" true false;
    8 BROKER_NOT_AVAILABLE "BrokerNotAvailableException" false false;
    9 REPLICA_NOT_AVAILABLE "ReplicaNotAvailableException" true true;
    10 MESSAGE_TOO_LARGE "RecordTooLargeException" false false;
    12 OFFSET_METADATA_TOO_LARGE "OffsetMetadataTooLarge" false false;
    13 NETWORK_EXCEPTION "NetworkException" true true;
    14 COORDINATOR_LOAD_IN_PROGRESS "CoordinatorLoadInProgressException" true false;
    15 COORDINATOR_NOT_AVAILABLE "CoordinatorNotAvailableException" true false;
    16 NOT_COORDINATOR "NotCoordinatorException" true false;
    17 INVALID_TOPIC_EXCEPTION "InvalidTopicException" false false;
    18 RECORD_LIST_TOO_LARGE "RecordBatchTooLargeException" false false;
    19 NOT_ENOUGH_REPLICAS "NotEnoughReplicasException" true false;
    20 NOT_ENOUGH_REPLICAS_AFTER_APPEND "NotEnoughReplicasAfterAppendException" true false;
    21 INVALID_REQUIRED_ACKS "InvalidRequiredAcksException" false false;
    22 ILLEGAL_GENERATION "IllegalGenerationException" false false;
    24 INVALID_GROUP_ID "InvalidGroupIdException" false false;
    25 UNKNOWN_MEMBER_ID "UnknownMemberIdException" false false;
    29 TOPIC_AUTHORIZATION_FAILED "TopicAuthorizationException" false false;
    30 GROUP_AUTHORIZATION_FAILED "GroupAuthorizationException" false false;
    31 CLUSTER_AUTHORIZATION_FAILED "ClusterAuthorizationException" false false;
    32 INVALID_TIMESTAMP "InvalidTimestampException" false false;
    33 UNSUPPORTED_SASL_MECHANISM "UnsupportedSaslMechanismException" false false;
    35 UNSUPPORTED_VERSION "UnsupportedVersionException" false false;
    36 TOPIC_ALREADY_EXISTS "TopicExistsException" false false;
    37 INVALID_PARTITIONS "InvalidPartitionsException" false false;
    38 INVALID_REPLICATION_FACTOR "InvalidReplicationFactorException" false false;
    40 INVALID_CONFIG "InvalidConfigurationException" false false;
    41 NOT_CONTROLLER "NotControllerException" true false;
    42 INVALID_REQUEST "InvalidRequestException" false false;
    43 UNSUPPORTED_FOR_MESSAGE_FORMAT "UnsupportedForMessageFormatException" false false;
    44 POLICY_VIOLATION "PolicyViolationException" false false;
    45 OUT_OF_ORDER_SEQUENCE_NUMBER "OutOfOrderSequenceException" false false;
    46 DUPLICATE_SEQUENCE_NUMBER "DuplicateSequenceException" false false;
    47 INVALID_PRODUCER_EPOCH "InvalidProducerEpochException" false false;
    48 INVALID_TXN_STATE "InvalidTxnStateException" false false;
    49 INVALID_PRODUCER_ID_MAPPING "InvalidPidMappingException" false false;
    50 INVALID_TRANSACTION_TIMEOUT "InvalidTxnTimeoutException" false false;
    51 CONCURRENT_TRANSACTIONS "ConcurrentTransactionsException" true false;
    53 TRANSACTIONAL_ID_AUTHORIZATION_FAILED "TransactionalIdAuthorizationException" false false;
    55 OPERATION_NOT_ATTEMPTED "OperationNotAttemptedException" false false;
    56 KAFKA_STORAGE_ERROR "KafkaStorageException" true true;
    58 SASL_AUTHENTICATION_FAILED "SaslAuthenticationException" false false;
    59 UNKNOWN_PRODUCER_ID "UnknownProducerIdException" false false;
    70 FETCH_SESSION_ID_NOT_FOUND "FetchSessionIdNotFoundException" true false;
    71 INVALID_FETCH_SESSION_EPOCH "InvalidFetchSessionEpochException" true false;
    72 LISTENER_NOT_FOUND "ListenerNotFoundException" true true;
    74 FENCED_LEADER_EPOCH "FencedLeaderEpochException" true true;
    75 UNKNOWN_LEADER_EPOCH "UnknownLeaderEpochException" true false;
    76 UNSUPPORTED_COMPRESSION_TYPE "UnsupportedCompressionTypeException" false false;
    78 OFFSET_NOT_AVAILABLE "OffsetNotAvailableException" true false;
    80 PREFERRED_LEADER_NOT_AVAILABLE "PreferredLeaderNotAvailableException" true true;
    82 FENCED_INSTANCE_ID "FencedInstanceIdException" false false;
    83 ELIGIBLE_LEADERS_NOT_AVAILABLE "EligibleLeadersNotAvailableException" true true;
    84 ELECTION_NOT_NEEDED "ElectionNotNeededException" true true;
    87 INVALID_RECORD "InvalidRecordException" false false;
    88 UNSTABLE_OFFSET_COMMIT "UnstableOffsetCommitException" true false;
    89 THROTTLING_QUOTA_EXCEEDED "ThrottlingQuotaExceededException" true false;
    90 PRODUCER_FENCED "ProducerFencedException" false false;
    100 UNKNOWN_TOPIC_ID "UnknownTopicIdException" true true;
    103 INCONSISTENT_TOPIC_ID "InconsistentTopicIdException" true true;
    106 FETCH_SESSION_TOPIC_ID_ERROR "FetchSessionTopicIdException" true false;
    120 TRANSACTION_ABORTABLE "TransactionAbortableException" false false;
    122 SHARE_SESSION_NOT_FOUND "ShareSessionNotFoundException" true false;
    123 INVALID_SHARE_SESSION_EPOCH "InvalidShareSessionEpochException" true false;
    129 REBOOTSTRAP_REQUIRED "RebootstrapRequiredException" false false;
    133 SHARE_SESSION_LIMIT_REACHED "ShareSessionLimitReachedException" true false;
}

impl ErrorCode {
    /// The Java client's sentence when the broker sends none. Empty for NONE.
    pub const fn java_message(self) -> &'static str {
        match self.0 {
            0 => "",
            -1 => "The server experienced an unexpected error when processing the request.",
            1 => "The requested offset is not within the range of offsets maintained by the server.",
            2 => {
                "This message has failed its CRC checksum, exceeds the valid size, has a null key for a compacted topic, or is otherwise corrupt."
            }
            3 => "This server does not host this topic-partition.",
            5 => "There is no leader for this topic-partition as we are in the middle of a leadership election.",
            6 => {
                "For requests intended only for the leader, this error indicates that the broker is not the current leader. For requests intended for any replica, this error indicates that the broker is not a replica of the topic partition."
            }
            7 => "The request timed out.",
            8 => "The broker is not available.",
            9 => {
                "The replica is not available for the requested topic-partition. Produce/Fetch requests and other requests intended only for the leader or follower return NOT_LEADER_OR_FOLLOWER if the broker is not a replica of the topic-partition."
            }
            10 => "The request included a message larger than the max message size the server will accept.",
            12 => "The metadata field of the offset request was too large.",
            13 => "The server disconnected before a response was received.",
            14 => "The coordinator is loading and hence can't process requests.",
            15 => "The coordinator is not available.",
            16 => "This is not the correct coordinator.",
            17 => "The request attempted to perform an operation on an invalid topic.",
            18 => "The request included message batch larger than the configured segment size on the server.",
            19 => "Messages are rejected since there are fewer in-sync replicas than required.",
            20 => "Messages are written to the log, but to fewer in-sync replicas than required.",
            21 => "Produce request specified an invalid value for required acks.",
            22 => "Specified group generation id is not valid.",
            24 => "The group id is invalid.",
            25 => "The coordinator is not aware of this member.",
            29 => "Topic authorization failed.",
            30 => "Group authorization failed.",
            31 => "Cluster authorization failed.",
            32 => "The timestamp of the message is out of acceptable range.",
            33 => "The broker does not support the requested SASL mechanism.",
            35 => "The version of API is not supported.",
            36 => "Topic with this name already exists.",
            37 => "Number of partitions is below 1.",
            38 => "Replication factor is below 1 or larger than the number of available brokers.",
            40 => "Configuration is invalid.",
            41 => "This is not the correct controller for this cluster.",
            42 => {
                "This most likely occurs because of a request being malformed by the client library or the message was sent to an incompatible broker. See the broker logs for more details."
            }
            43 => "The message format version on the broker does not support the request.",
            44 => "Request parameters do not satisfy the configured policy.",
            45 => "The broker received an out of order sequence number.",
            46 => "The broker received a duplicate sequence number.",
            47 => "Producer attempted to produce with an old epoch.",
            48 => "The producer attempted a transactional operation in an invalid state.",
            49 => {
                "The producer attempted to use a producer id which is not currently assigned to its transactional id."
            }
            50 => {
                "The transaction timeout is larger than the maximum value allowed by the broker (as configured by transaction.max.timeout.ms)."
            }
            51 => {
                "The producer attempted to update a transaction while another concurrent operation on the same transaction was ongoing."
            }
            53 => "Transactional Id authorization failed.",
            55 => {
                "The broker did not attempt to execute this operation. This may happen for batched RPCs where some operations in the batch failed, causing the broker to respond without trying the rest."
            }
            56 => "Disk error when trying to access log file on the disk.",
            58 => "SASL Authentication failed.",
            59 => {
                "This exception is raised by the broker if it could not locate the producer metadata associated with the producerId in question. This could happen if, for instance, the producer's records were deleted because their retention time had elapsed. Once the last records of the producerId are removed, the producer's metadata is removed from the broker, and future appends by the producer will return this exception."
            }
            70 => "The fetch session ID was not found.",
            71 => "The fetch session epoch is invalid.",
            72 => {
                "There is no listener on the leader broker that matches the listener on which metadata request was processed."
            }
            74 => "The leader epoch in the request is older than the epoch on the broker.",
            75 => "The leader epoch in the request is newer than the epoch on the broker.",
            76 => "The requesting client does not support the compression type of given partition.",
            78 => {
                "The leader high watermark has not caught up from a recent leader election so the offsets cannot be guaranteed to be monotonically increasing."
            }
            80 => "The preferred leader was not available.",
            82 => {
                "The broker rejected this static consumer since another consumer with the same group.instance.id has registered with a different member.id."
            }
            83 => "Eligible topic partition leaders are not available.",
            84 => "Leader election not needed for topic partition.",
            87 => "This record has failed the validation on broker and hence will be rejected.",
            88 => "There are unstable offsets that need to be cleared.",
            89 => "The throttling quota has been exceeded.",
            90 => "There is a newer producer with the same transactionalId which fences the current one.",
            100 => "This server does not host this topic ID.",
            103 => "The log's topic ID did not match the topic ID in the request.",
            106 => "The fetch session encountered inconsistent topic ID usage.",
            120 => {
                "The server encountered an error with the transaction. The client can abort the transaction to continue using this transactional ID."
            }
            122 => "The share session was not found.",
            123 => "The share session epoch is invalid.",
            129 => "Client metadata is stale. The client should rebootstrap to obtain new metadata.",
            133 => "The limit of share sessions has been reached.",
            _ => "The server experienced an unexpected error when processing the request.",
        }
    }

    /// Nothing went wrong.
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "error {}", self.0),
        }
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

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
    /// The principal may not write to this topic (`TopicAuthorizationException`).
    TopicAuthorization {
        /// The name.
        topic: Arc<str>,
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
    /// The record's value does not have the type its serialiser takes (`SerializationException`, thrown). Nothing makes it
    /// while records are bytes: serialisers by their Java names will.
    Serialization {
        /// What did not fit.
        detail: Arc<str>,
    },
    /// About a transaction.
    Transaction(Box<TransactionError>),
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
    /// It may be: a request that carried it was written and its answer never seen, or seen too late.
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
            Self::TopicAuthorization { topic } => write!(f, "Not authorized to access topics: [{topic}]"),
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

impl std::error::Error for ProducerError {}
