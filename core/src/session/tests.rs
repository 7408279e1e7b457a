//! A session from the page's side: commands in, reports and the program's statements out.

use super::*;
use crate::bridge::{self, Habit, RecordSpec, RecordsMetadata, Refusal, SendCommand};
use crate::cluster::{Action, Cluster, ClusterConfig, Matcher, Rule, new_topic};
use crate::error::{ProducerError, Surface};
use crate::ids::{BatchId, Lane, RecordName};
use crate::protocol::{ApiKey, NewTopic};
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
        Self::with(new_topic("orders", 3, 3), &[])
    }

    fn with(topic: NewTopic, properties: &[(&str, &str)]) -> Self {
        Self::limited(topic, properties, SessionLimits::default())
    }

    fn limited(topic: NewTopic, properties: &[(&str, &str)], limits: SessionLimits) -> Self {
        let observer = || TraceBuffer::new(Lane(0), ProducerIndex(0));
        let mut cluster = Cluster::new(ClusterConfig::simulated(3), observer());
        cluster.create_topic(&topic).unwrap();
        let session = Session::new(SessionId::default(), bridge::World::InPage, limits);
        let (config, _) = ProducerConfig::from_properties(properties.iter().copied()).unwrap();
        let settings = SimulationSettings { config: Arc::new(config), ..SimulationSettings::default() };
        let simulation = Simulation::new(settings, cluster, observer(), session);
        let mut world = Self { simulation, outcomes: Vec::new(), reports: Vec::new(), facts: Vec::new() };
        world.simulation.application_mut().attach(None);
        world.settle();
        world
    }

    fn command(&mut self, command: Command) {
        self.simulation.application_mut().handle_command(command);
    }

    fn pass_until(&mut self, until: Instant) {
        // Far more than happens in any world here: one that never comes to rest fails its test instead of keeping it.
        assert!(!self.simulation.run_slice(until, 500_000), "never comes to rest");
    }

    /// A second passes, and whatever the session asks for is done.
    fn settle(&mut self) {
        for _ in 0..10 {
            let until = self.simulation.now().instant() + Duration::from_millis(100);
            self.pass_until(until);
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
fn a_page_may_not_name_code_that_runs_nor_where_the_bridge_connects_nor_as_whom() {
    for key in [
        "bootstrap.servers",
        "config.providers",
        "config.providers.file.class",
        "interceptor.classes",
        "key.serializer",
        "metric.reporters",
        "partitioner.class",
        "sasl.login.callback.handler.class",
        "sasl.jaas.config",
        "security.protocol",
        "security.providers",
        "ssl.engine.factory.class",
        "ssl.truststore.location",
        "value.serializer",
        " key.serializer ",
    ] {
        let mut world = World::new();
        let property = |key: &str, value: &str| (Arc::from(key), Arc::from(value));
        world.command(Command::Configure { properties: vec![property("linger.ms", "0"), property(key, "x")] });
        world.settle();
        let verdict = world.reports.last().expect("a verdict");
        assert!(matches!(verdict, Report::ConfigForbidden { keys } if **keys == [key.into()]), "{key}: {verdict:?}");
    }
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

#[test]
fn a_batch_that_the_topic_does_not_take_arrives_in_parts_and_every_record_hears_of_its_own() {
    // As the Java client does it: 60 records of 1 000 bytes in one batch, a topic that takes 10 000 bytes at once → once
    // more at the same size, then halves, and halves of those: 8 splits and 23 requests.
    let configs = vec![("max.message.bytes".into(), Some("10000".into()))];
    let topic = NewTopic { configs, ..new_topic("orders", 1, 3) };
    let mut world = World::with(topic, &[("batch.size", "65536"), ("linger.ms", "100")]);
    world.command(send(1, Habit::Callback, record(1_000), 59));
    world.command(send(2, Habit::Get, record(1_000), 1));
    world.settle();
    let count = |wanted: fn(&Fact) -> bool| world.facts.iter().filter(|event| wanted(&event.what)).count();
    assert_eq!(count(|fact| matches!(fact, Fact::BatchSplit { .. })), 8);
    assert_eq!(count(|fact| matches!(fact, Fact::RequestSent { api: ApiKey::Produce, .. })), 23);
    assert_eq!(count(|fact| matches!(fact, Fact::GetReturned { ordinal: 59 })), 1);
    let place = |wanted: fn(&Fact) -> bool| world.facts.iter().rposition(|event| wanted(&event.what));
    let last_callbacks = place(|fact| matches!(fact, Fact::CallbacksRan { .. }));
    let returned = place(|fact| matches!(fact, Fact::GetReturned { .. }));
    assert!(returned > last_callbacks, "get() waits for the part that holds its record, which is the last");
    let callbacks = world.facts.iter().map(|event| match event.what {
        Fact::CallbacksRan { count, .. } => count,
        _ => 0,
    });
    assert_eq!(callbacks.sum::<u32>(), 59);
    let offsets = world.outcomes.iter().flat_map(|outcome| {
        let Fate::Acked(metadata) = &outcome.fate else { panic!("{outcome:?}") };
        assert_eq!(metadata.first.batch, BatchId(0), "the name that send gave");
        assert_eq!(u64::from(metadata.first.index), outcome.first_ordinal);
        (outcome.first_ordinal..).zip(metadata.first_offset..).take(outcome.count as usize)
    });
    assert_eq!(offsets.collect::<Vec<_>>(), (0..60).zip(0..60).collect::<Vec<_>>());
    assert!(world.simulation.application().is_settled());
}

#[test]
fn a_record_that_gets_no_memory_names_the_partition_that_was_chosen_for_it() {
    // Flow: the only buffer is taken by partition 0, whose leader says nothing → a keyed record waits for it in vain.
    let properties = [("buffer.memory", "16384"), ("max.block.ms", "500"), ("linger.ms", "0")];
    let mut world = World::with(new_topic("orders", 3, 3), &properties);
    world.command(send(1, Habit::Get, RecordSpec { partition: Some(0), ..record(1) }, 1));
    world.settle();
    let hangs = Rule {
        when: Matcher { api: Some(ApiKey::Produce), ..Matcher::default() },
        then: Action::Delay(Duration::from_secs(20)),
    };
    world.simulation.cluster_mut().add_rule(hangs);
    world.command(send(2, Habit::Forget, RecordSpec { partition: Some(0), ..record(1) }, 1));
    world.command(send(3, Habit::Callback, record(1), 1));
    world.settle();
    let Fate::Failed { error, surface, partition, .. } = &world.outcomes[1].fate else {
        panic!("{:?}", world.outcomes)
    };
    assert!(matches!(error, ProducerError::BufferExhausted { .. }), "{error:?}");
    assert_eq!((*surface, *partition), (Surface::FutureOnCaller, 1), "user-42 belongs to partition 1");
}

#[test]
fn send_ids_ascend_for_those_below_a_forgotten_one_may_have_been_used() {
    let limits = SessionLimits { kept_records: 0, ..SessionLimits::default() };
    let mut world = World::limited(new_topic("orders", 3, 3), &[], limits);
    world.command(send(5, Habit::Get, record(1), 1));
    world.settle();
    let refusals = |world: &World| {
        let refused = |report: &Report| match report {
            Report::SendRefused { id, why } => Some((*id, why.clone())),
            _ => None,
        };
        world.reports.iter().filter_map(refused).collect::<Vec<_>>()
    };
    world.command(send(4, Habit::Get, record(1), 1));
    world.settle();
    assert_eq!(refusals(&world), [], "as long as nothing is forgotten, any new id will do");
    world.command(Command::AckOutcomes { up_to: 2 });
    for id in [3, 5, 6] {
        world.command(send(id, Habit::Get, record(1), 1));
    }
    world.settle();
    assert_eq!(refusals(&world), [(3, Refusal::IdForgotten), (5, Refusal::IdForgotten)]);
    assert_eq!(world.outcomes.len(), 3);
}

#[test]
fn a_program_that_breaks_off_calls_send_no_more_and_what_it_sent_is_settled() {
    let mut world = World::new();
    world.command(send(1, Habit::Get, record(1), 1_000));
    world.command(send(2, Habit::Callback, record(1), 5));
    let until = world.simulation.now().instant() + Duration::from_millis(100);
    world.pass_until(until);
    world.command(Command::BreakOff);
    world.settle();

    let broken_off = |world: &World| -> Vec<(SendId, u32)> {
        let said = world.reports.iter();
        said.filter_map(|report| match report {
            Report::BrokenOff { id, called } => Some((*id, *called)),
            _ => None,
        })
        .collect()
    };
    let told = broken_off(&world);
    let (_, called) = told[0];
    assert!((1..1_000).contains(&called), "{called} calls in 100 ms");
    assert_eq!(told[1..], [(2, 0)], "it was never begun");
    let settled: u32 = world.outcomes.iter().map(|outcome| outcome.count).sum();
    assert_eq!(settled, called, "each call has its outcome, and no other");
    assert!(world.simulation.application_mut().is_settled());

    // A page that did not hear of it asks again, in the words it used.
    world.reports.clear();
    world.command(send(1, Habit::Get, record(1), 1_000));
    world.command(send(2, Habit::Callback, record(1), 5));
    world.settle();
    assert_eq!(broken_off(&world), told);
    world.command(send(3, Habit::Get, record(1), 1));
    world.settle();
    assert_eq!(world.outcomes.last().map(|outcome| outcome.send), Some(3), "and life goes on");
}

#[test]
fn a_get_loop_runs_only_so_far_ahead_of_what_its_page_has_acknowledged() {
    let ahead = GET_AHEAD as usize;
    let mut world = World::new();
    world.command(send(1, Habit::Get, record(1), 1_000));
    world.command(send(2, Habit::Callback, record(1), 5));
    world.settle();
    assert_eq!(world.outcomes.len(), ahead);
    world.command(Command::AckOutcomes { up_to: 10 });
    world.settle();
    assert_eq!(world.outcomes.len(), ahead + 10);

    // One that is closed sends nothing any more, whether the page listens or not.
    let now = world.simulation.now();
    world.simulation.producer_mut().close(now, None);
    world.settle();
    assert!(world.simulation.application_mut().is_settled());
    let acked = world.outcomes.iter().filter(|outcome| matches!(outcome.fate, Fate::Acked(_)));
    assert_eq!(acked.count(), ahead + 10);
}

#[test]
fn a_call_that_waits_for_memory_when_the_program_breaks_off_is_the_last() {
    let properties = [("buffer.memory", "200"), ("batch.size", "100"), ("linger.ms", "300"), ("max.block.ms", "60000")];
    let mut world = World::with(new_topic("orders", 3, 3), &properties);
    world.command(send(1, Habit::Callback, record(60), 50));
    let until = world.simulation.now().instant() + Duration::from_millis(50);
    world.pass_until(until);
    world.command(Command::BreakOff);
    world.settle();
    let called = world.reports.iter().find_map(|report| match report {
        Report::BrokenOff { id: 1, called } => Some(*called),
        _ => None,
    });
    let settled: u32 = world.outcomes.iter().map(|outcome| outcome.count).sum();
    assert_eq!(called, Some(settled));
    assert!((1..50).contains(&settled));
}

#[test]
fn configurations_that_wait_are_few_and_only_the_newest_of_several_in_a_row_is_made() {
    let mut world = World::new();
    let linger = |ms: u32| Command::Configure { properties: vec![("linger.ms".into(), ms.to_string().into())] };
    world.command(send(1, Habit::Get, record(1), 1));
    for ms in 0..1_000 {
        world.command(linger(ms));
    }
    world.settle();
    let configured: Vec<_> = world
        .reports
        .iter()
        .filter_map(|report| match report {
            Report::Configured { properties, .. } => properties.first().map(|(_, value)| value.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(configured, ["999"]);

    for ms in 0..20 {
        world.command(send(u64::from(ms) + 2, Habit::Get, record(1), 1));
        world.command(linger(ms));
    }
    let limit = MAX_WAITING_CONFIGURATIONS as u64;
    world.settle();
    let refused = Report::BadRequest(BadRequest::TooManyConfigurations { limit });
    assert_eq!(world.reports.iter().filter(|report| **report == refused).count(), 10);
}

#[test]
fn after_a_loss_of_history_outcomes_are_numbered_anew() {
    let mut world = World::new();
    world.command(send(1, Habit::Get, record(1), 3));
    world.settle();
    let from_the_future = Resume { session: SessionId::default(), epoch: 1, outcomes_seen: 99 };
    world.command(Command::Hello { resume: Some(from_the_future) });
    world.settle();
    world.outcomes.clear();
    world.command(send(2, Habit::Get, record(1), 1));
    world.settle();
    assert_eq!(world.outcomes.iter().map(|outcome| outcome.number).collect::<Vec<_>>(), [1]);
    world.command(send(1, Habit::Get, record(1), 3));
    world.settle();
    assert!(world.reports.contains(&Report::SendRefused { id: 1, why: Refusal::IdForgotten }));
}
