//! The demos by their slugs, and the dials that turn a scenario.

use std::sync::Arc;

use crate::config::KNOWN_KEYS;
use crate::session::is_the_bridges_own;

use super::check::{Refusal, check};
use super::written::Choice;
use super::{BROKER_SETTINGS, Properties, Scenario, Seed, TOPIC_SETTINGS, Then};

/// A demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demo {
    /// Its name in links, and of its file in `core/presets`.
    pub slug: &'static str,
    /// Its file.
    #[cfg(feature = "demos")]
    pub text: &'static str,
}

impl Demo {
    /// The demo of this name.
    pub fn of(slug: &str) -> Option<&'static Self> {
        DEMOS.iter().find(|demo| demo.slug == slug)
    }
}

macro_rules! demos {
    ($($slug:literal)*) => {
        /// All of them, in the order in which they are offered.
        pub const DEMOS: &[Demo] = &[$(Demo {
            slug: $slug,
            #[cfg(feature = "demos")]
            text: include_str!(concat!("../../presets/", $slug, ".json")),
        }),*];
    };
}

demos! {
    "one-record"
    "get-or-callback"
    "key-pins-partition"
    "lost-ack"
    "lost-ack-idempotent"
    "b1-overtakes-b0"
    "b1-waits-for-b0"
    "acks-ladder"
    "linger-dial"
    "delivery-deadline"
    "buffer-full"
    "sticky-null-key"
    "isr-floor"
    "where-errors-surface"
    "leader-moves"
    "slow-callback"
    "acks0-minus-one"
    "linger-plus-get"
    "null-or-empty-key"
    "three-keys-one-partition"
    "more-partitions"
    "quietly-not-idempotent"
    "five-what"
    "exit-too-soon"
    "compress-the-batch"
    "notes-check"
    "timeout-but-stored"
    "hot-key"
    "poison-record"
    "rolling-restart"
}

/// What can be turned beside settings.
const OTHER_DIALS: [&str; 8] =
    ["habit", "partitions", "replication_factor", "brokers", "then", "seed", "pace_us", "threads"];

/// Why a dial was not turned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TurnError {
    /// There is no such dial, or it is the bridge's.
    NoSuchDial,
    /// It has no such position.
    NoSuchPosition,
    /// The scenario would say what cannot be.
    Refused(Refusal),
}

impl core::fmt::Display for TurnError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NoSuchDial => f.write_str("there is no such dial"),
            Self::NoSuchPosition => f.write_str("the dial has no such position"),
            Self::Refused(refusal) => refusal.fmt(f),
        }
    }
}

impl std::error::Error for TurnError {}

/// Is this a dial: a setting of producers, topics or brokers, or one of the others?
pub fn is_dial(key: &str) -> bool {
    !is_the_bridges_own(key) && dials().any(|dial| dial == key)
}

