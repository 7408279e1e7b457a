//! kafka-protocol's encoder on the same records.

use anyhow::Result;
use bytes::{Bytes, BytesMut};
use kafka_protocol::records::{Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType};

use crate::sample::{Sample, Samples};
use crate::{IDENTITY, NOW};

const OPTIONS: RecordEncodeOptions = RecordEncodeOptions { version: 2, compression: Compression::None };

/// Everything that can be used again is: the list of records and the buffer they are encoded into.
pub(crate) struct Theirs {
    samples: Samples,
    records_per_batch: i32,
    records: Vec<Record>,
    buffer: BytesMut,
    base_sequence: i32,
}

impl Theirs {
    pub(crate) fn new(samples: Samples, records_per_batch: i32) -> Self {
        Self { samples, records_per_batch, records: Vec::new(), buffer: BytesMut::new(), base_sequence: 0 }
    }

    /// Encodes a batch of the next records. `hold` makes of a slice what its `Record` needs, and the batch pays for
    /// letting go of it.
    pub(crate) fn batch(&mut self, hold: impl Fn(&'static [u8]) -> Bytes) -> Result<&[u8]> {
        self.list(hold);
        self.encode()?;
        self.records.clear();
        Ok(&self.buffer)
    }

    /// Makes the list of the next records that a batch is encoded from.
    pub(crate) fn list(&mut self, hold: impl Fn(&'static [u8]) -> Bytes) {
        self.records.clear();
        for index in 0..self.records_per_batch {
            self.records.push(record(self.samples.following(), index, self.base_sequence + index, &hold));
        }
        self.base_sequence += self.records_per_batch;
    }

    /// Encodes the list as it stands.
    pub(crate) fn encode(&mut self) -> Result<&[u8]> {
        self.buffer.clear();
        RecordBatchEncoder::encode(&mut self.buffer, &self.records, &OPTIONS)?;
        Ok(&self.buffer)
    }
}

fn record(sample: &'static Sample, index: i32, sequence: i32, hold: impl Fn(&'static [u8]) -> Bytes) -> Record {
    Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id: IDENTITY.id,
        producer_epoch: IDENTITY.epoch,
        timestamp_type: TimestampType::Creation,
        offset: index.into(),
        sequence,
        timestamp: NOW.wall_ms,
        key: sample.key.as_deref().map(&hold),
        value: Some(hold(&sample.value)),
        headers: Default::default(),
    }
}
