//! Sends that wait for memory, and those that wait in vain.

use super::story::{Story, failed, record};
use crate::error::ProducerError;
use crate::producer::{SendAttempt, SendRefusal};
use crate::time::Instant;
use crate::trace::{BlockedOn, Fact};

#[test]
fn a_send_without_memory_waits_makes_everything_sendable_and_goes_on_in_order() {
    // Flow: two batches fill the memory → the third record waits → both leave before their linger and are stored.
    let mut story = Story::with(1, 3, &[("buffer.memory", "32768"), ("linger.ms", "1000")]).started();
    story.put(0, "a");
    story.put(1, "b");
    assert!(story.carried.is_empty());
    let mut attempt = SendAttempt::default();
    let blocked = SendRefusal::Blocked { on: BlockedOn::Memory, until: Instant::from_millis(60_000) };
    assert_eq!(story.try_send(&mut attempt, &record(2, "c")), Err(blocked));
    assert_eq!(story.carried.len(), 1);
    assert_eq!(story.producer.memory_used(), 32_768);
    story.may_proceed = 0;
    story.store(0);
    assert_eq!(story.may_proceed, 1);
    assert!(story.facts.iter().any(|fact| matches!(fact, Fact::SendBlocked { ordinal: 2, on: BlockedOn::Memory })));
    story.facts.clear();
    assert!(story.try_send(&mut attempt, &record(2, "c")).is_ok());
    let used: Vec<_> = story.facts.iter().filter(|fact| matches!(fact, Fact::MemoryUsed { .. })).collect();
    assert_eq!(used, [&Fact::MemoryUsed { used_bytes: 16_384 }], "leaving the queue changes nothing more");
}

#[test]
fn memory_that_never_comes_fails_the_send_after_max_block() {
    let mut story = Story::with(1, 2, &[("buffer.memory", "16384"), ("max.block.ms", "300")]).started();
    story.put(0, "a");
    let mut attempt = SendAttempt::default();
    assert!(story.try_send(&mut attempt, &record(1, "b")).is_err());
    story.at_ms(300);
    let error = ProducerError::BufferExhausted {
        needed_bytes: 16_384,
        waited_ms: 300,
        total_bytes: 16_384,
        available_bytes: 0,
        poolable_bytes: 16_384,
    };
    assert_eq!(
        error.to_string(),
        "Failed to allocate 16384 bytes within the configured max blocking time 300 ms. Total memory: 16384 bytes. Available memory: 0 bytes. Poolable size: 16384 bytes"
    );
    assert_eq!(story.try_send(&mut attempt, &record(1, "b")), Err(failed(Some(1), error)));
    story.store(0);
    assert_eq!(story.producer.memory_used(), 0, "who gave up holds nothing");
    story.put(1, "c");
}

/// Mirrors `BufferPoolTest.testBufferExhaustedExceptionIsThrown`: an allocation of more than there is becomes a
/// BufferExhaustedException when its time is over.
/// Mirrors `BufferPoolTest.testBlockTimeout`: that does not happen before max.block.ms, and does right then.
/// Mirrors `BufferPoolTest.testCleanupMemoryAvailabilityWaiterOnBlockTimeout`: afterwards nobody stands in the queue,
/// and what was free before is free again.
#[test]
fn a_send_fails_for_want_of_memory_when_max_block_is_over_and_not_before() {
    let properties = [("buffer.memory", "200"), ("batch.size", "100"), ("max.block.ms", "10"), ("linger.ms", "1000")];
    let mut story = Story::with(1, 2, &properties).started();
    story.put(0, "a");
    let mut attempt = SendAttempt::default();
    let large = "v".repeat(110);
    assert_eq!(story.producer.memory_used(), 100);
    let began = story.now_ms();
    let blocked = SendRefusal::Blocked { on: BlockedOn::Memory, until: Instant::from_millis(began + 10) };
    assert_eq!(story.try_send(&mut attempt, &record(1, &large)), Err(blocked.clone()));
    story.at_ms(began + 9);
    assert_eq!(story.try_send(&mut attempt, &record(1, &large)), Err(blocked));
    story.at_ms(began + 10);
    let Err(SendRefusal::Failed { error, .. }) = story.try_send(&mut attempt, &record(1, &large)) else {
        panic!("its time is over")
    };
    assert_eq!(error.java_class(), "BufferExhaustedException");
    assert_eq!(story.producer.memory_used(), 100, "what it had gathered is free again");
    story.put(1, "b");
    assert_eq!(story.producer.memory_used(), 200, "and nobody stands in the queue");
}

