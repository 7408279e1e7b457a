//! The embedded brokers beside Apache Kafka: the same requests, and every field of every answer the same. The real brokers
//! are the judge.

use anyhow::Result;
use cross_tests::side_by_side::{Comparison, Difference, Exception, SETTINGS_OF_NEW_TOPICS, tell};
use kafka_producer::embedded::{EmbeddedBrokers, EmbeddedOptions};

/// Differences that are meant.
const ONE_BROKER: &[Exception] = &[
    SETTINGS_OF_NEW_TOPICS,
    Exception {
        name: "APIs that are not spoken",
        reason: "what producers and assigned consumers need is spoken, and ApiVersions tells so",
        covers: |found| is_api(found) && found.ours.is_none(),
    },
    Exception {
        name: "fewer versions",
        reason: "of the APIs that are spoken, those that our clients need; ApiVersions tells so",
        covers: |found| is_api(found) && found.theirs.is_some(),
    },
    Exception {
        name: "features",
        reason: "of those that a cluster finalises only transaction.version changes what producers do",
        covers: |found| {
            let is_feature = ["finalized", "supported"].iter().any(|kind| found.field.starts_with(kind));
            found.request.starts_with("ApiVersions") && is_feature && !found.field.ends_with("transaction.version")
        },
    },
    Exception {
        name: "the brokers' own topics",
        reason: "coordinators keep what they know in memory: there is no __consumer_offsets that could be described or \
                 written to",
        covers: |found| found.request.contains("of the brokers' own"),
    },
    Exception {
        name: "what is allowed",
        reason: "there is no authorisation",
        covers: |found| found.field.ends_with("authorized_operations"),
    },
    Exception {
        name: "lenient frames",
        reason: "what no client writes (lengths below -1, bytes behind a request, names that are no text) ends a \
                 connection to the embedded brokers, where Java reads on",
        covers: |found| LENIENT.iter().any(|request| found.request.ends_with(request)),
    },
    Exception {
        name: "topics by neither name nor id",
        reason: "no client asks so; Java fails unforeseen there",
        covers: |found| found.request.ends_with("by nothing"),
    },
    Exception {
        name: "fetch sessions",
        reason: "none is begun (KIP-227), which every client takes for: send everything again",
        covers: |found| found.field == "session_id" && found.ours.as_deref() == Some("0"),
    },
    Exception {
        name: "a part of a batch",
        reason: "Kafka cuts at the limit and leaves it to clients to drop the rest; the embedded brokers send whole batches",
        covers: |found| found.field.ends_with("records.rest") && found.request.ends_with("less than two"),
    },
];

/// What Java makes something of.
const LENIENT: [&str; 4] =
    ["client id of -2 bytes", "client id that is no text", "more bytes than it takes", "-2 topics"];

fn is_api(found: &Difference) -> bool {
    found.request.starts_with("ApiVersions") && found.field.starts_with("api ")
}

#[test]
fn one_broker_answers_every_request_field_by_field_as_apache_kafka_does() -> Result<()> {
    let kafka = xtask::kafka::start(1)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let options = EmbeddedOptions { brokers: 1, topics: Vec::new(), ..EmbeddedOptions::default() };
    let embedded = runtime.block_on(EmbeddedBrokers::start(options))?;
    let (theirs, ours) = (kafka.client_ports()[0], embedded.addresses()[0].port);
    let (theirs, ours) = std::thread::scope(|scope| {
        let theirs = scope.spawn(move || tell(theirs));
        let ours = scope.spawn(move || tell(ours));
        (theirs.join().expect("no panic"), ours.join().expect("no panic"))
    });
    Comparison::of(&theirs?, &ours?, ONE_BROKER).expect_none_unexplained(ONE_BROKER);
    runtime.block_on(embedded.stop());
    Ok(())
}
