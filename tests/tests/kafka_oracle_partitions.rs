//! The same key goes to the same partition as with the Java client.

use cross_tests::oracle::judge_in_test;

#[test]
fn a_hundred_thousand_random_keys_have_the_java_clients_hash_and_partition() {
    let tally = judge_in_test("partitions").expect("no difference");
    assert_eq!((tally.cases, tally.exceptions.len()), (100_000, 0));
}
