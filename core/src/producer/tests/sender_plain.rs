//! Courses of Kafka's `SenderTest` without idempotence: one batch and its answer, retries, errors and their words.

use super::story::{Story, record};
use crate::error::{ErrorCode, ProducerError};
use crate::io::{Input, Output};
use crate::producer::SendAttempt;
use crate::protocol::RecordError;
use crate::record::Record;
use crate::trace::Fact;

fn plain(more: &[(&'static str, &'static str)]) -> Story {
    let mut properties = vec![("enable.idempotence", "false"), ("linger.ms", "0")];
    properties.extend(more);
    Story::new(&properties).started()
}

/// Mirrors `SenderTest.testSimple`: one record is one request in flight; after its answer none is, and the record has
/// the offset told.
#[test]
fn a_record_is_sent_once_and_gets_its_offset() {
    let mut story = plain(&[]);
    let batch = story.put(0, "value");
    assert_eq!((story.carried.len(), story.fate(batch)), (1, None));
    story.store(0);
    assert_eq!((story.carried.len(), story.fate(batch)), (0, Some(Ok(0))));
    assert!(!story.producer.connections.has_in_flight());
}

/// The connection of the only batch breaks.
fn disconnect(story: &mut Story) {
    let carried = story.carried[0].clone();
    story.break_connection(&carried);
    assert!(story.carried.is_empty());
}

/// Mirrors `SenderTest.testRetries`: with one retry, a batch whose connection breaks is sent again and stored; one
/// whose connection breaks twice fails with NetworkException and is not sent a third time.
#[test]
fn a_batch_is_sent_again_as_often_as_retries_say() {
    let mut story = plain(&[("retries", "1")]);
    let batch = story.put(0, "value");
    disconnect(&mut story);
    assert_eq!(story.fate(batch), None);
    story.await_batch();
    story.store(0);
    assert_eq!((story.fate(batch), story.carried.len()), (Some(Ok(0)), 0));

    let batch = story.put(0, "value");
    disconnect(&mut story);
    assert_eq!(story.fate(batch), None);
    story.await_batch();
    disconnect(&mut story);
    assert_eq!(story.fate(batch), Some(Err("NetworkException")));
    story.pass(2_000);
    assert!(story.carried.is_empty());
}

/// Mirrors `SenderTest.testAppendInExpiryCallback`: the ten records of a batch that expires unsent are all told, by
/// TimeoutException, and ten records sent in that moment are together in the next batch.
#[test]
fn records_can_be_sent_while_others_are_told_that_they_expired() {
    let mut story = plain(&[
        ("delivery.timeout.ms", "2000"),
        ("request.timeout.ms", "1900"),
        ("metadata.recovery.strategy", "none"),
    ]);
    story.refuse_connections = true;
    story.break_all();
    let first = story.put_together(0, 10);
    let deadline = story.now_ms() + 2_000;
    story.at_ms(deadline - 1);
    story.now_us = deadline * 1_000;
    story.producer.handle_input(story.now(), Input::Wake);
    let completion = loop {
        match story.producer.poll_output(story.now()) {
            Output::Completed(completion) => break completion,
            Output::Wait { .. } => panic!("nothing expired"),
            _ => {}
        }
    };
    assert_eq!((completion.batch, completion.record_count), (first, 10));
    let error = completion.result.expect_err("expired").error;
    assert_eq!(error.java_class(), "TimeoutException");
    assert!(error.to_string().contains("The request has not been sent, or no server response has been received yet."));
    let again: Vec<_> = (0..10)
        .map(|_| story.producer.send(story.now(), &mut SendAttempt::default(), &record(0, "v")).expect("taken"))
        .collect();
    assert!(again.iter().all(|sent| sent.batch == again[0].batch && sent.batch != first));
    assert_eq!(again.last().map(|sent| sent.index), Some(9));
    story.settle();
    assert_eq!(story.fate(again[0].batch), None);
}

