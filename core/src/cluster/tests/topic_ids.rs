//! Topics by id instead of name (KIP-516): Produce and Fetch 13, Metadata 12. The codes are
//! those that Apache Kafka 4.3.1 answers with.

use super::*;

/// The first version in which topics are said by id.
const BY_ID: i16 = 13;

fn id_of_orders(world: &mut World) -> TopicId {
    world.describe("orders", false).id
}

/// What broker 1 answers to one record for this partition of a topic with this id, and the id it names.
fn produce_to(world: &mut World, name: &str, id: TopicId, partition: i32) -> (ErrorCode, TopicId, i64) {
    let Request::Produce(mut request) = produce_request(-1, partition, plain(&["a"])) else { unreachable!() };
    (request.topics[0].name, request.topics[0].id) = (name.into(), id);
    let link = world.connect(1);
    match world.ask_in_version(link, BY_ID, Request::Produce(request)) {
        Some(Response::Produce(response)) => {
            let told = &response.topics[0];
            (told.partitions[0].error, told.id, told.partitions[0].log_start_offset)
        }
        other => panic!("{other:?}"),
    }
}

fn fetch_from(world: &mut World, version: i16, name: &str, id: TopicId) -> FetchPartitionResponse {
    let mut request = fetch_request(0, 0);
    (request.topics[0].name, request.topics[0].id) = (name.into(), id);
    let link = world.connect(1);
    match world.ask_in_version(link, version, Request::Fetch(request)) {
        Some(Response::Fetch(mut response)) => response.topics.remove(0).partitions.remove(0),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_topic_is_written_to_and_read_from_by_its_id() {
    let mut world = World::new();
    let id = id_of_orders(&mut world);
    assert_eq!(produce_to(&mut world, "", id, 0), (ErrorCode::NONE, id, 0));
    assert_eq!(world.values(0), ["a"]);
    let read = fetch_from(&mut world, BY_ID, "", id);
    assert_eq!((read.error, read.high_watermark, read.batches.len()), (ErrorCode::NONE, 1, 1));
}

#[test]
fn an_id_that_no_topic_has_is_unknown_whatever_name_stands_beside_it() {
    let mut world = World::new();
    let gone = TopicId([9; 16]);
    assert_eq!(produce_to(&mut world, "orders", gone, 0), (ErrorCode::UNKNOWN_TOPIC_ID, gone, -1));
    assert_eq!(produce_to(&mut world, "", TopicId::default(), 0).0, ErrorCode::UNKNOWN_TOPIC_ID);
    assert_eq!(fetch_from(&mut world, BY_ID, "", gone).error, ErrorCode::UNKNOWN_TOPIC_ID);
    assert!(world.values(0).is_empty());
}

#[test]
fn a_partition_that_a_known_topic_lacks_is_unknown_as_by_name() {
    let mut world = World::new();
    let id = id_of_orders(&mut world);
    assert_eq!(produce_to(&mut world, "", id, 3).0, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

#[test]
fn a_name_that_no_topic_has_is_unknown_in_older_versions() {
    let mut world = World::new();
    let read = fetch_from(&mut world, BY_ID - 1, "returns", TopicId::default());
    assert_eq!(read.error, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    let Request::Produce(mut request) = produce_request(-1, 0, plain(&["a"])) else { unreachable!() };
    request.topics[0].name = "returns".into();
    let link = world.connect(1);
    let answer = world.ask_in_version(link, BY_ID - 1, Request::Produce(request));
    let Some(Response::Produce(response)) = answer else { panic!() };
    assert_eq!(response.topics[0].partitions[0].error, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

#[test]
fn topics_are_asked_about_by_id_where_any_id_is_named() {
    let mut world = World::new();
    let (id, gone) = (id_of_orders(&mut world), TopicId([9; 16]));
    let link = world.connect(1);
    let mut ask = |topic_ids: Vec<TopicId>| {
        let topics = Some(vec!["returns".into()]);
        let request = MetadataRequest { topics, topic_ids, allow_auto_topic_creation: true };
        let Some(Response::Metadata(told)) = world.ask(link, Request::Metadata(request)) else { panic!() };
        told.topics.iter().map(|topic| (topic.error, topic.name.to_string(), topic.id)).collect::<Vec<_>>()
    };
    let (found, unknown) = (ErrorCode::NONE, ErrorCode::UNKNOWN_TOPIC_ID);
    assert_eq!(ask(vec![id, gone]), [(found, "orders".to_owned(), id), (unknown, String::new(), gone)]);
    let by_name = ask(Vec::new());
    assert_eq!(by_name[0].0, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "not created by the question before");
}

#[test]
fn a_rule_about_a_partition_seizes_requests_that_say_its_topic_by_id() {
    let mut world = World::new();
    let id = id_of_orders(&mut world);
    let when = Matcher { partition: Some(orders(0)), ..Matcher::default() };
    let then = Action::Answer { error: ErrorCode::NOT_ENOUGH_REPLICAS, only: Some(orders(0)) };
    world.cluster.add_rule(Rule { when, then });
    assert_eq!(produce_to(&mut world, "", id, 0).0, ErrorCode::NOT_ENOUGH_REPLICAS);
}
