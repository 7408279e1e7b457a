//! Retries, time-outs, expiry, leaders that move, and the order in which batches meet their fate.

use super::story::{Story, record};
use crate::error::{BatchFailure, ErrorCode, Persistence, ProducerError};
use crate::ids::{NodeId, TopicId, TopicPartition};
use crate::io::{Input, Stored, WaitReason};
use crate::protocol::RecordError;
use crate::trace::Fact;

fn failure(story: &Story, completion: usize) -> (ProducerError, Persistence) {
    let BatchFailure { error, persistence, .. } =
        story.completed[completion].result.clone().expect_err("the batch failed");
    (error, persistence)
}

fn stored(base_offset: i64) -> Result<Stored, BatchFailure> {
    Ok(Stored { base_offset, log_append_time_ms: None })
}

/// Without idempotence, no linger.
fn plain(more: &[(&'static str, &'static str)]) -> Story {
    let mut properties = vec![("enable.idempotence", "false"), ("linger.ms", "0")];
    properties.extend(more);
    Story::new(&properties).started()
}

fn next_ms(story: &Story) -> u64 {
    story.wait.0.expect("something is due") / 1_000
}

/// Mirrors `RecordAccumulatorTest.testExponentialRetryBackoff`: a first attempt waits for nothing; each retry waits
/// twice as long as the one before, within 20 per cent and up to retry.backoff.max.ms, and leaves then.
#[test]
fn a_refused_batch_is_sent_again_after_pauses_that_grow() {
    let mut story = plain(&[]);
    story.put(0, "a");
    for (least, most) in [(80, 120), (160, 240), (320, 480), (640, 960), (800, 1_000)] {
        story.refuse(ErrorCode::NOT_ENOUGH_REPLICAS);
        assert_eq!(story.wait.1, WaitReason::RetryBackoff);
        let pause = next_ms(&story) - story.now_ms();
        assert!((least..=most).contains(&pause), "{pause} in {least}..={most}");
        assert!(story.carried.is_empty());
        let due = next_ms(&story);
        story.at_ms(due);
        assert_eq!(story.carried_values(), ["a"]);
    }
    story.store(9);
    assert_eq!((story.completed[0].attempts, story.completed[0].result.clone()), (6, stored(9)));
}

#[test]
fn when_retries_are_used_up_the_brokers_error_is_told() {
    let mut story = plain(&[("retries", "1")]);
    story.put(0, "a");
    story.refuse(ErrorCode::NOT_ENOUGH_REPLICAS);
    story.at_ms(200);
    story.refuse(ErrorCode::NOT_ENOUGH_REPLICAS);
    let error = ProducerError::Broker { code: ErrorCode::NOT_ENOUGH_REPLICAS, message: None };
    assert_eq!(failure(&story, 0), (error, Persistence::NotPersisted));
    assert_eq!(story.completed[0].attempts, 2);
}

/// Row 71: cut before the answer, and no retry left.
#[test]
fn a_connection_that_breaks_leaves_the_fate_of_its_batches_open() {
    let mut story = plain(&[("retries", "0")]);
    story.put(0, "a");
    let carried = story.carried[0].clone();
    story.break_connection(&carried);
    assert_eq!(failure(&story, 0), (ProducerError::Disconnected { node: NodeId(1) }, Persistence::PossiblyPersisted));
}

#[test]
fn a_definite_refusal_does_not_take_back_an_earlier_maybe() {
    let mut story = plain(&[("retries", "1")]);
    story.put(0, "a");
    let carried = story.carried[0].clone();
    story.break_connection(&carried);
    story.at_ms(1_500);
    story.refuse(ErrorCode::NOT_ENOUGH_REPLICAS);
    assert_eq!(failure(&story, 0).1, Persistence::PossiblyPersisted);
}

#[test]
fn without_idempotence_a_mere_disconnect_reverses_the_order() {
    let mut story = plain(&[]);
    for value in ["a", "b", "c"] {
        story.put(0, value);
    }
    assert_eq!(story.carried_values(), ["a", "b", "c"]);
    let carried = story.carried[0].clone();
    story.break_connection(&carried);
    story.at_ms(1_500);
    assert_eq!(story.carried_values(), ["c", "b", "a"]);
}

