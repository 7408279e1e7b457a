//! The scene is judged against short stories: facts in, picture out.

use super::*;
use crate::error::{Persistence, ProducerError, Surface};
use crate::ids::{CorrelationId, Lane, ProducerIndex};
use crate::io::{DisconnectReason, Stored};
use crate::protocol::ApiKey;
use crate::trace::{BlockedOn, DrainReason, PartitionChoice, SplitBatch, Statement};

const B0: BatchId = BatchId(0);
const WIRE: ConnectionId = ConnectionId(1);

fn p(partition: i32) -> TopicPartition {
    TopicPartition { topic: "orders".into(), partition }
}

/// Facts, one per millisecond.
fn scene_of(facts: impl IntoIterator<Item = Fact>) -> Scene {
    let mut scene = Scene::default();
    tell(&mut scene, 0, facts);
    scene
}

/// Facts of one producer, one per millisecond.
fn tell(scene: &mut Scene, producer: u32, facts: impl IntoIterator<Item = Fact>) {
    let begin = scene.at;
    for (ms, what) in facts.into_iter().enumerate() {
        let at = begin + core::time::Duration::from_millis(ms as u64);
        scene.apply(&TraceEvent { at, lane: Lane(0), producer: ProducerIndex(producer), what });
    }
}

fn opened(batch: BatchId) -> Fact {
    Fact::BatchOpened { batch, partition: p(1), capacity: 16_384 }
}

fn appended(ordinal: u64, batch: BatchId, index: u32, label: &str) -> Fact {
    Fact::Appended {
        ordinal,
        batch,
        index,
        key_size: 7,
        value_size: 3,
        batch_bytes: 61 + 20 * (index + 1),
        choice: PartitionChoice::KeyHash { hash: 1 },
        label: label.into(),
    }
}

fn drained(batch: BatchId, records: u32) -> Fact {
    Fact::BatchDrained {
        batch,
        bytes: 61 + 20 * records,
        records,
        because: DrainReason::LingerOver,
        identity: Some(ProducerIdentity { id: 9, epoch: 0 }),
        base_sequence: 0,
    }
}

fn sent(batch: BatchId) -> Fact {
    Fact::RequestSent {
        connection: WIRE,
        correlation: CorrelationId(3),
        api: ApiKey::Produce,
        node: NodeId(2),
        batches: vec![batch],
        in_flight: 1,
    }
}

fn connected() -> [Fact; 2] {
    let node = NodeId(2);
    [Fact::Connecting { connection: WIRE, node }, Fact::Connected { connection: WIRE, node }]
}

fn stored(records: u32) -> Fact {
    Fact::LogAppended {
        node: NodeId(2),
        partition: p(1),
        base_offset: 40,
        records,
        identity: Some(ProducerIdentity { id: 9, epoch: 0 }),
        base_sequence: 0,
    }
}

#[test]
fn a_batch_fills_on_its_shelf() {
    let scene = scene_of([opened(B0), appended(0, B0, 0, "user-42"), appended(1, B0, 1, "dave")]);
    let batch = &scene.batches[&B0];
    assert_eq!((batch.records, batch.bytes, &batch.state), (2, 101, &BatchState::Filling));
    assert_eq!(batch.first_records.iter().map(|r| &*r.label).collect::<Vec<_>>(), ["user-42", "dave"]);
    assert_eq!(scene.partitions[&p(1)].under_way, [B0]);
    assert_eq!(scene.caller.sent, 2);
}

#[test]
fn a_stored_record_shows_its_key_before_the_program_knows_and_a_tick_after() {
    let way = || {
        connected().into_iter().chain([opened(B0), appended(0, B0, 0, "user-42"), drained(B0, 1), sent(B0), stored(1)])
    };
    let before = scene_of(way());
    let cell = &before.partitions[&p(1)].log.cells[0];
    assert_eq!((cell.offset, &*cell.label, cell.known), (40, "user-42", false));
    assert_eq!(before.in_flight(NodeId(2)), 1);

    let answer = [
        Fact::ResponseReceived {
            connection: WIRE,
            correlation: CorrelationId(3),
            api: ApiKey::Produce,
            node: NodeId(2),
            in_flight: 0,
        },
        Fact::BatchAcked { batch: B0, stored: Stored { base_offset: 40, log_append_time_ms: None } },
    ];
    let after = scene_of(way().chain(answer));
    let cell = &after.partitions[&p(1)].log.cells[0];
    assert_eq!((cell.offset, &*cell.label, cell.known), (40, "user-42", true));
    assert_eq!(after.partitions[&p(1)].log.cells.len(), 1, "one record, one cell");
    assert_eq!(after.in_flight(NodeId(2)), 0);
    assert!(after.partitions[&p(1)].under_way.is_empty());
}

