//! Which partition a record goes to (`BuiltInPartitioner`, KIP-480 and KIP-794).

use crate::rng::Rng;

/// The sticky partition of one topic: where records without a key go until enough bytes went there.
///
/// The partition is drawn uniformly. Weights by queue length (adaptive partitioning) would go into [`draw`].
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
    /// changes all the same. Says whether it changed.
    pub(super) fn on_appended(
        &mut self,
        bytes: usize,
        batch_size: u64,
        all_batches_full: bool,
        draw: impl FnOnce() -> i32,
    ) -> bool {
        self.produced_bytes += bytes as u64;
        let enough = if all_batches_full { batch_size } else { batch_size.saturating_mul(2) };
        let changes = self.produced_bytes >= enough;
        if changes {
            *self = Self { partition: Some(draw()), produced_bytes: 0 };
        }
        changes
    }
}

/// Draws a partition: one of those with a leader, or any when none has one. The same may be drawn again.
pub(super) fn draw(available: &[i32], partition_count: u32, rng: &mut Rng) -> i32 {
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
        assert!(!sticky.on_appended(99, 100, true, || 0));
        assert_eq!(sticky.partition(|| 7), 2, "drawn once");
        assert!(sticky.on_appended(1, 100, true, || 1));
        assert_eq!(sticky.partition(|| 7), 1);
    }

    #[test]
    fn an_open_batch_holds_the_change_off_up_to_twice_batch_size() {
        let mut sticky = Sticky::default();
        sticky.partition(|| 0);
        assert!(!sticky.on_appended(199, 100, false, || 1));
        assert!(sticky.on_appended(1, 100, false, || 1));
        assert!(!sticky.on_appended(150, 100, false, || 2));
        assert!(sticky.on_appended(0, 100, true, || 2), "the batch is full now");
    }

    #[test]
    fn partitions_without_a_leader_are_not_drawn_while_others_have_one() {
        let mut rng = Rng::stream(3, Purpose::Partitioner);
        let drawn: Vec<_> = (0..100).map(|_| draw(&[1, 4], 6, &mut rng)).collect();
        assert!(drawn.iter().all(|partition| [1, 4].contains(partition)) && drawn.contains(&1) && drawn.contains(&4));
        let drawn: Vec<_> = (0..200).map(|_| draw(&[], 6, &mut rng)).collect();
        assert!((0..6).all(|partition| drawn.contains(&partition)));
    }
}
