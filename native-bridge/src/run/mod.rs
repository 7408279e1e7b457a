//! `playground run`: a scenario from a file, a demo or a link, its end, and what its goals say to that.

mod report;
mod source;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use producer_core::export;
use producer_core::scenario::link::{Link, Shows};
use producer_core::scenario::{Scenario, Seed};
use producer_core::staging::{self, Ending};
use producer_core::trace::TraceEvent;

/// Arrows and notes of a sequence diagram: Mermaid refuses texts of more than 50 000 characters unless told otherwise.
const MOST_ARROWS: usize = 500;

/// Options of `playground run`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 every goal held; 1 a goal is broken or not decided, or the run was stopped; \
                        2 the scenario could not be read or staged, or the trace not be written")]
pub(crate) struct RunOptions {
    /// The scenario: a file, demo:SLUG, or a link (#demo/SLUG?linger.ms=50, #s=…, with or without the page's address)
    #[arg(value_name = "FILE")]
    source: String,
    /// All chance comes from this number instead of the scenario's own
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// End after so many virtual microseconds instead of the scenario's own
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=86_400_000_000))]
    until_us: Option<u64>,
    /// Write what happened to this file
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// How to write it; by default as the file's name ends: .json, .jsonl or .mmd
    #[arg(long, requires = "trace")]
    format: Option<Format>,
    /// Leave out of the trace what happens before
    #[arg(long, value_name = "N", requires = "trace")]
    trace_from_us: Option<u64>,
    /// Print the link that opens it in the page, behind the page's address
    #[arg(long)]
    link: bool,
    /// Print only what is broken or not decided
    #[arg(long)]
    quiet: bool,
}

/// How a trace is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Trace Event JSON, for Perfetto and Chrome
    TraceEvent,
    /// JSON lines: one event each
    JsonLines,
    /// A Mermaid sequence diagram
    Mermaid,
}

/// Runs all lanes of the scenario and prints what became of it. Returns whether every goal held.
pub(crate) fn run_scenario(options: &RunOptions) -> Result<bool> {
    // Before the run: a name that means nothing should not cost anybody the time of one.
    let trace = options.trace.as_deref().map(|path| Ok::<_, anyhow::Error>((path, format_of(path, options.format)?)));
    let trace = trace.transpose()?;
    let (mut scenario, notices) = source::read(&options.source)?;
    if let Some(seed) = options.seed {
        scenario.seed = Seed(seed);
    }
    if let Some(until_us) = options.until_us {
        scenario.duration_us = until_us;
    }
    if !options.quiet {
        crate::say(report::heading(&scenario, &notices).trim_end())?;
    }
    if options.link {
        let shows = Shows::Scenario(Box::new(scenario.clone()));
        crate::say(&format!("link: {}", Link { shows, at_us: None }))?;
    }
    let (mut all_held, mut events) = (true, Vec::new());
    for lane in 0..scenario.lane_count() {
        let began = Instant::now();
        let ending = staging::run(&scenario, lane, &[], None).context("the scenario cannot be staged")?;
        let took = began.elapsed();
        let broken = report::broken(&scenario, &ending);
        all_held &= broken.is_empty();
        let lines = if options.quiet { broken } else { report::lane(&scenario, &ending, took) };
        if !lines.is_empty() {
            crate::say(lines.trim_end())?;
        }
        if trace.is_some() {
            events.extend(part_of_trace(ending, options.trace_from_us.unwrap_or(0)));
        }
    }
    if let Some((path, format)) = trace {
        write_trace(path, format, &events)?;
    }
    Ok(all_held)
}

fn format_of(path: &Path, given: Option<Format>) -> Result<Format> {
    if let Some(format) = given {
        return Ok(format);
    }
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("json") => Ok(Format::TraceEvent),
        Some("jsonl" | "ndjson") => Ok(Format::JsonLines),
        Some("mmd" | "mermaid") => Ok(Format::Mermaid),
        _ => bail!("{}: .json, .jsonl and .mmd name a format, this does not; --format does", path.display()),
    }
}

/// The facts from this time of the scenario on.
fn part_of_trace(ending: Ending, from_us: u64) -> Vec<TraceEvent> {
    let from = ending.stage.begins() + core::time::Duration::from_micros(from_us);
    let mut trace = ending.trace;
    trace.retain(|event| event.at >= from);
    trace
}

fn write_trace(path: &Path, format: Format, events: &[TraceEvent]) -> Result<()> {
    let begins = staging::BEGIN;
    let text = match format {
        Format::TraceEvent => export::trace_event_json(events, begins),
        Format::JsonLines => export::json_lines(events, begins),
        Format::Mermaid => export::mermaid(events, begins, MOST_ARROWS),
    };
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// What a scenario is called.
fn name_of(scenario: &Scenario) -> &str {
    let title = &*scenario.card.title.en;
    let own = if scenario.name.is_empty() { title } else { &*scenario.name };
    if own.is_empty() { "a scenario without a name" } else { own }
}
