//! The producer: serialise, partition, accumulate, drain, send, complete.
//!
//! [`Producer`] is the one dispatcher: it decides the order of things and passes values between components, which know
//! neither it nor each other. Its own work is in `send` (the application's side), `sender` (what leaves) and
//! `completion` (what comes back).

mod accumulator;
mod backoff;
mod batch;
mod completion;
mod compressor;
mod connections;
mod coordination;
mod hearing;
mod identity;
mod in_flight;
mod latencies;
mod memory;
mod metadata;
mod meter;
#[cfg(feature = "metrics")]
mod metrics;
mod narrator;
mod partitioner;
mod questions;
#[cfg(feature = "metrics")]
mod recorder;
mod send;
mod sender;
mod sequence;
mod sleep;
#[cfg(test)]
mod tests;
mod topics;
mod transact;
mod transactions;
mod verdict;
mod waits;
mod warm;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use core::time::Duration;

use crate::codecs::{self, Codecs};
use crate::config::ProducerConfig;
#[cfg(feature = "settings")]
use crate::config::SocketBuffers;
use crate::error::{LostConnection, Persistence, ProducerError, TransactionPhase};
use crate::ids::{BatchId, BrokerAddress, NodeId, TopicId};
use crate::io::{Input, Output, WaitReason};
use crate::planted::{Defect, planted};
use crate::time::{Instant, Now};
use crate::trace::{BlockedOn, Fact, Nobody, Observer};

use self::accumulator::Accumulator;
use self::backoff::Backoff;
use self::compressor::Compressor;
use self::connections::Connections;
use self::identity::Identity;
use self::latencies::Latencies;
use self::memory::Memory;
use self::metadata::Metadata;
use self::meter::Meter;
use self::narrator::Narrator;
use self::partitioner::{RoundRobin, Sticky};
use self::sequence::Sequences;
use self::sleep::Sleep;
use self::topics::Topics;
pub use self::transact::TransactionTicket;
use self::transactions::Transactions;
pub use self::transactions::{GroupMember, Offsets};
use self::waits::Begun;
use crate::rng::{Purpose, Rng};

/// What `send` answers when the record is in its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Which batch.
    pub batch: BatchId,
    /// Its place in the batch.
    pub index: u32,
    /// Its partition.
    pub partition: i32,
    /// Its CreateTime, in milliseconds since 1970.
    pub timestamp_ms: i64,
    /// Is there new work for the sender (a new batch, or a full one)? Then the driver drains now; else it may go on
    /// calling `send`.
    pub wakes_sender: bool,
}

/// Why `send` did not take the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendRefusal {
    /// Not yet: call again with the same [`SendAttempt`] after [`Output::SendsMayProceed`], or at `until`, when the
    /// answer will be a failure.
    Blocked {
        /// On what.
        on: BlockedOn,
        /// When `max.block.ms` is over.
        until: Instant,
    },
    /// Never: see [`ProducerError::surface_in_send`] for where the program meets it.
    Failed {
        /// Why.
        error: ProducerError,
        /// Partition of the `RecordMetadata` beside it: the record's own or, once memory was asked for, the one chosen for
        /// it (`AppendCallbacks.topicPartition`). `None`: −1.
        partition: Option<i32>,
    },
    /// Its transaction does not take it, but it is in its batch all the same, as with the Java client: its completion
    /// comes too, at the latest when the transaction is aborted. When the next transaction writes to its partition, it
    /// leaves with that, and is committed with that: who got this error may find the record in the log.
    ///
    /// The program is to hear of it once. Of a producer that was fenced, or whose epoch is old, the Java client calls the
    /// callback twice: `KafkaProducer.doSend` with the ApiException that `TransactionManager.maybeAddPartition` threw, and
    /// the batch when it is failed. That is an accident of the order in which it appends and asks; who counts its callbacks
    /// would count a record twice. Here the batch's word is the callback's only one.
    FailedInItsBatch {
        /// Why.
        error: ProducerError,
        /// Where it is.
        sent: Sent,
    },
}

impl SendRefusal {
    /// May the record be in the log in spite of it? One that waits is nowhere yet.
    pub const fn persistence(&self) -> Persistence {
        match self {
            Self::Blocked { .. } | Self::Failed { .. } => Persistence::NotPersisted,
            Self::FailedInItsBatch { .. } => Persistence::PossiblyPersisted,
        }
    }
}

/// A topic that took the place of another of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplacedTopic {
    /// Their name.
    pub name: Arc<str>,
    /// The id that metadata told before.
    pub before: TopicId,
    /// The one it tells now; all zero when it is gone again.
    pub id: TopicId,
}

