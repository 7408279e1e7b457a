//! Clients of protocol 1 (KIP-98): they add partitions themselves, and an end keeps their epoch.

use super::*;
const ADDED: [ErrorCode; 1] = [ErrorCode::NONE];

#[test]
fn a_partition_must_be_added_before_it_is_written_to() {
    let mut world = World::new();
    let producer = world.producer();
    let refused = world.write_in(10, 0, producer, 0, &["a"]);
    assert_eq!(refused.error, ErrorCode::INVALID_TXN_STATE);
    assert_eq!(refused.error_message.as_deref(), Some("Partition was not added to the transaction"));
    assert_eq!(refused.log_start_offset, -1);
    assert_eq!(world.write_in(11, 0, producer, 0, &["a"]).error, ErrorCode::TRANSACTION_ABORTABLE);
    assert_eq!(world.add(3, producer, "orders", &[0]), ADDED);
    assert_eq!(world.write_in(10, 0, producer, 0, &["a"]).error, ErrorCode::NONE);
    assert_eq!(world.write_in(10, 1, producer, 0, &["x"]).error, ErrorCode::INVALID_TXN_STATE, "only that one");
}

#[test]
fn an_end_keeps_the_epoch_and_sequences_go_on() {
    let mut world = World::new();
    let producer = world.producer();
    for (sequence, committed) in [(0, true), (1, false)] {
        world.add(3, producer, "orders", &[0]);
        assert_eq!(world.write_in(10, 0, producer, sequence, &["a"]).error, ErrorCode::NONE);
        // The identity is told since version 5.
        assert_eq!(world.end(4, producer, committed), Ok(ProducerIdentity::NONE));
    }
    assert_eq!(world.markers(), [(1, producer.epoch, true), (3, producer.epoch, false)]);
    let aborted = AbortedTransaction { producer_id: producer.id, first_offset: 2 };
    assert_eq!(world.read_committed(0).aborted_transactions, Some(vec![aborted]));
}

#[test]
fn an_end_is_repeated_as_long_as_it_says_the_same() {
    let mut world = World::new();
    let producer = world.producer();
    assert_eq!(world.end(4, producer, true), Err(ErrorCode::INVALID_TXN_STATE), "nothing was begun");
    assert_eq!(world.end(4, producer, false), Err(ErrorCode::INVALID_TXN_STATE), "not even an abort");
    for committed in [true, false] {
        world.add(3, producer, "orders", &[0]);
        for _ in 0..2 {
            world.end(4, producer, committed).unwrap();
        }
        assert_eq!(world.end(4, producer, !committed), Err(ErrorCode::INVALID_TXN_STATE));
    }
    assert_eq!(world.markers().len(), 2);
}

#[test]
fn a_batch_that_comes_after_the_end_of_its_transaction_is_refused() {
    let mut world = World::new();
    let producer = world.producer();
    world.add(3, producer, "orders", &[0]);
    world.write_in(10, 0, producer, 0, &["a"]);
    world.end(4, producer, false).unwrap();
    assert_eq!(world.write_in(10, 0, producer, 1, &["late"]).error, ErrorCode::INVALID_TXN_STATE);
    assert_eq!(world.write_in(10, 0, producer, 0, &["a"]).error, ErrorCode::INVALID_TXN_STATE, "even a known one");
}

#[test]
fn one_partition_that_cannot_be_added_keeps_out_all() {
    let mut world = World::new();
    let producer = world.producer();
    let (unknown, untried) = (ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, ErrorCode::OPERATION_NOT_ATTEMPTED);
    assert_eq!(world.add(3, producer, "orders", &[0, 9]), [untried, unknown]);
    assert_eq!(world.add(3, producer, "__consumer_offsets", &[0]), [ErrorCode::TOPIC_AUTHORIZATION_FAILED]);
    assert_eq!(world.end(4, producer, true), Err(ErrorCode::INVALID_TXN_STATE), "nothing was begun");
}

#[test]
fn a_fenced_producer_is_told_in_the_code_that_its_version_knows() {
    let mut world = World::new();
    let zombie = world.producer();
    world.init(TX, None).unwrap();
    let (old, new) = (ErrorCode::INVALID_PRODUCER_EPOCH, ErrorCode::PRODUCER_FENCED);
    assert_eq!((world.add(1, zombie, "orders", &[0]), world.add(2, zombie, "orders", &[0])), (vec![old], vec![new]));
    assert_eq!((world.end(1, zombie, true), world.end(2, zombie, true)), (Err(old), Err(new)));
    let link = world.connect(COORDINATOR);
    for (version, code) in [(3, old), (4, new)] {
        let request = InitProducerIdRequest {
            transactional_id: Some(TX.into()),
            transaction_timeout_ms: 1_000,
            producer_id: 77,
            producer_epoch: 0,
        };
        let answer = world.ask_in_version(link, version, Request::InitProducerId(request));
        let Some(Response::InitProducerId(answer)) = answer else { panic!() };
        assert_eq!(answer.error, code);
    }
}

