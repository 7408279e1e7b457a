//! `cargo xtask bench …`: figures, measured in a release build on this machine.

#[cfg(target_os = "linux")]
pub mod clients;
pub mod sim;
mod spread;

use std::process::Command;

use anyhow::Result;

use crate::{process, tools, workspace};

/// *Break my config* in the page, in headless Chromium; the last line is `N worlds in the page: S s`.
///
/// # Errors
/// When page or benchmark do not compile, or it fails.
pub fn breaking() -> Result<()> {
    tools::rust_toolchain()?;
    tools::ensure(&[tools::CHROMIUM, tools::CHROMEDRIVER])?;
    process::run(
        Command::new("cargo")
            .args(["run", "--release", "--package", "cross-tests", "--bin", "bench-breaking"])
            .current_dir(workspace::root()),
    )
}

/// `send` and drain beside the same records encoded with kafka-protocol; the last line is
/// `R x kafka-protocol, A allocations per record`.
///
/// # Errors
/// When the benchmark does not compile or fails.
pub fn core() -> Result<()> {
    tools::rust_toolchain()?;
    process::run(
        Command::new("cargo")
            .args(["run", "--release", "--package", "cross-tests", "--bin", "bench-core"])
            .current_dir(workspace::root()),
    )
}
