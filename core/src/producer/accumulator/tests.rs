use bytes::BytesMut;

use super::*;
use crate::producer::backoff::Backoff;
use crate::rng::{Purpose, Rng};

const HERE: PartitionRef = PartitionRef { topic: TopicIndex(0), partition: 0 };
const THERE: PartitionRef = PartitionRef { topic: TopicIndex(0), partition: 1 };

impl Accumulator {
    /// Batches in the queues, in no order that counts.
    pub(in super::super) fn queued(&self) -> Vec<BatchSlot> {
        self.topics.iter().flat_map(TopicQueues::iter).flat_map(|(_, queue)| queue.queue.iter().copied()).collect()
    }

    /// Batches in requests.
    pub(in super::super) fn in_flight(&self) -> Vec<BatchSlot> {
        self.topics.iter().flat_map(TopicQueues::iter).flat_map(|(_, queue)| queue.in_flight.iter().copied()).collect()
    }

    /// Places for queues, used or not.
    pub(in super::super) fn places(&self) -> usize {
        self.topics.iter().map(TopicQueues::places).sum()
    }
}

fn open(accumulator: &mut Accumulator, partition: PartitionRef) {
    accumulator.open(partition, BatchBuilder::new(BytesMut::new(), 100), 0, Instant::ZERO);
}

fn is_appended(accumulator: &mut Accumulator, partition: PartitionRef) -> bool {
    accumulator.try_append(partition, 0, |builder| builder.try_append(0, None, None, &[])).is_some()
}

/// A claimed number costs one queue, and what is beyond the others is served as they are.
#[test]
fn partitions_far_out_have_one_queue_each_and_everything_that_others_have() {
    let mut accumulator = Accumulator::new(Duration::ZERO, true);
    let far = |partition| PartitionRef { partition, ..HERE };
    let all = [HERE, far((1 << 13) - 1), far(1 << 20), far(i32::MAX)];
    for partition in all {
        assert!(accumulator.all_batches_full(partition), "there is none");
        open(&mut accumulator, partition);
        assert!(is_appended(&mut accumulator, partition));
        assert!(!accumulator.all_batches_full(partition));
    }
    assert_eq!((accumulator.places(), accumulator.queued().len()), ((1 << 13) + 2, 4));
    assert_eq!(accumulator.next_expiry(Duration::from_secs(1)), Some(Instant::from_millis(1_000)));
    accumulator.drain(all[3], Instant::ZERO, Urgency::default(), false);
    assert_eq!(accumulator.in_flight(), [BatchSlot(3)]);
    let leader = Leader { node: NodeId(1), epoch: 0 };
    assert_eq!(accumulator.drainable(all[2], Instant::ZERO, leader), Some(BatchSlot(2)));
    assert_eq!(accumulator.expire_in_flight(Instant::ZERO, Duration::ZERO), [BatchSlot(3)]);
    assert_eq!(accumulator.expire_queued(Instant::ZERO, Duration::ZERO), [0, 1, 2].map(BatchSlot));
}

#[test]
fn a_batch_that_left_its_queue_takes_no_more_records() {
    let leave: [fn(&mut Accumulator); 3] = [
        |accumulator| _ = accumulator.drain(HERE, Instant::ZERO, Urgency::default(), false),
        |accumulator| _ = accumulator.expire_queued(Instant::ZERO, Duration::ZERO),
        |accumulator| _ = accumulator.take_all(),
    ];
    for leave in leave {
        let mut accumulator = Accumulator::new(Duration::ZERO, true);
        open(&mut accumulator, HERE);
        assert!(is_appended(&mut accumulator, HERE));
        leave(&mut accumulator);
        assert!(!is_appended(&mut accumulator, HERE));
        // Its place may be another partition's by now.
        accumulator.remove(BatchSlot(0));
        open(&mut accumulator, THERE);
        assert!(!is_appended(&mut accumulator, HERE) && is_appended(&mut accumulator, THERE));
    }
}

#[test]
fn a_batch_without_room_is_asked_once_and_the_next_takes_the_record() {
    let mut accumulator = Accumulator::new(Duration::ZERO, true);
    open(&mut accumulator, HERE);
    while is_appended(&mut accumulator, HERE) {}
    assert!(accumulator.all_batches_full(HERE));
    assert!(accumulator.try_append(HERE, 0, |_| panic!("it is closed")).is_none());
    open(&mut accumulator, HERE);
    assert!(is_appended(&mut accumulator, HERE));
}

