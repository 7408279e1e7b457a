//! The preset `rolling-restart` on three brokers of Apache Kafka, beside the simulation: its goals hold on both.

use cross_tests::on_kafka::rolling_restart;

#[test]
#[expect(clippy::print_stdout, reason = "who reads the outcome must know")]
fn through_a_rolling_restart_and_a_crash_nothing_is_lost_and_the_crash_costs_most() {
    println!("{}", rolling_restart().expect("no difference").join("\n"));
}
