//! Whatever the weather, the producer keeps its word: drawn configurations, loads and faults, held against the logs.
//!
//! The faults are those a broker can be guilty of. It may refuse, be slow, break a connection before or after it wrote,
//! and hand its partitions over; it never says that it wrote what it did not.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::error::{ErrorCode, Persistence};
use crate::ids::BatchId;
use crate::producer::{SendAttempt, SendRefusal};
use crate::record::Record;

/// Each record may wait for half a second (`max.block.ms`), and the last ones for their `delivery.timeout.ms`.
const END: Instant = Instant::from_millis(120_000);
const PARTITIONS: i32 = 3;
/// The value of a record that is not looked for.
const WARMTH: &[u8] = b"warm";

/// Sends records whose values are their numbers, one after the other.
#[derive(Clone, Debug)]
struct Counting {
    count: usize,
    keys: Option<usize>,
    value_bytes: usize,
    pace: Duration,
    /// So many partitions get a record that is no number, and the numbers wait.
    to_warm: i32,
    is_held: bool,
    next: usize,
    next_at: Instant,
    attempt: Option<SendAttempt>,
    /// By number: where `send` put it; `None` where it refused.
    sent: Vec<Option<(BatchId, u32, i32)>>,
    completions: Vec<BatchCompletion>,
}

impl Counting {
    fn of(count: usize, keys: Option<usize>, value_bytes: usize, pace: Duration) -> Self {
        Self {
            count,
            keys,
            value_bytes,
            pace,
            to_warm: 0,
            is_held: true,
            next: 0,
            next_at: Instant::ZERO,
            attempt: None,
            sent: Vec::new(),
            completions: Vec::new(),
        }
    }

    fn value(&self, number: usize) -> String {
        format!("{number:0width$}", width = self.value_bytes)
    }
}

impl Application<TraceBuffer> for Counting {
    fn on_completed(&mut self, _now: Now, completion: &BatchCompletion, _producer: &mut Producer<TraceBuffer>) {
        self.completions.push(completion.clone());
    }

    fn run(&mut self, now: Now, producer: &mut Producer<TraceBuffer>) -> Option<Instant> {
        while self.to_warm > 0 {
            let record = Record { partition: Some(self.to_warm - 1), ..Record::keyed("orders", b"", WARMTH) };
            let mut attempt = self.attempt.take().unwrap_or_default();
            if let Err(refused) = producer.send(now, &mut attempt, &record) {
                let SendRefusal::Blocked { until, .. } = refused else { unreachable!("{refused:?}") };
                self.attempt = Some(attempt);
                return Some(until);
            }
            self.to_warm -= 1;
        }
        while self.next < self.count && !self.is_held {
            if now.instant() < self.next_at {
                return Some(self.next_at);
            }
            let (key, value) = (self.keys.map(|keys| (self.next % keys).to_string()), self.value(self.next));
            let record = Record { topic: "orders", value: Some(value.as_bytes()), ..Record::keyed("orders", b"", b"") };
            let record = Record { key: key.as_deref().map(str::as_bytes), ..record };
            let mut attempt = self.attempt.take().unwrap_or_default();
            match producer.send(now, &mut attempt, &record) {
                Ok(sent) => self.sent.push(Some((sent.batch, sent.index, sent.partition))),
                Err(SendRefusal::Failed { .. }) => self.sent.push(None),
                Err(SendRefusal::FailedInItsBatch { .. }) => unreachable!("there are no transactions"),
                Err(SendRefusal::Blocked { until, .. }) => {
                    self.attempt = Some(attempt);
                    return Some(until);
                }
            }
            self.next += 1;
            self.next_at = now.instant() + self.pace;
        }
        None
    }
}

/// One world to be.
#[derive(Clone, Debug)]
struct Weather {
    properties: Vec<(&'static str, String)>,
    max_message_bytes: Option<u32>,
    program: Counting,
    rules: Vec<Rule>,
    /// Has every partition heard of the producer before the weather begins?
    is_warm: bool,
    seed: u64,
}

fn any_program() -> impl Strategy<Value = Counting> {
    (1..150_usize, prop::option::of(1..9_usize), 4..200_usize, 0..3_000_u64).prop_map(
        |(count, keys, value_bytes, pace_us)| Counting::of(count, keys, value_bytes, Duration::from_micros(pace_us)),
    )
}

fn any_properties() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let promise = prop::sample::select(vec![("all", true), ("all", true), ("all", false), ("1", false), ("0", false)]);
    let batches = prop::sample::select(vec!["0", "300", "1000", "16384"]);
    let retries = prop::sample::select(vec!["0", "2", "2147483647", "2147483647"]);
    let times = (0..30_u32, 100..1_500_u32, 0..4_000_u32, 1..200_u32);
    (promise, batches, 1..=5_u32, retries, times, prop::option::of(17_000..60_000_u32)).prop_map(
        |((acks, idempotent), batch_size, in_flight, retries, (linger, request, beyond, backoff), memory)| {
            let is_refused = idempotent && retries == "0";
            let mut properties = vec![
                ("acks", acks.to_owned()),
                ("enable.idempotence", (idempotent && !is_refused).to_string()),
                ("batch.size", batch_size.to_owned()),
                ("max.in.flight.requests.per.connection", in_flight.to_string()),
                ("retries", retries.to_owned()),
                ("linger.ms", linger.to_string()),
                ("request.timeout.ms", request.to_string()),
                ("delivery.timeout.ms", (linger + request + beyond).to_string()),
                ("retry.backoff.ms", backoff.to_string()),
                ("max.block.ms", "500".to_owned()),
            ];
            properties.extend(memory.map(|bytes| ("buffer.memory", bytes.to_string())));
            properties
        },
    )
}

