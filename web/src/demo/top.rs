//! The top bar of a demo: which one, its link, its trace, language and theme.

use std::rc::Rc;

use producer_core::bridge::World;
use producer_core::player::messages::Form;
use yew::prelude::*;

use super::DemoPageProps;
use super::file::OpenFile;
use super::menu::Menu;
use super::shown::Shown;
use super::texts;
use super::theatre::Theatre;
use crate::dom::{focus, use_closing_from_outside};
use crate::icons::{Glyph, icon};
use crate::panels::top_bar::{badge, language_and_theme};
use crate::texts::{Language, fill};

/// The bar.
pub(super) fn top(shown: &Shown, theatre: &Theatre, props: &DemoPageProps) -> Html {
    let language = props.language;
    let (t, page) = (texts::of(language), language.texts());
    let current: Rc<str> = shown.opened().map(|opened| (*opened.demo).into()).unwrap_or_default();
    let copy = {
        let theatre = theatre.clone();
        Callback::from(move |_: MouseEvent| theatre.copy_link())
    };
    html! {
        <header class="top-bar">
            <a class="skip" href="#demo-play" onclick={skip}>{ t.skip_to_time }</a>
            <span class="brand">{ icon(Glyph::Logo) }{ page.name }</span>
            <Menu {current} {language} />
            { badge(Some(&World::InPage), page) }
            <span class="top-bar-space" />
            <OpenFile theatre={theatre.clone()} {language} />
            if shown.opened().is_some() {
                <button class="plain" data-test-id="copy-link" title={t.copy_link_title} onclick={copy}>{ icon(Glyph::Share) }<span class="word">{ t.copy_link }</span></button>
                <Export theatre={theatre.clone()} {language} writes={shown.writes.map(|(_, part)| part)} />
            }
            { language_and_theme(language, props.theme, &props.on_language, &props.on_theme) }
        </header>
    }
}

/// The fragment stays that of the demo.
fn skip(event: MouseEvent) {
    event.prevent_default();
    focus("#demo-play");
}

/// Properties of [`Export`].
#[derive(Properties, PartialEq)]
struct ExportProps {
    theatre: Theatre,
    language: Language,
    /// How much of a trace is written, in thousandths.
    writes: Option<u32>,
}

/// A button that unfolds the forms of a trace.
#[component]
fn Export(props: &ExportProps) -> Html {
    let t = texts::of(props.language);
    let is_open = use_state_eq(|| false);
    let place = use_node_ref();
    use_closing_from_outside(&place, &is_open);
    let forms = [
        (Form::TraceEvent, "export-trace-event", t.export_trace_event),
        (Form::JsonLines, "export-json-lines", t.export_json_lines),
        (Form::Mermaid, "export-mermaid", t.export_mermaid),
    ];
    let forms = forms.map(|(form, test_id, word)| {
        let (theatre, is_open) = (props.theatre.clone(), is_open.clone());
        let onclick = Callback::from(move |_: MouseEvent| {
            is_open.set(false);
            focus("[data-test-id=export]");
            theatre.export(form);
        });
        html! { <li><button class="quiet" data-test-id={test_id} {onclick}>{ word }</button></li> }
    });
    let word = props.writes.map_or_else(|| t.export.to_owned(), |part| fill(t.export_works, &[&(part / 10)]));
    let onclick = {
        let is_open = is_open.clone();
        Callback::from(move |_: MouseEvent| is_open.set(!*is_open))
    };
    html! {
        <div class="demo-export" ref={place}>
            <button class="plain" data-test-id="export" title={t.export} aria-expanded={is_open.to_string()} aria-controls="demo-forms" {onclick}>
                { icon(Glyph::Save) }<span class="word">{ word }</span>
            </button>
            if *is_open { <ul id="demo-forms">{ for forms }</ul> }
        </div>
    }
}