/// One call of `send` across its waits: when it began, and its place in the queue for memory.
///
/// Make one per record; keep it while the answer is [`SendRefusal::Blocked`]. One that is given up before its final
/// answer must go to [`Producer::abandon`], or it would keep its place in the queue for ever.
#[derive(Clone, Debug, Default)]
pub struct SendAttempt {
    ordinal: u64,
    begun: Option<Begun>,
}

impl SendAttempt {
    /// Send order of this record among all first calls of `send` on its producer, from 0 or from where
    /// [`Producer::counting_from`] said. Known once `send` was called.
    pub fn ordinal(&self) -> u64 {
        self.ordinal
    }
}

/// Names the batches that were incomplete when `flush` was called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flush {
    number: u64,
}

/// ```text
/// Open ──close──► Closing ──all settled, or time is up──► Closed
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Open,
    /// Sends what is there, up to this moment.
    Closing {
        deadline: Option<Instant>,
    },
    Closed,
}

/// What happens to a producer's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LifeSignal {
    /// `close`, with a deadline or without.
    Close { deadline: Option<Instant> },
    /// Nothing is left to do, or no time to do it.
    Over,
}

impl Life {
    /// The only place where it changes.
    fn after(self, signal: LifeSignal) -> Self {
        use LifeSignal as Signal;
        match (self, signal) {
            (_, Signal::Over) | (Self::Closed, Signal::Close { .. }) => Self::Closed,
            (Self::Open, Signal::Close { deadline }) => Self::Closing { deadline },
            // A second close can only shorten the first.
            (Self::Closing { deadline: first }, Signal::Close { deadline: second }) => {
                Self::Closing { deadline: first.into_iter().chain(second).min() }
            }
        }
    }
}

/// Streams of chance.
#[derive(Clone, Debug)]
struct Chance {
    partitioner: Rng,
    retry: Rng,
    nodes: Rng,
}

/// A Kafka producer without I/O. See [`crate::io`] for how to drive it.
#[derive(Clone, Debug)]
pub struct Producer<O: Observer = Nobody> {
    config: Arc<ProducerConfig>,
    topics: Topics,
    metadata: Metadata,
    /// By topic.
    sticky: Vec<Sticky>,
    round_robin: RoundRobin,
    memory: Memory,
    compressor: Option<Compressor>,
    accumulator: Accumulator,
    connections: Connections,
    identity: Identity,
    /// A producer id was asked for in vain: the next question waits out a pause.
    identity_is_retried: bool,
    /// Whom to ask for a producer id or for a coordinator, and not before when.
    question_target: Option<(NodeId, Instant)>,
    /// Until when that broker is waited for.
    target_awaited_until: Option<Instant>,
    sleep: Sleep,
    /// Does this round end without a look at the network?
    looks_away: bool,
    sequences: Sequences,
    transactions: Option<Transactions>,
    told_phase: Option<TransactionPhase>,
    /// Is a transaction being aborted because the producer closes, and no round has followed?
    is_aborting_for_close: bool,
    /// Where the walk over a broker's partitions begins next.
    drain_index: BTreeMap<NodeId, usize>,
    latencies: Latencies,
    retry_backoff: Backoff,
    chance: Chance,
    outputs: VecDeque<Output>,
    /// Flushes under way: the name of the first batch that is not theirs any more, and their number.
    flushes: BTreeSet<(BatchId, u64)>,
    next_flush: u64,
    life: Life,
    next_ordinal: u64,
    somebody_waits_for_metadata: bool,
    /// Has an answer made metadata due since the round began?
    metadata_asked_by_answer: bool,
    /// What the next send that waits for metadata is told, once.
    metadata_error: Option<ProducerError>,
    /// The connection that ended last, if no metadata came since.
    lost: Option<Box<LostConnection>>,
    /// Something happened since the sender last ran.
    is_dirty: bool,
    /// When the sender's last round found nothing more to do, if it did.
    rests_since: Option<Instant>,
    /// Has the network been heard, and patience not ended since?
    has_heard: bool,
    wait: Option<(Instant, WaitReason)>,
    meter: Meter,
    told: Narrator<O>,
    told_wait: Option<(Option<Instant>, WaitReason)>,
}

