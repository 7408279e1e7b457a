//! Playheads in a world of one program and one broker.

use core::time::Duration;
use std::sync::Arc;

use super::*;
use crate::application::Application;
use crate::bridge::{Habit, RecordSpec};
use crate::caller::{Caller, Job, Records};
use crate::cluster::{Cluster, ClusterConfig, new_topic};
use crate::config::ProducerConfig;
use crate::ids::{Direction, Lane, ProducerIndex, TopicPartition};
use crate::io::BatchCompletion;
use crate::producer::Producer;
use crate::protocol::ApiKey;
use crate::simulation::{Interference, InterferenceRefusal, MessageName, Simulation, SimulationSettings};
use crate::time::Now;
use crate::trace::{self, Fact, TraceBuffer};

#[derive(Clone, Debug)]
struct Program(Caller);

impl Application<TraceBuffer> for Program {
    fn on_completed(&mut self, now: Now, completion: &BatchCompletion, producer: &mut Producer<TraceBuffer>) {
        self.0.on_completed(now, completion, producer);
    }

    fn run(&mut self, now: Now, producer: &mut Producer<TraceBuffer>) -> Option<Instant> {
        self.0.run(now, producer, |_| {})
    }
}

#[derive(Clone, Debug)]
struct World(Simulation<Program>);

impl Playable for World {
    type Action = (MessageName, Interference);
    type Refusal = InterferenceRefusal;

    fn now(&self) -> Instant {
        self.0.now().instant()
    }

    fn next_event_at(&self) -> Option<Instant> {
        self.0.next_event_at()
    }

    fn run_slice(&mut self, until: Instant, max_events: usize) -> bool {
        self.0.run_slice(until, max_events)
    }

    fn take_trace(&mut self) -> Vec<TraceEvent> {
        self.0.take_trace()
    }

    fn act(&mut self, (name, what): &Self::Action) -> Result<(), InterferenceRefusal> {
        self.0.interfere(name, *what)
    }

    fn events(&self) -> u64 {
        self.0.events()
    }

    fn clients(&self) -> u32 {
        1
    }
}

const END: Instant = Instant::from_millis(3_000);

/// Sends 300 records without idempotence, one every five milliseconds.
fn playback() -> Playback<World> {
    playback_of(300)
}

fn playback_of(count: u32) -> Playback<World> {
    let observer = || TraceBuffer::new(Lane(0), ProducerIndex(0));
    let mut cluster = Cluster::new(ClusterConfig::simulated(1), observer());
    cluster.create_topic(&new_topic("orders", 3, 1)).unwrap();
    let mut caller = Caller::new(Duration::from_millis(5));
    let record = RecordSpec { topic: "orders".into(), key: Some(b"user-42"[..].into()), ..RecordSpec::default() };
    caller.enqueue(Job { id: 1, habit: Habit::Callback, records: Records::Same(Arc::new(record)), count });
    let (config, _) = ProducerConfig::from_properties([("enable.idempotence", "false")]).unwrap();
    let settings = SimulationSettings { config: Arc::new(config), seed: 11, ..SimulationSettings::default() };
    let simulation = Simulation::new(settings, cluster, observer(), Program(caller));
    Playback::new(World(simulation), Budget::default())
}

fn stored(playback: &Playback<World>) -> i64 {
    let orders = TopicPartition { topic: "orders".into(), partition: 1 };
    playback.world().0.cluster().log(&orders).unwrap().end_offset()
}

/// The run from here to the end of a moment, as bytes.
fn trace_until(playback: &mut Playback<World>, until: Instant) -> Vec<u8> {
    let mut events = Vec::new();
    while playback.next_moment().is_some_and(|at| at <= until) {
        assert_eq!(playback.run(Goal::NextMoment, usize::MAX), Progress::Reached);
        events.extend_from_slice(playback.last_events());
    }
    trace::encode(&events)
}

/// An answer to Produce that is on its way some time after this moment.
fn answer_after(playback: &mut Playback<World>, at: Instant) -> MessageName {
    assert_eq!(playback.seek(at, usize::MAX), Progress::Reached);
    loop {
        let is_meant = |name: &MessageName| (name.api, name.direction) == (ApiKey::Produce, Direction::ToClient);
        if let Some(name) = playback.world().0.messages().into_iter().map(|m| m.name).find(is_meant) {
            return name;
        }
        assert_eq!(playback.run(Goal::NextMoment, usize::MAX), Progress::Reached);
    }
}

