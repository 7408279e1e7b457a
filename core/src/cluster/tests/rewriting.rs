//! What a leader stores of a batch: as it came, or as the topic wants it.

use super::compressed::{forged, produce_with, stamped, with_level, world_with};
use super::*;
use crate::cluster::append::{AppendRefusal, Appended, Conditions, append};
use crate::codecs::{Codec, Codecs as _, Compression, Portable};
use crate::record_batch::{BATCH_OVERHEAD, BatchView, TimestampType, set_max_timestamp};

/// The values that Kafka's own tests write.
const VALUES: [&str; 3] = ["hello", "there", "beautiful"];

fn set() -> TopicPartition {
    TopicPartition { topic: "set".into(), partition: 0 }
}

/// A leader of the fortieth term is given a batch, whose transaction the coordinator knows.
fn append_to(world: &mut World, batch: &Bytes) -> Result<Appended, AppendRefusal> {
    let now = world.now();
    let (settings, partition) = world.cluster.topics.partition_mut(&set()).unwrap();
    let registration = &mut partition.registration;
    (registration.leader_epoch, registration.partition_epoch) = (40, 40);
    let decided = registration.clone();
    let replica = partition.replica_mut(decided.leader).unwrap();
    replica.hear(now, &decided);
    let given = Conditions {
        version: 10,
        acks: -1,
        min_isr: 1,
        now,
        internal_topics_allowed: false,
        codecs: crate::codecs::simulated(),
    };
    append(replica, settings, &set(), batch, given, |_| Ok(()))
}

/// What it stores of a batch in a new topic with these settings.
fn stored(settings: &[(&str, &str)], batch: &Bytes) -> StoredBatch {
    let mut world = world_with(settings);
    append_to(&mut world, batch).unwrap();
    world.cluster.log(&set()).unwrap().batches().last().unwrap().clone()
}

/// Offset, time and value of each record.
fn records(batch: &StoredBatch) -> Vec<(i64, i64, String)> {
    let view = batch.view();
    let plain = view.plain_records().unwrap();
    let told = view.records_in(&plain).map(|record| {
        let record = record.unwrap();
        let value = String::from_utf8(record.value.unwrap().to_vec()).unwrap();
        (view.base_offset() + i64::from(record.offset_delta), record.timestamp_ms, value)
    });
    told.collect()
}

/// A batch of empty records with these offset deltas, the last of which its header may belie.
fn numbered(codec: Option<Codec>, deltas: &[u8], last_offset_delta: i32) -> Bytes {
    // Length, attributes, timestamp delta, offset delta, null key, empty value, no headers; numbers in zig-zag.
    let plain: Vec<u8> = deltas.iter().flat_map(|delta| [6 << 1, 0, 0, delta << 1, 1, 0, 0]).collect();
    let filled = stamped(codec, Stamp::PLAIN, &vec![(WALL_MS, None, ""); deltas.len()]);
    forged(&filled, |batch| {
        batch.truncate(BATCH_OVERHEAD);
        let mut records = Vec::new();
        match codec {
            Some(codec) => Portable.compress(Compression { codec, level: 1 }, &plain, &mut records),
            None => records = plain,
        }
        batch.extend_from_slice(&records);
        batch[23..27].copy_from_slice(&last_offset_delta.to_be_bytes());
    })
}

