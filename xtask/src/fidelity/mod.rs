//! What the simulated brokers and network are true to, and what they leave out.
//!
//! Every file of the model says so in the doc comment at its beginning, after *Models* and *Leaves out*; the catalogue's
//! scenarios say in their names which of their outcomes were only read in Kafka's sources. `docs/fidelity.md` is generated
//! from both, and a test holds it to them.

mod model;
mod page;
mod rows;

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};

use crate::{progress, workspace};

/// Writes the page.
///
/// # Errors
/// When a file of the model does not say what it models and leaves out, a scenario cannot be read, or the page cannot be
/// written.
pub fn command() -> Result<()> {
    let file = page_file();
    fs::write(&file, page()?).with_context(|| format!("writing {}", file.display()))?;
    progress!("wrote {}", file.display());
    Ok(())
}

fn page() -> Result<String> {
    let root = workspace::root();
    Ok(page::page(&model::parts(root)?, &rows::rows(root)?))
}

fn page_file() -> PathBuf {
    workspace::root().join("docs/fidelity.md")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_the_docs_is_what_the_sources_say() {
        let page = page().expect("every file says what it models and what it leaves out");
        let written = fs::read_to_string(page_file()).unwrap_or_default();
        assert!(written == page, "docs/fidelity.md is stale: `cargo xtask fidelity` writes it");
    }

    #[test]
    fn no_folder_of_the_model_is_a_heading_twice() {
        let page = page().expect("every file says what it models and what it leaves out");
        let headings: Vec<&str> = page.lines().filter(|line| line.starts_with("### ")).collect();
        let folders: std::collections::BTreeSet<&&str> = headings.iter().collect();
        assert_eq!(folders.len(), headings.len(), "{headings:?}");
        assert!(headings.contains(&"### `core/src/simulation`"), "{headings:?}");
    }
}
