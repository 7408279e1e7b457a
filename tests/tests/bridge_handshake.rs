//! Who may talk to the bridge. The tests carry the numbers of the list of hostile handshakes that the bridge is held to.

use std::io::ErrorKind::{TimedOut, WouldBlock};
use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use anyhow::Result;
use cross_tests::bridge::Bridge;
use cross_tests::page;
use cross_tests::page_client::{PageClient, send};
use cross_tests::raw_http::{Answer, RequestHead, connect, exchange};
use producer_core::bridge::{Command, Habit, Report};
use xtask::workspace::Scratch;

/// For what ends by itself: only a bridge that waits for ever is waited for that long.
const PATIENCE: Duration = Duration::from_secs(60);

const CSP_OF_A_WASM_PAGE: [&str; 4] =
    ["default-src 'none'", "script-src 'self' 'wasm-unsafe-eval';", "frame-ancestors 'none'", "base-uri 'none'"];

fn serve(arguments: &[&str]) -> Result<Bridge> {
    Bridge::serve(page::small()?.path(), arguments)
}

fn status_with(bridge: &Bridge, name: &str, value: &str) -> Result<u16> {
    Ok(RequestHead::handshake(bridge).replacing(name, value).exchange(bridge)?.status)
}

fn status_of_a_page_with(bridge: &Bridge, name: &str, value: &str) -> Result<u16> {
    Ok(RequestHead::get(bridge, "/").replacing(name, value).exchange(bridge)?.status)
}