/// Mirrors `LogValidatorTest.checkNonCompressed`: a batch of a transaction that is not compressed keeps type, base and maximum
/// of its times, producer, epoch, sequence and size, and gets the leader's epoch.
/// Mirrors `LogValidatorTest.checkCompressed`: a gzipped one does so too, where gzip or nothing is asked for.
/// Mirrors `LogValidatorTest.checkRecompression`: where the topic asks for gzip, a batch that came without is gzipped, and
/// all the rest is as before.
#[test]
fn a_batch_keeps_all_that_its_producer_said_whatever_it_is_stored_in() {
    let (first, latest, last) = (WALL_MS - 1, WALL_MS + 1, WALL_MS);
    let times = [first, latest, last];
    let identity = ProducerIdentity { id: 1_324, epoch: 10 };
    let stamp = Stamp { identity: Some(identity), base_sequence: 984, transactional: true };
    let sent: Vec<_> = times.into_iter().zip(VALUES).map(|(time, value)| (time, None, value)).collect();
    for (codec, wanted, number) in [
        (None, "producer", 0),
        (None, "uncompressed", 0),
        (Some(Codec::Gzip), "producer", 1),
        (Some(Codec::Gzip), "gzip", 1),
        (None, "gzip", 1),
        (Some(Codec::Gzip), "uncompressed", 0),
        (Some(Codec::Zstd), "snappy", 2),
    ] {
        let told = format!("{codec:?} where {wanted} is asked for");
        let settings = [
            ("compression.type", wanted),
            ("message.timestamp.before.max.ms", "1000"),
            ("message.timestamp.after.max.ms", "1000"),
        ];
        let batch = stamped(codec, stamp, &sent);
        let stored = stored(&settings, &batch);
        let view = stored.view();
        assert_eq!(
            (view.verify_crc(), view.size_bytes(), view.codec()),
            (Ok(()), stored.bytes.len(), number),
            "{told}"
        );
        assert_eq!(view.timestamp_type(), TimestampType::CreateTime);
        assert_eq!((view.base_timestamp_ms(), view.max_timestamp_ms()), (first, latest), "{told}");
        assert_eq!(stored.max_timestamp_ms, latest);
        assert_eq!((view.identity(), view.base_sequence()), (Some(identity), 984), "{told}");
        assert_eq!((view.is_transactional(), view.partition_leader_epoch()), (true, 40), "{told}");
        let expected: Vec<_> =
            (0..).zip(times).zip(VALUES).map(|((offset, time), value)| (offset, time, value.to_owned())).collect();
        assert_eq!(records(&stored), expected, "{told}");
        if BatchView::parse(&batch).unwrap().codec() == number {
            assert_eq!(stored.bytes[21..], batch[21..], "{told}");
        }
    }
}

/// Mirrors `LogValidatorTest.testRelativeOffsetAssignmentNonCompressedV2`: records that were numbered from 0 have
/// consecutive offsets from the log's end on.
/// Mirrors `LogValidatorTest.testRelativeOffsetAssignmentCompressedV2`: gzipped records that were numbered from 0 have
/// consecutive offsets from the log's end on.
#[test]
fn offsets_go_on_from_the_end_of_the_log() {
    for codec in [None, Some(Codec::Gzip)] {
        let mut world = world_with(&[]);
        for round in 0..3 {
            append_to(&mut world, &stamped(codec, Stamp::PLAIN, &VALUES.map(|value| (WALL_MS, None, value)))).unwrap();
            let log = world.cluster.log(&set()).unwrap();
            let offsets: Vec<_> =
                records(log.batches().last().unwrap()).into_iter().map(|(offset, ..)| offset).collect();
            assert_eq!(offsets, [3 * round, 3 * round + 1, 3 * round + 2], "{codec:?}");
        }
    }
}

/// Mirrors `LogValidatorTest.testDifferentLevelDoesNotCauseRecompression`: what was gzipped at the highest level is stored
/// as it came in a topic that asks for gzip at the lowest.
/// Mirrors `LogValidatorTest.testDifferentCodecCausesRecompression`: what was gzipped at the highest level is stored, in a
/// topic that asks for lz4, as a producer with lz4 would have written it.
#[test]
fn another_codec_makes_a_batch_be_compressed_anew_and_another_level_does_not() {
    let (some, data) = ("some".repeat(256), "data".repeat(256));
    let sent = [(-1, None, &*some), (-1, None, &*data)];
    let gzip = |level| with_level(Some(Compression { codec: Codec::Gzip, level }), Stamp::PLAIN, &sent);
    assert_ne!(gzip(9), gzip(1));
    let same = stored(&[("compression.type", "gzip"), ("compression.gzip.level", "1")], &gzip(9));
    assert_eq!(same.bytes[16..], gzip(9)[16..]);
    let other = stored(&[("compression.type", "lz4"), ("compression.lz4.level", "1")], &gzip(9));
    assert_eq!(other.bytes[16..], stamped(Some(Codec::Lz4), Stamp::PLAIN, &sent)[16..]);
}

