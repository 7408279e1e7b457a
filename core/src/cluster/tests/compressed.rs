//! Compressed batches: what a broker looks at, and what it stores.

use super::*;
use crate::codecs::{Codec, Codecs as _, Compression, Portable};
use crate::protocol::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic, NewTopic};
use crate::record_batch::{Estimate, TimestampType, set_max_timestamp};

/// A batch of these (timestamp, key, value).
fn compressed(codec: Codec, records: &[(i64, Option<&str>, &str)]) -> Bytes {
    stamped(Some(codec), Stamp::PLAIN, records)
}

pub(super) fn stamped(codec: Option<Codec>, stamp: Stamp, records: &[(i64, Option<&str>, &str)]) -> Bytes {
    let level = codec.and_then(Codec::default_level).unwrap_or_default();
    with_level(codec.map(|codec| Compression { codec, level }), stamp, records)
}

pub(super) fn with_level(
    compression: Option<Compression>,
    stamp: Stamp,
    records: &[(i64, Option<&str>, &str)],
) -> Bytes {
    let estimate = compression.map(|compression| Estimate { compression, ratio: 1.0 });
    let mut builder = BatchBuilder::new(BytesMut::new(), 1 << 20).compressed(estimate);
    for (timestamp_ms, key, value) in records {
        let key = key.map(str::as_bytes);
        builder.try_append(*timestamp_ms, key, Some(value.as_bytes()), &[]).expect("it fits");
    }
    builder.close_with(stamp, &Portable).bytes
}

/// The same with bytes changed and a fitting CRC.
pub(super) fn forged(batch: &Bytes, change: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut forged = BytesMut::from(&batch[..]);
    change(&mut forged);
    let length = u32::try_from(forged.len()).unwrap() - 12;
    forged[8..12].copy_from_slice(&length.to_be_bytes());
    let max_timestamp = i64::from_be_bytes(forged[35..43].try_into().unwrap());
    set_max_timestamp(&mut forged, TimestampType::CreateTime, max_timestamp);
    forged.freeze()
}

#[test]
fn batches_of_every_codec_are_stored_as_they_came() {
    let mut world = World::new();
    for (base_offset, codec) in [0, 2, 4, 6].into_iter().zip(Codec::ALL) {
        let batch = compressed(codec, &[(WALL_MS, None, "a"), (WALL_MS + 1, None, "b")]);
        let stored = world.produce(0, batch.clone());
        assert_eq!((stored.error, stored.base_offset), (ErrorCode::NONE, base_offset), "{codec:?}");
        let log = world.cluster.log(&orders(0)).unwrap();
        assert_eq!(log.batches().last().unwrap().bytes[16..], batch[16..], "{codec:?}");
    }
}

/// Mirrors `DefaultRecordBatchTest.testInvalidRecordCountTooManyCompressedV2`: with gzip, as with every codec, a batch
/// that counts more records than it has is invalid.
/// Mirrors `DefaultRecordBatchTest.testInvalidRecordCountTooLittleCompressedV2`: with gzip, as with every codec, a
/// batch that counts fewer records than it has is invalid.
#[test]
fn a_count_that_the_records_do_not_bear_out_is_refused() {
    let mut world = World::new();
    for codec in Codec::ALL {
        let batch = compressed(codec, &[(WALL_MS, None, "a"), (WALL_MS, None, "b")]);
        for count in [1_i32, 3] {
            let wrong = forged(&batch, |batch| {
                batch[57..61].copy_from_slice(&count.to_be_bytes());
                batch[23..27].copy_from_slice(&(count - 1).to_be_bytes());
            });
            assert_eq!(world.produce(0, wrong).error, ErrorCode::INVALID_RECORD, "{codec:?} {count}");
        }
    }
    assert_eq!(world.cluster.log(&orders(0)).unwrap().end_offset(), 0);
}

