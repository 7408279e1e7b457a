//! Of what the program is told, and when: invariants 5, 6, 7, 17 and 18.

use std::collections::BTreeMap;

use core::time::Duration;

use super::records::was_stored_in_an_older_epoch;
use super::{Case, Departure, Spot, keeps_order};
use crate::error::{ErrorCode, Surface};
use crate::ids::ProducerIndex;
use crate::judge::history::{Call, CallId, Fate, Moment, Place, WaitFor};
use crate::judge::law::sequence_after;
use crate::judge::places::{State, ids};
use crate::judge::wire::{BatchSeen, End, RequestSeen};
use crate::protocol::ApiKey;
use crate::time::Instant;

/// 5: every send has exactly one result; it may have none as long as its producer is not closed.
///
/// Holds for every configuration. Departure: [`Departure::ToldTwiceWhenFenced`].
pub(super) fn every_send_has_one_result(case: &mut Case<'_>) {
    let mut results = vec![0_u32; case.history.calls.len()];
    for told in &case.history.told {
        results[told.call.0 as usize] += 1;
        if results[told.call.0 as usize] < 2 {
            continue;
        }
        let is_fenced = matches!(&told.fate, Fate::Failed(failure)
            if matches!(&*failure.class, "ProducerFencedException" | "InvalidProducerEpochException"));
        if is_fenced && case.config_of(told.call).is_some_and(|config| config.transactional_id.is_some()) {
            case.departs(5, Departure::ToldTwiceWhenFenced);
        } else {
            let spot = Spot { record: Some(told.call), at: Some(told.at.at), ..Spot::default() };
            case.violation(5, "one result for every send", format!("{}", results[told.call.0 as usize]), spot);
        }
    }
    for (call, count) in ids(case.history).zip(results) {
        if count == 0 && closed_at(case, case.history.calls[call.0 as usize].producer).is_some() {
            let spot = Spot { record: Some(call), ..Spot::default() };
            case.violation(5, "one result for every send, once its producer is closed", "none", spot);
        }
    }
}

fn closed_at(case: &Case<'_>, producer: ProducerIndex) -> Option<Moment> {
    let is_it = |wait: &&crate::judge::history::Wait| wait.producer == producer && wait.what == WaitFor::Close;
    case.history.waits.iter().find(is_it).and_then(|wait| wait.ended)
}

/// 6: of the records that one thread sent to a partition, and that are acknowledged, the earlier ones are told first.
///
/// Holds where order holds.
/// Exceptions may come out of order: what waits in the queue expires before what is in flight. Departures:
/// [`Departure::LeaderMoved`], [`Departure::FirstBatchUnprotected`], [`Departure::RecognisedLate`],
/// [`Departure::ProducerForgotten`], [`Departure::RenumberedAfterAppend`], [`Departure::UncleanElection`].
pub(super) fn results_come_in_order(case: &mut Case<'_>) {
    let mut latest: BTreeMap<(ProducerIndex, u32, Place), CallId> = BTreeMap::new();
    let mut broken = Vec::new();
    for told in &case.history.told {
        let Fate::Acknowledged(metadata) = &told.fate else { continue };
        let call = &case.history.calls[told.call.0 as usize];
        if !case.config(call.producer).is_some_and(keeps_order) {
            continue;
        }
        let place = Place { topic: call.topic, partition: metadata.partition };
        let latest = latest.entry((call.producer, call.thread, place)).or_insert(told.call);
        // A second result of one call is another judge's.
        if *latest > told.call {
            broken.push((place, told.call, told.at.at, metadata.offset, *latest));
        }
        *latest = (*latest).max(told.call);
    }
    for (place, call, at, offset, later) in broken {
        let called = case.history.calls[call.0 as usize].called.at;
        let stored = offset.and_then(|offset| case.history.logs.get(&place)?.at(offset));
        let identity = stored.and_then(|stored| stored.identity);
        if case.was_recreated(place) {
            case.departs(6, Departure::UncleanElection);
        } else if case.leaders(place).any(|seen| seen.at >= called && seen.at <= at) {
            case.departs(6, Departure::LeaderMoved);
        } else if identity.is_some_and(|identity| case.unprotected.contains(&(place, identity.id))) {
            case.departs(6, Departure::FirstBatchUnprotected);
        } else if identity.is_some_and(|identity| case.was_forgotten(place, identity.id)) {
            case.departs(6, Departure::ProducerForgotten);
        } else if stored.is_some_and(|stored| was_stored_in_an_older_epoch(case, place, stored)) {
            case.departs(6, Departure::RenumberedAfterAppend);
        } else if offset
            .is_some_and(|offset| stands_behind(case, later, offset) && was_recognised_late(case, place, offset))
        {
            case.departs(6, Departure::RecognisedLate);
        } else {
            let spot = Spot { record: Some(call), at: Some(at), ..case.spot(place) };
            let seen = format!("it came after that of record {}, which was sent later", later.0);
            case.violation(6, "the results of a partition in the order of sending", seen, spot);
        }
    }
}

