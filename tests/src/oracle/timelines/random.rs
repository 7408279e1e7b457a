//! Judge 5: scripts that nobody thought of, and the shortest script that still shows what one of them found.
//!
//! What is not drawn, and why:
//!
//! | not drawn | because |
//! |---|---|
//! | pauses that grow | each side draws the jitter of its own: [`jitter`](super::jitter) judges it by bounds |
//! | answers that take no time | one would come in the middle of a round of the sender, where the two differ in nothing but how often they look |
//! | sends that wait for memory | the Java client's pool waits in real time; scenarios wait until the producer is closed, `caller` and the library have tests of their own |
//! | faults of answers, `versions-refused`, pauses above a minute | what follows is not compared (`exceptions`) |
//! | topics that begin without an id or lose it | likewise |
//! | COORDINATOR_NOT_AVAILABLE and NOT_COORDINATOR for an id without transactions | the Java client looks for the coordinator of a transactional id that is null, fails to write the question, and never gets on |
//! | zstd for brokers that are too old for it | the Java client leaves memory and partitions behind (`measured`); scenarios tell it |
//! | a short `metadata.recovery.rebootstrap.trigger.ms` | while no broker can be reached it begins anew with every look of the sender, of which the player has one in each millisecond |

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

/// What the very first questions of transactions may be refused with, so that an abort is all that is left, or less.
const FIRST_REFUSALS: [&str; 8] = [
    "InitProducerId TRANSACTION_ABORTABLE",
    "InitProducerId TRANSACTION_ABORTABLE",
    "FindCoordinator TRANSACTION_ABORTABLE",
    "FindCoordinator GROUP_AUTHORIZATION_FAILED",
    "InitProducerId TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
    "InitProducerId CLUSTER_AUTHORIZATION_FAILED",
    "InitProducerId COORDINATOR_NOT_AVAILABLE",
    "InitProducerId UNKNOWN_SERVER_ERROR",
];

