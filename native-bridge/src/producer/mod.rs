//! The library: a Kafka producer for async programs, on the same driver as the playground's page.

mod application;
mod delivery;
mod errors;
mod serializing;
mod transaction;

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use producer_core::config::{BootstrapError, BootstrapServers, ProducerConfig};
use producer_core::error::{ProducerError, Surface};
use producer_core::io::BatchCompletion;
use producer_core::metrics::{Metric, TimedCall};
use producer_core::producer::{Producer, SendAttempt, SendRefusal, Sent};
use producer_core::record::Record;
use producer_core::trace::Nobody;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::bootstrap::resolvable;
use crate::client_id;
use crate::clock::{Clock, Stopwatch};
use crate::codecs::NativeCodecs;
use crate::driver::Driver;

use application::{BatchCallback, Errands, Program};
use delivery::AppendedRecord;
pub use delivery::{Delivery, DeliveryError, RecordMetadata};
pub use errors::{ConnectError, SendError, TrySendError};
pub use serializing::{ProducerRecord, Serializing};

/// The Java client's sentence.
const FLUSH_IN_CALLBACK: &str =
    "KafkaProducer.flush() invocation inside a callback is not permitted because it may lead to deadlock.";

/// A Kafka producer with the Java client's behaviour.
///
/// `send` writes the record into its batch on the caller's thread, under a short lock; everything else, callbacks
/// included, happens on a thread of the producer's own, `kafka-producer-network-thread | client.id` as in the Java client.
/// It lives in real time, also where the program's runtime has its clock paused. Threads and tasks share a producer by
/// reference (or in an `Arc`).
///
/// What its operator should look into is a warning in the log (`tracing`): a topic that was deleted and made anew, to which
/// records go on, a broker whose answers are not Kafka's, and a `close` in a callback whose patience is overridden.
///
/// Call [`close`](Self::close) before dropping it: dropping settles what is unsettled as `close` with no patience does,
/// as *failed*.
///
/// ```
/// use kafka_producer::{KafkaProducer, ProducerConfig, Record, embedded::EmbeddedBrokers};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Any Kafka will do; these brokers live in this process.
/// let brokers = EmbeddedBrokers::start_default().await?;
///
/// let (config, _notices) = ProducerConfig::from_properties([("linger.ms", "20")])?;
/// let producer = KafkaProducer::connect(config, &brokers.bootstrap_servers()).await?;
///
/// // Returns once appended.
/// let delivery = producer.send(Record::keyed("orders", b"user-42", b"two coffees")).await?;
/// // Java's get().
/// let metadata = delivery.await?;
/// assert_eq!(metadata.to_string(), "orders-1@0");
///
/// producer.close(None).await;
/// # Ok(())
/// # }
/// ```
pub struct KafkaProducer {
    driver: Driver<Nobody, Program>,
    clock: Clock,
    config: Arc<ProducerConfig>,
}

/// Makes a [`KafkaProducer`] that has more to say than [`KafkaProducer::connect`] lets it.
#[must_use = "nothing happens before `connect`"]
pub struct KafkaProducerBuilder {
    config: ProducerConfig,
    on_batch: Option<BatchCallback>,
}

