//! The clients that are measured: how each is built, and told what to send.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::{
    kafka::KafkaJars,
    process, progress, tools,
    workspace::{self, Scratch},
};

/// What a client is to send, and how it is to hear of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Workload {
    pub(super) partitions: u32,
    pub(super) batch_size: u32,
    pub(super) linger_ms: u32,
    pub(super) records: u64,
    /// Records per second; `None`: as fast as it goes.
    pub(super) rate: Option<u64>,
    /// The application's threads; only ours and franz-go have more than one.
    pub(super) threads: u32,
    pub(super) completion: Completion,
}

/// How the application hears of its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Completion {
    /// In the client's cheapest way.
    Cheapest,
    /// A callback per record, which takes a sample of its latency.
    Sample,
}

/// `buffer.memory`, or what comes nearest to it: Java's default.
const BUFFER_MEMORY: u64 = 32 * 1024 * 1024;
const VALUE_BYTES: u32 = 100;
/// The C tool sets properties of consumers too, and librdkafka would complain.
const QUIET: &str = "log_level=3";
const RDKAFKA_SYS: &str = "rdkafka-sys";

/// One client in one manner of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Peer {
    Ours,
    /// The same once more: what differs is chance.
    OursAgain,
    /// Ours on tokio's current-thread runtime.
    OursCurrentThread,
    /// Ours, every record's future awaited.
    OursAwait,
    /// librdkafka's `rdkafka_performance`.
    Librdkafka,
    FranzGo,
    Kacrab,
    /// Kafka's `ProducerPerformance`; where latencies are sampled, a program of ours on the Java client (its own knows whole
    /// milliseconds only).
    Java,
}

impl Peer {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::OursAgain => "ours again (A/A)",
            Self::OursCurrentThread => "ours, current-thread",
            Self::OursAwait => "ours, await per record",
            Self::Librdkafka => "librdkafka's C tool",
            Self::FranzGo => "franz-go",
            Self::Kacrab => "kacrab",
            Self::Java => "Java",
        }
    }

    pub(super) const fn is_ours(self) -> bool {
        matches!(self, Self::Ours | Self::OursAgain | Self::OursCurrentThread | Self::OursAwait)
    }

    /// What the peer's own output says of records acknowledged and failed, and of latencies.
    pub(super) fn read(self, output: &str) -> Result<Told> {
        let told = match self {
            Self::Librdkafka => read_librdkafka(output),
            Self::Java => read_java(output).or_else(|| read_json(output)),
            _ => read_json(output),
        };
        told.with_context(|| format!("{} wrote\n{output}", self.name()))
    }
}

/// What a client says of its own run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Told {
    pub(super) acknowledged: u64,
    pub(super) p50_us: Option<f64>,
    pub(super) p99_us: Option<f64>,
    pub(super) allocations: Option<u64>,
    pub(super) ages: Option<Ages>,
}

/// How much older timestamps were than the wall clock just before their `send`, in whole milliseconds as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ages {
    pub(super) samples: u64,
    pub(super) median: u64,
    /// One in a thousand exceeds it.
    pub(super) p999: u64,
    pub(super) longest: u64,
}

impl Ages {
    fn read(told: &Value) -> Option<Self> {
        let number = |name: &str| told[name].as_u64();
        Some(Self {
            samples: number("samples")?,
            median: number("median")?,
            p999: number("p999")?,
            longest: number("longest")?,
        })
    }
}

impl fmt::Display for Ages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { samples, median, p999, longest } = self;
        write!(f, "median {median}, p99.9 {p999}, the longest of all {samples}: {longest}")
    }
}

fn read_json(output: &str) -> Option<Told> {
    let told: Value = serde_json::from_str(output.lines().last()?).ok()?;
    (told["failed"].as_u64()? == 0).then_some(())?;
    Some(Told {
        acknowledged: told["acknowledged"].as_u64()?,
        p50_us: told["p50_us"].as_f64(),
        p99_us: told["p99_us"].as_f64(),
        allocations: told["allocations"].as_u64(),
        ages: Ages::read(&told["ages_ms"]),
    })
}

