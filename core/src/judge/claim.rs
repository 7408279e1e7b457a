//! What becomes of a claim: what a demo says, what a student is to reach, what a machine tries to break.
//!
//! A [`Claim`] is data, and the scenario's; it is judged against what a reader gets: of transactions, if there are any, only
//! what was committed.

use core::cell::OnceCell;
use core::fmt;
use core::time::Duration;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::contents::Content;
use super::history::{CallId, Fate, History, Moment, Place, Told};
use super::places::{Owner, Places, State, ids};
use super::score::Whereabouts;
use super::score::{Isolation, Score, failed_and_stored, is_visible, out_of_order, score, was_read, whereabouts};
use super::wire::{BatchSeen, RequestSeen};
use crate::ids::{ProducerIdentity, ProducerIndex, TopicPartition};
use crate::protocol::ApiKey;
use crate::scenario::{Claim, Comparison, Counted};

/// What breaks a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Witness {
    /// An acknowledged record that is not there.
    Lost {
        /// Which call, in the order of calls.
        call: u32,
        /// Where it should be.
        partition: TopicPartition,
        /// And at which offset, where one was told.
        offset: Option<i64>,
    },
    /// A record too many.
    StoredAgain {
        /// A call with its content.
        call: u32,
        /// Where it is.
        partition: TopicPartition,
        /// At which offset.
        offset: i64,
    },
    /// A record behind one that was sent later.
    OutOfOrder {
        /// Its call.
        call: u32,
        /// The later call.
        later: u32,
        /// Where it is.
        partition: TopicPartition,
        /// At which offset.
        offset: i64,
    },
    /// A call of `send()` that took longer.
    Blocked {
        /// Which.
        call: u32,
        /// How long it took, or takes by now, in milliseconds.
        ms: u64,
    },
    /// A record that failed and is there.
    FailedAndStored {
        /// Its call.
        call: u32,
        /// The exception's class.
        class: Arc<str>,
        /// Where it is.
        partition: TopicPartition,
        /// At which offset.
        offset: i64,
    },
    /// Another count.
    Counted(u64),
}

/// Why a claim cannot be decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Undecided {
    /// A partition was not read back, or not to its end.
    NotRead(TopicPartition),
    /// So many records still wait for their results.
    StillWaiting(u64),
    /// A `send()` has not returned yet.
    StillBlocked(u32),
}

/// What becomes of a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// It holds.
    Held,
    /// It does not, and this shows it.
    Broken(Witness),
    /// Nobody can say yet.
    NotDecided(Undecided),
}

impl Claim {
    /// Checks it.
    pub fn check(&self, history: &History) -> Verdict {
        Hearing::new(Cow::Borrowed(history)).check(self)
    }
}

impl Counted {
    /// Is it counted among what was read back?
    const fn is_read_back(self) -> bool {
        matches!(
            self,
            Self::FailedButStored
                | Self::Stored
                | Self::Duplicates
                | Self::Lost
                | Self::OutOfOrder
                | Self::Partitions
                | Self::ScatteredKeys
                | Self::LargestShare
        )
    }
}

impl Comparison {
    /// What can be said of a count that may still grow.
    fn decide(self, count: u64, number: u64, may_grow: Option<Undecided>) -> Verdict {
        let is_settled = match self {
            Self::AtLeast => count >= number,
            Self::AtMost | Self::Equal => count > number,
        };
        match may_grow {
            Some(undecided) if !is_settled => Verdict::NotDecided(undecided),
            _ if self.holds(count, number) => Verdict::Held,
            _ => Verdict::Broken(Witness::Counted(count)),
        }
    }
}

/// A history before which several claims are heard. Whose the records are is found out once, when the first asks.
pub(crate) struct Hearing<'h> {
    history: Cow<'h, History>,
    places: OnceCell<Places>,
    isolation: Isolation,
}

impl<'h> Hearing<'h> {
    pub(crate) fn new(history: Cow<'h, History>) -> Self {
        let isolation =
            if history.transactions.is_empty() { Isolation::ReadUncommitted } else { Isolation::ReadCommitted };
        Self { history, places: OnceCell::new(), isolation }
    }

    #[cfg(feature = "breaking")]
    pub(crate) fn history(&self) -> &History {
        &self.history
    }

