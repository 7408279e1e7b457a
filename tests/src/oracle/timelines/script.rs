//! Scripts: what the application, the brokers and the network do, and when. One line says one thing.
//!
//! Before the actions stand the circumstances:
//!
//! | line | says |
//! |---|---|
//! | `config KEY=VALUE` | a property of the producer |
//! | `nodes N` | brokers 1 to N |
//! | `topic NAME LEADER…` | a topic, and who leads its partitions; −1: nobody, `~`: metadata does not tell of the partition |
//! | `versions API LOW HIGH` | what the brokers speak of an API |
//! | `versions-refused HINT` | every ApiVersions is refused with the hint to ask in this version |
//! | `identity ID EPOCH` | the first producer id that is granted |
//! | `transaction-version N` | the level of the feature `transaction.version`; 2 is transaction protocol 2 |
//! | `latency MS` | how long the answer to any question but Produce takes |
//! | `seed N` | of the draws of sticky partitions |
//! | `until MS` | when the comparison ends |
//! | `after-another` | what is told is of a second producer of the process, after another one has done the same |
//! | `as-told` | the lines of one instant are compared in the order in which they were told, not only those of one partition |
//!
//! An action is an instant in milliseconds and one of:
//!
//! | words | say |
//! |---|---|
//! | `send TOPIC PARTITION KEY BYTES[+HEADER]… [xN]` | N records; `*` lets the producer choose the partition, `-` is no key or no value; a value of zeros or, as `~BYTES`, of noise; headers are written as values are |
//! | `respond NODE [throttle=MS] [FAULT] RESULT [T-P:RESULT]…` | answers the broker's oldest Produce request |
//! | `disconnect NODE` | the broker closes its connection |
//! | `node NODE up\|mute\|full\|refuse\|silent` | from now on it answers, accepts and says nothing, reads nothing so that sockets take no more, refuses connections, or lets them hang |
//! | `port NODE PORT` | metadata tells another port of it, be it none |
//! | `host NODE HOST` | metadata tells another host of it |
//! | `leader T-P NODE [EPOCH]` | metadata tells another leader, by default in the next epoch |
//! | `partitions TOPIC LEADER…` | the topic has other partitions now |
//! | `recreate TOPIC` | the topic is another one now, with another id and epochs and offsets from 0 |
//! | `forget-id TOPIC` | metadata tells no id of the topic any more |
//! | `topic-error TOPIC ERROR` | metadata tells this of the topic |
//! | `metadata-error ERROR` | metadata says this of all that it tells, in versions that can |
//! | `refuse API ERROR[,said\|,silent] [T-P:ERROR]…` | the next question of this API, Metadata or one to a coordinator, that has no other is answered with it, its partitions with their own; FindCoordinator says other words of it, or none |
//! | `features NODE EPOCH LEVEL` | from now on a broker answers ApiVersions with the state EPOCH of the cluster's features, −1: with none, and this level of `transaction.version` |
//! | `coordinator NODE` | from now on it coordinates transactions and groups |
//! | `throttle API MS` | the next answer of the API asks for a pause |
//! | `hold API`, `release API` | questions of this API are kept without an answer, or answered again |
//! | `flush`, `close [MS]` | what the application calls |
//! | `init`, `begin`, `commit`, `abort`, `offsets GROUP [T-P@OFFSET]…` | its calls of transactions |
//! | `give-up CALL` | the first that made this call of transactions has waited for `max.block.ms` |
//!
//! A batch for an id that is no topic's any more is answered UNKNOWN_TOPIC_ID, whatever RESULT says. RESULT is `ok` or the name or number of an error, perhaps with `@OFFSET`, and options behind commas:
//! `append-time=MS`, `log-start=N`, `leader=NODE/EPOCH`, `records=I+J` (of `I-` nothing is said but that it is wrong), `said`.
//!
//! `backwards` tells of the last partition first, as a sound broker may. FAULT is what no sound broker does: `without=T-P`, `twice=T-P` and `foreign=T-P` leave a partition of the request out, tell
//! it twice, or tell one that was not asked about; `wrong-correlation` answers with a number that no question has.

