//! What is overheard between a producer and its driver ([`crate::io`]): the requests as they leave, and how each ends.
//!
//! This is the edge at which a socket stands: what a judge sees here, brokers see too.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::history::Moment;
use super::law;
use crate::error::ErrorCode;
use crate::ids::{ConnectionId, CorrelationId, NodeId, ProducerIdentity, ProducerIndex, TopicPartition};
use crate::io::{Input, OutgoingRequest, Output};
use crate::protocol::{ApiKey, MetadataTopic, ProduceRequest, ProduceResponse, Request, Response};
use crate::record_batch::BatchView;
use crate::time::{Instant, Now};
use crate::varint;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was answered.
    Answered,
    /// It was written, and wanted no answer (acks=0).
    Written,
    /// Its connection ended first.
    ConnectionEnded,
}

/// A batch on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchSeen {
    /// To which partition.
    pub partition: TopicPartition,
    /// Producer id and epoch, if any.
    pub identity: Option<ProducerIdentity>,
    /// Sequence of the first record, −1: none.
    pub base_sequence: i32,
    /// How many records.
    pub records: u32,
    /// Its size, header included.
    pub bytes: u32,
    /// What memory its first record asks for, header included; 0 where its records are compressed.
    pub first_record_bound: u32,
    /// The CRC it carries.
    pub crc: u32,
    /// Are its records compressed?
    pub is_compressed: bool,
    /// Is it part of a transaction?
    pub is_transactional: bool,
    /// Is it a whole batch of this format whose CRC is that of its bytes?
    pub is_sound: bool,
    /// What the broker said of it; `None`: nothing.
    pub answer: Option<ErrorCode>,
    /// The offset that the broker named; −1: none.
    pub base_offset: i64,
}

/// A request on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestSeen {
    /// From which producer.
    pub producer: ProducerIndex,
    /// On which connection.
    pub connection: ConnectionId,
    /// To which broker.
    pub node: NodeId,
    /// Which.
    pub correlation: CorrelationId,
    /// Of which API.
    pub api: ApiKey,
    /// Its batches (Produce).
    pub batches: Vec<BatchSeen>,
    /// When it left.
    pub sent: Moment,
    /// When and how it ended; `None`: it is under way.
    pub ended: Option<(Moment, End)>,
    /// What the answer says as a whole: NONE for one that says it batch by batch.
    pub error: ErrorCode,
    /// Does it want an answer? With acks=0 it does not.
    pub wants_answer: bool,
    /// Did a script answer instead of the broker?
    pub is_scripted: bool,
    /// The leader epochs that the answer tells of.
    pub leader_epochs: Vec<(TopicPartition, i32)>,
}

/// What a producer was woken for within one second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Second {
    pub(super) producer: ProducerIndex,
    /// Counted from the beginning.
    pub(super) number: u64,
    /// How often it was woken because time had passed.
    pub(super) wakes: u32,
    /// Did anything else happen to it?
    pub(super) is_busy: bool,
}

/// Everything that was overheard.
#[derive(Clone, Debug, Default)]
pub struct Wire {
    /// Requests in the order in which they left.
    pub requests: Vec<RequestSeen>,
    /// Seconds in which something happened, in order of time.
    pub(super) seconds: Vec<Second>,
    /// Requests under way, by their places.
    open: BTreeMap<(ProducerIndex, ConnectionId), Vec<usize>>,
    nodes: BTreeMap<(ProducerIndex, ConnectionId), NodeId>,
    turn: u64,
}

impl Wire {
    /// A producer asks something of its driver.
    pub fn on_output(&mut self, now: Now, producer: ProducerIndex, output: &Output) {
        let at = now.instant();
        match output {
            Output::Connect { connection, node, .. } => {
                self.nodes.insert((producer, *connection), *node);
            }
            Output::Transmit { connection, request } => self.on_request(at, producer, *connection, request),
            Output::Close { connection } => self.end_all(at, producer, *connection),
            Output::Wait { .. } => return,
            Output::Completed(_) | Output::SendsMayProceed => {}
        }
        self.second(at, producer).is_busy = true;
    }

