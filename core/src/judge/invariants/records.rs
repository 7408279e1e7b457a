//! Of records in the logs: invariants 1 to 4.

use std::collections::{BTreeMap, BTreeSet};

use super::{Case, Departure, Spot, keeps_order};
use crate::config::Acks;
use crate::error::{ErrorCode, Persistence};
use crate::ids::{NodeId, ProducerIdentity, ProducerIndex};
use crate::judge::contents::Content;
use crate::judge::history::{CallId, Fate, Place, TransactionEnd};
use crate::judge::places::{Owner, State, ids};
use crate::judge::reading::Stored;
use crate::judge::score::{Isolation, Whereabouts, is_visible, was_read, whereabouts};

/// 1: what was acknowledged is in the log, at exactly the partition and offset told; of a committed transaction a careful
/// reader gets it too.
///
/// Holds for acks=all with `min.insync.replicas` of 2 or more, without unclean elections; for acks=1 and fewer replicas as
/// long as the leader that acknowledged it stays; never for acks=0. Where every copy has a record at once, for all but
/// acks=0. Departures: [`Departure::NotDurable`], [`Departure::RefusedAfterAppend`], [`Departure::AboveTheHighWatermark`].
pub(super) fn acknowledged_is_stored(case: &mut Case<'_>) {
    for call in ids(case.history) {
        if case.places.state(case.history, call) != State::Acknowledged {
            continue;
        }
        for isolation in [Isolation::ReadUncommitted, Isolation::ReadCommitted] {
            let there = case.places.found[call.0 as usize];
            let there = there.filter(|(place, offset)| is_visible(&case.history.logs[place], *offset, isolation));
            let seen = match whereabouts(case.history, &case.places, isolation, call, there.is_some()) {
                Whereabouts::Lost => "it is not there".to_owned(),
                Whereabouts::Misplaced => there.map_or_else(String::new, |(place, offset)| {
                    format!("it is at {}@{offset}", case.history.name_of(place))
                }),
                _ => continue,
            };
            let Some((place, offset)) = case.places.told_place(case.history, call) else { continue };
            if is_owed_by_nobody(case, call) && case.refused_after_append(place) {
                case.departs(1, Departure::RefusedAfterAppend);
            } else if is_held_back(case, call, place, offset) {
                case.departs(1, Departure::AboveTheHighWatermark);
            } else if is_durable(case, call, place, offset) {
                let expected = "an acknowledged record where it was acknowledged";
                let spot = Spot { record: Some(call), offset, ..case.spot(place) };
                case.violation(1, expected, seen, spot);
            } else {
                case.departs(1, Departure::NotDurable);
            }
            // What is lost to all is lost to the careful: once is enough.
            break;
        }
    }
}

/// Does it lie in its leader's log, where no reader comes?
fn is_held_back(case: &Case<'_>, call: CallId, place: Place, offset: Option<i64>) -> bool {
    let content = case.history.calls[call.0 as usize].content;
    let waits_for_copies = case.config_of(call).is_none_or(|config| config.acks == Acks::All);
    let log = case.history.logs.get(&place).filter(|log| log.is_under_min_isr || !waits_for_copies);
    log.zip(offset).is_some_and(|(log, offset)| log.held_back.contains(&(offset, content)))
}

/// Is it part of a transaction that was not committed?
fn is_owed_by_nobody(case: &Case<'_>, call: CallId) -> bool {
    let transaction = case.history.calls[call.0 as usize].transaction;
    transaction.is_some_and(|at| case.history.transactions[at as usize].end != TransactionEnd::Committed)
}

fn is_durable(case: &Case<'_>, call: CallId, place: Place, offset: Option<i64>) -> bool {
    let (Some(config), false) = (case.config_of(call), case.was_recreated(place)) else { return false };
    let topic = &case.history.topics[place.topic as usize];
    match config.acks {
        Acks::None => false,
        _ if case.had_an_unclean_election(place) => false,
        _ if topic.copies_in_step => true,
        Acks::All if topic.min_insync_replicas >= 2 => true,
        Acks::All | Acks::Leader => its_leader_stays(case, call, place, offset),
    }
}

/// Did nobody take over since the call, and is it the last leader that acknowledged it? A broker that led before and has not
/// heard of it yet still takes what needs no copies.
fn its_leader_stays(case: &Case<'_>, call: CallId, place: Place, offset: Option<i64>) -> bool {
    let called = case.history.calls[call.0 as usize].called.at;
    if case.leaders(place).any(|seen| seen.at >= called) {
        return false;
    }
    let first = case.history.first_leaders.get(&place).map(|(leader, _)| *leader);
    let last = case.leaders(place).last().map(|seen| seen.leader).or(first);
    let by = acknowledged_by(case, call, place, offset);
    // Where nobody overheard who acknowledged it, it may have been any of those that ever led.
    let is_heard = !by.is_empty() && by.iter().all(|node| node.0 >= 0);
    match last {
        Some(last) if is_heard => by.into_iter().all(|node| node == last),
        _ => case.leaders(place).all(|seen| Some(seen.leader) == first),
    }
}

