//! *Break my config*: a search for a world in which a configuration does not keep a claim.
//!
//! ```text
//! Question ──draw──► world 0, 1, 2 … ──play, judge──► the first that breaks the claim
//!                                                        │ shrink: fewest records and faults, plainest world
//!                                                        ▼
//!                                                  Counterexample ──each one-key change──► on it, and on all worlds
//! ```
//!
//! A world is a whole [`Scenario`](crate::scenario::Scenario), drawn from the question's seed and the world's number and
//! from nothing else: the same question has the same answer everywhere. A change is tried on the worlds that were drawn
//! around the configuration as it was given, so that its count can be held against the others.
//!
//! What comes out are counts and a counterexample, never a proof: the next world may break what these did not.
//!
//! `Search` goes on step by step, one world a step, and can be dropped at any time: `playground break` drives it, and
//! `web/breaking` for a page, in a worker beside it. What those two say to each other are the [`messages`]. Neither knows a
//! clock: how long to go on is asked of the caller.

#[cfg(feature = "breaking")]
mod accident;
#[cfg(feature = "breaking")]
mod changes;
#[cfg(feature = "breaking")]
mod draw;
#[cfg(feature = "breaking")]
mod faults;
pub mod messages;
#[cfg(feature = "breaking")]
mod question;
#[cfg(feature = "breaking")]
mod report;
#[cfg(feature = "breaking")]
mod search;
#[cfg(feature = "breaking")]
mod story;
#[cfg(all(test, feature = "breaking"))]
mod tests;
#[cfg(feature = "breaking")]
mod trial;
#[cfg(feature = "breaking")]
mod words;

pub use self::messages::{Progress, Task};
#[cfg(feature = "breaking")]
pub use self::{
    changes::Change,
    draw::world,
    faults::{FaultBudget, FaultKind},
    question::{CLAIMS, Question, Surroundings, WordError, claim_named, name_of},
    report::{ChangeReport, Counterexample, Report, Trials, Tried},
    search::Search,
    story::{Happening, story},
    trial::Outcome,
    words::happened,
};
