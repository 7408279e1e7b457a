//! What moves is judged against short stories: facts in, places out.

use super::*;
use producer_core::ids::{ConnectionId, CorrelationId, Lane, ProducerIndex, TopicPartition};
use producer_core::io::Stored;
use producer_core::trace::{DrainReason, Fact, PartitionChoice, Statement, TraceEvent};

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
fn where_time_goes_too_fast_to_be_followed_nothing_stands_for_what_moves() {
    let scene = scene_of([until_sent(), vec![stored()]].concat());
    let geometry = Geometry::wide(3);
    let mut moves = Moves::over(&geometry, "orders".into(), false);
    let frame = |leg| Frame { scene: &scene, now: scene.at, leg };
    moves.pick(&frame(LEG));
    assert!(!moves.sprites.is_empty(), "an answer is on its way");
    assert!(!moves.pick(&frame(Duration::ZERO)) && moves.sprites.is_empty(), "it would stand before the sender");
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
    assert_eq!(sprites[0].kind, Kind::Home { base_offset: 7, has_failed: false, more: 0 });
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

/// Rounds of a program that waits for every record, a millisecond each, of which half passes on the way.
fn get_loop(rounds: u64) -> Scene {
    let mut scene = Scene::default();
    let mut tell = |us, what| {
        let at = Instant::from_micros(us);
        scene.apply(&TraceEvent { at, lane: Lane(0), producer: ProducerIndex(0), what });
    };
    for round in 0..rounds {
        let (batch, offset) = (BatchId(round), i64::try_from(round).expect("few"));
        let appended = Fact::Appended {
            ordinal: round,
            batch,
            index: 0,
            key_size: 7,
            value_size: 3,
            batch_bytes: 80,
            choice: PartitionChoice::Sticky,
            label: "user-42".into(),
        };
        tell(round * 1_000, Fact::BatchOpened { batch, partition: p1(), capacity: 16_384 });
        tell(round * 1_000, appended);
        tell(round * 1_000, Fact::CallerStands(Statement::Get));
        let stored = Stored { base_offset: offset, log_append_time_ms: None };
        tell(round * 1_000 + 500, Fact::BatchAcked { batch, stored });
        tell(round * 1_000 + 500, Fact::GetReturned { ordinal: round });
        tell(round * 1_000 + 500, Fact::CallerStands(Statement::Loop));
    }
    scene
}

#[test]
fn a_program_that_waits_for_every_record_never_shows_two_on_the_belt_however_fast_it_is() {
    let mut moves = moves(&Geometry::wide(3));
    let mut were_shown = [false; 3];
    for ms in 1..60 {
        let (_, sprites) = at(&mut moves, &get_loop(ms), ms - 1);
        let is_one = |wanted: &dyn Fn(&Kind) -> bool| sprites.iter().filter(|sprite| wanted(&sprite.kind)).count();
        let counts = [
            is_one(&|kind| matches!(kind, Kind::Tile { .. } | Kind::Dot { .. })),
            is_one(&|kind| matches!(kind, Kind::Answer { .. })),
            is_one(&|kind| matches!(kind, Kind::Home { .. })),
        ];
        assert!(counts.iter().all(|&count| count <= 1), "{counts:?} at {ms} ms");
        assert_eq!(moves.density, Density::Tiles);
        for (was_shown, count) in were_shown.iter_mut().zip(counts) {
            *was_shown |= count > 0;
        }
    }
    assert_eq!(were_shown, [true; 3], "and each leg of the way is seen");
}
