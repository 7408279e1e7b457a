//! Connections to Apache Kafka cut in mid-run: retried with the same sequences, so nothing is lost and nothing doubled.

use std::time::Duration;

use cross_tests::{
    cut_run::{self, Cuts},
    proxy::CuttingProxy,
    read_back::{judge, read_topic},
    retries::judge_retries,
};
use xtask::kafka::ApacheKafka;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_when_connections_are_cut() -> anyhow::Result<()> {
    let proxy = CuttingProxy::listen().await?;
    let kafka = ApacheKafka::start(1, &[proxy.port()])?;
    proxy.forward_to(kafka.client_ports()[0]);

    for (topic, cuts) in [("cut-anywhere", Cuts::Anywhere), ("cut-before-answers", Cuts::BeforeAnswers)] {
        kafka.create_topic(topic, 3)?;
        let heard_before = proxy.heard().len();
        let acknowledged = cut_run::send_through(&proxy, topic, cuts, Duration::from_millis(150)).await?;
        let heard = &proxy.heard()[heard_before..];
        assert!(judge_retries(heard, topic)? > 0, "{topic}: no cut hit a batch in flight");
        judge(&acknowledged, &read_topic(kafka.jars(), &kafka.bootstrap_servers(), topic)?)?;
    }
    Ok(())
}
