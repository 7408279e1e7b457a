//! A page's session, three brokers, and what goes wrong between them: a run of the world that the page runs.

use std::sync::Arc;
use std::time::Duration;

use producer_core::bridge::{Command, Fate, Habit, RecordSpec, Report, SendCommand, SessionId, World};
use producer_core::cluster::{Action, Cluster, ClusterConfig, Matcher, Rule, new_topic};
use producer_core::config::ProducerConfig;
use producer_core::ids::{Lane, NodeId, ProducerIndex, TopicPartition};
use producer_core::io::DisconnectReason;
use producer_core::protocol::ApiKey;
use producer_core::session::{NextProducer, Session, SessionLimits, SessionRequest};
use producer_core::simulation::{Simulation, SimulationSettings};
use producer_core::time::Instant;
use producer_core::trace::{self, Fact, TraceBuffer, TraceEvent};

use crate::{FNV, fnv};

/// Presses of Send, and records of each.
const SENDS: u64 = 200;
const COUNT: u32 = 50;
/// How many records the run sends.
pub const RECORDS: u32 = 200 * COUNT;
const PARTITIONS: i32 = 3;
/// Time the program takes between two records.
const PACE: Duration = Duration::from_micros(30);
/// The world goes on by this much between two looks at it.
const SLICE: Duration = Duration::from_millis(5);

/// The run takes some seconds of its world's time.
const PATIENCE: Duration = Duration::from_secs(600);

/// What the run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// FNV-1a over every trace event of producers and brokers in its binary form.
    pub trace_hash: u64,
    /// Trace events.
    pub events: usize,
    /// Records with an outcome that says where they landed.
    pub acknowledged: u32,
    /// Records in the brokers' logs.
    pub stored: usize,
    /// Bytes of the batches in them.
    pub stored_bytes: usize,
    /// Connections that the script cut.
    pub cuts: usize,
    /// Times that the script gave a partition another leader.
    pub leader_moves: usize,
    /// Connections the producers made.
    pub connections: usize,
}

/// Sends ten thousand keyed records; one answer is lost with its connection after the append, one connection is cut
/// before it, a partition changes its leader twice, and in the middle another producer takes over.
pub fn scripted_run(seed: u64) -> Outcome {
    compressed_run(seed, "none")
}

/// [`scripted_run`] of producers with this `compression.type`.
pub fn compressed_run(seed: u64, codec: &'static str) -> Outcome {
    let mut run = Run::new(seed, codec);
    while !run.is_over() {
        run.go_on();
    }
    run.came_to
}

struct Run {
    simulation: Simulation<Session>,
    successor: Option<NextProducer>,
    came_to: Outcome,
}

impl Run {
    fn new(seed: u64, codec: &'static str) -> Self {
        let observer = || TraceBuffer::new(Lane(0), ProducerIndex(0)).with_budgets(1_000_000, 1_000_000);
        let config = ClusterConfig { default_replication_factor: 3, seed, ..ClusterConfig::simulated(3) };
        let mut cluster = Cluster::new(config, observer());
        cluster.create_topic(&new_topic("orders", PARTITIONS, 3)).expect("a valid topic");
        for (nth, then) in [
            (5, Action::CutAfterAppend),
            (20, Action::MoveLeader { partition: orders(0), to: NodeId(2) }),
            (40, Action::CutBeforeAppend),
            (60, Action::MoveLeader { partition: orders(0), to: NodeId(3) }),
            (80, Action::Delay(Duration::from_millis(3))),
        ] {
            let when = Matcher { api: Some(ApiKey::Produce), nth: Some(nth), ..Matcher::default() };
            cluster.add_rule(Rule { when, then });
        }
        let properties = [("batch.size", "1024"), ("linger.ms", "1"), ("compression.type", codec)];
        let (config, _) = ProducerConfig::from_properties(properties).expect("valid");
        let settings = SimulationSettings { config: Arc::new(config), seed, ..SimulationSettings::default() };
        // As in the page, whose world waits for no acknowledgement.
        let limits = SessionLimits { pace: PACE, get_ahead: u64::MAX, ..SessionLimits::default() };
        let session = Session::new(SessionId::default(), World::InPage, limits);
        let mut simulation = Simulation::new(settings, cluster, observer(), session);
        #[cfg(feature = "imported-codecs")]
        {
            simulation = simulation.with_codecs(&crate::imported::Imported);
        }
        simulation.application_mut().attach(None);
        (1..=SENDS).for_each(|id| simulation.application_mut().handle_command(command(id, codec)));
        let came_to = Outcome {
            trace_hash: FNV,
            events: 0,
            acknowledged: 0,
            stored: 0,
            stored_bytes: 0,
            cuts: 0,
            leader_moves: 0,
            connections: 0,
        };
        Self { simulation, successor: None, came_to }
    }

