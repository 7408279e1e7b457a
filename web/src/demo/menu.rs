//! The list of all demos, in the top bar.

use std::rc::Rc;

use js_sys::{Array, JSON, Reflect};
use producer_core::scenario::{DEMOS, Words};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::Element;
use yew::prelude::*;

use super::texts;
use super::wording::own;
use super::world::demo_file;
use crate::breaking;
use crate::dom::use_closing_from_outside;
use crate::icons::{Glyph, icon};
use crate::storage::{self, Memory};
use crate::texts::{Language, fill};

/// What the file calls the chapters, in their order.
const CHAPTERS: [&str; 5] = ["path", "waiting", "lost", "order", "tuning"];

/// A demo as it is offered.
#[derive(Clone, PartialEq, Eq)]
struct Entry {
    number: usize,
    slug: &'static str,
    chapter: String,
    title: Words,
}

/// Properties of [`Menu`].
#[derive(Properties, PartialEq)]
pub(crate) struct MenuProps {
    /// The demo that is shown, or `break`; empty: neither.
    #[prop_or_default]
    pub(crate) current: Rc<str>,
    pub(crate) language: Language,
}

/// A button that unfolds the list.
#[component]
pub(crate) fn Menu(props: &MenuProps) -> Html {
    let t = texts::of(props.language);
    let is_open = use_state_eq(|| false);
    let entries = use_state_eq(|| None::<Result<Rc<[Entry]>, String>>);
    let place = use_node_ref();
    use_closing_from_outside(&place, &is_open);
    let onclick = {
        let (is_open, entries) = (is_open.clone(), entries.clone());
        Callback::from(move |_: MouseEvent| {
            if !*is_open && !matches!(&*entries, Some(Ok(_))) {
                let entries = entries.clone();
                spawn_local(async move { entries.set(Some(fetch().await)) });
            }
            is_open.set(!*is_open);
        })
    };
    let number = DEMOS.iter().position(|demo| *demo.slug == *props.current).map(|place| place + 1);
    let is_break = is_break(props);
    let word = match number {
        _ if is_break => breaking::name(props.language)[0].to_owned(),
        Some(number) => fill(t.demo_here, &[&number]),
        None => t.demos.to_owned(),
    };
    let close = {
        let is_open = is_open.clone();
        Callback::from(move |event: MouseEvent| {
            let link = event.target_dyn_into::<Element>().and_then(|target| target.closest("a").ok().flatten());
            if link.is_some() {
                is_open.set(false);
            }
        })
    };
    html! {
        <div class="demo-menu" ref={place}>
            <button class="plain" data-test-id="demos" aria-expanded={is_open.to_string()} aria-controls="demo-list" {onclick}>
                if is_break { <strong>{ word }</strong> } else { <span class="caption">{ word }</span> }
                if number.is_some() { <b class="mono">{ props.current.to_string() }</b> }
                { icon(Glyph::Down) }
            </button>
            if *is_open {
                <nav id="demo-list" class="demo-list" aria-label={t.demos} onclick={close}><div>
                    { to_breaking(props) }
                    if !props.current.is_empty() {
                        <a class="demo-own" href="#" data-test-id="own-records"><b>{ t.own_records }</b><span class="caption">{ t.own_records_text }</span></a>
                    }
                    { match &*entries {
                        None => html! { <p>{ t.loading }</p> },
                        Some(Err(reason)) => html! { <p class="problem">{ fill(t.contents_missing, &[reason]) }</p> },
                        Some(Ok(entries)) => html! { { for chapters(entries, props) } },
                    } }
                </div></nav>
            }
        </div>
    }
}

/// Is *Break my config* shown?
fn is_break(props: &MenuProps) -> bool {
    breaking::FRAGMENT.strip_prefix('#') == Some(&*props.current)
}

/// The way to *Break my config*.
fn to_breaking(props: &MenuProps) -> Html {
    let [name, text] = breaking::name(props.language);
    let current = is_break(props).then_some("page");
    html! {
        <a class="demo-own" href={breaking::FRAGMENT} data-test-id="to-break" aria-current={current}><b>{ name }</b><span class="caption">{ text }</span></a>
    }
}

fn chapters<'a>(entries: &'a Rc<[Entry]>, props: &'a MenuProps) -> impl Iterator<Item = Html> + 'a {
    let t = texts::of(props.language);
    let names = [t.chapter_path, t.chapter_waiting, t.chapter_lost, t.chapter_order, t.chapter_tuning];
    let done = Memory::Browser.get(storage::DEMOS_DONE).unwrap_or_default();
    CHAPTERS.into_iter().zip(names).map(move |(chapter, name)| {
        let entries = entries.iter().filter(|entry| entry.chapter == chapter);
        let entries = entries.map(|entry| link(entry, props, done.split(' ').any(|slug| slug == entry.slug)));
        html! { <section><h2>{ name }</h2><ul>{ for entries }</ul></section> }
    })
}

fn link(entry: &Entry, props: &MenuProps, is_done: bool) -> Html {
    let t = texts::of(props.language);
    let current = (*props.current == *entry.slug).then_some("page");
    html! {
        <li key={entry.slug}>
            <a href={format!("#demo/{}", entry.slug)} data-test-id="demo-link" data-slug={entry.slug} aria-current={current}>
                <span class="caption">{ entry.number }</span>
                <span>{ own(&entry.title, props.language) }</span>
                if is_done { <span class="demo-done" title={t.done}>{ icon(Glyph::Tick) }<span class="unseen">{ t.done }</span></span> }
            </a>
        </li>
    }
}

async fn fetch() -> Result<Rc<[Entry]>, String> {
    let text = demo_file("contents").await?;
    let listed: Array = JSON::parse(&text).and_then(|value| value.dyn_into()).map_err(|_| "JSON".to_owned())?;
    let text_at =
        |value: &JsValue, key: &str| Reflect::get(value, &key.into()).ok().and_then(|value| value.as_string());
    let entry = |(place, slug): (usize, &'static str)| {
        let listed = listed.iter().find(|listed| text_at(listed, "slug").as_deref() == Some(slug))?;
        let title = Reflect::get(&listed, &"title".into()).unwrap_or_default();
        let word = |key| text_at(&title, key).unwrap_or_default().into();
        let chapter = text_at(&listed, "chapter")?;
        let title = Words { en: word("en"), ko: word("ko") };
        Some(Entry { number: place + 1, slug, chapter, title })
    };
    Ok(DEMOS.iter().map(|demo| demo.slug).enumerate().filter_map(entry).collect())
}

/// From now on the demo has a mark.
pub(super) fn mark_as_done(slug: &str) {
    let done = Memory::Browser.get(storage::DEMOS_DONE).unwrap_or_default();
    if !slug.is_empty() && !done.split(' ').any(|known| known == slug) {
        Memory::Browser.set(storage::DEMOS_DONE, Some(format!("{done} {slug}").trim()));
    }
}
