//! Metrics have the Java client's names and descriptions, and its statistics of the same values.

use cross_tests::oracle::judge_in_test;

#[test]
fn metrics_are_the_java_clients_by_name_and_by_what_windows_make_of_values() {
    let tally = judge_in_test("metrics").expect("no difference");
    assert!(tally.cases > 3_000 + 150, "{} cases", tally.cases);
    assert_eq!(tally.exceptions, [], "none is missing, and none differs on purpose");
}
