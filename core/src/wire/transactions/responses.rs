//! What the coordinators of transactions and groups answer.

use kafka_protocol::messages::add_partitions_to_txn_response as add_partitions_to_txn;
use kafka_protocol::messages::offset_fetch_response as offset_fetch;
use kafka_protocol::messages::txn_offset_commit_response as txn_offset_commit;
use kafka_protocol::messages::{self as kafka, GroupId, ProducerId};

use super::super::encode_request::{nullable_text, text, topic_name};
use super::super::reader::{Reader, Result};
use crate::error::ErrorCode;
use crate::protocol::{
    AddOffsetsToTxnResponse, AddPartitionsToTxnResponse, CommittedOffset, EndTxnResponse, OffsetFetchGroupResponse,
    OffsetFetchPartitionResponse, OffsetFetchResponse, OffsetFetchTopicResponse, TopicErrors, TxnOffsetCommitResponse,
};

fn topic_errors(reader: &mut Reader<'_>) -> Result<TopicErrors> {
    let name = reader.string()?;
    let partitions = reader.array(|reader| {
        let partition = (reader.i32()?, reader.error_code()?);
        reader.end_struct()?;
        Ok(partition)
    })?;
    reader.end_struct()?;
    Ok(TopicErrors { name, partitions })
}

pub(in crate::wire) fn read_add_partitions(reader: &mut Reader<'_>) -> Result<AddPartitionsToTxnResponse> {
    let response = AddPartitionsToTxnResponse { throttle_time_ms: reader.i32()?, topics: reader.array(topic_errors)? };
    reader.end_struct()?;
    Ok(response)
}

pub(in crate::wire) fn read_add_offsets(reader: &mut Reader<'_>) -> Result<AddOffsetsToTxnResponse> {
    let response = AddOffsetsToTxnResponse { throttle_time_ms: reader.i32()?, error: reader.error_code()? };
    reader.end_struct()?;
    Ok(response)
}

pub(in crate::wire) fn read_end(reader: &mut Reader<'_>, version: i16) -> Result<EndTxnResponse> {
    let (throttle_time_ms, error) = (reader.i32()?, reader.error_code()?);
    let (producer_id, producer_epoch) = if version >= 5 { (reader.i64()?, reader.i16()?) } else { (-1, -1) };
    reader.end_struct()?;
    Ok(EndTxnResponse { throttle_time_ms, error, producer_id, producer_epoch })
}

pub(in crate::wire) fn read_offset_commit(reader: &mut Reader<'_>) -> Result<TxnOffsetCommitResponse> {
    let response = TxnOffsetCommitResponse { throttle_time_ms: reader.i32()?, topics: reader.array(topic_errors)? };
    reader.end_struct()?;
    Ok(response)
}

pub(in crate::wire) fn read_offset_fetch(reader: &mut Reader<'_>, version: i16) -> Result<OffsetFetchResponse> {
    let throttle_time_ms = if version >= 3 { reader.i32()? } else { 0 };
    let topics = |reader: &mut Reader<'_>| {
        reader.array(|reader| {
            let name = reader.string()?;
            let partitions = reader.array(|reader| fetched_offset(reader, version))?;
            reader.end_struct()?;
            Ok(OffsetFetchTopicResponse { name, partitions })
        })
    };
    let groups = if version >= 8 {
        reader.array(|reader| {
            let (group, topics, error) = (reader.string()?, topics(reader)?, reader.error_code()?);
            reader.end_struct()?;
            Ok(OffsetFetchGroupResponse { group, error, topics })
        })?
    } else {
        let topics = topics(reader)?;
        let error = if version >= 2 { reader.error_code()? } else { ErrorCode::NONE };
        // The group is not repeated: there was only one.
        vec![OffsetFetchGroupResponse { group: "".into(), error, topics }]
    };
    reader.end_struct()?;
    Ok(OffsetFetchResponse { throttle_time_ms, groups })
}

fn fetched_offset(reader: &mut Reader<'_>, version: i16) -> Result<OffsetFetchPartitionResponse> {
    let partition = reader.i32()?;
    let committed = CommittedOffset {
        offset: reader.i64()?,
        leader_epoch: if version >= 5 { reader.i32()? } else { -1 },
        metadata: reader.nullable_string()?,
    };
    let error = reader.error_code()?;
    reader.end_struct()?;
    Ok(OffsetFetchPartitionResponse { partition, committed, error })
}

