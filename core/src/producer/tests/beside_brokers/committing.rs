//! What is committed, what is aborted, and who reads what of it (`TransactionsTest`, `ProducerIntegrationTest`).

use super::*;

/// `transactional.id` of every producer beside [`two_topics`].
pub(super) const ID: &str = "transactional-producer";

/// Two topics of four partitions on three brokers that finalise this level of `transaction.version`, as
/// `TransactionsTest` has them.
pub(super) fn two_topics(transaction_version: i16, more: &[(&str, &str)]) -> Beside {
    let config = ClusterConfig {
        transaction_version,
        auto_create_topics: false,
        abort_timed_out_interval: Duration::from_millis(200),
        ..ClusterConfig::simulated(3)
    };
    Beside::of(config, &[("topic1", 4), ("topic2", 4)], &[&[("transactional.id", ID)], more].concat())
}

/// Mirrors `TransactionsTest.testBasicTransactions`: of two records that were aborted and two that were committed, in
/// two topics, a careful reader gets the committed ones and any other all four, and both logs begin at 0.
#[test]
fn a_careful_reader_gets_what_was_committed_and_any_other_all() {
    let mut beside = two_topics(2, &[]);
    beside.init();
    beside.begin();
    beside.put_to("topic2", Some(2), "2");
    beside.put_to("topic1", Some(1), "4");
    beside.flush();
    beside.abort();

    beside.begin();
    beside.put_to("topic1", Some(1), "1");
    beside.put_to("topic2", Some(2), "3");
    beside.commit();

    let mut brokers = beside.brokers();
    let topics = ["topic1", "topic2"];
    assert_eq!(brokers.values(READ_COMMITTED, &topics), ["1", "3"]);
    assert_eq!(brokers.values(READ_UNCOMMITTED, &topics), ["1", "2", "3", "4"]);
    for (topic, partition) in [("topic1", 1), ("topic2", 2)] {
        let log = brokers.cluster.log(&TopicPartition { topic: topic.into(), partition }).expect("it exists");
        // Two records, and a marker for each end.
        assert_eq!((log.start_offset(), log.end_offset()), (0, 4));
    }
}

/// Mirrors `TransactionsTest.testMultipleMarkersOneLeader`: of 10 000 records aborted in twenty partitions and 1 000
/// committed in ten of them, careful readers get the 1 000 and others all 11 000.
#[test]
fn a_leader_of_many_partitions_marks_each_of_them() {
    let mut beside = two_topics(2, &[]);
    for (topic, replicas) in [("large", 3), ("large-one-replica", 1)] {
        beside.brokers().cluster.create_topic(&new_topic(topic, 10, replicas)).expect("possible");
    }
    beside.init();
    let send = |beside: &mut Beside, topic, numbers: core::ops::Range<u32>| {
        for number in numbers {
            beside.put_to(topic, None, &number.to_string());
        }
        beside.flush();
    };
    beside.begin();
    send(&mut beside, "large", 0..5_000);
    send(&mut beside, "large-one-replica", 5_000..10_000);
    beside.abort();
    beside.begin();
    send(&mut beside, "large", 10_000..11_000);
    beside.commit();

    let sorted = |numbers: core::ops::Range<u32>| {
        let mut values: Vec<String> = numbers.map(|number| number.to_string()).collect();
        values.sort();
        values
    };
    let topics = ["large", "large-one-replica"];
    assert_eq!(beside.brokers().values(READ_COMMITTED, &topics), sorted(10_000..11_000));
    assert_eq!(beside.brokers().values(READ_UNCOMMITTED, &topics), sorted(0..11_000));
}

/// Mirrors `TransactionsTest.testConsecutivelyRunInitTransactions`: a second `initTransactions` is an
/// IllegalStateException.
#[test]
fn transactions_are_initialised_once() {
    let mut beside = two_topics(2, &[]);
    beside.init();
    assert_eq!(beside.call(Producer::init_transactions), Err("IllegalStateException"));
}

/// Mirrors `TransactionsTest.testEmptyAbortAfterCommit`: a transaction that wrote nothing is aborted after one that was
/// committed.
#[test]
fn nothing_is_aborted_after_a_commit() {
    let mut beside = two_topics(2, &[]).begun();
    beside.put_to("topic1", Some(1), "4");
    beside.commit();
    beside.begin();
    beside.abort();
}

