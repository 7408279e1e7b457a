//! The main thread's side of the wide stage: caller, serialiser, partitioner.

use yew::prelude::*;

use super::draw::{circle, lane, path, rect, shape, text, titled};
use super::geometry::{Area, Detail, MIDDLE_LINE, WHEEL};
use super::picture::Picture;
use super::words;
use crate::draft::Destination;
use crate::texts::{Language, fill};

/// The caller's box.
const BOX: Area = Area::new(16, 198, 108, 107);
/// Numbers from here on have no room for words beside them, while a record stands at the door.
const WIDE: u32 = 1_000;
/// Numbers from here on never have.
const WIDEST: u64 = 100_000;
/// Where the serialiser's feet stand.
const ARCH: (i32, i32) = (152, 196);

/// Caller, serialiser, partitioner and the belts between them.
pub(super) fn draw(picture: &Picture<'_>) -> Html {
    html! {
        <>
            { lead(picture) }
            { belt() }
            { arch(picture) }
            { wheel(picture) }
            { caller(picture) }
        </>
    }
}

fn caller(picture: &Picture<'_>) -> Html {
    let (word, waits) = words::caller(picture);
    let ground = if waits { "stage-box stage-hatched" } else { "stage-box" };
    let lines = lines(picture, waits).into_iter().enumerate();
    let lines: Html = lines.map(|(place, words)| text("stage-small", BOX.x + 10, 262 + row(place), words)).collect();
    let title = fill(picture.texts.stage_caller_title, &[&word, &picture.language.number(picture.sent())]);
    titled(
        title,
        html! {
            <>
                { rect(ground, BOX, 8) }
                { rect("stage-box-head", Area::new(BOX.x + 1, BOX.y + 1, BOX.w - 2, 22), 7) }
                { path("stage-ink-line", format!("M{} 221H{}", BOX.x, BOX.x + BOX.w)) }
                { path("stage-ink-line", "M24 206l4 4l-4 4M31 215h5") }
                { text("stage-code", 42, 214, "main()") }
                { text("stage-word", BOX.x + 10, 243, word) }
                { lines }
                { label_to_come(picture) }
            </>
        },
    )
}

fn row(place: usize) -> i32 {
    i32::try_from(place * 16).unwrap_or(0)
}

/// Under the caller's word: where it stands and for how long, then how many records it sent.
fn lines(picture: &Picture<'_>, waits: bool) -> Vec<String> {
    let (texts, scene) = (picture.texts, picture.scene);
    if picture.to_come() && !waits {
        return vec![match picture.preview.count {
            // The record at the door stands in the way of longer words.
            many @ WIDE.. => format!("×{}", picture.language.number(many)),
            few => words::records(u64::from(few), picture.language),
        }];
    }
    let mut lines = Vec::new();
    if waits {
        let (place, what) = words::stands(scene, texts);
        let mut time = words::span(picture.now - scene.caller.since);
        let mut what = what.to_owned();
        if let Some(awaits) = &scene.caller.awaits {
            what = fill(texts.stage_awaits_for, &[&awaits.partition.partition]);
            let (waited, most) = (picture.now - awaits.since, awaits.until - awaits.since);
            time = fill(texts.stage_time_of, &[&words::span(waited), &words::span(most)]);
        }
        lines.extend([place.to_owned(), what].into_iter().filter(|words| !words.is_empty()));
        lines.push(time);
    }
    if picture.sent() > 0 && lines.len() < 3 {
        lines.push(counted(texts.stage_sent, picture.sent(), picture.language));
    }
    if scene.caller.refused > 0 && lines.len() < 3 {
        lines.push(counted(texts.stage_failed, scene.caller.refused, picture.language));
    }
    lines
}

/// A number with its words, or alone where both would leave the box.
fn counted(words: &str, count: u64, language: Language) -> String {
    match count {
        0..WIDEST => fill(words, &[&language.number(count)]),
        _ => format!("×{}", language.number(count)),
    }
}

/// The record that Send would send, waiting at the door.
fn label_to_come(picture: &Picture<'_>) -> Html {
    if !picture.to_come() || words::caller(picture).1 {
        return Html::default();
    }
    let label = words::preview_label(picture.preview, picture.texts);
    html! {
        <>
            { rect("stage-tile-queued", Area::new(94, 236, 60, 21), 5) }
            { text("stage-tile-ink", 124, 251, label) }
        </>
    }
}

/// Rollers from the caller to the partitioner.
fn belt() -> Html {
    html! {
        <>
            { path("stage-belt", "M124 260H226M124 267H226") }
            { path("stage-rollers", "M128 263.5H226") }
        </>
    }
}

