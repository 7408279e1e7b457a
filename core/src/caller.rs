//! The application as a state machine: Java's three ways to use the future that `send()` returns.
//!
//! ```text
//!            ┌───────────────────────── next record ─────────────────────────┐
//!            ▼                                                               │
//! Loop ──► Send ──appended──► get():    Get ──its batch met its fate────────►┤
//!            │ ▲      │       callback: goes on; it runs on the sender's side┤
//!      blocked │ retried      forget:   goes on ─────────────────────────────┤
//!            ▼ │      │                                                      │
//!   (waits inside     └refused, with a future that has failed already:       │
//!      send)                  get():    Get ──throws at once────────────────►┤
//!                             callback: Callback ──► Send (it runs there) ──►┤
//!                      refused, thrown: ────────────────────────────────────►┘
//! Loop ──► Flush ──all met their fate──► Loop
//! Loop ──► Close ──closed, or a new producer stands──► Loop
//! ```

use std::collections::VecDeque;
use std::sync::Arc;

use core::time::Duration;

use crate::bridge::{Habit, RecordSpec, SendId};
use crate::error::{Persistence, ProducerError, Surface};
use crate::ids::BatchId;
use crate::io::BatchCompletion;
use crate::producer::{Flush, Producer, SendAttempt, SendRefusal, Sent};
use crate::record::{Header, Record};
use crate::scenario::{LoadPlan, RecordBuffer};
use crate::time::{Instant, Now};
use crate::trace::{Fact, Observer, Statement};

/// Records handed over in one turn before others get theirs.
const RECORDS_PER_TURN: u32 = 256;

/// What a serialiser of texts says of a number (`KafkaProducer.doSend`).
const ANOTHER_TYPE: &str = "Can't convert value of class java.lang.Integer to class \
    org.apache.kafka.common.serialization.StringSerializer specified in value.serializer";

/// Records sent with one habit, one after the other.
#[derive(Clone, Debug)]
pub struct Job {
    /// Name given by whoever asked.
    pub id: SendId,
    /// How the program deals with the future.
    pub habit: Habit,
    /// What to send.
    pub records: Records,
    /// How many.
    pub count: u32,
}

/// What a job sends.
#[derive(Clone, Debug)]
pub enum Records {
    /// The same record every time.
    Same(Arc<RecordSpec>),
    /// Those of a load, each when it is due.
    Planned(Arc<PlannedRecords>),
}

/// Records of a load, or every so-manieth of them.
#[derive(Clone, Debug)]
pub struct PlannedRecords {
    /// Their topic.
    pub topic: Arc<str>,
    /// Their explicit partition.
    pub partition: Option<i32>,
    /// Their timestamp, as so many milliseconds after the program's clock; `None`: the producer sets it.
    pub timestamp_offset_ms: Option<i64>,
    /// Their bytes and times.
    pub plan: Arc<LoadPlan>,
    /// The first of them.
    pub first: u32,
    /// From one to the next: as many as there are threads that share the load.
    pub step: u32,
    /// Are they sent at once, whenever the load has them due? So it is with a record that is sent again.
    pub is_due_at_once: bool,
}

impl PlannedRecords {
    /// Place in the load of the job's record with this number.
    pub fn place(&self, index: u32) -> u32 {
        self.first + index * self.step
    }
}

/// Somebody who watches a program call `send`.
pub trait Witness {
    /// It calls `send` with this record, the so-manieth of its job.
    fn calls(&mut self, _now: Now, _job: SendId, _index: u32, _record: &Record<'_>) {}

    /// `send` returned or threw.
    fn called(&mut self, called: Called);

    /// It calls `flush` or `close`.
    fn waits(&mut self, _now: Now, _what: Wait) {}

    /// That has returned.
    fn waited(&mut self, _now: Now) {}
}

/// What a program waits for that is no record's fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// `flush()`.
    Flush,
    /// `close()`, with or without a timeout.
    Close,
}

impl<F: FnMut(Called)> Witness for F {
    fn called(&mut self, called: Called) {
        self(called);
    }
}

/// What became of one call of `send`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called {
    /// Of which job.
    pub job: SendId,
    /// With which habit.
    pub habit: Habit,
    /// Which of its records, from 0.
    pub record: u32,
    /// Send order, as its producer counts.
    pub ordinal: u64,
    /// When the program called `send`.
    pub called_at: Instant,
    /// When it returned or threw.
    pub returned_at: Instant,
    /// In its batch, or refused.
    pub result: Result<Sent, Refused>,
}

