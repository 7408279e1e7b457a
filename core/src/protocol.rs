//! Kafka's requests and responses as typed values, as far as the producer and the cluster speak them.
//!
//! These are what crosses the core's edge. Turning them into bytes is the `wire` feature's work; in the page they
//! travel as they are. Field names follow Kafka's message definitions; a field that a version lacks holds its default.

mod deletion;
mod fetch;
mod produce;
mod transactions;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use self::deletion::*;
pub use self::fetch::*;
pub use self::produce::*;
pub use self::transactions::*;
use crate::error::ErrorCode;
use crate::ids::{CorrelationId, NodeId, TopicId};
pub use crate::versions::{advertised_versions, broker_versions, client_versions, says_topics_by_id};

/// The requests spoken here, by Kafka's number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(i16)]
pub enum ApiKey {
    /// Append batches.
    #[default]
    Produce = 0,
    /// Read batches.
    Fetch = 1,
    /// Offsets by time, earliest, latest.
    ListOffsets = 2,
    /// Brokers, topics, leaders.
    Metadata = 3,
    /// The coordinator of a group or a transactional id.
    FindCoordinator = 10,
    /// What a broker speaks.
    ApiVersions = 18,
    /// New topics.
    CreateTopics = 19,
    /// A producer id and epoch.
    InitProducerId = 22,
    // What came later stands last: a trace names an API by its place in this list.
    /// Offsets that groups have committed.
    OffsetFetch = 9,
    /// Partitions for a transaction.
    AddPartitionsToTxn = 24,
    /// A group's offsets for a transaction.
    AddOffsetsToTxn = 25,
    /// The end of a transaction.
    EndTxn = 26,
    /// Offsets that are committed with a transaction.
    TxnOffsetCommit = 28,
    /// The end of topics.
    DeleteTopics = 20,
}

impl ApiKey {
    /// Kafka's number for it.
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// Kafka's name for it (`ApiKeys`).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Produce => "PRODUCE",
            Self::Fetch => "FETCH",
            Self::ListOffsets => "LIST_OFFSETS",
            Self::Metadata => "METADATA",
            Self::FindCoordinator => "FIND_COORDINATOR",
            Self::ApiVersions => "API_VERSIONS",
            Self::CreateTopics => "CREATE_TOPICS",
            Self::InitProducerId => "INIT_PRODUCER_ID",
            Self::OffsetFetch => "OFFSET_FETCH",
            Self::AddPartitionsToTxn => "ADD_PARTITIONS_TO_TXN",
            Self::AddOffsetsToTxn => "ADD_OFFSETS_TO_TXN",
            Self::EndTxn => "END_TXN",
            Self::TxnOffsetCommit => "TXN_OFFSET_COMMIT",
            Self::DeleteTopics => "DELETE_TOPICS",
        }
    }

    /// The API with this number, if it is spoken here.
    pub const fn from_code(code: i16) -> Option<Self> {
        Some(match code {
            0 => Self::Produce,
            1 => Self::Fetch,
            2 => Self::ListOffsets,
            3 => Self::Metadata,
            9 => Self::OffsetFetch,
            10 => Self::FindCoordinator,
            18 => Self::ApiVersions,
            19 => Self::CreateTopics,
            20 => Self::DeleteTopics,
            22 => Self::InitProducerId,
            24 => Self::AddPartitionsToTxn,
            25 => Self::AddOffsetsToTxn,
            26 => Self::EndTxn,
            28 => Self::TxnOffsetCommit,
            _ => return None,
        })
    }
}

/// What precedes every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHeader {
    /// Which API.
    pub api: ApiKey,
    /// In which version; decides which fields exist on the wire.
    pub version: i16,
    /// Pairs the response with it.
    pub correlation: CorrelationId,
    /// `client.id`.
    pub client_id: Option<Arc<str>>,
}

/// A request's body.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant carries the request of the same name")]
pub enum Request {
    ApiVersions(ApiVersionsRequest),
    Metadata(MetadataRequest),
    InitProducerId(InitProducerIdRequest),
    Produce(ProduceRequest),
    Fetch(FetchRequest),
    ListOffsets(ListOffsetsRequest),
    CreateTopics(CreateTopicsRequest),
    #[cfg(feature = "wire")]
    DeleteTopics(DeleteTopicsRequest),
    FindCoordinator(FindCoordinatorRequest),
    OffsetFetch(OffsetFetchRequest),
    AddPartitionsToTxn(AddPartitionsToTxnRequest),
    AddOffsetsToTxn(AddOffsetsToTxnRequest),
    EndTxn(EndTxnRequest),
    TxnOffsetCommit(TxnOffsetCommitRequest),
}

