//! Stories of a transactional producer and its coordinators. Expected courses are those of `TransactionManagerTest`.

use super::super::topics::TopicIndex;
use super::*;
use crate::ids::TopicPartition;
use crate::protocol::{ApiKey, CommittedOffset};

const P0: PartitionRef = PartitionRef { topic: TopicIndex(0), partition: 0 };
const P1: PartitionRef = PartitionRef { topic: TopicIndex(0), partition: 1 };
const FIRST: ProducerIdentity = ProducerIdentity { id: 9, epoch: 0 };
const NEXT: ProducerIdentity = ProducerIdentity { id: 9, epoch: 1 };
const V1: i16 = 1;
const V2: i16 = 2;

impl Transactions {
    /// Are offsets not committed yet (`hasPendingOffsetCommits`)?
    pub(in super::super) fn has_pending_offsets(&self) -> bool {
        !self.pending_offsets.is_empty()
    }

    /// Are partitions not in the transaction yet (`hasPartitionsToAdd`)?
    pub(in super::super) fn has_partitions_to_add(&self) -> bool {
        !self.new_partitions.is_empty() || !self.pending_partitions.is_empty()
    }
}

fn name(partition: PartitionRef) -> TopicPartition {
    TopicPartition { topic: "t".into(), partition: partition.partition }
}

fn somewhere() -> CoordinatorNode {
    CoordinatorNode { node: NodeId(1), address: BrokerAddress { host: "one".into(), port: 9092 } }
}

fn added(partition: PartitionRef, code: ErrorCode) -> PartitionAnswer {
    PartitionAnswer { named: name(partition), partition: Some(partition), code }
}

fn offset(partition: i32) -> (Arc<str>, i32, CommittedOffset) {
    ("t".into(), partition, CommittedOffset { offset: 5, leader_epoch: -1, metadata: None })
}

fn class(error: &ProducerError) -> &'static str {
    error.java_class()
}

/// The next question, as if it were on its way now.
fn ask(transactions: &mut Transactions) -> Option<ApiKey> {
    let pending = transactions.next(false)?;
    let api = pending.query.api();
    transactions.on_sent(pending);
    Some(api)
}

/// Ready for a first transaction, its coordinator found.
fn ready(level: i16) -> Transactions {
    let mut transactions = Transactions::new("cashier".into());
    let init = transactions.init().expect("fits");
    let pending = transactions.next(false).expect("a question");
    assert_eq!(pending.query, Query::InitProducerId { bump: None });
    transactions.find_coordinator_for(pending);
    assert_eq!(ask(&mut transactions), Some(ApiKey::FindCoordinator));
    transactions.on_found(ErrorCode::NONE, None, somewhere());
    transactions.on_coordinator_ready(Some(5));
    assert_eq!(ask(&mut transactions), Some(ApiKey::InitProducerId));
    let granted = transactions.on_initialized(ErrorCode::NONE, FIRST);
    assert_eq!(granted, Some(Granted { identity: FIRST, restarts_sequences: false }));
    assert_eq!(transactions.take_outcome(init), Some(Ok(())));
    transactions.on_transaction_version(level, true);
    transactions
}

fn begun(level: i16) -> Transactions {
    let mut transactions = ready(level);
    transactions.begin().expect("fits");
    transactions
}

#[test]
fn with_protocol_1_partitions_are_added_before_the_end_and_nothing_is_sent_to_them_before() {
    let mut transactions = begun(V1);
    for partition in [P0, P1, P0] {
        transactions.add_partition(partition, || name(partition)).expect("fits");
    }
    assert!(!transactions.may_send(P0));
    let commit = transactions.commit(V1).expect("fits");
    assert_eq!(ask(&mut transactions), Some(ApiKey::AddPartitionsToTxn));
    transactions.on_partitions_added(vec![added(P0, ErrorCode::NONE), added(P1, ErrorCode::NONE)]);
    assert!(transactions.may_send(P0) && transactions.may_send(P1));
    assert!(transactions.next(true).is_none(), "batches are out");
    assert_eq!(ask(&mut transactions), Some(ApiKey::EndTxn));
    assert_eq!(transactions.on_ended(ErrorCode::NONE, None), None, "the epoch stays");
    assert_eq!((transactions.take_outcome(commit), transactions.phase()), (Some(Ok(())), TransactionPhase::Ready));
    assert!(!transactions.may_send(P0), "a transaction's partitions are its own");
}

