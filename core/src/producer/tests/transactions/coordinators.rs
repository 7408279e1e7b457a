//! Who coordinates is asked first, and asked again when it is gone.

use super::super::story::Story;
use super::stage::{CASHIER, FIRST, V1};
use crate::error::{ErrorCode, TransactionError, TransactionPhase};
use crate::ids::NodeId;
use crate::io::OutgoingRequest;
use crate::producer::TransactionTicket;
use crate::producer::transactions::Coordinator;
use crate::protocol::{ApiKey, Request};

const FIND: ApiKey = ApiKey::FindCoordinator;
const INIT: ApiKey = ApiKey::InitProducerId;

/// `initTransactions` was called, and who coordinates is asked.
fn initialising() -> (Story, TransactionTicket) {
    let mut story = Story::transactional(V1, &[]);
    let init = story.call_init().expect("fits");
    assert_eq!(story.question(), Some(FIND));
    (story, init)
}

fn coordinator(story: &Story) -> Option<NodeId> {
    let transactions = story.producer.transactions.as_ref().expect("it has them");
    Some(transactions.node_of(&Coordinator::Transaction)?.node)
}

/// Looks for the coordinator of the transactional id, and finds it.
fn find(story: &mut Story) {
    story.await_question();
    let asked = story.expect(FIND, ErrorCode::NONE);
    let Request::FindCoordinator(asked) = &asked.body else { panic!("{asked:?}") };
    assert_eq!((asked.key_type, &*asked.keys), (1, &[CASHIER.into()][..]));
    assert_eq!(coordinator(story), Some(NodeId(story.coordinator)));
}

/// The producer id is asked for, as it should be.
fn ask_for_an_id(story: &mut Story) {
    story.await_question();
    let Some(Request::InitProducerId(asked)) = story.asked_of_coordinators() else { panic!("{:?}", story.question()) };
    assert_eq!((asked.transactional_id.as_deref(), asked.transaction_timeout_ms), (Some(CASHIER), 1_121));
    assert_eq!((asked.producer_id, asked.producer_epoch), (-1, -1));
}

/// The question for an id is answered at last, and the call with it.
fn is_granted(story: &mut Story, init: TransactionTicket) {
    ask_for_an_id(story);
    assert_eq!((story.outcome(init), story.identity()), (None, None));
    story.expect(INIT, ErrorCode::NONE);
    assert_eq!((story.outcome(init), story.identity()), (Some(Ok(())), Some(FIRST)));
}

/// Mirrors `TransactionManagerTest.testDisconnectAndRetry`: when the connection breaks before FindCoordinator is
/// answered, no coordinator is known, and the question asked again finds it.
#[test]
fn a_search_for_the_coordinator_that_breaks_off_is_repeated() {
    let (mut story, _) = initialising();
    story.break_question();
    assert_eq!(coordinator(&story), None);
    find(&mut story);
}

/// Mirrors `TransactionManagerTest.testLookupCoordinatorOnDisconnectAfterSend`: a coordinator lost before it answered
/// is looked up again, and only the answer of the second round ends `initTransactions` and brings the id.
/// Mirrors `TransactionManagerTest.testLookupCoordinatorOnNotCoordinatorError`: after NOT_COORDINATOR it is looked up
/// again, and only the answer of the second round ends `initTransactions` and brings the id.
#[test]
fn a_coordinator_that_is_gone_is_looked_up_again() {
    let breaks: [fn(&mut Story); 2] =
        [Story::break_question, |story| _ = story.expect(INIT, ErrorCode::NOT_COORDINATOR)];
    for lose in breaks {
        let (mut story, init) = initialising();
        find(&mut story);
        ask_for_an_id(&mut story);
        lose(&mut story);
        assert_eq!((coordinator(&story), story.outcome(init), story.identity()), (None, None, None));
        find(&mut story);
        is_granted(&mut story, init);
    }
}

/// Mirrors `TransactionManagerTest.testLookupCoordinatorOnDisconnectBeforeSend`: a coordinator whose connection breaks
/// before the question for an id is on its way is looked up again, and then grants the id.
#[test]
fn a_coordinator_lost_before_it_was_asked_is_looked_up_again() {
    let (mut story, init) = initialising();
    find(&mut story);
    assert_eq!(story.question(), None, "the question waits out its pause");
    let connection = story.producer.connections.connection_to(NodeId(2)).expect("it was reached");
    story.refuse_connections = true;
    story.break_off(connection);
    story.pass(100);
    // Awake again, the sender asks before it hears that nobody is there.
    let (_, asked) = story.to_coordinators.pop_front().expect("in vain");
    assert_eq!(asked.header.api, INIT);
    assert_eq!((coordinator(&story), story.outcome(init), story.identity()), (None, None, None));
    story.refuse_connections = false;
    find(&mut story);
    is_granted(&mut story, init);
}

