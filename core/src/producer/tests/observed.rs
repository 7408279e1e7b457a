//! What stories let happen and see beside requests and answers: time, single steps, fates, sequences.

use crate::ids::{BatchId, ProducerIdentity};
use crate::producer::SendAttempt;
use crate::producer::sequence::tests::Known;
use crate::producer::topics::PartitionRef;
use crate::record::Record;

use super::story::{Carried, Story, record};

impl Story {
    /// Sends a record of this topic without letting the sender run.
    pub(super) fn append(&mut self, topic: &str, partition: i32) -> BatchId {
        let wanted = Record { topic, ..record(partition, "v") };
        self.producer.send(self.now(), &mut SendAttempt::default(), &wanted).expect("taken").batch
    }

    /// Metadata of a topic is there.
    pub(super) fn look_at(&mut self, topic: &str) {
        self.producer.partition_count(self.now(), topic);
        self.settle();
    }

    /// So much time passes.
    pub(super) fn pass(&mut self, ms: u64) {
        let later = self.now_ms() + ms;
        self.at_ms(later);
    }

    pub(super) fn identity(&self) -> Option<ProducerIdentity> {
        self.producer.identity.ready()
    }

    pub(super) fn partition(&self, partition: i32) -> PartitionRef {
        PartitionRef { topic: self.producer.topics.find("t").expect("known"), partition }
    }

    /// What is known of a partition's sequences.
    pub(super) fn known(&self, partition: i32) -> Known {
        self.producer.sequences.known(self.partition(partition))
    }

    /// The offset at which a batch was stored, or the class of the error it failed with; `None`: it has no fate yet.
    pub(super) fn fate(&self, batch: BatchId) -> Option<Result<i64, &'static str>> {
        let completion = self.completed.iter().find(|completion| completion.batch == batch)?;
        let result = completion.result.clone();
        Some(result.map(|stored| stored.base_offset).map_err(|failure| failure.error.java_class()))
    }

    /// (partition, values, base sequence, epoch) of each batch that is out.
    pub(super) fn out(&self) -> Vec<(i32, String, i32, i16)> {
        let batches = self.carried.iter().flat_map(Carried::batches);
        batches.map(|(partition, values, sequence, epoch)| (partition, values.concat(), sequence, epoch)).collect()
    }

    /// Time passes until a batch is out.
    pub(super) fn await_batch(&mut self) {
        let at = self.now_ms();
        while self.carried.is_empty() {
            assert!(self.now_ms() < at + 10_000, "nothing leaves");
            self.pass(1);
        }
    }

    /// Sends so many records of a partition of "t" that share a batch; then the sender runs.
    pub(super) fn put_together(&mut self, partition: i32, records: usize) -> BatchId {
        let batches: Vec<_> = (0..records).map(|_| self.append("t", partition)).collect();
        self.settle();
        assert!(batches.iter().all(|batch| *batch == batches[0]), "one batch");
        batches[0]
    }
}

/// A batch that is out, as [`Story::out`] tells it.
pub(super) fn told(partition: i32, values: &str, sequence: i32, epoch: i16) -> (i32, String, i32, i16) {
    (partition, values.to_owned(), sequence, epoch)
}
