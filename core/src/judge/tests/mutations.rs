//! Random histories of the model, in which all is well, and what one change makes of them.

use proptest::prelude::*;

use super::model::{Model, Passage, place};
use crate::error::{ErrorCode, Persistence};
use crate::ids::ProducerIdentity;
use crate::judge::{Damage, Fate, History, Isolation, Score, WaitFor, judge};

const KEYS: [&str; 6] = ["seoul", "user-42", "carol", "busan", "dave", "user-1"];

/// Plays a random lawful history; returns it after `close()`.
fn lawful(steps: &[(u8, u8)]) -> Model {
    let mut model = Model::with(&[("delivery.timeout.ms", "40000"), ("buffer.memory", "40000")]);
    for &(what, which) in steps {
        let partition = i32::from(which % 3);
        match what {
            0..=5 => {
                let key = KEYS[usize::from(which) % KEYS.len()];
                // Some contents come again.
                model.send(key, &(which % 40).to_string());
            }
            6 => model.deliver(partition, Passage::Good),
            7 => model.deliver(partition, Passage::AnswerLost),
            8 => model.deliver(partition, Passage::RequestLost),
            9 => model.deliver(partition, Passage::Refused),
            10 => model.wait(WaitFor::Flush),
            _ => model.move_leader(partition, true),
        }
    }
    model.wait(WaitFor::Close);
    model
}

fn any_steps() -> impl Strategy<Value = Vec<(u8, u8)>> {
    prop::collection::vec((0..12_u8, any::<u8>()), 1..60)
}

/// A change of one thing, at a place of choice; the invariant that it breaks. `None`: there is no such place.
type Mutation = fn(&mut History, usize) -> Option<u8>;

fn drop_a_stored_record(history: &mut History, pick: usize) -> Option<u8> {
    let log = fullest(history, 1)?;
    let at = pick % log.records.len();
    log.records.remove(at);
    Some(1)
}

fn swap_two_stored_records(history: &mut History, pick: usize) -> Option<u8> {
    let log = fullest(history, 2)?;
    let at = pick % (log.records.len() - 1);
    let (first, second) = (log.records[at].content, log.records[at + 1].content);
    (log.records[at].content, log.records[at + 1].content) = (second, first);
    (first != second).then_some(1)
}

fn double_a_stored_record(history: &mut History, pick: usize) -> Option<u8> {
    let log = fullest(history, 1)?;
    let last = log.records[log.records.len() - 1];
    // Of an older epoch it might have been numbered anew.
    let of_this_epoch: Vec<_> = log.records.iter().filter(|stored| stored.identity == last.identity).collect();
    let mut copy = *of_this_epoch[pick % of_this_epoch.len()];
    (copy.offset, copy.sequence) = (last.offset + 1, last.sequence + 1);
    (copy.leader_epoch, log.high_watermark) = (last.leader_epoch, last.offset + 2);
    log.records.push(copy);
    Some(2)
}

fn tell_another_offset(history: &mut History, pick: usize) -> Option<u8> {
    let Fate::Acknowledged(metadata) = &mut acknowledged(history, pick)?.fate else { return None };
    metadata.offset = metadata.offset.map(|offset| offset + 1_000);
    Some(1)
}

fn tell_another_partition(history: &mut History, pick: usize) -> Option<u8> {
    let Fate::Acknowledged(metadata) = &mut acknowledged(history, pick)?.fate else { return None };
    metadata.partition = (metadata.partition + 1) % 3;
    Some(1)
}

