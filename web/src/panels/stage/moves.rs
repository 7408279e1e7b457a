//! What moves at a moment, and where: picked from the scene, without a canvas.
//!
//! A request's place comes from when it left and how long earlier ones took; it waits at the broker until the trace says
//! more. An append and an answer's way home are instants in the trace: their moves take the frame's leg.

#[cfg(test)]
mod tests;

use core::time::Duration;
use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Arc;

use producer_core::ids::{BatchId, NodeId};
use producer_core::protocol::ApiKey;
use producer_core::scene::{BatchScene, BatchState, ConnectionScene, RecordScene, RequestScene, Scene};
use producer_core::time::Instant;
use producer_core::trace::Fault;

use super::density::{DOTS, Density};
use super::geometry::Geometry;
use super::track::{Point, Track};
use crate::frame::Frame;

/// An answer stands this close before the sender until it has really come.
const ALMOST: f64 = 0.97;
/// Answers on the way home that are closer than this are drawn as one, with their number.
const HOME_GAP: f64 = 64.0;

/// Records that are followed at once, of a program that waits for each: one on the belt, those before on their way home.
const FOLLOWED: usize = 3;

/// A thing that moves.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sprite {
    pub(super) kind: Kind,
    /// Its partition.
    pub(super) lane: i32,
    pub(super) at: Point,
}

/// What moves.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// A record with its key; before the partitioner it has no lane yet.
    Tile { label: Arc<str>, is_null: bool, has_lane: bool },
    /// A record without words.
    Dot { has_lane: bool },
    /// A batch in a request: its records, how often it was sent, whether the message was cut off.
    Request { records: u32, attempts: u32, is_cut: bool },
    /// An answer: the offset of the batch's first record; −1: none.
    Answer { base_offset: i64, attempts: u32, is_cut: bool },
    /// An answer that the caller gets, and how many more are so close behind it that they would cover it.
    Home { base_offset: i64, has_failed: bool, more: u32 },
}

/// How long messages to a broker take, as the newest answer told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Trip {
    out: Duration,
    back: Duration,
}

/// The ways of one lane.
#[derive(Clone, Debug)]
struct Ways {
    belt: Track,
    /// Share of the belt from which on the partitioner has chosen.
    chosen_from: f64,
    wire: Track,
    answer: Track,
}

/// Picks what moves, frame after frame.
#[derive(Debug)]
pub(super) struct Moves {
    topic: Arc<str>,
    lanes: Vec<Ways>,
    home: Track,
    trips: BTreeMap<NodeId, Trip>,
    /// The records whose way is shown, of a program that waits in `get()` for each: their places in send order, and when
    /// they were sent. A record's way takes longer for the eye than in truth; with all of them on it, a program that never
    /// has more than one on the way would look like one that does not wait.
    followed: VecDeque<(u64, Instant)>,
    /// Records sent at earlier frames, no older than a leg.
    sent: VecDeque<(Instant, u64)>,
    /// No way between two stops.
    only_stops: bool,
    /// What was picked last.
    pub(super) sprites: Vec<Sprite>,
    /// How records on the belt are to be drawn.
    pub(super) density: Density,
    /// Records of the last leg, for a rate.
    pub(super) on_belt: u64,
}

impl Moves {
    /// For a stage and the topic looked at.
    pub(super) fn over(geometry: &Geometry, topic: Arc<str>, only_stops: bool) -> Self {
        let before = geometry.to_wheel().length();
        let ways = |lane| {
            let belt = geometry.belt(lane);
            let chosen_from = before / belt.length();
            Ways { belt, chosen_from, wire: geometry.wire(lane), answer: geometry.answer(lane) }
        };
        Self {
            topic,
            lanes: (0..geometry.lanes).map(ways).collect(),
            home: geometry.home(),
            trips: BTreeMap::new(),
            followed: VecDeque::new(),
            sent: VecDeque::new(),
            only_stops,
            sprites: Vec::new(),
            density: Density::Tiles,
            on_belt: 0,
        }
    }

    /// Picks what moves in this frame. Says whether anything will have moved by the next.
    pub(super) fn pick(&mut self, frame: &Frame<'_>) -> bool {
        self.sprites.clear();
        self.learn(frame.scene);
        if frame.leg.is_zero() {
            self.density = Density::Tiles;
            self.sent.clear();
            return false;
        }
        self.follow(frame);
        let belt = self.pick_records(frame);
        let wires = self.pick_messages(frame);
        let home = self.pick_homecoming(frame);
        belt || wires || home
    }

