//! What a consumer reads back: the answers to Fetch, careless (`read_uncommitted`) and careful (`read_committed`).

use core::time::Duration;
use std::collections::BTreeSet;

use super::contents::{Content, Contents};
use super::history::{History, Place};
use super::wire::sum_is_right;
use crate::cluster::{Cluster, ClusterInput, ClusterOutput, LinkId};
use crate::codecs::Codecs;
use crate::error::ErrorCode;
use crate::ids::{ConnectionId, CorrelationId, NodeId, ProducerIdentity, TopicPartition};
use crate::protocol::{
    ApiKey, FetchPartition, FetchPartitionResponse, FetchRequest, FetchTopic, Request, RequestHeader, Response,
};
use crate::record_batch::{BatchError, BatchView, TimestampType, batches};
use crate::time::{Instant, Now};
use crate::trace::Observer;

/// A record as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its offset.
    pub offset: i64,
    /// What it carries.
    pub content: Content,
    /// Its time in milliseconds since 1970: its own, or the broker's.
    pub timestamp_ms: i64,
    /// Is the time the broker's (`message.timestamp.type=LogAppendTime`)?
    pub is_append_time: bool,
    /// Producer id and epoch, if any.
    pub identity: Option<ProducerIdentity>,
    /// Its sequence, −1: none.
    pub sequence: i32,
    /// Is it part of a transaction?
    pub is_transactional: bool,
    /// Leader epoch in which it was appended.
    pub leader_epoch: i32,
}

/// Something in a log that no reader should meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// Bytes that are no batch, or records that cannot be read.
    Unreadable(BatchError),
    /// Bytes that are not those of the batch's CRC.
    Crc,
    /// A careful reader gets what a careless one does not, or another content under its offset.
    ReadersDiffer,
}

/// A partition as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// The first offset that is still there.
    pub start_offset: i64,
    /// Offset below which every in-sync replica has the data: nobody reads further.
    pub high_watermark: i64,
    /// Offset below which every transaction is decided.
    pub last_stable_offset: i64,
    /// What a careless reader gets, in order of offset.
    pub records: Vec<Stored>,
    /// The offsets that a careful reader gets, in order; `None`: nobody read carefully.
    pub committed: Option<Vec<i64>>,
    /// What is wrong with it, and from which offset on.
    pub damage: Vec<(i64, Damage)>,
    /// What the leader has beyond its high watermark, where a replica is out of sync: offsets in order, and contents. No
    /// reader gets it: somebody looked at the leader's disk.
    pub held_back: Vec<(i64, Content)>,
    /// Are fewer replicas in sync than `min.insync.replicas`?
    pub is_under_min_isr: bool,
    /// Could everything be read that is there? Not where a codec is missing.
    pub is_whole: bool,
}

impl Log {
    /// The record at an offset.
    pub fn at(&self, offset: i64) -> Option<&Stored> {
        self.records.binary_search_by_key(&offset, |stored| stored.offset).ok().map(|place| &self.records[place])
    }

    /// Does a careful reader get the record at this offset?
    pub fn is_committed(&self, offset: i64) -> bool {
        self.committed.as_ref().is_some_and(|committed| committed.binary_search(&offset).is_ok())
    }
}

/// A reader of one partition, to be given the answers to its fetches in order.
#[derive(Debug)]
pub struct Reading<'a> {
    contents: &'a mut Contents,
    codecs: Option<&'a dyn Codecs>,
    log: Log,
}

impl<'a> Reading<'a> {
    /// A reader that has read nothing yet.
    pub fn new(contents: &'a mut Contents, codecs: Option<&'a dyn Codecs>) -> Self {
        Self { contents, codecs, log: Log { is_whole: true, ..Log::default() } }
    }

    /// Takes an answer to a fetch of this partition. Returns where the next one begins; `None`: this was the end. The
    /// careless reader comes first, and the careful one, which begins at the log's start, after it.
    ///
    /// # Errors
    /// The broker's.
    pub fn take(&mut self, is_careful: bool, answer: &FetchPartitionResponse) -> Result<Option<i64>, ErrorCode> {
        if !answer.error.is_none() {
            return Err(answer.error);
        }
        self.log.start_offset = answer.log_start_offset;
        self.log.high_watermark = answer.high_watermark;
        self.log.last_stable_offset = answer.last_stable_offset;
        if is_careful {
            self.log.committed.get_or_insert_default();
        }
        let mut to_come = answer.aborted_transactions.clone().unwrap_or_default();
        let mut aborting = BTreeSet::new();
        let mut next = None;
        for batch in answer.batches.iter().flat_map(|bytes| batches(bytes)) {
            let batch = match batch {
                Ok(batch) => batch,
                Err(error) => {
                    self.log.damage.push((next.unwrap_or(self.log.start_offset), Damage::Unreadable(error)));
                    self.log.is_whole = false;
                    break;
                }
            };
            next = Some(batch.last_offset() + 1);
            // As `CompletedFetch` does: an aborted producer's records are left out up to its marker.
            let begun = to_come.extract_if(.., |transaction| transaction.first_offset <= batch.last_offset());
            aborting.extend(begun.map(|transaction| transaction.producer_id));
            if batch.is_control() {
                aborting.remove(&batch.producer_id());
            } else if !(batch.is_transactional() && aborting.contains(&batch.producer_id())) {
                self.take_batch(is_careful, &batch);
            }
        }
        Ok(next)
    }

