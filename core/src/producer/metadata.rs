//! Believed brokers, topics and leaders, and when to ask again (`ProducerMetadata`, `Metadata`).
//!
//! What brokers answer is believed only as far as it makes sense: a topic without partitions is not known, a leader
//! that is not among the brokers is no leader, a broker without a usable address is none, and a leader epoch never
//! goes back unless the topic is another one (`Metadata.updateLatestMetadata`).

mod partitions;
mod topic;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use core::time::Duration;

use crate::error::ErrorCode;
use crate::ids::{BrokerAddress, NodeId, TopicId};
use crate::java_hash;
use crate::maps::map_of;
use crate::protocol::{LeaderIdAndEpoch, MetadataBroker, MetadataRequest, MetadataResponse, MetadataTopic};
use crate::time::Instant;

use super::accumulator::Leader;
use super::backoff::Backoff;
use super::topics::{PartitionRef, TopicIndex};
use crate::rng::Rng;
use partitions::Partitions;
use topic::{PartitionMetadata, TopicMetadata};

/// Since when metadata is asked for in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// Since it was due.
    Since(Instant),
    /// Since 1970: a broker said that nothing known is of use (`DefaultMetadataUpdater.initiateRebootstrap`, KIP-1102).
    Always,
}

/// What a metadata request asked, to be handed back with its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MetadataAsked {
    /// Only the topics that were new.
    partial: bool,
    /// Topics had been added this often when it left.
    additions: u64,
    /// Do the leader epochs in its answer grow with every change of leader?
    has_reliable_epochs: bool,
}

/// Since this version of Metadata (`MetadataResponse.hasReliableLeaderEpochs`).
const RELIABLE_EPOCHS_SINCE: i16 = 9;

/// Epochs of so many partitions of a topic are remembered when an answer does not tell of them any more; of more only those that
/// it tells, or a broker that tells others each time would have them gather for ever.
const EPOCHS_KEPT: usize = 100_000;

/// A partition that is beyond what was counted is listed with its leader up to here.
const LISTED: i32 = 64;

/// The cluster as the producer believes it to be.
#[derive(Clone, Debug)]
pub(super) struct Metadata {
    bootstrap: BTreeMap<NodeId, BrokerAddress>,
    nodes: BTreeMap<NodeId, BrokerAddress>,
    topics: Vec<TopicMetadata>,
    /// All partitions, in the order in which the Java client's `Cluster` has them: that of a hash map
    /// (`MetadataSnapshot.computeClusterView`), where those that one bucket holds stand as they came.
    in_map_order: Vec<PartitionRef>,
    /// By leader, in that order: requests are filled in it.
    partitions_of: BTreeMap<NodeId, Vec<PartitionRef>>,
    needs_full: bool,
    needs_new_topics: bool,
    additions: u64,
    answers: u64,
    /// Did the last answer come, and nobody who waits has looked since?
    is_unread: bool,
    is_asked: bool,
    /// Not before, whatever the last answer was.
    not_before: Instant,
    /// Not before, when the last answers were all the same; it counts no more once metadata is too old.
    no_news_until: Instant,
    last_success: Option<Instant>,
    attempt: Option<Attempt>,
    failures: u32,
    same_answers: u32,
    /// Has a topic taken another's place, and nobody was told yet?
    has_replaced: bool,
    backoff: Backoff,
    max_age: Duration,
    max_idle: Duration,
    /// Do available partitions stand in the order of the Java client's map, for those who go through them in turn?
    available_in_map_order: bool,
}

impl Metadata {
    pub(super) fn new(bootstrap: Vec<BrokerAddress>, backoff: Backoff, max_age: Duration, max_idle: Duration) -> Self {
        Self {
            bootstrap: map_of((1..).zip(bootstrap).map(|(number, address)| (NodeId(-number), address))),
            nodes: BTreeMap::new(),
            topics: Vec::new(),
            in_map_order: Vec::new(),
            partitions_of: BTreeMap::new(),
            needs_full: true,
            needs_new_topics: false,
            additions: 0,
            answers: 0,
            is_unread: false,
            is_asked: false,
            not_before: Instant::ZERO,
            no_news_until: Instant::ZERO,
            last_success: None,
            attempt: None,
            failures: 0,
            same_answers: 0,
            has_replaced: false,
            backoff,
            max_age,
            max_idle,
            available_in_map_order: false,
        }
    }