/// Mirrors `TransactionsTest.testSendOffsetsWithGroupMetadata`: 500 records are copied from topic to topic, ten at a
/// time, with their offsets in the same transaction; every other transaction is aborted and its records are read again
/// from the committed offset; in the end each is there once. Here the group is one that nobody manages.
#[test]
fn records_are_copied_once_each_though_every_other_copy_is_aborted() {
    const GROUP: &str = "foobar-consumer-group";
    let mut beside = two_topics(2, &[]);
    let mut seeder = beside.another(&[]);
    for number in 0..500 {
        seeder.put_to("topic1", None, &number.to_string());
    }
    seeder.flush();
    beside.init();

    let (mut copied, mut commits) = (0, false);
    while copied < 500 {
        // The first partition of which something is left.
        let (partition, committed, unread) = (0..4)
            .find_map(|partition| {
                let mut brokers = beside.brokers();
                let committed = brokers.committed(GROUP, "topic1", partition).offset.max(0);
                let mut unread = brokers.read(READ_COMMITTED, "topic1", partition);
                unread.retain(|&(offset, _)| offset >= committed);
                unread.truncate(10);
                (!unread.is_empty()).then_some((partition, committed, unread))
            })
            .expect("not all are copied");
        commits = !commits;
        beside.begin();
        for (_, value) in &unread {
            beside.put_to("topic2", None, value);
        }
        let offset = committed + i64::try_from(unread.len()).expect("ten");
        let offset = CommittedOffset { offset, leader_epoch: -1, metadata: None };
        assert_eq!(beside.send_offset("topic1", partition, offset, GroupMember::of_group(GROUP)), Ok(()));
        if commits {
            beside.commit();
            copied += unread.len();
        } else {
            beside.abort();
        }
    }
    let mut numbers: Vec<String> = (0..500).map(|number: u32| number.to_string()).collect();
    numbers.sort();
    assert_eq!(beside.brokers().values(READ_COMMITTED, &["topic2"]), numbers);
}

/// Mirrors `TransactionsTest.testOffsetMetadataInSendOffsetsToTransaction`: offset, leader epoch and metadata are read
/// back as they were committed, once a second producer has seen to it that the transaction is over.
#[test]
fn an_offset_is_committed_with_what_stands_beside_it() {
    let mut beside = two_topics(2, &[]).begun();
    let offset = CommittedOffset { offset: 110, leader_epoch: 15, metadata: Some("some metadata".into()) };
    assert_eq!(beside.send_offset("topic1", 0, offset.clone(), GroupMember::of_group("group")), Ok(()));
    beside.commit();
    beside.another(&[("transactional.id", ID)]).init();
    assert_eq!(beside.brokers().committed("group", "topic1", 0), offset);
}

/// Brokers of every level of `transaction.version`, where topics are made by whoever writes to them.
fn of_every_level() -> impl Iterator<Item = Beside> {
    (0..=2).map(|transaction_version| {
        let config = ClusterConfig { transaction_version, ..ClusterConfig::simulated(1) };
        Beside::of(
            config,
            &[],
            &[("transactional.id", "foobar"), ("client.id", "test"), ("enable.idempotence", "true")],
        )
    })
}

/// Mirrors `ProducerIntegrationTest.testTransactionWithAndWithoutSend`: at every level of `transaction.version` a
/// transaction with a record is committed, and one without any after it.
#[test]
fn a_transaction_is_committed_with_records_and_without() {
    for beside in of_every_level() {
        let mut beside = beside.begun();
        beside.put_to("test", None, "value");
        beside.commit();
        beside.begin();
        beside.commit();
        assert_eq!(beside.brokers().values(READ_COMMITTED, &["test"]), ["value"]);
    }
}

/// Mirrors `ProducerIntegrationTest.testTransactionWithInvalidSendAndEndTxnRequestSent`: at every level of
/// `transaction.version` a record that its topic finds too large fails with a RecordTooLargeException, and the
/// transaction is aborted.
#[test]
fn a_transaction_whose_record_the_broker_refused_is_aborted() {
    for beside in of_every_level() {
        let configs = vec![("max.message.bytes".into(), Some("100".into()))];
        beside.brokers().cluster.create_topic(&NewTopic { configs, ..new_topic("foobar", 1, 1) }).expect("possible");
        let mut beside = beside.begun();
        let sent = beside.send(&Record::keyed("foobar", &[0; 100], &[0; 100])).expect("it is small enough to be sent");
        assert_eq!(beside.fate(sent), Err("RecordTooLargeException"));
        beside.abort();
    }
}

/// Mirrors `ProducerIntegrationTest.testTransactionWithSendOffset`: at every level of `transaction.version` the offset
/// after five records that were read is committed with a transaction, which is completed. Here that is seen by the
/// offset, which no transaction can change any more.
#[test]
fn a_transaction_that_committed_an_offset_is_completed() {
    for mut beside in of_every_level() {
        let mut seeder = beside.another(&[]);
        for number in 0..5 {
            let sent = seeder.put_to("my-input-topic", None, &format!("value-{number}"));
            seeder.fate(sent).expect("stored");
        }
        beside.init();
        beside.begin();
        let read = beside.brokers().read(READ_UNCOMMITTED, "my-input-topic", 0);
        assert_eq!(read.len(), 5);
        let offset = CommittedOffset { offset: read[4].0 + 1, leader_epoch: -1, metadata: Some("".into()) };
        let group = GroupMember::of_group("test-consumer-group");
        assert_eq!(beside.send_offset("my-input-topic", 0, offset.clone(), group), Ok(()));
        beside.commit();
        assert_eq!(beside.brokers().committed("test-consumer-group", "my-input-topic", 0), offset);
    }
}