#[test]
fn a_transaction_that_still_waits_for_its_markers_keeps_the_next_batch_out() {
    let mut world = World::new();
    let producer = world.producer();
    world.add(3, producer, "orders", &[0, 1]);
    world.cluster.move_leader(world.now(), &orders(0), NodeId(-1)).unwrap();
    world.end(4, producer, true).unwrap();
    assert_eq!(world.add(3, producer, "orders", &[1]), [ErrorCode::CONCURRENT_TRANSACTIONS]);
    // In words that make an old client try again.
    let refused = world.write_in(10, 1, producer, 0, &["x"]);
    assert_eq!(refused.error, ErrorCode::NOT_ENOUGH_REPLICAS);
    assert_eq!(
        refused.error_message.as_deref(),
        Some(
            "Unable to verify the partition has been added to the transaction. Underlying error: CONCURRENT_TRANSACTIONS"
        )
    );
}

/// Brokers that finalise version 1 of transactions abort in its way, whichever the client speaks
/// (`TransactionCoordinator.endTransactionWithTV1`).
#[test]
fn brokers_of_protocol_1_fence_whoever_took_too_long() {
    let mut world = World::of(ClusterConfig { transaction_version: 1, ..at_once() });
    let slow = world.init_with_timeout(TX, 1_000, None).unwrap();
    world.add(3, slow, "orders", &[0]);
    world.write_in(11, 0, slow, 0, &["a"]);
    world.pass(Duration::from_secs(10));
    assert_eq!(world.markers(), [(1, slow.epoch + 1, false)]);
    assert_eq!(world.write_in(11, 0, slow, 1, &["b"]).error, ErrorCode::INVALID_PRODUCER_EPOCH);
    assert_eq!(world.end(4, slow, false), Err(ErrorCode::PRODUCER_FENCED), "the abort was not its own");
    assert_eq!(world.init(TX, Some(slow)), Err(ErrorCode::PRODUCER_FENCED), "nor may it go on under the new epoch");
    assert_eq!(world.init(TX, None), Ok(raised(raised(slow))));
}

#[test]
fn brokers_of_protocol_1_give_a_new_id_only_to_the_next_producer() {
    let mut world = World::of(ClusterConfig { transaction_version: 1, ..at_once() });
    let last = world.producer_in_its_last_epoch();
    world.add(3, last, "orders", &[0]);
    world.write_in(11, 0, last, 0, &["a"]);
    assert_eq!(world.init(TX, None), Err(ErrorCode::CONCURRENT_TRANSACTIONS));
    assert_eq!(world.markers(), [(1, i16::MAX, false)]);
    assert_eq!(world.init(TX, None), Ok(ProducerIdentity { id: last.id + 1, epoch: 0 }));
}

/// `TransactionMetadata.prepareAbortOrCommit` raises the epoch beyond what there is. An Apache Kafka was asked.
#[test]
fn above_the_last_epoch_nothing_is_committed_as_protocol_2_does() {
    let mut world = World::of(ClusterConfig { transaction_version: 1, ..at_once() });
    let last = world.producer_in_its_last_epoch();
    world.write(0, last, 0, &["a"]);
    assert_eq!(world.init(TX, None), Err(ErrorCode::CONCURRENT_TRANSACTIONS));
    assert_eq!(world.abort(last), Ok(raised(last)), "it is taken for a repetition");
    assert_eq!(world.write(0, raised(last), 0, &["b"]), ErrorCode::NONE);
    assert_eq!(world.commit(raised(last)), Err(ErrorCode::UNKNOWN_SERVER_ERROR));
    assert_eq!(world.init(TX, Some(last)), Err(ErrorCode::CONCURRENT_TRANSACTIONS), "it is open, and fenced");
    assert_eq!(world.init(TX, Some(last)), Err(ErrorCode::UNKNOWN_SERVER_ERROR));
    assert_eq!(world.init(TX, None), Ok(ProducerIdentity { id: last.id + 1, epoch: 0 }));
    assert_eq!(world.markers(), [(1, i16::MAX, false), (3, i16::MAX, false)]);
}

/// Mirrors `ProducerStateManagerTest.testAllowNonZeroSequenceForTransactionsV1WithEmptyState`: with version 1 of
/// transactions, sequence 5 is taken from a producer that the partition does not know.
#[test]
fn a_producer_that_is_new_to_a_partition_may_begin_anywhere() {
    let mut world = World::new();
    let producer = world.producer();
    world.add(3, producer, "orders", &[0, 1]);
    assert_eq!(world.write_in(10, 0, producer, 5, &["f"]).error, ErrorCode::NONE);
    assert_eq!(world.write_in(11, 1, producer, 5, &["f"]).error, ErrorCode::NONE);
}

