//! A world in virtual time with a playhead: forwards, backwards, to any moment, and into another future.
//!
//! Going back is going forward from a kept copy of the world: same inputs, same bytes. What somebody did by hand is kept
//! with its moment and done again, so that the past stays what it was; doing something *now* ends the future that was
//! known, and whoever wants both futures clones the playback first. Nothing here grows with the length of a run: copies,
//! marks of the time bar and the list of what happened keep to their limits by becoming coarser.

mod marks;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::scene::Scene;
use crate::time::Instant;
use crate::trace::TraceEvent;

pub use self::marks::{Mark, Marks};

/// Copies of the world kept for going back; beyond it every other one goes.
const KEYFRAMES: usize = 32;
/// Moments between two copies at first.
const FIRST_SPACING: u64 = 64;
/// Events between two looks at how many there were.
const SLICE: usize = 256;

/// A world that can be played.
pub trait Playable: Clone {
    /// What somebody may do to it.
    type Action: Clone;
    /// Why it was not done.
    type Refusal;

    /// The time.
    fn now(&self) -> Instant;

    /// When something happens next; `None`: never.
    fn next_event_at(&self) -> Option<Instant>;

    /// Lets at most `max_events` events happen up to this moment, and returns whether there are more; else time has passed
    /// until then.
    fn run_slice(&mut self, until: Instant, max_events: usize) -> bool;

    /// What has happened since the last call, in order of time.
    fn take_trace(&mut self) -> Vec<TraceEvent>;

    /// Does something to it, now. The same action at the same moment does the same.
    ///
    /// # Errors
    /// It cannot be done; then nothing was.
    fn act(&mut self, action: &Self::Action) -> Result<(), Self::Refusal>;

    /// How many events have happened.
    fn events(&self) -> u64;

    /// How many clients it has. The producer with index `i` belongs to client `i` modulo this number.
    fn clients(&self) -> u32;
}

/// How much may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Events in one moment: a world that does more in no time at all would never come to the next.
    pub events_per_moment: u64,
    /// Events in any second of virtual time.
    pub events_per_second: u64,
    /// Events in all, those from before the playback included.
    pub events: u64,
}

impl Default for Budget {
    /// A million events in a second; a hundred thousand at once; for as long as somebody plays.
    fn default() -> Self {
        Self { events_per_moment: 100_000, events_per_second: 1_000_000, events: u64::MAX }
    }
}

/// Why a world does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overrun {
    /// When it was stopped.
    pub at: Instant,
    /// Events that were too many.
    pub events: u64,
    /// In how long.
    pub within: Span,
}

/// In how long too much happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// In one moment.
    Moment,
    /// In a second of virtual time.
    Second,
    /// From the beginning of the world.
    Run,
}

/// Whereto.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// The end of this moment.
    Time(Instant),
    /// The next moment at which anything happens.
    NextMoment,
    /// The next moment at which this happens.
    Next {
        /// What.
        mark: Mark,
        /// It is not looked for beyond this moment: an idle producer refreshes its metadata for ever.
        until: Instant,
    },
}

/// How far it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is there.
    Reached,
    /// The slice was too short: call again.
    Underway,
    /// Nothing more happens, or nothing of that kind before its end.
    Over,
    /// Too much happens.
    Stopped(Overrun),
}

/// Something that was done by hand.
#[derive(Clone, Debug)]
struct Deed<A> {
    /// After so many moments.
    after: u64,
    at: Instant,
    action: A,
}

#[derive(Clone, Debug)]
struct Keyframe<W> {
    moments: u64,
    world: W,
    scenes: Vec<Scene>,
}

/// A world and its playhead.
#[derive(Clone, Debug)]
pub struct Playback<W: Playable> {
    world: W,
    /// One picture for each client.
    scenes: Vec<Scene>,
    /// Moments that have happened.
    moments: u64,
    /// Copies of this playback share them.
    keyframes: Vec<Arc<Keyframe<W>>>,
    spacing: u64,
    deeds: Vec<Deed<W::Action>>,
    /// Those that have been done up to the playhead.
    done: usize,
    marks: Marks,
    /// Up to where it was played.
    known_until: Instant,
    budget: Budget,
    second: (u64, u64),
    overrun: Option<Overrun>,
    /// What happened at the last moment.
    last: Vec<TraceEvent>,
    /// A moment that takes more than one slice.
    unfinished: Option<(Instant, u64)>,
}

