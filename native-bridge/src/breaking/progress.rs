//! How far a search is, on standard error: one line that changes at a terminal, a line now and then elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use producer_core::breaking::{Progress, Report, Task};

/// From line to line.
const AT_A_TERMINAL: Duration = Duration::from_millis(200);
const ELSEWHERE: Duration = Duration::from_secs(5);

pub(super) struct Teller {
    is_quiet: bool,
    is_terminal: bool,
    began: Instant,
    told: Instant,
    /// Characters of the line that stands there.
    width: usize,
}

impl Teller {
    pub(super) fn new(is_quiet: bool) -> Self {
        let now = Instant::now();
        Self { is_quiet, is_terminal: std::io::stderr().is_terminal(), began: now, told: now, width: 0 }
    }

    /// A line that stays, also where nobody wants to hear how far it is.
    pub(super) fn say(&self, line: &str) -> Result<()> {
        writeln!(std::io::stderr().lock(), "{line}").context("cannot write to standard error")
    }

    /// How far it is, if it is time to say so.
    pub(super) fn tell(&mut self, progress: &Progress, report: &Report) -> Result<()> {
        let pause = if self.is_terminal { AT_A_TERMINAL } else { ELSEWHERE };
        if self.is_quiet || self.told.elapsed() < pause {
            return Ok(());
        }
        self.told = Instant::now();
        let line = self.line(progress, report);
        if !self.is_terminal {
            return self.say(&line);
        }
        let (before, width) = (self.width, line.chars().count());
        self.width = width;
        let mut out = std::io::stderr().lock();
        write!(out, "\r{line}{:1$}", "", before.saturating_sub(width))
            .and_then(|()| out.flush())
            .context("cannot write to standard error")
    }

    fn line(&self, progress: &Progress, report: &Report) -> String {
        let Progress { task, done, of, played, changes } = *progress;
        let per_second = played as f64 / self.began.elapsed().as_secs_f64().max(0.001);
        let doing = match task {
            Task::Looking => format!("looking: {done} of {of} worlds"),
            Task::Shrinking => "broken; looking for the smallest world that is".to_owned(),
            Task::Counting => format!("counting: {done} of {of} worlds, {} broken", report.tried.trials.broken),
            Task::Changing(place) => {
                let change =
                    report.changes.get(place as usize).map(|report| report.change.to_string()).unwrap_or_default();
                format!("change {} of {changes}, {change}: {done} of {of} worlds", place + 1)
            }
            Task::Done => "done".to_owned(),
        };
        format!("{doing}; {per_second:.0} worlds per second")
    }

    /// The line that changed is over.
    pub(super) fn finish(&mut self) -> Result<()> {
        if self.width == 0 {
            return Ok(());
        }
        let width = core::mem::take(&mut self.width);
        let mut out = std::io::stderr().lock();
        write!(out, "\r{:1$}\r", "", width).and_then(|()| out.flush()).context("cannot write to standard error")
    }
}