/// A record that `send` refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub error: ProducerError,
    /// Where the program meets it.
    pub surface: Surface,
    /// May it be in the log all the same?
    pub persistence: Persistence,
    /// Partition of the `RecordMetadata` beside it; `None`: −1.
    pub partition: Option<i32>,
}

#[derive(Clone, Debug)]
enum Task {
    Send {
        job: Job,
        next: u32,
        /// When the program came to it.
        begun: Option<Instant>,
    },
    Flush,
    Close {
        timeout: Option<Duration>,
    },
    ChangeProducer,
}

/// What the program waits for.
#[derive(Clone, Debug)]
enum Doing {
    /// Nothing: it takes the next record.
    Ready,
    /// Inside `send`, for metadata or memory.
    Blocked { attempt: SendAttempt, called: Now },
    /// Inside `get()`, for the batch that carries its record.
    Getting { batch: BatchId, index: u32, ordinal: u64 },
    /// Inside `flush()`.
    Flushing(Flush),
    /// Inside `close()`.
    Closing,
    /// Inside `close()`, with another producer to come.
    Changing,
}

/// One application thread.
#[derive(Clone, Debug)]
pub struct Caller {
    tasks: VecDeque<Task>,
    doing: Doing,
    stands: Statement,
    /// Time the program spends on itself between two calls of `send`. Zero natively, where it really takes time.
    pace: Duration,
    not_before: Instant,
    /// The bytes of a planned record.
    buffer: RecordBuffer,
}

impl Caller {
    /// A program that takes `pace` between two calls of `send`.
    pub fn new(pace: Duration) -> Self {
        Self {
            tasks: VecDeque::new(),
            doing: Doing::Ready,
            stands: Statement::Loop,
            pace,
            not_before: Instant::ZERO,
            buffer: RecordBuffer::default(),
        }
    }

    /// One that begins then.
    #[must_use]
    pub fn beginning_at(self, at: Instant) -> Self {
        Self { not_before: at, ..self }
    }

    /// Gives the program more to send, after what it has.
    pub fn enqueue(&mut self, job: Job) {
        self.tasks.push_back(Task::Send { job, next: 0, begun: None });
    }

    /// Gives the program something to send before all else, but for the call that has not returned.
    pub fn enqueue_first(&mut self, job: Job) {
        let place = usize::from(!matches!(self.doing, Doing::Ready | Doing::Getting { .. }));
        self.tasks.insert(place.min(self.tasks.len()), Task::Send { job, next: 0, begun: None });
    }

    /// Has the program call `flush()` after what it has.
    pub fn enqueue_flush(&mut self) {
        // Nothing was sent since the one that waits: it does for both.
        if !matches!(self.tasks.back(), Some(Task::Flush)) {
            self.tasks.push_back(Task::Flush);
        }
    }

    /// Has the program call `close()` with this patience, or `close()` without end, after what it has.
    pub fn enqueue_close(&mut self, timeout: Option<Duration>) {
        self.tasks.push_back(Task::Close { timeout });
    }

    /// Has the program close its producer and take another after what it has; see
    /// [`is_changing_producer`](Self::is_changing_producer).
    pub fn enqueue_change_of_producer(&mut self) {
        self.tasks.push_back(Task::ChangeProducer);
    }

    /// Is the last thing it has to do a change of its producer, and not yet begun?
    pub fn ends_with_a_change_of_producer(&self) -> bool {
        let begun = if self.is_changing_producer() { 1 } else { 0 };
        self.tasks.len() > begun && matches!(self.tasks.back(), Some(Task::ChangeProducer))
    }

    /// Has the program break off its loops. Tells of every job that ends early how many of its records were handed to
    /// `send`; one for which `send` waits counts as handed over.
    pub fn break_off(&mut self) -> Vec<(SendId, u32)> {
        let mut broken_off = Vec::new();
        let mut waits_in_send = matches!(self.doing, Doing::Blocked { .. });
        self.tasks.retain_mut(|task| {
            let Task::Send { job, next, .. } = task else { return true };
            let called = *next + u32::from(core::mem::take(&mut waits_in_send));
            if called < job.count {
                broken_off.push((job.id, called));
                job.count = called;
            }
            called > 0
        });
        broken_off
    }

    /// Does it come to `send` next, to wait in `get()` for what it sends?
    pub fn sends_and_gets_next(&self) -> bool {
        let is_get = |task: &Task| matches!(task, Task::Send { job, .. } if job.habit == Habit::Get);
        matches!(self.doing, Doing::Ready) && self.tasks.front().is_some_and(is_get)
    }

