//! The coordinator of a script's transactions and groups, as the Java side plays it (`TimelineCoordinator.java`): where it
//! is, what it grants, and what it refuses.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use producer_core::error::ErrorCode;
use producer_core::ids::{NodeId, ProducerIdentity};
use producer_core::io::OutgoingRequest;
use producer_core::protocol::{
    AddOffsetsToTxnResponse, AddPartitionsToTxnResponse, ApiKey, Coordinator as FoundCoordinator, EndTxnResponse,
    FindCoordinatorResponse, InitProducerIdRequest, InitProducerIdResponse, Request, Response, TopicErrors,
    TxnOffsetCommitResponse,
};

use super::brokers::{error, split};

/// The version of EndTxn whose answer brings the next epoch (KIP-890).
const END_TXN_BUMPS: i16 = 5;

/// What a question is answered with.
#[derive(Debug, Default)]
pub(super) struct Refusal {
    pub(super) error: ErrorCode,
    /// What FindCoordinator says of it: Kafka's words, unless the script has others, or none.
    message: Option<Arc<str>>,
    /// Partitions that have an error of their own.
    partitions: BTreeMap<(String, i32), ErrorCode>,
}

impl Refusal {
    /// `ERROR[,said|,silent] [T-P:ERROR]…`
    pub(super) fn read(words: &[&str]) -> Result<Self> {
        let [refusal, partitions @ ..] = words else { bail!("no error") };
        let (name, words) = refusal.split_once(',').unwrap_or((refusal, ""));
        let error = error(name)?;
        let message = match words {
            "" => Some(error.java_message().into()),
            "said" => Some("said by the coordinator".into()),
            "silent" => None,
            _ => bail!("{words}: no option of a refusal"),
        };
        let mut refusal = Self { error, message, partitions: BTreeMap::new() };
        for word in partitions {
            let (place, name) = word.split_once(':').context("T-P:ERROR")?;
            let (topic, partition) = split(place)?;
            refusal.partitions.insert((topic.to_owned(), partition), self::error(name)?);
        }
        Ok(refusal)
    }

    /// Topics with the error of each of their partitions.
    fn of<'a>(&self, topics: impl Iterator<Item = (&'a Arc<str>, Vec<i32>)>) -> Vec<TopicErrors> {
        let of = |topic: &Arc<str>, partition| {
            let own = self.partitions.get(&(topic.to_string(), partition)).copied();
            (partition, own.unwrap_or(self.error))
        };
        let told = |topic, partitions: Vec<i32>| partitions.into_iter().map(|partition| of(topic, partition)).collect();
        topics
            .map(|(name, partitions)| TopicErrors { name: Arc::clone(name), partitions: told(name, partitions) })
            .collect()
    }
}

/// The coordinator as it is now.
#[derive(Debug)]
pub(super) struct Coordinator {
    pub(super) node: i32,
    refusals: BTreeMap<ApiKey, VecDeque<Refusal>>,
    /// What is granted to the next producer that has no id.
    next: (i64, i16),
    /// Of the transactional id, once it was granted.
    granted: Option<(i64, i16)>,
}

impl Coordinator {
    pub(super) fn new(first: (i64, i16)) -> Self {
        Self { node: 1, refusals: BTreeMap::new(), next: first, granted: None }
    }

    /// The next question of this API is answered with this.
    pub(super) fn refuse(&mut self, api: ApiKey, refusal: Refusal) {
        self.refusals.entry(api).or_default().push_back(refusal);
    }

    /// What the question of this API that comes now is answered with.
    pub(super) fn refusal(&mut self, api: ApiKey) -> Refusal {
        self.refusals.get_mut(&api).and_then(VecDeque::pop_front).unwrap_or_default()
    }

