//! The program around a library's producer: who waits for which batch, and what to tell them outside the lock.

use core::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use producer_core::application::Application;
use producer_core::error::ProducerError;
use producer_core::ids::BatchId;
use producer_core::io::BatchCompletion;
use producer_core::producer::{Flush, Producer};
use producer_core::time::{Instant, Now};
use producer_core::trace::Observer;
use tokio::sync::oneshot;

use super::delivery::{AppendedRecord, BatchFate, CompactRecord, RecordMetadata};

/// A program's callback for every batch.
pub(super) type BatchCallback = Box<dyn FnMut(&BatchCompletion) + Send>;

/// Those who asked for a batch's fate. A batch nobody asked for has none of this.
#[derive(Default)]
struct Watchers {
    fate: Option<Arc<BatchFate>>,
    /// In the order of their records.
    callbacks: Vec<Box<dyn Callbacks>>,
}

impl Watchers {
    /// Adds a callback. `room`: as many like the first are expected; others that come between may be few.
    fn call_back<F: RecordCallback>(&mut self, record: AppendedRecord, callback: F, room: usize) {
        let last = self.callbacks.last_mut().map(|last| &mut **last as &mut dyn Any);
        let callback = match last.and_then(<dyn Any>::downcast_mut::<Alike<F>>) {
            Some(alike) => alike.push(&record, callback),
            None => Some(callback),
        };
        if let Some(callback) = callback {
            let room = if self.callbacks.is_empty() { room } else { 0 };
            let mut alike = Alike { timestamp_ms: record.timestamp_ms, list: Vec::with_capacity(room) };
            alike.push(&record, callback);
            self.callbacks.push(Box::new(alike));
        }
    }

    /// Those who hear of a part of a batch that was split; the others stay.
    fn of_part(&mut self, completion: &BatchCompletion) -> Self {
        let callbacks = self.callbacks.iter_mut().map(|callbacks| callbacks.of_part(completion)).collect();
        Self { fate: self.fate.clone(), callbacks }
    }
}

/// A program's callback for one record (`org.apache.kafka.clients.producer.Callback`).
pub(super) trait RecordCallback: FnOnce(&RecordMetadata, Option<&ProducerError>) + Send + 'static {}

impl<F: FnOnce(&RecordMetadata, Option<&ProducerError>) + Send + 'static> RecordCallback for F {}

/// Callbacks of one type with their records.
///
/// A program that sends from one place in its code has callbacks of no other, so none needs a box of its own: taking and
/// giving back that memory, on two threads, was a seventh of what sending with a callback cost.
struct Alike<F> {
    /// Of the first record; those of the others are near it.
    timestamp_ms: i64,
    list: Vec<(CompactRecord, F)>,
}

impl<F: RecordCallback> Alike<F> {
    /// Gives the callback back when its record is of another time.
    fn push(&mut self, record: &AppendedRecord, callback: F) -> Option<F> {
        let Some(compact) = record.since(self.timestamp_ms) else { return Some(callback) };
        self.list.push((compact, callback));
        None
    }
}

/// [`Alike`], whatever the type.
trait Callbacks: Any + Send {
    fn count(&self) -> usize;
    fn of_part(&mut self, completion: &BatchCompletion) -> Box<dyn Callbacks>;
    fn run(self: Box<Self>, completion: &BatchCompletion);
}

impl<F: RecordCallback> Callbacks for Alike<F> {
    fn count(&self) -> usize {
        self.list.len()
    }

    fn of_part(&mut self, completion: &BatchCompletion) -> Box<dyn Callbacks> {
        let timestamp_ms = self.timestamp_ms;
        let of_part = self.list.extract_if(.., |(record, _)| record.at(timestamp_ms).is_of(completion)).collect();
        Box::new(Self { timestamp_ms, list: of_part })
    }

    fn run(self: Box<Self>, completion: &BatchCompletion) {
        let mut metadata = RecordMetadata::of_batch(completion);
        let mut rest = self.list.into_iter();
        // One guard for all that do not panic.
        while rest.len() > 0 {
            guarded(|| {
                for (record, callback) in rest.by_ref() {
                    let told = record.at(self.timestamp_ms).tell(completion, &mut metadata);
                    callback(&metadata, told.err().map(|(error, _)| error));
                }
            });
        }
    }
}

