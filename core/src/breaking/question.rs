//! What is asked: a configuration, a claim, what may go wrong, and how often to try.

use core::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::faults::FaultBudget;
use crate::config::{ConfigError, KNOWN_KEYS, ProducerConfig};
use crate::scenario::settings::nearest;
use crate::scenario::{Claim, Properties};
use crate::session::{is_of_a_login, is_the_bridges_own};

/// The claims that can be tried, with the names that people write.
pub const CLAIMS: [(&str, Claim); 5] = [
    ("nothing-lost", Claim::NothingLost {}),
    ("stored-once", Claim::StoredOnce {}),
    ("order-per-key", Claim::OrderPerKey {}),
    ("no-send-blocked", Claim::NoSendBlocked { longer_than_us: 1_000_000 }),
    ("failed-means-not-stored", Claim::FailedMeansNotStored {}),
];

/// A claim by its name; `no-send-blocked=250` names milliseconds, without which it is a second.
///
/// # Errors
/// No such name, or no such number.
pub fn claim_named(text: &str) -> Result<Claim, WordError> {
    let (name, number) = text.split_once('=').map_or((text, None), |(name, number)| (name, Some(number)));
    let Some((_, claim)) = CLAIMS.iter().find(|(known, _)| *known == name) else {
        return Err(WordError::unknown("claim", name, CLAIMS.map(|(name, _)| name)));
    };
    match (claim, number) {
        (claim, None) => Ok(claim.clone()),
        (Claim::NoSendBlocked { .. }, Some(number)) => {
            let ms = number.parse::<u64>().ok().filter(|ms| *ms <= MOST_BLOCKED_MS);
            let ms = ms.ok_or_else(|| WordError::number(name, number, MOST_BLOCKED_MS))?;
            Ok(Claim::NoSendBlocked { longer_than_us: ms * 1_000 })
        }
        (_, Some(number)) => Err(WordError(format!("claim {name} takes no number: ={number}"))),
    }
}

/// The name of a claim of [`CLAIMS`].
pub fn name_of(claim: &Claim) -> Option<&'static str> {
    let is_like = |other: &Claim| core::mem::discriminant(other) == core::mem::discriminant(claim);
    CLAIMS.iter().find(|(_, known)| is_like(known)).map(|(name, _)| *name)
}

/// The longest that a scenario lasts.
const MOST_BLOCKED_MS: u64 = 86_400_000;

/// A word that means nothing here, said so that a person can put it right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WordError(String);

impl WordError {
    pub(super) fn unknown<const N: usize>(what: &str, word: &str, known: [&str; N]) -> Self {
        let hint = match nearest(word, known) {
            Some(nearest) => format!("did you mean {nearest}?"),
            None => format!("there are {}", known.join(", ")),
        };
        Self(format!("there is no {what} {word:?}; {hint}"))
    }

    pub(super) fn number(name: &str, number: &str, most: u64) -> Self {
        Self(format!("{name}={number}: {number:?} is no number from 0 to {most}"))
    }

    pub(super) fn twice(name: &str) -> Self {
        Self(format!("{name} is named twice"))
    }
}

impl fmt::Display for WordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WordError {}

/// What is the same in all worlds; what is absent is drawn for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surroundings {
    /// How many brokers: 1 to 9.
    pub brokers: Option<u32>,
    /// The topic's partitions: 1 to 100.
    pub partitions: Option<u32>,
    /// The topic's `replication.factor`; at most as many as there are brokers.
    pub replication_factor: Option<u32>,
    /// The topic's `min.insync.replicas`; at most as many as there are copies.
    pub min_insync_replicas: Option<u32>,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The configuration, by the Java client's keys.
    pub properties: Properties,
    /// The claim: one of [`CLAIMS`], or any other predicate of the scenario format.
    pub claim: Claim,
    /// What may go wrong in one world.
    pub faults: FaultBudget,
    /// How many worlds.
    pub worlds: u32,
    /// The seed of all of them.
    pub seed: u64,
    /// What they have in common.
    pub surroundings: Surroundings,
    /// Are all worlds played with a change, though one has broken it already? Else the first one ends its trial.
    pub counts_all: bool,
}

impl Default for Question {
    fn default() -> Self {
        Self {
            properties: Properties::default(),
            claim: Claim::StoredOnce {},
            faults: FaultBudget::default(),
            worlds: 20_000,
            seed: 1,
            surroundings: Surroundings::default(),
            counts_all: false,
        }
    }
}

impl Question {
    /// The configuration, as far as worlds have it: without what belongs to a bridge (where to connect, as whom), without
    /// what no client knows, and without transactions, which the programs of these worlds do not begin.
    ///
    /// # Errors
    /// The Java client refuses the configuration.
    pub(super) fn settle(&mut self) -> Result<(ProducerConfig, Vec<Arc<str>>), ConfigError> {
        ProducerConfig::from_properties(self.properties.iter().filter(|(key, _)| !is_of_a_login(key)))?;
        let is_left_out =
            |key: &str| is_the_bridges_own(key) || !KNOWN_KEYS.contains(&key) || key == "transactional.id";
        let left_out = self.properties.0.extract_if(.., |(key, _)| is_left_out(key)).map(|(key, _)| key).collect();
        let (config, _) = ProducerConfig::from_properties(self.properties.iter())?;
        Ok((config, left_out))
    }
}