fn swap_two_results(history: &mut History, pick: usize) -> Option<u8> {
    let partition = |told: &crate::judge::Told| match &told.fate {
        Fate::Acknowledged(metadata) => Some(metadata.partition),
        _ => None,
    };
    let pairs = 0..history.told.len().saturating_sub(1);
    let is_pair = |at: &usize| {
        let (first, second) = (partition(&history.told[*at]), partition(&history.told[*at + 1]));
        first.is_some() && first == second
    };
    let pairs: Vec<usize> = pairs.filter(is_pair).collect();
    let at = *pairs.get(pick % pairs.len().max(1))?;
    let (first, second) = (history.told[at].at, history.told[at + 1].at);
    history.told.swap(at, at + 1);
    (history.told[at].at, history.told[at + 1].at) = (first, second);
    // A leader that moved at that very moment would excuse it.
    history.leaders.clear();
    Some(6)
}

fn tell_a_second_result(history: &mut History, pick: usize) -> Option<u8> {
    let told = history.told.get(pick % history.told.len().max(1))?.clone();
    history.told.push(told);
    Some(5)
}

fn forget_a_result(history: &mut History, pick: usize) -> Option<u8> {
    let at = pick % history.told.len().max(1);
    (at < history.told.len()).then(|| history.told.remove(at))?;
    Some(5)
}

fn let_close_return_before_a_result(history: &mut History, _pick: usize) -> Option<u8> {
    let told = history.told.last()?.at;
    let close = history.waits.last_mut()?;
    close.ended = Some(crate::judge::Moment { turn: told.turn - 1, ..told });
    Some(18)
}

fn tell_a_result_late(history: &mut History, pick: usize) -> Option<u8> {
    let told = acknowledged(history, pick)?;
    told.at.at = told.at.at + core::time::Duration::from_secs(41);
    Some(7)
}

fn say_that_a_stored_record_failed(history: &mut History, pick: usize) -> Option<u8> {
    let told = acknowledged(history, pick)?;
    let call = told.call;
    told.fate = Fate::Failed(crate::judge::Failure {
        class: "RecordTooLargeException".into(),
        code: None,
        is_retriable: false,
        surface: crate::error::Surface::FutureOnSender,
        persistence: Persistence::NotPersisted,
    });
    let content = history.calls[call.0 as usize].content;
    // Of records with one content nobody can say which of them it is.
    (history.calls.iter().filter(|call| call.content == content).count() == 1).then_some(4)
}

fn leave_a_gap_on_the_wire(history: &mut History, pick: usize) -> Option<u8> {
    let batch = batch(history, pick)?;
    batch.base_sequence += 1_000;
    Some(9)
}

fn leave_a_gap_in_the_log(history: &mut History, pick: usize) -> Option<u8> {
    let log = fullest(history, 2)?;
    let at = 1 + pick % (log.records.len() - 1);
    log.records[at].sequence += 1_000;
    Some(9)
}

fn send_an_older_epoch(history: &mut History, _pick: usize) -> Option<u8> {
    let requests = &mut history.wire.requests;
    let last = requests.last()?.batches[0].partition.clone();
    let of_it: Vec<usize> = (0..requests.len()).filter(|&at| requests[at].batches[0].partition == last).collect();
    let &[.., before, at] = of_it.as_slice() else { return None };
    let (earlier, later) = (requests[before].batches[0].identity?, requests[at].batches[0].identity?);
    requests[at].batches[0].identity = Some(ProducerIdentity { epoch: earlier.epoch - 1, ..later });
    Some(9)
}

fn store_an_older_epoch(history: &mut History, _pick: usize) -> Option<u8> {
    let log = fullest(history, 2)?;
    let last = log.records.len() - 1;
    let before = log.records[last - 1].identity?;
    log.records[last].identity = Some(ProducerIdentity { epoch: before.epoch - 1, ..before });
    Some(9)
}

