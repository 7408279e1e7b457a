//! Produce requests as a proxy heard them: what was sent again, and with which sequences.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use bytes::BytesMut;
use producer_core::{
    protocol::{ProduceRequest, ProduceTopic, Request},
    record_batch::BatchView,
    wire,
};

/// One attempt to have a batch stored.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Attempt {
    producer_id: i64,
    producer_epoch: i16,
    base_sequence: i32,
    count: i32,
    /// Covers everything but the base offset and the leader's epoch, so also the records and the identity.
    crc: u32,
}

/// Checks that whatever was sent again to `topic` was the same batch with the same identity and sequence, and that the
/// sequences of each partition have neither gap nor overlap. Returns how many batches were sent more than once. Where topics
/// are said by id, there must be one alone.
///
/// # Errors
/// Names the batch that breaks a rule.
pub fn judge_retries(heard: &[Vec<u8>], topic: &str) -> Result<usize> {
    let mut partitions: BTreeMap<i32, BTreeMap<i32, Vec<Attempt>>> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for connection in heard {
        for request in produce_requests(connection)? {
            for produced in request.topics.iter().filter(|said| is_said(said, topic)) {
                ids.insert(produced.id);
                ensure!(ids.len() == 1, "several topics, or one by name and by id: {ids:?}");
                for partition in &produced.partitions {
                    let attempt = read_attempt(&partition.records)?;
                    let attempts = partitions.entry(partition.partition).or_default();
                    attempts.entry(attempt.base_sequence).or_default().push(attempt);
                }
            }
        }
    }
    let mut repeated = 0;
    for (partition, batches) in &partitions {
        let mut due = 0;
        for (&base_sequence, attempts) in batches {
            let first = &attempts[0];
            ensure!(first.producer_id >= 0, "{topic}-{partition}: a batch without a producer id");
            ensure!(base_sequence == due, "{topic}-{partition}: sequence {base_sequence} where {due} was due");
            for attempt in attempts {
                ensure!(attempt == first, "{topic}-{partition}: {first:?} was sent again as {attempt:?}");
            }
            due += first.count;
            repeated += usize::from(attempts.len() > 1);
        }
    }
    Ok(repeated)
}

/// How many batches for `topic` were sent more than once, by their identities and sequences alone: not every client writes
/// the same bytes again. Where topics are said by id, there must be one alone.
///
/// # Errors
/// When something is no batch.
pub fn count_repeated(heard: &[Vec<u8>], topic: &str) -> Result<usize> {
    let mut times: BTreeMap<(i32, i64, i16, i32), usize> = BTreeMap::new();
    for connection in heard {
        for request in produce_requests(connection)? {
            for produced in request.topics.iter().filter(|said| is_said(said, topic)) {
                for partition in &produced.partitions {
                    let attempt = read_attempt(&partition.records)?;
                    let Attempt { producer_id, producer_epoch, base_sequence, .. } = attempt;
                    *times.entry((partition.partition, producer_id, producer_epoch, base_sequence)).or_default() += 1;
                }
            }
        }
    }
    Ok(times.values().filter(|times| **times > 1).count())
}

/// Whether this topic is meant: from Produce 13 on an id stands in a name's stead (KIP-516).
fn is_said(said: &ProduceTopic, topic: &str) -> bool {
    &*said.name == topic || said.name.is_empty()
}

/// The Produce requests of one connection; a last one may have been cut short.
fn produce_requests(connection: &[u8]) -> Result<Vec<ProduceRequest>> {
    let mut received = BytesMut::from(connection);
    let mut requests = Vec::new();
    while let Some(frame) = wire::take_frame(&mut received, wire::MAX_FRAME_BYTES)? {
        match wire::decode_request(frame) {
            Ok((_, Request::Produce(request))) => requests.push(request),
            // A newer version of another request than the embedded brokers read.
            Ok(_) | Err(wire::RequestError::UnsupportedVersion { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(requests)
}

fn read_attempt(records: &[u8]) -> Result<Attempt> {
    let batch = BatchView::parse(records).map_err(|error| anyhow::anyhow!("{error:?}"))?;
    batch.verify_crc().map_err(|error| anyhow::anyhow!("{error:?}"))?;
    Ok(Attempt {
        producer_id: batch.producer_id(),
        producer_epoch: batch.producer_epoch(),
        base_sequence: batch.base_sequence(),
        count: batch.last_offset_delta() + 1,
        crc: batch.crc(),
    })
}
