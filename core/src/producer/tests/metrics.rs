//! What is counted when, and what is not: the traps of the Java client's metrics.

use core::time::Duration;

use crate::error::ErrorCode;
use crate::io::{DisconnectReason, Input};
use crate::metrics::{LoopTimes, Metric, MetricValue, TimedCall};
use crate::producer::SendAttempt;
use crate::protocol::{ApiVersionsResponse, Response};
use crate::record::Record;
use crate::versions::advertised_versions;

use super::story::{MIDNIGHT, Story, record};

/// A producer that counts from the beginning.
fn counting(properties: &[(&str, &str)]) -> Story {
    count(Story::new(properties))
}

fn count(mut story: Story) -> Story {
    let now = story.now();
    story.producer = story.producer.metered(now);
    story
}

/// As [`counting`]; everything that can be known is.
fn started(properties: &[(&str, &str)]) -> Story {
    counting(properties).started()
}

impl Story {
    fn metrics(&mut self) -> Vec<Metric> {
        self.producer.metrics(self.now())
    }

    /// A metric of the producer; of topic "t" with a name like `t/byte-total`, of broker 1 with one like `1/request-rate`.
    fn metric(&mut self, name: &str) -> f64 {
        let (group, name) = match name.split_once('/') {
            Some(("t", name)) => ("producer-topic-metrics", name),
            Some((_, name)) => ("producer-node-metrics", name),
            None => ("producer-metrics", name),
        };
        let is_meant = |metric: &&Metric| {
            let tag = metric.tags.get(1).is_none_or(|(_, tag)| ["t", "node-1"].contains(&&**tag));
            (metric.group, metric.name) == (group, name) && tag
        };
        let metrics = self.metrics();
        let metric = metrics.iter().find(is_meant);
        metric.and_then(|metric| metric.value.as_number()).unwrap_or_else(|| panic!("{group} has no {name}"))
    }

    fn has(&mut self, name: &str) -> bool {
        self.metrics().iter().any(|metric| metric.name == name)
    }

    #[track_caller]
    fn measures<const N: usize>(&mut self, expected: [(&str, f64); N]) {
        let told = expected.map(|(name, _)| (name, self.metric(name)));
        assert_eq!(told, expected);
    }
}

#[test]
fn a_producer_counts_only_if_it_was_told_to() {
    let mut story = Story::new(&[]).started();
    story.put(0, "a");
    assert_eq!(story.metrics(), []);
}

/// The templates of `SenderMetricsRegistry`, first the client's, then a topic's.
const OF_THE_SENDER: [&str; 22] = [
    "batch-size-avg",
    "batch-size-max",
    "batch-split-rate",
    "batch-split-total",
    "compression-rate-avg",
    "metadata-age",
    "produce-throttle-time-avg",
    "produce-throttle-time-max",
    "record-error-rate",
    "record-error-total",
    "record-queue-time-avg",
    "record-queue-time-max",
    "record-retry-rate",
    "record-retry-total",
    "record-send-rate",
    "record-send-total",
    "record-size-avg",
    "record-size-max",
    "records-per-request-avg",
    "request-latency-avg",
    "request-latency-max",
    "requests-in-flight",
];
const OF_A_TOPIC: [&str; 9] = [
    "byte-rate",
    "byte-total",
    "compression-rate",
    "record-error-rate",
    "record-error-total",
    "record-retry-rate",
    "record-retry-total",
    "record-send-rate",
    "record-send-total",
];

