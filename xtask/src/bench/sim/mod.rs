//! `cargo xtask bench sim`: the simulated world beside madsim and turmoil, natively beside Chromium, and what the page does
//! with it.
//!
//! One event is one thing taken from a world's queue: a message that is delivered, a timer that wakes somebody, a turn of a
//! program. Records inside a batch are none. Every figure that counts is a ratio of two runs of the same round, or the
//! longest of many waits; what is told is the median over the rounds.

mod goals;
mod page;
mod programs;

use anyhow::{Result, ensure};

use self::goals::{Figures, Goal};
use self::page::Page;
use self::programs::{Programs, World};
use crate::tools;

/// What to measure.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Rounds, of which the median counts; 5, or 2 with --quick
    #[arg(long)]
    pub rounds: Option<usize>,
    /// A sixth of the time and of the worlds: to see that it runs, not to compare
    #[arg(long)]
    pub quick: bool,
}

impl Options {
    fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 2 } else { 5 })
    }

    /// Seconds of a world's time in one run.
    fn seconds(&self) -> u32 {
        if self.quick { 20 } else { 120 }
    }

    /// Small worlds of *Break my config*.
    fn worlds(&self) -> u32 {
        if self.quick { 2_000 } else { 20_000 }
    }
}

/// Builds all sides, measures, and prints a table of goals.
///
/// # Errors
/// When something does not build or run. A goal that is missed is no error.
pub fn command(options: &Options) -> Result<()> {
    ensure!(options.rounds != Some(0), "no round, no figure");
    tools::rust_toolchain()?;
    let programs = Programs::build()?;
    let mut page = Page::open(&programs)?;
    println!(
        "3 brokers, 3 copies, 3 producers with 1 000 records/s of 100 B each, defaults, nobody looks at the trace.\n\
         An event is a message delivered, a timer, or a turn of a program; on madsim and turmoil a message read from its \
         stream, the end of a linger, or a tick at which a producer has a record. Those two only pass bytes on: no records, \
         sequences, checksums or checks.\n\
         Medians of {} rounds of {} s of the worlds' time, in brackets the extremes; within a round each takes its turn. \
         Trust ratios, not figures: other programs may have run beside these.\n",
        options.rounds(),
        options.seconds(),
    );
    let mut figures = Figures::default();
    for round in 1..=options.rounds() {
        crate::progress!("round {round} of {}", options.rounds());
        for world in World::ALL {
            figures.add(world, programs.run(world, options.seconds())?);
        }
        for has_crc in [true, false] {
            figures.add_in_page(has_crc, page.steady(has_crc, options.seconds())?);
        }
        figures.add_played(false, programs.played()?);
        figures.add_played(true, page.played()?);
    }
    crate::progress!("{} small worlds, natively and in the page", options.worlds());
    let searched = [programs.search(options.worlds())?, page.search(options.worlds())?];
    let scale = 20_000.0 / f64::from(options.worlds());
    figures.searched = Some(searched.map(|seconds| seconds * scale));

    figures.print_speeds();
    for goal in Goal::ALL {
        println!("{}", goal.line(&figures));
    }
    Ok(())
}