/// Is what was told of the later call at an offset behind this one, as far as one was told? Only what was stored already is
/// recognised: whatever is acknowledged meanwhile comes behind it.
fn stands_behind(case: &Case<'_>, later: CallId, offset: i64) -> bool {
    let told = case.places.told_place(case.history, later).and_then(|(_, offset)| offset);
    told.is_none_or(|told| told > offset)
}

/// Was the batch with the record at this offset sent without an answer and then refused, or refused after it was appended,
/// and then taken?
fn was_recognised_late(case: &Case<'_>, place: Place, offset: i64) -> bool {
    let here = || case.history.wire.batches().filter(|(.., batch)| case.history.place(&batch.partition) == Some(place));
    let has_it = |batch: &&BatchSeen| {
        let offsets = batch.base_offset..batch.base_offset + i64::from(batch.records);
        batch.answer == Some(ErrorCode::NONE) && offsets.contains(&offset)
    };
    let numbers = |batch: &BatchSeen| (batch.identity, batch.base_sequence);
    let may_be_stored = |answer: Option<ErrorCode>| answer.is_none_or(ErrorCode::may_follow_a_write);
    // An offset that was lost is given to another batch.
    let taken = here().map(|(.., batch)| batch).filter(has_it);
    taken.into_iter().any(|taken| {
        let answers = here().filter(|(.., batch)| numbers(batch) == numbers(taken)).map(|(.., batch)| batch.answer);
        let mut answers = answers.skip_while(|answer| !may_be_stored(*answer));
        answers.any(|answer| answer.is_some_and(|answer| !answer.is_none()))
    })
}

/// 7: a record that was appended has its result within `delivery.timeout.ms` (its batch may be older, so rather earlier),
/// and `send()` returns within `max.block.ms`.
///
/// Holds for every configuration but transactions, whose batches wait for their coordinator.
/// Departures: [`Departure::WithoutProducerId`], [`Departure::BehindAYoungerBatch`].
pub(super) fn nothing_takes_too_long(case: &mut Case<'_>) {
    let mut pauses: BTreeMap<ProducerIndex, Vec<(Instant, Instant)>> = BTreeMap::new();
    for id in ids(case.history) {
        let call = &case.history.calls[id.0 as usize];
        let Some(config) = case.config(call.producer).filter(|config| config.transactional_id.is_none()) else {
            continue;
        };
        let (tick, end) = (case.history.tick, case.history.exited_at(call.producer).unwrap_or(case.history.ended_at));
        let returned = call.returned.map_or(end, |returned| returned.at);
        if returned > case.once_awake(call.producer, call.called.at + config.max_block, tick) + tick {
            let spot = Spot { record: Some(id), at: Some(call.called.at), ..Spot::default() };
            let expected = format!("send() to return within {} ms", config.max_block.as_millis());
            case.violation(7, expected, format!("it took {} ms", (returned - call.called.at).as_millis()), spot);
        }
        let (Some(appended), Some(partition)) = (call.returned, call.partition) else { continue };
        let told = case.places.told[id.0 as usize].map_or(end, |told| case.history.told[told].at.at);
        let mut deadline = case.once_awake(call.producer, appended.at + config.delivery_timeout, tick);
        if told <= deadline + tick {
            continue;
        }
        if config.enable_idempotence {
            let pauses = pauses.entry(call.producer).or_insert_with(|| without_producer_id(case, call.producer));
            let asked = deadline;
            for (from, until) in pauses.iter() {
                deadline = if *from <= deadline && deadline < *until { *until } else { deadline };
            }
            if deadline > asked && told <= deadline + tick {
                case.departs(7, Departure::WithoutProducerId);
                continue;
            }
        }
        let younger = if config.enable_idempotence {
            in_flight_behind_a_younger(case, call, deadline)
        } else {
            behind_a_younger(case, call, deadline)
        };
        if told <= case.once_awake(call.producer, younger, tick) + tick {
            case.departs(7, Departure::BehindAYoungerBatch);
            continue;
        }
        let spot = Spot { record: Some(id), ..case.spot(Place { topic: call.topic, partition }) };
        let expected = format!("a result within {} ms", config.delivery_timeout.as_millis());
        case.violation(7, expected, format!("it took {} ms", (told - appended.at).as_millis()), spot);
    }
}

