//! What cannot work, typed into the page: a clear sentence each time, and nothing typed or acknowledged is lost.

use anyhow::{Context as _, Result, ensure};
use cross_tests::bridge::Bridge;
use cross_tests::page;
use cross_tests::peers::java::{self, Attempt};
use cross_tests::peers::kcat;
use cross_tests::screen::{Composed, Row, Score, Screen, Typed};
use futures_util::StreamExt as _;
use http::HeaderValue;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use xtask::kafka::free_row;

const HOSTILE: &str = "<img src=x onerror=alert(1)>";

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_bridge_leaves_what_is_out_unknown_and_nothing_is_sent_again() -> Result<()> {
    let brokers = Bridge::broker(&[])?;
    let servers = brokers.bootstrap_servers();
    let listen = format!("127.0.0.1:{}", free_row(1)?);
    let arguments = ["--bootstrap-servers", &servers, "--listen", &listen];
    let mut bridge = Bridge::serve(page::folder()?, &arguments)?;
    let screen = Screen::start().await?;
    screen.open(&bridge.address).await?;
    screen.browser().click("arm").await?;
    screen.send_record("get", &Composed::keyed("user-42", "acknowledged"), 2).await?;
    screen.wait_until_settled().await?;
    // These never leave the producer: their batch waits for company.
    screen.apply_settings("linger.ms=60000").await?;
    screen.send_record("callback", &Composed::keyed("user-42", "lost with the bridge"), 5).await?;
    screen.wait_until_ledger("send that waits", |rows| rows.iter().any(|row| row.state == "waiting")).await?;
    screen.browser().wait_for("stop").await?;

    bridge.kill();
    screen.wait_for_link(&["lost"]).await?;
    five_records_are_unknown_and_none_has_failed(&screen).await?;
    assert!(!screen.can_send().await?, "there is nobody to send to");
    assert!(screen.browser().texts("stop").await?.is_empty(), "and nobody to stop");
    what_is_said_is_what_is_shown_and_time_stands(&screen).await?;

    // A bridge comes back at the same place. It is not the one that the page knew.
    let next = Bridge::serve(page::folder()?, &arguments)?;
    wait_longer_than_a_bridge_keeps_a_session(&screen).await?;
    screen.wait_for_link(&["ended"]).await?;
    five_records_are_unknown_and_none_has_failed(&screen).await?;
    assert_eq!(screen.field("value").await?, "lost with the bridge", "what was typed is still there");
    assert_eq!(kcat::consume_all(&servers, "orders")?.len(), 2, "not sent again to whoever answers there");

    screen.connect(&next.address).await?;
    screen.wait_for_link(&["open"]).await?;
    screen.browser().click("arm").await?;
    assert_eq!(screen.field("value").await?, "lost with the bridge");
    screen.choose_mode("get").await?;
    screen.set_count(1).await?;
    screen.send().await?;
    screen.wait_until_settled().await?;
    assert_eq!(kcat::consume_all(&servers, "orders")?.len(), 3, "only what a person has sent");
    Ok(())
}

async fn what_is_said_is_what_is_shown_and_time_stands(screen: &Screen) -> Result<()> {
    let said = |texts: &[String]| texts.concat().contains("7 asked for, 2 acked, 0 waiting, 0 failed, 5 unknown.");
    let then = screen.browser().texts("clock").await?;
    screen.browser().wait_until_texts("said", said).await?;
    // Said at intervals: time enough for a clock that goes on.
    assert_eq!(screen.browser().texts("clock").await?, then);
    Ok(())
}

async fn five_records_are_unknown_and_none_has_failed(screen: &Screen) -> Result<()> {
    let records = |rows: &[Row], state: &str| {
        rows.iter().filter(|row| row.state == state).map(|row| row.count.unwrap_or(1)).sum::<u64>()
    };
    let rows = screen.wait_until_ledger("unknown records", |rows| records(rows, "unknown") == 5).await?;
    assert_eq!(["acked", "failed", "waiting"].map(|state| records(&rows, state)), [2, 0, 0], "{rows:#?}");
    let score = screen.score().await?;
    assert_eq!(score, Score { sent: 7, acked: 2, waiting: 0, failed: 0, unknown: 5, never: 0 });
    Ok(())
}

