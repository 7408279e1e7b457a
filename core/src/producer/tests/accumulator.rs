//! How batches fill, when they leave and with whom, told from outside of the accumulator.

use core::time::Duration;

use super::story::{Carried, Story, record};
use crate::config::ProducerConfig;
use crate::error::{ErrorCode, ProducerError};
use crate::ids::NodeId;
use crate::io::WaitReason;
use crate::producer::SendAttempt;
use crate::producer::topics::{PartitionRef, TopicIndex};
use crate::record::Record;
use crate::record_batch::{BATCH_OVERHEAD, BatchView};

const KEY: &[u8] = b"key";
const VALUE: &[u8] = b"value";

/// A record as Kafka's test sends it, to a partition or to whichever is chosen.
fn keyed(partition: i32) -> Record<'static> {
    Record { timestamp_ms: Some(0), key: Some(KEY), value: Some(VALUE), ..record(partition, "") }
}

fn put(story: &mut Story, partition: i32) {
    story.send(&keyed(partition)).expect("taken");
}

/// Sends a record without a key, without running the sender. Returns its partition.
fn put_anywhere(story: &mut Story, value: &[u8]) -> i32 {
    let wanted = Record { partition: None, value: Some(value), ..record(0, "") };
    let mut attempt = SendAttempt::default();
    story.producer.send(story.now(), &mut attempt, &wanted).expect("taken").partition
}

fn partitions(carried: &Carried) -> Vec<i32> {
    carried.batches().into_iter().map(|(partition, ..)| partition).collect()
}

/// What is out is stored, all of it before anything else is sent.
fn store_all(story: &mut Story) {
    let out = core::mem::take(&mut story.carried);
    for carried in out {
        story.receive(&carried, super::story::sound_answer(&carried));
    }
}

fn wait_out(story: &mut Story, pause_ms: u64) {
    let later = story.now_ms() + pause_ms;
    story.at_ms(later);
}

/// Bytes of a record as Kafka counts them: length, attributes, time, place, key, value, headers.
fn record_bytes(place: usize) -> usize {
    let body = 1 + 1 + if place < 64 { 1 } else { 2 } + 1 + KEY.len() + 1 + VALUE.len() + 1;
    1 + body
}

/// How many records fit into so many bytes.
fn records_in(bytes: usize) -> usize {
    let mut size = 0;
    (0..)
        .find(|&place| {
            size += record_bytes(place);
            size > bytes
        })
        .expect("some do not")
}

/// Mirrors `RecordAccumulatorTest.testDrainBatches`: a request with room for one batch takes that of the first
/// partition of its broker, the next one that of the second, then the first again; a muted partition is passed over;
/// and without a limit all partitions of a broker go. Of this topic's partitions the Java client's map has 1 before 0, and 3
/// before 2.
#[test]
fn a_request_that_is_full_is_followed_by_one_that_begins_with_the_next_partition() {
    // Broker 1 leads partitions 0 and 1, broker 2 leads 2 and 3; a request holds one batch.
    let in_flight = ("max.in.flight.requests.per.connection", "1");
    let size = ("max.request.size", "140");
    let mut story = Story::with(2, 4, &[("batch.size", "66"), ("linger.ms", "10"), in_flight, size]);
    story.led = vec![(1, 0), (1, 0), (2, 0), (2, 0)];
    let mut story = story.started();
    for partition in 0..4 {
        put(&mut story, partition);
    }
    wait_out(&mut story, 10);
    // By broker: which of them is reached first does not matter.
    let carried = |story: &Story| {
        let mut carried: Vec<_> = story.carried.iter().map(|carried| (carried.node, partitions(carried))).collect();
        carried.sort();
        carried.into_iter().flat_map(|(_, partitions)| partitions).collect::<Vec<_>>()
    };
    assert_eq!(carried(&story), [1, 3]);
    put(&mut story, 1);
    put(&mut story, 3);
    wait_out(&mut story, 10);
    assert_eq!(carried(&story), [1, 3], "both brokers are busy");
    store_all(&mut story);
    assert_eq!(carried(&story), [0, 2], "the walk goes on where it ended");
    store_all(&mut story);
    assert_eq!(carried(&story), [1, 3], "and begins again");

    for partition in [0, 3, 2] {
        put(&mut story, partition);
    }
    wait_out(&mut story, 10);
    let last = PartitionRef { topic: TopicIndex(0), partition: 2 };
    story.producer.accumulator.mute(last, true);
    store_all(&mut story);
    assert_eq!(carried(&story), [0, 3], "2 is muted");

    for partition in [1, 0, 3] {
        put(&mut story, partition);
    }
    wait_out(&mut story, 10);
    story.producer.accumulator.mute(last, false);
    let unlimited = [("batch.size", "66"), ("linger.ms", "10"), in_flight];
    story.producer.config = ProducerConfig::from_properties(unlimited).expect("accepted").0.into();
    store_all(&mut story);
    assert_eq!(carried(&story), [1, 0, 3, 2]);
}

