//! What the panels of a demo read: one picture of it, made at most ten times a second.

use std::rc::Rc;
use std::sync::Arc;

use core::time::Duration;

use producer_core::bridge::{Topology, World};
use producer_core::config::ProducerConfig;
use producer_core::player::messages::{Fault, Form, Judged, LaneView, Lesson, Opened, Standing, View, Why};
use producer_core::scene::Scene;
use producer_core::time::Instant;

use crate::ledger::{Counts, Ledger};
use crate::shared::Shared;
use crate::view::{self, Clock, ConfigInForce, Link, Trial};

/// Where the page is with what the address asks for.
#[derive(Clone, Debug, Default)]
pub(crate) enum Phase {
    /// Module or file are under way.
    #[default]
    Loading,
    /// One of them cannot be had; in the browser's words.
    Missing(String),
    /// The link shows nothing.
    NotOpened(Fault),
    /// Several scenarios.
    Lesson(Rc<Lesson>),
    /// It stands on its stage.
    Open(Shared<Opened>),
}

/// Something that was done, to be said once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// A future was kept.
    Forked,
    /// Something was done by hand.
    Acted,
    /// A link was copied; so many settings are not in it.
    Copied(usize),
    /// A link stands in the address bar, and could not be copied.
    Linked(usize),
    /// It cannot be done.
    Refused(Why),
    /// A file stands on the stage, and its link in the address bar; so many settings are not in it.
    FileOpened(String, usize),
    /// A file stands on the stage, and is too large for a link.
    FileWithoutLink(String),
    /// A file is no scenario, for this reason in the core's words; what stood there stands there still.
    FileRefused(String, String),
    /// A file is larger than any scenario.
    FileTooLarge(String),
    /// A file is no text.
    FileNoText(String),
    /// A file cannot be read any more.
    FileGone(String),
    /// A trace was written; so many facts were left out.
    Written(u64),
}

/// The picture.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    pub(crate) phase: Phase,
    pub(crate) view: Rc<View>,
    pub(crate) scenes: Vec<Shared<Scene>>,
    topologies: Vec<Shared<Topology>>,
    configs: Vec<Shared<ConfigInForce>>,
    pub(crate) now_us: u64,
    pub(crate) running: bool,
    /// Nothing more is sent, and time goes faster.
    pub(crate) hurries: bool,
    pub(crate) speed: Speed,
    pub(crate) standing: Standing,
    pub(crate) judged: Rc<Judged>,
    /// In which form a trace is being written, and how much of it is, in thousandths.
    pub(crate) writes: Option<(Form, u32)>,
    pub(crate) said: Option<Said>,
    /// The link that was made last.
    pub(crate) link: Option<Rc<str>>,
    pub(crate) chosen: Chosen,
}

/// What a person looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) lane: usize,
    pub(crate) producer: u32,
    /// Empty: the first.
    pub(crate) topic: Arc<str>,
}

impl Shown {
    /// The scenario on the stage.
    pub(crate) fn opened(&self) -> Option<&Shared<Opened>> {
        match &self.phase {
            Phase::Open(opened) => Some(opened),
            _ => None,
        }
    }

    /// The lane that is looked at.
    pub(crate) fn lane(&self) -> Option<&LaneView> {
        self.view.lanes.get(self.chosen.lane)
    }

    /// The scene's time when the scenario began.
    pub(crate) fn begins(&self) -> Instant {
        self.opened().map_or(Instant::ZERO, |opened| opened.begins)
    }

    /// The world's time at the playhead.
    pub(crate) fn now(&self) -> Instant {
        self.begins() + Duration::from_micros(self.now_us)
    }

    /// Forgets what was drawn: another scenario stands there.
    pub(super) fn begin(&mut self, opened: Shared<Opened>) {
        let lanes = opened.lanes.len();
        *self = Self {
            speed: Speed::slower(opened.slower),
            scenes: vec![Shared::default(); lanes],
            topologies: vec![Shared::default(); lanes],
            phase: Phase::Open(opened),
            ..Self::default()
        };
        self.read_configs();
    }

