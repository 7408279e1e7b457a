//! Questions: for a producer id, for metadata, and whom to ask.

use core::time::Duration;
use std::sync::Arc;

use crate::error::{ErrorCode, ProducerError};
use crate::ids::{BrokerAddress, NodeId};
use crate::io::WaitReason;
use crate::protocol::{ApiKey, InitProducerIdRequest, Request};
use crate::time::Instant;
use crate::trace::{Fact, Observer};

use super::Producer;
use super::accumulator::Ready;
use super::connections::{Asked, Availability};
use super::identity::IdentitySignal;

impl<O: Observer> Producer<O> {
    /// Resolves sequences, bumps the epoch where one asked for it, asks for a producer id where there is none.
    pub(super) fn settle_identity(&mut self, now: Instant) {
        if !self.identity.is_used() {
            return;
        }
        self.sequences.resolve();
        if let Some(error) = self.identity.fatal_error().cloned() {
            if self.accumulator.has_incomplete() {
                self.fail_everything(now, &error);
            }
            return;
        }
        if self.sequences.wants_bump() {
            self.bump_epoch(now);
        }
        if self.identity.is_missing() {
            self.ask_identity(now);
        }
    }

    fn bump_epoch(&mut self, now: Instant) {
        self.identity.on(IdentitySignal::EpochBumpNeeded);
        let identity = self.identity.ready();
        for (slot, stamp) in self.sequences.renumber(identity) {
            if let Some(batch) = self.accumulator.batch_mut(slot) {
                batch.stamp = stamp;
                batch.sequence_was_reset = true;
            }
        }
        if let Some(identity) = identity {
            self.told.note(now, || Fact::IdentityChanged { identity });
        }
    }

    fn ask_identity(&mut self, now: Instant) {
        if self.has_lost_target(now, self.target_awaited_until.is_some()) {
            self.identity_is_retried = true;
            return self.sleep_after_failure(now);
        }
        let has_looked = self.question_target.is_some();
        let Some((node, not_before)) = self.whom_to_ask(now) else {
            // Nobody to ask: the next question is one asked again.
            self.identity_is_retried = true;
            return;
        };
        // The network is looked at once before a broker is turned to, as for coordinators.
        if !has_looked {
            self.is_dirty = true;
            return;
        }
        match self.connections.availability(node, now) {
            // Metadata goes first, unless it became due during the pause.
            Availability::Ready if self.metadata.is_due(now) && not_before == Instant::ZERO => {
                return self.await_target(now);
            }
            Availability::Ready if core::mem::take(&mut self.identity_is_retried) => {
                // The pause begins when there is somebody to ask (`Sender.maybeSendAndPollTransactionalRequest`).
                let until = now + self.config.retry_backoff;
                self.question_target = Some((node, until));
                return self.sleep_until(until);
            }
            Availability::Ready if not_before > now => return self.sleep_until(not_before),
            Availability::Ready => {}
            Availability::CanConnect => {
                self.dial(now, node);
                return self.await_target(now);
            }
            Availability::NotBefore(at, why) => {
                self.wake_by(Some((at, why)));
                return self.await_target(now);
            }
            Availability::Underway | Availability::Busy => return self.await_target(now),
        }
        self.target_awaited_until = None;
        self.question_target = None;
        let Some(version) = self.connections.version(node, ApiKey::InitProducerId) else {
            let error = self.connections.unsupported(node, ApiKey::InitProducerId);
            self.is_dirty = true;
            return self.identity.on(IdentitySignal::Fatal(error));
        };
        let body = Request::InitProducerId(InitProducerIdRequest {
            transactional_id: None,
            transaction_timeout_ms: i32::MAX,
            producer_id: -1,
            producer_epoch: -1,
        });
        self.identity.on(IdentitySignal::InitSent);
        self.transmit(now, node, version, body, Asked::InitProducerId, true);
    }

    /// Waits until the broker can be asked, at most `request.timeout.ms` (`NetworkClientUtils.awaitReady`).
    fn await_target(&mut self, now: Instant) {
        let until = *self.target_awaited_until.get_or_insert(now + self.patience());
        if until > now {
            return self.wake_by(Some((until, WaitReason::RequestTimeout)));
        }
        self.identity_is_retried = true;
        self.sleep_after_failure(now);
    }

    /// How long a connection to ask something on is waited for. With neither `request.timeout.ms` nor `retry.backoff.ms` the
    /// Java client asks again without end until its clock moves on: in a world whose time stands meanwhile, for ever.
    pub(super) fn patience(&self) -> Duration {
        self.config.request_timeout.max(Duration::from_millis(1).saturating_sub(self.config.retry_backoff))
    }

