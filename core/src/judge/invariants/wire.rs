//! Of messages, and of the sequences in them: invariants 8 to 11 and 13.

use std::collections::{BTreeMap, BTreeSet};

use core::time::Duration;

use super::{Case, Departure, Spot};
use crate::config::ProducerConfig;
use crate::error::ErrorCode;
use crate::ids::{ConnectionId, ProducerIdentity, ProducerIndex};
use crate::judge::history::{Moment, Place};
use crate::judge::law::sequence_after;
use crate::judge::wire::{BatchSeen, RequestSeen};
use crate::time::Instant;

/// A batch by the numbers in it: on which partition, of which producer, from which sequence on.
type Numbered = (ProducerIndex, Place, ProducerIdentity, i32);

fn numbered(case: &Case<'_>, request: &RequestSeen, batch: &BatchSeen) -> Option<Numbered> {
    Some((request.producer, case.history.place(&batch.partition)?, batch.identity?, batch.base_sequence))
}

fn spot_of(request: usize, seen: &RequestSeen, batch: Option<&BatchSeen>) -> Spot {
    let partition = batch.map(|batch| batch.partition.clone());
    Spot { partition, request: Some(request), at: Some(seen.sent.at), ..Spot::default() }
}

/// 8: no connection has more requests without an answer than `max.in.flight.requests.per.connection`, and no numbered
/// batch is under way twice at once.
///
/// Holds for every configuration; requests of every kind count.
pub(super) fn in_flight_is_bounded(case: &mut Case<'_>) {
    let requests = &case.history.wire.requests;
    let mut events: Vec<(Moment, bool, usize)> = Vec::with_capacity(requests.len() * 2);
    for (at, request) in requests.iter().enumerate() {
        events.push((request.sent, true, at));
        events.extend(request.ended.map(|(ended, _)| (ended, false, at)));
    }
    events.sort_unstable();
    let mut in_flight: BTreeMap<(ProducerIndex, ConnectionId), u32> = BTreeMap::new();
    let mut under_way: BTreeMap<Numbered, usize> = BTreeMap::new();
    for (_, leaves, at) in events {
        let request = &requests[at];
        let count = in_flight.entry((request.producer, request.connection)).or_default();
        *count = if leaves { *count + 1 } else { count.saturating_sub(1) };
        let count = *count;
        let most = case.config(request.producer).map_or(u32::MAX, |config| config.max_in_flight);
        if leaves && count > most {
            let spot = spot_of(at, request, None);
            case.violation(8, format!("at most {most} requests in flight on a connection"), format!("{count}"), spot);
        }
        for batch in &request.batches {
            let Some(name) = numbered(case, request, batch) else { continue };
            if !leaves {
                under_way.retain(|other, by| *other != name || *by != at);
            } else if let Some(first) = under_way.insert(name, at) {
                let spot = spot_of(at, request, Some(batch));
                case.violation(8, "a batch under way once", format!("request {first} carries it too"), spot);
            }
        }
    }
}

/// What a partition was sent by one producer.
struct Sent {
    identity: ProducerIdentity,
    next: i32,
}

/// 9: per producer id, epoch and partition, sequences begin at 0 and follow one another, on the wire and in the log; a
/// batch that is sent again lies within what was sent; the epoch of a producer id only grows.
///
/// Holds for producers with idempotence. In the log the first sequence of an id is another one
/// where it is [`Departure::FirstBatchUnprotected`]; a broker that forgot an id takes any, and so does
/// one that lost its log. On the wire they seem to leave a gap where they are [`Departure::NumberedBeforeSent`].
pub(super) fn sequences_follow_one_another(case: &mut Case<'_>) {
    let mut sent: BTreeMap<(ProducerIndex, Place), Sent> = BTreeMap::new();
    for (at, request, batch) in case.history.wire.batches() {
        let Some((producer, place, identity, base)) = numbered(case, request, batch) else { continue };
        let end = sequence_after(base, batch.records);
        let new = Sent { identity, next: 0 };
        let known = sent.entry((producer, place)).or_insert(new);
        if identity.id == known.identity.id && identity.epoch < known.identity.epoch {
            let spot = spot_of(at, request, Some(batch));
            let seen = format!("epoch {} after {}", identity.epoch, known.identity.epoch);
            case.violation(9, "an epoch that only grows", seen, spot);
            continue;
        }
        if identity != known.identity {
            *known = Sent { identity, next: 0 };
        }
        let next = known.next;
        let (from, to) = (distance(next, base), distance(next, end));
        if from > 0 && is_numbered_before_sent(case, request, batch) {
            case.departs(9, Departure::NumberedBeforeSent);
        } else if from > 0 || (from < 0 && to > 0) {
            let spot = spot_of(at, request, Some(batch));
            case.violation(9, format!("sequence {next}, or what was sent before"), format!("{base} to {end}"), spot);
        }
        if to > 0 {
            known.next = end;
        }
    }
    sequences_in_the_log(case);
}