fn refuse_what_follows_the_stored(history: &mut History, _pick: usize) -> Option<u8> {
    let requests = &mut history.wire.requests;
    let follows = (1..requests.len()).find(|&at| {
        let batch = &requests[at].batches[0];
        let is_before = |earlier: &crate::judge::RequestSeen| {
            let other = &earlier.batches[0];
            let ends = other.base_sequence + i32::try_from(other.records).expect("few");
            let is_stored = other.answer == Some(ErrorCode::NONE);
            is_stored
                && other.partition == batch.partition
                && other.identity == batch.identity
                && ends == batch.base_sequence
        };
        requests[..at].iter().any(is_before)
    })?;
    requests[follows].batches[0].answer = Some(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    Some(10)
}

fn send_a_batch_twice_at_once(history: &mut History, pick: usize) -> Option<u8> {
    let at = pick % history.wire.requests.len().max(1);
    let mut again = history.wire.requests.get(at)?.clone();
    let (ended, _) = again.ended?;
    again.connection.0 += 1_000;
    again.sent = crate::judge::Moment { turn: ended.turn - 1, ..ended };
    let behind = history.wire.requests.iter().position(|request| request.sent > again.sent);
    history.wire.requests.insert(behind.unwrap_or(history.wire.requests.len()), again);
    Some(8)
}

fn send_too_large_a_batch(history: &mut History, pick: usize) -> Option<u8> {
    let batch = batch(history, pick)?;
    batch.bytes = 16_385;
    (batch.records > 1).then_some(11)
}

fn use_too_much_memory(history: &mut History, pick: usize) -> Option<u8> {
    let at = pick % history.memory.len().max(1);
    history.memory.get_mut(at)?.used_bytes = 40_001;
    Some(12)
}

fn keep_memory(history: &mut History, _pick: usize) -> Option<u8> {
    history.memory.last_mut()?.used_bytes = 1;
    Some(12)
}

fn retry_at_once(history: &mut History, pick: usize) -> Option<u8> {
    let requests = &mut history.wire.requests;
    let broken = |at: &usize| matches!(requests[*at].ended, Some((_, crate::judge::End::ConnectionEnded)));
    let broken: Vec<usize> = (0..requests.len()).filter(broken).collect();
    let at = *broken.get(pick % broken.len().max(1))?;
    let retry = requests.get(at + 1)?.sent.at;
    // The connection ends just before.
    requests[at].ended.as_mut()?.0.at = crate::time::Instant::from_micros(retry.as_micros() - 10_000);
    history.leaders.clear();
    Some(13)
}

fn let_a_leader_epoch_go_back(history: &mut History, _pick: usize) -> Option<u8> {
    let last = *history.leaders.last()?;
    history.leaders.push(crate::judge::LeaderSeen { epoch: last.epoch - 1, ..last });
    Some(14)
}

fn send_a_key_elsewhere(history: &mut History, pick: usize) -> Option<u8> {
    let at = pick % history.calls.len().max(1);
    let call = history.calls.get_mut(at)?;
    call.partition = call.partition.map(|partition| (partition + 1) % 3);
    Some(15)
}

fn damage_a_batch(history: &mut History, pick: usize) -> Option<u8> {
    batch(history, pick)?.is_sound = false;
    Some(16)
}

fn damage_a_log(history: &mut History, _pick: usize) -> Option<u8> {
    fullest(history, 1)?.damage.push((0, Damage::Crc));
    Some(16)
}

/// The partition with the most records, if these are so many; of one log each change is one change.
fn fullest(history: &mut History, least: usize) -> Option<&mut crate::judge::Log> {
    let fullest = (0..3).max_by_key(|&partition| history.logs[&place(partition)].records.len())?;
    history.logs.get_mut(&place(fullest)).filter(|log| log.records.len() >= least)
}

fn acknowledged(history: &mut History, pick: usize) -> Option<&mut crate::judge::Told> {
    let mut all: Vec<_> = history.told.iter_mut().filter(|told| matches!(told.fate, Fate::Acknowledged(_))).collect();
    let count = all.len();
    (count > 0).then(|| all.swap_remove(pick % count))
}

fn batch(history: &mut History, pick: usize) -> Option<&mut crate::judge::BatchSeen> {
    let count = history.wire.requests.len();
    history.wire.requests.get_mut(pick % count.max(1))?.batches.first_mut()
}

const MUTATIONS: [(&str, Mutation); 25] = [
    ("drop a stored record", drop_a_stored_record),
    ("swap two stored records", swap_two_stored_records),
    ("double a stored record", double_a_stored_record),
    ("tell another offset", tell_another_offset),
    ("tell another partition", tell_another_partition),
    ("swap two results", swap_two_results),
    ("tell a second result", tell_a_second_result),
    ("forget a result", forget_a_result),
    ("let close() return before a result", let_close_return_before_a_result),
    ("tell a result late", tell_a_result_late),
    ("say that a stored record failed", say_that_a_stored_record_failed),
    ("leave a gap on the wire", leave_a_gap_on_the_wire),
    ("leave a gap in the log", leave_a_gap_in_the_log),
    ("send an older epoch", send_an_older_epoch),
    ("store an older epoch", store_an_older_epoch),
    ("refuse what follows the stored", refuse_what_follows_the_stored),
    ("send a batch twice at once", send_a_batch_twice_at_once),
    ("send too large a batch", send_too_large_a_batch),
    ("use too much memory", use_too_much_memory),
    ("keep memory", keep_memory),
    ("retry at once", retry_at_once),
    ("let a leader epoch go back", let_a_leader_epoch_go_back),
    ("send a key elsewhere", send_a_key_elsewhere),
    ("damage a batch", damage_a_batch),
    ("damage a log", damage_a_log),
];

fn assert_sums(score: &Score) -> Result<(), TestCaseError> {
    prop_assert_eq!(score.sent, score.acknowledged + score.waiting + score.failed + score.unknown, "{:?}", score);
    let acknowledged = score.found + score.lost + score.deleted + score.withheld + score.unread;
    prop_assert_eq!(score.acknowledged, acknowledged, "{:?}", score);
    let explained = score.found + score.misplaced + score.failed_stored + score.waiting_stored + score.unknown_stored;
    prop_assert_eq!(score.stored, explained + score.duplicated + score.foreign, "{:?}", score);
    prop_assert!(score.misplaced <= score.lost, "{score:?}");
    Ok(())
}

proptest! {
    #[test]
    fn a_lawful_history_is_broken_by_one_change_and_by_that_alone(
        steps in any_steps(),
        mutation in 0..MUTATIONS.len(),
        pick in any::<usize>(),
    ) {
        let lawful = lawful(&steps).history;
        let judgement = judge(&lawful);
        prop_assert!(judgement.violations.is_empty(), "{:#?}", judgement.violations);
        let score = lawful.score(Isolation::ReadUncommitted);
        prop_assert_eq!((score.lost, score.duplicated, score.foreign, score.waiting, score.out_of_order), (0, 0, 0, 0, 0));
        assert_sums(&score)?;

        let mut mutated = lawful;
        let (name, mutate) = MUTATIONS[mutation];
        if let Some(number) = mutate(&mut mutated, pick) {
            let found: Vec<String> = judge(&mutated).violations.iter().map(ToString::to_string).collect();
            let wanted = format!("invariant {number}:");
            prop_assert!(found.iter().any(|violation| violation.starts_with(&wanted)), "{name}: {number}, {found:#?}");
        }
        // Whatever was done to it: the sums add up, for both readers.
        assert_sums(&mutated.score(Isolation::ReadUncommitted))?;
        assert_sums(&mutated.score(Isolation::ReadCommitted))?;
    }
}

/// Each of them finds its place in most histories: none is there for show.
#[test]
fn every_mutation_is_one() {
    let steps: Vec<(u8, u8)> = (0..60).map(|at: u8| (at.wrapping_mul(37) % 12, at.wrapping_mul(101))).collect();
    let lawful = lawful(&steps).history;
    for (name, mutate) in MUTATIONS {
        let is_one = (0..40).any(|pick| mutate(&mut lawful.clone(), pick).is_some());
        assert!(is_one, "{name}");
    }
}
