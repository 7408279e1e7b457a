//! Topics, their partitions, and who leads them.
//!
//! *Models*: Kafka's rules for names, counts and settings, with its sentences; topic ids; leaders spread over the
//! brokers, and copies on those that follow. *Leaves out*: racks, settings that would change nothing here (they are
//! accepted), reassignment of replicas.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ClusterConfig;
use super::assignment;
use super::broker::Brokers;
use super::registration::Registration;
use super::replica::Replica;
use crate::error::ErrorCode;
use crate::ids::{NodeId, TopicId, TopicPartition};
use crate::protocol::{ApiKey, NewTopic, Request, says_topics_by_id};
use crate::record_batch::{BatchView, TimestampType};
use crate::rng::{Purpose, Rng};

/// `Topic.MAX_NAME_LENGTH`.
const MAX_NAME_LENGTH: usize = 249;
/// `ReplicationControlManager.MAX_PARTITIONS_PER_BATCH`.
const MAX_PARTITIONS: i32 = 10_000;
const TOO_MANY_PARTITIONS: &str = "Excessively large number of partitions per request.";

/// Why a topic was not created, as CreateTopics answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicRefusal {
    /// The error code.
    pub error: ErrorCode,
    /// Kafka's sentence.
    pub message: Arc<str>,
}

impl core::fmt::Display for TopicRefusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TopicRefusal {}

#[derive(Clone, Debug)]
pub(super) struct Topic {
    pub(super) id: TopicId,
    pub(super) settings: TopicSettings,
    pub(super) partitions: Vec<Partition>,
}