/// Are there enough batches that left under older epochs, and were not known to be stored when these ended, for the numbers
/// before this batch to be theirs? An epoch ends with the first of its batches that is refused.
fn is_numbered_before_sent(case: &Case<'_>, request: &RequestSeen, batch: &BatchSeen) -> bool {
    let Some(identity) = batch.identity else { return false };
    let mut older: BTreeMap<i16, Vec<(&RequestSeen, &BatchSeen)>> = BTreeMap::new();
    for (_, earlier, seen) in case.history.wire.batches().take_while(|(_, earlier, _)| earlier.sent < request.sent) {
        let is_older = |other: &ProducerIdentity| other.id == identity.id && other.epoch < identity.epoch;
        if let Some(other) = seen.identity.filter(is_older)
            && earlier.producer == request.producer
            && seen.partition == batch.partition
        {
            older.entry(other.epoch).or_default().push((earlier, seen));
        }
    }
    let under_way = older.values().map(|batches| records_under_way(batches, request.sent));
    i64::from(batch.base_sequence) <= under_way.sum()
}

/// The records of the batches of one epoch that were not known to be stored when it ended.
fn records_under_way(batches: &[(&RequestSeen, &BatchSeen)], at_the_latest: Moment) -> i64 {
    let refused = batches.iter().filter(|(_, seen)| seen.answer.is_some_and(|answer| !answer.is_none()));
    let ended = refused.filter_map(|(request, _)| request.ended).map(|(ended, _)| ended).min();
    let ended = ended.map_or(at_the_latest, |ended| ended.min(at_the_latest));
    let is_stored = |request: &RequestSeen, seen: &BatchSeen| {
        seen.answer.is_some_and(ErrorCode::is_none) && request.ended.is_some_and(|(answered, _)| answered < ended)
    };
    // By where they begin: the largest, and what is stored. The first part of one that was split begins where that did.
    let mut sizes: BTreeMap<i32, (u32, u32)> = BTreeMap::new();
    for (request, seen) in batches {
        let (largest, stored) = sizes.entry(seen.base_sequence).or_default();
        *largest = seen.records.max(*largest);
        if is_stored(request, seen) {
            *stored = seen.records.max(*stored);
        }
    }
    sizes.into_values().map(|(largest, stored)| i64::from(largest - stored)).sum()
}

/// How many places one sequence lies behind another, in a circle.
fn distance(from: i32, to: i32) -> i32 {
    // The circle has 2³¹ places: shifted by one bit, an i32 wraps as they do.
    (to.wrapping_sub(from) << 1) >> 1
}

fn sequences_in_the_log(case: &mut Case<'_>) {
    for (&place, log) in &case.history.logs {
        let mut last: BTreeMap<i64, (i16, i32)> = BTreeMap::new();
        for stored in &log.records {
            let Some(identity) = stored.identity else { continue };
            let Some((epoch, sequence)) = last.insert(identity.id, (identity.epoch, stored.sequence)) else {
                if stored.sequence != 0 && log.start_offset == 0 {
                    case.departs(9, Departure::FirstBatchUnprotected);
                }
                continue;
            };
            let lawful = if identity.epoch == epoch { sequence_after(sequence, 1) } else { 0 };
            if identity.epoch >= epoch && stored.sequence == lawful {
                continue;
            }
            if case.may_have_forgotten() {
                case.departs(9, Departure::ProducerForgotten);
            } else if case.had_an_unclean_election(place) || case.was_recreated(place) {
                case.departs(9, Departure::UncleanElection);
            } else {
                let spot = Spot { offset: Some(stored.offset), ..case.spot(place) };
                let expected = format!("epoch {epoch} and sequence {lawful}, or a later epoch from 0 on");
                let seen = format!("epoch {} and sequence {}", identity.epoch, stored.sequence);
                case.violation(9, expected, seen, spot);
            }
        }
    }
}

