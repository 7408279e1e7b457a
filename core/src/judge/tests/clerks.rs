//! Those who write histories down.

use std::sync::Arc;

use core::time::Duration;

use crate::bridge::{self, Outcome, RecordSpec, RecordsMetadata};
use crate::config::ProducerConfig;
use crate::error::BatchFailure;
use crate::error::{ErrorCode, Persistence, ProducerError, Surface};
use crate::ids::{BatchId, ProducerIndex, RecordName};
use crate::io::{BatchCompletion, Stored};
use crate::judge::{Clerk, Fate, History, Metadata, SessionClerk, Topic};
use crate::producer::{SendRefusal, Sent};
use crate::record::Record;
use crate::time::Instant;

const PRODUCER: ProducerIndex = ProducerIndex(0);

fn history() -> History {
    let mut history = History::default();
    history.add_producer(Arc::new(ProducerConfig::default()));
    history.add_topic(Topic::new("orders", 3, 1));
    history
}

fn at(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

fn fates(history: &History) -> Vec<(u32, &Fate)> {
    history.told.iter().map(|told| (told.call.0, &told.fate)).collect()
}

fn completion(first_index: u32, record_count: u32, is_last: bool) -> BatchCompletion {
    BatchCompletion {
        batch: BatchId(4),
        first_index,
        carrier: BatchId(4),
        is_last,
        topic: "orders".into(),
        partition: 1,
        record_count,
        attempts: 1,
        result: Ok(Stored { base_offset: 40, log_append_time_ms: None }),
    }
}

fn acknowledged(offset: i64, timestamp_ms: i64) -> Fate {
    Fate::Acknowledged(Metadata { partition: 1, offset: Some(offset), timestamp_ms: Some(timestamp_ms) })
}

/// Three records in one batch.
fn clerk() -> Clerk {
    let mut clerk = Clerk::new(history());
    for index in 0..3 {
        let call = clerk.history.call(at(1), PRODUCER, 0, &Record::keyed("orders", b"k", b"v"));
        let timestamp_ms = 1_000 + i64::from(index);
        let sent = Sent { batch: BatchId(4), index, partition: 1, timestamp_ms, wakes_sender: false };
        clerk.returned(at(2), call, &Ok(sent));
    }
    clerk
}

#[test]
fn a_batch_that_was_split_tells_its_records_part_by_part() {
    let mut clerk = clerk();
    clerk.completed(at(5), PRODUCER, &completion(0, 1, false));
    assert_eq!(fates(&clerk.history), [(0, &acknowledged(40, 1_000))]);
    clerk.completed(at(6), PRODUCER, &completion(1, 2, true));
    assert_eq!(
        fates(&clerk.history)[1..],
        [(1, &acknowledged(40, 1_001)), (2, &acknowledged(41, 1_002))],
        "each part has a base offset of its own"
    );
    assert!(clerk.history.calls.iter().all(|call| call.partition == Some(1)));
}

#[test]
fn a_record_that_made_its_batch_fail_has_an_error_of_its_own() {
    let mut clerk = clerk();
    let invalid = ProducerError::Broker { code: ErrorCode::INVALID_TIMESTAMP, message: None };
    let failure = BatchFailure {
        error: ProducerError::BatchContainedInvalidRecords,
        record_errors: vec![(1, invalid)],
        persistence: Persistence::NotPersisted,
    };
    clerk.completed(at(5), PRODUCER, &BatchCompletion { result: Err(failure), ..completion(0, 3, true) });
    let classes: Vec<&str> = clerk
        .history
        .told
        .iter()
        .map(|told| match &told.fate {
            Fate::Failed(failure) => &*failure.class,
            fate => panic!("{fate:?}"),
        })
        .collect();
    assert_eq!(classes, ["KafkaException", "InvalidTimestampException", "KafkaException"]);
}

#[test]
fn a_record_that_send_refused_is_told_at_once_and_one_that_waits_is_not() {
    let mut clerk = Clerk::new(history());
    let call = clerk.history.call(at(1), PRODUCER, 0, &Record::keyed("orders", b"k", b"v"));
    let blocked = SendRefusal::Blocked { on: crate::trace::BlockedOn::Metadata, until: at(60_000) };
    clerk.returned(at(1), call, &Err(blocked));
    assert_eq!((fates(&clerk.history).len(), clerk.history.calls[0].returned), (0, None));
    let error = ProducerError::RecordTooLarge { size_bytes: 2, limit_bytes: 1 };
    clerk.returned(at(9), call, &Err(SendRefusal::Failed { error, partition: None }));
    let told = &clerk.history.told[0];
    let Fate::Failed(failure) = &told.fate else { panic!("{told:?}") };
    assert_eq!((&*failure.class, failure.surface), ("RecordTooLargeException", Surface::FutureOnCaller));
    assert_eq!((failure.persistence, told.at.at), (Persistence::NotPersisted, at(9)));
}

fn outcome(first_record: u32, count: u32, fate: bridge::Fate) -> Outcome {
    let latency_us = vec![0; count as usize];
    Outcome { number: 1, send: 7, first_record, first_ordinal: 0, count, latency_us, fate }
}

/// A page that asks for five equal records.
fn session() -> SessionClerk {
    let mut clerk = SessionClerk::new(history());
    let spec = RecordSpec { topic: "orders".into(), key: Some(b"k"[..].into()), value: None, ..RecordSpec::default() };
    clerk.sent(at(1), PRODUCER, 7, &spec, 5);
    clerk
}

#[test]
fn a_sessions_outcomes_tell_its_sends_record_by_record() {
    let mut clerk = session();
    let acked = RecordsMetadata {
        first: RecordName { producer: PRODUCER, batch: BatchId(4), index: 0 },
        topic: "orders".into(),
        partition: 1,
        first_offset: 40,
        timestamps_ms: vec![1_000, 1_001],
        log_append_time: false,
        key_size: 1,
        value_size: -1,
        attempts: 1,
    };
    clerk.outcome(at(5), &outcome(1, 2, bridge::Fate::Acked(acked)));
    let error = ProducerError::ForceClosed;
    let (surface, persistence) = (Surface::FutureOnSender, Persistence::PossiblyPersisted);
    let failed =
        bridge::Fate::Failed { error, surface, persistence, partition: 1, topic: "orders".into(), first: None };
    clerk.outcome(at(6), &outcome(3, 1, failed));
    let told = fates(&clerk.history);
    assert_eq!(told[..2], [(1, &acknowledged(40, 1_000)), (2, &acknowledged(41, 1_001))]);
    assert!(matches!(told[2], (3, Fate::Failed(failure)) if failure.class == "KafkaException"));
    assert_eq!(clerk.history.calls[1].content, clerk.history.calls[2].content);
    let late = clerk.history.told[2].at.at - clerk.history.calls[0].called.at;
    assert_eq!(late, Duration::from_millis(5));
}

#[test]
fn what_a_session_forgot_is_unknown_and_never_failed() {
    let mut clerk = session();
    let failed = bridge::Fate::Failed {
        error: ProducerError::ForceClosed,
        surface: Surface::FutureOnSender,
        persistence: Persistence::PossiblyPersisted,
        partition: 1,
        topic: "orders".into(),
        first: None,
    };
    clerk.outcome(at(5), &outcome(0, 1, failed));
    clerk.lost(at(9));
    let told = fates(&clerk.history);
    assert!(matches!(told[0], (0, Fate::Failed(_))));
    assert_eq!(told[1..], [1, 2, 3, 4].map(|call| (call, &Fate::Unknown)));
    let score = clerk.history.score(crate::judge::Isolation::ReadUncommitted);
    assert_eq!((score.sent, score.failed, score.unknown, score.waiting), (5, 1, 4, 0));
}
