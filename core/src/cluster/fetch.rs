//! Fetch and ListOffsets: reading logs.
//!
//! *Models*: long polls (`max_wait_ms`, `min_bytes`), whole batches from the one that contains the offset on, at least
//! one of them whatever the limits, leader epochs, offsets by time, isolation levels, nothing beyond the high watermark, no
//! latest offset while a new leader's high watermark lags (KIP-207), topics by id (KIP-516). *Leaves out*: fetch sessions
//! (KIP-227: none is ever begun, which every client takes for "send everything again"), reading from followers, and
//! diverging epochs in answers to consumers.

use core::time::Duration;
use std::collections::BTreeMap;

use super::faults::{refused_fetch, refused_list_offsets};
use super::replica::Replica;
use super::topics::unknown;
use super::{Answer, Cluster};
use crate::error::ErrorCode;
use crate::ids::{NodeId, TopicPartition};
use crate::protocol::{
    ApiKey, FetchPartition, FetchPartitionResponse, FetchRequest, FetchResponse, FetchTopic, FetchTopicResponse,
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse,
    ListOffsetsTopicResponse, Response, says_topics_by_id,
};
use crate::time::{Instant, Now};
use crate::trace::Observer;

/// `ListOffsetsRequest.LATEST_TIMESTAMP`.
const LATEST: i64 = -1;
/// `ListOffsetsRequest.EARLIEST_TIMESTAMP`.
const EARLIEST: i64 = -2;
/// `ListOffsetsRequest.MAX_TIMESTAMP`, since v7 (KIP-734).
const MAX_TIMESTAMP: i64 = -3;
/// `IsolationLevel.READ_COMMITTED`.
const READ_COMMITTED: i8 = 1;
/// READ_UNCOMMITTED and READ_COMMITTED.
const ISOLATION_LEVELS: core::ops::RangeInclusive<i8> = 0..=READ_COMMITTED;
/// `FetchMetadata.FINAL_EPOCH` and `INITIAL_EPOCH`: everything is to be sent, whatever was sent before.
const FULL_FETCH: core::ops::RangeInclusive<i32> = -1..=0;

/// A fetch that may have to wait.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    request: FetchRequest,
    version: i16,
    /// When it is answered with what there is.
    pub(super) deadline: Instant,
    /// The one partition refused by a script.
    refused: Option<(ErrorCode, TopicPartition)>,
}

impl<O: Observer> Cluster<O> {
    pub(super) fn fetch(
        &mut self,
        now: Now,
        version: i16,
        request: FetchRequest,
        refused: Option<(ErrorCode, &TopicPartition)>,
    ) -> Answer {
        // Nobody was ever given a session, so whoever goes on with one goes on with one that is unknown.
        if !FULL_FETCH.contains(&request.session_epoch) {
            let error = ErrorCode::FETCH_SESSION_ID_NOT_FOUND;
            return Answer::Respond(Response::Fetch(FetchResponse { error, ..FetchResponse::default() }));
        }
        if !ISOLATION_LEVELS.contains(&request.isolation_level) {
            return Answer::Respond(refuse_fetch(version, request));
        }
        let wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
        let refused = refused.map(|(error, partition)| (error, partition.clone()));
        Answer::Poll(Reading { request, version, deadline: now.instant() + wait, refused })
    }

    /// What a fetch would get now, and whether that is worth an answer before its time is over.
    pub(super) fn read(&self, node: NodeId, reading: &Reading) -> (FetchResponse, bool) {
        let request = &reading.request;
        let mut left = request.max_bytes;
        let (mut total_bytes, mut any_error, mut any_partition) = (0_usize, false, false);
        let mut response = FetchResponse::default();
        for topic in &request.topics {
            let mut partitions = Vec::with_capacity(topic.partitions.len());
            for asked in &topic.partitions {
                let name = TopicPartition { topic: topic.name.clone(), partition: asked.partition };
                let answer = match &reading.refused {
                    Some((error, partition)) if *partition == name => refused_fetch(asked.partition, *error),
                    _ if self.topics.get(&name.topic).is_none() => {
                        refused_fetch(asked.partition, unknown(ApiKey::Fetch, reading.version, &name.topic))
                    }
                    _ => self.read_partition(node, &name, asked, request.isolation_level, left, total_bytes == 0),
                };
                let bytes = answer.batches.iter().map(|batch| batch.len()).sum::<usize>();
                // A limit below zero is not used up by what is refused for it: the next partition is, too.
                if bytes > 0 {
                    left = left.saturating_sub(i32::try_from(bytes).unwrap_or(i32::MAX)).max(0);
                }
                total_bytes += bytes;
                any_error |= !answer.error.is_none();
                any_partition = true;
                partitions.push(answer);
            }
            response.topics.push(FetchTopicResponse { name: topic.name.clone(), id: topic.id, partitions });
        }
        let wanted_bytes = usize::try_from(request.min_bytes).unwrap_or(0);
        (response, any_error || !any_partition || total_bytes >= wanted_bytes)
    }

