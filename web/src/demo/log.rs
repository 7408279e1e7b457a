//! What happened up to the playhead in the lane that is looked at, as text. A line leads to its moment.

use producer_core::time::Instant;
use yew::prelude::*;

use super::shown::Shown;
use super::texts;
use super::theatre::Theatre;
use crate::format;
use crate::panels::history::{lines, thinned};
use crate::texts::{Language, fill};

/// The lower left part.
pub(super) fn log(shown: &Shown, theatre: &Theatre, language: Language) -> Html {
    let (t, page) = (texts::of(language), language.texts());
    let Some(scene) = shown.scenes.get(shown.chosen.lane) else { return Html::default() };
    let begins = shown.begins();
    let time = |at: Instant| {
        let at_us = at.as_micros().saturating_sub(begins.as_micros());
        let go = {
            let theatre = theatre.clone();
            Callback::from(move |_: MouseEvent| theatre.go_to(at_us))
        };
        let time = format::millis(at_us);
        html! { <button class="demo-go" aria-label={fill(t.log_go_to, &[&time])} onclick={go}>{ time.clone() }</button> }
    };
    let (count, lines) = lines(scene, begins, language, time);
    html! {
        <section class="history demo-log" aria-label={page.history}>
            <h2>
                { page.history }<span class="caption">{ if count == 0 { t.log_empty } else { t.log_go } }</span>
                { thinned(scene, language) }
            </h2>
            <ol tabindex="0" aria-label={page.history}>{ lines }</ol>
        </section>
    }
}