impl<W: Playable> Playback<W> {
    /// A world at its beginning.
    pub fn new(world: W, budget: Budget) -> Self {
        let scenes = vec![Scene::default(); world.clients().max(1) as usize];
        Self {
            keyframes: vec![Arc::new(Keyframe { moments: 0, world: world.clone(), scenes: scenes.clone() })],
            world,
            scenes,
            moments: 0,
            spacing: FIRST_SPACING,
            deeds: Vec::new(),
            done: 0,
            marks: Marks::default(),
            known_until: Instant::ZERO,
            budget,
            second: (0, 0),
            overrun: None,
            last: Vec::new(),
            unfinished: None,
        }
    }

    /// The world at the playhead.
    pub fn world(&self) -> &W {
        &self.world
    }

    /// The world at the playhead, by itself.
    pub fn into_world(self) -> W {
        self.world
    }

    /// Goes on to the end of this moment, and tells all that happens on the way.
    pub fn run_and_tell(&mut self, until: Instant) -> Vec<TraceEvent> {
        let mut told = Vec::new();
        while self.overrun.is_none() && self.next_moment().is_some_and(|at| at <= until) {
            if self.run(Goal::NextMoment, usize::MAX) == Progress::Reached {
                told.extend_from_slice(&self.last);
            }
        }
        self.run(Goal::Time(until), usize::MAX);
        told
    }

    /// Where the playhead stands.
    pub fn now(&self) -> Instant {
        self.world.now()
    }

    /// Up to where this future was played.
    pub fn known_until(&self) -> Instant {
        self.known_until
    }

    /// The picture of a client's producer at the playhead.
    pub fn scene(&self, client: usize) -> Option<&Scene> {
        self.scenes.get(client)
    }

    /// What happened at the last moment before the playhead.
    pub fn last_events(&self) -> &[TraceEvent] {
        &self.last
    }

    /// What happened when, for a time bar.
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    /// Goes on towards a goal for at most `max_events` events.
    pub fn run(&mut self, goal: Goal, max_events: usize) -> Progress {
        let mut left = max_events;
        loop {
            if let Some(overrun) = self.overrun {
                return Progress::Stopped(overrun);
            }
            self.catch_up_on_deeds();
            let next = self.next_moment();
            match (goal, next) {
                (Goal::Time(until), next) if next.is_none_or(|at| at > until) => {
                    self.world.run_slice(until.max(self.now()), 0);
                    self.known_until = self.known_until.max(self.now());
                    return Progress::Reached;
                }
                (_, None) => return Progress::Over,
                (Goal::Next { until, .. }, Some(at)) if at > until => return Progress::Over,
                _ if left == 0 => return Progress::Underway,
                (goal, Some(at)) => {
                    let finished = self.run_moment(at, &mut left);
                    let is_there = match goal {
                        Goal::Time(_) => false,
                        Goal::NextMoment => true,
                        Goal::Next { mark, .. } => self.last.iter().any(|event| Mark::of(&event.what) == Some(mark)),
                    };
                    if finished && is_there {
                        return Progress::Reached;
                    }
                }
            }
        }
    }

    /// Puts the playhead back; [`run`](Self::run) to the same time brings the world there. Returns whether that was a way
    /// back: forward there is nothing to do first.
    pub fn rewind_to(&mut self, at: Instant) -> bool {
        if at >= self.now() {
            return false;
        }
        let Some(frame) = self.keyframe_before(at) else { return false };
        (self.world, self.scenes, self.moments) = (frame.world.clone(), frame.scenes.clone(), frame.moments);
        self.done = self.deeds.partition_point(|deed| deed.after < self.moments);
        self.last.clear();
        self.unfinished = None;
        self.overrun = None;
        self.second = (0, 0);
        true
    }

    /// [`rewind_to`](Self::rewind_to) if that is the way, and then [`run`](Self::run) to the end of that moment.
    pub fn seek(&mut self, to: Instant, max_events: usize) -> Progress {
        self.rewind_to(to);
        self.run(Goal::Time(to), max_events)
    }

    fn keyframe_before(&self, at: Instant) -> Option<&Keyframe<W>> {
        self.keyframes.iter().rev().find(|frame| frame.world.now() <= at).map(Arc::as_ref)
    }