    pub(crate) fn check(&self, claim: &Claim) -> Verdict {
        let witness = match claim {
            Claim::NothingLost {} => self.lost(),
            Claim::StoredOnce {} => self.stored_again(),
            Claim::OrderPerKey {} => self.out_of_order(),
            Claim::FailedMeansNotStored {} => self.failed_and_stored(),
            Claim::NoSendBlocked { longer_than_us } => {
                return blocked(&self.history, Duration::from_micros(*longer_than_us));
            }
            Claim::Count { of, is, number } => {
                let may_change = self.may_still_change(of.is_read_back());
                return match may_change {
                    // A share may fall as well.
                    Some(undecided) if *of == Counted::LargestShare => Verdict::NotDecided(undecided),
                    may_grow => is.decide(self.count(*of), *number, may_grow),
                };
            }
            Claim::Raised { class } => {
                let may_grow = self.may_still_change(false);
                return Comparison::AtLeast.decide(self.raised(class), 1, may_grow);
            }
        };
        match (witness, self.may_still_change(true)) {
            (Some(witness), _) => Verdict::Broken(witness),
            (None, Some(undecided)) => Verdict::NotDecided(undecided),
            (None, None) => Verdict::Held,
        }
    }

    fn places(&self) -> &Places {
        self.places.get_or_init(|| Places::of(&self.history))
    }

    fn score(&self) -> Score {
        score(&self.history, self.places(), self.isolation)
    }

    fn lost(&self) -> Option<Witness> {
        let places = self.places();
        ids(&self.history).find_map(|call| {
            let (place, offset) = places.told_place(&self.history, call)?;
            let found = places.found[call.0 as usize];
            let is_there = found.is_some_and(|(place, offset)| self.is_visible(place, offset));
            let whereabouts = whereabouts(&self.history, places, self.isolation, call, is_there);
            let is_lost = matches!(whereabouts, Whereabouts::Lost | Whereabouts::Misplaced);
            is_lost.then(|| Witness::Lost { call: call.0, partition: self.history.name_of(place), offset })
        })
    }

    fn stored_again(&self) -> Option<Witness> {
        self.places().owners.iter().find_map(|(&place, owners)| {
            let records = self.history.logs[&place].records.iter().zip(owners);
            let mut again = records.filter_map(|(stored, owner)| match owner {
                Owner::Extra(call) if self.is_visible(place, stored.offset) => Some((call.0, stored.offset)),
                _ => None,
            });
            let (call, offset) = again.next()?;
            Some(Witness::StoredAgain { call, partition: self.history.name_of(place), offset })
        })
    }

    fn out_of_order(&self) -> Option<Witness> {
        let (place, offset, call, later) = out_of_order(&self.history, self.places(), self.isolation).next()?;
        Some(Witness::OutOfOrder { call: call.0, later: later.0, partition: self.history.name_of(place), offset })
    }

    fn failed_and_stored(&self) -> Option<Witness> {
        let mut all = failed_and_stored(&self.history, self.places());
        let (call, place, offset) = all.find(|(_, place, offset)| self.is_visible(*place, *offset))?;
        let Some(Fate::Failed(failure)) = self.places().fate(&self.history, call) else { return None };
        let (class, partition) = (Arc::from(&*failure.class), self.history.name_of(place));
        Some(Witness::FailedAndStored { call: call.0, class, partition, offset })
    }

    fn is_visible(&self, place: Place, offset: i64) -> bool {
        self.history.logs.get(&place).is_some_and(|log| is_visible(log, offset, self.isolation))
    }

