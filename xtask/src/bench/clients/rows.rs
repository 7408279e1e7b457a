//! The rows of the table: what is measured for each, and what it is held against.

use std::{
    fmt, fs,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result};

use super::{
    Options, clock_counter,
    group::{Group, cpu, p99, peak_rss, speed},
    peers::{Completion, Peer, Workload},
    run::{self, Runner},
};
use crate::{
    bench::spread::Spread,
    process::{self, OwnedChild},
    progress,
    workspace::Scratch,
};

/// What `--rows` takes.
pub(super) const NAMES: [&str; 8] = ["1", "2", "3", "4", "5", "6", "7", VARIANTS];
const VARIANTS: &str = "variants";

const LARGE_BATCH: u32 = 1_000_000;
const DEFAULT_BATCH: u32 = 16_384;
const RECORDS: u64 = 3_000_000;
const QUICK_RECORDS: u64 = 500_000;
/// Row 5: so many records per second, for so many seconds: what keeps the machine busy for some milliseconds now and then
/// must not be a hundredth of a run.
const PACE: u64 = 50_000;
const PACED_SECONDS: u64 = 10;
/// A machine that leaves so much of its processors' time unused has a turn for everybody.
const NOT_SATURATED: f64 = 0.1;
/// How two peers of row 5 differ from the others.
const PACED_APART: &str = "row 5: the C tool waits after each record, polling all the while, and never makes up for what it is \
                           late: it sends fewer records per second than asked, and its CPU there is not its client's; of \
                           Java's latencies only the second half counts, in the first its machine still compiles";
/// Idleness is watched for so long, after a while in which what was sent is forgotten.
const IDLE: Duration = Duration::from_secs(12);
const BEFORE_IDLE: Duration = Duration::from_secs(3);

/// Which rows, how often, how much.
pub(super) struct Plan {
    rows: Vec<String>,
    rounds: usize,
    records: u64,
    core: PathBuf,
}

/// What a row came to.
pub(super) struct Verdict {
    row: &'static str,
    what: &'static str,
    /// In numbers, with the bound.
    found: String,
    /// `None`: there is no goal, or nothing to hold against it.
    met: Option<bool>,
}

impl Verdict {
    /// `ratio` is to stay at or below `bound`.
    fn at_most(row: &'static str, what: &'static str, ratio: Option<Spread>, bound: f64) -> Self {
        let met = ratio.map(|ratio| ratio.median <= bound);
        Self { row, what, found: against(ratio, "<=", bound), met }
    }

    /// `ratio` is to reach `bound`.
    fn at_least(row: &'static str, what: &'static str, ratio: Option<Spread>, bound: f64) -> Self {
        let met = ratio.map(|ratio| ratio.median >= bound);
        Self { row, what, found: against(ratio, ">=", bound), met }
    }

    /// A number that has no goal.
    fn told(row: &'static str, what: &'static str, found: impl fmt::Display) -> Self {
        Self { row, what, found: found.to_string(), met: None }
    }

    /// Ours over ours: what chance alone makes of a ratio. Beyond five in a hundred the others of the row mean little.
    fn chance(row: &'static str, what: &'static str, ratio: Spread) -> Self {
        let is_calm = (ratio.median - 1.0).abs() <= 0.05;
        let found = if is_calm { ratio.to_string() } else { format!("{ratio} (measure again: beyond 5 %)") };
        Self { row, what, found, met: None }
    }

    /// In a few words.
    pub(super) fn summary(&self) -> String {
        let found = self.found.split(['[', '(']).next().unwrap_or_default().trim_end();
        let met = match self.met {
            Some(true) => " met",
            Some(false) => " MISSED",
            None => "",
        };
        format!("{} {found}{met}", self.row)
    }
}

fn against(ratio: Option<Spread>, sign: &str, bound: f64) -> String {
    ratio.map_or_else(|| "nothing to compare with".to_owned(), |ratio| format!("{ratio} (goal {sign} {bound})"))
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let met = match self.met {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        };
        write!(f, "{:<9}{:<70}{:<44}{met}", self.row, self.what, self.found)
    }
}