    /// A driver tells a producer something.
    pub fn on_input(&mut self, now: Now, producer: ProducerIndex, input: &Input) {
        let at = now.instant();
        match input {
            Input::Wake => {
                self.second(at, producer).wakes += 1;
                return;
            }
            Input::Received { connection, correlation, response } => {
                if let Some(request) = self.end(at, producer, *connection, *correlation, End::Answered) {
                    answer(request, response);
                }
            }
            Input::Written { connection, correlation } => {
                let found = self.find(producer, *connection, *correlation);
                if found.is_some_and(|found| !self.requests[found].wants_answer) {
                    self.end(at, producer, *connection, *correlation, End::Written);
                }
            }
            Input::Disconnected { connection, .. } => self.end_all(at, producer, *connection),
            Input::Connected { .. } | Input::Stalled { .. } => {}
        }
        self.second(at, producer).is_busy = true;
    }

    /// A script answered this request: it is no broker's word.
    pub fn mark_scripted(&mut self, producer: ProducerIndex, connection: ConnectionId, correlation: CorrelationId) {
        let is_it = |request: &&mut RequestSeen| {
            (request.producer, request.connection, request.correlation) == (producer, connection, correlation)
        };
        if let Some(request) = self.requests.iter_mut().rev().find(is_it) {
            request.is_scripted = true;
        }
    }

    /// Batches in the order in which they left, each with its request's place.
    pub(super) fn batches(&self) -> impl Iterator<Item = (usize, &RequestSeen, &BatchSeen)> {
        let requests = self.requests.iter().enumerate();
        requests.flat_map(|(at, request)| request.batches.iter().map(move |batch| (at, request, batch)))
    }

    fn moment(&mut self, at: Instant) -> Moment {
        self.turn += 1;
        Moment { at, turn: self.turn }
    }

    fn second(&mut self, at: Instant, producer: ProducerIndex) -> &mut Second {
        let number = at.as_micros() / 1_000_000;
        let known = self.seconds.iter().rposition(|second| second.producer == producer);
        let known = known.filter(|&known| self.seconds[known].number == number);
        let place = known.unwrap_or_else(|| {
            self.seconds.push(Second { producer, number, wakes: 0, is_busy: false });
            self.seconds.len() - 1
        });
        &mut self.seconds[place]
    }

    fn on_request(
        &mut self,
        at: Instant,
        producer: ProducerIndex,
        connection: ConnectionId,
        request: &OutgoingRequest,
    ) {
        let batches = match &request.body {
            Request::Produce(produce) => batches_of(produce),
            _ => Vec::new(),
        };
        self.open.entry((producer, connection)).or_default().push(self.requests.len());
        let sent = self.moment(at);
        self.requests.push(RequestSeen {
            producer,
            connection,
            node: self.nodes.get(&(producer, connection)).copied().unwrap_or(NodeId(-1)),
            correlation: request.header.correlation,
            api: request.header.api,
            batches,
            sent,
            ended: None,
            error: ErrorCode::NONE,
            wants_answer: request.expects_response,
            is_scripted: false,
            leader_epochs: Vec::new(),
        });
    }

    fn find(&self, producer: ProducerIndex, connection: ConnectionId, correlation: CorrelationId) -> Option<usize> {
        let open = self.open.get(&(producer, connection))?;
        open.iter().copied().find(|&at| self.requests[at].correlation == correlation)
    }

    fn end(
        &mut self,
        at: Instant,
        producer: ProducerIndex,
        connection: ConnectionId,
        correlation: CorrelationId,
        how: End,
    ) -> Option<&mut RequestSeen> {
        let found = self.find(producer, connection, correlation)?;
        self.open.entry((producer, connection)).or_default().retain(|&open| open != found);
        let moment = self.moment(at);
        let request = &mut self.requests[found];
        request.ended = Some((moment, how));
        Some(request)
    }

