//! Brokers, network and producer in this page, in virtual time.
//!
//! The same messages go to and fro as with a bridge, and neither side waits for the other: commands are taken at the
//! beginning of a slice, reports are handed over at its end. So the world can move into a worker unnoticed.

use std::collections::VecDeque;
use std::sync::Arc;

use core::time::Duration;

use producer_core::bridge::{Broker, Command, Partition, Report, SessionId, Topology, World};
use producer_core::cluster::{Cluster, ClusterConfig, new_topic};
use producer_core::codecs::Codecs;
use producer_core::ids::{Lane, ProducerIndex, TopicPartition};
use producer_core::session::{NextProducer, Session, SessionLimits, SessionRequest};
use producer_core::simulation::{Simulation, SimulationSettings};
use producer_core::time::Instant;
use producer_core::trace::{Fact, TraceBuffer};

use crate::view::Speed;

/// Brokers in the page.
const BROKERS: usize = 3;
/// Time the program takes between two calls of `send`: what makes a burst of records visible one by one.
const PACE: Duration = Duration::from_micros(200);
/// Events between two looks at the clock.
const EVENTS_PER_LOOK: usize = 64;
/// What is due later than this is no reason to let time pass: nothing on the screen waits for it.
const QUIET: Duration = Duration::from_millis(200);

/// A world of our own.
#[derive(Debug)]
pub(crate) struct InPage {
    simulation: Simulation<Session>,
    inbox: VecDeque<Command>,
    /// The producer that takes over once the old one is closed.
    successor: Option<NextProducer>,
    /// The topic that the page looks at.
    described: Option<Arc<str>>,
    /// The world's time that was too short for a microsecond, in nanoseconds.
    carried_ns: u128,
}

impl InPage {
    /// Three brokers, and topic `orders` with three partitions and three copies of each. All chance comes from `seed`;
    /// producers compress with `codecs`, and brokers read with them.
    pub(crate) fn new(seed: u64, codecs: &'static dyn Codecs) -> Self {
        let config = ClusterConfig { default_replication_factor: 3, seed, ..ClusterConfig::simulated(BROKERS) };
        let mut cluster = Cluster::new(config, observer());
        // The only refusals are of names and numbers that these are not.
        let _ = cluster.create_topic(&new_topic("orders", 3, 3));
        // This world cannot end before its page does.
        let limits = SessionLimits { pace: PACE, get_ahead: u64::MAX, ..SessionLimits::default() };
        let session = Session::new(SessionId::default(), World::InPage, limits);
        let settings = SimulationSettings { seed, ..SimulationSettings::default() };
        Self {
            simulation: Simulation::new(settings, cluster, observer(), session).with_codecs(codecs),
            inbox: VecDeque::new(),
            successor: None,
            described: None,
            carried_ns: 0,
        }
    }

    /// Hands over a command; it is taken in the next slice.
    pub(crate) fn command(&mut self, command: Command) {
        self.inbox.push_back(command);
    }

    /// The time of the world.
    pub(crate) fn now(&self) -> Instant {
        self.simulation.now().instant()
    }

    /// Would anything on the screen change if time passed?
    pub(crate) fn is_busy(&self) -> bool {
        let soon = self.now() + QUIET;
        !self.inbox.is_empty()
            || self.successor.is_some()
            || !self.simulation.application().is_settled()
            || self.simulation.next_event_at().is_some_and(|at| at <= soon)
    }

    /// Lets time pass at `speed` for as long as a slice of `real` time, while there `is_time` to go on.
    pub(crate) fn advance(&mut self, real: Duration, speed: Speed, mut is_time: impl FnMut() -> bool) -> Vec<Report> {
        self.take_commands();
        match speed {
            Speed::Paused => {}
            Speed::Slower(times) => {
                let until = self.after(real, times);
                while self.simulation.run_slice(until, EVENTS_PER_LOOK) && is_time() {}
            }
            // From event to event, so that a world with nothing to do stands still.
            Speed::Unbounded => {
                while self.is_busy()
                    && let Some(at) = self.simulation.next_event_at()
                {
                    self.simulation.run_slice(at, EVENTS_PER_LOOK);
                    // A producer that is closed waits for its successor, which no event brings.
                    if self.simulation.producer().is_closed() || !is_time() {
                        break;
                    }
                }
            }
        }
        self.hand_over()
    }

    /// Lets the next moment come at which anything happens, whatever it is.
    pub(crate) fn step(&mut self) -> Vec<Report> {
        self.take_commands();
        if let Some(at) = self.simulation.next_event_at() {
            self.simulation.run_until(at);
        }
        self.hand_over()
    }

    fn take_commands(&mut self) {
        while let Some(command) = self.inbox.pop_front() {
            self.simulation.application_mut().handle_command(command);
        }
        self.settle();
    }

    fn hand_over(&mut self) -> Vec<Report> {
        self.run_errands();
        let reports = self.reports();
        self.settle();
        reports
    }

    /// Whoever was looked at wants a turn: it gets it now, or the world would never be quiet.
    fn settle(&mut self) {
        let now = self.now();
        self.simulation.run_until(now);
    }

