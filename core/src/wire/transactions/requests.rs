//! What clients ask of the coordinators of transactions and groups.

use kafka_protocol::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use kafka_protocol::messages::offset_fetch_request as offset_fetch;
use kafka_protocol::messages::txn_offset_commit_request as txn_offset_commit;
use kafka_protocol::messages::{self as kafka, GroupId, ProducerId, TransactionalId};

use super::super::encode_request::{nullable_text, text, topic_name};
use super::super::reader::{Reader, Result};
use crate::ids::ProducerIdentity;
use crate::protocol::{
    AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, CommittedOffset, EndTxnRequest, OffsetFetchGroup,
    OffsetFetchRequest, TopicPartitions, TxnOffsetCommitRequest, TxnOffsetCommitTopic,
};

/// Producer id and epoch, as every one of these requests names them.
fn identity(reader: &mut Reader<'_>) -> Result<ProducerIdentity> {
    Ok(ProducerIdentity { id: reader.i64()?, epoch: reader.i16()? })
}

fn topic_partitions(reader: &mut Reader<'_>) -> Result<TopicPartitions> {
    let topic = TopicPartitions { name: reader.string()?, partitions: reader.array(Reader::i32)? };
    reader.end_struct()?;
    Ok(topic)
}

pub(in crate::wire) fn read_add_partitions(reader: &mut Reader<'_>) -> Result<AddPartitionsToTxnRequest> {
    let (transactional_id, identity) = (reader.string()?, identity(reader)?);
    let topics = reader.array(topic_partitions)?;
    reader.end_struct()?;
    Ok(AddPartitionsToTxnRequest { transactional_id, identity, topics })
}

pub(in crate::wire) fn read_add_offsets(reader: &mut Reader<'_>) -> Result<AddOffsetsToTxnRequest> {
    let request = AddOffsetsToTxnRequest {
        transactional_id: reader.string()?,
        identity: identity(reader)?,
        group: reader.string()?,
    };
    reader.end_struct()?;
    Ok(request)
}

pub(in crate::wire) fn read_end(reader: &mut Reader<'_>) -> Result<EndTxnRequest> {
    let request =
        EndTxnRequest { transactional_id: reader.string()?, identity: identity(reader)?, committed: reader.bool()? };
    reader.end_struct()?;
    Ok(request)
}

pub(in crate::wire) fn read_offset_commit(reader: &mut Reader<'_>, version: i16) -> Result<TxnOffsetCommitRequest> {
    let (transactional_id, group) = (reader.string()?, reader.string()?);
    let identity = identity(reader)?;
    let (generation, member_id, group_instance_id) =
        if version >= 3 { (reader.i32()?, reader.string()?, reader.nullable_string()?) } else { (-1, "".into(), None) };
    let topics = reader.array(|reader| {
        let name = reader.string()?;
        let partitions = reader.array(|reader| {
            let partition = reader.i32()?;
            let committed = CommittedOffset {
                offset: reader.i64()?,
                leader_epoch: if version >= 2 { reader.i32()? } else { -1 },
                metadata: reader.nullable_string()?,
            };
            reader.end_struct()?;
            Ok((partition, committed))
        })?;
        reader.end_struct()?;
        Ok(TxnOffsetCommitTopic { name, partitions })
    })?;
    reader.end_struct()?;
    Ok(TxnOffsetCommitRequest { transactional_id, group, identity, generation, member_id, group_instance_id, topics })
}

pub(in crate::wire) fn read_offset_fetch(reader: &mut Reader<'_>, version: i16) -> Result<OffsetFetchRequest> {
    let groups = if version >= 8 {
        reader.array(|reader| {
            let group = reader.string()?;
            if version >= 9 {
                let (_member_id, _member_epoch) = (reader.nullable_string()?, reader.i32()?);
            }
            let group = OffsetFetchGroup { group, topics: reader.nullable_array(topic_partitions)? };
            reader.end_struct()?;
            Ok(group)
        })?
    } else {
        let group = reader.string()?;
        // Version 1 has no way to ask for all topics.
        let topics =
            if version >= 2 { reader.nullable_array(topic_partitions)? } else { Some(reader.array(topic_partitions)?) };
        vec![OffsetFetchGroup { group, topics }]
    };
    let require_stable = if version >= 7 { reader.bool()? } else { false };
    reader.end_struct()?;
    Ok(OffsetFetchRequest { groups, require_stable })
}

