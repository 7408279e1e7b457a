//! Connections and what travels on them, and whom the producer can reach.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::{BatchId, ConnectionId, CorrelationId, NodeId, TopicPartition};
use crate::io::DisconnectReason;
use crate::protocol::ApiKey;
use crate::time::Instant;

use super::{BatchState, ConnectionScene, FINISHED_BATCHES, RequestScene, Scene, TOPICS};

/// A broker whose connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lost {
    since: Instant,
    /// Was another one tried in vain?
    is_refused: bool,
}

impl Scene {
    /// A connection that carries requests stands, also when its beginning was not told.
    pub(super) fn standing(&mut self, at: Instant, connection: ConnectionId, node: NodeId) {
        self.lost.remove(&node);
        self.connections.entry(connection).or_insert_with(|| ConnectionScene::new(node, true, at));
    }

    pub(super) fn learn_leaders(&mut self, brokers: &[NodeId], topics: &[(Arc<str>, Vec<NodeId>)]) {
        self.brokers = brokers.to_vec();
        // Those who are named are up, as far as who names them knows.
        self.lost.retain(|node, _| !brokers.contains(node));
        for (topic, leaders) in topics {
            self.leaders.insert(Arc::clone(topic), leaders.clone());
        }
        let mut surplus = self.leaders.len().saturating_sub(TOPICS);
        self.leaders.retain(|topic, _| {
            let makes_room = surplus > 0 && !topics.iter().any(|(named, _)| named == topic);
            surplus -= usize::from(makes_room);
            !makes_room
        });
    }

    /// Leader of a partition as the producer believes it; `None`: unknown or none.
    pub fn leader(&self, partition: &TopicPartition) -> Option<NodeId> {
        let leaders = self.leaders.get(&partition.topic)?;
        let leader = leaders.get(usize::try_from(partition.partition).ok()?)?;
        (leader.0 >= 0).then_some(*leader)
    }

    /// A connection is over. One that a broker closes may only have been idle; one that cannot be made says more.
    pub(super) fn lose(&mut self, at: Instant, node: NodeId, why: &DisconnectReason) {
        let is_refused = matches!(why, DisconnectReason::ConnectFailed(_));
        if is_refused || *why == DisconnectReason::ClosedByPeer {
            let lost = self.lost.entry(node).or_insert(Lost { since: at, is_refused });
            lost.is_refused |= is_refused;
        }
    }

    /// Since when a broker cannot be reached: its connection broke, and none can be made. `None`: it can, as far as is known.
    pub fn unreachable_since(&self, node: NodeId) -> Option<Instant> {
        self.lost.get(&node).filter(|lost| lost.is_refused).map(|lost| lost.since)
    }

    /// Since when no broker can be reached; `None`: one can, or nobody has tried.
    pub fn deserted_since(&self) -> Option<Instant> {
        if self.connections.values().any(|connection| connection.connected) {
            return None;
        }
        let nobody_yet: Vec<NodeId> = self.lost.keys().copied().filter(|node| node.is_bootstrap()).collect();
        let known = if self.brokers.is_empty() { &nobody_yet } else { &self.brokers };
        let since: Option<Vec<Instant>> = known.iter().map(|node| self.unreachable_since(*node)).collect();
        since?.into_iter().max()
    }

    /// Requests without an answer on the standing connection to a broker.
    pub fn in_flight(&self, node: NodeId) -> usize {
        self.connections.values().filter(|c| c.node == node).map(|c| c.in_flight.len()).sum()
    }

    pub(super) fn request_left(
        &mut self,
        at: Instant,
        connection: ConnectionId,
        correlation: CorrelationId,
        api: ApiKey,
        batches: &[BatchId],
    ) {
        for batch in batches {
            // A batch that expired in the very moment it was drained is sent all the same; its fate stands.
            if self.batches.get(batch).is_some_and(|scene| !scene.state.is_final()) {
                self.enter(at, *batch, BatchState::InFlight { connection, correlation });
            }
        }
        if let Some(scene) = self.connections.get_mut(&connection) {
            let batches = batches.to_vec();
            scene.in_flight.push(RequestScene { correlation, api, batches, sent_at: at, fault: None });
        }
    }

    pub(super) fn response_came(&mut self, at: Instant, connection: ConnectionId, correlation: CorrelationId) {
        if let Some(scene) = self.connections.get_mut(&connection)
            && let Some(place) = scene.in_flight.iter().position(|r| r.correlation == correlation)
        {
            let request = scene.in_flight.remove(place);
            scene.last_answer = Some((request, at));
        }
    }

    /// Nobody will answer it.
    pub(super) fn request_written(&mut self, connection: ConnectionId, correlation: CorrelationId) {
        if let Some(scene) = self.connections.get_mut(&connection)
            && let Some(place) = scene.in_flight.iter().position(|r| r.correlation == correlation)
        {
            let request = scene.in_flight.remove(place);
            self.unanswered.extend(request.batches.into_iter().map(|batch| (connection, batch)));
            let too_many = self.unanswered.len().saturating_sub(FINISHED_BATCHES);
            self.unanswered.drain(..too_many);
        }
    }

    pub(super) fn move_leader(&mut self, partition: &TopicPartition, leader: NodeId) {
        if let Some(leaders) = self.leaders.get_mut(&partition.topic)
            && let Some(slot) = usize::try_from(partition.partition).ok().and_then(|p| leaders.get_mut(p))
        {
            *slot = leader;
        }
    }
}
