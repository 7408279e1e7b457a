//! Produce: batches into logs.
//!
//! *Models*: acks 0, 1 and all; one answer for all partitions of a request; the new leader named in the answer
//! (KIP-951); topics by id (KIP-516). *Leaves out*: waiting for followers (acks=all is answered at once, for every replica
//! is in sync).

use super::append::{AppendRefusal, Appended, Conditions, append};
use super::faults::{refuse_produce, refused_produce};
use super::topics::unknown;
use super::transactions::{Participant, Support};
use super::{Answer, Cluster};
use crate::error::ErrorCode;
use crate::ids::{NodeId, TopicPartition};
use crate::protocol::{
    ApiKey, LeaderIdAndEpoch, MetadataBroker, ProducePartition, ProducePartitionResponse, ProduceRequest,
    ProduceResponse, ProduceTopicResponse, RequestHeader, Response,
};
use crate::record_batch::BatchView;
use crate::time::Now;
use crate::trace::{Fact, Observer};

/// The client id by which `KafkaApis.handleProduceRequest` knows who may write to internal topics.
const ADMIN_CLIENT: &str = "__admin_client";
/// Since this version the answer names the new leader (KIP-951).
const NAMES_LEADERS_SINCE: i16 = 10;
/// Since this version it names the records at fault (KIP-467).
const NAMES_RECORDS_SINCE: i16 = 8;

/// What is wrong with the request as a whole: transactional batches without a transactional id, or of two producers
/// (`KafkaApis.handleProduceRequest`, `ReplicaManager.handleProduceAppend`).
fn refuses_all(request: &ProduceRequest) -> Option<(ErrorCode, Option<&'static str>)> {
    let mut writer = None;
    for batch in request.topics.iter().flat_map(|topic| &topic.partitions) {
        let Ok(batch) = BatchView::parse(&batch.records) else { continue };
        if !batch.is_transactional() {
            continue;
        }
        if request.transactional_id.is_none() {
            return Some((ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED, None));
        }
        if let Some(identity) = batch.identity()
            && *writer.get_or_insert(identity) != identity
        {
            let message = "Transactional records contained more than one producer ID";
            return Some((ErrorCode::INVALID_PRODUCER_ID_MAPPING, Some(message)));
        }
    }
    None
}

impl<O: Observer> Cluster<O> {
    pub(super) fn produce(
        &mut self,
        now: Now,
        node: NodeId,
        header: &RequestHeader,
        request: &ProduceRequest,
        refused: Option<(ErrorCode, &TopicPartition)>,
    ) -> Answer {
        let version = header.version;
        if let Some((error, message)) = refuses_all(request) {
            let message = message.filter(|_| version >= NAMES_RECORDS_SINCE);
            return refuse_produce(request, error, message);
        }
        let given = Conditions {
            version,
            acks: request.acks,
            node,
            now,
            internal_topics_allowed: header.client_id.as_deref() == Some(ADMIN_CLIENT),
            codecs: self.codecs,
        };
        let mut response = ProduceResponse::default();
        for topic in &request.topics {
            let partitions = topic.partitions.iter().map(|batch| {
                let name = TopicPartition { topic: topic.name.clone(), partition: batch.partition };
                let scripted = refused.filter(|(_, partition)| **partition == name).map(|(error, _)| error);
                self.append_one(now, &name, batch, given, scripted, request.transactional_id.as_deref())
            });
            let partitions = partitions.collect();
            response.topics.push(ProduceTopicResponse { name: topic.name.clone(), id: topic.id, partitions });
        }
        if version >= NAMES_LEADERS_SINCE {
            response.node_endpoints = self.endpoints_of_new_leaders(&response);
        }
        let any_error =
            response.topics.iter().flat_map(|topic| &topic.partitions).any(|partition| !partition.error.is_none());
        match request.acks {
            // Without an answer there is no other way to tell: the client looks for the leader when it reconnects.
            0 if any_error => Answer::Close,
            0 => Answer::Silence,
            _ => Answer::Respond(Response::Produce(response)),
        }
    }

    fn append_one(
        &mut self,
        now: Now,
        name: &TopicPartition,
        batch: &ProducePartition,
        given: Conditions,
        scripted: Option<ErrorCode>,
        transactional_id: Option<&str>,
    ) -> ProducePartitionResponse {
        let node = given.node;
        let Some((settings, partition)) = self.topics.partition_mut(name) else {
            return refused_produce(name.partition, unknown(ApiKey::Produce, given.version, &name.topic));
        };
        partition.producers.forget_idle(now, &self.config);
        let transactions = &mut self.transactions;
        let admit = |identity| {
            let participant = Participant::Partition(name.clone());
            let support = Support::of_produce(given.version);
            transactions.admit(now.instant(), support, transactional_id.unwrap_or_default(), identity, participant)
        };
        let result = match scripted {
            Some(error) => Err(AppendRefusal { error, ..AppendRefusal::default() }),
            None => append(partition, settings, name, &batch.records, given, admit),
        };
        let log_start_offset = partition.log.start_offset();
        let leader = LeaderIdAndEpoch { leader: partition.leader, epoch: partition.leader_epoch };
        let stored = |base_offset, log_append_time_ms| ProducePartitionResponse {
            partition: name.partition,
            base_offset,
            log_append_time_ms,
            log_start_offset,
            ..ProducePartitionResponse::default()
        };
        match result {
            Ok(Appended::New { base_offset, log_append_time_ms, records, identity, base_sequence }) => {
                self.logs_changed = true;
                self.observer.note(now.instant(), || Fact::LogAppended {
                    node,
                    partition: name.clone(),
                    base_offset,
                    records,
                    identity,
                    base_sequence,
                });
                stored(base_offset, log_append_time_ms.unwrap_or(-1))
            }
            // The answer carries the stored batch's latest time, whatever the topic's timestamp type: the client then
            // shows it for all records of the batch.
            Ok(Appended::Before { base_offset, max_timestamp_ms }) => {
                self.observer.note(now.instant(), || Fact::DuplicateRecognised {
                    node,
                    partition: name.clone(),
                    base_offset,
                });
                stored(base_offset, max_timestamp_ms)
            }
            Err(refusal) => {
                let error = refusal.error;
                self.observer.note(now.instant(), || Fact::AppendRefused { node, partition: name.clone(), error });
                let mut response = refused_produce(name.partition, error);
                if refusal.tells_log_start {
                    response.log_start_offset = log_start_offset;
                }
                if given.version >= NAMES_RECORDS_SINCE {
                    response.record_errors = refusal.record_errors;
                    response.error_message = refusal.message;
                }
                let names_leader = error == ErrorCode::NOT_LEADER_OR_FOLLOWER && given.version >= NAMES_LEADERS_SINCE;
                response.current_leader = names_leader.then_some(leader);
                response
            }
        }
    }

    /// Where the leaders are that an answer names, each once.
    fn endpoints_of_new_leaders(&self, response: &ProduceResponse) -> Vec<MetadataBroker> {
        let partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
        let named: Vec<NodeId> = partitions.filter_map(|partition| Some(partition.current_leader?.leader)).collect();
        self.brokers().filter(|broker| named.contains(&broker.node)).collect()
    }
}
