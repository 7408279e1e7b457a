//! Followers that fetch from leaders (`ReplicaFetcherThread`, `DelayedFetch`).
//!
//! *Models*: one fetch after another between two brokers, for all partitions that one follows the other in; the way there
//! and back; a fetch that waits at the leader until there are records, and after `replica.fetch.wait.max.ms` brings home
//! the high watermark alone; truncation where the logs part. A fetch that waits while nothing happens is no event.
//! *Leaves out*: limits in bytes, throttles, several fetchers between two brokers; a partition that is newly followed does
//! not wait for the fetch under way; a connection that comes back is used at once, without `replica.fetch.backoff.ms`; a
//! fetch that moves the high watermark and is answered at once brings it home already, which in Kafka the next one does.

mod fetcher;

use core::time::Duration;

pub(super) use self::fetcher::Fetchers;
use self::fetcher::{Answer, Asked, Given, Stage};
use super::Cluster;
use super::log::StoredBatch;
use super::replica::{Replica, Role};
use crate::ids::{NodeId, TopicPartition};
use crate::time::{Instant, Now};
use crate::trace::{Fact, Observer};

/// From which broker to which.
pub(super) type Pair = (NodeId, NodeId);

/// When a fetch asked last that came to the leader then, and comes again whenever it has waited in vain.
fn last_asked(since: Instant, now: Instant, wait_max: Duration) -> Instant {
    if now < since + wait_max {
        return since;
    }
    let waited = Instant::ZERO + (now - since);
    since + (waited.last_multiple_of(wait_max) - Instant::ZERO)
}

impl<O: Observer> Cluster<O> {
    /// Lets every fetch move that is due.
    pub(super) fn replicate(&mut self, now: Now) {
        let mut last = None;
        while let Some(pair) = self.fetchers.first_due(last, now.instant(), &self.brokers) {
            self.move_fetch(now, pair);
            last = Some(pair);
        }
    }

    fn move_fetch(&mut self, now: Now, pair: Pair) {
        let Some(fetcher) = self.fetchers.get_mut(pair) else { return };
        match core::mem::take(&mut fetcher.stage) {
            Stage::Waiting { since, .. } if fetcher.to_ask.is_empty() => self.end_wait(now, pair, since),
            Stage::Resting | Stage::Waiting { .. } => self.send_fetch(now, pair),
            Stage::Asking { is_queued: false, .. } => {
                match self.brokers.queue(pair.0, now.instant(), self.config.processing_time) {
                    Some(due) => self.set_stage(pair, Stage::Asking { due, is_queued: true }),
                    None => self.take_fetches(now, pair),
                }
            }
            Stage::Asking { .. } => self.take_fetches(now, pair),
            Stage::Answering { .. } => {
                self.take_answer(now, pair);
                self.send_fetch(now, pair);
            }
        }
    }

    fn set_stage(&mut self, pair: Pair, stage: Stage) {
        if let Some(fetcher) = self.fetchers.get_mut(pair) {
            fetcher.stage = stage;
        }
    }

    /// The follower asks, for all it has to speak of.
    fn send_fetch(&mut self, now: Now, pair: Pair) {
        let Some(fetcher) = self.fetchers.get_mut(pair) else { return };
        let (mut names, mut asked) = (core::mem::take(&mut fetcher.to_ask.0), core::mem::take(&mut fetcher.asked));
        asked.extend(names.drain(..).filter_map(|name| self.question(pair, name)));
        let due = now.instant() + self.config.inter_broker_latency;
        if let Some(fetcher) = self.fetchers.get_mut(pair) {
            (fetcher.to_ask.0, fetcher.asked) = (names, asked);
            fetcher.stage = Stage::Asking { due, is_queued: false };
        }
    }

    fn question(&self, (leader, follower): Pair, name: TopicPartition) -> Option<Asked> {
        let replica = self.topics.partition(&name.topic, name.partition)?.replica(follower)?;
        match replica.role {
            Role::Follower { leader: of, epoch } if of == leader && !replica.is_offline && !replica.is_held_back => {
                Some(Asked {
                    leader_epoch: epoch,
                    last_fetched_epoch: replica.log.latest_epoch(),
                    fetch_offset: replica.log.end_offset(),
                    name,
                })
            }
            _ => None,
        }
    }

