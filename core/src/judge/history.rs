//! What a judge is given.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use core::time::Duration;

use super::contents::{Content, Contents};
use super::law;
use super::reading::Log;
use super::wire::Wire;
use crate::config::ProducerConfig;
use crate::error::{ErrorCode, Persistence, ProducerError, Surface};
use crate::ids::{NodeId, ProducerIndex, TopicPartition};
use crate::record::Record;
use crate::time::Instant;
use crate::trace::{Fact, TraceEvent};

/// When something was noted: a time, and a place in the order of what one witness noted. Orders of a [`History`] and of
/// its [`Wire`] are two witnesses': between them only [`at`](Self::at) compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// When.
    pub at: Instant,
    /// Larger for what was noted later.
    pub turn: u64,
}

/// A call of `send()`, by its place in [`History::calls`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u32);

/// A call of `flush()` or `close()`, by its place in [`History::waits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitId(pub u32);

/// A partition: its topic by its place in [`History::topics`], and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The topic.
    pub topic: u32,
    /// The partition's number.
    pub partition: i32,
}

/// What a topic promises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: Arc<str>,
    /// How many partitions it had from when on, in order of time.
    pub partitions: Vec<(Instant, i32)>,
    /// `min.insync.replicas`, or the number of copies where that is lower.
    pub min_insync_replicas: i16,
    /// Has every replica a record at the moment its leader has it? So it is with brokers that leave replication out.
    pub copies_in_step: bool,
    /// Was it deleted, or made anew, meanwhile? Then nothing is promised of what it held.
    pub was_recreated: bool,
}

impl Topic {
    /// A topic that had so many partitions from the beginning, each in as many copies as must be in sync.
    pub fn new(name: &str, partitions: i32, min_insync_replicas: i16) -> Self {
        Self {
            name: name.into(),
            partitions: vec![(Instant::ZERO, partitions)],
            min_insync_replicas,
            copies_in_step: false,
            was_recreated: false,
        }
    }
}

/// A key: equal keys have equal names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name, in [`History::keys`].
    pub name: Content,
    /// murmur2 of its bytes.
    pub hash: i32,
}

/// A call of `send()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Of which producer.
    pub producer: ProducerIndex,
    /// By which thread of the program.
    pub thread: u32,
    /// Its topic, by its place in [`History::topics`].
    pub topic: u32,
    /// What the record carries.
    pub content: Content,
    /// Its key; `None`: null.
    pub key: Option<Key>,
    /// The partition that the record names.
    pub asked_partition: Option<i32>,
    /// The time that the record names, in milliseconds since 1970.
    pub asked_timestamp_ms: Option<i64>,
    /// The partition it went to, where the program was told.
    pub partition: Option<i32>,
    /// When `send()` was called.
    pub called: Moment,
    /// When it returned or threw; `None`: it has not.
    pub returned: Option<Moment>,
    /// The transaction it is part of, by its place in [`History::transactions`].
    pub transaction: Option<u32>,
}

/// `RecordMetadata` of an acknowledged record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Its partition.
    pub partition: i32,
    /// Its offset; `None`: −1, the broker did not say.
    pub offset: Option<i64>,
    /// Its time in milliseconds since 1970, where the program was told.
    pub timestamp_ms: Option<i64>,
}

/// Why a record failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Simple name of the Java exception class.
    pub class: Cow<'static, str>,
    /// The broker's code, where the broker had the word.
    pub code: Option<ErrorCode>,
    /// Does the class extend `RetriableException`?
    pub is_retriable: bool,
    /// Where the program met it.
    pub surface: Surface,
    /// Whether the record may be in the log. The Java client does not say: then it may.
    pub persistence: Persistence,
}

impl Failure {
    /// An error of this producer's.
    pub fn of(error: &ProducerError, surface: Surface, persistence: Persistence) -> Self {
        let code = match error {
            ProducerError::Broker { code, .. } => Some(*code),
            _ => None,
        };
        Self {
            class: Cow::Borrowed(error.java_class()),
            code,
            is_retriable: error.is_retriable(),
            surface,
            persistence,
        }
    }
}

/// What a program was told of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is stored.
    Acknowledged(Metadata),
    /// An exception.
    Failed(Failure),
    /// The answer is lost to the program, as when a page comes back to a bridge that forgot it: never the same as failed.
    Unknown,
}

/// A result, as the program got it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Of which call.
    pub call: CallId,
    /// When.
    pub at: Moment,
    /// What.
    pub fate: Fate,
}

