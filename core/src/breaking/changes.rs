//! Changes of one key that might help, and what they need of others.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::config::{Acks, ConfigError, ConfigNotice, ProducerConfig};
use crate::scenario::{Claim, Properties};

/// One key with another value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The Java client's key.
    pub key: Arc<str>,
    /// The value that it gets.
    pub value: Arc<str>,
    /// Other keys that must have these values, or the client refuses the change.
    pub with: Vec<(Arc<str>, Arc<str>)>,
}

type Values = &'static [(&'static str, &'static str)];

/// Whose answer counts, and whether copies are told apart.
const SAFETY: Values = &[("enable.idempotence", "true"), ("acks", "all")];
/// How often and how many at once.
const RETRIES: Values = &[("max.in.flight.requests.per.connection", "1"), ("retries", "0"), ("retries", "2147483647")];
/// How long one request may take: the default, and twice as long.
const REQUESTS: Values = &[("request.timeout.ms", "30000"), ("request.timeout.ms", "60000")];
/// How long one record may take: the default, and five times as long.
const PATIENCE: Values = &[("delivery.timeout.ms", "120000"), ("delivery.timeout.ms", "600000")];
/// Batches that wait for more, or do not.
const LINGER: Values = &[("linger.ms", "0"), ("linger.ms", "100")];
/// Room for what waits: the default, and four times as much.
const ROOM: Values = &[("buffer.memory", "33554432"), ("buffer.memory", "134217728")];

/// The changes to try for a claim: those of its keys whose values differ from what they are. One that the client refuses is
/// tried once more with what it needs of other keys.
pub(super) fn candidates(claim: &Claim, properties: &Properties, config: &ProducerConfig) -> Vec<Change> {
    let lists: &[Values] = match claim {
        Claim::NothingLost {} => &[SAFETY, RETRIES, PATIENCE],
        Claim::OrderPerKey {} => &[SAFETY, RETRIES, REQUESTS, LINGER],
        Claim::FailedMeansNotStored {} => &[PATIENCE, REQUESTS, SAFETY, RETRIES],
        Claim::NoSendBlocked { .. } => &[ROOM, LINGER, PATIENCE, REQUESTS],
        _ => &[SAFETY, RETRIES, REQUESTS, PATIENCE],
    };
    let mut all: Vec<Change> = lists.iter().copied().flatten().map(|&(key, value)| Change::new(key, value)).collect();
    match claim {
        // send() gives up no later than it may take.
        Claim::NoSendBlocked { longer_than_us } => {
            all.insert(0, Change::new("max.block.ms", &(longer_than_us / 1_000).to_string()));
        }
        _ if config.acks == Acks::None => all.push(Change::new("acks", "1")),
        _ => {}
    }
    all.retain(|change| config.value_of(&change.key).as_deref() != Some(&*change.value));
    let with_needs = |change: Change| {
        let is_refused = |change: &Change| change.verdict(properties).is_err();
        let complete = Change { with: change.needs(config), ..change.clone() };
        let complete = (is_refused(&change) && !is_refused(&complete)).then_some(complete);
        [Some(change), complete]
    };
    all.into_iter().flat_map(with_needs).flatten().collect()
}

impl fmt::Display for Change {
    /// As lines of a `.properties` file, one after the other.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.value)?;
        self.with.iter().try_for_each(|(key, value)| write!(f, " {key}={value}"))
    }
}

impl Change {
    fn new(key: &str, value: &str) -> Self {
        Self { key: key.into(), value: value.into(), with: Vec::new() }
    }

    /// What other keys must be for the client to take this one (`postProcessAndValidateIdempotenceConfigs` and
    /// `configureDeliveryTimeout` of its `ProducerConfig` and `KafkaProducer`), as far as they are not.
    fn needs(&self, config: &ProducerConfig) -> Vec<(Arc<str>, Arc<str>)> {
        let now = |key: &str| config.value_of(key).and_then(|value| value.parse::<u64>().ok()).unwrap_or(0);
        let and_this_one = |other: &str| now(other).saturating_add(self.value.parse().unwrap_or(0));
        let mut needs = Vec::new();
        match &*self.key {
            "enable.idempotence" if &*self.value == "true" => {
                if config.acks != Acks::All {
                    needs.push(("acks", "all".to_owned()));
                }
                if now("retries") == 0 {
                    needs.push(("retries", i32::MAX.to_string()));
                }
                if now("max.in.flight.requests.per.connection") > 5 {
                    needs.push(("max.in.flight.requests.per.connection", "5".to_owned()));
                }
            }
            "request.timeout.ms" => needs.push(("delivery.timeout.ms", and_this_one("linger.ms").to_string())),
            "linger.ms" => needs.push(("delivery.timeout.ms", and_this_one("request.timeout.ms").to_string())),
            _ => {}
        }
        needs.into_iter().map(|(key, value)| (key.into(), value.into())).collect()
    }

    /// These properties with the change.
    pub(super) fn applied_to(&self, properties: &Properties) -> Properties {
        let mut changed = properties.clone();
        for (key, value) in
            [(&self.key, &self.value)].into_iter().chain(self.with.iter().map(|(key, value)| (key, value)))
        {
            // Of several values of a key the last counts.
            changed.0.retain(|(known, _)| known != key);
            changed.set(key, value);
        }
        changed
    }

    /// The configuration with the change, and what the Java client says only because of it.
    ///
    /// # Errors
    /// It refuses.
    pub(super) fn verdict(&self, properties: &Properties) -> Result<(ProducerConfig, Vec<ConfigNotice>), ConfigError> {
        let (config, mut notices) = ProducerConfig::from_properties(self.applied_to(properties).iter())?;
        let (_, before) = ProducerConfig::from_properties(properties.iter())?;
        notices.retain(|notice| !before.contains(notice));
        Ok((config, notices))
    }
}