/// `% 3000000 messages produced (…), 3000000 delivered (offset …, 0 failed) in …`; the last such line counts.
fn read_librdkafka(output: &str) -> Option<Told> {
    let line = output.lines().rfind(|line| line.contains(" messages produced "))?;
    let (before, after) = line.split_once(" delivered (")?;
    after.contains(" 0 failed)").then_some(())?;
    let acknowledged = before.rsplit(' ').next()?.parse().ok()?;
    Some(Told { acknowledged, ..Told::default() })
}

/// `3000000 records sent, 1234567.8 records/sec (…), …`; the last such line sums up.
fn read_java(output: &str) -> Option<Told> {
    let line = output.lines().rfind(|line| line.contains(" records sent, "))?;
    Some(Told { acknowledged: line.split(' ').next()?.parse().ok()?, ..Told::default() })
}

/// Median and 99th percentile of the latencies that the C tool wrote into a file, a line of whole microseconds each.
fn percentiles_us(lines: &str) -> Option<(f64, f64)> {
    let mut latencies: Vec<u64> = lines.lines().map(str::parse).collect::<Result<_, _>>().ok()?;
    latencies.sort_unstable();
    let at = |percent: usize| latencies.get(latencies.len().checked_sub(1)? * percent / 100).map(|&us| us as f64);
    Some((at(50)?, at(99)?))
}

/// The clients' programs.
pub(super) struct Programs {
    ours: PathBuf,
    librdkafka: PathBuf,
    franz_go: PathBuf,
    kacrab: PathBuf,
    java: KafkaJars,
    /// Where the C tool writes its latencies.
    latencies: Scratch,
}

impl Programs {
    /// Builds what is not built yet.
    pub(super) fn build(ours: PathBuf) -> Result<Self> {
        Ok(Self {
            ours,
            librdkafka: librdkafka()?,
            franz_go: franz_go()?,
            kacrab: kacrab()?,
            java: KafkaJars::ensure()?,
            latencies: Scratch::new("latencies")?,
        })
    }

    /// What `peer` tells of the `work` it has done, in its output or beside it.
    pub(super) fn read(&self, peer: Peer, work: &Workload, output: &str) -> Result<Told> {
        let told = peer.read(output)?;
        if peer != Peer::Librdkafka || work.completion != Completion::Sample {
            return Ok(told);
        }
        let lines = fs::read_to_string(self.latencies())?;
        let (p50_us, p99_us) = percentiles_us(&lines).context("the C tool's latencies")?;
        Ok(Told { p50_us: Some(p50_us), p99_us: Some(p99_us), ..told })
    }

    fn latencies(&self) -> PathBuf {
        self.latencies.path().join("us")
    }

    /// The command that makes `peer` do `work`.
    pub(super) fn command(&self, peer: Peer, servers: &str, work: &Workload) -> Command {
        match peer {
            Peer::Librdkafka => self.librdkafka(servers, work),
            Peer::Java => self.java(servers, work),
            Peer::FranzGo => {
                let mut command = Command::new(&self.franz_go);
                command.arg("bench");
                with_options(&mut command, servers, work, "count");
                command
            }
            Peer::Kacrab => {
                let mut command = Command::new(&self.kacrab);
                with_options(&mut command, servers, work, "count");
                command
            }
            ours => {
                let mut command = Command::new(&self.ours);
                with_options(&mut command, servers, work, if ours == Peer::OursAwait { "await" } else { "count" });
                if ours == Peer::OursCurrentThread {
                    command.args(["--runtime", "current"]);
                }
                command
            }
        }
    }

    /// The C tool, connected and with nothing to do.
    pub(super) fn idle_librdkafka(&self, servers: &str) -> Command {
        let mut command = Command::new(&self.librdkafka);
        command.args(["-P", "-I", "-t", "idle-6", "-b", servers, "-X", "enable.idempotence=true"]);
        // Its statistics are what would wake it otherwise.
        command.args(["-T", "0", "-i", "1000000", "-X", QUIET]);
        command
    }

