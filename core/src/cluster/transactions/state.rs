//! Where a transactional id stands (`TransactionState`).
//!
//! *Models*: the states of a transaction at its coordinator and the ways between them, in one transition function. *Leaves
//! out*: PrepareEpochFence, which is never entered.

use crate::error::ErrorCode;

/// How a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cluster) enum Outcome {
    Commit,
    Abort,
}

/// Where a transactional id stands at its coordinator.
///
/// ```text
///                            ┌───────────── Initialized ────────────────┐
///   Initialized              ▼                                          │
///  ─────────────────────── Empty ─────────────── Expired ───► Dead ◄────┤ Expired
///                          │   │                                        │
///               Joined     │   │ Ended(Abort)                           │
///            ┌─────────────┘   └───────────┐                            │
///            ▼                             ▼             Written        │
///  ┌──────► Ongoing ──Ended(Abort)──► PrepareAbort ───────────────► CompleteAbort ───┐
///  │ Joined │                              ▲                            │            │
///  │        │                              └──────── Ended(Abort) ──────┤            │ Joined
///  │        │                                            Written        │            │
///  │        └────────Ended(Commit)──► PrepareCommit ──────────────► CompleteCommit ──┤
///  └─────────────────────────────────────────────────────────────────────────────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cluster) enum State {
    /// A producer has its id; it has written nothing.
    Empty,
    /// Partitions or a group's offsets belong to the transaction.
    Ongoing,
    /// It is decided to commit; not every partition has its marker.
    PrepareCommit,
    /// It is decided to abort; not every partition has its marker.
    PrepareAbort,
    /// Committed, in every partition.
    CompleteCommit,
    /// Aborted, in every partition.
    CompleteAbort,
    /// Unused for so long that it is forgotten.
    Dead,
}

/// What happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cluster) enum Signal {
    /// A producer asked for its id.
    Initialized,
    /// A partition or a group's offsets joined.
    Joined,
    /// Its end was decided.
    Ended(Outcome),
    /// The last marker was written.
    Written,
    /// Nobody has used it for `transactional.id.expiration.ms`.
    Expired,
}

impl State {
    /// The only place where a transaction changes its state.
    ///
    /// # Errors
    /// What the coordinator answers to a signal that does not fit: CONCURRENT_TRANSACTIONS while markers are on their
    /// way and the client need only come again, else INVALID_TXN_STATE.
    pub(super) fn after(self, signal: Signal) -> Result<Self, ErrorCode> {
        use Outcome::{Abort, Commit};
        use Signal::{Ended, Expired, Initialized, Joined, Written};
        use State::{CompleteAbort, CompleteCommit, Dead, Empty, Ongoing, PrepareAbort, PrepareCommit};
        Ok(match (self, signal) {
            (Empty | CompleteCommit | CompleteAbort, Initialized) => Empty,
            (Empty | Ongoing | CompleteCommit | CompleteAbort, Joined) => Ongoing,
            (Ongoing, Ended(Commit)) => PrepareCommit,
            // A client of protocol 2 that does not know whether anything was written aborts to be sure.
            (Ongoing | Empty | CompleteCommit | CompleteAbort, Ended(Abort)) => PrepareAbort,
            (PrepareCommit, Written) => CompleteCommit,
            (PrepareAbort, Written) => CompleteAbort,
            (Empty | CompleteCommit | CompleteAbort, Expired) => Dead,
            (PrepareCommit | PrepareAbort, Initialized | Joined)
            | (PrepareCommit, Ended(Commit))
            | (PrepareAbort, Ended(Abort)) => return Err(ErrorCode::CONCURRENT_TRANSACTIONS),
            _ => return Err(ErrorCode::INVALID_TXN_STATE),
        })
    }

    /// What was decided, as long as not every partition knows it.
    pub(super) fn undelivered(self) -> Option<Outcome> {
        match self {
            Self::PrepareCommit => Some(Outcome::Commit),
            Self::PrepareAbort => Some(Outcome::Abort),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNALS: [Signal; 6] = [
        Signal::Initialized,
        Signal::Joined,
        Signal::Ended(Outcome::Commit),
        Signal::Ended(Outcome::Abort),
        Signal::Written,
        Signal::Expired,
    ];

    /// `TransactionState.VALID_PREVIOUS_STATES`, without PrepareEpochFence, which is never entered.
    const KAFKAS: [(State, &[State]); 7] = [
        (State::Empty, &[State::Empty, State::CompleteCommit, State::CompleteAbort]),
        (State::Ongoing, &[State::Empty, State::Ongoing, State::CompleteCommit, State::CompleteAbort]),
        (State::PrepareCommit, &[State::Ongoing]),
        (State::PrepareAbort, &[State::Empty, State::Ongoing, State::CompleteCommit, State::CompleteAbort]),
        (State::CompleteCommit, &[State::PrepareCommit]),
        (State::CompleteAbort, &[State::PrepareAbort]),
        (State::Dead, &[State::Empty, State::CompleteCommit, State::CompleteAbort]),
    ];

    #[test]
    fn every_state_is_entered_from_those_that_kafka_names() {
        for (state, previous) in KAFKAS {
            let leads_here = |from: &State| SIGNALS.iter().any(|&signal| from.after(signal) == Ok(state));
            let found: Vec<State> = KAFKAS.map(|(from, _)| from).into_iter().filter(leads_here).collect();
            assert_eq!(found, previous, "{state:?}");
        }
    }
}
