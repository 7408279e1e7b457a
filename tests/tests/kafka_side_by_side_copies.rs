//! The embedded brokers beside Apache Kafka while one of three is killed: the same requests to leader and followers, and every
//! field of every answer the same. The real brokers are the judge.

use std::time::Duration;

use anyhow::Result;
use cross_tests::side_by_side::{Comparison, Difference, Exception, SETTINGS_OF_NEW_TOPICS, tell_replicated};
use kafka_producer::embedded::{EmbeddedBrokers, EmbeddedOptions};
use producer_core::cluster::ClusterConfig;

/// Differences that are meant where there are copies.
const THREE_BROKERS: &[Exception] = &[
    SETTINGS_OF_NEW_TOPICS,
    Exception {
        name: "reading from followers",
        reason: "since Fetch 11 (KIP-392) a follower of Apache Kafka answers consumers too; the embedded ones send them to \
                 the leader, as older ones do",
        covers: |found| {
            let asks_another = found.request.contains("follower") || found.request.contains("old leader");
            found.request.starts_with("Fetch") && found.version() >= Some(11) && asks_another && !names_a_leader(found)
        },
    },
    Exception {
        name: "leaders named in Fetch",
        reason: "KIP-951 lets Produce and Fetch name the new leader; the embedded brokers do in Produce alone, and consumers \
                 ask for metadata",
        covers: |found| found.request.starts_with("Fetch") && found.version() >= Some(16) && names_a_leader(found),
    },
];

fn names_a_leader(found: &Difference) -> bool {
    found.field.contains("current_leader") || found.field.starts_with("node_endpoints")
}

#[test]
fn three_brokers_of_which_one_is_killed_answer_field_by_field_as_apache_kafkas_do() -> Result<()> {
    let mut kafka = xtask::kafka::start(3)?;
    let runtime = tokio::runtime::Runtime::new()?;
    // As the brokers of Apache Kafka are started.
    let adjust = |config: &mut ClusterConfig| {
        config.broker_session_timeout = Duration::from_secs(6);
        config.broker_heartbeat_interval = Duration::from_secs(1);
        config.replica_lag_time_max = Duration::from_secs(5);
    };
    let options = EmbeddedOptions { brokers: 3, topics: Vec::new(), adjust, ..EmbeddedOptions::default() };
    let mut embedded = runtime.block_on(EmbeddedBrokers::start(options))?;
    let (theirs, ours) = std::thread::scope(|scope| {
        let theirs = scope.spawn(|| tell_replicated(&mut kafka));
        let ours = scope.spawn(|| tell_replicated(&mut embedded));
        (theirs.join().expect("no panic"), ours.join().expect("no panic"))
    });
    Comparison::of(&theirs?, &ours?, THREE_BROKERS).expect_none_unexplained(THREE_BROKERS);
    runtime.block_on(embedded.stop());
    Ok(())
}
