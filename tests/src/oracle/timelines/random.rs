//! Judge 5: scripts that nobody thought of, and the shortest script that still shows what one of them found.

use anyhow::Result;

use crate::draws::Draws;

use super::{Action, Course, JavaClient, Script};

/// What a broker may answer a batch with, the good answer more often than any other.
const RESULTS: [&str; 26] = [
    "ok",
    "ok",
    "ok",
    "ok",
    "ok",
    "ok",
    "ok",
    "ok",
    "ok",
    "ok,append-time=5",
    "NOT_ENOUGH_REPLICAS",
    "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
    "NOT_LEADER_OR_FOLLOWER",
    "KAFKA_STORAGE_ERROR",
    "UNKNOWN_TOPIC_OR_PARTITION",
    "UNKNOWN_TOPIC_ID",
    "INCONSISTENT_TOPIC_ID",
    "OUT_OF_ORDER_SEQUENCE_NUMBER",
    "OUT_OF_ORDER_SEQUENCE_NUMBER",
    "MESSAGE_TOO_LARGE",
    "MESSAGE_TOO_LARGE",
    "INVALID_RECORD",
    "INVALID_TIMESTAMP,records=0,said",
    "DUPLICATE_SEQUENCE_NUMBER",
    "UNKNOWN_PRODUCER_ID,log-start=0",
    "CORRUPT_MESSAGE",
];

/// What a coordinator may refuse a question with.
const REFUSALS: [&str; 10] = [
    "COORDINATOR_NOT_AVAILABLE",
    "NOT_COORDINATOR",
    "COORDINATOR_LOAD_IN_PROGRESS",
    "CONCURRENT_TRANSACTIONS",
    "CONCURRENT_TRANSACTIONS",
    "PRODUCER_FENCED",
    "INVALID_TXN_STATE",
    "TRANSACTION_ABORTABLE",
    "UNKNOWN_PRODUCER_ID",
    "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
];

/// A script drawn from these numbers.
pub(super) fn script(name: &str, draws: &mut Draws) -> Result<Script> {
    let has_transactions = draws.below(4) == 0;
    Generator { draws, script: Script::new(name), has_transactions }.run()
}

struct Generator<'a> {
    draws: &'a mut Draws,
    script: Script,
    has_transactions: bool,
}

