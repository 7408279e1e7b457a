//! Holds what a program was told of its records against what Kafka's own consumer reads.

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail, ensure};
use kafka_producer::Persistence;

use super::rupture::Reaches;
use super::{Fate, Rupture, Told};
use crate::read_back::ReadRecord;

/// What a program's settings promise of a record that was told to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// `acks=all`, idempotent, and patient: every record is there once, where it was told to be, after those sent before
    /// it.
    Kept,
    /// `acks=all`, idempotent, and impatient: the same of those that were told to be stored.
    KeptIfTold,
    /// `acks=1`: its leader had it. A leader that dies takes along what nobody copied; what is sent again may be there
    /// twice, or behind what was sent after it.
    LeaderHadIt,
    /// `acks=0`: it was written to a connection. No offset is told. It may be lost when its leader dies, and when that
    /// closes the connection, its only way to tell that it could not store something else; but only with what was under way
    /// in that moment. It was written once, so it is there at most once and in order.
    Written,
}

/// What happened to a cluster while a program sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upheaval {
    /// Partitions whose leader changed.
    pub moved: BTreeSet<i32>,
    /// When brokers were killed or closed connections because of an error in a Produce with `acks=0`.
    pub ruptures: Vec<Rupture>,
    /// When a leader was killed, in milliseconds since 1970.
    pub kills: Vec<i64>,
}

/// What became of a program's records, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Records that were told to be stored.
    pub acknowledged: usize,
    /// Of these, not in the log.
    pub lost: usize,
    /// Of these, not at the offset told, but elsewhere: the copy that was told of is lost, and another is there.
    pub elsewhere: usize,
    /// Records that are there more than once.
    pub twice: usize,
    /// Records that stand behind one that was sent after them.
    pub out_of_order: usize,
    /// Failed, and certainly not in the log.
    pub not_persisted: usize,
    /// Failed, and possibly in the log.
    pub possibly_persisted: usize,
    /// Of these, in the log.
    pub possibly_and_there: usize,
    /// Failures by their exceptions.
    pub exceptions: BTreeMap<&'static str, usize>,
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} acknowledged, of them {} lost and {} elsewhere than told; {} twice, {} out of order; {} failed and not \
             persisted, {} failed and possibly persisted, of them {} there",
            self.acknowledged,
            self.lost,
            self.elsewhere,
            self.twice,
            self.out_of_order,
            self.not_persisted,
            self.possibly_persisted,
            self.possibly_and_there
        )?;
        for (class, count) in &self.exceptions {
            write!(f, "; {count} {class}")?;
        }
        Ok(())
    }
}

/// Holds a program to what its settings promise. Values are the records' numbers; nothing else may be in the topic.
///
/// # Errors
/// Names the first record of which something untrue was told.
pub fn judge_promise(promise: Promise, told: &Told, read: &[ReadRecord], upheaval: &Upheaval) -> Result<Findings> {
    let mut findings = Findings::default();
    let mut offsets: BTreeMap<usize, Vec<i64>> = BTreeMap::new();
    let mut latest: BTreeMap<i32, usize> = BTreeMap::new();
    for record in read {
        let number: usize = record.value.parse().with_context(|| format!("a foreign record {record:?}"))?;
        let fate = told.fates.get(number).with_context(|| format!("nobody sent {record:?}"))?;
        ensure!(fate.partition == Some(record.partition), "record {number} is in {}: {fate:?}", record.partition);
        offsets.entry(number).or_default().push(record.offset);
        let latest = latest.entry(record.partition).or_insert(number);
        if number < *latest {
            findings.out_of_order += 1;
            check_out_of_order(promise, number, *latest, fate)?;
        }
        *latest = number.max(*latest);
    }
    let reaches = Reaches::of(&upheaval.ruptures, &told.fates, |number| offsets.contains_key(&number));
    let may_be_lost = |fate: &Fate| match promise {
        Promise::Kept | Promise::KeptIfTold => false,
        Promise::LeaderHadIt => fate.partition.is_some_and(|partition| upheaval.moved.contains(&partition)),
        Promise::Written => reaches.hold(fate),
    };
    for (number, fate) in told.fates.iter().enumerate() {
        let there = offsets.get(&number).map_or(&[][..], Vec::as_slice);
        judge_record(promise, fate, there, may_be_lost(fate), &mut findings)
            .with_context(|| format!("record {number}: {fate:?}"))?;
    }
    Ok(findings)
}

fn check_out_of_order(promise: Promise, number: usize, before: usize, fate: &Fate) -> Result<()> {
    let may_be = promise == Promise::LeaderHadIt && fate.attempts > 1;
    ensure!(may_be, "record {before} stands before {number}: {fate:?}");
    Ok(())
}

