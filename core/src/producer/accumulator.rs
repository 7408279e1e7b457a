//! Batches by partition until they are sent, and while they are (`RecordAccumulator`).
//!
//! The accumulator owns every batch until it is over; queues, requests and sequences name it by its [`BatchSlot`].

mod queues;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use core::time::Duration;

use crate::ids::{BatchId, NodeId};
use crate::io::WaitReason;
use crate::planted::{Defect, planted};
use crate::record_batch::BatchBuilder;
use crate::time::Instant;
use crate::trace::DrainReason;

use super::batch::{BatchSignal, BatchState, Part, ProducerBatch};
use super::partitioner::Weights;
use super::topics::{PartitionRef, TopicIndex};
use queues::TopicQueues;

/// A batch's place in the store; used again once the batch is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BatchSlot(pub(super) u32);

/// Who leads a partition, as metadata believes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leader {
    pub(super) node: NodeId,
    /// −1 from brokers that do not tell.
    pub(super) epoch: i32,
}

#[derive(Clone, Debug, Default)]
struct PartitionQueue {
    queue: VecDeque<BatchSlot>,
    /// The last of the queue, while it takes records: `send` gets there without walking the queue.
    filling: Option<BatchSlot>,
    /// In requests, in the order in which they were drained.
    in_flight: Vec<BatchSlot>,
    /// Not drained until the request that is out has its answer (one request in flight per connection).
    muted: bool,
    /// Was a batch of it ever wanted? The Java client makes the queue before it asks for memory.
    is_used: bool,
}

impl PartitionQueue {
    /// Takes the head out. Nothing is written into it any more.
    fn take_head(&mut self) -> Option<BatchSlot> {
        let slot = self.queue.pop_front()?;
        self.filling = self.filling.filter(|&filling| filling != slot);
        Some(slot)
    }
}

/// What must be known of the cluster to see who is ready.
pub(super) trait Cluster {
    /// Who leads a partition.
    fn leader(&self, partition: PartitionRef) -> Option<Leader>;
    /// Partitions of a topic; 0: not known.
    fn partition_count(&self, topic: TopicIndex) -> usize;
    /// Has this broker had something to get for longer than `partitioner.availability.timeout.ms`?
    fn takes_nothing(&self, node: NodeId) -> bool;
}

/// Everything that makes batches sendable before their time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Urgency {
    /// A send waits for memory.
    pub(super) exhausted: bool,
    pub(super) flushing: bool,
    pub(super) closing: bool,
    /// A transaction is being ended.
    pub(super) completing: bool,
}

impl Urgency {
    fn is_urgent(self) -> bool {
        self.exhausted || self.flushing || self.closing || self.completing
    }
}

/// What [`Accumulator::ready`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ready {
    /// Brokers to which something may be sent now.
    pub(super) nodes: BTreeSet<NodeId>,
    /// Topics with batches for a partition that nobody leads.
    pub(super) leaderless: BTreeSet<TopicIndex>,
    /// When more becomes ready by itself.
    pub(super) next: Option<(Instant, WaitReason)>,
}

/// Where a record was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) batch: BatchId,
    pub(super) index: u32,
    /// Bytes of the batch before, 0 if this record began it, and after.
    pub(super) size_before: usize,
    pub(super) size_after: usize,
    /// The batch is new or full, or another waits before it.
    pub(super) wakes_sender: bool,
}

/// The queues and the batches.
#[derive(Clone, Debug)]
pub(super) struct Accumulator {
    linger: Duration,
    topics: Vec<TopicQueues>,
    /// By topic, as its queues were in the last round.
    weights: Vec<Weights>,
    is_adaptive: bool,
    batches: Vec<Option<ProducerBatch>>,
    free_slots: Vec<BatchSlot>,
    next_id: u64,
    /// By (root, place in root), every batch whose fate the application does not know.
    incomplete: BTreeMap<(BatchId, u32), BatchSlot>,
}

impl Accumulator {
    pub(super) fn new(linger: Duration, is_adaptive: bool) -> Self {
        Self {
            linger,
            topics: Vec::new(),
            weights: Vec::new(),
            is_adaptive,
            batches: Vec::new(),
            free_slots: Vec::new(),
            next_id: 0,
            incomplete: BTreeMap::new(),
        }
    }

