//! For every invariant a history that holds, and the smallest change that breaks it: 8 to 18, of messages, brokers and waits.

use core::time::Duration;

use super::model::{Model, PRODUCER, Passage, place};
use super::stories::{breaks, broken, departs, holds, log, set, two_batches};
use crate::error::{ErrorCode, Persistence};
use crate::ids::{ConnectionId, NodeId, ProducerIdentity};
use crate::judge::wire::Second;
use crate::judge::{Damage, Departure, History, IDLE_WAKES_PER_SECOND, WaitFor, judge};
use crate::time::Instant;

#[test]
fn invariant_8_so_many_requests_in_flight_and_no_more() {
    let in_flight = |count| {
        let mut model = two_batches(&[]);
        for _ in 0..count {
            let asked = model.transmit(0, 0);
            model.history.wire.requests[asked].batches.clear();
        }
        model.history
    };
    holds(&in_flight(5));
    breaks(8, &in_flight(6));
}

#[test]
fn invariant_8_a_batch_is_under_way_once() {
    let mut model = two_batches(&[]);
    holds(&model.history);
    // The retry leaves while the first request still has its connection.
    let ended = model.history.wire.requests[2].ended;
    model.history.wire.requests[1].ended = ended;
    model.history.wire.requests[2].node = NodeId(2);
    breaks(8, &model.history);
}

#[test]
fn invariant_9_sequences_on_the_wire_leave_no_gap() {
    let next = |by| {
        let mut model = two_batches(&[]);
        model.begin_at(1, 3 + by);
        model.transmit(1, 1);
        model.history
    };
    holds(&next(0));
    holds(&next(-1));
    breaks(9, &next(1));
    let mut overlapping = two_batches(&[]);
    overlapping.begin_at(1, 2);
    overlapping.transmit(1, 2);
    breaks(9, &overlapping.history);
}

#[test]
fn invariant_9_epochs_on_the_wire_never_go_back() {
    let mut model = two_batches(&[]);
    let epoch = |history: &mut History, request: usize, epoch| {
        let batch = &mut history.wire.requests[request].batches[0];
        batch.identity = batch.identity.map(|identity| ProducerIdentity { epoch, ..identity });
    };
    let later = model.transmit(1, 1);
    model.transmit(1, 1);
    model.history.wire.requests[later].batches[0].base_sequence = 0;
    epoch(&mut model.history, later, 1);
    breaks(9, &model.history);
}

#[test]
fn invariant_9_sequences_in_the_log_follow_one_another() {
    let mut gap = two_batches(&[]).history;
    log(&mut gap, 1).records[2].sequence += 1;
    breaks(9, &gap);
    let mut back = two_batches(&[]).history;
    for stored in &mut log(&mut back, 1).records[..2] {
        stored.identity = stored.identity.map(|identity| ProducerIdentity { epoch: 1, ..identity });
    }
    breaks(9, &back);
    let mut forgotten = gap.clone();
    forgotten.producer_id_expiration = Some(Duration::ZERO);
    departs(9, Departure::ProducerForgotten, &forgotten);
}

#[test]
fn invariant_9_after_the_largest_sequence_comes_zero() {
    let mut model = Model::new();
    model.begin_at(1, i32::MAX - 1);
    for value in ["a", "b", "c"] {
        model.send("user-42", value);
    }
    model.deliver(1, Passage::Good);
    model.send("user-42", "d");
    model.deliver(1, Passage::Good);
    let sequences: Vec<i32> = model.history.logs[&place(1)].records.iter().map(|stored| stored.sequence).collect();
    assert_eq!(sequences, [i32::MAX - 1, i32::MAX, 0, 1]);
    // The first sequence of all is not 0, on the wire either: that, and nothing else.
    breaks(9, &model.history);
    assert_eq!(judge(&model.history).violations.len(), 1);
}

