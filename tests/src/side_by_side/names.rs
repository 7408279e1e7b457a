//! What must differ between two clusters is given a name that both have: ids are counted as they appear, times and ports
//! are told as what they are.

use std::collections::BTreeMap;
use std::fmt::Debug;

use bytes::Bytes;
use kafka_protocol::messages::*;
use kafka_protocol::protocol::StrBytes;
use producer_core::record_batch::BatchView;
use uuid::Uuid;

use super::batch::crc_of;
use super::fields::Field;
use crate::wire_story::timestamp_ms;

/// A time this near to the story's is that of the broker's clock, or an hour from it.
const NEAR_MS: i64 = 2 * 3_600_000;
/// What stands for the time of the broker's clock.
const NOW_MS: i64 = 1;
/// The places of a batch's header.
const LAST_OFFSET_DELTA_AT: usize = 23;
const HEADER_BYTES: usize = 61;

/// What one cluster calls what both have.
#[derive(Debug, Default)]
pub(super) struct Names {
    producers: Vec<i64>,
    topics: BTreeMap<Uuid, Uuid>,
    /// The nodes that are called 1, 2, 3 …; where there are none, every node keeps its id.
    pub(super) nodes: Vec<i32>,
}

impl Names {
    /// A producer id by the order of its appearance. Those that the story made up are beyond all that are given.
    fn producer(&mut self, id: &mut i64) {
        if (0..super::STRANGER.0).contains(id) {
            let place = self.producers.iter().position(|known| known == id).unwrap_or_else(|| {
                self.producers.push(*id);
                self.producers.len() - 1
            });
            *id = i64::try_from(place).expect("few producers");
        }
    }

    /// A node by its place.
    fn node(&self, id: &mut BrokerId) {
        if let Some(place) = self.nodes.iter().position(|node| *node == id.0) {
            id.0 = i32::try_from(place).expect("few nodes") + 1;
        }
    }

    /// Nodes by their places, in order of these.
    fn sort_nodes(&self, ids: &mut [BrokerId]) {
        ids.iter_mut().for_each(|id| self.node(id));
        ids.sort_by_key(|id| id.0);
    }

    /// A topic id by what is known of it. The nil one and the one that the story made up stay as they are.
    fn topic(&self, id: &mut Uuid) {
        if *id != Uuid::nil() && *id != super::NOBODYS_TOPIC {
            *id = self.topics.get(id).copied().unwrap_or(Uuid::max());
        }
    }

    /// A topic id that comes with the topic's name, from whose checksum it gets its common one.
    fn topic_named(&mut self, id: &mut Uuid, name: &str) {
        if *id != Uuid::nil() && *id != super::NOBODYS_TOPIC {
            self.topics.insert(*id, Uuid::from_u128(u128::from(crc_of(name.as_bytes())) + 1));
        }
        self.topic(id);
    }
}

/// The time of the broker's clock, if it is that.
fn clock(time_ms: &mut i64) {
    if (*time_ms - timestamp_ms()).abs() < NEAR_MS {
        *time_ms = NOW_MS;
    }
}

fn port(port: &mut i32) {
    if *port > 0 {
        *port = 1;
    }
}

/// A sentence without the broker's clock: `[now, now + …]`.
fn sentence(text: &mut Option<StrBytes>) {
    let Some(said) = text else { return };
    let mut told = String::new();
    let mut number = String::new();
    for letter in said.as_str().chars().chain(['\0']) {
        if letter.is_ascii_digit() || (letter == '-' && number.is_empty()) {
            number.push(letter);
            continue;
        }
        told.push_str(&told_number(&number));
        number.clear();
        told.push(letter);
    }
    told.pop();
    *text = Some(StrBytes::from_string(told));
}

fn told_number(digits: &str) -> String {
    let Ok(number) = digits.parse::<i64>() else { return digits.to_owned() };
    let is_near = |time_ms: i64| number.wrapping_sub(time_ms).unsigned_abs() < NEAR_MS.unsigned_abs();
    let now = timestamp_ms();
    if is_near(now) {
        "<now>".to_owned()
    } else if is_near(now.wrapping_sub(i64::MAX)) {
        "<now - Long.MAX_VALUE>".to_owned()
    } else {
        digits.to_owned()
    }
}

/// An answer that can be held beside another cluster's.
pub(super) trait Answer: Debug {
    /// Gives everything its common name; what cannot be told by `Debug` comes as fields of its own.
    fn rename(&mut self, _: &mut Names) -> Vec<Field> {
        Vec::new()
    }
}

