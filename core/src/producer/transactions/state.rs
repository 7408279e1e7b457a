//! Where a transactional producer stands, and the only ways from there (`TransactionManager.State`).
//!
//! ```text
//!  Uninitialized ──init──► Initializing ──id granted──► Ready ──begin──► InTransaction
//!        ▲                    │     ▲                    ▲                │      │
//!        └── no rights yet ───┤     │ epoch to bump      │ ended          │      │
//!                             │     └────────────┬───────┤           commit   abort
//!                             │                  │       │                ▼      ▼
//!                             │                  └── Committing ◄─────────┘  Aborting ◄─┐
//!                             │                          │                              │ abort
//!                             └──────── error ──► AbortableError ◄── error ── InTransaction
//!
//!  Committing, Aborting ── id granted ──► Ready
//!  Committing, Aborting ── init, when the coordinator refused to end the transaction, or an abort without an id ──► Initializing
//!  Uninitialized ── the end of such an abort, when the right to an id was refused again ──► Initializing
//!  Initializing ── the end of the next transaction, right behind that of such an abort ──► Ready
//!
//!  every state ── fatal error, or a signal that does not fit ──► Fatal
//! ```
//!
//! While a transaction is aborted, further errors that ask for an abort change nothing.

use crate::error::{ProducerError, TransactionPhase};

/// Where the producer stands, and why it can go no further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TransactionState {
    Uninitialized,
    Initializing,
    Ready,
    InTransaction,
    Committing,
    Aborting,
    AbortableError(ProducerError),
    Fatal(ProducerError),
}

/// What happens to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TransactionSignal {
    /// `initTransactions`.
    Initialize,
    /// A producer id was granted.
    IdGranted,
    /// The right to have one was not granted.
    IdRefused,
    /// `beginTransaction`.
    Begin,
    /// `commitTransaction`.
    Commit,
    /// `abortTransaction`.
    Abort,
    /// The coordinator has decided, or had nothing to decide.
    Ended {
        /// Must a new epoch be asked for before the next transaction?
        bump: bool,
    },
    /// An error that an abort heals.
    Abortable(ProducerError),
    /// An error that nothing heals.
    Fatal(ProducerError),
}

/// A signal that this state cannot get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IllegalTransition {
    pub(super) from: TransactionPhase,
    pub(super) to: TransactionPhase,
}

impl TransactionSignal {
    /// Where it leads.
    const fn target(&self) -> TransactionPhase {
        match self {
            Self::Initialize | Self::Ended { bump: true } => TransactionPhase::Initializing,
            Self::IdGranted | Self::Ended { bump: false } => TransactionPhase::Ready,
            Self::IdRefused => TransactionPhase::Uninitialized,
            Self::Begin => TransactionPhase::InTransaction,
            Self::Commit => TransactionPhase::Committing,
            Self::Abort => TransactionPhase::Aborting,
            Self::Abortable(_) => TransactionPhase::AbortableError,
            Self::Fatal(_) => TransactionPhase::FatalError,
        }
    }
}

impl TransactionState {
    /// The only place where it changes.
    ///
    /// # Errors
    /// The signal does not fit; the state is as before.
    pub(super) fn after(&self, signal: TransactionSignal) -> Result<Self, IllegalTransition> {
        use {TransactionSignal as Signal, TransactionState as State};
        Ok(match (self, signal) {
            (_, Signal::Fatal(error)) => State::Fatal(error),
            // An end may come to a producer that has no id: it waited behind the question for one, which was refused.
            (
                State::Uninitialized | State::Committing | State::Aborting,
                Signal::Initialize | Signal::Ended { bump: true },
            ) => State::Initializing,
            // An id may be granted to a producer that is still aborting: the coordinator refused to end the transaction,
            // and the new epoch, which was asked for all the same, ends it.
            (
                State::Initializing | State::Committing | State::Aborting,
                // An end may come while an epoch is asked for: the end of an abort without an id waited for batches, and the
                // transaction after it is ended right behind it.
                Signal::IdGranted | Signal::Ended { bump: false },
            ) => State::Ready,
            (State::Ready | State::AbortableError(_), Signal::IdRefused) => State::Uninitialized,
            (State::Ready, Signal::Begin) => State::InTransaction,
            (State::InTransaction, Signal::Commit) => State::Committing,
            (State::InTransaction | State::AbortableError(_), Signal::Abort) => State::Aborting,
            (State::Aborting, Signal::Abortable(_)) => State::Aborting,
            (
                State::InTransaction | State::Committing | State::AbortableError(_) | State::Initializing,
                Signal::Abortable(error),
            ) => State::AbortableError(error),
            (state, signal) => return Err(IllegalTransition { from: state.phase(), to: signal.target() }),
        })
    }

