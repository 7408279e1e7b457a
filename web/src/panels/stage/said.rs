//! What the moving picture shows, said now and then to those who do not see it.

use gloo::timers::callback::Interval;
use yew::prelude::*;

use super::picture::Picture;
use crate::panels::narrate::narrate;
use crate::texts::fill;

/// From one sentence to the next: a reader can follow, and newer facts replace what was not said in time.
const PAUSE_MS: u32 = 2_000;

/// The newest fact and the counts; nothing before anything was sent.
pub(super) fn newest(picture: &Picture<'_>) -> String {
    let (counts, texts) = (picture.view.counts(), picture.texts);
    let told = if picture.view.is_lost() {
        Some((texts.who_bridge.to_owned(), texts.say_lost.to_owned()))
    } else {
        let events = picture.scene.history.iter().rev();
        let line = events.filter_map(|event| narrate(event, picture.scene, picture.language)).next();
        line.map(|line| (line.who, line.what))
    };
    let Some((who, what)) = told.filter(|_| counts.asked > 0) else { return String::new() };
    let number = |count: u64| picture.language.number(count);
    fill(
        texts.stage_said,
        &[
            &who,
            &what,
            &number(counts.asked),
            &number(counts.acked),
            &number(counts.waiting),
            &number(counts.failed),
            &number(counts.unknown),
        ],
    )
}

/// Properties of [`Said`].
#[derive(Properties, PartialEq)]
pub(super) struct SaidProps {
    pub(super) words: AttrValue,
}

/// Says the newest words, with pauses.
#[component]
pub(super) fn Said(props: &SaidProps) -> Html {
    let said = use_state_eq(AttrValue::default);
    let newest = use_mut_ref(AttrValue::default);
    newest.replace(props.words.clone());
    {
        let said = said.clone();
        use_effect_with((), move |()| {
            let pause = Interval::new(PAUSE_MS, move || said.set(newest.borrow().clone()));
            move || drop(pause)
        });
    }
    html! { <p class="unseen" role="status" data-test-id="said">{ (*said).clone() }</p> }
}
