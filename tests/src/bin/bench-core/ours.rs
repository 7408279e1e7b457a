//! The producer, and a driver that answers its requests by itself.

use std::collections::VecDeque;
use std::sync::Arc;

use anyhow::Result;
use producer_core::config::ProducerConfig;
use producer_core::error::ErrorCode;
use producer_core::ids::{BrokerAddress, ConnectionId, NodeId, TopicId};
use producer_core::io::{Input, OutgoingRequest, Output};
use producer_core::producer::{Producer, SendAttempt};
use producer_core::protocol::{
    ApiVersionsResponse, InitProducerIdResponse, MetadataBroker, MetadataPartition, MetadataRequest, MetadataResponse,
    MetadataTopic, ProducePartitionResponse, ProduceRequest, ProduceResponse, ProduceTopicResponse, Request, Response,
    advertised_versions,
};
use producer_core::record::Record;
use producer_core::trace::Nobody;

use crate::sample::Samples;
use crate::{IDENTITY, NOW, TOPIC};

const BROKER: NodeId = NodeId(1);

/// What a meter moved by, step by step.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    pub(crate) records: u64,
    /// Calls with a `Now` beside those of `send`.
    pub(crate) other_calls: u64,
    /// In `send`.
    pub(crate) send: u64,
    /// From a batch that is full to the request that carries it.
    pub(crate) drain: u64,
    /// In the core, from an answer to the batch's completion. Making the answer is nobody's.
    pub(crate) answer: u64,
}

impl Spent {
    pub(crate) fn in_send(&self) -> u64 {
        self.send
    }

    /// What making batches took.
    pub(crate) fn in_batch(&self) -> u64 {
        self.send + self.drain
    }

    pub(crate) fn in_all(&self) -> u64 {
        self.send + self.drain + self.answer
    }

    pub(crate) fn per_record(&self, part: impl Fn(&Self) -> u64) -> f64 {
        part(self) as f64 / self.records as f64
    }
}

pub(crate) struct Ours {
    producer: Producer<Nobody>,
    /// Text of which the compiler knows nothing.
    topic: String,
    samples: Samples,
    /// Requests without an answer.
    out: VecDeque<(ConnectionId, OutgoingRequest)>,
    completed_batches: u64,
    records_per_batch: u32,
    calls: u64,
}

impl Ours {
    /// A producer that is in full swing: connected, with a producer id, its buffers in use before. A `metered` one counts what
    /// its metrics tell, which nobody reads.
    pub(crate) fn new(samples: Samples, batch_size: usize, metered: bool) -> Result<Self> {
        let properties = [("batch.size", batch_size.to_string())];
        let properties = properties.iter().map(|(key, value)| (*key, value.as_str()));
        let (config, _) = ProducerConfig::from_properties(properties)?;
        let bootstrap = vec![BrokerAddress { host: "localhost".into(), port: 9092 }];
        let producer = Producer::new(Arc::new(config), bootstrap, 7, Nobody);
        let producer = if metered { producer.metered(NOW) } else { producer };
        let mut ours = Self {
            producer,
            topic: TOPIC.into(),
            samples,
            out: VecDeque::new(),
            completed_batches: 0,
            records_per_batch: 0,
            calls: 0,
        };
        while ours.producer.partition_count(NOW, TOPIC).is_none() {
            ours.drain();
            ours.answer_all(|| 0, |_| {});
        }
        Ok(ours)
    }

    /// How many records fill a batch; known once one was completed.
    pub(crate) fn records_per_batch(&self) -> u32 {
        self.records_per_batch
    }

    /// Sends until so many batches are completed. `meter` is read between the steps, `look` sees each batch as it would
    /// go to the socket.
    pub(crate) fn run(&mut self, batches: u64, meter: impl Fn() -> u64, mut look: impl FnMut(&[u8])) -> Spent {
        let mut spent = Spent::default();
        let (end, calls) = (self.completed_batches + batches, self.calls);
        while self.completed_batches < end {
            let begin = meter();
            spent.records += self.fill();
            let full = meter();
            self.drain();
            spent.drain += meter() - full;
            spent.send += full - begin;
            spent.answer += self.answer_all(&meter, &mut look);
        }
        spent.other_calls = self.calls - calls;
        spent
    }

