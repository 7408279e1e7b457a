//! Ids, epochs and sequences: nothing twice, nothing out of order.

use super::story::{Story, failed, record};
use crate::error::{ErrorCode, Persistence, ProducerError};
use crate::ids::{ConnectionId, ProducerIdentity};
use crate::io::{Input, OutgoingRequest, Stored};
use crate::producer::SendRefusal;
use crate::protocol::{InitProducerIdResponse, Request, Response};
use crate::trace::Fact;

fn started() -> Story {
    Story::new(&[("linger.ms", "0")]).started()
}

/// (values, base sequence, epoch) of each request that is out.
fn out(story: &Story) -> Vec<(String, i32, i16)> {
    let batches = story.carried.iter().flat_map(|carried| carried.batches());
    batches.map(|(_, values, sequence, epoch)| (values.concat(), sequence, epoch)).collect()
}

fn told(values: &str, sequence: i32, epoch: i16) -> (String, i32, i16) {
    (values.to_owned(), sequence, epoch)
}

fn wait_a_while(story: &mut Story) {
    let later = story.now_ms() + 2_000;
    story.at_ms(later);
}

#[test]
fn after_a_disconnect_batches_go_out_again_in_order_with_their_sequences() {
    let mut story = started();
    for value in ["a", "b", "c"] {
        story.put(0, value);
    }
    let carried = story.carried[0].clone();
    story.break_connection(&carried);
    wait_a_while(&mut story);
    assert_eq!(out(&story), [told("a", 0, 0)], "one at a time until all is well again");
    story.store(0);
    assert_eq!(out(&story), [told("b", 1, 0)]);
    story.store(1);
    assert_eq!(out(&story), [told("c", 2, 0)]);
    story.store(2);
    let order: Vec<_> = story.completed.iter().map(|completion| completion.batch.0).collect();
    assert_eq!(order, [0, 1, 2]);
}

#[test]
fn five_batches_are_out_at_once_and_never_a_sixth() {
    let mut story = started();
    let out_after = ["a", "b", "c", "d", "e", "f", "g"].map(|value| {
        story.put(0, value);
        story.carried.len()
    });
    assert_eq!(out_after, [1, 2, 3, 4, 5, 5, 5]);
    story.store(0);
    // What waited shares a batch.
    let expected = [("b", 1), ("c", 2), ("d", 3), ("e", 4), ("fg", 5)].map(|(values, first)| told(values, first, 0));
    assert_eq!(out(&story), expected, "one more for the one that came home");
}

#[test]
fn batches_behind_a_refused_one_come_back_out_of_order_and_are_put_in_order() {
    // Flow: one batch stored → three out → the first is refused, so the others are out of order for the broker.
    let mut story = started();
    story.put(0, "first");
    story.store(0);
    for value in ["a", "b", "c"] {
        story.put(0, value);
    }
    story.refuse(ErrorCode::NOT_ENOUGH_REPLICAS);
    story.refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    story.refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    wait_a_while(&mut story);
    for (value, sequence) in [("a", 1), ("b", 2), ("c", 3)] {
        assert_eq!(out(&story), [told(value, sequence, 0)]);
        story.store(i64::from(sequence));
    }
    assert!(story.completed.iter().all(|completion| completion.result.is_ok()));
}

#[test]
fn a_real_gap_bumps_the_epoch_and_renumbers_what_is_out() {
    let mut story = started();
    story.put(0, "first");
    story.store(0);
    story.put(0, "a");
    story.put(0, "b");
    story.refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    story.refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    wait_a_while(&mut story);
    assert_eq!(out(&story), [told("a", 0, 1)]);
    story.store(1);
    assert_eq!(out(&story), [told("b", 1, 1)]);
    let bumped = ProducerIdentity { id: 1_000, epoch: 1 };
    assert!(story.facts.contains(&Fact::IdentityChanged { identity: bumped }));
    let asked = story.asked.iter().filter(|asked| **asked == "InitProducerId").count();
    assert_eq!(asked, 1, "the broker is not asked for a bump");
}

