//! What is waited for is said: which partition, until when and why; how far a large send is; and nothing that stands for
//! something in motion stands still.

use anyhow::Result;
use cross_tests::page;
use cross_tests::screen::{Composed, Screen};

/// The words in the picture.
async fn picture(screen: &Screen) -> Result<String> {
    let script = "return document.querySelector('.stage-picture').textContent";
    let words = screen.browser().client().execute(script, vec![]).await?;
    Ok(words.as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_the_topic_does_not_have_is_named_while_it_is_waited_for() -> Result<()> {
    let (screen, _server) = page::by_itself().await?;
    screen.browser().choose("speed", "1").await?;
    screen.send_record("get", &Composed::keyed("user-42", "tea"), 1).await?;
    screen.wait_until_settled().await?;
    screen.send_record("get", &Composed { partition: "7", ..Composed::keyed("user-42", "tea") }, 1).await?;
    let lines = screen
        .browser()
        .wait_until_texts("history-line", |lines| lines.iter().any(|line| line.contains("again ×3")))
        .await?;
    let why = "send() of #2 waits for orders-7, at most 60 s (max.block.ms): topic orders has p0–p2 alone";
    assert!(lines.iter().any(|line| line.contains(why)), "{lines:#?}");
    let metadata = lines.iter().filter(|line| line.contains("Metadata") && line.contains("again")).count();
    assert_eq!(metadata, 1, "folded: {lines:#?}");
    let words = picture(&screen).await?;
    assert!(words.contains("p7: waiting") && words.contains("for p7") && words.contains(" of 60 s"), "{words}");
    assert!(!words.contains("hash → p1"), "that was the record before: {words}");

    screen.browser().choose("language", "ko").await?;
    let korean = |lines: &[String]| lines.iter().any(|line| line.contains("orders-7 대기, 최대 60 s (max.block.ms)"));
    screen.browser().wait_until_texts("history-line", korean).await?;
    assert!(picture(&screen).await?.contains("p7 대기 중"));
    screen.browser().choose("language", "en").await?;

    screen.browser().choose("speed", "max").await?;
    assert_eq!(screen.wait_until_settled().await?.failed, 1);
    let over =
        |lines: &[String]| lines.iter().any(|line| line.contains("the future of #2 has failed: TimeoutException"));
    screen.browser().wait_until_texts("history-line", over).await?;
    assert!(!picture(&screen).await?.contains("p7: waiting"), "nobody waits any more");
    assert!(screen.browser().texts("clock").await?.concat().starts_with("60."), "seconds, where there are so many");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_send_says_how_far_it_is_and_what_is_left_at_every_speed() -> Result<()> {
    let (screen, _server) = page::by_itself().await?;
    screen.send_record("get", &Composed::keyed("user-42", "tea"), 100_000).await?;
    // One after the other, and each fifty times slower than life: nobody waits for that.
    let told = screen.browser().wait_until_texts("time-left", |left| left.concat().contains(" h left")).await?;
    assert_eq!(told.len(), 1, "{told:?}");
    screen.browser().click("pause").await?;
    screen.browser().wait_until_texts("time-left", |left| left == ["paused"]).await?;
    screen.browser().choose("speed", "max").await?;
    screen.browser().wait_until_texts("time-left", |left| left.concat().contains(" left")).await?;
    let far = |done: String| done.parse::<u64>().unwrap_or_default();
    let before = far(screen.attribute("progress", "data-done").await?);
    screen
        .wait_until("more of it", async || {
            Ok((far(screen.attribute("progress", "data-done").await?) > before + 1_000).then_some(()))
        })
        .await?;
    // Drawn over and over at one place, an answer would look as if nothing came home.
    let ink = "const canvas = document.querySelector('.stage-canvas');
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        return data.reduce((sum, value) => sum + value, 0)";
    assert_eq!(screen.browser().client().execute(ink, vec![]).await?, 0, "nothing stands where all is in motion");
    screen.browser().click("stop").await?;
    let score = screen.wait_until_settled().await?;
    assert!(score.adds_up() && score.sent == 100_000 && score.never > 0, "{score:?}");
    // What the trace left out of the details, the ledger knows.
    let cells = "return [...document.querySelectorAll('[data-test-id=log-cell] text:first-of-type')].map(text => text.textContent)";
    let cells: Vec<String> = serde_json::from_value(screen.browser().client().execute(cells, vec![]).await?)?;
    assert!(!cells.is_empty() && cells.iter().all(|label| label == "user-42"), "{cells:?}");
    Ok(())
}
