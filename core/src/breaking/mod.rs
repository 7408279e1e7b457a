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
//! [`Search`] goes on step by step, one world a step, and can be dropped at any time; `playground break` drives it.
//! [`Desk`] is the same in messages, for a worker beside a page; no page has one yet. Neither knows a clock: how long to go
//! on is asked of the caller.

mod accident;
mod changes;
mod desk;
mod draw;
mod faults;
mod question;
mod report;
mod search;
#[cfg(test)]
mod tests;
mod trial;
mod words;

pub use self::changes::Change;
pub use self::desk::{Answer, Desk, Order};
pub use self::draw::world;
pub use self::faults::{FaultBudget, FaultKind};
pub use self::question::{CLAIMS, Question, Surroundings, WordError, claim_named, name_of};
pub use self::report::{ChangeReport, Counterexample, Report, Trials, Tried};
pub use self::search::{Progress, Search, Task};
pub use self::trial::Outcome;
pub use self::words::happened;
