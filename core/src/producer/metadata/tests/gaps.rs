//! Partition numbers with gaps between them: as many as are told, wherever they are.

use super::*;

/// Partitions by these numbers, led by broker 1 in this epoch.
fn numbered(numbers: &[i32], epoch: i32) -> MetadataTopic {
    let mut told = sound(0, i32::try_from(numbers.len()).expect("a few"), epoch);
    told.partitions.iter_mut().zip(numbers).for_each(|(partition, &number)| partition.partition = number);
    told
}

/// `Cluster.partitionCountForTopic` is how many were told, and `availablePartitionsForTopic` those with a leader, whatever
/// their numbers are.
#[test]
fn what_is_told_is_counted_and_what_is_led_is_available_whatever_the_numbers() {
    let far = [i32::MAX - 1, i32::MAX];
    for numbers in [&[0, 1][..], &[0, 2], &[1], &[5], &[0, i32::MAX], &far, &[7, 3, 11]] {
        let mut believed = Believed::new();
        believed.add(0);
        believed.update(false, vec![numbered(numbers, 4)]);
        let mut in_order = numbers.to_vec();
        in_order.sort_unstable();
        assert_eq!(believed.add(0), Some(u32::try_from(numbers.len()).expect("a few")), "{numbers:?}");
        assert_eq!(believed.metadata.available(topic(0)), in_order, "{numbers:?}");
        let led = in_order.iter().map(|&number| partition(0, number)).collect::<Vec<_>>();
        // Served in the order of the Java client's map.
        let mut served = believed.metadata.partitions_of(NodeId(1)).to_vec();
        served.sort_unstable();
        assert_eq!(served, led, "{numbers:?}");
        for number in [0, 1, 2, 3, 4, 5, i32::MAX, -1, i32::MIN] {
            let expected = numbers.contains(&number).then_some((1, 4));
            assert_eq!(believed.leader(partition(0, number)), expected, "{number} of {numbers:?}");
        }
    }
}

/// A partition beyond the count has an epoch like others: a newer leader is believed, an older one is not, also when numbers
/// have become places meanwhile and no longer are; and one that was never known is not counted for an old answer
/// (`Metadata.updateLatestMetadata`, `updatePartitionLeadership`).
#[test]
fn partitions_behind_a_gap_keep_their_epochs_when_it_closes_and_opens() {
    let mut believed = Believed::new();
    believed.add(0);
    for (numbers, epoch, count, expected) in [
        (&[0, 2][..], 5, 2, Some((1, 5))),
        (&[0, 1, 2], 4, 2, Some((1, 5))),
        (&[0, 1, 2], 6, 3, Some((1, 6))),
        (&[0], 6, 1, None),
        (&[0, 2], 5, 1, None),
        (&[2], 7, 1, Some((1, 7))),
    ] {
        // Partition 1 was seen in epoch 6 before any other answer told it.
        if count == 2 && numbers.len() == 3 {
            believed.metadata.topics[0].last_epochs.insert(1, 6);
        }
        believed.update(false, vec![numbered(numbers, epoch)]);
        assert_eq!(believed.add(0), Some(count), "{numbers:?} in {epoch}");
        assert_eq!(believed.leader(partition(0, 2)), expected, "{numbers:?} in {epoch}");
    }
    let named = |leader, epoch| LeaderIdAndEpoch { leader: NodeId(leader), epoch };
    assert!(believed.metadata.on_current_leaders(&[(partition(0, 2), named(2, 8))], &[]));
    assert!(!believed.metadata.on_current_leaders(&[(partition(0, 2), named(1, 8))], &[]), "no newer");
    assert!(!believed.metadata.on_current_leaders(&[(partition(0, 0), named(2, 99))], &[]), "not told any more");
    assert_eq!(believed.leader(partition(0, 2)), Some((2, 8)));
}

/// A number below zero is nobody's, but counts.
#[test]
fn a_number_below_zero_is_counted_and_never_led() {
    let mut believed = Believed::new();
    believed.add(0);
    believed.update(false, vec![numbered(&[-1, 0], 1)]);
    assert_eq!((believed.add(0), believed.metadata.available(topic(0))), (Some(2), &[0][..]));
    assert_eq!(believed.leader(partition(0, -1)), None);
}

/// The list of leaders by number, which whoever looks on gets, is as long as its highest number, but never for a claim alone.
#[test]
fn leaders_are_listed_by_number_and_those_far_out_left_out() {
    for (numbers, expected) in [
        (&[0, 2][..], &[1, -1, 1][..]),
        (&[1], &[-1, 1]),
        (&[0, i32::MAX], &[1]),
        (&[i32::MAX - 1, i32::MAX], &[]),
        (&[-1, 1], &[-1, 1]),
    ] {
        let mut believed = Believed::new();
        believed.add(0);
        believed.update(false, vec![numbered(numbers, 1)]);
        let listed: Vec<_> = believed.metadata.leaders().collect();
        assert_eq!(listed, [(topic(0), expected.iter().map(|&node| NodeId(node)).collect())], "{numbers:?}");
    }
}

/// With available partitions in the order of the Java client's map, of what was told alone.
#[test]
fn in_the_maps_order_too_what_is_led_is_available() {
    let mut believed = Believed::new();
    believed.metadata = believed.metadata.available_in_map_order(true);
    believed.add(0);
    believed.update(false, vec![numbered(&[0, 2, i32::MAX], 1)]);
    let mut available = believed.metadata.available(topic(0)).to_vec();
    available.sort_unstable();
    assert_eq!(available, [0, 2, i32::MAX]);
}

/// Brokers that tell other partitions each time have no epochs gather without end.
#[test]
fn epochs_of_partitions_that_are_not_told_any_more_are_bounded() {
    let mut believed = Believed::new();
    believed.add(0);
    for answer in 0..6 {
        let numbers: Vec<i32> = (0..40_000).map(|number| answer * 40_000 + number).collect();
        believed.update(false, vec![numbered(&numbers, 1)]);
        assert!(believed.metadata.topics[0].last_epochs.len() <= EPOCHS_KEPT);
    }
    assert_eq!(believed.leader(partition(0, 200_000)), Some((1, 1)));
}
