//! The producer's identity: asked for, granted, bumped, lost (KIP-98, KIP-360).
//!
//! ```text
//!    Missing ──asked──► Requested ──granted──► Ready ──bump──► Ready (epoch + 1)
//!       ▲                   │                    │
//!       ├──── failed ───────┘                    │
//!       └──────── bump, epochs used up ──────────┘
//!
//!    every state ── given ────────► Ready
//!    every state ── fatal error ──► Fatal
//! ```
//!
//! A producer with transactions does not ask here: its coordinator gives it one identity after the other.

use crate::error::{ProducerError, TransactionError};
use crate::ids::ProducerIdentity;
use crate::planted::{Defect, planted};

/// Where the identity stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum IdentityState {
    /// None, and none asked for.
    Missing,
    /// Asked for.
    Requested,
    /// Granted.
    Ready(ProducerIdentity),
    /// The producer cannot go on.
    Fatal {
        error: ProducerError,
        /// What it was, if it had been granted.
        identity: Option<ProducerIdentity>,
    },
}

/// What happens to an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum IdentitySignal {
    /// InitProducerId left.
    InitSent,
    /// It was answered.
    InitAnswered(ProducerIdentity),
    /// The end of a transaction, or its coordinator's answer, brought one.
    Given(ProducerIdentity),
    /// It was answered with an error that allows another try, or not at all.
    InitFailed,
    /// Sequences must start afresh.
    EpochBumpNeeded,
    /// An error after which nothing can be sent any more.
    Fatal(ProducerError),
}

/// A signal that this state cannot get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IllegalTransition {
    pub(super) state: IdentityState,
    pub(super) signal: IdentitySignal,
}

impl IdentityState {
    /// The only place where an identity changes state.
    pub(super) fn after(self, signal: IdentitySignal) -> Result<Self, IllegalTransition> {
        use {IdentitySignal as Signal, IdentityState as State};
        Ok(match (self, signal) {
            (fatal @ State::Fatal { .. }, _) => fatal,
            (State::Ready(identity), Signal::Fatal(error)) => State::Fatal { error, identity: Some(identity) },
            (_, Signal::Fatal(error)) => State::Fatal { error, identity: None },
            (_, Signal::Given(identity)) => State::Ready(identity),
            (State::Missing, Signal::InitSent) => State::Requested,
            (State::Requested, Signal::InitAnswered(identity)) => State::Ready(identity),
            (State::Requested, Signal::InitFailed) => State::Missing,
            (State::Ready(identity), Signal::EpochBumpNeeded) => match bumped(identity.epoch) {
                Some(epoch) => State::Ready(ProducerIdentity { epoch, ..identity }),
                None => State::Missing,
            },
            // No epoch to bump: the next id begins at zero anyway.
            (state @ (State::Missing | State::Requested), Signal::EpochBumpNeeded) => state,
            (state, signal) => return Err(IllegalTransition { state, signal }),
        })
    }
}

fn bumped(epoch: i16) -> Option<i16> {
    epoch.checked_add(if planted(Defect::EpochGoesBack) && epoch > 0 { -1 } else { 1 })
}

/// The identity of an idempotent producer, or of one that needs none.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    /// `None`: not idempotent.
    state: Option<IdentityState>,
}

impl Identity {
    pub(super) fn new(is_idempotent: bool) -> Self {
        Self { state: is_idempotent.then_some(IdentityState::Missing) }
    }

    /// Takes a signal. An illegal one is a late answer, for instance: it changes nothing.
    pub(super) fn on(&mut self, signal: IdentitySignal) {
        if let Some(state) = self.state.take() {
            self.state = Some(state.after(signal).unwrap_or_else(|illegal| illegal.state));
        }
    }

    pub(super) fn is_used(&self) -> bool {
        self.state.is_some()
    }

    pub(super) fn is_missing(&self) -> bool {
        self.state == Some(IdentityState::Missing)
    }

    pub(super) fn ready(&self) -> Option<ProducerIdentity> {
        match self.state {
            Some(IdentityState::Ready(identity)) => Some(identity),
            _ => None,
        }
    }

    pub(super) fn fatal_error(&self) -> Option<&ProducerError> {
        match &self.state {
            Some(IdentityState::Fatal { error, .. }) => Some(error),
            _ => None,
        }
    }

    /// What a record is refused with after a fatal error: the error itself, unless the Java client words it anew.
    pub(super) fn refusal(&self) -> Option<ProducerError> {
        let Some(IdentityState::Fatal { error, identity }) = &self.state else { return None };
        Some(match TransactionError::in_the_way(error, None, *identity) {
            TransactionError::InErrorState(first) => *first,
            anew => anew.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use {IdentitySignal as Signal, IdentityState as State};

    const GRANTED: ProducerIdentity = ProducerIdentity { id: 7, epoch: 0 };

    #[test]
    fn an_id_is_asked_for_once_and_bumped_without_asking() {
        let state = State::Missing.after(Signal::InitSent).expect("legal");
        let state = state.after(Signal::InitAnswered(GRANTED)).expect("legal");
        assert_eq!(
            state.after(Signal::EpochBumpNeeded),
            Ok(State::Ready(ProducerIdentity { id: 7, epoch: 1 })),
            "same id, next epoch"
        );
    }

    #[test]
    fn when_the_epochs_are_used_up_a_new_id_is_asked_for() {
        let last = State::Ready(ProducerIdentity { id: 7, epoch: i16::MAX });
        assert_eq!(last.after(Signal::EpochBumpNeeded), Ok(State::Missing));
    }

    #[test]
    fn an_answer_nobody_waits_for_is_illegal() {
        let signal = Signal::InitAnswered(GRANTED);
        let illegal = IllegalTransition { state: State::Missing, signal: signal.clone() };
        assert_eq!(State::Missing.after(signal), Err(illegal));
    }

    #[test]
    fn the_first_fatal_error_stays() {
        let fatal = |timestamp| Signal::Fatal(ProducerError::NegativeTimestamp(timestamp));
        let mut identity = Identity::new(true);
        identity.on(fatal(-1));
        identity.on(fatal(-2));
        identity.on(Signal::InitSent);
        assert_eq!(identity.fatal_error(), Some(&ProducerError::NegativeTimestamp(-1)));
        assert!(!Identity::new(false).is_used());
    }
}
