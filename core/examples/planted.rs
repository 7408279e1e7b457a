//! Mistakes made on purpose, each played until a judge sees it: what `cargo xtask planted` runs, in a build with
//! `--cfg planted`. Without arguments it names them; with a name it plays that one.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to whoever called it")]

use std::process::ExitCode;

#[cfg(planted)]
fn main() -> ExitCode {
    match std::env::args().nth(1) {
        Some(name) => played::play(&name),
        None => played::list(),
    }
}

#[cfg(not(planted))]
fn main() -> ExitCode {
    eprintln!("nothing is planted in this build: cargo xtask planted makes one");
    ExitCode::FAILURE
}

#[cfg(planted)]
mod played {
    use std::collections::BTreeSet;
    use std::panic::catch_unwind;
    use std::process::ExitCode;

    use producer_core::planted::{DEFECTS, Planted, choose};
    use producer_core::scenario::{Act, Action, Scenario};
    use producer_core::swarm::{check, draw, kinds, shrink};

    /// Seeds within which a mistake is to be seen: the first that `cargo xtask sim` plays.
    const SEEDS: u64 = 1_000;
    /// Runs that the search for a smaller scenario may take.
    const SHRINKING_RUNS: u32 = 400;
    /// Seeds whose scenarios are made smaller.
    const SHRUNK: usize = 3;

    /// One line each: name, place, invariant, what it needs, what is wrong.
    pub(super) fn list() -> ExitCode {
        for Planted { name, place, law, needs, what, .. } in DEFECTS {
            println!("{name}\t{place}\t{law}\t{needs}\t{what}");
        }
        ExitCode::SUCCESS
    }

    /// A line for each of the first seeds in which it is seen: the faults without which it is not seen there. The last line
    /// is two numbers: the first seed in which it is seen and the fewest faults of those above; or `none`.
    pub(super) fn play(name: &str) -> ExitCode {
        let Some(planted) = DEFECTS.iter().find(|planted| planted.name == name) else {
            eprintln!("nothing of this name is planted: {name}");
            return ExitCode::FAILURE;
        };
        let (mut first, mut fewest) = (None, u32::MAX);
        for seed in (0..SEEDS).filter(|&seed| is_seen(&draw(seed), planted)).take(SHRUNK) {
            let smallest = shrink(&draw(seed), SHRINKING_RUNS, |smaller| is_seen(smaller, planted));
            let kinds: Vec<_> = kinds(&smallest).into_iter().collect();
            let faults = faults(&smallest);
            println!("{seed}: {faults} faults: {}", kinds.join(", "));
            fewest = fewest.min(faults);
            first = first.or(Some(seed));
        }
        match first {
            Some(first) => println!("{first} {fewest}"),
            None => println!("none"),
        }
        ExitCode::SUCCESS
    }

    /// How often anything goes wrong: rules and actions by their times, but for what programs do, and what puts right what
    /// went wrong before.
    fn faults(scenario: &Scenario) -> u32 {
        let of_action = |action: &Action| match &action.act {
            Act::Send { .. } | Act::Flush { .. } | Act::Close { .. } | Act::Exit { .. } => 0,
            Act::StartBroker { .. } | Act::ResumeBroker { .. } | Act::CreateTopic { .. } => 0,
            Act::AddRule { rule } => action.times * rule.times,
            _ => action.times,
        };
        let rules = scenario.rules.iter().map(|rule| rule.times);
        rules.chain(scenario.actions.iter().map(of_action)).sum()
    }

    /// Does the mistake break its invariant here, where nothing breaks it without?
    fn is_seen(scenario: &Scenario, planted: &Planted) -> bool {
        broken(scenario, Some(planted)).contains(&planted.law) && !broken(scenario, None).contains(&planted.law)
    }

    /// The invariants that judges find broken. Where the code ends by itself, or the scenario does not come to its end, no
    /// judge has spoken.
    fn broken(scenario: &Scenario, planted: Option<&Planted>) -> BTreeSet<u8> {
        choose(planted);
        let Ok(finding) = catch_unwind(|| check(scenario).expect("what is drawn can be staged")) else {
            eprintln!("{}: it panics", scenario.name);
            return BTreeSet::new();
        };
        if finding.overran { BTreeSet::new() } else { finding.broken() }
    }
}