fn knows_the_topic(story: &Story) -> bool {
    let topic = story.producer.topics.find("t");
    topic.is_some_and(|topic| story.producer.metadata.leaders().any(|(known, _)| known == topic))
}

/// Mirrors `SenderTest.testMetadataTopicExpiry`: a topic is in metadata once it is sent to, stays there while it is
/// used, is gone with the first refresh after a minute without use, and is back, and its record stored, when it is sent
/// to.
#[test]
fn a_topic_that_was_forgotten_is_learned_again() {
    let mut story = plain(&[("metadata.max.idle.ms", "60000"), ("metadata.max.age.ms", "20000")]);
    let batch = story.put(0, "a");
    assert!(knows_the_topic(&story));
    story.store(0);
    assert_eq!((story.fate(batch), knows_the_topic(&story)), (Some(Ok(0)), true));
    story.pass(20_000);
    assert!(knows_the_topic(&story));
    story.pass(60_000);
    assert!(!knows_the_topic(&story));
    let mut attempt = SendAttempt::default();
    assert!(story.try_send(&mut attempt, &record(0, "b")).is_err(), "it waits for metadata");
    story.settle();
    assert!(knows_the_topic(&story));
    let batch = story.try_send(&mut attempt, &record(0, "b")).expect("taken").batch;
    story.store(1);
    assert_eq!(story.fate(batch), Some(Ok(1)));
}

/// Mirrors `SenderTest.testCanRetryWithoutIdempotence`: a request without idempotence carries neither id nor sequence,
/// and TOPIC_AUTHORIZATION_FAILED ends its record in TopicAuthorizationException.
#[test]
fn without_idempotence_there_are_no_sequences() {
    let mut story = plain(&[]);
    let batch = story.put(0, "value");
    assert_eq!(story.fate(batch), None);
    let carried = story.refuse(ErrorCode::TOPIC_AUTHORIZATION_FAILED);
    assert_eq!(carried.batches(), [(0, vec!["value".to_owned()], -1, -1)]);
    assert_eq!(story.fate(batch), Some(Err("TopicAuthorizationException")));
}

/// Mirrors `SenderTest.testRecordErrorPropagatedToApplication`: of five records, those named in the answer get
/// InvalidRecordException with their own sentence, or the class's where they have none; the others a KafkaException.
#[test]
fn records_that_the_broker_names_get_its_words() {
    let mut story = plain(&[]);
    let batch = story.put_together(0, 5);
    let error = |batch_index, message: Option<&str>| RecordError { batch_index, message: message.map(Into::into) };
    story.reply(|told| {
        told.error = ErrorCode::INVALID_RECORD;
        told.record_errors = vec![error(0, Some("0")), error(2, Some("2")), error(3, None)];
    });
    assert_eq!(story.fate(batch), Some(Err("KafkaException")));
    let failure = story.completed[0].result.clone().expect_err("refused");
    let named: Vec<_> =
        failure.record_errors.iter().map(|(index, error)| (*index, error.java_class(), error.to_string())).collect();
    let own = ErrorCode::INVALID_RECORD.java_message();
    let invalid = |index, words: &str| (index, "InvalidRecordException", words.to_owned());
    assert_eq!(named, [invalid(0, "0"), invalid(2, "2"), invalid(3, own)]);
    assert_eq!(own, "This record has failed the validation on broker and hence will be rejected.");
}

/// `Sender.failBatch`: several records named in an answer are invalid, and what is said of one without a sentence of its own
/// is the answer's, or that of its error.
#[test]
fn a_record_named_without_a_word_has_the_sentence_of_the_answer() {
    let error = ErrorCode::INVALID_TIMESTAMP;
    let of_the_code = "The timestamp of the message is out of acceptable range.";
    for (said, expected) in [(None, of_the_code), (Some("too old"), "too old")] {
        let mut story = plain(&[]);
        story.put_together(0, 2);
        story.reply(|told| {
            (told.error, told.error_message) = (error, said.map(Into::into));
            told.record_errors = [0, 1].map(|batch_index| RecordError { batch_index, message: None }).into();
        });
        let failure = story.completed[0].result.clone().expect_err("refused");
        let named: Vec<_> =
            failure.record_errors.iter().map(|(_, error)| (error.java_class(), error.to_string())).collect();
        assert_eq!(named, [0, 1].map(|_| ("InvalidRecordException", expected.to_owned())));
    }
}

