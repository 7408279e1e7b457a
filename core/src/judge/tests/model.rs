//! A tiny model of a producer and its partitions: it numbers, stores and tells as the law has it, and shares no code with
//! either. What it writes down is a history in which all is well.

use std::collections::BTreeMap;
use std::sync::Arc;

use core::time::Duration;

use crate::config::ProducerConfig;
use crate::error::{ErrorCode, Persistence, Surface};
use crate::ids::{ConnectionId, CorrelationId, NodeId, ProducerIdentity, ProducerIndex, TopicPartition};
use crate::judge::wire::{BatchSeen, End, RequestSeen};
use crate::judge::{
    CallId, Failure, Fate, History, LeaderSeen, Log, MemorySeen, Metadata, Moment, Place, Stored, Topic, WaitFor, law,
};
use crate::protocol::ApiKey;
use crate::record::Record;
use crate::time::Instant;

pub(super) const PRODUCER: ProducerIndex = ProducerIndex(0);
const ID: i64 = 7;
/// What a record weighs here.
const RECORD_BYTES: u32 = 30;

pub(super) fn place(partition: i32) -> Place {
    Place { topic: 0, partition }
}

/// What an attempt to send a batch comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    /// Stored and answered.
    Good,
    /// Stored, and the connection ends before the answer; then sent again, and recognised.
    AnswerLost,
    /// The connection ends before it is stored; then sent again.
    RequestLost,
    /// Refused for good: the epoch is over.
    Refused,
}

#[derive(Clone, Copy, Debug, Default)]
struct Numbers {
    epoch: i16,
    next: i32,
}

/// See above.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) history: History,
    now: Instant,
    wire_turn: u64,
    connection: u32,
    correlation: i32,
    pending: BTreeMap<i32, Vec<CallId>>,
    numbers: BTreeMap<i32, Numbers>,
    epoch: i16,
    leader_epoch: BTreeMap<i32, i32>,
}

impl Model {
    /// A producer with these settings beside the defaults, and a topic of three partitions with two copies in sync.
    pub(super) fn with(properties: &[(&str, &str)]) -> Self {
        let (config, _) = ProducerConfig::from_properties(properties.iter().copied()).expect("a lawful configuration");
        let mut history = History::default();
        history.tick = Duration::from_millis(1);
        history.add_producer(Arc::new(config));
        history.add_topic(Topic::new("orders", 3, 2));
        for partition in 0..3 {
            let empty = Log { is_whole: true, committed: Some(Vec::new()), ..Log::default() };
            history.logs.insert(place(partition), empty);
        }
        Self {
            history,
            now: Instant::from_millis(10),
            wire_turn: 0,
            connection: 0,
            correlation: 0,
            pending: BTreeMap::new(),
            numbers: BTreeMap::new(),
            epoch: 0,
            leader_epoch: BTreeMap::new(),
        }
    }

    pub(super) fn new() -> Self {
        Self::with(&[])
    }

    pub(super) fn pass(&mut self, ms: u64) {
        self.now = self.now + Duration::from_millis(ms);
        self.history.ended_at = self.history.ended_at.max(self.now);
    }

    pub(super) fn now(&self) -> Instant {
        self.now
    }

    pub(super) fn tick(&mut self) -> Instant {
        self.pass(1);
        self.now
    }

    /// Sends a record whose partition its key decides.
    pub(super) fn send(&mut self, key: &str, value: &str) -> CallId {
        let partition = law::partition_of(law::murmur2(key.as_bytes()), 3).expect("three partitions");
        self.send_record(partition, &Record::keyed("orders", key.as_bytes(), value.as_bytes()))
    }

    /// Sends a record to the partition that it names.
    pub(super) fn send_to(&mut self, partition: i32, key: &str, value: &str) -> CallId {
        let record = Record { partition: Some(partition), ..Record::keyed("orders", key.as_bytes(), value.as_bytes()) };
        self.send_record(partition, &record)
    }

    fn send_record(&mut self, partition: i32, record: &Record<'_>) -> CallId {
        let at = self.tick();
        let call = self.history.call(at, PRODUCER, 0, record);
        self.history.returned(at, call, Some(partition));
        self.pending.entry(partition).or_default().push(call);
        self.note_memory();
        call
    }

    fn note_memory(&mut self) {
        let used_bytes = 100 * self.pending.values().map(Vec::len).sum::<usize>() as u64;
        self.history.memory.push(MemorySeen { producer: PRODUCER, at: self.now, used_bytes });
    }

    /// Sends what waits for a partition as one batch, to whatever end.
    pub(super) fn deliver(&mut self, partition: i32, passage: Passage) {
        let calls = self.pending.remove(&partition).unwrap_or_default();
        if calls.is_empty() {
            return;
        }
        let sent = self.transmit(partition, calls.len());
        match passage {
            Passage::Good => {
                let base = self.store(partition, &calls);
                self.answer(sent, ErrorCode::NONE, base);
                self.acknowledge(partition, &calls, base);
            }
            Passage::AnswerLost | Passage::RequestLost => {
                let early = (passage == Passage::AnswerLost).then(|| self.store(partition, &calls));
                self.break_connection(sent);
                self.pass(120);
                let again = self.transmit(partition, calls.len());
                let base = early.unwrap_or_else(|| self.store(partition, &calls));
                self.answer(again, ErrorCode::NONE, base);
                self.acknowledge(partition, &calls, base);
            }
            Passage::Refused => {
                self.answer(sent, ErrorCode::INVALID_RECORD, -1);
                for &call in &calls {
                    self.fail(call, "InvalidRecordException", Persistence::NotPersisted);
                }
                // No sequence was used up: what follows begins anew in the next epoch.
                self.epoch += 1;
            }
        }
        if passage != Passage::Refused {
            let numbers = self.numbers_of(partition);
            let next = law::sequence_after(numbers.next, u32::try_from(calls.len()).expect("few"));
            self.numbers.insert(partition, Numbers { next, ..numbers });
        }
        self.note_memory();
    }

