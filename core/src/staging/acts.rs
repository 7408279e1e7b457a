//! What happens to brokers, network, topics and programs, and how it passes.

use core::time::Duration;
use std::sync::Arc;

use super::{Slower, Stage, setting_up};
use crate::cluster::new_topic;
use crate::ids::{NodeId, TopicPartition};
use crate::scenario::{self, Act, Fate, Messages, Rule};
use crate::simulation::{ClientId, Interference, InterferenceRefusal, MessageRule, Pattern, Route};
use crate::time::Instant;
#[cfg(feature = "swarm")]
use crate::trace::BrokerState;

/// Something that is due.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// In the scenario's words.
    Act(Box<Act>),
    /// The end of something.
    Undo(Undo),
}

/// What passes by itself.
#[derive(Clone, Debug)]
pub(super) enum Undo {
    Start(NodeId),
    Resume(NodeId),
    LetCatchUp(NodeId, TopicPartition),
    BringControllerBack,
    ReleaseMetadata(NodeId),
    Reunite(Vec<NodeId>),
    BringUp(Vec<ClientId>, Vec<NodeId>),
    TakeConnections(Vec<NodeId>),
    Reach(NodeId),
    CreateTopic(Box<crate::protocol::NewTopic>),
}

/// Why an action has no effect in this world, where that is known beforehand.
pub(super) fn is_left_out(act: &Act) -> Option<&'static str> {
    match act {
        Act::AddBroker {} | Act::RemoveBroker { .. } => Some("the number of brokers is fixed"),
        Act::HideBroker { .. } | Act::FalseLeader { .. } | Act::TopicError { .. } => {
            Some("Metadata tells what is so; stale metadata is the only untruth")
        }
        Act::ApiVersions { .. } => Some("all brokers speak the same versions"),
        Act::MoveCoordinator { .. } => Some("coordinators do not move"),
        Act::ChangeAddress { .. } => Some("brokers keep their addresses"),
        Act::Configure { .. } => Some("producers keep their settings"),
        _ => None,
    }
}

impl Stage {
    /// Does what is due. What cannot be done as things stand, such as killing a broker that is down, is left undone.
    pub(super) fn perform(&mut self, step: Step) {
        match step {
            Step::Act(act) => {
                self.act_out(&act);
                #[cfg(feature = "breaking")]
                if let Some(deeds) = &mut self.deeds {
                    deeds.push(*act);
                }
            }
            Step::Undo(undo) => self.undo(undo),
        }
    }

    /// Has a rule strike from now on.
    pub(super) fn lay_rule(&mut self, rule: &Rule) {
        let laid = message_rule(rule, self.begins());
        let on_its_way = match rule.fate {
            Fate::Delay { by_us } => Duration::from_micros(by_us),
            Fate::Error { delay_us, .. } => Duration::from_micros(delay_us),
            Fate::Throttle { for_ms } => Duration::from_millis(for_ms.into()),
            _ => Duration::ZERO,
        };
        let over = laid.until.map_or(Instant::from_micros(u64::MAX), |until| until + on_its_way);
        self.chronicle.strikes_until = self.chronicle.strikes_until.max(over);
        self.simulation.add_rule(laid);
    }

    /// Is nothing wrong any more, nor to come by script or rule? All brokers run and are known to, every copy is in sync,
    /// and nothing is slower than it was. Programs may still have something to do.
    #[cfg(feature = "swarm")]
    pub(crate) fn is_whole(&self) -> bool {
        let now = self.simulation.now().instant();
        let cluster = self.simulation.cluster();
        let runs = |node| cluster.broker_state(node) == Ok(BrokerState::Running) && !cluster.is_fenced(node);
        let is_in_sync = |name: &TopicPartition| {
            let (replicas, in_sync) = (cluster.replicas(name), cluster.in_sync_replicas(name));
            cluster.leader(name).is_some_and(|(leader, _)| leader.0 > 0)
                && replicas.map(<[_]>::len) == in_sync.map(<[_]>::len)
        };
        let is_over = |until: Instant| until <= now;
        is_over(self.chronicle.strikes_until)
            && self.chronicle.slower.is_empty()
            && self.chronicle.paused.iter().all(|&(.., until)| is_over(until))
            && !self.script.is_to_disturb()
            && self.nodes(None).into_iter().all(runs)
            && self.partitions(&"".into(), None).iter().all(is_in_sync)
    }

    fn later(&mut self, after: Option<Duration>, undo: Undo) {
        if let Some(after) = after {
            let at = self.simulation.now().instant() + after;
            self.script.at(at, Step::Undo(undo));
        }
    }