fn judge_record(
    promise: Promise,
    fate: &Fate,
    there: &[i64],
    may_be_lost: bool,
    findings: &mut Findings,
) -> Result<()> {
    if there.len() > 1 {
        findings.twice += 1;
        ensure!(promise == Promise::LeaderHadIt && fate.attempts > 1, "it is there at {there:?}");
    }
    match &fate.result {
        Ok(offset) => {
            findings.acknowledged += 1;
            ensure!(promise != Promise::Written || offset.is_none(), "nobody can have told an offset");
            ensure!(promise != Promise::LeaderHadIt || offset.is_some(), "the leader told an offset");
            if there.is_empty() {
                findings.lost += 1;
                ensure!(may_be_lost, "it is lost");
            } else if offset.is_some_and(|offset| !there.contains(&offset)) {
                findings.elsewhere += 1;
                ensure!(may_be_lost, "it is at {there:?}");
            }
        }
        Err((persistence, class)) => {
            ensure!(promise != Promise::Kept, "it was given up");
            *findings.exceptions.entry(class).or_default() += 1;
            match persistence {
                Persistence::NotPersisted => {
                    findings.not_persisted += 1;
                    ensure!(there.is_empty(), "it is at {there:?}");
                }
                Persistence::PossiblyPersisted => {
                    findings.possibly_persisted += 1;
                    findings.possibly_and_there += usize::from(!there.is_empty());
                }
                Persistence::Persisted => bail!("failed, and said to be stored"),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(offset: Option<i64>, attempts: u32) -> Fate {
        Fate { partition: Some(0), attempts, told_ms: 0, result: Ok(offset) }
    }

    fn failed(persistence: Persistence) -> Fate {
        Fate { partition: Some(0), attempts: 1, told_ms: 0, result: Err((persistence, "TimeoutException")) }
    }

    fn judged(promise: Promise, fates: &[Fate], there: &[usize], moved: bool) -> Result<Findings> {
        let told = Told { fates: fates.to_vec(), ..Told::default() };
        let ruptures = moved.then(|| Rupture { at_ms: 0, partitions: BTreeSet::from([0]) });
        let moved = BTreeSet::from_iter(moved.then_some(0));
        let upheaval = Upheaval { moved, ruptures: ruptures.into_iter().collect(), ..Upheaval::default() };
        judge_promise(promise, &told, &ReadRecord::of_numbers(there), &upheaval)
    }

    #[test]
    fn what_is_kept_is_there_once_in_order_and_where_it_was_told() {
        let fates = [stored(Some(0), 1), stored(Some(1), 2)];
        assert_eq!(judged(Promise::Kept, &fates, &[0, 1], true).expect("kept").acknowledged, 2);
        for there in [&[0][..], &[1, 0], &[0, 1, 1], &[0, 1, 2]] {
            judged(Promise::Kept, &fates, there, true).expect_err("lost, out of order, twice, foreign");
        }
        judged(Promise::Kept, &[stored(Some(7), 1)], &[0], true).expect_err("elsewhere");
        judged(Promise::Kept, &[failed(Persistence::NotPersisted)], &[], true).expect_err("given up");
    }

    #[test]
    fn a_leader_may_take_along_what_it_had_and_only_a_repeated_batch_may_be_twice() {
        let twice = [stored(Some(2), 2), stored(Some(1), 1)];
        let findings = judged(Promise::LeaderHadIt, &twice, &[0, 1, 0], false).expect("sent again");
        assert_eq!((findings.twice, findings.out_of_order, findings.elsewhere), (1, 1, 0));
        judged(Promise::LeaderHadIt, &[stored(Some(0), 1)], &[0, 0], true).expect_err("sent once and there twice");

        let lost = [stored(Some(0), 1), stored(Some(1), 1)];
        assert_eq!(judged(Promise::LeaderHadIt, &lost, &[0], true).expect("its leader died").lost, 1);
        judged(Promise::LeaderHadIt, &lost, &[0], false).expect_err("lost without a reason");
    }

    #[test]
    fn nobody_tells_an_offset_of_what_was_only_written() {
        let written = [stored(None, 1), stored(None, 1)];
        assert_eq!(judged(Promise::Written, &written, &[1], true).expect("a leader changed").lost, 1);
        judged(Promise::Written, &written, &[1], false).expect_err("lost without a reason");
        judged(Promise::Written, &written, &[1, 0], true).expect_err("out of order");
        judged(Promise::Written, &[stored(Some(0), 1)], &[0], true).expect_err("an offset");
    }

    /// Twenty records, told half a second apart, written to a broker that closed its connection after five seconds.
    #[test]
    fn what_was_only_written_is_lost_with_a_closed_connection_and_neither_long_before_nor_long_after() {
        let fates: Vec<_> = (0..20).map(|number| Fate { told_ms: number * 500, ..stored(None, 1) }).collect();
        let told = Told { fates, ..Told::default() };
        let rupture = |at_ms, partition| Rupture { at_ms, partitions: BTreeSet::from([partition]) };
        let judged = |lost: &[usize], ruptures: &[Rupture]| {
            let there: Vec<usize> = (0..20).filter(|number| !lost.contains(number)).collect();
            let upheaval = Upheaval { ruptures: ruptures.to_vec(), ..Upheaval::default() };
            judge_promise(Promise::Written, &told, &ReadRecord::of_numbers(&there), &upheaval)
        };
        let closed = [rupture(5_000, 0)];
        assert_eq!(judged(&[9, 10, 11], &closed).expect("under way").lost, 3);
        assert_eq!(judged(&[5, 6, 7, 8, 9, 10, 11, 12], &closed).expect("the broker was behind").lost, 8);
        judged(&[9, 10, 11], &[]).expect_err("nothing happened");
        judged(&[9, 10, 11], &[rupture(5_000, 1)]).expect_err("to another broker");
        judged(&[9, 10, 15], &closed).expect_err("lost when others were stored again");
        judged(&[3, 10], &closed).expect_err("lost when others were stored still");
        judged(&[3, 10], &[rupture(5_000, 0), rupture(1_500, 0)]).expect("two connections");
    }

    #[test]
    fn what_is_called_not_persisted_is_nowhere() {
        for promise in [Promise::KeptIfTold, Promise::LeaderHadIt, Promise::Written] {
            judged(promise, &[failed(Persistence::NotPersisted)], &[0], true).expect_err("it is there");
            let possibly = judged(promise, &[failed(Persistence::PossiblyPersisted)], &[0], true).expect("it may be");
            assert_eq!((possibly.possibly_persisted, possibly.possibly_and_there), (1, 1));
        }
    }
}
