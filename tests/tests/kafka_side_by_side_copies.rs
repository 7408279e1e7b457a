//! The embedded brokers beside Apache Kafka while one of three is killed: the same requests to leader and followers, and every
//! field of every answer the same. The real brokers are the judge.

use std::time::Duration;

use anyhow::Result;
use cross_tests::side_by_side::{Comparison, Exception, Heard, SETTINGS_OF_NEW_TOPICS, tell_replicated};
use kafka_producer::embedded::{EmbeddedBrokers, EmbeddedOptions};
use producer_core::cluster::ClusterConfig;

/// Differences that are meant where there are copies.
const THREE_BROKERS: &[Exception] = &[
    SETTINGS_OF_NEW_TOPICS,
    Exception {
        name: "reading from followers",
        reason: "since Fetch 11 (KIP-392) a follower of Apache Kafka answers consumers too; the embedded ones send them to \
                 the leader, as older ones do",
        covers: |found, answers| {
            let about = found.about().split(", epoch ").next().unwrap_or_default();
            let is_follower = ["of a follower", "of the other follower", "of the old leader"].contains(&about);
            // NOT_LEADER_OR_FOLLOWER
            let is_sent_away = (answers.theirs(&partition("error_code")), answers.ours(&partition("error_code")))
                == (Some("0"), Some("6"));
            let Some(field) = found.field.strip_prefix(&*partition("")) else { return false };
            let is_nothing = match field {
                "error_code" => true,
                "high_watermark" | "last_stable_offset" | "log_start_offset" => found.ours.as_deref() == Some("-1"),
                "records.rest" => found.ours.as_deref() == Some("0 bytes after 0 batches"),
                _ => field.starts_with("records.") && found.ours.is_none(),
            };
            found.api() == "Fetch" && found.version() >= Some(11) && is_follower && is_sent_away && is_nothing
        },
    },
    Exception {
        name: "leaders named in Fetch",
        reason: "KIP-951 lets Produce and Fetch name the new leader; the embedded brokers do in Produce alone, and consumers \
                 ask for metadata",
        covers: |found, answers| {
            // FENCED_LEADER_EPOCH: on both sides, or it would differ itself.
            let is_of_another = answers.ours(&partition("error_code")) == Some("74");
            let is_named = match found.field.strip_prefix(&*partition("")) {
                Some(field) => {
                    let names_one = ["current_leader.leader_id", "current_leader.leader_epoch"].contains(&field);
                    names_one && found.ours.as_deref() == Some("-1")
                }
                None => found.field.starts_with("node_endpoints") && found.is_none_of_ours(&["[]"]),
            };
            found.api() == "Fetch" && found.version() >= Some(16) && is_of_another && is_named
        },
    },
];

/// A field of the one partition that is asked for.
fn partition(field: &str) -> String {
    format!("responses.0.partitions.0.{field}")
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

#[test]
fn a_follower_may_send_readers_to_the_leader_and_answer_nothing_else() {
    let good = [("error_code", "0"), ("high_watermark", "8"), ("records.0.count", "1")];
    for (ours, is_meant) in [
        (&[("error_code", "6"), ("high_watermark", "-1")][..], true),
        (&[("error_code", "6"), ("high_watermark", "7")], false),
        (&[("error_code", "6"), ("high_watermark", "-1"), ("records.0.count", "2")], false),
        (&[("error_code", "3"), ("high_watermark", "-1")], false),
        (&[("error_code", "0"), ("high_watermark", "8")], false),
    ] {
        let [theirs, ours] = [&good[..], ours].map(|fields| [heard("Fetch v12: of a follower", fields)]);
        let comparison = Comparison::of(&theirs, &ours, THREE_BROKERS);
        assert_eq!(comparison.unexplained.is_empty(), is_meant, "{ours:?}");
    }
}

#[test]
fn another_leader_may_go_unnamed_and_is_not_named_wrongly() {
    for (leader, is_meant) in [("-1", true), ("3", false)] {
        let named = |leader| {
            [heard("Fetch v16: all are back, epoch 0", &[("error_code", "74"), ("current_leader.leader_id", leader)])]
        };
        let comparison = Comparison::of(&named("2"), &named(leader), THREE_BROKERS);
        assert_eq!(comparison.unexplained.is_empty(), is_meant, "{leader}");
    }
}

/// The answer of the one partition.
fn heard(request: &str, fields: &[(&str, &str)]) -> Heard {
    let fields = fields.iter().map(|&(path, value)| (partition(path), value.to_owned())).collect();
    Heard { request: request.to_owned(), fields }
}
