//! A batch that its broker finds too large becomes smaller ones.

use bytes::BytesMut;

use crate::codecs::Codecs;
use crate::ids::BatchId;
use crate::record::Header;
use crate::record_batch::{
    BATCH_OVERHEAD, BatchBuilder, BatchView, Estimate, RecordView, Stamp, increment_sequence, record_size_upper_bound,
};

use super::ProducerBatch;

/// Records of a batch that was too large, in a builder of their own, which takes no more.
#[derive(Clone, Debug)]
pub(in super::super) struct Part {
    pub(in super::super) builder: BatchBuilder,
    largest_record: usize,
}

impl Part {
    /// Begins with a record, which always fits.
    fn begin(record: &RecordView<'_>, target: usize, most_bytes: usize, estimate: Option<Estimate>) -> Option<Self> {
        let limit = upper_bound(record)?.max(target);
        // What it gets are records that took no more than this where they were.
        let builder = BatchBuilder::new(BytesMut::with_capacity(limit.min(most_bytes)), limit).compressed(estimate);
        let mut part = Self { builder, largest_record: 0 };
        part.try_append(record)?.then_some(part)
    }

    /// Is the record in now? `None`: it cannot be written at all.
    fn try_append(&mut self, record: &RecordView<'_>) -> Option<bool> {
        let headers = headers_of(record)?;
        if self.builder.try_append(record.timestamp_ms, record.key, record.value, &headers).is_none() {
            self.builder.close_for_appends();
            return Some(false);
        }
        self.largest_record = self.largest_record.max(upper_bound(record)?);
        Some(true)
    }
}

/// `None`: a header key is not UTF-8, which `send` does not write.
fn headers_of<'a>(record: &RecordView<'a>) -> Option<Vec<Header<'a>>> {
    let headers = record.headers.clone();
    headers.map(|header| Some(Header { key: core::str::from_utf8(header.key).ok()?, value: header.value })).collect()
}

fn upper_bound(record: &RecordView<'_>) -> Option<usize> {
    Some(record_size_upper_bound(record.key, record.value, &headers_of(record)?))
}

impl ProducerBatch {
    /// A part of this batch, whose first record has this place in it. It was never tried, but it was born when this one was
    /// (`ProducerBatch.createBatchOffAccumulatorForRecord`), and what may be in the log of this one may be of it.
    pub(in super::super) fn part(&self, id: BatchId, first_index: u32, part: Part) -> Self {
        let record_count = part.builder.count();
        let stamp = self.stamp.map(|stamp| match stamp.identity {
            Some(_) => {
                Stamp { base_sequence: increment_sequence(stamp.base_sequence, first_index.cast_signed()), ..stamp }
            }
            None => stamp,
        });
        let mut child = Self {
            root: self.root,
            root_index: self.root_index + first_index,
            record_count,
            stamp,
            possibly_persisted: self.possibly_persisted,
            largest_record: part.largest_record,
            ..Self::open(id, self.partition, part.builder, 0, self.created_at)
        };
        child.close_for_appends();
        child
    }

    /// Its records in smaller batches (`ProducerBatch.split`): of `batch.size` when it is split for the first time, though
    /// it may be no larger itself; of half its own size after that, but not less than its largest record may take. So
    /// records of a few bytes may stay together, as in the Java client, and a broker that takes not even that is asked
    /// again until the batch expires. `None`: its bytes are none that `send` wrote.
    pub(in super::super) fn split(
        &mut self,
        batch_size: usize,
        estimate: Option<Estimate>,
        codecs: Option<&dyn Codecs>,
    ) -> Option<Vec<Part>> {
        let was_split = self.id != self.root;
        let target = if was_split { self.largest_record.max(self.size_bytes() / 2) } else { batch_size };
        let bytes = self.close();
        let batch = BatchView::parse(&bytes).ok()?;
        let plain = batch.plain_records_of_own(codecs).ok()?;
        let most_bytes = BATCH_OVERHEAD + plain.len();
        let mut parts: Vec<Part> = Vec::new();
        for record in batch.records_in(&plain) {
            let record = record.ok()?;
            let is_in = match parts.last_mut() {
                Some(part) => part.try_append(&record)?,
                None => false,
            };
            if !is_in {
                parts.push(Part::begin(&record, target, most_bytes, estimate)?);
            }
        }
        Some(parts)
    }
}
