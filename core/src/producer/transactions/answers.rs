//! What answers to the questions mean (`TransactionManager`'s request handlers).

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::error::{ErrorCode, ProducerError, TransactionError};
use crate::ids::{ProducerIdentity, TopicPartition};
use crate::java_hash;

use super::super::topics::PartitionRef;
use super::requests::{Coordinator, Pending, Query};
use super::state::TransactionSignal;
use super::{CoordinatorNode, Transactions};

/// An identity to go on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Granted {
    pub(in super::super) identity: ProducerIdentity,
    /// Do all sequences begin at zero?
    pub(in super::super) restarts_sequences: bool,
}

/// What an answer says of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct PartitionAnswer {
    pub(in super::super) named: TopicPartition,
    pub(in super::super) partition: Option<PartitionRef>,
    pub(in super::super) code: ErrorCode,
}

impl Transactions {
    /// The question's connection is gone.
    pub(in super::super) fn on_disconnected(&mut self) {
        if let Some(pending) = self.in_flight.take() {
            self.find_coordinator_for(pending);
        }
    }

    /// Its broker speaks no version of it that we do.
    pub(in super::super) fn on_unsupported(&mut self, pending: Pending, error: ProducerError) {
        self.fail_for_good(&pending, error);
    }

    /// FindCoordinator was answered.
    pub(in super::super) fn on_found(&mut self, code: ErrorCode, message: Option<Arc<str>>, found: CoordinatorNode) {
        let Some(pending) = self.in_flight.take() else { return };
        let Query::FindCoordinator(coordinator) = &pending.query else { return };
        match code {
            ErrorCode::NONE => match coordinator {
                Coordinator::Transaction => self.coordinator = Some(found),
                Coordinator::Group(_) => self.group_coordinator = Some(found),
            },
            code if code.is_retriable() => self.repeat(pending),
            ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED => self.fail_for_good(&pending, broker(code)),
            _ => self.refuse_saying(pending, code, message),
        }
    }

    /// InitProducerId was answered.
    pub(in super::super) fn on_initialized(&mut self, code: ErrorCode, identity: ProducerIdentity) -> Option<Granted> {
        let pending = self.in_flight.take()?;
        if !code.is_none() {
            self.refuse(pending, code);
            return None;
        }
        let restarts_sequences = matches!(pending.query, Query::InitProducerId { bump: Some(_) });
        self.identity = Some(identity);
        self.signal(TransactionSignal::IdGranted);
        // Where that did not fit, the call is left waiting, as the Java client leaves it: it was neither done nor refused.
        if self.fatal_error().is_none() {
            self.settle(pending.call, Ok(()));
        }
        Some(Granted { identity, restarts_sequences })
    }

    /// AddPartitionsToTxn was answered, in the order in which the Java client looks at the partitions.
    pub(in super::super) fn on_partitions_added(&mut self, answers: Vec<PartitionAnswer>) {
        let Some(pending) = self.in_flight.take() else { return };
        // A pause is short for what was answered last.
        let pending = Pending { short_pause: false, ..pending };
        for answer in &answers {
            match answer.code {
                ErrorCode::NONE | ErrorCode::TOPIC_AUTHORIZATION_FAILED | ErrorCode::OPERATION_NOT_ATTEMPTED => {}
                ErrorCode::CONCURRENT_TRANSACTIONS => {
                    // The transaction before is still being completed, which does not take long.
                    let short_pause = self.partitions.is_empty();
                    return self.repeat(Pending { short_pause, ..pending });
                }
                code if ends_the_request(code) => return self.refuse(pending, code),
                _ => {}
            }
        }
        for answer in &answers {
            self.pending_partitions.retain(|partition| Some(*partition) != answer.partition);
        }
        let topics = unauthorized(&answers);
        if !topics.is_empty() {
            self.fail_until_abort(&pending, ProducerError::TopicAuthorization { topics });
        } else if answers.iter().any(|answer| !answer.code.is_none()) {
            let told = answers.into_iter().map(|answer| (answer.named, answer.code)).collect();
            self.fail_until_abort(&pending, TransactionError::PartitionsRefused(told).into());
        } else {
            self.partitions.extend(answers.iter().filter_map(|answer| answer.partition));
            self.started = true;
        }
    }

