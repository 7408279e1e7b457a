//! The brokers of a script, as the Java side plays them (`TimelineBrokers.java`): what they answer, word for word.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use producer_core::error::ErrorCode;
use producer_core::ids::{NodeId, TopicId};
use producer_core::protocol::{
    ApiKey, ApiVersionRange, ApiVersionsResponse, LeaderIdAndEpoch, MetadataBroker, MetadataPartition,
    MetadataResponse, MetadataTopic, ProducePartition, ProducePartitionResponse, ProduceRequest, ProduceResponse,
    ProduceTopic, ProduceTopicResponse, RecordError, Request, Response, says_topics_by_id,
};
use producer_core::record_batch::BatchView;

use super::coordinator::{Coordinator, Refusal};
use super::script::{Script, UNTOLD, read_leader};

/// The wall clock at instant 0 of every script.
pub(super) const MIDNIGHT: i64 = 1_700_000_000_000;

/// What the brokers speak, unless the script says otherwise.
const SPOKEN: [(ApiKey, i16, i16); 9] = [
    (ApiKey::Produce, 3, 12),
    (ApiKey::Metadata, 4, 11),
    (ApiKey::ApiVersions, 0, 4),
    (ApiKey::InitProducerId, 0, 5),
    (ApiKey::FindCoordinator, 0, 6),
    (ApiKey::AddPartitionsToTxn, 0, 5),
    (ApiKey::AddOffsetsToTxn, 0, 4),
    (ApiKey::TxnOffsetCommit, 0, 5),
    (ApiKey::EndTxn, 0, 5),
];

/// Versions of Produce since which an answer tells where the log starts, says what is wrong with which record, and names new
/// leaders.
const LOG_STARTS_SINCE: i16 = 5;
const WORDS_SINCE: i16 = 8;
const NEW_LEADERS_SINCE: i16 = 10;

/// The version of ApiVersions since which an answer tells the cluster's features.
const FEATURES_SINCE: i16 = 3;

/// No script makes a topic anew more often.
const LIVES: u8 = 9;

/// The cluster as it is now.
#[derive(Debug)]
pub(super) struct Brokers {
    nodes: i32,
    versions: BTreeMap<i16, ApiVersionRange>,
    versions_refused: Option<i16>,
    /// By topic and partition: leader and epoch.
    leaders: BTreeMap<String, Vec<(i32, i32)>>,
    /// What metadata tells of brokers whose port is not the usual one.
    ports: BTreeMap<i32, i32>,
    /// And of brokers whose host is not the usual one.
    hosts: BTreeMap<i32, Arc<str>>,
    topic_errors: BTreeMap<String, ErrorCode>,
    coordinator: Coordinator,
    transaction_version: i16,
    /// Epoch of the features and level of `transaction.version`, of brokers that tell others.
    features: BTreeMap<i32, (Option<i64>, i16)>,
    /// How often a topic was made anew; `None`: it has no id.
    lives: BTreeMap<String, Option<u8>>,
    throttles: BTreeMap<ApiKey, i32>,
    /// What Metadata says of all that it tells.
    metadata_error: ErrorCode,
    log_ends: BTreeMap<(String, i32), i64>,
}

impl Brokers {
    pub(super) fn new(script: &Script) -> Result<Self> {
        let range =
            |(api, min, max): (ApiKey, i16, i16)| (api.code(), ApiVersionRange { api_key: api.code(), min, max });
        let mut versions: BTreeMap<_, _> = SPOKEN.map(range).into();
        for (name, low, high) in &script.versions {
            versions.extend([range((api(name)?, *low, *high))]);
        }
        let leaders = |leaders: &Vec<i32>| leaders.iter().map(|&leader| (leader, 0)).collect();
        Ok(Self {
            nodes: script.nodes,
            versions,
            versions_refused: script.versions_refused,
            leaders: script.topics.iter().map(|(topic, told)| (topic.clone(), leaders(told))).collect(),
            ports: BTreeMap::new(),
            hosts: BTreeMap::new(),
            topic_errors: BTreeMap::new(),
            coordinator: Coordinator::new(script.identity),
            transaction_version: script.transaction_version,
            features: BTreeMap::new(),
            lives: script.topics.iter().map(|(topic, _)| (topic.clone(), Some(0))).collect(),
            throttles: BTreeMap::new(),
            metadata_error: ErrorCode::NONE,
            log_ends: BTreeMap::new(),
        })
    }