/// All dials.
pub(super) fn dials() -> impl Iterator<Item = &'static str> {
    let all: [&[&'static str]; 4] = [&OTHER_DIALS, &KNOWN_KEYS, &TOPIC_SETTINGS, &BROKER_SETTINGS];
    all.into_iter().flatten().copied()
}

impl Scenario {
    /// Turns a dial: gives a setting this value in every producer, every topic or the cluster, whichever has it, or another
    /// dial this position. Bounds are looked at by [`check`] alone. What a lane sets for itself stays.
    ///
    /// # Errors
    /// No such dial, or no such position.
    pub fn turn(&mut self, key: &str, value: &str) -> Result<(), TurnError> {
        if !is_dial(key) {
            return Err(TurnError::NoSuchDial);
        }
        let callers = self.producers.iter_mut().flat_map(|producer| &mut producer.callers);
        match key {
            "habit" => {
                let habit = word(value)?;
                callers.for_each(|caller| caller.habit = habit);
            }
            "then" => {
                let then: Then = word(value)?;
                callers.for_each(|caller| caller.then = then.clone());
            }
            "pace_us" => {
                let pace_us = number(value)?;
                callers.for_each(|caller| caller.pace_us = pace_us);
            }
            "threads" => {
                let threads = number(value)?;
                callers.for_each(|caller| caller.threads = threads);
            }
            "partitions" => {
                let partitions = number(value)?;
                self.topics.iter_mut().for_each(|topic| topic.partitions = partitions);
            }
            "replication_factor" => {
                let replication_factor = number(value)?;
                self.topics.iter_mut().for_each(|topic| topic.replication_factor = replication_factor);
            }
            "brokers" => self.cluster.brokers = number(value)?,
            "seed" => self.seed = Seed(number(value)?),
            _ if KNOWN_KEYS.contains(&key) => {
                self.producers.iter_mut().for_each(|producer| producer.properties.set(key, value));
            }
            _ if TOPIC_SETTINGS.contains(&key) => {
                self.topics.iter_mut().for_each(|topic| topic.settings.set(key, value));
            }
            _ => self.cluster.settings.set(key, value),
        }
        Ok(())
    }

    /// Turns these dials one after the other; those that are refused stay as they were, and are told.
    pub fn turn_all(&mut self, turned: &Properties) -> Vec<(Arc<str>, TurnError)> {
        let mut refused = Vec::new();
        for (key, value) in &turned.0 {
            let mut next = self.clone();
            let verdict = next.turn(key, value).and_then(|()| check(&mut next).map_err(TurnError::Refused));
            match verdict {
                Ok(_) => *self = next,
                Err(error) => refused.push((Arc::clone(key), error)),
            }
        }
        refused
    }
}

/// A choice by its name in the text form.
fn word<T: Choice + Default>(value: &str) -> Result<T, TurnError> {
    let mut choice = T::default();
    let index = choice.variants().iter().position(|variant| variant.name == value).ok_or(TurnError::NoSuchPosition)?;
    choice.choose(index);
    Ok(choice)
}

fn number<T: core::str::FromStr>(value: &str) -> Result<T, TurnError> {
    value.trim().parse().map_err(|_| TurnError::NoSuchPosition)
}

#[cfg(feature = "demos")]
impl Demo {
    /// Its scenario.
    ///
    /// # Panics
    /// Never, for all files are tested.
    pub fn scenario(&self) -> Scenario {
        let (scenario, _) = super::text::read(self.text).expect("tested with all demos");
        Scenario { demo: self.slug.into(), ..scenario }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::Habit;
    use crate::scenario::check::{Path, Problem, Step};
    use crate::scenario::{Caller, ProducerSetup, Topic};

    fn scenario() -> Scenario {
        let producer = ProducerSetup { callers: vec![Caller::default(); 2], ..ProducerSetup::default() };
        Scenario { topics: vec![Topic::default()], producers: vec![producer], ..Scenario::default() }
    }

    fn turned(dials: &[(&str, &str)]) -> (Scenario, Vec<(Arc<str>, TurnError)>) {
        let mut scenario = scenario();
        let dials = dials.iter().map(|&(key, value)| (key.into(), value.into())).collect();
        let refused = scenario.turn_all(&Properties(dials));
        (scenario, refused)
    }

    #[test]
    fn a_setting_is_turned_where_it_belongs() {
        let dials = [("linger.ms", "50"), ("min.insync.replicas", "2"), ("broker.session.timeout.ms", "3000")];
        let (scenario, refused) = turned(&dials);
        assert_eq!(refused, []);
        assert_eq!(scenario.producers[0].properties.get("linger.ms"), Some("50"));
        assert_eq!(scenario.topics[0].settings.get("min.insync.replicas"), Some("2"));
        assert_eq!(scenario.cluster.settings.get("broker.session.timeout.ms"), Some("3000"));
    }

    #[test]
    fn other_dials_reach_every_caller_and_topic() {
        let (scenario, refused) =
            turned(&[("habit", "forget"), ("then", "close"), ("threads", "3"), ("partitions", "6")]);
        assert_eq!(refused, []);
        for caller in &scenario.producers[0].callers {
            assert_eq!((caller.habit, caller.threads), (Habit::Forget, 3));
            assert_eq!(caller.then, Then::Close { timeout_us: None });
        }
        assert_eq!(scenario.topics[0].partitions, 6);
    }

    #[test]
    fn a_dial_that_is_refused_stays_and_the_others_turn() {
        let dials = [("partitions", "1000"), ("habit", "hope"), ("bootstrap.servers", "evil:9092"), ("acks", "1")];
        let (turned, refused) = turned(&dials);
        let mut expected = scenario();
        expected.producers[0].properties.set("acks", "1");
        assert_eq!(turned, expected);
        let path = Path(vec![Step::Field("topics"), Step::Item(0), Step::Field("partitions")]);
        let problem = Problem::OutOfBounds { found: 1_000, least: 1, most: 100 };
        assert_eq!(
            refused,
            [
                ("partitions".into(), TurnError::Refused(Refusal { path, problem })),
                ("habit".into(), TurnError::NoSuchPosition),
                ("bootstrap.servers".into(), TurnError::NoSuchDial),
            ]
        );
    }
}
