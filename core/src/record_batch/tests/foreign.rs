//! Batches and records as Kafka's own tests build, change and damage them.

use super::*;

const BASE_OFFSET: i64 = 1_234_567;

/// A batch of records "a", "b", "c" … of the times 1, 2, 3 …, moved to an offset as a broker does.
fn letters(count: u8, stamp: Stamp, base_offset: i64) -> Vec<u8> {
    let mut batch = builder();
    for number in 0..count {
        let (key, timestamp) = ([b'a' + number], i64::from(number) + 1);
        batch.try_append(timestamp, Some(&key), Some(b"v"), &[]).expect("there is room");
    }
    let mut bytes = batch.close(stamp).to_vec();
    set_base_offset(&mut bytes, base_offset);
    bytes
}

fn stamp(base_sequence: i32) -> Stamp {
    Stamp { identity: Some(ProducerIdentity { id: 23_423, epoch: 145 }), base_sequence, transactional: false }
}

fn read(bytes: &[u8]) -> BatchView<'_> {
    let batch = BatchView::parse(bytes).expect("a batch");
    batch.verify_crc().expect("sound");
    batch
}

/// Mirrors `DefaultRecordBatchTest.buildDefaultRecordBatch`: two records at an offset make a valid batch with that
/// offset and the next, the larger timestamp, and no producer id, epoch or sequence; its records are valid.
#[test]
fn a_batch_of_nobody_has_neither_id_nor_epoch_nor_sequence() {
    let bytes = letters(2, Stamp::PLAIN, BASE_OFFSET);
    let batch = read(&bytes);
    assert_eq!((batch.base_offset(), batch.last_offset()), (BASE_OFFSET, BASE_OFFSET + 1));
    assert_eq!((batch.max_timestamp_ms(), batch.identity()), (2, None));
    assert_eq!((batch.producer_epoch(), batch.base_sequence(), batch.last_sequence()), (-1, -1, -1));
    assert!(batch.records().all(|record| record.is_ok()));
}

/// Mirrors `DefaultRecordBatchTest.buildDefaultRecordBatchWithProducerId`: the same with producer id, epoch and first
/// sequence, and the last sequence one further.
#[test]
fn a_batch_of_a_producer_carries_its_id_epoch_and_sequences() {
    let bytes = letters(2, stamp(983), BASE_OFFSET);
    let batch = read(&bytes);
    assert_eq!((batch.base_offset(), batch.last_offset()), (BASE_OFFSET, BASE_OFFSET + 1));
    assert_eq!(batch.max_timestamp_ms(), 2);
    assert_eq!(batch.identity(), Some(ProducerIdentity { id: 23_423, epoch: 145 }));
    assert_eq!((batch.base_sequence(), batch.last_sequence()), (983, 984));
    assert!(batch.records().all(|record| record.is_ok()));
}

/// Mirrors `DefaultRecordBatchTest.buildDefaultRecordBatchWithSequenceWrapAround`: three records from the largest
/// sequence but one have that, the largest, and zero, which is the last sequence of the batch.
#[test]
fn sequences_of_a_batch_go_on_from_zero_after_the_largest() {
    let bytes = letters(3, stamp(i32::MAX - 1), BASE_OFFSET);
    let batch = read(&bytes);
    assert_eq!(batch.identity(), Some(ProducerIdentity { id: 23_423, epoch: 145 }));
    assert_eq!((batch.base_sequence(), batch.last_sequence()), (i32::MAX - 1, 0));
    let sequence = |record: RecordView<'_>| increment_sequence(batch.base_sequence(), record.offset_delta);
    let sequences: Vec<_> = batch.records().map(|record| sequence(record.expect("sound"))).collect();
    assert_eq!(sequences, [i32::MAX - 1, i32::MAX, 0]);
}

