//! What a page may ask a bridge for, and what it is told of everything else.

use std::sync::Arc;

use anyhow::Result;
use cross_tests::bridge::Bridge;
use cross_tests::page;
use cross_tests::page_client::{PageClient, send};
use cross_tests::peers::{confluent, kcat};
use producer_core::bridge::{
    BadRequest, Command, Fate, Habit, HeaderSpec, MAX_SEND_COUNT, Refusal, Report, SendCommand,
};
use producer_core::error::{Persistence, ProducerError, Surface};
use tokio_tungstenite::tungstenite::protocol::Message;

/// A page is not needed to speak its protocol.
fn serve(arguments: &[&str]) -> Result<Bridge> {
    Bridge::serve(page::small()?.path(), arguments)
}

#[tokio::test]
async fn rows_32_to_34_what_kafka_refuses_is_told_as_the_java_client_tells_it() -> Result<()> {
    let bridge = serve(&[])?;
    let mut page = PageClient::joined(&bridge).await?;
    let properties = vec![("max.block.ms".into(), "700".into())];
    page.command(&Command::Configure { properties }).await?;
    page.wait_for(|report| match report {
        Report::Configured { properties, .. } => (!properties.is_empty()).then_some(()),
        _ => None,
    })
    .await?;

    // 32: topics no broker takes.
    let long = "t".repeat(250);
    let mut id = 10;
    for topic in ["", ".", "..", "a/b", "😀", &long] {
        id += 1;
        page.command(&Command::Send(send(id, Habit::Callback, topic, "k", 1))).await?;
        let outcome = page.outcomes_of(id, 1).await?.remove(0);
        let Fate::Failed { error, surface, persistence, .. } = outcome.fate else { panic!("{topic}: {outcome:?}") };
        assert_eq!(error.java_class(), "InvalidTopicException", "{topic}");
        assert_eq!((surface, persistence), (Surface::FutureOnCaller, Persistence::NotPersisted));
    }
    let fits = "t".repeat(249);
    page.command(&Command::Send(send(20, Habit::Callback, &fits, "k", 1))).await?;
    let outcome = page.outcomes_of(20, 1).await?.remove(0);
    assert!(matches!(outcome.fate, Fate::Acked(_)), "249 characters are allowed: {outcome:?}");

    // 33: partitions that are not there.
    let mut far = send(21, Habit::Get, "orders", "k", 1);
    far.record.partition = Some(i32::MAX);
    page.command(&Command::Send(far)).await?;
    let Fate::Failed { error, .. } = page.outcomes_of(21, 1).await?.remove(0).fate else { panic!("accepted") };
    assert!(matches!(&error, ProducerError::MetadataTimeout { partition: Some((i32::MAX, 3)), .. }), "{error:?}");

    let mut negative = send(22, Habit::Get, "orders", "k", 1);
    negative.record.partition = Some(-2);
    page.command(&Command::Send(negative)).await?;
    let Fate::Failed { error, surface, .. } = page.outcomes_of(22, 1).await?.remove(0).fate else { panic!("accepted") };
    assert_eq!((error, surface), (ProducerError::NegativePartition(-2), Surface::Thrown));

    // 34: moments before 1970, and records of a byte too many.
    for timestamp in [-1, i64::MIN] {
        id += 100;
        let mut early = send(id, Habit::Get, "orders", "k", 1);
        early.record.timestamp_ms = Some(timestamp);
        page.command(&Command::Send(early)).await?;
        let Fate::Failed { error, .. } = page.outcomes_of(id, 1).await?.remove(0).fate else { panic!("accepted") };
        assert_eq!(error, ProducerError::NegativeTimestamp(timestamp));
    }

    // One byte above the largest value that fits max.request.size with an empty key and no headers.
    let mut large = send(23, Habit::Get, "orders", "", 1);
    large.record.key = None;
    large.record.value = Some(vec![0; 1_048_490].into());
    page.command(&Command::Send(large)).await?;
    let Fate::Failed { error, .. } = page.outcomes_of(23, 1).await?.remove(0).fate else { panic!("accepted") };
    assert_eq!(error, ProducerError::RecordTooLarge { size_bytes: 1_048_577, limit_bytes: 1_048_576 });

    let mut fitting = send(24, Habit::Get, "orders", "", 1);
    fitting.record.key = None;
    fitting.record.value = Some(vec![0; 1_048_489].into());
    page.command(&Command::Send(fitting)).await?;
    assert!(matches!(page.outcomes_of(24, 1).await?.remove(0).fate, Fate::Acked(_)));
    Ok(())
}

