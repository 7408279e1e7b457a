//! Holds what a client told of its records against what Kafka's own consumer reads.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, anyhow, bail, ensure};

use super::Passage;
use super::account::{Account, End};
use super::score::met_again;
use crate::read_back::{Acknowledged, ReadRecord};

impl Passage {
    /// The score, which must agree with what Kafka's own consumer met: what is there, how often, and nothing lost. Gives
    /// how many records are there again.
    ///
    /// # Errors
    /// Names what differs.
    pub fn judge_score(&self, records: usize) -> Result<u64> {
        let score = self.score.as_ref().context("a run without a score")?;
        let (read, again) = (self.read.len() as u64, met_again(&self.read) as u64);
        ensure!(score.stored == read, "the score counts {} records, the consumer {read}: {score:?}", score.stored);
        ensure!(score.duplicated == again, "{} again by the score, {again} by the consumer", score.duplicated);
        ensure!((score.sent, score.acknowledged) == (records as u64, records as u64), "not all was told: {score:?}");
        ensure!((score.found, score.foreign) == (records as u64, 0), "not all is where it was told: {score:?}");
        Ok(again)
    }

    /// Every record once, in the order of sending, and where the client says; of those in transactions the committed ones
    /// alone. Gives what was found, in words.
    ///
    /// # Errors
    /// Names the first record of which that is not true.
    pub fn judge(&self, records: usize, transactional: bool) -> Result<String> {
        let Self { account, read, faults, repeated_batches, .. } = self;
        ensure!(*faults > 0 && *repeated_batches > 0, "the weather was fair: {faults} faults, nothing was sent again");
        let found =
            if transactional { judge_transactions(account, read, records) } else { judge_all(account, read, records) };
        Ok(format!("{faults} faults, {repeated_batches} batches sent again: {}", found?))
    }
}

/// A way in which a promise is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Breach {
    /// Told to be stored or committed, and not there.
    Lost,
    /// There more than once.
    Doubled,
    /// There behind a later one of its partition.
    OutOfOrder,
    /// Told to have failed, or not accounted for, or twice.
    NotSent,
    /// Of a transaction that was told to be aborted, and seen.
    SeenThoughAborted,
    /// Of a transaction that is seen in part, and nobody knows how it ended.
    SeenInPart,
    /// There, and never sent.
    Foreign,
}

impl Passage {
    /// Every kind of breach that there is, and how many records it concerns.
    pub fn breaches(&self, records: usize) -> BTreeMap<Breach, usize> {
        let mut found: BTreeMap<Breach, usize> = BTreeMap::new();
        let mut add = |breach, count: usize| *found.entry(breach).or_default() += count;
        let mut there: BTreeSet<usize> = BTreeSet::new();
        let mut latest: BTreeMap<i32, usize> = BTreeMap::new();
        for record in &self.read {
            let Some(number) = record.value.parse().ok().filter(|&number| number < records) else {
                add(Breach::Foreign, 1);
                continue;
            };
            if !there.insert(number) {
                add(Breach::Doubled, 1);
            } else {
                let latest = latest.entry(record.partition).or_default();
                add(Breach::OutOfOrder, usize::from(number < *latest));
                *latest = number.max(*latest);
            }
        }
        let Account { stored, failed, transactions, .. } = &self.account;
        add(Breach::Lost, stored.iter().filter(|(number, _)| !there.contains(number)).count());
        let mut told = stored.len();
        for &(first, count, end) in transactions {
            told += count;
            let seen = there.range(first..first + count).count();
            match end {
                End::Committed => add(Breach::Lost, count - seen),
                End::Aborted => add(Breach::SeenThoughAborted, seen),
                End::Unknown => add(Breach::SeenInPart, if seen < count { seen } else { 0 }),
            }
        }
        add(Breach::NotSent, failed.len().max(records.abs_diff(told)));
        found.retain(|_, count| *count > 0);
        found
    }
}

fn judge_all(account: &Account, read: &[ReadRecord], records: usize) -> Result<String> {
    if let Some((number, why)) = account.failed.first() {
        bail!("{} records failed, the first is {number}: {why}", account.failed.len());
    }
    ensure!(account.stored.len() == records, "{} of {records} records were accounted for", account.stored.len());
    once_and_in_order(read)?;
    let told = account.stored.iter().filter_map(|&(number, told)| {
        let (partition, offset) = told?;
        // −1: the broker recognised a batch, and did not say where it was.
        Some(Acknowledged { number, partition, offset: (offset >= 0).then_some(offset) })
    });
    let told: Vec<Acknowledged> = told.collect();
    if told.is_empty() {
        ensure!(read.len() == records, "{} of {records} records are there", read.len());
        return Ok(format!("{records} records once each, in order"));
    }
    crate::read_back::judge(&told, read)?;
    Ok(format!("{records} records once each, in order, where they were told"))
}

