//! What the judges say: the score at the playhead, and the goals at the end.

use producer_core::judge::Score;
use producer_core::player::messages::{Ending, LaneView, Standing, Verdict};
use yew::prelude::*;

use super::card::letter;
use super::shown::Shown;
use super::texts;
use super::wording::claim;
use crate::format;
use crate::icons::{Glyph, icon};
use crate::panels::ledger::figure;
use crate::texts::{Language, fill};

/// The figures of a lane. What programs were told is as of now; what a consumer read is as of when it did.
pub(super) fn score(shown: &Shown, lane: usize, language: Language) -> Html {
    let (t, page) = (texts::of(language), language.texts());
    let default = LaneView::default();
    let view = shown.view.lanes.get(lane).unwrap_or(&default);
    let is_proved = view.read_at_us == shown.view.now_us;
    let [sent, acked, failed] = if is_proved { from_judge(&view.score) } else { view.told };
    let waiting = if is_proved { view.score.waiting } else { sent.saturating_sub(acked + failed) };
    let Score { lost, duplicated, out_of_order, unknown, .. } = view.score;
    // Before the end a follower may still copy what nobody can read yet: only then is it lost.
    let (lost_word, lost_class) = match is_at_end(shown) {
        false if lost > 0 => (t.score_not_readable, ""),
        _ => (t.score_lost, "is-failed"),
    };
    let figures = [
        ("score-sent", t.score_sent, sent, ""),
        ("score-acked", page.score_acked, acked, ""),
        ("score-waiting", page.score_waiting, waiting, ""),
        ("score-failed", page.score_failed, failed, "is-failed"),
        ("score-unknown", page.score_unknown, unknown, "is-unknown"),
        ("score-lost", lost_word, lost, lost_class),
        ("score-duplicate", t.score_duplicate, duplicated, "is-duplicate"),
        ("score-out-of-order", t.score_out_of_order, out_of_order, "is-duplicate"),
    ];
    // Those that are seldom more than nothing stand aside while they are.
    let has_room =
        |test_id: &str, count: u64| count > 0 || !matches!(test_id, "score-unknown" | "score-waiting" | "score-failed");
    let figures = figures.into_iter().filter(|(test_id, _, count, _)| has_room(test_id, *count));
    let figures = figures.map(|(test_id, word, count, class)| {
        let is_ticked = test_id == "score-acked" && is_proved && count > 0;
        let sign = if is_ticked { icon(Glyph::Tick) } else { Html::default() };
        figure((test_id, word), count, class, sign, language)
    });
    html! { <dl class="score demo-score" data-test-id="score" data-proved={is_proved.to_string()} aria-label={fill(t.score_of, &[&letter(lane)])}>{ for figures }</dl> }
}

/// Is there nothing more to come, one way or the other?
fn is_at_end(shown: &Shown) -> bool {
    matches!(shown.standing, Standing::Over | Standing::Stopped { .. })
}

fn from_judge(score: &Score) -> [u64; 3] {
    [score.sent, score.acknowledged, score.failed]
}

/// When the logs were read, and what else that showed.
pub(super) fn reading(shown: &Shown, language: Language) -> Html {
    let t = texts::of(language);
    let Some(lane) = shown.lane() else { return Html::default() };
    let at = format::millis(lane.read_at_us);
    let words = match lane.read_at_us == shown.view.now_us {
        true => fill(t.score_read, &[&at, &language.number(lane.score.stored)]),
        false => fill(t.score_read_older, &[&at]),
    };
    let failed = lane.score.failed_stored;
    html! {
        <p class="caption demo-reading" data-test-id="reading">
            { words }
            if failed > 0 { { " · " }{ fill(t.score_failed_stored, &[&language.number(failed)]) } }
        </p>
    }
}

/// The goals of the lane that is looked at.
pub(super) fn goals(shown: &Shown, language: Language) -> Html {
    let t = texts::of(language);
    let Some(ending) = shown.judged.lanes.get(shown.chosen.lane) else {
        return html! { <p class="caption" role="status">{ if is_at_end(shown) { t.goals_judging } else { t.goals_at_end } }</p> };
    };
    let Ending { verdicts, thinned, trace_hash, .. } = ending;
    html! {
        <>
            if verdicts.is_empty() { <p class="caption">{ t.goals_none }</p> }
            <ul class="demo-goals" data-test-id="goals" data-trace-hash={format!("{trace_hash:016x}")}>
                { for verdicts.iter().map(|verdict| goal(verdict, language)) }
            </ul>
            if *thinned > 0 { <p class="caption">{ fill(t.thinned, &[&language.number(*thinned)]) }</p> }
        </>
    }
}

fn goal(verdict: &Verdict, language: Language) -> Html {
    let t = texts::of(language);
    let (state, word, glyph) = match verdict.held {
        Some(true) => ("held", t.goal_held, Glyph::Tick),
        Some(false) => ("broken", t.goal_broken, Glyph::Close),
        None => ("undecided", t.goal_undecided, Glyph::Warning),
    };
    html! {
        <li class={format!("is-{state}")} data-test-id="goal" data-state={state} data-goal={verdict.goal.to_string()}>
            { icon(glyph) }<span>{ claim(&verdict.claim, language) }</span><b>{ word }</b>
            if !verdict.why.is_empty() { <code lang="en">{ verdict.why.clone() }</code> }
        </li>
    }
}
