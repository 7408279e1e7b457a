//! What Kafka does where a law seems broken, and the defect that stands one step beside it.

use super::model::{Model, PRODUCER, Passage, place};
use super::stories::{IN_FLIGHT, breaks, broken, departs, holds, log, two_batches};
use crate::error::{ErrorCode, Persistence};
use crate::ids::{NodeId, ProducerIdentity};
use crate::judge::{CallId, Departure, History, LeaderSeen, Stall, judge};
use crate::time::Instant;

/// The first broker of a partition, and one that took over from it.
fn led_by(model: &mut Model, first: i32, then: i32) {
    model.history.first_leaders.insert(place(1), (NodeId(first), 0));
    let (at, leader) = (Instant::ZERO, NodeId(then));
    model.history.leaders.push(LeaderSeen { at, place: place(1), leader, epoch: 1, is_clean: true });
}

fn in_epoch(history: &mut History, request: usize, epoch: i16, base_sequence: i32) {
    let batch = &mut history.wire.requests[request].batches[0];
    batch.identity = batch.identity.map(|identity| ProducerIdentity { epoch, ..identity });
    batch.base_sequence = base_sequence;
}

/// The last record of a log is gone.
fn lose_the_last(model: &mut Model) {
    log(&mut model.history, 1).records.pop();
}

#[test]
fn invariant_1_excuses_a_deposed_leader_that_has_not_heard_of_it() {
    // Flow: 2 took over from 1 before anything was sent; 1 takes a record with acks=1 all the same, and gives it up.
    let led = |first, then| {
        let mut model = two_batches(&[("acks", "1")]);
        lose_the_last(&mut model);
        led_by(&mut model, first, then);
        model.history
    };
    departs(1, Departure::NotDurable, &led(1, 2));
    // Elected once more is not deposed.
    breaks(1, &led(1, 1));
}

#[test]
fn invariant_1_asks_acks_1_of_whoever_took_over_before_the_call_and_acknowledged_it() {
    // Flow: 1 took over from 2 before anything was sent, and takes all records with acks=1; the last one is gone.
    let mut model = two_batches(&[("acks", "1")]);
    lose_the_last(&mut model);
    led_by(&mut model, 2, 1);
    breaks(1, &model.history);
    // Nobody heard who took it, or under which name.
    let mut unheard = model.history.clone();
    unheard.wire.requests.clear();
    departs(1, Departure::NotDurable, &unheard);
    let mut without_name = model.history.clone();
    without_name.wire.requests.iter_mut().for_each(|request| request.node = NodeId(-1));
    departs(1, Departure::NotDurable, &without_name);
    // Somebody else takes over afterwards.
    model.move_leader(1, true);
    departs(1, Departure::NotDurable, &model.history);
}

#[test]
fn invariant_1_excuses_what_lies_above_a_high_watermark_that_stands_still() {
    let held_back = |acks: &str, offset, is_under_min_isr| {
        let mut model = two_batches(&[("acks", acks), ("enable.idempotence", "false")]);
        let log = log(&mut model.history, 1);
        let last = log.records.pop().expect("stored");
        (log.held_back, log.is_under_min_isr) = (vec![(offset, last.content)], is_under_min_isr);
        model.history
    };
    departs(1, Departure::AboveTheHighWatermark, &held_back("all", 2, true));
    departs(1, Departure::AboveTheHighWatermark, &held_back("1", 2, true));
    // A follower that has left the in-sync replicas is waited for until it lags; with acks=all it was below before.
    departs(1, Departure::AboveTheHighWatermark, &held_back("1", 2, false));
    breaks(1, &held_back("all", 2, false));
    // It lies elsewhere, or is another record.
    breaks(1, &held_back("1", 3, true));
    let mut another = held_back("1", 2, true);
    another.logs.get_mut(&place(1)).expect("read").held_back[0].1 = another.calls[0].content;
    breaks(1, &another);
}

