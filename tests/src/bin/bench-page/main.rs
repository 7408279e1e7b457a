//! Chromium for `cargo xtask bench sim`: serves the folder that is named, opens its first page, and runs each line of its
//! standard input there as the body of an asynchronous function. What that returns comes back as a line of JSON.

#![expect(clippy::print_stdout, reason = "whoever started it reads it")]

use std::io::stdin;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use cross_tests::browser::Browser;
use serde_json::Value;
use xtask::static_server::StaticServer;

#[tokio::main]
async fn main() -> Result<()> {
    let folder: PathBuf = std::env::args_os().nth(1).context("the folder to serve")?.into();
    let server = StaticServer::start(&folder)?;
    let browser = Browser::start().await?;
    browser.open(&format!("{}/index.html", server.origin())).await?;
    for line in stdin().lines() {
        let script = format!(
            "const done = arguments[arguments.length - 1];
            (async () => {{ {} }})().then((told) => done({{ told: told ?? null }}), (error) => done({{ error: `${{error}}` }}));",
            line?
        );
        let told = browser.client().execute_async(&script, vec![]).await?;
        ensure!(told.get("error").is_none(), "{}", told["error"]);
        println!("{}", told.get("told").unwrap_or(&Value::Null));
    }
    Ok(())
}