/// Mirrors `SenderTest.testSenderMetricsTemplates`: once a record was sent, every template has its metric and only one,
/// those of topics too, each with the tags of its kind; no topic has one without a template. That the producer has none
/// beyond the templates of others (`BufferPool`, `Selector`, …) the judge of metrics says, who runs the Java client.
#[test]
fn a_topic_has_metrics_from_its_first_drain_on_and_a_broker_from_its_first_connection_on() {
    let mut story = started(&[("linger.ms", "0"), ("client.id", "clientA")]);
    assert!(!story.has("byte-total"));
    story.put(0, "a");
    let metrics = story.metrics();
    let tags = |group: &str| {
        let mut tags: Vec<String> = Vec::new();
        for metric in metrics.iter().filter(|metric| metric.group == group) {
            tags.push(metric.tags.iter().map(|(tag, value)| format!("{tag}={value} ")).collect());
        }
        tags.dedup();
        tags
    };
    let names = |group: &str| {
        let of_group = metrics.iter().filter(|metric| metric.group == group);
        let mut names: Vec<_> = of_group.map(|metric| metric.name).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names("producer-topic-metrics"), OF_A_TOPIC);
    let mut of_the_sender = names("producer-metrics");
    of_the_sender.retain(|name| OF_THE_SENDER.contains(name));
    assert_eq!(of_the_sender, OF_THE_SENDER);
    assert_eq!(tags("producer-metrics"), ["client-id=clientA "]);
    assert_eq!(tags("producer-topic-metrics"), ["client-id=clientA topic=t "]);
    let of_nodes = ["client-id=clientA node-id=node--1 ", "client-id=clientA node-id=node-1 "];
    assert_eq!(tags("producer-node-metrics"), of_nodes);
    let count = metrics.iter().find(|metric| metric.group == "kafka-metrics-count").expect("there");
    assert_eq!(count.value, MetricValue::Number(metrics.len() as f64), "itself included");
}

#[test]
fn records_that_are_sent_again_count_again() {
    // Flow: two records → refused → back-off → sent again → stored.
    let mut story = started(&[("linger.ms", "5")]);
    story.put(0, "a");
    story.put(0, "b");
    story.at_ms(5);
    story.measures([("record-send-total", 2.0), ("record-retry-total", 0.0), ("t/record-send-total", 2.0)]);
    story.refuse(ErrorCode::NOT_ENOUGH_REPLICAS);
    story.at_ms(1_000);
    story.store(0);
    story.measures([("record-send-total", 4.0), ("t/record-send-total", 4.0), ("records-per-request-avg", 2.0)]);
    story.measures([("record-retry-total", 2.0), ("t/record-retry-total", 2.0), ("record-error-total", 0.0)]);
}

#[test]
fn a_batch_that_fails_counts_each_of_its_records_and_a_record_that_send_refuses_counts_one() {
    let mut story = started(&[("linger.ms", "5"), ("max.request.size", "200")]);
    for value in ["a", "b", "c"] {
        story.put(0, value);
    }
    story.at_ms(5);
    story.refuse(ErrorCode::INVALID_TOPIC_EXCEPTION);
    story.measures([("record-error-total", 3.0), ("t/record-error-total", 3.0)]);
    story.send(&record(0, &"x".repeat(200))).expect_err("too large");
    story.measures([("record-error-total", 4.0), ("t/record-error-total", 3.0)]);
    story.send(&record(-1, "d")).expect_err("an IllegalArgumentException, none of Kafka's");
    story.measures([("record-error-total", 4.0)]);
}

#[test]
fn a_batch_that_expired_counts_once_more_when_its_request_fails() {
    let properties = [("linger.ms", "0"), ("delivery.timeout.ms", "1000"), ("request.timeout.ms", "1000")];
    let mut story = started(&properties);
    story.put(0, "a");
    let carried = story.carried[0].clone();
    story.at_ms(1_000);
    story.measures([("record-error-total", 1.0)]);
    story.break_connection(&carried);
    story.measures([("record-error-total", 2.0), ("t/record-error-total", 2.0)]);
}

#[test]
fn what_is_aborted_by_closing_is_no_error() {
    let mut story = started(&[("linger.ms", "0")]);
    story.put(0, "in flight");
    story.put(0, "queued");
    story.producer.close(story.now(), Some(Duration::ZERO));
    story.settle();
    assert!(story.producer.is_closed());
    assert!(story.completed.iter().all(|completion| completion.result.is_err()));
    story.measures([("record-error-total", 0.0)]);
}