impl Generator<'_> {
    fn one_of<'w>(&mut self, words: &[&'w str]) -> &'w str {
        words[usize::try_from(self.draws.below(words.len() as u64)).unwrap_or_default()]
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.draws.below(100) < percent
    }

    fn run(mut self) -> Result<Script> {
        self.configure()?;
        // After first contact. An answer that takes no time would come in the middle of a round of the sender.
        self.script.latency_ms = [1, 3, 9][usize::try_from(self.draws.below(3))?];
        let mut now = 60;
        if self.has_transactions {
            self.script.add("20 init")?;
            now = 200;
        }
        for _ in 0..3 + self.draws.below(35) {
            // Many things in one instant, some close together, some far apart.
            now += match self.draws.below(10) {
                0..=2 => 0,
                3..=7 => 1 + self.draws.below(15),
                _ => 50 + self.draws.below(150),
            };
            let line = self.action(now);
            self.script.add(&line)?;
        }
        if self.chance(10) {
            let timeout = self.one_of(&["", " 0", " 30", " 400"]);
            self.script.add(&format!("{now} close{timeout}"))?;
        }
        self.script.until = now + 700;
        self.script.seed = self.draws.below(1 << 30);
        Ok(self.script)
    }

    fn configure(&mut self) -> Result<()> {
        let acks = if self.has_transactions { "all" } else { self.one_of(&["all", "all", "all", "all", "1", "0"]) };
        let is_idempotent = self.has_transactions || acks == "all" && self.chance(75);
        let backoff = self.one_of(&["10", "40", "100"]);
        let reconnect = self.one_of(&["20", "50"]);
        // Which of several idle connections is closed first hangs on who was asked for metadata, and in which round.
        let idle = self.one_of(&["100", "250", "540000", "540000", "540000", "-1"]);
        let idle = if self.has_transactions { "540000" } else { idle };
        let config = [
            format!("acks={acks}"),
            format!("enable.idempotence={is_idempotent}"),
            format!("linger.ms={}", self.one_of(&["0", "0", "5", "40"])),
            format!("batch.size={}", self.one_of(&["0", "300", "1000", "16384"])),
            format!("max.in.flight.requests.per.connection={}", self.one_of(&["1", "2", "5"])),
            format!("max.request.size={}", self.one_of(&["1500", "1048576"])),
            format!("retries={}", self.one_of(&["1", "3", "2147483647", "2147483647"])),
            format!("request.timeout.ms={}", self.one_of(&["60", "150", "300"])),
            format!("delivery.timeout.ms={}", self.one_of(&["350", "600", "5000"])),
            format!("retry.backoff.ms={backoff}"),
            format!("retry.backoff.max.ms={backoff}"),
            format!("reconnect.backoff.ms={reconnect}"),
            format!("reconnect.backoff.max.ms={reconnect}"),
            format!("metadata.max.age.ms={}", self.one_of(&["200", "300000", "300000"])),
            format!("connections.max.idle.ms={idle}"),
            format!("partitioner.adaptive.partitioning.enable={}", self.chance(70)),
            format!("partitioner.availability.timeout.ms={}", self.one_of(&["0", "0", "60"])),
            "max.block.ms=0".to_owned(),
            format!("buffer.memory={}", self.one_of(&["33554432", "33554432", "33554432", "50000"])),
        ];
        for pair in config {
            self.script.add(&format!("config {pair}"))?;
        }
        if self.has_transactions {
            self.script.add("config transactional.id=tx")?;
            self.script.transaction_version = if self.chance(50) { 2 } else { 0 };
        }
        for highest in ["Produce 3 13", "Metadata 4 13"] {
            if self.chance(60) {
                self.script.add(&format!("versions {highest}"))?;
            }
        }
        self.script.nodes = 1 + i32::try_from(self.draws.below(3))?;
        for topic in ["t", "u"].into_iter().take(1 + usize::from(self.chance(30))) {
            let partitions = 1 + self.draws.below(4);
            let leaders: Vec<_> = (0..partitions).map(|_| self.node()).collect();
            self.script.add(&format!("topic {topic} {}", leaders.join(" ")))?;
        }
        Ok(())
    }

    fn node(&mut self) -> String {
        (1 + self.draws.below(u64::from(self.script.nodes.unsigned_abs()))).to_string()
    }

    /// A topic and one of its partitions.
    fn place(&mut self) -> (String, u64) {
        let topic = usize::try_from(self.draws.below(self.script.topics.len() as u64)).unwrap_or_default();
        let (name, leaders) = self.script.topics[topic].clone();
        (name, self.draws.below(leaders.len() as u64))
    }

    fn action(&mut self, now: u64) -> String {
        let node = self.node();
        let (topic, partition) = self.place();
        if self.has_transactions && self.chance(30) {
            return self.transaction(now, &topic, partition, &node);
        }
        match self.draws.below(100) {
            0..=43 => {
                let partition = if self.chance(30) { "*".to_owned() } else { partition.to_string() };
                let key = if self.chance(20) { format!("key-{}", self.draws.below(20)) } else { "-".to_owned() };
                let bytes = match self.draws.below(10) {
                    0 => 1_100,
                    1..=3 => 350,
                    _ => self.draws.below(200),
                };
                format!("{now} send {topic} {partition} {key} {bytes} x{}", 1 + self.draws.below(4))
            }
            44..=83 => {
                let result = self.one_of(&RESULTS);
                let throttle = if self.chance(3) { " throttle=70" } else { "" };
                let other = if self.chance(20) { format!(" {topic}-{partition}:ok") } else { String::new() };
                format!("{now} respond {node}{throttle} {result}{other}")
            }
            84..=88 => {
                let leader = self.node();
                format!("{now} respond {node} NOT_LEADER_OR_FOLLOWER,leader={leader}/{}", 1 + self.draws.below(4))
            }
            89..=92 => format!("{now} disconnect {node}"),
            93..=94 => format!("{now} leader {topic}-{partition} {node}"),
            95 => format!("{now} recreate {topic}"),
            96..=97 => format!("{now} flush"),
            // With several brokers, which of them is asked is chance; with one it is not.
            _ if self.script.nodes > 1 => format!("{now} respond {node} ok"),
            98 => format!("{now} node 1 {}", self.one_of(&["refuse", "silent", "up", "up"])),
            _ => {
                let what = self.one_of(&["hold Metadata", "release Metadata", "refuse Metadata REBOOTSTRAP_REQUIRED"]);
                format!("{now} {what}")
            }
        }
    }
}

impl Generator<'_> {
    /// A call of the program, or what its coordinator does.
    fn transaction(&mut self, now: u64, topic: &str, partition: u64, node: &str) -> String {
        const APIS: [&str; 6] =
            ["FindCoordinator", "InitProducerId", "AddPartitionsToTxn", "AddOffsetsToTxn", "TxnOffsetCommit", "EndTxn"];
        match self.draws.below(20) {
            0..=7 => format!("{now} begin"),
            8..=11 => format!("{now} commit"),
            12..=13 => format!("{now} abort"),
            14 => format!("{now} init"),
            15 => format!("{now} offsets group {topic}-{partition}@{}", self.draws.below(9)),
            16..=17 => format!("{now} refuse {} {}", self.one_of(&APIS), self.one_of(&REFUSALS)),
            18 => format!("{now} coordinator {node}"),
            _ => format!("{now} {} {}", self.one_of(&["hold", "release", "release"]), self.one_of(&APIS)),
        }
    }
}

/// The shortest script found by leaving things out that still takes another course in the Java client.
///
/// # Errors
/// When a script cannot be played.
pub(super) fn shrink(java: &mut JavaClient, script: &Script) -> Result<Script> {
    let mut smallest = script.clone();
    let mut piece = smallest.actions.len().div_ceil(2).max(1);
    while piece > 0 {
        let mut from = 0;
        while from < smallest.actions.len() {
            let mut actions: Vec<Action> = smallest.actions.clone();
            actions.drain(from..(from + piece).min(actions.len()));
            let candidate = Script { actions, ..smallest.clone() };
            if Course::of(java, &candidate)?.difference().is_some() {
                smallest = candidate;
            } else {
                from += piece;
            }
        }
        piece /= 2;
    }
    let mut place = 0;
    while place < smallest.config.len() {
        // Without these there is jitter.
        if smallest.config[place].0.contains("backoff") || smallest.config[place].0.contains("setup") {
            place += 1;
            continue;
        }
        let mut candidate = smallest.clone();
        candidate.config.remove(place);
        match Course::of(java, &candidate) {
            Ok(course) if course.difference().is_some() => smallest = candidate,
            _ => place += 1,
        }
    }
    Ok(smallest)
}
