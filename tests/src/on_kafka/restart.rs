//! `rolling-restart`: three brokers are restarted one after the other, then one is killed, under a program with its
//! defaults.
//!
//! On real brokers each restart waits until the one before is over, as somebody would who does it by hand: a process takes
//! seconds to start, and how many is the machine's business. The program goes on at the preset's pace until the last act is
//! over, so it sends at least as much as the preset says. What is compared is the law, not the clock: in the simulation as
//! on Apache Kafka nothing fails, is lost or doubled; a broker that is stopped leads nothing any more when it goes, and no
//! partition is without a leader meanwhile; whoever waits for the one that is killed waits longer than anybody did before.
//! That one is missed after `broker.session.timeout.ms`, to a heartbeat, and waited for as long, is held against the
//! simulation's clock alone; of Apache Kafka the figures are told.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use producer_core::cluster::new_topic;
use producer_core::ids::NodeId;
use producer_core::judge::{Fate, History};
use producer_core::protocol::{CreateTopicsRequest, MetadataRequest, Request, Response};
use producer_core::scenario::{Claim, Comparison, Counted};
use producer_core::staging;
use producer_core::time::Instant as Moment;
use producer_core::trace::{BrokerState, Fact};
use tokio::sync::watch;
use xtask::kafka::ApacheKafka;

use super::program::{Leave, Program, into_history, lock};
use super::{goals, hold, preset, read, told};
use crate::history::Witness;
use crate::wire_client::WireClient;

const TOPIC: &str = "orders";
/// What the nodes of Apache Kafka are started with: `broker.session.timeout.ms`, `broker.heartbeat.interval.ms`.
const SESSION: Duration = Duration::from_secs(6);
const HEARTBEAT: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(120);
/// How often a broker is asked who leads.
const GLANCE: Duration = Duration::from_millis(20);

/// A run in the terms in which both are compared.
#[derive(Clone, Debug)]
struct Run {
    whose: &'static str,
    history: History,
    session: Duration,
    heartbeat: Duration,
    /// How late things may be; `None` where the machine decides that.
    late: Option<Duration>,
    /// Of each broker that was stopped: did it lead nothing when it went, and was there a leader everywhere meanwhile?
    handed_over: Vec<bool>,
    /// When one was killed, in the history's time, and how long it took until others led what it had led.
    killed: Moment,
    missed_after: Duration,
}

/// Plays it in the simulation and on Apache Kafka. Gives what was found, line by line.
///
/// # Errors
/// Names what does not hold; or the cluster does not do what it is told.
pub fn rolling_restart() -> Result<Vec<String>> {
    [simulated()?, on_apache_kafka()?].iter().map(Run::judge).collect()
}

impl Run {
    fn judge(&self) -> Result<String> {
        let Self { whose, history, session, heartbeat, late, handed_over, killed, missed_after } = self;
        let everything = history.calls.len() as u64;
        // Of the preset's count there are at least so many.
        let claims = goals(&preset("rolling-restart")?, 0).into_iter().map(|claim| match claim {
            Claim::Count { of: Counted::Acked, is: Comparison::Equal, number } if number <= everything => {
                Claim::Count { of: Counted::Acked, is: Comparison::Equal, number: everything }
            }
            claim => claim,
        });
        let claims: Vec<Claim> = claims.collect();
        let score = hold(whose, &claims, history)?;
        ensure!(score.failed == 0, "{whose}: {} sends failed", score.failed);
        ensure!(*handed_over == [true; 3], "{whose}: leaders did not move first: {handed_over:?}");
        let (restarts, crash) = self.longest_waits()?;
        ensure!(restarts < crash, "{whose}: a restart cost {restarts:?}, the crash {crash:?}");
        if let Some(late) = late {
            let in_time = (session.saturating_sub(*heartbeat)..=*session + *late).contains(missed_after);
            ensure!(in_time, "{whose}: a dead broker was missed after {missed_after:?}, of a session of {session:?}");
            let waited_for_it = (missed_after.saturating_sub(*late)..=*missed_after + *late).contains(&crash);
            ensure!(waited_for_it, "{whose}: somebody waited {crash:?}, and it was missed after {missed_after:?}");
        }
        Ok(format!(
            "{whose}: {} goals hold: {}; three brokers handed over what they led before they went; the killed one, at \
             {killed}, was missed after {missed_after:?} of a session of {session:?}; longest wait for an answer: \
             {restarts:?} while brokers were restarted, {crash:?} after the crash",
            claims.len(),
            told(&score)
        ))
    }

