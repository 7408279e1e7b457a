//! Appends: offsets, duplicates, gaps, and what is refused.

use super::*;
use crate::protocol::{CreateTopicsRequest, LeaderIdAndEpoch, NewTopic};
use crate::record_batch::{TimestampType, set_max_timestamp};

/// The same bytes with some of them changed and a fitting CRC.
fn forged(batch: &Bytes, at: usize, bytes: &[u8]) -> Bytes {
    let mut forged = BytesMut::from(&batch[..]);
    forged[at..at + bytes.len()].copy_from_slice(bytes);
    let max_timestamp = i64::from_be_bytes(forged[35..43].try_into().unwrap());
    set_max_timestamp(&mut forged, TimestampType::CreateTime, max_timestamp);
    forged.freeze()
}

#[test]
fn batches_get_the_next_offsets_and_the_leaders_epoch() {
    let mut world = World::new();
    assert_eq!(world.produce(1, plain(&["a", "b", "c"])).base_offset, 0);
    let second = world.produce(1, plain(&["d"]));
    assert_eq!((second.error, second.base_offset, second.log_append_time_ms), (ErrorCode::NONE, 3, -1));
    assert_eq!(second.log_start_offset, 0);
    assert_eq!(world.values(1), ["a", "b", "c", "d"]);
    let log = world.cluster.log(&orders(1)).unwrap();
    assert_eq!(log.end_offset(), 4);
    let stored = log.batches().last().unwrap().view();
    assert_eq!((stored.base_offset(), stored.partition_leader_epoch()), (3, 0));
    assert_eq!(stored.verify_crc(), Ok(()));
    let appended: Vec<_> = world.facts().into_iter().filter(|fact| matches!(fact, Fact::LogAppended { .. })).collect();
    assert!(matches!(
        appended[..],
        [Fact::LogAppended { base_offset: 0, records: 3, .. }, Fact::LogAppended { base_offset: 3, records: 1, .. }]
    ));
}

#[test]
fn a_repeated_batch_is_answered_with_its_first_offset_and_latest_time_and_stored_once() {
    let mut world = World::new();
    world.produce(0, plain(&["before"]));
    let first = sequenced(PRODUCER, 0, &["a", "b"]);
    assert_eq!(world.produce(0, first.clone()).base_offset, 1);
    let again = world.produce(0, first);
    assert_eq!((again.error, again.base_offset), (ErrorCode::NONE, 1));
    // Even on a CreateTime topic: the client takes it for the time of every record.
    assert_eq!(again.log_append_time_ms, WALL_MS);
    assert_eq!(world.values(0), ["before", "a", "b"]);
    assert!(matches!(world.facts().last(), Some(Fact::DuplicateRecognised { base_offset: 1, .. })));
}