#[test]
fn invariants_9_and_10_excuse_what_was_numbered_before_it_was_sent() {
    // Flow: A and B under way in epoch 0 → A is refused for good, so B is 0 of epoch 1, though it left as 1 of epoch 0 →
    // C leaves as 1 of epoch 1, before B is sent again.
    let story = |answer_to_a| {
        let mut model = two_batches(&[]);
        let a = model.transmit(1, 1);
        model.begin_at(1, 4);
        let b = model.transmit(1, 1);
        model.answer(a, answer_to_a, -1);
        let c = model.transmit(1, 1);
        let batch = &mut model.history.wire.requests[c].batches[0];
        batch.identity = batch.identity.map(|identity| ProducerIdentity { epoch: 1, ..identity });
        batch.base_sequence = 1;
        model.answer(b, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, -1);
        model.answer(c, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, -1);
        (model, c)
    };
    let (mut model, c) = story(ErrorCode::INVALID_RECORD);
    departs(9, Departure::NumberedBeforeSent, &model.history);
    departs(10, Departure::NumberedBeforeSent, &model.history);
    model.history.wire.requests[c].batches[0].base_sequence = 4;
    assert_eq!(broken(&model.history), [9, 10], "so many were not under way");
}

#[test]
fn invariant_10_a_gap_has_a_cause() {
    let refused = |sequence, predecessor: Option<ErrorCode>| {
        let mut model = two_batches(&[]);
        model.begin_at(1, 3);
        let before = model.transmit(1, 1);
        match predecessor {
            Some(answer) => model.answer(before, answer, 3),
            None => model.break_connection(before),
        }
        model.begin_at(1, sequence);
        let after = model.transmit(1, 1);
        model.answer(after, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, -1);
        (model.history, after)
    };
    holds(&refused(4, None).0);
    holds(&refused(4, Some(ErrorCode::NOT_ENOUGH_REPLICAS)).0);
    let (stored, request) = refused(4, Some(ErrorCode::NONE));
    breaks(10, &stored);
    let mut scripted = stored.clone();
    scripted.wire.requests[request].is_scripted = true;
    holds(&scripted);
    // Nobody remembers a producer for ever: but here its sequences follow one another, so it was not forgotten.
    let mut forgotten = stored.clone();
    forgotten.producer_id_expiration = Some(Duration::ZERO);
    breaks(10, &forgotten);
    log(&mut forgotten, 1).records[2].sequence += 1;
    departs(10, Departure::ProducerForgotten, &forgotten);
    let mut lost = stored;
    lost.leaders.push(crate::judge::LeaderSeen {
        at: Instant::ZERO,
        place: place(1),
        leader: NodeId(2),
        epoch: 1,
        is_clean: false,
    });
    departs(10, Departure::UncleanElection, &lost);
    assert_eq!(broken(&refused(5, None).0), [9, 10], "nobody was sent 4");
}

#[test]
fn invariant_11_requests_and_batches_keep_to_their_sizes() {
    let sized = |records, bytes| {
        let mut model = two_batches(&[]);
        let request = model.transmit(0, 0);
        let batch = &mut model.history.wire.requests[request].batches[0];
        (batch.records, batch.bytes, batch.base_sequence) = (records, bytes, 1);
        model.history
    };
    holds(&sized(2, 16_384));
    breaks(11, &sized(2, 16_385));
    holds(&sized(1, 16_385));
    let mut large_first = sized(2, 20_000);
    large_first.wire.requests.last_mut().expect("sent").batches[0].first_record_bound = 20_000;
    holds(&large_first);
    let mut compressed = sized(2, 16_385);
    compressed.wire.requests.last_mut().expect("sent").batches[0].is_compressed = true;
    holds(&compressed);

    let together = |most: &str| {
        let mut model = two_batches(&[("max.request.size", most)]);
        let request = model.transmit(0, 2);
        model.begin_at(0, 1);
        let other = model.transmit(2, 2);
        let mut batch = model.history.wire.requests.pop().expect("sent").batches.remove(0);
        batch.base_sequence = 0;
        assert_eq!(other, request + 1);
        model.history.wire.requests[request].batches.push(batch);
        model.history
    };
    holds(&together("242"));
    breaks(11, &together("241"));
}

