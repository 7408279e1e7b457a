//! `cargo xtask trunk`: the page as Trunk builds it for the web, optimised by wasm-opt.

use std::{path::PathBuf, process::Command};

use anyhow::Result;

use crate::{process, progress, tools, workspace};

/// Where [`build`] puts the page.
pub fn folder() -> PathBuf {
    workspace::target_dir().join("trunk-page")
}

/// Builds the page with the pinned Trunk, wasm-bindgen and wasm-opt, building or fetching those first when the cache
/// has none (a quarter of an hour on two cores, once).
///
/// # Errors
/// When a tool cannot be had, or the page does not build.
pub fn build() -> Result<()> {
    process::run(trunk("build")?.arg("--release").arg("--dist").arg(folder()))?;
    progress!("the page is in {}", folder().display());
    Ok(())
}

/// `trunk serve` on a loopback port, as it is started by hand, but in a folder of its own. Trunk compiles the page first.
///
/// # Errors
/// When a tool cannot be had.
pub fn serve(port: u16) -> Result<Command> {
    let mut command = trunk("serve")?;
    command.args(["--port", &port.to_string(), "--dist"]).arg(workspace::target_dir().join("trunk-serve"));
    Ok(command)
}

fn trunk(subcommand: &str) -> Result<Command> {
    tools::rust_toolchain()?;
    let tools = [tools::trunk()?, tools::wasm_bindgen()?, tools::wasm_opt()?];
    let folders = [tools[0].as_path(), tools[1].as_path(), tools[2].as_path()];
    let mut command = Command::new(tools[0].join("trunk"));
    command
        // Offline: were a tool of ours not the version that Trunk wants, it would fetch its own, unseen.
        .args([subcommand, "--offline"])
        .env("PATH", tools::path_with(&folders)?)
        .current_dir(workspace::root());
    Ok(command)
}
