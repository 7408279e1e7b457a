//! Sender and wires: the rail, the carriage, what stands of a connection, and the way home.

use producer_core::bridge::Habit;
use yew::prelude::*;

use super::draw::{line, path, rect, shape, text, titled};
use super::geometry::{Area, Detail, HOME, MIDDLE_LINE, RAIL};
use super::picture::{Lane, Picture};
use super::words;
use crate::texts::fill;

/// In-flight slots that are drawn one by one.
const SLOTS: u64 = 8;
/// Where a row's wires begin and end.
const WIRE: (i32, i32) = (564, 780);

/// A lane's ground, its name, its wires and the slots of its leader's connection.
pub(super) fn draw(picture: &Picture<'_>, place: usize, lane: &Lane<'_>) -> Html {
    let row = picture.geometry.row;
    let top = picture.geometry.start(place);
    let (belt, answers) = (top + row.belt, top + row.answer_line);
    let pale = picture.to_come() && picture.lane_to_come() != Some(lane.number);
    let (solid, dotted) = match pale {
        true => ("stage-lane-line stage-pale", "stage-lane-dots stage-pale"),
        false => ("stage-lane-line", "stage-lane-dots"),
    };
    html! {
        <>
            { path(solid, format!("M{} {belt}H{}m-6-5l6 5l-6 5", WIRE.0, WIRE.1)) }
            { path(dotted, format!("M{} {answers}H{}", WIRE.1, WIRE.0 - 8)) }
            { path("stage-lane-tip", format!("M{} {}l-6 4l6 4", WIRE.0 - 6, answers - 4)) }
            { slots(picture, top + row.head, lane) }
            { if picture.lane_to_come() == Some(lane.number) { to_come(picture, place) } else { Html::default() } }
        </>
    }
}

/// A lane's ground and name.
pub(super) fn ground(picture: &Picture<'_>, place: usize, lane: &Lane<'_>) -> Html {
    let band = picture.geometry.band(place);
    let head = band.y + picture.geometry.row.head;
    html! {
        <>
            { rect("stage-band", band, 8) }
            { shape("stage-fill", lane.number, (338, head), 5) }
            { text("stage-lane-word", 348, head + 5, format!("p{}", lane.number)) }
        </>
    }
}

/// Requests without an answer on the connection to the lane's leader, of how many there may be.
fn slots(picture: &Picture<'_>, y: i32, lane: &Lane<'_>) -> Html {
    let (texts, most) = (picture.texts, picture.limits.max_in_flight);
    let used = lane.leader.map_or(0, |leader| picture.scene.in_flight(leader)) as u64;
    let title = match lane.leader {
        Some(leader) => fill(texts.stage_slots_title, &[&leader, &used, &most]),
        None => texts.stage_no_leader.to_owned(),
    };
    let squares = (0..most.min(SLOTS)).map(|slot| {
        let x = 588 + 13 * i32::try_from(slot).unwrap_or(0);
        rect(if slot < used { "stage-slot stage-slot-taken" } else { "stage-slot" }, Area::new(x, y - 4, 8, 8), 2)
    });
    let count = fill(texts.stage_slots, &[&used, &most]);
    let parts = match picture.geometry.detail {
        Detail::Tall | Detail::Middle => {
            let x = 588 + 13 * i32::try_from(most.min(SLOTS)).unwrap_or(0) + 7;
            html! { <>{ squares.collect::<Html>() }{ text("stage-small", x, y + 4, count) }</> }
        }
        _ => text("stage-small", 572, y + 3, format!("{used}/{most}")),
    };
    titled(title, parts)
}

/// Request and answer of what the composer holds.
fn to_come(picture: &Picture<'_>, place: usize) -> Html {
    let row = picture.geometry.row;
    let top = picture.geometry.start(place);
    let texts = picture.texts;
    let words = words::records(u64::from(picture.preview.carried), picture.language);
    let (request, answer, h) = (top + row.request, top + row.answer, row.packet_h);
    html! {
        <>
            { rect("stage-to-come", Area::new(640, request - h / 2, 72, h), 4) }
            { path("stage-lane-tip", format!("M716 {}l4 4l-4 4", request - 4)) }
            { text("stage-lane-small stage-at-middle", 676, request + 4, words) }
            { rect("stage-to-come", Area::new(648, answer - h / 2, 56, h), 4) }
            { path("stage-lane-tip", format!("M643 {}l-4 4l4 4", answer - 4)) }
            { text("stage-lane-small stage-at-middle", 676, answer + 4, texts.stage_offset_to_come) }
        </>
    }
}

/// The one rail that only the carriage crosses.
pub(super) fn rail() -> Html {
    html! { <>{ line("stage-rail", (RAIL, 92), (RAIL, 424)) }{ line("stage-rail-dots", (RAIL, 94), (RAIL, 424)) }</> }
}

/// The sender: filled while there is work under way.
pub(super) fn carriage(picture: &Picture<'_>) -> Html {
    let class = if picture.has_batches_under_way() { "stage-carriage stage-carriage-busy" } else { "stage-carriage" };
    let (x, y) = (RAIL, MIDDLE_LINE - 13);
    let parts = html! {
        <g class={class}>
            { rect("stage-carriage-box", Area::new(x - 23, y - 23, 46, 46), 8) }
            { path("stage-carriage-arrow", format!("M{} {y}h13m-5-5l5 5l-5 5", x - 7)) }
        </g>
    };
    let word = words::sender(picture);
    titled(fill(picture.texts.stage_sender_title, &[&word]), parts)
}

/// The way home, with what it means in the mode chosen.
pub(super) fn home(picture: &Picture<'_>) -> Html {
    let words = home_words(picture);
    let lines = html! {
        <>
            { path("stage-home", format!("M{RAIL} 424V{}a6 6 0 0 1-6 6H76a6 6 0 0 1-6-6V314", HOME - 6)) }
            { path("stage-home-tip", "M65 319l5-6l5 6") }
            { text("stage-small stage-over-line", 92, HOME + 4, words) }
        </>
    };
    match picture.lane_to_come() {
        Some(of) => super::draw::lane(of, html! { <g class="stage-home-chosen">{ lines }</g> }),
        None => lines,
    }
}

/// What the answer means to the program, in the mode chosen.
pub(super) const fn home_words(picture: &Picture<'_>) -> &'static str {
    match picture.habit {
        Some(Habit::Get) => picture.texts.stage_home_get,
        Some(Habit::Callback) => picture.texts.stage_home_callback,
        Some(Habit::Forget) => picture.texts.stage_home_forget,
        None => picture.texts.stage_home,
    }
}
