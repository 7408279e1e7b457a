//! One broker's copy of a partition: its log, what it remembers of producers, how far readers may read, and whom it
//! believes to lead (`Partition`, `UnifiedLog`).
//!
//! *Models*: a leader that takes batches and a follower that repeats them; high watermark and last stable offset;
//! truncation by leader epochs, after which producers are remembered anew from the log; a log on a disk that failed.
//! *Leaves out*: snapshots of producer state (a producer all of whose batches were dropped for size is forgotten with a
//! truncation), checkpoints of the high watermark (a broker that died knows it all the same).

use super::ClusterConfig;
use super::isr::Leading;
use super::log::{PartitionLog, StoredBatch};
use super::producer_state::{ProducerStates, RememberedBatch};
use super::registration::{NO_LEADER, Registration};
use crate::ids::{NodeId, ProducerIdentity};
use crate::planted::{Defect, planted};
use crate::record_batch::BatchView;
use crate::time::Now;

/// What a replica believes it is. It learns that from the controller, possibly late.
#[derive(Clone, Debug)]
pub(super) enum Role {
    /// The one that takes writes.
    Leader(Leading),
    /// One that fetches from the leader, −1: from nobody.
    Follower { leader: NodeId, epoch: i32 },
}

/// What hearing from the controller made of a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// It knew.
    Nothing,
    /// It leads, since now.
    Leads,
    /// It goes on leading, with other replicas in sync.
    KeepsLeading,
    /// It follows another leader, or the same one in another epoch; −1: nobody.
    Follows(NodeId),
}

#[derive(Clone, Debug)]
pub(super) struct Replica {
    pub(super) node: NodeId,
    pub(super) log: PartitionLog,
    pub(super) producers: ProducerStates,
    /// Below it, everything is where it was acknowledged to be.
    pub(super) high_watermark: i64,
    pub(super) role: Role,
    /// Is its disk gone?
    pub(super) is_offline: bool,
    /// Has somebody stopped its fetches?
    pub(super) is_held_back: bool,
    /// Transactions that ended, by their first offset and that of their marker, as long as the marker may be lost.
    unreplicated: Vec<(i64, i64)>,
}

/// Where a leader's log parts from a follower's: an epoch and its end there.
pub(super) type DivergingEpoch = (i32, i64);

impl Replica {
    /// An empty one that has heard nothing yet.
    pub(super) fn new(config: &ClusterConfig, node: NodeId) -> Self {
        Self {
            node,
            log: PartitionLog::new(config.log_retention_bytes),
            producers: ProducerStates::default(),
            high_watermark: 0,
            role: Role::Follower { leader: NO_LEADER, epoch: -1 },
            is_offline: false,
            is_held_back: false,
            unreplicated: Vec::new(),
        }
    }

    /// Its broker starts anew: it knows its log, if the disk is not another, and nothing else.
    pub(super) fn begin_life(&mut self, config: &ClusterConfig) {
        if self.is_offline {
            *self = Self::new(config, self.node);
        }
        self.role = Role::Follower { leader: NO_LEADER, epoch: -1 };
        self.is_held_back = false;
    }

    /// Its state as a leader, if it believes it is one and has its log.
    pub(super) fn leading(&self) -> Option<&Leading> {
        match &self.role {
            Role::Leader(leading) if !self.is_offline => Some(leading),
            _ => None,
        }
    }

    /// The leader and its epoch as this broker believes.
    pub(super) fn believed_leader(&self) -> (NodeId, i32) {
        match &self.role {
            Role::Leader(leading) => (self.node, leading.epoch),
            Role::Follower { leader, epoch } => (*leader, *epoch),
        }
    }

    /// Learns what the controller has decided (`makeLeader`, `makeFollower`).
    pub(super) fn hear(&mut self, now: Now, decided: &Registration) -> Heard {
        let (leader, epoch) = (decided.leader, decided.leader_epoch);
        let (_, known_epoch) = self.believed_leader();
        if leader == self.node {
            if let Role::Leader(leading) = &mut self.role
                && leading.epoch == epoch
            {
                let keeps = leading.isr != decided.isr;
                leading.isr.clone_from(&decided.isr);
                return if keeps { Heard::KeepsLeading } else { Heard::Nothing };
            }
            let start_offset = self.log.end_offset();
            self.log.assign_epoch(epoch, start_offset);
            self.role = Role::Leader(Leading::new(now.instant(), self.node, decided, start_offset));
            Heard::Leads
        } else if epoch > known_epoch {
            self.role = Role::Follower { leader, epoch };
            Heard::Follows(leader)
        } else {
            Heard::Nothing
        }
    }

