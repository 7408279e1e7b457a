//! The program around one producer: its threads, its callbacks, and what it is told.
//!
//! *Models*: threads that share one producer, each with its loads; the three habits; callbacks that sleep, send, wait for
//! ever or throw, on the sender's thread; a program that sends a failed record again. *Leaves out*: a callback whose `send`
//! has to wait keeps the sender's thread waiting in Java; here a thread of its own waits.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::append_only::AppendOnly;
use crate::application::Application;
use crate::bridge::{Habit, SendId};
use crate::caller::{Called, Caller, Job, PlannedRecords, Records, Refused, Wait, Witness};
use crate::error::{Persistence, ProducerError, Surface};
use crate::ids::BatchId;
use crate::io::BatchCompletion;
use crate::producer::Producer;
use crate::record::Record;
use crate::scenario::{InCallback, Then};
use crate::time::{Instant, Now};
use crate::trace::{Fact, Observer};

/// A sleep from which nobody wakes.
const FOR_EVER: Duration = Duration::from_secs(u64::MAX / 2_000_000);

/// A call of `send`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Call {
    /// The thread.
    pub(super) member: u32,
    /// Its job, by its place in [`Troupe::jobs`].
    pub(super) job: u32,
    /// Which of the job's records.
    pub(super) index: u32,
    /// When.
    pub(super) at: Now,
    /// How often this record was handed to `send` before, because it failed.
    tries: u32,
    /// How many callbacks stand between it and a record that no callback sent.
    generation: u32,
}

/// What the program did and was told.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said {
    /// `send` was called.
    Called { call: u32 },
    /// `send` returned.
    Returned { at: Instant, call: u32, partition: Option<i32> },
    /// A record is stored.
    Acknowledged { at: Instant, call: u32, partition: i32, offset: Option<i64>, timestamp_ms: i64 },
    /// A record failed.
    Failed { at: Instant, call: u32, error: ProducerError, surface: Surface, persistence: Persistence },
    /// A thread called `flush` or `close`.
    Waits { at: Instant, member: u32, what: Wait },
    /// That returned.
    Waited { at: Instant, member: u32 },
}

/// A thread.
#[derive(Clone, Debug)]
struct Member {
    caller: Caller,
    habit: Habit,
    callback: InCallback,
    sends_again: u32,
    exits: bool,
    /// The call that `send` has not returned from.
    calling: Option<u32>,
}

/// How far the program is, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls of `send` that have returned or thrown.
    pub sent: u64,
    /// Records acknowledged.
    pub acked: u64,
    /// Records whose send failed.
    pub failed: u64,
}

/// A program and what became of its records.
#[derive(Clone, Debug, Default)]
pub struct Troupe {
    members: Vec<Member>,
    pub(super) jobs: Vec<Arc<PlannedRecords>>,
    /// The habit, tries and generation with which a job's records are sent.
    manners: Vec<(Habit, u32, u32)>,
    pub(super) calls: AppendOnly<Call>,
    pub(super) said: AppendOnly<Said>,
    /// Records in batches: their places there, the calls, the timestamps.
    waiting: BTreeMap<BatchId, Vec<(u32, u32, i64)>>,
    counts: Counts,
    in_callbacks: Duration,
    /// From when to when callbacks kept the sender's thread.
    pub(super) busy: AppendOnly<(Instant, Instant)>,
    has_ended: bool,
}

/// How a thread is to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner<'a> {
    pub(super) habit: Habit,
    pub(super) begins: Instant,
    pub(super) pace: Duration,
    pub(super) callback: &'a InCallback,
    pub(super) sends_again: u32,
    pub(super) then: &'a Then,
}

