//! Several programs in one world, and what befalls a process.

use super::*;

fn add(world: &mut World, index: u32, properties: &[(&str, &str)]) -> ClientId {
    let (config, _) = ProducerConfig::from_properties(properties.iter().copied()).unwrap();
    let observer = TraceBuffer::new(Lane(0), ProducerIndex(index));
    let program =
        Program { caller: Caller::new(Duration::from_micros(50)), called: Vec::new(), completions: Vec::new() };
    world.add_client(Arc::new(config), ProducerIndex(index), observer, program)
}

#[test]
fn producers_side_by_side_have_identities_and_connections_of_their_own() {
    let mut world = world(5, Duration::from_micros(50));
    let second = add(&mut world, 1, &[("linger.ms", "0")]);
    world.application_mut().send(Habit::Callback, "user-42", "first", 50);
    world.with_client(second, |_, program, _| program.send(Habit::Callback, "user-42", "second", 50));
    run_until(&mut world, Instant::from_millis(2_000));
    assert!(world.clients().iter().all(|client| client.application().acknowledged() == 50));
    for value in ["first", "second"] {
        let of_one: Vec<_> = log(&world, 1).filter(|record| record.value == Some(value.as_bytes())).collect();
        assert!(of_one.iter().all(|record| record.identity == of_one[0].identity), "{value}");
        assert_eq!(of_one.iter().map(|record| record.sequence).collect::<Vec<_>>(), (0..50).collect::<Vec<_>>());
    }
    let trace = world.take_trace();
    assert!(trace.is_sorted_by_key(|event| event.at));
    let appends = trace.iter().filter(|event| matches!(event.what, Fact::LogAppended { .. }));
    let identities = appends.map(|event| match event.what {
        Fact::LogAppended { identity, .. } => (event.producer, identity),
        _ => unreachable!("filtered"),
    });
    let pairs: std::collections::BTreeSet<_> = identities.collect();
    assert_eq!(pairs.len(), 2, "what a broker appends is told of the producer that sent it: {pairs:?}");
}

#[test]
fn one_producer_more_draws_nothing_from_the_chance_of_another() {
    let arrivals = |with_another: bool| {
        let mut world = world(5, Duration::from_micros(300));
        if with_another {
            let second = add(&mut world, 1, &[]);
            world.with_client(second, |_, program, _| program.send(Habit::Callback, "alice", "v", 20));
        }
        world.application_mut().send(Habit::Callback, "user-42", "v", 20);
        run_until(&mut world, Instant::from_millis(500));
        let of_first = world.take_trace().into_iter().filter(|event| event.producer == ProducerIndex(0));
        let sent = of_first.filter(|event| matches!(event.what, Fact::ResponseReceived { .. }));
        sent.map(|event| event.at).collect::<Vec<_>>()
    };
    assert_eq!(arrivals(false), arrivals(true));
}

#[test]
fn a_process_that_stands_still_finds_its_answers_afterwards() {
    let mut world = world(5, Duration::ZERO);
    world.application_mut().send(Habit::Callback, "user-42", "v", 1);
    assert!(comes_true(&mut world, |world| log(world, 1).count() == 1));
    assert_eq!(world.application().acknowledged(), 0, "the answer is on its way");
    let begin = world.now().instant();
    world.take_trace();
    world.pause_client(ClientId(0), Duration::from_millis(400));
    let told: Vec<_> = world.take_trace().into_iter().map(|event| event.what).collect();
    assert_eq!(told, [Fact::ProcessPaused { until: begin + Duration::from_millis(400) }]);
    run_until(&mut world, begin + Duration::from_micros(399_999));
    assert_eq!(world.application().acknowledged(), 0);
    assert!(world.clients()[0].paused_until(world.now().instant()).is_some());
    run_until(&mut world, begin + Duration::from_millis(400));
    assert_eq!(world.application().acknowledged(), 1);
}

