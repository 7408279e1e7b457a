//! What only other clients say: the same samples, translated to kafka-protocol's messages and written by its encoder.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{self as kafka, metadata_request as asked};
use kafka_protocol::protocol::{Encodable as _, StrBytes};
use producer_core::protocol::{ApiKey, MetadataRequest, Request};

use super::{CORRELATION, header};

/// A request in a version that we do not send.
pub(super) fn request_frame(version: i16, sample: &Request) -> Bytes {
    let Request::Metadata(sample) = sample else { panic!("ours are sent in every version that our brokers read") };
    let header = header(ApiKey::Metadata, version);
    let head = kafka::RequestHeader::default()
        .with_request_api_key(header.api.code())
        .with_request_api_version(version)
        .with_correlation_id(CORRELATION.0)
        .with_client_id(header.client_id.as_ref().map(text));
    let mut frame = BytesMut::new();
    head.encode(&mut frame, 1).expect("a header has this form in every version");
    metadata_request(sample).encode(&mut frame, version).expect("the sample has a form in every version");
    frame.freeze()
}

fn metadata_request(sample: &MetadataRequest) -> kafka::MetadataRequest {
    let topic = |name: &Arc<str>| asked::MetadataRequestTopic::default().with_name(Some(text(name).into()));
    kafka::MetadataRequest::default().with_topics(sample.topics.as_ref().map(|names| names.iter().map(topic).collect()))
}

fn text(text: &Arc<str>) -> StrBytes {
    StrBytes::from_string(text.to_string())
}
