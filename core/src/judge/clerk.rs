//! Writes down what a program does and is told, where results come batch by batch.

use std::collections::BTreeMap;

use super::history::{CallId, Failure, Fate, History, Metadata};
use crate::bridge::{self, Outcome, RecordSpec, SendId};
use crate::error::{Persistence, ProducerError, Surface};
use crate::ids::{BatchId, ProducerIndex};
use crate::io::BatchCompletion;
use crate::producer::{SendRefusal, Sent};
use crate::record::{Header, Record};
use crate::time::Instant;

/// A record in a batch: its place there, its call, and its time.
type Waiting = (u32, CallId, i64);

/// The witness beside a program that drives a producer itself ([`crate::application::Application`]).
#[derive(Clone, Debug, Default)]
pub struct Clerk {
    /// What was written down.
    pub history: History,
    /// The calls whose records wait in a batch.
    waiting: BTreeMap<(ProducerIndex, BatchId), Vec<Waiting>>,
}

impl Clerk {
    /// A witness who goes on with this history.
    pub fn new(history: History) -> Self {
        Self { history, waiting: BTreeMap::new() }
    }

    /// `send()` returned: in a batch, or refused. Not for [`SendRefusal::Blocked`]: then it has not returned.
    pub fn returned(&mut self, at: Instant, call: CallId, answer: &Result<Sent, SendRefusal>) {
        match answer {
            Ok(sent) => self.appended(at, call, sent),
            Err(SendRefusal::Blocked { .. }) => {}
            Err(SendRefusal::FailedInItsBatch { error, sent }) => {
                // The program is told once, and its record goes its way: the batch's word is no second one.
                self.history.returned(at, call, Some(sent.partition));
                self.failed(at, call, error, error.surface_in_send(), Persistence::PossiblyPersisted);
            }
            Err(SendRefusal::Failed { error, partition }) => {
                self.history.returned(at, call, *partition);
                self.failed(at, call, error, error.surface_in_send(), Persistence::NotPersisted);
            }
        }
    }

    /// A batch met its fate, or a part of it.
    pub fn completed(&mut self, at: Instant, producer: ProducerIndex, completion: &BatchCompletion) {
        let waiting = self.waiting.entry((producer, completion.batch)).or_default();
        let told: Vec<_> = waiting.extract_if(.., |(index, ..)| completion.covers_place(*index)).collect();
        for (index, call, timestamp_ms) in told {
            let fate = match &completion.result {
                Ok(stored) => Fate::Acknowledged(Metadata {
                    partition: completion.partition,
                    offset: completion.offset_of(index),
                    timestamp_ms: Some(stored.log_append_time_ms.unwrap_or(timestamp_ms)),
                }),
                Err(failure) => {
                    let own = failure.record_errors.iter().find(|(named, _)| *named == index);
                    let error = own.map_or(&failure.error, |(_, error)| error);
                    Fate::Failed(Failure::of(error, Surface::FutureOnSender, failure.persistence))
                }
            };
            self.history.tell(at, call, fate);
        }
        if completion.is_last {
            self.waiting.remove(&(producer, completion.batch));
        }
    }

    fn appended(&mut self, at: Instant, call: CallId, sent: &Sent) {
        self.history.returned(at, call, Some(sent.partition));
        let producer = self.history.calls[call.0 as usize].producer;
        self.waiting.entry((producer, sent.batch)).or_default().push((sent.index, call, sent.timestamp_ms));
    }

    fn failed(&mut self, at: Instant, call: CallId, error: &ProducerError, surface: Surface, persistence: Persistence) {
        self.history.tell(at, call, Fate::Failed(Failure::of(error, surface, persistence)));
    }
}

/// The witness beside a page that asks a session to send, and is told outcomes.
#[derive(Clone, Debug, Default)]
pub struct SessionClerk {
    /// What was written down.
    pub history: History,
    /// The first call of each send; the others follow one by one.
    first: BTreeMap<SendId, CallId>,
}

impl SessionClerk {
    /// A witness who goes on with this history.
    pub fn new(history: History) -> Self {
        Self { history, first: BTreeMap::new() }
    }

    /// The page asks for this record, so many times. When `send()` returns in the session, the page does not learn.
    pub fn sent(&mut self, at: Instant, producer: ProducerIndex, send: SendId, spec: &RecordSpec, count: u32) {
        let headers: Vec<_> =
            spec.headers.iter().map(|header| Header { key: &header.key, value: header.value.as_deref() }).collect();
        let record = Record {
            topic: &spec.topic,
            partition: spec.partition,
            timestamp_ms: spec.timestamp_ms,
            key: spec.key.as_deref(),
            value: spec.value.as_deref(),
            headers: &headers,
        };
        for number in 0..count {
            let call = self.history.call(at, producer, 0, &record);
            if number == 0 {
                self.first.insert(send, call);
            }
        }
    }

    /// The page is told an outcome.
    pub fn outcome(&mut self, at: Instant, outcome: &Outcome) {
        let Some(&CallId(first)) = self.first.get(&outcome.send) else { return };
        for number in 0..outcome.count {
            let call = CallId(first + outcome.first_record + number);
            if call.0 as usize >= self.history.calls.len() {
                return;
            }
            let fate = match &outcome.fate {
                bridge::Fate::Acked(told) => Fate::Acknowledged(Metadata {
                    partition: told.partition,
                    offset: (told.first_offset >= 0).then(|| told.first_offset + i64::from(number)),
                    timestamp_ms: told.timestamps_ms.get(number as usize).copied(),
                }),
                bridge::Fate::Failed { error, surface, persistence, .. } => {
                    Fate::Failed(Failure::of(error, *surface, *persistence))
                }
            };
            self.history.tell(at, call, fate);
        }
    }

    /// The session was not recovered: whatever has no outcome will never have one.
    pub fn lost(&mut self, at: Instant) {
        let told: std::collections::BTreeSet<CallId> = self.history.told.iter().map(|told| told.call).collect();
        let count = u32::try_from(self.history.calls.len()).unwrap_or(u32::MAX);
        for call in (0..count).map(CallId).filter(|call| !told.contains(call)) {
            self.history.tell(at, call, Fate::Unknown);
        }
    }
}
