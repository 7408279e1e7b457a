//! The program around a library's producer: who waits for which batch, and what to tell them outside the lock.

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

use super::delivery::{AppendedRecord, BatchFate, RecordMetadata};

/// A program's callback for one record (`org.apache.kafka.clients.producer.Callback`).
pub(super) type Callback = Box<dyn FnOnce(RecordMetadata, Option<&ProducerError>) + Send>;
/// A program's callback for every batch.
pub(super) type BatchCallback = Box<dyn FnMut(&BatchCompletion) + Send>;

/// Those who asked for a batch's fate. A batch nobody asked for has none of this.
#[derive(Default)]
struct Watchers {
    fate: Option<Arc<BatchFate>>,
    callbacks: Vec<(AppendedRecord, Callback)>,
}

impl Watchers {
    /// Those who hear of a part of a batch that was split; the others stay.
    fn of_part(&mut self, completion: &BatchCompletion) -> Self {
        let callbacks = self.callbacks.extract_if(.., |(record, _)| record.is_of(completion)).collect();
        Self { fate: self.fate.clone(), callbacks }
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
    flushes: Vec<(Flush, oneshot::Sender<()>)>,
    closes: Vec<oneshot::Sender<()>>,
    errands: Errands,
    /// Does the program want to hear of batches nobody asked for?
    tells_every_batch: bool,
}

impl Program {
    pub(super) fn new(errands: Errands, tells_every_batch: bool) -> Self {
        Self { watchers: BTreeMap::new(), flushes: Vec::new(), closes: Vec::new(), errands, tells_every_batch }
    }

    /// The fate of a batch that is not settled yet, to be shared.
    pub(super) fn fate_of(&mut self, batch: BatchId) -> Arc<BatchFate> {
        let watchers = self.watchers.entry(batch).or_default();
        Arc::clone(watchers.fate.get_or_insert_default())
    }

    pub(super) fn call_back(&mut self, batch: BatchId, record: AppendedRecord, callback: Callback) {
        self.watchers.entry(batch).or_default().callbacks.push((record, callback));
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
                    for (record, callback) in watchers.callbacks {
                        guarded(|| match record.fate(&completion) {
                            Ok(metadata) => callback(metadata, None),
                            Err(failed) => callback(failed.metadata(), Some(&failed.error)),
                        });
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
