//! Markers: how a partition learns what became of a transaction (`TransactionMarkerChannelManager`).
//!
//! *Models*: one control record per partition and transaction, with an offset of its own; a partition without a leader
//! gets its marker when it has one again. *Leaves out*: time on the way, and markers that a leader refuses.

use bytes::Bytes;

use super::state::Outcome;
use super::transaction::Participant;
use crate::cluster::Cluster;
use crate::cluster::topics::{Partition, TopicSettings};
use crate::ids::{NodeId, ProducerIdentity};
use crate::record_batch::{BatchView, control_batch};
use crate::time::Now;
use crate::trace::Observer;

/// `EndTransactionMarker`'s value: version 0 and the coordinator's epoch, which never changes here.
const MARKER_VALUE: [u8; 6] = [0; 6];

impl<O: Observer> Cluster<O> {
    /// Writes the markers of a decided transaction, as far as its partitions have leaders.
    pub(super) fn write_markers(&mut self, now: Now, transactional_id: &str) {
        let Some(transaction) = self.transactions.by_id.get_mut(transactional_id) else { return };
        let Some(outcome) = transaction.state.undelivered() else { return };
        let (identity, config) = (transaction.identity, &self.config);
        let (topics, offsets) = (&mut self.topics, &mut self.offsets);
        transaction.participants.retain(|participant| match participant {
            Participant::Partition(name) => topics.partition_mut(name).is_some_and(|(settings, partition)| {
                let has_leader = partition.leader != NodeId(-1);
                if has_leader {
                    partition.producers.forget_idle(now, config);
                    partition.append_marker(settings, identity, outcome, now);
                }
                !has_leader
            }),
            Participant::Offsets(group) => {
                offsets.decide(group, identity.id, outcome);
                false
            }
        });
        if transaction.participants.is_empty() {
            transaction.complete(now.instant());
        }
        self.logs_changed = true;
    }

    /// A partition has a leader again: it may be one that waits for its marker.
    pub(in crate::cluster) fn write_late_markers(&mut self, now: Now) {
        let undelivered = self.transactions.by_id.iter().filter(|(_, found)| found.state.undelivered().is_some());
        let ids: Vec<_> = undelivered.map(|(id, _)| id.clone()).collect();
        for id in ids {
            self.write_markers(now, &id);
        }
    }
}

impl Partition {
    fn append_marker(&mut self, settings: &TopicSettings, identity: ProducerIdentity, outcome: Outcome, now: Now) {
        let marker = marker(identity, outcome, now.wall_ms);
        let batch = BatchView::parse(&marker).expect("it was just written");
        let offset = self.log.append(batch, self.leader_epoch, settings.timestamp_type, now.wall_ms).base_offset;
        let first_offset = self.producers.end_transaction(identity, now.wall_ms);
        if let (Some(first_offset), Outcome::Abort) = (first_offset, outcome) {
            self.log.note_aborted(identity.id, first_offset, offset);
        }
    }
}

/// `MemoryRecords.withEndTransactionMarker`.
fn marker(identity: ProducerIdentity, outcome: Outcome, timestamp_ms: i64) -> Bytes {
    // `ControlRecordType`: version 0, then 0 abort, 1 commit.
    let key = match outcome {
        Outcome::Abort => [0, 0, 0, 0],
        Outcome::Commit => [0, 0, 0, 1],
    };
    control_batch(identity, timestamp_ms, &key, &MARKER_VALUE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mirrors `DefaultRecordBatchTest.testReadAndWriteControlBatch`: a control batch of one record is read back as the end
    /// that was written: a commit, and the epoch of its coordinator.
    #[test]
    fn an_end_is_read_back_as_it_was_written() {
        let identity = ProducerIdentity { id: 1, epoch: 0 };
        for (outcome, kind) in [(Outcome::Abort, 0), (Outcome::Commit, 1)] {
            let bytes = marker(identity, outcome, 1_700_000_000_000);
            let batch = BatchView::parse(&bytes).unwrap();
            assert_eq!((batch.verify_crc(), batch.size_bytes()), (Ok(()), bytes.len()));
            assert!(batch.is_control() && batch.is_transactional());
            assert_eq!((batch.identity(), batch.base_sequence()), (Some(identity), -1));
            let records: Vec<_> = batch.records().map(Result::unwrap).collect();
            let [end] = &records[..] else { panic!("{records:?}") };
            assert_eq!(end.timestamp_ms, 1_700_000_000_000);
            // `ControlRecordType`: version and kind, two bytes each; `EndTxnMarker`: version and epoch, two and four.
            let (version, key) = end.key.unwrap().split_first_chunk().unwrap();
            assert_eq!((i16::from_be_bytes(*version), key), (0, &[0, kind][..]));
            let (version, epoch) = end.value.unwrap().split_first_chunk().unwrap();
            assert_eq!((i16::from_be_bytes(*version), i32::from_be_bytes(epoch.try_into().unwrap())), (0, 0));
        }
    }
}
