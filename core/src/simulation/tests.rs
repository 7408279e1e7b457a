//! Worlds from their beginning to their end.

mod clients;
mod interference;
mod promises;
mod transactions;

use core::cell::Cell;
use core::time::Duration;

use super::*;
use crate::bridge::{Habit, RecordSpec};
use crate::caller::{Called, Caller, Job, Records};
use crate::cluster::{Action, ClusterConfig, LoggedRecord, Matcher, Rule, new_topic};
use crate::ids::{ConnectionId, Lane, NodeId, ProducerIndex, TopicPartition};
use crate::io::BatchCompletion;
use crate::protocol::ApiKey;
use crate::trace::{self, Fact};

/// A program that sends what it is told and keeps what became of it.
#[derive(Clone, Debug)]
struct Program {
    caller: Caller,
    called: Vec<Called>,
    completions: Vec<BatchCompletion>,
}

impl Application<TraceBuffer> for Program {
    fn on_completed(&mut self, now: Now, completion: &BatchCompletion, producer: &mut Producer<TraceBuffer>) {
        self.completions.push(completion.clone());
        self.caller.on_completed(now, completion, producer);
    }

    fn run(&mut self, now: Now, producer: &mut Producer<TraceBuffer>) -> Option<Instant> {
        self.caller.run(now, producer, |called| self.called.push(called))
    }
}

impl Program {
    fn send(&mut self, habit: Habit, key: &str, value: &str, count: u32) {
        let record = RecordSpec {
            topic: "orders".into(),
            key: Some(key.as_bytes().into()),
            value: Some(value.as_bytes().into()),
            ..RecordSpec::default()
        };
        self.caller.enqueue(Job { id: 1, habit, records: Records::Same(Arc::new(record)), count });
    }

    fn acknowledged(&self) -> u32 {
        self.completions.iter().filter(|done| done.result.is_ok()).map(|done| done.record_count).sum()
    }
}

type World = Simulation<Program>;

fn world(seed: u64, pace: Duration) -> World {
    let mut cluster = Cluster::new(ClusterConfig::simulated(3), observer());
    cluster.create_topic(&new_topic("orders", 3, 3)).unwrap();
    let program = Program { caller: Caller::new(pace), called: Vec::new(), completions: Vec::new() };
    let (config, _) = ProducerConfig::from_properties([("linger.ms", "5")]).unwrap();
    let settings = SimulationSettings { config: Arc::new(config), seed, ..SimulationSettings::default() };
    Simulation::new(settings, cluster, observer(), program)
}

fn observer() -> TraceBuffer {
    TraceBuffer::new(Lane(0), ProducerIndex(0))
}

fn orders(partition: i32) -> TopicPartition {
    TopicPartition { topic: "orders".into(), partition }
}

fn log(world: &World, partition: i32) -> impl Iterator<Item = LoggedRecord<'_>> {
    world.cluster().log(&orders(partition)).unwrap().records()
}

fn on_first_produce(then: Action) -> Rule {
    Rule { when: Matcher { api: Some(ApiKey::Produce), nth: Some(1), ..Matcher::default() }, then }
}

/// A minute is enough for everything here.
const DEADLINE: Instant = Instant::from_millis(60_000);
/// Far more than happens in any world here: one that never comes to rest fails its test instead of keeping it.
const MOST_EVENTS: usize = 500_000;

fn run_until(world: &mut World, until: Instant) {
    assert!(!world.run_slice(until, MOST_EVENTS), "never comes to rest");
}

/// Is the world as wanted before [`DEADLINE`]?
fn comes_true(world: &mut World, is_wanted: impl Fn(&World) -> bool) -> bool {
    let events = Cell::new(0);
    world.run_until_true(DEADLINE, |world| {
        events.set(events.get() + 1);
        assert!(events.get() < MOST_EVENTS, "never comes to rest");
        is_wanted(world)
    })
}

#[test]
fn a_record_lands_where_its_key_says_and_its_get_returns() {
    let mut world = world(1, Duration::ZERO);
    world.application_mut().send(Habit::Get, "user-42", "hello", 1);
    assert!(comes_true(&mut world, |world| world.application().caller.is_idle()));
    let stored: Vec<_> = log(&world, 1).collect();
    assert_eq!(stored.len(), 1);
    assert_eq!((stored[0].offset, stored[0].value), (0, Some(&b"hello"[..])));
    let completion = &world.application().completions[0];
    assert_eq!((completion.partition, completion.result.as_ref().unwrap().base_offset), (1, 0));
    // Stamped when metadata was there (`KafkaProducer.doSend`): after three round trips of 2 to 3 ms, for the connection,
    // ApiVersions and Metadata.
    let after_ms = stored[0].timestamp_ms - SimulationSettings::default().wall_start_ms;
    assert!((6..=9).contains(&after_ms), "{after_ms} ms");
    // Another broker leads the partition: a connection, ApiVersions and Produce, at least.
    assert!(world.now().elapsed_us >= 2 * 1_000 * 6, "{:?}", world.now());
}

#[test]
fn same_seed_same_trace_and_another_seed_another() {
    let trace = |seed| {
        let mut world = world(seed, Duration::from_micros(100));
        world.application_mut().send(Habit::Callback, "user-42", "v", 500);
        run_until(&mut world, Instant::from_millis(2_000));
        assert_eq!(world.application().acknowledged(), 500);
        trace::encode(&world.take_trace())
    };
    assert_eq!(trace(7), trace(7));
    assert_ne!(trace(7), trace(8));
}

