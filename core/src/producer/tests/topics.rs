//! A send, or a program that asks for partitions, waits for what is not known of a topic.

use core::error::Error as _;
use core::time::Duration;

use super::story::{Story, failed, record};
use crate::error::{ErrorCode, ProducerError, Surface};
use crate::producer::{SendAttempt, SendRefusal, Sent};
use crate::record::Record;

const IDEMPOTENCE: [&str; 2] = ["true", "false"];

/// How often metadata was asked for.
fn asked(story: &Story) -> usize {
    story.asked.iter().filter(|asked| **asked == "Metadata").count()
}

/// One send across its waits.
struct Sending<'r> {
    attempt: SendAttempt,
    record: Record<'r>,
}

impl<'r> Sending<'r> {
    fn of(record: Record<'r>) -> Self {
        Self { attempt: SendAttempt::default(), record }
    }

    fn once_more(&mut self, story: &mut Story) -> Result<Sent, SendRefusal> {
        story.try_send(&mut self.attempt, &self.record)
    }

    /// Tries whenever there is news, until metadata was asked for so often.
    fn until_asked(&mut self, story: &mut Story, times: usize) {
        let goal = asked(story) + times;
        while asked(story) < goal {
            assert!(matches!(self.once_more(story), Err(SendRefusal::Blocked { .. })));
            let next = story.wait.0.expect("a pause, or the age of metadata") / 1_000;
            if asked(story) < goal {
                story.at_ms(next.max(story.now_ms()));
            }
        }
    }
}

/// Fails with a timeout that goes to the record's future.
fn is_timeout(result: Result<Sent, SendRefusal>, cause: ErrorCode) {
    let Err(SendRefusal::Failed { error, .. }) = result else { panic!("{result:?}") };
    assert_eq!((error.java_class(), error.surface_in_send()), ("TimeoutException", Surface::FutureOnCaller));
    assert!(matches!(error, ProducerError::MetadataTimeout { last_error, .. } if last_error == cause), "{error:?}");
    // As the Java exception's cause (`KafkaProducer.waitOnMetadata`).
    let behind = error.source().map(ToString::to_string);
    assert_eq!(behind, (!cause.is_none()).then(|| cause.to_string()));
}

/// Mirrors `KafkaProducerTest.testMetadataFetch`: with and without idempotence, a send asks once for every answer
/// without its topic, four times here, and neither the next send nor a look at the partitions asks again.
#[test]
fn metadata_is_asked_for_until_it_has_the_topic_and_then_no_more() {
    for idempotent in IDEMPOTENCE {
        let mut story = Story::new(&[("enable.idempotence", idempotent)]);
        story.settle();
        story.topic_error = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
        let before = asked(&story);
        let mut sending = Sending::of(record(0, "a"));
        sending.until_asked(&mut story, 3);
        story.topic_error = ErrorCode::NONE;
        sending.until_asked(&mut story, 1);
        sending.once_more(&mut story).expect("known");
        assert_eq!(asked(&story), before + 4);
        story.put(0, "b");
        assert_eq!(story.producer.partition_count(story.now(), "t"), Some(1));
        story.settle();
        assert_eq!(asked(&story), before + 4);
    }
}

/// Mirrors `KafkaProducerTest.testMetadataExpiry`: with and without idempotence, a send asks for nothing while the
/// topic is known, and once when it has been dropped from the metadata.
#[test]
fn a_topic_that_was_forgotten_is_asked_for_by_the_next_send() {
    for idempotent in IDEMPOTENCE {
        let ages = [("metadata.max.idle.ms", "5000"), ("metadata.max.age.ms", "1000"), ("linger.ms", "0")];
        let mut story = Story::new(&[ages.as_slice(), &[("enable.idempotence", idempotent)]].concat()).started();
        let before = asked(&story);
        story.put(0, "a");
        assert_eq!(asked(&story), before, "it is known");
        story.store(0);
        story.at_ms(9_500);
        let before = asked(&story);
        let mut sending = Sending::of(record(0, "b"));
        sending.until_asked(&mut story, 1);
        sending.once_more(&mut story).expect("known again");
        assert_eq!(asked(&story), before + 1);
    }
}

