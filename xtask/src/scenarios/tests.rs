//! The list, the page and the doc comments say the same.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use super::{
    clauses::{LEAST_WORDS, clauses},
    page, page_file,
    sources::{self, Test},
    table,
    table::{Status, Table},
};
use crate::workspace;

/// (name of Kafka's, path of a test) as the list maps them.
fn mapped(table: &Table) -> BTreeSet<(String, String)> {
    let mut pairs = BTreeSet::new();
    for class in &table.classes {
        for (name, status) in &class.rows {
            let Status::Covered(tests) = status else { continue };
            for test in tests {
                assert!(pairs.insert((format!("{}.{name}", class.name), test.clone())), "{name} names {test} twice");
            }
        }
    }
    pairs
}

/// What the list and the doc comments do not agree on.
fn disagreements(mapped: &BTreeSet<(String, String)>, tests: &[Test]) -> Vec<String> {
    let by_path: BTreeMap<_, _> = tests.iter().map(|test| (&*test.path, test)).collect();
    let mut wrong = Vec::new();
    for (name, path) in mapped {
        match by_path.get(&**path) {
            None => wrong.push(format!("{name}: there is no test {path}")),
            Some(test) if test.is_ignored => wrong.push(format!("{name}: {path} is ignored")),
            Some(test) if clauses(&test.doc).iter().all(|clause| clause.name != *name) => {
                wrong.push(format!("{name}: {path} does not say that it mirrors it"));
            }
            Some(_) => {}
        }
    }
    for test in tests {
        for clause in clauses(&test.doc) {
            if clause.sentence.split_whitespace().count() < LEAST_WORDS {
                wrong.push(format!("{} does not say what of {} it mirrors", test.path, clause.name));
            }
            if !mapped.contains(&(clause.name.clone(), test.path.clone())) {
                wrong.push(format!("{} mirrors {}, but is not listed there", test.path, clause.name));
            }
        }
    }
    wrong
}

#[test]
fn every_name_has_the_tests_that_say_they_mirror_it() {
    let tests = sources::tests(workspace::root()).expect("the sources are readable");
    let wrong = disagreements(&mapped(&table().expect("tests/kafka_names is readable")), &tests);
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_does_not_agree_is_named() {
    let test = |path: &str, doc: &str, is_ignored| Test {
        path: path.to_owned(),
        doc: doc.lines().map(str::to_owned).collect(),
        is_ignored,
    };
    let tests = [
        test("c::sound", "Mirrors `A.testX`: so many words state an assertion.", false),
        test("c::ignored", "Mirrors `A.testX`: so many words state an assertion.", true),
        test("c::silent", "", false),
        test("c::unlisted", "Mirrors `A.testY`: so many words state an assertion.", false),
        test("c::vague", "Mirrors `A.testX`: too few words.", false),
    ];
    let listed = ["c::sound", "c::ignored", "c::silent", "c::vague", "c::absent"];
    let mapped = listed.map(|path| ("A.testX".to_owned(), path.to_owned())).into_iter().collect();
    let wanted = [
        "A.testX: there is no test c::absent",
        "A.testX: c::ignored is ignored",
        "A.testX: c::silent does not say that it mirrors it",
        "c::unlisted mirrors A.testY, but is not listed there",
        "c::vague does not say what of A.testX it mirrors",
    ];
    assert_eq!(disagreements(&mapped, &tests), wanted);
}

#[test]
fn the_page_in_the_docs_is_what_the_list_says() {
    let page = page::page(&table().expect("tests/kafka_names is readable"));
    let written = fs::read_to_string(page_file()).unwrap_or_default();
    assert!(written == page, "docs/kafka-scenarios.md is stale: `cargo xtask scenarios` writes it");
}
