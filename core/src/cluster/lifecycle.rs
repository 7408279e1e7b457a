//! What may be done to brokers, to the controller, and to what lies between them.
//!
//! *Models*: a clean stop, a kill, SIGSTOP and SIGCONT, a start, a broker that is slow, one that is cut off from others or
//! from the controller, one that hears nothing new, the loss of a log's disk, followers that stop fetching, elections by
//! hand, a controller that is away. *Leaves out*: brokers that are added to a cluster, or unregistered from it for good;
//! partitions that are assigned to other brokers.

use super::broker::{Refusal, Signal};
use super::registration::{Election, NO_LEADER};
use super::{Cluster, TopicRefusal};
use crate::error::ErrorCode;
use crate::ids::{NodeId, TopicPartition};
use crate::time::Now;
use crate::trace::{BrokerState, Fact, Observer};

impl<O: Observer> Cluster<O> {
    /// What a broker's process does.
    ///
    /// # Errors
    /// No such broker.
    pub fn broker_state(&self, node: NodeId) -> Result<BrokerState, Refusal> {
        self.brokers.get(node).map(|broker| broker.state).ok_or(Refusal::UnknownBroker)
    }

    /// Does the machine of this broker take connections? A process that stands still does not hinder its kernel.
    pub fn accepts_connections(&self, node: NodeId) -> bool {
        self.brokers.get(node).is_some_and(super::broker::Broker::is_up)
    }

    /// Does the controller hold it for gone?
    pub fn is_fenced(&self, node: NodeId) -> bool {
        self.brokers.get(node).is_none_or(|broker| broker.is_fenced)
    }

    /// Kills a broker (SIGKILL): its connections break now, but it stays the leader of what it leads until the controller
    /// has missed it for `broker.session.timeout.ms`.
    ///
    /// # Errors
    /// No such broker, or none that runs.
    pub fn kill(&mut self, now: Now, node: NodeId) -> Result<(), Refusal> {
        self.turn_broker(now, node, Signal::Kill)?;
        let broker = self.brokers.get_mut(node)?;
        (broker.died, broker.exits) = (true, None);
        self.cut_all(node);
        self.settle(now);
        self.advance(now);
        Ok(())
    }

    /// Stops a broker cleanly (SIGTERM): others that are in sync become leaders first, then it leaves all ISRs, and with
    /// its next heartbeat it goes.
    ///
    /// # Errors
    /// No such broker, none that runs, or no controller to ask.
    pub fn shut_down(&mut self, now: Now, node: NodeId) -> Result<(), Refusal> {
        if !self.brokers.reaches_controller(node) {
            return Err(Refusal::NoController);
        }
        self.turn_broker(now, node, Signal::ShutDown)?;
        self.brokers.get_mut(node)?.exits = Some(now.instant() + self.config.broker_heartbeat_interval);
        self.let_leave(now, node);
        self.advance(now);
        Ok(())
    }

    /// Starts a broker that is gone. It comes back as soon as the controller takes it in: at once after a clean stop, after
    /// a kill only when the session of its last life is over. A disk that failed has been replaced by an empty one.
    ///
    /// # Errors
    /// No such broker, or one that is there.
    pub fn restart(&mut self, now: Now, node: NodeId) -> Result<(), Refusal> {
        self.turn_broker(now, node, Signal::Start)?;
        self.settle(now);
        self.advance(now);
        Ok(())
    }

    /// Lets a broker's process stand still (SIGSTOP): connections stay and are taken, nothing is answered.
    ///
    /// # Errors
    /// No such broker, or none that runs.
    pub fn pause(&mut self, now: Now, node: NodeId) -> Result<(), Refusal> {
        self.turn_broker(now, node, Signal::Pause)?;
        self.settle(now);
        self.advance(now);
        Ok(())
    }

    /// Lets it go on (SIGCONT). What came meanwhile it meets with what it knew before.
    ///
    /// # Errors
    /// No such broker, or none that stands still.
    pub fn resume(&mut self, now: Now, node: NodeId) -> Result<(), Refusal> {
        self.turn_broker(now, node, Signal::Resume)?;
        self.serve_all_at(now, node);
        self.settle(now);
        self.advance(now);
        Ok(())
    }

    /// Lets each request take so many times longer at this broker; 1: as long as at others.
    ///
    /// # Errors
    /// No such broker, or requests take no time ([`processing_time`](super::ClusterConfig::processing_time)).
    pub fn slow_down(&mut self, node: NodeId, factor: u32) -> Result<(), Refusal> {
        if self.config.processing_time.is_zero() {
            return Err(Refusal::RequestsTakeNoTime);
        }
        self.brokers.get_mut(node)?.slowness = factor.max(1);
        Ok(())
    }

    /// Lets nothing get through between two brokers any more.
    ///
    /// # Errors
    /// No such broker.
    pub fn separate(&mut self, now: Now, one: NodeId, other: NodeId) -> Result<(), Refusal> {
        self.set_separated(now, one, other, true)
    }

