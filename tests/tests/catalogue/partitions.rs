//! Where records go.

use cross_tests::peers::confluent;
use producer_core::judge::CallId;
use producer_core::murmur2::{murmur2, partition_for_key};
use producer_core::scenario::Keys;

use super::played::{Played, play, row};

/// Lengths of the stretches in which records went to one partition.
fn runs(partitions: &[i32]) -> Vec<usize> {
    partitions.chunk_by(|one, other| one == other).map(<[i32]>::len).collect()
}

/// Of so many partitions, how many records each got.
fn shares(partitions: &[i32], count: usize) -> Vec<usize> {
    (0..count).map(|partition| partitions.iter().filter(|&&of| usize::try_from(of) == Ok(partition)).count()).collect()
}

#[test]
fn row_17_records_without_a_key_stay_with_a_partition_for_a_batchs_worth_of_bytes() {
    let played = play(17, 0);
    let partitions = played.partitions();
    // The last stretch ends with the load.
    let runs = runs(&partitions);
    let whole = &runs[..runs.len() - 1];
    // Two stretches may follow one another on one partition.
    assert!(!whole.is_empty() && whole.iter().all(|run| *run >= 148), "{runs:?}");
    assert!(whole.iter().any(|run| *run <= 296), "{runs:?}");
    let few = shares(&partitions, 6);
    assert!(few.iter().max() > Some(&250) || few.contains(&0), "a thousand records are far from even: {few:?}");
    let mut scenario = row(17);
    scenario.producers[0].callers[0].loads[0].count = 50_000;
    scenario.producers[0].callers[0].pace_us = 40;
    scenario.max_events = 10_000_000;
    let many = shares(&Played::of(&scenario, 0).partitions(), 6);
    let even = 50_000 / 6;
    assert!(many.iter().all(|share| share.abs_diff(even) < even * 2 / 5), "many are nearly even: {many:?}");
}

#[test]
fn row_18_adaptive_partitioning_spares_the_slow_broker_and_uniform_partitioning_waits_for_it() {
    let of_the_slow = |played: &Played| {
        let shares = shares(&played.partitions(), 6);
        (shares[1] + shares[4], shares.iter().sum::<usize>())
    };
    let adaptive = play(18, 0);
    let (slow, all) = of_the_slow(&adaptive);
    assert!(slow * 6 < all, "less than half its share: {slow} of {all}");
    let uniform = play(18, 1);
    let (slow, all) = of_the_slow(&uniform);
    assert!(slow * 4 > all, "a third, give or take: {slow} of {all}");
    assert!(uniform.most_memory() > 131_072 - 2_000, "the buffer is full of its records");
    let longest = |played: &Played| (0..6_000).map(|call| played.send_took(call)).fold(0.0, f64::max);
    assert!(longest(&uniform) > 100.0 && longest(&adaptive) == 0.0, "send() waits for memory");
    assert!(uniform.span() > 2.0 * adaptive.span(), "and with it all the others");
}

#[test]
fn row_19_a_silent_broker_gets_no_more_records_without_a_key_where_a_timeout_says_so() {
    let late = |played: &Played, has_key: bool| {
        let calls = &played.ending.history.calls;
        let is_meant = |call: &&producer_core::judge::Call| {
            call.key.is_some() == has_key && call.partition == Some(1) && played.ms(call.called.at) > 2_500.0
        };
        calls.iter().filter(is_meant).count()
    };
    let (timed, patient) = (play(19, 0), play(19, 1));
    assert_eq!(late(&timed, false), 0);
    assert!(late(&patient, false) > 20, "without the timeout they go on: {}", late(&patient, false));
    assert!(late(&timed, true) > 5, "keys stay with their partition");
    let keyed_fail = timed.told().into_iter().any(|(call, _, what)| {
        timed.ending.history.calls[call as usize].key.is_some() && what == Err("TimeoutException".to_owned())
    });
    assert!(keyed_fail);
}

#[test]
fn row_28_a_hot_key_keeps_one_broker_busy_and_ignoring_keys_costs_their_order() {
    assert_eq!((murmur2(b"A") & i32::MAX, partition_for_key(b"A", 6)), (1_592_744_578, 4));
    let pinned = play(28, 0);
    let hot = shares(&pinned.partitions(), 6)[4];
    assert!((1_500..1_700).contains(&hot), "{hot} of 2000");
    let ignored = play(28, 1);
    let most = shares(&ignored.partitions(), 6).into_iter().max().expect("six");
    assert!(most < 1_000, "{most}");
    let keys = &ignored.ending.history.calls;
    let first = keys[0].key.expect("it has one").name;
    let mut of_one_key: Vec<i32> = keys
        .iter()
        .filter(|call| call.key.is_some_and(|key| key.name == first))
        .filter_map(|call| call.partition)
        .collect();
    of_one_key.dedup();
    of_one_key.sort_unstable();
    of_one_key.dedup();
    assert!(of_one_key.len() > 1, "one key is in several logs, which no reader reads in order");
}

#[test]
fn row_29_twelve_partitions_are_not_six_for_half_of_the_keys() {
    let expected = [(2, 8), (2, 8), (5, 11), (1, 7), (4, 10), (5, 5), (2, 8), (3, 9), (5, 11), (2, 2), (4, 10), (0, 6)];
    let played = play(29, 0);
    let partitions = played.partitions();
    assert_eq!(partitions.len(), 240);
    for (key, (before, after)) in expected.into_iter().enumerate() {
        let of_key: Vec<i32> = partitions.iter().skip(key).step_by(12).copied().collect();
        assert_eq!((of_key[0], of_key[19]), (before, after), "user-{}", key + 1);
        let changed = of_key.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert_eq!(changed, usize::from(before != after), "once, when the producer learns of it");
    }
    let moved = |to: i32| {
        let keys = (0..10_000).map(|number| format!("key-{number}"));
        let moved = keys.filter(|key| partition_for_key(key.as_bytes(), 6) != partition_for_key(key.as_bytes(), to));
        moved.count()
    };
    assert!((4_800..5_200).contains(&moved(12)), "{}", moved(12));
    assert!((8_450..8_700).contains(&moved(7)), "{}", moved(7));
}

/// librdkafka's default for keys is CRC-32 modulo the number of partitions.
#[test]
fn row_30_two_clients_put_the_same_key_into_different_partitions() {
    let played = play(30, 0);
    let ours = [0, 1].map(|call| played.partition_of(CallId(call)));
    assert_eq!(ours, [Some(2), Some(5)]);
    let keys = match &row(30).producers[0].callers[0].loads[0].keys {
        Keys::List { keys } => keys.clone(),
        other => panic!("{other:?}"),
    };
    let theirs: Vec<i32> = keys.iter().flatten().map(|key| confluent::partition_for_key(key.as_bytes(), 6)).collect();
    assert_eq!(theirs, [4, 0]);
}
