//! Holds a program with transactions to its plan and to its promise: how its transactions ended, and what of their records lies
//! on the disks, committed or not.

use core::fmt;
use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};
use kafka_producer::Persistence;

use super::{Promise, Told, Transaction, TransactionEnd, Transactions, Upheaval};
use crate::disk::{Disk, everything};
use crate::read_back::Acknowledged;

/// How many transactions one kill may cost: the one that is open then. A patient producer mostly sends all of it again, so that
/// it costs none.
const MOST_PER_KILL: usize = 1;

/// How the transactions of a program ended, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// Committed, and how many records they have.
    pub committed: (usize, usize),
    /// Aborted as planned, and how many records they have.
    pub aborted: (usize, usize),
    /// Aborted because something in them failed, by the exceptions.
    pub given_up: BTreeMap<&'static str, usize>,
    /// Aborted as planned, but not for that alone: some of their records had failed.
    pub aborted_with_failures: usize,
    /// How many were open when a broker was killed that led one of their partitions.
    pub met_by_kills: usize,
    /// How many were begun after a kill, and before the next, and committed; kill by kill.
    pub committed_after_kills: Vec<usize>,
    /// How many were to be committed.
    planned: usize,
    most_given_up: usize,
}

impl fmt::Display for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { committed, aborted, given_up, aborted_with_failures, met_by_kills, .. } = self;
        let lost = given_up.values().sum::<usize>();
        write!(
            f,
            "transactions: {} of {} planned committed ({} records), {} aborted as planned ({} records, failures in {}), {} \
             given up (at most {} may be)",
            committed.0,
            self.planned,
            committed.1,
            aborted.0,
            aborted.1,
            aborted_with_failures,
            lost,
            self.most_given_up
        )?;
        given_up.iter().try_for_each(|(class, count)| write!(f, ", {count} for {class}"))?;
        if !self.committed_after_kills.is_empty() {
            write!(f, "; {met_by_kills} met by a kill, committed after each: {:?}", self.committed_after_kills)?;
        }
        Ok(())
    }
}

/// Of a program with transactions that promises to keep everything: what a careful reader must see, and how the transactions
/// ended. Where nothing happens to the cluster each ends as planned, and no record fails. A kill may cost a few, and after
/// each there are some that are committed.
///
/// # Errors
/// Names the transaction or the record that breaks a rule.
pub fn judge_transactions(
    promise: Promise,
    plan: Transactions,
    records: usize,
    told: &Told,
    upheaval: &Upheaval,
) -> Result<(Vec<Acknowledged>, Ends)> {
    ensure!(promise == Promise::Kept, "transactions promise to keep everything, not {promise:?}");
    ensure!(told.fates.len() == records, "{} of {records} records have a fate", told.fates.len());
    let planned = plan.of(records);
    let so_many = told.transactions.len();
    ensure!(so_many == planned.len(), "{so_many} transactions, and {} are planned", planned.len());

    let mut must_be_read = Vec::new();
    let mut ends = Ends {
        planned: planned.iter().filter(|(_, end)| *end == TransactionEnd::Committed).count(),
        most_given_up: MOST_PER_KILL * upheaval.kills.len(),
        ..Ends::default()
    };
    for (transaction, (numbers, planned)) in told.transactions.iter().zip(planned) {
        ensure!(transaction.numbers == numbers, "records {numbers:?} are planned, not {:?}", transaction.numbers);
        let failed = told.fates[numbers.clone()].iter().find(|fate| fate.result.is_err());
        match transaction.end {
            TransactionEnd::GivenUp(class) => {
                ensure!(planned == TransactionEnd::Committed, "{numbers:?} were to be aborted, not given up");
                *ends.given_up.entry(class).or_default() += 1;
            }
            end => ensure!(end == planned, "{numbers:?} are {end:?}, and were to be {planned:?}"),
        }
        match transaction.end {
            TransactionEnd::Committed => {
                if let Some(fate) = failed {
                    bail!("a record of the committed transaction {numbers:?}: {fate:?}");
                }
                for number in numbers.clone() {
                    must_be_read.push(acknowledged(told, number)?);
                }
                ends.committed.0 += 1;
                ends.committed.1 += numbers.len();
            }
            TransactionEnd::Aborted => {
                ends.aborted_with_failures += usize::from(failed.is_some());
                ends.aborted.0 += 1;
                ends.aborted.1 += numbers.len();
            }
            TransactionEnd::GivenUp(_) => {}
        }
    }
    let disturbed = ends.given_up.values().sum::<usize>() + ends.aborted_with_failures;
    ensure!(disturbed <= ends.most_given_up, "{disturbed} were given up or had failures: {ends}");
    held_against_kills(told, upheaval, &mut ends)?;
    Ok((must_be_read, ends))
}

