//! Scenarios by chance against the 18 invariants: `cargo xtask sim [--seeds N] [--from S] [--seed S]`.
#![allow(clippy::print_stdout, reason = "a command talks to a person at a terminal")]

use std::collections::BTreeMap;
use std::process::ExitCode;

use producer_core::scenario::link::{Link, Shows};
use producer_core::scenario::{Scenario, text};
use producer_core::swarm::{Finding, KINDS, check, draw, kinds, shrink};

/// Runs that the search for a smaller scenario may take.
const SHRINKING_RUNS: u32 = 300;
/// Violations of one seed that are printed.
const PRINTED: usize = 5;
/// Seeds that are shrunk and printed whole; of the others the first violation.
const EXPLAINED: usize = 3;

#[derive(Default)]
struct Sums {
    kinds: BTreeMap<&'static str, u64>,
    departures: BTreeMap<String, u64>,
    healed: u64,
    calls: u64,
    requests: u64,
    events: u64,
    violations: u64,
    broken: Vec<u64>,
}

fn main() -> ExitCode {
    let number = |name: &str| {
        let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
        arguments.next().map(|value| value.parse::<u64>().unwrap_or_else(|_| panic!("{name} is a number")))
    };
    let seeds = match number("--seed") {
        Some(seed) => seed..seed + 1,
        None => {
            let first = number("--from").unwrap_or(0);
            first..first + number("--seeds").unwrap_or(1_000)
        }
    };
    let count = seeds.end - seeds.start;
    let mut sums = Sums::default();
    for seed in seeds {
        play(seed, &mut sums);
    }
    print(&sums, count);
    println!("{count} seeds, {} violations", sums.violations);
    if sums.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn play(seed: u64, sums: &mut Sums) {
    let scenario = draw(seed);
    for kind in kinds(&scenario) {
        *sums.kinds.entry(kind).or_default() += 1;
    }
    let finding = match check(&scenario) {
        Ok(finding) => finding,
        Err(error) => panic!("seed {seed}: it cannot be staged: {error}"),
    };
    for ((number, departure), times) in &finding.judgement.departures {
        *sums.departures.entry(format!("{number} {departure:?}")).or_default() += u64::from(*times);
    }
    sums.healed += u64::from(finding.history.healed_at.is_some());
    sums.calls += finding.history.calls.len() as u64;
    sums.requests += finding.history.wire.requests.len() as u64;
    sums.events += finding.events;
    if finding.is_broken() {
        sums.violations += finding.judgement.violations.len() as u64 + u64::from(finding.overran);
        tell(seed, &scenario, &finding, sums.broken.len() < EXPLAINED);
        sums.broken.push(seed);
    }
}

fn tell(seed: u64, scenario: &Scenario, finding: &Finding, at_length: bool) {
    println!("seed {seed}: {} violations", finding.judgement.violations.len());
    if finding.overran {
        println!("  it does not come to its end: {} events", finding.events);
    }
    for violation in finding.judgement.violations.iter().take(if at_length { PRINTED } else { 1 }) {
        println!("  {violation}");
    }
    println!("  again: cargo xtask sim --seed {seed}");
    if !at_length {
        return;
    }
    let broken = finding.broken();
    let smallest = shrink(scenario, SHRINKING_RUNS, |smaller| {
        check(smaller).is_ok_and(|finding| finding.broken().intersection(&broken).next().is_some())
    });
    if let Ok(finding) = check(&smallest) {
        println!("  the smallest that is broken so:");
        finding.judgement.violations.iter().take(PRINTED).for_each(|violation| println!("  {violation}"));
    }
    println!("{}", text::write(&smallest));
    println!("{}", Link { shows: Shows::Scenario(Box::new(smallest)), at_us: None });
}

fn print(sums: &Sums, seeds: u64) {
    for kind in KINDS {
        let present = sums.kinds.get(kind).copied().unwrap_or(0);
        println!("{present:>8} seeds with {kind}");
    }
    for (departure, times) in &sums.departures {
        println!("{times:>8} times as Kafka departs: {departure}");
    }
    let Sums { healed, calls, requests, events, broken, .. } = sums;
    println!("{seeds} seeds, {healed} of them healed; {calls} sends, {requests} requests, {events} events");
    if !broken.is_empty() {
        println!("broken: {broken:?}");
    }
}
