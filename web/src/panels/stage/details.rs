//! What pointing at a part of the picture tells, for those who have no mouse: a tap, or arrow keys from part to part.

use wasm_bindgen::JsCast as _;
use web_sys::{Element, HtmlElement, SvgElement};
use yew::prelude::*;

/// The parts that have details.
const POINTS: &str = ".stage-point";
/// Between a part and its details, in pixels.
const GAP: f64 = 4.0;

/// The part that has the focus.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pointed {
    part: Element,
}

impl Pointed {
    /// The part of the picture in which the event is. Tells the style sheet where its details go: beside it, and towards the
    /// middle of the picture, where there is room. Not by an attribute, which a bridge's policy for styles forbids.
    pub(super) fn at(event: &FocusEvent, sheet: &NodeRef) -> Option<Self> {
        let part = event.target_dyn_into::<Element>()?.closest(POINTS).ok()??;
        let element = sheet.cast::<HtmlElement>()?;
        let (sheet, place) = (element.get_bounding_client_rect(), part.get_bounding_client_rect());
        let [mut left, mut right, mut top, mut bottom] = [None; 4];
        match place.left() + place.right() < sheet.left() + sheet.right() {
            true => left = Some(place.left() - sheet.left()),
            false => right = Some(sheet.right() - place.right()),
        }
        match place.top() + place.bottom() < sheet.top() + sheet.bottom() {
            true => top = Some(place.bottom() - sheet.top() + GAP),
            false => bottom = Some(sheet.bottom() - place.top() + GAP),
        }
        for (name, value) in [("left", left), ("right", right), ("top", top), ("bottom", bottom)] {
            let value = value.map_or_else(|| "auto".to_owned(), |place| format!("{}px", pixels(place)));
            let _ = element.style().set_property(&format!("--details-{name}"), &value);
        }
        Some(Self { part })
    }

    /// Its details as they are now; nothing once it has left the picture.
    pub(super) fn draw(&self) -> Html {
        let title = self.part.query_selector(":scope > title").ok().flatten();
        let Some(words) = title.filter(|_| self.part.is_connected()).and_then(|title| title.text_content()) else {
            return Html::default();
        };
        html! { <p class="stage-details" role="status" data-test-id="details">{ words }</p> }
    }
}

/// In whole pixels: writing fractions would cost tens of kilobytes of wasm.
#[expect(clippy::cast_possible_truncation, reason = "a place on a screen")]
fn pixels(place: f64) -> i32 {
    place as i32
}

/// Keys within the stage: up and down go from part to part, Escape leaves the parts. Left and right scroll the stage where
/// it has less room than it needs, and mean nothing else there.
pub(super) fn on_key(event: KeyboardEvent) {
    let Some(target) = event.target_dyn_into::<Element>() else { return };
    let around = |selector: &str| target.closest(selector).ok().flatten();
    let (part, stage) = (around(POINTS), around(".stage"));
    let Some(stage) = stage.and_then(|stage| stage.dyn_into::<HtmlElement>().ok()) else { return };
    let done = match (&*event.code(), &part) {
        ("Escape", Some(_)) => stage.focus(),
        ("ArrowDown" | "ArrowUp", _) => {
            let Some(next) = next(&stage, part.as_ref(), event.code() == "ArrowDown") else { return };
            next.focus()
        }
        ("ArrowLeft" | "ArrowRight", _) if stage.scroll_width() > stage.client_width() => {
            return event.stop_propagation();
        }
        _ => return,
    };
    if done.is_ok() {
        event.prevent_default();
        event.stop_propagation();
    }
}

/// The part after this one, or before it; from the last on to the first.
fn next(stage: &HtmlElement, part: Option<&Element>, is_forward: bool) -> Option<SvgElement> {
    let parts = stage.query_selector_all(POINTS).ok()?;
    let count = parts.length();
    let here = part.and_then(|part| (0..count).find(|&place| parts.get(place).is_some_and(|known| known == **part)));
    let place = match (here, is_forward) {
        (None, true) => 0,
        (None, false) => count.checked_sub(1)?,
        (Some(here), true) => (here + 1) % count,
        (Some(here), false) => (here + count - 1) % count,
    };
    parts.get(place)?.dyn_into().ok()
}
