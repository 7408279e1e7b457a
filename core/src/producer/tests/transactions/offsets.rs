//! A group's offsets in a transaction: added and committed, and what refusals of either mean.

use super::super::story::Story;
use super::stage::{CASHIER, FIRST, V1};
use crate::error::{ErrorCode, ProducerError, TransactionError, TransactionPhase};
use crate::io::OutgoingRequest;
use crate::producer::{GroupMember, TransactionTicket};
use crate::protocol::{ApiKey, Request, TxnOffsetCommitRequest};

const ADD: ApiKey = ApiKey::AddOffsetsToTxn;
const FIND: ApiKey = ApiKey::FindCoordinator;
const COMMIT: ApiKey = ApiKey::TxnOffsetCommit;

/// A consumer whose membership is told with its offsets.
fn member() -> GroupMember {
    GroupMember {
        group: "till".into(),
        generation: 5,
        member_id: "member".into(),
        group_instance_id: Some("instance".into()),
    }
}

/// A group's offsets are being added to a transaction.
fn adding(partitions: &[i32], member: GroupMember) -> (Story, TransactionTicket) {
    let mut story = Story::begun(V1, &[]);
    let offsets = story.call_send_offsets_as(partitions, member).expect("fits");
    let Some(Request::AddOffsetsToTxn(asked)) = story.asked_of_coordinators() else { panic!("{:?}", story.question()) };
    assert_eq!((&*asked.transactional_id, asked.identity, &*asked.group), (CASHIER, FIRST, "till"));
    (story, offsets)
}

/// … and are added; who coordinates the group is asked.
fn finding(partitions: &[i32], member: GroupMember) -> (Story, TransactionTicket) {
    let (mut story, offsets) = adding(partitions, member);
    story.expect(ADD, ErrorCode::NONE);
    assert_eq!(story.outcome(offsets), None, "it is over when they are committed");
    let Some(Request::FindCoordinator(asked)) = story.asked_of_coordinators() else { panic!("{:?}", story.question()) };
    assert_eq!((asked.key_type, &*asked.keys[0]), (0, "till"));
    (story, offsets)
}

/// … and its coordinator is asked to commit them.
fn committing(partitions: &[i32], member: GroupMember) -> (Story, TransactionTicket) {
    let (mut story, offsets) = finding(partitions, member.clone());
    story.expect(FIND, ErrorCode::NONE);
    story.await_question();
    let asked = committed(story.asked_of_coordinators().expect("a question"));
    assert_eq!((&*asked.transactional_id, asked.identity, &*asked.group), (CASHIER, FIRST, "till"));
    let told = (asked.generation, &asked.member_id, &asked.group_instance_id);
    assert_eq!(told, (member.generation, &member.member_id, &member.group_instance_id));
    (story, offsets)
}

fn committed(request: &Request) -> &TxnOffsetCommitRequest {
    match request {
        Request::TxnOffsetCommit(asked) => asked,
        other => panic!("{other:?}"),
    }
}

/// Partitions whose offsets a question holds.
fn partitions_of(request: &OutgoingRequest) -> Vec<i32> {
    let topics = &committed(&request.body).topics;
    topics.iter().flat_map(|topic| topic.partitions.iter().map(|&(partition, _)| partition)).collect()
}

fn are_pending(story: &Story) -> bool {
    story.pending().1
}

/// Mirrors `TransactionManagerTest.testHandlingOfUnknownTopicPartitionErrorOnTxnOffsetCommit`: the offset refused with
/// UNKNOWN_TOPIC_OR_PARTITION stays pending, is committed again, and only then the call succeeds.
/// Mirrors `TransactionManagerTest.testHandlingOfCoordinatorLoadingErrorOnTxnOffsetCommit`: the same after
/// COORDINATOR_LOAD_IN_PROGRESS for one of two offsets.
/// Mirrors `TransactionManagerTest.testHandlingOfNetworkExceptionOnTxnOffsetCommit`: the same after NETWORK_EXCEPTION
/// for one of two offsets.
/// Mirrors `TransactionManagerTest.testSendOffsetsWithGroupMetadata`: the consumer's generation, member id and instance
/// id go with the offsets, both times, and the call succeeds after the second.
#[test]
fn an_offset_that_is_refused_for_now_is_committed_again_beside_the_others() {
    for code in
        [ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, ErrorCode::COORDINATOR_LOAD_IN_PROGRESS, ErrorCode::NETWORK_EXCEPTION]
    {
        for member in [GroupMember::of_group("till"), member()] {
            let (mut story, offsets) = committing(&[0, 1], member);
            assert!(are_pending(&story));
            let first = story.expect_by_partition(COMMIT, &|_, partition| match partition {
                0 => ErrorCode::NONE,
                _ => code,
            });
            assert_eq!((partitions_of(&first), are_pending(&story)), (vec![0, 1], true), "{code}");
            assert_eq!(story.outcome(offsets), None);
            story.await_question();
            let again = story.expect(COMMIT, ErrorCode::NONE);
            assert_eq!(partitions_of(&again), [0, 1], "the request as it was");
            let told = |request: &OutgoingRequest| {
                let asked = committed(&request.body).clone();
                (asked.generation, asked.member_id, asked.group_instance_id)
            };
            assert_eq!(told(&first), told(&again));
            assert_eq!((story.outcome(offsets), are_pending(&story)), (Some(Ok(())), false));
        }
    }
}

