//! When a claim was broken.

use core::time::Duration;

use super::trial::{Outcome, judged, staged};
use crate::codecs::Codecs;
use crate::judge::Witness;
use crate::playback::Playable as _;
use crate::scenario::{Claim, Scenario};

/// An accident, in microseconds of its scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Accident {
    /// From here on the claim is broken for good.
    pub(super) at_us: u64,
    /// From here on everybody has been told everything, or the world is at its end.
    pub(super) settled_us: u64,
}

/// Plays the world once more and judges it after everything that happens: the accident is the last moment at which the claim
/// turns from not broken to broken. What an acknowledged record misses for a moment, until its copies are made, is none.
pub(super) fn find(scenario: &Scenario, claim: &Claim, codecs: Option<&'static dyn Codecs>) -> Option<Accident> {
    let mut stage = staged(scenario, claim, codecs)?;
    let begins = stage.begins();
    let end = begins + Duration::from_micros(scenario.duration_us);
    let (mut broken_since, mut settled_at) = (None, None);
    loop {
        // Its last look is at the end, where nothing happens.
        let goes_on = stage.run_slice(end, 1);
        stage.take_trace();
        let now = stage.now();
        let (outcome, hearing) = judged(&stage, claim, codecs);
        broken_since = match (outcome, claim) {
            // A call takes too long from a moment on at which nothing else need happen.
            (Outcome::Broken(Witness::Blocked { call, .. }), Claim::NoSendBlocked { longer_than_us }) => {
                let called = hearing.history().calls[call as usize].called.at;
                Some(called + Duration::from_micros(*longer_than_us))
            }
            (Outcome::Broken(_), _) => broken_since.or(Some(now)),
            _ => None,
        };
        settled_at = if stage.is_settled() { settled_at.or(Some(now)) } else { None };
        if !goes_on {
            break;
        }
    }
    let since_begin = |at: crate::time::Instant| {
        let us = (at.max(begins) - begins).as_micros();
        u64::try_from(us).unwrap_or(u64::MAX)
    };
    let settled_us = settled_at.map_or(scenario.duration_us, since_begin);
    broken_since.map(|at| Accident { at_us: since_begin(at), settled_us })
}
