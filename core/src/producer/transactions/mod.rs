//! Transactions, as far as the producer keeps them itself (`TransactionManager`, KIP-98, KIP-360, KIP-447, KIP-890).
//!
//! Knows what to ask whom, in which order, and what an answer means for the program's calls; neither sends anything nor
//! touches a batch. Two protocols: with the first, partitions and groups are added to a transaction by requests of the
//! producer's own, and a new epoch is asked for only after errors; with the second (`transaction.version` 2) whoever is
//! written to adds itself, and the end of every transaction brings a new epoch.

mod answers;
mod calls;
mod requests;
mod state;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::error::{ErrorCode, IllegalCall, ProducerError, TransactionCall, TransactionError, TransactionPhase};
use crate::ids::{BrokerAddress, NodeId, ProducerIdentity};
use crate::protocol::ApiKey;

use super::topics::PartitionRef;

pub(super) use self::answers::{Granted, PartitionAnswer};
use self::requests::Queue;
pub(super) use self::requests::{Coordinator, Pending, Query};
pub use self::requests::{GroupMember, Offsets};
use self::state::{TransactionSignal, TransactionState};

/// Exceptions of a record or batch after which the producer cannot go on (`maybeTransitionToErrorState`).
const FATAL: [&str; 5] = [
    "ClusterAuthorizationException",
    "TransactionalIdAuthorizationException",
    "ProducerFencedException",
    "UnsupportedVersionException",
    "InvalidPidMappingException",
];

/// Is this, of a record or batch, an error after which the producer cannot go on?
pub(super) fn is_fatal(error: &ProducerError) -> bool {
    FATAL.contains(&error.java_class())
}

/// The name of a call that waits for its outcome.
pub(super) type CallNumber = u64;

/// A broker that coordinates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CoordinatorNode {
    pub(super) node: NodeId,
    pub(super) address: BrokerAddress,
}

#[derive(Clone, Debug)]
struct Call {
    number: CallNumber,
    /// The question with which it began.
    awaited: ApiKey,
    /// So many wait for it: who makes the same call again while it is under way waits for the same outcome.
    waiting: u32,
    outcome: Option<Result<(), ProducerError>>,
}

/// The transactions of one producer.
#[derive(Clone, Debug)]
pub(super) struct Transactions {
    id: Arc<str>,
    state: TransactionState,
    identity: Option<ProducerIdentity>,
    queue: Queue,
    in_flight: Option<Pending>,
    coordinator: Option<CoordinatorNode>,
    group_coordinator: Option<CoordinatorNode>,
    /// Written to, and not asked for yet (protocol 1).
    new_partitions: BTreeSet<PartitionRef>,
    /// Asked for.
    pending_partitions: BTreeSet<PartitionRef>,
    /// Part of the transaction.
    partitions: BTreeSet<PartitionRef>,
    /// Offsets that are not committed yet.
    pending_offsets: Offsets,
    /// Does the coordinator have anything to end?
    started: bool,
    /// Must the end of this transaction be followed by a request for a new epoch?
    bump_required: bool,
    /// Does the coordinator speak InitProducerId 3 (KIP-360)?
    coordinator_can_bump: bool,
    /// Protocol 2?
    is_v2: bool,
    /// A question was not asked because of an error before it.
    has_failed: bool,
    calls: Vec<Call>,
    next_call: CallNumber,
    /// The call that changed the state and whose outcome the program has not taken yet.
    pending_transition: Option<(CallNumber, TransactionCall)>,
}

impl Transactions {
    pub(super) fn new(id: Arc<str>) -> Self {
        Self {
            id,
            state: TransactionState::Uninitialized,
            identity: None,
            queue: Queue::default(),
            in_flight: None,
            coordinator: None,
            group_coordinator: None,
            new_partitions: BTreeSet::new(),
            pending_partitions: BTreeSet::new(),
            partitions: BTreeSet::new(),
            pending_offsets: Vec::new(),
            started: false,
            bump_required: false,
            coordinator_can_bump: false,
            is_v2: false,
            has_failed: false,
            calls: Vec::new(),
            next_call: 0,
            pending_transition: None,
        }
    }

    // What the program calls.

    /// What became of a call; `None`: not known yet. Taken once by each that waits for it: with the first, the next call may
    /// come (`TransactionalRequestResult.isAcked`).
    pub(super) fn take_outcome(&mut self, number: CallNumber) -> Option<Result<(), ProducerError>> {
        let outcome = self.calls.iter().find(|call| call.number == number)?.outcome.clone()?;
        self.pending_transition = self.pending_transition.filter(|&(pending, _)| pending != number);
        self.stop_waiting(number);
        Some(outcome)
    }

    /// The question with which a call began; `None`: nobody waits for it.
    pub(super) fn awaited(&self, number: CallNumber) -> Option<ApiKey> {
        self.calls.iter().find(|call| call.number == number).map(|call| call.awaited)
    }