#[test]
fn what_cannot_be_decompressed_is_an_error_of_the_server() {
    let mut world = World::new();
    for codec in Codec::ALL {
        let batch = compressed(codec, &[(WALL_MS, None, "a"), (WALL_MS, None, "b")]);
        let noise = forged(&batch, |batch| batch[61..].fill(0xee));
        let refused = world.produce(0, noise);
        assert_eq!((refused.error, refused.log_start_offset), (ErrorCode::UNKNOWN_SERVER_ERROR, 0), "{codec:?}");
    }
}

/// Row 81: a bomb of 64 KiB for 64 MiB and a byte, and a frame that wants a window of 2 GiB.
#[test]
fn bombs_are_refused_as_what_cannot_be_decompressed() {
    let mut world = World::new();
    let mut bomb = Vec::new();
    let gzip = Compression { codec: Codec::Gzip, level: 1 };
    Portable.compress(gzip, &vec![0; crate::codecs::MAX_DECOMPRESSED + 1], &mut bomb);
    let window = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x03, 0x00, 0x10, b'x'].to_vec();
    for (codec, records) in [(Codec::Gzip, bomb), (Codec::Zstd, window)] {
        let batch = compressed(codec, &[(WALL_MS, None, "a"), (WALL_MS, None, "b")]);
        let armed = forged(&batch, |batch| {
            batch.truncate(61);
            batch.extend_from_slice(&records);
        });
        assert!(armed.len() < 1 << 20, "{codec:?}: {} bytes are no more than a record may have", armed.len());
        assert_eq!(world.produce(0, armed).error, ErrorCode::UNKNOWN_SERVER_ERROR, "{codec:?}");
        assert_eq!(world.produce(0, batch).error, ErrorCode::NONE, "{codec:?}: and life goes on");
    }
}

#[test]
fn a_record_at_fault_inside_is_named() {
    let mut world = World::new();
    let day_ms = 86_400_000;
    let batch = compressed(Codec::Gzip, &[(WALL_MS, None, "a"), (WALL_MS + day_ms, None, "from tomorrow")]);
    let refused = world.produce(0, batch);
    assert_eq!(refused.error, ErrorCode::INVALID_TIMESTAMP);
    assert_eq!(refused.record_errors.iter().map(|error| error.batch_index).collect::<Vec<_>>(), [1]);
}

#[test]
fn a_wrong_maximum_timestamp_is_corrected_from_the_records() {
    let mut world = World::new();
    let batch = compressed(Codec::Lz4, &[(WALL_MS, None, "a"), (WALL_MS + 5, None, "b")]);
    let wrong = forged(&batch, |batch| batch[35..43].copy_from_slice(&(WALL_MS + 77).to_be_bytes()));
    assert_eq!(world.produce(0, wrong).error, ErrorCode::NONE);
    let log = world.cluster.log(&orders(0)).unwrap();
    assert_eq!(log.batches().last().unwrap().view().max_timestamp_ms(), WALL_MS + 5);
}

#[test]
fn a_time_is_found_at_the_record_that_has_it() {
    let mut world = World::new();
    let records = [(WALL_MS, None, "a"), (WALL_MS + 10, None, "b"), (WALL_MS + 20, None, "c")];
    world.produce(0, compressed(Codec::Zstd, &records));
    let link = world.connect(1);
    let ask = |timestamp_ms| {
        let partition = ListOffsetsPartition { partition: 0, current_leader_epoch: -1, timestamp_ms };
        let topic = ListOffsetsTopic { name: "orders".into(), partitions: vec![partition] };
        Request::ListOffsets(ListOffsetsRequest { isolation_level: 0, topics: vec![topic] })
    };
    for (asked, found) in [(WALL_MS, 0), (WALL_MS + 1, 1), (WALL_MS + 20, 2), (WALL_MS + 21, -1)] {
        match world.ask(link, ask(asked)) {
            Some(Response::ListOffsets(response)) => assert_eq!(response.topics[0].partitions[0].offset, found),
            other => panic!("{other:?}"),
        }
    }
}

/// A world with a topic of these settings.
pub(super) fn world_with(settings: &[(&str, &str)]) -> World {
    let mut world = World::new();
    let configs = settings.iter().map(|(key, value)| ((*key).into(), Some((*value).into()))).collect();
    world.cluster.create_topic(&NewTopic { configs, ..new_topic("set", 1, 3) }).unwrap();
    world
}

