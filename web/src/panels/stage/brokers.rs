//! Brokers: a frame around the logs that each leads.

use producer_core::ids::NodeId;
use yew::prelude::*;

use super::draw::{circle, lane as in_colour, rect, shape, text, titled};
use super::geometry::{Area, BAND, Detail};
use super::log;
use super::picture::{Lane, Picture};
use super::words;
use crate::texts::fill;

/// Where frames begin and end.
const FRAME: (i32, i32) = (BAND.1, 1112);
/// Marks before they are counted.
const MARKS: usize = 5;

/// All frames with their logs: one frame for neighbouring rows of one leader, so that it stands around them.
pub(super) fn draw(picture: &Picture<'_>) -> Html {
    let mut frames = Vec::new();
    let mut first = 0;
    while let Some(lane) = picture.lanes.get(first) {
        let rest = picture.lanes.get(first..).unwrap_or_default();
        let rows = rest.iter().take_while(|other| other.leader == lane.leader).count();
        frames.push(frame(picture, first, rows));
        first += rows;
    }
    frames.into_iter().collect()
}

fn frame(picture: &Picture<'_>, first: usize, rows: usize) -> Html {
    let geometry = picture.geometry;
    let lanes = picture.lanes.get(first..first + rows).unwrap_or_default();
    let Some(lane) = lanes.first() else { return Html::default() };
    let (top, bottom) = (geometry.start(first), geometry.start(first + rows - 1) + geometry.row.height);
    let is_served = lane.leader.is_some_and(|leader| picture.unreachable(leader).is_none());
    let class = if is_served { "stage-frame" } else { "stage-frame stage-frame-empty" };
    let logs = lanes.iter().enumerate().map(|(nth, lane)| log_of(picture, first + nth, lane));
    html! {
        <>
            { rect(class, Area::new(FRAME.0, top, FRAME.1 - FRAME.0, bottom - top), 8) }
            { head(picture, top, lane) }
            { logs.collect::<Html>() }
        </>
    }
}

/// Lamp and name; in tall rows also which logs it leads and copies, and how many replicas are in sync.
fn head(picture: &Picture<'_>, top: i32, lane: &Lane<'_>) -> Html {
    let y = top + picture.geometry.row.head;
    let texts = picture.texts;
    let Some(node) = lane.leader else {
        return text("stage-broker stage-fail-word", 792, y + 4, texts.stage_no_leader);
    };
    let unreachable = picture.unreachable(node);
    let is_up = unreachable.is_none() && picture.view.topology.brokers.iter().any(|broker| broker.node == node);
    let lamp = circle(if is_up { "stage-lamp" } else { "stage-lamp stage-lamp-off" }, (797, y), 5);
    let title = match unreachable {
        Some(time) => fill(texts.stage_unreachable_title, &[&node, &words::span(time)]),
        None => fill(texts.stage_broker, &[&node]),
    };
    if picture.geometry.detail == Detail::Slim {
        return titled(title, html! { <>{ lamp }{ text("stage-small", 805, y + 4, format!("b{node}")) }</> });
    }
    // The words' width is not known here: names of brokers are short, and what follows has its own columns.
    let wide = i32::try_from(node.to_string().len()).unwrap_or(1) * 7;
    html! {
        <>
            { titled(address(picture, node).unwrap_or(title), html! {
                <>{ lamp }{ text("stage-broker", 807, y + 4, fill(texts.stage_broker, &[&node])) }</>
            }) }
            { match unreachable {
                Some(time) => {
                    let words = fill(texts.stage_unreachable, &[&words::span(time)]);
                    text("stage-small stage-fail-word", 866 + wide, y + 4, words)
                }
                None => html! { <>{ roles(picture, 866 + wide, y, node) }{ in_sync(picture, y, lane) }</> },
            } }
        </>
    }
}