impl KafkaProducerBuilder {
    /// Has `callback` told of every batch's fate: the form of completion that costs nothing per record. A batch that was
    /// too large for its broker is told in parts: see [`BatchCompletion::first_index`].
    ///
    /// It runs on the sender's thread, where it stalls the producer as long as it takes. It may use the producer, and spawn
    /// tasks, which run on the runtime in which the producer was connected; it must not block on what the sender's thread
    /// does ([`flush`](KafkaProducer::flush) panics there, [`close`](KafkaProducer::close) does not wait). A batch may be told
    /// before the `send_unobserved` that appended its last record has returned.
    ///
    /// ```
    /// # use kafka_producer::{KafkaProducer, ProducerConfig, Record, embedded::EmbeddedBrokers};
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU32, Ordering};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let brokers = EmbeddedBrokers::start_default().await?;
    /// let stored = Arc::new(AtomicU32::new(0));
    /// let count = Arc::clone(&stored);
    /// let producer = KafkaProducer::builder(ProducerConfig::default())
    ///     .on_batch(move |batch| match &batch.result {
    ///         Ok(_) => _ = count.fetch_add(batch.record_count, Ordering::Relaxed),
    ///         Err(failure) => eprintln!("{} records lost: {}", batch.record_count, failure.error),
    ///     })
    ///     .connect(&brokers.bootstrap_servers())
    ///     .await?;
    /// for _ in 0..1_000 {
    ///     producer.send_unobserved(Record::keyed("orders", b"user-42", b"two coffees")).await?;
    /// }
    /// producer.flush().await;
    /// assert_eq!(stored.load(Ordering::Relaxed), 1_000);
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_batch(mut self, callback: impl FnMut(&BatchCompletion) + Send + 'static) -> Self {
        self.on_batch = Some(Box::new(callback));
        self
    }

    /// See [`KafkaProducer::connect`].
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// Outside a tokio runtime, or when the operating system has no entropy.
    pub async fn connect(self, bootstrap_servers: &str) -> Result<KafkaProducer, ConnectError> {
        let servers = bootstrap_servers.parse()?;
        self.connect_to(servers).await
    }

    /// See [`KafkaProducer::connect_as_configured`].
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// Outside a tokio runtime, or when the operating system has no entropy.
    pub async fn connect_as_configured(self) -> Result<KafkaProducer, ConnectError> {
        let servers = self.config.bootstrap_servers().cloned().ok_or(BootstrapError::Missing)?;
        self.connect_to(servers).await
    }

    async fn connect_to(self, servers: BootstrapServers) -> Result<KafkaProducer, ConnectError> {
        let bootstrap = resolvable(&servers, self.config.needs_all_bootstrap_hosts()).await?;
        let seed = getrandom::u64().expect("the operating system's entropy");
        let config = client_id::counted(&self.config);
        let producer = Producer::new(Arc::clone(&config), bootstrap, seed, Nobody).with_codecs(&NativeCodecs);
        let clock = Clock::in_real_time();
        let producer = producer.metered(clock.now());
        let errands = Errands::default();
        let program = Program::new(errands.clone(), self.on_batch.is_some());
        let (mut on_batch, callers) = (self.on_batch, Handle::current());
        let run_errands = move || {
            // What a callback spawns is the program's, and no business of the sender's thread.
            let _entered = callers.enter();
            errands.run(&mut on_batch);
        };
        let name = format!("kafka-producer-network-thread | {}", producer.client_id());
        let driver = Driver::start_on_own_thread(&name, producer, program, clock, run_errands)?;
        Ok(KafkaProducer { driver, clock, config })
    }
}

impl KafkaProducer {
    /// A producer for the cluster that one of these servers knows, whatever the configuration's `bootstrap.servers` says.
    /// Resolves names; connecting goes on in the background, and what it meets shows in `send`, bounded by `max.block.ms`.
    ///
    /// # Errors
    /// [`ConnectError`], with the Java client's sentence.
    ///
    /// # Panics
    /// Outside a tokio runtime, or when the operating system has no entropy.
    pub async fn connect(config: ProducerConfig, bootstrap_servers: &str) -> Result<Self, ConnectError> {
        Self::builder(config).connect(bootstrap_servers).await
    }

