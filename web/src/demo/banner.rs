//! What is to be said of a link, and of what was done last.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use producer_core::player::messages::{Lesson, Note, Opened, Why};

use super::DemoPageProps;
use super::shown::{Phase, Said, Shown};
use super::texts::{self, Texts};
use super::theatre::{self, Theatre};
use super::wording::{fault, note, own, stopped};
use crate::dom::focus;
use crate::icons::{Glyph, icon};
use crate::texts::{Language, fill};

/// What of the link has no effect, item by item.
pub(super) fn notes(opened: &Opened, dismissed: &UseStateHandle<bool>, language: Language) -> Html {
    if **dismissed {
        return Html::default();
    }
    let t = texts::of(language);
    let dismiss = {
        let dismissed = dismissed.clone();
        Callback::from(move |_: MouseEvent| dismissed.set(true))
    };
    let button = html! {
        <button class="quiet" data-test-id="link-notes-dismiss" aria-label={language.texts().dismiss} onclick={dismiss}>{ icon(Glyph::Close) }</button>
    };
    listed(&opened.notes, button, t)
}

fn listed(notes: &[Note], button: Html, t: &Texts) -> Html {
    if notes.is_empty() {
        return Html::default();
    }
    html! {
        <div class="alert demo-notes" role="alert" data-test-id="link-notes">
            { icon(Glyph::Warning) }
            <div><strong>{ t.notes }</strong><ul>{ for notes.iter().map(|one| html! { <li data-test-id="link-note">{ note(one, t) }</li> }) }</ul></div>
            { button }
        </div>
    }
}

/// What was done last, and why the world does not go on.
pub(crate) fn said(shown: &Shown, theatre: &Theatre, language: Language) -> Html {
    let t = texts::of(language);
    let (words, core) = shown.said.as_ref().map(|said| last(said, language)).unwrap_or_default();
    let select = Callback::from(|event: FocusEvent| {
        if let Some(input) = event.target_dyn_into::<HtmlInputElement>() {
            input.select();
        }
    });
    let dismiss = {
        let theatre = theatre.clone();
        Callback::from(move |_: MouseEvent| theatre.forget_what_was_said())
    };
    let says_something = shown.said.is_some() || shown.link.is_some();
    html! {
        <>
            if let Some(words) = stopped(shown.standing, language) {
                <p class="alert" role="alert" data-test-id="stopped">{ icon(Glyph::Warning) }<span>{ words }</span></p>
            }
            // Always there, so that what is said in it is heard.
            <div class={classes!("demo-last", says_something.then_some("says-something"))}>
                <p role="status" data-test-id="demo-said">{ words }if let Some(core) = core { { " " }<code lang="en">{ core }</code> }</p>
                if let Some(link) = &shown.link {
                    <input class="mono" data-test-id="link-text" aria-label={t.link} readonly=true value={link.to_string()} onfocus={select} />
                }
                if says_something {
                    <button class="quiet" data-test-id="said-dismiss" aria-label={language.texts().dismiss} onclick={dismiss}>{ icon(Glyph::Close) }</button>
                }
            </div>
        </>
    }
}

/// What was done last, and the core's words where there are some.
fn last(said: &Said, language: Language) -> (String, Option<String>) {
    let t = texts::of(language);
    let number = |count: u64| language.number(count);
    let without = |words: &str, left_out: usize| match left_out {
        0 => words.to_owned(),
        _ => format!("{words} {}", fill(t.said_without, &[&number(left_out as u64)])),
    };
    let words = match said {
        Said::Forked => t.said_forked.to_owned(),
        Said::Acted => t.said_acted.to_owned(),
        Said::Copied(left_out) => without(t.said_copied, *left_out),
        Said::Linked(left_out) => without(t.said_linked, *left_out),
        Said::Written(0) => t.said_written.to_owned(),
        Said::Written(left_out) => fill(t.said_written_without, &[&number(*left_out)]),
        Said::FileOpened(name, left_out) => without(&fill(t.file_opened, &[name]), *left_out),
        Said::FileWithoutLink(name) => fill(t.file_without_link, &[name]),
        Said::FileRefused(name, core) => return (t.file_refused.to_owned(), Some(format!("{name}: {core}"))),
        Said::FileTooLarge(name) => fill(t.file_too_large, &[name]),
        Said::FileNoText(name) => fill(t.file_no_text, &[name]),
        Said::FileGone(name) => fill(t.file_gone, &[name]),
        Said::Refused(Why::AtEnd) => t.said_at_end.to_owned(),
        Said::Refused(Why::TooManyFutures(most)) => fill(t.said_too_many_futures, &[most]),
        Said::Refused(Why::Said(core)) => return (t.said_refused.to_owned(), Some(core.clone())),
    };
    (words, None)
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
                    <button class="plain" data-test-id="demo-again" onclick={again}>{ props.language.texts().connect_again }</button>
                </div>
            }
        }
        Phase::NotOpened(_) if &*props.fragment == theatre::FILE => html! {
            <p class="alert" role="alert" data-test-id="link-fault">{ icon(Glyph::Warning) }<span>{ t.file_again }</span></p>
        },
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
            { listed(&lesson.notes, Html::default(), t) }
            <ol>{ for items }</ol>
        </section>
    }
}
