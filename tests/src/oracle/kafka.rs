//! The library against Apache Kafka, with Kafka's own consumer and `DumpLogSegments` as judges: one node that nothing
//! happens to, and three of which two leaders are killed. Cases are records.

use anyhow::{Result, ensure};
use xtask::kafka::ApacheKafka;

use super::Tally;
use crate::disk::{committed, judge_sequences, places};
use crate::kill_run::{
    Killing, Program, Promise, Shown, Told, Transactions, judge_disk, judge_promise, judge_transactions, run,
};
use crate::read_back::judge;

/// Patient with a cluster that a busy machine makes slow.
const PATIENT: (&str, &str) = ("delivery.timeout.ms", "600000");
const WAITS: (&str, &str) = ("max.block.ms", "600000");
const FIVE: (&str, &str) = ("max.in.flight.requests.per.connection", "5");

const KEPT: Program = Program {
    topic: "acks-all",
    promise: Promise::Kept,
    properties: &[("acks", "all"), ("enable.idempotence", "true"), FIVE, PATIENT, WAITS],
    transactions: None,
};

const IN_TRANSACTIONS: Program = Program {
    topic: "transactions",
    promise: Promise::Kept,
    properties: &[
        ("transactional.id", "cashier"),
        ("transaction.timeout.ms", "600000"),
        ("enable.idempotence", "true"),
        FIVE,
        PATIENT,
        WAITS,
    ],
    transactions: Some(Transactions { records: 500, aborts_every: 7 }),
};

/// Gives records up long before a cluster has noticed that a leader is dead.
const IMPATIENT: Program = Program {
    topic: "acks-all-impatient",
    promise: Promise::KeptIfTold,
    properties: &[
        ("acks", "all"),
        ("enable.idempotence", "true"),
        FIVE,
        ("request.timeout.ms", "2000"),
        ("delivery.timeout.ms", "3000"),
        WAITS,
    ],
    transactions: None,
};

const LEADER_HAD_IT: Program = Program {
    topic: "acks-1",
    promise: Promise::LeaderHadIt,
    properties: &[("acks", "1"), ("enable.idempotence", "false"), FIVE, PATIENT, WAITS],
    transactions: None,
};

const WRITTEN: Program = Program {
    topic: "acks-0",
    promise: Promise::Written,
    properties: &[("acks", "0"), ("enable.idempotence", "false"), FIVE, PATIENT, WAITS],
    transactions: None,
};

/// One node, and nothing happens: acks=all with and without transactions.
///
/// # Errors
/// When Kafka or Java cannot be run.
pub fn one_node(records: u64, _seed: u64) -> Result<Tally> {
    hold(1, &[KEPT, IN_TRANSACTIONS], usize::try_from(records)?, Killing::Nobody)
}

/// Three nodes, of which two are killed one after the other, under five programs at once: acks=all, the same in
/// transactions, the same with little patience, acks=1 and acks=0.
///
/// # Errors
/// When Kafka or Java cannot be run.
pub fn kills(records: u64, _seed: u64) -> Result<Tally> {
    let programs = [KEPT, IN_TRANSACTIONS, IMPATIENT, LEADER_HAD_IT, WRITTEN];
    hold(3, &programs, usize::try_from(records)?, Killing::LeaderTwice)
}

fn hold(nodes: usize, programs: &[Program], records: usize, killing: Killing) -> Result<Tally> {
    let outcome = run(ApacheKafka::start(nodes, &[])?, programs, records, killing)?;
    let mut tally = Tally { cases: (records * programs.len()) as u64, findings: outcome.done, ..Tally::default() };
    for (shown, program) in outcome.shown.iter().zip(programs) {
        let verdict = judge_program(program, shown, records);
        if let Some(finding) = tally.check(shown.topic, verdict) {
            tally.findings.push(format!("{}: {finding}", shown.topic));
        }
    }
    Ok(tally)
}

