//! What the demos leave behind, held against the rules of the formats.

mod rules;

use std::collections::BTreeSet;

use serde_json::Value;

use self::rules::{check_mermaid, check_trace_events, flows};
use super::{json_lines, mermaid, trace_event_json};
use crate::scenario::{DEMOS, Demo, Scenario, text};
use crate::staging::{BEGIN, run};
use crate::trace::{Fact, TraceEvent};

/// All lanes of a scenario, one after the other.
fn trace(scenario: &Scenario) -> Vec<TraceEvent> {
    let lanes = (0..scenario.lane_count()).map(|lane| run(scenario, lane, &[], None).expect("it can be staged"));
    lanes.flat_map(|ending| ending.trace).collect()
}

fn trace_of(slug: &str) -> Vec<TraceEvent> {
    trace(&Demo::of(slug).expect("there is one").scenario())
}

#[test]
fn traces_of_demos_keep_to_the_trace_event_format() {
    for demo in DEMOS {
        let text = trace_event_json(&trace(&demo.scenario()), BEGIN);
        check_trace_events(&text).unwrap_or_else(|broken| panic!("{}: {broken}", demo.slug));
    }
}

#[test]
fn any_part_of_a_trace_is_well_formed_too() {
    let trace = trace_of("lost-ack");
    for from in 0..trace.len() {
        for to in from..=trace.len() {
            let text = trace_event_json(&trace[from..to], BEGIN);
            check_trace_events(&text).unwrap_or_else(|broken| panic!("{from} to {to}: {broken}"));
            check_mermaid(&mermaid(&trace[from..to], BEGIN, 1_000)).unwrap_or_else(|broken| panic!("{broken}"));
        }
    }
}

#[test]
fn the_rules_notice_whatever_is_missing() {
    let text = trace_event_json(&trace_of("lost-ack"), BEGIN);
    let lines: Vec<&str> = text.lines().collect();
    for (category, phase) in [("batch", "b"), ("batch", "e"), ("record", "s"), ("record", "f"), ("record", "X")] {
        let has = |line: &str, key: &str, value: &str| line.contains(&format!("\"{key}\":\"{value}\""));
        let is_meant = |line: &&str| has(line, "cat", category) && has(line, "ph", phase);
        let place = lines.iter().position(is_meant).expect("there is one");
        let without: Vec<&str> =
            lines.iter().enumerate().filter(|(at, _)| *at != place).map(|(_, line)| *line).collect();
        let without = without.join("\n");
        assert!(serde_json::from_str::<Value>(&without).is_ok(), "it is JSON still");
        assert!(check_trace_events(&without).is_err(), "{phase} is missing");
    }
    let longer = text.replace("\"dur\":2563.", "\"dur\":502000.");
    assert!(longer != text && check_trace_events(&longer).is_err_and(|broken| broken.starts_with("slices nest")));
}

#[test]
fn every_record_has_an_arrow_from_send_to_callback_through_its_requests() {
    let text = trace_event_json(&trace_of("lost-ack"), BEGIN);
    let flows = flows(&text);
    let phases: Vec<String> =
        flows.values().map(|flow| flow.iter().map(|(phase, _)| phase.as_str()).collect()).collect();
    assert_eq!(phases, ["stf", "sttf", "stf"], "the second record was sent twice");
    let names: Vec<&str> = flows[&1].iter().map(|(_, track)| track.as_str()).collect();
    let (first, last) = (names.first().unwrap(), names.last().unwrap());
    assert_eq!((*first, *last), ("caller of producer 0", "sender of producer 0"));
    assert!(names[1].starts_with("connection 1 ") && names[2].starts_with("connection 4 "), "{names:?}");
}

#[test]
fn arrows_of_one_lane_are_not_those_of_another() {
    let trace = trace_of("acks-ladder");
    let told = trace.iter().filter(|event| matches!(event.what, Fact::Appended { .. })).count();
    assert_eq!(told, 60, "20 in each of 3 lanes");
    assert_eq!(flows(&trace_event_json(&trace, BEGIN)).len(), told);
}

/// Two producers send ten records each that fit into one batch, which the topic does not take.
const SPLIT: &str = r#"{"scenario":1,"topics":[{"partitions":1,"settings":{"max.message.bytes":"300"}}],
    "producers":[{"properties":{"linger.ms":"5","batch.size":"1000"},"callers":[{"habit":"callback","loads":[LOAD]}]},
    {"properties":{"linger.ms":"5","batch.size":"1000"},"callers":[{"habit":"callback","loads":[LOAD]}]}]}"#;