    /// Ends that.
    ///
    /// # Errors
    /// No such broker.
    pub fn reunite(&mut self, now: Now, one: NodeId, other: NodeId) -> Result<(), Refusal> {
        self.set_separated(now, one, other, false)
    }

    fn set_separated(&mut self, now: Now, one: NodeId, other: NodeId, is_separated: bool) -> Result<(), Refusal> {
        self.broker_state(one)?;
        self.broker_state(other)?;
        self.brokers.set_severed(one, other, is_separated);
        self.settle(now);
        self.advance(now);
        Ok(())
    }

    /// Cuts a broker off from the controller: it goes on as it is, and is missed.
    ///
    /// # Errors
    /// No such broker.
    pub fn cut_off_from_controller(&mut self, now: Now, node: NodeId) -> Result<(), Refusal> {
        self.brokers.get_mut(node)?.is_cut_off = true;
        self.settle(now);
        self.advance(now);
        Ok(())
    }

    /// Ends that.
    ///
    /// # Errors
    /// No such broker.
    pub fn reconnect_to_controller(&mut self, now: Now, node: NodeId) -> Result<(), Refusal> {
        self.brokers.get_mut(node)?.is_cut_off = false;
        self.settle(now);
        self.advance(now);
        Ok(())
    }

    /// Lets a broker hear nothing new from the controller, though its heartbeats arrive: it goes on with what it knows, and
    /// tells clients so.
    ///
    /// # Errors
    /// No such broker.
    pub fn hold_metadata(&mut self, now: Now, node: NodeId) -> Result<(), Refusal> {
        self.brokers.get_mut(node)?.is_stale = true;
        self.settle(now);
        self.advance(now);
        Ok(())
    }

    /// Lets it hear what it has missed.
    ///
    /// # Errors
    /// No such broker.
    pub fn release_metadata(&mut self, now: Now, node: NodeId) -> Result<(), Refusal> {
        self.brokers.get_mut(node)?.is_stale = false;
        self.settle(now);
        self.advance(now);
        Ok(())
    }

    /// Takes the controller away: nobody is fenced or elected, and no ISR changes.
    pub fn take_controller_away(&mut self, now: Now) {
        self.set_controller(now, true);
    }

    /// Brings it back. Brokers that it misses have a whole session to show up.
    pub fn bring_controller_back(&mut self, now: Now) {
        for node in self.brokers.nodes() {
            if let Ok(broker) = self.brokers.get_mut(node) {
                broker.silent_since = broker.silent_since.map(|_| now.instant());
            }
        }
        self.set_controller(now, false);
    }

    fn set_controller(&mut self, now: Now, is_away: bool) {
        self.brokers.controller_is_away = is_away;
        self.observer.note(now.instant(), || Fact::ControllerChanged { is_there: !is_away });
        self.settle(now);
        self.advance(now);
    }

    /// Lets the disk fail that holds a broker's copy of a partition: it is gone, and somebody else leads. It comes back,
    /// empty, when the broker is [started](Self::restart) anew.
    ///
    /// # Errors
    /// No such partition or copy.
    pub fn fail_disk(&mut self, now: Now, node: NodeId, name: &TopicPartition) -> Result<(), Refusal> {
        let (_, partition) = self.topics.partition_mut(name).ok_or(Refusal::UnknownPartition)?;
        partition.replica_mut(node).ok_or(Refusal::NotAReplica)?.is_offline = true;
        if self.brokers.is_in_contact(node) {
            self.leave_isr(now, name, node);
        }
        self.logs_changed = true;
        self.advance(now);
        Ok(())
    }

    /// Takes a follower out of the ISR, as if it had lacked something for long, and stops its fetches of this partition so
    /// that it stays out.
    ///
    /// # Errors
    /// No such partition or copy; it leads; the controller is away.
    pub fn shrink_isr(&mut self, now: Now, node: NodeId, name: &TopicPartition) -> Result<(), Refusal> {
        if self.brokers.controller_is_away {
            return Err(Refusal::NoController);
        }
        self.stop_fetches(node, name, true)?;
        self.leave_isr(now, name, node);
        self.advance(now);
        Ok(())
    }

    /// Stops a follower's fetches of a partition: after `replica.lag.time.max.ms` it is out of sync.
    ///
    /// # Errors
    /// No such partition or copy; it leads.
    pub fn hold_back(&mut self, node: NodeId, name: &TopicPartition) -> Result<(), Refusal> {
        self.stop_fetches(node, name, false)
    }

    fn stop_fetches(&mut self, node: NodeId, name: &TopicPartition, lags: bool) -> Result<(), Refusal> {
        let (_, partition) = self.topics.partition_mut(name).ok_or(Refusal::UnknownPartition)?;
        if partition.registration.leader == node {
            return Err(Refusal::LeadsIt);
        }
        partition.replica_mut(node).ok_or(Refusal::NotAReplica)?.is_held_back = true;
        if let Some(leader) = partition.replica_mut(partition.registration.leader) {
            leader.note_silent(node, lags);
        }
        Ok(())
    }

