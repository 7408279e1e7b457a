//! One producer with its application, as the simulated world drives them.
//!
//! *Models*: the application's thread and the sender's; a sender that is kept busy by a callback, so that the network has
//! to wait for it; a process that stands still for a while (a long collection of garbage) and finds all that has arrived
//! meanwhile; one that ends. *Leaves out*: what the program's own work costs, unless its application says so.

use core::time::Duration;
use std::collections::VecDeque;

use crate::application::Application;
use crate::ids::{ConnectionId, CorrelationId, ProducerIndex};
use crate::io::Input;
use crate::producer::Producer;
use crate::time::Instant;
use crate::trace::Observer;

/// A process with one producer.
#[derive(Clone, Debug)]
pub struct Client<A, O: Observer> {
    pub(super) producer: Producer<O>,
    pub(super) application: A,
    /// Its producer's name in the trace, and the client's in the names of connections.
    pub(super) index: ProducerIndex,
    pub(super) producer_due: Option<Instant>,
    pub(super) application_due: Option<Instant>,
    /// The process stands still until then.
    pub(super) paused_until: Instant,
    /// The sender's thread is in a callback until then.
    pub(super) sender_busy_until: Instant,
    /// What has arrived and not been looked at.
    pub(super) inbox: VecDeque<Input>,
    /// What was written and its producer has not heard of, while it speaks.
    pub(super) written: VecDeque<(ConnectionId, CorrelationId)>,
    pub(super) has_ended: bool,
    /// How far the wall clock of its machine is ahead of the world's, in milliseconds.
    pub(super) clock_offset_ms: i64,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Sender,
    Application,
}

impl<O: Observer, A: Application<O>> Client<A, O> {
    pub(super) fn new(producer: Producer<O>, application: A, index: ProducerIndex, now: Instant) -> Self {
        Self {
            producer,
            application,
            index,
            producer_due: Some(now),
            application_due: Some(now),
            paused_until: now,
            sender_busy_until: now,
            inbox: VecDeque::new(),
            written: VecDeque::new(),
            has_ended: false,
            clock_offset_ms: 0,
        }
    }

    /// Its producer.
    pub fn producer(&self) -> &Producer<O> {
        &self.producer
    }

    /// Its application.
    pub fn application(&self) -> &A {
        &self.application
    }

    /// Has its process ended?
    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Until when its process stands still, if it does at `now`.
    pub fn paused_until(&self, now: Instant) -> Option<Instant> {
        (self.paused_until > now).then_some(self.paused_until)
    }

    /// May the sender's thread do anything now?
    pub(super) fn sender_is_free(&self, now: Instant) -> bool {
        self.sender_free_at() <= now
    }

    fn sender_free_at(&self) -> Instant {
        self.sender_busy_until.max(self.paused_until)
    }

    fn sender_due(&self) -> Option<Instant> {
        let due = if self.inbox.is_empty() { self.producer_due } else { Some(Instant::ZERO) };
        due.map(|due| due.max(self.sender_free_at()))
    }

    fn application_due(&self) -> Option<Instant> {
        self.application_due.map(|due| due.max(self.paused_until))
    }

    /// When it wants its next turn.
    pub(super) fn due(&self) -> Option<Instant> {
        if self.has_ended {
            return None;
        }
        [self.sender_due(), self.application_due()].into_iter().flatten().min()
    }

    /// Whose turn is due by now: the sender's before the application's.
    pub(super) fn turn(&self, now: Instant) -> Option<Turn> {
        let is_due = |due: Option<Instant>| due.is_some_and(|due| due <= now);
        match () {
            () if self.has_ended => None,
            () if is_due(self.sender_due()) => Some(Turn::Sender),
            () if is_due(self.application_due()) => Some(Turn::Application),
            () => None,
        }
    }

    /// A callback took its time.
    pub(super) fn keep_sender_busy(&mut self, now: Instant, by: Duration) {
        self.sender_busy_until = self.sender_busy_until.max(now + by);
        // What it has to say it says afterwards.
        self.producer_due = Some(self.sender_busy_until);
    }
}
