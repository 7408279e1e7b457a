//! Courses of Kafka's `SenderTest` and `TransactionManagerTest` in which an idempotent producer begins a new epoch.

use core::time::Duration;

use super::observed::told;
use super::story::Story;
use crate::error::ErrorCode;
use crate::ids::{BatchId, ProducerIdentity};
use crate::trace::Fact;

const OUT_OF_ORDER: ErrorCode = ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER;
const MOVED: ErrorCode = ErrorCode::NOT_LEADER_OR_FOLLOWER;

/// Two partitions with the same leader.
fn idempotent(more: &[(&'static str, &'static str)]) -> Story {
    let mut properties = vec![("linger.ms", "0")];
    properties.extend(more);
    Story::with(1, 2, &properties).started()
}

/// As [`idempotent`], with this epoch of the first producer id; the next id begins with epoch 0.
fn in_epoch(epoch: i16) -> Story {
    in_epoch_with(1, epoch)
}

/// As [`in_epoch`], with so many brokers: with two, each leads one partition, and an id can be asked for at the one
/// that owes no answer.
fn in_epoch_with(brokers: i32, epoch: i16) -> Story {
    let mut story = Story::with(brokers, 2, &[("linger.ms", "0")]);
    story.next_epoch = epoch;
    let mut story = story.started();
    story.next_epoch = 0;
    story
}

fn epoch(story: &Story) -> Option<i16> {
    story.identity().map(|identity| identity.epoch)
}

/// (id's last digit, epoch, next sequence, last acknowledged one) of a partition.
fn state(story: &Story, partition: i32) -> (i64, i16, i32, Option<i32>) {
    let known = story.known(partition);
    let ProducerIdentity { id, epoch } = known.identity.expect("it was sent to");
    (id - 1_000, epoch, known.next, known.last_acked)
}

/// Answers the oldest request: refused, from a log that begins here.
fn refuse_from(story: &mut Story, code: ErrorCode, log_start_offset: i64) {
    story.reply(|told| (told.error, told.base_offset, told.log_start_offset) = (code, -1, log_start_offset));
}

/// Answers the oldest request: stored here, in a log that begins there.
fn store_from(story: &mut Story, base_offset: i64, log_start_offset: i64) {
    story.reply(|told| (told.base_offset, told.log_start_offset) = (base_offset, log_start_offset));
}

/// Mirrors `SenderTest.testEpochBumpOnOutOfOrderSequenceForNextBatch`: two records take two sequences; when the batch
/// right behind them is out of order, the epoch is bumped and that batch has sequence 0.
/// Mirrors `SenderTest.testBumpEpochWhenOutOfOrderSequenceReceived`: a batch that is out of order stays in flight, not
/// done, and the epoch is bumped.
#[test]
fn the_next_batch_out_of_order_bumps_the_epoch() {
    let mut story = idempotent(&[]);
    let first = story.put_together(0, 2);
    assert_eq!(state(&story, 0), (0, 0, 2, None));
    story.store(0);
    let second = story.put(0, "b");
    assert_eq!((state(&story, 0), story.fate(first), story.fate(second)), ((0, 0, 3, Some(1)), Some(Ok(0)), None));
    assert_eq!(story.out(), [told(0, "b", 2, 0)]);
    story.refuse(OUT_OF_ORDER);
    assert_eq!((epoch(&story), story.known(0).next, story.known(0).first_in_flight), (Some(1), 1, Some(0)));
    assert_eq!((story.known(0).in_flight, story.fate(second)), (1, None));
}

