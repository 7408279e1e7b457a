//! What a page and the search behind it say to each other. One [`Ask`] gets one [`Told`].
//!
//! They are there for everybody; the search itself is a feature, which a page's first load need not carry. What there is to
//! say of a result is said behind it, in both languages: a page shows it and knows nothing of worlds.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::config::ConfigNotice;
use crate::scenario::{Properties, Words};
use crate::time::Instant;
use crate::trace::TraceEvent;

/// From the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// A new search; one that is under way is dropped.
    Start(Wanted),
    /// The next slice of it.
    GoOn,
}

/// What is asked, in the words that `playground break` takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The configuration, by the Java client's keys.
    pub properties: Properties,
    /// The claim: `stored-once`, `no-send-blocked=250`.
    pub claim: String,
    /// What may go wrong in one world, and at most how often: `cut=1,restart=1`.
    pub faults: String,
    /// How many worlds.
    pub worlds: u32,
    /// Are all worlds played with a change, though one has broken it already?
    pub counts_all: bool,
}

/// To the page.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// How far it is; `None`: there is no search.
    pub progress: Option<Progress>,
    /// What is known, if there is news.
    pub findings: Option<Box<Findings>>,
    /// Why there is none, in the core's words.
    pub refused: Option<String>,
}

/// What a search is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Task {
    /// It looks for a world that breaks the claim.
    Looking,
    /// It makes that world smaller.
    Shrinking,
    /// It counts how many of the other worlds break the claim as well.
    Counting,
    /// It tries a change, by its place among all of them.
    Changing(u32),
    /// It is over.
    Done,
}

/// How far a search is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What it is at.
    pub task: Task,
    /// Worlds done of this task.
    pub done: u32,
    /// Of so many, at most.
    pub of: u32,
    /// Worlds played in all. Whoever has a clock knows how many there are in a second.
    pub played: u64,
    /// Changes there are to try, as far as that is known.
    pub changes: u32,
}

/// What is known so far, as words.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    /// What became of the claim.
    pub verdict: Words,
    /// What else there is to say: what was tried, what no world has, what is broken besides.
    pub notes: Vec<Words>,
    /// The counterexample, if there is one.
    pub found: Option<Found>,
    /// What one-key changes came to.
    pub changes: Vec<Changed>,
}

/// A counterexample.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// What happened, in a line.
    pub title: Words,
    /// The part of an address that opens it one second of watching before the accident.
    pub link: Arc<str>,
    /// The scenario as a file.
    pub file: Arc<str>,
    /// When the scenario begins, in the time of its facts.
    pub begins: Instant,
    /// Where to stand to see the accident, in microseconds of the scenario: a second of watching before.
    pub watch_from_us: u64,
    /// Everything that happens, in order of time.
    pub story: Vec<Step>,
}

/// Something that happens in a counterexample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Step {
    /// What producer and brokers did.
    Fact(TraceEvent),
    /// What was done to them, and what became of brokers.
    Told {
        /// When, in microseconds of the scenario.
        at_us: u64,
        /// Who.
        who: Words,
        /// What.
        what: Words,
        /// Did something go wrong?
        is_trouble: bool,
    },
    /// From here on the claim is broken for good.
    Accident {
        /// When, in microseconds of the scenario: with the last of what broke it.
        at_us: u64,
        /// What is not so any more.
        what: Words,
    },
}

/// What became of a change of one key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Changed {
    /// `key=value`, and behind it what the client demands of other keys.
    pub change: Arc<str>,
    /// Did it help?
    pub state: State,
    /// What it came to.
    pub words: Words,
    /// The Java client's sentence, where it refuses.
    pub refused: Option<Arc<str>>,
    /// What it costs: what the client changes because of it, and what else is broken with it.
    pub notices: Vec<ConfigNotice>,
    /// Other claims that are broken with it alone.
    pub price: Vec<Words>,
}

/// Did a change help?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// It is not known yet.
    Waits,
    /// No world broke the claim.
    Survived,
    /// One did.
    Broken,
    /// The Java client refuses it.
    Refused,
}
