//! What both sides measured by the end of a script: every metric that a script's clock moves, of the producer, its topics,
//! its brokers and its program's calls.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use producer_core::metrics::Metric;

use super::exceptions::{ANSWERS_AFTER_THE_TRANSACTION, Case};

/// Name, and topic or broker.
type Key = (String, String);

/// The values on both sides.
#[derive(Clone, Debug, Default)]
pub(super) struct Measured {
    /// How many were compared.
    pub(super) compared: u64,
    /// Name, topic or broker, Java's value and ours, where they differ and may not.
    pub(super) differences: Vec<String>,
    /// Name and reason, as often as an exception was met.
    pub(super) met: Vec<(&'static str, &'static str)>,
}

impl Measured {
    /// Compares what Java says, line by line `= NAME TAG VALUE`, with what we say of the same. A metric that only one side has
    /// differs. Both sides have told `told`.
    pub(super) fn of(case: Case<'_>, told: &[String], theirs: &[String], ours: &[Metric]) -> Result<Self> {
        let mut ours: BTreeMap<Key, f64> = ours.iter().filter_map(of_scripts).collect();
        let sent = theirs.iter().find_map(|line| line.strip_prefix("= record-send-total - "));
        let records_sent: f64 = sent.context("record-send-total")?.parse()?;
        let mut measured = Self::default();
        for line in theirs {
            let words: Vec<&str> = line.split(' ').collect();
            let ["=", name, tag, value] = words[..] else { anyhow::bail!("{line}: no metric") };
            if is_of_players(name) {
                continue;
            }
            let theirs: f64 = value.parse().context(line.clone())?;
            let ours = ours.remove(&(name.to_owned(), tag.to_owned()));
            measured.compared += 1;
            let Some(ours) = ours else {
                measured.differences.push(format!("{name} {tag} Java {value} ours missing"));
                continue;
            };
            if is_same(theirs, ours) {
                continue;
            }
            let is_meant = |known: &&Exception| {
                let names = known.names.iter();
                let mut sides = names.filter(|(known, _)| *known == name).map(|(_, is_java_s_less)| *is_java_s_less);
                (known.is_met)(Pair { case, told, records_sent, theirs, ours })
                    && sides.any(|is_java_s_less| (theirs < ours) == is_java_s_less)
            };
            match EXCEPTIONS.iter().find(is_meant) {
                Some(known) => measured.met.push((known.name, known.reason)),
                None => measured.differences.push(format!("{name} {tag} Java {value} ours {ours}")),
            }
        }
        let more = ours.into_iter().map(|((name, tag), ours)| format!("{name} {tag} Java missing ours {ours}"));
        measured.differences.extend(more);
        Ok(measured)
    }
}

/// Where a measurement of ours is another on purpose.
pub(super) struct Exception {
    pub(super) name: &'static str,
    /// Of so many values in a hundred scripts that are drawn it may be met.
    pub(super) most_percent: u64,
    reason: &'static str,
    /// Of these metrics; and is Java's value the smaller one?
    names: &'static [(&'static str, bool)],
    /// Is it met here?
    is_met: fn(Pair<'_>) -> bool,
}

/// Two values that differ, and what happened.
#[derive(Clone, Copy, Debug)]
struct Pair<'a> {
    case: Case<'a>,
    /// What both sides told.
    told: &'a [String],
    /// How many records left, those of the same batch as often as it left.
    records_sent: f64,
    theirs: f64,
    ours: f64,
}

impl Pair<'_> {
    /// Are both averages those of the records that left and of the requests that were told, and of some requests of no records
    /// besides? A request may leave untold, to a broker whose connection has just ended.
    fn has_requests_of_none(self) -> bool {
        let requests = self.told.iter().filter(|line| line.split(' ').nth(1) == Some("produce"));
        let count = requests.count() as f64;
        let is_some_more = |average: f64| {
            let vain = self.records_sent / average - count;
            vain > -0.5 && (vain - vain.round()).abs() < 1e-6
        };
        is_some_more(self.theirs) && is_some_more(self.ours)
    }

    /// Had the producer lost its patience when it was closed?
    fn is_closed_by_force(self) -> bool {
        let closed = self.told.iter().find_map(|line| line.strip_suffix(" closed")?.parse::<u64>().ok());
        let deadlines = self.case.script.actions.iter().filter_map(|action| match &action.words[..] {
            [word, millis] if word == "close" => Some(action.at + millis.parse::<u64>().ok()?),
            _ => None,
        });
        closed.zip(deadlines.min()).is_some_and(|(closed, deadline)| closed >= deadline)
    }
}

pub(super) const EXCEPTIONS: [Exception; 4] = [
    Exception {
        name: "requests-that-cannot-be-built",
        most_percent: 0,
        reason: "a batch of zstd for a broker that is too old for it stays in flight without a request; when it expires the Java \
                 client never takes its memory back and, with one request in flight, leaves its partition muted for ever, so \
                 what follows expires in its queue; here the deadline ends both",
        names: &[
            ("buffer-available-bytes", true),
            ("record-send-total", true),
            ("record-send-rate", true),
            ("byte-total", true),
            ("byte-rate", true),
            ("record-queue-time-avg", true),
            ("record-queue-time-max", true),
        ],
        is_met: |pair| pair.case.script.has_zstd_for_old_brokers(),
    },
    Exception {
        name: "rounds-in-vain",
        most_percent: 50,
        reason: "while the batches of a ready broker must wait for their sequences, the Java client's sender goes round without \
                 a pause and counts a request of no records each time, so the average says how fast it spins; here the sender \
                 sleeps until something changes",
        names: &[("records-per-request-avg", true)],
        is_met: |pair| {
            let is_off = |(key, value): &(String, String)| key == "enable.idempotence" && value == "false";
            !pair.case.script.config.iter().any(is_off) && pair.has_requests_of_none()
        },
    },
    Exception {
        name: "closed-by-force",
        most_percent: 20,
        reason: "the Java client forgets to strike requests and memory off when it closes without patience; here nothing is out \
                 after closing",
        names: &[("requests-in-flight", false), ("buffer-available-bytes", true)],
        is_met: |pair| pair.is_closed_by_force(),
    },
    Exception {
        name: ANSWERS_AFTER_THE_TRANSACTION.0,
        most_percent: 1,
        reason: ANSWERS_AFTER_THE_TRANSACTION.1,
        names: &[
            ("buffer-available-bytes", true),
            ("request-latency-avg", true),
            ("request-latency-avg", false),
            ("request-latency-max", true),
            ("request-latency-max", false),
        ],
        is_met: |pair| pair.case.answered_after_the_transaction().is_some(),
    },
];

fn of_scripts(metric: &Metric) -> Option<(Key, f64)> {
    if !metric.group.starts_with("producer-") || is_of_players(metric.name) {
        return None;
    }
    let tag = metric.tags.get(1).map_or("-", |(_, tag)| tag);
    Some(((metric.name.to_owned(), tag.to_owned()), metric.value.as_number()?))
}

/// How often a player goes round, and how long it waits and does I/O, is its own matter, and so is how many metrics there are
/// with those of the rounds.
fn is_of_players(name: &str) -> bool {
    ["count", "select-rate", "select-total"].contains(&name) || name.starts_with("io-")
}

/// The same number, but for the last bits that a sum in another order may change.
fn is_same(theirs: f64, ours: f64) -> bool {
    theirs.is_nan() && ours.is_nan() || (theirs - ours).abs() <= theirs.abs() * 1e-12
}
