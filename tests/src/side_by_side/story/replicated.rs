//! The story that three brokers are told while one of them is killed: what followers answer, too few in sync, a new leader.
//!
//! Brokers are named by their place among the copies of the topic that is spoken of: the first leads it as long as it lives.

use anyhow::{Context as _, Result};
use kafka_producer::embedded::EmbeddedBrokers;
use kafka_protocol::messages::create_topics_request::CreatableReplicaAssignment;
use kafka_protocol::messages::{BrokerId, MetadataResponse};
use producer_core::ids::NodeId;
use xtask::kafka::ApacheKafka;

use super::{Identity, Story};
use crate::side_by_side::ask::{Fetch, Produce, Topic, list_offsets, metadata, new_topic};
use crate::side_by_side::batch::RawBatch;
use crate::side_by_side::compare::Heard;
use crate::side_by_side::teller::Teller;
use crate::wire_story::timestamp_ms;

/// So long a broker waits for copies, in milliseconds: less than a cluster takes to miss a broker.
const SHORT_MS: i32 = 300;

/// Three brokers that can be killed.
pub trait Cluster {
    /// Where they listen, node 1 first.
    fn ports(&self) -> Vec<u16>;

    /// Ends a broker as a crash does.
    ///
    /// # Errors
    /// When it does not run.
    fn kill(&mut self, node: usize) -> Result<()>;

    /// Starts it again.
    ///
    /// # Errors
    /// When it runs.
    fn restart(&mut self, node: usize) -> Result<()>;
}

impl Cluster for ApacheKafka {
    fn ports(&self) -> Vec<u16> {
        self.client_ports()
    }

    fn kill(&mut self, node: usize) -> Result<()> {
        self.kill_node(node)
    }

    fn restart(&mut self, node: usize) -> Result<()> {
        self.restart_node(node)
    }
}

impl Cluster for EmbeddedBrokers {
    fn ports(&self) -> Vec<u16> {
        self.addresses().iter().map(|address| address.port).collect()
    }

    fn kill(&mut self, node: usize) -> Result<()> {
        Ok(self.with_cluster(|cluster, now| cluster.kill(now, NodeId(i32::try_from(node).expect("few"))))?)
    }

    fn restart(&mut self, node: usize) -> Result<()> {
        Ok(self.with_cluster(|cluster, now| cluster.restart(now, NodeId(i32::try_from(node).expect("few"))))?)
    }
}

/// Tells it to three brokers; what they answered.
///
/// # Errors
/// When an answer is none, or a cluster never gets where it is to be.
pub fn tell_replicated(cluster: &mut impl Cluster) -> Result<Vec<Heard>> {
    let teller = Teller::connect(cluster.ports()[0])?;
    let story = Story { teller, topics: std::collections::BTreeMap::new() };
    let mut scene = Scene { story, cluster, copies: Vec::new(), topic: Topic::unknown("") };
    scene.a_copy_is_missing()?;
    scene.the_leader_dies()?;
    Ok(scene.story.teller.finish())
}

/// A topic, its copies, and the cluster around them.
struct Scene<'a, C> {
    story: Story,
    cluster: &'a mut C,
    /// The nodes by their places.
    copies: Vec<usize>,
    topic: Topic,
}

fn batch() -> RawBatch {
    RawBatch::of(1, timestamp_ms())
}

