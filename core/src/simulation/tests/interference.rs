//! Faults by pointing at a message.

use super::*;
use crate::error::ErrorCode;
use crate::ids::Direction;

/// A world whose producer is connected, knows the topic, has its id and nothing under way.
fn warm(properties: &[(&str, &str)]) -> World {
    let mut cluster = Cluster::new(ClusterConfig::simulated(1), observer());
    cluster.create_topic(&new_topic("orders", 3, 1)).unwrap();
    let program = Program { caller: Caller::new(Duration::ZERO), called: Vec::new(), completions: Vec::new() };
    let (config, _) = ProducerConfig::from_properties(properties.iter().copied()).unwrap();
    let settings = SimulationSettings { config: Arc::new(config), seed: 5, ..SimulationSettings::default() };
    let mut world = Simulation::new(settings, cluster, observer(), program);
    world.application_mut().send(Habit::Get, "user-42", "warm", 1);
    assert!(comes_true(&mut world, |world| world.application().caller.is_idle()));
    world
}

/// Sends two records, one batch each, and stops when both are on their way.
fn two_on_their_way(world: &mut World) -> Vec<MessageName> {
    world.application_mut().send(Habit::Callback, "user-42", "A", 1);
    world.step();
    world.application_mut().send(Habit::Callback, "user-42", "B", 1);
    let names = |world: &World| {
        let produce = world.messages().into_iter().filter(|message| message.name.api == ApiKey::Produce);
        produce.map(|message| message.name).collect::<Vec<_>>()
    };
    assert!(comes_true(world, |world| names(world).len() == 2));
    names(world)
}

fn values(world: &World) -> Vec<String> {
    log(world, 1).map(|record| String::from_utf8_lossy(record.value.unwrap()).into_owned()).collect()
}

/// Runs until an answer to Produce is on its way.
fn answer_on_its_way(world: &mut World) -> MessageName {
    let find = |world: &World| {
        let is_meant = |name: &MessageName| (name.api, name.direction) == (ApiKey::Produce, Direction::ToClient);
        world.messages().into_iter().map(|message| message.name).find(is_meant)
    };
    assert!(comes_true(world, |world| find(world).is_some()));
    find(world).unwrap()
}

fn faults(world: &mut World) -> Vec<trace::Fault> {
    let trace = world.take_trace();
    trace
        .into_iter()
        .filter_map(|event| match event.what {
            Fact::FaultInjected { fault, .. } => Some(fault),
            _ => None,
        })
        .collect()
}

#[test]
fn a_connection_that_breaks_at_the_answer_doubles_the_record_without_idempotence() {
    for (idempotent, stored) in [("false", 2), ("true", 1)] {
        let mut world = warm(&[("enable.idempotence", idempotent), ("linger.ms", "0")]);
        world.application_mut().send(Habit::Callback, "user-42", "once", 1);
        let answer = answer_on_its_way(&mut world);
        world.interfere(&answer, Interference::Break).unwrap();
        assert!(comes_true(&mut world, |world| world.application().acknowledged() == 2));
        assert_eq!(values(&world).iter().filter(|value| *value == "once").count(), stored);
        assert_eq!(faults(&mut world), [trace::Fault::CutAfterAppend]);
        let completion = &world.application().completions[1];
        assert_eq!(completion.result.as_ref().unwrap().base_offset, if stored == 2 { 2 } else { 1 });
        assert_eq!(completion.attempts, 2);
    }
}

/// Both requests in flight, the connection lost before either is appended.
#[test]
fn a_connection_that_breaks_at_the_first_of_two_requests_turns_their_order_round_without_idempotence() {
    for (idempotent, order) in [("false", ["warm", "B", "A"]), ("true", ["warm", "A", "B"])] {
        let mut world = warm(&[("enable.idempotence", idempotent), ("linger.ms", "0"), ("batch.size", "1")]);
        let [first, _] = two_on_their_way(&mut world)[..] else { panic!("two") };
        world.interfere(&first, Interference::Break).unwrap();
        assert!(comes_true(&mut world, |world| world.application().acknowledged() == 3));
        assert_eq!(values(&world), order, "enable.idempotence={idempotent}");
        assert_eq!(faults(&mut world), [trace::Fault::CutBeforeAppend]);
    }
}

#[test]
fn a_request_answered_with_an_error_is_overtaken_without_idempotence() {
    for (idempotent, order) in [("false", ["warm", "B", "A"]), ("true", ["warm", "A", "B"])] {
        let mut world = warm(&[("enable.idempotence", idempotent), ("linger.ms", "0"), ("batch.size", "1")]);
        let [first, _] = two_on_their_way(&mut world)[..] else { panic!("two") };
        world.interfere(&first, Interference::Answer(ErrorCode::NOT_ENOUGH_REPLICAS)).unwrap();
        assert!(comes_true(&mut world, |world| world.application().acknowledged() == 3));
        assert_eq!(values(&world), order, "enable.idempotence={idempotent}");
        let error = ErrorCode::NOT_ENOUGH_REPLICAS;
        assert!(faults(&mut world).contains(&trace::Fault::Answered { error }));
    }
}

