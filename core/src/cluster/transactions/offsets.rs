//! Offsets that groups commit within transactions, and that their consumers ask for (`OffsetMetadataManager`).
//!
//! *Models*: TxnOffsetCommit and OffsetFetch of groups that nobody manages (an assigned consumer's), pending until the
//! transaction ends. *Leaves out*: members and generations (whoever names one is unknown), OffsetCommit, expiry, the
//! topic `__consumer_offsets`.

use std::sync::Arc;

use super::Support;
use super::state::Outcome;
use super::transaction::Participant;
use crate::cluster::Cluster;
use crate::error::ErrorCode;
use crate::ids::{NodeId, TopicPartition};
use crate::protocol::{
    CommittedOffset, OffsetFetchGroup, OffsetFetchGroupResponse, OffsetFetchPartitionResponse, OffsetFetchRequest,
    OffsetFetchResponse, OffsetFetchTopicResponse, TopicErrors, TopicPartitions, TxnOffsetCommitRequest,
    TxnOffsetCommitResponse,
};
use crate::time::Now;
use crate::trace::Observer;

/// `offset.metadata.max.bytes`, which counts Java's characters.
const MAX_METADATA: usize = 4_096;

/// One offset of one group.
#[derive(Clone, Debug)]
struct KeptOffset {
    group: Arc<str>,
    name: TopicPartition,
    /// Whose transaction is to decide on it; `None`: it is committed.
    undecided: Option<i64>,
    committed: CommittedOffset,
}

/// The offsets of all groups.
#[derive(Clone, Debug, Default)]
pub(in crate::cluster) struct Offsets {
    /// In the order of their fields.
    kept: Vec<KeptOffset>,
    /// Every group that was ever allowed to commit, in order: it is known from then on, whatever becomes of the offset.
    groups: Vec<Arc<str>>,
}

impl Offsets {
    fn place(&self, group: &str, name: &TopicPartition, undecided: Option<i64>) -> Result<usize, usize> {
        self.kept.binary_search_by(|kept| (&*kept.group, &kept.name, kept.undecided).cmp(&(group, name, undecided)))
    }

    fn keep(&mut self, kept: KeptOffset) {
        match self.place(&kept.group, &kept.name, kept.undecided) {
            Ok(place) => self.kept[place] = kept,
            Err(place) => self.kept.insert(place, kept),
        }
    }

    /// A topic is gone (`OffsetMetadataManager.onPartitionsDeleted`).
    pub(in crate::cluster) fn forget_topic(&mut self, topic: &str) {
        self.kept.retain(|kept| *kept.name.topic != *topic);
    }

    /// A transaction has ended.
    pub(super) fn decide(&mut self, group: &str, producer_id: i64, outcome: Outcome) {
        let is_decided = |kept: &mut KeptOffset| *kept.group == *group && kept.undecided == Some(producer_id);
        let decided: Vec<KeptOffset> = self.kept.extract_if(.., is_decided).collect();
        if outcome == Outcome::Commit {
            for kept in decided {
                self.keep(KeptOffset { undecided: None, ..kept });
            }
        }
    }

    fn of_group(&self, group: &str) -> impl Iterator<Item = &KeptOffset> {
        let first = self.kept.partition_point(|kept| *kept.group < *group);
        self.kept[first..].iter().take_while(move |kept| *kept.group == *group)
    }

    fn fetch(&self, group: &str, name: &TopicPartition, require_stable: bool) -> OffsetFetchPartitionResponse {
        let (committed, next) = match self.place(group, name, None) {
            Ok(place) => (Some(&self.kept[place].committed), place + 1),
            Err(place) => (None, place),
        };
        // Undecided ones stand behind the committed one.
        let is_undecided = self.kept.get(next).is_some_and(|kept| (&*kept.group, &kept.name) == (group, name));
        let is_unstable = require_stable && is_undecided;
        let none = || CommittedOffset { offset: -1, leader_epoch: -1, metadata: Some("".into()) };
        OffsetFetchPartitionResponse {
            partition: name.partition,
            committed: committed.filter(|_| !is_unstable).cloned().unwrap_or_else(none),
            error: if is_unstable { ErrorCode::UNSTABLE_OFFSET_COMMIT } else { ErrorCode::NONE },
        }
    }

    /// Every partition of a group that has an offset, by topic.
    fn all_of(&self, group: &str) -> Vec<TopicPartitions> {
        let mut topics: Vec<TopicPartitions> = Vec::new();
        for KeptOffset { name, .. } in self.of_group(group).filter(|kept| kept.undecided.is_none()) {
            match topics.last_mut() {
                Some(last) if last.name == name.topic => last.partitions.push(name.partition),
                _ => topics.push(TopicPartitions { name: name.topic.clone(), partitions: vec![name.partition] }),
            }
        }
        topics
    }
}

