//! A partition's log: the newest cells by offset.

use std::sync::Arc;

use producer_core::scene::Cell;
use yew::prelude::*;

use super::draw::{line, path, rect, text, tick};
use super::geometry::{Area, Detail};
use super::picture::{Lane, Picture};
use super::words;
use crate::texts::fill;

/// Where the cells begin, and how wide all of them are.
const CELLS: (i32, i32) = (834, 256);
/// Offsets of more digits need wide cells.
const SHORT_OFFSETS: i64 = 1_000;

/// Which offsets are in view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// The first.
    pub(super) first: i64,
    /// How many.
    pub(super) count: i32,
}

impl Window {
    /// Of a log that ends at an offset: its newest cells, with one empty place after them while there is room.
    pub(super) fn of(end_offset: i64, count: i32) -> Self {
        Self { first: (end_offset - i64::from(count)).max(0), count }
    }

    fn offsets(self) -> impl Iterator<Item = (i32, i64)> {
        (0..self.count).map(move |place| (place, self.first + i64::from(place)))
    }
}

/// What is known of an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot<'a> {
    /// Nothing was stored there yet.
    Free,
    /// Somebody else stored it, or we did in another run.
    Foreign,
    /// Stored, but the trace left out by whom.
    Untold,
    /// Ours.
    Ours(&'a Cell),
    /// Ours, and a copy of an earlier one.
    Copy(&'a Cell),
}

/// A row's log; `top` is the row's.
pub(super) fn draw(picture: &Picture<'_>, top: i32, lane: &Lane<'_>) -> Html {
    let row = picture.geometry.row;
    let wide = picture.few || lane.end_offset() >= SHORT_OFFSETS;
    let window = Window::of(lane.end_offset(), if wide { 4 } else { 8 });
    let width = CELLS.1 / window.count;
    let (y, h) = (top + row.cells, row.cell_h);
    let area = |place: i32| Area::new(CELLS.0 + place * width, y, width, h);
    let slots: Vec<_> = window.offsets().map(|(place, offset)| (area(place), offset, slot(lane, offset))).collect();
    html! {
        <>
            { ground(y, h, width, window.count) }
            { slots.iter().map(|(area, offset, slot)| cell(picture, *area, top, *offset, *slot, lane)).collect::<Html>() }
            { to_come(picture, area(0), lane) }
            { notes(picture, top, lane, &slots) }
        </>
    }
}

fn ground(y: i32, h: i32, width: i32, count: i32) -> Html {
    let (left, right) = (CELLS.0, CELLS.0 + CELLS.1);
    let walls = (1..count).map(|place| format!("M{} {y}v{h}", left + place * width)).collect::<String>();
    html! {
        <>
            { rect("stage-log", Area::new(left, y, right - left, h), 0) }
            { path("stage-log-walls", walls) }
            { line("stage-log-edge", (left, y), (right, y)) }
            { line("stage-log-edge", (left, y + h), (right, y + h)) }
        </>
    }
}

fn slot<'a>(lane: &Lane<'a>, offset: i64) -> Slot<'a> {
    let Some(log) = lane.scene.map(|scene| &scene.log).filter(|log| offset < log.end_offset) else {
        return Slot::Free;
    };
    let place = log.cells.partition_point(|cell| cell.offset < offset);
    match log.cells.get(place).filter(|cell| cell.offset == offset) {
        None if offset < log.gap_below => Slot::Untold,
        None => Slot::Foreign,
        Some(cell) => {
            let is_same =
                |other: &Cell| other.batch.is_some() && (other.batch, other.ordinal) == (cell.batch, cell.ordinal);
            let is_copy = cell.ordinal.is_some() && log.cells.range(..place).any(is_same);
            if is_copy { Slot::Copy(cell) } else { Slot::Ours(cell) }
        }
    }
}