/// A record that was stored unknown to its producer, with those behind it; its batch failed, and it was stored again in the
/// next epoch.
fn stored_again(epoch: i16) -> Model {
    let mut model = two_batches(&[]);
    let (first, second) = (model.send("user-42", "x"), model.send("user-42", "y"));
    model.forget(1);
    model.begin_at(1, 3);
    model.store(1, &[first, second]);
    model.begin_at(1, 5);
    let base = model.store(1, &[first]);
    model.acknowledge(1, &[second], 4);
    model.acknowledge(1, &[first], base);
    let again = log(&mut model.history, 1).records.last_mut().expect("stored");
    again.identity = again.identity.map(|identity| ProducerIdentity { epoch, ..identity });
    again.sequence = if epoch == 0 { 5 } else { 0 };
    model
}

#[test]
fn invariant_2_excuses_no_more_copies_in_an_epoch_than_there_were_calls() {
    // Flow: the same record is handed over twice; both are stored unknown to their producer, and one of them again.
    let again_in = |epoch: i16| {
        let mut model = two_batches(&[]);
        let calls = [model.send("user-42", "x"), model.send("user-42", "x")];
        model.forget(1);
        model.begin_at(1, 3);
        model.store(1, &calls);
        let refused = model.transmit(1, 1);
        model.answer(refused, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, -1);
        model.begin_at(1, 5);
        model.store(1, &calls[..1]);
        for call in calls {
            model.fail(call, "TimeoutException", Persistence::PossiblyPersisted);
        }
        let again = log(&mut model.history, 1).records.last_mut().expect("stored");
        again.identity = again.identity.map(|identity| ProducerIdentity { epoch, ..identity });
        again.sequence = if epoch == 0 { 5 } else { 0 };
        model.history
    };
    let found = judge(&again_in(1));
    assert!(found.departures.contains_key(&(2, Departure::RenumberedAfterAppend)), "{found:#?}");
    assert!(!broken(&again_in(1)).contains(&2));
    assert!(broken(&again_in(0)).contains(&2));
}

#[test]
fn invariants_3_and_6_excuse_what_was_stored_before_it_was_numbered_anew() {
    let mut model = stored_again(1);
    // Somebody refused it before.
    let refused = model.transmit(1, 1);
    in_epoch(&mut model.history, refused, 0, 3);
    model.answer(refused, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, -1);
    let found = judge(&model.history);
    assert!(
        [3, 6].iter().all(|law| found.departures.contains_key(&(*law, Departure::RenumberedAfterAppend))),
        "{found:#?}"
    );
    assert!(!broken(&model.history).iter().any(|law| [3, 6].contains(law)), "{found:#?}");
    // In the same epoch nobody numbers anew.
    assert!([3, 6].iter().all(|law| broken(&stored_again(0).history).contains(law)));
    // The one before is another call's.
    let mut of_another = stored_again(1);
    let another = of_another.history.calls[0];
    of_another.history.calls.push(another);
    let at = of_another.now();
    let another = CallId(u32::try_from(of_another.history.calls.len() - 1).expect("few"));
    let metadata = crate::judge::Metadata { partition: 1, offset: Some(3), timestamp_ms: Some(1_000) };
    of_another.history.tell(at, another, crate::judge::Fate::Acknowledged(metadata));
    assert!(broken(&of_another.history).contains(&3));
    // What was never stored before is out of order.
    let mut only_later = stored_again(1);
    log(&mut only_later.history, 1).records.remove(3);
    assert!(broken(&only_later.history).contains(&3));
}

#[test]
fn invariant_3_does_not_know_whose_a_record_is_whose_offset_two_were_told_of() {
    // Flow: x is lost with its log; the same record, handed over again behind y, is given the same offset.
    let story = |again_told_at| {
        let mut model = two_batches(&[("acks", "1"), ("enable.idempotence", "false"), (IN_FLIGHT, "1")]);
        let [x, y, again] = ["x", "y", "x"].map(|value| model.send("user-42", value));
        model.forget(1);
        model.acknowledge(1, &[x], 4);
        model.store(1, &[y, again]);
        model.acknowledge(1, &[y], 3);
        model.acknowledge(1, &[again], again_told_at);
        broken(&model.history).contains(&3)
    };
    assert!(!story(4));
    assert!(story(9), "of x it is certain");
}

