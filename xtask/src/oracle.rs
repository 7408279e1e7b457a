//! `cargo xtask oracle`: the Java client as judge.

use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::{kafka::KafkaJars, process, tools, workspace};

/// How the judges are held.
#[derive(Debug, Args)]
pub struct Options {
    /// Where chance begins; by default it is a fresh one, which is printed
    #[arg(long)]
    seed: Option<u64>,
    /// How many cases: all, or about as many as `cargo xtask test` tries
    #[arg(long, default_value = "full", value_parser = ["full", "test"])]
    size: String,
    /// Only these judges, by name; a wrong one lists them
    #[arg(long = "judge", value_name = "NAME")]
    judges: Vec<String>,
}

/// Runs every judge; the last line is `N cases, D differences`.
///
/// # Errors
/// When the judges do not compile, Java cannot be asked, or there is a difference.
pub fn command(options: &Options) -> Result<()> {
    tools::rust_toolchain()?;
    KafkaJars::ensure()?;
    let mut command = Command::new("cargo");
    command.args(["run", "--release", "--package", "cross-tests", "--bin", "oracle", "--", &options.size]);
    command.args(&options.judges);
    if let Some(seed) = options.seed {
        command.env("SEED", seed.to_string());
    }
    process::run(command.current_dir(workspace::root()))
}
