//! What the screen shows: a fold over the trace, and nothing else.
//!
//! [`Scene::apply`] takes one event after another; going back in time is a fold over fewer of them. Everything here is
//! bounded: finished batches, log cells and the list of what happened keep only their newest entries, because a picture
//! of a million records is still one screen.

mod copies;
mod log;
mod parts;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::{BatchId, ConnectionId, CorrelationId, NodeId, ProducerIdentity, ProducerIndex, TopicPartition};
use crate::io::DisconnectReason;
use crate::protocol::ApiKey;
use crate::record_batch::increment_sequence;
use crate::time::Instant;
use crate::trace::{Fact, SplitBatch, Statement, TraceEvent};

pub use copies::{BrokerScene, Copies};
pub use log::{Cell, PartitionLog};
pub use parts::{
    BatchScene, BatchState, CallerScene, ConnectionScene, PartitionScene, RecordScene, RequestScene, SenderScene,
};

/// Events kept for the list of what happened.
pub const HISTORY: usize = 200;
/// Finished batches kept, for pointing at.
pub const FINISHED_BATCHES: usize = 256;
/// Partitions kept; beyond it those with nothing under way make room, the one that was quiet the longest first.
pub const PARTITIONS: usize = 512;
/// Topics whose leaders are kept; beyond it those that metadata did not name last make room.
pub const TOPICS: usize = 128;
/// Records of one batch kept with their labels.
pub const LABELLED_RECORDS: usize = 64;

/// The state of the picture at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scene {
    /// Time of the newest event.
    pub at: Instant,
    /// The producer that is shown: batches and connections are named by it.
    pub producer: ProducerIndex,
    /// The application.
    pub caller: CallerScene,
    /// The sender thread.
    pub sender: SenderScene,
    /// Bytes of `buffer.memory` in use.
    pub memory_used_bytes: u64,
    /// Producer id and epoch, once granted.
    pub identity: Option<ProducerIdentity>,
    /// Batches under way and the newest finished ones.
    pub batches: BTreeMap<BatchId, BatchScene>,
    /// Partitions seen, with shelf and log.
    pub partitions: BTreeMap<TopicPartition, PartitionScene>,
    /// Connections that are being made or stand.
    pub connections: BTreeMap<ConnectionId, ConnectionScene>,
    /// Brokers named by metadata.
    pub brokers: Vec<NodeId>,
    /// Brokers that the producer lost and has not reached since.
    lost: BTreeMap<NodeId, Lost>,
    /// Brokers that were told of; see [`broker`](Self::broker).
    broker_states: BTreeMap<NodeId, BrokerScene>,
    /// Is there nobody who elects leaders?
    pub controller_is_away: bool,
    /// Leader of each partition as the producer believes it, by topic and partition number.
    pub leaders: BTreeMap<Arc<str>, Vec<NodeId>>,
    /// Answers on their way home to the caller: the newest acknowledged or failed batches.
    pub homecoming: VecDeque<BatchId>,
    /// What happened, newest last, bounded by [`HISTORY`].
    pub history: VecDeque<TraceEvent>,
    /// Facts the observer had to drop.
    pub thinned: u64,
    finished: VecDeque<BatchId>,
    /// Batches that nobody will answer for (acks=0), oldest first, until a log shows them or their connection is over.
    unanswered: VecDeque<(ConnectionId, BatchId)>,
}

/// A broker whose connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Lost {
    since: Instant,
    /// Was another one tried in vain?
    is_refused: bool,
}

