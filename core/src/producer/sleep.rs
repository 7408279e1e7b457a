//! The sender's sleep before a question is asked once more (`Sender.maybeSendAndPollTransactionalRequest`).
//!
//! The Java client's I/O thread sleeps for `retry.backoff.ms`: meanwhile it sends nothing, loses patience with nobody, and is
//! deaf. What arrives is heard in the rounds after that, one thing of each connection in a round, as its selector has it.

use std::collections::{BTreeSet, VecDeque};

use crate::io::{Input, WaitReason};
use crate::time::Instant;
use crate::trace::Observer;

use super::Producer;

/// Until when, and what arrived meanwhile.
#[derive(Clone, Debug, Default)]
pub(super) struct Sleep {
    until: Option<Instant>,
    /// Bounded by the requests that are out and the connections that are made.
    unheard: VecDeque<Input>,
}

impl Sleep {
    /// When it ends, if it has not.
    pub(super) fn ends(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|&until| until > now)
    }

    /// Gives an input back that can be heard now; keeps it, behind those that arrived before, if it cannot.
    pub(super) fn pass_on(&mut self, now: Instant, input: Input) -> Option<Input> {
        if self.ends(now).is_none() && self.unheard.is_empty() {
            return Some(input);
        }
        if input != Input::Wake {
            self.unheard.push_back(input);
        }
        None
    }

    /// The oldest of each connection: answers, then ends, then beginnings.
    fn take_next(&mut self) -> Vec<Input> {
        let mut connections = BTreeSet::new();
        let kept = core::mem::take(&mut self.unheard).into_iter();
        let (mut next, later): (Vec<_>, Vec<_>) = kept.partition(|input| connections.insert(input.connection()));
        self.unheard = later.into();
        next.sort_by_key(|input| match input {
            Input::Wake | Input::Stalled { .. } | Input::Written { .. } | Input::Received { .. } => 0,
            Input::Disconnected { .. } => 1,
            Input::Connected { .. } => 2,
        });
        next
    }
}

impl<O: Observer> Producer<O> {
    /// The pause before a question is asked once more.
    pub(super) fn sleep_until(&mut self, until: Instant) {
        self.sleep.until = Some(until);
        self.wake_by(Some((until, WaitReason::RetryBackoff)));
    }

    pub(super) fn is_asleep(&self, now: Instant) -> bool {
        self.sleep.ends(now).is_some()
    }

    /// Awake again, hears what it slept through.
    pub(super) fn hear_what_was_missed(&mut self, now: Instant) {
        if self.sleep.unheard.is_empty() || self.is_asleep(now) {
            return;
        }
        for input in self.sleep.take_next() {
            self.hear(now, input);
        }
    }
}
