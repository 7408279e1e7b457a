//! Compressed records through the embedded brokers: librdkafka's are taken, and ours are read by it.

use anyhow::Result;
use cross_tests::peers::kcat;
use kafka_producer::embedded::EmbeddedBrokers;
use kafka_producer::{KafkaProducer, ProducerConfig, Record};
use producer_core::ids::TopicPartition;

const CODECS: [&str; 4] = ["gzip", "snappy", "lz4", "zstd"];

/// Values that shrink.
fn value(number: usize) -> String {
    format!("{{\"order\":{number},\"city\":\"서울\",\"note\":\"{}\"}}", "again and ".repeat(8))
}

/// Numbers of the codecs in a partition's log, and how many bytes its batches take.
fn stored(brokers: &EmbeddedBrokers) -> (Vec<i16>, usize) {
    let orders_0 = TopicPartition { topic: "orders".into(), partition: 0 };
    brokers.with_cluster(|cluster, _| {
        let log = cluster.log(&orders_0).expect("a topic of the defaults");
        let mut codecs: Vec<i16> = log.batches().map(|batch| batch.view().codec()).collect();
        codecs.dedup();
        (codecs, log.batches().map(|batch| batch.bytes.len()).sum())
    })
}

fn values_read(brokers: &EmbeddedBrokers) -> Result<Vec<String>> {
    let read = kcat::consume_all(&brokers.bootstrap_servers(), "orders")?;
    Ok(read.into_iter().filter_map(|record| record.value).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_we_compress_librdkafka_reads() -> Result<()> {
    for (number, codec) in (1..).zip(CODECS) {
        let brokers = EmbeddedBrokers::start_default().await?;
        let (config, notices) = ProducerConfig::from_properties([("compression.type", codec), ("linger.ms", "20")])?;
        assert_eq!(notices, []);
        let producer = KafkaProducer::connect(config, &brokers.bootstrap_servers()).await?;
        for order in 0..2_000 {
            let value = value(order);
            let record = Record { partition: Some(0), ..Record::keyed("orders", b"k", value.as_bytes()) };
            producer.send_unobserved(record).await?;
        }
        producer.close(None).await;
        assert_eq!(values_read(&brokers)?, (0..2_000).map(value).collect::<Vec<_>>(), "{codec}");
        let (codecs, bytes) = stored(&brokers);
        assert_eq!(codecs, [number], "{codec}");
        assert!(bytes < 2_000 * value(0).len() / 2, "{codec}: {bytes} bytes");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_librdkafka_compresses_is_taken_and_given_back() -> Result<()> {
    for (number, codec) in (1..).zip(CODECS) {
        let brokers = EmbeddedBrokers::start_default().await?;
        let values: Vec<String> = (0..500).map(value).collect();
        let records: Vec<(&str, &str)> = values.iter().map(|value| ("k", value.as_str())).collect();
        let arguments = ["-p", "0", "-X", &format!("compression.type={codec}"), "-X", "linger.ms=50"];
        kcat::produce(&brokers.bootstrap_servers(), "orders", &records, &arguments)?;
        assert_eq!(values_read(&brokers)?, values, "{codec}");
        assert!(stored(&brokers).0.contains(&number), "{codec}");
    }
    Ok(())
}
