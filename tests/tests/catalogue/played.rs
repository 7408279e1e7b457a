//! A row, played: what its program was told, what went over the wire, and what the logs hold.

use producer_core::error::{ErrorCode, ProducerError};
use producer_core::ids::TopicPartition;
use producer_core::judge::{CallId, Fate, Isolation, RequestSeen, Score};
use producer_core::protocol::ApiKey;
use producer_core::scenario::{Scenario, text};
use producer_core::staging::{self, Ending};
use producer_core::time::Instant;
use producer_core::trace::{Fact, TraceEvent};

/// The scenario of a row.
pub(crate) fn row(number: u32) -> Scenario {
    let path = super::files().remove(&number).expect("the row has a scenario");
    text::read(&std::fs::read_to_string(path).expect("it is text")).expect("it is one").0
}

/// A lane of a row that has been played to its end.
pub(crate) fn play(number: u32, lane: usize) -> Played {
    Played::of(&row(number), lane)
}

pub(crate) struct Played {
    pub(crate) ending: Ending,
}

impl Played {
    pub(crate) fn of(scenario: &Scenario, lane: usize) -> Self {
        let ending = staging::run(scenario, lane, &[], None).expect("it can be staged");
        Self { ending }
    }

    pub(crate) fn score(&self) -> Score {
        self.ending.history.score(Isolation::ReadUncommitted)
    }

    /// So many acknowledged, failed, stored.
    pub(crate) fn counts(&self) -> (u64, u64, u64) {
        let Score { acknowledged, failed, stored, .. } = self.score();
        (acknowledged, failed, stored)
    }

    /// A time as milliseconds of the scenario's.
    pub(crate) fn ms(&self, at: Instant) -> f64 {
        at.saturating_since(self.ending.stage.begins()).as_secs_f64() * 1_000.0
    }

    /// Offsets and values in the leader's log of a partition of `orders`, without the blanks that fill values up.
    pub(crate) fn log(&self, partition: i32) -> Vec<(i64, String)> {
        self.log_of("orders", partition)
    }

    pub(crate) fn log_of(&self, topic: &str, partition: i32) -> Vec<(i64, String)> {
        let name = TopicPartition { topic: topic.into(), partition };
        let log = self.ending.stage.simulation().cluster().log(&name).expect("there is one");
        let text = |value: Option<&[u8]>| String::from_utf8_lossy(value.unwrap_or_default()).trim_end().to_owned();
        log.records().map(|record| (record.offset, text(record.value))).collect()
    }

    /// Values in the leader's log of a partition of `orders`.
    pub(crate) fn values(&self, partition: i32) -> Vec<String> {
        self.log(partition).into_iter().map(|(_, value)| value).collect()
    }

    /// What the program was told, in order: which call, when in milliseconds, and the offset (−1: none) or the exception.
    pub(crate) fn told(&self) -> Vec<(u32, f64, Result<i64, String>)> {
        let told = self.ending.history.told.iter().filter_map(|told| {
            let what = match &told.fate {
                Fate::Acknowledged(metadata) => Ok(metadata.offset.unwrap_or(-1)),
                Fate::Failed(failure) => Err(failure.class.to_string()),
                Fate::Unknown => return None,
            };
            Some((told.call.0, self.ms(told.at.at), what))
        });
        told.collect()
    }

    /// What the program was told of a call: its first result.
    pub(crate) fn told_of(&self, call: u32) -> (f64, Result<i64, String>) {
        let told = self.told().into_iter().find(|(of, ..)| *of == call);
        let (_, at, what) = told.unwrap_or_else(|| panic!("call {call} has no result"));
        (at, what)
    }

    /// The times, in milliseconds since 1970, that the program was told of its records.
    pub(crate) fn acknowledged_times(&self) -> Vec<i64> {
        let told = self.ending.history.told.iter().filter_map(|told| match &told.fate {
            Fate::Acknowledged(metadata) => metadata.timestamp_ms,
            _ => None,
        });
        told.collect()
    }

    /// How long a call of `send()` took, in milliseconds.
    pub(crate) fn send_took(&self, call: u32) -> f64 {
        let call = &self.ending.history.calls[call as usize];
        let returned = call.returned.expect("it returned");
        (returned.at - call.called.at).as_secs_f64() * 1_000.0
    }

    /// When a call of `send()` was made, in milliseconds.
    pub(crate) fn called_at(&self, call: u32) -> f64 {
        self.ms(self.ending.history.calls[call as usize].called.at)
    }

    /// The partition to which a call's record went.
    pub(crate) fn partition_of(&self, call: CallId) -> Option<i32> {
        self.ending.history.calls[call.0 as usize].partition
    }

    /// Partitions of all calls, in order.
    pub(crate) fn partitions(&self) -> Vec<i32> {
        let calls = 0..u32::try_from(self.ending.history.calls.len()).expect("few");
        calls.filter_map(|call| self.partition_of(CallId(call))).collect()
    }

    /// The Produce requests, in the order in which they left.
    pub(crate) fn produced(&self) -> Vec<&RequestSeen> {
        let requests = self.ending.history.wire.requests.iter();
        requests.filter(|request| request.api == ApiKey::Produce).collect()
    }

    /// Of all Produce requests with one batch: when it left, its epoch (−1: none), base sequence and answer.
    pub(crate) fn batches(&self) -> Vec<(f64, i16, i32, Option<ErrorCode>)> {
        let requests = self.produced().into_iter();
        let batches = requests.flat_map(|request| request.batches.iter().map(move |batch| (request, batch)));
        let line = batches.map(|(request, batch)| {
            let epoch = batch.identity.map_or(-1, |identity| identity.epoch);
            (self.ms(request.sent.at), epoch, batch.base_sequence, batch.answer)
        });
        line.collect()
    }

    /// When something happened, in milliseconds.
    pub(crate) fn times(&self, is_meant: impl Fn(&Fact) -> bool) -> Vec<f64> {
        self.events(is_meant).map(|event| self.ms(event.at)).collect()
    }

    pub(crate) fn events(&self, is_meant: impl Fn(&Fact) -> bool) -> impl Iterator<Item = &TraceEvent> {
        self.ending.trace.iter().filter(move |event| is_meant(&event.what))
    }

    /// Messages of the constructors that Java would refuse.
    pub(crate) fn refusals(&self) -> Vec<String> {
        self.ending.stage.refused().iter().map(|(_, error)| error.to_string()).collect()
    }

    /// With what `send()` refused records, in order.
    pub(crate) fn refused_by_send(&self) -> Vec<ProducerError> {
        let events = self.ending.trace.iter();
        let errors = events.filter_map(|event| match &event.what {
            Fact::SendRefused { error, .. } => Some(error.clone()),
            _ => None,
        });
        errors.collect()
    }

    /// From the first to the last result, in milliseconds.
    pub(crate) fn span(&self) -> f64 {
        let told = self.told();
        let (Some((_, first, _)), Some((_, last, _))) = (told.first(), told.last()) else { return 0.0 };
        last - first
    }

    /// How much of `buffer.memory` was used at most.
    pub(crate) fn most_memory(&self) -> u64 {
        self.ending.history.memory.iter().map(|seen| seen.used_bytes).max().unwrap_or(0)
    }
}

/// Is a time within so many milliseconds of another?
pub(crate) fn is_near(found: f64, expected: f64, tolerance: f64) -> bool {
    (found - expected).abs() <= tolerance
}
