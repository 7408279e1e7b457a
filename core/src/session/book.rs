//! Which records of which sends travel in which batch, so that a batch's fate can be told send by send.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::bridge::{Fate, Habit, Outcome, RecordSpec, RecordsMetadata, SendId};
use crate::caller::Called;
use crate::error::Surface;
use crate::ids::{BatchId, ProducerIndex, RecordName};
use crate::io::BatchCompletion;
use crate::producer::Sent;
use crate::time::Instant;

use super::micros_since;

/// Consecutive records of one send in one batch.
#[derive(Clone, Debug)]
struct Run {
    send: SendId,
    habit: Habit,
    first_record: u32,
    first_ordinal: u64,
    first_index: u32,
    key_size: i32,
    value_size: i32,
    called_at: Vec<Instant>,
    timestamps_ms: Vec<i64>,
}

impl Run {
    fn count(&self) -> u32 {
        u32::try_from(self.called_at.len()).unwrap_or(u32::MAX)
    }

    /// The records before this place of the batch, and those from there on.
    fn cut_at(mut self, index: u32) -> (Option<Self>, Option<Self>) {
        let before = index.saturating_sub(self.first_index).min(self.count());
        let (first_record, first_ordinal) = (self.first_record + before, self.first_ordinal + u64::from(before));
        let rest = Self {
            called_at: self.called_at.split_off(before as usize),
            timestamps_ms: self.timestamps_ms.split_off(before as usize),
            first_record,
            first_ordinal,
            first_index: self.first_index + before,
            ..self
        };
        let some = |run: Self| (!run.called_at.is_empty()).then_some(run);
        (some(self), some(rest))
    }

    fn continues_with(&self, called: &Called, sent: &Sent) -> bool {
        let count = self.count();
        self.send == called.job && self.first_record + count == called.record && self.first_index + count == sent.index
    }
}

/// All batches under way that carry records of this session.
#[derive(Clone, Debug, Default)]
pub(super) struct Book {
    batches: BTreeMap<BatchId, Vec<Run>>,
    producer: ProducerIndex,
    next_ordinal: u64,
}

impl Book {
    /// The producer whose batches these are.
    pub(super) fn producer(&self) -> ProducerIndex {
        self.producer
    }

    /// Where the next producer begins to count its records.
    pub(super) fn next_ordinal(&self) -> u64 {
        self.next_ordinal
    }

    /// Another producer took over, and names its batches from 0 again.
    pub(super) fn start_over(&mut self, producer: ProducerIndex) {
        self.producer = producer;
    }

    /// `send` was called: whatever became of the record, its place in send order is taken.
    pub(super) fn count(&mut self, called: &Called) {
        self.next_ordinal = self.next_ordinal.max(called.ordinal + 1);
    }

    /// A record was written into its batch.
    pub(super) fn enter(&mut self, called: &Called, sent: &Sent, spec: &RecordSpec) {
        let runs = self.batches.entry(sent.batch).or_default();
        match runs.last_mut() {
            Some(run) if run.continues_with(called, sent) => {
                run.called_at.push(called.called_at);
                run.timestamps_ms.push(sent.timestamp_ms);
            }
            _ => runs.push(Run {
                send: called.job,
                habit: called.habit,
                first_record: called.record,
                first_ordinal: called.ordinal,
                first_index: sent.index,
                key_size: serialised_size(&spec.key),
                value_size: serialised_size(&spec.value),
                called_at: vec![called.called_at],
                timestamps_ms: vec![sent.timestamp_ms],
            }),
        }
    }

    /// A batch met its fate, or a part of it: its outcomes, send by send, and the number of callbacks that run.
    pub(super) fn settle(&mut self, now: Instant, completion: &BatchCompletion) -> (Vec<Outcome>, u32) {
        let runs = self.take(completion);
        let callbacks = runs.iter().filter(|run| run.habit == Habit::Callback).map(Run::count).sum();
        let producer = self.producer;
        let outcomes = runs.into_iter().flat_map(|run| outcomes_of(now, run, producer, completion)).collect();
        (outcomes, callbacks)
    }
}

impl Book {
    /// The runs of which a completion speaks; what it leaves out stays.
    fn take(&mut self, completion: &BatchCompletion) -> Vec<Run> {
        let all = self.batches.remove(&completion.batch).unwrap_or_default();
        if completion.is_last {
            return all;
        }
        let (begin, end) = (completion.first_index, completion.first_index + completion.record_count);
        let (mut taken, mut left) = (Vec::new(), Vec::new());
        for run in all {
            let (before, rest) = run.cut_at(begin);
            let (inside, behind) = rest.map_or((None, None), |rest| rest.cut_at(end));
            taken.extend(inside);
            left.extend([before, behind].into_iter().flatten());
        }
        self.batches.insert(completion.batch, left);
        taken
    }
}

/// One outcome for a run that shares its fate; one per record where the broker named single records.
fn outcomes_of(now: Instant, run: Run, producer: ProducerIndex, completion: &BatchCompletion) -> Vec<Outcome> {
    let name = |index| RecordName { producer, batch: completion.batch, index };
    let outcome = |from: usize, count: usize, fate: Fate| Outcome {
        number: 0,
        send: run.send,
        first_record: run.first_record + u32::try_from(from).unwrap_or(u32::MAX),
        first_ordinal: run.first_ordinal + from as u64,
        count: u32::try_from(count).unwrap_or(u32::MAX),
        latency_us: run.called_at[from..from + count].iter().map(|&then| micros_since(now, then)).collect(),
        fate,
    };
    let all = run.called_at.len();
    match &completion.result {
        Ok(stored) => {
            let first_offset = completion.offset_of(run.first_index).unwrap_or(-1);
            let timestamps_ms = match stored.log_append_time_ms {
                Some(time) => vec![time; all],
                None => run.timestamps_ms.clone(),
            };
            let metadata = RecordsMetadata {
                first: name(run.first_index),
                topic: Arc::clone(&completion.topic),
                partition: completion.partition,
                first_offset,
                timestamps_ms,
                log_append_time: stored.log_append_time_ms.is_some(),
                key_size: run.key_size,
                value_size: run.value_size,
                attempts: completion.attempts,
            };
            vec![outcome(0, all, Fate::Acked(metadata))]
        }
        Err(failure) => {
            let failed = |first, error| Fate::Failed {
                error,
                surface: Surface::FutureOnSender,
                persistence: failure.persistence,
                partition: completion.partition,
                topic: Arc::clone(&completion.topic),
                first: Some(name(first)),
            };
            if failure.record_errors.is_empty() {
                return vec![outcome(0, all, failed(run.first_index, failure.error.clone()))];
            }
            (0..all)
                .map(|place| {
                    let index = run.first_index + u32::try_from(place).unwrap_or(u32::MAX);
                    let own = failure.record_errors.iter().find(|(named, _)| *named == index);
                    let error = own.map_or_else(|| failure.error.clone(), |(_, error)| error.clone());
                    outcome(place, 1, failed(index, error))
                })
                .collect()
        }
    }
}

fn serialised_size(side: &Option<Arc<[u8]>>) -> i32 {
    side.as_ref().map_or(-1, |bytes| i32::try_from(bytes.len()).unwrap_or(i32::MAX))
}
