//! Metrics: which there are, beside those of a Java producer that runs, and what windows make of values, beside the Java
//! client's statistics.

mod names;
mod windows;

use anyhow::Result;

use super::Tally;

/// Every metric there is by name, tags and description, and so many stories of values drawn from this seed.
///
/// # Errors
/// When Java cannot be asked, or the embedded brokers do not start.
pub fn run(cases: u64, seed: u64) -> Result<Tally> {
    let mut tally = windows::run(cases, seed)?;
    names::compare(&mut tally)?;
    Ok(tally)
}
