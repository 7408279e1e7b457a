//! Batching, partitions, drain order, and sends that nobody answers.

use super::story::{Story, record};
use crate::ids::CorrelationId;
use crate::io::{DisconnectReason, Input, Stored, WaitReason};
use crate::producer::SendAttempt;
use crate::record::Record;
use crate::trace::{DrainReason, Fact};

/// How many records of this shape the first batch takes, and its bytes.
fn first_batch(value_size: usize, key: Option<&[u8]>) -> (u32, usize) {
    let mut story = Story::new(&[]).started();
    let value = vec![b'v'; value_size];
    let wanted = Record { key, value: Some(&value), ..record(0, "") };
    let send = |story: &mut Story| {
        let mut attempt = SendAttempt::default();
        story.producer.send(story.now(), &mut attempt, &wanted).expect("taken")
    };
    let first = send(&mut story).batch;
    let mut count = 1;
    while value_size <= 16_384 && send(&mut story).batch == first {
        count += 1;
    }
    story.at_ms(5);
    story.settle();
    (count, story.carried[0].body().topics[0].partitions[0].records.len())
}

#[test]
fn batches_hold_as_many_records_as_the_java_clients() {
    // value bytes, key bytes → records per batch, batch bytes: as the Java client 4.3.1 fills them.
    for (value_size, key, expected) in [
        (0, None, (2_048, 16_381)),
        (10, None, (910, 16_377)),
        (100, None, (148, 16_277)),
        (100, Some(&b"12345678"[..]), (138, 16_281)),
        (1_024, None, (15, 15_556)),
        (8_000, None, (2, 16_079)),
        (16_300, None, (1, 16_372)),
        (20_000, None, (1, 20_072)),
    ] {
        assert_eq!(first_batch(value_size, key), expected, "{value_size} bytes, key {key:?}");
    }
}

/// Lengths of runs of one partition, for records without a key.
fn sticky_runs(story: &mut Story, value_size: usize, records: usize, after_each: impl Fn(&mut Story)) -> Vec<usize> {
    let value = vec![b'v'; value_size];
    let wanted = Record { partition: None, value: Some(&value), ..record(0, "") };
    let mut runs: Vec<(i32, usize)> = Vec::new();
    for _ in 0..records {
        let mut attempt = SendAttempt::default();
        let sent = story.producer.send(story.now(), &mut attempt, &wanted).expect("taken");
        match runs.last_mut() {
            Some((partition, length)) if *partition == sent.partition => *length += 1,
            _ => runs.push((sent.partition, 1)),
        }
        after_each(story);
    }
    runs.pop();
    runs.into_iter().map(|(_, length)| length).collect()
}

#[test]
fn records_without_a_key_stick_as_long_as_the_java_clients() {
    // With nothing drained: two full batches per partition. The same partition may be drawn again.
    for (value_size, run) in [(100, 296), (1_024, 30), (17_000, 1)] {
        let mut story = Story::with(1, 3, &[]).started();
        let runs = sticky_runs(&mut story, value_size, run * 12, |_| {});
        assert!(runs.iter().all(|length| length % run == 0), "{value_size}: {runs:?}");
        assert!(runs.contains(&run), "{value_size}: {runs:?}");
    }
}

#[test]
fn records_drained_alone_change_the_partition_after_batch_size_bytes() {
    let mut story = Story::with(1, 3, &[("linger.ms", "0")]).started();
    let runs = sticky_runs(&mut story, 100, 97 * 10, |story| {
        story.settle();
        story.store(0);
    });
    assert!(runs.iter().all(|length| length % 97 == 0) && runs.contains(&97), "{runs:?}");
}

#[test]
fn keys_go_where_the_java_client_sends_them() {
    let mut story = Story::with(1, 3, &[]).started();
    for (key, partition) in
        [("21", 0), ("abc", 0), ("", 0), ("a", 1), ("kafka", 1), ("ab", 2), ("giberish123456789", 2)]
    {
        let wanted = Record { partition: None, key: Some(key.as_bytes()), ..record(0, "v") };
        assert_eq!(story.send(&wanted).expect("taken").partition, partition, "{key:?}");
    }
}

