//! The list of names as it stands in `tests/kafka_names/`.
//!
//! - `index.txt`: the classes under their `[groups]`, each with the number of its names, and `trunk` when they were read there.
//! - `reasons.txt`: `id: sentence`, why a name may be not applicable.
//! - `<Class>.txt`: `name covered test…`, `name not-applicable reason: remark` or `name open what is missing`.
//!
//! Empty lines, and lines that begin with `#`, say nothing.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context as _, Result, bail, ensure};

/// What stands against a name.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Status {
    /// These tests assert the same, each by its path: crate, modules, function.
    Covered(Vec<String>),
    /// There is nothing here that it could judge.
    NotApplicable { reason: String, remark: String },
    /// Nobody asserts it yet.
    Open(String),
}

/// One of Kafka's test classes.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) group: String,
    pub(super) name: String,
    /// Its module publishes no sources of its tests, so the names are those of Kafka's trunk.
    pub(super) is_from_trunk: bool,
    pub(super) rows: Vec<(String, Status)>,
}

/// Every class in order, and the sentences of the reasons.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) classes: Vec<Class>,
    pub(super) reasons: BTreeMap<String, String>,
}

impl Table {
    /// Reads a folder, and insists that the files are those of the index, complete, and made of readable lines.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let read = |file: &str| {
            let path = folder.join(file);
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
        };
        let reasons = reasons(&read("reasons.txt")?)?;
        let mut classes = Vec::new();
        for indexed in index(&read("index.txt")?)? {
            let file = format!("{}.txt", indexed.name);
            let rows = rows(&read(&file)?, &reasons).with_context(|| file.clone())?;
            ensure!(rows.len() == indexed.names, "{file}: {} names, not {}", rows.len(), indexed.names);
            let Indexed { group, name, is_from_trunk, .. } = indexed;
            classes.push(Class { group, name, is_from_trunk, rows });
        }
        let files = fs::read_dir(folder)?.count();
        ensure!(files == classes.len() + 2, "{files} files, but {} classes, index and reasons", classes.len());
        Ok(Self { classes, reasons })
    }
}

/// Lines that say something, with their numbers.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines().map(str::trim)).filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

fn reasons(text: &str) -> Result<BTreeMap<String, String>> {
    let pair = |(number, line): (usize, &str)| {
        let (id, sentence) = line.split_once(": ").with_context(|| format!("reasons.txt, line {number}"))?;
        Ok((id.to_owned(), sentence.to_owned()))
    };
    lines(text).map(pair).collect()
}

struct Indexed {
    group: String,
    name: String,
    names: usize,
    is_from_trunk: bool,
}

fn index(text: &str) -> Result<Vec<Indexed>> {
    let mut group = String::new();
    let mut classes = Vec::new();
    for (number, line) in lines(text) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            name.clone_into(&mut group);
            continue;
        }
        let words: Vec<_> = line.split_whitespace().collect();
        let (name, names, is_from_trunk) = match words[..] {
            [name, names] => (name.to_owned(), names.parse()?, false),
            [name, names, "trunk"] => (name.to_owned(), names.parse()?, true),
            _ => bail!("index.txt, line {number}: {line}"),
        };
        classes.push(Indexed { group: group.clone(), name, names, is_from_trunk });
    }
    Ok(classes)
}

fn rows(text: &str, reasons: &BTreeMap<String, String>) -> Result<Vec<(String, Status)>> {
    let mut rows: Vec<(String, Status)> = Vec::new();
    for (number, line) in lines(text) {
        let (name, status) = row(line, reasons).with_context(|| format!("line {number}: {line}"))?;
        ensure!(rows.iter().all(|(known, _)| *known != name), "line {number}: {name} a second time");
        rows.push((name, status));
    }
    Ok(rows)
}

fn row(line: &str, reasons: &BTreeMap<String, String>) -> Result<(String, Status)> {
    let (name, said) = line.split_once(' ').context("a name alone")?;
    let (status, rest) = said.trim_start().split_once(' ').context("a status alone")?;
    let rest = rest.trim();
    let status = match status {
        "covered" => Status::Covered(rest.split_whitespace().map(str::to_owned).collect()),
        "not-applicable" => {
            let (reason, remark) = rest.split_once(": ").unwrap_or((rest, ""));
            ensure!(reasons.contains_key(reason), "{reason} is not among the reasons");
            Status::NotApplicable { reason: reason.to_owned(), remark: remark.to_owned() }
        }
        "open" => Status::Open(rest.to_owned()),
        other => bail!("{other} is no status"),
    };
    Ok((name.to_owned(), status))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, Status)>> {
        rows(text, &BTreeMap::from([("jmx".to_owned(), "No JMX.".to_owned())]))
    }

    #[test]
    fn a_line_says_who_covers_a_name_or_why_nobody_does() {
        let text =
            "# a comment\n\ntestA covered c::a  c::b\ntestB not-applicable jmx: its beans\ntestC open all of it\n";
        let wanted = [
            ("testA", Status::Covered(vec!["c::a".to_owned(), "c::b".to_owned()])),
            ("testB", Status::NotApplicable { reason: "jmx".to_owned(), remark: "its beans".to_owned() }),
            ("testC", Status::Open("all of it".to_owned())),
        ];
        assert_eq!(read(text).expect("readable"), wanted.map(|(name, status)| (name.to_owned(), status)));
    }

    #[test]
    fn a_line_without_a_known_status_or_reason_is_refused_with_its_number() {
        for text in [
            "testA",
            "testA covered",
            "testA covers c::a",
            "testA not-applicable because",
            "testA open x\ntestA open x",
        ] {
            let error = format!("{:#}", read(text).expect_err(text));
            assert!(error.starts_with("line "), "{error}");
        }
    }
}
