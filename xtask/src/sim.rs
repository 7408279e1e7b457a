//! `cargo xtask sim`: scenarios by chance, each held against the 18 invariants.

use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::{process, tools, workspace};

/// Which scenarios.
#[derive(Debug, Args)]
pub struct Options {
    /// How many seeds
    #[arg(long, default_value = "1000")]
    seeds: u64,
    /// The first of them
    #[arg(long, value_name = "SEED", default_value = "0")]
    from: u64,
    /// Only this seed
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
}

/// Plays them; the last line is `N seeds, V violations`.
///
/// # Errors
/// When the simulation does not compile, or a scenario breaks an invariant.
pub fn command(options: &Options) -> Result<()> {
    tools::rust_toolchain()?;
    let (name, number) = options.seed.map_or(("--seeds", options.seeds), |seed| ("--seed", seed));
    let mut command = recipe();
    command.args(["--from", &options.from.to_string(), name, &number.to_string()]);
    process::run(&mut command)
}

/// The simulation, in a release build: ten thousand scenarios are millions of steps.
pub(crate) fn recipe() -> Command {
    let mut command = Command::new("cargo");
    command.args(["run", "--quiet", "--release", "--package", "producer-core", "--features", "swarm"]);
    command.args(["--example", "sim", "--"]).current_dir(workspace::root());
    command
}
