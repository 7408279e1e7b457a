//! The network between producers and brokers.
//!
//! *Models*: connections that take a round trip to stand, are refused or find nobody; messages that take their time, share
//! a bandwidth, and never overtake each other on one connection; connections that break at a message, fall silent behind
//! one, or whose path is down for a while (what was on its way then arrives late, as TCP sends it again); a close that
//! arrives after what was sent before it. *Leaves out*: packets (TCP delivers or breaks), congestion, sockets that are full
//! (every request is taken whole), the time a peer needs to notice a path that never comes back: connections stay half open
//! until somebody's timeout.

mod interfering;
mod line;
mod parcels;
#[cfg(test)]
mod tests;

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use self::line::Line;
use self::parcels::{Parcel, Parcels, Payload, size_of};
use super::ClientId;
use super::message::{Interference, MessageName};
use super::rules::Rules;
use crate::cluster::{ClusterInput, LinkId};
use crate::error::ErrorCode;
use crate::ids::{BrokerAddress, ConnectionId, CorrelationId, Direction, NodeId};
use crate::io::{DisconnectReason, Input};
use crate::protocol::{ApiKey, Request, RequestHeader, Response};
use crate::time::Instant;
use crate::trace::Fault;

/// Bytes of a message that carries no records, where bandwidth is limited: an estimate.
const SMALL_MESSAGE_BYTES: usize = 100;

/// How long a message travels, one way: between `base` and `base + jitter`, evenly, in whole microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// At least this long.
    pub base: Duration,
    /// And up to this much longer.
    pub jitter: Duration,
}

impl Default for Latency {
    /// Brokers in the next room: 1 to 1.5 ms.
    fn default() -> Self {
        Self { base: Duration::from_millis(1), jitter: Duration::from_micros(500) }
    }
}

/// How messages travel between a client and a broker. What is not said holds for all, or is said by another route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Of this client.
    pub client: Option<ClientId>,
    /// To and from this broker.
    pub node: Option<NodeId>,
    /// How long they take.
    pub latency: Option<Latency>,
    /// Bytes per second each way on each connection; `Some(None)`: any number.
    pub bandwidth: Option<Option<u64>>,
}

impl Route {
    fn fits(&self, client: ClientId, node: NodeId) -> bool {
        self.client.is_none_or(|meant| meant == client) && self.node.is_none_or(|meant| meant == node)
    }
}

/// A message on its way, as it can be pointed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageOnItsWay {
    /// Its name.
    pub name: MessageName,
    /// The request that it is, or answers.
    pub correlation: CorrelationId,
    /// The broker at the other end.
    pub node: NodeId,
    /// When it arrives; `None`: not as things stand.
    pub arrives: Option<Instant>,
}

/// Something that has reached its place.
#[derive(Clone, Debug)]
pub(super) enum Arrival {
    /// Somebody wants a connection.
    Knock {
        link: LinkId,
        node: NodeId,
    },
    AtBroker(ClusterInput),
    /// A request, with the answer that it gets whatever it asks.
    ToBeRefused {
        link: LinkId,
        header: RequestHeader,
        body: Request,
        partition: Option<i32>,
        error: ErrorCode,
    },
    AtProducer(LinkId, Input),
    /// A connection broke at a message: at the broker's end before it arrived there, or at the client's.
    Broken {
        link: LinkId,
        correlation: CorrelationId,
        direction: Direction,
    },
}

/// What was done to which message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done {
    pub(super) link: LinkId,
    pub(super) correlation: CorrelationId,
    /// `None`: it shows when the message arrives.
    pub(super) fault: Option<Fault>,
}

#[derive(Clone, Debug)]
pub(super) struct Network {
    brokers: Vec<(NodeId, BrokerAddress)>,
    /// How many clients share it: the producer with index `i` belongs to client `i` modulo this number.
    clients: u32,
    /// The newest first: the first that fits counts.
    routes: Vec<Route>,
    seed: u64,
    lines: BTreeMap<LinkId, Line>,
    parcels: Parcels,
    /// Paths that are down.
    down: BTreeSet<(u32, NodeId)>,
    /// Addresses from which no answer comes, not even a refusal.
    unreachable: BTreeSet<NodeId>,
    /// Brokers that refuse new connections.
    refusing: BTreeSet<NodeId>,
    rules: Rules,
    /// Requests whose answers ask for a pause, in milliseconds.
    throttled: Vec<(LinkId, CorrelationId, i32)>,
    /// What is to be done to messages that have not departed yet.
    planned: BTreeMap<MessageName, Vec<Interference>>,
}

