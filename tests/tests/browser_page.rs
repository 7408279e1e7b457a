//! The page by itself and before the embedded brokers. Also run on what Trunk writes (`PLAYGROUND_PAGE`).

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use cross_tests::bridge::Bridge;
use cross_tests::browser::{Browser, CONTROL_ENTER};
use cross_tests::page::{self, StaticServer};
use cross_tests::peers::{ConsumedRecord, java, kcat};
use cross_tests::screen::{Composed, Row, Screen, Typed};
use xtask::workspace::Scratch;

const NAME: &str = "Kafka Producer Playground";

/// One press of Send in the script.
struct Press {
    mode: &'static str,
    record: Composed<'static>,
    count: u32,
}

const fn press(mode: &'static str, record: Composed<'static>, count: u32) -> Press {
    Press { mode, record, count }
}

const fn to_partition(partition: &'static str, key: Typed<'static>, value: Typed<'static>) -> Composed<'static> {
    Composed { topic: "orders", key, value, partition }
}

/// Keys that land where Java puts them, explicit partitions against what the key says, and null, empty and text as keys
/// and as values. A null key without a partition would land where chance wills.
const SCRIPT: [Press; 10] = [
    press("get", Composed::keyed("user-42", "paid"), 3),
    press("callback", Composed::keyed("서울", "출발"), 4),
    press("forget", Composed::keyed("부산", "도착"), 2),
    press("callback", Composed::keyed("carol", "a"), 1),
    press("get", to_partition("2", Typed::Text("user-42"), Typed::Text("elsewhere")), 2),
    press("callback", to_partition("0", Typed::Null, Typed::Text("null key")), 1),
    press("callback", to_partition("0", Typed::Empty, Typed::Text("empty key")), 1),
    press("get", to_partition("0", Typed::Text("null value"), Typed::Null), 1),
    press("get", to_partition("0", Typed::Text("empty value"), Typed::Empty), 1),
    press("callback", Composed { topic: "..", ..Composed::keyed("user-42", "never stored") }, 1),
];

/// What a row says in either world. The clocks differ; so does the order of answers.
type Told = (Option<u64>, String, String, Option<String>, Option<i64>, Option<i64>, String, Option<String>);

fn told(row: Row) -> Told {
    (row.send_order, row.state, row.metadata_text, row.key, row.key_size, row.value_size, row.habit, row.error)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_tells_the_same_story_by_itself_and_before_the_embedded_brokers() -> Result<()> {
    let (screen, server) = page::by_itself().await?;
    assert_eq!(screen.attribute("badge", "data-world").await?, "in-page");
    screen.browser().choose("speed", "max").await?;
    let loaded = server.requests().len();
    let in_page = play(&screen).await?;
    the_page_asks_for_its_own_files_and_then_for_nothing_more(&screen, &server, loaded).await?;

    let bridge = Bridge::serve(page::folder()?, &[])?;
    screen.open(&bridge.address).await?;
    assert_eq!(screen.attribute("badge", "data-world").await?, "embedded");
    let embedded = play(&screen).await?;
    let same: Vec<Told> = embedded.iter().cloned().map(told).collect();
    assert_eq!(in_page.into_iter().map(told).collect::<Vec<_>>(), same);

    what_is_shown_is_stored(&bridge, &embedded)?;
    headers_and_a_timestamp_arrive_as_they_were_written(&screen, &bridge).await?;
    a_hundred_thousand_records_are_stored_and_counted(&screen, &bridge).await?;
    control_enter_sends_and_composing_a_syllable_does_not(&screen).await?;
    a_reload_keeps_the_bridge_and_the_address_keeps_no_token(&screen, &bridge).await
}

/// Presses Send as the script says and returns the rows, oldest first.
async fn play(screen: &Screen) -> Result<Vec<Row>> {
    for Press { mode, record, count } in &SCRIPT {
        screen.send_record(mode, record, *count).await?;
        screen.wait_until_settled().await?;
    }
    let records: u32 = SCRIPT.iter().map(|press| press.count).sum();
    let mut rows = screen.wait_until_ledger("row per record", |rows| rows.len() == records as usize).await?;
    let score = screen.score().await?;
    assert_eq!((score.sent, score.acked, score.failed), (records.into(), (records - 1).into(), 1), "{score:?}");
    rows.sort_by_key(|row| row.send_order);
    Ok(rows)
}

async fn the_page_asks_for_its_own_files_and_then_for_nothing_more(
    screen: &Screen,
    server: &StaticServer,
    loaded: usize,
) -> Result<()> {
    let requests = server.requests();
    // A browser asks for this one by itself.
    let missing: Vec<_> = requests.iter().filter(|r| r.file.is_none() && r.path != "/favicon.ico").collect();
    assert!(missing.is_empty(), "{missing:?}");
    let later: Vec<_> = requests[loaded..].iter().filter(|request| request.path != "/favicon.ico").collect();
    assert!(later.is_empty(), "asked for while records were sent: {later:?}");
    let script = "return performance.getEntriesByType('resource').map(entry => entry.name)";
    let asked: Vec<String> = serde_json::from_value(screen.browser().client().execute(script, vec![]).await?)?;
    assert!(asked.iter().any(|address| address.ends_with(".wasm")), "{asked:?}");
    let foreign: Vec<_> = asked.iter().filter(|address| !address.starts_with(&server.origin())).collect();
    assert!(foreign.is_empty(), "third parties: {foreign:?}");
    Ok(())
}

/// kcat and Java read what the page shows, and null, empty and text are three different things for them, too.
fn what_is_shown_is_stored(bridge: &Bridge, rows: &[Row]) -> Result<()> {
    let stored = kcat::consume_all(&bridge.bootstrap_servers(), "orders")?;
    let mut shown = rows.iter().filter(|row| row.state == "acked").map(as_consumed).collect::<Result<Vec<_>>>()?;
    shown.sort();
    let without_values = |record: &ConsumedRecord| ConsumedRecord { value: None, ..record.clone() };
    assert_eq!(stored.iter().map(without_values).collect::<Vec<_>>(), shown);

    let keys: Vec<_> = ["user-42", "서울", "부산", "carol"].into();
    for (key, partition) in java::partitions_for_keys(&keys, 3)? {
        let first = rows.iter().find(|row| row.key.as_deref() == Some(key)).context("it was sent")?;
        assert_eq!(first.partition, Some(partition), "{key}");
    }
    let of = |text: &str| Some(text.to_owned());
    let strange: Vec<_> = stored.iter().filter(|record| record.partition == 0).collect();
    let strange: Vec<_> = strange[strange.len() - 4..].iter().map(|record| (&record.key, &record.value)).collect();
    assert_eq!(
        strange,
        [
            (&None, &of("null key")),
            (&of(""), &of("empty key")),
            (&of("null value"), &None),
            (&of("empty value"), &of("")),
        ]
    );
    let size_of = |key: &Option<String>, value: &Option<String>| {
        let length = |text: &Option<String>| text.as_ref().map_or(Ok(-1), |text| i64::try_from(text.len()));
        anyhow::Ok((Some(length(key)?), Some(length(value)?)))
    };
    for record in &stored {
        let row = rows.iter().find(|row| (row.partition, row.offset) == (Some(record.partition), Some(record.offset)));
        let row = row.context("every record is shown")?;
        assert_eq!((row.key_size, row.value_size), size_of(&record.key, &record.value)?, "{record:?}");
    }
    Ok(())
}

fn as_consumed(row: &Row) -> Result<ConsumedRecord> {
    let partition = row.partition.context("a partition")?;
    let offset = row.offset.context("an offset")?;
    assert_eq!(row.metadata_text, format!("orders-{partition}@{offset}"));
    let timestamp_ms = row.timestamp_ms.context("a timestamp")?;
    Ok(ConsumedRecord { partition, offset, timestamp_ms, key: row.key.clone(), value: None })
}

async fn headers_and_a_timestamp_arrive_as_they_were_written(screen: &Screen, bridge: &Bridge) -> Result<()> {
    screen.compose(&Composed { topic: "with-headers", ..Composed::keyed("k", "v") }).await?;
    screen.add_header("taken back", None).await?;
    screen.add_header("trace", Some("1")).await?;
    screen.add_header("trace", Some("둘")).await?;
    screen.add_header("absent", None).await?;
    // One that is taken back, in front of the others and of another kind.
    screen.browser().click("header-remove").await?;
    screen
        .wait_until("header less", async || Ok((screen.browser().texts("header-key").await?.len() == 3).then_some(())))
        .await?;
    let kinds = "return [...document.querySelectorAll('[data-test-id=\"header-kind\"]')].map(select => select.value)";
    let kinds = screen.browser().client().execute(kinds, vec![]).await?;
    assert_eq!(kinds, serde_json::json!(["text", "text", "null"]), "what is shown is what is sent");
    screen.browser().type_into("timestamp", "1700000000123").await?;
    screen.choose_mode("get").await?;
    screen.set_count(1).await?;
    screen.send().await?;
    screen.wait_until_settled().await?;
    assert_eq!(screen.ledger().await?[0].timestamp_ms, Some(1_700_000_000_123));
    screen.browser().type_into("timestamp", "").await?;
    let stored = kcat::consume_all(&bridge.bootstrap_servers(), "with-headers")?;
    assert_eq!(stored.iter().map(|record| record.timestamp_ms).collect::<Vec<_>>(), [1_700_000_000_123]);
    let headers = kcat::consume_headers(&bridge.bootstrap_servers(), "with-headers")?;
    let header = |key: &str, value: Option<&str>| (key.to_owned(), value.map(str::to_owned));
    assert_eq!(headers, [vec![header("trace", Some("1")), header("trace", Some("둘")), header("absent", None)]]);
    Ok(())
}

async fn a_hundred_thousand_records_are_stored_and_counted(screen: &Screen, bridge: &Bridge) -> Result<()> {
    let before = screen.wait_until_settled().await?;
    screen.compose(&Composed { topic: "many", ..Composed::keyed("k", "v") }).await?;
    screen.choose_mode("callback").await?;
    screen.browser().click("count-100000").await?;
    screen.send().await?;
    let after = screen.wait_until_settled().await?;
    assert_eq!((after.sent - before.sent, after.acked - before.acked), (100_000, 100_000));
    assert_eq!(kcat::consume_all(&bridge.bootstrap_servers(), "many")?.len(), 100_000);
    screen.browser().click("count-1").await
}

async fn control_enter_sends_and_composing_a_syllable_does_not(screen: &Screen) -> Result<()> {
    screen.compose(&Composed::keyed("user-42", "by keyboard")).await?;
    for field in ["key", "value"] {
        let sent = screen.score().await?.sent;
        screen.browser().press(field, CONTROL_ENTER).await?;
        screen.wait_until("send by keyboard", async || Ok((screen.score().await?.sent > sent).then_some(()))).await?;
        assert_eq!(screen.wait_until_settled().await?.sent, sent + 1, "once, from {field}");
        assert_eq!(screen.field("value").await?, "by keyboard", "and no line break is typed");
    }

    let stroke = "document.querySelector('[data-test-id=\"value\"]').dispatchEvent(new KeyboardEvent('keydown',
        { code: 'Enter', key: 'Enter', ctrlKey: true, bubbles: true, cancelable: true, isComposing: arguments[0] }))";
    let sent = screen.score().await?.sent;
    screen.browser().client().execute(stroke, vec![true.into()]).await?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(screen.score().await?.sent, sent, "that Enter belongs to the input method");
    screen.browser().client().execute(stroke, vec![false.into()]).await?;
    screen.wait_until("send by the same stroke", async || Ok((screen.score().await?.sent > sent).then_some(()))).await
}