/// The deadline of the youngest batch that may have stood before this record's in its queue: of a producer without numbers,
/// and with more than one request in flight.
fn behind_a_younger(case: &Case<'_>, call: &Call, deadline: Instant) -> Instant {
    let Some(config) = case.config(call.producer).filter(|config| config.max_in_flight > 1) else { return deadline };
    youngest_by(case, call, deadline).map_or(deadline, |at| at + config.delivery_timeout)
}

/// When the youngest record beside this one was appended that was there by then.
fn youngest_by(case: &Case<'_>, call: &Call, by: Instant) -> Option<Instant> {
    let is_beside =
        |other: &&Call| (other.producer, other.topic, other.partition) == (call.producer, call.topic, call.partition);
    let others = case.history.calls.iter().filter(is_beside).filter_map(|other| other.returned);
    others.map(|returned| returned.at).filter(|at| *at <= by).max()
}

/// The same of a producer with numbers, which keep its queues in order: a batch that is sent again stands behind those
/// that were in flight already. Both are seen on the wire.
fn in_flight_behind_a_younger(case: &Case<'_>, call: &Call, deadline: Instant) -> Instant {
    let (Some(config), Some(partition)) = (case.config(call.producer), call.partition) else { return deadline };
    let place = Place { topic: call.topic, partition };
    let is_here = |request: &RequestSeen, batch: &BatchSeen| {
        request.producer == call.producer && case.history.place(&batch.partition) == Some(place)
    };
    let sent: Vec<_> = case.history.wire.batches().filter(|(_, request, batch)| is_here(request, batch)).collect();
    let is_out = |request: &RequestSeen| {
        request.sent.at <= deadline && request.ended.is_none_or(|(ended, _)| ended.at > deadline)
    };
    // Numbers are given anew with a new epoch.
    let is_again = |batch: &BatchSeen, earlier: &BatchSeen| match (earlier.identity, batch.identity) {
        (Some(before), Some(now)) if before.id == now.id && before.epoch < now.epoch => {
            earlier.records == batch.records && earlier.answer != Some(ErrorCode::NONE)
        }
        (before, now) => before == now && earlier.base_sequence == batch.base_sequence,
    };
    let is_younger = |batch: &BatchSeen, other: &BatchSeen| {
        other.identity != batch.identity || other.base_sequence > batch.base_sequence
    };
    let mut latest = deadline;
    for (place, (.., batch)) in sent.iter().enumerate().filter(|(_, (_, request, _))| is_out(request)) {
        let before = &sent[..place];
        let mut younger = before.iter().filter(|(_, request, other)| is_younger(batch, other) && is_out(request));
        if let Some((_, younger, _)) = younger.next_back()
            && before.iter().any(|(.., earlier)| is_again(batch, earlier))
            && let Some(appended) = youngest_by(case, call, younger.sent.at)
        {
            latest = latest.max(appended + config.delivery_timeout);
        }
    }
    latest
}

