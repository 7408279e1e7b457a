//! What leaves: the sender's round, in the Java client's order (`Sender.runOnce`).
//!
//! Sequences and identity → who is ready → drain → expire → requests → metadata → deadlines of connections.

use core::time::Duration;
use std::sync::Arc;

use crate::error::{Persistence, ProducerError};
use crate::ids::{ConnectionId, NodeId};
use crate::io::{DisconnectReason, Output, WaitReason};
use crate::planted::{Defect, planted};
use crate::protocol::{ApiKey, ApiVersionsRequest, ProducePartition, ProduceRequest, ProduceTopic, Request};
use crate::time::{Instant, Now};
use crate::trace::{Fact, Observer};

use super::accumulator::{BatchSlot, Ready, Urgency, earlier};
use super::batch::BatchSignal;
use super::completion::Cut;
use super::compressor::Compressor;
use super::connections::{Asked, Availability, BEYOND};
use super::metadata::Attempt;
use super::meter::{Event, millis_between};
use super::sleep::Sleep;
use super::topics::PartitionRef;
use super::transact::Turn;
use super::transactions::Transactions;
use super::{Life, LifeSignal, Producer};

/// Since this version a Produce request may carry zstd (KIP-110).
const ZSTD_SINCE: i16 = 7;

/// What this client calls itself (KIP-511).
const SOFTWARE_NAME: &str = env!("CARGO_PKG_NAME");
pub(super) const SOFTWARE_VERSION: &str = env!("CARGO_PKG_VERSION");

impl<O: Observer> Producer<O> {
    /// The first half of a round, up to `client.poll`: sequences and identity, who is ready, drain, expire, requests,
    /// questions. [`poll_output`](Self::poll_output) goes round by itself; this is for who must look at the network between
    /// the halves, in one and the same moment, as the Java client does.
    pub fn begin_round(&mut self, now: Now) {
        let at = now.instant();
        self.connections.begin_round();
        self.metadata_asked_by_answer = false;
        // Before another round: what is not asked by now need not be asked any more (`Sender.run`).
        self.finish_close(at);
        self.send_what_is_due(at);
    }

    /// The second half of a round: patience with connections ends. [`is_round_due`](Self::is_round_due) says from
    /// when on the next one is.
    pub fn end_round(&mut self, now: Now) {
        let at = now.instant();
        self.hear_what_was_missed(at);
        self.has_heard = false;
        if self.life == Life::Closed {
            return;
        }
        self.end_patience(now);
        if !self.is_asleep(at) {
            self.finish_close(at);
            let deadline = self.connections.next_deadline();
            self.wake_by(deadline);
        }
        // Once there is nothing left to wait for, a close whose time is up need not wait either.
        self.is_dirty |= self.is_out_of_time(at) && !self.is_amid_a_question(at);
        // Whatever is due by now was dealt with in this round; what is left waits for an input, or for the next tick.
        if let Some((until, _)) = &mut self.wait {
            *until = (*until).max(at + Duration::from_micros(1));
        }
        self.rests_since = (!self.is_dirty).then_some(at);
    }

    /// Would a round change anything now?
    pub fn is_round_due(&self, now: Now) -> bool {
        self.is_dirty || self.wait.is_some_and(|(until, _)| until <= now.instant())
    }

    /// Does the sender sleep before it asks a question once more, or go round without a look at the network? What it is told
    /// meanwhile it hears afterwards.
    pub fn is_deaf(&self, now: Now) -> bool {
        self.looks_away || self.is_asleep(now.instant())
    }

    /// Does the sender wait for a connection to ask something on? It does so at the network, in the middle of a round, and hears
    /// what comes before anything else is due (`NetworkClientUtils.awaitReady`).
    pub fn awaits_a_broker(&self) -> bool {
        let awaits_anyone = self.target_awaited_until.is_some() && !self.has_paused_before_a_question();
        awaits_anyone || self.transactions.as_ref().is_some_and(Transactions::awaits_a_broker)
    }

    /// Did it sleep, or does it, before it asks anyone for a producer id?
    fn has_paused_before_a_question(&self) -> bool {
        self.question_target.is_some_and(|(_, not_before)| not_before > Instant::ZERO)
    }

