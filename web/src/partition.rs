//! A partition's mark: its colour's name and its shape, always both.

use yew::prelude::*;

/// Colours and shapes before they repeat.
const MARKS: i32 = 8;

/// The class that sets `--lane` for whatever stands inside.
pub(crate) fn class(partition: i32) -> &'static str {
    ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7"][usize::try_from(partition.rem_euclid(MARKS)).unwrap_or(0)]
}

/// The outline of its shape as an SVG path, in a square from −1 to 1.
pub(crate) fn path(partition: i32) -> &'static str {
    match partition.rem_euclid(MARKS) {
        0 => "M-.9 0A.9.9 0 1 1 .9 0A.9.9 0 1 1-.9 0Z",
        1 => "M0-.95L.98.78H-.98Z",
        2 => "M-.82-.82H.82V.82H-.82Z",
        3 => "M0-1L1 0L0 1L-1 0Z",
        4 => "M0-1L.95-.31L.59.81H-.59L-.95-.31Z",
        5 => "M-.34-1H.34V-.34H1V.34H.34V1H-.34V.34H-1V-.34H-.34Z",
        6 => "M-.5-.87H.5L1 0L.5.87H-.5L-1 0Z",
        _ => "M0-1L.28-.35L.98-.31L.45.15L.6.84L0 .46L-.6.84L-.45.15L-.98-.31L-.28-.35Z",
    }
}

/// The shape in the partition's colour, as large as the text around it.
pub(crate) fn mark(partition: i32) -> Html {
    let classes = classes!("mark", class(partition));
    html! {
        <svg class={classes} viewBox="-1.1 -1.1 2.2 2.2" aria-hidden="true"><path d={path(partition)} /></svg>
    }
}
