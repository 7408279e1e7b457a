//! The only place that reads a clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use producer_core::time::{self, Now};
// The runtime's instants, so that a test that stops the runtime's clock stops the core's with it.
use tokio::time::Instant;

/// How old a reading may be that [`CachedClock::now`] hands out while the driver's task gets its turns.
pub(crate) const FRESHNESS: Duration = Duration::from_millis(1);

/// How many calls one reading serves when the driver's task gets no turn (a program that never yields to the runtime).
const CALLS_PER_READING: u32 = 1_024;

/// Tells the core what time it is: microseconds since this clock was made, and the wall clock's milliseconds.
///
/// Clones share their beginning, so that a session's producers, one after the other, live on one time axis.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// A clock that begins now.
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// Both clocks, read once.
    pub fn now(&self) -> Now {
        let elapsed_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        // A wall clock before 1970 or beyond the year 292 million is nobody's idea of the time; the nearest edge will do.
        let wall_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        Now { elapsed_us, wall_ms: i64::try_from(wall_ms).unwrap_or(i64::MAX) }
    }

    /// The runtime's instant for a moment of the core, `None` when it lies beyond what the runtime can name.
    pub(crate) fn deadline(&self, at: time::Instant) -> Option<Instant> {
        self.started.checked_add(Duration::from_micros(at.as_micros()))
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::start()
    }
}

/// A clock that a burst of `send` reads once: a reading costs as much as half a `send`.
///
/// While readings are used, the driver's task comes by every [`FRESHNESS`] and throws the reading away; after one such
/// span without use it stops coming, and the next use asks for it again.
#[derive(Debug)]
pub(crate) struct CachedClock {
    clock: Clock,
    reading: Option<Now>,
    uses: u32,
    watched: bool,
}

impl CachedClock {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, reading: None, uses: 0, watched: false }
    }

    /// The time, at most [`FRESHNESS`] old if [`needs_watch`](Self::needs_watch) is obeyed.
    pub(crate) fn now(&mut self) -> Now {
        self.uses += 1;
        match self.reading {
            Some(reading) if self.uses < CALLS_PER_READING => reading,
            _ => self.read(),
        }
    }

    /// The time as it is.
    pub(crate) fn read(&mut self) -> Now {
        let reading = self.clock.now();
        self.reading = Some(reading);
        self.uses = 0;
        reading
    }

    /// Has a reading begun to be handed out that nobody will throw away? Says so once; then the driver's task comes.
    pub(crate) fn needs_watch(&mut self) -> bool {
        !core::mem::replace(&mut self.watched, true)
    }

    /// [`FRESHNESS`] has passed: throws the reading away. `false`: nobody used it, no need to come again.
    pub(crate) fn expire(&mut self) -> bool {
        self.watched = self.uses > 0;
        self.reading = None;
        self.uses = 0;
        self.watched
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_and_the_wall_clock_shows_this_century() {
        let clock = Clock::start();
        let first = clock.now();
        std::thread::sleep(Duration::from_millis(2));
        let second = clock.now();
        assert!(second.elapsed_us >= first.elapsed_us + 2_000);
        assert!(second.wall_ms > 1_577_836_800_000, "after 2020-01-01");
    }

    #[test]
    fn a_burst_shares_one_reading_until_it_expires() {
        let mut clock = CachedClock::new(Clock::start());
        let first = clock.now();
        std::thread::sleep(Duration::from_millis(1));
        assert_eq!(clock.now(), first);
        assert!(clock.expire(), "it was used");
        assert_ne!(clock.now(), first);
    }

    #[test]
    fn a_reading_serves_a_bounded_number_of_calls_even_if_nobody_comes_by() {
        let mut clock = CachedClock::new(Clock::start());
        let first = clock.now();
        std::thread::sleep(Duration::from_millis(1));
        let readings: Vec<Now> = (0..CALLS_PER_READING).map(|_| clock.now()).collect();
        assert_ne!(readings.last(), Some(&first));
    }

    #[test]
    fn the_watch_is_asked_for_once_and_ends_when_nobody_uses_the_clock() {
        let mut clock = CachedClock::new(Clock::start());
        clock.now();
        clock.now();
        assert!(clock.needs_watch());
        assert!(!clock.needs_watch());
        assert!(clock.expire());
        assert!(!clock.expire(), "unused since");
        clock.now();
        assert!(clock.needs_watch());
    }
}
