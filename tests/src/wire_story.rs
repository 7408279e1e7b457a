//! The same requests, one after the other, to any broker: what it answers is told line by line. Producer ids are
//! counted in the order in which they appear, for every cluster has its own.

use std::fmt::Debug;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::wire_client::{WireClient, once_ready};
use anyhow::{Context as _, Result, ensure};
use bytes::{Bytes, BytesMut};
use producer_core::error::ErrorCode;
use producer_core::ids::{ProducerIdentity, TopicId};
use producer_core::protocol::*;
use producer_core::record_batch::{BatchBuilder, BatchView, Stamp};

/// Isolation level of a careful reader.
pub const READ_COMMITTED: i8 = 1;
/// Isolation level of a reader of everything.
pub const READ_UNCOMMITTED: i8 = 0;

/// Longer than the ten seconds between two sweeps for transactions that take too long.
const SWEEP_PATIENCE: Duration = Duration::from_secs(60);

/// The time of every record: the beginning of the test, for Kafka opens a new segment of the log where a record is a week
/// younger than the segment's first, and a fetch ends with its segment.
pub fn timestamp_ms() -> i64 {
    static BEGINNING: OnceLock<i64> = OnceLock::new();
    *BEGINNING.get_or_init(|| {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        i64::try_from(since_1970.as_millis()).expect("before the year 292 million")
    })
}

/// One teller: a connection, what it heard so far, and the producer ids it has seen. Whatever it is asked to do fails when
/// the broker closes the connection, or is not ready within a minute.
pub struct Teller {
    client: WireClient,
    heard: Vec<String>,
    ids: Vec<i64>,
}

impl Teller {
    /// Connects to a broker on this machine.
    pub fn connect(port: u16) -> Result<Self> {
        Ok(Self { client: WireClient::connect(port)?, heard: Vec::new(), ids: Vec::new() })
    }

    /// Everything told.
    pub fn finish(self) -> Vec<String> {
        self.heard
    }

    /// Notes what was heard.
    pub fn tell(&mut self, what: &str, heard: impl Debug) {
        self.heard.push(format!("{what}: {heard:?}"));
    }

    /// A producer id by the order of its appearance; −1 is nobody's.
    fn named(&mut self, id: i64) -> i64 {
        if id < 0 {
            return id;
        }
        let place = self.ids.iter().position(|&known| known == id).unwrap_or_else(|| {
            self.ids.push(id);
            self.ids.len() - 1
        });
        i64::try_from(place).expect("few producers")
    }

    /// Creates a topic with two partitions, if it is not there, and waits for its leaders.
    pub fn create_topic(&mut self, name: &str) -> Result<()> {
        let topic = NewTopic {
            name: name.into(),
            num_partitions: 2,
            replication_factor: 1,
            configs: Vec::new(),
            assignments: Vec::new(),
        };
        let body = CreateTopicsRequest { topics: vec![topic], timeout_ms: 30_000, validate_only: false };
        let Response::CreateTopics(created) = self.client.ask(7, Request::CreateTopics(body))? else { unreachable!() };
        let error = created.topics[0].error;
        ensure!(error.is_none() || error == ErrorCode::TOPIC_ALREADY_EXISTS, "{name}: {error}");
        // A young topic may have no leader for a moment.
        once_ready(|| {
            let topics = Some(vec![name.into()]);
            let body =
                Request::Metadata(MetadataRequest { topics, allow_auto_topic_creation: false, ..Default::default() });
            let Response::Metadata(body) = self.client.ask(11, body)? else { unreachable!() };
            let partitions = &body.topics[0].partitions;
            let found = partitions.iter().map(|partition| partition.error).max().unwrap_or_default();
            let error = body.topics[0].error.max(found);
            Ok((error, ()))
        })
    }

    /// InitProducerId as it is answered, the coordinator's getting ready aside.
    pub fn init_once(&mut self, version: i16, request: InitProducerIdRequest) -> Result<InitProducerIdResponse> {
        once_ready(|| {
            let body = Request::InitProducerId(request.clone());
            let Response::InitProducerId(answer) = self.client.ask(version, body)? else { unreachable!() };
            let is_meant = answer.error == ErrorCode::CONCURRENT_TRANSACTIONS;
            Ok((if is_meant { ErrorCode::NONE } else { answer.error }, answer))
        })
        .context("InitProducerId")
    }