    /// Sends until there is work for the sender: a batch is full, and the next was opened for the last record.
    fn fill(&mut self) -> u64 {
        let mut records = 0;
        loop {
            let sample = self.samples.following();
            let (key, value) = (sample.key.as_deref(), Some(&sample.value[..]));
            let record = Record { key, value, ..Record::keyed(&self.topic, &[], &[]) };
            let sent = self.producer.send(NOW, &mut SendAttempt::default(), &record);
            records += 1;
            if sent.expect("memory suffices for five batches in flight").wakes_sender {
                return records;
            }
        }
    }

    /// Does what the producer asks for until it asks for nothing more.
    fn drain(&mut self) {
        loop {
            self.calls += 1;
            match self.producer.poll_output(NOW) {
                Output::Transmit { connection, request } => self.out.push_back((connection, request)),
                Output::Connect { connection, .. } => {
                    self.producer.handle_input(NOW, Input::Connected { connection });
                }
                Output::Completed(batch) => {
                    assert!(batch.result.is_ok(), "{:?}", batch.result);
                    self.completed_batches += 1;
                    self.records_per_batch = batch.record_count;
                }
                Output::SendsMayProceed => {}
                Output::Close { .. } => panic!("a connection without fault is closed"),
                Output::Wait { .. } => return,
            }
        }
    }

    fn answer_all(&mut self, meter: impl Fn() -> u64, mut look: impl FnMut(&[u8])) -> u64 {
        let mut spent = 0;
        while let Some((connection, request)) = self.out.pop_front() {
            let correlation = request.header.correlation;
            let response = answer(request.body, &mut look);
            let begin = meter();
            self.calls += 1;
            self.producer.handle_input(NOW, Input::Received { connection, correlation, response });
            self.drain();
            spent += meter() - begin;
        }
        spent
    }
}

/// A sound broker's answer. The request is dropped here, as after its last byte was written: its batch's buffer is the
/// producer's again.
fn answer(request: Request, look: impl FnMut(&[u8])) -> Response {
    match request {
        Request::ApiVersions(_) => Response::ApiVersions(ApiVersionsResponse {
            api_keys: advertised_versions(),
            ..ApiVersionsResponse::default()
        }),
        Request::Metadata(asked) => Response::Metadata(metadata(asked)),
        Request::InitProducerId(_) => Response::InitProducerId(InitProducerIdResponse {
            throttle_time_ms: 0,
            error: ErrorCode::NONE,
            producer_id: IDENTITY.id,
            producer_epoch: IDENTITY.epoch,
        }),
        Request::Produce(produce) => Response::Produce(stored(produce, look)),
        other => panic!("a producer does not ask for {:?}", other.api()),
    }
}

fn metadata(asked: MetadataRequest) -> MetadataResponse {
    let broker = MetadataBroker { node: BROKER, host: "localhost".into(), port: 9092, rack: None };
    let partition = MetadataPartition { leader: BROKER, ..MetadataPartition::default() };
    let id = TopicId([7; 16]);
    let topic = |name| MetadataTopic { name, id, partitions: vec![partition.clone()], ..MetadataTopic::default() };
    let topics = asked.topics.unwrap_or_default().into_iter().map(topic).collect();
    MetadataResponse { brokers: vec![broker], topics, ..MetadataResponse::default() }
}

fn stored(request: ProduceRequest, mut look: impl FnMut(&[u8])) -> ProduceResponse {
    let mut response = ProduceResponse::default();
    for topic in request.topics {
        let mut partitions = Vec::new();
        for batch in topic.partitions {
            look(&batch.records);
            partitions.push(ProducePartitionResponse {
                partition: batch.partition,
                log_append_time_ms: -1,
                ..ProducePartitionResponse::default()
            });
        }
        response.topics.push(ProduceTopicResponse { name: topic.name, id: topic.id, partitions });
    }
    response
}
