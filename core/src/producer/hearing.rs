//! What the network says: connections that stand and end, and the answers to questions.

use std::sync::Arc;

use crate::error::{ErrorCode, LostConnection, ProducerError, TransactionError};
use crate::ids::{ConnectionId, CorrelationId, NodeId, ProducerIdentity};
use crate::io::{DisconnectReason, Input};
use crate::protocol::{ApiKey, ApiVersionsResponse, InitProducerIdResponse, MetadataResponse, Response};
use crate::time::Instant;
use crate::trace::{Fact, Observer};

use super::Producer;
use super::completion::{Answer, Cut};
use super::connections::{Asked, Outstanding, VersionsOutcome};
use super::identity::IdentitySignal;
use super::metadata::MetadataAsked;
use super::meter::{Event, millis_between};

impl<O: Observer> Producer<O> {
    pub(super) fn hear(&mut self, now: Instant, input: Input) {
        // That a request was written is no news where an answer is to come: the last round of this very moment, which found
        // nothing more to do, would find the same again.
        if let Input::Written { connection, correlation } = input
            && !self.is_dirty
            && !self.looks_away
            && self.rests_since == Some(now)
            && self.connections.awaits_answer(connection, correlation)
        {
            return;
        }
        self.is_dirty = true;
        match input {
            Input::Wake => return,
            Input::Connected { connection } => self.on_connected(now, connection),
            Input::Disconnected { connection, why } => self.on_disconnected(now, connection, why),
            Input::Stalled { connection, correlation } => self.connections.on_stalled(connection, correlation),
            Input::Written { connection, correlation } => self.on_written(now, connection, correlation),
            Input::Received { connection, correlation, response } => {
                self.on_received(now, connection, correlation, response);
            }
        }
        self.has_heard = true;
    }

    pub(super) fn on_connected(&mut self, now: Instant, connection: ConnectionId) {
        let Some(node) = self.connections.on_stands(connection) else { return };
        self.connections.on_use(node, now);
        self.told.note(now, || Fact::Connected { connection, node });
        self.meter.note(now, Event::Connected { node });
        self.ask_versions(now, node);
    }

    pub(super) fn on_disconnected(&mut self, now: Instant, connection: ConnectionId, why: DisconnectReason) {
        self.on_lost(now, connection, why, Cut::Disconnected);
    }

    /// A connection is gone: its requests fail, oldest first, and metadata is asked for again.
    pub(super) fn on_lost(&mut self, now: Instant, connection: ConnectionId, why: DisconnectReason, how: Cut) {
        let was_dialled = self.connections.is_dialled(connection);
        let Some((node, requests)) = self.connections.on_lost(connection, now) else { return };
        let is_heard = why != DisconnectReason::ClosedByUs;
        // An idle one that was closed says nothing of its broker.
        if why != DisconnectReason::ClosedByUs || was_dialled || !requests.is_empty() {
            self.lost = Some(Box::new(LostConnection { node, why: why.clone() }));
        }
        self.told.note(now, || Fact::Disconnected { connection, node, why });
        self.meter.note(now, Event::Disconnected { node, is_heard });
        self.is_dirty = true;
        if requests.iter().any(|request| matches!(request.asked, Asked::Metadata(_))) {
            self.metadata.on_failure(now, &mut self.chance.retry);
        }
        // Metadata was about to be asked for: that has failed too, and is tried again after a pause
        // (`DefaultMetadataUpdater.handleServerDisconnect`).
        // What an answer of this round asked for does not count: `NetworkClient.poll` completes requests last.
        let is_unheard = core::mem::take(&mut self.metadata_asked_by_answer);
        if self.metadata.is_due(now) && !is_unheard {
            self.metadata.on_failure(now, &mut self.chance.retry);
        }
        self.metadata.request_update();
        for request in requests {
            match request.asked {
                Asked::ApiVersions | Asked::Metadata(_) => {}
                Asked::InitProducerId => self.retry_identity(),
                Asked::Transaction => self.on_transaction_disconnected(),
                Asked::Produce(batches) => {
                    let code = match how {
                        Cut::Disconnected => ErrorCode::NETWORK_EXCEPTION,
                        Cut::TimedOut => ErrorCode::REQUEST_TIMED_OUT,
                    };
                    self.complete_all(now, &batches, &Answer::lost(code, node));
                }
            }
        }
    }

    pub(super) fn on_written(&mut self, now: Instant, connection: ConnectionId, correlation: CorrelationId) {
        // Only a request that gets no answer comes back here: acks=0, and this is all there is to know.
        if let Some(Outstanding { asked: Asked::Produce(batches), .. }) =
            self.connections.on_written(connection, correlation, now)
            && let Some(node) = self.connections.node_of(connection)
        {
            let in_flight = u32::try_from(self.connections.in_flight(node)).unwrap_or(u32::MAX);
            self.told.note(now, || Fact::RequestWritten { connection, correlation, node, in_flight });
            self.complete_all(now, &batches, &Answer::none(ErrorCode::NONE));
        }
    }