    /// AddOffsetsToTxn was answered.
    pub(in super::super) fn on_offsets_added(&mut self, code: ErrorCode) {
        let Some(pending) = self.in_flight.take() else { return };
        match pending.query {
            Query::AddOffsets { identity, offsets, member } if code.is_none() => {
                self.started = true;
                // The call is over when the offsets are committed.
                let query = self.commit_offsets(identity, offsets, member);
                self.queue.push(Pending::new(query, pending.call));
            }
            _ => self.refuse(pending, code),
        }
    }

    /// TxnOffsetCommit was answered, in the order in which the Java client looks at the partitions.
    pub(in super::super) fn on_offsets_committed(&mut self, answers: &[(Arc<str>, i32, ErrorCode)]) {
        let Some(pending) = self.in_flight.take() else { return };
        let Query::CommitOffsets { member, .. } = &pending.query else { return };
        let member = member.clone();
        let mut is_looked_up = false;
        for (topic, partition, code) in answers {
            match *code {
                ErrorCode::NONE => {
                    self.pending_offsets.retain(|(name, number, _)| (name, number) != (topic, partition));
                }
                ErrorCode::COORDINATOR_NOT_AVAILABLE | ErrorCode::NOT_COORDINATOR | ErrorCode::REQUEST_TIMED_OUT => {
                    if !core::mem::replace(&mut is_looked_up, true) {
                        self.look_up(Coordinator::Group(Arc::clone(&member.group)));
                    }
                }
                code if code.is_retriable() => {}
                code => {
                    self.pending_offsets.clear();
                    return self.refuse(pending, code);
                }
            }
        }
        if self.pending_offsets.is_empty() {
            return self.settle(pending.call, Ok(()));
        }
        self.repeat(pending);
    }

    /// EndTxn was answered; with protocol 2, also with the identity of the next transaction.
    pub(in super::super) fn on_ended(&mut self, code: ErrorCode, next: Option<ProducerIdentity>) -> Option<Granted> {
        let pending = self.in_flight.take()?;
        if !code.is_none() {
            self.refuse(pending, code);
            return None;
        }
        self.identity = next.or(self.identity);
        self.ended();
        self.settle(pending.call, Ok(()));
        next.map(|identity| Granted { identity, restarts_sequences: true })
    }

    /// An answer that says no: what that means is much the same for all questions.
    fn refuse(&mut self, pending: Pending, code: ErrorCode) {
        self.refuse_saying(pending, code, None);
    }

    /// As [`refuse`](Self::refuse), with what the broker says of the error.
    fn refuse_saying(&mut self, pending: Pending, code: ErrorCode, message: Option<Arc<str>>) {
        use ErrorCode as Code;
        let is_init = matches!(pending.query, Query::InitProducerId { .. });
        let unexpected = match &pending.query {
            Query::FindCoordinator(Coordinator::Group(group)) => {
                TransactionError::NoCoordinator { of_group: true, key: Arc::clone(group), message }
            }
            Query::FindCoordinator(Coordinator::Transaction) => {
                TransactionError::NoCoordinator { of_group: false, key: Arc::clone(&self.id), message }
            }
            query => TransactionError::UnexpectedAnswer { api: query.api(), code },
        };
        match (code, &pending.query) {
            (Code::COORDINATOR_NOT_AVAILABLE | Code::NOT_COORDINATOR, _) => self.find_coordinator_for(pending),
            (code, _) if code.is_retriable() => self.repeat(pending),
            // What a coordinator before Kafka 2.7 says of a producer that is fenced.
            (Code::INVALID_PRODUCER_EPOCH | Code::PRODUCER_FENCED, query) if !is_find(query) => {
                self.fail_for_good(&pending, broker(Code::PRODUCER_FENCED));
            }
            (Code::TRANSACTIONAL_ID_AUTHORIZATION_FAILED | Code::CLUSTER_AUTHORIZATION_FAILED, _) if is_init => {
                self.fail_until_abort(&pending, broker(code));
            }
            (Code::GROUP_AUTHORIZATION_FAILED, query) if self.group_of(query).is_some() => {
                let group = self.group_of(query).cloned().unwrap_or_else(|| "".into());
                self.fail_until_abort(&pending, TransactionError::GroupAuthorization(group).into());
            }
            (Code::TRANSACTION_ABORTABLE, Query::EndTxn { committed: false, .. }) => {
                self.fail_for_good(&pending, TransactionError::AbortFailed(code).into());
            }
            (Code::TRANSACTION_ABORTABLE, _) => self.fail_until_abort(&pending, broker(code)),
            (_, Query::CommitOffsets { .. }) => self.refuse_offsets(&pending, code),
            (
                Code::TRANSACTIONAL_ID_AUTHORIZATION_FAILED
                | Code::INVALID_TXN_STATE
                | Code::INVALID_PRODUCER_ID_MAPPING,
                query,
            ) if !is_init && !is_find(query) => self.fail_for_good(&pending, broker(code)),
            (Code::UNKNOWN_PRODUCER_ID, query) if !is_init && !is_find(query) => {
                if self.can_recover() {
                    self.bump_required |= self.bumps_by_itself();
                    self.fail_until_abort(&pending, broker(code));
                } else {
                    self.fail_for_good(&pending, broker(code));
                }
            }
            _ => self.fail_for_good(&pending, unexpected.into()),
        }
    }

