//! A leader and its followers: who is in sync, and how far (`Partition`, `Replica`).
//!
//! *Models*: followers that tell by their fetches how far they have come; the high watermark, which is the least of the
//! log ends in sync, waits for those that have nearly caught up, and stands still while fewer are in sync than
//! `min.insync.replicas`; replicas that leave the ISR after `replica.lag.time.max.ms` and come back. *Leaves out*: the time
//! that the controller takes to agree.

use core::time::Duration;

use super::broker::Brokers;
use super::registration::Registration;
use super::replica::{Replica, Role};
use crate::ids::NodeId;
use crate::time::Instant;

/// What a leader knows.
#[derive(Clone, Debug)]
pub(super) struct Leading {
    pub(super) epoch: i32,
    /// Where its log ended when the epoch began.
    pub(super) start_offset: i64,
    /// As it has heard from the controller.
    pub(super) isr: Vec<NodeId>,
    pub(super) followers: Vec<Follower>,
}

/// What a leader knows of one follower, from its fetches.
#[derive(Clone, Debug)]
pub(super) struct Follower {
    pub(super) node: NodeId,
    /// Which life of that broker fetched last; `None`: it has not.
    broker_epoch: Option<u64>,
    /// −1: unknown.
    pub(super) log_end_offset: i64,
    /// When it last had everything.
    last_caught_up: Option<Instant>,
    last_fetch: Instant,
    /// Where the leader's log ended at its last fetch.
    leader_end_at_last_fetch: i64,
    /// From where it asked for records last, and the epoch of its last batch then; `None`: it does not ask.
    asked: Option<(i64, Option<i32>)>,
}

impl Follower {
    /// `Replica.isCaughtUp`.
    fn is_caught_up(&self, now: Instant, leader_end: i64, lag_max: Duration) -> bool {
        self.log_end_offset == leader_end || self.last_caught_up.is_some_and(|last| now - last <= lag_max)
    }
}

impl Leading {
    pub(super) fn new(now: Instant, node: NodeId, decided: &Registration, start_offset: i64) -> Self {
        let others = decided.replicas.iter().filter(|&&other| other != node);
        let followers = others.map(|&node| Follower {
            node,
            broker_epoch: None,
            log_end_offset: -1,
            // Whoever is in sync gets the time of one lag to show up (`Replica.resetReplicaState`).
            last_caught_up: decided.isr.contains(&node).then_some(now),
            last_fetch: now,
            leader_end_at_last_fetch: start_offset,
            asked: None,
        });
        Self { epoch: decided.leader_epoch, start_offset, isr: decided.isr.clone(), followers: followers.collect() }
    }

    /// From where a follower asked for records last, and the epoch of its last batch then.
    pub(super) fn asked_by(&self, node: NodeId) -> Option<(i64, Option<i32>)> {
        self.followers.iter().find(|follower| follower.node == node)?.asked
    }

    fn follower_mut(&mut self, node: NodeId) -> Option<&mut Follower> {
        self.followers.iter_mut().find(|follower| follower.node == node)
    }
}

impl Replica {
    /// A follower's fetch tells how far it has come (`Partition.updateFollowerFetchState`). `true`: the high watermark
    /// moved.
    pub(super) fn take_fetch(
        &mut self,
        now: Instant,
        from: NodeId,
        fetch_offset: i64,
        min_isr: usize,
        lag_max: Duration,
        brokers: &Brokers,
    ) -> bool {
        let leader_end = self.log.end_offset();
        let Role::Leader(leading) = &mut self.role else { return false };
        let Some(follower) = leading.follower_mut(from) else { return false };
        if fetch_offset >= leader_end {
            follower.last_caught_up = Some(now);
        } else if fetch_offset >= follower.leader_end_at_last_fetch {
            follower.last_caught_up = follower.last_caught_up.max(Some(follower.last_fetch));
        }
        follower.leader_end_at_last_fetch = leader_end;
        follower.last_fetch = now;
        follower.broker_epoch = Some(brokers.epoch_of(from));
        let has_moved = core::mem::replace(&mut follower.log_end_offset, fetch_offset) != fetch_offset;
        has_moved && self.advance_high_watermark(now, min_isr, lag_max, brokers)
    }

    /// A follower asks for records.
    pub(super) fn note_asked(&mut self, node: NodeId, offset: i64, last_epoch: Option<i32>) {
        if let Role::Leader(leading) = &mut self.role
            && let Some(follower) = leading.follower_mut(node)
        {
            follower.asked = Some((offset, last_epoch));
        }
    }

    /// A follower's fetch waited for records: when it last asked, it had all there was.
    pub(super) fn note_waited(&mut self, asked_last: Instant, node: NodeId) {
        let Role::Leader(leading) = &mut self.role else { return };
        if let Some(follower) = leading.follower_mut(node) {
            follower.last_caught_up = follower.last_caught_up.max(Some(asked_last));
            follower.last_fetch = follower.last_fetch.max(asked_last);
        }
    }

    /// A follower asks no more; with `lags` it counts as one that has long lacked something.
    pub(super) fn note_silent(&mut self, node: NodeId, lags: bool) {
        if let Role::Leader(leading) = &mut self.role
            && let Some(follower) = leading.follower_mut(node)
        {
            follower.asked = None;
            follower.last_caught_up = follower.last_caught_up.filter(|_| !lags);
        }
    }

    /// `Partition.maybeIncrementLeaderHW`.
    pub(super) fn advance_high_watermark(
        &mut self,
        now: Instant,
        min_isr: usize,
        lag_max: Duration,
        brokers: &Brokers,
    ) -> bool {
        let leader_end = self.log.end_offset();
        let Some(leading) = self.leading().filter(|leading| leading.isr.len() >= min_isr) else { return false };
        let waited_for = leading.followers.iter().filter(|follower| {
            leading.isr.contains(&follower.node)
                || (follower.is_caught_up(now, leader_end, lag_max)
                    && brokers.may_be_in_sync(follower.node, follower.broker_epoch))
        });
        let least = waited_for.map(|follower| follower.log_end_offset).fold(leader_end, i64::min);
        self.raise_high_watermark(least)
    }

    /// Those that are to come into the ISR (`Partition.needsExpandIsr`).
    pub(super) fn comes_into_isr(&self, node: NodeId, brokers: &Brokers) -> bool {
        self.leading().is_some_and(|leading| {
            !leading.isr.contains(&node)
                && leading.followers.iter().any(|follower| {
                    follower.node == node
                        && follower.asked.is_some()
                        && follower.log_end_offset >= self.high_watermark
                        && follower.log_end_offset >= leading.start_offset
                        && brokers.may_be_in_sync(node, follower.broker_epoch)
                })
        })
    }

    /// Those that are to leave it (`Partition.getOutOfSyncReplicas`).
    pub(super) fn out_of_sync(&self, now: Instant, lag_max: Duration) -> Vec<NodeId> {
        let Some(leading) = self.leading() else { return Vec::new() };
        let leader_end = self.log.end_offset();
        let lagging = leading.followers.iter().filter(|follower| {
            leading.isr.contains(&follower.node) && !follower.is_caught_up(now, leader_end, lag_max)
        });
        lagging.map(|follower| follower.node).collect()
    }

    /// Does one in sync lack something?
    pub(super) fn has_laggards(&self) -> bool {
        let leader_end = self.log.end_offset();
        self.leading().is_some_and(|leading| {
            let mut followers = leading.followers.iter();
            followers.any(|follower| follower.log_end_offset != leader_end && leading.isr.contains(&follower.node))
        })
    }
}
