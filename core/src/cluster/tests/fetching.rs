//! Reads: whole batches, long polls, offsets by time.

use super::*;
use crate::protocol::{ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsTopic};

fn offset_for(world: &mut World, partition: i32, timestamp_ms: i64) -> ListOffsetsPartitionResponse {
    let (leader, _) = world.cluster.leader(&orders(partition)).unwrap();
    let link = world.connect(leader.0);
    let asked = ListOffsetsPartition { partition, current_leader_epoch: -1, timestamp_ms };
    let topics = vec![ListOffsetsTopic { name: "orders".into(), partitions: vec![asked] }];
    match world.ask(link, Request::ListOffsets(ListOffsetsRequest { isolation_level: 0, topics })) {
        Some(Response::ListOffsets(response)) => response.topics[0].partitions[0],
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_read_in_mid_batch_begins_with_the_batch_that_contains_the_offset() {
    let mut world = World::new();
    world.produce(0, plain(&["a", "b"]));
    world.produce(0, plain(&["c", "d"]));
    world.produce(0, plain(&["e"]));
    let read = world.fetch(1, fetch_request(0, 3));
    assert_eq!((read.error, read.high_watermark, read.last_stable_offset), (ErrorCode::NONE, 5, 5));
    let log = world.cluster.log(&orders(0)).unwrap();
    let stored: Vec<_> = log.batches().skip(1).map(|batch| batch.bytes.clone()).collect();
    assert_eq!(read.batches, stored);
}

#[test]
fn at_least_one_batch_is_read_whatever_the_limits() {
    let mut world = World::new();
    world.produce(0, plain(&["a"]));
    world.produce(0, plain(&["b"]));
    for (max_bytes, partition_max_bytes, expected) in [(1, 1 << 20, 1), (1 << 20, 1, 1), (1 << 20, 1 << 20, 2)] {
        let mut request = fetch_request(0, 0);
        request.max_bytes = max_bytes;
        request.topics[0].partitions[0].max_bytes = partition_max_bytes;
        assert_eq!(world.fetch(1, request).batches.len(), expected, "{max_bytes}, {partition_max_bytes}");
    }
}

#[test]
fn reading_beyond_the_end_is_out_of_range_and_at_the_end_is_empty() {
    let mut world = World::new();
    world.produce(0, plain(&["a"]));
    assert_eq!(world.fetch(1, fetch_request(0, 1)).error, ErrorCode::NONE);
    assert!(world.fetch(1, fetch_request(0, 1)).batches.is_empty());
    assert_eq!(world.fetch(1, fetch_request(0, 2)).error, ErrorCode::OFFSET_OUT_OF_RANGE);
    assert_eq!(world.fetch(1, fetch_request(0, -1)).error, ErrorCode::OFFSET_OUT_OF_RANGE);
    assert_eq!(world.fetch(1, fetch_request(3, 0)).error, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    assert_eq!(world.fetch(2, fetch_request(0, 0)).error, ErrorCode::NOT_LEADER_OR_FOLLOWER);
}

#[test]
fn a_fetch_waits_for_records_and_no_longer() {
    let mut world = World::new();
    let link = world.connect(1);
    let mut request = fetch_request(0, 0);
    request.max_wait_ms = 500;
    let correlation = world.send(link, Request::Fetch(request.clone()));
    assert_eq!(world.responses(), []);
    assert_eq!(world.wants_wake_at(), Some(Instant::from_millis(500)));
    world.pass(Duration::from_millis(499));
    assert_eq!(world.responses(), []);

    // Another connection appends, and the waiting one is answered at once.
    let producer = world.connect(1);
    world.send(producer, produce_request(-1, 0, plain(&["a"])));
    let answers = world.responses();
    assert_eq!(answers.len(), 2);
    let read = answers.iter().find(|(answered, _)| *answered == correlation);
    assert!(matches!(read, Some((_, Response::Fetch(read))) if read.topics[0].partitions[0].batches.len() == 1));

    // With nothing new, the wait ends empty.
    request.topics[0].partitions[0].fetch_offset = 1;
    world.send(link, Request::Fetch(request));
    world.pass(Duration::from_millis(500));
    let [(_, Response::Fetch(read))] = &world.responses()[..] else { panic!() };
    assert!(read.topics[0].partitions[0].batches.is_empty());
}

#[test]
fn a_waiting_fetch_is_told_when_its_leader_moves() {
    let mut world = World::new();
    let link = world.connect(1);
    let request = FetchRequest { max_wait_ms: 500, ..fetch_request(0, 0) };
    world.send(link, Request::Fetch(request));
    assert_eq!(world.responses(), []);
    world.cluster.move_leader(world.now(), &orders(0), NodeId(2)).unwrap();
    let [(_, Response::Fetch(read))] = &world.responses()[..] else { panic!() };
    assert_eq!(read.topics[0].partitions[0].error, ErrorCode::NOT_LEADER_OR_FOLLOWER);
}

#[test]
fn a_session_is_never_given_and_one_that_is_named_is_unknown() {
    let mut world = World::new();
    let link = world.connect(1);
    let mut request = fetch_request(0, 0);
    request.session_epoch = 0;
    let Some(Response::Fetch(read)) = world.ask(link, Request::Fetch(request.clone())) else { panic!() };
    assert_eq!((read.error, read.session_id), (ErrorCode::NONE, 0));
    (request.session_id, request.session_epoch) = (7, 1);
    let Some(Response::Fetch(read)) = world.ask(link, Request::Fetch(request)) else { panic!() };
    assert_eq!(read.error, ErrorCode::FETCH_SESSION_ID_NOT_FOUND);
}

#[test]
fn a_client_that_knows_another_term_is_told_which_way() {
    let mut world = World::new();
    world.cluster.move_leader(world.now(), &orders(0), NodeId(2)).unwrap();
    for (known, expected) in
        [(0, ErrorCode::FENCED_LEADER_EPOCH), (1, ErrorCode::NONE), (2, ErrorCode::UNKNOWN_LEADER_EPOCH)]
    {
        let mut request = fetch_request(0, 0);
        request.topics[0].partitions[0].current_leader_epoch = known;
        assert_eq!(world.fetch(2, request).error, expected, "epoch {known}");
    }
}

#[test]
fn offsets_are_found_by_time_and_at_both_ends() {
    let mut world = World::new();
    let empty = offset_for(&mut world, 0, WALL_MS);
    assert_eq!((empty.error, empty.timestamp_ms, empty.offset), (ErrorCode::NONE, -1, -1));
    for (at, values) in [(10, &["a", "b"][..]), (30, &["c"]), (20, &["d"])] {
        world.produce(0, batch(values, at, Stamp::PLAIN));
    }
    let mut found = |timestamp_ms| {
        let found = offset_for(&mut world, 0, timestamp_ms);
        (found.timestamp_ms, found.offset)
    };
    assert_eq!(found(-2), (-1, 0), "earliest");
    assert_eq!(found(-1), (-1, 4), "latest");
    assert_eq!(found(-3), (30, 2), "with the highest timestamp");
    assert_eq!(found(0), (10, 0));
    assert_eq!(found(11), (30, 2), "the first in offset order, not in time order");
    assert_eq!(found(30), (30, 2));
    assert_eq!(found(31), (-1, -1));
    assert_eq!(offset_for(&mut world, 0, -4).error, ErrorCode::UNSUPPORTED_VERSION);
}

/// What is answered field by field is compared with Apache Kafka's answers in `kafka_side_by_side`.
#[test]
fn a_session_is_left_or_begun_anew_by_a_full_fetch_and_none_can_be_gone_on_with() {
    let mut world = World::new();
    world.produce(0, plain(&["a"]));
    let link = world.connect(1);
    for (session_id, session_epoch, error) in
        [(7, -1, ErrorCode::NONE), (7, 0, ErrorCode::NONE), (7, 1, ErrorCode::FETCH_SESSION_ID_NOT_FOUND)]
    {
        let request = FetchRequest { session_id, session_epoch, ..fetch_request(0, 0) };
        let Some(Response::Fetch(told)) = world.ask(link, Request::Fetch(request)) else { panic!("no answer") };
        let records = told.topics.iter().flat_map(|topic| &topic.partitions).map(|found| found.batches.len());
        let expected = usize::from(error.is_none());
        assert_eq!((told.error, told.session_id, records.sum::<usize>()), (error, 0, expected), "{session_epoch}");
    }
}

#[test]
fn the_offset_of_the_latest_time_is_told_since_version_7() {
    let mut world = World::new();
    world.produce(0, plain(&["a"]));
    let link = world.connect(1);
    for (version, error) in [(6, ErrorCode::UNSUPPORTED_VERSION), (7, ErrorCode::NONE)] {
        let asked = ListOffsetsPartition { partition: 0, current_leader_epoch: -1, timestamp_ms: -3 };
        let topics = vec![ListOffsetsTopic { name: "orders".into(), partitions: vec![asked] }];
        let request = Request::ListOffsets(ListOffsetsRequest { isolation_level: 0, topics });
        let answer = world.ask_in_version(link, version, request);
        let Some(Response::ListOffsets(told)) = answer else { panic!("{answer:?}") };
        assert_eq!(told.topics[0].partitions[0].error, error, "{version}");
    }
}