    fn refuse_offsets(&mut self, pending: &Pending, code: ErrorCode) {
        use ErrorCode as Code;
        match code {
            Code::FENCED_INSTANCE_ID => self.fail_until_abort(pending, broker(code)),
            Code::UNKNOWN_MEMBER_ID | Code::ILLEGAL_GENERATION => {
                self.fail_until_abort(pending, TransactionError::CommitFailed(code).into());
            }
            Code::TRANSACTIONAL_ID_AUTHORIZATION_FAILED | Code::UNSUPPORTED_FOR_MESSAGE_FORMAT => {
                self.fail_for_good(pending, broker(code));
            }
            _ => {
                let api = pending.query.api();
                self.fail_for_good(pending, TransactionError::UnexpectedAnswer { api, code }.into());
            }
        }
    }

    /// Whose rights are missing where it is said that a group's are.
    fn group_of<'a>(&'a self, query: &'a Query) -> Option<&'a Arc<str>> {
        match query {
            Query::FindCoordinator(Coordinator::Group(group)) => Some(group),
            // `FindCoordinatorHandler` takes whatever key it asked about for the group.
            Query::FindCoordinator(Coordinator::Transaction) => Some(&self.id),
            Query::AddOffsets { member, .. } | Query::CommitOffsets { member, .. } => Some(&member.group),
            _ => None,
        }
    }

    fn fail_until_abort(&mut self, pending: &Pending, error: ProducerError) {
        self.settle(pending.call, Err(error.clone()));
        self.abortable(error);
    }

    fn fail_for_good(&mut self, pending: &Pending, error: ProducerError) {
        self.settle(pending.call, Err(error.clone()));
        self.fatal(error);
    }
}

fn broker(code: ErrorCode) -> ProducerError {
    ProducerError::Broker { code, message: None }
}

const fn is_find(query: &Query) -> bool {
    matches!(query, Query::FindCoordinator(_))
}

/// Topics to which the principal may not write, as a set of Java's has them.
fn unauthorized(answers: &[PartitionAnswer]) -> Vec<Arc<str>> {
    let mut told = BTreeSet::new();
    let unauthorized = answers.iter().filter(|answer| answer.code == ErrorCode::TOPIC_AUTHORIZATION_FAILED);
    let topics = unauthorized.map(|answer| &answer.named.topic).filter(|topic| told.insert(Arc::clone(topic)));
    java_hash::in_map_order(topics.cloned().collect(), |topic| java_hash::of_string(topic))
}

/// Does this error of one partition decide about the whole AddPartitionsToTxn request?
fn ends_the_request(code: ErrorCode) -> bool {
    code.is_retriable()
        || [
            ErrorCode::INVALID_PRODUCER_EPOCH,
            ErrorCode::PRODUCER_FENCED,
            ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
            ErrorCode::INVALID_TXN_STATE,
            ErrorCode::INVALID_PRODUCER_ID_MAPPING,
            ErrorCode::UNKNOWN_PRODUCER_ID,
            ErrorCode::TRANSACTION_ABORTABLE,
        ]
        .contains(&code)
}
