//! Applications with their producers, a cluster and a network between them, in virtual time.
//!
//! Nothing happens between two events, so time jumps from one to the next. The producer is driven exactly as a bridge
//! drives it ([`crate::io`]), the cluster as a socket drives it ([`crate::cluster`]): what is seen here is what the same
//! code does over TCP. Same set-up and seed, same run, to the byte of its trace, natively and in wasm. A clone goes its
//! own way from there.
//!
//! *Models*: time, in microseconds; at one moment first what arrives, then brokers, then producers and programs. *Leaves
//! out*: the time that computing takes: a producer, a program and a broker do what they do in no time, but for what a
//! scenario says.

mod client;
mod interfering;
mod message;
mod network;
mod rules;

use std::sync::Arc;

pub use self::client::Client;
use self::client::Turn;
pub use self::message::{Interference, InterferenceRefusal, MessageName};
use self::network::{Arrival, Network};
pub use self::network::{Latency, MessageOnItsWay, Route};
pub use self::rules::{BellId, MessageRule, Pattern};
use crate::application::Application;
use crate::cluster::{Cluster, ClusterInput, ClusterOutput, LinkId};
use crate::codecs::{self, Codecs};
use crate::config::ProducerConfig;
use crate::ids::{Direction, ProducerIndex, TopicPartition};
use crate::io::{DisconnectReason, Input, Output};
use crate::judge::Wire;
use crate::producer::Producer;
use crate::protocol::Request;
use crate::session::NextProducer;
use crate::time::{Instant, Now};
use crate::trace::{Fault, Observer, TraceBuffer, TraceEvent};

/// What a simulation is made of beside its cluster and its application.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulationSettings {
    /// The first producer's configuration.
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

/// A client of a simulation: its place among them, from 0. It stays the same when its producer is replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub usize);

/// A world in virtual time.
#[derive(Clone, Debug)]
pub struct Simulation<A, O: Observer = TraceBuffer> {
    clients: Vec<Client<A, O>>,
    cluster: Cluster<O>,
    network: Network,
    /// Those of every producer to come.
    codecs: Option<&'static dyn Codecs>,
    now: Instant,
    wall_start_ms: i64,
    seed: u64,
    cluster_due: Option<Instant>,
    events: u64,
    /// Events, of which one that brought several messages counts for each of them.
    happenings: u64,
    /// Messages that arrived over the network.
    arrivals: u64,
    /// What is overheard, once somebody listens.
    wire: Option<Box<Wire>>,
}

impl<O: Observer, A: Application<O>> Simulation<A, O> {
    /// A world at its beginning, with one client. Its producer's `bootstrap.servers` are the cluster's brokers; `observer`
    /// is the producer's, the cluster has its own.
    pub fn new(settings: SimulationSettings, cluster: Cluster<O>, observer: O, application: A) -> Self {
        let brokers = cluster.config().nodes().map(|(node, address)| (node, address.clone())).collect();
        let mut simulation = Self {
            clients: Vec::new(),
            cluster,
            network: Network::new(brokers, settings.latency, settings.seed),
            codecs: codecs::simulated(),
            now: Instant::ZERO,
            wall_start_ms: settings.wall_start_ms,
            seed: settings.seed,
            cluster_due: None,
            events: 0,
            happenings: 0,
            arrivals: 0,
            wire: None,
        };
        simulation.add_client(settings.config, ProducerIndex(0), observer, application);
        simulation
    }

    /// Has producers compress and brokers read with these codecs, where this build has none of its own. To keep traces
    /// equal they must write what [`codecs::simulated`] writes.
    #[must_use]
    pub fn with_codecs(mut self, codecs: &'static dyn Codecs) -> Self {
        let with = |client: Client<A, O>| Client { producer: client.producer.with_codecs(codecs), ..client };
        self.clients = self.clients.into_iter().map(with).collect();
        self.cluster = self.cluster.with_codecs(codecs);
        self.codecs = Some(codecs);
        self
    }

    /// One more client, whose producer has a name of its own in the trace: no other one of this world ever had it. The
    /// producers of one of `n` clients are those whose index is its own place, counted modulo `n`; so all clients are added
    /// before any producer is replaced.
    pub fn add_client(
        &mut self,
        config: Arc<ProducerConfig>,
        index: ProducerIndex,
        observer: O,
        application: A,
    ) -> ClientId {
        let producer = self.new_producer(config, index, observer);
        self.clients.push(Client::new(producer, application, index, self.now));
        self.network.set_clients(u32::try_from(self.clients.len()).unwrap_or(u32::MAX));
        ClientId(self.clients.len() - 1)
    }

