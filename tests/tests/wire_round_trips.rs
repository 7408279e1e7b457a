//! Every message in every version: what one side encodes, the other decodes to the same values. `kafka-protocol` is
//! the encoder for all but Produce, and the second decoder for that.

use bytes::{Buf, Bytes, BytesMut};
use cross_tests::wire_samples::{
    APIS, CORRELATION, batch, header, request, request_as_of, request_frame, response, response_as_of, response_frame,
    without_length,
};
use kafka_protocol::messages as kafka;
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use producer_core::error::ErrorCode;
use producer_core::ids::CorrelationId;
use producer_core::io::OutgoingRequest;
use producer_core::protocol::*;
use producer_core::wire::{
    EncodeError, Malformation, RequestError, decode_request, decode_response, encode_request, encode_response,
    unsupported_api_versions,
};

/// Each version in a range.
fn all(versions: ApiVersionRange) -> impl Iterator<Item = i16> {
    versions.min..=versions.max
}

#[test]
fn every_request_arrives_as_it_was_sent_in_every_version_that_our_brokers_read() {
    for api in APIS {
        for version in all(broker_versions(api)) {
            let decoded = decode_request(request_frame(api, version));
            let expected = (header(api, version), request_as_of(version, request(api)));
            assert_eq!(decoded, Ok(expected), "{api:?} {version}");
        }
    }
}

#[test]
fn every_response_arrives_as_it_was_sent_in_every_version_that_our_client_reads() {
    for api in APIS {
        for version in all(client_versions(api)) {
            let decoded = decode_response(api, version, response_frame(api, version));
            let expected = (CORRELATION, response_as_of(version, response(api)));
            assert_eq!(decoded, Ok(expected), "{api:?} {version}");
        }
    }
}

#[test]
fn a_produce_request_means_the_same_to_an_independent_decoder() {
    let Request::Produce(sent) = request(ApiKey::Produce) else { unreachable!() };
    for version in client_versions(ApiKey::Produce).min..=client_versions(ApiKey::Produce).max {
        let mut frame = request_frame(ApiKey::Produce, version);
        let header_version = if version >= 9 { 2 } else { 1 };
        let header = kafka::RequestHeader::decode(&mut frame, header_version).unwrap();
        assert_eq!((header.request_api_key, header.request_api_version), (0, version));
        assert_eq!((header.correlation_id, header.client_id.as_deref()), (CORRELATION.0, Some("producer-1")));
        let read = kafka::ProduceRequest::decode(&mut frame, version).unwrap();
        assert!(frame.is_empty(), "{version}");
        assert_eq!(read.transactional_id.as_deref().map(|id| &**id), sent.transactional_id.as_deref());
        assert_eq!((read.acks, read.timeout_ms), (sent.acks, sent.timeout_ms));
        assert_eq!(read.topic_data.len(), sent.topics.len());
        for (read, sent) in read.topic_data.iter().zip(&sent.topics) {
            if says_topics_by_id(ApiKey::Produce, version) {
                assert_eq!((&**read.name, read.topic_id.into_bytes()), ("", sent.id.0), "{version}");
            } else {
                assert_eq!((&**read.name, read.topic_id.is_nil()), (&*sent.name, true), "{version}");
            }
            let read: Vec<_> = read.partition_data.iter().map(|part| (part.index, part.records.clone())).collect();
            let sent: Vec<_> =
                sent.partitions.iter().map(|part| (part.partition, Some(part.records.clone()))).collect();
            assert_eq!(read, sent, "{version}");
        }
    }
}

#[test]
fn batches_go_from_the_producers_memory_to_the_socket_without_a_copy() {
    let body = request(ApiKey::Produce);
    let Request::Produce(produce) = body.clone() else { unreachable!() };
    let request = OutgoingRequest { header: header(ApiKey::Produce, 9), body, expects_response: true };
    let frame = encode_request(&request).unwrap();
    let addresses: Vec<_> = frame.buffers().map(|buffer| buffer.as_ptr()).collect();
    let batches: Vec<_> = produce.topics.iter().flat_map(|topic| &topic.partitions).map(|part| &part.records).collect();
    assert_eq!(batches.len(), 4);
    for batch in batches {
        assert!(addresses.contains(&batch.as_ptr()));
    }
    assert_eq!(frame.buffers().len(), 2 * 4 + 1, "one small piece before each batch, and one at the end");
}