use core::fmt;

use anyhow::{Context as _, Result, bail, ensure};

/// No jitter on either side, unless a script wants it: every pause is at its maximum from the first.
const WITHOUT_JITTER: [(&str, &str); 6] = [
    ("retry.backoff.ms", "100"),
    ("retry.backoff.max.ms", "100"),
    ("reconnect.backoff.ms", "50"),
    ("reconnect.backoff.max.ms", "50"),
    ("socket.connection.setup.timeout.ms", "10000"),
    ("socket.connection.setup.timeout.max.ms", "10000"),
];

/// The leader of a partition that metadata does not tell at all.
pub(super) const UNTOLD: i32 = i32::MIN;

/// A leader as scripts say it.
pub(super) fn read_leader(word: &str) -> Result<i32> {
    if word == "~" { Ok(UNTOLD) } else { Ok(word.parse()?) }
}

/// Something that happens from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// When, in milliseconds.
    pub at: u64,
    /// What, as in the table above.
    pub words: Vec<String>,
}

/// One case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// A sentence that says what is kept.
    pub name: String,
    /// Properties of the producer, in the order given; the last of a key counts.
    pub config: Vec<(String, String)>,
    /// Brokers.
    pub nodes: i32,
    /// Topics and the leaders of their partitions.
    pub topics: Vec<(String, Vec<i32>)>,
    /// API, lowest and highest version.
    pub versions: Vec<(String, i16, i16)>,
    /// The version in which ApiVersions is to be asked, whatever it was asked in.
    pub versions_refused: Option<i16>,
    /// Producer id and epoch that are granted first.
    pub identity: (i64, i16),
    /// Level of the feature `transaction.version`.
    pub transaction_version: i16,
    /// How long answers to questions other than Produce take.
    pub latency_ms: u64,
    /// Of the draws of sticky partitions.
    pub seed: u64,
    /// The last instant that is compared.
    pub until: u64,
    /// Has another producer of the process done the same before?
    pub comes_second: bool,
    /// Is the order of all lines of an instant compared?
    pub as_told: bool,
    /// In order of their instants.
    pub actions: Vec<Action>,
}

impl Script {
    /// Nothing happens to a producer with one broker and no topic.
    pub fn new(name: &str) -> Self {
        let config = WITHOUT_JITTER.map(|(key, value)| (key.to_owned(), value.to_owned()));
        Self {
            name: name.to_owned(),
            config: config.into(),
            nodes: 1,
            topics: Vec::new(),
            versions: Vec::new(),
            versions_refused: None,
            identity: (1_000, 0),
            transaction_version: 0,
            latency_ms: 0,
            seed: 7,
            until: 0,
            comes_second: false,
            as_told: false,
            actions: Vec::new(),
        }
    }

    /// So many milliseconds it says of a key; 0: it says nothing.
    pub(super) fn millis(&self, key: &str) -> u64 {
        let told = self.config.iter().rfind(|(known, _)| known == key);
        told.and_then(|(_, millis)| millis.parse().ok()).unwrap_or(0)
    }

    /// Does its producer have a `transactional.id`?
    pub fn has_transactions(&self) -> bool {
        self.config.iter().any(|(key, _)| key == "transactional.id")
    }

    /// Does its producer compress?
    pub(super) fn compresses(&self) -> bool {
        let compression = self.config.iter().rfind(|(key, _)| key == "compression.type");
        compression.is_some_and(|(_, codec)| codec != "none")
    }

    /// Does it compress with zstd for brokers that cannot take it?
    pub(super) fn has_zstd_for_old_brokers(&self) -> bool {
        let compression = self.config.iter().rfind(|(key, _)| key == "compression.type");
        let produce = self.versions.iter().rfind(|(api, ..)| api == "Produce");
        compression.is_some_and(|(_, codec)| codec == "zstd") && produce.is_some_and(|&(.., high)| high < 7)
    }

