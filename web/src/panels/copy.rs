//! To the clipboard.

use yew::prelude::*;

/// Copies this when clicked.
pub(super) fn copy(text: String) -> Callback<MouseEvent> {
    Callback::from(move |_| {
        if let Some(window) = web_sys::window() {
            // Where the browser forbids it, the text is still there to be selected.
            let _ = window.navigator().clipboard().write_text(&text);
        }
    })
}