impl<O: Observer> Producer<O> {
    /// A producer that knows these addresses and draws from this seed.
    pub fn new(config: Arc<ProducerConfig>, bootstrap: Vec<BrokerAddress>, seed: u64, observer: O) -> Self {
        let retry_backoff = Backoff::new(config.retry_backoff, config.retry_backoff_max);
        let batch_size = config.batch_size.max(1) as usize;
        Self {
            topics: Topics::default(),
            metadata: Metadata::new(bootstrap, retry_backoff, config.metadata_max_age, config.metadata_max_idle)
                .available_in_map_order(config.partitioner_is_round_robin()),
            sticky: Vec::new(),
            round_robin: RoundRobin::default(),
            memory: Memory::new(config.buffer_memory, batch_size),
            compressor: Compressor::of(&config, codecs::simulated()),
            accumulator: Accumulator::new(config.linger, config.partitioner_is_adaptive),
            connections: Connections::new(&config, Rng::stream(seed, Purpose::Reconnect)),
            identity: Identity::new(config.enable_idempotence),
            identity_is_retried: false,
            question_target: None,
            target_awaited_until: None,
            sleep: Sleep::default(),
            looks_away: false,
            sequences: Sequences::default(),
            transactions: config.transactional_id.clone().map(Transactions::new),
            told_phase: None,
            is_aborting_for_close: false,
            drain_index: BTreeMap::new(),
            latencies: Latencies::new(config.partitioner_availability_timeout),
            retry_backoff,
            chance: Chance {
                partitioner: Rng::stream(seed, Purpose::Partitioner),
                retry: Rng::stream(seed, Purpose::RetryBackoff),
                nodes: Rng::stream(seed, Purpose::NodeChoice),
            },
            outputs: VecDeque::new(),
            flushes: BTreeSet::new(),
            next_flush: 0,
            life: Life::Open,
            next_ordinal: 0,
            somebody_waits_for_metadata: false,
            metadata_asked_by_answer: false,
            metadata_error: None,
            lost: None,
            is_dirty: true,
            rests_since: None,
            has_heard: false,
            wait: None,
            meter: Meter::default(),
            told: Narrator::new(observer),
            told_wait: None,
            config,
        }
    }

    /// Counts its records from here on instead of from 0: one that takes over in a session goes on where the one before
    /// ended, so that send order holds over the whole session.
    #[must_use]
    pub fn counting_from(mut self, first_ordinal: u64) -> Self {
        self.next_ordinal = first_ordinal;
        self
    }

    /// Compresses with these codecs, if its configuration asks for compression, instead of those of simulations.
    #[must_use]
    pub fn with_codecs(mut self, codecs: &'static dyn Codecs) -> Self {
        self.compressor = Compressor::of(&self.config, Some(codecs));
        self
    }

    /// Takes a fact from the driver; never answers. Drain [`poll_output`](Self::poll_output) afterwards.
    pub fn handle_input(&mut self, now: Now, input: Input) {
        let at = now.instant();
        let Some(input) = self.sleep.pass_on(at, input) else { return };
        // What is due now comes first, as `Sender.runOnce` looks at its batches before it looks at the network: an answer
        // that arrives in the moment of a batch's deadline finds it expired. Where time has passed beyond what was due, the
        // process stood still while it looked at the network, and what it found there is heard before it looks up.
        if self.wait.is_some_and(|(until, _)| until == at) && input != Input::Wake && !self.awaits_a_broker() {
            self.send_what_is_due(at);
        }
        self.hear(at, input);
    }

    /// The next thing to do; call until it says [`Output::Wait`].
    pub fn poll_output(&mut self, now: Now) -> Output {
        // After everything that was heard, but before anything else is sent, patience ends (`NetworkClient.poll`).
        if core::mem::take(&mut self.has_heard) {
            self.end_patience(now);
        }
        let mut rounds = 0;
        loop {
            if let Some(output) = self.take_output() {
                return output;
            }
            if !self.is_round_due(now) {
                return self.rest(now.instant());
            }
            // A mistake of ours would end here in a loop that no driver gets out of: tests are to fail instead.
            rounds += 1;
            debug_assert!(rounds < 1_000, "never comes to rest: {:?}", self.wait);
            self.begin_round(now);
            self.end_round(now);
        }
    }

    /// What the rounds so far ask for and nobody has taken yet.
    pub fn take_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// `flush()`: makes everything sendable; ask [`is_flushed`](Self::is_flushed) until it says yes, then it is over.
    pub fn begin_flush(&mut self, _now: Now) -> Flush {
        let number = self.next_flush;
        self.next_flush += 1;
        self.flushes.insert((self.accumulator.end(), number));
        self.is_dirty = true;
        Flush { number }
    }

    /// Have all batches of this flush met their fate, and was the program told? Ends the flush when they have. A sender that
    /// a callback keeps has told only the first of what one answer decided (`ProducerBatch.completeFutureAndFireCallbacks`).
    pub fn is_flushed(&mut self, flush: &Flush) -> bool {
        if self.outputs.iter().any(|output| matches!(output, Output::Completed(_))) {
            return false;
        }
        self.end_flushes();
        self.flushes.iter().all(|&(_, number)| number != flush.number)
    }

