//! What the browser remembers. Where it may not (private windows, blocked storage), the page works without.

use web_sys::Storage;

/// For this tab alone: the bridge's address with its token.
pub(crate) const BRIDGE: &str = "playground.bridge";
/// For good: `en` or `ko`. Also read by `boot.js`, before there is a module.
pub(crate) const LANGUAGE: &str = "playground.language";
/// For good: `light` or `dark`. Also read by `boot.js`.
pub(crate) const THEME: &str = "playground.theme";
/// For this tab alone: what was typed in *Break my config*.
pub(crate) const BREAKING: &str = "playground.break";
/// For good: the slugs of the demos whose reveal was read, with spaces between.
pub(crate) const DEMOS_DONE: &str = "playground.demos";

/// How long something is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Memory {
    /// Until the tab is closed.
    Tab,
    /// For good.
    Browser,
}

impl Memory {
    fn storage(self) -> Option<Storage> {
        let window = web_sys::window()?;
        let storage = match self {
            Self::Tab => window.session_storage(),
            Self::Browser => window.local_storage(),
        };
        storage.ok().flatten()
    }

    /// What was kept under `key`.
    pub(crate) fn get(self, key: &str) -> Option<String> {
        self.storage()?.get_item(key).ok().flatten()
    }

    /// Keeps `value`, or forgets what was kept.
    pub(crate) fn set(self, key: &str, value: Option<&str>) {
        if let Some(storage) = self.storage() {
            // A full or forbidden storage is no reason to bother anybody.
            let _ = match value {
                Some(value) => storage.set_item(key, value),
                None => storage.remove_item(key),
            };
        }
    }
}
