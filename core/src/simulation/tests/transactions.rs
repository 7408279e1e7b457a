//! Whatever the weather, a careful reader (`isolation.level=read_committed`) sees a transaction whole or not at all, and as
//! its program was told.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::promises::any_action;
use super::*;
use crate::error::{ErrorCode, TransactionPhase};
use crate::ids::BatchId;
use crate::producer::{SendAttempt, SendRefusal, TransactionTicket};
use crate::protocol::{
    FetchPartition, FetchPartitionResponse, FetchRequest, FetchTopic, Request, RequestHeader, Response,
};
use crate::record::Record;
use crate::record_batch::batches;

/// Every timeout here is over by then, that of a transaction that nobody ends included.
const END: Instant = Instant::from_millis(120_000);
const PARTITIONS: i32 = 3;
const READ_COMMITTED: i8 = 1;
/// An outcome is no event: who waits for it looks.
const LOOKS_EVERY: Duration = Duration::from_millis(1);

/// What a program wants of one transaction.
#[derive(Clone, Debug)]
struct Plan {
    records: usize,
    commits: bool,
}

/// What it was told of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Committed,
    Aborted,
    /// The producer cannot go on, or not say.
    Unknown,
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Init(Option<TransactionTicket>),
    Begin,
    Send(usize),
    End { commits: bool, ticket: Option<TransactionTicket> },
    Over,
}

/// Does one transaction after the other, as the Java client's documentation says: what fails is aborted, what is fatal ends
/// the program.
#[derive(Clone, Debug)]
struct Careful {
    plans: Vec<Plan>,
    pace: Duration,
    step: Step,
    next: usize,
    next_at: Instant,
    attempt: Option<SendAttempt>,
    /// Number of the first record of each transaction that was begun, and what was told of it.
    told: Vec<(usize, Option<Told>)>,
    /// Records that `send` took: their places in a batch.
    sent: BTreeMap<usize, (BatchId, u32, i32)>,
    completions: Vec<BatchCompletion>,
}

impl Careful {
    fn of(plans: Vec<Plan>, pace: Duration) -> Self {
        Self {
            plans,
            pace,
            step: Step::Init(None),
            next: 0,
            next_at: Instant::ZERO,
            attempt: None,
            told: Vec::new(),
            sent: BTreeMap::new(),
            completions: Vec::new(),
        }
    }

    /// Goes on as far as it can without waiting. Returns what it waits for.
    fn advance(&mut self, now: Now, producer: &mut Producer<TraceBuffer>) -> Option<Instant> {
        loop {
            let done = self.told.iter().filter(|(_, told)| told.is_some()).count();
            self.step = match self.step.clone() {
                Step::Init(None) => Step::Init(Some(producer.init_transactions(now).expect("the first call"))),
                Step::Init(Some(ticket)) => match producer.transaction_outcome(ticket) {
                    None => return Some(now.instant() + LOOKS_EVERY),
                    Some(Ok(())) => Step::Begin,
                    Some(Err(_)) => Step::Over,
                },
                Step::Begin if done == self.plans.len() => Step::Over,
                Step::Begin => match producer.begin_transaction(now) {
                    Ok(()) => {
                        self.told.push((self.next, None));
                        Step::Send(self.plans[done].records)
                    }
                    Err(_) => Step::Over,
                },
                Step::Send(0) => Step::End { commits: self.plans[done].commits, ticket: None },
                Step::Send(left) => match self.send(now, producer) {
                    Sending::Waits(until) => return Some(until),
                    Sending::Done => Step::Send(left - 1),
                    Sending::Refused => Step::End { commits: false, ticket: None },
                },
                Step::End { commits, ticket: None } => {
                    let called =
                        if commits { producer.commit_transaction(now) } else { producer.abort_transaction(now) };
                    match called {
                        Ok(ticket) => Step::End { commits, ticket: Some(ticket) },
                        Err(_) => self.after_failure(commits, producer),
                    }
                }
                Step::End { commits, ticket: Some(ticket) } => match producer.transaction_outcome(ticket) {
                    None => return Some(now.instant() + LOOKS_EVERY),
                    Some(Ok(())) => self.ended(if commits { Told::Committed } else { Told::Aborted }),
                    Some(Err(_)) => self.after_failure(commits, producer),
                },
                Step::Over => return None,
            };
        }
    }

