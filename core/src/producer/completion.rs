//! What comes back for batches: answers, and their fate (`Sender.completeBatch`, `Sender.failBatch`).

use std::sync::Arc;

use crate::error::{BatchFailure, ErrorCode, Persistence, ProducerError};
use crate::ids::NodeId;
use crate::io::{BatchCompletion, Output, Stored};
use crate::java_hash;
use crate::planted::{Defect, planted};
use crate::protocol::{
    ApiKey, LeaderIdAndEpoch, ProducePartitionResponse, ProduceResponse, RecordError, says_topics_by_id,
};
use crate::record_batch::Stamp;
use crate::time::Instant;
use crate::trace::{Fact, Observer, SplitBatch};

use super::accumulator::BatchSlot;
use super::batch::{BatchSignal, BatchState, ProducerBatch};
use super::compressor::Compressor;
use super::identity::IdentitySignal;
use super::meter::Event;
use super::sequence::{Advice, Answered};
use super::topics::PartitionRef;
use super::verdict::{Case, Verdict, persistence_after, verdict};
use super::{Life, Producer};

/// What the Java client says of CLUSTER_AUTHORIZATION_FAILED, whatever the broker said (`Sender.failBatch`).
const NOT_AUTHORIZED_TO_BE_IDEMPOTENT: &str = "The producer is not authorized to do idempotent sends";

/// How a connection ended, as its requests see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// Closed, by whichever side.
    Disconnected,
    /// Closed because an answer took too long.
    TimedOut,
}

/// An answer for one partition, or what stands for it when none came.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    code: ErrorCode,
    message: Option<Arc<str>>,
    stored: Stored,
    log_start_offset: i64,
    record_errors: Vec<RecordError>,
    /// The broker that did not answer.
    lost: Option<NodeId>,
}

impl Answer {
    /// No usable answer came: nobody knows what the broker did.
    pub(super) fn none(code: ErrorCode) -> Self {
        let stored = Stored { base_offset: -1, log_append_time_ms: None };
        Self { code, message: None, stored, log_start_offset: -1, record_errors: Vec::new(), lost: None }
    }

    /// The connection to this broker ended before it answered.
    pub(super) fn lost(code: ErrorCode, node: NodeId) -> Self {
        Self { lost: Some(node), ..Self::none(code) }
    }

    fn of(told: &ProducePartitionResponse) -> Self {
        Self {
            code: told.error,
            message: told.error_message.clone(),
            stored: Stored {
                base_offset: told.base_offset,
                log_append_time_ms: (told.log_append_time_ms >= 0).then_some(told.log_append_time_ms),
            },
            log_start_offset: told.log_start_offset,
            record_errors: told.record_errors.clone(),
            lost: None,
        }
    }
}

impl<O: Observer> Producer<O> {
    /// Takes the answers for the batches of one request, in the order in which they are told. Each must be there once, and
    /// no other.
    pub(super) fn on_produce(
        &mut self,
        now: Instant,
        node: NodeId,
        version: i16,
        batches: &[BatchSlot],
        response: &ProduceResponse,
    ) {
        let by_id = says_topics_by_id(ApiKey::Produce, version);
        let mut answers: Vec<(BatchSlot, &ProducePartitionResponse)> = Vec::with_capacity(batches.len());
        let mut is_unanswered = vec![true; batches.len()];
        let mut is_sound = true;
        for topic in &response.topics {
            let named = if by_id { None } else { self.topics.find(&topic.name) };
            for told in &topic.partitions {
                let is_about = |batch: &ProducerBatch| {
                    let is_topic = if by_id { batch.sent_to == topic.id } else { named == Some(batch.partition.topic) };
                    is_topic && batch.partition.partition == told.partition
                };
                let place = batches.iter().position(|&slot| self.accumulator.batch(slot).is_some_and(is_about));
                match place {
                    Some(place) if is_unanswered[place] => {
                        is_unanswered[place] = false;
                        answers.push((batches[place], told));
                    }
                    // Told twice, or of a partition nobody asked about.
                    _ => is_sound = false,
                }
            }
        }
        let lost = Answer::lost(ErrorCode::NETWORK_EXCEPTION, node);
        if !is_sound {
            return self.complete_all(now, batches, &lost);
        }
        let mut leaders = Vec::new();
        for (slot, told) in answers {
            leaders.extend(self.new_leader(slot, told));
            self.complete(now, slot, &Answer::of(told));
        }
        for (&slot, _) in batches.iter().zip(is_unanswered).filter(|(_, is_unanswered)| *is_unanswered) {
            self.complete(now, slot, &lost);
        }
        self.metadata.on_current_leaders(&leaders, &response.node_endpoints);
    }