/// Mirrors `SenderTest.testDefaultErrorMessage`: a batch refused with INVALID_REQUEST and no sentence fails with
/// InvalidRequestException in that class's words.
/// Mirrors `SenderTest.testCustomErrorMessage`: with a sentence of the broker's it fails with InvalidRequestException
/// in the broker's words.
#[test]
fn a_refusal_is_told_in_the_brokers_words_where_it_has_some() {
    for message in [None, Some("testCustomErrorMessage")] {
        let mut story = plain(&[]);
        story.send(&Record { key: Some(b"key"), ..record(0, "value") }).expect("taken");
        story.reply(|told| (told.error, told.error_message) = (ErrorCode::INVALID_REQUEST, message.map(Into::into)));
        let error = story.completed[0].result.clone().expect_err("refused").error;
        assert_eq!(error.java_class(), "InvalidRequestException");
        let default = "This most likely occurs because of a request being malformed by the client library or the message was sent to an incompatible broker. See the broker logs for more details.";
        assert_eq!(error.to_string(), message.unwrap_or(default));
    }
}

/// Mirrors `SenderTest.testNoDoubleDeallocation`: a batch that expires and whose request times out after that gives its
/// memory back once, and nothing is in flight any more.
#[test]
fn memory_comes_back_once() {
    let mut story = plain(&[("delivery.timeout.ms", "5000"), ("request.timeout.ms", "5000")]);
    let batch = story.put(0, "value");
    assert_eq!(story.producer.memory_used(), 16_384);
    story.carried.clear();
    story.pass(5_000);
    assert_eq!((story.fate(batch), story.producer.memory_used()), (Some(Err("TimeoutException")), 16_384));
    story.pass(1);
    assert_eq!((story.producer.memory_used(), story.producer.connections.has_in_flight()), (0, false));
    story.pass(5_000);
    assert_eq!((story.producer.memory_used(), story.carried.len()), (0, 0));
    let freed = story.facts.iter().filter(|fact| matches!(fact, Fact::MemoryUsed { used_bytes: 0 })).count();
    assert_eq!(freed, 1);
}

/// Mirrors `SenderTest.testNoBufferReuseWhenBatchExpires`: the buffer of a batch that expired in flight is not given to
/// the next batch: its memory stays taken, and its bytes stay what they were, until its request is over.
#[test]
fn the_buffer_of_a_batch_that_expired_in_flight_is_not_written_over() {
    let properties = [("delivery.timeout.ms", "2000"), ("request.timeout.ms", "2000"), ("retries", "5")];
    let mut story = plain(&properties);
    story.put(0, "first");
    story.store(0);
    let at = story.now_ms();
    let expired = story.put(0, "second");
    story.at_ms(at + 1_999);
    story.now_us = (at + 2_000) * 1_000;
    story.producer.begin_round(story.now());
    let next = story.append("t", 0);
    story.settle();
    assert_eq!((story.fate(expired), story.fate(next)), (Some(Err("TimeoutException")), None));
    assert_eq!(story.producer.memory_used(), 2 * 16_384);
    assert_eq!(story.carried_values(), ["second", "v"]);
    let bytes = |place: usize| story.carried[place].body().topics[0].partitions[0].records.as_ptr();
    assert_ne!(bytes(0), bytes(1));
    assert!(
        matches!(story.completed.last().map(|told| &told.result), Some(Err(failure)) if is_timeout(&failure.error))
    );
}

fn is_timeout(error: &ProducerError) -> bool {
    matches!(error, ProducerError::DeliveryTimeout { .. })
}