    /// A commit that failed is followed by an abort, where that is possible.
    fn after_failure(&mut self, commits: bool, producer: &Producer<TraceBuffer>) -> Step {
        let can_abort = producer.transaction_phase() == Some(TransactionPhase::AbortableError);
        if commits && can_abort {
            return Step::End { commits: false, ticket: None };
        }
        self.ended(Told::Unknown);
        Step::Over
    }

    fn ended(&mut self, told: Told) -> Step {
        if let Some(last) = self.told.last_mut() {
            last.1 = Some(told);
        }
        Step::Begin
    }

    fn send(&mut self, now: Now, producer: &mut Producer<TraceBuffer>) -> Sending {
        if now.instant() < self.next_at {
            return Sending::Waits(self.next_at);
        }
        let value = self.next.to_string();
        let record = Record { key: None, ..Record::keyed("orders", b"", value.as_bytes()) };
        let mut attempt = self.attempt.take().unwrap_or_default();
        match producer.send(now, &mut attempt, &record) {
            Ok(sent) => _ = self.sent.insert(self.next, (sent.batch, sent.index, sent.partition)),
            Err(SendRefusal::Blocked { until, .. }) => {
                self.attempt = Some(attempt);
                return Sending::Waits(until);
            }
            Err(SendRefusal::Failed { .. } | SendRefusal::FailedInItsBatch { .. }) => {
                self.next += 1;
                return Sending::Refused;
            }
        }
        self.next += 1;
        self.next_at = now.instant() + self.pace;
        Sending::Done
    }

    /// The records of one transaction, by number.
    fn numbers_of(&self, transaction: usize) -> core::ops::Range<usize> {
        let end = self.told.get(transaction + 1).map_or(self.next, |(first, _)| *first);
        self.told[transaction].0..end
    }
}

enum Sending {
    Done,
    Refused,
    Waits(Instant),
}

impl Application<TraceBuffer> for Careful {
    fn on_completed(&mut self, _now: Now, completion: &BatchCompletion, _producer: &mut Producer<TraceBuffer>) {
        self.completions.push(completion.clone());
    }

    fn run(&mut self, now: Now, producer: &mut Producer<TraceBuffer>) -> Option<Instant> {
        self.advance(now, producer)
    }
}

/// Codes with which a coordinator puts a client off.
const PUT_OFF: [ErrorCode; 5] = [
    ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
    ErrorCode::COORDINATOR_NOT_AVAILABLE,
    ErrorCode::NOT_COORDINATOR,
    ErrorCode::CONCURRENT_TRANSACTIONS,
    ErrorCode::REQUEST_TIMED_OUT,
];

fn any_rule() -> impl Strategy<Value = Rule> {
    let of_produce = any_action().prop_map(|then| (ApiKey::Produce, then));
    let question = prop::sample::select(vec![ApiKey::FindCoordinator, ApiKey::InitProducerId, ApiKey::EndTxn]);
    let put_off = prop::sample::select(PUT_OFF.to_vec()).prop_map(|error| Action::Answer { error, only: None });
    let of_question = (
        question,
        prop_oneof![
            put_off,
            (0..3_000_u64).prop_map(|ms| Action::Delay(Duration::from_millis(ms))),
            Just(Action::CutBeforeAppend),
            Just(Action::CutAfterAppend),
        ],
    );
    (prop_oneof![of_produce, of_question], 1..12_u32).prop_map(|((api, then), nth)| Rule {
        when: Matcher { api: Some(api), nth: Some(nth), ..Matcher::default() },
        then,
    })
}

