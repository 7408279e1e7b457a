//! What a partition remembers of each producer, to recognise duplicates and gaps (`ProducerStateEntry`,
//! `ProducerAppendInfo`, `VerificationStateEntry`).
//!
//! *Models*: epoch, last five batches and open transaction per producer id; the lowest sequence of a transaction that the
//! coordinator is asked about; ids that are forgotten after a day (`producer.id.expiration.ms`). *Leaves out*: snapshots;
//! the epoch of the coordinator, which never moves.

use core::time::Duration;
use std::collections::VecDeque;

use super::ClusterConfig;
use crate::error::ErrorCode;
use crate::ids::ProducerIdentity;
use crate::planted::{Defect, planted};
use crate::record_batch::increment_sequence;
use crate::time::{Instant, Now};

/// Batches remembered per producer id (`ProducerStateEntry.NUM_BATCHES_TO_RETAIN`). With more requests in flight than
/// this, a repeated batch could no longer be told from a gap; hence `max.in.flight.requests.per.connection` ≤ 5.
const BATCHES_REMEMBERED: usize = 5;
/// `RecordBatch.NO_PRODUCER_EPOCH`.
const NO_EPOCH: i16 = -1;

/// One batch that was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RememberedBatch {
    pub(super) first_sequence: i32,
    pub(super) last_sequence: i32,
    pub(super) base_offset: i64,
    pub(super) max_timestamp_ms: i64,
}

#[derive(Clone, Debug)]
struct Entry {
    id: i64,
    /// −1: nothing was ever stored, or it is forgotten.
    epoch: i16,
    batches: VecDeque<RememberedBatch>,
    /// Offset of the first record of its transaction, while that is open.
    transaction: Option<i64>,
    /// Time of its last batch, by its records, or of its last marker, in milliseconds since 1970.
    last_timestamp_ms: i64,
    verification: Option<Verification>,
}

/// A transaction that the coordinator was asked about and that nothing is stored of yet. While a batch has to be sent again
/// because the coordinator was not ready, those after it must not be stored, or it would be out of order for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Verification {
    since_ms: i64,
    epoch: i16,
    lowest_sequence: i32,
    /// Is the producer one of protocol 2, whose epochs rise with every transaction?
    bumps_epochs: bool,
}

impl Entry {
    fn new(id: i64) -> Self {
        Self {
            id,
            epoch: NO_EPOCH,
            batches: VecDeque::new(),
            transaction: None,
            last_timestamp_ms: -1,
            verification: None,
        }
    }

    fn enter(&mut self, epoch: i16) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.batches.clear();
        }
    }
}

/// What a batch is to the producer's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// The next one.
    InOrder,
    /// It is there already.
    Duplicate(RememberedBatch),
    /// It must not be stored.
    Refused(ErrorCode),
}

/// All producers of one partition.
#[derive(Clone, Debug, Default)]
pub(super) struct ProducerStates {
    /// In order of their ids.
    entries: Vec<Entry>,
    /// The last time that idle ones were looked for.
    swept: Instant,
}

impl ProducerStates {
    /// Forgets those whose last batch is too old, as the last of Kafka's periodic looks at them has done
    /// (`ProducerStateManager.removeExpiredProducers`). To be called before anything else is asked or told: what was
    /// remembered since that look is not its business, however old its records are.
    pub(super) fn forget_idle(&mut self, now: Now, config: &ClusterConfig) {
        if now.instant() < self.swept + config.producer_id_expiration_check_interval {
            return;
        }
        let sweep = now.instant().last_multiple_of(config.producer_id_expiration_check_interval);
        if sweep <= self.swept {
            return;
        }
        self.swept = sweep;
        let in_ms = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        let sweep_ms = now.wall_ms.saturating_sub(in_ms(now.instant() - sweep));
        let expiration_ms = in_ms(config.producer_id_expiration);
        let idle_since_ms = sweep_ms.saturating_sub(expiration_ms);
        self.entries.retain_mut(|entry| {
            entry.verification = entry.verification.filter(|verification| verification.since_ms > idle_since_ms);
            let is_idle = entry.transaction.is_none() && entry.last_timestamp_ms <= idle_since_ms;
            if is_idle {
                *entry = Entry { verification: entry.verification, ..Entry::new(entry.id) };
            }
            !is_idle || entry.verification.is_some()
        });
    }

    /// Forgets everything, to be told of all batches anew.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    /// Who is remembered.
    pub(super) fn identities(&self) -> impl Iterator<Item = ProducerIdentity> {
        let known = self.entries.iter().filter(|entry| entry.epoch != NO_EPOCH);
        known.map(|&Entry { id, epoch, .. }| ProducerIdentity { id, epoch })
    }

