//! Icons: 16 units wide, drawn in the colour of the text around them.

use yew::prelude::*;

/// What there is to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Glyph {
    /// The playground's mark: a belt into three lanes.
    Logo,
    Arrow,
    Plug,
    Globe,
    Moon,
    Sun,
    Sliders,
    Close,
    Play,
    Pause,
    Step,
    Warning,
    Reset,
    Plus,
    Copy,
    Back,
    Next,
    Fork,
    Share,
    Save,
    Open,
    Down,
    Tick,
}

impl Glyph {
    const fn path(self) -> &'static str {
        match self {
            Self::Logo => "M1 8H7M7 8C10 8 10 3.5 15 3.5M7 8H15M7 8C10 8 10 12.5 15 12.5",
            Self::Arrow => "M2.5 8H13M9 4L13 8L9 12",
            Self::Plug => "M6 2V5M10 2V5M4 5H12V8A4 4 0 0 1 4 8ZM8 12V15",
            Self::Globe => {
                "M8 1.5A6.5 6.5 0 1 0 8 14.5A6.5 6.5 0 1 0 8 1.5ZM1.5 8H14.5M8 1.5C4.5 5 4.5 11 8 14.5C11.5 11 11.5 5 8 1.5"
            }
            Self::Moon => "M13.5 9.5A5.8 5.8 0 0 1 6.5 2.5A5.8 5.8 0 1 0 13.5 9.5Z",
            Self::Sun => {
                "M8 5A3 3 0 1 0 8 11A3 3 0 1 0 8 5ZM8 1V2.5M8 13.5V15M1 8H2.5M13.5 8H15M3 3L4.1 4.1M11.9 11.9L13 13M13 3L11.9 4.1M4.1 11.9L3 13"
            }
            Self::Sliders => {
                "M2 4.5H9M13 4.5H14M2 11.5H3M7 11.5H14M11 2.7A1.8 1.8 0 1 0 11 6.3A1.8 1.8 0 1 0 11 2.7ZM5 9.7A1.8 1.8 0 1 0 5 13.3A1.8 1.8 0 1 0 5 9.7Z"
            }
            Self::Close => "M3.5 3.5L12.5 12.5M12.5 3.5L3.5 12.5",
            Self::Play => "M4.5 2.5L13 8L4.5 13.5Z",
            Self::Pause => "M5 3V13M11 3V13",
            Self::Step => "M4 3L10 8L4 13ZM12.5 3V13",
            Self::Warning => "M8 1.5A6.5 6.5 0 1 0 8 14.5A6.5 6.5 0 1 0 8 1.5ZM8 4.5V8.8M8 11.2V11.4",
            Self::Reset => "M3 8A5 5 0 1 0 5 4.2M5 1.5V4.5H8",
            Self::Plus => "M8 3V13M3 8H13",
            Self::Back => "M12 3L6 8L12 13ZM3.5 3V13",
            Self::Next => "M1.5 8H9.5M6.5 4.5L10 8L6.5 11.5M13.5 3V13",
            Self::Fork => {
                "M3 8H7C10 8 10 3.5 13.5 3.5M7 8C10 8 10 12.5 13.5 12.5M11.5 1.5L13.5 3.5L11.5 5.5M11.5 10.5L13.5 12.5L11.5 14.5"
            }
            Self::Share => {
                "M6.5 9.5L9.5 6.5M7 4.5L9 2.5A3.2 3.2 0 0 1 13.5 7L11.5 9M9 11.5L7 13.5A3.2 3.2 0 0 1 2.5 9L4.5 7"
            }
            Self::Save => "M8 2V10M4.5 6.5L8 10L11.5 6.5M2.5 13.5H13.5",
            Self::Open => "M8 10V2M4.5 5.5L8 2L11.5 5.5M2.5 13.5H13.5",
            Self::Down => "M4.5 6.5L8 10L11.5 6.5",
            Self::Tick => "M3 8.5L6.5 12L13 4.5",
            Self::Copy => "M5.5 5.5H13.5V13.5H5.5ZM10.5 5.5V2.5H2.5V10.5H5.5",
        }
    }
}

/// A line drawing beside a word.
pub(crate) fn icon(glyph: Glyph) -> Html {
    html! { <svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d={glyph.path()} /></svg> }
}