/// 10: where a broker says OUT_OF_ORDER_SEQUENCE_NUMBER, the client is not the cause: it sent the sequence before, and that
/// did not get in (it was refused, lost or is still under way).
///
/// Holds for brokers that say it themselves. Departures: [`Departure::FirstBatchUnprotected`],
/// [`Departure::NumberedBeforeSent`], [`Departure::SplitAfterAppend`], [`Departure::OlderThanFive`],
/// [`Departure::RefusedAfterAppend`], [`Departure::ProducerForgotten`], [`Departure::UncleanElection`].
pub(super) fn nobody_causes_a_gap(case: &mut Case<'_>) {
    // By the last sequence of each batch that was sent: when it was first answered with success, if it was.
    let mut sent: BTreeMap<Numbered, Option<Moment>> = BTreeMap::new();
    for (at, request, batch) in case.history.wire.batches() {
        let Some((producer, place, identity, base)) = numbered(case, request, batch) else { continue };
        if batch.answer == Some(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER) && !request.is_scripted {
            // Batches may have been split since: what counts is who ends where this one begins.
            let before = sent.get(&(producer, place, identity, base)).copied();
            let why = match before {
                None if base == 0 => "it is the first, and was refused all the same",
                None => "nobody was ever sent the sequence before",
                Some(Some(stored)) if stored < request.sent => "the sequence before was stored",
                Some(_) => "",
            };
            if !why.is_empty() {
                let spot = spot_of(at, request, Some(batch));
                let is_numbered = before.is_none() && base > 0 && is_numbered_before_sent(case, request, batch);
                let departure = is_numbered.then_some(Departure::NumberedBeforeSent);
                let departure = departure.or_else(|| departure_of_the_stored(case, at, request, batch));
                match departure.or_else(|| departure_of_a_gap(case, place, identity)) {
                    Some(departure) => case.departs(10, departure),
                    None => case.violation(10, "no gap of the client's making", why, spot),
                }
            }
        }
        let is_stored = batch.answer.is_some_and(ErrorCode::is_none);
        let stored = request.ended.map(|(moment, _)| moment).filter(|_| is_stored);
        let end = sent.entry((producer, place, identity, sequence_after(base, batch.records))).or_default();
        *end = end.or(stored);
    }
}

/// Why a broker does not recognise a batch that it may have stored already.
fn departure_of_the_stored(case: &Case<'_>, at: usize, request: &RequestSeen, batch: &BatchSeen) -> Option<Departure> {
    let is_beside = |earlier: &RequestSeen, other: &BatchSeen| {
        earlier.producer == request.producer && other.identity == batch.identity && other.partition == batch.partition
    };
    let before = case.history.wire.batches().take_while(|(place, ..)| *place < at);
    let before: Vec<_> = before.filter(|(_, earlier, other)| is_beside(earlier, other)).collect();
    let may_be_stored = |other: &BatchSeen| other.answer.is_none_or(ErrorCode::may_follow_a_write);
    let is_within = |whole: &BatchSeen| {
        let from = distance(whole.base_sequence, batch.base_sequence);
        from >= 0 && i64::from(from) + i64::from(batch.records) <= i64::from(whole.records)
    };
    let is_same = |one: &BatchSeen, other: &BatchSeen| {
        (one.base_sequence, one.records, one.crc) == (other.base_sequence, other.records, other.crc)
    };
    let was_split = |(place, (.., whole)): (usize, &(usize, &RequestSeen, &BatchSeen))| {
        whole.answer == Some(ErrorCode::MESSAGE_TOO_LARGE)
            && is_within(whole)
            && before[..place].iter().any(|(.., first)| is_same(first, whole) && may_be_stored(first))
    };
    if before.iter().enumerate().any(was_split) {
        return Some(Departure::SplitAfterAppend);
    }
    let first = before.iter().position(|(.., other)| is_same(other, batch) && may_be_stored(other))?;
    let since = before[first..].iter().map(|(.., other)| other.base_sequence);
    let later: BTreeSet<i32> = since.filter(|other| distance(batch.base_sequence, *other) > 0).collect();
    (later.len() >= REMEMBERED_BATCHES).then_some(Departure::OlderThanFive)
}

