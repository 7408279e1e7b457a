//! What clients ask, as frames.

use std::sync::Arc;

use bytes::BytesMut;
use kafka_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{self as kafka, TopicName};
use kafka_protocol::protocol::{Encodable, StrBytes};
use uuid::Uuid;

use super::error::EncodeError;
use super::frame::Frame;
use super::transactions::requests;
use super::{produce, put_request_header};
use crate::ids::{NodeId, TopicId};
use crate::io::OutgoingRequest;
use crate::protocol::{
    self, ApiKey, ApiVersionsRequest, CreateTopicsRequest, DeleteTopicsRequest, FetchRequest, FindCoordinatorRequest,
    InitProducerIdRequest, ListOffsetsRequest, MetadataRequest, Request, RequestHeader, client_versions,
};

/// Replica id of those who are no replica.
const CONSUMER: kafka::BrokerId = kafka::BrokerId(-1);

/// A request's frame, length field included. A Produce request's batches are handed on as they are.
///
/// # Errors
/// The version is none we speak, or something in the request has no form in it.
///
/// # Panics
/// When header and body are of different APIs.
pub fn encode_request(request: &OutgoingRequest) -> Result<Frame, EncodeError> {
    let header = &request.header;
    assert_eq!(header.api, request.body.api(), "a request's header names its body's API");
    if !client_versions(header.api).contains(header.version) {
        return Err(EncodeError::UnsupportedVersion { api: header.api, version: header.version });
    }
    match &request.body {
        Request::Produce(body) => produce::encode(header, body),
        Request::ApiVersions(body) => encode(header, &api_versions(body, header.version)),
        Request::Metadata(body) => encode(header, &metadata(body, header.version)),
        Request::InitProducerId(body) => encode(header, &init_producer_id(body)),
        Request::Fetch(body) => encode(header, &fetch(body)),
        Request::ListOffsets(body) => encode(header, &list_offsets(body)),
        Request::CreateTopics(body) => encode(header, &create_topics(body)),
        Request::DeleteTopics(body) => encode(header, &delete_topics(body, header.version)),
        Request::FindCoordinator(body) => encode(header, &find_coordinator(body, header.version)?),
        Request::OffsetFetch(body) => {
            let refused = |detail| EncodeError::refused(header.api, header.version, detail);
            encode(header, &requests::offset_fetch(body, header.version).map_err(refused)?)
        }
        Request::AddPartitionsToTxn(body) => encode(header, &requests::add_partitions(body)),
        Request::AddOffsetsToTxn(body) => encode(header, &requests::add_offsets(body)),
        Request::EndTxn(body) => encode(header, &requests::end(body)),
        Request::TxnOffsetCommit(body) => encode(header, &requests::offset_commit(body, header.version)),
    }
}

fn encode(header: &RequestHeader, body: &impl Encodable) -> Result<Frame, EncodeError> {
    let refused = |error| EncodeError::refused(header.api, header.version, error);
    let mut frame = BytesMut::with_capacity(128);
    put_request_header(&mut frame, header)?;
    body.encode(&mut frame, header.version).map_err(refused)?;
    Frame::whole(frame)
}

pub(super) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

pub(super) fn nullable_text(nullable: &Option<Arc<str>>) -> Option<StrBytes> {
    nullable.as_deref().map(text)
}

pub(super) fn topic_name(name: &str) -> TopicName {
    TopicName(text(name))
}

fn api_versions(body: &ApiVersionsRequest, version: i16) -> kafka::ApiVersionsRequest {
    if version < 3 {
        return kafka::ApiVersionsRequest::default();
    }
    kafka::ApiVersionsRequest::default()
        .with_client_software_name(text(&body.client_software_name))
        .with_client_software_version(text(&body.client_software_version))
}

fn metadata(body: &MetadataRequest, version: i16) -> kafka::MetadataRequest {
    let by_name = |name: &Arc<str>| MetadataRequestTopic::default().with_name(Some(topic_name(name)));
    let by_id = |id: &TopicId| MetadataRequestTopic::default().with_name(None).with_topic_id(Uuid::from_bytes(id.0));
    let ids: &[TopicId] = if version >= 12 { &body.topic_ids } else { &[] };
    let topics = body.topics.as_ref().map(|names| names.iter().map(by_name).chain(ids.iter().map(by_id)).collect());
    kafka::MetadataRequest::default().with_topics(topics).with_allow_auto_topic_creation(body.allow_auto_topic_creation)
}

