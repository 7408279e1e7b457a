//! The network between one producer and the brokers.
//!
//! *Models*: connections that take a round trip to stand, messages that take their time and never overtake each other on
//! one connection, a close that arrives after what was sent before it. *Leaves out*: bandwidth, lost packets (TCP
//! delivers or breaks, and a break is a cut), half-open connections.

use std::collections::BTreeMap;

use core::time::Duration;

use crate::cluster::{ClusterInput, LinkId};
use crate::ids::{BrokerAddress, ConnectionId, NodeId};
use crate::io::{DisconnectReason, Input};
use crate::rng::{Purpose, Rng};
use crate::time::Instant;

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

/// Something that has reached its place.
#[derive(Clone, Debug)]
pub(super) enum Arrival {
    AtBroker(ClusterInput),
    AtProducer(Input),
}

#[derive(Clone, Debug)]
enum Parcel {
    ToBroker(ClusterInput),
    /// Delivered only while the client still holds its end.
    ToClient(LinkId, Input),
}

/// One connection: when the last message each way arrives, so that none overtakes it.
#[derive(Clone, Debug)]
struct Line {
    last_at_broker: Instant,
    last_at_client: Instant,
}

#[derive(Clone, Debug)]
pub(super) struct Network {
    brokers: Vec<(NodeId, BrokerAddress)>,
    latency: Latency,
    rng: Rng,
    /// Connections whose client's end is open, attempts included.
    lines: BTreeMap<LinkId, Line>,
    /// By arrival, then by departure.
    parcels: BTreeMap<(Instant, u64), Parcel>,
    departures: u64,
}

impl Network {
    pub(super) fn new(brokers: Vec<(NodeId, BrokerAddress)>, latency: Latency, seed: u64) -> Self {
        Self {
            brokers,
            latency,
            rng: Rng::stream(seed, Purpose::Latency),
            lines: BTreeMap::new(),
            parcels: BTreeMap::new(),
            departures: 0,
        }
    }

    pub(super) fn set_latency(&mut self, latency: Latency) {
        self.latency = latency;
    }

    /// When the next message arrives.
    pub(super) fn next_arrival(&self) -> Option<Instant> {
        self.parcels.first_key_value().map(|(&(at, _), _)| at)
    }

    /// The next message that has arrived by now and finds somebody.
    pub(super) fn take_arrived(&mut self, now: Instant) -> Option<Arrival> {
        while self.next_arrival().is_some_and(|at| at <= now) {
            let (_, parcel) = self.parcels.pop_first()?;
            match parcel {
                Parcel::ToBroker(input) => return Some(Arrival::AtBroker(input)),
                Parcel::ToClient(link, input) => {
                    let finds_somebody = match &input {
                        Input::Disconnected { .. } => self.lines.remove(&link).is_some(),
                        _ => self.lines.contains_key(&link),
                    };
                    if finds_somebody {
                        return Some(Arrival::AtProducer(input));
                    }
                }
            }
        }
        None
    }

    /// A client asks for a connection: there and back.
    pub(super) fn connect(&mut self, now: Instant, link: LinkId, address: &BrokerAddress) {
        let connection = link.connection;
        let at_broker = now + self.travel_time();
        let at_client = at_broker + self.travel_time();
        self.lines.insert(link, Line { last_at_broker: at_broker, last_at_client: at_client });
        let found = self.brokers.iter().find(|(_, known)| known == address).map(|(node, _)| *node);
        let answer = match found {
            Some(node) => {
                self.post(at_broker, Parcel::ToBroker(ClusterInput::Opened { link, node }));
                Input::Connected { connection }
            }
            None => {
                let why = DisconnectReason::ConnectFailed("connection refused".into());
                Input::Disconnected { connection, why }
            }
        };
        self.post(at_client, Parcel::ToClient(link, answer));
    }

    /// A client writes; on a closed connection it writes into the void.
    pub(super) fn send_to_broker(&mut self, now: Instant, link: LinkId, input: ClusterInput) {
        let earliest = now + self.travel_time();
        let Some(line) = self.lines.get_mut(&link) else { return };
        line.last_at_broker = line.last_at_broker.max(earliest);
        let at = line.last_at_broker;
        self.post(at, Parcel::ToBroker(input));
    }

    /// A broker writes, or cuts.
    pub(super) fn send_to_client(&mut self, now: Instant, link: LinkId, input: Input) {
        let earliest = now + self.travel_time();
        let Some(line) = self.lines.get_mut(&link) else { return };
        line.last_at_client = line.last_at_client.max(earliest);
        let at = line.last_at_client;
        self.post(at, Parcel::ToClient(link, input));
    }

    /// A client closes: the broker hears of it after all that was sent before; nothing comes back any more.
    pub(super) fn close(&mut self, now: Instant, link: LinkId) {
        self.send_to_broker(now, link, ClusterInput::Closed { link });
        self.lines.remove(&link);
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

    fn post(&mut self, at: Instant, parcel: Parcel) {
        self.parcels.insert((at, self.departures), parcel);
        self.departures += 1;
    }

    fn travel_time(&mut self) -> Duration {
        let jitter_us = u64::try_from(self.latency.jitter.as_micros()).unwrap_or(u64::MAX - 1);
        self.latency.base + Duration::from_micros(self.rng.below(jitter_us + 1))
    }
}