/// Mirrors `BufferPoolTest.testCloseNotifyWaiters`: closing wakes both that wait for memory without end; each gets a
/// KafkaException, and nobody waits any more.
#[test]
fn all_who_wait_for_memory_are_told_when_the_producer_closes() {
    let mut story = Story::with(1, 3, &[("buffer.memory", "16384"), ("max.block.ms", "9223372036854775807")]).started();
    story.put(0, "a");
    let mut attempts = [(1, SendAttempt::default()), (2, SendAttempt::default())];
    for (partition, attempt) in &mut attempts {
        assert!(matches!(
            story.try_send(attempt, &record(*partition, "b")),
            Err(SendRefusal::Blocked { on: BlockedOn::Memory, .. })
        ));
    }
    story.may_proceed = 0;
    story.producer.close(story.now(), None);
    story.settle();
    assert!(story.may_proceed > 0, "they are woken");
    for (partition, attempt) in &mut attempts {
        let error = ProducerError::ClosedWhileAllocating;
        assert_eq!(error.java_class(), "KafkaException");
        assert_eq!(story.try_send(attempt, &record(*partition, "b")), Err(failed(Some(*partition), error)));
    }
    story.store(0);
    assert_eq!(story.producer.memory_used(), 0, "nobody waits any more");
}

#[test]
fn an_abandoned_send_keeps_no_place_in_the_queue() {
    let mut story = Story::with(1, 2, &[("buffer.memory", "16384")]).started();
    story.put(0, "a");
    let mut attempt = SendAttempt::default();
    assert!(story.try_send(&mut attempt, &record(1, "b")).is_err());
    story.producer.abandon(story.now(), attempt);
    story.store(0);
    assert_eq!(story.producer.memory_used(), 0);
}

/// Row 60: what a small buffer.memory comes to.
///
/// Mirrors `BufferPoolTest.testCantAllocateMoreMemoryThanWeHave`: a batch of all the memory is possible, and a single
/// byte more is an IllegalArgumentException.
#[test]
fn records_that_can_never_fit_are_refused() {
    let failed = |properties: &[(&str, &str)], size: usize| {
        let mut story = Story::new(properties).started();
        match story.send(&record(0, &"x".repeat(size))) {
            Err(SendRefusal::Failed { error, .. }) => Some(error),
            other => other.map(|_| None).expect("failed or taken"),
        }
    };
    // Null key, no headers, default limits: the largest value the Java client takes, and one more.
    assert_eq!(failed(&[], 1_048_489), None);
    assert_eq!(
        failed(&[], 1_048_490),
        Some(ProducerError::RecordTooLarge { size_bytes: 1_048_577, limit_bytes: 1_048_576 })
    );
    // 61 bytes for the batch, 21 for the record, 2 for the value's length, 1 each for the null key and no headers.
    let small = [("buffer.memory", "1000"), ("batch.size", "500")];
    assert_eq!(failed(&small, 914), None, "all of the memory");
    assert_eq!(
        failed(&small, 915),
        Some(ProducerError::RecordLargerThanBuffer { size_bytes: 1_001, limit_bytes: 1_000 })
    );
    let error = ProducerError::BatchLargerThanBuffer { needed_bytes: 16_384, limit_bytes: 1_000 };
    assert_eq!(error.java_class(), "IllegalArgumentException");
    assert_eq!(failed(&[("buffer.memory", "1000")], 10), Some(error));
    assert_eq!(failed(&[("buffer.memory", "1024"), ("batch.size", "1024")], 10), None, "all of the memory");
    let one_more = ProducerError::BatchLargerThanBuffer { needed_bytes: 1_025, limit_bytes: 1_024 };
    assert_eq!(failed(&[("buffer.memory", "1024"), ("batch.size", "1025")], 10), Some(one_more));
}