/// What a program waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitFor {
    /// `flush()`.
    Flush,
    /// `close()`, with or without a timeout.
    Close,
}

/// A call of `flush()` or `close()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Of which producer.
    pub producer: ProducerIndex,
    /// Which of the two.
    pub what: WaitFor,
    /// When it was called.
    pub begun: Moment,
    /// When it returned; `None`: it has not.
    pub ended: Option<Moment>,
}

/// How a transaction ended, as its program was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionEnd {
    /// `commitTransaction` returned.
    Committed,
    /// `abortTransaction` returned.
    Aborted,
    /// It is open, or the program cannot know.
    Unknown,
}

/// A transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Of which producer.
    pub producer: ProducerIndex,
    /// How it ended.
    pub end: TransactionEnd,
}

/// A partition got a leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaderSeen {
    /// When.
    pub at: Instant,
    /// Which partition.
    pub place: Place,
    /// Who; −1: nobody.
    pub leader: NodeId,
    /// In which epoch.
    pub epoch: i32,
    /// Was it one of those in sync? An unclean election may lose what was acknowledged.
    pub is_clean: bool,
}

/// A producer's sender could do nothing: its process stood still, or a callback kept its thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stall {
    /// Which producer.
    pub producer: ProducerIndex,
    /// Since when.
    pub from: Instant,
    /// Until when.
    pub until: Instant,
}

/// So much of a producer's buffer was used from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemorySeen {
    /// Which producer.
    pub producer: ProducerIndex,
    /// When.
    pub at: Instant,
    /// Bytes of `buffer.memory`.
    pub used_bytes: u64,
}

/// Everything a judge is given.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The producers' configurations, by [`ProducerIndex`].
    pub producers: Vec<Arc<ProducerConfig>>,
    /// The topics.
    pub topics: Vec<Topic>,
    /// Names of what records carry.
    pub contents: Contents,
    /// Names of keys.
    pub keys: Contents,
    /// Every call of `send()`, in the order of the calls.
    pub calls: Vec<Call>,
    /// Every result, in the order in which the program got them.
    pub told: Vec<Told>,
    /// Every call of `flush()` and `close()`.
    pub waits: Vec<Wait>,
    /// The transactions.
    pub transactions: Vec<Transaction>,
    /// What was read back. A partition that is not there was not read.
    pub logs: BTreeMap<Place, Log>,
    /// Who led each partition when the history began, and in which epoch, where somebody knows.
    pub first_leaders: BTreeMap<Place, (NodeId, i32)>,
    /// Leaders in order of time: those that took over since.
    pub leaders: Vec<LeaderSeen>,
    /// What was overheard.
    pub wire: Wire,
    /// Buffered bytes over time.
    pub memory: Vec<MemorySeen>,
    /// When senders could do nothing, in order of their beginnings.
    pub stalls: Vec<Stall>,
    /// Processes that ended, with all that they waited for, and when.
    pub exits: Vec<(ProducerIndex, Instant)>,
    /// `producer.id.expiration.ms` of the brokers, where it is short enough to matter here.
    pub producer_id_expiration: Option<Duration>,
    /// When the last fault was over. `None`: nobody says so.
    pub healed_at: Option<Instant>,
    /// When the history ends.
    pub ended_at: Instant,
    /// How exactly things happen at their time: next to nothing in virtual time, the scheduler's whims in ours.
    pub tick: Duration,
    turn: u64,
}

impl History {
    /// Enters a producer. Its name is its place: those of a session come in order.
    pub fn add_producer(&mut self, config: Arc<ProducerConfig>) -> ProducerIndex {
        self.producers.push(config);
        ProducerIndex(u32::try_from(self.producers.len() - 1).unwrap_or(u32::MAX))
    }

    /// Enters a topic.
    pub fn add_topic(&mut self, topic: Topic) -> u32 {
        self.topics.push(topic);
        u32::try_from(self.topics.len() - 1).unwrap_or(u32::MAX)
    }

    /// A topic by its name. One that was not entered is, without partitions: of it nothing is promised.
    pub fn topic(&mut self, name: &str) -> u32 {
        let known = self.topics.iter().position(|topic| &*topic.name == name);
        let Some(known) = known else {
            return self.add_topic(Topic { partitions: Vec::new(), ..Topic::new(name, 0, 0) });
        };
        u32::try_from(known).unwrap_or(u32::MAX)
    }