impl Topic {
    pub(super) fn partition_count(&self) -> i32 {
        i32::try_from(self.partitions.len()).unwrap_or(i32::MAX)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Partition {
    /// What the controller has decided.
    pub(super) registration: Registration,
    /// The copies, the preferred leader's first.
    pub(super) replicas: Vec<Replica>,
}

impl Partition {
    /// An empty one: leaders in turn over the brokers, copies on the brokers after the leader.
    fn new(config: &ClusterConfig, brokers: &Brokers, number: i32, copies: i16) -> Self {
        let count = i32::try_from(config.brokers.len()).unwrap_or(i32::MAX).max(1);
        let node = |place: i32| NodeId(place % count + 1);
        Self::on(config, brokers, (0..i32::from(copies)).map(|copy| node(number + copy)).collect())
    }

    /// An empty one on these brokers.
    fn on(config: &ClusterConfig, brokers: &Brokers, nodes: Vec<NodeId>) -> Self {
        let registration = Registration::new(nodes, |node| brokers.is_active(node));
        let replicas = registration.replicas.iter().map(|&node| Replica::new(config, node)).collect();
        Self { registration, replicas }
    }

    /// A broker's copy.
    pub(super) fn replica(&self, node: NodeId) -> Option<&Replica> {
        self.replicas.iter().find(|replica| replica.node == node)
    }

    pub(super) fn replica_mut(&mut self, node: NodeId) -> Option<&mut Replica> {
        self.replicas.iter_mut().find(|replica| replica.node == node)
    }

    /// The copy that counts: the leader's, or that of the last one who led.
    pub(super) fn main_replica(&self) -> Option<&Replica> {
        self.replica(self.registration.leader).or_else(|| {
            let by_epoch = |replica: &&Replica| (replica.leading().is_some(), replica.log.end_offset());
            self.replicas.iter().rev().max_by_key(by_epoch)
        })
    }

    /// The smallest ISR that takes writes with acks=all (`Partition.effectiveMinIsr`).
    pub(super) fn min_isr(&self, settings: &TopicSettings, config: &ClusterConfig) -> usize {
        settings.min_insync_replicas.unwrap_or(config.min_insync_replicas).min(self.replicas.len())
    }
}

/// The topic settings that change what happens here, with Kafka's defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TopicSettings {
    /// `message.timestamp.type`.
    pub(super) timestamp_type: TimestampType,
    /// `message.timestamp.before.max.ms`.
    pub(super) timestamp_before_max_ms: i64,
    /// `message.timestamp.after.max.ms`.
    pub(super) timestamp_after_max_ms: i64,
    /// `max.message.bytes`: of a whole batch.
    pub(super) max_message_bytes: usize,
    /// Does `cleanup.policy` contain `compact`?
    pub(super) is_compacted: bool,
    /// `compression.type`: the number of the codec that batches are stored in, 0 without one; `None`: whatever their
    /// producer chose. Without effect in a build without codecs.
    pub(super) codec: Option<i16>,
    /// `min.insync.replicas`; `None`: the brokers'.
    pub(super) min_insync_replicas: Option<usize>,
    /// `unclean.leader.election.enable`; `None`: the brokers'.
    pub(super) unclean_leader_election: Option<bool>,
}

impl Default for TopicSettings {
    fn default() -> Self {
        Self {
            timestamp_type: TimestampType::CreateTime,
            timestamp_before_max_ms: i64::MAX,
            timestamp_after_max_ms: 3_600_000,
            max_message_bytes: 1_048_588,
            is_compacted: false,
            codec: None,
            min_insync_replicas: None,
            unclean_leader_election: None,
        }
    }
}

/// What `compression.type` may be, beside `producer`, with the numbers of the codecs; in the order of
/// `BrokerCompressionType`.
const CODECS: [(&str, i16); 5] = [("uncompressed", 0), ("zstd", 4), ("lz4", 3), ("snappy", 2), ("gzip", 1)];

/// Settings of topics of Apache Kafka 4.3 (`TopicConfig`). Those that no part of the model obeys are accepted and change
/// nothing here.
pub const TOPIC_SETTINGS: [&str; 33] = [
    "cleanup.policy",
    "compression.gzip.level",
    "compression.lz4.level",
    "compression.type",
    "compression.zstd.level",
    "delete.retention.ms",
    "file.delete.delay.ms",
    "flush.messages",
    "flush.ms",
    "follower.replication.throttled.replicas",
    "index.interval.bytes",
    "leader.replication.throttled.replicas",
    "local.retention.bytes",
    "local.retention.ms",
    "max.compaction.lag.ms",
    "max.message.bytes",
    "message.timestamp.after.max.ms",
    "message.timestamp.before.max.ms",
    "message.timestamp.type",
    "min.cleanable.dirty.ratio",
    "min.compaction.lag.ms",
    "min.insync.replicas",
    "preallocate",
    "remote.log.copy.disable",
    "remote.log.delete.on.disable",
    "remote.storage.enable",
    "retention.bytes",
    "retention.ms",
    "segment.bytes",
    "segment.index.bytes",
    "segment.jitter.ms",
    "segment.ms",
    "unclean.leader.election.enable",
];

impl TopicSettings {
    fn from_configs(configs: &[(Arc<str>, Option<Arc<str>>)]) -> Result<Self, TopicRefusal> {
        let mut settings = Self::default();
        for (name, value) in configs {
            let Some(value) = value else {
                return Err(refusal(
                    ErrorCode::INVALID_CONFIG,
                    format!("Null value not supported for topic configs: {name}"),
                ));
            };
            settings.set(name, value.trim())?;
        }
        Ok(settings)
    }

    /// Sets one of them.
    ///
    /// # Errors
    /// INVALID_CONFIG: there is no such setting, or it has no such value.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), TopicRefusal> {
        match name {
            "message.timestamp.type" => {
                self.timestamp_type = match value {
                    "CreateTime" => TimestampType::CreateTime,
                    "LogAppendTime" => TimestampType::LogAppendTime,
                    _ => return Err(invalid(name, value, "String must be one of: CreateTime, LogAppendTime")),
                }
            }
            "message.timestamp.before.max.ms" => self.timestamp_before_max_ms = number(name, value, "LONG", i64::MAX)?,
            "message.timestamp.after.max.ms" => self.timestamp_after_max_ms = number(name, value, "LONG", i64::MAX)?,
            "max.message.bytes" => {
                let bytes = number(name, value, "INT", i64::from(i32::MAX))?;
                self.max_message_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
            }
            "cleanup.policy" => {
                let mut policies = value.split(',').map(str::trim).filter(|policy| !policy.is_empty());
                if !policies.clone().all(|policy| matches!(policy, "compact" | "delete")) {
                    return Err(invalid(name, value, "String must be one of: compact, delete"));
                }
                self.is_compacted = policies.any(|policy| policy == "compact");
            }
            "compression.type" => {
                self.codec = CODECS.iter().find(|(codec, _)| *codec == value).map(|&(_, number)| number);
                if self.codec.is_none() && value != "producer" {
                    let allowed = "String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer";
                    return Err(invalid(name, value, allowed));
                }
            }
            "min.insync.replicas" => {
                let count = number_from(1, name, value, "INT", i64::from(i32::MAX))?;
                self.min_insync_replicas = usize::try_from(count).ok();
            }
            "unclean.leader.election.enable" => {
                self.unclean_leader_election = match value {
                    _ if value.eq_ignore_ascii_case("true") => Some(true),
                    _ if value.eq_ignore_ascii_case("false") => Some(false),
                    _ => return Err(invalid(name, value, "Expected value to be either true or false")),
                }
            }
            // `LogConfig.validateRemoteStorageOnlyIfSystemEnabled`: these brokers have no tiers.
            "remote.storage.enable" if value.eq_ignore_ascii_case("true") => {
                let words = "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with \
                             remote log storage.";
                return Err(refusal(ErrorCode::INVALID_CONFIG, words));
            }
            name if TOPIC_SETTINGS.contains(&name) => {}
            name => return Err(refusal(ErrorCode::INVALID_CONFIG, format!("Unknown topic config name: {name}"))),
        }
        Ok(())
    }