pub(in crate::wire) fn add_partitions(body: &AddPartitionsToTxnRequest) -> kafka::AddPartitionsToTxnRequest {
    let topic = |topic: &TopicPartitions| {
        AddPartitionsToTxnTopic::default().with_name(topic_name(&topic.name)).with_partitions(topic.partitions.clone())
    };
    kafka::AddPartitionsToTxnRequest::default()
        .with_v3_and_below_transactional_id(TransactionalId(text(&body.transactional_id)))
        .with_v3_and_below_producer_id(ProducerId(body.identity.id))
        .with_v3_and_below_producer_epoch(body.identity.epoch)
        .with_v3_and_below_topics(body.topics.iter().map(topic).collect())
}

pub(in crate::wire) fn add_offsets(body: &AddOffsetsToTxnRequest) -> kafka::AddOffsetsToTxnRequest {
    kafka::AddOffsetsToTxnRequest::default()
        .with_transactional_id(TransactionalId(text(&body.transactional_id)))
        .with_producer_id(ProducerId(body.identity.id))
        .with_producer_epoch(body.identity.epoch)
        .with_group_id(GroupId(text(&body.group)))
}

pub(in crate::wire) fn end(body: &EndTxnRequest) -> kafka::EndTxnRequest {
    kafka::EndTxnRequest::default()
        .with_transactional_id(TransactionalId(text(&body.transactional_id)))
        .with_producer_id(ProducerId(body.identity.id))
        .with_producer_epoch(body.identity.epoch)
        .with_committed(body.committed)
}

pub(in crate::wire) fn offset_commit(body: &TxnOffsetCommitRequest, version: i16) -> kafka::TxnOffsetCommitRequest {
    let partition = |(partition, committed): &(i32, CommittedOffset)| {
        txn_offset_commit::TxnOffsetCommitRequestPartition::default()
            .with_partition_index(*partition)
            .with_committed_offset(committed.offset)
            .with_committed_leader_epoch(if version >= 2 { committed.leader_epoch } else { -1 })
            .with_committed_metadata(nullable_text(&committed.metadata))
    };
    let topic = |topic: &TxnOffsetCommitTopic| {
        txn_offset_commit::TxnOffsetCommitRequestTopic::default()
            .with_name(topic_name(&topic.name))
            .with_partitions(topic.partitions.iter().map(partition).collect())
    };
    let request = kafka::TxnOffsetCommitRequest::default()
        .with_transactional_id(TransactionalId(text(&body.transactional_id)))
        .with_group_id(GroupId(text(&body.group)))
        .with_producer_id(ProducerId(body.identity.id))
        .with_producer_epoch(body.identity.epoch)
        .with_topics(body.topics.iter().map(topic).collect());
    if version < 3 {
        return request;
    }
    request
        .with_generation_id(body.generation)
        .with_member_id(text(&body.member_id))
        .with_group_instance_id(nullable_text(&body.group_instance_id))
}

pub(in crate::wire) fn offset_fetch(
    body: &OffsetFetchRequest,
    version: i16,
) -> core::result::Result<kafka::OffsetFetchRequest, &'static str> {
    let request = kafka::OffsetFetchRequest::default().with_require_stable(if version >= 7 {
        body.require_stable
    } else {
        false
    });
    if version >= 8 {
        let topic = |topic: &TopicPartitions| {
            offset_fetch::OffsetFetchRequestTopics::default()
                .with_name(topic_name(&topic.name))
                .with_partition_indexes(topic.partitions.clone())
        };
        let group = |body: &OffsetFetchGroup| {
            offset_fetch::OffsetFetchRequestGroup::default()
                .with_group_id(GroupId(text(&body.group)))
                .with_topics(body.topics.as_ref().map(|topics| topics.iter().map(topic).collect()))
        };
        return Ok(request.with_groups(body.groups.iter().map(group).collect()));
    }
    let [only] = &body.groups[..] else { return Err("asks for one group") };
    let topic = |topic: &TopicPartitions| {
        offset_fetch::OffsetFetchRequestTopic::default()
            .with_name(topic_name(&topic.name))
            .with_partition_indexes(topic.partitions.clone())
    };
    Ok(request
        .with_group_id(GroupId(text(&only.group)))
        .with_topics(only.topics.as_ref().map(|topics| topics.iter().map(topic).collect())))
}
