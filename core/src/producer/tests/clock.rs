//! Clocks that jump: deadlines go by the clock that never goes back, timestamps by the other.

use super::story::{MIDNIGHT, Story};
use crate::error::{ErrorCode, Persistence};
use crate::io::Input;
use crate::record_batch::BatchView;

const HOUR_MS: i64 = 3_600_000;

fn base_timestamp(story: &Story, carried: usize) -> i64 {
    let records = &story.carried[carried].body().topics[0].partitions[0].records;
    BatchView::parse(records).expect("a batch").base_timestamp_ms()
}

/// Row 62: the wall clock jumps back an hour and on a day.
#[test]
fn row_62_the_wall_clock_moves_timestamps_and_no_deadline() {
    let mut story = Story::new(&[("linger.ms", "10")]).started();
    let mut sent = 0;
    for jump_ms in [0, -HOUR_MS, 24 * HOUR_MS] {
        story.wall_jump_ms = jump_ms;
        let began = story.now_ms();
        story.put(0, "x");
        assert_eq!(story.wait.0, Some((began + 10) * 1_000), "one linger from now, jump or no jump");
        story.at_ms(began + 10);
        sent += 1;
        assert_eq!((story.carried.len(), story.completed.len()), (sent, 0), "sent, and nothing expired");
        let expected = MIDNIGHT + jump_ms + i64::try_from(began).expect("small");
        assert_eq!(base_timestamp(&story, sent - 1), expected);
    }
}

/// Row 62: a machine that slept longer than a request may take, and shorter than a batch may live.
#[test]
fn row_62_after_a_stall_a_batch_is_sent_again_before_it_may_expire() {
    let mut story = Story::new(&[("linger.ms", "0")]).started();
    story.put(0, "x");
    assert_eq!(story.carried_values(), ["x"]);
    story.carried.clear();
    // One step of 100 s, without the wake-ups that a machine awake would have had.
    story.now_us = 100_000_000;
    story.input(Input::Wake);
    story.at_ms(101_500);
    assert_eq!(story.completed, [], "the request timed out, the batch did not");
    assert_eq!(story.carried_values(), ["x"], "its retry");
    story.store(0);
    assert!(story.completed[0].result.is_ok());
}

/// Row 62: a machine that slept longer than a batch may live. As in the Java client, what was queued or out is expired then,
/// once, and the next record finds everything in order.
#[test]
fn a_stall_longer_than_the_delivery_timeout_expires_what_was_there_and_nothing_that_comes_after() {
    let mut story = Story::new(&[("linger.ms", "0")]).started();
    for value in ["a", "b", "c", "d", "e", "f"] {
        story.put(0, value);
    }
    assert_eq!(story.carried.len(), 5, "one waits");
    story.carried.clear();
    story.now_us = 200_000_000;
    story.input(Input::Wake);
    let persistence: Vec<_> =
        story.completed.iter().map(|done| done.result.clone().expect_err("expired").persistence).collect();
    assert_eq!(persistence[0], Persistence::NotPersisted, "what was never sent, first");
    assert_eq!(persistence[1..], [Persistence::PossiblyPersisted; 5]);
    story.at_ms(202_000);
    story.put(0, "g");
    story.store(9);
    assert_eq!(story.completed.len(), 7);
    assert!(story.completed[6].result.is_ok());
    assert_eq!(story.producer.memory_used(), 0);
}

/// Row 62: a clock that should never go back, and does: no negative timer, nothing lost.
#[test]
fn a_monotonic_clock_that_goes_back_does_no_harm() {
    let mut story = Story::new(&[("linger.ms", "5")]).started();
    story.at_ms(10_000);
    story.put(0, "a");
    story.now_us = 2_000_000;
    story.put(0, "b");
    story.input(Input::Wake);
    story.at_ms(10_005);
    assert_eq!(story.carried_values(), ["ab"]);
    story.now_us = 9_000_000;
    story.refuse(ErrorCode::NOT_ENOUGH_REPLICAS);
    story.at_ms(11_000);
    assert_eq!(story.carried_values(), ["ab"]);
    story.now_us = 1_000_000;
    story.store(0);
    assert!(story.completed[0].result.is_ok());
}
