//! Chromium's DevTools load our traces: its own trace engine finds the tracks, the slices and the arrows that are in them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::Result;
use cross_tests::devtools::{self, Loaded};
use producer_core::export::trace_event_json;
use producer_core::scenario::{Demo, Scenario};
use producer_core::staging::{self, BEGIN};
use serde_json::Value;
use xtask::workspace::Scratch;

fn demo(slug: &str) -> Scenario {
    Demo::of(slug).expect("there is one").scenario()
}

/// What all lanes leave behind, in the format of the command.
fn exported(scenario: &Scenario) -> String {
    let lanes = (0..scenario.lane_count()).map(|lane| staging::run(scenario, lane, &[], None).expect("it is staged"));
    let trace: Vec<_> = lanes.flat_map(|ending| ending.trace).collect();
    trace_event_json(&trace, BEGIN)
}

fn load(text: &str) -> Result<Loaded> {
    let folder = Scratch::new("devtools")?;
    let file = folder.path().join("trace.json");
    fs::write(&file, text)?;
    devtools::load(&file)
}

/// Slices by track, with the tracks' names, as the file has them.
fn tracks_in(text: &str) -> BTreeMap<(u64, u64), (String, u64)> {
    let whole: Value = serde_json::from_str(text).expect("JSON");
    let mut names: BTreeMap<(u64, u64), String> = BTreeMap::new();
    let mut tracks: BTreeMap<(u64, u64), (String, u64)> = BTreeMap::new();
    for event in whole["traceEvents"].as_array().expect("events") {
        let id = (event["pid"].as_u64().expect("a number"), event["tid"].as_u64().expect("a number"));
        if event["name"] == "thread_name" {
            names.insert(id, event["args"]["name"].as_str().expect("text").to_owned());
        }
        if event["ph"] == "X" {
            tracks.entry(id).or_insert_with(|| (names[&id].clone(), 0)).1 += 1;
        }
    }
    tracks
}

/// Of every arrow in the file, how many slices it connects.
fn arrows_in(text: &str) -> Vec<u64> {
    let whole: Value = serde_json::from_str(text).expect("JSON");
    let mut arrows: BTreeMap<u64, u64> = BTreeMap::new();
    for event in whole["traceEvents"].as_array().expect("events") {
        if matches!(event["ph"].as_str(), Some("s" | "t" | "f")) {
            *arrows.entry(event["id"].as_u64().expect("a number")).or_default() += 1;
        }
    }
    arrows.into_values().collect()
}

/// Everything in the file is found, and nothing else.
fn check(text: &str) -> Result<Loaded> {
    let loaded = load(text)?;
    let found: BTreeMap<(u64, u64), (String, u64)> =
        loaded.tracks.iter().map(|track| ((track.pid, track.tid), (track.name.clone(), track.slices))).collect();
    let tracks = tracks_in(text);
    for (id, track) in &tracks {
        assert_eq!(found.get(id), Some(track), "{id:?}");
    }
    let others: Vec<_> = found.iter().filter(|(id, (_, slices))| !tracks.contains_key(id) && *slices > 0).collect();
    assert!(others.is_empty(), "{others:?}");
    let (mut ours, mut theirs) = (arrows_in(text), loaded.arrows.clone());
    ours.sort_unstable();
    theirs.sort_unstable();
    assert_eq!(theirs, ours);
    Ok(loaded)
}

#[test]
fn a_demo_with_a_lost_answer_has_its_three_arrows_and_its_tracks() -> Result<()> {
    let loaded = check(&exported(&demo("lost-ack")))?;
    assert_eq!(loaded.arrows, [3, 4, 3], "from send() through one request or two to the callback");
    let names: Vec<&str> = loaded.tracks.iter().map(|track| track.name.as_str()).collect();
    for name in ["caller of producer 0", "sender of producer 0"] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert!(names.iter().any(|name| name.starts_with("connection 1 of producer 0 to broker ")), "{names:?}");
    Ok(())
}

#[test]
fn lanes_are_processes_of_their_own() -> Result<()> {
    let loaded = check(&exported(&demo("acks-ladder")))?;
    let lanes: BTreeSet<u64> = loaded.tracks.iter().map(|track| track.pid).collect();
    assert_eq!(lanes, BTreeSet::from([1, 2, 3]));
    assert_eq!(loaded.arrows.len(), 60, "also of those records of acks=0 that are sent and done in one microsecond");
    Ok(())
}

#[test]
fn three_thousand_records_over_three_restarts_and_a_crash_are_as_many_arrows() -> Result<()> {
    let text = exported(&demo("rolling-restart"));
    assert!(text.lines().count() > 50_000);
    let loaded = check(&text)?;
    assert_eq!(loaded.arrows.len(), 3_000);
    let brokers = loaded.tracks.iter().filter(|track| track.name.starts_with("broker ")).count();
    assert_eq!(brokers, 3, "each was away");
    Ok(())
}

/// What the engine counts is what it could connect: an arrow is not taken at its word.
#[test]
fn an_arrow_to_where_no_slice_is_is_missed() -> Result<()> {
    let mut whole: Value = serde_json::from_str(&exported(&demo("one-record")))?;
    assert_eq!(load(&whole.to_string())?.arrows, [3]);
    let events = whole["traceEvents"].as_array_mut().expect("events");
    let last = events.iter_mut().find(|event| event["ph"] == "f").expect("an arrow ends");
    last["ts"] = (last["ts"].as_f64().expect("a number") + 60e6).into();
    assert_eq!(load(&whole.to_string())?.arrows, [2]);
    Ok(())
}
