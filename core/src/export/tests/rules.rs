//! The formats' own rules.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

type TrackId = (u64, u64);

fn events_of(text: &str) -> Result<Vec<Value>, String> {
    let whole: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    whole["traceEvents"].as_array().cloned().ok_or_else(|| "no traceEvents".to_owned())
}

fn track_of(event: &Value) -> Result<TrackId, String> {
    event["pid"].as_u64().zip(event["tid"].as_u64()).ok_or_else(|| format!("without a track: {event}"))
}

fn need(holds: bool, rule: &str, event: &Value) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("{rule}: {event}")) }
}

/// A time of the format, microseconds with at most three decimals, in nanoseconds.
fn nanos(time: &Value) -> Option<u64> {
    let text = time.as_number()?.to_string();
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    let thousandths = format!("{decimals:0<3}").parse::<u64>().ok().filter(|thousandths| *thousandths < 1_000)?;
    Some(whole.parse::<u64>().ok()? * 1_000 + thousandths)
}

/// Metadata names every track; times do not go back on a track; slices nest; async slices and arrows have
/// both ends, and arrows hold on to slices.
pub(super) fn check_trace_events(text: &str) -> Result<(), String> {
    let (metadata, events): (Vec<Value>, Vec<Value>) =
        events_of(text)?.into_iter().partition(|event| event["ph"] == "M");
    let mut named = BTreeSet::new();
    for event in metadata.iter().filter(|event| event["name"] == "thread_name") {
        need(named.insert(track_of(event)?), "a track has one name", event)?;
    }
    let mut last: BTreeMap<TrackId, u64> = BTreeMap::new();
    // Slices by their ends, the innermost last, with the time and category by which DevTools binds arrows to them.
    let mut slices: BTreeMap<TrackId, Vec<(u64, u64, Value)>> = BTreeMap::new();
    // Whether they live; each id is used once.
    let mut lives: BTreeMap<String, bool> = BTreeMap::new();
    let mut flows: BTreeMap<u64, bool> = BTreeMap::new();
    for event in &events {
        let track = track_of(event)?;
        need(named.contains(&track), "its track has a name", event)?;
        let at = nanos(&event["ts"]).ok_or_else(|| format!("without a time: {event}"))?;
        need(last.insert(track, at).is_none_or(|before| before <= at), "time goes on", event)?;
        let around = slices.entry(track).or_default();
        match event["ph"].as_str().unwrap_or_default() {
            "X" => {
                around.retain(|(end, ..)| *end > at);
                let end = at + nanos(&event["dur"]).ok_or_else(|| format!("without a duration: {event}"))?;
                need(around.last().is_none_or(|(outer, ..)| end <= *outer), "slices nest", event)?;
                around.push((end, at, event["cat"].clone()));
            }
            "i" => need(event["s"] == "t", "an instant has a scope", event)?,
            "C" => need(event["args"]["bytes"].is_u64(), "a counter has a number", event)?,
            phase @ ("b" | "n" | "e") => {
                let id = event["id"].as_str().ok_or_else(|| format!("without an id: {event}"))?.to_owned();
                let before = lives.insert(id, phase != "e");
                need(before == (phase != "b").then_some(true), "a life has one beginning and one end", event)?;
            }
            phase @ ("s" | "t" | "f") => {
                let is_bound =
                    around.last().is_some_and(|(_, began, category)| (*began, category) == (at, &event["cat"]));
                need(is_bound, "an arrow is bound to a slice of its category", event)?;
                let id = event["id"].as_u64().ok_or_else(|| format!("without an id: {event}"))?;
                let before = flows.insert(id, phase != "f");
                need(before == (phase != "s").then_some(true), "an arrow has one beginning and one end", event)?;
            }
            _ => return Err(format!("an unknown phase: {event}")),
        }
    }
    match () {
        () if lives.values().any(|lives| *lives) => Err("an async slice has no end".to_owned()),
        () if flows.values().any(|flies| *flies) => Err("an arrow has no end".to_owned()),
        () => Ok(()),
    }
}

/// The arrows by their ids: phases, and the names of the tracks they are on.
pub(super) fn flows(text: &str) -> BTreeMap<u64, Vec<(String, String)>> {
    let events = events_of(text).expect("JSON");
    let names = events.iter().filter(|event| event["name"] == "thread_name");
    let names: BTreeMap<TrackId, &str> =
        names.map(|event| (track_of(event).unwrap(), event["args"]["name"].as_str().unwrap())).collect();
    let mut flows: BTreeMap<u64, Vec<(String, String)>> = BTreeMap::new();
    for event in &events {
        if let phase @ ("s" | "t" | "f") = event["ph"].as_str().unwrap() {
            let leg = (phase.to_owned(), names[&track_of(event).unwrap()].to_owned());
            flows.entry(event["id"].as_u64().unwrap()).or_default().push(leg);
        }
    }
    flows
}

/// Mermaid's arrows, the longer ones first: `->` is a part of `->>`.
const ARROWS: [&str; 8] = ["-->>", "->>", "--x", "-x", "--)", "-)", "-->", "->"];

/// Participants are declared once and before use, boxes are closed, arrows and notes are whole, and no label holds a
/// character that ends it.
pub(super) fn check_mermaid(text: &str) -> Result<(), String> {
    let mut lines = text.lines();
    if lines.next() != Some("sequenceDiagram") {
        return Err("it begins otherwise".to_owned());
    }
    let (mut declared, mut in_box) = (BTreeSet::new(), false);
    for line in lines.map(str::trim) {
        if line.starts_with("box ") && !in_box {
            in_box = true;
        } else if line == "end" && in_box {
            in_box = false;
        } else if let Some(participant) = line.strip_prefix("participant ") {
            let (id, name) = participant.split_once(" as ").ok_or("a participant without a name")?;
            if !is_word(id) || name.is_empty() || !declared.insert(id) {
                return Err(format!("no participant: {line}"));
            }
        } else {
            check_statement(line, &declared)?;
        }
    }
    if in_box { Err("a box has no end".to_owned()) } else { Ok(()) }
}

fn check_statement(line: &str, declared: &BTreeSet<&str>) -> Result<(), String> {
    let (who, label) = line.split_once(": ").ok_or_else(|| format!("no label: {line}"))?;
    let plain = label.replace("#35;", "").replace("#59;", "");
    if label.is_empty() || plain.contains(['#', ';']) {
        return Err(format!("the label ends early: {line}"));
    }
    let all: Vec<&str> = match who.strip_prefix("Note over ") {
        Some(over) => over.split(',').collect(),
        None => {
            let arrow = ARROWS.iter().find(|arrow| who.contains(**arrow)).ok_or_else(|| format!("no arrow: {line}"))?;
            who.split(arrow).collect()
        }
    };
    let is_known = |id: &&str| declared.contains(id);
    if all.iter().all(is_known) { Ok(()) } else { Err(format!("somebody is not declared: {line}")) }
}

fn is_word(id: &str) -> bool {
    !id.is_empty() && id.chars().all(|character| character.is_ascii_alphanumeric())
}