#[test]
fn a_request_that_nobody_answers_is_in_flight_until_it_is_written() {
    let way = || connected().into_iter().chain([opened(B0), appended(0, B0, 0, "a"), drained(B0, 1), sent(B0)]);
    assert_eq!(scene_of(way()).in_flight(NodeId(2)), 1);
    let written =
        Fact::RequestWritten { connection: WIRE, correlation: CorrelationId(3), node: NodeId(2), in_flight: 0 };
    let unanswered = Stored { base_offset: -1, log_append_time_ms: None };
    let way = || way().chain([written.clone(), Fact::BatchAcked { batch: B0, stored: unanswered }]);
    assert_eq!(scene_of(way()).in_flight(NodeId(2)), 0);

    let appended = || Fact::LogAppended {
        node: NodeId(2),
        partition: p(1),
        base_offset: 40,
        records: 1,
        identity: None,
        base_sequence: -1,
    };
    let stored = scene_of(way().chain([appended()]));
    let cell = &stored.partitions[&p(1)].log.cells[0];
    assert_eq!((&*cell.label, cell.known), ("a", false), "it is there, and nobody tells the program");
    let lost = Fact::Disconnected { connection: WIRE, node: NodeId(2), why: DisconnectReason::ClosedByPeer };
    let somebody_elses = scene_of(way().chain([lost, appended()]));
    assert_eq!(&*somebody_elses.partitions[&p(1)].log.cells[0].label, "");
}

#[test]
fn what_moves_has_its_times_the_append_of_each_record_and_the_newest_copy_at_a_broker() {
    let way = connected().into_iter().chain([opened(B0), appended(0, B0, 0, "a"), drained(B0, 1), sent(B0)]);
    let scene = scene_of(way.clone());
    assert_eq!(scene.caller.newest, Some(B0));
    let batch = &scene.batches[&B0];
    assert_eq!((batch.first_records[0].appended_at, batch.stored), (Instant::from_millis(3), None));
    let scene = scene_of(way.chain([stored(1)]));
    assert_eq!(scene.batches[&B0].stored, Some((Instant::from_millis(6), 40)));
}

#[test]
fn a_record_acknowledged_without_an_offset_takes_no_cell() {
    let stored = Stored { base_offset: -1, log_append_time_ms: None };
    let scene = scene_of([opened(B0), appended(0, B0, 0, "a"), drained(B0, 1), Fact::BatchAcked { batch: B0, stored }]);
    let log = &scene.partitions[&p(1)].log;
    assert_eq!((log.cells.len(), log.without_offset), (0, 1));
}

#[test]
fn labels_stop_where_detail_was_folded_so_that_none_stands_in_the_wrong_place() {
    let many = Fact::AppendedMany { first_ordinal: 1, batch: B0, first_index: 1, count: 10, batch_bytes: 300 };
    let scene = scene_of([opened(B0), appended(0, B0, 0, "first"), many, appended(11, B0, 11, "twelfth")]);
    let batch = &scene.batches[&B0];
    assert_eq!((batch.records, batch.first_records.len()), (12, 1));
}

#[test]
fn a_batch_that_failed_stays_failed_when_its_request_leaves_after_all() {
    let failed = Fact::BatchFailed {
        batch: B0,
        error: ProducerError::DeliveryTimeout { records: 1, partition: p(1), elapsed_ms: 120_000 },
        persistence: Persistence::PossiblyPersisted,
    };
    let scene = scene_of([opened(B0), appended(0, B0, 0, "a"), drained(B0, 1), failed, sent(B0)]);
    assert!(matches!(scene.batches[&B0].state, BatchState::Failed { .. }));
}

