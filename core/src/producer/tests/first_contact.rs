//! From nothing to the first acknowledged record.

use super::story::{MIDNIGHT, Story, failed, record};
use crate::error::{ErrorCode, LostConnection, ProducerError, Surface};
use crate::ids::{ConnectionId, NodeId, TopicPartition};
use crate::io::{DisconnectReason, Stored, WaitReason};
use crate::producer::{SendAttempt, SendRefusal};
use crate::record::Record;
use crate::time::Instant;
use crate::trace::{BlockedOn, Fact};

#[test]
fn a_record_finds_its_way_from_nothing_to_its_offset() {
    let mut story = Story::new(&[]);
    let mut attempt = SendAttempt::default();
    let wanted = record(0, "hello");
    let blocked = SendRefusal::Blocked { on: BlockedOn::Metadata, until: Instant::from_millis(60_000) };
    assert_eq!(story.producer.send(story.now(), &mut attempt, &wanted), Err(blocked));
    story.settle();
    assert_eq!(story.may_proceed, 1);

    story.at_ms(1);
    let sent = story.try_send(&mut attempt, &wanted).expect("known by now");
    assert_eq!((sent.partition, sent.index, sent.timestamp_ms, attempt.ordinal()), (0, 0, MIDNIGHT + 1, 0));
    assert!(story.carried.is_empty(), "the batch lingers");
    story.at_ms(6);
    assert_eq!(story.carried[0].batches(), [(0, vec!["hello".to_owned()], 0, 0)]);
    assert_eq!(story.carried[0].body().acks, -1);
    assert_eq!(story.carried[0].body().timeout_ms, 30_000);
    assert_eq!(story.carried[0].request.header.version, 13);

    story.store(41);
    let completion = &story.completed[0];
    assert_eq!((completion.batch, completion.record_count, completion.attempts), (sent.batch, 1, 1));
    assert_eq!(completion.result, Ok(Stored { base_offset: 41, log_append_time_ms: None }));
    assert_eq!(story.producer.memory_used(), 0);
}

#[test]
fn brokers_and_a_producer_id_are_asked_for_before_any_record_comes() {
    let mut story = Story::new(&[]);
    story.settle();
    assert_eq!(story.dials, [(0, NodeId(-1))], "the bootstrap address, until brokers are known");
    let mut asked = story.asked.clone();
    asked.sort_unstable();
    assert_eq!(asked, ["ApiVersions", "InitProducerId", "Metadata"]);
    assert_eq!(story.wait, (Some(300_000_000), WaitReason::MetadataRefresh));
}

#[test]
fn the_broker_is_met_again_under_its_own_id() {
    let mut story = Story::new(&[("linger.ms", "0")]).started();
    story.put(0, "a");
    assert_eq!(story.dials.iter().map(|&(_, node)| node).collect::<Vec<_>>(), [NodeId(-1), NodeId(1)]);
    assert_eq!(story.carried[0].node, NodeId(1));
}

#[test]
fn when_no_known_broker_can_be_reached_the_bootstrap_address_is_asked_again() {
    let mut story = Story::new(&[("linger.ms", "0"), ("retry.backoff.max.ms", "100")]).started();
    story.put(0, "a");
    let carried = story.carried[0].clone();
    story.at_ms(10_000);
    let asked = story.asked.len();
    story.break_connection(&carried);
    assert_eq!(story.asked[asked..], ["Metadata"], "on the connection that still stands");
    assert!(story.carried.is_empty(), "the broker itself is left alone for a while");
    story.at_ms(11_000);
    assert_eq!(story.carried_values(), ["a"]);
}

#[test]
fn when_metadata_does_not_come_for_long_the_bootstrap_address_is_asked_again() {
    let trigger = ("metadata.recovery.rebootstrap.trigger.ms", "90000");
    for (strategy, is_asked) in [("rebootstrap", true), ("none", false)] {
        let properties = [trigger, ("metadata.recovery.strategy", strategy), ("metadata.max.age.ms", "10000")];
        let mut story = Story::new(&properties).started();
        story.put(0, "a");
        story.hold_questions = true;
        story.at_ms(120_000);
        let bootstrap = ConnectionId(0);
        assert_eq!(story.questions.iter().any(|&(on, _)| on == bootstrap), is_asked, "{strategy}");
    }
}

