//! The library and topics that end, come back under their name, or move to other brokers while it sends to them, as Kafka's
//! integration tests ask it, with the embedded brokers. `kafka_recreated_topics` tells more of the same to Apache Kafka.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, ensure};
use cross_tests::wire_client::WireClient;
use kafka_producer::embedded::{EmbeddedBrokers, EmbeddedOptions};
use kafka_producer::{ErrorCode, KafkaProducer, ProducerConfig, Record};
use producer_core::cluster::new_topic;
use producer_core::ids::{NodeId, TopicId, TopicPartition};
use producer_core::protocol::{
    CreateTopicsRequest, DeleteTopicsRequest, MetadataRequest, Request, Response, TopicToDelete,
};

const TOPIC: &str = "topic";
const RECORDS: usize = 10;

fn partition_0() -> TopicPartition {
    TopicPartition { topic: TOPIC.into(), partition: 0 }
}

/// Two brokers, both with a copy of a topic's only partition, which the first one leads.
async fn brokers() -> Result<EmbeddedBrokers> {
    let options = EmbeddedOptions { brokers: 2, topics: vec![new_topic(TOPIC, 1, 2)], ..EmbeddedOptions::default() };
    Ok(EmbeddedBrokers::start(options).await?)
}

async fn producer(brokers: &EmbeddedBrokers) -> Result<KafkaProducer> {
    let properties = [("max.block.ms", "5000"), ("request.timeout.ms", "10000"), ("delivery.timeout.ms", "10005")];
    let (config, _) = ProducerConfig::from_properties(properties).context("Java takes it")?;
    Ok(KafkaProducer::connect(config, &brokers.bootstrap_servers()).await?)
}

/// Sends a record and waits; its offset.
async fn send(producer: &KafkaProducer, value: &str) -> Result<i64> {
    let record = Record { key: None, ..Record::keyed(TOPIC, b"", value.as_bytes()) };
    let stored = producer.send(record).await?.await?;
    assert_eq!(&*stored.topic, TOPIC);
    stored.offset.context("acknowledged with an offset")
}

async fn send_ten(producer: &KafkaProducer) -> Result<()> {
    for number in 0..RECORDS {
        send(producer, &format!("value{number}")).await?;
    }
    Ok(())
}

/// Whoever makes and deletes topics, over a connection of its own.
struct Admin(WireClient);

impl Admin {
    fn of(brokers: &EmbeddedBrokers) -> Result<Self> {
        Ok(Self(WireClient::connect(brokers.addresses()[0].port)?))
    }

    fn delete(&mut self) -> Result<()> {
        let topics = vec![TopicToDelete { name: Some(TOPIC.into()), id: TopicId::default() }];
        let body = Request::DeleteTopics(DeleteTopicsRequest { topics, timeout_ms: 30_000 });
        let Response::DeleteTopics(deleted) = self.0.ask(6, body)? else { unreachable!() };
        ensure!(deleted.topics[0].error.is_none(), "{:?}", deleted.topics);
        Ok(())
    }

    /// Its id; `None`: a producer that asked for the topic was first.
    fn create(&mut self, partitions: i32) -> Result<Option<TopicId>> {
        let topics = vec![new_topic(TOPIC, partitions, 1)];
        let body = Request::CreateTopics(CreateTopicsRequest { topics, timeout_ms: 30_000, validate_only: false });
        let Response::CreateTopics(created) = self.0.ask(7, body)? else { unreachable!() };
        let told = &created.topics[0];
        ensure!(told.error.is_none() || told.error == ErrorCode::TOPIC_ALREADY_EXISTS, "{told:?}");
        Ok(told.error.is_none().then_some(told.id))
    }

    /// `None`: there is no such topic. The question makes none.
    fn id(&mut self) -> Result<Option<TopicId>> {
        let request = MetadataRequest { topics: Some(vec![TOPIC.into()]), ..MetadataRequest::default() };
        let Response::Metadata(told) = self.0.ask(13, Request::Metadata(request))? else { unreachable!() };
        Ok(told.topics[0].error.is_none().then_some(told.topics[0].id))
    }
}

