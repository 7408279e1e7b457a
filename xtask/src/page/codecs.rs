//! The codecs' module, which the page fetches when somebody compresses.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};

use super::{breaking, demos, module};
use crate::tools;

/// What stands in the head of a page that fetches codecs; `content` becomes the name of their file.
const PLACE: &str = r#"<meta name="playground-codecs" content="" />"#;

/// Puts codecs, demos and *Break my config* beside the page that Trunk is building. Trunk's hook calls this and names the
/// folder.
///
/// # Errors
/// When nobody names a folder, there is no page in it that fetches them, or a module does not compile.
pub fn command() -> Result<()> {
    let folder = env::var_os("TRUNK_STAGING_DIR").context("only Trunk calls this: TRUNK_STAGING_DIR is not set")?;
    let folder = Path::new(&folder);
    tools::rust_toolchain()?;
    ensure!(place(folder)?, "index.html has no {PLACE}");
    ensure!(breaking::place(folder)?, "index.html has no {}", breaking::PLACE);
    ensure!(demos::place(folder)?, "index.html has no {}", demos::PLACE);
    Ok(())
}

/// Builds the module into a page's folder, if its `index.html` has a place for the name; tells whether it has.
///
/// # Errors
/// When the module does not compile, or the page cannot be read or written.
pub(super) fn place(folder: &Path) -> Result<bool> {
    module::place(folder, PLACE, "codecs", build)
}

/// The codecs' file in a built page.
///
/// # Errors
/// When the folder has none.
pub fn file(page: &Path) -> Result<PathBuf> {
    module::file(page, "codecs")
}

/// Compiles the module.
///
/// # Errors
/// When it does not compile.
pub fn build() -> Result<PathBuf> {
    module::compile("page-codecs")
}
