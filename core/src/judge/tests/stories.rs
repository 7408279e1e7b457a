//! For every invariant a history that holds, and the smallest change that breaks it: 1 to 7, of records and results.

use core::time::Duration;

use super::model::{Model, PRODUCER, Passage, place};
use crate::config::ProducerConfig;
use crate::error::{ErrorCode, Persistence};
use crate::ids::ProducerIdentity;
use crate::judge::{Departure, Fate, History, Transaction, TransactionEnd, WaitFor, judge};

pub(super) fn broken(history: &History) -> Vec<u8> {
    let mut numbers: Vec<u8> = judge(history).violations.iter().map(|violation| violation.number).collect();
    numbers.dedup();
    numbers
}

#[track_caller]
pub(super) fn holds(history: &History) {
    let violations: Vec<String> = judge(history).violations.iter().map(ToString::to_string).collect();
    assert!(violations.is_empty(), "{violations:#?}");
}

#[track_caller]
pub(super) fn breaks(number: u8, history: &History) {
    assert_eq!(broken(history), [number]);
}

#[track_caller]
pub(super) fn departs(number: u8, departure: Departure, history: &History) {
    holds(history);
    assert!(judge(history).departures.contains_key(&(number, departure)), "{departure:?}");
}

/// user-42 lives in partition 1, seoul in 0.
pub(super) fn two_batches(properties: &[(&str, &str)]) -> Model {
    let mut model = Model::with(properties);
    model.send("user-42", "a");
    model.send("user-42", "b");
    model.deliver(1, Passage::Good);
    model.send("user-42", "c");
    model.send("seoul", "d");
    model.deliver(1, Passage::AnswerLost);
    model.wait(WaitFor::Flush);
    model
}

pub(super) fn set(history: &mut History, properties: &[(&str, &str)]) {
    let (config, _) = ProducerConfig::from_properties(properties.iter().copied()).expect("lawful");
    history.producers[0] = config.into();
}

pub(super) fn log(history: &mut History, partition: i32) -> &mut crate::judge::Log {
    history.logs.get_mut(&place(partition)).expect("three partitions")
}

#[test]
fn a_quiet_history_breaks_nothing_and_neither_does_a_stormy_one() {
    let mut model = two_batches(&[]);
    holds(&model.history);
    model.send("user-42", "e");
    model.deliver(1, Passage::RequestLost);
    model.send("user-42", "f");
    model.deliver(1, Passage::Refused);
    model.send("user-42", "g");
    model.move_leader(1, true);
    model.wait(WaitFor::Close);
    holds(&model.history);
    assert!(judge(&model.history).departures.is_empty());
}

#[test]
fn invariant_1_an_acknowledged_record_is_where_it_was_acknowledged() {
    let mut lost = two_batches(&[]).history;
    log(&mut lost, 1).records.pop();
    breaks(1, &lost);
    let mut elsewhere = two_batches(&[]).history;
    let Fate::Acknowledged(metadata) = &mut elsewhere.told[2].fate else { panic!("acknowledged") };
    metadata.offset = metadata.offset.map(|offset| offset + 1);
    breaks(1, &elsewhere);
    let mut told_one_place_twice = two_batches(&[]).history;
    let first = told_one_place_twice.told[0].fate.clone();
    told_one_place_twice.told[1].fate = first;
    assert!(broken(&told_one_place_twice).contains(&1));
}

#[test]
fn invariant_1_is_no_promise_of_acks_1_once_the_leader_has_moved() {
    let mut model = two_batches(&[("acks", "1")]);
    log(&mut model.history, 1).records.pop();
    breaks(1, &model.history);
    model.move_leader(1, true);
    departs(1, Departure::NotDurable, &model.history);
    model.history.topics[0].copies_in_step = true;
    breaks(1, &model.history);
}

