//! The stage: a producer, a clock that moves when told, and brokers that answer everything but Produce by themselves.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::config::ProducerConfig;
use crate::error::{ErrorCode, ProducerError};
use crate::ids::{BatchId, BrokerAddress, ConnectionId, Lane, NodeId, ProducerIndex, TopicId};
use crate::io::{BatchCompletion, DisconnectReason, Input, OutgoingRequest, Output, WaitReason};
use crate::producer::{Producer, SendAttempt, SendRefusal, Sent};
use crate::protocol::{
    ApiVersionRange, ApiVersionsResponse, InitProducerIdResponse, LeaderIdAndEpoch, MetadataBroker, MetadataPartition,
    MetadataResponse, MetadataTopic, ProducePartitionResponse, ProduceRequest, ProduceResponse, ProduceTopicResponse,
    Request, Response,
};
use crate::record::Record;
use crate::record_batch::BatchView;
use crate::time::{Instant, Now};
use crate::trace::{Fact, TraceBuffer};
use crate::versions::advertised_versions;

/// Far more outputs than any story has: a producer that never comes to rest fails its test instead of keeping it.
const MOST_OUTPUTS: u32 = 200_000;

/// Of every story's draws. Which of several brokers is asked first is chance, and some stories begin with it.
const SEED: u64 = 9;

/// The wall clock when a story begins.
pub(super) const MIDNIGHT: i64 = 1_700_000_000_000;

/// A Produce request that waits for its answer.
#[derive(Clone, Debug)]
pub(super) struct Carried {
    pub(super) connection: ConnectionId,
    pub(super) node: NodeId,
    pub(super) request: OutgoingRequest,
}

impl Carried {
    pub(super) fn body(&self) -> &ProduceRequest {
        match &self.request.body {
            Request::Produce(body) => body,
            other => panic!("not Produce: {other:?}"),
        }
    }

    /// (partition, values as text, base sequence, epoch) of each batch.
    pub(super) fn batches(&self) -> Vec<(i32, Vec<String>, i32, i16)> {
        let partitions = self.body().topics.iter().flat_map(|topic| &topic.partitions);
        let read = |records: &[u8]| {
            let batch = BatchView::parse(records).expect("a batch");
            batch.verify_crc().expect("a sound batch");
            let text = |value: Option<&[u8]>| String::from_utf8_lossy(value.unwrap_or_default()).into_owned();
            let plain = batch.plain_records().expect("decompressed");
            let values = batch.records_in(&plain).map(|record| text(record.expect("a record").value)).collect();
            (values, batch.base_sequence(), batch.producer_epoch())
        };
        partitions
            .map(|partition| {
                let (values, sequence, epoch) = read(&partition.records);
                (partition.partition, values, sequence, epoch)
            })
            .collect()
    }

    /// Values of its only batch, run together.
    pub(super) fn values(&self) -> String {
        self.batches().into_iter().flat_map(|(_, values, ..)| values).collect()
    }
}

/// What the metadata answers say of one partition: leader and epoch.
pub(super) type Led = (i32, i32);

#[derive(Clone)]
pub(super) struct Story {
    pub(super) producer: Producer<TraceBuffer>,
    pub(super) now_us: u64,
    /// How far the wall clock is from what it should be.
    pub(super) wall_jump_ms: i64,
    pub(super) brokers: i32,
    /// By partition of topic "t".
    pub(super) led: Vec<Led>,
    pub(super) topic_error: ErrorCode,
    pub(super) topic_id: TopicId,
    pub(super) next_producer_id: i64,
    /// Epoch of the ids granted to idempotent producers.
    pub(super) next_epoch: i16,
    /// What brokers say they speak.
    pub(super) api_keys: Vec<ApiVersionRange>,
    /// Level of `transaction.version` that brokers tell.
    pub(super) transaction_version: i16,
    /// Of the state of the cluster's features that brokers tell.
    pub(super) features_epoch: Option<i64>,
    /// What metadata answers say of all that they tell.
    pub(super) metadata_error: ErrorCode,
    /// The broker that coordinates.
    pub(super) coordinator: i32,
    /// Requests other than Produce that are left alone when true.
    pub(super) hold_questions: bool,
    /// Connections are refused when true.
    pub(super) refuse_connections: bool,
    /// Every broker listens so many ports above the one it had at first, and nobody where it was.
    pub(super) moved_by: i32,
    pub(super) questions: VecDeque<(ConnectionId, OutgoingRequest)>,
    /// Questions of transactions, which wait until the story answers them.
    pub(super) to_coordinators: VecDeque<(ConnectionId, OutgoingRequest)>,
    pub(super) dials: Vec<(u64, NodeId)>,
    pub(super) closed: Vec<ConnectionId>,
    pub(super) carried: Vec<Carried>,
    pub(super) completed: Vec<BatchCompletion>,
    pub(super) asked: Vec<&'static str>,
    pub(super) may_proceed: u32,
    pub(super) wait: (Option<u64>, WaitReason),
    pub(super) facts: Vec<Fact>,
    /// Taken so far.
    outputs: u32,
    nodes: Vec<(ConnectionId, NodeId)>,
}