impl Troupe {
    /// One more thread, with what it sends and how many of each.
    pub(super) fn add(&mut self, manner: Manner<'_>, loads: Vec<(Arc<PlannedRecords>, u32)>) {
        let mut caller = Caller::new(manner.pace).beginning_at(manner.begins);
        for (records, count) in loads {
            caller.enqueue(self.job(records, count, (manner.habit, 0, 0)));
        }
        match manner.then {
            Then::Stay {} | Then::Exit {} => {}
            Then::Flush {} => caller.enqueue_flush(),
            Then::Close { timeout_us } => caller.enqueue_close(timeout_us.map(Duration::from_micros)),
        }
        self.members.push(Member {
            caller,
            habit: manner.habit,
            callback: manner.callback.clone(),
            sends_again: manner.sends_again,
            exits: matches!(manner.then, Then::Exit {}),
            calling: None,
        });
    }

    fn job(&mut self, records: Arc<PlannedRecords>, count: u32, manner: (Habit, u32, u32)) -> Job {
        let id = self.jobs.len() as SendId;
        self.jobs.push(Arc::clone(&records));
        self.manners.push(manner);
        Job { id, habit: manner.0, records: Records::Planned(records), count }
    }

    /// A thread of its own calls `flush()`, or `close()`.
    pub(super) fn in_a_new_thread(&mut self, order: impl FnOnce(&mut Caller)) {
        let mut caller = Caller::new(Duration::ZERO);
        order(&mut caller);
        let callback = InCallback::default();
        let member = Member { caller, habit: Habit::Forget, callback, sends_again: 0, exits: false, calling: None };
        self.members.push(member);
    }

    /// How far it is.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Has it called `exit`?
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Is everything handed to `send`?
    pub fn has_sent_all(&self) -> bool {
        self.members.iter().all(|member| member.caller.is_idle())
    }

    /// Has every record met its fate, and is nothing more to come?
    pub fn is_settled(&self) -> bool {
        self.has_sent_all() && self.waiting.is_empty()
    }

    fn after_callback(&mut self, call: u32) {
        let Some(&Call { member, job, index, generation, .. }) = self.calls.get(call) else { return };
        match self.members[member as usize].callback {
            InCallback::Return {} | InCallback::Throw {} => {}
            InCallback::Sleep { for_us } => self.in_callbacks += Duration::from_micros(for_us),
            // It waits for a thread that waits for it.
            InCallback::Get {} => self.in_callbacks += FOR_EVER,
            // `KafkaProducer.flush` refuses: "…invocation inside a callback is not permitted…".
            InCallback::Flush {} => {}
            InCallback::Send { generations } if generation < generations => {
                let again = self.one_more(job, index);
                let manner = (Habit::Callback, 0, generation + 1);
                let job = self.job(again, 1, manner);
                let caller = &mut self.members[member as usize].caller;
                caller.enqueue_first(job);
            }
            InCallback::Send { .. } => {}
        }
    }

    /// A load that is one record of another.
    fn one_more(&self, job: u32, index: u32) -> Arc<PlannedRecords> {
        let records = &self.jobs[job as usize];
        Arc::new(PlannedRecords {
            first: records.place(index),
            step: 0,
            is_due_at_once: true,
            ..PlannedRecords::clone(records)
        })
    }

    fn after_failure(&mut self, call: u32) {
        let Some(&Call { member, job, index, tries, generation, .. }) = self.calls.get(call) else { return };
        let Member { sends_again, habit, .. } = self.members[member as usize];
        if tries < sends_again {
            let again = self.one_more(job, index);
            let job = self.job(again, 1, (habit, tries + 1, generation));
            self.members[member as usize].caller.enqueue_first(job);
        }
    }
}