/// Mirrors `TransactionManagerTest.testCoordinatorNotAvailable`: FindCoordinator answered with
/// COORDINATOR_NOT_AVAILABLE is asked again, finds the coordinator, and the producer id is granted.
#[test]
fn a_coordinator_that_is_not_available_yet_is_asked_for_again() {
    let (mut story, init) = initialising();
    story.expect(FIND, ErrorCode::COORDINATOR_NOT_AVAILABLE);
    assert_eq!(coordinator(&story), None);
    find(&mut story);
    is_granted(&mut story, init);
}

/// Mirrors `TransactionManagerTest.testRetriableErrors`: FindCoordinator, InitProducerId, AddPartitionsToTxn and EndTxn
/// are each asked again after a retriable error, and the commit succeeds.
#[test]
fn every_question_is_asked_again_after_a_retriable_error() {
    for code in [
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode::REQUEST_TIMED_OUT,
        ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
        ErrorCode::CONCURRENT_TRANSACTIONS,
    ] {
        let again = |story: &mut Story, api, code| {
            story.await_question();
            let refused = story.expect(api, code);
            story.await_question();
            assert_eq!(story.asked_of_coordinators(), Some(&refused.body), "{code}");
        };
        let (mut story, init) = initialising();
        again(&mut story, FIND, code);
        find(&mut story);
        again(&mut story, INIT, code);
        is_granted(&mut story, init);
        story.call_begin().expect("fits");
        story.put(0, "a");
        again(&mut story, ApiKey::AddPartitionsToTxn, code);
        story.expect(ApiKey::AddPartitionsToTxn, ErrorCode::NONE);
        assert!(story.may_send(0));
        story.store(0);
        let commit = story.call_commit().expect("fits");
        again(&mut story, ApiKey::EndTxn, code);
        story.expect(ApiKey::EndTxn, ErrorCode::NONE);
        assert_eq!(story.outcome(commit), Some(Ok(())));
    }
}

/// Mirrors `TransactionManagerTest.testUnsupportedFindCoordinator`: brokers that cannot be asked who coordinates end
/// the producer with a fatal UnsupportedVersionException.
/// Mirrors `TransactionManagerTest.testUnsupportedInitTransactions`: so does a coordinator that cannot be asked for a
/// producer id; that it was found is no error yet.
#[test]
fn brokers_that_cannot_be_asked_end_the_producer() {
    for api in [FIND, INIT] {
        let mut story = Story::transactional_speaking(V1, &[(api, 100, 100)]);
        let init = story.call_init().expect("fits");
        if api == INIT {
            story.expect(FIND, ErrorCode::NONE);
            assert_eq!((coordinator(&story), story.last_error()), (Some(NodeId(2)), None));
            story.pass(100);
        }
        assert_eq!(story.question(), None);
        assert_eq!(story.outcome_class(init), Some("UnsupportedVersionException"));
        story.expect_fatal("UnsupportedVersionException");
    }
}