#[test]
fn the_log_keeps_its_newest_cells() {
    let scene = scene_of([Fact::LogAppended {
        node: NodeId(1),
        partition: p(0),
        base_offset: 0,
        records: 1_000_000,
        identity: None,
        base_sequence: -1,
    }]);
    let log = &scene.partitions[&p(0)].log;
    assert_eq!((log.cells.len(), log.cells[0].offset, log.end_offset), (64, 999_936, 1_000_000));
}

#[test]
fn finished_batches_and_history_are_bounded() {
    let facts = (0..2_000).flat_map(|n| {
        let batch = BatchId(n);
        let base_offset = i64::try_from(n).expect("small");
        [opened(batch), Fact::BatchAcked { batch, stored: Stored { base_offset, log_append_time_ms: None } }]
    });
    let scene = scene_of(facts);
    assert_eq!((scene.batches.len(), scene.history.len()), (FINISHED_BATCHES, HISTORY));
}

/// A batch on the wire, with a record of this key.
fn on_its_way(ordinal: u64, label: &str) -> Vec<Fact> {
    let facts = [opened(B0), appended(ordinal, B0, 0, label), drained(B0, 1), sent(B0)];
    connected().into_iter().chain(facts).collect()
}

fn acked(base_offset: i64) -> Fact {
    Fact::BatchAcked { batch: B0, stored: Stored { base_offset, log_append_time_ms: None } }
}

#[test]
fn the_parts_of_a_batch_stand_in_its_place_with_its_records() {
    let labels = ["a", "b", "c"];
    let appends = (0..3).map(|n| appended(n, B0, u32::try_from(n).expect("small"), labels[n as usize]));
    let part = |batch, records| SplitBatch { batch: BatchId(batch), records, bytes: 61 + 20 * records, capacity: 100 };
    let later = BatchId(1);
    let split = Fact::BatchSplit { batch: B0, children: vec![part(2, 2), part(3, 1)] };
    let facts = [opened(B0)].into_iter().chain(appends).chain([drained(B0, 3), opened(later), split]);
    let mut scene = scene_of(connected().into_iter().chain(facts));
    assert_eq!(scene.partitions[&p(1)].under_way, [BatchId(2), BatchId(3), later]);
    assert_eq!((&scene.batches[&B0].state, scene.homecoming.len()), (&BatchState::Split, 0), "no answer went home");
    let of = |scene: &Scene, batch| {
        let part = &scene.batches[&BatchId(batch)];
        let labels: Vec<_> = part.first_records.iter().map(|record| record.label.to_string()).collect();
        (labels.concat(), part.records, part.bytes, part.base_sequence, part.attempts)
    };
    assert_eq!([of(&scene, 2), of(&scene, 3)], [("ab".into(), 2, 101, 0, 0), ("c".into(), 1, 81, 2, 0)]);

    let stored = Stored { base_offset: 40, log_append_time_ms: None };
    tell(&mut scene, 0, [drained(BatchId(2), 2), Fact::BatchAcked { batch: BatchId(2), stored }]);
    let cells = &scene.partitions[&p(1)].log.cells;
    assert_eq!(cells.iter().map(|cell| (cell.offset, &*cell.label)).collect::<Vec<_>>(), [(40, "a"), (41, "b")]);
}

#[test]
fn a_partition_that_is_waited_for_is_known_until_send_ends() {
    let until = Instant::from_millis(60_000);
    let awaited = || Fact::PartitionAwaited { ordinal: 0, partition: p(7), partitions: 6, until };
    let blocked = || Fact::SendBlocked { ordinal: 0, on: BlockedOn::Metadata };
    let scene = scene_of([blocked(), awaited()]);
    assert_eq!(scene.caller.awaits, Some(AwaitedPartition { partition: p(7), partitions: 6, since: scene.at, until }));
    let error = ProducerError::Closed;
    let refused = Fact::SendRefused { ordinal: 0, error, surface: Surface::FutureOnCaller };
    for over in [refused, Fact::CallerStands(Statement::Loop), Fact::Thinned { dropped: 1 }] {
        assert_eq!(scene_of([blocked(), awaited(), over.clone()]).caller.awaits, None, "{over:?}");
    }
}