    /// Takes an action that concerns what brokers know. Says whether it was one.
    pub(super) fn take(&mut self, words: &[&str]) -> Result<bool> {
        match *words {
            ["leader", place, leader, ref epoch @ ..] => {
                let (topic, partition) = split(place)?;
                let told = self.leaders.get_mut(topic).and_then(|told| told.get_mut(usize::try_from(partition).ok()?));
                let told = told.context("a partition that is there")?;
                let epoch = epoch.first().map_or(Ok(told.1 + 1), |epoch| epoch.parse())?;
                *told = (leader.parse()?, epoch);
            }
            ["partitions", topic, ref leaders @ ..] => {
                let told = self.leaders.get_mut(topic).context("a topic that is there")?;
                let epochs: Vec<_> =
                    told.iter().map(|&(_, epoch)| epoch).chain(core::iter::repeat(0)).take(leaders.len()).collect();
                let leaders = leaders.iter().map(|leader| read_leader(leader));
                *told = leaders.zip(epochs).map(|(leader, epoch)| Ok((leader?, epoch))).collect::<Result<_>>()?;
            }
            ["port", node, port] => {
                self.ports.insert(node.parse()?, port.parse()?);
            }
            ["host", node, host] => {
                self.hosts.insert(node.parse()?, host.into());
            }
            ["topic-error", topic, name] => {
                self.topic_errors.insert(topic.to_owned(), error(name)?);
            }
            ["metadata-error", name] => self.metadata_error = error(name)?,
            ["refuse", name, ref refusal @ ..] => self.coordinator.refuse(api(name)?, Refusal::read(refusal)?),
            ["features", node, epoch, level] => {
                let epoch = Some(epoch.parse()?).filter(|&epoch| epoch >= 0);
                self.features.insert(node.parse()?, (epoch, level.parse()?));
            }
            ["coordinator", node] => self.coordinator.node = node.parse()?,
            ["recreate", topic] => {
                let told = self.leaders.get_mut(topic).context("a topic that is there")?;
                told.iter_mut().for_each(|(_, epoch)| *epoch = 0);
                self.log_ends.retain(|(name, _), _| name != topic);
                let life = self.lives.get(topic).copied().flatten();
                self.lives.insert(topic.to_owned(), Some(life.map_or(0, |life| life + 1)));
            }
            ["forget-id", topic] => {
                self.lives.insert(topic.to_owned(), None);
            }
            ["throttle", name, millis] => {
                self.throttles.insert(api(name)?, millis.parse()?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// A broker's answer to a question beside Produce, asked in this version.
    pub(super) fn answer(&mut self, node: NodeId, version: i16, request: &Request) -> Result<Response> {
        let throttle_time_ms = self.throttles.remove(&request.api()).unwrap_or_default();
        Ok(match request {
            Request::ApiVersions(_) => {
                let hint = |max| vec![ApiVersionRange { api_key: ApiKey::ApiVersions.code(), min: 0, max }];
                let (error, api_keys) = match self.versions_refused {
                    Some(max) => (ErrorCode::UNSUPPORTED_VERSION, hint(max)),
                    None => (ErrorCode::NONE, self.versions.values().copied().collect()),
                };
                // A cluster without the feature says nothing of features.
                let usual = ((self.transaction_version > 0).then_some(1), self.transaction_version);
                let (epoch, level) = self.features.get(&node.0).copied().unwrap_or(usual);
                Response::ApiVersions(ApiVersionsResponse {
                    error,
                    api_keys,
                    throttle_time_ms,
                    finalized_features_epoch: epoch.filter(|_| version >= FEATURES_SINCE),
                    transaction_version: if version >= FEATURES_SINCE { level } else { 0 },
                })
            }
            Request::Metadata(asked) => {
                let topics = asked.topics.as_deref().context("never all topics")?;
                let told = match self.coordinator.refusal(ApiKey::Metadata).error {
                    ErrorCode::NONE => self.metadata(version, topics),
                    refusal => refuse_metadata(refusal, topics),
                };
                let error = if version >= 13 { told.error } else { ErrorCode::NONE };
                Response::Metadata(MetadataResponse { throttle_time_ms, error, ..told })
            }
            other => self.coordinator.answer(other, version, throttle_time_ms)?,
        })
    }

    fn broker(node: i32) -> MetadataBroker {
        MetadataBroker { node: NodeId(node), host: "127.0.0.1".into(), port: 9_092 + node, rack: None }
    }

    /// As metadata tells of it.
    fn listener(&self, node: i32) -> MetadataBroker {
        let usual = Self::broker(node);
        let port = self.ports.get(&node).copied().unwrap_or(usual.port);
        MetadataBroker { port, host: self.hosts.get(&node).cloned().unwrap_or(usual.host), ..usual }
    }

    fn metadata(&self, version: i16, asked: &[Arc<str>]) -> MetadataResponse {
        let topic = |name: &Arc<str>| {
            let leaders = self.leaders.get(&**name);
            let error = self.topic_errors.get(&**name).copied().unwrap_or(ErrorCode::NONE);
            let error = if leaders.is_none() { ErrorCode::UNKNOWN_TOPIC_OR_PARTITION } else { error };
            let partition = |(partition, &(leader, leader_epoch)): (i32, &(i32, i32))| MetadataPartition {
                partition,
                leader: NodeId(leader),
                leader_epoch: if version >= 7 { leader_epoch } else { -1 },
                error: if leader < 0 { ErrorCode::LEADER_NOT_AVAILABLE } else { ErrorCode::NONE },
                ..MetadataPartition::default()
            };
            let told = |leaders| (0..).zip(leaders).filter(|(_, told): &(i32, &(i32, i32))| told.0 != UNTOLD);
            let partitions = leaders.filter(|_| error.is_none()).map(|leaders| told(leaders).map(partition).collect());
            MetadataTopic {
                error,
                name: Arc::clone(name),
                id: if error.is_none() && version >= 10 { self.id_of(name) } else { TopicId::default() },
                is_internal: false,
                partitions: partitions.unwrap_or_default(),
            }
        };
        MetadataResponse {
            brokers: (1..=self.nodes).map(|node| self.listener(node)).collect(),
            topics: asked.iter().map(topic).collect(),
            error: self.metadata_error,
            ..MetadataResponse::default()
        }
    }

    fn id_of(&self, topic: &str) -> TopicId {
        self.lives.get(topic).copied().flatten().map_or_else(TopicId::default, |life| id(topic, life))
    }

    /// The topic that has this id or had it before it was made anew, and in which of its lives.
    fn name_of(&self, wanted: TopicId) -> (&str, String) {
        let lives = self.lives.keys().flat_map(|topic| (0..=LIVES).map(move |life| (topic, life)));
        let found = lives.into_iter().find(|(topic, life)| id(topic, *life) == wanted);
        found.map_or_else(|| ("", "none".to_owned()), |(topic, life)| (topic, life.to_string()))
    }

    /// A topic as a request says it: `t` by name, `t#0` by id, `t#1` once it was made anew, `#none` without an id.
    pub(super) fn said(&self, version: i16, topic: &ProduceTopic) -> String {
        if !says_topics_by_id(ApiKey::Produce, version) {
            return topic.name.to_string();
        }
        let (name, life) = self.name_of(topic.id);
        format!("{name}#{life}")
    }

    /// The answer to a Produce request in this version: `[throttle=MS] [backwards] [FAULT] RESULT [T-P:RESULT]…`.
    pub(super) fn produce(
        &mut self,
        version: i16,
        request: &ProduceRequest,
        words: &[&str],
    ) -> Result<ProduceResponse> {
        let (mut throttle_time_ms, mut otherwise, mut results) = (0, "ok", BTreeMap::new());
        let (mut fault, mut backwards) = (None, false);
        for word in words {
            if let Some(millis) = word.strip_prefix("throttle=") {
                throttle_time_ms = millis.parse()?;
            } else if *word == "backwards" {
                backwards = true;
            } else if is_fault(word) {
                fault = word.split_once('=');
            } else if let Some((place, result)) = word.split_once(':') {
                results.insert(split(place)?, result);
            } else {
                otherwise = word;
            }
        }
        let mut endpoints = BTreeSet::new();
        let mut topics = Vec::new();
        let by_id = says_topics_by_id(ApiKey::Produce, version);
        for topic in &request.topics {
            let name = if by_id { self.name_of(topic.id).0.to_owned() } else { topic.name.to_string() };
            // What is not there by this id, or not any more, can be answered in one way only.
            let is_gone = by_id && (name.is_empty() || self.id_of(&name) != topic.id);
            let mut partitions = Vec::new();
            for partition in &topic.partitions {
                let result = results.get(&(&*name, partition.partition)).copied().unwrap_or(otherwise);
                let result = if is_gone { "UNKNOWN_TOPIC_ID" } else { result };
                let told = self.partition(&name, partition, result, &mut endpoints)?;
                partitions.push(as_told_in(version, told));
            }
            let (name, id) = if by_id { ("".into(), topic.id) } else { (name.into(), TopicId::default()) };
            topics.push(ProduceTopicResponse { name, id, partitions });
        }
        if let (Some((fault, place)), Some(topic)) = (fault, topics.first_mut()) {
            spoil(&mut topic.partitions, fault, split(place)?.1)?;
        }
        if backwards {
            topics.reverse();
            topics.iter_mut().for_each(|topic| topic.partitions.reverse());
        }
        endpoints.retain(|_| version >= NEW_LEADERS_SINCE);
        let node_endpoints = endpoints.into_iter().map(Self::broker).collect();
        Ok(ProduceResponse { topics, throttle_time_ms, node_endpoints })
    }

    fn partition(
        &mut self,
        topic: &str,
        asked: &ProducePartition,
        result: &str,
        endpoints: &mut BTreeSet<i32>,
    ) -> Result<ProducePartitionResponse> {
        let mut options = result.split(',');
        let head = options.next().unwrap_or_default();
        let (head, offset) = head.split_once('@').map_or((head, None), |(head, offset)| (head, Some(offset)));
        let error = if head == "ok" { ErrorCode::NONE } else { error(head)? };
        let base_offset = match offset {
            Some(offset) => offset.parse()?,
            None if error.is_none() => {
                let end = self.log_ends.entry((topic.to_owned(), asked.partition)).or_default();
                let begin = *end;
                *end += i64::from(BatchView::parse(&asked.records)?.record_count());
                begin
            }
            None => -1,
        };
        let mut told = ProducePartitionResponse {
            partition: asked.partition,
            error,
            base_offset,
            log_append_time_ms: -1,
            log_start_offset: if error.is_none() { 0 } else { -1 },
            ..ProducePartitionResponse::default()
        };
        for option in options {
            match option.split_once('=').unwrap_or((option, "")) {
                ("append-time", millis) => told.log_append_time_ms = MIDNIGHT + millis.parse::<i64>()?,
                ("log-start", offset) => told.log_start_offset = offset.parse()?,
                ("said", "") => told.error_message = Some("said by the broker".into()),
                ("leader", leader) => {
                    let (node, epoch) = leader.split_once('/').context("NODE/EPOCH")?;
                    let node = node.parse()?;
                    endpoints.extend(Some(node).filter(|&node| node >= 0));
                    told.current_leader = Some(LeaderIdAndEpoch { leader: NodeId(node), epoch: epoch.parse()? });
                }
                ("records", records) => {
                    let record = |record: &str| {
                        let batch_index = record.trim_end_matches('-').parse()?;
                        let message = (!record.ends_with('-')).then(|| format!("record {record}").into());
                        Ok(RecordError { batch_index, message })
                    };
                    told.record_errors = records.split('+').map(record).collect::<Result<_>>()?;
                }
                _ => bail!("{option}: no option of a result"),
            }
        }
        Ok(told)
    }
}

/// `MetadataRequest.getErrorResponse`.
fn refuse_metadata(error: ErrorCode, asked: &[Arc<str>]) -> MetadataResponse {
    let topic = |name: &Arc<str>| MetadataTopic { error, name: Arc::clone(name), ..MetadataTopic::default() };
    MetadataResponse { topics: asked.iter().map(topic).collect(), error, ..MetadataResponse::default() }
}

/// What an answer in this version has room for.
fn as_told_in(version: i16, mut told: ProducePartitionResponse) -> ProducePartitionResponse {
    if version < NEW_LEADERS_SINCE {
        told.current_leader = None;
    }
    if version < WORDS_SINCE {
        told.record_errors.clear();
        told.error_message = None;
    }
    if version < LOG_STARTS_SINCE {
        told.log_start_offset = -1;
    }
    told
}

/// Is this word what no sound broker does?
pub(super) fn is_fault(word: &str) -> bool {
    let head = word.split('=').next().unwrap_or_default();
    ["without", "twice", "foreign", "wrong-correlation"].contains(&head)
}

/// What a broken broker makes of a sound answer.
fn spoil(told: &mut Vec<ProducePartitionResponse>, fault: &str, partition: i32) -> Result<()> {
    match fault {
        "without" => told.retain(|told| told.partition != partition),
        "twice" => {
            let again = told.iter().find(|told| told.partition == partition).context("a partition of the request")?;
            told.push(again.clone());
        }
        _ => {
            let model = told.first().context("a partition of the request")?.clone();
            told.push(ProducePartitionResponse { partition, ..model });
        }
    }
    Ok(())
}

/// Kafka's name of an API, as scripts write it.
pub(super) fn api(name: &str) -> Result<ApiKey> {
    let mut spoken = SPOKEN.into_iter().map(|(api, ..)| api);
    spoken.find(|api| format!("{api:?}") == name).with_context(|| format!("{name}: no API of scripts"))
}

/// An id for every name and life.
fn id(topic: &str, life: u8) -> TopicId {
    let mut id = [7; 16];
    id.iter_mut().zip(topic.bytes()).for_each(|(byte, letter)| *byte = letter);
    id[15] = life;
    TopicId(id)
}

/// `orders-1`: topic and partition.
pub(super) fn split(place: &str) -> Result<(&str, i32)> {
    let (topic, partition) = place.rsplit_once('-').context("TOPIC-PARTITION")?;
    Ok((topic, partition.parse()?))
}

/// An error by Kafka's name or number.
pub(super) fn error(name: &str) -> Result<ErrorCode> {
    if let Ok(code) = name.parse() {
        return Ok(ErrorCode(code));
    }
    (-1..200)
        .map(ErrorCode)
        .find(|code| code.name() == Some(name))
        .with_context(|| format!("{name}: no error of Kafka's"))
}
