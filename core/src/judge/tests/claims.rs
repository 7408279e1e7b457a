//! Claims, one that holds and one that is broken each.

use core::time::Duration;

use super::model::{Model, PRODUCER, Passage, place};
use crate::error::{ErrorCode, Persistence};
use crate::ids::TopicPartition;
use crate::judge::{Fate, Stored, Transaction, TransactionEnd, Undecided, Verdict, WaitFor, Witness};
use crate::scenario::{Claim, Comparison, Counted};

fn settled() -> Model {
    let mut model = Model::new();
    model.send("user-42", "a");
    model.send("user-42", "b");
    model.wait(WaitFor::Flush);
    model
}

fn in_partition_1() -> TopicPartition {
    TopicPartition { topic: "orders".into(), partition: 1 }
}

fn count(of: Counted, is: Comparison, number: u64) -> Claim {
    Claim::Count { of, is, number }
}

#[test]
fn nothing_lost() {
    let mut model = settled();
    assert_eq!(Claim::NothingLost {}.check(&model.history), Verdict::Held);
    model.history.logs.get_mut(&place(1)).unwrap().records.pop();
    let lost = Witness::Lost { call: 1, partition: in_partition_1(), offset: Some(1) };
    assert_eq!(Claim::NothingLost {}.check(&model.history), Verdict::Broken(lost.clone()));
    assert_eq!(lost.to_string(), "record 1 was acknowledged at orders-1@1 and is not there");
}

#[test]
fn nothing_lost_asks_of_a_transaction_what_was_committed() {
    let mut model = settled();
    model.history.transactions.push(Transaction { producer: PRODUCER, end: TransactionEnd::Aborted });
    model.history.calls[1].transaction = Some(0);
    model.history.logs.get_mut(&place(1)).unwrap().committed = Some(vec![0]);
    assert_eq!(Claim::NothingLost {}.check(&model.history), Verdict::Held);
    model.history.transactions[0].end = TransactionEnd::Committed;
    assert!(matches!(Claim::NothingLost {}.check(&model.history), Verdict::Broken(Witness::Lost { call: 1, .. })));
}

#[test]
fn stored_once() {
    let mut model = settled();
    assert_eq!(Claim::StoredOnce {}.check(&model.history), Verdict::Held);
    let log = model.history.logs.get_mut(&place(1)).unwrap();
    let last = log.records[1];
    log.records.push(Stored { offset: 2, ..last });
    let again = Witness::StoredAgain { call: 1, partition: in_partition_1(), offset: 2 };
    assert_eq!(Claim::StoredOnce {}.check(&model.history), Verdict::Broken(again));
}

#[test]
fn order_per_key() {
    let stored = |reversed: bool| {
        let mut model = Model::new();
        let mut calls = ["a", "b"].map(|value| model.send("user-42", value));
        model.forget(1);
        for call in calls {
            model.fail(call, "TimeoutException", Persistence::PossiblyPersisted);
        }
        if reversed {
            calls.reverse();
        }
        model.store(1, &calls);
        Claim::OrderPerKey {}.check(&model.history)
    };
    assert_eq!(stored(false), Verdict::Held);
    let behind = Witness::OutOfOrder { call: 0, later: 1, partition: in_partition_1(), offset: 1 };
    assert_eq!(stored(true), Verdict::Broken(behind));
}

#[test]
fn no_send_blocked_longer_than() {
    let claim = Claim::NoSendBlocked { longer_than_us: 1_000_000 };
    let mut model = settled();
    assert_eq!(claim.check(&model.history), Verdict::Held);
    let called = model.history.calls[1].called.at;
    model.history.calls[1].returned.as_mut().unwrap().at = called + Duration::from_micros(1_000_001);
    assert_eq!(claim.check(&model.history), Verdict::Broken(Witness::Blocked { call: 1, ms: 1_000 }));
    model.history.calls[1].returned = None;
    model.history.told.remove(1);
    assert_eq!(claim.check(&model.history), Verdict::NotDecided(Undecided::StillBlocked(1)));
    model.pass(1_000);
    assert!(matches!(claim.check(&model.history), Verdict::Broken(Witness::Blocked { call: 1, .. })));
}

