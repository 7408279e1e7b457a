//! One transactional id: its producer's id and epochs, and what belongs to its transaction (`TransactionMetadata`,
//! `TransactionCoordinator`).
//!
//! *Models*: partitions and groups that join; epochs that grow with InitProducerId, with the end of a transaction in
//! protocol 2, and to fence; a new id when they are used up; repeated requests that get the answer of the first. *Leaves
//! out*: the record that Kafka writes for each step, so that no step is ever half written.

use core::time::Duration;
use std::sync::Arc;

use super::ProducerIds;
use super::state::{Outcome, Signal, State};
use crate::error::ErrorCode;
use crate::ids::{NodeId, ProducerIdentity, TopicPartition};
use crate::time::Instant;

/// `RecordBatch.NO_PRODUCER_EPOCH`.
const NO_EPOCH: i16 = -1;
/// The last epoch a client is given; the one above is left for the coordinator, to fence it
/// (`TransactionMetadata.isEpochExhausted`).
const LAST_EPOCH: i16 = i16::MAX - 1;

/// What takes part in a transaction.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cluster) enum Participant {
    /// A partition that is written to.
    Partition(TopicPartition),
    /// The offsets of a group; in Kafka a partition of `__consumer_offsets`.
    Offsets(Arc<str>),
}

/// A marker that followers have to fetch.
#[derive(Clone, Debug)]
pub(super) struct WrittenMarker {
    pub(super) partition: TopicPartition,
    pub(super) leader: NodeId,
    pub(super) leader_epoch: i32,
    /// The high watermark that has to be reached.
    pub(super) required_offset: i64,
}

/// How a client takes part (`TransactionVersion`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cluster) enum Protocol {
    /// KIP-98: the client adds partitions, and an end keeps the epoch.
    One,
    /// KIP-890: leaders add partitions, and every end raises the epoch, so that nothing late can fall into the next
    /// transaction.
    Two,
}

/// A transactional id at its coordinator.
#[derive(Clone, Debug)]
pub(super) struct Transaction {
    pub(super) state: State,
    /// The epoch is −1 until the first producer has been given it.
    pub(super) identity: ProducerIdentity,
    /// The epoch before the last rise, by which a repeated request is known; −1: none.
    last_epoch: i16,
    /// The id before the last change of state.
    previous_id: i64,
    /// The id that follows when markers are written, where epochs were used up.
    next_id: Option<i64>,
    timeout: Duration,
    started: Instant,
    /// The last change of state.
    updated: Instant,
    /// Those that do not know the end yet; in order, each once.
    pub(super) participants: Vec<Participant>,
    /// Markers that a leader has written and that may still be lost.
    pub(super) markers: Vec<WrittenMarker>,
}

impl Transaction {
    /// A new id, without a producer yet.
    pub(super) fn new(producer_id: i64, now: Instant) -> Self {
        Self {
            state: State::Empty,
            identity: ProducerIdentity { id: producer_id, epoch: NO_EPOCH },
            last_epoch: NO_EPOCH,
            previous_id: -1,
            next_id: None,
            timeout: Duration::ZERO,
            started: now,
            updated: now,
            participants: Vec::new(),
            markers: Vec::new(),
        }
    }

    /// When it is too old, if it is open.
    pub(super) fn expires(&self) -> Option<Instant> {
        (self.state == State::Ongoing).then(|| self.started + self.timeout)
    }

    /// Has nobody used it for so long?
    pub(super) fn is_idle_for(&self, now: Instant, expiration: Duration) -> bool {
        self.updated + expiration <= now && self.state.after(Signal::Expired).is_ok()
    }

    /// May a producer that says it has this identity have a new one? Any epoch may be given: it is looked at later
    /// (`TransactionCoordinator.prepareInitProducerIdTransit`).
    pub(super) fn knows(&self, expected: ProducerIdentity) -> bool {
        self.identity.epoch == NO_EPOCH
            || expected.id == self.identity.id
            || (expected.id == self.previous_id && expected.epoch >= LAST_EPOCH)
    }

    /// Gives a producer its identity; `expected` is the one it has. An open transaction must have been
    /// [fenced](Self::fence) before.
    pub(super) fn initialize(
        &mut self,
        now: Instant,
        timeout: Duration,
        expected: Option<ProducerIdentity>,
        ids: &mut ProducerIds,
    ) -> Result<ProducerIdentity, ErrorCode> {
        let state = self.state.after(Signal::Initialized)?;
        let ProducerIdentity { id, epoch } = self.identity;
        let raised = ProducerIdentity { id, epoch: epoch.saturating_add(1) };
        let (identity, last_epoch) = match expected {
            _ if epoch >= LAST_EPOCH && expected.is_none_or(|expected| expected.epoch == epoch) => {
                (ProducerIdentity { id: ids.next(), epoch: 0 }, if expected.is_some() { epoch } else { NO_EPOCH })
            }
            // An IllegalStateException there.
            _ if epoch >= LAST_EPOCH => return Err(ErrorCode::UNKNOWN_SERVER_ERROR),
            None => (raised, NO_EPOCH),
            Some(expected) if epoch == NO_EPOCH || expected.epoch == epoch => (raised, epoch),
            // It asked before, and the answer was lost.
            Some(expected) if expected.epoch == self.last_epoch => (self.identity, self.last_epoch),
            Some(_) => return Err(ErrorCode::PRODUCER_FENCED),
        };
        self.enter(now, state);
        (self.identity, self.last_epoch, self.timeout) = (identity, last_epoch, timeout);
        Ok(identity)
    }

