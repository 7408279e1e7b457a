//! One connection per broker: made, found fit, used, lost, made again (`NetworkClient`, `ClusterConnectionStates`). What a
//! connection goes through is in [`link`].

mod link;

use std::collections::BTreeMap;
use std::sync::Arc;

use core::time::Duration;

use crate::config::ProducerConfig;
use crate::error::ProducerError;
use crate::ids::{BrokerAddress, ConnectionId, CorrelationId, NodeId};
use crate::io::{OutgoingRequest, Output, WaitReason};
use crate::maps::map_of;
use crate::planted::{Defect, planted};
use crate::protocol::{ApiKey, ApiVersionRange, ApiVersionsResponse, Request, RequestHeader};
use crate::time::Instant;
use crate::versions::client_versions;

use super::accumulator::{BatchSlot, earlier};
use super::backoff::Backoff;
use super::in_flight::InFlightRequest;
use super::metadata::MetadataAsked;
use crate::rng::Rng;
use link::{ConnectionSignal, ConnectionState, Link, Use};

/// Longest pause a broker is granted. Kafka's quotas stay below eleven seconds; an absurd one must not silence a
/// producer for weeks.
const LONGEST_THROTTLE: Duration = Duration::from_secs(60);

/// A request or a connection is given up when more than its timeout has passed (`InFlightRequests.hasExpiredRequest`,
/// `ClusterConnectionStates.isConnectionSetupTimeout`): an answer in the last moment counts.
pub(super) const BEYOND: Duration = Duration::from_micros(1);

/// What an answer is an answer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    ApiVersions,
    Metadata(MetadataAsked),
    InitProducerId,
    /// A question of the transaction's.
    Transaction,
    Produce(Vec<BatchSlot>),
}

/// A request that is out.
pub(super) type Outstanding = InFlightRequest<Asked>;

/// Can a broker be sent something now?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Availability {
    /// Yes.
    Ready,
    /// No connection, and one may be made.
    CanConnect,
    /// Something is under way whose end will be an input or a deadline of its own.
    Underway,
    /// As many requests are out as may be.
    Busy,
    /// Not before this.
    NotBefore(Instant, WaitReason),
}

/// What an ApiVersions answer means for its connection.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum VersionsOutcome {
    /// It can be used.
    Ready,
    /// Ask again: in an older version.
    AskAgain,
    /// It cannot be used.
    Unfit,
}

/// All connections.
#[derive(Clone, Debug)]
pub(super) struct Connections {
    links: BTreeMap<NodeId, Link>,
    by_connection: BTreeMap<ConnectionId, NodeId>,
    next_connection: u32,
    next_correlation: i32,
    client_id: Arc<str>,
    max_in_flight: usize,
    request_timeout: Duration,
    reconnect: Backoff,
    /// None below zero, where an attempt is too late in the moment it begins.
    setup_timeout: Option<Backoff>,
    max_idle: Option<Duration>,
    uses: u64,
    /// The next moment at which there is one to be closed, once found out; whoever changes a link forgets it.
    deadline: Option<Option<(Instant, WaitReason)>>,
    /// Of the sender's.
    round: u64,
    rng: Rng,
    /// Of the newest state of the cluster's features that a broker told.
    features_epoch: Option<i64>,
    transaction_version: i16,
}

impl Connections {
    pub(super) fn new(config: &ProducerConfig, rng: Rng) -> Self {
        Self {
            links: BTreeMap::new(),
            by_connection: BTreeMap::new(),
            next_connection: 0,
            next_correlation: 0,
            client_id: config.client_id().into(),
            max_in_flight: config.max_in_flight as usize,
            request_timeout: config.request_timeout,
            reconnect: Backoff::new(config.reconnect_backoff, config.reconnect_backoff_max),
            setup_timeout: Backoff::signed(config.connection_setup_timeout_ms, config.connection_setup_timeout_max_ms),
            max_idle: config.connections_max_idle,
            uses: 0,
            deadline: None,
            round: 0,
            rng,
            features_epoch: None,
            transaction_version: 0,
        }
    }

