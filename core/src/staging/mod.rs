//! A scenario on its stage: brokers, producers and programs as it says, and what happens to them when.
//!
//! One [`Stage`] is one lane. Lanes have the same input, faults and seed; what differs is said by the lane.

mod acts;
mod append_only;
mod history;
mod script;
mod setting_up;
#[cfg(all(test, feature = "scenario-text"))]
mod tests;
mod troupe;

use core::time::Duration;
use std::collections::BTreeSet;
use std::sync::Arc;

#[cfg(feature = "player")]
pub(crate) use self::history::playback;
pub use self::history::{Ending, run};
use self::script::Script;
pub use self::troupe::{Counts, Troupe};
use crate::cluster::{Cluster, TopicRefusal};
use crate::codecs::Codecs;
use crate::config::{ConfigError, ProducerConfig};
use crate::ids::{Lane as LaneIndex, NodeId, ProducerIndex, TopicPartition};
use crate::playback::Playable;
use crate::protocol::NewTopic;
use crate::scenario::{Act, Network, Scenario, TemplateError, is_in};
use crate::simulation::{
    ClientId, Interference, InterferenceRefusal, MessageName, Route, Simulation, SimulationSettings,
};
use crate::time::Instant;
use crate::trace::{TraceBuffer, TraceEvent};

/// Longest time in which a producer gets warm. One that is not by then begins as it is.
const WARMING: Duration = Duration::from_secs(10);
/// When a scenario begins in its world: before lies the time in which its producers got warm.
pub const BEGIN: Instant = Instant::from_millis(10_000);

/// Why a scenario cannot be staged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StageError {
    /// A topic that no broker would create.
    Topic(TopicRefusal),
    /// A template that is none.
    Template(TemplateError),
}

impl core::fmt::Display for StageError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Topic(refusal) => refusal.fmt(f),
            Self::Template(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StageError {}

/// What somebody does by hand.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// One of the things that a scenario could do.
    Act(Act),
    /// To a message on its way.
    Message(MessageName, Interference),
}