    /// Takes over how long the newest answer of each connection took.
    fn learn(&mut self, scene: &Scene) {
        for connection in scene.connections.values() {
            let Some((request, answered_at)) = &connection.last_answer else { continue };
            let whole = *answered_at - request.sent_at;
            let stored = request.batches.iter().find_map(|batch| stored_since(scene, *batch, request.sent_at));
            let out = stored.map_or(whole / 2, |(at, _)| at - request.sent_at);
            self.trips.insert(connection.node, Trip { out, back: whole.saturating_sub(out) });
        }
    }

    /// Follows the newest record that the program waits for, once the one before is off the belt.
    fn follow(&mut self, frame: &Frame<'_>) {
        let newest =
            frame.scene.caller.newest.and_then(|batch| self.of_topic(frame.scene, batch)?.first_records.last());
        let Some(record) = newest.filter(|record| record.awaited) else { return };
        match self.followed.back() {
            Some((ordinal, _)) if *ordinal == record.ordinal => return,
            // Time went back: another world, or an earlier moment.
            Some((_, sent_at)) if *sent_at > frame.now => self.followed.clear(),
            Some((_, sent_at)) if frame.now - *sent_at < frame.leg => return,
            _ => {}
        }
        self.followed.push_back((record.ordinal, record.appended_at));
        if self.followed.len() > FOLLOWED {
            self.followed.pop_front();
        }
    }

    /// Is it shown on its way: not waited for, or the one that is followed?
    fn is_shown(&self, record: &RecordScene) -> bool {
        !record.awaited || self.followed.iter().any(|(ordinal, _)| *ordinal == record.ordinal)
    }

    fn pick_records(&mut self, frame: &Frame<'_>) -> bool {
        self.count_sent(frame);
        let from = frame.now.as_micros().saturating_sub(micros(frame.leg));
        let recent = |at: Instant| at.as_micros() > from && at <= frame.now;
        let of_topic = frame.scene.batches.values().filter(|batch| batch.partition.topic == self.topic);
        let fresh: Vec<_> = of_topic
            .flat_map(|batch| {
                let newest_first = batch.first_records.iter().rev();
                newest_first.take_while(|record| recent(record.appended_at)).map(move |record| (batch, record))
            })
            .filter(|(_, record)| self.is_shown(record))
            .collect();
        let labelled = fresh.len() as u64;
        self.density = Density::of(labelled.max(self.on_belt));
        if self.density == Density::Band || self.only_stops {
            return self.on_belt > 0;
        }
        let limit = usize::try_from(DOTS).unwrap_or(usize::MAX);
        for (batch, record) in fresh.into_iter().take(limit) {
            let lane = batch.partition.partition;
            let Some(ways) = ways(&self.lanes, lane) else { continue };
            let share = share(frame.now - record.appended_at, frame.leg);
            let has_lane = share >= ways.chosen_from;
            let kind = match self.density {
                Density::Tiles => {
                    Kind::Tile { label: Arc::clone(&record.label), is_null: record.key_size < 0, has_lane }
                }
                _ => Kind::Dot { has_lane },
            };
            self.sprites.push(Sprite { kind, lane, at: ways.belt.at(share) });
        }
        labelled > 0 || self.on_belt > 0
    }

    /// How many records were sent during the last leg without waiting for them, with or without detail.
    fn count_sent(&mut self, frame: &Frame<'_>) {
        let sent = frame.scene.caller.sent.saturating_sub(frame.scene.caller.awaited);
        let from = frame.now.as_micros().saturating_sub(micros(frame.leg));
        // Time or count that went back is another world, or an earlier moment.
        if self.sent.back().is_some_and(|(at, count)| *at > frame.now || *count > sent) {
            self.sent.clear();
        }
        self.sent.push_back((frame.now, sent));
        while self.sent.len() > 2 && self.sent.get(1).is_some_and(|(at, _)| at.as_micros() <= from) {
            self.sent.pop_front();
        }
        self.on_belt = self.sent.front().map_or(0, |(_, before)| sent - before);
    }

    fn pick_messages(&mut self, frame: &Frame<'_>) -> bool {
        let mut moves = false;
        for connection in frame.scene.connections.values() {
            for request in connection.in_flight.iter().filter(|request| request.api == ApiKey::Produce) {
                for id in &request.batches {
                    moves |= self.pick_message(frame, connection, request, *id);
                }
            }
        }
        moves
    }