/// Row 34: as a foreign client reads it from the log.
#[tokio::test]
async fn row_34_null_and_empty_arrive_as_two_things() -> Result<()> {
    const SIDES: [(Option<&str>, Option<&str>); 5] =
        [(None, None), (None, Some("")), (Some(""), None), (Some(""), Some("")), (Some("k"), Some("v"))];
    const HEADERS: [(&str, Option<&str>); 5] = [
        ("twice", Some("first")),
        ("null", None),
        ("empty", Some("")),
        ("twice", Some("second")),
        ("", Some("no name")),
    ];
    let bytes = |side: Option<&str>| side.map(|side| Arc::from(side.as_bytes()));
    let bridge = serve(&[])?;
    let mut page = PageClient::joined(&bridge).await?;
    for (id, (key, value)) in (1..).zip(SIDES) {
        let mut command = send(id, Habit::Get, "orders", "", 1);
        command.record.partition = Some(0);
        (command.record.key, command.record.value) = (bytes(key), bytes(value));
        if id % 2 == 0 {
            let header = |(key, value): (&str, _)| HeaderSpec { key: key.into(), value: bytes(value) };
            command.record.headers = HEADERS.map(header).into();
        }
        page.command(&Command::Send(command)).await?;
        let Fate::Acked(metadata) = page.outcomes_of(id, 1).await?.remove(0).fate else { panic!("not acknowledged") };
        let size = |side: Option<&str>| side.map_or(-1, |side| i32::try_from(side.len()).expect("small"));
        assert_eq!((metadata.key_size, metadata.value_size), (size(key), size(value)));
    }
    let read = confluent::consume_with_headers(&bridge.bootstrap_servers(), "orders")?;
    let sides: Vec<_> = read.iter().map(|(record, _)| (record.key.as_deref(), record.value.as_deref())).collect();
    assert_eq!(sides, SIDES);
    for (place, (_, headers)) in (1..).zip(&read) {
        let headers: Vec<_> = headers.iter().map(|(key, value)| (key.as_str(), value.as_deref())).collect();
        assert_eq!(headers, if place % 2 == 0 { &HEADERS[..] } else { &[] }, "record {place}");
    }
    Ok(())
}

#[tokio::test]
async fn row_35_a_configuration_gets_the_java_clients_verdict_and_the_old_producer_stays() -> Result<()> {
    let bridge = serve(&[])?;
    let mut page = PageClient::joined(&bridge).await?;
    let pairs = |pairs: &[(&str, &str)]| pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();

    // Not silently switched off.
    for acks in ["0", "1"] {
        let properties = pairs(&[("acks", acks), ("enable.idempotence", "true")]);
        page.command(&Command::Configure { properties }).await?;
        let error = page
            .wait_for(|report| match report {
                Report::ConfigRefused { error } => Some(error),
                _ => None,
            })
            .await?;
        assert_eq!(
            &*error.message,
            "Must set acks to all in order to use the idempotent producer. Otherwise we cannot guarantee idempotence."
        );
    }
    for key in
        ["bootstrap.servers", "sasl.jaas.config", "ssl.truststore.location", "security.protocol", "partitioner.class"]
    {
        page.command(&Command::Configure { properties: pairs(&[(key, "x:1")]) }).await?;
        let keys = page
            .wait_for(|report| match report {
                Report::ConfigForbidden { keys } => Some(keys),
                _ => None,
            })
            .await?;
        assert_eq!(&*keys[0], key);
    }
    page.command(&Command::Send(send(1, Habit::Get, "orders", "user-42", 1))).await?;
    let outcome = page.outcomes_of(1, 1).await?.remove(0);
    assert!(matches!(outcome.fate, Fate::Acked(_)));
    Ok(())
}