#[test]
fn without_idempotence_a_retry_lets_later_batches_pass() {
    let mut story = plain(&[]);
    story.put(0, "a");
    story.put(0, "b");
    story.refuse(ErrorCode::NOT_ENOUGH_REPLICAS);
    story.store(0);
    story.at_ms(200);
    story.store(1);
    let order: Vec<_> = story.completed.iter().map(|completion| completion.batch.0).collect();
    assert_eq!(order, [1, 0]);
}

#[test]
fn one_request_in_flight_keeps_the_order_by_muting() {
    let mut story = plain(&[("max.in.flight.requests.per.connection", "1")]);
    story.put(0, "a");
    story.put(0, "b");
    assert_eq!(story.carried_values(), ["a"]);
    story.refuse(ErrorCode::NOT_ENOUGH_REPLICAS);
    assert!(story.carried.is_empty(), "b does not overtake a, which backs off");
    story.at_ms(200);
    story.store(0);
    assert_eq!(story.carried_values(), ["b"]);
}

/// Mirrors `SenderTest.testSendInOrder`: while a batch is in flight to one broker, the next of its partition is not
/// sent to the broker that leads by then, as metadata has told.
#[test]
fn one_request_in_flight_keeps_the_order_when_the_leader_moves_meanwhile() {
    // Flow: a is out to broker 1 → broker 2 leads by now, and metadata says so → a is refused.
    let properties = [
        ("max.in.flight.requests.per.connection", "1"),
        ("enable.idempotence", "false"),
        ("metadata.max.age.ms", "1000"),
        ("linger.ms", "0"),
    ];
    let mut story = Story::with(2, 1, &properties).started();
    story.put(0, "a");
    story.put(0, "b");
    story.led[0] = (2, 1);
    story.at_ms(1_500);
    let believed = story.facts.iter().rev().find_map(|fact| match fact {
        Fact::MetadataUpdated { topics, .. } => Some(topics[0].1.clone()),
        _ => None,
    });
    assert_eq!(believed, Some(vec![NodeId(2)]));
    assert_eq!(story.carried_values(), ["a"], "the new leader is free, but a is still out");
    story.refuse(ErrorCode::NOT_LEADER_OR_FOLLOWER);
    for value in ["a", "b"] {
        let later = story.now_ms() + 200;
        story.at_ms(later);
        assert_eq!((story.carried_values(), story.carried[0].node), (vec![value.to_owned()], NodeId(2)));
        story.store(0);
    }
}

#[test]
fn a_request_without_an_answer_closes_its_connection_and_is_sent_again() {
    let mut story = plain(&[("request.timeout.ms", "2000")]);
    story.put(0, "a");
    story.put(0, "b");
    let silent = story.carried[0].clone();
    story.carried.clear();
    story.at_ms(2_000);
    assert!(story.closed.is_empty(), "an answer would still count");
    assert_eq!(story.wait, (Some(2_000_001), WaitReason::RequestTimeout));
    story.at_ms(2_001);
    assert_eq!(story.closed, [silent.connection]);
    let times_out = |fact: &&Fact| matches!(fact, Fact::RequestTimedOut { .. });
    assert_eq!(story.facts.iter().filter(times_out).count(), 1);
    assert!(
        story
            .facts
            .iter()
            .any(|fact| matches!(fact, Fact::BatchRetried { attempt: 1, error: ErrorCode::REQUEST_TIMED_OUT, .. }))
    );
    story.at_ms(3_000);
    assert_eq!(story.carried.len(), 2, "both, on a new connection");
    assert_ne!(story.carried[0].connection, silent.connection);
}