#[test]
fn a_gap_is_refused_and_tells_where_the_log_begins() {
    let mut world = World::new();
    world.produce(0, sequenced(PRODUCER, 0, &["a"]));
    let refused = world.produce(0, sequenced(PRODUCER, 2, &["c"]));
    assert_eq!(refused.error, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_eq!((refused.base_offset, refused.log_start_offset, refused.error_message), (-1, 0, None));
    assert_eq!(world.values(0), ["a"]);
}

#[test]
fn sequences_are_kept_per_partition_and_survive_a_move_of_the_leader() {
    let mut world = World::new();
    world.produce(0, sequenced(PRODUCER, 0, &["a"]));
    assert_eq!(world.produce(1, sequenced(PRODUCER, 0, &["x"])).error, ErrorCode::NONE);
    world.cluster.move_leader(world.now(), &orders(0), NodeId(3)).unwrap();
    assert_eq!(world.produce(0, sequenced(PRODUCER, 0, &["a"])).base_offset, 0);
    assert_eq!(world.produce(0, sequenced(PRODUCER, 1, &["b"])).base_offset, 1);
    assert_eq!(world.values(0), ["a", "b"]);
}

#[test]
fn a_broker_that_does_not_lead_names_the_leader_since_version_ten() {
    let mut world = World::new();
    world.cluster.move_leader(world.now(), &orders(0), NodeId(2)).unwrap();
    let link = world.connect(1);
    let request = produce_request(-1, 0, plain(&["a"]));
    let Some(Response::Produce(response)) = world.ask_in_version(link, 10, request.clone()) else { panic!() };
    let refused = &response.topics[0].partitions[0];
    assert_eq!(refused.error, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    assert_eq!(refused.current_leader, Some(LeaderIdAndEpoch { leader: NodeId(2), epoch: 1 }));
    assert_eq!((refused.base_offset, refused.log_start_offset), (-1, -1));
    let named: Vec<_> = response.node_endpoints.iter().map(|broker| (broker.node, &*broker.host)).collect();
    assert_eq!(named, [(NodeId(2), "broker-2")]);

    let Some(Response::Produce(response)) = world.ask_in_version(link, 9, request) else { panic!() };
    assert_eq!(response.topics[0].partitions[0].current_leader, None);
    assert!(response.node_endpoints.is_empty());
}

#[test]
fn without_acks_nothing_is_answered_and_an_error_closes_the_connection() {
    let mut world = World::new();
    let leader = world.connect(1);
    assert_eq!(world.ask(leader, produce_request(0, 0, plain(&["a"]))), None);
    assert!(world.cuts.is_empty());
    assert_eq!(world.values(0), ["a"]);
    let other = world.connect(2);
    assert_eq!(world.ask(other, produce_request(0, 0, plain(&["b"]))), None);
    assert_eq!(world.cuts, [other]);
    assert_eq!(world.values(0), ["a"]);
}

/// Mirrors `LogValidatorTest.testControlRecordsNotAllowedFromClients`: a control batch from a client is invalid.
#[test]
fn every_kind_of_bad_batch_has_its_code() {
    let good = plain(&["a", "b"]);
    let mut wrong_crc = BytesMut::from(&good[..]);
    wrong_crc[17] ^= 1;
    let two = Bytes::from([&good[..], &good[..]].concat());
    let cases = [
        ("no batch", Bytes::new(), ErrorCode::INVALID_RECORD),
        ("a size too small for any format", forged(&good, 8, &13_i32.to_be_bytes()), ErrorCode::CORRUPT_MESSAGE),
        ("zeros behind it", Bytes::from([&good[..], &[0; 12]].concat()), ErrorCode::CORRUPT_MESSAGE),
        ("an unknown format", forged(&good, 16, &[3]), ErrorCode::CORRUPT_MESSAGE),
        ("cut short", good.slice(..good.len() - 1), ErrorCode::INVALID_RECORD),
        ("two batches", two, ErrorCode::INVALID_RECORD),
        ("an old format", forged(&good, 16, &[1]), ErrorCode::INVALID_RECORD),
        ("wrong CRC", wrong_crc.freeze(), ErrorCode::CORRUPT_MESSAGE),
        ("base offset", forged(&good, 0, &7_i64.to_be_bytes()), ErrorCode::INVALID_RECORD),
        ("count of records", forged(&good, 57, &3_i32.to_be_bytes()), ErrorCode::INVALID_RECORD),
        ("no records", forged(&good, 57, &0_i32.to_be_bytes()), ErrorCode::INVALID_RECORD),
        ("last offset delta", forged(&good, 23, &5_i32.to_be_bytes()), ErrorCode::INVALID_RECORD),
        ("control bit", forged(&good, 21, &0x20_i16.to_be_bytes()), ErrorCode::INVALID_RECORD),
        ("id without sequence", forged(&good, 43, &9_i64.to_be_bytes()), ErrorCode::INVALID_RECORD),
        (
            "an impossible epoch",
            sequenced(ProducerIdentity { id: 7, epoch: -2 }, 0, &["a"]),
            ErrorCode::INVALID_PRODUCER_EPOCH,
        ),
        ("unknown codec", forged(&good, 21, &5_i16.to_be_bytes()), ErrorCode::UNKNOWN_SERVER_ERROR),
    ];
    for (what, batch, expected) in cases {
        let mut world = World::new();
        assert_eq!(world.produce(0, batch).error, expected, "{what}");
        assert_eq!(world.cluster.log(&orders(0)).unwrap().end_offset(), 0, "{what}");
    }
}

#[test]
fn zstd_is_refused_before_version_seven() {
    let mut world = World::new();
    let link = world.connect(1);
    let batch = forged(&plain(&["a"]), 21, &4_i16.to_be_bytes());
    let Some(Response::Produce(response)) = world.ask_in_version(link, 6, produce_request(-1, 0, batch)) else {
        panic!()
    };
    assert_eq!(response.topics[0].partitions[0].error, ErrorCode::UNSUPPORTED_COMPRESSION_TYPE);
}

#[test]
fn a_batch_over_a_megabyte_is_too_large() {
    let mut world = World::new();
    // max.message.bytes 1048588 counts the whole batch; 61 bytes are its header, 11 surround this value:
    // two lengths of 3 bytes, and one byte each for attributes, time, offset, the null key and the count of headers.
    let fits = "v".repeat(1_048_588 - 61 - 11);
    assert_eq!(world.produce(0, plain(&[&fits])).error, ErrorCode::NONE);
    assert_eq!(world.produce(0, plain(&[&(fits + "v")])).error, ErrorCode::MESSAGE_TOO_LARGE);
}

#[test]
fn acks_other_than_minus_one_to_one_are_refused() {
    let mut world = World::new();
    let link = world.connect(1);
    let Some(Response::Produce(response)) = world.ask(link, produce_request(2, 0, plain(&["a"]))) else { panic!() };
    assert_eq!(response.topics[0].partitions[0].error, ErrorCode::INVALID_REQUIRED_ACKS);
}

#[test]
fn partitions_and_topics_that_do_not_exist_are_unknown() {
    let mut world = World::new();
    assert_eq!(world.produce_at(1, 3, plain(&["a"])).error, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    assert_eq!(world.produce_at(1, -1, plain(&["a"])).error, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

/// What broker 1 answers when this client writes one record to partition 0 of `topic`.
fn produce_as(world: &mut World, client: Option<&str>, acks: i16, topic: &str) -> ProducePartitionResponse {
    let link = world.connect(1);
    let Request::Produce(mut request) = produce_request(acks, 0, plain(&["a"])) else { unreachable!() };
    request.topics[0].name = topic.into();
    let (correlation, client_id) = (CorrelationId(1), client.map(Into::into));
    let header = RequestHeader { api: ApiKey::Produce, version: 12, correlation, client_id };
    let body = Request::Produce(request);
    world.cluster.handle_input(world.now(), ClusterInput::Request { link, header, body });
    match world.responses().pop() {
        Some((_, Response::Produce(mut response))) => response.topics.remove(0).partitions.remove(0),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_brokers_own_topics_take_batches_from_the_admin_client_alone() {
    let mut world = World::new();
    for topic in ["__consumer_offsets", "__transaction_state", "__share_group_state"] {
        world.cluster.create_topic(&new_topic(topic, 1, 1)).unwrap();
        for client in [None, Some("producer-1")] {
            let refused = produce_as(&mut world, client, -1, topic);
            assert_eq!(refused.error, ErrorCode::INVALID_TOPIC_EXCEPTION, "{topic}");
            assert_eq!((refused.base_offset, refused.log_start_offset, refused.error_message), (-1, -1, None));
        }
        let bad_acks = produce_as(&mut world, None, 2, topic);
        assert_eq!(bad_acks.error, ErrorCode::INVALID_REQUIRED_ACKS, "which is found before");
        assert_eq!(produce_as(&mut world, Some("__admin_client"), -1, topic).error, ErrorCode::NONE);
        assert!(world.describe(topic, false).is_internal);
    }
    assert!(!world.describe("orders", false).is_internal);
}

#[test]
fn one_record_from_the_future_spoils_its_batch_and_is_named() {
    let mut world = World::new();
    let hour_ms = 3_600_000;
    let mut builder = BatchBuilder::new(BytesMut::new(), 1 << 20);
    for timestamp_ms in [WALL_MS, WALL_MS + hour_ms, WALL_MS + hour_ms + 1] {
        builder.try_append(timestamp_ms, None, Some(b"v"), &[]).unwrap();
    }
    let refused = world.produce(0, builder.close(Stamp::PLAIN));
    assert_eq!(refused.error, ErrorCode::INVALID_TIMESTAMP);
    assert_eq!(
        refused.error_message.as_deref(),
        Some("One or more records have been rejected due to invalid timestamp")
    );
    assert_eq!(refused.record_errors.len(), 1);
    assert_eq!(refused.record_errors[0].batch_index, 2);
    assert_eq!(refused.log_start_offset, 0);
    assert!(world.values(0).is_empty());
}

#[test]
fn a_topic_with_log_append_time_gets_the_brokers_clock() {
    let mut world = World::new();
    let link = world.connect(1);
    let configs = vec![("message.timestamp.type".into(), Some("LogAppendTime".into()))];
    let topic =
        NewTopic { name: "clocked".into(), num_partitions: 1, replication_factor: 1, configs, assignments: Vec::new() };
    let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 0, validate_only: false };
    world.ask(link, Request::CreateTopics(request));
    world.pass(Duration::from_secs(5));
    let Request::Produce(mut request) = produce_request(1, 0, batch(&["a", "b"], 17, Stamp::PLAIN)) else { panic!() };
    request.topics[0].name = "clocked".into();
    let Some(Response::Produce(response)) = world.ask(link, Request::Produce(request)) else { panic!() };
    let stored = &response.topics[0].partitions[0];
    assert_eq!((stored.error, stored.log_append_time_ms), (ErrorCode::NONE, WALL_MS + 5_000));
    let clocked = TopicPartition { topic: "clocked".into(), partition: 0 };
    let log = world.cluster.log(&clocked).unwrap();
    assert_eq!(log.records().map(|record| record.timestamp_ms).collect::<Vec<_>>(), [WALL_MS + 5_000; 2]);
    assert_eq!(log.batches().next().unwrap().view().verify_crc(), Ok(()));
}

#[test]
fn a_wrong_maximum_timestamp_is_corrected_in_the_log() {
    let mut world = World::new();
    let mut wrong = BytesMut::from(&plain(&["a"])[..]);
    set_max_timestamp(&mut wrong, TimestampType::CreateTime, WALL_MS + 99);
    world.produce(0, wrong.freeze());
    let log = world.cluster.log(&orders(0)).unwrap();
    let stored = log.batches().next().unwrap().view();
    assert_eq!((stored.max_timestamp_ms(), stored.verify_crc()), (WALL_MS, Ok(())));
}

#[test]
fn the_oldest_batches_go_when_a_log_grows_too_large() {
    let mut config = ClusterConfig::simulated(1);
    let size = plain(&["a"]).len() as u64;
    config.log_retention_bytes = Some(2 * size);
    let mut cluster = Cluster::new(config, TraceBuffer::new(Lane(0), ProducerIndex(0)));
    cluster.create_topic(&new_topic("orders", 1, 1)).unwrap();
    let mut world = World { cluster, elapsed_us: 0, next_correlation: 0, cuts: Vec::new() };
    for value in ["a", "b", "c"] {
        world.produce(0, plain(&[value]));
    }
    assert_eq!(world.values(0), ["b", "c"]);
    assert_eq!(world.cluster.log(&orders(0)).unwrap().start_offset(), 1);
    assert_eq!(world.fetch(1, fetch_request(0, 0)).error, ErrorCode::OFFSET_OUT_OF_RANGE);
}

/// Mirrors `ProducerStateManagerTest.testBasicIdMapping`: sequences 0 and 1 are taken, 5 is out of order, the next
/// epoch begins at 0, and the epoch before it is then invalid; what is there already is recognised before it comes to
/// that.
/// Mirrors `ProducerStateManagerTest.testRejectNonZeroSequenceForDirectEpochBump`: after three batches of epoch 0,
/// sequence 5 of epoch 1 is out of order and sequence 0 is taken.
#[test]
fn sequences_go_on_within_an_epoch_and_begin_anew_in_the_next() {
    let mut world = World::new();
    let mut produce = |epoch, sequence| {
        let answer = world.produce(0, sequenced(ProducerIdentity { epoch, ..PRODUCER }, sequence, &["v"]));
        (answer.error, answer.base_offset)
    };
    for sequence in 0..3 {
        assert_eq!(produce(0, sequence), (ErrorCode::NONE, i64::from(sequence)));
    }
    assert_eq!(produce(0, 1), (ErrorCode::NONE, 1), "which is there already and not stored again");
    assert_eq!(produce(0, 5), (ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, -1));
    assert_eq!(produce(1, 5), (ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, -1));
    assert_eq!(produce(1, 0), (ErrorCode::NONE, 3));
    assert_eq!(produce(0, 0), (ErrorCode::INVALID_PRODUCER_EPOCH, -1));
}

/// Mirrors `ProducerStateManagerTest.testProducerSequenceWrapAround`: sequence 0 is taken after 2147483647.
/// Mirrors `ProducerStateManagerTest.testProducerSequenceInvalidWrapAround`: sequence 1 is out of order after
/// 2147483647.
/// Mirrors `ProducerStateManagerTest.testProducerSequenceWithWrapAroundBatchRecord`: a batch whose sequences go from
/// 2147483637 over the highest to 9 is stored as one with those sequences.
#[test]
fn after_the_highest_sequence_comes_zero() {
    let mut world = World::new();
    assert_eq!(world.produce(0, sequenced(PRODUCER, i32::MAX, &["a"])).error, ErrorCode::NONE);
    assert_eq!(
        world.produce(0, sequenced(PRODUCER, 1, &["c"])).error,
        ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
        "zero is missing"
    );
    assert_eq!(world.produce(0, sequenced(PRODUCER, 0, &["b"])).error, ErrorCode::NONE);

    let stored = world.produce(1, sequenced(PRODUCER, i32::MAX - 10, &["v"; 21]));
    assert_eq!((stored.error, stored.base_offset), (ErrorCode::NONE, 0));
    let log = world.cluster.log(&orders(1)).unwrap();
    let sequences: Vec<_> = log.records().map(|record| (record.offset, record.sequence)).collect();
    assert_eq!((sequences[0], sequences[20]), ((0, i32::MAX - 10), (20, 9)));
    assert_eq!(world.produce(1, sequenced(PRODUCER, 10, &["next"])).base_offset, 21);
}

/// Mirrors `LogValidatorTest.testRecordBatchWithCountOverrides`: three records are taken with a count of 3 and a last
/// offset delta of 2.
/// Mirrors `LogValidatorTest.testInconsistentCountAndOffset`: a count of 3 with a last offset delta of 0, 15 or -3 is
/// invalid.
/// Mirrors `LogValidatorTest.testUnmatchedNumberOfRecords`: a count of 6 or 2 is invalid for three records, though the
/// last offset delta fits it.
#[test]
fn counts_and_last_offsets_that_do_not_fit_the_records_are_invalid() {
    for (last_offset_delta, count, expected) in [
        (2_i32, 3_i32, ErrorCode::NONE),
        (0, 3, ErrorCode::INVALID_RECORD),
        (15, 3, ErrorCode::INVALID_RECORD),
        (-3, 3, ErrorCode::INVALID_RECORD),
        (5, 6, ErrorCode::INVALID_RECORD),
        (1, 2, ErrorCode::INVALID_RECORD),
    ] {
        let counted = forged(&plain(&["a", "b", "c"]), 57, &count.to_be_bytes());
        let batch = forged(&counted, 23, &last_offset_delta.to_be_bytes());
        assert_eq!(World::new().produce(0, batch).error, expected, "{last_offset_delta} {count}");
    }
}

/// Mirrors `LogValidatorTest.testBatchWithoutRecordsNotAllowed`: a batch that is a header without records is invalid.
#[test]
fn a_header_without_records_is_invalid() {
    let identity = ProducerIdentity { id: 1_324, epoch: 10 };
    let header = sequenced(identity, 984, &["a"]).slice(..61);
    let short = forged(&header, 8, &49_i32.to_be_bytes());
    let empty = forged(&short, 57, &0_i32.to_be_bytes());
    for last_offset_delta in [-1_i32, 0, 5] {
        let batch = forged(&empty, 23, &last_offset_delta.to_be_bytes());
        assert_eq!(World::new().produce(0, batch).error, ErrorCode::INVALID_RECORD);
    }
}

/// Mirrors `ProduceRequestTest.testProduceToNonReplica`: a batch sent to a broker without a replica is answered with
/// NOT_LEADER_OR_FOLLOWER.
#[test]
fn a_broker_without_a_copy_is_no_leader() {
    let mut world = World::new();
    world.cluster.create_topic(&new_topic("single", 1, 1)).unwrap();
    let single = TopicPartition { topic: "single".into(), partition: 0 };
    let replicas = world.cluster.replicas(&single).unwrap();
    let elsewhere = (1..=3).find(|node| !replicas.contains(&NodeId(*node))).unwrap();
    let link = world.connect(elsewhere);
    let Request::Produce(mut request) = produce_request(-1, 0, plain(&["a"])) else { unreachable!() };
    request.topics[0].name = "single".into();
    let Some(Response::Produce(response)) = world.ask(link, Request::Produce(request)) else { panic!() };
    assert_eq!(response.topics[0].partitions[0].error, ErrorCode::NOT_LEADER_OR_FOLLOWER);
}

/// Mirrors `ProducerStateManagerTest.testPidExpirationTimeout`: a producer that was idle for a day is forgotten at the next
/// check, its next sequence is taken as that of a new one, and is then its last.
#[test]
fn a_producer_that_was_idle_for_a_day_begins_anywhere() {
    let mut world = World::new();
    let send = |world: &mut World, sequence: i32| {
        let stamp = Stamp { identity: Some(PRODUCER), base_sequence: sequence, transactional: false };
        let now_ms = world.now().wall_ms;
        let answer = world.produce(0, batch(&["v"], now_ms, stamp));
        (answer.error, answer.base_offset)
    };
    assert_eq!(send(&mut world, 0), (ErrorCode::NONE, 0));
    world.pass(Duration::from_secs(24 * 3_600 - 600));
    assert_eq!(send(&mut world, 0), (ErrorCode::NONE, 0), "it is known, and not written");
    assert_eq!(send(&mut world, 7), (ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, -1));
    world.pass(Duration::from_secs(600));
    assert_eq!(send(&mut world, 7), (ErrorCode::NONE, 1));
    assert_eq!(send(&mut world, 9), (ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, -1));
    assert_eq!(send(&mut world, 8), (ErrorCode::NONE, 2));
}
