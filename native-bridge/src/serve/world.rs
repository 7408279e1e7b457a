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

/// What to tell a person about brokers that the cluster names but that do not answer here: the cluster works, and yet
/// records for their partitions do not arrive.
pub(crate) async fn explain_unreachable(info: &ClusterInfo, patience: Duration) -> Vec<String> {
    let asked: Vec<_> = info
        .brokers
        .iter()
        .map(|(_, address)| address.clone())
        .map(|address| tokio::spawn(async move { (probe::probe(&address, patience).await, address) }))
        .collect();
    let mut explained = Vec::new();
    for answer in asked {
        if let Ok((Err(error), address)) = answer.await {
            let explanation = explain(&address, &error);
            explained
                .push(format!("{explanation} The cluster names this address itself: see its advertised.listeners."));
        }
    }
    explained
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
    use producer_core::ids::NodeId;

    use super::*;

    #[tokio::test]
    async fn a_broker_that_only_the_cluster_knows_is_told_with_where_to_look() {
        let brokers = EmbeddedBrokers::start_default().await.expect("free ports");
        let reached = brokers.addresses()[0].clone();
        let closed = BrokerAddress { host: "127.0.0.1".into(), port: 1 };
        let info = ClusterInfo { cluster_id: None, brokers: vec![(NodeId(1), reached), (NodeId(2), closed)] };
        let explained = explain_unreachable(&info, PATIENCE).await;
        assert_eq!(explained.len(), 1, "{explained:?}");
        assert!(explained[0].starts_with("127.0.0.1:1: nobody answers there"), "{explained:?}");
        assert!(explained[0].contains("advertised.listeners"));
    }

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
