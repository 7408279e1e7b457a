//! The library against Apache Kafka, read back by Kafka's own consumer.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use cross_tests::read_back::{Acknowledged, judge, read_topic};
use kafka_producer::{
    BatchCompletion, BootstrapServers, KafkaProducer, ProducerConfig, ProducerError, Record, Surface, probe,
};
use xtask::kafka::ApacheKafka;

const RECORDS: usize = 100_000;

fn config(properties: &[(&str, &str)]) -> ProducerConfig {
    ProducerConfig::from_properties(properties.iter().copied()).expect("a configuration Java would take").0
}

/// Keys for the records: some hundred, so that every partition gets many and batches mix them.
fn key(number: usize) -> Vec<u8> {
    format!("user-{}", number % 500).into_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_library_says_of_its_records_is_what_the_java_consumer_reads() -> anyhow::Result<()> {
    let kafka = ApacheKafka::start(1, &[])?;
    let servers = kafka.bootstrap_servers();

    a_probe_tells_the_cluster(&servers).await?;
    a_hundred_thousand_records_arrive_once_and_in_order(&kafka).await?;
    batch_completion_accounts_for_every_record(&kafka).await?;
    callbacks_hear_of_every_record(&kafka).await?;
    a_partition_that_does_not_exist_fails_as_in_java(&kafka).await?;
    Ok(())
}

async fn a_probe_tells_the_cluster(servers: &str) -> anyhow::Result<()> {
    let addresses: BootstrapServers = servers.parse()?;
    let info = probe::probe(&addresses.addresses()[0], Duration::from_secs(10)).await?;
    assert_eq!(info.brokers.iter().map(|(_, address)| address).collect::<Vec<_>>(), [&addresses.addresses()[0]]);
    assert!(info.cluster_id.is_some_and(|id| id.len() == 22), "22 characters of base64");
    Ok(())
}

async fn a_hundred_thousand_records_arrive_once_and_in_order(kafka: &ApacheKafka) -> anyhow::Result<()> {
    kafka.create_topic("futures", 6)?;
    let config = config(&[("acks", "all")]);
    assert!(config.is_idempotent(), "by default");
    let producer = KafkaProducer::connect(config, &kafka.bootstrap_servers()).await?;
    let mut deliveries = Vec::with_capacity(RECORDS);
    for number in 0..RECORDS {
        let value = number.to_string();
        deliveries.push(producer.send(Record::keyed("futures", &key(number), value.as_bytes())).await?);
    }
    producer.flush().await;
    let mut acknowledged = Vec::with_capacity(RECORDS);
    for (number, delivery) in deliveries.into_iter().enumerate() {
        assert!(delivery.is_done(), "flush returns when all that was sent before has met its fate");
        let partition = delivery.partition();
        let metadata = delivery.await?;
        assert_eq!(metadata.partition, Some(partition));
        assert_eq!(metadata.serialized_key_size, Some(key(number).len()));
        acknowledged.push(Acknowledged { number, partition, offset: metadata.offset });
    }
    producer.close(None).await;
    assert!(acknowledged.iter().all(|record| record.offset.is_some()));
    judge(&acknowledged, &read_topic(kafka.jars(), &kafka.bootstrap_servers(), "futures")?)
}

async fn batch_completion_accounts_for_every_record(kafka: &ApacheKafka) -> anyhow::Result<()> {
    kafka.create_topic("batches", 3)?;
    let batches = Arc::new(Mutex::new(Vec::<BatchCompletion>::new()));
    let seen = Arc::clone(&batches);
    let producer = KafkaProducer::builder(config(&[("linger.ms", "50")]))
        .on_batch(move |batch| seen.lock().unwrap().push(batch.clone()))
        .connect(&kafka.bootstrap_servers())
        .await?;
    let mut sent = Vec::new();
    for number in 0..20_000 {
        let value = number.to_string();
        sent.push(producer.send_unobserved(Record::keyed("batches", &key(number), value.as_bytes())).await?);
    }
    producer.close(None).await;

    let batches = batches.lock().unwrap();
    assert_eq!(batches.iter().map(|batch| batch.record_count as usize).sum::<usize>(), sent.len());
    let acknowledged: Vec<_> = sent
        .iter()
        .enumerate()
        .map(|(number, sent)| {
            let batch = batches.iter().find(|batch| batch.batch == sent.batch).expect("its batch was told");
            let stored = batch.result.as_ref().expect("stored");
            let offset = Some(stored.base_offset + i64::from(sent.index));
            Acknowledged { number, partition: sent.partition, offset }
        })
        .collect();
    judge(&acknowledged, &read_topic(kafka.jars(), &kafka.bootstrap_servers(), "batches")?)
}

async fn callbacks_hear_of_every_record(kafka: &ApacheKafka) -> anyhow::Result<()> {
    kafka.create_topic("callbacks", 3)?;
    let producer = KafkaProducer::connect(config(&[]), &kafka.bootstrap_servers()).await?;
    let heard = Arc::new(Mutex::new(Vec::new()));
    for number in 0..1_000 {
        let (value, heard) = (number.to_string(), Arc::clone(&heard));
        producer
            .send_with_callback(Record::keyed("callbacks", &key(number), value.as_bytes()), move |metadata, error| {
                assert_eq!(error, None);
                let partition = metadata.partition.expect("it was appended");
                heard.lock().unwrap().push(Acknowledged { number, partition, offset: metadata.offset });
            })
            .await?;
    }
    producer.flush().await;
    judge(&heard.lock().unwrap(), &read_topic(kafka.jars(), &kafka.bootstrap_servers(), "callbacks")?)?;
    producer.close(None).await;
    Ok(())
}

async fn a_partition_that_does_not_exist_fails_as_in_java(kafka: &ApacheKafka) -> anyhow::Result<()> {
    let producer = KafkaProducer::connect(config(&[("max.block.ms", "500")]), &kafka.bootstrap_servers()).await?;
    let record = Record { partition: Some(7), ..Record::keyed("callbacks", b"k", b"v") };
    let refused = producer.send(record).await.expect_err("there are three partitions");
    assert_eq!(
        refused.to_string(),
        "Partition 7 of topic callbacks with partition count 3 is not present in metadata after 500 ms."
    );
    assert_eq!(refused.surface(), Surface::FutureOnCaller);

    let heard = Arc::new(Mutex::new(None));
    let told = Arc::clone(&heard);
    let callback = move |metadata: &kafka_producer::RecordMetadata, error: Option<&ProducerError>| {
        *told.lock().unwrap() = Some((metadata.clone(), error.cloned()));
    };
    producer.send_with_callback(record, callback).await?;
    let (metadata, error) = heard.lock().unwrap().take().expect("called back on the caller's side");
    assert_eq!((metadata.partition, metadata.offset), (Some(7), None));
    assert_eq!(error.as_ref(), Some(&refused.error));
    producer.close(None).await;
    Ok(())
}