#[test]
fn a_batch_refused_for_good_bumps_the_epoch_for_those_behind_it() {
    let mut story = started();
    story.put(0, "a");
    story.put(0, "b");
    story.refuse(ErrorCode::INVALID_RECORD);
    assert_eq!(story.completed[0].result.clone().expect_err("refused").persistence, Persistence::NotPersisted);
    story.refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    wait_a_while(&mut story);
    assert_eq!(out(&story), [told("b", 0, 1)]);
    story.store(0);
    story.put(0, "c");
    assert_eq!(out(&story), [told("c", 1, 1)]);
}

#[test]
fn a_batch_renumbered_and_sent_again_that_is_out_of_order_still_bumps_once_more() {
    // `ProducerBatch.close` forgets that the sequences were reset: the answer is one to the new ones.
    let mut story = started();
    story.put(0, "a");
    for epoch in 0..3 {
        assert_eq!(out(&story), [told("a", 0, epoch)]);
        story.refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
        wait_a_while(&mut story);
    }
}

#[test]
fn another_partition_keeps_its_epoch_until_its_batches_are_done() {
    let mut story = Story::with(2, 2, &[("linger.ms", "0")]).started();
    story.put(0, "a");
    story.put(1, "x");
    story.refuse(ErrorCode::INVALID_RECORD);
    story.put(1, "y");
    assert_eq!(out(&story), [told("x", 0, 0)], "y waits: x is out under the old epoch");
    story.store(0);
    assert_eq!(out(&story), [told("y", 0, 1)]);
}

/// Row 71: DUPLICATE_SEQUENCE_NUMBER.
#[test]
fn a_duplicate_is_a_success_without_an_offset() {
    let mut story = started();
    story.put(0, "a");
    story.refuse(ErrorCode::DUPLICATE_SEQUENCE_NUMBER);
    assert_eq!(story.completed[0].result, Ok(Stored { base_offset: -1, log_append_time_ms: None }));
    story.put(0, "b");
    assert_eq!(out(&story), [told("b", 1, 0)]);
}

#[test]
fn new_batches_wait_behind_one_that_expired_after_a_retry_then_begin_a_new_epoch() {
    let mut story =
        Story::new(&[("linger.ms", "0"), ("delivery.timeout.ms", "2000"), ("request.timeout.ms", "1900")]).started();
    story.put(0, "a");
    story.at_ms(1_500);
    story.refuse(ErrorCode::NOT_ENOUGH_REPLICAS);
    story.at_ms(1_990);
    assert_eq!(out(&story), [told("a", 0, 0)]);
    story.at_ms(2_000);
    assert_eq!(story.completed.len(), 1, "expired in flight");
    story.put(0, "b");
    assert_eq!(out(&story)[1..], [told("b", 0, 1)], "a may be stored or not, so b begins a new epoch");
}

#[test]
fn a_batch_that_expires_on_its_first_way_holds_nothing_back() {
    // Flow: the broker wants a pause → a waits in its queue for most of its time → it expires while it is out.
    let mut story =
        Story::new(&[("linger.ms", "0"), ("delivery.timeout.ms", "2000"), ("request.timeout.ms", "1900")]).started();
    story.put(0, "first");
    story.throttle(500);
    story.put(0, "a");
    story.at_ms(2_000);
    assert_eq!((out(&story), story.completed.len()), (vec![told("a", 1, 0)], 2));
    story.put(0, "b");
    assert_eq!(out(&story)[1..], [told("b", 2, 0)], "the broker will tell whether there is a gap");
}

#[test]
fn an_unknown_producer_id_is_healed_by_a_new_epoch() {
    let mut story = started();
    story.put(0, "a");
    story.store(0);
    story.put(0, "b");
    story.reply(|told| {
        told.error = ErrorCode::UNKNOWN_PRODUCER_ID;
        told.log_start_offset = 10;
    });
    wait_a_while(&mut story);
    assert_eq!(out(&story), [told("b", 0, 1)]);
}