/// What a broker can be guilty of when it is asked to write.
pub(super) fn any_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        (0..3_000_u64).prop_map(|ms| Action::Delay(Duration::from_millis(ms))),
        prop::sample::select(ErrorCode::REFUSALS.to_vec()).prop_map(|error| Action::Answer { error, only: None }),
        Just(Action::CutBeforeAppend),
        Just(Action::CutAfterAppend),
        (0..PARTITIONS, 1..4_i32)
            .prop_map(|(partition, to)| Action::MoveLeader { partition: orders(partition), to: NodeId(to) }),
    ]
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let api = prop::sample::select(vec![ApiKey::Produce, ApiKey::Produce, ApiKey::Produce, ApiKey::InitProducerId]);
    let node = prop::option::of((1..4_i32).prop_map(NodeId));
    let partition = prop::option::of((0..PARTITIONS).prop_map(orders));
    (api, node, partition, prop::option::weighted(0.95, 1..25_u32), any_action()).prop_map(
        |(api, node, partition, nth, then)| {
            let partition = partition.filter(|_| api == ApiKey::Produce);
            // What happens to every Produce happens until its patience ends. Without an id there is no patience, nor does
            // the Java client's `close()` end: `Sender.runOnce` does not come to its batches.
            let nth = nth.or((api != ApiKey::Produce).then_some(1));
            Rule { when: Matcher { api: Some(api), node, partition, nth }, then }
        },
    )
}

fn any_weather() -> impl Strategy<Value = Weather> {
    let rules = prop::collection::vec(any_rule(), 0..10);
    let limit = prop::option::weighted(0.2, 200..2_000_u32);
    (any_properties(), limit, any_program(), rules, any::<bool>(), any::<u64>()).prop_map(
        |(properties, max_message_bytes, program, rules, is_warm, seed)| Weather {
            properties,
            max_message_bytes,
            program,
            rules,
            is_warm,
            seed,
        },
    )
}

/// Plays a world to its end: everything is sent, the producer is closed, and nothing happens any more.
fn played(weather: &Weather) -> Simulation<Counting> {
    let mut cluster = Cluster::new(ClusterConfig::simulated(3), observer());
    let mut topic = new_topic("orders", PARTITIONS, 3);
    let limit = weather.max_message_bytes.map(|bytes| ("max.message.bytes".into(), Some(bytes.to_string().into())));
    topic.configs.extend(limit);
    cluster.create_topic(&topic).unwrap();
    let properties = weather.properties.iter().map(|(key, value)| (*key, value.as_str()));
    let (config, _) = ProducerConfig::from_properties(properties).expect("a configuration that Java takes");
    let settings = SimulationSettings { config: Arc::new(config), seed: weather.seed, ..SimulationSettings::default() };
    let mut world = Simulation::new(settings, cluster, observer(), weather.program.clone());
    if weather.is_warm {
        world.application_mut().to_warm = PARTITIONS;
        assert!(within_budget(&mut world, |world| world.application().completions.len() == 3), "fair weather");
        world.application_mut().completions.clear();
    }
    world.application_mut().is_held = false;
    weather.rules.iter().for_each(|rule| world.cluster_mut().add_rule(rule.clone()));
    let all_is_called = |world: &Simulation<Counting>| world.application().next == weather.program.count;
    assert!(within_budget(&mut world, all_is_called), "send() never returns");
    let now = world.now();
    world.producer_mut().close(now, None);
    assert!(within_budget(&mut world, |world| world.producer().is_closed()), "close() never returns");
    world
}

fn within_budget(world: &mut Simulation<Counting>, is_wanted: impl Fn(&Simulation<Counting>) -> bool) -> bool {
    for _ in 0..MOST_EVENTS {
        if is_wanted(world) {
            return true;
        }
        if world.next_event_at().is_none_or(|at| at > END) {
            return false;
        }
        world.step();
    }
    false
}

