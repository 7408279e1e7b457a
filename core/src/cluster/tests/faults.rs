//! Scripted faults and the order of answers.

use super::*;
use crate::protocol::{
    AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, CommittedOffset, FindCoordinatorRequest, InitProducerIdRequest,
    OffsetFetchGroup, OffsetFetchRequest, TopicPartitions, TxnOffsetCommitRequest, TxnOffsetCommitTopic,
};

fn rule(then: Action) -> Rule {
    Rule { when: Matcher { api: Some(ApiKey::Produce), nth: Some(1), ..Matcher::default() }, then }
}

#[test]
fn an_answer_that_is_held_back_holds_back_those_behind_it() {
    let mut world = World::new();
    world.cluster.add_rule(rule(Action::Delay(Duration::from_millis(50))));
    let link = world.connect(1);
    let first = world.send(link, produce_request(-1, 0, plain(&["a"])));
    let second = world.send(link, produce_request(-1, 0, plain(&["b"])));
    assert_eq!(world.responses(), []);
    assert_eq!(world.values(0), ["a"], "acted upon at once; the next one waits for its answer");
    assert_eq!(world.wants_wake_at(), Some(Instant::from_millis(50)));
    world.pass(Duration::from_millis(50));
    assert_eq!(world.responses().iter().map(|(correlation, _)| *correlation).collect::<Vec<_>>(), [first, second]);
    assert_eq!(world.values(0), ["a", "b"]);
    let delayed = Fault::Delayed { by_us: 50_000 };
    assert!(world.facts().iter().any(|fact| matches!(fact, Fact::FaultInjected { fault, correlation, .. }
        if *fault == delayed && *correlation == first)));
}

/// Row 35 of the demo catalogue, at the broker (KIP-219).
#[test]
fn a_throttled_connection_is_answered_at_once_and_not_heard_until_the_pause_is_over() {
    let mut world = World::new();
    world.cluster.add_rule(rule(Action::Throttle(Duration::from_secs(1))));
    let link = world.connect(1);
    let first = world.send(link, produce_request(-1, 0, plain(&["a"])));
    let second = world.send(link, produce_request(-1, 0, plain(&["b"])));
    let [(answered, Response::Produce(answer))] = &world.responses()[..] else { panic!() };
    assert_eq!((*answered, answer.throttle_time_ms), (first, 1_000));
    world.pass(Duration::from_millis(999));
    assert_eq!(world.values(0), ["a"]);
    world.pass(Duration::from_millis(1));
    let [(answered, Response::Produce(answer))] = &world.responses()[..] else { panic!() };
    assert_eq!((*answered, answer.throttle_time_ms), (second, 0));
    assert_eq!(world.values(0), ["a", "b"]);
    let throttled = Fault::Throttled { pause_ms: 1_000 };
    assert!(world.facts().iter().any(|fact| matches!(fact, Fact::FaultInjected { fault, .. } if *fault == throttled)));
}

#[test]
fn another_connection_does_not_wait() {
    let mut world = World::new();
    world.cluster.add_rule(rule(Action::Delay(Duration::from_millis(50))));
    let slow = world.connect(1);
    world.send(slow, produce_request(-1, 0, plain(&["a"])));
    assert_eq!(world.produce(0, plain(&["b"])).base_offset, 1);
}

#[test]
fn a_cut_before_the_append_leaves_nothing_and_one_after_it_leaves_the_batch() {
    for (action, stored) in [(Action::CutBeforeAppend, 0), (Action::CutAfterAppend, 1)] {
        let mut world = World::new();
        world.cluster.add_rule(rule(action));
        let link = world.connect(1);
        assert_eq!(world.ask(link, produce_request(-1, 0, plain(&["a"]))), None);
        assert_eq!(world.cuts, [link]);
        assert_eq!(world.values(0).len(), stored);
        // What was on its way when the connection broke finds nobody.
        assert_eq!(world.ask(link, produce_request(-1, 0, plain(&["b"]))), None);
        assert_eq!(world.values(0).len(), stored);
    }
}

#[test]
fn a_lost_answer_makes_a_duplicate_only_without_a_sequence() {
    for (batch, expected) in [(plain(&["a"]), vec!["a", "a"]), (sequenced(PRODUCER, 0, &["a"]), vec!["a"])] {
        let mut world = World::new();
        world.cluster.add_rule(rule(Action::CutAfterAppend));
        let link = world.connect(1);
        world.send(link, produce_request(-1, 0, batch.clone()));
        world.produce(0, batch);
        assert_eq!(world.values(0), expected);
    }
}

