//! What a demo does to the browser.

use js_sys::Array;
use producer_core::player::messages::Form;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{Blob, BlobPropertyBag, HtmlAnchorElement, Url};

use crate::dom::document;

/// The part of the address behind `#`, with it.
pub(crate) fn fragment() -> String {
    web_sys::window().and_then(|window| window.location().hash().ok()).unwrap_or_default()
}

/// Goes to another fragment, as a click on a link does.
pub(super) fn go_to(fragment: &str) {
    if let Some(window) = web_sys::window() {
        let _ = window.location().set_hash(fragment);
    }
}

/// The whole address that a fragment belongs to.
pub(crate) fn address_of(fragment: &str) -> String {
    let address = web_sys::window().and_then(|window| window.location().href().ok()).unwrap_or_default();
    format!("{}{fragment}", address.split('#').next().unwrap_or_default())
}

/// Shows a fragment in the address bar without going anywhere, and returns the whole address.
pub(super) fn put_into_address_bar(fragment: &str) -> String {
    let address = address_of(fragment);
    if let Some(Ok(history)) = web_sys::window().map(|window| window.history()) {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&address));
    }
    address
}

/// Has the browser save a text as a file.
pub(super) fn download(text: &str, form: Form, name: &str) {
    let (ending, kind) = match form {
        Form::TraceEvent => ("json", "application/json"),
        Form::JsonLines => ("jsonl", "application/x-ndjson"),
        Form::Mermaid => ("mmd", "text/plain"),
    };
    save(text, kind, &format!("{name}.{ending}"));
}

/// Has the browser save a text as a file of this name.
pub(crate) fn save(text: &str, kind: &str, name: &str) {
    let _ = try_to_download(text, kind, name);
}

fn try_to_download(text: &str, kind: &str, name: &str) -> Result<(), JsValue> {
    let options = BlobPropertyBag::new();
    options.set_type(kind);
    let blob = Blob::new_with_str_sequence_and_options(&Array::of1(&text.into()), &options)?;
    let url = Url::create_object_url_with_blob(&blob)?;
    let document = document().ok_or(JsValue::NULL)?;
    let anchor: HtmlAnchorElement = document.create_element("a")?.dyn_into()?;
    anchor.set_href(&url);
    anchor.set_download(name);
    anchor.click();
    // The browser has begun to read it.
    gloo::timers::callback::Timeout::new(10_000, move || drop(Url::revoke_object_url(&url))).forget();
    Ok(())
}
