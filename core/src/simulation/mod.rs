//! One application, one producer, one cluster and a network between them, in virtual time.
//!
//! Nothing happens between two events, so time jumps from one to the next. The producer is driven exactly as a bridge
//! drives it ([`crate::io`]), the cluster as a socket drives it ([`crate::cluster`]): what is seen here is what the same
//! code does over TCP. Same set-up and seed, same run, to the byte of its trace, natively and in wasm. A clone goes its
//! own way from there.

mod network;

use std::collections::VecDeque;
use std::sync::Arc;

pub use self::network::Latency;
use self::network::{Arrival, Network};
use crate::application::Application;
use crate::cluster::{Cluster, ClusterInput, ClusterOutput, LinkId};
use crate::codecs::{self, Codecs};
use crate::config::ProducerConfig;
use crate::ids::ConnectionId;
use crate::io::{DisconnectReason, Input, Output};
use crate::producer::Producer;
use crate::session::NextProducer;
use crate::time::{Instant, Now};
use crate::trace::{Observer, TraceBuffer, TraceEvent};

/// What a simulation is made of beside its cluster and its application.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulationSettings {
    /// The producer's configuration.
    pub config: Arc<ProducerConfig>,
    /// How long messages travel.
    pub latency: Latency,
    /// What the wall clock shows when the simulation begins, in milliseconds since 1970. A scenario fixes it, so that its
    /// trace holds no date of today.
    pub wall_start_ms: i64,
    /// All chance comes from it.
    pub seed: u64,
}

impl Default for SimulationSettings {
    /// The default producer and network, on the first of January 2026.
    fn default() -> Self {
        Self { config: Arc::default(), latency: Latency::default(), wall_start_ms: 1_767_225_600_000, seed: 0 }
    }
}

/// A world in virtual time.
#[derive(Clone, Debug)]
pub struct Simulation<A, O: Observer = TraceBuffer> {
    producer: Producer<O>,
    application: A,
    cluster: Cluster<O>,
    network: Network,
    /// Those of every producer to come.
    codecs: Option<&'static dyn Codecs>,
    now: Instant,
    wall_start_ms: i64,
    seed: u64,
    /// Which producer this is, counted from 0: the cluster's name for the client.
    client: u32,
    producer_due: Option<Instant>,
    application_due: Option<Instant>,
    cluster_due: Option<Instant>,
}

impl<O: Observer, A: Application<O>> Simulation<A, O> {
    /// A world at its beginning. The producer's `bootstrap.servers` are the cluster's brokers; `observer` is the
    /// producer's, the cluster has its own.
    pub fn new(settings: SimulationSettings, cluster: Cluster<O>, observer: O, application: A) -> Self {
        let brokers = cluster.config().nodes().map(|(node, address)| (node, address.clone())).collect();
        let bootstrap = cluster.config().brokers.clone();
        Self {
            producer: Producer::new(settings.config, bootstrap, settings.seed, observer),
            application,
            cluster,
            network: Network::new(brokers, settings.latency, settings.seed),
            codecs: codecs::simulated(),
            now: Instant::ZERO,
            wall_start_ms: settings.wall_start_ms,
            seed: settings.seed,
            client: 0,
            producer_due: Some(Instant::ZERO),
            application_due: Some(Instant::ZERO),
            cluster_due: None,
        }
    }

    /// Has producers compress and brokers read with these codecs, where this build has none of its own. To keep traces
    /// equal they must write what [`codecs::simulated`] writes.
    #[must_use]
    pub fn with_codecs(self, codecs: &'static dyn Codecs) -> Self {
        Self {
            producer: self.producer.with_codecs(codecs),
            cluster: self.cluster.with_codecs(codecs),
            codecs: Some(codecs),
            ..self
        }
    }

    /// Both clocks.
    pub fn now(&self) -> Now {
        let elapsed_us = self.now.as_micros();
        let elapsed_ms = i64::try_from(elapsed_us / 1_000).unwrap_or(i64::MAX);
        Now { elapsed_us, wall_ms: self.wall_start_ms.saturating_add(elapsed_ms) }
    }