#[test]
fn with_protocol_2_whoever_is_written_to_is_in_and_every_end_brings_an_epoch() {
    let mut transactions = begun(V2);
    transactions.add_partition(P0, || name(P0)).expect("fits");
    assert!(transactions.may_send(P0));
    let abort = transactions.abort(V2).expect("fits");
    assert_eq!(transactions.undrained_must_fail().as_ref().map(class), Some("TransactionAbortedException"));
    assert_eq!(ask(&mut transactions), Some(ApiKey::EndTxn));
    let granted = transactions.on_ended(ErrorCode::NONE, Some(NEXT));
    assert_eq!(granted, Some(Granted { identity: NEXT, restarts_sequences: true }));
    assert_eq!(transactions.take_outcome(abort), Some(Ok(())));
}

#[test]
fn where_nothing_was_sent_nothing_is_asked() {
    let mut transactions = begun(V2);
    let commit = transactions.commit(V2).expect("fits");
    assert_eq!(ask(&mut transactions), None);
    assert_eq!((transactions.take_outcome(commit), transactions.phase()), (Some(Ok(())), TransactionPhase::Ready));
}

#[test]
fn when_a_coordinator_is_gone_it_is_looked_up_and_asked_again_after_a_pause() {
    for end in [Transactions::on_disconnected, |lost: &mut Transactions| {
        assert_eq!(lost.on_ended(ErrorCode::NOT_COORDINATOR, None), None);
    }] {
        let mut transactions = begun(V2);
        transactions.add_partition(P0, || name(P0)).expect("fits");
        let commit = transactions.commit(V2).expect("fits");
        assert_eq!(ask(&mut transactions), Some(ApiKey::EndTxn));
        end(&mut transactions);
        assert_eq!(transactions.node_of(&Coordinator::Transaction), None);
        assert_eq!(ask(&mut transactions), Some(ApiKey::FindCoordinator));
        transactions.on_found(ErrorCode::NONE, None, somewhere());
        let again = transactions.next(false).expect("the same question");
        assert!(matches!(again.query, Query::EndTxn { committed: true, .. }) && again.is_retry);
        transactions.on_sent(again);
        transactions.on_ended(ErrorCode::NONE, Some(NEXT));
        assert_eq!(transactions.take_outcome(commit), Some(Ok(())));
    }
}

/// `FindCoordinatorHandler` prints the answer's `errorMessage`, be it null.
#[test]
fn why_nobody_coordinates_is_said_in_the_brokers_words() {
    for (message, end) in [(Some("it is too late"), "it is too late"), (Some(""), ""), (None, "null")] {
        let mut transactions = Transactions::new("tx".into());
        transactions.init().expect("fits");
        let pending = transactions.next(false).expect("a question");
        transactions.find_coordinator_for(pending);
        assert_eq!(ask(&mut transactions), Some(ApiKey::FindCoordinator));
        transactions.on_found(ErrorCode::UNKNOWN_SERVER_ERROR, message.map(Into::into), somewhere());
        let begin = "Could not find a coordinator with type TRANSACTION with key tx due to unexpected error: ";
        let error = transactions.fatal_error().expect("it failed").to_string();
        assert_eq!(error, format!("{begin}{end}"));
    }
}

