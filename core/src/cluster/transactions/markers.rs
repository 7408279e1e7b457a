//! Markers: how a partition learns what became of a transaction (`TransactionMarkerChannelManager`).
//!
//! *Models*: one control record per partition and transaction, with an offset of its own; a partition whose leader is not
//! there, or has too few in sync, gets its marker later; one that was lost with its leader is written again. *Leaves
//! out*: time on the way.

use bytes::Bytes;

use super::state::Outcome;
use super::transaction::{Participant, WrittenMarker};
use crate::cluster::Cluster;
use crate::cluster::isr::Leading;
use crate::cluster::replica::Replica;
use crate::cluster::topics::TopicSettings;
use crate::ids::{NodeId, ProducerIdentity, TopicPartition};
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
        let (identity, config, brokers) = (transaction.identity, &self.config, &self.brokers);
        let (topics, offsets) = (&mut self.topics, &mut self.offsets);
        let mut written: Vec<(TopicPartition, NodeId)> = Vec::new();
        let markers = &mut transaction.markers;
        transaction.participants.retain(|participant| match participant {
            Participant::Partition(name) => topics.partition_mut(name).is_some_and(|(settings, partition)| {
                let (leader, min_isr) = (partition.registration.leader, partition.min_isr(settings, config));
                let replica = partition.replica_mut(leader).filter(|_| brokers.works(leader));
                let is_ready = |leading: &Leading| leading.isr.len() >= min_isr;
                let replica = replica.filter(|replica| replica.leading().is_some_and(is_ready));
                let Some(replica) = replica else { return true };
                replica.producers.forget_idle(now, config);
                replica.append_marker(settings, identity, outcome, now);
                let (_, leader_epoch) = replica.believed_leader();
                let required_offset = replica.log.end_offset();
                markers.push(WrittenMarker { partition: name.clone(), leader, leader_epoch, required_offset });
                written.push((name.clone(), leader));
                false
            }),
            Participant::Offsets(group) => {
                offsets.decide(group, identity.id, outcome);
                false
            }
        });
        for (name, leader) in written {
            self.log_grew(now, &name, leader);
        }
        self.settle_markers(now);
        self.logs_changed = true;
    }

    /// Looks which markers can no longer be lost, and which are; a transaction all of whose markers are safe is complete.
    pub(in crate::cluster) fn settle_markers(&mut self, now: Now) {
        let topics = &self.topics;
        let ended = self.transactions.by_id.values_mut().filter(|found| found.state.undelivered().is_some());
        for transaction in ended {
            let participants = &mut transaction.participants;
            transaction.markers.retain(|marker| {
                let name = &marker.partition;
                let Some(partition) = topics.partition(&name.topic, name.partition) else { return false };
                let has_lost_its_leader = partition.registration.leader_epoch != marker.leader_epoch;
                let participant = Participant::Partition(name.clone());
                if has_lost_its_leader && let Err(place) = participants.binary_search(&participant) {
                    participants.insert(place, participant);
                }
                let replica = partition.replica(marker.leader);
                let is_safe = replica.is_some_and(|replica| replica.high_watermark >= marker.required_offset);
                !has_lost_its_leader && !is_safe
            });
            if participants.is_empty() && transaction.markers.is_empty() {
                transaction.complete(now.instant());
            }
        }
    }

    /// A partition has a leader again: it may be one that waits for its marker, or has lost it.
    pub(in crate::cluster) fn write_late_markers(&mut self, now: Now) {
        self.settle_markers(now);
        let undelivered = self.transactions.by_id.iter().filter(|(_, found)| found.state.undelivered().is_some());
        let ids: Vec<_> = undelivered.map(|(id, _)| id.clone()).collect();
        for id in ids {
            self.write_markers(now, &id);
        }
    }
}

impl Replica {
    fn append_marker(&mut self, settings: &TopicSettings, identity: ProducerIdentity, outcome: Outcome, now: Now) {
        let marker = marker(identity, outcome, now.wall_ms);
        let batch = BatchView::parse(&marker).expect("it was just written");
        let (_, epoch) = self.believed_leader();
        let offset = self.log.append(batch, epoch, settings.timestamp_type, now.wall_ms).base_offset;
        self.end_transaction(identity, outcome == Outcome::Abort, offset, now.wall_ms);
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