    /// Level of the cluster's feature `transaction.version` in the newest state that a broker told; 0: none did.
    pub(super) fn transaction_version(&self) -> i16 {
        self.transaction_version
    }

    pub(super) fn node_of(&self, connection: ConnectionId) -> Option<NodeId> {
        self.by_connection.get(&connection).copied()
    }

    /// The connection to a broker, if one stands or is being made.
    pub(super) fn connection_to(&self, node: NodeId) -> Option<ConnectionId> {
        self.links.get(&node)?.state.connection()
    }

    pub(super) fn in_flight(&self, node: NodeId) -> usize {
        self.links.get(&node).map_or(0, |link| link.in_flight.len())
    }

    /// Requests of any kind that are out, anywhere.
    #[cfg(feature = "metrics")]
    pub(super) fn all_in_flight(&self) -> usize {
        self.links.values().map(|link| link.in_flight.len()).sum()
    }

    /// Connections that stand or are being made.
    #[cfg(feature = "metrics")]
    pub(super) fn count(&self) -> usize {
        self.by_connection.len()
    }

    /// Is a request of any kind out anywhere?
    pub(super) fn has_in_flight(&self) -> bool {
        self.links.values().any(|link| link.in_flight.len() > 0)
    }

    pub(super) fn availability(&self, node: NodeId, now: Instant) -> Availability {
        let Some(link) = self.links.get(&node) else { return Availability::CanConnect };
        let most = self.max_in_flight + usize::from(planted(Defect::OneRequestTooMany));
        match link.state {
            ConnectionState::Disconnected { retry_at } if retry_at <= now => Availability::CanConnect,
            ConnectionState::Disconnected { retry_at } => {
                Availability::NotBefore(retry_at, WaitReason::ReconnectBackoff)
            }
            ConnectionState::Connecting { .. } | ConnectionState::CheckingVersions { .. } => Availability::Underway,
            ConnectionState::Ready { .. } if link.muted_until > now => {
                Availability::NotBefore(link.muted_until, WaitReason::Throttle)
            }
            ConnectionState::Ready { .. } if link.in_flight.len() >= most || link.in_flight.is_writing() => {
                Availability::Busy
            }
            ConnectionState::Ready { .. } => Availability::Ready,
        }
    }

    /// What was sent is written before the sender's next round.
    pub(super) fn begin_round(&mut self) {
        self.round += 1;
    }

    /// Was anything sent in this round?
    pub(super) fn is_writing(&self) -> bool {
        self.links.values().any(|link| link.sent_in == Some(self.round))
    }

    /// Of these brokers the one with the least to do: ready ones first, then those under way, then those that may be
    /// connected to (`leastLoadedNode`). The search starts at a place that chance gives for this moment.
    pub(super) fn least_loaded(&self, nodes: &[NodeId], now: Instant, chance: &Rng) -> Option<(NodeId, Availability)> {
        let start = usize::try_from(chance.at(now.as_micros()).below(nodes.len() as u64)).unwrap_or(0);
        let in_turn = (0_u64..).zip(nodes.iter().cycle().skip(start).take(nodes.len()));
        let rated = in_turn.filter_map(|(place, &node)| {
            let availability = self.availability(node, now);
            // Nothing follows what is not written yet (`InFlightRequests.canSendMore`).
            let is_writing = self.links.get(&node).is_some_and(|link| link.sent_in == Some(self.round));
            let rate = match availability {
                Availability::Ready if is_writing => return None,
                Availability::Ready => (0, self.in_flight(node) as u64),
                // Of several the last, as there.
                Availability::Underway => (1, u64::MAX - place),
                // The broker left alone for longest is tried first: so all of them get their turn.
                Availability::CanConnect => (2, self.links.get(&node).map_or(0, |link| link.last_attempt.as_micros())),
                Availability::Busy | Availability::NotBefore(..) => return None,
            };
            Some((rate, node, availability))
        });
        rated.min_by_key(|&(rate, ..)| rate).map(|(_, node, availability)| (node, availability))
    }

