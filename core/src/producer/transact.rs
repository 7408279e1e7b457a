//! Transactions of the producer: the program's calls, and the sender's part in them
//! (`Sender.maybeSendAndPollTransactionalRequest`).

use crate::error::{ErrorCode, IllegalCall, ProducerError, TransactionCall, TransactionError, TransactionPhase};
use crate::ids::NodeId;
use crate::protocol::ApiKey;
use crate::time::{Instant, Now};
use crate::trace::{Fact, Observer};

use super::Producer;
use super::accumulator::BatchSlot;
use super::topics::PartitionRef;
use super::transactions::{CallNumber, GroupMember, Offsets, Transactions};

/// Version of protocol 1: a broker takes it to mean that the client adds partitions itself.
const PRODUCE_V1: i16 = 11;

/// A call that waits for the cluster; see [`Producer::transaction_outcome`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionTicket {
    number: CallNumber,
    call: TransactionCall,
}

impl TransactionTicket {
    /// Which call.
    pub fn call(&self) -> TransactionCall {
        self.call
    }
}

type CallResult = Result<TransactionTicket, ProducerError>;

impl<O: Observer> Producer<O> {
    /// `initTransactions()`: has the coordinator end what another producer with this `transactional.id` left open, and
    /// gets a producer id. Once, before the first transaction.
    ///
    /// # Errors
    /// The call does not fit, or an earlier error stands in the way.
    pub fn init_transactions(&mut self, now: Now) -> CallResult {
        self.call_transactions(now, TransactionCall::Init, |transactions, _| transactions.init())
    }

    /// `beginTransaction()`: what is sent from now on belongs to a transaction. Asks nobody.
    ///
    /// # Errors
    /// As [`init_transactions`](Self::init_transactions).
    pub fn begin_transaction(&mut self, now: Now) -> Result<(), ProducerError> {
        let result = self.transactions_mut()?.begin();
        self.tell_phase(now.instant());
        result
    }

    /// `sendOffsetsToTransaction()`: commits a consumer group's offsets with the transaction. `None`: there are none,
    /// and nothing is to be done.
    ///
    /// # Errors
    /// As [`init_transactions`](Self::init_transactions); and a generation without a member.
    pub fn send_offsets_to_transaction(
        &mut self,
        now: Now,
        offsets: Offsets,
        member: GroupMember,
    ) -> Result<Option<TransactionTicket>, ProducerError> {
        if let Some(refusal) = member.refusal() {
            return Err(refusal);
        }
        self.check_transactions()?;
        if offsets.is_empty() {
            return Ok(None);
        }
        let call = TransactionCall::SendOffsets;
        self.call_transactions(now, call, |transactions, _| transactions.send_offsets(offsets, member)).map(Some)
    }

    /// `commitTransaction()`: sends what is left, and has the coordinator commit.
    ///
    /// # Errors
    /// As [`init_transactions`](Self::init_transactions).
    pub fn commit_transaction(&mut self, now: Now) -> CallResult {
        self.call_transactions(now, TransactionCall::Commit, Transactions::commit)
    }

    /// `abortTransaction()`: fails what has not left, waits for what has, and has the coordinator abort.
    ///
    /// # Errors
    /// As [`init_transactions`](Self::init_transactions).
    pub fn abort_transaction(&mut self, now: Now) -> CallResult {
        self.call_transactions(now, TransactionCall::Abort, Transactions::abort)
    }

    /// What became of a call; `None`: nothing yet. Ask after each drain of [`poll_output`](Self::poll_output); the
    /// answer is given once for each time the call was made. Who has waited for `max.block.ms` [gives it
    /// up](Self::give_up_waiting) and may repeat the same call: its ticket is the same.
    pub fn transaction_outcome(&mut self, ticket: TransactionTicket) -> Option<Result<(), ProducerError>> {
        let level = self.connections.transaction_version();
        let transactions = self.transactions.as_mut()?;
        let outcome = transactions.take_outcome(ticket.number)?;
        // A close that was given this outcome again may abort now.
        self.is_dirty |= matches!(self.life, super::Life::Closing { .. });
        if ticket.call == TransactionCall::Init && outcome.is_ok() {
            transactions.on_transaction_version(level, true);
        }
        Some(outcome)
    }

