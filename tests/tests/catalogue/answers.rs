//! Answers that get lost, come late, or are errors: what is stored, how often, and in which order.

use producer_core::error::ErrorCode;
use producer_core::judge::RequestSeen;
use producer_core::scenario::{Act, Action, Moment};
use producer_core::trace::Fact;

use super::played::{Played, is_near, play, row};

const OK: Option<ErrorCode> = Some(ErrorCode::NONE);
const TOO_FEW: Option<ErrorCode> = Some(ErrorCode::NOT_ENOUGH_REPLICAS);
const GAP: Option<ErrorCode> = Some(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);

/// Of every batch that left: epoch, base sequence, answer.
fn courses(played: &Played) -> Vec<(i16, i32, Option<ErrorCode>)> {
    played.batches().into_iter().map(|(_, epoch, sequence, answer)| (epoch, sequence, answer)).collect()
}

#[test]
fn row_01_a_lost_answer_stores_the_record_twice_and_tells_of_one_success() {
    let played = play(1, 0);
    let offsets: Vec<i64> = played.log(0).into_iter().map(|(offset, _)| offset).collect();
    assert_eq!((offsets, played.counts()), (vec![0, 1], (1, 0, 2)));
    let told = played.told();
    assert_eq!((told.len(), &told[0].2), (1, &Ok(1)), "one callback, with the offset of the second copy");
    assert_eq!(courses(&played), [(-1, -1, None), (-1, -1, OK)], "sent twice, and retried once");
}

#[test]
fn row_01_an_idempotent_retry_is_recognised_and_gets_the_first_copys_offset_and_the_batchs_latest_time() {
    let played = play(1, 1);
    assert_eq!((played.counts(), played.told()[0].2.clone()), ((1, 0, 1), Ok(0)));
    assert_eq!(courses(&played), [(0, 0, None), (0, 0, OK)], "the same epoch and sequence");
    let recognised = played.events(|fact| matches!(fact, Fact::DuplicateRecognised { .. })).count();
    assert_eq!(recognised, 1);
    // Two records in one batch, the first an hour older than the second: the answer to the retry names one time for both.
    let mut scenario = row(1);
    scenario.producers[0].properties.set("linger.ms", "5");
    let load = &mut scenario.producers[0].callers[0].loads[0];
    let later = load.clone();
    load.timestamp_offset_ms = Some(-3_600_000);
    scenario.producers[0].callers[0].loads.push(later);
    let played = Played::of(&scenario, 1);
    let times = played.acknowledged_times();
    assert_eq!((times.len(), played.produced().len()), (2, 2), "one batch, sent twice");
    assert_eq!(times[0], times[1], "the latest of the batch");
}

#[test]
fn row_02_a_retried_batch_is_overtaken_unless_one_is_in_flight_or_batches_have_numbers() {
    let overtaken = play(2, 0);
    assert_eq!(overtaken.values(0), ["first", "B", "A"]);
    let order: Vec<u32> = overtaken.told().into_iter().map(|(call, ..)| call).collect();
    assert_eq!(order, [0, 2, 1], "callbacks come in the order of the log");
    for lane in [1, 2] {
        let played = play(2, lane);
        assert_eq!(played.values(0), ["first", "A", "B"], "lane {lane}");
        assert_eq!(played.counts(), (3, 0, 3));
    }
}

#[test]
fn row_03_a_broken_connection_alone_turns_two_requests_round() {
    let played = play(3, 0);
    assert_eq!(played.values(0), ["first", "B", "A"]);
    let order: Vec<u32> = played.told().into_iter().map(|(call, ..)| call).collect();
    assert_eq!(order, [0, 2, 1]);
    let unanswered = played.batches().into_iter().filter(|(.., answer)| answer.is_none()).count();
    assert_eq!(unanswered, 2, "both were on their way");
}

#[test]
fn row_04_batches_behind_a_refused_one_come_again_one_by_one_in_order() {
    let played = play(4, 0);
    assert_eq!(played.values(0), ["first", "B0", "B1", "B2", "B3", "B4"]);
    assert_eq!(played.counts(), (6, 0, 6));
    let expected = [(1, TOO_FEW), (2, GAP), (3, GAP), (4, GAP), (5, GAP), (1, OK), (2, OK), (3, OK), (4, OK), (5, OK)];
    let courses: Vec<_> = courses(&played).into_iter().map(|(_, sequence, answer)| (sequence, answer)).collect();
    assert_eq!(courses[1..], expected);
    // While it recovers, the next one leaves when the one before is answered, and no sooner.
    let again = &played.produced()[6..];
    let one_by_one = again.windows(2).all(|pair| pair[0].ended.is_some_and(|(ended, _)| ended.at <= pair[1].sent.at));
    assert!(one_by_one);
    let together = &played.produced()[1..6];
    assert!(together.windows(2).all(|pair| pair[0].ended.is_some_and(|(ended, _)| ended.at > pair[1].sent.at)));
}