#[test]
fn invariants_3_and_6_excuse_a_producer_that_brokers_forgot() {
    // Flow: x is refused for the moment; the partition forgets its producer, and takes y, though x comes before it.
    let forgotten = |first_sequence, expires: bool| {
        let mut model = two_batches(&[]);
        let (first, second) = (model.send("user-42", "x"), model.send("user-42", "y"));
        model.forget(1);
        model.begin_at(1, first_sequence);
        model.store(1, &[second, first]);
        model.acknowledge(1, &[second], 3);
        model.acknowledge(1, &[first], 4);
        model.history.producer_id_expiration = expires.then_some(core::time::Duration::ZERO);
        model.history
    };
    departs(3, Departure::ProducerForgotten, &forgotten(4, true));
    departs(6, Departure::ProducerForgotten, &forgotten(4, true));
    assert_eq!(broken(&forgotten(4, false)), [3, 6, 9]);
    // It was not forgotten: its sequences follow one another.
    assert_eq!(broken(&forgotten(3, true)), [3, 6]);
}

#[test]
fn invariant_6_promises_nothing_of_a_topic_that_was_made_anew() {
    let swapped = |was_recreated| {
        let mut model = two_batches(&[]);
        model.history.told.swap(0, 1);
        model.history.topics[0].was_recreated = was_recreated;
        model.history
    };
    departs(6, Departure::UncleanElection, &swapped(true));
    breaks(6, &swapped(false));
}

#[test]
fn invariant_6_excuses_a_batch_that_was_recognised_late_under_an_offset_that_another_had() {
    // Flow: offset 3 was x's, and lost with it; then y's: stored without an answer, refused for the moment, recognised.
    let story = |first_answer: Option<ErrorCode>, told_of_z: i64| {
        let mut model = two_batches(&[]);
        let lost = model.transmit(1, 1);
        in_epoch(&mut model.history, lost, 0, 3);
        model.answer(lost, ErrorCode::NONE, 3);
        let (y, z) = (model.send("user-42", "y"), model.send("user-42", "z"));
        model.forget(1);
        model.begin_at(1, 4);
        for answer in [first_answer, Some(ErrorCode::NOT_ENOUGH_REPLICAS), Some(ErrorCode::NONE)] {
            let sent = model.transmit(1, 1);
            match answer {
                Some(answer) => model.answer(sent, answer, if answer.is_none() { 3 } else { -1 }),
                None => model.break_connection(sent),
            }
            model.pass(1_000);
        }
        model.begin_at(1, 3);
        model.store(1, &[y, z]);
        model.acknowledge(1, &[z], told_of_z);
        model.acknowledge(1, &[y], 3);
        model.history
    };
    departs(6, Departure::RecognisedLate, &story(None, 4));
    breaks(6, &story(Some(ErrorCode::INVALID_RECORD), 4));
    // What is stored before y was not acknowledged while y waited to be recognised.
    assert!(broken(&story(None, 2)).contains(&6));
}

#[test]
fn invariant_7_counts_callbacks_before_the_end_of_a_younger_batch() {
    // Flow: y stands before x, and is over 500 ms after it; then callbacks take a second.
    let late = |stalls_after_ms: u64| {
        let settings = [("delivery.timeout.ms", "40000"), ("enable.idempotence", "false")];
        let mut model = two_batches(&settings);
        let first = model.send("user-42", "x");
        model.pass(500);
        let second = model.send("user-42", "y");
        model.forget(1);
        model.pass(stalls_after_ms);
        let from = model.now();
        model.fail(second, "TimeoutException", Persistence::PossiblyPersisted);
        model.pass(1_000);
        model.history.stalls.push(Stall { producer: PRODUCER, from, until: model.now() });
        model.fail(first, "TimeoutException", Persistence::PossiblyPersisted);
        model.history
    };
    departs(7, Departure::BehindAYoungerBatch, &late(40_000));
    // They begin when y should have been over for long.
    breaks(7, &late(40_010));
}

