//! What clients ask, for the embedded brokers.

use std::sync::Arc;

use bytes::Bytes;

use super::error::{Malformation, RequestError};
use super::reader::{Reader, Result};
use super::transactions::requests;
use crate::ids::{CorrelationId, NodeId, TopicId};
use crate::protocol::{
    ApiKey, ApiVersionsRequest, CreateTopicsRequest, DeleteTopicsRequest, FetchPartition, FetchRequest, FetchTopic,
    FindCoordinatorRequest, InitProducerIdRequest, ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic,
    MetadataRequest, NewTopic, ProducePartition, ProduceRequest, ProduceTopic, Request, RequestHeader, TopicToDelete,
    broker_versions,
};
use crate::versions::is_flexible;

/// Reads a request's frame, its length field already taken off. Batches stay shared with the frame.
///
/// # Errors
/// See [`RequestError`] for what to do about each.
pub fn decode_request(frame: Bytes) -> core::result::Result<(RequestHeader, Request), RequestError> {
    let mut reader = Reader::new(&frame);
    let (api_key, version, correlation) = (reader.i16()?, reader.i16()?, CorrelationId(reader.i32()?));
    let api = ApiKey::from_code(api_key).ok_or(RequestError::UnknownApi { api_key })?;
    if !broker_versions(api).contains(version) {
        return Err(match api {
            ApiKey::ApiVersions => RequestError::UnsupportedApiVersions { correlation },
            _ => RequestError::UnsupportedVersion { api, version },
        });
    }
    // The client id keeps its old form even in flexible headers: a broker reads it before it knows their form.
    let client_id = reader.nullable_string()?;
    reader.flexible = is_flexible(api, version);
    reader.end_struct()?;
    let request = body(&mut reader, api, version)?;
    reader.finish()?;
    Ok((RequestHeader { api, version, correlation, client_id }, request))
}

fn body(reader: &mut Reader<'_>, api: ApiKey, version: i16) -> Result<Request> {
    Ok(match api {
        ApiKey::Produce => Request::Produce(produce(reader, version)?),
        ApiKey::Fetch => Request::Fetch(fetch(reader, version)?),
        ApiKey::ListOffsets => Request::ListOffsets(list_offsets(reader, version)?),
        ApiKey::Metadata => Request::Metadata(metadata(reader, version)?),
        ApiKey::FindCoordinator => Request::FindCoordinator(find_coordinator(reader, version)?),
        ApiKey::ApiVersions => Request::ApiVersions(api_versions(reader, version)?),
        ApiKey::CreateTopics => Request::CreateTopics(create_topics(reader)?),
        ApiKey::DeleteTopics => Request::DeleteTopics(delete_topics(reader, version)?),
        ApiKey::InitProducerId => Request::InitProducerId(init_producer_id(reader, version)?),
        ApiKey::OffsetFetch => Request::OffsetFetch(requests::read_offset_fetch(reader, version)?),
        ApiKey::AddPartitionsToTxn => Request::AddPartitionsToTxn(requests::read_add_partitions(reader)?),
        ApiKey::AddOffsetsToTxn => Request::AddOffsetsToTxn(requests::read_add_offsets(reader)?),
        ApiKey::EndTxn => Request::EndTxn(requests::read_end(reader)?),
        ApiKey::TxnOffsetCommit => Request::TxnOffsetCommit(requests::read_offset_commit(reader, version)?),
    })
}

fn produce(reader: &mut Reader<'_>, version: i16) -> Result<ProduceRequest> {
    let transactional_id = reader.nullable_string()?;
    let (acks, timeout_ms) = (reader.i16()?, reader.i32()?);
    let topics = reader.array(|reader| {
        let (name, id) = reader.topic(ApiKey::Produce, version)?;
        let partitions = reader.array(|reader| {
            let partition = ProducePartition { partition: reader.i32()?, records: reader.bytes()? };
            reader.end_struct()?;
            Ok(partition)
        })?;
        reader.end_struct()?;
        Ok(ProduceTopic { name, id, partitions })
    })?;
    reader.end_struct()?;
    Ok(ProduceRequest { transactional_id, acks, timeout_ms, topics })
}

fn fetch(reader: &mut Reader<'_>, version: i16) -> Result<FetchRequest> {
    // Later only replicas say who they are, in a tagged field.
    if version < 15 {
        let _replica_id = reader.i32()?;
    }
    let (max_wait_ms, min_bytes, max_bytes) = (reader.i32()?, reader.i32()?, reader.i32()?);
    let isolation_level = reader.i8()?;
    // Without sessions every fetch is a full one.
    let (session_id, session_epoch) = if version >= 7 { (reader.i32()?, reader.i32()?) } else { (0, -1) };
    let topics = reader.array(|reader| {
        let (name, id) = reader.topic(ApiKey::Fetch, version)?;
        let partitions = reader.array(|reader| fetch_partition(reader, version))?;
        reader.end_struct()?;
        Ok(FetchTopic { name, id, partitions })
    })?;
    if version >= 7 {
        let _forgotten_topics = reader.array(|reader| {
            let _topic = reader.topic(ApiKey::Fetch, version)?;
            let _partitions = reader.array(Reader::i32)?;
            reader.end_struct()
        })?;
    }
    if version >= 11 {
        let _rack_id = reader.string()?;
    }
    reader.end_struct()?;
    Ok(FetchRequest { max_wait_ms, min_bytes, max_bytes, isolation_level, session_id, session_epoch, topics })
}