/// What the leader of a new topic with these settings answers.
pub(super) fn produce_with(settings: &[(&str, &str)], batch: Bytes) -> ProducePartitionResponse {
    let mut world = world_with(settings);
    let (leader, _) = world.cluster.leader(&TopicPartition { topic: "set".into(), partition: 0 }).unwrap();
    let link = world.connect(leader.0);
    let Request::Produce(mut request) = produce_request(-1, 0, batch) else { unreachable!() };
    request.topics[0].name = "set".into();
    match world.ask(link, Request::Produce(request)) {
        Some(Response::Produce(mut response)) => response.topics.remove(0).partitions.remove(0),
        other => panic!("{other:?}"),
    }
}

/// Mirrors `ProduceRequestTest.testSimpleProduceRequest`: a record gets offset 0 and two gzipped ones get offset 1,
/// without a time of appending and without errors of records.
#[test]
fn a_batch_and_a_compressed_one_get_the_next_offsets() {
    let mut world = World::new();
    let mut produce = |batch| {
        let stored = world.produce(0, batch);
        assert_eq!((stored.error, stored.log_append_time_ms, stored.record_errors.len()), (ErrorCode::NONE, -1, 0));
        stored.base_offset
    };
    assert_eq!(produce(plain(&["value"])), 0);
    let two = [(WALL_MS, Some("key1"), "value1"), (WALL_MS, Some("key2"), "value2")];
    assert_eq!(produce(compressed(Codec::Gzip, &two)), 1);
}

/// Mirrors `ProduceRequestTest.testZSTDProduceRequest`: in version 7, a record compressed with zstd is stored at offset
/// 0 of the topic and partition named, without a time of appending.
#[test]
fn zstd_is_taken_since_version_seven() {
    let mut world = World::new();
    let link = world.connect(1);
    let batch = compressed(Codec::Zstd, &[(WALL_MS, Some("key"), "value")]);
    let Some(Response::Produce(response)) = world.ask_in_version(link, 7, produce_request(-1, 0, batch)) else {
        panic!()
    };
    let stored = &response.topics[0].partitions[0];
    assert_eq!((&*response.topics[0].name, stored.partition), ("orders", 0));
    assert_eq!((stored.error, stored.base_offset, stored.log_append_time_ms), (ErrorCode::NONE, 0, -1));
}

/// Mirrors `ProduceRequestTest.testCorruptLz4ProduceRequest`: a batch in which the checksum of LZ4 was changed, and its
/// CRC not, is corrupt, and gets neither offset nor time.
#[test]
fn a_byte_changed_on_the_way_is_corruption() {
    let mut batch = BytesMut::from(&compressed(Codec::Lz4, &[(WALL_MS, Some("key"), "value")])[..]);
    assert_ne!(batch[61 + 6], 0, "the checksum of LZ4's header");
    batch[61 + 6] = 0;
    let refused = World::new().produce(0, batch.freeze());
    assert_eq!(refused.error, ErrorCode::CORRUPT_MESSAGE);
    assert_eq!((refused.base_offset, refused.log_append_time_ms), (-1, -1));
}

