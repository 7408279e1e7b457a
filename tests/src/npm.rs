//! Packages from npm, whose lock files name their versions and checksums.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use xtask::{process, tools, workspace};

/// The folder `node_modules` with the package that `package-lock.json` in this folder of sources locks; fetched once.
///
/// # Errors
/// When it cannot be fetched, or is another one than the lock says.
pub fn library(name: &str, version: &str, sources: &Path) -> Result<PathBuf> {
    // Tests side by side would fetch it into one folder.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let package = workspace::cached(&format!("{name}-{version}"), |folder| {
        tools::ensure(&[tools::NPM])?;
        for file in ["package.json", "package-lock.json"] {
            fs::copy(sources.join(file), folder.join(file))?;
        }
        let options = ["ci", "--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts"];
        process::run(Command::new("npm").args(options).current_dir(folder))
    })?;
    Ok(package.join("node_modules"))
}

/// Checks that the lock file in this folder pins the package to this version and to a checksum.
///
/// # Panics
/// When it does not.
#[cfg(test)]
pub(crate) fn check_lock(package: &str, version: &str, sources: &Path) {
    let lock = fs::read_to_string(sources.join("package-lock.json")).expect("a file");
    let lock: serde_json::Value = serde_json::from_str(&lock).expect("JSON");
    let package = &lock["packages"][format!("node_modules/{package}")];
    assert_eq!(package["version"], version);
    assert!(package["integrity"].as_str().is_some_and(|sum| sum.starts_with("sha512-")), "{package}");
}