#[test]
fn records_of_a_batch_that_was_split_go_on_in_its_parts() {
    let load = r#"{"count":10,"value":{"template":{"text":"twenty letters, or so {{seq}}"}}}"#;
    let (scenario, _) = text::read(&SPLIT.replace("LOAD", load)).expect("a scenario");
    let trace = trace(&scenario);
    let splits = trace.iter().filter(|event| matches!(event.what, Fact::BatchSplit { .. })).count();
    assert!(splits >= 2, "one of each producer: {splits}");
    let text = trace_event_json(&trace, BEGIN);
    check_trace_events(&text).unwrap();
    let flows = flows(&text);
    assert_eq!(flows.len(), 20);
    for flow in flows.values() {
        let steps = flow.iter().filter(|(phase, _)| phase == "t").count();
        assert!(steps >= 2, "with the batch, and with a part: {flow:?}");
    }
    for producer in ["caller of producer 0", "caller of producer 1"] {
        assert_eq!(flows.values().filter(|flow| flow[0].1 == producer).count(), 10, "{producer}");
    }
}

#[test]
fn each_fact_is_a_line_of_json_with_the_same_names_for_ever() {
    let trace = trace_of("lost-ack");
    let lines = json_lines(&trace, BEGIN);
    assert_eq!(lines.lines().count(), trace.len());
    let objects: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(objects[0]["at_us"], 0);
    for (name, fields) in [
        ("Appended", "batch batch_bytes choice hash index key_size label ordinal value_size"),
        ("BatchOpened", "batch capacity partition topic"),
        ("BatchRetried", "attempt batch error until_us"),
        ("RequestSent", "api batches connection correlation in_flight node"),
        ("SenderWaits", "until_us why"),
        ("LogAppended", "base_offset base_sequence identity node partition records topic"),
        ("FaultInjected", "connection correlation fault"),
        ("Disconnected", "connection node why"),
        ("CallerStands", "statement"),
    ] {
        let object = objects.iter().find(|object| object["event"] == name).expect(name);
        let found: BTreeSet<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
        let expected: BTreeSet<&str> = fields.split(' ').chain(["at_us", "lane", "producer", "event"]).collect();
        assert_eq!(found, expected, "{name}");
    }
    let retried = objects.iter().find(|object| object["event"] == "BatchRetried").unwrap();
    assert_eq!(retried["error"], "NETWORK_EXCEPTION");
    assert!(retried["until_us"].as_u64() > retried["at_us"].as_u64(), "in the scenario's time: {retried}");
}

#[test]
fn failures_have_the_java_clients_class_and_sentence() {
    let lines = json_lines(&trace_of("delivery-deadline"), BEGIN);
    let objects = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let failed = objects.into_iter().find(|object| object["event"] == "BatchFailed").expect("one fails");
    assert_eq!(failed["error"], "TimeoutException");
    assert!(failed["message"].as_str().is_some_and(|message| message.starts_with("Expiring ")), "{failed}");
}

#[test]
fn sequence_diagrams_keep_to_mermaids_grammar() {
    for demo in DEMOS {
        let text = mermaid(&trace(&demo.scenario()), BEGIN, usize::MAX);
        check_mermaid(&text).unwrap_or_else(|broken| panic!("{}: {broken}", demo.slug));
    }
}

#[test]
fn a_diagram_that_is_too_long_says_what_it_leaves_out() {
    let trace = trace_of("lost-ack");
    let body = |text: &str| text.lines().filter(|line| line.contains(": ")).count();
    let whole = body(&mermaid(&trace, BEGIN, usize::MAX));
    let cut = mermaid(&trace, BEGIN, 5);
    check_mermaid(&cut).unwrap();
    assert_eq!(body(&cut), 6);
    assert!(cut.ends_with(&format!(": {} more are left out\n", whole - 5)), "{cut}");
    assert!(!cut.contains("broker 2"), "only who takes part is declared: {cut}");
}

#[test]
fn nothing_is_a_trace_as_well() {
    check_trace_events(&trace_event_json(&[], BEGIN)).unwrap();
    assert_eq!(json_lines(&[], BEGIN), "");
    assert_eq!(mermaid(&[], BEGIN, 5), "sequenceDiagram\n");
}
