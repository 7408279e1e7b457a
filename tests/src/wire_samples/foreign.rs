//! What only other clients and other brokers say: the same samples, translated to kafka-protocol's messages and written by
//! its encoder.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{self as kafka, BrokerId};
use kafka_protocol::messages::{metadata_request as asked, metadata_response as told};
use kafka_protocol::protocol::{Encodable as _, StrBytes};
use producer_core::ids::NodeId;
use producer_core::protocol::{
    ApiKey, MetadataBroker, MetadataPartition, MetadataRequest, MetadataResponse, MetadataTopic, Request, Response,
};

use super::{CORRELATION, header};

/// A request in a version that we do not send.
pub(super) fn request_frame(version: i16, sample: &Request) -> Bytes {
    let Request::Metadata(sample) = sample else { panic!("ours are sent in every version that our brokers read") };
    let header = header(ApiKey::Metadata, version);
    let head = kafka::RequestHeader::default()
        .with_request_api_key(header.api.code())
        .with_request_api_version(version)
        .with_correlation_id(CORRELATION.0)
        .with_client_id(header.client_id.as_ref().map(text));
    let mut frame = BytesMut::new();
    head.encode(&mut frame, 1).expect("a header has this form in every version");
    metadata_request(sample).encode(&mut frame, version).expect("the sample has a form in every version");
    frame.freeze()
}

/// A response in a version that our brokers do not send.
pub(super) fn response_frame(version: i16, sample: &Response) -> Bytes {
    let Response::Metadata(sample) = sample else { panic!("our brokers answer in every version that we read") };
    let head = kafka::ResponseHeader::default().with_correlation_id(CORRELATION.0);
    let mut frame = BytesMut::new();
    head.encode(&mut frame, 1).expect("a header has this form in every flexible version");
    metadata_response(sample).encode(&mut frame, version).expect("the sample has a form in every version");
    frame.freeze()
}

fn metadata_request(sample: &MetadataRequest) -> kafka::MetadataRequest {
    let topic = |name: &Arc<str>| asked::MetadataRequestTopic::default().with_name(Some(text(name).into()));
    kafka::MetadataRequest::default().with_topics(sample.topics.as_ref().map(|names| names.iter().map(topic).collect()))
}

fn metadata_response(sample: &MetadataResponse) -> kafka::MetadataResponse {
    kafka::MetadataResponse::default()
        .with_throttle_time_ms(sample.throttle_time_ms)
        .with_brokers(sample.brokers.iter().map(broker).collect())
        .with_cluster_id(sample.cluster_id.as_ref().map(text))
        .with_controller_id(id(sample.controller))
        .with_topics(sample.topics.iter().map(topic).collect())
}

fn broker(sample: &MetadataBroker) -> told::MetadataResponseBroker {
    told::MetadataResponseBroker::default()
        .with_node_id(id(sample.node))
        .with_host(text(&sample.host))
        .with_port(sample.port)
        .with_rack(sample.rack.as_ref().map(text))
}

fn topic(sample: &MetadataTopic) -> told::MetadataResponseTopic {
    told::MetadataResponseTopic::default()
        .with_error_code(sample.error.0)
        .with_name(Some(text(&sample.name).into()))
        .with_topic_id(format!("{:032x}", u128::from_be_bytes(sample.id.0)).parse().expect("128 bits in hexadecimal"))
        .with_is_internal(sample.is_internal)
        .with_partitions(sample.partitions.iter().map(partition).collect())
}

fn partition(sample: &MetadataPartition) -> told::MetadataResponsePartition {
    let ids = |nodes: &[NodeId]| nodes.iter().copied().map(id).collect();
    told::MetadataResponsePartition::default()
        .with_error_code(sample.error.0)
        .with_partition_index(sample.partition)
        .with_leader_id(id(sample.leader))
        .with_leader_epoch(sample.leader_epoch)
        .with_replica_nodes(ids(&sample.replicas))
        .with_isr_nodes(ids(&sample.isr))
        .with_offline_replicas(ids(&sample.offline))
}

fn id(node: NodeId) -> BrokerId {
    node.0.into()
}

fn text(text: &Arc<str>) -> StrBytes {
    StrBytes::from_string(text.to_string())
}