    /// The leader learns how far the follower is, and answers at once if it has more.
    fn take_fetches(&mut self, now: Now, pair: Pair) {
        self.fetchers.count_message();
        let Some(fetcher) = self.fetchers.get_mut(pair) else { return };
        let mut asked = core::mem::take(&mut fetcher.asked);
        for asked in asked.drain(..) {
            self.take_fetch(now, pair, &asked);
        }
        if let Some(fetcher) = self.fetchers.get_mut(pair) {
            fetcher.asked = asked;
        }
        if self.gather(pair, false) {
            self.send_answer(now, pair);
        } else {
            self.wait_from(now.instant(), now.instant(), pair);
        }
    }

    /// The fetch waits, as it has done since then.
    fn wait_from(&mut self, since: Instant, now: Instant, pair: Pair) {
        let wait_max = self.config.replica_fetch_wait_max;
        if let Some(fetcher) = self.fetchers.get_mut(pair) {
            let tells = (!fetcher.to_tell.is_empty()).then(|| last_asked(since, now, wait_max) + wait_max);
            fetcher.stage = Stage::Waiting { since, tells };
        }
    }

    fn take_fetch(&mut self, now: Now, (leader, follower): Pair, asked: &Asked) {
        let name = &asked.name;
        let Some((settings, partition)) = self.topics.partition_mut(name) else { return };
        let min_isr = partition.min_isr(settings, &self.config);
        let Some(replica) = partition.replica_mut(leader) else { return };
        // Whoever knows another epoch asks again when it has heard of this one.
        if replica.leading().is_none_or(|leading| leading.epoch != asked.leader_epoch) {
            return;
        }
        self.fetchers.give((leader, follower), name);
        replica.note_asked(follower, asked.fetch_offset, asked.last_fetched_epoch);
        if replica.diverges_from(asked.last_fetched_epoch, asked.fetch_offset).is_some() {
            return;
        }
        let (lag_max, offset) = (self.config.replica_lag_time_max, asked.fetch_offset);
        let has_moved = replica.take_fetch(now.instant(), follower, offset, min_isr, lag_max, &self.brokers);
        let joins = replica.comes_into_isr(follower, &self.brokers);
        let is_behind = replica.has_laggards();
        self.note_behind(name, is_behind);
        if has_moved {
            self.high_watermark_moved(now, name, leader);
        }
        if joins {
            self.expand_isr(now, name, follower);
        }
    }

    /// There are records for a fetch that waited, or its time is over. Until it last asked it had everything.
    fn end_wait(&mut self, now: Now, pair: Pair, since: Instant) {
        let asked_last = last_asked(since, now.instant(), self.config.replica_fetch_wait_max);
        let Some(fetcher) = self.fetchers.get(pair) else { return };
        let tells = fetcher.to_give.is_empty();
        let has_something = self.gather(pair, tells);
        let Some(fetcher) = self.fetchers.get(pair) else { return };
        for given in &fetcher.answer.given {
            let found = self.topics.partition_mut(&given.name);
            if let Some(replica) = found.and_then(|(_, partition)| partition.replica_mut(pair.0)) {
                replica.note_waited(asked_last, pair.1);
            }
        }
        if has_something {
            self.send_answer(now, pair);
        } else {
            self.wait_from(since, now.instant(), pair);
        }
    }

    fn send_answer(&mut self, now: Now, pair: Pair) {
        let due = now.instant() + self.config.inter_broker_latency;
        self.set_stage(pair, Stage::Answering { due });
    }

    /// Gathers what the leader answers; with `tells` also to partitions of which it knows only the high watermark. Says
    /// whether there is anything.
    fn gather(&mut self, pair: Pair, tells: bool) -> bool {
        let Some(fetcher) = self.fetchers.get_mut(pair) else { return false };
        let mut answer = core::mem::take(&mut fetcher.answer);
        let mut to_give = core::mem::take(&mut fetcher.to_give);
        let mut to_tell = core::mem::take(&mut fetcher.to_tell);
        for name in to_give.0.drain(..) {
            self.give(pair, name, false, &mut answer);
        }
        if tells || !answer.given.is_empty() {
            // An answer brings all high watermarks that are news.
            for name in to_tell.0.drain(..) {
                if !answer.given.iter().any(|given| given.name == name) {
                    self.give(pair, name, true, &mut answer);
                }
            }
        }
        let has_something = !answer.given.is_empty();
        if let Some(fetcher) = self.fetchers.get_mut(pair) {
            (fetcher.answer, fetcher.to_give, fetcher.to_tell) = (answer, to_give, to_tell);
        }
        has_something
    }