    /// With available partitions in the order of the Java client's map, too.
    pub(super) fn available_in_map_order(self, available_in_map_order: bool) -> Self {
        Self { available_in_map_order, ..self }
    }

    /// Brokers to talk to: those of the last answer, or the bootstrap addresses.
    pub(super) fn nodes(&self) -> &BTreeMap<NodeId, BrokerAddress> {
        if self.nodes.is_empty() { &self.bootstrap } else { &self.nodes }
    }

    /// What the last answer said of a topic.
    pub(super) fn topic_error(&self, topic: TopicIndex) -> ErrorCode {
        self.topics.get(topic.index()).map_or(ErrorCode::NONE, |known| known.error)
    }

    /// Answers taken so far.
    pub(super) fn answers(&self) -> u64 {
        self.answers
    }

    /// Somebody who waits looks at what the last answer said of topics. Only the first one sees errors in it, whatever the
    /// topics that the two wait for (`Metadata.clearErrorsAndMaybeThrowException`).
    pub(super) fn take_unread(&mut self) -> bool {
        core::mem::take(&mut self.is_unread)
    }

    pub(super) fn topic_id(&self, topic: TopicIndex) -> TopicId {
        self.topics.get(topic.index()).map_or_else(TopicId::default, |known| known.id)
    }

    pub(super) fn leader(&self, partition: PartitionRef) -> Option<Leader> {
        let known = self.topics.get(partition.topic.index())?;
        let told = known.partitions.get(partition.partition)?;
        self.nodes.contains_key(&told.leader).then_some(Leader { node: told.leader, epoch: told.epoch })
    }

    /// Topics that took the place of others, and the ids of those; each is told once.
    pub(super) fn take_replaced(&mut self) -> Vec<(TopicIndex, TopicId)> {
        if !core::mem::take(&mut self.has_replaced) {
            return Vec::new();
        }
        let topics = self.topics.iter_mut().enumerate();
        topics.filter_map(|(index, known)| Some((topic_at(index), known.replaced.take()?))).collect()
    }

    /// Partitions that were told of a topic, whatever their numbers; 0: not known.
    pub(super) fn partition_count(&self, topic: TopicIndex) -> usize {
        self.topics.get(topic.index()).map_or(0, |known| known.partitions.len())
    }

    /// Partitions of a topic that have a leader, by number if not [in the map's order](Self::available_in_map_order).
    pub(super) fn available(&self, topic: TopicIndex) -> &[i32] {
        self.topics.get(topic.index()).map_or(&[], |known| &known.available)
    }

    /// Partitions that a broker leads, in the order in which it is served (`Cluster.partitionsForNode`).
    pub(super) fn partitions_of(&self, node: NodeId) -> &[PartitionRef] {
        self.partitions_of.get(&node).map_or(&[], Vec::as_slice)
    }

    /// Leaders by partition of every topic asked about, −1: none. Those of partitions far beyond the count are left out.
    pub(super) fn leaders(&self) -> impl Iterator<Item = (TopicIndex, Vec<NodeId>)> {
        let wanted = self.topics.iter().enumerate().filter(|(_, known)| known.wanted && !known.partitions.is_empty());
        wanted.map(|(index, known)| {
            let topic = topic_at(index);
            let leader_of = |partition: i32| {
                self.leader(PartitionRef { topic, partition }).map_or(NodeId(-1), |leader| leader.node)
            };
            let most = i32::try_from(known.partitions.len()).unwrap_or(i32::MAX).max(LISTED);
            let last = known.partitions.numbers().take_while(|&number| number < most).last().unwrap_or(-1);
            (topic, (0..=last).map(leader_of).collect())
        })
    }

    /// A topic is being used: it is asked about from now on, at once when it is new (`ProducerMetadata.add`).
    /// Its partitions, once known.
    #[inline]
    pub(super) fn add(&mut self, topic: TopicIndex, now: Instant) -> Option<u32> {
        if let Some(known) = self.topics.get_mut(topic.index())
            && known.wanted
        {
            known.last_used = now;
            return known.partition_count();
        }
        self.add_new(topic, now);
        None
    }

    #[cold]
    fn add_new(&mut self, topic: TopicIndex, now: Instant) {
        if self.topics.len() <= topic.index() {
            self.topics.resize_with(topic.index() + 1, TopicMetadata::default);
        }
        self.topics[topic.index()] =
            TopicMetadata { wanted: true, is_new: true, last_used: now, ..self.topics[topic.index()].forgotten() };
        self.request_update_for_new_topics();
    }

