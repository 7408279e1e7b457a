//! The library against Apache Kafka, with Kafka's own consumer and `DumpLogSegments` as judges: one node that nothing
//! happens to, and three of which two leaders are killed. Cases are records.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use xtask::kafka::ApacheKafka;

use super::Tally;
use crate::disk::{committed, everything, judge_sequences, places};
use crate::kill_run::{Killing, Program, Promise, Shown, Told, Transactions, judge_promise, judge_transactions, run};
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
        let verdict = judge_program(program, shown, killing);
        if let Some(finding) = tally.check(shown.topic, verdict) {
            tally.findings.push(format!("{}: {finding}", shown.topic));
        }
    }
    Ok(tally)
}

/// What was found of a program, in words; or the rule that does not hold.
fn judge_program(program: &Program, shown: &Shown, killing: Killing) -> Result<String> {
    let all_agree = shown.disks.iter().all(|disk| *disk == shown.disks[0]);
    ensure!(all_agree, "the disks of the brokers differ");
    ensure!(committed(&shown.disks[0]) == places(&shown.read), "the consumer reads something else than the disk holds");
    let copies = format!("the consumer and {} disk(s) agree on {} records", shown.disks.len(), shown.read.len());
    let Told { fates, repeated_batches, .. } = &shown.told;
    let sent = format!("{} sent, {repeated_batches} batches sent again", fates.len());

    let found = if program.transactions.is_some() {
        let (acknowledged, ends) = judge_transactions(&shown.told)?;
        judge(&acknowledged, &shown.read)?;
        let stored = stored_where_told(shown)?;
        format!("{ends}; of these records the committed are read, once and where they were told; {stored}")
    } else {
        judge_promise(program.promise, &shown.told, &shown.read, &shown.upheaval)?.to_string()
    };
    let mut more = String::new();
    if program.promise == Promise::Kept && program.transactions.is_none() {
        ensure!(killing == Killing::Nobody || *repeated_batches > 0, "no kill met a batch under way");
        more = format!("; {} batches in unbroken sequences", judge_sequences(&shown.disks[0])?);
    }
    Ok(format!("{sent}: {found}{more}; {copies}"))
}

/// Every record that was told to be stored, whatever became of its transaction, is on the disk where it was told.
fn stored_where_told(shown: &Shown) -> Result<String> {
    let there: BTreeSet<_> = everything(&shown.disks[0]).into_iter().collect();
    let mut stored = 0;
    for (number, fate) in shown.told.fates.iter().enumerate() {
        if let (Some(partition), Ok(Some(offset))) = (fate.partition, &fate.result) {
            ensure!(
                there.contains(&(partition, *offset, number.to_string())),
                "record {number} is not there: {fate:?}"
            );
            stored += 1;
        }
    }
    Ok(format!("{stored} were told to be stored, and are on the disk"))
}