/// When a producer had no id, in order: until the first one was granted, and while another was asked for.
fn without_producer_id(case: &Case<'_>, producer: ProducerIndex) -> Vec<(Instant, Instant)> {
    let asked = case.history.wire.requests.iter();
    let asked = asked.filter(|request| request.producer == producer && request.api == ApiKey::InitProducerId);
    let mut pauses: Vec<(Instant, Instant)> = Vec::new();
    for request in asked {
        let granted = request.ended.filter(|(_, how)| *how == End::Answered && request.error.is_none());
        let since = if pauses.is_empty() { Instant::ZERO } else { request.sent.at };
        let until = granted.map_or(Instant::from_micros(u64::MAX), |(moment, _)| moment.at);
        match pauses.last_mut() {
            // The one before was not granted: this is the same pause.
            Some(last) if last.1 >= since => last.1 = until,
            _ => pauses.push((since, until)),
        }
    }
    pauses
}

/// `retries` by default: `delivery.timeout.ms` decides. Fewer are used up by what a producer does not know yet, such as the
/// leader that took over while it was idle.
const ALL_RETRIES: u32 = i32::MAX.cast_unsigned();

/// 17: once all is healed, everything comes to rest: what a program calls returns, what it sent is told, and what it sends
/// from then on, with nothing of its own waiting before it, does not run out of time.
///
/// Holds where somebody says when the last fault was over ([`History::healed_at`](crate::judge::History::healed_at)), as
/// long after it as the configuration's own patience lasts; time in which callbacks keep the sender does not count.
pub(super) fn all_comes_to_rest(case: &mut Case<'_>) {
    let Some(healed) = case.history.healed_at else { return };
    let end = case.history.ended_at;
    // By producer: when everything that it was given before is told.
    let mut settled: BTreeMap<ProducerIndex, Instant> = BTreeMap::new();
    for id in ids(case.history) {
        let call = &case.history.calls[id.0 as usize];
        let Some(patience) = patience(case, call.producer) else { continue };
        let settled = settled.entry(call.producer).or_default();
        let stands_alone = *settled <= call.called.at;
        let told = case.places.told[id.0 as usize].map(|told| case.history.told[told].at.at);
        *settled = (*settled).max(told.unwrap_or(end));
        let is_waiting = case.places.state(case.history, id) == State::Waiting;
        let spot = || Spot { record: Some(id), at: Some(call.called.at), ..Spot::default() };
        let since = healed.max(call.called.at);
        if is_waiting && end >= since + patience + case.stalled(call.producer, since, end) {
            case.violation(17, "a result, once all is healed", "none", spot());
        }
        if let Some(Fate::Failed(failure)) = case.places.fate(case.history, id)
            && failure.is_retriable
            && failure.surface == Surface::FutureOnSender
            && case.config(call.producer).is_some_and(|config| config.retries == ALL_RETRIES)
            && call.called.at >= healed + patience + case.stalled(call.producer, healed, call.called.at)
            && stands_alone
            && !is_to_a_partition_that_is_gone(case, call)
        {
            let place = call.partition.map(|partition| Place { topic: call.topic, partition });
            match place.and_then(|place| departure_of_a_refusal(case, call.producer, place)) {
                Some(departure) => case.departs(17, departure),
                None => {
                    let seen = failure.class.to_string();
                    case.violation(17, "what is sent once all is healed to be stored", seen, spot());
                }
            }
        }
    }
    for wait in &case.history.waits {
        let Some(patience) = patience(case, wait.producer) else { continue };
        let since = healed.max(wait.begun.at);
        if wait.ended.is_none()
            && case.history.exited_at(wait.producer).is_none()
            && end >= since + patience + case.stalled(wait.producer, since, end)
        {
            let spot = Spot { at: Some(wait.begun.at), ..Spot::default() };
            case.violation(17, format!("{} to return, once all is healed", name(wait.what)), "it has not", spot);
        }
    }
}