    pub(super) fn partition_of(&self, slot: BatchSlot) -> Option<PartitionRef> {
        self.accumulator.batch(slot).map(|batch| batch.partition)
    }

    fn new_leader(&self, slot: BatchSlot, told: &ProducePartitionResponse) -> Option<(PartitionRef, LeaderIdAndEpoch)> {
        let moved = [ErrorCode::NOT_LEADER_OR_FOLLOWER, ErrorCode::FENCED_LEADER_EPOCH].contains(&told.error);
        let leader = told.current_leader.filter(|leader| moved && leader.leader.0 >= 0 && leader.epoch >= 0)?;
        Some((self.partition_of(slot)?, leader))
    }

    /// One answer for all batches of a request, in the order of the map that the Java client keeps them in.
    pub(super) fn complete_all(&mut self, now: Instant, batches: &[BatchSlot], answer: &Answer) {
        let hash =
            |slot: &BatchSlot| self.partition_of(*slot).map_or(0, |partition| self.metadata.java_hash(partition));
        for slot in java_hash::in_sized_map_order(batches.to_vec(), hash) {
            self.complete(now, slot, answer);
        }
    }

    /// A batch's request is over, with this answer.
    fn complete(&mut self, now: Instant, slot: BatchSlot, answer: &Answer) {
        let Some(batch) = self.accumulator.batch(slot) else { return };
        let (partition, is_abandoned) = (batch.partition, batch.state() == BatchState::Abandoned);
        let what = self.judge(now, batch, answer);
        self.accumulator.on_answered(partition, slot);
        if planted(Defect::MutedForEver) && answer.lost.is_some() && self.config.max_in_flight == 1 {
            self.accumulator.mute(partition, true);
        }
        if answer.code.invalidates_metadata() {
            self.metadata_asked_by_answer |= !self.metadata.is_due(now);
            self.metadata.request_update();
        }
        match what {
            Verdict::Stored | Verdict::StoredEarlier => self.store(now, slot, answer.stored, is_abandoned),
            // Its fate was told already; only its memory was still out.
            _ if is_abandoned => {
                self.count_failed(now, slot);
                self.forget(now, slot);
            }
            Verdict::Retry => self.retry(now, slot, answer),
            Verdict::Split if self.split(now, slot) => {}
            Verdict::Split | Verdict::Fail => self.refuse_batch(now, slot, answer, false),
            Verdict::FailProducer => self.refuse_batch(now, slot, answer, true),
        }
    }

    /// A broker refused a batch for good.
    fn refuse_batch(&mut self, now: Instant, slot: BatchSlot, answer: &Answer, is_fatal: bool) {
        let Some(partition) = self.partition_of(slot) else { return };
        let error = self.error_of_batch(partition, answer);
        match &mut self.transactions {
            Some(transactions) => {
                transactions.on_batch_failed(&error);
                self.close_gap(slot, answer.code);
            }
            None => {
                if is_fatal {
                    self.identity.on(IdentitySignal::Fatal(error.clone()));
                }
                self.adjust_sequences(slot, answer.code);
            }
        }
        let persistence = self.persistence(slot, answer.code);
        let (error, record_errors) = Self::errors_of_records(&error, answer);
        self.count_failed(now, slot);
        self.fail(now, slot, BatchFailure { error, record_errors, persistence });
        self.forget(now, slot);
    }

    /// The records of a batch count as errors whenever an answer or their age fails it (`Sender.failBatch`): also one that
    /// had failed before, but not one that is aborted, nor any whose connection a closed producer hangs up.
    fn count_failed(&mut self, now: Instant, slot: BatchSlot) {
        if let Some(batch) = self.accumulator.batch(slot)
            && self.life != Life::Closed
        {
            self.meter.note(now, Event::Failed { topic: batch.partition.topic, records: batch.record_count });
        }
    }

