//! Where things are: the sources, the build outputs, and the folder that outlives a clone.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

/// The repository's top folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask stands in the repository")
}

/// Cargo's output folder: `CARGO_TARGET_DIR` when set (as `.ci/run` does, to stay warm in a fresh clone), else `target`.
pub fn target_dir() -> PathBuf {
    // A relative value means the same to cargo and to us because every command is run from the top folder.
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// A folder under the user's cache directory for what is slow to get and the same in every clone: Kafka's jars, tools,
/// other clients. Each entry's name carries its version, so nothing here ever needs to be brought up to date.
///
/// # Errors
/// When neither `XDG_CACHE_HOME` nor `HOME` is set, or the folder cannot be made.
pub fn cache_dir(entry: &str) -> Result<PathBuf> {
    let base = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
        .context("neither XDG_CACHE_HOME nor HOME is set: no place to keep Kafka's jars and the tools")?;
    let dir = base.join("kafka-producer-playground").join(entry);
    fs::create_dir_all(dir.parent().unwrap_or(&dir)).with_context(|| format!("making {}", dir.display()))?;
    Ok(dir)
}

/// Makes `cache_dir(entry)` once: `fill` gets an empty folder beside it, and only a filled folder takes the name.
///
/// Two processes may fill at once; the first to finish wins and the other's work is dropped, so that a reader never
/// sees half an entry.
///
/// # Errors
/// What `fill` returns, or the file system.
pub fn cached(entry: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let dir = cache_dir(entry)?;
    if dir.is_dir() {
        return Ok(dir);
    }
    let partial = cache_dir(&format!("{entry}.partial-{}", std::process::id()))?;
    if partial.exists() {
        fs::remove_dir_all(&partial)?;
    }
    fs::create_dir_all(&partial)?;
    let outcome = fill(&partial).and_then(|()| match fs::rename(&partial, &dir) {
        Err(_) if dir.is_dir() => Ok(()),
        renamed => renamed.with_context(|| format!("naming {}", dir.display())),
    });
    if partial.exists() {
        fs::remove_dir_all(&partial)?;
    }
    outcome.map(|()| dir)
}

/// A folder of its own for one run, removed when dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes an empty folder under the system's folder for temporary files.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn new(purpose: &str) -> Result<Self> {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let serial = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = env::temp_dir().join(format!("playground-{purpose}-{}-{serial}", std::process::id()));
        fs::create_dir(&dir).with_context(|| format!("making {}", dir.display()))?;
        Ok(Self(dir))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A child that is still dying may write once more: try again before leaving something behind.
        for _ in 0..20 {
            if fs::remove_dir_all(&self.0).is_ok() || !self.0.exists() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
}
