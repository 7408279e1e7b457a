//! What both sides measured by the end of a script: the metrics of sender, accumulator and buffer pool.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use producer_core::metrics::Metric;

use super::Script;

/// Name and topic.
type Key = (String, String);

/// The values on both sides.
#[derive(Clone, Debug, Default)]
pub(super) struct Measured {
    /// How many were compared.
    pub(super) compared: u64,
    /// Name, topic, Java's value and ours, where they differ and may not.
    pub(super) differences: Vec<String>,
    /// Name and reason, as often as an exception was met.
    pub(super) met: Vec<(&'static str, &'static str)>,
}

impl Measured {
    /// Compares what Java says, line by line `= NAME TOPIC VALUE`, with what we say of the same. A metric that only one side
    /// has differs, but for those of the selector and of the application's calls, which Java's side of a script has not.
    pub(super) fn of(script: &Script, theirs: &[String], ours: &[Metric]) -> Result<Self> {
        let mut ours: BTreeMap<Key, f64> = ours.iter().filter_map(of_scripts).collect();
        let mut measured = Self::default();
        for line in theirs {
            let words: Vec<&str> = line.split(' ').collect();
            let ["=", name, topic, value] = words[..] else { anyhow::bail!("{line}: no metric") };
            // How many there are depends on who has a selector.
            if name == "count" {
                continue;
            }
            let theirs: f64 = value.parse().context(line.clone())?;
            let ours = ours.remove(&(name.to_owned(), topic.to_owned()));
            measured.compared += 1;
            let Some(ours) = ours else {
                measured.differences.push(format!("{name} {topic} Java {value} ours missing"));
                continue;
            };
            if is_same(theirs, ours) {
                continue;
            }
            let is_meant = |known: &&Exception| {
                let names = known.names.iter();
                let mut sides = names.filter(|(known, _)| *known == name).map(|(_, is_java_s_less)| *is_java_s_less);
                (known.is_met)(script) && sides.any(|is_java_s_less| (theirs < ours) == is_java_s_less)
            };
            match EXCEPTIONS.iter().find(is_meant) {
                Some(known) => measured.met.push((known.name, known.reason)),
                None => measured.differences.push(format!("{name} {topic} Java {value} ours {ours}")),
            }
        }
        let more = ours.into_iter().filter(|((name, topic), _)| topic != "-" || !is_the_selectors(name));
        measured
            .differences
            .extend(more.map(|((name, topic), ours)| format!("{name} {topic} Java missing ours {ours}")));
        Ok(measured)
    }
}

/// Where a measurement of ours is another on purpose.
struct Exception {
    name: &'static str,
    reason: &'static str,
    /// Of these metrics; and is Java's value the smaller one?
    names: &'static [(&'static str, bool)],
    /// Can it be met in this script?
    is_met: fn(&Script) -> bool,
}

const EXCEPTIONS: [Exception; 3] = [
    Exception {
        name: "rounds-in-vain",
        reason: "while the batches of a ready broker must wait for their sequences, the Java client's sender goes round without \
                 a pause and counts a request of no records each time, so the average says how fast it spins; here the sender \
                 sleeps until something changes",
        names: &[("records-per-request-avg", true)],
        is_met: |script| !script.config.iter().any(|(key, value)| key == "enable.idempotence" && value == "false"),
    },
    Exception {
        name: "closed-by-force",
        reason: "the Java client forgets to strike requests and memory off when it closes without patience; here nothing is out \
                 after closing",
        names: &[("requests-in-flight", false), ("buffer-available-bytes", true)],
        is_met: |script| script.actions.iter().any(|action| action.words.len() > 1 && action.words[0] == "close"),
    },
    Exception {
        name: "metadata-heard-late",
        reason: "before it asks for a producer id again, the Java client's I/O thread sleeps for retry.backoff.ms and hears an \
                 answer with metadata only then; here only the question waits",
        names: &[("metadata-age", true)],
        is_met: |script| {
            let mut words = script.actions.iter().flat_map(|action| &action.words);
            words.any(|word| word == "InitProducerId")
        },
    },
];

fn of_scripts(metric: &Metric) -> Option<(Key, f64)> {
    if !["producer-metrics", "producer-topic-metrics"].contains(&metric.group) {
        return None;
    }
    let topic = metric.tags.iter().find(|(tag, _)| *tag == "topic").map_or("-", |(_, topic)| topic);
    Some(((metric.name.to_owned(), topic.to_owned()), metric.value.as_number()?))
}

fn is_the_selectors(name: &str) -> bool {
    const BEGINNINGS: [&str; 15] = [
        "connection-",
        "successful-",
        "failed-",
        "reauthentication-",
        "network-io-",
        "outgoing-",
        "incoming-",
        "response-",
        "select-",
        "request-rate",
        "request-total",
        "request-size-",
        "flush-time-",
        "txn-",
        "metadata-wait-",
    ];
    BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}

/// The same number, but for the last bits that a sum in another order may change.
fn is_same(theirs: f64, ours: f64) -> bool {
    theirs.is_nan() && ours.is_nan() || (theirs - ours).abs() <= theirs.abs() * 1e-12
}
