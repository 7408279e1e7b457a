//! What brokers answer, for clients.

use std::sync::Arc;

use bytes::Bytes;

use super::error::{Malformation, WireError};
use super::reader::{Reader, Result};
use super::transactions::responses;
use crate::error::ErrorCode;
use crate::ids::{CorrelationId, NodeId, TopicId};
use crate::protocol::{
    AbortedTransaction, ApiKey, ApiVersionRange, ApiVersionsResponse, Coordinator, CreateTopicsResponse, CreatedTopic,
    DeleteTopicsResponse, DeletedTopic, FetchPartitionResponse, FetchResponse, FetchTopicResponse,
    FindCoordinatorResponse, InitProducerIdResponse, LeaderIdAndEpoch, ListOffsetsPartitionResponse,
    ListOffsetsResponse, ListOffsetsTopicResponse, MetadataBroker, MetadataPartition, MetadataResponse, MetadataTopic,
    ProducePartitionResponse, ProduceResponse, ProduceTopicResponse, RecordError, Response, client_versions,
};
use crate::record_batch::{BatchError, batches};
use crate::versions::is_flexible;

/// Reads a response's frame, its length field already taken off: the answer to a request of this API and version.
///
/// Responses do not name their API. They come in the order of the requests, so that whoever sent those knows; and the
/// correlation id tells whether it counted right.
///
/// # Errors
/// The bytes are no such response. The connection is of no use any more.
pub fn decode_response(
    api: ApiKey,
    version: i16,
    frame: Bytes,
) -> core::result::Result<(CorrelationId, Response), WireError> {
    let mut reader = Reader::new(&frame);
    let correlation = CorrelationId(reader.i32()?);
    if !client_versions(api).contains(version) {
        return Err(reader.error(Malformation::Version));
    }
    if api != ApiKey::ApiVersions {
        // The response to ApiVersions has the old header in all versions: the client cannot know which one it gets.
        reader.flexible = is_flexible(api, version);
        reader.end_struct()?;
    }
    let response = body(&mut reader, api, version)?;
    reader.finish()?;
    Ok((correlation, response))
}

fn body(reader: &mut Reader<'_>, api: ApiKey, version: i16) -> Result<Response> {
    Ok(match api {
        ApiKey::Produce => Response::Produce(produce(reader, version)?),
        ApiKey::Fetch => Response::Fetch(fetch(reader, version)?),
        ApiKey::ListOffsets => Response::ListOffsets(list_offsets(reader, version)?),
        ApiKey::Metadata => Response::Metadata(metadata(reader, version)?),
        ApiKey::FindCoordinator => Response::FindCoordinator(find_coordinator(reader, version)?),
        ApiKey::ApiVersions => Response::ApiVersions(api_versions(reader, version)?),
        ApiKey::CreateTopics => Response::CreateTopics(create_topics(reader, version)?),
        ApiKey::DeleteTopics => Response::DeleteTopics(delete_topics(reader, version)?),
        ApiKey::InitProducerId => Response::InitProducerId(init_producer_id(reader)?),
        ApiKey::OffsetFetch => Response::OffsetFetch(responses::read_offset_fetch(reader, version)?),
        ApiKey::AddPartitionsToTxn => Response::AddPartitionsToTxn(responses::read_add_partitions(reader)?),
        ApiKey::AddOffsetsToTxn => Response::AddOffsetsToTxn(responses::read_add_offsets(reader)?),
        ApiKey::EndTxn => Response::EndTxn(responses::read_end(reader, version)?),
        ApiKey::TxnOffsetCommit => Response::TxnOffsetCommit(responses::read_offset_commit(reader)?),
    })
}

fn node(reader: &mut Reader<'_>) -> Result<NodeId> {
    reader.i32().map(NodeId)
}

/// Node id, host, port and, where it is told, rack, as Metadata and Produce name a broker.
fn broker(reader: &mut Reader<'_>, tells_rack: bool) -> Result<MetadataBroker> {
    let broker = MetadataBroker {
        node: node(reader)?,
        host: reader.string()?,
        port: reader.i32()?,
        rack: if tells_rack { reader.nullable_string()? } else { None },
    };
    reader.end_struct()?;
    Ok(broker)
}