#[test]
fn a_record_s_size_is_the_upper_bound_of_its_batch_s_largest() {
    // 61 bytes of a batch, at most 21 of a record, lengths of key, value and headers, and 5, 1 and 3 of the value.
    let mut story = started(&[("linger.ms", "5")]);
    for value in ["hello", "a"] {
        story.put(0, value);
    }
    story.at_ms(5);
    story.put(0, "two");
    story.at_ms(10);
    story.measures([("record-size-max", 90.0), ("record-size-avg", f64::midpoint(90.0, 88.0))]);
}

#[test]
fn a_batch_counts_its_bytes_and_how_long_it_waited() {
    let mut story = started(&[("linger.ms", "7")]);
    story.put(0, "a");
    story.at_ms(7);
    let bytes = story.carried[0].body().topics[0].partitions[0].records.len() as f64;
    story.measures([("batch-size-avg", bytes), ("batch-size-max", bytes), ("t/byte-total", bytes)]);
    story.measures([("record-queue-time-max", 7.0), ("compression-rate-avg", 1.0), ("t/compression-rate", 1.0)]);
    story.at_ms(30);
    assert!(story.metric("request-latency-avg").is_nan(), "no answer yet");
    story.measures([("requests-in-flight", 1.0)]);
    story.store(0);
    story.measures([("request-latency-max", 23.0), ("1/request-latency-avg", 23.0), ("requests-in-flight", 0.0)]);
}

/// Mirrors `SenderTest.testQuotaMetrics`: pauses of 400 (ApiVersions), 100, 200 and 300 ms have the average 250 and the
/// maximum 400.
#[test]
fn a_pause_that_any_answer_asks_for_counts() {
    let mut story = Story::new(&[("linger.ms", "0"), ("acks", "1"), ("enable.idempotence", "false")]);
    story.producer.partition_count(story.now(), "t");
    story.settle();
    story.hold_questions = true;
    let sent = story.send(&record(0, "a"));
    sent.expect("taken");
    story = count(story);
    let (connection, request) = story.questions.pop_front().expect("broker 1 is asked what it speaks");
    let answer = ApiVersionsResponse {
        throttle_time_ms: 400,
        api_keys: advertised_versions(),
        ..ApiVersionsResponse::default()
    };
    let correlation = request.header.correlation;
    story.input(Input::Received { connection, correlation, response: Response::ApiVersions(answer) });
    story.at_ms(story.now_ms() + 400);
    for (millis, next) in [(100, "b"), (200, "c"), (300, "d")] {
        story.throttle(millis);
        story.put(0, next);
        story.at_ms(story.now_ms() + 300);
    }
    story.measures([("produce-throttle-time-avg", 250.0), ("produce-throttle-time-max", 400.0)]);
}

#[test]
fn an_average_of_pauses_is_diluted_by_answers_that_ask_for_none() {
    let mut story = started(&[("linger.ms", "0")]);
    story.put(0, "a");
    story.throttle(500);
    let answers = story.asked.len() as f64;
    story.measures([("produce-throttle-time-avg", 500.0 / (answers + 1.0)), ("produce-throttle-time-max", 500.0)]);
}

#[test]
fn metadata_is_as_old_as_the_clock_before_any_came() {
    let mut story = counting(&[]);
    story.at_ms(500);
    story.measures([("metadata-age", (MIDNIGHT + 500) as f64 / 1_000.0)]);
    let mut story = story.started();
    story.at_ms(2_250);
    story.measures([("metadata-age", 1.75)]);
}