/// One lane of a scenario.
#[derive(Clone, Debug)]
pub struct Stage {
    simulation: Simulation<Troupe>,
    script: Script,
    topics: Vec<NewTopic>,
    /// The producers', as they began.
    configs: Vec<Arc<ProducerConfig>>,
    seed: u64,
    loads_by_action: u64,
    /// Producers that the Java client refuses to make, with its words.
    refused: Vec<(u32, ConfigError)>,
    /// Actions, by their places, that change nothing here, and why.
    left_out: Vec<(usize, &'static str)>,
    /// Settings of brokers that change nothing here.
    without_effect: Vec<Arc<str>>,
    /// Who leads when the scenario begins, and in which epoch.
    first_leaders: Vec<(TopicPartition, (NodeId, i32))>,
    /// How fast messages are unless something is said of them.
    pace: Network,
    /// What was done that judges have to know.
    chronicle: Chronicle,
    /// What has been taken from the simulation and not by anybody else.
    news: Vec<TraceEvent>,
    events_of_script: u64,
    /// Actions that were done, for whoever asked for them.
    #[cfg(feature = "breaking")]
    deeds: Option<Vec<Act>>,
}

impl Stage {
    /// The lane of a scenario with this place, at its beginning: warm, where the scenario says so. `codecs` compress and
    /// read where this build has none of its own.
    ///
    /// # Errors
    /// A topic or a template that cannot be; a checked scenario has neither.
    pub fn new(scenario: &Scenario, lane: usize, codecs: Option<&'static dyn Codecs>) -> Result<Self, StageError> {
        let lane_index = LaneIndex(u8::try_from(lane).unwrap_or(u8::MAX));
        let setup = scenario.lanes.get(lane);
        let (config, without_effect) = setting_up::cluster_config(scenario, setup);
        let mut cluster = Cluster::new(config, TraceBuffer::new(lane_index, ProducerIndex(0)));
        let topics: Vec<_> = scenario.topics.iter().map(|topic| setting_up::new_topic(topic, setup)).collect();
        for topic in &topics {
            cluster.create_topic(topic)?;
        }
        let seed = scenario.seed.0;
        let (mut refused, mut configs) = (Vec::new(), Vec::new());
        let mut simulation: Option<Simulation<Troupe>> = None;
        let mut cluster = Some(cluster);
        for (index, producer) in (0..).zip(&scenario.producers) {
            let config = match setting_up::producer_config(producer, setup, index) {
                Ok(config) => config,
                Err(error) => {
                    refused.push((index, error));
                    ProducerConfig::default()
                }
            };
            let (config, name) = (Arc::new(config), ProducerIndex(index));
            configs.push(Arc::clone(&config));
            let troupe = setting_up::troupe(producer, setup, seed, name, BEGIN)?;
            let observer = TraceBuffer::new(lane_index, name);
            match &mut simulation {
                Some(simulation) => {
                    simulation.add_client(config, name, observer, troupe);
                }
                None => {
                    let begin_ms = i64::try_from(BEGIN.as_micros() / 1_000).unwrap_or(0);
                    let settings = SimulationSettings {
                        config,
                        latency: setting_up::latency(&scenario.network.latency),
                        wall_start_ms: scenario.wall_start_ms - begin_ms,
                        seed,
                    };
                    // Taken once, by the first producer.
                    let Some(cluster) = cluster.take() else { continue };
                    simulation = Some(Simulation::new(settings, cluster, observer, troupe));
                }
            }
        }
        let Some(mut simulation) = simulation.or_else(|| nobody(scenario, cluster.take(), lane_index)) else {
            unreachable!("the cluster is taken by the first producer, or by nobody")
        };
        if let Some(codecs) = codecs {
            simulation = simulation.with_codecs(codecs);
        }
        let mut stage = Self {
            simulation,
            script: Script::default(),
            topics,
            configs,
            seed,
            loads_by_action: 0,
            refused,
            left_out: Vec::new(),
            without_effect,
            first_leaders: Vec::new(),
            pace: Network { routes: Vec::new(), ..scenario.network.clone() },
            chronicle: Chronicle::default(),
            news: Vec::new(),
            events_of_script: 0,
            #[cfg(feature = "breaking")]
            deeds: None,
        };
        stage.lay_network(scenario);
        stage.begin(scenario.warm);
        stage.note_leaders();
        stage.take_script(scenario, lane);
        Ok(stage)
    }

    fn lay_network(&mut self, scenario: &Scenario) {
        let bandwidth = |bytes: u64| (bytes > 0).then_some(bytes);
        let all = bandwidth(scenario.network.bandwidth_bytes_per_s);
        self.simulation.set_route(Route { client: None, node: None, latency: None, bandwidth: Some(all) });
        // The newest counts first, and in a scenario the first.
        for route in scenario.network.routes.iter().rev() {
            self.simulation.set_route(Route {
                client: route.producer.map(|producer| ClientId(producer as usize)),
                node: route.node.map(|node| crate::ids::NodeId(i32::try_from(node).unwrap_or(i32::MAX))),
                latency: Some(setting_up::latency(&route.latency)),
                bandwidth: Some(bandwidth(route.bandwidth_bytes_per_s)),
            });
        }
    }