async fn a_reload_keeps_the_bridge_and_the_address_keeps_no_token(screen: &Screen, bridge: &Bridge) -> Result<()> {
    let address = screen.browser().client().current_url().await?.to_string();
    assert_eq!(address.trim_end_matches('/'), bridge.origin());
    let history = screen.browser().client().execute("return document.documentElement.outerHTML", vec![]).await?;
    assert!(!history.to_string().contains(bridge.token()), "the token is shown nowhere");
    screen.reload().await?;
    assert_eq!(screen.attribute("badge", "data-world").await?, "embedded");
    assert_eq!(screen.attribute("link", "data-state").await?, "open");
    screen.send_record("get", &Composed::keyed("user-42", "after the reload"), 1).await?;
    assert_eq!(screen.wait_until_settled().await?.acked, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_world_goes_on_step_by_step_and_a_thousand_records_are_two_clicks() -> Result<()> {
    let (screen, _server) = page::by_itself().await?;
    screen.browser().choose("speed", "1").await?;
    screen.browser().click("pause").await?;
    screen.send_record("get", &Composed::keyed("user-42", "step by step"), 1).await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(screen.score().await?.waiting, 1, "time stands still");
    let mut steps = 0;
    while screen.score().await?.acked == 0 {
        ensure!(steps < 200, "never acknowledged");
        screen.browser().click("step").await?;
        steps += 1;
    }
    assert!(steps > 3, "a record's way has more than {steps} steps");
    assert!(!screen.browser().texts("history-line").await?.is_empty(), "and what happened can be read");

    screen.browser().choose("speed", "max").await?;
    for count in ["1", "10", "100", "100000", "1000"] {
        screen.browser().click(&format!("count-{count}")).await?;
        screen.wait_until("count", async || Ok((screen.field("count").await? == count).then_some(()))).await?;
    }
    for wrong in ["0", "100001", "-1", "many", ""] {
        screen.browser().type_into("count", wrong).await?;
        screen.wait_until("Send that refuses", async || Ok((!screen.can_send().await?).then_some(()))).await?;
    }
    screen.browser().click("count-1000").await?;
    screen.choose_mode("callback").await?;
    screen.send().await?;
    assert_eq!(screen.wait_until_settled().await?.acked, 1_001);
    screen.wait_until_ledger("short ledger", |rows| rows.len() == 60).await?;
    screen.browser().click("ledger-more").await?;
    let rows = screen.wait_until_ledger("long ledger", |rows| rows.len() == 1_000).await?;
    let orders: Vec<_> = rows.iter().filter_map(|row| row.send_order).collect();
    assert_eq!(orders, (2..=1_001).rev().collect::<Vec<_>>(), "the newest first");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn language_and_theme_are_remembered_and_nothing_typed_is_lost() -> Result<()> {
    let (screen, _server) = page::by_itself().await?;
    screen.compose(&Composed { partition: "1", ..Composed::keyed("홍길동", "주문 42") }).await?;
    screen.add_header("trace", Some("둘")).await?;
    screen.set_count(7).await?;
    screen.choose_mode("forget").await?;

    assert_eq!(screen.field("language").await?, "en");
    let english = screen.browser().text("send").await?;
    for (language, is_english) in [("ko", false), ("en", true), ("ko", false)] {
        screen.browser().choose("language", language).await?;
        let shown = |texts: &[String]| (texts == [english.as_str()]) == is_english;
        screen.browser().wait_until_texts("send", shown).await?;
        assert_eq!(html_attribute(&screen, "lang").await?, language);
        for (field, typed) in [
            ("topic", "orders"),
            ("key", "홍길동"),
            ("value", "주문 42"),
            ("partition", "1"),
            ("header-key", "trace"),
            ("header-value", "둘"),
            ("count", "7"),
        ] {
            assert_eq!(screen.field(field).await?, typed, "{field} in {language}");
        }
        assert_eq!(screen.attribute("mode-forget", "aria-pressed").await?, "true");
    }

    let theme = html_attribute(&screen, "data-theme").await?;
    let other = if theme == "dark" { "light" } else { "dark" };
    let paper = "return getComputedStyle(document.body).backgroundColor";
    let before = screen.browser().client().execute(paper, vec![]).await?;
    screen.browser().click("theme").await?;
    screen
        .wait_until("theme that changes", async || {
            Ok((html_attribute(&screen, "data-theme").await? == other).then_some(()))
        })
        .await?;
    assert_ne!(screen.browser().client().execute(paper, vec![]).await?, before);

    screen.reload().await?;
    assert_eq!(screen.field("language").await?, "ko");
    assert_eq!(html_attribute(&screen, "lang").await?, "ko");
    assert_ne!(screen.browser().text("send").await?, english);
    assert_eq!(html_attribute(&screen, "data-theme").await?, other);
    Ok(())
}

async fn html_attribute(screen: &Screen, name: &str) -> Result<String> {
    let script = "return document.documentElement.getAttribute(arguments[0]) ?? ''";
    Ok(serde_json::from_value(screen.browser().client().execute(script, vec![name.into()]).await?)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_module_the_page_says_so_instead_of_staying_white() -> Result<()> {
    let html = std::fs::read_to_string(page::folder()?.join("index.html"))?;
    let body = html.split("<body").nth(1).context("a body")?;
    assert!(body.contains(NAME), "the title stands in the file, before anything has run");

    let browser = Browser::start().await?;
    let whole = StaticServer::start(page::folder()?)?;
    browser.open(&whole.origin()).await?;
    browser.wait_for("send").await?;
    assert_eq!(boot_error(&browser).await?, "", "where nothing is wrong, nothing is said");

    for (what, damage) in [
        ("missing", remove_the_module as fn(&Path) -> Result<()>),
        ("damaged", cut_the_module_in_half),
        ("blocked", forbid_modules),
    ] {
        let folder = copy_of_the_page()?;
        damage(folder.path())?;
        let server = StaticServer::start(folder.path())?;
        browser.open(&server.origin()).await?;
        says_what_is_wrong(&browser).await.with_context(|| format!("with the module {what}"))?;
    }
    Ok(())
}

async fn says_what_is_wrong(browser: &Browser) -> Result<()> {
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while boot_error(browser).await?.is_empty() {
        ensure!(std::time::Instant::now() < deadline, "nothing is said; console: {:?}", browser.console().await?);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let said = boot_error(browser).await?;
    ensure!(said.split_whitespace().count() >= 5, "a sentence, not {said:?}");
    let shown = browser.client().execute("return document.body.innerText", vec![]).await?;
    ensure!(shown.as_str().is_some_and(|text| text.contains(NAME)), "the title is there: {shown}");
    Ok(())
}

/// The visible text of the page's notice that it could not start; empty while it is hidden.
async fn boot_error(browser: &Browser) -> Result<String> {
    let script = "const notice = document.querySelector('[data-test-id=\"boot-error\"]');
        return notice?.checkVisibility() ? notice.innerText.trim() : ''";
    Ok(serde_json::from_value(browser.client().execute(script, vec![]).await?)?)
}

fn copy_of_the_page() -> Result<Scratch> {
    fn copy(from: &Path, to: &Path) -> Result<()> {
        for entry in std::fs::read_dir(from)? {
            let entry = entry?;
            let target = to.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                std::fs::create_dir(&target)?;
                copy(&entry.path(), &target)?;
            } else {
                std::fs::copy(entry.path(), target)?;
            }
        }
        Ok(())
    }
    let folder = Scratch::new("damaged-page")?;
    copy(page::folder()?, folder.path())?;
    Ok(folder)
}

fn the_module(folder: &Path) -> Result<PathBuf> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        // Others are fetched when they are needed; what wasm-bindgen wrote is the page's own.
        if path.file_name().is_some_and(|name| name.to_string_lossy().ends_with("_bg.wasm")) {
            return Ok(path);
        }
    }
    anyhow::bail!("no module in {}", folder.display())
}

fn remove_the_module(folder: &Path) -> Result<()> {
    Ok(std::fs::remove_file(the_module(folder)?)?)
}

fn cut_the_module_in_half(folder: &Path) -> Result<()> {
    let file = the_module(folder)?;
    let content = std::fs::read(&file)?;
    Ok(std::fs::write(file, &content[..content.len() / 2])?)
}

/// As a cautious company's browser may.
fn forbid_modules(folder: &Path) -> Result<()> {
    const POLICY: &str =
        "<head><meta http-equiv=\"Content-Security-Policy\" content=\"script-src 'self' 'unsafe-inline'\">";
    let file = folder.join("index.html");
    let html = std::fs::read_to_string(&file)?;
    ensure!(html.contains("<head>"), "a place for a policy");
    Ok(std::fs::write(file, html.replacen("<head>", POLICY, 1))?)
}