    /// As Java's `new KafkaProducer(properties)`: a producer for the cluster that the configuration's `bootstrap.servers`
    /// name. Otherwise as [`connect`](Self::connect).
    ///
    /// ```
    /// # use kafka_producer::{KafkaProducer, ProducerConfig, Record, embedded::EmbeddedBrokers, read_properties};
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let brokers = EmbeddedBrokers::start_default().await?;
    /// # let file = format!("linger.ms=0\nbootstrap.servers={}", brokers.bootstrap_servers());
    /// let pairs = read_properties(&file)?;
    /// let pairs = pairs.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    /// let (config, _notices) = ProducerConfig::from_properties(pairs)?;
    /// let producer = KafkaProducer::connect_as_configured(config).await?;
    /// # producer.send(Record::keyed("orders", b"user-42", b"two coffees")).await?.await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ConnectError`], with the Java client's sentence; [`BootstrapError::Missing`] where the configuration names none.
    ///
    /// # Panics
    /// As [`connect`](Self::connect).
    pub async fn connect_as_configured(config: ProducerConfig) -> Result<Self, ConnectError> {
        Self::builder(config).connect_as_configured().await
    }

    /// A producer to be, for what [`connect`](Self::connect) has no argument for.
    pub fn builder(config: ProducerConfig) -> KafkaProducerBuilder {
        KafkaProducerBuilder { config, on_batch: None }
    }

    /// `client.id`: the one configured, or `producer-` and a number counted over this process, as in the Java client.
    pub fn client_id(&self) -> String {
        self.driver.inspect(|producer, _| producer.client_id().to_owned())
    }

    /// Appends a record to its batch; the [`Delivery`] it returns is Java's future.
    ///
    /// Waits at most `max.block.ms`, for the topic's metadata and for memory; when neither is missing, the future is
    /// ready at once, but for a turn given to other tasks now and then, as every tokio resource does. Key, value and
    /// headers are borrowed until it is.
    ///
    /// # Cancel safety
    /// Dropping the future while it waits gives the record up before it was appended: it will not be sent. Once it
    /// returned, the record will be sent whatever becomes of the [`Delivery`].
    ///
    /// # Errors
    /// [`SendError`]: the record was refused.
    pub async fn send(&self, record: Record<'_>) -> Result<Delivery, SendError> {
        self.append(&record, |program, sent| {
            let appended = AppendedRecord::new(sent, &record);
            Delivery::new(appended, sent.partition, program.fate_of(sent.batch))
        })
        .await
    }

    /// Appends a record and has `callback` run when its fate is decided, as Java's `send(record, callback)`.
    ///
    /// The callback gets metadata in any case, on failure without offset, and the error, `None` on success. It runs on
    /// the sender's thread (see [`on_batch`](KafkaProducerBuilder::on_batch) for what it may do there), or here, before
    /// this returns, when the record was refused with an error of the future ([`Surface::FutureOnCaller`]). It runs once,
    /// also where Java's runs twice: for the record of a producer whose transaction was fenced, there from `send` and from
    /// the record's batch, here from the batch alone ([`SendRefusal::FailedInItsBatch`]).
    ///
    /// ```
    /// # use kafka_producer::{KafkaProducer, ProducerConfig, Record, embedded::EmbeddedBrokers};
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let brokers = EmbeddedBrokers::start_default().await?;
    /// # let producer = KafkaProducer::connect(ProducerConfig::default(), &brokers.bootstrap_servers()).await?;
    /// let record = Record::keyed("orders", b"user-42", b"two coffees");
    /// producer
    ///     .send_with_callback(record, |metadata, error| match error {
    ///         None => println!("stored at {metadata}"),
    ///         Some(error) => eprintln!("{}: {error}", error.java_class()),
    ///     })
    ///     .await?;
    /// producer.flush().await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    /// As [`send`](Self::send); of a record given up, the callback hears nothing.
    ///
    /// # Errors
    /// [`SendError`] where Java throws ([`Surface::Thrown`]): then the callback does not run, unless it was the transaction
    /// that refused the record; then it runs with its batch's fate.
    pub async fn send_with_callback(
        &self,
        record: Record<'_>,
        callback: impl FnOnce(&RecordMetadata, Option<&ProducerError>) + Send + 'static,
    ) -> Result<(), SendError> {
        let mut callback = Some(callback);
        let appended = self.append(&record, |program, sent| {
            if let Some(callback) = callback.take() {
                program.call_back(sent.batch, AppendedRecord::new(sent, &record), callback);
            }
        });
        match appended.await {
            Err(refused) if refused.surface() == Surface::FutureOnCaller => {
                if let Some(callback) = callback.take() {
                    let metadata = RecordMetadata::of_failure(record.topic.into(), refused.partition);
                    callback(&metadata, Some(&refused.error));
                }
                Ok(())
            }
            answer => answer,
        }
    }

