//! The pipeline: one continuous drawing from the caller to the log.

mod geometry;
mod track;

use std::rc::Rc;

use producer_core::bridge::Habit;
use yew::prelude::*;

use crate::frame::Canvas;
use crate::view::View;
use geometry::Geometry;

/// What the composer holds: drawn as still to come before anything was sent.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Preview {
    /// The key as text; `None`: a null key.
    pub(crate) label: Option<Rc<str>>,
    /// Where the core's partitioner says it goes; `None`: sticky, or not known.
    pub(crate) partition: Option<i32>,
    /// Serialised key size in bytes; −1: null.
    pub(crate) key_bytes: i32,
    /// Serialised value size in bytes; −1: null.
    pub(crate) value_bytes: i32,
    /// Records that Send would send.
    pub(crate) count: u32,
}

/// Properties of [`Stage`].
#[derive(Properties, PartialEq)]
pub(crate) struct StageProps {
    /// What is to be seen.
    pub(crate) view: View,
    /// Where the painter of what moves is left.
    pub(crate) canvas: Canvas,
    /// The mode chosen in the composer.
    pub(crate) habit: Habit,
    /// What the composer holds.
    pub(crate) preview: Preview,
    /// Does the belt turn downward?
    pub(crate) narrow: bool,
}

/// The pipeline.
#[component]
pub(crate) fn Stage(props: &StageProps) -> Html {
    let lanes = props.view.topology.partitions.len();
    let geometry = if props.narrow { Geometry::narrow(lanes) } else { Geometry::wide(lanes) };
    let view_box = format!("0 0 {} {}", geometry.width, geometry.height);
    html! {
        <section class="stage">
            <svg class="stage-picture" viewBox={view_box} role="img"></svg>
            <canvas class="stage-canvas" aria-hidden="true"></canvas>
        </section>
    }
}
