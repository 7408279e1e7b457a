//! A page's session: what stands between its messages and one producer, in the page as in the bridge.
//!
//! Commands come in, reports go out, and in between the [`Caller`] uses the producer. The session is the
//! [`Application`] that a driver runs; it has no connection of its own, so it outlives the one it speaks through.

mod book;
mod outcomes;
mod sends;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use core::time::Duration;

use crate::application::Application;
use crate::bridge::{
    BadRequest, Command, Fate, GET_AHEAD, MAX_PROPERTIES, MAX_PROPERTY_BYTES, Outcome, Report, Resume, SendId,
    SessionId, Topology, World,
};
use crate::caller::{Called, Caller, Refused};
use crate::config::{ConfigNotice, ProducerConfig};
use crate::ids::ProducerIndex;
use crate::io::BatchCompletion;
use crate::producer::Producer;
use crate::time::{Instant, Now};
use crate::trace::{Fact, Observer, TraceEvent};

use book::Book;
use outcomes::OutcomeLog;
use sends::{KnownSend, MAX_TOPIC_BYTES, payload_bytes};

/// Configurations that may wait for the program to come to them; each may hold [`MAX_PROPERTIES`] of
/// [`MAX_PROPERTY_BYTES`].
const MAX_WAITING_CONFIGURATIONS: usize = 10;

/// What one session may hold. The defaults are the published limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// Sends without a final outcome.
    pub unsettled_sends: u64,
    /// Bytes of the records described by them.
    pub unsettled_bytes: u64,
    /// Records without an outcome, or with one that the page has not acknowledged.
    pub open_records: u64,
    /// Records whose outcomes are kept for a page that comes back.
    pub kept_records: u64,
    /// Records in one report of outcomes.
    pub records_per_report: u64,
    /// Records without an acknowledgement of the page from which on a `get()` loop waits for one.
    pub get_ahead: u64,
    /// Time the program spends on itself between two calls of `send`.
    pub pace: Duration,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            unsettled_sends: 10_000,
            unsettled_bytes: 32 * 1024 * 1024,
            open_records: 200_000,
            kept_records: 100_000,
            records_per_report: 4_096,
            get_ahead: u64::from(GET_AHEAD),
            pace: Duration::ZERO,
        }
    }
}

/// The producer with which a session goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextProducer {
    /// How it is to be configured.
    pub config: Arc<ProducerConfig>,
    /// What it is called in the trace and in the names of its records.
    pub index: ProducerIndex,
    /// Where it begins to count its records: see [`Producer::counting_from`].
    pub first_ordinal: u64,
}

/// What a session asks of whoever owns it.
#[derive(Clone, Debug, PartialEq)]
pub enum SessionRequest {
    /// Close the producer, settling everything, and make this one, whose trace goes on where the old one's ended
    /// ([`TraceBuffer::hand_over`](crate::trace::TraceBuffer::hand_over)); then call [`Session::on_new_producer`]. Until
    /// then the session sends nothing: records sent before the change belong to the old producer, those after it to the
    /// new one.
    Reconfigure(NextProducer),
    /// Find out the brokers and this topic's partitions; then call [`Session::set_topology`].
    Describe(Arc<str>),
}

/// A configuration the page asked for and the producer accepts.
#[derive(Clone, Debug)]
struct Reconfiguration {
    config: Arc<ProducerConfig>,
    properties: Vec<(Arc<str>, Arc<str>)>,
    notices: Vec<ConfigNotice>,
}

/// One page's session.
#[derive(Clone, Debug)]
pub struct Session {
    id: SessionId,
    epoch: u32,
    world: World,
    limits: SessionLimits,
    caller: Caller,
    book: Book,
    outcomes: OutcomeLog,
    sends: BTreeMap<SendId, KnownSend>,
    /// Ids up to here may have been forgotten.
    forgotten_up_to: Option<SendId>,
    unsettled_sends: u64,
    unsettled_bytes: u64,
    unsettled_records: u64,
    properties: Vec<(Arc<str>, Arc<str>)>,
    notices: Vec<ConfigNotice>,
    /// Configurations asked for, in order; the caller closes one producer for each when it comes to it.
    reconfigurations: VecDeque<Reconfiguration>,
    /// Is the first of them under way?
    reconfiguring: bool,
    topology: Option<Topology>,
    trace_credit: u32,
    /// Facts in each trace frame handed to the attached connection whose credit has not come back.
    trace_out: VecDeque<u64>,
    /// Facts in frames that went to a connection which is no more.
    trace_lost: u64,
    stopping: bool,
    reports: VecDeque<Report>,
    requests: VecDeque<SessionRequest>,
}