    pub(super) fn on_received(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        correlation: CorrelationId,
        response: Response,
    ) {
        let Some(node) = self.connections.node_of(connection) else { return };
        self.connections.on_use(node, now);
        // An answer to another question than the oldest, or of another kind: what else on this connection could be
        // believed? The Java client keeps it; a peer that is out of step is cut off here.
        let is_expected = |request: &Outstanding| request.api == response.api();
        let Some(request) = self.connections.on_response(node, correlation, is_expected) else {
            return self.cut_for(now, connection, node, "it is not about the oldest question".into());
        };
        let in_flight = u32::try_from(self.connections.in_flight(node)).unwrap_or(u32::MAX);
        let api = request.api;
        self.told.note(now, || Fact::ResponseReceived { connection, correlation, api, node, in_flight });
        self.throttle(now, node, request.version, &response);
        self.meter.note(now, Event::Throttled { millis: response.throttle_time_ms() });
        let latency_ms = millis_between(request.sent_at, now);
        match (request.asked, response) {
            (Asked::ApiVersions, Response::ApiVersions(response)) => {
                self.on_versions(now, connection, node, &response);
            }
            (Asked::Metadata(asked), Response::Metadata(response)) => {
                self.on_metadata(now, asked, &response);
            }
            (Asked::InitProducerId, Response::InitProducerId(response)) => {
                self.on_identity(now, &response);
            }
            (Asked::Produce(batches), Response::Produce(response)) => {
                self.on_produce(now, node, request.version, &batches, &response);
                self.meter.note(now, Event::Answered { node, latency_ms });
            }
            (Asked::Transaction, response) => self.on_transaction_answer(now, response),
            // The kinds were compared above.
            _ => {}
        }
    }

    /// A broker's wish for a pause binds from the version on in which brokers answer first and leave the waiting to
    /// the client (KIP-219).
    pub(super) fn throttle(&mut self, now: Instant, node: NodeId, version: i16, response: &Response) {
        let first = match response.api() {
            ApiKey::Produce | ApiKey::Metadata => 6,
            ApiKey::ApiVersions | ApiKey::FindCoordinator => 2,
            _ => 1,
        };
        if version >= first {
            self.connections.throttle(node, response.throttle_time_ms(), now);
        }
    }

    pub(super) fn on_versions(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        node: NodeId,
        response: &ApiVersionsResponse,
    ) {
        match self.connections.on_versions(node, response) {
            VersionsOutcome::Ready => {}
            VersionsOutcome::AskAgain => self.ask_versions(now, node),
            VersionsOutcome::Unfit => {
                let what = format!("ApiVersions is refused with {}", response.error);
                self.cut_for(now, connection, node, what.into());
            }
        }
    }

    /// After such an answer nothing else on the connection could be believed or asked.
    fn cut_for(&mut self, now: Instant, connection: ConnectionId, node: NodeId, what: Arc<str>) {
        self.cut(now, connection, Cut::Disconnected);
        self.lost = Some(Box::new(LostConnection { node, why: DisconnectReason::Malformed(what) }));
    }

    fn on_metadata(&mut self, now: Instant, asked: MetadataAsked, response: &MetadataResponse) {
        if self.config.rebootstraps && response.error == ErrorCode::REBOOTSTRAP_REQUIRED {
            return self.metadata.on_rebootstrap_required();
        }
        let topics = &self.topics;
        let is_answer = self.metadata.on_answer(now, asked, response, |name| topics.find(name), &mut self.chance.retry);
        if !is_answer {
            return;
        }
        self.lost = None;
        let (metadata, topics) = (&self.metadata, &self.topics);
        self.told.note(now, || Fact::MetadataUpdated {
            brokers: metadata.nodes().keys().copied().collect(),
            topics: metadata.leaders().map(|(topic, leaders)| (Arc::clone(topics.name(topic)), leaders)).collect(),
        });
        self.wake_senders_for_metadata();
    }

    pub(super) fn wake_senders_for_metadata(&mut self) {
        if core::mem::take(&mut self.somebody_waits_for_metadata) {
            self.tell_senders();
        }
    }

    fn on_identity(&mut self, now: Instant, response: &InitProducerIdResponse) {
        let identity = ProducerIdentity { id: response.producer_id, epoch: response.producer_epoch };
        match response.error {
            ErrorCode::NONE if identity.id >= 0 && identity.epoch >= 0 => {
                self.identity.on(IdentitySignal::InitAnswered(identity));
                self.told.note(now, || Fact::IdentityChanged { identity });
            }
            // No error and no id is no answer.
            ErrorCode::NONE => self.retry_identity(),
            code if code.is_retriable() => self.retry_identity(),
            ErrorCode::CLUSTER_AUTHORIZATION_FAILED | ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED => {
                // Not fatal: rights may be granted, and what is sent later meets another answer.
                self.identity.on(IdentitySignal::InitFailed);
                let error = ProducerError::Broker { code: response.error, message: None };
                self.fail_everything(now, &error);
            }
            // The second is what coordinators said before Kafka 2.7 where they say the first now.
            ErrorCode::PRODUCER_FENCED | ErrorCode::INVALID_PRODUCER_EPOCH => {
                let fenced = ProducerError::Broker { code: ErrorCode::PRODUCER_FENCED, message: None };
                self.identity.on(IdentitySignal::Fatal(fenced));
            }
            code => {
                let unexpected = TransactionError::UnexpectedAnswer { api: ApiKey::InitProducerId, code };
                self.identity.on(IdentitySignal::Fatal(unexpected.into()));
            }
        }
    }

    fn retry_identity(&mut self) {
        self.identity.on(IdentitySignal::InitFailed);
        self.identity_is_retried = true;
    }
}
