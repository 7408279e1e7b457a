//! Several transactions at a time, and how far readers may read.

use super::*;

/// Transactional ids whose coordinator is the same broker.
const IDS: [&str; 3] = [TX, "fresh", "c"];

/// Both protocols: the version of Produce, and that of EndTxn.
const PROTOCOLS: [(i16, i16); 2] = [(10, 4), (12, 5)];

/// Begins a transaction of this id with one record in partition 0; gives its producer and the record's offset.
fn begin(world: &mut World, id: &str, produce_version: i16) -> (ProducerIdentity, i64) {
    let producer = world.init(id, None).unwrap();
    if produce_version < 12 {
        assert_eq!(world.add_as(id, 3, producer, "orders", &[0]), [ErrorCode::NONE]);
    }
    let written = world.write_within(id, produce_version, 0, transactional(producer, 0, &["v"]));
    assert_eq!(written.error, ErrorCode::NONE);
    (producer, written.base_offset)
}

/// Mirrors `ProducerStateManagerTest.testFirstUnstableOffset`: nothing is undecided at first; then the first record of the
/// first transaction is; a second transaction changes nothing; when the first is committed it is the first record of the
/// second, and nothing when that is aborted; with both versions of transactions.
#[test]
fn readers_are_held_back_by_the_first_record_that_is_undecided() {
    for (produce_version, end_version) in PROTOCOLS {
        let mut world = World::new();
        world.produce(0, plain(&["before"]));
        assert_eq!(world.read_committed(0).last_stable_offset, 1, "nothing is undecided");
        let (first, first_offset) = begin(&mut world, TX, produce_version);
        assert_eq!((first_offset, world.read_committed(0).last_stable_offset), (1, 1));
        world.produce(0, plain(&["between"]));
        let (second, second_offset) = begin(&mut world, "fresh", produce_version);
        assert_eq!((second_offset, world.read_committed(0).last_stable_offset), (3, 1));
        world.end_of(TX, end_version, first, true).unwrap();
        assert_eq!(world.read_committed(0).last_stable_offset, 3);
        world.end_of("fresh", end_version, second, false).unwrap();
        let read = world.read_committed(0);
        assert_eq!((read.last_stable_offset, read.high_watermark), (6, 6));
    }
}

/// Mirrors `ProducerStateManagerTest.testLastStableOffsetCompletedTxn`: of three transactions begun one after the other, the
/// first is completed, then the third, and readers stand at the beginning of the second until that is completed too.
#[test]
fn the_order_in_which_transactions_end_does_not_matter() {
    for (produce_version, end_version) in PROTOCOLS {
        let mut world = World::new();
        let begun = IDS.map(|id| begin(&mut world, id, produce_version));
        assert_eq!(begun.map(|(_, offset)| offset), [0, 1, 2]);
        for (ended, last_stable_offset) in [(0, 1), (2, 1), (1, 6)] {
            world.end_of(IDS[ended], end_version, begun[ended].0, true).unwrap();
            assert_eq!(world.read_committed(0).last_stable_offset, last_stable_offset);
        }
    }
}
