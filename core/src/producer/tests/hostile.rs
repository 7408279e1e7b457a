//! Brokers that answer nonsense: never a panic, never a false success, one fate per batch.

use core::error::Error as _;
use std::sync::Arc;

use super::story::{Story, failed, record, sound_answer};
use crate::error::{ErrorCode, ProducerError};
use crate::ids::{ConnectionId, CorrelationId, NodeId, TopicId};
use crate::io::{DisconnectReason, Input, OutgoingRequest, Stored};
use crate::producer::{SendAttempt, SendRefusal};
use crate::protocol::{
    ApiKey, ApiVersionRange, ApiVersionsResponse, MetadataBroker, MetadataPartition, MetadataResponse, MetadataTopic,
    ProduceResponse, ProduceTopicResponse, Request, Response,
};
use crate::record::Record;

fn started() -> Story {
    Story::with(1, 2, &[("linger.ms", "0")]).started()
}

/// Sends one batch, lets `spoil` change a sound answer to it, and expects it to be sent again with the same sequence.
fn is_asked_again(spoil: impl Fn(&mut ProduceResponse)) {
    let mut story = started();
    story.put(0, "a");
    let first = story.carried.remove(0);
    let mut response = sound_answer(&first);
    spoil(&mut response);
    story.receive(&first, response);
    assert!(story.completed.is_empty());
    story.at_ms(2_000);
    assert_eq!(story.carried[0].batches(), first.batches());
    story.store(5);
    let results: Vec<_> = story.completed.iter().map(|completion| completion.result.clone()).collect();
    assert_eq!(results, [Ok(Stored { base_offset: 5, log_append_time_ms: None })], "one result");
}

/// Row 68: our partition is not in it.
#[test]
fn an_answer_without_our_partition_leaves_its_fate_open() {
    is_asked_again(|response| response.topics.clear());
    is_asked_again(|response| response.topics[0].partitions.clear());
}

/// Row 68: our partition is in it twice.
#[test]
fn an_answer_with_our_partition_twice_is_not_believed() {
    is_asked_again(|response| {
        let told = response.topics[0].partitions[0].clone();
        response.topics[0].partitions.push(told);
    });
}

/// Row 68: a partition is in it that was not asked about.
#[test]
fn an_answer_about_a_foreign_partition_is_not_believed() {
    is_asked_again(|response| {
        let mut told = response.topics[0].partitions[0].clone();
        told.partition = 1;
        response.topics[0].partitions.push(told);
    });
    is_asked_again(|response| {
        response.topics.push(ProduceTopicResponse { id: TopicId([9; 16]), ..response.topics[0].clone() });
    });
    is_asked_again(|response| response.topics[0].partitions[0].partition = i32::MIN);
}

/// Row 69: base offset −1 and no error.
#[test]
fn an_offset_is_reported_as_told_and_never_invented() {
    let mut story = started();
    story.put(0, "a");
    story.store(-1);
    assert_eq!(story.completed[0].result, Ok(Stored { base_offset: -1, log_append_time_ms: None }));
}

/// Row 65: a correlation id that no question has.
#[test]
fn a_wrong_correlation_id_cuts_the_connection_and_keeps_the_sequences() {
    let mut story = started();
    story.put(0, "a");
    let first = story.carried.remove(0);
    let correlation = CorrelationId(first.request.header.correlation.0 + 1);
    let response = Response::Produce(sound_answer(&first));
    story.input(Input::Received { connection: first.connection, correlation, response });
    assert_eq!(story.closed, [first.connection]);
    // The right answer, too late, on a connection that is no more.
    story.receive(&first, sound_answer(&first));
    assert!(story.completed.is_empty());
    story.at_ms(2_000);
    assert_eq!(story.carried[0].batches(), first.batches());
}

/// Row 65: the right correlation id, and an answer to something else.
#[test]
fn an_answer_of_another_kind_cuts_the_connection() {
    let mut story = started();
    story.put(0, "a");
    let first = story.carried.remove(0);
    let correlation = first.request.header.correlation;
    let response = Response::Metadata(MetadataResponse::default());
    story.input(Input::Received { connection: first.connection, correlation, response });
    assert_eq!(story.closed, [first.connection]);
    story.at_ms(2_000);
    assert_eq!(story.carried.len(), 1);
}

