//! The codecs' module: built apart from the page's own, named after its content, and made known in the page's head.
//!
//! The page fetches it when somebody compresses. Under a name of its own no cache can answer with that of another build.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use crate::{process, progress, tools, workspace};

/// What stands in the head of a page that fetches codecs; `content` becomes the name of their file.
const PLACE: &str = r#"<meta name="playground-codecs" content="" />"#;

/// Puts the codecs and the demos beside the page that Trunk is building. Trunk's hook calls this and names the folder.
///
/// # Errors
/// When nobody names a folder, there is no page in it that fetches codecs, or the module does not compile.
pub fn command() -> Result<()> {
    let folder = env::var_os("TRUNK_STAGING_DIR").context("only Trunk calls this: TRUNK_STAGING_DIR is not set")?;
    tools::rust_toolchain()?;
    let is_placed = place(Path::new(&folder))?;
    ensure!(is_placed, "index.html has no {PLACE}");
    super::demos::place(Path::new(&folder))
}

/// Builds the module into a page's folder, if its `index.html` has a place for the name; tells whether it has.
///
/// # Errors
/// When the module does not compile, or the page cannot be read or written.
pub(super) fn place(folder: &Path) -> Result<bool> {
    place_module(folder, PLACE, "codecs", build)
}

/// Builds a module into a page's folder under a name made from its content, and writes that name into the page's head,
/// if there is a place for it; tells whether there is.
pub(super) fn place_module(
    folder: &Path,
    place: &str,
    name: &str,
    build: impl FnOnce() -> Result<PathBuf>,
) -> Result<bool> {
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

/// The codecs' file in a built page.
///
/// # Errors
/// When the folder has none.
pub fn file(page: &Path) -> Result<PathBuf> {
    file_named(page, "codecs-")
}

/// The file of a built page whose name begins so.
pub(super) fn file_named(page: &Path, beginning: &str) -> Result<PathBuf> {
    for entry in fs::read_dir(page).with_context(|| format!("reading {}", page.display()))? {
        let path = entry?.path();
        if path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(beginning)) {
            return Ok(path);
        }
    }
    anyhow::bail!("no {beginning} in {}", page.display())
}

/// Compiles the module, without the names of its functions.
///
/// # Errors
/// When it does not compile.
pub fn build() -> Result<PathBuf> {
    compile("page-codecs")
}

/// Compiles a module without bindings, without the names of its functions.
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
