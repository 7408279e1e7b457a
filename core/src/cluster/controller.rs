//! The controller: it takes brokers in and fences them, and decides about partitions (`QuorumController`,
//! `ReplicationControlManager`).
//!
//! *Models*: one controller, apart from the brokers, that may be away: then nobody is fenced or elected, and no ISR
//! changes; brokers that hear of its decisions at once, or later. *Leaves out*: the quorum behind it, the time that its
//! log takes to brokers, its other tasks (topics come and go and producer ids are given without it), the balancing of
//! leaders every five minutes (it is done by hand).

use std::sync::Arc;

use super::broker::{Broker, Refusal, Signal, after};
use super::image::Image;
use super::registration::{Changed, Election, NO_LEADER, Target};
use super::replica::{Heard, Replica};
use super::{Cluster, ClusterOutput, LinkId};
use crate::ids::{NodeId, TopicPartition};
use crate::time::{Instant, Now};
use crate::trace::{BrokerState, Fact, Observer};

/// Why partitions are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Because {
    /// This broker is no longer to be in sync or to lead.
    Leaves(NodeId),
    /// This one came back after a death.
    Died(NodeId),
    /// Somebody is there again who may lead.
    SomebodyIsBack,
}

impl<O: Observer> Cluster<O> {
    /// What time does to brokers: sessions end, shutdowns are over, followers fall behind.
    pub(super) fn pass_time(&mut self, now: Now) {
        for node in self.brokers.nodes() {
            let Some(broker) = self.brokers.get(node) else { continue };
            if broker.exits.is_none() && broker.silent_since.is_none() {
                continue;
            }
            if broker.exits.is_some_and(|exits| exits <= now.instant()) && self.brokers.works(node) {
                self.exit(now, node);
            }
            if self.session_ends(node).is_some_and(|end| end <= now.instant()) {
                self.fence(now, node);
                self.settle(now);
            }
        }
        self.check_isrs(now);
    }

    /// When time does something to a broker or a follower next.
    pub(super) fn next_of_brokers(&self) -> Option<Instant> {
        let of_one = |(node, broker): (NodeId, &Broker)| {
            let exits = broker.exits.filter(|_| broker.works());
            exits.into_iter().chain(self.session_ends(node)).min()
        };
        // Seldom is any of them about to go, or missed.
        let may = self.brokers.iter().filter(|(_, broker)| broker.exits.is_some() || broker.silent_since.is_some());
        may.filter_map(of_one).chain(self.isr_check).min()
    }

    fn session_ends(&self, node: NodeId) -> Option<Instant> {
        let broker = self.brokers.get(node)?;
        let silent_since = broker.silent_since.filter(|_| !broker.is_fenced && !self.brokers.controller_is_away)?;
        Some(silent_since + self.config.broker_session_timeout)
    }

    /// Brokers and controller learn of each other what is new. To be called whenever somebody came or went.
    pub(super) fn settle(&mut self, now: Now) {
        for node in self.brokers.nodes() {
            self.register_if_possible(now, node);
            let is_in_contact = self.brokers.is_in_contact(node);
            let interval = self.config.broker_heartbeat_interval;
            let Ok(broker) = self.brokers.get_mut(node) else { continue };
            match broker.silent_since {
                Some(_) if is_in_contact => broker.silent_since = None,
                None if !is_in_contact => broker.silent_since = Some(broker.last_heartbeat(now.instant(), interval)),
                _ => {}
            }
            if is_in_contact && broker.is_fenced && broker.state == BrokerState::Running {
                broker.is_fenced = false;
                self.observer.note(now.instant(), || Fact::BrokerFenced { node, fenced: false });
                self.look_at_partitions(now, Because::SomebodyIsBack);
            }
            self.keep_or_renew_image(now, node);
        }
        self.report_failed_disks(now);
        self.reconnect_fetchers();
        for name in self.topics.names_of_partitions() {
            self.look_at_isr_again(now, &name);
        }
        self.logs_changed = true;
        self.markers_are_late = true;
    }

    /// A broker whose disk failed tells the controller until it was heard (`BrokerLifecycleManager`, offline directories in
    /// each heartbeat).
    fn report_failed_disks(&mut self, now: Now) {
        for name in self.topics.names_of_partitions() {
            let Some(partition) = self.topics.partition(&name.topic, name.partition) else { continue };
            let registration = &partition.registration;
            let counts = |node: &NodeId| {
                registration.leader == *node || (registration.isr.len() > 1 && registration.isr.contains(node))
            };
            let failed = partition.replicas.iter().filter(|replica| replica.is_offline).map(|replica| replica.node);
            let told: Vec<NodeId> = failed.filter(|node| counts(node) && self.brokers.is_in_contact(*node)).collect();
            for node in told {
                self.leave_isr(now, &name, node);
            }
        }
    }