    /// Judges a batch by its sequences. The order of questions is Kafka's: known, then old epoch, then sequence.
    pub(super) fn judge(&self, identity: ProducerIdentity, first_sequence: i32, last_sequence: i32) -> Judgement {
        const OUT_OF_ORDER: Judgement = Judgement::Refused(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
        let Some(entry) = self.entry(identity) else {
            // No client has such an epoch; what is not known has one all the same.
            let is_older = identity.epoch < NO_EPOCH;
            return if is_older { Judgement::Refused(ErrorCode::INVALID_PRODUCER_EPOCH) } else { Judgement::InOrder };
        };
        let is_same =
            |known: &&RememberedBatch| (known.first_sequence, known.last_sequence) == (first_sequence, last_sequence);
        let is_one_forgotten = planted(Defect::FifthBatchForgotten) && entry.batches.len() == BATCHES_REMEMBERED;
        let mut known = entry.batches.iter().skip(usize::from(is_one_forgotten));
        if identity.epoch == entry.epoch
            && let Some(&known) = known.find(is_same)
        {
            return Judgement::Duplicate(known);
        }
        if identity.epoch < entry.epoch {
            return Judgement::Refused(ErrorCode::INVALID_PRODUCER_EPOCH);
        }
        if let Some(verification) = entry.verification {
            let must_begin_at_zero = verification.bumps_epochs && entry.batches.is_empty();
            if first_sequence > verification.lowest_sequence || (must_begin_at_zero && first_sequence != 0) {
                return OUT_OF_ORDER;
            }
        }
        let expected = match entry.batches.back() {
            // Nothing is known of the id: any sequence is taken, so the first batches are not protected against reordering.
            _ if entry.epoch == NO_EPOCH => return Judgement::InOrder,
            Some(last) if identity.epoch == entry.epoch => increment_sequence(last.last_sequence, 1),
            _ => 0,
        };
        let is_in_order = first_sequence == expected || (planted(Defect::GapAccepted) && first_sequence > expected);
        if is_in_order { Judgement::InOrder } else { OUT_OF_ORDER }
    }

    /// Is a transaction of this producer open, in this epoch? (`UnifiedLog.hasOngoingTransaction`)
    pub(super) fn is_in_transaction(&self, identity: ProducerIdentity) -> bool {
        self.entry(identity).is_some_and(|entry| entry.transaction.is_some() && entry.epoch == identity.epoch)
    }

    /// Has there been a later epoch?
    pub(super) fn is_outdated(&self, identity: ProducerIdentity) -> bool {
        self.entry(identity).is_some_and(|entry| identity.epoch < entry.epoch)
    }

    /// Would a batch outside transactions fall into one that is open?
    pub(super) fn would_disturb(&self, identity: ProducerIdentity) -> bool {
        self.entry(identity).is_some_and(|entry| entry.transaction.is_some())
    }

    fn place(&self, identity: ProducerIdentity) -> Result<usize, usize> {
        self.entries.binary_search_by_key(&identity.id, |entry| entry.id)
    }

    fn entry(&self, identity: ProducerIdentity) -> Option<&Entry> {
        self.place(identity).ok().map(|place| &self.entries[place])
    }

    fn entry_mut(&mut self, identity: ProducerIdentity) -> &mut Entry {
        let place = self.place(identity).unwrap_or_else(|place| {
            self.entries.insert(place, Entry::new(identity.id));
            place
        });
        &mut self.entries[place]
    }

    /// The producer's entry, in this epoch.
    fn enter(&mut self, identity: ProducerIdentity) -> &mut Entry {
        let entry = self.entry_mut(identity);
        entry.enter(identity.epoch);
        entry
    }

    /// Offset of the first record whose transaction is open.
    pub(super) fn first_undecided(&self) -> Option<i64> {
        self.entries.iter().filter_map(|entry| entry.transaction).min()
    }

    /// The coordinator is about to be asked about a transaction whose first batch came: until one is stored, none may
    /// that comes after the lowest that was seen (`maybeCreateVerificationStateEntry`).
    pub(super) fn verify(&mut self, identity: ProducerIdentity, first_sequence: i32, bumps_epochs: bool, wall_ms: i64) {
        let epoch = identity.epoch;
        let new = Verification { since_ms: wall_ms, epoch, lowest_sequence: first_sequence, bumps_epochs };
        let known = self.entry_mut(identity).verification.get_or_insert(new);
        if epoch > known.epoch {
            (known.epoch, known.lowest_sequence) = (epoch, first_sequence);
        } else if epoch == known.epoch {
            known.lowest_sequence = known.lowest_sequence.min(first_sequence);
        }
    }

    /// A marker was written: the producer's transaction ends, if it has records here, and with protocol 2 the epoch is
    /// a new one. Gives the offset of its first record.
    pub(super) fn end_transaction(&mut self, identity: ProducerIdentity, timestamp_ms: i64) -> Option<i64> {
        let entry = self.enter(identity);
        entry.last_timestamp_ms = timestamp_ms;
        entry.verification = None;
        entry.transaction.take()
    }

    /// Remembers a batch that was judged [`Judgement::InOrder`] and stored.
    pub(super) fn remember(&mut self, identity: ProducerIdentity, batch: RememberedBatch, is_transactional: bool) {
        let entry = self.enter(identity);
        entry.last_timestamp_ms = batch.max_timestamp_ms;
        if is_transactional {
            entry.transaction.get_or_insert(batch.base_offset);
            entry.verification = None;
        }
        if entry.batches.len() == BATCHES_REMEMBERED {
            entry.batches.pop_front();
        }
        entry.batches.push_back(batch);
    }
}

#[cfg(test)]
mod tests;
