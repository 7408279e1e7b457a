//! The picture in a sentence, for those who do not see it.

use producer_core::scene::BatchState;

use super::picture::{Lane, Picture};
use super::words;
use crate::texts::fill;

/// Partitions that are told one by one.
const TOLD: usize = 12;

/// Caller, sender, what is under way and known, and every lane that has anything to tell.
pub(super) fn name(picture: &Picture<'_>) -> String {
    let texts = picture.texts;
    let number = |count: u64| picture.language.number(count);
    let (caller, _) = words::caller(picture);
    let sender = words::sender(picture);
    let requests: usize = picture.scene.connections.values().map(|connection| connection.in_flight.len()).sum();
    let told: Vec<_> = picture.lanes.iter().filter(|lane| has_anything(picture, lane)).collect();
    let mut name = fill(
        texts.stage_name,
        &[
            &caller,
            &number(picture.sent()),
            &sender,
            &requests,
            &number(picture.view.counts().acked),
            &picture.lanes.len(),
        ],
    );
    for lane in told.iter().take(TOLD) {
        name.push_str(&lane_name(picture, lane));
    }
    if told.len() > TOLD {
        name.push_str(&fill(texts.stage_more_lanes, &[&(told.len() - TOLD)]));
    }
    name
}

fn has_anything(picture: &Picture<'_>, lane: &Lane<'_>) -> bool {
    lane.waiting() > 0 || lane.end_offset() > 0 || in_flight(picture, lane) > 0
}

/// Records of a lane in requests without an answer.
fn in_flight(picture: &Picture<'_>, lane: &Lane<'_>) -> u64 {
    let under_way = lane.scene.iter().flat_map(|scene| &scene.under_way);
    let batches = under_way.filter_map(|id| picture.scene.batches.get(id));
    let in_flight = batches.filter(|batch| matches!(batch.state, BatchState::InFlight { .. }));
    in_flight.map(|batch| u64::from(batch.records)).sum()
}

fn lane_name(picture: &Picture<'_>, lane: &Lane<'_>) -> String {
    let number = |count: u64| picture.language.number(count);
    let end = picture.language.number(lane.end_offset());
    let in_flight = number(in_flight(picture, lane));
    fill(picture.texts.stage_lane_name, &[&lane.number, &number(lane.waiting()), &in_flight, &end])
}
