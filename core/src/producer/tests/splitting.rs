//! Batches that their broker finds too large: what becomes of them, and that nobody is forgotten.

use super::story::{Story, record};
use crate::error::{BatchFailure, ErrorCode, Persistence, ProducerError};
use crate::ids::BatchId;
use crate::io::{BatchCompletion, Stored};
use crate::producer::{SendAttempt, SendRefusal};
use crate::protocol::RecordError;
use crate::record::{Header, Record};
use crate::trace::Fact;

const TOO_LARGE: ErrorCode = ErrorCode::MESSAGE_TOO_LARGE;
/// A value of which 11 records fill a batch of 600 bytes: 61 and 47 for each.
const VALUE_BYTES: usize = 40;

/// Batches of 600 bytes that wait for ten milliseconds.
fn story(more: &[(&'static str, &'static str)]) -> Story {
    let mut properties = vec![("batch.size", "600"), ("linger.ms", "10")];
    properties.extend(more);
    Story::new(&properties).started()
}

fn value(letter: char) -> String {
    letter.to_string().repeat(VALUE_BYTES)
}

/// One record for each letter.
fn put(story: &mut Story, letters: &str) {
    for letter in letters.chars() {
        story.put(0, &value(letter));
    }
}

/// Letters, base sequence and epoch of each batch that is out.
fn out(story: &Story) -> Vec<(String, i32, i16)> {
    let batches = story.carried.iter().flat_map(|carried| carried.batches());
    let letters = |values: Vec<String>| values.iter().map(|value| &value[..1]).collect();
    batches.map(|(_, values, sequence, epoch)| (letters(values), sequence, epoch)).collect()
}

fn carries(letters: &str, sequence: i32) -> (String, i32, i16) {
    (letters.to_owned(), sequence, sequence.signum().min(0).try_into().expect("0, or −1 without idempotence"))
}

fn wait_out_the_linger(story: &mut Story) {
    let later = story.now_ms() + 10;
    story.at_ms(later);
}

/// (place of the first record, number of records, base offset or failure) of each completion.
fn fates(story: &Story) -> Vec<(u32, u32, Result<i64, ProducerError>)> {
    let fate = |done: &BatchCompletion| done.result.clone().map(|stored| stored.base_offset).map_err(|f| f.error);
    story.completed.iter().map(|done| (done.first_index, done.record_count, fate(done))).collect()
}

/// Row 73: a batch of many.
#[test]
fn a_batch_is_first_tried_at_the_same_size_and_halved_after_that() {
    let mut story = story(&[]);
    put(&mut story, "abcdefghijk");
    wait_out_the_linger(&mut story);
    assert_eq!(out(&story), [carries("abcdefghijk", 0)]);
    story.refuse(TOO_LARGE);
    assert_eq!(out(&story), [carries("abcdefghijk", 0)], "batch.size is what it had");
    story.refuse(TOO_LARGE);
    assert_eq!(out(&story), [carries("abcd", 0)], "one at a time, as any batch that has its sequence");
    story.store(100);
    assert_eq!(out(&story), [carries("efgh", 4)]);
    story.store(104);
    assert_eq!(out(&story), [carries("ijk", 8)]);
    story.store(108);
    assert_eq!(fates(&story), [(0, 4, Ok(100)), (4, 4, Ok(104)), (8, 3, Ok(108))]);
    assert!(story.completed.iter().all(|done| done.batch == BatchId(0)), "by the name that send gave");
    assert_eq!(story.completed.iter().map(|done| done.is_last).collect::<Vec<_>>(), [false, false, true]);
    let offset = |index| story.completed.iter().find(|done| done.covers(BatchId(0), index))?.offset_of(index);
    assert!((0..11).all(|index| offset(index) == Some(100 + i64::from(index))), "each record has its own offset");
    put(&mut story, "l");
    wait_out_the_linger(&mut story);
    assert_eq!(out(&story), [carries("l", 11)], "no sequence was used up");
}

