//! Judge 4: the same scripts through the Java client's accumulator, sender, transaction manager and network client, and
//! through this producer. Both must send the same requests and complete the same records, each in the same millisecond.

mod brokers;
mod java;
mod ours;
mod script;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, Result, ensure};
use xtask::workspace;

pub use java::JavaClient;
pub use script::{Action, Script};

use super::Tally;

/// Every script under `tests/oracle/timelines`.
///
/// # Errors
/// When one cannot be read, or two have the same name.
pub fn scripts() -> Result<Vec<Script>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(workspace::root().join("tests/oracle/timelines"))? {
        files.push(entry?.path());
    }
    files.sort();
    let mut scripts = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file)?;
        scripts.extend(Script::read_all(&text).with_context(|| file.display().to_string())?);
    }
    let mut names: Vec<&str> = scripts.iter().map(|script| script.name.as_str()).collect();
    names.sort_unstable();
    for pair in names.windows(2) {
        ensure!(pair[0] != pair[1], "two scenarios are named {:?}", pair[0]);
    }
    Ok(scripts)
}

/// Plays every script on both sides.
///
/// # Errors
/// When Java or the jars cannot be had, or a script cannot be played.
pub fn run(scripts: &[Script]) -> Result<Tally> {
    let mut java = JavaClient::start()?;
    let mut tally = Tally::default();
    for script in scripts {
        tally.cases += 1;
        tally.differences.extend(difference(&mut java, script)?);
    }
    Ok(tally)
}

/// The script, both timelines and the first line that differs, if one does.
///
/// # Errors
/// When the script cannot be played.
pub fn difference(java: &mut JavaClient, script: &Script) -> Result<Option<String>> {
    let theirs = in_order(java.play(script)?, script.until);
    let ours = in_order(ours::play(script)?, script.until);
    if theirs == ours {
        return Ok(None);
    }
    let place = theirs.iter().zip(&ours).take_while(|(theirs, ours)| theirs == ours).count();
    let line = |lines: &[String]| lines.get(place).map_or("(nothing more)", String::as_str).to_owned();
    let mut told = format!("{}\n", script.name);
    writeln!(told, "  first difference, line {}", place + 1)?;
    writeln!(told, "    Java: {}\n    ours: {}", line(&theirs), line(&ours))?;
    for (name, lines) in
        [("script", &script.to_string().lines().map(str::to_owned).collect()), ("Java", &theirs), ("ours", &ours)]
    {
        writeln!(told, "  {name}")?;
        lines.iter().try_for_each(|line| writeln!(told, "    {line}"))?;
    }
    Ok(Some(told))
}

/// Lines up to the last instant, those of one millisecond in an order of their own: the Java client walks hash maps where
/// brokers and partitions are served in one instant, so only the order of one broker's requests and of one partition's
/// records says something.
fn in_order(lines: Vec<String>, until: u64) -> Vec<String> {
    let mut by_place: BTreeMap<(u64, u8, String), Vec<String>> = BTreeMap::new();
    for line in lines {
        let mut words = line.split(' ');
        let mut word = || words.next().unwrap_or_default();
        let (at, kind) = (word().parse().unwrap_or(u64::MAX), word());
        let (rank, place) = match kind {
            "produce" => (1, word().to_owned()),
            "acked" | "failed" => (2, words.nth(1).unwrap_or_default().to_owned()),
            "refused" => (3, String::new()),
            "flushed" | "closed" => (4, kind.to_owned()),
            _ => (0, kind.to_owned()),
        };
        if at <= until {
            by_place.entry((at, rank, place)).or_default().push(line);
        }
    }
    by_place.into_values().flatten().collect()
}
