//! What coordinators are asked, and what their answers come to (`Sender.maybeSendAndPollTransactionalRequest`).

use std::collections::BTreeMap;
use std::sync::Arc;

use core::time::Duration;

use crate::error::{ErrorCode, ProducerError};
use crate::ids::{BrokerAddress, NodeId, ProducerIdentity, TopicPartition};
use crate::io::WaitReason;
use crate::java_hash;
use crate::protocol::{
    AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, ApiKey, EndTxnRequest,
    EndTxnResponse, FindCoordinatorRequest, FindCoordinatorResponse, InitProducerIdRequest, InitProducerIdResponse,
    Request, Response, TopicPartitions, TxnOffsetCommitRequest, TxnOffsetCommitResponse, TxnOffsetCommitTopic,
};
use crate::time::Instant;
use crate::trace::{Fact, Observer};

use super::Producer;
use super::connections::{Asked, Availability};
use super::identity::IdentitySignal;
use super::topics::PartitionRef;
use super::transact::Turn;
use super::transactions::{Coordinator, CoordinatorNode, Granted, PartitionAnswer, Pending, Query};

/// Pause before partitions are asked for again while the transaction before is still being completed
/// (`ADD_PARTITIONS_RETRY_BACKOFF_MS`).
const SHORT_PAUSE: Duration = Duration::from_millis(20);

/// Versions of protocol 1: a broker takes these to mean that the client adds groups itself, and keeps its epoch.
const TXN_OFFSET_COMMIT_V1: i16 = 4;
const END_TXN_V1: i16 = 4;

impl<O: Observer> Producer<O> {
    /// Sends a question, or does what must be done first (`Sender.maybeSendAndPollTransactionalRequest`).
    pub(super) fn ask_coordinator(&mut self, now: Instant, mut pending: Pending) -> Turn {
        let coordinator = pending.query.coordinator();
        if coordinator.is_none() && self.has_lost_target(now, pending.awaited_until.is_some()) {
            self.repeat(pending);
            self.sleep_after_failure(now);
            return Turn::Nothing;
        }
        let node_of = |coordinator| self.transactions.as_ref().and_then(|known| known.node_of(coordinator)).cloned();
        let known = coordinator.as_ref().and_then(node_of);
        let has_target = if coordinator.is_some() { known.is_some() } else { self.whom_to_ask(now).is_some() };
        // The network is looked at once before a broker is turned to: it may be that its connection has just ended, or was idle
        // (`NetworkClientUtils.isReady`).
        if has_target && !pending.has_looked {
            pending.has_looked = true;
            self.is_dirty = true;
            self.put_back(pending);
            return Turn::Questions;
        }
        let reached = match known {
            Some(known) => self.reach(now, &known, pending.not_before.is_some()),
            None if coordinator.is_some() => Reach::Failed,
            None => self.reach_anyone(now, pending.not_before.is_some()),
        };
        let patience_ends = match reached {
            Reach::Underway => *pending.awaited_until.get_or_insert(now + self.patience()),
            Reach::Ready(_) | Reach::Failed => now,
        };
        let node = match reached {
            Reach::Ready(node) => node,
            Reach::Underway if patience_ends > now => {
                self.wake_by(Some((patience_ends, WaitReason::RequestTimeout)));
                self.put_back(pending);
                return Turn::Questions;
            }
            Reach::Underway | Reach::Failed if coordinator.is_some() => {
                self.find_coordinator_for(pending);
                return Turn::Nothing;
            }
            // With nobody to ask, or nobody who could be reached in time, the next try is one again.
            Reach::Failed => {
                self.repeat(pending);
                return Turn::Questions;
            }
            Reach::Underway => {
                self.repeat(pending);
                self.sleep_after_failure(now);
                return Turn::Nothing;
            }
        };
        if coordinator == Some(Coordinator::Transaction) {
            let highest = self.connections.highest_version(node, ApiKey::InitProducerId);
            self.transactions.iter_mut().for_each(|transactions| transactions.on_coordinator_ready(highest));
        }
        if pending.is_retry {
            // The pause begins when there is somebody to ask.
            let pause = self.config.retry_backoff;
            let pause = if pending.short_pause { pause.min(SHORT_PAUSE) } else { pause };
            let until = *pending.not_before.get_or_insert(now + pause);
            if until > now {
                self.put_back(pending);
                self.sleep_until(until);
                return Turn::Nothing;
            }
        }
        self.question_target = None;
        self.send_query(now, node, pending);
        Turn::Questions
    }

    fn repeat(&mut self, pending: Pending) {
        self.transactions.iter_mut().for_each(|transactions| transactions.repeat(pending.clone()));
    }

    fn put_back(&mut self, pending: Pending) {
        self.transactions.iter_mut().for_each(|transactions| transactions.put_back(pending.clone()));
    }

    fn find_coordinator_for(&mut self, pending: Pending) {
        self.is_dirty = true;
        self.transactions.iter_mut().for_each(|transactions| transactions.find_coordinator_for(pending.clone()));
    }

