//! Batches against others' idea of them: what we write, `kafka-protocol` reads; what the Java client writes, we write.

use bytes::{Bytes, BytesMut};
use kafka_protocol::records::{Record as KafkaRecord, RecordBatchDecoder, TimestampType};
use producer_core::ids::ProducerIdentity;
use producer_core::record::Header;
use producer_core::record_batch::{BatchBuilder, BatchView, Stamp};
use proptest::collection::vec;
use proptest::prelude::*;

const LARGEST: usize = 1 << 20;

/// A record that owns its bytes.
#[derive(Clone, Debug, PartialEq)]
struct Owned {
    timestamp_ms: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Owned {
    /// Offers the record to a batch; its place there, if it fits.
    fn offer_to(&self, batch: &mut BatchBuilder) -> Option<u32> {
        let headers = self.headers.iter().map(|(key, value)| Header { key, value: value.as_deref() });
        let headers: Vec<_> = headers.collect();
        let (key, value) = (self.key.as_deref(), self.value.as_deref());
        let fits = batch.has_room_for(self.timestamp_ms, key, value, &headers);
        let place = batch.try_append(self.timestamp_ms, key, value, &headers);
        assert_eq!(place.is_some(), fits, "asking and trying agree");
        place
    }
}

fn any_bytes() -> impl Strategy<Value = Option<Vec<u8>>> {
    // Lengths around those at which a variable-length number grows, and null and empty often.
    prop_oneof![
        4 => Just(None),
        4 => Just(Some(vec![])),
        8 => vec(any::<u8>(), 1..70).prop_map(Some),
        2 => vec(any::<u8>(), 60..300).prop_map(Some),
        1 => (8_190..8_194_usize, any::<u8>()).prop_map(|(len, byte)| Some(vec![byte; len])),
    ]
}

/// Unlike in our batches, a header's key comes once: `kafka-protocol` keeps headers in a map.
fn any_headers() -> impl Strategy<Value = Vec<(String, Option<Vec<u8>>)>> {
    let distinct = |headers: Vec<(String, Option<Vec<u8>>)>| {
        let mut seen = std::collections::BTreeSet::new();
        headers.into_iter().filter(|(key, _)| seen.insert(key.clone())).collect()
    };
    prop_oneof![3 => Just(vec![]), 1 => vec((any::<String>(), any_bytes()), 1..5).prop_map(distinct)]
}

fn any_record() -> impl Strategy<Value = Owned> {
    // Kafka's clock of today, its neighbourhood in both directions, and the whole range.
    let timestamp_ms = prop_oneof![Just(1_700_000_000_000), 1_699_999_900_000..1_700_000_100_000_i64, 0..=i64::MAX / 2];
    (timestamp_ms, any_bytes(), any_bytes(), any_headers()).prop_map(|(timestamp_ms, key, value, headers)| Owned {
        timestamp_ms,
        key,
        value,
        headers,
    })
}

fn any_stamp() -> impl Strategy<Value = Stamp> {
    let identified = (0..i64::MAX, 0..i16::MAX, 0..i32::MAX, any::<bool>()).prop_map(|(id, epoch, sequence, tx)| {
        Stamp { identity: Some(ProducerIdentity { id, epoch }), base_sequence: sequence, transactional: tx }
    });
    prop_oneof![Just(Stamp::PLAIN), identified]
}

fn read_by_kafka_protocol(mut batch: Bytes) -> Vec<KafkaRecord> {
    RecordBatchDecoder::decode(&mut batch).expect("a batch that an independent decoder reads").records
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_thousand_random_batches_read_the_same_to_an_independent_decoder(
        records in vec(any_record(), 1..12),
        stamp in any_stamp(),
    ) {
        let mut batch = BatchBuilder::new(BytesMut::new(), LARGEST);
        for (place, record) in records.iter().enumerate() {
            prop_assert_eq!(record.offer_to(&mut batch), u32::try_from(place).ok());
        }
        let read = read_by_kafka_protocol(batch.close(stamp));
        prop_assert_eq!(read.len(), records.len());
        let (id, epoch) = stamp.identity.map_or((-1, -1), |identity| (identity.id, identity.epoch));
        for (place, (read, sent)) in (0_i32..).zip(read.iter().zip(&records)) {
            let headers: Vec<_> =
                read.headers.iter().map(|(key, value)| (key.to_string(), value.as_deref().map(<[u8]>::to_vec))).collect();
            let (key, value) = (read.key.as_deref().map(<[u8]>::to_vec), read.value.as_deref().map(<[u8]>::to_vec));
            prop_assert_eq!(&Owned { timestamp_ms: read.timestamp, key, value, headers }, sent);
            prop_assert_eq!((read.offset, read.timestamp_type), (i64::from(place), TimestampType::Creation));
            prop_assert_eq!((read.producer_id, read.producer_epoch, read.transactional), (id, epoch, stamp.transactional));
            if stamp.identity.is_some() {
                prop_assert_eq!(read.sequence, stamp.base_sequence.wrapping_add(place));
            }
        }
    }
}

/// One batch of `java_batches.txt`.
struct Recorded {
    write_limit: usize,
    stamp: Stamp,
    /// What was offered, and whether the Java client's batch had room for it.
    offered: Vec<(Owned, bool)>,
    bytes: Vec<u8>,
}

fn recorded() -> Vec<Recorded> {
    let mut batches = Vec::<Recorded>::new();
    for line in include_str!("../fixtures/java_batches.txt").lines().filter(|line| !line.starts_with('#')) {
        let (what, rest) = line.split_once(' ').unwrap();
        match what {
            "batch" => batches.push(read_batch(rest)),
            "record" | "refused" => batches.last_mut().unwrap().offered.push((read_record(rest), what == "record")),
            "bytes" => batches.last_mut().unwrap().bytes = read_bytes(rest).unwrap(),
            _ => panic!("{line}"),
        }
    }
    batches
}

fn read_batch(line: &str) -> Recorded {
    let fields: Vec<_> = line.split(' ').collect();
    let [write_limit, id, epoch, sequence, transactional] = fields[..] else { panic!("{line}") };
    let identity = ProducerIdentity { id: id.parse().unwrap(), epoch: epoch.parse().unwrap() };
    let stamp = Stamp {
        identity: (identity.id >= 0).then_some(identity),
        base_sequence: sequence.parse().unwrap(),
        transactional: transactional.parse().unwrap(),
    };
    Recorded { write_limit: write_limit.parse().unwrap(), stamp, offered: vec![], bytes: vec![] }
}

fn read_record(line: &str) -> Owned {
    let mut fields = line.split(' ');
    let mut next = || fields.next().unwrap();
    let (timestamp_ms, key, value) = (next().parse().unwrap(), read_bytes(next()), read_bytes(next()));
    let headers = fields.map(|field| {
        let (key, value) = field.split_once('=').unwrap();
        (String::from_utf8(read_bytes(key).unwrap()).unwrap(), read_bytes(value))
    });
    Owned { timestamp_ms, key, value, headers: headers.collect() }
}

fn read_bytes(text: &str) -> Option<Vec<u8>> {
    match text {
        "-" => None,
        "." => Some(vec![]),
        hex => {
            let pairs = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap());
            Some(pairs.collect())
        }
    }
}

