//! Epochs of transactional producers: when a new one is asked for, and where sequences begin.

use super::super::story::Story;
use super::stage::{FIRST, NEXT, V1, V2};
use crate::error::{ErrorCode, TransactionPhase};
use crate::ids::{NodeId, ProducerIdentity};
use crate::protocol::{ApiKey, Request};

const ADD: ApiKey = ApiKey::AddPartitionsToTxn;
const END: ApiKey = ApiKey::EndTxn;
const INIT: ApiKey = ApiKey::InitProducerId;

/// Brokers from before KIP-360: no epoch can be asked for.
const WITHOUT_EPOCHS: [(ApiKey, i16, i16); 3] = [(INIT, 0, 1), (ApiKey::Produce, 3, 7), (END, 0, 4)];

/// Partition 0 has two stored records, and a third that was refused with this.
fn refuse_the_third(story: &mut Story, code: ErrorCode) {
    story.put(0, "a");
    story.expect(ADD, ErrorCode::NONE);
    story.store(0);
    story.put(0, "b");
    story.store(1);
    let third = story.put(0, "c");
    assert_eq!(story.carried[0].batches(), [(0, vec!["c".to_owned()], 2, 1)]);
    story.reply(|told| {
        told.error = code;
        told.log_start_offset = 0;
    });
    assert!(matches!(story.fate(third), Some(Err(_))));
    assert_eq!(story.phase(), TransactionPhase::AbortableError);
}

/// The transaction is aborted, with an epoch or without, and another has begun with partition 0 in it.
fn abort_and_begin(story: &mut Story, has_new_epoch: bool) {
    let abort = story.call_abort().expect("fits");
    story.expect(END, ErrorCode::NONE);
    if has_new_epoch {
        let Some(Request::InitProducerId(asked)) = story.asked_of_coordinators() else {
            panic!("{:?}", story.question())
        };
        assert_eq!((asked.producer_id, asked.producer_epoch), (FIRST.id, FIRST.epoch));
        story.expect(INIT, ErrorCode::NONE);
    }
    assert_eq!((story.outcome(abort), story.phase()), (Some(Ok(())), TransactionPhase::Ready));
    assert_eq!(story.identity(), Some(if has_new_epoch { NEXT } else { FIRST }));
    story.call_begin().expect("fits");
    story.append("t", 0);
    assert_eq!(story.question(), None);
}

/// Base sequence of the next batch of partition 0.
fn next_sequence(story: &mut Story) -> i32 {
    story.settle();
    story.expect(ADD, ErrorCode::NONE);
    story.carried[0].batches()[0].2
}

/// Mirrors `TransactionManagerTest.testAbortTransactionAndReuseSequenceNumberOnError`: where no epoch can be asked for,
/// the sequence of a batch that was refused is used again after the abort: 2.
#[test]
fn without_epochs_the_sequence_of_a_refused_batch_is_used_again() {
    let mut story = Story::transactional_speaking(V1, &WITHOUT_EPOCHS).initialised();
    story.call_begin().expect("fits");
    refuse_the_third(&mut story, ErrorCode::TOPIC_AUTHORIZATION_FAILED);
    abort_and_begin(&mut story, false);
    assert_eq!(story.known(0).next, 2);
    assert_eq!(next_sequence(&mut story), 2);
}

/// Mirrors `TransactionManagerTest.testAbortTransactionAndResetSequenceNumberOnUnknownProducerId`: where no epoch can
/// be asked for, a partition answered with UNKNOWN_PRODUCER_ID begins at zero after the abort, and the other goes on.
#[test]
fn without_epochs_an_unknown_producer_id_restarts_its_partition_alone() {
    let mut story = Story::transactional_speaking(V1, &WITHOUT_EPOCHS).initialised();
    story.call_begin().expect("fits");
    story.put(1, "x");
    story.expect(ADD, ErrorCode::NONE);
    story.store(0);
    refuse_the_third(&mut story, ErrorCode::UNKNOWN_PRODUCER_ID);
    abort_and_begin(&mut story, false);
    assert_eq!((story.known(0).next, story.known(1).next), (0, 1));
    assert_eq!(next_sequence(&mut story), 0);
}

/// Mirrors `TransactionManagerTest.testBumpTransactionalEpochOnAbortableError`: after a batch was refused with
/// TOPIC_AUTHORIZATION_FAILED the abort brings the next epoch, and sequences begin at zero.
/// Mirrors `TransactionManagerTest.testBumpTransactionalEpochOnUnknownProducerIdError`: after UNKNOWN_PRODUCER_ID the
/// abort brings the next epoch, and sequences begin at zero.
#[test]
fn an_abort_after_a_refused_batch_brings_an_epoch() {
    for code in [ErrorCode::TOPIC_AUTHORIZATION_FAILED, ErrorCode::UNKNOWN_PRODUCER_ID] {
        let mut story = Story::begun(V1, &[]);
        refuse_the_third(&mut story, code);
        abort_and_begin(&mut story, true);
        assert_eq!(story.known(0).next, 0, "{code}");
        assert_eq!(next_sequence(&mut story), 0);
    }
}

/// Mirrors `TransactionManagerTest.testBumpTransactionalEpochOnRecoverableAddPartitionRequestError`:
/// UNKNOWN_PRODUCER_ID for partitions is abortable; the abort, without EndTxn, brings the next epoch and succeeds.
#[test]
fn an_abort_after_refused_partitions_brings_an_epoch() {
    let mut story = Story::begun(V1, &[]);
    story.put(0, "a");
    story.expect(ADD, ErrorCode::UNKNOWN_PRODUCER_ID);
    assert_eq!(story.phase(), TransactionPhase::AbortableError);
    let abort = story.call_abort().expect("fits");
    story.expect(INIT, ErrorCode::NONE);
    assert_eq!((story.outcome(abort), story.identity()), (Some(Ok(())), Some(NEXT)));
    assert_eq!(story.phase(), TransactionPhase::Ready);
}