/// Why a batch was refused for a gap until its time was over: where the first of its id was not protected; or before it
/// stands one whose time was over on its first way.
fn departure_of_a_refusal(case: &Case<'_>, producer: ProducerIndex, place: Place) -> Option<Departure> {
    let of_producer = case.history.wire.batches().filter(|(_, request, _)| request.producer == producer);
    let here: Vec<_> = of_producer.filter(|(.., batch)| case.history.place(&batch.partition) == Some(place)).collect();
    let refused = here.iter().filter(|(.., batch)| batch.answer == Some(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER));
    let is_before = |batch: &BatchSeen, refused: &BatchSeen| {
        batch.identity == refused.identity
            && sequence_after(batch.base_sequence, batch.records) == refused.base_sequence
    };
    refused.into_iter().find_map(|(.., refused)| {
        if refused.identity.is_some_and(|identity| case.unprotected.contains(&(place, identity.id))) {
            return Some(Departure::FirstBatchUnprotected);
        }
        let mut before = here.iter().filter(|(.., batch)| is_before(batch, refused));
        let (_, last, batch) = before.next_back()?;
        let ended = last.ended.map_or(case.history.ended_at, |(ended, _)| ended.at);
        let is_over = match batch.answer {
            Some(ErrorCode::NONE) => false,
            // Its last part never left.
            Some(ErrorCode::MESSAGE_TOO_LARGE) => has_expired(case, last, place, case.history.ended_at),
            // One that was too large is another batch by every time it was split.
            answer => {
                let is_first =
                    before.next_back().is_none_or(|(.., split)| split.answer == Some(ErrorCode::MESSAGE_TOO_LARGE));
                is_first && (answer.is_none() || has_expired(case, last, place, ended))
            }
        };
        is_over.then_some(Departure::HoleAfterExpiry)
    })
}

/// Was a record of this partition, handed over before the request left, given up in the round in which it left, or since?
fn has_expired(case: &Case<'_>, request: &RequestSeen, place: Place, until: Instant) -> bool {
    let since = case.before_a_stall(request.producer, request.sent.at);
    case.history.told.iter().any(|told| {
        let call = &case.history.calls[told.call.0 as usize];
        let is_here =
            (call.producer, call.topic, call.partition) == (request.producer, place.topic, Some(place.partition));
        let is_over = matches!(&told.fate, Fate::Failed(failure) if failure.class == "TimeoutException");
        is_here && is_over && call.called.at <= request.sent.at && (since..=until).contains(&told.at.at)
    })
}

/// Does the topic, made anew with fewer partitions, lack this one? Who has not asked since sends there, and hears too late.
fn is_to_a_partition_that_is_gone(case: &Case<'_>, call: &Call) -> bool {
    let topic = &case.history.topics[call.topic as usize];
    let count = topic.partitions.last().map_or(0, |&(_, count)| count);
    topic.was_recreated && call.partition.is_some_and(|partition| partition >= count)
}

/// How long anything may take by the configuration: to be let in, and to be delivered; and a request before, and after.
fn patience(case: &Case<'_>, producer: ProducerIndex) -> Option<Duration> {
    let config = case.config(producer)?;
    Some(config.max_block + config.delivery_timeout + config.request_timeout * 2)
}

fn name(what: WaitFor) -> &'static str {
    match what {
        WaitFor::Flush => "flush()",
        WaitFor::Close => "close()",
    }
}

/// 18: `flush()` returns only when every send that returned before it was called is settled, and `close()` only when every
/// send is. A thread that is still in `send()` as the sender's thread ends is told by that end, and goes on beside the one
/// that called `close()` (`ProducerMetadata.close`): in the same moment, one before the other as chance has it.
///
/// Holds for every configuration, with and without a timeout of `close()`.
pub(super) fn flush_and_close_wait_for_all(case: &mut Case<'_>) {
    for wait in &case.history.waits {
        let Some(ended) = wait.ended else { continue };
        let is_earlier = |call: &Call| match wait.what {
            WaitFor::Flush => call.returned.is_some_and(|returned| returned < wait.begun),
            WaitFor::Close => call.called < ended,
        };
        for id in ids(case.history) {
            let call = &case.history.calls[id.0 as usize];
            let told = case.places.told[id.0 as usize].map(|told| case.history.told[told].at);
            let is_in_send = call.returned.is_none_or(|returned| returned > ended);
            let is_in_time = |told: Moment| told < ended || (is_in_send && told.at == ended.at);
            if call.producer == wait.producer && is_earlier(call) && !told.is_some_and(is_in_time) {
                let expected = format!("{} to wait for the result of every earlier send", name(wait.what));
                let spot = Spot { record: Some(id), at: Some(ended.at), ..Spot::default() };
                case.violation(18, expected, "it returned before", spot);
            }
        }
    }
}
