//! Foreign producers in bad weather on the embedded brokers, idempotent and in transactions.
//!
//! `cargo xtask oracle --judge foreign-clients` runs the same at full size.

use cross_tests::oracle::judge_in_test;

#[test]
fn through_cuts_errors_and_moving_leaders_every_record_of_four_clients_arrives_once_and_in_order() {
    let tally = judge_in_test("foreign-clients").expect("no difference");
    assert_eq!((tally.cases, tally.findings.len()), (8 * 10_000, 8));
}
