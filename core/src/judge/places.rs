//! Which record in the logs is whose.
//!
//! Records of equal content cannot be told apart but by the offsets that their producer named: those are looked up first.
//! What is left is explained call by call, so that `k` calls with one content explain at most `k` records.

use std::collections::{BTreeMap, VecDeque};

use super::contents::Content;
use super::history::{CallId, Fate, History, Place};
use super::reading::{Log, Stored};
use crate::error::Persistence;

/// Whose a record in a log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// This call's.
    Call(CallId),
    /// One too many of this call's content.
    Extra(CallId),
    /// Nobody's.
    Nobody,
}

/// The state of a call at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Waiting,
    Acknowledged,
    Failed(Persistence),
    Unknown,
}

/// Who owns what.
#[derive(Debug)]
pub(super) struct Places {
    /// By call: what was told of it first, by its place in [`History::told`].
    pub(super) told: Vec<Option<usize>>,
    /// By call: is the record that was found its own for certain? So it is under the offset told, and where no other call
    /// has its content.
    pub(super) is_certain: Vec<bool>,
    /// By call: where its record is.
    pub(super) found: Vec<Option<(Place, i64)>>,
    /// By partition: the owners of [`Log::records`], in that order.
    pub(super) owners: BTreeMap<Place, Vec<Owner>>,
}

/// Calls that nothing was found for yet: by how likely they are to have written, by partition and by time, as far as the
/// program knows.
type Queue = BTreeMap<(u8, Option<i32>, Option<i64>), VecDeque<CallId>>;

/// The calls of one content in one topic.
struct Group {
    /// Any of them.
    any: CallId,
    /// How many there are.
    count: usize,
    /// Was each told that its record is nowhere? Else a record too many is rather another's second copy.
    are_nowhere: bool,
    queue: Queue,
}

type Groups = BTreeMap<(u32, Content), Group>;

/// Acknowledged without an offset: it must be somewhere.
const SOMEWHERE: u8 = 0;
/// It may be somewhere.
const PERHAPS: u8 = 1;
/// Acknowledged at a place where it is not.
const ELSEWHERE: u8 = 2;
/// The program was told that it is nowhere.
const NOWHERE: u8 = 3;

impl Places {
    pub(super) fn of(history: &History) -> Self {
        let mut told = vec![None; history.calls.len()];
        for (at, result) in history.told.iter().enumerate() {
            told[result.call.0 as usize].get_or_insert(at);
        }
        let nobody = |log: &Log| vec![Owner::Nobody; log.records.len()];
        let owners = history.logs.iter().map(|(&place, log)| (place, nobody(log))).collect();
        let count = history.calls.len();
        let mut places = Self { told, is_certain: vec![false; count], found: vec![None; count], owners };
        places.find_told(history);
        let mut groups = places.groups(history);
        places.find_rest(history, &mut groups);
        places
    }

    pub(super) fn state(&self, history: &History, call: CallId) -> State {
        match self.fate(history, call) {
            None => State::Waiting,
            Some(Fate::Acknowledged(_)) => State::Acknowledged,
            Some(Fate::Failed(failure)) => State::Failed(failure.persistence),
            Some(Fate::Unknown) => State::Unknown,
        }
    }

