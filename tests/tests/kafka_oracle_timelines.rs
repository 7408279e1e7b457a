//! Judge 4: this producer beside the Java client, instant by instant.

use cross_tests::oracle::timelines;

#[test]
#[expect(clippy::print_stdout, reason = "a judge's verdict is its numbers")]
fn every_scenario_takes_the_same_course_in_the_java_client() {
    let scripts = timelines::scripts().expect("scripts");
    let tally = timelines::run(&scripts).expect("played");
    for (name, reason, count) in &tally.exceptions {
        println!("{count} × {name}: {reason}");
    }
    println!("{} cases, {} differences", tally.cases, tally.differences.len());
    assert!(tally.differences.is_empty(), "{}", tally.differences.join("\n"));
}
