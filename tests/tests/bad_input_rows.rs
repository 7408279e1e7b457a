//! Every row of bad inputs about links, configuration, broker replies and the network has a test that names it:
//! `/// Row 67: …`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use xtask::workspace;

/// Links, configuration, broker replies and the network.
const ROWS: core::ops::RangeInclusive<u32> = 45..=85;
/// Logging in with SASL, which this producer does not do.
const LEFT_OUT: u32 = 80;

fn sources(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("target") {
            sources(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

/// The rows that a line of documentation names at its beginning: `Row 67: …`, `Rows 70, 84: …`.
fn rows_named(line: &str) -> Option<Vec<u32>> {
    let text = line.trim_start().strip_prefix("/// Row")?;
    let (numbers, _) = text.strip_prefix('s').unwrap_or(text).split_once(':')?;
    numbers.split(',').map(|number| number.trim().parse().ok()).collect()
}

/// (row, test) for each test whose documentation names rows; a name that stands above no test is an error.
fn tests_by_row(text: &str) -> Result<Vec<(u32, String)>> {
    let mut found = Vec::new();
    let (mut rows, mut is_test) = (Vec::new(), false);
    for line in text.lines() {
        let code = line.trim_start();
        if let Some(named) = rows_named(line) {
            rows.extend(named);
        } else if code.starts_with("#[") {
            is_test |= code.starts_with("#[test]") || code.starts_with("#[tokio::test");
        } else if !code.starts_with("///") {
            let name = code.split_once("fn ").and_then(|(_, rest)| rest.split(['(', '<']).next());
            ensure!(rows.is_empty() || (is_test && name.is_some()), "rows {rows:?} stand above no test: {line}");
            found.extend(rows.drain(..).zip(name.into_iter().cycle().map(str::to_owned)));
            is_test = false;
        }
    }
    Ok(found)
}

#[test]
#[expect(clippy::print_stdout, reason = "the list is what this is for")]
fn every_row_has_a_test_by_its_number() -> Result<()> {
    let root = workspace::root();
    let mut files = Vec::new();
    for folder in ["core", "native-bridge", "tests", "web"] {
        sources(&root.join(folder), &mut files)?;
    }
    let mut by_row: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    for file in files {
        let tests = tests_by_row(&fs::read_to_string(&file)?).with_context(|| file.display().to_string())?;
        let place = file.strip_prefix(root).unwrap_or(&file).display();
        for (row, test) in tests {
            by_row.entry(row).or_default().insert(format!("{place}: {test}"));
        }
    }
    let mut missing = Vec::new();
    for row in ROWS.filter(|row| *row != LEFT_OUT) {
        let Some(tests) = by_row.get(&row) else {
            missing.push(row);
            continue;
        };
        println!("row {row}");
        tests.iter().for_each(|test| println!("    {test}"));
    }
    ensure!(missing.is_empty(), "no test names rows {missing:?}");
    Ok(())
}

#[test]
fn a_row_counts_only_above_a_test() {
    let test = |lines: &str| tests_by_row(lines).map_err(|error| error.to_string());
    let named = Ok(vec![(7, "a_test".to_owned()), (9, "a_test".to_owned())]);
    assert_eq!(test("/// Rows 7, 9: a story.\n/// And more of it.\n#[test]\nfn a_test() {}"), named);
    assert_eq!(test("    /// Row 7: x.\n    #[tokio::test]\n    async fn b() {"), Ok(vec![(7, "b".to_owned())]));
    assert!(test("/// Row 7: no test.\nfn helper() {}").is_err());
    assert_eq!(test("/// A row of 7: nothing.\n#[test]\nfn c() {}"), Ok(vec![]));
}
