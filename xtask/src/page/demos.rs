//! The demos beside the page: their files, the list of what they are called, and the module that plays them.
//!
//! The page fetches the module when the first demo is opened, and of the files only the one that is opened.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::module;
use crate::workspace;

/// What stands in the head of a page that plays demos; `content` becomes the name of the module's file.
pub(super) const PLACE: &str = r#"<meta name="playground-world" content="" />"#;
/// The list of all demos, beside their files.
const CONTENTS: &str = "contents.json";

/// Puts the demos and their module into a page's folder, if its `index.html` has a place for the module's name; tells
/// whether it has.
///
/// # Errors
/// When the module does not compile, a demo cannot be read, or the page cannot be written.
pub(super) fn place(folder: &Path) -> Result<bool> {
    if !module::place(folder, PLACE, "world", || module::compile("page-world"))? {
        return Ok(false);
    }
    let demos = folder.join("demos");
    fs::create_dir_all(&demos)?;
    let mut contents = Vec::new();
    for path in files()? {
        let text = fs::read_to_string(&path)?;
        let slug = path.file_stem().and_then(|name| name.to_str()).context("a demo has a name")?;
        contents.push(listed(slug, &text).with_context(|| path.display().to_string())?);
        fs::write(demos.join(format!("{slug}.json")), text)?;
    }
    fs::write(demos.join(CONTENTS), serde_json::to_string(&contents)?)?;
    Ok(true)
}

/// The module's file in a built page.
///
/// # Errors
/// When the folder has none.
pub fn file(page: &Path) -> Result<PathBuf> {
    module::file(page, "world")
}

/// The demos' files, by name.
fn files() -> Result<Vec<PathBuf>> {
    let folder = workspace::root().join("core/presets");
    let entries = fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    Ok(files)
}

/// What the list says of a demo. What is left out in its file has its default: the first chapter.
fn listed(slug: &str, text: &str) -> Result<Value> {
    let demo: Value = serde_json::from_str(text)?;
    let card = &demo["card"];
    let chapter = card["chapter"].as_str().unwrap_or("path");
    Ok(json!({ "slug": slug, "chapter": chapter, "title": card["title"] }))
}
