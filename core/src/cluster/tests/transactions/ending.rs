//! Commits, aborts, and what readers see of them.

use super::*;

#[test]
fn a_commit_shows_the_records_and_takes_an_offset_of_each_partition() {
    let mut world = World::new();
    let producer = world.producer();
    assert_eq!(producer, ProducerIdentity { id: 0, epoch: 0 });
    assert_eq!(world.write(0, producer, 0, &["a", "b"]), ErrorCode::NONE);
    assert_eq!(world.write(1, producer, 0, &["x"]), ErrorCode::NONE);
    assert_eq!(world.commit(producer), Ok(raised(producer)));

    let read = world.read_committed(0);
    assert_eq!((read.batches.len(), read.last_stable_offset, read.high_watermark), (2, 3, 3));
    assert_eq!(read.aborted_transactions, Some(vec![]));
    // The marker carries the epoch that nobody writes in any more.
    assert_eq!(world.markers(), [(2, 1, true)]);
    assert_eq!(world.cluster.log(&orders(1)).unwrap().end_offset(), 2);
    assert_eq!(world.cluster.log(&orders(2)).unwrap().end_offset(), 0, "nothing was written there");
    assert_eq!(world.values(0), ["a", "b"], "a marker is no record");
}

#[test]
fn an_abort_leaves_the_records_and_names_their_transaction() {
    let mut world = World::new();
    let producer = world.producer();
    world.produce(0, plain(&["before"]));
    world.write(0, producer, 0, &["a", "b"]);
    assert_eq!(world.abort(producer), Ok(raised(producer)));
    world.produce(0, plain(&["after"]));

    let aborted = AbortedTransaction { producer_id: producer.id, first_offset: 1 };
    let read = world.read_committed(0);
    assert_eq!((read.batches.len(), read.last_stable_offset), (4, 5));
    assert_eq!(read.aborted_transactions, Some(vec![aborted]));
    assert_eq!(world.read_committed(3).aborted_transactions, Some(vec![aborted]), "from its marker on");
    assert_eq!(world.read_committed(4).aborted_transactions, Some(vec![]), "from after its marker on");
    assert_eq!(world.fetch(1, fetch_request(0, 0)).aborted_transactions, None, "whoever reads all asks for none");
    assert_eq!(world.markers(), [(3, 1, false)]);
}

/// Mirrors `ProducerStateManagerTest.testTxnFirstOffsetMetadataCached`: the first unstable offset is that of the first
/// batch of the transaction that is open.
#[test]
fn an_open_transaction_holds_careful_readers_back() {
    let mut world = World::new();
    let producer = world.producer();
    world.produce(0, plain(&["before"]));
    world.write(0, producer, 0, &["a"]);
    world.produce(0, plain(&["after"]));

    let read = world.read_committed(0);
    assert_eq!((read.batches.len(), read.last_stable_offset, read.high_watermark), (1, 1, 3));
    assert_eq!(world.fetch(1, fetch_request(0, 0)).batches.len(), 3);
    let beyond = world.read_committed(2);
    assert_eq!((beyond.error, beyond.batches.len()), (ErrorCode::NONE, 0));
    assert_eq!((world.latest(0, -1), world.latest(READ_COMMITTED, -1)), (3, 1));
    assert_eq!((world.latest(0, WALL_MS), world.latest(READ_COMMITTED, WALL_MS)), (0, 0));
    assert_eq!(world.latest(READ_COMMITTED, WALL_MS + 1), -1);

    world.commit(producer).unwrap();
    assert_eq!(world.read_committed(0).batches.len(), 4);
    assert_eq!(world.latest(READ_COMMITTED, -1), 4);
}

#[test]
fn a_waiting_reader_is_answered_when_the_transaction_ends() {
    let mut world = World::new();
    let producer = world.producer();
    world.write(0, producer, 0, &["a"]);
    let reader = world.connect(1);
    let patient = FetchRequest { max_wait_ms: 10_000, isolation_level: READ_COMMITTED, ..fetch_request(0, 0) };
    assert_eq!(world.ask(reader, Request::Fetch(patient)), None);
    world.send(reader, Request::ApiVersions(ApiVersionsRequest::default()));
    let coordinator = world.connect(COORDINATOR);
    let request = EndTxnRequest { transactional_id: TX.into(), identity: producer, committed: true };
    world.send(coordinator, Request::EndTxn(request));
    let answered = world.responses().into_iter().find_map(|(_, response)| match response {
        Response::Fetch(fetched) => Some(fetched.topics[0].partitions[0].batches.len()),
        _ => None,
    });
    assert_eq!(answered, Some(2));
}

