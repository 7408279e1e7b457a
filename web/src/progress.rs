//! How far a burst is, and how long the rest of it takes at the pace of the last seconds. Pure: whoever looks tells the time.

use std::collections::VecDeque;

use core::time::Duration;

use crate::ledger::Ledger;
use crate::view::{Clock, Speed};

/// A pace is told from at least this much of a person's time.
const LEAST_MS: f64 = 1_000.0;
/// What is longer ago says nothing of the pace now.
const MOST_MS: f64 = 10_000.0;
/// From one sample to the next.
const STEP_MS: f64 = 250.0;

/// How far what is being sent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Records that have their answer.
    pub(crate) done: u64,
    /// Records asked for.
    pub(crate) all: u64,
    /// How long the others take, if the pace stays; `None`: nobody can tell yet, or time stands still.
    pub(crate) left: Option<Duration>,
}

/// Learns the pace.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// When, and how many records had met their fate by then.
    samples: VecDeque<(f64, u64)>,
    speed: Speed,
}

impl Pace {
    /// Looks at the ledger at this moment of a person's time; `None`: nothing that takes long is under way.
    pub(crate) fn look(&mut self, now_ms: f64, ledger: &Ledger, clock: Clock) -> Option<Progress> {
        if !ledger.is_long() {
            self.samples.clear();
            return None;
        }
        let (done, all) = ledger.open().fold((0, 0), |(done, all), open| {
            let settled = u64::from(open.settled);
            (done + settled, all + settled + u64::from(open.waiting()))
        });
        let speed = if clock.running { clock.speed } else { Speed::Paused };
        // At another speed the pace is another.
        if core::mem::replace(&mut self.speed, speed) != speed || speed == Speed::Paused {
            self.samples.clear();
        }
        self.sample(now_ms, ledger.finished());
        let left = if speed == Speed::Paused { None } else { self.left(now_ms, ledger.finished(), all - done) };
        Some(Progress { done, all, left })
    }

    fn sample(&mut self, now_ms: f64, finished: u64) {
        if self.samples.back().is_none_or(|(at, _)| now_ms - at >= STEP_MS) {
            self.samples.push_back((now_ms, finished));
        }
        // One that is older stays: between two answers more time may pass than that.
        while self.samples.get(1).is_some_and(|(at, _)| now_ms - at >= MOST_MS) {
            self.samples.pop_front();
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of records are far below 2^53")]
    fn left(&self, now_ms: f64, finished: u64, waiting: u64) -> Option<Duration> {
        let (since, before) = *self.samples.front()?;
        let (passed, done) = (now_ms - since, finished.saturating_sub(before));
        if passed < LEAST_MS || done == 0 {
            return None;
        }
        Duration::try_from_secs_f64(passed / 1_000.0 * (waiting as f64 / done as f64)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use producer_core::bridge::{Fate, Habit, Outcome, RecordSpec, SendCommand};
    use producer_core::error::{Persistence, ProducerError, Surface};

    fn burst(count: u32) -> Ledger {
        let mut ledger = Ledger::default();
        let id = ledger.next_id();
        ledger.sent(SendCommand { id, habit: Habit::Get, record: RecordSpec::default(), count });
        ledger
    }

    /// The so-manieth outcome: ten records.
    fn answer(ledger: &mut Ledger, number: u64) {
        let fate = Fate::Failed {
            error: ProducerError::Closed,
            surface: Surface::FutureOnSender,
            persistence: Persistence::NotPersisted,
            partition: 0,
            topic: "orders".into(),
            first: None,
        };
        let first = (number - 1) * 10;
        let first_record = u32::try_from(first).expect("few");
        let latency_us = vec![0; 10];
        ledger.settle(&Outcome { number, send: 1, first_record, first_ordinal: first, count: 10, latency_us, fate });
    }

    fn clock(speed: Speed) -> Clock {
        Clock { running: speed != Speed::Paused, speed, ..Clock::default() }
    }

    #[test]
    fn the_rest_takes_as_long_as_the_pace_says() {
        let (mut ledger, mut pace) = (burst(1_000), Pace::default());
        let slower = clock(Speed::Slower(50));
        let first = pace.look(0.0, &ledger, slower);
        assert_eq!(first, Some(Progress { done: 0, all: 1_000, left: None }), "nobody can tell yet");
        for number in 1..=20 {
            answer(&mut ledger, number);
            pace.look(number as f64 * 100.0, &ledger, slower);
        }
        let later = pace.look(2_000.0, &ledger, slower).expect("under way");
        assert_eq!(later, Progress { done: 200, all: 1_000, left: Some(Duration::from_secs(8)) });
        let paused = pace.look(2_100.0, &ledger, clock(Speed::Paused)).expect("under way");
        assert_eq!(paused.left, None, "time stands still");
        let faster = pace.look(2_200.0, &ledger, clock(Speed::Slower(1))).expect("under way");
        assert_eq!(faster.left, None, "the pace is another one now");
    }

    #[test]
    fn only_the_last_seconds_count() {
        let (mut ledger, mut pace) = (burst(1_000), Pace::default());
        let real = clock(Speed::Slower(1));
        for number in 1..=20 {
            answer(&mut ledger, number);
            pace.look(number as f64 * 100.0, &ledger, real);
        }
        // Ten times slower from here on.
        for number in 21..=40 {
            answer(&mut ledger, number);
            pace.look(2_000.0 + (number - 20) as f64 * 1_000.0, &ledger, real);
        }
        let left = pace.look(22_000.0, &ledger, real).and_then(|progress| progress.left).expect("known");
        assert!((58.0..=66.0).contains(&left.as_secs_f64()), "600 records at ten a second: {left:?}");
    }

    #[test]
    fn one_record_needs_no_progress() {
        assert_eq!(Pace::default().look(0.0, &burst(1), clock(Speed::Slower(1))), None);
        assert_eq!(Pace::default().look(0.0, &Ledger::default(), clock(Speed::Slower(1))), None);
    }
}