    pub(super) fn batch(&self, slot: BatchSlot) -> Option<&ProducerBatch> {
        self.batches.get(slot.0 as usize)?.as_ref()
    }

    pub(super) fn batch_mut(&mut self, slot: BatchSlot) -> Option<&mut ProducerBatch> {
        self.batches.get_mut(slot.0 as usize)?.as_mut()
    }

    /// The batch at the end of the partition's queue.
    pub(super) fn last_mut(&mut self, partition: PartitionRef) -> Option<&mut ProducerBatch> {
        let last = *self.queue(partition)?.queue.back()?;
        self.batch_mut(last)
    }

    /// Bytes that the records of each batch take here.
    #[cfg(all(test, feature = "compression"))]
    pub(super) fn held_bytes(&self) -> impl Iterator<Item = usize> {
        self.batches.iter().flatten().map(ProducerBatch::held_bytes)
    }

    /// Writes a record into the partition's last batch, if that takes it; one that does not is closed for appends.
    // The compiler would not inline so much by itself. It is called in one place, once per record.
    #[inline(always)]
    pub(super) fn try_append(
        &mut self,
        partition: PartitionRef,
        upper_bound: usize,
        write: impl FnOnce(&mut BatchBuilder) -> Option<u32>,
    ) -> Option<Placed> {
        let queue = self.queue(partition)?;
        let (slot, others) = (queue.filling?, queue.queue.len() > 1);
        let batch = self.batches[slot.0 as usize].as_mut()?;
        let builder = batch.builder()?;
        let size_before = builder.size_bytes();
        let Some(index) = write(builder) else {
            self.close_for_appends(partition, slot);
            return None;
        };
        let (size_after, is_full, is_first) = (builder.size_bytes(), builder.is_full(), index == 0);
        batch.record_count = index + 1;
        batch.largest_record = batch.largest_record.max(upper_bound);
        Some(Placed {
            batch: batch.id,
            index,
            size_before: if is_first { 0 } else { size_before },
            size_after,
            wakes_sender: is_first || is_full || others,
        })
    }

    #[cold]
    fn close_for_appends(&mut self, partition: PartitionRef, slot: BatchSlot) {
        self.queue_mut(partition).filling = None;
        if let Some(batch) = self.batch_mut(slot) {
            batch.close_for_appends();
        }
    }

    /// A batch of this partition is about to be opened, if there is memory for it.
    pub(super) fn on_wanted(&mut self, partition: PartitionRef) {
        self.queue_mut(partition).is_used = true;
    }

    /// Opens a batch at the end of the partition's queue.
    pub(super) fn open(
        &mut self,
        partition: PartitionRef,
        builder: BatchBuilder,
        memory: u64,
        now: Instant,
    ) -> BatchId {
        let id = self.next_batch_id();
        let slot = self.store(ProducerBatch::open(id, partition, builder, memory, now));
        let queue = self.queue_mut(partition);
        queue.queue.push_back(slot);
        queue.filling = Some(slot);
        id
    }

    /// The next batch's name.
    pub(super) fn next_batch_id(&mut self) -> BatchId {
        let id = BatchId(self.next_id);
        self.next_id += 1;
        id
    }

    /// Takes a batch in without queueing it.
    pub(super) fn store(&mut self, batch: ProducerBatch) -> BatchSlot {
        let name = (batch.root, batch.root_index);
        let slot = match self.free_slots.pop() {
            Some(slot) => {
                self.batches[slot.0 as usize] = Some(batch);
                slot
            }
            None => {
                let slot = BatchSlot(u32::try_from(self.batches.len()).expect("fewer than 2³² batches at once"));
                self.batches.push(Some(batch));
                slot
            }
        };
        self.incomplete.insert(name, slot);
        slot
    }

    /// Are all batches of this partition's queue full, or is there none?
    pub(super) fn all_batches_full(&self, partition: PartitionRef) -> bool {
        // Only the last can be otherwise.
        let last = self.queue(partition).and_then(|queue| queue.queue.back());
        last.and_then(|&slot| self.batch(slot)).is_none_or(ProducerBatch::is_full)
    }

