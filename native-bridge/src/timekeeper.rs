//! One thread of the process declares readings of clocks stale, while somebody uses them.
//!
//! A producer's own thread cannot: while it runs the program's callbacks it cannot come by, and a `send` on another thread
//! would have to read the clock each time.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::clock::{FRESHNESS, Freshness};

/// How long its thread sleeps between two rounds. A sleep takes at least what it is told and mostly some more: as long as a reading
/// may be old, it would be too long each time. What is left is for the system to wake the thread in.
const PAUSE: Duration = Duration::from_micros(750);
const _: () =
    assert!(PAUSE.as_micros() < FRESHNESS.as_micros(), "a reading would outlive its time whenever nobody is late");

static TIMEKEEPER: Timekeeper =
    Timekeeper { state: Mutex::new(State { is_at_work: false, watched: Vec::new() }), news: Condvar::new() };

struct Timekeeper {
    state: Mutex<State>,
    news: Condvar,
}

struct State {
    /// Its thread is there; it stays as long as the process and sleeps while nothing is watched.
    is_at_work: bool,
    watched: Vec<Freshness>,
}

/// Has readings declared stale from now on, every [`PAUSE`], until they are used no more. `false`: the operating system
/// gives no thread for it.
pub(crate) fn watch(freshness: &Freshness) -> bool {
    let mut state = TIMEKEEPER.lock();
    if !state.is_at_work {
        let thread = thread::Builder::new().name("kafka-producer-clock".to_owned());
        state.is_at_work = thread.spawn(|| TIMEKEEPER.run()).is_ok();
    }
    if state.is_at_work {
        state.watched.push(freshness.clone());
        TIMEKEEPER.news.notify_one();
    }
    state.is_at_work
}

impl Timekeeper {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        loop {
            let state = self.lock();
            let idle = |state: &mut State| state.watched.is_empty();
            drop(self.news.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner));
            thread::sleep(PAUSE);
            self.lock().watched.retain(Freshness::tick);
        }
    }
}
