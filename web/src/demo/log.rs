//! What happened up to the playhead in the lane that is looked at, as text. A line leads to its moment.

use producer_core::scene::HISTORY;
use producer_core::time::Instant;
use yew::prelude::*;

use super::shown::Shown;
use super::texts;
use super::theatre::Theatre;
use crate::format;
use crate::panels::narrate::narrate;
use crate::partition::mark;
use crate::texts::{Language, fill};

/// Lines shown: more than fit, few enough to draw ten times a second. Who wants older ones goes to the oldest.
const LINES: usize = 60;

/// The lower left part.
pub(super) fn log(shown: &Shown, theatre: &Theatre, language: Language) -> Html {
    let t = texts::of(language);
    let Some(scene) = shown.scenes.get(shown.chosen.lane) else { return Html::default() };
    let begins = shown.begins();
    let told = scene.history.iter().rev().filter(|event| event.at >= begins);
    let mut told: Vec<_> = told.filter_map(|event| Some((event.at, narrate(event, scene, language)?))).collect();
    let older = told.len().saturating_sub(LINES);
    told.truncate(LINES);
    let is_empty = told.is_empty();
    let lines = told.into_iter().enumerate().map(|(place, (at, line))| {
        let at_us = since(begins, at);
        let go = {
            let theatre = theatre.clone();
            Callback::from(move |_: MouseEvent| theatre.go_to(at_us))
        };
        let time = format::millis(at_us);
        html! {
            <li class={classes!((place == 0).then_some("is-now"), line.is_trouble.then_some("is-trouble"))} data-test-id="history-line">
                <time class="mono"><button class="demo-go" aria-label={fill(t.log_go_to, &[&time])} onclick={go}>{ time.clone() }</button></time>
                <b>{ line.who }</b>
                <span>if let Some(partition) = line.partition { { mark(partition) }{ " " } }{ line.what }</span>
            </li>
        }
    });
    let texts = language.texts();
    let not_listed = match scene.history.len() {
        HISTORY.. => Some(texts.history_older_all.to_owned()),
        _ if older > 0 => Some(fill(texts.history_older, &[&language.number(older as u64)])),
        _ => None,
    };
    html! {
        <section class="history demo-log" aria-label={t.log}>
            <h2>
                { t.log }<span class="caption">{ if is_empty { t.log_empty } else { t.log_go } }</span>
                if scene.thinned > 0 { <span class="caption">{ fill(texts.history_thinned, &[&language.number(scene.thinned)]) }</span> }
            </h2>
            <ol tabindex="0" aria-label={t.log}>
                { for lines }
                if let Some(words) = not_listed { <li class="history-older caption">{ words }</li> }
            </ol>
        </section>
    }
}

/// Microseconds between two moments.
fn since(begins: Instant, at: Instant) -> u64 {
    at.as_micros().saturating_sub(begins.as_micros())
}