    /// A partition that was entered.
    pub fn place(&self, partition: &TopicPartition) -> Option<Place> {
        let topic = self.topics.iter().position(|topic| topic.name == partition.topic)?;
        Some(Place { topic: u32::try_from(topic).ok()?, partition: partition.partition })
    }

    /// A partition under its name.
    pub fn name_of(&self, place: Place) -> TopicPartition {
        let topic = self.topics.get(place.topic as usize).map_or_else(|| "?".into(), |topic| Arc::clone(&topic.name));
        TopicPartition { topic, partition: place.partition }
    }

    /// A producer's configuration.
    pub fn config(&self, producer: ProducerIndex) -> Option<&ProducerConfig> {
        self.producers.get(producer.0 as usize).map(|config| &**config)
    }

    /// When a producer's process ended, if it did.
    pub(crate) fn exited_at(&self, producer: ProducerIndex) -> Option<Instant> {
        self.exits.iter().find(|(ended, _)| *ended == producer).map(|&(_, at)| at)
    }

    pub(super) fn moment(&mut self, at: Instant) -> Moment {
        self.turn += 1;
        self.ended_at = self.ended_at.max(at);
        Moment { at, turn: self.turn }
    }

    /// A thread of the program calls `send()`.
    pub fn call(&mut self, at: Instant, producer: ProducerIndex, thread: u32, record: &Record<'_>) -> CallId {
        let headers = record.headers.iter().map(|header| (header.key.as_bytes(), header.value));
        let content = self.contents.of_record(record.key, record.value, headers);
        let key = record.key.map(|key| Key { name: self.keys.of(key), hash: law::murmur2(key) });
        let call = Call {
            producer,
            thread,
            topic: self.topic(record.topic),
            content,
            key,
            asked_partition: record.partition,
            asked_timestamp_ms: record.timestamp_ms,
            partition: None,
            called: self.moment(at),
            returned: None,
            transaction: None,
        };
        self.calls.push(call);
        CallId(u32::try_from(self.calls.len() - 1).unwrap_or(u32::MAX))
    }

    /// `send()` returned or threw; the partition, where it said one.
    pub fn returned(&mut self, at: Instant, call: CallId, partition: Option<i32>) {
        let moment = self.moment(at);
        let call = &mut self.calls[call.0 as usize];
        call.returned = Some(moment);
        call.partition = partition.or(call.partition);
    }

    /// The program gets a result.
    pub fn tell(&mut self, at: Instant, call: CallId, fate: Fate) {
        if let Fate::Acknowledged(metadata) = &fate {
            self.calls[call.0 as usize].partition.get_or_insert(metadata.partition);
        }
        let at = self.moment(at);
        self.told.push(Told { call, at, fate });
    }

    /// The program calls `flush()` or `close()`.
    pub fn begin_wait(&mut self, at: Instant, producer: ProducerIndex, what: WaitFor) -> WaitId {
        let begun = self.moment(at);
        self.waits.push(Wait { producer, what, begun, ended: None });
        WaitId(u32::try_from(self.waits.len() - 1).unwrap_or(u32::MAX))
    }

    /// It returned.
    pub fn end_wait(&mut self, at: Instant, wait: WaitId) {
        let moment = self.moment(at);
        self.waits[wait.0 as usize].ended = Some(moment);
    }

    /// Does [`add_facts`](Self::add_facts) take anything from such a fact?
    pub fn reads(fact: &Fact) -> bool {
        matches!(fact, Fact::LeaderMoved { .. } | Fact::MemoryUsed { .. } | Fact::FaultInjected { .. })
    }

    /// Takes from a trace what the world tells of itself: leaders, buffered bytes, and which answers a script gave instead
    /// of a broker. What the producer tells of its own doings is left aside.
    pub fn add_facts(&mut self, events: &[TraceEvent]) {
        for event in events {
            match &event.what {
                Fact::LeaderMoved { partition, leader, epoch, unclean } => {
                    if let Some(place) = self.place(partition) {
                        let (leader, epoch) = (*leader, *epoch);
                        self.leaders.push(LeaderSeen { at: event.at, place, leader, epoch, is_clean: !unclean });
                    }
                }
                Fact::MemoryUsed { used_bytes } => {
                    let used_bytes = *used_bytes;
                    self.memory.push(MemorySeen { producer: event.producer, at: event.at, used_bytes });
                }
                Fact::FaultInjected { connection, correlation, fault: crate::trace::Fault::Answered { .. } } => {
                    self.wire.mark_scripted(event.producer, *connection, *correlation);
                }
                _ => {}
            }
        }
    }
}