    /// Lets the time before the beginning pass.
    fn begin(&mut self, warm: bool) {
        for &(index, _) in &self.refused {
            self.simulation.end_client(ClientId(index as usize));
        }
        let names: Vec<Arc<str>> = self.topics.iter().map(|topic| Arc::clone(&topic.name)).collect();
        let clients = (0..self.simulation.clients().len()).map(ClientId);
        let mut cold: Vec<ClientId> = clients.filter(|id| !self.simulation.clients()[id.0].has_ended()).collect();
        let step = Duration::from_millis(1);
        let mut at = self.simulation.now().instant();
        if !warm {
            // Not even a connection: a producer that is made when the scenario begins.
            for &id in &cold {
                self.simulation.hold_client(id, BEGIN - Instant::ZERO);
            }
            cold.clear();
        }
        while !cold.is_empty() && at < Instant::ZERO + WARMING {
            cold.retain(|&id| !self.simulation.with_client(id, |producer, _, now| producer.warm_up(now, &names)));
            at = at + step;
            self.simulation.run_until(at);
        }
        self.simulation.run_until(Instant::from_micros(BEGIN.as_micros() - 1));
        self.simulation.take_trace();
    }

    fn note_leaders(&mut self) {
        let cluster = self.simulation.cluster();
        for topic in &self.topics {
            for partition in 0..topic.num_partitions {
                let name = TopicPartition { topic: Arc::clone(&topic.name), partition };
                self.first_leaders.extend(cluster.leader(&name).map(|leader| (name, leader)));
            }
        }
    }

    fn take_script(&mut self, scenario: &Scenario, lane: usize) {
        for rule in scenario.rules.iter().filter(|rule| is_in(rule.lane, lane)) {
            self.lay_rule(rule);
        }
        for (place, action) in scenario.actions.iter().enumerate().filter(|(_, action)| is_in(action.lane, lane)) {
            if let Some(why) = acts::is_left_out(&action.act) {
                self.left_out.push((place, why));
                continue;
            }
            let bell = match &action.when {
                Some(crate::scenario::Moment::Message { on, .. }) => Some(self.simulation.add_bell(acts::pattern(on))),
                _ => None,
            };
            self.script.add(action, BEGIN, bell);
        }
    }

    /// When the scenario begins, in its world's time.
    pub fn begins(&self) -> Instant {
        BEGIN
    }

    /// The world.
    pub fn simulation(&self) -> &Simulation<Troupe> {
        &self.simulation
    }

    /// Producers that the Java client would refuse to make, with its words. Their programs send nothing.
    pub fn refused(&self) -> &[(u32, ConfigError)] {
        &self.refused
    }

