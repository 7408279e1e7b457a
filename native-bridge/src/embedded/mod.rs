//! The core's cluster behind TCP ports: brokers that kcat, librdkafka, franz-go and the Java clients can use.
//!
//! They speak Kafka's protocol with Kafka's rules, keep everything in memory and forget it when they stop: a teaching
//! and testing aid. What is left out is said in [`producer_core::cluster`].

mod link;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use producer_core::cluster::{Cluster, ClusterConfig, ClusterInput, ClusterOutput, LinkId, new_topic};
use producer_core::ids::{BrokerAddress, ConnectionId, NodeId};
use producer_core::protocol::NewTopic;
use producer_core::time::{Instant, Now};
use producer_core::wire;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use crate::clock::Clock;

/// Bytes a partition keeps; older batches are dropped, as `log.retention.bytes` would.
const RETENTION_BYTES: u64 = 256 * 1024 * 1024;

/// What to start.
#[derive(Clone, Debug)]
pub struct EmbeddedOptions {
    /// How many brokers; their node ids are 1, 2, 3 …
    pub brokers: usize,
    /// Topics that are there from the beginning.
    pub topics: Vec<NewTopic>,
    /// The loopback port of each broker; missing or 0: a free one.
    pub ports: Vec<u16>,
}

impl Default for EmbeddedOptions {
    /// Three brokers, and `orders` with three partitions on all of them.
    fn default() -> Self {
        Self { brokers: 3, topics: vec![new_topic("orders", 3, 3)], ports: Vec::new() }
    }
}

/// Running brokers. They stop with [`stop`](Self::stop), or when dropped.
#[derive(Debug)]
pub struct EmbeddedBrokers {
    shared: Arc<Shared>,
    addresses: Vec<BrokerAddress>,
    tasks: Vec<JoinHandle<()>>,
}

/// What the listeners, the connections and the timer share.
#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    clock: Clock,
    /// The cluster may want to be woken earlier than it said before.
    deadline: Notify,
}

#[derive(Debug)]
struct State {
    cluster: Cluster,
    clients: BTreeMap<LinkId, mpsc::UnboundedSender<ToClient>>,
    connections: u32,
    wake_at: Option<Instant>,
}

/// What a connection's task is told.
#[derive(Debug)]
enum ToClient {
    /// Write this; it answers one request.
    Answer(wire::Frame),
    /// Close the connection, after what was to be written on it.
    Close,
}

impl EmbeddedBrokers {
    /// Three brokers on free loopback ports, with the topic `orders`.
    ///
    /// # Errors
    /// When a port cannot be bound.
    pub async fn start_default() -> io::Result<Self> {
        Self::start(EmbeddedOptions::default()).await
    }

    /// Binds one loopback port per broker and serves.
    ///
    /// # Errors
    /// When a port cannot be bound, or a topic is one that Kafka would not create.
    pub async fn start(options: EmbeddedOptions) -> io::Result<Self> {
        let mut listeners = Vec::new();
        let mut addresses = Vec::new();
        for broker in 0..options.brokers {
            let port = options.ports.get(broker).copied().unwrap_or(0);
            let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
            let address = listener.local_addr()?;
            addresses.push(BrokerAddress { host: address.ip().to_string().into(), port: address.port() });
            listeners.push(listener);
        }
        let seed = getrandom::u64().map_err(io::Error::other)?;
        let config =
            ClusterConfig { seed, log_retention_bytes: Some(RETENTION_BYTES), ..ClusterConfig::new(addresses.clone()) };
        let mut cluster = Cluster::new(config, producer_core::trace::Nobody);
        for topic in &options.topics {
            cluster.create_topic(topic).map_err(|refusal| io::Error::other(refusal.to_string()))?;
        }
        let state = State { cluster, clients: BTreeMap::new(), connections: 0, wake_at: None };
        let shared = Arc::new(Shared { state: Mutex::new(state), clock: Clock::start(), deadline: Notify::new() });
        let listen = |(node, listener)| tokio::spawn(accept(Arc::clone(&shared), NodeId(node), listener));
        let mut tasks: Vec<_> = (1..).zip(listeners).map(listen).collect();
        tasks.push(tokio::spawn(keep_time(Arc::clone(&shared))));
        Ok(Self { shared, addresses, tasks })
    }

