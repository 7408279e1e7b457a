//! Two presets played a second time, on three brokers of Apache Kafka: what became of their goals there is held beside what
//! becomes of them in the simulation, by the same judges.

mod ladder;
mod program;
mod restart;

use anyhow::{Context as _, Result, ensure};
use producer_core::judge::{History, Isolation, Place, Score, Verdict};
use producer_core::scenario::{Claim, Demo, Scenario};

pub use self::ladder::acks_ladder;
pub use self::restart::rolling_restart;
use crate::history::read_back;

/// The preset of this name.
fn preset(slug: &str) -> Result<Scenario> {
    Ok(Demo::of(slug).context("a preset of this name")?.scenario())
}

/// Reads the topic back from the brokers that this port leads to.
fn read(history: &mut History, topic: &str, port: u16) -> Result<()> {
    let place = history.topic(topic);
    for (partition, log) in read_back(port, topic, &mut history.contents)? {
        history.logs.insert(Place { topic: place, partition }, log);
    }
    Ok(())
}

/// The goals of a lane, in the judges' words.
fn goals(scenario: &Scenario, lane: usize) -> Vec<Claim> {
    let is_meant = |of: Option<u32>| of.is_none_or(|meant| meant as usize == lane);
    scenario.goals.iter().filter(|goal| is_meant(goal.lane)).map(|goal| goal.claim.clone()).collect()
}

/// Every goal holds. Gives the score.
fn hold(where_it_was: &str, claims: &[Claim], history: &History) -> Result<Score> {
    let score = history.score(Isolation::ReadUncommitted);
    for claim in claims {
        let verdict = claim.check(history);
        ensure!(verdict == Verdict::Held, "{where_it_was}: {claim}: {verdict:?}; {score:?}");
    }
    Ok(score)
}

/// A score in words.
fn told(score: &Score) -> String {
    format!(
        "{} sent, {} acknowledged, {} lost, {} failed, {} duplicated, {} out of order",
        score.sent, score.acknowledged, score.lost, score.failed, score.duplicated, score.out_of_order
    )
}
