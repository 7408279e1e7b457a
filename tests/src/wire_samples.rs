//! One request and one response of every API, with every field set, and what is left of them in older versions.

mod transactions;

use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use producer_core::error::ErrorCode;
use producer_core::ids::{CorrelationId, NodeId, ProducerIdentity, TopicId};
use producer_core::io::OutgoingRequest;
use producer_core::protocol::*;
use producer_core::record::Header;
use producer_core::record_batch::{BatchBuilder, Stamp};
use producer_core::wire::{Frame, encode_request, encode_response};

/// Every API that is spoken.
pub const APIS: [ApiKey; 14] = [
    ApiKey::Produce,
    ApiKey::Fetch,
    ApiKey::ListOffsets,
    ApiKey::Metadata,
    ApiKey::FindCoordinator,
    ApiKey::ApiVersions,
    ApiKey::CreateTopics,
    ApiKey::DeleteTopics,
    ApiKey::InitProducerId,
    ApiKey::OffsetFetch,
    ApiKey::AddPartitionsToTxn,
    ApiKey::AddOffsetsToTxn,
    ApiKey::EndTxn,
    ApiKey::TxnOffsetCommit,
];

/// The correlation id of every sample.
pub const CORRELATION: CorrelationId = CorrelationId(0x0102_0304);

const ID: TopicId = TopicId([7; 16]);
const TOPICS: [&str; 2] = ["orders", "주문"];

fn text(text: &str) -> Arc<str> {
    text.into()
}

fn nodes(ids: &[i32]) -> Vec<NodeId> {
    ids.iter().copied().map(NodeId).collect()
}

/// A closed batch of `records` records.
pub fn batch(records: u8) -> Bytes {
    let mut batch = BatchBuilder::new(BytesMut::new(), 1 << 20);
    for n in 0..records {
        let headers = [Header { key: "n", value: Some(&[n]) }, Header { key: "null", value: None }];
        batch.try_append(1_700_000_000_000 + i64::from(n), Some(&[n; 3]), Some(&[n; 100]), &headers);
    }
    let identity = Some(ProducerIdentity { id: 4242, epoch: 3 });
    batch.close(Stamp { identity, base_sequence: 7, transactional: false })
}

/// A request of this API with every field set.
pub fn request(api: ApiKey) -> Request {
    match api {
        ApiKey::Produce => Request::Produce(ProduceRequest {
            transactional_id: Some(text("tx")),
            acks: -1,
            timeout_ms: 30_000,
            topics: TOPICS
                .map(|name| ProduceTopic {
                    name: text(name),
                    id: ID,
                    partitions: vec![
                        ProducePartition { partition: 0, records: batch(1) },
                        ProducePartition { partition: 5, records: batch(20) },
                    ],
                })
                .into(),
        }),
        ApiKey::Fetch => Request::Fetch(FetchRequest {
            max_wait_ms: 500,
            min_bytes: 1,
            max_bytes: 52_428_800,
            isolation_level: 1,
            session_id: 9,
            session_epoch: 2,
            topics: TOPICS
                .map(|name| FetchTopic {
                    name: text(name),
                    id: ID,
                    partitions: vec![FetchPartition {
                        partition: 2,
                        current_leader_epoch: 4,
                        fetch_offset: 1 << 40,
                        max_bytes: 1_048_576,
                    }],
                })
                .into(),
        }),
        ApiKey::ListOffsets => Request::ListOffsets(ListOffsetsRequest {
            isolation_level: 1,
            topics: TOPICS
                .map(|name| ListOffsetsTopic {
                    name: text(name),
                    partitions: vec![
                        ListOffsetsPartition { partition: 0, current_leader_epoch: 4, timestamp_ms: -2 },
                        ListOffsetsPartition {
                            partition: 1,
                            current_leader_epoch: -1,
                            timestamp_ms: 1_700_000_000_000,
                        },
                    ],
                })
                .into(),
        }),
        ApiKey::Metadata => Request::Metadata(MetadataRequest {
            topics: Some(TOPICS.map(text).into()),
            topic_ids: vec![ID, TopicId([8; 16])],
            allow_auto_topic_creation: false,
        }),
        ApiKey::FindCoordinator => {
            Request::FindCoordinator(FindCoordinatorRequest { key_type: 1, keys: vec![text("tx")] })
        }
        ApiKey::ApiVersions => Request::ApiVersions(ApiVersionsRequest {
            client_software_name: text("kafka-producer"),
            client_software_version: text("0.1.0"),
        }),
        ApiKey::CreateTopics => Request::CreateTopics(CreateTopicsRequest {
            topics: vec![NewTopic {
                name: text("orders"),
                num_partitions: -1,
                replication_factor: -1,
                configs: vec![(text("min.insync.replicas"), Some(text("2"))), (text("cleanup.policy"), None)],
                assignments: vec![(1, vec![NodeId(3), NodeId(1)]), (0, vec![])],
            }],
            timeout_ms: 5_000,
            validate_only: true,
        }),
        ApiKey::DeleteTopics => {
            let by_name = |name| TopicToDelete { name: Some(text(name)), id: TopicId::default() };
            let topics = vec![by_name("orders"), by_name("주문"), TopicToDelete { name: None, id: ID }];
            Request::DeleteTopics(DeleteTopicsRequest { topics, timeout_ms: 5_000 })
        }
        ApiKey::InitProducerId => Request::InitProducerId(InitProducerIdRequest {
            transactional_id: Some(text("tx")),
            transaction_timeout_ms: 60_000,
            producer_id: 4242,
            producer_epoch: 3,
        }),
        ApiKey::OffsetFetch => Request::OffsetFetch(transactions::offset_fetch_request()),
        ApiKey::AddPartitionsToTxn => Request::AddPartitionsToTxn(transactions::add_partitions_request()),
        ApiKey::AddOffsetsToTxn => Request::AddOffsetsToTxn(transactions::add_offsets_request()),
        ApiKey::EndTxn => Request::EndTxn(transactions::end_request()),
        ApiKey::TxnOffsetCommit => Request::TxnOffsetCommit(transactions::offset_commit_request()),
    }
}

