//! What is printed about a run. Plain text: what is broken is a word, not a colour.

use core::fmt;
use std::time::Duration;

use producer_core::judge::{Isolation, Score, Verdict};
use producer_core::playback::{Overrun, Playable as _, Progress, Span};
use producer_core::scenario::written::Choice as _;
use producer_core::scenario::{Claim, Scenario};
use producer_core::staging::Ending;
use producer_core::trace::Fact;

use crate::line;

/// What stands above all lanes.
pub(super) fn heading(scenario: &Scenario, notices: &[String]) -> String {
    let demo = if scenario.demo.is_empty() { String::new() } else { format!("demo {}, ", scenario.demo) };
    let mut text = format!("{} ({demo}seed {})\n", super::name_of(scenario), scenario.seed.0);
    for notice in notices {
        line(&mut text, format_args!("  notice: {notice}"));
    }
    text
}

/// Everything there is to say about a lane that took so long.
pub(super) fn lane(scenario: &Scenario, ending: &Ending, took: Duration) -> String {
    let mut text = format!("{}\n", title(scenario, ending.lane));
    score(&mut text, &ending.history.score(isolation(ending)));
    for (index, error) in ending.stage.refused() {
        let number = index + 1;
        line(&mut text, format_args!("  refused: producer {number}: ConfigException: {error}"));
    }
    if ending.verdicts.is_empty() {
        line(&mut text, format_args!("  no goals"));
    }
    for (place, verdict) in &ending.verdicts {
        line(&mut text, format_args!("  {:<11}  {}", word(verdict), Told(&scenario.goals[*place].claim, verdict)));
    }
    for (place, why) in ending.stage.left_out() {
        let act = &scenario.actions[*place].act;
        let name = act.variants()[act.chosen()].name;
        line(&mut text, format_args!("  left out: actions[{place}], {name}: {why}"));
    }
    for key in ending.stage.without_effect() {
        line(&mut text, format_args!("  without effect: {key} of the brokers"));
    }
    let missing: u64 = ending.trace.iter().map(|event| missing(&event.what)).sum();
    if missing > 0 {
        line(&mut text, format_args!("  the trace lacks {missing} facts: too many at once"));
    }
    stopped(&mut text, "  ", scenario, ending);
    let virtual_time = ending.stage.now() - ending.stage.begins();
    let events = ending.stage.events();
    line(&mut text, format_args!("  {virtual_time:?} of its time in {took:.1?}, {events} events"));
    text
}

/// Only what is broken or not decided; nothing if all is well.
pub(super) fn broken(scenario: &Scenario, ending: &Ending) -> String {
    let mut text = String::new();
    let title = title(scenario, ending.lane);
    for (place, verdict) in ending.verdicts.iter().filter(|(_, verdict)| *verdict != Verdict::Held) {
        line(&mut text, format_args!("{title}: {}: {}", word(verdict), Told(&scenario.goals[*place].claim, verdict)));
    }
    stopped(&mut text, &format!("{title}: "), scenario, ending);
    text
}

fn title(scenario: &Scenario, lane: usize) -> String {
    let number = lane + 1;
    match scenario.lanes.get(lane).map(|lane| &*lane.title.en) {
        Some(title) if !title.is_empty() => format!("lane {number}, {title}"),
        _ => format!("lane {number}"),
    }
}

/// As the judges read: with transactions, what was not committed does not count as stored.
fn isolation(ending: &Ending) -> Isolation {
    if ending.history.transactions.is_empty() { Isolation::ReadUncommitted } else { Isolation::ReadCommitted }
}

fn score(text: &mut String, score: &Score) {
    let Score { sent, acknowledged, waiting, failed, failed_stored, unknown, .. } = score;
    line(
        text,
        format_args!(
            "  sent {sent} = {acknowledged} acknowledged + {waiting} waiting + {failed} failed ({failed_stored} of them \
             stored anyway) + {unknown} unknown"
        ),
    );
    let Score { stored, lost, duplicated, out_of_order, .. } = score;
    line(text, format_args!("  stored {stored} · {lost} lost · {duplicated} duplicated · {out_of_order} out of order"));
    let rest = [
        (score.misplaced, "of the lost are readable elsewhere"),
        (score.deleted, "acknowledged and dropped since, for the topic keeps no more"),
        (score.withheld, "acknowledged in a transaction that was not committed"),
        (score.unread, "acknowledged in a partition that was not read to its end"),
        (score.waiting_stored, "of the waiting are stored already"),
        (score.unknown_stored, "of the unknown are stored"),
        (score.foreign, "stored that nobody sent"),
    ];
    for (count, what) in rest.into_iter().filter(|(count, _)| *count > 0) {
        line(text, format_args!("  {count} {what}"));
    }
}

const fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Held => "held",
        Verdict::Broken(_) => "broken",
        Verdict::NotDecided(_) => "not decided",
    }
}

/// A claim and what became of it.
struct Told<'r>(&'r Claim, &'r Verdict);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)?;
        match self.1 {
            Verdict::Held => Ok(()),
            Verdict::Broken(witness) => write!(f, ": {witness}"),
            Verdict::NotDecided(why) => write!(f, ": {why}"),
        }
    }
}

fn missing(fact: &Fact) -> u64 {
    if let Fact::Thinned { dropped } = fact { *dropped } else { 0 }
}

fn stopped(text: &mut String, before: &str, scenario: &Scenario, ending: &Ending) {
    let Progress::Stopped(Overrun { at, events, within }) = ending.progress else { return };
    let at = at - ending.stage.begins();
    let too_many = match within {
        Span::Moment => format!("{events} events in one moment, and no end"),
        Span::Second => format!("{events} events in a second are too many"),
        Span::Run => format!("more than the {} events that max_events allows", scenario.max_events),
    };
    line(text, format_args!("{before}stopped after {at:?}: {too_many}"));
}
