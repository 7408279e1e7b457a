//! Brokers that stand still.

use super::*;

#[test]
fn a_paused_broker_takes_connections_and_answers_nothing_until_it_goes_on() {
    let mut world = World::close(&new_topic("orders", 1, 1));
    let before = world.connect(1);
    world.cluster.pause(world.now(), ONE).unwrap();
    assert!(world.cluster.accepts_connections(ONE));
    let first = world.send(before, produce_request(-1, 0, plain(&["a"])));
    let second = world.post(ONE, -1, plain(&["b"]));
    assert_eq!(world.live(Duration::from_secs(5)), []);
    assert!(world.cuts.is_empty());
    world.cluster.resume(world.now(), ONE).unwrap();
    let answers = world.responses();
    assert_eq!(verdict_in(&answers, first), Some((ErrorCode::NONE, 0)));
    assert_eq!(verdict_in(&answers, second), Some((ErrorCode::NONE, 1)));
}

#[test]
fn a_leader_that_stood_still_serves_what_came_meanwhile_with_what_it_knew_and_loses_that() {
    let mut world = World::close(&needs_two());
    world.written(ONE, -1, plain(&["a"]));
    world.cluster.pause(world.now(), ONE).unwrap();
    let acks_one = world.post(ONE, 1, plain(&["lost"]));
    let acks_all = world.post(ONE, -1, plain(&["not acknowledged"]));
    world.live(Duration::from_secs(9));
    assert_eq!((world.leads(), world.cluster.is_fenced(ONE)), ((2, 1), true));
    assert_eq!(world.written(TWO, -1, plain(&["b"])), (ErrorCode::NONE, 1));

    world.cluster.resume(world.now(), ONE).unwrap();
    let answers = world.responses();
    assert_eq!(verdict_in(&answers, acks_one), Some((ErrorCode::NONE, 1)), "it did not know better");
    assert_eq!(verdict_in(&answers, acks_all), Some((ErrorCode::NOT_LEADER_OR_FOLLOWER, 2)));
    assert_eq!((world.held(ONE), world.leads()), (vec!["a".to_owned(), "b".to_owned()], (2, 1)));
    assert_eq!((world.isr(), world.cluster.is_fenced(ONE)), (&[TWO, THREE, ONE][..], false));
}

#[test]
fn a_short_pause_of_a_follower_only_delays_what_needs_it() {
    let mut world = World::apart(&new_topic("orders", 1, 3));
    world.cluster.pause(world.now(), THREE).unwrap();
    let correlation = world.post(ONE, -1, plain(&["a"]));
    assert_eq!(verdict_in(&world.live(Duration::from_secs(5)), correlation), None);
    world.cluster.resume(world.now(), THREE).unwrap();
    let answers = world.live(Duration::from_millis(1));
    assert_eq!(verdict_in(&answers, correlation), Some((ErrorCode::NONE, 0)));
    assert_eq!((world.isr(), world.leads()), (&[ONE, TWO, THREE][..], (1, 0)));
}

#[test]
fn a_fetch_that_waits_at_a_paused_broker_is_answered_when_it_goes_on() {
    let mut world = World::close(&new_topic("orders", 1, 1));
    let link = world.connect(1);
    world.send(link, Request::Fetch(FetchRequest { max_wait_ms: 500, ..fetch_request(0, 0) }));
    world.cluster.pause(world.now(), ONE).unwrap();
    assert_eq!(world.live(Duration::from_secs(2)), []);
    world.cluster.resume(world.now(), ONE).unwrap();
    assert_eq!(world.responses().len(), 1);
}
