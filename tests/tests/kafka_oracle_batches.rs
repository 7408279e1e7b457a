//! What we write, the Java client writes; what it compresses, we read, and the other way round.

use cross_tests::oracle::judge_in_test;

#[test]
fn five_thousand_random_batches_are_the_java_clients_in_every_codec_and_level() {
    let tally = judge_in_test("batches").expect("no difference");
    assert_eq!((tally.cases, tally.exceptions.len()), (5_000, 0));
}