fn fetch_partition(reader: &mut Reader<'_>, version: i16) -> Result<FetchPartition> {
    let partition = reader.i32()?;
    let current_leader_epoch = if version >= 9 { reader.i32()? } else { -1 };
    let fetch_offset = reader.i64()?;
    if version >= 12 {
        let _last_fetched_epoch = reader.i32()?;
    }
    if version >= 5 {
        let _log_start_offset = reader.i64()?;
    }
    let max_bytes = reader.i32()?;
    reader.end_struct()?;
    Ok(FetchPartition { partition, current_leader_epoch, fetch_offset, max_bytes })
}

fn list_offsets(reader: &mut Reader<'_>, version: i16) -> Result<ListOffsetsRequest> {
    let _replica_id = reader.i32()?;
    let isolation_level = if version >= 2 { reader.i8()? } else { 0 };
    let topics = reader.array(|reader| {
        let name = reader.string()?;
        let partitions = reader.array(|reader| {
            let partition = ListOffsetsPartition {
                partition: reader.i32()?,
                current_leader_epoch: if version >= 4 { reader.i32()? } else { -1 },
                timestamp_ms: reader.i64()?,
            };
            reader.end_struct()?;
            Ok(partition)
        })?;
        reader.end_struct()?;
        Ok(ListOffsetsTopic { name, partitions })
    })?;
    reader.end_struct()?;
    Ok(ListOffsetsRequest { isolation_level, topics })
}

fn metadata(reader: &mut Reader<'_>, version: i16) -> Result<MetadataRequest> {
    let mut topic_ids = Vec::new();
    let topics = reader.nullable_array(|reader| {
        let id = if version >= 10 { reader.topic_id()? } else { TopicId::default() };
        // Before version 12 only a name says a topic.
        let name = if version >= 12 { reader.nullable_string()? } else { Some(reader.string()?) };
        reader.end_struct()?;
        if version >= 12 && id != TopicId::default() {
            topic_ids.push(id);
        }
        Ok(name)
    })?;
    let topics = topics.map(|topics| topics.into_iter().flatten().collect::<Vec<_>>());
    // Version 0 knows no null: its empty list asks for all topics.
    let topics = match topics {
        None if version == 0 => return Err(reader.error(Malformation::Null)),
        Some(topics) if version == 0 && topics.is_empty() => None,
        topics => topics,
    };
    let allow_auto_topic_creation = if version >= 4 { reader.bool()? } else { true };
    if (8..=10).contains(&version) {
        let _include_cluster_authorized_operations = reader.bool()?;
    }
    if version >= 8 {
        let _include_topic_authorized_operations = reader.bool()?;
    }
    reader.end_struct()?;
    Ok(MetadataRequest { topics, topic_ids, allow_auto_topic_creation })
}

fn find_coordinator(reader: &mut Reader<'_>, version: i16) -> Result<FindCoordinatorRequest> {
    let only_key = if version <= 3 { Some(reader.string()?) } else { None };
    let key_type = if version >= 1 { reader.i8()? } else { 0 };
    let keys = match only_key {
        Some(key) => vec![key],
        None => reader.array(Reader::string)?,
    };
    reader.end_struct()?;
    Ok(FindCoordinatorRequest { key_type, keys })
}

fn api_versions(reader: &mut Reader<'_>, version: i16) -> Result<ApiVersionsRequest> {
    if version < 3 {
        return Ok(ApiVersionsRequest::default());
    }
    let (client_software_name, client_software_version) = (reader.string()?, reader.string()?);
    reader.end_struct()?;
    Ok(ApiVersionsRequest { client_software_name, client_software_version })
}

fn create_topics(reader: &mut Reader<'_>) -> Result<CreateTopicsRequest> {
    let topics = reader.array(|reader| {
        let name = reader.string()?;
        let (num_partitions, replication_factor) = (reader.i32()?, reader.i16()?);
        let assignments = reader.array(|reader| {
            let assignment = (reader.i32()?, reader.array(|reader| reader.i32().map(NodeId))?);
            reader.end_struct()?;
            Ok(assignment)
        })?;
        let configs = reader.array(config)?;
        reader.end_struct()?;
        Ok(NewTopic { name, num_partitions, replication_factor, configs, assignments })
    })?;
    let (timeout_ms, validate_only) = (reader.i32()?, reader.bool()?);
    reader.end_struct()?;
    Ok(CreateTopicsRequest { topics, timeout_ms, validate_only })
}

fn config(reader: &mut Reader<'_>) -> Result<(Arc<str>, Option<Arc<str>>)> {
    let config = (reader.string()?, reader.nullable_string()?);
    reader.end_struct()?;
    Ok(config)
}

fn delete_topics(reader: &mut Reader<'_>, version: i16) -> Result<DeleteTopicsRequest> {
    let topics = reader.array(|reader| {
        if version < 6 {
            return Ok(TopicToDelete { name: Some(reader.string()?), id: TopicId::default() });
        }
        let topic = TopicToDelete { name: reader.nullable_string()?, id: reader.topic_id()? };
        reader.end_struct()?;
        Ok(topic)
    })?;
    let timeout_ms = reader.i32()?;
    reader.end_struct()?;
    Ok(DeleteTopicsRequest { topics, timeout_ms })
}

fn init_producer_id(reader: &mut Reader<'_>, version: i16) -> Result<InitProducerIdRequest> {
    let (transactional_id, transaction_timeout_ms) = (reader.nullable_string()?, reader.i32()?);
    let (producer_id, producer_epoch) = if version >= 3 { (reader.i64()?, reader.i16()?) } else { (-1, -1) };
    reader.end_struct()?;
    Ok(InitProducerIdRequest { transactional_id, transaction_timeout_ms, producer_id, producer_epoch })
}
