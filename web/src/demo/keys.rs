//! What keys do. By their place on the keyboard, so that they work while a Korean input method is on.

use std::rc::Rc;

use producer_core::playback::Mark;
use web_sys::KeyboardEvent;
use yew::prelude::*;

use super::theatre::Theatre;
use crate::dom::{self, target};

/// Keys for this theatre; `Next` looks for this kind.
#[hook]
pub(crate) fn use_keys(theatre: &Theatre, kind: Mark) {
    let theatre = theatre.clone();
    dom::use_keys(Rc::new(move |event| press(event, &theatre, kind)));
}

/// Does what the key says; `true`: it said something.
fn press(event: &KeyboardEvent, theatre: &Theatre, kind: Mark) -> bool {
    // The module may still hold what stood there before.
    if event.is_composing() || !theatre.is_open() {
        return false;
    }
    let with_control = event.ctrl_key() || event.meta_key();
    // A key that is held down says these once; what the browser would do meanwhile is not wanted either.
    let once = |what: fn(&Theatre)| {
        if !event.repeat() {
            what(theatre);
        }
    };
    match &*event.code() {
        "KeyS" if with_control => once(Theatre::copy_link),
        _ if with_control || event.alt_key() || types_or_turns(event) => return false,
        "Space" if !is_pressed_by_space(event) => once(Theatre::play_or_pause),
        "ArrowRight" if event.shift_key() => theatre.next(kind),
        "ArrowRight" => theatre.step(),
        "ArrowLeft" => theatre.back(),
        "BracketLeft" => theatre.faster_by(-1),
        "BracketRight" => theatre.faster_by(1),
        "KeyF" => once(Theatre::fork),
        _ => return false,
    }
    true
}

/// Does what has the focus take letters or arrows itself?
fn types_or_turns(event: &KeyboardEvent) -> bool {
    target(event).is_some_and(|element| matches!(&*element.tag_name(), "INPUT" | "TEXTAREA" | "SELECT"))
}

/// Does Space press what has the focus?
fn is_pressed_by_space(event: &KeyboardEvent) -> bool {
    target(event).is_some_and(|element| matches!(&*element.tag_name(), "BUTTON" | "A" | "SUMMARY"))
}
