//! Topics whose creator says which brokers hold them (`ReplicationControlManager.createTopic`), which only come over a socket.
//!
//! *Models*: assignments of whole topics, with Kafka's refusals. *Leaves out*: assignments of partitions that are added.

use super::ClusterConfig;
use super::broker::Brokers;
use super::topics::TopicRefusal;
use crate::ids::NodeId;
use crate::protocol::NewTopic;

/// In a build without sockets nobody says so.
#[cfg(not(feature = "wire"))]
pub(super) fn check(
    _config: &ClusterConfig,
    _brokers: &Brokers,
    _topic: &NewTopic,
) -> Result<Vec<Vec<NodeId>>, TopicRefusal> {
    Ok(Vec::new())
}

#[cfg(feature = "wire")]
pub(super) use self::checks::check;

#[cfg(feature = "wire")]
mod checks {
    use std::collections::BTreeMap;

    use super::*;
    use crate::cluster::topics::refusal;
    use crate::error::ErrorCode;

    /// Only here: no producer meets it.
    const INVALID_REPLICA_ASSIGNMENT: ErrorCode = ErrorCode(39);

    /// Who is to hold which partition, in the order of their numbers; nobody, where nobody says so.
    ///
    /// # Errors
    /// INVALID_REQUEST: the numbers are said too. INVALID_REPLICA_ASSIGNMENT: it cannot be so.
    pub(in crate::cluster) fn check(
        config: &ClusterConfig,
        brokers: &Brokers,
        topic: &NewTopic,
    ) -> Result<Vec<Vec<NodeId>>, TopicRefusal> {
        if topic.assignments.is_empty() {
            return Ok(Vec::new());
        }
        for (number, name) in
            [(i32::from(topic.replication_factor), "replication factor"), (topic.num_partitions, "numPartitions")]
        {
            if number != -1 {
                let message = format!("A manual partition assignment was specified, but {name} was not set to -1.");
                return Err(refusal(ErrorCode::INVALID_REQUEST, message));
            }
        }
        let mut assigned = BTreeMap::new();
        let mut copies = None;
        for (partition, nodes) in &topic.assignments {
            if assigned.insert(*partition, nodes.clone()).is_some() {
                return Err(invalid(format!("Found multiple manual partition assignments for partition {partition}")));
            }
            check_nodes(config, nodes, copies)?;
            copies = Some(nodes.len());
            if !nodes.iter().any(|&node| brokers.is_active(node)) {
                return Err(invalid(format!(
                    "All brokers specified in the manual partition assignment for partition {partition} are fenced or in controlled shutdown."
                )));
            }
        }
        if !(0..).zip(assigned.keys()).all(|(due, partition)| due == *partition) {
            return Err(invalid("partitions should be a consecutive 0-based integer sequence"));
        }
        Ok(assigned.into_values().collect())
    }

    /// `validateManualPartitionAssignment`.
    fn check_nodes(config: &ClusterConfig, nodes: &[NodeId], copies: Option<usize>) -> Result<(), TopicRefusal> {
        const BEGINNING: &str = "The manual partition assignment includes";
        if nodes.is_empty() {
            return Err(invalid(format!("{BEGINNING} an empty replica list.")));
        }
        let mut sorted = nodes.to_vec();
        sorted.sort_unstable();
        let mut before = None;
        for node in sorted {
            if config.address_of(node).is_none() {
                return Err(invalid(format!("{BEGINNING} broker {node}, but no such broker is registered.")));
            }
            if before == Some(node) {
                return Err(invalid(format!("{BEGINNING} the broker {node} more than once.")));
            }
            before = Some(node);
        }
        match copies {
            Some(copies) if copies != nodes.len() => Err(invalid(format!(
                "{BEGINNING} a partition with {} replica(s), but this is not consistent with previous partitions, which have {copies} replica(s).",
                nodes.len()
            ))),
            _ => Ok(()),
        }
    }

    fn invalid(message: impl Into<std::sync::Arc<str>>) -> TopicRefusal {
        refusal(INVALID_REPLICA_ASSIGNMENT, message)
    }
}