/// So many batches of a producer a partition remembers (`ProducerStateEntry.NUM_BATCHES_TO_RETAIN`).
const REMEMBERED_BATCHES: usize = 5;

fn departure_of_a_gap(case: &Case<'_>, place: Place, identity: ProducerIdentity) -> Option<Departure> {
    if case.unprotected.contains(&(place, identity.id)) {
        return Some(Departure::FirstBatchUnprotected);
    }
    if case.was_forgotten(place, identity.id) {
        return Some(Departure::ProducerForgotten);
    }
    if case.refused_after_append(place) {
        return Some(Departure::RefusedAfterAppend);
    }
    (case.had_an_unclean_election(place) || case.was_recreated(place)).then_some(Departure::UncleanElection)
}

/// 11: the batches of a request together keep to `max.request.size`, but for one that is alone; a batch keeps to
/// `batch.size`, or to what its first record asked for where that is more.
///
/// Holds for batches that are not compressed: of others the size is estimated before they are closed.
pub(super) fn sizes_are_bounded(case: &mut Case<'_>) {
    for (at, request) in case.history.wire.requests.iter().enumerate() {
        let Some(config) = case.config(request.producer) else { continue };
        if request.batches.iter().any(|batch| batch.is_compressed) {
            continue;
        }
        let bytes: u64 = request.batches.iter().map(|batch| u64::from(batch.bytes)).sum();
        if request.batches.len() > 1 && bytes > u64::from(config.max_request_size) {
            let expected = format!("at most {} bytes of batches in a request", config.max_request_size);
            case.violation(11, expected, format!("{bytes}"), spot_of(at, request, None));
        }
        for batch in &request.batches {
            let most = config.batch_size.max(batch.first_record_bound);
            if batch.records > 1 && batch.bytes > most {
                let expected = format!("at most {most} bytes in a batch");
                case.violation(11, expected, format!("{}", batch.bytes), spot_of(at, request, Some(batch)));
            }
        }
    }
}

/// How often a producer that has nothing to do may be woken within a second. Java's sender wakes for metadata and idle
/// connections alone: this leaves room for both.
pub const IDLE_WAKES_PER_SECOND: u32 = 10;

/// An attempt that came to nothing.
struct Attempt {
    failures: u32,
    ended: Option<Moment>,
    /// Of the same numbers it is another batch: those of one that failed for good are given to the next.
    crc: u32,
    /// Does the next attempt have to wait?
    backs_off: bool,
    request: usize,
}

/// 13: a numbered batch that is sent again waits for `retry.backoff.ms`, doubled with every attempt up to
/// `retry.backoff.max.ms`, less 20 % at most (KIP-580, KIP-601); and a producer with nothing to do is hardly ever woken.
///
/// Of batches without numbers nobody can tell a retry from another batch with the same records. Who was told of another
/// leader does not wait (KIP-951), nor do the parts of a batch that was too large.
pub(super) fn retries_back_off_and_the_idle_sleep(case: &mut Case<'_>) {
    let mut attempts: BTreeMap<Numbered, Attempt> = BTreeMap::new();
    for (at, request, batch) in case.history.wire.batches() {
        let Some(name) = numbered(case, request, batch) else { continue };
        let Some(config) = case.config(request.producer) else { continue };
        let before = attempts.get(&name).filter(|before| before.crc == batch.crc && before.backs_off);
        let mut failures = before.map_or(0, |before| before.failures);
        if let Some((before, ended)) = before.and_then(|before| Some((before, before.ended?))) {
            failures += 1;
            let least = least_backoff(config, failures);
            let waited = request.sent.at - case.before_a_stall(request.producer, ended.at);
            let earlier = &case.history.wire.requests[before.request];
            // Until a broker's name is known, its connection is all there is of it.
            let elsewhere = earlier.node.0 < 0 && earlier.connection != request.connection;
            // Who was told of a topic made anew has heard of another leader epoch.
            let knows_another = case.was_recreated(name.1)
                || elsewhere
                || earlier.node != request.node
                || heard_of_a_leader(case, name.1, request, earlier);
            if waited + case.history.tick < least && !knows_another {
                let spot = spot_of(at, request, Some(batch));
                let expected = format!("a pause of {} ms before attempt {}", least.as_millis(), failures + 1);
                case.violation(13, expected, format!("{} ms", waited.as_millis()), spot);
            }
        }
        let backs_off = !matches!(batch.answer, Some(ErrorCode::NONE | ErrorCode::MESSAGE_TOO_LARGE));
        let ended = request.ended.map(|(moment, _)| moment);
        attempts.insert(name, Attempt { failures, ended, crc: batch.crc, backs_off, request: at });
    }
    the_idle_sleep(case);
}