#[test]
fn invariant_1_needs_two_copies_and_a_clean_election() {
    let mut model = two_batches(&[]);
    log(&mut model.history, 1).records.pop();
    model.move_leader(1, true);
    breaks(1, &model.history);
    model.history.topics[0].min_insync_replicas = 1;
    departs(1, Departure::NotDurable, &model.history);
    model.history.topics[0].min_insync_replicas = 2;
    model.move_leader(1, false);
    departs(1, Departure::NotDurable, &model.history);
}

#[test]
fn invariant_1_does_not_ask_for_what_the_topic_dropped() {
    let mut model = two_batches(&[]);
    let log = log(&mut model.history, 1);
    log.records.remove(0);
    log.start_offset = 1;
    holds(&model.history);
}

#[test]
fn invariant_2_nothing_is_stored_twice_by_an_idempotent_producer() {
    let twice = |properties: &[(&str, &str)]| {
        let mut model = two_batches(properties);
        let log = log(&mut model.history, 1);
        let last = log.records[log.records.len() - 1];
        log.records.push(crate::judge::Stored { offset: last.offset + 1, sequence: last.sequence + 1, ..last });
        model.history
    };
    breaks(2, &twice(&[]));
    let mut plain = twice(&[("enable.idempotence", "false")]);
    for stored in &mut log(&mut plain, 1).records {
        (stored.identity, stored.sequence) = (None, -1);
    }
    holds(&plain);
}

#[test]
fn invariant_2_two_calls_with_one_content_are_two_records() {
    let mut model = two_batches(&[]);
    model.send("user-42", "a");
    model.wait(WaitFor::Flush);
    holds(&model.history);
}

#[test]
fn invariant_2_excuses_what_was_numbered_anew_after_a_failure_and_nothing_else() {
    let mut model = two_batches(&[]);
    let log = log(&mut model.history, 1);
    let last = log.records[log.records.len() - 1];
    let identity = last.identity.map(|identity| ProducerIdentity { epoch: 1, ..identity });
    log.records.push(crate::judge::Stored { offset: last.offset + 1, sequence: 0, identity, ..last });
    breaks(2, &model.history);
    let call = model.send_to(1, "user-42", "late");
    model.forget(1);
    model.fail(call, "TimeoutException", Persistence::PossiblyPersisted);
    departs(2, Departure::RenumberedAfterAppend, &model.history);
}

#[test]
fn invariant_2_excuses_a_split_of_what_was_stored_and_a_producer_nobody_knew() {
    let doubled = || {
        let mut model = two_batches(&[]);
        let log = log(&mut model.history, 1);
        let last = log.records[log.records.len() - 1];
        log.records.push(crate::judge::Stored { offset: last.offset + 1, sequence: last.sequence + 1, ..last });
        model
    };
    let mut split = doubled();
    split.history.wire.requests[1].ended = split.history.wire.requests[2].ended;
    split.history.wire.requests[2].batches[0].answer = Some(ErrorCode::MESSAGE_TOO_LARGE);
    assert!(judge(&split.history).departures.contains_key(&(2, Departure::SplitAfterAppend)));
    let mut unknown = doubled();
    for stored in &mut log(&mut unknown.history, 1).records {
        stored.sequence += 3;
    }
    departs(2, Departure::FirstBatchUnprotected, &unknown.history);
    let mut forgotten = doubled();
    forgotten.history.producer_id_expiration = Some(Duration::from_millis(1));
    // Its sequences follow one another: this partition has not forgotten it.
    breaks(2, &forgotten.history);
    log(&mut forgotten.history, 1).records.last_mut().expect("stored").sequence -= 1;
    departs(2, Departure::ProducerForgotten, &forgotten.history);
}

/// Two records whose fate nobody knows, stored in this order.
fn unknown_pair(properties: &[(&str, &str)], reversed: bool) -> Model {
    let mut model = two_batches(properties);
    let (first, second) = (model.send("user-42", "x"), model.send("user-42", "y"));
    model.forget(1);
    let order = if reversed { [second, first] } else { [first, second] };
    model.begin_at(1, 3);
    model.store(1, &order);
    for call in [first, second] {
        model.fail(call, "TimeoutException", Persistence::PossiblyPersisted);
    }
    model
}

