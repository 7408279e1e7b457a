//! Foreign producers in bad weather on the embedded brokers, idempotent and in transactions; and with idempotence off.
//!
//! `cargo xtask oracle --judge foreign-clients --judge foreign-duplicates` runs the same at full size.

use cross_tests::oracle::judge_in_test;

#[test]
fn through_cuts_errors_and_moving_leaders_every_record_of_four_clients_arrives_once_and_in_order() {
    let tally = judge_in_test("foreign-clients").expect("no difference");
    assert_eq!((tally.cases, tally.findings.len()), (8 * 10_000, 8));
}

#[test]
fn with_idempotence_off_three_clients_store_records_twice_and_the_score_counts_as_many_as_a_consumer_meets() {
    let tally = judge_in_test("foreign-duplicates").expect("no difference");
    assert_eq!((tally.cases, tally.findings.len()), (3 * 10_000, 3));
}