#[test]
fn a_batch_that_finds_no_broker_expires_on_time() {
    let mut story = plain(&[("delivery.timeout.ms", "31000")]);
    story.refuse_connections = true;
    story.break_all();
    story.put(0, "x");
    story.put(0, "y");
    assert!(story.carried.is_empty(), "the leader's connection is refused");
    story.at_ms(30_999);
    assert!(story.completed.is_empty());
    story.at_ms(31_000);
    let error = ProducerError::DeliveryTimeout {
        records: 2,
        partition: TopicPartition { topic: "t".into(), partition: 0 },
        elapsed_ms: 31_000,
    };
    assert_eq!(
        error.to_string(),
        "Expiring 2 record(s) for t-0:31000 ms has passed since batch creation. The request has not been sent, or no server response has been received yet."
    );
    assert_eq!(failure(&story, 0), (error, Persistence::NotPersisted));
    assert_eq!(story.producer.memory_used(), 0);
}

#[test]
fn a_refused_connection_is_tried_again_with_growing_pauses() {
    // One that asks for no producer id, before which the sender would sleep.
    let quickly = [("enable.idempotence", "false"), ("retry.backoff.ms", "10"), ("retry.backoff.max.ms", "10")];
    let mut story = Story::new(&quickly);
    story.refuse_connections = true;
    story.settle();
    story.at_ms(5_000);
    let pauses: Vec<_> = story.dials.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    for (pause, (least, most)) in
        pauses.iter().zip([(40, 60), (80, 120), (160, 240), (320, 480), (640, 960), (800, 1_000)])
    {
        assert!((least..=most).contains(pause), "{pauses:?}");
    }
    assert!(pauses.len() >= 6);
}

#[test]
fn queued_batches_expire_before_those_in_flight_and_a_late_answer_changes_nothing() {
    let mut story = plain(&[
        ("max.in.flight.requests.per.connection", "1"),
        ("delivery.timeout.ms", "3000"),
        ("request.timeout.ms", "3000"),
    ]);
    story.at_ms(100);
    let first = story.put(0, "a");
    let second = story.put(0, "b");
    let late = story.carried[0].clone();
    story.now_us = 3_100_000;
    story.producer.handle_input(story.now(), Input::Wake);
    story.settle();
    let order: Vec<_> = story.completed.iter().map(|completion| completion.batch).collect();
    assert_eq!(order, [second, first]);
    assert_eq!(failure(&story, 0).1, Persistence::NotPersisted);
    assert_eq!(failure(&story, 1).1, Persistence::PossiblyPersisted);
    story.receive(&late, super::story::sound_answer(&late));
    assert_eq!(story.completed.len(), 2);
}

#[test]
fn an_answer_in_the_moment_of_the_deadline_comes_too_late() {
    let mut story = plain(&[("delivery.timeout.ms", "3000"), ("request.timeout.ms", "3000")]);
    story.put(0, "a");
    story.now_us = 2_999_999;
    let in_time = story.clone();
    story.now_us = 3_000_000;
    story.store(7);
    assert!(matches!(failure(&story, 0), (ProducerError::DeliveryTimeout { .. }, Persistence::PossiblyPersisted)));
    let mut story = in_time;
    story.store(7);
    assert_eq!(story.completed[0].result, stored(7));
}

#[test]
fn a_batch_that_expires_in_flight_keeps_its_memory_until_the_answer() {
    let mut story = Story::new(&[
        ("delivery.timeout.ms", "2000"),
        ("request.timeout.ms", "1900"),
        ("retry.backoff.ms", "1"),
        ("linger.ms", "0"),
    ])
    .started();
    story.put(0, "a");
    story.at_ms(1_500);
    story.refuse(ErrorCode::NOT_ENOUGH_REPLICAS);
    story.at_ms(1_600);
    assert_eq!(story.carried_values(), ["a"], "a second attempt");
    story.at_ms(2_000);
    assert!(matches!(failure(&story, 0), (ProducerError::DeliveryTimeout { .. }, Persistence::PossiblyPersisted)));
    assert_eq!(story.producer.memory_used(), 16_384);
    story.store(5);
    assert_eq!(story.completed.len(), 1, "one fate only");
    assert_eq!(story.producer.memory_used(), 0);
}

#[test]
fn a_new_leader_named_in_the_refusal_gets_the_batch_without_a_pause() {
    let mut story = Story::with(2, 1, &[("linger.ms", "0")]).started();
    story.put(0, "a");
    assert_eq!(story.carried[0].node, NodeId(1));
    story.led[0] = (2, 1);
    story.refuse_with_leader(ErrorCode::NOT_LEADER_OR_FOLLOWER, 2, 1);
    assert_eq!((story.now_ms(), story.carried[0].node), (0, NodeId(2)));
    assert_eq!(story.carried[0].batches(), [(0, vec!["a".to_owned()], 0, 0)], "the same sequence");
}

