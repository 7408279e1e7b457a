//! Brokers in this process, behind TCP ports: for a playground without Kafka, and for tests.
//!
//! They speak Kafka's protocol and keep Kafka's rules ([`producer_core::cluster`] says which), so kcat, the Java client,
//! librdkafka and franz-go can use them too. They keep everything in memory and nothing beyond the process: what must
//! last belongs into Apache Kafka.

mod connection;
mod switchboard;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use producer_core::cluster::{Cluster, ClusterConfig, TopicRefusal, new_topic};
use producer_core::ids::{BrokerAddress, NodeId};
use producer_core::protocol::NewTopic;
use producer_core::time::Now;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use self::switchboard::Switchboard;

/// The topic that is there from the beginning.
pub const DEFAULT_TOPIC: &str = "orders";

/// Kept per partition before the oldest batches go: the brokers live in memory.
const RETENTION_BYTES: u64 = 256 * 1024 * 1024;

/// Pause after a failed accept: out of file descriptors, it would fail again at once.
const PAUSE_AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(100);

/// What to start.
#[derive(Clone, Debug)]
pub struct EmbeddedOptions {
    /// How many brokers; their node ids are 1, 2, 3 …
    pub brokers: usize,
    /// Topics that are there from the beginning. See [`new_topic`].
    pub topics: Vec<NewTopic>,
    /// The loopback port of each broker; missing or 0: any that is free.
    pub ports: Vec<u16>,
    /// The loopback port that clients are told for each broker (`advertised.listeners`), where something stands in front
    /// of it; missing or 0: the one it listens on.
    pub advertised_ports: Vec<u16>,
    /// Changes the brokers' settings from Kafka's defaults before they start.
    pub adjust: fn(&mut ClusterConfig),
}

impl Default for EmbeddedOptions {
    /// Three brokers, and `orders` with three partitions on all of them.
    fn default() -> Self {
        Self {
            brokers: 3,
            topics: vec![new_topic(DEFAULT_TOPIC, 3, 3)],
            ports: Vec::new(),
            advertised_ports: Vec::new(),
            adjust: |_| {},
        }
    }
}

/// Why the brokers did not start.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// The port is taken, or the address is not this machine's.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// Kafka would not create such a topic.
    #[error("cannot create topic '{topic}': {refusal}")]
    Topic {
        /// Its name.
        topic: Arc<str>,
        /// Why.
        refusal: TopicRefusal,
    },
    /// The operating system gave no random numbers.
    #[error("no random numbers for a cluster id: {0}")]
    Entropy(getrandom::Error),
}

/// Running brokers. Dropped, they stop at once; [`stop`](Self::stop) waits until their ports are free.
#[derive(Debug)]
pub struct EmbeddedBrokers {
    addresses: Vec<BrokerAddress>,
    switchboard: Arc<Switchboard>,
    tasks: JoinSet<()>,
}

impl EmbeddedBrokers {
    /// Three brokers on free loopback ports, with the topic `orders`.
    ///
    /// # Errors
    /// See [`EmbeddedError`].
    pub async fn start_default() -> Result<Self, EmbeddedError> {
        Self::start(EmbeddedOptions::default()).await
    }

    /// Binds one loopback port per broker, then serves on the current runtime. They answer as soon as this returns.
    ///
    /// # Errors
    /// See [`EmbeddedError`]; nothing listens then.
    pub async fn start(options: EmbeddedOptions) -> Result<Self, EmbeddedError> {
        let mut listeners = Vec::with_capacity(options.brokers);
        let mut addresses = Vec::with_capacity(options.brokers);
        let mut advertised = Vec::with_capacity(options.brokers);
        for broker in 0..options.brokers {
            let port = options.ports.get(broker).copied().unwrap_or(0);
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let listen = |source| EmbeddedError::Listen { address, source };
            let listener = TcpListener::bind(address).await.map_err(listen)?;
            let bound = listener.local_addr().map_err(listen)?;
            let listens = BrokerAddress { host: bound.ip().to_string().into(), port: bound.port() };
            let told = options.advertised_ports.get(broker).copied().filter(|&port| port > 0);
            advertised.push(BrokerAddress { port: told.unwrap_or(listens.port), ..listens.clone() });
            addresses.push(listens);
            listeners.push(listener);
        }
        let switchboard = Arc::new(Switchboard::new(cluster(advertised, &options)?));
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&switchboard).keep_time());
        for (node, listener) in (1..).map(NodeId).zip(listeners) {
            tasks.spawn(accept(Arc::clone(&switchboard), node, listener));
        }
        Ok(Self { addresses, switchboard, tasks })
    }

    /// Where they listen, node 1 first. Clients are told the same, unless
    /// [`advertised_ports`](EmbeddedOptions::advertised_ports) say otherwise.
    pub fn addresses(&self) -> &[BrokerAddress] {
        &self.addresses
    }

    /// The addresses as a value for `bootstrap.servers`.
    pub fn bootstrap_servers(&self) -> String {
        self.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    }

    /// Looks into the cluster or interferes with it: reads logs, moves leaders, scripts faults. The brokers stand still
    /// meanwhile, so be quick.
    pub fn with_cluster<R>(&self, interfere: impl FnOnce(&mut Cluster, Now) -> R) -> R {
        self.switchboard.with_cluster(interfere)
    }

    /// Closes all ports and connections. What was being answered is left unanswered, as by a broker that dies.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// A cluster whose brokers tell clients these addresses.
fn cluster(brokers: Vec<BrokerAddress>, options: &EmbeddedOptions) -> Result<Cluster, EmbeddedError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(EmbeddedError::Entropy)?;
    let mut config = ClusterConfig::new(brokers);
    // Another cluster every time: clients that outlive a restart must not take it for the one they knew.
    config.cluster_id = URL_SAFE_NO_PAD.encode(random).into();
    config.seed = u64::from_be_bytes(*random.first_chunk().expect("16 bytes contain 8"));
    config.log_retention_bytes = Some(RETENTION_BYTES);
    (options.adjust)(&mut config);
    let mut cluster = Cluster::new(config, producer_core::trace::Nobody);
    for topic in &options.topics {
        cluster.create_topic(topic).map_err(|refusal| EmbeddedError::Topic { topic: topic.name.clone(), refusal })?;
    }
    Ok(cluster)
}

/// Serves every connection to one broker, each in a task of its own. They end with this one.
async fn accept(switchboard: Arc<Switchboard>, node: NodeId, listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(connection::serve(Arc::clone(&switchboard), node, stream, peer));
                }
                Err(error) => {
                    tracing::warn!(%node, "cannot accept a connection: {error}");
                    tokio::time::sleep(PAUSE_AFTER_FAILED_ACCEPT).await;
                }
            },
            // Takes the ended ones off the list; with none left this branch is off until there is one again.
            Some(_) = connections.join_next() => {}
        }
    }
}

#[cfg(test)]
mod tests;
