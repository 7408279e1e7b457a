//! `playground run`: what it prints, what it writes, and the code it ends with.

mod common;

use producer_core::scenario::DEMOS;
use serde_json::Value;

use common::{Ended, Folder, playground};

/// The answer to the second record is cut off, and the producer is not idempotent.
const TWICE: &str = r#"{
  "scenario": 1,
  "duration_us": 5000000,
  "topics": [{}],
  "producers": [{
    "properties": {"linger.ms": "0", "enable.idempotence": "false"},
    "callers": [{
      "habit": "callback",
      "loads": [{"count": 3, "arrival": {"steady": {"per_second": 2}}, "keys": {"list": {"keys": ["user-42"]}}}]
    }]
  }],
  "rules": [{"on": {"direction": "answer", "api": "Produce"}, "nth": 2, "fate": "break"}],
  "goals": [{"claim": "nothing_lost"}, {"claim": "stored_once"}]
}"#;

fn run(arguments: &[&str]) -> Ended {
    playground(&[&["run"], arguments].concat())
}

#[test]
fn every_demo_comes_to_its_end_with_code_0() {
    for demo in DEMOS {
        let ended = run(&[&format!("demo:{}", demo.slug)]);
        assert_eq!((ended.code, &*ended.err), (Some(0), ""), "{}: {}", demo.slug, ended.out);
        assert!(ended.out.contains("  held  "), "{}", ended.out);
    }
}

/// The copy that was acknowledged is the second one, at offset 2: the one too many is where its answer was cut off.
#[test]
fn a_goal_that_does_not_hold_is_told_with_its_witness() {
    let folder = Folder::new("broken");
    let file = folder.write("twice.json", TWICE);
    let ended = run(&[&file]);
    assert_eq!((ended.code, &*ended.err), (Some(1), ""));
    for line in [
        "  sent 3 = 3 acknowledged + 0 waiting + 0 failed (0 of them stored anyway) + 0 unknown",
        "  stored 4 · 0 lost · 1 duplicated · 0 out of order",
        "  held         nothing lost",
        "  broken       stored once: record 1 is there once more, at orders-1@1",
    ] {
        assert!(ended.out.lines().any(|found| found == line), "{line}: {}", ended.out);
    }
    let quiet = run(&[&file, "--quiet"]);
    assert_eq!(quiet.code, Some(1));
    assert_eq!(quiet.out, "lane 1: broken: stored once: record 1 is there once more, at orders-1@1\n");
}

