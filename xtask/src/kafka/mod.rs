//! An Apache Kafka from its released jars: one node or three, on free loopback ports, gone when dropped.

mod config;
mod jars;
mod log;
mod metadata;
mod ports;

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Stdio,
    sync::mpsc::RecvTimeoutError,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};

use config::Ports;
pub use jars::{KAFKA_VERSION, KafkaJars};
pub use log::stamped;
pub use ports::{free_ports, free_row};

use crate::{
    process::{self, OwnedChild},
    progress,
    workspace::Scratch,
};

/// Patience for a cluster to come up: 5 to 15 seconds on an idle machine, more while others compile.
const START_PATIENCE: Duration = Duration::from_secs(180);

/// Patience with nodes that were asked to stop and are not needed any more.
const STOP_PATIENCE: Duration = Duration::from_secs(20);

/// A running Apache Kafka. Dropping it kills the nodes and removes their data.
#[derive(Debug)]
pub struct ApacheKafka {
    // Before `scratch`, so that the nodes are gone when their folders are removed.
    nodes: Vec<Node>,
    scratch: Scratch,
    jars: KafkaJars,
}

#[derive(Debug)]
struct Node {
    ports: Ports,
    process: Option<OwnedChild>,
}

/// Starts `nodes` brokers (1 or 3) and waits until all of them are in the metadata.
///
/// # Errors
/// When Java or the jars cannot be had, or the cluster does not come up; the message holds the end of the log.
pub fn start(nodes: usize) -> Result<ApacheKafka> {
    ApacheKafka::start(nodes, &[])
}

/// As [`start`], with a feature finalised at another level than a new cluster's, as in `transaction.version=1`.
///
/// # Errors
/// As [`start`].
pub fn start_with_feature(nodes: usize, feature: &str) -> Result<ApacheKafka> {
    ApacheKafka::start_with(nodes, &[], &["--feature", feature])
}

impl ApacheKafka {
    /// Starts a cluster whose clients are sent to `advertised_ports` (one per node; empty: the brokers' own), where a
    /// proxy may stand between them and [`client_ports`](Self::client_ports).
    ///
    /// # Errors
    /// As [`start`].
    pub fn start(nodes: usize, advertised_ports: &[u16]) -> Result<Self> {
        Self::start_with(nodes, advertised_ports, &[])
    }

    /// `features`: more arguments for `StorageTool format`.
    fn start_with(nodes: usize, advertised_ports: &[u16], features: &[&str]) -> Result<Self> {
        ensure!(nodes == 1 || nodes == 3, "Apache Kafka is started with 1 or 3 nodes, not {nodes}");
        ensure!(
            advertised_ports.is_empty() || advertised_ports.len() == nodes,
            "{nodes} nodes need {nodes} advertised ports, not {}",
            advertised_ports.len()
        );
        let jars = KafkaJars::ensure()?;
        let mut attempt = 1;
        loop {
            match Self::try_start(nodes, advertised_ports, features, jars.clone()) {
                // Between choosing a free port and binding it, somebody else may take it.
                Err(error) if attempt < 3 && format!("{error:#}").contains("Address already in use") => attempt += 1,
                outcome => return outcome,
            }
        }
    }

    fn try_start(nodes: usize, advertised_ports: &[u16], features: &[&str], jars: KafkaJars) -> Result<Self> {
        let free = free_ports(nodes * 3)?;
        let ports: Vec<Ports> = (0..nodes)
            .map(|n| Ports {
                client: free[n * 3],
                internal: free[n * 3 + 1],
                controller: free[n * 3 + 2],
                advertised: advertised_ports.get(n).copied().unwrap_or(free[n * 3]),
            })
            .collect();
        let nodes = ports.iter().map(|&ports| Node { ports, process: None }).collect();
        let mut kafka = Self { nodes, scratch: Scratch::new("kafka")?, jars };

        let cluster_id = kafka.jars.tool("kafka.tools.StorageTool", ["random-uuid"])?;
        let cluster_id = cluster_id.lines().last().context("StorageTool printed no id")?.trim().to_owned();
        for id in 1..=kafka.nodes.len() {
            fs::create_dir(kafka.node_dir(id))?;
            fs::write(kafka.properties(id), config::server_properties(id, &ports, &kafka.node_dir(id).join("data")))?;
        }
        kafka.format_storage(&cluster_id, features)?;
        for id in 1..=kafka.nodes.len() {
            kafka.spawn_node(id)?;
        }
        kafka.wait_until_complete()?;
        Ok(kafka)
    }

