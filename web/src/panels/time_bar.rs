//! The world's time: how fast it goes, and where it stands.

use core::time::Duration;

use producer_core::bridge::World;
use web_sys::HtmlSelectElement;
use yew::prelude::*;

use crate::driver::Driver;
use crate::format;
use crate::icons::{Glyph, icon};
use crate::progress::Progress;
use crate::texts::{Language, Texts, fill};
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

/// How far a burst is, and what is left of it.
fn far(progress: Progress, running: bool, language: Language) -> Html {
    let t = language.texts();
    let Progress { done, all, left } = progress;
    let words = fill(t.progress, &[&language.number(done), &language.number(all)]);
    let left = match left {
        Some(left) => time_left(left, t),
        None if running => String::new(),
        None => t.progress_paused.to_owned(),
    };
    let spoken = [words.as_str(), left.as_str()].join(" ");
    html! {
        <span class="progress" data-test-id="progress" data-done={done.to_string()} data-all={all.to_string()}
            role="progressbar" aria-label={t.progress_name} aria-valuemin="0" aria-valuenow={done.to_string()} aria-valuemax={all.to_string()}
            aria-valuetext={spoken.trim().to_owned()}>
            <span class="progress-words"><b>{ words }</b><span data-test-id="time-left">{ left }</span></span>
            <progress aria-hidden="true" max={all.to_string()} value={done.to_string()} />
        </span>
    }
}

/// In the largest unit of which there are two: more would be more than anybody knows.
fn time_left(left: Duration, t: &Texts) -> String {
    let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
    match seconds {
        0..120 => fill(t.left_seconds, &[&seconds]),
        120..7_200 => fill(t.left_minutes, &[&(seconds / 60)]),
        _ => fill(t.left_hours, &[&(seconds / 3_600)]),
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_told_in_one_unit() {
        let english = |ms| time_left(Duration::from_millis(ms), Language::English.texts());
        let times = [200, 12_000, 119_000, 120_000, 1_020_000, 7_199_000, 7_200_000, 25_300_000].map(english);
        let wanted = ["1 s", "12 s", "119 s", "2 min", "17 min", "119 min", "2 h", "7 h"];
        assert_eq!(times, wanted.map(|time| format!("about {time} left")));
        assert_eq!(time_left(Duration::from_secs(1_020), Language::Korean.texts()), "약 17분 남음");
    }
}
