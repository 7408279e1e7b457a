//! HTTP to the byte: requests that no browser and no library would send.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::bridge::Bridge;

/// Patience for an answer; longer than the bridge's own for a request's head.
const PATIENCE: Duration = Duration::from_secs(15);

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body, if its length was told.
    pub body: String,
}

impl Answer {
    /// The value of a header that is there once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let value = values.next();
        if values.next().is_some() { None } else { value }
    }
}

/// Connects to the bridge.
///
/// # Errors
/// When nobody listens.
pub fn connect(bridge: &Bridge) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, bridge.port()))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Writes a request and reads one answer.
///
/// # Errors
/// When the connection ends without an answer.
pub fn exchange(bridge: &Bridge, request: &[u8]) -> Result<Answer> {
    let mut stream = connect(bridge)?;
    // Refused in mid-request, the rest of it cannot be written; the answer counts.
    let _ = stream.write_all(request);
    read_answer(&mut stream)
}

/// Reads one answer.
///
/// # Errors
/// When the connection ends without one.
pub fn read_answer(stream: &mut TcpStream) -> Result<Answer> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).with_context(|| format!("no answer but {:?}", String::from_utf8_lossy(&head)))?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head)?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("a status line")?.parse()?;
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut answer = Answer { status, headers, body: String::new() };
    if let Some(length) = answer.header("content-length") {
        let mut body = vec![0; length.parse()?];
        stream.read_exact(&mut body)?;
        answer.body = String::from_utf8_lossy(&body).into_owned();
    }
    Ok(answer)
}

/// A request's head, line by line.
#[derive(Clone, Debug)]
pub struct RequestHead {
    line: String,
    headers: Vec<(String, String)>,
}

impl RequestHead {
    /// `GET path` as a program on this machine sends it.
    pub fn get(bridge: &Bridge, path: &str) -> Self {
        let host = format!("127.0.0.1:{}", bridge.port());
        Self { line: format!("GET {path} HTTP/1.1"), headers: vec![("Host".into(), host)] }
    }

    /// The handshake of a page's WebSocket, with everything right.
    pub fn handshake(bridge: &Bridge) -> Self {
        Self::get(bridge, "/socket")
            .with("Connection", "Upgrade")
            .with("Upgrade", "websocket")
            .with("Sec-WebSocket-Version", "13")
            // The example of RFC 6455, section 1.3.
            .with("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
            .with("Sec-WebSocket-Protocol", &format!("kp.v1, kp.auth.{}", bridge.token()))
    }

    /// With another request line.
    #[must_use]
    pub fn line(mut self, line: &str) -> Self {
        line.clone_into(&mut self.line);
        self
    }

    /// With one more header, even if there is one of this name.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without headers of this name.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    /// With another value for a header.
    #[must_use]
    pub fn replacing(self, name: &str, value: &str) -> Self {
        self.without(name).with(name, value)
    }

    /// As it is written.
    pub fn bytes(&self) -> Vec<u8> {
        let headers: String = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("{}\r\n{headers}\r\n", self.line).into_bytes()
    }

    /// Sends it and reads the answer.
    ///
    /// # Errors
    /// As [`exchange`].
    pub fn exchange(&self, bridge: &Bridge) -> Result<Answer> {
        exchange(bridge, &self.bytes())
    }
}
