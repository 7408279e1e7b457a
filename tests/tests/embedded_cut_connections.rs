//! Connections to the embedded brokers cut in mid-run: retried with the same sequences, so nothing is lost and nothing
//! doubled. The same story as with Apache Kafka, in `kafka_cut_connections.rs`.

use std::time::Duration;

use cross_tests::{
    cut_run::{self, Cuts},
    proxy::CuttingProxy,
    read_back::{judge, read_topic},
    retries::judge_retries,
};
use kafka_producer::embedded::{EmbeddedBrokers, EmbeddedOptions};
use producer_core::cluster::{Action, Matcher, Rule, new_topic};
use producer_core::protocol::ApiKey;
use xtask::kafka::KafkaJars;

/// How long the brokers take to answer, as if they wrote to a disk.
const DISK: Duration = Duration::from_millis(10);

const RUNS: [(&str, Cuts); 2] = [("cut-anywhere", Cuts::Anywhere), ("cut-before-answers", Cuts::BeforeAnswers)];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_when_connections_are_cut() -> anyhow::Result<()> {
    let proxy = CuttingProxy::listen().await?;
    let brokers = EmbeddedBrokers::start(EmbeddedOptions {
        brokers: 1,
        topics: RUNS.map(|(topic, _)| new_topic(topic, 3, 1)).to_vec(),
        advertised_ports: vec![proxy.port()],
        ..EmbeddedOptions::default()
    })
    .await?;
    proxy.forward_to(brokers.addresses()[0].port);
    // In memory everything is stored at once: without this a cut would rarely meet a batch under way.
    let slowly = Rule { when: Matcher { api: Some(ApiKey::Produce), ..Matcher::default() }, then: Action::Delay(DISK) };
    brokers.with_cluster(|cluster, _| cluster.add_rule(slowly));

    let jars = KafkaJars::ensure()?;
    for (topic, cuts) in RUNS {
        let heard_before = proxy.heard().len();
        let acknowledged = cut_run::send_through(&proxy, topic, cuts, Duration::from_millis(150)).await?;
        let heard = &proxy.heard()[heard_before..];
        assert!(judge_retries(heard, topic)? > 0, "{topic}: no cut hit a batch in flight");
        judge(&acknowledged, &read_topic(&jars, &brokers.bootstrap_servers(), topic)?)?;
    }
    Ok(())
}
