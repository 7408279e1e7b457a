//! The Trace Event Format, which Perfetto and Chrome's DevTools read: tracks with slices, and arrows between them.
//!
//! A lane is a process; callers, senders, connections and brokers are its threads. What takes time is a slice, a batch's
//! life an async slice (`b`, `e`), a record's way from `send()` to its callback a flow (`s`, `t`, `f`) that steps through
//! the requests which carried it, and memory in use a counter (`C`).
//!
//! Several things may happen in one microsecond of a virtual world. Each of them stands a nanosecond behind the one before,
//! so that their order is kept and every arrow has a length: DevTools draws none between slices of one time.
//!
//! A slice is one complete event (`X`) with its beginning and its duration, and not a pair (`B`, `E`): DevTools matches
//! pairs by one stack for all threads, and loses those of threads that work side by side.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::fields::fields;
use super::journeys::{Journey, Leg, journeys};
use super::sentence::Sentence;
use super::{Track, by_lane, serves};
use crate::ids::{ConnectionId, CorrelationId, Lane, NodeId};
use crate::time::Instant;
use crate::trace::{Fact, Statement, TraceEvent};

/// Events in the Trace Event Format, JSON object form: one event a line, in microseconds since `begins`.
pub fn trace_event_json(events: &[TraceEvent], begins: Instant) -> String {
    let sorted = by_lane(events);
    let lanes: Vec<&[&TraceEvent]> = sorted.chunk_by(|one, other| one.lane == other.lane).collect();
    let mut lines = Vec::new();
    let mut first_journey = 0;
    for facts in lanes {
        let mut picture = Picture { begins, first_journey, ..Picture::default() };
        picture.draw(facts);
        first_journey += facts.len();
        lines.extend(picture.lines(facts[0].lane));
    }
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    format!("{{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n{}\n]}}\n", lines.join(",\n"))
}

/// The category of what no arrow holds on to.
const KAFKA: &str = "kafka";
/// The category of arrows, and of the slices that they hold on to: DevTools binds an arrow to the slice of its track, time
/// and category.
const RECORD: &str = "record";

/// The events of one lane.
#[derive(Default)]
struct Picture {
    begins: Instant,
    /// The time of what is being drawn, in nanoseconds since `begins`.
    stamp_ns: u64,
    /// Journeys of the lanes before this one have lower numbers.
    first_journey: usize,
    /// With the times of their beginnings, in nanoseconds.
    events: Vec<(Track, u64, Map<String, Value>)>,
    tracks: BTreeSet<Track>,
    /// Slices that have not ended, by their places among the events.
    open: BTreeMap<Track, usize>,
    /// Batches that live.
    batches: BTreeSet<(u32, u64)>,
    /// Requests that wait for their answers, and the rows in which they do.
    waiting: BTreeMap<(u32, ConnectionId), BTreeMap<u32, CorrelationId>>,
    /// Where connections lead.
    nodes: BTreeMap<(u32, u32), NodeId>,
}

impl Picture {
    fn draw(&mut self, facts: &[&TraceEvent]) {
        let legs = journeys(facts);
        let mut before = None;
        for (place, event) in facts.iter().enumerate() {
            self.stamp_ns = match before.replace(event.at) == Some(event.at) {
                // A thousandth of a microsecond, and never the next one.
                true => self.stamp_ns + u64::from(self.stamp_ns % 1_000 < 999),
                false => nanos(event.at, self.begins).max(self.stamp_ns),
            };
            self.draw_fact(event, legs.get(&place).map_or(&[], Vec::as_slice));
        }
        let Some(last) = facts.last() else { return };
        // What is not over when the trace is.
        let unfinished = Map::from_iter([("unfinished".to_owned(), true.into())]);
        for (_, slice) in core::mem::take(&mut self.open) {
            self.end(slice, unfinished.clone());
        }
        for (producer, batch) in core::mem::take(&mut self.batches) {
            self.push_batch("e", (producer, batch), last.lane, unfinished.clone());
        }
    }

