//! Random worlds of the simulation, held against every invariant: our producer against our brokers, whatever these do.
//!
//! A world is drawn from its seed alone. `WORLDS=20000 cargo test -p producer-core --lib judge::tests::worlds` plays more of
//! them, and `SEED=7` plays that one.

use std::collections::BTreeMap;
use std::sync::Arc;

use core::time::Duration;

use crate::application::Application;
use crate::cluster::{Action, Cluster, ClusterConfig, Matcher, Rule, new_topic};
use crate::config::ProducerConfig;
use crate::error::ErrorCode;
use crate::ids::{Lane, NodeId, ProducerIndex, TopicPartition};
use crate::io::BatchCompletion;
use crate::judge::{CallId, Clerk, History, Isolation, Judgement, Topic, WaitFor, WaitId, judge};
use crate::producer::{Flush, Producer, SendAttempt, SendRefusal};
use crate::protocol::ApiKey;
use crate::record::Record;
use crate::rng::{Purpose, Rng};
use crate::simulation::{Latency, Simulation, SimulationSettings};
use crate::time::{Instant, Now};
use crate::trace::TraceBuffer;

pub(super) const PARTITIONS: u64 = 3;
/// Every patience here is over by then.
const END: Instant = Instant::from_millis(7_200_000);
/// Far more than happens in any world here.
const MOST_EVENTS: usize = 500_000;

/// A program that sends numbered records and flushes now and then, with a clerk beside it.
#[derive(Clone, Debug)]
struct Program {
    clerk: Clerk,
    /// Records it is to send.
    count: u64,
    keys: u64,
    value_bytes: usize,
    pace: Duration,
    flushes_every: u64,
    /// Some records all the same: contents then repeat.
    repeats: bool,
    next: u64,
    next_at: Instant,
    sending: Option<(SendAttempt, CallId)>,
    flushing: Option<(Flush, WaitId)>,
}

impl Application<TraceBuffer> for Program {
    fn on_completed(&mut self, now: Now, completion: &BatchCompletion, _producer: &mut Producer<TraceBuffer>) {
        self.clerk.completed(now.instant(), ProducerIndex(0), completion);
    }

    fn run(&mut self, now: Now, producer: &mut Producer<TraceBuffer>) -> Option<Instant> {
        loop {
            if let Some((flush, wait)) = &self.flushing {
                if !producer.is_flushed(flush) {
                    return None;
                }
                self.clerk.history.end_wait(now.instant(), *wait);
                self.flushing = None;
            }
            if self.next == self.count {
                return None;
            }
            if now.instant() < self.next_at {
                return Some(self.next_at);
            }
            if let Some(until) = self.send(now, producer) {
                return Some(until);
            }
            self.next += 1;
            self.next_at = now.instant() + self.pace;
            if self.next.is_multiple_of(self.flushes_every) {
                let wait = self.clerk.history.begin_wait(now.instant(), ProducerIndex(0), WaitFor::Flush);
                self.flushing = Some((producer.begin_flush(now), wait));
            }
        }
    }
}

impl Program {
    fn send(&mut self, now: Now, producer: &mut Producer<TraceBuffer>) -> Option<Instant> {
        let number = if self.repeats { self.next / 4 } else { self.next };
        let (key, value) =
            ((number % self.keys.max(1)).to_string(), format!("{number:0width$}", width = self.value_bytes));
        let key = (self.keys > 0).then_some(key.as_bytes());
        let record = Record { key, ..Record::keyed("orders", b"", value.as_bytes()) };
        let clerk = &mut self.clerk;
        let (mut attempt, call) = self.sending.take().unwrap_or_else(|| {
            (SendAttempt::default(), clerk.history.call(now.instant(), ProducerIndex(0), 0, &record))
        });
        let answer = producer.send(now, &mut attempt, &record);
        clerk.returned(now.instant(), call, &answer);
        let Err(SendRefusal::Blocked { until, .. }) = answer else { return None };
        self.sending = Some((attempt, call));
        Some(until)
    }
}

/// Draws.
pub(super) struct Draw(pub(super) Rng);