#[test]
fn old_clients_metadata_requests_are_understood() {
    let frame = |version, body: kafka::MetadataRequest| {
        let mut frame = BytesMut::new();
        let header = kafka::RequestHeader::default()
            .with_request_api_key(3)
            .with_request_api_version(version)
            .with_correlation_id(CORRELATION.0)
            .with_client_id(Some(StrBytes::from_static_str("old")));
        header.encode(&mut frame, 1).unwrap();
        body.encode(&mut frame, version).unwrap();
        match decode_request(frame.freeze()).unwrap().1 {
            Request::Metadata(body) => body,
            other => panic!("{other:?}"),
        }
    };
    let all = MetadataRequest { topics: None, allow_auto_topic_creation: true, ..Default::default() };
    let none = MetadataRequest { topics: Some(vec![]), allow_auto_topic_creation: true, ..Default::default() };
    // Version 0 asks for all topics with an empty list; later ones do so with null.
    let empty = || kafka::MetadataRequest::default().with_topics(Some(vec![]));
    assert_eq!(frame(0, empty()), all);
    for version in 1..4 {
        assert_eq!(frame(version, empty()), none);
        assert_eq!(frame(version, kafka::MetadataRequest::default().with_topics(None)), all);
    }
}

#[test]
fn a_topic_that_is_unknown_by_its_id_has_no_name() {
    let mut newer = BytesMut::new();
    let topic = kafka::metadata_response::MetadataResponseTopic::default()
        .with_error_code(100)
        .with_name(None)
        .with_topic_id("01010101-0101-0101-0101-010101010101".parse().unwrap());
    newer.extend_from_slice(&[0, 0, 0, 9, 0]);
    kafka::MetadataResponse::default().with_topics(vec![topic]).encode(&mut newer, 12).unwrap();
    let newer = newer.freeze();
    let (correlation, response) = decode_response(ApiKey::Metadata, 12, newer.clone()).unwrap();
    let Response::Metadata(body) = response else { panic!("{response:?}") };
    assert_eq!(correlation, CorrelationId(9));
    assert_eq!((body.topics[0].error, &*body.topics[0].name), (ErrorCode::UNKNOWN_TOPIC_ID, ""));
    assert_eq!(body.topics[0].id.0, [1; 16]);
    let ours = without_length(encode_response(12, correlation, &Response::Metadata(body)).unwrap());
    assert_eq!(ours, newer);

    // Asked about by its name, it has one, whatever a script says of it.
    let topic = MetadataTopic { error: ErrorCode::UNKNOWN_TOPIC_ID, name: "named".into(), ..Default::default() };
    let named = Response::Metadata(MetadataResponse { topics: vec![topic], ..Default::default() });
    let frame = without_length(encode_response(4, correlation, &named).unwrap());
    assert_eq!(decode_response(ApiKey::Metadata, 4, frame), Ok((correlation, named)));
}

/// Mirrors `MetadataTest.testIgnoreLeaderEpochInOlderMetadataResponse`: leader epochs are ignored in versions before 9,
/// though the leader is known, and taken since.
#[test]
fn leader_epochs_are_believed_since_version_9_of_metadata() {
    let client = client_versions(ApiKey::Metadata);
    for version in all(client) {
        let partition = kafka::metadata_response::MetadataResponsePartition::default()
            .with_leader_id(5.into())
            .with_leader_epoch(if version >= 7 { 10 } else { -1 });
        let topic = kafka::metadata_response::MetadataResponseTopic::default()
            .with_name(Some(StrBytes::from_static_str("topic").into()))
            .with_partitions(vec![partition]);
        let mut frame = BytesMut::from(&CORRELATION.0.to_be_bytes()[..]);
        if version >= 9 {
            frame.extend_from_slice(&[0]);
        }
        kafka::MetadataResponse::default().with_topics(vec![topic]).encode(&mut frame, version).unwrap();
        let (_, response) = decode_response(ApiKey::Metadata, version, frame.freeze()).unwrap();
        let Response::Metadata(body) = response else { panic!("{response:?}") };
        let told = &body.topics[0].partitions[0];
        let expected = if version >= 9 { 10 } else { -1 };
        assert_eq!((told.leader.0, told.leader_epoch), (5, expected), "version {version}");
    }
}

#[test]
fn unknown_tagged_fields_and_features_are_passed_over() {
    use kafka::api_versions_response::{ApiVersion, FinalizedFeatureKey, SupportedFeatureKey};
    let feature = |name, level| {
        FinalizedFeatureKey::default().with_name(StrBytes::from_static_str(name)).with_max_version_level(level)
    };
    let unknown = || Bytes::from_static(b"from a later Kafka");
    let body = kafka::ApiVersionsResponse::default()
        .with_api_keys(vec![ApiVersion::default().with_max_version(13).with_unknown_tagged_field(3, unknown())])
        .with_supported_features(vec![SupportedFeatureKey::default()])
        .with_finalized_features_epoch(3)
        .with_finalized_features(vec![feature("metadata.version", 30), feature("transaction.version", 2)])
        .with_zk_migration_ready(true)
        .with_unknown_tagged_field(77, unknown());
    let mut frame = BytesMut::from(&CORRELATION.0.to_be_bytes()[..]);
    body.encode(&mut frame, 4).unwrap();
    let (_, response) = decode_response(ApiKey::ApiVersions, 4, frame.freeze()).unwrap();
    let Response::ApiVersions(body) = response else { panic!("{response:?}") };
    assert_eq!((body.finalized_features_epoch, body.transaction_version), (Some(3), 2));
    assert_eq!(body.api_keys, [ApiVersionRange { api_key: 0, min: 0, max: 13 }]);
}

