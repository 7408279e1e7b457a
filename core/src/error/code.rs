//! Brokers' error codes.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::other_codes::other;

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
                match self.0 {
                    $($code => Some(stringify!($name)),)*
                    code => match other(code) { Some(other) => Some(other.1), None => None },
                }
            }

            /// Simple name of the Java client's exception class. Numbers unknown to the Java client become
            /// `UnknownServerException`, as there.
            pub const fn java_class(self) -> &'static str {
                match self.0 {
                    $($code => $class,)*
                    code => match other(code) { Some(other) => other.2, None => "UnknownServerException" },
                }
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
            code => match other(code) {
                Some(other) => other.3,
                None => "The server experienced an unexpected error when processing the request.",
            },
        }
    }

    /// Nothing went wrong.
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// What a leader may say of a batch that it has appended: its copies did not come in time, or it lost log or leadership
    /// while it waited for them (`DelayedProduce`, `ReplicaManager.getPartitionOrError`,
    /// `Partition.checkEnoughReplicasReachOffset`).
    pub const AFTER_A_WRITE: [Self; 5] = [
        Self::REQUEST_TIMED_OUT,
        Self::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        Self::NOT_LEADER_OR_FOLLOWER,
        Self::KAFKA_STORAGE_ERROR,
        Self::UNKNOWN_TOPIC_OR_PARTITION,
    ];

    /// Codes with which a broker refuses a batch that it did not write, or may have written: for those who draw faults.
    /// MESSAGE_TOO_LARGE is not among them: of a batch that was written before, and then split, the parts are there again,
    /// in Kafka too.
    #[cfg(any(test, feature = "swarm"))]
    pub(crate) const REFUSALS: [Self; 13] = [
        Self::NOT_LEADER_OR_FOLLOWER,
        Self::UNKNOWN_TOPIC_OR_PARTITION,
        Self::LEADER_NOT_AVAILABLE,
        Self::NOT_ENOUGH_REPLICAS,
        Self::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        Self::REQUEST_TIMED_OUT,
        Self::NETWORK_EXCEPTION,
        Self::KAFKA_STORAGE_ERROR,
        Self::CORRUPT_MESSAGE,
        Self::INVALID_RECORD,
        Self::TOPIC_AUTHORIZATION_FAILED,
        Self::THROTTLING_QUOTA_EXCEEDED,
        Self::UNKNOWN_SERVER_ERROR,
    ];

    /// May a broker answer a Produce with this although the batch is in its log?
    pub fn may_follow_a_write(self) -> bool {
        Self::AFTER_A_WRITE.contains(&self)
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

impl std::error::Error for ErrorCode {}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
