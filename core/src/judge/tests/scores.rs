//! What the score counts, one story each.

use super::model::{Model, PRODUCER, Passage, place};
use crate::error::Persistence;
use crate::judge::{CallId, Fate, Isolation, Metadata, Score, Stored, Transaction, TransactionEnd};

fn score(model: &Model) -> Score {
    model.history.score(Isolation::ReadUncommitted)
}

#[test]
fn what_is_acknowledged_and_there_is_found() {
    let mut model = Model::new();
    model.send("user-42", "a");
    model.send("seoul", "b");
    model.deliver(1, Passage::Good);
    let expected = Score { sent: 2, acknowledged: 1, waiting: 1, found: 1, stored: 1, ..Score::default() };
    assert_eq!(score(&model), expected);
}

#[test]
fn what_is_acknowledged_and_not_there_is_lost_and_a_copy_elsewhere_is_misplaced() {
    let mut model = Model::new();
    let calls = ["a", "b"].map(|value| model.send("user-42", value));
    model.deliver(1, Passage::Good);
    let log = model.history.logs.get_mut(&place(1)).unwrap();
    log.records.remove(0);
    let expected = Score { sent: 2, acknowledged: 2, found: 1, lost: 1, stored: 1, ..Score::default() };
    assert_eq!(score(&model), expected);
    model.store(2, &calls[..1]);
    let expected = Score { misplaced: 1, stored: 2, ..expected };
    assert_eq!(score(&model), expected);
}

#[test]
fn what_failed_and_is_there_all_the_same_is_told_apart() {
    let mut model = Model::new();
    let calls = ["a", "b"].map(|value| model.send("user-42", value));
    model.forget(1);
    model.store(1, &calls[..1]);
    for call in calls {
        model.fail(call, "TimeoutException", Persistence::PossiblyPersisted);
    }
    let expected = Score { sent: 2, failed: 2, failed_stored: 1, stored: 1, ..Score::default() };
    assert_eq!(score(&model), expected);
    model.history.told[0].fate = Fate::Unknown;
    let expected = Score { failed: 1, failed_stored: 0, unknown: 1, unknown_stored: 1, ..expected };
    assert_eq!(score(&model), expected);
    model.history.told.remove(0);
    let expected = Score { unknown: 0, unknown_stored: 0, waiting: 1, waiting_stored: 1, ..expected };
    assert_eq!(score(&model), expected);
}

#[test]
fn as_many_calls_as_there_are_explain_as_many_records_and_no_more() {
    // Three calls with one content: one acknowledged, one failed, one refused for good. Of four records the third is the
    // first that nobody can have sent: who was refused cannot have.
    let mut model = Model::new();
    let calls = [(); 3].map(|()| model.send("user-42", "a"));
    model.forget(1);
    let base = model.store(1, &[calls[0]; 4]);
    model.acknowledge(1, &calls[..1], base + 2);
    model.fail(calls[1], "TimeoutException", Persistence::PossiblyPersisted);
    model.fail(calls[2], "BufferExhaustedException", Persistence::NotPersisted);
    let expected = Score {
        sent: 3,
        acknowledged: 1,
        failed: 2,
        found: 1,
        failed_stored: 1,
        stored: 4,
        duplicated: 2,
        ..Score::default()
    };
    assert_eq!(score(&model), expected);
}

#[test]
fn a_record_of_which_the_broker_told_no_offset_is_looked_for_in_its_partition() {
    let mut model = Model::with(&[("acks", "0")]);
    let calls = ["a", "b"].map(|value| model.send("user-42", value));
    model.forget(1);
    for call in calls {
        let at = model.now();
        let metadata = Metadata { partition: 1, offset: None, timestamp_ms: None };
        model.history.tell(at, call, Fate::Acknowledged(metadata));
    }
    model.store(1, &calls[..1]);
    let expected = Score { sent: 2, acknowledged: 2, found: 1, lost: 1, stored: 1, ..Score::default() };
    assert_eq!(score(&model), expected);
}