/// Mirrors `TransactionManagerTest.testTransactionalIdAuthorizationFailureInFindCoordinator`: the refusal is fatal, and
/// `initTransactions` ends in TransactionalIdAuthorizationException.
#[test]
fn without_rights_to_the_transactional_id_no_coordinator_is_found() {
    let (mut story, init) = initialising();
    story.expect(FIND, ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    assert_eq!(story.outcome_class(init), Some("TransactionalIdAuthorizationException"));
    story.expect_fatal("TransactionalIdAuthorizationException");
}

/// Mirrors `TransactionManagerTest.testTransactionalIdAuthorizationFailureInInitProducerId`: `initTransactions` ends in
/// TransactionalIdAuthorizationException, which is abortable: a commit is refused because of it, an abort is possible.
/// Mirrors `TransactionManagerTest.testTransactionAbortableExceptionInInitProducerId`: `initTransactions` ends in
/// TransactionAbortableException, which is abortable: a commit is refused because of it, an abort is possible.
#[test]
fn an_id_that_is_refused_leaves_only_an_abort() {
    for (code, class) in [
        (ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "TransactionalIdAuthorizationException"),
        (ErrorCode::TRANSACTION_ABORTABLE, "TransactionAbortableException"),
    ] {
        let (mut story, init) = initialising();
        find(&mut story);
        ask_for_an_id(&mut story);
        // Before the sender runs, which goes back to the beginning where rights are missing.
        story.hear(INIT, &|_, _| code);
        assert_eq!(story.outcome_class(init), Some(class));
        story.expect_abortable(class);
    }
}

/// Mirrors `TransactionManagerTest.testFindCoordinatorAllowedInAbortableErrorState`: a coordinator that turns out to be
/// none is looked up and found although an error asks for an abort, and that error stays.
#[test]
fn a_coordinator_is_looked_up_after_an_abortable_error_too() {
    let (mut story, _) = Story::written(V1, &[]);
    story.put(1, "b");
    assert_eq!(story.question(), Some(ApiKey::AddPartitionsToTxn));
    story.refuse(ErrorCode::TOPIC_AUTHORIZATION_FAILED);
    assert_eq!(story.phase(), TransactionPhase::AbortableError);
    story.expect(ApiKey::AddPartitionsToTxn, ErrorCode::NOT_COORDINATOR);
    assert_eq!(coordinator(&story), None);
    find(&mut story);
    assert_eq!(story.phase(), TransactionPhase::AbortableError);
}

/// Mirrors `SenderTest.testNodeNotReady`: a coordinator that is found but connected to late, and that then wants a
/// pause, gets the question for a producer id in the end and grants it.
#[test]
fn a_coordinator_that_is_not_ready_is_waited_for() {
    let (mut story, init) = initialising();
    story.coordinator = 3;
    story.hold_questions = true;
    find(&mut story);
    story.pass(5_000);
    assert_eq!((coordinator(&story), story.question()), (Some(NodeId(3)), None), "it has not said what it speaks");
    story.hold_questions = false;
    let now = story.now().instant();
    story.producer.connections.throttle(NodeId(3), 5_020, now);
    story.settle();
    story.pass(5_019);
    assert_eq!(story.question(), None);
    is_granted(&mut story, init);
}

/// Mirrors `SenderTest.senderThreadShouldNotGetStuckWhenThrottledAndAddingPartitionsToTxn`: a coordinator that wants a
/// pause of a second is asked for partitions when it is over, long before `request.timeout.ms`.
#[test]
fn a_coordinator_that_wants_a_pause_is_asked_after_it() {
    let mut story = Story::begun(V1, &[("request.timeout.ms", "5000")]);
    let now = story.now().instant();
    story.producer.connections.throttle(NodeId(2), 1_000, now);
    story.put(0, "a");
    assert_eq!(story.question(), None);
    assert_eq!(story.await_question(), 1_000);
    story.expect(ApiKey::AddPartitionsToTxn, ErrorCode::NONE);
}

/// Connections to which one request may be out, and none of whose questions is answered.
fn one_at_a_time(properties: &[(&str, &str)]) -> Story {
    let mut all = vec![("max.in.flight.requests.per.connection", "1"), ("linger.ms", "0")];
    all.extend(properties);
    let mut story = Story::new(&all);
    story.hold_questions = true;
    story.settle();
    story.answer_question();
    // What the bootstrap broker speaks is known; metadata is asked for, and takes the only place.
    story.settle();
    assert_eq!(story.asked, ["ApiVersions", "Metadata"]);
    story
}

/// The builder of the Java client's request throws "transaction timeout value is not positive" on its I/O thread, where it
/// is logged; the program waits out `max.block.ms`.
#[test]
fn without_a_positive_transaction_timeout_no_id_is_ever_asked_for() {
    for millis in ["-5", "0"] {
        let mut story = Story::transactional(V1, &[("transaction.timeout.ms", millis)]);
        let init = story.call_init().expect("fits");
        story.expect(FIND, ErrorCode::NONE);
        story.at_ms(story.now_ms() + 10_000);
        assert_eq!((story.question(), story.outcome(init)), (None, None), "{millis}");
        story.producer.close(story.now(), Some(core::time::Duration::ZERO));
        story.settle();
        assert_eq!(story.outcome(init), Some(Err(TransactionError::ShutDown.into())), "{millis}");
    }
}

/// Mirrors `SenderTest.testInitProducerIdWithMaxInFlightOne`: while the only broker owes an answer about metadata and
/// may be sent one request, who coordinates is not asked; after it everything is, and the id is granted.
#[test]
fn with_one_request_out_the_coordinator_is_asked_for_after_metadata() {
    let mut story = one_at_a_time(&[("transactional.id", CASHIER), ("transaction.timeout.ms", "1121")]);
    let init = story.call_init().expect("fits");
    assert_eq!((story.questions.len(), story.question()), (1, None));
    story.hold_questions = false;
    story.brokers = 2;
    story.settle();
    find(&mut story);
    is_granted(&mut story, init);
}

/// Mirrors `SenderTest.testIdempotentInitProducerIdWithMaxInFlightOne`: while the only broker owes an answer about
/// metadata and may be sent one request, no producer id is asked for; after it one is, and granted.
#[test]
fn with_one_request_out_an_id_is_asked_for_after_metadata() {
    let mut story = one_at_a_time(&[]);
    assert_eq!((story.questions.len(), story.identity()), (1, None));
    story.hold_questions = false;
    story.settle();
    assert!(story.asked.ends_with(&["InitProducerId"]), "{:?}", story.asked);
    assert_eq!(story.identity().map(|identity| (identity.id, identity.epoch)), Some((1_000, 0)));
}

/// Mirrors `SenderTest.testDoNotPollWhenNoRequestSent`: where the question for a producer id gives way to the one who
/// coordinates, nothing is waited for in between; only what was sent is.
#[test]
fn nothing_is_waited_for_where_nothing_was_asked() {
    use crate::io::Output;
    let mut story = Story::transactional(V1, &[]);
    story.producer.init_transactions(story.now()).expect("fits");
    // The question for an id gives way to the one who coordinates, in one go.
    let first = story.producer.poll_output(story.now());
    let is_about = |output: &Output, api| match output {
        Output::Transmit { request: OutgoingRequest { header, .. }, .. } => header.api == api,
        _ => false,
    };
    assert!(is_about(&first, FIND), "{first:?}");
    assert!(matches!(story.producer.poll_output(story.now()), Output::Wait { .. }));
}