    fn new_producer(&self, config: Arc<ProducerConfig>, index: ProducerIndex, observer: O) -> Producer<O> {
        let bootstrap = self.cluster.config().brokers.clone();
        let producer = Producer::new(config, bootstrap, self.seed.wrapping_add(u64::from(index.0)), observer);
        match self.codecs {
            Some(codecs) => producer.with_codecs(codecs),
            None => producer,
        }
    }

    /// Listens to what producers and brokers say to each other, from now on.
    pub fn listen(&mut self) {
        self.wire.get_or_insert_default();
    }

    /// What was overheard since [`listen`](Self::listen).
    pub fn wire(&self) -> Option<&Wire> {
        self.wire.as_deref()
    }

    /// Both clocks.
    pub fn now(&self) -> Now {
        let elapsed_us = self.now.as_micros();
        let elapsed_ms = i64::try_from(elapsed_us / 1_000).unwrap_or(i64::MAX);
        Now { elapsed_us, wall_ms: self.wall_start_ms.saturating_add(elapsed_ms) }
    }

    /// How many events have happened: messages that arrived, turns of brokers, senders and applications.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// As [`events`](Self::events), but of the messages between brokers that arrive in one turn each counts.
    pub fn happenings(&self) -> u64 {
        self.happenings
    }

    /// How many messages have arrived: what goes over connections of clients, their making and their ends included, and
    /// fetches between brokers with their answers.
    pub fn delivered(&self) -> u64 {
        self.arrivals + self.cluster.fetch_messages()
    }

    /// When something happens next. `None`: never, unless somebody interferes.
    pub fn next_event_at(&self) -> Option<Instant> {
        let clients = self.clients.iter().filter_map(Client::due);
        let dues = clients.chain(self.network.next_arrival()).chain(self.cluster_due);
        // What was due in the past is due now: time does not go back.
        dues.min().map(|at| at.max(self.now))
    }

    /// Lets the next event happen, and time pass until then. `false`: there is none.
    pub fn step(&mut self) -> bool {
        match self.next_event_at() {
            Some(at) => self.step_at(at),
            None => return false,
        }
        true
    }

    fn step_at(&mut self, at: Instant) {
        self.now = at;
        let before = self.delivered();
        // At one moment: first what arrives, then who waited for it.
        match self.network.take_arrived(at) {
            Some(arrival) => {
                self.arrivals += 1;
                self.deliver(arrival);
            }
            None if self.cluster_due.is_some_and(|due| due <= at) => self.tell_cluster(ClusterInput::Wake),
            None => {
                let turn = |client: &Client<A, O>| client.turn(at);
                // What arrived may have found nobody, and then it is nobody's turn.
                if let Some((place, turn)) = (0..).zip(&self.clients).find_map(|(place, c)| Some((place, turn(c)?))) {
                    self.take_turn(place, turn);
                }
            }
        }
        self.events += 1;
        self.happenings += (self.delivered() - before).max(1);
    }

    /// Lets everything happen up to and including this moment, and time pass until then.
    pub fn run_until(&mut self, until: Instant) {
        while self.run_slice(until, usize::MAX) {}
    }

    /// Lets at most `max_events` events happen up to and including this moment. `true`: there are more; else time has
    /// passed until then. A page calls this as often as a frame has room for.
    pub fn run_slice(&mut self, until: Instant, max_events: usize) -> bool {
        for _ in 0..max_events {
            match self.next_event_at().filter(|at| *at <= until) {
                Some(at) => self.step_at(at),
                None => {
                    self.now = self.now.max(until);
                    return false;
                }
            }
        }
        let more = self.next_event_at().is_some_and(|at| at <= until);
        if !more {
            self.now = self.now.max(until);
        }
        more
    }