/// Row 70: a tag that names an unknown broker, or nothing new.
#[test]
fn a_new_leader_must_be_known_and_newer() {
    let mut story = Story::with(2, 1, &[("linger.ms", "0")]).started();
    story.put(0, "a");
    story.refuse_with_leader(ErrorCode::NOT_LEADER_OR_FOLLOWER, 9, 5);
    assert!(story.carried.is_empty(), "broker 9 has no address");
    story.at_ms(300);
    story.refuse_with_leader(ErrorCode::NOT_LEADER_OR_FOLLOWER, 2, 0);
    story.at_ms(900);
    assert_eq!(story.carried[0].node, NodeId(1), "epoch 0 is not news");
}

#[test]
fn a_moved_leader_is_found_by_asking() {
    let mut story = Story::with(2, 1, &[("linger.ms", "0")]).started();
    story.at_ms(1_000);
    story.put(0, "a");
    let asked = story.asked.len();
    story.led[0] = (2, 1);
    story.refuse(ErrorCode::NOT_LEADER_OR_FOLLOWER);
    assert!(story.asked[asked..].contains(&"Metadata"));
    assert_eq!(story.carried[0].node, NodeId(2), "a leader epoch not seen before ends the pause");
}

/// Row 67: an epoch that goes back.
#[test]
fn leader_epochs_do_not_go_back() {
    let mut story = Story::with(2, 1, &[("linger.ms", "0"), ("metadata.max.age.ms", "1000")]);
    story.led[0] = (2, 4);
    let mut story = story.started();
    story.led[0] = (1, 3);
    story.at_ms(1_500);
    story.put(0, "a");
    assert_eq!(story.carried[0].node, NodeId(2), "the answer came from a broker that lags behind");
}

#[test]
fn a_topic_that_was_made_anew_counts_its_leader_epochs_anew() {
    let mut story = Story::with(2, 1, &[("linger.ms", "0"), ("metadata.max.age.ms", "1000")]);
    story.led[0] = (2, 4);
    let mut story = story.started();
    (story.topic_id, story.led[0]) = (TopicId([8; 16]), (1, 0));
    story.at_ms(1_500);
    story.put(0, "a");
    assert_eq!(story.carried[0].node, NodeId(1));
}

#[test]
fn a_partition_without_a_leader_waits_for_one() {
    let mut story = Story::with(2, 1, &[("linger.ms", "0")]);
    story.led[0] = (-1, 0);
    let mut story = story.started();
    story.put(0, "a");
    story.at_ms(2_000);
    assert!(story.carried.is_empty());
    story.led[0] = (2, 1);
    story.at_ms(4_000);
    assert_eq!(story.carried[0].node, NodeId(2));
}

/// Row 74: one of a few.
#[test]
fn the_record_at_fault_is_named_and_the_others_share_its_fate() {
    let mut story = plain(&[("linger.ms", "5")]);
    for value in ["a", "b", "c"] {
        story.put(0, value);
    }
    story.at_ms(5);
    story.reply(|told| {
        told.error = ErrorCode::INVALID_TIMESTAMP;
        told.record_errors = vec![RecordError { batch_index: 1, message: Some("too late".into()) }];
    });
    let failure = story.completed[0].result.clone().expect_err("refused");
    assert_eq!(failure.error, ProducerError::BatchContainedInvalidRecords);
    let named = ProducerError::Broker { code: ErrorCode::INVALID_TIMESTAMP, message: Some("too late".into()) };
    assert_eq!(failure.record_errors, [(1, named)]);
}

