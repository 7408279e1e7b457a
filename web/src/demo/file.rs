//! A scenario from a file: chosen, or dropped anywhere on the page.

use gloo::events::{EventListener, EventListenerOptions};
use js_sys::Uint8Array;
use wasm_bindgen::JsCast as _;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{DragEvent, File, HtmlInputElement};
use yew::prelude::*;

use super::shown::Said;
use super::texts;
use super::theatre::Theatre;
use crate::dom::document;
use crate::icons::{Glyph, icon};
use crate::texts::Language;

/// Larger than any scenario that is read: of such a file not even the beginning is fetched.
const MOST_BYTES: f64 = 4.0 * 1024.0 * 1024.0;

/// Properties of [`OpenFile`].
#[derive(Properties, PartialEq)]
pub(super) struct OpenFileProps {
    pub(super) theatre: Theatre,
    pub(super) language: Language,
}

/// A button that asks for a file.
#[component]
pub(super) fn OpenFile(props: &OpenFileProps) -> Html {
    let t = texts::of(props.language);
    let input = use_node_ref();
    let ask = {
        let input = input.clone();
        Callback::from(move |_: MouseEvent| {
            if let Some(input) = input.cast::<HtmlInputElement>() {
                input.click();
            }
        })
    };
    let onchange = {
        let theatre = props.theatre.clone();
        Callback::from(move |event: Event| {
            let Some(input) = event.target_dyn_into::<HtmlInputElement>() else { return };
            if let Some(file) = input.files().and_then(|files| files.get(0)) {
                read(&theatre, file);
            }
            // The same file once more, mended meanwhile, is a choice too.
            input.set_value("");
        })
    };
    html! {
        <>
            <button class="plain" data-test-id="open-file" title={t.open_file_title} onclick={ask}>{ icon(Glyph::Open) }<span class="word">{ t.open_file }</span></button>
            <input ref={input} type="file" hidden=true tabindex="-1" accept=".json,application/json" data-test-id="file" aria-label={t.open_file} {onchange} />
        </>
    }
}

/// While this page is there, a file that is dropped on it is opened, and not by the browser in the page's place.
#[hook]
pub(super) fn use_dropped_files(theatre: &Theatre) {
    let theatre = theatre.clone();
    use_effect_with((), move |()| {
        let listeners = document().map(|document| {
            let options = EventListenerOptions::enable_prevent_default();
            let over = EventListener::new_with_options(&document, "dragover", options, |event| event.prevent_default());
            let drop = EventListener::new_with_options(&document, "drop", options, move |event| {
                event.prevent_default();
                let dropped = event.dyn_ref::<DragEvent>().and_then(DragEvent::data_transfer);
                if let Some(file) = dropped.and_then(|data| data.files()).and_then(|files| files.get(0)) {
                    read(&theatre, file);
                }
            });
            (over, drop)
        });
        move || drop(listeners)
    });
}

fn read(theatre: &Theatre, file: File) {
    let (theatre, name) = (theatre.clone(), file.name());
    if file.size() > MOST_BYTES {
        return theatre.say(Said::FileTooLarge(name));
    }
    spawn_local(async move {
        let bytes = JsFuture::from(file.array_buffer()).await.map(|buffer| Uint8Array::new(&buffer).to_vec());
        match bytes.map(String::from_utf8) {
            Ok(Ok(text)) => theatre.open_file(name, text).await,
            Ok(Err(_)) => theatre.say(Said::FileNoText(name)),
            // It was moved or locked since it was chosen.
            Err(_) => theatre.say(Said::FileGone(name)),
        }
    });
}