#[test]
fn a_send_that_waits_for_memory_counts_its_time_and_one_that_waits_in_vain_is_exhausted() {
    // Flow: one batch takes all memory → a second send waits 30 ms and gets it → a third waits out max.block.ms.
    let sizes = [("batch.size", "100"), ("buffer.memory", "100"), ("linger.ms", "0"), ("max.block.ms", "50")];
    let mut story = started(&sizes);
    story.put(0, "a");
    story.measures([("buffer-total-bytes", 100.0), ("buffer-available-bytes", 0.0), ("waiting-threads", 0.0)]);
    let (mut second, mut third) = (SendAttempt::default(), SendAttempt::default());
    story.try_send(&mut second, &record(0, "b")).expect_err("waits");
    story.measures([("waiting-threads", 1.0), ("bufferpool-wait-time-ns-total", 0.0)]);
    story.at_ms(30);
    story.store(0);
    story.try_send(&mut second, &record(0, "b")).expect("memory came");
    story.measures([("waiting-threads", 0.0), ("bufferpool-wait-time-ns-total", 30e6)]);
    story.try_send(&mut third, &record(0, "c")).expect_err("waits");
    story.at_ms(80);
    story.try_send(&mut third, &record(0, "c")).expect_err("in vain");
    story.measures([("bufferpool-wait-time-ns-total", 80e6), ("buffer-exhausted-total", 1.0)]);
    // Over a window and the 80 ms since it was read first.
    story.measures([("record-error-total", 1.0), ("buffer-exhausted-rate", 1.0 / 30.08)]);
    let mut fourth = SendAttempt::default();
    story.try_send(&mut fourth, &record(0, "d")).expect_err("waits");
    story.at_ms(85);
    story.producer.abandon(story.now(), fourth);
    story.measures([
        ("bufferpool-wait-time-ns-total", 85e6),
        ("buffer-exhausted-total", 1.0),
        ("waiting-threads", 0.0),
    ]);
}

#[test]
fn a_send_that_waits_for_metadata_counts_its_time_if_it_comes() {
    let mut story = counting(&[("max.block.ms", "50")]);
    story.hold_questions = true;
    let mut first = SendAttempt::default();
    story.try_send(&mut first, &record(0, "a")).expect_err("waits");
    story.at_ms(20);
    story.hold_questions = false;
    story.settle();
    story.try_send(&mut first, &record(0, "a")).expect("metadata came");
    story.measures([("metadata-wait-time-ns-total", 20e6)]);
    let mut second = SendAttempt::default();
    let elsewhere = Record { topic: "unknown", ..record(0, "b") };
    story.hold_questions = true;
    story.try_send(&mut second, &elsewhere).expect_err("waits");
    story.at_ms(70);
    story.try_send(&mut second, &elsewhere).expect_err("in vain");
    story.measures([("metadata-wait-time-ns-total", 20e6), ("record-error-total", 1.0)]);
}

#[test]
fn connections_that_stand_and_that_end_are_counted() {
    let mut story = started(&[]);
    story.put(0, "a");
    story.at_ms(5);
    story.measures([("connection-creation-total", 2.0), ("connection-count", 2.0), ("connection-close-total", 0.0)]);
    let connection = story.carried[0].connection;
    story.input(Input::Disconnected { connection, why: DisconnectReason::ClosedByPeer });
    story.measures([("connection-close-total", 1.0), ("connection-count", 1.0)]);
}

#[test]
fn a_split_is_counted() {
    let mut story = started(&[("linger.ms", "5"), ("batch.size", "100")]);
    story.put(0, "a");
    story.put(0, "b");
    story.at_ms(5);
    assert_eq!(story.carried_values(), ["ab"]);
    story.refuse(ErrorCode::MESSAGE_TOO_LARGE);
    story.measures([("batch-split-total", 1.0), ("record-retry-total", 0.0), ("record-error-total", 0.0)]);
}

