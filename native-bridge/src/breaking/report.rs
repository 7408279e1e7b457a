//! What is printed about a search. Plain text: what is broken is a word, not a colour.

use std::path::Path;
use std::time::Duration;

use producer_core::breaking::{
    ChangeReport, Counterexample, FaultKind, Outcome, Report, Trials, Tried, happened, name_of,
};
use producer_core::scenario::Claim;

use crate::line;

/// All there is to say.
pub(super) fn text(claim: &Claim, worlds: u32, report: &Report, out: Option<&Path>) -> String {
    let mut text = String::new();
    if !report.left_out.is_empty() {
        line(&mut text, format_args!("left out of all worlds: {}", report.left_out.join(", ")));
    }
    match &report.counterexample {
        Some(found) => {
            counterexample(&mut text, claim, worlds, found, out);
            changes(&mut text, worlds, &report.tried, &report.changes);
        }
        None => survived(&mut text, claim, report),
    }
    text
}

/// `1 record`, `2 records`.
fn count(number: impl Into<u64>, what: &str) -> String {
    let number = number.into();
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

fn survived(text: &mut String, claim: &Claim, report: &Report) {
    let tried = &report.tried;
    line(text, format_args!("{claim}: {}, none broke it: not a proof", count(tried.trials.worlds, "world")));
    undecided(text, &tried.trials);
    let faults = tried.faults.iter().map(|(kind, times)| format!("{} {times}", kind.name()));
    let faults: Vec<String> = faults.collect();
    let faults = if faults.is_empty() { "none".to_owned() } else { faults.join(", ") };
    let records = count(tried.records, "record");
    line(text, format_args!("  tried: {records}, {} events; faults: {faults}", tried.events));
}

fn undecided(text: &mut String, trials: &Trials) {
    if trials.undecided > 0 {
        line(text, format_args!("  in {} nobody can say: not all was told in time", count(trials.undecided, "world")));
    }
}

fn counterexample(text: &mut String, claim: &Claim, worlds: u32, found: &Counterexample, out: Option<&Path>) {
    line(text, format_args!("{claim}: broken in world {} of {worlds}", found.world + 1));
    line(text, format_args!("  {}", happened(found).en));
    line(text, format_args!("  {}", found.witness));
    let faults: Vec<&str> = found.faults.iter().copied().map(FaultKind::name).collect();
    let (records, named) = (count(found.records, "record"), faults.join(", "));
    let named = if named.is_empty() { named } else { format!(" ({named})") };
    let accident = Duration::from_micros(found.accident_us);
    let faults = count(faults.len() as u64, "fault");
    line(text, format_args!("  shrunk to {records} and {faults}{named}; the accident is at {accident:?}"));
    if !found.also_broken.is_empty() {
        let names: Vec<&str> = found.also_broken.iter().filter_map(name_of).collect();
        line(text, format_args!("  broken here too: {}", names.join(", ")));
    }
    line(text, format_args!("  link: {}", found.link()));
    match out {
        Some(path) => line(text, format_args!("  again: playground run {}", path.display())),
        None => line(text, format_args!("  again: playground run '<the link>', or name a file with --out")),
    }
}

fn changes(text: &mut String, worlds: u32, tried: &Tried, changes: &[ChangeReport]) {
    if changes.is_empty() {
        return;
    }
    line(text, format_args!("one change at a time, of {}:", count(worlds, "world")));
    let Tried { trials, also_broken, .. } = tried;
    let undecided = undecided_of(trials);
    line(text, format_args!("  as it is: survived {}, broken in {}{undecided}", trials.survived(), trials.broken));
    for (claim, world) in also_broken {
        let (name, world) = (name_of(claim).unwrap_or("another claim"), world + 1);
        line(text, format_args!("  as it is: breaks {name} as well, in world {world}"));
    }
    let named: Vec<String> = changes.iter().map(|report| report.change.to_string()).collect();
    let width = named.iter().map(String::len).max().unwrap_or(0);
    for (change, report) in named.iter().zip(changes) {
        line(text, format_args!("  {change:width$}  {}", came_to(report, worlds)));
        for notice in report.verdict.iter().flatten() {
            line(text, format_args!("  {:width$}  {notice}", ""));
        }
        for (claim, world) in &report.price {
            let (name, world) = (name_of(claim).unwrap_or("another claim"), world + 1);
            line(text, format_args!("  {:width$}  but breaks {name}, in world {world}; no world does without it", ""));
        }
    }
    line(text, format_args!("counts, not proofs: the next world may break what these did not"));
}

fn came_to(report: &ChangeReport, worlds: u32) -> String {
    if let Err(error) = &report.verdict {
        return format!("refused: {error}");
    }
    let Trials { worlds: played, broken, first_broken, .. } = report.trials;
    let on_it = match report.on_counterexample {
        Some(Outcome::Broken(_)) => "the counterexample breaks it too",
        _ => "the counterexample does not break it",
    };
    let undecided = undecided_of(&report.trials);
    match first_broken {
        _ if played == 0 => format!("broken: {on_it}"),
        None => format!("survived {} of {worlds}{undecided}; {on_it}", report.trials.survived()),
        Some(first) if broken == 1 && played == first + 1 => format!("broke after {first}{undecided}; {on_it}"),
        Some(_) => format!("survived {}, broken in {broken}{undecided}; {on_it}", report.trials.survived()),
    }
}

/// Nothing, if there is nothing to say.
fn undecided_of(trials: &Trials) -> String {
    if trials.undecided > 0 { format!(", {} not decided", trials.undecided) } else { String::new() }
}