    fn pick_message(
        &mut self,
        frame: &Frame<'_>,
        connection: &ConnectionScene,
        request: &RequestScene,
        id: BatchId,
    ) -> bool {
        let Some(batch) = self.of_topic(frame.scene, id) else { return false };
        let lane = batch.partition.partition;
        let Some(ways) = ways(&self.lanes, lane) else { return false };
        let trip = self.trips.get(&connection.node).copied().unwrap_or(Trip { out: frame.leg, back: frame.leg });
        let attempts = batch.attempts;
        let (kind, at, moves) = match stored_since(frame.scene, id, request.sent_at) {
            None => {
                let share = self.stop(share(frame.now - request.sent_at, trip.out));
                let is_cut = matches!(request.fault, Some(Fault::CutBeforeAppend));
                (Kind::Request { records: batch.records, attempts, is_cut }, ways.wire.at(share), share < 1.0)
            }
            Some((stored_at, base_offset)) => {
                let share = self.stop(share(frame.now - stored_at, trip.back)).min(ALMOST);
                let is_cut = matches!(request.fault, Some(Fault::CutAfterAppend));
                (Kind::Answer { base_offset, attempts, is_cut }, ways.answer.at(share), share < ALMOST)
            }
        };
        self.sprites.push(Sprite { kind, lane, at });
        moves
    }

    fn pick_homecoming(&mut self, frame: &Frame<'_>) -> bool {
        let mut moves = false;
        for id in frame.scene.homecoming.iter().rev() {
            let Some(batch) = self.of_topic(frame.scene, *id) else { continue };
            // Of a batch without details it is not known whether the program waited for it: then others are followed.
            if !batch.first_records.first().map_or(self.followed.is_empty(), |record| self.is_shown(record)) {
                continue;
            }
            let lane = batch.partition.partition;
            let (base_offset, has_failed) = match &batch.state {
                BatchState::Acked(stored) => (stored.base_offset, false),
                BatchState::Failed { .. } => (-1, true),
                _ => continue,
            };
            let since = frame.now - batch.since;
            // A broker that we cannot look into told of its answer only by answering: its way to the sender is shown now.
            let is_told_late = base_offset >= 0 && batch.stored.is_none();
            let legs = if is_told_late { 2 } else { 1 };
            if since > frame.leg * legs || frame.now < batch.since {
                continue;
            }
            moves = true;
            let Some(ways) = ways(&self.lanes, lane) else { continue };
            let (kind, at) = if is_told_late && since < frame.leg {
                let kind = Kind::Answer { base_offset, attempts: batch.attempts, is_cut: false };
                (kind, ways.answer.at(self.stop(share(since, frame.leg))))
            } else {
                let share = share(since - frame.leg * (legs - 1), frame.leg);
                let at = self.home.at(if self.only_stops { 1.0 } else { share });
                if self.joins_another_home(at, has_failed) {
                    continue;
                }
                (Kind::Home { base_offset, has_failed, more: 0 }, at)
            };
            self.sprites.push(Sprite { kind, lane, at });
        }
        moves
    }

    /// Counts an answer with one of its kind that was picked before and is so close that one would cover the other.
    fn joins_another_home(&mut self, at: Point, failed: bool) -> bool {
        let is_close = |sprite: &&mut Sprite| {
            matches!(sprite.kind, Kind::Home { has_failed, .. } if has_failed == failed)
                && (sprite.at.x - at.x).abs() + (sprite.at.y - at.y).abs() < HOME_GAP
        };
        match self.sprites.iter_mut().find(is_close) {
            Some(Sprite { kind: Kind::Home { more, .. }, .. }) => {
                *more += 1;
                true
            }
            _ => false,
        }
    }

    fn of_topic<'s>(&self, scene: &'s Scene, id: BatchId) -> Option<&'s BatchScene> {
        scene.batches.get(&id).filter(|batch| batch.partition.topic == self.topic)
    }

    /// Where something is when it has no way between its stops.
    fn stop(&self, share: f64) -> f64 {
        if self.only_stops { share.floor() } else { share }
    }
}

fn ways(lanes: &[Ways], lane: i32) -> Option<&Ways> {
    lanes.get(usize::try_from(lane).ok()?)
}

/// Time and base offset of the newest copy of a batch, if it was stored by the request that left then.
fn stored_since(scene: &Scene, id: BatchId, sent_at: Instant) -> Option<(Instant, i64)> {
    scene.batches.get(&id)?.stored.filter(|(at, _)| *at >= sent_at)
}

/// How much of a time has passed, 0 to 1.
fn share(passed: Duration, whole: Duration) -> f64 {
    if passed >= whole { 1.0 } else { passed.as_secs_f64() / whole.as_secs_f64() }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
