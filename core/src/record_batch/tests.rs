use proptest::prelude::*;

use super::*;
use crate::record::Header;

mod foreign;

const TS: i64 = 1_700_000_000_000;

fn builder() -> BatchBuilder {
    BatchBuilder::new(BytesMut::with_capacity(16_384), 16_384)
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().map(|c| u8::try_from(c.to_digit(16).unwrap()).unwrap()).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// What `MemoryRecordsBuilder` of kafka-clients 4.3.1 writes for the batches built below.
const B1: &str = "00000000000000000000003dffffffff02e641a44b0000000000000000018bcfe568000000018bcfe56800ffffffffffffffffffffffffffff0000000116000000010a68656c6c6f00";
const B2: &str = "00000000000000000000004cffffffff0212e56fb60000000000010000018bcfe568000000018bcfe5680500000000000010920003000000070000000222000000046b310476310402680278026e0110000a02046b320100";
const B3: &str = "00000000000000000000003affffffff02c0a597380010000000000000018bcfe568000000018bcfe5680000000000000000010000000000000000000110000000026b027600";

const B2_STAMP: Stamp =
    Stamp { identity: Some(ProducerIdentity { id: 4242, epoch: 3 }), base_sequence: 7, transactional: false };

fn b1() -> Bytes {
    let mut batch = builder();
    batch.try_append(TS, None, Some(b"hello"), &[]);
    batch.close(Stamp::PLAIN)
}

fn b2() -> Bytes {
    let mut batch = builder();
    let headers = [Header { key: "h", value: Some(b"x") }, Header { key: "n", value: None }];
    assert_eq!(batch.try_append(TS, Some(b"k1"), Some(b"v1"), &headers), Some(0));
    assert_eq!(batch.try_append(TS + 5, Some(b"k2"), None, &[]), Some(1));
    batch.close(B2_STAMP)
}

#[test]
fn a_single_record_without_idempotence_has_the_java_clients_bytes() {
    assert_eq!(b1(), from_hex(B1));
}

#[test]
fn keys_headers_and_null_values_have_the_java_clients_bytes() {
    assert_eq!(b2(), from_hex(B2));
}

#[test]
fn a_transactional_batch_has_the_java_clients_bytes() {
    let mut batch = builder();
    batch.try_append(TS, Some(b"k"), Some(b"v"), &[]);
    let identity = Some(ProducerIdentity { id: 1, epoch: 0 });
    assert_eq!(batch.close(Stamp { identity, base_sequence: 0, transactional: true }), from_hex(B3));
}

#[test]
fn a_batch_reads_back_field_by_field() {
    let bytes = from_hex(B2);
    let batch = BatchView::parse(&bytes).unwrap();
    batch.verify_crc().unwrap();
    assert_eq!((batch.base_offset(), batch.last_offset(), batch.partition_leader_epoch()), (0, 1, -1));
    assert_eq!((batch.codec(), batch.is_transactional(), batch.is_control()), (0, false, false));
    assert_eq!(batch.timestamp_type(), TimestampType::CreateTime);
    assert_eq!((batch.base_timestamp_ms(), batch.max_timestamp_ms()), (TS, TS + 5));
    assert_eq!(batch.identity(), Some(ProducerIdentity { id: 4242, epoch: 3 }));
    assert_eq!((batch.base_sequence(), batch.last_sequence(), batch.record_count()), (7, 8, 2));
    let records: Vec<_> = batch.records().map(Result::unwrap).collect();
    assert_eq!((records[0].key, records[0].value), (Some(&b"k1"[..]), Some(&b"v1"[..])));
    assert_eq!(
        records[0].headers.clone().collect::<Vec<_>>(),
        [HeaderView { key: b"h", value: Some(b"x") }, HeaderView { key: b"n", value: None }]
    );
    assert_eq!((records[1].offset_delta, records[1].timestamp_ms, records[1].value), (1, TS + 5, None));
    assert_eq!(records[1].headers.len(), 0);
}

#[test]
fn batches_of_16384_bytes_fill_as_in_the_java_client() {
    // Value bytes, key bytes, records in the batch, bytes of the batch: RecordAccumulator of kafka-clients 4.3.1.
    let reference: [(usize, Option<usize>, u32, usize); 8] = [
        (0, None, 2048, 16_381),
        (10, None, 910, 16_377),
        (100, None, 148, 16_277),
        (100, Some(8), 138, 16_281),
        (1_024, None, 15, 15_556),
        (8_000, None, 2, 16_079),
        (16_300, None, 1, 16_372),
        (20_000, None, 1, 20_072),
    ];
    for (value, key, count, size) in reference {
        let (value, key) = (vec![b'v'; value], key.map(|key| vec![b'k'; key]));
        let (value, key) = (Some(&value[..]), key.as_deref());
        let limit = record_size_upper_bound(key, value, &[]).max(16_384);
        let mut batch = BatchBuilder::new(BytesMut::new(), limit);
        while batch.has_room_for(TS, key, value, &[]) {
            assert_eq!(batch.try_append(TS, key, value, &[]), Some(batch.count() - 1));
        }
        assert_eq!((batch.count(), batch.size_bytes()), (count, size));
        assert_eq!(batch.try_append(TS, key, value, &[]), None);
        assert_eq!((batch.count(), batch.size_bytes()), (count, size), "a refused record leaves no trace");
    }
}

#[test]
fn a_record_larger_than_batch_size_leaves_its_batch_open_for_small_ones() {
    let value = vec![0; 20_000];
    let limit = record_size_upper_bound(None, Some(&value), &[]);
    assert_eq!(limit, 20_087);
    let mut batch = BatchBuilder::new(BytesMut::with_capacity(limit), limit);
    batch.try_append(TS, None, Some(&value), &[]);
    assert!(!batch.is_full());
    assert!(!batch.has_room_for(TS, None, Some(&[0; 9]), &[]));
    assert_eq!(batch.try_append(TS, None, Some(&[0; 8]), &[]), Some(1));
    assert!(batch.is_full());
}

#[test]
fn the_largest_value_under_the_default_max_request_size_is_the_java_clients() {
    assert_eq!(record_size_upper_bound(None, Some(&vec![0; 1_048_489]), &[]), 1_048_576);
    assert_eq!(record_size_upper_bound(None, Some(&vec![0; 1_048_490]), &[]), 1_048_577);
}

/// Mirrors `RecordAccumulatorTest.testHasRoomForAllowsOversizedFirstRecordButRejectsSubsequentRecords`: a batch of 1024
/// bytes takes a first record of 4096, and after it neither another of those nor one of 100.
#[test]
fn a_first_record_is_taken_whatever_its_size_and_then_nothing_that_does_not_fit() {
    let mut batch = BatchBuilder::new(BytesMut::with_capacity(1_024), 1_024);
    let (large, small) = ([b'l'; 4 * 1_024], [b's'; 100]);
    assert!(batch.try_append(TS, Some(b"key"), Some(&large), &[]).is_some());
    assert_eq!(batch.count(), 1);
    assert_eq!(batch.try_append(TS, Some(b"key"), Some(&large), &[]), None);
    assert_eq!(batch.try_append(TS, Some(b"key"), Some(&small), &[]), None, "not even that");
}

/// Mirrors `ProducerBatchTest.testShouldNotAttemptAppendOnceRecordsBuilderIsClosedForAppends`: a batch with room takes
/// no further record once it is closed for appends.
#[test]
fn a_batch_closed_for_appends_is_full_and_takes_nothing() {
    let mut batch = builder();
    assert!(batch.try_append(TS, None, Some(&[0; 10]), &[]).is_some());
    assert!(!batch.is_full());
    assert!(batch.clone().try_append(TS, None, Some(&[0; 10]), &[]).is_some(), "there would be room");
    batch.close_for_appends();
    assert!(batch.is_full());
    assert_eq!(batch.try_append(TS, None, Some(&[0; 10]), &[]), None);
}

#[test]
fn a_clone_of_an_open_batch_goes_its_own_way_without_growing() {
    let mut one = builder();
    one.try_append(TS, None, Some(b"both"), &[]);
    let mut other = one.clone();
    other.try_append(TS, None, Some(b"only here"), &[]);
    assert_eq!((one.count(), other.count()), (1, 2));
    assert_eq!(other.into_buffer().capacity(), 16_384);
}

#[test]
fn the_buffer_of_a_closed_batch_comes_back_with_all_its_capacity() {
    let buffer = b1().try_into_mut().expect("the only handle");
    assert_eq!(buffer.capacity(), 16_384);
}

#[test]
fn a_new_epoch_rewrites_the_only_handle_in_place_and_spares_a_shared_one() {
    let bumped = Stamp { identity: Some(ProducerIdentity { id: 4242, epoch: 4 }), base_sequence: 0, ..B2_STAMP };
    let (alone, shared) = (b2(), b2());
    let still_in_flight = shared.clone();
    let address = alone.as_ptr();
    let alone = restamp(alone, bumped);
    assert_eq!(alone.as_ptr(), address);
    assert_eq!(restamp(shared, bumped), alone);
    assert_eq!(still_in_flight, from_hex(B2));
    let view = BatchView::parse(&alone).unwrap();
    view.verify_crc().unwrap();
    assert_eq!((view.producer_epoch(), view.base_sequence()), (4, 0));
    assert_eq!(restamp(alone, B2_STAMP), from_hex(B2));
}

#[test]
fn offset_and_leader_epoch_leave_the_crc_valid() {
    let mut bytes = from_hex(B2);
    set_base_offset(&mut bytes, 41);
    set_partition_leader_epoch(&mut bytes, 6);
    let batch = BatchView::parse(&bytes).unwrap();
    batch.verify_crc().unwrap();
    assert_eq!((batch.base_offset(), batch.last_offset(), batch.partition_leader_epoch()), (41, 42, 6));
}

#[test]
fn log_append_time_becomes_the_time_of_every_record() {
    let mut bytes = from_hex(B2);
    set_max_timestamp(&mut bytes, TimestampType::LogAppendTime, 99);
    let batch = BatchView::parse(&bytes).unwrap();
    batch.verify_crc().unwrap();
    assert_eq!((batch.timestamp_type(), batch.max_timestamp_ms()), (TimestampType::LogAppendTime, 99));
    assert_eq!(batch.records().map(|record| record.unwrap().timestamp_ms).collect::<Vec<_>>(), [99, 99]);
    set_max_timestamp(&mut bytes, TimestampType::CreateTime, TS + 5);
    assert_eq!(bytes, from_hex(B2));
}

/// Mirrors `DefaultRecordBatchTest.testIncrementSequence`: five and five are ten, after the largest comes zero, and ten
/// from the largest but five are four.
/// Mirrors `DefaultRecordBatchTest.testDecrementSequence`: counted back, five from five are zero, and one from zero is the
/// largest.
#[test]
fn sequences_wrap_to_zero_after_the_largest() {
    assert_eq!(increment_sequence(5, 1), 6);
    assert_eq!(increment_sequence(5, 5), 10);
    assert_eq!(increment_sequence(i32::MAX - 5, 10), 4);
    assert_eq!(increment_sequence(i32::MAX, 1), 0);
    assert_eq!(increment_sequence(i32::MAX - 1, 4), 2);
    assert_eq!(increment_sequence(5, -5), 0);
    assert_eq!(increment_sequence(0, -1), i32::MAX);
}

#[test]
fn what_is_not_a_whole_batch_is_named() {
    let good = from_hex(B1);
    let changed = |at: usize, with: &[u8]| {
        let mut bytes = good.clone();
        bytes[at..at + with.len()].copy_from_slice(with);
        bytes
    };
    assert_eq!(BatchView::parse(&[]), Err(BatchError::HeaderCutShort { available: 0 }));
    assert_eq!(BatchView::parse(&good[..60]), Err(BatchError::HeaderCutShort { available: 60 }));
    assert_eq!(BatchView::parse(&good[..72]), Err(BatchError::CutShort { needed: 73, available: 72 }));
    assert_eq!(BatchView::parse(&changed(16, &[1])), Err(BatchError::Magic(1)));
    assert_eq!(BatchView::parse(&changed(8, &(-1_i32).to_be_bytes())), Err(BatchError::Length(-1)));
    assert_eq!(BatchView::parse(&changed(8, &48_i32.to_be_bytes())), Err(BatchError::Length(48)));
    let flipped = changed(72, &[1]);
    assert!(matches!(
        BatchView::parse(&flipped).unwrap().verify_crc(),
        Err(BatchError::Crc { stored: 0xe641_a44b, .. })
    ));
}

#[test]
fn damage_among_the_records_is_the_last_item_and_says_where() {
    let errors = |mut bytes: Vec<u8>, at: usize, with: u8| {
        bytes[at] = with;
        BatchView::parse(&bytes).unwrap().records().filter_map(Result::err).collect::<Vec<_>>()
    };
    let good = from_hex(B1);
    assert_eq!(errors(good.clone(), 61, 0x18), [BatchError::Record { index: 0 }], "longer than the batch");
    assert_eq!(errors(good.clone(), 61, 0x14), [BatchError::Record { index: 0 }], "shorter than its parts");
    assert_eq!(errors(good.clone(), 72, 2), [BatchError::Record { index: 0 }], "a header too many");
    assert_eq!(errors(good.clone(), 60, 2), [BatchError::Record { index: 1 }], "a record too few");
    assert_eq!(errors(good.clone(), 60, 0), [BatchError::Trailing { bytes: 12 }], "a record too many");
    assert_eq!(errors(good.clone(), 57, 0x80), [BatchError::RecordCount(i32::MIN + 1)]);
    assert_eq!(errors(good, 22, 4), [BatchError::Compressed(4)]);
}

#[test]
fn batches_one_after_the_other_are_told_apart() {
    let mut log = [from_hex(B1), from_hex(B2), from_hex(B3)].concat();
    let sizes = |log: &[u8]| batches(log).map(|batch| batch.map(|batch| batch.size_bytes())).collect::<Vec<_>>();
    assert_eq!(sizes(&log), [Ok(73), Ok(88), Ok(70)]);
    log.truncate(200);
    assert_eq!(sizes(&log), [Ok(73), Ok(88), Err(BatchError::HeaderCutShort { available: 39 })]);
}

type OwnedHeader = (String, Option<Vec<u8>>);
type OwnedRecord = (i64, Option<Vec<u8>>, Option<Vec<u8>>, Vec<OwnedHeader>);

fn any_record() -> impl Strategy<Value = OwnedRecord> {
    let bytes = || prop::option::of(prop::collection::vec(any::<u8>(), 0..200));
    (0..i64::MAX, bytes(), bytes(), prop::collection::vec((any::<String>(), bytes()), 0..4))
}

proptest! {
    #[test]
    fn whatever_is_written_reads_back(records in prop::collection::vec(any_record(), 1..20)) {
        let mut batch = BatchBuilder::new(BytesMut::new(), usize::MAX);
        for (ts, key, value, headers) in &records {
            let headers: Vec<_> = headers.iter().map(|(key, value)| Header { key, value: value.as_deref() }).collect();
            let before = batch.size_bytes();
            batch.try_append(*ts, key.as_deref(), value.as_deref(), &headers).unwrap();
            let bound = record_size_upper_bound(key.as_deref(), value.as_deref(), &headers);
            prop_assert!(batch.size_bytes() - before <= bound - BATCH_OVERHEAD);
        }
        let bytes = batch.close(Stamp::PLAIN);
        let view = BatchView::parse(&bytes).unwrap();
        view.verify_crc().unwrap();
        prop_assert_eq!(view.base_timestamp_ms(), records[0].0);
        prop_assert_eq!(view.max_timestamp_ms(), records.iter().map(|record| record.0).max().unwrap());
        let read: Vec<OwnedRecord> = view
            .records()
            .map(|record| {
                let record = record.unwrap();
                let text = |key: &[u8]| String::from_utf8(key.to_vec()).unwrap();
                let headers = record.headers.map(|header| (text(header.key), header.value.map(<[u8]>::to_vec)));
                (record.timestamp_ms, record.key.map(<[u8]>::to_vec), record.value.map(<[u8]>::to_vec), headers.collect())
            })
            .collect();
        prop_assert_eq!(read, records);
    }

    #[test]
    fn bytes_from_anywhere_are_read_or_refused_but_never_panic(
        mut bytes in prop::sample::select(vec![B1, B2, B3]).prop_map(from_hex),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        end in any::<prop::sample::Index>(),
    ) {
        for (at, with) in changes {
            let at = at.index(bytes.len());
            bytes[at] = with;
        }
        let end = end.index(2 * bytes.len()).min(bytes.len());
        for batch in batches(&bytes[..end]).flatten() {
            let ended_well = batch.records().all(|record| record.is_ok());
            let count = batch.records().flatten().inspect(|record| _ = record.headers.clone().count()).count();
            prop_assert!(!ended_well || i32::try_from(count) == Ok(batch.record_count()));
            _ = batch.verify_crc();
        }
    }
}