impl Plan {
    pub(super) fn new(options: &Options, core: PathBuf) -> Self {
        let rows = if options.rows.is_empty() {
            NAMES.iter().filter(|&&row| !(options.quick && row == VARIANTS)).map(|row| (*row).to_owned()).collect()
        } else {
            options.rows.clone()
        };
        let rounds = options.rounds.unwrap_or(if options.quick { 2 } else { 5 });
        Self { rows, rounds, records: if options.quick { QUICK_RECORDS } else { RECORDS }, core }
    }

    pub(super) fn rounds(&self) -> usize {
        self.rounds
    }

    fn has(&self, row: &str) -> bool {
        self.rows.iter().any(|wanted| wanted == row)
    }

    pub(super) fn measure(&self, runner: &mut Runner) -> Result<Vec<Verdict>> {
        let mut verdicts = Vec::new();
        if ["1", "4", "6"].iter().any(|row| self.has(row)) {
            self.large_batches(runner, &mut verdicts)?;
        }
        if self.has("2") {
            self.default_batches(runner, &mut verdicts)?;
        }
        if self.has("3") {
            self.callbacks(runner, &mut verdicts)?;
        }
        if self.has("5") {
            self.latency(runner, &mut verdicts)?;
        }
        if self.has("6") {
            self.memory_and_rest(runner, &mut verdicts)?;
        }
        if self.has("7") {
            verdicts.extend(self.encoding()?);
        }
        if self.has(VARIANTS) {
            self.variants(runner, &mut verdicts)?;
        }
        verdicts.sort_by_key(|verdict| verdict.row);
        Ok(verdicts)
    }

    fn work(&self) -> Workload {
        Workload {
            partitions: 6,
            batch_size: LARGE_BATCH,
            linger_ms: 5,
            records: self.records,
            rate: None,
            threads: 1,
            completion: Completion::Cheapest,
        }
    }

    fn group(&self, runner: &mut Runner, title: &str, peers: &[Peer], work: &Workload) -> Result<Group> {
        let group = Group::measure(runner, title, peers, work, self.rounds)?;
        group.print();
        Ok(group)
    }

    fn large_batches(&self, runner: &mut Runner, verdicts: &mut Vec<Verdict>) -> Result<()> {
        use Peer::{FranzGo, Java, Kacrab, Librdkafka, Ours, OursAgain, OursAwait};
        let peers = [Ours, Librdkafka, FranzGo, Kacrab, Java, OursAwait, OursAgain];
        let group = self.group(runner, "Rows 1, 4 and 6: batches of 1 MB", &peers, &self.work())?;
        if self.has("1") {
            let ratio = group.ratio(Ours, Librdkafka, cpu);
            verdicts.push(Verdict::at_most("1", "CPU per record over the C tool's, 1 MB batches", ratio, 0.20));
            let chance = group.ratio(Ours, OursAgain, cpu);
            verdicts.extend(chance.map(|chance| Verdict::chance("1 A/A", "CPU of ours over ours", chance)));
        }
        if self.has("4") {
            let ratio = group.ratio_to_best(Ours, speed, f64::max);
            verdicts.push(Verdict::at_least("4", "records/s of one thread over the fastest peer's", ratio, 2.5));
            let ratio = group.ratio_to_best(OursAwait, speed, f64::max);
            verdicts.push(Verdict::at_least("4 await", "the same, each record's future awaited", ratio, 1.5));
            let chance = group.ratio(Ours, OursAgain, speed);
            verdicts.extend(chance.map(|chance| Verdict::chance("4 A/A", "records/s of ours over ours", chance)));
        }
        if self.has("6") {
            let ratio = group.ratio(Ours, Librdkafka, peak_rss);
            verdicts.push(Verdict::at_most("6 RSS", "peak RSS over the C tool's, equal buffers", ratio, 0.5));
        }
        Ok(())
    }