/// What is to be done outside the lock, in order.
enum Errand {
    /// A batch met its fate.
    Settle(BatchCompletion, Watchers),
    /// A flush is over, or the producer closed.
    Signal(oneshot::Sender<()>),
}

/// The [`Application`] of a library's producer.
pub(super) struct Program {
    watchers: BTreeMap<BatchId, Watchers>,
    /// How many callbacks alike the batch had that was settled last: the next may have as many.
    usual_callbacks: usize,
    flushes: Vec<(Flush, oneshot::Sender<()>)>,
    closes: Vec<oneshot::Sender<()>>,
    errands: Errands,
    /// Does the program want to hear of batches nobody asked for?
    tells_every_batch: bool,
}

impl Program {
    pub(super) fn new(errands: Errands, tells_every_batch: bool) -> Self {
        Self {
            watchers: BTreeMap::new(),
            usual_callbacks: 0,
            flushes: Vec::new(),
            closes: Vec::new(),
            errands,
            tells_every_batch,
        }
    }

    /// The fate of a batch that is not settled yet, to be shared.
    pub(super) fn fate_of(&mut self, batch: BatchId) -> Arc<BatchFate> {
        let watchers = self.watchers.entry(batch).or_default();
        Arc::clone(watchers.fate.get_or_insert_default())
    }

    pub(super) fn call_back(&mut self, batch: BatchId, record: AppendedRecord, callback: impl RecordCallback) {
        let room = self.usual_callbacks;
        self.watchers.entry(batch).or_default().call_back(record, callback, room);
    }

    pub(super) fn signal_flushed(&mut self, flush: Flush) -> oneshot::Receiver<()> {
        let (signal, flushed) = oneshot::channel();
        self.flushes.push((flush, signal));
        flushed
    }

    pub(super) fn signal_closed(&mut self) -> oneshot::Receiver<()> {
        let (signal, closed) = oneshot::channel();
        self.closes.push(signal);
        closed
    }
}

impl<O: Observer> Application<O> for Program {
    fn on_completed(&mut self, _now: Now, completion: &BatchCompletion, _producer: &mut Producer<O>) {
        let watchers = if completion.is_last {
            self.watchers.remove(&completion.batch)
        } else {
            self.watchers.get_mut(&completion.batch).map(|watchers| watchers.of_part(completion))
        };
        if let Some(first) = watchers.as_ref().and_then(|watchers| watchers.callbacks.first()) {
            self.usual_callbacks = first.count();
        }
        if watchers.is_some() || self.tells_every_batch {
            self.errands.add(Errand::Settle(completion.clone(), watchers.unwrap_or_default()));
        }
    }

    fn run(&mut self, _now: Now, producer: &mut Producer<O>) -> Option<Instant> {
        // Behind the batches in the list of errands: `flush` returns after the callbacks have run, as in Java.
        for (_, signal) in self.flushes.extract_if(.., |(flush, _)| producer.is_flushed(flush)) {
            self.errands.add(Errand::Signal(signal));
        }
        if !self.closes.is_empty() && producer.is_closed() {
            self.closes.drain(..).for_each(|signal| self.errands.add(Errand::Signal(signal)));
        }
        None
    }
}

/// The list of errands, filled under the lock and run outside it.
#[derive(Clone, Default)]
pub(super) struct Errands(Arc<Mutex<Vec<Errand>>>);

impl Errands {
    fn add(&self, errand: Errand) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(errand);
    }

    fn take(&self) -> Vec<Errand> {
        core::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs what is on the list. Within a batch: callbacks in append order, then the futures; so a record's own callback
    /// sees its future undone, as in Java.
    pub(super) fn run(&self, on_batch: &mut Option<BatchCallback>) {
        for errand in self.take() {
            match errand {
                Errand::Settle(completion, watchers) => {
                    for callbacks in watchers.callbacks {
                        callbacks.run(&completion);
                    }
                    if let Some(on_batch) = on_batch {
                        guarded(|| on_batch(&completion));
                    }
                    if let Some(fate) = watchers.fate {
                        fate.settle(completion);
                    }
                }
                // Whoever waited may have gone.
                Errand::Signal(signal) => _ = signal.send(()),
            }
        }
    }
}