#[test]
fn a_batch_that_grows_too_large_when_it_is_rewritten_is_refused() {
    let zeros = "0".repeat(2_000);
    let small = stamped(Some(Codec::Gzip), Stamp::PLAIN, &[(WALL_MS, None, &zeros)]);
    let limit = ("max.message.bytes", "1000");
    assert!(small.len() < 1_000);
    assert_eq!(produce_with(&[limit], small.clone()).error, ErrorCode::NONE);
    let refused = produce_with(&[limit, ("compression.type", "uncompressed")], small);
    assert_eq!((refused.error, refused.log_start_offset), (ErrorCode::MESSAGE_TOO_LARGE, -1));
}

#[test]
fn headers_and_nulls_outlive_another_codec() {
    use crate::record::Header;
    let mut builder = BatchBuilder::new(BytesMut::new(), 1 << 20);
    let headers = [Header { key: "k", value: Some(b"v") }, Header { key: "k", value: None }];
    builder.try_append(WALL_MS, Some(b""), None, &headers).unwrap();
    builder.try_append(WALL_MS + 7, None, Some(b""), &[]).unwrap();
    let batch = builder.close(Stamp::PLAIN);
    let stored = stored(&[("compression.type", "zstd")], &batch);
    assert_eq!(stored.view().codec(), 4);
    let plain = stored.view().plain_records().unwrap().into_owned();
    assert_eq!(plain, batch[BATCH_OVERHEAD..]);
}

/// What LogAppendTime makes of three records of another time.
fn clocked(codec: Option<Codec>, wanted: &str) -> (Bytes, StoredBatch) {
    let batch = stamped(codec, Stamp::PLAIN, &VALUES.map(|value| (1_234, None, value)));
    let stored = stored(&[("compression.type", wanted), ("message.timestamp.type", "LogAppendTime")], &batch);
    let view = stored.view();
    assert_eq!((view.verify_crc(), view.timestamp_type()), (Ok(()), TimestampType::LogAppendTime));
    assert_eq!((view.base_timestamp_ms(), view.max_timestamp_ms()), (1_234, WALL_MS));
    assert_eq!(stored.max_timestamp_ms, WALL_MS);
    assert_eq!(records(&stored).into_iter().map(|(_, time, _)| time).collect::<Vec<_>>(), [WALL_MS; 3]);
    (batch, stored)
}

/// Mirrors `LogValidatorTest.checkLogAppendTimeNonCompressed`: with LogAppendTime, a batch that is not compressed has the
/// broker's time as its maximum and in every record, its own base time, and its size.
/// Mirrors `LogValidatorTest.checkLogAppendTimeWithoutRecompression`: with LogAppendTime, a gzipped batch has the broker's
/// time as its maximum and in every record, its own base time, and its size.
/// Mirrors `LogValidatorTest.checkLogAppendTimeWithRecompression`: with LogAppendTime, a batch that is compressed anew has
/// the broker's time as its maximum and in every record, its own base time, and all its records; the old format that is
/// the cause there is a codec here.
#[test]
fn log_append_time_is_the_brokers_whatever_the_batch_is_stored_in() {
    for (codec, wanted) in [(None, "producer"), (Some(Codec::Gzip), "gzip")] {
        let (sent, stored) = clocked(codec, wanted);
        assert_eq!(stored.bytes.len(), sent.len(), "{codec:?}");
    }
    for (codec, wanted, number) in [(Some(Codec::Gzip), "lz4", 3), (None, "gzip", 1)] {
        assert_eq!(clocked(codec, wanted).1.view().codec(), number);
    }
}

/// Mirrors `LogValidatorTest.testValidationOfBatchesWithNonSequentialInnerOffsets`: twenty gzipped records that are all
/// numbered 0, as the batch says that its last is, are invalid.
/// Mirrors `LogValidatorTest.testNonIncreasingOffsetRecordBatchHasMetricsLogged`: three records numbered 0, 2 and 3 are
/// invalid, wherever the batch begins. What Kafka counts of them nobody counts here.
#[test]
fn a_range_of_offsets_that_does_not_fit_the_count_is_invalid() {
    for batch in [
        numbered(Some(Codec::Gzip), &[0; 20], 0),
        numbered(None, &[0, 2, 3], 3),
        forged(&numbered(None, &[0, 2, 3], 3), |batch| batch[..8].copy_from_slice(&(-1_i64).to_be_bytes())),
    ] {
        assert_eq!(produce_with(&[], batch).error, ErrorCode::INVALID_RECORD);
    }
}