    fn default_batches(&self, runner: &mut Runner, verdicts: &mut Vec<Verdict>) -> Result<()> {
        use Peer::{FranzGo, Kacrab, Librdkafka, Ours, OursAgain};
        let work = Workload { batch_size: DEFAULT_BATCH, ..self.work() };
        let peers = [Ours, Librdkafka, FranzGo, Kacrab, OursAgain];
        let group = self.group(runner, "Row 2: batches of 16 KB", &peers, &work)?;
        let ratio = group.ratio(Ours, Librdkafka, cpu);
        verdicts.push(Verdict::at_most("2", "CPU per record over the C tool's, 16 KB batches", ratio, 0.35));
        let chance = group.ratio(Ours, OursAgain, cpu);
        verdicts.extend(chance.map(|chance| Verdict::chance("2 A/A", "CPU of ours over ours", chance)));
        Ok(())
    }

    fn callbacks(&self, runner: &mut Runner, verdicts: &mut Vec<Verdict>) -> Result<()> {
        use Peer::{FranzGo, Kacrab, Ours, OursAgain};
        let work = Workload { completion: Completion::Sample, ..self.work() };
        let title = "Row 3: a callback per record that takes a latency sample, batches of 1 MB";
        let group = self.group(runner, title, &[Ours, FranzGo, Kacrab, OursAgain], &work)?;
        let ratio = group.ratio(Ours, FranzGo, cpu);
        verdicts.push(Verdict::at_most("3", "CPU per record over franz-go's, callback and sample", ratio, 0.45));
        let chance = group.ratio(Ours, OursAgain, cpu);
        verdicts.extend(chance.map(|chance| Verdict::chance("3 A/A", "CPU of ours over ours", chance)));
        Ok(())
    }

    /// A sample is the time from just before `send` until the callback, in every client. Two are not quite alike:
    /// [`PACED_APART`].
    fn latency(&self, runner: &mut Runner, verdicts: &mut Vec<Verdict>) -> Result<()> {
        use Peer::{FranzGo, Java, Kacrab, Librdkafka, Ours, OursAgain};
        let work = Workload {
            batch_size: DEFAULT_BATCH,
            linger_ms: 0,
            records: PACE * PACED_SECONDS,
            rate: Some(PACE),
            completion: Completion::Sample,
            ..self.work()
        };
        let title = format!("Row 5: {PACE} records/s, linger 0, a latency sample of each");
        let peers = [Ours, Kacrab, FranzGo, Librdkafka, Java, OursAgain];
        let group = self.group(runner, &title, &peers, &work)?;
        runner.notes.push(PACED_APART.to_owned());
        let ratio = group.ratio_to_best(Ours, p99, f64::min);
        verdicts.push(Verdict::at_most("5", "p99 ack latency over the best peer's, at 50 k/s", ratio, 0.7));
        let ratio = group.ratio(Ours, Kacrab, cpu);
        verdicts.push(Verdict::at_most("5 CPU", "CPU over kacrab's in the same run", ratio, 1.0));
        let chance = group.ratio(Ours, OursAgain, p99);
        verdicts.extend(chance.map(|chance| Verdict::chance("5 A/A", "p99 of ours over ours", chance)));
        Ok(())
    }

    /// Allocations, clock reads and wake-ups, each counted in a run of its own.
    fn memory_and_rest(&self, runner: &mut Runner, verdicts: &mut Vec<Verdict>) -> Result<()> {
        let work = self.work();
        progress!("row 6: allocations");
        let servers = runner.fresh_servers()?;
        let mut command = runner.programs.command(Peer::Ours, &servers, &work);
        command.arg("--count-allocations");
        let counted = runner.run_once(Peer::Ours, &work, command)?.allocations_per_record.context("counted")?;
        // Those of batches are counted too, so it is never 0: one for each record, or for one in a hundred, is seen. That
        // `send` makes none at all is counted by the core's benchmark.
        verdicts.push(Verdict {
            row: "6 alloc",
            what: "allocations of the whole process over its records, steady state",
            found: format!("{counted:.5} (goal 0; < 0.01 is of batches)"),
            met: Some(counted < 0.01),
        });
        progress!("row 6: clock reads");
        let [ours, theirs] = [Peer::Ours, Peer::Librdkafka].map(|peer| clock_reads(runner, peer, &work));
        verdicts.push(Verdict::told(
            "6 clock",
            "clock reads per record of the whole process, and the C tool's",
            format!("{:.4} and {:.2}", ours?, theirs?),
        ));
        verdicts.extend(timestamp_ages(runner, &work)?);
        progress!("row 6: idleness");
        let [ours, theirs] = idle(runner, &work)?;
        verdicts.push(Verdict {
            row: "6 idle",
            what: "wake-ups per second when idle, and the C tool's",
            found: format!("{ours:.2} (goal 0) and {theirs:.2}"),
            met: Some(ours == 0.0),
        });
        Ok(())
    }

