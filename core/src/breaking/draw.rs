//! A world around a configuration.
//!
//! Small: up to three brokers, one topic, one producer, a few dozen records. What is drawn aims at the configuration:
//! values fill its batches or its buffer, pauses last as long as its timeouts, and faults wait for the first messages, for
//! what was just appended and not answered, for what is sent again.

use core::time::Duration;

use super::faults::FaultKind;
use super::question::Question;
use crate::bridge::Habit;
use crate::config::{Acks, ConfigError, ProducerConfig};
use crate::error::ErrorCode;
use crate::protocol::ApiKey;
use crate::rng::{Purpose, Rng};
use crate::scenario::{
    Act, Action, Arrival, Caller, Claim, Cluster, Direction, Fate, Keys, Latency, Load, Messages, Moment, Network,
    ProducerSetup, Properties, Rule, Scenario, Seed, Then, Topic, Value,
};

/// Events that a world may take: ten times as many as the longest of those that were looked at.
const MAX_EVENTS: u64 = 200_000;
/// So many draws behind the one before, a world begins in the seed's stream: more than it takes, but for one of nearly a
/// hundred faults, whose last draws are then the next one's first.
const DRAWS: u64 = 1 << 10;
/// The longest fault, and the longest patience that a world waits for.
const LONGEST: Duration = Duration::from_secs(3_600);
/// A broker that died is missed after 9 s, a follower that is behind after 30 s.
const RECOVERY: Duration = Duration::from_secs(60);
/// A buffer of at most so many bytes can be filled by a small world.
const SMALL_BUFFER: u64 = 1 << 21;
/// The longest value.
const MOST_BYTES: u64 = 1 << 19;

/// World `number` of a question, as it was asked: its configuration is around it, its claim is its goal.
///
/// # Errors
/// The Java client refuses the configuration.
pub fn world(question: &Question, number: u32) -> Result<Scenario, ConfigError> {
    let mut question = question.clone();
    let (config, _) = question.settle()?;
    Ok(draw(&question, &question.properties, &config, number))
}

/// The world of this number around a configuration.
pub(super) fn draw(question: &Question, properties: &Properties, config: &ProducerConfig, number: u32) -> Scenario {
    let rng = Rng::stream(question.seed, Purpose::Worlds).at(u64::from(number) * DRAWS);
    let draw = Draw { rng, question, config, brokers: 1, partitions: 1, records: 1, latency_us: 0 };
    draw.world(properties)
}

struct Draw<'q> {
    rng: Rng,
    question: &'q Question,
    config: &'q ProducerConfig,
    brokers: u32,
    partitions: u32,
    records: u32,
    /// One way.
    latency_us: u64,
}

