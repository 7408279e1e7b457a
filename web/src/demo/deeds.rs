//! What is done to the world, by hand or by the scenario, with what became of it.

use producer_core::player::messages::{Deed, DeedState};
use yew::prelude::*;

use super::card::letter;
use super::shown::Shown;
use super::texts;
use super::theatre::Theatre;
use super::wording;
use crate::format;
use crate::texts::{Language, fill};

/// The list.
pub(super) fn deeds(shown: &Shown, theatre: &Theatre, language: Language) -> Html {
    let t = texts::of(language);
    if shown.view.deeds.is_empty() {
        return html! { <p class="caption">{ t.deeds_none }</p> };
    }
    html! { <ol class="demo-deeds">{ for shown.view.deeds.iter().map(|deed| row(deed, theatre, language)) }</ol> }
}

fn row(deed: &Deed, theatre: &Theatre, language: Language) -> Html {
    let t = texts::of(language);
    let (code, word) = match deed.state {
        DeedState::ToCome => ("to-come", t.deed_to_come),
        DeedState::Done => ("done", t.deed_done),
        DeedState::NoSuchMessage => ("no-message", t.deed_no_message),
    };
    let at = format::millis(deed.at_us);
    let go = {
        let (theatre, at_us) = (theatre.clone(), deed.at_us);
        Callback::from(move |_: MouseEvent| theatre.go_to(at_us))
    };
    html! {
        <li class={format!("is-{code}")} data-test-id="deed" data-state={code}>
            <button class="demo-go mono" aria-label={fill(t.log_go_to, &[&at])} onclick={go}>{ at.clone() }</button>
            <span>
                if let Some(lane) = deed.lane { <b class="demo-letter">{ letter(lane as usize) }</b>{ " " } }
                { wording::hand(&deed.hand, t) }
            </span>
            <span class="caption">{ word }</span>
        </li>
    }
}
