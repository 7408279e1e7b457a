//! Metadata and CreateTopics: who leads what, and new topics.
//!
//! *Models*: every broker knows the same at once; a topic that a client may create comes into being while the answer
//! still says it is unknown, as in a cluster with a controller of its own, so the client asks again; questions by topic id
//! (v12). *Leaves out*: stale brokers, internal topics that come into being by themselves (coordinators keep what they know
//! in memory).

use super::Cluster;
use super::topics::{Topic, check_topic_name, is_internal};
use crate::error::ErrorCode;
use crate::ids::{NodeId, TopicId};
use crate::protocol::{
    CreateTopicsRequest, CreateTopicsResponse, CreatedTopic, MetadataBroker, MetadataPartition, MetadataRequest,
    MetadataResponse, MetadataTopic, NewTopic,
};
use crate::trace::Observer;

impl<O: Observer> Cluster<O> {
    pub(super) fn metadata(&mut self, request: &MetadataRequest) -> MetadataResponse {
        let topics = match &request.topics {
            None => self.topics.iter().map(|(name, topic)| describe(name, topic)).collect(),
            Some(_) if !request.topic_ids.is_empty() => {
                request.topic_ids.iter().map(|&id| self.describe_by_id(id)).collect()
            }
            Some(names) => {
                names.iter().map(|name| self.describe_or_create(name, request.allow_auto_topic_creation)).collect()
            }
        };
        MetadataResponse {
            throttle_time_ms: 0,
            brokers: self.brokers().collect(),
            cluster_id: Some(self.config.cluster_id.clone()),
            controller: self.config.nodes().next().map_or(NodeId(-1), |(node, _)| node),
            topics,
            error: ErrorCode::NONE,
        }
    }

    /// All brokers as Metadata names them.
    pub(super) fn brokers(&self) -> impl Iterator<Item = MetadataBroker> {
        self.config.nodes().map(|(node, address)| MetadataBroker {
            node,
            host: address.host.clone(),
            port: i32::from(address.port),
            rack: None,
        })
    }

    fn describe_by_id(&self, id: TopicId) -> MetadataTopic {
        let found = self.topics.name_of(id).and_then(|name| Some((name, self.topics.get(name)?)));
        let unknown = || MetadataTopic { error: ErrorCode::UNKNOWN_TOPIC_ID, id, ..MetadataTopic::default() };
        found.map_or_else(unknown, |(name, topic)| describe(name, topic))
    }

    fn describe_or_create(&mut self, name: &std::sync::Arc<str>, may_create: bool) -> MetadataTopic {
        if let Some(topic) = self.topics.get(name) {
            return describe(name, topic);
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
            answers.push(match self.topics.check(&self.config, topic) {
                Err(refusal) => refused(topic, refusal.error, &refusal.message),
                Ok(checked) => {
                    let answer = CreatedTopic {
                        name: topic.name.clone(),
                        num_partitions: checked.num_partitions,
                        replication_factor: checked.replication_factor,
                        ..CreatedTopic::default()
                    };
                    if request.validate_only {
                        answer
                    } else {
                        CreatedTopic { id: self.topics.create(&self.config, checked), ..answer }
                    }
                }
            });
        }
        CreateTopicsResponse { throttle_time_ms: 0, topics: answers }
    }
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

fn describe(name: &std::sync::Arc<str>, topic: &Topic) -> MetadataTopic {
    let partitions = (0..).zip(&topic.partitions).map(|(number, partition)| MetadataPartition {
        error: if partition.leader == NodeId(-1) { ErrorCode::LEADER_NOT_AVAILABLE } else { ErrorCode::NONE },
        partition: number,
        leader: partition.leader,
        leader_epoch: partition.leader_epoch,
        replicas: partition.replicas.clone(),
        isr: partition.replicas.clone(),
        offline: Vec::new(),
    });
    MetadataTopic {
        error: ErrorCode::NONE,
        name: name.clone(),
        id: topic.id,
        is_internal: is_internal(name),
        partitions: partitions.collect(),
    }
}