fn leader_id_and_epoch(reader: &mut Reader<'_>) -> Result<LeaderIdAndEpoch> {
    Ok(LeaderIdAndEpoch { leader: node(reader)?, epoch: reader.i32()? })
}

fn produce(reader: &mut Reader<'_>, version: i16) -> Result<ProduceResponse> {
    let topics = reader.array(|reader| {
        let (name, id) = reader.topic(ApiKey::Produce, version)?;
        let partitions = reader.array(|reader| produce_partition(reader, version))?;
        reader.end_struct()?;
        Ok(ProduceTopicResponse { name, id, partitions })
    })?;
    let throttle_time_ms = reader.i32()?;
    let mut node_endpoints = Vec::new();
    reader.tagged(|tag, field| {
        if tag == 0 && version >= 10 {
            node_endpoints = field.array(|reader| broker(reader, true))?;
        }
        Ok(())
    })?;
    Ok(ProduceResponse { topics, throttle_time_ms, node_endpoints })
}

fn produce_partition(reader: &mut Reader<'_>, version: i16) -> Result<ProducePartitionResponse> {
    let mut partition = ProducePartitionResponse {
        partition: reader.i32()?,
        error: reader.error_code()?,
        base_offset: reader.i64()?,
        log_append_time_ms: reader.i64()?,
        log_start_offset: if version >= 5 { reader.i64()? } else { -1 },
        ..Default::default()
    };
    if version >= 8 {
        partition.record_errors = reader.array(|reader| {
            let error = RecordError { batch_index: reader.i32()?, message: reader.nullable_string()? };
            reader.end_struct()?;
            Ok(error)
        })?;
        partition.error_message = reader.nullable_string()?;
    }
    reader.tagged(|tag, field| {
        if tag == 0 && version >= 10 {
            partition.current_leader = Some(leader_id_and_epoch(field)?);
        }
        Ok(())
    })?;
    Ok(partition)
}

fn fetch(reader: &mut Reader<'_>, version: i16) -> Result<FetchResponse> {
    let throttle_time_ms = reader.i32()?;
    let (error, session_id) = if version >= 7 { (reader.error_code()?, reader.i32()?) } else { (ErrorCode::NONE, 0) };
    let topics = reader.array(|reader| {
        let (name, id) = reader.topic(ApiKey::Fetch, version)?;
        let partitions = reader.array(|reader| fetch_partition(reader, version))?;
        reader.end_struct()?;
        Ok(FetchTopicResponse { name, id, partitions })
    })?;
    reader.end_struct()?;
    Ok(FetchResponse { throttle_time_ms, error, session_id, topics })
}

fn fetch_partition(reader: &mut Reader<'_>, version: i16) -> Result<FetchPartitionResponse> {
    let mut partition = FetchPartitionResponse {
        partition: reader.i32()?,
        error: reader.error_code()?,
        high_watermark: reader.i64()?,
        last_stable_offset: reader.i64()?,
        log_start_offset: if version >= 5 { reader.i64()? } else { -1 },
        aborted_transactions: reader.nullable_array(|reader| {
            let aborted = AbortedTransaction { producer_id: reader.i64()?, first_offset: reader.i64()? };
            reader.end_struct()?;
            Ok(aborted)
        })?,
        batches: Vec::new(),
    };
    if version >= 11 {
        let _preferred_read_replica = reader.i32()?;
    }
    let records = reader.bytes()?;
    partition.batches = split_batches(&records).map_err(|_| reader.error(Malformation::Batch))?;
    reader.end_struct()?;
    Ok(partition)
}

/// The whole batches in a fetched piece of a log. A broker cuts the piece at a byte limit, so that the last batch may
/// be there in part: it is left out, and comes again with the next fetch.
fn split_batches(records: &Bytes) -> core::result::Result<Vec<Bytes>, BatchError> {
    batches(records)
        .filter(|batch| !matches!(batch, Err(BatchError::HeaderCutShort { .. } | BatchError::CutShort { .. })))
        .map(|batch| batch.map(|batch| records.slice_ref(batch.as_bytes())))
        .collect()
}

