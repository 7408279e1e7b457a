//! The sender's sleep before it asks its coordinator once more (`Sender.maybeSendAndPollTransactionalRequest`), and what happens
//! meanwhile.

use core::time::Duration;

use crate::error::ErrorCode;
use crate::protocol::ApiKey;

use super::super::story::Story;
use super::stage::{V1, V2};

const PAUSES: [(&str, &str); 2] = [("retry.backoff.ms", "100"), ("retry.backoff.max.ms", "100")];

/// A batch of partition 0 is in flight, and the coordinator wants to be asked again about partition 1.
fn asleep() -> Story {
    let (mut story, _) = Story::written(V1, &PAUSES);
    story.put(1, "b");
    story.expect(ApiKey::AddPartitionsToTxn, ErrorCode::COORDINATOR_LOAD_IN_PROGRESS);
    assert!(story.producer.is_deaf(story.now()));
    story
}

#[test]
fn an_answer_that_arrives_while_the_sender_sleeps_is_heard_when_it_wakes_up() {
    let mut story = asleep();
    let since = story.now_ms();
    story.at_ms(since + 40);
    story.store(0);
    story.at_ms(since + 99);
    assert_eq!((story.completed.len(), story.question()), (0, None));
    story.at_ms(since + 100);
    assert_eq!((story.completed.len(), story.question()), (1, Some(ApiKey::AddPartitionsToTxn)));
}

#[test]
fn what_a_connection_said_before_it_ended_is_heard_first() {
    // Flow: two batches in flight → a question must be asked again → one batch is stored, and the connection ends.
    let (mut story, _) = Story::written(V2, &PAUSES);
    story.put(1, "b");
    assert_eq!(story.carried_values(), ["a", "b"]);
    story.call_send_offsets(&[0]).expect("fits");
    story.expect(ApiKey::FindCoordinator, ErrorCode::COORDINATOR_NOT_AVAILABLE);
    assert!(story.producer.is_deaf(story.now()));
    let answered = story.store(0);
    story.break_connection(&answered);
    assert!(story.completed.is_empty() && story.carried.is_empty());
    story.await_question();
    let fates: Vec<_> = story.completed.iter().map(|completion| completion.result.is_ok()).collect();
    assert_eq!(fates, [true]);
    story.expect(ApiKey::FindCoordinator, ErrorCode::NONE);
    story.await_question();
    story.expect(ApiKey::TxnOffsetCommit, ErrorCode::NONE);
    story.at_ms(story.now_ms() + 100);
    assert_eq!(story.carried_values(), ["b"], "the other is tried again");
}

#[test]
fn a_forced_close_is_noticed_when_the_sender_wakes_up() {
    let mut story = asleep();
    let since = story.now_ms();
    story.producer.close(story.now(), Some(Duration::from_millis(10)));
    story.settle();
    story.at_ms(since + 99);
    assert!(!story.producer.is_closed());
    story.at_ms(since + 100);
    assert!(story.producer.is_closed());
}
