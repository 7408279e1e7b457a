//! The metrics as a program reads them (`KafkaProducer.metrics`).

use std::sync::Arc;

use core::time::Duration;

use crate::ids::ConnectionId;
use crate::metrics::{LoopTimes, Metric, MetricValue, TimedCall, Traffic};
use crate::time::Now;
use crate::trace::Observer;

use super::recorder::Recorder;
use super::sender::SOFTWARE_VERSION;
use super::topics::TopicIndex;
use super::{Life, Producer};

/// What the Java client says where it does not know what it was made of (`AppInfoParser`).
const UNKNOWN: &str = "unknown";

impl<O: Observer> Producer<O> {
    /// Counts from now on what [`metrics`](Self::metrics) tells.
    #[must_use]
    pub fn metered(mut self, now: Now) -> Self {
        self.meter.recorder = Some(Box::new(Recorder::new(self.config.metric_windows(), now.wall_ms)));
        self
    }

    /// All metrics as they stand now; none, unless the producer is [`metered`](Self::metered). One that is closed has lost
    /// those of its calls and connections, as in the Java client.
    pub fn metrics(&mut self, now: Now) -> Vec<Metric> {
        let is_closed = self.life == Life::Closed;
        let gauges = self.gauges(now);
        let client_id: Arc<str> = self.config.client_id().into();
        let (recorder, topics) = (&mut self.meter.recorder, &self.topics);
        let Some(recorder) = recorder else { return Vec::new() };
        let name_of = |topic: TopicIndex| Arc::clone(topics.name(topic));
        let mut told = recorder.read(now.instant(), &client_id, name_of, is_closed);
        let gauge = |group, name, description, value| {
            let tags = vec![("client-id", Arc::clone(&client_id))];
            Metric { group, name, description, tags, value }
        };
        let kept = if is_closed { gauges.len() - 1 } else { gauges.len() };
        for &(name, description, value) in &gauges[..kept] {
            told.push(gauge("producer-metrics", name, description, MetricValue::Number(value)));
        }
        if !is_closed {
            for (name, description, value) in [
                ("version", "Metric indicating version", MetricValue::Text(SOFTWARE_VERSION)),
                ("commit-id", "Metric indicating commit-id", MetricValue::Text(UNKNOWN)),
                (
                    "start-time-ms",
                    "Metric indicating start-time-ms",
                    MetricValue::Number(recorder.started_at_ms as f64),
                ),
            ] {
                told.push(gauge("app-info", name, description, value));
            }
        }
        let count = MetricValue::Number((told.len() + 1) as f64);
        told.push(gauge("kafka-metrics-count", "count", "total number of registered metrics", count));
        told
    }

    /// What is looked up when it is asked for. The last is the selector's own, and ends with it.
    fn gauges(&self, now: Now) -> [(&'static str, &'static str, f64); 6] {
        let millis = |at: crate::time::Instant| at.as_micros() / 1_000;
        // The Java client counts from 1970 before there was an answer.
        let age_ms = match self.metadata.last_success() {
            Some(at) => millis(now.instant()).saturating_sub(millis(at)) as f64,
            None => now.wall_ms as f64,
        };
        [
            (
                "requests-in-flight",
                "The current number of in-flight requests awaiting a response.",
                self.connections.all_in_flight() as f64,
            ),
            ("metadata-age", "The age in seconds of the current producer metadata being used.", age_ms / 1_000.0),
            (
                "waiting-threads",
                "The number of user threads blocked waiting for buffer memory to enqueue their records",
                self.memory.waiting() as f64,
            ),
            (
                "buffer-total-bytes",
                "The maximum amount of buffer memory the client can use (whether or not it is currently used).",
                self.memory.total() as f64,
            ),
            (
                "buffer-available-bytes",
                "The total amount of buffer memory that is not being used (either unallocated or in the free list).",
                self.memory.available() as f64,
            ),
            ("connection-count", "The current number of active connections.", self.connections.count() as f64),
        ]
    }

    /// The driver tells what it wrote and read on a connection since it told last.
    pub fn note_traffic(&mut self, now: Now, connection: ConnectionId, traffic: Traffic) {
        if let Some(recorder) = &mut self.meter.recorder
            && let Some(node) = self.connections.node_of(connection)
        {
            recorder.note_traffic(now.instant(), node, traffic);
        }
    }

    /// A driver with a thread of its own offers to tell how that spends its time, by [`note_loop`](Self::note_loop) instead
    /// of [`note_turn`](Self::note_turn). `false`: nobody asked for metrics, it may spare itself the clock.
    pub fn times_loop(&mut self) -> bool {
        self.meter.recorder.as_mut().map(|recorder| recorder.times_loop = true).is_some()
    }

    /// The driver tells how its thread spent its time since it told last.
    pub fn note_loop(&mut self, now: Now, times: LoopTimes) {
        if let Some(recorder) = &mut self.meter.recorder {
            recorder.note_loop(now.instant(), times);
        }
    }

    /// The driver tells that its task took a turn.
    pub fn note_turn(&mut self, now: Now) {
        if let Some(recorder) = &mut self.meter.recorder {
            recorder.note_turn(now.instant());
        }
    }

    /// The driver tells how long a call of the application took.
    pub fn note_call(&mut self, now: Now, call: TimedCall, took: Duration) {
        if let Some(recorder) = &mut self.meter.recorder {
            recorder.note_call(now.instant(), call, u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        }
    }
}
