//! `cargo xtask size`: what a browser downloads until a record can be sent, compressed, beside the smallest yew page.
//!
//! A headless Chromium loads the page from a server that remembers what was asked for: a file that the page fetches
//! cannot be forgotten in the table, however it came to be fetched.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{page, process, progress, static_server::StaticServer, tools, workspace};

/// One row: a file, plain and compressed with brotli as a web server would (quality 11, window of 22 bits).
#[derive(Debug)]
struct Row {
    path: String,
    plain_bytes: usize,
    brotli_bytes: usize,
}

/// Builds both pages with the same profile and bundler, loads them, and prints a table; below it what is fetched only when
/// somebody compresses, plays a demo or searches. The last line is `total N bytes, R x minimal yew`.
///
/// # Errors
/// When a page does not build or never becomes ready, or asks for a file that is not there.
pub fn command() -> Result<()> {
    tools::ensure(&[tools::CHROMIUM])?;
    let minimal = page::build_from(&workspace::root().join("xtask/minimal-yew"), "minimal-yew-page")?;
    let ours = page::build()?;
    let minimal = measure("minimal yew", &minimal, "data-test-id=\"count\"")?;
    let codecs = page::codecs::file(&ours)?;
    let world = fs::read(page::demos::file(&ours)?)?;
    let breaking = fs::read(page::breaking::file(&ours)?)?;
    let ours = measure("playground", &ours, "data-test-id=\"send\"")?;
    let codecs = fs::read(codecs)?;
    println!("{:32} {:>9} {:>9}", "on demand: codecs", codecs.len(), brotli(&codecs)?.len());
    println!("{:32} {:>9} {:>9}\n", "on demand: demos", world.len(), brotli(&world)?.len());
    println!("{:32} {:>9} {:>9}\n", "on demand: break my config", breaking.len(), brotli(&breaking)?.len());
    println!("total {ours} bytes, {:.2} x minimal yew", ratio(ours, minimal));
    Ok(())
}

/// `a / b` for sizes far below 2⁵³, where the conversion is exact.
#[expect(clippy::cast_precision_loss, reason = "a page has fewer than 2^53 bytes")]
fn ratio(a: usize, b: usize) -> f64 {
    a as f64 / b as f64
}

/// Loads the page until `ready` stands in its document, prints its table, and returns its compressed size.
fn measure(name: &str, folder: &Path, ready: &str) -> Result<usize> {
    progress!("loading {name} in Chromium");
    let server = StaticServer::start(folder)?;
    load(&server, ready).with_context(|| format!("loading {name}"))?;

    let mut rows = BTreeMap::new();
    for request in server.requests() {
        // Asked for by the browser, not by the page: served or not, it delays nothing.
        if request.path == "/favicon.ico" && request.file.is_none() {
            continue;
        }
        let file = request.file.with_context(|| format!("the page asks for {}, which is not there", request.path))?;
        let plain = fs::read(&file)?;
        let row = Row { path: request.path, plain_bytes: plain.len(), brotli_bytes: brotli(&plain)?.len() };
        rows.insert(file, row);
    }
    let total = rows.values().map(|row| row.brotli_bytes).sum();
    let plain: usize = rows.values().map(|row| row.plain_bytes).sum();
    println!("{name:32} {:>9} {:>9}", "bytes", "brotli");
    for Row { path, plain_bytes, brotli_bytes } in rows.values() {
        println!("{path:32} {plain_bytes:>9} {brotli_bytes:>9}");
    }
    println!("{:32} {plain:>9} {total:>9}\n", format!("{} files", rows.len()));
    Ok(total)
}

/// Has Chromium load the page and print its document, with more time to settle until `ready` stands in it.
fn load(server: &StaticServer, ready: &str) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(90);
    let mut budget_ms = 4_000;
    loop {
        let profile = workspace::Scratch::new("chromium")?;
        let document = process::capture(
            Command::new("chromium")
                .args(tools::CHROMIUM_FLAGS)
                .arg(format!("--user-data-dir={}", profile.path().display()))
                .arg(format!("--virtual-time-budget={budget_ms}"))
                .args(["--dump-dom", &server.origin()])
                .stderr(Stdio::null()),
        )?;
        if document.contains(ready) {
            break;
        }
        if Instant::now() > deadline {
            std::io::stderr().write_all(document.as_bytes())?;
            bail!("no {ready} in the page's document");
        }
        budget_ms *= 2;
    }
    ensure!(!server.requests().is_empty(), "Chromium asked for nothing");
    Ok(())
}

fn brotli(plain: &[u8]) -> Result<Vec<u8>> {
    let mut compressed = Vec::new();
    let params = brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 22, ..Default::default() };
    brotli::BrotliCompress(&mut &plain[..], &mut compressed, &params)?;
    Ok(compressed)
}
