//! The samples of transactions and of the offsets committed within them.

use producer_core::error::ErrorCode;
use producer_core::ids::ProducerIdentity;
use producer_core::protocol::*;

use super::{TOPICS, text};

const PRODUCER: ProducerIdentity = ProducerIdentity { id: 4242, epoch: 3 };

fn topic_partitions(name: &str) -> TopicPartitions {
    TopicPartitions { name: text(name), partitions: vec![0, 5, 1 << 30] }
}

fn topic_errors(name: &str) -> TopicErrors {
    TopicErrors { name: text(name), partitions: vec![(0, ErrorCode::NONE), (5, ErrorCode::PRODUCER_FENCED)] }
}

fn committed(offset: i64, metadata: Option<&str>) -> CommittedOffset {
    CommittedOffset { offset, leader_epoch: 4, metadata: metadata.map(text) }
}

pub(super) fn add_partitions_request() -> AddPartitionsToTxnRequest {
    let topics = TOPICS.map(topic_partitions).into();
    AddPartitionsToTxnRequest { transactional_id: text("tx"), identity: PRODUCER, topics }
}

pub(super) fn add_offsets_request() -> AddOffsetsToTxnRequest {
    AddOffsetsToTxnRequest { transactional_id: text("tx"), identity: PRODUCER, group: text("주문-group") }
}

pub(super) fn end_request() -> EndTxnRequest {
    EndTxnRequest { transactional_id: text("tx"), identity: PRODUCER, committed: true }
}

pub(super) fn offset_commit_request() -> TxnOffsetCommitRequest {
    let topic = |name| TxnOffsetCommitTopic {
        name: text(name),
        partitions: vec![(0, committed(1 << 40, Some("note"))), (1, committed(0, None))],
    };
    TxnOffsetCommitRequest {
        transactional_id: text("tx"),
        group: text("group"),
        identity: PRODUCER,
        generation: 6,
        member_id: text("member"),
        group_instance_id: Some(text("instance")),
        topics: TOPICS.map(topic).into(),
    }
}

pub(super) fn offset_fetch_request() -> OffsetFetchRequest {
    let group = |group, topics| OffsetFetchGroup { group: text(group), topics };
    OffsetFetchRequest {
        groups: vec![group("group", Some(TOPICS.map(topic_partitions).into())), group("another", None)],
        require_stable: true,
    }
}

pub(super) fn add_partitions_response() -> AddPartitionsToTxnResponse {
    AddPartitionsToTxnResponse { throttle_time_ms: 3, topics: TOPICS.map(topic_errors).into() }
}

pub(super) fn add_offsets_response() -> AddOffsetsToTxnResponse {
    AddOffsetsToTxnResponse { throttle_time_ms: 3, error: ErrorCode::CONCURRENT_TRANSACTIONS }
}

pub(super) fn end_response() -> EndTxnResponse {
    EndTxnResponse { throttle_time_ms: 3, error: ErrorCode::NONE, producer_id: 4242, producer_epoch: 4 }
}

pub(super) fn offset_commit_response() -> TxnOffsetCommitResponse {
    TxnOffsetCommitResponse { throttle_time_ms: 3, topics: TOPICS.map(topic_errors).into() }
}

pub(super) fn offset_fetch_response() -> OffsetFetchResponse {
    let partition =
        |partition, error| OffsetFetchPartitionResponse { partition, committed: committed(41, Some("note")), error };
    let topic = |name| OffsetFetchTopicResponse {
        name: text(name),
        partitions: vec![partition(0, ErrorCode::NONE), partition(5, ErrorCode::UNSTABLE_OFFSET_COMMIT)],
    };
    // Below v8 there is room for one.
    let group = OffsetFetchGroupResponse {
        group: text("group"),
        error: ErrorCode::NOT_COORDINATOR,
        topics: TOPICS.map(topic).into(),
    };
    OffsetFetchResponse { throttle_time_ms: 3, groups: vec![group] }
}

pub(super) fn offset_fetch_as_of(version: i16, request: &mut OffsetFetchRequest) {
    if version < 8 {
        request.groups.truncate(1);
    }
    if version < 7 {
        request.require_stable = false;
    }
}

pub(super) fn offset_commit_as_of(version: i16, request: &mut TxnOffsetCommitRequest) {
    if version < 3 {
        (request.generation, request.member_id, request.group_instance_id) = (-1, text(""), None);
    }
    if version < 2 {
        let partitions = request.topics.iter_mut().flat_map(|topic| &mut topic.partitions);
        partitions.for_each(|(_, committed)| committed.leader_epoch = -1);
    }
}

pub(super) fn fetched_offsets_as_of(version: i16, response: &mut OffsetFetchResponse) {
    if version < 8 {
        response.groups[0].group = text("");
    }
    if version < 3 {
        response.throttle_time_ms = 0;
    }
    for group in &mut response.groups {
        if version < 2 {
            group.error = ErrorCode::NONE;
        }
        if version < 5 {
            let partitions = group.topics.iter_mut().flat_map(|topic| &mut topic.partitions);
            partitions.for_each(|partition| partition.committed.leader_epoch = -1);
        }
    }
}
