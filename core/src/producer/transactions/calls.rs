//! What the program calls (`KafkaProducer`'s methods, as far as `TransactionManager` judges them).

use crate::error::{IllegalCall, ProducerError, TransactionCall, TransactionError};
use crate::producer::topics::PartitionRef;

use super::requests::{GroupMember, Offsets, Query};
use super::state::{TransactionSignal, TransactionState};
use super::{CallNumber, Transactions, illegal};

impl Transactions {
    /// `initTransactions`.
    pub(in crate::producer) fn init(&mut self) -> Result<CallNumber, ProducerError> {
        self.check_error()?;
        self.once(TransactionCall::Init, |this| {
            this.signal_by_call(TransactionSignal::Initialize)?;
            Ok(this.ask(Query::InitProducerId { bump: None }))
        })
    }

    /// `beginTransaction`.
    pub(in crate::producer) fn begin(&mut self) -> Result<(), ProducerError> {
        self.check_pending(TransactionCall::Begin)?;
        self.check_error()?;
        self.signal_by_call(TransactionSignal::Begin)
    }

    /// `sendOffsetsToTransaction`, of at least one offset.
    pub(in crate::producer) fn send_offsets(
        &mut self,
        offsets: Offsets,
        member: GroupMember,
    ) -> Result<CallNumber, ProducerError> {
        self.check_pending(TransactionCall::SendOffsets)?;
        self.check_error()?;
        if self.state != TransactionState::InTransaction {
            return Err(illegal(IllegalCall::OffsetsOutside(self.phase())));
        }
        let identity = self.identity_on_the_wire();
        if self.is_v2 {
            self.started = true;
            let query = self.commit_offsets(identity, offsets, member);
            Ok(self.ask(query))
        } else {
            Ok(self.ask(Query::AddOffsets { identity, offsets, member }))
        }
    }

    /// `commitTransaction`.
    pub(in crate::producer) fn commit(&mut self, transaction_version: i16) -> Result<CallNumber, ProducerError> {
        self.once(TransactionCall::Commit, |this| {
            this.check_error()?;
            this.signal_by_call(TransactionSignal::Commit)?;
            this.end(true, transaction_version)
        })
    }

    /// `abortTransaction`.
    pub(in crate::producer) fn abort(&mut self, transaction_version: i16) -> Result<CallNumber, ProducerError> {
        self.once(TransactionCall::Abort, |this| {
            if !matches!(this.state, TransactionState::AbortableError(_)) {
                this.check_error()?;
            }
            this.signal_by_call(TransactionSignal::Abort)?;
            this.new_partitions.clear();
            this.end(false, transaction_version)
        })
    }

    /// `send`: makes the partition part of the transaction (`maybeAddPartition`).
    #[inline]
    pub(in crate::producer) fn add_partition(
        &mut self,
        partition: PartitionRef,
        name: impl FnOnce() -> crate::ids::TopicPartition,
    ) -> Result<(), ProducerError> {
        let is_in = self.partitions.contains(&partition) && self.state == TransactionState::InTransaction;
        if is_in && self.pending_transition.is_none() {
            return Ok(());
        }
        self.check_error()?;
        self.check_pending(TransactionCall::Send)?;
        if self.identity.is_none() {
            return Err(illegal(IllegalCall::SendBeforeInit(name())));
        }
        if self.state != TransactionState::InTransaction {
            return Err(illegal(IllegalCall::SendOutside(name(), self.phase())));
        }
        if self.is_v2 {
            self.partitions.insert(partition);
            self.started = true;
        } else if !self.partitions.contains(&partition) && !self.pending_partitions.contains(&partition) {
            self.new_partitions.insert(partition);
        }
        Ok(())
    }

    /// Runs a call that changes the state, unless the same is under way: then that one's number is given again, and one
    /// more waits for it (`handleCachedTransactionRequestResult`).
    fn once(
        &mut self,
        call: TransactionCall,
        begin: impl FnOnce(&mut Self) -> Result<CallNumber, ProducerError>,
    ) -> Result<CallNumber, ProducerError> {
        match self.pending_transition {
            Some((number, previous)) if previous == call => {
                self.calls.iter_mut().filter(|call| call.number == number).for_each(|call| call.waiting += 1);
                return Ok(number);
            }
            Some((_, previous)) => return Err(illegal(IllegalCall::Pending { call, previous })),
            None => {}
        }
        let number = begin(self)?;
        self.pending_transition = Some((number, call));
        Ok(number)
    }

    fn check_pending(&self, call: TransactionCall) -> Result<(), ProducerError> {
        match self.pending_transition {
            Some((_, previous)) => Err(illegal(IllegalCall::Pending { call, previous })),
            None => Ok(()),
        }
    }

    /// An error that stands in the way of every call (`maybeFailWithError`).
    fn check_error(&self) -> Result<(), ProducerError> {
        match self.state.error() {
            Some(error) => Err(TransactionError::in_the_way(error, Some(&self.id), self.identity).into()),
            None => Ok(()),
        }
    }
}
