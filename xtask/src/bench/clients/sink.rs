//! The null sink as a process beside ours.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{ChildStdout, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::process::OwnedChild;

/// Ticks in a second of `/proc/<pid>/stat`; Linux tells programs this number on every machine.
const TICKS_PER_SECOND: f64 = 100.0;

/// The broker that keeps nothing, in a process whose CPU time is its own.
pub(super) struct Sink {
    child: OwnedChild,
    lines: BufReader<ChildStdout>,
    servers: String,
}

/// What the sink took from one run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    pub(super) records: u64,
    pub(super) batches: u64,
    pub(super) corrupt: u64,
    /// From the first request's arrival to the last answer.
    pub(super) busy: Duration,
}

impl Sink {
    pub(super) fn start(binary: &Path) -> Result<Self> {
        let mut command = Command::new(binary);
        let mut child = OwnedChild::spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()), None)?;
        let stdout = child.child().stdout.take().context("its output is piped")?;
        let mut sink = Self { child, lines: BufReader::new(stdout), servers: String::new() };
        sink.servers = sink.line()?;
        Ok(sink)
    }

    pub(super) fn servers(&self) -> &str {
        &self.servers
    }

    /// What was taken since the last call.
    pub(super) fn take(&mut self) -> Result<Taken> {
        self.child.child().stdin.as_mut().context("its input is piped")?.write_all(b"\n")?;
        let line = self.line()?;
        let told: Value = serde_json::from_str(&line).with_context(|| format!("the sink wrote {line}"))?;
        let number = |name: &str| told[name].as_u64().with_context(|| format!("no {name} in {line}"));
        Ok(Taken {
            records: number("records")?,
            batches: number("batches")?,
            corrupt: number("corrupt")?,
            busy: Duration::from_micros(number("busy_us")?),
        })
    }

    /// CPU seconds it used so far.
    pub(super) fn cpu_seconds(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // Behind the name, which may hold anything: state is the third field, user and system time the 14th and 15th.
        let fields = stat.rsplit_once(')').context("no name in stat")?.1;
        let mut times = fields.split_whitespace().skip(11);
        let mut ticks = || times.next().and_then(|ticks| ticks.parse::<f64>().ok()).context("no times in stat");
        Ok((ticks()? + ticks()?) / TICKS_PER_SECOND)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.lines.read_line(&mut line)?;
        anyhow::ensure!(!line.is_empty(), "the sink ended");
        Ok(line.trim_end().to_owned())
    }
}
