//! `compression.type`: when a batch counts as full, what it learns from those before, and what becomes of one too large.

use super::story::{Carried, MIDNIGHT, Story, record};
use crate::codecs::{Codec, Codecs, Compression};
use crate::error::{ErrorCode, Persistence};
use crate::io::{Input, WaitReason};
use crate::protocol::{ApiVersionsResponse, Request, Response};
use crate::record::{Header, Record};
use crate::record_batch::BatchView;
use crate::rng::{Purpose, Rng};
use crate::trace::Fact;
use crate::versions::advertised_versions;

/// Batches of 600 bytes that wait for ten milliseconds.
fn story(codec: &'static str) -> Story {
    Story::new(&[("batch.size", "600"), ("linger.ms", "10"), ("compression.type", codec)]).started()
}

/// A value whose record takes 47 bytes and shrinks well.
const VALUE: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Sends so many, waits for the linger to end, and has everything stored. Gives the number of records of each batch.
fn batches_of(story: &mut Story, records: usize) -> Vec<usize> {
    for _ in 0..records {
        story.put(0, VALUE);
    }
    let later = story.now_ms() + 10;
    story.at_ms(later);
    let mut counts = Vec::new();
    while !story.carried.is_empty() {
        let carried = story.store(0);
        counts.extend(carried.batches().into_iter().map(|(_, values, ..)| {
            assert!(values.iter().all(|value| value == VALUE));
            values.len()
        }));
    }
    counts
}

fn batch_bytes(carried: &Carried) -> &[u8] {
    &carried.body().topics[0].partitions[0].records
}

#[test]
fn every_codec_carries_the_records_and_stands_in_the_header() {
    for codec in Codec::ALL {
        let mut story = story(codec.name());
        assert_eq!(batches_of(&mut story, 5), [5]);
        story.put(0, "b");
        story.producer.close(story.now(), None);
        story.settle();
        let carried = story.store(5);
        let batch = BatchView::parse(batch_bytes(&carried)).expect("a batch");
        assert_eq!((batch.codec(), batch.record_count(), batch.base_sequence()), (codec.number(), 1, 5));
        assert_eq!((batch.base_timestamp_ms(), story.producer.memory_used()), (MIDNIGHT + 10, 0));
    }
}

/// The numbers are those of `MemoryRecordsBuilder` and `CompressionRatioEstimator` of kafka-clients 4.3.1, asked in this
/// order; they do not depend on the compressor as long as batches shrink more than was expected.
#[test]
fn batches_grow_as_it_shows_how_much_they_shrink() {
    let mut story = story("gzip");
    assert_eq!(batches_of(&mut story, 11), [10, 1], "five per cent more than nothing gained are feared");
    assert_eq!(batches_of(&mut story, 11), [11]);
    for _ in 0..16 {
        assert_eq!(batches_of(&mut story, 1), [1]);
    }
    assert_eq!(batches_of(&mut story, 13), [12, 1], "the twentieth batch");
}

/// `buffer.memory` bounds what waits for brokers that say nothing, however far it shrinks: as in the Java client, which
/// compresses into the buffers that are counted.
#[test]
fn what_waits_takes_no_more_than_is_counted() {
    const BUFFER: usize = 6_000;
    let settings =
        [("batch.size", "600"), ("linger.ms", "10"), ("buffer.memory", "6000"), ("compression.type", "gzip")];
    let mut story = Story::new(&settings).started();
    for _ in 0..190 {
        batches_of(&mut story, 10);
    }
    let mut sent = 0;
    while story.send(&record(0, VALUE)).is_ok() {
        sent += 1;
    }
    assert!(sent * VALUE.len() > 5 * BUFFER, "{sent} records shrink to a fraction");
    let held: Vec<usize> = story.producer.accumulator.held_bytes().collect();
    let last = held.last().copied().unwrap_or_default();
    assert!(held.iter().sum::<usize>() - last <= BUFFER, "all but the one that is being filled: {held:?}");
}

#[test]
fn the_trace_tells_the_size_on_the_wire() {
    let mut story = story("zstd");
    story.put(0, VALUE);
    story.put(0, VALUE);
    story.at_ms(10);
    let on_the_wire = batch_bytes(&story.carried[0]).len();
    let told = story.facts.iter().find_map(|fact| match fact {
        Fact::BatchDrained { bytes, records: 2, .. } => Some(*bytes as usize),
        _ => None,
    });
    assert_eq!(told, Some(on_the_wire));
    assert!(on_the_wire < 61 + 2 * 47, "{on_the_wire} bytes");
}

