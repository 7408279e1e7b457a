//! Facts in a few words, for the slices and arrows of pictures.

use core::fmt::{self, Display};

use crate::ids::BatchId;
use crate::trace::{BlockedOn, Fact, Fault, Statement};

/// A fact, to be shown.
pub(super) struct Sentence<'f>(pub(super) &'f Fact);

impl Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Fact::CallerStands(statement) => f.write_str(words(*statement)),
            Fact::Appended { ordinal, batch, .. } => write!(f, "record {ordinal} into batch {batch}"),
            Fact::AppendedMany { count, batch, .. } => write!(f, "{count} records into batch {batch}"),
            Fact::SendBlocked { on: BlockedOn::Metadata, .. } => f.write_str("send() waits for metadata"),
            Fact::SendBlocked { on: BlockedOn::Memory, .. } => f.write_str("send() waits for memory"),
            Fact::PartitionAwaited { partition, partitions, .. } => {
                write!(f, "send() waits for {partition}, and the topic has {partitions} partitions")
            }
            Fact::SendRefused { ordinal, error, .. } => write!(f, "record {ordinal} failed: {}", error.java_class()),
            Fact::BatchOpened { batch, partition, .. } => write!(f, "batch {batch} of {partition}"),
            Fact::BatchDrained { batch, because, .. } => write!(f, "batch {batch} drained: {because:?}"),
            Fact::BatchRetried { batch, error, .. } => write!(f, "batch {batch} once more after {error}"),
            Fact::BatchSplit { batch, children } => write!(f, "batch {batch} split into {}", children.len()),
            Fact::BatchAcked { batch, stored } if stored.base_offset < 0 => write!(f, "batch {batch} acknowledged"),
            Fact::BatchAcked { batch, stored } => write!(f, "batch {batch} acknowledged at {}", stored.base_offset),
            Fact::BatchFailed { batch, error, .. } => write!(f, "batch {batch} failed: {}", error.java_class()),
            Fact::Connecting { node, .. } => write!(f, "connecting to broker {node}"),
            Fact::Connected { node, .. } => write!(f, "connected to broker {node}"),
            Fact::Disconnected { node, .. } => write!(f, "disconnected from broker {node}"),
            Fact::RequestSent { api, correlation, batches, .. } if batches.is_empty() => {
                write!(f, "{} {correlation}", api.name())
            }
            Fact::RequestSent { api, correlation, batches, .. } => {
                write!(f, "{} {correlation} with {}", api.name(), named(batches))
            }
            Fact::ResponseReceived { api, correlation, .. } => write!(f, "answer to {} {correlation}", api.name()),
            Fact::RequestTimedOut { correlation, .. } => write!(f, "request {correlation} timed out"),
            Fact::MetadataUpdated { brokers, topics } => {
                write!(f, "metadata of {} brokers, {} topics", brokers.len(), topics.len())
            }
            Fact::IdentityChanged { identity } => write!(f, "producer id {}, epoch {}", identity.id, identity.epoch),
            Fact::MemoryUsed { used_bytes } => write!(f, "{used_bytes} bytes in use"),
            Fact::SenderWaits { why, .. } => write!(f, "waits: {why:?}"),
            Fact::CallbacksRan { batch, count } => write!(f, "{count} callbacks of batch {batch}"),
            Fact::CallbackRanOnCaller { ordinal } => write!(f, "callback of record {ordinal}"),
            Fact::GetReturned { ordinal } => write!(f, "get() of record {ordinal} returned"),
            Fact::LogAppended { partition, base_offset, records, .. } => {
                write!(f, "{records} records to {partition} at {base_offset}")
            }
            Fact::DuplicateRecognised { partition, base_offset, .. } => {
                write!(f, "duplicate of {partition} at {base_offset} recognised")
            }
            Fact::AppendRefused { partition, error, .. } => write!(f, "append to {partition} refused: {error}"),
            Fact::LeaderMoved { partition, leader, epoch, unclean } => {
                let how = if *unclean { ", unclean" } else { "" };
                write!(f, "leader of {partition} is {leader}, epoch {epoch}{how}")
            }
            Fact::FaultInjected { correlation, fault, .. } => write!(f, "request {correlation} {}", Interfered(fault)),
            Fact::Thinned { dropped } => write!(f, "{dropped} facts are missing here"),
            Fact::RequestWritten { correlation, .. } => write!(f, "request {correlation} written"),
            Fact::TransactionMoved { phase } => f.write_str(phase.java_name()),
            Fact::BrokerChanged { state, .. } => state.fmt(f),
            Fact::BrokerFenced { fenced: true, .. } => f.write_str("fenced"),
            Fact::BrokerFenced { fenced: false, .. } => f.write_str("no longer fenced"),
            Fact::ControllerChanged { is_there: true } => f.write_str("back"),
            Fact::ControllerChanged { is_there: false } => f.write_str("away"),
            Fact::IsrChanged { partition, isr, .. } => write!(f, "in sync for {partition}: {}", list(isr)),
            Fact::HighWatermarkMoved { partition, offset, .. } => {
                write!(f, "high watermark of {partition} is {offset}")
            }
            Fact::ReplicaAdvanced { partition, end_offset, .. } => {
                write!(f, "copy of {partition} ends at {end_offset}")
            }
            Fact::TopicDeleted { topic } => write!(f, "topic {topic} deleted"),
            Fact::ProcessPaused { .. } => f.write_str("the process stands still"),
            Fact::LogTruncated { partition, end_offset, .. } => write!(f, "{partition} truncated from {end_offset}"),
        }
    }
}

fn words(statement: Statement) -> &'static str {
    match statement {
        Statement::Loop => "between records",
        Statement::Send => "send()",
        Statement::Get => "get()",
        Statement::Callback => "callback",
        Statement::Flush => "flush()",
        Statement::Close => "close()",
    }
}

fn list<T: Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn named(batches: &[BatchId]) -> String {
    format!("{} {}", if batches.len() == 1 { "batch" } else { "batches" }, list(batches))
}

struct Interfered<'f>(&'f Fault);

impl Display for Interfered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Fault::Delayed { by_us } => write!(f, "delayed by {by_us} us"),
            Fault::Answered { error } => write!(f, "answered with {error}"),
            Fault::CutBeforeAppend => f.write_str("cut before the broker acted"),
            Fault::CutAfterAppend => f.write_str("cut after the broker acted"),
            Fault::AnsweredAfterAppend { error } => write!(f, "acted upon and answered with {error}"),
            Fault::Swallowed => f.write_str("swallowed"),
            Fault::Throttled { pause_ms } => write!(f, "throttled for {pause_ms} ms"),
        }
    }
}
