//! Partitions that take turns (`RoundRobinPartitioner`).

use super::story::Story;
use crate::error::ProducerError;
use crate::producer::{SendAttempt, SendRefusal};
use crate::record::Record;
use crate::trace::BlockedOn;

const IN_TURN: (&str, &str) = ("partitioner.class", "org.apache.kafka.clients.producer.RoundRobinPartitioner");

/// As Java's map has the partitions of `t` alone.
const TURNS: [i32; 3] = [1, 0, 2];
/// Those of `other`, beside those of `t`.
const TURNS_OF_OTHER: [i32; 3] = [1, 0, 2];

fn keyed<'a>(topic: &'a str, value: &'a [u8]) -> Record<'a> {
    Record { topic, partition: None, timestamp_ms: None, key: Some(b"key"), value: Some(value), headers: &[] }
}

fn partitions(story: &mut Story, records: u32) -> Vec<i32> {
    (0..records).map(|_| story.send(&keyed("t", b"v")).expect("taken").partition).collect()
}

/// Mirrors `RoundRobinPartitionerTest.testRoundRobinWithKeyBytes`: of thirty records with one key each of three partitions
/// gets ten, whatever goes to another topic in between; the setting for keys makes no difference.
#[test]
fn every_partition_gets_its_turn_whatever_the_key_and_whatever_another_topic_gets() {
    for ignore in ["false", "true"] {
        let mut story = Story::with(3, 3, &[IN_TURN, ("partitioner.ignore.keys", ignore)]).started();
        assert!(story.producer.partition_count(story.now(), "other").is_none());
        story.settle();
        let mut times = [0; 3];
        for number in 0..30 {
            let sent = story.send(&keyed("t", b"v")).expect("taken");
            times[usize::try_from(sent.partition).expect("a partition")] += 1;
            if number % 5 == 0 {
                assert_eq!(story.send(&keyed("other", b"v")).expect("taken").partition, TURNS_OF_OTHER[number / 5 % 3]);
            }
        }
        assert_eq!(times, [10; 3]);
    }
}

/// As `KafkaProducer.doSend` has it: a record that names its partition leaves the turns alone; one that is too large, found out
/// when it has its partition, had its turn.
#[test]
fn a_record_with_a_partition_of_its_own_has_no_turn_and_one_that_is_too_large_has_had_it() {
    let mut story = Story::with(1, 3, &[IN_TURN, ("max.request.size", "200")]).started();
    assert_eq!(partitions(&mut story, 1), TURNS[..1]);
    story.put(2, "v");
    assert_eq!(partitions(&mut story, 1), TURNS[1..2]);
    let refused = story.send(&keyed("t", &[0; 200])).expect_err("too large");
    assert!(matches!(refused, SendRefusal::Failed { error: ProducerError::RecordTooLarge { .. }, .. }), "{refused:?}");
    assert_eq!(partitions(&mut story, 2), TURNS[..2]);
}

/// As in the Java client, whose `send` has its partition before it waits for memory.
#[test]
fn a_send_that_waits_for_memory_keeps_its_turn_and_others_go_on() {
    let properties = [IN_TURN, ("buffer.memory", "32768"), ("linger.ms", "1000")];
    let mut story = Story::with(1, 3, &properties).started();
    assert_eq!(partitions(&mut story, 2), TURNS[..2]);
    let mut attempt = SendAttempt::default();
    let waiting = keyed("t", b"waiting");
    let blocked = |answer: &_| matches!(answer, Err(SendRefusal::Blocked { on: BlockedOn::Memory, .. }));
    assert!(blocked(&story.try_send(&mut attempt, &waiting)));
    assert!(blocked(&story.try_send(&mut attempt, &waiting)), "still nothing");
    story.store(0);
    assert_eq!(story.try_send(&mut attempt, &waiting).expect("taken").partition, TURNS[2]);
    assert_eq!(partitions(&mut story, 1), TURNS[..1]);
}

/// What is available is asked at each record's turn.
#[test]
fn a_partition_that_loses_its_leader_loses_its_turns() {
    let mut story = Story::with(1, 3, &[IN_TURN, ("metadata.max.age.ms", "1000")]).started();
    assert_eq!(partitions(&mut story, 3), TURNS);
    story.at_ms(100);
    story.store(0);
    assert!(story.carried.is_empty());
    story.led[1].0 = -1;
    story.at_ms(1_500);
    // Three had their turn.
    assert_eq!(partitions(&mut story, 3), [2, 0, 2]);
}