    fn end_all(&mut self, at: Instant, producer: ProducerIndex, connection: ConnectionId) {
        let moment = self.moment(at);
        for open in self.open.remove(&(producer, connection)).unwrap_or_default() {
            self.requests[open].ended = Some((moment, End::ConnectionEnded));
        }
    }
}

fn batches_of(produce: &ProduceRequest) -> Vec<BatchSeen> {
    let mut seen = Vec::new();
    for topic in &produce.topics {
        for part in &topic.partitions {
            let partition = TopicPartition { topic: topic.name.clone(), partition: part.partition };
            seen.push(batch_seen(partition, &part.records));
        }
    }
    seen
}

fn batch_seen(partition: TopicPartition, bytes: &[u8]) -> BatchSeen {
    let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let nothing = BatchSeen {
        partition,
        identity: None,
        base_sequence: -1,
        records: 0,
        bytes: size,
        first_record_bound: 0,
        crc: 0,
        is_compressed: false,
        is_transactional: false,
        is_sound: false,
        answer: None,
        base_offset: -1,
    };
    let Ok(batch) = BatchView::parse(bytes) else { return nothing };
    BatchSeen {
        identity: batch.identity(),
        base_sequence: batch.base_sequence(),
        records: u32::try_from(batch.record_count()).unwrap_or(0),
        first_record_bound: if batch.codec() == 0 { first_record_bound(bytes) } else { 0 },
        crc: batch.crc(),
        is_compressed: batch.codec() != 0,
        is_transactional: batch.is_transactional(),
        is_sound: batch.size_bytes() == bytes.len() && sum_is_right(&batch),
        ..nothing
    }
}

/// The upper bound of a batch's first record (`AbstractRecords.estimateSizeInBytesUpperBound`): header, at most 21 bytes of
/// its own, key, value and headers. The latter are what its length counts, less attributes and two deltas of one byte.
fn first_record_bound(batch: &[u8]) -> u32 {
    const HEADER: u32 = 61;
    const MOST_BESIDE: u32 = 21;
    let mut records = batch.get(HEADER as usize..).unwrap_or_default();
    let length = varint::read_varint(&mut records).and_then(|length| u32::try_from(length).ok()).unwrap_or(0);
    HEADER + MOST_BESIDE + length.saturating_sub(3)
}

/// Is the CRC that a batch carries that of its bytes from the attributes on?
pub(super) fn sum_is_right(batch: &BatchView<'_>) -> bool {
    const ATTRIBUTES_AT: usize = 21;
    batch.as_bytes().get(ATTRIBUTES_AT..).is_some_and(|covered| law::crc32c(covered) == batch.crc())
}

fn answer(request: &mut RequestSeen, response: &Response) {
    match response {
        Response::Produce(response) => answer_batches(request, response),
        Response::InitProducerId(response) => request.error = response.error,
        Response::EndTxn(response) => request.error = response.error,
        Response::ApiVersions(response) => request.error = response.error,
        Response::Metadata(response) => {
            request.error = response.error;
            request.leader_epochs = response.topics.iter().flat_map(leader_epochs).collect();
        }
        _ => {}
    }
}

fn leader_epochs(topic: &MetadataTopic) -> impl Iterator<Item = (TopicPartition, i32)> {
    topic.partitions.iter().map(|told| {
        let partition = TopicPartition { topic: Arc::clone(&topic.name), partition: told.partition };
        (partition, told.leader_epoch)
    })
}

fn answer_batches(request: &mut RequestSeen, response: &ProduceResponse) {
    for topic in &response.topics {
        for told in &topic.partitions {
            // Where the answer names topics by their ids alone, it names them in the order of the request.
            let is_it = |batch: &&mut BatchSeen| {
                batch.partition.partition == told.partition
                    && batch.answer.is_none()
                    && (topic.name.is_empty() || topic.name == batch.partition.topic)
            };
            if let Some(batch) = request.batches.iter_mut().find(is_it) {
                batch.answer = Some(told.error);
                batch.base_offset = told.base_offset;
                let leader = told.current_leader.map(|leader| (batch.partition.clone(), leader.epoch));
                request.leader_epochs.extend(leader);
            }
        }
    }
}
