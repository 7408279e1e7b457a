//! A trace for other programs: Trace Event JSON for Perfetto and Chrome, JSON lines, and a Mermaid sequence diagram.
//!
//! Pure functions from the facts and the moment that counts as zero (a stage's `begins`, or
//! [`Instant::ZERO`](crate::time::Instant::ZERO) in a session). They take any part of a trace: what began before it has no
//! beginning here, and what is not over at its end is closed there and says so.

mod fields;
mod journeys;
mod json_lines;
mod mermaid;
mod sentence;
#[cfg(all(test, feature = "demos"))]
mod tests;
mod trace_event;

pub use self::json_lines::json_lines;
pub use self::mermaid::mermaid;
pub use self::trace_event::trace_event_json;

use crate::trace::{BrokerState, TraceEvent};

/// A row of a picture. Their order is the one from top to bottom, or from left to right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Track {
    /// A producer's program.
    Caller(u32),
    /// Its sender.
    Sender(u32),
    /// One of its connections. Row 0 tells whether it stands; requests that wait for answers side by side have a row each.
    Connection { producer: u32, connection: u32, row: u32 },
    /// A broker, by its node id.
    Broker(i32),
    /// The controller.
    Controller,
}

/// The facts lane by lane, each in order of time; what happened at one moment stays in its order.
fn by_lane(events: &[TraceEvent]) -> Vec<&TraceEvent> {
    let mut sorted: Vec<&TraceEvent> = events.iter().collect();
    sorted.sort_by_key(|event| (event.lane, event.at));
    sorted
}

/// Does a broker in this state do what brokers do?
fn serves(state: BrokerState) -> bool {
    matches!(state, BrokerState::Running)
}
