//! Batches with something wrong about them, and the settings that judge them.

use anyhow::Result;
use bytes::{Bytes, BytesMut};

use super::Story;
use crate::side_by_side::ask::{Fetch, Produce, Topic};
use crate::side_by_side::batch::{RawBatch, RawRecord, old_message};
use crate::wire_story::timestamp_ms;

/// Below them answers have no sentences; compression by zstd is unknown; in between; and by topic id.
const VERSIONS: [i16; 5] = [3, 7, 8, 12, 13];

/// `message.max.bytes` and `max.message.bytes` by default.
const DEFAULT_LIMIT: usize = 1_048_588;

pub(super) fn tell(story: &mut Story) -> Result<()> {
    story.create("odd", &[])?;
    story.create("compacted", &[("cleanup.policy", Some("compact"))])?;
    story.create("small", &[("max.message.bytes", Some("1000"))])?;
    story.create("large", &[("max.message.bytes", Some("2000000"))])?;
    story.create("limited", &[])?;
    story.create("old-times", &[("message.timestamp.before.max.ms", Some("2000000"))])?;
    story.create("late-times", &[("message.timestamp.after.max.ms", Some("2000000"))])?;
    story.create("any-times", &[])?;
    story.create("append-time", &[("message.timestamp.type", Some("LogAppendTime"))])?;
    odd_batches(story)?;
    sizes_are_limited(story)?;
    times_are_limited(story)?;
    the_broker_sets_the_time(story)?;
    keys_are_needed(story)
}

fn batch() -> RawBatch {
    RawBatch::of(2, timestamp_ms())
}

fn records(change: impl Fn(&mut RawRecord)) -> RawBatch {
    let mut batch = batch();
    change(&mut batch.records[1]);
    batch
}

fn header(batch: RawBatch) -> Bytes {
    batch.bytes()
}

/// What is wrong with the header.
fn odd_headers() -> Vec<(&'static str, Bytes)> {
    let length = i32::try_from(batch().bytes().len() - 12).expect("small");
    vec![
        ("a wrong CRC", header(RawBatch { crc_off_by: 1, ..batch() })),
        ("magic 3", header(RawBatch { magic: 3, ..batch() })),
        ("magic -1", header(RawBatch { magic: -1, ..batch() })),
        ("magic 1 in a new form", header(RawBatch { magic: 1, ..batch() })),
        ("magic 0, an old message", old_message(0, timestamp_ms())),
        ("magic 1, an old message", old_message(1, timestamp_ms())),
        ("one byte too long", header(RawBatch { length: Some(length + 1), ..batch() })),
        ("one byte too short", header(RawBatch { length: Some(length - 1), ..batch() })),
        ("length 0", header(RawBatch { length: Some(0), ..batch() })),
        ("length -1", header(RawBatch { length: Some(-1), ..batch() })),
        ("length 13", header(RawBatch { length: Some(13), ..batch() })),
        ("length 48", header(RawBatch { length: Some(48), ..batch() })),
        ("length 49", header(RawBatch { length: Some(49), ..batch() })),
        ("the longest length", header(RawBatch { length: Some(i32::MAX), ..batch() })),
        ("a record more than it says", header(RawBatch { count: 1, last_offset_delta: 0, ..batch() })),
        ("a record less than it says", header(RawBatch { count: 3, last_offset_delta: 2, ..batch() })),
        ("a count of 0", header(RawBatch { count: 0, ..batch() })),
        ("a count of -1", header(RawBatch { count: -1, ..batch() })),
        ("the largest count", header(RawBatch { count: i32::MAX, last_offset_delta: i32::MAX - 1, ..batch() })),
        ("a last offset delta of 0", header(RawBatch { last_offset_delta: 0, ..batch() })),
        ("a last offset delta of 2", header(RawBatch { last_offset_delta: 2, ..batch() })),
        ("a last offset delta of -1", header(RawBatch { last_offset_delta: -1, ..batch() })),
        ("no records at all", header(RawBatch { records: Vec::new(), count: 0, last_offset_delta: -1, ..batch() })),
        ("no records, and a count", header(RawBatch { records: Vec::new(), ..batch() })),
        ("base offset 5", header(RawBatch { base_offset: 5, ..batch() })),
        ("base offset -1", header(RawBatch { base_offset: -1, ..batch() })),
        ("leader epoch 7", header(RawBatch { partition_leader_epoch: 7, ..batch() })),
        ("a control batch", header(RawBatch { attributes: 0x20, ..batch() })),
        ("a control batch of a producer", header(RawBatch { attributes: 0x20, ..batch().by((5, 0), 0) })),
        ("a transactional batch of nobody", header(RawBatch { attributes: 0x10, ..batch() })),
        ("codec 5", header(RawBatch { attributes: 5, ..batch() })),
        ("codec 7", header(RawBatch { attributes: 7, ..batch() })),
        ("gzip that is none", header(RawBatch { attributes: 1, ..batch() })),
        ("zstd that is none", header(RawBatch { attributes: 4, ..batch() })),
        ("LogAppendTime", header(RawBatch { attributes: 8, ..batch() })),
        ("a delete horizon", header(RawBatch { attributes: 0x40, ..batch() })),
        ("attributes that nobody has", header(RawBatch { attributes: 0x0f00, ..batch() })),
        ("another latest time", header(RawBatch { max_timestamp: timestamp_ms() + 5, ..batch() })),
        ("no latest time", header(RawBatch { max_timestamp: -1, ..batch() })),
    ]
}