/// Mirrors `BufferPoolTest.testCloseAllocations`: after closing no memory is given out any more, which is a
/// KafkaException, and memory can still be given back.
#[test]
fn a_send_that_waits_for_memory_is_told_so_when_the_producer_closes() {
    let mut story = Story::with(1, 2, &[("buffer.memory", "16384")]).started();
    story.put(0, "a");
    let mut attempt = SendAttempt::default();
    assert!(story.try_send(&mut attempt, &record(1, "b")).is_err());
    story.producer.close(story.now(), None);
    let error = ProducerError::ClosedWhileAllocating;
    assert_eq!(
        (error.java_class(), &*error.to_string()),
        ("KafkaException", "Producer closed while allocating memory")
    );
    assert_eq!(story.try_send(&mut attempt, &record(1, "b")), Err(failed(Some(1), error)));
    story.settle();
    story.store(0);
    assert_eq!(story.producer.memory_used(), 0, "its place in the queue is given up");
    assert!(story.producer.is_closed());
}

/// `KafkaProducer.doSend` takes the time before `RecordAccumulator.append` waits.
#[test]
fn a_record_that_waited_for_memory_has_the_time_of_its_call() {
    let mut story = Story::with(1, 2, &[("buffer.memory", "16384"), ("linger.ms", "1000")]).started();
    story.put(0, "a");
    let (mut attempt, called) = (SendAttempt::default(), story.now().wall_ms);
    assert!(story.try_send(&mut attempt, &record(1, "b")).is_err());
    story.at_ms(story.now_ms() + 700);
    story.store(0);
    let sent = story.try_send(&mut attempt, &record(1, "b")).expect("there is memory");
    assert_eq!((sent.timestamp_ms, story.now().wall_ms), (called, called + 700));
}

/// In the Java client each stands in `BufferPool.allocate`, and looks at the batches when it has its own memory.
#[test]
fn whoever_waits_for_memory_does_not_join_the_batch_of_one_who_has_it_already() {
    // Flow: A and B wait for partition 1 → memory for one comes → A opens a batch → B waits on → it is stored → B's turn.
    let mut story = Story::with(1, 2, &[("buffer.memory", "16384"), ("linger.ms", "1000")]).started();
    story.put(0, "a");
    let mut attempts = [SendAttempt::default(), SendAttempt::default()];
    for attempt in &mut attempts {
        assert!(story.try_send(attempt, &record(1, "b")).is_err());
    }
    story.store(0);
    let [first, second] = &mut attempts;
    let opened = story.try_send(first, &record(1, "b")).expect("there is memory for one");
    let blocked = story.try_send(second, &record(1, "b"));
    assert!(matches!(blocked, Err(SendRefusal::Blocked { on: BlockedOn::Memory, .. })), "{blocked:?}");
    story.settle();
    story.store(0);
    let sent = story.try_send(second, &record(1, "b")).expect("and for the other");
    assert_ne!(sent.batch, opened.batch);
}

/// `KafkaProducer.doSend` waits for metadata before it serialises.
#[test]
fn a_record_that_no_serializer_takes_waits_for_metadata_and_is_refused_then() {
    let mut story = Story::new(&[]);
    let (mut attempt, wanted, detail) = (SendAttempt::default(), record(0, ""), "it is a number");
    let mut send = |story: &mut Story| {
        let now = story.now();
        story.producer.send_what_no_serializer_takes(now, &mut attempt, &wanted, detail.into())
    };
    assert!(matches!(send(&mut story), SendRefusal::Blocked { on: BlockedOn::Metadata, .. }));
    story.settle();
    let refused = ProducerError::Serialization { detail: detail.into() };
    assert_eq!(send(&mut story), failed(Some(0), refused));
}