#[test]
fn the_trace_tells_which_batches_a_batch_became() {
    let mut story = story(&[]);
    put(&mut story, "abcdefghijk");
    wait_out_the_linger(&mut story);
    story.refuse(TOO_LARGE);
    story.refuse(TOO_LARGE);
    story.store(100);
    let splits = story.facts.iter().filter_map(|fact| match fact {
        Fact::BatchSplit { batch, children } => {
            Some((batch.0, children.iter().map(|part| (part.batch.0, part.records, part.bytes)).collect::<Vec<_>>()))
        }
        _ => None,
    });
    let bytes = |records: u32| 61 + 47 * records;
    assert_eq!(
        splits.collect::<Vec<_>>(),
        [(0, vec![(1, 11, bytes(11))]), (1, vec![(2, 4, bytes(4)), (3, 4, bytes(4)), (4, 3, bytes(3))])]
    );
    let stored = Stored { base_offset: 100, log_append_time_ms: None };
    assert!(story.facts.contains(&Fact::BatchAcked { batch: BatchId(2), stored }));
    assert_eq!((story.completed[0].batch, story.completed[0].carrier), (BatchId(0), BatchId(2)));
}

/// Row 73: one record.
#[test]
fn a_single_record_that_is_too_large_fails_and_its_neighbours_do_not() {
    let mut story = story(&[]);
    put(&mut story, "ab");
    wait_out_the_linger(&mut story);
    story.refuse(TOO_LARGE);
    story.refuse(TOO_LARGE);
    assert_eq!(out(&story), [carries("a", 0)]);
    story.store(7);
    story.refuse(TOO_LARGE);
    let error = ProducerError::Broker { code: TOO_LARGE, message: None };
    assert_eq!(error.java_class(), "RecordTooLargeException");
    assert_eq!(fates(&story), [(0, 1, Ok(7)), (1, 1, Err(error))]);
    let BatchFailure { persistence, .. } = story.completed[1].result.clone().expect_err("too large");
    assert_eq!(persistence, Persistence::NotPersisted);
    assert!(story.completed[1].is_last);
}

#[test]
fn a_record_refused_inside_a_part_is_named_by_its_place_in_the_whole() {
    let mut story = story(&[]);
    put(&mut story, "abcdefghijk");
    wait_out_the_linger(&mut story);
    story.refuse(TOO_LARGE);
    story.refuse(TOO_LARGE);
    story.store(100);
    assert_eq!(out(&story), [carries("efgh", 4)]);
    story.reply(|told| {
        (told.error, told.base_offset) = (ErrorCode::INVALID_RECORD, -1);
        told.record_errors = vec![RecordError { batch_index: 1, message: Some("too late".into()) }];
    });
    let refused = story.completed.last().expect("a fate");
    let failure = refused.result.as_ref().expect_err("refused");
    let places: Vec<_> = failure.record_errors.iter().map(|&(index, _)| index).collect();
    assert_eq!((refused.first_index, places), (4, vec![5]), "the second record of the part is f, the sixth of all");
}

#[test]
fn parts_go_before_what_was_appended_later_and_keep_their_order_without_idempotence_too() {
    let mut story = story(&[("enable.idempotence", "false"), ("linger.ms", "1000")]);
    put(&mut story, "abcdefghijk");
    put(&mut story, "z");
    assert_eq!(out(&story), [carries("abcdefghijk", -1)]);
    story.refuse(TOO_LARGE);
    story.refuse(TOO_LARGE);
    assert_eq!(out(&story), [carries("abcd", -1), carries("efgh", -1), carries("ijk", -1)], "z lingers behind them");
}

#[test]
fn a_batch_that_is_out_behind_a_split_one_waits_for_its_parts() {
    let mut story = story(&[]);
    put(&mut story, "abcdefghijk");
    put(&mut story, "z");
    wait_out_the_linger(&mut story);
    assert_eq!(out(&story), [carries("abcdefghijk", 0), carries("z", 11)]);
    story.refuse(TOO_LARGE);
    story.refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    let later = story.now_ms() + 2_000;
    story.at_ms(later);
    assert_eq!(out(&story), [carries("abcdefghijk", 0)]);
    story.store(0);
    assert_eq!(out(&story), [carries("z", 11)]);
}

