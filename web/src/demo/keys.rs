//! What keys do. By their place on the keyboard, so that they work while a Korean input method is on.

use gloo::events::{EventListener, EventListenerOptions};
use producer_core::playback::Mark;
use wasm_bindgen::JsCast as _;
use web_sys::{Element, KeyboardEvent};
use yew::prelude::*;

use super::theatre::Theatre;

/// Listens once, and does what the newest picture says.
#[hook]
pub(super) fn use_keys(theatre: &Theatre, kind: Mark) {
    let newest = use_mut_ref(|| kind);
    *newest.borrow_mut() = kind;
    let theatre = theatre.clone();
    use_effect_with((), move |()| {
        let document = web_sys::window().and_then(|window| window.document());
        let listener = document.map(|document| {
            let options = EventListenerOptions::enable_prevent_default();
            EventListener::new_with_options(&document, "keydown", options, move |event| {
                let kind = *newest.borrow();
                if let Some(event) = event.dyn_ref::<KeyboardEvent>()
                    && press(event, &theatre, kind)
                {
                    event.prevent_default();
                }
            })
        });
        move || drop(listener)
    });
}

/// Does what the key says; `true`: it said something.
fn press(event: &KeyboardEvent, theatre: &Theatre, kind: Mark) -> bool {
    if event.is_composing() {
        return false;
    }
    let with_control = event.ctrl_key() || event.meta_key();
    match &*event.code() {
        "KeyS" if with_control && !event.repeat() => theatre.copy_link(),
        _ if with_control || event.alt_key() || types_or_turns(event) => return false,
        "Space" if !event.repeat() && !is_pressed_by_space(event) => theatre.play_or_pause(),
        "ArrowRight" if event.shift_key() => theatre.next(kind),
        "ArrowRight" => theatre.step(),
        "ArrowLeft" => theatre.back(),
        "BracketLeft" => theatre.faster_by(-1),
        "BracketRight" => theatre.faster_by(1),
        "KeyF" if !event.repeat() => theatre.fork(),
        _ => return false,
    }
    true
}

fn target(event: &KeyboardEvent) -> Option<Element> {
    event.target()?.dyn_into().ok()
}

/// Does what has the focus take letters or arrows itself?
fn types_or_turns(event: &KeyboardEvent) -> bool {
    target(event).is_some_and(|element| matches!(&*element.tag_name(), "INPUT" | "TEXTAREA" | "SELECT"))
}

/// Does Space press what has the focus?
fn is_pressed_by_space(event: &KeyboardEvent) -> bool {
    target(event).is_some_and(|element| matches!(&*element.tag_name(), "BUTTON" | "A" | "SUMMARY"))
}