    fn count(&self, of: Counted) -> u64 {
        match of {
            Counted::Sent => self.score().sent,
            Counted::Unknown => self.score().unknown,
            Counted::FailedButStored => self.score().failed_stored,
            Counted::Acked => self.score().acknowledged,
            Counted::Failed => self.score().failed,
            Counted::Stored => self.score().stored,
            Counted::Duplicates => self.score().duplicated,
            Counted::Lost => self.score().lost,
            Counted::OutOfOrder => self.score().out_of_order,
            Counted::Requests => {
                let requests = self.history.wire.requests.iter();
                requests.filter(|request| request.api == ApiKey::Produce).count() as u64
            }
            Counted::Retries => retries(&self.history),
            Counted::Partitions => self.filled().filter(|records| *records > 0).count() as u64,
            Counted::ScatteredKeys => self.scattered_keys(),
            Counted::LargestShare => {
                let all: u64 = self.filled().sum();
                self.filled().max().unwrap_or(0).saturating_mul(100).checked_div(all).unwrap_or(0)
            }
            Counted::Bytes => self.history.wire.batches().map(|(_, _, batch)| u64::from(batch.bytes)).sum(),
            Counted::SpanMs => {
                let first = self.history.calls.iter().map(|call| call.called.at).min();
                let last = self.results().map(|told| told.at.at).max();
                first.zip(last).map_or(0, |(first, last)| millis(last.saturating_since(first)))
            }
            Counted::SlowestMs => {
                let calls = &self.history.calls;
                let took = self.results().map(|told| told.at.at - calls[told.call.0 as usize].called.at);
                took.max().map_or(0, millis)
            }
        }
    }

    /// What a program was told. That its process ended first is no result.
    fn results(&self) -> impl Iterator<Item = &Told> {
        self.history.told.iter().filter(|told| told.fate != Fate::Unknown)
    }

    /// How many records each partition holds for this reader.
    fn filled(&self) -> impl Iterator<Item = u64> + '_ {
        let logs = self.history.logs.values();
        logs.map(|log| {
            log.records.iter().filter(|stored| is_visible(log, stored.offset, self.isolation)).count() as u64
        })
    }

    fn scattered_keys(&self) -> u64 {
        let mut places: BTreeMap<(u32, Content), BTreeSet<i32>> = BTreeMap::new();
        for (place, owners) in &self.places().owners {
            let stored = self.history.logs[place].records.iter().zip(owners);
            for (_, owner) in stored.filter(|(stored, _)| self.is_visible(*place, stored.offset)) {
                let (Owner::Call(call) | Owner::Extra(call)) = owner else { continue };
                if let Some(key) = self.history.calls[call.0 as usize].key {
                    places.entry((place.topic, key.name)).or_default().insert(place.partition);
                }
            }
        }
        places.values().filter(|partitions| partitions.len() > 1).count() as u64
    }

    fn raised(&self, class: &str) -> u64 {
        let has_it = |&call: &CallId| matches!(self.places().fate(&self.history, call), Some(Fate::Failed(failure)) if failure.class == class);
        ids(&self.history).filter(has_it).count() as u64
    }

    /// Why a count may still change: records wait, or a partition was not read where that matters.
    fn may_still_change(&self, is_read_back: bool) -> Option<Undecided> {
        let unread = || self.places_to_read().into_iter().find(|place| !self.was_read(*place));
        let unread = if is_read_back { unread() } else { None };
        let waiting = || ids(&self.history).filter(|&call| self.places().state(&self.history, call) == State::Waiting);
        unread.map(|place| Undecided::NotRead(self.history.name_of(place))).or_else(|| {
            let waiting = waiting().count() as u64;
            (waiting > 0).then_some(Undecided::StillWaiting(waiting))
        })
    }

    fn was_read(&self, place: Place) -> bool {
        was_read(self.history.logs.get(&place), self.isolation)
    }

    /// Every partition in which a record may be.
    fn places_to_read(&self) -> Vec<Place> {
        let mut places: Vec<Place> = Vec::new();
        for (topic, entry) in (0_u32..).zip(&self.history.topics) {
            if self.history.calls.iter().any(|call| call.topic == topic) {
                let count = entry.partitions.iter().map(|(_, count)| *count).max().unwrap_or(0);
                places.extend((0..count).map(|partition| Place { topic, partition }));
            }
        }
        places
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn blocked(history: &History, longer_than: Duration) -> Verdict {
    let mut still = None;
    for (id, call) in (0_u32..).zip(&history.calls) {
        let took = call.returned.map_or(history.ended_at, |returned| returned.at) - call.called.at;
        if took > longer_than {
            return Verdict::Broken(Witness::Blocked { call: id, ms: millis(took) });
        }
        // Of a session's page nobody knows when `send()` returned, but that it did not take longer than the result.
        let is_told = || history.told.iter().any(|told| told.call == CallId(id));
        if call.returned.is_none() && still.is_none() && !is_told() {
            still = Some(id);
        }
    }
    still.map_or(Verdict::Held, |call| Verdict::NotDecided(Undecided::StillBlocked(call)))
}

/// What makes two batches on the wire the same one: numbers that a batch which failed for good had are given to the next.
type Same<'h> = (ProducerIndex, &'h TopicPartition, Option<ProducerIdentity>, i32, u32, u32);

