//! Judges of what became of records: they know Kafka's law, and nothing of the producer's code.
//!
//! A [`History`] is what an honest witness could write down outside the producer: which calls a program made and what it
//! was told, what a consumer reads back, and the messages that were overheard on the wire. From it [`Score`] counts,
//! [`judge`] holds it against the 18 invariants, and a [`Claim`](crate::scenario::Claim) is a sentence about it that holds
//! or is broken. Where a law speaks of an algorithm (murmur2, CRC-32C, sequences), the judge has its own.
//!
//! *Leaves out*: consumer groups, offsets of transactions, what a broker keeps to itself.

mod claim;
mod clerk;
mod contents;
mod history;
mod invariants;
mod law;
mod places;
mod reading;
mod score;
mod wire;

#[cfg(feature = "breaking")]
pub(crate) use self::claim::Hearing;
pub use self::claim::{Undecided, Verdict, Witness};
pub use self::clerk::{Clerk, SessionClerk};
pub use self::contents::{Content, Contents};
pub use self::history::{
    Call, CallId, Failure, Fate, History, Key, LeaderSeen, MemorySeen, Metadata, Moment, Place, Stall, Told, Topic,
    Transaction, TransactionEnd, Wait, WaitFor, WaitId,
};
pub use self::invariants::{Departure, IDLE_WAKES_PER_SECOND, Judgement, Spot, Violation, judge};
pub use self::reading::{Damage, Log, Reading, Stored, fetch_request, read_partition};
pub use self::score::{Isolation, Score};
pub use self::wire::{BatchSeen, End, RequestSeen, Wire};

#[cfg(test)]
mod tests;