impl Request {
    /// Which API it belongs to.
    pub const fn api(&self) -> ApiKey {
        match self {
            Self::ApiVersions(_) => ApiKey::ApiVersions,
            Self::Metadata(_) => ApiKey::Metadata,
            Self::InitProducerId(_) => ApiKey::InitProducerId,
            Self::Produce(_) => ApiKey::Produce,
            Self::Fetch(_) => ApiKey::Fetch,
            Self::ListOffsets(_) => ApiKey::ListOffsets,
            Self::CreateTopics(_) => ApiKey::CreateTopics,
            #[cfg(feature = "wire")]
            Self::DeleteTopics(_) => ApiKey::DeleteTopics,
            Self::FindCoordinator(_) => ApiKey::FindCoordinator,
            Self::OffsetFetch(_) => ApiKey::OffsetFetch,
            Self::AddPartitionsToTxn(_) => ApiKey::AddPartitionsToTxn,
            Self::AddOffsetsToTxn(_) => ApiKey::AddOffsetsToTxn,
            Self::EndTxn(_) => ApiKey::EndTxn,
            Self::TxnOffsetCommit(_) => ApiKey::TxnOffsetCommit,
        }
    }
}

/// A response's body.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant carries the response of the same name")]
pub enum Response {
    ApiVersions(ApiVersionsResponse),
    Metadata(MetadataResponse),
    InitProducerId(InitProducerIdResponse),
    Produce(ProduceResponse),
    Fetch(FetchResponse),
    ListOffsets(ListOffsetsResponse),
    CreateTopics(CreateTopicsResponse),
    #[cfg(feature = "wire")]
    DeleteTopics(DeleteTopicsResponse),
    FindCoordinator(FindCoordinatorResponse),
    OffsetFetch(OffsetFetchResponse),
    AddPartitionsToTxn(AddPartitionsToTxnResponse),
    AddOffsetsToTxn(AddOffsetsToTxnResponse),
    EndTxn(EndTxnResponse),
    TxnOffsetCommit(TxnOffsetCommitResponse),
}

impl Response {
    /// The pause it asks for (KIP-219), in milliseconds; 0 in versions and APIs that have none.
    pub const fn throttle_time_ms(&self) -> i32 {
        match self {
            Self::ApiVersions(response) => response.throttle_time_ms,
            Self::Metadata(response) => response.throttle_time_ms,
            Self::InitProducerId(response) => response.throttle_time_ms,
            Self::Produce(response) => response.throttle_time_ms,
            Self::Fetch(response) => response.throttle_time_ms,
            Self::ListOffsets(response) => response.throttle_time_ms,
            Self::CreateTopics(response) => response.throttle_time_ms,
            #[cfg(feature = "wire")]
            Self::DeleteTopics(response) => response.throttle_time_ms,
            Self::FindCoordinator(response) => response.throttle_time_ms,
            Self::OffsetFetch(response) => response.throttle_time_ms,
            Self::AddPartitionsToTxn(response) => response.throttle_time_ms,
            Self::AddOffsetsToTxn(response) => response.throttle_time_ms,
            Self::EndTxn(response) => response.throttle_time_ms,
            Self::TxnOffsetCommit(response) => response.throttle_time_ms,
        }
    }

    /// The same, to be changed.
    pub(crate) const fn throttle_time_mut(&mut self) -> &mut i32 {
        match self {
            Self::ApiVersions(response) => &mut response.throttle_time_ms,
            Self::Metadata(response) => &mut response.throttle_time_ms,
            Self::InitProducerId(response) => &mut response.throttle_time_ms,
            Self::Produce(response) => &mut response.throttle_time_ms,
            Self::Fetch(response) => &mut response.throttle_time_ms,
            Self::ListOffsets(response) => &mut response.throttle_time_ms,
            Self::CreateTopics(response) => &mut response.throttle_time_ms,
            #[cfg(feature = "wire")]
            Self::DeleteTopics(response) => &mut response.throttle_time_ms,
            Self::FindCoordinator(response) => &mut response.throttle_time_ms,
            Self::OffsetFetch(response) => &mut response.throttle_time_ms,
            Self::AddPartitionsToTxn(response) => &mut response.throttle_time_ms,
            Self::AddOffsetsToTxn(response) => &mut response.throttle_time_ms,
            Self::EndTxn(response) => &mut response.throttle_time_ms,
            Self::TxnOffsetCommit(response) => &mut response.throttle_time_ms,
        }
    }

