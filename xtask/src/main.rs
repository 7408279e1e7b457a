//! `cargo xtask`: see `cargo xtask --help`.

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
    /// Start an Apache Kafka from its released jars, until Ctrl-C
    Kafka {
        /// Brokers, each also a controller: 1 or 3
        #[arg(long, default_value = "1", value_parser = ["1", "3"])]
        nodes: String,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Task::Kafka { nodes } => xtask::kafka::command(nodes.parse()?),
    }
}