#[test]
fn invariant_7_excuses_a_batch_that_is_sent_again_behind_a_younger_one_in_flight() {
    // Flow: x is refused for the moment while y is in flight → x is sent again and stands behind y.
    let late = |is_sent_again: bool, younger_is_answered: bool, after_ms: u64| {
        let mut model = two_batches(&[("delivery.timeout.ms", "40000")]);
        model.begin_at(1, 3);
        let first = model.send("user-42", "x");
        let x = model.transmit(1, 1);
        model.pass(500);
        let second = model.send("user-42", "y");
        model.forget(1);
        model.begin_at(1, 4);
        let y = model.transmit(1, 1);
        model.answer(x, ErrorCode::NOT_ENOUGH_REPLICAS, -1);
        model.pass(200);
        if is_sent_again {
            model.begin_at(1, 3);
            model.transmit(1, 1);
        }
        if younger_is_answered {
            model.answer(y, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, -1);
        }
        model.pass(after_ms);
        for call in [first, second] {
            model.fail(call, "TimeoutException", Persistence::PossiblyPersisted);
        }
        model.history
    };
    departs(7, Departure::BehindAYoungerBatch, &late(true, false, 39_790));
    breaks(7, &late(false, false, 39_790));
    breaks(7, &late(true, true, 39_790));
    breaks(7, &late(true, false, 40_900));
}

#[test]
fn invariant_9_counts_a_batch_as_large_as_it_was_before_it_was_split() {
    // Flow: A of five is too large; its first part, of one, is so, too, and fails: the other four are 0 to 3 of epoch 1, but
    // expire; B is 4.
    let story = |next| {
        let mut model = two_batches(&[]);
        model.begin_at(1, 3);
        for records in [5, 1] {
            let sent = model.transmit(1, records);
            model.answer(sent, ErrorCode::MESSAGE_TOO_LARGE, -1);
        }
        let b = model.transmit(1, 1);
        in_epoch(&mut model.history, b, 1, next);
        model.history
    };
    departs(9, Departure::NumberedBeforeSent, &story(4));
    breaks(9, &story(6));
}

#[test]
fn invariant_10_excuses_the_parts_of_a_batch_that_was_stored_before_it_was_too_large() {
    let split = |first_answer: Option<ErrorCode>, refused_at| {
        let mut model = two_batches(&[]);
        model.begin_at(1, 3);
        for answer in [first_answer, Some(ErrorCode::MESSAGE_TOO_LARGE)] {
            let sent = model.transmit(1, 4);
            match answer {
                Some(answer) => model.answer(sent, answer, -1),
                None => model.break_connection(sent),
            }
            model.pass(200);
        }
        model.begin_at(1, refused_at);
        let part = model.transmit(1, 2);
        model.answer(part, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, -1);
        model.history
    };
    departs(10, Departure::SplitAfterAppend, &split(None, 3));
    departs(10, Departure::SplitAfterAppend, &split(Some(ErrorCode::REQUEST_TIMED_OUT), 3));
    // It cannot have been stored before.
    breaks(10, &split(Some(ErrorCode::NOT_ENOUGH_REPLICAS), 3));
}

#[test]
fn invariant_10_excuses_a_batch_behind_which_five_others_were_sent_before_it_came_again() {
    // Flow: x is stored, its answer lost; others are stored behind it; then x comes again.
    let forgotten = |others: i32, first_answer: Option<ErrorCode>| {
        let mut model = two_batches(&[]);
        model.begin_at(1, 3);
        let x = model.transmit(1, 1);
        if let Some(answer) = first_answer {
            model.answer(x, answer, -1);
        }
        for other in 0..others {
            model.begin_at(1, 4 + other);
            let sent = model.transmit(1, 1);
            model.answer(sent, ErrorCode::NONE, i64::from(4 + other));
        }
        if first_answer.is_none() {
            model.break_connection(x);
        }
        model.pass(200);
        model.begin_at(1, 3);
        let again = model.transmit(1, 1);
        model.answer(again, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, -1);
        model.history
    };
    departs(10, Departure::OlderThanFive, &forgotten(5, None));
    departs(10, Departure::OlderThanFive, &forgotten(5, Some(ErrorCode::KAFKA_STORAGE_ERROR)));
    // Five are remembered.
    breaks(10, &forgotten(4, None));
    // It was not stored: then the five behind it are what is wrong, and it is refused all the same.
    breaks(10, &forgotten(5, Some(ErrorCode::INVALID_RECORD)));
}