    /// Appends a record of which nobody will ask; nothing is allocated for it. Its fate is its batch's, told to
    /// [`on_batch`](KafkaProducerBuilder::on_batch).
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    ///
    /// # Errors
    /// [`SendError`]: the record was refused.
    pub async fn send_unobserved(&self, record: Record<'_>) -> Result<Sent, SendError> {
        self.append(&record, |_, sent| *sent).await
    }

    /// As [`send_unobserved`](Self::send_unobserved), for code that does not wait.
    ///
    /// # Errors
    /// [`TrySendError`]: the record was refused, or would have to wait.
    pub fn try_send(&self, record: Record<'_>) -> Result<Sent, TrySendError> {
        let mut attempt = PendingSend { producer: self, attempt: SendAttempt::default(), waits: false };
        match attempt.call(&record, |_, sent| *sent) {
            Ok(sent) => Ok(sent),
            Err(refusal) => Err(SendError::of(refusal).map_or(TrySendError::WouldBlock, TrySendError::Refused)),
        }
    }

    /// Sends everything appended so far without lingering; returns when all of it has met its fate, good or bad, and
    /// its callbacks have run.
    ///
    /// # Cancel safety
    /// Dropping the future ends the waiting, not the flush.
    ///
    /// # Panics
    /// Polled in a callback, on the sender's thread, with the sentence of the `KafkaException` that Java throws there: the
    /// flush would wait for the callback. As in Java, the callback ends with it and the producer goes on.
    pub async fn flush(&self) {
        assert!(!self.driver.is_own_thread(), "{FLUSH_IN_CALLBACK}");
        let _timed = Timed { producer: self, call: TimedCall::Flush, watch: self.clock.stopwatch() };
        let flushed = self.driver.with(|producer, program, now| {
            let flush = producer.begin_flush(now);
            program.signal_flushed(flush)
        });
        self.signalled(flushed).await;
    }

    /// Refuses new sends, sends what is there, and returns when everything has met its fate and the callbacks have
    /// run. What is left at the end of `patience` fails as [`ProducerError::ForceClosed`]; `None` waits as long as it
    /// takes: `delivery.timeout.ms` bounds it for records, `request.timeout.ms` for every other question a broker has
    /// not answered, which Java's `close()` waits for too. A send that waits for memory is refused at once, one that waits for
    /// metadata at the end, unless it hears of its topic before. Closing twice is no error. An open transaction is aborted
    /// first; where an abort has failed whose outcome nobody has taken, that waits as Java's does: until somebody takes it.
    ///
    /// In a callback, on the sender's thread, it has no patience and does not wait, whatever it was given, as in Java: it
    /// would wait for the callback. A patience that is overridden so is a warning in the log.
    ///
    /// # Cancel safety
    /// Dropping the future ends the waiting, not the closing.
    pub async fn close(&self, mut patience: Option<Duration>) {
        let in_callback = self.driver.is_own_thread();
        if in_callback && patience != Some(Duration::ZERO) {
            tracing::warn!(?patience, "closed in a callback, which the close would wait for: it has no patience now");
            patience = Some(Duration::ZERO);
        }
        let closed = self.driver.with(|producer, program, now| {
            producer.close(now, patience);
            program.signal_closed()
        });
        // A send that waits for memory is refused now, not when its patience is over.
        self.driver.shared().sends_may_proceed.notify_waiters();
        if !in_callback {
            self.signalled(closed).await;
        }
    }

    /// Waits for a signal of the sender's thread. When that has ended, everything is settled.
    async fn signalled(&self, signal: oneshot::Receiver<()>) {
        tokio::select! {
            _ = signal => {}
            () = self.driver.ended() => {}
        }
    }