    fn give(&self, (leader, follower): Pair, name: TopicPartition, tells: bool, answer: &mut Answer) {
        let found = self.topics.partition(&name.topic, name.partition);
        let Some(replica) = found.and_then(|partition| partition.replica(leader)) else { return };
        let Some(leading) = replica.leading() else { return };
        let Some((fetch_offset, last_epoch)) = leading.asked_by(follower) else { return };
        let diverging = replica.diverges_from(last_epoch, fetch_offset);
        let before = answer.batches.len();
        if diverging.is_none() {
            answer.batches.extend(replica.log.read_from(fetch_offset).cloned());
        }
        let batches = answer.batches.len() - before;
        let log_start_offset = replica.log.start_offset();
        if batches == 0 && diverging.is_none() && log_start_offset <= fetch_offset && !tells {
            return;
        }
        let (leader_epoch, high_watermark) = (leading.epoch, replica.high_watermark);
        answer.given.push(Given { name, leader_epoch, high_watermark, log_start_offset, diverging, batches });
    }

    /// The answer has come to the follower.
    fn take_answer(&mut self, now: Now, pair: Pair) {
        self.fetchers.count_message();
        let Some(fetcher) = self.fetchers.get_mut(pair) else { return };
        let Answer { mut given, mut batches } = core::mem::take(&mut fetcher.answer);
        for given in given.drain(..) {
            let own = batches.drain(..given.batches);
            self.take_given(now, pair, given, own);
        }
        if let Some(fetcher) = self.fetchers.get_mut(pair) {
            fetcher.answer = Answer { given, batches };
        }
    }

    /// The follower does as the leader did.
    fn take_given(&mut self, now: Now, pair: Pair, given: Given, batches: impl Iterator<Item = StoredBatch>) {
        let node = pair.1;
        let Some((_, partition)) = self.topics.partition_mut(&given.name) else { return };
        let Some(replica) = partition.replica_mut(node) else { return };
        let believed = (pair.0, given.leader_epoch);
        if replica.believed_leader() != believed || replica.is_offline || replica.is_held_back {
            return;
        }
        replica.producers.forget_idle(now, &self.config);
        let before = replica.log.end_offset();
        if let Some(diverging) = given.diverging {
            replica.give_up(diverging);
        } else if given.log_start_offset > before {
            replica.start_anew_at(given.log_start_offset);
        }
        let (cut_at, mut next) = (replica.log.end_offset(), replica.log.end_offset());
        for batch in batches.filter(|batch| batch.base_offset >= cut_at) {
            if batch.base_offset != next {
                break;
            }
            next = batch.last_offset + 1;
            replica.repeat(batch);
        }
        replica.raise_high_watermark(given.high_watermark);
        let end_offset = replica.log.end_offset();
        if cut_at < before {
            let partition = given.name.clone();
            self.observer.note(now.instant(), || Fact::LogTruncated { node, partition, end_offset: cut_at });
        }
        if end_offset > cut_at {
            let partition = given.name.clone();
            self.observer.note(now.instant(), || Fact::ReplicaAdvanced { node, partition, end_offset });
        }
        if end_offset != before || given.diverging.is_some() {
            self.fetchers.ask(pair, &given.name);
        }
    }

    /// Connections between brokers break and are made as the brokers come and go.
    pub(super) fn reconnect_fetchers(&mut self) {
        let broken = self.fetchers.break_off(&self.brokers);
        if broken.is_empty() {
            return;
        }
        for name in self.topics.names_of_partitions() {
            let Some((_, partition)) = self.topics.partition_mut(&name) else { continue };
            for &(leader, follower) in &broken {
                if let Some(replica) = partition.replica_mut(leader) {
                    replica.note_silent(follower, false);
                }
                let follows =
                    |replica: &Replica| matches!(replica.role, Role::Follower { leader: of, .. } if of == leader);
                if partition.replica(follower).is_some_and(follows) {
                    self.fetchers.ask((leader, follower), &name);
                }
            }
        }
    }
}
