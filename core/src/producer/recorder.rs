//! Keeps what happens until somebody reads it.

use std::collections::BTreeMap;
use std::sync::Arc;

use core::time::Duration;

use crate::ids::NodeId;
use crate::metrics::{
    LoopTimes, Metric, MetricValue, NEVER_RECORDED, NodeSensor, PER_NODE, PER_TOPIC, PRODUCER, Sensor, Series,
    TimedCall, TopicSensor, Traffic, Values, Windows,
};
use crate::time::Instant;

use super::meter::Event;
use super::topics::TopicIndex;

/// The sensors of a producer, of its topics and of its brokers.
#[derive(Clone, Debug)]
pub(super) struct Recorder {
    windows: Windows,
    /// When the producer was made, in milliseconds since 1970.
    pub(super) started_at_ms: i64,
    /// Does the driver tell how its thread spends its time?
    pub(super) times_loop: bool,
    producer: Vec<Series>,
    /// By topic, from its first drain on.
    topics: Vec<Option<Vec<Series>>>,
    /// From the first that is heard of a connection to the broker on.
    nodes: BTreeMap<NodeId, Vec<Series>>,
}

impl Recorder {
    pub(super) fn new(windows: Windows, started_at_ms: i64) -> Self {
        let producer = Series::of_all(PRODUCER);
        Self { windows, started_at_ms, times_loop: false, producer, topics: Vec::new(), nodes: BTreeMap::new() }
    }

    pub(super) fn note(&mut self, now: Instant, event: Event) {
        match event {
            Event::Drained { topic, records, bytes, compression_ratio, queued_ms, largest_record } => {
                self.know_topic(topic);
                self.record_topic(now, topic, TopicSensor::Records, records);
                self.record_topic(now, topic, TopicSensor::Bytes, bytes as f64);
                self.record_topic(now, topic, TopicSensor::Compression, compression_ratio);
                self.record(now, Sensor::BatchSize, bytes as f64);
                self.record(now, Sensor::QueueTime, queued_ms as f64);
                self.record(now, Sensor::Compression, compression_ratio);
                self.record(now, Sensor::RecordSize, largest_record as f64);
            }
            Event::DrainedFor { records } => self.record(now, Sensor::RecordsPerRequest, records),
            Event::Retried { topic, records } => {
                self.record(now, Sensor::Retries, records);
                self.record_topic(now, topic, TopicSensor::Retries, records);
            }
            Event::Failed { topic, records } => {
                self.record(now, Sensor::Errors, records);
                self.record_topic(now, topic, TopicSensor::Errors, records);
            }
            Event::Refused => self.record(now, Sensor::Errors, 1),
            Event::Split => self.record(now, Sensor::Splits, 1),
            Event::Answered { node, latency_ms } => {
                self.record(now, Sensor::Latency, latency_ms as f64);
                self.record_node(now, node, NodeSensor::Latency, (latency_ms as f64).into());
            }
            Event::Throttled { millis } => self.record(now, Sensor::Throttle, millis),
            Event::MemoryAwaited(waited) => self.record(now, Sensor::MemoryWait, waited.as_nanos() as f64),
            Event::MemoryExhausted => self.record(now, Sensor::Exhausted, 1),
            Event::MetadataAwaited(waited) => self.record(now, Sensor::MetadataWait, waited.as_nanos() as f64),
            Event::Connected { node } => {
                self.node(node);
                self.record(now, Sensor::ConnectionsCreated, 1);
            }
            Event::Disconnected { node, is_heard } => {
                // A broker of which nothing was ever heard has no metrics yet (`Selector.pollSelectionKeys`).
                if is_heard {
                    self.node(node);
                }
                self.record(now, Sensor::ConnectionsClosed, 1);
            }
        }
    }

    /// A call of the application took so many nanoseconds.
    pub(super) fn note_call(&mut self, now: Instant, call: TimedCall, nanos: u64) {
        self.record(now, call.sensor(), nanos as f64);
    }

    /// The driver's task took a turn.
    pub(super) fn note_turn(&mut self, now: Instant) {
        self.record(now, Sensor::Selects, 1);
    }

    pub(super) fn note_loop(&mut self, now: Instant, times: LoopTimes) {
        let LoopTimes { selects: count, waited, io } = times;
        for (sensor, took) in [(Sensor::Selects, Duration::ZERO), (Sensor::IoWait, waited), (Sensor::Io, io)] {
            // Nobody asks for the longest.
            let values = Values { count, sum: took.as_nanos() as f64, max: f64::NAN };
            self.producer[sensor as usize].record(self.windows, millis(now), values);
        }
    }

