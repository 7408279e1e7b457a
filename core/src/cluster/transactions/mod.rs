//! Transactions, and the producer ids they hang on (`TransactionCoordinator`, `TransactionStateManager`; KIP-98,
//! KIP-360, KIP-890).
//!
//! *Models*: coordinators spread over the brokers as Kafka spreads them, and on the next broker where one is gone; ids and
//! epochs, fencing, used-up epochs; both protocols, whichever is finalised; partitions that leaders add or verify; repeated
//! requests; transactions aborted when they take too long, in Kafka's ten-second sweeps; transactional ids forgotten after a
//! week; transactions that are complete when their markers are replicated.
//!
//! *Leaves out*: the logs of `__transaction_state` and `__consumer_offsets` (what would stand there is kept in memory, and
//! lost with no broker; a coordinator goes home as soon as its broker is back, and leaders reach it even while its broker is
//! gone); what takes time between coordinator and leaders, so that CONCURRENT_TRANSACTIONS is met only while a marker
//! waits for a leader or for followers, and after fencing; a broker's own retries of it during Produce v12 (100 ms in
//! Kafka); two-phase commit (KIP-939).

mod markers;
mod offsets;
mod state;
mod transaction;

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) use self::offsets::Offsets;
use self::state::{Outcome, State};
pub(super) use self::transaction::Participant;
use self::transaction::{Protocol, Transaction};
use super::topics::is_internal;
use super::{Cluster, ClusterConfig};
use crate::error::ErrorCode;
use crate::ids::{NodeId, ProducerIdentity, TopicPartition};
use crate::java_hash;
use crate::protocol::{
    AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, AddPartitionsToTxnRequest, AddPartitionsToTxnResponse,
    Coordinator, EndTxnRequest, EndTxnResponse, FindCoordinatorRequest, FindCoordinatorResponse, InitProducerIdRequest,
    InitProducerIdResponse, TopicErrors,
};
use crate::time::{Instant, Now};
use crate::trace::Observer;

/// `transaction.max.timeout.ms`.
const MAX_TIMEOUT_MS: i32 = 900_000;
/// `transaction.state.log.num.partitions` and `offsets.topic.num.partitions`.
const COORDINATOR_PARTITIONS: i32 = 50;
/// `transaction.state.log.replication.factor` and `offsets.topic.replication.factor`.
const COORDINATOR_REPLICAS: i32 = 3;
/// Key types of FindCoordinator that are answered here: groups and transactional ids (`CoordinatorType`).
const COORDINATED: core::ops::RangeInclusive<i8> = 0..=1;

/// Ids for producers: each once.
#[derive(Clone, Debug, Default)]
struct ProducerIds(i64);

impl ProducerIds {
    fn next(&mut self) -> i64 {
        self.0 += 1;
        self.0 - 1
    }
}

/// What a request's version says about its client (`AddPartitionsToTxnManager.TransactionSupportedOperation`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Support {
    /// It knows none of KIP-890's errors.
    DefaultError,
    /// It knows TRANSACTION_ABORTABLE.
    GenericError,
    /// It leaves it to brokers to add partitions: protocol 2.
    AddPartition,
}

impl Support {
    pub(super) fn of_produce(version: i16) -> Self {
        Self::since(version, 11)
    }

    fn of_offset_commit(version: i16) -> Self {
        Self::since(version, 4)
    }

    fn since(version: i16, first_with_generic_error: i16) -> Self {
        match version - first_with_generic_error {
            ..0 => Self::DefaultError,
            0 => Self::GenericError,
            _ => Self::AddPartition,
        }
    }
}

/// All transactional ids.
#[derive(Clone, Debug)]
pub(super) struct Transactions {
    by_id: BTreeMap<Arc<str>, Transaction>,
    ids: ProducerIds,
    /// After how long without use an id is forgotten.
    id_expiration: Duration,
    /// In which way the brokers abort what a producer left open.
    protocol: Protocol,
}