fn same<'h>(request: &RequestSeen, batch: &'h BatchSeen) -> Same<'h> {
    (request.producer, &batch.partition, batch.identity, batch.base_sequence, batch.records, batch.crc)
}

/// Batches that left once more.
fn retries(history: &History) -> u64 {
    /// Attempts so far, and those that came to nothing and have not been repeated yet.
    #[derive(Default)]
    struct Attempts {
        count: u64,
        failed: Vec<Moment>,
    }
    let mut attempts: BTreeMap<Same<'_>, Attempts> = BTreeMap::new();
    let mut retries = 0;
    for (_, request, batch) in history.wire.batches() {
        let known = attempts.entry(same(request, batch)).or_default();
        if batch.identity.is_some() {
            retries += u64::from(known.count > 0);
        } else if let Some(at) = known.failed.iter().position(|ended| *ended < request.sent) {
            // Another batch with the same bytes may leave as well: each failure accounts for one.
            known.failed.remove(at);
            retries += 1;
        }
        known.count += 1;
        let is_stored = batch.answer.is_some_and(|answer| answer.is_none()) || !request.wants_answer;
        known.failed.extend(request.ended.filter(|_| !is_stored).map(|(ended, _)| ended));
    }
    retries
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sent => "calls of send()",
            Self::Unknown => "records whose fate is unknown",
            Self::FailedButStored => "records failed and stored",
            Self::Acked => "records acknowledged",
            Self::Failed => "records failed",
            Self::Stored => "records stored",
            Self::Duplicates => "records stored again",
            Self::Lost => "records lost",
            Self::OutOfOrder => "records out of order",
            Self::Requests => "Produce requests",
            Self::Retries => "batches sent again",
            Self::Partitions => "partitions with records",
            Self::ScatteredKeys => "keys in several partitions",
            Self::LargestShare => "percent of the records in one partition",
            Self::Bytes => "bytes of batches sent",
            Self::SpanMs => "ms from the first send() to the last result",
            Self::SlowestMs => "ms from a send() to its result",
        })
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "exactly",
            Self::AtLeast => "at least",
            Self::AtMost => "at most",
        })
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingLost {} => f.write_str("nothing lost"),
            Self::StoredOnce {} => f.write_str("stored once"),
            Self::OrderPerKey {} => f.write_str("order per key"),
            Self::NoSendBlocked { longer_than_us } => {
                write!(f, "no send() blocked longer than {:?}", Duration::from_micros(*longer_than_us))
            }
            Self::FailedMeansNotStored {} => f.write_str("failed means not stored"),
            Self::Count { of, is, number } => write!(f, "{is} {number} {of}"),
            Self::Raised { class } => write!(f, "the program meets {class}"),
        }
    }
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost { call, partition, offset: Some(offset) } => {
                write!(f, "record {call} was acknowledged at {partition}@{offset} and is not there")
            }
            Self::Lost { call, partition, offset: None } => {
                write!(f, "record {call} was acknowledged and is not in {partition}")
            }
            Self::StoredAgain { call, partition, offset } => {
                write!(f, "record {call} is there once more, at {partition}@{offset}")
            }
            Self::OutOfOrder { call, later, partition, offset } => {
                write!(f, "record {call} is at {partition}@{offset}, behind record {later}, which was sent later")
            }
            Self::Blocked { call, ms } => write!(f, "send() of record {call} took {ms} ms"),
            Self::FailedAndStored { call, class, partition, offset } => {
                write!(f, "record {call} failed with {class} and is at {partition}@{offset}")
            }
            Self::Counted(count) => write!(f, "it is {count}"),
        }
    }
}

impl fmt::Display for Undecided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRead(partition) => write!(f, "{partition} was not read back"),
            Self::StillWaiting(count) => write!(f, "{count} records wait for their results"),
            Self::StillBlocked(call) => write!(f, "send() of record {call} has not returned"),
        }
    }
}
