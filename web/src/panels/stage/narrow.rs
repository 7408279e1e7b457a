//! The narrow stage: the belt turns downward, a partition is a column.

use yew::prelude::*;

use super::caller;
use super::draw::{circle, lane as in_colour, line, path, rect, shape, text, titled};
use super::geometry::{Area, Detail, RAIL_DOWN, WHEEL_DOWN};
use super::log;
use super::picture::{Lane, Picture};
use super::shelf;
use super::stations::heading;
use super::words;
use crate::texts::fill;

/// The caller's box.
const BOX: Area = Area::new(188, 12, 88, 36);
/// Middles of the stations' names.
const HEADINGS: [i32; 5] = [27, 80, 138, 208, 318];
/// The brokers' frames.
const FRAME: (i32, i32) = (306, 366);

/// Everything that stands.
pub(super) fn draw(picture: &Picture<'_>) -> Html {
    let is_field = picture.geometry.detail == Detail::Field;
    let columns = picture.lanes.iter().enumerate();
    let columns: Html = match is_field {
        true => super::field::draw(picture),
        false => columns.map(|(place, lane)| in_colour(lane.number, column(picture, place, lane))).collect(),
    };
    html! {
        <>
            { headings(picture) }
            { path("stage-home", format!("M112 {RAIL_DOWN}h2a6 6 0 0 1-6-6V36a6 6 0 0 1 6-6H180")) }
            { path("stage-home-tip", "M179 25l6 5l-6 5") }
            { path("stage-belt", "M232 48V70") }
            { columns }
            { wheel(picture) }
            { caller_box(picture) }
            { line("stage-rail", (112, RAIL_DOWN), (352, RAIL_DOWN)) }
            { carriage(picture) }
        </>
    }
}

fn headings(picture: &Picture<'_>) -> Html {
    let texts = picture.texts;
    let scene = picture.scene;
    let (sent, memory) = (picture.sent(), scene.memory_used_bytes);
    let (stands, _) = words::stands(scene, texts);
    let caller = match (stands, sent) {
        ("", 0) => texts.stage_caller_caption.to_owned(),
        ("", _) => fill(texts.stage_sent, &[&picture.language.number(sent)]),
        (stands, _) => stands.to_owned(),
    };
    let used = if memory == 0 { String::new() } else { fill(texts.stage_memory_short, &[&words::size(memory)]) };
    let in_flight: usize = scene.connections.values().map(|connection| connection.in_flight.len()).sum();
    let sender = match in_flight {
        0 => words::sender(picture),
        _ => fill(texts.stage_in_flight, &[&in_flight]),
    };
    let brokers = match picture.view.topology.brokers.len() {
        _ if scene.deserted_since().is_some() => texts.brokers_down_short.to_owned(),
        1 => texts.stage_broker_one.to_owned(),
        many => fill(texts.stage_broker_count, &[&many]),
    };
    let all = [
        (texts.stage_caller, caller),
        (texts.stage_partitioner, caller::chosen(picture)),
        (texts.stage_accumulator, used),
        (texts.stage_sender, sender),
        (texts.stage_brokers, brokers),
    ];
    let all = all.into_iter().zip(HEADINGS).enumerate();
    all.map(|(place, ((name, caption), y))| heading(place + 1, 1, y, name, caption)).collect()
}

fn caller_box(picture: &Picture<'_>) -> Html {
    let (word, waits) = words::caller(picture);
    let ground = if waits { "stage-box stage-hatched" } else { "stage-box" };
    html! { <>{ rect(ground, BOX, 7) }{ text("stage-word stage-at-middle", 232, 35, word) }</> }
}

fn wheel(picture: &Picture<'_>) -> Html {
    let (x, y) = WHEEL_DOWN;
    let lanes = i32::try_from(picture.lanes.len()).unwrap_or(0);
    let shown = lanes.min(3);
    let first = picture.blade().map_or(0, |lane| (lane - 1).clamp(0, lanes - shown));
    let marks: Vec<_> = (0..shown).map(|n| (first + n, (x + (2 * n - shown + 1) * 5, y + 5))).collect();
    let class = if picture.awaits().is_some() { "stage-fill stage-pale" } else { "stage-fill" };
    let tip = marks.iter().find(|(of, _)| Some(*of) == picture.blade()).map_or((x, y + 2), |(_, (tip, _))| (*tip, y));
    html! {
        <>
            { circle("stage-wheel", WHEEL_DOWN, 18) }
            { marks.iter().map(|(of, at)| shape(class, *of, *at, 4)).collect::<Html>() }
            { path("stage-blade", match picture.awaits() {
                // It leads to none of them.
                Some(_) => format!("M{x} {}V{}", y - 18, y - 7),
                None => format!("M{x} {}V{}L{} {}", y - 18, y - 8, tip.0, tip.1),
            }) }
        </>
    }
}