fn cell(picture: &Picture<'_>, area: Area, top: i32, offset: i64, slot: Slot<'_>, lane: &Lane<'_>) -> Html {
    let row = picture.geometry.row;
    let (x, _) = area.centre();
    let number = match picture.geometry.detail {
        Detail::Slim => Html::default(),
        _ => text("stage-offset", x, top + row.offset, offset.to_string()),
    };
    let tile = Area::new(area.x + 2, area.y + 3, area.w - 4, area.h - 6);
    let (parts, known) = match slot {
        Slot::Free => return number,
        Slot::Foreign => (rect("stage-tile-pale", tile, 5), false),
        Slot::Untold => (rect("stage-tile-untold", tile, 5), false),
        Slot::Ours(cell) => (ours(picture, tile, cell, lane.number), cell.known),
        Slot::Copy(cell) => {
            let ring = rect("stage-copy-ring", Area::new(tile.x - 1, tile.y - 1, tile.w + 2, tile.h + 2), 6);
            (
                html! { <>{ ours(picture, tile, cell, lane.number) }{ ring }{ squares((tile.x + tile.w, tile.y)) }</> },
                cell.known,
            )
        }
    };
    let mark = match picture.geometry.detail {
        Detail::Tall if known => tick((x, top + row.tick)),
        // There is no room below: the tick stands on the tile's corner.
        Detail::Middle | Detail::Slim if known => path("stage-tick stage-tick-on", corner_tick(tile)),
        _ => Html::default(),
    };
    let title = title(picture, offset, slot, lane);
    html! {
        <g class="stage-point" tabindex="-1" data-test-id="log-cell" data-partition={lane.number.to_string()} data-offset={offset.to_string()}>
            <title>{ title }</title>
            { parts }
            { number }
            { mark }
        </g>
    }
}

/// A tick in the corner of a tile, where there is no room below it.
pub(super) fn corner_tick(tile: Area) -> String {
    format!("M{} {}l2 2 3-4", tile.x + tile.w - 7, tile.y + 5)
}

pub(super) fn ours(picture: &Picture<'_>, tile: Area, cell: &Cell, lane: i32) -> Html {
    let (x, y) = tile.centre();
    let words = label(picture, cell, lane);
    let words = if tile.w > 40 { words::long_label(&words) } else { words::short_label(&words) };
    html! { <>{ rect("stage-tile", tile, 5) }{ text("stage-tile-word", x, y + 4, words) }</> }
}

/// Its key; without one, the word or the sign for that. Where the trace left its details out the ledger has them, of the
/// newest records; else a dot.
fn label(picture: &Picture<'_>, cell: &Cell, lane: i32) -> Arc<str> {
    if !cell.label.is_empty() {
        return Arc::clone(&cell.label);
    }
    let record = cell
        .batch
        .and_then(|id| picture.scene.batches.get(&id))
        .and_then(|batch| batch.first_records.iter().find(|record| Some(record.ordinal) == cell.ordinal));
    let row = || picture.row(lane, cell.offset).map(|row| row.label.clone());
    let key_size = match (record, cell.ordinal) {
        (Some(record), _) => Some(record.key_size),
        (None, Some(_)) => None,
        (None, None) => match row() {
            Some(Some(label)) if !label.is_empty() => return label,
            Some(Some(_)) => Some(0),
            Some(None) => Some(-1),
            None => None,
        },
    };
    match key_size {
        Some(-1) if picture.few => picture.texts.stage_null.into(),
        Some(-1) => "∅".into(),
        Some(0) => "\"\"".into(),
        _ => "·".into(),
    }
}

/// Two squares: a copy.
fn squares((x, y): (i32, i32)) -> Html {
    let d = format!("M{} {}h6v6h-6zM{} {}v-2h6v6h-2", x - 7, y - 1, x - 5, y - 1);
    path("stage-copy-mark", d)
}

fn to_come(picture: &Picture<'_>, area: Area, lane: &Lane<'_>) -> Html {
    if picture.lane_to_come() != Some(lane.number) || lane.end_offset() > 0 {
        return Html::default();
    }
    let tile = Area::new(area.x + 3, area.y + 5, area.w - 6, area.h - 10);
    let (x, y) = area.centre();
    let words = words::preview_label(picture.preview, picture.texts);
    let words = if picture.few { words } else { words::short_label(&words) };
    html! { <>{ rect("stage-to-come", tile, 5) }{ text("stage-lane-small stage-at-middle", x, y + 4, words) }</> }
}