    /// Lets somebody take part.
    pub(super) fn join(
        &mut self,
        now: Instant,
        identity: ProducerIdentity,
        joining: impl IntoIterator<Item = Participant>,
    ) -> Result<(), ErrorCode> {
        self.check(identity)?;
        let state = self.state.after(Signal::Joined)?;
        if self.state != State::Ongoing {
            self.started = now;
        }
        self.enter(now, state);
        for participant in joining {
            if let Err(place) = self.participants.binary_search(&participant) {
                self.participants.insert(place, participant);
            }
        }
        Ok(())
    }

    /// Does this one take part? (`handleVerifyPartitionsInTransaction`)
    pub(super) fn verify(&self, identity: ProducerIdentity, participant: &Participant) -> Result<(), ErrorCode> {
        self.check(identity)?;
        if self.state.undelivered().is_some() {
            Err(ErrorCode::CONCURRENT_TRANSACTIONS)
        } else if self.participants.binary_search(participant).is_ok() {
            Ok(())
        } else {
            Err(ErrorCode::TRANSACTION_ABORTABLE)
        }
    }

    fn check(&self, identity: ProducerIdentity) -> Result<(), ErrorCode> {
        if identity.id != self.identity.id {
            Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING)
        } else if identity.epoch != self.identity.epoch {
            Err(ErrorCode::PRODUCER_FENCED)
        } else {
            Ok(())
        }
    }

    /// Decides the transaction, as a client asks; markers are to be written then. A repeated request changes nothing.
    pub(super) fn end(
        &mut self,
        now: Instant,
        identity: ProducerIdentity,
        outcome: Outcome,
        protocol: Protocol,
        ids: &mut ProducerIds,
    ) -> Result<(), ErrorCode> {
        let is_done = matches!(
            (self.state, outcome),
            (State::CompleteCommit, Outcome::Commit) | (State::CompleteAbort, Outcome::Abort)
        );
        let is_repeated = match protocol {
            Protocol::One => {
                self.check(identity)?;
                if matches!(self.state, State::Empty | State::CompleteCommit | State::CompleteAbort) && !is_done {
                    return Err(ErrorCode::INVALID_TXN_STATE);
                }
                is_done
            }
            Protocol::Two => {
                let is_repeated = self.is_repeated_end(identity)?;
                if is_repeated && !is_done && self.state.undelivered().is_none() {
                    return Err(ErrorCode::INVALID_TXN_STATE);
                }
                is_repeated && is_done
            }
        };
        if is_repeated {
            return Ok(());
        }
        let state = self.state.after(Signal::Ended(outcome))?;
        // An IllegalArgumentException there. Only brokers of protocol 1 that were asked by a client of protocol 2 lead here.
        if protocol == Protocol::Two && outcome == Outcome::Commit && self.identity.epoch == i16::MAX {
            return Err(ErrorCode::UNKNOWN_SERVER_ERROR);
        }
        self.prepare(now, state, protocol, ids);
        Ok(())
    }

    /// Was this EndTxn of protocol 2 acted upon before? The epoch tells, for it rose then.
    fn is_repeated_end(&self, identity: ProducerIdentity) -> Result<bool, ErrorCode> {
        let current = self.identity;
        let over_a_new_id = self.previous_id == identity.id && identity.epoch == LAST_EPOCH && current.epoch == 0;
        let over_a_rise = Some(current.epoch) == identity.epoch.checked_add(1);
        if identity.id != current.id && !over_a_new_id {
            return Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING);
        }
        let is_current = identity.epoch == current.epoch;
        let is_valid = match self.state {
            State::Ongoing | State::Empty | State::Dead => is_current,
            State::PrepareCommit | State::PrepareAbort => over_a_rise,
            State::CompleteCommit | State::CompleteAbort => over_a_rise || over_a_new_id || is_current,
        };
        if is_valid { Ok(over_a_rise || over_a_new_id) } else { Err(ErrorCode::PRODUCER_FENCED) }
    }

    /// Aborts an open transaction whose producer is not to go on: another one came, or it took too long. The epoch
    /// rises, so that whatever the old producer still sends is refused. It is the brokers' own protocol that counts,
    /// whichever the producer speaks.
    pub(super) fn fence(&mut self, now: Instant, protocol: Protocol, ids: &mut ProducerIds) {
        if self.state == State::Ongoing {
            // It is open, so this is an end.
            if let Ok(state) = self.state.after(Signal::Ended(Outcome::Abort)) {
                self.prepare(now, state, protocol, ids);
                if protocol == Protocol::One {
                    self.identity.epoch = self.identity.epoch.saturating_add(1);
                    // Unlike an end of protocol 2, this is none that the old producer could take for its own.
                    self.last_epoch = NO_EPOCH;
                }
            }
        }
    }

    /// `TransactionMetadata.prepareAbortOrCommit`.
    fn prepare(&mut self, now: Instant, state: State, protocol: Protocol, ids: &mut ProducerIds) {
        self.enter(now, state);
        if protocol == Protocol::Two {
            let epoch = self.identity.epoch;
            self.next_id = (epoch >= LAST_EPOCH).then(|| ids.next());
            self.last_epoch = epoch;
            self.identity.epoch = epoch.saturating_add(1);
        }
    }

    /// What the producer is once all markers are written.
    pub(super) fn identity_afterwards(&self) -> ProducerIdentity {
        self.next_id.map_or(self.identity, |id| ProducerIdentity { id, epoch: 0 })
    }

    /// All markers are written.
    pub(super) fn complete(&mut self, now: Instant) {
        if let Ok(state) = self.state.after(Signal::Written) {
            self.enter(now, state);
            self.identity = self.identity_afterwards();
            self.next_id = None;
        }
    }

    fn enter(&mut self, now: Instant, state: State) {
        (self.state, self.updated, self.previous_id) = (state, now, self.identity.id);
    }
}