    fn numbers_of(&self, partition: i32) -> Numbers {
        let known = self.numbers.get(&partition).copied();
        known.filter(|known| known.epoch == self.epoch).unwrap_or(Numbers { epoch: self.epoch, next: 0 })
    }

    /// Has a partition's next sequence be this one, in a partition that has stored nothing.
    pub(super) fn begin_at(&mut self, partition: i32, next: i32) {
        self.numbers.insert(partition, Numbers { epoch: self.epoch, next });
    }

    fn identity(&self, partition: i32) -> Option<ProducerIdentity> {
        let is_idempotent = self.history.producers[0].enable_idempotence;
        is_idempotent.then(|| ProducerIdentity { id: ID, epoch: self.numbers_of(partition).epoch })
    }

    pub(super) fn moment(&mut self) -> Moment {
        self.wire_turn += 1;
        Moment { at: self.tick(), turn: self.wire_turn }
    }

    /// A Produce request leaves with one batch of what comes next, on the connection there is.
    pub(super) fn transmit(&mut self, partition: i32, records: usize) -> usize {
        let identity = self.identity(partition);
        let records = u32::try_from(records).expect("few");
        let batch = BatchSeen {
            partition: TopicPartition { topic: "orders".into(), partition },
            identity,
            base_sequence: identity.map_or(-1, |_| self.numbers_of(partition).next),
            records,
            bytes: 61 + records * RECORD_BYTES,
            first_record_bound: 82 + RECORD_BYTES,
            crc: 0,
            is_compressed: false,
            is_transactional: false,
            is_sound: true,
            answer: None,
            base_offset: -1,
        };
        self.correlation += 1;
        let sent = self.moment();
        self.history.wire.requests.push(RequestSeen {
            producer: PRODUCER,
            connection: ConnectionId(self.connection),
            node: NodeId(1),
            correlation: CorrelationId(self.correlation),
            api: ApiKey::Produce,
            batches: vec![batch],
            sent,
            ended: None,
            error: ErrorCode::NONE,
            wants_answer: true,
            is_scripted: false,
            leader_epochs: Vec::new(),
        });
        self.history.wire.requests.len() - 1
    }

    pub(super) fn answer(&mut self, request: usize, error: ErrorCode, base_offset: i64) {
        let ended = self.moment();
        let request = &mut self.history.wire.requests[request];
        request.ended = Some((ended, End::Answered));
        request.batches[0].answer = Some(error);
        request.batches[0].base_offset = base_offset;
    }

    pub(super) fn break_connection(&mut self, request: usize) {
        let ended = self.moment();
        self.history.wire.requests[request].ended = Some((ended, End::ConnectionEnded));
        self.connection += 1;
    }

    /// A partition stores these records in this order. Returns the first one's offset.
    pub(super) fn store(&mut self, partition: i32, calls: &[CallId]) -> i64 {
        let (identity, base_sequence) = (self.identity(partition), self.numbers_of(partition).next);
        let leader_epoch = self.leader_epoch.get(&partition).copied().unwrap_or(0);
        let log = self.history.logs.get_mut(&place(partition)).expect("three partitions");
        let base = log.high_watermark;
        for (delta, call) in (0_u32..).zip(calls) {
            log.records.push(Stored {
                offset: base + i64::from(delta),
                content: self.history.calls[call.0 as usize].content,
                timestamp_ms: 1_000,
                is_append_time: false,
                identity,
                sequence: identity.map_or(-1, |_| law::sequence_after(base_sequence, delta)),
                is_transactional: false,
                leader_epoch,
            });
            log.committed.get_or_insert_default().push(base + i64::from(delta));
            log.high_watermark += 1;
        }
        log.last_stable_offset = log.high_watermark;
        base
    }

    pub(super) fn acknowledge(&mut self, partition: i32, calls: &[CallId], base: i64) {
        let at = self.now;
        for (offset, &call) in (base..).zip(calls) {
            let metadata = Metadata { partition, offset: Some(offset), timestamp_ms: Some(1_000) };
            self.history.tell(at, call, Fate::Acknowledged(metadata));
        }
    }

    pub(super) fn fail(&mut self, call: CallId, class: &'static str, persistence: Persistence) {
        let failure = Failure {
            class: class.into(),
            code: None,
            is_retriable: class == "TimeoutException",
            surface: Surface::FutureOnSender,
            persistence,
        };
        self.history.tell(self.now, call, Fate::Failed(failure));
    }

    /// Nobody waits for its records any more: what is left of them is somebody else's business.
    pub(super) fn forget(&mut self, partition: i32) -> Vec<CallId> {
        let calls = self.pending.remove(&partition).unwrap_or_default();
        self.note_memory();
        calls
    }

    pub(super) fn move_leader(&mut self, partition: i32, is_clean: bool) {
        let epoch = self.leader_epoch.entry(partition).or_default();
        *epoch += 1;
        let (at, epoch) = (self.now, *epoch);
        self.history.leaders.push(LeaderSeen { at, place: place(partition), leader: NodeId(2), epoch, is_clean });
    }

    /// `flush()`, or `close()`: delivers what is left, and returns.
    pub(super) fn wait(&mut self, what: WaitFor) {
        let at = self.tick();
        let wait = self.history.begin_wait(at, PRODUCER, what);
        (0..3).for_each(|partition| self.deliver(partition, Passage::Good));
        let at = self.tick();
        self.history.end_wait(at, wait);
    }
}