impl Transactions {
    pub(super) fn new(config: &ClusterConfig) -> Self {
        Self {
            by_id: BTreeMap::new(),
            ids: ProducerIds::default(),
            id_expiration: config.transactional_id_expiration,
            protocol: if config.transaction_version >= 2 { Protocol::Two } else { Protocol::One },
        }
    }

    /// When the next sweep finds a transaction that takes too long, if there is a sweep at every multiple of `interval`.
    pub(super) fn next_sweep(&self, interval: Duration) -> Option<Instant> {
        let earliest = self.by_id.values().filter_map(Transaction::expires).min()?;
        // One that ends with a sweep is found by the next.
        Some(earliest.last_multiple_of(interval) + interval.max(Duration::from_micros(1)))
    }

    fn find(&mut self, now: Instant, id: &str) -> Result<&mut Transaction, ErrorCode> {
        self.forget_if_unused(now, id);
        self.by_id.get_mut(id).ok_or(ErrorCode::INVALID_PRODUCER_ID_MAPPING)
    }

    fn forget_if_unused(&mut self, now: Instant, id: &str) {
        if self.by_id.get(id).is_some_and(|found| found.is_idle_for(now, self.id_expiration)) {
            self.by_id.remove(id);
        }
    }

    /// What a leader asks before the first batch of a transaction, and a group's coordinator before its first offsets:
    /// a client of protocol 2 is made part of the transaction, an older one must have seen to that itself.
    pub(super) fn admit(
        &mut self,
        now: Instant,
        support: Support,
        transactional_id: &str,
        identity: ProducerIdentity,
        participant: Participant,
    ) -> Result<(), ErrorCode> {
        if transactional_id.is_empty() {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        let transaction = self.find(now, transactional_id)?;
        let verdict = match support {
            Support::AddPartition => transaction.join(now, identity, [participant]),
            _ => transaction.verify(identity, &participant),
        };
        verdict.map_err(|error| match error {
            // Producers have always known this one.
            ErrorCode::PRODUCER_FENCED => ErrorCode::INVALID_PRODUCER_EPOCH,
            ErrorCode::TRANSACTION_ABORTABLE if support == Support::DefaultError => ErrorCode::INVALID_TXN_STATE,
            error => error,
        })
    }
}

/// What clients older than KIP-588 are told, which do not know the newer code.
fn known_since(first: i16, version: i16, error: ErrorCode) -> ErrorCode {
    let is_unknown = error == ErrorCode::PRODUCER_FENCED && version < first;
    if is_unknown { ErrorCode::INVALID_PRODUCER_EPOCH } else { error }
}

impl<O: Observer> Cluster<O> {
    pub(super) fn find_coordinator(&self, version: i16, request: &FindCoordinatorRequest) -> FindCoordinatorResponse {
        let coordinators = request.keys.iter().map(|key| {
            let node = self.coordinator_of(key);
            match self.config.address_of(node).filter(|_| COORDINATED.contains(&request.key_type)) {
                Some(address) => Coordinator {
                    key: Arc::clone(key),
                    error: ErrorCode::NONE,
                    // What Apache Kafka says where one key is answered.
                    error_message: Some(if version < 4 { "NONE" } else { "" }.into()),
                    node,
                    host: address.host.clone(),
                    port: i32::from(address.port),
                },
                None => {
                    let error = match COORDINATED.contains(&request.key_type) {
                        true => ErrorCode::COORDINATOR_NOT_AVAILABLE,
                        false => ErrorCode::INVALID_REQUEST,
                    };
                    Coordinator::refused(Arc::clone(key), error, Some(error.java_message().into()))
                }
            }
        });
        FindCoordinatorResponse { throttle_time_ms: 0, coordinators: coordinators.collect() }
    }

