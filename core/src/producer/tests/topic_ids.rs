//! Topics by id (KIP-516), and topics that are made anew or vanish. Rows 77 and 78 of the bad inputs.

use super::story::{Story, sound_answer};
use crate::error::{ErrorCode, Persistence};
use crate::ids::TopicId;
use crate::io::Stored;
use crate::producer::ReplacedTopic;
use crate::protocol::{ApiKey, ApiVersionRange, ProduceResponse};
use crate::trace::Fact;

const OLD: TopicId = TopicId([7; 16]);
const NEW: TopicId = TopicId([8; 16]);

/// A second after all is known, so that metadata may be asked for at once.
fn started() -> Story {
    let story = Story::new(&[("linger.ms", "0"), ("retry.backoff.ms", "100"), ("retry.backoff.max.ms", "100")]);
    a_second_later(story.started())
}

fn a_second_later(mut story: Story) -> Story {
    story.at_ms(1_000);
    story
}

/// With brokers that know no topic ids in Produce.
fn by_name() -> Story {
    let mut story = Story::new(&[("linger.ms", "0"), ("retry.backoff.ms", "100"), ("retry.backoff.max.ms", "100")]);
    story.api_keys.retain(|range| range.api_key != ApiKey::Produce.code());
    story.api_keys.push(ApiVersionRange { api_key: ApiKey::Produce.code(), min: 0, max: 12 });
    a_second_later(story.started())
}

fn id_sent(story: &Story, place: usize) -> TopicId {
    story.carried[place].body().topics[0].id
}

fn stored_at(story: &Story) -> Vec<i64> {
    story.completed.iter().map(|completion| completion.result.as_ref().expect("stored").base_offset).collect()
}

/// An answer that says its topic by this id and no name.
fn under(id: TopicId, mut response: ProduceResponse) -> ProduceResponse {
    (response.topics[0].name, response.topics[0].id) = ("".into(), id);
    response
}

#[test]
fn a_topic_is_said_by_the_id_that_metadata_told() {
    let mut story = started();
    story.put(0, "a");
    assert_eq!((story.carried[0].request.header.version, id_sent(&story, 0)), (13, OLD));
    let carried = story.carried.remove(0);
    story.receive(&carried, under(OLD, sound_answer(&carried)));
    assert_eq!(stored_at(&story), [0]);
}

#[test]
fn a_broker_that_knows_no_ids_is_answered_for_by_name() {
    let mut story = by_name();
    story.put(0, "a");
    assert_eq!(story.carried[0].request.header.version, 12);
    let carried = story.carried.remove(0);
    let mut response = sound_answer(&carried);
    response.topics[0].id = TopicId::default();
    story.receive(&carried, response);
    assert_eq!(stored_at(&story), [0]);
}

/// Row 77. Flow: two batches in flight → the topic is deleted and created anew → both are unknown by their id → metadata
/// tells the new id → they go to the new topic in order, each told as a retry, with the sequences they had. That is what the
/// Java client does; and what the new topic has not seen, it cannot take for a duplicate.
#[test]
fn batches_for_a_topic_that_was_made_anew_go_to_the_new_one_and_this_is_told() {
    let mut story = started();
    story.put(0, "a");
    story.put(0, "b");
    (story.topic_id, story.led[0]) = (NEW, (1, 0));
    story.refuse(ErrorCode::UNKNOWN_TOPIC_ID);
    story.refuse(ErrorCode::UNKNOWN_TOPIC_ID);
    let is_told = |fact: &&Fact| matches!(fact, Fact::BatchRetried { error: ErrorCode::UNKNOWN_TOPIC_ID, .. });
    assert_eq!(story.facts.iter().filter(is_told).count(), 2);
    story.at_ms(2_000);
    let told = ReplacedTopic { name: "t".into(), before: OLD, id: NEW };
    assert_eq!((story.producer.take_replaced_topics(), story.producer.take_replaced_topics()), (vec![told], vec![]));
    assert_eq!((story.carried.len(), id_sent(&story, 0)), (1, NEW), "the second waits for the first");
    assert_eq!(story.carried[0].batches(), [(0, vec!["a".to_owned()], 0, 0)]);
    story.store(0);
    assert_eq!((story.carried[0].batches()[0].2, id_sent(&story, 0)), (1, NEW));
    story.store(1);
    assert_eq!(stored_at(&story), [0, 1]);
    story.put(0, "c");
    assert_eq!(story.carried[0].batches(), [(0, vec!["c".to_owned()], 2, 0)], "sequences go on");
}