    fn read_partition(
        &self,
        node: NodeId,
        name: &TopicPartition,
        asked: &FetchPartition,
        isolation_level: i8,
        left: i32,
        is_first_to_have_any: bool,
    ) -> FetchPartitionResponse {
        // What is refused on the way to the log has no list of aborted transactions; a list of none comes from before that.
        let refused =
            |error| FetchPartitionResponse { aborted_transactions: None, ..refused_fetch(asked.partition, error) };
        // Any epoch below zero is none (`FetchRequest.optionalEpoch`).
        let replica = match self.led_here(node, name, asked.current_leader_epoch.max(-1)) {
            Ok(replica) => replica,
            Err(error @ ErrorCode::UNKNOWN_TOPIC_OR_PARTITION) => return refused_fetch(asked.partition, error),
            Err(error) => return refused(error),
        };
        let log = &replica.log;
        if !(log.start_offset()..=log.end_offset()).contains(&asked.fetch_offset) {
            return refused(ErrorCode::OFFSET_OUT_OF_RANGE);
        }
        let readable = replica.readable_below(isolation_level);
        let limit = left.min(asked.max_bytes);
        // `LogSegment.read` takes no limit below zero, and is asked where there is something to read.
        if limit < 0 && asked.fetch_offset < readable {
            return refused(ErrorCode::UNKNOWN_SERVER_ERROR);
        }
        let mut limit = usize::try_from(limit).unwrap_or(0);
        let (mut batches, mut last_given) = (Vec::new(), None);
        for batch in log.read_from(asked.fetch_offset).take_while(|batch| batch.last_offset < readable) {
            // A batch larger than every limit must get through all the same, or the consumer would stand still.
            let must_go = is_first_to_have_any && batches.is_empty();
            if batch.bytes.len() > limit && !must_go {
                break;
            }
            limit = limit.saturating_sub(batch.bytes.len());
            batches.push(batch.bytes.clone());
            last_given = Some(batch.last_offset);
        }
        FetchPartitionResponse {
            partition: asked.partition,
            error: ErrorCode::NONE,
            high_watermark: replica.high_watermark,
            last_stable_offset: replica.last_stable_offset(),
            log_start_offset: log.start_offset(),
            aborted_transactions: (isolation_level == READ_COMMITTED).then(|| match last_given {
                Some(last_given) => log.aborted_in(asked.fetch_offset, last_given),
                None => Vec::new(),
            }),
            batches,
        }
    }

    /// Finds the copy of a partition that this broker leads, as it believes, if the client does not know another term of
    /// leadership.
    fn led_here(&self, node: NodeId, name: &TopicPartition, known_epoch: i32) -> Result<&Replica, ErrorCode> {
        let found = self.topics.partition(&name.topic, name.partition);
        let partition = found.ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        let replica = partition.replica(node).ok_or(ErrorCode::NOT_LEADER_OR_FOLLOWER)?;
        if replica.is_offline {
            return Err(ErrorCode::KAFKA_STORAGE_ERROR);
        }
        let (_, epoch) = replica.believed_leader();
        match known_epoch {
            -1 => {}
            known if known < epoch => return Err(ErrorCode::FENCED_LEADER_EPOCH),
            known if known > epoch => return Err(ErrorCode::UNKNOWN_LEADER_EPOCH),
            _ => {}
        }
        if replica.leading().is_some() { Ok(replica) } else { Err(ErrorCode::NOT_LEADER_OR_FOLLOWER) }
    }