    /// Lets it fetch again: when it has caught up it is in sync.
    ///
    /// # Errors
    /// No such partition or copy.
    pub fn let_catch_up(&mut self, now: Now, node: NodeId, name: &TopicPartition) -> Result<(), Refusal> {
        let (_, partition) = self.topics.partition_mut(name).ok_or(Refusal::UnknownPartition)?;
        let replica = partition.replica_mut(node).ok_or(Refusal::NotAReplica)?;
        replica.is_held_back = false;
        let (leader, _) = replica.believed_leader();
        if leader != node && leader != NO_LEADER {
            self.fetchers.ask((leader, node), name);
        }
        self.advance(now);
        Ok(())
    }

    pub(super) fn leave_isr(&mut self, now: Now, name: &TopicPartition, node: NodeId) {
        if let Some(partition) = self.topics.partition(&name.topic, name.partition)
            && partition.registration.isr.contains(&node)
            && !self.brokers.controller_is_away
        {
            let isr = partition.registration.isr.iter().copied().filter(|&other| other != node).collect();
            self.change_partition(now, name, isr, Some(node), None, None);
        }
    }

    /// Elects the preferred leader of a partition, the first of its replicas (`kafka-leader-election`).
    ///
    /// # Errors
    /// No such partition; it leads already; it is not in sync; the controller is away.
    pub fn elect_preferred(&mut self, now: Now, name: &TopicPartition) -> Result<(), Refusal> {
        let partition = self.topics.partition(&name.topic, name.partition).ok_or(Refusal::UnknownPartition)?;
        let registration = &partition.registration;
        if registration.replicas.first() == Some(&registration.leader) {
            return Err(Refusal::ElectionNotNeeded);
        }
        self.elect(now, name, Election::Preferred)
    }

    /// Elects a leader of a partition that has none, whatever it lacks (`kafka-leader-election --election-type unclean`).
    ///
    /// # Errors
    /// No such partition; it has a leader; nobody is there; the controller is away.
    pub fn elect_unclean(&mut self, now: Now, name: &TopicPartition) -> Result<(), Refusal> {
        let partition = self.topics.partition(&name.topic, name.partition).ok_or(Refusal::UnknownPartition)?;
        if partition.registration.leader != NO_LEADER {
            return Err(Refusal::ElectionNotNeeded);
        }
        self.elect(now, name, Election::Unclean)
    }

    fn elect(&mut self, now: Now, name: &TopicPartition, election: Election) -> Result<(), Refusal> {
        if self.brokers.controller_is_away {
            return Err(Refusal::NoController);
        }
        let partition = self.topics.partition(&name.topic, name.partition).ok_or(Refusal::UnknownPartition)?;
        let isr = partition.registration.isr.clone();
        let changed = self.change_partition(now, name, isr, None, None, Some(election));
        self.advance(now);
        if changed.leader { Ok(()) } else { Err(Refusal::NotInSync) }
    }

    /// Gives a partition another leader that is in sync, in a new epoch; `NodeId(-1)`: none. Clients find out by asking the
    /// old one.
    ///
    /// # Errors
    /// No such partition; that broker holds no copy of it, or none that is in sync; the controller is away.
    pub fn move_leader(&mut self, now: Now, name: &TopicPartition, to: NodeId) -> Result<(), Refusal> {
        self.appoint_leader(now, name, to)?;
        self.advance(now);
        Ok(())
    }

    pub(super) fn appoint_leader(&mut self, now: Now, name: &TopicPartition, to: NodeId) -> Result<(), Refusal> {
        if self.brokers.controller_is_away {
            return Err(Refusal::NoController);
        }
        let (_, partition) = self.topics.partition_mut(name).ok_or(Refusal::UnknownPartition)?;
        let registration = &mut partition.registration;
        if to != NO_LEADER {
            if !registration.replicas.contains(&to) {
                return Err(Refusal::NotAReplica);
            }
            if !registration.isr.contains(&to) || !self.brokers.is_active(to) {
                return Err(Refusal::NotInSync);
            }
        }
        registration.appoint(to);
        self.announce(now, name, super::registration::Changed { leader: true, ..Default::default() });
        Ok(())
    }

    /// Changes a setting of a topic (IncrementalAlterConfigs).
    ///
    /// # Errors
    /// No such topic or setting, or no such value.
    pub fn alter_topic(&mut self, now: Now, topic: &str, name: &str, value: &str) -> Result<(), TopicRefusal> {
        let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
        let found = self.topics.topic_mut(topic);
        let found = found.ok_or_else(|| super::topics::refusal(unknown, unknown.java_message()))?;
        found.settings.set(name, value.trim())?;
        if !self.brokers.controller_is_away {
            // Somebody may now lead who might not before.
            self.elect_where_nobody_leads(now);
        }
        self.advance(now);
        Ok(())
    }
}
