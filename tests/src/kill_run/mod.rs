//! Programs on the library that send to one Apache Kafka while its brokers are killed: what they send and at which pace,
//! what they were told, and whether that is true.

mod judge;
mod program;
mod rupture;
mod show;
mod transactions;

pub use self::judge::{Findings, Promise, Upheaval, judge_promise};
pub use self::program::{Fate, Program, Told, Transaction, TransactionEnd, Transactions};
pub use self::rupture::Rupture;
pub use self::show::{Killing, Outcome, Shown, run};
pub use self::transactions::{Ends, judge_disk, judge_transactions};

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

/// A kill, its places counted in hundredths of the records.
#[derive(Clone, Copy, Debug)]
struct Kill {
    /// All programs are let go when each has heard of so many.
    let_go_at: usize,
    /// The leader dies when the first program has heard of so many: more than any was let send before.
    killed_at: usize,
    /// What comes before it, after it, and when the broker has caught up.
    acts: [Act; 3],
}

const KILLS: [Kill; 2] = [
    Kill { let_go_at: 10, killed_at: 13, acts: [Act::FirstVolley, Act::FirstKill, Act::Healed] },
    Kill { let_go_at: 60, killed_at: 63, acts: [Act::SecondVolley, Act::SecondKill, Act::Over] },
];

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
