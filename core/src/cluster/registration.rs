//! What the controller has decided about a partition, and how it decides (`PartitionRegistration`,
//! `PartitionChangeBuilder`).
//!
//! *Models*: in-sync replicas; replicas that are eligible as leaders though they are not in sync (KIP-966, on by default);
//! clean, preferred and unclean elections, and the last leader that comes back where nobody else is left; leader epochs
//! and partition epochs, which never go back. *Leaves out*: reassignment of replicas, directories, the state RECOVERING.

use crate::ids::NodeId;
use crate::planted::{Defect, planted};

/// Nobody leads.
pub(super) const NO_LEADER: NodeId = NodeId(-1);

/// Who holds a partition, who leads it, and who is in sync.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Registration {
    /// The brokers that hold a copy, the preferred leader first.
    pub(super) replicas: Vec<NodeId>,
    /// Those that have all that is acknowledged.
    pub(super) isr: Vec<NodeId>,
    /// Those that left the ISR while it was smaller than `min.insync.replicas`: nothing can have been acknowledged
    /// without them.
    pub(super) elr: Vec<NodeId>,
    /// Who led before nobody did.
    last_known_leader: Option<NodeId>,
    /// −1: none.
    pub(super) leader: NodeId,
    /// Rises with every election.
    pub(super) leader_epoch: i32,
    /// Rises with every change.
    pub(super) partition_epoch: i32,
}

/// Who may be elected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Election {
    /// The leader stays if it can; else the first that is in sync.
    Online,
    /// The first replica, if it is in sync.
    Preferred,
    /// As `Online`, but before nobody leads, anybody may who is there: with loss.
    Unclean,
}

/// How a partition is to change.
pub(super) struct Target<'a> {
    /// The ISR it is to have.
    pub(super) isr: Vec<NodeId>,
    /// A broker that died without a word: what it has may be less than it had.
    pub(super) unclean_shutdown: Option<NodeId>,
    /// How the leader is found.
    pub(super) election: Election,
    /// The smallest ISR that takes writes with acks=all.
    pub(super) min_isr: usize,
    /// May this broker lead?
    pub(super) may_lead: &'a dyn Fn(NodeId) -> bool,
}

/// What a change changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Changed {
    pub(super) isr: bool,
    pub(super) leader: bool,
    /// Was the new leader not known to have everything?
    pub(super) unclean: bool,
}

impl Changed {
    pub(super) fn anything(self) -> bool {
        self.isr || self.leader
    }
}

impl Registration {
    /// A new partition: of these replicas those are in sync that are there, and the first of them leads.
    pub(super) fn new(replicas: Vec<NodeId>, is_active: impl Fn(NodeId) -> bool) -> Self {
        let isr: Vec<NodeId> = replicas.iter().copied().filter(|&node| is_active(node)).collect();
        let leader = isr.first().copied().unwrap_or(NO_LEADER);
        Self { replicas, isr, elr: Vec::new(), last_known_leader: None, leader, leader_epoch: 0, partition_epoch: 0 }
    }

    /// Changes it (`PartitionChangeBuilder.build`).
    pub(super) fn change(&mut self, target: Target<'_>) -> Changed {
        let elr = self.eligible_beside(&target);
        let (mut isr, mut elr) = (target.isr, elr);
        let lost = target.unclean_shutdown;
        let may_lead = |node| lost != Some(node) && (target.may_lead)(node);
        let (leader, unclean) = self.elect(&isr, &elr, target.election, &may_lead);
        if leader != self.leader {
            if unclean {
                (isr, elr) = (vec![leader], Vec::new());
            } else if elr.contains(&leader) {
                elr.retain(|&node| node != leader);
                isr = vec![leader];
            }
        }
        let changed = Changed { isr: isr != self.isr || elr != self.elr, leader: leader != self.leader, unclean };
        if changed.leader {
            if leader == NO_LEADER {
                self.last_known_leader.get_or_insert(self.leader);
            } else {
                self.last_known_leader = None;
            }
            let begins_anew = planted(Defect::LeaderEpochGoesBack) && self.leader == NO_LEADER;
            self.leader = leader;
            self.leader_epoch = if begins_anew { 0 } else { self.next_leader_epoch() };
        }
        self.partition_epoch += i32::from(changed.anything());
        (self.isr, self.elr) = (isr, elr);
        changed
    }

    /// Gives it a leader by hand, or none (−1). Who is in sync stays.
    pub(super) fn appoint(&mut self, leader: NodeId) {
        self.leader = leader;
        self.leader_epoch = self.next_leader_epoch();
        self.partition_epoch += 1;
        self.last_known_leader = None;
    }

    fn next_leader_epoch(&self) -> i32 {
        let next = self.leader_epoch + 1;
        if planted(Defect::LeaderEpochInTwoBits) { next % 4 } else { next }
    }

    /// `maybePopulateTargetElr`.
    fn eligible_beside(&self, target: &Target<'_>) -> Vec<NodeId> {
        if target.isr.len() >= target.min_isr {
            return Vec::new();
        }
        let mut eligible: Vec<NodeId> = self.elr.iter().chain(&self.isr).copied().collect();
        eligible.retain(|node| !target.isr.contains(node) && target.unclean_shutdown != Some(*node));
        eligible.sort_unstable();
        eligible.dedup();
        eligible
    }

