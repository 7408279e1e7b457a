//! A run that takes long can be stopped, by its button and by leaving the page; and a bridge's page without its token
//! does not pass for one that never had a bridge.

use std::time::Duration;

use anyhow::Result;
use cross_tests::bridge::Bridge;
use cross_tests::page;
use cross_tests::peers::kcat;
use cross_tests::screen::{Composed, Screen};

/// With `get()` these would take minutes.
const MANY: u32 = 100_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_run_ends_with_its_button_and_when_its_page_is_left_and_what_was_sent_stays_sent() -> Result<()> {
    let bridge = Bridge::serve(page::folder()?, &[])?;
    let screen = Screen::start().await?;
    screen.open(&bridge.address).await?;
    screen.send_record("get", &Composed::keyed("user-42", "again"), MANY).await?;
    screen.wait_until("a hundred answers", async || Ok((screen.score().await?.acked > 100).then_some(()))).await?;
    assert!(screen.browser().texts("summary").await?.concat().is_empty(), "it is under way");
    let far: u64 = screen.attribute("progress", "data-done").await?.parse()?;
    assert!(far > 100 && screen.attribute("progress", "data-all").await? == MANY.to_string(), "{far}");
    screen.browser().wait_until_texts("time-left", |left| !left.concat().is_empty()).await?;
    screen.browser().click("stop").await?;
    let score = screen.wait_until_settled().await?;
    assert!(score.acked < u64::from(MANY) && score.failed == 0, "{score:?}");
    assert_eq!((score.sent, score.never), (u64::from(MANY), u64::from(MANY) - score.acked), "what was asked for stays");
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let told = screen.browser().texts("alert").await?.concat();
    assert_eq!(digits(&told), format!("{}{MANY}{}", score.acked, score.never), "{told}");
    let summary = screen.browser().texts("summary").await?.concat();
    assert!(digits(&summary).starts_with(&format!("{}{MANY}", score.acked)), "{summary}");
    assert!(screen.browser().texts("progress").await?.is_empty(), "nothing is under way");
    assert!(screen.browser().texts("stop").await?.is_empty(), "there is nothing more to stop");
    assert_eq!(kcat::consume_all(&bridge.bootstrap_servers(), "orders")?.len() as u64, score.acked);

    // Whoever leaves the page leaves the loop.
    screen.send_record("get", &Composed::keyed("user-42", "once more"), MANY).await?;
    screen
        .wait_until("more answers", async || Ok((screen.score().await?.acked > score.acked + 100).then_some(())))
        .await?;
    // Leaving is asked about while records are out; the driver of the browser does not wait for an answer.
    screen.browser().client().execute("window.onbeforeunload = null; location.replace('about:blank')", vec![]).await?;
    let _ = screen.browser().client().accept_alert().await;
    let mut before = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let now = kcat::consume_all(&bridge.bootstrap_servers(), "orders")?.len();
        assert!(now < MANY as usize, "{now} of {MANY}");
        if now == before {
            return Ok(());
        }
        before = now;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridges_page_without_its_token_says_what_is_missing() -> Result<()> {
    let bridge = Bridge::serve(page::folder()?, &[])?;
    let screen = Screen::start().await?;
    screen.open(bridge.origin()).await?;
    assert_eq!(screen.attribute("badge", "data-world").await?, "in-page");
    screen.browser().wait_until_texts("alert", |alerts| alerts.iter().any(|alert| alert.contains("token"))).await?;

    let server = page::StaticServer::start(page::folder()?)?;
    screen.open(&server.origin()).await?;
    assert!(screen.browser().texts("alert").await?.is_empty(), "where no bridge is, none is missed");
    Ok(())
}