    /// The longest times from a call to its result: of records sent until shortly before the kill, and of those after.
    fn longest_waits(&self) -> Result<(Duration, Duration)> {
        let mut longest = (Duration::ZERO, Duration::ZERO);
        for told in &self.history.told {
            ensure!(matches!(told.fate, Fate::Acknowledged(_)), "not acknowledged: {told:?}");
            let called = self.history.calls[told.call.0 as usize].called.at;
            let waited = told.at.at.saturating_since(called);
            // What was under way when it died waits for the dead one too.
            let place = if told.at.at < self.killed { &mut longest.0 } else { &mut longest.1 };
            *place = waited.max(*place);
        }
        Ok(longest)
    }
}

fn simulated() -> Result<Run> {
    let scenario = preset("rolling-restart")?;
    let ending = staging::run(&scenario, 0, &[], None)?;
    let changes = |node, wanted| {
        ending
            .trace
            .iter()
            .find(|event| event.what == Fact::BrokerChanged { node, state: wanted })
            .map(|event| event.at)
    };
    let mut handed_over = Vec::new();
    for node in (1..=3).map(NodeId) {
        let begins = changes(node, BrokerState::ShuttingDown).context("it is stopped")?;
        let goes = changes(node, BrokerState::Stopped).context("it goes")?;
        let mut leaders = std::collections::BTreeMap::new();
        for seen in ending.history.leaders.iter().filter(|seen| seen.at <= goes) {
            leaders.insert(seen.place, seen.leader);
        }
        let moved = ending.history.leaders.iter().filter(|seen| (begins..=goes).contains(&seen.at));
        let (moves, any_without) = moved.fold((0, false), |(moves, any), seen| (moves + 1, any || seen.leader.0 < 0));
        handed_over.push(moves > 0 && !any_without && !leaders.values().any(|leader| *leader == node));
    }
    let is_kill = |fact: &Fact| matches!(fact, Fact::BrokerChanged { state: BrokerState::Killed, .. });
    let killed = ending.trace.iter().find(|event| is_kill(&event.what)).context("one is killed")?.at;
    let heirs = ending.history.leaders.iter().filter(|seen| seen.at > killed && seen.leader.0 > 0);
    let missed_after = heirs.map(|seen| seen.at).min().context("others lead")?.saturating_since(killed);
    let config = ending.stage.simulation().cluster().config().clone();
    Ok(Run {
        whose: "simulation",
        history: ending.history,
        session: config.broker_session_timeout,
        heartbeat: config.broker_heartbeat_interval,
        late: Some(Duration::from_secs(1)),
        handed_over,
        killed,
        missed_after,
    })
}

fn on_apache_kafka() -> Result<Run> {
    let scenario = preset("rolling-restart")?;
    let setup = scenario.topics.first().context("a topic")?;
    let mut kafka = ApacheKafka::start(3, &[])?;
    let mut topic = new_topic(TOPIC, i32::try_from(setup.partitions)?, i16::try_from(setup.replication_factor)?);
    topic.configs = setup.settings.iter().map(|(key, value)| (key.into(), Some(value.into()))).collect();
    create(&kafka, topic)?;
    wait_until_in_sync(&kafka)?;

    let program = Program::of(&scenario, 0, TOPIC)?;
    let due = program.records;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let witness = Arc::new(Mutex::new(Witness::default()));
    let (leave, watched) = watch::channel(Leave::On);
    let (sent, mut progress) = watch::channel(0);
    let running = runtime.spawn(program.run(kafka.bootstrap_servers(), watched, sent, Arc::clone(&witness)));
    let mut until_sent = |count: usize| -> Result<()> {
        runtime
            .block_on(async { tokio::time::timeout(PATIENCE, progress.wait_for(|sent| *sent >= count)).await })??;
        Ok(())
    };
    until_sent(due / 12)?;
    let mut handed_over = Vec::new();
    for node in 1..=3 {
        handed_over.push(restart(&mut kafka, node)?);
    }
    let victim = leaders(&kafka, 1, TOPIC).context("node 1 knows")?.first().copied().context("partition 0")?;
    let victim = usize::try_from(victim.0)?;
    let killed = lock(&witness).now();
    let at = Instant::now();
    kafka.kill_node(victim)?;
    let witness_node = (1..=3).find(|node| *node != victim).context("another")?;
    let missed_after = loop {
        if let Some(leaders) = leaders(&kafka, witness_node, TOPIC)
            && leaders.iter().all(|leader| leader.0 > 0 && leader.0 != i32::try_from(victim).unwrap_or(0))
        {
            break at.elapsed();
        }
        ensure!(at.elapsed() < PATIENCE, "nobody misses the dead broker");
        std::thread::sleep(GLANCE);
    };
    until_sent(due)?;
    leave.send_replace(Leave::All);
    runtime.block_on(running)??;
    let mut history = into_history(witness)?;
    read(&mut history, TOPIC, kafka.client_ports()[witness_node - 1])?;
    Ok(Run {
        whose: "Apache Kafka",
        history,
        session: SESSION,
        heartbeat: HEARTBEAT,
        late: None,
        handed_over,
        killed,
        missed_after,
    })
}