impl Network {
    pub(super) fn new(brokers: Vec<(NodeId, BrokerAddress)>, latency: Latency, seed: u64) -> Self {
        Self {
            brokers,
            clients: 0,
            routes: vec![Route { client: None, node: None, latency: Some(latency), bandwidth: Some(None) }],
            seed,
            lines: BTreeMap::new(),
            parcels: Parcels::default(),
            down: BTreeSet::new(),
            unreachable: BTreeSet::new(),
            refusing: BTreeSet::new(),
            rules: Rules::default(),
            throttled: Vec::new(),
            planned: BTreeMap::new(),
        }
    }

    pub(super) fn set_clients(&mut self, clients: u32) {
        self.clients = clients;
    }

    /// The route counts before all that are there. Those that it hides for good are forgotten: a scenario may change its
    /// routes ten thousand times.
    pub(super) fn set_route(&mut self, route: Route) {
        let is_hidden = |old: &Route| {
            (old.client, old.node) == (route.client, route.node)
                && (old.latency.is_none() || route.latency.is_some())
                && (old.bandwidth.is_none() || route.bandwidth.is_some())
        };
        self.routes.retain(|old| !is_hidden(old));
        self.routes.insert(0, route);
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    pub(super) fn rules_mut(&mut self) -> &mut Rules {
        &mut self.rules
    }

    /// From now on a broker refuses whoever wants a connection, or takes them again.
    pub(super) fn set_refusing(&mut self, node: NodeId, is_refusing: bool) {
        if is_refusing {
            self.refusing.insert(node);
        } else {
            self.refusing.remove(&node);
        }
    }

    /// All connections on this path break, and what is on them is lost.
    pub(super) fn cut(&mut self, now: Instant, client: Option<ClientId>, node: Option<NodeId>) {
        let is_meant = |link: &LinkId, line: &Line| {
            client.is_none_or(|client| client == self.client_of(*link)) && node.is_none_or(|node| node == line.node)
        };
        let links: Vec<LinkId> =
            self.lines.iter().filter(|(link, line)| is_meant(link, line)).map(|(&link, _)| link).collect();
        for link in links {
            self.parcels.drop_all(|parcel| parcel.link == link);
            self.depart(now, link, Direction::ToBroker, None, Payload::Closed);
            self.hang_up(now, link, DisconnectReason::ClosedByPeer);
        }
    }

    fn client_of(&self, link: LinkId) -> ClientId {
        ClientId((link.client % self.clients.max(1)) as usize)
    }

    /// From now on nobody at this broker's address answers, or somebody does again. Connections that stand are not touched.
    pub(super) fn set_unreachable(&mut self, node: NodeId, is_unreachable: bool) {
        if is_unreachable {
            self.unreachable.insert(node);
        } else {
            self.unreachable.remove(&node);
        }
    }

    /// The path between a client and a broker goes down: nothing arrives, nobody is told.
    pub(super) fn take_down(&mut self, client: u32, node: NodeId) {
        if self.down.insert((client, node)) {
            self.parcels.for_each(|parcel| {
                if (parcel.link.client, parcel.node) == (client, node) {
                    parcel.at = None;
                }
            });
        }
    }

    /// The path is up again: what was held up arrives, in order.
    pub(super) fn bring_up(&mut self, now: Instant, client: u32, node: NodeId) {
        if !self.down.remove(&(client, node)) {
            return;
        }
        let held = self
            .parcels
            .departures_of(|parcel| parcel.at.is_none() && (parcel.link.client, parcel.node) == (client, node));
        for departure in held {
            let Some((link, direction)) = self.parcels.get(departure).map(|parcel| (parcel.link, parcel.direction))
            else {
                continue;
            };
            if let Some(at) = self.arrival(now, link, node, direction) {
                self.parcels.reschedule(departure, at);
            }
        }
    }

    /// When the next message arrives.
    pub(super) fn next_arrival(&self) -> Option<Instant> {
        self.parcels.next()
    }

    /// The next message that has arrived by now and finds somebody.
    pub(super) fn take_arrived(&mut self, now: Instant) -> Option<Arrival> {
        while self.next_arrival().is_some_and(|at| at <= now) {
            let parcel = self.parcels.take_next()?;
            let arrival = match parcel.direction {
                Direction::ToBroker => self.arrive_at_broker(now, parcel),
                Direction::ToClient => self.arrive_at_client(now, parcel),
            };
            if arrival.is_some() {
                return arrival;
            }
        }
        None
    }

    fn arrive_at_broker(&mut self, now: Instant, parcel: Parcel) -> Option<Arrival> {
        let Parcel { link, node, .. } = parcel;
        Some(match parcel.payload {
            Payload::Knock if self.unreachable.contains(&node) => return None,
            Payload::Knock if self.refusing.contains(&node) => {
                self.refuse(now, link);
                return None;
            }
            Payload::Knock => Arrival::Knock { link, node },
            Payload::Request { header, body, refuse_with: Some((partition, error)) } => {
                Arrival::ToBeRefused { link, header, body, partition, error }
            }
            Payload::Request { header, body, refuse_with: None } => {
                Arrival::AtBroker(ClusterInput::Request { link, header, body })
            }
            Payload::Closed => Arrival::AtBroker(ClusterInput::Closed { link }),
            Payload::Break { correlation } => {
                self.hang_up(now, link, DisconnectReason::ClosedByPeer);
                self.parcels.drop_all(|other| other.link == link && other.direction == Direction::ToBroker);
                Arrival::Broken { link, correlation, direction: Direction::ToBroker }
            }
            Payload::News(_) | Payload::Answer { .. } => return None,
        })
    }

    fn arrive_at_client(&mut self, now: Instant, parcel: Parcel) -> Option<Arrival> {
        let Parcel { link, .. } = parcel;
        if !self.lines.contains_key(&link) {
            return None;
        }
        let connection = link.connection;
        let input = match parcel.payload {
            Payload::News(input) => input,
            Payload::Answer { correlation, response } => Input::Received { connection, correlation, response },
            Payload::Break { correlation } => {
                // The broker hears of it behind what was sent to it before.
                self.close(now, link);
                return Some(Arrival::Broken { link, correlation, direction: Direction::ToClient });
            }
            Payload::Knock | Payload::Request { .. } | Payload::Closed => return None,
        };
        if matches!(input, Input::Disconnected { .. }) {
            self.forget(link);
        }
        Some(Arrival::AtProducer(link, input))
    }

    /// A client asks for a connection.
    pub(super) fn connect(&mut self, now: Instant, link: LinkId, address: &BrokerAddress) {
        let found = self.brokers.iter().find(|(_, known)| known == address).map(|(node, _)| *node);
        let line = Line::new(found.unwrap_or_default(), now, self.seed, link);
        self.lines.insert(link, line);
        if found.is_some() {
            self.depart(now, link, Direction::ToBroker, None, Payload::Knock);
        } else {
            self.refuse(now, link);
        }
    }

    /// A connection stands at the broker's end.
    pub(super) fn accept(&mut self, now: Instant, link: LinkId) {
        let news = Input::Connected { connection: link.connection };
        self.depart(now, link, Direction::ToClient, None, Payload::News(news));
    }

    /// Nobody listens at the broker's end.
    pub(super) fn refuse(&mut self, now: Instant, link: LinkId) {
        self.hang_up(now, link, DisconnectReason::ConnectFailed("connection refused".into()));
    }

    /// The broker's end is gone; the client hears of it behind what was sent to it before.
    pub(super) fn hang_up(&mut self, now: Instant, link: LinkId, why: DisconnectReason) {
        let news = Input::Disconnected { connection: link.connection, why };
        self.depart(now, link, Direction::ToClient, None, Payload::News(news));
        if let Some(line) = self.lines.get_mut(&link) {
            line.is_broken = true;
        }
    }

    /// A client writes; on a closed connection it writes into the void.
    pub(super) fn send_request(
        &mut self,
        now: Instant,
        link: LinkId,
        header: RequestHeader,
        body: Request,
    ) -> Option<Done> {
        if self.lines.get(&link).is_none_or(|line| line.is_broken) {
            return None;
        }
        let api = body.api();
        self.depart(now, link, Direction::ToBroker, Some(api), Payload::Request { header, body, refuse_with: None })
    }

    /// A broker answers.
    pub(super) fn send_answer(
        &mut self,
        now: Instant,
        link: LinkId,
        api: ApiKey,
        correlation: CorrelationId,
        mut response: Response,
    ) -> Option<Done> {
        let throttled = self.throttled.iter().position(|&(of, asked, _)| (of, asked) == (link, correlation));
        if let Some(place) = throttled {
            *response.throttle_time_mut() = self.throttled.swap_remove(place).2;
        }
        self.depart(now, link, Direction::ToClient, Some(api), Payload::Answer { correlation, response })
    }

    /// A client closes: the broker hears of it after all that was sent before; nothing comes back any more.
    pub(super) fn close(&mut self, now: Instant, link: LinkId) {
        self.depart(now, link, Direction::ToBroker, None, Payload::Closed);
        self.forget(link);
    }

    /// A client goes, and all its connections with it.
    pub(super) fn close_all(&mut self, now: Instant, client: u32) {
        let all =
            LinkId { client, connection: ConnectionId(0) }..=LinkId { client, connection: ConnectionId(u32::MAX) };
        let links: Vec<LinkId> = self.lines.range(all).map(|(&link, _)| link).collect();
        for link in links {
            self.close(now, link);
        }
    }

    /// The client's end is gone: nothing finds it any more, and what fell silent never arrives.
    fn forget(&mut self, link: LinkId) {
        let Some(line) = self.lines.remove(&link) else { return };
        let is_silent = line.to_broker.is_silent;
        self.parcels.drop_all(|parcel| {
            parcel.link == link && (parcel.direction == Direction::ToClient || (is_silent && parcel.at.is_none()))
        });
    }

    /// All messages on their way, in order of departure.
    pub(super) fn on_their_way(&self) -> Vec<MessageOnItsWay> {
        self.parcels
            .in_order()
            .into_iter()
            .filter_map(|parcel| {
                let (correlation, node, arrives) = (parcel.correlation(), parcel.node, parcel.at);
                Some(MessageOnItsWay { name: parcel.name()?, correlation, node, arrives })
            })
            .collect()
    }

    fn depart(
        &mut self,
        now: Instant,
        link: LinkId,
        direction: Direction,
        api: Option<ApiKey>,
        payload: Payload,
    ) -> Option<Done> {
        let client = self.client_of(link);
        let line = self.lines.get_mut(&link)?;
        let node = line.node;
        let (latency, bandwidth) = route(&self.routes, client, node);
        let way = line.way(direction);
        let kind = api.map(|api| (api, way.count(api)));
        let bytes = if bandwidth.is_some() { size_of(&payload) } else { 0 };
        let is_down = !self.down.is_empty() && self.down.contains(&(link.client, node));
        let at = way.arrival(now, latency, bandwidth, bytes).filter(|_| !is_down);
        let parcel = Parcel { link, node, direction, kind, payload, at, departure: 0 };
        if self.planned.is_empty() && self.rules.is_empty() {
            self.parcels.post(parcel);
            return None;
        }
        let what = self.fate_of(now, &parcel);
        let departure = self.parcels.post(parcel);
        let mut done = None;
        for what in what {
            done = self.apply(now, departure, what).or(done);
        }
        done
    }

    /// When a small message that was held up arrives now that its path is up; `None`: not as things stand.
    fn arrival(&mut self, now: Instant, link: LinkId, node: NodeId, direction: Direction) -> Option<Instant> {
        let (latency, bandwidth) = route(&self.routes, self.client_of(link), node);
        // Of a connection that its client has closed, only what it wrote before is still on its way.
        let Some(line) = self.lines.get_mut(&link) else { return Some(now + latency.base) };
        line.way(direction).arrival(now, latency, bandwidth, SMALL_MESSAGE_BYTES)
    }
}

/// How messages travel between a client and a broker: each is said by the first route that says it.
fn route(routes: &[Route], client: ClientId, node: NodeId) -> (Latency, Option<u64>) {
    let mut routes = routes.iter().filter(|route| route.fits(client, node));
    let latency = routes.clone().find_map(|route| route.latency).unwrap_or_default();
    (latency, routes.find_map(|route| route.bandwidth).flatten())
}