    /// Actions, by their places in the scenario, that change nothing here, and why.
    pub fn left_out(&self) -> &[(usize, &'static str)] {
        &self.left_out
    }

    /// Settings of brokers that change nothing here.
    pub fn without_effect(&self) -> &[Arc<str>] {
        &self.without_effect
    }

    /// Has every record of every program met its fate, and is nothing more to come?
    pub fn is_settled(&self) -> bool {
        self.simulation.clients().iter().all(|client| client.has_ended() || client.application().is_settled())
    }

    /// From now on it is noted which actions are done.
    #[cfg(feature = "breaking")]
    pub(crate) fn note_deeds(&mut self) {
        self.deeds = Some(Vec::new());
    }

    /// Those that were done since the last call.
    #[cfg(feature = "breaking")]
    pub(crate) fn take_deeds(&mut self) -> Vec<Act> {
        self.deeds.as_mut().map(core::mem::take).unwrap_or_default()
    }

    /// Ends a process.
    fn end_client(&mut self, id: ClientId) {
        self.chronicle.ended.push((id, self.simulation.now().instant()));
        self.simulation.end_client(id);
    }

    /// Lets the next thing happen: one that is due by the script before one that comes of itself.
    fn step(&mut self, at: Instant) {
        if self.script.next().is_some_and(|due| due <= at) {
            self.simulation.pass_time(at);
            if let Some(step) = self.script.take_due(at) {
                self.events_of_script += 1;
                self.perform(step);
            }
        } else {
            self.simulation.step();
        }
        for id in (0..self.simulation.clients().len()).map(ClientId) {
            let client = &self.simulation.clients()[id.0];
            if client.application().has_ended() && !client.has_ended() {
                self.end_client(id);
            }
        }
        if self.script.waits() {
            let before = self.news.len();
            self.news.extend(self.simulation.take_trace());
            let news = self.news.split_off(before);
            self.look_around(&news);
            self.news.extend(news);
        }
    }
}

/// What happened to topics and processes, as far as it changes what is promised of them.
#[derive(Clone, Debug, Default)]
struct Chronicle {
    /// Topics that grew: when, and how many partitions they had then.
    partitions_added: Vec<(Arc<str>, Instant, i32)>,
    /// Topics that were deleted, and when.
    deleted: Vec<(Arc<str>, Instant)>,
    /// Processes that ended, and when.
    ended: Vec<(ClientId, Instant)>,
    /// Processes that stood still: from when, until when.
    paused: Vec<(ClientId, Instant, Instant)>,
    /// Until when rules may strike, or what they struck is still on its way.
    strikes_until: Instant,
    /// What is slower than the scenario began with.
    slower: BTreeSet<Slower>,
}

/// What can be made slow, and stays so until it is made fast again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Slower {
    /// A broker.
    Broker(u32),
    /// Messages between a producer and a broker, or those of all.
    Latency(Option<u32>, Option<u32>),
    /// Connections between them.
    Bandwidth(Option<u32>, Option<u32>),
}

impl Chronicle {
    /// Something is slow from now on, or as fast as at the beginning.
    fn pace(&mut self, what: Slower, is_slow: bool) {
        let covers = |all: Option<u32>, one: Option<u32>| all.is_none() || all == one;
        self.slower.retain(|&known| match (what, known) {
            (Slower::Latency(producer, node), Slower::Latency(of, at))
            | (Slower::Bandwidth(producer, node), Slower::Bandwidth(of, at)) => {
                // The newest word counts.
                !(covers(producer, of) && covers(node, at))
            }
            _ => known != what,
        });
        if is_slow {
            self.slower.insert(what);
        }
    }
}

/// A world without producers.
fn nobody(scenario: &Scenario, cluster: Option<Cluster<TraceBuffer>>, lane: LaneIndex) -> Option<Simulation<Troupe>> {
    let settings = SimulationSettings { seed: scenario.seed.0, ..SimulationSettings::default() };
    let observer = TraceBuffer::new(lane, ProducerIndex(0));
    let mut simulation = Simulation::new(settings, cluster?, observer, Troupe::default());
    simulation.end_client(ClientId(0));
    Some(simulation)
}

impl Playable for Stage {
    type Action = Deed;
    type Refusal = InterferenceRefusal;

    fn now(&self) -> Instant {
        self.simulation.now().instant()
    }

    fn next_event_at(&self) -> Option<Instant> {
        let script = self.script.next().map(|at| at.max(self.now()));
        [script, self.simulation.next_event_at()].into_iter().flatten().min()
    }

    fn run_slice(&mut self, until: Instant, max_events: usize) -> bool {
        for _ in 0..max_events {
            match self.next_event_at().filter(|at| *at <= until) {
                Some(at) => self.step(at),
                None => break,
            }
        }
        let more = self.next_event_at().is_some_and(|at| at <= until);
        if !more {
            self.simulation.run_slice(until, 0);
        }
        more
    }

    fn take_trace(&mut self) -> Vec<TraceEvent> {
        let mut events = core::mem::take(&mut self.news);
        events.extend(self.simulation.take_trace());
        events
    }

    fn act(&mut self, deed: &Deed) -> Result<(), InterferenceRefusal> {
        match deed {
            Deed::Act(act) => {
                let now = self.now();
                self.script.at(now, acts::Step::Act(Box::new(act.clone())));
                Ok(())
            }
            Deed::Message(name, what) => self.simulation.interfere(name, *what),
        }
    }

    fn events(&self) -> u64 {
        self.simulation.events() + self.events_of_script
    }

    fn clients(&self) -> u32 {
        u32::try_from(self.simulation.clients().len()).unwrap_or(u32::MAX)
    }
}
