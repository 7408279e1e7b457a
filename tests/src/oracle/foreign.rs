//! Foreign clients in bad weather on the embedded brokers. Cases are records.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};

use super::Tally;
use crate::peers::kafkajs::Calls;
use crate::storm::{Breach, Brokers, Manner, Passage, Peer, pass};

/// Every one of them promises each record once and in order. kafkajs does so for calls that name one partition: see
/// [`several_partitions`].
const PEERS: [Peer; 4] = [Peer::Java, Peer::Librdkafka, Peer::FranzGo, Peer::KafkaJs(Calls::OnePartition)];

/// How often Apache Kafka is asked for the same kinds of breach at most: chance decides what a fault meets.
const TRIES: usize = 6;

/// The four clients, idempotent and in transactions.
///
/// # Errors
/// When a client cannot be installed or ends with an error.
pub fn clients(records: u64, _seed: u64) -> Result<Tally> {
    let records = usize::try_from(records)?;
    let mut tally = Tally::default();
    for peer in PEERS {
        for transactional in [false, true] {
            let title = title(peer, transactional);
            let passage = passage(Brokers::Embedded, peer, records, transactional);
            let judged = passage.and_then(|passage| {
                let again = passage.score.is_some().then(|| passage.judge_score(records)).transpose()?;
                ensure!(again.is_none_or(|again| again == 0), "{again:?} records are there again");
                passage.judge(records, transactional)
            });
            if let Some(found) = tally.check(&title, judged) {
                tally.findings.push(format!("{title}: {found}"));
            }
            tally.cases += records as u64;
        }
    }
    Ok(tally)
}

/// The clients that tell where each record is, with idempotence off, in the same weather: what they send again is there again,
/// and the score says of how many records.
///
/// # Errors
/// As [`clients`].
pub fn duplicates(records: u64, _seed: u64) -> Result<Tally> {
    let records = usize::try_from(records)?;
    let mut tally = Tally::default();
    for peer in [Peer::Java, Peer::Librdkafka, Peer::FranzGo] {
        let title = format!("{}, idempotence off", peer.name());
        let judged = passage_in(Brokers::Embedded, peer, records, Manner::Plain).and_then(|passage| {
            let again = passage.judge_score(records)?;
            ensure!(again > 0, "nothing is there again, after {} faults", passage.faults);
            Ok(format!(
                "{} faults: {} records are there, {again} of them again, by the score as by Kafka's consumer",
                passage.faults,
                passage.read.len()
            ))
        });
        if let Some(found) = tally.check(&title, judged) {
            tally.findings.push(format!("{title}: {found}"));
        }
        tally.cases += records as u64;
    }
    Ok(tally)
}

/// kafkajs with records of several partitions in a call of `send`. When one of the brokers that it asks fails, it divides
/// the records anew among the leaders of that moment, and leaves out the brokers that have answered, or asks those a second
/// time whose answer is still under way: records are lost, or are there twice. It does so on Apache Kafka too, which is
/// shown each time, in the same weather: each kind of breach that is met on the embedded brokers must be met there.
///
/// # Errors
/// As [`clients`].
pub fn several_partitions(records: u64, _seed: u64) -> Result<Tally> {
    let records = usize::try_from(records)?;
    let peer = Peer::KafkaJs(Calls::Mixed);
    let mut tally = Tally::default();
    for transactional in [false, true] {
        let title = title(peer, transactional);
        tally.cases += records as u64;
        // A run that fails is no breach of a promise.
        let here = passage(Brokers::Embedded, peer, records, transactional)?;
        let breach = match here.judge(records, transactional) {
            Ok(found) => {
                tally.findings.push(format!("{title}: {found}"));
                continue;
            }
            Err(breach) => breach,
        };
        let ours = here.breaches(records);
        let mut theirs: BTreeMap<Breach, usize> = BTreeMap::new();
        let mut tries = 0;
        while tries < TRIES && !ours.keys().all(|kind| theirs.contains_key(kind)) {
            tries += 1;
            let there = passage(Brokers::Apache, peer, records, transactional)?;
            for (kind, count) in there.breaches(records) {
                *theirs.entry(kind).or_default() += count;
            }
        }
        let told = format!(
            "{title}: {breach:#}; records by kind of breach: {ours:?} on the embedded brokers, {theirs:?} in {tries} runs on \
             Apache Kafka"
        );
        if !ours.is_empty() && ours.keys().all(|kind| theirs.contains_key(kind)) {
            tally.findings.push(told);
            tally.except("kafkajs breaks its promise", "it does so on Apache Kafka too, in the same ways and weather");
        } else {
            tally.differences.push(told);
        }
    }
    Ok(tally)
}

fn title(peer: Peer, transactional: bool) -> String {
    format!("{}, {}", peer.name(), if transactional { "in transactions" } else { "idempotent" })
}

fn passage(brokers: Brokers, peer: Peer, records: usize, transactional: bool) -> Result<Passage> {
    passage_in(brokers, peer, records, if transactional { Manner::InTransactions } else { Manner::Idempotent })
}

fn passage_in(brokers: Brokers, peer: Peer, records: usize, manner: Manner) -> Result<Passage> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(pass(brokers, peer, records, manner))
}
