//! A module beside the page's own: built apart from it, named after its content, and made known in the page's head.
//!
//! The page fetches it when it is first needed. Under a name of its own no cache can answer with that of another build.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::{process, progress, workspace};

/// Builds a module into a page's folder under a name made from its content, and writes that name into the page's head,
/// if there is a place for it; tells whether there is.
///
/// # Errors
/// When the module does not compile, or the page cannot be read or written.
pub(super) fn place(folder: &Path, place: &str, name: &str, build: impl FnOnce() -> Result<PathBuf>) -> Result<bool> {
    let index = folder.join("index.html");
    let html = fs::read_to_string(&index).with_context(|| format!("reading {}", index.display()))?;
    if !html.contains(place) {
        return Ok(false);
    }
    let module = fs::read(build()?)?;
    let name = format!("{name}-{:016x}.wasm", fnv_1a(&module));
    fs::write(folder.join(&name), module)?;
    fs::write(index, html.replace(place, &place.replace("\"\"", &format!("\"{name}\""))))?;
    Ok(true)
}

/// The file of this module in a built page.
///
/// # Errors
/// When the folder has none.
pub(super) fn file(page: &Path, name: &str) -> Result<PathBuf> {
    let beginning = format!("{name}-");
    for entry in fs::read_dir(page).with_context(|| format!("reading {}", page.display()))? {
        let path = entry?.path();
        if path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(&beginning)) {
            return Ok(path);
        }
    }
    bail!("no {name}-*.wasm in {}", page.display())
}

/// Compiles a module without bindings, without the names of its functions.
///
/// # Errors
/// When it does not compile.
pub(super) fn compile(package: &str) -> Result<PathBuf> {
    progress!("compiling {package} to wasm (profile web)");
    process::run(
        Command::new("cargo")
            .args(["rustc", "--target", "wasm32-unknown-unknown", "--profile", "web", "--package", package])
            .args(["--lib", "--", "-C", "strip=symbols"])
            .current_dir(workspace::root()),
    )?;
    let module = format!("{}.wasm", package.replace('-', "_"));
    Ok(workspace::target_dir().join("wasm32-unknown-unknown/web").join(module))
}

/// Fowler–Noll–Vo: enough to tell one build from another.
fn fnv_1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