/// Mirrors `RecordAccumulatorTest.testFull`: a batch of 1025 bytes of records takes as many as fit without becoming
/// ready; the next record opens a second batch and makes the broker ready; the batch that leaves has exactly the first
/// records, with key and value.
#[test]
fn a_batch_takes_as_many_records_as_it_has_bytes_and_leaves_with_the_next() {
    let room = 1_025;
    let batch_size = (room + BATCH_OVERHEAD).to_string();
    let mut story = Story::new(&[("batch.size", &batch_size), ("linger.ms", "10")]).started();
    let fits = records_in(room);
    for _ in 0..fits {
        put(&mut story, 0);
        assert!(story.carried.is_empty());
    }
    put(&mut story, 0);
    assert_eq!(story.carried.len(), 1, "the last one did not fit, so the batch before it is full");
    let bytes = story.carried[0].body().topics[0].partitions[0].records.clone();
    let batch = BatchView::parse(&bytes).expect("a batch");
    let records: Vec<_> = batch.records().map(|record| record.expect("sound")).collect();
    assert_eq!(records.len(), fits);
    assert!(records.iter().all(|record| (record.key, record.value) == (Some(KEY), Some(VALUE))));
    wait_out(&mut story, 10);
    assert_eq!(story.carried[1].batches()[0].1.len(), 1, "and the other one waited for itself");
}

/// Mirrors `RecordAccumulatorTest.testNextReadyCheckDelay`: with one batch filling the next look is its linger away; a
/// batch of another broker five milliseconds later does not put that off; and when a third is full its broker is ready
/// and the next look at most the linger away.
#[test]
fn the_sender_looks_again_when_the_first_linger_is_over() {
    // Broker 1 leads partitions 0 and 1, broker 2 leads 2.
    let batch_size = (1_025 + BATCH_OVERHEAD).to_string();
    let mut story = Story::with(2, 3, &[("batch.size", &batch_size), ("linger.ms", "10")]);
    story.led = vec![(1, 0), (1, 0), (2, 0)];
    let mut story = story.started();
    let fits = records_in(1_025);
    for _ in 0..fits {
        put(&mut story, 0);
    }
    assert_eq!((story.carried.len(), story.wait), (0, (Some(10_000), WaitReason::Linger)));
    story.at_ms(5);
    for _ in 0..fits {
        put(&mut story, 2);
    }
    assert_eq!((story.carried.len(), story.wait), (0, (Some(10_000), WaitReason::Linger)), "five are left of ten");
    for _ in 0..=fits {
        put(&mut story, 1);
    }
    assert!(!story.carried.is_empty() && story.carried.iter().all(|carried| carried.node == NodeId(1)));
    let (until, why) = story.wait;
    assert!(until.is_some_and(|until| until <= 15_000), "no later than the linger of partition 2");
    assert_eq!(why, WaitReason::Linger);
}

