//! Writes with acks=all that wait for followers (`DelayedProduce`).
//!
//! *Models*: one wait for all partitions of a request, until the high watermark has passed every batch, the leader has
//! lost its place, or the request's time is over: then the answer is REQUEST_TIMED_OUT although the batches are in the log.
//! *Leaves out*: nothing that a client could see.

use super::Cluster;
use super::produce::NAMES_LEADERS_SINCE;
use crate::error::ErrorCode;
use crate::ids::{NodeId, TopicPartition};
use crate::protocol::{LeaderIdAndEpoch, ProduceResponse};
use crate::time::Instant;
use crate::trace::Observer;

/// An answer that is known but for what followers do.
#[derive(Clone, Debug)]
pub(super) struct DelayedProduce {
    pub(super) response: ProduceResponse,
    pub(super) version: i16,
    /// When the request's time is over.
    pub(super) deadline: Instant,
    pub(super) awaited: Vec<AwaitedBatch>,
}

/// A batch that followers have to fetch.
#[derive(Clone, Debug)]
pub(super) struct AwaitedBatch {
    pub(super) name: TopicPartition,
    /// Its place in the answer: topic, then partition.
    pub(super) place: (usize, usize),
    /// The high watermark that has to be reached.
    pub(super) required_offset: i64,
}

impl<O: Observer> Cluster<O> {
    /// Settles what is settled; `true`: nothing is awaited any more.
    pub(super) fn settle_produce(&self, now: Instant, node: NodeId, produce: &mut DelayedProduce) -> bool {
        let DelayedProduce { response, version, deadline, awaited } = produce;
        awaited.retain(|batch| {
            let verdict = self.is_replicated(node, batch);
            let is_over = *deadline <= now;
            let error = verdict.unwrap_or(if is_over { ErrorCode::REQUEST_TIMED_OUT } else { ErrorCode::NONE });
            let (topic, partition) = batch.place;
            let answer = response.topics.get_mut(topic).and_then(|topic| topic.partitions.get_mut(partition));
            if let Some(answer) = answer {
                answer.error = error;
                if error == ErrorCode::NOT_LEADER_OR_FOLLOWER && *version >= NAMES_LEADERS_SINCE {
                    answer.current_leader = self.believed_leader(node, &batch.name);
                }
            }
            verdict.is_none() && !is_over
        });
        if awaited.is_empty() && *version >= NAMES_LEADERS_SINCE {
            response.node_endpoints = self.endpoints_of_new_leaders(response);
        }
        awaited.is_empty()
    }

    /// `Partition.checkEnoughReplicasReachOffset`; `None`: not yet.
    fn is_replicated(&self, node: NodeId, batch: &AwaitedBatch) -> Option<ErrorCode> {
        let name = &batch.name;
        let Some(topic) = self.topics.get(&name.topic) else { return Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION) };
        let found = usize::try_from(name.partition).ok().and_then(|number| topic.partitions.get(number));
        let Some(partition) = found else { return Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION) };
        let replica = partition.replica(node)?;
        if replica.is_offline {
            return Some(ErrorCode::KAFKA_STORAGE_ERROR);
        }
        let Some(leading) = replica.leading() else { return Some(ErrorCode::NOT_LEADER_OR_FOLLOWER) };
        let is_enough = leading.isr.len() >= partition.min_isr(&topic.settings, &self.config);
        let error = if is_enough { ErrorCode::NONE } else { ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND };
        (replica.high_watermark >= batch.required_offset).then_some(error)
    }

    /// The leader that a broker names to a client that came to the wrong one (KIP-951).
    pub(super) fn believed_leader(&self, node: NodeId, name: &TopicPartition) -> Option<LeaderIdAndEpoch> {
        let partition = self.topics.partition(&name.topic, name.partition)?;
        let (leader, epoch) = match partition.replica(node) {
            Some(replica) => replica.believed_leader(),
            None => self.leader_in_metadata(node, name)?,
        };
        Some(LeaderIdAndEpoch { leader, epoch })
    }

    /// As the broker's metadata has it.
    fn leader_in_metadata(&self, node: NodeId, name: &TopicPartition) -> Option<(NodeId, i32)> {
        let image = self.brokers.get(node).and_then(|broker| broker.image.as_ref());
        let registration = match image {
            Some(image) => image.topics.get(&name.topic)?.partitions.get(usize::try_from(name.partition).ok()?)?,
            None => &self.topics.partition(&name.topic, name.partition)?.registration,
        };
        Some((registration.leader, registration.leader_epoch))
    }
}
