//! The bridge as its users start it: the binary `playground`, as a child process.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, ExitStatus, Stdio},
    sync::{OnceLock, mpsc},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use xtask::process::OwnedChild;

/// Patience until the bridge has printed its lines: it connects to its brokers first.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// A running `playground serve` or `playground broker`. Dropping it kills it, as a crash would.
#[derive(Debug)]
pub struct Bridge {
    process: OwnedChild,
    /// What follows `playground: ` on standard output: the page's address with the session's token. Empty for
    /// `playground broker`.
    pub address: String,
    /// What follows `brokers: `: `127.0.0.1:PORT` per broker.
    pub brokers: Vec<String>,
}

impl Bridge {
    /// `playground serve --no-open` with further arguments and the page in `page`.
    ///
    /// # Errors
    /// When it does not compile, ends early or does not print its lines.
    pub fn serve(page: &Path, arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(binary()?);
        command.args(["serve", "--no-open", "--page"]).arg(page).args(arguments);
        Self::spawn(command, &["playground: ", "brokers: "])
    }

    /// As [`serve`](Self::serve), with what it logs from this level on (`info`, `trace` …) in a file.
    ///
    /// # Errors
    /// As [`serve`](Self::serve), or when the file cannot be written.
    pub fn serve_logging_to(page: &Path, arguments: &[&str], log: &Path, level: &str) -> Result<Self> {
        let mut command = Command::new(binary()?);
        command.args(["serve", "--no-open", "--page"]).arg(page).args(arguments);
        command.env("PLAYGROUND_LOG", level).stderr(std::fs::File::create(log)?);
        Self::spawn(command, &["playground: ", "brokers: "])
    }

    /// `playground broker`: the embedded brokers alone.
    ///
    /// # Errors
    /// As [`serve`](Self::serve).
    pub fn broker(arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(binary()?);
        command.arg("broker").args(arguments);
        Self::spawn(command, &["brokers: "])
    }

    /// Another program that starts a bridge and prints its lines, such as `cargo xtask play`.
    ///
    /// # Errors
    /// As [`serve`](Self::serve).
    pub fn behind(command: Command) -> Result<Self> {
        Self::spawn(command, &["playground: ", "brokers: "])
    }

    fn spawn(mut command: Command, expected: &[&str]) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = OwnedChild::spawn(&mut command, None)?;
        let stdout = process.child().stdout.take().context("the bridge's output is piped")?;
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            // To its end, or the bridge would be held up by a full pipe; the receiver may be gone by then.
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let deadline = Instant::now() + START_PATIENCE;
        let mut said = BTreeMap::new();
        while said.len() < expected.len() {
            let Ok(line) = lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) else {
                bail!("the bridge did not print {expected:?}; it printed {said:?} and is {:?}", process.try_wait()?);
            };
            if let Some(prefix) = expected.iter().find(|prefix| line.starts_with(**prefix)) {
                said.insert(*prefix, line[prefix.len()..].trim().to_owned());
            }
        }
        let address = said.remove("playground: ").unwrap_or_default();
        let brokers = said.remove("brokers: ").unwrap_or_default().split(',').map(str::to_owned).collect();
        Ok(Self { process, address, brokers })
    }

    /// The brokers as one `bootstrap.servers` value.
    pub fn bootstrap_servers(&self) -> String {
        self.brokers.join(",")
    }

    /// The page's address without its fragment, as in `http://127.0.0.1:PORT`.
    pub fn origin(&self) -> &str {
        self.address.split("/#").next().unwrap_or_default()
    }

    /// The port of the page and its WebSocket.
    pub fn port(&self) -> u16 {
        self.origin().rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or_default()
    }

    /// The session's token from the printed address.
    pub fn token(&self) -> &str {
        self.address.split("token=").nth(1).unwrap_or_default()
    }

    /// Asks the bridge to stop (SIGTERM) and waits until it has, at most `patience`.
    ///
    /// # Errors
    /// When it still runs after `patience`.
    pub fn stop(mut self, patience: Duration) -> Result<ExitStatus> {
        self.process.terminate();
        self.process.wait_at_most(patience)
    }

    /// Presses Ctrl-C (SIGINT), and waits until the bridge has stopped, at most `patience`.
    ///
    /// # Errors
    /// When it still runs after `patience`.
    pub fn interrupt(mut self, patience: Duration) -> Result<ExitStatus> {
        self.process.interrupt();
        self.process.wait_at_most(patience)
    }

    /// Lets it do nothing more until it is thawed (SIGSTOP). What is connected to it stays connected.
    pub fn freeze(&self) {
        self.process.freeze();
    }

    /// Lets it go on (SIGCONT).
    pub fn thaw(&self) {
        self.process.thaw();
    }

    /// Ends the bridge as a crash does (SIGKILL).
    pub fn kill(&mut self) {
        self.process.kill();
    }
}

/// The bridge's binary of the tests' own build profile, compiled once per test run.
///
/// # Errors
/// When it does not compile.
pub fn binary() -> Result<&'static Path> {
    static BINARY: OnceLock<std::path::PathBuf> = OnceLock::new();
    if let Some(binary) = BINARY.get() {
        return Ok(binary);
    }
    let binary = xtask::play::build_bridge("dev")?;
    Ok(BINARY.get_or_init(|| binary))
}