    /// Begins to connect. A broker that has moved to another host gets pauses and patience as one never tried before.
    pub(super) fn dial(&mut self, node: NodeId, address: BrokerAddress, now: Instant) -> (ConnectionId, Output) {
        self.deadline = None;
        let connection = ConnectionId(self.next_connection);
        self.next_connection += 1;
        let link = self.links.entry(node).or_default();
        link.begin_at(&address.host);
        let patience = self.setup_timeout.map(|timeout| timeout.pause(link.failed_dials, &mut self.rng) + BEYOND);
        let deadline = now + patience.unwrap_or_default();
        link.state = link.state.after(ConnectionSignal::Dialled { connection, deadline });
        link.last_attempt = now;
        self.by_connection.insert(connection, node);
        self.on_use(node, now);
        (connection, Output::Connect { connection, node, address })
    }

    /// A connection was begun, stands, or carried something, in either direction (`Selector.IdleExpiryManager.update`).
    pub(super) fn on_use(&mut self, node: NodeId, now: Instant) {
        self.deadline = None;
        if let Some(link) = self.links.get_mut(&node) {
            link.last_use = Use { at: now, number: self.uses };
            self.uses += 1;
        }
    }

    /// The connection that was left alone for longest, and when that is too long (`connections.max.idle.ms`).
    fn next_idle(&self) -> Option<(Instant, ConnectionId)> {
        let max_idle = self.max_idle?;
        let used = self.links.values().filter_map(|link| Some((link.last_use, link.state.connection()?)));
        let (last_use, connection) = used.min_by_key(|(last_use, _)| last_use.number)?;
        Some((last_use.at + max_idle + BEYOND, connection))
    }

    /// The connection that was left alone for longest, if that was too long.
    pub(super) fn idle(&self, now: Instant) -> Option<ConnectionId> {
        self.next_idle().filter(|&(at, _)| at <= now).map(|(_, connection)| connection)
    }

    /// A connection stands: what it speaks is asked next.
    pub(super) fn on_stands(&mut self, connection: ConnectionId) -> Option<NodeId> {
        self.deadline = None;
        let node = self.node_of(connection)?;
        let link = self.links.get_mut(&node)?;
        link.state = link.state.after(ConnectionSignal::Stands);
        link.versions_version = client_versions(ApiKey::ApiVersions).max;
        Some(node)
    }

    /// The version in which a request to this broker is sent; `None` when it speaks none that we do.
    pub(super) fn version(&self, node: NodeId, api: ApiKey) -> Option<i16> {
        let link = self.links.get(&node)?;
        if api == ApiKey::ApiVersions {
            return Some(link.versions_version);
        }
        link.versions.get(&api.code())?.highest_common(client_versions(api))
    }

    /// As [`version`](Self::version), but at most `limit`.
    pub(super) fn version_up_to(&self, node: NodeId, api: ApiKey, limit: i16) -> Option<i16> {
        let ours = client_versions(api);
        let ours = ApiVersionRange { max: ours.max.min(limit), ..ours };
        self.links.get(&node)?.versions.get(&api.code())?.highest_common(ours)
    }

    /// The highest version of an API that a broker says it speaks.
    pub(super) fn highest_version(&self, node: NodeId, api: ApiKey) -> Option<i16> {
        Some(self.links.get(&node)?.versions.get(&api.code())?.max)
    }

    /// Why [`version`](Self::version) found none.
    pub(super) fn unsupported(&self, node: NodeId, api: ApiKey) -> ProducerError {
        let bounds = |range: ApiVersionRange| (range.min, range.max);
        let supported = self.links.get(&node).and_then(|link| link.versions.get(&api.code()));
        ProducerError::UnsupportedVersion {
            api,
            wanted: bounds(client_versions(api)),
            supported: supported.copied().map(bounds),
        }
    }

