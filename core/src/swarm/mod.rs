//! Whole scenarios by chance, each held against every invariant.
//!
//! ```text
//! seed ──draw──► Scenario ──check──► Finding ──shrink──► the smallest scenario that breaks the same invariant
//! ```
//!
//! A scenario is drawn from its seed alone, and what is found wrong can be written down as text or as a link. Not
//! every seed has every kind of fault: each has a set of its own (swarm testing, Groce et al., ISSTA 2012), for faults that
//! are always there hide what only happens without them.

mod draw;
mod kinds;
#[cfg(test)]
mod tests;

use core::time::Duration;

pub use self::draw::draw;
pub use self::kinds::{KINDS, kinds};
use crate::judge::{History, Judgement, judge};
use crate::playback::Playable as _;
use crate::scenario::Scenario;
pub use crate::scenario::shrink::shrink;
use crate::staging::{Stage, StageError};

/// From one look at the world to the next, when it is asked whether all is healed.
const LOOK: Duration = Duration::from_millis(500);
/// Events between two looks at what happened.
const SLICE: usize = 1_024;

/// What became of a scenario.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What the judges say.
    pub judgement: Judgement,
    /// Everything that was written down for them.
    pub history: History,
    /// Events since the scenario began.
    pub events: u64,
    /// It did not come to its end: so many events are more than the scenario allows.
    pub overran: bool,
}

impl Finding {
    /// Is anything wrong?
    pub fn is_broken(&self) -> bool {
        self.overran || !self.judgement.violations.is_empty()
    }

    /// Numbers of the broken invariants; 0: it never came to rest.
    pub fn broken(&self) -> std::collections::BTreeSet<u8> {
        let overran = self.overran.then_some(0);
        self.judgement.violations.iter().map(|violation| violation.number).chain(overran).collect()
    }
}

/// Plays a scenario's first lane to its end, and holds it against every invariant.
///
/// # Errors
/// It cannot be staged.
pub fn check(scenario: &Scenario) -> Result<Finding, StageError> {
    let mut stage = Stage::new(scenario, 0, None)?;
    stage.listen();
    let end = stage.begins() + Duration::from_micros(scenario.duration_us);
    let before = stage.events();
    let most = before.saturating_add(scenario.max_events);
    let mut facts = Vec::new();
    // Since when all is well.
    let mut healed_at = None;
    let mut at = stage.begins();
    while at < end && stage.events() < most {
        at = (at + LOOK).min(end);
        while stage.run_slice(at, SLICE) && stage.events() < most {
            facts.extend(stage.take_trace().into_iter().filter(|event| History::reads(&event.what)));
        }
        facts.extend(stage.take_trace().into_iter().filter(|event| History::reads(&event.what)));
        healed_at = if stage.is_whole() { healed_at.or(Some(at)) } else { None };
    }
    let overran = stage.now() < end;
    let mut history = stage.history(&facts, crate::codecs::simulated());
    history.healed_at = healed_at;
    let (judgement, events) = (judge(&history), stage.events() - before);
    Ok(Finding { judgement, history, events, overran })
}
