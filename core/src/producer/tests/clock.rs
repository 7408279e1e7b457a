//! Clocks that jump. Row 62 of the bad inputs: deadlines go by the clock that never goes back, timestamps by the other.

use super::story::{MIDNIGHT, Story};
use crate::io::Input;
use crate::record_batch::BatchView;

const HOUR_MS: i64 = 3_600_000;

fn base_timestamp(story: &Story, carried: usize) -> i64 {
    let records = &story.carried[carried].body().topics[0].partitions[0].records;
    BatchView::parse(records).expect("a batch").base_timestamp_ms()
}

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

/// A machine that slept longer than a request may take, and shorter than a batch may live.
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
