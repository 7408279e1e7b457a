//! Our encoder on the same records, without a producer.

use bytes::{Bytes, BytesMut};
use producer_core::record_batch::{BatchBuilder, Stamp};

use crate::sample::Samples;
use crate::{IDENTITY, NOW};

/// Uses its buffer again, as the producer and the other side do.
pub(crate) struct Encoder {
    samples: Samples,
    records_per_batch: u32,
    buffer: BytesMut,
    base_sequence: i32,
}

impl Encoder {
    pub(crate) fn new(samples: Samples, records_per_batch: u32, batch_size: usize) -> Self {
        Self { samples, records_per_batch, buffer: BytesMut::with_capacity(batch_size), base_sequence: 0 }
    }

    /// Writes the next records into a batch and closes it.
    pub(crate) fn batch<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> T {
        let buffer = std::mem::take(&mut self.buffer);
        let limit = buffer.capacity();
        let mut batch = BatchBuilder::new(buffer, limit);
        for _ in 0..self.records_per_batch {
            let sample = self.samples.following();
            let place = batch.try_append(NOW.wall_ms, sample.key.as_deref(), Some(&sample.value), &[]);
            place.expect("the producer's batches hold as many");
        }
        let bytes = batch.close(self.stamp());
        let looked = look(&bytes);
        self.buffer = Bytes::try_into_mut(bytes).expect("nobody else holds the batch");
        looked
    }

    fn stamp(&mut self) -> Stamp {
        let base_sequence = self.base_sequence;
        self.base_sequence += self.records_per_batch.cast_signed();
        Stamp { identity: Some(IDENTITY), base_sequence, transactional: false }
    }
}