    /// Somebody waits for this topic (`requestUpdateForTopic`).
    pub(super) fn request_update_for(&mut self, topic: TopicIndex) {
        if self.topics.get(topic.index()).is_some_and(|known| known.is_new) {
            self.request_update_for_new_topics();
        } else {
            self.request_update();
        }
    }

    /// What is believed proved wrong.
    pub(super) fn request_update(&mut self) {
        self.needs_full = true;
    }

    fn request_update_for_new_topics(&mut self) {
        self.needs_new_topics = true;
        self.additions += 1;
        self.same_answers = 0;
        // A new topic does not wait for what went wrong with others.
        (self.not_before, self.no_news_until) = (Instant::ZERO, Instant::ZERO);
    }

    /// When to ask next; `None` while an answer is awaited.
    pub(super) fn next_request_at(&self) -> Option<Instant> {
        if self.is_asked {
            return None;
        }
        let too_old_at = self.last_success.map_or(Instant::ZERO, |last| last + self.max_age);
        let due = if self.needs_full || self.needs_new_topics { Instant::ZERO } else { too_old_at };
        Some(due.max(self.not_before).max(self.no_news_until.min(too_old_at)))
    }

    /// When all of it was told last.
    #[cfg(feature = "metrics")]
    pub(super) fn last_success(&self) -> Option<Instant> {
        self.last_success
    }

