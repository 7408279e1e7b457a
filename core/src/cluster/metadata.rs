//! Metadata and CreateTopics: who leads what, and new topics.
//!
//! *Models*: a broker that hears the controller knows everything at once, another one what it heard last; brokers that are
//! not fenced, in-sync and offline replicas; a topic that a client may create comes into being while the answer still says
//! it is unknown, as in a cluster with a controller of its own, so the client asks again; questions by topic id (v12).
//! *Leaves out*: internal topics that come into being by themselves (coordinators keep what they know in memory).

use std::sync::Arc;

use super::Cluster;
use super::image::{Image, alive};
use super::registration::{NO_LEADER, Registration};
use super::topics::{check_topic_name, is_internal};
use crate::error::ErrorCode;
use crate::ids::{NodeId, TopicId};
use crate::protocol::{
    CreateTopicsRequest, CreateTopicsResponse, CreatedTopic, MetadataBroker, MetadataPartition, MetadataRequest,
    MetadataResponse, MetadataTopic, NewTopic,
};
use crate::trace::Observer;

impl<O: Observer> Cluster<O> {
    pub(super) fn metadata(&mut self, node: NodeId, request: &MetadataRequest) -> MetadataResponse {
        let image = self.brokers.get(node).and_then(|broker| broker.image.clone());
        let image = image.as_deref();
        let topics = match &request.topics {
            None => self.all_topics(image),
            Some(_) if !request.topic_ids.is_empty() => {
                request.topic_ids.iter().map(|&id| self.describe_by_id(image, id)).collect()
            }
            Some(names) => {
                let may_create = request.allow_auto_topic_creation;
                names.iter().map(|name| self.describe_or_create(image, name, may_create)).collect()
            }
        };
        let alive = image.map_or_else(|| alive(&self.brokers), |image| image.alive.clone());
        MetadataResponse {
            throttle_time_ms: 0,
            brokers: self.addresses(&alive),
            cluster_id: Some(self.config.cluster_id.clone()),
            // Any broker passes on what is the controller's business.
            controller: alive.first().copied().unwrap_or(NodeId(-1)),
            topics,
            error: ErrorCode::NONE,
        }
    }

    /// Brokers as Metadata names them.
    pub(super) fn addresses(&self, of: &[NodeId]) -> Vec<MetadataBroker> {
        let named = self.config.nodes().filter(|(node, _)| of.contains(node));
        let named = named.map(|(node, address)| MetadataBroker {
            node,
            host: address.host.clone(),
            port: i32::from(address.port),
            rack: None,
        });
        named.collect()
    }

    fn all_topics(&self, image: Option<&Image>) -> Vec<MetadataTopic> {
        let names: Vec<Arc<str>> = match image {
            Some(image) => image.topics.keys().cloned().collect(),
            None => self.topics.iter().map(|(name, _)| Arc::clone(name)).collect(),
        };
        names.iter().filter_map(|name| self.describe(image, name)).collect()
    }

    fn describe_by_id(&self, image: Option<&Image>, id: TopicId) -> MetadataTopic {
        let name = match image {
            Some(image) => image.topics.iter().find(|(_, topic)| topic.id == id).map(|(name, _)| name),
            None => self.topics.name_of(id),
        };
        let unknown = || MetadataTopic { error: ErrorCode::UNKNOWN_TOPIC_ID, id, ..MetadataTopic::default() };
        name.and_then(|name| self.describe(image, name)).unwrap_or_else(unknown)
    }

    /// A topic as a broker knows it that heard this last, or everything.
    fn describe(&self, image: Option<&Image>, name: &Arc<str>) -> Option<MetadataTopic> {
        if let Some(image) = image {
            let topic = image.topics.get(name)?;
            let is_offline = |node: NodeId, _| !image.alive.contains(&node);
            return Some(describe(name, topic.id, topic.partitions.iter(), is_offline));
        }
        let topic = self.topics.get(name)?;
        let is_offline = |node: NodeId, place: usize| {
            let replica = topic.partitions.get(place).and_then(|partition| partition.replica(node));
            self.brokers.get(node).is_none_or(|broker| broker.is_fenced)
                || replica.is_some_and(|replica| replica.is_offline)
        };
        let registrations = topic.partitions.iter().map(|partition| &partition.registration);
        Some(describe(name, topic.id, registrations, is_offline))
    }

