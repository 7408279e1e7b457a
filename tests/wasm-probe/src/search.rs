//! A search for a world that breaks a configuration.

use producer_core::breaking::{FaultBudget, Question, Report, Search, Task};
use producer_core::scenario::Claim;

use crate::{FNV, fnv};

/// A producer that is not idempotent, and the claim that everything is stored once: broken, and mended by some changes.
pub fn search(seed: u64) -> Report {
    let faults = FaultBudget::default();
    let mut question = Question { claim: Claim::StoredOnce {}, faults, worlds: 50, seed, ..Question::default() };
    question.properties.set("enable.idempotence", "false");
    through(question)
}

/// So many worlds around the defaults, in which everything is stored once.
pub fn worlds(seed: u64, count: u32) -> u32 {
    let question = Question { claim: Claim::StoredOnce {}, worlds: count, seed, ..Question::default() };
    through(question).tried.trials.survived()
}

fn through(question: Question) -> Report {
    let mut search = Search::new(question, None).expect("the client takes it");
    while search.advance(1_000).task != Task::Done {}
    search.into_report()
}

/// FNV-1a over everything that the report says, and the link to what was found.
pub(crate) fn hash(report: &Report) -> u64 {
    let link = report.counterexample.as_ref().map(|found| found.link().to_string());
    let told = format!("{report:?}{link:?}");
    fnv(FNV, told.bytes())
}