#[test]
fn a_record_with_a_time_of_its_own_is_found_under_that_time_unless_the_topic_gives_its_own() {
    let mut model = Model::new();
    let call = model.send("user-42", "a");
    model.deliver(1, Passage::Good);
    model.history.calls[call.0 as usize].asked_timestamp_ms = Some(999);
    assert_eq!((score(&model).found, score(&model).lost, score(&model).duplicated), (0, 1, 1));
    model.history.logs.get_mut(&place(1)).unwrap().records[0].is_append_time = true;
    assert_eq!((score(&model).found, score(&model).lost), (1, 0));
}

#[test]
fn records_behind_a_later_one_of_their_key_are_out_of_order() {
    let order = |keys: [&str; 3], stored: [usize; 3]| {
        let mut model = Model::new();
        let calls = [0, 1, 2].map(|at: usize| model.send_to(1, keys[at], &at.to_string()));
        model.forget(1);
        model.store(1, &stored.map(|at| calls[at]));
        for call in calls {
            model.fail(call, "TimeoutException", Persistence::PossiblyPersisted);
        }
        score(&model).out_of_order
    };
    assert_eq!(order(["k"; 3], [0, 1, 2]), 0);
    assert_eq!(order(["k"; 3], [1, 0, 2]), 1);
    assert_eq!(order(["k"; 3], [2, 0, 1]), 2);
    assert_eq!(order(["k", "l", "m"], [2, 0, 1]), 0, "keys have no order among them");
    assert_eq!(order(["k", "l", "k"], [2, 1, 0]), 1);
}

#[test]
fn what_was_dropped_or_never_read_is_neither_found_nor_lost() {
    let mut model = Model::new();
    model.send("user-42", "a");
    model.send("user-42", "b");
    model.deliver(1, Passage::Good);
    let log = model.history.logs.get_mut(&place(1)).unwrap();
    log.records.remove(0);
    log.start_offset = 1;
    assert_eq!((score(&model).found, score(&model).deleted, score(&model).lost), (1, 1, 0));
    model.history.logs.remove(&place(1));
    assert_eq!((score(&model).unread, score(&model).found, score(&model).lost), (2, 0, 0));
}

#[test]
fn a_careful_reader_rightly_gets_nothing_of_an_aborted_transaction() {
    let mut model = Model::with(&[("transactional.id", "till")]);
    let calls = ["a", "b"].map(|value| model.send("user-42", value));
    model.deliver(1, Passage::Good);
    for (at, end) in [(0, TransactionEnd::Aborted), (1, TransactionEnd::Committed)] {
        model.history.transactions.push(Transaction { producer: PRODUCER, end });
        model.history.calls[calls[at].0 as usize].transaction = Some(u32::try_from(at).unwrap());
    }
    model.history.logs.get_mut(&place(1)).unwrap().committed = Some(vec![1]);
    let careful = model.history.score(Isolation::ReadCommitted);
    let expected = Score { sent: 2, acknowledged: 2, found: 1, withheld: 1, stored: 1, ..Score::default() };
    assert_eq!(careful, expected);
    assert_eq!(score(&model).found, 2);
    model.history.logs.get_mut(&place(1)).unwrap().committed = Some(Vec::new());
    assert_eq!(model.history.score(Isolation::ReadCommitted).lost, 1, "what was committed is owed to every reader");
}

#[test]
fn what_nobody_sent_is_foreign() {
    let mut model = Model::new();
    let content = model.history.contents.of(b"somebody else's");
    model.send("user-42", "a");
    model.deliver(1, Passage::Good);
    let log = model.history.logs.get_mut(&place(1)).unwrap();
    let last = log.records[0];
    log.records.push(Stored { offset: 1, content, identity: None, sequence: -1, ..last });
    assert_eq!((score(&model).foreign, score(&model).duplicated, score(&model).found), (1, 0, 1));
    assert_eq!(model.history.calls[CallId(0).0 as usize].partition, Some(1));
}
