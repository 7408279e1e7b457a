//! Producers that must not go on: another of their name has come, or they took too long (`TransactionsTest`).

use super::committing::{ID, two_topics};
use super::*;

const TOPICS: [&str; 2] = ["topic1", "topic2"];

/// A producer that has written "1" and "3" in a transaction which is still open, and its heir, who has written "4" and
/// "5" in the next.
fn zombie_and_heir(transaction_version: i16) -> (Beside, Beside) {
    let mut zombie = two_topics(transaction_version, &[]).begun();
    zombie.put_to("topic1", None, "1");
    zombie.put_to("topic2", None, "3");
    zombie.flush();
    let heir = written_by_an_heir_of(&zombie);
    (zombie, heir)
}

fn written_by_an_heir_of(zombie: &Beside) -> Beside {
    let mut heir = zombie.another(&[("transactional.id", ID)]).begun();
    for (topic, value) in [("topic1", "4"), ("topic2", "5")] {
        let sent = heir.put_to(topic, None, value);
        heir.fate(sent).expect("stored");
    }
    heir
}

fn the_heirs_records_alone_are_committed(mut heir: Beside) {
    heir.commit();
    assert_eq!(heir.brokers().values(READ_COMMITTED, &TOPICS), ["4", "5"]);
}

/// Mirrors `TransactionsTest.testFencingOnCommit`: a producer whose open transaction was aborted by the initTransactions
/// of another of its name fails to commit it with a ProducerFencedException, and the other's records alone are committed.
#[test]
fn a_fenced_producer_does_not_commit() {
    for level in [1, 2] {
        let (mut zombie, heir) = zombie_and_heir(level);
        assert_eq!(zombie.call(Producer::commit_transaction), Err("ProducerFencedException"));
        the_heirs_records_alone_are_committed(heir);
    }
}

/// Mirrors `TransactionsTest.testFencingOnSendOffsets`: a fenced producer's sendOffsetsToTransaction throws a
/// ProducerFencedException, and the other's records alone are committed.
#[test]
fn a_fenced_producer_commits_no_offsets() {
    for level in [1, 2] {
        let (mut zombie, heir) = zombie_and_heir(level);
        let offset = CommittedOffset { offset: 110, leader_epoch: -1, metadata: None };
        let sent = zombie.send_offset("topic1", 0, offset, GroupMember::of_group("foobarGroup"));
        assert_eq!(sent, Err("ProducerFencedException"));
        the_heirs_records_alone_are_committed(heir);
    }
}

/// Mirrors `TransactionsTest.testFencingOnSend`: a record that a fenced producer sends within its transaction fails with
/// an InvalidProducerEpochException, and the other's records alone are committed.
#[test]
fn a_fenced_producer_adds_no_record() {
    for level in [1, 2] {
        let (mut zombie, heir) = zombie_and_heir(level);
        // The key of its first record, so the same partition.
        let sent = zombie.send(&Record::keyed("topic1", b"1", b"5")).expect("it does not know yet");
        assert_eq!(zombie.fate(sent), Err("InvalidProducerEpochException"));
        the_heirs_records_alone_are_committed(heir);
    }
}

/// Mirrors `TransactionsTest.testFencingOnAddPartitions`: a producer that aborted its transaction before it was fenced
/// begins another, whose first record fails with an InvalidProducerEpochException; with protocol 1, where a partition is
/// added before, with a ProducerFencedException. The other's records alone are committed.
#[test]
fn a_fenced_producer_adds_no_partition() {
    for (level, class) in [(1, "ProducerFencedException"), (2, "InvalidProducerEpochException")] {
        let mut zombie = two_topics(level, &[]).begun();
        zombie.put_to("topic1", None, "1");
        zombie.put_to("topic2", None, "3");
        zombie.abort();
        let heir = written_by_an_heir_of(&zombie);
        zombie.begin();
        let sent = zombie.send(&Record::keyed("topic1", b"1", b"5")).expect("it does not know yet");
        assert_eq!(zombie.fate(sent), Err(class));
        the_heirs_records_alone_are_committed(heir);
    }
}

/// Mirrors `TransactionsTest.testFencingOnTransactionExpiration`: a record that is sent after transaction.timeout.ms and
/// the brokers' next look fails with an InvalidProducerEpochException and is not in the log; the record before it is, for
/// whoever reads everything.
#[test]
fn a_transaction_that_took_too_long_gets_no_further_record() {
    for level in [1, 2] {
        let mut beside = two_topics(level, &[("transaction.timeout.ms", "300")]).begun();
        let first = beside.put_to("topic1", Some(0), "1");
        assert_eq!(beside.fate(first), Ok(0));
        beside.pass(600);
        let second = beside.put_to("topic1", Some(0), "2");
        assert_eq!(beside.fate(second), Err("InvalidProducerEpochException"));
        assert_eq!(beside.brokers().values(READ_UNCOMMITTED, &TOPICS), ["1"]);
        assert_eq!(beside.brokers().values(READ_COMMITTED, &TOPICS), [""; 0]);
    }
}

/// Mirrors `TransactionsTest.testRecoveryFromEpochOverflow`: in the last epoch that a producer id has, a transaction
/// takes too long; its producer's abort counts as a repetition of the brokers', its next transaction goes on under
/// another id, and is fenced by a second producer, whose record is the only one committed.
#[test]
fn a_transaction_that_took_too_long_in_the_last_epoch_leaves_nobody_stuck() {
    const SLOW: &[(&str, &str)] = &[("transaction.timeout.ms", "500"), ("transactional.id", ID)];
    let mut beside = two_topics(2, &SLOW[..1]).begun();
    beside.put_to("topic1", Some(0), "aborted");
    beside.abort();
    use_up_all_epochs_but_one(&beside);

    let mut beside = beside.another(SLOW).begun();
    let sent = beside.put_to("topic1", Some(0), "aborted");
    beside.fate(sent).expect("stored");
    let [(id, epoch)] = beside.brokers().producers("topic1", 0)[..] else { panic!("one producer") };
    assert_eq!(epoch, i16::MAX - 1);
    beside.pass(700);
    assert_eq!(beside.brokers().producers("topic1", 0), [(id, i16::MAX)], "its transaction is marked as aborted");

    beside.abort();
    beside.begin();
    let sent = beside.put_to("topic1", Some(0), "aborted");
    beside.fate(sent).expect("stored under another id");

    let mut second = beside.another(SLOW).begun();
    let sent = second.put_to("topic1", Some(0), "committed");
    second.fate(sent).expect("stored");
    second.commit();
    assert_eq!(second.brokers().values(READ_COMMITTED, &TOPICS), ["committed"]);
}

/// Has the coordinator raise the epoch until the next producer gets the last one.
fn use_up_all_epochs_but_one(beside: &Beside) {
    let mut brokers = beside.brokers();
    let find = FindCoordinatorRequest { key_type: 1, keys: vec![ID.into()] };
    let Response::FindCoordinator(found) = brokers.ask(NodeId(1), Request::FindCoordinator(find)) else { panic!() };
    let init = InitProducerIdRequest {
        transactional_id: Some(ID.into()),
        transaction_timeout_ms: 500,
        producer_id: -1,
        producer_epoch: -1,
    };
    loop {
        match brokers.ask(found.coordinators[0].node, Request::InitProducerId(init.clone())) {
            Response::InitProducerId(given) if given.error.is_none() && given.producer_epoch < i16::MAX - 2 => {}
            Response::InitProducerId(given) => {
                assert_eq!(given.producer_epoch, i16::MAX - 2);
                return;
            }
            other => panic!("{other:?}"),
        }
    }
}
