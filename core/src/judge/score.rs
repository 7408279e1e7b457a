//! The score: what was sent, what was told of it, and what is there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::contents::Content;
use super::history::{CallId, Fate, History, Place, TransactionEnd};
use super::places::{Owner, Places, State, ids};
use super::reading::Log;
use crate::ids::ProducerIndex;

/// Who reads back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Isolation {
    /// Everything that was written.
    #[default]
    ReadUncommitted,
    /// Of transactions only what was committed.
    ReadCommitted,
}

/// The count of a history. Its sums always add up:
///
/// ```text
/// sent         = acknowledged + waiting + failed + unknown
/// acknowledged = found + lost + deleted + withheld + unread
/// stored       = found + misplaced + failed_stored + waiting_stored + unknown_stored + duplicated + foreign
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Calls of `send()`.
    pub sent: u64,
    /// Told to be stored.
    pub acknowledged: u64,
    /// Told nothing yet.
    pub waiting: u64,
    /// Told an exception.
    pub failed: u64,
    /// The answer is lost to the program.
    pub unknown: u64,
    /// Acknowledged, and readable at the partition and offset told (where none was told: somewhere in the partition).
    pub found: u64,
    /// Acknowledged, and not readable there.
    pub lost: u64,
    /// Of the lost: readable elsewhere.
    pub misplaced: u64,
    /// Acknowledged, and dropped since because the topic keeps no more.
    pub deleted: u64,
    /// Acknowledged in a transaction that was not committed: a careful reader rightly does not get it.
    pub withheld: u64,
    /// Acknowledged, in a partition that was not read, or not to the end.
    pub unread: u64,
    /// Records read.
    pub stored: u64,
    /// Of the failed: stored all the same.
    pub failed_stored: u64,
    /// Of the waiting: stored already.
    pub waiting_stored: u64,
    /// Of the unknown: stored.
    pub unknown_stored: u64,
    /// Records beyond as many as there were calls with their content.
    pub duplicated: u64,
    /// Records that nobody sent.
    pub foreign: u64,
    /// Records behind one of the same key that the same thread sent later, as far as it is certain whose they are.
    pub out_of_order: u64,
}

impl History {
    /// Counts.
    pub fn score(&self, isolation: Isolation) -> Score {
        score(self, &Places::of(self), isolation)
    }
}

/// Is a record there for this reader?
pub(super) fn is_visible(log: &Log, offset: i64, isolation: Isolation) -> bool {
    isolation == Isolation::ReadUncommitted || log.is_committed(offset)
}

/// Was a partition read by this reader, all of it?
pub(super) fn was_read(log: Option<&Log>, isolation: Isolation) -> bool {
    let was_read_so = |log: &Log| isolation == Isolation::ReadUncommitted || log.committed.is_some();
    log.is_some_and(|log| log.is_whole && was_read_so(log))
}

pub(super) fn score(history: &History, places: &Places, isolation: Isolation) -> Score {
    let mut score = Score { sent: history.calls.len() as u64, ..Score::default() };
    for call in ids(history) {
        let found = places.found[call.0 as usize];
        let found = found.filter(|(place, offset)| is_visible(&history.logs[place], *offset, isolation));
        let stored = u64::from(found.is_some());
        match places.state(history, call) {
            State::Waiting => {
                (score.waiting, score.waiting_stored) = (score.waiting + 1, score.waiting_stored + stored)
            }
            State::Unknown => {
                (score.unknown, score.unknown_stored) = (score.unknown + 1, score.unknown_stored + stored)
            }
            State::Failed(_) => (score.failed, score.failed_stored) = (score.failed + 1, score.failed_stored + stored),
            State::Acknowledged => {
                score.acknowledged += 1;
                *acknowledged(&mut score, history, places, isolation, call, found.is_some()) += 1;
            }
        }
    }
    for (place, owners) in &places.owners {
        let log = &history.logs[place];
        for (stored, owner) in log.records.iter().zip(owners) {
            if is_visible(log, stored.offset, isolation) {
                score.stored += 1;
                score.duplicated += u64::from(matches!(owner, Owner::Extra(_)));
                score.foreign += u64::from(*owner == Owner::Nobody);
            }
        }
    }
    score.out_of_order = out_of_order(history, places, isolation).count() as u64;
    score
}

