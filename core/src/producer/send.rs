//! `send`, on the application's thread: metadata, partition, size, memory, and the record in its batch
//! (`KafkaProducer.doSend`).

use std::sync::Arc;

use core::time::Duration;

use crate::error::{ProducerError, Surface};
use crate::murmur2::partition_for_hash;
use crate::planted::{Defect, planted};
use crate::record::Record;
use crate::record_batch::{BatchBuilder, Content};
use crate::time::{Instant, Now};
use crate::trace::{Fact, Observer, PartitionChoice};

use super::identity::IdentitySignal;
use super::memory::MemoryTicket;
use super::meter::Event;
use super::narrator::Written;
use super::partitioner::{Sticky, draw};
use super::topics::{PartitionRef, TopicIndex};
use super::transactions::is_fatal;
use super::waits::{Allocating, Begun};
use super::{Life, Producer, SendAttempt, SendRefusal, Sent};

/// A topic that has the partition which a record wants.
#[derive(Clone, Copy, Debug)]
struct Known {
    topic: TopicIndex,
    partition_count: u32,
}

/// Where a record is to go.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    timestamp_ms: i64,
    /// `None`: wherever the sticky partition is.
    chosen: Option<PartitionRef>,
    /// Where it is now.
    partition: PartitionRef,
    partition_count: u32,
    choice: PartitionChoice,
}

impl<O: Observer> Producer<O> {
    /// `send()`, on the application's thread: serialises, partitions and writes the record straight into its batch.
    ///
    /// # Errors
    /// [`SendRefusal`]: blocked for now, or refused for good.
    pub fn send(&mut self, now: Now, attempt: &mut SendAttempt, record: &Record<'_>) -> Result<Sent, SendRefusal> {
        let begun = self.begin(now, attempt, record)?;
        if let Some(allocating) = begun.allocating {
            return self.go_on_allocating(now, attempt, begun, allocating, record);
        }
        // First of all: what comes next does not need it, and the processor does that while it waits for the hash.
        let choice = PartitionChoice::of(record.partition, record.key, self.config.ignores_keys());
        let known = self.know_topic(now, attempt, &begun, record)?;
        self.place(now, attempt, begun, record, choice, known)
    }

    /// `send()` of a record that its serialiser does not take (`SerializationException`): it waits for metadata as others do,
    /// for who serialises may want to know the topic. Without another answer it is refused.
    pub fn send_what_no_serializer_takes(
        &mut self,
        now: Now,
        attempt: &mut SendAttempt,
        record: &Record<'_>,
        detail: Arc<str>,
    ) -> SendRefusal {
        let begun = match self.begin(now, attempt, record) {
            Ok(begun) => begun,
            Err(refusal) => return refusal,
        };
        match self.know_topic(now, attempt, &begun, record) {
            Ok(_) => {
                let error = ProducerError::Serialization { detail };
                self.refuse(now, attempt.ordinal, None, own_partition(record), error)
            }
            Err(refusal) => refusal,
        }
    }

    /// The first call of an attempt, or another one of an attempt that waited.
    #[inline]
    fn begin(&mut self, now: Now, attempt: &mut SendAttempt, record: &Record<'_>) -> Result<Begun, SendRefusal> {
        if let Some(begun) = attempt.begun.take() {
            return Ok(self.resume(now, begun, record));
        }
        attempt.ordinal = self.next_ordinal;
        self.next_ordinal += 1;
        if let Some(error) = self.refusal_of_a_first_call(record) {
            return Err(self.refuse(now, attempt.ordinal, None, own_partition(record), error));
        }
        Ok(Begun {
            at: now.instant(),
            reads_answer: false,
            asked_after: None,
            blocked_on: None,
            partitions_told: None,
            metadata_wait: Duration::ZERO,
            allocating: None,
        })
    }

    fn refusal_of_a_first_call(&self, record: &Record<'_>) -> Option<ProducerError> {
        match *record {
            // In the order of `ProducerRecord`'s constructor.
            Record { timestamp_ms: Some(timestamp @ ..0), .. } => Some(ProducerError::NegativeTimestamp(timestamp)),
            Record { partition: Some(partition @ ..0), .. } => Some(ProducerError::NegativePartition(partition)),
            _ if !matches!(self.life, Life::Open) => Some(ProducerError::Closed),
            _ => self.identity.refusal(),
        }
    }