    /// Does it stand in `close()` and wait for [`on_new_producer`](Self::on_new_producer)?
    pub fn is_changing_producer(&self) -> bool {
        matches!(self.doing, Doing::Changing)
    }

    /// The producer it waited for stands: this one. The old one has settled everything.
    pub fn on_new_producer<O: Observer>(&mut self, now: Now, producer: &mut Producer<O>) {
        if self.is_changing_producer() {
            self.doing = Doing::Ready;
            self.tasks.pop_front();
            self.stand(now, Statement::Loop, producer);
        }
    }

    /// The statement on which it stands.
    pub fn stands(&self) -> Statement {
        self.stands
    }

    /// Has it nothing left to do?
    pub fn is_idle(&self) -> bool {
        self.tasks.is_empty() && matches!(self.doing, Doing::Ready)
    }

    /// A batch met its fate: `get()` on one of its records returns.
    pub fn on_completed<O: Observer>(&mut self, now: Now, completion: &BatchCompletion, producer: &mut Producer<O>) {
        if let Doing::Getting { batch, index, ordinal } = self.doing
            && completion.covers(batch, index)
        {
            producer.observer_mut().note(now.instant(), || Fact::GetReturned { ordinal });
            self.doing = Doing::Ready;
            self.stand(now, Statement::Loop, producer);
        }
    }

    /// Goes on until the program waits or its turn is over, before the eyes of `witness`. Returns when it wants its next
    /// turn although nothing happens.
    pub fn run<O: Observer>(
        &mut self,
        now: Now,
        producer: &mut Producer<O>,
        mut witness: impl Witness,
    ) -> Option<Instant> {
        let mut budget = RECORDS_PER_TURN;
        loop {
            match &self.doing {
                Doing::Getting { .. } | Doing::Changing => return None,
                Doing::Flushing(flush) => {
                    if !producer.is_flushed(flush) {
                        return None;
                    }
                    witness.waited(now);
                    self.doing = Doing::Ready;
                    self.tasks.pop_front();
                    self.stand(now, Statement::Loop, producer);
                }
                Doing::Closing => {
                    if !producer.is_closed() {
                        return None;
                    }
                    witness.waited(now);
                    self.doing = Doing::Ready;
                    self.tasks.pop_front();
                    self.stand(now, Statement::Loop, producer);
                }
                Doing::Ready | Doing::Blocked { .. } => match self.tasks.front() {
                    None => return None,
                    Some(&Task::Close { timeout }) => {
                        producer.close(now, timeout);
                        witness.waits(now, Wait::Close);
                        self.doing = Doing::Closing;
                        self.stand(now, Statement::Close, producer);
                    }
                    Some(Task::Flush) => {
                        witness.waits(now, Wait::Flush);
                        self.doing = Doing::Flushing(producer.begin_flush(now));
                        self.stand(now, Statement::Flush, producer);
                    }
                    Some(Task::ChangeProducer) => {
                        self.doing = Doing::Changing;
                        self.stand(now, Statement::Close, producer);
                    }
                    Some(Task::Send { .. }) => {
                        if now.instant() < self.not_before {
                            return Some(self.not_before);
                        }
                        if budget == 0 {
                            return Some(now.instant());
                        }
                        if let Some(wake) = self.send_some(now, &mut budget, producer, &mut witness) {
                            return wake;
                        }
                    }
                },
            }
        }
    }