/// Mirrors `SenderTest.testEpochBumpOnOutOfOrderSequenceForNextBatchWhenThereIsNoBatchInFlight`: of two partitions one
/// bumps the epoch; the other, without a batch in flight, stays as it was until its next batch, which begins the new
/// epoch with sequence 0.
#[test]
fn an_idle_partition_follows_into_the_new_epoch_with_its_next_batch() {
    let mut story = idempotent(&[]);
    for partition in [0, 1] {
        story.put(partition, "a");
        assert_eq!(state(&story, partition), (0, 0, 1, None));
        story.store(0);
        assert_eq!(state(&story, partition), (0, 0, 1, Some(0)));
    }
    story.put(0, "b");
    assert_eq!(state(&story, 0), (0, 0, 2, Some(0)));
    story.refuse(OUT_OF_ORDER);
    assert_eq!(epoch(&story), Some(1));
    assert_eq!((state(&story, 0), state(&story, 1)), ((0, 1, 1, None), (0, 0, 1, Some(0))));
    story.await_batch();
    assert_eq!(story.out(), [told(0, "b", 0, 1)]);
    story.store(1);
    assert_eq!(state(&story, 0), (0, 1, 1, Some(0)));
    story.put(1, "c");
    assert_eq!(state(&story, 1), (0, 1, 1, None));
    assert_eq!(story.out(), [told(1, "c", 0, 1)]);
    story.store(1);
    assert_eq!(state(&story, 1), (0, 1, 1, Some(0)));
}

/// Mirrors `SenderTest.testEpochBumpOnOutOfOrderSequenceForNextBatchWhenBatchInFlightFails`: of two partitions one
/// bumps the epoch while the other has a batch in flight; that one is sent again under the old epoch, fails when its
/// retries are used up, and the partition's next batch begins the new epoch with sequence 0.
#[test]
fn a_partition_whose_batch_fails_under_the_old_epoch_follows_with_its_next_batch() {
    let mut story = idempotent(&[("retries", "1")]);
    for partition in [0, 1] {
        story.put(partition, "a");
        story.store(0);
        assert_eq!(state(&story, partition), (0, 0, 1, Some(0)));
    }
    story.put(0, "b");
    let failing = story.put(1, "b");
    assert_eq!((state(&story, 0), state(&story, 1)), ((0, 0, 2, Some(0)), (0, 0, 2, Some(0))));
    story.refuse(OUT_OF_ORDER);
    assert_eq!(epoch(&story), Some(1));
    assert_eq!((state(&story, 0), state(&story, 1)), ((0, 1, 1, None), (0, 0, 2, Some(0))));
    story.refuse(MOVED);
    assert_eq!(state(&story, 1), (0, 0, 2, Some(0)));
    story.pass(200);
    let mut sent = story.out();
    sent.sort();
    assert_eq!(sent, [told(0, "b", 0, 1), told(1, "b", 1, 0)]);
    while !story.carried.is_empty() {
        story.reply(|told| match told.partition {
            0 => told.base_offset = 1,
            _ => told.error = MOVED,
        });
    }
    assert_eq!(story.fate(failing), Some(Err("NotLeaderOrFollowerException")));
    assert_eq!((state(&story, 0), state(&story, 1)), ((0, 1, 1, Some(0)), (0, 0, 2, Some(0))));
    story.put(1, "c");
    assert_eq!((state(&story, 1), story.out()), ((0, 1, 1, None), vec![told(1, "c", 0, 1)]));
    story.store(0);
    assert_eq!(state(&story, 1), (0, 1, 1, Some(0)));
    story.put(0, "c");
    assert_eq!((state(&story, 0), story.out()), ((0, 1, 2, Some(0)), vec![told(0, "c", 1, 1)]));
    story.store(0);
    assert_eq!(state(&story, 0), (0, 1, 2, Some(1)));
}

/// One request for both partitions, answered: the first is out of order, the second has another leader.
fn one_out_of_order_and_one_moved(story: &mut Story) -> [BatchId; 2] {
    let batches = [story.append("t", 0), story.append("t", 1)];
    story.settle();
    assert_eq!((story.carried.len(), story.carried[0].batches().len()), (1, 2));
    story.reply(|told| told.error = if told.partition == 0 { OUT_OF_ORDER } else { MOVED });
    batches
}

/// Mirrors `SenderTest.testResetOfProducerStateShouldAllowQueuedBatchesToDrain`: when epochs are used up a new producer
/// id is granted, and the other partition's batch is sent again under the old one, stored, and leaves its sequences as
/// they were.
#[test]
fn batches_of_the_old_id_still_drain() {
    let mut story = in_epoch(i16::MAX);
    let [_, moved] = one_out_of_order_and_one_moved(&mut story);
    assert_eq!(story.identity(), Some(ProducerIdentity { id: 1_001, epoch: 0 }));
    assert_eq!(story.fate(moved), None);
    story.pass(200);
    assert!(story.out().contains(&told(1, "v", 0, i16::MAX)));
    while !story.carried.is_empty() {
        story.store(10);
    }
    assert_eq!((story.fate(moved), story.known(1).next), (Some(Ok(10)), 1));
}