    /// The broker chosen for this question, before or now, and not before when it is asked.
    pub(super) fn whom_to_ask(&mut self, now: Instant) -> Option<(NodeId, Instant)> {
        if self.question_target.is_none() {
            self.question_target = self.least_loaded(now).map(|(node, _)| (node, Instant::ZERO));
        }
        self.question_target
    }

    /// Was a broker chosen, and could it not be connected to (`Sender.awaitNodeReady`)? Who has not waited for it yet may.
    pub(super) fn has_lost_target(&self, now: Instant, has_waited: bool) -> bool {
        let is_lost = |(node, _)| {
            self.connections.connection_to(node).is_none()
                && (has_waited || self.connections.availability(node, now) != Availability::CanConnect)
        };
        self.question_target.is_some_and(is_lost)
    }

    /// `Sender.maybeFindCoordinatorAndRetry`, for what anybody may be asked.
    pub(super) fn sleep_after_failure(&mut self, now: Instant) {
        self.question_target = None;
        self.target_awaited_until = None;
        self.metadata.request_update();
        self.sleep_until(now + self.config.retry_backoff);
    }

    /// A broker that can be asked now; connects to one if none can.
    fn broker_for_questions(&mut self, now: Instant) -> Option<NodeId> {
        match self.least_loaded(now)? {
            (node, Availability::Ready) => return Some(node),
            (node, Availability::CanConnect) => self.dial(now, node),
            _ => {}
        }
        None
    }

    pub(super) fn least_loaded(&mut self, now: Instant) -> Option<(NodeId, Availability)> {
        let nodes: Vec<NodeId> = self.metadata.nodes().keys().copied().collect();
        let chosen = self.connections.least_loaded(&nodes, now, &self.chance.nodes);
        // Another may be ready before the one that is being connected to.
        if !matches!(chosen, Some((_, Availability::Ready))) {
            for node in nodes {
                if let Availability::NotBefore(at, why) = self.connections.availability(node, now) {
                    self.wake_by(Some((at, why)));
                }
            }
        }
        chosen
    }

    pub(super) fn dial(&mut self, now: Instant, node: NodeId) {
        let Some(address) = self.metadata.nodes().get(&node).cloned() else { return };
        self.dial_at(now, node, address);
    }

    /// A coordinator may be a broker of which metadata has not told.
    pub(super) fn dial_at(&mut self, now: Instant, node: NodeId, address: BrokerAddress) {
        let (connection, output) = self.connections.dial(node, address, now);
        self.outputs.push_back(output);
        self.told.note(now, || Fact::Connecting { connection, node });
    }

    /// Batches for partitions that nobody leads: metadata is asked about their topics.
    pub(super) fn ask_for_leaders(&mut self, now: Instant, ready: &Ready) {
        for &topic in &ready.leaderless {
            self.metadata.add(topic, now);
        }
        if !ready.leaderless.is_empty() {
            self.metadata.request_update();
        }
    }

    pub(super) fn ask_metadata(&mut self, now: Instant) {
        let next = self.metadata.next_request_at();
        if next.is_none_or(|at| at > now) {
            return self.wake_by(next.map(|at| (at, WaitReason::MetadataRefresh)));
        }
        self.metadata.on_attempt(now);
        // Not one of them can be asked, now or as soon as an answer comes.
        let is_out_of_reach = |node| matches!(self.connections.availability(node, now), Availability::NotBefore(..));
        if self.config.rebootstraps && self.metadata.nodes().keys().all(|&node| is_out_of_reach(node)) {
            // Others may be asked for a producer id, too.
            self.is_dirty |= self.metadata.rebootstrap(now);
        }
        let Some(node) = self.broker_for_questions(now) else {
            self.is_dirty |= self.connections.is_writing();
            return;
        };
        let version = match self.metadata_version(node) {
            Ok(version) => version,
            Err(error) => {
                self.metadata.on_failure(now, &mut self.chance.retry);
                self.metadata_error = Some(error);
                self.is_dirty = true;
                return self.wake_senders_for_metadata();
            }
        };
        let (request, asked) = self.metadata.ask(now, version, |topic| Arc::clone(self.topics.name(topic)));
        self.transmit(now, node, version, Request::Metadata(request), Asked::Metadata(asked), true);
        // What was held back for the question may go.
        self.is_dirty = true;
    }

    fn metadata_version(&self, node: NodeId) -> Result<i16, ProducerError> {
        match self.connections.version(node, ApiKey::Metadata) {
            // `MetadataRequest.Builder.build`.
            Some(0) => Err(ProducerError::Broker {
                code: ErrorCode::UNSUPPORTED_VERSION,
                message: Some("MetadataRequest versions older than 1 are not supported.".into()),
            }),
            Some(version) => Ok(version),
            None => Err(self.connections.unsupported(node, ApiKey::Metadata)),
        }
    }
}