    /// How likely each partition of a topic is to be drawn next.
    pub(super) fn weights(&self, topic: TopicIndex) -> &Weights {
        const NONE: &Weights = &Weights::none();
        self.weights.get(topic.index()).unwrap_or(NONE)
    }

    /// Which brokers have something to get now (`RecordAccumulator.ready`)? Only heads of queues are looked at.
    pub(super) fn ready(&mut self, now: Instant, urgency: Urgency, cluster: &impl Cluster) -> Ready {
        let mut ready = Ready::default();
        self.weights.resize_with(if self.is_adaptive { self.topics.len() } else { 0 }, Weights::default);
        for (topic, queues) in (0..).map(TopicIndex).zip(&self.topics) {
            // Weights are worth something once every partition has been tried.
            let used = if self.is_adaptive { queues.iter().filter(|(_, queue)| queue.is_used).count() } else { 0 };
            let is_weighed = used > 1 && used >= cluster.partition_count(topic);
            let mut weights = self.weights.get_mut(topic.index());
            if let Some(weights) = &mut weights {
                weights.begin(if is_weighed { used } else { 0 });
            }
            for (partition, queue) in queues.iter().filter(|(_, queue)| queue.is_used) {
                let partition = PartitionRef { topic, partition };
                let (leader, slot) = (cluster.leader(partition), queue.queue.front());
                if leader.is_some()
                    && let Some(weights) = &mut weights
                {
                    weights.push(partition.partition);
                }
                let Some(head) = slot.and_then(|slot| self.batches[slot.0 as usize].as_mut()) else { continue };
                let Some(leader) = leader else {
                    ready.leaderless.insert(partition.topic);
                    continue;
                };
                if let Some(weights) = &mut weights {
                    weights.set_length(queue.queue.len());
                    if cluster.takes_nothing(leader.node) {
                        weights.drop_last();
                    }
                }
                head.on_leader_epoch((leader.epoch >= 0).then_some(leader.epoch));
                if queue.muted || ready.nodes.contains(&leader.node) {
                    continue;
                }
                match due(head, queue.queue.len(), self.linger, urgency, now) {
                    Due::Now(_) => drop(ready.nodes.insert(leader.node)),
                    Due::At(at, why) => ready.next = earlier(ready.next, Some((at, why))),
                }
            }
            if let Some(weights) = weights {
                weights.finish();
            }
        }
        ready
    }

    /// The head of a queue that may be drained now: not muted, not backing off (`drainBatchesForOneNode`).
    pub(super) fn drainable(&mut self, partition: PartitionRef, now: Instant, leader: Leader) -> Option<BatchSlot> {
        let queue = self.queue(partition)?;
        let (&slot, muted) = (queue.queue.front()?, queue.muted);
        let head = self.batch_mut(slot)?;
        head.on_leader_epoch((leader.epoch >= 0).then_some(leader.epoch));
        (!muted && !head.is_backing_off(now)).then_some(slot)
    }

    /// Takes the head of a queue for a request. Says why it goes now.
    pub(super) fn drain(&mut self, partition: PartitionRef, now: Instant, urgency: Urgency, mute: bool) -> DrainReason {
        let linger = self.linger;
        let queue = self.queue_mut(partition);
        let length = queue.queue.len();
        let Some(slot) = queue.take_head() else { return DrainReason::RodeAlong };
        queue.in_flight.push(slot);
        queue.muted |= mute;
        let Some(head) = self.batch_mut(slot) else { return DrainReason::RodeAlong };
        let reason = match due(head, length, linger, urgency, now) {
            Due::Now(reason) => reason,
            Due::At(..) => DrainReason::RodeAlong,
        };
        head.on(BatchSignal::Drained);
        reason
    }

    /// The request that carried a batch is over; the batch is no longer in flight, and its partition no longer muted.
    pub(super) fn on_answered(&mut self, partition: PartitionRef, slot: BatchSlot) {
        let queue = self.queue_mut(partition);
        queue.in_flight.retain(|&other| other != slot);
        queue.muted = false;
    }