    /// Reads a file of scripts: each begins with `scenario` and its name; what stands before the first is part of all.
    /// A line `each WORD VALUE…` makes one of each value, written wherever `$WORD` stands; several make one of each pair.
    ///
    /// # Errors
    /// When a line is none of the above.
    pub fn read_all(text: &str) -> Result<Vec<Self>> {
        let is_meant = |line: &&str| !line.is_empty() && !line.starts_with('#');
        let mut common = Self::new("");
        let mut blocks: Vec<Vec<&str>> = Vec::new();
        for line in text.lines().map(str::trim).filter(is_meant) {
            match blocks.last_mut() {
                _ if line.starts_with("scenario ") => blocks.push(vec![line]),
                Some(block) => block.push(line),
                None => common.add(line).with_context(|| line.to_owned())?,
            }
        }
        let mut scripts = Vec::new();
        for block in blocks {
            let (loops, lines): (Vec<&str>, Vec<&str>) = block.iter().partition(|line| line.starts_with("each "));
            let mut variants = vec![lines.into_iter().map(str::to_owned).collect::<Vec<_>>()];
            for each in loops {
                let mut words = each.split_whitespace().skip(1);
                let variable = format!("${}", words.next().unwrap_or_default());
                let values: Vec<&str> = words.collect();
                let with =
                    |lines: &Vec<String>, value| lines.iter().map(|line| line.replace(&variable, value)).collect();
                variants = variants
                    .iter()
                    .flat_map(|lines| values.iter().map(move |value| (lines, value)))
                    .map(|(lines, value)| with(lines, value))
                    .collect();
            }
            for lines in variants {
                scripts.push(Self::read(&common, lines)?);
            }
        }
        Ok(scripts)
    }

    fn read(common: &Self, lines: impl IntoIterator<Item = String>) -> Result<Self> {
        let mut script = common.clone();
        for line in lines {
            match line.strip_prefix("scenario ") {
                Some(name) => script.name = name.to_owned(),
                None => script.add(&line).with_context(|| format!("{:?}: {line}", script.name))?,
            }
        }
        ensure!(script.actions.is_sorted_by_key(|action| action.at), "{:?} goes back in time", script.name);
        script.until = script.until.max(script.actions.last().map_or(0, |action| action.at));
        Ok(script)
    }

    /// Takes one line.
    ///
    /// # Errors
    /// When it is none.
    pub fn add(&mut self, line: &str) -> Result<()> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["config", pair] => {
                let (key, value) = pair.split_once('=').context("KEY=VALUE")?;
                self.config.push((key.to_owned(), value.to_owned()));
            }
            ["nodes", count] => self.nodes = count.parse()?,
            ["topic", name, ref leaders @ ..] => {
                let leaders = leaders.iter().map(|leader| read_leader(leader)).collect::<Result<_>>()?;
                self.topics.retain(|(known, _)| known != name);
                self.topics.push((name.to_owned(), leaders));
            }
            ["versions", api, low, high] => self.versions.push((api.to_owned(), low.parse()?, high.parse()?)),
            ["versions-refused", hint] => self.versions_refused = Some(hint.parse()?),
            ["identity", id, epoch] => self.identity = (id.parse()?, epoch.parse()?),
            ["transaction-version", level] => self.transaction_version = level.parse()?,
            ["latency", millis] => self.latency_ms = millis.parse()?,
            ["seed", seed] => self.seed = seed.parse()?,
            ["until", until] => self.until = until.parse()?,
            ["after-another"] => self.comes_second = true,
            ["as-told"] => self.as_told = true,
            [at, "send", topic, partition, key, bytes, ref times @ ..] => {
                let times = match times {
                    [] => 1,
                    [times] => times.strip_prefix('x').context("xN")?.parse()?,
                    _ => bail!("too many words"),
                };
                let words = ["send", topic, partition, key, bytes].map(str::to_owned).to_vec();
                let action = Action { at: at.parse()?, words };
                self.actions.extend(core::iter::repeat_n(action, times));
            }
            [at, ref words @ ..] if !words.is_empty() => {
                let words = words.iter().map(|&word| word.to_owned()).collect();
                self.actions.push(Action { at: at.parse()?, words });
            }
            _ => bail!("not a line of a script"),
        }
        Ok(())
    }
}