/// Mirrors `DefaultRecordBatchTest.testSizeInBytes`: the size computed for four records, with nulls and headers, is
/// that of the batch they make.
/// Mirrors `MemoryRecordsBuilderTest.testEstimatedSizeInBytes`: the estimate grows with every record, and without
/// compression is the size of the batch in the end. (With compression it is an estimate until the batch is closed, when
/// its bytes are there to be counted.)
#[test]
fn the_size_is_known_before_the_batch_is_closed() {
    let headers = [Header { key: "foo", value: Some(b"value") }, Header { key: "bar", value: None }];
    let (key, value) = (Some(&b"key"[..]), Some(&b"value"[..]));
    let mut batch = builder();
    let mut sizes = vec![batch.size_bytes()];
    for (later, key, value, headers) in
        [(0, key, value, &[][..]), (30_000, None, value, &[]), (60_000, key, None, &[]), (60_000, key, value, &headers)]
    {
        batch.try_append(TS + later, key, value, headers).expect("there is room");
        sizes.push(batch.size_bytes());
    }
    assert!(sizes.is_sorted_by(|one, next| one < next), "{sizes:?}");
    assert_eq!(batch.close(Stamp::PLAIN).len(), *sizes.last().expect("five"));
}

/// Mirrors `MemoryRecordsBuilderTest.buildUsingCreateTime`: records of the times 0, 2 and 1 keep them, and the batch
/// has 2 as its largest and the type CreateTime.
#[test]
fn times_are_kept_as_they_come_and_the_largest_is_the_batchs() {
    let mut batch = builder();
    for (timestamp, key) in [(0, b"a"), (2, b"b"), (1, b"c")] {
        batch.try_append(timestamp, Some(key), Some(b"1"), &[]).expect("there is room");
    }
    let bytes = batch.close(Stamp::PLAIN);
    let batch = read(&bytes);
    assert_eq!((batch.max_timestamp_ms(), batch.timestamp_type()), (2, TimestampType::CreateTime));
    let times: Vec<_> = batch.records().map(|record| record.expect("sound").timestamp_ms).collect();
    assert_eq!(times, [0, 2, 1]);
}

/// Mirrors `MemoryRecordsBuilderTest.testSmallWriteLimit`: with a limit of zero a batch is not full and has room for a
/// first record, is full and has none after it, and holds that record.
#[test]
fn without_any_room_one_record_is_taken_all_the_same() {
    let (key, value) = (Some(&b"foo"[..]), Some(&b"bar"[..]));
    let mut batch = BatchBuilder::new(BytesMut::with_capacity(512), 0);
    assert!(!batch.is_full() && batch.has_room_for(0, key, value, &[]));
    batch.try_append(0, key, value, &[]).expect("the first one");
    assert!(batch.is_full() && !batch.has_room_for(0, key, value, &[]));
    let bytes = batch.close(Stamp::PLAIN);
    let records: Vec<_> = read(&bytes).records().map(|record| record.expect("sound")).collect();
    assert_eq!(records.iter().map(|record| (record.key, record.value)).collect::<Vec<_>>(), [(key, value)]);
}

/// Mirrors `DefaultRecordBatchTest.testInvalidRecordSize`: a batch whose length field says ten is corrupt.
/// Mirrors `DefaultRecordBatchTest.testInvalidCrc`: a batch whose last offset was changed behind its CRC is corrupt.
#[test]
fn a_batch_that_was_changed_behind_its_crc_is_not_sound() {
    let mut bytes = letters(3, Stamp::PLAIN, 0);
    let mut short = bytes.clone();
    short[8..12].copy_from_slice(&10_i32.to_be_bytes());
    assert_eq!(BatchView::parse(&short), Err(BatchError::Length(10)));
    bytes[23..27].copy_from_slice(&23_i32.to_be_bytes());
    assert!(matches!(BatchView::parse(&bytes).expect("a batch").verify_crc(), Err(BatchError::Crc { .. })));
}

/// Mirrors `DefaultRecordBatchTest.testInvalidRecordCountTooManyNonCompressedV2`: three records counted as five are
/// found out when they are read.
/// Mirrors `DefaultRecordBatchTest.testInvalidRecordCountTooLittleNonCompressedV2`: three records counted as two are
/// found out when they are read.
#[test]
fn a_count_that_is_not_that_of_the_records_is_found_when_they_are_read() {
    for count in [5, 2] {
        let mut bytes = letters(3, Stamp::PLAIN, 0);
        bytes[57..61].copy_from_slice(&i32::to_be_bytes(count));
        let ends_well = BatchView::parse(&bytes).expect("a batch").records().all(|record| record.is_ok());
        assert!(!ends_well, "{count} of 3");
    }
}