impl Draw<'_> {
    fn world(mut self, properties: &Properties) -> Scenario {
        let seed = Seed(self.rng.next());
        let given = self.question.surroundings;
        let drawn = self.rng.of(&[1, 2, 3, 3, 3]);
        self.brokers = given.brokers.unwrap_or(drawn).clamp(1, 9);
        let topic = self.topic();
        self.latency_us = self.rng.of(&[200, 1_000, 5_000, 20_000]);
        let jitter_us = self.rng.below(self.latency_us + 1);
        let between_brokers = Latency { base_us: self.rng.of(&[100, 1_000, 10_000]), jitter_us: 0 };
        // send() waits for metadata only where there are none yet.
        let is_about_blocking = matches!(self.question.claim, Claim::NoSendBlocked { .. });
        let warm = !self.rng.one_in(if is_about_blocking { 3 } else { 10 });
        let caller = self.caller();
        let mut scenario = Scenario {
            seed,
            warm,
            max_events: MAX_EVENTS,
            cluster: Cluster { brokers: self.brokers, between_brokers, ..Cluster::default() },
            network: Network { latency: Latency { base_us: self.latency_us, jitter_us }, ..Network::default() },
            topics: vec![topic],
            goals: vec![crate::scenario::Goal { lane: None, claim: self.question.claim.clone() }],
            ..Scenario::default()
        };
        let begins_by = span_of(&caller);
        scenario.producers = vec![ProducerSetup { properties: properties.clone(), callers: vec![caller] }];
        for kind in self.kinds() {
            self.add(kind, begins_by, &mut scenario);
        }
        scenario.duration_us = duration_us(self.config, &scenario);
        scenario
    }

    fn topic(&mut self) -> Topic {
        let given = self.question.surroundings;
        let drawn = self.rng.of(&[1, self.brokers, self.brokers, self.brokers]).min(3);
        let replication_factor = given.replication_factor.unwrap_or(drawn).clamp(1, self.brokers);
        let drawn = 1 + self.rng.small(replication_factor);
        let min_isr = given.min_insync_replicas.unwrap_or(drawn).clamp(1, replication_factor);
        let mut settings = Properties::default();
        if min_isr > 1 {
            settings.set("min.insync.replicas", &min_isr.to_string());
        }
        let drawn = self.rng.of(&[1, 1, 2, 3]);
        self.partitions = given.partitions.unwrap_or(drawn).clamp(1, 100);
        Topic { partitions: self.partitions, replication_factor, settings, ..Topic::default() }
    }

    fn caller(&mut self) -> Caller {
        let load = self.load();
        Caller {
            habit: self.rng.of(&[Habit::Get, Habit::Callback, Habit::Callback, Habit::Callback, Habit::Forget]),
            threads: self.rng.of(&[1, 1, 1, 2]),
            sends_again: u32::from(self.rng.one_in(6)),
            then: self.rng.of(&[Then::Stay {}, Then::Flush {}, Then::Close { timeout_us: None }]),
            loads: vec![load],
            ..Caller::default()
        }
    }

    fn load(&mut self) -> Load {
        self.records = self.rng.of(&[1, 2, 3, 5, 8, 12, 20, 30]);
        let at_least_bytes = self.value_bytes();
        let arrival = match self.rng.below(4) {
            0 | 1 => Arrival::AtOnce {},
            2 => Arrival::Steady { per_second: self.rng.of(&[20, 100, 500, 2_000]) },
            _ => Arrival::Bursts { size: 1 + self.rng.small(4), every_us: self.rng.of(&[2_000, 20_000, 200_000]) },
        };
        // Their partitions, of three: 1, 0, 2.
        let keys = ["user-42", "seoul", "carol"].map(|key| Some(key.into()));
        let keys = match self.rng.below(8) {
            0 => Keys::Null {},
            more => Keys::List { keys: keys[..if more < 5 { 1 } else { 3 }].to_vec() },
        };
        let value = Value::Template { text: "{\"seq\":{{seq}}}".into(), at_least_bytes };
        Load { count: self.records, arrival, keys, value, ..Load::default() }
    }

    /// Mostly small ones; some of which one, two or three fill a batch, or a few the buffer.
    fn value_bytes(&mut self) -> u32 {
        let (batch, buffer) = (u64::from(self.config.batch_size), self.config.buffer_memory);
        // Room for what stands around a value in its batch and its request.
        let largest = u64::from(self.config.max_request_size).saturating_sub(300).min(MOST_BYTES);
        let part = self.rng.of(&[1, 2, 3]);
        let bytes = match self.rng.below(4) {
            0 | 1 if buffer <= SMALL_BUFFER => {
                self.records = self.records.max(8);
                buffer / (2 + part)
            }
            0 => batch / part,
            _ => 0,
        };
        u32::try_from(bytes.min(largest)).unwrap_or(0)
    }

    /// The faults of this world. One without any is rare: it shows what goes wrong by itself.
    fn kinds(&mut self) -> Vec<FaultKind> {
        let mut kinds = Vec::new();
        let budget: Vec<_> = self.question.faults.bounded().filter(|(_, most)| *most > 0).collect();
        for (kind, most) in &budget {
            let count = self.rng.small(most + 1);
            kinds.extend((0..count).map(|_| *kind));
        }
        if kinds.is_empty() && !budget.is_empty() && !self.rng.one_in(16) {
            kinds.push(self.rng.of(&budget).0);
        }
        kinds
    }

    fn add(&mut self, kind: FaultKind, begins_by: Duration, scenario: &mut Scenario) {
        let copies = scenario.topics[0].replication_factor;
        let node = 1 + self.rng.small(self.brokers);
        let (topic, partition) = (scenario.topics[0].name.clone(), self.rng.small(self.partitions));
        // The follower of a partition, or any other broker.
        let other = (partition + 1 + self.rng.small(copies.saturating_sub(1).max(1))) % self.brokers + 1;
        let for_us = self.spell();
        let for_some = Some(for_us);
        let act = match kind {
            FaultKind::Cut if self.rng.one_in(3) => Act::CutConnections { producer: None, node: None },
            FaultKind::Cut => return self.strike(Fate::Break {}, scenario),
            FaultKind::Delay => return self.strike(Fate::Delay { by_us: for_us }, scenario),
            FaultKind::Silence => return self.strike(Fate::Swallow {}, scenario),
            FaultKind::Error => {
                let error = self.rng.of(&[
                    ErrorCode::NOT_LEADER_OR_FOLLOWER,
                    ErrorCode::NOT_ENOUGH_REPLICAS,
                    ErrorCode::REQUEST_TIMED_OUT,
                ]);
                return self.strike(Fate::Error { error, partition: None, delay_us: 0 }, scenario);
            }
            FaultKind::Restart => Act::RestartBroker { node, down_us: self.rng.of(&[100_000, 1_000_000, 5_000_000]) },
            FaultKind::Kill => {
                Act::KillBroker { node, down_us: Some(self.rng.of(&[1_000_000, 12_000_000, 30_000_000])) }
            }
            FaultKind::Pause => Act::PauseProducer { producer: 0, for_us },
            FaultKind::Freeze => Act::PauseBroker { node, for_us: for_some },
            FaultKind::MoveLeader if copies > 1 => Act::MoveLeader { topic, partition, to: other },
            FaultKind::ShrinkIsr if copies > 1 => Act::ShrinkIsr { topic, partition, node: other, for_us: for_some },
            FaultKind::Split => Act::SplitProducer { producer: None, node: self.rng.one_in(2).then_some(node), for_us },
            FaultKind::MoveLeader | FaultKind::ShrinkIsr => return,
        };
        let (at_us, when) = self.aim(begins_by);
        scenario.actions.push(Action { at_us, when, act, ..Action::default() });
    }

    /// A rule for a message of the first few. So much is drawn whatever the configuration: worlds of the same number stay
    /// alike.
    fn strike(&mut self, fate: Fate, scenario: &mut Scenario) {
        let is_error = matches!(fate, Fate::Error { .. });
        let (is_request, is_any) = (self.rng.one_in(3), self.rng.one_in(10));
        let after_the_write = self.rng.of(&[ErrorCode::REQUEST_TIMED_OUT, ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND]);
        let nth = 1 + self.rng.small(5);
        // Nobody but those who wait for copies is told after a write that it failed.
        let can_strike_answers = !is_error || self.config.acks == Acks::All;
        let direction = if is_request || !can_strike_answers { Direction::Request } else { Direction::Answer };
        let fate = match (fate, direction) {
            (Fate::Error { partition, delay_us, .. }, Direction::Answer) => {
                Fate::Error { error: after_the_write, partition, delay_us }
            }
            (fate, _) => fate,
        };
        let api = (is_error || !is_any).then_some(ApiKey::Produce);
        let on = Messages { direction, api, ..Messages::default() };
        scenario.rules.push(Rule { on, nth, fate, ..Rule::default() });
    }

    /// When something happens: mostly just before or after a message, an append or an answer.
    fn aim(&mut self, begins_by: Duration) -> (u64, Option<Moment>) {
        // Up to a way there, back, and to a follower.
        let soon = self.rng.below(3 * self.latency_us + 1_000);
        let soon = if self.rng.one_in(3) { 0 } else { soon };
        let nth = 1 + self.rng.small(self.records.min(8));
        let moment = match self.rng.below(6) {
            0 => {
                let on = Messages { api: Some(ApiKey::Produce), ..Messages::default() };
                Moment::Message { on, nth: 1 + self.rng.small(4) }
            }
            1 => Moment::Appended { topic: "".into(), partition: None, nth: 1 + self.rng.below(4) },
            2 => Moment::Sent { producer: 0, nth: nth.into() },
            3 => Moment::Acked { producer: 0, nth: nth.into() },
            4 if self.rng.one_in(2) => Moment::Retried { producer: 0, nth: 1 },
            _ => return (self.rng.below(micros(begins_by) + 3 * self.latency_us), None),
        };
        (soon, Some(moment))
    }

    /// How long something lasts: short, or as long as one of the configuration's timeouts and a little.
    fn spell(&mut self) -> u64 {
        let blocked = match self.question.claim {
            Claim::NoSendBlocked { longer_than_us } => Duration::from_micros(longer_than_us),
            _ => Duration::from_secs(1),
        };
        let timeouts =
            [self.config.request_timeout, self.config.delivery_timeout, self.config.max_block, blocked, blocked];
        let longest = micros(self.rng.of(&timeouts).min(LONGEST));
        match self.rng.below(3) {
            0 => 10_000 + self.rng.below(3_000_000),
            // With the way there, which its victim counts as well.
            1 => longest + self.rng.below(longest / 8 + 1),
            _ => longest.saturating_sub(self.rng.below(longest / 8 + 1)).max(1),
        }
    }
}

