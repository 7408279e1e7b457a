//! The preset `acks-ladder` on three brokers of Apache Kafka, beside the simulation: its goals hold on both.

use cross_tests::on_kafka::acks_ladder;

#[test]
#[expect(clippy::print_stdout, reason = "who reads the outcome must know")]
fn a_leader_that_dies_before_copying_takes_along_what_acks_0_and_1_confirmed_and_nothing_of_acks_all() {
    println!("{}", acks_ladder().expect("no difference").join("\n"));
}