    /// Number of partitions of a topic, as Java's `partitionsFor(topic).size()`. Waits for metadata, at most
    /// `max.block.ms`.
    ///
    /// # Cancel safety
    /// Dropping the future ends the waiting.
    ///
    /// # Errors
    /// What an answer says of the topic, as soon as it comes ([`ProducerError::InvalidTopic`] …);
    /// [`ProducerError::MetadataTimeout`], whose source says what is known of it; [`ProducerError::ClosedWhileLooking`].
    pub async fn partitions_for(&self, topic: &str) -> Result<u32, ProducerError> {
        let mut asked_after = None;
        let mut look = |producer: &mut Producer, now| {
            let count = producer.partition_count(now, topic);
            let refused = if count.is_none() { producer.partitions_refused(topic, &mut asked_after) } else { None };
            (count, refused)
        };
        let (mut count, mut refused) = self.driver.with(|producer, _, now| look(producer, now));
        let watch = self.clock.stopwatch();
        if count.is_none() && refused.is_none() {
            let known = self.driver.until(|producer, _, now| {
                (count, refused) = look(producer, now);
                count.is_some() || refused.is_some()
            });
            let waited = self.driver.before(self.clock.after(self.config.max_block()), known).await;
            if waited == Some(false) {
                refused.get_or_insert(ProducerError::ClosedWhileLooking);
            }
            if count.is_some() {
                self.count_call(TimedCall::PartitionsFor, watch);
            }
        }
        match (count, refused) {
            (Some(count), _) => Ok(count),
            (None, Some(refused)) => Err(refused),
            (None, None) => Err(self.driver.inspect(|producer, _| producer.partitions_unknown(topic))),
        }
    }

    /// The metrics, as they stand now, under the Java client's names (`KafkaProducer.metrics()`).
    ///
    /// Counted is per batch, request, connection and call; averages, maxima and rates are computed here. A request's bytes
    /// are counted when its answer comes, or when its connection ends. How long the producer's thread waits and does I/O
    /// (`io-time-ns-total` and its like) is measured from the first call on: before that no clock is read for it. While that
    /// thread has work without end it never waits; then the averages per wait, `io-wait-time-ns-avg` and `io-time-ns-avg`,
    /// are NaN, where the Java client's loop still calls `select` in every round.
    ///
    /// ```
    /// # use kafka_producer::{KafkaProducer, ProducerConfig, Record, embedded::EmbeddedBrokers};
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let brokers = EmbeddedBrokers::start_default().await?;
    /// # let producer = KafkaProducer::connect(ProducerConfig::default(), &brokers.bootstrap_servers()).await?;
    /// producer.send(Record::keyed("orders", b"user-42", b"two coffees")).await?.await?;
    /// let metrics = producer.metrics();
    /// let sent = metrics.iter().find(|metric| metric.group == "producer-metrics" && metric.name == "record-send-total");
    /// assert_eq!(sent.and_then(|metric| metric.value.as_number()), Some(1.0));
    /// # Ok(())
    /// # }
    /// ```
    pub fn metrics(&self) -> Vec<Metric> {
        self.driver.time_the_loop();
        self.driver.inspect(|producer, _| producer.metrics(self.clock.now()))
    }

    /// A call is over.
    fn count_call(&self, call: TimedCall, watch: Stopwatch) {
        let took = watch.elapsed();
        self.driver.inspect(|producer, _| producer.note_call(self.clock.now(), call, took));
    }

