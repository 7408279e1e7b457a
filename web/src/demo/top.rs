//! The top bar of a demo: which one, its link, its trace, language and theme.

use std::rc::Rc;

use producer_core::player::messages::Form;
use web_sys::HtmlSelectElement;
use yew::prelude::*;

use super::menu::Menu;
use super::shown::Shown;
use super::texts;
use super::theatre::Theatre;
use super::{DemoPageProps, banner};
use crate::icons::{Glyph, icon};
use crate::panels::top_bar::Theme;
use crate::texts::{Language, fill};

/// The bar.
pub(super) fn top(shown: &Shown, theatre: &Theatre, props: &DemoPageProps) -> Html {
    let (language, theme) = (props.language, props.theme);
    let (t, page) = (texts::of(language), language.texts());
    let current: Rc<str> = shown.opened().map(|opened| (*opened.demo).into()).unwrap_or_default();
    let on_language = props.on_language.reform(|event: Event| {
        let select = event.target_dyn_into::<HtmlSelectElement>();
        select.and_then(|select| Language::from_code(&select.value())).unwrap_or_default()
    });
    let theme_word = if theme == Theme::Light { page.theme_to_dark } else { page.theme_to_light };
    let copy = {
        let theatre = theatre.clone();
        Callback::from(move |_: MouseEvent| theatre.copy_link())
    };
    html! {
        <header class="top-bar">
            <a class="skip" href="#demo-play" onclick={skip}>{ t.skip_to_time }</a>
            <span class="brand">{ icon(Glyph::Logo) }{ page.name }</span>
            <Menu {current} {language} />
            <span class="badge is-in-page" data-test-id="badge" data-world="in-page" title={page.badge_in_page_title}>
                <i class="ring" /><span class="word">{ page.badge_in_page }</span>
            </span>
            <span class="top-bar-space" />
            if shown.opened().is_some() {
                <button class="plain" data-test-id="copy-link" title={t.copy_link_title} onclick={copy}>{ icon(Glyph::Share) }<span class="word">{ t.copy_link }</span></button>
                { export(shown, theatre, language) }
            }
            <span class="language">{ icon(Glyph::Globe) }
                <select class="quiet" data-test-id="language" aria-label={page.language} onchange={on_language}>
                    // Codes, the same in both languages: who cannot read the page must find their own.
                    <option value="en" lang="en" selected={language == Language::English}>{ "EN" }</option>
                    <option value="ko" lang="ko" selected={language == Language::Korean}>{ "KO" }</option>
                </select>
            </span>
            <button class="quiet" data-test-id="theme" onclick={props.on_theme.reform(move |_: MouseEvent| theme.other())} aria-label={theme_word} title={theme_word}>
                { icon(if theme == Theme::Light { Glyph::Moon } else { Glyph::Sun }) }
            </button>
        </header>
    }
}

/// The fragment stays that of the demo.
fn skip(event: MouseEvent) {
    event.prevent_default();
    banner::focus("#demo-play");
}

fn export(shown: &Shown, theatre: &Theatre, language: Language) -> Html {
    let t = texts::of(language);
    let forms = [
        (Form::TraceEvent, "export-trace-event", t.export_trace_event),
        (Form::JsonLines, "export-json-lines", t.export_json_lines),
        (Form::Mermaid, "export-mermaid", t.export_mermaid),
    ];
    let forms = forms.map(|(form, test_id, word)| {
        let theatre = theatre.clone();
        html! { <li><button class="quiet" data-test-id={test_id} onclick={Callback::from(move |_: MouseEvent| theatre.export(form))}>{ word }</button></li> }
    });
    let word = shown.writes.map_or_else(|| t.export.to_owned(), |part| fill(t.export_works, &[&(part / 10)]));
    html! {
        <details class="demo-export">
            <summary class="plain" data-test-id="export" title={t.export}>{ icon(Glyph::Save) }<span class="word">{ word }</span></summary>
            <ul>{ for forms }</ul>
        </details>
    }
}
