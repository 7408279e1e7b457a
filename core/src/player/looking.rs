//! What is shown beside the scenes.

use std::sync::Arc;

use super::future::{Lane, instant, micros};
use super::hands;
use super::messages::{BrokerView, Deed, DeedState, Future as FutureView, LaneView, MessageView, View};
use super::playing::Play;
use crate::bridge::{Broker, Partition, Topology};
use crate::codecs::{self, Codecs};
use crate::ids::{NodeId, TopicPartition};
use crate::judge::Isolation;
use crate::playback::Playable as _;
use crate::scenario::Action;
use crate::staging::Stage;
use crate::trace::BrokerState;

/// Calls of `send()` up to which the logs are read at every look.
const LIGHT: u64 = 500;
/// Calls up to which they are read at all: beyond, a page would stand still for too long.
pub(super) const MOST_READ: u64 = 50_000;
/// Messages that are told one by one.
const MESSAGES: usize = 60;

impl Play {
    /// Everything, at the playhead.
    pub(super) fn view(&mut self, topic: &str, read_back: bool) -> View {
        let futures = self.futures.iter().map(|future| FutureView {
            number: future.number,
            now_us: future.now_us(),
            deeds: count(future.scenario.actions.len() - future.scripted),
            parted_us: future.parted_us,
        });
        let futures = futures.collect();
        let future = &mut self.futures[self.current];
        let first = future.scenario.topics.first().map(|topic| Arc::clone(&topic.name)).unwrap_or_default();
        let topic = if topic.is_empty() { first } else { topic.into() };
        let lanes = future.lanes.iter_mut().map(|lane| lane.view(&topic, read_back)).collect();
        let marks = (0..).zip(&future.lanes).flat_map(|(place, lane)| {
            lane.playback.marks().iter().filter_map(move |(at, mut marks)| Some((micros(at), place, marks.next()?)))
        });
        let marks = marks.collect();
        let deeds = future.scenario.actions.iter().filter_map(|action| deed(action, &future.lanes)).collect();
        View { now_us: future.now_us(), lanes, marks, deeds, futures, current: count(self.current) }
    }
}

/// A timed action that a page has a button for, and what became of it.
fn deed(action: &Action, lanes: &[Lane]) -> Option<Deed> {
    let hand = hands::hand(&action.act)?;
    if action.when.is_some() || action.times != 1 {
        return None;
    }
    let mut meant = lanes.iter().enumerate();
    let (_, lane) = meant.find(|(place, _)| action.lane.is_none_or(|lane| lane as usize == *place))?;
    let stage = lane.playback.world();
    let waits = |name| stage.simulation().planned().any(|(planned, _)| *planned == name);
    let state = match action.act.message() {
        _ if stage.now() < instant(action.at_us) => DeedState::ToCome,
        Some(name) if waits(name) => DeedState::NoSuchMessage,
        _ => DeedState::Done,
    };
    Some(Deed { at_us: action.at_us, lane: action.lane, hand, state })
}

impl Lane {
    fn view(&mut self, topic: &Arc<str>, read_back: bool) -> LaneView {
        let counts = told(self.playback.world());
        self.read_back(counts[0] <= LIGHT || (read_back && counts[0] <= MOST_READ));
        let stage = self.playback.world();
        let (_, read_at_us, score) = self.read.unwrap_or_default();
        let all = stage.simulation().messages();
        let messages = all.iter().take(MESSAGES).map(|message| MessageView {
            name: message.name,
            correlation: message.correlation,
            node: message.node,
            arrives_us: message.arrives.map(micros),
        });
        let now = stage.simulation().now().instant();
        let clients = (0..).zip(stage.simulation().clients());
        let paused = clients.filter_map(|(place, client)| Some((place, micros(client.paused_until(now)?))));
        LaneView {
            topology: topology(stage, topic),
            brokers: brokers(stage),
            messages: messages.collect(),
            more_messages: count(all.len().saturating_sub(MESSAGES)),
            score,
            read_at_us,
            told: counts,
            paused: paused.collect(),
            is_settled: stage.is_settled(),
        }
    }

    /// Has a consumer read everything, if the world has changed since it last did.
    fn read_back(&mut self, wanted: bool) {
        let stage = self.playback.world();
        let (events, now_us) = (stage.events(), micros(stage.now()));
        match self.read {
            // Nothing has happened since.
            Some((read, _, score)) if read == events => self.read = Some((events, now_us, score)),
            read if wanted || read.is_none() => {
                let codecs = codecs::simulated().map(|codecs| codecs as &dyn Codecs);
                let score = stage.history(&[], codecs).score(Isolation::ReadUncommitted);
                self.read = Some((events, now_us, score));
            }
            _ => {}
        }
    }
}

/// What programs were told: calls that came back, acknowledgements, failures.
pub(super) fn told(stage: &Stage) -> [u64; 3] {
    stage.simulation().clients().iter().fold([0; 3], |[sent, acked, failed], client| {
        let counts = client.application().counts();
        [sent + counts.sent, acked + counts.acked, failed + counts.failed]
    })
}

fn topology(stage: &Stage, topic: &Arc<str>) -> Topology {
    let cluster = stage.simulation().cluster();
    let partitions = cluster.topics().find(|(name, _)| *name == topic).map_or(0, |(_, count)| count);
    let partition = |partition| {
        let name = TopicPartition { topic: Arc::clone(topic), partition };
        Partition {
            partition,
            leader: cluster.leader(&name).map_or(NodeId(-1), |(leader, _)| leader),
            replicas: cluster.replicas(&name).unwrap_or_default().to_vec(),
            isr: cluster.in_sync_replicas(&name).unwrap_or_default().to_vec(),
        }
    };
    let up = nodes(stage).filter(|node| cluster.broker_state(*node) == Ok(BrokerState::Running));
    Topology {
        brokers: up.map(|node| Broker { node, address: None }).collect(),
        topic: Arc::clone(topic),
        partitions: (0..partitions).map(partition).collect(),
    }
}

fn brokers(stage: &Stage) -> Vec<BrokerView> {
    let cluster = stage.simulation().cluster();
    let leaders: Vec<NodeId> = cluster
        .topics()
        .flat_map(|(topic, count)| (0..count).map(|partition| TopicPartition { topic: Arc::clone(topic), partition }))
        .filter_map(|name| Some(cluster.leader(&name)?.0))
        .collect();
    let view = |node| BrokerView {
        node,
        state: cluster.broker_state(node).unwrap_or(BrokerState::Stopped),
        is_fenced: cluster.is_fenced(node),
        leads: count(leaders.iter().filter(|leader| **leader == node).count()),
    };
    nodes(stage).map(view).collect()
}

fn nodes(stage: &Stage) -> impl Iterator<Item = NodeId> {
    stage.simulation().cluster().config().nodes().map(|(node, _)| node)
}

pub(super) fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