/// Row 77. Flow: a batch is in flight to broker 1 → broker 2 tells the topic's new id → broker 1 answers about the old one.
#[test]
fn an_answer_is_about_the_id_that_the_batch_was_sent_to() {
    let mut story = Story::with(2, 2, &[("linger.ms", "0"), ("metadata.max.age.ms", "1000")]).started();
    story.put(0, "a");
    story.put(1, "b");
    let to_broker_2 = story.carried.remove(1);
    story.receive(&to_broker_2, sound_answer(&to_broker_2));
    let before = story.asked.len();
    story.topic_id = NEW;
    story.at_ms(1_500);
    assert!(story.asked[before..].contains(&"Metadata"), "the new id is known by now");
    story.store(0);
    assert_eq!(stored_at(&story), [0, 0]);

    story.put(0, "c");
    let carried = story.carried.remove(0);
    assert_eq!(carried.body().topics[0].id, NEW);
    story.receive(&carried, under(OLD, sound_answer(&carried)));
    assert_eq!(story.completed.len(), 2, "not ours: nobody knows what became of it");
    story.at_ms(3_000);
    assert_eq!(story.carried[0].batches(), carried.batches());
}

#[test]
fn inconsistent_ids_are_asked_about_and_tried_again() {
    for code in [ErrorCode::UNKNOWN_TOPIC_ID, ErrorCode::INCONSISTENT_TOPIC_ID] {
        let mut story = started();
        story.put(0, "a");
        let before = story.asked.len();
        story.refuse(code);
        assert_eq!(&story.asked[before..], ["Metadata"], "{code}");
        story.at_ms(2_000);
        story.store(4);
        assert_eq!(story.completed[0].result, Ok(Stored { base_offset: 4, log_append_time_ms: None }));
    }
}

/// The Java client loses such an answer, and the batch waits for its delivery deadline (named exception
/// `answers-without-an-id` of the judge of timelines).
#[test]
fn a_batch_that_went_out_without_an_id_gets_the_answer_that_has_none() {
    let mut story = Story::new(&[("linger.ms", "0"), ("retries", "1")]);
    story.topic_id = TopicId::default();
    let mut story = story.started();
    story.put(0, "a");
    assert_eq!((story.carried[0].request.header.version, id_sent(&story, 0)), (13, TopicId::default()));
    for _ in 0..2 {
        let carried = story.carried.remove(0);
        let mut response = under(TopicId::default(), sound_answer(&carried));
        response.topics[0].partitions[0].error = ErrorCode::UNKNOWN_TOPIC_ID;
        story.receive(&carried, response);
        story.at_ms(story.now_ms() + 1_500);
    }
    let failure = story.completed[0].result.clone().expect_err("no retry is left");
    assert_eq!(failure.error.java_class(), "UnknownTopicIdException");
    assert_eq!(failure.persistence, Persistence::NotPersisted);
}

/// Row 78. Flow: a batch is stored → the topic is gone from metadata, so what is sent waits → it is back, the same or another →
/// the next sequence follows, in the same epoch. Sequences from 0 would be duplicates of what is stored, and lost.
#[test]
fn a_topic_that_vanishes_and_comes_back_keeps_its_sequences() {
    for (mut story, comes_back_as) in [(started(), OLD), (started(), NEW), (by_name(), OLD), (by_name(), NEW)] {
        story.put(0, "a");
        story.store(0);
        story.put(0, "b");
        story.topic_error = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
        story.refuse(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
        story.at_ms(3_000);
        assert!(story.carried.is_empty(), "nobody leads it");
        (story.topic_error, story.topic_id) = (ErrorCode::NONE, comes_back_as);
        story.at_ms(5_000);
        let replaced = story.producer.take_replaced_topics();
        assert_eq!(replaced.len(), usize::from(comes_back_as == NEW), "told, although it was gone meanwhile");
        assert_eq!(story.carried[0].batches(), [(0, vec!["b".to_owned()], 1, 0)]);
        assert_eq!(id_sent(&story, 0), comes_back_as);
        story.store(1);
        story.put(0, "c");
        assert_eq!(story.carried[0].batches(), [(0, vec!["c".to_owned()], 2, 0)]);
    }
}