#[test]
fn the_first_partitions_wait_only_shortly_for_the_transaction_before() {
    let mut transactions = begun(V1);
    transactions.add_partition(P0, || name(P0)).expect("fits");
    assert_eq!(ask(&mut transactions), Some(ApiKey::AddPartitionsToTxn));
    transactions.on_partitions_added(vec![added(P0, ErrorCode::CONCURRENT_TRANSACTIONS)]);
    let again = transactions.next(false).expect("the same question");
    assert!(again.is_retry && again.short_pause);
    transactions.on_sent(again);
    transactions.on_partitions_added(vec![added(P0, ErrorCode::NONE)]);
    transactions.add_partition(P1, || name(P1)).expect("fits");
    assert_eq!(ask(&mut transactions), Some(ApiKey::AddPartitionsToTxn));
    transactions.on_partitions_added(vec![added(P1, ErrorCode::CONCURRENT_TRANSACTIONS)]);
    let again = transactions.next(false).expect("the same question");
    assert!(again.is_retry && !again.short_pause, "the transaction is this one");
}

#[test]
fn partitions_that_are_refused_leave_only_an_abort() {
    let refusals = [
        (ErrorCode::TOPIC_AUTHORIZATION_FAILED, "TopicAuthorizationException"),
        (ErrorCode::UNKNOWN_SERVER_ERROR, "KafkaException"),
        (ErrorCode::TRANSACTION_ABORTABLE, "TransactionAbortableException"),
    ];
    for (code, expected) in refusals {
        let mut transactions = begun(V1);
        transactions.add_partition(P0, || name(P0)).expect("fits");
        assert_eq!(ask(&mut transactions), Some(ApiKey::AddPartitionsToTxn));
        transactions.on_partitions_added(vec![added(P0, code)]);
        assert_eq!(transactions.undrained_must_fail().as_ref().map(class), Some(expected), "{code}");
        let refused = transactions.commit(V1).expect_err("an error stands in the way");
        assert_eq!(class(&refused), "KafkaException");
        transactions.abort(V1).expect("that is what is left");
    }
}

#[test]
fn a_producer_that_is_fenced_can_do_nothing_and_says_so_to_every_call() {
    for code in [ErrorCode::PRODUCER_FENCED, ErrorCode::INVALID_PRODUCER_EPOCH] {
        let mut transactions = begun(V2);
        transactions.add_partition(P0, || name(P0)).expect("fits");
        let commit = transactions.commit(V2).expect("fits");
        assert_eq!(ask(&mut transactions), Some(ApiKey::EndTxn));
        transactions.on_ended(code, None);
        let outcome = transactions.take_outcome(commit).expect("known").expect_err("fenced");
        assert_eq!(class(&outcome), "ProducerFencedException", "{code}, what an old coordinator says of it");
        for refused in [transactions.begin(), transactions.abort(V2).map(drop), transactions.init().map(drop)] {
            assert_eq!(class(&refused.expect_err("fenced")), "ProducerFencedException");
        }
        assert!(!transactions.may_send(P0));
    }
}

#[test]
fn a_batch_that_failed_leaves_only_an_abort_after_which_protocol_1_asks_for_an_epoch() {
    let mut transactions = begun(V1);
    transactions.add_partition(P0, || name(P0)).expect("fits");
    assert_eq!(ask(&mut transactions), Some(ApiKey::AddPartitionsToTxn));
    transactions.on_partitions_added(vec![added(P0, ErrorCode::NONE)]);
    transactions.on_batch_failed(&ProducerError::Broker { code: ErrorCode::NOT_ENOUGH_REPLICAS, message: None });
    assert_eq!(transactions.undrained_must_fail().as_ref().map(class), Some("TransactionAbortableException"));
    let refused = transactions.add_partition(P0, || name(P0)).expect_err("an error stands in the way");
    assert_eq!(refused.to_string(), "Cannot execute transactional method because we are in an error state");

    let abort = transactions.abort(V1).expect("fits");
    assert_eq!(ask(&mut transactions), Some(ApiKey::EndTxn));
    transactions.on_ended(ErrorCode::NONE, None);
    assert_eq!(transactions.take_outcome(abort), None, "the epoch is still to come");
    let bump = transactions.next(false).expect("a question");
    assert_eq!(bump.query, Query::InitProducerId { bump: Some(FIRST) });
    transactions.on_sent(bump);
    let granted = transactions.on_initialized(ErrorCode::NONE, NEXT);
    assert_eq!(granted, Some(Granted { identity: NEXT, restarts_sequences: true }));
    assert_eq!(transactions.take_outcome(abort), Some(Ok(())));
    assert!(transactions.calls.is_empty(), "nobody asks about the end itself");
    transactions.begin().expect("all is well again");
}