    /// The moment before the playhead at which anything happened. It takes a run from the nearest copy of the world.
    pub fn moment_before(&self) -> Option<Instant> {
        let here = self.now();
        // The copies themselves may stand right before the playhead.
        let earlier = here.as_micros().checked_sub(1).map(Instant::from_micros)?;
        let frame = self.keyframe_before(earlier)?;
        let mut other = Self::new(frame.world.clone(), self.budget);
        other.deeds.clone_from(&self.deeds);
        other.moments = frame.moments;
        other.done = self.deeds.partition_point(|deed| deed.after < frame.moments);
        let mut found = (frame.moments > 0).then(|| other.now());
        loop {
            other.catch_up_on_deeds();
            if other.next_moment().is_none_or(|at| at > earlier) {
                return found;
            }
            let Progress::Reached = other.run(Goal::NextMoment, usize::MAX) else { return found };
            found = Some(other.now());
        }
    }

    /// Does something at the playhead. What was known of the future is over.
    ///
    /// # Errors
    /// It cannot be done; then nothing has changed.
    pub fn act(&mut self, action: W::Action) -> Result<(), W::Refusal> {
        self.world.act(&action)?;
        let (after, at) = (self.moments, self.now());
        self.deeds.truncate(self.done);
        self.deeds.push(Deed { after, at, action });
        self.done = self.deeds.len();
        self.keyframes.retain(|frame| frame.moments <= after);
        self.marks.forget_after(at);
        self.known_until = at;
        Ok(())
    }

    /// What was done by hand up to the playhead, with its times.
    pub fn deeds(&self) -> impl Iterator<Item = (Instant, &W::Action)> {
        self.deeds[..self.done].iter().map(|deed| (deed.at, &deed.action))
    }

    /// When the world goes on: at its next event, unless somebody did something before.
    fn next_moment(&self) -> Option<Instant> {
        self.unfinished.map(|(at, _)| at).or_else(|| self.world.next_event_at())
    }

    /// Does again what was done at this place of the past.
    fn catch_up_on_deeds(&mut self) {
        while let Some(deed) = self.deeds.get(self.done)
            && deed.after == self.moments
            && self.unfinished.is_none()
        {
            let deed = deed.clone();
            self.world.run_slice(deed.at.max(self.now()), 0);
            // It was done once to this very world.
            let _ = self.world.act(&deed.action);
            self.done += 1;
        }
    }

    /// Lets a moment happen, or a part of it. Returns whether it is over.
    fn run_moment(&mut self, at: Instant, left: &mut usize) -> bool {
        let mut so_far = self.unfinished.take().map_or(0, |(_, events)| events);
        loop {
            let before = self.world.events();
            let more = self.world.run_slice(at, SLICE.min(*left));
            let happened = self.world.events() - before;
            so_far += happened;
            *left = left.saturating_sub(usize::try_from(happened).unwrap_or(usize::MAX));
            if !more {
                break;
            }
            if so_far >= self.budget.events_per_moment {
                self.overrun = Some(Overrun { at, events: so_far, within: Span::Moment });
                break;
            }
            if *left == 0 {
                self.unfinished = Some((at, so_far));
                return false;
            }
        }
        self.finish_moment(at, so_far);
        true
    }

    fn finish_moment(&mut self, at: Instant, events: u64) {
        self.last = self.world.take_trace();
        let clients = self.scenes.len();
        for event in &self.last {
            for (client, scene) in self.scenes.iter_mut().enumerate() {
                if event.producer.0 as usize % clients == client {
                    scene.apply(event);
                } else {
                    scene.apply_of_another(event);
                }
            }
        }
        if at >= self.known_until {
            self.marks.add(&self.last);
        }
        self.moments += 1;
        self.known_until = self.known_until.max(at);
        let second = at.as_micros() / 1_000_000;
        let before = if self.second.0 == second { self.second.1 } else { 0 };
        self.second = (second, before + events);
        let in_all = self.world.events();
        let limits =
            [(self.second.1, self.budget.events_per_second, Span::Second), (in_all, self.budget.events, Span::Run)];
        let over = limits.into_iter().find(|(events, most, _)| events > most);
        self.overrun = self.overrun.or(over.map(|(events, _, within)| Overrun { at, events, within }));
        self.keep_a_copy();
    }

    fn keep_a_copy(&mut self) {
        let newest = self.keyframes.last().map_or(0, |frame| frame.moments);
        if self.moments < newest + self.spacing {
            return;
        }
        let (world, scenes) = (self.world.clone(), self.scenes.clone());
        self.keyframes.push(Arc::new(Keyframe { moments: self.moments, world, scenes }));
        if self.keyframes.len() > KEYFRAMES {
            let mut place = 0_usize;
            self.keyframes.retain(|_| {
                place += 1;
                place % 2 == 1
            });
            self.spacing *= 2;
        }
    }
}