impl Session {
    /// A new session towards `world`, with a producer of default configuration.
    pub fn new(id: SessionId, world: World, limits: SessionLimits) -> Self {
        Self {
            id,
            epoch: 1,
            world,
            caller: Caller::new(limits.pace),
            limits,
            book: Book::default(),
            outcomes: OutcomeLog::new(),
            sends: BTreeMap::new(),
            forgotten_up_to: None,
            unsettled_sends: 0,
            unsettled_bytes: 0,
            unsettled_records: 0,
            properties: Vec::new(),
            notices: Vec::new(),
            reconfigurations: VecDeque::new(),
            reconfiguring: false,
            topology: None,
            trace_credit: 0,
            trace_out: VecDeque::new(),
            trace_lost: 0,
            stopping: false,
            reports: VecDeque::new(),
            requests: VecDeque::new(),
        }
    }

    /// Its id.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// The properties its first producer was made with, and what was remarked about them.
    pub fn set_properties(&mut self, properties: Vec<(Arc<str>, Arc<str>)>, notices: Vec<ConfigNotice>) {
        self.properties = properties;
        self.notices = notices;
    }

    /// A page said hello. What was reported to an earlier connection and not acknowledged is reported again.
    pub fn attach(&mut self, resume: Option<Resume>) {
        self.reports.clear();
        self.trace_credit = 0;
        self.trace_lost += self.trace_out.drain(..).sum::<u64>();
        let recovered = match resume {
            Some(resume) => {
                resume.session == self.id
                    && resume.epoch == self.epoch
                    && self.outcomes.resume_from(resume.outcomes_seen)
            }
            None => {
                self.outcomes.resume_from(0);
                false
            }
        };
        if resume.is_some() && !recovered {
            // History was lost: numbers the page knows mean nothing any more, and begin anew.
            self.epoch += 1;
            self.outcomes = OutcomeLog::new();
            self.forget_settled();
        }
        let unsettled = self.sends.iter().filter(|(_, send)| !send.is_settled()).map(|(&id, _)| id).collect();
        self.reports.push_back(Report::Welcome {
            session: self.id,
            epoch: self.epoch,
            recovered,
            world: self.world.clone(),
            unsettled,
        });
        self.report_configuration();
        for (&id, send) in self.sends.iter().filter(|(_, send)| send.count < send.asked) {
            self.reports.push_back(Report::BrokenOff { id, called: send.count });
        }
        if let Some(topology) = &self.topology {
            self.reports.push_back(Report::Topology(topology.clone()));
        }
        if self.stopping {
            self.reports.push_back(Report::Stopping);
        }
    }

    /// Takes a message from the page.
    pub fn handle_command(&mut self, command: Command) {
        match command {
            Command::Hello { resume } => self.attach(resume),
            Command::Configure { properties } => self.configure(properties),
            Command::Send(send) => {
                let id = send.id;
                if let Err(why) = self.take_send(send) {
                    self.reports.push_back(Report::SendRefused { id, why });
                }
            }
            Command::Flush => self.caller.enqueue_flush(),
            Command::AckOutcomes { up_to } => {
                self.outcomes.acknowledge(up_to);
                self.forget_old();
            }
            Command::TraceCredit { frames } => {
                self.trace_credit = self.trace_credit.saturating_add(frames).min(64);
                // A page gives the credit of a frame back when it has read it.
                let read = self.trace_out.len().min(frames as usize);
                self.trace_out.drain(..read);
            }
            Command::Arm => {
                if let World::Cluster { armed, .. } = &mut self.world {
                    *armed = true;
                }
                self.reports.push_back(Report::Armed);
            }
            Command::Describe { topic } if topic.len() > MAX_TOPIC_BYTES => {
                let (bytes, limit) = (topic.len() as u64, MAX_TOPIC_BYTES as u64);
                self.reports.push_back(Report::BadRequest(BadRequest::TopicTooLong { bytes, limit }));
            }
            Command::Describe { topic } => self.requests.push_back(SessionRequest::Describe(topic)),
            Command::BreakOff => self.break_off(),
        }
    }

    /// The next message to the page. Outcomes come in order; replies come before outcomes that followed them.
    pub fn next_report(&mut self) -> Option<Report> {
        if let Some(report) = self.reports.pop_front() {
            return Some(report);
        }
        if self.outcomes.has_unreported() {
            let outcomes = self.outcomes.take_unreported(self.limits.records_per_report);
            return Some(Report::Outcomes { outcomes });
        }
        None
    }