#[test]
fn a_split_uses_up_no_retry_and_no_pause() {
    let mut story = story(&[("retries", "0"), ("enable.idempotence", "false")]);
    put(&mut story, "abcdefghijk");
    wait_out_the_linger(&mut story);
    let then = story.now_ms();
    story.refuse(TOO_LARGE);
    story.store(0);
    assert_eq!((fates(&story), story.now_ms()), (vec![(0, 11, Ok(0))], then));
}

#[test]
fn the_parts_are_as_old_as_their_batch() {
    let mut story = story(&[("delivery.timeout.ms", "40000")]);
    put(&mut story, "ab");
    let born = story.now_ms();
    wait_out_the_linger(&mut story);
    story.at_ms(born + 20_000);
    story.refuse(TOO_LARGE);
    story.at_ms(born + 40_000);
    let (first, records, fate) = fates(&story).remove(0);
    assert_eq!((first, records), (0, 2));
    assert!(matches!(fate, Err(ProducerError::DeliveryTimeout { elapsed_ms: 40_000, .. })), "{fate:?}");
}

/// Mirrors `RecordAccumulatorTest.testProduceRequestResultAwaitAllDependents`: with the whole over and the first of two
/// parts stored, waiting goes on, and ends with the second.
#[test]
fn flush_and_close_wait_for_every_part() {
    let mut story = story(&[]);
    put(&mut story, "ab");
    let flush = story.producer.begin_flush(story.now());
    story.settle();
    story.refuse(TOO_LARGE);
    story.refuse(TOO_LARGE);
    story.store(0);
    assert!(!story.producer.is_flushed(&flush), "b is out");
    story.producer.close(story.now(), None);
    story.settle();
    assert!(!story.producer.is_closed());
    story.store(1);
    assert!(story.producer.is_flushed(&flush) && story.producer.is_closed());
}

#[test]
fn parts_take_no_memory_from_those_who_wait_for_it() {
    let mut story = story(&[("buffer.memory", "600")]);
    put(&mut story, "ab");
    let mut attempt = SendAttempt::default();
    let waits = record(0, "c");
    // Room for one batch only, and the one there takes no more.
    put(&mut story, "cdefghijk");
    let refused = story.try_send(&mut attempt, &Record { value: Some(&[b'l'; VALUE_BYTES]), ..waits });
    assert!(matches!(refused, Err(SendRefusal::Blocked { .. })), "{refused:?}");
    story.refuse(TOO_LARGE);
    assert_eq!(out(&story).len(), 1, "the parts are out");
    story.try_send(&mut attempt, &waits).expect("the memory of the batch that was split");
    assert_eq!(story.producer.memory_used(), 600);
}

#[test]
fn records_are_the_same_in_a_part() {
    let mut story = story(&[]);
    let headers = [Header { key: "h", value: None }, Header { key: "", value: Some(&[7; VALUE_BYTES]) }];
    let value = value('v');
    let first = Record { timestamp_ms: Some(5_000), key: Some(b""), value: None, headers: &headers, ..record(0, "") };
    let second = Record { timestamp_ms: Some(1), key: None, ..record(0, &value) };
    for record in [&first, &second] {
        story.send(record).expect("taken");
    }
    wait_out_the_linger(&mut story);
    let before = story.carried[0].body().topics[0].partitions[0].records.clone();
    story.refuse(TOO_LARGE);
    let after = story.carried[0].body().topics[0].partitions[0].records.clone();
    assert_eq!(after, before, "the same records in a batch of the same size are the same bytes");
    story.refuse(TOO_LARGE);
    story.store(0);
    let parts = story.carried[0].body().topics[0].partitions[0].records.clone();
    let part = crate::record_batch::BatchView::parse(&parts).expect("a batch");
    let told = part.records().next().expect("one record").expect("sound");
    assert_eq!((told.timestamp_ms, told.key, told.value), (1, None, Some(value.as_bytes())));
}