impl Scene {
    /// Takes the next event. With the first one of a newer producer the picture starts over; what an older one still
    /// tells, or brokers about it, changes only the logs and the program's counts.
    pub fn apply(&mut self, event: &TraceEvent) {
        self.at = self.at.max(event.at);
        self.remember(event);
        self.apply_to_copies(event);
        if event.producer < self.producer {
            return self.apply_late(event);
        }
        if event.producer > self.producer {
            self.start_over(event.producer);
        }
        let at = event.at;
        match &event.what {
            Fact::CallerStands(statement) => {
                self.caller.stands = *statement;
                self.caller.since = at;
                self.caller.blocked_on = None;
                if *statement == Statement::Get {
                    self.wait_for_newest();
                }
            }
            Fact::Appended { ordinal, batch, batch_bytes, key_size, value_size, choice, label, .. } => {
                let record = RecordScene {
                    ordinal: *ordinal,
                    appended_at: at,
                    label: Arc::clone(label),
                    key_size: *key_size,
                    value_size: *value_size,
                    choice: Some(*choice),
                    awaited: false,
                };
                self.append(*batch, 1, *batch_bytes, Some(record));
            }
            Fact::AppendedMany { batch, count, batch_bytes, .. } => self.append(*batch, *count, *batch_bytes, None),
            Fact::SendBlocked { on, .. } => self.caller.blocked_on = Some(*on),
            Fact::SendRefused { .. } => {
                self.caller.refused += 1;
                self.caller.blocked_on = None;
            }
            Fact::BatchOpened { batch, partition, capacity } => self.open(at, *batch, partition, *capacity),
            Fact::BatchDrained { batch, bytes, records, because, identity, base_sequence } => {
                self.sender.last_drain = Some(at);
                if let Some(scene) = self.enter(at, *batch, BatchState::Drained) {
                    scene.attempts += 1;
                    scene.bytes = *bytes;
                    scene.records = *records;
                    scene.drained_because = Some(*because);
                    scene.identity = *identity;
                    scene.base_sequence = *base_sequence;
                }
            }
            Fact::BatchRetried { batch, error, until, .. } => {
                self.enter(at, *batch, BatchState::Retrying { until: *until, error: *error });
            }
            Fact::BatchSplit { batch, children } => self.split(at, *batch, children),
            Fact::BatchAcked { batch, stored } => {
                if let Some(scene) = self.batches.get(batch) {
                    let partition = partition_of(&mut self.partitions, at, &scene.partition);
                    partition.log.acknowledge(*batch, scene, *stored);
                }
                self.finish(at, *batch, BatchState::Acked(*stored));
            }
            Fact::BatchFailed { batch, error, persistence } => {
                let state = BatchState::Failed { error: error.clone(), persistence: *persistence };
                self.finish(at, *batch, state);
            }
            Fact::Connecting { connection, node } => {
                self.connections.insert(*connection, ConnectionScene::new(*node, false, at));
            }
            Fact::Connected { connection, node } => {
                self.lost.remove(node);
                self.connections.insert(*connection, ConnectionScene::new(*node, true, at));
            }
            Fact::Disconnected { connection, node, why } => {
                self.lose(at, *node, why);
                self.connections.remove(connection);
                self.unanswered.retain(|(of, _)| of != connection);
            }
            Fact::RequestSent { connection, correlation, api, node, batches, .. } => {
                self.standing(at, *connection, *node);
                self.request_left(at, *connection, *correlation, *api, batches);
            }
            Fact::ResponseReceived { connection, correlation, node, .. } => {
                self.standing(at, *connection, *node);
                self.response_came(at, *connection, *correlation);
            }
            Fact::RequestWritten { connection, correlation, node, .. } => {
                self.standing(at, *connection, *node);
                self.request_written(*connection, *correlation);
            }
            Fact::MetadataUpdated { brokers, topics } => self.learn_leaders(brokers, topics),
            Fact::IdentityChanged { identity } => self.identity = Some(*identity),
            Fact::MemoryUsed { used_bytes } => self.memory_used_bytes = *used_bytes,
            Fact::SenderWaits { until, why } => {
                self.sender.why = *why;
                self.sender.until = *until;
            }
            Fact::LogAppended { node, partition, base_offset, records, identity, base_sequence } => {
                let carrier = self.carrier(partition, *records, *identity, *base_sequence);
                if let Some(scene) = carrier.and_then(|batch| self.batches.get_mut(&batch)) {
                    scene.stored = Some((at, *base_offset));
                }
                let scene = carrier.and_then(|batch| Some((batch, self.batches.get(&batch)?)));
                let entry = partition_of(&mut self.partitions, at, partition);
                if entry.copies.is_led_by(*node) {
                    entry.log.append(*base_offset, *records, scene);
                }
            }
            Fact::FaultInjected { connection, correlation, fault } => {
                if let Some(scene) = self.connections.get_mut(connection)
                    && let Some(request) = scene.in_flight.iter_mut().find(|r| r.correlation == *correlation)
                {
                    request.fault = Some(*fault);
                }
            }
            Fact::Thinned { dropped } => self.miss(*dropped),
            Fact::RequestTimedOut { .. }
            | Fact::CallbacksRan { .. }
            | Fact::CallbackRanOnCaller { .. }
            | Fact::GetReturned { .. }
            | Fact::DuplicateRecognised { .. }
            | Fact::AppendRefused { .. }
            | Fact::TransactionMoved { .. }
            | Fact::LeaderMoved { .. }
            | Fact::BrokerChanged { .. }
            | Fact::BrokerFenced { .. }
            | Fact::ControllerChanged { .. }
            | Fact::IsrChanged { .. }
            | Fact::HighWatermarkMoved { .. }
            | Fact::ReplicaAdvanced { .. }
            | Fact::TopicDeleted { .. }
            | Fact::LogTruncated { .. } => {}
        }
    }