#[test]
fn failed_means_not_stored() {
    let failed = |is_stored: bool| {
        let mut model = settled();
        let call = model.send("user-42", "c");
        model.forget(1);
        model.fail(call, "TimeoutException", Persistence::PossiblyPersisted);
        if is_stored {
            model.store(1, &[call]);
        }
        Claim::FailedMeansNotStored {}.check(&model.history)
    };
    assert_eq!(failed(false), Verdict::Held);
    let there =
        Witness::FailedAndStored { call: 2, class: "TimeoutException".into(), partition: in_partition_1(), offset: 2 };
    assert_eq!(failed(true), Verdict::Broken(there));
}

#[test]
fn what_was_not_read_or_is_not_told_yet_decides_nothing_but_a_broken_claim_stays_broken() {
    let claims = [Claim::NothingLost {}, Claim::StoredOnce {}, Claim::OrderPerKey {}, Claim::FailedMeansNotStored {}];
    let mut model = settled();
    model.send("user-42", "c");
    for claim in &claims {
        assert_eq!(claim.check(&model.history), Verdict::NotDecided(Undecided::StillWaiting(1)), "{claim}");
    }
    let nowhere = TopicPartition { topic: "orders".into(), partition: 2 };
    model.history.logs.remove(&place(2));
    for claim in &claims {
        assert_eq!(claim.check(&model.history), Verdict::NotDecided(Undecided::NotRead(nowhere.clone())), "{claim}");
    }
    model.history.logs.get_mut(&place(1)).unwrap().records.pop();
    assert!(matches!(Claim::NothingLost {}.check(&model.history), Verdict::Broken(_)));
}

#[test]
fn counts_are_compared() {
    let mut model = settled();
    let call = model.send("user-42", "c");
    model.forget(1);
    model.fail(call, "TimeoutException", Persistence::PossiblyPersisted);
    let counts = [
        (Counted::Acked, 2),
        (Counted::Failed, 1),
        (Counted::Stored, 2),
        (Counted::Duplicates, 0),
        (Counted::Lost, 0),
        (Counted::OutOfOrder, 0),
        (Counted::Requests, 1),
        (Counted::Retries, 0),
        (Counted::Partitions, 1),
        (Counted::ScatteredKeys, 0),
        (Counted::LargestShare, 100),
    ];
    for (of, number) in counts {
        let check = |is, number| count(of, is, number).check(&model.history);
        assert_eq!(check(Comparison::Equal, number), Verdict::Held, "{of}");
        assert_eq!(check(Comparison::Equal, number + 1), Verdict::Broken(Witness::Counted(number)), "{of}");
        assert_eq!(check(Comparison::AtLeast, number), Verdict::Held, "{of}");
        assert_eq!(check(Comparison::AtLeast, number + 1), Verdict::Broken(Witness::Counted(number)), "{of}");
        assert_eq!(check(Comparison::AtMost, number), Verdict::Held, "{of}");
        if let Some(less) = number.checked_sub(1) {
            assert_eq!(check(Comparison::AtMost, less), Verdict::Broken(Witness::Counted(number)), "{of}");
        }
    }
}

#[test]
fn a_process_that_ends_before_its_result_takes_no_time_for_it() {
    let mut model = settled();
    let times = [Counted::SpanMs, Counted::SlowestMs];
    let results = &model.history.told;
    let took = |call: usize| (results[call].at.at - model.history.calls[call].called.at).as_millis();
    let span = (results[1].at.at - model.history.calls[0].called.at).as_millis();
    let known = [span, took(0).max(took(1))].map(|ms| u64::try_from(ms).unwrap());
    let call = model.send("user-42", "c");
    model.forget(1);
    model.pass(10_000);
    let at = model.now();
    model.history.tell(at, call, Fate::Unknown);
    for (of, number) in times.into_iter().zip(known) {
        assert_eq!(count(of, Comparison::Equal, number).check(&model.history), Verdict::Held, "{of}");
    }
}