    /// InitProducerId, told; asked again as long as the transaction before is being ended.
    pub fn init(&mut self, what: &str, id: &str, expected: Option<ProducerIdentity>) -> Result<ProducerIdentity> {
        let answer = once_ready(|| {
            let answer = self.init_once(5, init_request(id, 60_000, expected))?;
            Ok((answer.error, answer))
        })
        .with_context(|| what.to_owned())?;
        let named = self.named(answer.producer_id);
        self.tell(what, (answer.error, named, answer.producer_epoch));
        Ok(ProducerIdentity { id: answer.producer_id, epoch: answer.producer_epoch })
    }

    /// EndTxn, told; asked again as long as an end is on its way.
    pub fn end(
        &mut self,
        what: &str,
        version: i16,
        id: &str,
        identity: ProducerIdentity,
        committed: bool,
    ) -> Result<ProducerIdentity> {
        let request = EndTxnRequest { transactional_id: id.into(), identity, committed };
        let answer = once_ready(|| {
            let body = Request::EndTxn(request.clone());
            let Response::EndTxn(answer) = self.client.ask(version, body)? else { unreachable!() };
            Ok((answer.error, answer))
        })?;
        let named = self.named(answer.producer_id);
        self.tell(what, (answer.error, named, answer.producer_epoch));
        Ok(ProducerIdentity { id: answer.producer_id, epoch: answer.producer_epoch })
    }

    /// Produce, told; asked again as long as an end is on its way.
    pub fn produce(
        &mut self,
        what: &str,
        version: i16,
        id: Option<&str>,
        topic: &str,
        batches: &[(i32, Bytes)],
    ) -> Result<()> {
        let answers = once_ready(|| {
            let partitions = batches
                .iter()
                .map(|(partition, records)| ProducePartition { partition: *partition, records: records.clone() });
            let topic = ProduceTopic { name: topic.into(), id: TopicId::default(), partitions: partitions.collect() };
            let body = ProduceRequest {
                transactional_id: id.map(Into::into),
                acks: -1,
                timeout_ms: 30_000,
                topics: vec![topic],
            };
            let Response::Produce(mut body) = self.client.ask(version, Request::Produce(body))? else { unreachable!() };
            let mut partitions = body.topics.remove(0).partitions;
            partitions.sort_by_key(|partition| partition.partition);
            Ok((partitions.iter().map(|partition| partition.error).max().unwrap_or_default(), partitions))
        })?;
        for answer in answers {
            let told = (answer.partition, answer.error, answer.base_offset, answer.log_start_offset);
            self.tell(what, (told, answer.error_message));
        }
        Ok(())
    }

    /// AddPartitionsToTxn, told; asked again as long as an end is on its way.
    pub fn add_partitions(
        &mut self,
        what: &str,
        version: i16,
        id: &str,
        identity: ProducerIdentity,
        topics: &[(&str, &[i32])],
    ) -> Result<()> {
        let topics = topics
            .iter()
            .map(|&(name, partitions)| TopicPartitions { name: name.into(), partitions: partitions.to_vec() });
        let request = AddPartitionsToTxnRequest { transactional_id: id.into(), identity, topics: topics.collect() };
        let mut topics = once_ready(|| {
            let body = Request::AddPartitionsToTxn(request.clone());
            let Response::AddPartitionsToTxn(body) = self.client.ask(version, body)? else { unreachable!() };
            let errors = body.topics.iter().flat_map(|topic| &topic.partitions).map(|&(_, error)| error);
            // UNKNOWN_TOPIC_OR_PARTITION is retriable, but meant to be heard.
            let waits = errors.into_iter().find(|&error| error == ErrorCode::CONCURRENT_TRANSACTIONS);
            Ok((waits.unwrap_or_default(), body.topics))
        })?;
        topics.sort_by(|left, right| left.name.cmp(&right.name));
        for topic in &mut topics {
            topic.partitions.sort();
        }
        self.tell(what, topics.iter().map(|topic| (&*topic.name, &topic.partitions)).collect::<Vec<_>>());
        Ok(())
    }

    /// AddOffsetsToTxn, told; asked again as long as an end is on its way.
    pub fn add_offsets(
        &mut self,
        what: &str,
        version: i16,
        id: &str,
        identity: ProducerIdentity,
        group: &str,
    ) -> Result<()> {
        let request = AddOffsetsToTxnRequest { transactional_id: id.into(), identity, group: group.into() };
        let error = once_ready(|| {
            let body = Request::AddOffsetsToTxn(request.clone());
            let Response::AddOffsetsToTxn(body) = self.client.ask(version, body)? else { unreachable!() };
            Ok((body.error, body.error))
        })?;
        self.tell(what, error);
        Ok(())
    }