/// Two minutes, for a page that asks its clock.
async fn wait_longer_than_a_bridge_keeps_a_session(screen: &Screen) -> Result<()> {
    let script = "const now = performance.now.bind(performance); performance.now = () => now() + 121_000";
    screen.browser().client().execute(script, vec![]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kafka_refuses_stands_in_the_ledger_in_the_java_clients_words() -> Result<()> {
    let bridge = Bridge::serve(page::folder()?, &[])?;
    let servers = bridge.bootstrap_servers();
    let screen = Screen::start().await?;
    screen.open(&bridge.address).await?;
    // Long enough for a Java that has just been started to find its cluster.
    let properties = [("max.block.ms", "3000"), ("max.request.size", "300")];
    screen.apply_settings("max.block.ms=3000\nmax.request.size=300").await?;

    let (long, large) = ("t".repeat(250), "v".repeat(301));
    let attempt = |topic, partition, value| Attempt { topic, partition, key: "user-42", value };
    let attempts = [
        attempt("", "", "v"),
        attempt("..", "", "v"),
        attempt(&long, "", "v"),
        attempt("a/b", "", "v"),
        attempt(HOSTILE, "", "v"),
        attempt("orders", "9", "v"),
        attempt("orders", "", &large),
    ];
    let java = java::send_and_tell(&servers, &properties, &attempts)?;
    let classes: Vec<_> = java.iter().flatten().map(|met| met.class.as_str()).collect();
    let invalid = "InvalidTopicException";
    assert_eq!(classes, [invalid, invalid, invalid, invalid, invalid, "TimeoutException", "RecordTooLargeException"]);

    for (place, (attempt, met)) in attempts.iter().zip(&java).enumerate() {
        let met = met.as_ref().with_context(|| format!("Java refuses {attempt:?}"))?;
        let Attempt { topic, partition, key, value } = *attempt;
        let record = Composed { topic, partition, key: Typed::Text(key), value: Typed::Text(value) };
        screen.send_record("callback", &record, 1).await?;
        screen.wait_until_settled().await?;
        let rows = screen.wait_until_ledger("row for it", |rows| rows.len() == place + 1).await?;
        let row = &rows[0];
        assert_eq!((row.state.as_str(), row.topic.as_str()), ("failed", topic));
        assert_eq!((row.error.as_ref(), row.surface.as_ref()), (Some(&met.class), Some(&met.surface)), "{topic}");
        for said in [&met.class, &met.sentence] {
            ensure!(row.error_text.contains(said.as_str()), "{said:?} is not in {:?}", row.error_text);
        }
        for (field, typed) in [("topic", topic), ("partition", partition), ("key", key), ("value", value)] {
            assert_eq!(screen.field(field).await?, typed, "what was typed stays");
        }
    }
    let score = screen.score().await?;
    assert_eq!((score.sent, score.failed), (7, 7));

    markup_is_text(&screen).await?;
    assert_eq!(kcat::consume_all(&servers, "orders")?.len(), 1, "only the last one was stored");
    Ok(())
}

async fn markup_is_text(screen: &Screen) -> Result<()> {
    screen.send_record("get", &Composed::keyed(HOSTILE, HOSTILE), 1).await?;
    let rows = screen.wait_until_ledger("acknowledged row", |rows| rows[0].state == "acked").await?;
    assert_eq!(rows[0].key.as_deref(), Some(HOSTILE));
    assert!(screen.browser().texts("ledger-row").await?[0].contains(HOSTILE), "shown to the letter");
    let images = screen.browser().client().execute("return document.querySelectorAll('img[src=x]').length", vec![]);
    assert_eq!(images.await?, 0);
    assert!(screen.browser().client().get_alert_text().await.is_err(), "nothing has run");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_judged_before_they_are_applied() -> Result<()> {
    let bridge = Bridge::serve(page::folder()?, &[])?;
    let screen = Screen::start().await?;
    screen.open(&bridge.address).await?;

    let refused = [("acks", "1"), ("enable.idempotence", "true")];
    let java = java::send_and_tell(&bridge.bootstrap_servers(), &refused, &[])?;
    let java = java.first().and_then(Option::as_ref).context("Java refuses it, too")?;
    assert_eq!((java.surface.as_str(), java.class.as_str()), ("refused", "ConfigException"));
    let lines = "acks=1\nenable.idempotence=true";
    screen.write_settings(lines).await?;
    screen
        .browser()
        .wait_until_texts("settings-verdict", |texts| texts.iter().any(|text| text.contains(&java.sentence)))
        .await?;
    assert!(!screen.browser().wait_for("settings-apply").await?.is_enabled().await?);
    assert_eq!(screen.field("settings-text").await?.trim_end(), lines, "what was typed stays");

    // Misspelt keys are no reason to stop: Java only logs them.
    screen.write_settings("linger.mss=5").await?;
    screen
        .browser()
        .wait_until_texts("settings-notice", |texts| {
            texts.iter().any(|text| text.contains("linger.mss") && text.replace("linger.mss", "").contains("linger.ms"))
        })
        .await?;
    screen.apply_settings("linger.mss=5").await?;
    screen.send_record("get", &Composed::keyed("user-42", "still here"), 1).await?;
    assert_eq!(screen.wait_until_settled().await?.acked, 1);
    where_to_connect_is_not_the_pages_to_say(&screen).await
}

async fn where_to_connect_is_not_the_pages_to_say(screen: &Screen) -> Result<()> {
    screen.write_settings("bootstrap.servers=127.0.0.1:1").await?;
    let is_named = |texts: &[String]| texts.iter().any(|text| text.contains("bootstrap.servers"));
    screen.browser().wait_until_texts("settings-forbidden", is_named).await?;
    assert!(!screen.browser().wait_for("settings-apply").await?.is_enabled().await?);
    screen.browser().click("settings-close").await?;
    screen.send_record("get", &Composed::keyed("user-42", "where it was"), 1).await?;
    assert_eq!(screen.wait_until_settled().await?.acked, 2, "the producer stays as it was");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_leads_to_no_bridge_is_explained_and_kept() -> Result<()> {
    let server = page::StaticServer::start(page::folder()?)?;
    let bridge = Bridge::serve(page::folder()?, &["--allow-origin", &server.origin()])?;
    let screen = Screen::start().await?;
    screen.open(&server.origin()).await?;
    screen.browser().choose("speed", "max").await?;
    screen.compose(&Composed::keyed("user-42", "typed before")).await?;
    screen.set_count(2).await?;
    screen.send().await?;
    let before = screen.wait_until_settled().await?;
    assert_eq!((before.sent, before.acked), (2, 2));

    let token = "A".repeat(43);
    let mut explanations = Vec::new();
    for line in [
        "hello".to_owned(),
        HOSTILE.to_owned(),
        format!("http://{}", bridge.origin().trim_start_matches("http://")),
        format!("http://192.168.1.5:9094/#token={token}"),
        format!("http://kafka.example:9094/#token={token}"),
    ] {
        screen.connect(&line).await?;
        let explained = screen
            .browser()
            .wait_until_texts("connect-error", |texts| texts.iter().any(|text| text.split_whitespace().count() >= 3))
            .await?;
        assert_eq!(screen.field("connect-line").await?, line, "what was pasted stays");
        assert_eq!(screen.attribute("link", "data-state").await?, "in-page", "and the page goes on as it was");
        explanations.push(explained.concat());
    }
    assert_ne!(explanations[0], explanations[2], "a missing token is another mistake than no address");
    assert_ne!(explanations[2], explanations[3], "and an address elsewhere is a third one");

    // A wrong token, and a port where nobody listens: the world that is there is not given up for them.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    for (line, words) in [
        (format!("{}/#token={token}", bridge.origin()), "another token"),
        (format!("http://{nobody}/#token={token}"), "--allow-origin"),
    ] {
        screen.connect(&line).await?;
        let told = |texts: &[String]| texts.iter().any(|text| text.contains(words));
        screen.browser().wait_until_texts("connect-error", told).await?;
        assert_eq!(screen.attribute("link", "data-state").await?, "in-page");
        assert_eq!(screen.score().await?, before, "what was acknowledged stays");
        assert_eq!(screen.ledger().await?.len(), 2);
        assert!(screen.can_send().await?);
    }

    screen.browser().click("connect-close").await?;
    assert!(screen.browser().texts("link-trouble").await?.is_empty(), "who closes the dialog has read it");
    a_token_in_the_address_leaves_it_whole_or_cut(&screen).await?;

    screen.connect(&format!("playground: {}", bridge.address)).await?;
    screen.wait_for_link(&["open"]).await?;
    assert_eq!(screen.attribute("badge", "data-world").await?, "embedded");
    assert_eq!(screen.field("value").await?, "typed before");
    assert!(screen.browser().texts("connect-line").await?.is_empty(), "the dialog closes when it has done its work");
    let alerts = screen.browser().wait_until_texts("alert", |alerts| !alerts.is_empty()).await?;
    assert!(alerts[0].contains('2'), "it says how many records are no longer listed: {alerts:?}");
    screen.browser().click("alert-dismiss").await?;

    a_value_that_no_frame_holds_is_refused_in_the_page(&screen).await?;

    screen.browser().click("connect").await?;
    screen.browser().click("leave-bridge").await?;
    screen.wait_for_link(&["in-page"]).await?;
    assert_eq!(screen.attribute("badge", "data-world").await?, "in-page", "and there is a way back");
    assert_eq!(screen.field("value").await?, "typed before");
    Ok(())
}

/// The printed line, opened in the tab that shows the page already, and cut off while it was copied.
async fn a_token_in_the_address_leaves_it_whole_or_cut(screen: &Screen) -> Result<()> {
    screen.browser().client().execute("location.hash = 'token=cut-off'", vec![]).await?;
    let told = |alerts: &[String]| alerts.iter().any(|alert| alert.contains("#token="));
    screen.browser().wait_until_texts("alert", told).await?;
    assert_eq!(screen.browser().client().execute("return location.hash", vec![]).await?, "");
    screen.browser().click("alert-dismiss").await?;

    // Whole, but of no bridge: the page's own address is a file server's.
    let whole = format!("location.hash = 'token={}'", "A".repeat(43));
    screen.browser().client().execute(&whole, vec![]).await?;
    screen.browser().wait_until_texts("link-trouble", |texts| !texts.is_empty()).await?;
    assert_eq!(screen.browser().client().execute("return location.hash", vec![]).await?, "");
    assert_eq!(screen.attribute("link", "data-state").await?, "in-page");
    screen.browser().click("forget-trial").await?;
    screen.browser().wait_until_texts("link-trouble", <[String]>::is_empty).await?;
    Ok(())
}

/// Two mebibytes and one byte: the bridge would break the connection, again and again.
async fn a_value_that_no_frame_holds_is_refused_in_the_page(screen: &Screen) -> Result<()> {
    let typed = "const area = document.querySelector('[data-test-id=\"value\"]');
        area.value = 'x'.repeat(2 * 1024 * 1024 + 1);
        area.dispatchEvent(new InputEvent('input', { bubbles: true }));";
    screen.browser().client().execute(typed, vec![]).await?;
    screen.browser().click("send").await?;
    let alerts = screen.browser().wait_until_texts("alert", |alerts| !alerts.is_empty()).await?;
    assert!(alerts[0].contains("max.request.size"), "{alerts:?}");
    assert_eq!(screen.score().await?.sent, 0);
    assert_eq!(screen.attribute("link", "data-state").await?, "open", "and nothing was cut for it");
    assert_eq!(screen.field("value").await?.len(), 2 * 1024 * 1024 + 1, "what was typed stays");
    screen.browser().click("alert-dismiss").await?;
    screen.browser().type_into("value", "typed before").await?;
    screen.send().await?;
    assert_eq!(screen.wait_until_settled().await?.failed, 0);
    Ok(())
}

/// The page of a bridge that is no more comes from another address than the next bridge, which does not let it in.
#[tokio::test(flavor = "multi_thread")]
async fn from_the_page_of_a_bridge_that_is_gone_a_click_leads_to_the_page_of_the_next_one() -> Result<()> {
    let mut bridge = Bridge::serve(page::folder()?, &[])?;
    let screen = Screen::start().await?;
    screen.open(&bridge.address).await?;
    screen.send_record("get", &Composed::keyed("user-42", "seen here"), 1).await?;
    screen.wait_until_settled().await?;
    bridge.kill();
    screen.wait_for_link(&["lost"]).await?;

    let next = Bridge::serve(page::folder()?, &[])?;
    assert_ne!(next.port(), bridge.port());
    screen.connect(&next.address).await?;
    let command = format!("cargo xtask play --allow-origin {}", bridge.origin());
    let told = |texts: &[String]| texts.iter().any(|text| text.contains(&command));
    screen.browser().wait_until_texts("connect-error", told).await?;
    let html = screen.browser().client().execute("return document.documentElement.outerHTML", vec![]).await?;
    assert!(!html.to_string().contains(next.token()), "the way there is not to be copied");

    let client = screen.browser().client();
    let here = client.window().await?;
    screen.browser().click("connect-open").await?;
    let elsewhere = screen
        .wait_until("second window", async || Ok(client.windows().await?.into_iter().find(|window| *window != here)))
        .await?;
    client.switch_to_window(elsewhere).await?;
    screen.wait_for_link(&["open"]).await?;
    assert_eq!(screen.attribute("badge", "data-world").await?, "embedded");
    client.switch_to_window(here).await?;
    assert_eq!(screen.ledger().await?.len(), 1, "what was seen stays where it was");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::result_large_err, reason = "the library asks for this closure")]
async fn a_bridge_of_another_version_is_named_with_both_versions() -> Result<()> {
    // What a bridge of version 7 does with our hello.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let protocol = |_: &Request, mut response: Response| {
                response.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("kp.v1"));
                Ok(response)
            };
            let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, protocol).await else { continue };
            let _ = socket.next().await;
            let reason = "the page speaks version 1, the bridge version 7";
            let _ = socket.close(Some(CloseFrame { code: CloseCode::from(4002), reason: reason.into() })).await;
            while let Some(Ok(_)) = socket.next().await {}
        }
    });
    let (screen, _server) = page::by_itself().await?;
    screen.connect(&format!("http://{address}/#token={}", "A".repeat(43))).await?;
    let named = |texts: &[String]| texts.iter().any(|text| text.contains('1') && text.contains('7'));
    screen.browser().wait_until_texts("connect-error", named).await?;
    assert_eq!(screen.attribute("link", "data-state").await?, "in-page");
    Ok(())
}
