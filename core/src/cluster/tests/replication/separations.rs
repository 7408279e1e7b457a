//! Brokers that cannot reach each other or the controller, that hear nothing new, or take their time.

use super::*;

#[test]
fn a_follower_cut_off_from_its_leader_leaves_the_isr_and_is_not_fenced() {
    let mut world = World::apart(&needs_two());
    world.cluster.separate(world.now(), ONE, THREE).unwrap();
    let waiting = world.post(ONE, -1, plain(&["a"]));
    assert_eq!(verdict_in(&world.live(Duration::from_millis(29_999)), waiting), None);
    let answers = world.live(Duration::from_secs(16));
    assert_eq!(verdict_in(&answers, waiting), Some((ErrorCode::REQUEST_TIMED_OUT, 0)), "30 s came before 45 s");
    assert_eq!((world.isr(), world.cluster.is_fenced(THREE)), (&[ONE, TWO][..], false));
    assert_eq!(world.read(ONE), ["a"]);
    world.cluster.reunite(world.now(), ONE, THREE).unwrap();
    world.live(Duration::from_millis(1));
    assert_eq!((world.isr(), world.held(THREE)), (&[ONE, TWO, THREE][..], vec!["a".to_owned()]));
}

#[test]
fn a_leader_cut_off_from_the_controller_goes_on_with_what_it_believes_and_can_acknowledge_nothing_that_needs_others() {
    let mut world = World::close(&needs_two());
    world.written(ONE, -1, plain(&["a"]));
    world.cluster.cut_off_from_controller(world.now(), ONE).unwrap();
    world.live(Duration::from_secs(9));
    assert_eq!(world.leads(), (2, 1));
    // Its followers have left it for another.
    assert_eq!(world.written(ONE, 1, plain(&["lost"])), (ErrorCode::NONE, 1));
    assert_eq!(world.written(ONE, -1, plain(&["in vain"])), (ErrorCode::REQUEST_TIMED_OUT, 2));
    assert_eq!(world.read(ONE), ["a"]);
    assert_eq!(world.written(TWO, -1, plain(&["b"])), (ErrorCode::NONE, 1));
    world.cluster.reconnect_to_controller(world.now(), ONE).unwrap();
    assert_eq!((world.held(ONE), world.isr()), (vec!["a".to_owned(), "b".to_owned()], &[TWO, THREE, ONE][..]));
}

#[test]
fn a_broker_that_hears_nothing_new_tells_clients_what_was() {
    let mut world = World::close(&new_topic("orders", 1, 3));
    world.cluster.hold_metadata(world.now(), ONE).unwrap();
    world.cluster.move_leader(world.now(), &orders(0), TWO).unwrap();
    world.cluster.create_topic(&new_topic("later", 1, 3)).unwrap();
    let told = world.describe("orders", false);
    assert_eq!((told.partitions[0].leader, told.partitions[0].leader_epoch), (ONE, 0));
    assert_eq!(world.describe("later", false).error, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    assert_eq!(world.written(ONE, 1, plain(&["lost"])), (ErrorCode::NONE, 0), "it believes that it leads");
    assert!(!world.cluster.is_fenced(ONE), "its heartbeats arrive");
    world.cluster.release_metadata(world.now(), ONE).unwrap();
    let told = world.describe("orders", false);
    assert_eq!((told.partitions[0].leader, told.partitions[0].leader_epoch), (TWO, 1));
    assert_eq!(world.describe("later", false).error, ErrorCode::NONE);
    assert_eq!(world.held(ONE), Vec::<String>::new());
}

#[test]
fn a_leader_that_has_not_heard_that_it_leads_refuses_and_its_followers_come_again_when_it_has() {
    let mut world = World::apart(&new_topic("orders", 1, 3));
    world.cluster.hold_metadata(world.now(), TWO).unwrap();
    world.cluster.move_leader(world.now(), &orders(0), TWO).unwrap();
    assert_eq!(world.written(TWO, 1, plain(&["a"])).0, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    world.live(Duration::from_secs(1));
    world.cluster.release_metadata(world.now(), TWO).unwrap();
    assert_eq!(world.written(TWO, -1, plain(&["a"])), (ErrorCode::NONE, 0));
}

#[test]
fn a_broker_takes_its_requests_one_after_another_and_a_slow_one_takes_longer() {
    let processing_time = Duration::from_millis(2);
    let mut world = World::with_topic(ClusterConfig { processing_time, ..at_once() }, &new_topic("orders", 1, 1));
    let first = world.post(ONE, 1, plain(&["a"]));
    let second = world.post(ONE, 1, plain(&["b"]));
    assert_eq!(world.live(Duration::from_micros(1_999)), []);
    assert_eq!(verdict_in(&world.live(Duration::from_micros(1)), first), Some((ErrorCode::NONE, 0)));
    assert_eq!(world.live(Duration::from_micros(1_999)), []);
    assert_eq!(verdict_in(&world.live(Duration::from_micros(1)), second), Some((ErrorCode::NONE, 1)));

    world.cluster.slow_down(ONE, 50).unwrap();
    let slow = world.post(ONE, 1, plain(&["c"]));
    assert_eq!(world.live(Duration::from_micros(99_999)), []);
    assert_eq!(verdict_in(&world.live(Duration::from_micros(1)), slow), Some((ErrorCode::NONE, 2)));
    let mut free = World::close(&new_topic("orders", 1, 1));
    assert_eq!(free.cluster.slow_down(ONE, 50), Err(Refusal::RequestsTakeNoTime));
}
