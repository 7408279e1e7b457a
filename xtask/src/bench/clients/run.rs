//! One run of one client, from its first byte of memory to its end.

use std::{
    fs,
    io::Read as _,
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeVal,
};

use super::{
    peers::{Ages, Peer, Programs, Told, Workload},
    sink::Sink,
};
use crate::process::OwnedChild;

/// A client that takes longer hangs: the slowest needs seconds.
const PATIENCE: Duration = Duration::from_secs(45);
const TRIES: u32 = 3;
/// How often a running client's memory is looked at. Its peak only grows, so only the last look counts.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// The same where latencies count: a look takes a core for some ten microseconds, and two hundred a second would show among
/// the slowest hundredth.
const LOOK_EVERY_PACED: Duration = Duration::from_millis(100);

/// What one run came to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// User and system time of the whole process, start-up included, over the records acknowledged.
    pub(super) cpu_us_per_record: f64,
    /// Between the first request's arrival at the sink and the sink's last answer.
    pub(super) records_per_second: f64,
    /// `VmHWM`.
    pub(super) peak_rss_kb: f64,
    pub(super) records_per_batch: f64,
    pub(super) p50_us: Option<f64>,
    pub(super) p99_us: Option<f64>,
    pub(super) allocations_per_record: Option<f64>,
    pub(super) ages: Option<Ages>,
    /// Of the processors' time, all programs of the machine together, what nobody used while the client ran.
    pub(super) idle: f64,
}

/// Runs clients, one at a time, and remembers which of them had to be repeated.
pub(super) struct Runner {
    pub(super) programs: Programs,
    sink_binary: PathBuf,
    sink: Sink,
    /// CPU seconds of the sinks before this one.
    sinks_cpu_seconds: f64,
    /// What the reader must know beside the figures.
    pub(super) notes: Vec<String>,
    pub(super) records_taken: u64,
}

impl Runner {
    /// Runs nothing yet.
    pub(super) fn new(programs: Programs, sink_binary: PathBuf) -> Result<Self> {
        let sink = Sink::start(&sink_binary)?;
        Ok(Self { programs, sink_binary, sink, sinks_cpu_seconds: 0.0, notes: Vec::new(), records_taken: 0 })
    }

    /// Where a new sink listens: each run has one of its own, so that none finds what another has left behind.
    pub(super) fn fresh_servers(&mut self) -> Result<String> {
        self.sinks_cpu_seconds += self.sink.cpu_seconds()?;
        self.sink = Sink::start(&self.sink_binary)?;
        Ok(self.sink.servers().to_owned())
    }

    /// CPU seconds of all sinks so far.
    pub(super) fn sinks_cpu_seconds(&self) -> Result<f64> {
        Ok(self.sinks_cpu_seconds + self.sink.cpu_seconds()?)
    }

    /// Has `peer` do `work`. One that hangs is killed and tried again; `None`: it never finished. Of ours, nothing is
    /// repeated.
    pub(super) fn run(&mut self, peer: Peer, work: &Workload) -> Result<Option<Run>> {
        for attempt in 1..=TRIES {
            let servers = self.fresh_servers()?;
            let command = self.programs.command(peer, &servers, work);
            match self.run_once(peer, work, command) {
                Ok(run) => return Ok(Some(run)),
                Err(error) if peer.is_ours() => return Err(error),
                Err(error) => self.notes.push(format!("{}, try {attempt} of {TRIES}: {error:#}", peer.name())),
            }
        }
        Ok(None)
    }

    /// As [`run`](Self::run), by a command of its own, once.
    pub(super) fn run_once(&mut self, peer: Peer, work: &Workload, mut command: Command) -> Result<Run> {
        self.sink.take()?;
        let cpu_before = cpu_seconds_of_children()?;
        let processors_before = ProcessorTime::now()?;
        let mut child = OwnedChild::spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()), None)?;
        let look_every = if work.rate.is_some() { LOOK_EVERY_PACED } else { LOOK_EVERY };
        let peak_rss_kb = wait_for_the_end(&mut child, look_every)?;
        // Before the child's guardian is waited for, which would count as well.
        let cpu_seconds = cpu_seconds_of_children()? - cpu_before;
        let idle = ProcessorTime::now()?.idle_since(&processors_before);
        let mut output = String::new();
        child.child().stdout.take().context("its output is piped")?.read_to_string(&mut output)?;
        let Told { acknowledged, p50_us, p99_us, allocations, ages } = self.programs.read(peer, work, &output)?;

        let taken = self.sink.take()?;
        self.records_taken += taken.records;
        ensure!(
            (acknowledged, taken.records, taken.corrupt) == (work.records, work.records, 0),
            "of {} records the client says {acknowledged} are acknowledged, the sink took {} and refused {} batches",
            work.records,
            taken.records,
            taken.corrupt
        );
        let records = work.records as f64;
        Ok(Run {
            cpu_us_per_record: cpu_seconds * 1e6 / records,
            records_per_second: records / taken.busy.as_secs_f64(),
            peak_rss_kb,
            records_per_batch: records / taken.batches as f64,
            p50_us,
            p99_us,
            allocations_per_record: allocations.map(|count| count as f64 / records),
            ages,
            idle,
        })
    }
}