    fn draw_fact(&mut self, event: &TraceEvent, legs: &[(Journey, Leg)]) {
        let producer = event.producer.0;
        let (caller, sender) = (Track::Caller(producer), Track::Sender(producer));
        let row = |connection: ConnectionId, row| Track::Connection { producer, connection: connection.0, row };
        match &event.what {
            Fact::CallerStands(Statement::Loop) => self.close(caller),
            Fact::CallerStands(_) => self.open(caller, event, &[]),
            Fact::Appended { .. }
            | Fact::AppendedMany { .. }
            | Fact::SendBlocked { .. }
            | Fact::PartitionAwaited { .. }
            | Fact::ProcessPaused { .. }
            | Fact::SendRefused { .. }
            | Fact::CallbackRanOnCaller { .. }
            | Fact::GetReturned { .. } => self.mark(caller, event, legs),
            Fact::MemoryUsed { used_bytes } => {
                let bytes = Map::from_iter([("bytes".to_owned(), (*used_bytes).into())]);
                self.push(sender, "C", &format!("buffer.memory of producer {producer}"), bytes);
            }
            Fact::SenderWaits { .. } => self.open(sender, event, &[]),
            Fact::BatchOpened { batch, .. } => self.begin_batch(event, batch.0),
            Fact::BatchSplit { batch, children } => {
                self.mark_sender(sender, event, legs);
                self.end_batch(event, batch.0);
                for child in children {
                    self.begin_batch(event, child.batch.0);
                }
            }
            Fact::BatchDrained { batch, .. } | Fact::BatchRetried { batch, .. } => {
                self.mark_sender(sender, event, legs);
                if self.batches.contains(&(producer, batch.0)) {
                    let (_, args) = fields(&event.what, self.begins);
                    self.push_batch("n", (producer, batch.0), event.lane, args);
                }
            }
            Fact::BatchAcked { batch, .. } | Fact::BatchFailed { batch, .. } => {
                self.mark_sender(sender, event, legs);
                self.end_batch(event, batch.0);
            }
            Fact::Connecting { connection, node } => {
                self.nodes.insert((producer, connection.0), *node);
                self.open(row(*connection, 0), event, &[]);
            }
            Fact::Connected { connection, node } => {
                self.nodes.insert((producer, connection.0), *node);
                self.open(row(*connection, 0), event, &[]);
            }
            Fact::Disconnected { connection, .. } => self.disconnect(event, *connection),
            Fact::RequestSent { connection, correlation, node, .. } => {
                self.nodes.insert((producer, connection.0), *node);
                let free = self.take_row(producer, *connection, *correlation);
                self.open(row(*connection, free), event, legs);
            }
            Fact::ResponseReceived { connection, correlation, .. }
            | Fact::RequestTimedOut { connection, correlation }
            | Fact::RequestWritten { connection, correlation, .. } => {
                if let Some(found) = self.leave_row(producer, *connection, *correlation) {
                    let (name, mut args) = fields(&event.what, self.begins);
                    args.insert("by".into(), name.into());
                    self.close_with(row(*connection, found), args);
                }
            }
            Fact::FaultInjected { connection, .. } => self.mark(row(*connection, 0), event, legs),
            Fact::MetadataUpdated { .. }
            | Fact::IdentityChanged { .. }
            | Fact::TransactionMoved { .. }
            | Fact::CallbacksRan { .. }
            | Fact::Thinned { .. } => self.mark_sender(sender, event, legs),
            Fact::LogAppended { node, .. }
            | Fact::DuplicateRecognised { node, .. }
            | Fact::AppendRefused { node, .. }
            | Fact::BrokerFenced { node, .. }
            | Fact::HighWatermarkMoved { node, .. }
            | Fact::ReplicaAdvanced { node, .. }
            | Fact::LogTruncated { node, .. } => self.mark(Track::Broker(node.0), event, legs),
            Fact::BrokerChanged { node, state } if serves(*state) => self.close(Track::Broker(node.0)),
            Fact::BrokerChanged { node, .. } => self.open(Track::Broker(node.0), event, &[]),
            Fact::ControllerChanged { is_there: true } => self.close(Track::Controller),
            Fact::ControllerChanged { is_there: false } => self.open(Track::Controller, event, &[]),
            Fact::LeaderMoved { .. } | Fact::IsrChanged { .. } | Fact::TopicDeleted { .. } => {
                self.mark(Track::Controller, event, legs);
            }
        }
    }

