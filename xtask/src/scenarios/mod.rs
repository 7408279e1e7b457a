//! Kafka's own scenario names: which of our tests asserts what each of its test methods asserts.
//!
//! `tests/kafka_names/` is the list: a file for each of Kafka's test classes, a line for each method. What a line may say is
//! told in `table.rs`. `docs/kafka-scenarios.md` is generated from it, and a test holds all three together: the list, the
//! page, and the doc comments of the tests that are named.

mod page;
mod table;

#[cfg(test)]
mod clauses;
#[cfg(test)]
mod sources;
#[cfg(test)]
mod tests;

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};

use self::table::Table;
use crate::workspace;

/// Writes the page, and prints how many names of each class are covered, not applicable and open.
///
/// # Errors
/// When a line of the list cannot be read, or the page cannot be written.
pub fn command() -> Result<()> {
    let table = table()?;
    let file = page_file();
    fs::write(&file, page::page(&table)).with_context(|| format!("writing {}", file.display()))?;
    print!("{}", page::summary(&table));
    Ok(())
}

fn table() -> Result<Table> {
    Table::read(&workspace::root().join("tests/kafka_names"))
}

fn page_file() -> PathBuf {
    workspace::root().join("docs/kafka-scenarios.md")
}