/// Mirrors `RecordAccumulatorTest.testRetryBackoff`: while a batch waits to be sent again, only the other partition of
/// its broker is drained, and after its longest pause it is drained itself.
#[test]
fn a_batch_that_backs_off_does_not_hold_up_another_partition() {
    let backoff = [("retry.backoff.ms", "1000"), ("retry.backoff.max.ms", "10000")];
    let mut story = Story::with(1, 2, &[&[("linger.ms", "10")], backoff.as_slice()].concat()).started();
    put(&mut story, 0);
    wait_out(&mut story, 11);
    assert_eq!(partitions(&story.carried[0]), [0]);
    story.refuse(ErrorCode::NOT_ENOUGH_REPLICAS);
    let refused_at = story.now_ms();
    put(&mut story, 1);
    wait_out(&mut story, 11);
    assert_eq!(story.carried.iter().map(partitions).collect::<Vec<_>>(), [[1]]);
    story.store(0);
    story.at_ms(refused_at + 1_201);
    assert_eq!(story.carried.iter().map(partitions).collect::<Vec<_>>(), [[0]], "its pause is over");
}

/// Mirrors `RecordAccumulatorTest.testExponentialRetryBackoffLeaderChange`: the pauses go on doubling when the leader
/// changes without a newer epoch, and the batch goes to the new leader when they are over.
#[test]
fn a_leader_without_an_epoch_gets_the_batch_when_its_pause_is_over() {
    // A change of leader ends a pause only if a newer epoch says so; these brokers tell none.
    let mut story = Story::with(2, 1, &[("linger.ms", "0")]);
    story.led = vec![(1, -1)];
    let mut story = story.started();
    put(&mut story, 0);
    for (least, most, leader) in [(80, 120, 1), (160, 240, 1), (320, 480, 2), (640, 1_000, 2)] {
        story.led = vec![(leader, -1)];
        story.refuse(ErrorCode::NOT_LEADER_OR_FOLLOWER);
        let refused_at = story.now_ms();
        story.at_ms(refused_at + least - 1);
        assert!(story.carried.is_empty(), "{least} to {most} ms");
        story.at_ms(refused_at + most + 1);
        assert_eq!(story.carried.iter().map(|carried| carried.node).collect::<Vec<_>>(), [NodeId(leader)]);
    }
}

/// Mirrors `RecordAccumulatorTest.testFlush`: of 100 records in three partitions nothing is ready before the flush; the
/// flush drains all of it, and nothing is undrained or incomplete when it is over.
#[test]
fn a_flush_sends_what_would_have_lingered_for_ever() {
    let mut story = Story::with(2, 3, &[("batch.size", "4157"), ("linger.ms", "2147483647")]).started();
    for number in 0..100 {
        put(&mut story, number % 3);
        assert!(story.producer.accumulator.has_incomplete());
    }
    assert!(story.carried.is_empty());
    let flush = story.producer.begin_flush(story.now());
    story.settle();
    assert!(story.producer.accumulator.has_incomplete() && !story.producer.is_flushed(&flush));
    while !story.carried.is_empty() {
        story.store(0);
    }
    assert!(story.producer.is_flushed(&flush));
    assert!(!story.producer.accumulator.has_incomplete());
    assert_eq!(story.producer.accumulator.queued(), [], "nothing is left in a queue");
}

/// Mirrors `RecordAccumulatorTest.testAbortIncompleteBatches`: with some of 100 records drained and some not, all fail
/// with the error of the forced close, and nothing is undrained or incomplete.
#[test]
fn a_close_by_force_fails_every_record_drained_or_not() {
    let mut story = Story::with(2, 3, &[("batch.size", "189"), ("linger.ms", "2147483647")]).started();
    for number in 0..100 {
        put(&mut story, number % 3);
    }
    let drained: usize = story.carried.iter().flat_map(Carried::batches).map(|(_, values, ..)| values.len()).sum();
    assert!(drained > 0 && drained < 100, "{drained}");
    assert!(story.completed.is_empty());
    story.producer.close(story.now(), Some(Duration::ZERO));
    story.settle();
    let failed: u32 = story
        .completed
        .iter()
        .map(|done| {
            let error = &done.result.as_ref().expect_err("closed").error;
            assert_eq!((error, &*error.to_string()), (&ProducerError::ForceClosed, "Producer is closed forcefully."));
            done.record_count
        })
        .sum();
    assert_eq!(failed, 100);
    assert!(!story.producer.accumulator.has_incomplete());
    assert_eq!(story.producer.accumulator.queued(), []);
}

