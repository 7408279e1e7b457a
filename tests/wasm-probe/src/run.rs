//! One producer, three brokers, and what goes wrong between them: a run in virtual time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use producer_core::cluster::{
    Action, Cluster, ClusterConfig, ClusterInput, ClusterOutput, LinkId, Matcher, Rule, new_topic,
};
use producer_core::config::ProducerConfig;
use producer_core::ids::{BrokerAddress, ConnectionId, Lane, NodeId, ProducerIndex, TopicPartition};
use producer_core::io::{DisconnectReason, Input, Output};
use producer_core::producer::{Producer, SendAttempt, SendRefusal};
use producer_core::protocol::ApiKey;
use producer_core::record::Record;
use producer_core::time::{Instant, Now};
use producer_core::trace::{self, Fact, TraceBuffer};

/// How many records the run sends.
const RECORDS: u32 = 10_000;
const PARTITIONS: i32 = 3;
/// One way over a simulated wire; the same for all, as the run is not about the network.
const LATENCY: Duration = Duration::from_micros(400);
/// The program sends this many records, then pauses this long: so that there are batches of many sizes.
const BURST: u32 = 25;
const PAUSE: Duration = Duration::from_micros(700);
/// Any wall clock will do, as long as it is the same everywhere: 2026-01-01T00:00:00Z.
const EPOCH_WALL_MS: i64 = 1_767_225_600_000;

/// What the run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// FNV-1a over every trace event of producer and brokers in its binary form.
    pub trace_hash: u64,
    /// Trace events.
    pub events: usize,
    /// Records whose batch was acknowledged.
    pub acknowledged: u32,
    /// Records in the brokers' logs.
    pub stored: usize,
    /// Connections that the script cut.
    pub cuts: usize,
    /// Times that the script gave a partition another leader.
    pub leader_moves: usize,
    /// Connections the producer made.
    pub connections: usize,
}

/// Sends ten thousand keyed records; one answer is lost with its connection after the append, one connection is cut
/// before it, and a partition changes its leader twice.
pub fn scripted_run(seed: u64) -> Outcome {
    let mut world = World::new(seed);
    while world.sent < RECORDS || !world.producer.is_closed() {
        world.step();
    }
    world.outcome()
}

/// Something that will have reached its place.
enum Arrival {
    Broker(ClusterInput),
    Producer(Input),
    /// The program's pause is over.
    Program,
}