    /// TxnOffsetCommit, told; asked again as long as the group's coordinator gets ready or an end is on its way.
    pub fn commit_offsets(&mut self, what: &str, version: i16, request: &TxnOffsetCommitRequest) -> Result<()> {
        let topics = once_ready(|| {
            let body = Request::TxnOffsetCommit(request.clone());
            let Response::TxnOffsetCommit(body) = self.client.ask(version, body)? else { unreachable!() };
            let mut errors = body.topics.iter().flat_map(|topic| &topic.partitions).map(|&(_, error)| error);
            // Of the retriable ones UNKNOWN_TOPIC_OR_PARTITION is meant to be heard.
            let waits = errors.find(|error| error.is_retriable() && *error != ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
            Ok((waits.unwrap_or_default(), body.topics))
        })?;
        self.tell(what, topics.iter().map(|topic| (&*topic.name, &topic.partitions)).collect::<Vec<_>>());
        Ok(())
    }

    /// Waits until no transaction can change the group's offsets any more: they are decided after an end is answered.
    pub fn offsets_settle(&mut self, group: &str, topics: &[(&str, &[i32])]) -> Result<()> {
        let topics = topics
            .iter()
            .map(|&(name, partitions)| TopicPartitions { name: name.into(), partitions: partitions.to_vec() });
        let groups = vec![OffsetFetchGroup { group: group.into(), topics: Some(topics.collect()) }];
        let request = OffsetFetchRequest { groups, require_stable: true };
        once_ready(|| {
            let Response::OffsetFetch(body) = self.client.ask(9, Request::OffsetFetch(request.clone()))? else {
                unreachable!()
            };
            let topics = body.groups.iter().flat_map(|group| &group.topics);
            let errors = topics.flat_map(|topic| &topic.partitions).map(|partition| partition.error);
            Ok((errors.max().unwrap_or_default(), ()))
        })
    }

    /// OffsetFetch, told.
    pub fn fetch_offsets(
        &mut self,
        what: &str,
        version: i16,
        group: &str,
        topics: Option<&[(&str, &[i32])]>,
        require_stable: bool,
    ) -> Result<()> {
        let topics = topics.map(|topics| {
            let topic = |&(name, partitions): &(&str, &[i32])| TopicPartitions {
                name: name.into(),
                partitions: partitions.to_vec(),
            };
            topics.iter().map(topic).collect()
        });
        let request =
            OffsetFetchRequest { groups: vec![OffsetFetchGroup { group: group.into(), topics }], require_stable };
        let groups = once_ready(|| {
            let body = Request::OffsetFetch(request.clone());
            let Response::OffsetFetch(body) = self.client.ask(version, body)? else { unreachable!() };
            Ok((body.groups[0].error, body.groups))
        })?;
        for group in groups {
            let mut offsets: Vec<_> = group
                .topics
                .iter()
                .flat_map(|topic| topic.partitions.iter().map(|partition| (topic.name.clone(), partition.clone())))
                .collect();
            offsets.sort_by_key(|(name, partition)| (name.clone(), partition.partition));
            self.tell(what, (group.group, group.error, offsets));
        }
        Ok(())
    }

    /// Who coordinates, told as an error alone: clusters have addresses of their own.
    pub fn find_coordinator(&mut self, what: &str, version: i16, key_type: i8, key: &str) -> Result<()> {
        let error = once_ready(|| {
            let body = FindCoordinatorRequest { key_type, keys: vec![key.into()] };
            let Response::FindCoordinator(body) = self.client.ask(version, Request::FindCoordinator(body))? else {
                unreachable!()
            };
            Ok((body.coordinators[0].error, body.coordinators[0].clone()))
        })?;
        self.tell(what, (error.error, error.node));
        Ok(())
    }

    /// ListOffsets of partition 0, told.
    pub fn list_offsets(&mut self, what: &str, topic: &str, isolation_level: i8, timestamp_ms: i64) -> Result<()> {
        let partition = ListOffsetsPartition { partition: 0, current_leader_epoch: -1, timestamp_ms };
        let topics = vec![ListOffsetsTopic { name: topic.into(), partitions: vec![partition] }];
        let body = Request::ListOffsets(ListOffsetsRequest { isolation_level, topics });
        let Response::ListOffsets(body) = self.client.ask(7, body)? else { unreachable!() };
        let found = &body.topics[0].partitions[0];
        self.tell(what, (found.error, found.offset, found.leader_epoch));
        Ok(())
    }

    fn fetch(&mut self, version: i16, topic: &str, isolation_level: i8, offset: i64) -> Result<FetchPartitionResponse> {
        let partition =
            FetchPartition { partition: 0, current_leader_epoch: -1, fetch_offset: offset, max_bytes: 1 << 20 };
        let topic = FetchTopic { name: topic.into(), id: TopicId::default(), partitions: vec![partition] };
        let body = Request::Fetch(FetchRequest {
            max_wait_ms: 0,
            min_bytes: 0,
            max_bytes: 1 << 20,
            isolation_level,
            session_id: 0,
            session_epoch: -1,
            topics: vec![topic],
        });
        let Response::Fetch(mut body) = self.client.ask(version, body)? else { unreachable!() };
        Ok(body.topics.remove(0).partitions.remove(0))
    }

    /// Waits until partition 0 ends at `end`, for markers are written after an end is answered; gives what a fetch from
    /// `offset` on gets then.
    pub fn settle(
        &mut self,
        topic: &str,
        isolation_level: i8,
        offset: i64,
        end: i64,
    ) -> Result<FetchPartitionResponse> {
        let deadline = Instant::now() + SWEEP_PATIENCE;
        loop {
            let fetched = self.fetch(12, topic, isolation_level, offset)?;
            let known = fetched.high_watermark;
            if known == end || !fetched.error.is_none() {
                return Ok(fetched);
            }
            ensure!(Instant::now() < deadline, "{topic}-0 ends at {known}, not at {end}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Partition 0 from an offset on, told batch by batch once it ends at `end`.
    pub fn read(&mut self, what: &str, topic: &str, isolation_level: i8, offset: i64, end: i64) -> Result<()> {
        let fetched = self.settle(topic, isolation_level, offset, end).with_context(|| what.to_owned())?;
        let aborted: Option<Vec<_>> = fetched
            .aborted_transactions
            .map(|aborted| aborted.iter().map(|found| (self.named(found.producer_id), found.first_offset)).collect());
        let marks = (fetched.error, fetched.high_watermark, fetched.last_stable_offset, fetched.log_start_offset);
        self.tell(what, (marks, aborted));
        for bytes in &fetched.batches {
            let batch = BatchView::parse(bytes)?;
            batch.verify_crc()?;
            let writer = (self.named(batch.producer_id()), batch.producer_epoch(), batch.base_sequence());
            let records: Vec<_> = batch
                .records()
                .map(|record| record.map(|record| (record.key.map(<[u8]>::to_vec), record.value.map(<[u8]>::to_vec))))
                .collect::<Result<_, _>>()
                .context("whole records")?;
            let place = (batch.base_offset(), batch.partition_leader_epoch());
            let kind = (batch.attributes(), batch.last_offset_delta(), batch.size_bytes());
            self.tell("  batch", (place, kind, writer, records));
        }
        Ok(())
    }
}

/// InitProducerId for a transactional id; `expected` is the identity that the producer has.
pub fn init_request(id: &str, timeout_ms: i32, expected: Option<ProducerIdentity>) -> InitProducerIdRequest {
    let (producer_id, producer_epoch) = expected.map_or((-1, -1), |expected| (expected.id, expected.epoch));
    let transactional_id = Some(id.into());
    InitProducerIdRequest { transactional_id, transaction_timeout_ms: timeout_ms, producer_id, producer_epoch }
}

/// A batch of one record per value, as a transactional producer closes it.
pub fn batch(identity: ProducerIdentity, base_sequence: i32, values: &[&str]) -> Bytes {
    stamped(Stamp { identity: Some(identity), base_sequence, transactional: true }, values)
}

/// A batch of one record per value.
pub fn stamped(stamp: Stamp, values: &[&str]) -> Bytes {
    let mut builder = BatchBuilder::new(BytesMut::new(), 1 << 16);
    for value in values {
        builder.try_append(timestamp_ms(), None, Some(value.as_bytes()), &[]);
    }
    builder.close(stamp)
}