/// Mirrors `LogValidatorTest.testInvalidTimestampExceptionHasBatchIndex`: three records 1001 ms old, where 1000 are
/// allowed, are an invalid timestamp with three errors.
/// Mirrors `LogValidatorTest.testInvalidCreateTimeCompressedV2`: three gzipped records 1001 ms old, where 1000 are allowed,
/// are refused for their records.
/// Mirrors `LogValidatorTest.testInvalidCreateTimeNonCompressedV2`: three records 1001 ms old that are not compressed are
/// refused too, where 1000 are allowed.
/// Mirrors `LogValidatorTest.testRecordWithPastTimestampIsRejected`: three records five minutes older than the day that
/// is allowed are an invalid timestamp with three errors.
/// Mirrors `LogValidatorTest.testRecordWithFutureTimestampIsRejected`: three records five minutes later than the hour
/// that is allowed are an invalid timestamp with three errors.
/// Mirrors `ProduceRequestTest.testProduceWithInvalidTimestamp`: three records five hours away, where a second is
/// allowed, are an invalid timestamp: each is named by its index with a message, and the answer has the sentence for
/// all.
#[test]
fn every_record_of_a_time_too_far_away_is_named() {
    const HOUR: i64 = 3_600_000;
    let (before, after) = ("message.timestamp.before.max.ms", "message.timestamp.after.max.ms");
    let day = (24 * HOUR).to_string();
    let hour = HOUR.to_string();
    for (settings, away) in [
        (vec![(before, "1000")], -5 * HOUR),
        (vec![(after, "1000")], 5 * HOUR),
        (vec![(before, "1000"), (after, "1000")], -1_001),
        (vec![(before, &*day), (after, &*hour)], -24 * HOUR - 300_000),
        (vec![(before, &*day), (after, &*hour)], HOUR + 300_000),
    ] {
        let at = WALL_MS + away;
        let records = [(at, None, "hello"), (at, None, "there"), (at, None, "beautiful")];
        for codec in [Some(Codec::Gzip), None] {
            let refused = produce_with(&settings, stamped(codec, Stamp::PLAIN, &records));
            assert_eq!(refused.error, ErrorCode::INVALID_TIMESTAMP, "{settings:?}");
            assert_eq!(
                refused.error_message.as_deref(),
                Some("One or more records have been rejected due to invalid timestamp")
            );
            assert_eq!(refused.record_errors.iter().map(|error| error.batch_index).collect::<Vec<_>>(), [0, 1, 2]);
            assert!(refused.record_errors.iter().all(|error| error.message.is_some()));
        }
    }
}

/// Mirrors `LogValidatorTest.checkNoKeyCompactedTopic`: records without a key are invalid in a compacted topic, with
/// every codec and without.
#[test]
fn a_record_without_a_key_is_invalid_where_logs_are_compacted() {
    let records = [(WALL_MS, None, "a"), (WALL_MS, None, "b")];
    let compacted = [("cleanup.policy", "compact")];
    for codec in Codec::ALL {
        let refused = produce_with(&compacted, compressed(codec, &records));
        assert_eq!((refused.error, refused.record_errors.len()), (ErrorCode::INVALID_RECORD, 2), "{codec:?}");
        assert_eq!(
            refused.record_errors[0].message.as_deref(),
            Some("Compacted topic cannot accept message without key in topic partition set-0")
        );
    }
    assert_eq!(produce_with(&compacted, plain(&["a"])).error, ErrorCode::INVALID_RECORD);
}

/// Mirrors `LogValidatorTest.checkOnlyOneBatch`: two batches where one belongs are invalid, with every codec; without
/// one, see `every_kind_of_bad_batch_has_its_code`.
/// Mirrors `LogValidatorTest.checkInvalidSequence`: sequence -2 of a producer with an id is invalid, with every codec
/// and without.
#[test]
fn two_batches_and_an_impossible_sequence_are_invalid_whatever_the_codec() {
    let identity = ProducerIdentity { id: 1_234, epoch: 0 };
    let sequenced =
        forged(&sequenced(identity, 0, &["hello"]), |batch| batch[53..57].copy_from_slice(&[0xff, 0xff, 0xff, 0xfe]));
    assert_eq!(World::new().produce(0, sequenced).error, ErrorCode::INVALID_RECORD);
    for codec in Codec::ALL {
        let batch = compressed(codec, &[(WALL_MS, None, "hello")]);
        let two = Bytes::from([&batch[..], &batch[..]].concat());
        assert_eq!(World::new().produce(0, two).error, ErrorCode::INVALID_RECORD, "{codec:?}");
        let impossible = forged(&batch, |batch| {
            batch[43..51].copy_from_slice(&identity.id.to_be_bytes());
            batch[51..53].copy_from_slice(&identity.epoch.to_be_bytes());
            batch[53..57].copy_from_slice(&(-2_i32).to_be_bytes());
        });
        assert_eq!(World::new().produce(0, impossible).error, ErrorCode::INVALID_RECORD, "{codec:?}");
    }
}