/// Mirrors `ProducerStateManagerTest.testThrowOutOfOrderSequenceWithVerificationSequenceCheck`: as long as sequence 0 was
/// asked about and not stored, sequence 4 is out of order, and that changes nothing.
#[test]
fn a_batch_does_not_overtake_the_one_that_must_come_again() {
    let mut world = World::new();
    let producer = world.producer();
    world.add(3, producer, "orders", &[0]);
    world.cluster.move_leader(world.now(), &orders(0), NodeId(-1)).unwrap();
    world.end(4, producer, true).unwrap();
    assert_eq!(world.write_in(10, 2, producer, 0, &["a"]).error, ErrorCode::NOT_ENOUGH_REPLICAS, "come again");
    world.cluster.move_leader(world.now(), &orders(0), NodeId(1)).unwrap();
    assert_eq!(world.add(3, producer, "orders", &[2]), ADDED);
    for _ in 0..2 {
        assert_eq!(world.write_in(10, 2, producer, 4, &["e"]).error, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    }
    assert_eq!(world.write_in(10, 2, producer, 0, &["a", "b", "c", "d"]).error, ErrorCode::NONE);
    assert_eq!(world.write_in(10, 2, producer, 4, &["e"]).error, ErrorCode::NONE);
    assert_eq!(world.values(2), ["a", "b", "c", "d", "e"]);
}

/// Mirrors `ProducerStateManagerTest.updateProducerTransactionState`: a transaction begins with the first batch that is part
/// of it, a second batch leaves that as it is, its commit completes it from there, and the batches before the marker are
/// remembered after it.
#[test]
fn a_transaction_begins_with_its_first_batch_and_its_end_forgets_no_sequence() {
    let mut world = World::new();
    let producer = world.producer();
    let five = ["v"; 5];
    assert_eq!(world.produce(0, sequenced(producer, 0, &["before"])).base_offset, 0);
    world.add(3, producer, "orders", &[0]);
    for (sequence, base_offset) in [(1, 1), (6, 6)] {
        assert_eq!(world.write_in(10, 0, producer, sequence, &five).base_offset, base_offset);
        assert_eq!(world.read_committed(0).last_stable_offset, 1);
    }
    world.end(4, producer, true).unwrap();
    let read = world.read_committed(0);
    assert_eq!((read.last_stable_offset, read.aborted_transactions), (12, Some(vec![])));
    assert_eq!(world.markers(), [(11, producer.epoch, true)]);

    world.add(3, producer, "orders", &[0]);
    assert_eq!(world.write_in(10, 0, producer, 11, &["next"]).base_offset, 12);
    for (sequence, base_offset) in [(1, 1), (6, 6)] {
        assert_eq!(world.write_in(10, 0, producer, sequence, &five).base_offset, base_offset, "they are there");
    }
}

/// Mirrors `ProducerStateManagerTest.testSkipEmptyTransactions`: ends of transactions without records complete nothing: of
/// two transactions with records the second is aborted, and the third holds readers back at its own first record.
#[test]
fn transactions_without_records_leave_markers_and_nothing_else() {
    let mut world = World::new();
    let producer = world.producer();
    let mut sequence = 0;
    let mut write = |world: &mut World, values: &[&str]| {
        world.add(3, producer, "orders", &[0]);
        let written = world.write_in(10, 0, producer, sequence, values);
        sequence += i32::try_from(values.len()).unwrap();
        assert_eq!(written.error, ErrorCode::NONE);
        written.base_offset
    };
    let empty = |world: &mut World, committed| {
        world.add(3, producer, "orders", &[0]);
        world.end(4, producer, committed).unwrap();
    };
    assert_eq!(write(&mut world, &["a", "b", "c"]), 0);
    assert_eq!(world.read_committed(0).last_stable_offset, 0);
    world.end(4, producer, true).unwrap();
    empty(&mut world, true);
    empty(&mut world, false);
    assert_eq!(world.read_committed(0).aborted_transactions, Some(vec![]));
    assert_eq!(write(&mut world, &["d", "e"]), 6);
    world.end(4, producer, false).unwrap();
    empty(&mut world, false);
    assert_eq!(write(&mut world, &["f"]), 10);

    let read = world.read_committed(0);
    assert_eq!(read.last_stable_offset, 10);
    let aborted = AbortedTransaction { producer_id: producer.id, first_offset: 6 };
    assert_eq!(read.aborted_transactions, Some(vec![aborted]));
    let ends: Vec<_> = world.markers().into_iter().map(|(offset, _, committed)| (offset, committed)).collect();
    assert_eq!(ends, [(3, true), (4, true), (5, false), (8, false), (9, false)]);
}