impl Answer for AddPartitionsToTxnResponse {
    fn rename(&mut self, _: &mut Names) -> Vec<Field> {
        let by_name = &mut self.results_by_topic_v3_and_below;
        by_name.sort_by(|left, right| left.name.0.cmp(&right.name.0));
        for topic in by_name {
            topic.results_by_partition.sort_by_key(|partition| partition.partition_index);
        }
        Vec::new()
    }
}

impl Answer for AddOffsetsToTxnResponse {}
impl Answer for TxnOffsetCommitResponse {}
impl Answer for ListOffsetsResponse {}

impl Answer for OffsetFetchResponse {
    fn rename(&mut self, _: &mut Names) -> Vec<Field> {
        self.topics.sort_by(|left, right| left.name.0.cmp(&right.name.0));
        self.topics.iter_mut().for_each(|topic| topic.partitions.sort_by_key(|partition| partition.partition_index));
        for group in &mut self.groups {
            group.topics.sort_by(|left, right| left.name.0.cmp(&right.name.0));
            for topic in &mut group.topics {
                topic.partitions.sort_by_key(|partition| partition.partition_index);
            }
        }
        Vec::new()
    }
}

impl Answer for ApiVersionsResponse {
    /// Each API is a field of its own, by its number.
    fn rename(&mut self, _: &mut Names) -> Vec<Field> {
        let range = |key: &api_versions_response::ApiVersion| {
            (format!("api {}", key.api_key), format!("{} to {}", key.min_version, key.max_version))
        };
        let mut fields: Vec<Field> = std::mem::take(&mut self.api_keys).iter().map(range).collect();
        for feature in std::mem::take(&mut self.supported_features) {
            let levels = format!("{} to {}", feature.min_version, feature.max_version);
            fields.push((format!("supported {}", feature.name.as_str()), levels));
        }
        for feature in std::mem::take(&mut self.finalized_features) {
            let levels = format!("{} to {}", feature.min_version_level, feature.max_version_level);
            fields.push((format!("finalized {}", feature.name.as_str()), levels));
        }
        fields
    }
}

impl Answer for InitProducerIdResponse {
    fn rename(&mut self, names: &mut Names) -> Vec<Field> {
        names.producer(&mut self.producer_id.0);
        Vec::new()
    }
}

impl Answer for EndTxnResponse {
    fn rename(&mut self, names: &mut Names) -> Vec<Field> {
        names.producer(&mut self.producer_id.0);
        Vec::new()
    }
}

impl Answer for FindCoordinatorResponse {
    fn rename(&mut self, _: &mut Names) -> Vec<Field> {
        port(&mut self.port);
        self.coordinators.iter_mut().for_each(|coordinator| port(&mut coordinator.port));
        Vec::new()
    }
}

impl Answer for MetadataResponse {
    /// Topics and partitions come in an order that hashes make.
    fn rename(&mut self, names: &mut Names) -> Vec<Field> {
        for broker in &mut self.brokers {
            names.node(&mut broker.node_id);
            port(&mut broker.port);
        }
        self.brokers.sort_by_key(|broker| broker.node_id.0);
        // Whichever broker is named passes on what is the controller's business.
        self.controller_id.0 = self.controller_id.0.min(1);
        // Of 22 characters in both.
        self.cluster_id = self.cluster_id.take().map(|id| StrBytes::from_string("x".repeat(id.as_str().len())));
        self.topics.sort_by_key(|topic| (topic.name.clone().map(|name| name.0.as_str().to_owned()), topic.topic_id));
        for topic in &mut self.topics {
            match &topic.name {
                Some(name) => names.topic_named(&mut topic.topic_id, name.0.as_str()),
                None => names.topic(&mut topic.topic_id),
            }
            topic.partitions.sort_by_key(|partition| partition.partition_index);
            for partition in &mut topic.partitions {
                names.node(&mut partition.leader_id);
                partition.replica_nodes.iter_mut().for_each(|node| names.node(node));
                names.sort_nodes(&mut partition.isr_nodes);
                names.sort_nodes(&mut partition.offline_replicas);
            }
        }
        Vec::new()
    }
}

impl Answer for CreateTopicsResponse {
    fn rename(&mut self, names: &mut Names) -> Vec<Field> {
        // A cluster draws their order.
        self.topics.sort_by(|left, right| left.name.0.cmp(&right.name.0));
        for topic in &mut self.topics {
            names.topic_named(&mut topic.topic_id, topic.name.0.as_str());
        }
        Vec::new()
    }
}

