//! What may be looked at from outside: what a cluster is made of, its topics, their copies and who remembers whom.
//!
//! *Models*: an onlooker who sees all brokers at once. *Leaves out*: what no broker knows.

use core::time::Duration;
use std::sync::Arc;

use super::log::PartitionLog;
use super::topics::Partition;
use super::{Cluster, ClusterConfig};
use crate::ids::{NodeId, ProducerIdentity, TopicPartition};
use crate::time::Now;
use crate::trace::Observer;

impl<O: Observer> Cluster<O> {
    /// What it is made of.
    pub fn config(&self) -> &ClusterConfig {
        &self.config
    }

    /// Connections that brokers have not seen the end of.
    #[cfg(feature = "wire")]
    pub fn connection_count(&self) -> usize {
        self.links.len()
    }

    /// Messages between brokers that have arrived: fetches and their answers.
    pub fn fetch_messages(&self) -> u64 {
        self.fetchers.messages()
    }

    /// The names of all topics with their partition counts, in order of name.
    pub fn topics(&self) -> impl Iterator<Item = (&Arc<str>, i32)> {
        self.topics.iter().map(|(name, topic)| (name, topic.partition_count()))
    }

    /// A partition's log as its leader has it (the last one that led, where nobody does), to be read back by tests and the
    /// page.
    pub fn log(&self, partition: &TopicPartition) -> Option<&PartitionLog> {
        self.partition(partition)?.main_replica().map(|replica| &replica.log)
    }

    /// One broker's copy of it.
    pub fn log_at(&self, node: NodeId, partition: &TopicPartition) -> Option<&PartitionLog> {
        self.partition(partition)?.replica(node).map(|replica| &replica.log)
    }

    /// The offset below which readers of a partition read, as one of its brokers knows it.
    pub fn high_watermark_at(&self, node: NodeId, partition: &TopicPartition) -> Option<i64> {
        self.partition(partition)?.replica(node).map(|replica| replica.high_watermark)
    }

    /// A partition's leader and its epoch, as the controller has decided.
    pub fn leader(&self, partition: &TopicPartition) -> Option<(NodeId, i32)> {
        let registration = &self.partition(partition)?.registration;
        Some((registration.leader, registration.leader_epoch))
    }

    /// The brokers that hold a partition, the preferred leader first.
    pub fn replicas(&self, partition: &TopicPartition) -> Option<&[NodeId]> {
        self.partition(partition).map(|found| &*found.registration.replicas)
    }

    /// Those of them that are in sync.
    pub fn in_sync_replicas(&self, partition: &TopicPartition) -> Option<&[NodeId]> {
        self.partition(partition).map(|found| &*found.registration.isr)
    }

    /// Those that may lead though they are not in sync (KIP-966).
    pub fn eligible_leader_replicas(&self, partition: &TopicPartition) -> Option<&[NodeId]> {
        self.partition(partition).map(|found| &*found.registration.elr)
    }

    pub(super) fn partition(&self, name: &TopicPartition) -> Option<&Partition> {
        self.topics.partition(&name.topic, name.partition)
    }

    /// The producers that a partition remembers, as DescribeProducers lists them, in order of their ids.
    pub fn active_producers(&mut self, now: Now, partition: &TopicPartition) -> Vec<ProducerIdentity> {
        let Some((_, found)) = self.topics.partition_mut(partition) else { return Vec::new() };
        let leader = found.registration.leader;
        let Some(replica) = found.replica_mut(leader) else { return Vec::new() };
        replica.producers.forget_idle(now, &self.config);
        replica.producers.identities().collect()
    }

    /// Changes `producer.id.expiration.ms`, which Kafka lets operators do while brokers run.
    pub fn set_producer_id_expiration(&mut self, now: Now, expiration: Duration) {
        for replica in self.topics.partitions_mut().flat_map(|partition| &mut partition.replicas) {
            replica.producers.forget_idle(now, &self.config);
        }
        Arc::make_mut(&mut self.config).producer_id_expiration = expiration;
    }

    /// The observer.
    pub fn observer_mut(&mut self) -> &mut O {
        &mut self.observer
    }
}
