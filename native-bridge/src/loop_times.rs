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

use std::sync::{Arc, Mutex, PoisonError};

use producer_core::metrics::LoopTimes;
use tokio::runtime::Builder;

use crate::clock::{Clock, Stopwatch};

/// Who holds this times one thread. That thread alone calls it, so its lock is always free.
#[derive(Debug)]
pub(crate) struct LoopWatch(Mutex<Lap>);

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
        let watch = Arc::new(Self(Mutex::new(lap)));
        let (parked, unparked) = (Arc::clone(&watch), Arc::clone(&watch));
        runtime.on_thread_park(move || _ = parked.begin(Activity::Waiting));
        runtime.on_thread_unpark(move || _ = unparked.begin(Activity::Io));
        watch
    }

    /// A turn begins; gives the times since the one before began.
    pub(crate) fn turn_begins(&self) -> LoopTimes {
        self.begin(Activity::Turn)
    }

    pub(crate) fn turn_ends(&self) {
        self.begin(Activity::Io);
    }

    /// The only place where the activity changes. Gives what has gone on, if the next one is a turn, which tells it.
    fn begin(&self, next: Activity) -> LoopTimes {
        let mut lap = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let took = lap.watch.lap();
        match lap.activity {
            Activity::Waiting => {
                lap.times.selects += 1;
                lap.times.waited += took;
            }
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