    /// Puts a request on its way. The broker must be [ready](Availability::Ready), or be asked for its versions.
    pub(super) fn send(
        &mut self,
        node: NodeId,
        version: i16,
        body: Request,
        asked: Asked,
        expects_response: bool,
        now: Instant,
    ) -> Option<Output> {
        self.deadline = None;
        let correlation = CorrelationId(self.next_correlation);
        let link = self.links.get_mut(&node)?;
        let connection = link.state.connection()?;
        self.next_correlation = self.next_correlation.checked_add(1).unwrap_or(0);
        let api = body.api();
        let deadline = now + self.request_timeout + BEYOND;
        link.in_flight.push(InFlightRequest {
            correlation,
            api,
            version,
            sent_at: now,
            deadline,
            expects_response,
            asked,
        });
        link.sent_in = Some(self.round);
        let used_before = link.last_use;
        let header = RequestHeader { api, version, correlation, client_id: Some(Arc::clone(&self.client_id)) };
        self.on_use(node, now);
        if let Some(link) = self.links.get_mut(&node) {
            link.use_before_write = (used_before, link.last_use);
        }
        Some(Output::Transmit { connection, request: OutgoingRequest { header, body, expects_response } })
    }

    /// A request is not taken whole by its socket, which is no use of the connection.
    pub(super) fn on_stalled(&mut self, connection: ConnectionId, correlation: CorrelationId) {
        self.deadline = None;
        if let Some(link) = self.node_of(connection).and_then(|node| self.links.get_mut(&node)) {
            link.in_flight.on_stalled(correlation);
            let (before, own) = link.use_before_write;
            if link.last_use == own {
                link.last_use = before;
            }
        }
    }

    /// A request was written. Gives it back when no answer will come.
    pub(super) fn on_written(
        &mut self,
        connection: ConnectionId,
        correlation: CorrelationId,
        now: Instant,
    ) -> Option<Outstanding> {
        self.deadline = None;
        let node = self.node_of(connection)?;
        if self.links.get(&node)?.in_flight.is_stalled(correlation) {
            self.on_use(node, now);
        }
        self.links.get_mut(&node)?.in_flight.on_written(correlation)
    }

    /// Is this request out, did it not stall, and will it be answered?
    pub(super) fn awaits_answer(&self, connection: ConnectionId, correlation: CorrelationId) -> bool {
        let link = self.node_of(connection).and_then(|node| self.links.get(&node));
        let request =
            link.and_then(|link| link.in_flight.iter().rev().find(|request| request.correlation == correlation));
        let stalls = link.is_some_and(|link| link.in_flight.is_stalled(correlation));
        request.is_some_and(|request| request.expects_response) && !stalls
    }

    /// A response arrived. `None`: it does not answer the oldest question; that one stays where it is.
    pub(super) fn on_response(
        &mut self,
        node: NodeId,
        correlation: CorrelationId,
        is_expected: impl Fn(&Outstanding) -> bool,
    ) -> Option<Outstanding> {
        self.deadline = None;
        self.links.get_mut(&node)?.in_flight.on_response(correlation, is_expected)
    }

    /// Takes what a broker says it speaks.
    pub(super) fn on_versions(&mut self, node: NodeId, response: &ApiVersionsResponse) -> VersionsOutcome {
        use crate::error::ErrorCode;
        self.deadline = None;
        let Some(link) = self.links.get_mut(&node) else { return VersionsOutcome::Unfit };
        let ours = client_versions(ApiKey::ApiVersions);
        if response.error == ErrorCode::UNSUPPORTED_VERSION {
            let listed = response.api_keys.iter().find(|range| range.api_key == ApiKey::ApiVersions.code());
            // Without a hint the oldest is tried; a hint that is not lower would lead round in a circle.
            let hint = listed.map_or(Some(0), |range| range.highest_common(ours));
            return match hint {
                Some(version) if version < link.versions_version => {
                    link.versions_version = version;
                    VersionsOutcome::AskAgain
                }
                _ => VersionsOutcome::Unfit,
            };
        }
        if !response.error.is_none() {
            return VersionsOutcome::Unfit;
        }
        // A broker that lags behind the cluster, or that knows of no features, says nothing about it (`ApiVersions.update`).
        if response.finalized_features_epoch > self.features_epoch {
            self.features_epoch = response.finalized_features_epoch;
            self.transaction_version = response.transaction_version;
        }
        link.versions = map_of(response.api_keys.iter().map(|range| (range.api_key, *range)));
        link.state = link.state.after(ConnectionSignal::VersionsFit);
        link.failures = 0;
        VersionsOutcome::Ready
    }