    /// A round without a look at connections (`Sender.sendProducerData`, before `client.poll`).
    pub(super) fn send_what_is_due(&mut self, now: Instant) {
        self.is_dirty = false;
        self.looks_away = false;
        self.wait = None;
        if self.life == Life::Closed {
            return;
        }
        if let Some(until) = self.sleep.ends(now) {
            return self.wake_by(Some((until, WaitReason::RetryBackoff)));
        }
        self.end_flushes();
        self.force_close_if_due(now);
        if self.life == Life::Closed {
            return;
        }
        if self.transactions.is_some() {
            match self.settle_transaction(now) {
                Turn::Batches => {}
                Turn::Questions => return self.ask_metadata(now),
                Turn::Nothing => {
                    self.looks_away = true;
                    return;
                }
            }
        } else {
            self.settle_identity(now);
            if self.identity.is_used() && self.identity.ready().is_none() {
                // Without an id the Java client's loop asks and listens; batches are not looked at, not even at their age.
                if !self.is_asleep(now) {
                    self.ask_metadata(now);
                }
                return;
            }
        }
        let ready = self.accumulator.ready(now, self.urgency(), &(&self.metadata, &self.latencies));
        self.wake_by(ready.next);
        self.ask_for_leaders(now, &ready);
        let requests = self.drain_ready(now, &ready);
        self.expire(now);
        self.count_drained(now, &requests);
        // One request per broker and round: there may be more for it.
        self.is_dirty |= !requests.is_empty();
        self.send_all(now, requests);
        self.ask_metadata(now);
    }

    pub(super) fn urgency(&self) -> Urgency {
        Urgency {
            exhausted: self.memory.is_exhausted(),
            flushing: !self.flushes.is_empty(),
            closing: self.life != Life::Open,
            completing: self.transactions.as_ref().is_some_and(Transactions::is_completing),
        }
    }

    pub(super) fn wake_by(&mut self, deadline: Option<(Instant, WaitReason)>) {
        self.wait = earlier(self.wait, deadline);
    }

    /// Patience ends with connections, and then with what is believed of the cluster.
    pub(super) fn end_patience(&mut self, now: Now) {
        if !self.is_asleep(now.instant()) {
            self.cut_overdue(now.instant());
            self.rebootstrap_if_overdue(now);
        }
    }

    /// Closes connections that took too long to stand or to answer, and one that nobody used for too long: more of those
    /// come in the next round (`Selector.maybeCloseOldestConnection`).
    fn cut_overdue(&mut self, now: Instant) {
        if self.connections.next_deadline().is_none_or(|(deadline, _)| deadline > now) {
            return;
        }
        if let Some(connection) = self.connections.idle(now) {
            self.cut(now, connection, Cut::Disconnected);
        }
        for connection in self.connections.overdue_dials(now) {
            self.cut(now, connection, Cut::Disconnected);
        }
        for (connection, correlation) in self.connections.overdue_requests(now) {
            self.told.note(now, || Fact::RequestTimedOut { connection, correlation });
            self.cut(now, connection, Cut::TimedOut);
        }
    }

    /// Metadata was asked for in vain for so long that the brokers known must be the wrong ones, or one of them said so
    /// (`NetworkClient.handleRebootstrap`).
    fn rebootstrap_if_overdue(&mut self, now: Now) {
        let Some(attempt) = self.metadata.attempt().filter(|_| self.config.rebootstraps) else { return };
        let (now, since_1970) = (now.instant(), Duration::from_millis(now.wall_ms.try_into().unwrap_or(0)));
        match attempt {
            Attempt::Since(begin) => {
                let due = begin + self.config.rebootstrap_trigger + BEYOND;
                if due > now {
                    return self.wake_by(Some((due, WaitReason::MetadataRefresh)));
                }
            }
            Attempt::Always if since_1970 <= self.config.rebootstrap_trigger => return,
            Attempt::Always => {}
        }
        let nodes = self.metadata.nodes().keys();
        let connections: Vec<_> = nodes.filter_map(|&node| self.connections.connection_to(node)).collect();
        for connection in connections {
            self.cut(now, connection, Cut::Disconnected);
        }
        self.metadata.rebootstrap(now);
        self.is_dirty = true;
    }

    /// Closes a connection on our side; everything out on it fails.
    pub(super) fn cut(&mut self, now: Instant, connection: ConnectionId, how: Cut) {
        self.outputs.push_back(Output::Close { connection });
        self.on_lost(now, connection, DisconnectReason::ClosedByUs, how);
    }