/// Row 76: code 32000.
#[test]
fn an_error_code_nobody_knows_fails_with_its_number() {
    let mut story = Story::new(&[("linger.ms", "0"), ("enable.idempotence", "false")]).started();
    story.put(0, "a");
    story.refuse(ErrorCode(32_000));
    let failure = story.completed[0].result.clone().expect_err("failed");
    assert_eq!(failure.error, ProducerError::Broker { code: ErrorCode(32_000), message: None });
    assert_eq!(failure.error.java_class(), "UnknownServerException");
}

#[test]
fn inputs_about_connections_that_never_were_are_ignored() {
    let mut story = started();
    let connection = ConnectionId(99);
    let correlation = CorrelationId(0);
    story.input(Input::Connected { connection });
    story.input(Input::Written { connection, correlation });
    let response = Response::Metadata(MetadataResponse::default());
    story.input(Input::Received { connection, correlation, response });
    story.input(Input::Disconnected { connection, why: DisconnectReason::ClosedByPeer });
    story.put(0, "a");
    story.store(1);
    assert_eq!(story.completed.len(), 1);
}

fn answer_versions(story: &mut Story, error: ErrorCode, ranges: &[(ApiKey, i16, i16)]) -> OutgoingRequest {
    let (connection, request) = story.questions.pop_front().expect("asked");
    assert!(matches!(request.body, Request::ApiVersions(_)));
    let api_keys = ranges.iter().map(|&(api, min, max)| ApiVersionRange { api_key: api.code(), min, max }).collect();
    let response = Response::ApiVersions(ApiVersionsResponse { error, api_keys, ..ApiVersionsResponse::default() });
    story.input(Input::Received { connection, correlation: request.header.correlation, response });
    request
}

fn asked_versions() -> Story {
    let mut story = Story::new(&[("max.block.ms", "500"), ("linger.ms", "0")]);
    story.hold_questions = true;
    story.settle();
    story
}

/// Row 66: a broker that knows an older ApiVersions, or says nothing of it.
#[test]
fn an_older_broker_is_asked_in_the_version_it_names() {
    let mut story = asked_versions();
    let first = answer_versions(&mut story, ErrorCode::UNSUPPORTED_VERSION, &[(ApiKey::ApiVersions, 0, 2)]);
    assert_eq!(first.header.version, 4);
    let second = answer_versions(&mut story, ErrorCode::UNSUPPORTED_VERSION, &[]);
    assert_eq!(second.header.version, 2);
    assert_eq!(story.questions[0].1.header.version, 0, "without a hint, the oldest");
}

/// Row 66: a hint that leads round in a circle.
#[test]
fn a_hint_that_is_not_lower_ends_the_connection() {
    let mut story = asked_versions();
    answer_versions(&mut story, ErrorCode::UNSUPPORTED_VERSION, &[(ApiKey::ApiVersions, 0, 4)]);
    assert_eq!(story.closed.len(), 1);
    assert!(story.questions.is_empty());
    assert!(story.dials.len() == 1, "not at once again");
}

/// What lies behind the error of a send that waited for metadata until now, and its own sentence.
fn refusal_and_cause(story: &mut Story) -> (String, Option<String>) {
    let Err(SendRefusal::Failed { error, .. }) = story.send(&record(0, "a")) else { panic!("metadata came") };
    (error.to_string(), error.source().map(ToString::to_string))
}

/// Row 66: whoever waits for metadata is told the Java client's sentence, and behind it what the brokers did.
#[test]
fn who_waited_for_metadata_in_vain_can_hear_why() {
    let at_once = [("max.block.ms", "0")];
    let sentence = "Topic t not present in metadata after 0 ms.".to_owned();
    let mut story = Story::new(&at_once);
    story.hold_questions = true;
    story.settle();
    assert_eq!(refusal_and_cause(&mut story), (sentence.clone(), None), "nothing was heard yet");
    answer_versions(&mut story, ErrorCode::UNSUPPORTED_VERSION, &[(ApiKey::ApiVersions, 0, 4)]);
    let cause = "node -1 gave an answer of no use: ApiVersions is refused with UNSUPPORTED_VERSION".to_owned();
    assert_eq!(refusal_and_cause(&mut story), (sentence.clone(), Some(cause)));

    story.at_ms(1_000);
    story.at_ms(31_001);
    assert_eq!(refusal_and_cause(&mut story).1.as_deref(), Some("node -1 did not answer in time"));
}

