//! compression.type in the page: with the codecs that it fetches for its own world, and with a bridge's.

use std::path::Path;

use anyhow::{Context as _, Result};
use cross_tests::bridge::Bridge;
use cross_tests::page::{self, StaticServer};
use cross_tests::screen::{Composed, Screen};
use kafka_producer::embedded::EmbeddedBrokers;
use producer_core::ids::TopicPartition;
use xtask::page::codecs;
use xtask::workspace::Scratch;

/// A value that shrinks.
const VALUE: &str = "tea and tea and tea and tea and tea and tea and tea and tea and tea and tea";

async fn send_a_hundred(screen: &Screen) -> Result<()> {
    screen.send_record("callback", &Composed::keyed("user-42", VALUE), 100).await?;
    let score = screen.wait_until_settled().await?;
    assert_eq!((score.sent, score.acked), (100, 100), "{score:?}");
    Ok(())
}

/// Presses Apply and waits until a producer with these settings is in force.
async fn apply(screen: &Screen, lines: &str) -> Result<()> {
    screen.write_settings(lines).await?;
    screen.browser().click("settings-apply").await?;
    is_in_force(screen).await
}

async fn is_in_force(screen: &Screen) -> Result<()> {
    screen.browser().wait_until_texts("settings-state", |texts| texts == ["in force"]).await.map(drop)
}

/// The files of the codecs that were asked for.
fn fetched(server: &StaticServer) -> Vec<String> {
    let requests = server.requests().into_iter().map(|request| request.path);
    requests.filter(|path| path.starts_with("/codecs-")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_codecs_are_fetched_once_when_the_first_producer_compresses() -> Result<()> {
    let (screen, server) = page::by_itself().await?;
    screen.browser().choose("speed", "max").await?;
    apply(&screen, "linger.ms=50").await?;
    assert_eq!(fetched(&server), Vec::<String>::new(), "nobody compresses yet");

    for codec in ["gzip", "snappy", "lz4", "zstd"] {
        apply(&screen, &format!("linger.ms=50\ncompression.type={codec}")).await?;
    }
    let name = codecs::file(page::folder()?)?.file_name().map(|name| format!("/{}", name.to_string_lossy()));
    assert_eq!(fetched(&server), [name.context("a name")?]);
    send_a_hundred(&screen).await?;
    assert!(screen.browser().texts("alert").await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_level_that_has_no_effect_in_the_page_is_told_of_in_both_languages() -> Result<()> {
    let (screen, _server) = page::by_itself().await?;
    screen.write_settings("compression.type=zstd\ncompression.zstd.level=19").await?;
    let told = |sentence: &'static str| move |texts: &[String]| texts == [sentence];
    let english = "compression.zstd.level: level has no effect in the simulation";
    screen.browser().wait_until_texts("settings-notice", told(english)).await?;
    screen.browser().choose("language", "ko").await?;
    let korean = "compression.zstd.level: 시뮬레이션에서는 level의 효과가 없음";
    screen.browser().wait_until_texts("settings-notice", told(korean)).await?;

    screen.browser().click("settings-apply").await?;
    screen.browser().click("settings-close").await?;
    screen.browser().click("notices").await?;
    screen.browser().wait_until_texts("notices-line", told(korean)).await?;
    screen.write_settings("compression.type=gzip\ncompression.gzip.level=9").await?;
    screen.browser().wait_until_texts("settings-notice", <[String]>::is_empty).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn codecs_that_cannot_be_had_cost_nothing_but_a_second_try() -> Result<()> {
    let folder = Scratch::new("page-without-codecs")?;
    copy(page::folder()?, folder.path())?;
    let file = codecs::file(folder.path())?;
    let module = std::fs::read(&file)?;
    std::fs::remove_file(&file)?;
    let server = StaticServer::start(folder.path())?;
    let screen = Screen::start().await?;
    screen.open(&server.origin()).await?;
    screen.browser().choose("speed", "max").await?;

    let lines = "linger.ms=7\ncompression.type=zstd";
    screen.write_settings(lines).await?;
    screen.browser().click("settings-apply").await?;
    let alerts = screen.browser().wait_until_texts("alert", |alerts| alerts.len() == 1).await?;
    assert!(alerts[0].contains("compression.type") && alerts[0].contains("HTTP 404"), "{alerts:?}");
    assert_eq!(screen.field("settings-text").await?.trim(), lines, "what was typed stays");
    screen.browser().wait_until_texts("settings-state", |texts| texts == ["2 changed"]).await?;
    screen.browser().click("settings-close").await?;
    screen.send_record("get", &Composed::keyed("user-42", "as before"), 1).await?;
    assert_eq!(screen.wait_until_settled().await?.acked, 1, "with the settings in force");

    // A file cut short, then the whole one.
    for (content, is_whole) in [(&module[..module.len() / 2], false), (&module[..], true)] {
        std::fs::write(&file, content)?;
        let before = fetched(&server).len();
        screen.browser().click("alert-again").await?;
        screen.wait_until("fetch", async || Ok((fetched(&server).len() > before).then_some(()))).await?;
        let told = |alerts: &[String]| match alerts {
            [] => is_whole,
            [alert] => !is_whole && !alert.contains("HTTP"),
            _ => false,
        };
        screen.browser().wait_until_texts("alert", told).await?;
    }
    let chips = "return [...document.querySelectorAll('.setting-chip b')].map(chip => chip.textContent)";
    let in_force = async || {
        let chips = screen.browser().client().execute(chips, vec![]).await?;
        Ok((chips == serde_json::json!(["7", "zstd"])).then_some(()))
    };
    screen.wait_until("settings in force", in_force).await
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        // What the page is made of stands side by side.
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn through_a_bridge_a_batch_is_compressed_with_the_bridges_codecs() -> Result<()> {
    let brokers = EmbeddedBrokers::start_default().await?;
    let bridge = Bridge::serve(page::folder()?, &["--bootstrap-servers", &brokers.bootstrap_servers()])?;
    let screen = Screen::start().await?;
    screen.open(&bridge.address).await?;
    screen.browser().click("arm").await?;
    apply(&screen, "linger.ms=50\ncompression.type=zstd\ncompression.zstd.level=19").await?;
    assert!(screen.browser().texts("settings-notice").await?.is_empty(), "there every level has its effect");
    send_a_hundred(&screen).await?;

    let script = "return performance.getEntriesByType('resource').map(entry => entry.name)";
    let asked: Vec<String> = serde_json::from_value(screen.browser().client().execute(script, vec![]).await?)?;
    assert!(!asked.iter().any(|address| address.contains("codecs-")), "{asked:?}");
    let orders_1 = TopicPartition { topic: "orders".into(), partition: 1 };
    let (codecs, bytes) = brokers.with_cluster(|cluster, _| {
        let log = cluster.log(&orders_1).expect("the key's partition");
        let codecs: Vec<i16> = log.batches().map(|batch| batch.view().codec()).collect();
        (codecs, log.batches().map(|batch| batch.bytes.len()).sum::<usize>())
    });
    assert!(!codecs.is_empty() && codecs.iter().all(|codec| *codec == 4), "{codecs:?}");
    assert!(bytes * 5 < 100 * VALUE.len(), "{bytes} bytes");
    Ok(())
}
