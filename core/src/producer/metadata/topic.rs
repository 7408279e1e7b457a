//! What is believed of one topic.

use std::collections::BTreeMap;

use crate::error::ErrorCode;
use crate::ids::{NodeId, TopicId};
use crate::time::Instant;

use super::partitions::Partitions;

/// Who leads a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PartitionMetadata {
    /// As told; a leader counts only while it is among the brokers.
    pub(super) leader: NodeId,
    pub(super) epoch: i32,
}

/// A topic as its answers have told it.
#[derive(Clone, Debug, Default)]
pub(super) struct TopicMetadata {
    /// Is it asked about?
    pub(super) wanted: bool,
    /// Not answered for yet.
    pub(super) is_new: bool,
    pub(super) last_used: Instant,
    /// What the last answer said of it.
    pub(super) error: ErrorCode,
    /// The answer, counted, in which it was last named.
    pub(super) answered_in: u64,
    /// As the last answer told it; none while the topic is not there.
    pub(super) id: TopicId,
    /// The last that was told at all.
    pub(super) last_id: TopicId,
    /// The id of the topic that this one took the place of, until somebody is told.
    pub(super) replaced: Option<TopicId>,
    /// Highest leader epoch seen of each partition that had one. It outlives the partitions: an answer that lags behind must not
    /// be believed because the topic was missing for a while.
    pub(super) last_epochs: BTreeMap<i32, i32>,
    pub(super) partitions: Partitions,
    /// Partitions with a leader.
    pub(super) available: Vec<i32>,
    /// Of its name: the order of partitions follows from it.
    pub(super) name_hash: i32,
}

impl TopicMetadata {
    /// Partitions, once known.
    #[inline]
    pub(super) fn partition_count(&self) -> Option<u32> {
        // As many as entries in one answer.
        u32::try_from(self.partitions.len()).ok().filter(|&count| count > 0)
    }

    /// What is left of a topic that is not asked about any more.
    pub(super) fn forgotten(&mut self) -> Self {
        let last_epochs = core::mem::take(&mut self.last_epochs);
        Self { last_epochs, last_id: self.last_id, replaced: self.replaced, ..Self::default() }
    }

    /// It is not there any more, or not known.
    pub(super) fn lose(&mut self) {
        self.id = TopicId::default();
        self.partitions = Partitions::default();
    }
}