    /// The topic, once metadata tell of it and of the partition that the record wants (`KafkaProducer.waitOnMetadata`).
    #[inline]
    fn know_topic(
        &mut self,
        now: Now,
        attempt: &mut SendAttempt,
        begun: &Begun,
        record: &Record<'_>,
    ) -> Result<Known, SendRefusal> {
        if !matches!(self.life, Life::Open)
            && let Some(error) = self.news_of_the_close()
        {
            return Err(self.refuse(now, attempt.ordinal, None, own_partition(record), error));
        }
        let topic = self.topics.number(record.topic);
        match self.metadata.add(topic, now.instant()) {
            Some(partition_count) if record.partition.is_none_or(|wanted| wanted.unsigned_abs() < partition_count) => {
                Ok(Known { topic, partition_count })
            }
            known => Err(self.wait_for_metadata(now, attempt, *begun, record, topic, known)),
        }
    }

    /// A record whose topic is known, in a batch of its partition (`RecordAccumulator.append`).
    fn place(
        &mut self,
        now: Now,
        attempt: &mut SendAttempt,
        begun: Begun,
        record: &Record<'_>,
        choice: PartitionChoice,
        Known { topic, partition_count }: Known,
    ) -> Result<Sent, SendRefusal> {
        let in_turn = self.partition_in_turn(record.partition, topic, partition_count);
        let content = Content::measure(record.key, record.value, record.headers);
        if let Some(error) = self.refusal_of_a_size(content.record_size_upper_bound() as u64) {
            return Err(self.refuse(now, attempt.ordinal, None, own_partition(record), error));
        }
        if !matches!(self.life, Life::Open) {
            let error = ProducerError::ClosedWhileSending;
            return Err(self.refuse(now, attempt.ordinal, None, own_partition(record), error));
        }
        let spread = if planted(Defect::KeysByLeaders) {
            self.metadata.available(topic).len().try_into().unwrap_or(u32::MAX).max(1)
        } else {
            partition_count
        };
        let chosen = in_turn.or_else(|| chosen(choice, record.partition, topic, spread));
        let partition = chosen.unwrap_or_else(|| self.sticky_partition(topic, partition_count));
        let timestamp_ms = record.timestamp_ms.unwrap_or(now.wall_ms);
        let wanted = Wanted { timestamp_ms, chosen, partition, partition_count, choice };
        self.append(now, attempt, begun, record, &content, wanted)
    }

    /// A send that waits for memory: it has it now, or is out of time, or waits on.
    #[cold]
    fn go_on_allocating(
        &mut self,
        now: Now,
        attempt: &mut SendAttempt,
        begun: Begun,
        allocating: Allocating,
        record: &Record<'_>,
    ) -> Result<Sent, SendRefusal> {
        let Allocating { ticket, timestamp_ms, partition, is_chosen, partition_count, .. } = allocating;
        if !matches!(self.life, Life::Open) {
            self.count_memory_wait(now, &begun);
            let error = ProducerError::ClosedWhileAllocating;
            return Err(self.refuse(now, attempt.ordinal, Some(ticket), own_partition(record), error));
        }
        let content = Content::measure(record.key, record.value, record.headers);
        if !self.memory.is_gathered(ticket) {
            return Err(self.wait_for_memory(now, attempt, begun, partition, content.record_size_upper_bound()));
        }
        let choice = PartitionChoice::of(record.partition, record.key, self.config.ignores_keys());
        let chosen = is_chosen.then_some(partition);
        let partition = chosen.unwrap_or_else(|| self.sticky_partition(partition.topic, partition_count));
        let wanted = Wanted { timestamp_ms, chosen, partition, partition_count, choice };
        self.append(now, attempt, begun, record, &content, wanted)
    }

