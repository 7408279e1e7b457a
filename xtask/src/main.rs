//! `cargo xtask`: see `cargo xtask --help`.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "The playground's commands. Each installs what it needs.")]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Build page and bridge and start them
    Play(xtask::play::Options),
    /// Build page and bridge as `play` does, and start nothing
    Build,
    /// Format, lints, documentation, unit tests (also in wasm) and cross tests with real peers
    Test {
        /// Leave out what takes longest: Apache Kafka, foreign producers, a hundred cuts
        #[arg(long)]
        quick: bool,
        /// Also build the page with the pinned Trunk, and test what it wrote
        #[arg(long, conflicts_with = "quick")]
        trunk: bool,
    },
    /// Build the page with the pinned Trunk, wasm-bindgen and wasm-opt
    Trunk,
    /// Put codecs and demos beside the page that Trunk builds (its hook in Trunk.toml calls this)
    Codecs,
    /// What the page costs to download, file by file, beside a minimal yew page
    Size,
    /// Measure, in a release build on this machine
    Bench {
        #[command(subcommand)]
        what: Bench,
    },
    /// Compare with the Java client itself, case by case; the last line is `N cases, D differences`
    Oracle(xtask::oracle::Options),
    /// Play scenarios by chance against the 18 invariants; the last line is `N seeds, V violations`
    Sim(xtask::sim::Options),
    /// Make mistakes on purpose and see whether the 18 invariants tell; the last line is `N defects, M caught`
    Planted(xtask::planted::Options),
    /// Which of Kafka's own scenarios our tests cover: writes docs/kafka-scenarios.md and prints the counts
    Scenarios,
    /// What the simulated brokers are true to, and what they leave out: writes docs/fidelity.md
    Fidelity,
    /// Start an Apache Kafka from its released jars, until Ctrl-C
    Kafka {
        /// Brokers, each also a controller: 1 or 3
        #[arg(long, default_value = "1", value_parser = ["1", "3"])]
        nodes: String,
    },
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// The core alone: records per second and allocations per record, beside kafka-protocol
    Core,
    /// Break my config in the page: 20 000 small worlds
    Breaking,
    /// The library beside other clients: CPU, records per second, latency, memory
    #[cfg(target_os = "linux")]
    Clients(xtask::bench::clients::Options),
    /// The simulated world beside madsim and turmoil, in Chromium beside natively, and how long the page's steps take
    Sim(xtask::bench::sim::Options),
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            xtask::progress!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Play(options) => xtask::play::command(&options),
        Task::Build => xtask::play::build().map(drop),
        Task::Test { quick, trunk } => xtask::test::command(quick, trunk),
        Task::Trunk => xtask::trunk::build(),
        Task::Codecs => xtask::page::codecs::command(),
        Task::Size => xtask::size::command(),
        Task::Bench { what: Bench::Core } => xtask::bench::core(),
        Task::Bench { what: Bench::Breaking } => xtask::bench::breaking(),
        #[cfg(target_os = "linux")]
        Task::Bench { what: Bench::Clients(options) } => xtask::bench::clients::command(&options),
        Task::Bench { what: Bench::Sim(options) } => xtask::bench::sim::command(&options),
        Task::Oracle(options) => xtask::oracle::command(&options),
        Task::Sim(options) => xtask::sim::command(&options),
        Task::Planted(options) => xtask::planted::command(&options),
        Task::Scenarios => xtask::scenarios::command(),
        Task::Fidelity => xtask::fidelity::command(),
        Task::Kafka { nodes } => xtask::kafka::command(nodes.parse()?),
    }
}
