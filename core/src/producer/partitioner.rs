//! Which partition a record goes to (`BuiltInPartitioner`, KIP-480 and KIP-794; `RoundRobinPartitioner`).

use crate::rng::Rng;
use crate::trace::Observer;

use super::Producer;
use super::topics::{PartitionRef, TopicIndex};

/// Where the records of each topic go in turn (`RoundRobinPartitioner`), keys or not: through the partitions with a leader in
/// the order in which the Java client's map has them, as its metadata tells.
#[derive(Clone, Debug, Default)]
pub(super) struct RoundRobin {
    /// Records so far, by topic. As Java's `AtomicInteger` it begins anew below zero.
    dealt: Vec<u32>,
}

impl RoundRobin {
    /// The partition of the topic's next record: one of those with a leader, or any when none has one.
    pub(super) fn deal(&mut self, topic: TopicIndex, available: &[i32], partition_count: u32) -> i32 {
        if self.dealt.len() <= topic.index() {
            self.dealt.resize(topic.index() + 1, 0);
        }
        let dealt = &mut self.dealt[topic.index()];
        // `Utils.toPositive`.
        let place = *dealt & 0x7fff_ffff;
        *dealt = dealt.wrapping_add(1);
        if available.is_empty() {
            return i32::try_from(place % partition_count.max(1)).unwrap_or(0);
        }
        available[place as usize % available.len()]
    }
}

impl<O: Observer> Producer<O> {
    /// The partition of a record whose turn it is, where turns are what decides; none where the record has a partition of its
    /// own, which leaves the turns alone.
    #[inline]
    pub(super) fn partition_in_turn(
        &mut self,
        own: Option<i32>,
        topic: TopicIndex,
        partition_count: u32,
    ) -> Option<PartitionRef> {
        if !self.config.partitioner_is_round_robin() || own.is_some() {
            return None;
        }
        let partition = self.round_robin.deal(topic, self.metadata.available(topic), partition_count);
        Some(PartitionRef { topic, partition })
    }
}

/// The sticky partition of one topic: where records without a key go until enough bytes went there.
#[derive(Clone, Debug, Default)]
pub(super) struct Sticky {
    partition: Option<i32>,
    produced_bytes: u64,
}

impl Sticky {
    /// The partition in force; drawn when there is none yet.
    pub(super) fn partition(&mut self, draw: impl FnOnce() -> i32) -> i32 {
        *self.partition.get_or_insert_with(draw)
    }

    /// `bytes` more went to the partition, batch headers included. Once `batch_size` bytes went there it changes, but
    /// not while a batch of it is still filling, for that would leave small batches behind; at twice `batch_size` it
    /// changes all the same; a `batch_size` above 2³⁰ has its double here, which overflows in `BuiltInPartitioner`. Says whether
    /// it changed.
    ///
    /// Whether all batches are full is asked only when it matters, once `batch_size` bytes went there: looking at them for each
    /// record took a twentieth of what sending costs.
    pub(super) fn on_appended(
        &mut self,
        bytes: usize,
        batch_size: u64,
        all_batches_full: impl FnOnce() -> bool,
        draw: impl FnOnce() -> i32,
    ) -> bool {
        self.produced_bytes += bytes as u64;
        let changes = self.produced_bytes >= batch_size
            && (self.produced_bytes >= batch_size.saturating_mul(2) || all_batches_full());
        if changes {
            *self = Self { partition: Some(draw()), produced_bytes: 0 };
        }
        changes
    }
}

/// How likely partitions are to be drawn next: those with fewer batches waiting, more (`PartitionLoadStats`).
#[derive(Clone, Debug, Default)]
pub(super) struct Weights {
    /// Queue lengths at first, and then the sum of all weights up to here.
    table: Vec<(u64, i32)>,
    len: usize,
}

impl Weights {
    /// None: every partition is as likely as any other.
    pub(super) const fn none() -> Self {
        Self { table: Vec::new(), len: 0 }
    }

    /// Begins to count anew, with room for so many partitions.
    pub(super) fn begin(&mut self, partitions: usize) {
        self.table.clear();
        self.table.resize(partitions, (0, 0));
        self.len = 0;
    }

    /// A partition that has a leader; its queue counts as empty until [`set_length`](Self::set_length).
    pub(super) fn push(&mut self, partition: i32) {
        if let Some(place) = self.table.get_mut(self.len) {
            // The length stays: it is what a partition dropped from this place had, as in the Java client.
            place.1 = partition;
            self.len += 1;
        }
    }

