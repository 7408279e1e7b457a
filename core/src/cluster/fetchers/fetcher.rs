//! Where each fetch between two brokers is, and when it moves next.
//!
//! *Models*: one fetch after another from follower to leader, which speaks of what is new and waits where nothing is.
//! *Leaves out*: fetches of partitions of which nothing is new.

use core::time::Duration;
use std::collections::VecDeque;

use super::super::broker::Brokers;
use super::super::log::StoredBatch;
use super::super::replica::DivergingEpoch;
use super::{Pair, last_asked};
use crate::ids::TopicPartition;
use crate::time::Instant;

/// A moment that never comes.
const NEVER: Instant = Instant::from_micros(u64::MAX);

/// One partition in a fetch.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) name: TopicPartition,
    pub(super) leader_epoch: i32,
    pub(super) last_fetched_epoch: Option<i32>,
    pub(super) fetch_offset: i64,
}

/// One partition in the answer.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) name: TopicPartition,
    pub(super) leader_epoch: i32,
    pub(super) high_watermark: i64,
    pub(super) log_start_offset: i64,
    /// Where the follower's log parts from the leader's.
    pub(super) diverging: Option<DivergingEpoch>,
    /// So many of the answer's batches, behind those of the partitions before it.
    pub(super) batches: usize,
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    pub(super) given: Vec<Given>,
    pub(super) batches: VecDeque<StoredBatch>,
}

impl Answer {
    fn forget_topic(&mut self, topic: &str) {
        let mut batches = core::mem::take(&mut self.batches);
        self.given.retain(|given| {
            let own = batches.drain(..given.batches);
            let stays = *given.name.topic != *topic;
            if stays {
                self.batches.extend(own);
            }
            stays
        });
    }
}

/// Partitions, each once and in order. They are few, and a list keeps its room for the next ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(pub(super) Vec<TopicPartition>);