#[derive(Clone, Debug)]
struct Weather {
    properties: Vec<(&'static str, String)>,
    program: Careful,
    rules: Vec<Rule>,
    seed: u64,
}

fn any_weather() -> impl Strategy<Value = Weather> {
    let plan = (0..12_usize, prop::bool::weighted(0.7)).prop_map(|(records, commits)| Plan { records, commits });
    let program = (prop::collection::vec(plan, 1..8), 0..3_000_u64)
        .prop_map(|(plans, pace_us)| Careful::of(plans, Duration::from_micros(pace_us)));
    let times = (0..30_u32, 200..1_500_u32, 0..4_000_u32, 1..200_u32);
    let batches = prop::sample::select(vec!["0", "300", "16384"]);
    let properties =
        (times, batches, 1..=5_u32).prop_map(|((linger, request, beyond, backoff), batch_size, in_flight)| {
            vec![
                ("transactional.id", "till".to_owned()),
                ("transaction.timeout.ms", "10000".to_owned()),
                ("batch.size", batch_size.to_owned()),
                ("max.in.flight.requests.per.connection", in_flight.to_string()),
                ("linger.ms", linger.to_string()),
                ("request.timeout.ms", request.to_string()),
                ("delivery.timeout.ms", (linger + request + beyond).to_string()),
                ("retry.backoff.ms", backoff.to_string()),
            ]
        });
    (properties, program, prop::collection::vec(any_rule(), 0..10), any::<u64>())
        .prop_map(|(properties, program, rules, seed)| Weather { properties, program, rules, seed })
}

/// Plays a world until its program has ended and every transaction is decided.
fn played(weather: &Weather) -> Simulation<Careful> {
    let mut cluster = Cluster::new(ClusterConfig::simulated(3), observer());
    cluster.create_topic(&new_topic("orders", PARTITIONS, 3)).unwrap();
    weather.rules.iter().for_each(|rule| cluster.add_rule(rule.clone()));
    let properties = weather.properties.iter().map(|(key, value)| (*key, value.as_str()));
    let (config, _) = ProducerConfig::from_properties(properties).expect("a configuration that Java takes");
    let settings = SimulationSettings { config: Arc::new(config), seed: weather.seed, ..SimulationSettings::default() };
    let mut world = Simulation::new(settings, cluster, observer(), weather.program.clone());
    for _ in 0..MOST_EVENTS {
        let Some(at) = world.next_event_at().filter(|&at| at <= END) else { break };
        let is_over = world.application().step == Step::Over;
        if is_over && !world.producer().is_closed() {
            let now = world.now();
            world.producer_mut().close(now, Some(Duration::ZERO));
        }
        world.run_until(at);
    }
    assert_eq!(world.application().step, Step::Over, "the program never ends");
    world.run_until(END);
    world
}

/// What a careful reader gets of a partition, by number and offset, and whether it gets to its end.
fn read_committed(world: &mut Simulation<Careful>, partition: i32) -> (Vec<(usize, i64)>, bool) {
    let now = world.now();
    let (leader, _) = world.cluster().leader(&orders(partition)).unwrap();
    let link = LinkId { client: 1_000, connection: ConnectionId(partition.unsigned_abs()) };
    let asked = FetchPartition { partition, current_leader_epoch: -1, fetch_offset: 0, max_bytes: 1 << 30 };
    let body = Request::Fetch(FetchRequest {
        max_wait_ms: 0,
        min_bytes: 1,
        max_bytes: 1 << 30,
        isolation_level: READ_COMMITTED,
        session_id: 0,
        session_epoch: -1,
        topics: vec![FetchTopic { name: "orders".into(), id: Default::default(), partitions: vec![asked] }],
    });
    let header =
        RequestHeader { api: ApiKey::Fetch, version: 12, correlation: crate::ids::CorrelationId(1), client_id: None };
    let cluster = world.cluster_mut();
    cluster.clear_rules();
    cluster.handle_input(now, ClusterInput::Opened { link, node: leader });
    cluster.handle_input(now, ClusterInput::Request { link, header, body });
    loop {
        match cluster.poll_output() {
            ClusterOutput::Respond { link: to, response: Response::Fetch(mut response), .. } if to == link => {
                let read = response.topics.remove(0).partitions.remove(0);
                return (committed(&read), read.last_stable_offset == read.high_watermark);
            }
            ClusterOutput::Wait { .. } => panic!("no answer"),
            _ => {}
        }
    }
}

/// As `CompletedFetch` of Kafka's consumer: an aborted producer's records are left out up to its marker.
fn committed(read: &FetchPartitionResponse) -> Vec<(usize, i64)> {
    let mut aborted = read.aborted_transactions.clone().unwrap_or_default();
    aborted.sort_by_key(|transaction| transaction.first_offset);
    let mut aborted = aborted.into_iter().peekable();
    let mut in_aborted = BTreeSet::new();
    let mut numbers = Vec::new();
    for bytes in &read.batches {
        for batch in batches(bytes).map(|batch| batch.expect("whole")) {
            while let Some(begun) = aborted.next_if(|transaction| transaction.first_offset <= batch.last_offset()) {
                in_aborted.insert(begun.producer_id);
            }
            if batch.is_control() {
                in_aborted.remove(&batch.producer_id());
                continue;
            }
            if batch.is_transactional() && in_aborted.contains(&batch.producer_id()) {
                continue;
            }
            let plain = batch.plain_records().expect("readable").into_owned();
            for (place, record) in (0..).zip(batch.records_in(&plain)) {
                let value = record.expect("readable").value.expect("no value is null");
                let number = core::str::from_utf8(value).unwrap().parse().expect("values are numbers");
                numbers.push((number, batch.base_offset() + place));
            }
        }
    }
    numbers
}

proptest! {
    #[test]
    fn a_careful_reader_sees_what_the_program_was_told(weather in any_weather()) {
        let mut world = played(&weather);
        let mut seen: BTreeMap<usize, Vec<(i32, i64)>> = BTreeMap::new();
        for partition in 0..PARTITIONS {
            let (numbers, is_all) = read_committed(&mut world, partition);
            prop_assert!(is_all, "a transaction is left undecided");
            prop_assert!(numbers.is_sorted_by_key(|(number, _)| *number), "out of order: {numbers:?}");
            for (number, offset) in numbers {
                seen.entry(number).or_default().push((partition, offset));
            }
        }
        let program = world.application();
        for (transaction, (_, told)) in program.told.iter().enumerate() {
            let numbers = program.numbers_of(transaction);
            let told = told.unwrap_or(Told::Unknown);
            let count = numbers.clone().filter(|number| seen.contains_key(number)).count();
            match told {
                Told::Committed => prop_assert_eq!(count, numbers.len(), "transaction {} is not whole: {:?}", transaction, seen),
                Told::Aborted => prop_assert_eq!(count, 0, "transaction {} was aborted: {:?}", transaction, seen),
                Told::Unknown => prop_assert!(count == 0 || count == numbers.len(), "transaction {transaction} is there in part"),
            }
            for number in numbers {
                let there = seen.get(&number).map_or(&[][..], Vec::as_slice);
                prop_assert!(there.len() <= 1, "record {number} is there twice: {there:?}");
                if told != Told::Committed {
                    continue;
                }
                let (batch, index, partition) = program.sent[&number];
                let fate = program.completions.iter().find(|completion| completion.covers(batch, index));
                let offset = fate.and_then(|fate| fate.offset_of(index));
                prop_assert!(offset.is_none_or(|offset| there == [(partition, offset)]), "told {offset:?}: {there:?}");
            }
        }
    }
}
