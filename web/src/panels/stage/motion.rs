//! The painter that is called once a frame: picks what moves and draws it.

use std::sync::Arc;

use web_sys::HtmlCanvasElement;

use super::brush::Brush;
use super::geometry::Geometry;
use super::moves::Moves;
use super::picture::few_sent;
use crate::frame::Paint;
use crate::texts::Language;

/// A painter for a stage; `None`: this browser has no canvas to draw on.
pub(super) fn painter(
    canvas: HtmlCanvasElement,
    geometry: &Geometry,
    topic: Arc<str>,
    language: Language,
) -> Option<Box<Paint>> {
    let mut moves = Moves::over(geometry, topic, wants_no_motion());
    let mut brush = Brush::over(canvas, geometry, language)?;
    Some(Box::new(move |frame| {
        let goes_on = moves.pick(frame);
        brush.draw(&moves, few_sent(frame.scene));
        goes_on
    }))
}

/// Did the person ask the system for less motion?
fn wants_no_motion() -> bool {
    let query = web_sys::window().and_then(|window| window.match_media("(prefers-reduced-motion: reduce)").ok()?);
    query.is_some_and(|query| query.matches())
}
