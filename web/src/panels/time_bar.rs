//! The world's time: how fast it goes, and where it stands.

use producer_core::bridge::World;
use web_sys::HtmlSelectElement;
use yew::prelude::*;

use crate::driver::Driver;
use crate::format;
use crate::icons::{Glyph, icon};
use crate::texts::{Language, fill};
use crate::view::{Speed, View};

use super::composer::summary;

/// Speeds at a click, slowest last.
const SPEEDS: [(&str, Speed); 5] = [
    ("max", Speed::Unbounded),
    ("1", Speed::Slower(1)),
    ("10", Speed::Slower(10)),
    ("50", Speed::Slower(50)),
    ("100", Speed::Slower(100)),
];

/// The bar at the bottom; `speed` is how fast time goes when it goes.
pub(crate) fn time_bar(
    view: &View,
    speed: Speed,
    language: Language,
    on_speed: &Callback<Speed>,
    driver: &Driver,
) -> Html {
    let t = language.texts();
    let clock = view.clock;
    let is_simulated = view.world == Some(World::InPage);
    let step = {
        let driver = driver.clone();
        Callback::from(move |_: MouseEvent| driver.step())
    };
    let play = {
        let (driver, running) = (driver.clone(), clock.running);
        Callback::from(move |_: MouseEvent| driver.set_speed(if running { Speed::Paused } else { speed }))
    };
    let choose = on_speed.reform(|event: Event| {
        let code = event.target_dyn_into::<HtmlSelectElement>().map(|select| select.value()).unwrap_or_default();
        SPEEDS.iter().find(|(known, _)| *known == code).map_or(Speed::Slower(50), |(_, speed)| *speed)
    });
    let options = SPEEDS.map(|(code, offered)| {
        let words = match offered {
            Speed::Unbounded => t.speed_max.to_owned(),
            Speed::Slower(1) | Speed::Paused => t.speed_real.to_owned(),
            Speed::Slower(times) => fill(t.speed_slower, &[&times]),
        };
        html! { <option value={code} selected={offered == speed}>{ words }</option> }
    });
    let words = if clock.running { t.pause } else { t.play };
    html! {
        <footer class="time-bar" aria-label={t.time}>
            if is_simulated {
                <button class="play" data-test-id="pause" onclick={play} aria-label={words} title={words}>
                    { icon(if clock.running { Glyph::Pause } else { Glyph::Play }) }
                </button>
                <button class="plain" data-test-id="step" onclick={step}>{ icon(Glyph::Step) }<span class="word">{ t.step }</span></button>
            }
            // The unit's sign is the same in both languages.
            <span class="clock mono" data-test-id="clock">{ format::moment(clock.now.max(view.scene.at)) }</span>
            if let Some(progress) = view.progress { { far(progress, clock.running, language) } }
            <span class="summary" role="status" data-test-id="summary">{ summary(view, language, t) }</span>
            if is_simulated {
                <select class="quiet" data-test-id="speed" aria-label={t.speed} onchange={choose}>{ for options }</select>
            } else {
                <span class="caption">{ if clock.running { t.time_real } else { t.time_stopped } }</span>
            }
        </footer>
    }
}
