//! Topics that go and come back, brokers that are elsewhere from one moment to the next.

use super::story::{Carried, Story};
use crate::error::ErrorCode;
use crate::ids::{NodeId, TopicId};

fn out(story: &Story) -> Vec<(i32, Vec<String>, i32, i16)> {
    story.carried.iter().flat_map(Carried::batches).collect()
}

fn batch(value: &str, sequence: i32, epoch: i16) -> Vec<(i32, Vec<String>, i32, i16)> {
    vec![(0, vec![value.to_owned()], sequence, epoch)]
}

/// Row 67: leader −1 for ever.
#[test]
fn a_partition_that_nobody_ever_leads_is_asked_about_until_its_batch_expires() {
    let mut story = Story::with(2, 1, &[("linger.ms", "0")]);
    story.led[0] = (-1, 0);
    let mut story = story.started();
    story.put(0, "a");
    let asked = story.asked.len();
    story.at_ms(119_999);
    assert_eq!((story.carried.len(), story.completed.len()), (0, 0));
    let asked = story.asked.len() - asked;
    assert!((100..=200).contains(&asked), "{asked} questions in 120 s");
    story.at_ms(120_000);
    assert_eq!(story.completed[0].result.clone().expect_err("expired").error.java_class(), "TimeoutException");
    assert_eq!(story.producer.memory_used(), 0);
}

/// Row 78: the topic is not there for a while; its log is, and remembers the sequences.
#[test]
fn a_topic_that_vanishes_and_comes_back_goes_on_in_its_sequences() {
    let mut story = Story::new(&[("linger.ms", "0"), ("metadata.max.age.ms", "1000")]).started();
    story.put(0, "a");
    story.store(0);
    story.at_ms(1_500);
    story.put(0, "b");
    story.topic_error = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    story.refuse(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    story.at_ms(10_000);
    assert_eq!(story.carried.len(), 0, "nobody leads it");
    story.topic_error = ErrorCode::NONE;
    story.at_ms(12_000);
    assert_eq!(out(&story), batch("b", 1, 0), "sequence 0 in epoch 0 would be taken for a duplicate of a");
    story.store(1);
    story.put(0, "c");
    assert_eq!(out(&story), batch("c", 2, 0));
    story.store(2);
    assert_eq!(story.completed.iter().filter(|done| done.result.is_ok()).count(), 3);
}

/// Row 78: also when it was forgotten here in between.
#[test]
fn a_topic_forgotten_and_used_again_goes_on_in_its_sequences() {
    let idle = ("metadata.max.idle.ms", "5000");
    let mut story = Story::new(&[("linger.ms", "0"), ("metadata.max.age.ms", "1000"), idle]).started();
    story.put(0, "a");
    story.store(0);
    story.at_ms(20_000);
    assert_eq!(story.producer.partition_count(story.now(), "t"), None, "forgotten");
    story.settle();
    story.put(0, "b");
    assert_eq!(out(&story), batch("b", 1, 0));
}

/// Row 77: what was numbered for the topic of that name before keeps its number, so that a broker of the new one can see that
/// something is missing; nothing is renumbered within an epoch.
#[test]
fn a_topic_made_anew_gets_no_sequence_twice_in_one_epoch() {
    let mut story = Story::new(&[("linger.ms", "0"), ("metadata.max.age.ms", "1000")]).started();
    story.put(0, "a");
    story.store(0);
    story.put(0, "b");
    (story.topic_id, story.led[0]) = (TopicId([8; 16]), (1, 0));
    story.refuse(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    story.at_ms(3_000);
    assert_eq!(out(&story), batch("b", 1, 0));
    story.refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    story.at_ms(6_000);
    assert_eq!(out(&story), batch("b", 0, 1), "from zero in another epoch");
    story.store(0);
    assert_eq!(story.completed.len(), 2);
}

/// Row 83: every broker listens elsewhere, and only the bootstrap address knows.
#[test]
fn brokers_that_all_change_their_address_at_once_are_found_by_the_bootstrap_address() {
    let mut story = Story::with(3, 3, &[("linger.ms", "0")]).started();
    for partition in 0..3 {
        story.put(partition, "a");
    }
    let before: Vec<_> = out(&story);
    story.moved_by = 100;
    story.carried.clear();
    story.break_all();
    story.at_ms(5_000);
    assert!(story.dials.iter().skip(4).any(|&(_, node)| node == NodeId(-1)), "{:?}", story.dials);
    let mut again = out(&story);
    again.sort_unstable();
    assert_eq!(again, before, "each to its leader's new address, with its sequence");
    assert!(story.dials.len() < 40, "no storm: {:?}", story.dials);
    for offset in 0..3 {
        story.store(offset);
    }
    assert_eq!(story.completed.iter().filter(|done| done.result.is_ok()).count(), 3);
}