    /// What was read.
    pub fn end(self) -> Log {
        self.log
    }

    fn take_batch(&mut self, is_careful: bool, batch: &BatchView<'_>) {
        let base = batch.base_offset();
        if !sum_is_right(batch) && !is_careful {
            self.log.damage.push((base, Damage::Crc));
        }
        let plain = match batch.plain_records_by(self.codecs) {
            Ok(plain) => plain,
            Err(BatchError::Compressed(_)) => {
                self.log.is_whole = false;
                return;
            }
            Err(error) => return self.unreadable(base, error),
        };
        for record in batch.records_in(&plain) {
            let record = match record {
                Ok(record) => record,
                Err(error) => return self.unreadable(base, error),
            };
            let headers = record.headers.map(|header| (header.key, header.value));
            let content = self.contents.of_record(record.key, record.value, headers);
            let (offset, delta) = (base + i64::from(record.offset_delta), record.offset_delta);
            if is_careful {
                self.take_carefully(offset, content);
                continue;
            }
            self.log.records.push(Stored {
                offset,
                content,
                timestamp_ms: record.timestamp_ms,
                is_append_time: batch.timestamp_type() == TimestampType::LogAppendTime,
                identity: batch.identity(),
                sequence: match batch.base_sequence() {
                    -1 => -1,
                    base => super::law::sequence_after(base, delta.unsigned_abs()),
                },
                is_transactional: batch.is_transactional(),
                leader_epoch: batch.partition_leader_epoch(),
            });
        }
    }

    fn take_carefully(&mut self, offset: i64, content: Content) {
        if self.log.at(offset).is_none_or(|stored| stored.content != content) {
            self.log.damage.push((offset, Damage::ReadersDiffer));
        }
        self.log.committed.get_or_insert_default().push(offset);
    }

    fn unreadable(&mut self, at: i64, error: BatchError) {
        self.log.damage.push((at, Damage::Unreadable(error)));
        self.log.is_whole = false;
    }
}

/// Fetches of this version name topics.
const FETCH_VERSION: i16 = 12;
/// No limit.
const MOST_BYTES: i32 = i32::MAX;

/// The request of one fetch of a whole partition from an offset on, with its version.
pub fn fetch_request(partition: &TopicPartition, offset: i64, is_careful: bool) -> (i16, Request) {
    let asked = FetchPartition {
        partition: partition.partition,
        current_leader_epoch: -1,
        fetch_offset: offset,
        max_bytes: MOST_BYTES,
    };
    let topic = FetchTopic { name: partition.topic.clone(), id: Default::default(), partitions: vec![asked] };
    let request = FetchRequest {
        max_wait_ms: 0,
        min_bytes: 1,
        max_bytes: MOST_BYTES,
        isolation_level: i8::from(is_careful),
        session_id: 0,
        session_epoch: -1,
        topics: vec![topic],
    };
    (FETCH_VERSION, Request::Fetch(request))
}

/// Reads a partition to its end, carelessly and carefully, by asking its leader with [`fetch_request`]s.
///
/// # Errors
/// Those of `ask`, and the broker's, made one by `refused`.
pub fn read_partition<E>(
    contents: &mut Contents,
    codecs: Option<&dyn Codecs>,
    partition: &TopicPartition,
    refused: impl Fn(ErrorCode) -> E,
    mut ask: impl FnMut(i16, Request) -> Result<Response, E>,
) -> Result<Log, E> {
    let mut reading = Reading::new(contents, codecs);
    let mut start = 0;
    for is_careful in [false, true] {
        let mut offset = start;
        loop {
            let (version, request) = fetch_request(partition, offset, is_careful);
            let Response::Fetch(mut response) = ask(version, request)? else { return Err(refused(ErrorCode::NONE)) };
            let answer = response.topics.pop().and_then(|mut topic| topic.partitions.pop());
            let answer = answer.ok_or_else(|| refused(response.error))?;
            if answer.error == ErrorCode::OFFSET_OUT_OF_RANGE && offset < answer.log_start_offset {
                offset = answer.log_start_offset;
                continue;
            }
            let next = reading.take(is_careful, &answer).map_err(&refused)?;
            start = answer.log_start_offset;
            match next {
                Some(next) if next > offset => offset = next,
                _ => break,
            }
        }
    }
    Ok(reading.end())
}

