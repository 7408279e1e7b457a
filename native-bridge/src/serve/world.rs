//! What the sessions of this process speak to: the embedded brokers, or a cluster named on the command line.

use std::sync::Arc;
use std::time::Duration;

use kafka_producer::BootstrapServers;
use kafka_producer::embedded::EmbeddedBrokers;
use kafka_producer::probe::{self, ClusterInfo, ProbeError};
use producer_core::bridge::{Topology, World};
use producer_core::ids::BrokerAddress;

/// How long a broker may take to say that it is one.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// The brokers behind the bridge.
#[derive(Debug)]
pub(crate) enum Backend {
    /// Started by this process.
    Embedded(EmbeddedBrokers),
    /// Somebody else's.
    Cluster { servers: BootstrapServers, info: ClusterInfo, allowed_topics: Vec<Arc<str>> },
}

impl Backend {
    /// Where a producer begins to look.
    pub(crate) fn bootstrap_addresses(&self) -> Vec<BrokerAddress> {
        match self {
            Self::Embedded(brokers) => brokers.addresses().to_vec(),
            Self::Cluster { servers, .. } => servers.addresses().to_vec(),
        }
    }

    /// What a new session is told.
    pub(crate) fn world(&self) -> World {
        match self {
            Self::Embedded(_) => World::Embedded,
            Self::Cluster { info, allowed_topics, .. } => {
                World::Cluster { name: info.cluster_id.clone(), armed: false, allowed_topics: allowed_topics.clone() }
            }
        }
    }

    /// The brokers and a topic's partitions; `None` when nobody answers now.
    pub(crate) async fn describe(&self, topic: &Arc<str>) -> Option<Topology> {
        let described = probe::describe_any(&self.bootstrap_addresses(), topic, PATIENCE).await;
        described.map_err(|met| tracing::warn!(?met, "no broker describes the topic")).ok()
    }
}

/// What to tell a person whose brokers do not answer: what was seen, and what to do.
pub(crate) fn explain(address: &BrokerAddress, error: &ProbeError) -> String {
    match error {
        ProbeError::Unresolvable { .. } => {
            format!("{address}: this name is unknown here ({error}). Check its spelling, or write the address.")
        }
        ProbeError::Refused { .. } => format!(
            "{address}: nobody answers there ({error}). Is Kafka running, and does it listen on this port? \
             `cargo xtask kafka` starts one."
        ),
        ProbeError::Silent { .. } => format!(
            "{address}: somebody listens there but says nothing ({error}). Is it Kafka, and is it a PLAINTEXT listener?"
        ),
        ProbeError::NotKafka { .. } => format!(
            "{address}: what answers there is not Kafka ({error}). Is it another service, or a listener with TLS?"
        ),
        ProbeError::UnsupportedVersion { .. } => {
            format!("{address}: {error}. Apache Kafka 2.4 and later can be used.")
        }
    }
}