    /// The configurations of the producer that is looked at.
    pub(super) fn read_configs(&mut self) {
        let Some(opened) = self.opened().cloned() else { return };
        let of_lane = |properties: &Vec<producer_core::scenario::Properties>| {
            let properties = properties.get(self.chosen.producer as usize).map(|all| all.0.clone()).unwrap_or_default();
            let read = ProducerConfig::from_properties(properties.iter().map(|(key, value)| (&**key, &**value)));
            let notices = read.map(|(_, notices)| notices).unwrap_or_default();
            Shared::new(ConfigInForce { properties, notices, ignores_keys: false })
        };
        self.configs = opened.properties.iter().map(of_lane).collect();
    }

    pub(super) fn take(&mut self, view: View) {
        for (place, lane) in view.lanes.iter().enumerate() {
            if let Some(topology) = self.topologies.get_mut(place).filter(|topology| ***topology != lane.topology) {
                *topology = Shared::new(lane.topology.clone());
            }
        }
        self.view = Rc::new(view);
    }

    /// A lane as the pipeline's panel reads it.
    pub(crate) fn stage_view(&self, lane: usize) -> view::View {
        let told = self.view.lanes.get(lane).map(|lane| lane.told).unwrap_or_default();
        let [sent, acked, failed] = told;
        let waiting = sent.saturating_sub(acked + failed);
        view::View {
            scene: self.scenes.get(lane).cloned().unwrap_or_default(),
            ledger: Shared::new(Ledger::default()),
            topology: self.topologies.get(lane).cloned().unwrap_or_default(),
            config: self.configs.get(lane).cloned().unwrap_or_default(),
            preset: Shared::default(),
            asked: None,
            fetches_codecs: false,
            alerts: Shared::default(),
            world: Some(World::InPage),
            link: Link::InPage,
            trial: Trial::Idle,
            clock: Clock { now: self.now(), running: self.running, speed: view::Speed::Slower(1) },
            progress: None,
            told: Some(Counts { asked: sent, acked, failed, waiting, ..Counts::default() }),
        }
    }
}

/// How fast time goes: a place on a logarithmic scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Speed(pub(crate) usize);

/// Microseconds of the world in a second of a person, slowest first. The last is as fast as this machine can.
const RATES: [u64; 17] = [
    100,
    200,
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    20_000,
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    2_000_000,
    10_000_000,
    100_000_000,
    u64::MAX,
];

impl Default for Speed {
    fn default() -> Self {
        Self::slower(1)
    }
}

impl Speed {
    /// The fastest.
    pub(crate) const MAX: usize = RATES.len() - 1;

    /// So many times slower than life.
    fn slower(times: u32) -> Self {
        let wanted = 1_000_000 / u64::from(times.max(1));
        Self(RATES.iter().rposition(|rate| *rate <= wanted).unwrap_or(0))
    }

    /// Microseconds of the world in a second; `None`: as fast as this machine can.
    pub(crate) fn rate(self) -> Option<u64> {
        RATES.get(self.0).copied().filter(|rate| *rate != u64::MAX)
    }

    pub(crate) fn faster_by(self, steps: isize) -> Self {
        Self(self.0.saturating_add_signed(steps).min(Self::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_is_shown_at_first_no_faster_than_it_asks_for() {
        for (slower, rate) in [(1, 1_000_000), (10, 100_000), (100, 10_000), (300, 2_000), (10_000, 100)] {
            assert_eq!(Speed::slower(slower).rate(), Some(rate), "{slower}");
        }
    }

    #[test]
    fn the_scale_has_two_ends() {
        assert_eq!(Speed(0).faster_by(-1), Speed(0));
        assert_eq!(Speed(0).faster_by(100).rate(), None);
    }
}