    /// Where they listen and what they advertise, by node id.
    pub fn addresses(&self) -> &[BrokerAddress] {
        &self.addresses
    }

    /// The addresses as a client's `bootstrap.servers`.
    pub fn bootstrap_servers(&self) -> String {
        let addresses: Vec<_> = self.addresses.iter().map(ToString::to_string).collect();
        addresses.join(",")
    }

    /// Does something with the cluster: moves a leader, scripts a fault, reads a log back.
    pub fn with_cluster<R>(&self, act: impl FnOnce(&mut Cluster, Now) -> R) -> R {
        let mut state = self.shared.lock();
        let result = act(&mut state.cluster, self.shared.clock.now());
        state.hand_out_outputs();
        self.shared.deadline.notify_one();
        result
    }

    /// Closes every connection and frees the ports.
    pub async fn stop(mut self) {
        for task in core::mem::take(&mut self.tasks) {
            task.abort();
            // Aborted: it ends with an error that says so.
            let _ = task.await;
        }
        self.shared.lock().clients.clear();
    }
}

impl Drop for EmbeddedBrokers {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        self.shared.lock().clients.clear();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Poisoned: the cluster broke off in mid-change and said so. The other connections may still be served.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands an input to the cluster and its answers to the connections.
    fn handle(&self, input: ClusterInput) {
        let mut state = self.lock();
        state.cluster.handle_input(self.clock.now(), input);
        if state.hand_out_outputs() {
            self.deadline.notify_one();
        }
    }
}

impl State {
    /// Returns whether the cluster wants to be woken at another moment than before.
    fn hand_out_outputs(&mut self) -> bool {
        loop {
            match self.cluster.poll_output() {
                ClusterOutput::Respond { link, correlation, version, response, .. } => {
                    let Some(client) = self.clients.get(&link) else { continue };
                    let message = match wire::encode_response(version, correlation, &response) {
                        Ok(frame) => ToClient::Answer(frame),
                        Err(error) => {
                            tracing::error!(api = ?response.api(), version, %error, "cannot encode an answer");
                            ToClient::Close
                        }
                    };
                    // A connection that has ended takes nothing any more; the cluster hears of it on its own way.
                    let _ = client.send(message);
                }
                ClusterOutput::Cut { link } => {
                    if let Some(client) = self.clients.remove(&link) {
                        let _ = client.send(ToClient::Close);
                    }
                }
                ClusterOutput::Wait { until } => {
                    return core::mem::replace(&mut self.wake_at, until) != until;
                }
            }
        }
    }
}

async fn accept(shared: Arc<Shared>, node: NodeId, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let (sender, messages) = mpsc::unbounded_channel();
                let link = {
                    let mut state = shared.lock();
                    state.connections += 1;
                    let link = LinkId { client: 0, connection: ConnectionId(state.connections) };
                    state.clients.insert(link, sender);
                    link
                };
                shared.handle(ClusterInput::Opened { link, node });
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    link::serve(&shared, link, stream, messages).await;
                    shared.lock().clients.remove(&link);
                    shared.handle(ClusterInput::Closed { link });
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(core::time::Duration::from_millis(50)).await;
            }
        }
    }
}

/// Wakes the cluster when it asked for it.
async fn keep_time(shared: Arc<Shared>) {
    loop {
        let wake_at = shared.lock().wake_at;
        match wake_at.and_then(|at| shared.clock.deadline(at)) {
            None => shared.deadline.notified().await,
            Some(deadline) => {
                tokio::select! {
                    () = tokio::time::sleep_until(deadline) => shared.handle(ClusterInput::Wake),
                    () = shared.deadline.notified() => {}
                }
            }
        }
    }
}
