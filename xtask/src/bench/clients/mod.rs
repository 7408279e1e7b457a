//! `cargo xtask bench clients`: ours beside the other clients, in turns, against a broker that keeps nothing.
//!
//! Every figure that counts is a ratio of two runs of the same round, and what is told is the median over the rounds. Each
//! run has a sink of its own, which checks each batch's CRC and counts its records; a run counts only if the client says
//! that all of them were acknowledged, and the sink that all of them came. CPU is the client's process alone, start-up
//! included.

mod group;
mod peers;
mod rows;
mod run;
mod sink;

use std::{path::PathBuf, process::Command};

use anyhow::{Context as _, Result, ensure};

use self::{peers::Programs, rows::Plan, run::Runner};
use crate::{process, progress, tools, workspace};

/// What to measure.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Rounds, of which the median counts; 5, or 2 with --quick
    #[arg(long)]
    pub rounds: Option<usize>,
    /// Rows of the table, and `variants`; all unless given
    #[arg(long, value_delimiter = ',', value_parser = rows::NAMES)]
    pub rows: Vec<String>,
    /// A sixth of the records, and no variants unless asked for: to see that it runs, not to compare
    #[arg(long)]
    pub quick: bool,
}

/// Builds all clients, measures, and prints a table; the last line sums it up.
///
/// # Errors
/// When something does not build, or ours fails. A goal that is missed is no error, and a peer that fails is noted.
pub fn command(options: &Options) -> Result<()> {
    ensure!(options.rounds != Some(0), "no round, no figure");
    tools::rust_toolchain()?;
    let [sink, ours, core] = release_binaries()?;
    let mut runner = Runner::new(Programs::build(ours)?, sink)?;
    let plan = Plan::new(options, core);
    println!(
        "100 B values without keys, acks=all, idempotent, no compression, buffers of 32 MiB; six partitions on three \
         ports unless said otherwise. Medians of {} rounds, in brackets the extremes; within a round each client takes \
         its turn. Trust ratios, not figures: other programs may have run beside these.",
        plan.rounds()
    );
    let verdicts = plan.measure(&mut runner)?;

    println!();
    for note in &runner.notes {
        println!("note: {note}");
    }
    for verdict in &verdicts {
        println!("{verdict}");
    }
    let summary: Vec<String> = verdicts.iter().map(rows::Verdict::summary).collect();
    println!("\n{}", summary.join("; "));
    Ok(())
}

/// The null sink, our side, and the core's own benchmark.
fn release_binaries() -> Result<[PathBuf; 3]> {
    const NAMES: [&str; 3] = ["null-sink", "bench-producer", "bench-core"];
    progress!("compiling our side (profile release)");
    let mut build = Command::new("cargo");
    build.args(["build", "--release", "--package", "cross-tests"]).current_dir(workspace::root());
    for name in NAMES {
        build.args(["--bin", name]);
    }
    process::run(&mut build)?;
    Ok(NAMES.map(|name| workspace::target_dir().join("release").join(name)))
}

/// A small shared library that counts a program's clock reads, built anew each time: it takes a moment.
fn clock_counter(scratch: &workspace::Scratch) -> Result<PathBuf> {
    tools::ensure(&[tools::CC])?;
    let library = scratch.path().join("clock_reads.so");
    let source = workspace::root().join("tests/peers/clock-reads/clock_reads.c");
    let mut compile = Command::new("gcc");
    compile.args(["-O2", "-shared", "-fPIC", "-o"]).arg(&library).arg(source).arg("-ldl");
    process::capture(&mut compile).context("the library that counts clock reads")?;
    Ok(library)
}