    /// Must metadata be asked for now?
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.next_request_at().is_some_and(|at| at <= now)
    }

    /// Metadata is due and is being tried for.
    pub(super) fn on_attempt(&mut self, now: Instant) {
        self.attempt.get_or_insert(Attempt::Since(now));
    }

    /// Since when metadata has been tried for in vain.
    pub(super) fn attempt(&self) -> Option<Attempt> {
        self.attempt
    }

    /// A broker answered that the client should rebootstrap. That is no failure: the next question waits for nothing new.
    pub(super) fn on_rebootstrap_required(&mut self) {
        self.is_asked = false;
        self.attempt = Some(Attempt::Always);
    }

    /// Begins anew with the bootstrap addresses: no broker, partition or leader is known any more
    /// (`Metadata.rebootstrap`). Says whether that is another cluster than before.
    pub(super) fn rebootstrap(&mut self, now: Instant) -> bool {
        let is_another = !self.nodes.is_empty();
        self.attempt = Some(Attempt::Since(now));
        self.needs_full = true;
        self.nodes.clear();
        for known in &mut self.topics {
            known.error = ErrorCode::NONE;
            known.lose();
        }
        self.rebuild(&[]);
        is_another
    }

    /// The question to ask now.
    pub(super) fn ask(
        &mut self,
        now: Instant,
        version: i16,
        name_of: impl Fn(TopicIndex) -> Arc<str>,
    ) -> (MetadataRequest, MetadataAsked) {
        let is_old = self.last_success.is_none_or(|last| last + self.max_age <= now);
        if is_old {
            // What is asked for its age alone may well be the same.
            self.same_answers = 0;
        }
        let partial = self.needs_new_topics && !self.needs_full && !is_old;
        let asked = self.topics.iter().enumerate().filter(|(_, known)| known.wanted && (known.is_new || !partial));
        let topics = asked.map(|(index, _)| name_of(topic_at(index))).collect();
        // A broker may tell of them in the order in which it is asked, and what it tells first comes first in the maps.
        let topics = java_hash::in_map_order(topics, |name: &Arc<str>| java_hash::of_string(name));
        self.is_asked = true;
        let has_reliable_epochs = version >= RELIABLE_EPOCHS_SINCE;
        let asked = MetadataAsked { partial, additions: self.additions, has_reliable_epochs };
        (MetadataRequest { topics: Some(topics), allow_auto_topic_creation: true, ..Default::default() }, asked)
    }

    /// The question stayed without an answer.
    pub(super) fn on_failure(&mut self, now: Instant, rng: &mut Rng) {
        self.is_asked = false;
        self.not_before = now + self.backoff.pause(self.failures, rng);
        self.failures = self.failures.saturating_add(1);
        (self.same_answers, self.no_news_until) = (0, Instant::ZERO);
    }

    /// Takes an answer. Says whether it was one: without brokers it is not.
    pub(super) fn on_answer(
        &mut self,
        now: Instant,
        asked: MetadataAsked,
        response: &MetadataResponse,
        find: impl Fn(&str) -> Option<TopicIndex>,
        rng: &mut Rng,
    ) -> bool {
        let nodes = map_of(response.brokers.iter().filter_map(usable));
        if nodes.is_empty() {
            self.on_failure(now, rng);
            return false;
        }
        self.is_asked = false;
        self.attempt = None;
        self.failures = 0;
        self.answers += 1;
        self.is_unread = true;
        self.needs_new_topics = asked.additions < self.additions;
        if !asked.partial {
            self.needs_full = false;
            self.last_success = Some(now);
        }
        // Topics not used for long are forgotten when an answer comes, not when it is asked for
        // (`ProducerMetadata.retainTopic`).
        let max_idle = self.max_idle;
        for known in &mut self.topics {
            if known.wanted && !known.is_new && known.last_used + max_idle <= now {
                *known = known.forgotten();
            }
        }
        let (mut has_news, mut told) = (false, Vec::new());
        self.nodes = nodes;
        for topic in &response.topics {
            if let Some(index) = find(&topic.name)
                && self.topics.get(index.index()).is_some_and(|known| known.wanted)
            {
                has_news |= self.on_topic(index, topic, asked.has_reliable_epochs);
                let partitions = topic.partitions.iter().map(|partition| partition.partition);
                told.extend(partitions.map(|partition| PartitionRef { topic: index, partition }));
            }
        }
        if !asked.partial {
            let answers = self.answers;
            // What was asked about and not answered is not there any more.
            for known in self.topics.iter_mut().filter(|known| !known.is_new && known.answered_in < answers) {
                known.lose();
            }
        }
        self.same_answers = if has_news { 0 } else { self.same_answers.saturating_add(1) };
        self.pause_after_answer(now, rng);
        self.rebuild(&told);
        true
    }

    /// How soon the next question may come (`Metadata.timeToAllowUpdate`). Whoever waits for a topic that came meanwhile
    /// asks again at once.
    fn pause_after_answer(&mut self, now: Instant, rng: &mut Rng) {
        self.not_before = now + self.backoff.pause(0, rng);
        self.no_news_until = Instant::ZERO;
        if self.same_answers > 1 {
            self.no_news_until = now + self.backoff.pause(self.same_answers - 1, rng);
        }
    }

    /// A broker named partitions' new leaders in its refusals (KIP-951, `Metadata.updatePartitionLeadership`). Says whether one
    /// was believed.
    pub(super) fn on_current_leaders(
        &mut self,
        named: &[(PartitionRef, LeaderIdAndEpoch)],
        endpoints: &[MetadataBroker],
    ) -> bool {
        let named = java_hash::in_map_order(named.to_vec(), |(partition, _)| self.java_hash(*partition)).into_iter();
        let believed: Vec<_> = named
            .filter_map(|(partition, leader)| self.on_current_leader(partition, leader, endpoints).then_some(partition))
            .collect();
        if !believed.is_empty() {
            self.rebuild(&believed);
        }
        !believed.is_empty()
    }

    /// Believed when the epoch is newer and the address is known.
    fn on_current_leader(
        &mut self,
        partition: PartitionRef,
        leader: LeaderIdAndEpoch,
        endpoints: &[MetadataBroker],
    ) -> bool {
        let endpoint = endpoints.iter().filter_map(usable).find(|(node, _)| *node == leader.leader);
        let is_known = endpoint.is_some() || self.nodes.contains_key(&leader.leader);
        let known = self.topics.get_mut(partition.topic.index());
        let told =
            known.and_then(|known| Some((known.partitions.get_mut(partition.partition)?, &mut known.last_epochs)));
        match told {
            Some((told, last_epochs)) if is_known && leader.epoch > told.epoch => {
                *told = PartitionMetadata { leader: leader.leader, epoch: leader.epoch };
                last_epochs.insert(partition.partition, leader.epoch);
                self.nodes.extend(endpoint);
                true
            }
            _ => false,
        }
    }

    /// Says whether there is news: of leaders, by newer epochs or none at all, or of another topic by this name
    /// (`Metadata.updateLatestMetadata`). Brokers and errors that come and go are none.
    fn on_topic(&mut self, index: TopicIndex, told: &MetadataTopic, has_reliable_epochs: bool) -> bool {
        let known = &mut self.topics[index.index()];
        known.is_new = false;
        known.name_hash = java_hash::of_string(&told.name);
        known.answered_in = self.answers;
        known.error = told.error;
        if !told.error.is_none() {
            known.lose();
            self.needs_full |= told.error.invalidates_metadata();
            return false;
        }
        // Another topic of the same name counts its epochs anew; one of which no id was known may be another.
        let is_another = told.id != TopicId::default() && told.id != known.id;
        known.id = told.id;
        let before = core::mem::take(&mut known.partitions);
        if is_another {
            known.last_epochs.clear();
            let before = core::mem::replace(&mut known.last_id, told.id);
            if before != TopicId::default() && before != told.id {
                known.replaced = Some(before);
                self.has_replaced = true;
            }
        }
        let mut has_news = is_another;
        let mut believed = BTreeMap::new();
        for partition in &told.partitions {
            self.needs_full |= partition.error.invalidates_metadata();
            let number = partition.partition;
            let last = known.last_epochs.get(&number).copied().unwrap_or(-1);
            let epoch = if has_reliable_epochs { partition.leader_epoch.max(-1) } else { -1 };
            has_news |= epoch < 0 || epoch > last;
            if epoch < 0 {
                known.last_epochs.remove(&number);
            } else if epoch > last {
                known.last_epochs.insert(number, epoch);
            }
            if epoch < 0 || epoch >= last {
                // Nothing can be sent to a number below zero, which counts all the same.
                let leader = if number < 0 { NodeId(-1) } else { partition.leader };
                // One that is told twice counts once, as in the Java client's map; the last word holds.
                believed.insert(number, PartitionMetadata { leader, epoch });
            } else if let Some(&old) = before.get(number) {
                // The answer comes from a broker that lags behind: what was known of the partition holds. If nothing was, it is
                // not known now, nor counted.
                believed.insert(number, old);
            }
        }
        if known.last_epochs.len() > EPOCHS_KEPT.max(believed.len()) {
            known.last_epochs.retain(|number, _| believed.contains_key(number));
        }
        known.partitions = Partitions::of(believed);
        has_news
    }

    /// Who leads what, once these partitions have been told of (`MetadataSnapshot.mergeWith`: they come before what was known).
    fn rebuild(&mut self, told: &[PartitionRef]) {
        self.in_map_order = self.map_order(told);
        self.partitions_of.clear();
        self.topics.iter_mut().for_each(|known| known.available.clear());
        for &partition in &self.in_map_order {
            if let Some(leader) = self.leader(partition) {
                self.partitions_of.entry(leader.node).or_default().push(partition);
                self.topics[partition.topic.index()].available.push(partition.partition);
            }
        }
        if !self.available_in_map_order {
            self.topics.iter_mut().for_each(|known| known.available.sort_unstable());
        }
    }

    fn map_order(&self, told: &[PartitionRef]) -> Vec<PartitionRef> {
        let is_known = |partition: &PartitionRef| {
            let known = self.topics.get(partition.topic.index());
            known.is_some_and(|known| known.partitions.get(partition.partition).is_some())
        };
        let mut seen = BTreeSet::new();
        let all = told.iter().chain(&self.in_map_order).copied();
        let all = all.filter(|partition| is_known(partition) && seen.insert(*partition)).collect();
        java_hash::in_sized_map_order(all, |partition| self.java_hash(*partition))
    }

    /// `TopicPartition.hashCode`, of a topic that metadata has told of.
    pub(super) fn java_hash(&self, partition: PartitionRef) -> i32 {
        let topic = self.topics.get(partition.topic.index()).map_or(0, |known| known.name_hash);
        java_hash::of_hashed_partition(topic, partition.partition)
    }
}

fn topic_at(index: usize) -> TopicIndex {
    TopicIndex(u32::try_from(index).unwrap_or(u32::MAX))
}

/// A broker that can be reached: a node id of its own, a host, and a port that exists.
fn usable(broker: &MetadataBroker) -> Option<(NodeId, BrokerAddress)> {
    let port = u16::try_from(broker.port).ok().filter(|port| *port != 0)?;
    let is_usable = !broker.node.is_bootstrap() && !broker.host.is_empty();
    is_usable.then(|| (broker.node, BrokerAddress { host: Arc::clone(&broker.host), port }))
}

#[cfg(test)]
mod tests;