    /// The leader, and whether it may lack something (`electLeader`).
    fn elect(
        &self,
        isr: &[NodeId],
        elr: &[NodeId],
        election: Election,
        may_lead: &dyn Fn(NodeId) -> bool,
    ) -> (NodeId, bool) {
        let is_valid =
            |node: NodeId| (isr.contains(&node) || (isr.is_empty() && elr.contains(&node))) && may_lead(node);
        let preferred = self.replicas.first().copied().filter(|_| election == Election::Preferred);
        let clean = preferred.into_iter().chain([self.leader]).chain(self.replicas.iter().copied());
        if let Some(node) = clean.into_iter().find(|&node| is_valid(node)) {
            return (node, false);
        }
        if let Some(last) = self.last_known_leader
            && isr.is_empty()
            && elr.is_empty()
            && may_lead(last)
        {
            return (last, true);
        }
        let anybody = self.replicas.iter().copied().find(|&node| election == Election::Unclean && may_lead(node));
        anybody.map_or((NO_LEADER, false), |node| (node, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODES: [NodeId; 3] = [NodeId(1), NodeId(2), NodeId(3)];

    fn registered() -> Registration {
        Registration::new(NODES.to_vec(), |_| true)
    }

    /// The broker leaves the ISR, and those that are left may lead.
    fn leaves(partition: &mut Registration, node: i32, alive: &[i32], election: Election, min_isr: usize) -> Changed {
        let isr = partition.isr.iter().copied().filter(|&other| other != NodeId(node)).collect();
        let may_lead = |node: NodeId| alive.contains(&node.0);
        partition.change(Target { isr, unclean_shutdown: None, election, min_isr, may_lead: &may_lead })
    }

    fn of(partition: &Registration) -> (i32, Vec<i32>, Vec<i32>, i32) {
        let numbers = |nodes: &[NodeId]| nodes.iter().map(|node| node.0).collect();
        (partition.leader.0, numbers(&partition.isr), numbers(&partition.elr), partition.leader_epoch)
    }

    /// `PartitionChangeBuilderTest.testElectLeader`: the first in sync, in the order of the replicas.
    #[test]
    fn the_next_in_sync_leads_and_only_an_election_raises_the_epoch() {
        let mut partition = registered();
        assert!(leaves(&mut partition, 3, &[1, 2], Election::Online, 1).isr);
        assert_eq!(of(&partition), (1, vec![1, 2], vec![], 0));
        let changed = leaves(&mut partition, 1, &[2], Election::Online, 1);
        assert_eq!((changed.leader, changed.unclean), (true, false));
        assert_eq!((of(&partition), partition.partition_epoch), ((2, vec![2], vec![], 1), 2));
    }

    /// `PartitionChangeBuilderTest.testEligibleLeaderReplicas_…`: who leaves an ISR below the minimum stays eligible.
    #[test]
    fn who_leaves_below_the_minimum_stays_eligible_and_may_lead_cleanly() {
        let mut partition = registered();
        leaves(&mut partition, 1, &[2, 3], Election::Online, 2);
        assert_eq!(of(&partition), (2, vec![2, 3], vec![], 1));
        leaves(&mut partition, 3, &[2], Election::Online, 2);
        assert_eq!(of(&partition), (2, vec![2], vec![3], 1));
        leaves(&mut partition, 2, &[], Election::Online, 2);
        assert_eq!(of(&partition), (-1, vec![], vec![2, 3], 2));
        let changed = leaves(&mut partition, 0, &[1, 3], Election::Online, 2);
        assert_eq!((changed.leader, changed.unclean), (true, false), "broker 1 is there too, but it may lack records");
        assert_eq!(of(&partition), (3, vec![3], vec![2], 3));
    }

    #[test]
    fn the_last_leader_comes_back_where_nobody_is_left_and_that_is_unclean() {
        let mut partition = registered();
        for node in [3, 2] {
            leaves(&mut partition, node, &[1], Election::Online, 1);
        }
        leaves(&mut partition, 1, &[], Election::Online, 1);
        assert_eq!(of(&partition), (-1, vec![], vec![1], 1));
        // It was killed: what it had on its way to the disk is gone.
        let isr = Vec::new();
        let nobody = |_| false;
        let lost = Some(NodeId(1));
        let election = Election::Online;
        partition.change(Target { isr, unclean_shutdown: lost, election, min_isr: 1, may_lead: &nobody });
        assert_eq!(of(&partition), (-1, vec![], vec![], 1));
        assert!(!leaves(&mut partition, 0, &[2, 3], Election::Online, 1).anything(), "they left long before");
        assert!(leaves(&mut partition, 0, &[1, 2], Election::Online, 1).unclean);
        assert_eq!(of(&partition), (1, vec![1], vec![], 2));
    }

    #[test]
    fn an_unclean_election_takes_whoever_is_there_and_is_the_isr() {
        let mut partition = registered();
        for node in [3, 2] {
            leaves(&mut partition, node, &[1], Election::Unclean, 1);
        }
        let changed = leaves(&mut partition, 1, &[3], Election::Unclean, 1);
        assert_eq!((changed.leader, changed.unclean), (true, true));
        assert_eq!(of(&partition), (3, vec![3], vec![], 1));
    }

    #[test]
    fn the_preferred_leader_is_elected_only_when_it_is_in_sync() {
        let mut partition = registered();
        leaves(&mut partition, 1, &[2, 3], Election::Online, 1);
        assert!(!leaves(&mut partition, 0, &[1, 2, 3], Election::Preferred, 1).anything());
        partition.isr.push(NodeId(1));
        assert!(leaves(&mut partition, 0, &[1, 2, 3], Election::Preferred, 1).leader);
        assert_eq!(of(&partition), (1, vec![2, 3, 1], vec![], 2));
    }
}
