//! The picture in a sentence, for those who do not see it.

use super::picture::{Lane, Picture};
use super::words;
use crate::texts::fill;

/// Partitions that are told one by one.
const TOLD: usize = 12;

/// Caller, sender, and every lane that has anything to tell.
pub(super) fn name(picture: &Picture<'_>) -> String {
    let texts = picture.texts;
    let (caller, _) = words::caller(picture.scene, texts);
    let sender = words::sender(picture.scene, picture.now, texts);
    let sent = picture.language.number(picture.scene.caller.sent);
    let mut name = fill(texts.stage_name, &[&caller, &sent, &sender, &picture.lanes.len()]);
    for lane in picture.lanes.iter().filter(|lane| lane.waiting() > 0 || lane.end_offset() > 0).take(TOLD) {
        name.push_str(&lane_name(picture, lane));
    }
    name
}

fn lane_name(picture: &Picture<'_>, lane: &Lane<'_>) -> String {
    let in_flight = lane.leader.map_or(0, |leader| picture.scene.in_flight(leader));
    let end = picture.language.number(lane.end_offset());
    fill(picture.texts.stage_lane_name, &[&lane.number, &lane.waiting(), &in_flight, &end])
}