#[test]
fn a_count_that_may_still_grow_decides_only_what_growing_cannot_change() {
    let mut model = settled();
    model.send("user-42", "c");
    let check = |is, number| count(Counted::Acked, is, number).check(&model.history);
    let waits = Verdict::NotDecided(Undecided::StillWaiting(1));
    assert_eq!(check(Comparison::AtLeast, 2), Verdict::Held);
    assert_eq!(check(Comparison::AtLeast, 3), waits);
    assert_eq!(check(Comparison::AtMost, 1), Verdict::Broken(Witness::Counted(2)));
    assert_eq!(check(Comparison::AtMost, 2), waits);
    assert_eq!(check(Comparison::Equal, 1), Verdict::Broken(Witness::Counted(2)));
    assert_eq!(check(Comparison::Equal, 2), waits);
}

#[test]
fn a_batch_that_leaves_again_is_a_retry_with_numbers_and_without() {
    for idempotence in ["true", "false"] {
        let retries = |passage, number| {
            let mut model = Model::with(&[("enable.idempotence", idempotence)]);
            model.send("user-42", "a");
            model.deliver(1, passage);
            model.send("user-42", "a");
            // Without numbers these are the same bytes: but nothing failed before them.
            model.deliver(1, Passage::Good);
            let claim = count(Counted::Retries, Comparison::Equal, number);
            assert_eq!(claim.check(&model.history), Verdict::Held, "{passage:?}, idempotence {idempotence}");
        };
        retries(Passage::Good, 0);
        retries(Passage::AnswerLost, 1);
        retries(Passage::RequestLost, 1);
    }
}

#[test]
fn a_batch_without_numbers_is_told_from_another_by_its_failures() {
    // Flow: two batches of the same bytes under way; one fails and leaves again, the other is stored.
    let mut model = Model::with(&[("enable.idempotence", "false")]);
    let (first, second) = (model.transmit(1, 1), model.transmit(1, 1));
    model.answer(first, ErrorCode::NOT_ENOUGH_REPLICAS, -1);
    model.answer(second, ErrorCode::NONE, 0);
    let third = model.transmit(1, 1);
    model.answer(third, ErrorCode::NONE, 1);
    assert_eq!(count(Counted::Retries, Comparison::Equal, 1).check(&model.history), Verdict::Held);
}

#[test]
fn an_exception_was_met() {
    let mut model = settled();
    let call = model.send("user-42", "c");
    model.forget(1);
    model.fail(call, "TimeoutException", Persistence::PossiblyPersisted);
    let check = |class: &str| Claim::Raised { class: class.into() }.check(&model.history);
    assert_eq!(check("TimeoutException"), Verdict::Held);
    assert_eq!(check("NetworkException"), Verdict::Broken(Witness::Counted(0)));
}

#[test]
fn claims_travel_and_are_read_in_words() {
    let claims = [
        (Claim::NothingLost {}, "nothing lost"),
        (Claim::NoSendBlocked { longer_than_us: 1_000_000 }, "no send() blocked longer than 1s"),
        (count(Counted::Duplicates, Comparison::AtMost, 0), "at most 0 records stored again"),
        (Claim::Raised { class: "TimeoutException".into() }, "the program meets TimeoutException"),
    ];
    for (claim, words) in claims {
        let bytes = postcard::to_allocvec(&claim).unwrap();
        assert_eq!(postcard::from_bytes::<Claim>(&bytes).unwrap(), claim);
        assert_eq!(claim.to_string(), words);
    }
}
