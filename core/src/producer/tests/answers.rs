//! Answers to Produce that are refusals without end, refusals that say too little, or truths told too late.

use super::story::{Carried, Story, sound_answer};
use crate::error::{BatchFailure, ErrorCode, Persistence, ProducerError};
use crate::ids::{CorrelationId, NodeId};
use crate::io::{Input, Stored, WaitReason};
use crate::protocol::{RecordError, Response};

fn started() -> Story {
    Story::new(&[("linger.ms", "0")]).started()
}

fn questions(story: &Story) -> usize {
    story.asked.iter().filter(|asked| **asked == "Metadata").count()
}

fn results(story: &Story) -> Vec<Result<i64, ProducerError>> {
    let result = |result: &Result<Stored, BatchFailure>| match result {
        Ok(stored) => Ok(stored.base_offset),
        Err(failure) => Err(failure.error.clone()),
    };
    story.completed.iter().map(|completion| result(&completion.result)).collect()
}

fn pass(story: &mut Story, by_ms: u64) {
    let later = story.now_ms() + by_ms;
    story.at_ms(later);
}

fn answer_as(story: &mut Story, carried: &Carried, correlation: CorrelationId) {
    let response = Response::Produce(sound_answer(carried));
    story.input(Input::Received { connection: carried.connection, correlation, response });
}

/// Row 65: a correlation id that was answered before, and one of a request that was given up.
#[test]
fn an_answer_told_again_cuts_the_connection_and_everything_out_goes_out_again() {
    let mut story = started();
    story.put(0, "first");
    let answered = story.store(0);
    for value in ["a", "b", "c"] {
        story.put(0, value);
    }
    let before: Vec<_> = story.carried.iter().flat_map(Carried::batches).collect();
    answer_as(&mut story, &answered, answered.request.header.correlation);
    assert_eq!(story.closed, [answered.connection]);
    let cancelled = core::mem::take(&mut story.carried);
    pass(&mut story, 2_000);
    // The answer of the connection that was given up comes after all.
    answer_as(&mut story, &cancelled[0], cancelled[0].request.header.correlation);
    assert_eq!(story.completed.len(), 1, "nobody asked that any more");
    let mut again = Vec::new();
    for offset in 1..=3 {
        again.extend(story.store(offset).batches());
    }
    assert_eq!(again, before, "same sequences, same order");
    assert_eq!(results(&story), [Ok(0), Ok(1), Ok(2), Ok(3)], "one result each");
}

/// Row 69: what a broker says of offsets and times is passed on as it is.
#[test]
fn offsets_that_go_back_are_reported_as_told() {
    let mut story = started();
    for (offset, time) in [(100, -1), (50, 1_700_000_000_123), (-1, -1), (i64::MAX, 0)] {
        story.put(0, "a");
        story.reply(|told| (told.base_offset, told.log_append_time_ms) = (offset, time));
        let told = story.completed.last().expect("a result").result.clone().expect("stored");
        assert_eq!(told, Stored { base_offset: offset, log_append_time_ms: (time >= 0).then_some(time) });
    }
    assert_eq!(story.completed.last().and_then(|done| done.offset_of(0)), Some(i64::MAX));
}

/// Row 70: the tag, if there is one, names a broker that nobody knows, or nothing new.
#[test]
fn a_thousand_refusals_of_a_broker_that_does_not_lead_cost_a_thousand_pauses() {
    const REFUSALS: u64 = 1_000;
    for tag in [None, Some((9, 5)), Some((2, 0)), Some((-1, 7)), Some((2, -1))] {
        let mut story = Story::with(2, 1, &[("linger.ms", "0"), ("delivery.timeout.ms", "2000000")]).started();
        story.put(0, "a");
        let asked_before = questions(&story);
        for nth in 0..REFUSALS {
            match tag {
                None => story.refuse(ErrorCode::NOT_LEADER_OR_FOLLOWER),
                Some((leader, epoch)) => story.refuse_with_leader(ErrorCode::NOT_LEADER_OR_FOLLOWER, leader, epoch),
            };
            assert!(story.carried.is_empty(), "{tag:?}: a pause after refusal {nth}");
            pass(&mut story, 1_000);
            assert_eq!(story.carried.len(), 1, "{tag:?}: once more after refusal {nth}");
        }
        let asked = questions(&story) - asked_before;
        assert!((REFUSALS as usize..=2 * REFUSALS as usize).contains(&asked), "{tag:?}: {asked} questions");
        assert!(story.dials.len() <= 3, "{tag:?}: {:?}", story.dials);
        story.store(3);
        assert_eq!(results(&story), [Ok(3)], "{tag:?}");
        assert_eq!(u64::from(story.completed[0].attempts), REFUSALS + 1);
    }
}