/// What a broker may refuse a producer without transactions its id with.
const REFUSALS_OF_IDS: [&str; 3] =
    ["COORDINATOR_LOAD_IN_PROGRESS", "CLUSTER_AUTHORIZATION_FAILED", "UNKNOWN_SERVER_ERROR"];

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
        // Whatever is told of it goes by the seed, too: another draw would make other scripts of every seed.
        self.script.add(&format!("config transaction.timeout.ms={}", 1_000 + self.script.seed % 60_000))?;
        self.refuse_the_first_init();
        self.vary_what_is_sent();
        self.send_more_at_once();
        Ok(self.script)
    }

    /// Some records lack their value, some have headers, some of which lack theirs.
    fn vary_what_is_sent(&mut self) {
        let mut draws = Draws::from_seed(self.script.seed ^ 0x5eed);
        if draws.below(2) == 0 {
            return;
        }
        for action in &mut self.script.actions {
            let [word, .., bytes] = &mut action.words[..] else { continue };
            if word != "send" {
                continue;
            }
            if draws.below(5) == 0 {
                "-".clone_into(bytes);
            }
            for _ in 0..draws.pick(&[0, 0, 0, 0, 1, 1, 2, 9]) {
                bytes.push('+');
                bytes.push_str(draws.pick(&["-", "0", "9", "~70", "300"]));
            }
        }
    }

    /// Without idempotence nothing bounds how many requests a broker may owe an answer to.
    fn send_more_at_once(&mut self) {
        let mut draws = Draws::from_seed(self.script.seed ^ 0xf11e);
        let is_off = |(key, value): &(String, String)| key == "enable.idempotence" && value == "false";
        if !self.script.config.iter().any(is_off) {
            return;
        }
        if let Some(most) = draws.pick(&[None, Some("6"), Some("20"), Some("1000000")]) {
            self.script.config.push(("max.in.flight.requests.per.connection".to_owned(), most.to_owned()));
        }
    }

    /// In a third of the scripts with transactions, and now and then for what is asked next, too.
    fn refuse_the_first_init(&mut self) {
        let mut draws = Draws::from_seed(self.script.seed);
        if !self.has_transactions || draws.below(3) > 0 {
            return;
        }
        for _ in 0..1 + draws.below(2) {
            let words = format!("refuse {}", draws.pick(&FIRST_REFUSALS));
            let words = words.split(' ').map(str::to_owned).collect();
            self.script.actions.insert(0, Action { at: 10, words });
        }
    }

    fn configure(&mut self) -> Result<()> {
        let acks = if self.has_transactions { "all" } else { self.one_of(&["all", "all", "all", "all", "1", "0"]) };
        let is_idempotent = self.has_transactions || acks == "all" && self.chance(75);
        let backoff = self.one_of(&["10", "40", "100"]);
        let reconnect = self.one_of(&["20", "50"]);
        let setup = self.one_of(&["10000", "10000", "80"]);
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
            format!("connections.max.idle.ms={}", self.one_of(&["100", "250", "540000", "540000", "540000", "-1"])),
            format!("socket.connection.setup.timeout.ms={setup}"),
            format!("socket.connection.setup.timeout.max.ms={setup}"),
            format!("metadata.recovery.strategy={}", self.one_of(&["none", "rebootstrap", "rebootstrap"])),
            format!("compression.type={}", self.one_of(&["none", "none", "none", "gzip", "snappy", "lz4", "zstd"])),
            format!("partitioner.ignore.keys={}", self.chance(10)),
            format!("partitioner.adaptive.partitioning.enable={}", self.chance(70)),
            format!("partitioner.availability.timeout.ms={}", self.one_of(&["0", "0", "60"])),
            // Who waits for memory does so in real time.
            (*self.one_of(&[
                "max.block.ms=0 buffer.memory=50000",
                "max.block.ms=0",
                "max.block.ms=40",
                "max.block.ms=60000",
            ]))
            .to_owned(),
        ];
        for pair in config.iter().flat_map(|pairs| pairs.split(' ')) {
            self.script.add(&format!("config {pair}"))?;
        }
        if self.has_transactions {
            self.script.add("config transactional.id=tx")?;
            self.script.transaction_version = if self.chance(50) { 2 } else { 0 };
        }
        for (percent, versions) in [
            (10, "Metadata 4 6"),
            (5, "Produce 3 6"),
            (10, "InitProducerId 0 2"),
            (5, "FindCoordinator 0 3"),
            (5, "EndTxn 0 3"),
            (5, "TxnOffsetCommit 0 2"),
        ] {
            if self.chance(percent) {
                self.script.add(&format!("versions {versions}"))?;
            }
        }
        if self.script.has_zstd_for_old_brokers() {
            self.script.add("config compression.type=gzip")?;
        }
        // Brokers that want topic ids tell them.
        if self.script.versions.iter().all(|(api, ..)| api != "Metadata") && self.chance(60) {
            self.script.add("versions Produce 3 13")?;
            if self.chance(60) {
                self.script.add("versions Metadata 4 13")?;
            }
        }
        if self.chance(10) {
            let epoch = self.one_of(&["32765", "32766", "32767"]);
            self.script.add(&format!("identity 1000 {epoch}"))?;
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
                let noise = if self.chance(40) { "~" } else { "" };
                let bytes = match self.draws.below(10) {
                    0 => 1_100,
                    1..=3 => 350,
                    _ => self.draws.below(200),
                };
                format!("{now} send {topic} {partition} {key} {noise}{bytes} x{}", 1 + self.draws.below(4))
            }
            44..=82 => {
                let result = self.one_of(&RESULTS);
                let throttle = if self.chance(3) { " throttle=70" } else { "" };
                let other = if self.chance(20) { format!(" {topic}-{partition}:ok") } else { String::new() };
                format!("{now} respond {node}{throttle} {result}{other}")
            }
            83..=87 => {
                let leader = self.node();
                format!("{now} respond {node} NOT_LEADER_OR_FOLLOWER,leader={leader}/{}", 1 + self.draws.below(4))
            }
            88..=91 => format!("{now} disconnect {node}"),
            92..=93 => {
                format!("{now} leader {topic}-{partition} {}", if self.chance(10) { "-1" } else { node.as_str() })
            }
            94..=95 => format!("{now} flush"),
            _ => self.circumstance(now, &topic, &node),
        }
    }

    /// What becomes of brokers and topics.
    fn circumstance(&mut self, now: u64, topic: &str, node: &str) -> String {
        match self.draws.below(12) {
            0..=1 => format!("{now} recreate {topic}"),
            2 => {
                let known =
                    self.script.topics.iter().find(|(name, _)| name == topic).map_or(0, |(_, leaders)| leaders.len());
                let leaders: Vec<_> = (0..=known).map(|_| self.node()).collect();
                format!("{now} partitions {topic} {}", leaders.join(" "))
            }
            3 => {
                const ERRORS: [&str; 5] = [
                    "NONE",
                    "NONE",
                    "TOPIC_AUTHORIZATION_FAILED",
                    "UNKNOWN_TOPIC_OR_PARTITION",
                    "INVALID_TOPIC_EXCEPTION",
                ];
                format!("{now} topic-error {topic} {}", self.one_of(&ERRORS))
            }
            4..=7 => {
                format!("{now} node {node} {}", self.one_of(&["refuse", "silent", "mute", "full", "up", "up", "up"]))
            }
            8 => {
                let what =
                    ["hold Metadata", "release Metadata", "release Metadata", "refuse Metadata REBOOTSTRAP_REQUIRED"];
                format!("{now} {}", self.one_of(&what))
            }
            9..=10 => {
                format!("{now} throttle {} 40", self.one_of(&["Metadata", "ApiVersions", "InitProducerId", "EndTxn"]))
            }
            _ if self.has_transactions => format!("{now} respond {node} ok"),
            _ => format!("{now} refuse InitProducerId {}", self.one_of(&REFUSALS_OF_IDS)),
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
            15 => {
                let group = self.one_of(&["group", "group", "club"]);
                format!("{now} offsets {group} {topic}-{partition}@{}", self.draws.below(9))
            }
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
