//! The built page, held in memory and served as it is, but for a mark by which it knows that a bridge served it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;

/// Files of a built page, by path below it, with forward slashes.
#[derive(Debug)]
pub(crate) struct Page {
    files: BTreeMap<String, File>,
}

/// One file.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) content: Bytes,
    pub(crate) media_type: &'static str,
}

/// The mark. A page without a token behind its address can then say that one is missing, instead of passing for a page
/// that never had a bridge.
const MARK: &str = r#"<meta name="playground-bridge" content="1" />"#;

/// Shown where no built page was found.
const MISSING: &str = "The bridge runs, but its page was not built.\n\n\
    Run `cargo xtask play`, which builds page and bridge, or name a built page with --page DIR.\n";

impl Page {
    /// Reads a folder once; what is not in it then does not exist, so no path can lead out of it.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(crate) fn read(folder: &Path) -> io::Result<Self> {
        let mut files = BTreeMap::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(next)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let below = path.strip_prefix(folder).map_err(io::Error::other)?;
                let name: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
                let mut content = fs::read(&path)?;
                if below == Path::new("index.html") {
                    content = marked(content);
                }
                let file = File { content: content.into(), media_type: media_type(&path) };
                files.insert(name.join("/"), file);
            }
        }
        Ok(Self { files })
    }

    /// A page that says what to do about the missing one.
    pub(crate) fn missing() -> Self {
        let file = File { content: MISSING.into(), media_type: "text/plain; charset=utf-8" };
        Self { files: BTreeMap::from([("index.html".to_owned(), file)]) }
    }

    /// Where a built page is when nobody says: beside the binary, as the build leaves it.
    pub(crate) fn beside_the_binary() -> Option<PathBuf> {
        let binary = std::env::current_exe().ok()?;
        binary
            .ancestors()
            .skip(1)
            .take(3)
            .map(|folder| folder.join("page"))
            .find(|page| page.join("index.html").is_file())
    }

    /// The file for a request's path.
    pub(crate) fn get(&self, path: &str) -> Option<&File> {
        let name = path.strip_prefix('/')?;
        self.files.get(if name.is_empty() { "index.html" } else { name })
    }
}

/// With the mark at the beginning of its head, if it has one.
fn marked(index: Vec<u8>) -> Vec<u8> {
    const HEAD: &str = "<head>";
    match String::from_utf8(index) {
        Ok(text) => text.replacen(HEAD, &format!("{HEAD}{MARK}"), 1).into_bytes(),
        Err(other) => other.into_bytes(),
    }
}

fn media_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("json" | "webmanifest") => "application/json",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_in_the_folder_is_there() {
        let folder = std::env::temp_dir().join(format!("page-{}", std::process::id()));
        fs::create_dir_all(folder.join("sub")).expect("a folder");
        fs::write(folder.join("index.html"), "<head><title>page</title></head>").expect("a file");
        fs::write(folder.join("sub/app.wasm"), "wasm").expect("a file");
        let page = Page::read(&folder).expect("readable");
        fs::remove_dir_all(&folder).expect("removable");

        assert_eq!(page.get("/").expect("index").media_type, "text/html; charset=utf-8");
        let index = &page.get("/").expect("index").content;
        assert_eq!(index, &format!("<head>{MARK}<title>page</title></head>"), "it knows who served it");
        assert_eq!(page.get("/sub/app.wasm").expect("wasm").content, "wasm", "and nothing else is touched");
        assert_eq!(page.get("/sub/app.wasm").expect("wasm").media_type, "application/wasm");
        for path in ["/..", "/../etc/passwd", "/sub/../index.html", "//index.html", "/sub", "index.html", "/%2e%2e/x"] {
            assert!(page.get(path).is_none(), "{path}");
        }
    }
}
