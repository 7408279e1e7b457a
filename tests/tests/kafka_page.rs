//! The page, the bridge and an Apache Kafka: what the page shows is what Kafka's own tools read.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use cross_tests::bridge::Bridge;
use cross_tests::page;
use cross_tests::peers::java;
use cross_tests::screen::{Composed, MODES, Row, Score, Screen};
use xtask::kafka::{self, ApacheKafka};

const PARTITIONS: i32 = 3;
/// Each is sent twice in each mode.
const KEYS: [&str; 6] = ["user-42", "서울", "부산", "alice", "carol", "김철수"];
const RECORDS: usize = KEYS.len() * 2 * MODES.len();

/// What identifies a record for both judges: partition, offset, timestamp and key.
type Place = (i32, i64, i64, Option<String>);

#[tokio::test(flavor = "multi_thread")]
async fn what_the_page_shows_in_each_mode_is_what_the_java_consumer_reads() -> Result<()> {
    let kafka = kafka::start(1)?;
    kafka.create_topic("orders", PARTITIONS.unsigned_abs())?;
    let servers = kafka.bootstrap_servers();
    let bridge = Bridge::serve(page::folder()?, &["--bootstrap-servers", &servers, "--allow-topic", "orders"])?;
    let screen = Screen::start().await?;
    screen.open(&bridge.address).await?;

    nothing_is_written_before_a_person_has_armed_the_page(&screen, &kafka).await?;
    a_topic_that_the_command_line_does_not_allow_is_refused(&screen, &kafka).await?;
    let javas_choice = java::partitions_for_keys(&KEYS, PARTITIONS)?;
    for mode in MODES {
        send_every_key_twice(&screen, mode, &javas_choice).await?;
    }
    every_row_is_a_record_of_the_log_and_the_reverse(&screen, &servers, &javas_choice).await
}

async fn nothing_is_written_before_a_person_has_armed_the_page(screen: &Screen, kafka: &ApacheKafka) -> Result<()> {
    assert_eq!(screen.attribute("badge", "data-world").await?, "cluster", "the page says that this is no game");
    screen.compose(&Composed::keyed("user-42", "too early")).await?;
    screen.browser().wait_for("arm").await?;
    assert!(!screen.can_send().await?, "a real cluster, and nobody has armed the page");
    // Nor by the shortcut.
    screen.browser().press("value", cross_tests::browser::CONTROL_ENTER).await?;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert!(screen.ledger().await?.is_empty());
    assert_eq!(end_offsets(kafka)?, [0, 0, 0]);

    screen.browser().click("arm").await?;
    screen.wait_until("page that is armed", async || Ok(screen.can_send().await?.then_some(()))).await
}

async fn a_topic_that_the_command_line_does_not_allow_is_refused(screen: &Screen, kafka: &ApacheKafka) -> Result<()> {
    screen.compose(&Composed { topic: "payments", ..Composed::keyed("user-42", "not here") }).await?;
    screen.browser().click("send").await?;
    let alerts = screen.browser().wait_until_texts("alert", |alerts| !alerts.is_empty()).await?;
    assert!(alerts[0].contains("orders"), "it says what is allowed: {alerts:?}");
    assert_eq!(screen.wait_until_settled().await?, Score::default(), "what was not taken counts for nothing");
    assert!(screen.ledger().await?.is_empty());
    assert_eq!(screen.field("value").await?, "not here", "what was typed stays");
    assert!(!kafka.topic_command(&["--list"])?.contains("payments"), "nor was the topic made");
    screen.browser().click("alert-dismiss").await?;
    screen.browser().wait_until_texts("alert", <[String]>::is_empty).await?;
    Ok(())
}

