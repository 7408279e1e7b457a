//! The tests of the workspace, as its sources have them.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use syn::{Attribute, Expr, Item, Lit, Meta};

/// A function that a test harness runs.
#[derive(Debug)]
pub(super) struct Test {
    /// Crate, modules, function.
    pub(super) path: String,
    /// Its doc comment, line by line, without the blank that follows the slashes.
    pub(super) doc: Vec<String>,
    pub(super) is_ignored: bool,
}

/// Folders of library sources, and the names by which their crates go.
const LIBRARIES: [(&str, &str); 5] = [
    ("core/src", "producer_core"),
    ("native-bridge/src", "kafka_producer"),
    ("tests/src", "cross_tests"),
    ("web/src", "web"),
    ("xtask/src", "xtask"),
];

/// Folders whose files are crates of their own, named by the file.
const INTEGRATION_TESTS: [&str; 2] = ["native-bridge/tests", "tests/tests"];

/// Every test below the repository's top folder. Modules follow the files, which no `#[path]` here contradicts.
pub(super) fn tests(root: &Path) -> Result<Vec<Test>> {
    let mut tests = Vec::new();
    for (folder, name) in LIBRARIES {
        walk(&root.join(folder), name, &mut tests)?;
    }
    for folder in INTEGRATION_TESTS {
        walk(&root.join(folder), "", &mut tests)?;
    }
    Ok(tests)
}

fn walk(folder: &Path, module: &str, tests: &mut Vec<Test>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if path.is_dir() {
            walk(&path, &within(module, stem), tests)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let module = match stem {
                "lib" | "mod" => module.to_owned(),
                stem => within(module, stem),
            };
            let text = fs::read_to_string(&path)?;
            tests.extend(tests_in(&text, &module).with_context(|| path.display().to_string())?);
        }
    }
    Ok(())
}

fn within(module: &str, name: &str) -> String {
    if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") }
}

fn tests_in(text: &str, module: &str) -> Result<Vec<Test>> {
    let mut tests = Vec::new();
    // Most files have none, and parsing is what takes long.
    if text.contains("test]") || text.contains("test(") {
        collect(syn::parse_file(text)?.items, module, &mut tests);
    }
    Ok(tests)
}

fn collect(items: Vec<Item>, module: &str, tests: &mut Vec<Test>) {
    for item in items {
        match item {
            Item::Mod(inner) => {
                let module = within(module, &inner.ident.to_string());
                collect(inner.content.map(|(_, items)| items).unwrap_or_default(), &module, tests);
            }
            Item::Fn(function) if function.attrs.iter().any(|attribute| last_name(attribute) == "test") => {
                tests.push(Test {
                    path: within(module, &function.sig.ident.to_string()),
                    doc: function.attrs.iter().filter_map(doc_line).collect(),
                    is_ignored: function.attrs.iter().any(|attribute| last_name(attribute) == "ignore"),
                });
            }
            _ => {}
        }
    }
}

/// `test` of `#[test]`, `#[tokio::test]` and `#[tokio::test(flavor = …)]`.
fn last_name(attribute: &Attribute) -> String {
    attribute.path().segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default()
}

fn doc_line(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    match &pair.value {
        Expr::Lit(literal) if pair.path.is_ident("doc") => match &literal.lit {
            Lit::Str(line) => Some(line.value().trim().to_owned()),
            _ => None,
        },
        _ => None,
    }
}

#[test]
fn tests_are_found_by_their_modules_with_what_is_said_of_them() {
    let text = "
        #[cfg(test)]
        mod tests {
            /// First.
            /// Second.
            #[tokio::test(flavor = \"current_thread\")]
            async fn a() {}
            #[test]
            #[ignore = \"slow\"]
            fn b() {}
            fn c() {}
        }";
    let found = tests_in(text, "crate_name::m").expect("Rust");
    let told: Vec<_> = found.iter().map(|test| (&*test.path, test.doc.len(), test.is_ignored)).collect();
    assert_eq!(told, [("crate_name::m::tests::a", 2, false), ("crate_name::m::tests::b", 0, true)]);
}