    /// Batches that wait in the queue of the partition pushed last.
    pub(super) fn set_length(&mut self, length: usize) {
        if let Some(place) = self.len.checked_sub(1).and_then(|last| self.table.get_mut(last)) {
            place.0 = length as u64;
        }
    }

    /// Its broker takes nothing: the partition pushed last is left out.
    pub(super) fn drop_last(&mut self) {
        self.len = self.len.saturating_sub(1);
    }

    /// Makes weights of lengths (`updatePartitionLoadStats`). Without a difference there are none.
    pub(super) fn finish(&mut self) {
        let (all, counted) = (self.table.len(), &mut self.table[..self.len]);
        let longest = counted.iter().map(|&(length, _)| length).max().unwrap_or(0);
        let all_equal = counted.iter().all(|&(length, _)| length == longest);
        if all < 2 || (all_equal && counted.len() == all) {
            self.len = 0;
            return;
        }
        let mut sum = 0;
        for (length, _) in counted {
            sum += longest + 1 - *length;
            *length = sum;
        }
    }

    fn draw(&self, rng: &mut Rng) -> Option<i32> {
        let sum = self.table[..self.len].last()?.0;
        self.at(rng.below(sum))
    }

    /// The partition on which a number below the sum of all weights falls.
    pub(super) fn at(&self, drawn: u64) -> Option<i32> {
        self.table[..self.len].iter().find(|&&(sum, _)| sum > drawn).map(|&(_, partition)| partition)
    }
}