    /// Takes an event of another producer of the same world, or of brokers about it: only the logs are everybody's.
    pub fn apply_of_another(&mut self, event: &TraceEvent) {
        self.at = self.at.max(event.at);
        if matches!(event.what, Fact::LogAppended { .. } | Fact::LeaderMoved { .. }) {
            self.remember(event);
            self.apply_late(event);
        }
    }

    /// An event of a producer that another one has replaced. Its batches and connections are not in the picture any more,
    /// and others have their names; what it was the last to tell still happened.
    fn apply_late(&mut self, event: &TraceEvent) {
        match &event.what {
            Fact::Appended { .. } => self.caller.sent += 1,
            Fact::AppendedMany { count, .. } => self.caller.sent += u64::from(*count),
            Fact::SendRefused { .. } => self.caller.refused += 1,
            Fact::LogAppended { node, partition, base_offset, records, .. } => {
                let entry = partition_of(&mut self.partitions, event.at, partition);
                if entry.copies.is_led_by(*node) {
                    entry.log.append(*base_offset, *records, None);
                }
            }
            Fact::Thinned { dropped } => self.thinned += dropped,
            _ => {}
        }
    }

    /// Another producer took over: its batches and connections are named anew, from the beginning. The logs and what the
    /// program did stay.
    fn start_over(&mut self, producer: ProducerIndex) {
        let old = core::mem::take(self);
        *self = Self {
            at: old.at,
            producer,
            caller: CallerScene {
                sent: old.caller.sent,
                awaited: old.caller.awaited,
                refused: old.caller.refused,
                ..CallerScene::default()
            },
            partitions: old.partitions,
            brokers: old.brokers,
            broker_states: old.broker_states,
            controller_is_away: old.controller_is_away,
            leaders: old.leaders,
            history: old.history,
            thinned: old.thinned,
            ..Self::default()
        };
        for partition in self.partitions.values_mut() {
            partition.under_way.clear();
            partition.log.forget_batches();
        }
    }

    /// Facts are missing here. Whatever was under way may have ended unseen and would stand in the picture for ever, so it
    /// is forgotten, and so is what stood of brokers and copies; connections that still stand show again with their next request or answer. Logs and history stay,
    /// and both say that there is a gap.
    fn miss(&mut self, dropped: u64) {
        self.thinned += dropped;
        self.batches.retain(|_, batch| batch.state.is_final());
        self.connections.clear();
        self.lost.clear();
        self.unanswered.clear();
        self.caller.blocked_on = None;
        self.caller.newest = None;
        self.broker_states.clear();
        self.controller_is_away = false;
        for partition in self.partitions.values_mut() {
            partition.under_way.clear();
            partition.log.miss();
            partition.copies = Copies::default();
        }
    }