#[test]
fn invariant_12_memory_is_bounded_and_given_back() {
    let mut model = two_batches(&[("buffer.memory", "40000")]);
    let last = *model.history.memory.last().expect("noted");
    model.history.memory.insert(0, crate::judge::MemorySeen { used_bytes: 40_000, ..last });
    model.wait(WaitFor::Close);
    holds(&model.history);
    model.history.memory[0].used_bytes = 40_001;
    breaks(12, &model.history);
    model.history.memory.remove(0);
    model.history.memory.push(crate::judge::MemorySeen { used_bytes: 1, ..last });
    breaks(12, &model.history);
}

#[test]
fn invariant_13_retries_back_off() {
    // `retry.backoff.ms` is 100: 80 ms at least, then 160 ms.
    let retried = |first_ms: u64, second_ms: u64| {
        let mut model = two_batches(&[]);
        model.begin_at(1, 3);
        for pause in [first_ms, second_ms] {
            let sent = model.transmit(1, 1);
            model.answer(sent, ErrorCode::NOT_ENOUGH_REPLICAS, -1);
            model.pass(pause - 1);
        }
        model.transmit(1, 1);
        model.history
    };
    holds(&retried(80, 160));
    breaks(13, &retried(78, 160));
    breaks(13, &retried(80, 158));
    let mut elsewhere = retried(20, 160);
    elsewhere.wire.requests[5].node = NodeId(3);
    holds(&elsewhere);
}

#[test]
fn invariant_13_the_idle_sleep() {
    let woken = |wakes, waits: bool| {
        let mut model = two_batches(&[]);
        model.pass(5_000);
        if waits {
            model.send("user-42", "x");
        }
        let number = model.now().as_micros() / 1_000_000 + 1;
        model.pass(3_000);
        model.history.wire.seconds.push(Second { producer: PRODUCER, number, wakes, is_busy: false });
        model.history
    };
    holds(&woken(IDLE_WAKES_PER_SECOND, false));
    breaks(13, &woken(IDLE_WAKES_PER_SECOND + 1, false));
    holds(&woken(IDLE_WAKES_PER_SECOND + 1, true));
}

#[test]
fn invariant_14_leader_epochs_never_go_back() {
    let mut model = two_batches(&[]);
    model.move_leader(1, true);
    model.move_leader(1, true);
    holds(&model.history);
    model.history.leaders.swap(0, 1);
    breaks(14, &model.history);
    let mut in_the_log = two_batches(&[]).history;
    log(&mut in_the_log, 1).records[0].leader_epoch = 1;
    breaks(14, &in_the_log);
    in_the_log.topics[0].was_recreated = true;
    holds(&in_the_log);
}

#[test]
fn invariant_15_a_key_goes_where_its_hash_says() {
    let to_0 = |explicit: bool| {
        let mut model = two_batches(&[]);
        let call = model.send_to(0, "user-42", "x");
        model.wait(WaitFor::Flush);
        if !explicit {
            model.history.calls[call.0 as usize].asked_partition = None;
        }
        model.history
    };
    holds(&to_0(true));
    breaks(15, &to_0(false));
    let mut ignores = to_0(false);
    set(&mut ignores, &[("partitioner.ignore.keys", "true")]);
    holds(&ignores);
    // user-3 moves from 2 to 5 where there are 6 partitions: while metadata is old, both are lawful.
    let mut grown = two_batches(&[]);
    let call = grown.send("user-3", "x");
    grown.wait(WaitFor::Flush);
    grown.history.topics[0].partitions.push((Instant::ZERO, 6));
    assert_eq!(grown.history.calls[call.0 as usize].partition, Some(2));
    holds(&grown.history);
    grown.history.topics[0].partitions.remove(0);
    assert_eq!(broken(&grown.history), [15]);
}