    /// `127.0.0.1:PORT` of every node, separated by commas: what clients are told to connect to.
    pub fn bootstrap_servers(&self) -> String {
        self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.ports.advertised)).collect::<Vec<_>>().join(",")
    }

    /// As [`bootstrap_servers`](Self::bootstrap_servers), past any proxy: the brokers' listeners for each other, which
    /// advertise themselves, whatever clients are told.
    pub fn internal_servers(&self) -> String {
        self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.ports.internal)).collect::<Vec<_>>().join(",")
    }

    /// The ports on which the brokers themselves accept clients, in the order of their ids: where a proxy connects to.
    pub fn client_ports(&self) -> Vec<u16> {
        self.nodes.iter().map(|node| node.ports.client).collect()
    }

    /// What node `id` (counted from 1) has logged so far, also before it was killed. [`stamped`] tells when.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn log(&self, id: usize) -> Result<String> {
        Ok(fs::read_to_string(self.log_file(id))?)
    }

    /// The files in which node `id` (counted from 1) keeps the records of a topic, partition by partition.
    ///
    /// # Errors
    /// When its folder cannot be read.
    pub fn segments(&self, id: usize, topic: &str) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for folder in fs::read_dir(self.node_dir(id).join("data"))? {
            let folder = folder?.path();
            let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let number = name.strip_prefix(topic).and_then(|rest| rest.strip_prefix('-'));
            if number.is_some_and(|number| number.parse::<u32>().is_ok()) {
                for file in fs::read_dir(&folder)? {
                    files.extend(Some(file?.path()).filter(|file| file.extension().is_some_and(|end| end == "log")));
                }
            }
        }
        files.sort();
        Ok(files)
    }

    /// The jars, to run Java tools and programs with.
    pub fn jars(&self) -> &KafkaJars {
        &self.jars
    }

    /// Creates a topic, replicated to every node.
    ///
    /// # Errors
    /// When the cluster refuses it.
    pub fn create_topic(&self, topic: &str, partitions: u32) -> Result<()> {
        let partitions = partitions.to_string();
        let replicas = self.nodes.len().to_string();
        let create = ["--create", "--topic", topic, "--partitions", &partitions, "--replication-factor", &replicas];
        self.topic_command(&create)?;
        Ok(())
    }

    /// Runs Kafka's `TopicCommand` against this cluster, past any proxy, and returns what it printed.
    ///
    /// # Errors
    /// When it fails.
    pub fn topic_command(&self, arguments: &[&str]) -> Result<String> {
        self.jars.tool(
            "org.apache.kafka.tools.TopicCommand",
            [&["--bootstrap-server", self.internal_servers().as_str()], arguments].concat(),
        )
    }

    /// Ends node `id` (counted from 1) as a crash does: SIGKILL.
    ///
    /// # Errors
    /// When there is no such running node.
    pub fn kill_node(&mut self, id: usize) -> Result<()> {
        // Dropping an owned child kills it.
        self.running(id)?.process = None;
        Ok(())
    }

    /// Lets node `id` (counted from 1) stand still: SIGSTOP. Its connections stay, and it answers nothing.
    ///
    /// # Errors
    /// When there is no such running node.
    pub fn freeze_node(&mut self, id: usize) -> Result<()> {
        self.running(id)?.process.iter().for_each(OwnedChild::freeze);
        Ok(())
    }

    /// Lets node `id` (counted from 1) go on: SIGCONT.
    ///
    /// # Errors
    /// When there is no such running node.
    pub fn thaw_node(&mut self, id: usize) -> Result<()> {
        self.running(id)?.process.iter().for_each(OwnedChild::thaw);
        Ok(())
    }

    /// Stops node `id` (counted from 1) in order: it hands over its leaderships first.
    ///
    /// # Errors
    /// When there is no such running node, or it does not end within a minute.
    pub fn stop_node(&mut self, id: usize) -> Result<()> {
        if let Some(mut process) = self.running(id)?.process.take() {
            process.terminate();
            process.wait_at_most(Duration::from_secs(60))?;
        }
        Ok(())
    }

    /// Starts node `id` again with its old data and ports, and waits until the cluster is complete.
    ///
    /// # Errors
    /// When it runs already, or the cluster does not become complete.
    pub fn restart_node(&mut self, id: usize) -> Result<()> {
        ensure!(self.running(id).is_err(), "node {id} runs already");
        self.spawn_node(id)?;
        self.wait_until_complete()
    }

    /// Asks every node to stop, and kills those that cannot: in a quorum that lost its majority on the way down, the
    /// last nodes would wait for minutes for a controller to release them. What they stored is removed anyway.
    pub fn stop(mut self) {
        self.nodes.iter().filter_map(|node| node.process.as_ref()).for_each(OwnedChild::terminate);
        let deadline = Instant::now() + STOP_PATIENCE;
        for process in self.nodes.iter_mut().filter_map(|node| node.process.as_mut()) {
            // Dropping an owned child kills it, if it still runs by then.
            let _ = process.wait_at_most(deadline.saturating_duration_since(Instant::now()));
        }
    }

    /// Whether every node still runs.
    pub fn is_running(&mut self) -> bool {
        self.nodes.iter_mut().all(|node| node.process.as_mut().is_some_and(|p| matches!(p.try_wait(), Ok(None))))
    }

    fn running(&mut self, id: usize) -> Result<&mut Node> {
        let node = id.checked_sub(1).and_then(|index| self.nodes.get_mut(index));
        node.filter(|node| node.process.is_some()).with_context(|| format!("node {id} does not run"))
    }

    fn node_dir(&self, id: usize) -> PathBuf {
        self.scratch.path().join(format!("node-{id}"))
    }

    fn properties(&self, id: usize) -> PathBuf {
        self.node_dir(id).join("server.properties")
    }

    /// Formats all nodes' folders at once: each costs two seconds of JVM.
    fn format_storage(&self, cluster_id: &str, features: &[&str]) -> Result<()> {
        let standalone: &[&str] = if self.nodes.len() == 1 { &["--standalone"] } else { &[] };
        std::thread::scope(|scope| {
            let formats: Vec<_> = (1..=self.nodes.len())
                .map(|id| {
                    scope.spawn(move || {
                        let mut command = self.jars.java();
                        command.args(["kafka.tools.StorageTool", "format", "-t", cluster_id, "-c"]);
                        process::capture(command.arg(self.properties(id)).args(standalone).args(features))
                    })
                })
                .collect();
            formats.into_iter().try_for_each(|format| {
                format.join().unwrap_or_else(|_| bail!("formatting a node's folder panicked")).map(drop)
            })
        })
    }

    fn spawn_node(&mut self, id: usize) -> Result<()> {
        let log = File::options().create(true).append(true).open(self.log_file(id))?;
        let mut command = self.jars.java();
        command
            .args(["-Duser.timezone=UTC", "-Dorg.slf4j.simpleLogger.showDateTime=true"])
            .arg(format!("-Dorg.slf4j.simpleLogger.dateTimeFormat={}", log::TIME_FORMAT))
            .args(["-Dorg.slf4j.simpleLogger.defaultLogLevel=info", "-Xms128m", "-Xmx512m", "kafka.Kafka"])
            .arg(self.properties(id))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        self.nodes[id - 1].process = Some(OwnedChild::spawn(&mut command, Some(self.scratch.path()))?);
        Ok(())
    }

    fn log_file(&self, id: usize) -> PathBuf {
        self.node_dir(id).join("node.log")
    }

    /// Waits until every node has all nodes in its metadata.
    fn wait_until_complete(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_PATIENCE;
        for id in 1..=self.nodes.len() {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.nodes[id - 1].ports.client));
            while !metadata::known_brokers(address).is_ok_and(|brokers| brokers == self.nodes.len()) {
                if let Some(process) = &mut self.nodes[id - 1].process
                    && let Some(status) = process.try_wait()?
                {
                    bail!("node {id} of Apache Kafka ended: {status}\n{}", self.log_tail(id));
                }
                if Instant::now() > deadline {
                    bail!("node {id} of Apache Kafka is not ready after {START_PATIENCE:?}\n{}", self.log_tail(id));
                }
                std::thread::sleep(Duration::from_millis(100));
            }
        }
        Ok(())
    }

    fn log_tail(&self, id: usize) -> String {
        let log = fs::read_to_string(self.log_file(id)).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

/// `cargo xtask kafka`: a cluster for hand use, until Ctrl-C.
///
/// # Errors
/// When the cluster does not come up, or a node ends by itself.
pub fn command(nodes: usize) -> Result<()> {
    progress!("starting Apache Kafka {KAFKA_VERSION} with {nodes} node(s)");
    let mut kafka = start(nodes)?;
    // Until here Ctrl-C ends us at once, and what we started with us.
    let interrupted = process::interruptions()?;
    println!("bootstrap.servers={}", kafka.bootstrap_servers());
    progress!("Ctrl-C stops it and removes its data");
    while let Err(RecvTimeoutError::Timeout) = interrupted.recv_timeout(Duration::from_millis(500)) {
        ensure!(kafka.is_running(), "a node of Apache Kafka ended by itself\n{}", kafka.log_tail(1));
    }
    progress!("stopping");
    kafka.stop();
    Ok(())
}