/// The count that an acknowledged record belongs to.
fn acknowledged<'s>(
    score: &'s mut Score,
    history: &History,
    places: &Places,
    isolation: Isolation,
    call: CallId,
    is_there: bool,
) -> &'s mut u64 {
    match whereabouts(history, places, isolation, call, is_there) {
        Whereabouts::Found => &mut score.found,
        Whereabouts::Deleted => &mut score.deleted,
        Whereabouts::Withheld => &mut score.withheld,
        Whereabouts::Unread => &mut score.unread,
        Whereabouts::Misplaced => {
            score.misplaced += 1;
            &mut score.lost
        }
        Whereabouts::Lost => &mut score.lost,
    }
}

/// Where an acknowledged record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whereabouts {
    Found,
    Misplaced,
    Lost,
    Deleted,
    Withheld,
    Unread,
}

pub(super) fn whereabouts(
    history: &History,
    places: &Places,
    isolation: Isolation,
    call: CallId,
    is_there: bool,
) -> Whereabouts {
    if is_there {
        let as_told = places.is_as_told(history, call);
        return if as_told { Whereabouts::Found } else { Whereabouts::Misplaced };
    }
    let told = places.told_place(history, call);
    let log = told.and_then(|(place, _)| history.logs.get(&place));
    let Some((log, (_, offset))) = log.filter(|log| was_read(Some(log), isolation)).zip(told) else {
        return Whereabouts::Unread;
    };
    let transaction = history.calls[call.0 as usize].transaction;
    let end = transaction.map(|transaction| history.transactions[transaction as usize].end);
    if isolation == Isolation::ReadCommitted && end.is_some_and(|end| end != TransactionEnd::Committed) {
        return Whereabouts::Withheld;
    }
    // Of one whose offset was not told nobody can say whether it is among those that were dropped.
    let is_deleted = log.start_offset > 0 && offset.is_none_or(|offset| offset < log.start_offset);
    if is_deleted { Whereabouts::Deleted } else { Whereabouts::Lost }
}

/// Records that stand behind one of the same key in their partition that the same thread sent later: partition, offset,
/// their call and that later one. Only where it is certain whose they are.
pub(super) fn out_of_order<'a>(
    history: &'a History,
    places: &'a Places,
    isolation: Isolation,
) -> impl Iterator<Item = (Place, i64, CallId, CallId)> + 'a {
    places.owners.iter().flat_map(move |(&place, owners)| {
        let log = &history.logs[&place];
        let mut latest: BTreeMap<(ProducerIndex, u32, Content), CallId> = BTreeMap::new();
        log.records.iter().zip(owners).filter_map(move |(stored, owner)| {
            let Owner::Call(id) = *owner else { return None };
            let call = &history.calls[id.0 as usize];
            let is_judged = places.is_certain[id.0 as usize] && is_visible(log, stored.offset, isolation);
            let key = call.key.filter(|_| is_judged)?;
            let latest = latest.entry((call.producer, call.thread, key.name)).or_insert(id);
            let behind = (*latest > id).then_some((place, stored.offset, id, *latest));
            *latest = (*latest).max(id);
            behind
        })
    })
}

/// Was it failed, and is it there?
pub(super) fn failed_and_stored<'a>(
    history: &'a History,
    places: &'a Places,
) -> impl Iterator<Item = (CallId, Place, i64)> + 'a {
    ids(history).filter_map(|call| {
        let (place, offset) = places.found[call.0 as usize]?;
        matches!(places.fate(history, call), Some(Fate::Failed(_))).then_some((call, place, offset))
    })
}