    /// Which API it belongs to.
    pub const fn api(&self) -> ApiKey {
        match self {
            Self::ApiVersions(_) => ApiKey::ApiVersions,
            Self::Metadata(_) => ApiKey::Metadata,
            Self::InitProducerId(_) => ApiKey::InitProducerId,
            Self::Produce(_) => ApiKey::Produce,
            Self::Fetch(_) => ApiKey::Fetch,
            Self::ListOffsets(_) => ApiKey::ListOffsets,
            Self::CreateTopics(_) => ApiKey::CreateTopics,
            #[cfg(feature = "wire")]
            Self::DeleteTopics(_) => ApiKey::DeleteTopics,
            Self::FindCoordinator(_) => ApiKey::FindCoordinator,
            Self::OffsetFetch(_) => ApiKey::OffsetFetch,
            Self::AddPartitionsToTxn(_) => ApiKey::AddPartitionsToTxn,
            Self::AddOffsetsToTxn(_) => ApiKey::AddOffsetsToTxn,
            Self::EndTxn(_) => ApiKey::EndTxn,
            Self::TxnOffsetCommit(_) => ApiKey::TxnOffsetCommit,
        }
    }
}

/// Asks what the broker speaks (KIP-35).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiVersionsRequest {
    /// Since v3 (KIP-511).
    pub client_software_name: Arc<str>,
    /// Since v3.
    pub client_software_version: Arc<str>,
}

/// The versions a broker speaks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiVersionsResponse {
    /// UNSUPPORTED_VERSION when the request's version is unknown; the ranges then still help.
    pub error: ErrorCode,
    /// One range per API; APIs unknown here are kept by number.
    pub api_keys: Vec<ApiVersionRange>,
    /// Milliseconds the client should stay quiet.
    pub throttle_time_ms: i32,
    /// Which state of the cluster's features this is (KIP-584): a higher one is newer. `None`: not told. Since v3.
    pub finalized_features_epoch: Option<i64>,
    /// Level of the finalised feature `transaction.version` (KIP-890), 0 when absent. Since v3.
    pub transaction_version: i16,
}

/// The versions of one API, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiVersionRange {
    /// Kafka's number of the API.
    pub api_key: i16,
    /// Lowest version spoken.
    pub min: i16,
    /// Highest version spoken.
    pub max: i16,
}

/// Asks for brokers, topics and leaders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataRequest {
    /// `None`: all topics. An empty list: none, only brokers.
    pub topics: Option<Vec<Arc<str>>>,
    /// Topics by their ids, since v12; where there are any, no name counts.
    pub topic_ids: Vec<TopicId>,
    /// May the broker create what is missing? Since v4.
    pub allow_auto_topic_creation: bool,
}

/// Brokers, topics and leaders as one broker believes them to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataResponse {
    /// Milliseconds the client should stay quiet.
    pub throttle_time_ms: i32,
    /// The brokers that are up.
    pub brokers: Vec<MetadataBroker>,
    /// The cluster's id.
    pub cluster_id: Option<Arc<str>>,
    /// The controller's node id, −1 when unknown.
    pub controller: NodeId,
    /// The topics asked for.
    pub topics: Vec<MetadataTopic>,
    /// REBOOTSTRAP_REQUIRED: whatever the client knows of the cluster is of no use any more (KIP-1102). Since v13.
    pub error: ErrorCode,
}

/// A broker that is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataBroker {
    /// Its node id.
    pub node: NodeId,
    /// Its advertised host.
    pub host: Arc<str>,
    /// Its advertised port. As on the wire, so possibly out of range.
    pub port: i32,
    /// Its rack.
    pub rack: Option<Arc<str>>,
}

/// One topic's state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataTopic {
    /// UNKNOWN_TOPIC_OR_PARTITION, INVALID_TOPIC_EXCEPTION, LEADER_NOT_AVAILABLE …
    pub error: ErrorCode,
    /// Its name; empty where it was asked about by an id that no topic has.
    pub name: Arc<str>,
    /// Its id, since v10; zero before.
    pub id: TopicId,
    /// Is it one of Kafka's own?
    pub is_internal: bool,
    /// Its partitions, in no promised order.
    pub partitions: Vec<MetadataPartition>,
}