/// Mirrors `ProducerBatchTest.testBatchAbort`: the records of an aborted batch fail once with the error of the abort,
/// and an answer that comes later is ignored.
/// Mirrors `ProducerBatchTest.testBatchCannotAbortTwice`: aborting again tells nobody a second time and does not change
/// the error.
#[test]
fn a_batch_that_is_given_up_hears_of_it_once() {
    let mut story = Story::new(&[("linger.ms", "0")]).started();
    put(&mut story, 0);
    let late = story.carried[0].clone();
    for _ in 0..2 {
        story.producer.close(story.now(), Some(Duration::ZERO));
        story.settle();
    }
    story.receive(&late, super::story::sound_answer(&late));
    let fates: Vec<_> = story.completed.iter().map(|done| done.result.clone().map_err(|why| why.error)).collect();
    assert_eq!(fates, [Err(ProducerError::ForceClosed)]);
}

/// Mirrors `ProducerBatchTest.testBatchCannotCompleteTwice`: a batch stored at offset 500 with the append time 10 keeps
/// both, whatever a second answer says.
#[test]
fn a_batch_that_is_stored_is_stored_once() {
    let mut story = Story::new(&[("linger.ms", "0")]).started();
    put(&mut story, 0);
    let answered = story.reply(|told| (told.base_offset, told.log_append_time_ms) = (500, 10));
    let mut again = super::story::sound_answer(&answered);
    again.topics[0].partitions[0].base_offset = 1_000;
    again.topics[0].partitions[0].log_append_time_ms = 20;
    story.receive(&answered, again);
    let fates: Vec<_> = story.completed.iter().map(|done| done.result.clone().expect("stored")).collect();
    assert_eq!(fates.len(), 1);
    assert_eq!((fates[0].base_offset, fates[0].log_append_time_ms), (500, Some(10)));
}

/// Mirrors `RecordAccumulatorTest.testSoonToExpireBatchesArePickedUpForExpiry`: nothing is drained at once, one batch
/// after its linger, and the next one after that, though by then its expiry is near.
#[test]
fn batches_leave_when_their_linger_is_over_one_after_the_other() {
    let mut story = Story::with(1, 2, &[("linger.ms", "500"), ("delivery.timeout.ms", "30500")]).started();
    put(&mut story, 0);
    assert!(story.carried.is_empty());
    wait_out(&mut story, 501);
    assert_eq!(story.carried.len(), 1);
    put(&mut story, 1);
    wait_out(&mut story, 2_000);
    assert_eq!(story.carried.iter().map(partitions).collect::<Vec<_>>(), [[0], [1]]);
}

/// Mirrors `RecordAccumulatorTest.testUniformBuiltInPartitioner`: a small and a large record share the first partition
/// drawn, for its batch has room when the limit is passed; each large record after them completes a batch and goes to
/// the next one drawn.
#[test]
fn records_without_a_key_change_the_partition_with_the_first_batch_they_fill() {
    let mut story = Story::with(2, 3, &[("batch.size", "1024"), ("linger.ms", "0")]).started();
    let mut draws = story.producer.chance.partitioner.clone();
    let drawn = [0; 4].map(|_| i32::try_from(draws.below(3)).expect("small"));
    let (small, large) = (VALUE, [0; 1_024]);
    let chosen: Vec<_> = [small, &large, &large, &large, &large].map(|value| put_anywhere(&mut story, value)).to_vec();
    // The first batch had room when the limit was passed, so its partition stays until it is full.
    assert_eq!(chosen, [drawn[0], drawn[0], drawn[1], drawn[2], drawn[3]]);
    let mut unused = story.producer.chance.partitioner.clone();
    assert_eq!(unused.below(1 << 32), draws.below(1 << 32), "four draws, and no other");
}