    /// A broker that starts is taken in, once the session of its last life is over
    /// (`DuplicateBrokerRegistrationException` until then).
    fn register_if_possible(&mut self, now: Now, node: NodeId) {
        let reaches = self.brokers.reaches_controller(node);
        let Ok(broker) = self.brokers.get_mut(node) else { return };
        if !reaches || broker.state != BrokerState::Starting || !broker.is_fenced {
            return;
        }
        let died = broker.died;
        broker.register(now.instant());
        if died {
            self.look_at_partitions(now, Because::Died(node));
        }
        for name in self.topics.names_of_partitions() {
            let Some((_, partition)) = self.topics.partition_mut(&name) else { continue };
            let Some(replica) = partition.replica_mut(node) else { continue };
            let is_empty = replica.is_offline;
            replica.begin_life(&self.config);
            if is_empty {
                let isr = partition.registration.isr.iter().copied().filter(|&other| other != node).collect();
                self.change_partition(now, &name, isr, Some(node), Some(node), None);
            }
        }
        // It starts, so it registers.
        let _ = self.turn_broker(now, node, Signal::Register);
    }

    /// A broker that no longer hears keeps what it knows; one that hears again learns all that is new.
    fn keep_or_renew_image(&mut self, now: Now, node: NodeId) {
        let hears = self.brokers.hears(node);
        let Some(broker) = self.brokers.get(node) else { return };
        if !hears {
            if broker.image.is_none() {
                let image = Some(Arc::new(Image::of(&self.brokers, &self.topics)));
                if let Ok(broker) = self.brokers.get_mut(node) {
                    broker.image = image;
                }
            }
        } else if broker.image.is_some() {
            if let Ok(broker) = self.brokers.get_mut(node) {
                broker.image = None;
            }
            for name in self.topics.names_of_partitions() {
                self.tell_of_partition(now, node, &name);
            }
        }
    }

    /// Changes a broker's state.
    pub(super) fn turn_broker(&mut self, now: Now, node: NodeId, signal: Signal) -> Result<(), Refusal> {
        let broker = self.brokers.get_mut(node)?;
        let state = after(broker.state, signal)?;
        broker.state = state;
        self.observer.note(now.instant(), || Fact::BrokerChanged { node, state });
        Ok(())
    }

    /// A controlled shutdown is over: the process is gone, and the controller knows.
    fn exit(&mut self, now: Now, node: NodeId) {
        if self.turn_broker(now, node, Signal::Exit).is_ok() {
            self.cut_all(node);
            if let Ok(broker) = self.brokers.get_mut(node) {
                broker.exits = None;
            }
            // Without a controller nobody takes its leave: it will be missed later.
            if self.brokers.reaches_controller(node) {
                self.fence(now, node);
            }
            self.settle(now);
        }
    }

    /// All connections of a process that is gone break.
    pub(super) fn cut_all(&mut self, node: NodeId) {
        let gone: Vec<LinkId> = self.links.iter().filter(|(_, link)| link.node == node).map(|(&id, _)| id).collect();
        for link in gone {
            self.links.remove(&link);
            self.outputs.push_back(ClusterOutput::Cut { link });
        }
    }

    /// The controller holds a broker for gone.
    fn fence(&mut self, now: Now, node: NodeId) {
        let Ok(broker) = self.brokers.get_mut(node) else { return };
        if !core::mem::replace(&mut broker.is_fenced, true) {
            self.observer.note(now.instant(), || Fact::BrokerFenced { node, fenced: true });
            self.look_at_partitions(now, Because::Leaves(node));
        }
    }

    /// A broker says that it is about to leave: its leaders move first.
    pub(super) fn let_leave(&mut self, now: Now, node: NodeId) {
        if let Ok(broker) = self.brokers.get_mut(node) {
            broker.is_leaving = true;
        }
        self.look_at_partitions(now, Because::Leaves(node));
    }

    /// Somebody may be there who may lead.
    pub(super) fn elect_where_nobody_leads(&mut self, now: Now) {
        self.look_at_partitions(now, Because::SomebodyIsBack);
    }