/// Was the producer told of a later leader epoch since the batch was sent before? What it knew before it was told, or knew
/// when the history began.
fn heard_of_a_leader(case: &Case<'_>, place: Place, request: &RequestSeen, earlier: &RequestSeen) -> bool {
    let requests = case.history.wire.requests.iter().filter(|told| told.producer == request.producer);
    let words = requests.filter_map(|told| {
        let (heard, _) = told.ended?;
        let here = told.leader_epochs.iter().filter(|(partition, _)| case.history.place(partition) == Some(place));
        Some((heard, here.map(|(_, epoch)| *epoch).max()?))
    });
    let (before, since): (Vec<_>, Vec<_>) =
        words.filter(|(heard, _)| *heard <= request.sent).partition(|(heard, _)| *heard < earlier.sent);
    let known = before.iter().map(|(_, epoch)| *epoch).max();
    let known = known.max(case.history.first_leaders.get(&place).map(|(_, epoch)| *epoch));
    since.iter().any(|(_, epoch)| known.is_none_or(|known| *epoch > known))
}

/// The shortest pause after so many failures (`ExponentialBackoff`).
fn least_backoff(config: &ProducerConfig, failures: u32) -> Duration {
    let (base, max) = (config.retry_backoff.as_millis(), config.retry_backoff_max.as_millis());
    if base >= max || base == 0 {
        return config.retry_backoff_max.min(config.retry_backoff);
    }
    let doubled = base << (failures - 1).min(32);
    // Beyond log2(max / base) doublings it stays where it is.
    let term = doubled.min(max);
    Duration::from_millis(u64::try_from(term * 8 / 10).unwrap_or(u64::MAX))
}

fn the_idle_sleep(case: &mut Case<'_>) {
    for second in &case.history.wire.seconds {
        if second.is_busy || second.wakes <= IDLE_WAKES_PER_SECOND {
            continue;
        }
        let (from, until) = (second.number * 1_000_000, (second.number + 1) * 1_000_000);
        let (from, until) = (Instant::from_micros(from), Instant::from_micros(until));
        if !has_work(case, second.producer, from, until) {
            let spot = Spot { at: Some(from), ..Spot::default() };
            let expected = format!("at most {IDLE_WAKES_PER_SECOND} wake-ups of an idle producer in a second");
            case.violation(13, expected, format!("{}", second.wakes), spot);
        }
    }
}

/// Does a producer have a record that waits, or a request under way, at any time between?
fn has_work(case: &Case<'_>, producer: ProducerIndex, from: Instant, until: Instant) -> bool {
    let overlaps = |begun: Instant, ended: Option<Instant>| begun < until && ended.is_none_or(|ended| ended >= from);
    let told = |at: usize| case.places.told[at].map(|told| case.history.told[told].at.at);
    let mut calls = case.history.calls.iter().enumerate().filter(|(_, call)| call.producer == producer);
    let mut requests = case.history.wire.requests.iter().filter(|request| request.producer == producer);
    calls.any(|(at, call)| overlaps(call.called.at, told(at)))
        || requests.any(|request| overlaps(request.sent.at, request.ended.map(|(moment, _)| moment.at)))
}