/// Flow: the partition's leader moves, so that its epoch is above that of a new topic → ten records → the topic is deleted →
/// the next record makes it anew, where the epoch is a lower one.
///
/// Mirrors `ProducerSendWhileDeletionTest.testSendWithTopicDeletionMidWay`: after ten records were stored, and the topic was
/// deleted with nobody asking about it, one more record is stored in the topic that its producer made come back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_is_deleted_comes_back_with_the_next_record() -> Result<()> {
    let brokers = brokers().await?;
    let (producer, mut admin) = (producer(&brokers).await?, Admin::of(&brokers)?);
    brokers.with_cluster(|cluster, now| cluster.move_leader(now, &partition_0(), NodeId(2)))?;
    send_ten(&producer).await?;
    let id = admin.id()?.context("it is there")?;
    admin.delete()?;
    assert_eq!(admin.id()?, None);
    assert_eq!(send(&producer, "value").await?, 0);
    assert_ne!(admin.id()?, Some(id));
    brokers.with_cluster(|cluster, _| {
        let log = cluster.log(&partition_0()).expect("there again");
        assert_eq!(log.records().map(|record| record.value.expect("no null").to_vec()).collect::<Vec<_>>(), [b"value"]);
    });
    Ok(())
}

/// Mirrors `ProducerSendWhileDeletionTest.testSendWithRecreatedTopic`: after ten records were stored, and the topic was deleted
/// and created with another id, one more record is stored in the new one, at offset 0.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_made_anew_gets_the_next_record_at_its_beginning() -> Result<()> {
    let brokers = brokers().await?;
    let (producer, mut admin) = (producer(&brokers).await?, Admin::of(&brokers)?);
    send_ten(&producer).await?;
    let id = admin.id()?.context("it is there")?;
    admin.delete()?;
    assert_eq!(admin.id()?, None);
    assert_ne!(admin.create(1)?, Some(id));
    assert_eq!(send(&producer, "value").await?, 0);
    Ok(())
}

/// Mirrors `ProducerSendWhileDeletionTest.testSendWhileTopicGetRecreated`: while a topic is deleted and created until five ids
/// were drawn for it, the callbacks of ten records are all called.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_record_has_its_fate_while_the_topic_is_made_anew_again_and_again() -> Result<()> {
    const IDS: usize = 5;
    let brokers = brokers().await?;
    let (producer, mut admin) = (producer(&brokers).await?, Admin::of(&brokers)?);
    let recreates = tokio::task::spawn_blocking(move || {
        let mut ids = BTreeSet::new();
        while ids.len() < IDS {
            if admin.id()?.is_some() {
                admin.delete()?;
            }
            ids.extend(admin.create(2)?);
        }
        anyhow::Ok(ids.len())
    });
    let heard = Arc::new(AtomicUsize::new(0));
    for number in 0..RECORDS {
        let (value, heard) = (format!("value{number}"), Arc::clone(&heard));
        let record = Record { key: None, ..Record::keyed(TOPIC, b"", value.as_bytes()) };
        producer.send_with_callback(record, move |_, _| _ = heard.fetch_add(1, Ordering::SeqCst)).await?;
    }
    producer.flush().await;
    assert_eq!(recreates.await??, IDS);
    assert_eq!(heard.load(Ordering::SeqCst), RECORDS);
    Ok(())
}

/// Mirrors `ProducerSendWhileDeletionTest.testSendWithTopicReassignmentIsMidWay`: after ten records were stored, and the
/// partition got another leader under the same topic id, one more record is stored. (Here the broker it leaves keeps its copy.)
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_that_moves_to_another_broker_takes_its_producer_along() -> Result<()> {
    let brokers = brokers().await?;
    let (producer, mut admin) = (producer(&brokers).await?, Admin::of(&brokers)?);
    send_ten(&producer).await?;
    let id = admin.id()?;
    brokers.with_cluster(|cluster, now| cluster.move_leader(now, &partition_0(), NodeId(2)))?;
    assert_eq!(admin.id()?, id);
    assert_eq!(send(&producer, "value").await?, 10);
    assert_eq!(brokers.with_cluster(|cluster, _| cluster.leader(&partition_0())), Some((NodeId(2), 1)));
    Ok(())
}