#[test]
fn after_a_gap_nothing_is_under_way_that_might_have_ended_unseen() {
    let mut scene = scene_of(on_its_way(0, "a").into_iter().chain([acked(40)]));
    let other = BatchId(1);
    let blocked = Fact::SendBlocked { ordinal: 2, on: BlockedOn::Memory };
    tell(&mut scene, 0, [opened(other), appended(1, other, 0, "b"), drained(other, 1), sent(other), blocked]);
    tell(&mut scene, 0, [Fact::Thinned { dropped: 9 }]);
    assert_eq!(scene.batches.keys().collect::<Vec<_>>(), [&B0], "what has ended stays");
    assert!(scene.partitions[&p(1)].under_way.is_empty() && scene.connections.is_empty());
    assert_eq!((scene.caller.blocked_on, scene.thinned), (None, 9));
    let log = &scene.partitions[&p(1)].log;
    assert_eq!((log.cells.len(), log.end_offset, log.gap_below), (1, 41, 41), "the log stays and says so");
    assert!(matches!(scene.history.back().map(|event| &event.what), Some(Fact::Thinned { .. })));

    tell(&mut scene, 0, [opened(BatchId(2)), sent(BatchId(2))]);
    assert_eq!(scene.in_flight(NodeId(2)), 1, "a connection that stands shows again with its next request");
}

#[test]
fn a_gap_in_a_log_reaches_up_to_what_is_told_next() {
    let mut scene = scene_of(on_its_way(0, "a").into_iter().chain([acked(40)]));
    tell(&mut scene, 0, [Fact::Thinned { dropped: 9 }, opened(BatchId(2)), appended(9, BatchId(2), 0, "b")]);
    let gap_below = |scene: &Scene| scene.partitions[&p(1)].log.gap_below;
    assert_eq!(gap_below(&scene), 41, "nobody has told yet how far the log went on");
    let stored = Stored { base_offset: 50, log_append_time_ms: None };
    tell(&mut scene, 0, [drained(BatchId(2), 1), Fact::BatchAcked { batch: BatchId(2), stored }]);
    assert_eq!(gap_below(&scene), 50, "41 to 49 were written unseen");
}

#[test]
fn a_hundred_thousand_batches_whose_end_was_not_told_leave_a_picture_of_one_screen() {
    let mut scene = Scene::default();
    for n in 0..100_000 {
        let (batch, connection) = (BatchId(n), ConnectionId(u32::try_from(n).expect("small")));
        let partition = TopicPartition { topic: format!("topic-{}", n.min(999)).into(), partition: 0 };
        let leaders = vec![(Arc::clone(&partition.topic), vec![NodeId(1)])];
        let facts = [
            Fact::Connecting { connection, node: NodeId(1) },
            Fact::MetadataUpdated { brokers: vec![NodeId(1)], topics: leaders },
            Fact::BatchOpened { batch, partition, capacity: 100 },
            appended(n, batch, 0, "a"),
            Fact::Thinned { dropped: 1 },
        ];
        tell(&mut scene, 0, facts);
    }
    assert_eq!((scene.batches.len(), scene.connections.len()), (0, 0));
    assert_eq!((scene.partitions.len(), scene.leaders.len()), (PARTITIONS, TOPICS));
    assert_eq!((scene.thinned, scene.caller.sent), (100_000, 100_000));
}

#[test]
fn another_producer_starts_the_picture_over_and_leaves_logs_and_counts() {
    let mut scene = scene_of(on_its_way(0, "old").into_iter().chain([
        Fact::IdentityChanged { identity: ProducerIdentity { id: 9, epoch: 0 } },
        Fact::MemoryUsed { used_bytes: 16_384 },
        acked(40),
    ]));
    tell(&mut scene, 1, [opened(B0), appended(1, B0, 0, "new")]);
    assert_eq!(scene.producer, ProducerIndex(1));
    assert_eq!(scene.batches.len(), 1, "the old producer's batch 0 is another one");
    assert_eq!(&*scene.batches[&B0].first_records[0].label, "new");
    assert_eq!((scene.batches[&B0].attempts, scene.connections.len(), scene.memory_used_bytes), (0, 0, 0));
    assert_eq!((scene.identity, scene.partitions[&p(1)].under_way.len()), (None, 1));
    let cell = &scene.partitions[&p(1)].log.cells[0];
    assert_eq!((cell.offset, &*cell.label, cell.batch, cell.known), (40, "old", None, true));
    assert_eq!(scene.caller.sent, 2);
    assert!(scene.history.iter().any(|event| event.producer == ProducerIndex(0)));
}