struct World {
    producer: Producer<TraceBuffer>,
    cluster: Cluster<TraceBuffer>,
    now: Instant,
    /// In order of time, then of departure.
    arrivals: BTreeMap<(Instant, u64), Arrival>,
    departures: u64,
    producer_due: Option<Instant>,
    cluster_due: Option<Instant>,
    /// Connections that stand, from the producer's side.
    open: BTreeSet<ConnectionId>,
    attempt: SendAttempt,
    sent: u32,
    acknowledged: u32,
    connections: usize,
    cuts: usize,
    leader_moves: usize,
    events: usize,
    hash: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let config = ClusterConfig { default_replication_factor: 3, seed, ..ClusterConfig::simulated(3) };
        let bootstrap = config.brokers.clone();
        let observer = || TraceBuffer::new(Lane(0), ProducerIndex(0)).with_budgets(1_000_000, 1_000_000);
        let mut cluster = Cluster::new(config, observer());
        cluster.create_topic(&new_topic("orders", PARTITIONS, 3)).expect("a valid topic");
        let produce = |nth| Matcher { api: Some(ApiKey::Produce), nth: Some(nth), ..Matcher::default() };
        let first = TopicPartition { topic: "orders".into(), partition: 0 };
        for (nth, then) in [
            (5, Action::CutAfterAppend),
            (20, Action::MoveLeader { partition: first.clone(), to: NodeId(2) }),
            (40, Action::CutBeforeAppend),
            (60, Action::MoveLeader { partition: first, to: NodeId(3) }),
            (80, Action::Delay(Duration::from_millis(3))),
        ] {
            cluster.add_rule(Rule { when: produce(nth), then });
        }
        let (config, _) = ProducerConfig::from_properties([("batch.size", "1024"), ("linger.ms", "1")]).expect("valid");
        Self {
            producer: Producer::new(Arc::new(config), bootstrap, seed, observer()),
            cluster,
            now: Instant::ZERO,
            arrivals: BTreeMap::from([((Instant::ZERO, 0), Arrival::Program)]),
            departures: 1,
            producer_due: None,
            cluster_due: None,
            open: BTreeSet::new(),
            attempt: SendAttempt::default(),
            sent: 0,
            acknowledged: 0,
            connections: 0,
            cuts: 0,
            leader_moves: 0,
            events: 0,
            hash: 0xcbf2_9ce4_8422_2325,
        }
    }

    /// Goes to the next moment at which something happens, and lets it happen.
    fn step(&mut self) {
        let arrival = self.arrivals.keys().next().map(|(at, _)| *at);
        let next = [arrival, self.producer_due, self.cluster_due].into_iter().flatten().min();
        self.now = next.expect("a run that is not over has something to wait for").max(self.now);
        match self.arrivals.first_entry().filter(|entry| entry.key().0 <= self.now).map(|entry| entry.remove()) {
            Some(Arrival::Broker(input)) => self.cluster.handle_input(self.clock(), input),
            Some(Arrival::Producer(input)) => self.tell_producer(input),
            Some(Arrival::Program) => self.send_burst(),
            None => {
                self.producer.handle_input(self.clock(), Input::Wake);
                self.cluster.handle_input(self.clock(), ClusterInput::Wake);
            }
        }
        self.drain_producer();
        self.drain_cluster();
        self.hash_trace();
    }

    fn clock(&self) -> Now {
        let elapsed_us = self.now.as_micros();
        Now { elapsed_us, wall_ms: EPOCH_WALL_MS + i64::try_from(elapsed_us / 1_000).expect("a short run") }
    }

    fn depart(&mut self, after: Duration, arrival: Arrival) {
        self.arrivals.insert((self.now + after, self.departures), arrival);
        self.departures += 1;
    }

    /// Input about a connection that no longer stands is what a closed socket would never deliver.
    fn tell_producer(&mut self, input: Input) {
        match &input {
            Input::Connected { connection } => {
                self.open.insert(*connection);
            }
            Input::Disconnected { connection, .. } => {
                if !self.open.remove(connection) {
                    return;
                }
            }
            Input::Received { connection, .. } if !self.open.contains(connection) => return,
            Input::Received { .. } | Input::Written { .. } | Input::Wake => {}
        }
        self.producer.handle_input(self.clock(), input);
    }

    /// The program: sends until its burst is over or `send` would block, then pauses.
    fn send_burst(&mut self) {
        for _ in 0..BURST {
            let key = format!("user-{}", self.sent % 97);
            let value = format!("{:0width$}", self.sent, width = 8 + (self.sent % 50) as usize);
            let record = Record::keyed("orders", key.as_bytes(), value.as_bytes());
            let now = self.clock();
            match self.producer.send(now, &mut self.attempt, &record) {
                Ok(_) => {
                    self.attempt = SendAttempt::default();
                    self.sent += 1;
                }
                // Tried again after the pause, or as soon as the producer says so.
                Err(SendRefusal::Blocked { .. }) => break,
                Err(SendRefusal::Failed { error, .. }) => panic!("record {} refused: {error:?}", self.sent),
            }
            if self.sent == RECORDS {
                self.producer.close(now, None);
                return;
            }
        }
        self.depart(PAUSE, Arrival::Program);
    }

    fn drain_producer(&mut self) {
        loop {
            match self.producer.poll_output(self.clock()) {
                Output::Connect { connection, node, address } => {
                    self.connections += 1;
                    let node = if node.is_bootstrap() { self.node_at(&address) } else { node };
                    self.depart(LATENCY, Arrival::Broker(ClusterInput::Opened { link: link(connection), node }));
                    self.depart(LATENCY * 2, Arrival::Producer(Input::Connected { connection }));
                }
                Output::Transmit { connection, request } => {
                    let (header, body) = (request.header, request.body);
                    let correlation = header.correlation;
                    let request = ClusterInput::Request { link: link(connection), header, body };
                    self.depart(Duration::ZERO, Arrival::Producer(Input::Written { connection, correlation }));
                    self.depart(LATENCY, Arrival::Broker(request));
                }
                Output::Close { connection } => {
                    self.open.remove(&connection);
                    self.depart(LATENCY, Arrival::Broker(ClusterInput::Closed { link: link(connection) }));
                }
                Output::Completed(completion) => {
                    completion.result.expect("the run loses nothing");
                    self.acknowledged += completion.record_count;
                }
                // The program comes back by itself after its pause.
                Output::SendsMayProceed => {}
                Output::Wait { until, .. } => {
                    self.producer_due = until;
                    return;
                }
            }
        }
    }

    fn drain_cluster(&mut self) {
        loop {
            match self.cluster.poll_output() {
                ClusterOutput::Respond { link, correlation, response, .. } => {
                    let input = Input::Received { connection: link.connection, correlation, response };
                    self.depart(LATENCY, Arrival::Producer(input));
                }
                ClusterOutput::Cut { link } => {
                    self.cuts += 1;
                    let (connection, why) = (link.connection, DisconnectReason::ClosedByPeer);
                    self.depart(LATENCY, Arrival::Producer(Input::Disconnected { connection, why }));
                }
                ClusterOutput::Wait { until } => {
                    self.cluster_due = until;
                    return;
                }
            }
        }
    }

    fn node_at(&self, address: &BrokerAddress) -> NodeId {
        let mut nodes = self.cluster.config().nodes();
        nodes.find(|(_, known)| *known == address).map(|(node, _)| node).expect("a broker of this cluster")
    }

    /// Adds what was noted since the last time.
    fn hash_trace(&mut self) {
        for events in [self.producer.observer_mut().take(), self.cluster.observer_mut().take()] {
            self.events += events.len();
            self.leader_moves += events.iter().filter(|event| matches!(event.what, Fact::LeaderMoved { .. })).count();
            for byte in trace::encode(&events) {
                self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        }
    }

    fn outcome(&self) -> Outcome {
        let partitions = (0..PARTITIONS).map(|partition| TopicPartition { topic: "orders".into(), partition });
        let stored = partitions.filter_map(|partition| self.cluster.log(&partition)).map(|log| log.records().count());
        Outcome {
            trace_hash: self.hash,
            events: self.events,
            acknowledged: self.acknowledged,
            stored: stored.sum(),
            cuts: self.cuts,
            leader_moves: self.leader_moves,
            connections: self.connections,
        }
    }
}

fn link(connection: ConnectionId) -> LinkId {
    LinkId { client: 0, connection }
}
