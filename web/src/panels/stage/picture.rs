//! What the stage shows of a view, lane by lane. Nothing here decides what happens: it picks from the scene.

use core::time::Duration;
use std::sync::Arc;

use producer_core::bridge::Habit;
use producer_core::config::ProducerConfig;
use producer_core::ids::{BatchId, NodeId, TopicPartition};
use producer_core::scene::{AwaitedPartition, BatchScene, BatchState, PartitionScene, Scene};
use producer_core::time::Instant;

use super::Preview;
use super::geometry::Geometry;
use crate::ledger::{End, Row};
use crate::texts::{Language, Texts};
use crate::view::{ConfigInForce, View};

/// Records up to which tiles and packets have room for words.
const FEW: u64 = 3;

/// The properties that the picture is drawn against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// `linger.ms`.
    pub(super) linger: Duration,
    /// `delivery.timeout.ms`.
    pub(super) delivery_timeout: Duration,
    /// `buffer.memory`.
    pub(super) buffer_memory: u64,
    /// `max.in.flight.requests.per.connection`.
    pub(super) max_in_flight: u64,
}

impl Limits {
    /// As the client reads the properties; its defaults where it would refuse them, because then no producer is made.
    pub(super) fn of(config: &ConfigInForce) -> Self {
        let properties = config.properties.iter().map(|(key, value)| (&**key, &**value));
        let config = ProducerConfig::from_properties(properties).map(|(config, _)| config).unwrap_or_default();
        let number = |key: &str| config.value_of(key).and_then(|value| value.parse().ok()).unwrap_or(0);
        Self {
            linger: Duration::from_millis(number("linger.ms")),
            delivery_timeout: config.delivery_timeout(),
            buffer_memory: number("buffer.memory"),
            max_in_flight: number("max.in.flight.requests.per.connection"),
        }
    }
}

/// A partition of the topic looked at.
pub(super) struct Lane<'a> {
    pub(super) number: i32,
    /// Its shelf and log, once the producer has to do with it.
    pub(super) scene: Option<&'a PartitionScene>,
    /// As the producer believes, else as the topology says.
    pub(super) leader: Option<NodeId>,
    pub(super) replicas: &'a [NodeId],
    pub(super) isr: &'a [NodeId],
    /// Batches on its shelf, the one that leaves next first.
    pub(super) shelf: Vec<(BatchId, &'a BatchScene)>,
}

impl Lane<'_> {
    /// Next offset of its log.
    pub(super) fn end_offset(&self) -> i64 {
        self.scene.map_or(0, |scene| scene.log.end_offset)
    }

    /// Records on its shelf.
    pub(super) fn waiting(&self) -> u64 {
        self.shelf.iter().map(|(_, batch)| u64::from(batch.records)).sum()
    }
}

/// All that the parts of the drawing need.
pub(super) struct Picture<'a> {
    pub(super) view: &'a View,
    pub(super) scene: &'a Scene,
    pub(super) now: Instant,
    pub(super) preview: &'a Preview,
    pub(super) habit: Option<Habit>,
    pub(super) limits: Limits,
    pub(super) geometry: &'a Geometry,
    pub(super) lanes: Vec<Lane<'a>>,
    /// Is there room for words on tiles?
    pub(super) few: bool,
    pub(super) texts: &'static Texts,
    pub(super) language: Language,
}

impl<'a> Picture<'a> {
    /// Picks what is drawn.
    pub(super) fn of(
        view: &'a View,
        preview: &'a Preview,
        habit: Option<Habit>,
        limits: Limits,
        geometry: &'a Geometry,
        language: Language,
    ) -> Self {
        let scene: &Scene = &view.scene;
        let lanes = (0..geometry.lanes).map(|place| lane_of(view, place)).collect();
        let few = few(scene, preview);
        let now = view.clock.now.max(scene.at);
        let texts = language.texts();
        Self { view, scene, now, preview, habit, limits, geometry, lanes, few, texts, language }
    }

    /// Was nothing sent yet? Then what the composer holds is drawn as still to come.
    pub(super) fn to_come(&self) -> bool {
        self.scene.caller.sent + self.scene.caller.refused == 0 && self.preview.count > 0
    }

