//! How wide the window is, in rem: larger type (the browser's own, or `?size=l`) lays the page out as a smaller window
//! does. Media queries would not: their em knows the browser's type, but not the page's.

use gloo::events::EventListener;
use js_sys::Number;
use yew::prelude::*;

/// The attribute of the root that holds the [names](Width::names), for the style sheets.
const ATTRIBUTE: &str = "data-width";

/// The window's width in whole rem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Width(u32);

impl Width {
    /// Of a window in the page's own type; 1440 px in usual type where there is none.
    fn of_window() -> Self {
        Self::measured().unwrap_or(Self(90))
    }

    fn measured() -> Option<Self> {
        let window = web_sys::window()?;
        let root = window.document()?.document_element()?;
        let style = window.get_computed_style(&root).ok()??;
        let rem = Number::parse_float(&style.get_property_value("font-size").ok()?);
        Some(Self::in_rem(window.inner_width().ok()?.as_f64()?, rem))
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "no window is wider than that")]
    fn in_rem(width: f64, rem: f64) -> Self {
        Self((width / rem) as u32)
    }

    /// Does the belt turn downward? Further up the picture rather scrolls a little than loses its direction.
    pub(crate) const fn turns_down(self) -> bool {
        self.0 < 55
    }

    /// The style sheets' names for this width; `narrow` is always a `column` too.
    const fn names(self) -> &'static str {
        match self.0 {
            0..45 => "narrow column",
            45..75 => "column",
            75..112 => "",
            _ => "broad",
        }
    }

    fn tell_the_style_sheets(self) {
        let root = web_sys::window().and_then(|window| window.document()?.document_element());
        if let Some(root) = root {
            let _ = root.set_attribute(ATTRIBUTE, self.names());
        }
    }
}

/// How wide the window is. Follows it.
#[hook]
pub(crate) fn use_width() -> Width {
    let width = use_state_eq(|| {
        let width = Width::of_window();
        // Before the first picture is made: nothing is to jump.
        width.tell_the_style_sheets();
        width
    });
    {
        let width = width.clone();
        use_effect_with((), move |()| {
            let listener = web_sys::window().map(|window| {
                EventListener::new(&window, "resize", move |_| {
                    let now = Width::of_window();
                    now.tell_the_style_sheets();
                    width.set(now);
                })
            });
            move || drop(listener)
        });
    }
    *width
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_type_makes_a_window_as_narrow_as_fewer_pixels_do() {
        let of = |width: f64, rem: f64| (Width::in_rem(width, rem).names(), Width::in_rem(width, rem).turns_down());
        assert_eq!(of(719.0, 16.0), ("narrow column", true));
        assert_eq!(of(720.0, 16.0), ("column", true));
        assert_eq!(of(1_199.0, 16.0), ("column", false));
        assert_eq!(of(1_200.0, 16.0), ("", false));
        assert_eq!(of(1_440.0, 24.0), ("column", false));
        assert_eq!(of(1_920.0, 16.0), ("broad", false));
        assert_eq!(of(1_920.0, 24.0), ("", false));
    }
}
