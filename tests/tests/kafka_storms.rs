//! Where a foreign client breaks its promise on the embedded brokers, it breaks it on Apache Kafka too.
//!
//! `cargo xtask oracle --judge foreign-several-partitions` runs the first of these at full size.

use anyhow::Result;
use cross_tests::oracle::judge_in_test;
use cross_tests::peers::kafkajs::{AfterCut, SENT_AFTER_CUT, send_after_cut};
use kafka_producer::embedded::EmbeddedBrokers;
use xtask::kafka::ApacheKafka;

const TOPIC: &str = "orders";

#[test]
fn what_kafkajs_loses_or_doubles_with_several_partitions_in_a_call_it_does_on_apache_kafka_too() {
    let tally = judge_in_test("foreign-several-partitions").expect("no difference");
    assert_eq!((tally.cases, tally.findings.len()), (2 * 10_000, 2));
}

/// One cut at one moment, and kafkajs takes one broker for another as long as it lives, if it was given the addresses
/// that the brokers tell of themselves: calls for what the other one leads come back without an answer, and nothing is
/// sent. It is for this that the storms' kafkajs is given another name of the same machine, and for nothing that the
/// embedded brokers do.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_kafkajs_takes_for_another_gets_nothing_more_here_as_on_apache_kafka() -> Result<()> {
    let embedded = EmbeddedBrokers::start_default().await?;
    let addresses: Vec<String> = embedded.addresses().iter().map(|at| format!("127.0.0.1:{}", at.port)).collect();
    let embedded_servers = addresses.join(",");
    tokio::task::spawn_blocking(move || {
        let apache = ApacheKafka::start(3, &[])?;
        apache.create_topic(TOPIC, 3)?;
        let (all, none) =
            (AfterCut { answered: SENT_AFTER_CUT, stored: SENT_AFTER_CUT }, AfterCut { answered: 0, stored: 0 });
        for servers in [embedded_servers, apache.bootstrap_servers()] {
            assert_eq!(send_after_cut(&servers, TOPIC, "127.0.0.1")?, [all, all, none], "{servers}");
            assert_eq!(send_after_cut(&servers, TOPIC, "localhost")?, [all; 3], "{servers}");
        }
        Ok(())
    })
    .await?
}