/// Sends a batch to brokers that refuse it after a millisecond and name each other, until it meets its fate. How often it
/// was sent.
fn passed_back_and_forth(epoch_of_nth: impl Fn(i32) -> i32) -> (Story, i32) {
    let properties = [("linger.ms", "0"), ("delivery.timeout.ms", "10000"), ("request.timeout.ms", "5000")];
    let mut story = Story::with(2, 1, &properties).started();
    story.put(0, "a");
    let mut sent = 0;
    while story.completed.is_empty() {
        if let Some(carried) = story.carried.first() {
            let other = 3 - carried.node.0;
            sent += 1;
            story.refuse_with_leader(ErrorCode::NOT_LEADER_OR_FOLLOWER, other, epoch_of_nth(sent));
        }
        pass(&mut story, 1);
    }
    (story, sent)
}

/// Row 84: each is sure of itself, or of ever newer elections. (The Java client follows the latter without a pause: an
/// exception of the oracle's, `leaders-without-end`.)
#[test]
fn brokers_that_name_each_other_are_asked_with_pauses_until_the_delivery_timeout() {
    let stubborn = |nth: i32| 5 + nth % 2;
    let ever_newer = |nth: i32| nth;
    for (what, (story, sent)) in
        [("stubborn", passed_back_and_forth(stubborn)), ("ever newer", passed_back_and_forth(ever_newer))]
    {
        // 10 s of pauses that grow to 0.8 to 1 s, and at most ten without.
        assert!((12..=30).contains(&sent), "{what}: sent {sent} times");
        assert!(questions(&story) <= 40, "{what}: {} questions", questions(&story));
        assert_eq!(story.now_ms(), 10_000, "{what}");
        let failure = story.completed[0].result.clone().expect_err("never stored");
        assert!(matches!(failure.error, ProducerError::DeliveryTimeout { elapsed_ms: 10_000, .. }), "{what}");
        let persistence = failure.persistence;
        assert_eq!(persistence, Persistence::PossiblyPersisted, "one that loses its place says so after an append too");
        assert_eq!((story.producer.memory_used(), story.wait.1), (0, WaitReason::MetadataRefresh), "{what}");
    }
}

/// Row 71: what may be in the log is sent again with its sequence, and a broker that knows it is believed.
#[test]
fn what_is_possibly_stored_is_sent_again_as_it_was_and_a_duplicate_is_a_success() {
    let cut = ErrorCode::NETWORK_EXCEPTION;
    for code in [ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND, ErrorCode::REQUEST_TIMED_OUT, cut] {
        let mut story = started();
        story.put(0, "a");
        let first = story.carried[0].clone();
        if code == cut {
            story.break_connection(&first);
        } else {
            story.refuse(code);
        }
        assert_eq!(story.completed, [], "{code} decides nothing");
        pass(&mut story, 1_500);
        assert_eq!(story.carried[0].batches(), first.batches(), "{code}");
        let records = |carried: &Carried| carried.body().topics[0].partitions[0].records.clone();
        assert_eq!(records(&story.carried[0]), records(&first), "{code}: the same bytes");
        story.refuse(ErrorCode::DUPLICATE_SEQUENCE_NUMBER);
        assert_eq!(results(&story), [Ok(-1)], "{code}: stored, nobody knows where");
    }
}

/// Row 71: and when nobody ever knows, that is what the program is told.
#[test]
fn what_is_possibly_stored_when_time_is_over_is_called_so() {
    for code in [ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND, ErrorCode::REQUEST_TIMED_OUT] {
        let properties = [("linger.ms", "0"), ("delivery.timeout.ms", "2000"), ("request.timeout.ms", "1000")];
        let mut story = Story::new(&properties).started();
        story.put(0, "a");
        story.refuse(code);
        story.refuse_connections = true;
        story.break_all();
        story.at_ms(2_000);
        let failure = story.completed[0].result.clone().expect_err("expired");
        assert_eq!(failure.persistence, Persistence::PossiblyPersisted, "{code}");
    }
}