/// What is wrong with the second record.
fn odd_records() -> Vec<(&'static str, Bytes)> {
    let odd = |change: fn(&mut RawRecord)| records(change).bytes();
    vec![
        ("offset delta 0 twice", odd(|record| record.offset_delta = 0)),
        ("offset delta 5", odd(|record| record.offset_delta = 5)),
        ("offset delta -1", odd(|record| record.offset_delta = -1)),
        ("an earlier time", odd(|record| record.timestamp_delta = -5)),
        ("a later time", odd(|record| record.timestamp_delta = 5)),
        ("attributes", odd(|record| record.attributes = 0xff)),
        ("no key and no value", odd(|record| (record.key, record.value) = (None, None))),
        (
            "an empty key and value",
            odd(|record| (record.key, record.value) = (Some(Default::default()), Some(Bytes::new()))),
        ),
        ("a key length of -2", odd(|record| record.key_length = Some(-2))),
        ("a key longer than the record", odd(|record| record.key_length = Some(1_000))),
        ("a value length of -2", odd(|record| record.value_length = Some(-2))),
        ("a value longer than the record", odd(|record| record.value_length = Some(1_000))),
        ("a value shorter than the record", odd(|record| record.value_length = Some(1))),
        ("-1 headers", odd(|record| record.header_count = -1)),
        ("a header that is missing", odd(|record| record.header_count = 1)),
        ("a header", odd(|record| (record.header_count, record.headers) = (1, &[2, b'h', 2, b'v']))),
        ("a header without a key", odd(|record| (record.header_count, record.headers) = (1, &[1, 2, b'v']))),
        ("a header without a value", odd(|record| (record.header_count, record.headers) = (1, &[2, b'h', 1]))),
        ("a header that is not counted", odd(|record| record.headers = &[2, b'h', 2, b'v'])),
        ("a size of 0", odd(|record| record.size = Some(0))),
        ("a size of -1", odd(|record| record.size = Some(-1))),
        ("a size beyond the batch", odd(|record| record.size = Some(1_000))),
        ("a size one too small", odd(|record| record.size = Some(14))),
    ]
}

/// What is wrong with the bytes around.
fn odd_sets() -> Vec<(&'static str, Option<Bytes>)> {
    let whole = batch().bytes();
    let two = BytesMut::from(&[&whole[..], &whole[..]].concat()[..]).freeze();
    let and = |more: &[u8]| Some(Bytes::from([&whole[..], more].concat()));
    vec![
        ("no bytes", Some(Bytes::new())),
        ("two batches", Some(two)),
        ("a batch and a half", and(&whole[..40])),
        ("a batch and 5 bytes", and(b"12345")),
        ("a batch and 20 zeros", and(&[0; 20])),
        ("half a batch", Some(whole.slice(..40))),
        ("half a header", Some(whole.slice(..16))),
        ("noise", Some(Bytes::from_static(&[0xee; 80]))),
        ("zeros", Some(Bytes::from_static(&[0; 80]))),
    ]
}

fn odd_batches(story: &mut Story) -> Result<()> {
    let topic = story.topic("odd");
    for version in VERSIONS {
        let batches = odd_headers().into_iter().chain(odd_records()).map(|(what, bytes)| (what, Some(bytes)));
        for (what, bytes) in batches.chain(odd_sets()) {
            let produce = Produce { batches: vec![(0, bytes)], ..Produce::one(&topic, Bytes::new()) };
            story.teller.ask(what, version, &produce.request(version))?;
        }
    }
    story.teller.ask("what is there of them", 12, &Fetch::from(&topic, 0).request(12))?;
    Ok(())
}

/// A batch of one record that takes so many bytes.
fn sized(bytes: usize) -> RawBatch {
    let mut batch = RawBatch::of(1, timestamp_ms());
    let mut value = bytes;
    for _ in 0..4 {
        batch.records[0].value = Some(Bytes::from(vec![b'v'; value]));
        value = (value + bytes).saturating_sub(batch.bytes().len());
    }
    assert_eq!(batch.bytes().len(), bytes, "a batch of this size");
    batch
}

