//! Brokers that have something to get and do not take it (`RecordAccumulator.NodeLatencyStats`, KIP-794).

use std::collections::BTreeMap;

use core::time::Duration;

use crate::ids::NodeId;
use crate::time::Instant;

use super::accumulator::{Cluster, Leader};
use super::metadata::Metadata;
use super::topics::{PartitionRef, TopicIndex};

#[derive(Clone, Copy, Debug)]
struct Latency {
    /// When there was last something for the broker.
    ready_at: Instant,
    /// When it could last be sent to then.
    drained_at: Instant,
}

/// All brokers that ever had something to get.
#[derive(Clone, Debug)]
pub(super) struct Latencies {
    /// `partitioner.availability.timeout.ms`; zero: nothing is noted.
    timeout: Duration,
    nodes: BTreeMap<NodeId, Latency>,
}

impl Latencies {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { timeout, nodes: BTreeMap::new() }
    }

    /// There is something for a broker now, and it can be sent to or not.
    pub(super) fn on_ready(&mut self, node: NodeId, now: Instant, can_be_sent_to: bool) {
        if self.timeout.is_zero() {
            return;
        }
        let latency = self.nodes.entry(node).or_insert(Latency { ready_at: now, drained_at: now });
        latency.ready_at = now;
        if can_be_sent_to {
            latency.drained_at = now;
        }
    }

    /// When there was last something for a broker, and when it could last be sent to then.
    #[cfg(test)]
    pub(super) fn of(&self, node: NodeId) -> Option<(Instant, Instant)> {
        self.nodes.get(&node).map(|latency| (latency.ready_at, latency.drained_at))
    }

    fn takes_nothing(&self, node: NodeId) -> bool {
        self.nodes.get(&node).is_some_and(|latency| latency.ready_at - latency.drained_at > self.timeout)
    }
}

impl Cluster for (&Metadata, &Latencies) {
    fn leader(&self, partition: PartitionRef) -> Option<Leader> {
        self.0.leader(partition)
    }

    fn partition_count(&self, topic: TopicIndex) -> usize {
        self.0.partition_count(topic)
    }

    fn takes_nothing(&self, node: NodeId) -> bool {
        self.1.takes_nothing(node)
    }
}
