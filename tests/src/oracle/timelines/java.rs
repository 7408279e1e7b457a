//! The Java client, compiled for the occasion, one process for all scripts.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use producer_core::ids::NodeId;
use producer_core::protocol::ApiKey;
use xtask::kafka::KafkaJars;
use xtask::process::{self, OwnedChild};
use xtask::workspace::{self, Scratch};

use super::script::Script;

const MAIN: &str = "org.apache.kafka.clients.producer.internals.Timeline";

/// A process that plays scripts.
#[derive(Debug)]
pub struct JavaClient {
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    // Before `classes`, so that it is gone when they are removed.
    _process: OwnedChild,
    _classes: Scratch,
}

impl JavaClient {
    /// Compiles the player and starts it.
    ///
    /// # Errors
    /// When Java or the jars cannot be had, or the player does not compile.
    pub fn start() -> Result<Self> {
        let jars = KafkaJars::ensure()?;
        let jars = format!("{}/*:{}/*", jars.folder().display(), KafkaJars::test_folder()?.display());
        let classes = Scratch::new("timeline")?;
        let mut sources = Vec::new();
        for entry in workspace::root().join("tests/oracle").read_dir()? {
            sources.extend(Some(entry?.path()).filter(|path| path.to_string_lossy().contains("Timeline")));
        }
        sources.retain(|path| path.extension().is_some_and(|extension| extension == "java"));
        process::run(Command::new("javac").args(["-cp", &jars, "-d"]).arg(classes.path()).args(sources))?;
        let mut command = Command::new("java");
        command.args(["-ea", "-Dorg.slf4j.simpleLogger.defaultLogLevel=off", "-cp"]);
        command.arg(format!("{}:{jars}", classes.path().display())).arg(MAIN);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = OwnedChild::spawn(&mut command, Some(classes.path()))?;
        let to = process.child().stdin.take().context("stdin is piped")?;
        let from = BufReader::new(process.child().stdout.take().context("stdout is piped")?);
        Ok(Self { to, from, _process: process, _classes: classes })
    }

    /// The timeline of a script. Where Java would draw which broker is asked, it asks those that were chosen here.
    ///
    /// # Errors
    /// When the script is none, or the process ended.
    pub(super) fn play(&mut self, script: &Script, chosen: &BTreeMap<ApiKey, Vec<NodeId>>) -> Result<Vec<String>> {
        write!(self.to, "{script}")?;
        for (api, nodes) in chosen {
            let nodes: Vec<_> = nodes.iter().map(NodeId::to_string).collect();
            writeln!(self.to, "chosen {api:?} {}", nodes.join(" "))?;
        }
        writeln!(self.to, "play")?;
        self.to.flush()?;
        let mut told = Vec::new();
        loop {
            let mut line = String::new();
            if self.from.read_line(&mut line)? == 0 {
                bail!("the Java client's player ended in {:?}\n{script}", script.name);
            }
            let line = line.trim_end();
            if line == "." {
                return Ok(told);
            }
            if let Some(failure) = line.strip_prefix("broken ") {
                bail!("the Java client's player broke in {:?}: {failure}\n{script}", script.name);
            }
            told.push(line.to_owned());
        }
    }
}
