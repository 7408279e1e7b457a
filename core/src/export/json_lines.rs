//! One fact a line, for `jq` and whatever reads JSON.

use core::fmt::Write as _;
use std::collections::BTreeMap;

use serde_json::Value;

use super::fields::{fields, micros};
use crate::time::Instant;
use crate::trace::TraceEvent;

/// Each fact as a JSON object in a line of its own, in the order given.
///
/// Every line begins with `at_us` (microseconds since `begins`), `lane`, `producer` and `event` (the name of the
/// [`Fact`](crate::trace::Fact)); its fields follow, in the order of their names. Partitions are `topic` and `partition`, and
/// errors have Kafka's names.
pub fn json_lines(events: &[TraceEvent], begins: Instant) -> String {
    let mut lines = String::new();
    for event in events {
        let (name, fields) = fields(&event.what, begins);
        let (at_us, lane, producer) = (micros(event.at, begins), event.lane, event.producer);
        let head = format!("{{\"at_us\":{at_us},\"lane\":{lane},\"producer\":{producer},\"event\":\"{name}\"");
        lines.push_str(&head);
        for (key, value) in fields.iter().collect::<BTreeMap<&String, &Value>>() {
            write!(lines, ",\"{key}\":{value}").expect("a String grows as needed");
        }
        lines.push_str("}\n");
    }
    lines
}
