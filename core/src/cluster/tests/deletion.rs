//! Topics that end. What DeleteTopics answers is compared with Apache Kafka's answers in `kafka_wire`.

use super::*;

fn delete(world: &mut World, topic: &str) {
    world.cluster.delete_topic(world.now(), topic).unwrap();
}

#[test]
fn a_topic_that_is_deleted_is_unknown_by_its_name_and_by_its_id() {
    let mut world = World::new();
    let id = world.describe("orders", false).id;
    delete(&mut world, "orders");
    assert_eq!(world.describe("orders", false).error, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    let Request::Produce(mut request) = produce_request(-1, 0, plain(&["a"])) else { unreachable!() };
    request.topics[0].id = id;
    for (version, error) in [(12, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION), (13, ErrorCode::UNKNOWN_TOPIC_ID)] {
        let link = world.connect(1);
        let answer = world.ask_in_version(link, version, Request::Produce(request.clone()));
        let Some(Response::Produce(told)) = answer else { panic!("{answer:?}") };
        assert_eq!(told.topics[0].partitions[0].error, error, "{version}");
    }
    let again = world.cluster.delete_topic(world.now(), "orders").unwrap_err();
    assert_eq!(again.error, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    assert_eq!(again.to_string(), "This server does not host this topic-partition.");
}

#[test]
fn a_topic_made_anew_is_another_one_and_empty() {
    let mut world = World::new();
    let id = world.describe("orders", false).id;
    world.produce(0, sequenced(PRODUCER, 0, &["a", "b"]));
    world.cluster.move_leader(world.now(), &orders(0), NodeId(2)).unwrap();
    delete(&mut world, "orders");
    world.cluster.create_topic(&new_topic("orders", 3, 3)).unwrap();
    let anew = world.describe("orders", false);
    assert_ne!(anew.id, id);
    assert_eq!((anew.partitions[0].leader, anew.partitions[0].leader_epoch), (NodeId(1), 0));
    let stored = world.produce(0, sequenced(PRODUCER, 2, &["c"]));
    assert_eq!((stored.error, stored.base_offset), (ErrorCode::NONE, 0), "nothing is known of its producer");
    assert_eq!(world.values(0), ["c"]);
}

#[test]
fn a_fetch_that_waits_hears_at_once_that_its_topic_is_gone() {
    let mut world = World::new();
    let link = world.connect(1);
    let request = FetchRequest { max_wait_ms: 60_000, ..fetch_request(0, 0) };
    assert_eq!(world.ask(link, Request::Fetch(request)), None, "there is nothing to read");
    delete(&mut world, "orders");
    let (_, Response::Fetch(told)) = world.responses().remove(0) else { panic!() };
    assert_eq!(told.topics[0].partitions[0].error, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}