#[test]
fn with_protocol_1_a_group_is_added_first_and_offsets_are_committed_again_until_none_is_missing() {
    let mut transactions = begun(V1);
    let member = GroupMember::of_group("till");
    let sent = transactions.send_offsets(vec![offset(0), offset(1)], member.clone()).expect("fits");
    assert_eq!(ask(&mut transactions), Some(ApiKey::AddOffsetsToTxn));
    transactions.on_offsets_added(ErrorCode::NONE);
    let commit = transactions.next(false).expect("a question");
    assert_eq!(commit.query.coordinator(), Some(Coordinator::Group("till".into())));
    transactions.on_sent(commit);
    transactions.on_offsets_committed(&[
        ("t".into(), 0, ErrorCode::NONE),
        ("t".into(), 1, ErrorCode::COORDINATOR_LOAD_IN_PROGRESS),
    ]);
    assert_eq!(transactions.take_outcome(sent), None);
    let again = transactions.next(false).expect("the same question");
    let offsets = vec![offset(0), offset(1)];
    let same = Query::CommitOffsets { identity: FIRST, offsets, member, adds_itself: false };
    assert_eq!((again.query.clone(), again.is_retry), (same, true));
    transactions.on_sent(again);
    transactions.on_offsets_committed(&[("t".into(), 0, ErrorCode::NONE), ("t".into(), 1, ErrorCode::NONE)]);
    assert_eq!(transactions.take_outcome(sent), Some(Ok(())));
}

#[test]
fn a_consumer_that_its_group_no_longer_knows_spoils_the_transaction_and_not_the_producer() {
    let mut transactions = begun(V2);
    let sent = transactions.send_offsets(vec![offset(0)], GroupMember::of_group("till")).expect("fits");
    assert_eq!(ask(&mut transactions), Some(ApiKey::TxnOffsetCommit), "the coordinator adds the group itself");
    transactions.on_offsets_committed(&[("t".into(), 0, ErrorCode::ILLEGAL_GENERATION)]);
    let outcome = transactions.take_outcome(sent).expect("known").expect_err("refused");
    assert_eq!(class(&outcome), "CommitFailedException");
    assert_eq!(transactions.phase(), TransactionPhase::AbortableError);
    transactions.abort(V2).expect("that is what is left");
}

#[test]
fn rights_that_are_missing_fail_the_call_and_may_be_granted_later() {
    let mut transactions = Transactions::new("cashier".into());
    let init = transactions.init().expect("fits");
    let pending = transactions.next(false).expect("a question");
    transactions.on_sent(pending);
    transactions.on_initialized(ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED, FIRST);
    assert!(transactions.take_refusal_of_rights().is_some());
    let outcome = transactions.take_outcome(init).expect("known").expect_err("refused");
    assert_eq!(class(&outcome), "TransactionalIdAuthorizationException");
    transactions.init().expect("once more");
}

#[test]
fn a_call_that_is_not_over_is_the_only_one_that_may_be_repeated() {
    let mut transactions = Transactions::new("cashier".into());
    let init = transactions.init().expect("fits");
    assert_eq!(transactions.init(), Ok(init), "the same call, not another");
    for refused in [transactions.begin(), transactions.commit(V2).map(drop)] {
        assert_eq!(class(&refused.expect_err("init is not over")), "IllegalStateException");
    }
    transactions.shut(true);
    let outcome = transactions.take_outcome(init).expect("known").expect_err("given up");
    assert_eq!(outcome.to_string(), "The producer closed forcefully");
}