#[test]
fn invariant_16_batches_can_be_read() {
    for damage in [Damage::Crc, Damage::ReadersDiffer] {
        let mut history = two_batches(&[]).history;
        log(&mut history, 1).damage.push((0, damage));
        breaks(16, &history);
    }
    let mut on_the_wire = two_batches(&[]).history;
    on_the_wire.wire.requests[0].batches[0].is_sound = false;
    breaks(16, &on_the_wire);
}

#[test]
fn invariant_17_once_healed_all_comes_to_rest() {
    // Half a second in `send()`, 40 s for delivery, and twice the 30 s of a request.
    let settings = [("max.block.ms", "500"), ("delivery.timeout.ms", "40000")];
    let waiting = |told: bool| {
        let mut model = two_batches(&settings);
        model.history.healed_at = Some(model.now());
        let call = model.send("user-42", "x");
        model.forget(1);
        // The bridge's page does not know when `send()` returned: only invariant 17 speaks of it.
        model.history.calls[call.0 as usize].returned = None;
        if told {
            model.fail(call, "TimeoutException", Persistence::PossiblyPersisted);
        }
        model.pass(101_000);
        model.history
    };
    assert!(broken(&waiting(false)).contains(&17));
    assert!(!broken(&waiting(true)).contains(&17));

    let failed_later = |after_ms: u64| {
        let mut model = two_batches(&settings);
        model.history.healed_at = Some(model.now());
        model.pass(after_ms - 1);
        let call = model.send("user-42", "x");
        model.forget(1);
        model.fail(call, "TimeoutException", Persistence::PossiblyPersisted);
        model.history
    };
    holds(&failed_later(100_499));
    breaks(17, &failed_later(100_500));
}

#[test]
fn invariant_17_a_flush_returns_once_all_is_healed() {
    let mut model = two_batches(&[]);
    model.history.healed_at = Some(model.now());
    let at = model.now();
    model.history.begin_wait(at, PRODUCER, WaitFor::Flush);
    holds(&model.history);
    model.pass(600_000);
    breaks(17, &model.history);
}

#[test]
fn invariant_18_flush_waits_for_earlier_sends_alone() {
    let mut model = two_batches(&[]);
    let at = model.tick();
    let wait = model.history.begin_wait(at, PRODUCER, WaitFor::Flush);
    model.send("user-42", "sent by another thread meanwhile");
    model.history.end_wait(at, wait);
    holds(&model.history);
    let mut early = two_batches(&[]);
    early.send("user-42", "x");
    let at = early.tick();
    let wait = early.history.begin_wait(at, PRODUCER, WaitFor::Flush);
    early.history.end_wait(at, wait);
    early.deliver(1, Passage::Good);
    breaks(18, &early.history);
}

#[test]
fn invariant_18_who_is_in_send_as_close_returns_is_told_in_that_moment() {
    let told_after_close = |is_in_send: bool, ms: u64| {
        let mut model = two_batches(&[]);
        let call = model.send("user-42", "x");
        model.forget(1);
        let at = model.tick();
        let wait = model.history.begin_wait(at, PRODUCER, WaitFor::Close);
        model.history.end_wait(at, wait);
        if is_in_send {
            model.history.calls[call.0 as usize].returned = None;
        }
        model.pass(ms);
        model.fail(call, "KafkaException", Persistence::NotPersisted);
        model.history
    };
    holds(&told_after_close(true, 0));
    breaks(18, &told_after_close(true, 1));
    breaks(18, &told_after_close(false, 0));
}

#[test]
fn a_violation_says_what_where_and_when() {
    let mut history = two_batches(&[]).history;
    log(&mut history, 1).records.pop();
    let violation = judge(&history).violations.remove(0);
    assert_eq!(
        violation.to_string(),
        "invariant 1: expected an acknowledged record where it was acknowledged; seen: it is not there, record 2, orders-1@2"
    );
    history.wire.requests[1].connection = ConnectionId(9);
    history.wire.requests[1].ended = None;
    let violations = judge(&history).violations;
    let said = violations.iter().find(|violation| violation.number == 8).expect("two requests carry it").to_string();
    assert!(said.contains("request 2, at "), "{said}");
}
