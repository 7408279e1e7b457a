//! One world, played to its end and judged by one claim.

use core::time::Duration;
use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::codecs::Codecs;
use crate::judge::{Hearing, History, Undecided, Verdict, Witness};
use crate::playback::Playable as _;
use crate::scenario::{Claim, Counted, Scenario};
use crate::staging::Stage;

/// Events between two looks at what happened.
const SLICE: usize = 4_096;

/// What became of a claim in a world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It held.
    Held,
    /// It was broken, and this shows it.
    Broken(Witness),
    /// Nobody can say: something was not told in time.
    NotDecided(Undecided),
    /// Nobody can say: too much happened, or the world could not be staged.
    Stopped,
}

/// A world at its end.
pub(super) struct Played {
    pub(super) outcome: Outcome,
    /// What could be written down of it; of a world that was stopped, nothing.
    pub(super) hearing: Hearing<'static>,
    /// What happened, in numbers.
    pub(super) events: u64,
}

/// Plays a world and judges it.
pub(super) fn play(scenario: &Scenario, claim: &Claim, codecs: Option<&'static dyn Codecs>) -> Played {
    let stopped = |events| Played { outcome: Outcome::Stopped, hearing: heard(History::default()), events };
    let Some(mut stage) = staged(scenario, claim, codecs) else { return stopped(0) };
    let end = stage.begins() + Duration::from_micros(scenario.duration_us);
    let before = stage.events();
    while stage.run_slice(end, SLICE) {
        stage.take_trace();
        if stage.events() - before > scenario.max_events {
            return stopped(stage.events() - before);
        }
    }
    stage.take_trace();
    let (outcome, hearing) = judged(&stage, claim, codecs);
    Played { outcome, hearing, events: stage.events() - before }
}

/// A world at its beginning, overheard where the claim counts what goes over the wire; `None`: it cannot be staged.
pub(super) fn staged(scenario: &Scenario, claim: &Claim, codecs: Option<&'static dyn Codecs>) -> Option<Stage> {
    let mut stage = Stage::new(scenario, 0, codecs).ok()?;
    if matches!(claim, Claim::Count { of: Counted::Requests | Counted::Retries | Counted::Bytes, .. }) {
        stage.listen();
    }
    Some(stage)
}

/// What a claim comes to as things stand.
pub(super) fn judged(stage: &Stage, claim: &Claim, codecs: Option<&'static dyn Codecs>) -> (Outcome, Hearing<'static>) {
    let hearing = heard(stage.history(&[], codecs.or(crate::codecs::simulated())));
    let outcome = match hearing.check(claim) {
        Verdict::Held => Outcome::Held,
        Verdict::Broken(witness) => Outcome::Broken(witness),
        Verdict::NotDecided(why) => Outcome::NotDecided(why),
    };
    (outcome, hearing)
}

fn heard(history: History) -> Hearing<'static> {
    Hearing::new(Cow::Owned(history))
}
