//! A scenario from a seed.
//!
//! ```text
//! 0        faults        20 s     brokers recover      50 s        patience         ┊ probe ┊  patience  ┊ close ┊ patience
//! ├──────────────────────┼────────────────────────────┼────────────────────────────┼───────┼────────────┼───────┼─────────►
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;

use super::kinds::KINDS;
use crate::bridge::Habit;
use crate::error::ErrorCode;
use crate::protocol::ApiKey;
use crate::rng::{Purpose, Rng};
use crate::scenario::{
    Act, Action, Arrival, Caller, Cluster, Direction, Fate, InCallback, Keys, Latency, Load, Messages, Moment, Network,
    ProducerSetup, Properties, Route, Rule, Scenario, Seed, Then, Topic, Value,
};

/// Everything that is wrong begins before.
const FAULTS_BEGIN_BEFORE_US: u64 = 10_000_000;
/// And is over by then: nothing here lasts longer than the difference.
const FAULTS_OVER_US: u64 = 20_000_000;
/// A controller misses a broker for 9 s, and a follower is out of sync for up to 30 s before anybody says so.
const RECOVERED_US: u64 = 60_000_000;
/// So many records everybody sends when all should be well again.
pub(super) const PROBE: u32 = 7;

/// Codes with which a broker refuses a batch.
const REFUSALS: [ErrorCode; 14] = [
    ErrorCode::NOT_LEADER_OR_FOLLOWER,
    ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode::LEADER_NOT_AVAILABLE,
    ErrorCode::NOT_ENOUGH_REPLICAS,
    ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    ErrorCode::REQUEST_TIMED_OUT,
    ErrorCode::NETWORK_EXCEPTION,
    ErrorCode::KAFKA_STORAGE_ERROR,
    ErrorCode::CORRUPT_MESSAGE,
    ErrorCode::INVALID_RECORD,
    ErrorCode::TOPIC_AUTHORIZATION_FAILED,
    ErrorCode::THROTTLING_QUOTA_EXCEEDED,
    ErrorCode::UNKNOWN_SERVER_ERROR,
    ErrorCode::MESSAGE_TOO_LARGE,
];

/// What may be said after a write.
const AFTER_THE_WRITE: [ErrorCode; 5] = [
    ErrorCode::REQUEST_TIMED_OUT,
    ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    ErrorCode::NOT_LEADER_OR_FOLLOWER,
    ErrorCode::KAFKA_STORAGE_ERROR,
    ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
];

/// The scenario of this seed.
pub fn draw(seed: u64) -> Scenario {
    let mut draw = Draw {
        rng: Rng::stream(seed, Purpose::Swarm),
        brokers: 1,
        producers: 1,
        topics: Vec::new(),
        undos: Vec::new(),
    };
    let mut scenario = draw.world(seed);
    let enabled = draw.enabled();
    for kind in &enabled {
        for _ in 0..1 + draw.below(2) {
            draw.add(kind, &mut scenario);
        }
    }
    if enabled.contains("conditional action") {
        draw.make_conditional(&mut scenario);
    }
    draw.end(&mut scenario);
    scenario
}

