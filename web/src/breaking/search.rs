//! The search as the page has it: in a worker, which is told to go on for as long as somebody wants it to.

use std::cell::RefCell;
use std::rc::Rc;

use gloo::events::EventListener;
use js_sys::{Array, Function, Reflect, Uint8Array};
use producer_core::breaking::messages::{Ask, Findings, Progress, Task, Told, Wanted};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{MessageEvent, Worker};
use yew::Callback;

use crate::dom;
use crate::shared::Shared;
use crate::source::module::{file_name, reason};

/// Where it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Phase {
    /// Nothing was asked.
    #[default]
    Idle,
    /// Worlds are played.
    Underway,
    /// Somebody stopped it; it could go on.
    Stopped,
    /// It is over.
    Done,
    /// There is nobody to ask, in the browser's words.
    Missing(String),
    /// There is nothing to search, in the core's words.
    Refused(String),
}

/// What the view shows of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct State {
    pub(super) phase: Phase,
    pub(super) progress: Option<Progress>,
    pub(super) findings: Option<Shared<Findings>>,
    /// Worlds that each task takes at most.
    pub(super) worlds: u32,
    /// In a second.
    pub(super) rate: u64,
}

impl State {
    /// Seconds that are left at most, where that can be told.
    pub(super) fn seconds_left(&self) -> Option<u64> {
        let Progress { task, done, of, changes, .. } = self.progress?;
        let later = match task {
            Task::Looking => 0,
            Task::Changing(place) => changes.saturating_sub(place + 1),
            Task::Counting => changes,
            Task::Shrinking | Task::Done => return None,
        };
        let worlds = u64::from(of.saturating_sub(done)) + u64::from(later) * u64::from(self.worlds);
        (self.rate > 0).then(|| worlds.div_ceil(self.rate))
    }
}

struct Inner {
    state: RefCell<State>,
    link: RefCell<Option<Link>>,
    /// Since when it goes on, in milliseconds, and how many worlds were played by then.
    since: RefCell<(f64, u64)>,
    on_state: Callback<State>,
}

/// A worker and those who listen to it; dropped, it ends.
struct Link {
    worker: Worker,
    file: String,
    _listeners: [EventListener; 2],
}

impl Drop for Link {
    fn drop(&mut self) {
        self.worker.terminate();
    }
}

impl Link {
    fn post(&self, ask: &Ask) {
        let bytes = Uint8Array::from(&*postcard::to_allocvec(ask).unwrap_or_default());
        let _ = self.worker.post_message(&Array::of2(&JsValue::from_str(&self.file), &bytes));
    }
}

/// Hands between the view and its worker.
#[derive(Clone)]
pub(super) struct Search(Rc<Inner>);

impl PartialEq for Search {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Search {
    pub(super) fn new(on_state: Callback<State>) -> Self {
        let (state, link, since) = Default::default();
        Self(Rc::new(Inner { state, link, since, on_state }))
    }

    /// A new search; one that is under way is dropped, with its worker.
    pub(super) fn start(&self, wanted: Wanted) {
        self.0.link.take();
        let state = State { phase: Phase::Underway, worlds: wanted.worlds, ..State::default() };
        self.0.state.replace(state);
        self.0.since.replace((dom::now_ms(), 0));
        match self.open() {
            Ok(link) => {
                link.post(&Ask::Start(wanted));
                self.0.link.replace(Some(link));
                self.changed();
            }
            Err(error) => self.fail(reason(&error)),
        }
    }

    /// No more of it, for now.
    pub(super) fn stop(&self) {
        self.0.state.borrow_mut().phase = Phase::Stopped;
        self.changed();
    }

    /// On with what was stopped.
    pub(super) fn go_on(&self) {
        let mut state = self.0.state.borrow_mut();
        state.phase = Phase::Underway;
        let played = state.progress.map_or(0, |progress| progress.played);
        drop(state);
        self.0.since.replace((dom::now_ms(), played));
        if let Some(link) = &*self.0.link.borrow() {
            link.post(&Ask::GoOn);
        }
        self.changed();
    }

    fn open(&self) -> Result<Link, JsValue> {
        let file = file_name("breaking").ok_or("no search was built with this page")?;
        // boot.js makes it: there stands which script it may be.
        let global = js_sys::global();
        let make: Function = Reflect::get(&global, &"playgroundWorker".into())?.dyn_into()?;
        let worker: Worker = make.call0(&JsValue::UNDEFINED)?.dyn_into()?;
        let heard = {
            let search = self.clone();
            EventListener::new(&worker, "message", move |event| {
                if let Some(event) = event.dyn_ref::<MessageEvent>() {
                    search.hear(&event.data());
                }
            })
        };
        let failed = {
            let search = self.clone();
            // Its script could not be had: the event has no words for it.
            EventListener::new(&worker, "error", move |_| search.fail("worker.js".to_owned()))
        };
        Ok(Link { worker, file, _listeners: [heard, failed] })
    }

    fn hear(&self, data: &JsValue) {
        if let Some(why) = data.as_string() {
            return self.fail(why);
        }
        let told = data.dyn_ref::<Uint8Array>().and_then(|bytes| postcard::from_bytes::<Told>(&bytes.to_vec()).ok());
        let Some(Told { progress, findings, refused }) = told else { return self.fail("postcard".to_owned()) };
        let mut state = self.0.state.borrow_mut();
        state.progress = progress;
        if let Some(findings) = findings {
            state.findings = Some(Shared::new(*findings));
        }
        if let Some(progress) = progress {
            let (since_ms, played) = *self.0.since.borrow();
            state.rate = per_second(progress.played.saturating_sub(played), dom::now_ms() - since_ms);
        }
        match (progress, refused) {
            (_, Some(why)) => state.phase = Phase::Refused(why),
            (Some(Progress { task: Task::Done, .. }), None) => state.phase = Phase::Done,
            _ => {}
        }
        let goes_on = state.phase == Phase::Underway;
        drop(state);
        if goes_on && let Some(link) = &*self.0.link.borrow() {
            link.post(&Ask::GoOn);
        }
        self.changed();
    }

    fn fail(&self, why: String) {
        self.0.state.borrow_mut().phase = Phase::Missing(why);
        self.changed();
    }

    fn changed(&self) {
        let state = self.0.state.borrow().clone();
        self.0.on_state.emit(state);
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "far fewer worlds than 2^53, in a positive time"
)]
fn per_second(worlds: u64, ms: f64) -> u64 {
    (worlds as f64 * 1_000.0 / ms.max(1.0)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_counts_the_changes_that_are_still_to_be_tried() {
        let progress = |task, done| Some(Progress { task, done, of: 1_000, played: 5_000, changes: 4 });
        let left = |task, done| {
            State { progress: progress(task, done), worlds: 1_000, rate: 100, ..State::default() }.seconds_left()
        };
        assert_eq!(left(Task::Looking, 500), Some(5));
        assert_eq!(left(Task::Counting, 1_000), Some(40));
        assert_eq!(left(Task::Changing(3), 900), Some(1));
        assert_eq!(left(Task::Shrinking, 9), None);
        assert_eq!(State { rate: 0, progress: progress(Task::Looking, 0), ..State::default() }.seconds_left(), None);
    }
}
