//! Foreign producers with idempotence off, in the weather that those with idempotence come through unharmed.
//!
//! `cargo xtask oracle --judge foreign-duplicates` runs the same at full size.

use cross_tests::oracle::judge_in_test;

#[test]
fn three_clients_store_records_twice_and_the_score_counts_as_many_as_another_consumer_meets() {
    let tally = judge_in_test("foreign-duplicates").expect("no difference");
    assert_eq!((tally.cases, tally.findings.len()), (3 * 10_000, 3));
}
