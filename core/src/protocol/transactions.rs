//! The messages of transactions (KIP-98, KIP-890), and of the offsets that are committed within them (KIP-447).

use std::sync::Arc;

use crate::error::ErrorCode;
use crate::ids::ProducerIdentity;

/// Partitions of one topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicPartitions {
    /// The topic's name.
    pub name: Arc<str>,
    /// Partition numbers.
    pub partitions: Vec<i32>,
}

/// What became of the partitions of one topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicErrors {
    /// The topic's name.
    pub name: Arc<str>,
    /// Partition numbers, each with its error or NONE.
    pub partitions: Vec<(i32, ErrorCode)>,
}

/// Makes partitions part of a transaction, before anything is written to them. Only clients of protocol 1 ask for it:
/// since Produce v12 a leader does so itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddPartitionsToTxnRequest {
    /// Whose transaction.
    pub transactional_id: Arc<str>,
    /// The producer, in its current epoch.
    pub identity: ProducerIdentity,
    /// What to add.
    pub topics: Vec<TopicPartitions>,
}

/// Which partitions were added: all or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddPartitionsToTxnResponse {
    /// Milliseconds the client should stay quiet.
    pub throttle_time_ms: i32,
    /// Per topic.
    pub topics: Vec<TopicErrors>,
}

/// Makes a group's offsets part of a transaction. Only clients of protocol 1 ask for it: since TxnOffsetCommit v5 the
/// group's coordinator does so itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddOffsetsToTxnRequest {
    /// Whose transaction.
    pub transactional_id: Arc<str>,
    /// The producer, in its current epoch.
    pub identity: ProducerIdentity,
    /// The group.
    pub group: Arc<str>,
}

/// Was the group added?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddOffsetsToTxnResponse {
    /// Milliseconds the client should stay quiet.
    pub throttle_time_ms: i32,
    /// Why not.
    pub error: ErrorCode,
}

/// Commits or aborts a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndTxnRequest {
    /// Whose transaction.
    pub transactional_id: Arc<str>,
    /// The producer, in its current epoch.
    pub identity: ProducerIdentity,
    /// Commit, or else abort?
    pub committed: bool,
}

/// Is the transaction decided?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndTxnResponse {
    /// Milliseconds the client should stay quiet.
    pub throttle_time_ms: i32,
    /// Why not.
    pub error: ErrorCode,
    /// The producer's id from now on; −1 on error. Since v5.
    pub producer_id: i64,
    /// Its epoch from now on; −1 on error. Since v5.
    pub producer_epoch: i16,
}

/// An offset that a consumer group has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedOffset {
    /// The next offset to read; −1: none is known.
    pub offset: i64,
    /// Leader epoch of the last record read, −1 when unknown. In TxnOffsetCommit since v2, in OffsetFetch since v5.
    pub leader_epoch: i32,
    /// Whatever the client wanted to keep with it.
    pub metadata: Option<Arc<str>>,
}

/// Commits a group's offsets with the transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxnOffsetCommitRequest {
    /// Whose transaction.
    pub transactional_id: Arc<str>,
    /// The group.
    pub group: Arc<str>,
    /// The producer, in its current epoch.
    pub identity: ProducerIdentity,
    /// The consumer's generation, −1 outside a group's management. Since v3.
    pub generation: i32,
    /// The consumer's member id, empty outside a group's management. Since v3.
    pub member_id: Arc<str>,
    /// `group.instance.id`. Since v3.
    pub group_instance_id: Option<Arc<str>>,
    /// The offsets.
    pub topics: Vec<TxnOffsetCommitTopic>,
}

/// One topic of a TxnOffsetCommit request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxnOffsetCommitTopic {
    /// Its name.
    pub name: Arc<str>,
    /// Partition numbers with their offsets.
    pub partitions: Vec<(i32, CommittedOffset)>,
}

/// Which offsets were taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TxnOffsetCommitResponse {
    /// Milliseconds the client should stay quiet.
    pub throttle_time_ms: i32,
    /// Per topic.
    pub topics: Vec<TopicErrors>,
}

/// Asks for the offsets that groups have committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetFetchRequest {
    /// Whose offsets; one group below v8.
    pub groups: Vec<OffsetFetchGroup>,
    /// Answer UNSTABLE_OFFSET_COMMIT for a partition whose offset an open transaction may change. Since v7.
    pub require_stable: bool,
}

/// One group of an OffsetFetch request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetFetchGroup {
    /// The group.
    pub group: Arc<str>,
    /// Which partitions; `None`: all that have an offset. Never `None` in v1.
    pub topics: Option<Vec<TopicPartitions>>,
}

/// The offsets that groups have committed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OffsetFetchResponse {
    /// Milliseconds the client should stay quiet. Since v3.
    pub throttle_time_ms: i32,
    /// One per group asked for.
    pub groups: Vec<OffsetFetchGroupResponse>,
}

/// One group of an OffsetFetch response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OffsetFetchGroupResponse {
    /// The group; empty below v8.
    pub group: Arc<str>,
    /// Why there is nothing: NOT_COORDINATOR … Since v2.
    pub error: ErrorCode,
    /// Per topic.
    pub topics: Vec<OffsetFetchTopicResponse>,
}

/// One topic of an OffsetFetch response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetFetchTopicResponse {
    /// Its name.
    pub name: Arc<str>,
    /// Per partition.
    pub partitions: Vec<OffsetFetchPartitionResponse>,
}

/// One partition of an OffsetFetch response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetFetchPartitionResponse {
    /// Partition number.
    pub partition: i32,
    /// The offset.
    pub committed: CommittedOffset,
    /// UNSTABLE_OFFSET_COMMIT …
    pub error: ErrorCode,
}