#[test]
fn a_run_that_ends_early_leaves_goals_undecided() {
    let folder = Folder::new("early");
    let ended = run(&[&folder.write("twice.json", TWICE), "--until-us", "1000"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.out.contains("  not decided  nothing lost: 1 records wait for their results\n"), "{}", ended.out);
    assert!(ended.out.contains("  1ms of its time in "), "{}", ended.out);
}

#[test]
fn a_run_that_takes_too_many_events_is_stopped_and_says_so() {
    let folder = Folder::new("stopped");
    let busy = TWICE.replace("\"scenario\": 1,", "\"scenario\": 1, \"max_events\": 20,");
    let ended = run(&[&folder.write("busy.json", busy.replace("{\"claim\": \"stored_once\"}", "{}")), "--quiet"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.out.contains(": more than the 20 events that max_events allows\n"), "{}", ended.out);
}

#[test]
fn a_typo_is_told_with_its_place_and_the_word_that_was_meant() {
    let folder = Folder::new("typo");
    let file = folder.write("typo.json", TWICE.replace("\"habit\"", "\"habbit\""));
    let ended = run(&[&file]);
    assert_eq!((ended.code, &*ended.out), (Some(2), ""));
    let expected = format!(
        "playground: {file}: line 8, column 7: producers[0].callers[0]: there is no field habbit; did you mean habit?\n"
    );
    assert_eq!(ended.err, expected);
}

#[test]
fn what_cannot_be_read_ends_with_code_2() {
    let folder = Folder::new("unreadable");
    for (source, why) in [
        (folder.path("nowhere.json"), "cannot read "),
        (folder.write("latin.json", "{"), "line 1"),
        ("demo:lost-akc".to_owned(), "there is no demo lost-akc; did you mean lost-ack?"),
        ("demo:zzz".to_owned(), "there is no demo zzz; the demos are one-record, get-or-callback, "),
        ("#s=1.AAAA".to_owned(), "the link is damaged"),
        ("https://example.org/#".to_owned(), "the link shows nothing"),
    ] {
        let ended = run(&[&source]);
        assert_eq!((ended.code, &*ended.out), (Some(2), ""), "{source}");
        assert!(ended.err.contains(why), "{source}: {}", ended.err);
    }
}

#[test]
fn what_has_no_effect_is_never_passed_over_in_silence() {
    let folder = Folder::new("notices");
    let text = TWICE.replace("\"linger.ms\"", "\"linger.mss\"").replace(
        "\"goals\"",
        "\"cluster\": {\"settings\": {\"queued.max.requests\": \"300\"}}, \"actions\": [{\"act\": \"add_broker\"}], \"goals\"",
    );
    let ended = run(&[&folder.write("notices.json", &text)]);
    for line in [
        "  notice: producers[0].properties: the Java client knows no linger.mss; did you mean linger.ms?",
        "  left out: actions[0], add_broker: the number of brokers is fixed",
        "  without effect: queued.max.requests of the brokers",
    ] {
        assert!(ended.out.lines().any(|found| found == line), "{line}: {} {}", ended.out, ended.err);
    }
}

#[test]
fn a_refused_configuration_has_the_java_clients_words() {
    let ended = run(&["demo:quietly-not-idempotent"]);
    let sentence =
        "Must set acks to all in order to use the idempotent producer. Otherwise we cannot guarantee idempotence.";
    let line = format!("  refused: producer 1: ConfigException: {sentence}");
    assert!(ended.out.lines().any(|found| found == line), "{}", ended.out);
}

#[test]
fn a_link_is_run_as_it_is_opened() {
    let folder = Folder::new("link");
    let scenario = producer_core::scenario::text::read(TWICE).expect("it is one").0;
    let shows = producer_core::scenario::link::Shows::Scenario(Box::new(scenario));
    let link = producer_core::scenario::link::Link { shows, ..Default::default() }.to_string();
    let traces =
        [folder.write("twice.json", TWICE), link.clone(), format!("https://example.org/{link}")].map(|source| {
            run(&[&source, "--quiet", "--trace", &folder.path("trace.jsonl")]);
            folder.read("trace.jsonl")
        });
    assert!(traces[0] == traces[1] && traces[1] == traces[2]);
    let printed = run(&[&folder.path("twice.json"), "--quiet", "--link"]).out;
    assert_eq!(printed.lines().next(), Some(&*format!("link: {link}")));
    let turned = run(&["#demo/lost-ack?enable.idempotence=true&linger.mss=5"]);
    assert_eq!(turned.code, Some(1), "nothing is duplicated");
    assert!(turned.out.contains("linger.mss is unknown and has no effect; did you mean linger.ms?"), "{}", turned.out);
    assert!(turned.out.contains("  broken       exactly 1 records stored again: it is 0\n"), "{}", turned.out);
}

#[test]
fn the_seed_makes_the_trace_and_nothing_else_does() {
    let folder = Folder::new("seed");
    for name in ["trace.json", "trace.jsonl", "trace.mmd"] {
        let trace = |seed: &str| {
            let ended = run(&["demo:lost-ack", "--seed", seed, "--quiet", "--trace", &folder.path(name)]);
            assert_eq!((ended.code, &*ended.out, &*ended.err), (Some(0), "", ""));
            folder.read(name)
        };
        let first = trace("7");
        assert!(first.len() > 1_000 && first == trace("7"), "{name}: the same bytes twice");
        assert!(first != trace("8"), "{name}: another seed, another trace");
    }
}

#[test]
fn a_trace_has_the_format_of_its_name_or_the_one_that_was_asked_for() {
    let folder = Folder::new("formats");
    let trace = |arguments: &[&str], name: &str| {
        let path = folder.path(name);
        let ended = run(&[&["demo:acks-ladder", "--trace", &path], arguments].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        folder.read(name)
    };
    let whole: Value = serde_json::from_str(&trace(&[], "trace.json")).expect("JSON");
    let lanes = whole["traceEvents"].as_array().expect("events").iter().filter(|event| event["name"] == "process_name");
    assert_eq!(lanes.count(), 3);
    let lines = trace(&["--format", "json-lines", "--trace-from-us", "1000000"], "trace.txt");
    let mut at_us = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")["at_us"].as_u64());
    assert!(at_us.all(|at_us| at_us >= Some(1_000_000)) && !lines.is_empty());
    assert!(trace(&[], "trace.mmd").starts_with("sequenceDiagram\n"));
    let ended = run(&["demo:lost-ack", "--trace", &folder.path("trace.txt2")]);
    assert_eq!((ended.code, &*ended.out), (Some(2), ""));
    assert!(ended.err.contains("--format"), "{}", ended.err);
}
