//! A scenario as the page plays it: through the player, with its trace, its pictures and its way back.

use std::cell::RefCell;

use producer_core::player::Player;
use producer_core::player::messages::{Ask, Standing, Target, Tell};
use producer_core::scenario::link::{Link, Shows};
use producer_core::scenario::{Arrival, Scenario, text};

/// Events between two looks at the clock, as in the page.
const SLICE: u32 = 500;

/// So many records a second of 100 bytes, for so many seconds, from one producer to three brokers.
fn scenario(per_second: u32, seconds: u32) -> Scenario {
    const TEXT: &str = r#"{
        "scenario": 1,
        "topics": [{"partitions": 3, "replication_factor": 3}],
        "producers": [{"callers": [{"habit": "callback", "loads": [{"value": "letters"}]}]}]
    }"#;
    let (mut scenario, _) = text::read(TEXT).expect("a scenario");
    scenario.duration_us = u64::from(seconds) * 1_000_000;
    let load = &mut scenario.producers[0].callers[0].loads[0];
    load.count = per_second * seconds;
    load.arrival = Arrival::Steady { per_second: per_second.into() };
    scenario
}

/// A player with such a scenario on its stage.
#[derive(Debug)]
pub struct Played {
    player: Player,
}

impl Played {
    /// At its beginning.
    ///
    /// # Panics
    /// Never: the link is one of ours.
    pub fn open(per_second: u32, seconds: u32) -> Self {
        let shows = Shows::Scenario(Box::new(scenario(per_second, seconds)));
        let fragment = Link { shows, at_us: None }.to_string();
        let mut player = Player::default();
        let told = player.ask(Ask::Open { fragment, demo: None });
        assert!(matches!(told, Tell::Opened(_)), "{told:?}");
        Self { player }
    }

    /// Puts the playhead there, back or forth, and takes the pictures that are shown then.
    ///
    /// # Panics
    /// Never: the player answers what it is asked.
    pub fn seek(&mut self, ms: u32) {
        let to_us = u64::from(ms) * 1_000;
        self.player.ask(Ask::Rewind(to_us));
        loop {
            match self.player.ask(Ask::Run { to: Target::Time(to_us), max_events: SLICE }) {
                Tell::Frame(frame) if frame.standing == Standing::Underway => {}
                Tell::Frame(_) => break,
                told => panic!("{told:?}"),
            }
        }
        let told = self.player.ask(Ask::Scenes);
        assert!(matches!(told, Tell::Frame(frame) if frame.now_us == to_us));
    }

    /// Keeps this future and goes on with a copy.
    ///
    /// # Panics
    /// Where too many futures are kept already.
    pub fn fork(&mut self) {
        let told = self.player.ask(Ask::Fork);
        assert!(matches!(told, Tell::Acted(_)), "{told:?}");
    }
}

thread_local! {
    static PLAYED: RefCell<Option<Played>> = const { RefCell::new(None) };
}

/// Another scenario takes the stage.
#[expect(unsafe_code, reason = "an export of a module without bindings has a name, and naming it counts as unsafe")]
#[unsafe(no_mangle)]
pub extern "C" fn played_open(per_second: u32, seconds: u32) {
    PLAYED.set(Some(Played::open(per_second, seconds)));
}

/// [`Played::seek`].
#[expect(unsafe_code, reason = "an export of a module without bindings has a name, and naming it counts as unsafe")]
#[unsafe(no_mangle)]
pub extern "C" fn played_seek(ms: u32) {
    PLAYED.with_borrow_mut(|played| played.as_mut().map(|played| played.seek(ms)));
}

/// [`Played::fork`].
#[expect(unsafe_code, reason = "an export of a module without bindings has a name, and naming it counts as unsafe")]
#[unsafe(no_mangle)]
pub extern "C" fn played_fork() {
    PLAYED.with_borrow_mut(|played| played.as_mut().map(Played::fork));
}

#[cfg(test)]
mod tests {
    use producer_core::playback::Playable as _;
    use producer_core::staging::Stage;
    use producer_core::time::Instant;

    use super::*;

    #[test]
    fn the_long_run_has_a_hundred_thousand_events_in_sixty_seconds() {
        let mut stage = Stage::new(&scenario(350, 60), 0, None).expect("staged");
        let before = stage.events();
        let end = stage.begins() + std::time::Duration::from_secs(60);
        assert!(!stage.run_slice(end, usize::MAX));
        assert!(stage.now() >= end && end > Instant::ZERO);
        let events = stage.events() - before;
        assert!((100_000..130_000).contains(&events), "{events}");
    }

    #[test]
    fn a_playhead_goes_everywhere_also_in_a_copy() {
        let mut played = Played::open(100, 2);
        for ms in [2_000, 0, 1_500, 700] {
            played.seek(ms);
        }
        played.fork();
        played.seek(1_200);
    }
}