/// A lane: its ground, curve, shelf, wires and log.
fn column(picture: &Picture<'_>, place: usize, lane: &Lane<'_>) -> Html {
    let geometry = picture.geometry;
    let band = geometry.band(place);
    let (x, y) = geometry.belt_line(place);
    let (wheel, from) = (WHEEL_DOWN.0, WHEEL_DOWN.1 + 18);
    let (request, answer) = geometry.wires_down(place);
    let shelf_half = (band.w / 2 - 6).min(28);
    let pale = picture.to_come() && picture.lane_to_come() != Some(lane.number);
    let solid = if pale { "stage-lane-line stage-pale" } else { "stage-lane-line" };
    let dots = if pale { "stage-lane-dots stage-pale" } else { "stage-lane-dots" };
    html! {
        <>
            { rect("stage-band", band, 6) }
            { path(solid, format!("M{wheel} {from}C{wheel} 116 {x} 106 {x} {y}V172M{x} 172V190")) }
            { line(solid, (x - shelf_half, 173), (x + shelf_half, 173)) }
            { shelf::crates(picture, place, lane) }
            { path(solid, format!("M{request} 211V301m-4-6l4 6l4-6")) }
            { path(dots, format!("M{answer} 301V214")) }
            { path("stage-lane-tip", format!("M{} 220l4-6l4 6", answer - 4)) }
            { if picture.lane_to_come() == Some(lane.number) { to_come(picture, request) } else { Html::default() } }
            { frame(picture, band, lane) }
        </>
    }
}

fn to_come(picture: &Picture<'_>, x: i32) -> Html {
    let words = format!("×{}", picture.language.number(picture.preview.carried));
    html! {
        <>
            { rect("stage-to-come", Area::new(x - 16, 248, 32, 20), 4) }
            { text("stage-lane-small stage-at-middle", x, 262, words) }
        </>
    }
}

fn carriage(picture: &Picture<'_>) -> Html {
    let class = if picture.has_batches_under_way() { "stage-carriage stage-carriage-busy" } else { "stage-carriage" };
    let (x, y) = (WHEEL_DOWN.0, RAIL_DOWN);
    let parts = html! {
        <g class={class}>
            { rect("stage-carriage-box", Area::new(x - 18, y - 17, 36, 34), 7) }
            { path("stage-carriage-arrow", format!("M{x} {}v11m-5-5l5 5l5-5", y - 6)) }
        </g>
    };
    titled(words::sender(picture), parts)
}

/// The leader's frame with the newest of the log.
fn frame(picture: &Picture<'_>, band: Area, lane: &Lane<'_>) -> Html {
    let area = Area::new(band.x + 2, FRAME.0, band.w - 4, FRAME.1 - FRAME.0);
    let unreachable = lane.leader.and_then(|leader| picture.unreachable(leader));
    let is_served = lane.leader.is_some() && unreachable.is_none();
    let class = if is_served { "stage-frame" } else { "stage-frame stage-frame-empty" };
    let title = match lane.leader {
        Some(node) if let Some(time) = unreachable => {
            fill(picture.texts.stage_unreachable_title, &[&node, &words::span(time)])
        }
        Some(node) => fill(picture.texts.stage_broker, &[&node]),
        None => picture.texts.stage_no_leader.to_owned(),
    };
    let end = lane.end_offset();
    let newest = if end > 0 && band.w > 60 { format!("@{}", end - 1) } else { String::new() };
    // A long one stands below the cells: beside the name it would cover it.
    let newest_y = if end > 1_000 { 364 } else { 324 };
    let (mark, word) = if band.w > 30 { (area.x + 7, area.x + 13) } else { (area.x + area.w / 2, area.x + 1) };
    let name_y = if band.w > 30 { 324 } else { 338 };
    html! {
        <>
            { titled(title, rect(class, area, 6)) }
            { shape("stage-fill", lane.number, (mark, 319), 4) }
            { text("stage-lane-small", word, name_y, format!("p{}", lane.number)) }
            { text("stage-small stage-at-end stage-quiet", area.x + area.w - 4, newest_y, newest) }
            { cells(picture, area, lane) }
        </>
    }
}

/// The newest cells that the frame has room for; each stands for one offset.
fn cells(picture: &Picture<'_>, frame: Area, lane: &Lane<'_>) -> Html {
    let Some(log) = lane.scene.map(|scene| &scene.log) else { return Html::default() };
    let wide = picture.few && frame.w > 60;
    let (width, most) = if wide { (frame.w - 8, 1) } else { (22, usize::try_from(frame.w / 22).unwrap_or(0)) };
    let skipped = log.cells.len().saturating_sub(most);
    let left = frame.x + (frame.w - width * i32::try_from(most).unwrap_or(0)) / 2;
    let cells = log.cells.iter().skip(skipped).zip(0..).map(|(cell, nth)| {
        let tile = Area::new(left + nth * width + 1, 334, width - 2, 20);
        html! {
            <g class="stage-point" tabindex="-1" data-test-id="log-cell" data-partition={lane.number.to_string()} data-offset={cell.offset.to_string()}>
                <title>{ format!("{}-{}@{}", picture.view.topology.topic, lane.number, cell.offset) }</title>
                { log::ours(picture, tile, cell, lane.number) }
                { if cell.known { path("stage-tick stage-tick-on", log::corner_tick(tile)) } else { Html::default() } }
            </g>
        }
    });
    cells.collect()
}
