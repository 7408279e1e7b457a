//! Of memory, leaders, keys and bytes: invariants 12, 14, 15 and 16.

use std::collections::BTreeMap;

use super::{Case, Spot};
use crate::judge::history::{Place, WaitFor};
use crate::judge::law;
use crate::judge::places::ids;
use crate::judge::reading::Damage;

/// 12: buffered bytes keep to `buffer.memory`, and `close()` gives all of them back.
///
/// Holds for every configuration. Batches that were split are outside the pool and are not counted.
pub(super) fn memory_is_bounded_and_given_back(case: &mut Case<'_>) {
    let mut last = BTreeMap::new();
    for seen in &case.history.memory {
        last.insert(seen.producer, seen);
        let Some(config) = case.config(seen.producer) else { continue };
        if seen.used_bytes > config.buffer_memory {
            let spot = Spot { at: Some(seen.at), ..Spot::default() };
            let expected = format!("at most {} bytes of buffer.memory", config.buffer_memory);
            case.violation(12, expected, format!("{} bytes", seen.used_bytes), spot);
        }
    }
    for wait in &case.history.waits {
        let Some(seen) = last.get(&wait.producer) else { continue };
        if let Some(ended) = wait.ended.filter(|_| wait.what == WaitFor::Close)
            && seen.used_bytes > 0
        {
            let spot = Spot { at: Some(ended.at), ..Spot::default() };
            case.violation(12, "all memory given back at close()", format!("{} bytes are not", seen.used_bytes), spot);
        }
    }
}

/// 14: the leader epoch of a partition never goes back: neither among its leaders nor along its log.
///
/// Holds for every topic that was not made anew.
pub(super) fn leader_epochs_only_grow(case: &mut Case<'_>) {
    let mut latest: BTreeMap<Place, i32> = BTreeMap::new();
    for seen in &case.history.leaders {
        let before = latest.insert(seen.place, seen.epoch);
        if let Some(before) = before.filter(|&before| seen.epoch < before && !case.was_recreated(seen.place)) {
            let spot = Spot { at: Some(seen.at), ..case.spot(seen.place) };
            case.violation(14, format!("a leader epoch of {before} or more"), format!("{}", seen.epoch), spot);
        }
    }
    for (&place, log) in &case.history.logs {
        for pair in log.records.windows(2) {
            if pair[1].leader_epoch < pair[0].leader_epoch && !case.was_recreated(place) {
                let spot = Spot { offset: Some(pair[1].offset), ..case.spot(place) };
                let expected = format!("a leader epoch of {} or more", pair[0].leader_epoch);
                case.violation(14, expected, format!("{}", pair[1].leader_epoch), spot);
            }
        }
    }
}

/// 15: a record with a key goes to the partition of its key's hash, by a count of partitions that the topic had.
///
/// Holds unless the record names its partition, or with `partitioner.ignore.keys`.
pub(super) fn keys_go_where_their_hash_says(case: &mut Case<'_>) {
    for id in ids(case.history) {
        let call = &case.history.calls[id.0 as usize];
        let (Some(key), None, Some(partition)) = (call.key, call.asked_partition, call.partition) else { continue };
        let ignores = case.config(call.producer).is_none_or(|config| config.partitioner_ignore_keys);
        let counts = &case.history.topics[call.topic as usize].partitions;
        if ignores || counts.is_empty() {
            continue;
        }
        let returned = call.returned.map_or(case.history.ended_at, |returned| returned.at);
        let counts = counts.iter().filter(|(since, _)| *since <= returned);
        let lawful: Vec<i32> = counts.filter_map(|&(_, count)| law::partition_of(key.hash, count)).collect();
        if !lawful.contains(&partition) {
            let spot = Spot { record: Some(id), ..case.spot(Place { topic: call.topic, partition }) };
            case.violation(15, format!("a key's partition, {lawful:?}"), format!("{partition}"), spot);
        }
    }
}

/// 16: every batch can be read, and carries the CRC of its bytes: on the wire and in the log.
///
/// Holds for every configuration.
pub(super) fn batches_can_be_read(case: &mut Case<'_>) {
    for (&place, log) in &case.history.logs {
        for (offset, damage) in &log.damage {
            let spot = Spot { offset: Some(*offset), ..case.spot(place) };
            let seen = match damage {
                Damage::Unreadable(error) => error.to_string(),
                Damage::Crc => "another CRC than that of its bytes".to_owned(),
                Damage::ReadersDiffer => "a careful reader gets another record than a careless one".to_owned(),
            };
            case.violation(16, "a batch that can be read", seen, spot);
        }
    }
    for (request, sent, batch) in case.history.wire.batches() {
        if !batch.is_sound {
            let (partition, at) = (Some(batch.partition.clone()), Some(sent.sent.at));
            let spot = Spot { partition, request: Some(request), at, ..Spot::default() };
            case.violation(16, "a whole batch with its CRC in a request", "another CRC, or no batch", spot);
        }
    }
}
