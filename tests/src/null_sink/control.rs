//! What a producer asks before it sends: versions, metadata, a producer id. Rare, so kafka-protocol reads and writes it.

use std::io;

use bytes::Bytes;
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsResponse, BrokerId, InitProducerIdResponse, MetadataRequest, MetadataResponse, ProducerId,
    RequestHeader, ResponseHeader, TopicName,
};
use kafka_protocol::protocol::{Decodable as _, Encodable, StrBytes};

use super::{BROKERS, Shared, invalid, partition_count, produce};

/// What is offered. librdkafka writes record batches and numbers them only where Fetch 4 is offered too; nobody fetches.
const OFFERED: [(ApiKey, i16, i16); 5] = [
    (ApiKey::Produce, 0, *produce::VERSIONS.end()),
    (ApiKey::Fetch, 0, 12),
    (ApiKey::Metadata, 0, 12),
    (ApiKey::ApiVersions, 0, 4),
    (ApiKey::InitProducerId, 0, 4),
];
const UNSUPPORTED_VERSION: i16 = 35;

/// Answers the request whose header goes on with `rest`.
pub(super) fn answer(api: i16, version: i16, rest: Vec<u8>, shared: &Shared, answer: &mut Vec<u8>) -> io::Result<()> {
    let api_key = ApiKey::try_from(api).map_err(|()| invalid("an API that nobody knows"))?;
    let mut request = Bytes::from([&api.to_be_bytes()[..], &version.to_be_bytes(), &rest].concat());
    let offered = OFFERED.iter().any(|(key, min, max)| *key == api_key && (*min..=*max).contains(&version));
    if !offered {
        let correlation: [u8; 4] = rest.get(..4).and_then(|id| id.try_into().ok()).ok_or_else(|| invalid("no id"))?;
        return match api_key {
            // KIP-511: in the form of version 0, whatever was asked.
            ApiKey::ApiVersions => {
                write(answer, api_key, 0, i32::from_be_bytes(correlation), &versions(UNSUPPORTED_VERSION))
            }
            _ => Err(invalid("an API or version that was not offered")),
        };
    }
    let header = RequestHeader::decode(&mut request, api_key.request_header_version(version)).map_err(unreadable)?;
    let id = header.correlation_id;
    match api_key {
        ApiKey::ApiVersions => write(answer, api_key, version, id, &versions(0)),
        ApiKey::Metadata => {
            let asked = MetadataRequest::decode(&mut request, version).map_err(unreadable)?;
            write(answer, api_key, version, id, &metadata(&asked, shared))
        }
        ApiKey::InitProducerId => write(answer, api_key, version, id, &next_producer_id(shared)),
        _ => Err(invalid("an API that is offered for show")),
    }
}

fn versions(error: i16) -> ApiVersionsResponse {
    let offered = OFFERED.map(|(key, min, max)| {
        ApiVersion::default().with_api_key(key as i16).with_min_version(min).with_max_version(max)
    });
    ApiVersionsResponse::default().with_error_code(error).with_api_keys(offered.to_vec())
}

fn metadata(asked: &MetadataRequest, shared: &Shared) -> MetadataResponse {
    let brokers = (1..).zip(shared.ports).map(|(node, port)| {
        MetadataResponseBroker::default()
            .with_node_id(BrokerId(node))
            .with_host(StrBytes::from_static_str("127.0.0.1"))
            .with_port(port.into())
    });
    let topics = asked.topics.iter().flatten().filter_map(|topic| topic.name.clone()).map(described);
    MetadataResponse::default()
        .with_brokers(brokers.collect())
        .with_cluster_id(Some(StrBytes::from_static_str("null-sink")))
        .with_controller_id(BrokerId(1))
        .with_topics(topics.collect())
}

fn described(name: TopicName) -> MetadataResponseTopic {
    let partitions = (0..).take(partition_count(&name)).map(|partition: i32| {
        let leader = BrokerId(partition % i32::try_from(BROKERS).expect("few") + 1);
        MetadataResponsePartition::default()
            .with_partition_index(partition)
            .with_leader_id(leader)
            .with_leader_epoch(0)
            .with_replica_nodes(vec![leader])
            .with_isr_nodes(vec![leader])
    });
    MetadataResponseTopic::default().with_partitions(partitions.collect()).with_name(Some(name))
}

fn next_producer_id(shared: &Shared) -> InitProducerIdResponse {
    let mut state = shared.lock();
    state.producer_ids += 1;
    InitProducerIdResponse::default().with_producer_id(ProducerId(state.producer_ids)).with_producer_epoch(0)
}

fn write(answer: &mut Vec<u8>, api: ApiKey, version: i16, correlation: i32, body: &impl Encodable) -> io::Result<()> {
    let header = ResponseHeader::default().with_correlation_id(correlation);
    header.encode(answer, api.response_header_version(version)).map_err(unreadable)?;
    body.encode(answer, version).map_err(unreadable)
}

fn unreadable(error: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}