    /// When something happens next. `None`: never, unless somebody interferes.
    pub fn next_event_at(&self) -> Option<Instant> {
        let dues = [self.network.next_arrival(), self.cluster_due, self.producer_due, self.application_due];
        // What was due in the past is due now: time does not go back.
        dues.into_iter().flatten().min().map(|at| at.max(self.now))
    }

    /// Lets the next event happen, and time pass until then. `false`: there is none.
    pub fn step(&mut self) -> bool {
        let Some(at) = self.next_event_at() else { return false };
        self.now = at;
        let is_due = |due: Option<Instant>| due.is_some_and(|due| due <= at);
        // At one moment: first what arrives, then who waited for it.
        match self.network.take_arrived(at) {
            Some(Arrival::AtBroker(input)) => self.tell_cluster(input),
            Some(Arrival::AtProducer(input)) => self.tell_producer(input),
            None if is_due(self.cluster_due) => self.tell_cluster(ClusterInput::Wake),
            None if is_due(self.producer_due) => self.tell_producer(Input::Wake),
            None if is_due(self.application_due) => self.settle(),
            // What arrived found nobody.
            None => {}
        }
        true
    }

    /// Lets everything happen up to and including this moment, and time pass until then.
    pub fn run_until(&mut self, until: Instant) {
        while self.run_slice(until, usize::MAX) {}
    }

    /// Lets at most `max_events` events happen up to and including this moment. `true`: there are more; else time has
    /// passed until then. A page calls this as often as a frame has room for.
    pub fn run_slice(&mut self, until: Instant, max_events: usize) -> bool {
        let is_left = |simulation: &Self| simulation.next_event_at().is_some_and(|at| at <= until);
        for _ in 0..max_events {
            if !is_left(self) {
                break;
            }
            self.step();
        }
        let more = is_left(self);
        if !more {
            self.now = self.now.max(until);
        }
        more
    }

    /// Goes on until the world is as wanted, or until `deadline`. Returns whether it is.
    pub fn run_until_true(&mut self, deadline: Instant, is_wanted: impl Fn(&Self) -> bool) -> bool {
        while !is_wanted(self) {
            match self.next_event_at() {
                Some(at) if at <= deadline => self.step(),
                _ => return false,
            };
        }
        true
    }

    /// The application.
    pub fn application(&self) -> &A {
        &self.application
    }

    /// The application, to be given something to do: it gets its turn at the next step.
    pub fn application_mut(&mut self) -> &mut A {
        self.application_due = Some(self.now);
        &mut self.application
    }

    /// The cluster, to be looked into.
    pub fn cluster(&self) -> &Cluster<O> {
        &self.cluster
    }

    /// The cluster, to be interfered with; what comes of it leaves at the next step.
    pub fn cluster_mut(&mut self) -> &mut Cluster<O> {
        self.cluster_due = Some(self.now);
        &mut self.cluster
    }

    /// The producer.
    pub fn producer(&self) -> &Producer<O> {
        &self.producer
    }

    /// The producer, to be closed for instance; what comes of it happens at the next step.
    pub fn producer_mut(&mut self) -> &mut Producer<O> {
        self.producer_due = Some(self.now);
        &mut self.producer
    }

    /// Changes how long messages travel from now on.
    pub fn set_latency(&mut self, latency: Latency) {
        self.network.set_latency(latency);
    }

    /// Does something with producer and application; what comes of it happens at the next step.
    pub fn with<R>(&mut self, act: impl FnOnce(&mut Producer<O>, &mut A, Now) -> R) -> R {
        let now = self.now();
        self.producer_due = Some(self.now);
        self.application_due = Some(self.now);
        act(&mut self.producer, &mut self.application, now)
    }

    fn link(&self, connection: ConnectionId) -> LinkId {
        LinkId { client: self.client, connection }
    }

    fn tell_producer(&mut self, input: Input) {
        self.producer.handle_input(self.now(), input);
        self.settle();
    }

