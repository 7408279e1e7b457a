//! `acks-ladder`: a leader dies before its followers have copied the newest records.
//!
//! On real brokers the followers are made to stand still (SIGSTOP) when each program is half through, the programs go on,
//! the leader is killed (SIGKILL), and the followers go on too. They are in sync all the while, as far as anybody knows: the
//! election is a clean one.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use producer_core::staging;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use xtask::kafka::ApacheKafka;

use super::program::{Leave, Program, into_history, lock};
use super::{goals, hold, preset, read, told};
use crate::history::Witness;

const TOPICS: [&str; 3] = ["acks-0", "acks-1", "acks-all"];
/// In every topic's one partition.
const LEADER: usize = 1;
const FOLLOWERS: [usize; 2] = [2, 3];
/// Records of each program before the followers stand still, and before the leader dies. One fetch is on its way by then,
/// and takes along the first record that is stored after it: so more than one is between the two.
const COPIED: usize = 8;
const STORED: usize = 16;
/// Patience with a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked at how far a program is.
const GLANCE: Duration = Duration::from_millis(5);

/// Plays it in the simulation and on Apache Kafka. Gives what was found, line by line.
///
/// # Errors
/// Names the goal that does not hold; or the cluster does not do what it is told.
pub fn acks_ladder() -> Result<Vec<String>> {
    let scenario = preset("acks-ladder")?;
    let setup = scenario.topics.first().context("a topic")?;
    ensure!((setup.partitions, setup.replication_factor) == (1, 3), "the preset's topic is another");
    let mut kafka = ApacheKafka::start(3, &[])?;
    create_topics(&kafka)?;

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (leave, _) = watch::channel(Leave::UpTo(COPIED));
    let mut lanes = Vec::new();
    for (lane, topic) in TOPICS.into_iter().enumerate() {
        let program = Program::of(&scenario, lane, topic)?;
        let witness = Arc::new(Mutex::new(Witness::default()));
        let (sent, watched) = watch::channel(0);
        let run = program.run(kafka.bootstrap_servers(), leave.subscribe(), sent, Arc::clone(&witness));
        lanes.push(Lane { topic, sent: watched, witness, ends: runtime.spawn(run) });
    }
    lanes.iter_mut().try_for_each(|lane| lane.wait(COPIED, true))?;
    FOLLOWERS.iter().try_for_each(|&node| kafka.freeze_node(node))?;
    leave.send_replace(Leave::UpTo(STORED));
    // The leader alone has what acks=0 and acks=1 call stored.
    for (lane, is_told) in lanes.iter_mut().zip([true, true, false]) {
        lane.wait(STORED, is_told)?;
    }
    kafka.kill_node(LEADER)?;
    FOLLOWERS.iter().try_for_each(|&node| kafka.thaw_node(node))?;
    leave.send_replace(Leave::All);

    let mut found = Vec::new();
    for (lane, Lane { topic, witness, ends, .. }) in lanes.into_iter().enumerate() {
        runtime.block_on(ends)?.context(topic)?;
        let mut history = into_history(witness)?;
        read(&mut history, topic, kafka.client_ports()[FOLLOWERS[0] - 1])?;
        let claims = goals(&scenario, lane);
        let theirs = hold(&format!("{topic} on Apache Kafka"), &claims, &history)?;
        let ending = staging::run(&scenario, lane, &[], None)?;
        let ours = hold(&format!("{topic} in the simulation"), &claims, &ending.history)?;
        ensure!(theirs.sent == ours.sent, "{} and {} were sent", theirs.sent, ours.sent);
        let is_kept = |lost: u64| lost == 0;
        ensure!(is_kept(theirs.lost) == is_kept(ours.lost), "{} lost, {} in the simulation", theirs.lost, ours.lost);
        found.push(format!(
            "{topic}: {} goals hold in both; Apache Kafka: {}; simulation: {}",
            claims.len(),
            told(&theirs),
            told(&ours)
        ));
    }
    Ok(found)
}

/// A program under way.
struct Lane {
    topic: &'static str,
    sent: watch::Receiver<usize>,
    witness: Arc<Mutex<Witness>>,
    ends: JoinHandle<Result<()>>,
}

impl Lane {
    /// Waits until it has sent so many records, and was told of as many if that is to be.
    fn wait(&mut self, count: usize, is_told: bool) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while *self.sent.borrow() < count || (is_told && lock(&self.witness).history.told.len() < count) {
            ensure!(Instant::now() < deadline, "{}: {count} records within {PATIENCE:?}", self.topic);
            ensure!(!self.ends.is_finished(), "{}: it ended", self.topic);
            std::thread::sleep(GLANCE);
        }
        Ok(())
    }
}

/// One topic for each lane, all led by the same node; at once, for each tool costs seconds.
fn create_topics(kafka: &ApacheKafka) -> Result<()> {
    let assignment = [LEADER, FOLLOWERS[0], FOLLOWERS[1]].map(|node| node.to_string()).join(":");
    std::thread::scope(|scope| {
        let create = |topic| {
            let arguments = ["--create", "--topic", topic, "--replica-assignment", &assignment];
            kafka.topic_command(&[&arguments[..], &["--config", "min.insync.replicas=1"]].concat())
        };
        let running = TOPICS.map(|topic| scope.spawn(move || create(topic)));
        running.into_iter().try_for_each(|ended| ended.join().expect("no panic").map(drop))
    })
}
