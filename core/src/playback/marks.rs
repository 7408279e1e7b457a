//! What happened when, coarse enough for any length of time.

use serde::{Deserialize, Serialize};

use crate::error::ProducerError;
use crate::protocol::ApiKey;
use crate::time::Instant;
use crate::trace::{Fact, TraceEvent};

/// Parts into which a run is divided at most.
const BUCKETS: usize = 512;

/// What may be looked for in a run, and what a time bar shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Mark {
    /// `send` took a record.
    Send,
    /// A Produce request left.
    Request,
    /// A batch was acknowledged.
    Ack,
    /// A batch goes back for another attempt.
    Retry,
    /// A request or a batch ran out of time.
    Expiry,
    /// A batch was given up, or a record refused, for another reason.
    Failure,
    /// A callback ran, or `get()` returned.
    Callback,
    /// Somebody interfered, a connection ended, a leader moved.
    Fault,
}

/// All marks, in order of importance for somebody who has room for one only.
const ALL: [Mark; 8] =
    [Mark::Fault, Mark::Failure, Mark::Expiry, Mark::Retry, Mark::Ack, Mark::Callback, Mark::Request, Mark::Send];

impl Mark {
    const fn bit(self) -> u8 {
        1 << self as u8
    }

    /// What a fact means to somebody who looks for it.
    pub fn of(fact: &Fact) -> Option<Self> {
        Some(match fact {
            Fact::Appended { .. } | Fact::AppendedMany { .. } => Self::Send,
            Fact::RequestSent { api: ApiKey::Produce, .. } => Self::Request,
            Fact::BatchAcked { .. } => Self::Ack,
            Fact::BatchRetried { .. } => Self::Retry,
            Fact::BatchFailed { error: ProducerError::DeliveryTimeout { .. }, .. } | Fact::RequestTimedOut { .. } => {
                Self::Expiry
            }
            Fact::BatchFailed { .. } | Fact::SendRefused { .. } => Self::Failure,
            Fact::CallbacksRan { .. } | Fact::CallbackRanOnCaller { .. } | Fact::GetReturned { .. } => Self::Callback,
            Fact::FaultInjected { .. } | Fact::Disconnected { .. } | Fact::LeaderMoved { .. } => Self::Fault,
            _ => return None,
        })
    }
}

/// Which marks fall into which part of a run. When the run grows beyond its parts, every two become one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks {
    width_us: u64,
    buckets: Vec<u8>,
}

impl Default for Marks {
    /// Parts of a millisecond.
    fn default() -> Self {
        Self { width_us: 1_000, buckets: Vec::new() }
    }
}

impl Marks {
    pub(super) fn add(&mut self, events: &[TraceEvent]) {
        for event in events {
            let Some(mark) = Mark::of(&event.what) else { continue };
            let bucket = self.bucket_for(event.at);
            self.buckets[bucket] |= mark.bit();
        }
    }

    fn bucket_for(&mut self, at: Instant) -> usize {
        loop {
            let bucket = usize::try_from(at.as_micros() / self.width_us).unwrap_or(usize::MAX);
            if bucket < BUCKETS {
                if self.buckets.len() <= bucket {
                    self.buckets.resize(bucket + 1, 0);
                }
                return bucket;
            }
            self.buckets = self.buckets.chunks(2).map(|pair| pair.iter().fold(0, |all, one| all | one)).collect();
            self.width_us *= 2;
        }
    }

    /// What comes after this moment is not known any more. The part in which it lies keeps its marks.
    pub(super) fn forget_after(&mut self, at: Instant) {
        let kept = usize::try_from(at.as_micros() / self.width_us).unwrap_or(usize::MAX).saturating_add(1);
        self.buckets.truncate(kept);
    }

    /// Parts with anything in them: when each begins, and what it holds, the most important first.
    pub fn iter(&self) -> impl Iterator<Item = (Instant, impl Iterator<Item = Mark>)> {
        let width_us = self.width_us;
        self.buckets.iter().enumerate().filter(|(_, bits)| **bits != 0).map(move |(bucket, &bits)| {
            let marks = ALL.into_iter().filter(move |mark| bits & mark.bit() != 0);
            (Instant::from_micros(bucket as u64 * width_us), marks)
        })
    }
}