#[test]
fn row_12_an_error_after_the_append_makes_a_copy_for_every_retry_unless_batches_have_numbers() {
    for (lane, stored) in [(0, 4), (1, 1)] {
        let played = play(12, lane);
        assert_eq!(played.counts(), (1, 0, stored), "lane {lane}");
        let after = Some(ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND);
        let answers: Vec<_> = courses(&played).into_iter().map(|(.., answer)| answer).collect();
        assert_eq!(answers, [after, after, after, OK]);
    }
}

/// What a real leader does instead of saying so: it waits for the followers until the request's time is over, refuses the
/// retries while too few are in sync, and takes the last one when they are back.
#[test]
fn row_12_a_leader_that_loses_its_followers_after_the_append_stores_two_copies() {
    let mut scenario = row(12);
    scenario.rules.clear();
    scenario.lanes.truncate(1);
    scenario.topics[0].replication_factor = 3;
    scenario.topics[0].settings.set("min.insync.replicas", "2");
    scenario.producers[0].properties.set("request.timeout.ms", "2000");
    let appended = Moment::Appended { topic: "orders".into(), partition: None, nth: 1 };
    let shrink = |node| Action {
        when: Some(appended.clone()),
        act: Act::ShrinkIsr { topic: "orders".into(), partition: 0, node, for_us: Some(10_000_000) },
        ..Action::default()
    };
    scenario.actions = [2, 3].map(shrink).into();
    let played = Played::of(&scenario, 0);
    assert_eq!(played.counts(), (1, 0, 2));
    let answers: Vec<_> = courses(&played).into_iter().map(|(.., answer)| answer).collect();
    let [first, refused @ .., last] = &answers[..] else { panic!("{answers:?}") };
    assert!(refused.iter().all(|answer| *answer == TOO_FEW) && refused.len() > 5, "{answers:?}");
    assert_eq!((*first, *last), (None, OK));
}

#[test]
fn row_15_a_record_fails_and_is_stored_and_sending_it_again_doubles_it_whatever_its_number() {
    let played = play(15, 0);
    let (at, told) = played.told_of(0);
    assert_eq!(told, Err("TimeoutException".to_owned()));
    assert!(is_near(at, 5_000.0, 1.0), "{at}");
    let retried = played.events(|fact| matches!(fact, Fact::BatchRetried { batch, .. } if batch.0 == 0)).count();
    assert_eq!(retried, 4, "each attempt takes a second, and the deadline ends the last pause");
    // The program's own second try has a new epoch's first number.
    let (first, second): (Vec<_>, Vec<_>) = courses(&played).into_iter().partition(|&(epoch, ..)| epoch == 0);
    assert!(first.iter().all(|course| *course == (0, 0, None)), "{first:?}");
    assert!(second.iter().all(|&(epoch, sequence, _)| (epoch, sequence) == (1, 0)), "{second:?}");
    assert_eq!(played.told_of(1).1, Ok(1));
    assert_eq!((played.log(0).len(), played.score().failed_stored), (2, 1));
}

#[test]
fn row_37_one_late_answer_takes_all_five_requests_with_it_and_the_copies_stand_in_reverse() {
    let plain = play(37, 0);
    let expected = ["first", "r0", "r1", "r2", "r3", "r4", "r4", "r3", "r2", "r1", "r0"];
    assert_eq!(plain.values(0), expected);
    assert_eq!(plain.score().duplicated, 5);
    assert_eq!(plain.events(|fact| matches!(fact, Fact::RequestTimedOut { .. })).count(), 1, "of the oldest alone");
    let idempotent = play(37, 1);
    assert_eq!(idempotent.values(0), expected[..6]);
    assert_eq!(idempotent.counts(), (6, 0, 6));
}

