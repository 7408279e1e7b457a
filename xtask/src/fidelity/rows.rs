//! The catalogue: which of its rows were seen, and which only read.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

/// Rows with transactions, which scenarios do not have: tests against the embedded brokers.
const WITHOUT_SCENARIO: [(u32, &str); 3] = [
    (38, "Committed, aborted and open transactions, read carefully and not"),
    (39, "Two producers with one transactional id"),
    (47, "A producer that was fenced sends again"),
];

/// Rows whose brokers were a script when the Java client was seen.
const SEEN_IN_CLIENT: [u32; 8] = [2, 4, 5, 36, 44, 45, 46, 48];

/// How a row's outcome is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Basis {
    /// It was seen, with the Java client and Apache Kafka.
    Seen,
    /// It was seen in the Java client, with answers from a script.
    SeenInClient,
    /// It, or a part of it, was only read in the sources.
    Modelled,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Its number.
    pub(super) number: u32,
    /// What it is about.
    pub(super) title: String,
    /// Its scenario's file, if it has one.
    pub(super) file: Option<String>,
    /// How its outcome is known.
    pub(super) basis: Basis,
    /// Is it also asked of the Java client, whose answers a script gives?
    pub(super) is_asked_of_java: bool,
}

/// All rows, in order.
///
/// # Errors
/// When a file cannot be read, or does not say which row it is.
pub(super) fn rows(root: &Path) -> Result<Vec<Row>> {
    let scripts =
        fs::read_to_string(root.join("tests/oracle/timelines/catalogue.txt")).context("reading the scripts")?;
    let asked: BTreeSet<u32> = scripts
        .lines()
        .filter_map(|line| line.strip_prefix("scenario row ")?.split(':').next()?.parse().ok())
        .collect();
    let mut rows = Vec::new();
    for (number, title) in WITHOUT_SCENARIO {
        let is_asked_of_java = asked.contains(&number);
        rows.push(Row { number, title: title.to_owned(), file: None, basis: Basis::Seen, is_asked_of_java });
    }
    let folder = root.join("tests/fixtures/catalogue");
    for entry in fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let scenario: serde_json::Value = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
        let name = scenario["name"].as_str().unwrap_or_default();
        let row = name.strip_prefix("Row ").and_then(|rest| rest.split_once(": "));
        let (number, title) = row.with_context(|| format!("{}: {name:?} names no row", path.display()))?;
        let digits = number.trim_end_matches(", modelled");
        let number = digits.parse().with_context(|| format!("{}: {name:?} names no row", path.display()))?;
        let basis = match number {
            _ if name.contains("modelled") => Basis::Modelled,
            number if SEEN_IN_CLIENT.contains(&number) => Basis::SeenInClient,
            _ => Basis::Seen,
        };
        rows.push(Row {
            number,
            title: title.trim_end_matches(" (modelled)").to_owned(),
            file: path.file_name().and_then(|name| name.to_str()).map(str::to_owned),
            basis,
            is_asked_of_java: asked.contains(&number),
        });
    }
    rows.sort_by_key(|row| row.number);
    let numbers: Vec<u32> = rows.iter().map(|row| row.number).collect();
    ensure!(numbers == (1..=48).collect::<Vec<_>>(), "the catalogue has 48 rows, not {numbers:?}");
    Ok(rows)
}