#[test]
fn records_that_are_numbered_wrongly_in_a_fitting_range_are_numbered_anew_by_another_codec_alone() {
    let batch = numbered(Some(Codec::Gzip), &[0, 0, 2], 2);
    let refused = produce_with(&[], batch);
    assert_eq!((refused.error, refused.log_start_offset), (ErrorCode::UNKNOWN_SERVER_ERROR, 0), "it is Kafka's slip");
    for (codec, wanted, expected) in
        [(None, "gzip", [0, 1, 2]), (Some(Codec::Gzip), "uncompressed", [0, 1, 2]), (None, "producer", [0, 0, 2])]
    {
        let stored = stored(&[("compression.type", wanted)], &numbered(codec, &[0, 0, 2], 2));
        let offsets: Vec<_> = records(&stored).into_iter().map(|(offset, ..)| offset).collect();
        assert_eq!((offsets, stored.last_offset), (expected.to_vec(), 2), "{codec:?} {wanted}");
    }
}

#[test]
fn half_an_identity_is_stored_as_it_is_and_never_written_anew() {
    let without_epoch = forged(&plain(&["a"]), |batch| {
        batch[43..51].copy_from_slice(&7_i64.to_be_bytes());
        batch[53..57].copy_from_slice(&0_i32.to_be_bytes());
    });
    assert_eq!(stored(&[], &without_epoch).view().producer_epoch(), -1);
    let rewritten = [("compression.type", "gzip")];
    assert_eq!(produce_with(&rewritten, without_epoch).error, ErrorCode::UNKNOWN_SERVER_ERROR);
    let without_id = forged(&plain(&["a"]), |batch| batch[51..53].copy_from_slice(&7_i16.to_be_bytes()));
    let stored = stored(&rewritten, &without_id);
    assert_eq!((stored.view().producer_id(), stored.view().producer_epoch()), (-1, 7));
}

#[test]
fn a_time_before_1970_is_stored_as_it_is_and_never_written_anew() {
    let batch = stamped(None, Stamp::PLAIN, &[(-5, None, "v")]);
    let stored = stored(&[], &batch);
    assert_eq!((stored.max_timestamp_ms, records(&stored)[0].1), (-1, -5), "the maximum is none");
    let refused = produce_with(&[("compression.type", "gzip")], batch);
    assert_eq!((refused.error, refused.log_start_offset), (ErrorCode::UNKNOWN_SERVER_ERROR, 0));
}

#[test]
fn a_producer_that_gives_its_times_out_as_a_brokers_is_refused() {
    let clocked = ("message.timestamp.type", "LogAppendTime");
    let pretend = |codec| {
        let mut batch = BytesMut::from(&stamped(codec, Stamp::PLAIN, &[(WALL_MS, None, "hello")])[..]);
        set_max_timestamp(&mut batch, TimestampType::LogAppendTime, WALL_MS);
        batch.freeze()
    };
    for (codec, wanted, record) in [
        (None, "producer", "DefaultRecord(offset=0, timestamp=1700000000000, key=0 bytes, value=5 bytes)"),
        (
            Some(Codec::Gzip),
            "gzip",
            "PartialDefaultRecord(offset=0, timestamp=1700000000000, key=-1 bytes, value=5 bytes)",
        ),
        (Some(Codec::Gzip), "lz4", "DefaultRecord(offset=0, timestamp=1700000000000, key=0 bytes, value=5 bytes)"),
    ] {
        let refused = produce_with(&[clocked, ("compression.type", wanted)], pretend(codec));
        assert_eq!((refused.error, refused.record_errors.len()), (ErrorCode::INVALID_TIMESTAMP, 1));
        let sentence = format!(
            "Invalid timestamp type in message {record}. Producer should not set timestamp type to LogAppendTime."
        );
        assert_eq!(refused.record_errors[0].message.as_deref(), Some(&*sentence));
    }
    assert_eq!(
        produce_with(&[], pretend(None)).error,
        ErrorCode::NONE,
        "where it is the producer's, it counts as that"
    );
}
