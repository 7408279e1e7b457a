//! Who may go on, and who may not: ids, epochs, coordinators.

use super::*;

/// Mirrors `ProducerIntegrationTest.testUniqueProducerIds`: 1 001 producer ids from each of three brokers are all
/// different.
#[test]
fn no_id_is_given_twice_whichever_broker_is_asked() {
    let mut world = World::new();
    let mut given = std::collections::BTreeSet::new();
    for node in 1..=3 {
        let link = world.connect(node);
        for _ in 0..1_001 {
            let request = InitProducerIdRequest {
                transactional_id: None,
                transaction_timeout_ms: 10,
                producer_id: -1,
                producer_epoch: -1,
            };
            let Some(Response::InitProducerId(answer)) = world.ask(link, Request::InitProducerId(request)) else {
                panic!("answered at once")
            };
            assert_eq!((answer.error, answer.producer_epoch), (ErrorCode::NONE, 0));
            given.insert(answer.producer_id);
        }
    }
    assert_eq!(given.len(), 3 * 1_001);
}

#[test]
fn every_new_producer_of_an_id_is_one_epoch_further_and_fences_the_one_before() {
    let mut world = World::new();
    let first = world.producer();
    let second = world.init(TX, None).unwrap();
    assert_eq!(second, raised(first));
    assert_eq!(world.write(0, first, 0, &["a"]), ErrorCode::INVALID_PRODUCER_EPOCH);
    assert_eq!(world.commit(first), Err(ErrorCode::PRODUCER_FENCED));
    assert_eq!(world.init(TX, Some(first)), Err(ErrorCode::PRODUCER_FENCED));
    assert_eq!(world.write(0, second, 0, &["b"]), ErrorCode::NONE);
    assert_eq!(world.init("fresh", None), Ok(ProducerIdentity { id: 1, epoch: 0 }), "ids have nothing in common");
}

#[test]
fn a_new_producer_finds_the_open_transaction_of_the_one_before_aborted_when_it_asks_again() {
    let mut world = World::new();
    let first = world.producer();
    world.write(0, first, 0, &["a"]);
    assert_eq!(world.init(TX, None), Err(ErrorCode::CONCURRENT_TRANSACTIONS));
    assert_eq!(world.markers(), [(1, first.epoch + 1, false)]);
    // The epoch of the marker was never anybody's.
    assert_eq!(world.init(TX, None), Ok(raised(raised(first))));
    assert_eq!(world.write(0, first, 1, &["b"]), ErrorCode::INVALID_PRODUCER_EPOCH);
    assert_eq!(world.write(1, first, 0, &["x"]), ErrorCode::INVALID_PRODUCER_EPOCH, "where it never wrote, too");
    assert_eq!(world.commit(first), Err(ErrorCode::PRODUCER_FENCED));
}

#[test]
fn a_producer_that_recovers_names_its_epoch_and_gets_the_next() {
    let mut world = World::new();
    let first = world.producer();
    let second = world.init(TX, Some(first)).unwrap();
    assert_eq!(second, raised(first));
    assert_eq!(world.init(TX, Some(first)), Ok(second), "the answer was lost: the same again");
    let third = world.init(TX, Some(second)).unwrap();
    assert_eq!(world.init(TX, Some(first)), Err(ErrorCode::PRODUCER_FENCED));
    let stranger = ProducerIdentity { id: 77, epoch: third.epoch };
    assert_eq!(world.init(TX, Some(stranger)), Err(ErrorCode::PRODUCER_FENCED));
    assert_eq!(world.init("fresh", Some(stranger)), Ok(ProducerIdentity { id: 1, epoch: 0 }), "nothing to hold it to");
}

#[test]
fn epochs_that_are_used_up_bring_a_new_producer_id() {
    let mut world = World::new();
    let producer = world.producer_in_its_last_epoch();
    assert_eq!(producer.id, 0);
    assert_eq!(world.init(TX, None), Ok(ProducerIdentity { id: 1, epoch: 0 }));
}

#[test]
fn an_end_in_the_last_epoch_is_marked_with_one_more_and_answered_with_a_new_id() {
    let mut world = World::new();
    let producer = world.producer_in_its_last_epoch();
    world.write(0, producer, 0, &["a"]);
    let after = world.commit(producer).unwrap();
    assert_eq!(after, ProducerIdentity { id: 1, epoch: 0 });
    assert_eq!(world.markers(), [(1, i16::MAX, true)]);
    assert_eq!(world.commit(producer), Ok(after), "a lost answer is given again");
    assert_eq!(world.abort(producer), Err(ErrorCode::INVALID_TXN_STATE));
    assert_eq!(world.init(TX, Some(producer)), Ok(after), "by this way too");
    assert_eq!(world.write(1, producer, 0, &["x"]), ErrorCode::INVALID_PRODUCER_ID_MAPPING);
}

