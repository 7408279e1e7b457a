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
    /// Was the network looked at since it had its turn (`NetworkClientUtils.isReady`)?
    pub(in super::super) has_looked: bool,
    /// Until when it waits before the next try, once that is decided.
    pub(in super::super) not_before: Option<Instant>,
    /// Until when a connection is waited for, once that began.
    pub(in super::super) awaited_until: Option<Instant>,
}

impl Pending {
    pub(super) fn new(query: Query, call: Option<CallNumber>) -> Self {
        Self {
            query,
            call,
            is_retry: false,
            short_pause: false,
            has_looked: false,
            not_before: None,
            awaited_until: None,
        }
    }
}

/// Questions that wait: a binary heap, as `java.util.PriorityQueue` keeps it, so that equals leave in the Java client's
/// order, which is not that of their coming.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    /// It had its turn, and waits for a connection or for the end of a pause.
    current: Option<Pending>,
    heap: Vec<Pending>,
}

impl Queue {
    pub(super) fn push(&mut self, pending: Pending) {
        self.heap.push(pending);
        let mut place = self.heap.len() - 1;
        while place > 0 && self.priority(place) < self.priority((place - 1) / 2) {
            self.heap.swap(place, (place - 1) / 2);
            place = (place - 1) / 2;
        }
    }

    /// It keeps its turn, whatever comes.
    pub(super) fn put_back(&mut self, pending: Pending) {
        self.current = Some(pending);
    }

    pub(super) const fn has_current(&self) -> bool {
        self.current.is_some()
    }

    pub(super) fn awaits_a_broker(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.awaited_until.is_some() && current.not_before.is_none())
    }

    pub(super) fn take_current(&mut self) -> Option<Pending> {
        self.current.take()
    }

    pub(super) fn first(&self) -> Option<&Pending> {
        self.heap.first()
    }

    pub(super) fn pop(&mut self) -> Option<Pending> {
        if self.heap.is_empty() {
            return None;
        }
        let first = self.heap.swap_remove(0);
        let mut place = 0;
        while 2 * place + 1 < self.heap.len() {
            let (left, right) = (2 * place + 1, 2 * place + 2);
            let is_right_smaller = right < self.heap.len() && self.priority(right) < self.priority(left);
            let child = if is_right_smaller { right } else { left };
            if self.priority(place) <= self.priority(child) {
                break;
            }
            self.heap.swap(place, child);
            place = child;
        }
        Some(first)
    }

    pub(super) fn drain(&mut self) -> Vec<Pending> {
        let mut all: Vec<Pending> = self.current.take().into_iter().collect();
        all.append(&mut self.heap);
        all
    }

    /// Of those that wait for their turn, in no order.
    pub(super) fn calls(&self) -> Vec<Option<CallNumber>> {
        self.heap.iter().map(|pending| pending.call).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.heap.is_empty() && self.current.is_none()
    }

    fn priority(&self, place: usize) -> u8 {
        self.heap[place].query.priority()
    }
}
