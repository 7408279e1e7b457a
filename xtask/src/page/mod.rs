//! Builds a page into one folder, without trunk, wasm-opt or Node, from the `index.html` that Trunk reads too.
//!
//! Differences to Trunk's output: plain file names, and the module is started by a file (`init.js`) instead of a script
//! in the text, so that the page can be served with `script-src 'self' 'wasm-unsafe-eval'`.

pub mod breaking;
pub mod codecs;
pub mod demos;
mod module;
mod template;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use template::Asset;

use crate::{process, progress, tools, workspace};

/// Builds the playground's page and returns its folder, `page` in cargo's output folder.
///
/// # Errors
/// When the page does not compile, or `index.html` asks for something that is not there.
pub fn build() -> Result<PathBuf> {
    build_from(workspace::root(), "page")
}

/// Builds the page whose `index.html` stands in `source`, into the folder `name` in cargo's output folder.
///
/// # Errors
/// As [`build`].
pub fn build_from(source: &Path, name: &str) -> Result<PathBuf> {
    tools::rust_toolchain()?;
    let index = source.join("index.html");
    let html = fs::read_to_string(&index).with_context(|| format!("reading {}", index.display()))?;
    let output = workspace::target_dir().join(name);
    // One per process: two builds at a time must not take each other's files.
    let partial = output.with_extension(format!("partial-{}", std::process::id()));
    if partial.exists() {
        fs::remove_dir_all(&partial)?;
    }
    fs::create_dir_all(&partial)?;

    let mut links = Vec::new();
    for link in template::links(&html)? {
        let text = place(&link.asset, &link.attributes, source, &partial)
            .with_context(|| format!("{}: {}", index.display(), &html[link.place.clone()]))?;
        links.push((link, text));
    }
    fs::write(partial.join("index.html"), template::replace(&html, &links))?;
    codecs::place(&partial)?;
    breaking::place(&partial)?;
    demos::place(&partial)?;

    if output.exists() {
        fs::remove_dir_all(&output)?;
    }
    fs::rename(&partial, &output)?;
    Ok(output)
}

/// Puts one asset into the output folder, and returns the tags that the browser needs for it.
fn place(asset: &Asset, attributes: &str, source: &Path, output: &Path) -> Result<String> {
    match asset {
        Asset::Rust { manifest, bin, profile } => {
            let module = compile(&source.join(manifest), bin.as_deref(), profile)?;
            start_module(&module, output)
        }
        Asset::Css(file) => {
            let name = copy(&source.join(file), output)?;
            Ok(format!("<link rel=\"stylesheet\" href=\"./{name}\"{attributes}>"))
        }
        Asset::Icon(file) => {
            let name = copy(&source.join(file), output)?;
            Ok(format!("<link rel=\"icon\" href=\"./{name}\"{attributes}>"))
        }
        Asset::CopyFile { file, folder } => {
            let folder = output.join(folder);
            fs::create_dir_all(&folder)?;
            copy(&source.join(file), &folder)?;
            Ok(String::new())
        }
        Asset::CopyDir { source: from, folder } => {
            copy_folder(&source.join(from), &output.join(folder))?;
            Ok(String::new())
        }
    }
}

/// Compiles the crate to wasm and returns the module.
fn compile(manifest: &Path, bin: Option<&str>, profile: &str) -> Result<PathBuf> {
    let text = fs::read_to_string(manifest).with_context(|| format!("reading {}", manifest.display()))?;
    let package =
        text.parse::<toml::Table>()?["package"]["name"].as_str().context("the package has no name")?.to_owned();
    let bin = bin.unwrap_or(&package);
    progress!("compiling {package} to wasm (profile {profile})");
    process::run(
        Command::new("cargo")
            .args(["build", "--target", "wasm32-unknown-unknown", "--profile", profile])
            .args(["--package", &package, "--bin", bin])
            .current_dir(workspace::root()),
    )?;
    Ok(workspace::target_dir().join("wasm32-unknown-unknown").join(profile).join(format!("{bin}.wasm")))
}

/// Writes the module, its glue and the script that starts it.
fn start_module(module: &Path, output: &Path) -> Result<String> {
    let name = module.file_stem().and_then(|stem| stem.to_str()).context("the module has no name")?;
    copy_folder(&glue(module, name)?, output)?;
    // The event is Trunk's, so that a page may wait for it under either.
    fs::write(
        output.join("init.js"),
        format!(
            "import init, * as bindings from './{name}.js';
const wasm = await init({{ module_or_path: new URL('./{name}_bg.wasm', import.meta.url) }});
window.wasmBindings = bindings;
dispatchEvent(new CustomEvent('TrunkApplicationStarted', {{ detail: {{ wasm }} }}));
"
        ),
    )?;
    Ok(format!(
        "<link rel=\"modulepreload\" href=\"./{name}.js\">
    <link rel=\"preload\" href=\"./{name}_bg.wasm\" as=\"fetch\" type=\"application/wasm\" crossorigin>
    <script type=\"module\" src=\"./init.js\"></script>"
    ))
}

/// The folder with the module's glue, written anew only when the module has changed.
fn glue(module: &Path, name: &str) -> Result<PathBuf> {
    let work = workspace::target_dir().join("page-glue").join(name);
    let (written_for, glue) = (work.join("module.wasm"), work.join("glue"));
    let module_bytes = fs::read(module).with_context(|| format!("reading {}", module.display()))?;
    if glue.is_dir() && fs::read(&written_for).is_ok_and(|bytes| bytes == module_bytes) {
        return Ok(glue);
    }
    if work.exists() {
        fs::remove_dir_all(&work)?;
    }
    fs::create_dir_all(&glue)?;
    progress!("writing its JavaScript glue (the first time this compiles the writer)");
    process::run(
        Command::new("cargo")
            .args(["run", "--package", "xtask", "--features", "bundle", "--bin", "page-bundler", "--"])
            .args([module, &glue])
            .current_dir(workspace::root()),
    )?;
    // Last: only a complete folder may be taken for the module's.
    fs::write(written_for, module_bytes)?;
    Ok(glue)
}

/// Copies a file into a folder where no other of its name may be, and returns its name.
fn copy(file: &Path, folder: &Path) -> Result<String> {
    let name =
        file.file_name().and_then(|name| name.to_str()).with_context(|| format!("no name: {}", file.display()))?;
    let target = folder.join(name);
    ensure!(!target.exists(), "two files would be called {name} in the page's folder");
    fs::copy(file, target).with_context(|| format!("copying {}", file.display()))?;
    Ok(name.to_owned())
}

fn copy_folder(source: &Path, target: &Path) -> Result<()> {
    fs::create_dir_all(target)?;
    for entry in fs::read_dir(source).with_context(|| format!("reading {}", source.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            copy_folder(&path, &target.join(path.file_name().context("a folder has a name")?))?;
        } else {
            copy(&path, target)?;
        }
    }
    Ok(())
}
