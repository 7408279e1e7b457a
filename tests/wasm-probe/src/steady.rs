//! The world of `cargo xtask bench sim`: three brokers, three producers, and nothing that goes wrong.
//!
//! Everything is as it is by default, nobody looks at the trace, and time is the only thing that is pushed: each producer's
//! program sends a record of 100 bytes every millisecond to a topic of three partitions with three copies each.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use producer_core::application::Application;
use producer_core::cluster::{Cluster, ClusterConfig, new_topic};
use producer_core::config::ProducerConfig;
use producer_core::ids::{ProducerIndex, TopicPartition};
use producer_core::io::BatchCompletion;
use producer_core::producer::{Producer, SendAttempt, SendRefusal};
use producer_core::record::Record;
use producer_core::simulation::{Simulation, SimulationSettings};
use producer_core::time::{Instant, Now};
use producer_core::trace::Nobody;

const TOPIC: &str = "orders";
/// Brokers, copies, partitions and producers.
const THREE: u8 = 3;
/// From record to record of one producer.
const PACE: Duration = Duration::from_millis(1);
const VALUE: [u8; 100] = [b'x'; 100];

/// A program that has a record every millisecond and counts what became of them.
#[derive(Clone, Debug, Default)]
struct Program {
    next: Instant,
    attempt: SendAttempt,
    sent: u64,
    acknowledged: u64,
}

impl Application<Nobody> for Program {
    fn on_completed(&mut self, _: Now, completion: &BatchCompletion, _: &mut Producer<Nobody>) {
        assert!(completion.result.is_ok(), "nothing goes wrong here: {completion:?}");
        self.acknowledged += u64::from(completion.record_count);
    }

    fn run(&mut self, now: Now, producer: &mut Producer<Nobody>) -> Option<Instant> {
        while self.next <= now.instant() {
            let record = Record {
                topic: TOPIC,
                partition: None,
                timestamp_ms: None,
                key: None,
                value: Some(&VALUE),
                headers: &[],
            };
            match producer.send(now, &mut self.attempt, &record) {
                Ok(_) => {
                    self.sent += 1;
                    self.attempt = SendAttempt::default();
                    self.next = self.next + PACE;
                }
                Err(SendRefusal::Blocked { until, .. }) => return Some(until),
                Err(refused) => panic!("nothing is refused here: {refused:?}"),
            }
        }
        Some(self.next)
    }
}

/// What happened in a span of such a world's time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Happened {
    /// Things taken from the world's queue: messages delivered, turns of timers, turns of programs.
    pub events: u64,
    /// Messages delivered, those between brokers among them.
    pub messages: u64,
    /// Records that the programs sent.
    pub records: u64,
    /// Records that they know to be stored.
    pub acknowledged: u64,
}

/// The world.
#[derive(Clone, Debug)]
pub struct Steady {
    simulation: Simulation<Program, Nobody>,
}

impl Steady {
    /// At its beginning.
    ///
    /// # Panics
    /// Never: the topic can be created.
    pub fn new(seed: u64) -> Self {
        let cluster = ClusterConfig { seed, ..ClusterConfig::simulated(THREE.into()) };
        let mut cluster = Cluster::new(cluster, Nobody);
        cluster.create_topic(&new_topic(TOPIC, THREE.into(), THREE.into())).expect("a valid topic");
        let settings = SimulationSettings { seed, ..SimulationSettings::default() };
        let mut simulation = Simulation::new(settings, cluster, Nobody, Program::default());
        for index in 1..THREE.into() {
            simulation.add_client(
                Arc::new(ProducerConfig::default()),
                ProducerIndex(index),
                Nobody,
                Program::default(),
            );
        }
        Self { simulation }
    }

    /// Lets so much of its time pass.
    pub fn run_for(&mut self, time: Duration) -> Happened {
        let before = self.so_far();
        self.simulation.run_until(self.simulation.now().instant() + time);
        let now = self.so_far();
        Happened {
            events: now.events - before.events,
            messages: now.messages - before.messages,
            records: now.records - before.records,
            acknowledged: now.acknowledged - before.acknowledged,
        }
    }

    fn so_far(&self) -> Happened {
        let programs = || self.simulation.clients().iter().map(|client| client.application());
        Happened {
            events: self.simulation.happenings(),
            messages: self.simulation.delivered(),
            records: programs().map(|program| program.sent).sum(),
            acknowledged: programs().map(|program| program.acknowledged).sum(),
        }
    }

    /// Records that readers can read.
    ///
    /// # Panics
    /// Never: the partitions are there.
    pub fn readable(&self) -> i64 {
        let cluster = self.simulation.cluster();
        let readable = |partition| {
            let name = TopicPartition { topic: TOPIC.into(), partition };
            let (leader, _) = cluster.leader(&name).expect("it is there");
            cluster.high_watermark_at(leader, &name).expect("the leader has a copy")
        };
        (0..THREE.into()).map(readable).sum()
    }
}

thread_local! {
    static WORLD: RefCell<Option<Steady>> = const { RefCell::new(None) };
}

/// A new world takes the place of the one before.
#[expect(unsafe_code, reason = "an export of a module without bindings has a name, and naming it counts as unsafe")]
#[unsafe(no_mangle)]
pub extern "C" fn steady_begin(seed: u64) {
    WORLD.set(Some(Steady::new(seed)));
}

/// Lets so many milliseconds of its time pass; the number of events.
#[expect(unsafe_code, reason = "an export of a module without bindings has a name, and naming it counts as unsafe")]
#[unsafe(no_mangle)]
pub extern "C" fn steady_run(ms: u32) -> u32 {
    let happened =
        WORLD.with_borrow_mut(|world| world.as_mut().map(|world| world.run_for(Duration::from_millis(ms.into()))));
    happened.map_or(0, |happened| u32::try_from(happened.events).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_sent_is_stored_once_and_known_to_be() {
        let mut world = Steady::new(7);
        let happened = world.run_for(Duration::from_secs(10));
        assert_eq!(happened.records, 30_003, "three producers, a record in every millisecond, at both ends");
        let waiting = happened.records - happened.acknowledged;
        assert!(waiting < 100, "{happened:?}");
        let readable = u64::try_from(world.readable()).expect("not below zero");
        assert!((happened.acknowledged..=happened.records).contains(&readable), "{readable}, {happened:?}");
        // A batch is at least a request, two records' ways to followers with their questions, and an answer.
        assert!(happened.messages > happened.records / 2, "{happened:?}");
        assert!(happened.events > happened.messages / 2 + happened.records, "{happened:?}");
    }
}