/// Runs a program's callback; one that panics takes nobody else down, as Java swallows what a callback throws.
fn guarded(callback: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(callback)).is_err() {
        tracing::error!("a callback of the program panicked");
    }
}

#[cfg(test)]
mod tests {
    use producer_core::io::Stored;
    use producer_core::producer::Sent;
    use producer_core::record::Record;
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    fn record(index: u32) -> AppendedRecord {
        record_at(index, 1_000)
    }

    fn record_at(index: u32, timestamp_ms: i64) -> AppendedRecord {
        let sent = Sent { batch: BatchId(7), index, partition: 0, timestamp_ms, wakes_sender: false };
        AppendedRecord::new(&sent, &Record::keyed("orders", b"key", b"value"))
    }

    fn stored(first_index: u32, record_count: u32, is_last: bool) -> BatchCompletion {
        BatchCompletion {
            batch: BatchId(7),
            first_index,
            carrier: BatchId(7),
            is_last,
            topic: "orders".into(),
            partition: 0,
            record_count,
            attempts: 1,
            result: Ok(Stored { base_offset: 0, log_append_time_ms: None }),
        }
    }

    /// Callbacks of two types take turns, in runs of a few.
    fn watched_by_two_kinds(told: &Sender<(char, i64)>) -> Watchers {
        let mut watchers = Watchers::default();
        for index in 0..10 {
            let told = told.clone();
            if index % 4 < 2 {
                let callback = move |metadata: &RecordMetadata, _: Option<&ProducerError>| {
                    told.send(('a', metadata.offset.expect("stored"))).expect("listens");
                };
                watchers.call_back(record(index), callback, 3);
            } else {
                let callback = move |metadata: &RecordMetadata, _: Option<&ProducerError>| {
                    told.send(('b', metadata.offset.expect("stored"))).expect("listens");
                };
                watchers.call_back(record(index), callback, 3);
            }
        }
        watchers
    }

    #[test]
    fn callbacks_of_several_types_run_in_the_order_of_their_records() {
        let (told, heard) = channel();
        let watchers = watched_by_two_kinds(&told);
        watchers.callbacks.into_iter().for_each(|callbacks| callbacks.run(&stored(0, 10, true)));
        let heard: Vec<_> = heard.try_iter().collect();
        assert_eq!(heard.iter().map(|(kind, _)| *kind).collect::<String>(), "aabbaabbaa");
        assert!(heard.iter().map(|(_, offset)| *offset).eq(0..10), "{heard:?}");
    }

    #[test]
    fn callbacks_of_records_of_distant_times_hear_their_own_timestamps_in_order() {
        let (told, heard) = channel();
        let mut watchers = Watchers::default();
        let times = [0, i64::MAX, 5, i64::from(i32::MAX), 0, i64::from(i32::MAX) + 6, 1_700_000_000_000];
        for (index, timestamp_ms) in (0..).zip(times) {
            let told = told.clone();
            let callback = move |metadata: &RecordMetadata, _: Option<&ProducerError>| {
                told.send(metadata.timestamp_ms.expect("stored")).expect("listens");
            };
            watchers.call_back(record_at(index, timestamp_ms), callback, 1_000);
        }
        watchers.callbacks.into_iter().for_each(|callbacks| callbacks.run(&stored(0, 7, true)));
        assert!(heard.try_iter().eq(times));
    }

    #[test]
    fn a_part_of_a_batch_is_told_to_its_own_callbacks_and_the_others_stay() {
        let (told, heard) = channel();
        let mut watchers = watched_by_two_kinds(&told);
        let part = stored(3, 4, false);
        let told_of_part = watchers.of_part(&part);
        assert_eq!(told_of_part.callbacks.iter().map(|callbacks| callbacks.count()).sum::<usize>(), 4);
        told_of_part.callbacks.into_iter().for_each(|callbacks| callbacks.run(&part));
        assert_eq!(heard.try_iter().map(|(kind, _)| kind).collect::<String>(), "baab");
        watchers.callbacks.into_iter().for_each(|callbacks| callbacks.run(&stored(0, 10, true)));
        assert_eq!(heard.try_iter().map(|(kind, _)| kind).collect::<String>(), "aabbaa");
    }
}