    /// One of those that wait for a call waits no more.
    pub(super) fn stop_waiting(&mut self, number: CallNumber) {
        let pending = self.pending_transition.map(|(pending, _)| pending);
        let Some(place) = self.calls.iter().position(|call| call.number == number) else { return };
        let call = &mut self.calls[place];
        call.waiting = call.waiting.saturating_sub(1);
        // Whoever makes a call again that changes the state is to find what became of it.
        if call.waiting == 0 && pending != Some(number) {
            self.calls.remove(place);
        }
    }

    /// The producer is closed: no call waits any longer. By force, what was still to be asked is a fatal error.
    pub(super) fn shut(&mut self, by_force: bool) {
        let waiting = self.queue.drain();
        if by_force && !waiting.is_empty() {
            self.signal(TransactionSignal::Fatal(TransactionError::ShutDown.into()));
        }
        for pending in waiting.into_iter().chain(self.in_flight.take()) {
            self.settle(pending.call, Err(TransactionError::ShutDown.into()));
        }
        self.settle(self.pending_transition.map(|(number, _)| number), Err(TransactionError::ShutDown.into()));
    }

    // What the sender asks.

    pub(super) fn transactional_id(&self) -> &Arc<str> {
        &self.id
    }

    pub(super) fn phase(&self) -> TransactionPhase {
        self.state.phase()
    }

    pub(super) fn is_v2(&self) -> bool {
        self.is_v2
    }

    /// `COMMITTING_TRANSACTION` or `ABORTING_TRANSACTION`.
    pub(super) fn is_completing(&self) -> bool {
        matches!(self.state, TransactionState::Committing | TransactionState::Aborting)
    }

    /// Something to end before the producer may be closed.
    pub(super) fn is_ongoing(&self) -> bool {
        self.is_completing()
            || matches!(self.state, TransactionState::InTransaction | TransactionState::AbortableError(_))
    }

    pub(super) fn has_requests(&self) -> bool {
        !self.queue.is_empty() || self.in_flight.is_some()
    }

    pub(super) fn fatal_error(&self) -> Option<&ProducerError> {
        self.state.error().filter(|_| self.phase() == TransactionPhase::FatalError)
    }

    /// Why batches that have not left must fail; `None`: they need not.
    pub(super) fn undrained_must_fail(&self) -> Option<ProducerError> {
        match &self.state {
            TransactionState::AbortableError(error) => Some(error.clone()),
            TransactionState::Aborting => Some(TransactionError::Aborted.into()),
            _ => None,
        }
    }

    /// May a batch of this partition leave (`isSendToPartitionAllowed`)?
    pub(super) fn may_send(&self, partition: PartitionRef) -> bool {
        self.phase() != TransactionPhase::FatalError && self.partitions.contains(&partition)
    }

    /// A question is out: nothing else is done until it is answered.
    pub(super) fn is_waiting_for_answer(&self) -> bool {
        self.in_flight.is_some()
    }

    /// Was the last question not asked because of an error before it?
    pub(super) fn take_has_failed(&mut self) -> bool {
        core::mem::take(&mut self.has_failed)
    }

    /// Is there a question that has its turn and could not be sent yet?
    pub(super) fn has_current(&self) -> bool {
        self.queue.has_current()
    }

    /// Does the question that has its turn wait for a connection?
    pub(super) fn awaits_a_broker(&self) -> bool {
        self.queue.awaits_a_broker()
    }

    /// The question that has its turn and could not be sent yet.
    pub(super) fn take_current(&mut self) -> Option<Pending> {
        self.queue.take_current()
    }

    /// The next question (`nextRequest`). It is out of the queue, and must be [sent](Self::on_sent),
    /// [put back](Self::put_back) or [repeated](Self::repeat).
    pub(super) fn next(&mut self, has_incomplete_batches: bool) -> Option<Pending> {
        self.ask_for_new_partitions();
        let first = self.queue.first()?;
        let is_end = matches!(first.query, Query::EndTxn { .. });
        // Not before every batch has met its fate.
        if is_end && has_incomplete_batches {
            return None;
        }
        let first = self.queue.pop()?;
        if let Some(error) = self.state.error().cloned() {
            let is_harmless =
                matches!((&first.query, self.phase()), (Query::FindCoordinator(_), TransactionPhase::AbortableError));
            if !is_harmless {
                self.settle(first.call, Err(error));
                self.has_failed = true;
                return None;
            }
        }
        if is_end && !self.started {
            self.settle(first.call, Ok(()));
            self.ended();
            return self.queue.pop();
        }
        Some(first)
    }

    /// It was sent.
    pub(super) fn on_sent(&mut self, pending: Pending) {
        self.in_flight = Some(pending);
    }

