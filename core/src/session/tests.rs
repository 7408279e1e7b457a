//! A session from the page's side: commands in, reports and the program's statements out.

use super::*;
use crate::bridge::{self, RecordsMetadata};
use crate::cluster::{Cluster, ClusterConfig, new_topic};
use crate::error::Surface;
use crate::ids::{BatchId, Lane, RecordName};
use crate::simulation::{Simulation, SimulationSettings};
use crate::trace::TraceBuffer;

/// A session with three simulated brokers and topic "orders".
struct World {
    simulation: Simulation<Session>,
    outcomes: Vec<Outcome>,
    reports: Vec<Report>,
    facts: Vec<TraceEvent>,
}

impl World {
    fn new() -> Self {
        let observer = || TraceBuffer::new(Lane(0), ProducerIndex(0));
        let mut cluster = Cluster::new(ClusterConfig::simulated(3), observer());
        cluster.create_topic(&new_topic("orders", 3, 3)).unwrap();
        let session = Session::new(SessionId::default(), bridge::World::InPage, SessionLimits::default());
        let simulation = Simulation::new(SimulationSettings::default(), cluster, observer(), session);
        let mut world = Self { simulation, outcomes: Vec::new(), reports: Vec::new(), facts: Vec::new() };
        world.simulation.application_mut().attach(None);
        world.settle();
        world
    }

    fn command(&mut self, command: Command) {
        self.simulation.application_mut().handle_command(command);
    }

    /// A second passes, and whatever the session asks for is done.
    fn settle(&mut self) {
        for _ in 0..10 {
            let until = self.simulation.now().instant() + Duration::from_millis(100);
            self.simulation.run_until(until);
            while let Some(SessionRequest::Reconfigure(next)) = self.simulation.application_mut().next_request() {
                let now = self.simulation.now();
                self.simulation.producer_mut().close(now, None);
                assert!(self.simulation.run_until_true(until + Duration::from_secs(1), |s| s.producer().is_closed()));
                self.simulation.replace_producer(&next);
                self.simulation.with(|producer, session, now| session.on_new_producer(now, producer));
            }
        }
        self.facts.append(&mut self.simulation.take_trace());
        while let Some(report) = self.simulation.application_mut().next_report() {
            match report {
                Report::Outcomes { mut outcomes } => self.outcomes.append(&mut outcomes),
                report => self.reports.push(report),
            }
        }
    }

    /// What the program did since it was last asked.
    fn statements(&mut self) -> Vec<String> {
        self.settle();
        let said = |event: TraceEvent| match event.what {
            Fact::CallerStands(statement) => Some(format!("{statement:?}")),
            Fact::GetReturned { ordinal } => Some(format!("get() of {ordinal} returned")),
            Fact::CallbacksRan { count, .. } => Some(format!("{count} callbacks on the sender")),
            Fact::CallbackRanOnCaller { ordinal } => Some(format!("callback of {ordinal} here")),
            _ => None,
        };
        core::mem::take(&mut self.facts).into_iter().filter_map(said).collect()
    }

    fn named(&self, outcome: usize) -> RecordName {
        match &self.outcomes[outcome].fate {
            Fate::Acked(RecordsMetadata { first, .. }) => *first,
            other => panic!("{other:?}"),
        }
    }
}

fn record(value_bytes: usize) -> RecordSpec {
    let value = Some(vec![b'v'; value_bytes].into());
    RecordSpec { topic: "orders".into(), key: Some(b"user-42"[..].into()), value, ..RecordSpec::default() }
}

fn send(id: SendId, habit: Habit, record: RecordSpec, count: u32) -> Command {
    Command::Send(SendCommand { id, habit, record, count })
}

/// More than `max.request.size`: the future that `send` returns has failed already.
fn too_large() -> RecordSpec {
    record(2_000_000)
}

/// `send` throws.
fn of_partition_minus_one() -> RecordSpec {
    RecordSpec { partition: Some(-1), ..record(1) }
}

/// The statements on which a program stands that sends twice.
fn statements_of(habit: Habit, record: RecordSpec) -> Vec<String> {
    let mut world = World::new();
    world.command(send(1, habit, record, 2));
    world.statements()
}

#[test]
fn get_waits_for_every_record_and_throws_at_once_what_send_refused() {
    assert_eq!(
        statements_of(Habit::Get, record(1)),
        ["Send", "Get", "get() of 0 returned", "Loop", "Send", "Get", "get() of 1 returned", "Loop"]
    );
    assert_eq!(
        statements_of(Habit::Get, too_large()),
        ["Send", "Get", "get() of 0 returned", "Loop", "Send", "Get", "get() of 1 returned", "Loop"]
    );
    assert_eq!(statements_of(Habit::Get, of_partition_minus_one()), ["Send", "Loop"]);
}