fn acknowledged(told: &Told, number: usize) -> Result<Acknowledged> {
    let fate = &told.fates[number];
    let (Some(partition), Ok(offset)) = (fate.partition, &fate.result) else { bail!("record {number}: {fate:?}") };
    Ok(Acknowledged { number, partition, offset: *offset })
}

/// Every kill met an open transaction with records for what the dead broker led, and after it others were committed.
fn held_against_kills(told: &Told, upheaval: &Upheaval, ends: &mut Ends) -> Result<()> {
    let is_moved = |number: usize| {
        let partition = told.fates[number].partition;
        partition.is_some_and(|partition| upheaval.moved.contains(&partition))
    };
    for (place, &kill) in upheaval.kills.iter().enumerate() {
        let is_met = |transaction: &&Transaction| {
            (transaction.begun_ms..=transaction.ended_ms).contains(&kill) && transaction.numbers.clone().any(is_moved)
        };
        let met = told.transactions.iter().filter(is_met).count();
        ensure!(met > 0, "no transaction was met by kill {}", place + 1);
        ends.met_by_kills += met;
        let next = upheaval.kills.get(place + 1).copied().unwrap_or(i64::MAX);
        let is_after = |transaction: &&Transaction| {
            transaction.end == TransactionEnd::Committed && transaction.begun_ms > kill && transaction.ended_ms < next
        };
        let after = told.transactions.iter().filter(is_after).count();
        ensure!(after > 0, "nothing was committed after kill {}", place + 1);
        ends.committed_after_kills.push(after);
    }
    Ok(())
}

/// Holds what a program with transactions was told of each record against a disk, whatever became of the transaction: what was
/// told to be stored is there, where it was told; what failed without "possibly" is not; nothing is there twice, or behind what
/// was sent after it. Values are the records' numbers.
///
/// # Errors
/// Names the first record of which something untrue was told.
pub fn judge_disk(told: &Told, disk: &Disk) -> Result<String> {
    let mut places = BTreeMap::new();
    let mut latest: BTreeMap<i32, usize> = BTreeMap::new();
    for (partition, offset, value) in everything(disk) {
        let number: usize = value.parse().with_context(|| format!("a foreign record {value:?}"))?;
        ensure!(number < told.fates.len(), "nobody sent what is on the disk at {:?}", (partition, offset));
        if let Some(first) = places.insert(number, (partition, offset)) {
            bail!("record {number} is on the disk twice: at {first:?} and {:?}", (partition, offset));
        }
        if let Some(before) = latest.insert(partition, number) {
            ensure!(before < number, "on the disk, partition {partition} has record {before} before {number}");
        }
    }
    let [mut stored, mut not_there, mut possibly, mut possibly_and_there] = [0; 4];
    for (number, fate) in told.fates.iter().enumerate() {
        let place = places.remove(&number);
        match (&fate.result, place) {
            (Ok(offset), Some((partition, at))) => {
                let is_as_told = fate.partition == Some(partition) && offset.is_none_or(|told| told == at);
                ensure!(is_as_told, "record {number} is at {partition}/{at}: {fate:?}");
                stored += 1;
            }
            (Ok(_), None) => bail!("record {number} is not on the disk: {fate:?}"),
            (Err((Persistence::NotPersisted, _)), Some(place)) => {
                bail!("record {number} is on the disk at {place:?}: {fate:?}")
            }
            (Err((Persistence::NotPersisted, _)), None) => not_there += 1,
            (Err((Persistence::PossiblyPersisted, _)), place) => {
                possibly += 1;
                possibly_and_there += usize::from(place.is_some());
            }
            (Err((Persistence::Persisted, _)), _) => {
                bail!("record {number} failed, and is said to be stored: {fate:?}")
            }
        }
    }
    Ok(format!(
        "of all records {stored} were told to be stored, and are on the disk; {not_there} failed, and are not; {possibly} \
         failed and are possibly there, {possibly_and_there} are"
    ))
}
