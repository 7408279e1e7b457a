//! What becomes of messages whose names nobody knows beforehand: the third Produce to this partition, the first answer of
//! that broker.
//!
//! *Models*: counting by producer, broker, connection, API, direction, topic and partition, from a time and until one.
//! *Leaves out*: rules about what a message holds beyond its topics and partitions.

use std::sync::Arc;

use super::ClientId;
use super::message::Interference;
use crate::ids::{ConnectionId, Direction, NodeId};
use crate::protocol::{ApiKey, Request, Response};
use crate::time::Instant;

/// Which messages a rule counts. What is not said fits all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// Requests, or answers.
    pub direction: Direction,
    /// Of this API.
    pub api: Option<ApiKey>,
    /// Of this client.
    pub client: Option<ClientId>,
    /// To or from this broker.
    pub node: Option<NodeId>,
    /// On this connection of its producer.
    pub connection: Option<ConnectionId>,
    /// About this topic, possibly among others.
    pub topic: Option<Arc<str>>,
    /// About a partition of this number, of that topic or of any; possibly among others.
    pub partition: Option<i32>,
}

/// A fault, and the messages that it strikes: of those that fit, so many from the `nth` on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRule {
    /// Which messages count.
    pub on: Pattern,
    /// The first that is struck, from 1.
    pub nth: u32,
    /// How many are struck.
    pub times: u32,
    /// Only what departs from then on counts.
    pub from: Instant,
    /// And before this; `None`: without end.
    pub until: Option<Instant>,
    /// What is done to them, in this order; nothing: no later rule does anything either.
    pub what: Vec<Interference>,
}

/// A message that departs, as rules see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Departing<'a> {
    pub(super) direction: Direction,
    pub(super) api: ApiKey,
    pub(super) client: ClientId,
    pub(super) node: NodeId,
    pub(super) connection: ConnectionId,
    pub(super) body: Body<'a>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Body<'a> {
    Request(&'a Request),
    Answer(&'a Response),
}

impl Pattern {
    fn fits(&self, message: &Departing<'_>) -> bool {
        self.direction == message.direction
            && self.api.is_none_or(|api| api == message.api)
            && self.client.is_none_or(|client| client == message.client)
            && self.node.is_none_or(|node| node == message.node)
            && self.connection.is_none_or(|connection| connection == message.connection)
            && ((self.topic.is_none() && self.partition.is_none())
                || message.body.is_about(self.topic.as_deref(), self.partition))
    }
}

impl Body<'_> {
    /// Is it about this topic, or any, and this partition of it?
    fn is_about(self, topic: Option<&str>, partition: Option<i32>) -> bool {
        let is_topic = |name: &str| topic.is_none_or(|topic| name == topic);
        let is_meant = |number: i32| partition.is_none_or(|partition| partition == number);
        match self {
            Self::Request(Request::Produce(request)) => request
                .topics
                .iter()
                .any(|asked| is_topic(&asked.name) && asked.partitions.iter().any(|batch| is_meant(batch.partition))),
            Self::Answer(Response::Produce(response)) => response.topics.iter().any(|told| {
                is_topic(&told.name) && told.partitions.iter().any(|partition| is_meant(partition.partition))
            }),
            Self::Request(Request::Metadata(request)) => {
                request.topics.as_ref().is_none_or(|names| names.iter().any(|name| is_topic(name)))
            }
            Self::Answer(Response::Metadata(response)) => response.topics.iter().any(|told| is_topic(&told.name)),
            _ => false,
        }
    }
}

/// What counts messages, by the order in which it was hung up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BellId(usize);

/// The rules in force, and how many messages each has counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    rules: Vec<(MessageRule, u32)>,
    bells: Vec<(Pattern, u64)>,
}

impl Rules {
    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.bells.is_empty()
    }

    pub(super) fn add(&mut self, rule: MessageRule) {
        self.rules.push((rule, 0));
    }

    pub(super) fn add_bell(&mut self, on: Pattern) -> BellId {
        self.bells.push((on, 0));
        BellId(self.bells.len() - 1)
    }

    pub(super) fn bell(&self, bell: BellId) -> u64 {
        self.bells[bell.0].1
    }

    /// What the first rule that strikes this message does to it. Every rule counts it that fits.
    pub(super) fn decide(&mut self, now: Instant, message: &Departing<'_>) -> Vec<Interference> {
        let mut struck = None;
        for (_, count) in self.bells.iter_mut().filter(|(on, _)| on.fits(message)) {
            *count += 1;
        }
        for (rule, seen) in &mut self.rules {
            let is_in_force = now >= rule.from && rule.until.is_none_or(|until| now < until);
            if !is_in_force || !rule.on.fits(message) {
                continue;
            }
            *seen += 1;
            let strikes = *seen >= rule.nth && *seen - rule.nth < rule.times;
            if strikes && struck.is_none() {
                struck = Some(rule.what.clone());
            }
        }
        struck.unwrap_or_default()
    }
}