    /// A batch that is too large for its broker is over, and its parts are tried in its place as if for the first time
    /// (`RecordAccumulator.splitAndReenqueue`). `false`: it cannot be split.
    fn split(&mut self, now: Instant, slot: BatchSlot) -> bool {
        let batch_size = self.batch_size() as usize;
        let Some(batch) = self.accumulator.batch_mut(slot) else { return false };
        let estimate = self.compressor.as_mut().map(|compressor| {
            compressor.on_split(batch.partition.topic, batch.compression_ratio);
            compressor.estimate(batch.partition.topic)
        });
        let codecs = self.compressor.as_ref().map(Compressor::codecs);
        let Some(parts) = batch.split(batch_size, estimate, codecs) else { return false };
        // Gone before its parts come, the first of which has its name.
        let Some(parent) = self.accumulator.remove(slot) else { return false };
        let slots = self.accumulator.put_parts(&parent, parts, self.identity.is_used());
        let accumulator = &self.accumulator;
        let children = || slots.iter().filter_map(|&slot| Some((slot, accumulator.batch(slot)?)));
        self.sequences.split(parent.partition, slot, children().map(|(slot, child)| (slot, child.record_count)));
        let told = |child: &ProducerBatch| SplitBatch {
            batch: child.id,
            records: child.record_count,
            bytes: u32::try_from(child.size_bytes()).unwrap_or(u32::MAX),
            capacity: u32::try_from(child.capacity()).unwrap_or(u32::MAX),
        };
        self.told.note(now, || Fact::BatchSplit {
            batch: parent.id,
            children: children().map(|(_, child)| told(child)).collect(),
        });
        self.recycle(now, parent);
        self.meter.note(now, Event::Split);
        true
    }

    fn judge(&self, now: Instant, batch: &ProducerBatch, answer: &Answer) -> Verdict {
        let is_over = batch.created_at + self.config.delivery_timeout <= now;
        verdict(Case {
            code: answer.code,
            record_count: batch.record_count,
            may_retry: !is_over && batch.attempts < self.config.retries && batch.state() == BatchState::InFlight,
            sequences_say_retry: self.identity.is_used() && self.advice(batch, answer) != Advice::None,
            is_idempotent: self.identity.is_used(),
        })
    }

    fn advice(&self, batch: &ProducerBatch, answer: &Answer) -> Advice {
        let answered = Answered {
            partition: batch.partition,
            base_sequence: batch.stamp.map_or(-1, |stamp| stamp.base_sequence),
            was_reset: batch.sequence_was_reset,
            log_start_offset: answer.log_start_offset,
            transactional: self.transactions.is_some(),
        };
        self.sequences.advice(answer.code, answered)
    }

    fn store(&mut self, now: Instant, slot: BatchSlot, stored: Stored, is_abandoned: bool) {
        let Some(batch) = self.accumulator.batch(slot) else { return };
        let (id, partition, count) = (batch.id, batch.partition, batch.record_count);
        if let Some(stamp @ Stamp { identity: Some(_), .. }) = batch.stamp {
            self.sequences.on_acked(partition, slot, stamp, count, stored.base_offset);
        }
        if !is_abandoned {
            self.told.note(now, || Fact::BatchAcked { batch: id, stored });
            self.tell_fate(slot, Ok(stored));
        }
        self.forget(now, slot);
    }

    fn retry(&mut self, now: Instant, slot: BatchSlot, answer: &Answer) {
        let Some(batch) = self.accumulator.batch(slot) else { return };
        let (partition, advice) = (batch.partition, self.advice(batch, answer));
        match advice {
            Advice::BumpAndRetry if self.identity.is_used() => self.sequences.request_bump(partition),
            Advice::RestartAndRetry => self.restart_sequences(partition),
            _ => {}
        }
        let Some(batch) = self.accumulator.batch(slot) else { return };
        let failures = if planted(Defect::BackoffDoesNotDouble) { 0 } else { batch.attempts };
        let pause = self.retry_backoff.pause(failures, &mut self.chance.retry);
        let acks = self.config.acks;
        let Some(batch) = self.accumulator.batch_mut(slot) else { return };
        batch.on(BatchSignal::TryAgain);
        batch.attempts += 1;
        batch.last_attempt_at = now;
        batch.backoff_until = Some(now + pause);
        let is_forgotten = planted(Defect::LostAnswerForgotten) && answer.lost.is_some();
        batch.possibly_persisted |=
            persistence_after(answer.code, acks) == Persistence::PossiblyPersisted && !is_forgotten;
        if planted(Defect::RetryTakesNewSequence) && batch.attempts > 1 {
            batch.stamp = None;
            self.sequences.remove(partition, slot);
        }
        let (id, attempt, records) = (batch.id, batch.sent, batch.record_count);
        self.meter.note(now, Event::Retried { topic: partition.topic, records });
        self.accumulator.reenqueue(slot, self.identity.is_used());
        let (error, until) = (answer.code, now + pause);
        self.told.note(now, || Fact::BatchRetried { batch: id, attempt, error, until });
    }