#[tokio::test]
async fn a_repeated_send_id_gets_the_stored_result_and_another_content_is_refused() -> Result<()> {
    let bridge = serve(&[])?;
    let mut page = PageClient::joined(&bridge).await?;
    let command = Command::Send(send(7, Habit::Get, "orders", "user-42", 1));
    page.command(&command).await?;
    let first = page.outcomes_of(7, 1).await?;
    page.command(&command).await?;
    assert_eq!(page.outcomes_of(7, 1).await?, first);

    page.command(&Command::Send(send(7, Habit::Get, "orders", "dave", 1))).await?;
    let why = page
        .wait_for(|report| match report {
            Report::SendRefused { why, .. } => Some(why),
            _ => None,
        })
        .await?;
    assert_eq!(why, Refusal::IdReused);
    assert_eq!(kcat::consume_all(&bridge.bootstrap_servers(), "orders")?.len(), 1, "stored once");
    Ok(())
}

#[tokio::test]
async fn counts_out_of_bounds_are_refused_with_the_field_named() -> Result<()> {
    let bridge = serve(&[])?;
    let mut page = PageClient::joined(&bridge).await?;
    for count in [0, MAX_SEND_COUNT + 1, u32::MAX] {
        page.command(&Command::Send(send(1, Habit::Forget, "orders", "k", count))).await?;
        let why = page
            .wait_for(|report| match report {
                Report::SendRefused { why, .. } => Some(why),
                _ => None,
            })
            .await?;
        assert_eq!(why, Refusal::CountOutOfBounds { got: count, min: 1, max: MAX_SEND_COUNT });
    }
    Ok(())
}

#[tokio::test]
async fn rows_28_to_31_frames_that_are_no_commands() -> Result<()> {
    let bridge = serve(&[])?;
    // 28: text where binary is due.
    let mut page = PageClient::joined(&bridge).await?;
    page.frame(Message::text("{}")).await?;
    assert_eq!(page.closed().await?.map(|frame| u16::from(frame.code)), Some(1003));

    // 29, 30: bytes that are no command; the session goes on.
    let mut page = PageClient::joined(&bridge).await?;
    for frame in [vec![1, 250], vec![1], vec![1, 2, 0xff, 0xff, 0xff, 0xff, 0x0f], [1; 64].to_vec()] {
        let bytes = frame.len() as u64;
        page.frame(Message::binary(frame)).await?;
        let why = page.wait_for(|report| match report {
            Report::BadRequest(why) => Some(why),
            _ => None,
        });
        assert_eq!(why.await?, BadRequest::NotACommand { bytes });
    }
    // 30: no records, and an id for two different sends.
    let mut refusal = async |command: SendCommand| {
        page.command(&Command::Send(command)).await?;
        page.wait_for(|report| match report {
            Report::SendRefused { id, why } => Some((id, why)),
            _ => None,
        })
        .await
    };
    let (id, why) = refusal(send(3, Habit::Get, "orders", "user-42", 0)).await?;
    assert_eq!((id, why), (3, Refusal::CountOutOfBounds { got: 0, min: 1, max: MAX_SEND_COUNT }));
    let (_, why) = refusal(send(4, Habit::Get, &"t".repeat(1_001), "user-42", 1)).await?;
    assert_eq!(why, Refusal::TopicTooLong { bytes: 1_001, limit: 1_000 });
    page.command(&Command::Send(send(1, Habit::Get, "orders", "user-42", 1))).await?;
    page.outcomes_of(1, 1).await?;

    // 31: something else before hello, and no hello at all.
    let mut page = PageClient::open(&bridge).await?;
    page.command(&Command::Flush).await?;
    assert_eq!(page.closed().await?.map(|frame| u16::from(frame.code)), Some(1008));
    let mut page = PageClient::open(&bridge).await?;
    assert_eq!(page.closed().await?.map(|frame| u16::from(frame.code)), Some(1008));

    // Another version names both.
    let mut page = PageClient::joined(&bridge).await?;
    page.frame(Message::binary(vec![9, 0])).await?;
    let frame = page.closed().await?.expect("a close frame");
    assert!(u16::from(frame.code) == 4002 && frame.reason.contains('9') && frame.reason.contains('1'), "{frame:?}");

    // Too large a message.
    let mut page = PageClient::joined(&bridge).await?;
    page.frame(Message::binary(vec![0; 2 * 1024 * 1024 + 1])).await?;
    assert_eq!(page.closed().await?.map(|frame| u16::from(frame.code)), Some(1009));
    Ok(())
}
