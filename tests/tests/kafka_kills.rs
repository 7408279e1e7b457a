//! The library against Apache Kafka, undisturbed and while leaders are killed: nothing it says of its records is untrue.
//!
//! `cargo xtask oracle --judge kafka-one-node --judge kafka-kills` runs the same at full size.

use cross_tests::oracle::judge_in_test;

#[test]
fn one_node_has_every_record_once_in_order_and_where_the_library_says() {
    let tally = judge_in_test("kafka-one-node").expect("no difference");
    assert_eq!(tally.cases, 2 * 50_000);
}

#[test]
fn three_nodes_of_which_leaders_are_killed_keep_what_each_setting_of_acks_promises() {
    let tally = judge_in_test("kafka-kills").expect("no difference");
    assert_eq!(tally.cases, 5 * 50_000);
}
