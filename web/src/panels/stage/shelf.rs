//! The accumulator: a shelf per partition, with its batches as crates.

use producer_core::ids::BatchId;
use producer_core::scene::{BatchScene, BatchState};
use yew::prelude::*;

use super::draw::{again, line, path, rect, ring, text, titled};
use super::geometry::{Area, Detail, Flow};
use super::picture::{Lane, Picture};
use super::words;
use crate::texts::fill;

/// Records that are drawn as strips of a crate; more are a number alone.
const STRIPS: u32 = 8;
/// Where a row's shelf begins and ends.
pub(super) const SHELF: (i32, i32) = (332, 526);

/// A lane's shelf in the wide stage.
pub(super) fn draw(picture: &Picture<'_>, place: usize, lane: &Lane<'_>) -> Html {
    let row = picture.geometry.row;
    let top = picture.geometry.start(place);
    let belt = top + row.belt;
    let pale = picture.to_come() && picture.lane_to_come() != Some(lane.number);
    let class = if pale { "stage-lane-line stage-pale" } else { "stage-lane-line" };
    html! {
        <>
            { line(class, (SHELF.0, belt), (SHELF.1, belt)) }
            { rollers(picture, belt, pale) }
            { crates(picture, place, lane) }
            { notes(picture, top, lane) }
        </>
    }
}

fn rollers(picture: &Picture<'_>, belt: i32, pale: bool) -> Html {
    if picture.geometry.detail != Detail::Tall {
        return Html::default();
    }
    let (from, to) = SHELF;
    let class = if pale { "stage-lane-rollers stage-pale" } else { "stage-lane-rollers" };
    let thin = if pale { "stage-lane-thin stage-pale" } else { "stage-lane-thin" };
    html! {
        <>
            { path(class, format!("M{} {}H{}", from + 6, belt + 3, to)) }
            { path(thin, format!("M{from} {}H{to}", belt + 6)) }
        </>
    }
}

/// The crates that the shelf has room for, and how many more there are.
pub(super) fn crates(picture: &Picture<'_>, place: usize, lane: &Lane<'_>) -> Html {
    let geometry = picture.geometry;
    if lane.shelf.is_empty() {
        return if picture.lane_to_come() == Some(lane.number) {
            crate_to_come(picture, place)
        } else {
            Html::default()
        };
    }
    let shown = lane.shelf.iter().take(geometry.crates()).enumerate();
    let crates = shown.map(|(nth, (id, batch))| draw_crate(picture, geometry.crate_area(place, nth), *id, batch));
    let more = lane.shelf.len().saturating_sub(geometry.crates());
    html! { <>{ crates.collect::<Html>() }{ more_crates(picture, place, more) }</> }
}

fn more_crates(picture: &Picture<'_>, place: usize, more: usize) -> Html {
    if more == 0 {
        return Html::default();
    }
    let area = picture.geometry.crate_area(place, picture.geometry.crates() - 1);
    let (_, y) = area.centre();
    let words = text("stage-small stage-at-end stage-bold", area.x - 6, y + 4, format!("+{more}"));
    titled(fill(picture.texts.stage_more_batches, &[&more]), words)
}

fn crate_to_come(picture: &Picture<'_>, place: usize) -> Html {
    let area = picture.geometry.crate_area(place, 0);
    let (x, y) = area.centre();
    let count = picture.language.number(picture.preview.carried);
    html! {
        <>
            { path("stage-to-come", open_crate(area)) }
            { text("stage-lane-word stage-at-middle", x, y + 5, count) }
        </>
    }
}

/// A crate without a lid.
fn open_crate(area: Area) -> String {
    let Area { x, y, w, h } = area;
    format!("M{x} {y}V{}H{}V{y}", y + h, x + w)
}

/// A batch: as full as its bytes, with a strip for each of its first records.
fn draw_crate(picture: &Picture<'_>, area: Area, id: BatchId, batch: &BatchScene) -> Html {
    let (x, y) = area.centre();
    let retries = matches!(batch.state, BatchState::Retrying { .. });
    let corner = (area.x + area.w, area.y.max(area.y + 7 - area.h / 4));
    let badge = match &batch.state {
        // A low crate would be covered.
        BatchState::Retrying { .. } if area.h < 20 => pill((area.x + area.w + 20, y), batch.attempts),
        BatchState::Retrying { .. } => pill((x, area.y - 2), batch.attempts),
        _ => ring(corner, if area.h > 20 { 7 } else { 5 }, linger_left(picture, batch)),
    };
    let outline = if retries { "stage-crate stage-crate-closed" } else { "stage-crate" };
    let lid = if retries { path("stage-crate", format!("M{} {}h{}", area.x, area.y, area.w)) } else { Html::default() };
    let parts = html! {
        <>
            { rect("stage-crate-ground", area, 0) }
            { contents(area, batch) }
            { path(outline, open_crate(area)) }
            { lid }
            { text("stage-count stage-at-middle", x, y + 5, picture.language.number(batch.records)) }
            { badge }
        </>
    };
    titled(words::batch_title(id.0, batch, picture.language), parts)
}