    /// Drains for every broker that is ready and can be sent to.
    fn drain_ready(&mut self, now: Instant, ready: &Ready) -> Vec<(NodeId, Vec<BatchSlot>)> {
        let mut requests = Vec::new();
        for &node in &ready.nodes {
            // While metadata is due, the question goes first: what is believed is known to be wrong.
            let availability = self.connections.availability(node, now);
            let can_be_sent_to = availability == Availability::Ready && !self.metadata.is_due(now);
            self.latencies.on_ready(node, now, can_be_sent_to);
            match availability {
                Availability::Ready if !can_be_sent_to => {}
                Availability::Ready => {
                    let batches = self.drain_node(now, node);
                    if batches.is_empty() {
                        self.meter.note(now, Event::DrainedFor { records: 0 });
                    } else {
                        requests.push((node, batches));
                    }
                }
                Availability::CanConnect => self.dial(now, node),
                Availability::NotBefore(at, why) => self.wake_by(Some((at, why))),
                Availability::Underway | Availability::Busy => {}
            }
        }
        requests
    }

    /// After what expired, as the Java client counts (`SenderMetrics.updateProduceRequestMetrics`).
    fn count_drained(&mut self, now: Instant, requests: &[(NodeId, Vec<BatchSlot>)]) {
        if !self.meter.is_on() {
            return;
        }
        for (_, batches) in requests {
            let mut records = 0;
            for batch in batches.iter().filter_map(|&slot| self.accumulator.batch(slot)) {
                records += batch.record_count;
                let drained = Event::Drained {
                    topic: batch.partition.topic,
                    records: batch.record_count,
                    bytes: batch.size_bytes(),
                    compression_ratio: batch.compression_ratio,
                    queued_ms: millis_between(batch.created_at, now),
                    largest_record: batch.largest_record,
                };
                self.meter.note(now, drained);
            }
            self.meter.note(now, Event::DrainedFor { records });
        }
    }

    /// At most one batch of each partition the broker leads, beginning where the last walk ended.
    pub(super) fn drain_node(&mut self, now: Instant, node: NodeId) -> Vec<BatchSlot> {
        let partitions = self.metadata.partitions_of(node);
        let count = partitions.len();
        let limit = self.config.max_request_size as usize;
        let limit = if planted(Defect::RequestWithoutLimit) { usize::MAX } else { limit };
        let start = self.drain_index.get(&node).map_or(0, |index| index % count.max(1));
        let (mut batches, mut size) = (Vec::new(), 0);
        for step in 0..count {
            let index = (start + step) % count;
            self.drain_index.insert(node, index);
            let partition = self.metadata.partitions_of(node)[index];
            let Some(leader) = self.metadata.leader(partition) else { continue };
            let Some(head) = self.accumulator.drainable(partition, now, leader) else { continue };
            let head_size = self.accumulator.batch(head).map_or(0, |batch| batch.size_bytes());
            // A partition that must wait holds back the rest of its broker's, as in the Java client.
            if (size + head_size > limit && !batches.is_empty()) || !self.give_sequence(partition, head) {
                break;
            }
            size += self.drain_one(now, partition, head);
            batches.push(head);
        }
        batches
    }

    /// Gives the head of a queue its sequence, unless it has one. `false`: it must wait.
    fn give_sequence(&mut self, partition: PartitionRef, head: BatchSlot) -> bool {
        if !self.identity.is_used() {
            return true;
        }
        let Some(identity) = self.identity.ready() else { return false };
        let transactional = self.transactions.is_some();
        if self.transactions.as_ref().is_some_and(|transactions| !transactions.may_send(partition)) {
            return false;
        }
        let Some(batch) = self.accumulator.batch_mut(head) else { return false };
        if !self.sequences.may_drain(partition, head, batch.stamp.is_some(), identity) {
            return false;
        }
        if batch.stamp.is_none() {
            batch.stamp = Some(self.sequences.assign(partition, head, batch.record_count, identity, transactional));
        }
        true
    }