    /// Puts a batch back at the head of its queue. With `keep_order` behind batches created earlier (idempotence);
    /// without, in front of all: so several failed in order come back reversed, as in the Java client.
    pub(super) fn reenqueue(&mut self, slot: BatchSlot, keep_order: bool) {
        let Some(batch) = self.batch(slot) else { return };
        let (partition, order) = (batch.partition, (batch.root, batch.root_index));
        let mut place = 0;
        if planted(Defect::RetryGoesToTheTail) {
            place = self.queue(partition).map_or(0, |queue| queue.queue.len());
        } else if keep_order
            && !planted(Defect::RetriesOutOfOrder)
            && let Some(queue) = self.queue(partition)
        {
            let is_earlier =
                |other: &BatchSlot| self.batch(*other).is_some_and(|other| (other.root, other.root_index) < order);
            place = queue.queue.iter().take_while(|other| is_earlier(other)).count();
        }
        self.queue_mut(partition).queue.insert(place, slot);
    }

    /// Puts parts where a batch was that is over without a fate, at the head of its queue, in order. Returns their slots.
    pub(super) fn put_parts(&mut self, parent: &ProducerBatch, parts: Vec<Part>, keep_order: bool) -> Vec<BatchSlot> {
        let mut slots = Vec::new();
        let mut first_index = 0;
        for part in parts {
            let count = part.builder.count();
            let id = self.next_batch_id();
            slots.push(self.store(parent.part(id, first_index, part)));
            first_index += count;
        }
        // The last one first: each goes in front of those that are there.
        for &slot in slots.iter().rev() {
            self.reenqueue(slot, keep_order);
        }
        slots
    }

    /// Is another part of this batch incomplete?
    pub(super) fn has_incomplete_of(&self, root: BatchId) -> bool {
        self.incomplete.range((root, 0)..=(root, u32::MAX)).next().is_some()
    }

    /// Removes batches from the heads of queues whose time is over. The oldest is the head, so the first that is not
    /// over ends the search.
    pub(super) fn expire_queued(&mut self, now: Instant, timeout: Duration) -> Vec<BatchSlot> {
        let mut expired = Vec::new();
        for queue in self.topics.iter_mut().flat_map(TopicQueues::iter_mut) {
            while let Some(&slot) = queue.queue.front() {
                let is_over =
                    self.batches[slot.0 as usize].as_ref().is_none_or(|batch| batch.created_at + timeout <= now);
                if !is_over {
                    break;
                }
                queue.take_head();
                expired.push(slot);
            }
        }
        expired
    }

    /// Batches in flight whose time is over: oldest first in each partition, up to the first that is not over.
    pub(super) fn expire_in_flight(&mut self, now: Instant, timeout: Duration) -> Vec<BatchSlot> {
        let mut expired = Vec::new();
        for queue in self.topics.iter_mut().flat_map(TopicQueues::iter_mut) {
            let batches = &self.batches;
            let is_over = |slot: &BatchSlot| {
                batches[slot.0 as usize].as_ref().is_none_or(|batch| batch.created_at + timeout <= now)
            };
            let over = queue.in_flight.iter().take_while(|slot| is_over(slot)).count();
            expired.extend(queue.in_flight.drain(..over));
        }
        expired
    }

    /// When the next batch will have lived too long.
    pub(super) fn next_expiry(&self, timeout: Duration) -> Option<Instant> {
        let queues = self.topics.iter().flat_map(TopicQueues::iter);
        let heads = queues.flat_map(|(_, queue)| [queue.queue.front(), queue.in_flight.first()]);
        heads.flatten().filter_map(|&slot| self.batch(slot)).map(|batch| batch.created_at + timeout).min()
    }

    /// Every batch without a fate, for they are all given up: those of the queues, which are empty then, and those in requests,
    /// in the order of their records (`RecordAccumulator.abortBatches`, which walks a hash set).
    pub(super) fn take_all(&mut self) -> Vec<BatchSlot> {
        for queue in self.topics.iter_mut().flat_map(TopicQueues::iter_mut) {
            queue.filling = None;
            queue.queue.clear();
        }
        self.incomplete.values().copied().collect()
    }