impl Names {
    fn insert(&mut self, name: &TopicPartition) {
        if let Err(place) = self.0.binary_search(name) {
            self.0.insert(place, name.clone());
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Where a fetch is.
///
/// ```text
///   Resting ──something to ask──► Asking ──at the leader──► Waiting
///      ▲                            ▲                          │ something to give
///      │ the connection broke       └──at the follower── Answering
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Stage {
    /// There is none.
    #[default]
    Resting,
    /// On its way to the leader, or in its queue.
    Asking { due: Instant, is_queued: bool },
    /// At the leader, which has nothing to give. What it has to tell goes at `tells`, when the wait is over.
    Waiting { since: Instant, tells: Option<Instant> },
    /// On its way home.
    Answering { due: Instant },
}

/// The fetches of one follower from one leader.
#[derive(Clone, Debug, Default)]
pub(super) struct Fetcher {
    pair: Pair,
    pub(super) stage: Stage,
    /// What it asks, while it does.
    pub(super) asked: Vec<Asked>,
    /// What it brings home, while it does.
    pub(super) answer: Answer,
    /// Partitions that the next fetch speaks of: what the leader knows of them is old.
    pub(super) to_ask: Names,
    /// Partitions in which there may be something to give.
    pub(super) to_give: Names,
    /// Partitions of which the follower does not know the high watermark.
    pub(super) to_tell: Names,
    /// When it moves, as far as was looked; it changes with all of the above and with the brokers.
    due: Instant,
    is_due_known: bool,
}

impl Fetcher {
    /// When it moves, if both ends do something.
    fn due(&self, brokers: &Brokers) -> Option<Instant> {
        let (leader, follower) = self.pair;
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

/// All fetches between brokers.
#[derive(Clone, Debug)]
pub(in crate::cluster) struct Fetchers {
    /// In order of leader and follower.
    fetchers: Vec<Fetcher>,
    /// When the next one moves, where that is known of each.
    earliest: Instant,
    is_earliest_known: bool,
    /// The brokers as they were when that was found out ([`Brokers::changes`]).
    seen: u64,
    /// Fetches and answers that have arrived.
    messages: u64,
}

impl Default for Fetchers {
    fn default() -> Self {
        Self { fetchers: Vec::new(), earliest: NEVER, is_earliest_known: true, seen: 0, messages: 0 }
    }
}

impl Fetchers {
    fn place(&self, pair: Pair) -> Result<usize, usize> {
        self.fetchers.binary_search_by_key(&pair, |fetcher| fetcher.pair)
    }

    pub(super) fn get(&self, pair: Pair) -> Option<&Fetcher> {
        self.place(pair).ok().map(|place| &self.fetchers[place])
    }

    /// Whoever takes it may change when it moves.
    pub(super) fn get_mut(&mut self, pair: Pair) -> Option<&mut Fetcher> {
        let place = self.place(pair).ok()?;
        let fetcher = &mut self.fetchers[place];
        fetcher.is_due_known = false;
        self.is_earliest_known = false;
        Some(fetcher)
    }

    /// A follower has to speak of a partition to its leader.
    pub(in crate::cluster) fn ask(&mut self, pair: Pair, name: &TopicPartition) {
        if let Err(place) = self.place(pair) {
            self.fetchers.insert(place, Fetcher { pair, ..Fetcher::default() });
        }
        if let Some(fetcher) = self.get_mut(pair) {
            fetcher.to_ask.insert(name);
        }
    }

    /// A leader may have something for a follower.
    pub(in crate::cluster) fn give(&mut self, pair: Pair, name: &TopicPartition) {
        if let Some(fetcher) = self.get_mut(pair) {
            fetcher.to_give.insert(name);
        }
    }

    /// A leader's high watermark has moved: the follower hears of it with the next records, or when its wait is over.
    pub(in crate::cluster) fn tell(&mut self, pair: Pair, name: &TopicPartition, now: Instant, wait_max: Duration) {
        let Some(fetcher) = self.get_mut(pair) else { return };
        fetcher.to_tell.insert(name);
        if let Stage::Waiting { since, tells: tells @ None } = &mut fetcher.stage {
            *tells = Some(last_asked(*since, now, wait_max) + wait_max);
        }
    }

    /// Nothing of this topic is fetched any more.
    pub(in crate::cluster) fn forget_topic(&mut self, topic: &str) {
        self.is_earliest_known = false;
        for fetcher in &mut self.fetchers {
            let stays = |name: &TopicPartition| *name.topic != *topic;
            fetcher.is_due_known = false;
            fetcher.to_ask.0.retain(stays);
            fetcher.to_give.0.retain(stays);
            fetcher.to_tell.0.retain(stays);
            fetcher.asked.retain(|asked| stays(&asked.name));
            fetcher.answer.forget_topic(topic);
        }
    }

    /// Those whose connection has just broken forget everything. Gives their leaders and followers.
    pub(super) fn break_off(&mut self, brokers: &Brokers) -> Vec<Pair> {
        let mut broken = Vec::new();
        for fetcher in &mut self.fetchers {
            let pair = fetcher.pair;
            if !brokers.are_connected(pair.0, pair.1) && !matches!(fetcher.stage, Stage::Resting) {
                *fetcher = Fetcher { pair, ..Fetcher::default() };
                self.is_earliest_known = false;
                broken.push(pair);
            }
        }
        broken
    }

    /// A fetch or an answer has arrived.
    pub(super) fn count_message(&mut self) {
        self.messages += 1;
    }

    /// Fetches and answers that have arrived.
    pub(in crate::cluster) fn messages(&self) -> u64 {
        self.messages
    }

    /// Finds out anew what may have changed.
    fn look(&mut self, brokers: &Brokers) {
        let is_another_world = self.seen != brokers.changes();
        if self.is_earliest_known && !is_another_world {
            return;
        }
        self.earliest = NEVER;
        for fetcher in &mut self.fetchers {
            if is_another_world || !fetcher.is_due_known {
                fetcher.due = fetcher.due(brokers).unwrap_or(NEVER);
                fetcher.is_due_known = true;
            }
            self.earliest = self.earliest.min(fetcher.due);
        }
        self.is_earliest_known = true;
        self.seen = brokers.changes();
    }

    /// When a fetch moves next.
    pub(in crate::cluster) fn next_due(&mut self, brokers: &Brokers) -> Option<Instant> {
        self.look(brokers);
        Some(self.earliest).filter(|&earliest| earliest < NEVER)
    }

    /// The first pair whose fetch moves now, after this one; else the first of all.
    pub(super) fn first_due(&mut self, after: Option<Pair>, now: Instant, brokers: &Brokers) -> Option<Pair> {
        self.look(brokers);
        if self.earliest > now {
            return None;
        }
        let is_due = |fetcher: &&Fetcher| fetcher.due <= now;
        let mut later = self.fetchers.iter().filter(|fetcher| after.is_none_or(|after| fetcher.pair > after));
        // What moved may have made others due: another round.
        later.find(is_due).or_else(|| self.fetchers.iter().find(is_due)).map(|fetcher| fetcher.pair)
    }
}