/// Without idempotence up to five copies, the second ones in reverse order.
#[test]
fn one_swallowed_answer_closes_the_connection_and_everything_behind_it_is_sent_again() {
    let mut world = warm(&[
        ("enable.idempotence", "false"),
        ("linger.ms", "0"),
        ("batch.size", "1"),
        ("request.timeout.ms", "1000"),
        ("delivery.timeout.ms", "20000"),
    ]);
    for value in ["r0", "r1", "r2", "r3", "r4"] {
        world.application_mut().send(Habit::Callback, "user-42", value, 1);
        world.step();
    }
    let answer = answer_on_its_way(&mut world);
    world.interfere(&answer, Interference::Swallow).unwrap();
    assert!(comes_true(&mut world, |world| world.application().acknowledged() == 6));
    assert_eq!(values(&world)[1..], ["r0", "r1", "r2", "r3", "r4", "r4", "r3", "r2", "r1", "r0"]);
    let trace = world.take_trace();
    let timed_out = trace.iter().filter(|event| matches!(event.what, Fact::RequestTimedOut { .. })).count();
    assert_eq!(timed_out, 1, "one request is too old, and takes the others with its connection");
}

/// As a leader says it whose followers left between append and answer.
#[test]
fn an_answer_may_say_that_replicas_are_missing_although_the_batch_is_stored() {
    for (idempotent, stored) in [("false", 2), ("true", 1)] {
        let mut world = warm(&[("enable.idempotence", idempotent), ("linger.ms", "0")]);
        world.application_mut().send(Habit::Callback, "user-42", "once", 1);
        let answer = answer_on_its_way(&mut world);
        let error = ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND;
        world.interfere(&answer, Interference::Answer(error)).unwrap();
        assert!(comes_true(&mut world, |world| world.application().acknowledged() == 2));
        assert_eq!(values(&world).iter().filter(|value| *value == "once").count(), stored);
        assert_eq!(faults(&mut world), [trace::Fault::AnsweredAfterAppend { error }]);
    }
}

#[test]
fn no_answer_may_say_what_cannot_follow_a_write() {
    let mut world = warm(&[("linger.ms", "0")]);
    world.application_mut().send(Habit::Callback, "user-42", "v", 1);
    let answer = answer_on_its_way(&mut world);
    let error = ErrorCode::INVALID_RECORD;
    let refusal = world.interfere(&answer, Interference::Answer(error)).unwrap_err();
    assert_eq!(refusal, InterferenceRefusal::CannotFollowAWrite(error));
    let of_metadata = MessageName { api: ApiKey::Metadata, ..answer };
    let refusal = world.plan(of_metadata, Interference::Answer(ErrorCode::REQUEST_TIMED_OUT)).unwrap_err();
    assert_eq!(refusal, InterferenceRefusal::TellsOfNoWrite(ApiKey::Metadata));
}

#[test]
fn a_plan_meets_its_message_and_no_other() {
    let mut world = warm(&[("enable.idempotence", "false"), ("linger.ms", "0")]);
    world.application_mut().send(Habit::Callback, "user-42", "A", 1);
    let answer = answer_on_its_way(&mut world);
    let next = MessageName { ordinal: answer.ordinal + 1, ..answer };
    let never = MessageName { ordinal: answer.ordinal + 100, ..answer };
    for name in [next, never] {
        world.plan(name, Interference::Break).unwrap();
    }
    assert!(comes_true(&mut world, |world| world.application().acknowledged() == 2));
    world.application_mut().send(Habit::Callback, "user-42", "B", 1);
    assert!(comes_true(&mut world, |world| world.application().acknowledged() == 3));
    assert_eq!(values(&world), ["warm", "A", "B", "B"]);
    assert_eq!(world.planned().map(|(name, _)| *name).collect::<Vec<_>>(), [never]);
}

#[test]
fn two_futures_of_one_moment_differ_by_the_message_that_was_touched() {
    let mut world = warm(&[("enable.idempotence", "false"), ("linger.ms", "0")]);
    world.application_mut().send(Habit::Callback, "user-42", "v", 1);
    let answer = answer_on_its_way(&mut world);
    let mut other = world.clone();
    other.interfere(&answer, Interference::Break).unwrap();
    for fork in [&mut world, &mut other] {
        assert!(comes_true(fork, |world| world.application().acknowledged() == 2));
    }
    assert_eq!((values(&world).len(), values(&other).len()), (2, 3));
}