/// Where a broker is reached, when it has an address.
fn address(picture: &Picture<'_>, node: NodeId) -> Option<String> {
    let broker = picture.view.topology.brokers.iter().find(|broker| broker.node == node)?;
    let name = match picture.unreachable(node) {
        Some(time) => fill(picture.texts.stage_unreachable_title, &[&node, &words::span(time)]),
        None => fill(picture.texts.stage_broker, &[&node]),
    };
    broker.address.as_ref().map(|address| format!("{name} · {address}"))
}

/// Which logs of the topic it leads, and of which it has a copy.
fn roles(picture: &Picture<'_>, x: i32, y: i32, node: NodeId) -> Html {
    let texts = picture.texts;
    let room = |word: &str| i32::try_from(word.chars().count()).unwrap_or(0) * 7 + 4;
    let of = |is_wanted: &dyn Fn(&Lane<'_>) -> bool| -> Vec<i32> {
        picture.lanes.iter().filter(|lane| is_wanted(lane)).map(|lane| lane.number).collect()
    };
    let led = of(&|lane| lane.leader == Some(node));
    let copied = of(&|lane| lane.leader != Some(node) && lane.replicas.contains(&node));
    let leads = x + room(texts.stage_leads);
    let copies_word = leads + 14 * i32::try_from(led.len()).unwrap_or(0) + 6;
    let copies = copies_word + room(texts.stage_copies);
    // With more partitions there is no room for both: the copies are told by pointing at it.
    let has_room = picture.geometry.detail == Detail::Tall && !copied.is_empty();
    let copies_drawn = match has_room {
        false => Html::default(),
        true => html! {
            <>
                { text("stage-small stage-quiet", copies_word, y + 4, texts.stage_copies) }
                { marks("stage-hollow", copies, y, &copied) }
            </>
        },
    };
    let title = fill(texts.stage_roles_title, &[&node, &names(&led), &names(&copied)]);
    let parts = html! {
        <>
            { text("stage-small stage-quiet", x, y + 4, texts.stage_leads) }
            { marks("stage-fill", leads, y, &led) }
            { copies_drawn }
        </>
    };
    titled(title, parts)
}

fn names(lanes: &[i32]) -> String {
    let names: Vec<String> = lanes.iter().map(|lane| format!("p{lane}")).collect();
    names.join(", ")
}

fn marks(class: &'static str, x: i32, y: i32, lanes: &[i32]) -> Html {
    let shown = lanes.iter().zip(0..).take(MARKS);
    let at = |nth: i32| x + 5 + nth * 13;
    let more = lanes.len().saturating_sub(MARKS);
    let rest = match more {
        0 => Html::default(),
        _ => text("stage-small stage-quiet", at(5) - 4, y + 4, format!("+{more}")),
    };
    html! { <>{ shown.map(|(lane, nth)| shape(class, *lane, (at(nth), y), 4)).collect::<Html>() }{ rest }</> }
}

fn in_sync(picture: &Picture<'_>, y: i32, lane: &Lane<'_>) -> Html {
    if lane.replicas.is_empty() {
        return Html::default();
    }
    let (isr, replicas) = (lane.isr.len(), lane.replicas.len());
    let class = if isr < replicas {
        "stage-small stage-at-end stage-retry-word"
    } else {
        "stage-small stage-at-end stage-quiet"
    };
    let names: Vec<String> = lane.isr.iter().map(ToString::to_string).collect();
    let title = fill(picture.texts.stage_isr_title, &[&names.join(", ")]);
    titled(title, text(class, 1102, y + 4, format!("ISR {isr}/{replicas}")))
}

fn log_of(picture: &Picture<'_>, place: usize, lane: &Lane<'_>) -> Html {
    let row = picture.geometry.row;
    let top = picture.geometry.start(place);
    let middle = top + row.cells + row.cell_h / 2;
    let name = match picture.geometry.detail {
        Detail::Slim => Html::default(),
        _ => html! {
            <>
                { shape("stage-fill", lane.number, (800, middle), 6) }
                { text(if lane.number < 10 { "stage-log-name" } else { "stage-lane-small" }, 809, middle + 5, format!("p{}", lane.number)) }
            </>
        },
    };
    in_colour(lane.number, html! { <>{ name }{ log::draw(picture, top, lane) }</> })
}
