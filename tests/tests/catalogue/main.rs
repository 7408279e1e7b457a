//! The catalogue: 48 rows, each a configuration, a fault and what is to be observed. Most are scenarios under
//! `tests/fixtures/catalogue`; each has a test that begins with its number.
//!
//! What is expected is what the Java client did, or what its sources and the brokers' say. Rows whose scenario is called
//! *modelled* were only read there.

mod answers;
mod asking;
mod batches;
mod partitions;
mod played;
mod promises;
mod transactions;
mod waiting;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use producer_core::scenario::text;
use xtask::workspace;

const ROWS: u32 = 48;

/// Rows that scenarios cannot say, for their programs have no transactions: they are tests against the embedded brokers,
/// and scripts of the judge of timelines.
const WITHOUT_SCENARIO: [u32; 3] = [38, 39, 47];

fn files() -> BTreeMap<u32, PathBuf> {
    let folder = workspace::root().join("tests/fixtures/catalogue");
    let files = fs::read_dir(folder).expect("it is there").map(|entry| entry.expect("it can be read").path());
    let number = |path: &PathBuf| path.file_name()?.to_str()?.get(..2)?.parse().ok();
    files.map(|path| (number(&path).expect("two digits in front"), path)).collect()
}

#[test]
fn every_row_of_the_catalogue_has_a_test_and_a_scenario() {
    let sources = fs::read_dir(workspace::root().join("tests/tests/catalogue")).expect("it is there");
    let sources = sources.map(|entry| fs::read_to_string(entry.expect("it can be read").path()).expect("it is text"));
    let mut tested: Vec<u32> = Vec::new();
    for source in sources {
        let mut lines = source.lines().zip(source.lines().skip(1));
        let tests = lines.by_ref().filter(|(before, _)| matches!(before.trim(), "#[test]" | "#[tokio::test]"));
        let names = tests.filter_map(|(_, line)| line.split("fn row_").nth(1)?.get(..2)?.parse::<u32>().ok());
        tested.extend(names);
    }
    tested.sort_unstable();
    tested.dedup();
    assert_eq!(tested, (1..=ROWS).collect::<Vec<_>>());
    let expected = (1..=ROWS).filter(|row| !WITHOUT_SCENARIO.contains(row));
    assert_eq!(files().into_keys().collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

#[test]
fn every_scenario_of_the_catalogue_is_written_as_it_would_be_written() {
    for (row, path) in files() {
        let given = fs::read_to_string(&path).expect("it is text");
        let (scenario, notices) = text::read(&given).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(notices, [], "row {row}");
        assert!(scenario.name.starts_with(&format!("Row {row}")), "{}", path.display());
        let written = text::write(&scenario);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, &written).expect("it can be written");
            continue;
        }
        let how = "UPDATE=1 cargo test -p cross-tests --test catalogue";
        assert!(given == written, "{} is not as it would be written: {how}", path.display());
    }
}