    /// `ReplicationControlManager.generateLeaderAndIsrUpdates`.
    fn look_at_partitions(&mut self, now: Now, because: Because) {
        for name in self.topics.names_of_partitions() {
            let Some((_, partition)) = self.topics.partition_mut(&name) else { continue };
            let registration = &partition.registration;
            let (concerned, gone, unclean_shutdown) = match because {
                Because::Leaves(node) => (registration.isr.contains(&node), Some(node), None),
                Because::Died(node) => {
                    (registration.isr.contains(&node) || registration.elr.contains(&node), Some(node), Some(node))
                }
                Because::SomebodyIsBack => (registration.leader == NO_LEADER, None, None),
            };
            if concerned {
                let isr = registration.isr.iter().copied().filter(|&node| Some(node) != gone).collect();
                self.change_partition(now, &name, isr, gone, unclean_shutdown, None);
            }
        }
    }

    /// Decides about one partition, and tells those who hear.
    pub(super) fn change_partition(
        &mut self,
        now: Now,
        name: &TopicPartition,
        isr: Vec<NodeId>,
        gone: Option<NodeId>,
        unclean_shutdown: Option<NodeId>,
        election: Option<Election>,
    ) -> Changed {
        let (brokers, config) = (&self.brokers, &self.config);
        let Some((settings, partition)) = self.topics.partition_mut(name) else { return Changed::default() };
        let min_isr = partition.min_isr(settings, config);
        let is_unclean_allowed = settings.unclean_leader_election.unwrap_or(config.unclean_leader_election);
        let usual = if is_unclean_allowed { Election::Unclean } else { Election::Online };
        let offline: Vec<NodeId> =
            partition.replicas.iter().filter(|replica| replica.is_offline).map(|replica| replica.node).collect();
        let may_lead = |node: NodeId| gone != Some(node) && brokers.is_active(node) && !offline.contains(&node);
        let election = election.unwrap_or(usual);
        let target = Target { isr, unclean_shutdown, election, min_isr, may_lead: &may_lead };
        let changed = partition.registration.change(target);
        self.announce(now, name, changed);
        changed
    }

    /// Tells of what was decided about a partition.
    pub(super) fn announce(&mut self, now: Now, name: &TopicPartition, changed: Changed) {
        let Some(partition) = self.topics.partition(&name.topic, name.partition) else { return };
        let registration = &partition.registration;
        if changed.leader {
            let (leader, epoch) = (registration.leader, registration.leader_epoch);
            let partition = name.clone();
            let unclean = changed.unclean;
            self.observer.note(now.instant(), || Fact::LeaderMoved { partition, leader, epoch, unclean });
        }
        if changed.isr {
            let (isr, elr) = (registration.isr.clone(), registration.elr.clone());
            let partition = name.clone();
            self.observer.note(now.instant(), || Fact::IsrChanged { partition, isr, elr });
        }
        if changed.anything() {
            self.tell_all_of_partition(now, name);
            self.logs_changed = true;
            self.markers_are_late = true;
        }
    }

    fn tell_all_of_partition(&mut self, now: Now, name: &TopicPartition) {
        let Some(partition) = self.topics.partition(&name.topic, name.partition) else { return };
        let nodes = partition.replicas.iter().map(|replica| replica.node);
        let hearing: Vec<NodeId> = nodes.filter(|&node| self.brokers.hears(node)).collect();
        for node in hearing {
            self.tell_of_partition(now, node, name);
        }
    }

    /// New partitions: who holds one hears of it.
    pub(super) fn tell_of_new_partitions(&mut self, topic: &Arc<str>, first: i32) {
        let Some(count) = self.topics.get(topic).map(super::topics::Topic::partition_count) else { return };
        for partition in first..count {
            let name = TopicPartition { topic: Arc::clone(topic), partition };
            self.tell_all_of_partition(self.last_now, &name);
        }
    }

    /// One broker hears what was decided about a partition.
    fn tell_of_partition(&mut self, now: Now, node: NodeId, name: &TopicPartition) {
        let Some((settings, partition)) = self.topics.partition_mut(name) else { return };
        let min_isr = partition.min_isr(settings, &self.config);
        let decided = partition.registration.clone();
        let Some(replica) = partition.replica_mut(node) else { return };
        match replica.hear(now, &decided) {
            Heard::Nothing => return,
            Heard::Follows(leader) => {
                if leader != NO_LEADER {
                    self.fetchers.ask((leader, node), name);
                }
            }
            heard => {
                replica.producers.forget_idle(now, &self.config);
                let lag_max = self.config.replica_lag_time_max;
                let has_moved = replica.advance_high_watermark(now.instant(), min_isr, lag_max, &self.brokers);
                let is_behind = replica.has_laggards();
                if heard == Heard::Leads {
                    // Those who asked before it knew, and those who are to be told anew.
                    for other in decided.replicas.iter().filter(|&&other| other != node) {
                        if partition
                            .replica(*other)
                            .is_some_and(|replica| replica.believed_leader() == (node, decided.leader_epoch))
                        {
                            self.fetchers.ask((node, *other), name);
                        }
                    }
                }
                self.note_behind(name, is_behind);
                if has_moved {
                    self.high_watermark_moved(now, name, node);
                }
            }
        }
        self.logs_changed = true;
    }

