//! The Java client judges our verdicts on configurations.

use anyhow::Result;
use cross_tests::draws::Draws;
use cross_tests::oracle::verdicts;

#[test]
#[expect(clippy::print_stdout, reason = "what was compared, and what differs for a reason")]
fn every_verdict_on_a_configuration_is_the_java_clients() -> Result<()> {
    let seed = Draws::from_environment()?.below(1 << 31);
    let tally = verdicts::run(2_000, seed)?;
    for (name, reason, count) in &tally.exceptions {
        println!("{count:>6} × {name}: {reason}");
    }
    println!("{} cases, {} differences", tally.cases, tally.differences.len());
    assert!(tally.differences.is_empty(), "{}", tally.differences.join("\n"));
    Ok(())
}
