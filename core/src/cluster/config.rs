//! What a cluster is made of: the brokers' settings that change what happens here, with Kafka's defaults.
//!
//! *Models*: automatic topics, replication and its patience, retention by size, sessions and heartbeats, expiry of producer
//! ids and transactional ids, the level of the feature `transaction.version`; and what no broker has as a setting: how long
//! requests and messages between brokers take. *Leaves out*: every other setting of a broker, and changes while it runs; a
//! scenario that sets one is told that it has no effect.

use core::time::Duration;
use std::sync::Arc;

use crate::ids::{BrokerAddress, NodeId};

/// What a cluster is made of. Topics are added with [`Cluster::create_topic`](super::Cluster::create_topic).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterConfig {
    /// Where the brokers are reached, as they tell in Metadata. The first is node 1.
    pub brokers: Vec<BrokerAddress>,
    /// The cluster's id, 22 characters in Kafka.
    pub cluster_id: Arc<str>,
    /// `auto.create.topics.enable`: may a Metadata request create a topic it asks for?
    pub auto_create_topics: bool,
    /// `num.partitions`: of topics created without a number.
    pub num_partitions: i32,
    /// `default.replication.factor`: of topics created without one. No more than there are brokers.
    pub default_replication_factor: i16,
    /// `log.retention.bytes`: a partition drops its oldest batches beyond this. `None` keeps everything.
    pub log_retention_bytes: Option<u64>,
    /// `transaction.abort.timed.out.transaction.cleanup.interval.ms`: how often transactions that take too long are
    /// looked for. One that does is aborted at the next such moment.
    pub abort_timed_out_interval: Duration,
    /// The level at which the feature `transaction.version` is finalised: from 2 on clients speak protocol 2 (KIP-890),
    /// and the brokers themselves abort in its way.
    pub transaction_version: i16,
    /// `transactional.id.expiration.ms`: a transactional id that nobody has used for so long is forgotten.
    pub transactional_id_expiration: Duration,
    /// `producer.id.expiration.ms`: a partition forgets a producer whose last batch there is that old.
    pub producer_id_expiration: Duration,
    /// `producer.id.expiration.check.interval.ms`: how often such producers are looked for.
    pub producer_id_expiration_check_interval: Duration,
    /// `min.insync.replicas` of topics without a setting of their own: with fewer in sync, acks=all is refused and nothing
    /// new can be read.
    pub min_insync_replicas: usize,
    /// `unclean.leader.election.enable` of topics without a setting of their own: may a replica lead that lacks records?
    pub unclean_leader_election: bool,
    /// `replica.lag.time.max.ms`: a follower that lacks something for so long is no longer in sync.
    pub replica_lag_time_max: Duration,
    /// `replica.fetch.wait.max.ms`: so long a follower's fetch waits for records.
    pub replica_fetch_wait_max: Duration,
    /// `broker.session.timeout.ms`: a broker that the controller has not heard of for so long is fenced.
    pub broker_session_timeout: Duration,
    /// `broker.heartbeat.interval.ms`: how often brokers are heard of.
    pub broker_heartbeat_interval: Duration,
    /// How long a message takes from one broker to another; zero where replication is to cost no time.
    pub inter_broker_latency: Duration,
    /// How long a broker is busy with one request; a broker takes them one after another.
    pub processing_time: Duration,
    /// Topic ids are drawn from it.
    pub seed: u64,
}

impl ClusterConfig {
    /// Brokers at these addresses and Kafka's defaults for everything else.
    pub fn new(brokers: Vec<BrokerAddress>) -> Self {
        Self {
            brokers,
            cluster_id: "playground-cluster-001".into(),
            auto_create_topics: true,
            num_partitions: 1,
            default_replication_factor: 1,
            log_retention_bytes: None,
            abort_timed_out_interval: Duration::from_secs(10),
            // What a new Apache Kafka 4.3 finalises.
            transaction_version: 2,
            transactional_id_expiration: Duration::from_secs(7 * 24 * 3_600),
            producer_id_expiration: Duration::from_secs(24 * 3_600),
            producer_id_expiration_check_interval: Duration::from_secs(600),
            min_insync_replicas: 1,
            unclean_leader_election: false,
            replica_lag_time_max: Duration::from_secs(30),
            replica_fetch_wait_max: Duration::from_millis(500),
            broker_session_timeout: Duration::from_secs(9),
            broker_heartbeat_interval: Duration::from_secs(2),
            inter_broker_latency: Duration::ZERO,
            processing_time: Duration::ZERO,
            seed: 0,
        }
    }

    /// `count` brokers that are nowhere: `broker-1:9092`, `broker-2:9092` …, for a simulated network, with a quarter of a
    /// millisecond between them.
    pub fn simulated(count: usize) -> Self {
        let address = |node| BrokerAddress { host: format!("broker-{node}").into(), port: 9092 };
        let inter_broker_latency = Duration::from_micros(250);
        Self { inter_broker_latency, ..Self::new((1..=count).map(address).collect()) }
    }

    /// All brokers with their node ids.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &BrokerAddress)> {
        (1..).map(NodeId).zip(&self.brokers)
    }

    pub(super) fn address_of(&self, node: NodeId) -> Option<&BrokerAddress> {
        self.nodes().find(|&(id, _)| id == node).map(|(_, address)| address)
    }
}