    pub(super) fn list_offsets(
        &self,
        node: NodeId,
        version: i16,
        request: &ListOffsetsRequest,
        refused: Option<(ErrorCode, &TopicPartition)>,
    ) -> ListOffsetsResponse {
        let topics = request.topics.iter().map(|topic| {
            let mut times: BTreeMap<i32, usize> = BTreeMap::new();
            topic.partitions.iter().for_each(|asked| *times.entry(asked.partition).or_default() += 1);
            let partitions = topic.partitions.iter().filter_map(|asked| {
                let name = TopicPartition { topic: topic.name.clone(), partition: asked.partition };
                let found = match refused {
                    Some((error, partition)) if *partition == name => Err(error),
                    _ if !ISOLATION_LEVELS.contains(&request.isolation_level) => Err(ErrorCode::UNKNOWN_SERVER_ERROR),
                    // One answer for all that ask about the same.
                    _ if times.get(&asked.partition) != Some(&1) => {
                        times.remove(&asked.partition)?;
                        Err(ErrorCode::INVALID_REQUEST)
                    }
                    _ if !is_known_since(asked.timestamp_ms, version) => Err(ErrorCode::UNSUPPORTED_VERSION),
                    _ => self.list_offset(node, version, &name, asked, request.isolation_level),
                };
                Some(found.unwrap_or_else(|error| refused_list_offsets(asked.partition, error)))
            });
            ListOffsetsTopicResponse { name: topic.name.clone(), partitions: partitions.collect() }
        });
        ListOffsetsResponse { throttle_time_ms: 0, topics: topics.collect() }
    }

    fn list_offset(
        &self,
        node: NodeId,
        version: i16,
        name: &TopicPartition,
        asked: &ListOffsetsPartition,
        isolation_level: i8,
    ) -> Result<ListOffsetsPartitionResponse, ErrorCode> {
        let replica = self.led_here(node, name, asked.current_leader_epoch)?;
        let (_, leader_epoch) = replica.believed_leader();
        let log = &replica.log;
        let readable = replica.readable_below(isolation_level);
        // A new leader may not know yet how far readers have come (`Partition.fetchOffsetForTimestamp`).
        let lags = replica.leading().is_some_and(|leading| leading.start_offset > replica.high_watermark);
        let known = |found: Option<(i64, i64, i32)>| match found {
            Some((_, offset, _)) if offset >= readable && lags => Err(offset_not_available(version)),
            found => Ok(found.filter(|&(_, offset, _)| offset < readable)),
        };
        let found = match asked.timestamp_ms {
            EARLIEST => {
                let epoch = log.batches().next().map_or(leader_epoch, |batch| batch.leader_epoch);
                Some((-1, log.start_offset(), epoch))
            }
            LATEST if lags => return Err(offset_not_available(version)),
            LATEST => Some((-1, readable, leader_epoch)),
            MAX_TIMESTAMP => known(log.latest_in_time())?,
            timestamp_ms => known(log.first_at_or_after(timestamp_ms))?,
        };
        let (timestamp_ms, offset, leader_epoch) = found.unwrap_or((-1, -1, -1));
        let partition = asked.partition;
        Ok(ListOffsetsPartitionResponse { partition, error: ErrorCode::NONE, timestamp_ms, offset, leader_epoch })
    }
}

impl Replica {
    /// The offset below which a reader may read.
    fn readable_below(&self, isolation_level: i8) -> i64 {
        if isolation_level == READ_COMMITTED { self.last_stable_offset() } else { self.high_watermark }
    }
}

/// Does this version have this question (`ReplicaManager.isListOffsetsTimestampUnsupported`)? Those about tiered storage and
/// the like come with later versions.
fn is_known_since(timestamp_ms: i64, version: i16) -> bool {
    match timestamp_ms {
        MAX_TIMESTAMP => version >= 7,
        _ => timestamp_ms >= EARLIEST,
    }
}

/// `FetchRequest.getErrorResponse` for what Kafka has no code for: since v13 without the topics.
fn refuse_fetch(version: i16, request: FetchRequest) -> Response {
    let error = ErrorCode::UNKNOWN_SERVER_ERROR;
    let refused = |topic: FetchTopic| FetchTopicResponse {
        partitions: topic.partitions.iter().map(|asked| refused_fetch(asked.partition, error)).collect(),
        name: topic.name,
        id: topic.id,
    };
    let named = request.topics.into_iter().filter(|_| !says_topics_by_id(ApiKey::Fetch, version));
    Response::Fetch(FetchResponse { error, topics: named.map(refused).collect(), ..FetchResponse::default() })
}

/// Clients before v5 do not know the code (KIP-207).
fn offset_not_available(version: i16) -> ErrorCode {
    if version >= 5 { ErrorCode::OFFSET_NOT_AVAILABLE } else { ErrorCode::LEADER_NOT_AVAILABLE }
}
