//! The run itself: all programs at once, and the brokers that are killed under them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use producer_core::cluster::new_topic;
use producer_core::ids::NodeId;
use producer_core::protocol::{CreateTopicsRequest, MetadataPartition, MetadataRequest, Request, Response};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use xtask::kafka::ApacheKafka;

use super::{Act, KILLS, Program, Told, Upheaval};
use crate::disk::{self, Disk};
use crate::read_back::{ReadRecord, read_topics};
use crate::wire_client::WireClient;

/// Partitions of each program's topic.
const PARTITIONS: i32 = 6;
/// Patience with a cluster that elects, comes back or catches up. It takes seconds where nobody else works.
const PATIENCE: Duration = Duration::from_secs(300);

/// Are brokers killed?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Killing {
    /// None.
    Nobody,
    /// A leader, twice.
    LeaderTwice,
}

/// What a program was told, and what is there.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The program's topic.
    pub topic: &'static str,
    /// What it was told.
    pub told: Told,
    /// The topic as Kafka's own consumer reads it, waiting for commits.
    pub read: Vec<ReadRecord>,
    /// What each broker's disk holds of it.
    pub disks: Vec<Disk>,
    /// What happened to the cluster meanwhile.
    pub upheaval: Upheaval,
}

/// A whole run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// In the order of the programs.
    pub shown: Vec<Shown>,
    /// What was done to the cluster.
    pub done: Vec<String>,
}

/// A program under way.
struct Running {
    program: Program,
    settled: watch::Receiver<usize>,
    ends: JoinHandle<Result<Told>>,
}

/// Runs all programs at once, each sending so many records to a topic of its own, and reads what is there.
///
/// # Errors
/// When the cluster does not do what it is told, a program fails, or Java cannot be run.
pub fn run(mut kafka: ApacheKafka, programs: &[Program], records: usize, killing: Killing) -> Result<Outcome> {
    let topics: Vec<_> = programs.iter().map(|program| program.topic).collect();
    create_topics(&kafka, &topics)?;
    wait_until_in_sync(&kafka, &topics)?;
    let epochs_before = leader_epochs(&kafka, &topics)?;

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (act, _) = watch::channel(if killing == Killing::Nobody { Act::Over } else { Act::Calm });
    let begin = |&program: &Program| {
        let (settled, watched) = watch::channel(0);
        let ends = runtime.spawn(program.run(kafka.bootstrap_servers(), records, act.subscribe(), settled));
        Running { program, settled: watched, ends }
    };
    let mut running: Vec<Running> = programs.iter().map(begin).collect();
    let mut done = Vec::new();
    if killing == Killing::LeaderTwice {
        for (percent, acts) in KILLS {
            let mark = records * percent / 100;
            wait_until_settled(&runtime, &mut running, mark)?;
            act.send_replace(acts[0]);
            // More than any was let before: they are on their way again.
            wait_until_settled(&runtime, &mut running[..1], mark + records * 3 / 100)?;
            let leader = leader_of_first(&kafka, topics[0], None)?;
            kafka.kill_node(leader)?;
            act.send_replace(acts[1]);
            let heir = leader_of_first(&kafka, topics[0], Some(leader))?;
            kafka.restart_node(leader)?;
            wait_until_in_sync(&kafka, &topics)?;
            act.send_replace(acts[2]);
            done.push(format!("node {leader} was killed at {percent} % of the records; node {heir} took over"));
        }
    }
    let mut told = Vec::new();
    for Running { program, ends, .. } in running {
        let name = program.topic;
        told.push((name, runtime.block_on(ends)?.with_context(|| format!("the program '{name}'"))?));
    }

    wait_until_in_sync(&kafka, &topics)?;
    let epochs = leader_epochs(&kafka, &topics)?;
    let changed = |topic: &str| {
        let of_topic = epochs.iter().filter(|(place, epoch)| {
            let (of, _) = place;
            of == topic && epochs_before.get(place) != Some(epoch)
        });
        of_topic.map(|((_, partition), _)| *partition).collect()
    };
    let (servers, jars) = (kafka.bootstrap_servers(), kafka.jars());
    let disks = at_once(nodes(&kafka).map(|node| (node, &topics)), |(node, topics)| {
        let segments = topics.iter().map(|topic| kafka.segments(node, topic)).collect::<Result<Vec<_>>>()?;
        disk::dump(jars, &segments.concat())
    })?;
    let closed = closed_connections(&kafka)?;
    done.push(format!("brokers closed {closed} connections because of an error in a Produce with acks=0"));
    let mut readings = read_topics(jars, &servers, &topics)?;
    let shown = told.into_iter().map(|(topic, told)| {
        let read = readings.remove(topic).unwrap_or_default();
        let disks = disks.iter().map(|disk| disk.get(topic).cloned().unwrap_or_default()).collect();
        Shown { topic, told, read, disks, upheaval: Upheaval { moved: changed(topic), closed } }
    });
    Ok(Outcome { shown: shown.collect(), done })
}