#[test]
fn a_compressed_batch_too_large_for_its_broker_is_split_record_by_record() {
    let mut story = story("lz4");
    for letter in 'a'..='d' {
        story.send(&record(0, &letter.to_string().repeat(40))).expect("taken");
    }
    story.at_ms(10);
    assert_eq!(story.refuse(ErrorCode::MESSAGE_TOO_LARGE).batches()[0].1.len(), 4);
    assert_eq!(story.carried[0].batches()[0].1.len(), 4, "batch.size is more than it has");
    story.refuse(ErrorCode::MESSAGE_TOO_LARGE);
    // Half of its compressed size is less than what a record may take, which is the least that is aimed at.
    let mut stored = Vec::new();
    while !story.carried.is_empty() {
        let carried = story.store(0);
        assert_eq!(BatchView::parse(batch_bytes(&carried)).expect("a batch").codec(), 3);
        stored.extend(carried.batches().into_iter().map(|(_, values, sequence, _)| (values.len(), sequence)));
    }
    assert_eq!(stored, [(1, 0), (1, 1), (1, 2), (1, 3)]);
    assert_eq!(story.producer.memory_used(), 0);
}

#[test]
fn a_batch_sent_again_has_the_same_bytes_and_after_a_bump_another_stamp() {
    let mut story = story("snappy");
    story.put(0, VALUE);
    story.at_ms(10);
    let first = story.refuse(ErrorCode::NOT_LEADER_OR_FOLLOWER);
    story.at_ms(2_000);
    assert_eq!(batch_bytes(&story.carried[0]), batch_bytes(&first));
    story.refuse(ErrorCode::UNKNOWN_PRODUCER_ID);
    story.at_ms(4_000);
    let again = story.store(7);
    assert_eq!((again.values(), again.batches()[0].3), (VALUE.to_owned(), 1), "the epoch after");
}

/// Every question is answered; Produce goes no further than this version.
fn answer_as_of_produce(story: &mut Story, version: i16) {
    story.settle();
    while let Some((connection, request)) = story.questions.front().cloned() {
        if matches!(request.body, Request::ApiVersions(_)) {
            story.questions.pop_front();
            let mut api_keys = advertised_versions();
            api_keys[0].max = version;
            let response = Response::ApiVersions(ApiVersionsResponse { api_keys, ..ApiVersionsResponse::default() });
            story.input(Input::Received { connection, correlation: request.header.correlation, response });
        } else {
            story.answer_question();
            story.settle();
        }
    }
}

/// The Java client's I/O thread throws when it builds such a request, logs that, and goes on without it: the batch is told
/// nothing before its delivery deadline. Nobody else has its bytes, so its memory is free then.
#[test]
fn zstd_is_not_sent_in_a_version_of_produce_that_does_not_know_it() {
    for (version, is_sent) in [(6, false), (7, true)] {
        let mut story = Story::new(&[
            ("linger.ms", "0"),
            ("compression.type", "zstd"),
            ("request.timeout.ms", "3000"),
            ("delivery.timeout.ms", "4000"),
        ]);
        story.hold_questions = true;
        answer_as_of_produce(&mut story, version);
        assert!(story.producer.partition_count(story.now(), "t").is_none());
        answer_as_of_produce(&mut story, version);
        story.put(0, VALUE);
        answer_as_of_produce(&mut story, version);
        assert_eq!(story.carried.len(), usize::from(is_sent), "Produce {version}");
        assert!(story.completed.is_empty(), "nothing is told yet");
        if !is_sent {
            assert_eq!(story.wait, (Some(4_000_000), WaitReason::DeliveryTimeout));
            story.at_ms(4_000);
            let failure = story.completed[0].result.clone().expect_err("it cannot go");
            assert_eq!(
                (failure.error.java_class(), failure.persistence),
                ("TimeoutException", Persistence::NotPersisted)
            );
            assert_eq!(story.producer.memory_used(), 0);
            story.producer.close(story.now(), None);
            story.settle();
            assert!(story.producer.is_closed(), "no answer is waited for");
        }
    }
}

/// Codecs that a driver brings: they keep everything as it is, and shout.
#[derive(Debug)]
struct Loud;

impl Codecs for Loud {
    fn compress(&self, compression: Compression, records: &[u8], into: &mut Vec<u8>) {
        assert_eq!(compression, Compression { codec: Codec::Zstd, level: 19 });
        into.extend_from_slice(b"LOUD");
        into.extend_from_slice(records);
    }
}

#[test]
fn the_driver_says_who_compresses() {
    let mut story = Story::new(&[("compression.type", "zstd"), ("compression.zstd.level", "19")]);
    story.producer = story.producer.with_codecs(&Loud);
    let mut story = story.started();
    story.send(&Record { value: Some(b"x"), ..record(0, "") }).expect("taken");
    story.at_ms(10);
    assert_eq!(batch_bytes(&story.carried[0])[61..65], *b"LOUD");
}

