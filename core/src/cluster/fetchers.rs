//! Followers that fetch from leaders (`ReplicaFetcherThread`, `DelayedFetch`).
//!
//! *Models*: one fetch after another between two brokers, for all partitions that one follows the other in; the way there
//! and back; a fetch that waits at the leader until there are records, and after `replica.fetch.wait.max.ms` brings home
//! the high watermark alone; truncation where the logs part. A fetch that waits while nothing happens is no event.
//! *Leaves out*: limits in bytes, throttles, several fetchers between two brokers; a partition that is newly followed does
//! not wait for the fetch under way; a connection that comes back is used at once, without `replica.fetch.backoff.ms`; a
//! fetch that moves the high watermark and is answered at once brings it home already, which in Kafka the next one does.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use super::Cluster;
use super::broker::Brokers;
use super::log::StoredBatch;
use super::replica::{DivergingEpoch, Replica, Role};
use crate::ids::{NodeId, TopicPartition};
use crate::time::{Instant, Now};
use crate::trace::{Fact, Observer};

/// From which broker to which.
pub(super) type Pair = (NodeId, NodeId);

/// One partition in a fetch.
#[derive(Clone, Debug)]
struct Asked {
    name: TopicPartition,
    leader_epoch: i32,
    last_fetched_epoch: Option<i32>,
    fetch_offset: i64,
}

/// One partition in the answer.
#[derive(Clone, Debug)]
struct Given {
    name: TopicPartition,
    leader_epoch: i32,
    high_watermark: i64,
    log_start_offset: i64,
    /// Where the follower's log parts from the leader's.
    diverging: Option<DivergingEpoch>,
    batches: Vec<StoredBatch>,
}

/// Where a fetch is.
///
/// ```text
///   Resting ──something to ask──► Asking ──at the leader──► Waiting
///      ▲                            ▲                          │ something to give
///      │ the connection broke       └──at the follower── Answering
/// ```
#[derive(Clone, Debug, Default)]
enum Stage {
    /// There is none.
    #[default]
    Resting,
    /// On its way to the leader, or in its queue.
    Asking { due: Instant, is_queued: bool, asked: Vec<Asked> },
    /// At the leader, which has nothing to give. What it has to tell goes at `tells`, when the wait is over.
    Waiting { since: Instant, tells: Option<Instant> },
    /// On its way home.
    Answering { due: Instant, given: Vec<Given> },
}

#[derive(Clone, Debug, Default)]
struct Fetcher {
    stage: Stage,
    /// Partitions that the next fetch speaks of: what the leader knows of them is old.
    to_ask: BTreeSet<TopicPartition>,
    /// Partitions in which there may be something to give.
    to_give: BTreeSet<TopicPartition>,
    /// Partitions of which the follower does not know the high watermark.
    to_tell: BTreeSet<TopicPartition>,
}

/// All fetches between brokers.
#[derive(Clone, Debug, Default)]
pub(super) struct Fetchers {
    /// By leader and follower.
    fetchers: BTreeMap<Pair, Fetcher>,
    /// Fetches and answers that have arrived.
    messages: u64,
}

impl Fetchers {
    /// A follower has to speak of a partition to its leader.
    pub(super) fn ask(&mut self, pair: Pair, name: &TopicPartition) {
        self.fetchers.entry(pair).or_default().to_ask.insert(name.clone());
    }

    /// A leader may have something for a follower.
    pub(super) fn give(&mut self, pair: Pair, name: &TopicPartition) {
        if let Some(fetcher) = self.fetchers.get_mut(&pair) {
            fetcher.to_give.insert(name.clone());
        }
    }

    /// A leader's high watermark has moved: the follower hears of it with the next records, or when its wait is over.
    pub(super) fn tell(&mut self, pair: Pair, name: &TopicPartition, now: Instant, wait_max: Duration) {
        let Some(fetcher) = self.fetchers.get_mut(&pair) else { return };
        fetcher.to_tell.insert(name.clone());
        if let Stage::Waiting { since, tells: tells @ None } = &mut fetcher.stage {
            *tells = Some(last_asked(*since, now, wait_max) + wait_max);
        }
    }

