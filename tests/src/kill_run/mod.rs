//! Programs on the library that send to one Apache Kafka while its brokers are killed: what they send and at which pace,
//! what they were told, and whether that is true.

mod judge;
mod program;
mod show;

pub use self::judge::{Findings, Promise, Upheaval, judge_promise, judge_transactions};
pub use self::program::{Fate, Program, Told, TransactionEnd, Transactions};
pub use self::show::{Killing, Outcome, Shown, run};

/// Where a run stands. Two brokers are killed in it, one after the other, and come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// All brokers are there; programs wait for each other.
    Calm,
    /// All programs send as fast as they can, until a leader is killed.
    FirstVolley,
    /// It is not back yet, or has not caught up.
    FirstKill,
    /// All brokers are back and in sync; programs wait for each other again.
    Healed,
    /// As before the first kill.
    SecondVolley,
    /// As after the first kill.
    SecondKill,
    /// Nothing more will happen.
    Over,
}

/// Of a hundred records, so many have met their fate when all programs are let go for each kill; and the acts that follow:
/// before it, after it, and when the broker has caught up.
const KILLS: [(usize, [Act; 3]); 2] =
    [(10, [Act::FirstVolley, Act::FirstKill, Act::Healed]), (60, [Act::SecondVolley, Act::SecondKill, Act::Over])];

impl Act {
    /// Of a hundred records, how many a program sends as fast as it can until this act ends, and how many at most: those
    /// between go at a pace at which some are always under way.
    const fn quota(self) -> (usize, usize) {
        match self {
            Self::Calm => (12, 12),
            Self::FirstVolley => (40, 40),
            Self::FirstKill => (40, 50),
            Self::Healed => (62, 62),
            Self::SecondVolley => (85, 85),
            Self::SecondKill => (85, 95),
            Self::Over => (100, 100),
        }
    }
}