#[test]
fn an_error_is_answered_and_nothing_is_done() {
    let mut world = World::new();
    world.cluster.add_rule(rule(Action::Answer { error: ErrorCode::NOT_ENOUGH_REPLICAS, only: None }));
    let refused = world.produce(0, plain(&["a"]));
    assert_eq!((refused.error, refused.base_offset), (ErrorCode::NOT_ENOUGH_REPLICAS, -1));
    assert_eq!(world.produce(0, plain(&["b"])).error, ErrorCode::NONE, "only the first");
    assert_eq!(world.values(0), ["b"]);
}

#[test]
fn an_error_may_be_for_one_partition_of_a_request() {
    let mut world = World::new();
    world.cluster.move_leader(world.now(), &orders(1), NodeId(1)).unwrap();
    world.cluster.add_rule(rule(Action::Answer { error: ErrorCode::KAFKA_STORAGE_ERROR, only: Some(orders(1)) }));
    let Request::Produce(mut request) = produce_request(-1, 0, plain(&["a"])) else { panic!() };
    request.topics[0].partitions.push(ProducePartition { partition: 1, records: plain(&["b"]) });
    let link = world.connect(1);
    let Some(Response::Produce(response)) = world.ask(link, Request::Produce(request)) else { panic!() };
    let errors: Vec<_> = response.topics[0].partitions.iter().map(|partition| partition.error).collect();
    assert_eq!(errors, [ErrorCode::NONE, ErrorCode::KAFKA_STORAGE_ERROR]);
    assert_eq!((world.values(0).len(), world.values(1).len()), (1, 0));
}

#[test]
fn an_error_without_acks_closes_the_connection() {
    let mut world = World::new();
    world.cluster.add_rule(rule(Action::Answer { error: ErrorCode::NOT_ENOUGH_REPLICAS, only: None }));
    let link = world.connect(1);
    assert_eq!(world.ask(link, produce_request(0, 0, plain(&["a"]))), None);
    assert_eq!(world.cuts, [link]);
}

