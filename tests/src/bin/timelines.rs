//! Judges 4 and 5 by hand: `timelines WORDS` shows the course of the scenarios whose name contains the words, in brackets what
//! is forgiven in it, and then our course too, `timelines random 2000` plays so many scripts that are drawn (`SEED` draws the same again), and
//! `timelines random 160..161` of those only these.

use core::ops::Range;

use anyhow::{Result, ensure};
use cross_tests::draws::Draws;
use cross_tests::oracle::timelines::{self, Course, JavaClient};

#[expect(clippy::print_stdout, reason = "this is what the program is for")]
fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, count] = &arguments[..]
        && word == "random"
        && let Some(places) = places(count)
    {
        let tally = timelines::run_random(places, &mut Draws::from_environment()?)?;
        tally.differences.iter().for_each(|difference| println!("{difference}"));
        tally.exceptions.iter().for_each(|(name, reason, count)| println!("{count} × {name}: {reason}"));
        println!("{} values of metrics compared", tally.measured);
        println!("{} cases, {} differences", tally.cases, tally.differences.len());
        ensure!(tally.differences.is_empty(), "the Java client takes another course");
        return Ok(());
    }
    let wanted = arguments.join(" ");
    let mut java = JavaClient::start()?;
    for script in timelines::scripts()?.iter().filter(|script| script.name.contains(&wanted)) {
        let course = Course::of(&mut java, script)?;
        course.exceptions().for_each(|name| println!("({name})"));
        match course.difference() {
            Some(difference) => println!("{difference}"),
            None => {
                println!("{}\n    {}", script.name, course.java().join("\n    "));
                if course.java() != course.ours() {
                    println!("  ours\n    {}", course.ours().join("\n    "));
                }
            }
        }
    }
    Ok(())
}

/// `FROM..TO`, or `TO` alone.
fn places(words: &str) -> Option<Range<u64>> {
    let (from, to) = words.split_once("..").unwrap_or(("0", words));
    Some(from.parse().ok()?..to.parse().ok()?)
}