struct Draw {
    rng: Rng,
    brokers: u32,
    producers: u32,
    topics: Vec<Topic>,
    /// Places of the actions that put something right: in their time, whatever happens.
    undos: Vec<usize>,
}

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.rng.below(bound)
    }

    fn small(&mut self, bound: u32) -> u32 {
        u32::try_from(self.below(bound.into())).unwrap_or(0)
    }

    fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        let place = usize::try_from(self.below(all.len() as u64)).unwrap_or(0);
        all[place].clone()
    }

    fn maybe<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.one_in(2).then(|| value(self))
    }

    /// The kinds of fault of this seed: none at all, few, or many.
    fn enabled(&mut self) -> BTreeSet<&'static str> {
        let one_in = self.of(&[0, 8, 6, 4, 3, 2]);
        KINDS.into_iter().filter(|_| one_in > 0 && self.one_in(one_in)).collect()
    }

    fn world(&mut self, seed: u64) -> Scenario {
        self.brokers = 1 + self.small(5);
        self.producers = 1 + self.small(3);
        for number in 0..1 + self.small(2) {
            let topic = self.topic(number);
            self.topics.push(topic);
        }
        let cluster = Cluster {
            brokers: self.brokers,
            settings: self.broker_settings(),
            processing_us: 50 + self.below(400),
            between_brokers: self.latency(3_000, 0),
        };
        let bandwidth_bytes_per_s = if self.one_in(4) { 50_000 + self.below(2_000_000) } else { 0 };
        let mut network = Network { latency: self.latency(5_000, 3_000), bandwidth_bytes_per_s, routes: Vec::new() };
        if self.one_in(4) {
            let latency = self.latency(60_000, 20_000);
            let (producer, node) = (self.maybe(Self::producer), Some(self.node()));
            network.routes.push(Route { producer, node, latency, bandwidth_bytes_per_s });
        }
        let warm = !self.one_in(4);
        let producers = (0..self.producers).map(|index| self.setup(index)).collect();
        Scenario {
            name: format!("seed {seed}").into(),
            seed: Seed(seed),
            warm,
            max_events: 3_000_000,
            cluster,
            network,
            topics: self.topics.clone(),
            producers,
            ..Scenario::default()
        }
    }

    fn latency(&mut self, base: u64, jitter: u64) -> Latency {
        Latency { base_us: 100 + self.below(base), jitter_us: self.below(jitter + 1) }
    }

    fn broker_settings(&mut self) -> Properties {
        let mut settings = Properties::default();
        if self.one_in(3) {
            settings.set("replica.lag.time.max.ms", &(2_000 + self.below(8_000)).to_string());
        }
        if self.one_in(6) {
            settings.set("unclean.leader.election.enable", "true");
        }
        if self.one_in(12) {
            settings.set("producer.id.expiration.ms", &(3_000 + self.below(20_000)).to_string());
            settings.set("producer.id.expiration.check.interval.ms", "1000");
        }
        settings
    }

    fn topic(&mut self, number: u32) -> Topic {
        let replication_factor = 1 + self.small(self.brokers.min(3));
        let mut settings = Properties::default();
        settings.set("min.insync.replicas", &(1 + self.small(replication_factor)).to_string());
        if self.one_in(6) {
            settings.set("max.message.bytes", &(300 + self.below(1_700)).to_string());
        }
        if self.one_in(5) {
            settings.set("message.timestamp.type", "LogAppendTime");
        }
        let name = ["orders", "payments"][number as usize % 2].into();
        Topic { name, partitions: 1 + self.small(4), replication_factor, settings }
    }

    fn setup(&mut self, index: u32) -> ProducerSetup {
        let callers = (0..1 + self.small(3)).map(|caller| self.caller(index, caller)).collect();
        ProducerSetup { properties: self.properties(), callers }
    }

    fn properties(&mut self) -> Properties {
        let mut properties = Properties::default();
        let (acks, idempotent) = self.of(&[("all", true), ("all", true), ("all", false), ("1", false), ("0", false)]);
        let retries = self.of(&["0", "2", "2147483647", "2147483647", "2147483647"]);
        let linger = self.below(30);
        let (request, beyond) = self.of(&[(200, 1_000), (1_000, 3_000), (2_000, 8_000), (5_000, 10_000)]);
        // Never too short for one record on the slowest way.
        let (request, beyond) = (request + self.below(request), 800 + self.below(beyond));
        for (key, value) in [
            ("acks", acks.to_owned()),
            ("enable.idempotence", (idempotent && retries != "0").to_string()),
            ("batch.size", self.of(&["0", "300", "1000", "16384"]).to_owned()),
            ("max.in.flight.requests.per.connection", (1 + self.below(5)).to_string()),
            ("retries", retries.to_owned()),
            ("linger.ms", linger.to_string()),
            ("request.timeout.ms", request.to_string()),
            ("delivery.timeout.ms", (linger + request + beyond).to_string()),
            ("retry.backoff.ms", (1 + self.below(200)).to_string()),
            ("max.block.ms", self.of(&["500", "3000", "10000"]).to_owned()),
            // As patient as with requests: who waits longer for a broker's address has no time left for its records.
            ("reconnect.backoff.max.ms", (50 + self.below(request)).to_string()),
            ("socket.connection.setup.timeout.ms", request.to_string()),
            ("socket.connection.setup.timeout.max.ms", request.to_string()),
        ] {
            properties.set(key, &value);
        }
        if self.one_in(2) {
            properties.set("buffer.memory", &(17_000 + self.below(43_000)).to_string());
        }
        if self.one_in(8) {
            properties.set("max.request.size", &(1_000 + self.below(2_000)).to_string());
        }
        if self.one_in(6) {
            properties.set("partitioner.ignore.keys", "true");
        }
        if self.one_in(4) {
            properties.set("metadata.max.age.ms", &(500 + self.below(20_000)).to_string());
        }
        properties
    }

    fn caller(&mut self, producer: u32, caller: u32) -> Caller {
        let loads = 1 + self.small(2);
        Caller {
            habit: self.of(&[Habit::Get, Habit::Callback, Habit::Callback, Habit::Forget]),
            start_us: self.below(3_000_000),
            pace_us: if self.one_in(2) { self.below(20_000) } else { 0 },
            threads: 1 + self.small(3),
            loads: (0..loads).map(|load| self.load(&format!("{producer}-{caller}-{load}"))).collect(),
            then: match self.below(5) {
                0 => Then::Flush {},
                1 => Then::Close { timeout_us: self.maybe(|draw| draw.below(3_000_000)) },
                _ => Then::Stay {},
            },
            ..Caller::default()
        }
    }

    fn load(&mut self, name: &str) -> Load {
        let topic = self.of(&self.topics.clone());
        let partition = self.one_in(6).then(|| self.small(topic.partitions));
        let keys = match self.below(4) {
            0 => Keys::Null {},
            1 => Keys::Zipf { prefix: "user-".into(), distinct: 1 + self.small(20), exponent: 1 },
            _ => Keys::Template { text: "user-{{int 1 9}}".into() },
        };
        Load {
            topic: topic.name,
            partition,
            count: 1 + self.small(80),
            arrival: match self.below(3) {
                0 => Arrival::AtOnce {},
                1 => Arrival::Steady { per_second: 5 + self.below(200) },
                _ => Arrival::Bursts { size: 2 + self.small(20), every_us: 100_000 + self.below(2_000_000) },
            },
            keys,
            value: Value::Template {
                text: format!("{name}/{{{{seq}}}}").into(),
                at_least_bytes: if self.one_in(2) { self.small(400) } else { 0 },
            },
            ..Load::default()
        }
    }

    fn node(&mut self) -> u32 {
        1 + self.small(self.brokers)
    }

    fn producer(&mut self) -> u32 {
        self.small(self.producers)
    }

    /// A topic and one of its partitions.
    fn partition(&mut self) -> (Arc<str>, u32) {
        let topic = self.of(&self.topics.clone());
        let partition = self.small(topic.partitions);
        (topic.name, partition)
    }

    /// How long something lasts: as long as a request, or as a broker's session.
    fn spell(&mut self) -> u64 {
        let most = self.of(&[300_000, 2_000_000, 9_500_000]);
        10_000 + self.below(most)
    }

    /// Adds a fault of this kind, where the world has room for it.
    fn add(&mut self, kind: &'static str, scenario: &mut Scenario) {
        let at_us = self.below(FAULTS_BEGIN_BEFORE_US);
        match kind {
            "break a request"
            | "break an answer"
            | "swallow a request"
            | "swallow an answer"
            | "delay a request"
            | "delay an answer"
            | "error instead of the write"
            | "error after the write"
            | "throttle" => {
                let mut rule = self.rule(kind, 0);
                if kind == "error after the write" {
                    // Nobody else waits for copies, which may be late.
                    let Some(producer) = self.who_waits_for_copies(scenario) else { return };
                    rule.on.producer = Some(producer);
                }
                scenario.rules.push(rule);
            }
            "callback sends" | "callback sleeps" | "callback throws" | "send again after a failure" => {
                self.change_a_caller(kind, scenario);
            }
            "conditional action" => {}
            _ => {
                let Some(act) = self.act(kind, at_us) else { return };
                let undo = self.undo(&act, scenario);
                scenario.actions.push(Action { at_us, act, ..Action::default() });
                if let Some(act) = undo {
                    let at_us = at_us + self.spell();
                    self.undos.push(scenario.actions.len());
                    scenario.actions.push(Action { at_us, act, ..Action::default() });
                }
            }
        }
    }

    fn who_waits_for_copies(&mut self, scenario: &Scenario) -> Option<u32> {
        let first = self.producer();
        let mut all = (0..self.producers).map(|place| (first + place) % self.producers);
        all.find(|&producer| {
            let properties = &scenario.producers[producer as usize].properties;
            properties.iter().any(|pair| pair == ("acks", "all"))
        })
    }

    fn rule(&mut self, kind: &str, from_us: u64) -> Rule {
        let api = self.of(&[ApiKey::Produce, ApiKey::Produce, ApiKey::Metadata, ApiKey::InitProducerId]);
        let (is_answer, fate) = match kind {
            "break a request" => (false, Fate::Break {}),
            "break an answer" => (true, Fate::Break {}),
            "swallow a request" => (false, Fate::Swallow {}),
            "swallow an answer" => (true, Fate::Swallow {}),
            "delay a request" => (false, Fate::Delay { by_us: 1 + self.below(3_000_000) }),
            "delay an answer" => (true, Fate::Delay { by_us: 1 + self.below(3_000_000) }),
            "error instead of the write" => (false, self.error(&REFUSALS)),
            "error after the write" => (true, self.error(&AFTER_THE_WRITE)),
            _ => (true, Fate::Throttle { for_ms: self.small(3_000) }),
        };
        let is_error = matches!(fate, Fate::Error { .. });
        let api = if is_error { Some(ApiKey::Produce) } else { self.maybe(|_| api) };
        Rule {
            on: Messages {
                direction: if is_answer { Direction::Answer } else { Direction::Request },
                api,
                producer: self.maybe(Self::producer),
                node: self.maybe(Self::node),
                ..Messages::default()
            },
            nth: 1 + self.small(20),
            times: if self.one_in(4) { 1 + self.small(8) } else { 1 },
            from_us,
            fate,
            until_us: Some(FAULTS_OVER_US),
            lane: None,
        }
    }

    fn error(&mut self, codes: &[ErrorCode]) -> Fate {
        let delay_us = if self.one_in(4) { self.below(2_000_000) } else { 0 };
        let partition = self.one_in(3).then(|| self.small(4));
        Fate::Error { error: self.of(codes), partition, delay_us }
    }

    fn change_a_caller(&mut self, kind: &str, scenario: &mut Scenario) {
        let producer = self.producer() as usize;
        let callers = &mut scenario.producers[producer].callers;
        let place = usize::try_from(self.below(callers.len() as u64)).unwrap_or(0);
        let caller = &mut callers[place];
        if kind == "send again after a failure" {
            caller.sends_again = 1 + self.small(3);
            return;
        }
        caller.habit = Habit::Callback;
        caller.callback = match kind {
            "callback sends" => InCallback::Send { generations: 1 + self.small(2) },
            "callback sleeps" => InCallback::Sleep { for_us: 1_000 + self.below(100_000) },
            _ => InCallback::Throw {},
        };
    }

    fn act(&mut self, kind: &str, at_us: u64) -> Option<Act> {
        let (topic, partition) = self.partition();
        let node = self.node();
        let (some_node, some_producer) = (self.maybe(Self::node), self.maybe(Self::producer));
        let (producer, spell) = (self.producer(), self.spell());
        Some(match kind {
            "restart broker" => Act::RestartBroker { node, down_us: spell.min(7_000_000) },
            "kill broker" => Act::KillBroker { node, down_us: Some(spell) },
            "pause broker" => Act::PauseBroker { node, for_us: Some(spell) },
            "slow broker" => Act::SlowBroker { node, times: 2 + self.small(2_000) },
            "fail disk" => Act::FailDisk { node, topic, partition: self.maybe(|_| partition) },
            "move leader" if self.brokers > 1 => Act::MoveLeader { topic, partition, to: node },
            "shrink ISR" if self.brokers > 1 => Act::ShrinkIsr { topic, partition, node, for_us: Some(spell) },
            "lose controller" => Act::LoseController { for_us: spell },
            "stale metadata" => Act::StaleMetadata { node, for_us: spell },
            "split brokers" if self.brokers > 1 => Act::SplitBrokers { nodes: vec![node], for_us: spell },
            "split producer" => Act::SplitProducer { producer: some_producer, node: some_node, for_us: spell },
            "cut connections" => Act::CutConnections { producer: some_producer, node: some_node },
            "refuse connections" => Act::RefuseConnections { node: some_node, for_us: spell },
            "unreachable address" => Act::UnreachableAddress { node, for_us: Some(spell) },
            "set latency" => {
                let Latency { base_us, jitter_us } = self.latency(500_000, 200_000);
                Act::SetLatency { producer: some_producer, node: some_node, base_us, jitter_us }
            }
            "set bandwidth" => {
                let bytes_per_s = 2_000 + self.below(100_000);
                Act::SetBandwidth { producer: some_producer, node: some_node, bytes_per_s }
            }
            "rule by action" => {
                let kind = self.of(&["break a request", "break an answer", "swallow an answer", "delay a request"]);
                Act::AddRule { rule: self.rule(kind, at_us) }
            }
            "re-create topic" => Act::RecreateTopic { topic, gone_us: spell.min(3_000_000) },
            "add partitions" => Act::AddPartitions { topic, to: 5 + self.small(4) },
            "set topic" => {
                let mut settings = Properties::default();
                settings.set("max.message.bytes", &(200 + self.below(2_000)).to_string());
                Act::SetTopic { topic, settings }
            }
            "pause producer" => Act::PauseProducer { producer, for_us: spell },
            "jump clock" => {
                let by_ms = i64::try_from(self.below(7_200_000)).unwrap_or(0) - 3_600_000;
                Act::JumpClock { producer, by_ms }
            }
            "send more" => {
                let load = self.load(&format!("more-{at_us}"));
                Act::Send { producer, load: Load { count: load.count + PROBE, ..load } }
            }
            "flush" => Act::Flush { producer },
            "close" => Act::Close { producer, timeout_us: Some(self.below(5_000_000)) },
            "exit" => Act::Exit { producer },
            _ => return None,
        })
    }

    /// What puts right what would stay wrong.
    fn undo(&mut self, act: &Act, scenario: &Scenario) -> Option<Act> {
        Some(match act {
            Act::SlowBroker { node, .. } => Act::SlowBroker { node: *node, times: 1 },
            // A disk that is exchanged is found at the next start.
            Act::FailDisk { node, .. } => Act::RestartBroker { node: *node, down_us: 1_000_000 },
            Act::SetLatency { producer, node, .. } => {
                let Latency { base_us, jitter_us } = scenario.network.latency;
                Act::SetLatency { producer: *producer, node: *node, base_us, jitter_us }
            }
            Act::SetBandwidth { producer, node, .. } => {
                Act::SetBandwidth { producer: *producer, node: *node, bytes_per_s: 0 }
            }
            Act::SetTopic { topic, .. } => {
                let mut settings = Properties::default();
                settings.set("max.message.bytes", "1048588");
                Act::SetTopic { topic: Arc::clone(topic), settings }
            }
            _ => return None,
        })
    }

    /// Has some of what happens wait for something else to happen.
    fn make_conditional(&mut self, scenario: &mut Scenario) {
        let producer = self.producer();
        let mut places: Vec<usize> = (0..scenario.actions.len()).filter(|place| !self.undos.contains(place)).collect();
        if places.is_empty() {
            let act = Act::CutConnections { producer: None, node: None };
            scenario.actions.push(Action { act, ..Action::default() });
            places.push(scenario.actions.len() - 1);
        }
        let place = self.of(&places);
        let nth = 1 + self.below(12);
        let when = match self.below(6) {
            0 => {
                let on = Messages { api: Some(ApiKey::Produce), producer: Some(producer), ..Messages::default() };
                Moment::Message { on, nth: 1 + self.small(12) }
            }
            1 => Moment::Acked { producer, nth },
            2 => Moment::Sent { producer, nth },
            3 => Moment::Retried { producer, nth: 1 + nth / 4 },
            4 => Moment::Appended { topic: "".into(), partition: None, nth },
            _ => Moment::AllSent { producer },
        };
        let action = &mut scenario.actions[place];
        (action.at_us, action.when) = (action.at_us % 50_000, Some(when));
    }

    /// When all should be well again, everybody sends a few records more, and closes.
    fn end(&mut self, scenario: &mut Scenario) {
        // The longest that any of the configurations here allows: max.block.ms, delivery.timeout.ms, two requests.
        let patience_us = 10_000_000 + 20_830_000 + 2 * 10_000_000;
        let probe_at = RECOVERED_US + patience_us;
        let close_at = probe_at + patience_us;
        for producer in 0..self.producers {
            let load = self.load(&format!("probe-{producer}"));
            let load = Load { count: PROBE, arrival: Arrival::Steady { per_second: 1 }, partition: None, ..load };
            scenario.actions.push(Action { at_us: probe_at, act: Act::Send { producer, load }, ..Action::default() });
            let close = Act::Close { producer, timeout_us: None };
            scenario.actions.push(Action { at_us: close_at, act: close, ..Action::default() });
        }
        scenario.duration_us = close_at + patience_us;
    }
}
