//! A partition's log as the screen knows it: the newest cells, by offset.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::BatchId;
use crate::io::Stored;

use super::BatchScene;

/// Cells kept per partition.
pub(super) const CELLS: usize = 64;

/// One record in a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// Its offset.
    pub offset: i64,
    /// First characters of its key, where known.
    pub label: Arc<str>,
    /// The batch that carried it, where known.
    pub batch: Option<BatchId>,
    /// Send order, where known.
    pub ordinal: Option<u64>,
    /// Does the program know that it is stored?
    pub known: bool,
}

/// The newest cells of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionLog {
    /// In order of offset.
    pub cells: VecDeque<Cell>,
    /// Next offset, as far as we know.
    pub end_offset: i64,
    /// Records acknowledged without an offset (acks=0).
    pub without_offset: u64,
    /// Facts are missing from the time before this offset was written: cells may be missing below, and the program may know
    /// of records whose cell says otherwise. 0: none are.
    pub gap_below: i64,
    /// Facts are missing, and nothing was written since: what comes next tells how far they went.
    is_in_gap: bool,
}

impl PartitionLog {
    /// A broker we can look into stored records; `carrier` is the batch they came in, where known.
    pub(super) fn append(&mut self, base_offset: i64, records: u32, carrier: Option<(BatchId, &BatchScene)>) {
        self.put(base_offset, records, carrier, false);
    }

    /// The program learnt that a batch is stored.
    pub(super) fn acknowledge(&mut self, batch: BatchId, scene: &BatchScene, stored: Stored) {
        if stored.base_offset < 0 {
            self.without_offset += u64::from(scene.records);
        } else {
            self.put(stored.base_offset, scene.records, Some((batch, scene)), true);
        }
    }

    /// It ends here: what was beyond is lost with the broker that had it.
    pub(super) fn end_at(&mut self, end_offset: i64) {
        if end_offset < self.end_offset {
            self.end_offset = end_offset;
            self.cells.retain(|cell| cell.offset < end_offset);
        }
    }

    /// Facts are missing here. Those of them that told of this log told of offsets from its end on.
    pub(super) fn miss(&mut self) {
        self.gap_below = self.end_offset;
        self.is_in_gap = true;
    }

    /// The batches' names will mean others from now on.
    pub(super) fn forget_batches(&mut self) {
        for cell in &mut self.cells {
            cell.batch = None;
        }
    }

    fn put(&mut self, base_offset: i64, records: u32, carrier: Option<(BatchId, &BatchScene)>, known: bool) {
        let end = base_offset.saturating_add(i64::from(records));
        if self.is_in_gap && base_offset >= self.end_offset {
            self.gap_below = base_offset;
            self.is_in_gap = false;
        }
        self.end_offset = self.end_offset.max(end);
        // Only the newest cells are kept, so earlier ones of a large batch need not be made.
        let first = base_offset.max(end - i64::try_from(CELLS).unwrap_or(i64::MAX));
        for offset in first..end {
            let index = usize::try_from(offset - base_offset).unwrap_or(usize::MAX);
            let record = carrier.and_then(|(_, scene)| scene.first_records.get(index));
            let cell = Cell {
                offset,
                label: record.map_or_else(|| Arc::from(""), |r| Arc::clone(&r.label)),
                batch: carrier.map(|(batch, _)| batch),
                ordinal: record.map(|r| r.ordinal),
                known,
            };
            let place = self.cells.partition_point(|c| c.offset < offset);
            match self.cells.get_mut(place) {
                Some(old) if old.offset == offset => {
                    let known = old.known || known;
                    *old = Cell { known, ..cell };
                }
                _ => self.cells.insert(place, cell),
            }
        }
        while self.cells.len() > CELLS {
            self.cells.pop_front();
        }
    }
}