    /// The number of the codec in which a batch is stored (`BrokerCompressionType.targetCompression`).
    pub(super) fn codec_of(&self, batch: &BatchView<'_>) -> i16 {
        self.codec.unwrap_or(batch.codec())
    }
}

fn number(name: &str, value: &str, kind: &str, max: i64) -> Result<i64, TopicRefusal> {
    number_from(0, name, value, kind, max)
}

fn number_from(min: i64, name: &str, value: &str, kind: &str, max: i64) -> Result<i64, TopicRefusal> {
    match value.parse::<i64>() {
        Ok(number) if number > max => Err(invalid(name, value, &format!("Not a number of type {kind}"))),
        Ok(number) if number < min => Err(invalid(name, value, &format!("Value must be at least {min}"))),
        Ok(number) => Ok(number),
        Err(_) => Err(invalid(name, value, &format!("Not a number of type {kind}"))),
    }
}

fn invalid(name: &str, value: &str, why: &str) -> TopicRefusal {
    refusal(ErrorCode::INVALID_CONFIG, format!("Invalid value {value} for configuration {name}: {why}"))
}

pub(super) fn refusal(error: ErrorCode, message: impl Into<Arc<str>>) -> TopicRefusal {
    TopicRefusal { error, message: message.into() }
}

/// `Topic.isInternal`: is it one of the brokers' own, in which coordinators keep what they know?
pub(super) fn is_internal(name: &str) -> bool {
    matches!(name, "__consumer_offsets" | "__transaction_state" | "__share_group_state")
}

/// What is said of a topic, or a partition of it, that is not there.
pub(super) fn unknown(api: ApiKey, version: i16, name: &str) -> ErrorCode {
    let has_no_name = name.is_empty() && says_topics_by_id(api, version);
    if has_no_name { ErrorCode::UNKNOWN_TOPIC_ID } else { ErrorCode::UNKNOWN_TOPIC_OR_PARTITION }
}

/// Whether Kafka takes a topic of this name (`org.apache.kafka.common.internals.Topic.validate`).
///
/// # Errors
/// `INVALID_TOPIC_EXCEPTION`, with Kafka's sentence.
pub fn check_topic_name(name: &str) -> Result<(), TopicRefusal> {
    let is_legal = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
    let problem = match name {
        "" => "the empty string is not allowed".to_owned(),
        "." => "'.' is not allowed".to_owned(),
        ".." => "'..' is not allowed".to_owned(),
        // Java counts UTF-16 units.
        _ if name.encode_utf16().count() > MAX_NAME_LENGTH => {
            format!("the length of '{name}' is longer than the max allowed length {MAX_NAME_LENGTH}")
        }
        _ if !name.chars().all(is_legal) => {
            format!("'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'")
        }
        _ => return Ok(()),
    };
    Err(refusal(ErrorCode::INVALID_TOPIC_EXCEPTION, format!("Topic name is invalid: {problem}")))
}

