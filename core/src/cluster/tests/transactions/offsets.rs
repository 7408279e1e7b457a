//! Offsets of groups that are committed with a transaction.

use super::*;
use crate::protocol::{
    CommittedOffset, OffsetFetchGroup, OffsetFetchRequest, TopicPartitions, TxnOffsetCommitRequest,
    TxnOffsetCommitTopic,
};

/// A group by this name has its coordinator where the transactional id of this name has it.
const GROUP: &str = TX;

fn commit_request(identity: ProducerIdentity, partition: i32, offset: i64) -> TxnOffsetCommitRequest {
    let committed = CommittedOffset { offset, leader_epoch: 3, metadata: Some("note".into()) };
    TxnOffsetCommitRequest {
        transactional_id: TX.into(),
        group: GROUP.into(),
        identity,
        generation: -1,
        member_id: "".into(),
        group_instance_id: None,
        topics: vec![TxnOffsetCommitTopic { name: "orders".into(), partitions: vec![(partition, committed)] }],
    }
}

impl World {
    fn send_offsets(&mut self, version: i16, request: TxnOffsetCommitRequest) -> ErrorCode {
        let link = self.connect(COORDINATOR);
        match self.ask_in_version(link, version, Request::TxnOffsetCommit(request)) {
            Some(Response::TxnOffsetCommit(response)) => response.topics[0].partitions[0].1,
            other => panic!("{other:?}"),
        }
    }