impl Draw {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0.below(bound)
    }

    pub(super) fn one_in(&mut self, times: u64) -> bool {
        self.0.one_in(times)
    }

    pub(super) fn of<T: Clone>(&mut self, all: &[T]) -> T {
        self.0.of(all)
    }

    fn properties(&mut self) -> Vec<(&'static str, String)> {
        let (acks, idempotent) = self.of(&[("all", true), ("all", true), ("all", false), ("1", false), ("0", false)]);
        let retries = self.of(&["0", "2", "2147483647", "2147483647"]);
        let (linger, request, beyond) = (self.below(30), 100 + self.below(1_400), self.below(4_000));
        let mut properties = vec![
            ("acks", acks.to_owned()),
            ("enable.idempotence", (idempotent && retries != "0").to_string()),
            ("batch.size", self.of(&["0", "300", "1000", "16384"]).to_owned()),
            ("max.in.flight.requests.per.connection", (1 + self.below(5)).to_string()),
            ("retries", retries.to_owned()),
            ("linger.ms", linger.to_string()),
            ("request.timeout.ms", request.to_string()),
            ("delivery.timeout.ms", (linger + request + beyond).to_string()),
            ("retry.backoff.ms", (1 + self.below(200)).to_string()),
            ("max.block.ms", "500".to_owned()),
        ];
        if self.one_in(2) {
            properties.push(("buffer.memory", (17_000 + self.below(43_000)).to_string()));
        }
        if self.one_in(8) {
            properties.push(("max.request.size", (1_000 + self.below(2_000)).to_string()));
        }
        properties
    }

    fn program(&mut self) -> Program {
        Program {
            clerk: Clerk::default(),
            count: 1 + self.below(150),
            keys: self.below(9),
            value_bytes: usize::try_from(4 + self.below(200)).expect("small"),
            pace: Duration::from_micros(self.below(3_000)),
            flushes_every: 1 + self.below(120),
            repeats: self.one_in(4),
            next: 0,
            next_at: Instant::ZERO,
            sending: None,
            flushing: None,
        }
    }

    pub(super) fn rule(&mut self) -> Rule {
        let api = self.of(&[ApiKey::Produce, ApiKey::Produce, ApiKey::Produce, ApiKey::InitProducerId]);
        let node = self.one_in(2).then(|| self.node());
        let partition = (self.one_in(2) && api == ApiKey::Produce).then(|| self.partition());
        // Without an id nothing expires, and `close()` does not end either: as with the Java client.
        let nth = if api == ApiKey::Produce { (!self.one_in(20)).then(|| self.nth(24)) } else { Some(1) };
        let then = match self.below(5) {
            0 => Action::Delay(Duration::from_millis(self.below(3_000))),
            1 => Action::Answer { error: self.of(&ErrorCode::REFUSALS), only: None },
            2 => Action::CutBeforeAppend,
            3 => Action::CutAfterAppend,
            _ => Action::MoveLeader { partition: self.partition(), to: self.node() },
        };
        Rule { when: Matcher { api: Some(api), node, partition, nth }, then }
    }

    /// A number from 1 on.
    pub(super) fn nth(&mut self, most: u64) -> u32 {
        u32::try_from(1 + self.below(most)).expect("small")
    }

    fn node(&mut self) -> NodeId {
        NodeId(i32::try_from(1 + self.below(3)).expect("small"))
    }

    fn partition(&mut self) -> TopicPartition {
        let partition = i32::try_from(self.below(PARTITIONS)).expect("small");
        TopicPartition { topic: "orders".into(), partition }
    }
}

type World = Simulation<Program>;

pub(super) fn observer() -> TraceBuffer {
    TraceBuffer::new(Lane(0), ProducerIndex(0)).with_budgets(1 << 24, 0)
}

/// Goes on until the world is as wanted.
pub(super) fn run<A: Application<TraceBuffer>>(
    world: &mut Simulation<A>,
    seed: u64,
    what: &str,
    is_wanted: impl Fn(&Simulation<A>) -> bool,
) {
    for _ in 0..MOST_EVENTS {
        if is_wanted(world) {
            return;
        }
        assert!(world.next_event_at().is_some_and(|at| at <= END), "seed {seed}: {what}: never");
        world.step();
    }
    panic!("seed {seed}: {what}: never comes to rest");
}

