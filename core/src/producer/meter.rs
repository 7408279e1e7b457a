//! Tells the recorder of metrics what happens, if there is one.

use core::time::Duration;

use crate::ids::NodeId;
use crate::time::Instant;

#[cfg(feature = "metrics")]
use super::recorder::Recorder;
use super::topics::TopicIndex;

/// What is counted: never a single record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Event {
    /// A batch goes into a request.
    Drained {
        topic: TopicIndex,
        records: u32,
        bytes: usize,
        compression_ratio: f32,
        queued_ms: u64,
        /// Upper bound of its largest record's size.
        largest_record: usize,
    },
    /// A broker that is ready was drained for, be it in vain.
    DrainedFor { records: u32 },
    /// A batch goes back into its queue.
    Retried { topic: TopicIndex, records: u32 },
    /// A batch failed, or one that had failed before was answered with an error.
    Failed { topic: TopicIndex, records: u32 },
    /// `send` refused a record with an error of Kafka's.
    Refused,
    /// A batch was split.
    Split,
    /// A Produce request was answered.
    Answered { node: NodeId, latency_ms: u64 },
    /// A response of any kind, with the pause it asks for.
    Throttled { millis: i32 },
    /// A send's wait for memory is over, successful or not.
    MemoryAwaited(Duration),
    /// Memory did not come in time.
    MemoryExhausted,
    /// A send has the metadata it waited for.
    MetadataAwaited(Duration),
    /// A connection stands.
    Connected { node: NodeId },
    /// A connection ended, or never stood. Was it the network that said so, and not patience that ended?
    Disconnected { node: NodeId, is_heard: bool },
}

/// The way to the recorder. Without the feature `metrics` there is none, and nothing of this is left.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter {
    #[cfg(feature = "metrics")]
    pub(super) recorder: Option<Box<Recorder>>,
}

impl Meter {
    /// Does anybody count?
    #[inline(always)]
    pub(super) fn is_on(&self) -> bool {
        #[cfg(feature = "metrics")]
        return self.recorder.is_some();
        #[cfg(not(feature = "metrics"))]
        false
    }

    #[inline(always)]
    #[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "nobody is told"))]
    pub(super) fn note(&mut self, now: Instant, event: Event) {
        #[cfg(feature = "metrics")]
        if let Some(recorder) = &mut self.recorder {
            recorder.note(now, event);
        }
    }
}

/// Whole milliseconds between two moments, each rounded down as the Java client's clock is.
pub(super) fn millis_between(earlier: Instant, later: Instant) -> u64 {
    (later.as_micros() / 1_000).saturating_sub(earlier.as_micros() / 1_000)
}
