//! Flush and close.

use core::time::Duration;

use super::story::{Story, failed, record};
use crate::error::{Persistence, ProducerError};
use crate::io::{Input, Stored, WaitReason};
use crate::producer::{BlockedOn, SendAttempt, SendRefusal};
use crate::record::Record;

#[test]
fn flush_sends_what_lingers_and_waits_for_its_fate() {
    let mut story = Story::with(1, 2, &[("linger.ms", "60000")]).started();
    story.put(0, "a");
    let flush = story.producer.begin_flush(story.now());
    story.settle();
    assert_eq!(story.carried_values(), ["a"]);
    assert!(!story.producer.is_flushed(&flush));
    story.put(1, "b");
    assert_eq!(story.carried_values(), ["a", "b"], "what comes during a flush is sendable too");
    story.store(0);
    assert!(story.producer.is_flushed(&flush), "the later record is not its business");
    story.put(1, "c");
    assert_eq!(story.carried.len(), 1, "the flush is over, and records linger again");
}

/// Mirrors `KafkaProducerTest.testFlushCompleteSendOfInflightBatches`: without idempotence, none of 50 records is done
/// before the flush, and all are when it is over.
#[test]
fn a_flush_is_over_when_all_that_was_sent_before_it_is_done() {
    let mut story = Story::new(&[("enable.idempotence", "false")]).started();
    for number in 0..50 {
        story.put(0, &format!("value{number}"));
    }
    assert!(story.completed.is_empty());
    let flush = story.producer.begin_flush(story.now());
    story.settle();
    assert!(!story.producer.is_flushed(&flush));
    while !story.carried.is_empty() {
        story.store(0);
    }
    assert!(story.producer.is_flushed(&flush));
    let done: u32 = story.completed.iter().filter(|done| done.result.is_ok()).map(|done| done.record_count).sum();
    assert_eq!(done, 50);
}

#[test]
fn flushing_nothing_is_over_at_once() {
    let mut story = Story::new(&[]).started();
    let flush = story.producer.begin_flush(story.now());
    assert!(story.producer.is_flushed(&flush) && story.producer.is_flushed(&flush));
}

#[test]
fn close_sends_what_is_there_and_refuses_what_comes() {
    let mut story = Story::new(&[("linger.ms", "60000")]).started();
    story.put(0, "a");
    story.producer.close(story.now(), None);
    story.settle();
    assert_eq!(story.send(&record(0, "b")), Err(failed(Some(0), ProducerError::Closed)));
    assert!(!story.producer.is_closed());
    story.store(3);
    assert!(story.producer.is_closed());
    assert_eq!(story.completed[0].result, Ok(Stored { base_offset: 3, log_append_time_ms: None }));
    assert_eq!(story.closed.len(), 2, "both connections");
    assert_eq!(story.wait, (None, WaitReason::Idle));
    story.at_ms(1_000_000);
    story.input(Input::Wake);
    assert_eq!(story.wait, (None, WaitReason::Idle), "nothing happens after the end");
}

#[test]
fn close_with_a_timeout_gives_up_on_what_is_left() {
    let mut story = Story::new(&[("linger.ms", "0"), ("max.in.flight.requests.per.connection", "1")]).started();
    story.put(0, "a");
    story.put(0, "b");
    story.producer.close(story.now(), Some(Duration::from_millis(50)));
    story.settle();
    story.at_ms(50);
    assert!(story.producer.is_closed());
    let fates: Vec<_> = story
        .completed
        .iter()
        .map(|completion| completion.result.clone().map_err(|failure| (failure.error, failure.persistence)))
        .collect();
    assert_eq!(
        fates,
        [
            Err((ProducerError::ForceClosed, Persistence::PossiblyPersisted)),
            Err((ProducerError::ForceClosed, Persistence::NotPersisted))
        ],
        "the one in flight, then the queued one"
    );
    assert_eq!(story.producer.memory_used(), 0);
}