    fn librdkafka(&self, servers: &str, work: &Workload) -> Command {
        let mut command = Command::new(&self.librdkafka);
        command.args(["-P", "-a", "-1", "-t", &work.topic(), "-b", servers]);
        command.args(["-s", &VALUE_BYTES.to_string(), "-c", &work.records.to_string()]);
        for property in [
            QUIET.to_owned(),
            "enable.idempotence=true".to_owned(),
            format!("linger.ms={}", work.linger_ms),
            format!("batch.size={}", work.batch_size),
            // Bytes alone bound a batch and what is buffered, as in the other clients.
            "batch.num.messages=1000000".to_owned(),
            "queue.buffering.max.messages=10000000".to_owned(),
            format!("queue.buffering.max.kbytes={}", BUFFER_MEMORY / 1024),
        ] {
            command.args(["-X", &property]);
        }
        if work.completion == Completion::Sample {
            command.arg("-l").arg("-A").arg(self.latencies());
        }
        if let Some(rate) = work.rate {
            command.args(["-r", &rate.to_string()]);
        }
        command
    }

    fn java(&self, servers: &str, work: &Workload) -> Command {
        let mut command = self.java.java();
        if let (Completion::Sample, Some(rate)) = (work.completion, work.rate) {
            command.arg(workspace::root().join("tests/java/PacedLatency.java")).args([servers, &work.topic()]);
            let numbers = [work.records, VALUE_BYTES.into(), work.batch_size.into(), work.linger_ms.into()];
            command.args(numbers.iter().chain(&[BUFFER_MEMORY, rate]).map(u64::to_string));
            return command;
        }
        command.arg("org.apache.kafka.tools.ProducerPerformance");
        command.args(["--bootstrap-server", servers, "--topic", &work.topic(), "--throughput", "-1"]);
        command.args(["--num-records", &work.records.to_string(), "--record-size", &VALUE_BYTES.to_string()]);
        command.args(["--command-property", "acks=all", "enable.idempotence=true"]);
        command.arg(format!("linger.ms={}", work.linger_ms));
        command.arg(format!("batch.size={}", work.batch_size));
        command.arg(format!("buffer.memory={BUFFER_MEMORY}"));
        command
    }
}

impl Workload {
    /// A name that tells the sink how many partitions it has.
    fn topic(&self) -> String {
        format!("bench-{}", self.partitions)
    }
}

/// The options that our own programs have in common.
fn with_options(command: &mut Command, servers: &str, work: &Workload, cheapest: &str) {
    let completion = match work.completion {
        Completion::Cheapest => cheapest,
        Completion::Sample => "sample",
    };
    command.args(["--servers", servers, "--topic", &work.topic(), "--completion", completion]);
    for (option, number) in [
        ("--records", work.records),
        ("--value-bytes", VALUE_BYTES.into()),
        ("--batch-size", work.batch_size.into()),
        ("--linger-ms", work.linger_ms.into()),
        ("--buffer-memory", BUFFER_MEMORY),
        ("--rate", work.rate.unwrap_or(0)),
        ("--threads", work.threads.into()),
    ] {
        command.args([option, &number.to_string()]);
    }
}

fn franz_go() -> Result<PathBuf> {
    tools::ensure(&[tools::GO])?;
    let binary = workspace::target_dir().join("peers/franz-go");
    let sources = workspace::root().join("tests/peers/franz-go");
    process::run(Command::new("go").args(["build", "-o"]).arg(&binary).arg(".").current_dir(sources))?;
    Ok(binary)
}

fn kacrab() -> Result<PathBuf> {
    let target = workspace::target_dir().join("peers/kacrab");
    progress!("building kacrab (a few minutes the first time)");
    process::run(
        Command::new("cargo")
            .args(["build", "--release", "--locked", "--target-dir"])
            .arg(&target)
            .current_dir(workspace::root().join("tests/peers/kacrab")),
    )?;
    Ok(target.join("release/kacrab-peer"))
}

