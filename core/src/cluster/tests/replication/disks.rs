//! A log whose disk fails.

use super::*;

#[test]
fn when_a_leaders_disk_fails_another_leads_and_the_broker_serves_what_is_elsewhere() {
    let mut world = World::close(&new_topic("orders", 3, 3));
    world.written(ONE, -1, plain(&["a"]));
    world.cluster.fail_disk(world.now(), ONE, &orders(0)).unwrap();
    assert_eq!((world.leads(), world.isr()), ((2, 1), &[TWO, THREE][..]));
    assert_eq!(world.written(ONE, 1, plain(&["b"])).0, ErrorCode::KAFKA_STORAGE_ERROR);
    assert_eq!(world.fetch(1, fetch_request(0, 0)).error, ErrorCode::KAFKA_STORAGE_ERROR);
    assert_eq!(world.written(TWO, -1, plain(&["b"])), (ErrorCode::NONE, 1));
    let told = world.describe("orders", false);
    assert_eq!(told.partitions[0].offline, [ONE]);
    assert_eq!(told.partitions[1].offline, []);
    assert_eq!(world.cluster.fail_disk(world.now(), ONE, &orders(7)), Err(Refusal::UnknownPartition));

    world.cluster.shut_down(world.now(), ONE).unwrap();
    world.live(Duration::from_secs(2));
    world.cluster.restart(world.now(), ONE).unwrap();
    assert_eq!((world.held(ONE), world.isr()), (vec!["a".to_owned(), "b".to_owned()], &[TWO, THREE, ONE][..]));
}

#[test]
fn the_disk_of_the_only_copy_takes_everything_along() {
    let mut world = World::close(&new_topic("orders", 1, 1));
    let waiting = world.written(ONE, -1, plain(&["a"]));
    assert_eq!(waiting, (ErrorCode::NONE, 0));
    world.cluster.fail_disk(world.now(), ONE, &orders(0)).unwrap();
    assert_eq!(world.leads(), (-1, 1));
    assert_eq!(world.describe("orders", false).partitions[0].error, ErrorCode::LEADER_NOT_AVAILABLE);
}

#[test]
fn a_disk_that_fails_while_the_controller_is_away_is_told_when_it_is_back() {
    let mut world = World::close(&new_topic("orders", 1, 3));
    world.cluster.take_controller_away(world.now());
    world.cluster.fail_disk(world.now(), ONE, &orders(0)).unwrap();
    assert_eq!(world.leads(), (1, 0), "nobody is there to elect another");
    world.cluster.bring_controller_back(world.now());
    assert_eq!((world.leads(), world.isr()), ((2, 1), &[TWO, THREE][..]));
    assert_eq!(world.written(TWO, 1, plain(&["a"])), (ErrorCode::NONE, 0));
}