    /// How far a slice of real time goes at so many times slower.
    fn after(&mut self, real: Duration, times: u32) -> Instant {
        let virtual_ns = real.as_nanos() / u128::from(times.max(1)) + self.carried_ns;
        self.carried_ns = virtual_ns % 1_000;
        self.now() + Duration::from_micros(u64::try_from(virtual_ns / 1_000).unwrap_or(u64::MAX))
    }

    fn run_errands(&mut self) {
        while let Some(request) = self.simulation.application_mut().next_request() {
            match request {
                SessionRequest::Reconfigure(next) => {
                    let now = self.simulation.now();
                    self.simulation.producer_mut().close(now, None);
                    self.successor = Some(next);
                }
                SessionRequest::Describe(topic) => {
                    self.look_at(Arc::clone(&topic));
                    self.described = Some(topic);
                }
            }
        }
        if self.simulation.producer().is_closed()
            && let Some(next) = self.successor.take()
        {
            self.simulation.replace_producer(&next);
            self.simulation.with(|producer, session, now| session.on_new_producer(now, producer));
        }
    }

    fn reports(&mut self) -> Vec<Report> {
        if self.simulation.application().wants_trace() {
            let events = self.simulation.take_trace();
            // A topic may have come into being, or its leaders have moved.
            if let Some(topic) = self.described.clone()
                && events.iter().any(|event| matches!(event.what, Fact::MetadataUpdated { .. }))
            {
                self.look_at(topic);
            }
            self.simulation.application_mut().offer_trace(events);
        }
        let session = self.simulation.application_mut();
        core::iter::from_fn(|| session.next_report()).collect()
    }

    fn look_at(&mut self, topic: Arc<str>) {
        let topology = self.describe(topic);
        self.simulation.application_mut().set_topology(topology);
    }

    fn describe(&self, topic: Arc<str>) -> Topology {
        let cluster = self.simulation.cluster();
        let brokers = cluster.config().nodes().map(|(node, _)| Broker { node, address: None }).collect();
        let partitions = (0..).map_while(|partition| {
            let name = TopicPartition { topic: Arc::clone(&topic), partition };
            let (leader, _) = cluster.leader(&name)?;
            let replicas = cluster.replicas(&name)?.to_vec();
            Some(Partition { partition, leader, isr: replicas.clone(), replicas })
        });
        let partitions = partitions.collect();
        Topology { brokers, topic, partitions }
    }
}

