//! All judges, or those named, at full size, beside the Java client: a line for each, its exceptions, and how many differences there are.

#![expect(clippy::print_stdout, reason = "what the judges find is what it prints")]

use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use cross_tests::draws::seed_from_environment;
use cross_tests::oracle::{JUDGES, Judge, Tally};

/// Differences shown of each judge.
const SHOWN: usize = 20;

fn main() -> Result<()> {
    let size = match std::env::args().nth(1).as_deref() {
        Some("full") | None => 0,
        Some("test") => 1,
        Some(other) => bail!("size {other:?} is neither full nor test"),
    };
    let only: Vec<String> = std::env::args().skip(2).collect();
    if let Some(unknown) = only.iter().find(|name| JUDGES.iter().all(|judge| judge.name != **name)) {
        let names: Vec<&str> = JUDGES.iter().map(|judge| judge.name).collect();
        bail!("there is no judge {unknown:?}; there are {}", names.join(", "));
    }
    let seed = seed_from_environment()?;
    let (mut cases, mut differences) = (0, 0);
    for judge in JUDGES.iter().filter(|judge| only.is_empty() || only.iter().any(|name| name == judge.name)) {
        let tally = hold(judge, judge.cases[size], seed)?;
        cases += tally.cases;
        differences += tally.differences.len();
    }
    println!("{cases} cases, {differences} differences");
    ensure!(differences == 0, "{differences} differences to the Java client");
    Ok(())
}

fn hold(judge: &Judge, cases: u64, seed: u64) -> Result<Tally> {
    let begin = Instant::now();
    let tally = (judge.run)(cases, seed).with_context(|| format!("judge {}", judge.name))?;
    let seconds = begin.elapsed().as_secs();
    println!("{}: {} cases, {} differences, {seconds} s", judge.name, tally.cases, tally.differences.len());
    for finding in &tally.findings {
        println!("  {finding}");
    }
    if tally.measured > 0 {
        println!("  {} values of metrics compared", tally.measured);
    }
    for (name, reason, count) in &tally.exceptions {
        println!("  {count} times {name}: {reason}");
    }
    for difference in tally.differences.iter().take(SHOWN) {
        println!("  {difference}");
    }
    Ok(tally)
}
