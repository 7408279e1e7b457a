//! Batches on their way out of a log, and the offsets to begin at.

use std::sync::Arc;

use bytes::Bytes;

use crate::error::ErrorCode;
use crate::ids::TopicId;

/// Reads batches. Sessions (KIP-227) are not kept: every fetch is a full one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchRequest {
    /// How long the broker may wait for [`min_bytes`](Self::min_bytes), in milliseconds.
    pub max_wait_ms: i32,
    /// Answer as soon as there is this much.
    pub min_bytes: i32,
    /// Answer with no more than this in all (but at least one batch).
    pub max_bytes: i32,
    /// 0 read_uncommitted, 1 read_committed.
    pub isolation_level: i8,
    /// 0: none. A session asked for is answered with session 0, which means "send everything next time".
    pub session_id: i32,
    /// Epoch within the session; −1 or 0: a full fetch.
    pub session_epoch: i32,
    /// What to read.
    pub topics: Vec<FetchTopic>,
}

/// One topic of a Fetch request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchTopic {
    /// Its name; on the wire up to v12.
    pub name: Arc<str>,
    /// Its id; on the wire from v13.
    pub id: TopicId,
    /// What to read.
    pub partitions: Vec<FetchPartition>,
}

/// One partition of a Fetch request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchPartition {
    /// Partition number.
    pub partition: i32,
    /// Leader epoch the client knows, −1: any.
    pub current_leader_epoch: i32,
    /// First offset wanted.
    pub fetch_offset: i64,
    /// At most this many bytes of it.
    pub max_bytes: i32,
}

/// Batches read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchResponse {
    /// Milliseconds the client should stay quiet.
    pub throttle_time_ms: i32,
    /// Top-level error, since v7.
    pub error: ErrorCode,
    /// 0: no session.
    pub session_id: i32,
    /// Per topic.
    pub topics: Vec<FetchTopicResponse>,
}

/// One topic of a Fetch response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchTopicResponse {
    /// Its name; up to v12.
    pub name: Arc<str>,
    /// Its id; from v13.
    pub id: TopicId,
    /// Per partition.
    pub partitions: Vec<FetchPartitionResponse>,
}

/// One partition of a Fetch response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchPartitionResponse {
    /// Partition number.
    pub partition: i32,
    /// OFFSET_OUT_OF_RANGE, NOT_LEADER_OR_FOLLOWER …
    pub error: ErrorCode,
    /// Offset below which every in-sync replica has the data.
    pub high_watermark: i64,
    /// Offset below which every transaction is decided.
    pub last_stable_offset: i64,
    /// Where the log begins.
    pub log_start_offset: i64,
    /// Aborted transactions with records in the batches, in order of their ends: a read_committed consumer leaves out a
    /// producer's records from the first offset of its transaction to the marker of its end. `None` where the request
    /// was read_uncommitted.
    pub aborted_transactions: Option<Vec<AbortedTransaction>>,
    /// Whole batches, one after the other, each as stored.
    pub batches: Vec<Bytes>,
}

/// A transaction that was aborted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbortedTransaction {
    /// The producer.
    pub producer_id: i64,
    /// Offset of its first record in the partition.
    pub first_offset: i64,
}

/// Asks for offsets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListOffsetsRequest {
    /// 0 read_uncommitted, 1 read_committed.
    pub isolation_level: i8,
    /// What is asked.
    pub topics: Vec<ListOffsetsTopic>,
}

/// One topic of a ListOffsets request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListOffsetsTopic {
    /// Its name.
    pub name: Arc<str>,
    /// What is asked.
    pub partitions: Vec<ListOffsetsPartition>,
}

/// One partition of a ListOffsets request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListOffsetsPartition {
    /// Partition number.
    pub partition: i32,
    /// Leader epoch the client knows, −1: any. Since v4.
    pub current_leader_epoch: i32,
    /// The first offset at or after this time; −2 earliest, −1 latest, −3 the one with the highest timestamp.
    pub timestamp_ms: i64,
}

/// Offsets found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListOffsetsResponse {
    /// Milliseconds the client should stay quiet.
    pub throttle_time_ms: i32,
    /// Per topic.
    pub topics: Vec<ListOffsetsTopicResponse>,
}

/// One topic of a ListOffsets response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListOffsetsTopicResponse {
    /// Its name.
    pub name: Arc<str>,
    /// Per partition.
    pub partitions: Vec<ListOffsetsPartitionResponse>,
}

/// One partition's answer to ListOffsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListOffsetsPartitionResponse {
    /// Partition number.
    pub partition: i32,
    /// Why there is none.
    pub error: ErrorCode,
    /// The timestamp found, −1 when none.
    pub timestamp_ms: i64,
    /// The offset, −1 when none.
    pub offset: i64,
    /// Epoch of the leader that answers.
    pub leader_epoch: i32,
}
