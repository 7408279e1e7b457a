//! What moves at a moment, and where: picked from the scene, without a canvas.
//!
//! A request's place comes from when it left and how long earlier ones took; it waits at the broker until the trace says
//! more. An append and an answer's way home are instants in the trace: their moves take the frame's leg.

use core::time::Duration;
use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Arc;

use producer_core::ids::{BatchId, NodeId};
use producer_core::protocol::ApiKey;
use producer_core::scene::{BatchScene, BatchState, ConnectionScene, RequestScene, Scene};
use producer_core::time::Instant;
use producer_core::trace::Fault;

use super::density::{DOTS, Density};
use super::geometry::Geometry;
use super::track::{Point, Track};
use crate::frame::Frame;

/// An answer stands this close before the sender until it has really come.
const ALMOST: f64 = 0.97;
/// Distance of answers that came at the same moment, as a share of the way home.
const HOME_GAP: f64 = 0.11;

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
    /// An answer that the caller gets.
    Home { base_offset: i64, has_failed: bool },
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

    fn pick_records(&mut self, frame: &Frame<'_>) -> bool {
        self.count_sent(frame);
        let from = frame.now.as_micros().saturating_sub(micros(frame.leg));
        let recent = |at: Instant| at.as_micros() > from && at <= frame.now;
        let fresh =
            frame.scene.batches.values().filter(|batch| batch.partition.topic == self.topic).flat_map(|batch| {
                let newest_first = batch.first_records.iter().rev();
                newest_first.take_while(move |record| recent(record.appended_at)).map(move |record| (batch, record))
            });
        let labelled = fresh.clone().count() as u64;
        self.density = Density::of(labelled.max(self.on_belt));
        if self.density == Density::Band || self.only_stops {
            return self.on_belt > 0;
        }
        let limit = usize::try_from(DOTS).unwrap_or(usize::MAX);
        for (batch, record) in fresh.take(limit) {
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

    /// How many records were sent during the last leg, with or without detail.
    fn count_sent(&mut self, frame: &Frame<'_>) {
        let sent = frame.scene.caller.sent;
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
        let mut last = None;
        let mut queue = 0.0;
        for id in frame.scene.homecoming.iter().rev() {
            let Some(batch) = self.of_topic(frame.scene, *id) else { continue };
            queue = if last == Some(batch.since) { queue + HOME_GAP } else { 0.0 };
            last = Some(batch.since);
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
                let kind = Kind::Home { base_offset, has_failed };
                (kind, self.home.at(if self.only_stops { 1.0 } else { share - queue }))
            };
            self.sprites.push(Sprite { kind, lane, at });
        }
        moves
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

#[cfg(test)]
mod tests {
    use super::*;
    use producer_core::ids::{ConnectionId, CorrelationId, Lane, ProducerIndex, TopicPartition};
    use producer_core::io::Stored;
    use producer_core::trace::{DrainReason, Fact, PartitionChoice, TraceEvent};

    const LEG: Duration = Duration::from_millis(6);
    const B0: BatchId = BatchId(0);
    const WIRE: ConnectionId = ConnectionId(1);
    const NODE: NodeId = NodeId(2);

    /// Facts, ten milliseconds apart.
    fn scene_of(facts: Vec<Fact>) -> Scene {
        let mut scene = Scene::default();
        for (nth, what) in (0..).zip(facts) {
            let at = Instant::from_millis(nth * 10);
            scene.apply(&TraceEvent { at, lane: Lane(0), producer: ProducerIndex(0), what });
        }
        scene
    }

    fn p1() -> TopicPartition {
        TopicPartition { topic: "orders".into(), partition: 1 }
    }

    fn until_sent() -> Vec<Fact> {
        vec![
            Fact::Connecting { connection: WIRE, node: NODE },
            Fact::BatchOpened { batch: B0, partition: p1(), capacity: 16_384 },
            Fact::Appended {
                ordinal: 0,
                batch: B0,
                index: 0,
                key_size: 7,
                value_size: 3,
                batch_bytes: 80,
                choice: PartitionChoice::Sticky,
                label: "user-42".into(),
            },
            Fact::BatchDrained {
                batch: B0,
                bytes: 80,
                records: 1,
                because: DrainReason::LingerOver,
                identity: None,
                base_sequence: -1,
            },
            Fact::RequestSent {
                connection: WIRE,
                correlation: CorrelationId(3),
                api: ApiKey::Produce,
                node: NODE,
                batches: vec![B0],
                in_flight: 1,
            },
        ]
    }

    fn stored() -> Fact {
        Fact::LogAppended { node: NODE, partition: p1(), base_offset: 7, records: 1, identity: None, base_sequence: -1 }
    }

    fn answered() -> Vec<Fact> {
        let api = ApiKey::Produce;
        vec![
            Fact::ResponseReceived { connection: WIRE, correlation: CorrelationId(3), api, node: NODE, in_flight: 0 },
            Fact::BatchAcked { batch: B0, stored: Stored { base_offset: 7, log_append_time_ms: None } },
        ]
    }

    fn moves(geometry: &Geometry) -> Moves {
        Moves::over(geometry, "orders".into(), false)
    }

    fn at(moves: &mut Moves, scene: &Scene, ms: u64) -> (bool, Vec<Sprite>) {
        let goes_on = moves.pick(&Frame { scene, now: Instant::from_millis(ms), leg: LEG });
        (goes_on, moves.sprites.clone())
    }

    #[test]
    fn a_record_takes_a_leg_to_its_shelf_and_then_belongs_to_what_stands() {
        let geometry = Geometry::wide(3);
        let mut moves = moves(&geometry);
        let scene = scene_of(until_sent()[..3].to_vec());
        let (goes_on, sprites) = at(&mut moves, &scene, 20);
        assert!(goes_on);
        assert_eq!((sprites.len(), sprites[0].at), (1, geometry.belt(1).at(0.0)));
        let (_, sprites) = at(&mut moves, &scene, 23);
        assert_eq!(sprites[0].at, geometry.belt(1).at(0.5));
        assert!(matches!(&sprites[0].kind, Kind::Tile { label, has_lane: true, .. } if &**label == "user-42"));
        assert_eq!(at(&mut moves, &scene, 27), (false, vec![]));
    }

    #[test]
    fn a_request_waits_at_the_broker_until_it_is_stored_and_its_answer_before_the_sender_until_it_came() {
        let geometry = Geometry::wide(3);
        let mut moves = moves(&geometry);
        let mut facts = until_sent();
        let scene = scene_of(facts.clone());
        let (goes_on, sprites) = at(&mut moves, &scene, 43);
        assert!(goes_on);
        assert_eq!(sprites[0].at, geometry.wire(1).at(0.5), "nothing known yet: a leg");
        let (goes_on, sprites) = at(&mut moves, &scene, 400);
        assert_eq!((goes_on, sprites[0].at), (false, geometry.wire(1).end()));

        facts.push(stored());
        let scene = scene_of(facts.clone());
        let (_, sprites) = at(&mut moves, &scene, 50);
        assert_eq!(sprites[0].kind, Kind::Answer { base_offset: 7, attempts: 1, is_cut: false });
        assert_eq!(sprites[0].at, geometry.answer(1).at(0.0));
        let (_, sprites) = at(&mut moves, &scene, 400);
        assert_eq!(sprites[0].at, geometry.answer(1).at(ALMOST));

        facts.extend(answered());
        let scene = scene_of(facts);
        let (goes_on, sprites) = at(&mut moves, &scene, 73);
        assert!(goes_on);
        assert_eq!(sprites[0].kind, Kind::Home { base_offset: 7, has_failed: false });
        assert_eq!(sprites[0].at, geometry.home().at(0.5));
        assert_eq!(at(&mut moves, &scene, 80), (false, vec![]));
        assert_eq!(moves.trips[&NODE], Trip { out: Duration::from_millis(10), back: Duration::from_millis(10) });
    }

    #[test]
    fn an_answer_of_a_broker_we_cannot_look_into_is_shown_after_it_came() {
        let geometry = Geometry::narrow(3);
        let mut moves = moves(&geometry);
        let scene = scene_of([until_sent(), answered()].concat());
        let (_, sprites) = at(&mut moves, &scene, 63);
        assert_eq!(sprites[0].at, geometry.answer(1).at(0.5));
        let (_, sprites) = at(&mut moves, &scene, 69);
        assert_eq!(sprites[0].at, geometry.home().at(0.5));
        assert_eq!(at(&mut moves, &scene, 80), (false, vec![]));
        assert_eq!(moves.trips[&NODE].out, Duration::from_millis(5), "half of the way there and back");
    }

    #[test]
    fn without_motion_things_are_only_at_stops() {
        let geometry = Geometry::wide(3);
        let mut moves = Moves::over(&geometry, "orders".into(), true);
        let scene = scene_of(until_sent());
        let (_, sprites) = at(&mut moves, &scene, 43);
        assert_eq!(sprites[0].at, geometry.wire(1).at(0.0));
        assert_eq!(at(&mut moves, &scene, 47).1[0].at, geometry.wire(1).end());
    }

    #[test]
    fn a_topic_that_is_not_looked_at_does_not_move_here() {
        let mut moves = Moves::over(&Geometry::wide(3), "other".into(), false);
        let scene = scene_of([until_sent(), vec![stored()], answered()].concat());
        assert!((0..100).all(|ms| at(&mut moves, &scene, ms).1.is_empty()));
    }
}