/// The end of every partition's log, as Kafka's own tool reads it.
fn end_offsets(kafka: &ApacheKafka) -> Result<Vec<i64>> {
    let servers = kafka.bootstrap_servers();
    let arguments = ["--bootstrap-server", &servers, "--topic", "orders"];
    let text = kafka.jars().tool("org.apache.kafka.tools.GetOffsetShell", arguments)?;
    // `orders:0:17` per line.
    text.lines().map(|line| Ok(line.rsplit(':').next().context("an offset")?.trim().parse()?)).collect()
}

async fn send_every_key_twice(screen: &Screen, mode: &str, javas_choice: &BTreeMap<&str, i32>) -> Result<()> {
    for key in KEYS {
        screen.compose(&Composed::keyed(key, "a value")).await?;
        screen
            .wait_until(&format!("chip that sends {key} where Java would"), async || {
                Ok((screen.foretold_partition().await? == javas_choice[key]).then_some(()))
            })
            .await?;
        screen.choose_mode(mode).await?;
        screen.set_count(2).await?;
        screen.send().await?;
    }
    let score = screen.wait_until_settled().await?;
    assert_eq!(score.sent, score.acked, "{mode}");
    Ok(())
}

async fn every_row_is_a_record_of_the_log_and_the_reverse(
    screen: &Screen,
    servers: &str,
    javas_choice: &BTreeMap<&str, i32>,
) -> Result<()> {
    let rows = screen.wait_until_ledger("row per record", |rows| rows.len() == RECORDS).await?;
    let read = java::consume_all(servers, "orders", PARTITIONS, RECORDS + 1)?;
    assert_eq!(read.len(), RECORDS);

    let shown: BTreeSet<Place> = rows.iter().map(place).collect::<Result<_>>()?;
    let stored: BTreeSet<Place> =
        read.iter().map(|record| (record.partition, record.offset, record.timestamp_ms, record.key.clone())).collect();
    assert_eq!(shown, stored);
    assert_eq!(shown.len(), RECORDS);
    for row in &rows {
        let (partition, offset, timestamp, key) = place(row)?;
        let key = key.context("every record has a key")?;
        assert_eq!(partition, javas_choice[key.as_str()], "{key}");
        assert_eq!(row.metadata_text, format!("orders-{partition}@{offset}"));
        ensure!(row.timestamp_text.contains(&timestamp.to_string()), "{} is not {timestamp}", row.timestamp_text);
        assert_eq!((row.key_size, row.value_size), (Some(i64::try_from(key.len())?), Some(7)), "bytes, not characters");
    }

    let send_orders: Vec<_> = rows.iter().filter_map(|row| row.send_order).collect();
    let answer_orders: BTreeSet<_> = rows.iter().filter_map(|row| row.answer_order).collect();
    let numbers: Vec<u64> = (1..=RECORDS as u64).collect();
    assert_eq!(answer_orders.into_iter().collect::<Vec<_>>(), numbers, "one answer per record");
    let mut sorted = send_orders;
    sorted.sort_unstable();
    assert_eq!(sorted, numbers, "one call of send per record");
    for mode in MODES {
        assert_eq!(rows.iter().filter(|row| row.habit == mode).count(), KEYS.len() * 2, "{mode}");
    }

    let stored: BTreeSet<_> = stored.into_iter().map(|(partition, offset, ..)| (partition, offset)).collect();
    let drawn: BTreeSet<_> = screen.lanes().await?.into_iter().collect();
    assert!(!drawn.is_empty() && drawn.is_subset(&stored), "the lanes draw {drawn:?}");
    for partition in 0..PARTITIONS {
        let newest = |places: &BTreeSet<(i32, i64)>| places.iter().rfind(|place| place.0 == partition).copied();
        assert_eq!(newest(&drawn), newest(&stored), "the newest record of partition {partition}");
    }
    Ok(())
}

fn place(row: &Row) -> Result<Place> {
    ensure!(row.state == "acked" && row.topic == "orders", "{row:?}");
    let partition = row.partition.context("a partition")?;
    let offset = row.offset.context("an offset")?;
    Ok((partition, offset, row.timestamp_ms.context("a timestamp")?, row.key.clone()))
}
