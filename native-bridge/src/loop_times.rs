//! How a producer's own thread spends its time, measured where the Java client measures its selector's loop.
//!
//! ```text
//!              unpark            a turn begins
//!   waiting ───────────► I/O ◄──────────────────► turn
//!      ▲                  │       and ends
//!      └────── park ──────┘
//! ```
//!
//! Parked, the thread waits for sockets, deadlines and wake-ups, as in `select`. Between two waits it runs the tasks of
//! connections, which read, write, connect and code, and the driver's task. Of the latter the turns are left out: they are the
//! producer's own work and the program's callbacks, which Java's sender does outside of its selector.
//!
//! While tasks are runnable tokio looks at its sockets without parking, and calls neither hook (`park_yield` of its scheduler of
//! one thread). Such a look is no wait, and its time is I/O. The Java client's loop calls `select` in every round; so of a
//! window in which this thread never parked, `select-rate` is 0 and the averages per wait, `io-wait-time-ns-avg` and
//! `io-time-ns-avg`, are NaN as if nothing had been measured, while `io-time-ns-total` and `io-ratio` count on.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use producer_core::metrics::LoopTimes;
use tokio::runtime::Builder;

use crate::clock::{Clock, Stopwatch};

/// Who holds this times one thread. That thread alone calls it, so its lock is always free. Until somebody asks for metrics
/// no clock is read: only the waits are counted.
#[derive(Debug)]
pub(crate) struct LoopWatch {
    is_asked: AtomicBool,
    selects: AtomicU64,
    lap: Mutex<Lap>,
}

/// What goes on, and what has gone on since it was last told.
#[derive(Debug)]
struct Lap {
    activity: Activity,
    watch: Stopwatch,
    times: LoopTimes,
}

#[derive(Clone, Copy, Debug)]
enum Activity {
    Waiting,
    Io,
    Turn,
}

impl LoopWatch {
    /// Times the thread of this runtime, which must be one of a single thread. What comes before the first turn does not
    /// count.
    pub(crate) fn of(runtime: &mut Builder, clock: Clock) -> Arc<Self> {
        let lap = Lap { activity: Activity::Turn, watch: clock.stopwatch(), times: LoopTimes::default() };
        let (is_asked, selects) = (AtomicBool::new(false), AtomicU64::new(0));
        let watch = Arc::new(Self { is_asked, selects, lap: Mutex::new(lap) });
        let (parked, unparked) = (Arc::clone(&watch), Arc::clone(&watch));
        runtime.on_thread_park(move || _ = parked.begin(Activity::Waiting));
        runtime.on_thread_unpark(move || {
            unparked.selects.fetch_add(1, Ordering::Relaxed);
            unparked.begin(Activity::Io);
        });
        watch
    }

    /// Somebody wants to know: from now on times are measured.
    pub(crate) fn ask(&self) {
        if !self.is_asked.load(Ordering::Relaxed) {
            let mut lap = self.lap();
            // What goes on has begun at a time that nobody knows.
            (lap.activity, lap.times) = (Activity::Turn, LoopTimes::default());
            lap.watch.lap();
            self.is_asked.store(true, Ordering::Relaxed);
        }
    }

    fn lap(&self) -> MutexGuard<'_, Lap> {
        self.lap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A turn begins; gives the times since the one before began.
    pub(crate) fn turn_begins(&self) -> LoopTimes {
        let selects = self.selects.swap(0, Ordering::Relaxed);
        LoopTimes { selects, ..self.begin(Activity::Turn) }
    }

    pub(crate) fn turn_ends(&self) {
        self.begin(Activity::Io);
    }

    /// The only place where the activity changes. Gives what has gone on, if the next one is a turn, which tells it.
    fn begin(&self, next: Activity) -> LoopTimes {
        if !self.is_asked.load(Ordering::Relaxed) {
            return LoopTimes::default();
        }
        let mut lap = self.lap();
        let took = lap.watch.lap();
        match lap.activity {
            Activity::Waiting => lap.times.waited += took,
            Activity::Io => lap.times.io += took,
            Activity::Turn => {}
        }
        lap.activity = next;
        match next {
            Activity::Turn => core::mem::take(&mut lap.times),
            Activity::Waiting | Activity::Io => LoopTimes::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    #[test]
    fn waits_are_counted_and_only_timed_once_somebody_asks() {
        let mut builder = Builder::new_current_thread();
        let watch = LoopWatch::of(&mut builder, Clock::start());
        let runtime = builder.enable_time().build().expect("a runtime");
        let nap = Duration::from_millis(20);
        runtime.block_on(async { tokio::time::sleep(nap).await });
        let unasked = watch.turn_begins();
        assert!(unasked.selects > 0);
        assert_eq!((unasked.waited, unasked.io), (Duration::ZERO, Duration::ZERO));
        watch.ask();
        watch.turn_ends();
        runtime.block_on(async { tokio::time::sleep(nap).await });
        let asked = watch.turn_begins();
        assert!(asked.selects > 0 && asked.waited >= nap / 2, "{asked:?}");
    }
}