    /// The broker's error for the batch as a whole: what its transaction is told (`topLevelException` in
    /// `Sender.failBatch`).
    fn error_of_batch(&self, partition: PartitionRef, answer: &Answer) -> ProducerError {
        let of_broker = |message| ProducerError::Broker { code: answer.code, message };
        match (answer.code, answer.lost) {
            (ErrorCode::TOPIC_AUTHORIZATION_FAILED, _) => {
                ProducerError::TopicAuthorization { topics: vec![Arc::clone(self.topics.name(partition.topic))] }
            }
            (ErrorCode::CLUSTER_AUTHORIZATION_FAILED, _) => of_broker(Some(NOT_AUTHORIZED_TO_BE_IDEMPOTENT.into())),
            (ErrorCode::NETWORK_EXCEPTION, Some(node)) => ProducerError::Disconnected { node },
            (ErrorCode::REQUEST_TIMED_OUT, Some(node)) => {
                of_broker(Some(format!("Disconnected from node {node} due to timeout").into()))
            }
            _ => of_broker(answer.message.clone()),
        }
    }

    /// What the program is told of the batch's records (`Sender.failBatch`): of all, and of those that the broker named.
    fn errors_of_records(error: &ProducerError, answer: &Answer) -> (ProducerError, Vec<(u32, ProducerError)>) {
        if answer.record_errors.is_empty() {
            return (error.clone(), Vec::new());
        }
        // One record named: the batch's error is its own. Several: which of them has which error is not told, but for the
        // sentence, which stays that of the batch's error where the broker has no other.
        let code = if answer.record_errors.len() == 1 { answer.code } else { ErrorCode::INVALID_RECORD };
        let usual = || answer.message.clone().unwrap_or_else(|| answer.code.java_message().into());
        let of_record = |told: &RecordError| {
            let index = u32::try_from(told.batch_index).ok()?;
            Some((index, ProducerError::Broker { code, message: Some(told.message.clone().unwrap_or_else(usual)) }))
        };
        let mut record_errors: Vec<_> = answer.record_errors.iter().filter_map(of_record).collect();
        record_errors.sort_unstable_by_key(|&(index, _)| index);
        (ProducerError::BatchContainedInvalidRecords, record_errors)
    }

    /// A batch failed by an answer leaves a gap in its partition's sequences, which a new epoch closes. Not when its
    /// retries are used up: an earlier attempt may have been appended.
    fn adjust_sequences(&mut self, slot: BatchSlot, code: ErrorCode) {
        let Some(batch) = self.accumulator.batch(slot) else { return };
        if !self.identity.is_used() || self.identity.fatal_error().is_some() {
            return;
        }
        let is_out_of_order = [ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, ErrorCode::UNKNOWN_PRODUCER_ID].contains(&code);
        if is_out_of_order || batch.attempts < self.config.retries {
            self.sequences.request_bump(batch.partition);
        }
    }

    /// May the batch be in the log after an answer that failed it?
    fn persistence(&self, slot: BatchSlot, code: ErrorCode) -> Persistence {
        match persistence_after(code, self.config.acks) {
            Persistence::NotPersisted if planted(Defect::RefusalHidesLostAnswer) && !code.is_retriable() => {
                Persistence::NotPersisted
            }
            Persistence::NotPersisted if self.accumulator.batch(slot).is_some_and(|batch| batch.possibly_persisted) => {
                Persistence::PossiblyPersisted
            }
            persistence => persistence,
        }
    }

    /// Its broker speaks no version of Produce that we do.
    pub(super) fn on_unsendable(&mut self, now: Instant, slot: BatchSlot) {
        self.is_dirty = true;
        self.complete(now, slot, &Answer::none(ErrorCode::UNSUPPORTED_VERSION));
    }

    /// A batch lived too long, in its queue or in flight.
    pub(super) fn fail_expired(&mut self, now: Instant, slot: BatchSlot) {
        let Some(batch) = self.accumulator.batch(slot) else { return };
        if batch.state() == BatchState::Abandoned {
            return;
        }
        let error = ProducerError::DeliveryTimeout {
            records: batch.record_count,
            partition: self.topics.named(batch.partition),
            elapsed_ms: u64::try_from((now - batch.created_at).as_millis()).unwrap_or(u64::MAX),
        };
        // What was sent twice or more may be stored or not: what follows it must wait until that is known.
        if let Some(stamp) = batch.stamp.filter(|_| batch.attempts > 0) {
            self.sequences.mark_unresolved(batch.partition, stamp, batch.record_count);
        }
        let is_in_flight = batch.state() == BatchState::InFlight;
        self.count_failed(now, slot);
        if let Some(transactions) = &mut self.transactions {
            transactions.on_batch_failed(&error);
        }
        if is_in_flight {
            self.give_up_in_flight(now, slot, error, Persistence::PossiblyPersisted);
        } else {
            self.fail_queued(now, slot, error);
        }
    }