/// librdkafka's `rdkafka_performance`, built once from the C sources that come with a crate.
fn librdkafka() -> Result<PathBuf> {
    let manifest = workspace::root().join("tests/peers/librdkafka");
    let metadata = process::capture(
        Command::new("cargo").args(["metadata", "--locked", "--format-version", "1"]).current_dir(&manifest),
    )?;
    let (version, sources) = bundled_sources(&metadata).with_context(|| format!("{RDKAFKA_SYS} has no sources"))?;
    let folder = workspace::cached(&format!("rdkafka_performance-{version}"), |folder| {
        tools::ensure(&[tools::CC, tools::CXX, tools::MAKE])?;
        progress!("building librdkafka's rdkafka_performance {version}, which happens once");
        let build = Scratch::new("librdkafka")?;
        let tree = build.path().join("librdkafka");
        process::run(Command::new("cp").arg("-r").arg(&sources).arg(&tree))?;
        // What speaks to other than plain brokers would only ask for more libraries.
        let without = ["ssl", "gssapi", "curl", "zstd", "lz4-ext"].map(|what| format!("--disable-{what}"));
        process::capture(Command::new("./configure").args(without).current_dir(&tree))?;
        process::capture(Command::new("make").args(["-j2", "-C", "src", "librdkafka.a"]).current_dir(&tree))?;
        process::capture(Command::new("make").args(["-C", "examples", "rdkafka_performance"]).current_dir(&tree))?;
        std::fs::copy(tree.join("examples/rdkafka_performance"), folder.join("rdkafka_performance"))?;
        Ok(())
    })?;
    Ok(folder.join("rdkafka_performance"))
}

/// Version and folder of the C library that the crate brings.
fn bundled_sources(metadata: &str) -> Option<(String, PathBuf)> {
    let metadata: Value = serde_json::from_str(metadata).ok()?;
    let package = metadata["packages"].as_array()?.iter().find(|package| package["name"] == RDKAFKA_SYS)?;
    let version = package["version"].as_str()?.split_once('+')?.1.to_owned();
    Some((version, Path::new(package["manifest_path"].as_str()?).parent()?.join("librdkafka")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_c_tools_last_word_counts() {
        let output = "% Sending 300 messages of size 100 bytes\n\
            % 200 messages produced (20000 bytes), 100 delivered (offset 7, 0 failed) in 1000ms: 2 msgs/s\n\
            % 300 messages produced (30000 bytes), 300 delivered (offset 9, 0 failed) in 1001ms: 2 msgs/s\n";
        assert_eq!(Peer::Librdkafka.read(output).expect("whole").acknowledged, 300);
        let failed = output.replace("9, 0 failed", "9, 1 failed");
        assert!(Peer::Librdkafka.read(&failed).is_err(), "a record failed");
    }

    #[test]
    fn javas_last_word_counts() {
        let output = "100 records sent, 20.0 records/sec (0.00 MB/sec), 1.0 ms avg latency, 2.0 ms max latency.\n\
            400 records sent, 30.000000 records/sec (0.00 MB/sec), 1.00 ms avg latency, 2.00 ms max latency, 1 ms 50th.\n";
        assert_eq!(Peer::Java.read(output).expect("whole").acknowledged, 400);
    }

    #[test]
    fn the_c_tools_latencies_are_ranked() {
        let lines: String = (1..=200).rev().map(|us| format!("{us}\n")).collect();
        assert_eq!(percentiles_us(&lines), Some((100.0, 198.0)));
        assert_eq!(percentiles_us(""), None);
        assert_eq!(percentiles_us("12\nx\n"), None);
    }

    #[test]
    fn our_own_programs_tell_in_json() {
        let output = "{\"acknowledged\":5,\"failed\":0,\"p50_us\":1.5,\"p99_us\":2.5,\"allocations\":null}\n";
        let told = Told { acknowledged: 5, p50_us: Some(1.5), p99_us: Some(2.5), allocations: None, ages: None };
        for peer in [Peer::Ours, Peer::Java] {
            assert_eq!(peer.read(output).expect("whole"), told);
        }
        let ages = r#""allocations":null,"ages_ms":{"samples":9,"median":0,"p999":1,"longest":4}"#;
        let told = Peer::Ours.read(&output.replace(r#""allocations":null"#, ages)).expect("whole");
        assert_eq!(told.ages, Some(Ages { samples: 9, median: 0, p999: 1, longest: 4 }));
        assert!(Peer::Kacrab.read(&output.replace("failed\":0", "failed\":2")).is_err(), "records failed");
        assert!(Peer::FranzGo.read("").is_err(), "it said nothing");
    }

    #[test]
    fn the_crates_version_names_the_librarys() {
        let metadata = r#"{"packages":[{"name":"other","version":"1.0.0","manifest_path":"/x/Cargo.toml"},
            {"name":"rdkafka-sys","version":"4.10.0+2.12.1","manifest_path":"/crates/r/Cargo.toml"}]}"#;
        assert_eq!(bundled_sources(metadata), Some(("2.12.1".into(), "/crates/r/librdkafka".into())));
    }
}