    pub(super) fn fate<'h>(&self, history: &'h History, call: CallId) -> Option<&'h Fate> {
        self.told[call.0 as usize].map(|at| &history.told[at].fate)
    }

    /// Where an acknowledged record should be.
    pub(super) fn told_place(&self, history: &History, call: CallId) -> Option<(Place, Option<i64>)> {
        let Some(Fate::Acknowledged(metadata)) = self.fate(history, call) else { return None };
        let topic = history.calls[call.0 as usize].topic;
        Some((Place { topic, partition: metadata.partition }, metadata.offset))
    }

    /// Is its record where it was acknowledged?
    pub(super) fn is_as_told(&self, history: &History, call: CallId) -> bool {
        match (self.told_place(history, call), self.found[call.0 as usize]) {
            (Some((told, offset)), Some((place, at))) => told == place && offset.is_none_or(|offset| offset == at),
            _ => false,
        }
    }

    fn find_told(&mut self, history: &History) {
        for call in ids(history) {
            let Some((place, Some(offset))) = self.told_place(history, call) else { continue };
            let Some(log) = history.logs.get(&place) else { continue };
            let Ok(at) = log.records.binary_search_by_key(&offset, |stored| stored.offset) else { continue };
            let stored = &log.records[at];
            let content = history.calls[call.0 as usize].content;
            if stored.content == content && has_its_time(history, call, stored) {
                self.claim(place, at, stored, call);
                self.is_certain[call.0 as usize] = self.found[call.0 as usize].is_some();
                // Both were told this offset: one of them of a log that was lost since.
                if let Owner::Call(first) = self.owners[&place][at]
                    && first != call
                {
                    self.is_certain[first.0 as usize] = false;
                }
            }
        }
    }

    /// The first call that claims a record has it.
    fn claim(&mut self, place: Place, at: usize, stored: &Stored, call: CallId) {
        if let Some(owner @ Owner::Nobody) = self.owners.get_mut(&place).and_then(|owners| owners.get_mut(at)) {
            *owner = Owner::Call(call);
            self.found[call.0 as usize] = Some((place, stored.offset));
        }
    }

    fn groups(&self, history: &History) -> Groups {
        let mut groups = Groups::new();
        for id in ids(history) {
            let call = &history.calls[id.0 as usize];
            let new = || Group { any: id, count: 0, are_nowhere: true, queue: Queue::new() };
            let group = groups.entry((call.topic, call.content)).or_insert_with(new);
            let rank = match self.fate(history, id) {
                Some(Fate::Acknowledged(metadata)) if metadata.offset.is_none() => SOMEWHERE,
                Some(Fate::Acknowledged(_)) => ELSEWHERE,
                Some(Fate::Failed(failure)) if failure.persistence == Persistence::NotPersisted => NOWHERE,
                _ => PERHAPS,
            };
            group.count += 1;
            group.are_nowhere &= rank == NOWHERE;
            if self.found[id.0 as usize].is_none() {
                let partition = if rank == ELSEWHERE { None } else { call.partition.or(call.asked_partition) };
                group.queue.entry((rank, partition, call.asked_timestamp_ms)).or_default().push_back(id);
            }
        }
        groups
    }

    fn find_rest(&mut self, history: &History, groups: &mut Groups) {
        for (&place, log) in &history.logs {
            for (at, stored) in log.records.iter().enumerate() {
                if self.owners[&place][at] != Owner::Nobody {
                    continue;
                }
                let Some(group) = groups.get_mut(&(place.topic, stored.content)) else { continue };
                match take(group, place.partition, stored) {
                    Some(call) => {
                        self.is_certain[call.0 as usize] = group.count == 1;
                        self.claim(place, at, stored, call);
                    }
                    None => {
                        if let Some(owners) = self.owners.get_mut(&place) {
                            owners[at] = Owner::Extra(group.any);
                        }
                    }
                }
            }
        }
    }
}

/// All calls.
pub(super) fn ids(history: &History) -> impl Iterator<Item = CallId> + use<> {
    (0..u32::try_from(history.calls.len()).unwrap_or(u32::MAX)).map(CallId)
}

/// Has a record the time that its program gave it? A topic may put its own in its place.
fn has_its_time(history: &History, call: CallId, stored: &Stored) -> bool {
    let asked = history.calls[call.0 as usize].asked_timestamp_ms;
    stored.is_append_time || asked.is_none_or(|asked| asked == stored.timestamp_ms)
}

/// The next call that may have written a record: the likeliest first, and of those the one of which more is known.
fn take(group: &mut Group, partition: i32, stored: &Stored) -> Option<CallId> {
    let queue = &mut group.queue;
    let ranks = if group.are_nowhere { NOWHERE..=NOWHERE } else { SOMEWHERE..=ELSEWHERE };
    for rank in ranks {
        for partition in [Some(partition), None] {
            if stored.is_append_time {
                let of_any_time = (rank, partition, None)..=(rank, partition, Some(i64::MAX));
                if let Some((_, calls)) = queue.range_mut(of_any_time).find(|(_, calls)| !calls.is_empty()) {
                    return calls.pop_front();
                }
                continue;
            }
            for time in [Some(stored.timestamp_ms), None] {
                if let Some(call) = queue.get_mut(&(rank, partition, time)).and_then(VecDeque::pop_front) {
                    return Some(call);
                }
            }
        }
    }
    None
}