    /// Begins a slice, in place of one that has not ended.
    fn open(&mut self, track: Track, event: &TraceEvent, legs: &[(Journey, Leg)]) {
        self.close(track);
        self.open.insert(track, self.events.len());
        self.slice(track, event, legs);
    }

    fn close(&mut self, track: Track) {
        self.close_with(track, Map::new());
    }

    fn close_with(&mut self, track: Track, end: Map<String, Value>) {
        if let Some(slice) = self.open.remove(&track) {
            self.end(slice, end);
        }
    }

    /// Gives a slice its length, and tells how it ended.
    fn end(&mut self, slice: usize, end: Map<String, Value>) {
        let (_, began_ns, slice) = &mut self.events[slice];
        slice.insert("dur".into(), micros(self.stamp_ns - *began_ns));
        if let (false, Some(Value::Object(args))) = (end.is_empty(), slice.get_mut("args")) {
            args.insert("end".into(), end.into());
        }
    }

    /// A slice of no length yet.
    fn slice(&mut self, track: Track, event: &TraceEvent, legs: &[(Journey, Leg)]) {
        let (_, args) = fields(&event.what, self.begins);
        let category = if legs.is_empty() { KAFKA } else { RECORD };
        let slice = self.push(track, "X", &Sentence(&event.what).to_string(), args);
        slice.insert("cat".into(), category.into());
        slice.insert("dur".into(), 0.into());
        self.push_legs(track, legs);
    }

    /// Something that takes no time: an instant, or a slice of no length where an arrow has to hold on to it.
    fn mark(&mut self, track: Track, event: &TraceEvent, legs: &[(Journey, Leg)]) {
        if !legs.is_empty() {
            self.slice(track, event, legs);
            return;
        }
        let (_, args) = fields(&event.what, self.begins);
        let instant = self.push(track, "i", &Sentence(&event.what).to_string(), args);
        // On its own track only.
        instant.insert("s".into(), "t".into());
    }

    /// What the sender does ends its waiting.
    fn mark_sender(&mut self, sender: Track, event: &TraceEvent, legs: &[(Journey, Leg)]) {
        self.close(sender);
        self.mark(sender, event, legs);
    }

    fn push_legs(&mut self, track: Track, legs: &[(Journey, Leg)]) {
        for (journey, leg) in legs {
            let phase = match leg {
                Leg::Start => "s",
                Leg::Step => "t",
                Leg::End => "f",
            };
            let number = self.first_journey + journey.number();
            let flow = self.push(track, phase, "record", Map::new());
            flow.insert("id".into(), number.into());
            flow.insert("cat".into(), RECORD.into());
            // The arrow ends at the slice around its end, and not at the next one.
            flow.insert("bp".into(), "e".into());
        }
    }

    fn begin_batch(&mut self, event: &TraceEvent, batch: u64) {
        let (_, args) = fields(&event.what, self.begins);
        if self.batches.insert((event.producer.0, batch)) {
            self.push_batch("b", (event.producer.0, batch), event.lane, args);
        }
    }

    fn end_batch(&mut self, event: &TraceEvent, batch: u64) {
        if self.batches.remove(&(event.producer.0, batch)) {
            let (_, args) = fields(&event.what, self.begins);
            self.push_batch("e", (event.producer.0, batch), event.lane, args);
        }
    }

    fn push_batch(&mut self, phase: &str, of: (u32, u64), lane: Lane, args: Map<String, Value>) {
        let (producer, batch) = of;
        let event = self.push(Track::Sender(producer), phase, &format!("batch {batch}"), args);
        event.insert("cat".into(), "batch".into());
        event.insert("id".into(), format!("{lane}.{producer}.{batch}").into());
    }