impl fmt::Display for Script {
    /// As it can be read again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (key, value) in &self.config {
            writeln!(f, "config {key}={value}")?;
        }
        writeln!(f, "nodes {}", self.nodes)?;
        for (topic, leaders) in &self.topics {
            write!(f, "topic {topic}")?;
            leaders.iter().try_for_each(|leader| write!(f, " {leader}"))?;
            writeln!(f)?;
        }
        for (api, low, high) in &self.versions {
            writeln!(f, "versions {api} {low} {high}")?;
        }
        writeln!(f, "transaction-version {}", self.transaction_version)?;
        self.versions_refused.iter().try_for_each(|hint| writeln!(f, "versions-refused {hint}"))?;
        writeln!(f, "identity {} {}\nlatency {}", self.identity.0, self.identity.1, self.latency_ms)?;
        if self.comes_second {
            writeln!(f, "after-another")?;
        }
        writeln!(f, "seed {}\nuntil {}", self.seed, self.until)?;
        self.actions.iter().try_for_each(|action| writeln!(f, "{} {}", action.at, action.words.join(" ")))
    }
}

/// The key of every header.
pub(super) const HEADER: &str = "header";

/// The value of a record or of a header, if it has one.
pub(super) type Content = Option<Vec<u8>>;

/// The value, and those of the headers.
pub(super) fn value_and_headers(bytes: &str, number: usize) -> Result<(Content, Vec<Content>)> {
    let mut contents = bytes.split('+').map(|bytes| content(bytes, number));
    let value = contents.next().context("a value")??;
    Ok((value, contents.collect::<Result<_>>()?))
}

/// So many zeros or, behind a tilde, so many bytes that cannot be compressed; nothing for a dash.
fn content(bytes: &str, number: usize) -> Result<Content> {
    if bytes == "-" {
        return Ok(None);
    }
    let Some(bytes) = bytes.strip_prefix('~') else { return Ok(Some(vec![0; bytes.parse()?])) };
    let mut state = u32::try_from(number)? + 1;
    let noise = core::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    });
    Ok(Some(noise.take(bytes.parse()?).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_reads_as_it_is_written() {
        let text = "config acks=1\ntopic t 1 2\nscenario a\nnodes 2\nafter-another\nuntil 9\n0 send t 0 - 5 x2\n3 flush\nscenario b\n";
        let scripts = Script::read_all(text).expect("sound");
        assert_eq!((scripts.len(), scripts[0].actions.len(), scripts[1].until), (2, 3, 0));
        let again = Script::read_all(&format!("scenario a\n{}", scripts[0])).expect("sound");
        assert_eq!(again[0].to_string().lines().filter(|line| line.starts_with("config acks")).count(), 1);
        assert_eq!((&again[0].topics, &again[0].actions), (&scripts[0].topics, &scripts[0].actions));
        assert_eq!([&scripts[0], &again[0], &scripts[1]].map(|script| script.comes_second), [true, true, false]);
        assert!(Script::read_all("scenario a\n5 flush\n4 flush").is_err(), "time does not go back");
    }

    #[test]
    fn a_record_may_lack_its_value_and_have_headers_that_lack_theirs() {
        let told = |bytes| value_and_headers(bytes, 0).expect("sound");
        assert_eq!(told("2"), (Some(vec![0, 0]), vec![]));
        assert_eq!(told("-"), (None, vec![]));
        assert_eq!(told("-+1+-+0"), (None, vec![Some(vec![0]), None, Some(vec![])]));
        assert!(value_and_headers("1+", 0).is_err(), "nothing is written as a dash");
    }

    #[test]
    fn a_script_for_each_of_several_values_is_several_scripts() {
        let text = "scenario a $code\neach code X Y\neach node 1 2\n0 respond $node $code";
        let scripts = Script::read_all(text).expect("sound");
        let told: Vec<_> =
            scripts.iter().map(|script| (&*script.name, script.actions[0].words[1..].join(" "))).collect();
        let expected = [("a X", "1 X"), ("a X", "2 X"), ("a Y", "1 Y"), ("a Y", "2 Y")];
        assert_eq!(told, expected.map(|(name, words)| (name, words.to_owned())));
    }
}
