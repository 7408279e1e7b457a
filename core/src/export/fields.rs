//! A fact as a name and flat fields.

use serde_json::{Map, Value};

use crate::error::ProducerError;
use crate::time::Instant;
use crate::trace::{Fact, Fault};

/// A fact's name, and its fields in the order of their names. Errors have Kafka's names, moments are microseconds since
/// `begins`, and a choice is its name, with its fields beside it.
pub(super) fn fields(fact: &Fact, begins: Instant) -> (String, Map<String, Value>) {
    let written = serde_json::to_value(fact).expect("facts hold names, numbers, texts and lists of them");
    let (name, mut all) = match written {
        Value::Object(variant) => match variant.into_iter().next() {
            Some((name, Value::Object(fields))) => (name, fields),
            Some((name, statement)) => (name, Map::from_iter([("statement".to_owned(), statement)])),
            None => (String::new(), Map::new()),
        },
        name => (name.as_str().unwrap_or_default().to_owned(), Map::new()),
    };
    flatten(&mut all);
    match fact {
        Fact::BatchRetried { error, until, .. } => {
            all.insert("error".into(), error.to_string().into());
            all.remove("until");
            all.insert("until_us".into(), micros(*until, begins).into());
        }
        Fact::PartitionAwaited { until, .. } | Fact::ProcessPaused { until } => {
            all.remove("until");
            all.insert("until_us".into(), micros(*until, begins).into());
        }
        Fact::SenderWaits { until, .. } => {
            all.remove("until");
            all.insert("until_us".into(), until.map(|until| micros(until, begins)).into());
        }
        Fact::AppendRefused { error, .. }
        | Fact::FaultInjected { fault: Fault::Answered { error } | Fault::AnsweredAfterAppend { error }, .. } => {
            all.insert("error".into(), error.to_string().into());
        }
        Fact::BatchFailed { error, .. } | Fact::SendRefused { error, .. } => put_error(&mut all, error),
        _ => {}
    }
    (name, all)
}

/// Microseconds since the beginning.
pub(super) fn micros(at: Instant, begins: Instant) -> u64 {
    at.as_micros().saturating_sub(begins.as_micros())
}

fn put_error(all: &mut Map<String, Value>, error: &ProducerError) {
    all.insert("error".into(), error.java_class().into());
    all.insert("message".into(), error.to_string().into());
}

/// Puts a choice's fields, and a partition's, beside the others.
fn flatten(all: &mut Map<String, Value>) {
    for key in ["choice", "fault", "why"] {
        if let Some(Value::Object(choice)) = all.get(key).cloned() {
            for (name, inner) in choice {
                all.insert(key.into(), name.into());
                match inner {
                    Value::Object(fields) => all.extend(fields),
                    text => drop(all.insert("text".into(), text)),
                }
            }
        }
    }
    if let Some(Value::Object(partition)) = all.get("partition").cloned() {
        all.extend(partition);
    }
}
