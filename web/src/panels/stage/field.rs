//! More partitions than rows: every one has a cell with its counts, and none is left out.

use yew::prelude::*;

use super::draw::{circle, lane as in_colour, path, rect, text, titled};
use super::geometry::{Flow, MIDDLE_LINE};
use super::picture::{Lane, Picture};
use crate::texts::fill;

/// Cells of this height have room for a number.
const ROOM_FOR_WORDS: i32 = 12;

/// The field, and the sums of the shelves and wires before it.
pub(super) fn draw(picture: &Picture<'_>) -> Html {
    let highest = picture.lanes.iter().map(records).max().unwrap_or(0).max(1);
    let cells = picture.lanes.iter().enumerate();
    let cells: Html = cells.map(|(place, lane)| cell(picture, place, lane, highest)).collect();
    let sums = if picture.geometry.flow == Flow::Right { sums(picture) } else { Html::default() };
    html! { <>{ sums }{ cells }</> }
}

/// Records in a lane's log, and on its shelf.
fn records(lane: &Lane<'_>) -> i64 {
    lane.end_offset().saturating_add(i64::try_from(lane.waiting()).unwrap_or(0))
}

fn cell(picture: &Picture<'_>, place: usize, lane: &Lane<'_>, highest: i64) -> Html {
    let area = picture.geometry.field_cell(place);
    let (x, y) = area.centre();
    let heat = match records(lane) * 4 / highest {
        _ if records(lane) == 0 => "stage-heat",
        0 => "stage-heat stage-heat-1",
        1 => "stage-heat stage-heat-2",
        2 => "stage-heat stage-heat-3",
        _ => "stage-heat stage-heat-4",
    };
    let number = match area.h >= ROOM_FOR_WORDS {
        true => text("stage-heat-word", x, y + 4, lane.number.to_string()),
        false => Html::default(),
    };
    let leader = lane
        .leader
        .map_or_else(|| picture.texts.stage_no_leader.to_owned(), |node| fill(picture.texts.stage_broker, &[&node]));
    let title = fill(
        picture.texts.stage_field_cell,
        &[&lane.number, &leader, &picture.language.number(lane.waiting()), &picture.language.number(lane.end_offset())],
    );
    in_colour(lane.number, titled(title, html! { <>{ rect(heat, area, 3) }{ number }</> }))
}

/// What rows would tell one by one, added up.
fn sums(picture: &Picture<'_>) -> Html {
    let texts = picture.texts;
    let number = |count: u64| picture.language.number(count);
    let batches: usize = picture.lanes.iter().map(|lane| lane.shelf.len()).sum();
    let records: u64 = picture.lanes.iter().map(Lane::waiting).sum();
    let in_flight: usize = picture.scene.connections.values().map(|connection| connection.in_flight.len()).sum();
    let retries = picture.lanes.iter().flat_map(|lane| &lane.shelf).filter(|(_, batch)| batch.attempts > 0).count();
    html! {
        <>
            { path("stage-belt", format!("M276 {MIDDLE_LINE}H522M570 {MIDDLE_LINE}H778")) }
            { circle("stage-blade-pin", (334, MIDDLE_LINE), 3) }
            { text("stage-small", 340, MIDDLE_LINE - 26, fill(texts.stage_field_shelves, &[&picture.lanes.len()])) }
            { text("stage-small", 340, MIDDLE_LINE - 10, fill(texts.stage_field_batches, &[&number(batches as u64), &number(records)])) }
            { text("stage-small", 588, MIDDLE_LINE - 10, fill(texts.stage_in_flight, &[&in_flight])) }
            { match retries {
                0 => Html::default(),
                _ => text("stage-small stage-retry-word", 340, MIDDLE_LINE + 20, fill(texts.stage_field_retries, &[&number(retries as u64)])),
            } }
        </>
    }
}