/// The serialiser: an arch over the belt, the sizes of the newest record below.
fn arch(picture: &Picture<'_>) -> Html {
    let (left, right) = ARCH;
    let arch = format!("M{left} 268V217a8 8 0 0 1 8-8h{}a8 8 0 0 1 8 8V268", right - left - 16);
    let middle = (left + right) / 2;
    html! {
        <>
            { path("stage-arch-ground", format!("{arch}Z")) }
            { path("stage-arch", arch) }
            { text("stage-code stage-at-middle stage-bold", middle, 226, "01") }
            { text("stage-small stage-at-middle", middle, 288, sizes(picture)) }
        </>
    }
}

fn sizes(picture: &Picture<'_>) -> String {
    let texts = picture.texts;
    let (key, value) = match picture.newest().map(|batch| batch.first_records.last()) {
        Some(Some(record)) => (record.key_size, record.value_size),
        Some(None) => return String::new(),
        None if picture.preview.count > 0 => (picture.preview.key_bytes, picture.preview.value_bytes),
        None => return String::new(),
    };
    let part = |bytes: i32| if bytes < 0 { texts.stage_null.to_owned() } else { picture.language.number(bytes) };
    fill(texts.stage_bytes, &[&part(key), &part(value)])
}

/// The curves from the partitioner to the lanes.
fn lead(picture: &Picture<'_>) -> Html {
    if picture.geometry.detail == Detail::Field {
        return Html::default();
    }
    let chosen = picture.lane_to_come();
    let curves = picture.lanes.iter().enumerate().map(|(place, of)| {
        let (x, y) = picture.geometry.belt_line(place);
        let class = if picture.to_come() && chosen != Some(of.number) { "stage-lead stage-pale" } else { "stage-lead" };
        let d = format!("M270 {MIDDLE_LINE}C302 {MIDDLE_LINE} 298 {y} {x} {y}");
        lane(of.number, path(class, d))
    });
    curves.collect()
}

/// The partitioner: railway points whose blade is turned to the lane of the newest record.
fn wheel(picture: &Picture<'_>) -> Html {
    let (x, y) = WHEEL;
    let marks = marks(picture);
    let blade = picture.blade();
    let tip =
        marks.iter().find(|(of, _)| Some(*of) == blade).map_or((x + 4, y), |(_, (_, tip))| (x + 3, (tip + y) / 2));
    let shapes = marks.iter().map(|(of, at)| {
        let is_open = !picture.to_come() && picture.awaits().is_none();
        let class = if blade == Some(*of) || is_open { "stage-fill" } else { "stage-fill stage-pale" };
        shape(class, *of, *at, 4)
    });
    html! {
        <>
            { circle("stage-wheel", WHEEL, 24) }
            { shapes.collect::<Html>() }
            { path("stage-blade", match picture.awaits() {
                // It leads to none of them.
                Some(_) => format!("M{} {y}H{}", x - 24, x - 7),
                None => format!("M{} {y}H{}L{} {}", x - 24, x - 8, tip.0, tip.1),
            }) }
            { circle("stage-blade-pin", (x - 7, y), 2) }
            { text("stage-small stage-at-middle", x, 304, chosen(picture)) }
        </>
    }
}

/// Marks of up to three lanes: around the blade's, or the first.
fn marks(picture: &Picture<'_>) -> Vec<(i32, (i32, i32))> {
    let count = i32::try_from(picture.lanes.len()).unwrap_or(0);
    let shown = count.min(3);
    let first = picture.blade().map_or(0, |lane| (lane - 1).clamp(0, count - shown));
    (0..shown).map(|place| (first + place, (WHEEL.0 + 9, WHEEL.1 + (2 * place - shown + 1) * 13 / 2))).collect()
}

/// Who chose which partition for the newest record.
pub(super) fn chosen(picture: &Picture<'_>) -> String {
    let texts = picture.texts;
    if let Some(awaits) = picture.awaits() {
        return fill(texts.stage_awaits, &[&awaits.partition.partition]);
    }
    match picture.newest() {
        Some(batch) => {
            let choice = batch.first_records.last().and_then(|record| record.choice);
            words::choice(choice, batch.partition.partition, texts)
        }
        None if !picture.to_come() => String::new(),
        None => match picture.preview.destination {
            Destination::Explicit(lane)
            | Destination::Missing { partition: lane, .. }
            | Destination::Negative(lane) => fill(texts.stage_explicit, &[&lane]),
            Destination::Hashed { partition, .. } => fill(texts.stage_hash, &[&partition]),
            Destination::Sticky => texts.stage_sticky_unknown.to_owned(),
            Destination::Unknown => String::new(),
        },
    }
}