impl Answer for DeleteTopicsResponse {
    fn rename(&mut self, names: &mut Names) -> Vec<Field> {
        let name = |topic: &delete_topics_response::DeletableTopicResult| {
            topic.name.as_ref().map(|name| name.0.as_str().to_owned())
        };
        self.responses.sort_by_key(|topic| (name(topic), topic.error_code, topic.topic_id));
        self.responses.iter_mut().for_each(|topic| names.topic(&mut topic.topic_id));
        Vec::new()
    }
}

impl Answer for ProduceResponse {
    fn rename(&mut self, names: &mut Names) -> Vec<Field> {
        for node in &mut self.node_endpoints {
            names.node(&mut node.node_id);
            port(&mut node.port);
        }
        for topic in &mut self.responses {
            names.topic(&mut topic.topic_id);
            topic.partition_responses.sort_by_key(|partition| partition.index);
            for partition in &mut topic.partition_responses {
                names.node(&mut partition.current_leader.leader_id);
                clock(&mut partition.log_append_time_ms);
                sentence(&mut partition.error_message);
                for record in &mut partition.record_errors {
                    sentence(&mut record.batch_index_error_message);
                }
            }
        }
        Vec::new()
    }
}

impl Answer for FetchResponse {
    fn rename(&mut self, names: &mut Names) -> Vec<Field> {
        let mut fields = Vec::new();
        for node in &mut self.node_endpoints {
            names.node(&mut node.node_id);
            port(&mut node.port);
        }
        for (topic_place, topic) in self.responses.iter_mut().enumerate() {
            names.topic(&mut topic.topic_id);
            for (place, partition) in topic.partitions.iter_mut().enumerate() {
                names.node(&mut partition.current_leader.leader_id);
                for aborted in partition.aborted_transactions.iter_mut().flatten() {
                    names.producer(&mut aborted.producer_id.0);
                }
                let records = partition.records.take();
                let path = format!("responses.{topic_place}.partitions.{place}.records");
                match records {
                    None => fields.push((path, "None".to_owned())),
                    Some(records) => batches(&path, &records, names, &mut fields),
                }
            }
        }
        fields
    }
}

/// Every batch, field by field.
fn batches(path: &str, records: &Bytes, names: &mut Names, fields: &mut Vec<Field>) {
    let mut rest = &records[..];
    let mut count = 0;
    while let Ok(batch) = BatchView::parse(rest) {
        let bytes = &rest[..batch.size_bytes()];
        rest = &rest[batch.size_bytes()..];
        let mut field = |name: &str, value: String| fields.push((format!("{path}.{count}.{name}"), value));
        let number = |at: usize| i64::from_be_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
        let is_the_brokers = batch.attributes() & 0x28 != 0;
        let (mut producer, mut base_time, mut max_time) = (batch.producer_id(), number(27), number(35));
        names.producer(&mut producer);
        if is_the_brokers {
            clock(&mut base_time);
            clock(&mut max_time);
        }
        let crc = u32::from_be_bytes(bytes[17..21].try_into().expect("4 bytes"));
        field("place", format!("offset {} of epoch {}", batch.base_offset(), batch.partition_leader_epoch()));
        field("form", format!("magic {}, attributes {}, {} bytes", bytes[16], batch.attributes(), bytes.len()));
        field("crc", if crc == crc_of(&bytes[21..]) { "right" } else { "wrong" }.to_owned());
        let delta = i32::from_be_bytes(bytes[LAST_OFFSET_DELTA_AT..27].try_into().expect("4 bytes"));
        field("last offset delta", delta.to_string());
        field("times", format!("{base_time} to {max_time}"));
        field("producer", format!("{producer}, epoch {}, from {}", batch.producer_epoch(), batch.base_sequence()));
        field("count", batch.record_count().to_string());
        field("records", format!("{:?}", Bytes::copy_from_slice(&bytes[HEADER_BYTES..])));
        count += 1;
    }
    fields.push((format!("{path}.rest"), format!("{} bytes after {count} batches", rest.len())));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_brokers_clock_has_a_name_in_a_sentence() {
        let now = timestamp_ms();
        let said = format!("Timestamp {} should be within [{}, {now}] -1", now - 9_000_000, now.wrapping_sub(i64::MAX));
        let mut text = Some(StrBytes::from_string(said));
        sentence(&mut text);
        let expected = format!("Timestamp {} should be within [<now - Long.MAX_VALUE>, <now>] -1", now - 9_000_000);
        assert_eq!(text.expect("a sentence").as_str(), expected);
    }
}
