//! Transactional ids and producer ids that brokers forget (`TransactionsExpirationTest`, `ProducerIdExpirationTest`).

use super::*;

const TOPIC1_0: (&str, i32) = ("topic1", 0);

/// Brokers that forget both kinds of ids within seconds, and look for producer ids every half second.
fn forgetful(
    transaction_version: i16,
    transactional_id_s: u64,
    producer_id_s: u64,
    properties: &[(&str, &str)],
) -> Beside {
    let config = ClusterConfig {
        transaction_version,
        auto_create_topics: false,
        abort_timed_out_interval: Duration::from_millis(200),
        transactional_id_expiration: Duration::from_secs(transactional_id_s),
        producer_id_expiration: Duration::from_secs(producer_id_s),
        producer_id_expiration_check_interval: Duration::from_millis(500),
        ..ClusterConfig::simulated(3)
    };
    Beside::of(config, &[("topic1", 4), ("topic2", 4)], properties)
}

const TRANSACTIONAL: &[(&str, &str)] = &[("transactional.id", "transactionalProducer")];

impl Beside {
    fn known_producers(&self) -> Vec<(i64, i16)> {
        self.brokers().producers(TOPIC1_0.0, TOPIC1_0.1)
    }
}

/// Mirrors `TransactionsExpirationTest.testFatalErrorAfterInvalidProducerIdMapping`: when the transactional id was
/// forgotten, a record of the next transaction fails with an InvalidPidMappingException and the abort throws a
/// KafkaException, for the error is fatal; another producer of the same id is initialised, and its four records are
/// committed.
/// Mirrors `TransactionsExpirationTest.testFatalErrorAfterInvalidProducerIdMappingWithTV1`: the same where version 1 of
/// transactions is finalised.
/// Mirrors `TransactionsExpirationTest.testFatalErrorAfterInvalidProducerIdMappingWithTV2`: the same where version 2 of
/// transactions is finalised.
#[test]
fn a_producer_whose_transactional_id_was_forgotten_is_at_its_end() {
    for level in [1, 2] {
        let mut beside = forgetful(level, 10, 5, TRANSACTIONAL).begun();
        beside.put_to("topic1", Some(0), "2");
        beside.put_to("topic2", Some(0), "4");
        beside.abort();
        beside.pass(10_000);

        beside.begin();
        let failed = beside.put_to("topic1", Some(3), "1");
        assert_eq!(beside.fate(failed), Err("InvalidPidMappingException"));
        assert_eq!(beside.call(Producer::abort_transaction), Err("KafkaException"));

        let mut next = beside.another(TRANSACTIONAL).begun();
        next.put_to("topic2", None, "2");
        next.put_to("topic1", Some(2), "4");
        next.put_to("topic2", None, "1");
        next.put_to("topic1", Some(3), "3");
        next.commit();
        assert_eq!(next.brokers().values(READ_COMMITTED, &["topic1", "topic2"]), ["1", "2", "3", "4"]);
    }
}

/// Writes a record in a transaction, aborts it, lets the partition forget the producer, and commits records of another
/// producer of the same transactional id. Gives the epochs of both.
fn epochs_around_a_forgotten_producer_id(level: i16) -> (i16, i16) {
    let mut beside = forgetful(level, 10, 5, TRANSACTIONAL).begun();
    beside.put_to("topic1", Some(0), "2");
    beside.flush();
    let [(old_id, old_epoch)] = beside.known_producers()[..] else { panic!("one producer") };
    beside.abort();
    beside.pass(5_500);
    assert_eq!(beside.known_producers(), []);

    let mut next = beside.another(TRANSACTIONAL).begun();
    next.put_to("topic1", Some(0), "4");
    next.put_to("topic1", Some(3), "3");
    next.commit();
    let [(id, epoch)] = next.known_producers()[..] else { panic!("one producer") };
    assert_eq!(id, old_id, "the coordinator has not forgotten it");
    assert_eq!(next.brokers().values(READ_COMMITTED, &["topic1"]), ["3", "4"]);
    (old_epoch, epoch)
}

/// Mirrors `TransactionsExpirationTest.testTransactionAfterProducerIdExpiresWithTV1`: when a partition has forgotten a
/// producer id, another producer of the same transactional id has the same producer id in the next epoch, and its
/// records are committed.
#[test]
fn with_protocol_1_the_next_producer_has_the_forgotten_id_in_the_next_epoch() {
    let (old, new) = epochs_around_a_forgotten_producer_id(1);
    assert_eq!(old + 1, new);
}