#[test]
fn ignored_keys_stick_like_no_keys() {
    let mut story = Story::with(1, 3, &[("partitioner.ignore.keys", "true")]).started();
    let partition_of = |story: &mut Story, key: &[u8]| {
        let wanted = Record { partition: None, key: Some(key), ..record(0, "v") };
        story.send(&wanted).expect("taken").partition
    };
    let first = partition_of(&mut story, b"a");
    assert!((0..50_u8).all(|key| partition_of(&mut story, &[key]) == first));
}

/// Mirrors `RecordAccumulatorTest.testLinger`: nothing is ready when a record is appended, and its batch leaves with it
/// when linger.ms is over.
#[test]
fn a_batch_leaves_exactly_when_its_linger_is_over() {
    let mut story = Story::new(&[]).started();
    story.at_ms(3);
    story.put(0, "a");
    assert_eq!(story.wait, (Some(8_000), WaitReason::Linger));
    story.at_ms(7);
    story.put(0, "b");
    assert!(story.carried.is_empty());
    story.at_ms(8);
    assert_eq!(story.carried_values(), ["ab"], "a later record shares the wait of the first");
}

#[test]
fn a_full_batch_does_not_linger() {
    let mut story = Story::new(&[("linger.ms", "1000"), ("batch.size", "100")]).started();
    let first = story.put(0, "0123456789012345678901234567890123456789");
    assert!(story.carried.is_empty(), "one does not fill it");
    story.put(0, "0123456789012345678901234567890123456789");
    assert_eq!(story.carried.len(), 1);
    assert!(
        story.facts.iter().any(
            |fact| matches!(fact, Fact::BatchDrained { batch, because: DrainReason::Full, .. } if *batch == first)
        )
    );
}

#[test]
fn a_batch_still_lingering_rides_along_to_the_same_broker() {
    let mut story = Story::with(2, 3, &[]).started();
    let (rider, other_broker) = (2, 1);
    let early = story.put(0, "a");
    story.at_ms(4);
    let late = story.put(rider, "b");
    story.put(other_broker, "c");
    story.at_ms(5);
    assert_eq!(story.carried.len(), 1, "the other broker's batch goes on lingering");
    let partitions: Vec<_> = story.carried[0].batches().into_iter().map(|(partition, ..)| partition).collect();
    assert_eq!(partitions, [0, rider]);
    let reasons: Vec<_> = story
        .facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::BatchDrained { batch, because, .. } => Some((*batch, *because)),
            _ => None,
        })
        .collect();
    assert_eq!(reasons, [(early, DrainReason::LingerOver), (late, DrainReason::RodeAlong)]);
}

/// The order is that of `Cluster.partitionsForNode` for this topic, as `java_hash` has it from OpenJDK.
#[test]
fn the_walk_over_a_brokers_partitions_begins_where_it_ended() {
    let mut story = Story::with(1, 4, &[]).started();
    let mut walks = Vec::new();
    for _ in 0..3 {
        for partition in 0..4 {
            story.put(partition, "a");
        }
        let now = story.now_ms();
        story.at_ms(now + 5);
        let carried = story.store(0);
        walks.push(carried.batches().into_iter().map(|(partition, ..)| partition).collect::<Vec<_>>());
    }
    assert_eq!(walks, [[3, 2, 1, 0], [0, 3, 2, 1], [1, 0, 3, 2]]);
}

/// Mirrors `RecordAccumulatorTest.testPartialDrain`: with batches of two partitions ready, a request bounded to less
/// than both takes only one.
#[test]
fn a_request_holds_no_more_than_max_request_size_but_at_least_one_batch() {
    let mut story = Story::with(1, 3, &[("max.request.size", "250"), ("linger.ms", "5")]).started();
    let value = "x".repeat(80);
    for partition in 0..3 {
        story.put(partition, &value);
    }
    story.at_ms(5);
    let sizes: Vec<_> = story.carried.iter().map(|carried| carried.batches().len()).collect();
    assert_eq!(sizes, [1, 1, 1], "two batches of 152 bytes would be too much");
}

#[test]
fn batch_size_zero_sends_every_record_alone() {
    let mut story = Story::new(&[("batch.size", "0"), ("linger.ms", "1000")]).started();
    let value = "longer than the slack in the upper bound";
    assert_ne!(story.put(0, value), story.put(0, value));
    assert_eq!(story.carried_values(), [value], "full with one, so it does not linger");
}