/// Refused where the leader is now, for the first is still on its way to where it was: nothing of this broker leaves until
/// the first is answered, also what has nothing to do with it.
#[test]
fn row_44_a_partition_that_recovers_holds_up_its_neighbour_on_the_same_broker() {
    let played = play(44, 0);
    let requests = played.produced();
    let (first, behind) = (requests[2], requests[3]);
    let refused = |request: &RequestSeen| request.batches[0].answer;
    assert_eq!((refused(first), refused(behind)), (Some(ErrorCode::NOT_LEADER_OR_FOLLOWER), GAP));
    let answered = first.ended.expect("it is").0.at;
    assert!(behind.ended.expect("it is").0.at < answered, "the second is refused while the first has no answer");
    let after = &requests[4..];
    assert!(after.iter().all(|request| request.sent.at >= answered), "then nothing leaves until it has one");
    assert_eq!(after[0].sent.at, answered, "and then at once");
    let neighbour = after
        .iter()
        .find(|request| request.batches.iter().any(|batch| batch.partition.partition == 1))
        .expect("it leaves");
    let waited = played.ms(neighbour.sent.at) - played.called_at(4);
    assert!(waited > 300.0, "it waits for {waited} ms, though its broker is idle");
    assert_eq!(played.values(0), ["first", "A", "B"]);
}

#[test]
fn row_45_a_new_epoch_waits_for_the_slow_batch_of_a_neighbour_and_the_refused_partition_with_it() {
    let played = play(45, 0);
    let (refused_at, refused) = played.told_of(2);
    assert_eq!(refused, Err("InvalidRecordException".to_owned()));
    let slow = played.told_of(5).0;
    let in_new_epoch: Vec<_> = played.batches().into_iter().filter(|(_, epoch, ..)| *epoch == 1).collect();
    let numbers: Vec<i32> = in_new_epoch.iter().map(|(_, _, sequence, _)| *sequence).collect();
    assert_eq!(numbers.len(), 3, "the two behind the refused one, and the neighbour's new one: {numbers:?}");
    assert!(slow - refused_at > 500.0, "their back-off is long over");
    assert!(in_new_epoch.iter().all(|(left, ..)| *left >= slow), "{in_new_epoch:?}, and it was answered at {slow}");
    assert_eq!(played.values(0), ["first", "p0-1", "p0-2"]);
    assert_eq!(played.values(1), ["first", "p1-slow", "p1-new"]);
}

#[test]
fn row_46_retries_that_run_out_cost_the_next_batch_too() {
    let played = play(46, 0);
    let told: Vec<_> = played.told().into_iter().map(|(_, _, what)| what).collect();
    let failed = |class: &str| Err(class.to_owned());
    let expected = [Ok(0), failed("NotEnoughReplicasException"), failed("OutOfOrderSequenceException"), Ok(1)];
    assert_eq!(told, expected);
    let took = played.told_of(1).0 - played.called_at(1);
    assert!((240.0..360.0 + 10.0).contains(&took), "back-offs of 100 and 200 ms, a fifth more or less: {took}");
    let expected =
        [(0, 1, TOO_FEW), (0, 1, TOO_FEW), (0, 1, TOO_FEW), (0, 2, GAP), (0, 2, GAP), (0, 2, GAP), (1, 0, OK)];
    assert_eq!(courses(&played)[1..], expected);
    assert_eq!(play(46, 1).counts(), (4, 0, 4), "the deadline decides where retries do not run out");
}

#[test]
fn row_48_the_first_batch_of_a_new_producer_is_lost_when_the_second_is_taken() {
    let played = play(48, 0);
    assert_eq!(played.values(0), ["B1", "B2", "B3", "B4"]);
    let (at, told) = played.told_of(0);
    assert_eq!((at, told), (120_000.0, Err("TimeoutException".to_owned())), "delivery.timeout.ms");
    let courses = courses(&played);
    assert_eq!(courses[0], (0, 0, TOO_FEW));
    assert!(courses[1..5].iter().all(|(.., answer)| *answer == OK));
    assert!(courses[5..].iter().all(|course| *course == (0, 0, GAP)) && courses.len() > 100, "never a new epoch");
    // After one acknowledged batch the same fault does no harm: the broker knows which number is next.
    let mut scenario = row(48);
    let mut before = scenario.producers[0].callers[0].clone();
    before.loads[0].count = 1;
    scenario.producers[0].callers[0].start_us = 500_000;
    scenario.producers[0].callers.push(before);
    scenario.rules[0].nth = 2;
    assert_eq!(Played::of(&scenario, 0).counts(), (6, 0, 6));
}