/// One partition's state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataPartition {
    /// LEADER_NOT_AVAILABLE while there is none.
    pub error: ErrorCode,
    /// Partition number.
    pub partition: i32,
    /// Leader's node id; −1: none.
    pub leader: NodeId,
    /// Since v7; −1 before.
    pub leader_epoch: i32,
    /// Node ids of all replicas.
    pub replicas: Vec<NodeId>,
    /// Node ids of the in-sync ones.
    pub isr: Vec<NodeId>,
    /// Node ids of replicas that are down, since v5.
    pub offline: Vec<NodeId>,
}

/// Asks for a producer id (KIP-98).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitProducerIdRequest {
    /// `None` for a merely idempotent producer.
    pub transactional_id: Option<Arc<str>>,
    /// Milliseconds after which an idle transaction is aborted.
    pub transaction_timeout_ms: i32,
    /// Current producer id, or −1. Since v3.
    pub producer_id: i64,
    /// Current epoch, or −1. Since v3.
    pub producer_epoch: i16,
}

/// The producer id granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitProducerIdResponse {
    /// Milliseconds the client should stay quiet.
    pub throttle_time_ms: i32,
    /// Why none was granted.
    pub error: ErrorCode,
    /// The id, −1 on error.
    pub producer_id: i64,
    /// Its epoch, −1 on error.
    pub producer_epoch: i16,
}

/// Asks for new topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateTopicsRequest {
    /// What to create.
    pub topics: Vec<NewTopic>,
    /// How long to wait, in milliseconds.
    pub timeout_ms: i32,
    /// Only check.
    pub validate_only: bool,
}

/// A topic to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: Arc<str>,
    /// Number of partitions; −1: the broker's default.
    pub num_partitions: i32,
    /// Copies of each; −1: the broker's default.
    pub replication_factor: i16,
    /// Topic-level settings.
    pub configs: Vec<(Arc<str>, Option<Arc<str>>)>,
    /// Which brokers hold which partition, the preferred leader first; then both numbers are −1. Empty: the brokers choose.
    pub assignments: Vec<(i32, Vec<NodeId>)>,
}

/// Per topic: was it created?
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateTopicsResponse {
    /// Milliseconds the client should stay quiet.
    pub throttle_time_ms: i32,
    /// One answer per topic.
    pub topics: Vec<CreatedTopic>,
}

/// One answer to CreateTopics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreatedTopic {
    /// Its name.
    pub name: Arc<str>,
    /// Its id, since v7.
    pub id: TopicId,
    /// TOPIC_ALREADY_EXISTS, INVALID_TOPIC_EXCEPTION, INVALID_PARTITIONS …
    pub error: ErrorCode,
    /// The broker's sentence.
    pub error_message: Option<Arc<str>>,
    /// Partitions it has, since v5.
    pub num_partitions: i32,
    /// Copies of each, since v5.
    pub replication_factor: i16,
}

/// Asks who coordinates a group or a transactional id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindCoordinatorRequest {
    /// 0 group, 1 transaction.
    pub key_type: i8,
    /// Group or transactional ids; one below v4.
    pub keys: Vec<Arc<str>>,
}

/// The coordinators.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindCoordinatorResponse {
    /// Milliseconds the client should stay quiet.
    pub throttle_time_ms: i32,
    /// One per key.
    pub coordinators: Vec<Coordinator>,
}

/// One coordinator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coordinator {
    /// The key asked for.
    pub key: Arc<str>,
    /// COORDINATOR_NOT_AVAILABLE …
    pub error: ErrorCode,
    /// What the broker says of the error. Since v1; empty before.
    pub error_message: Option<Arc<str>>,
    /// Its node id, −1 on error.
    pub node: NodeId,
    /// Its host.
    pub host: Arc<str>,
    /// Its port.
    pub port: i32,
}

impl Coordinator {
    /// None: an error, and what is said of it.
    pub fn refused(key: Arc<str>, error: ErrorCode, error_message: Option<Arc<str>>) -> Self {
        Self { key, error, error_message, node: NodeId(-1), host: "".into(), port: -1 }
    }
}
