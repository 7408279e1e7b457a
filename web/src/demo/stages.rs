//! The pipelines of all lanes: one, or up to three side by side.

use std::rc::Rc;

use yew::prelude::*;

use super::card::letter;
use super::score::score;
use super::shown::Shown;
use super::texts;
use super::theatre::Theatre;
use super::wording::own;
use crate::draft::Destination;
use crate::panels::stage::{Preview, Stage};
use crate::texts::{Language, fill};

/// All lanes. One alone has the whole width; several have columns, in which the belt turns downward.
pub(crate) fn stages(shown: &Shown, theatre: &Theatre, narrow: bool, language: Language) -> Html {
    let Some(opened) = shown.opened() else { return Html::default() };
    let several = opened.lanes.len() > 1;
    let lanes = (0..opened.lanes.len()).map(|lane| {
        let stage = html! {
            <Stage {language} view={shown.stage_view(lane)} canvas={theatre.canvas(lane)} habit={opened.habits.get(lane).copied().flatten()}
                preview={nothing_to_come()} narrow={narrow || several} />
        };
        if !several {
            return stage;
        }
        let is_chosen = shown.chosen.lane == lane;
        html! {
            <section key={lane} class={classes!("demo-lane", is_chosen.then_some("is-chosen"))} data-test-id="lane">
                { head(shown, lane, theatre, language) }
                { stage }
            </section>
        }
    });
    html! { <div class={classes!("demo-stages", several.then_some("are-several"))}>{ for lanes }</div> }
}

/// Letter, title, score.
fn head(shown: &Shown, lane: usize, theatre: &Theatre, language: Language) -> Html {
    let t = texts::of(language);
    let title = shown.opened().and_then(|opened| opened.lanes.get(lane)).map(|title| own(title, language));
    let choose = {
        let theatre = theatre.clone();
        Callback::from(move |_: MouseEvent| theatre.choose_lane(lane))
    };
    html! {
        <>
            <button class="demo-lane-head" data-test-id="choose-lane" aria-pressed={(shown.chosen.lane == lane).to_string()} onclick={choose}>
                <span class="unseen">{ fill(t.lane_look, &[&letter(lane)]) }</span>
                <b class="demo-letter" aria-hidden="true">{ letter(lane) }</b><b>{ title.unwrap_or_default() }</b>
            </button>
            { score(shown, lane, language) }
        </>
    }
}

/// A scenario sends by itself: no composer holds anything.
fn nothing_to_come() -> Preview {
    Preview {
        label: None::<Rc<str>>,
        destination: Destination::Sticky,
        key_bytes: -1,
        value_bytes: -1,
        count: 0,
        carried: 0,
    }
}