impl<O: Observer> Application<O> for Troupe {
    fn on_completed(&mut self, now: Now, completion: &BatchCompletion, producer: &mut Producer<O>) {
        let at = now.instant();
        let waiting = self.waiting.entry(completion.batch).or_default();
        let told: Vec<_> = waiting.extract_if(.., |(index, ..)| completion.covers_place(*index)).collect();
        if waiting.is_empty() {
            self.waiting.remove(&completion.batch);
        }
        let mut callbacks = 0;
        for (index, call, timestamp_ms) in told {
            let failed = completion.result.is_err();
            self.said.push(match &completion.result {
                Ok(stored) => Said::Acknowledged {
                    at,
                    call,
                    partition: completion.partition,
                    offset: completion.offset_of(index),
                    timestamp_ms: stored.log_append_time_ms.unwrap_or(timestamp_ms),
                },
                Err(failure) => {
                    let own = failure.record_errors.iter().find(|(named, _)| *named == index);
                    let error = own.map_or(&failure.error, |(_, error)| error).clone();
                    Said::Failed { at, call, error, surface: Surface::FutureOnSender, persistence: failure.persistence }
                }
            });
            if failed {
                self.counts.failed += 1;
                self.after_failure(call);
            } else {
                self.counts.acked += 1;
            }
            let job = self.calls.get(call).map_or(0, |call| call.job);
            if self.manners[job as usize].0 == Habit::Callback {
                callbacks += 1;
                self.after_callback(call);
            }
        }
        if callbacks > 0 {
            let batch = completion.carrier;
            producer.observer_mut().note(at, || Fact::CallbacksRan { batch, count: callbacks });
        }
        if !self.in_callbacks.is_zero() {
            self.busy.push((at, at + self.in_callbacks));
        }
        for member in &mut self.members {
            member.caller.on_completed(now, completion, producer);
        }
    }

    fn time_in_callbacks(&mut self) -> Duration {
        core::mem::take(&mut self.in_callbacks)
    }

    fn run(&mut self, now: Now, producer: &mut Producer<O>) -> Option<Instant> {
        let mut wake: Option<Instant> = None;
        for place in 0..self.members.len() {
            let member = &mut self.members[place];
            let mut notes = Notes {
                member: u32::try_from(place).unwrap_or(u32::MAX),
                calling: &mut member.calling,
                manners: &self.manners,
                calls: &mut self.calls,
                said: &mut self.said,
                waiting: &mut self.waiting,
                counts: &mut self.counts,
                failed: Vec::new(),
            };
            let due = member.caller.run(now, producer, &mut notes);
            let failed = notes.failed;
            wake = [wake, due].into_iter().flatten().min();
            if member.exits && member.caller.is_idle() {
                self.has_ended = true;
            }
            for call in failed {
                self.after_failure(call);
                wake = Some(now.instant());
            }
        }
        wake
    }
}

/// Who watches one thread.
struct Notes<'a> {
    member: u32,
    calling: &'a mut Option<u32>,
    manners: &'a [(Habit, u32, u32)],
    calls: &'a mut AppendOnly<Call>,
    said: &'a mut AppendOnly<Said>,
    waiting: &'a mut BTreeMap<BatchId, Vec<(u32, u32, i64)>>,
    counts: &'a mut Counts,
    failed: Vec<u32>,
}

impl Witness for &mut Notes<'_> {
    fn waits(&mut self, now: Now, what: Wait) {
        self.said.push(Said::Waits { at: now.instant(), member: self.member, what });
    }

    fn waited(&mut self, now: Now) {
        self.said.push(Said::Waited { at: now.instant(), member: self.member });
    }

    fn calls(&mut self, now: Now, job: SendId, index: u32, _record: &Record<'_>) {
        let job = u32::try_from(job).unwrap_or(u32::MAX);
        let (_, tries, generation) = self.manners[job as usize];
        let call = Call { member: self.member, job, index, at: now, tries, generation };
        let call = self.calls.push(call);
        self.said.push(Said::Called { call });
        *self.calling = Some(call);
    }

    fn called(&mut self, called: Called) {
        let Some(call) = self.calling.take() else { return };
        self.counts.sent += 1;
        // The time of the return is the time of this turn; `called_at` is when it began.
        let at = called.returned_at;
        match called.result {
            Ok(sent) => {
                self.said.push(Said::Returned { at, call, partition: Some(sent.partition) });
                self.waiting.entry(sent.batch).or_default().push((sent.index, call, sent.timestamp_ms));
            }
            Err(Refused { error, surface, persistence, partition }) => {
                self.said.push(Said::Returned { at, call, partition });
                self.said.push(Said::Failed { at, call, error, surface, persistence });
                self.counts.failed += 1;
                self.failed.push(call);
            }
        }
    }
}