/// Plays the world of this seed to its end.
fn history_of(seed: u64) -> History {
    let mut draw = Draw(Rng::stream(seed, Purpose::NodeChoice));
    let properties = draw.properties();
    let properties = properties.iter().map(|(key, value)| (*key, value.as_str()));
    let (config, _) = ProducerConfig::from_properties(properties).expect("a configuration that Java takes");
    let config = Arc::new(config);
    let mut program = draw.program();
    program.clerk.history.add_producer(Arc::clone(&config));
    program.clerk.history.add_topic(Topic::new("orders", 3, 1));
    program.clerk.history.tick = Duration::from_millis(1);
    let latency = Latency {
        base: Duration::from_micros(200 + draw.below(5_000)),
        jitter: Duration::from_micros(draw.below(3_000)),
    };
    let mut cluster = Cluster::new(ClusterConfig::simulated(3), observer());
    let mut topic = new_topic("orders", 3, 3);
    if draw.one_in(5) {
        topic.configs.push(("max.message.bytes".into(), Some((200 + draw.below(1_800)).to_string().into())));
    }
    cluster.create_topic(&topic).expect("a topic");
    (0..draw.below(10)).for_each(|_| cluster.add_rule(draw.rule()));
    let settings = SimulationSettings { config: Arc::clone(&config), latency, seed, ..SimulationSettings::default() };
    let mut world = Simulation::new(settings, cluster, observer(), program);
    world.listen();
    let is_idle = |world: &World| {
        let program = world.application();
        program.next == program.count && program.flushing.is_none()
    };
    run(&mut world, seed, "the program", is_idle);
    if draw.one_in(2) {
        // Healed: and after as long as anything may take, all is as on the first day.
        world.cluster_mut().clear_rules();
        let healed = world.now().instant();
        world.application_mut().clerk.history.healed_at = Some(healed);
        let patience = config.max_block + config.delivery_timeout + config.request_timeout * 2;
        world.run_slice(healed + patience, MOST_EVENTS);
        world.application_mut().count += 10;
        run(&mut world, seed, "the program, once healed", is_idle);
    }
    let timeout = draw.one_in(4).then(|| Duration::from_millis(draw.below(2_000)));
    let wait = world.with(|producer, program, now| {
        producer.close(now, timeout);
        program.clerk.history.begin_wait(now.instant(), ProducerIndex(0), WaitFor::Close)
    });
    run(&mut world, seed, "close()", |world| world.producer().is_closed());
    let now = world.now();
    let wire = world.wire().expect("somebody listens").clone();
    let trace = world.take_trace();
    let mut history = world.application().clerk.history.clone();
    history.end_wait(now.instant(), wait);
    history.wire = wire;
    history.add_facts(&trace);
    history.read_cluster(world.cluster(), now, None);
    history
}

/// What was found in all of them.
#[derive(Debug, Default)]
struct Found {
    worlds: u64,
    calls: u64,
    requests: u64,
    departures: BTreeMap<String, (u32, u64)>,
    broken: Vec<(u64, Judgement)>,
}

/// Plays the worlds of so many seeds, or as the environment says, and holds each against every invariant.
pub(super) fn judge_all(worlds: u64, history_of: fn(u64) -> History, also: impl Fn(&History)) {
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse::<u64>().ok());
    let seeds = match number("SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("WORLDS").unwrap_or(worlds),
    };
    let mut found = Found::default();
    for seed in seeds {
        let history = history_of(seed);
        also(&history);
        found.worlds += 1;
        found.calls += history.calls.len() as u64;
        found.requests += history.wire.requests.len() as u64;
        let judgement = judge(&history);
        for (departure, count) in &judgement.departures {
            found.departures.entry(format!("{departure:?}")).or_insert((0, seed)).0 += count;
        }
        if !judgement.violations.is_empty() {
            found.broken.push((seed, judgement));
        }
    }
    let Found { worlds, calls, requests, departures, broken } = &found;
    let told = format!("{worlds} worlds, {calls} calls, {requests} requests; departures and a seed: {departures:?}");
    let violations = broken.iter().flat_map(|(seed, judgement)| {
        judgement.violations.iter().take(3).map(move |violation| format!("seed {seed}: {violation}"))
    });
    let violations: Vec<String> = violations.take(60).collect();
    assert!(broken.is_empty(), "{told}\n{} broken\n{}", broken.len(), violations.join("\n"));
    // In a quiet world the judges see little.
    assert!(*requests > *worlds, "{told}");
}

#[test]
fn no_world_breaks_an_invariant() {
    judge_all(300, history_of, |history| {
        let careful = history.score(Isolation::ReadCommitted);
        assert_eq!(history.score(Isolation::ReadUncommitted), careful, "no transactions: all readers are equal");
    });
}
