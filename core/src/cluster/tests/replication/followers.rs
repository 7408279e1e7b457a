//! Followers fetch; high watermark and ISR follow from that.

use super::*;

#[test]
fn a_batch_is_readable_a_round_trip_after_it_was_written() {
    let mut world = World::apart(&new_topic("orders", 1, 3));
    world.post(ONE, 1, plain(&["a"]));
    world.live(Duration::from_micros(249));
    assert_eq!((world.held(TWO), world.high_watermark(ONE)), (vec![], 0));
    world.live(Duration::from_micros(1));
    assert_eq!((world.held(TWO), world.held(THREE)), (vec!["a".to_owned()], vec!["a".to_owned()]));
    assert_eq!(world.high_watermark(ONE), 0, "nobody has told the leader");
    world.live(Duration::from_micros(250));
    assert_eq!(world.high_watermark(ONE), 1);
    assert_eq!(world.read(ONE), ["a"]);
}

#[test]
fn followers_hear_of_the_high_watermark_with_the_next_records_or_when_they_have_waited_in_vain() {
    let mut world = World::apart(&new_topic("orders", 1, 3));
    world.post(ONE, 1, plain(&["a"]));
    world.live(Duration::from_millis(100));
    assert_eq!((world.high_watermark(ONE), world.high_watermark(TWO)), (1, 0));
    world.post(ONE, 1, plain(&["b"]));
    world.live(Duration::from_millis(100));
    assert_eq!((world.high_watermark(ONE), world.high_watermark(TWO)), (2, 1));
    world.live(Duration::from_millis(500));
    assert_eq!(world.high_watermark(TWO), 2);
    assert_eq!(world.wants_wake_at(), None, "and then nothing happens any more");
}

#[test]
fn a_follower_that_lacks_something_for_long_leaves_the_isr_and_comes_back_when_it_has_caught_up() {
    let mut world = World::close(&new_topic("orders", 1, 3));
    world.cluster.hold_back(THREE, &orders(0)).unwrap();
    world.written(ONE, 1, plain(&["a"]));
    assert_eq!(world.high_watermark(ONE), 0, "one in sync does not have it");
    // It is looked at every 15 s, and may lack something for 30 s.
    world.live(Duration::from_secs(44));
    assert_eq!(world.isr(), [ONE, TWO, THREE]);
    world.live(Duration::from_secs(1));
    assert_eq!((world.isr(), world.high_watermark(ONE)), (&[ONE, TWO][..], 1));
    let told = |fact: &Fact| matches!(fact, Fact::IsrChanged { isr, .. } if *isr == [ONE, TWO]);
    assert!(world.facts().iter().any(told));

    world.cluster.let_catch_up(world.now(), THREE, &orders(0)).unwrap();
    assert_eq!(world.isr(), [ONE, TWO, THREE]);
    assert_eq!(world.held(THREE), ["a"]);
}

/// `Partition.maybeIncrementLeaderHW`: one that is about to come into the ISR is waited for, or it could not.
#[test]
fn readers_wait_for_a_follower_that_has_caught_up_though_it_is_not_yet_in_sync() {
    let mut world = World::close(&new_topic("orders", 1, 3));
    world.cluster.separate(world.now(), ONE, THREE).unwrap();
    world.written(ONE, 1, plain(&["a"]));
    world.live(Duration::from_secs(45));
    assert_eq!(world.isr(), [ONE, TWO]);
    // Nobody can take it in, though it has everything now.
    world.cluster.take_controller_away(world.now());
    world.cluster.reunite(world.now(), ONE, THREE).unwrap();
    assert_eq!((world.isr(), world.held(THREE)), (&[ONE, TWO][..], vec!["a".to_owned()]));
    world.cluster.separate(world.now(), ONE, THREE).unwrap();
    world.written(ONE, 1, plain(&["b"]));
    assert_eq!((world.held(TWO).len(), world.high_watermark(ONE)), (2, 1));
    // After 30 s it no longer counts, which is seen with the next fetch.
    world.live(Duration::from_secs(31));
    assert_eq!(world.high_watermark(ONE), 1);
    world.written(ONE, 1, plain(&["c"]));
    assert_eq!(world.high_watermark(ONE), 3);
}

#[test]
fn a_follower_that_has_nothing_to_fetch_stays_in_sync() {
    let mut world = World::close(&new_topic("orders", 1, 3));
    world.written(ONE, 1, plain(&["a"]));
    world.live(Duration::from_secs(3_600));
    assert_eq!(world.isr(), [ONE, TWO, THREE]);
    assert_eq!(world.cluster.hold_back(ONE, &orders(0)), Err(Refusal::LeadsIt));
}

#[test]
fn a_follower_remembers_the_producers_of_what_it_fetched() {
    let mut world = World::close(&new_topic("orders", 1, 3));
    assert_eq!(world.written(ONE, -1, sequenced(PRODUCER, 0, &["a", "b"])), (ErrorCode::NONE, 0));
    world.kill(ONE);
    world.live(Duration::from_secs(9));
    assert_eq!(world.leads(), (2, 1));
    assert_eq!(world.written(TWO, -1, sequenced(PRODUCER, 0, &["a", "b"])), (ErrorCode::NONE, 0), "it has it");
    let refused = world.written(TWO, -1, sequenced(PRODUCER, 3, &["d"])).0;
    assert_eq!(refused, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_eq!(world.written(TWO, -1, sequenced(PRODUCER, 2, &["c"])), (ErrorCode::NONE, 2));
    assert_eq!(world.read(TWO), ["a", "b", "c"]);
}

#[test]
fn a_follower_that_was_away_for_too_long_begins_where_the_leaders_log_begins() {
    let config = ClusterConfig { log_retention_bytes: Some(150), ..at_once() };
    let mut world = World::with_topic(config, &new_topic("orders", 1, 3));
    world.written(ONE, -1, plain(&["a"]));
    world.cluster.shrink_isr(world.now(), THREE, &orders(0)).unwrap();
    for value in ["b", "c", "d", "e"] {
        world.written(ONE, -1, plain(&[value]));
    }
    assert_eq!((world.held(ONE), world.held(THREE)), (vec!["d".to_owned(), "e".to_owned()], vec!["a".to_owned()]));
    world.cluster.let_catch_up(world.now(), THREE, &orders(0)).unwrap();
    assert_eq!((world.held(THREE), world.isr()), (vec!["d".to_owned(), "e".to_owned()], &[ONE, TWO, THREE][..]));
    assert_eq!(world.cluster.log_at(THREE, &orders(0)).unwrap().start_offset(), 3);
}

#[test]
fn a_partition_of_one_copy_waits_for_nobody() {
    let mut world = World::apart(&new_topic("orders", 1, 1));
    let link = world.connect(1);
    let Some(Response::Produce(answer)) = world.ask(link, produce_request(-1, 0, plain(&["a"]))) else { panic!() };
    assert_eq!(answer.topics[0].partitions[0].error, ErrorCode::NONE);
    assert_eq!(world.read(ONE), ["a"]);
    assert_eq!(world.wants_wake_at(), None);
}
