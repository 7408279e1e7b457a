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
        described.map_err(|met| tracing::debug!(?met, "no broker describes the topic")).ok()
    }
}

/// What to tell a person whose brokers do not answer: what was seen, and what to do.
pub(crate) fn explain(address: &BrokerAddress, error: &ProbeError) -> String {
    let (what, advice) = match error {
        ProbeError::Unresolvable { .. } => {
            ("this name is unknown here", "Check its spelling, or write the address instead.")
        }
        ProbeError::Refused { .. } => (
            "nobody answers there",
            "Is Kafka running, and does it listen on this port? `cargo xtask kafka` starts one.",
        ),
        ProbeError::Silent { .. } => {
            ("somebody listens there but says nothing", "Is it Kafka, and is it a PLAINTEXT listener?")
        }
        ProbeError::NotKafka { .. } => {
            ("what answers there is not Kafka", "Is it another service, or a listener with TLS?")
        }
        ProbeError::UnsupportedVersion { .. } => {
            ("too old or too new", "Apache Kafka 0.11 is the oldest that can be used.")
        }
    };
    // Some errors name the address themselves.
    let error = error.to_string();
    let seen = error.strip_prefix(&format!("{address}: ")).unwrap_or(&error);
    format!("{address}: {what} ({seen}). {advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explanation_names_the_address_once_and_says_what_to_do() {
        let address = BrokerAddress { host: "kafka".into(), port: 9092 };
        let error = ProbeError::Refused { detail: "kafka:9092: Connection refused".into() };
        assert_eq!(
            explain(&address, &error),
            "kafka:9092: nobody answers there (Connection refused). \
             Is Kafka running, and does it listen on this port? `cargo xtask kafka` starts one."
        );
    }
}
