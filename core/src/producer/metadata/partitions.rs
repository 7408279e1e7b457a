//! The partitions that metadata tell of one topic, with or without gaps between their numbers.

use std::collections::BTreeMap;

use super::topic::PartitionMetadata;

/// As many as were told, whatever their numbers: what a broker claims of those takes no room.
///
/// A sound cluster tells 0, 1, 2 and so on, and a number is its place. Where it tells others, the Java client counts what was
/// told, and looks for a number among them (`Cluster.partitionCountForTopic`, `MetadataSnapshot.metadataByPartition`).
#[derive(Clone, Debug, Default)]
pub(super) struct Partitions {
    /// By number.
    told: Vec<PartitionMetadata>,
    /// Their numbers, in order, unless each is its place.
    numbers: Option<Vec<i32>>,
}

impl Partitions {
    pub(super) fn of(told: BTreeMap<i32, PartitionMetadata>) -> Self {
        let is_gapless = (0..).zip(told.keys()).all(|(place, &number): (i32, _)| place == number);
        let numbers = (!is_gapless).then(|| told.keys().copied().collect());
        Self { told: told.into_values().collect(), numbers }
    }

    pub(super) fn len(&self) -> usize {
        self.told.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    pub(super) fn get(&self, number: i32) -> Option<&PartitionMetadata> {
        self.told.get(self.place(number)?)
    }

    pub(super) fn get_mut(&mut self, number: i32) -> Option<&mut PartitionMetadata> {
        let place = self.place(number)?;
        self.told.get_mut(place)
    }

    /// The number of the partition at this place.
    pub(super) fn number_at(&self, place: usize) -> i32 {
        let numbered = self.numbers.as_ref().and_then(|numbers| numbers.get(place));
        // As many as entries in one answer.
        numbered.copied().unwrap_or_else(|| i32::try_from(place).unwrap_or(i32::MAX))
    }

    /// Of all, in order.
    pub(super) fn numbers(&self) -> impl Iterator<Item = i32> {
        (0..self.len()).map(|place| self.number_at(place))
    }

    fn place(&self, number: i32) -> Option<usize> {
        match &self.numbers {
            None => usize::try_from(number).ok(),
            Some(numbers) => numbers.binary_search(&number).ok(),
        }
    }
}
