//! Random worlds of transactions, held against every invariant, with both readers.
//!
//! `WORLDS=20000 cargo test -p producer-core --lib judge::tests::tills` plays more of them, and `SEED=7` plays that one.

use std::sync::Arc;

use core::time::Duration;

use super::worlds::{Draw, PARTITIONS, judge_all, observer, run};
use crate::application::Application;
use crate::cluster::{Action, Cluster, ClusterConfig, Matcher, Rule, new_topic};
use crate::config::ProducerConfig;
use crate::error::{ErrorCode, TransactionPhase};
use crate::ids::ProducerIndex;
use crate::io::BatchCompletion;
use crate::judge::{CallId, Clerk, History, Isolation, Topic, Transaction, TransactionEnd, WaitFor};
use crate::producer::{Producer, SendAttempt, SendRefusal, TransactionTicket};
use crate::protocol::ApiKey;
use crate::record::Record;
use crate::rng::{Purpose, Rng};
use crate::simulation::{Simulation, SimulationSettings};
use crate::time::{Instant, Now};
use crate::trace::TraceBuffer;

const PRODUCER: ProducerIndex = ProducerIndex(0);
/// Every timeout here is over by then, that of a transaction that nobody ends included.
const END: Instant = Instant::from_millis(120_000);
/// An outcome is no event: who waits for it looks.
const LOOKS_EVERY: Duration = Duration::from_millis(1);
/// Codes with which a coordinator puts a client off.
const PUT_OFF: [ErrorCode; 5] = [
    ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
    ErrorCode::COORDINATOR_NOT_AVAILABLE,
    ErrorCode::NOT_COORDINATOR,
    ErrorCode::CONCURRENT_TRANSACTIONS,
    ErrorCode::REQUEST_TIMED_OUT,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Init(Option<TransactionTicket>),
    Begin,
    /// So many records are left to send.
    Send(u64),
    End {
        commits: bool,
        ticket: Option<TransactionTicket>,
    },
    Over,
}

/// Does one transaction after the other, as the Java client's documentation says: what fails is aborted, what is fatal ends
/// the program.
#[derive(Clone, Debug)]
struct Till {
    clerk: Clerk,
    /// What is wanted of each transaction: so many records, and whether it is to be committed.
    plans: Vec<(u64, bool)>,
    step: Step,
    next: u64,
    pace: Duration,
    next_at: Instant,
    sending: Option<(SendAttempt, CallId)>,
}

impl Till {
    fn ended(&mut self, end: TransactionEnd) -> Step {
        if let Some(last) = self.clerk.history.transactions.last_mut() {
            last.end = end;
        }
        Step::Begin
    }

    /// A commit that failed is followed by an abort, where that is possible.
    fn after_failure(&self, commits: bool, producer: &Producer<TraceBuffer>) -> Step {
        let can_abort = producer.transaction_phase() == Some(TransactionPhase::AbortableError);
        if commits && can_abort { Step::End { commits: false, ticket: None } } else { Step::Over }
    }

    fn begin(&mut self, now: Now, producer: &mut Producer<TraceBuffer>) -> Step {
        let done = self.clerk.history.transactions.len();
        let Some(&(records, _)) = self.plans.get(done) else { return Step::Over };
        if producer.begin_transaction(now).is_err() {
            return Step::Over;
        }
        self.clerk.history.transactions.push(Transaction { producer: PRODUCER, end: TransactionEnd::Unknown });
        Step::Send(records)
    }

    /// Sends one record. The next step, or until when it waits.
    fn send(&mut self, now: Now, left: u64, producer: &mut Producer<TraceBuffer>) -> Result<Step, Instant> {
        if now.instant() < self.next_at {
            return Err(self.next_at);
        }
        let value = self.next.to_string();
        let record = Record { key: None, ..Record::keyed("orders", b"", value.as_bytes()) };
        let history = &mut self.clerk.history;
        let (mut attempt, call) = self
            .sending
            .take()
            .unwrap_or_else(|| (SendAttempt::default(), history.call(now.instant(), PRODUCER, 0, &record)));
        let answer = producer.send(now, &mut attempt, &record);
        if let Err(SendRefusal::Blocked { until, .. }) = answer {
            self.sending = Some((attempt, call));
            return Err(until);
        }
        let transaction = u32::try_from(self.clerk.history.transactions.len() - 1).expect("few");
        self.clerk.history.calls[call.0 as usize].transaction = Some(transaction);
        self.clerk.returned(now.instant(), call, &answer);
        self.next += 1;
        self.next_at = now.instant() + self.pace;
        Ok(if answer.is_ok() { Step::Send(left - 1) } else { Step::End { commits: false, ticket: None } })
    }
}

impl Application<TraceBuffer> for Till {
    fn on_completed(&mut self, now: Now, completion: &BatchCompletion, _producer: &mut Producer<TraceBuffer>) {
        self.clerk.completed(now.instant(), PRODUCER, completion);
    }

