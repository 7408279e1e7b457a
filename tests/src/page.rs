//! The page's files, and a server for them that is not the bridge.

use std::{
    env,
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock, PoisonError},
};

use anyhow::{Result, ensure};
pub use xtask::static_server::StaticServer;
use xtask::workspace::Scratch;

use crate::screen::Screen;

/// The folder of the built page: the one that `PLAYGROUND_PAGE` names (what Trunk wrote, in `.ci/run`), else built now,
/// once per test run.
///
/// # Errors
/// When the page does not compile, or the named folder holds none.
pub fn folder() -> Result<&'static Path> {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    static BUILDING: Mutex<()> = Mutex::new(());
    // The tests of one file run side by side; two builds would write over each other.
    let _building = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(folder) = FOLDER.get() {
        return Ok(folder);
    }
    let folder = match env::var_os("PLAYGROUND_PAGE") {
        Some(folder) => PathBuf::from(folder),
        None => xtask::page::build()?,
    };
    ensure!(folder.join("index.html").is_file(), "no page in {}", folder.display());
    Ok(FOLDER.get_or_init(|| folder))
}

/// A browser that shows the page from a file server, without any bridge. The server must live as long as the screen.
///
/// # Errors
/// As [`folder`] and [`Screen::open`].
pub async fn by_itself() -> Result<(Screen, StaticServer)> {
    let server = StaticServer::start(folder()?)?;
    let screen = Screen::start().await?;
    screen.open(&server.origin()).await?;
    Ok((screen, server))
}

/// A page of one line and a module of no use, for those who only want a bridge: it reads them once, when it starts.
///
/// # Errors
/// When the files cannot be written.
pub fn small() -> Result<Scratch> {
    let folder = Scratch::new("small-page")?;
    std::fs::write(folder.path().join("index.html"), "<!doctype html><title>small</title>")?;
    std::fs::write(folder.path().join("app.wasm"), b"\0asm")?;
    Ok(folder)
}
