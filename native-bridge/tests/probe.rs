//! A broker's address is probed before it is used: whatever answers there, the verdict comes in time and has a name.

use core::time::Duration;
use std::net::SocketAddr;

use kafka_producer::probe::{ClusterInfo, ProbeError, probe, probe_any};
use producer_core::ids::BrokerAddress;
use producer_core::protocol::ApiKey;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PATIENCE: Duration = Duration::from_secs(5);

fn named(address: SocketAddr) -> BrokerAddress {
    BrokerAddress { host: address.ip().to_string().into(), port: address.port() }
}

/// Probes a peer that plays its part on the one connection it accepts.
async fn probe_peer(patience: Duration, part: impl AsyncFnOnce(TcpStream)) -> Result<ClusterInfo, ProbeError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = named(listener.local_addr().expect("bound"));
    let peer = async {
        let (stream, _) = listener.accept().await.expect("probed");
        part(stream).await;
        core::future::pending().await
    };
    tokio::select! {
        verdict = probe(&address, patience) => verdict,
        () = peer => unreachable!("it waits"),
    }
}

/// Reads one request; returns its API, version and correlation id.
async fn request(stream: &mut TcpStream) -> (i16, i16, [u8; 4]) {
    let length = stream.read_u32().await.expect("a length");
    let mut request = vec![0; length as usize];
    stream.read_exact(&mut request).await.expect("a request");
    let number = |at: usize| i16::from_be_bytes([request[at], request[at + 1]]);
    (number(0), number(2), request[4..8].try_into().expect("four bytes"))
}

async fn answer_first_request_with(bytes: &'static [u8]) -> Result<ClusterInfo, ProbeError> {
    probe_peer(PATIENCE, async |mut stream| {
        request(&mut stream).await;
        stream.write_all(bytes).await.expect("written");
        stream.shutdown().await.expect("closed");
    })
    .await
}

#[tokio::test]
async fn where_nobody_listens_it_is_refused() {
    let address = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        named(listener.local_addr().expect("bound"))
    };
    let verdict = probe(&address, PATIENCE).await.expect_err("nobody listens");
    assert!(matches!(verdict, ProbeError::Refused { .. }), "{verdict}");
    assert!(verdict.to_string().contains(&address.to_string()), "{verdict}");
}

#[tokio::test]
async fn a_name_nobody_knows_is_unresolvable() {
    let address = BrokerAddress { host: "no-such-host.invalid".into(), port: 9092 };
    let verdict = probe(&address, PATIENCE).await;
    assert!(matches!(verdict, Err(ProbeError::Unresolvable { .. })), "{verdict:?}");
}

#[tokio::test]
async fn a_peer_that_says_nothing_is_silent_when_patience_is_over() {
    let patience = Duration::from_millis(100);
    let started = std::time::Instant::now();
    let verdict = probe_peer(patience, async |mut stream| {
        request(&mut stream).await;
        core::future::pending::<()>().await;
    })
    .await;
    assert_eq!(verdict, Err(ProbeError::Silent { patience }));
    assert!(started.elapsed() >= patience, "given up before its time");
}

#[tokio::test]
async fn a_peer_that_closes_without_a_word_is_not_kafka() {
    let verdict = answer_first_request_with(b"").await;
    assert!(matches!(verdict, Err(ProbeError::NotKafka { .. })), "{verdict:?}");
}

#[tokio::test]
async fn other_protocols_are_not_kafka() {
    for bytes in [
        &b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"[..],
        b"SSH-2.0-OpenSSH_9.2\r\n",
        &[0x15, 3, 3, 0, 2, 2, 50],
        &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1],
        &[0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 1],
        &[0, 0, 0, 0],
        &[0, 0, 0, 3, 0, 0, 0],
    ] {
        let verdict = answer_first_request_with(bytes).await;
        assert!(matches!(verdict, Err(ProbeError::NotKafka { .. })), "{bytes:?}: {verdict:?}");
    }
}

#[tokio::test]
async fn an_answer_to_another_request_is_not_kafka() {
    // ApiVersions v4: correlation id 99, no error, no APIs, no throttling, no tagged fields.
    let verdict = answer_first_request_with(&[0, 0, 0, 12, 0, 0, 0, 99, 0, 0, 1, 0, 0, 0, 0, 0]).await;
    assert!(matches!(verdict, Err(ProbeError::NotKafka { .. })), "{verdict:?}");
}

/// ApiVersions v0 with UNSUPPORTED_VERSION (35) and one row: ApiVersions itself (18), 0 to `max`.
fn unsupported_version(correlation: [u8; 4], max: u8) -> Vec<u8> {
    [&[0, 0, 0, 16][..], &correlation, &[0, 35], &[0, 0, 0, 1], &[0, 18, 0, 0, 0, max]].concat()
}

#[tokio::test]
async fn a_broker_that_names_a_lower_version_is_asked_again_in_that_one() {
    let mut asked = Vec::new();
    let verdict = probe_peer(PATIENCE, async |mut stream| {
        let (api, version, correlation) = request(&mut stream).await;
        asked.push((api, version));
        stream.write_all(&unsupported_version(correlation, 2)).await.expect("written");
        let (api, version, correlation) = request(&mut stream).await;
        asked.push((api, version));
        // v2: no error, no APIs, no throttling.
        let empty = [&[0, 0, 0, 14][..], &correlation, &[0, 0], &[0; 4], &[0; 4]].concat();
        stream.write_all(&empty).await.expect("written");
    })
    .await;
    assert_eq!(verdict, Err(ProbeError::UnsupportedVersion { api: ApiKey::Metadata }), "it named no APIs");
    assert_eq!(asked, [(18, 4), (18, 2)]);
}

#[tokio::test]
async fn a_broker_that_refuses_every_version_is_not_asked_for_ever() {
    let verdict = probe_peer(PATIENCE, async |mut stream| {
        for _ in 0..2 {
            let (_, _, correlation) = request(&mut stream).await;
            stream.write_all(&unsupported_version(correlation, 0)).await.expect("written");
        }
    })
    .await;
    assert_eq!(verdict, Err(ProbeError::UnsupportedVersion { api: ApiKey::ApiVersions }));
}

#[tokio::test]
async fn of_several_servers_each_verdict_is_told_when_none_answers() {
    let refused = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        named(listener.local_addr().expect("bound"))
    };
    let unknown = BrokerAddress { host: "no-such-host.invalid".into(), port: 9092 };
    let met = probe_any(&[refused.clone(), unknown.clone()], PATIENCE).await.expect_err("no broker");
    assert_eq!(met.iter().map(|(address, _)| address).collect::<Vec<_>>(), [&refused, &unknown]);
    assert!(matches!(met[0].1, ProbeError::Refused { .. }) && matches!(met[1].1, ProbeError::Unresolvable { .. }));
}
