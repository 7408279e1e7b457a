//! A producer that another one with the same transactional id has taken the place of.

use super::super::story::Story;
use super::stage::V1;
use crate::error::{ErrorCode, TransactionPhase};
use crate::protocol::ApiKey;

/// What coordinators say of it: since Kafka 2.7, and before.
const BOTH: [ErrorCode; 2] = [ErrorCode::PRODUCER_FENCED, ErrorCode::INVALID_PRODUCER_EPOCH];

/// Mirrors `TransactionManagerTest.testProducerFencedExceptionInInitProducerId`: PRODUCER_FENCED ends
/// `initTransactions` in ProducerFencedException, and every later call says so, too.
/// Mirrors `TransactionManagerTest.testInvalidProducerEpochConvertToProducerFencedInInitProducerId`: so does
/// INVALID_PRODUCER_EPOCH, as ProducerFencedException.
#[test]
fn a_producer_fenced_while_it_initialises_can_do_nothing() {
    for code in BOTH {
        let mut story = Story::transactional(V1, &[]);
        let init = story.call_init().expect("fits");
        story.expect(ApiKey::FindCoordinator, ErrorCode::NONE);
        story.await_question();
        story.expect(ApiKey::InitProducerId, code);
        assert_eq!(story.outcome_class(init), Some("ProducerFencedException"), "{code}");
        story.expect_fenced();
    }
}

/// Mirrors `TransactionManagerTest.testProducerFencedInAddPartitionToTxn`: PRODUCER_FENCED fails the batch that waits
/// for its partition with ProducerFencedException, and every later call says so, too.
/// Mirrors `TransactionManagerTest.testInvalidProducerEpochConvertToProducerFencedInAddPartitionToTxn`: so does
/// INVALID_PRODUCER_EPOCH, as ProducerFencedException.
#[test]
fn a_producer_fenced_while_it_adds_partitions_can_do_nothing() {
    for code in BOTH {
        let mut story = Story::begun(V1, &[]);
        let batch = story.put(0, "a");
        assert_eq!(story.fate(batch), None);
        story.expect(ApiKey::AddPartitionsToTxn, code);
        assert_eq!(
            (story.fate(batch), story.phase()),
            (Some(Err("ProducerFencedException")), TransactionPhase::FatalError)
        );
        story.expect_fenced();
    }
}

/// Mirrors `TransactionManagerTest.testProducerFencedInAddOffSetsToTxn`: a fenced producer that adds a group's offsets
/// has its waiting batch failed with ProducerFencedException, and every later call says so, too.
/// Mirrors `TransactionManagerTest.testInvalidProducerEpochConvertToProducerFencedInAddOffSetsToTxn`: so does
/// INVALID_PRODUCER_EPOCH, as ProducerFencedException.
#[test]
fn a_producer_fenced_while_it_adds_offsets_can_do_nothing() {
    for code in BOTH {
        let mut story = Story::begun(V1, &[]);
        let offsets = story.call_send_offsets(&[0]).expect("fits");
        let batch = story.put(0, "a");
        assert_eq!(story.fate(batch), None);
        story.expect(ApiKey::AddOffsetsToTxn, code);
        assert_eq!(story.outcome_class(offsets), Some("ProducerFencedException"));
        assert_eq!(
            (story.fate(batch), story.phase()),
            (Some(Err("ProducerFencedException")), TransactionPhase::FatalError)
        );
        story.expect_fenced();
    }
}

/// Mirrors `TransactionManagerTest.testInvalidProducerEpochConvertToProducerFencedInEndTxn`: after a batch was stored,
/// INVALID_PRODUCER_EPOCH fails the commit, once and for all as ProducerFencedException, as every later call.
#[test]
fn a_producer_fenced_while_it_commits_can_do_nothing() {
    let (mut story, batch) = Story::written(V1, &[]);
    let commit = story.call_commit().expect("fits");
    story.store(0);
    story.expect(ApiKey::EndTxn, ErrorCode::INVALID_PRODUCER_EPOCH);
    assert_eq!(story.fate(batch), Some(Ok(0)));
    assert_eq!(story.outcome_class(commit), Some("ProducerFencedException"));
    story.expect_fenced();
}

/// Mirrors `TransactionManagerTest.testInvalidProducerEpochFromProduce`: INVALID_PRODUCER_EPOCH for a batch is an error
/// that an abort heals: EndTxn is asked first, then InitProducerId for a new epoch.
#[test]
fn an_old_epoch_told_by_a_leader_is_healed_by_an_abort() {
    let (mut story, batch) = Story::written(V1, &[]);
    story.refuse(ErrorCode::INVALID_PRODUCER_EPOCH);
    assert_eq!(story.fate(batch), Some(Err("InvalidProducerEpochException")));
    assert_eq!(story.phase(), TransactionPhase::AbortableError);
    story.call_abort().expect("fits");
    story.expect(ApiKey::EndTxn, ErrorCode::NONE);
    assert_eq!(story.question(), Some(ApiKey::InitProducerId));
}
