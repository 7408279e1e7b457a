//! What the page says about settings and fields: where they were typed, for every way of reading, and without moving the
//! picture.

use anyhow::Result;
use cross_tests::page;
use cross_tests::screen::{Composed, Screen};

const ENTER: &str = "\u{E007}";
const ESCAPE: &str = "\u{E00C}";

/// How far the picture is from the page's upper end.
async fn stage_top(screen: &Screen) -> Result<i64> {
    let script = "return Math.round(document.querySelector('.stage').getBoundingClientRect().top + scrollY)";
    Ok(serde_json::from_value(screen.browser().client().execute(script, vec![]).await?)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_setting_does_not_do_is_said_where_it_was_typed_and_behind_a_button_afterwards() -> Result<()> {
    let (screen, _server) = page::by_itself().await?;
    for width in [1_440, 500] {
        screen.browser().client().set_window_size(width, 900).await?;
        screen.open(&_server.origin()).await?;
        let before = stage_top(&screen).await?;
        screen.write_settings("transactional.id=orders\nlinger.mss=5\nlinger.ms=7\nretries=3").await?;
        let told = |texts: &[String]| texts.len() == 2 && texts.concat().contains("transactional.id");
        let notices = screen.browser().wait_until_texts("settings-notice", told).await?;
        let script = "const at = id => document.querySelector(`[data-test-id=${id}]`).getBoundingClientRect();
            return [at('settings-text').bottom <= at('settings-notice').top, at('settings-notice').bottom <= innerHeight]";
        let below_the_text_and_in_sight = async || {
            Ok((screen.browser().client().execute(script, vec![]).await? == serde_json::json!([true, true]))
                .then_some(()))
        };
        screen.wait_until("notice below the text", below_the_text_and_in_sight).await?;

        screen.browser().click("settings-apply").await?;
        screen.browser().wait_until_texts("settings-state", |texts| texts == ["in force"]).await?;
        screen.browser().click("settings-close").await?;
        screen.browser().wait_for("notices").await?;
        let chips = screen.browser().attributes("setting-chip", "title").await?;
        assert_eq!(chips, ["transactional.id orders no effect here", "linger.mss 5 "]);
        assert_eq!(stage_top(&screen).await?, before, "at {width} pixels");

        screen.browser().press("notices", ENTER).await?;
        screen.browser().wait_until_texts("notices-line", |lines| lines == notices).await?;
        screen.browser().press("notices", ESCAPE).await?;
        let open = "return document.querySelectorAll('details.told[open]').length";
        assert_eq!(screen.browser().client().execute(open, vec![]).await?, 0);
        screen.browser().press("changed", ENTER).await?;
        let all = ["transactional.id=orders", "linger.mss=5", "linger.ms=7", "retries=3"];
        screen.browser().wait_until_texts("changed-line", |lines| lines == all).await?;
        assert_eq!(stage_top(&screen).await?, before, "at {width} pixels");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_pasted_makes_the_settings_wider_and_no_key_breaks_in_a_word() -> Result<()> {
    let (screen, _server) = page::by_itself().await?;
    let paste = "const field = document.querySelector('[data-test-id=settings-text]');
        field.value = arguments[0];
        field.dispatchEvent(new InputEvent('input', { bubbles: true }))";
    let beside = "const body = document.querySelector('.settings-body'), drawer = body.closest('.drawer');
        return [body.scrollWidth - body.clientWidth, Math.min(0, drawer.getBoundingClientRect().left)]";
    // A part of a key that begins or ends a line ends or begins with a dot.
    let broken = "return [...document.querySelectorAll('.setting label')].filter(label => {
            const parts = [...label.childNodes].filter(node => node.nodeType === Node.TEXT_NODE);
            return parts.some(part => {
                const range = document.createRange();
                range.selectNodeContents(part);
                return range.getClientRects().length > 1;
            });
        }).map(label => label.textContent)";
    for width in [1_440, 390] {
        screen.browser().client().set_window_size(width, 900).await?;
        screen.open(&_server.origin()).await?;
        screen.browser().click("settings").await?;
        screen.browser().wait_for("settings-text").await?;
        assert_eq!(screen.browser().client().execute(broken, vec![]).await?, serde_json::json!([]), "at {width}");
        let endless = format!("{}=1", "a".repeat(6_000));
        screen.browser().client().execute(paste, vec![endless.into()]).await?;
        screen.browser().wait_until_texts("settings-notice", |notices| notices.len() == 1).await?;
        assert_eq!(screen.browser().client().execute(beside, vec![]).await?, serde_json::json!([0, 0]), "at {width}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_settings_that_waits_says_what_it_is_and_for_what_it_waits() -> Result<()> {
    let (screen, _server) = page::by_itself().await?;
    screen.apply_settings("linger.ms=60000").await?;
    screen.send_record("callback", &Composed::keyed("user-42", "out"), 3).await?;
    screen.browser().click("pause").await?;
    screen.apply_settings("linger.ms=9").await?;
    let says = |words: &'static str| move |texts: &[String]| texts.concat().contains(words);
    screen.browser().wait_until_texts("applying", says("time is paused")).await?;
    screen.browser().click("applying").await?;
    screen.browser().wait_until_texts("applying-line", |lines| lines == ["linger.ms=9"]).await?;

    // Who looks again sees what was asked for.
    screen.browser().click("settings").await?;
    assert_eq!(screen.field("settings-text").await?, "linger.ms=9\n");
    screen.browser().wait_until_texts("settings-state", says("time is paused")).await?;
    assert!(!screen.browser().wait_for("settings-apply").await?.is_enabled().await?, "it is asked for already");
    screen.browser().click("settings-close").await?;

    screen.browser().choose("speed", "100").await?;
    screen.browser().wait_until_texts("applying", says("Apply waits: 3 out")).await?;
    screen.browser().choose("speed", "max").await?;
    screen.browser().wait_until_texts("applying", <[String]>::is_empty).await?;
    screen.browser().wait_until_texts("setting-chip", says("9")).await?;
    assert_eq!(screen.wait_until_settled().await?.acked, 3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_field_is_told_at_once_and_beside_it() -> Result<()> {
    let (screen, _server) = page::by_itself().await?;
    let page = screen.browser();
    page.choose("key-kind", "integer").await?;
    page.choose("value-kind", "integer").await?;
    screen.open_options().await?;
    let wrong = [("partition", "two"), ("timestamp", "now"), ("count", "0")];
    for (field, text) in wrong {
        page.type_into(field, text).await?;
    }
    page.wait_until_texts("problem", |texts| texts.len() == 5).await?;
    // Each stands behind its field and before the next one.
    let script = "return [...document.querySelectorAll('[data-test-id=problem], [aria-invalid]')]
        .map(element => element.id || 'problem')";
    let order = page.client().execute(script, vec![]).await?;
    let fields = ["key", "value", "partition", "timestamp", "count"];
    let expected: Vec<&str> = fields.into_iter().flat_map(|field| [field, "problem"]).collect();
    assert_eq!(order, serde_json::json!(expected));
    assert!(!screen.can_send().await?);
    let named = "Send is off until this is right: Value, Partition, Timestamp (ms), How many";
    page.wait_until_texts("send-off", |texts| texts == [named]).await?;

    for (field, text) in [("key", "1"), ("value", "2"), ("partition", ""), ("timestamp", ""), ("count", "1")] {
        page.type_into(field, text).await?;
    }
    page.wait_until_texts("problem", <[String]>::is_empty).await?;
    assert!(screen.can_send().await?);
    Ok(())
}