impl<O: Observer> Cluster<O> {
    pub(in crate::cluster) fn txn_offset_commit(
        &mut self,
        now: Now,
        node: NodeId,
        version: i16,
        request: &TxnOffsetCommitRequest,
    ) -> TxnOffsetCommitResponse {
        // Partitions that do not exist are answered for by themselves, and the coordinator never hears of them.
        let exists = |topic: &str, partition| self.topics.partition(topic, partition).is_some();
        let any_exists = request
            .topics
            .iter()
            .any(|topic| topic.partitions.iter().any(|&(partition, _)| exists(&topic.name, partition)));
        let verdict = if any_exists { self.take_group_in(now, node, version, request) } else { Ok(()) };
        let topics = request.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|(partition, committed)| {
                let name = TopicPartition { topic: topic.name.clone(), partition: *partition };
                (*partition, self.commit_one(request, name, committed, verdict))
            });
            TopicErrors { name: topic.name.clone(), partitions: partitions.collect() }
        });
        TxnOffsetCommitResponse { throttle_time_ms: 0, topics: topics.collect() }
    }

    /// May this group's offsets be part of the transaction?
    fn take_group_in(
        &mut self,
        now: Now,
        node: NodeId,
        version: i16,
        request: &TxnOffsetCommitRequest,
    ) -> Result<(), ErrorCode> {
        let group = &request.group;
        if group.is_empty() {
            return Err(ErrorCode::INVALID_GROUP_ID);
        }
        self.check_coordinator(node, group)?;
        let support = Support::of_offset_commit(version);
        let participant = Participant::Offsets(Arc::clone(group));
        self.transactions.admit(now.instant(), support, &request.transactional_id, request.identity, participant)?;
        match request.generation {
            // Nobody is a member of a group here.
            0.. if self.offsets.groups.binary_search(group).is_ok() => Err(ErrorCode::UNKNOWN_MEMBER_ID),
            0.. => Err(ErrorCode::ILLEGAL_GENERATION),
            _ => {
                if let Err(place) = self.offsets.groups.binary_search(group) {
                    self.offsets.groups.insert(place, Arc::clone(group));
                }
                Ok(())
            }
        }
    }

    fn commit_one(
        &mut self,
        request: &TxnOffsetCommitRequest,
        name: TopicPartition,
        committed: &CommittedOffset,
        verdict: Result<(), ErrorCode>,
    ) -> ErrorCode {
        if self.topics.partition(&name.topic, name.partition).is_none() {
            return ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
        }
        if let Err(error) = verdict {
            return error;
        }
        let metadata = committed.metadata.as_deref().unwrap_or_default();
        if metadata.encode_utf16().count() > MAX_METADATA {
            return ErrorCode::OFFSET_METADATA_TOO_LARGE;
        }
        let committed = CommittedOffset { metadata: Some(metadata.into()), ..*committed };
        let (group, undecided) = (Arc::clone(&request.group), Some(request.identity.id));
        self.offsets.keep(KeptOffset { group, name, undecided, committed });
        ErrorCode::NONE
    }

    pub(in crate::cluster) fn offset_fetch(&self, node: NodeId, request: &OffsetFetchRequest) -> OffsetFetchResponse {
        let groups = request.groups.iter().map(|group| self.offsets_of_group(node, group, request.require_stable));
        OffsetFetchResponse { throttle_time_ms: 0, groups: groups.collect() }
    }

    fn offsets_of_group(
        &self,
        node: NodeId,
        OffsetFetchGroup { group, topics }: &OffsetFetchGroup,
        require_stable: bool,
    ) -> OffsetFetchGroupResponse {
        if let Err(error) = self.check_coordinator(node, group) {
            return OffsetFetchGroupResponse { group: Arc::clone(group), error, topics: Vec::new() };
        }
        let all;
        let asked = match topics {
            Some(topics) => topics,
            None => {
                all = self.offsets.all_of(group);
                &all
            }
        };
        let topics = asked.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|&partition| {
                let name = TopicPartition { topic: topic.name.clone(), partition };
                self.offsets.fetch(group, &name, require_stable)
            });
            OffsetFetchTopicResponse { name: topic.name.clone(), partitions: partitions.collect() }
        });
        OffsetFetchGroupResponse { group: Arc::clone(group), error: ErrorCode::NONE, topics: topics.collect() }
    }
}
