//! *Break my config*: a machine looks for the world in which a configuration does not keep a claim.
//!
//! The page carries what is asked ([`draft`], [`form`]) and what is shown ([`result`], which borrows the stage of the demos).
//! What searches is a module of its own, in a worker beside the page ([`search`]): fetched when somebody first searches, it
//! sends what it finds as words and facts.

mod draft;
mod form;
mod result;
mod search;
pub(crate) mod texts;

use std::rc::Rc;

use producer_core::bridge::World;
use yew::prelude::*;

use self::form::Form;
use self::result::Outcome;
use self::search::{Phase, Search, State};
use crate::demo::{Menu, own};
use crate::icons::{Glyph, icon};
use crate::panels::top_bar::{Theme, badge, language_and_theme};
use crate::settings::Properties;
use crate::texts::Language;

/// What stands behind `#` where this view is asked for.
pub(crate) const FRAGMENT: &str = "#break";

/// Does a fragment of an address ask for this view?
pub(crate) fn is_asked_for(fragment: &str) -> bool {
    fragment == FRAGMENT
}

/// What the view is called, for those who lead there.
pub(crate) const fn name(language: Language) -> [&'static str; 2] {
    let t = texts::of(language);
    [t.name, t.name_text]
}

/// Properties of [`BreakPage`].
#[derive(yew::Properties, PartialEq)]
pub(crate) struct BreakPageProps {
    pub(crate) language: Language,
    pub(crate) theme: Theme,
    pub(crate) on_language: Callback<Language>,
    pub(crate) on_theme: Callback<Theme>,
    /// What the page's producer runs with.
    pub(crate) in_force: Properties,
    /// Is it to be seen? A search goes on meanwhile; its stage is another's.
    pub(crate) is_shown: bool,
}

/// The view.
#[component]
pub(crate) fn BreakPage(props: &BreakPageProps) -> Html {
    let language = props.language;
    let (t, page) = (texts::of(language), language.texts());
    let state = use_state(State::default);
    let search = {
        let state = state.clone();
        use_memo((), move |()| Search::new(Callback::from(move |now| state.set(now))))
    };
    let found = state.findings.clone().filter(|findings| findings.found.is_some());
    html! {
        <>
            <header class="top-bar">
                <a class="skip" href="#break-text" onclick={skip}>{ "producer.properties" }</a>
                <span class="brand">{ icon(Glyph::Logo) }{ page.name }</span>
                <Menu current={Rc::<str>::from("break")} {language} />
                { badge(Some(&World::InPage), page) }
                <span class="top-bar-space" />
                { language_and_theme(language, props.theme, &props.on_language, &props.on_theme) }
            </header>
            <aside class="left"><Form {language} in_force={props.in_force.clone()} search={(*search).clone()} state={(*state).clone()} /></aside>
            if let Some(findings) = found {
                if props.is_shown { <Outcome {language} {findings} state={(*state).clone()} /> }
            } else {
                { without_a_find(&state, language, t) }
            }
        </>
    }
}

/// The fragment stays.
fn skip(event: MouseEvent) {
    event.prevent_default();
    crate::dom::focus("#break-text");
}

/// Before anything was found, or where nothing was.
fn without_a_find(state: &State, language: Language, t: &texts::Texts) -> Html {
    let findings = state.findings.as_deref();
    let (title, text) = match (&state.phase, findings) {
        (_, Some(findings)) => {
            let title = if state.phase == Phase::Done { t.held } else { t.under_way };
            (title, own(&findings.verdict, language))
        }
        (Phase::Underway | Phase::Stopped, None) => (t.under_way, t.text.to_owned()),
        _ => (t.title, t.text.to_owned()),
    };
    html! {
        <main class="break-main break-other">
            <h1 data-test-id="break-title">{ title }</h1>
            <p class="break-lead" data-test-id="break-result" role="status">{ text }</p>
            { match findings {
                Some(findings) => result::notes(findings, language),
                None => html! { <ol class="break-steps"><li>{ t.step_paste }</li><li>{ t.step_search }</li><li>{ t.step_changes }</li></ol> },
            } }
        </main>
    }
}
