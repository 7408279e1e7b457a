//! What happened, as text: the twin of the moving picture. Before anything did: how to read it.

use producer_core::scene::{HISTORY, Scene};
use producer_core::time::Instant;
use producer_core::trace::Fact;
use yew::prelude::*;

use super::fold::{fold, is_same_as};
use super::narrate::narrate;
use crate::format;
use crate::partition::mark;
use crate::shared::Shared;
use crate::texts::{Language, Texts, fill};

/// Lines shown: more than fit, few enough to draw ten times a second. Who wants older ones of a demo goes to the oldest.
const LINES: usize = 60;

/// Properties of [`History`].
#[derive(Properties, PartialEq)]
pub(crate) struct HistoryProps {
    pub(crate) scene: Shared<Scene>,
    pub(crate) language: Language,
}

/// The lower part of the centre.
#[component]
pub(crate) fn History(props: &HistoryProps) -> Html {
    let language = props.language;
    let t = language.texts();
    let scene = &props.scene;
    // Connections are made before anybody has sent anything: nothing to read yet.
    let has_begun = scene.caller.sent + scene.caller.refused > 0
        || scene.history.iter().any(|event| matches!(event.what, Fact::SendBlocked { .. }));
    if !has_begun {
        return legend(t);
    }
    let (_, lines) = lines(scene, Instant::ZERO, language, |at| html! { { format::moment(at) } });
    html! {
        <section class="history" aria-label={t.history}>
            <h2>{ t.history }<span class="caption">{ t.newest_first }</span>{ thinned(scene, language) }</h2>
            <ol tabindex="0" aria-label={t.history}>{ lines }</ol>
        </section>
    }
}

/// What happened from this moment on, newest first, and a word on what is not listed; with the number of lines. How a line's
/// time is written is the caller's to say.
pub(crate) fn lines(
    scene: &Scene,
    begins: Instant,
    language: Language,
    time: impl Fn(Instant) -> Html,
) -> (usize, Html) {
    let t = language.texts();
    let told = scene.history.iter().filter(|event| event.at >= begins);
    let told = told.filter_map(|event| Some((event.at, narrate(event, scene, language)?, is_same_as(&event.what))));
    let mut told: Vec<_> = fold(told, t);
    told.reverse();
    let older = told.len().saturating_sub(LINES);
    told.truncate(LINES);
    let count = told.len();
    let lines = told.into_iter().enumerate().map(|(place, (at, line))| {
        html! {
            <li class={classes!((place == 0).then_some("is-now"), line.is_trouble.then_some("is-trouble"))} data-test-id="history-line">
                <time class="mono">{ time(at) }</time>
                <b>{ line.who }</b>
                <span>if let Some(partition) = line.partition { { mark(partition) }{ " " } }{ line.what }</span>
            </li>
        }
    });
    let not_listed = match scene.history.len() {
        // The scene drops events too, and does not count them.
        HISTORY.. => Some(t.history_older_all.to_owned()),
        _ if older > 0 => Some(fill(t.history_older, &[&language.number(older as u64)])),
        _ => None,
    };
    let lines = html! {
        <>
            { for lines }
            if let Some(words) = not_listed { <li class="history-older caption">{ words }</li> }
        </>
    };
    (count, lines)
}

/// How many events were left out before they came to the scene.
pub(crate) fn thinned(scene: &Scene, language: Language) -> Html {
    match scene.thinned {
        0 => Html::default(),
        count => {
            let words = fill(language.texts().history_thinned, &[&language.number(count)]);
            html! { <span class="caption">{ words }</span> }
        }
    }
}

/// How to read the picture.
fn legend(t: &'static Texts) -> Html {
    let entries = [
        (html! { <span class="tile p1">{ "42" }</span> }, t.legend_record, t.legend_record_text),
        (html! { <span class="legend-crate p1" /> }, t.legend_batch, t.legend_batch_text),
        (html! { <span class="legend-packet p1">{ "×2" }</span> }, t.legend_request, t.legend_request_text),
        (html! { <span class="legend-answer p1">{ "@0" }</span> }, t.legend_answer, t.legend_answer_text),
        (html! { <span class="legend-slots p1"><i /><i /><i /><i /><i /></span> }, t.legend_slots, t.legend_slots_text),
        (html! { <span class="legend-point" /> }, t.legend_point, t.legend_point_text),
    ];
    html! {
        <section class="history legend" aria-label={t.legend}>
            <h2>
                { t.legend }
                <span class="legend-dashed caption"><span class="legend-dash p1" />{ t.legend_dashed }</span>
            </h2>
            <dl>
                { for entries.map(|(sign, word, text)| html! {
                    <div><span class="legend-sign" aria-hidden="true">{ sign }</span><dt>{ word }</dt><dd>{ text }</dd></div>
                }) }
            </dl>
        </section>
    }
}
