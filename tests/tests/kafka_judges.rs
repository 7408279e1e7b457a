//! Before the foreign clients judge anything of ours, they agree with each other on an Apache Kafka; and the cluster
//! that the tests start is one that can lose a node.

use cross_tests::peers::{confluent, franz_go, java, kcat};
use xtask::kafka;

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

#[test]
fn a_broker_of_three_can_be_killed_and_comes_back_with_its_data() {
    let mut kafka = kafka::start(3).expect("Apache Kafka starts");
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