    fn run(&mut self, now: Now, producer: &mut Producer<TraceBuffer>) -> Option<Instant> {
        let looks_again = now.instant() + LOOKS_EVERY;
        loop {
            self.step = match self.step {
                Step::Init(None) => Step::Init(Some(producer.init_transactions(now).expect("the first call"))),
                Step::Init(Some(ticket)) => match producer.transaction_outcome(ticket) {
                    None => return Some(looks_again),
                    Some(Ok(())) => Step::Begin,
                    Some(Err(_)) => Step::Over,
                },
                Step::Begin => self.begin(now, producer),
                Step::Send(0) => {
                    let (_, commits) = self.plans[self.clerk.history.transactions.len() - 1];
                    Step::End { commits, ticket: None }
                }
                Step::Send(left) => match self.send(now, left, producer) {
                    Ok(next) => next,
                    Err(until) => return Some(until),
                },
                Step::End { commits, ticket: None } => {
                    let ends = if commits { producer.commit_transaction(now) } else { producer.abort_transaction(now) };
                    match ends {
                        Ok(ticket) => Step::End { commits, ticket: Some(ticket) },
                        Err(_) => self.after_failure(commits, producer),
                    }
                }
                Step::End { commits, ticket: Some(ticket) } => match producer.transaction_outcome(ticket) {
                    None => return Some(looks_again),
                    Some(Ok(())) if commits => self.ended(TransactionEnd::Committed),
                    Some(Ok(())) => self.ended(TransactionEnd::Aborted),
                    Some(Err(_)) => self.after_failure(commits, producer),
                },
                Step::Over => return None,
            };
        }
    }
}

fn properties(draw: &mut Draw) -> Vec<(&'static str, String)> {
    let (linger, request, beyond) = (draw.below(30), 200 + draw.below(1_300), draw.below(4_000));
    vec![
        ("transactional.id", "till".to_owned()),
        ("transaction.timeout.ms", "10000".to_owned()),
        ("batch.size", draw.of(&["0", "300", "16384"]).to_owned()),
        ("max.in.flight.requests.per.connection", (1 + draw.below(5)).to_string()),
        ("linger.ms", linger.to_string()),
        ("request.timeout.ms", request.to_string()),
        ("delivery.timeout.ms", (linger + request + beyond).to_string()),
        ("retry.backoff.ms", (1 + draw.below(200)).to_string()),
    ]
}

fn rule(draw: &mut Draw) -> Rule {
    if draw.one_in(2) {
        let rule = draw.rule();
        return Rule {
            when: Matcher { api: Some(ApiKey::Produce), nth: Some(draw.nth(12)), ..Matcher::default() },
            ..rule
        };
    }
    let api = draw.of(&[ApiKey::FindCoordinator, ApiKey::InitProducerId, ApiKey::EndTxn]);
    let then = match draw.below(4) {
        0 => Action::Answer { error: draw.of(&PUT_OFF), only: None },
        1 => Action::Delay(Duration::from_millis(draw.below(3_000))),
        2 => Action::CutBeforeAppend,
        _ => Action::CutAfterAppend,
    };
    Rule { when: Matcher { api: Some(api), nth: Some(draw.nth(12)), ..Matcher::default() }, then }
}

/// Plays the world of this seed until its program has ended and every transaction is decided.
fn history_of(seed: u64) -> History {
    let mut draw = Draw(Rng::stream(seed, Purpose::Reconnect));
    let properties = properties(&mut draw);
    let properties = properties.iter().map(|(key, value)| (*key, value.as_str()));
    let (config, _) = ProducerConfig::from_properties(properties).expect("a configuration that Java takes");
    let config = Arc::new(config);
    let mut history = History::default();
    history.add_producer(Arc::clone(&config));
    history.add_topic(Topic { copies_in_step: true, ..Topic::new("orders", 3, 1) });
    history.tick = Duration::from_millis(1);
    let plans = (0..1 + draw.below(7)).map(|_| (draw.below(12), !draw.one_in(3))).collect();
    let program = Till {
        clerk: Clerk::new(history),
        plans,
        step: Step::Init(None),
        next: 0,
        pace: Duration::from_micros(draw.below(3_000)),
        next_at: Instant::ZERO,
        sending: None,
    };
    let mut cluster = Cluster::new(ClusterConfig::simulated(3), observer());
    cluster.create_topic(&new_topic("orders", i32::try_from(PARTITIONS).expect("few"), 3)).expect("a topic");
    (0..draw.below(10)).for_each(|_| cluster.add_rule(rule(&mut draw)));
    let settings = SimulationSettings { config, seed, ..SimulationSettings::default() };
    let mut world = Simulation::new(settings, cluster, observer(), program);
    world.listen();
    run(&mut world, seed, "the program", |world| world.application().step == Step::Over);
    let wait = world.with(|producer, program, now| {
        producer.close(now, Some(Duration::ZERO));
        program.clerk.history.begin_wait(now.instant(), PRODUCER, WaitFor::Close)
    });
    run(&mut world, seed, "close()", |world| world.producer().is_closed());
    world.with(|_, program, now| program.clerk.history.end_wait(now.instant(), wait));
    world.run_until(END);
    let now = world.now();
    let wire = world.wire().expect("somebody listens").clone();
    let trace = world.take_trace();
    let mut history = world.application().clerk.history.clone();
    history.wire = wire;
    history.add_facts(&trace);
    history.read_cluster(world.cluster(), now, None);
    history
}

#[test]
fn no_world_of_transactions_breaks_an_invariant() {
    let score = |history: &History| {
        let careful = history.score(Isolation::ReadCommitted);
        let careless = history.score(Isolation::ReadUncommitted);
        assert!(careful.stored <= careless.stored && careful.duplicated == 0, "{careful:?} {careless:?}");
        assert_eq!(careful.lost, 0, "{careful:?}");
    };
    judge_all(300, history_of, score);
}
