//! Produce: batches into logs.
//!
//! *Models*: acks 0, 1 and all; one answer for all partitions of a request, which with acks=all [waits](super::purgatory)
//! for followers; the new leader named in the answer (KIP-951); topics by id (KIP-516). *Leaves out*: quotas.

use core::time::Duration;

use super::append::{AppendRefusal, Appended, Conditions, append};
use super::faults::{refuse_produce, refused_produce};
use super::purgatory::{AwaitedBatch, DelayedProduce};
use super::replica::Replica;
use super::topics::unknown;
use super::transactions::{Participant, Support};
use super::{Answer, Cluster};
use crate::error::ErrorCode;
use crate::ids::{NodeId, TopicPartition};
use crate::protocol::{
    ApiKey, MetadataBroker, ProducePartition, ProducePartitionResponse, ProduceRequest, ProduceResponse,
    ProduceTopicResponse, RequestHeader,
};
use crate::record_batch::BatchView;
use crate::time::Now;
use crate::trace::{Fact, Observer};

/// The client id by which `KafkaApis.handleProduceRequest` knows who may write to internal topics.
const ADMIN_CLIENT: &str = "__admin_client";
/// Since this version the answer names the new leader (KIP-951).
pub(super) const NAMES_LEADERS_SINCE: i16 = 10;
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
            min_isr: 1,
            now,
            internal_topics_allowed: header.client_id.as_deref() == Some(ADMIN_CLIENT),
            codecs: self.codecs,
        };
        let mut response = ProduceResponse::default();
        let mut awaited = Vec::new();
        for topic in &request.topics {
            let topic_place = response.topics.len();
            let mut partitions = Vec::with_capacity(topic.partitions.len());
            for (place, batch) in topic.partitions.iter().enumerate() {
                let name = TopicPartition { topic: topic.name.clone(), partition: batch.partition };
                let scripted = refused.filter(|(_, partition)| **partition == name).map(|(error, _)| error);
                let id = request.transactional_id.as_deref();
                let (answer, needed) = self.append_one(now, node, &name, batch, given, scripted, id);
                if let Some(required_offset) = needed.filter(|_| request.acks == -1) {
                    awaited.push(AwaitedBatch { name, place: (topic_place, place), required_offset });
                }
                partitions.push(answer);
            }
            // A topic of which nothing is said is not answered.
            if !partitions.is_empty() {
                response.topics.push(ProduceTopicResponse { name: topic.name.clone(), id: topic.id, partitions });
            }
        }
        let mut all = response.topics.iter().flat_map(|topic| &topic.partitions);
        let any_error = all.any(|partition| !partition.error.is_none());
        match request.acks {
            // Without an answer there is no other way to tell: the client looks for the leader when it reconnects.
            0 if any_error => Answer::Close,
            0 => Answer::Silence,
            _ => {
                let timeout = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0));
                Answer::Await(DelayedProduce { response, version, deadline: now.instant() + timeout, awaited })
            }
        }
    }

    /// Appends one batch; gives the answer, and the high watermark that has to be reached if it has not been.
    #[expect(clippy::too_many_arguments, reason = "all of them come from the request")]
    fn append_one(
        &mut self,
        now: Now,
        node: NodeId,
        name: &TopicPartition,
        batch: &ProducePartition,
        given: Conditions,
        scripted: Option<ErrorCode>,
        transactional_id: Option<&str>,
    ) -> (ProducePartitionResponse, Option<i64>) {
        let Some((settings, partition)) = self.topics.partition_mut(name) else {
            let error = unknown(ApiKey::Produce, given.version, &name.topic);
            return (refused_produce(name.partition, error), None);
        };
        let min_isr = partition.min_isr(settings, &self.config);
        let given = Conditions { min_isr, ..given };
        let Some(replica) = partition.replica_mut(node) else {
            return (self.refused(now, node, name, given.version, AppendRefusal::elsewhere()), None);
        };
        replica.producers.forget_idle(now, &self.config);
        let transactions = &mut self.transactions;
        let admit = |identity| {
            let participant = Participant::Partition(name.clone());
            let support = Support::of_produce(given.version);
            transactions.admit(now.instant(), support, transactional_id.unwrap_or_default(), identity, participant)
        };
        let result = match scripted {
            Some(error) => Err(AppendRefusal { error, ..AppendRefusal::default() }),
            None => append(replica, settings, name, &batch.records, given, admit),
        };
        let (log_start_offset, high_watermark) = (replica.log.start_offset(), replica.high_watermark);
        let stored = |base_offset, log_append_time_ms| ProducePartitionResponse {
            partition: name.partition,
            base_offset,
            log_append_time_ms,
            log_start_offset,
            ..ProducePartitionResponse::default()
        };
        match result {
            Ok(Appended::New { base_offset, last_offset, log_append_time_ms, records, identity, base_sequence }) => {
                self.observer.note(now.instant(), || Fact::LogAppended {
                    node,
                    partition: name.clone(),
                    base_offset,
                    records,
                    identity,
                    base_sequence,
                });
                let is_replicated = self.log_grew(now, name, node);
                let awaited = (!is_replicated).then_some(last_offset + 1);
                (stored(base_offset, log_append_time_ms.unwrap_or(-1)), awaited)
            }
            // The answer carries the stored batch's latest time, whatever the topic's timestamp type: the client then
            // shows it for all records of the batch.
            Ok(Appended::Before { base_offset, last_offset, max_timestamp_ms }) => {
                self.observer.note(now.instant(), || Fact::DuplicateRecognised {
                    node,
                    partition: name.clone(),
                    base_offset,
                });
                (stored(base_offset, max_timestamp_ms), Some(last_offset + 1).filter(|&end| end > high_watermark))
            }
            Err(refusal) => (self.refused(now, node, name, given.version, refusal), None),
        }
    }

    fn refused(
        &mut self,
        now: Now,
        node: NodeId,
        name: &TopicPartition,
        version: i16,
        refusal: AppendRefusal,
    ) -> ProducePartitionResponse {
        let error = refusal.error;
        self.observer.note(now.instant(), || Fact::AppendRefused { node, partition: name.clone(), error });
        let mut response = refused_produce(name.partition, error);
        if refusal.tells_log_start
            && let Some(partition) = self.topics.partition(&name.topic, name.partition)
            && let Some(replica) = partition.replica(node)
        {
            response.log_start_offset = replica.log.start_offset();
        }
        if version >= NAMES_RECORDS_SINCE {
            response.record_errors = refusal.record_errors;
            response.error_message = refusal.message;
        }
        if error == ErrorCode::NOT_LEADER_OR_FOLLOWER && version >= NAMES_LEADERS_SINCE {
            response.current_leader = self.believed_leader(node, name);
        }
        response
    }

    /// A leader's log has grown: followers may fetch, and where nobody is waited for, readers may read. `true`: they may,
    /// all of it.
    pub(super) fn log_grew(&mut self, now: Now, name: &TopicPartition, node: NodeId) -> bool {
        let lag_max = self.config.replica_lag_time_max;
        let Some((settings, partition)) = self.topics.partition_mut(name) else { return true };
        let min_isr = partition.min_isr(settings, &self.config);
        let Some(replica) = partition.replica_mut(node) else { return true };
        let has_moved = replica.advance_high_watermark(now.instant(), min_isr, lag_max, &self.brokers);
        let (offset, is_replicated) = (replica.high_watermark, replica.high_watermark == replica.log.end_offset());
        if partition.replicas.len() > 1 {
            let is_behind = partition.replica(node).is_some_and(Replica::has_laggards);
            for follower in partition.replicas.iter().map(|replica| replica.node).filter(|&other| other != node) {
                self.fetchers.give((node, follower), name);
                if has_moved {
                    self.fetchers.tell((node, follower), name, now.instant(), self.config.replica_fetch_wait_max);
                }
            }
            self.note_behind(name, is_behind);
        }
        if has_moved {
            self.logs_changed = true;
            self.observer.note(now.instant(), || Fact::HighWatermarkMoved { node, partition: name.clone(), offset });
        }
        is_replicated
    }

    /// Readers may read further, and writers may be answered.
    pub(super) fn high_watermark_moved(&mut self, now: Now, name: &TopicPartition, node: NodeId) {
        self.logs_changed = true;
        let Some(partition) = self.topics.partition(&name.topic, name.partition) else { return };
        let Some(replica) = partition.replica(node) else { return };
        let offset = replica.high_watermark;
        for follower in partition.replicas.iter().map(|replica| replica.node).filter(|&other| other != node) {
            self.fetchers.tell((node, follower), name, now.instant(), self.config.replica_fetch_wait_max);
        }
        self.observer.note(now.instant(), || Fact::HighWatermarkMoved { node, partition: name.clone(), offset });
    }

    /// Where the leaders are that an answer names, each once.
    pub(super) fn endpoints_of_new_leaders(&self, response: &ProduceResponse) -> Vec<MetadataBroker> {
        let partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
        let named: Vec<NodeId> = partitions.filter_map(|partition| Some(partition.current_leader?.leader)).collect();
        self.addresses(&named)
    }
}