#[test]
fn a_long_pause_makes_nothing_expire_that_was_answered_in_time() {
    let mut world = world(5, Duration::ZERO);
    world.application_mut().send(Habit::Callback, "user-42", "v", 1);
    assert!(comes_true(&mut world, |world| log(world, 1).count() == 1));
    // Beyond request.timeout.ms and delivery.timeout.ms: the answer lies in the socket, and the client reads before it
    // looks at its clock.
    world.pause_client(ClientId(0), Duration::from_secs(150));
    run_until(&mut world, Instant::from_millis(200_000));
    assert_eq!(world.application().acknowledged(), 1);
    assert_eq!(log(&world, 1).count(), 1);
}

#[test]
fn a_process_that_ends_takes_what_had_not_left_with_it() {
    let mut world = world(5, Duration::ZERO);
    world.application_mut().send(Habit::Callback, "user-42", "warm", 1);
    assert!(comes_true(&mut world, |world| world.application().acknowledged() == 1));
    // linger.ms is 5.
    world.application_mut().send(Habit::Callback, "user-42", "left behind", 3);
    world.step();
    world.end_client(ClientId(0));
    run_until(&mut world, Instant::from_millis(10_000));
    assert_eq!(log(&world, 1).count(), 1);
    assert_eq!(world.application().acknowledged(), 1, "no callback runs any more");
    assert!(world.next_event_at().is_none_or(|at| at > Instant::from_millis(10_000)));
}

#[test]
fn what_a_process_had_written_to_its_socket_is_stored_after_its_end() {
    let mut world = world(5, Duration::ZERO);
    world.application_mut().send(Habit::Callback, "user-42", "warm", 1);
    assert!(comes_true(&mut world, |world| world.application().acknowledged() == 1));
    world.application_mut().send(Habit::Callback, "user-42", "on its way", 3);
    let is_produce = |message: &MessageOnItsWay| message.name.api == ApiKey::Produce;
    assert!(comes_true(&mut world, |world| world.messages().iter().any(is_produce)));
    world.end_client(ClientId(0));
    run_until(&mut world, Instant::from_millis(10_000));
    assert_eq!(log(&world, 1).count(), 4);
    assert_eq!(world.application().acknowledged(), 1);
}

/// Its callbacks take their time.
#[derive(Clone, Debug)]
struct Slow {
    program: Program,
    callback: Duration,
    /// When each began.
    called_back: Vec<Instant>,
}

impl Application<TraceBuffer> for Slow {
    fn on_completed(&mut self, now: Now, completion: &BatchCompletion, producer: &mut Producer<TraceBuffer>) {
        self.called_back.push(now.instant());
        self.program.on_completed(now, completion, producer);
    }

    fn time_in_callbacks(&mut self) -> Duration {
        self.callback
    }

    fn run(&mut self, now: Now, producer: &mut Producer<TraceBuffer>) -> Option<Instant> {
        self.program.run(now, producer)
    }
}

#[test]
fn a_slow_callback_keeps_every_other_batch_waiting_and_not_the_program() {
    let mut cluster = Cluster::new(ClusterConfig::simulated(1), observer());
    cluster.create_topic(&new_topic("orders", 3, 1)).unwrap();
    let program = Program { caller: Caller::new(Duration::ZERO), called: Vec::new(), completions: Vec::new() };
    let slow = Slow { program, callback: Duration::from_millis(200), called_back: Vec::new() };
    let (config, _) = ProducerConfig::from_properties([("linger.ms", "0")]).unwrap();
    let settings = SimulationSettings { config: Arc::new(config), seed: 5, ..SimulationSettings::default() };
    let mut world = Simulation::new(settings, cluster, observer(), slow);
    // Three partitions of one broker: their batches leave together and are answered together.
    for key in ["alice", "user-42", "carol"] {
        world.application_mut().program.send(Habit::Callback, key, "v", 1);
    }
    world.run_until(Instant::from_millis(2_000));
    let called = world.application().program.called.iter().map(|called| called.called_at);
    assert!(called.max().unwrap() < Instant::from_millis(50), "the program never waits");
    let begun = &world.application().called_back;
    let apart: Vec<_> = begun.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(apart, [Duration::from_millis(200); 2], "one sender's thread runs them all: {begun:?}");
}
