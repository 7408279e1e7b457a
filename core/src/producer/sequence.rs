//! Sequences per partition: given at drain, acknowledged, renumbered for a new epoch (`TxnPartitionEntry`).
//!
//! A batch is "in flight" here from its first drain to its fate, also while it is queued for another attempt.
//!
//! After 2³¹−1 comes 0, and which of two sequences is the later is always asked around that wrap. `TxnPartitionEntry` compares
//! and sorts plain numbers: at the wrap the Java client holds batch 0 for its oldest in flight, remembers a last
//! acknowledgement that no later one replaces, and throws an IllegalStateException where a batch that failed would move those
//! behind it below 0. A partition gets there after 2³¹ records of one epoch.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::ErrorCode;
use crate::ids::ProducerIdentity;
use crate::planted::{Defect, planted};
use crate::record_batch::{Stamp, increment_sequence};

use super::accumulator::BatchSlot;
use super::topics::PartitionRef;

/// Half of all sequences: what is further ahead is behind.
const HALF: i32 = 1 << 30;

/// From one sequence to another, forwards.
const fn distance(from: i32, to: i32) -> i32 {
    increment_sequence(to, from.wrapping_neg())
}

/// Does one sequence come before another?
const fn is_behind(one: i32, other: i32) -> bool {
    let ahead = distance(one, other);
    0 < ahead && ahead < HALF
}

#[derive(Clone, Copy, Debug)]
struct Sequenced {
    slot: BatchSlot,
    base: i32,
    count: u32,
}

#[derive(Clone, Debug)]
struct PartitionSequences {
    /// Under which the sequences count; lags behind the producer's until the partition's batches are done.
    identity: Option<ProducerIdentity>,
    next: i32,
    last_acked: Option<i32>,
    /// Offset of the last record that a broker told the offset of; −1: none.
    last_acked_offset: i64,
    /// In order of their sequences, which is the order of their first drain, also across the wrap.
    in_flight: Vec<Sequenced>,
    /// The sequence after a batch whose fate is not known: new batches wait.
    unresolved: Option<i32>,
}

impl Default for PartitionSequences {
    fn default() -> Self {
        Self {
            identity: None,
            next: 0,
            last_acked: None,
            last_acked_offset: -1,
            in_flight: Vec::new(),
            unresolved: None,
        }
    }
}

impl PartitionSequences {
    /// Counts from zero again, also what is in flight (`TxnPartitionEntry.startSequencesAtBeginning`).
    fn restart(&mut self, identity: ProducerIdentity, transactional: bool) -> Vec<(BatchSlot, Stamp)> {
        let mut base = 0;
        let mut stamps = Vec::new();
        for batch in &mut self.in_flight {
            batch.base = base;
            stamps.push((batch.slot, Stamp { identity: Some(identity), base_sequence: base, transactional }));
            base = increment_sequence(base, batch.count.cast_signed());
        }
        self.identity = Some(identity);
        self.next = base;
        self.last_acked = None;
        stamps
    }

    fn is_next(&self, base: i32) -> bool {
        base == self.last_acked.map_or(0, |last| increment_sequence(last, 1))
    }
}

/// What sequence bookkeeping says to an error about sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Advice {
    /// Nothing: the error's class decides.
    None,
    /// Another attempt.
    Retry,
    /// Another attempt, after the epoch was bumped and the partition renumbered.
    BumpAndRetry,
    /// Another attempt, after the partition was renumbered in the same epoch: its log lost what it knew.
    RestartAndRetry,
}

/// A batch as an answer finds it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answered {
    pub(super) partition: PartitionRef,
    pub(super) base_sequence: i32,
    pub(super) was_reset: bool,
    pub(super) log_start_offset: i64,
    pub(super) transactional: bool,
}

/// The sequences of all partitions.
#[derive(Clone, Debug, Default)]
pub(super) struct Sequences {
    partitions: BTreeMap<PartitionRef, PartitionSequences>,
    to_renumber: BTreeSet<PartitionRef>,
    /// May there be partitions with a batch whose fate is not known?
    may_be_unresolved: bool,
}

impl Sequences {
    /// May this head of a queue be drained under the producer's identity (`shouldStopDrainBatchesForPartition`)?
    pub(super) fn may_drain(
        &self,
        partition: PartitionRef,
        head: BatchSlot,
        has_sequence: bool,
        identity: ProducerIdentity,
    ) -> bool {
        let Some(known) = self.partitions.get(&partition) else { return true };
        if has_sequence {
            // A retry waits until it is the oldest of its partition: one at a time until all is well again.
            known.in_flight.first().is_none_or(|first| first.slot == head) || planted(Defect::RetriesOutOfOrder)
        } else {
            // Sequence 0 of a new epoch must not overtake what is out under the old one, and nothing new may follow
            // on a batch whose fate is not known.
            (known.in_flight.is_empty() || known.identity == Some(identity)) && known.unresolved.is_none()
        }
    }