    /// Nothing of this topic is fetched any more.
    pub(super) fn forget_topic(&mut self, topic: &str) {
        for fetcher in self.fetchers.values_mut() {
            let stays = |name: &TopicPartition| *name.topic != *topic;
            fetcher.to_ask.retain(stays);
            fetcher.to_give.retain(stays);
            fetcher.to_tell.retain(stays);
            match &mut fetcher.stage {
                Stage::Asking { asked, .. } => asked.retain(|asked| stays(&asked.name)),
                Stage::Answering { given, .. } => given.retain(|given| stays(&given.name)),
                Stage::Resting | Stage::Waiting { .. } => {}
            }
        }
    }

    /// Fetches and answers that have arrived.
    pub(super) fn messages(&self) -> u64 {
        self.messages
    }

    /// When a fetch moves next.
    pub(super) fn next_due(&self, brokers: &Brokers) -> Option<Instant> {
        self.fetchers.iter().filter_map(|(&pair, fetcher)| fetcher.due(pair, brokers)).min()
    }

    /// The first pair whose fetch moves now, after this one.
    fn first_due(&self, after: Option<Pair>, now: Instant, brokers: &Brokers) -> Option<Pair> {
        use core::ops::Bound::{Excluded, Unbounded};
        let range = (after.map_or(Unbounded, Excluded), Unbounded);
        let mut later = self.fetchers.range(range);
        let is_due = |pair: Pair, fetcher: &Fetcher| fetcher.due(pair, brokers).is_some_and(|due| due <= now);
        later.find(|&(&pair, fetcher)| is_due(pair, fetcher)).map(|(&pair, _)| pair)
    }
}

impl Fetcher {
    /// When it moves, if both ends do something.
    fn due(&self, (leader, follower): Pair, brokers: &Brokers) -> Option<Instant> {
        match &self.stage {
            Stage::Resting | Stage::Waiting { .. } if !self.to_ask.is_empty() && brokers.works(follower) => {
                brokers.are_connected(leader, follower).then_some(Instant::ZERO)
            }
            Stage::Asking { due, .. } if brokers.works(leader) => Some(*due),
            Stage::Waiting { .. } if !self.to_give.is_empty() && brokers.works(leader) => Some(Instant::ZERO),
            Stage::Waiting { tells, .. } if brokers.works(leader) => *tells,
            Stage::Answering { due, .. } if brokers.works(follower) => Some(*due),
            _ => None,
        }
    }
}

/// When a fetch asked last that came to the leader then, and comes again whenever it has waited in vain.
fn last_asked(since: Instant, now: Instant, wait_max: Duration) -> Instant {
    let waited = Instant::ZERO + (now - since);
    since + (waited.last_multiple_of(wait_max) - Instant::ZERO)
}

impl<O: Observer> Cluster<O> {
    /// Lets every fetch move that is due.
    pub(super) fn replicate(&mut self, now: Now) {
        let mut last = None;
        loop {
            let due = self.fetchers.first_due(last, now.instant(), &self.brokers);
            match (due, last) {
                (Some(pair), _) => {
                    self.move_fetch(now, pair);
                    last = Some(pair);
                }
                // Another round: what moved may have made others due.
                (None, Some(_)) => last = None,
                (None, None) => return,
            }
        }
    }

    fn move_fetch(&mut self, now: Now, pair: Pair) {
        let Some(fetcher) = self.fetchers.fetchers.get_mut(&pair) else { return };
        match core::mem::take(&mut fetcher.stage) {
            Stage::Waiting { since, .. } if fetcher.to_ask.is_empty() => self.end_wait(now, pair, since),
            Stage::Resting | Stage::Waiting { .. } => self.send_fetch(now, pair),
            Stage::Asking { is_queued: false, asked, .. } => {
                match self.brokers.queue(pair.0, now.instant(), self.config.processing_time) {
                    Some(due) => self.set_stage(pair, Stage::Asking { due, is_queued: true, asked }),
                    None => self.take_fetches(now, pair, &asked),
                }
            }
            Stage::Asking { asked, .. } => self.take_fetches(now, pair, &asked),
            Stage::Answering { given, .. } => {
                self.fetchers.messages += 1;
                for given in given {
                    self.take_given(now, pair, given);
                }
                self.send_fetch(now, pair);
            }
        }
    }

    fn set_stage(&mut self, pair: Pair, stage: Stage) {
        if let Some(fetcher) = self.fetchers.fetchers.get_mut(&pair) {
            fetcher.stage = stage;
        }
    }

