//! A partition's mark: its colour's name and its shape, always both. Eight of each, then the same shapes striped, then
//! dotted; from 24 on there is no mark that could be told from another, and the number stands alone.

use yew::prelude::*;

/// The classes that set `--lane` for whatever stands inside, and say how the shape is filled.
const CLASSES: [&str; 24] = [
    "p0",
    "p1",
    "p2",
    "p3",
    "p4",
    "p5",
    "p6",
    "p7",
    "p0 striped",
    "p1 striped",
    "p2 striped",
    "p3 striped",
    "p4 striped",
    "p5 striped",
    "p6 striped",
    "p7 striped",
    "p0 dotted",
    "p1 dotted",
    "p2 dotted",
    "p3 dotted",
    "p4 dotted",
    "p5 dotted",
    "p6 dotted",
    "p7 dotted",
];
/// The class of those without a mark.
const UNMARKED: &str = "unmarked";

/// Outlines as SVG paths, in a square from −1 to 1.
const SHAPES: [&str; 8] = [
    "M-.9 0A.9.9 0 1 1 .9 0A.9.9 0 1 1-.9 0Z",
    "M0-.95L.98.78H-.98Z",
    "M-.82-.82H.82V.82H-.82Z",
    "M0-1L1 0L0 1L-1 0Z",
    "M0-1L.95-.31L.59.81H-.59L-.95-.31Z",
    "M-.34-1H.34V-.34H1V.34H.34V1H-.34V.34H-1V-.34H-.34Z",
    "M-.5-.87H.5L1 0L.5.87H-.5L-1 0Z",
    "M0-1L.28-.35L.98-.31L.45.15L.6.84L0 .46L-.6.84L-.45.15L-.98-.31L-.28-.35Z",
];
/// What is cut out of a shape, by the even-odd rule: small enough to lie within each of them.
const CUTS: [&str; 3] =
    ["", "M-.32-.32H.32V-.08H-.32ZM-.32.14H.32V.38H-.32Z", "M-.34.06A.34.34 0 1 1 .34.06A.34.34 0 1 1-.34.06Z"];

/// Its place among the marks; `None`: it has none.
fn place(partition: i32) -> Option<usize> {
    usize::try_from(partition).ok().filter(|place| *place < CLASSES.len())
}

/// The class that sets `--lane` for whatever stands inside.
pub(crate) fn class(partition: i32) -> &'static str {
    place(partition).map_or(UNMARKED, |place| CLASSES[place])
}

/// Which of the eight colours; `None`: none of its own.
pub(crate) fn colour(partition: i32) -> Option<usize> {
    place(partition).map(|place| place % SHAPES.len())
}

/// Its shape as an SVG path, in a square from −1 to 1; `None`: the number stands alone.
pub(crate) fn path(partition: i32) -> Option<String> {
    place(partition).map(|place| [SHAPES[place % SHAPES.len()], CUTS[place / SHAPES.len()]].concat())
}

/// The shape in the partition's colour, as large as the text around it, which has its number.
pub(crate) fn mark(partition: i32) -> Html {
    let Some(path) = path(partition) else { return Html::default() };
    let classes = classes!("mark", class(partition));
    html! {
        <svg class={classes} viewBox="-1.1 -1.1 2.2 2.2" aria-hidden="true"><path d={path} /></svg>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_partitions_have_the_same_mark() {
        let marks: BTreeSet<_> = (0..24).map(|partition| (class(partition), path(partition))).collect();
        assert_eq!(marks.len(), 24);
        assert_eq!((class(9), colour(9)), ("p1 striped", Some(1)));
        for unmarked in [24, 1_000, -1] {
            assert_eq!((class(unmarked), colour(unmarked), path(unmarked)), (UNMARKED, None, None));
        }
    }
}