/// Mirrors `TransactionManagerTest.testBumpTransactionalEpochOnRecoverableAddOffsetsRequestError`: UNKNOWN_PRODUCER_ID
/// for a group is abortable; the abort ends the transaction, brings the next epoch and succeeds.
#[test]
fn an_abort_after_refused_offsets_brings_an_epoch() {
    let (mut story, batch) = Story::written(V1, &[]);
    story.store(0);
    assert_eq!(story.fate(batch), Some(Ok(0)));
    story.call_send_offsets(&[0]).expect("fits");
    assert!(!story.pending().1);
    story.expect(ApiKey::AddOffsetsToTxn, ErrorCode::UNKNOWN_PRODUCER_ID);
    assert_eq!(story.phase(), TransactionPhase::AbortableError);
    let abort = story.call_abort().expect("fits");
    story.expect(END, ErrorCode::NONE);
    story.expect(INIT, ErrorCode::NONE);
    assert_eq!((story.outcome(abort), story.identity()), (Some(Ok(())), Some(NEXT)));
    assert_eq!(story.phase(), TransactionPhase::Ready);
}

/// Mirrors `TransactionManagerTest.testEpochUpdateAfterBumpFromEndTxnResponseInV2`: with protocol 2 the answer to an
/// abort brings the same producer id with the next epoch.
/// Mirrors `TransactionManagerTest.testProducerIdAndEpochUpdateAfterOverflowFromEndTxnResponseInV2`: where epochs are
/// used up, the answer to a commit brings another producer id with epoch 0.
#[test]
fn with_protocol_2_the_end_brings_the_next_identity() {
    let another = ProducerIdentity { id: FIRST.id + 1, epoch: 0 };
    for (commits, granted) in [(false, NEXT), (true, another)] {
        let (mut story, batch) = Story::written(V2, &[]);
        story.store(0);
        assert_eq!(story.fate(batch), Some(Ok(0)));
        let ended = if commits { story.call_commit() } else { story.call_abort() }.expect("fits");
        story.expect_granting(END, ErrorCode::NONE, granted);
        assert_eq!((story.outcome(ended), story.identity()), (Some(Ok(())), Some(granted)));
    }
}

/// Mirrors `TransactionManagerTest.testNeedToTriggerEpochBumpFromClientDuringCoordinatorDisconnect`: that a new epoch
/// must be asked for after an error stays known while the coordinator is not connected.
#[test]
fn a_coordinator_that_is_lost_is_still_asked_for_an_epoch() {
    let (mut story, _) = Story::written(V1, &[]);
    let connection = story.producer.connections.connection_to(NodeId(2)).expect("it stands");
    story.refuse_connections = true;
    story.break_off(connection);
    story.refuse(ErrorCode::TOPIC_AUTHORIZATION_FAILED);
    story.refuse_connections = false;
    let abort = story.call_abort().expect("fits");
    while story.question() != Some(INIT) {
        story.await_question();
        let question = story.question().expect("a question");
        if question != INIT {
            story.expect(question, ErrorCode::NONE);
        }
    }
    story.expect(INIT, ErrorCode::NONE);
    assert_eq!((story.outcome(abort), story.identity()), (Some(Ok(())), Some(NEXT)));
}

/// Mirrors `SenderTest.testTransactionalUnknownProducerHandlingWhenRetentionLimitReached`: UNKNOWN_PRODUCER_ID from a
/// log that begins after what was acknowledged restarts the partition's sequences in the same epoch, and the batch of
/// two records is sent again with sequence 0 and stored.
#[test]
fn a_log_that_lost_its_head_restarts_the_sequences_of_its_partition() {
    let (mut story, first) = Story::written(V1, &[]);
    assert_eq!((story.known(0).next, story.known(0).last_acked), (1, None));
    story.reply(|told| (told.base_offset, told.log_start_offset) = (1_000, 10));
    assert_eq!(story.fate(first), Some(Ok(1_000)));
    assert_eq!((story.known(0).last_acked, story.known(0).last_acked_offset), (Some(0), 1_000));
    let second = story.append("t", 0);
    assert_eq!(story.append("t", 0), second);
    story.settle();
    assert_eq!((story.known(0).next, story.known(0).last_acked, story.fate(second)), (3, Some(0), None));
    assert_eq!(story.carried[0].batches()[0].2, 1);
    story.reply(|told| {
        told.error = ErrorCode::UNKNOWN_PRODUCER_ID;
        told.log_start_offset = 1_010;
    });
    assert_eq!((story.known(0).next, story.known(0).last_acked, story.fate(second)), (2, None, None));
    assert!(story.carried.is_empty());
    story.pass(200);
    assert_eq!(story.carried[0].batches(), [(0, vec!["v".to_owned(), "v".to_owned()], 0, FIRST.epoch)]);
    story.reply(|told| (told.base_offset, told.log_start_offset) = (1_011, 1_010));
    let known = story.known(0);
    assert_eq!((known.next, known.last_acked, known.last_acked_offset), (2, Some(1), 1_012));
    let completion = story.completed.iter().find(|completion| completion.batch == second).expect("told");
    assert_eq!(completion.offset_of(1), Some(1_012));
}