#[test]
fn without_idempotence_no_producer_id_is_asked_for() {
    let mut story = Story::new(&[("enable.idempotence", "false"), ("linger.ms", "0")]).started();
    story.put(0, "a");
    assert!(!story.asked.contains(&"InitProducerId"));
    assert_eq!(story.carried[0].batches(), [(0, vec!["a".to_owned()], -1, -1)]);
}

/// Mirrors `ProducerMetadataTest.testMetadataUpdateWaitTime`: waiting for metadata that does not come ends with a
/// timeout when the time is over.
#[test]
fn metadata_that_never_comes_fails_the_send_after_max_block() {
    let mut story = Story::new(&[("max.block.ms", "250")]);
    story.refuse_connections = true;
    let mut attempt = SendAttempt::default();
    let until = Instant::from_millis(250);
    let blocked = SendRefusal::Blocked { on: BlockedOn::Metadata, until };
    assert_eq!(story.try_send(&mut attempt, &record(0, "a")), Err(blocked.clone()));
    story.at_ms(249);
    assert_eq!(story.try_send(&mut attempt, &record(0, "a")), Err(blocked));
    story.at_ms(250);
    let why = DisconnectReason::ConnectFailed("refused".into());
    let error = ProducerError::MetadataTimeout {
        topic: "t".into(),
        partition: None,
        max_block_ms: 250,
        last_error: ErrorCode::NONE,
        lost: Some(Box::new(LostConnection { node: NodeId(-1), why })),
    };
    assert_eq!(error.to_string(), "Topic t not present in metadata after 250 ms.");
    assert_eq!(story.try_send(&mut attempt, &record(0, "a")), Err(failed(Some(0), error)));
}

/// Mirrors `ProducerMetadataTest.testMetadataUpdateWaitTime`: waiting for metadata no time at all ends at once with a
/// timeout.
#[test]
fn max_block_zero_fails_at_once_but_the_question_goes_out() {
    let mut story = Story::new(&[("max.block.ms", "0")]);
    assert!(matches!(
        story.send(&record(0, "a")),
        Err(SendRefusal::Failed { error: ProducerError::MetadataTimeout { max_block_ms: 0, .. }, .. })
    ));
    assert!(story.send(&record(0, "a")).is_ok(), "the answer came meanwhile");
}

#[test]
fn a_partition_beyond_the_count_waits_for_it_to_grow() {
    let mut story = Story::with(1, 2, &[("max.block.ms", "1000")]).started();
    let mut attempt = SendAttempt::default();
    assert!(matches!(
        story.try_send(&mut attempt, &record(2, "a")),
        Err(SendRefusal::Blocked { on: BlockedOn::Metadata, .. })
    ));
    story.at_ms(500);
    assert!(story.try_send(&mut attempt, &record(2, "a")).is_err());
    let told = story.facts.iter().filter(|fact| matches!(fact, Fact::PartitionAwaited { .. }));
    let partition = TopicPartition { topic: "t".into(), partition: 2 };
    let until = Instant::from_millis(1_000);
    assert_eq!(
        told.collect::<Vec<_>>(),
        [&Fact::PartitionAwaited { ordinal: 0, partition, partitions: 2, until }],
        "told once, for no answer says anything else"
    );
    story.at_ms(1_000);
    let error = ProducerError::MetadataTimeout {
        topic: "t".into(),
        partition: Some((2, 2)),
        max_block_ms: 1_000,
        last_error: ErrorCode::NONE,
        lost: None,
    };
    assert_eq!(
        error.to_string(),
        "Partition 2 of topic t with partition count 2 is not present in metadata after 1000 ms."
    );
    assert_eq!(story.try_send(&mut attempt, &record(2, "a")), Err(failed(Some(2), error)));

    story.led.push((1, 0));
    assert!(story.try_send(&mut attempt, &record(2, "a")).is_err(), "not known yet");
    story.at_ms(1_900);
    assert!(story.try_send(&mut attempt, &record(2, "a")).is_ok());
}

