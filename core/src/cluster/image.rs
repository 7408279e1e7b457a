//! What a broker has heard from the controller, where that is old (`MetadataImage`).
//!
//! *Models*: the brokers that are there, and leaders, epochs and in-sync replicas of all topics as they were. *Leaves
//! out*: topics that were deleted since: their copies are gone everywhere at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::broker::Brokers;
use super::registration::Registration;
use super::topics::{Topic, Topics};
use crate::ids::{NodeId, TopicId};

/// A topic as it was.
#[derive(Clone, Debug)]
pub(super) struct TopicImage {
    pub(super) id: TopicId,
    pub(super) partitions: Vec<Registration>,
}

impl TopicImage {
    pub(super) fn of(topic: &Topic) -> Self {
        let partitions = topic.partitions.iter().map(|partition| partition.registration.clone()).collect();
        Self { id: topic.id, partitions }
    }
}

/// What was there at one moment.
#[derive(Clone, Debug)]
pub(super) struct Image {
    /// Brokers that were not fenced.
    pub(super) alive: Vec<NodeId>,
    pub(super) topics: BTreeMap<Arc<str>, TopicImage>,
}

impl Image {
    pub(super) fn of(brokers: &Brokers, topics: &Topics) -> Self {
        Self {
            alive: alive(brokers),
            topics: topics.iter().map(|(name, topic)| (Arc::clone(name), TopicImage::of(topic))).collect(),
        }
    }
}

/// The brokers that are not fenced.
pub(super) fn alive(brokers: &Brokers) -> Vec<NodeId> {
    brokers.iter().filter(|(_, broker)| !broker.is_fenced).map(|(node, _)| node).collect()
}