impl<C: Cluster> Scene<'_, C> {
    /// Creates a topic of one partition, copied to these nodes, and names them by their places.
    fn open(&mut self, name: &str, copies: [i32; 3], min_in_sync: &str) -> Result<Identity> {
        self.turn_to_node(1)?;
        let assigned = copies.iter().map(|&node| BrokerId(node)).collect();
        let assignment = CreatableReplicaAssignment::default().with_broker_ids(assigned);
        let topic = new_topic(name, -1, -1, &[("min.insync.replicas", Some(min_in_sync))]);
        self.story.create_as(topic.with_assignments(vec![assignment]))?;
        self.topic = self.story.topic(name);
        self.wait_for_copies(3)?;
        self.copies = copies.iter().map(|&node| usize::try_from(node)).collect::<Result<_, _>>()?;
        self.story.teller.name_nodes(copies.to_vec());
        self.turn_to(1)?;
        self.wait_for_copies(3)?;
        self.story.producer()
    }

    fn turn_to_node(&mut self, node: usize) -> Result<()> {
        self.story.teller.turn_to(self.cluster.ports()[node - 1])
    }

    /// Speaks to the broker of this place.
    fn turn_to(&mut self, place: usize) -> Result<()> {
        self.turn_to_node(self.copies[place - 1])
    }

    fn kill(&mut self, place: usize) -> Result<()> {
        self.cluster.kill(self.copies[place - 1])
    }

    /// Waits until the broker that is spoken to knows so many brokers, and as many in sync.
    fn wait_for_copies(&mut self, count: usize) -> Result<MetadataResponse> {
        let request = metadata(12, &[&self.topic.name]);
        self.story.teller.wait_for(12, &request, |answer| {
            let partitions = &answer.topics[0].partitions;
            let is_settled = partitions.iter().all(|found| found.error_code == 0 && found.isr_nodes.len() == count);
            !partitions.is_empty() && is_settled && answer.brokers.len() == count
        })
    }

    fn bring_back(&mut self, place: usize) -> Result<()> {
        self.cluster.restart(self.copies[place - 1])?;
        for at in 1..=3 {
            self.turn_to(at)?;
            self.wait_for_copies(3)?;
        }
        Ok(())
    }

    fn produce(&mut self, what: &str, version: i16, acks: i16, timeout_ms: i32, batch: &RawBatch) -> Result<()> {
        let produce = Produce { timeout_ms, ..Produce::one(&self.topic, batch.bytes()).acks(acks) };
        self.story.teller.ask(what, version, &produce.request(version))?;
        Ok(())
    }

    fn produce_all(&mut self, what: &str, version: i16, batch: &RawBatch) -> Result<()> {
        self.produce(what, version, -1, 30_000, batch)
    }

    /// Everything that a reader may ask.
    fn read(&mut self, what: &str) -> Result<()> {
        for version in 4..=18 {
            let fetch = Fetch::from(&self.topic, 0).request(version);
            self.story.teller.ask(what, version, &fetch)?;
            for leader_epoch in 0..=2 {
                let fetch = Fetch { leader_epoch, ..Fetch::from(&self.topic, 0) };
                if version >= 9 {
                    self.story.teller.ask(
                        &format!("{what}, epoch {leader_epoch}"),
                        version,
                        &fetch.request(version),
                    )?;
                }
            }
        }
        let name = self.topic.name.clone();
        for version in 1..=7 {
            for (when, time) in [("latest", -1), ("earliest", -2), ("the latest time", -3), ("then", timestamp_ms())] {
                let request = list_offsets(version, (&name, 0), time, -1, 0);
                self.story.teller.ask(&format!("{what}, {when}"), version, &request)?;
            }
            for epoch in 0..=2 {
                let request = list_offsets(version, (&name, 0), -1, epoch, 0);
                self.story.teller.ask(&format!("{what}, latest, epoch {epoch}"), version, &request)?;
            }
        }
        Ok(())
    }

    fn describe(&mut self, what: &str) -> Result<()> {
        let name = self.topic.name.clone();
        for version in 0..=13 {
            self.story.teller.ask(what, version, &metadata(version, &[&name]))?;
        }
        Ok(())
    }

    fn ask_a_follower(&mut self, what: &str) -> Result<()> {
        for version in 3..=13 {
            for acks in [1, -1] {
                self.produce(&format!("{what}, acks={acks}"), version, acks, 30_000, &batch())?;
            }
            let none = Produce::one(&self.topic, batch().bytes()).acks(0);
            self.story.teller.ask_without_answer(&format!("{what}, acks=0"), version, &none.request(version))?;
        }
        self.read(what)
    }

    /// All three copies are to be in sync, and one is missing.
    fn a_copy_is_missing(&mut self) -> Result<()> {
        let producer = self.open("strict", [2, 3, 1], "3")?;
        for version in 3..=13 {
            self.produce_all("with all copies", version, &batch())?;
        }
        self.produce_all("of a producer", 9, &batch().by(producer, 0))?;
        self.turn_to(2)?;
        self.ask_a_follower("of a follower")?;

        self.turn_to(1)?;
        self.kill(3)?;
        // It is not missed yet.
        for version in [3, 9, 13] {
            self.produce("a copy is awaited", version, -1, SHORT_MS, &batch())?;
        }
        self.produce("a duplicate of what all have", 9, -1, SHORT_MS, &batch().by(producer, 0))?;
        self.produce("the next is awaited", 9, -1, SHORT_MS, &batch().by(producer, 1))?;
        self.produce("its duplicate too", 9, -1, SHORT_MS, &batch().by(producer, 1))?;
        self.produce("the leader alone", 9, 1, SHORT_MS, &batch())?;
        self.wait_for_copies(2)?;

        for version in 3..=13 {
            self.produce_all("too few in sync", version, &batch())?;
            self.produce("too few, and nobody minds", version, 1, 30_000, &batch())?;
        }
        self.produce_all("a duplicate of what all have", 9, &batch().by(producer, 0))?;
        self.produce_all("a duplicate of what was awaited", 9, &batch().by(producer, 1))?;
        self.produce_all("the next", 9, &batch().by(producer, 2))?;
        self.produce_all("a gap", 9, &batch().by(producer, 5))?;
        self.read("too few in sync")?;
        self.describe("too few in sync")?;

        self.bring_back(3)?;
        self.turn_to(1)?;
        self.produce_all("the next, with all copies", 9, &batch().by(producer, 2))?;
        self.read("all are back")?;
        self.describe("all are back")
    }

    /// The leader dies, and another one takes over.
    fn the_leader_dies(&mut self) -> Result<()> {
        let (id, epoch) = self.open("led", [3, 1, 2], "2")?;
        let producer = (id, epoch);
        for sequence in 0..6 {
            self.produce_all("while it lives", 12, &batch().by(producer, sequence))?;
        }
        self.turn_to(2)?;
        self.kill(1)?;
        for version in 3..=13 {
            self.produce_all("it is not missed yet", version, &batch())?;
        }
        self.wait_for_copies(2)?;
        for (what, producer, sequence) in [
            ("the last again", producer, 5),
            ("one before it", producer, 2),
            ("a forgotten one", producer, 0),
            ("a gap", producer, 7),
            ("the next", producer, 6),
            ("a new epoch, not from zero", (id, epoch + 1), 7),
            ("a new epoch", (id, epoch + 1), 0),
            ("the old epoch", producer, 7),
        ] {
            self.produce_all(what, 12, &batch().by(producer, sequence))?;
        }
        self.read("the new leader")?;
        self.describe("the new leader")?;
        self.turn_to(3)?;
        self.wait_for_copies(2).context("the other follower")?;
        self.ask_a_follower("of the other follower")?;

        self.bring_back(1)?;
        self.turn_to(1)?;
        self.ask_a_follower("of the old leader")?;
        self.turn_to(2)?;
        self.produce_all("with all copies", 12, &batch().by((id, epoch + 1), 1))?;
        self.read("all are back")?;
        self.describe("all are back")
    }
}