/// Mirrors `TransactionsTest.testReadCommittedConsumerShouldNotSeeUndecidedData`: of two transactions, one committed and
/// one open, a careful reader gets the record before the open one alone; its end of the log is there, and it finds no
/// record of a later time, which whoever reads everything does.
#[test]
fn what_was_committed_behind_an_open_transaction_is_not_seen_yet() {
    let mut world = World::new();
    let (open, decided) = (world.producer(), world.init(RIVAL, None).unwrap());
    let later = WALL_MS + 1;
    world.write_at(RIVAL, decided, 0, WALL_MS, &["x1"]);
    world.write_at(TX, open, 0, later, &["a1", "b2"]);
    world.write_at(RIVAL, decided, 1, later, &["x2"]);
    world.end_of(RIVAL, 5, decided, true).unwrap();

    let all = sifted(&world.fetch(1, fetch_request(0, 0)));
    assert_eq!(all.iter().map(|(_, value)| value).collect::<Vec<_>>(), ["x1", "a1", "b2", "x2"]);
    assert_eq!(world.latest(READ_UNCOMMITTED, later), 1);
    assert_eq!(sifted(&world.read_committed(0)), [(0, "x1".to_owned())]);
    assert_eq!(world.latest(READ_COMMITTED, -1), 1);
    assert_eq!(world.latest(READ_COMMITTED, later), -1);
}

/// Mirrors `TransactionsTest.testDelayedFetchIncludesAbortedTransaction`: a careful reader that waits for more bytes than
/// there are gets, when its patience is over, the two committed records at offsets 0 and 3, and not the two between
/// them, which were aborted.
#[test]
fn a_reader_that_waited_in_vain_is_told_of_what_was_aborted() {
    let mut world = World::new();
    let (aborts, commits) = (world.producer(), world.init(RIVAL, None).unwrap());
    world.write_at(RIVAL, commits, 0, WALL_MS, &["x1"]);
    world.write_at(TX, aborts, 0, WALL_MS, &["y1", "y2"]);
    world.write_at(RIVAL, commits, 1, WALL_MS, &["x2"]);
    world.abort(aborts).unwrap();
    world.end_of(RIVAL, 5, commits, true).unwrap();

    let reader = world.connect(1);
    let greedy =
        FetchRequest { min_bytes: 100_000, max_wait_ms: 100, isolation_level: READ_COMMITTED, ..fetch_request(0, 0) };
    assert_eq!(world.ask(reader, Request::Fetch(greedy)), None);
    world.pass(Duration::from_millis(100));
    let Some((_, Response::Fetch(read))) = world.responses().pop() else { panic!("patience is over") };
    assert_eq!(sifted(&read.topics[0].partitions[0]), [(0, "x1".to_owned()), (3, "x2".to_owned())]);
}

