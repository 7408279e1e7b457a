//! What a leader takes, refuses and stores, as Apache Kafka's own log does.

use cross_tests::oracle::judge_in_test;

#[test]
fn three_hundred_logs_take_refuse_and_store_what_kafkas_own_do() {
    let tally = judge_in_test("leaders").expect("no difference");
    assert_eq!((tally.cases, tally.exceptions.len()), (300, 0));
}
