//! The world's time: play, step, go back, look for something, and a bar with what happened when.

use producer_core::playback::Mark;
use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

use super::shown::{Shown, Speed};
use super::texts;
use super::theatre::Theatre;
use super::wording::{kinds, speed};
use crate::format;
use crate::icons::{Glyph, icon};
use crate::texts::{Language, fill};

/// The bar at the bottom; `kind` is what `Next` looks for.
pub(crate) fn bar(shown: &Shown, theatre: &Theatre, kind: &UseStateHandle<Mark>, language: Language) -> Html {
    let (t, page) = (texts::of(language), language.texts());
    let on = |what: fn(&Theatre)| {
        let theatre = theatre.clone();
        Callback::from(move |_: MouseEvent| what(&theatre))
    };
    let next = {
        let (theatre, kind) = (theatre.clone(), **kind);
        Callback::from(move |_: MouseEvent| theatre.next(kind))
    };
    let choose = {
        let kind = kind.clone();
        Callback::from(move |event: Event| {
            let code = event.target_dyn_into::<HtmlSelectElement>().map(|select| select.value()).unwrap_or_default();
            if let Some((mark, ..)) = kinds(t).into_iter().find(|(_, known, _)| *known == code) {
                kind.set(mark);
            }
        })
    };
    let words = if shown.running { page.pause } else { page.play };
    let button = |test_id: &'static str, glyph: Glyph, word: &'static str, on: Callback<MouseEvent>| {
        html! { <button class="quiet" data-test-id={test_id} aria-label={word} title={word} onclick={on}>{ icon(glyph) }</button> }
    };
    html! {
        <footer class="time-bar demo-bar" aria-label={page.time}>
            { button("back", Glyph::Back, t.back, on(Theatre::back)) }
            <button id="demo-play" class="play" data-test-id="play" data-running={shown.running.to_string()} aria-label={words} title={words} onclick={on(Theatre::play_or_pause)}>
                { icon(if shown.running { Glyph::Pause } else { Glyph::Play }) }
            </button>
            { button("demo-step", Glyph::Step, t.step, on(Theatre::step)) }
            <span class="demo-next">
                <button class="plain" data-test-id="next" onclick={next}>{ icon(Glyph::Next) }<span class="word">{ t.next }</span></button>
                <select class="quiet" data-test-id="next-kind" aria-label={t.next_kind} onchange={choose}>
                    { for kinds(t).into_iter().map(|(mark, code, word)| html! { <option value={code} selected={mark == **kind}>{ word }</option> }) }
                </select>
            </span>
            { track(shown, theatre, language) }
            { pace(shown, theatre, language) }
            <button class="plain" data-test-id="fork" title={t.fork_title} onclick={on(Theatre::fork)}>{ icon(Glyph::Fork) }<span class="word">{ t.fork }</span></button>
        </footer>
    }
}

/// The slider, over what happened when. Of a thousand parts of the scenario each is a step.
fn track(shown: &Shown, theatre: &Theatre, language: Language) -> Html {
    let t = texts::of(language);
    let end_us = shown.opened().map_or(1, |opened| opened.end_us.max(1));
    let seek = {
        let theatre = theatre.clone();
        Callback::from(move |event: InputEvent| {
            let value = event.target_dyn_into::<HtmlInputElement>().and_then(|input| input.value().parse().ok());
            if let Some(to_us) = value {
                theatre.seek(to_us);
            }
        })
    };
    let now = format::millis(shown.now_us);
    let label = fill(t.bar, &[&now, &format::millis(end_us)]);
    html! {
        <div class="demo-track">
            { marks(shown, end_us) }
            <input type="range" data-test-id="seek" min="0" max={end_us.to_string()} step={(end_us / 1_000).max(1).to_string()}
                value={shown.now_us.to_string()} aria-label={language.texts().time} aria-valuetext={label} oninput={seek} />
            <span class="demo-clock">
                <b class="mono" data-test-id="demo-clock" data-us={shown.now_us.to_string()}>{ now }{ " ms" }</b>
                if shown.hurries && shown.running { <span class="caption">{ t.hurries }</span> }
                <span class="caption mono">{ format::millis(end_us) }{ " ms" }</span>
            </span>
        </div>
    }
}

/// The kinds of strokes: their class, and from where to where each goes, of twenty.
const STROKES: [(&str, u32, u32); 4] =
    [("mark-send", 12, 20), ("mark-ack", 8, 20), ("mark-retry", 0, 20), ("mark-fault", 0, 20)];

const fn stroke(mark: Mark) -> usize {
    match mark {
        Mark::Send | Mark::Request | Mark::Callback => 0,
        Mark::Ack => 1,
        Mark::Retry => 2,
        Mark::Fault | Mark::Failure | Mark::Expiry => 3,
    }
}

/// Where marks stand: by lane, the most important one of each part.
fn marks(shown: &Shown, end_us: u64) -> Html {
    let lanes = u32::try_from(shown.view.lanes.len()).unwrap_or(u32::MAX).max(1);
    let x = |at_us: u64| at_us.min(end_us) * 1_000 / end_us;
    let mut paths = STROKES.map(|_| String::new());
    for (at_us, lane, mark) in &shown.view.marks {
        let (_, low, high) = STROKES[stroke(*mark)];
        let y = |y: u32| (20 * lane + y) / lanes;
        paths[stroke(*mark)] += &format!("M{} {}V{}", x(*at_us), y(low), y(high));
    }
    html! {
        <svg class="demo-marks" viewBox="0 0 1000 20" preserveAspectRatio="none" aria-hidden="true">
            { for STROKES.into_iter().zip(paths).map(|((class, ..), path)| html! { <path {class} d={path} /> }) }
            { for shown.view.deeds.iter().map(|deed| html! { <path class="mark-deed" d={format!("M{} 0V20", x(deed.at_us))} /> }) }
        </svg>
    }
}

fn pace(shown: &Shown, theatre: &Theatre, language: Language) -> Html {
    let choose = {
        let theatre = theatre.clone();
        Callback::from(move |event: InputEvent| {
            let value = event.target_dyn_into::<HtmlInputElement>().and_then(|input| input.value().parse().ok());
            if let Some(place) = value {
                theatre.set_speed(Speed(place));
            }
        })
    };
    let words = speed(shown.speed, language);
    html! {
        <label class="demo-speed">
            <span class="caption" data-test-id="speed-words">{ words.clone() }</span>
            <input type="range" data-test-id="demo-speed" min="0" max={Speed::MAX.to_string()} step="1" value={shown.speed.0.to_string()}
                aria-label={language.texts().speed} aria-valuetext={words} oninput={choose} />
        </label>
    }
}