    /// It could not be sent yet and keeps its turn.
    pub(super) fn put_back(&mut self, pending: Pending) {
        self.queue.put_back(pending);
    }

    /// Where its coordinator is, as far as is known.
    pub(super) fn node_of(&self, coordinator: &Coordinator) -> Option<&CoordinatorNode> {
        match coordinator {
            Coordinator::Transaction => self.coordinator.as_ref(),
            Coordinator::Group(_) => self.group_coordinator.as_ref(),
        }
    }

    /// Its coordinator is not known, or cannot be reached: that is found out first.
    pub(super) fn find_coordinator_for(&mut self, pending: Pending) {
        if let Some(coordinator) = pending.query.coordinator() {
            self.look_up(coordinator);
        }
        self.repeat(pending);
    }

    /// The transaction's coordinator is connected and speaks InitProducerId up to this version.
    pub(super) fn on_coordinator_ready(&mut self, init_producer_id_max: Option<i16>) {
        self.coordinator_can_bump = init_producer_id_max.is_some_and(|max| max >= 3);
    }

    /// Which protocol is spoken from the next transaction on: what brokers say of the cluster's feature
    /// `transaction.version` (KIP-584, `maybeUpdateTransactionV2Enabled`).
    pub(super) fn on_transaction_version(&mut self, level: i16, while_initialising: bool) {
        let was_v2 = core::mem::replace(&mut self.is_v2, level >= 2);
        // Partitions of the last transaction of protocol 1 must not be taken for members of the first of protocol 2.
        self.bump_required |= self.is_v2 && !was_v2 && !while_initialising;
    }

    // What batches tell.

    /// A batch failed with an error (`maybeTransitionToErrorState`).
    pub(super) fn on_batch_failed(&mut self, error: &ProducerError) {
        let signal = self.signal_of(error);
        match signal {
            TransactionSignal::Fatal(error) => self.fatal(error),
            signal => self.signal(signal),
        }
    }

    /// `send` refused a record with an error of its future's.
    ///
    /// # Errors
    /// There is no transaction that could fail; this is thrown instead of the error.
    pub(super) fn on_send_refused(&mut self, error: &ProducerError) -> Result<(), ProducerError> {
        match self.signal_of(error) {
            TransactionSignal::Fatal(error) => {
                self.fatal(error);
                Ok(())
            }
            signal => self.signal_by_call(signal),
        }
    }

    /// What an error of one record or batch means for the whole transaction.
    fn signal_of(&mut self, error: &ProducerError) -> TransactionSignal {
        let class = error.java_class();
        if is_fatal(error) {
            return TransactionSignal::Fatal(error.clone());
        }
        if self.bumps_by_itself() && !self.is_completing() {
            self.bump_required = true;
        }
        let is_exhausted = error.is_retriable() || class == "InvalidTxnStateException";
        TransactionSignal::Abortable(match error.clone() {
            error if is_exhausted => TransactionError::RetriesExhausted(Box::new(error)).into(),
            error => error,
        })
    }

    /// Batches were given up whose fate is not known (`maybeResolveSequences`).
    pub(super) fn on_unresolved(&mut self) {
        let can_abort = self.can_recover();
        let error = TransactionError::Unacknowledged { can_abort }.into();
        if can_abort {
            self.bump_required |= self.bumps_by_itself();
            self.abortable(error);
        } else {
            self.fatal(error);
        }
    }

    /// The right to a producer id was refused: every call fails, and the program may ask again
    /// (`Sender.shouldHandleAuthorizationError`). `None`: that is not what is wrong.
    pub(super) fn take_refusal_of_rights(&mut self) -> Option<ProducerError> {
        let TransactionState::AbortableError(error) = &self.state else { return None };
        let is_about_rights = matches!(
            error,
            ProducerError::Broker {
                code: ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED | ErrorCode::CLUSTER_AUTHORIZATION_FAILED,
                ..
            }
        );
        if !is_about_rights {
            return None;
        }
        let error = error.clone();
        // They fail and keep their turn: an end that waits is still one (`failPendingRequests`).
        for call in self.queue.calls() {
            self.settle(call, Err(error.clone()));
        }
        self.signal(TransactionSignal::IdRefused);
        self.settle(self.pending_transition.map(|(number, _)| number), Err(error.clone()));
        Some(error)
    }

    // Below: what the above is made of.

    /// A signal of the program's: one that does not fit is its mistake and changes nothing.
    fn signal_by_call(&mut self, signal: TransactionSignal) -> Result<(), ProducerError> {
        match self.state.after(signal) {
            Ok(state) => {
                self.state = state;
                Ok(())
            }
            Err(state::IllegalTransition { from, to }) => {
                Err(illegal(IllegalCall::Transition { transactional_id: Arc::clone(&self.id), from, to }))
            }
        }
    }

