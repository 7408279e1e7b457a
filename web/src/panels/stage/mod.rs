//! The pipeline: one continuous drawing from the caller to the log. What stands is SVG, drawn at most ten times a
//! second; what moves is a canvas over it ([`motion`]). Both are drawn from the scene over the same [`geometry`].

mod brokers;
mod brush;
mod caller;
mod density;
mod details;
mod draw;
mod field;
mod geometry;
mod log;
mod motion;
mod moves;
mod name;
mod narrow;
mod picture;
mod said;
mod shelf;
mod stations;
mod track;
mod wires;
mod words;

use std::rc::Rc;
use std::sync::Arc;

use producer_core::bridge::Habit;
use yew::prelude::*;

use crate::draft::Destination;
use crate::frame::Canvas;
use crate::texts::Language;
use crate::view::View;
use details::Pointed;
use geometry::{Detail, Geometry};
use picture::{Limits, Picture};
use said::Said;

/// What the composer holds: drawn as still to come before anything was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Preview {
    /// The key as text; `None`: a null key.
    pub(crate) label: Option<Rc<str>>,
    /// Where it goes, as far as that is known, and who decides.
    pub(crate) destination: Destination,
    /// Serialised key size in bytes; −1: null.
    pub(crate) key_bytes: i32,
    /// Serialised value size in bytes; −1: null.
    pub(crate) value_bytes: i32,
    /// Records that Send would send.
    pub(crate) count: u32,
    /// Those among them that would share the first batch.
    pub(crate) carried: u32,
}

/// Properties of [`Stage`].
#[derive(Properties, PartialEq)]
pub(crate) struct StageProps {
    /// What is to be seen.
    pub(crate) view: View,
    /// Where the painter of what moves is left.
    pub(crate) canvas: Canvas,
    /// What the program does with the future that `send()` returns; `None`: now this, now that.
    pub(crate) habit: Option<Habit>,
    /// What the composer holds.
    pub(crate) preview: Preview,
    /// Does the belt turn downward?
    pub(crate) narrow: bool,
    pub(crate) language: Language,
}

/// The pipeline.
#[component]
pub(crate) fn Stage(props: &StageProps) -> Html {
    let language = props.language;
    let lanes = picture::lanes(&props.view);
    let geometry = use_memo((props.narrow, lanes), |&(narrow, lanes)| match narrow {
        true => Geometry::narrow(lanes),
        false => Geometry::wide(lanes),
    });
    let limits = use_memo(props.view.config.clone(), |config| Limits::of(config));
    let surface = use_node_ref();
    let sheet = use_node_ref();
    let pointed = use_state_eq(|| None::<Pointed>);
    let onfocusin = {
        let (sheet, pointed) = (sheet.clone(), pointed.clone());
        Callback::from(move |event: FocusEvent| pointed.set(Pointed::at(&event, &sheet)))
    };
    let onfocusout = {
        let pointed = pointed.clone();
        Callback::from(move |_: FocusEvent| pointed.set(None))
    };
    {
        let (canvas, surface, geometry) = (props.canvas.clone(), surface.clone(), Rc::clone(&geometry));
        let belongs_to = (canvas, geometry, Arc::clone(&props.view.topology.topic), language);
        use_effect_with(belongs_to, move |(canvas, geometry, topic, language)| {
            let surface = surface.cast();
            canvas.set(surface.and_then(|surface| motion::painter(surface, geometry, Arc::clone(topic), *language)));
            let canvas = canvas.clone();
            move || canvas.set(None)
        });
    }
    let picture = Picture::of(&props.view, &props.preview, props.habit, *limits, &geometry, language);
    // One child, there or empty: another number of them would have the picture drawn anew, and the focus lost.
    let details = pointed.as_ref().map(Pointed::draw).unwrap_or_default();
    let view_box = format!("0 0 {} {}", geometry.width, geometry.height);
    let class = if props.narrow { "stage stage-narrow" } else { "stage" };
    html! {
        <section class={class} tabindex="0" aria-label={picture.texts.stage} onkeydown={Callback::from(details::on_key)} {onfocusin} {onfocusout}>
            <div class="stage-sheet" ref={sheet}>
            <svg class="stage-picture" viewBox={view_box} role="img" aria-label={name::name(&picture)}>
                { hatching() }
                { if props.narrow { narrow::draw(&picture) } else { wide(&picture) } }
            </svg>
            <canvas ref={surface} class="stage-canvas" aria-hidden="true"></canvas>
            { details }
            </div>
            <Said words={said::newest(&picture)} />
        </section>
    }
}

/// Everything that stands in the wide stage, from the ground up.
fn wide(picture: &Picture<'_>) -> Html {
    let lanes = || picture.lanes.iter().enumerate();
    let lanes_drawn = match picture.geometry.detail {
        Detail::Field => field::draw(picture),
        _ => lanes()
            .map(|(place, lane)| {
                let parts = html! {
                    <>
                        { wires::ground(picture, place, lane) }
                        { shelf::draw(picture, place, lane) }
                        { wires::draw(picture, place, lane) }
                    </>
                };
                draw::lane(lane.number, parts)
            })
            .collect(),
    };
    let frames = if picture.geometry.detail == Detail::Field { Html::default() } else { brokers::draw(picture) };
    html! {
        <>
            { stations::draw(picture) }
            { lanes_drawn }
            { frames }
            { caller::draw(picture) }
            { wires::rail() }
            { wires::home(picture) }
            { wires::carriage(picture) }
            { notes(picture) }
        </>
    }
}

/// What has no place in the picture is said, not hidden.
fn notes(picture: &Picture<'_>) -> Html {
    let texts = picture.texts;
    let words = match (picture.lanes.len(), picture.elsewhere()) {
        (0, _) => texts.stage_no_partitions.to_owned(),
        (_, 0) => return Html::default(),
        (_, batches) => crate::texts::fill(texts.stage_elsewhere, &[&picture.language.number(batches as u64)]),
    };
    draw::text("stage-small stage-quiet stage-at-end", 1112, geometry::HOME + 4, words)
}

/// The ground of a caller that waits.
fn hatching() -> Html {
    html! {
        <defs>
            <pattern id="stage-hatching" width="6" height="6" patternUnits="userSpaceOnUse"
                patternTransform="rotate(45)">
                <rect class="stage-hatching-ground" width="6" height="6" />
                <path class="stage-hatching-line" d="M0 0V6" />
            </pattern>
        </defs>
    }
}