/// Mirrors `RecordAccumulatorTest.testAppendLargeCompressed`: with gzip, a record of twice batch.size is ready at once,
/// in one batch with that one record, whose offset, key, value and timestamp are as they were.
/// Mirrors `RecordAccumulatorTest.testAppendLargeNonCompressed`: the same without compression, in one batch with that
/// one record.
#[test]
fn a_record_larger_than_batch_size_leaves_at_once_in_a_batch_of_its_own() {
    for codec in ["gzip", "none"] {
        let properties = [("batch.size", "573"), ("buffer.memory", "10240"), ("linger.ms", "0")];
        let mut story = Story::new(&[properties.as_slice(), &[("compression.type", codec)]].concat()).started();
        let large = [0; 1_024];
        let wanted = Record { timestamp_ms: Some(0), key: Some(b"key"), value: Some(&large), ..record(0, "") };
        story.send(&wanted).expect("taken");
        assert_eq!(story.carried.len(), 1, "{codec}");
        let bytes = batch_bytes(&story.carried[0]);
        assert_eq!(crate::record_batch::batches(bytes).count(), 1);
        let batch = BatchView::parse(bytes).expect("a batch");
        assert_eq!((batch.base_offset(), batch.record_count()), (0, 1));
        let plain = batch.plain_records().expect("decompressed");
        let told = batch.records_in(&plain).next().expect("one").expect("sound");
        assert_eq!((told.offset_delta, told.key, told.value), (0, Some(&b"key"[..]), Some(&large[..])));
        assert_eq!(told.timestamp_ms, 0);
    }
}

/// A batch of records with a header, refused as too large until it comes in parts. Gives the bytes of the parts.
fn parts_of_a_batch(codec: &'static str) -> Vec<Vec<u8>> {
    let properties = [("batch.size", "1024"), ("linger.ms", "10"), ("compression.type", codec)];
    let mut story = Story::new(&properties).started();
    let headers = [Header { key: "header-key", value: Some(b"header-value") }];
    for _ in 0..20 {
        let wanted = Record { key: Some(b"hi"), value: Some(b"there"), headers: &headers, ..record(0, "") };
        story.send(&wanted).expect("taken");
    }
    story.at_ms(10);
    story.refuse(ErrorCode::MESSAGE_TOO_LARGE);
    story.refuse(ErrorCode::MESSAGE_TOO_LARGE);
    let mut parts = Vec::new();
    while !story.carried.is_empty() {
        parts.push(batch_bytes(&story.store(0)).to_vec());
    }
    parts
}

/// Mirrors `ProducerBatchTest.testSplitPreservesHeaders`: with every codec a split gives at least two batches, whose
/// records each have the one header with its key and value.
/// Mirrors `ProducerBatchTest.testSplitPreservesMagicAndCompressionType`: with every codec a split gives at least two
/// batches, of format 2, base offset 0 and the same codec.
#[test]
fn parts_keep_the_headers_the_format_and_the_codec_of_their_batch() {
    let codecs = Codec::ALL.map(|codec| (codec.name(), codec.number())).into_iter().chain([("none", 0)]);
    for (name, number) in codecs {
        let parts = parts_of_a_batch(name);
        assert!(parts.len() >= 2, "{name}: {}", parts.len());
        for part in &parts {
            let batch = BatchView::parse(part).expect("a batch of format 2, for it knows no other");
            assert_eq!((batch.codec(), batch.base_offset(), part[16]), (number, 0, 2));
            let plain = batch.plain_records().expect("decompressed");
            for told in batch.records_in(&plain) {
                let headers: Vec<_> = told.expect("sound").headers.map(|header| (header.key, header.value)).collect();
                assert_eq!(headers, [(&b"header-key"[..], Some(&b"header-value"[..]))], "{name}");
            }
        }
    }
}

/// How many batches left, and how many of them were more than a broker with our `batch.size` takes.
fn batches_and_splits(good_percent: u64, rng: &mut Rng) -> (usize, usize) {
    let batch_size = 1_024;
    let properties = [("batch.size", "1024"), ("linger.ms", "10"), ("compression.type", "gzip")];
    let mut story = Story::new(&properties).started();
    let (mut batches, mut splits) = (0, 0);
    let mut answer = |story: &mut Story| {
        while let Some(carried) = story.carried.first() {
            batches += 1;
            if batch_bytes(carried).len() > batch_size + crate::record_batch::BATCH_OVERHEAD {
                splits += 1;
                story.refuse(ErrorCode::MESSAGE_TOO_LARGE);
            } else {
                story.store(0);
            }
        }
    };
    for _ in 0..1_000 {
        let is_good = rng.below(100) < good_percent;
        let mut value = [0; 100];
        for four in value.chunks_exact_mut(4) {
            // Numbers below 1000 shrink to about 0.6 of their size, noise not at all.
            let below = if is_good { 1_000 } else { 1 << 32 };
            four.copy_from_slice(&u32::try_from(rng.below(below)).expect("32 bits").to_be_bytes());
        }
        story.send(&Record { value: Some(&value), ..record(0, "") }).expect("taken");
        answer(&mut story);
    }
    let later = story.now_ms() + 10;
    story.at_ms(later);
    answer(&mut story);
    (batches, splits)
}

/// Mirrors `RecordAccumulatorTest.testSplitFrequency`: whatever share of 1000 records compresses well, fewer than one
/// batch in ten is larger than batch.size and must be split. (Every seventh percentage is tried.)
#[test]
fn fewer_than_one_batch_in_ten_is_too_large_whatever_it_holds() {
    let mut rng = Rng::stream(20_240_229, Purpose::Partitioner);
    for good_percent in (1..100).step_by(7) {
        let (batches, splits) = batches_and_splits(good_percent, &mut rng);
        assert!(batches > 50 && splits * 10 < batches, "{good_percent} %: {splits} of {batches}");
    }
}