impl History {
    /// Reads back what a simulated cluster holds, as a consumer would whom no script disturbs. Partitions without a leader,
    /// or whose leader gives no answer, stay unread.
    pub fn read_cluster<O: Observer + Clone>(
        &mut self,
        cluster: &Cluster<O>,
        mut now: Now,
        codecs: Option<&dyn Codecs>,
    ) {
        // The brokers are left as they are: it is a copy that answers.
        let mut cluster = cluster.clone();
        cluster.clear_rules();
        let soon = now.instant() + SOON;
        while wake_up(&mut cluster, &mut now, soon).is_some() {}
        let topics: Vec<_> = cluster.topics().map(|(name, count)| (name.clone(), count)).collect();
        for (name, count) in topics {
            let topic = self.topic(&name);
            for partition in 0..count {
                let name = TopicPartition { topic: name.clone(), partition };
                let Some((leader, _)) = cluster.leader(&name) else { continue };
                let ask = |version, request| ask(&mut cluster, &mut now, leader, version, request).ok_or(());
                let log = read_partition(&mut self.contents, codecs, &name, |_| (), ask);
                if let Ok(mut log) = log {
                    let [replicas, in_sync] = [cluster.replicas(&name), cluster.in_sync_replicas(&name)];
                    let [replicas, in_sync] = [replicas, in_sync].map(|nodes| nodes.map_or(0, <[_]>::len));
                    let least = usize::try_from(self.topics[topic as usize].min_insync_replicas).unwrap_or(0);
                    log.is_under_min_isr = in_sync < least;
                    if in_sync < replicas {
                        log.held_back = self.beyond(&cluster, &name, log.high_watermark, codecs);
                    }
                    self.logs.insert(Place { topic, partition }, log);
                }
            }
        }
    }

    /// What a leader's log has from an offset on.
    fn beyond<O: Observer + Clone>(
        &mut self,
        cluster: &Cluster<O>,
        partition: &TopicPartition,
        offset: i64,
        codecs: Option<&dyn Codecs>,
    ) -> Vec<(i64, Content)> {
        let mut reading = Reading::new(&mut self.contents, codecs);
        for stored in cluster.log(partition).into_iter().flat_map(|log| log.batches()) {
            let batch = stored.view();
            if stored.last_offset >= offset && !batch.is_control() {
                reading.take_batch(false, &batch);
            }
        }
        let records = reading.end().records;
        records.into_iter().map(|stored| (stored.offset, stored.content)).filter(|&(at, _)| at >= offset).collect()
    }
}

/// Longest time that a broker gets for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A reader comes a little later than the last writer: followers have fetched by then.
const SOON: Duration = Duration::from_millis(100);

/// The next thing that brokers do by themselves, with the time that passes until then; `None`: nothing up to `until`.
fn wake_up<O: Observer>(cluster: &mut Cluster<O>, now: &mut Now, until: Instant) -> Option<ClusterOutput> {
    match cluster.poll_output() {
        ClusterOutput::Wait { until: Some(due) } if due <= until => {
            let later = due.saturating_since(now.instant());
            now.elapsed_us = now.elapsed_us.max(due.as_micros());
            now.wall_ms = now.wall_ms.saturating_add(i64::try_from(later.as_millis()).unwrap_or(i64::MAX));
            cluster.handle_input(*now, ClusterInput::Wake);
            Some(ClusterOutput::Wait { until: Some(due) })
        }
        ClusterOutput::Wait { .. } => None,
        output => Some(output),
    }
}

/// Asks one broker on a connection of its own, and lets time pass until it has answered.
fn ask<O: Observer>(
    cluster: &mut Cluster<O>,
    now: &mut Now,
    node: NodeId,
    version: i16,
    body: Request,
) -> Option<Response> {
    let link = LinkId { client: u32::MAX, connection: ConnectionId(0) };
    let header = RequestHeader { api: ApiKey::Fetch, version, correlation: CorrelationId(0), client_id: None };
    let patience_ends = now.instant() + PATIENCE;
    cluster.handle_input(*now, ClusterInput::Opened { link, node });
    cluster.handle_input(*now, ClusterInput::Request { link, header, body });
    let answer = loop {
        match wake_up(cluster, now, patience_ends) {
            Some(ClusterOutput::Respond { link: to, response, .. }) if to == link => break Some(response),
            Some(_) => {}
            None => break None,
        }
    };
    cluster.handle_input(*now, ClusterInput::Closed { link });
    answer
}