    /// Lets time pass up to this moment, or up to the next event if that is earlier, and nothing happen. Who does something
    /// at a moment calls it first: what is done counts from then, also where an event is due in the same moment.
    pub fn pass_time(&mut self, until: Instant) {
        let next = self.next_event_at().map_or(until, |at| at.min(until));
        self.now = self.now.max(next);
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

    /// All clients.
    pub fn clients(&self) -> &[Client<A, O>] {
        &self.clients
    }

    /// The first client's application.
    pub fn application(&self) -> &A {
        &self.clients[0].application
    }

    /// The first client's application, to be given something to do: it gets its turn at the next step.
    pub fn application_mut(&mut self) -> &mut A {
        self.clients[0].application_due = Some(self.now);
        &mut self.clients[0].application
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

    /// The first client's producer.
    pub fn producer(&self) -> &Producer<O> {
        &self.clients[0].producer
    }

    /// The first client's producer, to be closed for instance; what comes of it happens at the next step.
    pub fn producer_mut(&mut self) -> &mut Producer<O> {
        self.clients[0].producer_due = Some(self.now);
        &mut self.clients[0].producer
    }

    /// Does something with the first client's producer and application; what comes of it happens at the next step.
    pub fn with<R>(&mut self, act: impl FnOnce(&mut Producer<O>, &mut A, Now) -> R) -> R {
        self.with_client(ClientId(0), act)
    }

    /// Does something with a client's producer and application; what comes of it happens at the next step.
    ///
    /// # Panics
    /// When there is no such client.
    pub fn with_client<R>(&mut self, client: ClientId, act: impl FnOnce(&mut Producer<O>, &mut A, Now) -> R) -> R {
        let now = self.now_at(client.0);
        let client = &mut self.clients[client.0];
        client.producer_due = Some(self.now);
        client.application_due = Some(self.now);
        act(&mut client.producer, &mut client.application, now)
    }

    /// Both clocks as a client's machine shows them.
    fn now_at(&self, place: usize) -> Now {
        let now = self.now();
        Now { wall_ms: now.wall_ms.saturating_add(self.clients[place].clock_offset_ms), ..now }
    }

    /// The client to which a connection belongs, unless its producer was replaced.
    fn place_of(&self, link: LinkId) -> Option<usize> {
        self.clients.iter().position(|client| client.index.0 == link.client)
    }

    fn deliver(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Knock { link, node } if self.cluster.accepts_connections(node) => {
                self.tell_cluster(ClusterInput::Opened { link, node });
                self.network.accept(self.now, link);
            }
            Arrival::Knock { link, .. } => self.network.refuse(self.now, link),
            Arrival::AtBroker(input) => self.tell_cluster(input),
            Arrival::ToBeRefused { link, header, body, partition, error } => {
                let only = partition.and_then(|number| topic_of(&body, number));
                self.cluster.refuse_request(link, header.correlation, error, only);
                self.tell_cluster(ClusterInput::Request { link, header, body });
            }
            Arrival::AtProducer(link, input) => self.tell_producer(link, input),
            Arrival::Broken { link, correlation, direction: Direction::ToBroker } => {
                self.note_fault(link, correlation, Fault::CutBeforeAppend);
                self.tell_cluster(ClusterInput::Closed { link });
            }
            Arrival::Broken { link, correlation, direction: Direction::ToClient } => {
                self.note_fault(link, correlation, Fault::CutAfterAppend);
                let (connection, why) = (link.connection, DisconnectReason::ClosedByPeer);
                self.tell_producer(link, Input::Disconnected { connection, why });
            }
        }
    }

    fn tell_producer(&mut self, link: LinkId, input: Input) {
        let Some(place) = self.place_of(link) else { return };
        let now = self.now_at(place);
        let client = &mut self.clients[place];
        if client.has_ended {
            return;
        }
        let has_more_to_say = client.sender_busy_until == now.instant();
        if !client.sender_is_free(now.instant()) || has_more_to_say || !client.inbox.is_empty() {
            client.inbox.push_back(input);
            return;
        }
        hear(&mut self.wire, client, now, input);
        self.settle(place);
    }

    fn take_turn(&mut self, place: usize, turn: Turn) {
        let now = self.now_at(place);
        // What it was saying when a callback took its time it says to the end before it listens again
        // (`NetworkClient.completeResponses`).
        if turn == Turn::Sender {
            self.carry_out(place, |producer, _| producer.take_output());
        }
        let client = &mut self.clients[place];
        if turn == Turn::Sender && client.sender_is_free(now.instant()) {
            let input = client.inbox.pop_front().unwrap_or(Input::Wake);
            hear(&mut self.wire, client, now, input);
        }
        self.settle(place);
    }

    fn tell_cluster(&mut self, input: ClusterInput) {
        let now = self.now();
        self.cluster.handle_input(now, input);
        loop {
            match self.cluster.poll_output() {
                ClusterOutput::Respond { link, correlation, api, response, .. } => {
                    if let Some(done) = self.network.send_answer(self.now, link, api, correlation, response) {
                        self.note_done(done);
                    }
                }
                ClusterOutput::Cut { link } => self.network.hang_up(self.now, link, DisconnectReason::ClosedByPeer),
                ClusterOutput::Wait { until } => {
                    self.cluster_due = until;
                    return;
                }
            }
        }
    }

    /// Drains a producer and gives its application its turn, until neither has anything for the other.
    fn settle(&mut self, place: usize) {
        self.drain_producer(place);
        loop {
            let now = self.now_at(place);
            let client = &mut self.clients[place];
            client.application_due = client.application.run(now, &mut client.producer);
            if !self.drain_producer(place) {
                return;
            }
        }
    }

    /// Says whether something came out that the application wants to know. A sender that is busy says nothing.
    fn drain_producer(&mut self, place: usize) -> bool {
        self.carry_out(place, |producer, now| Some(producer.poll_output(now)))
    }

    /// Does what a producer wants, until it wants nothing more, or a callback takes its time.
    fn carry_out(&mut self, place: usize, next: impl Fn(&mut Producer<O>, Now) -> Option<Output>) -> bool {
        let now = self.now_at(place);
        let mut concerns_application = false;
        // A simulated socket takes everything at once, but says so only when the producer has finished speaking.
        let is_written = |(connection, correlation)| Input::Written { connection, correlation };
        loop {
            let client = &mut self.clients[place];
            if !client.sender_is_free(now.instant()) {
                client.producer_due = Some(client.sender_busy_until);
                client.inbox.extend(client.written.drain(..).map(is_written));
                return concerns_application;
            }
            let link = |connection| LinkId { client: client.index.0, connection };
            let output = next(&mut client.producer, now);
            if let (Some(wire), Some(output)) = (&mut self.wire, &output) {
                wire.on_output(now, client.index, output);
            }
            match output {
                Some(Output::Connect { connection, address, .. }) => {
                    self.network.connect(self.now, link(connection), &address);
                }
                Some(Output::Transmit { connection, request }) => {
                    let (link, header, body) = (link(connection), request.header, request.body);
                    client.written.push_back((connection, header.correlation));
                    if let Some(done) = self.network.send_request(self.now, link, header, body) {
                        self.note_done(done);
                    }
                }
                Some(Output::Close { connection }) => self.network.close(self.now, link(connection)),
                Some(Output::Completed(completion)) => {
                    client.application.on_completed(now, &completion, &mut client.producer);
                    let took = client.application.time_in_callbacks();
                    if !took.is_zero() {
                        client.keep_sender_busy(now.instant(), took);
                    }
                    concerns_application = true;
                }
                Some(Output::SendsMayProceed) => concerns_application = true,
                silence @ (Some(Output::Wait { .. }) | None) => {
                    let Some(written) = client.written.pop_front() else {
                        if let Some(Output::Wait { until, .. }) = silence {
                            client.producer_due = until;
                        }
                        return concerns_application;
                    };
                    hear(&mut self.wire, client, now, is_written(written));
                }
            }
        }
    }
}

impl<A: Application<TraceBuffer>> Simulation<A, TraceBuffer> {
    /// Puts another producer in the place of the first client's, whose connections close. Close and drain it first, or its
    /// unsettled records never meet their fate. Its facts are told before those of the new one, which has a name of its own.
    pub fn replace_producer(&mut self, next: &NextProducer) {
        let old = &mut self.clients[0];
        self.network.close_all(self.now, old.index.0);
        let observer = old.producer.observer_mut().hand_over(next.index);
        // The producers of one page are counted like those of one process.
        let config = ProducerConfig::clone(&next.config).with_client_id(|| format!("producer-{}", next.index.0 + 1));
        let producer = self.new_producer(Arc::new(config), next.index, observer).counting_from(next.first_ordinal);
        let client = &mut self.clients[0];
        client.producer = producer;
        client.index = next.index;
        client.inbox.clear();
        client.producer_due = Some(self.now);
        client.application_due = Some(self.now);
    }

    /// Takes what has been noted since the last time, in order of time; of what happened at one moment, the producers'
    /// facts come before the brokers'.
    pub fn take_trace(&mut self) -> Vec<TraceEvent> {
        // Messages take time, so no cause shares its moment with its effect.
        let clients = self.clients.iter_mut().map(|client| client.producer.observer_mut().take());
        let producers = clients.reduce(in_order).unwrap_or_default();
        in_order(producers, self.cluster.observer_mut().take())
    }
}

/// A producer is told something, and whoever listens hears it.
fn hear<A, O: Observer>(wire: &mut Option<Box<Wire>>, client: &mut Client<A, O>, now: Now, input: Input) {
    if let Some(wire) = wire {
        wire.on_input(now, client.index, &input);
    }
    client.producer.handle_input(now, input);
}

/// The partition of this number that a request is about, whatever its topic.
fn topic_of(body: &Request, number: i32) -> Option<TopicPartition> {
    let Request::Produce(request) = body else { return None };
    let mut topics = request.topics.iter();
    let topic = topics.find(|topic| topic.partitions.iter().any(|batch| batch.partition == number))?;
    Some(TopicPartition { topic: topic.name.clone(), partition: number })
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
