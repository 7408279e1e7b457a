//! What a search comes to: data, for pages and commands.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::changes::Change;
use super::faults::FaultKind;
use super::question::{CLAIMS, name_of};
use super::trial::Outcome;
use crate::config::{ConfigError, ConfigNotice};
use crate::judge::{Hearing, Score, Verdict, Witness};
use crate::scenario::link::{Link, Shows};
use crate::scenario::{Act, Claim, Fate, Scenario};

/// How many worlds a configuration was tried in, and what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trials {
    /// Worlds that were played.
    pub worlds: u32,
    /// Of those: in which the claim was broken.
    pub broken: u32,
    /// Of those: in which nobody can say.
    pub undecided: u32,
    /// The first world that broke it, counted from 0.
    pub first_broken: Option<u32>,
}

impl Trials {
    pub(super) fn count(&mut self, world: u32, outcome: &Outcome) {
        self.worlds += 1;
        match outcome {
            Outcome::Held => {}
            Outcome::Broken(_) => {
                self.broken += 1;
                self.first_broken.get_or_insert(world);
            }
            Outcome::NotDecided(_) | Outcome::Stopped => self.undecided += 1,
        }
    }

    /// Worlds in which the claim held.
    pub fn survived(&self) -> u32 {
        self.worlds - self.broken - self.undecided
    }
}

/// What was tried with the configuration as it was given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// The worlds.
    pub trials: Trials,
    /// Records in all of them.
    pub records: u64,
    /// Faults in all of them.
    pub faults: Vec<(FaultKind, u64)>,
    /// Items taken from the worlds' queues: messages, timers, appends, what programs did.
    pub events: u64,
    /// Other claims that are broken, and the first world that breaks each.
    pub also_broken: Vec<(Claim, u32)>,
}

impl Tried {
    pub(super) fn count(&mut self, world: u32, scenario: &Scenario, outcome: &Outcome, events: u64) {
        self.trials.count(world, outcome);
        self.records += u64::from(records_of(scenario));
        self.events += events;
        for kind in faults_of(scenario) {
            match self.faults.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, count)) => *count += 1,
                None => self.faults.push((kind, 1)),
            }
        }
    }
}

/// A world in which the claim is broken, as small as it would become.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Counterexample {
    /// The world it was made from, counted from 0.
    pub world: u32,
    /// What is left of it, with the claim as its goal and what happened as its title.
    pub scenario: Scenario,
    /// When the claim is broken, in microseconds of the scenario.
    pub accident_us: u64,
    /// Where to stand to see it: a second of watching before.
    pub watch_from_us: u64,
    /// What shows that it is broken.
    pub witness: Witness,
    /// Sent, acknowledged, stored and so on, in the end.
    pub score: Score,
    /// Records that are sent.
    pub records: u32,
    /// What goes wrong.
    pub faults: Vec<FaultKind>,
    /// Other claims that this world breaks.
    pub also_broken: Vec<Claim>,
}

impl Counterexample {
    /// A link that opens it one second of watching before the accident.
    pub fn link(&self) -> Link {
        Link { shows: Shows::Scenario(Box::new(self.scenario.clone())), at_us: Some(self.watch_from_us) }
    }
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeReport {
    /// The change.
    pub change: Change,
    /// What the Java client says of it: that it refuses, or what else it changes because of it.
    pub verdict: Result<Vec<ConfigNotice>, ConfigError>,
    /// What became of the counterexample with it; `None`: it has not been tried.
    pub on_counterexample: Option<Outcome>,
    /// And of all worlds.
    pub trials: Trials,
    /// What it costs: other claims that are broken with it, and in no world without it; and the first world that breaks each.
    pub price: Vec<(Claim, u32)>,
}

/// Everything that is known so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Keys of the configuration that worlds do not have: a bridge's own, transactions', and what no client knows.
    pub left_out: Vec<Arc<str>>,
    /// What was tried with the configuration as it was given.
    pub tried: Tried,
    /// What was found, if anything was.
    pub counterexample: Option<Counterexample>,
    /// What one-key changes came to.
    pub changes: Vec<ChangeReport>,
}

/// Claims that a world breaks and that are in none of the lists of those known to be broken, but for the one that is tried.
pub(super) fn others_broken(claim: &Claim, known: &[&[(Claim, u32)]], hearing: &Hearing<'_>) -> Vec<Claim> {
    let own = name_of(claim);
    let others = CLAIMS.into_iter().filter(|(name, _)| Some(*name) != own).map(|(_, other)| other);
    let is_new = |other: &Claim| known.iter().copied().flatten().all(|(known, _)| known != other);
    others.filter(|other| is_new(other) && matches!(hearing.check(other), Verdict::Broken(_))).collect()
}

/// Records that the programs of a scenario send, without those that they send again.
pub(super) fn records_of(scenario: &Scenario) -> u32 {
    let callers = scenario.producers.iter().flat_map(|producer| &producer.callers);
    callers.flat_map(|caller| &caller.loads).map(|load| load.count).sum()
}

/// What goes wrong in a drawn scenario: each action and each rule is one fault.
pub(super) fn faults_of(scenario: &Scenario) -> impl Iterator<Item = FaultKind> {
    let acts = scenario.actions.iter().filter_map(|action| match action.act {
        Act::CutConnections { .. } => Some(FaultKind::Cut),
        Act::RestartBroker { .. } => Some(FaultKind::Restart),
        Act::PauseProducer { .. } => Some(FaultKind::Pause),
        Act::KillBroker { .. } => Some(FaultKind::Kill),
        Act::MoveLeader { .. } => Some(FaultKind::MoveLeader),
        Act::PauseBroker { .. } => Some(FaultKind::Freeze),
        Act::SplitProducer { .. } => Some(FaultKind::Split),
        Act::ShrinkIsr { .. } => Some(FaultKind::ShrinkIsr),
        _ => None,
    });
    acts.chain(scenario.rules.iter().filter_map(|rule| match rule.fate {
        Fate::Break {} => Some(FaultKind::Cut),
        Fate::Delay { .. } => Some(FaultKind::Delay),
        Fate::Swallow {} => Some(FaultKind::Silence),
        Fate::Error { .. } => Some(FaultKind::Error),
        _ => None,
    }))
}
