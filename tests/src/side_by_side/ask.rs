//! Requests in short.

use bytes::Bytes;
use kafka_protocol::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::*;
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

/// From these versions on Produce and Fetch say topics by their ids.
const BY_ID_SINCE: i16 = 13;

pub(super) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// A topic as both a name and an id say it; which of them goes over the wire is the version's business.
#[derive(Clone, Debug)]
pub(super) struct Topic {
    pub(super) name: String,
    pub(super) id: Uuid,
}

impl Topic {
    pub(super) fn unknown(name: &str) -> Self {
        Self { name: name.to_owned(), id: super::NOBODYS_TOPIC }
    }

    fn name_in(&self, version: i16) -> TopicName {
        TopicName(text(if version < BY_ID_SINCE { &self.name } else { "" }))
    }

    fn id_in(&self, version: i16) -> Uuid {
        if version < BY_ID_SINCE { Uuid::nil() } else { self.id }
    }
}

/// Produce, of which everything but the batches may stay as it is.
#[derive(Clone, Debug)]
pub(super) struct Produce<'a> {
    pub(super) topic: &'a Topic,
    pub(super) acks: i16,
    pub(super) timeout_ms: i32,
    pub(super) transactional_id: Option<&'a str>,
    pub(super) batches: Vec<(i32, Option<Bytes>)>,
}

impl<'a> Produce<'a> {
    /// One batch to partition 0.
    pub(super) fn one(topic: &'a Topic, batch: Bytes) -> Self {
        Self { topic, acks: -1, timeout_ms: 30_000, transactional_id: None, batches: vec![(0, Some(batch))] }
    }

    pub(super) fn within(self, transactional_id: &'a str) -> Self {
        Self { transactional_id: Some(transactional_id), ..self }
    }

    pub(super) fn to(mut self, partition: i32) -> Self {
        self.batches[0].0 = partition;
        self
    }

    pub(super) fn acks(self, acks: i16) -> Self {
        Self { acks, ..self }
    }

    pub(super) fn request(&self, version: i16) -> ProduceRequest {
        let partition = |(number, records): &(i32, Option<Bytes>)| {
            PartitionProduceData::default().with_index(*number).with_records(records.clone())
        };
        let topic = TopicProduceData::default()
            .with_name(self.topic.name_in(version))
            .with_topic_id(self.topic.id_in(version))
            .with_partition_data(self.batches.iter().map(partition).collect());
        ProduceRequest::default()
            .with_transactional_id(self.transactional_id.map(|id| TransactionalId(text(id))))
            .with_acks(self.acks)
            .with_timeout_ms(self.timeout_ms)
            .with_topic_data(vec![topic])
    }
}

/// Fetch of one partition.
#[derive(Clone, Debug)]
pub(super) struct Fetch<'a> {
    pub(super) topic: &'a Topic,
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) leader_epoch: i32,
    pub(super) max_bytes: [i32; 2],
    pub(super) min_bytes: i32,
    pub(super) max_wait_ms: i32,
    pub(super) isolation_level: i8,
    pub(super) session: (i32, i32),
}

impl<'a> Fetch<'a> {
    pub(super) fn from(topic: &'a Topic, offset: i64) -> Self {
        Self {
            topic,
            partition: 0,
            offset,
            leader_epoch: -1,
            max_bytes: [1 << 22; 2],
            min_bytes: 0,
            max_wait_ms: 0,
            isolation_level: 0,
            session: (0, -1),
        }
    }

    pub(super) fn request(&self, version: i16) -> FetchRequest {
        let [whole, of_partition] = self.max_bytes;
        let partition = FetchPartition::default()
            .with_partition(self.partition)
            .with_fetch_offset(self.offset)
            .with_partition_max_bytes(of_partition);
        let partition = if version >= 9 { partition.with_current_leader_epoch(self.leader_epoch) } else { partition };
        let topic = FetchTopic::default()
            .with_topic(self.topic.name_in(version))
            .with_topic_id(self.topic.id_in(version))
            .with_partitions(vec![partition]);
        let request = FetchRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_max_wait_ms(self.max_wait_ms)
            .with_min_bytes(self.min_bytes)
            .with_max_bytes(whole)
            .with_isolation_level(self.isolation_level)
            .with_topics(vec![topic]);
        if version < 7 { request } else { request.with_session_id(self.session.0).with_session_epoch(self.session.1) }
    }
}