#[test]
fn what_comes_late_of_the_old_producer_leaves_the_new_ones_batches_alone() {
    let mut scene = scene_of(on_its_way(0, "old"));
    tell(&mut scene, 1, on_its_way(1, "new"));
    let picture = scene.clone();
    let late = [
        acked(40),
        Fact::Disconnected { connection: WIRE, node: NodeId(2), why: crate::io::DisconnectReason::ClosedByUs },
        Fact::MemoryUsed { used_bytes: 7 },
        stored(1),
    ];
    tell(&mut scene, 0, late);
    assert_eq!((&scene.batches, &scene.connections), (&picture.batches, &picture.connections));
    assert_eq!(scene.memory_used_bytes, picture.memory_used_bytes);
    let log = &scene.partitions[&p(1)].log;
    assert_eq!((log.cells.len(), log.cells[0].offset, &*log.cells[0].label), (1, 40, ""), "stored all the same");
}

#[test]
fn a_broker_that_cannot_be_reached_is_known_since_its_connection_broke() {
    let node = NodeId(2);
    let metadata = || Fact::MetadataUpdated { brokers: vec![node], topics: Vec::new() };
    let over = |why| Fact::Disconnected { connection: WIRE, node, why };
    let mut scene = scene_of(connected().into_iter().chain([metadata(), over(DisconnectReason::ClosedByPeer)]));
    assert_eq!((scene.unreachable_since(node), scene.deserted_since()), (None, None), "it may only have been idle");
    let lost_at = scene.at;
    let refused = || over(DisconnectReason::ConnectFailed("refused".into()));
    tell(&mut scene, 0, [Fact::Connecting { connection: WIRE, node }, refused()]);
    assert_eq!((scene.unreachable_since(node), scene.deserted_since()), (Some(lost_at), Some(lost_at)));
    tell(&mut scene, 0, connected());
    assert_eq!((scene.unreachable_since(node), scene.deserted_since()), (None, None), "it is back");

    // Whoever answers knows who else is there.
    tell(&mut scene, 0, [refused(), metadata()]);
    assert_eq!(scene.unreachable_since(node), None);
}

#[test]
fn before_anybody_has_answered_a_bootstrap_server_that_refuses_is_all_there_is() {
    let bootstrap = NodeId(-1);
    let refused = || Fact::Disconnected {
        connection: WIRE,
        node: bootstrap,
        why: DisconnectReason::ConnectFailed("refused".into()),
    };
    let mut scene = scene_of([Fact::Connecting { connection: WIRE, node: bootstrap }]);
    assert_eq!(scene.deserted_since(), None);
    tell(&mut scene, 0, [refused()]);
    assert_eq!(scene.deserted_since(), Some(scene.at));
}

#[test]
fn a_record_that_the_program_waits_for_is_marked_and_counted() {
    let mut scene = scene_of([opened(B0), appended(0, B0, 0, "a"), appended(1, B0, 1, "b")]);
    tell(&mut scene, 0, [Fact::CallerStands(Statement::Get)]);
    let awaited: Vec<_> = scene.batches[&B0].first_records.iter().map(|record| record.awaited).collect();
    assert_eq!((awaited, scene.caller.awaited, scene.caller.sent), (vec![false, true], 1, 2));

    // One that was told without its label is counted only: no older one is marked in its place.
    let many = Fact::AppendedMany { first_ordinal: 1, batch: B0, first_index: 1, count: 3, batch_bytes: 100 };
    let mut scene = scene_of([opened(B0), appended(0, B0, 0, "a"), many]);
    tell(&mut scene, 0, [Fact::CallerStands(Statement::Get)]);
    let awaited: Vec<_> = scene.batches[&B0].first_records.iter().map(|record| record.awaited).collect();
    assert_eq!((awaited, scene.caller.awaited, scene.caller.sent), (vec![false], 1, 4));
}