    /// A broker asked for a pause (KIP-219).
    pub(super) fn throttle(&mut self, node: NodeId, throttle_time_ms: i32, now: Instant) {
        let Ok(millis @ 1..) = u64::try_from(throttle_time_ms) else { return };
        self.deadline = None;
        let pause = Duration::from_millis(millis).min(LONGEST_THROTTLE);
        if let Some(link) = self.links.get_mut(&node) {
            link.muted_until = link.muted_until.max(now + pause);
            link.in_flight.postpone(pause);
        }
    }

    /// A connection is gone. Gives its broker and its requests, oldest first.
    pub(super) fn on_lost(&mut self, connection: ConnectionId, now: Instant) -> Option<(NodeId, Vec<Outstanding>)> {
        self.deadline = None;
        let node = self.by_connection.remove(&connection)?;
        let link = self.links.get_mut(&node)?;
        let retry_at = now + self.reconnect.pause(link.failures, &mut self.rng);
        link.failures = link.failures.saturating_add(1);
        if planted(Defect::ThrottleForADay) && link.muted_until > now {
            link.muted_until = now + Duration::from_secs(86_400);
        }
        let stood = !matches!(link.state, ConnectionState::Connecting { .. });
        link.failed_dials = if stood { 0 } else { link.failed_dials.saturating_add(1) };
        link.state = link.state.after(ConnectionSignal::Lost { retry_at });
        link.last_attempt = now;
        Some((node, link.in_flight.take_all()))
    }

    /// Is it still being made?
    pub(super) fn is_dialled(&self, connection: ConnectionId) -> bool {
        let link = self.by_connection.get(&connection).and_then(|node| self.links.get(node));
        link.is_some_and(|link| matches!(link.state, ConnectionState::Connecting { .. }))
    }

    /// Connections that took too long to stand.
    pub(super) fn overdue_dials(&self, now: Instant) -> Vec<ConnectionId> {
        let overdue = self.links.values().filter_map(|link| match link.state {
            ConnectionState::Connecting { connection, deadline } if deadline <= now => Some(connection),
            _ => None,
        });
        overdue.collect()
    }

    /// Connections with a request that waited too long, and that request.
    pub(super) fn overdue_requests(&self, now: Instant) -> Vec<(ConnectionId, CorrelationId)> {
        let overdue = self.links.values().filter_map(|link| {
            let request = link.in_flight.iter().find(|request| request.deadline <= now)?;
            Some((link.state.connection()?, request.correlation))
        });
        overdue.collect()
    }

    /// The next moment at which there is one to be closed: idle, or as one of the two above.
    pub(super) fn next_deadline(&mut self) -> Option<(Instant, WaitReason)> {
        if let Some(known) = self.deadline {
            return known;
        }
        let deadlines = self.links.values().map(|link| {
            let dial = match link.state {
                ConnectionState::Connecting { deadline, .. } => Some((deadline, WaitReason::ConnectTimeout)),
                _ => None,
            };
            earlier(dial, link.in_flight.deadline().map(|deadline| (deadline, WaitReason::RequestTimeout)))
        });
        let idle = self.next_idle().map(|(at, _)| (at, WaitReason::Idle));
        let deadline = deadlines.fold(idle, earlier);
        self.deadline = Some(deadline);
        deadline
    }

    /// All connections, to close them.
    pub(super) fn all(&self) -> Vec<ConnectionId> {
        self.by_connection.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests;