#[test]
fn invariant_3_the_log_has_the_order_of_sending() {
    holds(&unknown_pair(&[], false).history);
    breaks(3, &unknown_pair(&[], true).history);
    breaks(3, &unknown_pair(&[("enable.idempotence", "false"), (IN_FLIGHT, "1")], true).history);
    holds(&unknown_pair(&[("enable.idempotence", "false"), (IN_FLIGHT, "2")], true).history);
    let mut two_threads = unknown_pair(&[], true).history;
    two_threads.calls[5].thread = 1;
    holds(&two_threads);
}

pub(super) const IN_FLIGHT: &str = "max.in.flight.requests.per.connection";

#[test]
fn invariant_3_excuses_the_first_batches_of_a_new_producer() {
    let mut model = unknown_pair(&[], true);
    for stored in &mut log(&mut model.history, 1).records {
        stored.sequence += 1;
    }
    departs(3, Departure::FirstBatchUnprotected, &model.history);
}

#[test]
fn invariant_4_what_failed_for_certain_is_nowhere() {
    let stored = |persistence| {
        let mut model = two_batches(&[]);
        let call = model.send("user-42", "x");
        model.forget(1);
        model.begin_at(1, 3);
        model.store(1, &[call]);
        model.fail(call, "RecordTooLargeException", persistence);
        model.history
    };
    holds(&stored(Persistence::PossiblyPersisted));
    breaks(4, &stored(Persistence::NotPersisted));
}

#[test]
fn invariant_4_no_careful_reader_gets_what_was_aborted() {
    let mut history = two_batches(&[]).history;
    history.transactions.push(Transaction { producer: PRODUCER, end: TransactionEnd::Aborted });
    history.calls[0].transaction = Some(0);
    breaks(4, &history);
    log(&mut history, 1).committed.as_mut().expect("read").remove(0);
    holds(&history);
    history.transactions[0].end = TransactionEnd::Committed;
    breaks(1, &history);
}