    fn act_out(&mut self, act: &Act) {
        let now = self.simulation.now();
        let us = |us: u64| Some(Duration::from_micros(us));
        let cluster = self.simulation.cluster_mut();
        match act {
            Act::RestartBroker { node, down_us } => {
                if cluster.shut_down(now, id(*node)).is_ok() {
                    // It is gone with its next heartbeat; the time counts from there.
                    let leaves = cluster.config().broker_heartbeat_interval;
                    self.later(us(*down_us).map(|down| down + leaves), Undo::Start(id(*node)));
                }
            }
            Act::KillBroker { node, down_us } => {
                if cluster.kill(now, id(*node)).is_ok() {
                    self.later(down_us.and_then(us), Undo::Start(id(*node)));
                }
            }
            Act::StartBroker { node } => self.undo(Undo::Start(id(*node))),
            Act::PauseBroker { node, for_us } => {
                if cluster.pause(now, id(*node)).is_ok() {
                    self.later(for_us.and_then(us), Undo::Resume(id(*node)));
                }
            }
            Act::ResumeBroker { node } => self.undo(Undo::Resume(id(*node))),
            Act::SlowBroker { node, times } => {
                if cluster.slow_down(id(*node), *times).is_ok() {
                    self.chronicle.pace(Slower::Broker(*node), *times > 1);
                }
            }
            Act::FailDisk { node, topic, partition } => {
                for name in self.partitions(topic, *partition) {
                    let _ = self.simulation.cluster_mut().fail_disk(now, id(*node), &name);
                }
            }
            Act::MoveLeader { topic, partition, to } => {
                let _ = cluster.move_leader(now, &named(topic, *partition), id(*to));
            }
            Act::ShrinkIsr { topic, partition, node, for_us } => {
                let name = named(topic, *partition);
                if cluster.shrink_isr(now, id(*node), &name).is_ok() {
                    let _ = cluster.hold_back(id(*node), &name);
                    self.later(for_us.and_then(us), Undo::LetCatchUp(id(*node), name));
                }
            }
            Act::LoseController { for_us } => {
                cluster.take_controller_away(now);
                self.later(us(*for_us), Undo::BringControllerBack);
            }
            Act::StaleMetadata { node, for_us } => {
                if cluster.hold_metadata(now, id(*node)).is_ok() {
                    self.later(us(*for_us), Undo::ReleaseMetadata(id(*node)));
                }
            }
            Act::SplitBrokers { nodes, for_us } => {
                let nodes: Vec<NodeId> = nodes.iter().map(|node| id(*node)).collect();
                self.split(&nodes, true);
                self.later(us(*for_us), Undo::Reunite(nodes));
            }
            Act::SplitProducer { producer, node, for_us } => {
                let (clients, nodes) = (self.clients(*producer), self.nodes(*node));
                self.set_paths(&clients, &nodes, false);
                self.later(us(*for_us), Undo::BringUp(clients, nodes));
            }
            Act::CutConnections { producer, node } => {
                self.simulation.cut_connections(producer.map(client), node.map(id));
            }
            Act::RefuseConnections { node, for_us } => {
                let nodes = self.nodes(*node);
                for &node in &nodes {
                    self.simulation.set_refusing(node, true);
                }
                self.later(us(*for_us), Undo::TakeConnections(nodes));
            }
            Act::UnreachableAddress { node, for_us } => {
                self.simulation.set_unreachable(id(*node), true);
                self.later(for_us.and_then(us), Undo::Reach(id(*node)));
            }
            Act::SetLatency { producer, node, base_us, jitter_us } => {
                let latency = scenario::Latency { base_us: *base_us, jitter_us: *jitter_us };
                self.chronicle.pace(Slower::Latency(*producer, *node), latency != self.pace.latency);
                let latency = Some(setting_up::latency(&latency));
                let (client, node) = (producer.map(client), node.map(id));
                self.simulation.set_route(Route { client, node, latency, bandwidth: None });
            }
            Act::SetBandwidth { producer, node, bytes_per_s } => {
                let is_slow = ![0, self.pace.bandwidth_bytes_per_s].contains(bytes_per_s);
                self.chronicle.pace(Slower::Bandwidth(*producer, *node), is_slow);
                let bandwidth = Some((*bytes_per_s > 0).then_some(*bytes_per_s));
                let (client, node) = (producer.map(client), node.map(id));
                self.simulation.set_route(Route { client, node, latency: None, bandwidth });
            }
            Act::AddRule { rule } => self.lay_rule(rule),
            Act::CreateTopic { topic, partitions, replication_factor } => {
                let copies = i16::try_from(*replication_factor).unwrap_or(i16::MAX);
                self.undo(Undo::CreateTopic(Box::new(new_topic(topic, number(*partitions), copies))));
            }
            Act::DeleteTopic { topic } => {
                if cluster.delete_topic(now, topic).is_ok() {
                    self.chronicle.deleted.push((Arc::clone(topic), now.instant()));
                }
            }
            Act::RecreateTopic { topic, gone_us } => self.recreate(topic, us(*gone_us)),
            Act::AddPartitions { topic, to } => {
                if cluster.add_partitions(topic, number(*to)).is_ok() {
                    self.chronicle.partitions_added.push((Arc::clone(topic), now.instant(), number(*to)));
                }
            }
            Act::SetTopic { topic, settings } => {
                for (name, value) in settings.iter() {
                    let _ = cluster.alter_topic(now, topic, name, value);
                }
            }
            Act::PauseProducer { producer, for_us } => {
                let (client, pause) = (client(*producer), Duration::from_micros(*for_us));
                self.chronicle.paused.push((client, now.instant(), now.instant() + pause));
                self.simulation.pause_client(client, pause);
            }
            Act::JumpClock { producer, by_ms } => self.simulation.jump_clock(client(*producer), *by_ms),
            Act::Send { producer, load } => self.send_more(*producer, load),
            Act::Flush { producer } => {
                let flush = |caller: &mut crate::caller::Caller| caller.enqueue_flush();
                self.simulation.with_client(client(*producer), |_, troupe, _| troupe.in_a_new_thread(flush));
            }
            Act::Close { producer, timeout_us } => {
                let timeout = timeout_us.map(Duration::from_micros);
                let close = |caller: &mut crate::caller::Caller| caller.enqueue_close(timeout);
                self.simulation.with_client(client(*producer), |_, troupe, _| troupe.in_a_new_thread(close));
            }
            Act::Exit { producer } => self.end_client(client(*producer)),
            Act::Strike { fate, .. } => self.strike(act, fate),
            Act::Nothing {}
            | Act::AddBroker {}
            | Act::RemoveBroker { .. }
            | Act::HideBroker { .. }
            | Act::FalseLeader { .. }
            | Act::TopicError { .. }
            | Act::ApiVersions { .. }
            | Act::MoveCoordinator { .. }
            | Act::ChangeAddress { .. }
            | Act::Configure { .. } => {}
        }
    }

