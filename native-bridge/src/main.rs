//! `playground`: the bridge between a page and Kafka, the embedded brokers by themselves, and scenarios without a page.

mod breaking;
mod config_file;
mod run;
mod serve;

use core::fmt::{self, Write as _};
use std::io::{IsTerminal, Write as _};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use kafka_producer::embedded::{EmbeddedBrokers, EmbeddedOptions};
use playground_options::ServeOptions;
use tracing_subscriber::EnvFilter;

/// Exit code of whatever was asked for in a way that cannot be done; clap's own is the same.
const BAD_INPUT: u8 = 2;

/// The one rule, behind every `--help`.
const EXIT_CODES: &str = "\
Exit codes: 0 it did what was asked, and what was to hold holds; 1 it ran and failed, or found what it looked for to be \
broken; 2 bad input: options, or a file to read or write, with which it cannot be done";
/// For commands that go on until they are told to stop.
const EXIT_CODES_OF_SERVERS: &str = "\
Exit codes: 0 it was told to stop, and did; 1 it ran and failed: a port that is taken, a Kafka that does not answer; \
2 bad input: options or files with which it cannot begin";

/// See what a Kafka producer does: a page in your browser, a real producer behind it
#[derive(Debug, Parser)]
#[command(name = "playground", version, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the page and produce to its order
    #[command(after_help = EXIT_CODES_OF_SERVERS)]
    Serve(ServeOptions),
    /// Run only the embedded brokers, for other clients
    #[command(after_help = EXIT_CODES_OF_SERVERS)]
    Broker(BrokerOptions),
    /// Run a scenario in simulated time and judge it by its goals
    Run(run::RunOptions),
    /// Look for a simulated world in which a producer's configuration does not keep a claim
    Break(Box<breaking::BreakOptions>),
}

/// Options of `playground broker`.
#[derive(Debug, clap::Args)]
struct BrokerOptions {
    /// Where the first broker listens; the others take the ports after it, or any that are free if this is 0
    #[arg(long, value_name = "127.0.0.1:PORT", default_value = "127.0.0.1:0")]
    listen: String,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("PLAYGROUND_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    // At finer levels these log what they carry: tokens and records.
    let filter = ["hyper=info", "tungstenite=info", "tokio_tungstenite=info"]
        .into_iter()
        .filter_map(|quiet| quiet.parse().ok())
        .fold(filter, EnvFilter::add_directive);
    let ansi = std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(ansi)
        .with_target(false)
        // Where nobody reads standard error any more, there is nobody to tell that either.
        .log_internal_errors(false)
        .init();
    match arguments.command {
        Command::Serve(options) => {
            begin(serve::Given::read(&options), |given| in_runtime(serve::serve(options, given)))
        }
        Command::Broker(options) => {
            begin(serve::loopback_port(&options.listen), |first| in_runtime(brokers_alone(first)))
        }
        Command::Run(options) => verdict_of(run::run_scenario(&options)),
        Command::Break(options) => verdict_of(breaking::break_config(&options)),
    }
}

/// Begins with what was given, if it can be begun with, and tells how it ended.
fn begin<T>(given: Result<T>, run: impl FnOnce(T) -> Result<()>) -> ExitCode {
    let (error, code) = match given.map(run) {
        Ok(Ok(())) => return ExitCode::SUCCESS,
        Ok(Err(error)) => (error, ExitCode::FAILURE),
        Err(error) => (error, ExitCode::from(BAD_INPUT)),
    };
    report(&error);
    code
}

/// The exit code of a command that was asked whether something holds.
fn verdict_of(result: Result<bool>) -> ExitCode {
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            report(&error);
            ExitCode::from(BAD_INPUT)
        }
    }
}

fn in_runtime(task: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let ended = runtime.block_on(task);
    // Tasks of connections that nobody waits for any more.
    runtime.shutdown_background();
    ended
}

async fn brokers_alone(first: u16) -> Result<()> {
    let mut embedded = EmbeddedOptions::default();
    if first > 0 {
        embedded.ports = (first..=u16::MAX).take(embedded.brokers).collect();
    }
    let brokers = EmbeddedBrokers::start(embedded).await.context("cannot start the brokers")?;
    let stop_request = StopRequest::listen()?;
    say(&format!("brokers: {}", brokers.bootstrap_servers()))?;
    stop_request.received().await;
    brokers.stop().await;
    Ok(())
}

/// Adds a line to a text that is to be printed.
fn line(text: &mut String, what: fmt::Arguments<'_>) {
    writeln!(text, "{what}").expect("a String grows as needed");
}

/// Writes a line to standard output.
fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).context("cannot write to standard output")
}

/// The last words of a program that cannot do what it was asked to. Where nobody reads them, the exit code says it.
fn report(error: &anyhow::Error) {
    let _ = writeln!(std::io::stderr(), "playground: {}", printable(&format!("{error:#}")));
}

/// With what would steer a terminal written out, as `\u{1b}`: words of somebody's file are only shown.
fn printable(text: &str) -> String {
    let is_steering = |letter: char| letter.is_control() && letter != '\n';
    text.chars()
        .map(|letter| if is_steering(letter) { letter.escape_unicode().to_string() } else { letter.into() })
        .collect()
}

/// Ctrl-C or SIGTERM, heard from the moment this stands: before a script could have read that we are ready.
struct StopRequest {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl StopRequest {
    #[cfg(unix)]
    fn listen() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    #[cfg(not(unix))]
    fn listen() -> Result<Self> {
        Ok(Self {})
    }

    /// Waits for the request. A second one ends the process at once.
    async fn received(mut self) {
        self.next().await;
        tokio::spawn(async move {
            self.next().await;
            std::process::exit(130);
        });
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}