#[test]
fn batches_hold_what_the_java_clients_hold_byte_for_byte() {
    let batches = recorded();
    assert_eq!(batches.len(), 52);
    let (mut taken, mut refused) = (0, 0);
    for (number, recorded) in batches.iter().enumerate() {
        let mut batch = BatchBuilder::new(BytesMut::with_capacity(recorded.write_limit), recorded.write_limit);
        for (record, had_room) in &recorded.offered {
            let place = record.offer_to(&mut batch);
            assert_eq!(place.is_some(), *had_room, "batch {number}, {record:?}");
            if *had_room { taken += 1 } else { refused += 1 }
        }
        assert_eq!(batch.close(recorded.stamp), recorded.bytes, "batch {number}");
    }
    assert!(taken > 200 && refused > 20, "{taken} taken, {refused} refused: both must be tried");
}

#[test]
fn the_java_clients_batches_read_as_they_were_written() {
    for recorded in recorded() {
        let batch = BatchView::parse(&recorded.bytes).unwrap();
        batch.verify_crc().unwrap();
        assert_eq!(batch.size_bytes(), recorded.bytes.len());
        assert_eq!((batch.identity(), batch.base_sequence()), (recorded.stamp.identity, recorded.stamp.base_sequence));
        assert_eq!(batch.is_transactional(), recorded.stamp.transactional);
        let read: Vec<Owned> = batch.records().map(|record| owned(record.unwrap())).collect();
        let written: Vec<Owned> =
            recorded.offered.into_iter().filter(|(_, taken)| *taken).map(|(record, _)| record).collect();
        assert_eq!(read, written);
    }
}

fn owned(record: producer_core::record_batch::RecordView<'_>) -> Owned {
    let bytes = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
    let headers = record.headers.map(|header| (String::from_utf8(header.key.to_vec()).unwrap(), bytes(header.value)));
    Owned {
        timestamp_ms: record.timestamp_ms,
        key: bytes(record.key),
        value: bytes(record.value),
        headers: headers.collect(),
    }
}
