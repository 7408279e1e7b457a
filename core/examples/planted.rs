//! Mistakes made on purpose, each played until a judge sees it: what `cargo xtask planted` runs, in a build with
//! `--cfg planted`. Without arguments it names them; with a name it plays that one.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to whoever called it")]

use std::process::ExitCode;

#[cfg(planted)]
fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(name) = arguments.next() else {
        played::list();
        return ExitCode::SUCCESS;
    };
    let shrinks = arguments.next().is_some_and(|argument| argument == "--shrink");
    played::play(&name, shrinks)
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
    use producer_core::scenario::{Act, Scenario};
    use producer_core::swarm::{check, draw, kinds, shrink};

    /// Seeds within which a mistake is to be seen: the first that `cargo xtask sim` plays.
    const SEEDS: u64 = 1_000;
    /// Runs that the search for a smaller scenario may take.
    const SHRINKING_RUNS: u32 = 400;
    /// Seeds whose scenarios are made smaller.
    const SHRUNK: usize = 10;

    /// One line each: name, place, invariant, what it needs, what is wrong.
    pub(super) fn list() {
        for Planted { name, place, law, needs, what, .. } in DEFECTS {
            println!("{name}\t{place}\t{law}\t{needs}\t{what}");
        }
    }

    /// The last line is the first seed in which it is seen, or `none`; with `shrinks`, before it the kinds of fault without
    /// which it is not seen, for several seeds.
    pub(super) fn play(name: &str, shrinks: bool) -> ExitCode {
        let Some(planted) = DEFECTS.iter().find(|planted| planted.name == name) else {
            eprintln!("nothing of this name is planted: {name}");
            return ExitCode::FAILURE;
        };
        let mut seen = (0..SEEDS).filter(|&seed| is_seen(&draw(seed), planted)).peekable();
        let first = seen.peek().map_or_else(|| "none".to_owned(), u64::to_string);
        for seed in seen.take(if shrinks { SHRUNK } else { 0 }) {
            let smallest = shrink(&draw(seed), SHRINKING_RUNS, |smaller| is_seen(smaller, planted));
            let kinds: Vec<_> = kinds(&smallest).into_iter().collect();
            println!("{seed}: {} faults: {}", faults(&smallest), kinds.join(", "));
        }
        println!("{first}");
        ExitCode::SUCCESS
    }

    /// How often anything goes wrong: rules by their times, and actions, but for what programs do.
    fn faults(scenario: &Scenario) -> u32 {
        let is_fault = |act: &Act| !matches!(act, Act::Send { .. } | Act::Flush { .. } | Act::Close { .. });
        let actions = scenario.actions.iter().filter(|action| is_fault(&action.act)).map(|_| 1);
        scenario.rules.iter().map(|rule| rule.times).chain(actions).sum()
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