    /// `close(timeout)`: refuses new sends, sends what is there, fails what is left at the timeout (`None`: waits). A send that
    /// waits for memory fails at once; one that waits for metadata fails when the closing is over, or before that with what
    /// it waits for.
    pub fn close(&mut self, now: Now, timeout: Option<Duration>) {
        let deadline = timeout.map(|timeout| now.instant() + timeout);
        self.life = self.life.after(LifeSignal::Close { deadline });
        self.tell_senders();
        self.is_dirty = true;
    }

    /// Is everything settled after [`close`](Self::close)?
    pub fn is_closed(&self) -> bool {
        self.life == Life::Closed && self.outputs.is_empty()
    }

    /// Looks at a topic without sending: makes metadata for it be fetched. Partition count once known.
    pub fn partition_count(&mut self, now: Now, topic: &str) -> Option<u32> {
        let topic = self.topics.number(topic);
        let count = self.metadata.add(topic, now.instant());
        if count.is_none() {
            self.is_dirty = true;
        }
        count
    }

    /// What is told whoever waits for a topic's partitions before that time is over: the topic cannot be, or must not be
    /// seen, or nobody answers a closed producer. Ask when the waiting begins and after every turn. `asked_after` is what that
    /// waiting remembers, at first `None`: how many answers to Metadata had come when it last asked for the topic.
    pub fn partitions_refused(&mut self, topic: &str, asked_after: &mut Option<u64>) -> Option<ProducerError> {
        let topic = self.topics.number(topic);
        if self.life == Life::Closed {
            return Some(ProducerError::ClosedWhileLooking);
        }
        if asked_after.is_none() {
            if let Some(error) = self.known_as_invalid(topic) {
                return Some(error);
            }
            self.ask_about(topic, asked_after);
        }
        let reads_answer = self.reads_answer(*asked_after);
        self.await_topic(topic, asked_after, reads_answer)
    }

    /// What is told whoever has waited for a topic's partitions for `max.block.ms`: what `partitionsFor` throws then.
    pub fn partitions_unknown(&mut self, topic: &str) -> ProducerError {
        let topic = self.topics.number(topic);
        self.metadata_timeout(topic, None)
    }

    /// Topics that were deleted and made anew since the last call, as far as metadata tells by its ids (KIP-516).
    ///
    /// Batches meant for the old topic go to the new one, with the sequences they had, as with the Java client: what the
    /// old one held is gone, and the new one may begin in the middle. Who must know is told here.
    pub fn take_replaced_topics(&mut self) -> Vec<ReplacedTopic> {
        let replaced = self.metadata.take_replaced();
        let told = |(topic, before)| ReplacedTopic {
            name: Arc::clone(self.topics.name(topic)),
            before,
            id: self.metadata.topic_id(topic),
        };
        replaced.into_iter().map(told).collect()
    }

    /// Bytes of `buffer.memory` in use.
    pub fn memory_used(&self) -> u64 {
        self.memory.used()
    }

    /// `client.id`, given or counted.
    pub fn client_id(&self) -> &str {
        self.config.client_id()
    }

    /// What its driver gives each connection's socket.
    #[cfg(feature = "settings")]
    pub fn socket_buffers(&self) -> SocketBuffers {
        self.config.socket_buffers()
    }

    /// The observer.
    pub fn observer_mut(&mut self) -> &mut O {
        self.told.observer_mut()
    }

    /// `batch.size`, where 0 means a batch per record.
    fn batch_size(&self) -> u32 {
        self.config.batch_size.max(1)
    }

    /// A send that waits may have luck now.
    fn tell_senders(&mut self) {
        if !self.outputs.contains(&Output::SendsMayProceed) {
            self.outputs.push_back(Output::SendsMayProceed);
        }
    }

    fn end_flushes(&mut self) {
        let accumulator = &self.accumulator;
        let early = u64::from(planted(Defect::FlushOneBatchEarly));
        self.flushes.retain(|&(end, _)| accumulator.has_incomplete_before(BatchId(end.0.saturating_sub(early))));
    }

    /// Nothing to do: says until when.
    fn rest(&mut self, at: Instant) -> Output {
        let (until, why) = match self.wait {
            Some((until, why)) => (Some(until), why),
            None => (None, WaitReason::Idle),
        };
        if O::WATCHES && self.told_wait != Some((until, why)) {
            self.told_wait = Some((until, why));
            self.told.note(at, || Fact::SenderWaits { until, why });
        }
        Output::Wait { until, why }
    }
}