/// A response of this API with every field set.
pub fn response(api: ApiKey) -> Response {
    match api {
        ApiKey::Produce => Response::Produce(produce_response()),
        ApiKey::Fetch => Response::Fetch(FetchResponse {
            throttle_time_ms: 3,
            error: ErrorCode::FETCH_SESSION_ID_NOT_FOUND,
            session_id: 9,
            topics: TOPICS
                .map(|name| FetchTopicResponse {
                    name: text(name),
                    id: ID,
                    partitions: vec![
                        FetchPartitionResponse {
                            partition: 2,
                            error: ErrorCode::NONE,
                            high_watermark: 21,
                            last_stable_offset: 20,
                            log_start_offset: 1,
                            aborted_transactions: Some(vec![
                                AbortedTransaction { producer_id: 4242, first_offset: 3 },
                                AbortedTransaction { producer_id: 4243, first_offset: 1 << 40 },
                            ]),
                            batches: vec![batch(1), batch(20)],
                        },
                        FetchPartitionResponse { error: ErrorCode::OFFSET_OUT_OF_RANGE, ..Default::default() },
                    ],
                })
                .into(),
        }),
        ApiKey::ListOffsets => Response::ListOffsets(ListOffsetsResponse {
            throttle_time_ms: 3,
            topics: TOPICS
                .map(|name| ListOffsetsTopicResponse {
                    name: text(name),
                    partitions: vec![ListOffsetsPartitionResponse {
                        partition: 1,
                        error: ErrorCode::NONE,
                        timestamp_ms: 1_700_000_000_000,
                        offset: 41,
                        leader_epoch: 5,
                    }],
                })
                .into(),
        }),
        ApiKey::Metadata => Response::Metadata(metadata_response()),
        ApiKey::FindCoordinator => Response::FindCoordinator(FindCoordinatorResponse {
            throttle_time_ms: 3,
            coordinators: vec![Coordinator {
                key: text("tx"),
                error: ErrorCode::NONE,
                error_message: Some(text("said of it")),
                node: NodeId(2),
                host: text("127.0.0.1"),
                port: 9_094,
            }],
        }),
        ApiKey::ApiVersions => Response::ApiVersions(ApiVersionsResponse {
            error: ErrorCode::NONE,
            api_keys: advertised_versions(),
            throttle_time_ms: 3,
            finalized_features_epoch: Some(41),
            transaction_version: 2,
        }),
        ApiKey::CreateTopics => Response::CreateTopics(CreateTopicsResponse {
            throttle_time_ms: 3,
            topics: vec![CreatedTopic {
                name: text("orders"),
                id: ID,
                error: ErrorCode::TOPIC_ALREADY_EXISTS,
                error_message: Some(text("Topic 'orders' already exists.")),
                num_partitions: 3,
                replication_factor: 2,
            }],
        }),
        ApiKey::DeleteTopics => Response::DeleteTopics(DeleteTopicsResponse {
            throttle_time_ms: 3,
            topics: vec![
                DeletedTopic { name: Some(text("orders")), id: ID, ..DeletedTopic::default() },
                DeletedTopic {
                    name: Some(text("lost")),
                    id: TopicId::default(),
                    error: ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
                    error_message: Some(text("This server does not host this topic-partition.")),
                },
            ],
        }),
        ApiKey::InitProducerId => Response::InitProducerId(InitProducerIdResponse {
            throttle_time_ms: 3,
            error: ErrorCode::NONE,
            producer_id: 4242,
            producer_epoch: 3,
        }),
        ApiKey::OffsetFetch => Response::OffsetFetch(transactions::offset_fetch_response()),
        ApiKey::AddPartitionsToTxn => Response::AddPartitionsToTxn(transactions::add_partitions_response()),
        ApiKey::AddOffsetsToTxn => Response::AddOffsetsToTxn(transactions::add_offsets_response()),
        ApiKey::EndTxn => Response::EndTxn(transactions::end_response()),
        ApiKey::TxnOffsetCommit => Response::TxnOffsetCommit(transactions::offset_commit_response()),
    }
}