/// Row 66: an API is missing.
///
/// Mirrors `ProducerMetadataTest.testMetadataWaitAbortedOnFatalException`: whoever waits for metadata is given the
/// error that makes it impossible, here an UnsupportedVersionException.
#[test]
fn a_broker_without_metadata_is_named_as_the_reason() {
    let mut story = asked_versions();
    let mut attempt = SendAttempt::default();
    assert!(story.try_send(&mut attempt, &record(0, "a")).is_err());
    answer_versions(&mut story, ErrorCode::NONE, &[(ApiKey::Produce, 20, 30), (ApiKey::InitProducerId, 0, 1)]);
    assert_eq!(story.may_proceed, 1);
    let error = ProducerError::UnsupportedVersion { api: ApiKey::Metadata, wanted: (0, 13), supported: None };
    assert_eq!(error.to_string(), "The node does not support METADATA");
    assert_eq!(story.try_send(&mut attempt, &record(0, "a")), Err(failed(Some(0), error)));
}

/// Row 66: ranges that do not meet.
///
/// Mirrors `NetworkClientTest.testUnsupportedVersionDuringInternalMetadataRequest`: metadata that cannot be asked for
/// in a version of the broker fails with an UnsupportedVersionException.
#[test]
fn a_broker_whose_versions_begin_behind_ours_is_told_with_both_ranges() {
    let mut story = asked_versions();
    let mut attempt = SendAttempt::default();
    assert!(story.try_send(&mut attempt, &record(0, "a")).is_err());
    answer_versions(&mut story, ErrorCode::NONE, &[(ApiKey::Metadata, 20, 30), (ApiKey::InitProducerId, 0, 5)]);
    let refused = story.try_send(&mut attempt, &record(0, "a"));
    let Err(SendRefusal::Failed { error, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(error.java_class(), "UnsupportedVersionException");
    assert_eq!(
        error.to_string(),
        "The node does not support METADATA with version in range [0,13]. The supported range is [20,30]."
    );
    // `KafkaProducer.doSend` tells `maybeTransitionToErrorState`, and a producer with an id is lost with that.
    assert_eq!(story.try_send(&mut SendAttempt::default(), &record(0, "b")), Err(failed(Some(0), error)));
}

/// Row 66: brokers that do not speak Produce at all, and those that speak another one.
#[test]
fn a_broker_without_produce_ends_the_producer_and_does_not_go_round_in_circles() {
    for produce in [None, Some((ApiKey::Produce, 20, 30))] {
        let mut story = asked_versions();
        let mut attempt = SendAttempt::default();
        assert!(story.try_send(&mut attempt, &record(0, "a")).is_err());
        let mut spoken = vec![(ApiKey::Metadata, 0, 12), (ApiKey::InitProducerId, 0, 5)];
        spoken.extend(produce);
        while let Some((_, request)) = story.questions.front() {
            if matches!(request.body, Request::ApiVersions(_)) {
                answer_versions(&mut story, ErrorCode::NONE, &spoken);
            } else {
                story.answer_question();
                story.settle();
            }
            let _ = story.try_send(&mut attempt, &record(0, "a"));
        }
        assert_eq!((story.carried.len(), story.completed.len()), (0, 1), "never sent, and decided");
        let failure = story.completed[0].result.clone().expect_err("not sendable");
        assert_eq!(failure.error.java_class(), "UnsupportedVersionException");
        let asked = story.asked.len();
        story.at_ms(10_000);
        assert_eq!(story.asked.len(), asked, "nothing is left to ask");
        assert_eq!(story.send(&record(0, "b")), Err(failed(Some(0), failure.error)), "as the Java client, for good");
    }
}

fn broker(node: i32, host: &str, port: i32) -> MetadataBroker {
    MetadataBroker { node: NodeId(node), host: host.into(), port, rack: None }
}

fn led(partition: i32, leader: i32) -> MetadataPartition {
    MetadataPartition { partition, leader: NodeId(leader), ..MetadataPartition::default() }
}

fn answer(brokers: Vec<MetadataBroker>, partitions: Vec<MetadataPartition>) -> MetadataResponse {
    let topic = MetadataTopic { name: Arc::from("t"), id: TopicId([7; 16]), partitions, ..MetadataTopic::default() };
    MetadataResponse { brokers, topics: vec![topic], ..MetadataResponse::default() }
}

/// Row 67: never a success, never a panic, never a storm.
#[test]
fn metadata_that_makes_no_sense_is_waited_out() {
    let nonsense = [
        ("no brokers", answer(vec![], vec![led(0, 1)])),
        ("no partitions", answer(vec![broker(1, "b", 1)], vec![])),
        ("port 0", answer(vec![broker(1, "b", 0)], vec![led(0, 1)])),
        ("port 70000", answer(vec![broker(1, "b", 70_000)], vec![led(0, 1)])),
        ("no host", answer(vec![broker(1, "", 9_092)], vec![led(0, 1)])),
        ("a bootstrap id", answer(vec![broker(-1, "b", 9_092)], vec![led(0, -1)])),
        ("a leader nobody knows", answer(vec![broker(1, "b", 1)], vec![led(0, 9)])),
        ("a gap", answer(vec![broker(1, "b", 1)], vec![led(1, 1)])),
        ("far out", answer(vec![broker(1, "b", 1)], vec![led(i32::MAX, 1)])),
        ("negative", answer(vec![broker(1, "b", 1)], vec![led(i32::MIN, 1)])),
    ];
    for (what, nonsense) in nonsense {
        let mut story = Story::new(&[("linger.ms", "0"), ("delivery.timeout.ms", "40000")]);
        story.settle();
        story.hold_questions = true;
        let mut attempt = SendAttempt::default();
        assert!(story.try_send(&mut attempt, &record(0, "a")).is_err());
        let mut asked = 0;
        for second in 1..=20 {
            while let Some((connection, request)) = story.questions.pop_front() {
                let response = match &request.body {
                    Request::Metadata(_) => Response::Metadata(nonsense.clone()),
                    _ => {
                        story.questions.push_front((connection, request));
                        story.answer_question();
                        story.settle();
                        continue;
                    }
                };
                asked += 1;
                story.input(Input::Received { connection, correlation: request.header.correlation, response });
            }
            // Taken or not, nothing may be sent.
            let _ = story.try_send(&mut attempt, &record(0, "a"));
            assert!(story.carried.is_empty() && story.completed.is_empty(), "{what}");
            story.at_ms(second * 1_000);
        }
        assert!((2..=60).contains(&asked), "{what}: asked {asked} times");
        story.hold_questions = false;
        while !story.questions.is_empty() {
            story.answer_question();
        }
        story.settle();
        story.at_ms(30_000);
        let _ = story.try_send(&mut attempt, &record(0, "a"));
        story.at_ms(31_000);
        assert!(!story.carried.is_empty(), "{what}: heals when the answers do");
    }
}

/// Answers the questions that are held: Metadata with this, and others as a sound broker does.
fn tell(story: &mut Story, metadata: &MetadataResponse) {
    while let Some((connection, request)) = story.questions.pop_front() {
        if matches!(request.body, Request::Metadata(_)) {
            let response = Response::Metadata(metadata.clone());
            story.input(Input::Received { connection, correlation: request.header.correlation, response });
        } else {
            story.questions.push_front((connection, request));
            story.answer_question();
            story.settle();
        }
    }
}

/// Row 67: partition ids with a gap. As in the Java client, records without a key go to every partition that is led, whatever
/// its number; those with a key are spread over as many as are told; and a claimed number takes no room.
#[test]
fn partitions_with_gaps_between_them_get_records_and_a_number_far_out_costs_nothing() {
    for numbers in [&[0, 2][..], &[1], &[5], &[i32::MAX], &[0, 1 << 20, i32::MAX]] {
        let mut story = Story::new(&[("linger.ms", "0"), ("batch.size", "100"), ("max.block.ms", "3000")]);
        story.hold_questions = true;
        story.settle();
        let mut attempt = SendAttempt::default();
        let keyless = Record { partition: None, ..record(0, "a") };
        assert!(story.try_send(&mut attempt, &keyless).is_err(), "nothing is known of the topic");
        let brokers = vec![broker(1, "b", 1)];
        let told = answer(brokers, numbers.iter().map(|&number| led(number, 1)).collect());
        tell(&mut story, &told);
        let count = u32::try_from(numbers.len()).expect("a few");
        assert_eq!(story.producer.partition_count(story.now(), "t"), Some(count));
        story.try_send(&mut attempt, &keyless).expect("everything is known");
        let mut used = std::collections::BTreeSet::new();
        for _ in 0..50 {
            tell(&mut story, &told);
            story.send(&keyless).expect("appended");
            while !story.carried.is_empty() {
                used.extend(story.carried[0].batches().into_iter().map(|(partition, ..)| partition));
                story.store(0);
            }
        }
        assert_eq!(Vec::from_iter(used), numbers);
        let places = story.producer.accumulator.places();
        assert!(places <= 8, "{places} queues for {numbers:?}");
        // Below the count a record is appended, led or not; at the count it waits for metadata, told or not.
        let below = i32::try_from(count).expect("a few") - 1;
        story.send(&record(below, "below")).expect("below the count");
        let mut attempt = SendAttempt::default();
        let at_it = story.try_send(&mut attempt, &record(below + 1, "at it"));
        assert!(matches!(at_it, Err(SendRefusal::Blocked { .. })), "{at_it:?}");
    }
}

/// Row 67: two brokers with one id.
#[test]
fn two_brokers_with_one_id_and_partitions_told_twice_are_one_broker_and_one_partition() {
    let mut story = Story::new(&[("linger.ms", "0")]);
    story.hold_questions = true;
    story.settle();
    let mut attempt = SendAttempt::default();
    assert!(story.try_send(&mut attempt, &record(0, "a")).is_err(), "nothing is known of the topic");
    let twice = answer(vec![broker(1, "a", 1), broker(1, "b", 2)], vec![led(0, 1), led(0, 1)]);
    tell(&mut story, &twice);
    assert_eq!(story.producer.partition_count(story.now(), "t"), Some(1));
    story.hold_questions = false;
    story.try_send(&mut attempt, &record(0, "a")).expect("everything is known");
    assert_eq!(story.carried_values(), ["a"], "once, to one of the two");
    let to_it = story.dials.iter().filter(|(_, node)| *node == NodeId(1)).count();
    assert_eq!((to_it, story.carried[0].node), (1, NodeId(1)), "{:?}", story.dials);
    story.store(0);
    assert_eq!((story.completed.len(), story.carried.len()), (1, 0));
}

/// Row 67: the partition count shrinks.
#[test]
fn a_partition_count_that_shrinks_strands_no_batch() {
    let mut story = started();
    story.break_all();
    story.refuse_connections = true;
    story.put(1, "a");
    story.led.truncate(1);
    story.refuse_connections = false;
    story.at_ms(1_000);
    story.refuse(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    story.at_ms(10_000);
    assert!(story.carried.is_empty(), "nobody leads the partition any more");
    story.at_ms(130_000);
    assert_eq!(story.completed.len(), 1, "the delivery timeout settles it");
    assert_eq!(story.producer.memory_used(), 0);
}

/// Row 63: the connection stands, and no byte ever comes.
#[test]
fn a_broker_that_accepts_and_says_nothing_is_hung_up_on_and_dialled_again() {
    let mut story = Story::with(2, 1, &[("request.timeout.ms", "1000"), ("max.block.ms", "9000")]);
    story.hold_questions = true;
    story.settle();
    // The sender waits for it with a question as long as for an answer, and then sleeps before it looks again.
    story.at_ms(1_099);
    assert!(story.closed.is_empty());
    story.at_ms(1_100);
    assert_eq!(story.closed.len(), 1);
    story.at_ms(1_300);
    assert_eq!(story.dials.len(), 2);
}
