//! What the screen knows of a cluster: brokers that come and go, and the copies of partitions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::NodeId;
use crate::trace::{BrokerState, Fact, TraceEvent};

use super::{PartitionLog, Scene, partition_of};

/// A broker, as far as it was told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerScene {
    /// What its process does.
    pub state: BrokerState,
    /// Does the controller hold it for gone?
    pub is_fenced: bool,
}

impl Default for BrokerScene {
    /// Of one that runs nothing is told.
    fn default() -> Self {
        Self { state: BrokerState::Running, is_fenced: false }
    }
}

/// The copies of a partition, as far as they were told of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copies {
    /// The leader, −1: none; `None` until one is elected.
    pub leader: Option<NodeId>,
    /// Its term.
    pub epoch: i32,
    /// May it lack records that were acknowledged?
    pub is_unclean: bool,
    /// Those in sync; `None` until they change.
    pub isr: Option<Vec<NodeId>>,
    /// Those that are not and may lead all the same.
    pub elr: Vec<NodeId>,
    /// Readers read below this offset; `None` until it moves.
    pub high_watermark: Option<i64>,
    /// Where each copy ends that was told of.
    pub ends: BTreeMap<NodeId, i64>,
}

impl Copies {
    /// Does a broker's log count, or does it only believe that it leads?
    pub(super) fn is_led_by(&self, node: NodeId) -> bool {
        self.leader.is_none_or(|leader| leader == node)
    }
}

impl Scene {
    /// A broker, as far as it was told of.
    pub fn broker(&self, node: NodeId) -> BrokerScene {
        self.broker_states.get(&node).copied().unwrap_or_default()
    }

