//! What is written down of scenarios beside the code: the reference of their text form.

use std::path::{Path, PathBuf};

use producer_core::judge::Verdict;
use producer_core::scenario::text;
use producer_core::staging;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn the_reference_in_the_docs_is_what_the_core_knows() {
    let file = root().join("docs/scenario.md");
    let page = text::reference();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &page).expect("the docs can be written");
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(written == page, "docs/scenario.md is stale: UPDATE=1 cargo test -p cross-tests --test scenario_files");
}

#[test]
fn the_example_in_the_docs_can_be_read_and_its_goals_hold() {
    let file = std::fs::read_to_string(root().join("docs/lost-answer.json")).expect("it is there");
    let (scenario, notices) = text::read(&file).expect("it is a scenario");
    assert_eq!(notices, []);
    let ending = staging::run(&scenario, 0, &[], None).expect("it can be staged");
    let verdicts: Vec<Verdict> = ending.verdicts.into_iter().map(|(_, verdict)| verdict).collect();
    assert_eq!(verdicts, [Verdict::Held, Verdict::Held, Verdict::Held]);
}