/// Mirrors `KafkaProducerTest.testMetadataTimeoutWithMissingTopic`: with and without idempotence, four answers without
/// the topic are followed by four questions, and the end of max.block.ms by a TimeoutException in the future.
#[test]
fn a_topic_that_stays_missing_fails_the_future_when_patience_is_over() {
    for idempotent in IDEMPOTENCE {
        let mut story = Story::new(&[("enable.idempotence", idempotent), ("max.block.ms", "60000")]);
        story.settle();
        story.topic_error = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
        let mut sending = Sending::of(record(2, "a"));
        sending.until_asked(&mut story, 4);
        let late = story.now_ms() + 70_000;
        story.at_ms(late);
        is_timeout(sending.once_more(&mut story), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    }
}

/// Mirrors `KafkaProducerTest.testMetadataWithPartitionOutOfRange`: with and without idempotence, a partition beyond
/// the known ones is asked for once per answer without it, twice here, until the third one brings it.
#[test]
fn a_partition_that_is_added_later_is_found_by_asking_again() {
    for idempotent in IDEMPOTENCE {
        let mut story = Story::new(&[("enable.idempotence", idempotent)]).started();
        let before = asked(&story);
        let mut sending = Sending::of(record(2, "a"));
        sending.until_asked(&mut story, 1);
        story.led = vec![(1, 0); 3];
        sending.until_asked(&mut story, 1);
        assert_eq!(sending.once_more(&mut story).expect("there are three by now").partition, 2);
        assert_eq!(asked(&story), before + 2);
    }
}

/// Mirrors `KafkaProducerTest.testMetadataTimeoutWithPartitionOutOfRange`: with and without idempotence, four answers
/// without the partition are followed by four questions, and the end of max.block.ms by a TimeoutException in the
/// future.
#[test]
fn a_partition_that_stays_missing_fails_the_future_when_patience_is_over() {
    for idempotent in IDEMPOTENCE {
        let mut story = Story::new(&[("enable.idempotence", idempotent), ("max.block.ms", "60000")]).started();
        let mut sending = Sending::of(record(2, "a"));
        sending.until_asked(&mut story, 4);
        let late = story.now_ms() + 70_000;
        story.at_ms(late);
        is_timeout(sending.once_more(&mut story), ErrorCode::NONE);
    }
}

/// Of those who wait, the first to look at an answer is told its errors (`Metadata.clearErrorsAndMaybeThrowException`); the
/// others ask again, whatever topic they wait for (`KafkaProducer.waitOnMetadata`).
#[test]
fn who_waits_for_partitions_asks_again_after_an_answer_that_a_send_looked_at_first() {
    let mut story = Story::new(&[]);
    story.settle();
    story.topic_error = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    let mut asked_after = None;
    let mut sending = Sending::of(record(0, "a"));
    assert!(matches!(sending.once_more(&mut story), Err(SendRefusal::Blocked { .. })));
    assert_eq!(look_at_u(&mut story, &mut asked_after), None);
    assert_eq!(sending.once_more(&mut story), Err(failed(Some(0), unauthorized("t"))));
    assert_eq!(look_at_u(&mut story, &mut asked_after), None);
    assert_eq!(asked_later(&mut story), 1);
    assert_eq!(look_at_u(&mut story, &mut asked_after), Some(unauthorized("u")));
}

/// Whoever begins to wait asks, whatever was said of the topic before (`KafkaProducer.waitOnMetadata`).
#[test]
fn who_waits_for_partitions_of_a_refused_topic_anew_asks_anew() {
    let mut story = Story::new(&[]);
    story.settle();
    story.topic_error = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    for _ in 0..2 {
        let mut asked_after = None;
        assert_eq!(look_at_u(&mut story, &mut asked_after), None);
        asked_later(&mut story);
        assert_eq!(look_at_u(&mut story, &mut asked_after), Some(unauthorized("u")));
    }
}

/// One look of somebody who waits for the partitions of topic "u".
fn look_at_u(story: &mut Story, asked_after: &mut Option<u64>) -> Option<ProducerError> {
    assert_eq!(story.producer.partition_count(story.now(), "u"), None);
    let refused = story.producer.partitions_refused("u", asked_after);
    story.settle();
    refused
}

/// How often metadata is asked for in two seconds, longer than any wait between two questions.
fn asked_later(story: &mut Story) -> usize {
    let (before, later) = (asked(story), story.now_ms() + 2_000);
    story.at_ms(later);
    asked(story) - before
}

fn unauthorized(topic: &str) -> ProducerError {
    ProducerError::TopicAuthorization { topics: vec![topic.into()] }
}

/// Waits in vain for a topic of which brokers say that they do not have it; how often it was asked for in the last minute.
fn wait_in_vain(properties: &[(&str, &str)], max_block_ms: u64) -> usize {
    let mut story = Story::new(properties);
    story.settle();
    story.topic_error = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    let mut sending = Sending::of(record(0, "a"));
    let mut asked_before = 0;
    for at in (0..max_block_ms).step_by(1_000) {
        story.at_ms(at);
        if at + 60_000 <= max_block_ms {
            asked_before = asked(&story);
        }
        assert_eq!(story.producer.partition_count(story.now(), "t"), None);
        assert!(matches!(sending.once_more(&mut story), Err(SendRefusal::Blocked { .. })), "{at}");
    }
    story.at_ms(max_block_ms);
    assert_eq!(story.producer.partition_count(story.now(), "t"), None);
    is_timeout(sending.once_more(&mut story), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    asked(&story) - asked_before
}

const AGES: [(&str, &str); 4] = [
    ("retry.backoff.ms", "500"),
    ("retry.backoff.max.ms", "5000"),
    ("metadata.max.age.ms", "60000"),
    ("metadata.max.idle.ms", "60000"),
];

/// Mirrors `KafkaProducerTest.testTopicRefreshInMetadata`: a topic that is waited for longer than metadata is kept is
/// not forgotten meanwhile, and the TimeoutException in the end names UnknownTopicOrPartitionException as its cause.
#[test]
fn a_topic_that_is_waited_for_is_asked_for_to_the_end_although_nothing_is_sent_to_it() {
    let longer_than_it_is_kept = [("max.block.ms", "600000"), ("enable.idempotence", "false")];
    assert!(wait_in_vain(&[AGES.as_slice(), &longer_than_it_is_kept].concat(), 600_000) > 0);
}

/// Mirrors `KafkaProducerTest.testTopicNotExistingInMetadata`: waiting for a topic that brokers do not have ends in a
/// TimeoutException that names UnknownTopicOrPartitionException as its cause.
#[test]
fn a_topic_that_does_not_exist_is_the_cause_of_the_timeout() {
    wait_in_vain(&[AGES.as_slice(), &[("max.block.ms", "30000")]].concat(), 30_000);
}

/// Mirrors `KafkaProducerTest.testTopicExpiryInMetadata`: a topic whose partitions were known is gone after
/// metadata.max.idle.ms, and waiting for it again without an answer ends in a TimeoutException.
#[test]
fn a_topic_that_nobody_asked_about_for_long_is_waited_for_like_a_new_one() {
    let mut story = Story::new(&[AGES.as_slice(), &[("max.block.ms", "30000")]].concat()).started();
    assert_eq!(story.producer.partition_count(story.now(), "t"), Some(1));
    story.at_ms(120_000);
    story.hold_questions = true;
    let mut sending = Sending::of(record(0, "a"));
    assert!(matches!(sending.once_more(&mut story), Err(SendRefusal::Blocked { .. })));
    assert_eq!(story.producer.partition_count(story.now(), "t"), None);
    story.at_ms(150_000);
    assert_eq!(story.producer.partition_count(story.now(), "t"), None);
    is_timeout(sending.once_more(&mut story), ErrorCode::NONE);
}

/// Mirrors `KafkaProducerTest.testCloseWhenWaitingForMetadataUpdate`: a send that waits for metadata without end throws
/// a KafkaException when the producer is closed with a timeout of zero.
/// Mirrors `ProducerMetadataTest.testMetadataAwaitAfterClose`: whoever waits for metadata of a closed producer gets a
/// KafkaException.
/// Mirrors `ProducerMetadataTest.testMetadataEquivalentResponsesBackoff`: afterwards, whoever waits for metadata of a
/// closed producer gets a KafkaException.
#[test]
fn whoever_would_wait_for_ever_learns_of_the_close() {
    let mut story = Story::new(&[("max.block.ms", "9223372036854775807")]);
    story.settle();
    story.hold_questions = true;
    let mut sending = Sending::of(Record { topic: "test", ..record(0, "a") });
    assert!(matches!(sending.once_more(&mut story), Err(SendRefusal::Blocked { .. })));
    story.producer.close(story.now(), Some(Duration::ZERO));
    story.settle();
    let error = ProducerError::ClosedWhileSending;
    assert_eq!((error.java_class(), error.surface_in_send()), ("KafkaException", Surface::Thrown));
    assert_eq!(sending.once_more(&mut story), Err(failed(Some(0), error)));
}
