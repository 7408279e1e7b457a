//! What the embedded brokers answer, as frames.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::api_versions_response::{ApiVersion, FinalizedFeatureKey, SupportedFeatureKey};
use kafka_protocol::messages::create_topics_response::CreatableTopicResult;
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::fetch_response::{AbortedTransaction, FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::list_offsets_response::{self, ListOffsetsTopicResponse};
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, LeaderIdAndEpoch, NodeEndpoint, PartitionProduceResponse, TopicProduceResponse,
};
use kafka_protocol::messages::{self as kafka, BrokerId, find_coordinator_response};
use kafka_protocol::protocol::{Encodable, StrBytes};
use uuid::Uuid;

use super::encode_request::{nullable_text, text, topic_name};
use super::error::EncodeError;
use super::frame::Frame;
use super::put_response_header;
use super::transactions::responses;
use crate::error::ErrorCode;
use crate::ids::{CorrelationId, NodeId, TopicId};
use crate::protocol::{
    self, ApiKey, ApiVersionRange, ApiVersionsResponse, Coordinator, CreateTopicsResponse, DeleteTopicsResponse,
    FetchPartitionResponse, FetchResponse, FindCoordinatorResponse, InitProducerIdResponse,
    ListOffsetsPartitionResponse, ListOffsetsResponse, MetadataPartition, MetadataResponse, MetadataTopic,
    ProducePartitionResponse, ProduceResponse, Response, broker_versions,
};
use crate::versions::is_flexible;

/// A response's frame, length field included, in the version of the request it answers.
///
/// # Errors
/// The version is none we answer, or something in the response has no form in it.
pub fn encode_response(version: i16, correlation: CorrelationId, response: &Response) -> Result<Frame, EncodeError> {
    let api = response.api();
    if !broker_versions(api).contains(version) {
        return Err(EncodeError::UnsupportedVersion { api, version });
    }
    let frame = Answer { api, version, correlation };
    match response {
        Response::Produce(body) => frame.encode(&produce(body, version)),
        Response::Fetch(body) => frame.encode(&fetch(body, version)),
        Response::ListOffsets(body) => frame.encode(&list_offsets(body, version)),
        Response::Metadata(body) => frame.encode(&metadata(body)),
        Response::FindCoordinator(body) => {
            frame.encode(&find_coordinator(body, version).map_err(|e| frame.refused(e))?)
        }
        Response::ApiVersions(body) => frame.encode(&api_versions(body, version)),
        Response::CreateTopics(body) => frame.encode(&create_topics(body)),
        Response::DeleteTopics(body) => frame.encode(&delete_topics(body)),
        Response::InitProducerId(body) => frame.encode(&init_producer_id(body)),
        Response::OffsetFetch(body) => {
            frame.encode(&responses::offset_fetch(body, version).map_err(|e| frame.refused(e))?)
        }
        Response::AddPartitionsToTxn(body) => frame.encode(&responses::add_partitions(body)),
        Response::AddOffsetsToTxn(body) => frame.encode(&responses::add_offsets(body)),
        Response::EndTxn(body) => frame.encode(&responses::end(body, version)),
        Response::TxnOffsetCommit(body) => frame.encode(&responses::offset_commit(body)),
    }
}

/// The answer to an ApiVersions request in a version that is not spoken here, in the one form that every client can
/// read: version 0, with the range of ApiVersions alone (KIP-511).
pub fn unsupported_api_versions(correlation: CorrelationId) -> Frame {
    let body = ApiVersionsResponse {
        error: ErrorCode::UNSUPPORTED_VERSION,
        api_keys: vec![broker_versions(ApiKey::ApiVersions)],
        ..Default::default()
    };
    let frame = Answer { api: ApiKey::ApiVersions, version: 0, correlation };
    frame.encode(&api_versions(&body, 0)).expect("three numbers have a form in every version")
}

/// What all answers have in common.
struct Answer {
    api: ApiKey,
    version: i16,
    correlation: CorrelationId,
}

impl Answer {
    fn encode(&self, body: &impl Encodable) -> Result<Frame, EncodeError> {
        // A client that asks for versions cannot know which form the answer has: its header stays the old one.
        let flexible = self.api != ApiKey::ApiVersions && is_flexible(self.api, self.version);
        let size = body.compute_size(self.version).map_err(|error| self.refused(error))?;
        let mut frame = BytesMut::with_capacity(size + 16);
        put_response_header(&mut frame, self.correlation, flexible);
        body.encode(&mut frame, self.version).map_err(|error| self.refused(error))?;
        Frame::whole(frame)
    }

    fn refused(&self, detail: impl core::fmt::Display) -> EncodeError {
        EncodeError::refused(self.api, self.version, detail)
    }
}

fn broker_id(node: NodeId) -> BrokerId {
    BrokerId(node.0)
}

fn uuid(id: TopicId) -> Uuid {
    Uuid::from_bytes(id.0)
}

fn node_ids(nodes: &[NodeId]) -> Vec<BrokerId> {
    nodes.iter().copied().map(broker_id).collect()
}

