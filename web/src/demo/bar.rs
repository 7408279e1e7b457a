//! The world's time: play, step, go back, look for something, and a bar with what happened when.

use producer_core::playback::Mark;
use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

use super::shown::{Shown, Speed};
use super::texts;
use super::theatre::Theatre;
use super::wording::{kinds, speed, stopped};
use crate::format;
use crate::icons::{Glyph, icon};
use crate::texts::{Language, fill};

/// Properties of [`Bar`].
#[derive(Properties)]
pub(super) struct BarProps {
    pub(super) shown: Shown,
    pub(super) theatre: Theatre,
    pub(super) language: Language,
    /// What `Next` looks for.
    pub(super) kind: UseStateHandle<Mark>,
}

impl PartialEq for BarProps {
    /// It is drawn with every picture.
    fn eq(&self, _: &Self) -> bool {
        false
    }
}

/// The bar at the bottom.
#[component]
pub(super) fn Bar(props: &BarProps) -> Html {
    let (shown, theatre, language) = (&props.shown, &props.theatre, props.language);
    let t = texts::of(language);
    let on = |what: fn(&Theatre)| {
        let theatre = theatre.clone();
        Callback::from(move |_: MouseEvent| what(&theatre))
    };
    let next = {
        let (theatre, kind) = (theatre.clone(), *props.kind);
        Callback::from(move |_: MouseEvent| theatre.next(kind))
    };
    let choose = {
        let kind = props.kind.clone();
        Callback::from(move |event: Event| {
            let code = event.target_dyn_into::<HtmlSelectElement>().map(|select| select.value()).unwrap_or_default();
            if let Some((mark, ..)) = kinds(t).into_iter().find(|(_, known, _)| *known == code) {
                kind.set(mark);
            }
        })
    };
    let words = if shown.running { t.pause } else { t.play };
    let button = |test_id: &'static str, glyph: Glyph, word: &'static str, on: Callback<MouseEvent>| {
        html! { <button class="quiet" data-test-id={test_id} aria-label={word} title={word} onclick={on}>{ icon(glyph) }</button> }
    };
    html! {
        <footer class="time-bar demo-bar" aria-label={t.time}>
            { button("back", Glyph::Back, t.back, on(Theatre::back)) }
            <button id="demo-play" class="play" data-test-id="play" data-running={shown.running.to_string()} aria-label={words} title={words} onclick={on(Theatre::play_or_pause)}>
                { icon(if shown.running { Glyph::Pause } else { Glyph::Play }) }
            </button>
            { button("demo-step", Glyph::Step, t.step, on(Theatre::step)) }
            <span class="demo-next">
                <button class="plain" data-test-id="next" onclick={next}>{ icon(Glyph::Next) }<span class="word">{ t.next }</span></button>
                <select class="quiet" data-test-id="next-kind" aria-label={t.next_kind} onchange={choose}>
                    { for kinds(t).into_iter().map(|(mark, code, word)| html! { <option value={code} selected={mark == *props.kind}>{ word }</option> }) }
                </select>
            </span>
            { track(shown, theatre, language) }
            { pace(shown, theatre, language) }
            <button class="plain" data-test-id="fork" title={t.fork_title} onclick={on(Theatre::fork)}>{ icon(Glyph::Fork) }<span class="word">{ t.fork }</span></button>
            <span class="unseen" role="status" data-test-id="standing">{ stopped(shown.standing, language) }</span>
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
                value={shown.now_us.to_string()} aria-label={t.time} aria-valuetext={label} oninput={seek} />
            <span class="demo-clock">
                <b class="mono" data-test-id="demo-clock" data-us={shown.now_us.to_string()}>{ now }{ " ms" }</b>
                if shown.hurries && shown.running { <span class="caption">{ t.hurries }</span> }
                <span class="caption mono">{ format::millis(end_us) }{ " ms" }</span>
            </span>
        </div>
    }
}

/// Where marks stand: by lane, the most important one of each part.
fn marks(shown: &Shown, end_us: u64) -> Html {
    let lanes = shown.view.lanes.len().max(1);
    let of_kind = |wanted: &[Mark], class: &'static str, low: i32, high: i32| {
        let here =
            shown.view.marks.iter().filter(|(.., marks)| marks.first().is_some_and(|mark| wanted.contains(mark)));
        let strokes = here.map(|(at_us, lane, _)| {
            let x = (*at_us).min(end_us) * 1_000 / end_us;
            let top = 20 * i32::try_from(*lane).unwrap_or(0) / i32::try_from(lanes).unwrap_or(1);
            let scale = |y: i32| top + y / i32::try_from(lanes).unwrap_or(1);
            format!("M{x} {}V{}", scale(low), scale(high))
        });
        html! { <path class={class} d={strokes.collect::<String>()} /> }
    };
    html! {
        <svg class="demo-marks" viewBox="0 0 1000 20" preserveAspectRatio="none" aria-hidden="true">
            { of_kind(&[Mark::Send, Mark::Request, Mark::Callback], "mark-send", 12, 20) }
            { of_kind(&[Mark::Ack], "mark-ack", 8, 20) }
            { of_kind(&[Mark::Retry], "mark-retry", 0, 20) }
            { of_kind(&[Mark::Fault, Mark::Failure, Mark::Expiry], "mark-fault", 0, 20) }
            { for shown.view.deeds.iter().map(|deed| {
                let x = deed.at_us.min(end_us) * 1_000 / end_us;
                html! { <path class="mark-deed" d={format!("M{x} 0V20")} /> }
            }) }
        </svg>
    }
}

fn pace(shown: &Shown, theatre: &Theatre, language: Language) -> Html {
    let t = texts::of(language);
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
                aria-label={t.speed} aria-valuetext={words} oninput={choose} />
        </label>
    }
}