    /// One of those that made a call has waited for `max.block.ms`, or waits no longer for a reason of its own. The call goes
    /// on, and only the same may be made next. Gives the Java client's error ([`TransactionError::Timeout`]).
    pub fn give_up_waiting(&mut self, ticket: TransactionTicket) -> ProducerError {
        let max_block_ms = u64::try_from(self.config.max_block().as_millis()).unwrap_or(u64::MAX);
        let Some(transactions) = &mut self.transactions else { return TransactionError::ShutDown.into() };
        let Some(awaited) = transactions.awaited(ticket.number) else { return TransactionError::ShutDown.into() };
        transactions.stop_waiting(ticket.number);
        TransactionError::Timeout { call: ticket.call, awaited, max_block_ms }.into()
    }

    /// Where the producer stands with its transactions; `None`: it has none.
    pub fn transaction_phase(&self) -> Option<TransactionPhase> {
        self.transactions.as_ref().map(Transactions::phase)
    }

    /// As `KafkaProducer` asks before it asks its `TransactionManager`: a producer that has no ids at all is told so even
    /// when it is closed, and one that has ids without transactions passes.
    fn check_transactions(&self) -> Result<(), ProducerError> {
        if !self.identity.is_used() {
            return Err(TransactionError::Illegal(IllegalCall::NoTransactions).into());
        }
        if !matches!(self.life, super::Life::Open) {
            return Err(ProducerError::Closed);
        }
        Ok(())
    }

    fn transactions_mut(&mut self) -> Result<&mut Transactions, ProducerError> {
        self.check_transactions()?;
        self.transactions.as_mut().ok_or_else(|| TransactionError::Illegal(IllegalCall::NotTransactional).into())
    }

    fn call_transactions(
        &mut self,
        now: Now,
        call: TransactionCall,
        make: impl FnOnce(&mut Transactions, i16) -> Result<CallNumber, ProducerError>,
    ) -> CallResult {
        let level = self.connections.transaction_version();
        let number = make(self.transactions_mut()?, level)?;
        self.is_dirty = true;
        self.tell_phase(now.instant());
        Ok(TransactionTicket { number, call })
    }

    /// The sender's round begins with the transaction.
    pub(super) fn settle_transaction(&mut self, now: Instant) -> Turn {
        self.is_aborting_for_close = false;
        // The Java client's sender does nothing else while it waits for a connection, or for the end of a pause.
        if let Some(current) = self.transactions.as_mut().and_then(Transactions::take_current) {
            return self.ask_coordinator(now, current);
        }
        self.sequences.resolve();
        let Some(transactions) = &mut self.transactions else { return Turn::Batches };
        if self.sequences.take_unresolved() {
            transactions.on_unresolved();
        }
        if let Some(error) = transactions.fatal_error().cloned() {
            if self.accumulator.has_incomplete() {
                self.fail_everything(now, &error);
            }
            self.tell_phase(now);
            return Turn::Questions;
        }
        if let Some(error) = transactions.take_refusal_of_rights() {
            // What waits has its turn in the next round.
            self.is_dirty |= transactions.has_requests();
            self.fail_everything(now, &error);
            self.tell_phase(now);
            return Turn::Questions;
        }
        if transactions.is_waiting_for_answer() {
            return Turn::Questions;
        }
        if let Some(error) = transactions.undrained_must_fail() {
            for slot in self.accumulator.take_undrained() {
                self.fail_queued(now, slot, error.clone());
            }
        }
        let has_incomplete = self.accumulator.has_incomplete();
        let Some(transactions) = &mut self.transactions else { return Turn::Batches };
        let next = transactions.next(has_incomplete);
        // One that failed is followed by the next.
        self.is_dirty |= next.is_none() && transactions.take_has_failed();
        self.tell_phase(now);
        match next {
            Some(pending) => self.ask_coordinator(now, pending),
            None => Turn::Batches,
        }
    }