/// Mirrors `TransactionManagerTest.testHandlingOfProducerFencedErrorOnTxnOffsetCommit`: the call fails with
/// ProducerFencedException.
/// Mirrors `TransactionManagerTest.testHandlingOfTransactionalIdAuthorizationFailedErrorOnTxnOffsetCommit`: the call
/// fails with TransactionalIdAuthorizationException.
/// Mirrors `TransactionManagerTest.testTransactionalIdAuthorizationFailureInTxnOffsetCommit`:
/// TransactionalIdAuthorizationException is also the last error, and fatal.
/// Mirrors `TransactionManagerTest.testHandlingOfInvalidProducerEpochErrorOnTxnOffsetCommit`: INVALID_PRODUCER_EPOCH
/// fails the call with ProducerFencedException.
/// Mirrors `TransactionManagerTest.testHandlingOfUnsupportedForMessageFormatErrorOnTxnOffsetCommit`: the call fails
/// with UnsupportedForMessageFormatException.
/// Mirrors `TransactionManagerTest.testUnsupportedForMessageFormatInTxnOffsetCommit`:
/// UnsupportedForMessageFormatException is also the last error, and fatal.
#[test]
fn offsets_that_are_refused_for_good_end_the_producer() {
    for (code, class) in [
        (ErrorCode::PRODUCER_FENCED, "ProducerFencedException"),
        (ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "TransactionalIdAuthorizationException"),
        (ErrorCode::INVALID_PRODUCER_EPOCH, "ProducerFencedException"),
        (ErrorCode::UNSUPPORTED_FOR_MESSAGE_FORMAT, "UnsupportedForMessageFormatException"),
    ] {
        let (mut story, offsets) = committing(&[0, 1], GroupMember::of_group("till"));
        story.expect_by_partition(COMMIT, &|_, partition| if partition == 0 { ErrorCode::NONE } else { code });
        assert_eq!(
            (story.outcome_class(offsets), story.phase()),
            (Some(class), TransactionPhase::FatalError),
            "{code}"
        );
        if class == "ProducerFencedException" {
            story.expect_fenced();
        } else {
            story.expect_fatal(class);
        }
    }
}

/// Mirrors `TransactionManagerTest.testFencedInstanceIdInTxnOffsetCommitByGroupMetadata`: offsets in the name of a
/// fenced instance, told as such, fail the call with FencedInstanceIdException, which an abort heals.
/// Mirrors `TransactionManagerTest.testUnknownMemberIdInTxnOffsetCommitByGroupMetadata`: offsets in the name of a
/// member the group does not know fail the call with CommitFailedException, which an abort heals.
/// Mirrors `TransactionManagerTest.testIllegalGenerationInTxnOffsetCommitByGroupMetadata`: offsets of an old generation
/// fail the call with CommitFailedException, which an abort heals.
/// Mirrors `TransactionManagerTest.testTransactionAbortableExceptionInTxnOffsetCommit`: TRANSACTION_ABORTABLE fails the
/// call with TransactionAbortableException, which an abort heals.
#[test]
fn offsets_of_a_consumer_that_is_no_member_spoil_the_transaction() {
    let fenced = GroupMember { member_id: "fenced_member".into(), ..member() };
    let unknown = GroupMember { member_id: "unknown".into(), group_instance_id: None, ..member() };
    let old = GroupMember { generation: 1, group_instance_id: None, ..member() };
    for (member, code, class) in [
        (fenced, ErrorCode::FENCED_INSTANCE_ID, "FencedInstanceIdException"),
        (unknown, ErrorCode::UNKNOWN_MEMBER_ID, "CommitFailedException"),
        (old, ErrorCode::ILLEGAL_GENERATION, "CommitFailedException"),
        (GroupMember::of_group("till"), ErrorCode::TRANSACTION_ABORTABLE, "TransactionAbortableException"),
    ] {
        let (mut story, offsets) = committing(&[0], member);
        story.expect(COMMIT, code);
        assert_eq!(story.outcome_class(offsets), Some(class));
        story.expect_abortable(class);
    }
}

