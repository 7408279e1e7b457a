//! Batches on their way into a log.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::MetadataBroker;
use crate::error::ErrorCode;
use crate::ids::{NodeId, TopicId};

/// Appends batches, at most one per partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProduceRequest {
    /// `None` outside transactions.
    pub transactional_id: Option<Arc<str>>,
    /// 0, 1 or −1 (all).
    pub acks: i16,
    /// How long the broker may wait for followers, in milliseconds (`request.timeout.ms`).
    pub timeout_ms: i32,
    /// The batches, by topic.
    pub topics: Vec<ProduceTopic>,
}

/// One topic of a Produce request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProduceTopic {
    /// Its name; on the wire up to v12.
    pub name: Arc<str>,
    /// Its id; on the wire from v13.
    pub id: TopicId,
    /// The batches.
    pub partitions: Vec<ProducePartition>,
}

/// One partition of a Produce request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducePartition {
    /// Partition number.
    pub partition: i32,
    /// One record batch (v2), as closed by the producer: shared, not copied.
    pub records: Bytes,
}

/// Where the batches landed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProduceResponse {
    /// Per topic.
    pub topics: Vec<ProduceTopicResponse>,
    /// Milliseconds the client should stay quiet.
    pub throttle_time_ms: i32,
    /// Addresses of the leaders named in [`ProducePartitionResponse::current_leader`]; since v10.
    pub node_endpoints: Vec<MetadataBroker>,
}

/// One topic of a Produce response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProduceTopicResponse {
    /// Its name; empty from v13 on the wire.
    pub name: Arc<str>,
    /// Its id; from v13.
    pub id: TopicId,
    /// Per partition.
    pub partitions: Vec<ProducePartitionResponse>,
}

/// One partition of a Produce response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProducePartitionResponse {
    /// Partition number.
    pub partition: i32,
    /// NONE when stored.
    pub error: ErrorCode,
    /// Offset of the batch's first record, −1 on error.
    pub base_offset: i64,
    /// The broker's time for LogAppendTime topics, else −1.
    pub log_append_time_ms: i64,
    /// Where the log begins, −1 when unknown.
    pub log_start_offset: i64,
    /// Records that made the broker refuse the batch, since v8 (KIP-467).
    pub record_errors: Vec<RecordError>,
    /// The broker's sentence, since v8.
    pub error_message: Option<Arc<str>>,
    /// The new leader with NOT_LEADER_OR_FOLLOWER, since v10 (KIP-951).
    pub current_leader: Option<LeaderIdAndEpoch>,
}

/// One record that made the broker refuse its batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordError {
    /// Index in the batch.
    pub batch_index: i32,
    /// The broker's sentence.
    pub message: Option<Arc<str>>,
}

/// A leader and its term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaderIdAndEpoch {
    /// Node id; −1: none.
    pub leader: NodeId,
    /// Leader epoch.
    pub epoch: i32,
}
