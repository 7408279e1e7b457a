//! Row 30 of the catalogue with the other client itself: librdkafka places keys otherwise than the Java client.

use anyhow::Result;
use cross_tests::peers::confluent;
use kafka_producer::embedded::EmbeddedBrokers;
use producer_core::cluster::new_topic;
use producer_core::murmur2::partition_for_key;

#[tokio::test(flavor = "multi_thread")]
async fn librdkafka_places_keys_by_crc_32_and_mostly_elsewhere_than_java() -> Result<()> {
    let brokers = EmbeddedBrokers::start_default().await?;
    brokers.with_cluster(|cluster, _| cluster.create_topic(&new_topic("six", 6, 1)).expect("a valid topic"));
    let servers = brokers.bootstrap_servers();
    let read = tokio::task::spawn_blocking(move || {
        confluent::produce(&servers, "six", 24, 24)?;
        confluent::consume_all(&servers, "six")
    });
    let read = read.await??;
    assert_eq!(read.len(), 24);
    let mut elsewhere = 0;
    for record in &read {
        let key = record.key.as_deref().expect("all have keys");
        assert_eq!(record.partition, confluent::partition_for_key(key.as_bytes(), 6), "{key}");
        elsewhere += u32::from(record.partition != partition_for_key(key.as_bytes(), 6));
    }
    assert!(elsewhere > 12, "{elsewhere} of 24");
    Ok(())
}