/// What the cells alone do not say.
fn notes(picture: &Picture<'_>, top: i32, lane: &Lane<'_>, slots: &[(Area, i64, Slot<'_>)]) -> Html {
    let row = picture.geometry.row;
    let texts = picture.texts;
    if picture.geometry.detail == Detail::Slim {
        let end = lane.end_offset();
        let newest = if end > 0 { format!("@{}", end - 1) } else { String::new() };
        return text("stage-small stage-at-end", 1106, top + row.offset, newest);
    }
    if picture.geometry.detail == Detail::Middle {
        return Html::default();
    }
    let y = top + row.height - 5;
    let copy = slots.iter().find_map(|(_, _, slot)| match slot {
        Slot::Copy(cell) => cell.ordinal,
        _ => None,
    });
    let has = |wanted: Slot<'_>| slots.iter().any(|(_, _, slot)| *slot == wanted);
    let before = match (has(Slot::Untold), has(Slot::Foreign)) {
        (true, _) => texts.stage_left_out,
        (false, true) => texts.stage_before,
        (false, false) => "",
    };
    let unplaced = lane.scene.map_or(0, |scene| scene.log.without_offset);
    html! {
        <>
            { text("stage-small stage-quiet", CELLS.0 + 2, y, before) }
            { match copy {
                Some(ordinal) => {
                    text("stage-small stage-at-end stage-dup-word", 1102, y, fill(texts.stage_copied, &[&(ordinal + 1)]))
                }
                None if unplaced > 0 => {
                    let count = picture.language.number(unplaced);
                    text("stage-small stage-at-end stage-quiet", 1102, y, fill(texts.stage_without_offset, &[&count]))
                }
                None => Html::default(),
            } }
        </>
    }
}

fn title(picture: &Picture<'_>, offset: i64, slot: Slot<'_>, lane: &Lane<'_>) -> String {
    let texts = picture.texts;
    let mut title = format!("{}-{}@{offset}", picture.view.topology.topic, lane.number);
    let mut add = |words: String| {
        title.push('\n');
        title.push_str(&words);
    };
    match slot {
        Slot::Free => {}
        Slot::Foreign => add(texts.stage_foreign.to_owned()),
        Slot::Untold => add(texts.stage_untold.to_owned()),
        Slot::Ours(cell) | Slot::Copy(cell) => {
            if let Some(ordinal) = cell.ordinal {
                add(format!("#{} {}", ordinal + 1, cell.label));
            } else if let Some(row) = picture.row(lane.number, offset)
                && let Some(order) = row.send_order
            {
                add(format!("#{order} {}", row.label.as_deref().unwrap_or(texts.stage_null)));
            }
            if let Some(batch) = cell.batch {
                add(fill(texts.stage_in_batch, &[&batch]));
            }
            add((if cell.known { texts.stage_known } else { texts.stage_not_known }).to_owned());
        }
    }
    if let Slot::Copy(_) = slot {
        add(texts.stage_a_copy.to_owned());
    }
    title
}

#[cfg(test)]
mod tests {
    use super::*;
    use producer_core::scene::PartitionScene;

    #[test]
    fn an_offset_without_a_cell_is_foreign_unless_the_trace_left_something_out_there() {
        let mut scene = PartitionScene::default();
        (scene.log.end_offset, scene.log.gap_below) = (9, 0);
        let at = |scene: &PartitionScene, offset| {
            let lane = Lane { number: 0, scene: Some(scene), leader: None, replicas: &[], isr: &[], shelf: Vec::new() };
            matches!(slot(&lane, offset), Slot::Untold)
        };
        assert!(!at(&scene, 4), "nothing was left out");
        scene.log.gap_below = 7;
        assert!(at(&scene, 6) && !at(&scene, 7));
    }

    #[test]
    fn the_window_shows_the_newest_offsets_and_begins_at_zero() {
        assert_eq!(Window::of(0, 4), Window { first: 0, count: 4 });
        assert_eq!(Window::of(3, 4), Window { first: 0, count: 4 });
        assert_eq!(
            Window::of(69, 8).offsets().map(|(_, offset)| offset).collect::<Vec<_>>(),
            (61..69).collect::<Vec<_>>()
        );
    }
}
