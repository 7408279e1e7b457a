//! `cargo xtask play`: page and bridge built and started, from nothing but a Rust toolchain and a C linker.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
    process::{Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::Duration,
};

use anyhow::{Result, bail, ensure};

use crate::{
    page,
    process::{self, OwnedChild},
    progress, tools, workspace,
};

/// Patience with a bridge that was asked to stop: it settles every send first, at most `delivery.timeout.ms` (two
/// minutes by default).
const STOP_PATIENCE: Duration = Duration::from_secs(150);

/// What is said to somebody who names a page to `play`.
const PAGE_IS_BUILT: &str =
    "play builds the page and serves that one; another is served by `playground serve --page DIR`";

/// What `play` hands on to the bridge.
#[derive(Debug, Default, clap::Args)]
pub struct Options {
    /// Only print the page's address
    #[arg(long)]
    pub no_open: bool,
    /// Produce to this cluster (`host:port,…`) instead of three embedded brokers
    #[arg(long, value_name = "HOST:PORT,…")]
    pub bootstrap_servers: Option<String>,
    /// Serve the page on this loopback address instead of a free port
    #[arg(long, value_name = "127.0.0.1:PORT")]
    pub listen: Option<String>,
    /// What every producer begins with: a Java properties file, Spring's application.yml, or a log with a Java client's
    /// "ProducerConfig values:"
    #[arg(long, value_name = "FILE")]
    pub producer_config: Option<PathBuf>,
    /// A topic of the cluster the page may write to, instead of any; may be repeated
    #[arg(long, value_name = "NAME")]
    pub allow_topic: Vec<String>,
    /// Another origin whose page may connect, such as http://127.0.0.1:8080; may be repeated
    #[arg(long, value_name = "ORIGIN")]
    pub allow_origin: Vec<String>,
    /// Further arguments of `playground serve`, after `--`
    #[arg(last = true)]
    pub bridge_arguments: Vec<String>,
}

impl Options {
    /// The same for `playground serve`.
    fn for_the_bridge(&self) -> Vec<OsString> {
        let mut arguments = Vec::new();
        if self.no_open {
            arguments.push("--no-open".into());
        }
        let mut pass = |option: &str, value: &OsStr| arguments.extend([option.into(), value.to_owned()]);
        self.bootstrap_servers.iter().for_each(|servers| pass("--bootstrap-servers", servers.as_ref()));
        self.listen.iter().for_each(|address| pass("--listen", address.as_ref()));
        self.producer_config.iter().for_each(|file| pass("--producer-config", file.as_ref()));
        self.allow_topic.iter().for_each(|topic| pass("--allow-topic", topic.as_ref()));
        self.allow_origin.iter().for_each(|origin| pass("--allow-origin", origin.as_ref()));
        arguments.extend(self.bridge_arguments.iter().map(OsString::from));
        arguments
    }
}

/// Builds page and bridge, starts the bridge (which opens the page), and stays until Ctrl-C or until the bridge ends.
///
/// # Errors
/// When an option is wrong, something does not compile, the bridge cannot start, or it ends with a failure.
pub fn command(options: &Options) -> Result<()> {
    // Now, and not by the bridge after minutes of building it.
    playground_options::judge(options.for_the_bridge())?;
    let names_a_page = |option: &std::ffi::OsString| option.to_string_lossy().starts_with("--page");
    ensure!(!options.for_the_bridge().into_iter().any(|option| names_a_page(&option)), PAGE_IS_BUILT);
    let (page, bridge) = build()?;
    let mut serve = Command::new(bridge);
    serve.args(["serve", "--page"]).arg(&page).args(options.for_the_bridge()).stdin(Stdio::null());

    progress!("starting the bridge");
    let interrupted = process::interruptions()?;
    let mut bridge = OwnedChild::spawn(&mut serve, None)?;
    wait_for_the_end(&mut bridge, &interrupted)
}

/// Builds what `play` starts: the page's folder and the bridge's binary.
///
/// # Errors
/// When something does not compile.
pub fn build() -> Result<(PathBuf, PathBuf)> {
    progress!("step 1 of 2: building the page (minutes, the first time; then a second)");
    let page = page::build()?;
    progress!("step 2 of 2: building the bridge (minutes, the first time; then a second)");
    Ok((page, build_bridge("release")?))
}

/// Compiles the bridge (cargo profile `dev` or `release`) and returns its binary.
///
/// # Errors
/// When it does not compile.
pub fn build_bridge(profile: &str) -> Result<PathBuf> {
    tools::rust_toolchain()?;
    progress!("compiling the bridge (profile {profile})");
    process::run(
        Command::new("cargo")
            .args(["build", "--profile", profile, "--package", "native-bridge", "--bin", "playground"])
            .current_dir(workspace::root()),
    )?;
    // The folder of the profile `dev` is called `debug`.
    let folder = if profile == "dev" { "debug" } else { profile };
    Ok(workspace::target_dir().join(folder).join(format!("playground{}", std::env::consts::EXE_SUFFIX)))
}

fn wait_for_the_end(bridge: &mut OwnedChild, interrupted: &Receiver<()>) -> Result<()> {
    while let Err(RecvTimeoutError::Timeout) = interrupted.recv_timeout(Duration::from_millis(100)) {
        if let Some(status) = bridge.try_wait()? {
            // It has said why on standard error, which is ours too.
            ensure!(status.success(), "the bridge ended: {status}");
            return Ok(());
        }
    }
    progress!("stopping the bridge (Ctrl-C again ends it at once)");
    bridge.terminate();
    for _ in 0..STOP_PATIENCE.as_millis() / 100 {
        if let Some(status) = bridge.try_wait()? {
            ensure!(status.success(), "the bridge ended: {status}");
            return Ok(());
        }
        if let Ok(()) = interrupted.recv_timeout(Duration::from_millis(100)) {
            bail!("ended the bridge before it had settled every send");
        }
    }
    bail!("the bridge did not stop within {STOP_PATIENCE:?}");
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn whatever_play_is_told_the_bridge_is_told() {
        let given = [
            "--no-open",
            "--bootstrap-servers",
            "localhost:9092",
            "--listen",
            "127.0.0.1:8080",
            "--producer-config",
            "my.properties",
            "--allow-topic",
            "orders",
            "--allow-topic",
            "payments",
            "--allow-origin",
            "http://127.0.0.1:8081",
        ];
        let line = Line::try_parse_from(["play"].into_iter().chain(given)).expect("options of play");
        assert_eq!(line.options.for_the_bridge(), given);
        let further = Line::try_parse_from(["play", "--", "--page", "dist"]).expect("arguments of the bridge");
        assert_eq!(further.options.for_the_bridge(), ["--page", "dist"]);
        let none = Line::try_parse_from(["play"]).expect("all are optional");
        assert!(none.options.for_the_bridge().is_empty());
    }
}