/// Where each number is in the logs: partition and offset.
fn found(world: &Simulation<Counting>) -> BTreeMap<usize, Vec<(i32, i64)>> {
    let mut found: BTreeMap<usize, Vec<(i32, i64)>> = BTreeMap::new();
    for partition in 0..PARTITIONS {
        for record in world.cluster().log(&orders(partition)).unwrap().records() {
            let value = record.value.expect("no value is null");
            if value == WARMTH {
                continue;
            }
            let number = core::str::from_utf8(value).unwrap().parse().expect("values are numbers");
            found.entry(number).or_default().push((partition, record.offset));
        }
    }
    found
}

/// The fate of one record: told once, and true.
///
/// A leader that is followed by another may take with it what it alone has stored: with acks=1 that is acknowledged all the
/// same, and `may_lose` it.
fn judge(
    world: &Simulation<Counting>,
    number: usize,
    there: &[(i32, i64)],
    acks: &str,
    may_lose: bool,
) -> Result<(), TestCaseError> {
    let program = world.application();
    let Some((batch, index, partition)) = program.sent[number] else {
        prop_assert!(there.is_empty(), "refused by send, and stored at {:?}", there);
        return Ok(());
    };
    let fates: Vec<_> = program.completions.iter().filter(|completion| completion.covers(batch, index)).collect();
    prop_assert_eq!(fates.len(), 1, "record {} has one fate: {:?}", number, fates);
    let fate = fates[0];
    prop_assert_eq!(fate.partition, partition);
    prop_assert!(there.iter().all(|(at, _)| *at == partition), "record {number} is in {there:?}");
    match &fate.result {
        Ok(_) if acks == "0" => prop_assert_eq!(fate.offset_of(index), None, "nobody can have told an offset"),
        Ok(_) if may_lose => {}
        Ok(_) => match fate.offset_of(index) {
            Some(offset) => prop_assert!(there.contains(&(partition, offset)), "{number} told at {offset}: {there:?}"),
            None => prop_assert!(!there.is_empty(), "record {number} was acknowledged and is lost"),
        },
        Err(failure) if failure.persistence == Persistence::NotPersisted => {
            prop_assert!(there.is_empty(), "record {number}, {:?}, is at {there:?}", failure.error);
        }
        Err(failure) => prop_assert_eq!(failure.persistence, Persistence::PossiblyPersisted),
    }
    Ok(())
}

proptest! {
    #[test]
    fn what_is_told_is_true_whatever_the_brokers_do(weather in any_weather()) {
        let world = played(&weather);
        let told = |name| weather.properties.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value);
        let (acks, idempotent) = (told("acks"), told("enable.idempotence") == "true");
        let found = found(&world);
        let a_leader_moves = weather.rules.iter().any(|rule| matches!(rule.then, Action::MoveLeader { .. }));
        for number in 0..weather.program.count {
            let there = found.get(&number).map_or(&[][..], Vec::as_slice);
            judge(&world, number, there, acks, acks == "1" && a_leader_moves)?;
            // A partition that has not heard of the producer takes the second batch before the first, and a new epoch then
            // numbers it anew: the Java client doubles it as well.
            let once = idempotent && weather.is_warm;
            prop_assert!(!once || there.len() <= 1, "record {number} is there twice: {there:?}");
        }
        // A partition that has not heard of a producer takes any sequence from it (`ProducerAppendInfo.checkSequence`): in
        // Kafka too a batch can overtake the first one, where that was refused.
        let one_by_one = told("max.in.flight.requests.per.connection") == "1";
        if one_by_one || idempotent && weather.is_warm {
            for partition in 0..PARTITIONS {
                // A batch that is there twice is there again as a whole: what counts is where its records are first.
                let first = found.iter().filter_map(|(number, at)| Some((at.iter().find(|at| at.0 == partition)?, number)));
                let mut first: Vec<_> = first.collect();
                first.sort();
                prop_assert!(first.is_sorted_by_key(|(_, number)| **number), "out of order: {first:?}");
            }
        }
        prop_assert_eq!(world.producer().memory_used(), 0, "memory is given back");
    }
}

/// The judge can say no: a broker that says it wrote what it did not is found out.
#[test]
fn a_lie_is_found_out() {
    let then = Action::Answer { error: ErrorCode::DUPLICATE_SEQUENCE_NUMBER, only: None };
    let weather = Weather {
        properties: vec![("linger.ms", "5".to_owned())],
        max_message_bytes: None,
        program: Counting::of(3, None, 4, Duration::ZERO),
        rules: vec![on_first_produce(then)],
        is_warm: false,
        seed: 1,
    };
    let world = played(&weather);
    assert!(found(&world).is_empty());
    assert!(world.application().completions.iter().all(|completion| completion.result.is_ok()));
    judge(&world, 0, &[], "all", false).expect_err("it was acknowledged and is lost");
}
