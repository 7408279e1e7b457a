//! The brokers' rules, as a client meets them.

#[cfg(feature = "compression")]
mod compressed;
mod deletion;
mod faults;
mod fetching;
mod producing;
pub(crate) mod reader;
mod replication;
#[cfg(feature = "compression")]
mod rewriting;
mod topic_ids;
mod topics;
mod transactions;

use core::time::Duration;

use bytes::{Bytes, BytesMut};

use super::*;
use crate::ids::{Lane, ProducerIdentity, ProducerIndex, TopicId};
use crate::protocol::{
    FetchPartition, FetchPartitionResponse, FetchRequest, FetchTopic, MetadataRequest, MetadataTopic, ProducePartition,
    ProducePartitionResponse, ProduceRequest, ProduceTopic,
};
use crate::record_batch::{BatchBuilder, Stamp};
use crate::trace::TraceBuffer;

/// The brokers' wall clock when a test begins.
const WALL_MS: i64 = 1_700_000_000_000;

const PRODUCER: ProducerIdentity = ProducerIdentity { id: 0, epoch: 0 };

/// A cluster, a clock that moves when told, and what came out.
struct World {
    cluster: Cluster<TraceBuffer>,
    elapsed_us: u64,
    next_correlation: i32,
    cuts: Vec<LinkId>,
}

impl World {
    /// Three brokers and `orders` with three partitions on all of them, led by 1, 2 and 3.
    fn new() -> Self {
        Self::of(at_once())
    }

    /// The same of brokers with these settings.
    fn of(config: ClusterConfig) -> Self {
        let mut cluster = Cluster::new(config, TraceBuffer::new(Lane(0), ProducerIndex(0)));
        cluster.create_topic(&new_topic("orders", 3, 3)).unwrap();
        Self { cluster, elapsed_us: 0, next_correlation: 0, cuts: Vec::new() }
    }

    fn now(&self) -> Now {
        Now { elapsed_us: self.elapsed_us, wall_ms: WALL_MS + i64::try_from(self.elapsed_us / 1_000).unwrap() }
    }

    /// A new connection to a broker.
    fn connect(&mut self, node: i32) -> LinkId {
        self.next_correlation += 1;
        let connection = ConnectionId(self.next_correlation.unsigned_abs());
        let link = LinkId { client: 0, connection };
        self.cluster.handle_input(self.now(), ClusterInput::Opened { link, node: NodeId(node) });
        link
    }

    /// Sends a request in the highest version and gives what came out at once.
    fn ask(&mut self, link: LinkId, body: Request) -> Option<Response> {
        self.send(link, body);
        self.responses().pop().map(|(_, response)| response)
    }

    fn ask_in_version(&mut self, link: LinkId, version: i16, body: Request) -> Option<Response> {
        self.send_in_version(link, version, body);
        self.responses().pop().map(|(_, response)| response)
    }

    fn send(&mut self, link: LinkId, body: Request) -> CorrelationId {
        let version = crate::protocol::broker_versions(body.api()).max;
        self.send_in_version(link, version, body)
    }

    fn send_in_version(&mut self, link: LinkId, version: i16, mut body: Request) -> CorrelationId {
        self.say_ids(&mut body);
        self.next_correlation += 1;
        let correlation = CorrelationId(self.next_correlation);
        let header = RequestHeader { api: body.api(), version, correlation, client_id: None };
        self.cluster.handle_input(self.now(), ClusterInput::Request { link, header, body });
        correlation
    }

    /// Gives topics that are said by name the ids that clients have from Metadata.
    fn say_ids(&self, body: &mut Request) {
        let id_of = |name: &str, id: TopicId| match self.cluster.topics.get(name) {
            Some(topic) if id == TopicId::default() => topic.id,
            _ => id,
        };
        match body {
            Request::Produce(body) => body.topics.iter_mut().for_each(|topic| topic.id = id_of(&topic.name, topic.id)),
            Request::Fetch(body) => body.topics.iter_mut().for_each(|topic| topic.id = id_of(&topic.name, topic.id)),
            _ => {}
        }
    }

    /// Drains; gives the responses in order.
    fn responses(&mut self) -> Vec<(CorrelationId, Response)> {
        let mut responses = Vec::new();
        for _ in 0..100_000 {
            match self.cluster.poll_output() {
                ClusterOutput::Respond { correlation, response, .. } => responses.push((correlation, response)),
                ClusterOutput::Cut { link } => self.cuts.push(link),
                ClusterOutput::Wait { .. } => return responses,
            }
        }
        panic!("never comes to rest");
    }