/// Mirrors `DefaultRecordBatchTest.testSetLastOffset`: moved so that its last offset is 500, a valid batch of three
/// begins at 498, and its records have the offsets from there.
/// Mirrors `DefaultRecordBatchTest.testSetPartitionLeaderEpoch`: with a leader epoch written into it the batch is valid
/// and has it.
/// Mirrors `DefaultRecordBatchTest.testSetLogAppendTime`: with a log append time written into it the batch is valid,
/// has its type and largest timestamp, and every record has that time.
#[test]
fn what_a_broker_writes_into_a_batch_leaves_it_sound() {
    let (last, count) = (500, 3);
    let mut bytes = letters(count, Stamp::PLAIN, last - i64::from(count) + 1);
    let batch = read(&bytes);
    assert_eq!((batch.base_offset(), batch.last_offset()), (498, last));
    let offset = |record: RecordView<'_>| batch.base_offset() + i64::from(record.offset_delta);
    let offsets: Vec<_> = batch.records().map(|record| offset(record.expect("sound"))).collect();
    assert_eq!(offsets, [498, 499, 500]);
    set_partition_leader_epoch(&mut bytes, 500);
    assert_eq!(read(&bytes).partition_leader_epoch(), 500);
    set_max_timestamp(&mut bytes, TimestampType::LogAppendTime, 15);
    let batch = read(&bytes);
    assert_eq!((batch.timestamp_type(), batch.max_timestamp_ms()), (TimestampType::LogAppendTime, 15));
    assert!(batch.records().all(|record| record.expect("sound").timestamp_ms == 15));
    assert_eq!(batches(&bytes).count(), 1);
}