/// How long a world lasts with such a producer: until nobody's patience is left, and all that went wrong is over.
pub(super) fn duration_us(config: &ProducerConfig, scenario: &Scenario) -> u64 {
    let callers = scenario.producers.iter().flat_map(|producer| &producer.callers);
    let programs = callers.map(|caller| {
        // A thread that waits for each result waits for all of them in turn.
        let records = caller.loads.iter().map(|load| load.count).sum();
        let turns = if caller.habit == Habit::Get { records } else { 2 };
        span_of(caller) + patience(config) * (turns * (1 + caller.sends_again))
    });
    let acts = scenario.actions.iter().map(|action| match action.act {
        Act::RestartBroker { down_us, .. } => down_us,
        Act::KillBroker { down_us, .. } => down_us.unwrap_or(0),
        Act::PauseProducer { for_us, .. } | Act::SplitProducer { for_us, .. } => for_us,
        Act::PauseBroker { for_us, .. } | Act::ShrinkIsr { for_us, .. } => for_us.unwrap_or(0),
        _ => 0,
    });
    let rules = scenario.rules.iter().map(|rule| match rule.fate {
        Fate::Delay { by_us } => by_us,
        _ => 0,
    });
    let longest = programs.max().unwrap_or_default() + RECOVERY * 2;
    (micros(longest) + acts.chain(rules).sum::<u64>()).min(86_400_000_000)
}

/// How long one record may take, from `send()` to its result.
fn patience(config: &ProducerConfig) -> Duration {
    config.max_block.min(LONGEST) + config.delivery_timeout.min(LONGEST) + config.request_timeout.min(LONGEST)
}

/// When the last record of a program is due: it sends its loads one after the other, and may have none.
fn span_of(caller: &Caller) -> Duration {
    let spans = caller.loads.iter().map(|load| {
        let last = u64::from(load.count.saturating_sub(1));
        match load.arrival {
            Arrival::AtOnce {} => 0,
            Arrival::Steady { per_second } => last * 1_000_000 / per_second.max(1),
            Arrival::Bursts { size, every_us } => last / u64::from(size.max(1)) * every_us,
        }
    });
    Duration::from_micros(spans.sum())
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