impl Story {
    /// One broker, one partition led by it.
    pub(super) fn new(properties: &[(&str, &str)]) -> Self {
        Self::with(1, 1, properties)
    }

    /// So many brokers, numbered from 1, and partitions of topic "t", led in turn. Nothing has happened yet.
    pub(super) fn with(brokers: i32, partitions: i32, properties: &[(&str, &str)]) -> Self {
        let (config, _) = ProducerConfig::from_properties(properties.iter().copied()).expect("accepted");
        let observer = TraceBuffer::new(Lane(0), ProducerIndex(0)).with_budgets(1 << 20, 1 << 20);
        let bootstrap = vec![BrokerAddress { host: "boot".into(), port: 9092 }];
        Self {
            producer: Producer::new(Arc::new(config), bootstrap, SEED, observer),
            now_us: 0,
            wall_jump_ms: 0,
            brokers,
            led: (0..partitions).map(|partition| (1 + partition % brokers, 0)).collect(),
            topic_error: ErrorCode::NONE,
            topic_id: TopicId([7; 16]),
            next_producer_id: 1_000,
            next_epoch: 0,
            api_keys: advertised_versions(),
            transaction_version: 0,
            features_epoch: Some(0),
            metadata_error: ErrorCode::NONE,
            coordinator: 2,
            hold_questions: false,
            refuse_connections: false,
            moved_by: 0,
            questions: VecDeque::new(),
            to_coordinators: VecDeque::new(),
            dials: Vec::new(),
            closed: Vec::new(),
            carried: Vec::new(),
            completed: Vec::new(),
            asked: Vec::new(),
            may_proceed: 0,
            wait: (None, WaitReason::Idle),
            facts: Vec::new(),
            outputs: 0,
            nodes: Vec::new(),
        }
    }

    /// Everything known that can be: brokers, topic "t", a producer id, a connection to each leader.
    pub(super) fn started(mut self) -> Self {
        self.settle();
        assert!(self.producer.partition_count(self.now(), "t").is_none());
        self.settle();
        self
    }

    pub(super) fn now(&self) -> Now {
        let ms = i64::try_from(self.now_us / 1_000).expect("small");
        Now { elapsed_us: self.now_us, wall_ms: MIDNIGHT + self.wall_jump_ms + ms }
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.now_us / 1_000
    }

    pub(super) fn input(&mut self, input: Input) {
        self.producer.handle_input(self.now(), input);
        self.settle();
    }

    /// Drains outputs to the wait, answering what is answered by itself.
    pub(super) fn settle(&mut self) {
        loop {
            self.outputs += 1;
            assert!(self.outputs < MOST_OUTPUTS, "never comes to rest: {:?} at {} us", self.wait, self.now_us);
            match self.producer.poll_output(self.now()) {
                Output::Wait { .. } if !self.hold_questions && self.answer_one_in_turn() => {}
                Output::Wait { until, why } => {
                    assert!(until.is_none_or(|until| until > self.now().instant()), "a wait that is over: {why:?}");
                    self.wait = (until.map(Instant::as_micros), why);
                    let events = self.producer.observer_mut().take();
                    self.facts.extend(events.into_iter().map(|event| event.what));
                    return;
                }
                Output::Connect { connection, node, address } => {
                    self.dials.push((self.now_ms(), node));
                    self.nodes.push((connection, node));
                    let is_gone = self.moved_by > 0 && i32::from(address.port) == 9_000 + node.0;
                    let input = if self.refuse_connections || is_gone {
                        let why = DisconnectReason::ConnectFailed("refused".into());
                        Input::Disconnected { connection, why }
                    } else {
                        Input::Connected { connection }
                    };
                    self.producer.handle_input(self.now(), input);
                }
                Output::Close { connection } => self.closed.push(connection),
                Output::Completed(completion) => self.completed.push(completion),
                Output::SendsMayProceed => self.may_proceed += 1,
                Output::Transmit { connection, request } => self.on_request(connection, request),
            }
        }
    }

