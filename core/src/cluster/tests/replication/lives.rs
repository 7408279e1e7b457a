//! Brokers that die, stop and come back.

use super::*;

/// Row 36 at the brokers: the old leader is gone at once, the new one comes when the controller has missed it.
#[test]
fn a_killed_broker_costs_its_connections_now_and_its_leaders_when_the_session_is_over() {
    let mut world = World::close(&new_topic("orders", 1, 3));
    let link = world.connect(1);
    world.pass(Duration::from_millis(5_000));
    world.kill(ONE);
    world.responses();
    assert_eq!(world.cuts, [link]);
    assert!(!world.cluster.accepts_connections(ONE));
    assert_eq!(world.leads(), (1, 0), "nobody knows yet");
    assert_eq!(world.written(TWO, -1, plain(&["a"])).0, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    // The last heartbeat was at 4 s, and a session takes 9.
    world.live(Duration::from_millis(7_998) - (world.now().instant() - Instant::from_millis(5_000)));
    assert_eq!((world.leads(), world.cluster.is_fenced(ONE)), ((1, 0), false));
    world.live(Duration::from_millis(3));
    assert_eq!((world.leads(), world.cluster.is_fenced(ONE)), ((2, 1), true));
    assert_eq!(world.isr(), [TWO, THREE]);
    assert_eq!(world.written(TWO, -1, plain(&["a"])), (ErrorCode::NONE, 0));
    assert_eq!(world.cluster.kill(world.now(), ONE), Err(Refusal::InState(BrokerState::Killed)));
}

#[test]
fn metadata_names_brokers_that_are_there_and_who_is_in_sync() {
    let mut world = World::close(&new_topic("orders", 1, 3));
    world.kill(THREE);
    world.live(Duration::from_secs(9));
    let link = world.connect(1);
    let Some(Response::Metadata(told)) = world.ask(link, Request::Metadata(MetadataRequest::default())) else {
        panic!()
    };
    let nodes: Vec<_> = told.brokers.iter().map(|broker| broker.node).collect();
    assert_eq!(nodes, [ONE, TWO]);
    let partition = &told.topics[0].partitions[0];
    assert_eq!((&*partition.replicas, &*partition.isr), (&[ONE, TWO, THREE][..], &[ONE, TWO][..]));
    assert_eq!((partition.leader, &*partition.offline), (ONE, &[THREE][..]));
}

/// Row 12: one copy, and its broker is gone.
#[test]
fn a_partition_of_one_copy_has_no_leader_while_its_broker_is_gone_and_keeps_its_records() {
    let mut world = World::close(&new_topic("orders", 1, 1));
    world.written(ONE, -1, plain(&["a"]));
    world.cluster.shut_down(world.now(), ONE).unwrap();
    assert_eq!(world.leads(), (-1, 1));
    assert_eq!(world.written(ONE, -1, plain(&["b"])).0, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    world.live(Duration::from_secs(2));
    assert_eq!(world.cluster.broker_state(ONE), Ok(BrokerState::Stopped));
    world.cluster.restart(world.now(), ONE).unwrap();
    assert_eq!(world.leads(), (1, 2));
    assert_eq!((world.read(ONE), world.written(ONE, -1, plain(&["b"]))), (vec!["a".to_owned()], (ErrorCode::NONE, 1)));
}

#[test]
fn the_last_leader_comes_back_after_a_kill_too_and_may_have_lost_something() {
    let mut world = World::close(&new_topic("orders", 1, 1));
    world.written(ONE, -1, plain(&["a"]));
    world.kill(ONE);
    world.cluster.restart(world.now(), ONE).unwrap();
    assert_eq!(world.cluster.broker_state(ONE), Ok(BrokerState::Starting), "its last session is not over");
    world.live(Duration::from_secs(9));
    assert_eq!((world.cluster.broker_state(ONE), world.leads()), (Ok(BrokerState::Running), (1, 2)));
    let unclean = |fact: &Fact| matches!(fact, Fact::LeaderMoved { leader: ONE, unclean: true, .. });
    assert!(world.facts().iter().any(unclean));
    assert_eq!(world.read(ONE), ["a"], "what the process handed to its machine is there");
}

#[test]
fn a_clean_stop_moves_leaders_first_and_loses_nothing() {
    let mut world = World::close(&needs_two());
    world.written(ONE, -1, plain(&["a"]));
    let link = world.connect(1);
    world.cluster.shut_down(world.now(), ONE).unwrap();
    assert_eq!((world.leads(), world.isr()), ((2, 1), &[TWO, THREE][..]));
    // It is still there, and says who leads.
    world.send(link, produce_request(-1, 0, plain(&["b"])));
    let [(_, Response::Produce(answer))] = &world.responses()[..] else { panic!() };
    let refused = &answer.topics[0].partitions[0];
    assert_eq!(refused.current_leader.map(|leader| leader.leader), Some(TWO));
    assert_eq!(world.written(TWO, -1, plain(&["b"])), (ErrorCode::NONE, 1));
    world.live(Duration::from_secs(2));
    assert_eq!((world.cuts.contains(&link), world.cluster.accepts_connections(ONE)), (true, false));
    assert!(world.cluster.is_fenced(ONE));

    world.cluster.restart(world.now(), ONE).unwrap();
    assert_eq!((world.leads(), world.held(ONE)), ((2, 1), vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(world.isr(), [TWO, THREE, ONE]);
    world.cluster.elect_preferred(world.now(), &orders(0)).unwrap();
    assert_eq!(world.leads(), (1, 2));
    assert_eq!(world.cluster.elect_preferred(world.now(), &orders(0)), Err(Refusal::ElectionNotNeeded));
}

#[test]
fn rolling_restarts_lose_nothing_that_was_acknowledged() {
    let mut world = World::apart(&needs_two());
    let mut expected = Vec::new();
    for (node, value) in [(ONE, "a"), (TWO, "b"), (THREE, "c")] {
        let (leader, _) = world.cluster.leader(&orders(0)).unwrap();
        assert_eq!(world.written(leader, -1, plain(&[value])).0, ErrorCode::NONE);
        expected.push(value.to_owned());
        world.cluster.shut_down(world.now(), node).unwrap();
        world.live(Duration::from_secs(3));
        world.cluster.restart(world.now(), node).unwrap();
        world.live(Duration::from_secs(1));
        assert_eq!(world.isr().len(), 3);
    }
    let (leader, epoch) = world.cluster.leader(&orders(0)).unwrap();
    assert_eq!((world.read(leader), epoch), (expected, 2), "the third led nothing");
}

#[test]
fn without_a_controller_nobody_is_elected_until_it_is_back_and_has_missed_a_whole_session() {
    let mut world = World::close(&new_topic("orders", 1, 3));
    world.cluster.take_controller_away(world.now());
    world.kill(ONE);
    world.live(Duration::from_secs(60));
    assert_eq!((world.leads(), world.isr()), ((1, 0), &[ONE, TWO, THREE][..]));
    assert_eq!(world.cluster.shut_down(world.now(), TWO), Err(Refusal::NoController));
    world.cluster.bring_controller_back(world.now());
    world.live(Duration::from_millis(8_999));
    assert_eq!(world.leads(), (1, 0));
    world.live(Duration::from_millis(1));
    assert_eq!(world.leads(), (2, 1));
}