    /// The follower asks, for all it has to speak of.
    fn send_fetch(&mut self, now: Now, pair: Pair) {
        let Some(fetcher) = self.fetchers.fetchers.get_mut(&pair) else { return };
        let names = core::mem::take(&mut fetcher.to_ask);
        let asked = names.into_iter().filter_map(|name| self.question(pair, name)).collect();
        let due = now.instant() + self.config.inter_broker_latency;
        self.set_stage(pair, Stage::Asking { due, is_queued: false, asked });
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
    fn take_fetches(&mut self, now: Now, pair: Pair, asked: &[Asked]) {
        self.fetchers.messages += 1;
        for asked in asked {
            self.take_fetch(now, pair, asked);
        }
        let given = self.what_there_is(pair, false);
        if given.is_empty() {
            self.wait_from(now.instant(), now.instant(), pair);
        } else {
            self.send_given(now, pair, given);
        }
    }

    /// The fetch waits, as it has done since then.
    fn wait_from(&mut self, since: Instant, now: Instant, pair: Pair) {
        let wait_max = self.config.replica_fetch_wait_max;
        if let Some(fetcher) = self.fetchers.fetchers.get_mut(&pair) {
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
        let Some(fetcher) = self.fetchers.fetchers.get(&pair) else { return };
        let given = self.what_there_is(pair, fetcher.to_give.is_empty());
        for given in &given {
            let found = self.topics.partition_mut(&given.name);
            if let Some(replica) = found.and_then(|(_, partition)| partition.replica_mut(pair.0)) {
                replica.note_waited(asked_last, pair.1);
            }
        }
        if given.is_empty() {
            self.wait_from(since, now.instant(), pair);
        } else {
            self.send_given(now, pair, given);
        }
    }

    fn send_given(&mut self, now: Now, pair: Pair, given: Vec<Given>) {
        let due = now.instant() + self.config.inter_broker_latency;
        self.set_stage(pair, Stage::Answering { due, given });
    }

    /// What the leader answers; with `tells` also to partitions of which it knows only the high watermark.
    fn what_there_is(&mut self, pair: Pair, tells: bool) -> Vec<Given> {
        let Some(fetcher) = self.fetchers.fetchers.get_mut(&pair) else { return Vec::new() };
        let mut names = core::mem::take(&mut fetcher.to_give);
        let mut given: Vec<Given> = names.iter().filter_map(|name| self.given(pair, name, false)).collect();
        if tells || !given.is_empty() {
            // An answer brings all high watermarks that are news.
            let Some(fetcher) = self.fetchers.fetchers.get_mut(&pair) else { return given };
            names = core::mem::take(&mut fetcher.to_tell);
            names.retain(|name| !given.iter().any(|given| given.name == *name));
            given.extend(names.iter().filter_map(|name| self.given(pair, name, true)));
        }
        given
    }

    fn given(&self, (leader, follower): Pair, name: &TopicPartition, tells: bool) -> Option<Given> {
        let replica = self.topics.partition(&name.topic, name.partition)?.replica(leader)?;
        let leading = replica.leading()?;
        let (fetch_offset, last_epoch) = leading.asked_by(follower)?;
        let diverging = replica.diverges_from(last_epoch, fetch_offset);
        let batches: Vec<StoredBatch> = match diverging {
            None => replica.log.read_from(fetch_offset).cloned().collect(),
            Some(_) => Vec::new(),
        };
        let log_start_offset = replica.log.start_offset();
        if batches.is_empty() && diverging.is_none() && log_start_offset <= fetch_offset && !tells {
            return None;
        }
        let (leader_epoch, high_watermark) = (leading.epoch, replica.high_watermark);
        Some(Given { name: name.clone(), leader_epoch, high_watermark, log_start_offset, diverging, batches })
    }

    /// The follower does as the leader did.
    fn take_given(&mut self, now: Now, pair: Pair, given: Given) {
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
        for batch in given.batches.iter().filter(|batch| batch.base_offset >= cut_at) {
            if batch.base_offset != next {
                break;
            }
            replica.repeat(batch);
            next = batch.last_offset + 1;
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
        let mut broken = Vec::new();
        for (&pair, fetcher) in &mut self.fetchers.fetchers {
            if !self.brokers.are_connected(pair.0, pair.1) && !matches!(fetcher.stage, Stage::Resting) {
                *fetcher = Fetcher::default();
                broken.push(pair);
            }
        }
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