fn list_offsets(reader: &mut Reader<'_>, version: i16) -> Result<ListOffsetsResponse> {
    let throttle_time_ms = if version >= 2 { reader.i32()? } else { 0 };
    let topics = reader.array(|reader| {
        let name = reader.string()?;
        let partitions = reader.array(|reader| {
            let partition = ListOffsetsPartitionResponse {
                partition: reader.i32()?,
                error: reader.error_code()?,
                timestamp_ms: reader.i64()?,
                offset: reader.i64()?,
                leader_epoch: if version >= 4 { reader.i32()? } else { -1 },
            };
            reader.end_struct()?;
            Ok(partition)
        })?;
        reader.end_struct()?;
        Ok(ListOffsetsTopicResponse { name, partitions })
    })?;
    reader.end_struct()?;
    Ok(ListOffsetsResponse { throttle_time_ms, topics })
}

fn metadata(reader: &mut Reader<'_>, version: i16) -> Result<MetadataResponse> {
    let throttle_time_ms = if version >= 3 { reader.i32()? } else { 0 };
    let brokers = reader.array(|reader| broker(reader, version >= 1))?;
    let cluster_id = if version >= 2 { reader.nullable_string()? } else { None };
    let controller = if version >= 1 { node(reader)? } else { NodeId(-1) };
    let topics = reader.array(|reader| metadata_topic(reader, version))?;
    if (8..=10).contains(&version) {
        let _cluster_authorized_operations = reader.i32()?;
    }
    let error = if version >= 13 { reader.error_code()? } else { ErrorCode::NONE };
    reader.end_struct()?;
    Ok(MetadataResponse { throttle_time_ms, brokers, cluster_id, controller, topics, error })
}

fn metadata_topic(reader: &mut Reader<'_>, version: i16) -> Result<MetadataTopic> {
    let topic = MetadataTopic {
        error: reader.error_code()?,
        // Null only in answers to questions by topic id.
        name: reader.nullable_string()?.unwrap_or_default(),
        id: if version >= 10 { reader.topic_id()? } else { TopicId::default() },
        is_internal: version >= 1 && reader.bool()?,
        partitions: reader.array(|reader| metadata_partition(reader, version))?,
    };
    if version >= 8 {
        let _topic_authorized_operations = reader.i32()?;
    }
    reader.end_struct()?;
    Ok(topic)
}

fn metadata_partition(reader: &mut Reader<'_>, version: i16) -> Result<MetadataPartition> {
    let (error, partition, leader) = (reader.error_code()?, reader.i32()?, node(reader)?);
    let told_epoch = if version >= 7 { reader.i32()? } else { -1 };
    let partition = MetadataPartition {
        error,
        partition,
        leader,
        // Brokers of before 2.4 tell wrong epochs while replicas are reassigned (`hasReliableLeaderEpochs`).
        leader_epoch: if version >= 9 { told_epoch } else { -1 },
        replicas: reader.array(node)?,
        isr: reader.array(node)?,
        offline: if version >= 5 { reader.array(node)? } else { Vec::new() },
    };
    reader.end_struct()?;
    Ok(partition)
}

fn find_coordinator(reader: &mut Reader<'_>, version: i16) -> Result<FindCoordinatorResponse> {
    let throttle_time_ms = if version >= 1 { reader.i32()? } else { 0 };
    let coordinators = if version >= 4 {
        reader.array(|reader| {
            let (key, node, host, port) = (reader.string()?, node(reader)?, reader.string()?, reader.i32()?);
            let (error, error_message) = (reader.error_code()?, reader.nullable_string()?);
            reader.end_struct()?;
            Ok(Coordinator { key, error, error_message, node, host, port })
        })?
    } else {
        let error = reader.error_code()?;
        let error_message = if version >= 1 { reader.nullable_string()? } else { Some("".into()) };
        let (node, host, port) = (node(reader)?, reader.string()?, reader.i32()?);
        // The key is not repeated: there was only one.
        vec![Coordinator { key: "".into(), error, error_message, node, host, port }]
    };
    reader.end_struct()?;
    Ok(FindCoordinatorResponse { throttle_time_ms, coordinators })
}

