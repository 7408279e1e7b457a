//! What is on its way, and when it arrives.
//!
//! *Models*: requests, answers, attempts to connect, closes and breaks as single things that arrive at one moment. *Leaves
//! out*: pieces of messages: a frame is there whole or not at all.

use core::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{MessageName, SMALL_MESSAGE_BYTES};
use crate::cluster::LinkId;
use crate::error::ErrorCode;
use crate::ids::{CorrelationId, Direction, NodeId, ProducerIndex};
use crate::io::Input;
use crate::protocol::{ApiKey, Request, RequestHeader, Response};
use crate::time::Instant;

#[derive(Clone, Debug)]
pub(super) enum Payload {
    Knock,
    Request {
        header: RequestHeader,
        body: Request,
        refuse_with: Option<(Option<i32>, ErrorCode)>,
    },
    /// The client has closed.
    Closed,
    /// What a client hears that is no answer.
    News(Input),
    Answer {
        correlation: CorrelationId,
        response: Response,
    },
    /// A message at which the connection breaks.
    Break {
        correlation: CorrelationId,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Parcel {
    pub(super) link: LinkId,
    pub(super) node: NodeId,
    pub(super) direction: Direction,
    /// Its API and its place among those of its kind; only requests and answers have one.
    pub(super) kind: Option<(ApiKey, u32)>,
    pub(super) payload: Payload,
    /// `None`: it is held up.
    pub(super) at: Option<Instant>,
    /// In order of departure.
    pub(super) departure: u64,
}

impl Parcel {
    pub(super) fn name(&self) -> Option<MessageName> {
        let (api, ordinal) = self.kind?;
        let LinkId { client, connection } = self.link;
        Some(MessageName { producer: ProducerIndex(client), connection, direction: self.direction, api, ordinal })
    }

    pub(super) fn correlation(&self) -> CorrelationId {
        match &self.payload {
            Payload::Request { header, .. } => header.correlation,
            Payload::Answer { correlation, .. } | Payload::Break { correlation } => *correlation,
            _ => CorrelationId::default(),
        }
    }
}

/// What is on its way, by arrival and then by departure.
#[derive(Clone, Debug, Default)]
pub(super) struct Parcels {
    slots: Vec<Option<Parcel>>,
    free: Vec<u32>,
    /// Arrival, departure, slot. An entry that no longer says what its parcel does counts for nothing; none such is on top.
    queue: BinaryHeap<Reverse<(Instant, u64, u32)>>,
    departures: u64,
}

impl Parcels {
    pub(super) fn post(&mut self, parcel: Parcel) -> u64 {
        let departure = self.departures;
        self.departures += 1;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).expect("fewer messages on their way than 2³²")
        });
        if let Some(at) = parcel.at {
            self.queue.push(Reverse((at, departure, slot)));
        }
        self.slots[slot as usize] = Some(Parcel { departure, ..parcel });
        departure
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.queue.peek().map(|Reverse((at, ..))| *at)
    }

    pub(super) fn take_next(&mut self) -> Option<Parcel> {
        let Reverse((.., slot)) = self.queue.pop()?;
        self.free.push(slot);
        let parcel = self.slots[slot as usize].take();
        self.skim();
        parcel
    }

    pub(super) fn get(&self, departure: u64) -> Option<&Parcel> {
        self.slots.iter().flatten().find(|parcel| parcel.departure == departure)
    }

    pub(super) fn get_mut(&mut self, departure: u64) -> Option<&mut Parcel> {
        self.slots.iter_mut().flatten().find(|parcel| parcel.departure == departure)
    }

    pub(super) fn in_order(&self) -> Vec<&Parcel> {
        let mut all: Vec<&Parcel> = self.slots.iter().flatten().collect();
        all.sort_unstable_by_key(|parcel| parcel.departure);
        all
    }

    pub(super) fn departures_of(&self, is_meant: impl Fn(&Parcel) -> bool) -> Vec<u64> {
        self.in_order().into_iter().filter(|parcel| is_meant(parcel)).map(|parcel| parcel.departure).collect()
    }

    pub(super) fn reschedule(&mut self, departure: u64, at: Instant) {
        let found = self.slots.iter_mut().enumerate().find_map(|(slot, parcel)| {
            parcel.as_mut().filter(|parcel| parcel.departure == departure).map(|parcel| (slot, parcel))
        });
        if let Some((slot, parcel)) = found {
            parcel.at = Some(at);
            self.queue.push(Reverse((at, departure, u32::try_from(slot).unwrap_or(u32::MAX))));
        }
        self.skim();
    }

    pub(super) fn for_each(&mut self, change: impl FnMut(&mut Parcel)) {
        self.slots.iter_mut().flatten().for_each(change);
        self.skim();
    }

    pub(super) fn drop_all(&mut self, is_meant: impl Fn(&Parcel) -> bool) {
        for (slot, parcel) in self.slots.iter_mut().enumerate() {
            if parcel.as_ref().is_some_and(&is_meant) {
                *parcel = None;
                self.free.push(u32::try_from(slot).unwrap_or(u32::MAX));
            }
        }
        self.skim();
    }

    /// Takes entries from the top that count for nothing.
    pub(super) fn skim(&mut self) {
        while let Some(&Reverse((at, departure, slot))) = self.queue.peek() {
            let parcel = self.slots[slot as usize].as_ref();
            if parcel.is_some_and(|parcel| parcel.departure == departure && parcel.at == Some(at)) {
                return;
            }
            self.queue.pop();
        }
    }
}

/// Records are what fills a network.
pub(super) fn size_of(payload: &Payload) -> usize {
    let records = match payload {
        Payload::Request { body: Request::Produce(request), .. } => {
            request.topics.iter().flat_map(|topic| &topic.partitions).map(|batch| batch.records.len()).sum()
        }
        Payload::Answer { response: Response::Fetch(response), .. } => response
            .topics
            .iter()
            .flat_map(|topic| &topic.partitions)
            .flat_map(|partition| &partition.batches)
            .map(|batch| batch.len())
            .sum(),
        _ => 0,
    };
    SMALL_MESSAGE_BYTES + records
}
