//! One client connection at a broker.
//!
//! *Models*: a broker takes the next request of a connection only after it has answered the one before (the channel is
//! muted), so answers come in order; the wait for the broker's time, and of acks=all for followers. *Leaves out*: handler
//! threads, quotas, idle connections that are closed.

use std::collections::VecDeque;

use super::fetch::Reading;
use super::purgatory::DelayedProduce;
use crate::ids::NodeId;
use crate::protocol::{Request, RequestHeader, Response};
use crate::time::Instant;

#[derive(Clone, Debug)]
pub(super) struct Link {
    /// The broker at this end.
    pub(super) node: NodeId,
    /// Requests that arrived while another one has its turn.
    pub(super) requests: VecDeque<(RequestHeader, Request)>,
    pub(super) turn: Turn,
}

impl Link {
    pub(super) fn new(node: NodeId) -> Self {
        Self { node, requests: VecDeque::new(), turn: Turn::Free }
    }
}

/// When and how an answer leaves, as a script says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) not_before: Instant,
    /// The pause that the answer asks of the client, in milliseconds.
    pub(super) throttle_ms: i32,
}

/// The request that has its turn.
///
/// ```text
///            ┌────── answered at once ──────┐
///            ▼                              │
///          Free ──► Queued ──due──► (acted upon) ──not before──► Held ──due──► Free
///            ▲                              │                      ▲      │
///            │                              ├─too little to read─► Polling
///            │                              └─followers lack it──► Awaiting
///            └──── enough, or the wait is over ────────────────────┘      └─throttled─► Muted ──due──► Free
/// ```
#[derive(Clone, Debug, Default)]
pub(super) enum Turn {
    /// The next request may be taken.
    #[default]
    Free,
    /// It waits until the broker has time for it.
    Queued { header: RequestHeader, request: Request, due: Instant },
    /// The answer is known, and a script holds it back.
    Held { header: RequestHeader, response: Response, due: Instant },
    /// The answer asked the client for a pause, and until then nothing more is taken (KIP-219).
    Muted { until: Instant },
    /// A fetch waits for records.
    Polling { header: RequestHeader, reading: Reading, pace: Pace },
    /// A write waits for followers.
    Awaiting { header: RequestHeader, produce: DelayedProduce, pace: Pace },
}

impl Turn {
    /// When it ends by itself.
    pub(super) fn due(&self) -> Option<Instant> {
        match self {
            Self::Free => None,
            Self::Muted { until } => Some(*until),
            Self::Queued { due, .. } | Self::Held { due, .. } => Some(*due),
            Self::Polling { reading, .. } => Some(reading.deadline),
            Self::Awaiting { produce, .. } => Some(produce.deadline),
        }
    }

    /// May it end now?
    pub(super) fn deserves_a_look(&self, now: Instant, logs_changed: bool) -> bool {
        self.due().is_some_and(|due| due <= now)
            || (logs_changed && matches!(self, Self::Polling { .. } | Self::Awaiting { .. }))
    }
}
