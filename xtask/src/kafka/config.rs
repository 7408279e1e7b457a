//! The properties of one node: combined broker and controller, as small as a laptop likes.

use std::{fmt::Write as _, path::Path};

/// The ports of one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ports {
    /// Where clients connect.
    pub(super) client: u16,
    /// Where the other brokers connect.
    pub(super) internal: u16,
    /// Where the Raft quorum talks.
    pub(super) controller: u16,
    /// What clients are told to connect to: `client`, or a proxy in front of it.
    pub(super) advertised: u16,
}

/// `server.properties` of node `id` (counted from 1) in a cluster with these ports.
pub(super) fn server_properties(id: usize, cluster: &[Ports], log_dir: &Path) -> String {
    let Ports { client, internal, controller, advertised } = cluster[id - 1];
    let replicas = cluster.len().min(3);
    let min_isr = replicas.saturating_sub(1).max(1);
    let mut text = format!(
        "process.roles=broker,controller
node.id={id}
listeners=CLIENT://127.0.0.1:{client},INTERNAL://127.0.0.1:{internal},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=CLIENT://127.0.0.1:{advertised},INTERNAL://127.0.0.1:{internal},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
inter.broker.listener.name=INTERNAL
listener.security.protocol.map=CLIENT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={}
default.replication.factor={replicas}
min.insync.replicas={min_isr}
offsets.topic.replication.factor={replicas}
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={min_isr}
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr={min_isr}
group.initial.rebalance.delay.ms=0
num.io.threads=2
num.network.threads=2
",
        log_dir.display()
    );
    if cluster.len() == 1 {
        let _ = writeln!(text, "controller.quorum.bootstrap.servers=127.0.0.1:{controller}");
    } else {
        let voters: Vec<String> =
            cluster.iter().enumerate().map(|(n, ports)| format!("{}@127.0.0.1:{}", n + 1, ports.controller)).collect();
        let _ = writeln!(text, "controller.quorum.voters={}", voters.join(","));
        // A killed broker is noticed, and a returned one caught up, within a test's patience.
        text.push_str(
            "num.partitions=6
unclean.leader.election.enable=false
broker.session.timeout.ms=6000
broker.heartbeat.interval.ms=1000
replica.lag.time.max.ms=5000
",
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORTS: [Ports; 3] = [
        Ports { client: 11, internal: 12, controller: 13, advertised: 11 },
        Ports { client: 21, internal: 22, controller: 23, advertised: 99 },
        Ports { client: 31, internal: 32, controller: 33, advertised: 31 },
    ];

    fn value<'a>(properties: &'a str, key: &str) -> Option<&'a str> {
        properties.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
    }

    #[test]
    fn a_single_node_finds_its_quorum_by_bootstrap_and_replicates_nothing() {
        let text = server_properties(1, &PORTS[..1], Path::new("/logs"));
        assert_eq!(value(&text, "controller.quorum.bootstrap.servers"), Some("127.0.0.1:13"));
        assert_eq!(value(&text, "controller.quorum.voters"), None);
        assert_eq!(value(&text, "default.replication.factor"), Some("1"));
        assert_eq!(value(&text, "min.insync.replicas"), Some("1"));
        assert_eq!(value(&text, "log.dirs"), Some("/logs"));
    }

    #[test]
    fn three_nodes_vote_and_need_two_copies() {
        let text = server_properties(2, &PORTS, Path::new("/logs"));
        assert_eq!(value(&text, "controller.quorum.voters"), Some("1@127.0.0.1:13,2@127.0.0.1:23,3@127.0.0.1:33"));
        assert_eq!(value(&text, "default.replication.factor"), Some("3"));
        assert_eq!(value(&text, "min.insync.replicas"), Some("2"));
    }

    #[test]
    fn only_clients_are_sent_to_the_advertised_port() {
        let text = server_properties(2, &PORTS, Path::new("/logs"));
        let advertised = value(&text, "advertised.listeners").expect("present");
        assert!(advertised.starts_with("CLIENT://127.0.0.1:99,INTERNAL://127.0.0.1:22,"), "{advertised}");
    }
}
