//! Brackets and headings of the wide stage: which thread runs what, and the five stations.

use yew::prelude::*;

use super::draw::{circle, line, path, text, titled};
use super::geometry::BAND;
use super::picture::Picture;
use super::words;
use crate::texts::fill;

/// Where a station's heading begins.
const HEADINGS: [i32; 5] = [16, 134, 330, 518, 782];

/// The sender's words leave room beside them for which way messages go.
const ROOM_FOR_WAY: f64 = 145.0;

/// Brackets and headings.
pub(super) fn draw(picture: &Picture<'_>) -> Html {
    html! { <>{ brackets(picture) }{ headings(picture) }</> }
}

fn brackets(picture: &Picture<'_>) -> Html {
    let texts = picture.texts;
    let brokers = picture.view.topology.brokers.len();
    let cluster = match brokers {
        0 => texts.stage_cluster.to_owned(),
        1 => texts.stage_cluster_one.to_owned(),
        _ => fill(texts.stage_cluster_of, &[&brokers]),
    };
    // The main thread's part ends on the shelf: what it filled, the sender thread takes away.
    let threads = [(16, 414, texts.stage_main_thread.to_owned()), (425, 770, texts.stage_sender_thread.to_owned())];
    let all = threads.into_iter().chain([(BAND.1, 1112, cluster)]);
    all.map(|(from, to, name)| bracket(from, to, name)).collect()
}

fn bracket(from: i32, to: i32, name: String) -> Html {
    let d = format!("M{from} 21V16H{to}V21");
    html! {
        <>
            { path("stage-bracket", d) }
            { text("stage-bracket-name", (from + to) / 2, 20, name) }
        </>
    }
}

fn headings(picture: &Picture<'_>) -> Html {
    let texts = picture.texts;
    let scene = picture.scene;
    let memory = match scene.memory_used_bytes {
        0 => texts.stage_shelves.to_owned(),
        used => fill(texts.stage_memory, &[&words::size(used), &words::size(picture.limits.buffer_memory)]),
    };
    let sender = words::sender(picture);
    let way = if words::width(&sender) < ROOM_FOR_WAY { texts.stage_way } else { "" };
    let names = [
        (texts.stage_caller, texts.stage_caller_caption.to_owned()),
        (texts.stage_serialiser_partitioner, texts.stage_serialiser_caption.to_owned()),
        (texts.stage_accumulator, memory),
        (texts.stage_sender, sender),
        (texts.stage_brokers, texts.stage_brokers_caption.to_owned()),
    ];
    let headings = names.into_iter().zip(HEADINGS).enumerate();
    let headings: Html =
        headings.map(|(place, ((name, caption), x))| heading(place + 1, x, 43, name, caption)).collect();
    html! {
        <>
            { headings }
            { text("stage-caption stage-at-end", 770, 67, way) }
            { tank(picture) }
        </>
    }
}

/// A station's number, name and caption; `y` is the middle of its name.
pub(super) fn heading(number: usize, x: i32, y: i32, name: &'static str, caption: String) -> Html {
    html! {
        <g>
            { circle("stage-number-ring", (x + 8, y), 8) }
            { text("stage-number", x + 8, y + 4, number.to_string()) }
            { text("stage-heading", x + 22, y + 5, name) }
            { text("stage-caption", x, y + 24, caption) }
        </g>
    }
}

/// From a tenth of `buffer.memory` on, a bar tells how full it is.
fn tank(picture: &Picture<'_>) -> Html {
    let (used, all) = (picture.scene.memory_used_bytes, picture.limits.buffer_memory.max(1));
    if used.saturating_mul(10) < all {
        return Html::default();
    }
    let width = i32::try_from(used.saturating_mul(176) / all).unwrap_or(176).min(176);
    let title = fill(picture.texts.stage_memory, &[&words::size(used), &words::size(all)]);
    let bars = html! {
        <>
            { line("stage-tank", (330, 76), (506, 76)) }
            { line("stage-tank-full", (330, 76), (330 + width, 76)) }
        </>
    };
    titled(title, bars)
}
