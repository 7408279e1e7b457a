//! A batch's life in the picture: opened on its shelf, filled, sent, split, and come home.

use std::collections::BTreeMap;

use crate::ids::{BatchId, ProducerIdentity, TopicPartition};
use crate::record_batch::increment_sequence;
use crate::time::Instant;
use crate::trace::SplitBatch;

use super::{
    BatchScene, BatchState, FINISHED_BATCHES, LABELLED_RECORDS, PARTITIONS, PartitionScene, RecordScene, Scene,
};

impl Scene {
    pub(super) fn open(&mut self, at: Instant, batch: BatchId, partition: &TopicPartition, capacity: u32) {
        partition_of(&mut self.partitions, at, partition).under_way.push(batch);
        let scene = BatchScene {
            partition: partition.clone(),
            state: BatchState::Filling,
            opened_at: at,
            since: at,
            capacity_bytes: capacity,
            bytes: 0,
            records: 0,
            first_records: Vec::new(),
            attempts: 0,
            drained_because: None,
            identity: None,
            base_sequence: -1,
            stored: None,
        };
        self.batches.insert(batch, scene);
    }

    pub(super) fn append(&mut self, batch: BatchId, count: u32, batch_bytes: u32, record: Option<RecordScene>) {
        self.caller.sent += u64::from(count);
        self.goes_on();
        self.caller.newest = Some(batch);
        if let Some(scene) = self.batches.get_mut(&batch) {
            scene.records += count;
            scene.bytes = batch_bytes;
            // Labels are by place: once detail was folded, later labels would stand in the wrong place.
            if let Some(record) = record
                && scene.first_records.len() < LABELLED_RECORDS
                && scene.first_records.len() + 1 == scene.records as usize
            {
                scene.first_records.push(record);
            }
        }
    }

    /// The program waits in `get()` for what it sent last.
    pub(super) fn wait_for_newest(&mut self) {
        let newest = self.caller.newest.and_then(|batch| self.batches.get_mut(&batch));
        // Of a batch that holds more than it has labels, the newest record is among those without.
        if let Some(batch) = newest.filter(|batch| batch.first_records.len() == batch.records as usize)
            && let Some(record) = batch.first_records.last_mut()
        {
            record.awaited = true;
        }
        self.caller.awaited += 1;
    }

    pub(super) fn enter(&mut self, at: Instant, batch: BatchId, state: BatchState) -> Option<&mut BatchScene> {
        let scene = self.batches.get_mut(&batch)?;
        scene.state = state;
        scene.since = at;
        Some(scene)
    }

    /// Parts stand on the shelf in the place of a batch that was too large.
    pub(super) fn split(&mut self, at: Instant, batch: BatchId, parts: &[SplitBatch]) {
        let Some(parent) = self.batches.get(&batch).cloned() else { return };
        let mut first = 0_u32;
        for part in parts {
            let (begin, end) = (first as usize, first.saturating_add(part.records) as usize);
            let labelled = parent.first_records.len();
            let base_sequence = match parent.base_sequence {
                base @ 0.. => increment_sequence(base, first.cast_signed()),
                none => none,
            };
            let scene = BatchScene {
                state: BatchState::Filling,
                since: at,
                capacity_bytes: part.capacity,
                bytes: part.bytes,
                records: part.records,
                first_records: parent.first_records[begin.min(labelled)..end.min(labelled)].to_vec(),
                attempts: 0,
                drained_because: None,
                base_sequence,
                stored: None,
                ..parent.clone()
            };
            self.batches.insert(part.batch, scene);
            first = first.saturating_add(part.records);
        }
        let under_way = &mut partition_of(&mut self.partitions, at, &parent.partition).under_way;
        // A part is on its shelf again, in front of what was appended later.
        let place = under_way.iter().position(|id| *id == batch).unwrap_or(under_way.len());
        under_way.splice(place..place, parts.iter().map(|part| part.batch));
        self.leave(at, batch, BatchState::Split);
    }

    /// A batch met its fate, and the answer goes home to the program.
    pub(super) fn finish(&mut self, at: Instant, batch: BatchId, state: BatchState) {
        if !self.leave(at, batch, state) {
            return;
        }
        self.homecoming.push_back(batch);
        if self.homecoming.len() > 8 {
            self.homecoming.pop_front();
        }
    }

    /// A batch is over. `false`: it is not known.
    fn leave(&mut self, at: Instant, batch: BatchId, state: BatchState) -> bool {
        let Some(scene) = self.enter(at, batch, state) else { return false };
        let partition = scene.partition.clone();
        if let Some(entry) = self.partitions.get_mut(&partition) {
            entry.under_way.retain(|id| *id != batch);
        }
        self.finished.push_back(batch);
        if self.finished.len() > FINISHED_BATCHES
            && let Some(oldest) = self.finished.pop_front()
        {
            self.batches.remove(&oldest);
        }
        true
    }

    /// The batch that a broker's append speaks of: one in flight, by sequence where there is one, else the oldest with as
    /// many records; or one that nobody answers for.
    pub(super) fn carrier(
        &mut self,
        partition: &TopicPartition,
        records: u32,
        identity: Option<ProducerIdentity>,
        base_sequence: i32,
    ) -> Option<BatchId> {
        let under_way = &self.partitions.get(partition)?.under_way;
        let in_flight = under_way.iter().copied().find(|id| {
            self.batches.get(id).is_some_and(|scene| {
                matches!(scene.state, BatchState::InFlight { .. })
                    && scene.records == records
                    && (identity.is_none() || (scene.identity == identity && scene.base_sequence == base_sequence))
            })
        });
        in_flight.or_else(|| {
            let place = self.unanswered.iter().position(|(_, id)| {
                let scene = self.batches.get(id);
                scene.is_some_and(|scene| scene.partition == *partition && scene.records == records)
            })?;
            self.unanswered.remove(place).map(|(_, batch)| batch)
        })
    }
}

/// The partition, new if need be; then a quiet one makes room for it.
pub(super) fn partition_of<'a>(
    partitions: &'a mut BTreeMap<TopicPartition, PartitionScene>,
    at: Instant,
    name: &TopicPartition,
) -> &'a mut PartitionScene {
    if partitions.len() >= PARTITIONS && !partitions.contains_key(name) {
        let quiet = partitions.iter().filter(|(_, scene)| scene.under_way.is_empty());
        let quietest = quiet.min_by_key(|(_, scene)| scene.touched_at).map(|(name, _)| name.clone());
        quietest.and_then(|name| partitions.remove(&name));
    }
    let scene = partitions.entry(name.clone()).or_default();
    scene.touched_at = at;
    scene
}