/// A batch is refused for the moment, and sent again after so many milliseconds.
fn sent_again(pause_ms: u64) -> (Model, [usize; 2]) {
    let mut model = two_batches(&[]);
    model.begin_at(1, 3);
    let first = model.transmit(1, 1);
    model.answer(first, ErrorCode::NOT_ENOUGH_REPLICAS, -1);
    model.pass(pause_ms - 1);
    let again = model.transmit(1, 1);
    (model, [first, again])
}

#[test]
fn invariant_13_excuses_who_is_told_of_a_later_leader_epoch_before_it_tries_again() {
    let told = |epoch, knew: i32, in_time: bool| {
        let (mut model, [first, again]) = sent_again(20);
        model.history.first_leaders.insert(place(1), (NodeId(1), knew));
        let partition = model.history.wire.requests[first].batches[0].partition.clone();
        let told = if in_time { first } else { again };
        model.history.wire.requests[told].leader_epochs.push((partition, epoch));
        model.history
    };
    holds(&told(1, 0, true));
    breaks(13, &told(0, 0, true));
    breaks(13, &told(1, 1, true));
    breaks(13, &told(1, 0, false));
    // That somebody took over, however lately, is no word to the producer.
    let (mut unheard, _) = sent_again(20);
    unheard.move_leader(1, true);
    breaks(13, &unheard.history);
}

#[test]
fn invariant_13_excuses_another_connection_as_long_as_brokers_have_no_names() {
    let by = |node, connection| {
        let (mut model, [first, again]) = sent_again(20);
        for (request, connection) in [(first, 0), (again, connection)] {
            let request = &mut model.history.wire.requests[request];
            (request.node, request.connection.0) = (NodeId(node), 100 + connection);
        }
        model.history
    };
    holds(&by(-1, 1));
    breaks(13, &by(-1, 0));
    breaks(13, &by(1, 1));
}

#[test]
fn invariant_13_excuses_a_topic_that_was_made_anew() {
    let (mut model, _) = sent_again(20);
    breaks(13, &model.history);
    model.history.topics[0].was_recreated = true;
    holds(&model.history);
}

#[test]
fn invariant_13_counts_from_before_the_callbacks_in_whose_time_an_answer_came() {
    let stalled = |before_ms: u64| {
        let (mut model, [first, _]) = sent_again(20);
        let answered = model.history.wire.requests[first].ended.expect("answered").0.at;
        let from = Instant::from_micros(answered.as_micros() - before_ms * 1_000);
        model.history.stalls.push(Stall { producer: PRODUCER, from, until: answered });
        model.history
    };
    holds(&stalled(60));
    breaks(13, &stalled(50));
}

/// Two records of a probe that came too late for its gap: the batch before it went so.
fn refused_until_over(story: impl FnOnce(&mut Model) -> CallId) -> History {
    let mut model = two_batches(&[("max.block.ms", "500"), ("delivery.timeout.ms", "40000")]);
    model.history.healed_at = Some(Instant::ZERO);
    model.begin_at(1, 3);
    let before = story(&mut model);
    model.forget(1);
    let _ = before;
    model.pass(110_000);
    let probe = model.send("user-42", "probe");
    model.begin_at(1, 4);
    let refused = model.transmit(1, 1);
    model.answer(refused, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, -1);
    model.pass(39_000);
    model.forget(1);
    model.fail(probe, "TimeoutException", Persistence::PossiblyPersisted);
    model.history
}

