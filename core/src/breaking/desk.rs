//! The search in messages, for a worker beside a page.
//!
//! ```text
//! page                          worker
//!  │── Start(question) ────────► │ handle(order, go_on) ──► Underway | Refused
//!  │ ◄───────────── Underway ─── │
//!  │── GoOn ───────────────────► │ plays worlds while go_on() says so ──► Underway … Done
//!  │── Cancel ─────────────────► │ ──► Cancelled
//! ```
//!
//! A worker reads its messages between two slices: it answers each order with one answer, and sends itself `GoOn` for as long
//! as the answer is [`Answer::Underway`].

use serde::{Deserialize, Serialize};

use super::question::Question;
use super::report::Report;
use super::search::{Progress, Search, Task};
use crate::codecs::Codecs;
use crate::config::ConfigError;

/// What a page asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Order {
    /// A new search; one that is under way is dropped.
    Start(Box<Question>),
    /// The next slice of it.
    GoOn,
    /// No more of it.
    Cancel,
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// The Java client refuses the configuration, with these words.
    Refused(ConfigError),
    /// It is not over.
    Underway {
        /// How far it is.
        progress: Progress,
        /// What is known, if there is news: a counterexample, or what a change came to.
        report: Option<Box<Report>>,
    },
    /// It is over.
    Done(Box<Report>),
    /// There is no search.
    Cancelled,
}

/// Where a worker keeps its search.
#[derive(Debug, Default)]
pub struct Desk {
    search: Option<Search>,
    codecs: Option<&'static dyn Codecs>,
    told: Option<Task>,
}

impl Desk {
    /// A desk whose worlds compress with these codecs, where this build has none of its own.
    pub fn with_codecs(codecs: &'static dyn Codecs) -> Self {
        Self { codecs: Some(codecs), ..Self::default() }
    }

    /// Does as it is told. A slice is at least one world, and goes on for as long as `go_on` says so: it is asked before each
    /// further world, a fraction of a millisecond to a few, and would look at a clock.
    pub fn handle(&mut self, order: Order, go_on: &mut dyn FnMut() -> bool) -> Answer {
        match order {
            Order::Start(question) => match Search::new(*question, self.codecs) {
                Err(error) => {
                    self.search = None;
                    return Answer::Refused(error);
                }
                Ok(search) => (self.search, self.told) = (Some(search), Some(Task::Looking)),
            },
            Order::Cancel => self.search = None,
            Order::GoOn => {}
        }
        let Some(search) = &mut self.search else { return Answer::Cancelled };
        loop {
            let progress = search.advance(1);
            if progress.task == Task::Done {
                return match self.search.take() {
                    Some(search) => Answer::Done(Box::new(search.into_report())),
                    None => Answer::Cancelled,
                };
            }
            if !go_on() {
                let has_news = self.told.replace(progress.task) != Some(progress.task);
                let report = has_news.then(|| Box::new(search.report().clone()));
                return Answer::Underway { progress, report };
            }
        }
    }
}
