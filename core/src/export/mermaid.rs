//! A Mermaid sequence diagram, for documents.

use core::fmt::Write as _;
use std::collections::{BTreeMap, BTreeSet};

use super::fields::micros;
use super::sentence::Sentence;
use super::{Track, by_lane};
use crate::ids::{Lane, NodeId};
use crate::time::Instant;
use crate::trace::{Fact, Fault, TraceEvent};

/// A sequence diagram of what happened between callers, senders and brokers, with times since `begins`. At most `most`
/// arrows and notes are drawn; a note at the end says how many more there would be.
///
/// Facts that only say how things stand (memory, waiting, high watermarks) are not in it. Lanes are boxes side by side, and
/// below each other in the diagram, one after the other.
pub fn mermaid(events: &[TraceEvent], begins: Instant, most: usize) -> String {
    let mut drawing = Drawing { begins, ..Drawing::default() };
    for event in by_lane(events) {
        drawing.draw(event);
    }
    let left_out = drawing.lines.len().saturating_sub(most);
    drawing.lines.truncate(most);
    let mut text = "sequenceDiagram\n".to_owned();
    drawing.declare(&mut text);
    for (_, line) in &drawing.lines {
        writeln!(text, "    {line}").expect("a String grows as needed");
    }
    if let (1.., Some((tracks, _))) = (left_out, drawing.lines.last()) {
        let name = drawing.id(tracks[0]);
        writeln!(text, "    Note over {name}: {left_out} more are left out").expect("a String grows as needed");
    }
    text
}

type Participant = (Lane, Track);

#[derive(Default)]
struct Drawing {
    begins: Instant,
    /// Each with those whom it touches.
    lines: Vec<([Participant; 2], String)>,
    /// Where connections lead.
    nodes: BTreeMap<(Lane, u32, u32), NodeId>,
}

impl Drawing {
    fn draw(&mut self, event: &TraceEvent) {
        let (lane, producer) = (event.lane, event.producer.0);
        let (caller, sender) = (Track::Caller(producer), Track::Sender(producer));
        let broker = |node: &NodeId| Track::Broker(node.0);
        match &event.what {
            Fact::Appended { .. } | Fact::AppendedMany { .. } => self.arrow(event, caller, "->>", sender),
            Fact::CallbacksRan { .. } | Fact::GetReturned { .. } => self.arrow(event, sender, "-->>", caller),
            Fact::SendBlocked { .. }
            | Fact::PartitionAwaited { .. }
            | Fact::SendRefused { .. }
            | Fact::CallbackRanOnCaller { .. }
            | Fact::ProcessPaused { .. } => {
                self.note(event, caller);
            }
            Fact::RequestSent { node, connection, .. } => {
                self.nodes.insert((lane, producer, connection.0), *node);
                self.arrow(event, sender, "->>", broker(node));
            }
            Fact::ResponseReceived { node, .. } => self.arrow(event, broker(node), "-->>", sender),
            Fact::Connecting { node, connection } => {
                self.nodes.insert((lane, producer, connection.0), *node);
                self.arrow(event, sender, "-)", broker(node));
            }
            Fact::Connected { node, .. } => self.arrow(event, broker(node), "--)", sender),
            Fact::Disconnected { node, .. } => self.arrow(event, broker(node), "--x", sender),
            Fact::FaultInjected { connection, fault, .. } => {
                let node = self.nodes.get(&(lane, producer, connection.0)).copied();
                match node {
                    None => self.note(event, sender),
                    Some(node) if is_on_the_way_home(fault) => self.arrow(event, broker(&node), "--x", sender),
                    Some(node) => self.arrow(event, sender, "-x", broker(&node)),
                }
            }
            Fact::RequestTimedOut { .. }
            | Fact::BatchRetried { .. }
            | Fact::BatchSplit { .. }
            | Fact::BatchFailed { .. }
            | Fact::IdentityChanged { .. }
            | Fact::MetadataUpdated { .. }
            | Fact::TransactionMoved { .. }
            | Fact::Thinned { .. } => self.note(event, sender),
            Fact::LogAppended { node, .. }
            | Fact::DuplicateRecognised { node, .. }
            | Fact::AppendRefused { node, .. }
            | Fact::BrokerFenced { node, .. }
            | Fact::BrokerChanged { node, .. }
            | Fact::LogTruncated { node, .. } => self.note(event, broker(node)),
            Fact::LeaderMoved { .. }
            | Fact::IsrChanged { .. }
            | Fact::ControllerChanged { .. }
            | Fact::TopicDeleted { .. } => self.note(event, Track::Controller),
            Fact::CallerStands(_)
            | Fact::BatchOpened { .. }
            | Fact::BatchDrained { .. }
            | Fact::BatchAcked { .. }
            | Fact::MemoryUsed { .. }
            | Fact::SenderWaits { .. }
            | Fact::RequestWritten { .. }
            | Fact::HighWatermarkMoved { .. }
            | Fact::ReplicaAdvanced { .. } => {}
        }
    }