    pub(super) fn note_traffic(&mut self, now: Instant, node: NodeId, traffic: Traffic) {
        let values = |count: u64, sum: u64, max: u64| Values { count, sum: sum as f64, max: max as f64 };
        let Traffic { writes, written_bytes, requests, request_bytes, largest_request_bytes, .. } = traffic;
        let Traffic { reads, read_bytes, responses, .. } = traffic;
        let io = writes + reads;
        for (of_all, of_node, values) in [
            (Sensor::NetworkIo, None, values(io, io, 1)),
            (Sensor::BytesSent, Some(NodeSensor::BytesSent), values(writes, written_bytes, written_bytes)),
            (
                Sensor::RequestsSent,
                Some(NodeSensor::RequestsSent),
                values(requests, request_bytes, largest_request_bytes),
            ),
            (Sensor::BytesReceived, Some(NodeSensor::BytesReceived), values(reads, read_bytes, read_bytes)),
            (Sensor::ResponsesReceived, Some(NodeSensor::ResponsesReceived), values(responses, responses, 1)),
        ] {
            if values.count > 0 {
                self.producer[of_all as usize].record(self.windows, millis(now), values);
                if let Some(sensor) = of_node {
                    self.record_node(now, node, sensor, values);
                }
            }
        }
    }

    fn record(&mut self, now: Instant, sensor: Sensor, value: impl Into<f64>) {
        self.producer[sensor as usize].record(self.windows, millis(now), Values::from(value.into()));
    }

    /// Of a topic that was never drained, nothing is counted.
    fn record_topic(&mut self, now: Instant, topic: TopicIndex, sensor: TopicSensor, value: impl Into<f64>) {
        if let Some(Some(known)) = self.topics.get_mut(topic.index()) {
            known[sensor as usize].record(self.windows, millis(now), Values::from(value.into()));
        }
    }

    fn record_node(&mut self, now: Instant, node: NodeId, sensor: NodeSensor, values: Values) {
        let windows = self.windows;
        self.node(node)[sensor as usize].record(windows, millis(now), values);
    }

    fn know_topic(&mut self, topic: TopicIndex) {
        if self.topics.len() <= topic.index() {
            self.topics.resize(topic.index() + 1, None);
        }
        self.topics[topic.index()].get_or_insert_with(|| Series::of_all(PER_TOPIC));
    }

    fn node(&mut self, node: NodeId) -> &mut Vec<Series> {
        self.nodes.entry(node).or_insert_with(|| Series::of_all(PER_NODE))
    }

    /// Everything recorded, as it stands now.
    pub(super) fn read(
        &mut self,
        now: Instant,
        client_id: &Arc<str>,
        name_of: impl Fn(TopicIndex) -> Arc<str>,
        is_closed: bool,
    ) -> Vec<Metric> {
        let mut told = Vec::new();
        let mut tell = |group, series: &mut Series, further: Option<(&'static str, Arc<str>)>| {
            for (row, value) in series.read(self.windows, millis(now)) {
                let mut tags = vec![("client-id", Arc::clone(client_id))];
                tags.extend(further.clone());
                let (name, description, value) = (row.name, row.description, MetricValue::Number(value));
                told.push(Metric { group, name, description, tags, value });
            }
        };
        for (number, series) in self.producer.iter_mut().enumerate() {
            let is_open = !is_closed || number < Sensor::GONE_WHEN_CLOSED as usize;
            if is_open && (self.times_loop || number < Sensor::OF_A_TIMED_LOOP as usize) {
                tell("producer-metrics", series, None);
            }
        }
        if !is_closed {
            tell("producer-metrics", &mut Series::of(NEVER_RECORDED), None);
        }
        for (topic, series) in (0..).map(TopicIndex).zip(&mut self.topics) {
            let Some(series) = series else { continue };
            let tag = ("topic", name_of(topic));
            series.iter_mut().for_each(|series| tell("producer-topic-metrics", series, Some(tag.clone())));
        }
        for (node, series) in self.nodes.iter_mut().filter(|_| !is_closed) {
            let tag = ("node-id", Arc::from(format!("node-{node}")));
            series.iter_mut().for_each(|series| tell("producer-node-metrics", series, Some(tag.clone())));
        }
        told
    }
}

/// Milliseconds of the monotonic clock, which is all that windows need.
fn millis(now: Instant) -> i64 {
    i64::try_from(now.as_micros() / 1_000).unwrap_or(i64::MAX)
}