    /// The group's offset of partition 0.
    fn offset(&mut self, require_stable: bool) -> Result<i64, ErrorCode> {
        let topics = Some(vec![TopicPartitions { name: "orders".into(), partitions: vec![0] }]);
        let link = self.connect(COORDINATOR);
        let request =
            OffsetFetchRequest { groups: vec![OffsetFetchGroup { group: GROUP.into(), topics }], require_stable };
        match self.ask(link, Request::OffsetFetch(request)) {
            Some(Response::OffsetFetch(response)) => {
                assert_eq!(response.groups[0].error, ErrorCode::NONE);
                let partition = &response.groups[0].topics[0].partitions[0];
                if partition.error.is_none() { Ok(partition.committed.offset) } else { Err(partition.error) }
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn offsets_are_the_groups_when_the_transaction_commits_and_unstable_until_then() {
    let mut world = World::new();
    assert_eq!(world.offset(true), Ok(-1), "an unknown group has none");
    let producer = world.producer();
    assert_eq!(world.send_offsets(5, commit_request(producer, 0, 7)), ErrorCode::NONE);
    assert_eq!(world.offset(true), Err(ErrorCode::UNSTABLE_OFFSET_COMMIT));
    assert_eq!(world.offset(false), Ok(-1));
    let producer = world.commit(producer).unwrap();
    assert_eq!(world.offset(true), Ok(7));

    assert_eq!(world.send_offsets(5, commit_request(producer, 0, 9)), ErrorCode::NONE);
    assert_eq!(world.offset(false), Ok(7));
    world.abort(producer).unwrap();
    assert_eq!(world.offset(true), Ok(7), "an aborted transaction's offset was never there");
}

/// `OffsetMetadataManager.onPartitionsDeleted`: those that a transaction has yet to decide on, too.
#[test]
fn offsets_go_with_their_topic() {
    let mut world = World::new();
    let producer = world.producer();
    world.send_offsets(5, commit_request(producer, 0, 7));
    let producer = world.commit(producer).unwrap();
    world.send_offsets(5, commit_request(producer, 0, 9));
    world.cluster.delete_topic(world.now(), "orders").unwrap();
    assert_eq!(world.offset(true), Ok(-1));
    world.commit(producer).unwrap();
    assert_eq!(world.offset(true), Ok(-1));
}

/// Mirrors `ProducerStateManagerTest.testSequenceNotValidatedForGroupMetadataTopic`: what a transaction writes of a group's
/// offsets has no sequence, and a second write is taken as the first was.
#[test]
fn offsets_of_a_transaction_have_no_sequence_and_the_last_counts() {
    let mut world = World::new();
    let producer = world.producer();
    for offset in [7, 9] {
        assert_eq!(world.send_offsets(5, commit_request(producer, 0, offset)), ErrorCode::NONE);
    }
    world.commit(producer).unwrap();
    assert_eq!(world.offset(true), Ok(9));
}

#[test]
fn all_offsets_of_a_group_come_with_what_was_kept_beside_them() {
    let mut world = World::new();
    let producer = world.producer();
    for partition in [2, 0] {
        world.send_offsets(5, commit_request(producer, partition, 5));
    }
    world.commit(producer).unwrap();
    let link = world.connect(COORDINATOR);
    let groups = vec![OffsetFetchGroup { group: GROUP.into(), topics: None }];
    let request = OffsetFetchRequest { groups, require_stable: true };
    let Some(Response::OffsetFetch(response)) = world.ask(link, Request::OffsetFetch(request)) else { panic!() };
    let [topic] = &response.groups[0].topics[..] else { panic!("{response:?}") };
    assert_eq!(topic.partitions.iter().map(|partition| partition.partition).collect::<Vec<_>>(), [0, 2]);
    let kept = CommittedOffset { offset: 5, leader_epoch: 3, metadata: Some("note".into()) };
    assert!(topic.partitions.iter().all(|partition| partition.committed == kept), "{topic:?}");
}

#[test]
fn an_old_client_must_have_added_its_group_first() {
    let mut world = World::new();
    let producer = world.producer();
    for (version, refusal) in [(3, ErrorCode::INVALID_TXN_STATE), (4, ErrorCode::TRANSACTION_ABORTABLE)] {
        assert_eq!(world.send_offsets(version, commit_request(producer, 0, 7)), refusal);
    }
    let link = world.connect(COORDINATOR);
    let request = crate::protocol::AddOffsetsToTxnRequest {
        transactional_id: TX.into(),
        identity: producer,
        group: GROUP.into(),
    };
    let Some(Response::AddOffsetsToTxn(added)) = world.ask(link, Request::AddOffsetsToTxn(request)) else { panic!() };
    assert_eq!(added.error, ErrorCode::NONE);
    assert_eq!(world.send_offsets(3, commit_request(producer, 0, 7)), ErrorCode::NONE);
    world.end(4, producer, true).unwrap();
    assert_eq!(world.offset(true), Ok(7));
}

#[test]
fn offsets_that_cannot_be_taken_are_refused_one_by_one_or_all() {
    let mut world = World::new();
    let producer = world.producer();
    let request = || commit_request(producer, 0, 7);
    let zombie = TxnOffsetCommitRequest { identity: raised(producer), ..request() };
    assert_eq!(world.send_offsets(5, zombie), ErrorCode::INVALID_PRODUCER_EPOCH);
    let nobodys = TxnOffsetCommitRequest { group: "".into(), ..request() };
    assert_eq!(world.send_offsets(5, nobodys), ErrorCode::INVALID_GROUP_ID);
    let members = || TxnOffsetCommitRequest { generation: 4, member_id: "m".into(), ..request() };
    assert_eq!(world.send_offsets(5, members()), ErrorCode::ILLEGAL_GENERATION);
    assert_eq!(world.send_offsets(5, commit_request(producer, 9, 7)), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    let mut wordy = request();
    wordy.topics[0].partitions[0].1.metadata = Some("x".repeat(4_097).into());
    assert_eq!(world.send_offsets(5, wordy), ErrorCode::OFFSET_METADATA_TOO_LARGE);
    assert_eq!(world.send_offsets(5, request()), ErrorCode::NONE);
    assert_eq!(world.send_offsets(5, members()), ErrorCode::UNKNOWN_MEMBER_ID, "now the group is known");

    let link = world.connect(1);
    let Some(Response::TxnOffsetCommit(refused)) = world.ask(link, Request::TxnOffsetCommit(request())) else {
        panic!()
    };
    assert_eq!(refused.topics[0].partitions, [(0, ErrorCode::NOT_COORDINATOR)]);
    let groups = vec![OffsetFetchGroup { group: GROUP.into(), topics: None }];
    let request = OffsetFetchRequest { groups, require_stable: false };
    let Some(Response::OffsetFetch(refused)) = world.ask(link, Request::OffsetFetch(request)) else { panic!() };
    assert_eq!(refused.groups[0].error, ErrorCode::NOT_COORDINATOR);
}

/// `GroupMetadataManager` keeps a group that was made for an offset, though the transaction with it was aborted.
#[test]
fn a_group_is_known_even_when_its_only_offset_was_aborted() {
    let mut world = World::new();
    let producer = world.producer();
    let of_a_member = |producer| TxnOffsetCommitRequest { generation: 4, ..commit_request(producer, 0, 7) };
    assert_eq!(world.send_offsets(5, of_a_member(producer)), ErrorCode::ILLEGAL_GENERATION);
    assert_eq!(world.send_offsets(5, commit_request(producer, 0, 7)), ErrorCode::NONE);
    let producer = world.abort(producer).unwrap();
    assert_eq!(world.send_offsets(5, of_a_member(producer)), ErrorCode::UNKNOWN_MEMBER_ID);
}