/// Mirrors `SenderTest.testClusterAuthorizationExceptionInProduceRequest`: CLUSTER_AUTHORIZATION_FAILED for a batch
/// fails it with ClusterAuthorizationException and is fatal: records sent later meet it, too.
#[test]
fn without_rights_for_idempotence_the_producer_ends() {
    let mut story = started();
    story.put(0, "a");
    story.put(0, "b");
    story.refuse(ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
    let message = Some("The producer is not authorized to do idempotent sends".into());
    let error = ProducerError::Broker { code: ErrorCode::CLUSTER_AUTHORIZATION_FAILED, message };
    let errors: Vec<_> =
        story.completed.iter().map(|completion| completion.result.clone().expect_err("failed").error).collect();
    assert_eq!(errors, [error.clone(), error.clone()]);
    assert_eq!(error.java_class(), "ClusterAuthorizationException");
    assert_eq!(story.send(&record(0, "c")), Err(failed(Some(0), error)));
}

fn is_for_an_id(question: &(ConnectionId, OutgoingRequest)) -> bool {
    matches!(question.1.body, Request::InitProducerId(_))
}

/// Answers what was asked before the producer id, then the question for it.
fn answer_identity(story: &mut Story, error: ErrorCode, producer_id: i64, producer_epoch: i16) {
    while !is_for_an_id(&story.questions[0]) {
        story.answer_question();
        story.settle();
    }
    let (connection, request) = story.questions.pop_front().expect("there");
    let response =
        Response::InitProducerId(InitProducerIdResponse { throttle_time_ms: 0, error, producer_id, producer_epoch });
    story.input(Input::Received { connection, correlation: request.header.correlation, response });
}

/// A story in which the producer id has been asked for and not been granted.
fn without_id() -> Story {
    let mut story = Story::new(&[("linger.ms", "0")]);
    story.hold_questions = true;
    story.settle();
    while !story.questions.iter().any(is_for_an_id) {
        story.answer_question();
        story.settle();
    }
    story
}

/// Mirrors `SenderTest.testSenderShouldRetryWithBackoffOnRetriableError`: the first question for a producer id is asked
/// at once, the second and the third `retry.backoff.ms` after COORDINATOR_LOAD_IN_PROGRESS each.
///
/// Row 79: producer id −1 and no error is no answer.
#[test]
fn an_id_not_granted_is_asked_for_again_after_a_pause() {
    let mut story = without_id();
    assert_eq!(story.now_ms(), 0);
    answer_identity(&mut story, ErrorCode::COORDINATOR_LOAD_IN_PROGRESS, -1, -1);
    let asked = |story: &Story| story.asked.iter().filter(|asked| **asked == "InitProducerId").count();
    // The pause begins when there is a broker to ask.
    story.hold_questions = false;
    story.settle();
    story.hold_questions = true;
    story.at_ms(99);
    assert_eq!(asked(&story), 1);
    story.at_ms(100);
    assert_eq!(asked(&story), 2);
    for (questions, code, why) in [
        (2, ErrorCode::COORDINATOR_LOAD_IN_PROGRESS, "the pause does not grow"),
        (3, ErrorCode::NONE, "no error and no id is no answer"),
    ] {
        answer_identity(&mut story, code, -1, -1);
        let pause_over = story.now_ms() + 100;
        story.at_ms(pause_over - 1);
        assert_eq!(asked(&story), questions);
        story.at_ms(pause_over);
        assert_eq!(asked(&story), questions + 1, "{why}");
    }
    answer_identity(&mut story, ErrorCode::NONE, 7, 0);
    assert_eq!(story.identity().map(|identity| identity.id), Some(7));
}

#[test]
fn a_cluster_that_grants_no_rights_is_asked_again_at_once() {
    let mut story = without_id();
    let asked = story.asked.len();
    answer_identity(&mut story, ErrorCode::CLUSTER_AUTHORIZATION_FAILED, -1, -1);
    story.hold_questions = false;
    story.settle();
    assert_eq!(story.asked[asked..], ["ApiVersions", "InitProducerId"]);
    assert_eq!(story.now_ms(), 0);
}

/// Answers whatever was asked before the producer id.
fn answer_all_else(story: &mut Story) {
    while let Some(place) = story.questions.iter().position(|question| !is_for_an_id(question)) {
        story.questions.swap(0, place);
        story.answer_question();
        story.settle();
    }
}

/// Mirrors `SenderTest.testClusterAuthorizationExceptionInInitProducerIdRequest`: a refused question for a producer id
/// fails the record that waits for one with ClusterAuthorizationException and is not fatal: the question is asked
/// again, granted with epoch 0, and a later record is stored.
#[test]
fn rights_granted_later_let_later_records_through() {
    let mut story = Story::with(2, 1, &[("linger.ms", "0")]);
    story.hold_questions = true;
    story.settle();
    answer_all_else(&mut story);
    assert!(story.producer.partition_count(story.now(), "t").is_none());
    story.settle();
    answer_all_else(&mut story);
    let batch = story.put(0, "a");
    assert_eq!((story.fate(batch), story.carried.len()), (None, 0));
    answer_identity(&mut story, ErrorCode::CLUSTER_AUTHORIZATION_FAILED, 1_000, -1);
    assert_eq!(story.fate(batch), Some(Err("ClusterAuthorizationException")));
    assert_eq!((story.identity(), story.producer.identity.fatal_error()), (None, None));
    answer_all_else(&mut story);
    answer_identity(&mut story, ErrorCode::NONE, 1_000, 0);
    assert_eq!(story.identity(), Some(ProducerIdentity { id: 1_000, epoch: 0 }));
    let batch = story.put(0, "b");
    answer_all_else(&mut story);
    story.store(0);
    assert_eq!(story.fate(batch), Some(Ok(0)));
}

/// Row 79: epoch 32767 is the last one, and no overflow.
#[test]
fn when_the_epochs_are_used_up_a_new_id_is_asked_for() {
    let mut story = without_id();
    answer_identity(&mut story, ErrorCode::NONE, 5, i16::MAX);
    story.hold_questions = false;
    while !story.questions.is_empty() {
        story.answer_question();
    }
    story.settle();
    let mut story = story.started();
    story.put(0, "a");
    story.put(0, "b");
    assert_eq!(out(&story), [told("a", 0, i16::MAX), told("b", 1, i16::MAX)]);
    story.refuse(ErrorCode::INVALID_RECORD);
    story.refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    wait_a_while(&mut story);
    assert_eq!(out(&story), [told("b", 0, 0)]);
}

/// Class and sentence of the error with which `send` refuses the next record.
fn refusal(story: &mut Story) -> (&'static str, String) {
    match story.send(&record(0, "late")) {
        Err(SendRefusal::Failed { error, .. }) => (error.java_class(), error.to_string()),
        other => panic!("{other:?}"),
    }
}

/// The sentences are those of `TransactionManager.InitProducerIdHandler` and `maybeFailWithError`.
#[test]
fn an_id_refused_for_good_ends_the_producer_in_the_java_clients_words() {
    const FENCED: &str = "Producer with transactionalId 'null' and (producerId=-1, epoch=-1) has been fenced by another \
                          producer with the same transactionalId";
    for (code, class, sentence) in [
        (
            ErrorCode::INVALID_TXN_STATE,
            "KafkaException",
            "Unexpected error in InitProducerIdResponse; The producer attempted a transactional operation in an invalid state.",
        ),
        (ErrorCode::INVALID_PRODUCER_EPOCH, "ProducerFencedException", FENCED),
        (ErrorCode::PRODUCER_FENCED, "ProducerFencedException", FENCED),
    ] {
        let mut story = without_id();
        answer_identity(&mut story, code, -1, -1);
        assert_eq!(refusal(&mut story), (class, sentence.to_owned()), "{code}");
    }
}

#[test]
fn who_is_fenced_is_told_as_whom() {
    let mut story = started();
    story.put(0, "a");
    story.refuse(ErrorCode::PRODUCER_FENCED);
    let identity = "Producer with transactionalId 'null' and (producerId=1000, epoch=0) has been fenced";
    let (class, sentence) = refusal(&mut story);
    assert_eq!((class, sentence.starts_with(identity)), ("ProducerFencedException", true), "{sentence}");
}