#[test]
fn invariants_1_and_10_excuse_an_open_transaction_whose_stored_batch_was_refused_when_it_was_sent_again() {
    // Flow: A is stored and its answer lost → A is sent again and refused for good → B has A's numbers, and the broker takes
    // it for A: B is acknowledged where A is.
    let story = |end| {
        let mut model = Model::with(&[("transactional.id", "till")]);
        let (a, b) = (model.send("user-42", "a"), model.send("user-42", "b"));
        model.forget(1);
        model.history.transactions.push(Transaction { producer: PRODUCER, end });
        model.history.calls.iter_mut().for_each(|call| call.transaction = Some(0));
        model.store(1, &[a]);
        let first = model.transmit(1, 1);
        model.break_connection(first);
        model.pass(200);
        let again = model.transmit(1, 1);
        model.answer(again, ErrorCode::INVALID_RECORD, -1);
        let next = model.transmit(1, 1);
        model.answer(next, ErrorCode::NONE, 0);
        for request in [first, again, next] {
            model.history.wire.requests[request].batches[0].is_transactional = true;
        }
        model.history.wire.requests[next].batches[0].crc = 1;
        model.fail(a, "InvalidRecordException", Persistence::PossiblyPersisted);
        model.acknowledge(1, &[b], 0);
        let log = model.history.logs.get_mut(&place(1)).expect("three partitions");
        log.committed = Some(Vec::new());
        model
    };
    let mut open = story(TransactionEnd::Aborted);
    departs(1, Departure::RefusedAfterAppend, &open.history);
    let mut refused = open.history.clone();
    refused.wire.requests[2].batches[0].answer = Some(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    departs(10, Departure::RefusedAfterAppend, &refused);
    open.history.transactions[0].end = TransactionEnd::Committed;
    breaks(1, &open.history);
}

#[test]
fn invariant_5_one_result_for_every_send() {
    let mut twice = two_batches(&[]).history;
    let told = twice.told[0].clone();
    let Fate::Acknowledged(_) = told.fate else { panic!("acknowledged") };
    twice.tell(told.at.at, told.call, Fate::Unknown);
    breaks(5, &twice);
    let mut model = two_batches(&[]);
    model.send("user-42", "x");
    holds(&model.history);
    model.forget(1);
    model.wait(WaitFor::Close);
    assert_eq!(broken(&model.history), [5, 18], "never told, and close() did not wait");
}

#[test]
fn invariant_5_excuses_a_fenced_producers_second_word() {
    let mut model = two_batches(&[("transactional.id", "till")]);
    let call = model.send("user-42", "x");
    model.forget(1);
    model.fail(call, "ProducerFencedException", Persistence::PossiblyPersisted);
    model.fail(call, "ProducerFencedException", Persistence::PossiblyPersisted);
    departs(5, Departure::ToldTwiceWhenFenced, &model.history);
}

#[test]
fn invariant_6_results_come_in_order() {
    let swapped = |properties: &[(&str, &str)]| {
        let mut model = two_batches(properties);
        model.history.told.swap(0, 1);
        model
    };
    breaks(6, &swapped(&[]).history);
    let mut plain = swapped(&[]).history;
    set(&mut plain, &[("enable.idempotence", "false")]);
    holds(&plain);
    let mut moved = two_batches(&[]);
    moved.move_leader(1, true);
    moved.history.leaders[0].at = moved.history.told[1].at.at;
    moved.history.told.swap(0, 1);
    departs(6, Departure::LeaderMoved, &moved.history);
}

#[test]
fn invariant_7_results_come_in_time() {
    let after = |ms| {
        let mut model = two_batches(&[("delivery.timeout.ms", "40000")]);
        let call = model.send("user-42", "x");
        model.forget(1);
        model.pass(ms);
        model.fail(call, "TimeoutException", Persistence::PossiblyPersisted);
        model.history
    };
    holds(&after(40_001));
    breaks(7, &after(40_002));
}

#[test]
fn invariant_7_send_returns_in_time() {
    let after = |ms| {
        let mut model = two_batches(&[("max.block.ms", "500")]);
        let call = model.send("user-42", "x");
        model.pass(ms);
        let at = model.now();
        model.history.returned(at, call, None);
        model.wait(WaitFor::Flush);
        model.history
    };
    holds(&after(501));
    breaks(7, &after(502));
}

#[test]
fn invariant_7_excuses_who_waits_for_an_id_and_who_stands_behind_a_younger_one() {
    let mut model = two_batches(&[("delivery.timeout.ms", "40000")]);
    let call = model.send("user-42", "x");
    let asked = model.transmit(1, 0);
    model.history.wire.requests[asked].api = crate::protocol::ApiKey::InitProducerId;
    model.history.wire.requests[asked].batches.clear();
    model.forget(1);
    model.pass(41_000);
    model.fail(call, "TimeoutException", Persistence::PossiblyPersisted);
    departs(7, Departure::WithoutProducerId, &model.history);

    let late = |in_flight| {
        let settings = [("delivery.timeout.ms", "40000"), ("enable.idempotence", "false"), (IN_FLIGHT, in_flight)];
        let mut model = two_batches(&settings);
        let first = model.send("user-42", "x");
        model.pass(500);
        let second = model.send("user-42", "y");
        model.forget(1);
        model.pass(40_000);
        for call in [first, second] {
            model.fail(call, "TimeoutException", Persistence::PossiblyPersisted);
        }
        model.history
    };
    departs(7, Departure::BehindAYoungerBatch, &late("2"));
    breaks(7, &late("1"));
}