    /// Calls `send` until it no longer says *blocked*.
    async fn append<T>(
        &self,
        record: &Record<'_>,
        mut appended: impl FnMut(&mut Program, &Sent) -> T,
    ) -> Result<T, SendError> {
        // A program that does nothing but send would let no other task run on a runtime of one thread.
        tokio::task::coop::consume_budget().await;
        let mut pending = PendingSend { producer: self, attempt: SendAttempt::default(), waits: false };
        // Nearly always there is room, and nothing to wait for.
        match pending.call(record, &mut appended).map_err(SendError::of) {
            Err(Err(_until)) => {}
            Ok(done) => return Ok(done),
            Err(Ok(refused)) => return Err(refused),
        }
        loop {
            // Made before the attempt, so that news between the attempt and the waiting is not missed.
            let news = self.driver.shared().sends_may_proceed.notified();
            match pending.call(record, &mut appended).map_err(SendError::of) {
                Ok(done) => return Ok(done),
                Err(Ok(refused)) => return Err(refused),
                // The deadline passed is as good as news: the next attempt says that it failed.
                Err(Err(until)) => _ = self.driver.before(self.clock.deadline(until), news).await,
            }
        }
    }

    /// Has a record refused of which no serialiser makes bytes, once its topic is known.
    async fn send_what_no_serializer_takes(&self, record: &Record<'_>, detail: &Arc<str>) -> SendError {
        let mut pending = PendingSend { producer: self, attempt: SendAttempt::default(), waits: false };
        loop {
            // As above.
            let news = self.driver.shared().sends_may_proceed.notified();
            match SendError::of(pending.refuse(record, detail)) {
                Ok(refused) => return refused,
                Err(until) => _ = self.driver.before(self.clock.deadline(until), news).await,
            }
        }
    }
}

impl fmt::Debug for KafkaProducer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaProducer").finish_non_exhaustive()
    }
}

impl fmt::Debug for KafkaProducerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaProducerBuilder").field("config", &self.config).finish_non_exhaustive()
    }
}

/// A call whose time counts however it ends.
struct Timed<'p> {
    producer: &'p KafkaProducer,
    call: TimedCall,
    watch: Stopwatch,
}

impl Drop for Timed<'_> {
    fn drop(&mut self) {
        self.producer.count_call(self.call, self.watch);
    }
}

/// One `send` across its waits. Dropped while it waits, it leaves its place in the queue for memory.
struct PendingSend<'p> {
    producer: &'p KafkaProducer,
    attempt: SendAttempt,
    waits: bool,
}

impl PendingSend<'_> {
    fn call<T>(
        &mut self,
        record: &Record<'_>,
        appended: impl FnOnce(&mut Program, &Sent) -> T,
    ) -> Result<T, SendRefusal> {
        let shared = self.producer.driver.shared();
        let mut state = shared.lock();
        let state = &mut *state;
        let now = state.clock.now();
        let answer = state.producer.send(now, &mut self.attempt, record);
        self.waits = matches!(answer, Err(SendRefusal::Blocked { .. }));
        // A refusal may have asked for metadata.
        let wakes = answer.as_ref().map_or(true, |sent| sent.wakes_sender);
        if wakes {
            shared.wake();
        }
        match answer {
            Ok(sent) => Ok(appended(&mut state.application, &sent)),
            Err(SendRefusal::FailedInItsBatch { error, sent }) => {
                // Refused by its transaction, and in its batch all the same: whoever asked will hear of its fate too.
                drop(appended(&mut state.application, &sent));
                Err(SendRefusal::FailedInItsBatch { error, sent })
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// As [`call`](Self::call), of what no serialiser takes.
    fn refuse(&mut self, record: &Record<'_>, detail: &Arc<str>) -> SendRefusal {
        let shared = self.producer.driver.shared();
        let mut state = shared.lock();
        let now = state.clock.now();
        let detail = Arc::clone(detail);
        let refusal = state.producer.send_what_no_serializer_takes(now, &mut self.attempt, record, detail);
        self.waits = matches!(refusal, SendRefusal::Blocked { .. });
        // It may have asked for metadata.
        shared.wake();
        refusal
    }
}

impl Drop for PendingSend<'_> {
    fn drop(&mut self) {
        if self.waits {
            let attempt = core::mem::take(&mut self.attempt);
            self.producer.driver.with(|producer, _, now| producer.abandon(now, attempt));
        }
    }
}