    /// The next thing to do for the session.
    pub fn next_request(&mut self) -> Option<SessionRequest> {
        self.requests.pop_front()
    }

    /// The producer asked for stands: this one. The old one has settled everything.
    pub fn on_new_producer<O: Observer>(&mut self, now: Now, producer: &mut Producer<O>) {
        if core::mem::take(&mut self.reconfiguring)
            && let Some(done) = self.reconfigurations.pop_front()
        {
            self.properties = done.properties;
            self.notices = done.notices;
            self.book.start_over(ProducerIndex(self.book.producer().0 + 1));
            self.caller.on_new_producer(now, producer);
            self.report_configuration();
        }
    }

    /// The brokers and the topic, as last seen. Told to the page when they changed.
    pub fn set_topology(&mut self, topology: Topology) {
        if self.topology.as_ref() != Some(&topology) {
            self.reports.push_back(Report::Topology(topology.clone()));
            self.topology = Some(topology);
        }
    }

    /// May a trace frame be offered now?
    pub fn wants_trace(&self) -> bool {
        self.trace_credit > 0
    }

    /// Offers what happened since the last frame; uses one credit. An empty list uses none. Frames of which an earlier
    /// connection never said that they arrived are told as a gap before it.
    pub fn offer_trace(&mut self, mut events: Vec<TraceEvent>) {
        let Some(first) = events.first() else { return };
        if self.trace_lost > 0 {
            let what = Fact::Thinned { dropped: core::mem::take(&mut self.trace_lost) };
            events.insert(0, TraceEvent { what, ..first.clone() });
        }
        self.trace_credit = self.trace_credit.saturating_sub(1);
        self.trace_out.push_back(events.len() as u64);
        self.reports.push_back(Report::Trace { events });
    }

    /// No new sends from now on; those taken are settled.
    pub fn stop(&mut self) {
        self.stopping = true;
        self.reports.push_back(Report::Stopping);
    }

    /// Has every send taken an outcome for each of its records?
    pub fn is_settled(&self) -> bool {
        self.unsettled_records == 0
    }

    /// Sends that are not settled yet.
    pub fn unsettled_records(&self) -> u64 {
        self.unsettled_records
    }

    fn configure(&mut self, properties: Vec<(Arc<str>, Arc<str>)>) {
        if let Some(why) = too_much(&properties) {
            self.reports.push_back(Report::BadRequest(why));
            return;
        }
        let keys: Vec<_> =
            properties.iter().map(|(key, _)| key).filter(|key| is_the_bridges_own(key)).cloned().collect();
        if !keys.is_empty() {
            self.reports.push_back(Report::ConfigForbidden { keys });
            return;
        }
        match ProducerConfig::from_properties(properties.iter().map(|(key, value)| (&**key, &**value))) {
            Err(error) => self.reports.push_back(Report::ConfigRefused { error }),
            Ok((config, mut notices)) => {
                if self.world == World::InPage {
                    notices.extend(config.level_without_effect());
                    #[cfg(feature = "settings")]
                    notices.extend(config.buffers_without_effect());
                }
                #[cfg(feature = "metrics")]
                let config = config.without_metrics(&mut notices);
                let config = Arc::new(config.without_transactions(&mut notices));
                self.take_configuration(Reconfiguration { config, properties, notices });
            }
        }
    }

    fn take_configuration(&mut self, wanted: Reconfiguration) {
        // Nothing is sent with the one before it: only the newest is made.
        if self.caller.ends_with_a_change_of_producer()
            && let Some(last) = self.reconfigurations.back_mut()
        {
            *last = wanted;
        } else if self.reconfigurations.len() < MAX_WAITING_CONFIGURATIONS {
            self.reconfigurations.push_back(wanted);
            self.caller.enqueue_change_of_producer();
        } else {
            let limit = MAX_WAITING_CONFIGURATIONS as u64;
            self.reports.push_back(Report::BadRequest(BadRequest::TooManyConfigurations { limit }));
        }
    }

    fn break_off(&mut self) {
        for (id, called) in self.caller.break_off() {
            let Some(send) = self.sends.get_mut(&id) else { continue };
            self.unsettled_records -= u64::from(send.count - called);
            send.count = called;
            if send.is_settled() {
                self.unsettled_sends -= 1;
                self.unsettled_bytes -= payload_bytes(&send.record);
            }
            self.reports.push_back(Report::BrokenOff { id, called });
        }
        // Of those that were never begun no outcome will tell that they may be forgotten.
        let never_begun: Vec<SendId> =
            self.sends.iter().filter(|(_, send)| send.count == 0).map(|(&id, _)| id).collect();
        let limit = usize::try_from(self.limits.unsettled_sends).unwrap_or(usize::MAX);
        let too_many = never_begun.len().saturating_sub(limit);
        for id in &never_begun[..too_many] {
            self.sends.remove(id);
            self.forgotten_up_to = self.forgotten_up_to.max(Some(*id));
        }
    }