    fn is_over(&self) -> bool {
        self.came_to.acknowledged == RECORDS
    }

    /// A slice of the world's time, and what its session and its observers have to say.
    fn go_on(&mut self) {
        let until = self.simulation.now().instant() + SLICE;
        assert!(until < Instant::ZERO + PATIENCE, "it comes to no end: {} records", self.came_to.acknowledged);
        self.simulation.run_until(until);
        self.run_errands();
        for event in self.simulation.take_trace() {
            self.hear(&event);
        }
        while let Some(report) = self.simulation.application_mut().next_report() {
            if let Report::Outcomes { outcomes } = report {
                for outcome in outcomes {
                    let Fate::Acked(_) = outcome.fate else { panic!("the run loses nothing: {outcome:?}") };
                    self.came_to.acknowledged += outcome.count;
                }
            }
        }
        let logs = || (0..PARTITIONS).filter_map(|partition| self.simulation.cluster().log(&orders(partition)));
        let batches = || logs().flat_map(|log| log.batches());
        self.came_to.stored = batches().filter_map(|batch| usize::try_from(batch.view().record_count()).ok()).sum();
        self.came_to.stored_bytes = batches().map(|batch| batch.bytes.len()).sum();
    }

    fn run_errands(&mut self) {
        while let Some(request) = self.simulation.application_mut().next_request() {
            let SessionRequest::Reconfigure(next) = request else { panic!("nobody asks for {request:?}") };
            let now = self.simulation.now();
            self.simulation.producer_mut().close(now, None);
            self.successor = Some(next);
        }
        if self.simulation.producer().is_closed()
            && let Some(next) = self.successor.take()
        {
            self.simulation.replace_producer(&next);
            self.simulation.with(|producer, session, now| session.on_new_producer(now, producer));
        }
    }

    fn hear(&mut self, event: &TraceEvent) {
        let told = &mut self.came_to;
        told.events += 1;
        match &event.what {
            Fact::LeaderMoved { .. } => told.leader_moves += 1,
            Fact::Connecting { .. } => told.connections += 1,
            Fact::Disconnected { why: DisconnectReason::ClosedByPeer, .. } => told.cuts += 1,
            Fact::Thinned { .. } => panic!("the budgets are too small for this run"),
            _ => {}
        }
        told.trace_hash = fnv(told.trace_hash, trace::encode(core::slice::from_ref(event)));
    }
}

fn orders(partition: i32) -> TopicPartition {
    TopicPartition { topic: "orders".into(), partition }
}

/// What the page asks for, press by press; in the middle, another configuration.
fn command(id: u64, codec: &'static str) -> Command {
    if id == SENDS / 2 {
        let properties = [("batch.size", "2048"), ("compression.type", codec)];
        return Command::Configure { properties: properties.map(|(key, value)| (key.into(), value.into())).into() };
    }
    // The press that the configuration took the place of is made up for by the next one.
    let count = if id == SENDS / 2 + 1 { 2 * COUNT } else { COUNT };
    let habit = match id % 20 {
        0 => Habit::Get,
        odd if odd % 2 == 1 => Habit::Callback,
        _ => Habit::Forget,
    };
    let key = Some(format!("user-{}", id % 97).as_bytes().into());
    let value = Some(vec![b'v'; 8 + (id % 50) as usize].into());
    Command::Send(SendCommand {
        id,
        habit,
        record: RecordSpec { topic: "orders".into(), key, value, ..RecordSpec::default() },
        count,
    })
}