    /// Fails a batch whose request is out; its memory stays with it until the request's end, if there is a request.
    pub(super) fn give_up_in_flight(
        &mut self,
        now: Instant,
        slot: BatchSlot,
        error: ProducerError,
        persistence: Persistence,
    ) {
        if let Some(batch) = self.accumulator.batch(slot).filter(|batch| batch.is_stranded) {
            self.accumulator.on_answered(batch.partition, slot);
            return self.fail_queued(now, slot, error);
        }
        self.mark_abandoned(slot);
        if planted(Defect::GivenUpInSilence)
            && let Some(partition) = self.partition_of(slot)
        {
            return self.sequences.remove(partition, slot);
        }
        self.fail(now, slot, BatchFailure { error, record_errors: Vec::new(), persistence });
    }

    /// Was a batch given up without a word? Only a planted mistake leaves one without a fate whose request is still out.
    pub(super) fn is_given_up_in_silence(&self, slot: BatchSlot) -> bool {
        planted(Defect::GivenUpInSilence)
            && self.accumulator.batch(slot).is_some_and(|batch| batch.state() == BatchState::Abandoned)
    }

    /// Fails a batch that no request carries.
    pub(super) fn fail_queued(&mut self, now: Instant, slot: BatchSlot, error: ProducerError) {
        let Some(batch) = self.accumulator.batch(slot) else { return };
        let persistence =
            if batch.possibly_persisted { Persistence::PossiblyPersisted } else { Persistence::NotPersisted };
        self.fail(now, slot, BatchFailure { error, record_errors: Vec::new(), persistence });
        if planted(Defect::BufferNotReturned) {
            self.accumulator.remove(slot);
            return;
        }
        self.forget(now, slot);
    }

    fn fail(&mut self, now: Instant, slot: BatchSlot, mut failure: BatchFailure) {
        let Some(batch) = self.accumulator.batch(slot) else { return };
        let (id, partition, root_index) = (batch.id, batch.partition, batch.root_index);
        self.sequences.remove(partition, slot);
        // The broker counts in what it was sent, the application in what it sent.
        for (index, _) in &mut failure.record_errors {
            *index = index.saturating_add(root_index);
        }
        self.told.note(now, || Fact::BatchFailed {
            batch: id,
            error: failure.error.clone(),
            persistence: failure.persistence,
        });
        self.tell_fate(slot, Err(failure));
    }

    /// The application learns a batch's fate, once.
    fn tell_fate(&mut self, slot: BatchSlot, result: Result<Stored, BatchFailure>) {
        self.accumulator.on_fate(slot);
        let Some(batch) = self.accumulator.batch(slot) else { return };
        self.outputs.push_back(Output::Completed(BatchCompletion {
            batch: batch.root,
            first_index: batch.root_index,
            carrier: batch.id,
            is_last: !self.accumulator.has_incomplete_of(batch.root),
            topic: Arc::clone(self.topics.name(batch.partition.topic)),
            partition: batch.partition.partition,
            record_count: batch.record_count,
            attempts: batch.sent,
            result,
        }));
    }

    /// A batch is over and out of every list: its memory goes back.
    fn forget(&mut self, now: Instant, slot: BatchSlot) {
        if let Some(batch) = self.accumulator.remove(slot) {
            self.recycle(now, batch);
        }
    }

    /// Gives the memory of a batch back that is in no list any more. The parts of a split one have none: they were
    /// allocated outside the pool.
    fn recycle(&mut self, now: Instant, batch: ProducerBatch) {
        let memory = batch.memory;
        if memory > 0 {
            // Whoever still holds the bytes (a log in this very process) keeps them, and the next batch gets others.
            if let Ok(buffer) = batch.into_bytes().try_into_mut() {
                self.memory.recycle(buffer, memory);
            }
            if self.memory.release(memory) {
                self.tell_senders();
            }
            let used_bytes = self.memory.used();
            self.told.note(now, || Fact::MemoryUsed { used_bytes });
        }
        if self.life != Life::Open || !self.flushes.is_empty() {
            self.is_dirty = true;
        }
    }
}
