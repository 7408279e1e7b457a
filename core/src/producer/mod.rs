//! The producer: serialise, partition, accumulate, drain, send, complete.

use std::sync::Arc;

use core::time::Duration;

use crate::config::ProducerConfig;
use crate::error::ProducerError;
use crate::ids::{BatchId, BrokerAddress};
use crate::io::{Input, Output};
use crate::record::Record;
use crate::time::{Instant, Now};
use crate::trace::{BlockedOn, Nobody, Observer};

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

/// Why `send` did not append.
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
    Failed(ProducerError),
}

/// One call of `send` across its waits: when it began, and its place in the queue for memory.
///
/// Make one per record; keep it while the answer is [`SendRefusal::Blocked`]. One that is given up before its final
/// answer must go to [`Producer::abandon`], or it would keep its place in the queue for ever.
#[derive(Clone, Debug, Default)]
pub struct SendAttempt {
    ordinal: u64,
}

impl SendAttempt {
    /// Send order of this record among all first calls of `send` on its producer, from 0. Known once `send` was called.
    pub fn ordinal(&self) -> u64 {
        self.ordinal
    }
}

/// Names the batches that were incomplete when `flush` was called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flush {
    _private: (),
}

/// A Kafka producer without I/O. See [`crate::io`] for how to drive it.
#[derive(Clone, Debug)]
pub struct Producer<O: Observer = Nobody> {
    observer: O,
}

#[expect(unused_variables, clippy::unimplemented, reason = "outline of the surface, to be filled in next")]
impl<O: Observer> Producer<O> {
    /// A producer that knows these addresses and draws from this seed.
    pub fn new(config: Arc<ProducerConfig>, bootstrap: Vec<BrokerAddress>, seed: u64, observer: O) -> Self {
        Self { observer }
    }

    /// `send()`, on the application's thread: serialises, partitions and writes the record straight into its batch.
    ///
    /// # Errors
    /// [`SendRefusal`]: blocked for now, or refused for good.
    pub fn send(&mut self, now: Now, attempt: &mut SendAttempt, record: &Record<'_>) -> Result<Sent, SendRefusal> {
        unimplemented!()
    }

    /// Gives up a blocked `send`.
    pub fn abandon(&mut self, attempt: SendAttempt) {}

    /// Takes a fact from the driver; never answers. Drain [`poll_output`](Self::poll_output) afterwards.
    pub fn handle_input(&mut self, now: Now, input: Input) {}

    /// The next thing to do; call until it says [`Output::Wait`].
    pub fn poll_output(&mut self, now: Now) -> Output {
        unimplemented!()
    }

    /// `flush()`: makes everything sendable; ask [`is_flushed`](Self::is_flushed) until it says yes, then it is over.
    pub fn begin_flush(&mut self, now: Now) -> Flush {
        unimplemented!()
    }

    /// Have all batches of this flush met their fate? Ends the flush when they have.
    pub fn is_flushed(&mut self, flush: &Flush) -> bool {
        unimplemented!()
    }

    /// `close(timeout)`: refuses new sends, sends what is there, fails what is left at the timeout (`None`: waits).
    pub fn close(&mut self, now: Now, timeout: Option<Duration>) {}

    /// Is everything settled after [`close`](Self::close)?
    pub fn is_closed(&self) -> bool {
        unimplemented!()
    }

    /// Looks at a topic without sending: makes metadata for it be fetched. Partition count once known.
    pub fn partition_count(&mut self, now: Now, topic: &str) -> Option<u32> {
        unimplemented!()
    }

    /// Bytes of `buffer.memory` in use.
    pub fn memory_used(&self) -> u64 {
        unimplemented!()
    }

    /// The observer.
    pub fn observer_mut(&mut self) -> &mut O {
        &mut self.observer
    }
}