/// Draws a partition: by weights if there are any, else one of those with a leader, or any when none has one. The same may be drawn again.
pub(super) fn draw(weights: &Weights, available: &[i32], partition_count: u32, rng: &mut Rng) -> i32 {
    if let Some(partition) = weights.draw(rng) {
        return partition;
    }
    if available.is_empty() {
        // Below the count, which came from an i32.
        return i32::try_from(rng.below(partition_count.into())).unwrap_or(0);
    }
    let index = rng.below(available.len() as u64);
    available[usize::try_from(index).unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Purpose;

    #[test]
    fn the_partition_stays_until_batch_size_bytes_went_there() {
        let mut sticky = Sticky::default();
        assert_eq!(sticky.partition(|| 2), 2);
        assert!(!sticky.on_appended(99, 100, || true, || 0));
        assert_eq!(sticky.partition(|| 7), 2, "drawn once");
        assert!(sticky.on_appended(1, 100, || true, || 1));
        assert_eq!(sticky.partition(|| 7), 1);
    }

    /// Mirrors `BuiltInPartitionerTest.testStickyPartitioning`: with room for three records the partition stays for
    /// three and is another one for the fourth; a topic with one partition goes on with that.
    #[test]
    fn three_records_go_to_a_partition_and_the_fourth_to_another_unless_there_is_none() {
        let mut sticky = Sticky::default();
        let mut numbers = 0..;
        let mut next = || numbers.next().expect("endless") % 3;
        for _ in 0..3 {
            assert_eq!(sticky.partition(&mut next), 0);
            sticky.on_appended(1, 3, || true, &mut next);
        }
        assert_eq!(sticky.partition(&mut next), 1);
        let mut only = Sticky::default();
        for _ in 0..10 {
            assert_eq!(only.partition(|| 0), 0);
            assert!(only.on_appended(1, 1, || true, || 0));
        }
    }

    /// Mirrors `BuiltInPartitionerTest.unavailablePartitionsTest`: of three partitions the one without a leader is
    /// never chosen and both others are; of two the one with a leader always; and one alone even without.
    #[test]
    fn a_partition_without_a_leader_is_chosen_only_where_no_other_is() {
        // (those with a leader, number of partitions, those that may be chosen)
        for (available, count, expected) in [(&[0, 2][..], 3, &[0, 2][..]), (&[1], 2, &[1]), (&[], 1, &[0])] {
            let mut rng = Rng::stream(3, Purpose::Partitioner);
            let mut draw = || draw(&Weights::default(), available, count, &mut rng);
            let mut sticky = Sticky::default();
            let mut chosen = std::collections::BTreeSet::new();
            for _ in 0..101 {
                chosen.insert(sticky.partition(&mut draw));
                sticky.on_appended(1, 1, || true, &mut draw);
            }
            assert_eq!(Vec::from_iter(chosen), expected);
        }
    }

    /// Mirrors `RoundRobinPartitionerTest.testRoundRobinWithUnavailablePartitions`: of three partitions the one without a
    /// leader is never chosen, and each of the others for half of a hundred records.
    #[test]
    fn in_turn_every_partition_with_a_leader_gets_the_same_and_the_one_without_none() {
        let mut turns = RoundRobin::default();
        let mut times = [0; 3];
        for _ in 0..100 {
            times[usize::try_from(turns.deal(TopicIndex(0), &[0, 2], 3)).expect("a partition")] += 1;
        }
        assert_eq!(times, [50, 0, 50]);
    }

    /// As `RoundRobinPartitioner.partition` has it: without a leader anywhere all partitions have their turn; a partition that
    /// loses its leader moves those behind it up; and the count goes on after 2³¹ records, and after 2³².
    #[test]
    fn turns_are_counted_and_not_remembered() {
        let mut turns = RoundRobin::default();
        let topic = TopicIndex(0);
        let mut deal = |available: &[i32]| turns.deal(topic, available, 3);
        assert_eq!([&[][..], &[], &[], &[], &[0, 1, 2], &[0, 2], &[]].map(&mut deal), [0, 1, 2, 0, 1, 2, 0]);
        for last in [0x7fff_ffff, u32::MAX] {
            let mut turns = RoundRobin { dealt: vec![last] };
            // 2³¹ − 1 is one more than a multiple of three.
            assert_eq!([1, 0, 1].map(|_| turns.deal(topic, &[0, 1, 2], 3)), [1, 0, 1]);
        }
    }

    #[test]
    fn an_open_batch_holds_the_change_off_up_to_twice_batch_size() {
        let mut sticky = Sticky::default();
        sticky.partition(|| 0);
        assert!(!sticky.on_appended(199, 100, || false, || 1));
        assert!(sticky.on_appended(1, 100, || false, || 1));
        assert!(!sticky.on_appended(150, 100, || false, || 2));
        assert!(sticky.on_appended(0, 100, || true, || 2), "the batch is full now");
    }

    #[test]
    fn partitions_without_a_leader_are_not_drawn_while_others_have_one() {
        let mut rng = Rng::stream(3, Purpose::Partitioner);
        let drawn: Vec<_> = (0..100).map(|_| draw(&Weights::default(), &[1, 4], 6, &mut rng)).collect();
        assert!(drawn.iter().all(|partition| [1, 4].contains(partition)) && drawn.contains(&1) && drawn.contains(&4));
        let drawn: Vec<_> = (0..200).map(|_| draw(&Weights::default(), &[], 6, &mut rng)).collect();
        assert!((0..6).all(|partition| drawn.contains(&partition)));
    }

    fn weighed(lengths: &[usize]) -> Weights {
        let mut weights = Weights::default();
        weights.begin(lengths.len());
        for (&length, partition) in lengths.iter().zip(10..) {
            weights.push(partition);
            weights.set_length(length);
        }
        weights
    }

    #[test]
    fn short_queues_are_drawn_more_often_in_kafkas_proportions() {
        // The example in `BuiltInPartitioner`: queues 0, 3, 1 have the weights 4, 1, 3.
        let mut weights = weighed(&[0, 3, 1]);
        weights.finish();
        assert_eq!(weights.table, [(4, 10), (5, 11), (8, 12)]);
        let mut rng = Rng::stream(3, Purpose::Partitioner);
        let mut times = [0; 3];
        for _ in 0..8_000 {
            times[usize::try_from(draw(&weights, &[], 3, &mut rng) - 10).expect("drawn from the table")] += 1;
        }
        assert!((3_800..4_200).contains(&times[0]) && (800..1_200).contains(&times[1]), "{times:?}");
    }

    /// Mirrors `BuiltInPartitionerTest.adaptivePartitionsTest`: queues of 5, 0, 3, 0 and 1 batches are drawn exactly 6
    /// minus their length times in every round through the table.
    #[test]
    fn every_partition_is_drawn_as_often_as_the_longest_queue_exceeds_its_own_and_once_more() {
        let lengths = [5, 0, 3, 0, 1];
        let mut weights = weighed(&lengths);
        weights.finish();
        let sum = weights.table.last().expect("five").0;
        let mut times = [0; 5];
        for drawn in 0..2 * sum {
            let partition = weights.at(drawn % sum).expect("below the sum");
            times[usize::try_from(partition - 10).expect("drawn from the table")] += 1;
        }
        assert_eq!(times, lengths.map(|length| 2 * (6 - length)));
    }

    #[test]
    fn queues_of_one_length_have_no_weights_unless_one_is_left_out() {
        let mut weights = weighed(&[2, 2]);
        weights.finish();
        assert_eq!(weights.len, 0);
        let mut weights = weighed(&[2, 2]);
        weights.drop_last();
        weights.finish();
        assert_eq!(weights.table[..weights.len], [(1, 10)]);
    }
}