    /// Calls `send` for the job in front until it ends, the program waits, or the turn is over. `Some` ends the turn.
    fn send_some<O: Observer>(
        &mut self,
        now: Now,
        budget: &mut u32,
        producer: &mut Producer<O>,
        witness: &mut impl Witness,
    ) -> Option<Option<Instant>> {
        let Some(Task::Send { job, next, begun }) = self.tasks.front_mut() else { return None };
        let (id, habit, count, records) = (job.id, job.habit, job.count, job.records.clone());
        let begun = *begun.get_or_insert(now.instant());
        let mut index = *next;
        let mut buffer = core::mem::take(&mut self.buffer);
        let same_headers = match &records {
            Records::Same(spec) => headers_of(spec),
            Records::Planned(_) => Vec::new(),
        };
        let mut end_of_turn = None;
        while index < count && *budget > 0 && end_of_turn.is_none() {
            if let Records::Planned(planned) = &records
                && !planned.is_due_at_once
                && let due = begun + Duration::from_micros(planned.plan.due_us(planned.place(index)))
                && due > now.instant()
            {
                self.stand(now, Statement::Loop, producer);
                end_of_turn = Some(Some(due));
                break;
            }
            let (mut attempt, called, is_new) = match core::mem::replace(&mut self.doing, Doing::Ready) {
                Doing::Blocked { attempt, called } => (attempt, called, false),
                _ => (SendAttempt::default(), now, true),
            };
            let headers: Vec<Header<'_>>;
            let record = match &records {
                Records::Same(spec) => record_of(spec, &same_headers),
                Records::Planned(planned) => {
                    planned.plan.write(planned.place(index), called.wall_ms, &mut buffer);
                    headers = buffer.headers(&planned.plan).collect();
                    Record {
                        topic: &planned.topic,
                        partition: planned.partition,
                        timestamp_ms: planned.timestamp_offset_ms.map(|offset| called.wall_ms.saturating_add(offset)),
                        key: buffer.key(),
                        value: buffer.value(),
                        headers: &headers,
                    }
                }
            };
            if is_new {
                witness.calls(now, id, index, &record);
            }
            self.stand(now, Statement::Send, producer);
            let answer = match &records {
                Records::Planned(planned) if planned.plan.is_of_another_type() => {
                    Err(producer.send_what_no_serializer_takes(now, &mut attempt, &record, ANOTHER_TYPE.into()))
                }
                _ => producer.send(now, &mut attempt, &record),
            };
            let ordinal = attempt.ordinal();
            let result = match answer {
                Err(SendRefusal::Blocked { until, .. }) => {
                    self.doing = Doing::Blocked { attempt, called };
                    end_of_turn = Some(Some(until));
                    break;
                }
                Ok(sent) => {
                    if habit == Habit::Get {
                        self.doing = Doing::Getting { batch: sent.batch, index: sent.index, ordinal };
                        self.stand(now, Statement::Get, producer);
                        end_of_turn = Some(None);
                    }
                    Ok(sent)
                }
                Err(refusal) => {
                    let persistence = refusal.persistence();
                    let (error, partition) = match refusal {
                        SendRefusal::FailedInItsBatch { error, sent } => (error, Some(sent.partition)),
                        SendRefusal::Failed { error, partition } => (error, partition),
                        SendRefusal::Blocked { .. } => unreachable!("matched above"),
                    };
                    let surface = error.surface_in_send();
                    if surface == Surface::FutureOnCaller {
                        self.meet_failed_future(now, habit, ordinal, producer);
                    }
                    Err(Refused { error, surface, persistence, partition })
                }
            };
            let called_at = called.instant();
            let returned_at = now.instant();
            witness.called(Called { job: id, habit, record: index, ordinal, called_at, returned_at, result });
            index += 1;
            *budget -= 1;
            if !self.pace.is_zero() {
                self.not_before = now.instant() + self.pace;
                end_of_turn = end_of_turn.or(Some(Some(self.not_before)));
            }
        }
        self.buffer = buffer;
        if let Some(Task::Send { next, .. }) = self.tasks.front_mut() {
            *next = index;
        }
        if index >= count {
            self.tasks.pop_front();
            if matches!(self.doing, Doing::Ready) {
                self.stand(now, Statement::Loop, producer);
            }
        }
        end_of_turn
    }

    /// `send` returned a future that has failed already.
    fn meet_failed_future<O: Observer>(&mut self, now: Now, habit: Habit, ordinal: u64, producer: &mut Producer<O>) {
        match habit {
            Habit::Get => {
                self.stand(now, Statement::Get, producer);
                producer.observer_mut().note(now.instant(), || Fact::GetReturned { ordinal });
                self.stand(now, Statement::Loop, producer);
            }
            Habit::Callback => {
                self.stand(now, Statement::Callback, producer);
                producer.observer_mut().note(now.instant(), || Fact::CallbackRanOnCaller { ordinal });
                // The callback runs inside `send`, which returns only now.
                self.stand(now, Statement::Send, producer);
            }
            Habit::Forget => {}
        }
    }

    fn stand<O: Observer>(&mut self, now: Now, statement: Statement, producer: &mut Producer<O>) {
        if self.stands != statement {
            self.stands = statement;
            producer.observer_mut().note(now.instant(), || Fact::CallerStands(statement));
        }
    }
}

fn headers_of(spec: &RecordSpec) -> Vec<Header<'_>> {
    spec.headers.iter().map(|header| Header { key: &header.key, value: header.value.as_deref() }).collect()
}

fn record_of<'a>(spec: &'a RecordSpec, headers: &'a [Header<'a>]) -> Record<'a> {
    Record {
        topic: &spec.topic,
        partition: spec.partition,
        timestamp_ms: spec.timestamp_ms,
        key: spec.key.as_deref(),
        value: spec.value.as_deref(),
        headers,
    }
}
