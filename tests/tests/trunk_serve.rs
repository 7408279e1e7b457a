//! `trunk serve`, as the README has it started: the page alone, and beside a bridge. Needs Trunk, so it runs where the
//! page is also built with it: `cargo xtask test --trunk`.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use cross_tests::bridge::Bridge;
use cross_tests::page;
use cross_tests::screen::{Composed, Screen};
use xtask::{kafka::free_ports, process::OwnedChild, trunk};

/// Patience until Trunk has compiled the page, without any of it compiled before.
const COMPILING: Duration = Duration::from_secs(900);

#[tokio::test(flavor = "multi_thread")]
async fn trunk_serves_a_page_with_brokers_of_its_own_that_reaches_a_bridge_which_allows_its_origin() -> Result<()> {
    let port = free_ports(1)?[0];
    let mut served = OwnedChild::spawn(&mut trunk::serve(port)?, None)?;
    let origin = format!("http://127.0.0.1:{port}");
    wait_until_it_listens(port, &mut served)?;

    let screen = Screen::start().await?;
    screen.open(&origin).await?;
    assert_eq!(screen.attribute("badge", "data-world").await?, "in-page");
    screen.browser().choose("speed", "max").await?;
    screen.send_record("get", &Composed::keyed("user-42", "paid"), 1).await?;
    let rows = screen.wait_until_ledger("an offset", |rows| rows.iter().any(|row| row.offset.is_some())).await?;
    assert_eq!((&*rows[0].metadata_text, rows.len()), ("orders-1@0", 1));

    let closed = Bridge::serve(page::folder()?, &[])?;
    screen.connect(&closed.address).await?;
    let advice = format!("--allow-origin {origin}");
    screen.browser().wait_until_texts("connect-error", |texts| texts.iter().any(|text| text.contains(&advice))).await?;
    assert_eq!(screen.attribute("link", "data-state").await?, "in-page");

    let open = Bridge::serve(page::folder()?, &["--allow-origin", &origin])?;
    screen.connect(&format!("playground: {}", open.address)).await?;
    screen.wait_for_link(&["open"]).await?;
    assert_eq!(screen.attribute("badge", "data-world").await?, "embedded");
    screen.send_record("callback", &Composed::keyed("user-42", "shipped"), 2).await?;
    let rows = screen.wait_until_ledger("two offsets", |rows| rows.len() == 2).await?;
    let told: Vec<&str> = rows.iter().map(|row| &*row.metadata_text).collect();
    assert_eq!(told, ["orders-1@1", "orders-1@0"]);
    served.terminate();
    Ok(())
}

fn wait_until_it_listens(port: u16, served: &mut OwnedChild) -> Result<()> {
    let deadline = Instant::now() + COMPILING;
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        ensure!(served.try_wait()?.is_none(), "trunk ended");
        ensure!(Instant::now() < deadline, "trunk serves nothing after {COMPILING:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}