    fn undo(&mut self, undo: Undo) {
        let now = self.simulation.now();
        let cluster = self.simulation.cluster_mut();
        match undo {
            Undo::Start(node) => {
                let _ = cluster.restart(now, node);
            }
            Undo::Resume(node) => {
                let _ = cluster.resume(now, node);
            }
            Undo::LetCatchUp(node, name) => {
                let _ = cluster.let_catch_up(now, node, &name);
            }
            Undo::BringControllerBack => cluster.bring_controller_back(now),
            Undo::ReleaseMetadata(node) => {
                let _ = cluster.release_metadata(now, node);
            }
            Undo::Reunite(nodes) => self.split(&nodes, false),
            Undo::BringUp(clients, nodes) => self.set_paths(&clients, &nodes, true),
            Undo::TakeConnections(nodes) => {
                for node in nodes {
                    self.simulation.set_refusing(node, false);
                }
            }
            Undo::Reach(node) => self.simulation.set_unreachable(node, false),
            Undo::CreateTopic(topic) => {
                let _ = cluster.create_topic(&topic);
            }
        }
    }

    /// Does something to one message: now, if it is on its way, else when it departs. One that has arrived stays among
    /// what is planned, and so does one that never comes.
    fn strike(&mut self, act: &Act, fate: &Fate) {
        let Some(name) = act.message() else { return };
        for what in interferences(fate) {
            if self.simulation.interfere(&name, what) == Err(InterferenceRefusal::NotOnItsWay) {
                // What no broker would say is left undone.
                let _ = self.simulation.plan(name, what);
            }
        }
    }

    fn recreate(&mut self, topic: &Arc<str>, gone: Option<Duration>) {
        let now = self.simulation.now();
        let Some(first) = self.topics.iter().find(|known| known.name == *topic).cloned() else { return };
        if self.simulation.cluster_mut().delete_topic(now, topic).is_ok() {
            self.chronicle.deleted.push((Arc::clone(topic), now.instant()));
            self.later(gone, Undo::CreateTopic(Box::new(first)));
        }
    }

