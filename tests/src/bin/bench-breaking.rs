//! How long *Break my config* takes in a page: `cargo xtask bench breaking`.
//!
//! In a headless Chromium, as a person would see it: from the click on Search to the word Done. Worlds that hold are played to
//! the last; natively the same worlds are played beside it.
#![allow(clippy::print_stdout, reason = "a command talks to a person at a terminal")]

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use cross_tests::demo_page::DemoPage;
use producer_core::breaking::{Question, Search, Task};

/// Small worlds, as many as a search has unless told otherwise.
const WORLDS: u32 = 20_000;
/// Patience: ten times what is asked for.
const PATIENCE: Duration = Duration::from_secs(600);

#[tokio::main]
async fn main() -> Result<()> {
    let page = DemoPage::open("#break").await?;
    page.browser().type_into("break-text", "# the client's defaults").await?;
    page.browser().type_into("break-worlds", &WORLDS.to_string()).await?;
    let began = Instant::now();
    page.browser().click("break-search").await?;
    loop {
        let task = page.browser().texts("break-task").await?;
        if task.first().is_some_and(|task| task == "Done") {
            break;
        }
        if began.elapsed() > PATIENCE {
            bail!("not done after {PATIENCE:?}: {task:?}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let in_page = began.elapsed();
    println!("{}", page.browser().text("break-result").await?);

    let began = Instant::now();
    let mut search = Search::new(Question { worlds: WORLDS, ..Question::default() }, None)?;
    while search.advance(1_000).task != Task::Done {}
    let natively = began.elapsed();
    let profile = if cfg!(debug_assertions) { "without optimisation" } else { "optimised" };
    println!("natively, {profile}: {:.1} s", natively.as_secs_f64());
    println!("{WORLDS} worlds in the page: {:.1} s", in_page.as_secs_f64());
    Ok(())
}