fn produces_about(partition: i32) -> Pattern {
    Pattern {
        direction: Direction::ToBroker,
        api: Some(ApiKey::Produce),
        client: None,
        node: None,
        connection: None,
        topic: Some("orders".into()),
        partition: Some(partition),
    }
}

fn rule(on: Pattern, nth: u32, what: Interference) -> MessageRule {
    MessageRule { on, nth, times: 1, from: Instant::ZERO, until: None, what: vec![what] }
}

#[test]
fn a_rule_strikes_the_third_produce_to_its_partition() {
    let mut world = warm(&[("enable.idempotence", "false"), ("linger.ms", "0")]);
    // The record that warmed it went to partition 1, before there was a rule.
    world.add_rule(rule(produces_about(1), 3, Interference::Answer(ErrorCode::NOT_ENOUGH_REPLICAS)));
    for (key, value) in [("alice", "a"), ("user-42", "b"), ("alice", "c"), ("user-42", "d"), ("user-42", "e")] {
        world.application_mut().send(Habit::Get, key, value, 1);
    }
    assert!(comes_true(&mut world, |world| world.application().acknowledged() == 6));
    let attempts: Vec<_> = world.application().completions[1..].iter().map(|done| done.attempts).collect();
    assert_eq!(attempts, [1, 1, 1, 1, 2], "the third to partition 1");
}

#[test]
fn a_throttled_client_asks_that_broker_nothing_until_the_pause_is_over() {
    let mut world = warm(&[("linger.ms", "0")]);
    let answers = Pattern { direction: Direction::ToClient, ..produces_about(1) };
    world.add_rule(rule(answers, 1, Interference::Throttle(1_000)));
    world.application_mut().send(Habit::Get, "user-42", "A", 1);
    assert!(comes_true(&mut world, |world| world.application().acknowledged() == 2));
    let throttled_at = world.now().instant();
    world.application_mut().send(Habit::Get, "user-42", "B", 1);
    assert!(comes_true(&mut world, |world| world.application().acknowledged() == 3));
    let waited = world.now().instant() - throttled_at;
    assert!((1_000..1_010).contains(&waited.as_millis()), "{waited:?}");
}

#[test]
fn an_error_may_be_meant_for_one_partition_of_a_request() {
    let mut world = warm(&[("linger.ms", "20")]);
    let error = ErrorCode::INVALID_RECORD;
    world.add_rule(rule(produces_about(0), 1, Interference::AnswerFor { partition: 0, error }));
    for key in ["alice", "user-42"] {
        world.application_mut().send(Habit::Callback, key, "v", 1);
    }
    assert!(comes_true(&mut world, |world| world.application().completions.len() == 3));
    let results: Vec<_> =
        world.application().completions[1..].iter().map(|done| (done.partition, done.result.is_ok())).collect();
    assert!(results.contains(&(0, false)) && results.contains(&(1, true)), "{results:?}");
}

#[test]
fn a_broker_that_refuses_is_tried_again_until_it_does_not() {
    let mut world = warm(&[("linger.ms", "0")]);
    world.set_refusing(NodeId(1), true);
    world.cut_connections(None, None);
    world.application_mut().send(Habit::Get, "user-42", "A", 1);
    run_until(&mut world, Instant::from_millis(3_000));
    assert_eq!(world.application().acknowledged(), 1);
    world.set_refusing(NodeId(1), false);
    assert!(comes_true(&mut world, |world| world.application().acknowledged() == 2));
    let refused = world.take_trace().into_iter().filter(|event| {
        let Fact::Disconnected { why, .. } = &event.what else { return false };
        matches!(why, DisconnectReason::ConnectFailed(_))
    });
    assert!(refused.count() > 3);
}

#[test]
fn a_route_is_slow_for_its_own_client_alone() {
    let mut world = warm(&[("linger.ms", "0")]);
    let latency = Some(Latency { base: Duration::from_millis(300), jitter: Duration::ZERO });
    let slow = |client| Route { client: Some(ClientId(client)), node: None, latency, bandwidth: None };
    world.set_route(slow(1));
    let begin = world.now().instant();
    world.application_mut().send(Habit::Get, "user-42", "A", 1);
    assert!(comes_true(&mut world, |world| world.application().acknowledged() == 2));
    assert!(world.now().instant() - begin < Duration::from_millis(10));
    world.set_route(slow(0));
    let begin = world.now().instant();
    world.application_mut().send(Habit::Get, "user-42", "B", 1);
    assert!(comes_true(&mut world, |world| world.application().acknowledged() == 3));
    assert_eq!(world.now().instant() - begin, Duration::from_millis(600));
}