    /// Calls of `send` that returned: as the trace tells them, and where outcomes tell of more, as they do.
    pub(super) fn sent(&self) -> u64 {
        let counts = self.view.counts();
        self.scene.caller.sent.max((counts.acked + counts.failed).saturating_sub(self.scene.caller.refused))
    }

    /// How long a broker has not been reached, if it cannot be.
    pub(super) fn unreachable(&self, node: NodeId) -> Option<Duration> {
        self.scene.unreachable_since(node).map(|since| self.now - since)
    }

    /// The batch that took the newest record.
    pub(super) fn newest(&self) -> Option<&'a BatchScene> {
        self.scene
            .batches
            .get(&self.scene.caller.newest?)
            .filter(|batch| batch.partition.topic == self.view.topology.topic)
    }

    /// The partition that `send` waits for, because the topic looked at does not have it.
    pub(super) fn awaits(&self) -> Option<&'a AwaitedPartition> {
        let awaits = self.scene.caller.awaits.as_ref()?;
        (awaits.partition.topic == self.view.topology.topic && self.view.link.is_up()).then_some(awaits)
    }

    /// The lane that the partitioner's blade shows to; none while a record waits for one that is not there.
    pub(super) fn blade(&self) -> Option<i32> {
        if self.awaits().is_some() {
            return None;
        }
        let lane = match self.newest() {
            Some(batch) => Some(batch.partition.partition),
            None => self.preview.destination.partition(),
        };
        lane.filter(|lane| self.lanes.iter().any(|other| other.number == *lane))
    }

    /// The lane of what is still to come.
    pub(super) fn lane_to_come(&self) -> Option<i32> {
        self.preview.destination.partition().filter(|_| self.to_come())
    }

    /// What the ledger tells of a record that the trace folded: its row says key and place in the order of sending.
    pub(super) fn row(&self, lane: i32, wanted: i64) -> Option<&'a Row> {
        let is_it = |row: &&Row| {
            matches!(row.end, End::Acked { partition, offset, .. } if partition == lane && offset == wanted)
                && row.topic == self.view.topology.topic
        };
        self.view.ledger.rows().find(is_it)
    }

    /// Batches that have not met their fate: on their shelf, or on their way.
    pub(super) fn has_batches_under_way(&self) -> bool {
        self.scene.partitions.values().any(|partition| !partition.under_way.is_empty())
    }

    /// Batches of topics that are not looked at.
    pub(super) fn elsewhere(&self) -> usize {
        let topic = &self.view.topology.topic;
        let others = self.scene.partitions.iter().filter(|(name, _)| name.topic != *topic);
        others.map(|(_, partition)| partition.under_way.len()).sum()
    }
}

/// Partitions that the producer or the topology knows of.
pub(super) fn lanes(view: &View) -> usize {
    let believed = view.scene.leaders.get(&view.topology.topic).map_or(0, Vec::len);
    view.topology.partitions.len().max(believed)
}

/// Is there room for words on tiles and packets?
fn few(scene: &Scene, preview: &Preview) -> bool {
    if scene.caller.sent == 0 { u64::from(preview.count) <= FEW } else { few_sent(scene) }
}

/// Is there room for words on what was sent?
pub(super) fn few_sent(scene: &Scene) -> bool {
    scene.caller.sent <= FEW && scene.partitions.values().all(|partition| partition.log.cells.len() <= 4)
}

fn lane_of(view: &View, place: usize) -> Lane<'_> {
    let number = i32::try_from(place).unwrap_or(i32::MAX);
    let name = TopicPartition { topic: Arc::clone(&view.topology.topic), partition: number };
    let told = view.topology.partitions.get(place);
    let scene = view.scene.partitions.get(&name);
    let shelf = scene.iter().flat_map(|scene| &scene.under_way).filter_map(|id| {
        let batch = view.scene.batches.get(id)?;
        matches!(batch.state, BatchState::Filling | BatchState::Retrying { .. }).then_some((*id, batch))
    });
    let believed = view.scene.leaders.contains_key(&name.topic);
    let leader = view.scene.leader(&name);
    Lane {
        number,
        scene,
        leader: if believed { leader } else { told.map(|told| told.leader).filter(|leader| leader.0 >= 0) },
        replicas: told.map_or(&[], |told| &told.replicas),
        isr: told.map_or(&[], |told| &told.isr),
        shelf: shelf.collect(),
    }
}