#[test]
fn what_the_coordinator_does_not_know_it_does_not_let_through() {
    let mut world = World::new();
    let stranger = ProducerIdentity { id: 77, epoch: 0 };
    assert_eq!(world.write(0, stranger, 0, &["a"]), ErrorCode::INVALID_PRODUCER_ID_MAPPING);
    assert_eq!(world.commit(stranger), Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING));
    let producer = world.producer();
    assert_eq!(world.write(0, stranger, 0, &["a"]), ErrorCode::INVALID_PRODUCER_ID_MAPPING, "the id is another's");
    assert_eq!(world.write(0, raised(producer), 0, &["a"]), ErrorCode::INVALID_PRODUCER_EPOCH);
    assert_eq!(world.commit(raised(producer)), Err(ErrorCode::PRODUCER_FENCED));
    assert!(world.values(0).is_empty());
}

#[test]
fn a_producer_that_is_not_asked_for_its_id_is_no_longer_known_after_a_week() {
    let mut world = World::new();
    let producer = world.producer();
    world.pass(Duration::from_secs(7 * 24 * 3_600 - 1));
    assert_eq!(world.write(0, producer, 0, &["a"]), ErrorCode::NONE);
    let producer = world.commit(producer).unwrap();
    world.pass(Duration::from_secs(7 * 24 * 3_600));
    assert_eq!(world.write(0, producer, 0, &["b"]), ErrorCode::INVALID_PRODUCER_ID_MAPPING);
    assert_eq!(world.init(TX, None), Ok(ProducerIdentity { id: 1, epoch: 0 }), "a new life");
}

#[test]
fn the_timeout_must_be_one_the_brokers_allow() {
    let mut world = World::new();
    for timeout_ms in [i32::MIN, -1, 0, 900_001, i32::MAX] {
        let refused = world.init_with_timeout(TX, timeout_ms, None);
        assert_eq!(refused, Err(ErrorCode::INVALID_TRANSACTION_TIMEOUT), "{timeout_ms}");
    }
    world.init_with_timeout(TX, 1, None).unwrap();
    world.init_with_timeout(TX, 900_000, None).unwrap();
}

#[test]
fn coordinators_are_found_as_kafka_spreads_them_and_others_refuse() {
    let mut world = World::new();
    let link = world.connect(3);
    let mut find = |key_type, key: &str| {
        let request = FindCoordinatorRequest { key_type, keys: vec![key.into()] };
        match world.ask(link, Request::FindCoordinator(request)) {
            Some(Response::FindCoordinator(mut response)) => response.coordinators.remove(0),
            other => panic!("{other:?}"),
        }
    };
    let found = find(1, TX);
    assert_eq!((found.error, found.node, &*found.host, found.port), (ErrorCode::NONE, NodeId(2), "broker-2", 9092));
    assert_eq!(find(0, TX).node, NodeId(2), "a group of that name hashes alike");
    assert_eq!(find(1, "polygenelubricants").node, NodeId(1), "Java's hash of it is its smallest number");
    assert_eq!((find(2, TX).error, find(2, TX).node), (ErrorCode::INVALID_REQUEST, NodeId(-1)), "share groups");

    let request = EndTxnRequest { transactional_id: TX.into(), identity: PRODUCER, committed: true };
    let Some(Response::EndTxn(refused)) = world.ask(link, Request::EndTxn(request)) else { panic!() };
    assert_eq!(refused.error, ErrorCode::NOT_COORDINATOR);
}

#[test]
fn batches_of_a_transaction_need_its_id_and_come_from_one_producer() {
    let mut world = World::new();
    let producer = world.producer();
    let link = world.connect(1);
    let mut errors = |request: Request| match world.ask(link, request) {
        Some(Response::Produce(response)) => {
            let partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
            partitions.map(|partition| partition.error).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    let anonymous = produce_request(-1, 0, transactional(producer, 0, &["a"]));
    assert_eq!(errors(anonymous.clone()), [ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED]);
    let Request::Produce(mut two) = within(TX, anonymous) else { unreachable!() };
    let foreign = transactional(ProducerIdentity { id: 77, epoch: 0 }, 0, &["b"]);
    two.topics[0].partitions.push(ProducePartition { partition: 1, records: foreign });
    assert_eq!(errors(Request::Produce(two)), [ErrorCode::INVALID_PRODUCER_ID_MAPPING; 2]);
    assert!(world.values(0).is_empty());
}

/// Mirrors `ProducerStateManagerTest.testNonTransactionalAppendWithOngoingTransaction`: a batch without a transaction
/// is refused as INVALID_TXN_STATE while its producer has one open.
#[test]
fn a_batch_outside_the_transaction_does_not_fall_into_it() {
    let mut world = World::new();
    let producer = world.producer();
    world.write(0, producer, 0, &["a"]);
    let refused = world.produce(0, sequenced(producer, 1, &["b"]));
    assert_eq!((refused.error, refused.log_start_offset), (ErrorCode::INVALID_TXN_STATE, 0));
    world.commit(producer).unwrap();
    assert_eq!(world.produce(0, sequenced(raised(producer), 0, &["b"])).error, ErrorCode::NONE);
}