fn broker(id: i32) -> MetadataBroker {
    MetadataBroker { node: NodeId(id), host: text("127.0.0.1"), port: 9_091 + id, rack: Some(text("r1")) }
}

fn produce_response() -> ProduceResponse {
    let stored = ProducePartitionResponse {
        partition: 0,
        error: ErrorCode::NONE,
        base_offset: 41,
        log_append_time_ms: 1_700_000_000_000,
        log_start_offset: 1,
        record_errors: vec![],
        error_message: None,
        current_leader: None,
    };
    let refused = ProducePartitionResponse {
        partition: 5,
        error: ErrorCode::NOT_LEADER_OR_FOLLOWER,
        base_offset: -1,
        record_errors: vec![RecordError { batch_index: 3, message: Some(text("no key")) }],
        error_message: Some(text("moved")),
        current_leader: Some(LeaderIdAndEpoch { leader: NodeId(2), epoch: 6 }),
        ..stored.clone()
    };
    let topic =
        |name| ProduceTopicResponse { name: text(name), id: ID, partitions: vec![stored.clone(), refused.clone()] };
    ProduceResponse { topics: TOPICS.map(topic).into(), throttle_time_ms: 3, node_endpoints: vec![broker(2)] }
}

fn metadata_response() -> MetadataResponse {
    let partition = |partition| MetadataPartition {
        error: ErrorCode::NONE,
        partition,
        leader: NodeId(partition),
        leader_epoch: 5,
        replicas: nodes(&[0, 1, 2]),
        isr: nodes(&[0, 2]),
        offline: nodes(&[1]),
    };
    MetadataResponse {
        throttle_time_ms: 3,
        brokers: vec![broker(0), broker(1), broker(2)],
        cluster_id: Some(text("3Db5QLSqSZieL3rJBUUegA")),
        controller: NodeId(1),
        topics: vec![
            MetadataTopic {
                error: ErrorCode::NONE,
                name: text("orders"),
                id: ID,
                is_internal: true,
                partitions: (0..3).map(partition).collect(),
            },
            MetadataTopic { error: ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, name: text("lost"), ..Default::default() },
        ],
        error: ErrorCode::REBOOTSTRAP_REQUIRED,
    }
}

/// A topic has a name in older versions, an id in newer ones.
fn say(by_id: bool, name: &mut Arc<str>, id: &mut TopicId) {
    if by_id {
        *name = text("");
    } else {
        *id = TopicId::default();
    }
}

/// What a request says in this version: fields that came later hold their defaults.
pub fn request_as_of(version: i16, mut request: Request) -> Request {
    let by_id = says_topics_by_id(request.api(), version);
    match &mut request {
        Request::Produce(body) => body.topics.iter_mut().for_each(|topic| say(by_id, &mut topic.name, &mut topic.id)),
        Request::Fetch(body) => {
            body.topics.iter_mut().for_each(|topic| say(by_id, &mut topic.name, &mut topic.id));
            if version < 7 {
                (body.session_id, body.session_epoch) = (0, -1);
            }
            if version < 9 {
                body.topics.iter_mut().flat_map(|t| &mut t.partitions).for_each(|p| p.current_leader_epoch = -1);
            }
        }
        Request::ListOffsets(body) => {
            if version < 2 {
                body.isolation_level = 0;
            }
            if version < 4 {
                body.topics.iter_mut().flat_map(|t| &mut t.partitions).for_each(|p| p.current_leader_epoch = -1);
            }
        }
        Request::Metadata(body) => {
            if version < 4 {
                body.allow_auto_topic_creation = true;
            }
            if version < 12 {
                body.topic_ids.clear();
            }
        }
        Request::FindCoordinator(body) if version < 1 => body.key_type = 0,
        Request::DeleteTopics(body) if version < 6 => body.topics.retain(|topic| topic.name.is_some()),
        Request::ApiVersions(body) if version < 3 => *body = ApiVersionsRequest::default(),
        Request::InitProducerId(body) if version < 3 => (body.producer_id, body.producer_epoch) = (-1, -1),
        Request::OffsetFetch(body) => transactions::offset_fetch_as_of(version, body),
        Request::TxnOffsetCommit(body) => transactions::offset_commit_as_of(version, body),
        _ => {}
    }
    request
}