#[test]
fn the_right_handshake_is_answered_as_rfc_6455_says() -> Result<()> {
    let bridge = serve(&[])?;
    let answer = RequestHead::handshake(&bridge).exchange(&bridge)?;
    assert_eq!(answer.status, 101);
    assert_eq!(answer.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(answer.header("sec-websocket-protocol"), Some("kp.v1"), "and never the token");
    Ok(())
}

#[test]
fn row_01_to_06_foreign_origins_are_refused_however_local_they_look() -> Result<()> {
    let bridge = serve(&["--allow-origin", "http://127.0.0.1:8080"])?;
    let port = bridge.port();
    let own = ["127.0.0.1", "[::1]", "localhost"].map(|host| format!("http://{host}:{port}"));
    for allowed in own.iter().map(String::as_str).chain(["http://127.0.0.1:8080"]) {
        assert_eq!(status_with(&bridge, "Origin", allowed)?, 101, "{allowed}");
    }
    for foreign in [
        "https://evil.example".to_owned(),
        "null".to_owned(),
        format!("http://127.0.0.1:{}", port ^ 1),
        format!("http://192.168.1.5:{port}"),
        format!("http://localhost.evil.com:{port}"),
        format!("http://evil-localhost:{port}"),
        format!("http://127.0.0.1.nip.io:{port}"),
        format!("HTTP://LOCALHOST:{port}/"),
        format!("https://127.0.0.1:{port}"),
        format!("http://127.0.0.1:{port}/"),
        "http://127.0.0.1:80800".to_owned(),
        String::new(),
    ] {
        for _ in 0..2 {
            assert_eq!(status_with(&bridge, "Origin", &foreign)?, 403, "{foreign}: the same answer each time");
            assert_eq!(status_of_a_page_with(&bridge, "Origin", &foreign)?, 403, "{foreign}: nor the page");
        }
    }
    let twice = RequestHead::handshake(&bridge).with("Origin", &own[0]).with("Origin", "https://evil.example");
    assert_eq!(twice.exchange(&bridge)?.status, 403);
    Ok(())
}

#[test]
fn row_07_and_09_a_name_that_only_resolves_to_us_is_refused_even_with_the_token() -> Result<()> {
    let bridge = serve(&[])?;
    let port = bridge.port();
    for own in ["127.0.0.1", "[::1]", "localhost"] {
        assert_eq!(status_with(&bridge, "Host", &format!("{own}:{port}"))?, 101, "{own}");
    }
    for foreign in ["evil.test", "0.0.0.0", "127.1", "0x7f.1", "2130706433", "localhost.", "[::ffff:127.0.0.1]"] {
        let foreign = format!("{foreign}:{port}");
        assert_eq!(status_with(&bridge, "Host", &foreign)?, 403, "{foreign}");
        assert_eq!(status_of_a_page_with(&bridge, "Host", &foreign)?, 403, "{foreign}");
    }
    assert_eq!(status_with(&bridge, "Host", "127.0.0.1")?, 403, "without its port");
    Ok(())
}

#[test]
fn row_08_a_host_is_named_once() -> Result<()> {
    let bridge = serve(&[])?;
    let host = format!("127.0.0.1:{}", bridge.port());
    assert_eq!(RequestHead::handshake(&bridge).without("Host").exchange(&bridge)?.status, 400);
    assert_eq!(RequestHead::handshake(&bridge).with("Host", &host).exchange(&bridge)?.status, 400);
    let elsewhere = format!("GET http://evil.test:{}/socket HTTP/1.1", bridge.port());
    assert_eq!(RequestHead::handshake(&bridge).line(&elsewhere).exchange(&bridge)?.status, 400);
    Ok(())
}

#[test]
fn row_10_only_the_whole_token_opens_and_guessing_is_slowed_down() -> Result<()> {
    let bridge = serve(&[])?;
    let with_token = |token: &str| {
        RequestHead::handshake(&bridge)
            .replacing("Sec-WebSocket-Protocol", &format!("kp.v1, kp.auth.{token}"))
            .exchange(&bridge)
    };
    let token = bridge.token();
    assert_eq!(token.len(), 43, "256 bits in base64url");
    // Larger than any head may be: refused before it is looked at.
    assert_eq!(with_token(&"A".repeat(1 << 20))?.status, 431);

    let last_changed = if token.ends_with('A') { "B" } else { "A" };
    let almost = format!("{}{last_changed}", &token[..42]);
    assert_eq!(status_with(&bridge, "Sec-WebSocket-Protocol", "kp.v1")?, 403, "none");
    for wrong in ["", "wrong", &token[1..], &token[..42], &format!("{token}A"), &almost, &"A".repeat(43)] {
        assert_eq!(with_token(wrong)?.status, 403, "{wrong}");
    }
    for _ in 8..10 {
        assert_eq!(with_token("wrong")?.status, 403);
    }
    let slowed: Answer = with_token("wrong")?;
    assert_eq!((slowed.status, slowed.header("retry-after")), (429, Some("10")));
    assert_eq!(with_token(token)?.status, 101, "guessing does not lock the right page out");
    Ok(())
}

#[test]
fn a_page_that_may_talk_to_the_bridge_can_ask_whether_its_token_is_known() -> Result<()> {
    const ALLOWED: &str = "http://127.0.0.1:8080";
    let bridge = serve(&["--allow-origin", ALLOWED])?;
    let ask = |method: &str, token: &str| {
        RequestHead::get(&bridge, "/admission")
            .line(&format!("{method} /admission HTTP/1.1"))
            .with("Authorization", &format!("Bearer {token}"))
            .with("Origin", ALLOWED)
            .exchange(&bridge)
    };
    for (token, status) in [(bridge.token(), 204), ("of-an-earlier-start", 403), ("", 403)] {
        let answer = ask("GET", token)?;
        let readable_by = answer.header("access-control-allow-origin");
        assert_eq!((answer.status, readable_by), (status, Some(ALLOWED)), "{token}");
    }
    let before = ask("OPTIONS", "")?;
    assert_eq!((before.status, before.header("access-control-allow-headers")), (204, Some("authorization")));
    assert_eq!(ask("POST", bridge.token())?.status, 405);
    let foreign = RequestHead::get(&bridge, "/admission").with("Authorization", &format!("Bearer {}", bridge.token()));
    let foreign = foreign.with("Origin", "https://evil.example").exchange(&bridge)?;
    assert_eq!((foreign.status, foreign.header("access-control-allow-origin")), (403, None));
    Ok(())
}

#[test]
fn row_11_a_token_in_the_query_is_refused_with_its_right_place_named() -> Result<()> {
    let folder = Scratch::new("handshake")?;
    let log = folder.path().join("bridge.log");
    let bridge = Bridge::serve_logging_to(page::small()?.path(), &[], &log, "trace")?;
    let line = format!("GET /socket?token={} HTTP/1.1", bridge.token());
    for request in [RequestHead::handshake(&bridge), RequestHead::handshake(&bridge).without("Sec-WebSocket-Protocol")]
    {
        let answer = request.line(&line).exchange(&bridge)?;
        assert_eq!(answer.status, 403);
        assert!(answer.body.contains("behind the #"), "{}", answer.body);
    }
    assert_eq!(RequestHead::handshake(&bridge).exchange(&bridge)?.status, 101);
    let token = bridge.token().to_owned();
    bridge.stop(Duration::from_secs(20))?;
    let logged = std::fs::read_to_string(&log)?;
    assert!(logged.contains("refused a request") && !logged.contains(&token), "{logged}");
    Ok(())
}

#[tokio::test]
async fn what_a_page_sends_and_what_opens_the_bridge_reaches_no_log() -> Result<()> {
    let folder = Scratch::new("handshake")?;
    let log = folder.path().join("bridge.log");
    let bridge = Bridge::serve_logging_to(page::small()?.path(), &[], &log, "trace")?;
    let mut page = PageClient::open(&bridge).await?;
    page.hello(None).await?;
    page.command(&Command::Send(send(1, Habit::Get, "orders", "a-key-nobody-should-read", 1))).await?;
    page.outcomes_of(1, 1).await?;
    page.cut();
    let token = bridge.token().to_owned();
    bridge.stop(Duration::from_secs(20))?;
    let logged = std::fs::read_to_string(&log)?;
    assert!(logged.contains("connecting"), "debug lines are there: {logged}");
    // As text, and as Rust prints bytes.
    let bytes = format!("{:?}", b"a-key-nobody-should-read");
    for secret in [&token, "a-key-nobody", "value of 1", bytes.trim_matches(['[', ']'])] {
        assert!(!logged.contains(secret), "{secret} in {logged}");
    }
    Ok(())
}

#[test]
fn row_12_the_sub_protocol_must_be_ours() -> Result<()> {
    let bridge = serve(&[])?;
    assert_eq!(RequestHead::handshake(&bridge).without("Sec-WebSocket-Protocol").exchange(&bridge)?.status, 400);
    for unknown in ["chat", "kp.v2", "KP.V1"] {
        let protocols = format!("{unknown}, kp.auth.{}", bridge.token());
        assert_eq!(status_with(&bridge, "Sec-WebSocket-Protocol", &protocols)?, 400, "{unknown}");
    }
    Ok(())
}

#[test]
fn row_13_websocket_version_and_key_are_checked() -> Result<()> {
    let bridge = serve(&[])?;
    let old = RequestHead::handshake(&bridge).replacing("Sec-WebSocket-Version", "8").exchange(&bridge)?;
    assert_eq!((old.status, old.header("sec-websocket-version")), (426, Some("13")));
    for key in ["", "AAAA", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZSBvZiBtb3Jl", "!!!!!!!!!!!!!!!!!!!!!!=="] {
        assert_eq!(status_with(&bridge, "Sec-WebSocket-Key", key)?, 400, "{key}");
    }
    assert_eq!(RequestHead::handshake(&bridge).without("Upgrade").exchange(&bridge)?.status, 426);
    assert_eq!(RequestHead::get(&bridge, "/socket").exchange(&bridge)?.status, 426);
    Ok(())
}

#[test]
fn row_14_compression_is_offered_in_vain() -> Result<()> {
    let bridge = serve(&[])?;
    let offer = RequestHead::handshake(&bridge).with("Sec-WebSocket-Extensions", "permessage-deflate");
    let answer = offer.exchange(&bridge)?;
    assert_eq!((answer.status, answer.header("sec-websocket-extensions")), (101, None));
    Ok(())
}

#[test]
fn row_15_other_sites_can_neither_post_here_nor_embed_what_is_here() -> Result<()> {
    let bridge = serve(&[])?;
    let form = RequestHead::get(&bridge, "/")
        .line("POST / HTTP/1.1")
        .with("Origin", "https://evil.example")
        .with("Content-Type", "application/x-www-form-urlencoded")
        .with("Content-Length", "3");
    assert_eq!(exchange(&bridge, &[form.bytes(), b"a=b".to_vec()].concat())?.status, 403);
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let request = RequestHead::get(&bridge, "/").line(&format!("{method} / HTTP/1.1"));
        let answer = request.exchange(&bridge)?;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{method}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    let script = RequestHead::get(&bridge, "/app.wasm")
        .with("Sec-Fetch-Site", "cross-site")
        .with("Sec-Fetch-Mode", "no-cors")
        .with("Sec-Fetch-Dest", "script");
    assert_eq!(script.exchange(&bridge)?.status, 403);
    Ok(())
}

#[test]
fn row_15_everything_served_carries_the_headers_that_keep_other_sites_away() -> Result<()> {
    let bridge = serve(&[])?;
    for (path, status, media_type) in [
        ("/", 200, "text/html; charset=utf-8"),
        ("/index.html", 200, "text/html; charset=utf-8"),
        ("/app.wasm", 200, "application/wasm"),
        ("/absent", 404, "text/plain; charset=utf-8"),
        ("/../../etc/passwd", 404, "text/plain; charset=utf-8"),
        ("/%2e%2e/%2e%2e/etc/passwd", 404, "text/plain; charset=utf-8"),
        ("//etc/passwd", 404, "text/plain; charset=utf-8"),
        ("/socket", 426, "text/plain; charset=utf-8"),
    ] {
        let answer = RequestHead::get(&bridge, path).exchange(&bridge)?;
        assert_eq!((answer.status, answer.header("content-type")), (status, Some(media_type)), "{path}");
        for (name, value) in [
            ("cross-origin-resource-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        let policy = answer.header("content-security-policy").unwrap_or_default();
        for part in CSP_OF_A_WASM_PAGE {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe-inline"), "{policy}");
    }
    Ok(())
}

#[test]
fn row_16_heads_that_are_too_large_or_never_end_are_not_waited_for() -> Result<()> {
    let bridge = serve(&[])?;
    let many = (0..10_000).fold(RequestHead::get(&bridge, "/"), |head, n| head.with(&format!("X-{n}"), "x"));
    assert_eq!(many.exchange(&bridge)?.status, 431);
    let large = RequestHead::get(&bridge, "/").with("X-Large", &"x".repeat(1 << 20));
    assert_eq!(large.exchange(&bridge)?.status, 431);

    // 16 KiB to the byte are read, and one more is not.
    let sized = |bytes: usize| {
        let head = RequestHead::get(&bridge, "/").with("X-Large", "");
        let padding = bytes - head.bytes().len();
        head.replacing("X-Large", &"x".repeat(padding))
    };
    assert_eq!(sized(16 * 1024).bytes().len(), 16 * 1024);
    assert_eq!(sized(16 * 1024).exchange(&bridge)?.status, 200);
    assert_eq!(sized(16 * 1024 + 1).exchange(&bridge)?.status, 431);

    let began = Instant::now();
    let mut slow = connect(&bridge)?;
    slow.set_read_timeout(Some(PATIENCE))?;
    slow.write_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")?;
    // Closed with an answer or without one, when the five seconds for a head are over.
    let end = slow.read_to_end(&mut Vec::new());
    let is_waited_for = end.as_ref().is_err_and(|error| [WouldBlock, TimedOut].contains(&error.kind()));
    assert!(!is_waited_for, "after {PATIENCE:?}");
    assert!(began.elapsed() >= Duration::from_secs(5), "closed after {:?}", began.elapsed());
    assert_eq!(RequestHead::get(&bridge, "/").exchange(&bridge)?.status, 200, "others are served");
    Ok(())
}

#[test]
fn row_17_what_is_no_http_is_closed_with_one_line_in_the_log() -> Result<()> {
    // The first bytes of a TLS 1.2 ClientHello, and an ApiVersions v3 request as Kafka's clients begin.
    let client_hello = [&[0x16, 3, 1, 0, 0x5a, 1, 0, 0, 0x56, 3, 3][..], &[7; 80]].concat();
    let api_versions = [&[0, 0, 0, 20, 0, 18, 0, 3, 0, 0, 0, 1, 0, 4][..], b"kcat\0\x02a\x02b\0\0"].concat();
    for (name, bytes) in [("tls", client_hello), ("kafka", api_versions)] {
        let folder = Scratch::new("handshake")?;
        let log = folder.path().join("bridge.log");
        let bridge = Bridge::serve_logging_to(page::small()?.path(), &[], &log, "info")?;
        let before = std::fs::read_to_string(&log)?.lines().count();
        let mut stream = connect(&bridge)?;
        stream.write_all(&bytes)?;
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said);
        assert_eq!(RequestHead::get(&bridge, "/").exchange(&bridge)?.status, 200, "others are served");
        // Logged after the connection was closed, and the bridge is stopped before it is counted.
        let patience = Instant::now() + Duration::from_secs(10);
        while std::fs::read_to_string(&log)?.lines().count() == before && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(10));
        }
        drop(bridge);
        let logged = std::fs::read_to_string(&log)?;
        assert_eq!(logged.lines().count(), before + 1, "{name}: {logged}");
        assert!(!logged.contains("panicked"), "{logged}");
    }
    Ok(())
}

#[tokio::test]
async fn row_18_the_ninth_page_is_turned_away_and_the_first_eight_go_on() -> Result<()> {
    let bridge = serve(&[])?;
    let mut pages = Vec::new();
    for _ in 0..8 {
        let mut page = PageClient::open(&bridge).await?;
        page.hello(None).await?;
        pages.push(page);
    }
    let ninth = RequestHead::handshake(&bridge).exchange(&bridge)?;
    assert_eq!((ninth.status, ninth.header("retry-after")), (503, Some("10")));
    for page in &mut pages {
        page.command(&Command::Arm).await?;
        page.wait_for(|report| matches!(report, Report::Armed).then_some(())).await?;
    }
    assert_eq!(RequestHead::get(&bridge, "/").exchange(&bridge)?.status, 200, "files are served all the same");

    pages.remove(0).cut();
    let patience = Instant::now() + Duration::from_secs(10);
    while RequestHead::handshake(&bridge).exchange(&bridge)?.status != 101 {
        assert!(Instant::now() < patience, "a place that became free is given away");
    }
    Ok(())
}

#[tokio::test]
async fn row_18_one_origin_gets_half_of_the_places() -> Result<()> {
    let bridge = serve(&["--allow-origin", "http://127.0.0.1:8080"])?;
    let mut pages = Vec::new();
    for _ in 0..4 {
        pages.push(PageClient::open_with(&bridge, bridge.token(), &[("origin", "http://127.0.0.1:8080")]).await?);
    }
    assert_eq!(status_with(&bridge, "Origin", "http://127.0.0.1:8080")?, 503);
    assert_eq!(status_with(&bridge, "Origin", bridge.origin())?, 101);
    Ok(())
}
