//! What is done to messages on their way.
//!
//! *Models*: faults that strike a message when it departs or while it travels, and what that does to all behind it on its
//! connection. *Leaves out*: what has arrived: it cannot be called back.

use super::super::message::{self, Interference, InterferenceRefusal, MessageName};
use super::super::rules::{Body, Departing};
use super::parcels::{Parcel, Payload};
use super::{Done, Network};
use crate::cluster::LinkId;
use crate::ids::Direction;
use crate::time::Instant;
use crate::trace::Fault;

impl Network {
    /// Plans what happens to a message when it departs, after what was planned for it before.
    pub(in crate::simulation) fn plan(
        &mut self,
        name: MessageName,
        what: Interference,
    ) -> Result<(), InterferenceRefusal> {
        message::check(&name, what)?;
        self.planned.entry(name).or_default().push(what);
        Ok(())
    }

    /// What was planned for messages that have not departed.
    pub(in crate::simulation) fn planned(&self) -> impl Iterator<Item = (&MessageName, &Interference)> {
        self.planned.iter().flat_map(|(name, all)| all.iter().map(move |what| (name, what)))
    }

    /// Does something to a message on its way.
    pub(in crate::simulation) fn interfere(
        &mut self,
        now: Instant,
        name: &MessageName,
        what: Interference,
    ) -> Result<Done, InterferenceRefusal> {
        message::check(name, what)?;
        let departure = self.parcels.departures_of(|parcel| parcel.name().as_ref() == Some(name)).first().copied();
        self.apply(now, departure.ok_or(InterferenceRefusal::NotOnItsWay)?, what)
            .ok_or(InterferenceRefusal::NotOnItsWay)
    }

    /// What was planned for this very message, and else what rules say of it.
    pub(super) fn fate_of(&mut self, now: Instant, parcel: &Parcel) -> Vec<Interference> {
        let planned = parcel.name().and_then(|name| self.planned.remove(&name));
        let (client, connection) = (self.client_of(parcel.link), parcel.link.connection);
        let body = match &parcel.payload {
            Payload::Request { body, .. } => Body::Request(body),
            Payload::Answer { response, .. } => Body::Answer(response),
            _ => return Vec::new(),
        };
        let Some((api, _)) = parcel.kind else { return Vec::new() };
        let (direction, node) = (parcel.direction, parcel.node);
        let ruled = self.rules.decide(now, &Departing { direction, api, client, node, connection, body });
        planned.unwrap_or(ruled)
    }

    pub(super) fn apply(&mut self, now: Instant, departure: u64, what: Interference) -> Option<Done> {
        let parcel = self.parcels.get_mut(departure)?;
        let (link, direction, correlation) = (parcel.link, parcel.direction, parcel.correlation());
        let fault = match (what, &mut parcel.payload) {
            (Interference::Break, payload) => {
                *payload = Payload::Break { correlation };
                None
            }
            (Interference::Answer(error), Payload::Request { refuse_with, .. }) => {
                *refuse_with = Some((None, error));
                None
            }
            (Interference::AnswerFor { partition, error }, Payload::Request { refuse_with, .. }) => {
                *refuse_with = Some((Some(partition), error));
                None
            }
            (Interference::Answer(error), Payload::Answer { response, .. }) => {
                message::say_instead(response, None, error);
                Some(Fault::AnsweredAfterAppend { error })
            }
            (Interference::AnswerFor { partition, error }, Payload::Answer { response, .. }) => {
                message::say_instead(response, Some(partition), error);
                Some(Fault::AnsweredAfterAppend { error })
            }
            (Interference::Throttle(pause_ms), Payload::Request { .. }) => {
                self.throttled.push((link, correlation, pause_ms));
                None
            }
            (Interference::Throttle(pause_ms), Payload::Answer { response, .. }) => {
                *response.throttle_time_mut() = pause_ms;
                Some(Fault::Throttled { pause_ms: pause_ms.unsigned_abs() })
            }
            (Interference::Answer(_) | Interference::AnswerFor { .. } | Interference::Throttle(_), _) => return None,
            (Interference::Swallow, _) => {
                self.silence(link, direction, departure);
                Some(Fault::Swallowed)
            }
            (Interference::Delay(by), _) => {
                let at = parcel.at.unwrap_or(now) + by;
                self.put_off(link, direction, departure, at);
                Some(Fault::Delayed { by_us: u64::try_from(by.as_micros()).unwrap_or(u64::MAX) })
            }
        };
        Some(Done { link, correlation, fault })
    }

    /// From this message on nothing arrives any more.
    fn silence(&mut self, link: LinkId, direction: Direction, departure: u64) {
        if let Some(line) = self.lines.get_mut(&link) {
            line.way(direction).is_silent = true;
        }
        self.parcels.for_each(|parcel| {
            if (parcel.link, parcel.direction) == (link, direction) && parcel.departure >= departure {
                parcel.at = None;
            }
        });
    }

    /// This message arrives then, and nothing that was sent after it arrives before.
    fn put_off(&mut self, link: LinkId, direction: Direction, departure: u64, at: Instant) {
        if let Some(line) = self.lines.get_mut(&link) {
            let way = line.way(direction);
            way.last_arrival = way.last_arrival.max(at);
        }
        let behind = self.parcels.departures_of(|parcel| {
            (parcel.link, parcel.direction) == (link, direction)
                && parcel.departure >= departure
                && parcel.at.is_some_and(|due| due < at)
        });
        for departure in behind {
            self.parcels.reschedule(departure, at);
        }
    }
}