/// Mirrors `KafkaProducerMetricsTest.shouldRecordFlushTime`: what is recorded of flush is its metric's value.
/// Mirrors `KafkaProducerMetricsTest.shouldRecordInitTime`: what is recorded of initTransactions is its metric's value.
/// Mirrors `KafkaProducerMetricsTest.shouldRecordTxBeginTime`: what is recorded of beginTransaction is its metric's value.
/// Mirrors `KafkaProducerMetricsTest.shouldRecordSendOffsetsTime`: what is recorded of sendOffsetsToTransaction is its metric's value.
/// Mirrors `KafkaProducerMetricsTest.shouldRecordTxCommitTime`: what is recorded of commitTransaction is its metric's value.
/// Mirrors `KafkaProducerMetricsTest.shouldRecordTxAbortTime`: what is recorded of abortTransaction is its metric's value.
/// Mirrors `KafkaProducerMetricsTest.shouldRecordMetadataWaitTime`: what is recorded of partitionsFor is its metric's value.
/// And further times are added.
#[test]
fn the_time_of_a_call_adds_up_under_its_name() {
    let mut story = counting(&[]);
    for (call, name) in [
        (TimedCall::Flush, "flush-time-ns-total"),
        (TimedCall::InitTransactions, "txn-init-time-ns-total"),
        (TimedCall::BeginTransaction, "txn-begin-time-ns-total"),
        (TimedCall::SendOffsets, "txn-send-offsets-time-ns-total"),
        (TimedCall::CommitTransaction, "txn-commit-time-ns-total"),
        (TimedCall::AbortTransaction, "txn-abort-time-ns-total"),
        (TimedCall::PartitionsFor, "metadata-wait-time-ns-total"),
    ] {
        story.measures([(name, 0.0)]);
        story.producer.note_call(story.now(), call, Duration::from_nanos(123));
        story.measures([(name, 123.0)]);
        story.producer.note_call(story.now(), call, Duration::from_nanos(7));
        story.measures([(name, 130.0)]);
    }
}

/// What `Selector.poll` records with `selectTime` and `ioTime`, by what `Avg` and a `Meter` of nanoseconds make of it: one window
/// more than has passed is what a young ratio is over.
#[test]
fn a_driver_s_thread_tells_how_it_waits_and_does_io() {
    let mut story = started(&[]);
    assert!(story.producer.times_loop());
    assert!(story.metric("io-time-ns-avg").is_nan() && story.metric("io-wait-time-ns-avg").is_nan());
    story.measures([("io-ratio", 0.0), ("io-wait-time-ns-total", 0.0)]);
    for (selects, waited, io) in [(1, 7_000, 100), (3, 5_000, 500), (0, 0, 60)] {
        let times = LoopTimes { selects, waited: Duration::from_micros(waited), io: Duration::from_micros(io) };
        story.producer.note_loop(story.now(), times);
    }
    story.measures([
        ("select-total", 4.0),
        ("io-wait-time-ns-total", 12e6),
        ("io-wait-time-ns-avg", 3e6),
        ("io-wait-ratio", 12.0 / 30_000.0),
        ("io-time-ns-total", 660e3),
        ("io-time-ns-avg", 165e3),
        ("io-ratio", 0.66 / 30_000.0),
    ]);
}

#[test]
fn of_a_driver_without_a_thread_of_its_own_nothing_is_said_of_waiting_and_io() {
    let mut story = started(&[]);
    story.producer.note_turn(story.now());
    story.measures([("select-total", 1.0)]);
    let told = story.metrics();
    assert!(!told.iter().any(|metric| metric.name.starts_with("io-")));
    let mut unmetered = Story::new(&[]);
    assert!(!unmetered.producer.times_loop(), "nor need one with a thread measure it for nobody");
}

/// Mirrors `KafkaProducerMetricsTest.shouldRemoveMetricsOnClose`: none of the calls' metrics is left. Nor, as the Java client's
/// selector has it, any of the connections'.
#[test]
fn a_closed_producer_has_lost_the_metrics_of_its_calls_and_connections() {
    let gone = [
        "flush-time-ns-total",
        "txn-init-time-ns-total",
        "txn-begin-time-ns-total",
        "txn-commit-time-ns-total",
        "txn-abort-time-ns-total",
        "txn-send-offsets-time-ns-total",
        "metadata-wait-time-ns-total",
        "connection-count",
        "request-total",
        "version",
    ];
    let mut story = started(&[]);
    assert!(gone.iter().all(|name| story.has(name)));
    story.producer.close(story.now(), None);
    story.settle();
    assert!(!gone.iter().any(|name| story.has(name)));
    story.measures([("record-send-total", 0.0)]);
}