    #[inline]
    fn append(
        &mut self,
        now: Now,
        attempt: &mut SendAttempt,
        begun: Begun,
        record: &Record<'_>,
        content: &Content<'_>,
        Wanted { timestamp_ms, chosen, mut partition, partition_count, choice }: Wanted,
    ) -> Result<Sent, SendRefusal> {
        let ordinal = attempt.ordinal;
        let topic = partition.topic;
        let upper_bound = content.record_size_upper_bound();
        let write = |builder: &mut BatchBuilder| builder.try_append_content(timestamp_ms, content);
        let placed = loop {
            if let Some(placed) = self.accumulator.try_append(partition, upper_bound, write) {
                break placed;
            }
            self.compress_last(partition);
            // The last batch has just been found full: a change of the sticky partition that waited for that comes now.
            let before = partition;
            partition = chosen.unwrap_or_else(|| self.sticky_partition(topic, partition_count));
            if partition != before {
                continue;
            }
            // A new batch takes its first record, whatever its size.
            if let Err(ticket) = self.open_batch(now.instant(), begun.ticket(), partition, upper_bound) {
                let (since, is_chosen) = (now.instant(), chosen.is_some());
                let allocating = Allocating { ticket, since, timestamp_ms, partition, is_chosen, partition_count };
                let begun = Begun { allocating: Some(allocating), ..begun };
                return Err(self.wait_for_memory(now, attempt, begun, partition, upper_bound));
            }
        };
        if begun.allocating.is_some() {
            // Memory came, and is given back where room was found in a batch that another send opened meanwhile.
            self.count_memory_wait(now, &begun);
            self.leave_queue(now.instant(), begun.ticket());
        }
        if chosen.is_none() {
            self.on_sticky_append(partition, placed.size_after - placed.size_before, partition_count);
        }
        self.is_dirty |= placed.wakes_sender;
        self.told.appended(
            now.instant(),
            Written {
                ordinal,
                batch: placed.batch,
                index: placed.index,
                key: record.key,
                value: record.value,
                batch_bytes: placed.size_after,
                choice,
            },
        );
        let sent = Sent {
            batch: placed.batch,
            index: placed.index,
            partition: partition.partition,
            timestamp_ms,
            wakes_sender: placed.wakes_sender,
        };
        if self.transactions.is_some() {
            return self.add_to_transaction(now, ordinal, partition, sent);
        }
        Ok(sent)
    }

    /// The transaction gets the partition of a record that is in its batch. The record stays where it is even when this
    /// fails, and its batch with it until the transaction is aborted (`TransactionManager.maybeAddPartition`).
    fn add_to_transaction(
        &mut self,
        now: Now,
        ordinal: u64,
        partition: PartitionRef,
        sent: Sent,
    ) -> Result<Sent, SendRefusal> {
        let topics = &self.topics;
        let Some(transactions) = &mut self.transactions else { return Ok(sent) };
        let Err(error) = transactions.add_partition(partition, || topics.named(partition)) else { return Ok(sent) };
        self.count_refusal(now, &error);
        let error = self.tell_transaction(now, error);
        let surface = error.surface_in_send();
        self.told.note(now.instant(), || Fact::SendRefused { ordinal, error: error.clone(), surface });
        Err(SendRefusal::FailedInItsBatch { error, sent })
    }

    fn refusal_of_a_size(&self, size_bytes: u64) -> Option<ProducerError> {
        let (request, buffer) = (u64::from(self.config.max_request_size), self.config.buffer_memory);
        if size_bytes > request {
            Some(ProducerError::RecordTooLarge { size_bytes, limit_bytes: request })
        } else if size_bytes > buffer {
            Some(ProducerError::RecordLargerThanBuffer { size_bytes, limit_bytes: buffer })
        } else if u64::from(self.batch_size()) > buffer {
            Some(ProducerError::BatchLargerThanBuffer { needed_bytes: self.batch_size().into(), limit_bytes: buffer })
        } else {
            None
        }
    }

    /// The topic's sticky partition; a change that waited for its batches to be full happens here.
    fn sticky_partition(&mut self, topic: TopicIndex, partition_count: u32) -> PartitionRef {
        if self.sticky.len() <= topic.index() {
            self.sticky.resize_with(topic.index() + 1, Sticky::default);
        }
        let batch_size = self.batch_size().into();
        let sticky = &mut self.sticky[topic.index()];
        let (available, weights) = (self.metadata.available(topic), self.accumulator.weights(topic));
        let mut draw = || draw(weights, available, partition_count, &mut self.chance.partitioner);
        let partition = PartitionRef { topic, partition: sticky.partition(&mut draw) };
        let all_full = || self.accumulator.all_batches_full(partition);
        if sticky.on_appended(0, batch_size, all_full, &mut draw) {
            return PartitionRef { topic, partition: sticky.partition(&mut draw) };
        }
        partition
    }

