//! A scenario from a seed.
//!
//! ```text
//! 0        faults        20 s     brokers recover      60 s        patience         ┊ probe ┊  patience  ┊ close ┊ patience
//! ├──────────────────────┼────────────────────────────┼────────────────────────────┼───────┼────────────┼───────┼─────────►
//! ```

mod faults;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::kinds::KINDS;
use crate::bridge::Habit;
use crate::codecs::Codec;
use crate::error::ErrorCode;
use crate::protocol::ApiKey;
use crate::rng::{Purpose, Rng};
use crate::scenario::{
    Act, Action, Arrival, Caller, Cluster, Direction, Fate, HeaderTemplate, InCallback, Keys, Latency, Load, Messages,
    Moment, Network, ProducerSetup, Properties, Route, Rule, Scenario, Seed, Then, Topic, Value,
};

/// Everything that is wrong begins before.
const FAULTS_BEGIN_BEFORE_US: u64 = 10_000_000;
/// Rules strike until then. What lasts is over within 9.51 s; what is repeated, or waits for something else, may come later.
const FAULTS_OVER_US: u64 = 20_000_000;
/// A controller misses a broker for 9 s, and a follower is out of sync for up to 30 s before anybody says so.
const RECOVERED_US: u64 = 60_000_000;
/// So many records everybody sends when all should be well again.
pub(super) const PROBE: u32 = 7;

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
        for _ in 0..1 + draw.rng.below(2) {
            draw.add(kind, &mut scenario);
        }
    }
    if enabled.contains("repeat") {
        draw.repeat(&mut scenario);
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
    fn maybe<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.rng.one_in(2).then(|| value(self))
    }

    /// The kinds of fault of this seed: none at all, few, or many.
    fn enabled(&mut self) -> BTreeSet<&'static str> {
        let one_in = self.rng.of(&[0, 8, 6, 4, 3, 2]);
        KINDS.into_iter().filter(|_| one_in > 0 && self.rng.one_in(one_in)).collect()
    }

    fn world(&mut self, seed: u64) -> Scenario {
        self.brokers = 1 + self.rng.small(5);
        self.producers = 1 + self.rng.small(3);
        for number in 0..1 + self.rng.small(2) {
            let topic = self.topic(number);
            self.topics.push(topic);
        }
        let cluster = Cluster {
            brokers: self.brokers,
            settings: self.broker_settings(),
            processing_us: 50 + self.rng.below(400),
            between_brokers: self.latency(3_000, 0),
        };
        let bandwidth_bytes_per_s = if self.rng.one_in(4) { 50_000 + self.rng.below(2_000_000) } else { 0 };
        let mut network = Network { latency: self.latency(5_000, 3_000), bandwidth_bytes_per_s, routes: Vec::new() };
        if self.rng.one_in(4) {
            let latency = self.latency(60_000, 20_000);
            let (producer, node) = (self.maybe(Self::producer), Some(self.node()));
            network.routes.push(Route { producer, node, latency, bandwidth_bytes_per_s });
        }
        let warm = !self.rng.one_in(4);
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
        Latency { base_us: 100 + self.rng.below(base), jitter_us: self.rng.below(jitter + 1) }
    }

    fn broker_settings(&mut self) -> Properties {
        let mut settings = Properties::default();
        if self.rng.one_in(3) {
            settings.set("replica.lag.time.max.ms", &(2_000 + self.rng.below(8_000)).to_string());
        }
        if self.rng.one_in(6) {
            settings.set("unclean.leader.election.enable", "true");
        }
        if self.rng.one_in(12) {
            settings.set("producer.id.expiration.ms", &(3_000 + self.rng.below(20_000)).to_string());
            settings.set("producer.id.expiration.check.interval.ms", "1000");
        }
        settings
    }

    fn topic(&mut self, number: u32) -> Topic {
        let replication_factor = 1 + self.rng.small(self.brokers.min(3));
        let mut settings = Properties::default();
        settings.set("min.insync.replicas", &(1 + self.rng.small(replication_factor)).to_string());
        if self.rng.one_in(6) {
            settings.set("max.message.bytes", &(300 + self.rng.below(1_700)).to_string());
        }
        if self.rng.one_in(5) {
            settings.set("message.timestamp.type", "LogAppendTime");
        }
        if self.rng.one_in(6) {
            settings.set("compression.type", self.rng.of(&["uncompressed", "gzip", "snappy", "lz4", "zstd"]));
        }
        let name = ["orders", "payments"][number as usize % 2].into();
        Topic { name, partitions: 1 + self.rng.small(4), replication_factor, settings }
    }

    fn setup(&mut self, index: u32) -> ProducerSetup {
        let callers = (0..1 + self.rng.small(3)).map(|caller| self.caller(index, caller)).collect();
        ProducerSetup { properties: self.properties(), callers }
    }

    fn properties(&mut self) -> Properties {
        let mut properties = Properties::default();
        let (acks, idempotent) =
            self.rng.of(&[("all", true), ("all", true), ("all", false), ("1", false), ("0", false)]);
        let retries = self.rng.of(&["0", "2", "2147483647", "2147483647", "2147483647"]);
        let linger = self.rng.below(30);
        let (request, beyond) = self.rng.of(&[(200, 1_000), (1_000, 3_000), (2_000, 8_000), (5_000, 10_000)]);
        // Never too short for one record on the slowest way.
        let (request, beyond) = (request + self.rng.below(request), 800 + self.rng.below(beyond));
        for (key, value) in [
            ("acks", acks.to_owned()),
            ("enable.idempotence", (idempotent && retries != "0").to_string()),
            ("batch.size", self.rng.of(&["0", "300", "1000", "16384"]).to_owned()),
            ("max.in.flight.requests.per.connection", (1 + self.rng.below(5)).to_string()),
            ("retries", retries.to_owned()),
            ("linger.ms", linger.to_string()),
            ("request.timeout.ms", request.to_string()),
            ("delivery.timeout.ms", (linger + request + beyond).to_string()),
            ("retry.backoff.ms", (1 + self.rng.below(200)).to_string()),
            ("max.block.ms", self.rng.of(&["500", "3000", "10000"]).to_owned()),
            // As patient as with requests: who waits longer for a broker's address has no time left for its records.
            ("reconnect.backoff.max.ms", (50 + self.rng.below(request)).to_string()),
            ("socket.connection.setup.timeout.ms", request.to_string()),
            ("socket.connection.setup.timeout.max.ms", request.to_string()),
        ] {
            properties.set(key, &value);
        }
        if self.rng.one_in(2) {
            properties.set("buffer.memory", &(17_000 + self.rng.below(43_000)).to_string());
        }
        if self.rng.one_in(8) {
            properties.set("max.request.size", &(1_000 + self.rng.below(2_000)).to_string());
        }
        if self.rng.one_in(6) {
            properties.set("partitioner.ignore.keys", "true");
        }
        if self.rng.one_in(4) {
            properties.set("metadata.max.age.ms", &(500 + self.rng.below(20_000)).to_string());
        }
        if self.rng.one_in(4) {
            let codec = self.rng.of(&Codec::ALL);
            properties.set("compression.type", codec.name());
        }
        if self.rng.one_in(6) {
            properties.set("connections.max.idle.ms", &(500 + self.rng.below(20_000)).to_string());
        }
        if self.rng.one_in(6) {
            properties.set("retry.backoff.max.ms", &(1 + self.rng.below(2_000)).to_string());
        }
        if self.rng.one_in(6) {
            properties.set("partitioner.adaptive.partitioning.enable", "false");
        } else if self.rng.one_in(6) {
            properties.set("partitioner.availability.timeout.ms", &self.rng.below(2_000).to_string());
        }
        if self.rng.one_in(8) {
            properties.set("metadata.recovery.rebootstrap.trigger.ms", &(500 + self.rng.below(10_000)).to_string());
        }
        properties
    }

    fn caller(&mut self, producer: u32, caller: u32) -> Caller {
        let loads = 1 + self.rng.small(2);
        Caller {
            habit: self.rng.of(&[Habit::Get, Habit::Callback, Habit::Callback, Habit::Forget]),
            start_us: self.rng.below(3_000_000),
            pace_us: if self.rng.one_in(2) { self.rng.below(20_000) } else { 0 },
            threads: 1 + self.rng.small(3),
            loads: (0..loads).map(|load| self.load(&format!("{producer}-{caller}-{load}"))).collect(),
            then: match self.rng.below(12) {
                0..=2 => Then::Flush {},
                3 => Then::Exit {},
                4 | 5 => Then::Close { timeout_us: self.maybe(|draw| draw.rng.below(3_000_000)) },
                _ => Then::Stay {},
            },
            ..Caller::default()
        }
    }

    fn load(&mut self, name: &str) -> Load {
        let topic = self.rng.of(&self.topics);
        let partition = self.rng.one_in(6).then(|| self.rng.small(topic.partitions));
        let keys = match self.rng.below(5) {
            0 => Keys::Null {},
            4 => Keys::List { keys: vec![None, Some("".into()), Some("user-42".into())] },
            1 => Keys::Zipf { prefix: "user-".into(), distinct: 1 + self.rng.small(20), exponent: 1 },
            _ => Keys::Template { text: "user-{{int 1 9}}".into() },
        };
        Load {
            topic: topic.name,
            partition,
            count: 1 + self.rng.small(80),
            arrival: match self.rng.below(3) {
                0 => Arrival::AtOnce {},
                1 => Arrival::Steady { per_second: 5 + self.rng.below(200) },
                _ => Arrival::Bursts { size: 2 + self.rng.small(20), every_us: 100_000 + self.rng.below(2_000_000) },
            },
            keys,
            value: Value::Template {
                text: format!("{name}/{{{{seq}}}}").into(),
                at_least_bytes: if self.rng.one_in(2) { self.rng.small(400) } else { 0 },
            },
            headers: if self.rng.one_in(4) { self.headers() } else { Vec::new() },
            timestamp_offset_ms: self.rng.one_in(6).then(|| i64::from(self.rng.small(5_000)) - 2_500),
        }
    }

    fn headers(&mut self) -> Vec<HeaderTemplate> {
        let header = |key: &str, value: Option<&str>| HeaderTemplate { key: key.into(), value: value.map(Into::into) };
        let all = [header("trace", Some("{{int 1 9}}")), header("", Some("")), header("trace", None)];
        (0..1 + self.rng.small(3)).map(|_| self.rng.of(&all)).collect()
    }

    fn node(&mut self) -> u32 {
        1 + self.rng.small(self.brokers)
    }

    fn producer(&mut self) -> u32 {
        self.rng.small(self.producers)
    }

    /// A topic and one of its partitions.
    fn partition(&mut self) -> (Arc<str>, u32) {
        let topic = self.rng.of(&self.topics);
        let partition = self.rng.small(topic.partitions);
        (topic.name, partition)
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