#[test]
fn wherever_the_playhead_is_put_the_picture_is_the_one_of_that_moment() {
    let mut once = playback();
    let mut other = playback();
    assert_eq!(other.run(Goal::Time(END), usize::MAX), Progress::Reached);
    let times = [700, 650, 1, 1_499, 1_500, 2_999, 20, 0];
    for millis in times {
        let at = Instant::from_millis(millis);
        let mut straight = playback();
        assert_eq!(straight.run(Goal::Time(at), usize::MAX), Progress::Reached);
        assert_eq!(other.seek(at, usize::MAX), Progress::Reached);
        assert_eq!((other.now(), stored(&other)), (at, stored(&straight)));
        assert!(other.scene(0) == straight.scene(0), "at {millis} ms");
    }
    assert_eq!(other.known_until(), END, "what was played is known, wherever the playhead stands");
    assert_eq!(once.run(Goal::Time(END), usize::MAX), Progress::Reached);
    assert_eq!(once.marks(), other.marks());
}

#[test]
fn a_seek_in_slices_comes_to_the_same_place() {
    let (mut whole, mut sliced) = (playback(), playback());
    assert_eq!(whole.run(Goal::Time(END), usize::MAX), Progress::Reached);
    let mut slices = 1;
    while sliced.run(Goal::Time(END), 7) == Progress::Underway {
        slices += 1;
    }
    assert!(slices > 100, "{slices}");
    assert!(sliced.scene(0) == whole.scene(0));
    assert_eq!(stored(&sliced), 300);
}

#[test]
fn what_was_done_by_hand_is_part_of_the_past() {
    let mut playback = playback();
    let name = answer_after(&mut playback, Instant::from_millis(600));
    let at = playback.now();
    playback.act((name, Interference::Break)).unwrap();
    let ahead = trace_until(&mut playback, END);
    assert_eq!(stored(&playback), 301, "the batch behind the lost answer is stored twice");
    // Back before it, right to it, and forward again.
    for millis in [10, 599, 2_000] {
        assert_eq!(playback.seek(Instant::from_millis(millis), usize::MAX), Progress::Reached);
        assert_eq!(playback.seek(at, usize::MAX), Progress::Reached);
        assert_eq!(playback.seek(END, usize::MAX), Progress::Reached);
        assert_eq!(stored(&playback), 301, "by way of {millis} ms");
    }
    assert_eq!(playback.seek(at, usize::MAX), Progress::Reached);
    assert!(trace_until(&mut playback, END) == ahead, "byte for byte");
    assert_eq!(playback.deeds().map(|(at, _)| at).collect::<Vec<_>>(), [at]);
}

#[test]
fn both_futures_of_one_moment_can_be_kept() {
    let mut one = playback();
    assert_eq!(one.run(Goal::Time(END), usize::MAX), Progress::Reached);
    let name = answer_after(&mut one, Instant::from_millis(600));
    let mut other = one.clone();
    other.act((name, Interference::Break)).unwrap();
    assert_eq!(other.known_until(), other.now(), "its future is open");
    for (playback, records) in [(&mut one, 300), (&mut other, 301)] {
        assert_eq!(playback.seek(END, usize::MAX), Progress::Reached);
        assert_eq!(stored(playback), records);
    }
    // Another message, in the past of what was done: that is undone.
    let earlier = answer_after(&mut other, Instant::from_millis(300));
    other.act((earlier, Interference::Break)).unwrap();
    assert_eq!(other.deeds().count(), 1);
    assert_eq!(other.seek(END, usize::MAX), Progress::Reached);
    assert_eq!(stored(&other), 301);
}

#[test]
fn a_refused_deed_changes_nothing() {
    let mut playback = playback();
    let name = answer_after(&mut playback, Instant::from_millis(600));
    let ahead = trace_until(&mut playback, END);
    let at = answer_after(&mut playback, Instant::from_millis(600));
    assert_eq!(at, name, "the same message has the same name");
    let gone = MessageName { ordinal: 1, ..name };
    assert_eq!(playback.act((gone, Interference::Break)), Err(InterferenceRefusal::NotOnItsWay));
    assert!(trace_until(&mut playback, END) == ahead);
}