    fn drain_one(&mut self, now: Instant, partition: PartitionRef, head: BatchSlot) -> usize {
        let keeps_order_by_muting = self.config.max_in_flight == 1;
        let because = self.accumulator.drain(partition, now, self.urgency(), keeps_order_by_muting);
        let Some(batch) = self.accumulator.batch_mut(head) else { return 0 };
        batch.sent += 1;
        batch.sequence_was_reset = false;
        if let Some(compressor) = &mut self.compressor {
            if let Some(spare) = batch.close_compressed(compressor.codecs()) {
                self.memory.recycle(spare, batch.memory);
            }
            // Once more of a batch that is sent again, as in the Java client (`ProducerBatch.close`).
            compressor.on_drained(partition.topic, batch.compression_ratio);
        }
        let bytes = batch.close().len();
        let (id, records, stamp) = (batch.id, batch.record_count, batch.stamp);
        self.told.note(now, || Fact::BatchDrained {
            batch: id,
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
            records,
            because,
            identity: stamp.and_then(|stamp| stamp.identity),
            base_sequence: stamp.map_or(-1, |stamp| stamp.base_sequence),
        });
        bytes
    }

    /// Fails what lived too long: queued batches first, then those in flight.
    fn expire(&mut self, now: Instant) {
        let late = if planted(Defect::ExpiryTwoTicksLate) { Duration::from_millis(2) } else { Duration::ZERO };
        let timeout = self.config.delivery_timeout + late;
        // Usually nothing is over, and one look says both that and when something will be.
        let next = self.accumulator.next_expiry(timeout);
        if next.is_none_or(|at| at > now) {
            return self.wake_by(next.map(|at| (at, WaitReason::DeliveryTimeout)));
        }
        let mut expired = self.accumulator.expire_queued(now, timeout);
        expired.extend(self.accumulator.expire_in_flight(now, timeout));
        // Heads changed, and with them perhaps who is ready.
        self.is_dirty |= !expired.is_empty();
        for slot in expired {
            self.fail_expired(now, slot);
        }
        let next = self.accumulator.next_expiry(timeout);
        self.wake_by(next.map(|at| (at, WaitReason::DeliveryTimeout)));
    }

    /// Sends a request to each broker. A request that cannot be built ends the walk, and what was drained for it and for
    /// those after it stays in flight until its delivery deadline: the Java client's I/O thread logs the
    /// UnsupportedCompressionTypeException and goes on.
    fn send_all(&mut self, now: Instant, requests: Vec<(NodeId, Vec<BatchSlot>)>) {
        let mut is_broken_off = false;
        for (node, batches) in requests {
            is_broken_off |= self.is_too_old_for_zstd(node);
            if !is_broken_off {
                self.send_produce(now, node, batches);
                continue;
            }
            for slot in batches {
                if let Some(batch) = self.accumulator.batch_mut(slot) {
                    batch.is_stranded = true;
                }
            }
        }
    }

    fn is_too_old_for_zstd(&self, node: NodeId) -> bool {
        self.compressor.as_ref().is_some_and(Compressor::is_zstd)
            && self.produce_version(node).is_some_and(|version| version < ZSTD_SINCE)
    }

    fn send_produce(&mut self, now: Instant, node: NodeId, batches: Vec<BatchSlot>) {
        let Some(version) = self.produce_version(node) else {
            return batches.into_iter().for_each(|slot| self.on_unsendable(now, slot));
        };
        let acks = self.config.acks.code();
        let topics = self.grouped(&batches);
        let timeout_ms = i32::try_from(self.config.request_timeout.as_millis()).unwrap_or(i32::MAX);
        let transactional_id = self.transactions.as_ref().map(|known| Arc::clone(known.transactional_id()));
        let body = Request::Produce(ProduceRequest { transactional_id, acks, timeout_ms, topics });
        self.transmit(now, node, version, body, Asked::Produce(batches), acks != 0);
    }

    /// By topic, each with the id that metadata told of it, or with none: a broker that wants ids then knows no such topic,
    /// as for the Java client (`Sender.topicIdsForBatches`).
    fn grouped(&mut self, batches: &[BatchSlot]) -> Vec<ProduceTopic> {
        let mut topics: Vec<ProduceTopic> = Vec::new();
        for &slot in batches {
            let Some(batch) = self.accumulator.batch_mut(slot) else { continue };
            let partition = ProducePartition { partition: batch.partition.partition, records: batch.close() };
            let topic = batch.partition.topic;
            let (name, id) = (self.topics.name(topic), self.metadata.topic_id(topic));
            batch.sent_to = id;
            match topics.iter_mut().find(|known| Arc::ptr_eq(&known.name, name)) {
                Some(known) => known.partitions.push(partition),
                None => topics.push(ProduceTopic { name: Arc::clone(name), id, partitions: vec![partition] }),
            }
        }
        topics
    }