fn init_producer_id(body: &InitProducerIdRequest) -> kafka::InitProducerIdRequest {
    kafka::InitProducerIdRequest::default()
        .with_transactional_id(nullable_text(&body.transactional_id).map(kafka::TransactionalId))
        .with_transaction_timeout_ms(body.transaction_timeout_ms)
        .with_producer_id(kafka::ProducerId(body.producer_id))
        .with_producer_epoch(body.producer_epoch)
}

fn fetch(body: &FetchRequest) -> kafka::FetchRequest {
    let partition = |partition: &protocol::FetchPartition| {
        FetchPartition::default()
            .with_partition(partition.partition)
            .with_current_leader_epoch(partition.current_leader_epoch)
            .with_fetch_offset(partition.fetch_offset)
            .with_partition_max_bytes(partition.max_bytes)
    };
    let topic = |topic: &protocol::FetchTopic| {
        FetchTopic::default()
            .with_topic(topic_name(&topic.name))
            .with_topic_id(Uuid::from_bytes(topic.id.0))
            .with_partitions(topic.partitions.iter().map(partition).collect())
    };
    kafka::FetchRequest::default()
        .with_replica_id(CONSUMER)
        .with_max_wait_ms(body.max_wait_ms)
        .with_min_bytes(body.min_bytes)
        .with_max_bytes(body.max_bytes)
        .with_isolation_level(body.isolation_level)
        .with_session_id(body.session_id)
        .with_session_epoch(body.session_epoch)
        .with_topics(body.topics.iter().map(topic).collect())
}

fn list_offsets(body: &ListOffsetsRequest) -> kafka::ListOffsetsRequest {
    let partition = |partition: &protocol::ListOffsetsPartition| {
        ListOffsetsPartition::default()
            .with_partition_index(partition.partition)
            .with_current_leader_epoch(partition.current_leader_epoch)
            .with_timestamp(partition.timestamp_ms)
    };
    let topics = body.topics.iter().map(|topic| {
        ListOffsetsTopic::default()
            .with_name(topic_name(&topic.name))
            .with_partitions(topic.partitions.iter().map(partition).collect())
    });
    kafka::ListOffsetsRequest::default()
        .with_replica_id(CONSUMER)
        .with_isolation_level(body.isolation_level)
        .with_topics(topics.collect())
}

fn create_topics(body: &CreateTopicsRequest) -> kafka::CreateTopicsRequest {
    let config = |(name, value): &(Arc<str>, Option<Arc<str>>)| {
        CreatableTopicConfig::default().with_name(text(name)).with_value(nullable_text(value))
    };
    let assignment = |(partition, brokers): &(i32, Vec<NodeId>)| {
        CreatableReplicaAssignment::default()
            .with_partition_index(*partition)
            .with_broker_ids(brokers.iter().map(|node| kafka::BrokerId(node.0)).collect())
    };
    let topics = body.topics.iter().map(|topic| {
        CreatableTopic::default()
            .with_name(topic_name(&topic.name))
            .with_num_partitions(topic.num_partitions)
            .with_replication_factor(topic.replication_factor)
            .with_assignments(topic.assignments.iter().map(assignment).collect())
            .with_configs(topic.configs.iter().map(config).collect())
    });
    kafka::CreateTopicsRequest::default()
        .with_topics(topics.collect())
        .with_timeout_ms(body.timeout_ms)
        .with_validate_only(body.validate_only)
}

fn delete_topics(body: &DeleteTopicsRequest, version: i16) -> kafka::DeleteTopicsRequest {
    let request = kafka::DeleteTopicsRequest::default().with_timeout_ms(body.timeout_ms);
    let names = body.topics.iter().map(|topic| topic.name.as_deref().map(topic_name));
    if version < 6 {
        return request.with_topic_names(names.flatten().collect());
    }
    let ids = body.topics.iter().map(|topic| Uuid::from_bytes(topic.id.0));
    let topics = names.zip(ids).map(|(name, id)| DeleteTopicState::default().with_name(name).with_topic_id(id));
    request.with_topics(topics.collect())
}

fn find_coordinator(body: &FindCoordinatorRequest, version: i16) -> Result<kafka::FindCoordinatorRequest, EncodeError> {
    let request = kafka::FindCoordinatorRequest::default().with_key_type(body.key_type);
    if version >= 4 {
        return Ok(request.with_coordinator_keys(body.keys.iter().map(|key| text(key)).collect()));
    }
    match &body.keys[..] {
        [key] => Ok(request.with_key(text(key))),
        keys => {
            let api = ApiKey::FindCoordinator;
            Err(EncodeError::refused(api, version, format_args!("takes one key, not {}", keys.len())))
        }
    }
}