#[test]
fn no_more_requests_are_out_than_allowed() {
    let mut story = Story::new(&[("linger.ms", "0")]).started();
    for value in ["a", "b", "c", "d", "e", "f", "g"] {
        story.put(0, value);
    }
    assert_eq!(story.carried_values(), ["a", "b", "c", "d", "e"]);
    story.store(0);
    assert_eq!(story.carried_values(), ["b", "c", "d", "e", "fg"], "f waited open, so g joined it");
}

#[test]
fn with_acks_zero_written_is_done() {
    let mut story = Story::new(&[("acks", "0"), ("linger.ms", "0")]).started();
    story.put(0, "a");
    let carried = story.carried.remove(0);
    assert!(!carried.request.expects_response);
    let (connection, correlation) = (carried.connection, carried.request.header.correlation);
    story.input(Input::Written { connection, correlation: CorrelationId(correlation.0 + 1) });
    assert!(story.completed.is_empty());
    story.input(Input::Written { connection, correlation });
    assert_eq!(story.completed[0].result, Ok(Stored { base_offset: -1, log_append_time_ms: None }));
    assert_eq!(story.producer.memory_used(), 0);
    let written = |fact: &Fact| matches!(fact, Fact::RequestWritten { in_flight: 0, .. });
    assert_eq!(story.facts.iter().filter(|fact| written(fact)).count(), 1, "its slot is free");
}

/// Of several that are under way when a connection breaks, the last would be tried again first.
#[test]
fn with_acks_zero_a_batch_leaves_when_the_one_before_it_is_written_and_a_cut_keeps_their_order() {
    let mut story = Story::new(&[("acks", "0"), ("linger.ms", "0")]).started();
    story.put(0, "a");
    story.put(0, "b");
    let unwritten = story.carried.remove(0);
    assert!(story.carried.is_empty(), "b waits until a is whole");
    story.input(Input::Disconnected { connection: unwritten.connection, why: DisconnectReason::ClosedByPeer });
    story.at_ms(1_000);
    let mut left = Vec::new();
    while !story.carried.is_empty() {
        let next = story.carried.remove(0);
        assert!(story.carried.is_empty(), "one at a time");
        left.push(next.values());
        story.input(Input::Written { connection: next.connection, correlation: next.request.header.correlation });
    }
    assert_eq!(left, ["a", "b"]);
    assert_eq!(story.completed.len(), 2);
}

#[test]
fn an_idle_producer_wakes_up_only_for_its_metadata_and_for_a_connection_that_nobody_uses() {
    let mut story = Story::new(&[("linger.ms", "0"), ("metadata.max.idle.ms", "900000")]).started();
    story.put(0, "a");
    story.store(0);
    let asked = story.asked.len();
    assert_eq!(story.wait, (Some(300_000_000), WaitReason::MetadataRefresh));
    story.at_ms(300_000);
    assert_eq!(story.asked[asked..], ["Metadata"]);
    assert_eq!(story.wait, (Some(540_000_001), WaitReason::Idle), "of two connections one was asked");
}

#[test]
fn a_topic_that_is_not_used_for_long_is_forgotten_with_the_next_refresh() {
    let properties = [("linger.ms", "0"), ("metadata.max.idle.ms", "5000"), ("metadata.max.age.ms", "1000")];
    let mut story = Story::new(&properties).started();
    let knows_it = |story: &Story| {
        let told = story.facts.iter().rev().find_map(|fact| match fact {
            Fact::MetadataUpdated { topics, .. } => Some(topics),
            _ => None,
        });
        told.is_some_and(|topics| topics.iter().any(|(topic, _)| &**topic == "t"))
    };
    story.at_ms(3_000);
    story.put(0, "a");
    story.store(0);
    story.at_ms(7_999);
    assert!(knows_it(&story));
    story.at_ms(9_500);
    assert!(!knows_it(&story));
}

#[test]
fn a_copy_of_a_producer_lives_its_own_life() {
    let mut story = Story::new(&[]).started();
    story.put(0, "a");
    let mut copy = story.producer.clone();
    story.put(0, "b");
    let flush = copy.begin_flush(story.now());
    assert!(!copy.is_flushed(&flush));
    story.at_ms(5);
    assert_eq!(story.carried_values(), ["ab"]);
}
