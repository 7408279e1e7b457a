//! One future: the scenario with all that is done to it, its lanes, and their common playhead.

use core::time::Duration;
use std::sync::Arc;

use super::messages::{Frame, Standing, Target, Within};
use crate::judge::Score;
use crate::playback::{Goal, Mark, Playable as _, Playback, Progress, Span};
use crate::scenario::Scenario;
use crate::staging::{BEGIN, Stage, StageError, playback};
use crate::time::Instant;

/// A future.
#[derive(Clone, Debug)]
pub(super) struct Future {
    pub(super) number: u32,
    pub(super) scenario: Arc<Scenario>,
    /// So many of its actions were there when it was opened.
    pub(super) scripted: usize,
    pub(super) parted_us: u64,
    /// Which producer of each lane is looked at.
    pub(super) producer: u32,
    pub(super) lanes: Vec<Lane>,
}

/// A lane and what was told of it.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub(super) playback: Playback<Stage>,
    /// Has its picture changed since it was told?
    has_changed: bool,
    /// What was read back last: after so many events, when, and the score.
    pub(super) read: Option<(u64, u64, Score)>,
}

/// A moment of the scenario in its world's time, and the reverse.
pub(super) fn instant(us: u64) -> Instant {
    BEGIN + Duration::from_micros(us)
}

pub(super) fn micros(at: Instant) -> u64 {
    at.as_micros().saturating_sub(BEGIN.as_micros())
}

impl Future {
    /// At its beginning.
    pub(super) fn new(number: u32, scenario: Arc<Scenario>, parted_us: u64) -> Result<Self, StageError> {
        let lane =
            |place| Ok(Lane { playback: playback(&scenario, place, false, None)?, has_changed: true, read: None });
        let lanes = (0..scenario.lane_count()).map(lane).collect::<Result<_, StageError>>()?;
        let scripted = scenario.actions.len();
        Ok(Self { number, scenario, scripted, parted_us, producer: 0, lanes })
    }

    /// Was nothing done by hand?
    pub(super) fn is_as_opened(&self) -> bool {
        self.scenario.actions.len() == self.scripted
    }

    /// Where the playhead stands.
    pub(super) fn now_us(&self) -> u64 {
        self.lanes.iter().map(|lane| micros(lane.playback.now())).min().unwrap_or(0)
    }

    pub(super) fn known_until_us(&self) -> u64 {
        self.lanes.iter().map(|lane| micros(lane.playback.known_until())).max().unwrap_or(0)
    }

    /// The lane in which something happens next, and when.
    pub(super) fn next(&self) -> Option<(usize, Instant)> {
        let next = self.lanes.iter().enumerate();
        let next = next.filter_map(|(place, lane)| Some((place, lane.playback.world().next_event_at()?)));
        next.min_by_key(|&(place, at)| (at, place))
    }

    /// Goes on, for about so many events.
    pub(super) fn run(&mut self, to: Target, max_events: usize) -> Standing {
        let end = instant(self.scenario.duration_us);
        match to {
            Target::Time(us) => self.run_until(instant(us).min(end), max_events),
            Target::NextMoment => match self.next() {
                Some((_, at)) if at <= end => self.run_until(at, max_events),
                _ => self.run_until(end, max_events),
            },
            Target::Next(mark) => self.run_to_next(mark, end, max_events),
        }
    }

    fn run_until(&mut self, until: Instant, max_events: usize) -> Standing {
        let mut left = max_events;
        let mut standing = Standing::Reached;
        for place in 0..self.lanes.len() {
            let (progress, happened) = self.lanes[place].run(Goal::Time(until), left);
            left = left.saturating_sub(happened);
            match progress {
                Progress::Stopped(_) => return stopped(place, progress),
                Progress::Underway => standing = Standing::Underway,
                Progress::Reached | Progress::Over => {}
            }
        }
        let is_over = until >= instant(self.scenario.duration_us);
        if standing == Standing::Reached && is_over { Standing::Over } else { standing }
    }

    fn run_to_next(&mut self, mark: Mark, end: Instant, max_events: usize) -> Standing {
        let mut left = max_events;
        loop {
            let Some((place, at)) = self.next().filter(|(_, at)| *at <= end) else {
                return self.run_until(end, left.max(1));
            };
            let lane = &mut self.lanes[place];
            let (progress, happened) = lane.run(Goal::NextMoment, left);
            left = left.saturating_sub(happened);
            match progress {
                Progress::Stopped(_) => return stopped(place, progress),
                Progress::Underway => return Standing::Underway,
                Progress::Reached | Progress::Over => {}
            }
            if lane.playback.last_events().iter().any(|event| Mark::of(&event.what) == Some(mark)) {
                // The others have nothing to do before: only this moment.
                return self.run_until(at, usize::MAX);
            }
            if left == 0 {
                return Standing::Underway;
            }
        }
    }

    /// Puts the playhead back, if that is the way.
    pub(super) fn rewind_to(&mut self, to_us: u64) {
        for lane in &mut self.lanes {
            lane.has_changed |= lane.playback.rewind_to(instant(to_us));
        }
    }

    /// When anything happened last before the playhead.
    pub(super) fn moment_before(&self) -> Option<u64> {
        self.lanes.iter().filter_map(|lane| lane.playback.moment_before()).max().map(micros)
    }

    /// Another producer is looked at, or the same.
    pub(super) fn look_at(&mut self, producer: u32) {
        if self.producer != producer {
            self.producer = producer;
            self.tell_all_again();
        }
    }

    pub(super) fn tell_all_again(&mut self) {
        self.lanes.iter_mut().for_each(|lane| lane.has_changed = true);
    }

    /// Where it stands, with the pictures that have changed.
    pub(super) fn frame(&mut self) -> Frame {
        let producer = self.producer as usize;
        let scenes = self.lanes.iter_mut().map(|lane| {
            let has_changed = core::mem::take(&mut lane.has_changed);
            let scene = lane.playback.scene(producer).filter(|_| has_changed)?;
            Some(Box::new(scene.clone()))
        });
        let scenes = scenes.collect();
        Frame { now_us: self.now_us(), standing: Standing::Reached, scenes }
    }
}

impl Lane {
    fn run(&mut self, goal: Goal, max_events: usize) -> (Progress, usize) {
        let before = self.playback.world().events();
        let progress = self.playback.run(goal, max_events);
        let happened = self.playback.world().events() - before;
        self.has_changed |= happened > 0;
        (progress, usize::try_from(happened).unwrap_or(usize::MAX))
    }
}

/// What is told of a lane that was stopped.
pub(super) fn stopped(lane: usize, progress: Progress) -> Standing {
    let Progress::Stopped(overrun) = progress else { return Standing::Over };
    let within = match overrun.within {
        Span::Moment => Within::Moment,
        Span::Second => Within::Second,
        Span::Run => Within::Run,
    };
    let lane = u32::try_from(lane).unwrap_or(u32::MAX);
    Standing::Stopped { lane, at_us: micros(overrun.at), events: overrun.events, within }
}