#[test]
fn a_leader_may_move_under_a_request() {
    let mut world = World::new();
    world.cluster.add_rule(rule(Action::MoveLeader { partition: orders(0), to: NodeId(2) }));
    assert_eq!(world.produce_at(1, 0, plain(&["a"])).error, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    assert_eq!(world.produce_at(2, 0, plain(&["a"])).error, ErrorCode::NONE);
    assert_eq!(world.cluster.leader(&orders(0)), Some((NodeId(2), 1)));
    assert!(matches!(&world.facts()[0], Fact::LeaderMoved { leader: NodeId(2), epoch: 1, .. }));
}

#[test]
fn rules_count_what_fits_them_and_the_first_that_is_due_decides() {
    let mut world = World::new();
    let second_to_partition_0 =
        Matcher { partition: Some(orders(0)), nth: Some(2), node: Some(NodeId(1)), api: Some(ApiKey::Produce) };
    let answer = |error| Action::Answer { error, only: None };
    world.cluster.add_rule(Rule { when: second_to_partition_0, then: answer(ErrorCode::REQUEST_TIMED_OUT) });
    world
        .cluster
        .add_rule(Rule { when: Matcher { partition: Some(orders(0)), ..Matcher::default() }, then: Action::Pass });
    world.cluster.add_rule(Rule {
        when: Matcher { api: Some(ApiKey::Produce), ..Matcher::default() },
        then: answer(ErrorCode::NOT_ENOUGH_REPLICAS),
    });
    let mut produce = |partition| world.produce(partition, plain(&["a"])).error;
    assert_eq!(produce(0), ErrorCode::NONE, "passed");
    assert_eq!(produce(1), ErrorCode::NOT_ENOUGH_REPLICAS);
    assert_eq!(produce(0), ErrorCode::REQUEST_TIMED_OUT, "the second");
    assert_eq!(produce(0), ErrorCode::NONE);
    world.cluster.clear_rules();
    assert_eq!(world.produce(1, plain(&["a"])).error, ErrorCode::NONE);
}

#[test]
fn every_api_can_be_answered_with_an_error() {
    let mut world = World::new();
    let error = ErrorCode::NOT_CONTROLLER;
    let everything = Matcher::default();
    world.cluster.add_rule(Rule { when: everything, then: Action::Answer { error, only: None } });
    let link = world.connect(1);
    let topics = Some(vec!["orders".into()]);
    let metadata = MetadataRequest { topics, allow_auto_topic_creation: false, ..Default::default() };
    let Some(Response::Metadata(told)) = world.ask(link, Request::Metadata(metadata)) else { panic!() };
    assert_eq!((told.error, told.topics[0].error, told.brokers.len()), (error, error, 0));
    let Some(Response::Fetch(read)) = world.ask(link, Request::Fetch(fetch_request(0, 0))) else { panic!() };
    assert_eq!(read.topics[0].partitions[0].error, error);
    let id = InitProducerIdRequest {
        transactional_id: None,
        transaction_timeout_ms: 1,
        producer_id: -1,
        producer_epoch: -1,
    };
    let Some(Response::InitProducerId(granted)) = world.ask(link, Request::InitProducerId(id)) else { panic!() };
    assert_eq!((granted.error, granted.producer_id), (error, -1));
}

#[test]
fn every_question_to_a_coordinator_can_be_answered_with_an_error() {
    let mut world = World::new();
    let error = ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
    let everything = Matcher::default();
    world.cluster.add_rule(Rule { when: everything, then: Action::Answer { error, only: None } });
    let link = world.connect(1);
    let (transactional_id, group): (Arc<str>, Arc<str>) = ("tx".into(), "group".into());
    let find = FindCoordinatorRequest { key_type: 1, keys: vec!["tx".into()] };
    let Some(Response::FindCoordinator(found)) = world.ask(link, Request::FindCoordinator(find)) else { panic!() };
    assert_eq!((found.coordinators[0].error, found.coordinators[0].node), (error, NodeId(-1)));
    let topics = vec![TopicPartitions { name: "orders".into(), partitions: vec![0, 1] }];
    let add = AddPartitionsToTxnRequest { transactional_id: transactional_id.clone(), identity: PRODUCER, topics };
    let Some(Response::AddPartitionsToTxn(added)) = world.ask(link, Request::AddPartitionsToTxn(add)) else { panic!() };
    assert_eq!(added.topics[0].partitions, [(0, error), (1, error)]);
    let (identity, group_too) = (PRODUCER, group.clone());
    let add = AddOffsetsToTxnRequest { transactional_id: transactional_id.clone(), identity, group: group_too };
    let Some(Response::AddOffsetsToTxn(added)) = world.ask(link, Request::AddOffsetsToTxn(add)) else { panic!() };
    assert_eq!(added.error, error);
    let committed = CommittedOffset { offset: 1, leader_epoch: -1, metadata: None };
    let commit = TxnOffsetCommitRequest {
        transactional_id,
        group: group.clone(),
        identity,
        generation: -1,
        member_id: "".into(),
        group_instance_id: None,
        topics: vec![TxnOffsetCommitTopic { name: "orders".into(), partitions: vec![(2, committed)] }],
    };
    let Some(Response::TxnOffsetCommit(taken)) = world.ask(link, Request::TxnOffsetCommit(commit)) else { panic!() };
    assert_eq!(taken.topics[0].partitions, [(2, error)]);
    let fetch = OffsetFetchRequest { groups: vec![OffsetFetchGroup { group, topics: None }], require_stable: false };
    let Some(Response::OffsetFetch(told)) = world.ask(link, Request::OffsetFetch(fetch)) else { panic!() };
    assert_eq!(told.groups[0].error, error);
}

#[test]
fn a_clone_goes_its_own_way() {
    let mut world = World::new();
    world.produce(0, plain(&["a"]));
    let mut fork = World { cluster: world.cluster.clone(), elapsed_us: 0, next_correlation: 100, cuts: Vec::new() };
    fork.produce(0, plain(&["b"]));
    world.produce(0, plain(&["c"]));
    assert_eq!((world.values(0), fork.values(0)), (vec!["a".into(), "c".into()], vec!["a".into(), "b".into()]));
}

#[test]
fn a_connection_to_nowhere_is_cut() {
    let mut world = World::new();
    let link = world.connect(4);
    world.responses();
    assert_eq!(world.cuts, [link]);
}