/// Mirrors `DefaultRecordTest.testBasicSerde`: five records, with and without key, value and headers, read back with
/// offset, sequence, timestamp, key, value and headers, and take as many bytes as was said.
#[test]
fn keys_values_and_headers_read_back_whether_they_are_null_or_not() {
    let headers = [
        Header { key: "foo", value: Some(b"value") },
        Header { key: "bar", value: None },
        Header { key: "\"A\u{ea}\u{f1}\u{fc}C\"", value: Some(b"value") },
    ];
    let (hi, there) = (Some(&b"hi"[..]), Some(&b"there"[..]));
    let records: [(_, _, &[Header<'_>]); 5] =
        [(hi, there, &[]), (None, there, &[]), (hi, None, &[]), (None, None, &[]), (hi, there, &headers)];
    let mut batch = builder();
    for (number, (key, value, headers)) in (0..).zip(records) {
        batch.try_append(TS + 323 * number, key, value, headers).expect("there is room");
    }
    let size = batch.size_bytes();
    let mut bytes = batch.close(stamp(723)).to_vec();
    assert_eq!(bytes.len(), size);
    set_base_offset(&mut bytes, 37);
    let batch = read(&bytes);
    for (number, (told, (key, value, headers))) in (0..).zip(batch.records().zip(records)) {
        let told = told.expect("sound");
        assert_eq!(batch.base_offset() + i64::from(told.offset_delta), 37 + number);
        assert_eq!(i64::from(batch.base_sequence()) + i64::from(told.offset_delta), 723 + number);
        assert_eq!((told.timestamp_ms, told.key, told.value), (TS + 323 * number, key, value));
        let expected = headers.iter().map(|header| HeaderView { key: header.key.as_bytes(), value: header.value });
        assert_eq!(told.headers.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }
}

/// Does a batch with this one record, after its length, read well?
fn reads(declared: i32, body: &[u8]) -> bool {
    let mut bytes = letters(1, Stamp::PLAIN, 0);
    bytes.truncate(BATCH_OVERHEAD);
    bytes.push(u8::try_from(declared << 1).expect("one byte"));
    bytes.extend_from_slice(body);
    let length = i32::try_from(bytes.len() - LENGTH_NOT_COUNTED).expect("small");
    bytes[8..12].copy_from_slice(&length.to_be_bytes());
    BatchView::parse(&bytes).expect("a batch").records().all(|record| record.is_ok())
}

/// Attributes 0, timestamp delta 2, offset delta 1, and what follows, filled up to 50 bytes.
fn body(rest: &[i8]) -> Vec<u8> {
    let mut body = vec![0, 4, 2];
    body.extend(rest.iter().map(|&number| (number << 1 ^ number >> 7).cast_unsigned()));
    body.resize(50, 0);
    body
}

/// Mirrors `DefaultRecordTest.testInvalidKeySize`: a key longer than its record is invalid.
/// Mirrors `DefaultRecordTest.testInvalidValueSize`: a value longer than its record is invalid.
/// Mirrors `DefaultRecordTest.testInvalidNumHeaders`: a count of headers below zero, or of more than there are bytes,
/// is invalid.
/// Mirrors `DefaultRecordTest.testInvalidHeaderKey`: a header whose key is longer than the record is invalid.
/// Mirrors `DefaultRecordTest.testNullHeaderKey`: a header whose key is null is invalid.
/// Mirrors `DefaultRecordTest.testInvalidHeaderValue`: a header whose value is longer than the record is invalid.
#[test]
fn lengths_and_counts_that_the_record_does_not_hold_are_refused() {
    let null = -1;
    assert!(!reads(50, &body(&[55])), "a key longer than the record");
    assert!(!reads(50, &body(&[null, 55])), "a value longer than the record");
    assert!(!reads(50, &body(&[null, null, -1])), "fewer than no headers");
    assert!(!reads(50, &body(&[null, null, 50])), "more headers than bytes");
    assert!(!reads(50, &body(&[null, null, 1, 55])), "a header's key longer than the record");
    assert!(!reads(50, &body(&[null, null, 1, -1])), "a header without a key");
    assert!(!reads(50, &body(&[null, null, 1, 1, 1, 55])), "a header's value longer than the record");
    // The same shape with lengths that fit.
    let sound = [&body(&[null, null, 1])[..6], &[2, b'k', 1]].concat();
    assert!(reads(9, &sound));
}

/// Mirrors `DefaultRecordTest.testUnderflowReadingTimestamp`: a record of one byte, which ends before its timestamp, is
/// invalid.
/// Mirrors `DefaultRecordTest.testUnderflowReadingVarlong`: a record that ends within its timestamp is invalid.
/// Mirrors `DefaultRecordTest.testInvalidVarlong`: a record whose timestamp does not end after ten bytes is invalid.
/// Mirrors `DefaultRecordTest.testInvalidSizeOfBodyInBytes`: a record of which nothing but the length is there is
/// invalid.
#[test]
fn a_record_that_ends_within_a_number_is_refused() {
    assert!(!reads(1, &[0]), "no time");
    assert!(!reads(2, &[0, 0xb8]), "half of a time");
    let endless = [&[0][..], &[0xfe], &[0xff; 8], &[0x80]].concat();
    assert!(!reads(11, &endless), "a time without an end");
    assert!(!reads(10, &[]), "nothing but a length");
}

/// Mirrors `DefaultRecordTest.testBasicSerdeInvalidHeaderCountTooHigh`: a record with three headers that counts four is
/// invalid.
/// Mirrors `DefaultRecordTest.testBasicSerdeInvalidHeaderCountTooLow`: a record with three headers that counts two is
/// invalid.
#[test]
fn a_header_too_many_or_too_few_is_found() {
    let headers = [
        Header { key: "foo", value: Some(b"value") },
        Header { key: "bar", value: None },
        Header { key: "baz", value: Some(b"value") },
    ];
    let mut batch = builder();
    batch.try_append(TS, Some(b"hi"), Some(b"there"), &headers).expect("there is room");
    let bytes = batch.close(Stamp::PLAIN).to_vec();
    // Length, attributes, time, place, key of two and value of five bytes with their lengths; then the count.
    let at = BATCH_OVERHEAD + 1 + 1 + 1 + 1 + 3 + 6;
    assert_eq!(bytes[at], 3 << 1);
    for count in [4, 2] {
        let mut wrong = bytes.clone();
        wrong[at] = count << 1;
        assert!(!BatchView::parse(&wrong).expect("a batch").records().all(|record| record.is_ok()), "{count} of 3");
    }
}

/// Mirrors `MemoryRecordsBuilderTest.testWriteTransactionalRecordSet`: a record of a transaction makes one batch, which
/// is transactional.
#[test]
fn a_batch_of_a_transaction_says_so() {
    let mut batch = builder();
    batch.try_append(TS, Some(b"foo"), Some(b"bar"), &[]).expect("there is room");
    let identity = Some(ProducerIdentity { id: 9_809, epoch: 15 });
    let bytes = batch.close(Stamp { identity, base_sequence: 2_342, transactional: true });
    assert!(read(&bytes).is_transactional() && batches(&bytes).count() == 1);
}