    /// Everything below may be read; `false`: it was so already.
    pub(super) fn raise_high_watermark(&mut self, to: i64) -> bool {
        let raised = to.min(self.log.end_offset());
        let rises = raised > self.high_watermark;
        if rises {
            self.high_watermark = raised;
            self.unreplicated.retain(|&(_, marker)| marker >= raised);
        }
        rises
    }

    /// The offset below which every transaction is decided (`UnifiedLog.lastStableOffset`).
    pub(super) fn last_stable_offset(&self) -> i64 {
        let ended = self.unreplicated.iter().map(|&(first, _)| first).min();
        let undecided = self.producers.first_undecided().into_iter().chain(ended).min();
        undecided.map_or(self.high_watermark, |first| first.max(self.log.start_offset()).min(self.high_watermark))
    }

    /// A leader wrote the end of a transaction at this offset.
    pub(super) fn end_transaction(&mut self, identity: ProducerIdentity, aborts: bool, offset: i64, timestamp_ms: i64) {
        if let Some(first_offset) = self.producers.end_transaction(identity, timestamp_ms) {
            self.unreplicated.push((first_offset, offset));
            if aborts {
                self.log.note_aborted(identity.id, first_offset, offset);
            }
        }
    }

    /// Stores what the leader has stored. Nothing is checked: the leader has.
    pub(super) fn repeat(&mut self, batch: StoredBatch) {
        if !planted(Defect::FollowerLearnsNothing) {
            self.learn(&batch, true);
        }
        self.log.push(batch);
    }

    /// Learns what a batch of the log says of its producer.
    fn learn(&mut self, batch: &StoredBatch, is_new: bool) {
        let view = batch.view();
        let Some(identity) = view.identity() else { return };
        if view.is_control() {
            if is_new {
                self.end_transaction(identity, aborts(&view), batch.base_offset, batch.max_timestamp_ms);
            } else {
                self.producers.end_transaction(identity, batch.max_timestamp_ms);
            }
        } else {
            let remembered = RememberedBatch {
                first_sequence: view.base_sequence(),
                last_sequence: view.last_sequence(),
                base_offset: batch.base_offset,
                max_timestamp_ms: batch.max_timestamp_ms,
            };
            self.producers.remember(identity, remembered, view.is_transactional());
        }
    }

    /// What a leader finds out of step with a follower whose last batch is of this epoch and whose log ends here
    /// (`Partition.readRecords`).
    pub(super) fn diverges_from(&self, last_epoch: Option<i32>, end_offset: i64) -> Option<DivergingEpoch> {
        let last_epoch = last_epoch?;
        // A leader knows its own epoch, so none is later than all of its.
        let (epoch, end) = self.log.end_of_epoch(last_epoch)?;
        (epoch < last_epoch || end < end_offset).then_some((epoch, end))
    }

    /// Gives up what the leader does not have (`AbstractFetcherThread.getOffsetTruncationState`). Where the two know
    /// different epochs, the next fetch finds the next step.
    pub(super) fn give_up(&mut self, (epoch, leader_end): DivergingEpoch) {
        let to = match self.log.end_of_epoch(epoch) {
            Some((known, end)) if known == epoch => end.min(leader_end),
            Some((_, end)) => end,
            None => leader_end,
        };
        self.truncate_to(to.min(self.log.end_offset()));
    }

    /// Drops what is at this offset and beyond, and remembers producers as the log tells of them.
    pub(super) fn truncate_to(&mut self, offset: i64) {
        let before = self.log.end_offset();
        self.log.truncate_to(offset);
        if self.log.end_offset() < before {
            self.relearn();
        }
    }

    /// The leader has dropped what would come next: everything here is too old.
    pub(super) fn start_anew_at(&mut self, offset: i64) {
        self.log.start_anew_at(offset);
        self.high_watermark = offset;
        self.relearn();
    }

    fn relearn(&mut self) {
        let end_offset = self.log.end_offset();
        self.high_watermark = self.high_watermark.min(end_offset);
        self.unreplicated.retain(|&(_, marker)| marker < end_offset);
        self.producers.clear();
        let batches: Vec<StoredBatch> = self.log.batches().cloned().collect();
        for batch in &batches {
            self.learn(batch, false);
        }
    }
}

/// Does a control batch abort? (`ControlRecordType`: two bytes of version, then 0: abort.)
fn aborts(marker: &BatchView<'_>) -> bool {
    let end = marker.records().map_while(Result::ok).next();
    end.and_then(|record| record.key).is_some_and(|key| key.ends_with(&[0, 0]))
}
