//! The embedded brokers in bad weather.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use kafka_producer::embedded::{EmbeddedBrokers, EmbeddedOptions};
use producer_core::cluster::{Action, Matcher, Rule, new_topic};
use producer_core::ids::{NodeId, TopicPartition};
use producer_core::protocol::ApiKey;

use super::faults::Fault;
use super::{BROKERS, GLANCE, PARTITIONS, TOPIC};
use crate::proxy::CuttingProxy;

/// How long they take to answer a Produce, as if they wrote to a disk: without this a fault would rarely meet a batch
/// under way.
const DISK: Duration = Duration::from_millis(5);

/// Longer than any answer is held back.
const PATIENCE: Duration = Duration::from_secs(60);

/// The embedded brokers, each behind a proxy.
#[derive(Debug)]
pub(super) struct Embedded(EmbeddedBrokers);

impl Embedded {
    pub(super) async fn begin(proxies: &[CuttingProxy]) -> Result<Self> {
        let brokers = EmbeddedBrokers::start(EmbeddedOptions {
            brokers: BROKERS,
            topics: vec![new_topic(TOPIC, PARTITIONS, 3)],
            advertised_ports: proxies.iter().map(CuttingProxy::port).collect(),
            ..EmbeddedOptions::default()
        })
        .await?;
        for (proxy, broker) in proxies.iter().zip(brokers.addresses()) {
            proxy.forward_to(broker.port);
        }
        let brokers = Self(brokers);
        brokers.script(None);
        Ok(brokers)
    }

    /// Every Produce takes its time; the next request of a kind may be seized.
    pub(super) fn script(&self, seized: Option<(ApiKey, Action)>) {
        let of = |api| Matcher { api: Some(api), ..Matcher::default() };
        self.0.with_cluster(|cluster, _| {
            cluster.clear_rules();
            if let Some((api, then)) = seized {
                cluster.add_rule(Rule { when: Matcher { nth: Some(1), ..of(api) }, then });
            }
            cluster.add_rule(Rule { when: of(ApiKey::Produce), then: Action::Delay(DISK) });
        });
    }

    /// Waits until nothing of a client that has ended can be stored any more. A broker that is busy with an answer learns only
    /// afterwards that nobody waits for it, and before that it stores what else came over the connection, as Kafka does.
    pub(super) async fn wait_until_clients_are_gone(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.0.with_cluster(|cluster, _| cluster.connection_count()) > 0 {
            ensure!(Instant::now() < deadline, "connections of a client that has ended are still served");
            tokio::time::sleep(GLANCE).await;
        }
        Ok(())
    }

    /// How many offsets are taken; none, as long as a partition has no records.
    ///
    /// The weather is calm until then. A partition takes any sequence of a producer that it does not know, as in Kafka
    /// (`ProducerAppendInfo.checkSequence`): were the first batch refused and the one behind it taken, the first would be
    /// out of order for ever.
    pub(super) fn stored(&self) -> usize {
        self.0.with_cluster(|cluster, _| {
            let end = |partition| cluster.log(&place(partition)).map_or(0, |log| log.end_offset());
            let ends: Vec<i64> = (0..PARTITIONS).map(end).collect();
            let all = if ends.contains(&0) { 0 } else { ends.iter().sum() };
            usize::try_from(all).unwrap_or_default()
        })
    }

    pub(super) async fn strike(&self, fault: &Fault, round: usize) {
        match fault {
            // The proxies' business.
            Fault::Cut | Fault::CutBeforeAnswers => {}
            Fault::LeaderMoves => self.move_leader(round, None),
            Fault::NoLeader => {
                self.move_leader(round, Some(NodeId(-1)));
                tokio::time::sleep(DISK * 4).await;
                self.move_leader(round, None);
            }
            Fault::Seized(api, action) => self.script(Some((*api, action.clone()))),
        }
    }

    /// Gives the partition whose turn it is this leader, or the one in sync after its present one.
    fn move_leader(&self, round: usize, to: Option<NodeId>) {
        let partition = place(i32::try_from(round).unwrap_or_default() % PARTITIONS);
        let brokers = i32::try_from(BROKERS).unwrap_or(1);
        self.0.with_cluster(|cluster, now| {
            let leader = cluster.leader(&partition).map_or(0, |(leader, _)| leader.0.max(0));
            let in_sync = cluster.in_sync_replicas(&partition).unwrap_or_default();
            let next =
                (0..brokers).map(|step| NodeId((leader + step) % brokers + 1)).find(|node| in_sync.contains(node));
            let to = to.or(next).expect("somebody is in sync");
            cluster.move_leader(now, &partition, to).expect("one that is in sync may lead");
        });
    }
}

fn place(partition: i32) -> TopicPartition {
    TopicPartition { topic: TOPIC.into(), partition }
}