    fn describe_or_create(&mut self, image: Option<&Image>, name: &Arc<str>, may_create: bool) -> MetadataTopic {
        if let Some(found) = self.describe(image, name) {
            return found;
        }
        let error = match check_topic_name(name) {
            Err(_) => ErrorCode::INVALID_TOPIC_EXCEPTION,
            Ok(()) => {
                if may_create && self.config.auto_create_topics {
                    let default = NewTopic {
                        name: name.clone(),
                        num_partitions: -1,
                        replication_factor: -1,
                        configs: Vec::new(),
                        assignments: Vec::new(),
                    };
                    // One that cannot be created (its name collides with another's) stays unknown.
                    let _ = self.create_topic(&default);
                }
                ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
            }
        };
        MetadataTopic { error, name: name.clone(), ..MetadataTopic::default() }
    }

    pub(super) fn create_topics(&mut self, request: &CreateTopicsRequest) -> CreateTopicsResponse {
        let names: Vec<_> = request.topics.iter().map(|topic| &topic.name).collect();
        let is_repeated = |topic: &NewTopic| names.iter().filter(|&&name| *name == topic.name).count() > 1;
        let mut answers: Vec<CreatedTopic> = Vec::with_capacity(request.topics.len());
        for topic in &request.topics {
            if is_repeated(topic) {
                // One answer for all of them (`ControllerApis.createTopics`).
                if !answers.iter().any(|answer| answer.name == topic.name) {
                    answers.push(refused(topic, ErrorCode::INVALID_REQUEST, "Duplicate topic name."));
                }
                continue;
            }
            answers.push(match self.topics.check(&self.config, &self.brokers, topic) {
                Err(refusal) => refused(topic, refusal.error, &refusal.message),
                Ok(checked) => {
                    let answer = CreatedTopic {
                        name: topic.name.clone(),
                        num_partitions: checked.num_partitions,
                        replication_factor: checked.replication_factor,
                        ..CreatedTopic::default()
                    };
                    // What is only checked has an id too, which nobody will have.
                    let id = if request.validate_only { self.topics.draw_id() } else { self.found_topic(checked) };
                    CreatedTopic { id, ..answer }
                }
            });
        }
        CreateTopicsResponse { throttle_time_ms: 0, topics: answers }
    }
}

/// Version 0 has no place for replicas that are away: they are left out, and their partition has an error
/// (`KRaftMetadataCache.getPartitionMetadata`, `errorUnavailableEndpoints`).
#[cfg(feature = "wire")]
pub(super) fn in_version(version: i16, mut answer: MetadataResponse) -> MetadataResponse {
    if version == 0 {
        for partition in answer.topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
            let away = core::mem::take(&mut partition.offline);
            if !away.is_empty() && partition.error.is_none() {
                partition.error = ErrorCode::REPLICA_NOT_AVAILABLE;
            }
            partition.replicas.retain(|node| !away.contains(node));
            partition.isr.retain(|node| !away.contains(node));
        }
    }
    answer
}

fn refused(topic: &NewTopic, error: ErrorCode, message: &str) -> CreatedTopic {
    CreatedTopic {
        name: topic.name.clone(),
        error,
        error_message: Some(message.into()),
        num_partitions: -1,
        replication_factor: -1,
        ..CreatedTopic::default()
    }
}

fn describe<'a>(
    name: &Arc<str>,
    id: TopicId,
    partitions: impl Iterator<Item = &'a Registration>,
    is_offline: impl Fn(NodeId, usize) -> bool,
) -> MetadataTopic {
    let partitions = partitions.enumerate().map(|(place, partition)| MetadataPartition {
        error: if partition.leader == NO_LEADER { ErrorCode::LEADER_NOT_AVAILABLE } else { ErrorCode::NONE },
        partition: i32::try_from(place).unwrap_or(i32::MAX),
        leader: partition.leader,
        leader_epoch: partition.leader_epoch,
        replicas: partition.replicas.clone(),
        isr: partition.isr.clone(),
        offline: partition.replicas.iter().copied().filter(|&node| is_offline(node, place)).collect(),
    });
    MetadataTopic {
        error: ErrorCode::NONE,
        name: name.clone(),
        id,
        is_internal: is_internal(name),
        partitions: partitions.collect(),
    }
}