    /// Asks a broker what it speaks, on a connection that has just been made.
    pub(super) fn ask_versions(&mut self, now: Instant, node: NodeId) {
        let Some(version) = self.connections.version(node, ApiKey::ApiVersions) else { return };
        let body = Request::ApiVersions(ApiVersionsRequest {
            client_software_name: SOFTWARE_NAME.into(),
            client_software_version: SOFTWARE_VERSION.into(),
        });
        self.transmit(now, node, version, body, Asked::ApiVersions, true);
    }

    pub(super) fn transmit(
        &mut self,
        now: Instant,
        node: NodeId,
        version: i16,
        body: Request,
        asked: Asked,
        expects_response: bool,
    ) {
        let api = body.api();
        let carried = match &asked {
            Asked::Produce(batches) if O::WATCHES => {
                batches.iter().filter_map(|&slot| Some(self.accumulator.batch(slot)?.id)).collect()
            }
            _ => Vec::new(),
        };
        let Some(output) = self.connections.send(node, version, body, asked, expects_response, now) else { return };
        if let Output::Transmit { connection, request } = &output {
            let (connection, correlation) = (*connection, request.header.correlation);
            let in_flight = u32::try_from(self.connections.in_flight(node)).unwrap_or(u32::MAX);
            self.told.note(now, || Fact::RequestSent {
                connection,
                correlation,
                api,
                node,
                batches: carried,
                in_flight,
            });
        }
        self.outputs.push_back(output);
    }

    fn is_out_of_time(&self, now: Instant) -> bool {
        matches!(self.life, Life::Closing { deadline: Some(deadline) } if deadline <= now)
    }

    /// Does the sender sleep, or has it turned to a broker with a question that is not asked yet, because it waits for the
    /// connection or for the end of a pause? It looks at nothing else meanwhile (`NetworkClientUtils.awaitReady`).
    fn is_amid_a_question(&self, now: Instant) -> bool {
        self.is_asleep(now)
            || self.question_target.is_some()
            || self.transactions.as_ref().is_some_and(Transactions::has_current)
    }

    fn force_close_if_due(&mut self, now: Instant) {
        let Life::Closing { deadline: Some(deadline) } = self.life else { return };
        if deadline > now {
            return self.wake_by(Some((deadline, WaitReason::Close)));
        }
        if self.is_amid_a_question(now) {
            return;
        }
        self.fail_everything(now, &ProducerError::ForceClosed);
        self.transactions.iter_mut().for_each(|transactions| transactions.shut(true));
        self.shut(now);
    }

    /// Fails every batch: queued ones are over, those in flight wait for their request's end.
    pub(super) fn fail_everything(&mut self, now: Instant, error: &ProducerError) {
        for slot in self.accumulator.take_all() {
            if self.accumulator.is_in_flight(slot) {
                self.give_up_in_flight(now, slot, error.clone(), Persistence::PossiblyPersisted);
            } else if !self.is_given_up_in_silence(slot) {
                self.fail_queued(now, slot, error.clone());
            }
        }
    }

    fn finish_close(&mut self, now: Instant) {
        // Nothing more is begun when the time is up; and who sleeps does not see that all is done.
        if self.is_out_of_time(now) || self.is_asleep(now) {
            return;
        }
        let is_done = matches!(self.life, Life::Closing { .. })
            && !self.accumulator.has_incomplete()
            && !self.connections.has_in_flight();
        if is_done && self.is_transaction_over(now) {
            self.shut(now);
        }
    }

    /// Closes all connections: the producer's end.
    fn shut(&mut self, now: Instant) {
        self.life = self.life.after(LifeSignal::Over);
        self.sleep = Sleep::default();
        self.transactions.iter_mut().for_each(|transactions| transactions.shut(false));
        for connection in self.connections.all() {
            self.cut(now, connection, Cut::Disconnected);
        }
        self.end_flushes();
        self.wake_senders_for_metadata();
        self.wait = None;
        self.is_dirty = false;
    }

    /// Batches whose request is still out when they are failed to the application.
    pub(super) fn mark_abandoned(&mut self, slot: BatchSlot) {
        if let Some(batch) = self.accumulator.batch_mut(slot) {
            batch.on(BatchSignal::GivenUp);
        }
    }
}
