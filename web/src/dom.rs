//! The browser, as far as several parts of the page ask it for the same.

use std::rc::Rc;

use gloo::events::{EventListener, EventListenerOptions};
use wasm_bindgen::JsCast as _;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Document, Element, HtmlElement, KeyboardEvent, Window};
use yew::prelude::*;

/// The page.
pub(crate) fn document() -> Option<Document> {
    web_sys::window()?.document()
}

/// Milliseconds since the page was loaded, as frames count them.
pub(crate) fn now_ms() -> f64 {
    web_sys::window().and_then(|window| window.performance()).map_or(0.0, |performance| performance.now())
}

/// Moves the focus to the first element of this kind.
pub(crate) fn focus(selector: &str) {
    let element = document().and_then(|document| document.query_selector(selector).ok().flatten());
    if let Some(element) = element.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        let _ = element.focus();
    }
}

/// Brings the first element of this kind into view.
pub(crate) fn scroll_to(selector: &str) {
    if let Some(element) = document().and_then(|document| document.query_selector(selector).ok().flatten()) {
        element.scroll_into_view();
    }
}

/// Copies to the clipboard; says whether that was done. A page that did not come over TLS or from this machine has none,
/// and elsewhere the browser or its owner may forbid it.
pub(crate) async fn copy(text: &str) -> bool {
    let Some(window) = web_sys::window().filter(Window::is_secure_context) else { return false };
    JsFuture::from(window.navigator().clipboard().write_text(text)).await.is_ok()
}

/// Copies this when clicked. Where that cannot be, the text is still there to be selected.
pub(crate) fn copy_on_click(text: String) -> Callback<MouseEvent> {
    let text: Rc<str> = text.into();
    Callback::from(move |_| {
        let text = Rc::clone(&text);
        spawn_local(async move {
            let _ = copy(&text).await;
        });
    })
}

/// What has the focus while a key is pressed.
pub(crate) fn target(event: &KeyboardEvent) -> Option<Element> {
    event.target()?.dyn_into().ok()
}

/// Does something with a key, and says whether it did.
pub(crate) type Press = Rc<dyn Fn(&KeyboardEvent) -> bool>;

/// Listens to all keys, once, and has the newest one do what they say.
#[hook]
pub(crate) fn use_keys(press: Press) {
    let newest = use_mut_ref(|| Rc::clone(&press));
    *newest.borrow_mut() = press;
    use_effect_with((), move |()| {
        let listener = document().map(|document| {
            let options = EventListenerOptions::enable_prevent_default();
            EventListener::new_with_options(&document, "keydown", options, move |event| {
                // Out of the cell first: what a key does may draw a new picture.
                let press = Rc::clone(&newest.borrow());
                if let Some(event) = event.dyn_ref::<KeyboardEvent>()
                    && press(event)
                {
                    event.prevent_default();
                }
            })
        });
        move || drop(listener)
    });
}

/// While this is open, a click elsewhere and Escape close it; Escape gives the focus back to its button.
#[hook]
pub(crate) fn use_closing_from_outside(place: &NodeRef, is_open: &UseStateHandle<bool>) {
    let (place, is_open) = (place.clone(), is_open.clone());
    use_effect_with(*is_open, move |now_open| {
        let listeners = document().filter(|_| *now_open).map(|document| {
            let (inside, closes) = (place.clone(), is_open.clone());
            let clicks = EventListener::new(&document, "click", move |event| {
                let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
                if !inside.cast::<Element>().is_some_and(|inside| inside.contains(target.as_deref())) {
                    closes.set(false);
                }
            });
            let keys = EventListener::new(&document, "keydown", move |event| {
                if event.dyn_ref::<KeyboardEvent>().is_some_and(|event| event.code() == "Escape") {
                    is_open.set(false);
                    let button =
                        place.cast::<Element>().and_then(|inside| inside.query_selector("button").ok().flatten());
                    if let Some(button) = button.and_then(|button| button.dyn_into::<HtmlElement>().ok()) {
                        let _ = button.focus();
                    }
                }
            });
            (clicks, keys)
        });
        move || drop(listeners)
    });
}
