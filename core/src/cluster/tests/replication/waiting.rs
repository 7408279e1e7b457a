//! acks=all waits for followers, and is refused where too few are in sync (rows 9 to 11 of the demo catalogue, at the
//! brokers).

use super::*;

#[test]
fn acks_all_is_answered_when_all_in_sync_have_it_and_acks_1_at_once() {
    let mut world = World::apart(&new_topic("orders", 1, 3));
    let one = world.post(ONE, 1, plain(&["a"]));
    assert_eq!(verdict_in(&world.responses(), one), Some((ErrorCode::NONE, 0)));
    world.live(Duration::from_millis(1));
    let all = world.post(ONE, -1, plain(&["b"]));
    assert_eq!(verdict_in(&world.live(Duration::from_micros(499)), all), None);
    assert_eq!(verdict_in(&world.live(Duration::from_micros(1)), all), Some((ErrorCode::NONE, 1)));
}

#[test]
fn the_next_request_of_a_connection_waits_until_followers_have_the_batch_before() {
    let mut world = World::apart(&new_topic("orders", 1, 3));
    let link = world.connect(1);
    let first = world.send(link, produce_request(-1, 0, plain(&["a"])));
    let second = world.send(link, produce_request(1, 0, plain(&["b"])));
    world.live(Duration::from_micros(499));
    assert_eq!(world.held(ONE), ["a"], "the second has not been looked at");
    let answers: Vec<_> = world.live(Duration::from_micros(1)).into_iter().map(|(answered, _)| answered).collect();
    assert_eq!(answers, [first, second]);
}

#[test]
fn all_partitions_of_a_request_are_answered_together() {
    let mut world = World::close(&new_topic("orders", 3, 3));
    // Partition 0 is led by broker 1, as is partition 1 from now on; one of its followers does not fetch that.
    world.cluster.move_leader(world.now(), &orders(1), ONE).unwrap();
    world.cluster.hold_back(THREE, &orders(1)).unwrap();
    let link = world.connect(1);
    let Request::Produce(mut request) = produce_request(-1, 0, plain(&["a"])) else { unreachable!() };
    request.topics[0].partitions.push(ProducePartition { partition: 1, records: plain(&["b"]) });
    request.timeout_ms = 5_000;
    world.send(link, Request::Produce(request));
    assert_eq!(world.live(Duration::from_millis(4_999)), []);
    let [(_, Response::Produce(answer))] = &world.live(Duration::from_millis(1))[..] else { panic!() };
    let errors: Vec<_> = answer.topics[0].partitions.iter().map(|partition| partition.error).collect();
    assert_eq!(errors, [ErrorCode::NONE, ErrorCode::REQUEST_TIMED_OUT]);
    assert_eq!(world.values(1), ["b"], "it is in the log all the same");
}

/// Row 9: `min.insync.replicas=2` and one broker gone.
#[test]
fn with_two_of_two_needed_and_one_gone_a_write_is_refused_before_it_is_in_the_log() {
    let mut world = World::close(&NewTopic { replication_factor: 2, ..needs_two() });
    world.written(ONE, -1, plain(&["a"]));
    world.kill(TWO);
    world.live(Duration::from_secs(9));
    assert_eq!(world.isr(), [ONE]);
    assert_eq!(world.written(ONE, -1, plain(&["b"])), (ErrorCode::NOT_ENOUGH_REPLICAS, -1));
    assert_eq!(world.held(ONE), ["a"]);
    world.cluster.restart(world.now(), TWO).unwrap();
    assert_eq!(world.written(ONE, -1, plain(&["b"])), (ErrorCode::NONE, 1));
}

/// Row 10: the ISR shrinks while a write waits. The high watermark stands still then, so the write's time runs out.
#[test]
fn a_write_that_waits_when_too_few_are_left_in_sync_runs_out_of_time_although_it_is_in_the_log() {
    let mut world = World::close(&NewTopic { replication_factor: 2, ..needs_two() });
    world.cluster.pause(world.now(), TWO).unwrap();
    let waiting = world.post(ONE, -1, sequenced(PRODUCER, 0, &["a"]));
    assert_eq!(verdict_in(&world.live(Duration::from_millis(29_999)), waiting), None);
    assert_eq!(world.isr(), [ONE]);
    let answers = world.live(Duration::from_millis(1));
    assert_eq!(verdict_in(&answers, waiting), Some((ErrorCode::REQUEST_TIMED_OUT, 0)));
    assert_eq!(world.held(ONE), ["a"]);
    // Before a duplicate is looked for, there have to be enough.
    let again = world.written(ONE, -1, sequenced(PRODUCER, 0, &["a"])).0;
    assert_eq!(again, ErrorCode::NOT_ENOUGH_REPLICAS);
    world.cluster.resume(world.now(), TWO).unwrap();
    assert_eq!(world.written(ONE, -1, sequenced(PRODUCER, 0, &["a"])), (ErrorCode::NONE, 0));
    assert_eq!(world.read(ONE), ["a"]);
}

/// Row 11.
#[test]
fn below_the_minimum_acks_1_is_acknowledged_and_cannot_be_read_until_others_are_back() {
    let mut world = World::close(&needs_two());
    world.cluster.shrink_isr(world.now(), TWO, &orders(0)).unwrap();
    world.cluster.shrink_isr(world.now(), THREE, &orders(0)).unwrap();
    assert_eq!(world.isr(), [ONE]);
    assert_eq!(world.cluster.eligible_leader_replicas(&orders(0)), Some(&[THREE][..]), "two were enough without it");
    assert_eq!(world.written(ONE, 1, plain(&["a"])), (ErrorCode::NONE, 0));
    assert_eq!((world.high_watermark(ONE), world.read(ONE), world.told_end(ONE)), (0, vec![], Ok(0)));
    world.cluster.let_catch_up(world.now(), TWO, &orders(0)).unwrap();
    assert_eq!(world.isr(), [ONE, TWO]);
    assert_eq!(world.read(ONE), ["a"]);
}

#[test]
fn a_write_that_waits_at_a_leader_which_loses_its_place_is_told_who_leads() {
    let mut world = World::apart(&new_topic("orders", 1, 3));
    let link = world.connect(1);
    let correlation = world.send(link, produce_request(-1, 0, plain(&["a"])));
    world.cluster.move_leader(world.now(), &orders(0), TWO).unwrap();
    let answers = world.responses();
    let (_, Response::Produce(answer)) = &answers[0] else { panic!() };
    assert_eq!(answers[0].0, correlation);
    let refused = &answer.topics[0].partitions[0];
    assert_eq!(refused.error, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    assert_eq!(refused.current_leader.map(|leader| (leader.leader, leader.epoch)), Some((TWO, 1)));
    assert_eq!(answer.node_endpoints.len(), 1);
}
