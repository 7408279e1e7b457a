//! The only place that reads a clock.

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
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

    /// Begins to measure how long something takes, to the nanosecond.
    pub(crate) fn stopwatch(&self) -> Stopwatch {
        Stopwatch(Instant::now())
    }

    /// The runtime's instant for a moment of the core, `None` when it lies beyond what the runtime can name.
    pub(crate) fn deadline(&self, at: time::Instant) -> Option<Instant> {
        self.started.checked_add(Duration::from_micros(at.as_micros()))
    }
}

/// Runs since it was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    /// How long it has run; it begins anew.
    pub(crate) fn lap(&mut self) -> Duration {
        let now = Instant::now();
        now - core::mem::replace(&mut self.0, now)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::start()
    }
}

/// A clock that a burst of `send` reads once: a reading costs as much as half a `send`.
///
/// While readings are used, the driver's task comes by every [`FRESHNESS`] and declares the reading stale; after one such
/// span without use it stops coming, and the next use asks for it again.
#[derive(Debug)]
pub(crate) struct CachedClock {
    clock: Clock,
    reading: Now,
    uses: u32,
    needs_watch: bool,
}

impl CachedClock {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, reading: clock.now(), uses: 0, needs_watch: false }
    }

    /// The time, at most [`FRESHNESS`] old if [`needs_watch`](Self::needs_watch) is obeyed.
    #[inline]
    pub(crate) fn now(&mut self, freshness: &Freshness) -> Now {
        self.uses += 1;
        if self.uses < CALLS_PER_READING && freshness.is_fresh() { self.reading } else { self.renew(freshness) }
    }

    #[cold]
    fn renew(&mut self, freshness: &Freshness) -> Now {
        self.needs_watch |= freshness.renew();
        self.read()
    }

    /// The time as it is.
    pub(crate) fn read(&mut self) -> Now {
        let now = self.clock.now();
        self.set(now);
        now
    }

    /// Somebody has just read the time: nobody is told an earlier one from now on.
    pub(crate) fn set(&mut self, now: Now) {
        self.reading = now;
        self.uses = 0;
    }

    /// Has a reading begun to be handed out that nobody will declare stale? Says so once; then the driver's task comes.
    pub(crate) fn needs_watch(&mut self) -> bool {
        core::mem::take(&mut self.needs_watch)
    }
}

/// Is the reading of a [`CachedClock`] still good? Beside the clock, because the driver's task must not wait for a lock,
/// nor make others wait, only to say that time goes on.
///
/// ```text
///               renew (asks for the watch)
///   unwatched ─────────────────────────────► fresh ◄──────┐
///       ▲                                      │ tick      │ renew
///       └──────────────── tick ──────────── stale ────────┘
///
///   any of them ── while_away begins ──► away ── it ends ──► stale, or unwatched as before
/// ```
///
/// A tick and a renewal at once do no harm, whichever is later: all they can bring about is one more reading. Only the
/// driver's task ticks and goes away.
#[derive(Debug, Default)]
pub(crate) struct Freshness(AtomicU8);

const UNWATCHED: u8 = 0;
const FRESH: u8 = 1;
const STALE: u8 = 2;
/// The task runs the program's own code, for nobody knows how long: no reading is good for a second use.
const AWAY: u8 = 3;

impl Freshness {
    #[inline]
    fn is_fresh(&self) -> bool {
        self.0.load(Relaxed) == FRESH
    }

    /// The clock is read anew. `true`: nobody watches over the reading yet.
    fn renew(&self) -> bool {
        let renewed = self.0.fetch_update(Relaxed, Relaxed, |state| (state != AWAY).then_some(FRESH));
        renewed == Ok(UNWATCHED)
    }

    /// Is somebody to come by?
    pub(crate) fn is_watched(&self) -> bool {
        self.0.load(Relaxed) != UNWATCHED
    }

    /// [`FRESHNESS`] has passed. `false`: the reading was not used, no need to come again.
    pub(crate) fn tick(&self) -> bool {
        let is_used = self.is_fresh();
        self.0.store(if is_used { STALE } else { UNWATCHED }, Relaxed);
        is_used
    }

    /// Runs the program's own code, during which nobody can come by.
    pub(crate) fn while_away(&self, act: impl FnOnce()) {
        let was_watched = self.0.swap(AWAY, Relaxed) != UNWATCHED;
        act();
        self.0.store(if was_watched { STALE } else { UNWATCHED }, Relaxed);
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

    fn clocks() -> (CachedClock, Freshness) {
        (CachedClock::new(Clock::start()), Freshness::default())
    }

    #[test]
    fn a_burst_shares_one_reading_until_it_is_stale() {
        let (mut clock, freshness) = clocks();
        let first = clock.now(&freshness);
        std::thread::sleep(Duration::from_millis(1));
        assert_eq!(clock.now(&freshness), first);
        assert!(freshness.tick(), "it was used");
        assert_ne!(clock.now(&freshness), first);
    }

    #[test]
    fn a_reading_serves_a_bounded_number_of_calls_even_if_nobody_comes_by() {
        let (mut clock, freshness) = clocks();
        let first = clock.now(&freshness);
        std::thread::sleep(Duration::from_millis(1));
        let readings: Vec<Now> = (0..CALLS_PER_READING).map(|_| clock.now(&freshness)).collect();
        assert_ne!(readings.last(), Some(&first));
    }

    #[test]
    fn the_watch_is_asked_for_once_and_ends_when_nobody_uses_the_clock() {
        let (mut clock, freshness) = clocks();
        clock.now(&freshness);
        clock.now(&freshness);
        assert!(clock.needs_watch());
        assert!(!clock.needs_watch());
        assert!(freshness.tick() && freshness.is_watched());
        assert!(!freshness.tick(), "unused since");
        assert!(!freshness.is_watched());
        clock.now(&freshness);
        assert!(clock.needs_watch());
    }

    #[test]
    fn a_burst_never_sees_a_time_before_one_that_the_driver_has_used() {
        let (mut clock, freshness) = clocks();
        let first = clock.now(&freshness);
        std::thread::sleep(Duration::from_millis(1));
        let drivers = clock.clock.now();
        clock.set(drivers);
        assert_eq!(clock.now(&freshness), drivers);
        assert!(drivers.elapsed_us > first.elapsed_us);
    }

    #[test]
    fn while_the_watch_is_away_no_reading_is_used_twice() {
        let (mut clock, freshness) = clocks();
        clock.now(&freshness);
        freshness.while_away(|| {
            let first = clock.now(&freshness);
            std::thread::sleep(Duration::from_millis(1));
            assert_ne!(clock.now(&freshness), first);
        });
        assert!(freshness.is_watched(), "as before");
        let back = clock.now(&freshness);
        std::thread::sleep(Duration::from_millis(1));
        assert_eq!(clock.now(&freshness), back, "and bursts share readings again");
    }
}
