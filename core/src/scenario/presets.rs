//! The demos by their slugs, and the dials that turn a scenario.

use crate::bridge::Habit;
use crate::config::KNOWN_KEYS;
use crate::session::is_the_bridges_own;

use super::settings::{BROKER_SETTINGS, TOPIC_SETTINGS};
use super::{Scenario, Seed, Then};

/// A demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demo {
    /// Its name in links, and of its file in `core/presets`.
    pub slug: &'static str,
    /// Its file.
    #[cfg(feature = "demos")]
    pub text: &'static str,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnError {
    /// There is no such dial, or it is the bridge's.
    NoSuchDial,
    /// It has no such position.
    NoSuchPosition,
}

impl core::fmt::Display for TurnError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NoSuchDial => "there is no such dial",
            Self::NoSuchPosition => "the dial has no such position",
        })
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
    /// dial this position. Bounds are looked at by [`check`](super::check::check). What a lane sets for itself stays.
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
                let habit = match value {
                    "get" => Habit::Get,
                    "callback" => Habit::Callback,
                    "forget" => Habit::Forget,
                    _ => return Err(TurnError::NoSuchPosition),
                };
                callers.for_each(|caller| caller.habit = habit);
            }
            "then" => {
                let then = match value {
                    "stay" => Then::Stay {},
                    "flush" => Then::Flush {},
                    "close" => Then::Close { timeout_us: None },
                    "exit" => Then::Exit {},
                    _ => return Err(TurnError::NoSuchPosition),
                };
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