    /// Gives a batch its place. Call only after [`may_drain`](Self::may_drain) said yes.
    pub(super) fn assign(
        &mut self,
        partition: PartitionRef,
        slot: BatchSlot,
        record_count: u32,
        identity: ProducerIdentity,
        transactional: bool,
    ) -> Stamp {
        let known = self.partitions.entry(partition).or_default();
        if known.identity != Some(identity) && known.in_flight.is_empty() {
            known.identity = Some(identity);
            known.next = 0;
            known.last_acked = None;
        }
        let base = known.next;
        known.next = increment_sequence(base, record_count.cast_signed());
        known.in_flight.push(Sequenced { slot, base, count: record_count });
        Stamp { identity: Some(identity), base_sequence: base, transactional }
    }

    /// A batch is stored, also one that was given up before its answer came.
    pub(super) fn on_acked(
        &mut self,
        partition: PartitionRef,
        slot: BatchSlot,
        stamp: Stamp,
        record_count: u32,
        base_offset: i64,
    ) {
        let Some(known) = self.partitions.get_mut(&partition) else { return };
        known.in_flight.retain(|batch| batch.slot != slot);
        // Also of an earlier epoch: as the Java client has it, which does not look
        // (`TransactionManager.handleCompletedBatch`).
        if base_offset >= 0 {
            // Whatever a broker claims: an offset at the end of all numbers must not overflow here.
            let last_offset = base_offset.saturating_add(i64::from(record_count) - 1);
            known.last_acked_offset = known.last_acked_offset.max(last_offset);
        }
        let last = increment_sequence(stamp.base_sequence, record_count.cast_signed().saturating_sub(1));
        if known.last_acked.is_none_or(|acked| is_behind(acked, last)) {
            known.last_acked = Some(last);
        }
    }

    /// A batch is over without having been stored.
    pub(super) fn remove(&mut self, partition: PartitionRef, slot: BatchSlot) {
        if let Some(known) = self.partitions.get_mut(&partition) {
            known.in_flight.retain(|batch| batch.slot != slot);
        }
    }

    /// Parts take the place and the sequences of the batch they were split from: (slot, record count) in order.
    pub(super) fn split(
        &mut self,
        partition: PartitionRef,
        slot: BatchSlot,
        parts: impl IntoIterator<Item = (BatchSlot, u32)>,
    ) {
        let Some(known) = self.partitions.get_mut(&partition) else { return };
        let Some(place) = known.in_flight.iter().position(|batch| batch.slot == slot) else { return };
        let mut base = known.in_flight[place].base;
        let parts = parts.into_iter().map(|(slot, count)| {
            let part = Sequenced { slot, base, count };
            base = increment_sequence(base, count.cast_signed());
            part
        });
        known.in_flight.splice(place..=place, parts);
    }

    /// A batch that had been sent before was given up: whether it is stored is not known, and what follows waits.
    pub(super) fn mark_unresolved(&mut self, partition: PartitionRef, stamp: Stamp, record_count: u32) {
        self.may_be_unresolved = true;
        let known = self.partitions.entry(partition).or_default();
        let next = increment_sequence(stamp.base_sequence, record_count.cast_signed());
        known.unresolved = known.unresolved.filter(|&later| is_behind(next, later)).or(Some(next));
    }

    /// Looks at partitions with an unknown fate whose batches are all done (`maybeResolveSequences`).
    pub(super) fn resolve(&mut self) {
        if !core::mem::take(&mut self.may_be_unresolved) {
            return;
        }
        for (partition, known) in &mut self.partitions {
            if known.unresolved.is_some() && known.in_flight.is_empty() {
                known.unresolved = None;
                if !known.is_next(known.next) {
                    self.to_renumber.insert(*partition);
                }
            }
            self.may_be_unresolved |= known.unresolved.is_some();
        }
    }

    /// Takes the wish for a new epoch back that [`resolve`](Self::resolve) found. Was there one?
    pub(super) fn take_unresolved(&mut self) -> bool {
        !core::mem::take(&mut self.to_renumber).is_empty()
    }

