//! `playground`: the bridge between a page and Kafka, and the embedded brokers by themselves.

mod serve;

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use kafka_producer::embedded::EmbeddedBrokers;
use tracing_subscriber::EnvFilter;

/// See what a Kafka producer does: a page in your browser, a real producer behind it
#[derive(Debug, Parser)]
#[command(name = "playground", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the page and produce to its order
    Serve(serve::ServeOptions),
    /// Run only the embedded brokers, for other clients
    Broker,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("PLAYGROUND_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let ansi = std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(ansi)
        .with_target(false)
        .init();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let ended = runtime.block_on(async {
        match arguments.command {
            Command::Serve(options) => serve::serve(options).await,
            Command::Broker => brokers_alone().await,
        }
    });
    // Tasks of connections that nobody waits for any more.
    runtime.shutdown_background();
    ended
}

async fn brokers_alone() -> Result<()> {
    let brokers = EmbeddedBrokers::start_default().await.context("cannot start the brokers")?;
    let addresses: Vec<_> = brokers.addresses().iter().map(ToString::to_string).collect();
    announce(&addresses);
    stop_requested().await;
    brokers.stop().await;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the line is the program's answer; scripts read it")]
fn announce(addresses: &[String]) {
    println!("brokers: {}", addresses.join(","));
}

#[expect(clippy::print_stderr, reason = "the last words of a program that cannot do what it was asked to")]
fn report(error: &anyhow::Error) {
    eprintln!("playground: {error:#}");
}

/// Waits for Ctrl-C or SIGTERM. A second one ends the process at once.
async fn stop_requested() {
    signal().await;
    tokio::spawn(async {
        signal().await;
        std::process::exit(130);
    });
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn signal() {
    let _ = tokio::signal::ctrl_c().await;
}