#[test]
fn of_two_closes_the_one_that_ends_first_counts() {
    for (first, second) in [(None, Some(50)), (Some(50), None), (Some(90), Some(50)), (Some(50), Some(90))] {
        let mut story = Story::new(&[("linger.ms", "0")]).started();
        story.put(0, "a");
        for timeout_ms in [first, second] {
            story.producer.close(story.now(), timeout_ms.map(Duration::from_millis));
            story.settle();
        }
        story.at_ms(49);
        assert!(!story.producer.is_closed(), "{first:?}, then {second:?}");
        story.at_ms(50);
        assert!(story.producer.is_closed(), "{first:?}, then {second:?}");
    }
}

fn elsewhere(value: &str) -> Record<'_> {
    Record { topic: "elsewhere", ..record(0, value) }
}

/// A producer that is told to close while a batch is out and a send waits for metadata, which nobody gives.
fn closing_around_a_send(attempt: &mut SendAttempt, value: &str) -> Story {
    // Of two brokers the one that has no batch is asked.
    let mut story = Story::with(2, 2, &[("linger.ms", "0")]).started();
    story.put(0, "a");
    story.hold_questions = true;
    assert!(story.try_send(attempt, &elsewhere(value)).is_err());
    story.producer.close(story.now(), Some(Duration::from_secs(70)));
    story.settle();
    let still = story.try_send(attempt, &elsewhere(value));
    assert!(matches!(still, Err(SendRefusal::Blocked { on: BlockedOn::Metadata, .. })), "{still:?}");
    assert!(!story.producer.is_closed());
    story.may_proceed = 0;
    story
}

/// `NetworkClient.close` closes the metadata, and with that `ProducerMetadata.awaitUpdate` ends.
#[test]
fn a_send_that_waits_for_metadata_learns_of_the_close_when_it_is_over() {
    let mut attempt = SendAttempt::default();
    let mut story = closing_around_a_send(&mut attempt, "a");
    story.producer.close(story.now(), Some(Duration::from_millis(50)));
    story.settle();
    story.may_proceed = 0;
    story.at_ms(49);
    assert_eq!(story.may_proceed, 0);
    story.at_ms(50);
    assert!(story.producer.is_closed());
    assert_ne!(story.may_proceed, 0);
    assert_eq!(story.try_send(&mut attempt, &elsewhere("a")), Err(failed(Some(0), ProducerError::ClosedWhileSending)));
}

/// `RecordAccumulator.tryAppend` takes no record any more; what `KafkaProducer.doSend` finds wrong before that is told.
#[test]
fn metadata_that_comes_while_the_producer_closes_ends_the_wait() {
    let huge = "a".repeat(2_000_000);
    let limit_bytes = 1_048_576;
    let too_large = ProducerError::RecordTooLarge { size_bytes: 2_000_088, limit_bytes };
    for (value, error) in [("a", ProducerError::ClosedWhileSending), (&huge, too_large)] {
        let mut attempt = SendAttempt::default();
        let mut story = closing_around_a_send(&mut attempt, value);
        story.hold_questions = false;
        story.settle();
        assert!(!story.producer.is_closed(), "a batch is out");
        assert_ne!(story.may_proceed, 0);
        assert_eq!(story.try_send(&mut attempt, &elsewhere(value)), Err(failed(Some(0), error)));
    }
}

/// `KafkaProducer.waitOnMetadata` has patience for `max.block.ms`, be the producer closing or not.
#[test]
fn a_send_may_lose_its_patience_while_the_producer_closes() {
    let mut attempt = SendAttempt::default();
    let mut story = closing_around_a_send(&mut attempt, "a");
    story.at_ms(60_000);
    let refused = story.try_send(&mut attempt, &elsewhere("a"));
    assert!(
        matches!(refused, Err(SendRefusal::Failed { error: ProducerError::MetadataTimeout { .. }, .. })),
        "{refused:?}"
    );
}