    /// Java's hash of the key chooses one of fifty partitions, and its leader coordinates: the first of three brokers in a
    /// row that is not fenced. −1: none.
    fn coordinator_of(&self, key: &str) -> NodeId {
        let brokers = i32::try_from(self.config.brokers.len()).unwrap_or(i32::MAX).max(1);
        // `Utils.abs`: the smallest number counts as 0.
        let first = java_hash::of_string(key).checked_abs().unwrap_or(0) % COORDINATOR_PARTITIONS;
        let mut replicas = (0..COORDINATOR_REPLICAS.min(brokers)).map(|copy| NodeId((first + copy) % brokers + 1));
        replicas.find(|&node| self.brokers.is_active(node)).unwrap_or(NodeId(-1))
    }

    fn check_coordinator(&self, node: NodeId, key: &str) -> Result<(), ErrorCode> {
        if self.coordinator_of(key) == node { Ok(()) } else { Err(ErrorCode::NOT_COORDINATOR) }
    }

    /// The transaction, if this broker is its coordinator and knows it.
    fn coordinated(
        &mut self,
        now: Now,
        node: NodeId,
        id: &str,
    ) -> Result<(&mut Transaction, &mut ProducerIds), ErrorCode> {
        if id.is_empty() {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        self.check_coordinator(node, id)?;
        self.transactions.find(now.instant(), id)?;
        let Transactions { by_id, ids, .. } = &mut self.transactions;
        by_id.get_mut(id).map(|found| (found, ids)).ok_or(ErrorCode::INVALID_PRODUCER_ID_MAPPING)
    }

    pub(super) fn init_producer_id(
        &mut self,
        now: Now,
        node: NodeId,
        version: i16,
        request: &InitProducerIdRequest,
    ) -> InitProducerIdResponse {
        let (error, identity) = match self.give_identity(now, node, request) {
            Ok(identity) => (ErrorCode::NONE, identity),
            Err(error) => (known_since(4, version, error), ProducerIdentity::NONE),
        };
        let (producer_id, producer_epoch) = (identity.id, identity.epoch);
        InitProducerIdResponse { throttle_time_ms: 0, error, producer_id, producer_epoch }
    }

    fn give_identity(
        &mut self,
        now: Now,
        node: NodeId,
        request: &InitProducerIdRequest,
    ) -> Result<ProducerIdentity, ErrorCode> {
        let expected = match (request.producer_id, request.producer_epoch) {
            (-1, -1) => None,
            (-1, _) | (_, -1) => return Err(ErrorCode::INVALID_REQUEST),
            (id, epoch) => Some(ProducerIdentity { id, epoch }),
        };
        let Some(id) = &request.transactional_id else {
            // Whatever id and epoch it names.
            return Ok(ProducerIdentity { id: self.transactions.ids.next(), epoch: 0 });
        };
        if id.is_empty() {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        if !(1..=MAX_TIMEOUT_MS).contains(&request.transaction_timeout_ms) {
            return Err(ErrorCode::INVALID_TRANSACTION_TIMEOUT);
        }
        self.check_coordinator(node, id)?;
        let timeout = Duration::from_millis(u64::from(request.transaction_timeout_ms.unsigned_abs()));
        let now_instant = now.instant();
        self.transactions.forget_if_unused(now_instant, id);
        let Transactions { by_id, ids, protocol, .. } = &mut self.transactions;
        let transaction = by_id.entry(Arc::clone(id)).or_insert_with(|| Transaction::new(ids.next(), now_instant));
        if expected.is_some_and(|expected| !transaction.knows(expected)) {
            return Err(ErrorCode::PRODUCER_FENCED);
        }
        if transaction.state == State::Ongoing {
            // The client comes again, and then finds the transaction aborted.
            transaction.fence(now_instant, *protocol, ids);
            self.write_markers(now, id);
            return Err(ErrorCode::CONCURRENT_TRANSACTIONS);
        }
        transaction.initialize(now_instant, timeout, expected, ids)
    }

    pub(super) fn add_partitions_to_txn(
        &mut self,
        now: Now,
        node: NodeId,
        version: i16,
        request: &AddPartitionsToTxnRequest,
    ) -> AddPartitionsToTxnResponse {
        // Any partition that cannot be added keeps out all of them.
        let refusal = |topic: &str, partition| {
            if is_internal(topic) {
                Some(ErrorCode::TOPIC_AUTHORIZATION_FAILED)
            } else if self.topics.partition(topic, partition).is_none() {
                Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
            } else {
                None
            }
        };
        let answer = |verdict: &dyn Fn(&str, i32) -> ErrorCode| {
            let topics = request.topics.iter().map(|topic| {
                let partitions = topic.partitions.iter().map(|&number| (number, verdict(&topic.name, number)));
                TopicErrors { name: topic.name.clone(), partitions: partitions.collect() }
            });
            AddPartitionsToTxnResponse { throttle_time_ms: 0, topics: topics.collect() }
        };
        let asked = request.topics.iter().flat_map(|topic| {
            topic.partitions.iter().map(|&partition| TopicPartition { topic: topic.name.clone(), partition })
        });
        if asked.clone().any(|name| refusal(&name.topic, name.partition).is_some()) {
            let verdict =
                |topic: &str, partition| refusal(topic, partition).unwrap_or(ErrorCode::OPERATION_NOT_ATTEMPTED);
            return answer(&verdict);
        }
        let joined = self
            .coordinated(now, node, &request.transactional_id)
            .and_then(|(found, _)| found.join(now.instant(), request.identity, asked.map(Participant::Partition)));
        let error = known_since(2, version, joined.err().unwrap_or_default());
        answer(&|_, _| error)
    }

    pub(super) fn add_offsets_to_txn(
        &mut self,
        now: Now,
        node: NodeId,
        version: i16,
        request: &AddOffsetsToTxnRequest,
    ) -> AddOffsetsToTxnResponse {
        let participant = Participant::Offsets(Arc::clone(&request.group));
        let joined = self
            .coordinated(now, node, &request.transactional_id)
            .and_then(|(found, _)| found.join(now.instant(), request.identity, [participant]));
        AddOffsetsToTxnResponse {
            throttle_time_ms: 0,
            error: known_since(2, version, joined.err().unwrap_or_default()),
        }
    }

    pub(super) fn end_txn(&mut self, now: Now, node: NodeId, version: i16, request: &EndTxnRequest) -> EndTxnResponse {
        let protocol = if version >= 5 { Protocol::Two } else { Protocol::One };
        let outcome = if request.committed { Outcome::Commit } else { Outcome::Abort };
        let ended = self.coordinated(now, node, &request.transactional_id).and_then(|(found, ids)| {
            found.end(now.instant(), request.identity, outcome, protocol, ids)?;
            Ok(found.identity_afterwards())
        });
        if ended.is_ok() {
            self.write_markers(now, &request.transactional_id);
        }
        let (error, identity) = match ended {
            Ok(identity) if protocol == Protocol::Two => (ErrorCode::NONE, identity),
            ended => (known_since(2, version, ended.err().unwrap_or_default()), ProducerIdentity::NONE),
        };
        let (producer_id, producer_epoch) = (identity.id, identity.epoch);
        EndTxnResponse { throttle_time_ms: 0, error, producer_id, producer_epoch }
    }

    /// Aborts what takes too long (`abortTimedOutTransactions`).
    pub(super) fn sweep_transactions(&mut self, now: Now) {
        if self.transactions.by_id.is_empty() {
            return;
        }
        let sweep = now.instant().last_multiple_of(self.config.abort_timed_out_interval);
        let Transactions { by_id, ids, protocol, .. } = &mut self.transactions;
        let mut fenced = Vec::new();
        for (id, transaction) in by_id {
            if transaction.expires().is_some_and(|expires| expires < sweep) {
                transaction.fence(now.instant(), *protocol, ids);
                fenced.push(Arc::clone(id));
            }
        }
        for id in fenced {
            self.write_markers(now, &id);
        }
    }
}