fn judge_transactions(account: &Account, read: &[ReadRecord], records: usize) -> Result<String> {
    let there = once_and_in_order(read)?;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut due = 0;
    for &(first, count, end) in &account.transactions {
        ensure!(first == due, "the transaction from {due} on is not accounted for");
        due += count;
        let seen = (first..first + count).filter(|number| there.contains_key(number)).count();
        let (name, may_be) = match end {
            End::Committed => ("committed", seen == count),
            End::Aborted => ("aborted", seen == 0),
            End::Unknown if seen == count => ("unknown and committed", true),
            End::Unknown => ("unknown and aborted", seen == 0),
        };
        ensure!(may_be, "of the {count} records from {first} on, {name}, {seen} are seen");
        *counts.entry(name).or_default() += 1;
    }
    ensure!(due == records, "{due} of {records} records are accounted for");
    let counts: Vec<String> = counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
    let again = account.begun_again.len();
    Ok(format!(
        "transactions: {}; {again} times one was begun again; {} records seen, once each, in order",
        counts.join(", "),
        read.len()
    ))
}

/// Where each record is, by its number.
fn once_and_in_order(read: &[ReadRecord]) -> Result<BTreeMap<usize, (i32, i64)>> {
    let mut there = BTreeMap::new();
    let mut last: BTreeMap<i32, usize> = BTreeMap::new();
    for record in read {
        let number: usize = record.value.parse().map_err(|_| anyhow!("a foreign record {record:?}"))?;
        let here = (record.partition, record.offset);
        if let Some(before) = there.insert(number, here) {
            bail!("record {number} is there twice: at {before:?} and {here:?}");
        }
        if let Some(before) = last.insert(record.partition, number) {
            ensure!(before < number, "partition {} has record {before} before {number}", record.partition);
        }
    }
    Ok(there)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_doubled_out_of_order_or_elsewhere_is_found() {
        let told = |offsets: &[i64]| Account {
            stored: offsets.iter().enumerate().map(|(number, offset)| (number, Some((0, *offset)))).collect(),
            ..Account::default()
        };
        judge_all(&told(&[0, 1]), &ReadRecord::of_numbers(&[0, 1]), 2).expect("as told");
        judge_all(&told(&[0, -1]), &ReadRecord::of_numbers(&[0, 1]), 2).expect("a duplicate has no offset");
        for there in [&[0][..], &[0, 1, 1], &[1, 0]] {
            judge_all(&told(&[0, 1]), &ReadRecord::of_numbers(there), 2).expect_err("lost, doubled, out of order");
        }
        judge_all(&told(&[0, 7]), &ReadRecord::of_numbers(&[0, 1]), 2).expect_err("elsewhere");
        judge_all(&told(&[0]), &ReadRecord::of_numbers(&[0]), 2).expect_err("nothing was told of one");
    }

    #[test]
    fn kinds_of_breaches_are_told_apart() {
        let passage = |numbers: &[usize], account| Passage {
            account,
            read: ReadRecord::of_numbers(numbers),
            faults: 0,
            repeated_batches: 0,
            score: None,
        };
        let stored = || Account { stored: vec![(0, None), (1, None), (2, None)], ..Account::default() };
        for (there, breach) in [
            (&[0, 1, 2][..], None),
            (&[0, 2], Some((Breach::Lost, 1))),
            (&[0, 1, 1, 2, 0], Some((Breach::Doubled, 2))),
            (&[2, 0, 1], Some((Breach::OutOfOrder, 2))),
            (&[0, 1, 2, 3], Some((Breach::Foreign, 1))),
        ] {
            assert_eq!(passage(there, stored()).breaches(3), breach.into_iter().collect());
        }
        assert_eq!(passage(&[0, 1, 2], stored()).breaches(5), BTreeMap::from([(Breach::NotSent, 2)]));
        for (end, there, breach) in [
            (End::Committed, &[0][..], Some((Breach::Lost, 1))),
            (End::Aborted, &[0, 1], Some((Breach::SeenThoughAborted, 2))),
            (End::Unknown, &[1], Some((Breach::SeenInPart, 1))),
            (End::Unknown, &[0, 1], None),
        ] {
            let ended = Account { transactions: vec![(0, 2, end)], ..Account::default() };
            assert_eq!(passage(there, ended).breaches(2), breach.into_iter().collect());
        }
    }

    #[test]
    fn a_transaction_is_seen_whole_or_not_at_all() {
        let ended = |end| Account { transactions: vec![(0, 2, end)], ..Account::default() };
        for (end, there) in
            [(End::Committed, &[0, 1][..]), (End::Aborted, &[]), (End::Unknown, &[0, 1]), (End::Unknown, &[])]
        {
            judge_transactions(&ended(end), &ReadRecord::of_numbers(there), 2).expect("whole or not at all");
        }
        for (end, there) in [(End::Committed, &[0][..]), (End::Aborted, &[0, 1]), (End::Unknown, &[1])] {
            judge_transactions(&ended(end), &ReadRecord::of_numbers(there), 2).expect_err("another part of it");
        }
        judge_transactions(&ended(End::Committed), &ReadRecord::of_numbers(&[0, 1]), 4)
            .expect_err("not all is accounted for");
    }
}
