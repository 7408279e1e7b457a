//! The module of *Break my config*, which a worker beside the page fetches when somebody searches.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::module;

/// What stands in the head of a page that searches; `content` becomes the name of the module's file.
pub(super) const PLACE: &str = r#"<meta name="playground-breaking" content="" />"#;

/// Builds the module into a page's folder, if its `index.html` has a place for the name; tells whether it has.
///
/// # Errors
/// When the module does not compile, or the page cannot be read or written.
pub(super) fn place(folder: &Path) -> Result<bool> {
    module::place(folder, PLACE, "breaking", || module::compile("page-breaking"))
}

/// The module's file in a built page.
///
/// # Errors
/// When the folder has none.
pub fn file(page: &Path) -> Result<PathBuf> {
    module::file(page, "breaking")
}