    /// A follower is to come into the ISR, as its leader says.
    pub(super) fn expand_isr(&mut self, now: Now, name: &TopicPartition, node: NodeId) {
        let found = self.topics.partition(&name.topic, name.partition);
        // The one before it may have brought another leader.
        let leader = found.and_then(|partition| partition.replica(partition.registration.leader));
        if leader.is_some_and(|leader| leader.comes_into_isr(node, &self.brokers)) {
            self.alter_isr(now, name, |isr| isr.push(node));
        }
    }

    /// Followers are to leave it.
    pub(super) fn shrink_isr_to(&mut self, now: Now, name: &TopicPartition, gone: &[NodeId]) {
        self.alter_isr(now, name, |isr| isr.retain(|node| !gone.contains(node)));
    }

    /// AlterPartition: only the leader that the controller knows may ask, if it can.
    fn alter_isr(&mut self, now: Now, name: &TopicPartition, alter: impl FnOnce(&mut Vec<NodeId>)) {
        let Some(partition) = self.topics.partition(&name.topic, name.partition) else { return };
        let registration = &partition.registration;
        let leader = registration.leader;
        let Some(leading) = partition.replica(leader).and_then(Replica::leading) else { return };
        // One that believes something else has to hear first (INVALID_UPDATE_VERSION).
        let is_up_to_date = leading.epoch == registration.leader_epoch && leading.isr == registration.isr;
        if is_up_to_date && self.brokers.is_in_contact(leader) {
            let mut isr = registration.isr.clone();
            alter(&mut isr);
            self.change_partition(now, name, isr, None, None, None);
            // The answer tells the leader, whatever else it does not hear.
            self.tell_of_partition(now, leader, name);
        }
    }

    /// Followers may have caught up while nobody could say so, or while they were not to be in sync.
    fn look_at_isr_again(&mut self, now: Now, name: &TopicPartition) {
        let Some(partition) = self.topics.partition(&name.topic, name.partition) else { return };
        let leader = partition.registration.leader;
        let Some(replica) = partition.replica(leader).filter(|_| self.brokers.works(leader)) else { return };
        let nodes = partition.replicas.iter().map(|replica| replica.node);
        let coming: Vec<NodeId> = nodes.filter(|&node| replica.comes_into_isr(node, &self.brokers)).collect();
        for node in coming {
            self.expand_isr(now, name, node);
        }
    }

    /// A partition has, or has no longer, followers in sync that lack something.
    pub(super) fn note_behind(&mut self, name: &TopicPartition, is_behind: bool) {
        if is_behind {
            if !self.behind.contains(name) {
                self.behind.insert(name.clone());
            }
        } else {
            self.behind.remove(name);
        }
    }

    /// Leaders look at their followers every half of `replica.lag.time.max.ms` (`isr-expiration`).
    fn check_isrs(&mut self, now: Now) {
        if self.isr_check.is_some_and(|check| check <= now.instant()) {
            self.isr_check = None;
            for name in self.behind.clone() {
                self.shrink_if_out_of_sync(now, &name);
            }
        }
    }

    /// There is a check ahead as long as somebody lacks something.
    pub(super) fn plan_isr_check(&mut self, now: Now) {
        if self.behind.is_empty() {
            self.isr_check = None;
        } else if self.isr_check.is_none() {
            let interval = self.config.replica_lag_time_max / 2;
            self.isr_check = Some(now.instant().last_multiple_of(interval) + interval);
        }
    }

    fn shrink_if_out_of_sync(&mut self, now: Now, name: &TopicPartition) {
        let Some(partition) = self.topics.partition(&name.topic, name.partition) else {
            self.behind.remove(name);
            return;
        };
        let leader = partition.registration.leader;
        if leader == NO_LEADER {
            self.behind.remove(name);
        }
        if !self.brokers.works(leader) {
            return;
        }
        let Some(replica) = partition.replica(leader) else { return };
        let out = replica.out_of_sync(now.instant(), self.config.replica_lag_time_max);
        if !out.is_empty() {
            self.shrink_isr_to(now, name, &out);
        }
    }
}
