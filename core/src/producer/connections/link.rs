//! What one connection goes through, and what is known of its broker.
//!
//! ```text
//!    Disconnected ──dial──► Connecting ──stands──► CheckingVersions ──versions fit──► Ready
//!         ▲                     │                        │                             │
//!         └──── lost, refused, too late, out of step ────┴─────────────────────────────┘
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ids::ConnectionId;
use crate::protocol::ApiVersionRange;
use crate::time::Instant;

use super::super::in_flight::InFlight;
use super::Asked;

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectionState {
    Disconnected { retry_at: Instant },
    Connecting { connection: ConnectionId, deadline: Instant },
    CheckingVersions { connection: ConnectionId },
    Ready { connection: ConnectionId },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectionSignal {
    Dialled { connection: ConnectionId, deadline: Instant },
    Stands,
    VersionsFit,
    Lost { retry_at: Instant },
}

impl ConnectionState {
    /// The only place where a connection changes state; a signal that does not fit the state changes nothing.
    pub(super) fn after(self, signal: ConnectionSignal) -> Self {
        use {ConnectionSignal as Signal, ConnectionState as State};
        match (self, signal) {
            (State::Disconnected { .. }, Signal::Dialled { connection, deadline }) => {
                State::Connecting { connection, deadline }
            }
            (State::Connecting { connection, .. }, Signal::Stands) => State::CheckingVersions { connection },
            (State::CheckingVersions { connection }, Signal::VersionsFit) => State::Ready { connection },
            (_, Signal::Lost { retry_at }) => State::Disconnected { retry_at },
            (state, _) => state,
        }
    }

    pub(super) fn connection(self) -> Option<ConnectionId> {
        match self {
            Self::Disconnected { .. } => None,
            Self::Connecting { connection, .. }
            | Self::CheckingVersions { connection }
            | Self::Ready { connection } => Some(connection),
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Link {
    /// Where it was last dialled; none before that.
    pub(super) host: Option<Arc<str>>,
    pub(super) state: ConnectionState,
    pub(super) in_flight: InFlight<Asked>,
    /// What the broker speaks, per API number.
    pub(super) versions: BTreeMap<i16, ApiVersionRange>,
    /// Version of the ApiVersions request that is out.
    pub(super) versions_version: i16,
    pub(super) muted_until: Instant,
    /// Connections lost in a row without having become ready.
    pub(super) failures: u32,
    /// Connections lost in a row that did not even stand.
    pub(super) failed_dials: u32,
    /// When a connection was last begun or lost.
    pub(super) last_attempt: Instant,
    pub(super) last_use: Use,
    /// The one before the newest request, and that request's own: it counts when the socket takes it.
    pub(super) use_before_write: (Use, Use),
    /// The round in which it was last sent something.
    pub(super) sent_in: Option<u64>,
}

/// When a connection was used, and how many uses of any were before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Use {
    pub(super) at: Instant,
    pub(super) number: u64,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            host: None,
            state: ConnectionState::Disconnected { retry_at: Instant::ZERO },
            in_flight: InFlight::default(),
            versions: BTreeMap::new(),
            versions_version: 0,
            muted_until: Instant::ZERO,
            failures: 0,
            failed_dials: 0,
            last_attempt: Instant::ZERO,
            last_use: Use::default(),
            use_before_write: (Use::default(), Use::default()),
            sent_in: None,
        }
    }
}

impl Link {
    /// A connection to this host is begun. What another host has failed at, or asked for, is nothing to it; a port is not
    /// looked at (`ClusterConnectionStates.connecting`).
    pub(super) fn begin_at(&mut self, host: &Arc<str>) {
        if self.host.as_ref() == Some(host) {
            return;
        }
        self.host = Some(Arc::clone(host));
        (self.failures, self.failed_dials, self.muted_until) = (0, 0, Instant::ZERO);
    }
}
