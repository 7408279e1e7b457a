//! The only place that reads a clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use producer_core::time::{self, Now};

use crate::timekeeper;

/// How old a reading may be that [`CachedClock::now`] hands out, where the timekeeper's thread gets its turn in time.
pub(crate) const FRESHNESS: Duration = Duration::from_millis(1);

/// How many calls one reading serves when the timekeeper gets no turn (a machine with more to do than processors).
const CALLS_PER_READING: u32 = 1_024;

/// Tells the core what time it is: microseconds since this clock was made, and the wall clock's milliseconds.
///
/// Clones share their beginning, so that a session's producers, one after the other, live on one time axis.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    source: Source,
    started: Instant,
}

/// Whose instants a clock tells.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// Those of the runtime it is read in: a test that stops the runtime's clock stops the core's with it.
    Runtime,
    /// The machine's, whatever runtime it is read in.
    Machine,
}

impl Source {
    fn instant(self) -> Instant {
        match self {
            Self::Runtime => tokio::time::Instant::now().into_std(),
            Self::Machine => Instant::now(),
        }
    }
}

impl Clock {
    /// A clock that begins now and stands still while that of the runtime it is read in is paused.
    pub fn start() -> Self {
        Self::begin(Source::Runtime)
    }

    /// A clock that begins now and always goes on.
    pub(crate) fn in_real_time() -> Self {
        Self::begin(Source::Machine)
    }

    fn begin(source: Source) -> Self {
        Self { source, started: source.instant() }
    }

    /// Both clocks, read once.
    pub fn now(&self) -> Now {
        let elapsed = self.source.instant().saturating_duration_since(self.started);
        let elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        // A wall clock before 1970 or beyond the year 292 million is nobody's idea of the time; the nearest edge will do.
        let wall_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        Now { elapsed_us, wall_ms: i64::try_from(wall_ms).unwrap_or(i64::MAX) }
    }

    /// Begins to measure how long something takes, to the nanosecond.
    pub(crate) fn stopwatch(&self) -> Stopwatch {
        Stopwatch { source: self.source, since: self.source.instant() }
    }

    /// The instant for a moment of the core, `None` when it lies beyond what the machine can name.
    pub(crate) fn deadline(&self, at: time::Instant) -> Option<Instant> {
        self.started.checked_add(Duration::from_micros(at.as_micros()))
    }

    /// The instant when so much time has passed from now on, `None` when it lies beyond what the machine can name.
    pub(crate) fn after(&self, span: Duration) -> Option<Instant> {
        self.source.instant().checked_add(span)
    }
}

/// Runs since it was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch {
    source: Source,
    since: Instant,
}

impl Stopwatch {
    pub(crate) fn elapsed(self) -> Duration {
        self.source.instant().saturating_duration_since(self.since)
    }

    /// How long it has run; it begins anew.
    pub(crate) fn lap(&mut self) -> Duration {
        let now = self.source.instant();
        now.saturating_duration_since(core::mem::replace(&mut self.since, now))
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::start()
    }
}

/// A clock that a burst of `send` reads once: a reading costs as much as half a `send`.
///
/// While readings are used, the [timekeeper](crate::timekeeper) comes by a little sooner than every [`FRESHNESS`] and declares them
/// stale; after one such span without use it stops coming, and the next use asks for it again. On a machine with more to do than
/// processors it may come late; then a reading ends with its [`CALLS_PER_READING`] uses.
#[derive(Debug)]
pub(crate) struct CachedClock {
    clock: Clock,
    reading: Now,
    uses: u32,
    freshness: Freshness,
}

impl CachedClock {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, reading: clock.now(), uses: 0, freshness: Freshness::default() }
    }

    /// The time, at most [`FRESHNESS`] old if the timekeeper gets its turn in time.
    #[inline]
    pub(crate) fn now(&mut self) -> Now {
        self.uses += 1;
        if self.uses < CALLS_PER_READING && self.freshness.is_fresh() { self.reading } else { self.renew() }
    }

    #[cold]
    fn renew(&mut self) -> Now {
        // First this, then the reading: who declares it stale in between costs one more reading.
        if self.freshness.renew() && !timekeeper::watch(&self.freshness) {
            self.freshness.forget();
        }
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
}