    fn on_request(&mut self, connection: ConnectionId, request: OutgoingRequest) {
        let (connection_was, node) =
            *self.nodes.iter().find(|(known, _)| *known == connection).expect("a connection made before");
        assert_eq!(connection_was, connection);
        match &request.body {
            Request::Produce(_) => {
                self.carried.push(Carried { connection, node, request });
            }
            Request::ApiVersions(_) => self.on_question("ApiVersions", connection, request),
            Request::Metadata(_) => self.on_question("Metadata", connection, request),
            Request::InitProducerId(asked) if asked.transactional_id.is_none() => {
                self.on_question("InitProducerId", connection, request);
            }
            _ => self.to_coordinators.push_back((connection, request)),
        }
    }

    fn on_question(&mut self, name: &'static str, connection: ConnectionId, request: OutgoingRequest) {
        self.asked.push(name);
        self.questions.push_back((connection, request));
    }

    /// Answers the oldest question that nothing the story must answer stands before on its connection.
    fn answer_one_in_turn(&mut self) -> bool {
        let is_next = |(connection, request): &(ConnectionId, OutgoingRequest)| {
            let is_before = |(other, before): (ConnectionId, &OutgoingRequest)| {
                other == *connection && before.header.correlation < request.header.correlation
            };
            let carried = self.carried.iter().map(|carried| (carried.connection, &carried.request));
            let asked = self.to_coordinators.iter().map(|(connection, request)| (*connection, request));
            !carried.chain(asked).any(is_before)
        };
        let place = self.questions.iter().position(is_next);
        if let Some(place) = place {
            let question = self.questions.remove(place).expect("there");
            self.questions.push_front(question);
            self.answer_question();
        }
        place.is_some()
    }

    /// Answers the oldest question as a sound cluster would.
    pub(super) fn answer_question(&mut self) {
        let (connection, request) = self.questions.pop_front().expect("a question");
        let response = match &request.body {
            Request::ApiVersions(_) => Response::ApiVersions(ApiVersionsResponse {
                api_keys: self.api_keys.clone(),
                finalized_features_epoch: self.features_epoch,
                transaction_version: self.transaction_version,
                ..ApiVersionsResponse::default()
            }),
            Request::Metadata(asked) => {
                let topics = asked.topics.clone().expect("never all topics");
                Response::Metadata(self.metadata(&topics))
            }
            Request::InitProducerId(_) => {
                let producer_id = self.next_producer_id;
                self.next_producer_id += 1;
                let granted = InitProducerIdResponse {
                    throttle_time_ms: 0,
                    error: ErrorCode::NONE,
                    producer_id,
                    producer_epoch: self.next_epoch,
                };
                Response::InitProducerId(granted)
            }
            other => panic!("{other:?}"),
        };
        let correlation = request.header.correlation;
        self.producer.handle_input(self.now(), Input::Received { connection, correlation, response });
    }

    /// The cluster as it is.
    pub(super) fn metadata(&self, topics: &[Arc<str>]) -> MetadataResponse {
        let broker = |number| MetadataBroker {
            node: NodeId(number),
            host: "broker".into(),
            port: 9_000 + number + self.moved_by,
            rack: None,
        };
        let partitions: Vec<_> = (0..)
            .zip(&self.led)
            .map(|(partition, &(leader, leader_epoch))| MetadataPartition {
                partition,
                leader: NodeId(leader),
                leader_epoch,
                error: if leader < 0 { ErrorCode::LEADER_NOT_AVAILABLE } else { ErrorCode::NONE },
                ..MetadataPartition::default()
            })
            .collect();
        let topic = |name: &Arc<str>| MetadataTopic {
            error: self.topic_error,
            name: Arc::clone(name),
            id: self.topic_id,
            is_internal: false,
            partitions: if self.topic_error.is_none() { partitions.clone() } else { Vec::new() },
        };
        MetadataResponse {
            brokers: (1..=self.brokers).map(broker).collect(),
            topics: topics.iter().map(topic).collect(),
            error: self.metadata_error,
            ..MetadataResponse::default()
        }
    }

    /// Moves the clock, waking the producer whenever it asked to be.
    pub(super) fn at_ms(&mut self, ms: u64) {
        let target = ms * 1_000;
        assert!(target >= self.now_us, "time does not go back");
        while let (Some(until), _) = self.wait
            && until <= target
        {
            self.now_us = until;
            self.input(Input::Wake);
        }
        self.now_us = target;
    }