    /// Takes a fact about brokers and copies, whoever's world it was told in.
    pub(super) fn apply_to_copies(&mut self, event: &TraceEvent) {
        match &event.what {
            Fact::BrokerChanged { node, state } => self.broker_states.entry(*node).or_default().state = *state,
            Fact::BrokerFenced { node, fenced } => self.broker_states.entry(*node).or_default().is_fenced = *fenced,
            Fact::ControllerChanged { is_there } => self.controller_is_away = !is_there,
            Fact::LeaderMoved { partition, leader, epoch, unclean } => {
                self.move_leader(partition, *leader);
                let entry = partition_of(&mut self.partitions, event.at, partition);
                let copies = &mut entry.copies;
                (copies.leader, copies.epoch, copies.is_unclean) = (Some(*leader), *epoch, *unclean);
                // What the new leader does not have is gone.
                if let Some(&end) = copies.ends.get(leader) {
                    entry.log.end_at(end);
                    copies.high_watermark = copies.high_watermark.map(|offset| offset.min(end));
                }
            }
            Fact::LogAppended { node, partition, base_offset, records, .. } => {
                let copies = &mut partition_of(&mut self.partitions, event.at, partition).copies;
                copies.ends.insert(*node, base_offset.saturating_add(i64::from(*records)));
            }
            Fact::ReplicaAdvanced { node, partition, end_offset }
            | Fact::LogTruncated { node, partition, end_offset } => {
                let copies = &mut partition_of(&mut self.partitions, event.at, partition).copies;
                copies.ends.insert(*node, *end_offset);
            }
            Fact::HighWatermarkMoved { node, partition, offset } => {
                let copies = &mut partition_of(&mut self.partitions, event.at, partition).copies;
                // Markers of transactions are not told of when they are written.
                let end = copies.ends.entry(*node).or_insert(*offset);
                *end = (*end).max(*offset);
                if copies.is_led_by(*node) {
                    copies.high_watermark = Some(*offset);
                }
            }
            Fact::TopicDeleted { topic } => {
                for (_, entry) in self.partitions.iter_mut().filter(|(name, _)| name.topic == *topic) {
                    (entry.log, entry.copies) = (PartitionLog::default(), Copies::default());
                }
            }
            Fact::IsrChanged { partition, isr, elr } => {
                let copies = &mut partition_of(&mut self.partitions, event.at, partition).copies;
                (copies.isr, copies.elr) = (Some(isr.clone()), elr.clone());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Cluster, ClusterConfig, ClusterInput, LinkId, new_topic};
    use crate::ids::{CorrelationId, Lane, ProducerIndex, TopicPartition};
    use crate::protocol::{ApiKey, ProducePartition, ProduceRequest, ProduceTopic, Request, RequestHeader};
    use crate::record_batch::{BatchBuilder, Stamp};
    use crate::time::Now;
    use crate::trace::TraceBuffer;

    const ONE: NodeId = NodeId(1);
    const TWO: NodeId = NodeId(2);
    const THREE: NodeId = NodeId(3);

    /// Brokers that are looked at, and the picture of them.
    struct Watched {
        cluster: Cluster<TraceBuffer>,
        scene: Scene,
        elapsed_us: u64,
        requests: u32,
    }

    fn name() -> TopicPartition {
        TopicPartition { topic: "orders".into(), partition: 0 }
    }

    impl Watched {
        fn new() -> Self {
            let observer = TraceBuffer::new(Lane(0), ProducerIndex(0));
            let mut cluster = Cluster::new(ClusterConfig::simulated(3), observer);
            cluster.create_topic(&new_topic("orders", 1, 3)).unwrap();
            let mut watched = Self { cluster, scene: Scene::default(), elapsed_us: 0, requests: 0 };
            watched.live(10);
            watched
        }

        fn now(&self) -> Now {
            Now { elapsed_us: self.elapsed_us, wall_ms: 0 }
        }

        fn live(&mut self, ms: u64) {
            for _ in 0..ms * 10 {
                self.elapsed_us += 100;
                self.cluster.handle_input(self.now(), ClusterInput::Wake);
            }
            let events = self.cluster.observer_mut().take();
            self.scene.apply_all(&events);
        }

        /// One record with acks=1.
        fn write(&mut self, node: NodeId) {
            let mut builder = BatchBuilder::new(bytes::BytesMut::new(), 1 << 10);
            builder.try_append(0, None, Some(b"a"), &[]).unwrap();
            let partitions = vec![ProducePartition { partition: 0, records: builder.close(Stamp::PLAIN) }];
            let topics = vec![ProduceTopic { name: "orders".into(), id: Default::default(), partitions }];
            let body = Request::Produce(ProduceRequest { transactional_id: None, acks: 1, timeout_ms: 1_000, topics });
            self.requests += 1;
            let link = LinkId { client: self.requests, ..LinkId::default() };
            let header =
                RequestHeader { api: ApiKey::Produce, version: 9, correlation: CorrelationId(1), client_id: None };
            self.cluster.handle_input(self.now(), ClusterInput::Opened { link, node });
            self.cluster.handle_input(self.now(), ClusterInput::Request { link, header, body });
        }

        fn copies(&self) -> &Copies {
            &self.scene.partitions[&name()].copies
        }

        fn log(&self) -> (i64, usize) {
            let log = &self.scene.partitions[&name()].log;
            (log.end_offset, log.cells.len())
        }
    }

    #[test]
    fn copies_grow_behind_the_leader_and_readers_read_what_all_have() {
        let mut watched = Watched::new();
        watched.write(ONE);
        watched.live(0);
        let copies = watched.copies();
        assert_eq!((copies.ends.get(&ONE), copies.ends.get(&TWO), copies.high_watermark), (Some(&1), None, None));
        watched.live(1);
        let copies = watched.copies();
        assert!([ONE, TWO, THREE].iter().all(|node| copies.ends[node] == 1));
        assert_eq!(copies.high_watermark, Some(1));
    }

    #[test]
    fn what_only_a_dead_leader_had_leaves_the_picture_with_it() {
        let mut watched = Watched::new();
        watched.write(ONE);
        watched.live(1);
        for node in [TWO, THREE] {
            watched.cluster.separate(watched.now(), ONE, node).unwrap();
        }
        watched.write(ONE);
        watched.cluster.kill(watched.now(), ONE).unwrap();
        watched.live(1);
        assert_eq!((watched.log(), watched.scene.broker(ONE).state), ((2, 2), BrokerState::Killed));
        watched.live(9_000);
        assert_eq!(watched.log(), (1, 1));
        let copies = watched.copies();
        assert_eq!((copies.leader, copies.epoch, copies.is_unclean), (Some(TWO), 1, false));
        assert_eq!(copies.isr.as_deref(), Some(&[TWO, THREE][..]));
        assert!(watched.scene.broker(ONE).is_fenced);

        for node in [TWO, THREE] {
            watched.cluster.reunite(watched.now(), ONE, node).unwrap();
        }
        watched.cluster.restart(watched.now(), ONE).unwrap();
        watched.live(1);
        assert_eq!((watched.copies().ends[&ONE], watched.scene.broker(ONE)), (1, BrokerScene::default()));
    }

    #[test]
    fn what_a_broker_writes_that_only_believes_it_leads_is_not_in_the_log() {
        let mut watched = Watched::new();
        watched.cluster.hold_metadata(watched.now(), ONE).unwrap();
        watched.cluster.move_leader(watched.now(), &name(), TWO).unwrap();
        watched.write(ONE);
        watched.live(1);
        assert_eq!((watched.log(), watched.copies().ends[&ONE]), ((0, 0), 1));
    }

    #[test]
    fn a_deleted_topic_leaves_nothing_for_the_next_of_its_name() {
        let mut watched = Watched::new();
        watched.write(ONE);
        watched.cluster.move_leader(watched.now(), &name(), TWO).unwrap();
        watched.cluster.delete_topic(watched.now(), "orders").unwrap();
        watched.cluster.create_topic(&new_topic("orders", 1, 3)).unwrap();
        watched.live(1);
        watched.write(ONE);
        watched.live(1);
        assert_eq!((watched.log(), watched.copies().high_watermark), ((1, 1), Some(1)));
    }

    #[test]
    fn an_absent_controller_is_shown_as_absent() {
        let mut watched = Watched::new();
        watched.cluster.take_controller_away(watched.now());
        watched.live(0);
        assert!(watched.scene.controller_is_away);
        watched.cluster.bring_controller_back(watched.now());
        watched.live(0);
        assert!(!watched.scene.controller_is_away);
    }
}