/// Mirrors `SenderTest.testCloseWithProducerIdReset`: a producer closed while it asks for a new id still sends what is
/// queued once it has one.
/// Mirrors `SenderTest.testForceCloseWithProducerIdReset`: one closed without patience at that moment fails everything
/// and is closed at once.
#[test]
fn closing_while_an_id_is_asked_for_sends_or_fails_what_is_queued() {
    for patience in [None, Some(Duration::ZERO)] {
        let mut story = in_epoch(i16::MAX);
        story.hold_questions = true;
        let batches = one_out_of_order_and_one_moved(&mut story);
        assert_eq!(story.identity(), None);
        story.producer.close(story.now(), patience);
        story.settle();
        if patience.is_none() {
            story.hold_questions = false;
            story.settle();
            story.pass(300);
            let carried: usize = story.carried.iter().map(|carried| carried.batches().len()).sum();
            assert_eq!(carried, 2, "nothing is undrained");
            while !story.carried.is_empty() {
                story.store(0);
            }
            assert_eq!(batches.map(|batch| story.fate(batch)), [Some(Ok(0)); 2]);
        } else {
            assert_eq!(batches.map(|batch| story.fate(batch)), [Some(Err("KafkaException")); 2]);
        }
        assert!(story.producer.is_closed());
    }
}

/// Mirrors `SenderTest.testBatchesDrainedWithOldProducerIdShouldSucceedOnSubsequentRetry`: one partition bumps the
/// epoch, and the other's batch, refused twice for want of the leader, is sent again under the old epoch each time and
/// stored.
#[test]
fn a_batch_of_the_old_epoch_is_retried_until_it_is_stored() {
    let mut story = idempotent(&[]);
    let [out_of_order, moved] = one_out_of_order_and_one_moved(&mut story);
    assert_eq!([out_of_order, moved].map(|batch| story.fate(batch)), [None, None]);
    assert_eq!(epoch(&story), Some(1));
    story.pass(200);
    assert!(story.out().contains(&told(1, "v", 0, 0)));
    while !story.carried.is_empty() {
        story.reply(|told| told.error = if told.partition == 1 { MOVED } else { ErrorCode::NONE });
    }
    assert_eq!((story.fate(out_of_order), story.fate(moved)), (Some(Ok(0)), None));
    story.await_batch();
    assert_eq!(story.out(), [told(1, "v", 0, 0)]);
    story.store(0);
    assert_eq!((story.fate(moved), story.known(1).next), (Some(Ok(0)), 1));
}

/// A record stored at offset 1000 of a log that begins at 10.
fn stored_at_1000(story: &mut Story) {
    let first = story.put(0, "a");
    assert_eq!((story.known(0).next, story.known(0).last_acked), (1, None));
    store_from(story, 1_000, 10);
    assert_eq!(story.fate(first), Some(Ok(1_000)));
    assert_eq!((story.known(0).last_acked, story.known(0).last_acked_offset), (Some(0), 1_000));
}

/// Mirrors `SenderTest.testIdempotentUnknownProducerHandlingWhenRetentionLimitReached`: UNKNOWN_PRODUCER_ID from a log
/// that begins after what was acknowledged bumps the epoch, and the batch of two records is sent again with sequence 0
/// and stored.
#[test]
fn a_log_that_lost_its_head_bumps_the_epoch() {
    let mut story = idempotent(&[]);
    stored_at_1000(&mut story);
    let second = story.put_together(0, 2);
    assert_eq!((story.known(0).next, story.known(0).last_acked, story.fate(second)), (3, Some(0), None));
    refuse_from(&mut story, ErrorCode::UNKNOWN_PRODUCER_ID, 1_010);
    assert_eq!((state(&story, 0), epoch(&story), story.fate(second)), ((0, 1, 2, None), Some(1), None));
    story.await_batch();
    assert_eq!(story.out(), [told(0, "vv", 0, 1)]);
    store_from(&mut story, 1_011, 1_010);
    assert_eq!((state(&story, 0), story.known(0).last_acked_offset), ((0, 1, 2, Some(1)), 1_012));
    let completion = story.completed.last().expect("told");
    assert_eq!((completion.batch, completion.offset_of(1), story.carried.len()), (second, Some(1_012), 0));
}