/// Stops a node in order and starts it again, and waits until it has caught up. Did it lead nothing when it went, and was
/// there always a leader, as another node saw it?
fn restart(kafka: &mut ApacheKafka, node: usize) -> Result<bool> {
    let port = kafka.client_ports()[node % 3];
    let is_over = AtomicBool::new(false);
    let (stopped, seen) = std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut seen = Vec::new();
            while !is_over.load(Ordering::SeqCst) {
                seen.extend(leaders_by(port, TOPIC).map(|leaders| (Instant::now(), leaders)));
                std::thread::sleep(GLANCE);
            }
            seen
        });
        let stopped = kafka.stop_node(node).map(|()| Instant::now());
        is_over.store(true, Ordering::SeqCst);
        (stopped, watching.join())
    });
    let Ok(seen) = seen else { bail!("the watcher panicked") };
    // It was noticed that it was gone at most a glance later.
    let gone = stopped?.checked_sub(GLANCE).context("after the beginning of time")?;
    let leads = |leaders: &[NodeId]| leaders.iter().any(|leader| usize::try_from(leader.0).ok() == Some(node));
    let handed_over = seen.iter().any(|(at, leaders)| *at < gone && !leads(leaders));
    let leads_in_the_end = seen.last().is_none_or(|(_, leaders)| leads(leaders));
    let always_led = seen.iter().flat_map(|(_, leaders)| leaders).all(|leader| leader.0 > 0);
    kafka.restart_node(node)?;
    wait_until_in_sync(kafka)?;
    Ok(handed_over && !leads_in_the_end && always_led)
}

fn create(kafka: &ApacheKafka, topic: producer_core::protocol::NewTopic) -> Result<()> {
    let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 60_000, validate_only: false };
    let answer = WireClient::connect(kafka.client_ports()[0])?.ask(5, Request::CreateTopics(request))?;
    let Response::CreateTopics(response) = answer else { bail!("an answer to another question: {answer:?}") };
    ensure!(response.topics.iter().all(|topic| topic.error.is_none()), "{response:?}");
    Ok(())
}

/// Who leads each partition, as a node knows it; `None` while it does not answer.
fn leaders(kafka: &ApacheKafka, node: usize, topic: &str) -> Option<Vec<NodeId>> {
    leaders_by(kafka.client_ports()[node - 1], topic)
}

fn leaders_by(port: u16, topic: &str) -> Option<Vec<NodeId>> {
    let mut partitions = partitions(port, topic)?;
    partitions.sort_by_key(|partition| partition.partition);
    Some(partitions.iter().map(|partition| partition.leader).collect())
}

fn partitions(port: u16, topic: &str) -> Option<Vec<producer_core::protocol::MetadataPartition>> {
    let request =
        MetadataRequest { topics: Some(vec![topic.into()]), allow_auto_topic_creation: false, ..Default::default() };
    let answer = WireClient::connect(port).and_then(|mut client| client.ask(11, Request::Metadata(request)));
    let Ok(Response::Metadata(response)) = answer else { return None };
    response.topics.into_iter().next().filter(|topic| topic.error.is_none()).map(|topic| topic.partitions)
}

/// Waits until every node says that all copies are in sync.
fn wait_until_in_sync(kafka: &ApacheKafka) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    for port in kafka.client_ports() {
        loop {
            let found = partitions(port, TOPIC).unwrap_or_default();
            if !found.is_empty() && found.iter().all(|partition| partition.isr.len() == 3 && partition.leader.0 > 0) {
                break;
            }
            ensure!(Instant::now() < deadline, "not in sync within {PATIENCE:?}");
            std::thread::sleep(GLANCE);
        }
    }
    Ok(())
}