fn observer() -> TraceBuffer {
    TraceBuffer::new(Lane(0), ProducerIndex(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use producer_core::bridge::{Habit, RecordSpec};
    use producer_core::codecs::Portable;
    use producer_core::config::ConfigNotice;
    use producer_core::murmur2::partition_for_key;

    use crate::ledger::End;
    use crate::store::Store;
    use crate::view::Link;

    const FRAME: Duration = Duration::from_millis(16);

    /// A page without a screen.
    struct Page {
        store: Store,
        world: InPage,
    }

    impl Page {
        fn open() -> Self {
            let store = Store::new(Link::InPage, "orders");
            let mut world = InPage::new(1, &Portable);
            world.command(store.hello());
            let mut page = Self { store, world };
            page.run(Speed::Slower(1));
            page
        }

        fn send(&mut self, habit: Habit, key: &str, count: u32) {
            let key = Some(key.as_bytes().into());
            let record = RecordSpec { topic: "orders".into(), key, ..RecordSpec::default() };
            let command = self.store.send(habit, record, count).expect("a world");
            self.world.command(command);
        }

        fn take(&mut self, reports: Vec<Report>) {
            for report in reports {
                for answer in self.store.apply(report) {
                    self.world.command(answer);
                }
            }
        }

        /// Frame by frame until nothing happens any more; returns how many frames that took.
        fn run(&mut self, speed: Speed) -> u32 {
            for frame in 0..100_000 {
                let reports = self.world.advance(FRAME, speed, || true);
                self.take(reports);
                if !self.world.is_busy() {
                    return frame;
                }
            }
            panic!("the world never rests");
        }
    }

    #[test]
    fn a_record_comes_home_with_its_metadata_and_then_the_world_rests() {
        let mut page = Page::open();
        assert_eq!(page.store.view().topology.partitions.len(), 3);
        page.send(Habit::Get, "user-42", 1);
        page.run(Speed::Slower(1));
        let ledger = &page.store.view().ledger;
        let row = ledger.rows().next().expect("an outcome");
        assert!(matches!(row.end, End::Acked { partition: 1, offset: 0, .. }), "{row:?}");
        assert_eq!(partition_for_key(b"user-42", 3), 1);
        let log = page.store.view().scene.partitions.values().next().expect("a log").log.clone();
        assert!(log.cells.iter().all(|cell| cell.known));
    }

    #[test]
    fn a_slower_world_takes_more_frames_and_ends_the_same() {
        let outcome = |speed| {
            let mut page = Page::open();
            page.send(Habit::Callback, "user-42", 40);
            let frames = page.run(speed);
            (frames, page.store.view().ledger.rows().cloned().collect::<Vec<_>>())
        };
        let (real, rows) = outcome(Speed::Slower(1));
        let (slow, same_rows) = outcome(Speed::Slower(50));
        assert_eq!(rows.len(), 40);
        assert_eq!(rows, same_rows);
        assert!(slow > 20 * real, "{slow} frames at 1:50, {real} at 1:1");
        let (fast, same_rows) = outcome(Speed::Unbounded);
        assert_eq!(rows, same_rows);
        assert!(fast <= real);
    }

    #[test]
    fn as_fast_as_it_goes_takes_no_longer_in_the_worlds_own_time() {
        let ends_at = |speed| {
            let mut page = Page::open();
            page.send(Habit::Get, "user-42", 5);
            page.run(speed);
            page.world.now()
        };
        let (fast, real) = (ends_at(Speed::Unbounded), ends_at(Speed::Slower(1)));
        assert!(fast <= real && real - fast < FRAME * 2, "{fast} against {real}");
    }

    #[test]
    fn a_topic_that_comes_into_being_is_seen() {
        let mut page = Page::open();
        let look = page.store.look_at("payments".into());
        page.world.command(look);
        page.run(Speed::Slower(1));
        assert!(page.store.view().topology.partitions.is_empty());
        let record = RecordSpec { topic: "payments".into(), ..RecordSpec::default() };
        let send = page.store.send(Habit::Get, record, 1).expect("a world");
        page.world.command(send);
        page.run(Speed::Slower(1));
        assert_eq!(page.store.view().topology.partitions.len(), 1, "num.partitions is 1 by default");
    }

    #[test]
    fn a_stopped_world_stands_and_a_step_moves_it_to_the_next_event() {
        let mut page = Page::open();
        page.send(Habit::Get, "user-42", 1);
        let then = page.world.now();
        page.world.advance(FRAME, Speed::Paused, || true);
        assert_eq!(page.world.now(), then);
        let mut steps = 0;
        while page.store.view().ledger.counts().acked == 0 {
            let reports = page.world.step();
            page.take(reports);
            steps += 1;
            assert!(steps < 200, "never acknowledged");
        }
        assert!(page.world.now() > then);
    }

    #[test]
    fn another_configuration_takes_over_after_the_old_producer_has_settled_everything() {
        let mut page = Page::open();
        page.send(Habit::Callback, "user-42", 10);
        page.world.command(Command::Configure { properties: vec![("acks".into(), "0".into())] });
        page.send(Habit::Callback, "user-42", 10);
        page.run(Speed::Slower(1));
        assert_eq!(&*page.store.view().config.properties[0].1, "0");
        let ledger = &page.store.view().ledger;
        assert_eq!(ledger.counts().acked, 20);
        let offsets: Vec<_> = ledger.rows().map(|row| matches!(row.end, End::Acked { offset: 0.., .. })).collect();
        assert_eq!(offsets, [vec![false; 10], vec![true; 10]].concat(), "with acks=0 nobody tells the offset");
        page.world.command(Command::Configure { properties: vec![("acks".into(), "maybe".into())] });
        page.run(Speed::Slower(1));
        assert_eq!(page.store.view().alerts.len(), 1, "{:?}", page.store.view().alerts);
    }

    #[test]
    fn a_batch_that_is_compressed_is_smaller_on_its_way_and_read_by_the_brokers() {
        let largest_batch = |codec: &str| {
            let mut page = Page::open();
            let properties = [("compression.type", codec), ("compression.zstd.level", "19")];
            let properties = properties.map(|(key, value)| (key.into(), value.into())).to_vec();
            page.world.command(Command::Configure { properties });
            page.send(Habit::Callback, "user-42", 100);
            page.run(Speed::Slower(1));
            assert_eq!(page.store.view().ledger.counts().acked, 100, "{codec}");
            let without_effect = ConfigNotice::LevelWithoutEffect { key: "compression.zstd.level".into() };
            assert_eq!(page.store.view().config.notices.contains(&without_effect), codec == "zstd");
            let orders_1 = TopicPartition { topic: "orders".into(), partition: 1 };
            let log = page.world.simulation.cluster().log(&orders_1).expect("a log");
            log.batches().map(|batch| batch.bytes.len()).max().expect("a batch")
        };
        let plain = largest_batch("none");
        for codec in ["gzip", "snappy", "lz4", "zstd"] {
            let compressed = largest_batch(codec);
            assert!(compressed * 2 < plain, "{codec}: {compressed} of {plain}");
        }
    }

    #[test]
    fn a_slice_ends_when_its_time_is_over_and_the_next_one_goes_on() {
        let mut page = Page::open();
        page.send(Habit::Callback, "user-42", 2_000);
        let mut looks = 0;
        let reports = page.world.advance(Duration::from_secs(10), Speed::Slower(1), || {
            looks += 1;
            looks < 3
        });
        page.take(reports);
        assert_eq!(looks, 3);
        assert!(page.store.view().ledger.counts().acked < 2_000);
        page.run(Speed::Slower(1));
        assert_eq!(page.store.view().ledger.counts().acked, 2_000);
    }
}
