use std::io::Read as _;

use bytes::{Bytes, BytesMut};
use kafka_producer::{KafkaProducer, ProducerConfig, Record};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{ApiKey, ProduceRequest, ProduceResponse, RequestHeader, ResponseHeader, TopicName};
use kafka_protocol::protocol::{Decodable as _, Encodable as _, StrBytes};
use kafka_protocol::records::{Compression, Record as Encoded, RecordBatchEncoder, RecordEncodeOptions, TimestampType};

use super::*;

async fn producer(sink: &NullSink, properties: &[(&str, &str)]) -> KafkaProducer {
    let (config, _) = ProducerConfig::from_properties(properties.iter().copied()).expect("valid");
    KafkaProducer::connect(config, &sink.bootstrap_servers()).await.expect("loopback")
}

#[tokio::test]
async fn every_record_sent_is_a_record_counted() {
    let sink = NullSink::start().expect("loopback");
    let producer = producer(&sink, &[("batch.size", "2000")]).await;
    let mut deliveries = Vec::new();
    for number in 0..10_000 {
        let key = format!("key-{number}");
        let record = Record::keyed("counted-6", key.as_bytes(), &[b'x'; 100]);
        deliveries.push(producer.send(record).await.expect("appended"));
    }
    let mut stored = Vec::new();
    for delivery in deliveries {
        let metadata = delivery.await.expect("acknowledged");
        stored.push((metadata.partition.expect("known"), metadata.offset.expect("told")));
    }
    let counts = sink.take_counts();
    assert_eq!((counts.records, counts.corrupt), (10_000, 0));
    assert!(counts.batches >= counts.requests && counts.bytes > 1_000_000, "{counts:?}");
    assert_eq!(sink.take_counts(), Counts::default(), "taken is taken");

    // Offsets are those of a log: each once, without a gap, in all six partitions.
    stored.sort_unstable();
    stored.dedup();
    assert_eq!(stored.len(), 10_000);
    for partition in 0..6 {
        let offsets = stored.iter().filter(|(of, _)| *of == partition).map(|(_, offset)| *offset);
        assert!(offsets.eq((0..).take(stored.iter().filter(|(of, _)| *of == partition).count())), "{partition}");
        assert!(stored.contains(&(partition, 0)), "no record in partition {partition}");
    }
    producer.close(None).await;
}

#[tokio::test]
async fn without_acks_records_are_counted_and_nothing_is_answered() {
    let sink = NullSink::start().expect("loopback");
    let producer = producer(&sink, &[("acks", "0"), ("enable.idempotence", "false")]).await;
    for _ in 0..500 {
        producer.send_unobserved(Record::keyed("unanswered", b"key", b"x")).await.expect("appended");
    }
    producer.close(None).await;
    // Written is not yet read.
    let mut records = 0;
    for _ in 0..500 {
        records += sink.take_counts().records;
        if records == 500 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(records, 500);
}

/// A batch as kafka-protocol writes it.
fn batch(records: i32) -> BytesMut {
    let record = |number: i32| Encoded {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id: -1,
        producer_epoch: -1,
        timestamp_type: TimestampType::Creation,
        offset: number.into(),
        sequence: number,
        timestamp: 1_700_000_000_000,
        key: None,
        value: Some(Bytes::from_static(b"value")),
        headers: Default::default(),
    };
    let list: Vec<_> = (0..records).map(record).collect();
    let mut bytes = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    RecordBatchEncoder::encode(&mut bytes, &list, &options).expect("encodes");
    bytes
}

/// Sends these bytes as the records of `topic`'s `partition`; error and base offset of the answer.
fn ask(sink: &NullSink, version: i16, topic: &'static str, partition: i32, records: Bytes) -> (i16, i64) {
    let header = RequestHeader::default()
        .with_request_api_key(ApiKey::Produce as i16)
        .with_request_api_version(version)
        .with_correlation_id(77)
        .with_client_id(Some(StrBytes::from_static_str("test")));
    let data = PartitionProduceData::default().with_index(partition).with_records(Some(records));
    let name = TopicName(StrBytes::from_static_str(topic));
    let topic = TopicProduceData::default().with_name(name.clone()).with_partition_data(vec![data]);
    let request = ProduceRequest::default().with_acks(-1).with_timeout_ms(1_000).with_topic_data(vec![topic]);
    let mut frame = BytesMut::new();
    header.encode(&mut frame, ApiKey::Produce.request_header_version(version)).expect("encodes");
    request.encode(&mut frame, version).expect("encodes");

    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, sink.shared.ports[0])).expect("listens");
    let length = u32::try_from(frame.len()).expect("small").to_be_bytes();
    stream.write_all(&[&length[..], &frame].concat()).expect("takes it");
    let mut length = [0; 4];
    stream.read_exact(&mut length).expect("answers");
    let mut answer = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut answer).expect("answers whole");
    let mut answer = Bytes::from(answer);
    let header = ResponseHeader::decode(&mut answer, ApiKey::Produce.response_header_version(version)).expect("one");
    assert_eq!(header.correlation_id, 77);
    let response = ProduceResponse::decode(&mut answer, version).expect("an answer");
    assert!(answer.is_empty(), "{} bytes too many in version {version}", answer.len());
    assert_eq!(response.responses[0].name, name);
    let stored = &response.responses[0].partition_responses[0];
    assert_eq!(stored.index, partition);
    (stored.error_code, stored.base_offset)
}

#[test]
fn each_version_of_produce_is_read_and_answered_as_kafka_protocol_knows_it() {
    let sink = NullSink::start().expect("loopback");
    for version in produce::VERSIONS {
        let before = i64::from(version - produce::VERSIONS.start());
        assert_eq!(ask(&sink, version, "versions-2", 1, batch(7).freeze()), (0, before * 7), "version {version}");
    }
    let counts = sink.take_counts();
    assert_eq!((counts.requests, counts.batches, counts.records), (10, 10, 70));
    assert_eq!(counts.bytes, 10 * batch(7).len() as u64);
}

#[test]
fn a_batch_with_any_byte_changed_behind_its_crc_is_refused_and_not_counted() {
    let sink = NullSink::start().expect("loopback");
    let sound = batch(3);
    let mut refused = 0;
    for at in 17..sound.len() {
        let mut broken = sound.clone();
        broken[at] ^= 0x10;
        assert_eq!(ask(&sink, 9, "broken", 0, broken.freeze()), (2, -1), "byte {at}");
        refused += 1;
    }
    let counts = sink.take_counts();
    assert_eq!((counts.corrupt, counts.records, counts.batches, counts.bytes), (refused, 0, 0, 0));
}

#[test]
fn a_batch_that_claims_more_records_than_it_has_offsets_is_refused() {
    let sink = NullSink::start().expect("loopback");
    let mut boasting = batch(3);
    boasting[57..61].copy_from_slice(&4_i32.to_be_bytes());
    let mut crc = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
    crc.update(&boasting[21..]);
    let crc = u32::try_from(crc.finalize()).expect("32 bits");
    boasting[17..21].copy_from_slice(&crc.to_be_bytes());
    assert_eq!(ask(&sink, 9, "boasting", 0, boasting.freeze()), (2, -1));
    assert_eq!(sink.take_counts().records, 0);
}

#[test]
fn a_partition_that_the_topics_name_does_not_promise_is_unknown() {
    let sink = NullSink::start().expect("loopback");
    assert_eq!(ask(&sink, 9, "two-2", 2, batch(1).freeze()), (3, -1));
    assert_eq!(ask(&sink, 9, "one", 1, batch(1).freeze()), (3, -1));
    assert_eq!(sink.take_counts().records, 0);
}