/// Mirrors `SenderTest.testUnknownProducerErrorShouldBeRetriedWhenLogStartOffsetIsUnknown`: UNKNOWN_PRODUCER_ID without
/// word of where the log begins leaves sequences as they are, and the batch is sent again with its own and stored.
#[test]
fn a_log_that_begins_nobody_knows_where_changes_no_sequences() {
    let mut story = idempotent(&[]);
    stored_at_1000(&mut story);
    let second = story.put(0, "b");
    assert_eq!((state(&story, 0), story.fate(second)), ((0, 0, 2, Some(0)), None));
    refuse_from(&mut story, ErrorCode::UNKNOWN_PRODUCER_ID, -1);
    assert_eq!((state(&story, 0), story.fate(second), story.carried.len()), ((0, 0, 2, Some(0)), None, 0));
    story.await_batch();
    assert_eq!(story.out(), [told(0, "b", 1, 0)]);
    store_from(&mut story, 1_011, 1_010);
    assert_eq!((state(&story, 0), story.fate(second)), ((0, 0, 2, Some(1)), Some(Ok(1_011))));
    assert_eq!((story.known(0).last_acked_offset, story.carried.len()), (1_011, 0));
}

/// Mirrors `SenderTest.testUnknownProducerErrorShouldBeRetriedForFutureBatchesWhenFirstFails`: of two batches in flight
/// the first meets UNKNOWN_PRODUCER_ID and bumps the epoch; the second, sent under the old one, meets it too and bumps
/// nothing; both are sent again one at a time and stored.
#[test]
fn an_answer_to_what_left_before_the_bump_bumps_nothing() {
    let mut story = idempotent(&[]);
    stored_at_1000(&mut story);
    let [second, third] = ["b", "c"].map(|value| story.put(0, value));
    assert_eq!((state(&story, 0), story.carried.len()), ((0, 0, 3, Some(0)), 2));
    refuse_from(&mut story, ErrorCode::UNKNOWN_PRODUCER_ID, 1_010);
    assert_eq!((state(&story, 0), epoch(&story)), ((0, 1, 2, None), Some(1)));
    assert_eq!(story.out(), [told(0, "c", 2, 0)], "as it left");
    refuse_from(&mut story, ErrorCode::UNKNOWN_PRODUCER_ID, 1_010);
    assert_eq!((state(&story, 0), epoch(&story)), ((0, 1, 2, None), Some(1)));
    assert_eq!([second, third].map(|batch| story.fate(batch)), [None, None]);
    story.await_batch();
    story.pass(300);
    assert_eq!(story.out(), [told(0, "b", 0, 1)], "one at a time");
    store_from(&mut story, 1_011, 1_010);
    assert_eq!([second, third].map(|batch| story.fate(batch)), [Some(Ok(1_011)), None]);
    assert_eq!((state(&story, 0), story.known(0).last_acked_offset), ((0, 1, 2, Some(0)), 1_011));
    assert_eq!(story.out(), [told(0, "c", 1, 1)]);
    store_from(&mut story, 1_012, 1_010);
    assert_eq!((story.fate(third), story.known(0).last_acked_offset), (Some(Ok(1_012)), 1_012));
}

/// Mirrors `SenderTest.testShouldRaiseOutOfOrderSequenceExceptionToUserIfLogWasNotTruncated`: UNKNOWN_PRODUCER_ID from
/// a log that still has what was acknowledged bumps the epoch, and the batch is not done.
#[test]
fn a_log_that_kept_its_head_bumps_the_epoch_too() {
    let mut story = idempotent(&[]);
    stored_at_1000(&mut story);
    let second = story.put(0, "b");
    assert_eq!((state(&story, 0), story.fate(second)), ((0, 0, 2, Some(0)), None));
    refuse_from(&mut story, ErrorCode::UNKNOWN_PRODUCER_ID, 10);
    assert_eq!((epoch(&story), story.known(0).last_acked, story.fate(second)), (Some(1), None, None));
}