/// Row 74: one of 500.
#[test]
fn one_record_of_five_hundred_is_named_and_all_have_the_fate_of_their_batch() {
    let mut story = Story::new(&[("linger.ms", "5")]).started();
    for _ in 0..500 {
        story.put(0, "v");
    }
    story.at_ms(5);
    story.reply(|told| {
        (told.error, told.base_offset) = (ErrorCode::INVALID_RECORD, -1);
        told.record_errors = vec![RecordError { batch_index: 250, message: Some("no key".into()) }];
    });
    let completion = &story.completed[0];
    assert_eq!((story.completed.len(), completion.record_count, completion.is_last), (1, 500, true));
    let failure = completion.result.clone().expect_err("refused");
    assert_eq!(
        (&failure.error, failure.persistence),
        (&ProducerError::BatchContainedInvalidRecords, Persistence::NotPersisted)
    );
    let own = ProducerError::Broker { code: ErrorCode::INVALID_RECORD, message: Some("no key".into()) };
    assert_eq!(failure.record_errors, [(250, own)]);
}

/// Row 74: places that no record has.
#[test]
fn records_named_that_are_not_there_do_no_harm() {
    for place in [-1, 1, i32::MIN, i32::MAX] {
        let mut story = started();
        story.put(0, "a");
        story.reply(|told| {
            told.error = ErrorCode::INVALID_RECORD;
            told.record_errors = vec![RecordError { batch_index: place, message: None }];
        });
        let failure = story.completed[0].result.clone().expect_err("refused");
        assert_eq!(failure.error, ProducerError::BatchContainedInvalidRecords, "{place}");
    }
}

/// Row 75: 24 days, of which a minute is granted; who closes with a timeout does not wait for it, and who flushes is told
/// when the minute is over. (The Java client obeys: an exception of the oracle's, `longest-pause`.)
#[test]
fn a_pause_of_weeks_holds_up_neither_close_nor_flush() {
    let mut muted = started();
    muted.put(0, "a");
    muted.throttle(i32::MAX);
    muted.put(0, "b");
    assert!(muted.carried.is_empty(), "the broker wants a pause");

    let mut closing = muted.clone();
    closing.producer.close(closing.now(), Some(core::time::Duration::from_secs(5)));
    closing.settle();
    closing.at_ms(4_999);
    assert!(!closing.producer.is_closed());
    closing.at_ms(5_000);
    assert!(closing.producer.is_closed());
    assert_eq!(results(&closing), [Ok(0), Err(ProducerError::ForceClosed)]);

    let flush = muted.producer.begin_flush(muted.now());
    muted.settle();
    muted.at_ms(59_999);
    assert!(!muted.producer.is_flushed(&flush) && muted.carried.is_empty());
    muted.at_ms(60_000);
    muted.store(1);
    assert!(muted.producer.is_flushed(&flush));
}

/// Row 76: a disk that fails is another broker's turn.
#[test]
fn a_storage_error_is_tried_again_after_a_question_for_the_leader() {
    let mut story = Story::with(2, 1, &[("linger.ms", "0")]).started();
    pass(&mut story, 1_000);
    story.put(0, "a");
    let asked = questions(&story);
    story.led[0] = (2, 1);
    story.refuse(ErrorCode::KAFKA_STORAGE_ERROR);
    assert_eq!(questions(&story), asked + 1);
    pass(&mut story, 200);
    assert_eq!((story.carried[0].values().as_str(), story.carried[0].node), ("a", NodeId(2)));
    story.store(8);
    assert_eq!(results(&story), [Ok(8)]);
}

/// Row 85: the old leader stored it and could not say so in time; the new one has it from there.
#[test]
fn a_batch_acknowledged_by_the_old_and_the_new_leader_has_one_result() {
    for knows_it in [false, true] {
        let mut story = Story::with(2, 1, &[("linger.ms", "0"), ("request.timeout.ms", "2000")]).started();
        story.put(0, "a");
        let to_the_old = story.carried.remove(0);
        story.led[0] = (2, 1);
        story.at_ms(2_001);
        pass(&mut story, 1_000);
        assert_eq!((story.carried.len(), story.carried[0].node), (1, NodeId(2)));
        assert_eq!(story.carried[0].batches(), to_the_old.batches());
        // Both answers, the old one last, and then first.
        let answer = |story: &mut Story| {
            if knows_it { story.refuse(ErrorCode::DUPLICATE_SEQUENCE_NUMBER) } else { story.store(7) }
        };
        let mut old_first = story.clone();
        answer(&mut story);
        story.receive(&to_the_old, sound_answer(&to_the_old));
        old_first.receive(&to_the_old, sound_answer(&to_the_old));
        answer(&mut old_first);
        let expected = [Ok(if knows_it { -1 } else { 7 })];
        assert_eq!((results(&story), results(&old_first)), (expected.to_vec(), expected.to_vec()));
        assert_eq!((story.producer.memory_used(), old_first.producer.memory_used()), (0, 0));
    }
}
