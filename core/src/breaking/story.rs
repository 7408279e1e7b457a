//! What happens in a world, from its beginning to its end.

use core::time::Duration;

use super::trial::staged;
use crate::codecs::Codecs;
use crate::playback::Playable as _;
use crate::scenario::{Act, Claim, Scenario};
use crate::time::Instant;
use crate::trace::TraceEvent;

/// Something that happens in a world.
#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    /// Its producers and brokers did it.
    Fact(TraceEvent),
    /// An action of the scenario was done to them; of what a rule does there is a fact.
    Deed(Act),
}

/// Everything that happens in a world and when the world comes to it, in order of time: an action before what comes of it. A
/// broker tells of an append when it is done with it, which is a little later than it came to it. A scenario that cannot be
/// staged has no story.
pub fn story(scenario: &Scenario, claim: &Claim, codecs: Option<&'static dyn Codecs>) -> Vec<(Instant, Happening)> {
    let Some(mut stage) = staged(scenario, claim, codecs) else { return Vec::new() };
    stage.note_deeds();
    let end = stage.begins() + Duration::from_micros(scenario.duration_us);
    let mut story = Vec::new();
    loop {
        let goes_on = stage.run_slice(end, 1);
        let now = stage.now();
        story.extend(stage.take_deeds().into_iter().map(|act| (now, Happening::Deed(act))));
        story.extend(stage.take_trace().into_iter().map(|fact| (now, Happening::Fact(fact))));
        if !goes_on {
            return story;
        }
    }
}
