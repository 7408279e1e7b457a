//! Why there is no producer, or a record was not taken.

use std::io;

use producer_core::config::BootstrapError;
use producer_core::error::{Persistence, ProducerError, Surface};
use producer_core::producer::SendRefusal;
use producer_core::time::Instant;

/// A record that `send` refused.
///
/// Mostly before it was appended: then it is in no batch and will be in no log. But whether a transaction takes a record
/// is asked when it is in its batch, here as in the Java client. What was refused there, such as a record between two
/// transactions, stays in its batch: the next transaction that writes to its partition takes it along, and commits it. One
/// that does not waits in vain for it, and its commit fails with the record's deadline. `begin` and `abort` at once, and
/// it is gone. [`persistence`](Self::persistence) tells one from the other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct SendError {
    /// Why, with the Java client's class and sentence.
    #[source]
    pub error: ProducerError,
    /// May it be in the log all the same?
    pub persistence: Persistence,
    /// The record's own partition or, when memory was missing, the one chosen for it; `None`: none was.
    pub partition: Option<i32>,
}

impl SendError {
    /// The error of an attempt that is over; else until when it waits.
    pub(super) fn of(refusal: SendRefusal) -> Result<Self, Instant> {
        let persistence = refusal.persistence();
        match refusal {
            SendRefusal::Failed { error, partition } => Ok(Self { error, persistence, partition }),
            SendRefusal::FailedInItsBatch { error, sent } => {
                Ok(Self { error, persistence, partition: Some(sent.partition) })
            }
            SendRefusal::Blocked { until, .. } => Err(until),
        }
    }

    /// Where a Java program meets it: thrown by `send`, or through the future and the callback.
    pub fn surface(&self) -> Surface {
        self.error.surface_in_send()
    }
}

/// Why no producer came about.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// `bootstrap.servers` is of no use.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    /// The operating system gives no thread for the sender, or nothing to wait for sockets with.
    #[error("the sender's thread cannot be started: {0}")]
    Thread(#[from] io::Error),
}

/// Why [`try_send`](super::KafkaProducer::try_send) did not append.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrySendError {
    /// `send` would wait, for metadata or for memory.
    #[error("sending would block")]
    WouldBlock,
    /// Refused for good.
    #[error(transparent)]
    Refused(#[from] SendError),
}