/// Mirrors `TransactionsExpirationTest.testTransactionAfterProducerIdExpires`: when a partition has forgotten a producer
/// id, another producer of the same transactional id has the same producer id in a later epoch, and its records are
/// committed.
/// Mirrors `TransactionsExpirationTest.testTransactionAfterProducerIdExpiresWithTV2`: with version 2 of transactions
/// that epoch is at least two further, for the abort and for the new producer.
#[test]
fn with_protocol_2_the_next_producer_has_the_forgotten_id_in_a_later_epoch() {
    let (old, new) = epochs_around_a_forgotten_producer_id(2);
    assert!(old + 2 <= new, "{old} and {new}");
}

/// Mirrors `ProducerIdExpirationTest.testProducerIdExpirationWithNoTransactions`: a partition knows an idempotent
/// producer after its record, not any more when it has been idle for producer.id.expiration.ms, and again after its next
/// record, which is stored.
#[test]
fn an_idle_producer_is_forgotten_and_goes_on_all_the_same() {
    let mut beside = forgetful(2, 5, 10, &[]);
    let first = beside.put_to("topic1", Some(0), "value");
    assert_eq!(beside.fate(first), Ok(0));
    let known = beside.known_producers();
    assert_eq!(known.len(), 1);
    beside.pass(10_500);
    assert_eq!(beside.known_producers(), []);
    let second = beside.put_to("topic1", Some(0), "value");
    assert_eq!(beside.fate(second), Ok(1), "though its sequence is not 0");
    assert_eq!(beside.known_producers(), known);
}

/// Mirrors `ProducerIdExpirationTest.testTransactionAfterTransactionIdExpiresButProducerIdRemains`: when the
/// transactional id was forgotten and the producer id was not, a record of the next transaction fails with an
/// InvalidPidMappingException and the abort throws a KafkaException; another producer of the same transactional id
/// commits its two records.
#[test]
fn a_transactional_id_is_forgotten_before_the_producer_id() {
    let mut beside = forgetful(2, 5, 10, TRANSACTIONAL).begun();
    beside.put_to("topic1", Some(0), "2");
    beside.flush();
    assert_eq!(beside.known_producers().len(), 1);
    beside.abort();
    beside.pass(5_000);
    assert_eq!(beside.known_producers().len(), 1, "it was not long enough for that");

    beside.begin();
    let failed = beside.put_to("topic1", Some(0), "1");
    assert_eq!(beside.fate(failed), Err("InvalidPidMappingException"));
    assert_eq!(beside.call(Producer::abort_transaction), Err("KafkaException"));

    let mut next = beside.another(TRANSACTIONAL).begun();
    next.put_to("topic1", Some(0), "4");
    next.put_to("topic1", Some(0), "3");
    assert!(!next.known_producers().is_empty());
    next.commit();
    assert_eq!(next.brokers().values(READ_COMMITTED, &["topic1"]), ["3", "4"]);
}

/// Mirrors `ProducerIdExpirationTest.testDynamicProducerIdExpirationMs`: a producer that was forgotten and is known
/// again is not forgotten within four seconds once producer.id.expiration.ms was raised, and quickly once it was
/// lowered. Brokers that start again in between are beyond what is simulated here.
#[test]
fn how_long_producers_are_remembered_can_be_changed_meanwhile() {
    let mut beside = forgetful(2, 5, 2, &[]);
    let change = |beside: &Beside, ms| {
        let now = beside.now();
        beside.brokers().cluster.set_producer_id_expiration(now, Duration::from_millis(ms));
    };
    beside.put_to("topic1", Some(0), "value");
    beside.flush();
    assert_eq!(beside.known_producers().len(), 1);
    beside.pass(2_500);
    assert_eq!(beside.known_producers(), []);

    change(&beside, 100_000);
    beside.put_to("topic1", Some(0), "value");
    beside.flush();
    assert_eq!(beside.known_producers().len(), 1);
    beside.pass(4_000);
    assert_eq!(beside.known_producers().len(), 1);

    change(&beside, 100);
    beside.pass(500);
    assert_eq!(beside.known_producers(), []);
}