#[test]
fn a_callback_runs_at_the_sender_or_inside_send_or_not_at_all() {
    assert_eq!(statements_of(Habit::Callback, record(1)), ["Send", "Loop", "2 callbacks on the sender"]);
    assert_eq!(
        statements_of(Habit::Callback, too_large()),
        ["Send", "Callback", "callback of 0 here", "Send", "Callback", "callback of 1 here", "Send", "Loop"]
    );
    assert_eq!(statements_of(Habit::Callback, of_partition_minus_one()), ["Send", "Loop"]);
}

#[test]
fn who_forgets_stands_nowhere_else() {
    for record in [record(1), too_large(), of_partition_minus_one()] {
        assert_eq!(statements_of(Habit::Forget, record), ["Send", "Loop"]);
    }
}

#[test]
fn flush_returns_when_the_callbacks_have_run() {
    let mut world = World::new();
    world.command(send(1, Habit::Callback, record(1), 3));
    world.command(Command::Flush);
    assert_eq!(world.statements(), ["Send", "Loop", "Flush", "3 callbacks on the sender", "Loop"]);
}

#[test]
fn a_change_of_configuration_is_a_close_that_waits_for_what_is_under_way() {
    let mut world = World::new();
    world.command(send(1, Habit::Callback, record(1), 3));
    world.command(Command::Configure { properties: vec![("linger.ms".into(), "0".into())] });
    world.command(send(2, Habit::Forget, record(1), 1));
    assert_eq!(world.statements(), ["Send", "Loop", "Close", "3 callbacks on the sender", "Loop", "Send", "Loop"]);
}

#[test]
fn records_of_two_producers_have_names_and_places_in_send_order_of_their_own() {
    let mut world = World::new();
    for id in [1, 2] {
        world.command(send(id, Habit::Callback, record(1), 3));
        world.command(Command::Configure { properties: Vec::new() });
    }
    world.settle();
    let name = |producer| RecordName { producer: ProducerIndex(producer), batch: BatchId(0), index: 0 };
    assert_eq!([world.named(0), world.named(1)], [name(0), name(1)]);
    assert_eq!([world.outcomes[0].first_ordinal, world.outcomes[1].first_ordinal], [0, 3]);
    let told = world.facts.iter().filter_map(|event| match event.what {
        Fact::Appended { ordinal, batch, index, .. } => {
            Some((ordinal, RecordName { producer: event.producer, batch, index }))
        }
        _ => None,
    });
    let of_outcomes = world.outcomes.iter().flat_map(|outcome| {
        let Fate::Acked(metadata) = &outcome.fate else { panic!("{outcome:?}") };
        let first = metadata.first;
        let nth = move |n| (u64::from(n), RecordName { index: first.index + n, ..first });
        let base = outcome.first_ordinal;
        (0..outcome.count).map(nth).map(move |(n, name)| (base + n, name))
    });
    assert!(told.eq(of_outcomes), "the trace and the outcomes name the same records");
}

#[test]
fn a_refused_record_says_where_the_program_meets_it() {
    let mut world = World::new();
    world.command(send(1, Habit::Callback, too_large(), 1));
    world.command(send(2, Habit::Callback, of_partition_minus_one(), 1));
    world.settle();
    let met = world.outcomes.iter().map(|outcome| match &outcome.fate {
        Fate::Failed { error, surface, first: None, .. } => (error.java_class(), *surface),
        other => panic!("{other:?}"),
    });
    assert_eq!(
        met.collect::<Vec<_>>(),
        [("RecordTooLargeException", Surface::FutureOnCaller), ("IllegalArgumentException", Surface::Thrown)]
    );
}

#[test]
fn a_trace_frame_that_went_to_a_lost_connection_is_told_as_a_gap() {
    let event = |ordinal| TraceEvent {
        at: Instant::from_millis(ordinal),
        lane: Lane(0),
        producer: ProducerIndex(0),
        what: Fact::GetReturned { ordinal },
    };
    let mut session = Session::new(SessionId::default(), bridge::World::InPage, SessionLimits::default());
    let credit = |frames| Command::TraceCredit { frames };
    session.attach(None);
    session.handle_command(credit(2));
    session.offer_trace(vec![event(0)]);
    session.handle_command(credit(1));
    session.offer_trace(vec![event(1), event(2)]);
    session.attach(Some(Resume { session: SessionId::default(), epoch: 1, outcomes_seen: 0 }));
    session.handle_command(credit(1));
    session.offer_trace(vec![event(3)]);
    let traces = core::iter::from_fn(|| session.next_report()).filter_map(|report| match report {
        Report::Trace { events } => Some(events.into_iter().map(|event| event.what).collect::<Vec<_>>()),
        _ => None,
    });
    let gap = Fact::Thinned { dropped: 2 };
    assert_eq!(traces.collect::<Vec<_>>(), [[gap, Fact::GetReturned { ordinal: 3 }]], "frame 0 was read, frame 1 lost");
}