#[test]
fn a_cluster_that_learns_protocol_2_gives_a_new_epoch_before_it_is_used() {
    let mut transactions = begun(V1);
    transactions.add_partition(P0, || name(P0)).expect("fits");
    assert_eq!(ask(&mut transactions), Some(ApiKey::AddPartitionsToTxn));
    transactions.on_partitions_added(vec![added(P0, ErrorCode::NONE)]);
    transactions.commit(V2).expect("fits");
    let end = transactions.next(false).expect("a question");
    assert!(matches!(end.query, Query::EndTxn { bumps_epoch: false, .. }), "it ends as it began");
    transactions.on_sent(end);
    transactions.on_ended(ErrorCode::NONE, None);
    assert_eq!(transactions.phase(), TransactionPhase::Initializing);
    let bump = transactions.next(false).expect("a question");
    assert_eq!(bump.query, Query::InitProducerId { bump: Some(FIRST) });
    assert!(transactions.is_v2());
}

fn refused(code: ErrorCode) -> ProducerError {
    ProducerError::Broker { code, message: None }
}

/// Mirrors `TransactionManagerTest.testIsSendToPartitionAllowedWithPendingPartitionAfterAbortableError`: a partition
/// not asked for yet may not be sent to after an abortable error.
/// Mirrors `TransactionManagerTest.testIsSendToPartitionAllowedWithInFlightPartitionAddAfterAbortableError`: nor may
/// one that is being asked for.
/// Mirrors `TransactionManagerTest.testIsSendToPartitionAllowedWithAddedPartitionAfterAbortableError`: one that was
/// added may be sent to after an abortable error.
/// Mirrors `TransactionManagerTest.testIsSendToPartitionAllowedWithPendingPartitionAfterFatalError`: a partition not
/// asked for yet may not be sent to after a fatal error.
/// Mirrors `TransactionManagerTest.testIsSendToPartitionAllowedWithInFlightPartitionAddAfterFatalError`: nor may one
/// that is being asked for.
/// Mirrors `TransactionManagerTest.testIsSendToPartitionAllowedWithAddedPartitionAfterFatalError`: nor may one that was
/// added before the fatal error.
/// Mirrors `TransactionManagerTest.testIsSendToPartitionAllowedWithPartitionNotAdded`: a partition nobody wrote to may
/// not be sent to in a transaction.
#[test]
fn only_added_partitions_may_be_sent_to_and_none_after_a_fatal_error() {
    assert!(!begun(V1).may_send(P0));
    let steps: [fn(&mut Transactions); 3] = [
        |_| {},
        |transactions| assert_eq!(ask(transactions), Some(ApiKey::AddPartitionsToTxn)),
        |transactions| {
            assert_eq!(ask(transactions), Some(ApiKey::AddPartitionsToTxn));
            transactions.on_partitions_added(vec![added(P0, ErrorCode::NONE)]);
        },
    ];
    let walk = |code, phase| {
        steps.map(|step| {
            let mut transactions = begun(V1);
            transactions.add_partition(P0, || name(P0)).expect("fits");
            step(&mut transactions);
            transactions.on_batch_failed(&refused(code));
            assert_eq!(transactions.phase(), phase);
            transactions.may_send(P0)
        })
    };
    let abortable = walk(ErrorCode::TOPIC_AUTHORIZATION_FAILED, TransactionPhase::AbortableError);
    assert_eq!(abortable, [false, false, true], "pending, asked for, added");
    let fatal = walk(ErrorCode::CLUSTER_AUTHORIZATION_FAILED, TransactionPhase::FatalError);
    assert_eq!(fatal, [false; 3]);
}