/// The brokers that answered with success for a batch of this producer at this offset, sent since the call.
fn acknowledged_by(case: &Case<'_>, call: CallId, place: Place, offset: Option<i64>) -> Vec<NodeId> {
    let call = &case.history.calls[call.0 as usize];
    let batches = case.history.wire.batches();
    let here = batches.filter(|(_, request, batch)| {
        let offsets = batch.base_offset..batch.base_offset + i64::from(batch.records);
        request.producer == call.producer
            && request.sent.at >= call.called.at
            && batch.answer == Some(ErrorCode::NONE)
            && offset.is_some_and(|offset| offsets.contains(&offset))
            && case.history.place(&batch.partition) == Some(place)
    });
    here.map(|(_, request, _)| request.node).collect()
}

/// 2: no value is stored twice, where its producer is idempotent (KIP-98). Two calls with one content are two values.
///
/// Departures: [`Departure::FirstBatchUnprotected`], [`Departure::RenumberedAfterAppend`], [`Departure::SplitAfterAppend`],
/// [`Departure::ProducerForgotten`]. What an application sends again after an exception is another value.
pub(super) fn nothing_is_stored_twice(case: &mut Case<'_>) {
    let plain = contents_of_plain_producers(case);
    let mut extras = Vec::new();
    for (&place, owners) in &case.places.owners {
        for (stored, owner) in case.history.logs[&place].records.iter().zip(owners) {
            let Owner::Extra(call) = *owner else { continue };
            if stored.identity.is_some() || !plain.contains(&(place.topic, stored.content)) {
                extras.push((place, *stored, call));
            }
        }
    }
    for (place, stored, call) in extras {
        match departure_of_a_copy(case, place, &stored) {
            Some(departure) => case.departs(2, departure),
            None => {
                let spot = Spot { record: Some(call), offset: Some(stored.offset), ..case.spot(place) };
                case.violation(2, "every value of an idempotent producer once", "one more copy", spot);
            }
        }
    }
}

/// What producers without idempotence sent.
fn contents_of_plain_producers(case: &Case<'_>) -> BTreeSet<(u32, Content)> {
    let is_plain = |producer| case.config(producer).is_none_or(|config| !config.enable_idempotence);
    let calls = case.history.calls.iter().filter(|call| is_plain(call.producer));
    calls.map(|call| (call.topic, call.content)).collect()
}

fn departure_of_a_copy(case: &Case<'_>, place: Place, copy: &Stored) -> Option<Departure> {
    let identity = copy.identity?;
    if case.was_recreated(place) || case.was_forgotten(place, identity.id) {
        return Some(Departure::ProducerForgotten);
    }
    if case.unprotected.contains(&(place, identity.id)) {
        return Some(Departure::FirstBatchUnprotected);
    }
    if case.was_answered(place, &[ErrorCode::MESSAGE_TOO_LARGE]) {
        return Some(Departure::SplitAfterAppend);
    }
    // Numbered anew it has another epoch. Where the same record was handed over again, there are no more copies too many than
    // there are older ones that nobody was told of. Nobody numbers anew without a reason: a batch that failed, or a gap.
    let copies = || case.history.logs[&place].records.iter().filter(|stored| stored.content == copy.content);
    let mut twins = copies().filter(|stored| stored.offset != copy.offset).peekable();
    let has_another_epoch = twins.peek().is_some() && twins.all(|twin| twin.identity != copy.identity);
    let calls = case.history.calls.iter();
    let calls = calls.filter(|call| call.topic == place.topic && call.content == copy.content).count();
    let newest = copies().filter_map(|stored| stored.identity).max();
    let older = copies().filter(|stored| stored.identity < newest && !was_told_of(case, place, stored.offset)).count();
    let is_renumbered = has_another_epoch || (older > 0 && copies().count() <= calls + older);
    let gaps = [ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, ErrorCode::UNKNOWN_PRODUCER_ID];
    let has_a_reason = || something_failed(case, place) || case.was_answered(place, &gaps);
    (is_renumbered && has_a_reason()).then_some(Departure::RenumberedAfterAppend)
}

