//! Which page the address asks for: the one for records of one's own, a demo, or *Break my config*. What was typed in the
//! first and the last stays while another is shown.

use web_sys::Document;
use yew::prelude::*;

use crate::app::App;
use crate::breaking::{self, BreakPage};
use crate::demo::{self, DemoPage};
use crate::dom::document;
use crate::panels::top_bar::Theme;
use crate::settings::Properties;
use crate::storage::{self, Memory};
use crate::texts::Language;
use crate::width::use_width;

/// Everything.
#[component]
pub(crate) fn Root() -> Html {
    // The style sheets are told, whatever is shown.
    use_width();
    let fragment = demo::use_fragment();
    let language = use_state(|| remembered_language(document().as_ref()));
    let theme = use_state(|| shown_theme(document().as_ref()));
    let (is_demo, is_break) = (demo::is_asked_for(&fragment), breaking::is_asked_for(&fragment));
    let is_own = !is_demo && !is_break;
    // Made when they are first asked for, and kept from then on.
    let were_here = use_mut_ref(|| (false, false));
    {
        let mut were_here = were_here.borrow_mut();
        *were_here = (were_here.0 || is_own, were_here.1 || is_break);
    }
    let (was_own, was_break) = *were_here.borrow();
    let in_force = use_state_eq(Properties::default);
    let on_config = {
        let in_force = in_force.clone();
        Callback::from(move |now| in_force.set(now))
    };
    let on_language = {
        let language = language.clone();
        Callback::from(move |chosen: Language| {
            Memory::Browser.set(storage::LANGUAGE, Some(chosen.code()));
            set_on_root("lang", chosen.code());
            language.set(chosen);
        })
    };
    let on_theme = {
        let theme = theme.clone();
        Callback::from(move |chosen: Theme| {
            Memory::Browser.set(storage::THEME, Some(chosen.code()));
            set_on_root("data-theme", chosen.code());
            theme.set(chosen);
        })
    };
    let (language, theme) = (*language, *theme);
    html! {
        <>
            if is_demo {
                <DemoPage {fragment} {language} {theme} on_language={on_language.clone()} on_theme={on_theme.clone()} />
            }
            if was_break {
                <div class="page" hidden={!is_break}>
                    <BreakPage {language} {theme} on_language={on_language.clone()} on_theme={on_theme.clone()} in_force={(*in_force).clone()} is_shown={is_break} />
                </div>
            }
            if was_own {
                <div class="page" hidden={!is_own}><App {language} {theme} {on_language} {on_theme} is_shown={is_own} {on_config} /></div>
            }
        </>
    }
}

fn set_on_root(attribute: &str, value: &str) {
    if let Some(root) = document().and_then(|document| document.document_element()) {
        let _ = root.set_attribute(attribute, value);
    }
}

/// What `boot.js` found: remembered, or the browser's own.
fn remembered_language(document: Option<&Document>) -> Language {
    let code = document.and_then(|document| document.document_element()?.get_attribute("lang"));
    code.and_then(|code| Language::from_code(&code)).unwrap_or_default()
}

fn shown_theme(document: Option<&Document>) -> Theme {
    let code = document.and_then(|document| document.document_element()?.get_attribute("data-theme"));
    if code.as_deref() == Some(Theme::Dark.code()) { Theme::Dark } else { Theme::Light }
}