#[test]
fn the_next_moment_of_a_kind_is_found_and_none_is_passed_over() {
    let mut playback = playback();
    let name = answer_after(&mut playback, Instant::from_millis(600));
    playback.act((name, Interference::Break)).unwrap();
    for mark in [Mark::Fault, Mark::Retry, Mark::Request, Mark::Ack] {
        let mut playback = playback.clone();
        assert_eq!(playback.run(Goal::Next { mark, until: END }, usize::MAX), Progress::Reached, "{mark:?}");
        let happened: Vec<_> = playback.last_events().iter().filter_map(|event| Mark::of(&event.what)).collect();
        assert!(happened.contains(&mark), "{mark:?}: {happened:?}");
    }
    let never = Goal::Next { mark: Mark::Failure, until: END };
    assert_eq!(playback.run(never, usize::MAX), Progress::Over);
    assert_eq!(playback.run(Goal::Time(END), usize::MAX), Progress::Reached);
    let marked: Vec<_> = playback.marks().iter().flat_map(|(_, marks)| marks).filter(|m| *m == Mark::Retry).collect();
    assert_eq!(marked.len(), 1);
}

#[test]
fn back_goes_to_the_moment_before_and_no_further() {
    let mut playback = playback();
    let mut moments = Vec::new();
    for _ in 0..200 {
        assert_eq!(playback.run(Goal::NextMoment, usize::MAX), Progress::Reached);
        moments.push(playback.now());
    }
    moments.dedup();
    assert!(moments.is_sorted());
    for expected in moments.iter().rev().skip(1).take(150) {
        let before = playback.moment_before();
        assert_eq!(before, Some(*expected));
        assert_eq!(playback.seek(*expected, usize::MAX), Progress::Reached);
    }
}

#[test]
fn copies_of_the_world_stay_few_however_long_it_is_played() {
    let mut playback = playback_of(3_000);
    assert_eq!(playback.run(Goal::Time(Instant::from_millis(20_000)), usize::MAX), Progress::Reached);
    assert!(playback.moments > 64 * 32 * 2, "{}", playback.moments);
    assert!(playback.keyframes.len() <= KEYFRAMES + 1, "{}", playback.keyframes.len());
    assert!(playback.spacing > FIRST_SPACING);
    assert!(playback.marks().iter().count() <= 512);
}

/// A world in which more and more happens at once.
#[derive(Clone, Debug, Default)]
struct Endless {
    now: Instant,
    events: u64,
    micros_between: u64,
}

impl Playable for Endless {
    type Action = ();
    type Refusal = ();

    fn now(&self) -> Instant {
        self.now
    }

    fn next_event_at(&self) -> Option<Instant> {
        Some(self.now + Duration::from_micros(self.micros_between))
    }

    fn run_slice(&mut self, until: Instant, max_events: usize) -> bool {
        for _ in 0..max_events {
            let Some(at) = self.next_event_at().filter(|at| *at <= until) else { break };
            self.now = at;
            self.events += 1;
        }
        self.next_event_at().is_some_and(|at| at <= until)
    }

    fn take_trace(&mut self) -> Vec<TraceEvent> {
        let what = Fact::MemoryUsed { used_bytes: self.events };
        vec![TraceEvent { at: self.now, lane: Lane(0), producer: ProducerIndex(0), what }]
    }

    fn act(&mut self, (): &()) -> Result<(), ()> {
        Ok(())
    }

    fn events(&self) -> u64 {
        self.events
    }

    fn clients(&self) -> u32 {
        1
    }
}

#[test]
fn a_world_that_never_leaves_its_moment_is_stopped() {
    let mut playback = Playback::new(Endless::default(), Budget::default());
    let Progress::Stopped(overrun) = playback.run(Goal::Time(END), usize::MAX) else { panic!("it goes on") };
    assert!(overrun.within == Span::Moment && overrun.events >= 100_000, "{overrun:?}");
    assert_eq!(playback.run(Goal::NextMoment, usize::MAX), Progress::Stopped(overrun), "for good");
}

#[test]
fn a_world_in_which_too_much_happens_in_a_second_is_stopped() {
    let budget = Budget { events_per_second: 1_000, ..Budget::default() };
    let run = |micros_between| {
        let mut playback = Playback::new(Endless { micros_between, ..Endless::default() }, budget);
        playback.run(Goal::Time(END), usize::MAX)
    };
    assert_eq!(run(1_000), Progress::Reached);
    let Progress::Stopped(overrun) = run(900) else { panic!("it goes on") };
    assert_eq!(overrun.within, Span::Second);
    assert!((900..=1_001).contains(&(overrun.at.as_micros() / 1_000)), "{overrun:?}");
}

#[test]
fn a_world_in_which_too_much_happens_in_all_is_stopped() {
    let budget = Budget { events: 500, ..Budget::default() };
    let world = Endless { micros_between: 5_000, ..Endless::default() };
    let Progress::Stopped(overrun) = Playback::new(world, budget).run(Goal::Time(END), usize::MAX) else {
        panic!("it goes on")
    };
    assert_eq!((overrun.within, overrun.events), (Span::Run, 501));
}