    /// The core's benchmark says it in its last line: without keys, as the goal is meant, and with them. Both encoders take their
    /// turns within a process; where the memory of one lies is chance, so that each round has another.
    fn encoding(&self) -> Result<[Verdict; 2]> {
        let mut rounds = Vec::new();
        for number in 1..=self.rounds {
            progress!("row 7: encoding, round {number} of {}", self.rounds);
            let output = process::capture(Command::new(&self.core).arg("encode"))?;
            println!("\nRow 7, round {number}\n{}", output.trim_end());
            rounds.push(encoding_ratios(&output).context("no ratio")?);
        }
        encoding_verdicts(&rounds).context("no round")
    }

    /// Partitions, threads, runtimes; without goals.
    fn variants(&self, runner: &mut Runner, verdicts: &mut Vec<Verdict>) -> Result<()> {
        use Peer::{FranzGo, Kacrab, Librdkafka, Ours, OursAgain, OursCurrentThread};
        for (row, title, partitions) in [
            ("v1 1p", "Variant: one partition, batches of 1 MB", 1),
            ("v2 100p", "Variant: 100 partitions, batches of 1 MB", 100),
        ] {
            let work = Workload { partitions, ..self.work() };
            let group = self.group(runner, title, &[Ours, Librdkafka, FranzGo, Kacrab, OursAgain], &work)?;
            let ratio = group.ratio(Ours, Librdkafka, cpu);
            verdicts.extend(ratio.map(|ratio| Verdict::told(row, "CPU per record over the C tool's", ratio)));
        }
        let work = Workload { threads: 4, ..self.work() };
        let title = "Variant: four threads of the application, batches of 1 MB";
        let group = self.group(runner, title, &[Ours, FranzGo, OursAgain], &work)?;
        let ratio = group.ratio(Ours, FranzGo, cpu);
        verdicts.extend(ratio.map(|ratio| Verdict::told("v3 4t", "CPU per record over franz-go's, 4 threads", ratio)));
        for (row, title, batch_size) in [
            ("v4 ct", "Variant: tokio's runtime of one thread, batches of 1 MB", LARGE_BATCH),
            ("v5 ct16", "Variant: tokio's runtime of one thread, batches of 16 KB", DEFAULT_BATCH),
        ] {
            let work = Workload { batch_size, ..self.work() };
            let group = self.group(runner, title, &[OursCurrentThread, Ours, Librdkafka, OursAgain], &work)?;
            let ratio = group.ratio(OursCurrentThread, Ours, cpu);
            verdicts.extend(ratio.map(|ratio| Verdict::told(row, "CPU, current-thread over multi-thread", ratio)));
        }
        Ok(())
    }
}

/// `R x …, K x …`, the last line of the core's benchmark.
fn encoding_ratios(output: &str) -> Option<[f64; 2]> {
    let mut told = output.lines().last()?.split(", ").map(|told| told.split(' ').next()?.parse().ok());
    Some([told.next()??, told.next()??])
}

/// Of values alone, as the goal is meant, and of what has keys besides.
fn encoding_verdicts(rounds: &[[f64; 2]]) -> Option<[Verdict; 2]> {
    let [values, keyed] = [0, 1].map(|place| Spread::of(rounds.iter().map(|round| round[place])));
    Some([
        Verdict::at_least("7", "encoding 1000 x 100 B, times faster than kafka-protocol from slices", values, 3.5),
        Verdict::told("7 keyed", "the same with keys of 16 B besides", keyed?),
    ])
}