    fn tell_cluster(&mut self, input: ClusterInput) {
        let now = self.now();
        self.cluster.handle_input(now, input);
        loop {
            match self.cluster.poll_output() {
                ClusterOutput::Respond { link, correlation, response, .. } => {
                    let connection = link.connection;
                    self.network.send_to_client(self.now, link, Input::Received { connection, correlation, response });
                }
                ClusterOutput::Cut { link } => {
                    let (connection, why) = (link.connection, DisconnectReason::ClosedByPeer);
                    self.network.send_to_client(self.now, link, Input::Disconnected { connection, why });
                }
                ClusterOutput::Wait { until } => {
                    self.cluster_due = until;
                    return;
                }
            }
        }
    }

    /// Drains the producer and gives the application its turn, until neither has anything for the other.
    fn settle(&mut self) {
        self.drain_producer();
        loop {
            self.application_due = self.application.run(self.now(), &mut self.producer);
            if !self.drain_producer() {
                return;
            }
        }
    }

    /// Says whether something came out that the application wants to know.
    fn drain_producer(&mut self) -> bool {
        let now = self.now();
        let mut concerns_application = false;
        // A simulated socket takes everything at once, but says so only when the producer has finished speaking.
        let mut written = VecDeque::new();
        loop {
            match self.producer.poll_output(now) {
                Output::Connect { connection, address, .. } => {
                    self.network.connect(self.now, self.link(connection), &address);
                }
                Output::Transmit { connection, request } => {
                    let (link, header, body) = (self.link(connection), request.header, request.body);
                    written.push_back(Input::Written { connection, correlation: header.correlation });
                    self.network.send_to_broker(self.now, link, ClusterInput::Request { link, header, body });
                }
                Output::Close { connection } => self.network.close(self.now, self.link(connection)),
                Output::Completed(completion) => {
                    self.application.on_completed(now, &completion, &mut self.producer);
                    concerns_application = true;
                }
                Output::SendsMayProceed => concerns_application = true,
                Output::Wait { until, .. } => match written.pop_front() {
                    Some(input) => self.producer.handle_input(now, input),
                    None => {
                        self.producer_due = until;
                        return concerns_application;
                    }
                },
            }
        }
    }
}

impl<A: Application<TraceBuffer>> Simulation<A, TraceBuffer> {
    /// Puts another producer in the place of this one, whose connections close. Close and drain it first, or its
    /// unsettled records never meet their fate. Its facts are told before those of the new one; from now on the brokers'
    /// are about the new one's world.
    pub fn replace_producer(&mut self, next: &NextProducer) {
        self.network.close_all(self.now, self.client);
        self.client += 1;
        let bootstrap = self.cluster.config().brokers.clone();
        let seed = self.seed.wrapping_add(u64::from(self.client));
        let observer = self.producer.observer_mut().hand_over(next.index);
        self.cluster.observer_mut().set_producer(next.index);
        // The producers of one page are counted like those of one process.
        let config = ProducerConfig::clone(&next.config).with_client_id(|| format!("producer-{}", self.client + 1));
        let mut producer = Producer::new(Arc::new(config), bootstrap, seed, observer);
        if let Some(codecs) = self.codecs {
            producer = producer.with_codecs(codecs);
        }
        self.producer = producer.counting_from(next.first_ordinal);
        self.producer_due = Some(self.now);
        self.application_due = Some(self.now);
    }

    /// Takes what has been noted since the last time, in order of time; of what happened at one moment, the producer's
    /// facts come before the brokers'.
    pub fn take_trace(&mut self) -> Vec<TraceEvent> {
        // Messages take time, so no cause shares its moment with its effect.
        in_order(self.producer.observer_mut().take(), self.cluster.observer_mut().take())
    }
}

/// Two lists, each in order of time, as one; of what happened at one moment, the first list's comes first.
fn in_order(first: Vec<TraceEvent>, second: Vec<TraceEvent>) -> Vec<TraceEvent> {
    debug_assert!(first.is_sorted_by_key(|event| event.at) && second.is_sorted_by_key(|event| event.at));
    let mut merged = Vec::with_capacity(first.len() + second.len());
    let mut second = second.into_iter().peekable();
    for event in first {
        while let Some(earlier) = second.next_if(|other| other.at < event.at) {
            merged.push(earlier);
        }
        merged.push(event);
    }
    merged.extend(second);
    merged
}

#[cfg(test)]
mod tests;