/// Mirrors `RecordAccumulatorTest.testSplitAndReenqueue`: a batch of two records is split into two, of which the first
/// is acknowledged with offset 0 and the second, after it, with offset 1.
#[test]
fn two_records_that_do_not_go_together_are_acknowledged_one_by_one() {
    let mut story = story(&[("batch.size", "2000")]);
    let large = "v".repeat(900);
    let sent: Vec<_> = (0..2).map(|_| story.send(&record(0, &large)).expect("taken")).collect();
    assert_eq!((sent[0].batch, sent[0].index, sent[1].index), (sent[1].batch, 0, 1));
    wait_out_the_linger(&mut story);
    story.refuse(TOO_LARGE);
    story.refuse(TOO_LARGE);
    let offset = |story: &Story, sent: &crate::producer::Sent| {
        let done = story.completed.iter().find(|done| done.covers(sent.batch, sent.index))?;
        done.offset_of(sent.index)
    };
    for acked in 0..2 {
        assert_eq!(story.completed.len(), acked);
        story.store(i64::try_from(acked).expect("small"));
    }
    assert_eq!([offset(&story, &sent[0]), offset(&story, &sent[1])], [Some(0), Some(1)]);
}

/// Mirrors `RecordAccumulatorTest.testSplitBatchOffAccumulator`: a batch that is too large becomes several, all of
/// which are drained, and all memory is available again although they are out: they are allocated beside it.
#[test]
fn the_memory_of_a_split_batch_is_free_while_its_parts_are_out() {
    let mut story = story(&[("buffer.memory", "1800")]);
    put(&mut story, "abcdefghijk");
    wait_out_the_linger(&mut story);
    assert_eq!(story.producer.memory_used(), 600);
    story.refuse(TOO_LARGE);
    story.refuse(TOO_LARGE);
    let mut parts = 0;
    while !story.carried.is_empty() {
        assert_eq!(story.producer.memory_used(), 0, "parts take none");
        story.store(0);
        parts += 1;
    }
    assert!(parts > 1, "{parts}");
    assert_eq!(story.producer.memory_used(), 0);
    assert!(!story.producer.accumulator.has_incomplete(), "all of them were drained");
}

/// Mirrors `RecordAccumulatorTest.testSplitAndReenqueuePreventInfiniteRecursion`: a batch of 100 records of 1 KB is
/// split in fewer than 100 steps down to single records, and every key is there exactly once.
#[test]
fn a_hundred_records_are_split_down_to_one_each_and_none_is_lost_or_doubled() {
    let mut story = story(&[("batch.size", "1048576"), ("max.request.size", "2097152")]);
    let value = [0; 1_024];
    for number in 0..100_i32 {
        let key = number.to_be_bytes();
        story.send(&Record { key: Some(&key), value: Some(&value), ..record(0, "") }).expect("taken");
    }
    wait_out_the_linger(&mut story);
    assert_eq!(story.carried[0].batches()[0].1.len(), 100, "one batch");
    let (mut splits, mut keys) = (0, Vec::new());
    while let Some(carried) = story.carried.first() {
        let bytes = carried.body().topics[0].partitions[0].records.clone();
        let batch = crate::record_batch::BatchView::parse(&bytes).expect("a batch");
        if batch.record_count() > 1 {
            splits += 1;
            assert!(splits < 100, "it does not end");
            story.refuse(TOO_LARGE);
        } else {
            let key = batch.records().next().expect("one").expect("sound").key.expect("a key").to_vec();
            keys.push(i32::from_be_bytes(key.try_into().expect("four bytes")));
            story.store(0);
        }
    }
    assert_eq!(keys, (0..100).collect::<Vec<_>>());
    assert_eq!(story.completed.len(), 100);
}
