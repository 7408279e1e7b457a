//! The score of a run: what the product's own judges find when they read back what is there.

use anyhow::{Context as _, Result, anyhow, ensure};
use kafka_producer::{Persistence, ProducerConfig};
use producer_core::error::Surface;
use producer_core::ids::ProducerIndex;
use producer_core::judge::{Failure, Fate, History, Isolation, Metadata, Place, Score};
use producer_core::record::Record;
use producer_core::time::Instant;

use super::account::{Account, Manner};
use super::{PARTITIONS, TOPIC};
use crate::history::read_back;
use crate::read_back::ReadRecord;

/// Writes down what a client sent and was told, reads the topic back with Fetch from the brokers that this port leads to,
/// and counts.
pub(super) fn score(account: &Account, records: usize, manner: Manner, port: u16) -> Result<Score> {
    let mut history = History::default();
    let idempotence = if manner == Manner::Plain { "false" } else { "true" };
    let config = ProducerConfig::from_properties([("acks", "all"), ("enable.idempotence", idempotence)]);
    let (config, _) = config.map_err(|refusals| anyhow!("{refusals:?}"))?;
    let producer = history.add_producer(config.into());
    let mut calls = Vec::with_capacity(records);
    for number in 0..records {
        calls.push(call(&mut history, producer, number));
    }
    for &(number, place) in &account.stored {
        let (partition, offset) = place.context("this client tells where a record is")?;
        let offset = (offset >= 0).then_some(offset);
        let call = *calls.get(number).context("a record that was sent")?;
        history.tell(Instant::ZERO, call, Fate::Acknowledged(Metadata { partition, offset, timestamp_ms: None }));
    }
    for (number, why) in &account.failed {
        let failure = Failure {
            class: why.clone().into(),
            code: None,
            is_retriable: false,
            surface: Surface::FutureOnSender,
            persistence: Persistence::PossiblyPersisted,
        };
        let call = *calls.get(*number).context("a record that was sent")?;
        history.tell(Instant::ZERO, call, Fate::Failed(failure));
    }
    let topic = history.topic(TOPIC);
    let logs = read_back(port, TOPIC, &mut history.contents)?;
    ensure!(logs.len() == usize::try_from(PARTITIONS)?, "every partition is read");
    history.logs = logs.into_iter().map(|(partition, log)| (Place { topic, partition }, log)).collect();
    Ok(history.score(Isolation::ReadUncommitted))
}

fn call(history: &mut History, producer: ProducerIndex, number: usize) -> producer_core::judge::CallId {
    let (key, value) = (format!("key-{}", number % 100), number.to_string());
    let record = Record::keyed(TOPIC, key.as_bytes(), value.as_bytes());
    let call = history.call(Instant::ZERO, producer, 0, &record);
    history.returned(Instant::ZERO, call, None);
    call
}

/// Records that another consumer met beyond the first of each number.
pub(super) fn met_again(read: &[ReadRecord]) -> usize {
    let numbers: std::collections::BTreeSet<&str> = read.iter().map(|record| &*record.value).collect();
    read.len() - numbers.len()
}