    /// A batch of a transaction was refused for good: those behind it move up, so that no gap is left
    /// (`adjustSequencesDueToFailedBatch`). Returns their new stamps.
    pub(super) fn close_gap(
        &mut self,
        partition: PartitionRef,
        failed: Stamp,
        record_count: u32,
    ) -> Vec<(BatchSlot, Stamp)> {
        let Some(known) = self.partitions.get_mut(&partition).filter(|known| known.identity == failed.identity) else {
            return Vec::new();
        };
        let count = record_count.cast_signed();
        if !(count..HALF).contains(&distance(failed.base_sequence, known.next)) {
            // It was not counted: there is no gap.
            return Vec::new();
        }
        let back = |sequence| increment_sequence(sequence, count.wrapping_neg());
        known.next = back(known.next);
        let is_later = |batch: &&mut Sequenced| is_behind(failed.base_sequence, batch.base);
        known
            .in_flight
            .iter_mut()
            .filter(is_later)
            .map(|batch| {
                batch.base = back(batch.base);
                (batch.slot, Stamp { base_sequence: batch.base, ..failed })
            })
            .collect()
    }

    /// Nothing is known of a partition any more: it begins at zero.
    pub(super) fn forget(&mut self, partition: PartitionRef) {
        self.partitions.remove(&partition);
    }

    /// Nothing is known of any partition: a new transaction begins.
    pub(super) fn clear(&mut self) {
        self.partitions.clear();
        self.to_renumber.clear();
    }

    /// A partition whose log lost what it knew of this producer begins at zero. Returns the new stamps.
    pub(super) fn restart(&mut self, partition: PartitionRef, identity: ProducerIdentity) -> Vec<(BatchSlot, Stamp)> {
        self.partitions.entry(partition).or_default().restart(identity, true)
    }

    /// This partition's sequences must start afresh under a new epoch.
    pub(super) fn request_bump(&mut self, partition: PartitionRef) {
        self.to_renumber.insert(partition);
    }

    /// Does a partition wait for a new epoch?
    pub(super) fn wants_bump(&self) -> bool {
        !self.to_renumber.is_empty()
    }

    /// Renumbers the partitions that asked for it, from zero under the new identity; the other partitions follow when
    /// their batches are done. Without an identity (the epochs are used up) their batches lose their sequences and get
    /// new ones when an id is there. Returns the new stamps.
    pub(super) fn renumber(&mut self, identity: Option<ProducerIdentity>) -> Vec<(BatchSlot, Option<Stamp>)> {
        let mut stamps = Vec::new();
        for partition in core::mem::take(&mut self.to_renumber) {
            let known = self.partitions.entry(partition).or_default();
            match identity {
                Some(identity) => {
                    stamps.extend(known.restart(identity, false).into_iter().map(|(slot, stamp)| (slot, Some(stamp))));
                }
                None => {
                    stamps.extend(known.in_flight.drain(..).map(|batch| (batch.slot, None)));
                    *known = PartitionSequences { last_acked_offset: known.last_acked_offset, ..Default::default() };
                }
            }
            known.unresolved = None;
        }
        stamps
    }

    /// What OUT_OF_ORDER_SEQUENCE_NUMBER and UNKNOWN_PRODUCER_ID ask for (`TransactionManager.canRetry`).
    pub(super) fn advice(&self, code: ErrorCode, batch: Answered) -> Advice {
        let known = self.partitions.get(&batch.partition);
        match code {
            ErrorCode::UNKNOWN_PRODUCER_ID => {
                // Not known where the log begins: ask again until it is. Renumbered already: this answer is an old one.
                let just_retry = batch.log_start_offset == -1 || batch.was_reset;
                let lost_its_head = known.map_or(-1, |known| known.last_acked_offset) < batch.log_start_offset;
                match batch.transactional {
                    _ if just_retry => Advice::Retry,
                    false => Advice::BumpAndRetry,
                    true if lost_its_head => Advice::RestartAndRetry,
                    true => Advice::None,
                }
            }
            ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER => {
                let unresolved = known.and_then(|known| known.unresolved);
                let is_next = known.is_some_and(|known| known.is_next(batch.base_sequence));
                match unresolved {
                    // An earlier batch is still to come.
                    None if batch.was_reset || !is_next => Advice::Retry,
                    // The transaction must be aborted: a new epoch cannot be had within it.
                    _ if batch.transactional => Advice::None,
                    None => Advice::BumpAndRetry,
                    // The batch right after the one that was given up: there is a gap.
                    Some(next) if next == batch.base_sequence => Advice::BumpAndRetry,
                    Some(_) => Advice::Retry,
                }
            }
            _ => Advice::None,
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