    /// Is there a connection to a coordinator (`Sender.awaitNodeReady`)?
    /// After a pause nothing is looked at any more.
    fn reach(&mut self, now: Instant, known: &CoordinatorNode, has_paused: bool) -> Reach {
        match self.connections.availability(known.node, now) {
            // Metadata goes first.
            Availability::Ready if self.metadata.is_due(now) && !has_paused => Reach::Underway,
            Availability::Ready => Reach::Ready(known.node),
            Availability::CanConnect => {
                self.dial_at(now, known.node, known.address.clone());
                Reach::Underway
            }
            Availability::Underway | Availability::Busy => Reach::Underway,
            Availability::NotBefore(_, WaitReason::ReconnectBackoff) => Reach::Failed,
            Availability::NotBefore(at, why) => {
                self.wake_by(Some((at, why)));
                Reach::Underway
            }
        }
    }

    /// Is there a connection to some broker? The one that was chosen stays so while it can be reached.
    fn reach_anyone(&mut self, now: Instant, has_paused: bool) -> Reach {
        let Some((node, _)) = self.whom_to_ask(now) else { return Reach::Failed };
        match self.connections.availability(node, now) {
            Availability::Ready if self.metadata.is_due(now) && !has_paused => Reach::Underway,
            Availability::Ready => Reach::Ready(node),
            Availability::CanConnect => {
                self.dial(now, node);
                Reach::Underway
            }
            Availability::Underway | Availability::Busy => Reach::Underway,
            Availability::NotBefore(at, why) => {
                self.wake_by(Some((at, why)));
                Reach::Underway
            }
        }
    }

    fn send_query(&mut self, now: Instant, node: NodeId, pending: Pending) {
        let api = pending.query.api();
        let version = match pending.query {
            Query::EndTxn { bumps_epoch: false, .. } => self.connections.version_up_to(node, api, END_TXN_V1),
            Query::CommitOffsets { adds_itself: false, .. } => {
                self.connections.version_up_to(node, api, TXN_OFFSET_COMMIT_V1)
            }
            _ => self.connections.version(node, api),
        };
        let fitting = version
            .ok_or_else(|| self.connections.unsupported(node, api))
            .and_then(|version| with_membership(&pending.query, version));
        let version = match fitting {
            Ok(version) => version,
            Err(error) => {
                self.is_dirty = true;
                let Some(transactions) = &mut self.transactions else { return };
                return transactions.on_unsupported(pending, error);
            }
        };
        let Some(body) = self.body_of(&pending.query) else { return };
        if let Some(transactions) = &mut self.transactions {
            transactions.on_sent(pending);
        }
        self.transmit(now, node, version, body, Asked::Transaction, true);
    }

    fn body_of(&self, query: &Query) -> Option<Request> {
        let transactional_id = Arc::clone(self.transactions.as_ref()?.transactional_id());
        Some(match query {
            Query::FindCoordinator(coordinator) => {
                let (key_type, key) = match coordinator {
                    Coordinator::Group(group) => (0, Arc::clone(group)),
                    Coordinator::Transaction => (1, transactional_id),
                };
                Request::FindCoordinator(FindCoordinatorRequest { key_type, keys: vec![key] })
            }
            Query::InitProducerId { bump } => {
                let identity = bump.unwrap_or(ProducerIdentity::NONE);
                let transaction_timeout_ms = self.config.transaction_timeout_ms;
                // The Java client's request builder throws where nobody hears it (`InitProducerIdRequest.Builder.build`), and
                // the question is lost: the call that asked it runs out of time.
                if transaction_timeout_ms <= 0 {
                    return None;
                }
                Request::InitProducerId(InitProducerIdRequest {
                    transactional_id: Some(transactional_id),
                    transaction_timeout_ms,
                    producer_id: identity.id,
                    producer_epoch: identity.epoch,
                })
            }
            Query::AddPartitions { identity, partitions } => {
                let mut topics: BTreeMap<Arc<str>, Vec<i32>> = BTreeMap::new();
                for partition in partitions {
                    let name = Arc::clone(self.topics.name(partition.topic));
                    topics.entry(name).or_default().push(partition.partition);
                }
                Request::AddPartitionsToTxn(AddPartitionsToTxnRequest {
                    transactional_id,
                    identity: *identity,
                    topics: topics.into_iter().map(|(name, partitions)| TopicPartitions { name, partitions }).collect(),
                })
            }
            Query::AddOffsets { identity, member, .. } => Request::AddOffsetsToTxn(AddOffsetsToTxnRequest {
                transactional_id,
                identity: *identity,
                group: Arc::clone(&member.group),
            }),
            Query::CommitOffsets { identity, offsets, member, .. } => {
                let mut topics: BTreeMap<Arc<str>, TxnOffsetCommitTopic> = BTreeMap::new();
                for (topic, partition, offset) in offsets {
                    let name = || TxnOffsetCommitTopic { name: Arc::clone(topic), partitions: Vec::new() };
                    let topic = topics.entry(Arc::clone(topic)).or_insert_with(name);
                    topic.partitions.push((*partition, offset.clone()));
                }
                Request::TxnOffsetCommit(TxnOffsetCommitRequest {
                    transactional_id,
                    group: Arc::clone(&member.group),
                    identity: *identity,
                    generation: member.generation,
                    member_id: Arc::clone(&member.member_id),
                    group_instance_id: member.group_instance_id.clone(),
                    topics: topics.into_values().collect(),
                })
            }
            Query::EndTxn { identity, committed, .. } => {
                Request::EndTxn(EndTxnRequest { transactional_id, identity: *identity, committed: *committed })
            }
        })
    }

