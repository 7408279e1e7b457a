//! Every demo leaves the trace that `core/presets/golden.txt` says, to the byte: natively, once more, and in a browser.
//!
//! A trace changes with whatever the producer, the brokers, the network, the program or the scenario decide or tell. A
//! change that was meant is written down with `UPDATE=1 cargo test -p cross-tests --test golden_traces`, and the commit
//! says why; one that was not is a defect.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use cross_tests::browser::Browser;
use producer_core::scenario::DEMOS;
use wasm_probe::demos::{FIRST_MARK, lines_of};
use xtask::static_server::StaticServer;
use xtask::workspace::Scratch;
use xtask::{process, tools, workspace};

fn file() -> PathBuf {
    workspace::root().join("core/presets/golden.txt")
}

fn golden() -> String {
    fs::read_to_string(file()).expect("it is in the repository")
}

fn natively() -> String {
    DEMOS.iter().map(lines_of).collect()
}

/// Lines by slug and lane.
fn by_lane(lines: &str) -> BTreeMap<(&str, &str), Vec<&str>> {
    let words = lines.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    words.map(|words| ((words[0], words[1]), words[2..].to_vec())).collect()
}

/// What differs, lane by lane.
fn differences(golden: &str, found: &str) -> Vec<String> {
    let (golden, found) = (by_lane(golden), by_lane(found));
    let mut told = Vec::new();
    for (lane, old) in &golden {
        let name = format!("{}, lane {}", lane.0, lane.1);
        let Some(new) = found.get(lane) else {
            told.push(format!("{name} is gone"));
            continue;
        };
        if old != new {
            let same = old[2..].iter().zip(&new[2..]).take_while(|(old, new)| old == new).count();
            let up_to = if same == 0 { 0 } else { FIRST_MARK << (same - 1) };
            let (was, is) = (old[0], new[0]);
            told.push(format!("{name}: {is} events, where there were {was}; the first {up_to} are the same"));
        }
    }
    told.extend(
        found
            .keys()
            .filter(|lane| !golden.contains_key(lane))
            .map(|lane| format!("{}, lane {} is new", lane.0, lane.1)),
    );
    told
}

fn assert_golden(found: &str, where_from: &str) {
    let differences = differences(&golden(), found).join("\n");
    assert!(
        differences.is_empty(),
        "{where_from}, traces are not those of core/presets/golden.txt:\n{differences}\nIf this is meant, run UPDATE=1 cargo \
         test -p cross-tests --test golden_traces, and say in the commit why it changes."
    );
}

#[test]
fn every_demo_leaves_its_golden_trace_natively_and_a_second_time() {
    let found = natively();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(file(), &found).expect("it can be written");
    }
    assert_golden(&found, "Natively");
    assert!(natively() == found, "a second run differs from the first");
}

#[test]
fn a_trace_that_changes_is_told_with_its_lane_and_from_where_on() {
    let golden = "one 0 40 aa 11 22\none 1 20 bb 33\ntwo 0 9 cc\n";
    assert_eq!(differences(golden, golden), [""; 0]);
    let found = "one 0 41 ab 11 23\none 1 20 bb 33\nthree 0 9 cc\n";
    let told = [
        "one, lane 0: 41 events, where there were 40; the first 16 are the same",
        "two, lane 0 is gone",
        "three, lane 0 is new",
    ];
    assert_eq!(differences(golden, found), told);
}

/// The module that plays the demos, beside a page that is as good as none.
fn folder() -> Result<Scratch> {
    tools::rust_toolchain()?;
    let mut build = std::process::Command::new("cargo");
    build.current_dir(workspace::root()).args(["build", "--quiet", "--package", "wasm-probe"]);
    build.args(["--target", "wasm32-unknown-unknown", "--features", "wasm-probe/demos"]);
    process::run(&mut build)?;
    let folder = Scratch::new("golden")?;
    fs::write(folder.path().join("index.html"), "<!doctype html><title>golden</title>")?;
    let module = workspace::target_dir().join("wasm32-unknown-unknown/debug/wasm_probe.wasm");
    fs::copy(module, folder.path().join("probe.wasm"))?;
    Ok(folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_demo_leaves_its_golden_trace_in_a_browser() -> Result<()> {
    let folder = tokio::task::spawn_blocking(folder).await??;
    let server = StaticServer::start(folder.path())?;
    let browser = Browser::start().await?;
    browser.open(&format!("{}/index.html", server.origin())).await?;
    let start = "const done = arguments[arguments.length - 1];
        WebAssembly.instantiateStreaming(fetch('probe.wasm'), {})
            .then(({ instance }) => { window.probe = instance.exports; done('started'); }, error => done(`${error}`));";
    let started = browser.client().execute_async(start, vec![]).await?;
    ensure!(started == "started", "{started}");
    let play = "const packed = BigInt.asUintN(64, window.probe.demo_lines(arguments[0]));
        const bytes = new Uint8Array(window.probe.memory.buffer, Number(packed >> 32n), Number(packed & 0xffffffffn));
        return new TextDecoder().decode(bytes);";
    let mut found = String::new();
    for (place, demo) in DEMOS.iter().enumerate() {
        let lines = browser.client().execute(play, vec![place.into()]).await.context(demo.slug)?;
        found.push_str(lines.as_str().context("text")?);
    }
    assert_golden(&found, "In a browser");
    Ok(())
}
