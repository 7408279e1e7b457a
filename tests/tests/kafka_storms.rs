//! Where a foreign client breaks its promise on the embedded brokers, it breaks it on Apache Kafka too.
//!
//! `cargo xtask oracle --judge foreign-several-partitions` runs the same at full size.

use cross_tests::oracle::judge_in_test;

#[test]
fn what_kafkajs_loses_or_doubles_with_several_partitions_in_a_call_it_does_on_apache_kafka_too() {
    let tally = judge_in_test("foreign-several-partitions").expect("no difference");
    assert_eq!((tally.cases, tally.findings.len()), (2 * 10_000, 2));
}
