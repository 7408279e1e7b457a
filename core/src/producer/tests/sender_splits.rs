//! Courses of Kafka's `SenderTest` in which a compressed batch is too large for its broker.

use super::story::{Story, record};
use super::transactions::stage::V1;
use crate::error::ErrorCode;
use crate::ids::{BatchId, ProducerIdentity};
use crate::producer::SendAttempt;
use crate::protocol::ApiKey;
use crate::record::Record;
use crate::record_batch::BatchView;
use crate::trace::Fact;

/// The offset of a record, once it is told.
fn offset_of(story: &Story, batch: BatchId, index: u32) -> Option<i64> {
    story.completed.iter().find(|completion| completion.covers(batch, index))?.offset_of(index)
}

/// The only batch that is out carries one record under this sequence.
fn carries_one(story: &Story, identity: ProducerIdentity, sequence: i32, transactional: bool) {
    assert_eq!(story.carried.len(), 1);
    let batch = BatchView::parse(&story.carried[0].body().topics[0].partitions[0].records).expect("a batch");
    assert_eq!((batch.base_offset(), batch.record_count(), batch.base_sequence()), (0, 1, sequence));
    assert_eq!((batch.producer_id(), batch.producer_epoch()), (identity.id, identity.epoch));
    assert_eq!(batch.is_transactional(), transactional);
}

/// Two records of half a batch each are taken for much smaller than they are; their batch is too large for its broker.
fn split_and_send(mut story: Story, transactional: bool) {
    let topic = story.partition(1).topic;
    let compressor = story.producer.compressor.as_mut().expect("it compresses");
    (0..200).for_each(|_| compressor.on_drained(topic, 0.2));
    let value = [0; 8_192];
    let halves = [b"key1", b"key2"].map(|key| {
        let half = Record { key: Some(key), value: Some(&value), ..record(1, "") };
        story.producer.send(story.now(), &mut SendAttempt::default(), &half).expect("taken")
    });
    assert_eq!((halves[0].batch, halves[1].index), (halves[1].batch, 1));
    let batch = halves[0].batch;
    story.settle();
    if transactional {
        story.expect(ApiKey::AddPartitionsToTxn, ErrorCode::NONE);
    }
    let identity = story.identity().expect("granted");
    assert_eq!((story.carried.len(), story.known(1).next), (1, 2));
    story.refuse(ErrorCode::MESSAGE_TOO_LARGE);
    assert_eq!(story.known(1).next, 2);
    let ratio = story.producer.compressor.as_ref().expect("it compresses").estimate(topic).ratio;
    assert!((ratio - (1.0 - 0.005)).abs() <= 0.01, "{ratio}");
    assert_eq!([0, 1].map(|index| offset_of(&story, batch, index)), [None, None]);

    carries_one(&story, identity, 0, transactional);
    story.store(0);
    assert_eq!([0, 1].map(|index| offset_of(&story, batch, index)), [Some(0), None]);
    assert_eq!((story.known(1).next, story.known(1).last_acked), (2, Some(0)));
    carries_one(&story, identity, 1, transactional);
    story.store(1);
    assert_eq!([0, 1].map(|index| offset_of(&story, batch, index)), [Some(0), Some(1)]);
    assert_eq!((story.known(1).next, story.known(1).last_acked), (2, Some(1)));
    assert!(!story.producer.accumulator.has_incomplete());
    assert_eq!(story.facts.iter().filter(|fact| matches!(fact, Fact::BatchSplit { .. })).count(), 1);
}

/// Mirrors `SenderTest.testIdempotentSplitBatchAndSend`: a compressed batch of two records found too large is split,
/// the estimate of compression begins anew, and the parts go out one by one under sequences 0 and 1 of the same epoch
/// and are stored at 0 and 1.
#[test]
fn the_parts_of_a_compressed_batch_keep_its_sequences() {
    let story = Story::with(2, 2, &[("linger.ms", "0"), ("compression.type", "gzip")]).started();
    split_and_send(story, false);
}

/// Mirrors `SenderTest.testTransactionalSplitBatchAndSend`: the parts of a compressed batch in a transaction belong to
/// the transaction, go out one by one under sequences 0 and 1 of its epoch and are stored at 0 and 1.
#[test]
fn the_parts_of_a_compressed_batch_stay_in_its_transaction() {
    let story = Story::begun(V1, &[("compression.type", "gzip")]);
    split_and_send(story, true);
}