/// What a response says in this version: fields that came later hold their defaults.
pub fn response_as_of(version: i16, mut response: Response) -> Response {
    let by_id = says_topics_by_id(response.api(), version);
    match &mut response {
        Response::Produce(body) => {
            body.topics.iter_mut().for_each(|topic| say(by_id, &mut topic.name, &mut topic.id));
            if version < 10 {
                body.node_endpoints.clear();
            }
            for partition in body.topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
                if version < 5 {
                    partition.log_start_offset = -1;
                }
                if version < 8 {
                    (partition.record_errors, partition.error_message) = (vec![], None);
                }
                if version < 10 {
                    partition.current_leader = None;
                }
            }
        }
        Response::Fetch(body) => {
            body.topics.iter_mut().for_each(|topic| say(by_id, &mut topic.name, &mut topic.id));
            if version < 7 {
                (body.error, body.session_id) = (ErrorCode::NONE, 0);
            }
            if version < 5 {
                body.topics.iter_mut().flat_map(|t| &mut t.partitions).for_each(|p| p.log_start_offset = -1);
            }
        }
        Response::ListOffsets(body) => {
            if version < 2 {
                body.throttle_time_ms = 0;
            }
            if version < 4 {
                body.topics.iter_mut().flat_map(|t| &mut t.partitions).for_each(|p| p.leader_epoch = -1);
            }
        }
        Response::Metadata(body) => {
            if version < 13 {
                body.error = ErrorCode::NONE;
            }
            if version < 3 {
                body.throttle_time_ms = 0;
            }
            if version < 2 {
                body.cluster_id = None;
            }
            if version < 1 {
                body.controller = NodeId(-1);
                body.brokers.iter_mut().for_each(|broker| broker.rack = None);
                body.topics.iter_mut().for_each(|topic| topic.is_internal = false);
            }
            for topic in &mut body.topics {
                if version < 10 {
                    topic.id = TopicId::default();
                }
                for partition in &mut topic.partitions {
                    // Told since version 7, and reliable since 9: what came before is not believed.
                    if version < 9 {
                        partition.leader_epoch = -1;
                    }
                    if version < 5 {
                        partition.offline.clear();
                    }
                }
            }
        }
        Response::FindCoordinator(body) => {
            if version < 1 {
                body.throttle_time_ms = 0;
            }
            if version < 4 {
                body.coordinators[0].key = text("");
            }
            if version < 1 {
                body.coordinators[0].error_message = Some(text(""));
            }
        }
        Response::ApiVersions(body) => {
            if version < 1 {
                body.throttle_time_ms = 0;
            }
            if version < 3 {
                (body.finalized_features_epoch, body.transaction_version) = (None, 0);
            }
        }
        Response::CreateTopics(body) => {
            for topic in &mut body.topics {
                if version < 5 {
                    (topic.num_partitions, topic.replication_factor) = (-1, -1);
                }
                if version < 7 {
                    topic.id = TopicId::default();
                }
            }
        }
        Response::DeleteTopics(body) => {
            for topic in &mut body.topics {
                if version < 5 {
                    topic.error_message = None;
                }
                if version < 6 {
                    topic.id = TopicId::default();
                }
            }
        }
        Response::EndTxn(body) if version < 5 => (body.producer_id, body.producer_epoch) = (-1, -1),
        Response::OffsetFetch(body) => transactions::fetched_offsets_as_of(version, body),
        Response::InitProducerId(_)
        | Response::AddPartitionsToTxn(_)
        | Response::AddOffsetsToTxn(_)
        | Response::EndTxn(_)
        | Response::TxnOffsetCommit(_) => {}
    }
    response
}

/// The header of every sample request.
pub fn header(api: ApiKey, version: i16) -> RequestHeader {
    RequestHeader { api, version, correlation: CORRELATION, client_id: Some(text("producer-1")) }
}

/// A frame's bytes in one piece, its length field taken off.
pub fn without_length(mut frame: Frame) -> Bytes {
    let mut bytes = frame.copy_to_bytes(frame.len_bytes());
    assert_eq!(usize::try_from(bytes.get_i32()), Ok(bytes.len()), "the length field counts what follows it");
    bytes
}

/// The sample request of this API as a frame, in every version that either side speaks.
pub fn request_frame(api: ApiKey, version: i16) -> Bytes {
    let body = request_as_of(version, request(api));
    let request = OutgoingRequest { header: header(api, version), body, expects_response: true };
    without_length(encode_request(&request).expect("the sample has a form in every version"))
}

/// The sample response of this API as a frame, in every version that our brokers answer.
pub fn response_frame(api: ApiKey, version: i16) -> Bytes {
    let frame = encode_response(version, CORRELATION, &response(api));
    without_length(frame.expect("the sample has a form in every version"))
}