#[test]
fn a_client_understands_that_its_version_of_api_versions_is_too_new() {
    let frame = without_length(unsupported_api_versions(CORRELATION));
    let (correlation, response) = decode_response(ApiKey::ApiVersions, 4, frame).unwrap();
    let Response::ApiVersions(body) = response else { panic!("{response:?}") };
    assert_eq!((correlation, body.error), (CORRELATION, ErrorCode::UNSUPPORTED_VERSION));
    assert_eq!(body.api_keys, [ApiVersionRange { api_key: 18, min: 0, max: 4 }]);
}

#[test]
fn a_batch_cut_off_at_the_end_of_a_fetch_is_left_for_the_next_one() {
    let mut cut = batch(20).slice(..700);
    assert!(cut.len() < batch(20).len());
    for kept in [700, 61, 60, 12, 3] {
        cut.truncate(kept);
        let partition = FetchPartitionResponse { batches: vec![batch(1), cut.clone()], ..Default::default() };
        let topic = FetchTopicResponse { name: "orders".into(), partitions: vec![partition], ..Default::default() };
        let sent = Response::Fetch(FetchResponse { topics: vec![topic], ..Default::default() });
        let frame = without_length(encode_response(12, CORRELATION, &sent).unwrap());
        let (_, Response::Fetch(read)) = decode_response(ApiKey::Fetch, 12, frame).unwrap() else { unreachable!() };
        assert_eq!(read.topics[0].partitions[0].batches, [batch(1)], "{kept}");
    }
}

#[test]
fn requests_that_are_not_spoken_are_told_apart() {
    let frame = |api: i16, version: i16| {
        let mut frame = BytesMut::new();
        frame.extend_from_slice(&api.to_be_bytes());
        frame.extend_from_slice(&version.to_be_bytes());
        frame.extend_from_slice(&[0, 0, 0, 5, 0xff, 0xff]);
        decode_request(frame.freeze()).unwrap_err()
    };
    assert_eq!(frame(18, 99), RequestError::UnsupportedApiVersions { correlation: CorrelationId(5) });
    assert_eq!(frame(18, -1), RequestError::UnsupportedApiVersions { correlation: CorrelationId(5) });
    assert_eq!(frame(0, 2), RequestError::UnsupportedVersion { api: ApiKey::Produce, version: 2 });
    assert_eq!(frame(0, 14), RequestError::UnsupportedVersion { api: ApiKey::Produce, version: 14 });
    assert_eq!(frame(71, 0), RequestError::UnknownApi { api_key: 71 });
    assert!(matches!(frame(22, 0), RequestError::Malformed(error) if error.what == Malformation::CutShort));
}

#[test]
fn what_has_no_form_in_a_version_is_refused_and_not_sent_in_part() {
    let two = FindCoordinatorRequest { key_type: 0, keys: vec!["a".into(), "b".into()] };
    let long = MetadataRequest {
        topics: Some(vec!["x".repeat(40_000).into()]),
        allow_auto_topic_creation: true,
        ..Default::default()
    };
    let send = |body: Request, version| {
        let request = OutgoingRequest { header: header(body.api(), version), body, expects_response: true };
        encode_request(&request).map(|mut frame| frame.copy_to_bytes(frame.remaining()))
    };
    assert!(matches!(send(Request::FindCoordinator(two), 3), Err(EncodeError::Refused { version: 3, .. })));
    assert!(matches!(send(Request::Metadata(long), 4), Err(EncodeError::Refused { version: 4, .. })));
    let unspoken = EncodeError::UnsupportedVersion { api: ApiKey::Produce, version: 14 };
    assert_eq!(send(request(ApiKey::Produce), 14), Err(unspoken));
}

/// What made `kafka-protocol` 0.18 ask for 412 GB: a Metadata answer of nine bytes with a large count of brokers.
#[test]
fn nine_bytes_that_claim_a_billion_brokers_are_refused() {
    let frame = Bytes::from_static(&[0, 0, 0, 1, 0, 0, 0, 0, 0x7f]);
    let error = decode_response(ApiKey::Metadata, 4, frame).unwrap_err();
    assert_eq!(error.what, Malformation::CutShort);
    let frame = Bytes::from_static(&[0, 0, 0, 1, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f]);
    let error = decode_response(ApiKey::Metadata, 12, frame).unwrap_err();
    assert_eq!((error.at, error.what), (14, Malformation::CutShort));
}