fn contents(area: Area, batch: &BatchScene) -> Html {
    let bytes = i64::from(batch.bytes.min(batch.capacity_bytes));
    let room = i64::from(area.h - 2);
    // A crate that holds something is never drawn empty.
    let filled = i32::try_from(bytes * room / i64::from(batch.capacity_bytes.max(1))).unwrap_or(0).max(3);
    if batch.records == 0 {
        return Html::default();
    }
    let top = area.y + area.h - filled;
    let ground = rect("stage-crate-fill", Area::new(area.x, top, area.w, filled), 0);
    let strips = i32::try_from(batch.records.min(STRIPS)).unwrap_or(0);
    // Strips thinner than three pixels would be a grey, not strips.
    if filled < 3 * strips || batch.records > STRIPS {
        return ground;
    }
    let strips = (1..strips).map(|nth| {
        let y = top + filled * nth / strips;
        line("stage-crate-strip", (area.x, y), (area.x + area.w, y))
    });
    html! { <>{ ground }{ strips.collect::<Html>() }</> }
}

/// How much of `linger.ms` is left, in thousandths.
fn linger_left(picture: &Picture<'_>, batch: &BatchScene) -> u64 {
    let linger = picture.limits.linger;
    let left = (batch.opened_at + linger) - picture.now;
    let share = left.as_micros().saturating_mul(1_000) / linger.as_micros().max(1);
    u64::try_from(share).unwrap_or(0)
}

/// A batch that is sent again: a circular arrow with the number of attempts so far.
pub(super) fn pill((x, y): (i32, i32), attempts: u32) -> Html {
    html! {
        <g class="stage-retry">
            { rect("stage-pill", Area::new(x - 17, y - 8, 34, 16), 8) }
            { again((x - 8, y)) }
            { text("stage-pill-word", x + 7, y + 4, attempts.to_string()) }
        </g>
    }
}

/// The words under the belt: of the batch that leaves next.
fn notes(picture: &Picture<'_>, top: i32, lane: &Lane<'_>) -> Html {
    let row = picture.geometry.row;
    let Some((_, batch)) = lane.shelf.first() else { return Html::default() };
    let texts = picture.texts;
    let (used, all) = (words::size(u64::from(batch.bytes)), words::size(u64::from(batch.capacity_bytes)));
    let x = 337;
    match picture.geometry.detail {
        Detail::Tall => html! {
            <>
                { text("stage-small", x, top + row.notes[0], fill(texts.stage_fill, &[&used, &all])) }
                { left(picture, x, top + row.notes[1], batch) }
                { fuse(picture, top + row.notes[0] - 4, batch) }
            </>
        },
        Detail::Middle => left(picture, x, top + row.notes[0], batch),
        Detail::Slim | Detail::Field => text("stage-small", x + 40, top + row.notes[0], used),
    }
}

fn left(picture: &Picture<'_>, x: i32, y: i32, batch: &BatchScene) -> Html {
    let class = match batch.state {
        BatchState::Retrying { .. } => "stage-small stage-retry-word",
        _ => "stage-small stage-quiet",
    };
    text(class, x, y, time_left(picture, batch))
}

/// How long a batch stays on its shelf.
pub(super) fn time_left(picture: &Picture<'_>, batch: &BatchScene) -> String {
    let texts = picture.texts;
    match &batch.state {
        BatchState::Retrying { until, .. } => fill(texts.stage_backoff_left, &[&words::span(*until - picture.now)]),
        _ => {
            let left = (batch.opened_at + picture.limits.linger) - picture.now;
            if left.is_zero() {
                texts.stage_due.to_owned()
            } else {
                fill(texts.stage_linger_left, &[&words::span(left)])
            }
        }
    }
}

/// A batch that failed once burns its `delivery.timeout.ms` visibly, from its creation on.
fn fuse(picture: &Picture<'_>, y: i32, batch: &BatchScene) -> Html {
    if batch.attempts == 0 || picture.geometry.flow == Flow::Down {
        return Html::default();
    }
    let whole = picture.limits.delivery_timeout;
    let left = (batch.opened_at + whole) - picture.now;
    let share = left.as_micros().saturating_mul(60) / whole.as_micros().max(1);
    let width = i32::try_from(share).unwrap_or(0).min(60);
    let title = fill(picture.texts.stage_fuse, &[&words::span(left), &words::span(whole)]);
    let bars = html! {
        <>
            { line("stage-tank", (462, y), (522, y)) }
            { line("stage-tank-full", (462, y), (462 + width, y)) }
        </>
    };
    titled(title, bars)
}