/// A topic that may be created as it is.
#[derive(Clone, Debug)]
pub(super) struct CheckedTopic {
    pub(super) name: Arc<str>,
    settings: TopicSettings,
    pub(super) num_partitions: i32,
    pub(super) replication_factor: i16,
    /// Who holds which partition; empty: whoever's turn it is.
    assigned: Vec<Vec<NodeId>>,
}

/// All topics by name.
#[derive(Clone, Debug)]
pub(super) struct Topics {
    topics: BTreeMap<Arc<str>, Topic>,
    names: BTreeMap<TopicId, Arc<str>>,
    ids: TopicIds,
}

impl Topics {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            topics: BTreeMap::new(),
            names: BTreeMap::new(),
            ids: TopicIds { rng: Rng::stream(seed, Purpose::TopicIds), given: 0 },
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Topic)> {
        self.topics.iter()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Topic> {
        self.topics.get(name)
    }

    pub(super) fn name_of(&self, id: TopicId) -> Option<&Arc<str>> {
        self.names.get(&id)
    }

    /// Where topics are said by id, that alone counts: whatever name stands beside it gives way to the one that goes with
    /// the id, or to an empty one where none does.
    pub(super) fn name_topics(&self, version: i16, request: &mut Request) {
        if !says_topics_by_id(request.api(), version) {
            return;
        }
        let name_of = |id| self.name_of(id).map_or_else(|| "".into(), Arc::clone);
        match request {
            Request::Produce(request) => request.topics.iter_mut().for_each(|topic| topic.name = name_of(topic.id)),
            Request::Fetch(request) => request.topics.iter_mut().for_each(|topic| topic.name = name_of(topic.id)),
            _ => {}
        }
    }

    pub(super) fn partition(&self, topic: &str, partition: i32) -> Option<&Partition> {
        self.topics.get(topic)?.partitions.get(usize::try_from(partition).ok()?)
    }

    pub(super) fn partition_mut(&mut self, name: &TopicPartition) -> Option<(&TopicSettings, &mut Partition)> {
        let Topic { settings, partitions, .. } = self.topics.get_mut(&name.topic)?;
        Some((settings, partitions.get_mut(usize::try_from(name.partition).ok()?)?))
    }

    pub(super) fn topic_mut(&mut self, name: &str) -> Option<&mut Topic> {
        self.topics.get_mut(name)
    }

    /// All partitions with their names.
    pub(super) fn all_partitions(&self) -> impl Iterator<Item = (TopicPartition, &Partition)> {
        self.topics.iter().flat_map(|(name, topic)| {
            let named = |partition| TopicPartition { topic: Arc::clone(name), partition };
            (0..).map(named).zip(&topic.partitions)
        })
    }

    /// The names of all partitions.
    pub(super) fn names_of_partitions(&self) -> Vec<TopicPartition> {
        self.all_partitions().map(|(name, _)| name).collect()
    }

    pub(super) fn partitions_mut(&mut self) -> impl Iterator<Item = &mut Partition> {
        self.topics.values_mut().flat_map(|topic| &mut topic.partitions)
    }

    /// May this topic be created? In the order of `ReplicationControlManager.createTopics`.
    pub(super) fn check(
        &self,
        config: &ClusterConfig,
        brokers: &Brokers,
        topic: &NewTopic,
    ) -> Result<CheckedTopic, TopicRefusal> {
        let name = &topic.name;
        check_topic_name(name)?;
        if self.topics.contains_key(name) {
            return Err(refusal(ErrorCode::TOPIC_ALREADY_EXISTS, format!("Topic '{name}' already exists.")));
        }
        // Metrics write both as '_', and two topics would share theirs.
        let unified = |name: &str| name.replace('.', "_");
        if let Some(other) = self.topics.keys().find(|other| unified(other) == unified(name)) {
            return Err(refusal(
                ErrorCode::INVALID_TOPIC_EXCEPTION,
                format!("Topic '{name}' collides with existing topic: {other}"),
            ));
        }
        let settings = TopicSettings::from_configs(&topic.configs)?;
        let assigned = assignment::check(config, brokers, topic)?;
        if !assigned.is_empty() {
            let count = |list: &[_]| i32::try_from(list.len()).unwrap_or(i32::MAX);
            let (num_partitions, copies) = (count(&assigned), assigned.first().map_or(0, Vec::len));
            let replication_factor = i16::try_from(copies).unwrap_or(i16::MAX);
            return Ok(CheckedTopic { name: name.clone(), settings, num_partitions, replication_factor, assigned });
        }
        let broker_count = i16::try_from(config.brokers.len()).unwrap_or(i16::MAX);
        let replication_factor = match topic.replication_factor {
            -1 => config.default_replication_factor.min(broker_count),
            1.. => topic.replication_factor,
            _ => {
                return Err(refusal(
                    ErrorCode::INVALID_REPLICATION_FACTOR,
                    "Replication factor must be larger than 0, or -1 to use the default value.",
                ));
            }
        };
        let num_partitions = match topic.num_partitions {
            -1 => config.num_partitions,
            1.. => topic.num_partitions,
            _ => {
                return Err(refusal(
                    ErrorCode::INVALID_PARTITIONS,
                    "Number of partitions was set to an invalid non-positive value.",
                ));
            }
        };
        if num_partitions > MAX_PARTITIONS {
            return Err(refusal(ErrorCode::POLICY_VIOLATION, TOO_MANY_PARTITIONS));
        }
        if replication_factor > broker_count {
            return Err(refusal(
                ErrorCode::INVALID_REPLICATION_FACTOR,
                format!(
                    "Unable to replicate the partition {replication_factor} time(s): The target replication factor of {replication_factor} cannot be reached because only {broker_count} broker(s) are registered or some brokers have all their log directories cordoned."
                ),
            ));
        }
        Ok(CheckedTopic { name: name.clone(), settings, num_partitions, replication_factor, assigned })
    }

    /// Creates it.
    pub(super) fn create(&mut self, config: &ClusterConfig, brokers: &Brokers, topic: CheckedTopic) -> TopicId {
        let copies = topic.replication_factor;
        let partitions = match topic.assigned.is_empty() {
            true => (0..topic.num_partitions).map(|number| Partition::new(config, brokers, number, copies)).collect(),
            false => topic.assigned.into_iter().map(|nodes| Partition::on(config, brokers, nodes)).collect(),
        };
        let id = self.ids.next();
        self.names.insert(id, topic.name.clone());
        self.topics.insert(topic.name, Topic { id, settings: topic.settings, partitions });
        id
    }

    /// An id for a topic that is not created.
    pub(super) fn draw_id(&mut self) -> TopicId {
        self.ids.next()
    }

    /// Gives a topic more partitions (`ReplicationControlManager.createPartitions`).
    pub(super) fn grow(
        &mut self,
        config: &ClusterConfig,
        brokers: &Brokers,
        name: &str,
        count: i32,
    ) -> Result<(), TopicRefusal> {
        let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
        let topic = self.topics.get_mut(name).ok_or_else(|| refusal(unknown, unknown.java_message()))?;
        let before = topic.partition_count();
        if count <= before {
            let sentence = if count == before {
                format!("Topic already has {before} partition(s).")
            } else {
                format!("The topic {name} currently has {before} partition(s); {count} would not be an increase.")
            };
            return Err(refusal(ErrorCode::INVALID_PARTITIONS, sentence));
        }
        if count > MAX_PARTITIONS {
            return Err(refusal(ErrorCode::POLICY_VIOLATION, TOO_MANY_PARTITIONS));
        }
        let copies = topic.partitions.first().map_or(1, |first| first.replicas.len());
        let copies = i16::try_from(copies).unwrap_or(i16::MAX);
        topic.partitions.extend((before..count).map(|number| Partition::new(config, brokers, number, copies)));
        Ok(())
    }

    /// Takes a topic away.
    pub(super) fn remove(&mut self, name: &str) {
        if let Some(topic) = self.topics.remove(name) {
            self.names.remove(&topic.id);
        }
    }
}

/// Topic ids from a seed, never the same one twice.
#[derive(Clone, Debug)]
struct TopicIds {
    rng: Rng,
    given: u64,
}

impl TopicIds {
    fn next(&mut self) -> TopicId {
        self.given += 1;
        let mut id = [0; 16];
        // The count makes it unique and never zero; the rest only makes it look like an id.
        id[..8].copy_from_slice(&self.rng.next().to_be_bytes());
        id[8..].copy_from_slice(&self.given.to_be_bytes());
        TopicId(id)
    }
}
