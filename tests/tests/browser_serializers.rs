//! Keys and values as objects of Java's classes: typed in the composer, or named by the settings.

use anyhow::Result;
use cross_tests::bridge::Bridge;
use cross_tests::page;
use cross_tests::screen::{Composed, Screen};
use kafka_producer::embedded::EmbeddedBrokers;
use producer_core::ids::TopicPartition;
use producer_core::murmur2::partition_for_key;
use xtask::workspace::Scratch;

const PACKAGE: &str = "org.apache.kafka.common.serialization";

async fn code(screen: &Screen) -> Result<String> {
    let script = "return document.querySelector('.code ol').innerText.replace(/\\s+/g, ' ')";
    Ok(serde_json::from_value(screen.browser().client().execute(script, vec![]).await?)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_a_class_is_shown_as_its_bytes_and_travels_as_them() -> Result<()> {
    let brokers = EmbeddedBrokers::start_default().await?;
    let bridge = Bridge::serve(page::folder()?, &["--bootstrap-servers", &brokers.bootstrap_servers()])?;
    let screen = Screen::start().await?;
    screen.open(&bridge.address).await?;
    screen.browser().click("arm").await?;
    screen.compose(&Composed::keyed("42", "1.5")).await?;
    screen.browser().choose("key-kind", "integer").await?;
    screen.browser().choose("value-kind", "double").await?;
    screen.browser().wait_until_texts("key-bytes", |texts| texts == ["0x0000002a · 4 B"]).await?;
    screen.browser().wait_until_texts("value-bytes", |texts| texts == ["0x3ff8000000000000 · 8 B"]).await?;
    let partition = partition_for_key(&42_i32.to_be_bytes(), 3);
    assert_eq!(screen.foretold_partition().await?, partition);
    let program = code(&screen).await?;
    for line in
        ["IntegerSerializer.class", "DoubleSerializer.class", "<Integer, Double>(props);", "\"orders\", 42,", "1.5d"]
    {
        assert!(program.contains(line), "{line} in {program}");
    }

    screen.choose_mode("get").await?;
    screen.send().await?;
    screen.wait_until_settled().await?;
    let row = screen.ledger().await?.remove(0);
    assert_eq!((row.partition, row.key_size, row.value_size), (Some(partition), Some(4), Some(8)));
    assert_eq!(row.key.as_deref(), Some("0x0000002a"));
    let stored = brokers.with_cluster(|cluster, _| {
        let log = cluster.log(&TopicPartition { topic: "orders".into(), partition }).expect("a log");
        log.records()
            .map(|record| (record.key.map(<[u8]>::to_vec), record.value.map(<[u8]>::to_vec)))
            .collect::<Vec<_>>()
    });
    assert_eq!(stored, [(Some(42_i32.to_be_bytes().to_vec()), Some(1.5_f64.to_be_bytes().to_vec()))]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_value_of_its_class_is_refused_in_javas_words_between_those_of_either_language() -> Result<()> {
    let (screen, _server) = page::by_itself().await?;
    screen.compose(&Composed::keyed("user-42", "{}")).await?;
    screen.browser().choose("key-kind", "integer").await?;
    let java = "NumberFormatException: For input string: \"user-42\"";
    screen.browser().wait_until_texts("problem", |texts| texts == [format!("Key is no Integer. {java}")]).await?;
    assert!(!screen.can_send().await?);
    screen.browser().choose("language", "ko").await?;
    screen
        .browser()
        .wait_until_texts("problem", |texts| texts == [format!("Key: Integer 값이 아닙니다. {java}")])
        .await?;

    screen.browser().type_into("key", "-7").await?;
    screen.browser().wait_until_texts("problem", <[String]>::is_empty).await?;
    screen.browser().choose("value-kind", "json").await?;
    screen.browser().type_into("value", "{\"city\":서울}").await?;
    // Of which Java says nothing, so no exception of Java's is named.
    screen
        .browser()
        .wait_until_texts("problem", |texts| texts == ["Value: JSON 값이 아닙니다. 9번째 글자부터 JSON이 아닙니다."])
        .await?;
    screen.browser().choose("language", "en").await?;
    let json = |texts: &[String]| texts == ["Value is no JSON. It stops being JSON at character 9."];
    screen.browser().wait_until_texts("problem", json).await?;
    screen.browser().choose("value-kind", "boolean").await?;
    let boolean = |texts: &[String]| texts == ["Value is no Boolean. Write true or false."];
    screen.browser().wait_until_texts("problem", boolean).await?;
    screen.browser().choose("value-kind", "text").await?;
    screen.browser().choose("key-kind", "text").await?;
    assert_eq!(screen.field("key").await?, "-7", "what was typed stays, whatever it is");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn serialisers_in_the_settings_are_the_composers() -> Result<()> {
    let (screen, _server) = page::by_itself().await?;
    screen.browser().choose("speed", "max").await?;
    screen.compose(&Composed::keyed("42", "tea")).await?;
    screen.write_settings(&format!("acks=1\nkey.serializer={PACKAGE}.LongSerializer\n")).await?;
    screen.browser().click("settings-apply").await?;
    screen.browser().wait_until_texts("key-bytes", |texts| texts == ["0x000000000000002a · 8 B"]).await?;
    assert_eq!(screen.field("key-kind").await?, "long");
    assert_eq!(screen.field("value-kind").await?, "text");
    assert!(code(&screen).await?.contains("LongSerializer.class"));
    let shown = || screen.field("settings-text");
    assert_eq!(shown().await?, format!("key.serializer={PACKAGE}.LongSerializer\nacks=1\n"));

    // And the reverse: what is composed stands in the settings.
    screen.browser().choose("key-kind", "uuid").await?;
    let uuid = format!("key.serializer={PACKAGE}.UUIDSerializer\nacks=1\n");
    screen.wait_until("line for UUIDs", async || Ok((shown().await? == uuid).then_some(()))).await?;

    screen.write_settings("value.serializer=com.acme.TeaSerializer\n").await?;
    let told = |texts: &[String]| texts.len() == 1 && texts[0].contains("com.acme.TeaSerializer");
    screen.browser().wait_until_texts("settings-serializer", told).await?;
    let apply = screen.browser().wait_for("settings-apply").await?;
    assert!(!apply.is_enabled().await?, "no such class here");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn serialisers_that_the_bridge_was_started_with_are_what_the_composer_begins_with() -> Result<()> {
    let folder = Scratch::new("producer-config")?;
    let file = folder.path().join("producer.properties");
    let lines = [
        format!("key.serializer = {PACKAGE}.LongSerializer"),
        "value.serializer=com.acme.TeaSerializer".to_owned(),
        "linger.ms=7".to_owned(),
    ];
    std::fs::write(&file, lines.join("\n"))?;
    let bridge = Bridge::serve(page::folder()?, &["--producer-config", &file.to_string_lossy()])?;
    let screen = Screen::start().await?;
    screen.open(&bridge.address).await?;
    let kinds = async || anyhow::Ok([screen.field("key-kind").await?, screen.field("value-kind").await?]);
    let begins = async |wanted: [&str; 2]| {
        screen.wait_until("kinds", async || Ok((kinds().await? == wanted).then_some(()))).await
    };
    begins(["long", "text"]).await?;
    screen.browser().click("notices").await?;
    let told = |texts: &[String]| matches!(texts, [text] if text.contains("value.serializer"));
    screen.browser().wait_until_texts("notices-line", told).await?;

    // What a person chooses stays, also while the producer becomes another.
    screen.browser().choose("key-kind", "uuid").await?;
    screen.apply_settings("linger.ms=8").await?;
    let chips = || screen.browser().texts("setting-chip");
    screen.wait_until("other linger.ms", async || Ok(chips().await?.concat().contains('8').then_some(()))).await?;
    begins(["uuid", "text"]).await
}
