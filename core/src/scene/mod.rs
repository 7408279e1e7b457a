//! What the screen shows: a fold over the trace, and nothing else.
//!
//! [`Scene::apply`] takes one event after another; going back in time is a fold over fewer of them. Everything here is
//! bounded: finished batches, log cells and the list of what happened keep only their newest entries, because a picture
//! of a million records is still one screen.

mod batches;
mod copies;
mod log;
mod parts;
#[cfg(test)]
mod tests;
mod wires;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::{BatchId, ConnectionId, NodeId, ProducerIdentity, ProducerIndex, TopicPartition};
use crate::time::Instant;
use crate::trace::{Fact, Statement, TraceEvent};

use batches::partition_of;
use wires::Lost;

pub use copies::{BrokerScene, Copies};
pub use log::{Cell, PartitionLog};
pub use parts::{
    AwaitedPartition, BatchScene, BatchState, CallerScene, ConnectionScene, PartitionScene, RecordScene, RequestScene,
    SenderScene,
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
                self.goes_on();
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
            Fact::PartitionAwaited { partition, partitions, until, .. } => {
                let (partition, partitions, until) = (partition.clone(), *partitions, *until);
                self.caller.awaits = Some(AwaitedPartition { partition, partitions, since: at, until });
            }
            Fact::SendRefused { .. } => {
                self.caller.refused += 1;
                self.goes_on();
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
            | Fact::LogTruncated { .. }
            | Fact::ProcessPaused { .. } => {}
        }
    }

    /// `send` waits no longer.
    fn goes_on(&mut self) {
        self.caller.blocked_on = None;
        self.caller.awaits = None;
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
    /// is forgotten, and so is what stood of brokers and copies; connections that still stand show again with their next request
    /// or answer. Logs and history stay, and both say that there is a gap.
    fn miss(&mut self, dropped: u64) {
        self.thinned += dropped;
        self.batches.retain(|_, batch| batch.state.is_final());
        self.connections.clear();
        self.lost.clear();
        self.unanswered.clear();
        self.goes_on();
        self.caller.newest = None;
        self.broker_states.clear();
        self.controller_is_away = false;
        for partition in self.partitions.values_mut() {
            partition.under_way.clear();
            partition.log.miss();
            partition.copies = Copies::default();
        }
    }

    /// Folds many events.
    pub fn apply_all<'a>(&mut self, events: impl IntoIterator<Item = &'a TraceEvent>) {
        for event in events {
            self.apply(event);
        }
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
}
