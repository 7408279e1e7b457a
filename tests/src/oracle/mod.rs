//! Judges that ask the Java client itself, case by case, and count where it differs from us. Its answers are asked for when
//! a judge runs; none is recorded.
//!
//! Each judge is a module with a `run(cases, seed)`; `cargo xtask oracle` runs all of them at full size, and tests of their
//! own at a size that fits.

pub mod batches;
pub mod foreign;
mod java;
pub mod kafka;
pub mod leaders;
pub mod metrics;
pub mod partitions;
pub mod serializers;
pub mod timelines;
pub mod verdicts;

use anyhow::Result;

/// What a judge came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Cases compared.
    pub cases: u64,
    /// Where we differ from the Java client, each with what is needed to see it again.
    pub differences: Vec<String>,
    /// Values of metrics compared besides, where a judge does so.
    pub measured: u64,
    /// Where we differ on purpose: name, reason, and how often it was met.
    pub exceptions: Vec<(String, String, u64)>,
    /// What else is worth telling: figures of a run.
    pub findings: Vec<String>,
}

impl Tally {
    /// Counts a rule that does not hold as a difference; gives what its check found.
    pub fn check<T>(&mut self, what: &str, outcome: Result<T>) -> Option<T> {
        outcome.map_err(|breach| self.differences.push(format!("{what}: {breach:#}"))).ok()
    }

    /// Counts a difference that is meant.
    pub fn except(&mut self, name: &str, reason: &str) {
        match self.exceptions.iter_mut().find(|(known, ..)| known == name) {
            Some((.., count)) => *count += 1,
            None => self.exceptions.push((name.to_owned(), reason.to_owned(), 1)),
        }
    }
}

/// A judge.
#[derive(Clone, Copy, Debug)]
pub struct Judge {
    /// Its module's name.
    pub name: &'static str,
    /// How many cases it tries when all are run at full size, and how many in `cargo xtask test`.
    pub cases: [u64; 2],
    /// Tries so many cases, drawn from this seed.
    pub run: fn(u64, u64) -> Result<Tally>,
}

/// All judges.
pub const JUDGES: &[Judge] = &[
    Judge { name: "partitions", cases: [1_000_000, 100_000], run: partitions::run },
    Judge { name: "batches", cases: [100_000, 5_000], run: batches::run },
    Judge { name: "serializers", cases: [200_000, 20_000], run: serializers::run },
    // The scenarios and all keys one by one come in addition.
    Judge { name: "verdicts", cases: [20_000, 2_000], run: verdicts::run },
    // The names come in addition.
    Judge { name: "metrics", cases: [50_000, 3_000], run: metrics::run },
    Judge { name: "timelines", cases: timelines::RANDOM_SCRIPTS, run: timelines::run_all },
    // Cases are logs, each with a dozen batches and more.
    Judge { name: "leaders", cases: [20_000, 300], run: leaders::run },
    // Cases are records.
    Judge { name: "kafka-one-node", cases: [500_000, 50_000], run: kafka::one_node },
    Judge { name: "kafka-kills", cases: [500_000, 50_000], run: kafka::kills },
    Judge { name: "foreign-clients", cases: [100_000, 10_000], run: foreign::clients },
    Judge { name: "foreign-duplicates", cases: [100_000, 10_000], run: foreign::duplicates },
    Judge { name: "foreign-several-partitions", cases: [100_000, 10_000], run: foreign::several_partitions },
];

/// Runs the judge of this name at the size of tests with a fresh seed (or that of the environment variable `SEED`), prints
/// what it came to, and fails when there is a difference.
///
/// # Errors
/// Differences; or Java cannot be asked.
#[expect(clippy::print_stdout, reason = "what a failure needs to be understood and run again")]
pub fn judge_in_test(name: &str) -> Result<Tally> {
    let judge = JUDGES.iter().find(|judge| judge.name == name).expect("a judge of this name");
    let seed = crate::draws::seed_from_environment()?;
    let tally = (judge.run)(judge.cases[1], seed)?;
    println!("{name}: {} cases, {} differences", tally.cases, tally.differences.len());
    for finding in &tally.findings {
        println!("  {finding}");
    }
    if tally.measured > 0 {
        println!("{} values of metrics compared", tally.measured);
    }
    for (exception, reason, count) in &tally.exceptions {
        println!("{count} times {exception}: {reason}");
    }
    let shown: Vec<_> = tally.differences.iter().take(5).cloned().collect();
    anyhow::ensure!(shown.is_empty(), "{} differences, seed {seed}:\n{}", tally.differences.len(), shown.join("\n"));
    Ok(tally)
}