fn api_versions(reader: &mut Reader<'_>, version: i16) -> Result<ApiVersionsResponse> {
    let error = reader.error_code()?;
    // A broker that does not know the version asked for answers in the form of version 0 (KIP-511).
    let version = if error == ErrorCode::UNSUPPORTED_VERSION { 0 } else { version };
    reader.flexible = is_flexible(ApiKey::ApiVersions, version);
    let api_keys = reader.array(|reader| {
        let range = ApiVersionRange { api_key: reader.i16()?, min: reader.i16()?, max: reader.i16()? };
        reader.end_struct()?;
        Ok(range)
    })?;
    let throttle_time_ms = if version >= 1 { reader.i32()? } else { 0 };
    let mut finalized_features_epoch = None;
    let mut transaction_version = 0;
    reader.tagged(|tag, field| {
        const FINALIZED_FEATURES_EPOCH: usize = 1;
        const FINALIZED_FEATURES: usize = 2;
        if tag == FINALIZED_FEATURES_EPOCH {
            finalized_features_epoch = Some(field.i64()?).filter(|&epoch| epoch >= 0);
        } else if tag == FINALIZED_FEATURES {
            for (name, max_level) in field.array(finalized_feature)? {
                if &*name == "transaction.version" {
                    transaction_version = max_level;
                }
            }
        }
        Ok(())
    })?;
    Ok(ApiVersionsResponse { error, api_keys, throttle_time_ms, finalized_features_epoch, transaction_version })
}

/// A feature's name and the highest level at which all brokers of the cluster run it.
fn finalized_feature(reader: &mut Reader<'_>) -> Result<(Arc<str>, i16)> {
    let (name, max_level, _min_level) = (reader.string()?, reader.i16()?, reader.i16()?);
    reader.end_struct()?;
    Ok((name, max_level))
}

fn create_topics(reader: &mut Reader<'_>, version: i16) -> Result<CreateTopicsResponse> {
    let throttle_time_ms = reader.i32()?;
    let topics = reader.array(|reader| {
        let mut topic = CreatedTopic {
            name: reader.string()?,
            id: if version >= 7 { reader.topic_id()? } else { TopicId::default() },
            error: reader.error_code()?,
            error_message: reader.nullable_string()?,
            num_partitions: -1,
            replication_factor: -1,
        };
        if version >= 5 {
            (topic.num_partitions, topic.replication_factor) = (reader.i32()?, reader.i16()?);
            let _configs = reader.nullable_array(|reader| {
                let _name = reader.string()?;
                let _value = reader.nullable_string()?;
                let (_read_only, _source, _is_sensitive) = (reader.bool()?, reader.i8()?, reader.bool()?);
                reader.end_struct()
            })?;
        }
        reader.end_struct()?;
        Ok(topic)
    })?;
    reader.end_struct()?;
    Ok(CreateTopicsResponse { throttle_time_ms, topics })
}

fn delete_topics(reader: &mut Reader<'_>, version: i16) -> Result<DeleteTopicsResponse> {
    let throttle_time_ms = reader.i32()?;
    let topics = reader.array(|reader| {
        let topic = DeletedTopic {
            name: if version >= 6 { reader.nullable_string()? } else { Some(reader.string()?) },
            id: if version >= 6 { reader.topic_id()? } else { TopicId::default() },
            error: reader.error_code()?,
            error_message: if version >= 5 { reader.nullable_string()? } else { None },
        };
        reader.end_struct()?;
        Ok(topic)
    })?;
    reader.end_struct()?;
    Ok(DeleteTopicsResponse { throttle_time_ms, topics })
}

fn init_producer_id(reader: &mut Reader<'_>) -> Result<InitProducerIdResponse> {
    let response = InitProducerIdResponse {
        throttle_time_ms: reader.i32()?,
        error: reader.error_code()?,
        producer_id: reader.i64()?,
        producer_epoch: reader.i16()?,
    };
    reader.end_struct()?;
    Ok(response)
}