/// Two brokers, of which the first leads partitions 0 and 1 and is not reached any more.
fn story_of_queues() -> Story {
    let properties = [
        ("partitioner.availability.timeout.ms", "100"),
        ("partitioner.adaptive.partitioning.enable", "true"),
        ("batch.size", "128"),
        ("linger.ms", "0"),
    ];
    let mut story = Story::with(2, 3, &properties);
    story.led = vec![(1, 0), (1, 0), (2, 0)];
    story.started()
}

/// Mirrors `RecordAccumulatorTest.testAdaptiveBuiltInPartitioner`: queues of 1, 7 and 2 batches are chosen 7, 1 and 6
/// times of 14; and partitions of a broker that has taken nothing for longer than the availability timeout are not
/// switched to.
#[test]
fn short_queues_are_chosen_more_often_and_brokers_that_take_nothing_never() {
    let mut story = story_of_queues();
    let large = [0; 128];
    for (partition, length) in [(0, 1), (1, 7), (2, 2)] {
        for _ in 0..length {
            let wanted = Record { value: Some(&large), ..record(partition, "") };
            let mut attempt = SendAttempt::default();
            story.producer.send(story.now(), &mut attempt, &wanted).expect("taken");
        }
    }
    story.refuse_connections = true;
    story.settle();
    let weights = story.producer.accumulator.weights(TopicIndex(0));
    let mut times = [0; 3];
    for drawn in 0..14 {
        times[usize::try_from(weights.at(drawn).expect("below the sum")).expect("a partition")] += 1;
    }
    assert_eq!(times, [8 - 1, 8 - 7, 8 - 2]);

    // Broker 1 has had something to get for longer than 100 ms; broker 2 has taken what there was.
    let mut story = story_of_queues();
    for partition in 0..3 {
        put(&mut story, partition);
    }
    let silent = |carried: &Carried| carried.node == NodeId(1);
    for _ in 0..20 {
        put(&mut story, 0);
        put(&mut story, 1);
        let answered: Vec<_> = story.carried.iter().filter(|carried| !silent(carried)).cloned().collect();
        story.carried.retain(silent);
        for carried in answered {
            story.receive(&carried, super::story::sound_answer(&carried));
        }
        wait_out(&mut story, 10);
    }
    put_anywhere(&mut story, &large);
    let chosen: Vec<_> = (0..10).map(|_| put_anywhere(&mut story, &large)).collect();
    assert_eq!(chosen, [2; 10]);
}

/// Mirrors `RecordAccumulatorTest.testBuiltInPartitionerFractionalBatches`: ten times two thirds of batch.size without
/// a key, each followed by the end of the linger, leave as one batch of more than half and less than all of batch.size.
#[test]
fn batches_that_linger_are_not_broken_up_by_the_choice_of_partitions() {
    let (batch_size, value) = (512, [0; 32]);
    let mut story = Story::with(1, 3, &[("batch.size", "512"), ("linger.ms", "10")]).started();
    for _ in 0..10 {
        for _ in 0..batch_size * 2 / 3 / value.len() {
            put_anywhere(&mut story, &value);
        }
        story.settle();
        wait_out(&mut story, 10);
        let batches: Vec<_> = story.carried[0].body().topics.iter().flat_map(|topic| &topic.partitions).collect();
        assert_eq!((story.carried.len(), batches.len()), (1, 1));
        let bytes = batches[0].records.len();
        assert!(bytes > batch_size / 2 && bytes < batch_size, "{bytes}");
        story.store(0);
    }
}

/// Mirrors `RecordAccumulatorTest.testDrainWithANodeThatDoesntHostAnyPartitions`: a broker without partitions is given
/// no batches.
#[test]
fn a_broker_that_leads_nothing_gets_nothing() {
    let mut story = Story::with(2, 1, &[("linger.ms", "10")]).started();
    put(&mut story, 0);
    wait_out(&mut story, 10);
    assert_eq!(story.carried.iter().map(|carried| carried.node).collect::<Vec<_>>(), [NodeId(1)]);
}
