//! What the Java client logs of its configuration, read back: the values must be those that its producer has.

use anyhow::{Context as _, Result};
use kafka_producer::foreign_config::from_logged_values;

use super::java::{self, Verdict};
use super::{cases, obeyed, our_verdict};
use crate::draws::Draws;
use crate::oracle::Tally;

/// Has the Java client make so many producers, and reads what it logs.
pub(super) fn hold(logs: u64, draws: &mut Draws, tally: &mut Tally) -> Result<()> {
    let mut accepted = Vec::new();
    while (accepted.len() as u64) < logs {
        let drawn = cases::with_odd_names(draws);
        if matches!(our_verdict(&drawn), Verdict::Accepted(_)) {
            accepted.push(drawn);
        }
    }
    for (properties, (log, java)) in accepted.iter().zip(java::logs(&accepted)?) {
        tally.cases += 1;
        let java = obeyed::as_used(&java);
        let read = values(&log);
        if read.as_ref().ok() != Some(&java) {
            tally.differences.push(format!("{properties:?} in a log\n    Java: {java:?}\n    read: {read:?}"));
        }
    }
    tally.findings.push(format!("{} logs read back", accepted.len()));
    Ok(())
}

fn values(log: &str) -> Result<Verdict> {
    let (config, _) = from_logged_values(log)?.verdict().context("what was read")?;
    Ok(Verdict::Accepted(obeyed::of(config)))
}