/// Is the reading of a [`CachedClock`] still good? Shared with the timekeeper, who must not wait for a lock, nor make others
/// wait, only to say that time goes on.
///
/// ```text
///               renew (asks for the watch)
///   unwatched ─────────────────────────────► fresh ◄──────┐
///       ▲                                      │ tick      │ renew
///       └──────────────── tick ──────────── stale ────────┘
/// ```
///
/// A tick and a renewal at once do no harm, whichever is later: all they can bring about is one more reading. Only the
/// timekeeper ticks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Freshness(Arc<AtomicU8>);

const UNWATCHED: u8 = 0;
const FRESH: u8 = 1;
const STALE: u8 = 2;

impl Freshness {
    #[inline]
    fn is_fresh(&self) -> bool {
        self.0.load(Relaxed) == FRESH
    }

    /// The clock is read anew. `true`: nobody watches over the reading yet.
    fn renew(&self) -> bool {
        self.0.swap(FRESH, Relaxed) == UNWATCHED
    }

    /// Nobody will watch: no reading is good for a second use.
    fn forget(&self) {
        self.0.store(UNWATCHED, Relaxed);
    }

    /// The timekeeper comes by. `false`: the reading was not used, no need to come again.
    pub(crate) fn tick(&self) -> bool {
        let is_used = self.is_fresh();
        self.0.store(if is_used { STALE } else { UNWATCHED }, Relaxed);
        is_used
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

    /// Nobody does anything with the clock meanwhile, as when a callback of the program takes its time.
    fn wait_until(holds: impl Fn() -> bool) {
        let patience = Instant::now() + Duration::from_secs(60);
        while !holds() {
            assert!(Instant::now() < patience, "the timekeeper does not come");
            std::thread::sleep(FRESHNESS);
        }
    }

    #[test]
    fn a_reading_lasts_until_the_timekeeper_comes_by_and_he_stops_coming_when_it_is_not_used() {
        let mut clock = CachedClock::new(Clock::start());
        let freshness = clock.freshness.clone();
        let first = clock.now();
        wait_until(|| !freshness.is_fresh());
        let second = clock.now();
        assert!(second.elapsed_us > first.elapsed_us, "{first:?}, {second:?}");
        wait_until(|| freshness.0.load(Relaxed) == UNWATCHED);
    }

    #[test]
    fn a_burst_shares_readings() {
        let mut clock = CachedClock::new(Clock::start());
        let is_shared = |_: &u32| {
            clock.now();
            clock.uses > 0
        };
        let shared = (0..1_000).filter(is_shared).count();
        assert!(shared > 500, "{shared} of a thousand calls had another one's reading");
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
        let freshness = Freshness::default();
        assert!(freshness.renew(), "nobody watches yet");
        assert!(!freshness.renew());
        assert!(freshness.tick() && !freshness.is_fresh());
        assert!(!freshness.renew() && freshness.is_fresh(), "still watched");
        assert!(freshness.tick());
        assert!(!freshness.tick(), "unused since");
        assert!(freshness.renew());
    }

    #[test]
    fn without_a_watch_every_use_reads_the_clock() {
        let freshness = Freshness::default();
        assert!(freshness.renew());
        freshness.forget();
        assert!(!freshness.is_fresh() && freshness.renew());
    }

    #[test]
    fn a_burst_never_sees_a_time_before_one_that_the_driver_has_used() {
        let mut clock = CachedClock::new(Clock::start());
        let first = clock.now();
        std::thread::sleep(Duration::from_millis(1));
        let drivers = clock.clock.now();
        clock.set(drivers);
        assert!(clock.now().elapsed_us >= drivers.elapsed_us);
        assert!(drivers.elapsed_us > first.elapsed_us);
    }
}