fn produce(body: &ProduceResponse, version: i16) -> kafka::ProduceResponse {
    let topics = body.topics.iter().map(|topic| {
        TopicProduceResponse::default()
            .with_name(topic_name(&topic.name))
            .with_topic_id(uuid(topic.id))
            .with_partition_responses(topic.partitions.iter().map(|part| produce_partition(part, version)).collect())
    });
    let endpoints = body.node_endpoints.iter().map(|broker| {
        NodeEndpoint::default()
            .with_node_id(broker_id(broker.node))
            .with_host(text(&broker.host))
            .with_port(broker.port)
            .with_rack(nullable_text(&broker.rack))
    });
    kafka::ProduceResponse::default()
        .with_responses(topics.collect())
        .with_throttle_time_ms(body.throttle_time_ms)
        // As tagged fields they are left out below version 10.
        .with_node_endpoints(endpoints.collect())
}

fn produce_partition(body: &ProducePartitionResponse, version: i16) -> PartitionProduceResponse {
    let answer = PartitionProduceResponse::default()
        .with_index(body.partition)
        .with_error_code(body.error.0)
        .with_base_offset(body.base_offset)
        .with_log_append_time_ms(body.log_append_time_ms)
        .with_log_start_offset(body.log_start_offset);
    if version < 8 {
        return answer;
    }
    let record_errors = body.record_errors.iter().map(|error| {
        BatchIndexAndErrorMessage::default()
            .with_batch_index(error.batch_index)
            .with_batch_index_error_message(nullable_text(&error.message))
    });
    let leader = body.current_leader.map_or_else(LeaderIdAndEpoch::default, |current| {
        LeaderIdAndEpoch::default().with_leader_id(broker_id(current.leader)).with_leader_epoch(current.epoch)
    });
    answer
        .with_record_errors(record_errors.collect())
        .with_error_message(nullable_text(&body.error_message))
        .with_current_leader(leader)
}

fn fetch(body: &FetchResponse, version: i16) -> kafka::FetchResponse {
    let topics = body.topics.iter().map(|topic| {
        FetchableTopicResponse::default()
            .with_topic(topic_name(&topic.name))
            .with_topic_id(uuid(topic.id))
            .with_partitions(topic.partitions.iter().map(fetch_partition).collect())
    });
    let answer =
        kafka::FetchResponse::default().with_throttle_time_ms(body.throttle_time_ms).with_responses(topics.collect());
    if version < 7 {
        return answer;
    }
    answer.with_error_code(body.error.0).with_session_id(body.session_id)
}

fn fetch_partition(body: &FetchPartitionResponse) -> PartitionData {
    let records = match &body.batches[..] {
        [] => Bytes::new(),
        [only] => only.clone(),
        many => many.concat().into(),
    };
    let aborted = |body: &protocol::AbortedTransaction| {
        AbortedTransaction::default()
            .with_producer_id(kafka::ProducerId(body.producer_id))
            .with_first_offset(body.first_offset)
    };
    PartitionData::default()
        .with_partition_index(body.partition)
        .with_error_code(body.error.0)
        .with_high_watermark(body.high_watermark)
        .with_last_stable_offset(body.last_stable_offset)
        .with_log_start_offset(body.log_start_offset)
        .with_aborted_transactions(body.aborted_transactions.as_ref().map(|list| list.iter().map(aborted).collect()))
        .with_records(Some(records))
}

fn list_offsets(body: &ListOffsetsResponse, version: i16) -> kafka::ListOffsetsResponse {
    let partition = |body: &ListOffsetsPartitionResponse| {
        list_offsets_response::ListOffsetsPartitionResponse::default()
            .with_partition_index(body.partition)
            .with_error_code(body.error.0)
            .with_timestamp(body.timestamp_ms)
            .with_offset(body.offset)
            .with_leader_epoch(if version >= 4 { body.leader_epoch } else { -1 })
    };
    let topics = body.topics.iter().map(|topic| {
        ListOffsetsTopicResponse::default()
            .with_name(topic_name(&topic.name))
            .with_partitions(topic.partitions.iter().map(partition).collect())
    });
    kafka::ListOffsetsResponse::default().with_throttle_time_ms(body.throttle_time_ms).with_topics(topics.collect())
}

fn metadata(body: &MetadataResponse) -> kafka::MetadataResponse {
    let brokers = body.brokers.iter().map(|broker| {
        MetadataResponseBroker::default()
            .with_node_id(broker_id(broker.node))
            .with_host(text(&broker.host))
            .with_port(broker.port)
            .with_rack(nullable_text(&broker.rack))
    });
    let topics = body.topics.iter().map(|topic| {
        MetadataResponseTopic::default()
            .with_error_code(topic.error.0)
            .with_name(Some(topic_name(&topic.name)).filter(|_| !is_unknown_id(topic)))
            .with_topic_id(uuid(topic.id))
            .with_is_internal(topic.is_internal)
            .with_partitions(topic.partitions.iter().map(metadata_partition).collect())
    });
    kafka::MetadataResponse::default()
        .with_throttle_time_ms(body.throttle_time_ms)
        .with_brokers(brokers.collect())
        .with_cluster_id(nullable_text(&body.cluster_id))
        .with_controller_id(broker_id(body.controller))
        .with_topics(topics.collect())
        .with_error_code(body.error.0)
}