    fn on_sticky_append(&mut self, partition: PartitionRef, bytes: usize, partition_count: u32) {
        let topic = partition.topic;
        let all_full = || self.accumulator.all_batches_full(partition);
        let batch_size = self.batch_size().into();
        let (available, weights) = (self.metadata.available(topic), self.accumulator.weights(topic));
        let draw = || draw(weights, available, partition_count, &mut self.chance.partitioner);
        self.sticky[topic.index()].on_appended(bytes, batch_size, all_full, draw);
    }

    /// The last batch of a partition takes no more records: they are compressed now, by the thread whose record did not fit.
    /// The Java client compresses what it appends, into the buffer that `buffer.memory` counts; were it done when the batch
    /// is drained, batches that wait would take as many times their share as they will shrink.
    #[cold]
    fn compress_last(&mut self, partition: PartitionRef) {
        let Some(compressor) = &self.compressor else { return };
        let Some(last) = self.accumulator.last_mut(partition) else { return };
        if let Some(spare) = last.compress(compressor.codecs()) {
            let counted = last.memory;
            self.memory.recycle(spare, counted);
        }
    }

    /// Opens a batch for a record and takes its memory; without memory, the ticket to come back with.
    #[cold]
    fn open_batch(
        &mut self,
        at: Instant,
        ticket: Option<MemoryTicket>,
        partition: PartitionRef,
        upper_bound: usize,
    ) -> Result<(), MemoryTicket> {
        let size = upper_bound.max(self.batch_size() as usize);
        self.accumulator.on_wanted(partition);
        self.memory.take(size as u64, ticket)?;
        let estimate = self.compressor.as_ref().map(|compressor| compressor.estimate(partition.topic));
        let builder = BatchBuilder::new(self.memory.buffer(size), size).compressed(estimate);
        let batch = self.accumulator.open(partition, builder, size as u64, at);
        let (topics, used_bytes) = (&self.topics, self.memory.used());
        self.told.note(at, || Fact::BatchOpened {
            batch,
            partition: topics.named(partition),
            capacity: u32::try_from(size).unwrap_or(u32::MAX),
        });
        self.told.note(at, || Fact::MemoryUsed { used_bytes });
        Ok(())
    }

    pub(super) fn refuse(
        &mut self,
        now: Now,
        ordinal: u64,
        ticket: Option<MemoryTicket>,
        partition: Option<i32>,
        error: ProducerError,
    ) -> SendRefusal {
        self.leave_queue(now.instant(), ticket);
        self.count_refusal(now, &error);
        let error = self.tell_transaction(now, error);
        let surface = error.surface_in_send();
        self.told.note(now.instant(), || Fact::SendRefused { ordinal, error: error.clone(), surface });
        SendRefusal::Failed { error, partition }
    }

    /// A record is refused with an error of its future: the transaction lacks it, and some errors end every producer with an
    /// id (`TransactionManager.maybeTransitionToErrorState`). Returns the error to be told.
    fn tell_transaction(&mut self, now: Now, error: ProducerError) -> ProducerError {
        if error.surface_in_send() != Surface::FutureOnCaller {
            return error;
        }
        let Some(transactions) = &mut self.transactions else {
            if is_fatal(&error) {
                self.identity.on(IdentitySignal::Fatal(error.clone()));
                self.is_dirty = true;
            }
            return error;
        };
        let told = transactions.on_send_refused(&error);
        self.is_dirty = true;
        self.tell_phase(now.instant());
        told.err().unwrap_or(error)
    }

    /// The Java client counts what it throws or fails as a `KafkaException`, not a program's mistakes.
    fn count_refusal(&mut self, now: Now, error: &ProducerError) {
        if self.meter.is_on() && !error.java_class().starts_with("Illegal") {
            self.meter.note(now.instant(), Event::Refused);
        }
    }
}

/// The partition, unless it is the sticky one.
#[inline]
fn chosen(
    choice: PartitionChoice,
    explicit: Option<i32>,
    topic: TopicIndex,
    partition_count: u32,
) -> Option<PartitionRef> {
    let partition = match choice {
        PartitionChoice::Explicit => explicit?,
        PartitionChoice::KeyHash { hash } => {
            partition_for_hash(hash, i32::try_from(partition_count).unwrap_or(i32::MAX))
        }
        PartitionChoice::Sticky => return None,
    };
    Some(PartitionRef { topic, partition })
}

/// The partition that the record names, if it could be one.
pub(super) fn own_partition(record: &Record<'_>) -> Option<i32> {
    record.partition.filter(|&partition| partition >= 0)
}
