//! Judges 4 and 5: this producer beside the Java client, instant by instant.

use cross_tests::draws::Draws;
use cross_tests::oracle::{Tally, timelines};

#[expect(clippy::print_stdout, reason = "a judge's verdict is its numbers")]
fn judge(tally: &Tally) {
    for (name, reason, count) in &tally.exceptions {
        println!("{count} × {name}: {reason}");
    }
    println!("{} values of metrics compared", tally.measured);
    println!("{} cases, {} differences", tally.cases, tally.differences.len());
    assert!(tally.differences.is_empty(), "{}", tally.differences.join("\n"));
    assert!(tally.measured > 20 * tally.cases, "only {} metrics were compared", tally.measured);
}

#[test]
fn every_scenario_takes_the_same_course_in_the_java_client() {
    let scripts = timelines::scripts().expect("scripts");
    judge(&timelines::run(&scripts).expect("played"));
}

#[test]
fn random_scripts_take_the_same_course_in_the_java_client() {
    let mut draws = Draws::from_environment().expect("a seed");
    judge(&timelines::run_random(0..timelines::RANDOM_SCRIPTS[1], &mut draws).expect("played"));
}

#[test]
#[expect(clippy::print_stdout, reason = "a judge's verdict is its numbers")]
fn pauses_with_jitter_stay_in_kafkas_bounds_on_both_sides() {
    let (pauses, wrong) = timelines::jitter::run(25).expect("played");
    println!("{pauses} pauses, {} out of bounds", wrong.len());
    assert!(pauses > 500, "{pauses}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
