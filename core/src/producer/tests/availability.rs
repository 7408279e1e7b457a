//! Brokers that take nothing, and records that may go elsewhere (`partitioner.availability.timeout.ms`, KIP-794).

use super::story::{Story, record};
use crate::record::Record;

/// Two partitions led by two brokers, two requests to each; every record is a batch.
fn story(timeout_ms: &'static str) -> Story {
    let properties = [
        ("partitioner.availability.timeout.ms", timeout_ms),
        ("max.in.flight.requests.per.connection", "2"),
        ("batch.size", "0"),
        ("linger.ms", "0"),
    ];
    Story::with(2, 2, &properties).started()
}

/// Of so many records without a key or a partition, those that go to partition 0.
fn sent_to_the_first(story: &mut Story, records: usize) -> usize {
    let anywhere = Record { partition: None, ..record(0, "any") };
    let places = (0..records).map(|_| story.send(&anywhere).expect("taken").partition).collect::<Vec<_>>();
    places.into_iter().filter(|&partition| partition == 0).count()
}

/// Broker 1 has two requests that it does not answer and something more to get; broker 2 takes what there is.
fn while_broker_1_takes_nothing(timeout_ms: &'static str, for_ms: u64) -> Story {
    let mut story = story(timeout_ms);
    for value in ["out", "out", "waits"] {
        story.put(0, value);
    }
    for ms in (10..=for_ms).step_by(10) {
        story.at_ms(ms);
        story.put(1, "taken");
        story.carried.rotate_right(1);
        story.store(0);
    }
    story
}

#[test]
fn a_partition_whose_broker_takes_nothing_for_longer_than_the_timeout_is_not_drawn() {
    assert_eq!(sent_to_the_first(&mut while_broker_1_takes_nothing("50", 100), 40), 0);
    // Its queue is the shorter one before long, which makes it the likelier one.
    let without_timeout = sent_to_the_first(&mut while_broker_1_takes_nothing("0", 100), 40);
    assert!(without_timeout >= 10, "{without_timeout}");
    let not_yet = sent_to_the_first(&mut while_broker_1_takes_nothing("200", 100), 40);
    assert_eq!(not_yet, without_timeout, "100 ms are no reason when the timeout is 200");
}

#[test]
fn it_is_drawn_again_when_its_broker_takes_something() {
    let mut story = while_broker_1_takes_nothing("50", 100);
    story.store(0);
    assert_eq!(story.carried_values(), ["out", "waits"]);
    assert!(sent_to_the_first(&mut story, 40) >= 10);
}