#[test]
fn several_records_at_fault_are_all_invalid_records() {
    let mut story = plain(&[]);
    story.put(0, "a");
    story.reply(|told| {
        told.error = ErrorCode::INVALID_TIMESTAMP;
        told.error_message = Some("see records".into());
        told.record_errors = [2, 0].map(|batch_index| RecordError { batch_index, message: None }).to_vec();
    });
    let failure = story.completed[0].result.clone().expect_err("refused");
    let named = ProducerError::Broker { code: ErrorCode::INVALID_RECORD, message: Some("see records".into()) };
    assert_eq!(failure.record_errors, [(0, named.clone()), (2, named)]);
}

#[test]
fn one_record_too_large_for_the_broker_fails() {
    let mut story = plain(&[]);
    story.put(0, "a");
    story.refuse(ErrorCode::MESSAGE_TOO_LARGE);
    assert_eq!(failure(&story, 0).0.java_class(), "RecordTooLargeException");
}

#[test]
fn log_append_time_is_told_for_the_whole_batch() {
    let mut story = plain(&[]);
    story.put(0, "a");
    story.reply(|told| told.log_append_time_ms = 1_700_000_000_123);
    let stored = story.completed[0].result.clone().expect("stored");
    assert_eq!(stored.log_append_time_ms, Some(1_700_000_000_123));
}

/// Row 75: 2³¹−1 ms among them.
#[test]
fn a_broker_that_asks_for_a_pause_gets_it_up_to_a_minute() {
    let mut story = plain(&[]);
    for (throttle_time_ms, pause) in [(500, 500), (i32::MAX, 60_000)] {
        story.put(0, "a");
        story.throttle(throttle_time_ms);
        let muted_at = story.now_ms();
        story.put(0, "b");
        assert!(story.carried.is_empty());
        assert_eq!(story.wait, (Some((muted_at + pause) * 1_000), WaitReason::Throttle));
        story.at_ms(muted_at + pause);
        assert_eq!(story.carried_values(), ["b"]);
        story.store(1);
    }
}

#[test]
fn a_pause_outlives_its_connection() {
    let mut story = plain(&[]);
    story.put(0, "a");
    let carried = story.carried.remove(0);
    let mut response = super::story::sound_answer(&carried);
    response.throttle_time_ms = 5_000;
    story.receive(&carried, response);
    story.break_connection(&carried);
    story.put(0, "b");
    story.at_ms(4_999);
    assert!(story.carried.is_empty());
    story.at_ms(5_000);
    assert_eq!(story.carried_values(), ["b"]);
}

#[test]
fn a_connection_that_never_stands_is_given_up() {
    use crate::config::ProducerConfig;
    use crate::io::Output;
    use crate::producer::Producer;
    use crate::time::Now;
    use crate::trace::Nobody;
    let boot = crate::ids::BrokerAddress { host: "silent".into(), port: 1 };
    let (config, _) = ProducerConfig::from_properties([("enable.idempotence", "false"), ("retry.backoff.ms", "10")])
        .expect("accepted");
    let mut producer = Producer::new(config.into(), vec![boot], 1, Nobody);
    let now = |ms: u64| Now { elapsed_us: ms * 1_000, wall_ms: 0 };
    let Output::Connect { connection, .. } = producer.poll_output(now(0)) else { panic!("connects first") };
    let Output::Wait { until: Some(until), why: WaitReason::ConnectTimeout } = producer.poll_output(now(0)) else {
        panic!("waits for the connection")
    };
    let patience = until.as_micros().div_ceil(1_000);
    assert!((8_001..=12_001).contains(&patience), "{patience}");
    producer.handle_input(now(patience), Input::Wake);
    assert_eq!(producer.poll_output(now(patience)), Output::Close { connection });
    // A late word about it is not heard.
    producer.handle_input(now(patience), Input::Connected { connection });
    assert!(matches!(producer.poll_output(now(patience)), Output::Wait { until: Some(_), .. }));
}

#[test]
fn sends_go_on_while_a_topic_is_looked_for() {
    let mut story = plain(&[]);
    story.put(0, "a");
    story.hold_questions = true;
    let mut attempt = crate::producer::SendAttempt::default();
    let other = crate::record::Record { topic: "other", ..record(0, "x") };
    assert!(story.try_send(&mut attempt, &other).is_err());
    story.put(0, "b");
    assert_eq!(story.carried_values(), ["a", "b"]);
}