    /// When the cluster wants to be woken.
    fn wants_wake_at(&mut self) -> Option<Instant> {
        self.responses();
        match self.cluster.poll_output() {
            ClusterOutput::Wait { until } => until,
            other => panic!("drained: {other:?}"),
        }
    }

    fn pass(&mut self, by: Duration) {
        self.elapsed_us += u64::try_from(by.as_micros()).unwrap();
        self.cluster.handle_input(self.now(), ClusterInput::Wake);
    }

    /// Lets so much time pass that followers' fetches have waited in vain, and have brought home the high watermark alone.
    fn let_followers_hear(&mut self) {
        self.pass(Duration::from_millis(500));
    }

    /// Sends one batch to the leader of its partition over a connection of its own.
    fn produce(&mut self, partition: i32, batch: Bytes) -> ProducePartitionResponse {
        let (leader, _) = self.cluster.leader(&orders(partition)).unwrap();
        self.produce_at(leader.0, partition, batch)
    }

    /// Sends one batch to any broker.
    fn produce_at(&mut self, node: i32, partition: i32, batch: Bytes) -> ProducePartitionResponse {
        let link = self.connect(node);
        match self.ask(link, produce_request(-1, partition, batch)) {
            Some(Response::Produce(mut response)) => response.topics.remove(0).partitions.remove(0),
            other => panic!("{other:?}"),
        }
    }

    fn fetch(&mut self, node: i32, request: FetchRequest) -> FetchPartitionResponse {
        let link = self.connect(node);
        match self.ask(link, Request::Fetch(request)) {
            Some(Response::Fetch(mut response)) => response.topics.remove(0).partitions.remove(0),
            other => panic!("{other:?}"),
        }
    }

    fn describe(&mut self, topic: &str, may_create: bool) -> MetadataTopic {
        let is_there = |&node: &i32| self.cluster.accepts_connections(NodeId(node));
        let node = (1..=3).find(is_there).unwrap();
        let link = self.connect(node);
        let request = MetadataRequest {
            topics: Some(vec![topic.into()]),
            allow_auto_topic_creation: may_create,
            ..Default::default()
        };
        match self.ask(link, Request::Metadata(request)) {
            Some(Response::Metadata(mut response)) => response.topics.remove(0),
            other => panic!("{other:?}"),
        }
    }

    /// Values in a log, in order.
    fn values(&self, partition: i32) -> Vec<String> {
        let log = self.cluster.log(&orders(partition)).unwrap();
        log.records().map(|record| String::from_utf8(record.value.unwrap().to_vec()).unwrap()).collect()
    }

    fn facts(&mut self) -> Vec<Fact> {
        self.cluster.observer_mut().take().into_iter().map(|event| event.what).collect()
    }
}

/// Three brokers between which no time passes.
fn at_once() -> ClusterConfig {
    ClusterConfig { inter_broker_latency: Duration::ZERO, ..ClusterConfig::simulated(3) }
}

fn orders(partition: i32) -> TopicPartition {
    TopicPartition { topic: "orders".into(), partition }
}

fn produce_request(acks: i16, partition: i32, records: Bytes) -> Request {
    Request::Produce(ProduceRequest {
        transactional_id: None,
        acks,
        timeout_ms: 30_000,
        topics: vec![ProduceTopic {
            name: "orders".into(),
            id: Default::default(),
            partitions: vec![ProducePartition { partition, records }],
        }],
    })
}

/// A fetch of one partition that does not wait.
fn fetch_request(partition: i32, fetch_offset: i64) -> FetchRequest {
    FetchRequest {
        max_wait_ms: 0,
        min_bytes: 1,
        max_bytes: 50 << 20,
        isolation_level: 0,
        session_id: 0,
        session_epoch: -1,
        topics: vec![FetchTopic {
            name: "orders".into(),
            id: Default::default(),
            partitions: vec![FetchPartition { partition, current_leader_epoch: -1, fetch_offset, max_bytes: 1 << 20 }],
        }],
    }
}

/// A batch of a producer without idempotence.
fn plain(values: &[&str]) -> Bytes {
    batch(values, WALL_MS, Stamp::PLAIN)
}

fn sequenced(identity: ProducerIdentity, base_sequence: i32, values: &[&str]) -> Bytes {
    batch(values, WALL_MS, Stamp { identity: Some(identity), base_sequence, transactional: false })
}

fn batch(values: &[&str], timestamp_ms: i64, stamp: Stamp) -> Bytes {
    let mut builder = BatchBuilder::new(BytesMut::new(), 1 << 20);
    for value in values {
        builder.try_append(timestamp_ms, None, Some(value.as_bytes()), &[]).unwrap();
    }
    builder.close(stamp)
}