/// What was found of a program that was to send so many records, in words; or the rule that does not hold.
fn judge_program(program: &Program, shown: &Shown, records: usize) -> Result<String> {
    let all_agree = shown.disks.iter().all(|disk| *disk == shown.disks[0]);
    ensure!(all_agree, "the disks of the brokers differ");
    ensure!(committed(&shown.disks[0]) == places(&shown.read), "the consumer reads something else than the disk holds");
    let copies = format!("the consumer and {} disk(s) agree on {} records", shown.disks.len(), shown.read.len());
    let Told { fates, repeated_batches, .. } = &shown.told;
    ensure!(fates.len() == records, "{} of {records} records have a fate", fates.len());
    let sent = format!("{records} sent, {repeated_batches} batches sent again");

    let found = if let Some(plan) = program.transactions {
        let (must_be_read, ends) = judge_transactions(program.promise, plan, records, &shown.told, &shown.upheaval)?;
        judge(&must_be_read, &shown.read)?;
        let stored = judge_disk(&shown.told, &shown.disks[0])?;
        format!("{ends}; the committed alone are read, once and where they were told; {stored}")
    } else {
        judge_promise(program.promise, &shown.told, &shown.read, &shown.upheaval)?.to_string()
    };
    let mut more = String::new();
    if program.promise == Promise::Kept {
        ensure!(shown.upheaval.kills.is_empty() || *repeated_batches > 0, "no kill met a batch under way");
        // Of transactions an abort throws out what has not left, and its sequences are another epoch's.
        if program.transactions.is_none() {
            more = format!("; {} batches in unbroken sequences", judge_sequences(&shown.disks[0])?);
        }
    }
    Ok(format!("{sent}: {found}{more}; {copies}"))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use kafka_producer::Persistence;

    use super::*;
    use crate::disk::DiskBatch;
    use crate::kill_run::{Fate, Transaction, TransactionEnd, Upheaval};
    use crate::read_back::ReadRecord;

    /// Four transactions of two records, of which the third is to be aborted.
    const PROGRAM: Program =
        Program { transactions: Some(Transactions { records: 2, aborts_every: 3 }), ..IN_TRANSACTIONS };
    const RECORDS: usize = 8;
    const EXCEPTION: &str = "TransactionAbortableException";

    /// A history in which all goes as planned: each transaction has a batch and a marker in one partition, and lasts ten
    /// milliseconds.
    fn sound() -> Shown {
        // Asked after only where somebody is killed.
        let mut told = Told { repeated_batches: 1, ..Told::default() };
        let mut batches = Vec::new();
        for (index, begun_ms) in (0..4).zip((100..).step_by(20)) {
            let is_aborted = index == 2;
            let (base_offset, numbers) = (3 * index, 2 * index as usize..2 * index as usize + 2);
            let places: Vec<_> = (base_offset..).zip(numbers.clone()).collect();
            for (offset, _) in &places {
                told.fates.push(Fate { partition: Some(0), attempts: 1, told_ms: begun_ms, result: Ok(Some(*offset)) });
            }
            let batch = DiskBatch { base_offset, producer_id: 7, is_transactional: true, ..DiskBatch::default() };
            let records = places.into_iter().map(|(offset, number)| (offset, number.to_string())).collect();
            batches.push(DiskBatch { records, ..batch.clone() });
            batches.push(DiskBatch { committed: Some(!is_aborted), ..batch });
            let end = if is_aborted { TransactionEnd::Aborted } else { TransactionEnd::Committed };
            told.transactions.push(Transaction { numbers, end, begun_ms, ended_ms: begun_ms + 10 });
        }
        let disks = vec![BTreeMap::from([(0, batches)])];
        Shown { topic: PROGRAM.topic, told, read: Vec::new(), disks, upheaval: Upheaval::default() }
    }

    /// A kill of the partition's leader in the middle of the second transaction.
    fn upheaval() -> Upheaval {
        Upheaval { moved: BTreeSet::from([0]), kills: vec![125], ..Upheaval::default() }
    }

    /// The transaction of this index is given up; its records fail, certainly or possibly, and lie on no disk.
    fn give_up(shown: &mut Shown, index: usize, persistence: Persistence) {
        let transaction = &mut shown.told.transactions[index];
        transaction.end = TransactionEnd::GivenUp(EXCEPTION);
        for fate in &mut shown.told.fates[transaction.numbers.clone()] {
            fate.result = Err((persistence, EXCEPTION));
        }
        let batches = shown.disks[0].get_mut(&0).expect("the partition");
        batches[2 * index].records.clear();
        batches[2 * index + 1].committed = Some(false);
    }

    /// What the judge says of the history with these changes; a consumer reads what the disk says is committed.
    fn judged(change: impl FnOnce(&mut Shown)) -> Result<String> {
        let mut shown = sound();
        change(&mut shown);
        let record =
            |(partition, offset, value)| ReadRecord { partition, offset, timestamp_ms: 0, key: String::new(), value };
        shown.read = committed(&shown.disks[0]).into_iter().map(record).collect();
        judge_program(&PROGRAM, &shown, RECORDS)
    }

    /// Fails for a reason in which these words stand.
    fn refused(words: &str, change: impl FnOnce(&mut Shown)) {
        let breach = format!("{:#}", judged(change).expect_err(words));
        assert!(breach.contains(words), "{breach}");
    }

    fn marker(shown: &mut Shown, index: usize) -> &mut Option<bool> {
        &mut shown.disks[0].get_mut(&0).expect("the partition")[2 * index + 1].committed
    }

    #[test]
    fn transactions_that_end_as_planned_are_counted() {
        let found = judged(|_| {}).expect("sound");
        assert!(found.contains("3 of 3 planned committed (6 records), 1 aborted as planned (2 records"), "{found}");
        assert!(found.contains("8 were told to be stored, and are on the disk; 0 failed"), "{found}");
        let found = judged(|shown| shown.upheaval = upheaval()).expect("a kill that costs nothing");
        assert!(found.contains("0 given up (at most 1 may be); 1 met by a kill, committed after each: [1]"), "{found}");
    }

    #[test]
    fn where_nothing_happens_nothing_is_given_up_and_nothing_fails() {
        refused("3 were given up", |shown| {
            [0, 1, 3].into_iter().for_each(|index| give_up(shown, index, Persistence::NotPersisted));
        });
        refused("1 were given up", |shown| give_up(shown, 3, Persistence::PossiblyPersisted));
        refused("1 were given up or had failures", |shown| {
            shown.told.fates[4].result = Err((Persistence::PossiblyPersisted, EXCEPTION));
        });
    }

    #[test]
    fn a_kill_may_cost_a_few_transactions_with_their_reason_and_others_are_committed_after_it() {
        let killed = |given_up: &'static [usize]| {
            move |shown: &mut Shown| {
                shown.upheaval = upheaval();
                given_up.iter().for_each(|&index| give_up(shown, index, Persistence::NotPersisted));
            }
        };
        let found = judged(killed(&[1])).expect("the one that was open");
        assert!(found.contains("1 given up (at most 1 may be), 1 for TransactionAbortableException"), "{found}");
        refused("2 were given up", killed(&[0, 1]));
        refused("nothing was committed after kill 1", killed(&[3]));
        refused("no kill met a batch under way", |shown| {
            shown.upheaval = upheaval();
            shown.told.repeated_batches = 0;
        });
        refused("no transaction was met by kill 1", |shown| {
            shown.upheaval = Upheaval { moved: BTreeSet::from([1]), ..upheaval() };
        });
    }

    #[test]
    fn the_plan_is_kept_transaction_by_transaction() {
        refused("were to be Aborted", |shown| {
            shown.told.transactions[2].end = TransactionEnd::Committed;
            *marker(shown, 2) = Some(true);
        });
        refused("were to be Committed", |shown| {
            shown.told.transactions[0].end = TransactionEnd::Aborted;
            *marker(shown, 0) = Some(false);
        });
        refused("were to be aborted, not given up", |shown| {
            shown.upheaval = upheaval();
            give_up(shown, 2, Persistence::NotPersisted);
        });
        refused("3 transactions, and 4 are planned", |shown| _ = shown.told.transactions.pop());
        refused("are planned, not", |shown| shown.told.transactions[1].numbers = 2..3);
        refused("7 of 8 records have a fate", |shown| _ = shown.told.fates.pop());
    }

    #[test]
    fn what_is_aborted_or_given_up_is_read_by_nobody() {
        refused("8 records read, 6 acknowledged", |shown| *marker(shown, 2) = Some(true));
        refused("lost", |shown| *marker(shown, 0) = Some(false));
        refused("a record of the committed transaction", |shown| {
            shown.told.fates[0].result = Err((Persistence::PossiblyPersisted, EXCEPTION));
        });
    }

    #[test]
    fn what_failed_without_possibly_is_on_no_disk_committed_or_not() {
        // Back on the disk, in the transaction that was given up and aborted.
        let there = |persistence| {
            move |shown: &mut Shown| {
                shown.upheaval = upheaval();
                give_up(shown, 1, persistence);
                shown.disks[0].get_mut(&0).expect("the partition")[2].records.push((3, "2".to_owned()));
            }
        };
        refused("record 2 is on the disk at (0, 3)", there(Persistence::NotPersisted));
        refused("is said to be stored", there(Persistence::Persisted));
        let found = judged(there(Persistence::PossiblyPersisted)).expect("it may be");
        assert!(found.contains("2 failed and are possibly there, 1 are"), "{found}");
    }

    #[test]
    fn what_was_stored_is_on_the_disk_once_in_order_and_where_it_was_told_whatever_became_of_it() {
        let of_the_aborted = |change: fn(&mut Vec<(i64, String)>)| {
            move |shown: &mut Shown| change(&mut shown.disks[0].get_mut(&0).expect("the partition")[4].records)
        };
        refused("record 5 is not on the disk", of_the_aborted(|records| _ = records.pop()));
        refused("record 5 is on the disk twice", of_the_aborted(|records| records.push((8, "5".to_owned()))));
        refused("has record 5 before 4", of_the_aborted(|records| records.swap(0, 1)));
        refused("record 5 is at 0/8", of_the_aborted(|records| records[1].0 = 8));
        refused("nobody sent", of_the_aborted(|records| records.push((8, "99".to_owned()))));
    }
}