#[test]
fn invariant_17_excuses_the_hole_that_a_batch_leaves_whose_time_was_over_on_its_first_way() {
    let given_up = |model: &mut Model, call| model.fail(call, "TimeoutException", Persistence::PossiblyPersisted);
    // It never had an answer, or one that came too late.
    let unanswered = refused_until_over(|model| {
        let call = model.send("user-42", "x");
        let sent = model.transmit(1, 1);
        model.break_connection(sent);
        given_up(model, call);
        call
    });
    departs(17, Departure::HoleAfterExpiry, &unanswered);
    let answered = |answer, in_time: bool, times: usize| {
        refused_until_over(|model| {
            let call = model.send("user-42", "x");
            for _ in 1..times {
                let sent = model.transmit(1, 1);
                model.answer(sent, answer, -1);
                model.pass(200);
            }
            let sent = model.transmit(1, 1);
            if in_time {
                model.answer(sent, answer, -1);
                model.pass(2);
                given_up(model, call);
            } else {
                given_up(model, call);
                model.answer(sent, answer, -1);
            }
            call
        })
    };
    departs(17, Departure::HoleAfterExpiry, &answered(ErrorCode::NOT_ENOUGH_REPLICAS, false, 1));
    departs(17, Departure::HoleAfterExpiry, &answered(ErrorCode::INVALID_RECORD, false, 1));
    // A part of one that was too large is another batch, and the last of them may never leave.
    departs(17, Departure::HoleAfterExpiry, &answered(ErrorCode::MESSAGE_TOO_LARGE, false, 3));
    departs(17, Departure::HoleAfterExpiry, &answered(ErrorCode::MESSAGE_TOO_LARGE, true, 1));
    // An answer in time puts it into its queue: what expires there is marked. And so is one that was sent again.
    breaks(17, &answered(ErrorCode::NOT_ENOUGH_REPLICAS, true, 1));
    breaks(17, &answered(ErrorCode::NOT_ENOUGH_REPLICAS, false, 2));
    // It was stored: there is no hole, and whoever sees one is wrong.
    assert!(broken(&answered(ErrorCode::NONE, false, 1)).contains(&17));
}

#[test]
fn invariant_17_asks_for_time_only_where_nothing_stands_before_a_record() {
    let late = |others_wait: bool| {
        let mut model = two_batches(&[("max.block.ms", "500"), ("delivery.timeout.ms", "40000")]);
        model.history.healed_at = Some(Instant::ZERO);
        model.pass(110_000);
        let first = others_wait.then(|| model.send("user-42", "many"));
        model.pass(10);
        let call = model.send("user-42", "x");
        model.forget(1);
        model.pass(39_000);
        if let Some(first) = first {
            model.begin_at(1, 3);
            let base = model.store(1, &[first]);
            model.acknowledge(1, &[first], base);
        }
        model.fail(call, "TimeoutException", Persistence::NotPersisted);
        model.history
    };
    holds(&late(true));
    breaks(17, &late(false));
}

#[test]
fn invariant_17_does_not_count_the_time_that_callbacks_take() {
    // Half a second in `send()`, 40 s for delivery, and twice the 30 s of a request; a callback takes 5 s of them.
    let waiting = |after_ms: u64, of_this_producer: bool| {
        let mut model = two_batches(&[("max.block.ms", "500"), ("delivery.timeout.ms", "40000")]);
        model.history.healed_at = Some(model.now());
        let call = model.send("user-42", "x");
        model.forget(1);
        // The bridge's page does not know when `send()` returned: only invariant 17 speaks of it.
        model.history.calls[call.0 as usize].returned = None;
        let (from, until) = (model.now(), model.now() + core::time::Duration::from_secs(5));
        let producer = if of_this_producer { PRODUCER } else { crate::ids::ProducerIndex(1) };
        // Its process stands still meanwhile, and within that once more: the time passes once.
        let within = Stall { producer, from, until: from + core::time::Duration::from_secs(2) };
        model.history.stalls.extend([Stall { producer, from, until }, within]);
        model.pass(after_ms);
        broken(&model.history).contains(&17)
    };
    assert!(!waiting(105_499, true));
    assert!(waiting(105_500, true));
    assert!(waiting(105_499, false), "another producer's callbacks keep nobody");
}

#[test]
fn a_delivery_that_nobody_disturbs_departs_from_nothing() {
    let mut model = two_batches(&[(IN_FLIGHT, "5")]);
    led_by(&mut model, 1, 2);
    model.send("user-42", "e");
    model.deliver(1, Passage::RequestLost);
    holds(&model.history);
    assert!(judge(&model.history).departures.is_empty());
}