/// What the processors have done since the machine started, in ticks.
#[derive(Clone, Copy, Debug)]
struct ProcessorTime {
    idle: u64,
    all: u64,
}

impl ProcessorTime {
    fn now() -> Result<Self> {
        Self::read(&fs::read_to_string("/proc/stat")?).context("/proc/stat does not begin with the processors' times")
    }

    /// `cpu  USER NICE SYSTEM IDLE IOWAIT IRQ SOFTIRQ STEAL …`; what guests used is within the first two.
    fn read(stat: &str) -> Option<Self> {
        let words = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace().take(8);
        let ticks: Vec<u64> = words.map(str::parse).collect::<Result<_, _>>().ok()?;
        Some(Self { idle: ticks.get(3)? + ticks.get(4)?, all: ticks.iter().sum() })
    }

    /// The idle share, from 0 to 1.
    fn idle_since(&self, before: &Self) -> f64 {
        let all = self.all.saturating_sub(before.all).max(1);
        self.idle.saturating_sub(before.idle) as f64 / all as f64
    }
}

/// Waits, and returns the largest memory seen.
fn wait_for_the_end(child: &mut OwnedChild, look_every: Duration) -> Result<f64> {
    let started = Instant::now();
    let mut peak_rss_kb = 0.0;
    loop {
        // A process that ended but was not waited for has no memory any more.
        if let Some(seen) = status_number(&format!("/proc/{}/status", child.id()), "VmHWM:") {
            peak_rss_kb = seen;
        }
        if let Some(status) = child.try_wait()? {
            ensure!(status.success(), "it ended with {status}");
            return Ok(peak_rss_kb);
        }
        if started.elapsed() > PATIENCE {
            child.kill();
            bail!("hung: killed after {PATIENCE:?}");
        }
        thread::sleep(look_every);
    }
}

fn cpu_seconds_of_children() -> Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}

/// How often the threads of an idle process went to sleep, per second: each time they had been awake.
pub(super) fn wake_ups_per_second(pid: u32, during: Duration) -> Result<f64> {
    let (before, started) = (voluntary_switches(pid)?, Instant::now());
    thread::sleep(during);
    Ok((voluntary_switches(pid)? - before) / started.elapsed().as_secs_f64())
}

fn voluntary_switches(pid: u32) -> Result<f64> {
    let mut sum = 0.0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let status = thread?.path().join("status");
        sum += status_number(&status.to_string_lossy(), "voluntary_ctxt_switches:").context("no such line")?;
    }
    Ok(sum)
}

/// The number behind `name` in a file such as `/proc/self/status`.
fn status_number(path: &str, name: &str) -> Option<f64> {
    let status = fs::read_to_string(path).ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    value.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_sleeps_is_not_awake_and_one_that_ticks_is() {
        let mut sleeper = OwnedChild::spawn(Command::new("sleep").arg("60"), None).expect("sleep starts");
        // Until it sleeps.
        thread::sleep(Duration::from_millis(300));
        assert_eq!(wake_ups_per_second(sleeper.id(), Duration::from_millis(500)).expect("it runs"), 0.0);
        sleeper.kill();
        let ticker = OwnedChild::spawn(Command::new("sh").args(["-c", "while sleep 0.05; do :; done"]), None);
        let ticker = ticker.expect("sh starts");
        thread::sleep(Duration::from_millis(300));
        assert!(wake_ups_per_second(ticker.id(), Duration::from_millis(500)).expect("it runs") > 1.0);
    }

    #[test]
    fn what_waits_for_a_disk_is_idle_and_guests_are_not_counted_twice() {
        let before = ProcessorTime::read("cpu  10 0 10 70 10 0 0 0 5 0\ncpu0 1 1 1 1\n").expect("a line of it");
        let after = ProcessorTime::read("cpu  40 0 40 90 20 5 5 0 9 0\n").expect("a line of it");
        assert!((after.idle_since(&before) - 0.3).abs() < 1e-9);
        assert_eq!(after.idle_since(&after), 0.0);
        assert!(ProcessorTime::read("cpu0 1 2 3 4\n").is_none() && ProcessorTime::now().is_ok());
    }

    #[test]
    fn the_cpu_time_of_a_child_is_known_once_it_was_waited_for() {
        let before = cpu_seconds_of_children().expect("known");
        let mut child = OwnedChild::spawn(
            Command::new("sh").args(["-c", "i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done"]),
            None,
        )
        .expect("sh starts");
        let peak = wait_for_the_end(&mut child, LOOK_EVERY).expect("it ends");
        assert!(cpu_seconds_of_children().expect("known") > before);
        assert!(peak > 0.0);
    }
}