/// One broker leads every partition, under this epoch.
struct OneBroker {
    epoch: i32,
}

const BROKER: NodeId = NodeId(1);

impl OneBroker {
    fn leads(&self) -> Leader {
        Leader { node: BROKER, epoch: self.epoch }
    }
}

impl Cluster for OneBroker {
    fn leader(&self, _partition: PartitionRef) -> Option<Leader> {
        Some(self.leads())
    }

    fn partition_count(&self, _topic: TopicIndex) -> usize {
        2
    }

    fn takes_nothing(&self, _node: NodeId) -> bool {
        false
    }
}

fn ms(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

/// The accumulator by itself, with a clock and one broker.
struct Queues {
    accumulator: Accumulator,
    now_ms: u64,
    cluster: OneBroker,
    delivery_timeout: Duration,
}

impl Queues {
    fn new(linger_ms: u64, delivery_timeout_ms: u64) -> Self {
        Self {
            accumulator: Accumulator::new(Duration::from_millis(linger_ms), true),
            now_ms: 5_000,
            cluster: OneBroker { epoch: -1 },
            delivery_timeout: Duration::from_millis(delivery_timeout_ms),
        }
    }

    fn sleep(&mut self, pause_ms: u64) {
        self.now_ms += pause_ms;
    }

    /// A record for this partition: into its last batch, or a new one that takes so many bytes. Says whether it was a new one.
    fn append(&mut self, partition: PartitionRef, write_limit: usize) -> bool {
        let value = Some(&b"value"[..]);
        let key = Some(&b"key"[..]);
        let upper_bound = crate::record_batch::record_size_upper_bound(key, value, &[]);
        let append = |accumulator: &mut Accumulator| {
            accumulator.try_append(partition, upper_bound, |builder| builder.try_append(0, key, value, &[])).is_some()
        };
        if append(&mut self.accumulator) {
            return false;
        }
        self.accumulator.on_wanted(partition);
        let builder = BatchBuilder::new(BytesMut::new(), write_limit.max(upper_bound));
        self.accumulator.open(partition, builder, 0, ms(self.now_ms));
        assert!(append(&mut self.accumulator));
        true
    }

    fn is_ready_with(&mut self, urgency: Urgency) -> bool {
        self.accumulator.ready(ms(self.now_ms), urgency, &self.cluster).nodes.contains(&BROKER)
    }

    fn is_ready(&mut self) -> bool {
        self.is_ready_with(Urgency::default())
    }

    /// Drains the heads that may be drained, as a request to the broker does.
    fn drain(&mut self) -> Vec<BatchSlot> {
        let (now, leader) = (ms(self.now_ms), self.cluster.leads());
        let mut drained = Vec::new();
        for partition in [HERE, THERE] {
            if let Some(slot) = self.accumulator.drainable(partition, now, leader) {
                self.accumulator.drain(partition, now, Urgency::default(), false);
                drained.push(slot);
            }
        }
        drained
    }

    /// Puts a batch back to be sent again, as `Producer::retry` does.
    fn reenqueue(&mut self, slot: BatchSlot, pause: Duration) {
        let batch = self.accumulator.batch_mut(slot).expect("drained before");
        let partition = batch.partition;
        batch.on(BatchSignal::TryAgain);
        batch.attempts += 1;
        batch.last_attempt_at = ms(self.now_ms);
        batch.backoff_until = Some(ms(self.now_ms) + pause);
        self.accumulator.on_answered(partition, slot);
        self.accumulator.reenqueue(slot, true);
    }

    fn expired(&mut self) -> usize {
        let expired = self.accumulator.expire_queued(ms(self.now_ms), self.delivery_timeout);
        for &slot in &expired {
            self.accumulator.remove(slot);
        }
        expired.len()
    }
}

const ROOM: usize = 1_025 + crate::record_batch::BATCH_OVERHEAD;

/// Mirrors `RecordAccumulatorTest.testExpiredBatchSingle`: a batch that is ready after its linger has not expired then,
/// and has after 3200 ms, muted or not; nothing is ready any more.
/// Mirrors `RecordAccumulatorTest.testExpiredBatchSingleMaxValue`: the same with the largest delivery timeout there is,
/// 2147483647 ms.
#[test]
fn a_batch_that_waits_expires_at_its_time_whether_its_partition_is_muted_or_not() {
    let linger_ms = 300;
    for delivery_timeout_ms in [3_200, 2_147_483_647] {
        let mut queues = Queues::new(linger_ms, delivery_timeout_ms);
        for muted in [false, true] {
            queues.append(HERE, ROOM);
            assert!(!queues.is_ready());
            queues.sleep(linger_ms);
            assert!(queues.is_ready());
            assert_eq!(queues.expired(), 0, "only linger has passed");
            queues.accumulator.mute(HERE, muted);
            queues.sleep(delivery_timeout_ms - linger_ms);
            assert_eq!(queues.expired(), 1, "muted: {muted}");
            assert!(!queues.is_ready());
            queues.accumulator.mute(HERE, false);
        }
    }
}

/// Mirrors `RecordAccumulatorTest.testExpiredBatches`: a full batch and the one behind it expire after the delivery
/// timeout, muted or not, and only once; batches that were sent again or whose partition was muted for a while do not
/// expire before.
#[test]
fn batches_expire_for_their_age_alone_whatever_else_happened_to_them() {
    let (linger_ms, request_timeout_ms, retry_backoff_ms, delivery_timeout_ms) = (30, 60, 100, 3_200);
    let mut queues = Queues::new(linger_ms, delivery_timeout_ms);
    queues.append(HERE, ROOM);
    assert!(!queues.is_ready());
    while !queues.append(HERE, ROOM) {}
    assert!(queues.is_ready(), "the first one is full");
    queues.sleep(delivery_timeout_ms + 1);
    queues.accumulator.mute(HERE, true);
    assert_eq!(queues.expired(), 2, "muted or not");
    queues.accumulator.mute(HERE, false);
    assert_eq!(queues.expired(), 0);
    assert!(!queues.is_ready());
    queues.sleep(linger_ms + request_timeout_ms + 1);
    for muted in [true, false] {
        queues.accumulator.mute(HERE, muted);
        assert_eq!(queues.expired(), 0, "nothing is left");
    }
    assert!(!queues.is_ready());

    // One that is sent again, and still young.
    queues.append(HERE, ROOM);
    queues.sleep(linger_ms);
    assert!(queues.is_ready());
    let drained = queues.drain();
    assert_eq!(drained.len(), 1);
    queues.sleep(1_000);
    queues.reenqueue(drained[0], Duration::from_millis(retry_backoff_ms));
    queues.sleep(request_timeout_ms + retry_backoff_ms);
    assert_eq!(queues.expired(), 0);
    queues.sleep(1);
    for muted in [true, false] {
        queues.accumulator.mute(HERE, muted);
        assert_eq!(queues.expired(), 0);
    }

    // And one behind it, whose partition was muted for a while.
    queues.append(HERE, ROOM);
    queues.sleep(linger_ms);
    assert!(queues.is_ready());
    queues.sleep(request_timeout_ms + 1);
    for (muted, pause_ms) in [(true, 0), (false, 100)] {
        queues.accumulator.mute(HERE, muted);
        assert_eq!(queues.expired(), 0);
        queues.sleep(pause_ms);
    }
    assert_eq!(queues.expired(), 0);
    assert!(queues.is_ready());
}

/// Mirrors `RecordAccumulatorTest.testExpiredBatchesRetry`: a batch that was put back is drained rather than expired,
/// and expires if its partition is muted.
#[test]
fn a_batch_that_is_sent_again_expires_in_its_queue_only_if_it_cannot_leave() {
    let (linger_ms, round_trip_ms, delivery_timeout_ms) = (3_000, 1_000, 3_200);
    for (muted, expired) in [(false, 0), (true, 1)] {
        let mut queues = Queues::new(linger_ms, delivery_timeout_ms);
        queues.append(HERE, ROOM);
        queues.sleep(linger_ms);
        assert!(queues.is_ready());
        let drained = queues.drain();
        assert_eq!(drained.len(), 1);
        queues.sleep(round_trip_ms);
        queues.reenqueue(drained[0], Duration::from_millis(100));
        queues.accumulator.mute(HERE, muted);
        queues.sleep(delivery_timeout_ms - round_trip_ms);
        queues.drain();
        assert_eq!(queues.expired(), expired, "muted: {muted}");
    }
}

/// Mirrors `RecordAccumulatorTest.testMutedPartitions`: a batch whose linger is over makes its broker ready and is
/// drained only while its partition is not muted.
#[test]
fn a_muted_partition_is_neither_ready_nor_drained() {
    let mut queues = Queues::new(10, 3_200);
    queues.append(HERE, ROOM);
    for _ in 0..20 {
        assert!(!queues.append(HERE, ROOM));
        assert!(!queues.is_ready());
    }
    queues.sleep(2_000);
    queues.accumulator.mute(HERE, true);
    assert!(!queues.is_ready());
    queues.accumulator.mute(HERE, false);
    assert!(queues.is_ready());
    queues.accumulator.mute(HERE, true);
    assert_eq!(queues.drain(), []);
    queues.accumulator.mute(HERE, false);
    assert_eq!(queues.drain().len(), 1);
}

/// Mirrors `RecordAccumulatorTest.testRecordsDrainedWhenTransactionCompleting`: two records of an open transaction
/// linger, and their batch is ready and drained as soon as the transaction is being completed.
#[test]
fn the_end_of_a_transaction_ends_the_linger() {
    let mut queues = Queues::new(10, 3_200);
    queues.append(HERE, ROOM);
    queues.append(HERE, ROOM);
    assert!(!queues.is_ready(), "the transaction goes on, and so does the linger");
    assert!(queues.is_ready_with(Urgency { completing: true, ..Urgency::default() }));
    assert_eq!(queues.drain().len(), 1);
}

/// Mirrors `RecordAccumulatorTest.testReadyAndDrainWhenABatchIsBeingRetried`: a retried batch is neither ready nor
/// drained during its pause, but both during it under a newer leader epoch and after it; epoch and the attempt at which
/// it changed are kept.
#[test]
fn a_batch_that_is_sent_again_waits_unless_its_pause_is_over_or_its_leader_is_new() {
    let pause = |attempts: u32| {
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(1_000));
        backoff.pause(attempts, &mut Rng::stream(9, Purpose::RetryBackoff))
    };
    let epoch_of = |queues: &Queues, slot| queues.accumulator.batch(slot).expect("there").known_leader();
    let mut queues = Queues::new(10, 2_147_483_647);
    queues.cluster.epoch = 100;
    queues.append(HERE, 10);
    queues.sleep(11);
    assert!(queues.is_ready());
    let slot = queues.drain()[0];
    assert_eq!(epoch_of(&queues, slot), (Some(100), Some(0)));
    queues.reenqueue(slot, pause(0));

    queues.sleep(1);
    assert!(!queues.is_ready(), "too early, and no other leader");
    assert_eq!(queues.drain(), []);

    queues.sleep(1);
    queues.cluster.epoch = 101;
    assert!(queues.is_ready(), "too early, but another leader");
    assert_eq!(queues.drain(), [slot]);
    assert_eq!(epoch_of(&queues, slot), (Some(101), Some(1)));
    queues.reenqueue(slot, pause(1));

    queues.sleep(2_000);
    assert!(queues.is_ready(), "late enough, and no other leader");
    assert_eq!(queues.drain(), [slot]);
    assert_eq!(epoch_of(&queues, slot), (Some(101), Some(1)));
    queues.reenqueue(slot, pause(2));

    queues.sleep(2_000);
    queues.cluster.epoch = 102;
    assert!(queues.is_ready(), "late enough, and another leader");
    assert_eq!(queues.drain(), [slot]);
    assert_eq!(epoch_of(&queues, slot), (Some(102), Some(3)));
}

/// Mirrors `ProducerBatchTest.testBatchExpiration`: a batch has not reached its delivery timeout two milliseconds
/// before it was created, and has when the timeout has passed.
/// Mirrors `ProducerBatchTest.testBatchExpirationAfterReenqueue`: nor has one that was put back to be sent again, two
/// milliseconds before it was created.
#[test]
fn a_clock_behind_the_birth_of_a_batch_expires_nothing() {
    let mut queues = Queues::new(0, 10_240);
    let born = queues.now_ms;
    queues.append(HERE, ROOM);
    queues.now_ms = born - 2;
    assert_eq!(queues.expired(), 0);
    let mut sent_again = Queues::new(0, 10_240);
    sent_again.append(HERE, ROOM);
    let slot = sent_again.drain()[0];
    sent_again.reenqueue(slot, Duration::ZERO);
    sent_again.now_ms = born - 2;
    assert_eq!(sent_again.expired(), 0);
    queues.now_ms = born + 10_240;
    assert_eq!(queues.expired(), 1);
}
