//! Epochs that rise when a record was lost (`TransactionsTest`).

use super::committing::two_topics;
use super::*;

/// A transaction is committed; in the next, a partition loses its leader and a record its time, and the transaction is
/// aborted; a third is committed. Gives the epochs known in that partition after the first and after the third.
fn epochs_around_a_lost_record(level: i16) -> (i16, i16) {
    let test_topic = TopicPartition { topic: "test-topic".into(), partition: 0 };
    let mut beside = two_topics(level, &[("delivery.timeout.ms", "5005"), ("request.timeout.ms", "5000")]);
    beside.brokers().cluster.create_topic(&new_topic("test-topic", 4, 1)).expect("possible");
    beside.init();
    beside.begin();
    beside.put_to("test-topic", Some(0), "4");
    beside.commit();
    let [(id, before)] = beside.brokers().producers("test-topic", 0)[..] else { panic!("one producer") };

    beside.begin();
    let stored = beside.put_to("topic1", None, "2");
    beside.fate(stored).expect("its partition has a leader");
    let lead = |beside: &Beside, leader| {
        let now = beside.now();
        beside.brokers().cluster.move_leader(now, &test_topic, NodeId(leader)).expect("possible");
    };
    lead(&beside, -1);
    let lost = beside.put_to("test-topic", Some(0), "3");
    beside.pass(6_000);
    lead(&beside, 1);
    assert_eq!(beside.fate(lost), Err("TimeoutException"));
    // Nothing can be added any more.
    assert_eq!(beside.send(&Record::keyed("test-topic", b"3", b"3")), Err("KafkaException"));
    beside.abort();

    beside.begin();
    for (topic, partition, value) in
        [("topic2", None, "2"), ("topic1", None, "4"), ("test-topic", Some(0), "1"), ("test-topic", Some(0), "3")]
    {
        beside.put_to(topic, partition, value);
    }
    beside.commit();
    let committed = beside.brokers().values(READ_COMMITTED, &["topic1", "topic2", "test-topic"]);
    assert_eq!(committed, ["1", "2", "3", "4", "4"]);
    let [(same, after)] = beside.brokers().producers("test-topic", 0)[..] else { panic!("one producer") };
    assert_eq!(same, id);
    (before, after)
}

/// Mirrors `TransactionsTest.testBumpTransactionalEpochWithTV2Disabled`: with protocol 1, a record that times out fails
/// with a TimeoutException, further ones with a KafkaException, and after the abort the transaction that follows is
/// committed under a higher epoch, with all five records that were to be.
#[test]
fn with_protocol_1_a_lost_record_raises_the_epoch() {
    let (before, after) = epochs_around_a_lost_record(1);
    assert_eq!((before, after), (0, 1), "only for that");
}

/// Mirrors `TransactionsTest.testBumpTransactionalEpochWithTV2Enabled`: with protocol 2, a record that times out fails
/// with a TimeoutException, and after the abort the transaction that follows is committed under a higher epoch, with all
/// five records that were to be.
#[test]
fn with_protocol_2_a_lost_record_is_aborted_under_a_higher_epoch() {
    let (before, after) = epochs_around_a_lost_record(2);
    assert_eq!((before, after), (1, 3), "every end raises it");
}