/// Does the same with each of these, side by side.
fn at_once<A: Send, T: Send>(each: impl IntoIterator<Item = A>, run: impl Fn(A) -> Result<T> + Sync) -> Result<Vec<T>> {
    std::thread::scope(|scope| {
        let run = &run;
        let threads: Vec<_> = each.into_iter().map(|one| scope.spawn(move || run(one))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| bail!("a reader panicked"))).collect()
    })
}

/// Creates all topics, copied to every node, in one request: each run of Kafka's own tool costs seconds.
fn create_topics(kafka: &ApacheKafka, topics: &[&str]) -> Result<()> {
    let copies = i16::try_from(kafka.client_ports().len())?;
    let new_topics = topics.iter().map(|topic| new_topic(topic, PARTITIONS, copies)).collect();
    let request = CreateTopicsRequest { topics: new_topics, timeout_ms: 60_000, validate_only: false };
    let answer = WireClient::connect(kafka.client_ports()[0])?.ask(5, Request::CreateTopics(request))?;
    let Response::CreateTopics(response) = answer else { bail!("an answer to another question: {answer:?}") };
    ensure!(response.topics.iter().all(|topic| topic.error.is_none()), "{response:?}");
    Ok(())
}

/// Waits until every program has heard of so many records.
fn wait_until_settled(runtime: &Runtime, running: &mut [Running], mark: usize) -> Result<()> {
    for Running { program, settled, ends } in running {
        let name = program.topic;
        let settled = runtime.block_on(settled.wait_for(|settled| *settled >= mark)).map(|settled| *settled);
        if settled.is_err() {
            let told = runtime.block_on(ends)?.with_context(|| format!("the program '{name}'"))?;
            bail!("the program '{name}' ended after {} records", told.fates.len());
        }
    }
    Ok(())
}

/// What a node believes of a topic; `None` while it does not answer.
fn partitions(kafka: &ApacheKafka, node: usize, topic: &str) -> Option<Vec<MetadataPartition>> {
    let request = MetadataRequest { topics: Some(vec![topic.into()]), allow_auto_topic_creation: false };
    let port = kafka.client_ports()[node - 1];
    let answer = WireClient::connect(port).and_then(|mut client| client.ask(11, Request::Metadata(request)));
    let Ok(Response::Metadata(response)) = answer else { return None };
    let topic = response.topics.into_iter().next().filter(|topic| topic.error.is_none())?;
    Some(topic.partitions)
}

fn wait_until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        ensure!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn nodes(kafka: &ApacheKafka) -> std::ops::RangeInclusive<usize> {
    1..=kafka.client_ports().len()
}

/// Waits until every node says of every topic that all copies are in sync.
fn wait_until_in_sync(kafka: &ApacheKafka, topics: &[&str]) -> Result<()> {
    let copies = kafka.client_ports().len();
    for (node, topic) in nodes(kafka).flat_map(|node| topics.iter().map(move |topic| (node, topic))) {
        wait_until(&format!("{topic} is in sync in the eyes of node {node}"), || {
            let partitions = partitions(kafka, node, topic)?;
            partitions
                .iter()
                .all(|partition| partition.isr.len() == copies && partition.leader > NodeId(0))
                .then_some(())
        })?;
    }
    Ok(())
}

/// Who leads partition 0: somebody else than `not`, which is dead.
fn leader_of_first(kafka: &ApacheKafka, topic: &str, not: Option<usize>) -> Result<usize> {
    wait_until("partition 0 has a leader", || {
        nodes(kafka).filter(|node| Some(*node) != not).find_map(|node| {
            let partitions = partitions(kafka, node, topic)?;
            let first = partitions.iter().find(|partition| partition.partition == 0)?;
            usize::try_from(first.leader.0).ok().filter(|leader| *leader > 0 && Some(*leader) != not)
        })
    })
}

/// How often a broker closed a connection because it may not answer with an error.
fn closed_connections(kafka: &ApacheKafka) -> Result<usize> {
    let logs = nodes(kafka).map(|node| kafka.log(node)).collect::<Result<Vec<_>>>()?;
    let lines = logs.iter().flat_map(|log| log.lines());
    Ok(lines.filter(|line| line.contains("Closing connection due to error during produce request")).count())
}

/// The leader epoch of each partition: it grows when the leader changes.
fn leader_epochs(kafka: &ApacheKafka, topics: &[&str]) -> Result<BTreeMap<(String, i32), i32>> {
    let mut epochs = BTreeMap::new();
    for topic in topics {
        for partition in partitions(kafka, 1, topic).with_context(|| format!("node 1 knows {topic}"))? {
            epochs.insert(((*topic).to_owned(), partition.partition), partition.leader_epoch);
        }
    }
    Ok(epochs)
}