/// Mirrors `KafkaProducerTest.testSendToInvalidTopic`: a topic that metadata calls invalid fails the future with an
/// InvalidTopicException.
#[test]
fn an_invalid_topic_name_is_the_brokers_verdict() {
    for name in ["", "topic abc"] {
        let mut story = Story::new(&[]);
        story.topic_error = ErrorCode::INVALID_TOPIC_EXCEPTION;
        let mut attempt = SendAttempt::default();
        let wanted = Record::keyed(name, b"k", b"v");
        assert!(matches!(story.try_send(&mut attempt, &wanted), Err(SendRefusal::Blocked { .. })));
        let error = ProducerError::InvalidTopic { topic: name.into() };
        assert_eq!(error.surface_in_send(), Surface::FutureOnCaller);
        assert_eq!(story.try_send(&mut attempt, &wanted), Err(failed(None, error)));
    }
}

#[test]
fn a_topic_one_may_not_see_fails_each_send_that_asked() {
    let mut story = Story::new(&[]);
    story.topic_error = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    for _ in 0..2 {
        let mut attempt = SendAttempt::default();
        assert!(matches!(story.try_send(&mut attempt, &record(0, "a")), Err(SendRefusal::Blocked { .. })));
        let later = story.now_ms() + 2_000;
        story.at_ms(later);
        let error = ProducerError::TopicAuthorization { topics: vec!["t".into()] };
        assert_eq!(story.try_send(&mut attempt, &record(0, "a")), Err(failed(Some(0), error)));
    }
}

#[test]
fn a_topic_that_does_not_exist_yet_is_asked_about_with_growing_pauses() {
    let mut story = Story::new(&[]);
    story.topic_error = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    assert!(story.send(&record(0, "a")).is_err());
    story.at_ms(10_000);
    let asked = story.asked.iter().filter(|asked| **asked == "Metadata").count();
    // 100, 200, 400, 800, then every 800 to 1000 ms.
    assert!((10..=18).contains(&asked), "{asked}");
}

/// Mirrors `ProducerRecordTest.testInvalidRecords`: a negative partition or timestamp is an IllegalArgumentException.
/// (A topic cannot be null here.)
#[test]
fn bad_arguments_fail_before_anything_else() {
    let mut story = Story::new(&[]).started();
    let failed = |result| match result {
        Err(SendRefusal::Failed { error, .. }) => error,
        other => panic!("{other:?}"),
    };
    let early = Record { timestamp_ms: Some(-1), ..record(0, "a") };
    for (wanted, error) in [
        (record(-1, "a"), ProducerError::NegativePartition(-1)),
        (record(-2, "a"), ProducerError::NegativePartition(-2)),
        (early, ProducerError::NegativeTimestamp(-1)),
        (Record { partition: Some(-1), ..early }, ProducerError::NegativeTimestamp(-1)),
    ] {
        assert_eq!(error.java_class(), "IllegalArgumentException");
        assert_eq!(failed(story.send(&wanted)), error);
    }
    let zero = Record { timestamp_ms: Some(0), ..record(0, "a") };
    assert_eq!(story.send(&zero).expect("the epoch is a time").timestamp_ms, 0);
}

#[test]
fn refused_sends_have_an_ordinal_too() {
    let mut story = Story::new(&[]).started();
    let mut ordinals = Vec::new();
    for partition in [0, -1, 0] {
        let mut attempt = SendAttempt::default();
        let _ = story.try_send(&mut attempt, &record(partition, "a"));
        ordinals.push(attempt.ordinal());
    }
    assert_eq!(ordinals, [0, 1, 2]);
}
