//! The run itself: all programs at once, and the brokers that are killed under them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use producer_core::cluster::new_topic;
use producer_core::ids::NodeId;
use producer_core::protocol::{CreateTopicsRequest, MetadataPartition, MetadataRequest, Request, Response};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use xtask::kafka::ApacheKafka;

use super::program::now_ms;
use super::rupture::{Reign, ruptures};
use super::{Act, KILLS, Kill, Program, Told, Upheaval};
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
    let epochs = leader_epochs(&kafka, &topics)?;

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (act, _) = watch::channel(if killing == Killing::Nobody { Act::Over } else { Act::Calm });
    let begin = |&program: &Program| {
        let (settled, watched) = watch::channel(0);
        let ends = runtime.spawn(program.run(kafka.bootstrap_servers(), records, act.subscribe(), settled));
        Running { program, settled: watched, ends }
    };
    let mut running: Vec<Running> = programs.iter().map(begin).collect();
    let mut done = Vec::new();
    let (mut reigns, mut dead) = (vec![(0, leaders(&kafka, &topics)?)], Vec::new());
    if killing == Killing::LeaderTwice {
        for kill in KILLS {
            let killed = kill_and_restart(&runtime, &mut kafka, &mut running, &act, kill, records)?;
            done.push(killed.told);
            dead.push(i32::try_from(killed.leader)?);
            reigns.push((killed.at_ms, leaders(&kafka, &topics)?));
        }
    }
    let mut told = Vec::new();
    for Running { program, ends, .. } in running {
        let name = program.topic;
        told.push((name, runtime.block_on(ends)?.with_context(|| format!("the program '{name}'"))?));
    }
    wait_until_in_sync(&kafka, &topics)?;
    wait_until_quiet(&kafka, &topics)?;
    let epochs_then = leader_epochs(&kafka, &topics)?;
    let moved = epochs_then.into_iter().filter(|(place, epoch)| epochs.get(place) != Some(epoch));
    let moved = moved.map(|(place, _)| place).collect();
    let upheaval = |topic: &str| upheaval(&kafka, topic, &moved, &reigns, &dead);
    let shown = gather(&kafka, told, upheaval)?;
    Ok(Outcome { shown, done })
}

/// A leader that was killed, and when.
struct Killed {
    leader: usize,
    at_ms: i64,
    told: String,
}

/// Lets all programs go, kills the leader of the first one's partition 0 while they send, and restarts it when another one
/// leads; returns when it has caught up.
fn kill_and_restart(
    runtime: &Runtime,
    kafka: &mut ApacheKafka,
    running: &mut [Running],
    act: &watch::Sender<Act>,
    kill: Kill,
    records: usize,
) -> Result<Killed> {
    let topics: Vec<_> = running.iter().map(|running| running.program.topic).collect();
    let [before, after, healed] = kill.acts;
    wait_until_settled(runtime, running, records * kill.let_go_at / 100)?;
    act.send_replace(before);
    let mark = records * kill.killed_at / 100;
    wait_until_settled(runtime, &mut running[..1], mark)?;
    let leader = leader_of_first(kafka, topics[0], None)?;
    let at_ms = now_ms();
    kafka.kill_node(leader)?;
    act.send_replace(after);
    let heir = leader_of_first(kafka, topics[0], Some(leader))?;
    kafka.restart_node(leader)?;
    wait_until_in_sync(kafka, &topics)?;
    act.send_replace(healed);
    let told = format!("node {leader} was killed after {mark} records of the first program, and node {heir} took over");
    Ok(Killed { leader, at_ms, told })
}

/// Has Java read what is there.
fn gather(
    kafka: &ApacheKafka,
    told: Vec<(&'static str, Told)>,
    upheaval: impl Fn(&str) -> Result<Upheaval>,
) -> Result<Vec<Shown>> {
    let topics: Vec<&str> = told.iter().map(|(topic, _)| *topic).collect();
    let disks = at_once(nodes(kafka), |node| disk::dump(kafka.jars(), &segments(kafka, node, &topics)?))?;
    let mut readings = read_topics(kafka.jars(), &kafka.bootstrap_servers(), &topics)?;
    let shown = told.into_iter().map(|(topic, told)| {
        let read = readings.remove(topic).unwrap_or_default();
        let disks = disks.iter().map(|disk| disk.get(topic).cloned().unwrap_or_default()).collect();
        Ok(Shown { topic, told, read, disks, upheaval: upheaval(topic)? })
    });
    shown.collect()
}

fn segments(kafka: &ApacheKafka, node: usize, topics: &[&str]) -> Result<Vec<PathBuf>> {
    let of_topics = topics.iter().map(|topic| kafka.segments(node, topic)).collect::<Result<Vec<_>>>()?;
    Ok(of_topics.concat())
}

/// Waits until every node has stored as much as the others, and no more than at the look before: what was only written to a
/// connection may lie there when its program has ended.
fn wait_until_quiet(kafka: &ApacheKafka, topics: &[&str]) -> Result<()> {
    let sizes = |node| -> Result<u64> {
        let files = segments(kafka, node, topics)?;
        files.iter().map(|file| Ok(file.metadata()?.len())).sum()
    };
    let mut before = None;
    wait_until("all nodes have stored the same", || {
        let now = nodes(kafka).map(sizes).collect::<Result<Vec<u64>>>().ok()?;
        let is_same = now.iter().all(|size| *size == now[0]) && before.as_ref() == Some(&now);
        before = Some(now);
        std::thread::sleep(Duration::from_millis(400));
        is_same.then_some(())
    })
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
    let request =
        MetadataRequest { topics: Some(vec![topic.into()]), allow_auto_topic_creation: false, ..Default::default() };
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

/// What happened to the cluster, as far as it concerns a topic.
fn upheaval(
    kafka: &ApacheKafka,
    topic: &str,
    moved: &BTreeSet<(String, i32)>,
    reigns: &[Reign],
    dead: &[i32],
) -> Result<Upheaval> {
    let moved = moved.iter().filter(|(of, _)| of == topic).map(|(_, partition)| *partition).collect();
    // The first reign is that before any kill.
    let kills = reigns.iter().skip(1).map(|(at_ms, _)| *at_ms).collect();
    Ok(Upheaval { moved, ruptures: ruptures(kafka, topic, reigns, dead)?, kills })
}

/// Who leads each partition.
fn leaders(kafka: &ApacheKafka, topics: &[&str]) -> Result<BTreeMap<(String, i32), i32>> {
    each_partition(kafka, topics, |partition| partition.leader.0)
}

/// The leader epoch of each partition: it grows when the leader changes.
fn leader_epochs(kafka: &ApacheKafka, topics: &[&str]) -> Result<BTreeMap<(String, i32), i32>> {
    each_partition(kafka, topics, |partition| partition.leader_epoch)
}

/// Something of each partition, as node 1 knows it.
fn each_partition(
    kafka: &ApacheKafka,
    topics: &[&str],
    what: impl Fn(&MetadataPartition) -> i32,
) -> Result<BTreeMap<(String, i32), i32>> {
    let mut found = BTreeMap::new();
    for topic in topics {
        for partition in partitions(kafka, 1, topic).with_context(|| format!("node 1 knows {topic}"))? {
            found.insert(((*topic).to_owned(), partition.partition), what(&partition));
        }
    }
    Ok(found)
}
