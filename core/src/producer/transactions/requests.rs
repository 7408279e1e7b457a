//! Questions to coordinators, in the order in which they must be asked (`TransactionManager.Priority`).

use std::sync::Arc;

use crate::error::{ProducerError, TransactionError};
use crate::ids::ProducerIdentity;
use crate::protocol::{ApiKey, CommittedOffset};
use crate::time::Instant;

use super::super::topics::PartitionRef;
use super::CallNumber;

/// Whom a question goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Coordinator {
    /// That of the transactional id.
    Transaction,
    /// That of a consumer group.
    Group(Arc<str>),
}

/// The member of a consumer group in whose name offsets are committed (`ConsumerGroupMetadata`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMember {
    /// `group.id`.
    pub group: Arc<str>,
    /// Its generation; −1 outside a group's management.
    pub generation: i32,
    /// Its member id; empty outside a group's management.
    pub member_id: Arc<str>,
    /// `group.instance.id`.
    pub group_instance_id: Option<Arc<str>>,
}

impl GroupMember {
    /// A group whose members are not managed, or of whom the member is not known.
    pub fn of_group(group: impl Into<Arc<str>>) -> Self {
        Self { group: group.into(), generation: -1, member_id: "".into(), group_instance_id: None }
    }

    /// A generation has members, so one of them must be named (`throwIfInvalidGroupMetadata`).
    pub(in super::super) fn refusal(&self) -> Option<ProducerError> {
        let is_nameless = self.generation > 0 && self.member_id.is_empty();
        let (group, generation) = (Arc::clone(&self.group), self.generation);
        let group_instance_id = self.group_instance_id.clone();
        is_nameless.then(|| TransactionError::UnknownMember { group, generation, group_instance_id }.into())
    }
}

/// Offsets to commit with a transaction, by topic and partition.
pub type Offsets = Vec<(Arc<str>, i32, CommittedOffset)>;

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Query {
    FindCoordinator(Coordinator),
    InitProducerId {
        /// The identity whose epoch is to be bumped; `None`: the first.
        bump: Option<ProducerIdentity>,
    },
    AddPartitions {
        identity: ProducerIdentity,
        partitions: Vec<PartitionRef>,
    },
    AddOffsets {
        identity: ProducerIdentity,
        offsets: Offsets,
        member: GroupMember,
    },
    CommitOffsets {
        identity: ProducerIdentity,
        offsets: Offsets,
        member: GroupMember,
        /// Does the group's coordinator add the group to the transaction itself (protocol 2)?
        adds_itself: bool,
    },
    EndTxn {
        identity: ProducerIdentity,
        committed: bool,
        /// Under protocol 2, as it was when the end began.
        bumps_epoch: bool,
    },
}

impl Query {
    pub(in super::super) const fn api(&self) -> ApiKey {
        match self {
            Self::FindCoordinator(_) => ApiKey::FindCoordinator,
            Self::InitProducerId { .. } => ApiKey::InitProducerId,
            Self::AddPartitions { .. } => ApiKey::AddPartitionsToTxn,
            Self::AddOffsets { .. } => ApiKey::AddOffsetsToTxn,
            Self::CommitOffsets { .. } => ApiKey::TxnOffsetCommit,
            Self::EndTxn { .. } => ApiKey::EndTxn,
        }
    }

    /// Whom to ask; `None`: anybody.
    pub(in super::super) fn coordinator(&self) -> Option<Coordinator> {
        match self {
            Self::FindCoordinator(_) => None,
            Self::CommitOffsets { member, .. } => Some(Coordinator::Group(Arc::clone(&member.group))),
            _ => Some(Coordinator::Transaction),
        }
    }

    /// The lower, the earlier.
    const fn priority(&self) -> u8 {
        match self {
            Self::FindCoordinator(_) => 0,
            Self::InitProducerId { bump: None } => 1,
            Self::AddPartitions { .. } | Self::AddOffsets { .. } | Self::CommitOffsets { .. } => 2,
            Self::EndTxn { .. } => 3,
            // Part of ending a transaction, so behind its end.
            Self::InitProducerId { bump: Some(_) } => 4,
        }
    }
}

/// A question that waits for its turn, or for its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Pending {
    pub(in super::super) query: Query,
    /// The program's call that waits for it.
    pub(super) call: Option<CallNumber>,
    /// Was it asked before? Then it waits `retry.backoff.ms`.
    pub(in super::super) is_retry: bool,
    /// Only a short pause, for what it waits for does not take long.
    pub(in super::super) short_pause: bool,
    /// Until when it waits before the next try, once that is decided.
    pub(in super::super) not_before: Option<Instant>,
}

impl Pending {
    pub(super) fn new(query: Query, call: Option<CallNumber>) -> Self {
        Self { query, call, is_retry: false, short_pause: false, not_before: None }
    }
}

/// Questions that wait.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    waiting: Vec<Pending>,
}

impl Queue {
    pub(super) fn push(&mut self, pending: Pending) {
        let priority = pending.query.priority();
        let place = self.waiting.iter().position(|other| other.query.priority() > priority);
        self.waiting.insert(place.unwrap_or(self.waiting.len()), pending);
    }

    /// In front of its equals: it had its turn already.
    pub(super) fn push_front(&mut self, pending: Pending) {
        let priority = pending.query.priority();
        let place = self.waiting.iter().position(|other| other.query.priority() >= priority);
        self.waiting.insert(place.unwrap_or(self.waiting.len()), pending);
    }

    pub(super) fn first(&self) -> Option<&Pending> {
        self.waiting.first()
    }

    pub(super) fn pop(&mut self) -> Option<Pending> {
        (!self.waiting.is_empty()).then(|| self.waiting.remove(0))
    }

    pub(super) fn drain(&mut self) -> Vec<Pending> {
        core::mem::take(&mut self.waiting)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