    fn take_row(&mut self, producer: u32, connection: ConnectionId, correlation: CorrelationId) -> u32 {
        let rows = self.waiting.entry((producer, connection)).or_default();
        let free = (1..).find(|row| !rows.contains_key(row)).unwrap_or(u32::MAX);
        rows.insert(free, correlation);
        free
    }

    fn leave_row(&mut self, producer: u32, connection: ConnectionId, correlation: CorrelationId) -> Option<u32> {
        let rows = self.waiting.get_mut(&(producer, connection))?;
        let row = rows.iter().find(|(_, waiting)| **waiting == correlation).map(|(row, _)| *row)?;
        rows.remove(&row);
        Some(row)
    }

    /// Everything on the connection is over with it.
    fn disconnect(&mut self, event: &TraceEvent, connection: ConnectionId) {
        let producer = event.producer.0;
        let rows = self.waiting.remove(&(producer, connection)).unwrap_or_default();
        let of = |row| Track::Connection { producer, connection: connection.0, row };
        for row in rows.into_keys() {
            let (name, mut args) = fields(&event.what, self.begins);
            args.insert("by".into(), name.into());
            self.close_with(of(row), args);
        }
        self.close(of(0));
        self.mark(of(0), event, &[]);
    }

    /// Adds an event, and gives it back for what only its kind has.
    fn push(&mut self, track: Track, phase: &str, name: &str, args: Map<String, Value>) -> &mut Map<String, Value> {
        self.tracks.insert(track);
        let mut event = Map::from_iter([
            ("ph".to_owned(), phase.into()),
            ("ts".to_owned(), micros(self.stamp_ns)),
            ("cat".to_owned(), KAFKA.into()),
            ("name".to_owned(), name.into()),
        ]);
        if !args.is_empty() {
            event.insert("args".into(), args.into());
        }
        self.events.push((track, self.stamp_ns, event));
        &mut self.events.last_mut().expect("it has just been pushed").2
    }

    /// Names of the tracks, and what happened on them. Numbers begin with 1: some readers keep 0 for idleness.
    fn lines(self, lane: Lane) -> Vec<Value> {
        let pid = u32::from(lane.0) + 1;
        let tids: BTreeMap<Track, usize> = self.tracks.iter().copied().zip(1..).collect();
        let named = |what: &str, tid: usize, args: Value| json!({"ph": "M", "pid": pid, "tid": tid, "name": what, "args": args});
        let mut lines = vec![named("process_name", 0, json!({"name": format!("lane {pid}")}))];
        for (&track, &tid) in &tids {
            lines.push(named("thread_name", tid, json!({"name": self.name(track)})));
            lines.push(named("thread_sort_index", tid, json!({"sort_index": tid})));
        }
        for (track, _, mut event) in self.events {
            event.insert("pid".into(), pid.into());
            event.insert("tid".into(), tids[&track].into());
            lines.push(event.into());
        }
        lines
    }

    fn name(&self, track: Track) -> String {
        match track {
            Track::Caller(producer) => format!("caller of producer {producer}"),
            Track::Sender(producer) => format!("sender of producer {producer}"),
            Track::Connection { producer, connection, row } => {
                let node = self.nodes.get(&(producer, connection));
                let to = node.map_or(String::new(), |node| format!(" to broker {node}"));
                let request = if row == 0 { String::new() } else { format!(", request {row} in flight") };
                format!("connection {connection} of producer {producer}{to}{request}")
            }
            Track::Broker(node) => format!("broker {node}"),
            Track::Controller => "controller".to_owned(),
        }
    }
}

/// Nanoseconds since the beginning.
fn nanos(at: Instant, begins: Instant) -> u64 {
    at.as_micros().saturating_sub(begins.as_micros()).saturating_mul(1_000)
}

/// Nanoseconds as the format's microseconds, with three decimals where they are needed.
fn micros(ns: u64) -> Value {
    let (whole, thousandths) = (ns / 1_000, ns % 1_000);
    if thousandths == 0 {
        return whole.into();
    }
    format!("{whole}.{thousandths:03}").parse::<f64>().map_or(Value::Null, Value::from)
}