    /// The answer to a question in this version.
    pub(super) fn answer(&mut self, request: &Request, version: i16, throttle_time_ms: i32) -> Result<Response> {
        let refusal = self.refusal(request.api());
        let error = refusal.error;
        Ok(match request {
            Request::FindCoordinator(asked) => {
                let coordinators = asked.keys.iter().map(|key| self.found(key, &refusal)).collect();
                Response::FindCoordinator(FindCoordinatorResponse { throttle_time_ms, coordinators })
            }
            Request::InitProducerId(asked) => {
                let (producer_id, producer_epoch) = if error.is_none() { self.grant(asked) } else { (-1, -1) };
                let response = InitProducerIdResponse { throttle_time_ms, error, producer_id, producer_epoch };
                Response::InitProducerId(response)
            }
            Request::AddPartitionsToTxn(asked) => {
                let named = asked.topics.iter().map(|topic| (&topic.name, topic.partitions.clone()));
                let topics = refusal.of(named);
                Response::AddPartitionsToTxn(AddPartitionsToTxnResponse { throttle_time_ms, topics })
            }
            Request::AddOffsetsToTxn(_) => {
                Response::AddOffsetsToTxn(AddOffsetsToTxnResponse { throttle_time_ms, error })
            }
            Request::TxnOffsetCommit(asked) => {
                let numbers = |told: &Vec<(i32, _)>| told.iter().map(|&(partition, _)| partition).collect();
                let named = asked.topics.iter().map(|topic| (&topic.name, numbers(&topic.partitions)));
                let topics = refusal.of(named);
                Response::TxnOffsetCommit(TxnOffsetCommitResponse { throttle_time_ms, topics })
            }
            Request::EndTxn(_) => {
                let bumps = error.is_none() && version >= END_TXN_BUMPS;
                let (producer_id, producer_epoch) = if bumps { self.bump() } else { (-1, -1) };
                Response::EndTxn(EndTxnResponse { throttle_time_ms, error, producer_id, producer_epoch })
            }
            other => bail!("a producer does not ask {:?}", other.api()),
        })
    }

    fn found(&self, key: &Arc<str>, refusal: &Refusal) -> FoundCoordinator {
        let nobody = FoundCoordinator::refused(Arc::clone(key), refusal.error, refusal.message.clone());
        if refusal.error.is_none() {
            FoundCoordinator { node: NodeId(self.node), host: "127.0.0.1".into(), port: 9_092 + self.node, ..nobody }
        } else {
            nobody
        }
    }

    fn grant(&mut self, asked: &InitProducerIdRequest) -> (i64, i16) {
        if asked.transactional_id.is_some() && self.granted.is_some() {
            return self.bump();
        }
        let granted = self.next;
        self.next = (granted.0 + 1, 0);
        self.granted = self.granted.or(asked.transactional_id.is_some().then_some(granted));
        granted
    }

    /// The last epoch of an id is the coordinator's own, for fencing.
    fn bump(&mut self) -> (i64, i16) {
        let (id, epoch) = self.granted.unwrap_or((-1, -1));
        let bumped = if epoch >= i16::MAX - 1 {
            let fresh = self.next.0;
            self.next.0 += 1;
            (fresh, 0)
        } else {
            (id, epoch + 1)
        };
        self.granted = Some(bumped);
        bumped
    }
}

/// What a question to a coordinator is told as, behind its instant.
pub(super) fn describe(node: NodeId, request: &OutgoingRequest) -> Result<String> {
    let version = request.header.version;
    let at = |ProducerIdentity { id, epoch }| format!("n{node} v{version} {id}/{epoch}");
    let sorted = |mut places: Vec<String>| {
        places.sort();
        format!("[{}]", places.join(", "))
    };
    Ok(match &request.body {
        Request::FindCoordinator(body) => {
            format!("find-coordinator n{node} v{version} {} {}", body.key_type, body.keys.join(","))
        }
        Request::InitProducerId(body) => {
            let identity = ProducerIdentity { id: body.producer_id, epoch: body.producer_epoch };
            let id = body.transactional_id.as_deref().unwrap_or("-");
            format!("init-producer-id {} id {id} timeout {}", at(identity), body.transaction_timeout_ms)
        }
        Request::AddPartitionsToTxn(body) => {
            let of = |topic: &str, partitions: &[i32]| -> Vec<String> {
                partitions.iter().map(|partition| format!("{topic}-{partition}")).collect()
            };
            let places = body.topics.iter().flat_map(|topic| of(&topic.name, &topic.partitions)).collect();
            format!("add-partitions {} {}", at(body.identity), sorted(places))
        }
        Request::AddOffsetsToTxn(body) => format!("add-offsets {} {}", at(body.identity), body.group),
        Request::TxnOffsetCommit(body) => {
            let mut places = Vec::new();
            for topic in &body.topics {
                let told = topic.partitions.iter();
                places.extend(
                    told.map(|(partition, committed)| format!("{}-{partition}@{}", topic.name, committed.offset)),
                );
            }
            format!("commit-offsets {} {} {}", at(body.identity), body.group, sorted(places))
        }
        Request::EndTxn(body) => {
            format!("end-txn {} {}", at(body.identity), if body.committed { "commit" } else { "abort" })
        }
        other => bail!("a producer does not ask {:?}", other.api()),
    })
}