pub(in crate::wire) fn add_partitions(body: &AddPartitionsToTxnResponse) -> kafka::AddPartitionsToTxnResponse {
    let partition = |&(partition, error): &(i32, ErrorCode)| {
        add_partitions_to_txn::AddPartitionsToTxnPartitionResult::default()
            .with_partition_index(partition)
            .with_partition_error_code(error.0)
    };
    let topic = |topic: &TopicErrors| {
        add_partitions_to_txn::AddPartitionsToTxnTopicResult::default()
            .with_name(topic_name(&topic.name))
            .with_results_by_partition(topic.partitions.iter().map(partition).collect())
    };
    kafka::AddPartitionsToTxnResponse::default()
        .with_throttle_time_ms(body.throttle_time_ms)
        .with_results_by_topic_v3_and_below(body.topics.iter().map(topic).collect())
}

pub(in crate::wire) fn add_offsets(body: &AddOffsetsToTxnResponse) -> kafka::AddOffsetsToTxnResponse {
    kafka::AddOffsetsToTxnResponse::default().with_throttle_time_ms(body.throttle_time_ms).with_error_code(body.error.0)
}

pub(in crate::wire) fn end(body: &EndTxnResponse, version: i16) -> kafka::EndTxnResponse {
    let answer =
        kafka::EndTxnResponse::default().with_throttle_time_ms(body.throttle_time_ms).with_error_code(body.error.0);
    if version < 5 {
        return answer;
    }
    answer.with_producer_id(ProducerId(body.producer_id)).with_producer_epoch(body.producer_epoch)
}

pub(in crate::wire) fn offset_commit(body: &TxnOffsetCommitResponse) -> kafka::TxnOffsetCommitResponse {
    let partition = |&(partition, error): &(i32, ErrorCode)| {
        txn_offset_commit::TxnOffsetCommitResponsePartition::default()
            .with_partition_index(partition)
            .with_error_code(error.0)
    };
    let topic = |topic: &TopicErrors| {
        txn_offset_commit::TxnOffsetCommitResponseTopic::default()
            .with_name(topic_name(&topic.name))
            .with_partitions(topic.partitions.iter().map(partition).collect())
    };
    kafka::TxnOffsetCommitResponse::default()
        .with_throttle_time_ms(body.throttle_time_ms)
        .with_topics(body.topics.iter().map(topic).collect())
}

pub(in crate::wire) fn offset_fetch(
    body: &OffsetFetchResponse,
    version: i16,
) -> core::result::Result<kafka::OffsetFetchResponse, &'static str> {
    let answer = kafka::OffsetFetchResponse::default().with_throttle_time_ms(body.throttle_time_ms);
    if version >= 8 {
        return Ok(answer.with_groups(body.groups.iter().map(fetched_group).collect()));
    }
    let [only] = &body.groups[..] else { return Err("answers for one group") };
    let partition = |body: &OffsetFetchPartitionResponse| {
        offset_fetch::OffsetFetchResponsePartition::default()
            .with_partition_index(body.partition)
            .with_committed_offset(body.committed.offset)
            .with_committed_leader_epoch(if version >= 5 { body.committed.leader_epoch } else { -1 })
            .with_metadata(nullable_text(&body.committed.metadata))
            .with_error_code(body.error.0)
    };
    let topic = |topic: &OffsetFetchTopicResponse| {
        offset_fetch::OffsetFetchResponseTopic::default()
            .with_name(topic_name(&topic.name))
            .with_partitions(topic.partitions.iter().map(partition).collect())
    };
    Ok(answer.with_topics(only.topics.iter().map(topic).collect()).with_error_code(if version >= 2 {
        only.error.0
    } else {
        0
    }))
}

fn fetched_group(body: &OffsetFetchGroupResponse) -> offset_fetch::OffsetFetchResponseGroup {
    let partition = |body: &OffsetFetchPartitionResponse| {
        offset_fetch::OffsetFetchResponsePartitions::default()
            .with_partition_index(body.partition)
            .with_committed_offset(body.committed.offset)
            .with_committed_leader_epoch(body.committed.leader_epoch)
            .with_metadata(nullable_text(&body.committed.metadata))
            .with_error_code(body.error.0)
    };
    let topic = |topic: &OffsetFetchTopicResponse| {
        offset_fetch::OffsetFetchResponseTopics::default()
            .with_name(topic_name(&topic.name))
            .with_partitions(topic.partitions.iter().map(partition).collect())
    };
    offset_fetch::OffsetFetchResponseGroup::default()
        .with_group_id(GroupId(text(&body.group)))
        .with_topics(body.topics.iter().map(topic).collect())
        .with_error_code(body.error.0)
}