#[test]
fn sequences_begin_again_with_every_transaction() {
    let mut world = World::new();
    let first = world.producer();
    world.write(0, first, 0, &["a", "b"]);
    let second = world.commit(first).unwrap();
    assert_eq!(world.write(0, second, 2, &["c"]), ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_eq!(world.write(0, second, 0, &["c"]), ErrorCode::NONE);
    assert_eq!(world.write(0, second, 0, &["c"]), ErrorCode::NONE, "a repeated batch is recognised");
    assert_eq!(world.values(0), ["a", "b", "c"]);
}

/// Mirrors `ProducerStateManagerTest.testRejectNonZeroSequenceForTransactionsV2WithEmptyState`: with version 2 of
/// transactions, the first sequence of a producer that the partition does not know is out of order unless it is 0.
#[test]
fn the_first_batch_of_a_producer_that_is_new_to_a_partition_begins_at_zero() {
    let mut world = World::new();
    let producer = world.producer();
    assert_eq!(world.write(0, producer, 1, &["b"]), ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_eq!(world.write(0, producer, 0, &["a"]), ErrorCode::NONE);
}

#[test]
fn a_lost_answer_to_an_end_is_given_again_and_nothing_is_done_twice() {
    for committed in [true, false] {
        let mut world = World::new();
        let producer = world.producer();
        world.write(0, producer, 0, &["a"]);
        let after = world.end(5, producer, committed).unwrap();
        assert_eq!(world.end(5, producer, committed), Ok(after));
        assert_eq!(world.markers(), [(1, 1, committed)]);
        assert_eq!(world.end(5, producer, !committed), Err(ErrorCode::INVALID_TXN_STATE));
    }
}

#[test]
fn there_is_nothing_to_commit_where_nothing_was_written_but_an_abort_to_be_sure_is_granted() {
    let mut world = World::new();
    let producer = world.producer();
    assert_eq!(world.commit(producer), Err(ErrorCode::INVALID_TXN_STATE));
    let second = world.abort(producer).unwrap();
    assert_eq!(second, raised(producer));
    assert_eq!(world.abort(second), Ok(raised(second)));
    let log = world.cluster.log(&orders(0)).unwrap();
    assert_eq!(log.end_offset(), 0, "no partition took part, so there is no marker");
}

#[test]
fn a_partition_without_a_leader_gets_its_marker_when_it_has_one_again() {
    let mut world = World::new();
    let producer = world.producer();
    world.write(0, producer, 0, &["a"]);
    world.write(1, producer, 0, &["x"]);
    world.cluster.move_leader(world.now(), &orders(0), NodeId(-1)).unwrap();
    let after = world.commit(producer).unwrap();
    assert_eq!(world.cluster.log(&orders(1)).unwrap().end_offset(), 2);
    assert_eq!(world.markers(), []);

    // Until then the next transaction must wait.
    assert_eq!(world.write(1, after, 0, &["y"]), ErrorCode::CONCURRENT_TRANSACTIONS);
    assert_eq!(world.commit(producer), Err(ErrorCode::CONCURRENT_TRANSACTIONS), "the same end again");
    assert_eq!(world.abort(producer), Err(ErrorCode::INVALID_TXN_STATE));
    assert_eq!(world.init(TX, None), Err(ErrorCode::CONCURRENT_TRANSACTIONS));

    world.cluster.move_leader(world.now(), &orders(0), NodeId(1)).unwrap();
    assert_eq!(world.markers(), [(1, 1, true)]);
    assert_eq!(world.write(1, after, 0, &["y"]), ErrorCode::NONE);
}

#[test]
fn a_marker_for_a_topic_that_is_deleted_keeps_nobody_waiting() {
    let mut world = World::new();
    let producer = world.producer();
    world.write(0, producer, 0, &["a"]);
    world.cluster.move_leader(world.now(), &orders(0), NodeId(-1)).unwrap();
    world.commit(producer).unwrap();
    assert_eq!(world.init(TX, None), Err(ErrorCode::CONCURRENT_TRANSACTIONS));
    world.cluster.delete_topic(world.now(), "orders").unwrap();
    assert!(world.init(TX, None).is_ok());
}

#[test]
fn a_transaction_that_takes_too_long_is_aborted_by_the_next_sweep() {
    let mut world = World::new();
    let producer = world.init_with_timeout(TX, 15_000, None).unwrap();
    world.pass(Duration::from_secs(3));
    assert_eq!(world.wants_wake_at(), None, "nothing is open");
    world.write(0, producer, 0, &["a"]);
    world.let_followers_hear();
    // It may be open until second 18, and every tenth second there is a sweep.
    assert_eq!(world.wants_wake_at(), Some(Instant::from_millis(20_000)));
    world.pass(Duration::from_micros(16_499_999));
    assert_eq!(world.read_committed(0).last_stable_offset, 0);
    world.pass(Duration::from_micros(1));
    assert_eq!(world.read_committed(0).last_stable_offset, 2);
    assert_eq!(world.markers(), [(1, 1, false)]);
    world.let_followers_hear();
    assert_eq!(world.wants_wake_at(), None);

    assert_eq!(world.write(0, producer, 1, &["b"]), ErrorCode::INVALID_PRODUCER_EPOCH);
    assert_eq!(world.commit(producer), Err(ErrorCode::INVALID_TXN_STATE));
    // The abort was not its own; but had it asked for one, this would be the answer.
    assert_eq!(world.abort(producer), Ok(raised(producer)));
}

#[test]
fn a_transaction_that_is_written_to_again_has_the_time_of_its_beginning() {
    let mut world = World::new();
    let producer = world.init_with_timeout(TX, 5_000, None).unwrap();
    world.write(0, producer, 0, &["a"]);
    world.pass(Duration::from_secs(4));
    world.write(1, producer, 0, &["x"]);
    world.let_followers_hear();
    assert_eq!(world.wants_wake_at(), Some(Instant::from_millis(10_000)));
}

#[test]
fn aborted_transactions_are_forgotten_with_their_batches() {
    let mut world = World::of(ClusterConfig { log_retention_bytes: Some(100), ..at_once() });
    let producer = world.producer();
    world.write(0, producer, 0, &["a"]);
    let producer = world.abort(producer).unwrap();
    assert_eq!(world.read_committed(1).aborted_transactions.map(|aborted| aborted.len()), Some(1));
    world.produce(0, plain(&["b"]));
    assert_eq!(world.cluster.log(&orders(0)).unwrap().start_offset(), 2);
    assert_eq!(world.read_committed(2).aborted_transactions, Some(vec![]));
    // A transaction whose beginning is gone holds readers back where the log begins, not before.
    world.write(0, producer, 0, &["c"]);
    world.produce(0, plain(&["d"]));
    assert_eq!(world.cluster.log(&orders(0)).unwrap().start_offset(), 4);
    assert_eq!(world.read_committed(4).last_stable_offset, 4);
}

#[test]
fn a_marker_that_was_lost_with_its_leader_is_written_again() {
    let mut world = World::new();
    let producer = world.producer();
    assert_eq!(world.write(0, producer, 0, &["a"]), ErrorCode::NONE);
    for node in [2, 3] {
        world.cluster.separate(world.now(), NodeId(1), NodeId(node)).unwrap();
    }
    world.commit(producer).unwrap();
    assert_eq!(world.markers(), [(1, 1, true)]);
    assert_eq!(world.init(TX, None), Err(ErrorCode::CONCURRENT_TRANSACTIONS), "nobody but its leader has the marker");
    world.cluster.kill(world.now(), NodeId(1)).unwrap();
    world.pass(Duration::from_secs(9));
    assert_eq!(world.cluster.leader(&orders(0)), Some((NodeId(2), 1)));
    assert_eq!(world.markers(), [(1, 1, true)]);
    let read = world.fetch(2, FetchRequest { isolation_level: reader::READ_COMMITTED, ..fetch_request(0, 0) });
    assert_eq!(reader::sifted(&read), [(0, "a".to_owned())]);
    assert!(world.init(TX, None).is_ok());
}

/// Mirrors `ProducerStateManagerTest.testFirstUnstableOffsetAfterTruncation`: a truncation that takes away what came after a
/// transaction's end changes nothing, and one that takes the end away holds readers back by the first record again.
#[test]
fn a_truncation_that_takes_the_end_of_a_transaction_away_holds_readers_back_again() {
    let mut world = World::new();
    let producer = world.producer();
    assert_eq!(world.write(0, producer, 0, &["a"]), ErrorCode::NONE);
    let next = world.commit(producer).unwrap();
    assert_eq!(world.write(0, next, 0, &["b"]), ErrorCode::NONE);
    let mut copy =
        world.cluster.partition(&orders(0)).and_then(|partition| partition.replica(NodeId(1))).unwrap().clone();
    assert_eq!((copy.log.end_offset(), copy.last_stable_offset()), (3, 2));
    copy.truncate_to(2);
    assert_eq!((copy.log.end_offset(), copy.last_stable_offset()), (2, 2));
    copy.truncate_to(1);
    assert_eq!((copy.log.end_offset(), copy.last_stable_offset()), (1, 0));
}

#[test]
fn a_connection_cut_after_the_end_costs_nothing_but_the_question() {
    let mut world = World::new();
    let producer = world.producer();
    world.write(0, producer, 0, &["a"]);
    let first_end = Matcher { api: Some(ApiKey::EndTxn), nth: Some(1), ..Matcher::default() };
    world.cluster.add_rule(Rule { when: first_end, then: Action::CutAfterAppend });
    let link = world.connect(COORDINATOR);
    let request = EndTxnRequest { transactional_id: TX.into(), identity: producer, committed: true };
    assert_eq!(world.ask(link, Request::EndTxn(request)), None);
    assert_eq!(world.cuts, [link]);
    assert_eq!(world.commit(producer), Ok(raised(producer)));
    assert_eq!(world.markers(), [(1, 1, true)]);
}

#[test]
fn a_scripted_refusal_of_an_end_leaves_the_transaction_open() {
    let mut world = World::new();
    let producer = world.producer();
    world.write(0, producer, 0, &["a"]);
    let first_end = Matcher { api: Some(ApiKey::EndTxn), nth: Some(1), ..Matcher::default() };
    let error = ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
    world.cluster.add_rule(Rule { when: first_end, then: Action::Answer { error, only: None } });
    assert_eq!(world.commit(producer), Err(error));
    assert_eq!(world.read_committed(0).last_stable_offset, 0);
    assert_eq!(world.commit(producer), Ok(raised(producer)));
}

/// Mirrors `LogValidatorTest.testControlRecordsNotCompressed`: a coordinator's control batch is stored uncompressed in a
/// topic that asks for snappy.
#[cfg(feature = "compression")]
#[test]
fn markers_are_never_compressed() {
    let mut cluster = Cluster::new(at_once(), TraceBuffer::new(Lane(0), ProducerIndex(0)));
    let configs = vec![("compression.type".into(), Some("snappy".into()))];
    cluster.create_topic(&NewTopic { configs, ..new_topic("orders", 3, 3) }).unwrap();
    let mut world = World { cluster, elapsed_us: 0, next_correlation: 0, cuts: Vec::new() };
    let producer = world.producer();
    assert_eq!(world.write(0, producer, 0, &["a"]), ErrorCode::NONE);
    world.commit(producer).unwrap();
    let log = world.cluster.log(&orders(0)).unwrap();
    let told: Vec<_> = log.batches().map(|batch| (batch.view().is_control(), batch.view().codec())).collect();
    assert_eq!(told, [(false, 2), (true, 0)]);
}