    /// Is a `get()` loop so far ahead of what its page knows that it waits?
    fn is_ahead_of_its_page(&self) -> bool {
        self.outcomes.records_unacknowledged() >= self.limits.get_ahead && self.caller.sends_and_gets_next()
    }

    fn report_configuration(&mut self) {
        self.reports
            .push_back(Report::Configured { properties: self.properties.clone(), notices: self.notices.clone() });
    }
}

impl<O: Observer> Application<O> for Session {
    fn on_completed(&mut self, now: Now, completion: &BatchCompletion, producer: &mut Producer<O>) {
        let (outcomes, callbacks) = self.book.settle(now.instant(), completion);
        if callbacks > 0 {
            let batch = completion.carrier;
            producer.observer_mut().note(now.instant(), || Fact::CallbacksRan { batch, count: callbacks });
        }
        for outcome in outcomes {
            self.settle(outcome);
        }
        self.caller.on_completed(now, completion, producer);
    }

    fn run(&mut self, now: Now, producer: &mut Producer<O>) -> Option<Instant> {
        // A producer that is closed sends nothing: what is left is refused, whether the page listens or not.
        if self.is_ahead_of_its_page() && !producer.is_closed() {
            return None;
        }
        let (caller, book, sends) = (&mut self.caller, &mut self.book, &self.sends);
        let mut refused = Vec::new();
        let wake = caller.run(now, producer, |called: Called| {
            let spec = &sends[&called.job].record;
            book.count(&called);
            match called.result {
                Ok(sent) => book.enter(&called, &sent, spec),
                Err(Refused { ref error, surface, persistence, partition }) => refused.push(Outcome {
                    number: 0,
                    send: called.job,
                    first_record: called.record,
                    first_ordinal: called.ordinal,
                    count: 1,
                    latency_us: vec![micros_since(now.instant(), called.called_at)],
                    fate: Fate::Failed {
                        error: error.clone(),
                        surface,
                        persistence,
                        partition: partition.unwrap_or(-1),
                        topic: Arc::clone(&spec.topic),
                        first: None,
                    },
                }),
            }
        });
        for outcome in refused {
            self.settle(outcome);
        }
        if self.caller.is_changing_producer()
            && !self.reconfiguring
            && let Some(next) = self.reconfigurations.front()
        {
            self.reconfiguring = true;
            self.requests.push_back(SessionRequest::Reconfigure(NextProducer {
                config: Arc::clone(&next.config),
                index: ProducerIndex(self.book.producer().0 + 1),
                first_ordinal: self.book.next_ordinal(),
            }));
        }
        wake
    }
}

/// Does a configuration say more than can be repeated to the page?
fn too_much(properties: &[(Arc<str>, Arc<str>)]) -> Option<BadRequest> {
    let (got, max) = (properties.len() as u64, MAX_PROPERTIES as u64);
    if got > max {
        return Some(BadRequest::TooManyProperties { got, max });
    }
    let limit = MAX_PROPERTY_BYTES as u64;
    let mut sizes = properties.iter().map(|(key, value)| (key.len() + value.len()) as u64);
    sizes.find(|&bytes| bytes > limit).map(|bytes| BadRequest::PropertyTooLong { bytes, limit })
}

/// Does this key say how a connection is kept safe, and who connects? Worlds and pages have nothing of that.
pub fn is_of_a_login(key: &str) -> bool {
    ["security.", "ssl.", "sasl."].iter().any(|prefix| key.trim().starts_with(prefix))
}

/// Is this a key that would let a page choose where the bridge connects, as whom, or what code it runs? A page may
/// neither set it nor learn its value.
pub fn is_the_bridges_own(key: &str) -> bool {
    let key = key.trim();
    key == "bootstrap.servers"
        || is_of_a_login(key)
        || key.starts_with("config.providers")
        || [".class", ".classes", ".serializer", "metric.reporters"].iter().any(|suffix| key.ends_with(suffix))
}

fn micros_since(now: Instant, then: Instant) -> u64 {
    now.as_micros().saturating_sub(then.as_micros())
}