/// Was it asked about by an id that no topic has?
fn is_unknown_id(topic: &MetadataTopic) -> bool {
    topic.name.is_empty() && topic.error == ErrorCode::UNKNOWN_TOPIC_ID
}

fn metadata_partition(body: &MetadataPartition) -> MetadataResponsePartition {
    MetadataResponsePartition::default()
        .with_error_code(body.error.0)
        .with_partition_index(body.partition)
        .with_leader_id(broker_id(body.leader))
        .with_leader_epoch(body.leader_epoch)
        .with_replica_nodes(node_ids(&body.replicas))
        .with_isr_nodes(node_ids(&body.isr))
        .with_offline_replicas(node_ids(&body.offline))
}

fn find_coordinator(
    body: &FindCoordinatorResponse,
    version: i16,
) -> Result<kafka::FindCoordinatorResponse, &'static str> {
    let answer = kafka::FindCoordinatorResponse::default().with_throttle_time_ms(body.throttle_time_ms);
    if version >= 4 {
        let coordinator = |body: &Coordinator| {
            find_coordinator_response::Coordinator::default()
                .with_key(text(&body.key))
                .with_node_id(broker_id(body.node))
                .with_host(text(&body.host))
                .with_port(body.port)
                .with_error_code(body.error.0)
                .with_error_message(nullable_text(&body.error_message))
        };
        return Ok(answer.with_coordinators(body.coordinators.iter().map(coordinator).collect()));
    }
    match &body.coordinators[..] {
        [only] => {
            let said = if version >= 1 { nullable_text(&only.error_message) } else { Some(StrBytes::default()) };
            Ok(answer
                .with_error_code(only.error.0)
                .with_error_message(said)
                .with_node_id(broker_id(only.node))
                .with_host(text(&only.host))
                .with_port(only.port))
        }
        _ => Err("answers for one key"),
    }
}

fn api_versions(body: &ApiVersionsResponse, version: i16) -> kafka::ApiVersionsResponse {
    let range = |range: &ApiVersionRange| {
        ApiVersion::default().with_api_key(range.api_key).with_min_version(range.min).with_max_version(range.max)
    };
    let answer = kafka::ApiVersionsResponse::default()
        .with_error_code(body.error.0)
        .with_api_keys(body.api_keys.iter().map(range).collect())
        .with_throttle_time_ms(body.throttle_time_ms);
    if version < 3 {
        return answer;
    }
    let answer = answer.with_finalized_features_epoch(body.finalized_features_epoch.unwrap_or(-1));
    if body.transaction_version == 0 {
        return answer;
    }
    let name = || text("transaction.version");
    let level = body.transaction_version;
    let supported = SupportedFeatureKey::default().with_name(name()).with_max_version(level);
    // Before version 4 no feature is told that may be at level 0 (KIP-1022).
    answer.with_supported_features(if version >= 4 { vec![supported] } else { Vec::new() }).with_finalized_features(
        vec![
            FinalizedFeatureKey::default()
                .with_name(name())
                .with_min_version_level(level)
                .with_max_version_level(level),
        ],
    )
}

fn create_topics(body: &CreateTopicsResponse) -> kafka::CreateTopicsResponse {
    let topics = body.topics.iter().map(|topic| {
        CreatableTopicResult::default()
            .with_name(topic_name(&topic.name))
            .with_topic_id(uuid(topic.id))
            .with_error_code(topic.error.0)
            .with_error_message(nullable_text(&topic.error_message))
            .with_num_partitions(topic.num_partitions)
            .with_replication_factor(topic.replication_factor)
    });
    kafka::CreateTopicsResponse::default().with_throttle_time_ms(body.throttle_time_ms).with_topics(topics.collect())
}

fn delete_topics(body: &DeleteTopicsResponse) -> kafka::DeleteTopicsResponse {
    let topics = body.topics.iter().map(|topic| {
        DeletableTopicResult::default()
            .with_name(topic.name.as_deref().map(topic_name))
            .with_topic_id(uuid(topic.id))
            .with_error_code(topic.error.0)
            .with_error_message(nullable_text(&topic.error_message))
    });
    kafka::DeleteTopicsResponse::default().with_throttle_time_ms(body.throttle_time_ms).with_responses(topics.collect())
}

fn init_producer_id(body: &InitProducerIdResponse) -> kafka::InitProducerIdResponse {
    kafka::InitProducerIdResponse::default()
        .with_throttle_time_ms(body.throttle_time_ms)
        .with_error_code(body.error.0)
        .with_producer_id(kafka::ProducerId(body.producer_id))
        .with_producer_epoch(body.producer_epoch)
}