    /// A connection that carries requests stands, also when its beginning was not told.
    fn standing(&mut self, at: Instant, connection: ConnectionId, node: NodeId) {
        self.lost.remove(&node);
        self.connections.entry(connection).or_insert_with(|| ConnectionScene::new(node, true, at));
    }

    fn learn_leaders(&mut self, brokers: &[NodeId], topics: &[(Arc<str>, Vec<NodeId>)]) {
        self.brokers = brokers.to_vec();
        // Those who are named are up, as far as who names them knows.
        self.lost.retain(|node, _| !brokers.contains(node));
        for (topic, leaders) in topics {
            self.leaders.insert(Arc::clone(topic), leaders.clone());
        }
        let mut surplus = self.leaders.len().saturating_sub(TOPICS);
        self.leaders.retain(|topic, _| {
            let makes_room = surplus > 0 && !topics.iter().any(|(named, _)| named == topic);
            surplus -= usize::from(makes_room);
            !makes_room
        });
    }

    /// Folds many events.
    pub fn apply_all<'a>(&mut self, events: impl IntoIterator<Item = &'a TraceEvent>) {
        for event in events {
            self.apply(event);
        }
    }

    /// Leader of a partition as the producer believes it; `None`: unknown or none.
    pub fn leader(&self, partition: &TopicPartition) -> Option<NodeId> {
        let leaders = self.leaders.get(&partition.topic)?;
        let leader = leaders.get(usize::try_from(partition.partition).ok()?)?;
        (leader.0 >= 0).then_some(*leader)
    }

    /// A connection is over. One that a broker closes may only have been idle; one that cannot be made says more.
    fn lose(&mut self, at: Instant, node: NodeId, why: &DisconnectReason) {
        let is_refused = matches!(why, DisconnectReason::ConnectFailed(_));
        if is_refused || *why == DisconnectReason::ClosedByPeer {
            let lost = self.lost.entry(node).or_insert(Lost { since: at, is_refused });
            lost.is_refused |= is_refused;
        }
    }

    /// Since when a broker cannot be reached: its connection broke, and none can be made. `None`: it can, as far as is known.
    pub fn unreachable_since(&self, node: NodeId) -> Option<Instant> {
        self.lost.get(&node).filter(|lost| lost.is_refused).map(|lost| lost.since)
    }

    /// Since when no broker can be reached; `None`: one can, or nobody has tried.
    pub fn deserted_since(&self) -> Option<Instant> {
        if self.connections.values().any(|connection| connection.connected) {
            return None;
        }
        let nobody_yet: Vec<NodeId> = self.lost.keys().copied().filter(|node| node.is_bootstrap()).collect();
        let known = if self.brokers.is_empty() { &nobody_yet } else { &self.brokers };
        let since: Option<Vec<Instant>> = known.iter().map(|node| self.unreachable_since(*node)).collect();
        since?.into_iter().max()
    }

    /// Requests without an answer on the standing connection to a broker.
    pub fn in_flight(&self, node: NodeId) -> usize {
        self.connections.values().filter(|c| c.node == node).map(|c| c.in_flight.len()).sum()
    }

    /// Appends and per-record facts would drown everything else in the list; they are in the batches.
    fn remember(&mut self, event: &TraceEvent) {
        if matches!(
            event.what,
            Fact::AppendedMany { .. }
                | Fact::MemoryUsed { .. }
                | Fact::SenderWaits { .. }
                | Fact::HighWatermarkMoved { .. }
                | Fact::ReplicaAdvanced { .. }
        ) {
            return;
        }
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(event.clone());
    }

    fn open(&mut self, at: Instant, batch: BatchId, partition: &TopicPartition, capacity: u32) {
        partition_of(&mut self.partitions, at, partition).under_way.push(batch);
        let scene = BatchScene {
            partition: partition.clone(),
            state: BatchState::Filling,
            opened_at: at,
            since: at,
            capacity_bytes: capacity,
            bytes: 0,
            records: 0,
            first_records: Vec::new(),
            attempts: 0,
            drained_because: None,
            identity: None,
            base_sequence: -1,
            stored: None,
        };
        self.batches.insert(batch, scene);
    }

    fn append(&mut self, batch: BatchId, count: u32, batch_bytes: u32, record: Option<RecordScene>) {
        self.caller.sent += u64::from(count);
        self.caller.blocked_on = None;
        self.caller.newest = Some(batch);
        if let Some(scene) = self.batches.get_mut(&batch) {
            scene.records += count;
            scene.bytes = batch_bytes;
            // Labels are by place: once detail was folded, later labels would stand in the wrong place.
            if let Some(record) = record
                && scene.first_records.len() < LABELLED_RECORDS
                && scene.first_records.len() + 1 == scene.records as usize
            {
                scene.first_records.push(record);
            }
        }
    }

    /// The program waits in `get()` for what it sent last.
    fn wait_for_newest(&mut self) {
        let newest = self.caller.newest.and_then(|batch| self.batches.get_mut(&batch));
        // Of a batch that holds more than it has labels, the newest record is among those without.
        if let Some(batch) = newest.filter(|batch| batch.first_records.len() == batch.records as usize)
            && let Some(record) = batch.first_records.last_mut()
        {
            record.awaited = true;
        }
        self.caller.awaited += 1;
    }

    fn enter(&mut self, at: Instant, batch: BatchId, state: BatchState) -> Option<&mut BatchScene> {
        let scene = self.batches.get_mut(&batch)?;
        scene.state = state;
        scene.since = at;
        Some(scene)
    }

    /// Parts stand on the shelf in the place of a batch that was too large.
    fn split(&mut self, at: Instant, batch: BatchId, parts: &[SplitBatch]) {
        let Some(parent) = self.batches.get(&batch).cloned() else { return };
        let mut first = 0_u32;
        for part in parts {
            let (begin, end) = (first as usize, first.saturating_add(part.records) as usize);
            let labelled = parent.first_records.len();
            let base_sequence = match parent.base_sequence {
                base @ 0.. => increment_sequence(base, first.cast_signed()),
                none => none,
            };
            let scene = BatchScene {
                state: BatchState::Filling,
                since: at,
                capacity_bytes: part.capacity,
                bytes: part.bytes,
                records: part.records,
                first_records: parent.first_records[begin.min(labelled)..end.min(labelled)].to_vec(),
                attempts: 0,
                drained_because: None,
                base_sequence,
                stored: None,
                ..parent.clone()
            };
            self.batches.insert(part.batch, scene);
            first = first.saturating_add(part.records);
        }
        let under_way = &mut partition_of(&mut self.partitions, at, &parent.partition).under_way;
        // A part is on its shelf again, in front of what was appended later.
        let place = under_way.iter().position(|id| *id == batch).unwrap_or(under_way.len());
        under_way.splice(place..place, parts.iter().map(|part| part.batch));
        self.leave(at, batch, BatchState::Split);
    }

    /// A batch met its fate, and the answer goes home to the program.
    fn finish(&mut self, at: Instant, batch: BatchId, state: BatchState) {
        if !self.leave(at, batch, state) {
            return;
        }
        self.homecoming.push_back(batch);
        if self.homecoming.len() > 8 {
            self.homecoming.pop_front();
        }
    }

    /// A batch is over. `false`: it is not known.
    fn leave(&mut self, at: Instant, batch: BatchId, state: BatchState) -> bool {
        let Some(scene) = self.enter(at, batch, state) else { return false };
        let partition = scene.partition.clone();
        if let Some(entry) = self.partitions.get_mut(&partition) {
            entry.under_way.retain(|id| *id != batch);
        }
        self.finished.push_back(batch);
        if self.finished.len() > FINISHED_BATCHES
            && let Some(oldest) = self.finished.pop_front()
        {
            self.batches.remove(&oldest);
        }
        true
    }

    fn request_left(
        &mut self,
        at: Instant,
        connection: ConnectionId,
        correlation: CorrelationId,
        api: ApiKey,
        batches: &[BatchId],
    ) {
        for batch in batches {
            // A batch that expired in the very moment it was drained is sent all the same; its fate stands.
            if self.batches.get(batch).is_some_and(|scene| !scene.state.is_final()) {
                self.enter(at, *batch, BatchState::InFlight { connection, correlation });
            }
        }
        if let Some(scene) = self.connections.get_mut(&connection) {
            let batches = batches.to_vec();
            scene.in_flight.push(RequestScene { correlation, api, batches, sent_at: at, fault: None });
        }
    }

    fn response_came(&mut self, at: Instant, connection: ConnectionId, correlation: CorrelationId) {
        if let Some(scene) = self.connections.get_mut(&connection)
            && let Some(place) = scene.in_flight.iter().position(|r| r.correlation == correlation)
        {
            let request = scene.in_flight.remove(place);
            scene.last_answer = Some((request, at));
        }
    }

    /// Nobody will answer it.
    fn request_written(&mut self, connection: ConnectionId, correlation: CorrelationId) {
        if let Some(scene) = self.connections.get_mut(&connection)
            && let Some(place) = scene.in_flight.iter().position(|r| r.correlation == correlation)
        {
            let request = scene.in_flight.remove(place);
            self.unanswered.extend(request.batches.into_iter().map(|batch| (connection, batch)));
            let too_many = self.unanswered.len().saturating_sub(FINISHED_BATCHES);
            self.unanswered.drain(..too_many);
        }
    }

    fn move_leader(&mut self, partition: &TopicPartition, leader: NodeId) {
        if let Some(leaders) = self.leaders.get_mut(&partition.topic)
            && let Some(slot) = usize::try_from(partition.partition).ok().and_then(|p| leaders.get_mut(p))
        {
            *slot = leader;
        }
    }

    /// The batch that a broker's append speaks of: one in flight, by sequence where there is one, else the oldest with as
    /// many records; or one that nobody answers for.
    fn carrier(
        &mut self,
        partition: &TopicPartition,
        records: u32,
        identity: Option<ProducerIdentity>,
        base_sequence: i32,
    ) -> Option<BatchId> {
        let under_way = &self.partitions.get(partition)?.under_way;
        let in_flight = under_way.iter().copied().find(|id| {
            self.batches.get(id).is_some_and(|scene| {
                matches!(scene.state, BatchState::InFlight { .. })
                    && scene.records == records
                    && (identity.is_none() || (scene.identity == identity && scene.base_sequence == base_sequence))
            })
        });
        in_flight.or_else(|| {
            let place = self.unanswered.iter().position(|(_, id)| {
                let scene = self.batches.get(id);
                scene.is_some_and(|scene| scene.partition == *partition && scene.records == records)
            })?;
            self.unanswered.remove(place).map(|(_, batch)| batch)
        })
    }
}

/// The partition, new if need be; then a quiet one makes room for it.
fn partition_of<'a>(
    partitions: &'a mut BTreeMap<TopicPartition, PartitionScene>,
    at: Instant,
    name: &TopicPartition,
) -> &'a mut PartitionScene {
    if partitions.len() >= PARTITIONS && !partitions.contains_key(name) {
        let quiet = partitions.iter().filter(|(_, scene)| scene.under_way.is_empty());
        let quietest = quiet.min_by_key(|(_, scene)| scene.touched_at).map(|(name, _)| name.clone());
        quietest.and_then(|name| partitions.remove(&name));
    }
    let scene = partitions.entry(name.clone()).or_default();
    scene.touched_at = at;
    scene
}