    /// The connection of a question is gone.
    pub(super) fn on_transaction_disconnected(&mut self) {
        self.transactions.iter_mut().for_each(Transactions::on_disconnected);
    }

    /// A batch of a transaction failed for good: what follows in its partition moves up, unless the transaction is
    /// lost anyway.
    pub(super) fn close_gap(&mut self, slot: BatchSlot, code: ErrorCode) {
        let Some(batch) = self.accumulator.batch(slot) else { return };
        let (partition, stamp, count, attempts) = (batch.partition, batch.stamp, batch.record_count, batch.attempts);
        if code == ErrorCode::UNKNOWN_PRODUCER_ID {
            return self.sequences.forget(partition);
        }
        let Some(stamp) = stamp.filter(|_| attempts < self.config.retries) else { return };
        let moved = self.sequences.close_gap(partition, stamp, count);
        self.stamp_anew(moved);
    }

    /// A partition's log lost what it knew of this producer.
    pub(super) fn restart_sequences(&mut self, partition: PartitionRef) {
        let Some(identity) = self.identity.ready() else { return };
        let moved = self.sequences.restart(partition, identity);
        self.stamp_anew(moved);
    }

    fn stamp_anew(&mut self, stamps: Vec<(BatchSlot, crate::record_batch::Stamp)>) {
        for (slot, stamp) in stamps {
            if let Some(batch) = self.accumulator.batch_mut(slot) {
                batch.stamp = Some(stamp);
                batch.sequence_was_reset = true;
            }
        }
    }

    /// While closing: an open transaction is aborted first. `false`: something of it is still to be done.
    pub(super) fn is_transaction_over(&mut self, now: Instant) -> bool {
        let level = self.connections.transaction_version();
        let Some(transactions) = &mut self.transactions else { return true };
        if transactions.has_current() || self.is_aborting_for_close {
            return false;
        }
        if !transactions.is_ongoing() {
            return true;
        }
        if !transactions.is_completing() && !transactions.has_requests() {
            let before = transactions.phase();
            let aborted = transactions.abort(level);
            // A round follows, wherever that has led (`Sender.run`). It leads nowhere where an abort has failed before
            // whose outcome nobody has taken: that outcome is given again until the patience is over, or it is taken.
            self.is_aborting_for_close = transactions.phase() != before;
            self.is_dirty |= self.is_aborting_for_close;
            match aborted {
                Ok(number) => transactions.stop_waiting(number),
                Err(_) => {
                    self.fail_everything(now, &ProducerError::ForceClosed);
                    return true;
                }
            }
        }
        false
    }

    /// Highest version of Produce that fits the transaction's protocol.
    pub(super) fn produce_version(&self, node: NodeId) -> Option<i16> {
        match &self.transactions {
            Some(transactions) if !transactions.is_v2() => {
                self.connections.version_up_to(node, ApiKey::Produce, PRODUCE_V1)
            }
            _ => self.connections.version(node, ApiKey::Produce),
        }
    }

    pub(super) fn tell_phase(&mut self, now: Instant) {
        let phase = self.transaction_phase();
        if let Some(phase) = phase
            && self.told_phase != Some(phase)
        {
            self.told_phase = Some(phase);
            self.told.note(now, || Fact::TransactionMoved { phase });
        }
    }
}

/// What else a round may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// All there is.
    Batches,
    /// Metadata is asked for, but no batch leaves while a question of the transaction's is out or about to be.
    Questions,
    /// The Java client's sender sleeps, or begins its next round without a look at the network.
    Nothing,
}
