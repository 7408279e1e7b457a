//! What somebody meets who uses the page for the first time, and breaks something.

use anyhow::Result;
use cross_tests::bridge::Bridge;
use cross_tests::page;
use cross_tests::screen::{Composed, Screen};
use producer_core::bridge::GET_AHEAD;
use xtask::kafka::free_row;
use xtask::workspace::Scratch;

async fn script(screen: &Screen, script: &str) -> Result<serde_json::Value> {
    Ok(screen.browser().client().execute(script, vec![]).await?)
}

/// A key on what has the focus.
async fn press(screen: &Screen, code: &str) -> Result<()> {
    let event = format!("new KeyboardEvent('keydown', {{ code: '{code}', bubbles: true }})");
    script(screen, &format!("document.activeElement.dispatchEvent({event})")).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_get_loop_whose_bridge_dies_only_what_may_have_been_sent_is_unknown() -> Result<()> {
    const MANY: u32 = 100_000;
    let mut bridge = Bridge::serve(page::folder()?, &[])?;
    let screen = Screen::start().await?;
    screen.open(&bridge.address).await?;
    screen.send_record("get", &Composed::keyed("user-42", "again"), MANY).await?;
    screen.wait_until("a hundred answers", async || Ok((screen.score().await?.acked > 100).then_some(()))).await?;
    bridge.kill();
    screen.wait_for_link(&["lost"]).await?;
    let score = screen.score().await?;
    assert!(score.adds_up() && score.sent == u64::from(MANY), "{score:?}");
    assert!((1..=u64::from(GET_AHEAD)).contains(&score.unknown), "{score:?}");
    assert_eq!(score.waiting, score.sent - score.acked - score.unknown, "and those the program had not come to");
    // In the picture stands what was handed to send(), and not what was asked for.
    let sent = script(&screen, "return document.querySelector('.stage-picture').getAttribute('aria-label')").await?;
    assert!(!sent.as_str().unwrap_or_default().contains("100\u{202f}000 sent"), "{sent}");
    Ok(())
}

/// A page waits for two minutes for its bridge, but not for one that another start has taken the place of.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_whose_bridge_was_started_again_is_told_that_its_token_is_old() -> Result<()> {
    let elsewhere = page::StaticServer::start(page::folder()?)?;
    let started = |port: u16| {
        let port = format!("127.0.0.1:{port}");
        Bridge::serve(page::folder()?, &["--listen", &port, "--allow-origin", &elsewhere.origin()])
    };
    let mut bridge = started(0)?;
    let (of_the_bridge, of_another) = (Screen::start().await?, Screen::start().await?);
    of_the_bridge.open(&bridge.address).await?;
    of_another.open(&elsewhere.origin()).await?;
    of_another.connect(&bridge.address).await?;
    for screen in [&of_the_bridge, &of_another] {
        screen.wait_for_link(&["open"]).await?;
    }
    bridge.kill();
    let _again = started(bridge.port())?;
    let told = |texts: &[String]| texts.iter().any(|text| text.contains("another token"));
    for screen in [&of_the_bridge, &of_another] {
        screen.wait_for_link(&["ended"]).await?;
        screen.browser().wait_until_texts("link-trouble", told).await?;
        // A page that is loaded again has forgotten that, and is told the same.
        screen.browser().client().refresh().await?;
        screen.browser().wait_until_texts("link-trouble", told).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_that_are_gone_look_gone_and_look_well_again_when_they_are_back() -> Result<()> {
    let listen = format!("127.0.0.1:{}", free_row(3)?);
    let brokers = Bridge::broker(&["--listen", &listen])?;
    let servers = brokers.bootstrap_servers();
    let bridge = Bridge::serve(page::folder()?, &["--bootstrap-servers", &servers])?;
    let screen = Screen::start().await?;
    screen.open(&bridge.address).await?;
    screen.browser().click("arm").await?;
    screen.send_record("get", &Composed::keyed("user-42", "tea"), 1).await?;
    screen.wait_until_settled().await?;
    assert!(screen.browser().texts("brokers-trouble").await?.is_empty());

    drop(brokers);
    screen.browser().wait_until_texts("brokers-down", |texts| texts == ["no broker answers"]).await?;
    let told = screen.browser().text("brokers-trouble").await?;
    for words in ["No broker has answered since ", "delivery.timeout.ms"].into_iter().chain(servers.split(',')) {
        assert!(told.contains(words), "{words} in {told}");
    }
    let lamps = script(&screen, "return document.querySelectorAll('.stage-lamp:not(.stage-lamp-off)').length").await?;
    assert_eq!(lamps, 0, "no lamp burns");

    let _again = Bridge::broker(&["--listen", &listen])?;
    screen.browser().wait_until_texts("brokers-trouble", <[String]>::is_empty).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_composer_begins_with_what_the_bridges_serialisers_take() -> Result<()> {
    let folder = Scratch::new("first-steps")?;
    let file = folder.path().join("application.yml");
    let package = "org.apache.kafka.common.serialization";
    let yaml = format!(
        "spring:\n  kafka:\n    producer:\n      key-serializer: {package}.IntegerSerializer\n      value-serializer: {package}.UUIDSerializer\n"
    );
    std::fs::write(&file, yaml)?;
    let bridge = Bridge::serve(page::folder()?, &["--producer-config", &file.to_string_lossy()])?;
    let screen = Screen::start().await?;
    screen.open(&bridge.address).await?;
    screen.browser().wait_until_texts("key-bytes", |texts| texts == ["0x0000002a · 4 B"]).await?;
    // Nothing is to be mended first.
    screen.wait_until("Send that can be pressed", async || Ok(screen.can_send().await?.then_some(()))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_write_where_is_said_where_the_topic_is_named() -> Result<()> {
    let brokers = Bridge::broker(&[])?;
    let options = ["--bootstrap-servers", &brokers.bootstrap_servers(), "--allow-topic", "orders"];
    let bridge = Bridge::serve(page::folder()?, &options)?;
    let screen = Screen::start().await?;
    screen.open(&bridge.address).await?;
    screen.browser().click("arm").await?;
    screen.compose(&Composed { topic: "payments", ..Composed::keyed("k", "v") }).await?;
    let told = |texts: &[String]| matches!(texts, [text] if text.contains("orders") && text.contains("--allow-topic"));
    screen.browser().wait_until_texts("topic-not-allowed", told).await?;
    screen.browser().type_into("topic", "orders").await?;
    screen.browser().wait_until_texts("topic-not-allowed", <[String]>::is_empty).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_row_wants_a_key_and_one_that_nobody_touched_is_no_header() -> Result<()> {
    let (screen, _server) = page::by_itself().await?;
    screen.browser().choose("speed", "max").await?;
    screen.add_header("", Some("")).await?;
    assert!(screen.browser().texts("header-hint").await?.is_empty());
    let code = "return document.querySelector('.code ol').innerText";
    assert!(!script(&screen, code).await?.to_string().contains("headers()"), "none is in the program");
    screen.browser().type_into("header-value", "1").await?;
    screen.browser().wait_until_texts("header-hint", |texts| texts.len() == 1).await?;
    assert!(script(&screen, code).await?.to_string().contains("headers()"));

    // A record that send() refuses is answered by nobody, and no answer was the slowest.
    screen.browser().type_into("partition", "-1").await?;
    screen.browser().click("send").await?;
    screen.browser().wait_until_texts("summary", |texts| texts == ["1 sent: 1 failed"]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_is_not_there_is_told_at_its_field_and_can_be_sent_to_all_the_same() -> Result<()> {
    let (screen, _server) = page::by_itself().await?;
    let told = || screen.browser().texts("partition-nowhere");
    for (partition, words) in [("7", Some("orders has p0 to p2")), ("-1", Some("ProducerRecord throws")), ("2", None)] {
        screen.compose(&Composed { partition, ..Composed::keyed("user-42", "tea") }).await?;
        let wanted = |texts: &[String]| match words {
            Some(words) => texts.iter().any(|text| text.contains(words)),
            None => texts.is_empty(),
        };
        screen.browser().wait_until_texts("partition-nowhere", wanted).await?;
        let invalid = screen.attribute("partition", "aria-invalid").await?;
        assert_eq!(invalid == "true", words.is_some(), "{partition}: {invalid}, {:?}", told().await?);
        assert!(screen.can_send().await?, "{partition}: the client takes it and tells what became of it");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_part_of_the_picture_tells_its_details_to_keys_and_fingers() -> Result<()> {
    let (screen, _server) = page::by_itself().await?;
    let details = || screen.browser().texts("details");
    script(&screen, "document.querySelector('.stage').focus()").await?;
    assert!(details().await?.is_empty());
    press(&screen, "ArrowDown").await?;
    let first = screen.browser().wait_until_texts("details", |texts| texts.len() == 1).await?;
    press(&screen, "ArrowDown").await?;
    screen.browser().wait_until_texts("details", |texts| texts.len() == 1 && texts != first).await?;
    press(&screen, "ArrowUp").await?;
    screen.browser().wait_until_texts("details", |texts| texts == first).await?;
    press(&screen, "Escape").await?;
    screen.browser().wait_until_texts("details", <[String]>::is_empty).await?;
    let is_stage = script(&screen, "return document.activeElement.classList.contains('stage')").await?;
    assert_eq!(is_stage, true, "the focus is where it came from");

    // A finger, or the mouse's button.
    let sender = screen.browser().client().find(fantoccini::Locator::Css(".stage-carriage")).await?;
    sender.click().await?;
    screen.browser().wait_until_texts("details", |texts| texts.len() == 1 && texts[0].contains("sender")).await?;
    let two_frames_later = "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))";
    screen.browser().client().execute_async(two_frames_later, Vec::new()).await?;
    assert_eq!(details().await?.len(), 1, "it stays");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_name_of_a_topic_leaves_the_page_as_wide_as_it_was() -> Result<()> {
    let bridge = Bridge::serve(page::folder()?, &[])?;
    let screen = Screen::start().await?;
    screen.open(&bridge.address).await?;
    let longest = "t".repeat(249);
    let record = Composed { topic: &longest, partition: "7", ..Composed::keyed("user-42", "tea") };
    screen.send_record("callback", &record, 1).await?;
    for width in [1_440, 390] {
        screen.browser().client().set_window_size(width, 900).await?;
        let widths = "const page = document.scrollingElement; return [page.scrollWidth, page.clientWidth]";
        let widths = script(&screen, widths).await?;
        assert_eq!(widths[0], widths[1], "at {width} nothing lies beside the window");
        let cut = "const form = document.querySelector('.composer'); return form.scrollWidth - form.clientWidth";
        assert_eq!(script(&screen, cut).await?, 0, "nor beside the composer");
    }
    Ok(())
}

/// Of what must be read whole: is any of it cut, or beside its window?
const CUT: &str = "return [...document.querySelectorAll(arguments[0])].filter(element =>
    element.offsetParent && element.scrollWidth > element.clientWidth + 1).map(element => element.textContent)";

#[tokio::test(flavor = "multi_thread")]
async fn the_picture_and_the_badge_are_whole_on_windows_of_every_usual_width() -> Result<()> {
    let (screen, _server) = page::by_itself().await?;
    let cut = async |selector: &str| screen.browser().client().execute(CUT, vec![selector.into()]).await;
    // Also beside scroll bars that take 15 px of these.
    for width in [1_440, 1_400, 1_366, 1_280, 390] {
        screen.browser().client().set_window_size(width, 900).await?;
        for language in ["en", "ko"] {
            screen.browser().choose("language", language).await?;
            for whole in [".stage", ".badge .word", ".composer", ".composer button"] {
                let found = cut(whole).await?;
                assert_eq!(found, serde_json::json!([]), "{whole} at {width} in {language}");
            }
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn large_numbers_stay_on_one_line_of_the_ledger() -> Result<()> {
    let (screen, _server) = page::by_itself().await?;
    screen.browser().choose("speed", "max").await?;
    screen.send_record("callback", &Composed::keyed("user-42", "tea"), 100_000).await?;
    screen.wait_until_settled().await?;
    let heights =
        "return [...document.querySelectorAll('[data-test-id=ledger-metadata]')].map(row => row.getClientRects().length
        * Math.round(row.getBoundingClientRect().height / parseFloat(getComputedStyle(row).lineHeight)))";
    for width in [1_440, 390] {
        screen.browser().client().set_window_size(width, 900).await?;
        let lines: Vec<u64> = serde_json::from_value(script(&screen, heights).await?)?;
        assert!(!lines.is_empty() && lines.iter().all(|lines| *lines == 1), "at {width}: {lines:?}");
        let cut = screen.browser().client().execute(CUT, vec![".row-place".into()]).await?;
        assert_eq!(cut, serde_json::json!([]), "at {width}");
    }
    let rows = screen.ledger().await?;
    assert!(rows[0].metadata_text.ends_with("@99999"), "{}", rows[0].metadata_text);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_pasted_in_another_form_are_told_apart_and_change_nothing() -> Result<()> {
    let bridge = Bridge::serve(page::folder()?, &[])?;
    let screen = Screen::start().await?;
    screen.open(&bridge.address).await?;
    screen.browser().click("settings").await?;
    screen.browser().type_into("settings-text", "spring:\n  kafka:\n    producer:\n      acks: 1").await?;
    let told = screen.browser().text("settings-text-problem").await?;
    assert!(told.contains("Line 1") && told.contains("--producer-config"), "{told}");
    assert!(screen.browser().texts("settings-notice").await?.is_empty(), "and not as keys that nobody knows");
    let is_off = script(&screen, "return document.querySelector('[data-test-id=settings-apply]').disabled").await?;
    assert_eq!(is_off, true, "nothing of it can be applied");
    Ok(())
}
