//! What somebody may do to a simulated world beside its brokers: to its processes, its network, and one message.
//!
//! *Models*: processes that stand still or end, clocks that jump, paths that are down, connections that are cut or refused,
//! addresses that lead nowhere, and rules for messages. *Leaves out*: processes that come back with what they had on disk;
//! producers have nothing there.

use core::time::Duration;

use super::message::{Interference, InterferenceRefusal, MessageName};
use super::network::{Done, MessageOnItsWay, Route};
use super::rules::{BellId, MessageRule, Pattern};
use super::{ClientId, Simulation};
use crate::application::Application;
use crate::cluster::LinkId;
use crate::ids::{CorrelationId, NodeId};
use crate::trace::{Fact, Fault, Observer};

impl<O: Observer, A: Application<O>> Simulation<A, O> {
    /// A process stands still for so long, as in a long collection of garbage or on a laptop that sleeps: what arrives
    /// waits, and no timer is looked at. Its connections stand.
    ///
    /// # Panics
    /// When there is no such client.
    pub fn pause_client(&mut self, client: ClientId, by: Duration) {
        self.hold_client(client, by);
        let client = &mut self.clients[client.0];
        let until = client.paused_until;
        client.producer.observer_mut().note(self.now, || Fact::ProcessPaused { until });
    }

    /// A process that has yet to begin does so in so long: as [`pause_client`](Self::pause_client), but nothing that
    /// anybody is told of.
    ///
    /// # Panics
    /// When there is no such client.
    pub fn hold_client(&mut self, client: ClientId, by: Duration) {
        let client = &mut self.clients[client.0];
        client.paused_until = client.paused_until.max(self.now + by);
    }

    /// A process ends without a word: what waits in its accumulator is gone, what it has written to its sockets still
    /// arrives.
    ///
    /// # Panics
    /// When there is no such client.
    pub fn end_client(&mut self, client: ClientId) {
        let client = &mut self.clients[client.0];
        client.has_ended = true;
        self.network.close_all(self.now, client.index.0);
    }

    /// Changes how messages travel from now on.
    pub fn set_route(&mut self, route: Route) {
        self.network.set_route(route);
    }

    /// Has something done to messages from now on. What no broker would ever say is left undone.
    pub fn add_rule(&mut self, rule: MessageRule) {
        self.network.rules_mut().add(rule);
    }

    /// Counts the messages that fit, from now on.
    pub fn add_bell(&mut self, on: Pattern) -> BellId {
        self.network.rules_mut().add_bell(on)
    }

    /// How many messages have fitted.
    pub fn bell(&self, bell: BellId) -> u64 {
        self.network.rules().bell(bell)
    }

    /// The wall clock of a client's machine jumps: from now on it shows so much more.
    ///
    /// # Panics
    /// When there is no such client.
    pub fn jump_clock(&mut self, client: ClientId, by_ms: i64) {
        let client = &mut self.clients[client.0];
        client.clock_offset_ms = client.clock_offset_ms.saturating_add(by_ms);
    }

    /// All connections between a client, or all of them, and a broker, or all of them, break.
    pub fn cut_connections(&mut self, client: Option<ClientId>, node: Option<NodeId>) {
        self.network.cut(self.now, client, node);
    }

    /// From now on a broker refuses new connections, or takes them again.
    pub fn set_refusing(&mut self, node: NodeId, is_refusing: bool) {
        self.network.set_refusing(node, is_refusing);
    }

    /// From now on nobody answers who wants a connection to a broker, as behind an advertised address that leads nowhere;
    /// or somebody does again.
    pub fn set_unreachable(&mut self, node: NodeId, is_unreachable: bool) {
        self.network.set_unreachable(node, is_unreachable);
    }

    /// The path between a client and a broker goes down or comes up. While it is down nothing arrives and nobody is told;
    /// what was held up arrives afterwards.
    ///
    /// # Panics
    /// When there is no such client.
    pub fn set_path(&mut self, client: ClientId, node: NodeId, is_up: bool) {
        let client = self.clients[client.0].index.0;
        if is_up {
            self.network.bring_up(self.now, client, node);
        } else {
            self.network.take_down(client, node);
        }
    }

    /// All messages on their way, in order of departure.
    pub fn messages(&self) -> Vec<MessageOnItsWay> {
        self.network.on_their_way()
    }

    /// Does something to a message on its way, now.
    ///
    /// # Errors
    /// No such message is on its way, or no broker would ever say that.
    pub fn interfere(&mut self, name: &MessageName, what: Interference) -> Result<(), InterferenceRefusal> {
        let done = self.network.interfere(self.now, name, what)?;
        self.note_done(done);
        Ok(())
    }

    /// Has something done to a message that has not departed yet. It is done to no other: a message that is never sent
    /// stays among [`planned`](Self::planned).
    ///
    /// # Errors
    /// No broker would ever say that.
    pub fn plan(&mut self, name: MessageName, what: Interference) -> Result<(), InterferenceRefusal> {
        self.network.plan(name, what)
    }

    /// What was planned and has not been done, because no such message has departed.
    pub fn planned(&self) -> impl Iterator<Item = (&MessageName, &Interference)> {
        self.network.planned()
    }

    pub(super) fn note_done(&mut self, done: Done) {
        if let Some(fault) = done.fault {
            self.note_fault(done.link, done.correlation, fault);
        }
    }

    pub(super) fn note_fault(&mut self, link: LinkId, correlation: CorrelationId, fault: Fault) {
        let (now, connection) = (self.now, link.connection);
        if let Some(place) = self.place_of(link) {
            let observer = self.clients[place].producer.observer_mut();
            observer.note(now, || Fact::FaultInjected { connection, correlation, fault });
        }
    }
}
