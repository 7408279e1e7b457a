//! Shows the course of scenarios in the Java client and in this producer: those whose name contains the argument.

use anyhow::Result;
use cross_tests::oracle::timelines::{self, Course, JavaClient};

#[expect(clippy::print_stdout, reason = "this is what the program is for")]
fn main() -> Result<()> {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let mut java = JavaClient::start()?;
    for script in timelines::scripts()?.iter().filter(|script| script.name.contains(&wanted)) {
        let course = Course::of(&mut java, script)?;
        match course.difference() {
            Some(difference) => println!("{difference}"),
            None => println!("{}\n    {}", script.name, course.java().join("\n    ")),
        }
    }
    Ok(())
}