    /// A question of the transaction's was answered.
    pub(super) fn on_transaction_answer(&mut self, now: Instant, response: Response) {
        self.is_dirty = true;
        let Some(transactions) = &mut self.transactions else { return };
        let granted = match response {
            Response::FindCoordinator(response) => {
                let (code, message, found) = found(&response);
                transactions.on_found(code, message, found);
                None
            }
            Response::InitProducerId(InitProducerIdResponse { error, producer_id, producer_epoch, .. }) => {
                transactions.on_initialized(error, ProducerIdentity { id: producer_id, epoch: producer_epoch })
            }
            Response::AddPartitionsToTxn(response) => {
                let answers = partition_answers(&response, |topic| self.topics.find(topic));
                transactions.on_partitions_added(answers);
                None
            }
            Response::AddOffsetsToTxn(response) => {
                transactions.on_offsets_added(response.error);
                None
            }
            Response::TxnOffsetCommit(response) => {
                transactions.on_offsets_committed(&offset_answers(&response));
                None
            }
            Response::EndTxn(EndTxnResponse { error, producer_id, producer_epoch, .. }) => {
                let next = ProducerIdentity { id: producer_id, epoch: producer_epoch };
                transactions.on_ended(error, (producer_id >= 0).then_some(next))
            }
            _ => None,
        };
        if let Some(Granted { identity, restarts_sequences }) = granted {
            self.identity.on(IdentitySignal::Given(identity));
            if restarts_sequences {
                self.sequences.clear();
            }
            self.told.note(now, || Fact::IdentityChanged { identity });
        }
        self.tell_phase(now);
    }
}

/// Can a coordinator be asked?
enum Reach {
    Ready(NodeId),
    /// Not yet; the end of waiting will be an input.
    Underway,
    /// Not there: who coordinates is asked again.
    Failed,
}

/// A consumer's membership is told since TxnOffsetCommit 3 (KIP-447). One that was given is not left out
/// (`TxnOffsetCommitRequest.Builder.build`).
fn with_membership(query: &Query, version: i16) -> Result<i16, ProducerError> {
    let Query::CommitOffsets { member, .. } = query else { return Ok(version) };
    let is_told = !member.member_id.is_empty() || member.generation != -1 || member.group_instance_id.is_some();
    if version >= 3 || !is_told {
        return Ok(version);
    }
    let message = format!(
        "Broker doesn't support group metadata commit API on version {version}, minimum supported request version is 3 \
         which requires brokers to be on version 2.5 or above."
    );
    Err(ProducerError::Broker { code: ErrorCode::UNSUPPORTED_VERSION, message: Some(message.into()) })
}

fn found(response: &FindCoordinatorResponse) -> (ErrorCode, Option<Arc<str>>, CoordinatorNode) {
    let nowhere = || BrokerAddress { host: "".into(), port: 0 };
    match response.coordinators.as_slice() {
        [found] => {
            let port = u16::try_from(found.port).unwrap_or(0);
            let address = BrokerAddress { host: Arc::clone(&found.host), port };
            (found.error, found.error_message.clone(), CoordinatorNode { node: found.node, address })
        }
        _ => {
            let code = ErrorCode::UNKNOWN_SERVER_ERROR;
            (code, Some(code.java_message().into()), CoordinatorNode { node: NodeId(-1), address: nowhere() })
        }
    }
}

fn partition_answers(
    response: &AddPartitionsToTxnResponse,
    find: impl Fn(&str) -> Option<super::topics::TopicIndex>,
) -> Vec<PartitionAnswer> {
    let of_topic = |topic: &crate::protocol::TopicErrors| {
        let number = find(&topic.name);
        let name = Arc::clone(&topic.name);
        let of_partition = move |&(partition, code): &(i32, ErrorCode)| PartitionAnswer {
            named: TopicPartition { topic: Arc::clone(&name), partition },
            partition: number.map(|topic| PartitionRef { topic, partition }),
            code,
        };
        topic.partitions.iter().map(of_partition).collect::<Vec<_>>()
    };
    let answers = response.topics.iter().flat_map(of_topic).collect();
    java_hash::in_map_order(answers, |answer| java_hash::of_partition(&answer.named.topic, answer.named.partition))
}

fn offset_answers(response: &TxnOffsetCommitResponse) -> Vec<(Arc<str>, i32, ErrorCode)> {
    let topics = response.topics.iter();
    let answers = topics
        .flat_map(|topic| topic.partitions.iter().map(|&(partition, code)| (Arc::clone(&topic.name), partition, code)))
        .collect();
    java_hash::in_map_order(answers, |(topic, partition, _)| java_hash::of_partition(topic, *partition))
}