    /// A signal of the sender's: after one that does not fit nothing can be relied on any more.
    fn signal(&mut self, signal: TransactionSignal) {
        if let Err(error) = self.signal_by_call(signal) {
            self.state = TransactionState::Fatal(error);
        }
    }

    fn abortable(&mut self, error: ProducerError) {
        self.signal(TransactionSignal::Abortable(error));
    }

    fn fatal(&mut self, error: ProducerError) {
        self.signal(TransactionSignal::Fatal(error.clone()));
        self.settle(self.pending_transition.map(|(number, _)| number), Err(error));
    }

    /// Queues a question for a call of the program.
    fn ask(&mut self, query: Query) -> CallNumber {
        let number = self.next_call;
        self.next_call += 1;
        self.calls.push(Call { number, awaited: query.api(), waiting: 1, outcome: None });
        self.queue.push(Pending::new(query, Some(number)));
        number
    }

    fn ask_for_nobody(&mut self, query: Query) {
        self.queue.push(Pending::new(query, None));
    }

    /// It is asked once more, after a pause.
    pub(super) fn repeat(&mut self, pending: Pending) {
        self.queue.push(Pending {
            is_retry: true,
            has_looked: false,
            not_before: None,
            awaited_until: None,
            ..pending
        });
    }

    fn look_up(&mut self, coordinator: Coordinator) {
        match coordinator {
            Coordinator::Transaction => self.coordinator = None,
            Coordinator::Group(_) => self.group_coordinator = None,
        }
        self.ask_for_nobody(Query::FindCoordinator(coordinator));
    }

    /// The first word counts: a call that has an outcome keeps it.
    fn settle(&mut self, number: Option<CallNumber>, outcome: Result<(), ProducerError>) {
        let call = self.calls.iter_mut().find(|call| Some(call.number) == number);
        if let Some(call) = call
            && call.outcome.is_none()
        {
            call.outcome = Some(outcome);
        }
    }

    fn ask_for_new_partitions(&mut self) {
        let Some(identity) = self.identity.filter(|_| !self.new_partitions.is_empty()) else { return };
        self.pending_partitions.append(&mut self.new_partitions);
        let partitions = self.pending_partitions.iter().copied().collect();
        self.ask_for_nobody(Query::AddPartitions { identity, partitions });
    }

    /// Where no id was ever granted, since an abort made up for its refusal, questions are asked in nobody's name: only
    /// `send` looks for an id (`maybeAddPartition`).
    fn identity_on_the_wire(&self) -> ProducerIdentity {
        self.identity.unwrap_or(ProducerIdentity::NONE)
    }

    fn commit_offsets(&mut self, identity: ProducerIdentity, offsets: Offsets, member: GroupMember) -> Query {
        for offset in offsets {
            self.pending_offsets.retain(|(topic, partition, _)| (topic, *partition) != (&offset.0, offset.1));
            self.pending_offsets.push(offset);
        }
        let offsets = self.pending_offsets.clone();
        Query::CommitOffsets { identity, offsets, member, adds_itself: self.is_v2 }
    }

    /// Queues the end of the transaction (`beginCompletingTransaction`).
    fn end(&mut self, committed: bool, transaction_version: i16) -> Result<CallNumber, ProducerError> {
        self.ask_for_new_partitions();
        let identity = self.identity_on_the_wire();
        let end = Query::EndTxn { identity, committed, bumps_epoch: self.is_v2 };
        // The transaction ends with the protocol it began with, whatever the cluster says by now.
        self.on_transaction_version(transaction_version, false);
        if self.bump_required {
            // Who ends it waits for the epoch, and nobody for the end itself.
            self.ask_for_nobody(end);
            if self.identity.is_none() {
                // Without an id it is the first that is asked for, and before the end, which then fits no longer: the
                // Java client tells the two questions apart by the id that it has (`initializeTransactions`).
                self.signal_by_call(TransactionSignal::Initialize)?;
            }
            return Ok(self.ask(Query::InitProducerId { bump: self.identity }));
        }
        Ok(self.ask(end))
    }

    /// Nothing is left of the transaction (`resetTransactionState`).
    fn ended(&mut self) {
        let bump = core::mem::take(&mut self.bump_required);
        self.signal(TransactionSignal::Ended { bump });
        self.started = false;
        self.new_partitions.clear();
        self.pending_partitions.clear();
        self.partitions.clear();
    }

    /// Is a new epoch ours to ask for (`needToTriggerEpochBumpFromClient`)?
    fn bumps_by_itself(&self) -> bool {
        self.coordinator_can_bump && !self.is_v2
    }

    /// Can an abort heal an error (`canHandleAbortableError`)?
    fn can_recover(&self) -> bool {
        self.coordinator_can_bump || self.is_v2
    }
}

fn illegal(call: IllegalCall) -> ProducerError {
    TransactionError::Illegal(call).into()
}