/// Mirrors `SenderTest.testRetryWhenProducerIdChanges`: with the last epoch of an id, a batch whose connection breaks
/// is sent again, is not done, and one sequence is taken.
#[test]
fn in_the_last_epoch_a_batch_is_sent_again() {
    let mut story = in_epoch(i16::MAX);
    let batch = story.put(0, "value");
    let carried = story.carried[0].clone();
    story.break_connection(&carried);
    assert!(story.carried.is_empty());
    story.await_batch();
    assert_eq!((story.carried.len(), story.fate(batch), story.known(0).next), (1, None, 1));
}

/// Mirrors `TransactionManagerTest.testNoFailedBatchHandlingWhenTxnManagerIsInFatalError`: a batch that fails bumps the
/// epoch; one that fails when the producer has met a fatal error does not.
#[test]
fn after_a_fatal_error_no_epoch_is_begun() {
    let mut story = in_epoch(5);
    story.put(0, "1");
    story.refuse(ErrorCode::INVALID_RECORD);
    assert_eq!(epoch(&story), Some(6));
    story.put(0, "2");
    story.put(0, "3");
    story.refuse(ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
    story.refuse(ErrorCode::INVALID_RECORD);
    assert!(story.producer.identity.fatal_error().is_some() && !story.producer.sequences.wants_bump());
    let epochs = story.facts.iter().filter_map(|fact| match fact {
        Fact::IdentityChanged { identity } => Some(identity.epoch),
        _ => None,
    });
    assert_eq!(epochs.collect::<Vec<_>>(), [5, 6]);
}

/// Mirrors `TransactionManagerTest.testProducerIdReset`: when epochs are used up, the partition that asked for a new
/// one begins at zero, and the other goes on with 3.
#[test]
fn a_new_id_restarts_the_partition_that_asked_for_it_alone() {
    let mut story = in_epoch(i16::MAX);
    for partition in [0, 1] {
        assert_eq!(story.known(partition).next, 0);
        story.put_together(partition, 3);
        story.store(0);
        assert_eq!(story.known(partition).next, 3);
    }
    story.put(0, "a");
    story.refuse(ErrorCode::INVALID_RECORD);
    assert_eq!(story.identity(), Some(ProducerIdentity { id: 1_001, epoch: 0 }));
    assert_eq!((story.known(0).next, story.known(1).next), (0, 3));
}

/// Mirrors `TransactionManagerTest.testBatchFailureAfterProducerReset`: of two partitions with a batch in flight each,
/// the one that meets UNKNOWN_PRODUCER_ID in the last epoch has its batch numbered anew, from 0; the other's keeps
/// sequence 1.
#[test]
fn a_new_id_renumbers_the_batches_of_the_partition_that_asked_for_it() {
    let mut story = in_epoch_with(2, i16::MAX);
    for value in ["1", "2"] {
        for partition in [0, 1] {
            story.put(partition, value);
        }
        if value == "1" {
            story.store(-1);
            story.store(-1);
        }
    }
    assert_eq!((story.known(0).next, story.known(1).next), (2, 2));
    refuse_from(&mut story, ErrorCode::UNKNOWN_PRODUCER_ID, 400);
    assert_eq!(story.identity(), Some(ProducerIdentity { id: 1_001, epoch: 0 }));
    assert_eq!(story.out(), [told(1, "2", 1, i16::MAX)]);
    story.pass(200);
    assert_eq!(story.out(), [told(1, "2", 1, i16::MAX), told(0, "2", 0, 0)]);
    assert_eq!((story.known(0).next, story.known(0).first_in_flight), (1, Some(0)));
    assert_eq!((story.known(1).next, story.known(1).first_in_flight), (2, Some(1)));
}

/// Mirrors `TransactionManagerTest.testBatchCompletedAfterProducerReset`: while another partition got a new producer
/// id, this one counts on under the old id until its batches are stored; then it begins at zero with nothing
/// acknowledged.
#[test]
fn a_partition_counts_under_its_old_id_until_its_batches_are_stored() {
    let mut story = in_epoch_with(2, i16::MAX);
    story.put(1, "1");
    story.put(0, "1");
    story.put(0, "2");
    assert_eq!(story.known(0).next, 2);
    story.refuse(ErrorCode::INVALID_RECORD);
    assert_eq!(story.identity(), Some(ProducerIdentity { id: 1_001, epoch: 0 }));
    story.store(500);
    assert_eq!(state(&story, 0), (0, i16::MAX, 2, Some(0)));
    assert_eq!(story.out(), [told(0, "2", 1, i16::MAX)]);
    story.store(501);
    assert_eq!(story.known(0).first_in_flight, None);
    story.put(0, "3");
    assert_eq!((state(&story, 0), story.out()), ((1, 0, 1, None), vec![told(0, "3", 0, 0)]));
}

/// Mirrors `TransactionManagerTest.testBumpEpochAndResetSequenceNumbersAfterUnknownProducerId`: of five batches in
/// flight the first is stored and the second meets UNKNOWN_PRODUCER_ID: it and those behind it have sequences 0 to 3 in
/// the next epoch.
#[test]
fn a_bump_renumbers_all_that_is_in_flight() {
    let mut story = in_epoch(1);
    for value in ["1", "2", "3", "4", "5"] {
        story.put(0, value);
    }
    assert_eq!((story.known(0).next, story.carried.len()), (5, 5));
    store_from(&mut story, 500, 0);
    refuse_from(&mut story, ErrorCode::UNKNOWN_PRODUCER_ID, 500);
    assert_eq!((epoch(&story), story.known(0).next, story.known(0).first_in_flight), (Some(2), 4, Some(0)));
    for _ in 0..3 {
        story.refuse(OUT_OF_ORDER);
    }
    for (value, sequence) in [("2", 0), ("3", 1), ("4", 2), ("5", 3)] {
        if story.carried.is_empty() {
            story.await_batch();
        }
        assert_eq!(story.out(), [told(0, value, sequence, 2)]);
        story.store(501);
    }
}

/// Mirrors `TransactionManagerTest.testHealthyPartitionRetriesDuringEpochBump`: one partition bumps the epoch and has
/// its batches renumbered; the other keeps its batch's sequence and epoch, also over a retry for want of the leader,
/// holds a new batch back until it is stored, and then begins the new epoch with sequence 0.
/// Mirrors `TransactionManagerTest.testFailedInflightBatchAfterEpochBump`: a batch of another partition that fails for
/// now after the bump is sent again as it was, and sequences of that partition begin at zero only after it.
#[test]
fn a_healthy_partition_finishes_under_its_old_epoch() {
    let mut story = in_epoch(1);
    for (partition, value) in [(0, "1"), (1, "4"), (0, "2"), (1, "5"), (0, "3")] {
        story.put(partition, value);
    }
    assert_eq!((story.known(0).next, story.known(1).next), (3, 2));
    store_from(&mut story, 500, 0);
    store_from(&mut story, 500, 0);
    refuse_from(&mut story, ErrorCode::UNKNOWN_PRODUCER_ID, 500);
    assert_eq!(epoch(&story), Some(2));
    assert_eq!((state(&story, 0), story.known(0).first_in_flight), ((0, 2, 2, None), Some(0)));
    assert_eq!((state(&story, 1), story.known(1).first_in_flight), ((0, 1, 2, Some(0)), Some(1)));
    let new = story.put(1, "6");
    assert_eq!(story.out(), [told(1, "5", 1, 1), told(0, "3", 2, 1)], "the new one waits");
    refuse_from(&mut story, MOVED, 600);
    story.refuse(OUT_OF_ORDER);
    story.await_batch();
    story.pass(300);
    let healthy = |story: &Story| story.out().into_iter().filter(|(partition, ..)| *partition == 1).collect::<Vec<_>>();
    assert_eq!(healthy(&story), [told(1, "5", 1, 1)]);
    assert_eq!(story.fate(new), None);
    while healthy(&story) != [told(1, "6", 0, 2)] {
        assert!(story.known(1).first_in_flight == Some(1), "before it nothing of the partition is new");
        story.store(500);
        if story.carried.is_empty() {
            story.await_batch();
        }
    }
    assert_eq!((state(&story, 1), story.known(1).in_flight), ((0, 2, 1, None), 1));
    while !story.carried.is_empty() {
        story.store(501);
    }
    assert_eq!((story.fate(new), story.known(1).in_flight, story.known(1).next), (Some(Ok(501)), 0, 1));
}