    fn send_more(&mut self, producer: u32, load: &scenario::Load) {
        let (now, seed) = (self.simulation.now().instant(), self.seed);
        self.loads_by_action += 1;
        // Beyond the numbers of the loads that were there from the beginning.
        let number = 1 << 16 | self.loads_by_action;
        self.simulation.with_client(client(producer), |_, troupe, _| {
            // Its templates were read when the scenario was.
            let _ = setting_up::one_load(troupe, load, seed, number, now);
        });
    }

    fn split(&mut self, nodes: &[NodeId], apart: bool) {
        let now = self.simulation.now();
        let others: Vec<NodeId> = self.nodes(None).into_iter().filter(|node| !nodes.contains(node)).collect();
        let cluster = self.simulation.cluster_mut();
        for &one in nodes {
            for &other in &others {
                let _ = if apart { cluster.separate(now, one, other) } else { cluster.reunite(now, one, other) };
            }
            let _ = match apart {
                true => cluster.cut_off_from_controller(now, one),
                false => cluster.reconnect_to_controller(now, one),
            };
        }
    }

    fn set_paths(&mut self, clients: &[ClientId], nodes: &[NodeId], is_up: bool) {
        for &client in clients {
            for &node in nodes {
                self.simulation.set_path(client, node, is_up);
            }
        }
    }

    fn clients(&self, producer: Option<u32>) -> Vec<ClientId> {
        let all = 0..self.simulation.clients().len();
        all.map(ClientId).filter(|client| producer.is_none_or(|meant| meant as usize == client.0)).collect()
    }

    fn nodes(&self, node: Option<u32>) -> Vec<NodeId> {
        let all = self.simulation.cluster().config().nodes().map(|(node, _)| node);
        all.filter(|known| node.is_none_or(|meant| id(meant) == *known)).collect()
    }

    fn partitions(&self, topic: &Arc<str>, partition: Option<u32>) -> Vec<TopicPartition> {
        let topics = self.simulation.cluster().topics().filter(|(name, _)| topic.is_empty() || *name == topic);
        let all = topics.flat_map(|(name, count)| {
            (0..count).map(move |partition| TopicPartition { topic: Arc::clone(name), partition })
        });
        all.filter(|name| partition.is_none_or(|meant| number(meant) == name.partition)).collect()
    }
}

/// Which messages a scenario means.
pub(super) fn pattern(on: &Messages) -> Pattern {
    Pattern {
        direction: on.direction.into(),
        api: on.api,
        client: on.producer.map(client),
        node: on.node.map(id),
        // Counted from 1 in a scenario.
        connection: on.connection.map(|number| crate::ids::ConnectionId(number.saturating_sub(1))),
        topic: (!on.topic.is_empty()).then(|| Arc::clone(&on.topic)),
        partition: on.partition.map(number),
    }
}

/// A scenario's rule about messages, in a world that begins then.
pub(super) fn message_rule(rule: &Rule, begins: Instant) -> MessageRule {
    let what = interferences(&rule.fate);
    let from = begins + Duration::from_micros(rule.from_us);
    let until = rule.until_us.map(|us| begins + Duration::from_micros(us));
    MessageRule { on: pattern(&rule.on), nth: rule.nth, times: rule.times, from, until, what }
}

/// What is done to a message, in this order.
fn interferences(fate: &Fate) -> Vec<Interference> {
    match fate {
        Fate::Pass {} => Vec::new(),
        Fate::Break {} => vec![Interference::Break],
        Fate::Swallow {} => vec![Interference::Swallow],
        Fate::Delay { by_us } => vec![Interference::Delay(Duration::from_micros(*by_us))],
        Fate::Error { error, partition, delay_us } => {
            let answer = match partition {
                None => Interference::Answer(*error),
                Some(partition) => Interference::AnswerFor { partition: number(*partition), error: *error },
            };
            let delay = Interference::Delay(Duration::from_micros(*delay_us));
            if *delay_us == 0 { vec![answer] } else { vec![answer, delay] }
        }
        Fate::Throttle { for_ms } => vec![Interference::Throttle(number(*for_ms))],
    }
}

fn client(producer: u32) -> ClientId {
    ClientId(producer as usize)
}

fn id(node: u32) -> NodeId {
    NodeId(number(node))
}

fn named(topic: &Arc<str>, partition: u32) -> TopicPartition {
    TopicPartition { topic: Arc::clone(topic), partition: number(partition) }
}

fn number(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