#[test]
fn slices_of_any_size_give_the_run_that_one_go_gives() {
    let run = |max_events| {
        let mut world = world(7, Duration::from_micros(100));
        world.application_mut().send(Habit::Callback, "user-42", "v", 200);
        for millis in 1..=500 {
            while world.run_slice(Instant::from_millis(millis), max_events) {}
        }
        trace::encode(&world.take_trace())
    };
    let in_one_go = {
        let mut world = world(7, Duration::from_micros(100));
        world.application_mut().send(Habit::Callback, "user-42", "v", 200);
        run_until(&mut world, Instant::from_millis(500));
        trace::encode(&world.take_trace())
    };
    for max_events in [1, 2, 64] {
        assert!(run(max_events) == in_one_go, "slices of {max_events}");
    }
}

#[test]
fn a_slice_stops_after_its_events_and_time_with_it() {
    let mut world = world(7, Duration::ZERO);
    world.application_mut().send(Habit::Callback, "user-42", "v", 1);
    assert!(world.run_slice(DEADLINE, 3));
    assert!(world.now().instant() < DEADLINE);
    assert!(!world.run_slice(Instant::from_millis(300), usize::MAX));
    assert_eq!(world.now().instant(), Instant::from_millis(300));
}

#[test]
fn a_fork_has_the_same_future_until_somebody_interferes() {
    let mut world = world(3, Duration::from_micros(50));
    world.application_mut().send(Habit::Callback, "user-42", "v", 300);
    run_until(&mut world, Instant::from_millis(12));
    let mut same = world.clone();
    let mut other = world.clone();
    other.cluster_mut().move_leader(world.now(), &orders(1), NodeId(3)).unwrap();
    for fork in [&mut world, &mut same, &mut other] {
        run_until(fork, Instant::from_millis(1_000));
        assert_eq!(fork.application().acknowledged(), 300);
    }
    let trace = trace::encode(&world.take_trace());
    assert!(trace == trace::encode(&same.take_trace()));
    assert!(trace != trace::encode(&other.take_trace()));
    assert_eq!(log(&other, 1).count(), 300);
}

#[test]
fn a_lost_answer_is_sent_again_with_its_sequence_and_recognised() {
    let mut world = world(5, Duration::ZERO);
    world.cluster_mut().add_rule(on_first_produce(Action::CutAfterAppend));
    world.application_mut().send(Habit::Get, "user-42", "v", 3);
    assert!(comes_true(&mut world, |world| world.application().caller.is_idle()));
    assert_eq!(log(&world, 1).map(|record| record.sequence).collect::<Vec<_>>(), [0, 1, 2]);
    let trace = world.take_trace();
    let told = |wanted: fn(&Fact) -> bool| trace.iter().filter(|event| wanted(&event.what)).count();
    assert_eq!(told(|fact| matches!(fact, Fact::DuplicateRecognised { base_offset: 0, .. })), 1);
    assert_eq!(told(|fact| matches!(fact, Fact::LogAppended { .. })), 3);
    assert!(trace.is_sorted_by_key(|event| event.at));
}

#[test]
fn a_cut_before_the_append_and_a_move_of_the_leader_lose_nothing() {
    let mut world = world(5, Duration::from_micros(20));
    world.cluster_mut().add_rule(on_first_produce(Action::CutBeforeAppend));
    let moves = Action::MoveLeader { partition: orders(1), to: NodeId(1) };
    let third = Matcher { api: Some(ApiKey::Produce), nth: Some(3), ..Matcher::default() };
    world.cluster_mut().add_rule(Rule { when: third, then: moves });
    world.application_mut().send(Habit::Callback, "user-42", "v", 2_000);
    assert!(comes_true(&mut world, |world| world.application().acknowledged() == 2_000));
    let sequences: Vec<_> = log(&world, 1).map(|record| record.sequence).collect();
    assert_eq!(sequences, (0..2_000).collect::<Vec<_>>());
    assert_eq!(world.cluster().leader(&orders(1)), Some((NodeId(1), 1)));
}

#[test]
fn another_producer_takes_over_with_connections_of_its_own() {
    let mut world = world(5, Duration::ZERO);
    world.application_mut().send(Habit::Get, "user-42", "old", 1);
    assert!(comes_true(&mut world, |world| world.application().caller.is_idle()));
    let now = world.now();
    world.producer_mut().close(now, None);
    assert!(comes_true(&mut world, |world| world.producer().is_closed()));
    let (config, _) = ProducerConfig::from_properties([("acks", "1")]).unwrap();
    world.replace_producer(&NextProducer { config: Arc::new(config), index: ProducerIndex(1), first_ordinal: 1 });
    world.application_mut().send(Habit::Get, "user-42", "new", 1);
    assert!(comes_true(&mut world, |world| log(world, 1).count() == 2));
    let identities: Vec<_> = log(&world, 1).map(|record| record.identity.is_some()).collect();
    assert_eq!(identities, [true, false], "acks=1 switches idempotence off");
    assert_eq!(world.producer().client_id(), "producer-2", "counted as the Java client counts");
    let trace = world.take_trace();
    assert!(trace.is_sorted_by_key(|event| (event.at, event.producer)), "one story after the other");
    let ordinals = trace.iter().filter_map(|event| match event.what {
        Fact::Appended { ordinal, .. } => Some((event.producer.0, ordinal)),
        _ => None,
    });
    assert_eq!(ordinals.collect::<Vec<_>>(), [(0, 0), (1, 1)]);
    let brokers = trace.iter().filter(|event| matches!(event.what, Fact::LogAppended { .. }));
    assert_eq!(brokers.map(|event| event.producer.0).collect::<Vec<_>>(), [0, 1]);
}
