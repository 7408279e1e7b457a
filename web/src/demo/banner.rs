//! What is to be said of a link, and of what was done last.

use wasm_bindgen::JsCast as _;
use web_sys::{HtmlElement, HtmlInputElement};
use yew::prelude::*;

use producer_core::player::messages::{Lesson, Opened};

use super::shown::{Phase, Said, Shown};
use super::theatre::Theatre;
use super::wording::{fault, note, own, stopped};
use super::{DemoPageProps, texts};
use crate::icons::{Glyph, icon};
use crate::texts::{Language, fill};

/// Moves the focus there.
pub(super) fn focus(selector: &str) {
    let document = web_sys::window().and_then(|window| window.document());
    let element = document.and_then(|document| document.query_selector(selector).ok().flatten());
    if let Some(element) = element.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        let _ = element.focus();
    }
}

/// What of the link has no effect, item by item.
pub(super) fn notes(opened: &Opened, dismissed: &UseStateHandle<bool>, language: Language) -> Html {
    let t = texts::of(language);
    if opened.notes.is_empty() || **dismissed {
        return Html::default();
    }
    let dismiss = {
        let dismissed = dismissed.clone();
        Callback::from(move |_: MouseEvent| dismissed.set(true))
    };
    html! {
        <div class="alert demo-notes" role="alert" data-test-id="link-notes">
            { icon(Glyph::Warning) }
            <div><strong>{ t.notes }</strong><ul>{ for opened.notes.iter().map(|one| html! { <li data-test-id="link-note">{ note(one, t) }</li> }) }</ul></div>
            <button class="quiet" data-test-id="link-notes-dismiss" aria-label={t.dismiss} onclick={dismiss}>{ icon(Glyph::Close) }</button>
        </div>
    }
}

/// What was done last, and why the world does not go on.
pub(super) fn said(shown: &Shown, theatre: &Theatre, language: Language) -> Html {
    let t = texts::of(language);
    let (words, core) = match &shown.said {
        None => (String::new(), None),
        Some(Said::Forked) => (t.said_forked.to_owned(), None),
        Some(Said::Acted) => (t.said_acted.to_owned(), None),
        Some(Said::Copied(0)) => (t.said_copied.to_owned(), None),
        Some(Said::Copied(left_out)) => (fill(t.said_copied_without, &[left_out]), None),
        Some(Said::Written(0)) => (t.said_written.to_owned(), None),
        Some(Said::Written(left_out)) => (fill(t.said_written_without, &[left_out]), None),
        Some(Said::Refused(why)) => (t.said_refused.to_owned(), Some(why.clone())),
    };
    let select = Callback::from(|event: FocusEvent| {
        if let Some(input) = event.target_dyn_into::<HtmlInputElement>() {
            input.select();
        }
    });
    let dismiss = {
        let theatre = theatre.clone();
        Callback::from(move |_: MouseEvent| theatre.forget_what_was_said())
    };
    html! {
        <>
            if let Some(words) = stopped(shown.standing, language) {
                <p class="alert" role="alert" data-test-id="stopped">{ icon(Glyph::Warning) }<span>{ words }</span></p>
            }
            // Always there, so that what is said in it is heard.
            <div class={classes!("demo-last", shown.said.is_some().then_some("says-something"))}>
                <p role="status" data-test-id="demo-said">{ words }if let Some(core) = core { { " " }<code lang="en">{ core }</code> }</p>
                if let Some(link) = &shown.link {
                    <input class="mono demo-link" data-test-id="link-text" aria-label={t.link} readonly=true value={link.to_string()} onfocus={select} />
                }
                if shown.said.is_some() {
                    <button class="quiet" data-test-id="said-dismiss" aria-label={t.dismiss} onclick={dismiss}>{ icon(Glyph::Close) }</button>
                }
            </div>
        </>
    }
}

/// Instead of a stage: on the way, not to be had, damaged, or a lesson.
pub(super) fn other(phase: &Phase, theatre: &Theatre, props: &DemoPageProps) -> Html {
    let t = texts::of(props.language);
    match phase {
        Phase::Loading => html! { <p role="status" data-test-id="demo-loading">{ t.loading }</p> },
        Phase::Missing(reason) => {
            let again = {
                let (theatre, fragment) = (theatre.clone(), props.fragment.clone());
                Callback::from(move |_: MouseEvent| theatre.open(&fragment))
            };
            html! {
                <div class="alert" role="alert" data-test-id="demo-missing">
                    { icon(Glyph::Warning) }<p>{ fill(t.missing, &[reason]) }</p>
                    <button class="plain" data-test-id="demo-again" onclick={again}>{ t.try_again }</button>
                </div>
            }
        }
        Phase::NotOpened(why) => html! {
            <div class="alert" role="alert" data-test-id="link-fault">
                { icon(Glyph::Warning) }
                <p><strong>{ t.not_opened }</strong>{ " " }{ fault(why, t) }</p>
                <button class="plain" onclick={Callback::from(|_: MouseEvent| focus("[data-test-id=demos]"))}>{ t.choose_demo }</button>
            </div>
        },
        Phase::Lesson(items) => lesson(items, props.language),
        Phase::Open(_) => Html::default(),
    }
}

fn lesson(lesson: &Lesson, language: Language) -> Html {
    let t = texts::of(language);
    let title = own(&lesson.title, language);
    let items = lesson.items.iter().map(|(title, fragment)| {
        let title = own(title, language);
        let words = if title.is_empty() { fragment.trim_start_matches("#demo/").to_owned() } else { title };
        html! { <li><a href={fragment.clone()} data-test-id="lesson-item">{ words }</a></li> }
    });
    html! {
        <section class="demo-lesson" data-test-id="lesson">
            <h1>{ if title.is_empty() { t.lesson.to_owned() } else { title } }</h1>
            if !lesson.notes.is_empty() {
                <div class="alert demo-notes" role="alert" data-test-id="link-notes">
                    { icon(Glyph::Warning) }<div><strong>{ t.notes }</strong><ul>{ for lesson.notes.iter().map(|one| html! { <li data-test-id="link-note">{ note(one, t) }</li> }) }</ul></div>
                </div>
            }
            <ol>{ for items }</ol>
        </section>
    }
}
