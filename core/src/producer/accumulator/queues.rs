//! The queues of one topic, by partition number.

use std::collections::BTreeMap;

use super::PartitionQueue;

/// Below this a partition's number is its place. A broker that claims a partition far beyond all others gets a queue for that
/// one, and none for all the numbers before it.
const NUMBERED: usize = 1 << 13;

/// Queues of partitions that a batch was wanted for; of others below the highest of them, empty ones.
#[derive(Clone, Debug, Default)]
pub(super) struct TopicQueues {
    numbered: Vec<PartitionQueue>,
    /// From [`NUMBERED`] on.
    beyond: BTreeMap<i32, PartitionQueue>,
}

impl TopicQueues {
    #[inline]
    pub(super) fn get(&self, partition: i32) -> Option<&PartitionQueue> {
        match self.numbered.get(usize::try_from(partition).ok()?) {
            None => self.get_beyond(partition),
            found => found,
        }
    }

    #[cold]
    fn get_beyond(&self, partition: i32) -> Option<&PartitionQueue> {
        self.beyond.get(&partition)
    }

    /// The partition's queue, made if there is none.
    pub(super) fn get_mut(&mut self, partition: i32) -> &mut PartitionQueue {
        let number = partition.unsigned_abs() as usize;
        if number >= NUMBERED {
            return self.beyond.entry(partition).or_default();
        }
        if self.numbered.len() <= number {
            self.numbered.resize_with(number + 1, PartitionQueue::default);
        }
        &mut self.numbered[number]
    }

    /// All of them, by partition.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i32, &PartitionQueue)> {
        (0..).zip(&self.numbered).chain(self.beyond.iter().map(|(&partition, queue)| (partition, queue)))
    }

    /// All of them, by partition.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut PartitionQueue> {
        self.numbered.iter_mut().chain(self.beyond.values_mut())
    }

    /// How many places there are for queues, used or not.
    #[cfg(test)]
    pub(super) fn places(&self) -> usize {
        self.numbered.len() + self.beyond.len()
    }
}
