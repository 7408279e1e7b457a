//! Strokes of the drawing: SVG elements with whole coordinates. Colours come from the classes alone.

use yew::prelude::*;

use super::geometry::Area;
use crate::partition;

/// A line of text; `y` is its baseline.
pub(super) fn text(class: &'static str, x: i32, y: i32, words: impl Into<AttrValue>) -> Html {
    let words = words.into();
    html! { <text class={class} x={number(x)} y={number(y)}>{ words }</text> }
}

/// A rectangle with round corners.
pub(super) fn rect(class: &'static str, area: Area, radius: i32) -> Html {
    let Area { x, y, w, h } = area;
    html! {
        <rect class={class} x={number(x)} y={number(y)} width={number(w.max(0))} height={number(h.max(0))}
            rx={number(radius)} />
    }
}

/// A path.
pub(super) fn path(class: &'static str, d: impl Into<AttrValue>) -> Html {
    html! { <path class={class} d={d.into()} /> }
}

/// A straight line.
pub(super) fn line(class: &'static str, from: (i32, i32), to: (i32, i32)) -> Html {
    path(class, format!("M{} {}L{} {}", from.0, from.1, to.0, to.1))
}

/// A circle.
pub(super) fn circle(class: &'static str, (x, y): (i32, i32), radius: i32) -> Html {
    html! { <circle class={class} cx={number(x)} cy={number(y)} r={number(radius)} /> }
}

/// A partition's shape around a point, in its colour, or its number where it has none; the class says whether filled or
/// hollow.
pub(super) fn shape(class: &'static str, of: i32, (x, y): (i32, i32), radius: i32) -> Html {
    let Some(outline) = partition::path(of) else {
        return text("stage-small stage-at-middle", x, y + 4, number(of));
    };
    let classes = classes!(class, partition::class(of));
    let place = format!("translate({x} {y})scale({radius})");
    html! { <path class={classes} d={outline} transform={place} /> }
}

/// What belongs together, in a partition's colour.
pub(super) fn lane(of: i32, parts: Html) -> Html {
    html! { <g class={partition::class(of)}>{ parts }</g> }
}

/// With the details that pointing at it tells; see [`super::details`].
pub(super) fn titled(title: impl Into<AttrValue>, parts: Html) -> Html {
    let title = title.into();
    html! { <g class="stage-point" tabindex="-1"><title>{ title }</title>{ parts }</g> }
}

/// A ring of which a share in thousandths is left, ending at the top.
pub(super) fn ring(centre: (i32, i32), radius: i32, thousandths: u64) -> Html {
    let left = thousandths.min(1_000).to_string();
    let (x, y) = centre;
    html! {
        <g class="stage-ring">
            { circle("stage-ring-ground", centre, radius) }
            <circle class="stage-ring-left" cx={number(x)} cy={number(y)} r={number(radius)} pathLength="1000"
                stroke-dasharray={format!("{left} 1000")} transform={format!("rotate(-90 {x} {y})")} />
        </g>
    }
}

/// A circular arrow.
pub(super) fn again((x, y): (i32, i32)) -> Html {
    let d = format!("M{} {}a4.5 4.5 0 1 1-1.6-3.2M{} {}v3.4h-3.4", x + 4, y, x + 4, y - 6);
    path("stage-again", d)
}

/// A tick.
pub(super) fn tick((x, y): (i32, i32)) -> Html {
    path("stage-tick", format!("M{} {}l3 3 5-6", x - 4, y))
}

fn number(number: i32) -> AttrValue {
    AttrValue::from(number.to_string())
}