fn something_failed(case: &Case<'_>, place: Place) -> bool {
    let failed = case.history.told.iter().filter(|told| matches!(told.fate, Fate::Failed(_)));
    failed
        .map(|told| &case.history.calls[told.call.0 as usize])
        .any(|call| call.topic == place.topic && call.partition == Some(place.partition))
}

/// 3: the log of a partition has the records of one producer's thread in the order of its calls, whatever was told of them;
/// as far as it is certain whose they are.
///
/// Holds with idempotence, or with one request in flight, where answers are waited for. Departures:
/// [`Departure::FirstBatchUnprotected`], [`Departure::UncleanElection`], [`Departure::ProducerForgotten`],
/// [`Departure::RenumberedAfterAppend`].
pub(super) fn order_is_that_of_sending(case: &mut Case<'_>) {
    let mut broken = Vec::new();
    for (&place, owners) in &case.places.owners {
        let mut latest: BTreeMap<(ProducerIndex, u32), CallId> = BTreeMap::new();
        for (stored, owner) in case.history.logs[&place].records.iter().zip(owners) {
            let Owner::Call(id) = *owner else { continue };
            let call = &case.history.calls[id.0 as usize];
            if !case.places.is_certain[id.0 as usize] || !case.config(call.producer).is_some_and(keeps_order) {
                continue;
            }
            let latest = latest.entry((call.producer, call.thread)).or_insert(id);
            if *latest > id {
                broken.push((place, *stored, id, *latest));
            }
            *latest = (*latest).max(id);
        }
    }
    for (place, stored, call, later) in broken {
        let is_known = |id| case.unprotected.contains(&(place, id));
        if stored.identity.is_some_and(|identity| is_known(identity.id)) {
            case.departs(3, Departure::FirstBatchUnprotected);
        } else if case.was_recreated(place) || case.had_an_unclean_election(place) {
            case.departs(3, Departure::UncleanElection);
        } else if stored.identity.is_some_and(|identity| case.was_forgotten(place, identity.id)) {
            case.departs(3, Departure::ProducerForgotten);
        } else if was_stored_in_an_older_epoch(case, place, &stored) {
            case.departs(3, Departure::RenumberedAfterAppend);
        } else {
            let spot = Spot { record: Some(call), offset: Some(stored.offset), ..case.spot(place) };
            let seen = format!("it stands behind record {}, which was sent later", later.0);
            case.violation(3, "the records of a partition in the order of sending", seen, spot);
        }
    }
}

/// Was any call acknowledged at this offset?
fn was_told_of(case: &Case<'_>, place: Place, offset: i64) -> bool {
    case.history.told.iter().any(|told| {
        let is_here = case.history.calls[told.call.0 as usize].topic == place.topic;
        is_here
            && matches!(&told.fate, Fate::Acknowledged(metadata)
                if metadata.partition == place.partition && metadata.offset == Some(offset))
    })
}

/// Did the partition take this record before, from the same producer in an older epoch, without anybody being told?
pub(super) fn was_stored_in_an_older_epoch(case: &Case<'_>, place: Place, copy: &Stored) -> bool {
    let Some(identity) = copy.identity else { return false };
    let is_older = |other: ProducerIdentity| other.id == identity.id && other.epoch < identity.epoch;
    let earlier = case.history.logs[&place].records.iter().take_while(|stored| stored.offset < copy.offset);
    let mut earlier = earlier.filter(|stored| stored.content == copy.content);
    earlier.any(|stored| stored.identity.is_some_and(is_older) && !was_told_of(case, place, stored.offset))
}

/// 4: what was told to have failed for certain is not in the log; and what an aborted transaction wrote no careful reader
/// gets.
///
/// Holds for every configuration. An exception after which the record may be stored says so and is not
/// judged here.
pub(super) fn failed_is_not_stored(case: &mut Case<'_>) {
    for id in ids(case.history) {
        let Some((place, offset)) = case.places.found[id.0 as usize] else { continue };
        let spot = || Spot { record: Some(id), offset: Some(offset), ..case.spot(place) };
        if case.places.state(case.history, id) == State::Failed(Persistence::NotPersisted) {
            let spot = spot();
            case.violation(4, "nothing in the log of a record that failed for certain", "it is there", spot);
        }
        let log = &case.history.logs[&place];
        let transaction = case.history.calls[id.0 as usize].transaction;
        let end = transaction.map(|transaction| case.history.transactions[transaction as usize].end);
        let is_careful = was_read(Some(log), Isolation::ReadCommitted);
        if end == Some(TransactionEnd::Aborted) && is_careful && log.is_committed(offset) {
            let spot = Spot { record: Some(id), offset: Some(offset), ..case.spot(place) };
            case.violation(4, "nothing of an aborted transaction for a careful reader", "it is there", spot);
        }
    }
}