/// Mirrors `TransactionManagerTest.testGroupAuthorizationFailureInFindCoordinator`: without rights to the group its
/// coordinator is not told; the call fails with GroupAuthorizationException, which names the group and which an abort
/// heals.
/// Mirrors `TransactionManagerTest.testGroupAuthorizationFailureInTxnOffsetCommit`: the same when the group's
/// coordinator refuses the offsets, of which none is pending after that.
/// Mirrors `TransactionManagerTest.testTransactionAbortableExceptionInFindCoordinator`: TRANSACTION_ABORTABLE fails the
/// call with TransactionAbortableException, which an abort heals.
#[test]
fn a_group_that_may_not_be_written_for_spoils_the_transaction() {
    let group = || ProducerError::from(TransactionError::GroupAuthorization("till".into()));
    let abortable = || ProducerError::Broker { code: ErrorCode::TRANSACTION_ABORTABLE, message: None };
    for (api, code, error) in [
        (FIND, ErrorCode::GROUP_AUTHORIZATION_FAILED, group()),
        (COMMIT, ErrorCode::GROUP_AUTHORIZATION_FAILED, group()),
        (FIND, ErrorCode::TRANSACTION_ABORTABLE, abortable()),
    ] {
        let walk = if api == FIND { finding } else { committing };
        let (mut story, offsets) = walk(&[0], GroupMember::of_group("till"));
        story.expect(api, code);
        if story.question().is_some() || api == FIND {
            story.pass(100);
        }
        assert_eq!(story.outcome(offsets), Some(Err(error.clone())));
        assert!(api == FIND || !are_pending(&story));
        story.expect_abortable(error.java_class());
    }
}

/// Mirrors `TransactionManagerTest.testTransactionalIdAuthorizationFailureInAddOffsetsToTxn`: the call fails with
/// TransactionalIdAuthorizationException, which is fatal.
/// Mirrors `TransactionManagerTest.testInvalidTxnStateFailureInAddOffsetsToTxn`: the call fails with
/// InvalidTxnStateException, which is fatal.
/// Mirrors `TransactionManagerTest.testTransactionAbortableExceptionInAddOffsetsToTxn`: the call fails with
/// TransactionAbortableException, which an abort heals.
#[test]
fn what_a_refusal_to_add_a_group_means_depends_on_its_code() {
    for (code, class, is_fatal) in [
        (ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "TransactionalIdAuthorizationException", true),
        (ErrorCode::INVALID_TXN_STATE, "InvalidTxnStateException", true),
        (ErrorCode::TRANSACTION_ABORTABLE, "TransactionAbortableException", false),
    ] {
        let (mut story, offsets) = adding(&[0], GroupMember::of_group("till"));
        story.expect(ADD, code);
        assert_eq!(story.outcome_class(offsets), Some(class));
        if is_fatal {
            story.expect_fatal(class);
        } else {
            story.expect_abortable(class);
        }
    }
}

/// Mirrors `TransactionManagerTest.testSendOffsetWithGroupMetadataFailAsAutoDowngradeTxnCommitNotEnabled`: a
/// coordinator that cannot be told of the consumer's membership, for it speaks TxnOffsetCommit up to 2, is asked
/// nothing; the call fails with UnsupportedVersionException, which is fatal.
#[test]
fn a_membership_that_cannot_be_told_is_not_left_out() {
    let mut story = Story::transactional_speaking(V1, &[(COMMIT, 0, 2)]).initialised();
    story.call_begin().expect("fits");
    let offsets = story.call_send_offsets_as(&[0, 1], member()).expect("fits");
    story.expect(ADD, ErrorCode::NONE);
    assert_eq!(story.outcome(offsets), None);
    story.expect(FIND, ErrorCode::NONE);
    story.pass(100);
    assert_eq!(story.question(), None);
    let error = story.outcome(offsets).expect("known").expect_err("refused");
    assert_eq!(
        error.to_string(),
        "Broker doesn't support group metadata commit API on version 2, minimum supported request version is 3 which requires brokers to be on version 2.5 or above."
    );
    story.expect_fatal("UnsupportedVersionException");
}

/// Mirrors `TransactionManagerTest.shouldNotSendAbortTxnRequestWhenOnlyAddOffsetsRequestFailed`: an abort called before
/// the group was refused succeeds without EndTxn, for nothing is in the transaction.
/// Mirrors `TransactionManagerTest.shouldFailAbortIfAddOffsetsFailsWithFatalError`: an abort called before the group
/// was refused with UNKNOWN_SERVER_ERROR fails, and so does the producer.
#[test]
fn an_abort_meets_what_became_of_the_offsets_before_it() {
    let (mut story, _) = adding(&[1], GroupMember::of_group("till"));
    let abort = story.call_abort().expect("fits");
    story.expect(ADD, ErrorCode::GROUP_AUTHORIZATION_FAILED);
    assert_eq!((story.outcome(abort), story.phase()), (Some(Ok(())), TransactionPhase::Ready));
    assert_eq!(story.question(), None);

    let (mut story, _) = adding(&[1], GroupMember::of_group("till"));
    let abort = story.call_abort().expect("fits");
    story.expect(ADD, ErrorCode::UNKNOWN_SERVER_ERROR);
    assert!(story.outcome(abort).is_some_and(|outcome| outcome.is_err()));
    assert_eq!(story.phase(), TransactionPhase::FatalError);
}