    pub(super) const fn phase(&self) -> TransactionPhase {
        match self {
            Self::Uninitialized => TransactionPhase::Uninitialized,
            Self::Initializing => TransactionPhase::Initializing,
            Self::Ready => TransactionPhase::Ready,
            Self::InTransaction => TransactionPhase::InTransaction,
            Self::Committing => TransactionPhase::Committing,
            Self::Aborting => TransactionPhase::Aborting,
            Self::AbortableError(_) => TransactionPhase::AbortableError,
            Self::Fatal(_) => TransactionPhase::FatalError,
        }
    }

    /// What went wrong last (`lastError`).
    pub(super) const fn error(&self) -> Option<&ProducerError> {
        match self {
            Self::AbortableError(error) | Self::Fatal(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BROKEN: ProducerError = ProducerError::ForceClosed;

    /// All states, in the order of [`TransactionPhase`].
    fn states() -> [TransactionState; 8] {
        use TransactionState as State;
        [
            State::Uninitialized,
            State::Initializing,
            State::Ready,
            State::InTransaction,
            State::Committing,
            State::Aborting,
            State::AbortableError(BROKEN),
            State::Fatal(BROKEN),
        ]
    }

    /// The table of `TransactionManager.State.isTransitionValid`, without two-phase commit: per target its sources.
    #[test]
    fn the_ways_are_those_of_the_java_client() {
        use {TransactionPhase as Phase, TransactionSignal as Signal};
        let ways: [(&[Signal], &[Phase]); 9] = [
            (&[Signal::IdRefused], &[Phase::Ready, Phase::AbortableError]),
            // The program may begin anew where its transaction could not be ended.
            (&[Signal::Initialize], &[Phase::Uninitialized, Phase::Committing, Phase::Aborting]),
            (&[Signal::Ended { bump: true }], &[Phase::Uninitialized, Phase::Committing, Phase::Aborting]),
            (&[Signal::IdGranted], &[Phase::Initializing, Phase::Committing, Phase::Aborting]),
            (&[Signal::Ended { bump: false }], &[Phase::Initializing, Phase::Committing, Phase::Aborting]),
            (&[Signal::Begin], &[Phase::Ready]),
            (&[Signal::Commit], &[Phase::InTransaction]),
            (&[Signal::Abort], &[Phase::InTransaction, Phase::AbortableError]),
            (
                &[Signal::Abortable(BROKEN)],
                // Aborting stays what it is: `transitionToAbortableError` returns before it asks the table.
                &[Phase::Initializing, Phase::InTransaction, Phase::Committing, Phase::Aborting, Phase::AbortableError],
            ),
        ];
        for (signals, sources) in ways {
            let leads_on = |state: &TransactionState| signals.iter().any(|signal| state.after(signal.clone()).is_ok());
            let found: Vec<Phase> =
                states().iter().filter(|state| leads_on(state)).map(TransactionState::phase).collect();
            assert_eq!(found, sources, "{signals:?}");
        }
        assert!(states().iter().all(|state| state.after(Signal::Fatal(BROKEN)).is_ok()));
    }
}
