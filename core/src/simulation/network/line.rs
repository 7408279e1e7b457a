//! One connection, each direction by itself.
//!
//! *Models*: latency drawn evenly from a range, bytes per second, order of arrival, silence. *Leaves out*: slow start,
//! retransmission as a delay of its own, and two connections that share a bandwidth.

use core::time::Duration;

use super::Latency;
use crate::cluster::LinkId;
use crate::ids::{Direction, NodeId};
use crate::protocol::ApiKey;
use crate::rng::{Purpose, Rng};
use crate::time::Instant;

/// One direction of a connection.
#[derive(Clone, Debug)]
pub(super) struct Way {
    /// When the last message on it arrives, so that none overtakes it.
    pub(super) last_arrival: Instant,
    /// When its sender has handed the last byte to the network.
    free_at: Instant,
    /// Nothing on it arrives any more.
    pub(super) is_silent: bool,
    /// Messages so far by API.
    counts: Vec<(ApiKey, u32)>,
    /// A stream of its own, so that one message more on one connection changes no other's time.
    chance: Rng,
}

impl Way {
    fn new(now: Instant, chance: Rng) -> Self {
        Self { last_arrival: now, free_at: now, is_silent: false, counts: Vec::new(), chance }
    }

    /// When a message arrives that departs now; `None`: never.
    pub(super) fn arrival(
        &mut self,
        now: Instant,
        latency: Latency,
        bytes_per_second: Option<u64>,
        bytes: usize,
    ) -> Option<Instant> {
        if let Some(per_second) = bytes_per_second {
            self.free_at = self.free_at.max(now) + transmission_time(bytes, per_second);
        }
        let departs = self.free_at.max(now);
        let jitter_us = u64::try_from(latency.jitter.as_micros()).unwrap_or(u64::MAX - 1);
        let travels = latency.base + Duration::from_micros(self.chance.below(jitter_us + 1));
        if self.is_silent {
            return None;
        }
        self.last_arrival = self.last_arrival.max(departs + travels);
        Some(self.last_arrival)
    }

    pub(super) fn count(&mut self, api: ApiKey) -> u32 {
        match self.counts.iter_mut().find(|(counted, _)| *counted == api) {
            Some((_, count)) => {
                *count += 1;
                *count
            }
            None => {
                self.counts.push((api, 1));
                1
            }
        }
    }
}

/// One connection, an attempt included, while its client holds its end.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) node: NodeId,
    pub(super) to_broker: Way,
    to_client: Way,
    /// Does nobody hold the broker's end any more?
    pub(super) is_broken: bool,
}

impl Line {
    pub(super) fn new(node: NodeId, now: Instant, seed: u64, link: LinkId) -> Self {
        let latencies = Rng::stream(seed, Purpose::Latency);
        let way = |direction| Way::new(now, latencies.at(place_of(link, direction)));
        Self { node, to_broker: way(Direction::ToBroker), to_client: way(Direction::ToClient), is_broken: false }
    }

    pub(super) fn way(&mut self, direction: Direction) -> &mut Way {
        match direction {
            Direction::ToBroker => &mut self.to_broker,
            Direction::ToClient => &mut self.to_client,
        }
    }
}

/// A place in the stream of latencies that no other way of any connection comes near.
fn place_of(link: LinkId, direction: Direction) -> u64 {
    let side = match direction {
        Direction::ToBroker => 0,
        Direction::ToClient => 1,
    };
    ((u64::from(link.client) << 32 | u64::from(link.connection.0)) << 1 | side) << 20
}

fn transmission_time(bytes: usize, bytes_per_second: u64) -> Duration {
    let us = (bytes as u64).saturating_mul(1_000_000) / bytes_per_second.max(1);
    Duration::from_micros(us)
}