    /// Takes the batches out of the queues that never left (`abortUndrainedBatches`).
    pub(super) fn take_undrained(&mut self) -> Vec<BatchSlot> {
        let batches = &self.batches;
        let never_left = |slot: BatchSlot| batches[slot.0 as usize].as_ref().is_some_and(|batch| batch.stamp.is_none());
        let mut taken = Vec::new();
        for queue in self.topics.iter_mut().flat_map(TopicQueues::iter_mut) {
            queue.queue.retain(|&slot| {
                let stays = !never_left(slot);
                if !stays {
                    taken.push(slot);
                }
                stays
            });
            queue.filling = queue.filling.filter(|&filling| !never_left(filling));
        }
        taken
    }

    /// The application knows this batch's fate.
    pub(super) fn on_fate(&mut self, slot: BatchSlot) {
        if let Some(batch) = self.batch(slot) {
            let name = (batch.root, batch.root_index);
            self.incomplete.remove(&name);
        }
    }

    /// A batch is over: nothing names it any more.
    pub(super) fn remove(&mut self, slot: BatchSlot) -> Option<ProducerBatch> {
        let mut batch = self.batches.get_mut(slot.0 as usize)?.take()?;
        batch.on(BatchSignal::Settled);
        self.incomplete.remove(&(batch.root, batch.root_index));
        self.free_slots.push(slot);
        Some(batch)
    }

    /// Is a batch created before `end` incomplete, or one split from such a batch?
    pub(super) fn has_incomplete_before(&self, end: BatchId) -> bool {
        self.incomplete.first_key_value().is_some_and(|(&(root, _), _)| root < end)
    }

    /// The name the next batch will get.
    pub(super) fn end(&self) -> BatchId {
        BatchId(self.next_id)
    }

    pub(super) fn has_incomplete(&self) -> bool {
        !self.incomplete.is_empty()
    }

    /// Is a batch in this slot that the application still waits for and that is in a request?
    pub(super) fn is_in_flight(&self, slot: BatchSlot) -> bool {
        self.batch(slot).is_some_and(|batch| batch.state() == BatchState::InFlight)
    }

    /// Mutes a partition, or unmutes it: by hand.
    pub(super) fn mute(&mut self, partition: PartitionRef, muted: bool) {
        self.queue_mut(partition).muted = muted;
    }

    #[inline]
    fn queue(&self, partition: PartitionRef) -> Option<&PartitionQueue> {
        self.topics.get(partition.topic.index())?.get(partition.partition)
    }

    fn queue_mut(&mut self, partition: PartitionRef) -> &mut PartitionQueue {
        let topic = partition.topic.index();
        if self.topics.len() <= topic {
            self.topics.resize_with(topic + 1, TopicQueues::default);
        }
        self.topics[topic].get_mut(partition.partition)
    }
}

enum Due {
    Now(DrainReason),
    At(Instant, WaitReason),
}

/// When may this head of a queue be sent, and why (`batchReady`)? Linger is not applied to a batch that is closed.
fn due(head: &ProducerBatch, queue_length: usize, linger: Duration, urgency: Urgency, now: Instant) -> Due {
    if head.is_backing_off(now) {
        return Due::At(head.backoff_until.unwrap_or(now), WaitReason::RetryBackoff);
    }
    let linger_over = head.last_attempt_at + linger;
    if head.attempts > 0 {
        Due::Now(DrainReason::BackoffOver)
    } else if queue_length > 1 || head.is_full() {
        Due::Now(DrainReason::Full)
    } else if linger_over <= now {
        Due::Now(DrainReason::LingerOver)
    } else if urgency.is_urgent() {
        Due::Now(match urgency {
            Urgency { exhausted: true, .. } => DrainReason::MemoryExhausted,
            Urgency { closing: true, .. } => DrainReason::Close,
            _ => DrainReason::Flush,
        })
    } else {
        Due::At(linger_over, WaitReason::Linger)
    }
}

/// The earlier of two deadlines.
pub(super) fn earlier(
    one: Option<(Instant, WaitReason)>,
    other: Option<(Instant, WaitReason)>,
) -> Option<(Instant, WaitReason)> {
    match (one, other) {
        (Some(one), Some(other)) => Some(if other.0 < one.0 { other } else { one }),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests;