    /// Calls `send` once with a fresh attempt, and drains if that is called for.
    pub(super) fn send(&mut self, record: &Record<'_>) -> Result<Sent, SendRefusal> {
        self.try_send(&mut SendAttempt::default(), record)
    }

    pub(super) fn try_send(&mut self, attempt: &mut SendAttempt, record: &Record<'_>) -> Result<Sent, SendRefusal> {
        let result = self.producer.send(self.now(), attempt, record);
        if result.as_ref().map_or(true, |sent| sent.wakes_sender) {
            self.settle();
        }
        result
    }

    /// Sends a value to a partition of "t"; it must be taken.
    pub(super) fn put(&mut self, partition: i32, value: &str) -> BatchId {
        self.send(&record(partition, value)).expect("taken").batch
    }

    /// Answers the oldest Produce request that has none: every batch stored at this offset.
    pub(super) fn store(&mut self, base_offset: i64) -> Carried {
        self.reply(|told| told.base_offset = base_offset)
    }

    /// Answers the oldest Produce request: every batch refused.
    pub(super) fn refuse(&mut self, error: ErrorCode) -> Carried {
        self.reply(|told| {
            told.error = error;
            told.base_offset = -1;
        })
    }

    pub(super) fn refuse_with_leader(&mut self, error: ErrorCode, leader: i32, epoch: i32) -> Carried {
        self.reply(|told| {
            told.error = error;
            told.current_leader = Some(LeaderIdAndEpoch { leader: NodeId(leader), epoch });
        })
    }

    pub(super) fn reply(&mut self, change: impl Fn(&mut ProducePartitionResponse)) -> Carried {
        let carried = self.carried.remove(0);
        let mut response = sound_answer(&carried);
        for told in response.topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
            change(told);
        }
        self.receive(&carried, response);
        carried
    }

    /// Answers the oldest Produce request: every batch stored, and now a pause is wanted.
    pub(super) fn throttle(&mut self, throttle_time_ms: i32) {
        let carried = self.carried.remove(0);
        self.receive(&carried, ProduceResponse { throttle_time_ms, ..sound_answer(&carried) });
    }

    pub(super) fn receive(&mut self, carried: &Carried, response: ProduceResponse) {
        let (connection, correlation) = (carried.connection, carried.request.header.correlation);
        self.input(Input::Received { connection, correlation, response: Response::Produce(response) });
    }

    /// The connection of a request breaks.
    pub(super) fn break_connection(&mut self, carried: &Carried) {
        self.break_off(carried.connection);
    }

    pub(super) fn break_off(&mut self, connection: ConnectionId) {
        self.carried.retain(|other| other.connection != connection);
        self.questions.retain(|(other, _)| *other != connection);
        self.to_coordinators.retain(|(other, _)| *other != connection);
        self.input(Input::Disconnected { connection, why: DisconnectReason::ClosedByPeer });
    }

    /// Every connection breaks.
    pub(super) fn break_all(&mut self) {
        self.carried.clear();
        self.to_coordinators.clear();
        for (connection, _) in self.nodes.clone() {
            self.input(Input::Disconnected { connection, why: DisconnectReason::ClosedByPeer });
        }
    }

    /// Values of the carried requests, in order.
    pub(super) fn carried_values(&self) -> Vec<String> {
        self.carried.iter().map(Carried::values).collect()
    }
}

/// NONE for every batch of a request.
pub(super) fn sound_answer(carried: &Carried) -> ProduceResponse {
    let stored = |partition: i32| ProducePartitionResponse {
        partition,
        log_append_time_ms: -1,
        ..ProducePartitionResponse::default()
    };
    let topics = carried.body().topics.iter();
    ProduceResponse {
        topics: topics
            .map(|topic| ProduceTopicResponse {
                name: Arc::clone(&topic.name),
                id: topic.id,
                partitions: topic.partitions.iter().map(|told| stored(told.partition)).collect(),
            })
            .collect(),
        ..ProduceResponse::default()
    }
}

/// What `send` answers to a record it will never take.
pub(super) fn failed(partition: Option<i32>, error: ProducerError) -> SendRefusal {
    SendRefusal::Failed { error, partition }
}

pub(super) fn record(partition: i32, value: &str) -> Record<'_> {
    Record {
        topic: "t",
        partition: Some(partition),
        timestamp_ms: None,
        key: None,
        value: Some(value.as_bytes()),
        headers: &[],
    }
}