/// Mirrors `TransactionManagerTest.testBackgroundInvalidStateTransitionIsFatal`: a batch that fails outside a
/// transaction, which cannot be, poisons the producer: that is a fatal error, and every call is an
/// IllegalStateException from then on.
#[test]
fn what_cannot_be_poisons_the_producer() {
    let mut transactions = ready(V1);
    transactions.on_batch_failed(&refused(ErrorCode::TOPIC_AUTHORIZATION_FAILED));
    assert_eq!(transactions.phase(), TransactionPhase::FatalError);
    let calls = [
        transactions.begin(),
        transactions.abort(V1).map(drop),
        transactions.commit(V1).map(drop),
        transactions.add_partition(P0, || name(P0)),
        transactions.init().map(drop),
        transactions.send_offsets(vec![offset(0)], GroupMember::of_group("till")).map(drop),
    ];
    let classes = calls.map(|call| class(&call.expect_err("poisoned")));
    assert_eq!(classes, ["IllegalStateException"; 6]);
}

/// The coordinator refused the first id with an error that an abort heals, and the program aborts.
fn aborted_without_an_id() -> (Transactions, CallNumber) {
    let mut transactions = Transactions::new("cashier".into());
    let init = transactions.init().expect("fits");
    let pending = transactions.next(false).expect("a question");
    transactions.on_sent(pending);
    transactions.on_initialized(ErrorCode::TRANSACTION_ABORTABLE, ProducerIdentity::NONE);
    assert_eq!(transactions.take_outcome(init), Some(Err(refused(ErrorCode::TRANSACTION_ABORTABLE))));
    let abort = transactions.abort(V2).expect("fits");
    assert_eq!(transactions.phase(), TransactionPhase::Initializing);
    (transactions, abort)
}

/// `TransactionManager.beginCompletingTransaction` where `initTransactions` failed: without an id its question for a new
/// epoch is one for the first id, which goes before the end, and `resetTransactionState` then leads nowhere.
#[test]
fn an_abort_without_an_id_asks_for_the_first_and_then_the_end_poisons_the_producer() {
    let (mut transactions, abort) = aborted_without_an_id();
    let question = transactions.next(false).expect("a question");
    assert_eq!(question.query, Query::InitProducerId { bump: None });
    transactions.on_sent(question);
    let granted = transactions.on_initialized(ErrorCode::NONE, FIRST);
    assert_eq!(granted, Some(Granted { identity: FIRST, restarts_sequences: false }));
    assert_eq!(transactions.take_outcome(abort), Some(Ok(())));
    assert_eq!(transactions.phase(), TransactionPhase::Ready);
    assert_eq!(ask(&mut transactions), None, "there is nothing to end");
    assert_eq!(transactions.phase(), TransactionPhase::FatalError);
    assert_eq!(class(&transactions.begin().expect_err("poisoned")), "IllegalStateException");
}

/// `TransactionManager.failPendingRequests` leaves the end in its queue, where it has its turn once the producer is as if new.
#[test]
fn an_abort_without_an_id_or_the_right_to_one_leaves_the_producer_waiting_for_an_id() {
    let (mut transactions, abort) = aborted_without_an_id();
    assert_eq!(ask(&mut transactions), Some(ApiKey::InitProducerId));
    let no_right = ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
    transactions.on_initialized(no_right, ProducerIdentity::NONE);
    assert_eq!(transactions.take_refusal_of_rights(), Some(refused(no_right)));
    assert_eq!(transactions.take_outcome(abort), Some(Err(refused(no_right))));
    assert_eq!(transactions.phase(), TransactionPhase::Uninitialized);
    assert_eq!(ask(&mut transactions), None, "there is nothing to end");
    assert_eq!(transactions.phase(), TransactionPhase::Initializing);
    assert_eq!(class(&transactions.init().expect_err("as if it were asked for")), "IllegalStateException");
}