    fn arrow(&mut self, event: &TraceEvent, from: Track, arrow: &str, to: Track) {
        let (from, to) = ((event.lane, from), (event.lane, to));
        let line = format!("{}{arrow}{}: {}", self.id(from), self.id(to), self.label(event));
        self.lines.push(([from, to], line));
    }

    fn note(&mut self, event: &TraceEvent, over: Track) {
        let over = (event.lane, over);
        let line = format!("Note over {}: {}", self.id(over), self.label(event));
        self.lines.push(([over; 2], line));
    }

    /// The moment and the fact. `#` and `;` have a meaning of their own in Mermaid.
    fn label(&self, event: &TraceEvent) -> String {
        let at = Instant::from_micros(micros(event.at, self.begins));
        let mut label = String::new();
        for character in format!("{at} {}", Sentence(&event.what)).chars() {
            match character {
                '#' => label.push_str("#35;"),
                ';' => label.push_str("#59;"),
                other => label.push(other),
            }
        }
        label
    }

    /// A word that names a participant. Lanes have their own.
    fn id(&self, (lane, track): Participant) -> String {
        let lane = lane.0 + 1;
        match track {
            Track::Caller(producer) => format!("lane{lane}caller{producer}"),
            Track::Sender(producer) => format!("lane{lane}sender{producer}"),
            Track::Broker(node) if node < 0 => format!("lane{lane}bootstrap{}", node.unsigned_abs()),
            Track::Broker(node) => format!("lane{lane}broker{node}"),
            Track::Connection { .. } | Track::Controller => format!("lane{lane}controller"),
        }
    }

    /// Declares those who take part in what is drawn, and nobody else.
    fn declare(&self, text: &mut String) {
        let all: BTreeSet<Participant> = self.lines.iter().flat_map(|(both, _)| *both).collect();
        let lanes: BTreeSet<Lane> = all.iter().map(|(lane, _)| *lane).collect();
        for &lane in &lanes {
            if lanes.len() > 1 {
                writeln!(text, "    box lane {}", lane.0 + 1).expect("a String grows as needed");
            }
            for &participant in all.iter().filter(|(of, _)| *of == lane) {
                let (id, name) = (self.id(participant), shown(participant.1));
                writeln!(text, "    participant {id} as {name}").expect("a String grows as needed");
            }
            if lanes.len() > 1 {
                text.push_str("    end\n");
            }
        }
    }
}

/// Did it happen to the answer?
fn is_on_the_way_home(fault: &Fault) -> bool {
    matches!(fault, Fault::CutAfterAppend | Fault::AnsweredAfterAppend { .. })
}

fn shown(track: Track) -> String {
    match track {
        Track::Caller(producer) => format!("caller {producer}"),
        Track::Sender(producer) => format!("sender {producer}"),
        Track::Broker(node) if node < 0 => format!("bootstrap {}", node.unsigned_abs()),
        Track::Broker(node) => format!("broker {node}"),
        Track::Connection { .. } | Track::Controller => "controller".to_owned(),
    }
}