/// ListOffsets of one partition.
pub(super) fn list_offsets(
    version: i16,
    (topic, partition): (&str, i32),
    timestamp: i64,
    leader_epoch: i32,
    isolation_level: i8,
) -> ListOffsetsRequest {
    let asked = ListOffsetsPartition::default().with_partition_index(partition).with_timestamp(timestamp);
    let asked = if version >= 4 { asked.with_current_leader_epoch(leader_epoch) } else { asked };
    let topic = ListOffsetsTopic::default().with_name(TopicName(text(topic))).with_partitions(vec![asked]);
    let request = ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![topic]);
    if version >= 2 { request.with_isolation_level(isolation_level) } else { request }
}

/// Metadata of topics by name.
pub(super) fn metadata(version: i16, names: &[&str]) -> MetadataRequest {
    let topic = |name: &&str| MetadataRequestTopic::default().with_name(Some(TopicName(text(name))));
    let request = MetadataRequest::default().with_topics(Some(names.iter().map(topic).collect()));
    if version >= 4 { request.with_allow_auto_topic_creation(false) } else { request }
}

/// A topic to be created.
pub(super) fn new_topic(name: &str, partitions: i32, copies: i16, configs: &[(&str, Option<&str>)]) -> CreatableTopic {
    let config = |&(name, value): &(&str, Option<&str>)| {
        CreatableTopicConfig::default().with_name(text(name)).with_value(value.map(text))
    };
    CreatableTopic::default()
        .with_name(TopicName(text(name)))
        .with_num_partitions(partitions)
        .with_replication_factor(copies)
        .with_configs(configs.iter().map(config).collect())
}

pub(super) fn create_topics(topics: Vec<CreatableTopic>) -> CreateTopicsRequest {
    CreateTopicsRequest::default().with_topics(topics).with_timeout_ms(30_000)
}

pub(super) fn find_coordinator(version: i16, key_type: i8, keys: &[&str]) -> FindCoordinatorRequest {
    let request = FindCoordinatorRequest::default();
    let request = if version >= 1 { request.with_key_type(key_type) } else { request };
    if version < 4 {
        request.with_key(text(keys[0]))
    } else {
        request.with_coordinator_keys(keys.iter().map(|key| text(key)).collect())
    }
}

/// InitProducerId; `expected` is the identity that the producer has.
pub(super) fn init(
    version: i16,
    id: Option<&str>,
    timeout_ms: i32,
    expected: Option<(i64, i16)>,
) -> InitProducerIdRequest {
    let request = InitProducerIdRequest::default()
        .with_transactional_id(id.map(|id| TransactionalId(text(id))))
        .with_transaction_timeout_ms(timeout_ms);
    let (producer, epoch) = expected.unwrap_or((-1, -1));
    if version < 3 { request } else { request.with_producer_id(ProducerId(producer)).with_producer_epoch(epoch) }
}

pub(super) fn end(id: &str, (producer, epoch): (i64, i16), committed: bool) -> EndTxnRequest {
    EndTxnRequest::default()
        .with_transactional_id(TransactionalId(text(id)))
        .with_producer_id(ProducerId(producer))
        .with_producer_epoch(epoch)
        .with_committed(committed)
}

pub(super) fn add_partitions(
    id: &str,
    (producer, epoch): (i64, i16),
    topics: &[(&str, &[i32])],
) -> AddPartitionsToTxnRequest {
    let topic = |&(name, partitions): &(&str, &[i32])| {
        AddPartitionsToTxnTopic::default().with_name(TopicName(text(name))).with_partitions(partitions.to_vec())
    };
    AddPartitionsToTxnRequest::default()
        .with_v3_and_below_transactional_id(TransactionalId(text(id)))
        .with_v3_and_below_producer_id(ProducerId(producer))
        .with_v3_and_below_producer_epoch(epoch)
        .with_v3_and_below_topics(topics.iter().map(topic).collect())
}

pub(super) fn add_offsets(id: &str, (producer, epoch): (i64, i16), group: &str) -> AddOffsetsToTxnRequest {
    AddOffsetsToTxnRequest::default()
        .with_transactional_id(TransactionalId(text(id)))
        .with_producer_id(ProducerId(producer))
        .with_producer_epoch(epoch)
        .with_group_id(GroupId(text(group)))
}
