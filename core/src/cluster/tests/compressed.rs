//! Compressed batches: what a broker looks at, and what it stores.

use super::*;
use crate::codecs::{Codec, Compression, Portable};
use crate::protocol::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use crate::record_batch::{Estimate, TimestampType, set_max_timestamp};

/// A batch of these (timestamp, key, value).
fn compressed(codec: Codec, records: &[(i64, Option<&str>, &str)]) -> Bytes {
    let compression = Compression { codec, level: codec.default_level().unwrap_or_default() };
    let mut builder =
        BatchBuilder::new(BytesMut::new(), 1 << 20).compressed(Some(Estimate { compression, ratio: 1.0 }));
    for (timestamp_ms, key, value) in records {
        let key = key.map(str::as_bytes);
        builder.try_append(*timestamp_ms, key, Some(value.as_bytes()), &[]).expect("it fits");
    }
    builder.close_with(Stamp::PLAIN, &Portable).bytes
}

/// The same with bytes changed and a fitting CRC.
fn forged(batch: &Bytes, change: impl FnOnce(&mut BytesMut)) -> Bytes {
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
