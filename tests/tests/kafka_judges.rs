//! Before the foreign clients judge anything of ours, they agree with each other on an Apache Kafka; and the cluster
//! that the tests start is one that can lose a node.

use anyhow::{Context as _, Result, ensure};
use cross_tests::peers::{confluent, franz_go, java, kcat};
use cross_tests::wire_client::{WireClient, once_ready};
use kafka_producer::{KafkaProducer, ProducerConfig, Record};
use producer_core::cluster::new_topic;
use producer_core::protocol::{CreateTopicsRequest, MetadataRequest, NewTopic, Request, Response};
use xtask::kafka::{self, ApacheKafka};

/// A topic that takes records only while all three brokers are in sync.
const NEEDS_ALL: &str = "needs-all";

#[test]
fn every_foreign_consumer_reads_the_same_records_from_apache_kafka() {
    let kafka = kafka::start(1).expect("Apache Kafka starts");
    kafka.create_topic("orders", 3).expect("created");
    let servers = kafka.bootstrap_servers();

    kcat::produce(&servers, "orders", &[("user-42", "a"), ("user-1", "b"), ("서울", "c")], &[]).expect("kcat produces");
    confluent::produce(&servers, "orders", 50, 5).expect("confluent-kafka produces");
    franz_go::produce(&servers, "orders", 50, 5).expect("franz-go produces");

    let java = java::consume_all(&servers, "orders", 3, 200).expect("the console consumer reads");
    assert_eq!(java.len(), 103);
    assert_eq!(kcat::consume_all(&servers, "orders").expect("kcat reads"), java);
    assert_eq!(confluent::consume_all(&servers, "orders").expect("confluent-kafka reads"), java);
    assert_eq!(franz_go::consume(&servers, "orders", 103).expect("franz-go reads"), java);
}

#[test]
fn the_java_partitioner_answers_with_kafkas_published_vectors() {
    let partitions = java::partitions_for_keys(&["user-1", "user-42", "서울", "부산", ""], 3).expect("Java answers");
    let expected = [("user-1", 2), ("user-42", 1), ("서울", 0), ("부산", 1), ("", 0)];
    assert_eq!(partitions, expected.into());
}

/// Mirrors `ProducerFailureHandlingTest.testNotEnoughReplicasAfterBrokerShutdown`: in a topic that needs all brokers in sync, a
/// record is stored while they are, and once one has shut down the next fails with NotEnoughReplicasException,
/// NotEnoughReplicasAfterAppendException or TimeoutException.
#[test]
fn a_cluster_of_three_can_lose_a_broker_and_then_refuses_what_needs_all_of_them() -> Result<()> {
    let mut kafka = kafka::start(3)?;
    a_broker_can_be_killed_and_comes_back_with_its_data(&mut kafka);
    what_needs_every_broker_fails_without_one(&mut kafka)
}

fn a_broker_can_be_killed_and_comes_back_with_its_data(kafka: &mut ApacheKafka) {
    kafka.create_topic("orders", 3).expect("created");
    kcat::produce(&kafka.bootstrap_servers(), "orders", &[("a", "1"), ("b", "2"), ("c", "3")], &["-X", "acks=all"])
        .expect("produced");
    let before = kcat::consume_all(&kafka.bootstrap_servers(), "orders").expect("read");
    assert_eq!(before.len(), 3);

    kafka.kill_node(2).expect("it ran");
    kcat::produce(&kafka.bootstrap_servers(), "orders", &[("d", "4")], &["-X", "acks=all"]).expect("two are enough");
    kafka.restart_node(2).expect("it comes back");
    let after = kcat::consume_all(&kafka.bootstrap_servers(), "orders").expect("read");
    assert_eq!(after.len(), 4);
    assert!(before.iter().all(|record| after.contains(record)), "{before:?} {after:?}");
}

fn what_needs_every_broker_fails_without_one(kafka: &mut ApacheKafka) -> Result<()> {
    create_topic_that_needs_all(&kafka.client_ports())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let properties = [("acks", "all"), ("retries", "0"), ("max.block.ms", "10000")];
    let (config, _) = ProducerConfig::from_properties(properties).context("Java takes it")?;
    let producer = runtime.block_on(KafkaProducer::connect(config, &kafka.bootstrap_servers()))?;
    let record = Record::keyed(NEEDS_ALL, b"key", b"value");
    let stored = runtime.block_on(async { producer.send(record).await?.await.context("all are in sync") });
    assert_eq!(stored?.offset, Some(0));
    kafka.stop_node(1)?;
    let failed = runtime.block_on(async { Ok::<_, anyhow::Error>(producer.send(record).await?.await) })?;
    let class = failed.err().context("one is missing")?.error.java_class();
    let fitting = ["NotEnoughReplicasException", "NotEnoughReplicasAfterAppendException", "TimeoutException"];
    assert!(fitting.contains(&class), "{class}");
    Ok(())
}

/// Creates it, and waits until every broker knows its leader.
fn create_topic_that_needs_all(ports: &[u16]) -> Result<()> {
    let configs = vec![("min.insync.replicas".into(), Some("3".into()))];
    let topics = vec![NewTopic { configs, ..new_topic(NEEDS_ALL, 1, 3) }];
    let body = Request::CreateTopics(CreateTopicsRequest { topics, timeout_ms: 30_000, validate_only: false });
    let Response::CreateTopics(created) = WireClient::connect(ports[0])?.ask(7, body)? else { unreachable!() };
    ensure!(created.topics[0].error.is_none(), "{:?}", created.topics);
    for &port in ports {
        let mut client = WireClient::connect(port)?;
        once_ready(|| {
            let request = MetadataRequest { topics: Some(vec![NEEDS_ALL.into()]), ..MetadataRequest::default() };
            let Response::Metadata(told) = client.ask(13, Request::Metadata(request))? else { unreachable!() };
            let led = told.topics[0].partitions.iter().map(|partition| partition.error).max();
            Ok((told.topics[0].error.max(led.unwrap_or_default()), ()))
        })?;
    }
    Ok(())
}