/// How often a client reads a clock, per record.
fn clock_reads(runner: &mut Runner, peer: Peer, work: &Workload) -> Result<f64> {
    let scratch = Scratch::new("clock-reads")?;
    let told = scratch.path().join("count");
    let servers = runner.fresh_servers()?;
    let mut command = runner.programs.command(peer, &servers, work);
    command.env("LD_PRELOAD", clock_counter(&scratch)?).env("CLOCK_READS", &told);
    runner.run_once(peer, work, command)?;
    let count: f64 = fs::read_to_string(&told)?.trim().parse()?;
    Ok(count / work.records as f64)
}

/// How old the timestamps are that `send` gives: at a pace that leaves the machine time, and as fast as it goes, where on a
/// small one the thread that declares readings stale may get no turn. One in a thousand may be older at a pace: which threads
/// run is the system's choice.
fn timestamp_ages(runner: &mut Runner, work: &Workload) -> Result<[Verdict; 2]> {
    const MOST_MS: u64 = 1;
    progress!("row 6: ages of timestamps");
    let paced = Workload { records: PACE * PACED_SECONDS, rate: Some(PACE), ..*work };
    let mut run = |work: &Workload| {
        let servers = runner.fresh_servers()?;
        let mut command = runner.programs.command(Peer::Ours, &servers, work);
        command.arg("--ages");
        runner.run_once(Peer::Ours, work, command)
    };
    let (calm, busy) = (run(&paced)?, run(work)?);
    let [of_calm, of_busy] = [calm.ages, busy.ages];
    let of_calm = of_calm.context("measured")?;
    let is_calm = calm.idle >= NOT_SATURATED;
    let note = if is_calm { "" } else { ": saturated, measure again" };
    let idle = |idle: f64| format!("{:.0} % idle", idle * 100.0);
    Ok([
        Verdict {
            row: "6 clock",
            what: "age of timestamps in ms at 50 000 records/s; the goal is of p99.9",
            found: format!("{of_calm} (goal <= {MOST_MS}; {}{note})", idle(calm.idle)),
            met: is_calm.then_some(of_calm.p999 <= MOST_MS),
        },
        Verdict::told(
            "6 clock",
            "age of timestamps in ms as fast as it goes",
            format!("{} ({})", of_busy.context("measured")?, idle(busy.idle)),
        ),
    ])
}

/// Wake-ups per second: ours, after some work; the C tool, that never had any.
fn idle(runner: &mut Runner, work: &Workload) -> Result<[f64; 2]> {
    let seconds = BEFORE_IDLE + IDLE + Duration::from_secs(2);
    let few = Workload { records: 100_000, ..*work };
    let servers = runner.fresh_servers()?;
    let mut ours = runner.programs.command(Peer::Ours, &servers, &few);
    ours.args(["--idle-seconds", &seconds.as_secs().to_string()]);
    let theirs = runner.programs.idle_librdkafka(&servers);
    let mut found = [0.0; 2];
    for (found, mut command) in found.iter_mut().zip([ours, theirs]) {
        let child = OwnedChild::spawn(command.stdin(Stdio::null()).stdout(Stdio::null()), None)?;
        std::thread::sleep(BEFORE_IDLE);
        *found = run::wake_ups_per_second(child.id(), IDLE)?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_rounds_of_encoding_the_median_counts() {
        let told = |values: f64, keyed: f64| {
            format!("figures\n{values} x kafka-protocol from slices, {keyed} x with keys of 16 B\n")
        };
        let rounds = [(8.5, 1.32), (2.5, 1.16), (32.5, 1.8)];
        let rounds = rounds.map(|(values, keyed)| encoding_ratios(&told(values, keyed)).expect("its last line"));
        let [values, keyed] = encoding_verdicts(&rounds).expect("three rounds");
        assert_eq!(values.found, "8.50 [2.50 to 32.50] (goal >= 3.5)");
        assert_eq!((values.met, &*keyed.found), (Some(true), "1.32 [1.16 to 1.80]"));
        assert_eq!(encoding_ratios("2.00 x kafka-protocol"), None);
        assert!(encoding_verdicts(&[]).is_none());
    }
}