fn sizes_are_limited(story: &mut Story) -> Result<()> {
    for (name, sizes) in [
        ("small", &[999, 1_000, 1_001][..]),
        ("limited", &[DEFAULT_LIMIT - 1, DEFAULT_LIMIT, DEFAULT_LIMIT + 1]),
        ("large", &[DEFAULT_LIMIT + 1, 2_000_000, 2_000_001]),
    ] {
        let topic = story.topic(name);
        for &size in sizes {
            for version in [3, 8, 13] {
                let produce = Produce::one(&topic, sized(size).bytes());
                story.teller.ask(&format!("{size} bytes, {name}"), version, &produce.request(version))?;
            }
        }
    }
    // What is too large is refused before its sequence is looked at, and leaves it as it was.
    let topic = story.topic("small");
    let producer = story.producer()?;
    for (what, size, sequence) in [("too large", 1_001, 0), ("the next", 1_000, 1), ("the first", 1_000, 0)] {
        let produce = Produce::one(&topic, sized(size).by(producer, sequence).bytes()).to(1);
        story.teller.ask(what, 12, &produce.request(12))?;
    }
    Ok(())
}

/// A batch of two records, so much later than the story's time.
fn at(delta_ms: &[i64]) -> RawBatch {
    let count = i32::try_from(delta_ms.len()).expect("few");
    let mut batch = RawBatch::of(count, timestamp_ms());
    for (record, &delta) in batch.records.iter_mut().zip(delta_ms) {
        record.timestamp_delta = delta;
    }
    batch.max_timestamp += delta_ms.iter().max().copied().unwrap_or_default();
    batch
}

fn times_are_limited(story: &mut Story) -> Result<()> {
    // Refusals tell the limits, which have a name only if they are near to the clock.
    const IN: i64 = 1_000_000;
    const OUT: i64 = 20_000_000;
    let none = RawBatch { base_timestamp: -1, max_timestamp: -1, ..batch() };
    let before = RawBatch { base_timestamp: -2, max_timestamp: -2, ..batch() };
    for name in ["old-times", "late-times"] {
        let topic = story.topic(name);
        for (what, batch) in [
            ("now", at(&[0])),
            ("early", at(&[-IN])),
            ("too early", at(&[-OUT])),
            ("late", at(&[IN])),
            ("too late", at(&[OUT])),
            ("the second too early", at(&[0, -OUT])),
            ("the second too late", at(&[0, OUT])),
            ("both too early", at(&[-OUT, -OUT - 1])),
            ("four that are not", at(&[-OUT, OUT, -OUT, OUT])),
            ("no time", none.clone()),
            ("a time before 1970", before.clone()),
        ] {
            for version in [3, 8, 13] {
                let produce = Produce::one(&topic, batch.bytes());
                story.teller.ask(&format!("{what}, {name}"), version, &produce.request(version))?;
            }
        }
    }
    let topic = story.topic("any-times");
    for (what, time) in [("the beginning of time", 0), ("the end of time", i64::MAX), ("the least time", i64::MIN)] {
        let batch = RawBatch { base_timestamp: time, max_timestamp: time, ..batch() };
        let produce = Produce::one(&topic, batch.bytes());
        story.teller.ask(what, 12, &produce.request(12))?;
    }
    Ok(())
}

fn the_broker_sets_the_time(story: &mut Story) -> Result<()> {
    let topic = story.topic("append-time");
    let producer = story.producer()?;
    for version in [3, 8, 13] {
        for (what, batch) in [
            ("LogAppendTime there", RawBatch { attributes: 8, ..batch() }),
            ("any time", RawBatch { base_timestamp: 5, max_timestamp: 5, ..batch() }),
            ("no time", RawBatch { base_timestamp: -1, max_timestamp: -1, ..batch() }),
            ("a time to come", at(&[1_000_000_000])),
            ("deltas", at(&[0, 7])),
        ] {
            let produce = Produce::one(&topic, batch.bytes());
            story.teller.ask(what, version, &produce.request(version))?;
        }
    }
    for what in ["of a producer", "a duplicate"] {
        let produce = Produce::one(&topic, batch().by(producer, 0).bytes());
        story.teller.ask(what, 12, &produce.request(12))?;
    }
    story.teller.ask("what is there", 12, &Fetch::from(&topic, 0).request(12))?;
    Ok(())
}

fn keys_are_needed(story: &mut Story) -> Result<()> {
    let topic: Topic = story.topic("compacted");
    let keyless = |which: &[usize], count| {
        let mut batch = RawBatch::of(count, timestamp_ms());
        which.iter().for_each(|&place| batch.records[place].key = None);
        batch
    };
    for version in VERSIONS {
        for (what, batch) in [
            ("all with keys", keyless(&[], 3)),
            ("the second without", keyless(&[1], 3)),
            ("five of six without", keyless(&[0, 1, 2, 4, 5], 6)),
        ] {
            let produce = Produce::one(&topic, batch.bytes());
            story.teller.ask(what, version, &produce.request(version))?;
        }
    }
    Ok(())
}
